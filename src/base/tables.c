/* See tables.h. Runs in master; it parses nothing but the list itself. */
#include "base/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/state_file.h"

enum { TABLE_LIMIT = 64 << 20 };	/* bytes of one table */

/* Of a pipe nobody knows when it ends, or whether anybody writes to it. */
static int
read_table(const char *path, struct buffer *text, struct error *error)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status) < 0) {
		error_set_errno(error, "opening %s", path);
		file_close(&fd);
		return -1;
	}
	int result = S_ISFIFO(status.st_mode) ? error_set(error, ERROR_USAGE,
		"found a pipe, expected a file") :
		file_read_descriptor(fd, TABLE_LIMIT, text, error);
	file_close(&fd);
	return result < 0 ? error_wrap(error, "%s", path) : 0;
}

/* "hash:/path": a line "TYPE PATH SIZE", then the bytes. */
static int
add_table(struct span item, struct buffer *out, struct error *error)
{
	struct buffer path, text;
	struct span type = SPAN("texthash"), whole = item;
	size_t colon = span_find(item, ':');
	if (colon < span_find(item, '/')) {
		type = span_first(item, colon);
		item = span_skip(item, colon + 1);
	}
	if (item.size == 0)
		return error_set(error, ERROR_USAGE, "found \"%.*s\", expected "
			"a file behind the colon", SPAN_PRINT(whole));
	buffer_init(&path, 0);
	buffer_init(&text, 0);
	buffer_add(&path, item);
	int result = read_table(buffer_string(&path), &text, error);
	if (result == 0) {
		buffer_print(out, "%.*s %.*s %zu\n", SPAN_PRINT(type),
			SPAN_PRINT(item), text.size);
		buffer_add(out, buffer_span(&text));
	}
	buffer_fini(&path);
	buffer_fini(&text);
	return result;
}

/* A list of tables becomes one file in memory. */
static int
open_list(const struct config *config, const char *parameter,
	struct error *error)
{
	struct span rest = span_from(config_text(config, parameter)), item;
	struct buffer all;
	int fd = 0;
	buffer_init(&all, 0);
	while (fd == 0 && config_next_item(&rest, &item))
		fd = add_table(item, &all, error);
	if (fd == 0)
		fd = file_open_memory(parameter, buffer_span(&all), error);
	else
		error_wrap(error, "%s", parameter);
	buffer_fini(&all);
	return fd;
}

/* Who only reads it can do no more through its descriptor. */
static int
open_state(const char *path, const struct program_file *file,
	struct error *error)
{
	int fd = state_file_open(path, error);
	if (fd >= 0 && file->is_read_only) {
		file_close(&fd);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
		if (fd < 0)
			error_set_errno(error, "opening %s", path);
	}
	return fd < 0 ? error_wrap(error, "%s", file->parameter) : fd;
}

int
tables_open(const struct config *config, const struct program_file *file,
	struct error *error)
{
	const char *path = config_path(config, file->parameter);
	struct span list = span_from(config_text(config, file->parameter));
	*error = (struct error){ .code = ERROR_NONE };
	if (file->is_tables && span_trim(list).size > 0)
		return open_list(config, file->parameter, error);
	if (path[0] == '\0' || file->is_tables)
		return -1;
	if (file->is_state)
		return open_state(path, file, error);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && (errno != ENOENT || !file->is_optional))
		error_set_errno(error, "%s: opening %s", file->parameter,
			path);
	return fd;
}
