/*
 * Mail in mbox form as a source: one file, or a directory in which every such
 * file is a folder. Symbolic links are not followed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/memory.h"
#include "ctl/mbox_reader.h"
#include "ctl/transfer.h"

enum { DEPTH_LIMIT = 16, FOLDER_LIMIT = 10000, LIST_LIMIT = 1 << 20 };

struct file {
	char *path;
};

struct source_mbox {
	struct transfer_source source;
	struct arena arena;
	struct transfer_folder *folder;
	struct file *file;
	size_t count, room;
	struct mbox_reader reader;
	struct map seen;		/* keys of the folder; how often */
	struct buffer key;
	struct span keyword[TRANSFER_KEYWORD_LIMIT];
};

static void
add_file(struct source_mbox *mbox, const char *path, struct span name,
	uint64_t size)
{
	if (mbox->count == mbox->room) {
		mbox->room = mbox->room > 0 ? mbox->room * 2 : 16;
		mbox->folder = memory_resize(mbox->folder,
			mbox->room * sizeof(*mbox->folder));
		mbox->file = memory_resize(mbox->file,
			mbox->room * sizeof(*mbox->file));
	}
	if (span_ends_nocase(name, SPAN(".mbox")))
		name = span_first(name, name.size - 5);
	if (span_equals_nocase(name, SPAN("INBOX")))
		name = SPAN("INBOX");
	mbox->folder[mbox->count] = (struct transfer_folder){
		.name = transfer_read_word(&mbox->arena, name), .total = size };
	mbox->file[mbox->count].path = arena_copy_string(&mbox->arena,
		span_from(path));
	mbox->count++;
}

/* Empty, or beginning with a From line. */
static bool
is_mbox(const char *path)
{
	struct mbox_reader reader;
	struct mbox_source source;
	struct error ignored;
	bool is_from = false;
	if (mbox_reader_open(&reader, path, &ignored) < 0)
		return false;
	source = mbox_source_file(&reader.fd, reader.source.end);
	if (source.end == 0 || mbox_scan_is_from(&source, 0, &is_from,
	    &ignored) < 0)
		is_from = source.end == 0;
	mbox_reader_close(&reader);
	return is_from;
}

static int
walk(struct source_mbox *mbox, const char *path, const char *name,
	unsigned depth, struct error *error)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	char below[PATH_MAX], below_name[PATH_MAX];
	struct stat facts;
	int result = 0;
	if (directory == NULL)
		return error_set_errno(error, "opening %s", path);
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.' || mbox->count == FOLDER_LIMIT ||
		    snprintf(below, sizeof(below), "%s/%s", path,
		    entry->d_name) >= (int)sizeof(below) ||
		    lstat(below, &facts) < 0)
			continue;
		snprintf(below_name, sizeof(below_name), "%s%s%s", name,
			*name != '\0' ? "/" : "", entry->d_name);
		if (S_ISDIR(facts.st_mode) && depth < DEPTH_LIMIT)
			result = walk(mbox, below, below_name, depth + 1, error);
		else if (S_ISREG(facts.st_mode) && is_mbox(below))
			add_file(mbox, below, span_from(below_name),
				(uint64_t)facts.st_size);
		else if (S_ISREG(facts.st_mode))
			fprintf(stderr, "posthouse: %s is not in mbox form and "
				"is left out\n", below);
	}
	closedir(directory);
	return result;
}

/* Names in a file of lines, as Dovecot has it for mbox. */
static void
take_subscriptions(struct source_mbox *mbox, const char *path)
{
	char name[PATH_MAX];
	struct buffer list;
	struct span rest, line;
	struct error ignored;
	snprintf(name, sizeof(name), "%s/.subscriptions", path);
	buffer_init(&list, 0);
	if (file_read_whole(AT_FDCWD, name, LIST_LIMIT, &list, &ignored) == 0) {
		rest = buffer_span(&list);
		while (span_split(&rest, '\n', &line))
			for (size_t i = 0; i < mbox->count; i++)
				if (span_equals(mbox->folder[i].name, line))
					mbox->folder[i].is_subscribed = true;
	}
	buffer_fini(&list);
}

/* ---- the source ---- */

static int
list(struct transfer_source *source, const struct transfer_folder **folders,
	size_t *count, struct error *error)
{
	struct source_mbox *mbox = (struct source_mbox *)source;
	(void)error;
	*folders = mbox->folder;
	*count = mbox->count;
	return 0;
}

static void
forget_folder(struct source_mbox *mbox)
{
	mbox_reader_close(&mbox->reader);
	map_fini(&mbox->seen);
	map_init(&mbox->seen);
}

static int
open_folder(struct transfer_source *source, size_t folder, struct error *error)
{
	struct source_mbox *mbox = (struct source_mbox *)source;
	forget_folder(mbox);
	if (mbox_reader_open(&mbox->reader, mbox->file[folder].path, error) < 0)
		return -1;
	mbox_reader_seek(&mbox->reader, 0);
	return 0;
}

/* What the message says, and which of those that say the same it is. */
static void
make_key(struct source_mbox *mbox)
{
	struct span hash = span_of(mbox->reader.message.key, FORMAT_KEY_SIZE);
	uintptr_t before = (uintptr_t)map_get(&mbox->seen, hash);
	map_put(&mbox->seen, hash, (void *)(before + 1));
	buffer_clear(&mbox->key);
	buffer_add_hex(&mbox->key, hash);
	buffer_print(&mbox->key, ".%zu", (size_t)before);
}

static int
next(struct transfer_source *source, struct transfer_message *message,
	uint64_t *passed, struct error *error)
{
	struct source_mbox *mbox = (struct source_mbox *)source;
	struct span words, word;
	int result = mbox_reader_next(&mbox->reader, error);
	if (result <= 0)
		return result;
	make_key(mbox);
	*message = (struct transfer_message){ .key = buffer_span(&mbox->key),
		.flags = mbox->reader.flags, .keyword = mbox->keyword,
		.date = mbox->reader.message.date,
		.zone = mbox->reader.message.zone };
	words = mbox->reader.message.value[MBOX_X_KEYWORDS].text;
	while (message->keyword_count < TRANSFER_KEYWORD_LIMIT &&
	    span_word(&words, &word))
		mbox->keyword[message->keyword_count++] = word;
	*passed = mbox->reader.message.end;
	return 1;
}

static int
take(struct transfer_source *source, struct buffer *text, struct error *error)
{
	struct source_mbox *mbox = (struct source_mbox *)source;
	return mbox_reader_text(&mbox->reader, text, error);
}

static int
settle(struct transfer_source *source, struct error *error)
{
	(void)source;
	(void)error;
	return 0;
}

static void
close_source(struct transfer_source **source)
{
	struct source_mbox *mbox = (struct source_mbox *)*source;
	forget_folder(mbox);
	map_fini(&mbox->seen);
	buffer_fini(&mbox->key);
	memory_free(mbox->folder);
	memory_free(mbox->file);
	arena_fini(&mbox->arena);
	memory_free(mbox);
	*source = NULL;
}

static const struct transfer_source_functions functions = {
	list, open_folder, next, take, settle, close_source,
};

struct transfer_source *
source_mbox_open(const char *path, struct error *error)
{
	struct source_mbox *mbox = memory_new(sizeof(*mbox));
	struct transfer_source *source = &mbox->source;
	struct stat facts;
	int result = 0;
	source->call = &functions;
	arena_init(&mbox->arena, 0);
	buffer_init(&mbox->key, 0);
	map_init(&mbox->seen);
	mbox->reader.fd = -1;
	if (stat(path, &facts) < 0) {
		result = error_set_errno(error, "opening %s", path);
	} else if (S_ISDIR(facts.st_mode)) {
		result = walk(mbox, path, "", 0, error);
		take_subscriptions(mbox, path);
	} else if (is_mbox(path)) {
		add_file(mbox, path, SPAN("INBOX"), (uint64_t)facts.st_size);
	} else {
		result = error_set(error, ERROR_USAGE, "%s: found a file that "
			"does not begin with a \"From \" line, expected mbox "
			"form", path);
	}
	if (result < 0)
		close_source(&source);
	return source;
}
