/*
 * Folders as files in mbox form: "A/B" is DIR/A/B.mbox. How far each is written
 * stands in DIR/.posthouse-export, so that a second run cuts off what a killed
 * one left half, and goes on behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "ctl/export.h"
#include "ctl/mbox_reader.h"

enum { STATE_LIMIT = 64 << 20 };

struct export_mbox {
	struct export_sink sink;
	struct arena arena;
	int state;			/* .posthouse-export, appended to */
	struct buffer states;		/* what it held at the start */
	char *path;
	/* the open folder */
	int fd;
	struct span folder;
	uint32_t validity, last_uid;
	uint64_t offset;
	bool is_ours;			/* an earlier run has begun it */
	struct buffer out;
};

/* What may stand in the name of a file; "A.mbox" could be a file of ours. */
static void
add_file_name(struct buffer *out, struct span folder)
{
	struct span rest = folder, level;
	while (span_split(&rest, '/', &level)) {
		buffer_add_byte(out, '/');
		if (level.size > 0 && level.data[0] == '.') {
			buffer_add(out, SPAN("%2e"));
			level = span_skip(level, 1);
		}
		transfer_add_word(out, level);
		if (rest.data != NULL && span_ends_nocase(level, SPAN(".mbox")))
			buffer_add_byte(out, '_');
	}
	buffer_add(out, SPAN(".mbox"));
}

/* "FOLDER VALIDITY UID OFFSET"; the last line of a folder counts. */
static void
find_state(struct export_mbox *mbox)
{
	struct span rest = buffer_span(&mbox->states), line, word, name;
	struct buffer wanted;
	uint64_t number[3];
	buffer_init(&wanted, 0);
	transfer_add_word(&wanted, mbox->folder);
	while (span_split(&rest, '\n', &line)) {
		bool is_whole = span_word(&line, &name) &&
			span_equals(name, buffer_span(&wanted));
		mbox->is_ours |= is_whole;
		for (size_t i = 0; i < 3 && is_whole; i++)
			is_whole = span_word(&line, &word) &&
				span_to_number(word, INT64_MAX, &number[i]);
		if (!is_whole || number[0] != mbox->validity)
			continue;
		mbox->last_uid = (uint32_t)number[1];
		mbox->offset = number[2];
	}
	buffer_fini(&wanted);
}

static int
note_state(struct export_mbox *mbox, struct error *error)
{
	struct buffer line;
	buffer_init(&line, 0);
	transfer_add_word(&line, mbox->folder);
	buffer_print(&line, " %u %u %llu\n", mbox->validity, mbox->last_uid,
		(unsigned long long)mbox->offset);
	int result = file_write_all(mbox->state, buffer_span(&line), error);
	buffer_fini(&line);
	return result;
}

static int
open_folder(struct export_sink *sink, const struct transfer_folder *folder,
	struct error *error)
{
	struct export_mbox *mbox = (struct export_mbox *)sink;
	struct buffer path;
	struct stat facts;
	file_close(&mbox->fd);
	mbox->folder = folder->name;
	mbox->validity = folder->validity;
	mbox->last_uid = 0;
	mbox->offset = 0;
	mbox->is_ours = false;
	find_state(mbox);
	buffer_init(&path, 0);
	buffer_add_string(&path, mbox->path);
	add_file_name(&path, folder->name);
	char *name = arena_copy_string(&mbox->arena, buffer_span(&path));
	buffer_fini(&path);
	*strrchr(name, '/') = '\0';
	if (file_make_directories(name, 0700, error) < 0)
		return -1;
	name[strlen(name)] = '/';
	mbox->fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (mbox->fd < 0 || fstat(mbox->fd, &facts) < 0)
		return error_set_errno(error, "opening %s", name);
	if ((uint64_t)facts.st_size < mbox->offset ||
	    (mbox->offset == 0 && facts.st_size > 0 && !mbox->is_ours))
		return error_set(error, ERROR_EXISTS, "%s is there, and not "
			"as an export left it", name);
	if (ftruncate(mbox->fd, (off_t)mbox->offset) < 0 ||
	    lseek(mbox->fd, 0, SEEK_END) < 0)
		return error_set_errno(error, "cutting %s", name);
	/* the first messages may be cut off: then the file is ours, too */
	return mbox->offset > 0 ? 0 : note_state(mbox, error);
}

static bool
has(struct export_sink *sink, const struct transfer_message *message)
{
	return message->uid <= ((struct export_mbox *)sink)->last_uid;
}

static int
write_message(struct export_sink *sink, const struct transfer_message *message,
	struct span text, struct error *error)
{
	struct export_mbox *mbox = (struct export_mbox *)sink;
	struct store_flags flags = { .system = message->flags,
		.keyword = message->keyword,
		.keyword_count = message->keyword_count };
	mbox->last_uid = message->uid;
	return mbox_reader_add(&mbox->out, text, &flags, message->date, error);
}

/* First the messages, then how far they go. */
static int
sync_folder(struct export_sink *sink, struct error *error)
{
	struct export_mbox *mbox = (struct export_mbox *)sink;
	int result = file_write_all(mbox->fd, buffer_span(&mbox->out), error);
	mbox->offset += mbox->out.size;
	buffer_clear(&mbox->out);
	if (result == 0)
		result = file_sync_data(mbox->fd, error);
	if (result == 0)
		result = note_state(mbox, error);
	return result < 0 ? error_wrap(error, "writing %.*s",
		SPAN_PRINT(mbox->folder)) : 0;
}

static int
subscribe(struct export_sink *sink, const struct transfer_folder *folders,
	size_t count, struct error *error)
{
	struct export_mbox *mbox = (struct export_mbox *)sink;
	char path[PATH_MAX];
	struct buffer list;
	buffer_init(&list, 0);
	for (size_t i = 0; i < count; i++)
		if (folders[i].is_subscribed)
			buffer_print(&list, "%.*s\n",
				SPAN_PRINT(folders[i].name));
	snprintf(path, sizeof(path), "%s/.subscriptions", mbox->path);
	int result = file_replace(AT_FDCWD, path, buffer_span(&list), 0600,
		error);
	buffer_fini(&list);
	return result;
}

static void
close_sink(struct export_sink **sink)
{
	struct export_mbox *mbox = (struct export_mbox *)*sink;
	file_close(&mbox->fd);
	file_close(&mbox->state);
	buffer_fini(&mbox->states);
	buffer_fini(&mbox->out);
	arena_fini(&mbox->arena);
	memory_free(mbox);
	*sink = NULL;
}

static const struct export_sink_functions functions = {
	open_folder, has, write_message, sync_folder, subscribe, close_sink,
};

struct export_sink *
export_mbox_open(const char *path, struct error *error)
{
	struct export_mbox *mbox = memory_new(sizeof(*mbox));
	struct export_sink *sink = &mbox->sink;
	char state[PATH_MAX];
	sink->call = &functions;
	arena_init(&mbox->arena, 0);
	mbox->fd = mbox->state = -1;
	mbox->path = arena_copy_string(&mbox->arena, span_from(path));
	snprintf(state, sizeof(state), "%s/.posthouse-export", path);
	if (file_make_directories(path, 0700, error) < 0) {
		close_sink(&sink);
		return NULL;
	}
	mbox->state = open(state, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC |
		O_NOFOLLOW, 0600);
	if (mbox->state < 0) {
		error_set_errno(error, "opening %s", state);
		close_sink(&sink);
	} else if (file_read_descriptor(mbox->state, STATE_LIMIT,
	    &mbox->states, error) < 0) {
		close_sink(&sink);
	}
	return sink;
}
