/*
 * A file in mbox form for `mail -f`. Writing down what changed makes the file
 * anew beside it and renames it, under its dotlock; when another program has
 * changed the file since, nothing is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "ctl/mail_box.h"
#include "ctl/mbox_reader.h"

enum { WRITE_SIZE = 1 << 20 };

struct mail_file {
	struct mail_box box;
	char path[PATH_MAX];
	struct stat facts;		/* when it was read */
};

static int
read_all(struct mail_file *file, struct error *error)
{
	struct mbox_reader reader;
	struct buffer text;
	int result;
	if (mbox_reader_open(&reader, file->path, error) < 0)
		return -1;
	/* In the place where it stays. */
	mbox_reader_seek(&reader, 0);
	fstat(reader.fd, &file->facts);
	buffer_init(&text, 0);
	while ((result = mbox_reader_next(&reader, error)) > 0) {
		buffer_clear(&text);
		result = mbox_reader_text(&reader, &text, error);
		if (result < 0)
			break;
		struct mail_message *message = mail_box_add(&file->box);
		message->place = reader.message.place;
		message->size = text.size;
		message->flags = reader.flags;
		message->date = reader.message.date;
		message->zone = reader.message.zone;
		message->is_new = !reader.is_old &&
			(reader.flags & STORE_SEEN) == 0;
		for (size_t i = 0; i < text.size; i++)
			message->lines += text.data[i] == '\n';
		mail_box_take_head(&file->box, message, buffer_span(&text));
	}
	buffer_fini(&text);
	mbox_reader_close(&reader);
	return result;
}

static int
load(struct mail_box *box, size_t first, size_t count, struct error *error)
{
	(void)box;
	(void)first;
	(void)count;
	(void)error;
	return 0;		/* everything is known since the file was read */
}

static bool
is_changed(const struct mail_file *file)
{
	struct stat now;
	return stat(file->path, &now) < 0 ||
		now.st_ino != file->facts.st_ino ||
		now.st_size != file->facts.st_size ||
		now.st_mtim.tv_sec != file->facts.st_mtim.tv_sec ||
		now.st_mtim.tv_nsec != file->facts.st_mtim.tv_nsec;
}

static int
read_message(struct mail_box *box, size_t index, struct buffer *out,
	struct error *error)
{
	struct mail_file *file = (struct mail_file *)box;
	struct mbox_reader reader;
	if (is_changed(file))
		return error_set(error, ERROR_GONE,
			"%s has been changed by another program", file->path);
	if (mbox_reader_open(&reader, file->path, error) < 0)
		return -1;
	mbox_reader_seek(&reader, box->message[index].place);
	int result = mbox_reader_next(&reader, error);
	if (result == 0)
		result = error_set(error, ERROR_GONE,
			"%s has been changed by another program", file->path);
	else if (result > 0)
		result = mbox_reader_text(&reader, out, error);
	mbox_reader_close(&reader);
	return result;
}

/* ---- writing ---- */

static uint32_t
flags_of(const struct mail_message *message)
{
	uint32_t flags = message->flags;
	if (message->is_read && !message->is_kept_unread)
		flags |= STORE_SEEN;
	if (message->is_answered)
		flags |= STORE_ANSWERED;
	return flags;
}

static bool
is_removed(const struct mail_message *message)
{
	return message->is_deleted || message->is_saved;
}

static bool
has_changes(const struct mail_box *box)
{
	for (size_t i = 0; i < box->count; i++)
		if (is_removed(&box->message[i]) ||
		    flags_of(&box->message[i]) != box->message[i].flags)
			return true;
	return false;
}

/* As it is, unless its flags are others. */
static int
copy_message(struct mbox_reader *reader, const struct mail_message *message,
	struct buffer *out, struct error *error)
{
	struct span keyword[STORE_KEYWORD_LIMIT], word;
	struct span keywords = reader->message.value[MBOX_X_KEYWORDS].text;
	struct store_flags flags = { .system = flags_of(message),
		.keyword = keyword };
	struct buffer wire;
	if (flags.system == message->flags)
		return mbox_reader_raw(reader, out, error);
	while (flags.keyword_count < STORE_KEYWORD_LIMIT &&
	    span_word(&keywords, &word))
		keyword[flags.keyword_count++] = word;
	buffer_init(&wire, 0);
	int result = mbox_reader_text(reader, &wire, error);
	if (result == 0)
		result = mbox_reader_add(out, buffer_span(&wire), &flags,
			message->date, error);
	buffer_fini(&wire);
	return result;
}

static int
copy_messages(struct mail_file *file, int to, struct error *error)
{
	struct mbox_reader reader;
	struct buffer out;
	size_t next = 0;
	int result;
	if (mbox_reader_open(&reader, file->path, error) < 0)
		return -1;
	mbox_reader_seek(&reader, 0);
	buffer_init(&out, 0);
	while ((result = mbox_reader_next(&reader, error)) > 0) {
		const struct mail_message *message =
			&file->box.message[next++];
		if (next > file->box.count ||
		    message->place != reader.message.place)
			result = error_set(error, ERROR_LATER,
				"%s has been changed by another program",
				file->path);
		else if (!is_removed(message))
			result = copy_message(&reader, message, &out, error);
		if (result >= 0 && out.size >= WRITE_SIZE) {
			result = file_write_all(to, buffer_span(&out), error);
			buffer_clear(&out);
		}
		if (result < 0)
			break;
	}
	if (result == 0)
		result = file_write_all(to, buffer_span(&out), error);
	buffer_fini(&out);
	mbox_reader_close(&reader);
	return result;
}

static int
replace(struct mail_file *file, struct error *error)
{
	char path[PATH_MAX + 20];
	snprintf(path, sizeof(path), "%s.XXXXXX", file->path);
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, "making a file beside %s",
			file->path);
	int result = copy_messages(file, fd, error);
	if (result == 0 && (fchmod(fd, file->facts.st_mode & 07777) < 0 ||
	    fchown(fd, file->facts.st_uid, file->facts.st_gid) < 0))
		result = error_set_errno(error, "giving %s its owner", path);
	if (result == 0)
		result = file_sync_data(fd, error);
	if (result == 0 && is_changed(file))
		result = error_set(error, ERROR_LATER, "%s has been changed by "
			"another program, and stays as it is", file->path);
	if (result == 0 && rename(path, file->path) < 0)
		result = error_set_errno(error, "renaming %s", path);
	if (result < 0)
		unlink(path);
	file_close(&fd);
	return result;
}

static int
finish(struct mail_box *box, struct error *error)
{
	struct mail_file *file = (struct mail_file *)box;
	char lock[PATH_MAX + 8];
	if (!has_changes(box))
		return 0;
	snprintf(lock, sizeof(lock), "%s.lock", file->path);
	int fd = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(error, "locking %s", file->path);
	int result = is_changed(file) ? error_set(error, ERROR_LATER,
		"%s has been changed by another program, and stays as it is",
		file->path) : replace(file, error);
	unlink(lock);
	file_close(&fd);
	return result;
}

static int
poll_messages(struct mail_box *box, struct error *error)
{
	(void)box;
	(void)error;
	return 0;
}

static void
close_box(struct mail_box **box)
{
	mail_box_free(box);
}

static const struct mail_box_functions functions = {
	load, read_message, finish, poll_messages, close_box,
};

struct mail_box *
mail_box_open_file(const char *path, struct error *error)
{
	struct mail_file *file = memory_new(sizeof(*file));
	struct mail_box *box = &file->box;
	box->call = &functions;
	arena_init(&box->arena, 0);
	snprintf(box->name, sizeof(box->name), "%s", path);
	snprintf(box->user, sizeof(box->user), "%s", path);
	/* What is renamed is the file, not a link to it. */
	if (realpath(path, file->path) == NULL) {
		error_set_errno(error, "opening %s", path);
		close_box(&box);
	} else if (read_all(file, error) < 0) {
		close_box(&box);
	}
	return box;
}
