/*
 * A Maildir++ as a source: INBOX in the directory itself, folders in ".A.B"
 * below it, names in modified UTF-7. Flags are letters of the file's name,
 * small ones keywords by `dovecot-keywords`; order is that of
 * `dovecot-uidlist`, else of arrival. Files are only read, and links not followed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/memory.h"
#include "ctl/transfer.h"
#include "proto/imap_parse.h"
#include "proto/mutf7.h"

enum { KEYWORDS = 26, LIST_LIMIT = 1 << 20, UIDLIST_LIMIT = 256 << 20 };

struct file {
	const char *name;	/* in the arena */
	uint64_t uid;		/* of dovecot-uidlist; UINT64_MAX: unknown */
	uint64_t time;		/* the number its name begins with */
	bool is_new;		/* in new/ */
};

struct source_maildir {
	struct transfer_source source;
	struct arena arena;
	const char *path;
	const char *current;		/* of the open folder */
	struct transfer_folder *folder;
	char **directory;		/* of each folder, below path */
	size_t count, room;
	/* the open folder */
	struct arena names;
	struct file *file;
	size_t file_count, file_room, at;
	struct span keyword[KEYWORDS], chosen[KEYWORDS];
	int fd;				/* of the current message */
};

/* ---- folders ---- */

/* ".A.B&AC4-c" as "A/B.c"; data == NULL: it is no name. A dot in a name is
 * encoded, which plain modified UTF-7 would not be. */
static struct span
name_of_directory(struct arena *arena, const char *directory)
{
	struct buffer out;
	struct span rest = span_from(directory + 1), level, name;
	bool is_name = true;
	buffer_init(&out, 0);
	while (is_name && span_split(&rest, '.', &level)) {
		if (out.size > 0)
			buffer_add_byte(&out, '/');
		while (is_name && level.size > 0) {
			size_t dot = span_search(level, SPAN("&AC4-"));
			is_name = mutf7_decode(&out, span_first(level, dot));
			if (dot < level.size)
				buffer_add_byte(&out, '.');
			level = span_skip(level, dot + 5);
		}
	}
	name = is_name && out.size > 0 ? arena_copy(arena, buffer_span(&out)) :
		span_of(NULL, 0);
	buffer_fini(&out);
	return name;
}

static uint64_t
count_files(const char *path, const char *below)
{
	char name[PATH_MAX];
	uint64_t count = 0;
	snprintf(name, sizeof(name), "%s/%s", path, below);
	DIR *directory = opendir(name);
	struct dirent *entry;
	while (directory != NULL && (entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.';
	if (directory != NULL)
		closedir(directory);
	return count;
}

static bool
is_directory(const char *path, const char *below)
{
	char name[PATH_MAX];
	struct stat facts;
	snprintf(name, sizeof(name), "%s/%s", path, below);
	return lstat(name, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static void
add_folder(struct source_maildir *maildir, const char *directory,
	struct span name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", maildir->path, directory);
	if (!is_directory(path, "cur"))
		return;
	if (maildir->count == maildir->room) {
		maildir->room = maildir->room > 0 ? maildir->room * 2 : 16;
		maildir->folder = memory_resize(maildir->folder,
			maildir->room * sizeof(*maildir->folder));
		maildir->directory = memory_resize(maildir->directory,
			maildir->room * sizeof(*maildir->directory));
	}
	maildir->folder[maildir->count] = (struct transfer_folder){
		.name = name,
		.total = count_files(path, "cur") + count_files(path, "new") };
	maildir->directory[maildir->count++] = arena_copy_string(
		&maildir->arena, span_from(path));
}

static int
find_folders(struct source_maildir *maildir, struct error *error)
{
	DIR *directory = opendir(maildir->path);
	struct dirent *entry;
	if (directory == NULL)
		return error_set_errno(error, "opening %s", maildir->path);
	add_folder(maildir, ".", SPAN("INBOX"));
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] != '.' || entry->d_name[1] == '.' ||
		    entry->d_name[1] == '\0' ||
		    !is_directory(maildir->path, entry->d_name))
			continue;
		struct span name = name_of_directory(&maildir->arena,
			entry->d_name);
		if (name.data != NULL)
			add_folder(maildir, entry->d_name, name);
		else
			fprintf(stderr, "posthouse: %s/%s has no name of a "
				"folder and is left out\n", maildir->path,
				entry->d_name);
	}
	closedir(directory);
	if (maildir->count == 0)
		return error_set(error, ERROR_USAGE, "%s: found no directory "
			"cur, expected a maildir", maildir->path);
	return 0;
}

/* `subscriptions`: lines "A.B", or version 2 with levels parted by tabs. */
static void
take_subscriptions(struct source_maildir *maildir)
{
	char path[PATH_MAX];
	struct buffer content, name;
	struct span rest, line;
	struct error ignored;
	snprintf(path, sizeof(path), "%s/subscriptions", maildir->path);
	buffer_init(&content, 0);
	buffer_init(&name, 0);
	if (file_read_whole(AT_FDCWD, path, LIST_LIMIT, &content,
	    &ignored) < 0)
		buffer_clear(&content);
	rest = buffer_span(&content);
	while (span_split(&rest, '\n', &line)) {
		buffer_clear(&name);
		buffer_add_byte(&name, '.');
		for (size_t i = 0; i < line.size; i++)
			buffer_add_byte(&name, line.data[i] == '\t' ? '.' :
				line.data[i]);
		for (size_t i = 0; i < maildir->count; i++) {
			const char *slash = strrchr(maildir->directory[i], '/');
			if (strcmp(slash + 1, buffer_string(&name)) == 0 ||
			    (span_equals_nocase(line, SPAN("INBOX")) && i == 0))
				maildir->folder[i].is_subscribed = true;
		}
	}
	buffer_fini(&content);
	buffer_fini(&name);
}

/* ---- a folder ---- */

static void
add_files(struct source_maildir *maildir, const char *path, bool is_new)
{
	char name[PATH_MAX];
	struct dirent *entry;
	snprintf(name, sizeof(name), "%s/%s", path, is_new ? "new" : "cur");
	DIR *directory = opendir(name);
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (maildir->file_count == maildir->file_room) {
			maildir->file_room = maildir->file_room > 0 ?
				maildir->file_room * 2 : 256;
			maildir->file = memory_resize(maildir->file,
				maildir->file_room * sizeof(*maildir->file));
		}
		struct span digits = span_from(entry->d_name);
		struct file *file = &maildir->file[maildir->file_count++];
		*file = (struct file){ .uid = UINT64_MAX, .is_new = is_new,
			.name = arena_copy_string(&maildir->names,
			span_from(entry->d_name)) };
		if (!span_to_number(span_first(digits, span_find(digits, '.')),
		    INT64_MAX, &file->time))
			file->time = INT64_MAX;
	}
	if (directory != NULL)
		closedir(directory);
}

static struct span
base_of(const char *name)
{
	struct span whole = span_from(name);
	return span_first(whole, span_find(whole, ':'));
}

/* Lines "UID [FIELDS] :FILE" behind the first. */
static void
take_uids(struct source_maildir *maildir, const char *path)
{
	char name[PATH_MAX];
	struct buffer content;
	struct span rest, line, word;
	struct error ignored;
	struct map uids;
	uint64_t uid;
	snprintf(name, sizeof(name), "%s/dovecot-uidlist", path);
	buffer_init(&content, 0);
	map_init(&uids);
	if (file_read_whole(AT_FDCWD, name, UIDLIST_LIMIT, &content,
	    &ignored) < 0)
		buffer_clear(&content);
	rest = buffer_span(&content);
	while (span_split(&rest, '\n', &line)) {
		size_t colon = span_search(line, SPAN(" :"));
		struct span file = span_skip(line, colon + 2);
		file = span_first(file, span_find(file, ':'));
		if (colon < line.size && span_word(&line, &word) &&
		    span_to_number(word, UINT32_MAX, &uid))
			map_put(&uids, file, (void *)(uintptr_t)uid);
	}
	for (size_t i = 0; i < maildir->file_count; i++) {
		void *found = map_get(&uids, base_of(maildir->file[i].name));
		if (found != NULL)
			maildir->file[i].uid = (uintptr_t)found;
	}
	map_fini(&uids);
	buffer_fini(&content);
}

/* Lines "0 NAME" to "25 NAME". */
static void
take_keywords(struct source_maildir *maildir, const char *path)
{
	char name[PATH_MAX];
	struct buffer content;
	struct span rest, line, word;
	struct error ignored;
	uint64_t number;
	snprintf(name, sizeof(name), "%s/dovecot-keywords", path);
	buffer_init(&content, 0);
	for (size_t i = 0; i < KEYWORDS; i++)
		maildir->keyword[i] = SPAN("");
	if (file_read_whole(AT_FDCWD, name, LIST_LIMIT, &content,
	    &ignored) < 0)
		buffer_clear(&content);
	rest = buffer_span(&content);
	while (span_split(&rest, '\n', &line))
		if (span_word(&line, &word) &&
		    span_to_number(word, KEYWORDS - 1, &number) &&
		    span_word(&line, &word))
			maildir->keyword[number] = arena_copy(&maildir->names,
				word);
	buffer_fini(&content);
}

static int
compare_files(const void *a, const void *b)
{
	const struct file *left = a, *right = b;
	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	return strcmp(left->name, right->name);
}

static int
open_folder(struct transfer_source *source, size_t folder, struct error *error)
{
	struct source_maildir *maildir = (struct source_maildir *)source;
	const char *path = maildir->directory[folder];
	(void)error;
	arena_fini(&maildir->names);
	maildir->file_count = maildir->at = 0;
	add_files(maildir, path, false);
	add_files(maildir, path, true);
	take_uids(maildir, path);
	take_keywords(maildir, path);
	if (maildir->file_count > 0)
		qsort(maildir->file, maildir->file_count,
			sizeof(*maildir->file), compare_files);
	maildir->current = path;
	return 0;
}

/* ---- messages ---- */

static void
take_letters(struct source_maildir *maildir, const struct file *file,
	struct transfer_message *message)
{
	static const struct { char letter; uint32_t flag; } letters[] = {
		{ 'S', IMAP_FLAG_SEEN }, { 'R', IMAP_FLAG_ANSWERED },
		{ 'F', IMAP_FLAG_FLAGGED }, { 'T', IMAP_FLAG_DELETED },
		{ 'D', IMAP_FLAG_DRAFT },
	};
	struct span name = span_from(file->name);
	size_t info = span_search(name, SPAN(":2,"));
	struct span rest = span_skip(name, info + 3);
	if (info == name.size)
		return;
	for (size_t i = 0; i < rest.size; i++) {
		char c = rest.data[i];
		for (size_t k = 0; k < sizeof(letters) / sizeof(letters[0]); k++)
			if (letters[k].letter == c)
				message->flags |= letters[k].flag;
		if (c >= 'a' && c <= 'z' && maildir->keyword[c - 'a'].size > 0 &&
		    message->keyword_count < KEYWORDS)
			maildir->chosen[message->keyword_count++] =
				maildir->keyword[c - 'a'];
	}
}

/* 1: it is open; 0: it is there no more, or no file. */
static int
open_file(struct source_maildir *maildir, const struct file *file,
	struct stat *facts, struct error *error)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s/%s", maildir->current,
		file->is_new ? "new" : "cur", file->name);
	file_close(&maildir->fd);
	maildir->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (maildir->fd < 0)
		return errno == ENOENT || errno == ELOOP ? 0 :
			error_set_errno(error, "opening %s", path);
	return fstat(maildir->fd, facts) == 0 && S_ISREG(facts->st_mode);
}

static int
next(struct transfer_source *source, struct transfer_message *message,
	uint64_t *passed, struct error *error)
{
	struct source_maildir *maildir = (struct source_maildir *)source;
	struct stat facts;
	int result = 0;
	const struct file *file = NULL;
	while (result == 0) {
		if (maildir->at == maildir->file_count)
			return 0;
		file = &maildir->file[maildir->at++];
		result = open_file(maildir, file, &facts, error);
	}
	if (result < 0)
		return -1;
	*message = (struct transfer_message){ .key = base_of(file->name),
		.keyword = maildir->chosen, .date = facts.st_mtim.tv_sec };
	take_letters(maildir, file, message);
	*passed = maildir->at;
	return 1;
}

static int
take(struct transfer_source *source, struct buffer *text, struct error *error)
{
	struct source_maildir *maildir = (struct source_maildir *)source;
	struct buffer content;
	buffer_init(&content, 0);
	int result = file_read_descriptor(maildir->fd, TRANSFER_MESSAGE_LIMIT,
		&content, error);
	transfer_add_lines(text, buffer_span(&content));
	buffer_fini(&content);
	return result;
}

static int
settle(struct transfer_source *source, struct error *error)
{
	(void)source;
	(void)error;
	return 0;
}

static int
list(struct transfer_source *source, const struct transfer_folder **folders,
	size_t *count, struct error *error)
{
	struct source_maildir *maildir = (struct source_maildir *)source;
	(void)error;
	*folders = maildir->folder;
	*count = maildir->count;
	return 0;
}

static void
close_source(struct transfer_source **source)
{
	struct source_maildir *maildir = (struct source_maildir *)*source;
	file_close(&maildir->fd);
	arena_fini(&maildir->names);
	memory_free(maildir->file);
	memory_free(maildir->folder);
	memory_free(maildir->directory);
	arena_fini(&maildir->arena);
	memory_free(maildir);
	*source = NULL;
}

static const struct transfer_source_functions functions = {
	list, open_folder, next, take, settle, close_source,
};

struct transfer_source *
source_maildir_open(const char *path, struct error *error)
{
	struct source_maildir *maildir = memory_new(sizeof(*maildir));
	struct transfer_source *source = &maildir->source;
	source->call = &functions;
	arena_init(&maildir->arena, 0);
	arena_init(&maildir->names, 0);
	maildir->fd = -1;
	maildir->path = arena_copy_string(&maildir->arena, span_from(path));
	if (find_folders(maildir, error) < 0)
		close_source(&source);
	else
		take_subscriptions(maildir);
	return source;
}
