/*
 * mail_location and the names of users: the first line is the parameter, the
 * second a name, the third a home. Whatever they are, a path begins at the root
 * and nothing in it leads up.
 */
#include <assert.h>

#include "fuzz.h"
#include "proto/mail_location.h"

static void
expand(struct span pattern, struct span name, struct span home)
{
	const struct mail_location_user user = { name, SPAN(""), home };
	struct arena arena;
	struct error error;
	struct span rest, part;
	const char *path;
	arena_init(&arena, 0);
	if (mail_location_expand(pattern, &user, &arena, &path, &error) == 0) {
		rest = span_from(path);
		assert(path[0] == '/' &&
			rest.size <= MAIL_LOCATION_PATH_LIMIT * 2);
		while (span_split(&rest, '/', &part))
			assert(!span_equals(part, SPAN("..")) &&
				!span_equals(part, SPAN(".")));
	}
	arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), text, name, home = { 0 };
	struct mail_location location;
	struct error error;
	if (!span_split(&rest, '\n', &text) || !span_split(&rest, '\n', &name))
		return 0;
	span_split(&rest, '\n', &home);
	if (mail_location_parse(text, &location, &error) < 0)
		return 0;
	if (location.directory.size > 0)
		expand(location.directory, name, home);
	if (location.inbox.size > 0)
		expand(location.inbox, name, home);
	return 0;
}
