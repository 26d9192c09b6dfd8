/*
 * Folders of mbox files: below the root a file is a mailbox, a directory a
 * level. What begins with a dot is other programs' (.imap, .subscriptions), as
 * are dotlocks. Subscriptions are kept where Dovecot keeps them.
 */
#include "store/mbox_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "proto/mutf7.h"
#include "store/name.h"
#include "store/subscriptions.h"

enum { DEPTH_LIMIT = 20 };

static const struct format_mbox *
mbox_of(const struct format *format)
{
	return (const struct format_mbox *)format;
}

/* ---- list ---- */

struct list {
	struct arena *arena;
	struct format_name *name;
	size_t count, room;
};

static void
list_add(struct list *list, struct span name, bool is_name_only)
{
	if (list->count == list->room) {
		size_t room = list->room * 2 + 32;
		struct format_name *grown = arena_new_array(list->arena, room,
			sizeof(*grown));
		if (list->count > 0)
			memcpy(grown, list->name,
				list->count * sizeof(*grown));
		list->name = grown;
		list->room = room;
	}
	list->name[list->count++] = (struct format_name){ name, is_name_only };
}

/* A name in modified UTF-7, as Dovecot writes it; what is none, as it is. */
static struct span
decoded(struct arena *arena, struct span text)
{
	struct buffer name;
	buffer_init(&name, STORE_NAME_LIMIT);
	bool is_encoded = mutf7_decode(&name, text) && !buffer_is_overrun(&name);
	struct span result = arena_copy(arena, is_encoded ?
		buffer_span(&name) : text);
	buffer_fini(&name);
	return result;
}

/* A name that the store can have as well, or it cannot be spoken of. */
static bool
name_of(struct list *list, struct span above, const char *leaf,
	struct span *name)
{
	struct span text = span_from(leaf), normal;
	if (text.size == 0 || leaf[0] == '.' ||
		span_ends_nocase(text, SPAN(".lock")))
		return false;
	text = decoded(list->arena, text);
	*name = above.size == 0 ? text : arena_print(list->arena, "%.*s/%.*s",
		SPAN_PRINT(above), SPAN_PRINT(text));
	return name_normalise(*name, list->arena, &normal) &&
		span_equals(normal, *name) && !name_is_inbox(*name);
}

/* Takes the descriptor. */
static int
list_directory(struct list *list, int fd, struct span above, int depth,
	struct error *error)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;
	int result = 0;
	if (directory == NULL) {
		file_close(&fd);
		return error_set_errno(error, "reading a directory");
	}
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		struct span name;
		struct stat status;
		if (!name_of(list, above, entry->d_name, &name) ||
			fstatat(dirfd(directory), entry->d_name, &status,
				AT_SYMLINK_NOFOLLOW) < 0 ||
			list->count >= STORE_MAILBOX_LIMIT)
			continue;
		if (S_ISREG(status.st_mode) && status.st_nlink == 1 &&
			status.st_uid == geteuid())
			list_add(list, name, false);
		if (!S_ISDIR(status.st_mode) || depth == DEPTH_LIMIT)
			continue;
		list_add(list, name, true);
		int next = openat(dirfd(directory), entry->d_name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next >= 0)
			result = list_directory(list, next, name, depth + 1,
				error);
	}
	closedir(directory);
	return result;
}

int
mbox_list(struct format *format, struct arena *arena,
	struct format_name **names, size_t *count, struct error *error)
{
	struct list list = { .arena = arena };
	int fd = mbox_root_open(mbox_of(format), error);
	if (fd < 0)
		return -1;
	list_add(&list, SPAN("INBOX"), false);
	int result = list_directory(&list, fd, SPAN(""), 0, error);
	*names = list.name;
	*count = list.count;
	return result;
}

/* ---- create, remove, rename ---- */

/* Directories for the levels above a name. */
static int
make_levels(const struct format_mbox *format, struct span name,
	struct error *error)
{
	if (mkdir(format->location.root, 0700) < 0 && errno != EEXIST)
		return error_set_errno(error, "making %s",
			format->location.root);
	for (size_t at = 0; at < name.size; at++) {
		struct span above = span_first(name, at);
		char text[MBOX_LEAF_SIZE];
		if (at == 0 || name.data[at] != '/')
			continue;
		int fd = mbox_directory_open(format, above, text, error);
		if (fd < 0)
			return -1;
		int result = 0;
		if (mkdirat(fd, text, 0700) == 0)
			result = file_sync_directory(fd, error);
		else if (errno != EEXIST)
			result = error_set_errno(error, "making %s", text);
		file_close(&fd);
		if (result < 0)
			return -1;
	}
	return 0;
}

int
mbox_create(struct format *format, struct span name, struct error *error)
{
	char text[MBOX_LEAF_SIZE];
	if (name_is_inbox(name))
		return error_set(error, ERROR_EXISTS, "INBOX is always there");
	if (make_levels(mbox_of(format), name, error) < 0)
		return -1;
	int directory = mbox_directory_open(mbox_of(format), name, text,
		error);
	if (directory < 0)
		return error->code == ERROR_GONE ? error_set(error,
			ERROR_REFUSED, "a mailbox file cannot have mailboxes "
			"below it") : -1;
	int fd = mbox_file_open(directory, text, O_CREAT | O_EXCL, error);
	int result = fd < 0 ? -1 : file_sync_directory(directory, error);
	file_close(&fd);
	file_close(&directory);
	return result;
}

int
mbox_remove(struct format *format, struct span name, struct error *error)
{
	struct stat status;
	char text[MBOX_LEAF_SIZE];
	if (name_is_inbox(name))
		return error_set(error, ERROR_REFUSED,
			"INBOX cannot be removed");
	int directory = mbox_directory_open(mbox_of(format), name, text,
		error);
	if (directory < 0)
		return -1;
	int flags = fstatat(directory, text, &status,
		AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode) ?
		AT_REMOVEDIR : 0;
	int result = unlinkat(directory, text, flags) < 0 ?
		error_set_errno(error, "removing %s", text) :
		file_sync_directory(directory, error);
	if (result < 0 && error->number == ENOTEMPTY)
		error->code = ERROR_REFUSED;
	file_close(&directory);
	return result;
}

int
mbox_rename(struct format *format, struct span from, struct span to,
	struct error *error)
{
	char old_text[MBOX_LEAF_SIZE], new_text[MBOX_LEAF_SIZE];
	if (name_is_inbox(from) || name_is_inbox(to))
		return error_set(error, ERROR_REFUSED,
			"INBOX cannot be renamed");
	int old = mbox_directory_open(mbox_of(format), from, old_text, error);
	if (old < 0)
		return -1;
	int new = make_levels(mbox_of(format), to, error) < 0 ? -1 :
		mbox_directory_open(mbox_of(format), to, new_text, error);
	int result = new < 0 ? -1 : 0;
	if (result == 0 && renameat2(old, old_text, new, new_text,
			RENAME_NOREPLACE) < 0)
		result = error_set_errno(error, "renaming %s", old_text);
	if (result == 0)
		result = file_sync_directory(new, error);
	if (result == 0)
		result = file_sync_directory(old, error);
	file_close(&old);
	file_close(&new);
	return result;
}

/* ---- subscriptions ---- */

int
mbox_subscriptions(struct format *format, struct arena *arena,
	struct span **names, size_t *count, struct error *error)
{
	struct subscriptions file = { .file = ".subscriptions",
		.separator = '/' };
	*count = 0;
	file.directory = mbox_root_open(mbox_of(format), error);
	if (file.directory < 0)
		return -1;
	int result = subscriptions_read(&file, arena, names, count, error);
	file_close(&file.directory);
	return result;
}

int
mbox_subscribe(struct format *format, struct span name, bool is_subscribed,
	struct error *error)
{
	struct subscriptions file = { .file = ".subscriptions",
		.separator = '/' };
	file.directory = mbox_root_open(mbox_of(format), error);
	if (file.directory < 0)
		return -1;
	int result = subscriptions_change(&file, name, is_subscribed, error);
	file_close(&file.directory);
	return result;
}
