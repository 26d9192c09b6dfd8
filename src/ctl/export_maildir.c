/*
 * An account as Maildir++. The name of a file says which message it is, so that a
 * second run passes over what is there; a message is written in tmp and linked
 * into cur whole. Keywords are letters by `dovecot-keywords`.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/memory.h"
#include "ctl/export.h"
#include "proto/imap_parse.h"
#include "proto/mutf7.h"

enum { KEYWORDS = 26, LIST_LIMIT = 1 << 20 };

struct export_maildir {
	struct export_sink sink;
	struct arena arena;
	char *path;
	/* the open folder */
	char *folder;			/* its directory */
	struct map there;		/* names up to ":" */
	uint32_t validity;
	int cur;
	struct span keyword[KEYWORDS];
	bool has_new_keywords;
};

/* "A/B.c" as ".A.B&AC4-c", INBOX as ".". */
static void
add_directory(struct buffer *out, struct span folder)
{
	struct span rest = folder, level, piece;
	if (span_equals(folder, SPAN("INBOX")))
		return;
	while (span_split(&rest, '/', &level)) {
		bool is_first = true;
		buffer_add_byte(out, '.');
		while (span_split(&level, '.', &piece)) {
			if (!is_first)
				buffer_add(out, SPAN("&AC4-"));
			mutf7_encode(out, piece);
			is_first = false;
		}
	}
}

static void
read_keywords(struct export_maildir *maildir)
{
	char path[PATH_MAX];
	struct buffer content;
	struct span rest, line, word;
	struct error ignored;
	uint64_t number;
	for (size_t i = 0; i < KEYWORDS; i++)
		maildir->keyword[i] = SPAN("");
	maildir->has_new_keywords = false;
	snprintf(path, sizeof(path), "%s/dovecot-keywords", maildir->folder);
	buffer_init(&content, 0);
	if (file_read_whole(AT_FDCWD, path, LIST_LIMIT, &content,
	    &ignored) < 0)
		buffer_clear(&content);
	rest = buffer_span(&content);
	while (span_split(&rest, '\n', &line))
		if (span_word(&line, &word) &&
		    span_to_number(word, KEYWORDS - 1, &number) &&
		    span_word(&line, &word))
			maildir->keyword[number] = arena_copy(&maildir->arena,
				word);
	buffer_fini(&content);
}

static void
read_names(struct export_maildir *maildir)
{
	static const char *const places[] = { "cur", "new" };
	char path[PATH_MAX];
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", maildir->folder,
			places[i]);
		DIR *directory = opendir(path);
		struct dirent *entry;
		while (directory != NULL &&
		    (entry = readdir(directory)) != NULL) {
			struct span name = span_from(entry->d_name);
			map_put(&maildir->there, span_first(name,
				span_find(name, ':')), maildir);
		}
		if (directory != NULL)
			closedir(directory);
	}
}

static int
open_folder(struct export_sink *sink, const struct transfer_folder *folder,
	struct error *error)
{
	struct export_maildir *maildir = (struct export_maildir *)sink;
	static const char *const parts[] = { "tmp", "new", "cur" };
	char path[PATH_MAX];
	struct buffer name;
	buffer_init(&name, 0);
	buffer_print(&name, "%s/", maildir->path);
	add_directory(&name, folder->name);
	maildir->folder = arena_copy_string(&maildir->arena,
		buffer_span(&name));
	buffer_fini(&name);
	maildir->validity = folder->validity;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", maildir->folder, parts[i]);
		if (file_make_directories(path, 0700, error) < 0)
			return -1;
	}
	file_close(&maildir->cur);
	maildir->cur = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (maildir->cur < 0)
		return error_set_errno(error, "opening %s", path);
	map_fini(&maildir->there);
	map_init(&maildir->there);
	read_names(maildir);
	read_keywords(maildir);
	return 0;
}

/* Sorted by name the messages stand in their order. */
static void
add_base(struct buffer *out, const struct export_maildir *maildir,
	const struct transfer_message *message)
{
	buffer_print(out, "%lld.V%uU%010u.posthouse",
		(long long)(message->date > 0 ? message->date : 0),
		maildir->validity, message->uid);
}

static bool
has(struct export_sink *sink, const struct transfer_message *message)
{
	struct export_maildir *maildir = (struct export_maildir *)sink;
	struct buffer name;
	buffer_init(&name, 0);
	add_base(&name, maildir, message);
	bool is_there = map_get(&maildir->there, buffer_span(&name)) != NULL;
	buffer_fini(&name);
	return is_there;
}

/* 0 for the 27th. */
static char
letter_of(struct export_maildir *maildir, struct span keyword)
{
	for (size_t i = 0; i < KEYWORDS; i++) {
		if (maildir->keyword[i].size == 0) {
			maildir->keyword[i] = arena_copy(&maildir->arena,
				keyword);
			maildir->has_new_keywords = true;
		}
		if (span_equals_nocase(maildir->keyword[i], keyword))
			return (char)('a' + i);
	}
	return 0;
}

static void
add_letters(struct buffer *out, struct export_maildir *maildir,
	const struct transfer_message *message)
{
	static const struct { uint32_t flag; char letter; } letters[] = {
		{ IMAP_FLAG_DRAFT, 'D' }, { IMAP_FLAG_FLAGGED, 'F' },
		{ IMAP_FLAG_ANSWERED, 'R' }, { IMAP_FLAG_SEEN, 'S' },
		{ IMAP_FLAG_DELETED, 'T' },
	};
	buffer_add(out, SPAN(":2,"));
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if ((message->flags & letters[i].flag) != 0)
			buffer_add_byte(out, letters[i].letter);
	for (size_t i = 0; i < message->keyword_count; i++) {
		char letter = letter_of(maildir, message->keyword[i]);
		if (letter != 0)
			buffer_add_byte(out, letter);
	}
}

static int
write_file(const char *path, struct span text, int64_t date,
	struct error *error)
{
	struct timespec times[2] = { { .tv_sec = date }, { .tv_sec = date } };
	struct buffer lines;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
		O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set_errno(error, "making %s", path);
	/* Files of a maildir have the line ends of Unix. */
	buffer_init(&lines, 0);
	while (text.size > 0) {
		size_t end = span_find(text, '\n');
		struct span line = span_first(text, end);
		if (end < text.size && line.size > 0 &&
		    line.data[line.size - 1] == '\r')
			line.size--;
		buffer_add(&lines, line);
		if (end < text.size)
			buffer_add_byte(&lines, '\n');
		text = span_skip(text, end + 1);
	}
	int result = file_write_all(fd, buffer_span(&lines), error);
	buffer_fini(&lines);
	if (result == 0 && futimens(fd, times) < 0)
		result = error_set_errno(error, "dating %s", path);
	file_close(&fd);
	return result;
}

static int
write_message(struct export_sink *sink, const struct transfer_message *message,
	struct span text, struct error *error)
{
	struct export_maildir *maildir = (struct export_maildir *)sink;
	char temporary[PATH_MAX];
	struct buffer name;
	buffer_init(&name, 0);
	buffer_print(&name, "%s/cur/", maildir->folder);
	add_base(&name, maildir, message);
	snprintf(temporary, sizeof(temporary), "%s/tmp/%s", maildir->folder,
		strrchr(buffer_string(&name), '/') + 1);
	add_letters(&name, maildir, message);
	int result = write_file(temporary, text, message->date, error);
	if (result == 0 && rename(temporary, buffer_string(&name)) < 0)
		result = error_set_errno(error, "renaming %s", temporary);
	buffer_fini(&name);
	return result;
}

static int
write_keywords(struct export_maildir *maildir, struct error *error)
{
	char path[PATH_MAX];
	struct buffer list;
	buffer_init(&list, 0);
	for (size_t i = 0; i < KEYWORDS; i++)
		if (maildir->keyword[i].size > 0)
			buffer_print(&list, "%zu %.*s\n", i,
				SPAN_PRINT(maildir->keyword[i]));
	snprintf(path, sizeof(path), "%s/dovecot-keywords", maildir->folder);
	int result = file_replace(AT_FDCWD, path, buffer_span(&list), 0600,
		error);
	buffer_fini(&list);
	maildir->has_new_keywords = false;
	return result;
}

/* A whole batch by one sync of the file system, not one each. */
static int
sync_folder(struct export_sink *sink, struct error *error)
{
	struct export_maildir *maildir = (struct export_maildir *)sink;
	if (maildir->has_new_keywords && write_keywords(maildir, error) < 0)
		return -1;
	return file_sync_all(maildir->cur, error);
}

static int
subscribe(struct export_sink *sink, const struct transfer_folder *folders,
	size_t count, struct error *error)
{
	struct export_maildir *maildir = (struct export_maildir *)sink;
	char path[PATH_MAX];
	struct buffer list, name;
	buffer_init(&list, 0);
	buffer_init(&name, 0);
	for (size_t i = 0; i < count; i++) {
		if (!folders[i].is_subscribed)
			continue;
		buffer_clear(&name);
		add_directory(&name, folders[i].name);
		buffer_print(&list, "%s\n", name.size > 0 ?
			buffer_string(&name) + 1 : "INBOX");
	}
	snprintf(path, sizeof(path), "%s/subscriptions", maildir->path);
	int result = file_replace(AT_FDCWD, path, buffer_span(&list), 0600,
		error);
	buffer_fini(&list);
	buffer_fini(&name);
	return result;
}

static void
close_sink(struct export_sink **sink)
{
	struct export_maildir *maildir = (struct export_maildir *)*sink;
	file_close(&maildir->cur);
	map_fini(&maildir->there);
	arena_fini(&maildir->arena);
	memory_free(maildir);
	*sink = NULL;
}

static const struct export_sink_functions functions = {
	open_folder, has, write_message, sync_folder, subscribe, close_sink,
};

struct export_sink *
export_maildir_open(const char *path, struct error *error)
{
	struct export_maildir *maildir = memory_new(sizeof(*maildir));
	struct export_sink *sink = &maildir->sink;
	sink->call = &functions;
	arena_init(&maildir->arena, 0);
	map_init(&maildir->there);
	maildir->cur = -1;
	maildir->path = arena_copy_string(&maildir->arena, span_from(path));
	if (file_make_directories(path, 0700, error) < 0)
		close_sink(&sink);
	return sink;
}
