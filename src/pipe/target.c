/* See target.h. */
#include "pipe/target.h"

#include <sys/stat.h>

#include "base/config.h"
#include "base/file.h"
#include "base/owned_file.h"
#include "pipe/forward.h"

enum { KEY_LIMIT = 128 };

/* Looking for one in one file. */
struct search {
	struct arena *arena;
	struct span key;
	unsigned index;
	struct pipe_target *target;
	struct error *error;
};

static int
read_file(struct search *search, int fd, size_t limit, struct span *text)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	int result = file_read_descriptor(fd, limit, &bytes, search->error);
	if (result == 0)
		*text = arena_copy(search->arena, buffer_span(&bytes));
	buffer_fini(&bytes);
	return result;
}

/* 1: it is among these; *passed counts the programs and files before. */
static int
find_in(struct search *search, const struct alias_entry *entry,
	unsigned *passed)
{
	for (size_t i = 0; i < entry->count; i++) {
		const struct alias_target *target = &entry->target[i];
		if (target->kind != ALIAS_PROGRAM &&
			target->kind != ALIAS_FILE)
			continue;
		if ((*passed)++ != search->index)
			continue;
		search->target->kind = target->kind;
		search->target->text = target->text;
		return 1;
	}
	return 0;
}

/* ---- alias_maps ---- */

static int
changed(struct search *search, const char *path)
{
	return error_set(search->error, ERROR_LATER, "%s: %.*s has no program "
		"or file number %u: run newaliases", path,
		SPAN_PRINT(search->key), search->index + 1);
}

/* 1: the name stands here (the target is found, or -1), 0: it does not. */
static int
search_aliases(struct search *search, const char *path, int fd)
{
	struct alias_parser parser;
	struct alias_entry entry;
	struct span text;
	unsigned passed = 0;
	int found;
	if (read_file(search, fd, ALIASES_FILE_LIMIT, &text) < 0)
		return -1;
	aliases_init(&parser, path, text);
	while ((found = aliases_next(&parser, search->arena, &entry,
		search->error)) == 1)
		if (span_equals_nocase(entry.name, search->key))
			return find_in(search, &entry, &passed) == 1 ? 1 :
				changed(search, path);
	return found;
}

/* Root's files are for default_privs alone, everybody else's for himself: so
 * whoever asks cannot have one's programs run by another. */
static int
check_owner(const struct pipe *pipe, const char *path, int fd,
	struct error *error)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return error_set_errno(error, "looking at %s", path);
	uint32_t uid = status.st_uid == 0 ? pipe->default_uid :
		status.st_uid;
	return uid == pipe->uid ? 0 : error_set(error, ERROR_REFUSED,
		"%s belongs to uid %u, whose programs do not run as uid %u: "
		"run newaliases", path, (unsigned)status.st_uid, pipe->uid);
}

static int
find_alias(const struct pipe *pipe, struct search *search)
{
	struct span rest = span_from(pipe->alias_maps), item;
	while (config_next_item(&rest, &item)) {
		size_t colon = span_find(item, ':');
		if (colon < span_find(item, '/'))
			item = span_skip(item, colon + 1);
		const char *path = arena_copy_string(search->arena, item);
		int fd = owned_file_open(path, pipe->uid, search->error);
		if (fd < 0)
			return -1;
		int found = search_aliases(search, path, fd);
		if (found == 1 && check_owner(pipe, path, fd,
			search->error) < 0)
			found = -1;
		file_close(&fd);
		if (found != 0)
			return found == 1 ? 0 : -1;
	}
	return changed(search, "alias_maps");
}

/* ---- .forward ---- */

static int
search_forward(struct search *search, const char *name, int fd)
{
	struct alias_parser parser;
	struct alias_entry entry;
	struct span text;
	unsigned passed = 0;
	int found;
	if (read_file(search, fd, FORWARD_LIMIT, &text) < 0)
		return -1;
	aliases_init(&parser, name, text);
	while ((found = aliases_next_included(&parser, search->arena, &entry,
		search->error)) == 1)
		if (find_in(search, &entry, &passed) == 1)
			return 0;
	return found < 0 ? -1 : error_set(search->error, ERROR_LATER,
		"%s has changed: it has no program or file number %u", name,
		search->index + 1);
}

static int
find_forward(const struct pipe *pipe, struct search *search)
{
	struct span name = arena_print(search->arena, ".forward%.*s",
		SPAN_PRINT(search->key));
	if (span_find(name, '/') < name.size)
		return error_set(search->error, ERROR_REFUSED,
			"the key %.*s has a slash", SPAN_PRINT(search->key));
	int home = forward_open_home(pipe, search->error);
	if (home < 0)
		return -1;
	int fd = owned_file_open_at(home, name.data, pipe->uid,
		search->error);
	file_close(&home);
	if (fd < 0)
		return -1;
	int result = search_forward(search, name.data, fd);
	file_close(&fd);
	return result;
}

int
target_find(const struct pipe *pipe, const struct smtp_rcpt *rcpt,
	struct arena *arena, struct pipe_target *target, struct error *error)
{
	struct buffer key;
	struct search search = { .arena = arena, .index = rcpt->program,
		.target = target, .error = error };
	buffer_init(&key, 0);
	smtp_xtext_decode(&key, rcpt->key);
	search.key = arena_copy(arena, buffer_span(&key));
	buffer_fini(&key);
	target->directory = rcpt->is_forward ? pipe->home : "/";
	if (search.key.size > KEY_LIMIT)
		return error_set(error, ERROR_REFUSED, "the key is too long");
	return rcpt->is_forward ? find_forward(pipe, &search) :
		find_alias(pipe, &search);
}
