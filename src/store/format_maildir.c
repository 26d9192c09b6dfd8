/*
 * The maildir format (store/format.h): each message a file in new or cur,
 * written in tmp, flags in its name. The root is INBOX, folders stand in it as
 * ".Name.Sub" (Maildir++). Nobody locks; a file that is being looked for may
 * just have been given another name, and then the directories are read again.
 *
 * Directories and files of other owners, symbolic links and devices are refused.
 * Hard links are not: Dovecot copies messages so, and nothing here writes into
 * a message.
 */
#include "store/maildir_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

/* ---- directories ---- */

int
maildir_directory_open(int at, const char *name, struct error *error)
{
	struct stat stat;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		O_CLOEXEC);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return error_set(error, ERROR_REFUSED,
			"%s is not a directory", name);
	if (fd < 0)
		return error_set_errno(error, "opening %s", name);
	if (fstat(fd, &stat) == 0 && stat.st_uid == geteuid())
		return fd;
	file_close(&fd);
	return error_set(error, ERROR_REFUSED,
		"%s belongs to somebody else", name);
}

/* Its place in *fd; not there is no error. */
static int
enter(int at, const char *name, int *fd, struct error *error)
{
	if (*fd >= 0)
		return 0;
	*fd = maildir_directory_open(at, name, error);
	return *fd < 0 && error->code != ERROR_GONE ? -1 : 0;
}

/* Closes a directory whose name leads elsewhere now, or nowhere. */
static bool
leave_if_replaced(const char *path, int *fd)
{
	struct stat held, now;
	if (*fd < 0 || (fstat(*fd, &held) == 0 && lstat(path, &now) == 0 &&
		held.st_dev == now.st_dev && held.st_ino == now.st_ino))
		return false;
	file_close(fd);
	return true;
}

/* Was it the whole maildir that was replaced, around which the jail is? */
static bool
leave_what_was_replaced(struct maildir_folder *folder)
{
	const struct maildir *maildir = folder->maildir;
	bool is_replaced = leave_if_replaced(folder->path, &folder->directory);
	if (is_replaced) {
		file_close(&folder->in_new);
		file_close(&folder->in_cur);
		file_close(&folder->in_tmp);
	}
	bool is_left = leave_if_replaced(folder->path_new, &folder->in_new);
	is_left |= leave_if_replaced(folder->path_cur, &folder->in_cur);
	/* The old one may be back before anybody looks: it is to be opened. */
	if (is_replaced || is_left)
		folder->is_scanned = false;
	return is_replaced && (strcmp(folder->path, maildir->root) == 0 ||
		strcmp(folder->path, maildir->inbox) == 0);
}

static int
open_directories(struct maildir_folder *folder, struct error *error)
{
	if (enter(AT_FDCWD, folder->path, &folder->directory, error) < 0)
		return -1;
	if (folder->directory < 0)
		return 0;
	return enter(folder->directory, "new", &folder->in_new, error) < 0 ||
		enter(folder->directory, "cur", &folder->in_cur, error) < 0 ||
		enter(folder->directory, "tmp", &folder->in_tmp, error) < 0 ?
		-1 : 0;
}

int
maildir_folder_enter(struct maildir_folder *folder, struct error *error)
{
	const struct maildir *maildir = folder->maildir;
	bool is_replaced = leave_what_was_replaced(folder);
	int result = open_directories(folder, error);
	/* not for a link, or somebody else's: that would be no better then */
	if (result < 0 && is_replaced && error->number == EACCES &&
		maildir->lost != NULL)
		maildir->lost(maildir->context);
	return result;
}

int
maildir_folder_make(const char *path, struct error *error)
{
	static const char *const names[] = { "tmp", "new", "cur" };
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set_errno(error, "making %s", path);
	int directory = maildir_directory_open(AT_FDCWD, path, error);
	if (directory < 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < 3 && result == 0; i++)
		if (mkdirat(directory, names[i], 0700) < 0 && errno != EEXIST)
			result = error_set_errno(error, "making %s/%s", path,
				names[i]);
	if (result == 0)
		result = file_sync_directory(directory, error);
	file_close(&directory);
	return result;
}

/* ---- a folder ---- */

static void
close_folder(struct format_folder **closed)
{
	struct maildir_folder *folder = maildir_of(*closed);
	*closed = NULL;
	if (folder == NULL)
		return;
	maildir_forget(folder);
	file_close(&folder->in_new);
	file_close(&folder->in_cur);
	file_close(&folder->in_tmp);
	file_close(&folder->directory);
	buffer_fini(&folder->keyword_text);
	map_fini(&folder->by_base);
	map_fini(&folder->refused);
	memory_free(folder->path);
	memory_free(folder->path_new);
	memory_free(folder->path_cur);
	memory_free(folder);
}

static char *
path_below(const char *path, const char *name)
{
	struct buffer text;
	buffer_init(&text, 0);
	buffer_print(&text, "%s/%s", path, name);
	char *copy = memory_copy_string(buffer_string(&text));
	buffer_fini(&text);
	return copy;
}

static int
open_folder(struct format *format, struct span name,
	struct format_folder **opened, struct error *error)
{
	struct maildir *maildir = (struct maildir *)format;
	struct buffer path;
	buffer_init(&path, 0);
	*opened = NULL;
	if (maildir_path(maildir, name, &path, error) < 0) {
		buffer_fini(&path);
		return -1;
	}
	struct maildir_folder *folder = memory_new(sizeof(*folder));
	folder->maildir = maildir;
	folder->directory = folder->in_new = folder->in_cur =
		folder->in_tmp = -1;
	folder->path = memory_copy_string(buffer_string(&path));
	folder->path_new = path_below(folder->path, "new");
	folder->path_cur = path_below(folder->path, "cur");
	map_init(&folder->by_base);
	map_init(&folder->refused);
	buffer_init(&folder->keyword_text, 0);
	buffer_fini(&path);
	*opened = (struct format_folder *)folder;
	int result = maildir_folder_enter(folder, error);
	if (result == 0 && folder->directory < 0 &&
	    !span_equals(name, SPAN("INBOX")))
		result = error_set(error, ERROR_GONE, "there is no %s",
			folder->path);
	if (result < 0)
		close_folder(opened);
	return result;
}

static size_t
get_paths(const struct format_folder *opened,
	const char *path[FORMAT_PATH_LIMIT])
{
	const struct maildir_folder *folder =
		(const struct maildir_folder *)opened;
	path[0] = folder->path_new;
	path[1] = folder->path_cur;
	return 2;
}

/* Maildir is made so that nobody has to. */
static int
lock_folder(struct format_folder *folder, int64_t deadline,
	struct error *error)
{
	(void)folder;
	(void)deadline;
	(void)error;
	return 0;
}

static void
unlock_folder(struct format_folder *folder)
{
	(void)folder;
}

/* ---- the format ---- */

static void
free_maildir(struct format **format)
{
	struct maildir *maildir = (struct maildir *)*format;
	*format = NULL;
	if (maildir == NULL)
		return;
	memory_free(maildir->root);
	memory_free(maildir->inbox);
	memory_free(maildir);
}

static const struct format_functions functions = {
	.list = maildir_list,
	.subscriptions = maildir_subscriptions,
	.subscribe = maildir_subscribe,
	.create = maildir_create,
	.remove = maildir_remove,
	.rename = maildir_rename,
	.open = open_folder,
	.close = close_folder,
	.has_changed = maildir_has_changed,
	.paths = get_paths,
	.lock = lock_folder,
	.unlock = unlock_folder,
	.scan = maildir_scan,
	.append = maildir_append,
	.delivered = maildir_delivered,
	.set_flags = maildir_set_flags,
	.expunge = maildir_expunge,
	.read = maildir_read,
	.read_head = maildir_read_head,
	.save = maildir_save,
	.restore = maildir_restore,
	.free = free_maildir,
};

struct format *
format_maildir_new(const struct format_location *location)
{
	struct maildir *maildir = memory_new(sizeof(*maildir));
	maildir->format.call = &functions;
	maildir->root = memory_copy_string(location->root);
	maildir->inbox = memory_copy_string(location->inbox != NULL ?
		location->inbox : location->root);
	maildir->lost = location->lost;
	maildir->context = location->context;
	return &maildir->format;
}
