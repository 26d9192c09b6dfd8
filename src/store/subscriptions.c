#include "store/subscriptions.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "proto/mutf7.h"
#include "store/name.h"
#include "store/store.h"

enum { FILE_LIMIT = 4 << 20 };

static const char with_tabs[] = "V\t2\n";

struct list {
	struct span *name;
	size_t count;
	bool has_tabs;
};

/* The name of a line; what is no modified UTF-7 is taken as it is. */
static bool
decode(struct span line, char separator, struct buffer *out)
{
	struct span level;
	buffer_clear(out);
	while (span_split(&line, separator, &level)) {
		if (level.size == 0)
			return false;
		if (out->size > 0)
			buffer_add_byte(out, '/');
		size_t size = out->size;
		if (mutf7_decode(out, level))
			continue;
		out->size = size;
		buffer_add(out, level);
	}
	return out->size > 0 && out->size <= STORE_NAME_LIMIT;
}

/* Maildirs of old have '/' where others have dots. */
static char
separator_of(const struct subscriptions *file, const struct list *list,
	struct span line)
{
	return list->has_tabs ? '\t' : span_find(line, '/') < line.size ?
		'/' : file->separator;
}

static int
read_text(const struct subscriptions *file, struct buffer *out,
	struct error *error)
{
	int fd = openat(file->directory, file->file,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_set_errno(error,
			"opening %s", file->file);
	int result = file_read_descriptor(fd, FILE_LIMIT, out, error);
	file_close(&fd);
	return result;
}

static int
read_list(const struct subscriptions *file, struct arena *arena,
	struct list *list, struct error *error)
{
	struct buffer text, name;
	struct span rest, line, normal;
	buffer_init(&text, 0);
	buffer_init(&name, 0);
	int result = read_text(file, &text, error);
	rest = buffer_span(&text);
	list->has_tabs = span_starts(rest, span_from(with_tabs));
	if (list->has_tabs)
		rest = span_skip(rest, sizeof(with_tabs) - 1);
	list->name = arena_new_array(arena, STORE_MAILBOX_LIMIT,
		sizeof(*list->name));
	while (result == 0 && list->count < STORE_MAILBOX_LIMIT &&
		span_split(&rest, '\n', &line))
		if (decode(line, separator_of(file, list, line), &name) &&
			name_normalise(buffer_span(&name), arena, &normal))
			list->name[list->count++] = arena_copy(arena, normal);
	buffer_fini(&text);
	buffer_fini(&name);
	return result;
}

static int
write_list(const struct subscriptions *file, const struct list *list,
	struct error *error)
{
	struct buffer text;
	buffer_init(&text, 0);
	if (list->has_tabs) {
		buffer_add_string(&text, with_tabs);
		buffer_add_byte(&text, '\n');
	}
	for (size_t i = 0; i < list->count; i++) {
		struct span rest = list->name[i], level;
		bool is_first = true;
		while (span_split(&rest, '/', &level)) {
			if (!is_first)
				buffer_add_byte(&text, list->has_tabs ? '\t' :
					file->separator);
			mutf7_encode(&text, level);
			is_first = false;
		}
		buffer_add_byte(&text, '\n');
	}
	int result = file_replace(file->directory, file->file,
		buffer_span(&text), 0600, error);
	buffer_fini(&text);
	return result;
}

int
subscriptions_read(const struct subscriptions *file, struct arena *arena,
	struct span **names, size_t *count, struct error *error)
{
	struct list list = { .count = 0 };
	int result = read_list(file, arena, &list, error);
	*names = list.name;
	*count = list.count;
	return result;
}

int
subscriptions_change(const struct subscriptions *file, struct span name,
	bool is_subscribed, struct error *error)
{
	struct list list = { .count = 0 };
	struct arena arena;
	size_t kept = 0;
	arena_init(&arena, 0);
	int result = read_list(file, &arena, &list, error);
	for (size_t i = 0; i < list.count; i++)
		if (!span_equals(list.name[i], name))
			list.name[kept++] = list.name[i];
	list.count = kept;
	if (is_subscribed && kept < STORE_MAILBOX_LIMIT)
		list.name[list.count++] = name;
	if (result == 0)
		result = write_list(file, &list, error);
	arena_fini(&arena);
	return result;
}
