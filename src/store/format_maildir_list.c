/*
 * Folders of a Maildir++: directories in the root called ".One.Two" with their
 * names in modified UTF-7, and the file `subscriptions`. Mailboxes elsewhere
 * have '/' between levels; so a name with a dot in it cannot be kept here.
 */
#include "store/maildir_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "proto/mutf7.h"
#include "store/subscriptions.h"

/* ---- names ---- */

/* ".One.Two" of "One/Two". False: it cannot be written so. */
static bool
name_to_directory(struct span name, struct buffer *out)
{
	struct span level;
	while (span_split(&name, '/', &level)) {
		if (level.size == 0 || span_find(level, '.') < level.size)
			return false;
		buffer_add_byte(out, '.');
		mutf7_encode(out, level);
	}
	return out->size <= MAILDIR_NAME_LIMIT;
}

/* Back; the text may be separated by something else than dots. */
static bool
name_of_levels(struct span text, char separator, struct buffer *out)
{
	struct span level;
	while (span_split(&text, separator, &level)) {
		if (level.size == 0)
			return false;
		if (out->size > 0)
			buffer_add_byte(out, '/');
		if (!mutf7_decode(out, level))
			return false;
	}
	return out->size > 0 && out->size <= STORE_NAME_LIMIT;
}

int
maildir_path(const struct maildir *maildir, struct span name,
	struct buffer *path, struct error *error)
{
	struct buffer directory;
	buffer_clear(path);
	if (span_equals(name, SPAN("INBOX"))) {
		buffer_add_string(path, maildir->inbox);
		return 0;
	}
	buffer_init(&directory, 0);
	bool is_good = name_to_directory(name, &directory);
	if (is_good)
		buffer_print(path, "%s/%s", maildir->root,
			buffer_string(&directory));
	buffer_fini(&directory);
	return is_good ? 0 : error_set(error, ERROR_REFUSED,
		"a maildir cannot have a folder %.*s", SPAN_PRINT(name));
}

/* ---- the list ---- */

struct names {
	struct arena *arena;
	struct format_name *name;
	size_t count, room;
};

static void
add_name(struct names *names, struct span name)
{
	if (names->count == names->room) {
		size_t room = names->room * 2 + 16;
		struct format_name *more = arena_new_array(names->arena, room,
			sizeof(*more));
		if (names->count > 0)
			memcpy(more, names->name,
				names->count * sizeof(*more));
		names->name = more;
		names->room = room;
	}
	names->name[names->count++] = (struct format_name){
		.name = arena_copy(names->arena, name) };
}

static bool
is_folder(int root, const char *name)
{
	char path[MAILDIR_NAME_LIMIT + 8];
	struct stat stat;
	if (fstatat(root, name, &stat, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(stat.st_mode) || stat.st_uid != geteuid())
		return false;
	snprintf(path, sizeof(path), "%s/cur", name);
	return fstatat(root, path, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISDIR(stat.st_mode);
}

static void
see_directory(struct names *names, int root, const char *name)
{
	struct buffer decoded;
	size_t size = strlen(name);
	if (name[0] != '.' || size < 2 || name[1] == '.' ||
	    size > MAILDIR_NAME_LIMIT || names->count >= STORE_MAILBOX_LIMIT ||
	    span_equals_nocase(span_from(name), SPAN(".INBOX")))
		return;
	buffer_init(&decoded, 0);
	if (name_of_levels(span_skip(span_from(name), 1), '.', &decoded) &&
	    is_folder(root, name))
		add_name(names, buffer_span(&decoded));
	buffer_fini(&decoded);
}

int
maildir_list(struct format *format, struct arena *arena,
	struct format_name **out, size_t *count, struct error *error)
{
	const struct maildir *maildir = (const struct maildir *)format;
	struct names names = { .arena = arena };
	struct dirent *row;
	int root = maildir_directory_open(AT_FDCWD, maildir->root, error);
	if (root < 0)
		return -1;
	int again = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = again < 0 ? NULL : fdopendir(again);
	if (directory == NULL) {
		error_set_errno(error, "reading %s", maildir->root);
		file_close(&again);
		file_close(&root);
		return -1;
	}
	add_name(&names, SPAN("INBOX"));
	errno = 0;
	while ((row = readdir(directory)) != NULL)
		see_directory(&names, root, row->d_name);
	int result = errno == 0 || errno == ENOENT ? 0 :
		error_set_errno(error, "reading %s", maildir->root);
	closedir(directory);
	file_close(&root);
	*out = names.name;
	*count = names.count;
	return result;
}

/* ---- subscriptions ---- */

int
maildir_subscriptions(struct format *format, struct arena *arena,
	struct span **names, size_t *count, struct error *error)
{
	const struct maildir *maildir = (const struct maildir *)format;
	struct subscriptions file = { .file = "subscriptions",
		.separator = '.' };
	file.directory = maildir_directory_open(AT_FDCWD, maildir->root, error);
	if (file.directory < 0)
		return -1;
	int result = subscriptions_read(&file, arena, names, count, error);
	file_close(&file.directory);
	return result;
}

/* The root, made when its parent is there. */
static int
open_root(const struct maildir *maildir, struct error *error)
{
	if (mkdir(maildir->root, 0700) < 0 && errno != EEXIST)
		return error_set_errno(error, "making %s", maildir->root);
	return maildir_directory_open(AT_FDCWD, maildir->root, error);
}

int
maildir_subscribe(struct format *format, struct span name,
	bool is_subscribed, struct error *error)
{
	const struct maildir *maildir = (const struct maildir *)format;
	struct subscriptions file = { .file = "subscriptions",
		.separator = '.' };
	file.directory = open_root(maildir, error);
	if (file.directory < 0)
		return -1;
	int result = subscriptions_change(&file, name, is_subscribed, error);
	file_close(&file.directory);
	return result;
}

/* ---- making and removing ---- */

int
maildir_create(struct format *format, struct span name, struct error *error)
{
	const struct maildir *maildir = (const struct maildir *)format;
	struct buffer path;
	int root = open_root(maildir, error);
	if (root < 0)
		return -1;
	buffer_init(&path, 0);
	int result = maildir_path(maildir, name, &path, error);
	if (result == 0 && access(buffer_string(&path), F_OK) == 0)
		result = error_set(error, ERROR_EXISTS, "%s is there already",
			buffer_string(&path));
	if (result == 0)
		result = maildir_folder_make(buffer_string(&path), error);
	if (result == 0)
		result = file_sync_directory(root, error);
	buffer_fini(&path);
	file_close(&root);
	return result;
}

/* All files of a directory, and it. Deeper ones are nobody's mail. */
static int
remove_directory(int at, const char *name, unsigned depth,
	struct error *error)
{
	struct dirent *row;
	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	int fd = maildir_directory_open(at, name, error);
	int again = fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY |
		O_CLOEXEC);
	DIR *directory = again < 0 ? NULL : fdopendir(again);
	int result = directory == NULL ? -1 : 0;
	while (result == 0 && (row = readdir(directory)) != NULL) {
		const char *below = row->d_name;
		if (strcmp(below, ".") == 0 || strcmp(below, "..") == 0)
			continue;
		if (depth > 0)
			result = remove_directory(fd, below, depth - 1, error);
		else if (unlinkat(fd, below, 0) < 0 && errno != ENOENT)
			result = error_set_errno(error, "removing %s", below);
	}
	if (directory != NULL)
		closedir(directory);
	file_close(&fd);
	if (result == 0 && unlinkat(at, name, AT_REMOVEDIR) < 0)
		result = error_set_errno(error, "removing %s", name);
	return result;
}

/* Renamed out of the list first, so that it goes as a whole. */
int
maildir_remove(struct format *format, struct span name, struct error *error)
{
	const struct maildir *maildir = (const struct maildir *)format;
	struct buffer directory;
	char gone[64];
	int root = maildir_directory_open(AT_FDCWD, maildir->root, error);
	if (root < 0)
		return -1;
	buffer_init(&directory, 0);
	uint64_t random;
	random_bytes(&random, sizeof(random));
	snprintf(gone, sizeof(gone), "..posthouse-gone-%016llx",
		(unsigned long long)random);
	int result = 0;
	if (!name_to_directory(name, &directory))
		result = error_set(error, ERROR_GONE, "there is no such folder");
	else if (renameat(root, buffer_string(&directory), root, gone) < 0)
		result = error_set_errno(error, "removing %s",
			buffer_string(&directory));
	if (result == 0)
		result = file_sync_directory(root, error);
	struct error ignored;	/* what is left is in nobody's way */
	if (result == 0)
		remove_directory(root, gone, 1, &ignored);
	buffer_fini(&directory);
	file_close(&root);
	return result;
}

/* ---- rename ---- */

/* The directory and those below it, of which each begins with ".From.". */
static int
rename_all(int root, const char *from, const char *to, struct error *error)
{
	size_t size = strlen(from);
	struct dirent *row;
	int again = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = again < 0 ? NULL : fdopendir(again);
	if (directory == NULL)
		return error_set_errno(error, "reading the root of %s", from);
	int result = renameat2(root, from, root, to, RENAME_NOREPLACE);
	bool is_any = result == 0;
	if (result < 0 && errno == ENOENT)
		result = 0;	/* perhaps only a level above others */
	else if (result < 0)
		error_set_errno(error, "renaming %s", from);
	while (result == 0 && (row = readdir(directory)) != NULL) {
		char new[2 * MAILDIR_NAME_LIMIT + 2];
		if (strncmp(row->d_name, from, size) != 0 ||
		    row->d_name[size] != '.')
			continue;
		snprintf(new, sizeof(new), "%s%s", to, row->d_name + size);
		result = renameat2(root, row->d_name, root, new,
			RENAME_NOREPLACE);
		if (result < 0)
			error_set_errno(error, "renaming %s", row->d_name);
		is_any = true;
	}
	closedir(directory);
	return result < 0 || is_any ? result : error_set(error, ERROR_GONE,
		"there is no %s", from);
}

int
maildir_rename(struct format *format, struct span from, struct span to,
	struct error *error)
{
	const struct maildir *maildir = (const struct maildir *)format;
	struct buffer old, new;
	int root = maildir_directory_open(AT_FDCWD, maildir->root, error);
	if (root < 0)
		return -1;
	buffer_init(&old, 0);
	buffer_init(&new, 0);
	int result;
	if (!name_to_directory(from, &old))
		result = error_set(error, ERROR_GONE, "there is no such folder");
	else if (!name_to_directory(to, &new))
		result = error_set(error, ERROR_REFUSED,
			"a maildir cannot have a folder %.*s", SPAN_PRINT(to));
	else
		result = rename_all(root, buffer_string(&old),
			buffer_string(&new), error);
	if (result == 0)
		result = file_sync_directory(root, error);
	buffer_fini(&old);
	buffer_fini(&new);
	file_close(&root);
	return result;
}
