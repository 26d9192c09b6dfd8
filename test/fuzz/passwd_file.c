/*
 * passwd-files: every line is either an entry, or nothing, or complained about;
 * what is found is what stands there.
 */
#include <assert.h>

#include "auth/passwd_file.h"
#include "fuzz.h"
#include "proto/address.h"

static bool
name_user(void *context, struct span user, struct arena *arena,
	struct passwd_entry *entry)
{
	struct address address;
	(void)context;
	if (address_parse(user, arena, &address) != ADDRESS_OK)
		return false;
	entry->name = arena_copy(arena, user);
	entry->domain = arena_copy(arena, address.domain);
	entry->written = entry->name;
	return true;
}

static void
complain(void *context, size_t line, struct span user, const char *reason)
{
	size_t *last = context;
	(void)user;
	assert(line > *last && reason[0] != '\0');
	*last = line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct passwd_entry *entry;
	size_t last = 0;
	bool has_hash = false;
	const struct passwd_reader reader = { name_user, complain, &last };
	struct passwd_file *file = passwd_file_new(span_of(data, size),
		&reader);
	for (size_t i = 0; (entry = passwd_file_get(file, i)) != NULL; i++) {
		assert(passwd_file_find(file, entry->name) == entry);
		assert(entry->hash.size == 0 || !entry->has_keys);
		assert(entry->has_password || entry->hash.size == 0);
		has_hash = has_hash || entry->hash.size > 0;
	}
	assert(passwd_file_has_keys(file) == !has_hash);
	passwd_file_free(&file);
	assert(file == NULL);
	return 0;
}
