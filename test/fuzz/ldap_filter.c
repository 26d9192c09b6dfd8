/*
 * FILE of `ldap:FILE`, and filters filled in: in what is filled in, no byte of a
 * name is one that means something in a filter (RFC 4515 3).
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "ldap/filter.h"
#include "ldap/settings.h"

static size_t
count(struct span text, char c)
{
	size_t result = 0;
	for (size_t i = 0; i < text.size; i++)
		result += text.data[i] == c;
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct ldap_settings settings;
	struct error error;
	struct span all = span_of(data, size);
	arena_init(&arena, 0);
	if (ldap_settings_read(all, "f", &arena, &settings, &error) == 0) {
		struct span filter = settings.pass_filter;
		struct span filled = filter_fill(filter, all, all, all, &arena);
		assert(strlen(filled.data) == filled.size);
		assert(count(filled, '(') == count(filter, '('));
		assert(count(filled, ')') == count(filter, ')'));
		assert(count(filled, '*') == count(filter, '*'));
		assert(settings.server_count > 0 && settings.base != NULL);
	} else {
		assert(strncmp(error.text, "f", 1) == 0);
	}
	arena_fini(&arena);
	return 0;
}
