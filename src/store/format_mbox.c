/*
 * Mail in mbox files (RFC 4155, doc/formats/mbox.md): the door of
 * store/format.h. Everything that is read here was written by other programs.
 */
#include "store/mbox_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "proto/mutf7.h"
#include "store/mbox_content.h"
#include "store/name.h"

static struct format_mbox *
mbox_of(struct format *format)
{
	return (struct format_mbox *)format;
}

/* ---- folders ---- */

static char *
join(const char *above, struct span name)
{
	struct buffer path;
	buffer_init(&path, 0);
	buffer_add_string(&path, above);
	buffer_add_byte(&path, '/');
	buffer_add(&path, name);
	char *copy = memory_copy_string(buffer_string(&path));
	buffer_fini(&path);
	return copy;
}

static void
close_folder(struct format_folder **folder)
{
	struct format_folder *old = *folder;
	if (old == NULL)
		return;
	mbox_folder_unlock(old);
	if (!old->is_given)
		file_close(&old->file.fd);
	file_close(&old->directory);
	arena_fini(&old->names);
	memory_free(old->entry);
	memory_free(old->path);
	memory_free(old->leaf);
	memory_free(old);
	*folder = NULL;
}

/* INBOX is at a path of its own, or a descriptor. */
static int
place_inbox(struct format_folder *folder, struct error *error)
{
	const struct format_location *location = &folder->format->location;
	folder->is_given = location->inbox_fd >= 0;
	folder->file.fd = location->inbox_fd;
	folder->path = location->inbox != NULL ?
		memory_copy_string(location->inbox) :
		join(location->root, SPAN("INBOX"));
	char *slash = strrchr(folder->path, '/');
	if (slash == NULL || slash[1] == '\0')
		return error_set(error, ERROR_USAGE,
			"the path of INBOX has no directory: %s", folder->path);
	folder->leaf = memory_copy_string(slash + 1);
	if (folder->is_given)
		return 0;
	char *above = memory_copy_string(folder->path);
	above[slash - folder->path] = '\0';
	folder->directory = open(above[0] == '\0' ? "/" : above,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int number = errno;
	memory_free(above);
	errno = number;
	if (folder->directory < 0)
		return errno == ENOENT ? 0 : error_set_errno(error,
			"opening the directory of %s", folder->path);
	folder->file.fd = mbox_file_open(folder->directory, folder->leaf, 0,
		error);
	return folder->file.fd < 0 && error->code != ERROR_GONE ? -1 : 0;
}

static int
place_folder(struct format_folder *folder, struct span name,
	struct error *error)
{
	char leaf[MBOX_LEAF_SIZE];
	struct buffer encoded;
	folder->directory = mbox_directory_open(folder->format, name, leaf,
		error);
	buffer_init(&encoded, 0);
	mutf7_encode(&encoded, name);
	bool is_encoded = folder->directory < 0 || span_ends_nocase(
		buffer_span(&encoded), span_from(leaf));
	folder->path = join(folder->format->location.root,
		is_encoded ? buffer_span(&encoded) : name);
	buffer_fini(&encoded);
	if (folder->directory < 0)
		return -1;
	folder->leaf = memory_copy_string(leaf);
	folder->file.fd = mbox_file_open(folder->directory, folder->leaf, 0,
		error);
	return folder->file.fd < 0 ? -1 : 0;
}

static int
open_folder(struct format *format, struct span name,
	struct format_folder **folder, struct error *error)
{
	struct format_folder *new = memory_new(sizeof(*new));
	*folder = new;
	new->format = mbox_of(format);
	new->directory = new->file.fd = -1;
	new->is_inbox = name_is_inbox(name);
	arena_init(&new->names, 0);
	mbox_folder_forget(new);
	if ((new->is_inbox ? place_inbox(new, error) :
		place_folder(new, name, error)) == 0)
		return 0;
	close_folder(folder);
	return -1;
}

static bool
has_changed(struct format_folder *folder)
{
	struct stat status;
	const struct mbox_stamp *known = &folder->known;
	if (!folder->is_known)
		return true;
	if ((folder->is_given ? fstat(folder->file.fd, &status) :
		stat(folder->path, &status)) < 0)
		return known->inode != 0;
	return (uint64_t)status.st_dev != known->device ||
		(uint64_t)status.st_ino != known->inode ||
		(uint64_t)status.st_size != known->size ||
		status.st_mtim.tv_sec != known->second ||
		status.st_mtim.tv_nsec != known->nano;
}

static size_t
paths(const struct format_folder *folder, const char *path[FORMAT_PATH_LIMIT])
{
	path[0] = folder->path;
	return 1;
}

/* ---- messages ---- */

static int
append(struct format_folder *folder, const struct store_message_new *messages,
	size_t count, uint8_t (*keys)[FORMAT_KEY_SIZE], struct error *error)
{
	if (mbox_folder_make(folder, error) < 0)
		return -1;
	int result = mbox_tail_append(&folder->format->marks, &folder->file,
		messages, count, keys, error);
	return result < 0 ? error_wrap(error, "%s", folder->path) : 0;
}

/* In `raw` is what was at the entry's place: is it that message still? */
static int
convert(const struct format_entry *entry, struct span raw, struct buffer *out,
	struct error *error)
{
	struct mbox_source source = mbox_source_memory(&raw);
	struct mbox_scanner *scanner = mbox_scanner_new(&source, 0, false);
	struct mbox_message message;
	bool is_same = mbox_scanner_next(scanner, &message, error) > 0 &&
		message.place == 0 && message.end == raw.size &&
		memcmp(message.key, entry->key, FORMAT_KEY_SIZE) == 0;
	if (is_same)
		mbox_content_read(raw, &message, out);
	mbox_scanner_free(&scanner);
	return is_same ? 0 : error_set(error, ERROR_GONE,
		"the message is not where it was");
}

static int
read_message(struct format_folder *folder, const struct format_entry *entry,
	struct buffer *out, struct error *error)
{
	if (folder->file.fd < 0)
		return error_set(error, ERROR_GONE, "the mailbox is not there");
	if (!buffer_reserve(out, entry->size))
		return 0;
	char *raw = memory_new(entry->length);
	int result = file_read_at(folder->file.fd, raw, entry->length,
		entry->place, error);
	if (result < 0 && error->code == ERROR_DAMAGED)
		error->code = ERROR_GONE;
	if (result == 0)
		result = convert(entry, span_of(raw, entry->length), out, error);
	memory_free(raw);
	return result;
}

/* ---- the format ---- */

static void
free_format(struct format **format)
{
	if (*format == NULL)
		return;
	struct format_mbox *mbox = mbox_of(*format);
	mbox_marks_fini(&mbox->marks, &mbox->calls);
	if (mbox->has_calls)
		mbox->calls.end(mbox->calls.context);
	pthread_mutex_destroy(&mbox->lock);
	memory_free((void *)(uintptr_t)mbox->location.root);
	memory_free((void *)(uintptr_t)mbox->location.inbox);
	memory_free((void *)(uintptr_t)mbox->location.state);
	memory_free(mbox);
	*format = NULL;
}

static const struct format_functions functions = {
	.list = mbox_list,
	.subscriptions = mbox_subscriptions,
	.subscribe = mbox_subscribe,
	.create = mbox_create,
	.remove = mbox_remove,
	.rename = mbox_rename,
	.open = open_folder,
	.close = close_folder,
	.has_changed = has_changed,
	.paths = paths,
	.lock = mbox_folder_lock,
	.unlock = mbox_folder_unlock,
	.scan = mbox_folder_scan,
	.append = append,
	.set_flags = mbox_folder_set_flags,
	.expunge = mbox_folder_expunge,
	.read = read_message,
	.save = mbox_folder_save,
	.restore = mbox_folder_restore,
	.free = free_format,
};

static char *
copy(const char *text)
{
	return text == NULL ? NULL : memory_copy_string(text);
}

struct format *
format_mbox_new(const struct format_location *location)
{
	struct format_mbox *mbox = memory_new(sizeof(*mbox));
	mbox->format.call = &functions;
	mbox->location = *location;
	mbox->location.root = copy(location->root);
	mbox->location.inbox = copy(location->inbox);
	mbox->location.state = copy(location->state);
	pthread_mutex_init(&mbox->lock, NULL);
	mbox_marks_init(&mbox->marks);
	return &mbox->format;
}

struct format *
format_mbox_new_on(const struct format_location *location,
	const struct files_calls *calls, uint64_t identity)
{
	struct format *format = format_mbox_new(location);
	mbox_of(format)->calls = *calls;
	mbox_of(format)->has_calls = true;
	mbox_of(format)->identity = identity;
	return format;
}
