/* See forward.h. */
#include "pipe/forward.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/owned_file.h"
#include "proto/aliases.h"

enum { DETAIL_LIMIT = 64 };

/* One reading of one file and what it includes. */
struct reading {
	const struct pipe_delivery *delivery;
	struct arena *arena;
	struct error *error;
	struct span suffix;		/* of .forward, "+detail" or empty */
	struct buffer lines;		/* but for the last */
	size_t targets;
	unsigned programs;
	bool has_mailbox;
};

int
forward_open_home(const struct pipe *pipe, struct error *error)
{
	struct stat status;
	int fd = open(pipe->home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, "opening %s", pipe->home);
	if (fstat(fd, &status) < 0)
		error_set_errno(error, "looking at %s", pipe->home);
	else if ((status.st_uid != 0 && status.st_uid != pipe->uid) ||
		(status.st_mode & S_IWOTH) != 0)
		error_set(error, ERROR_USAGE, "found that %s belongs to uid "
			"%u (mode %03o), expected a home that nobody else "
			"writes to", pipe->home, (unsigned)status.st_uid,
			(unsigned)status.st_mode & 0777);
	else
		return fd;
	file_close(&fd);
	return -1;
}

/* ---- targets ---- */

/* He names himself: by his name, or by the address at hand. */
static bool
is_himself(const struct reading *reading, struct span text)
{
	return span_equals_nocase(text,
		span_from(reading->delivery->pipe->user)) ||
		span_equals_nocase(text,
		reading->delivery->recipient->address);
}

/* A name alone is of the domain where his own address is. */
static void
add_address(struct reading *reading, struct span text)
{
	const struct span domain =
		reading->delivery->recipient->rcpt.path.domain;
	bool is_bare = span_find(text, '@') == text.size;
	if (is_himself(reading, text))
		reading->has_mailbox = true;
	else
		buffer_print(&reading->lines, "251-2.1.5 address %.*s%s%.*s"
			"\r\n", SPAN_PRINT(text), is_bare ? "@" : "",
			SPAN_PRINT(is_bare ? domain : SPAN("")));
}

static int
read_targets(struct reading *reading, const char *path, int fd,
	unsigned depth);

/* With his rights, so that nobody's list is read who does not let him. */
static int
include(struct reading *reading, struct span text, unsigned depth)
{
	const char *path = arena_copy_string(reading->arena, text);
	if (depth == FORWARD_DEPTH)
		return error_set(reading->error, ERROR_USAGE, "found "
			":include:%s within %d others, expected that files "
			"do not include themselves", path, FORWARD_DEPTH);
	int fd = owned_file_open(path, reading->delivery->pipe->uid,
		reading->error);
	if (fd < 0)
		return -1;
	int result = read_targets(reading, path, fd, depth + 1);
	file_close(&fd);
	return result;
}

static int
add_target(struct reading *reading, const char *path,
	const struct alias_target *target, unsigned depth)
{
	if (reading->targets++ == FORWARD_TARGETS)
		return error_set(reading->error, ERROR_USAGE, "%s:%u: found "
			"more than %d targets, expected fewer", path,
			target->line, FORWARD_TARGETS);
	switch (target->kind) {
	case ALIAS_INCLUDE:
		return include(reading, target->text, depth);
	case ALIAS_PROGRAM:
	case ALIAS_FILE:
		if (depth > 0)
			return error_set(reading->error, ERROR_USAGE, "%s:%u: "
				"found a program or a file, expected addresses "
				"in what is included", path, target->line);
		buffer_print(&reading->lines, "251-2.1.5 program %u ",
			reading->programs++);
		smtp_xtext_encode(&reading->lines, reading->suffix);
		buffer_add_string(&reading->lines, "\r\n");
		return 0;
	default:
		add_address(reading, target->text);
		return 0;
	}
}

static int
read_targets(struct reading *reading, const char *path, int fd, unsigned depth)
{
	struct alias_parser parser;
	struct alias_entry entry;
	struct buffer text;
	int found;
	buffer_init(&text, 0);
	if (file_read_descriptor(fd, FORWARD_LIMIT, &text,
		reading->error) < 0) {
		buffer_fini(&text);
		return error_wrap(reading->error, "%s", path);
	}
	aliases_init(&parser, path, arena_copy(reading->arena,
		buffer_span(&text)));
	buffer_fini(&text);
	while ((found = aliases_next_included(&parser, reading->arena, &entry,
		reading->error)) == 1)
		for (size_t i = 0; i < entry.count; i++)
			if (add_target(reading, path, &entry.target[i],
				depth) < 0)
				return -1;
	return found;
}

/* ---- the file ---- */

/* 1: read; 0: it is not there; -1: it cannot be used. */
static int
read_one(struct reading *reading, int home, struct span suffix)
{
	const char *name = arena_copy_string(reading->arena, arena_print(
		reading->arena, ".forward%.*s", SPAN_PRINT(suffix)));
	reading->suffix = suffix;
	int fd = owned_file_open_at(home, name, reading->delivery->pipe->uid,
		reading->error);
	if (fd < 0)
		return reading->error->number == ENOENT ? 0 : -1;
	int result = read_targets(reading, name, fd, 0);
	file_close(&fd);
	return result < 0 ? -1 : 1;
}

/* What follows his name, the delimiter too, as the name of a file. */
static struct span
suffix_of(const struct pipe_delivery *delivery)
{
	struct span local = delivery->recipient->rcpt.path.local;
	struct span base, detail;
	if (!address_split_detail(local, delivery->pipe->delimiters, &base,
		&detail) || detail.size > DETAIL_LIMIT)
		return SPAN("");
	for (size_t i = 0; i < detail.size; i++)
		if (detail.data[i] == '/' || (unsigned char)detail.data[i] <=
			' ')
			return SPAN("");
	return span_skip(local, base.size);
}

static int
read_first(struct reading *reading)
{
	struct span suffix = suffix_of(reading->delivery);
	int home = forward_open_home(reading->delivery->pipe, reading->error);
	if (home < 0)
		return -1;
	int found = suffix.size == 0 ? 0 : read_one(reading, home, suffix);
	if (found == 0)
		found = read_one(reading, home, SPAN(""));
	file_close(&home);
	return found;
}

/* Does the disk not answer, or is it the file that is wrong? */
static bool
is_passing(const struct error *error)
{
	return error->number == EIO || error->number == EAGAIN ||
		error->number == EMFILE || error->number == ENFILE ||
		error->number == ENOMEM || error->number == ESTALE ||
		error->number == ETIMEDOUT;
}

int
forward_answer(const struct pipe_delivery *delivery, struct buffer *lines,
	struct error *error)
{
	struct reading reading = { .delivery = delivery, .error = error,
		.arena = &delivery->transaction->arena };
	buffer_init(&reading.lines, 0);
	int found = read_first(&reading);
	if (found < 0 && is_passing(error)) {
		buffer_fini(&reading.lines);
		error->code = ERROR_LATER;
		return -1;
	}
	if (found > 0 && reading.lines.size > 0)
		buffer_add(lines, buffer_span(&reading.lines));
	/* A file without targets, or that cannot be used: nothing is lost. */
	if (found <= 0 || reading.has_mailbox || reading.lines.size == 0)
		buffer_add_string(lines, "251-2.1.5 mailbox\r\n");
	buffer_add_string(lines, "251 2.1.5 Forwarded\r\n");
	buffer_fini(&reading.lines);
	if (found < 0)
		error->code = ERROR_USAGE;
	return found < 0 ? -1 : 0;
}
