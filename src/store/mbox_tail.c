/* See mbox_tail.h. */
#include "store/mbox_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/codec.h"
#include "store/mbox_content.h"

enum {
	SECTOR = 512, ROOM = 1 << 18, MARK = 12,
	MARK_AGE = 16 << 20,	/* bytes behind a mark before it is moved */
};

/* ---- marks ---- */

void
mbox_marks_init(struct mbox_marks *marks)
{
	pthread_mutex_init(&marks->lock, NULL);
	marks->first = NULL;
}

void
mbox_marks_fini(struct mbox_marks *marks, const struct files_calls *calls)
{
	while (marks->first != NULL) {
		struct mbox_mark *mark = marks->first;
		const struct mbox_file file = { .device = mark->device,
			.inode = mark->inode };
		char name[MBOX_NAME_SIZE];
		mbox_file_name(&file, "tail", name);
		if (!mark->is_doubtful)
			calls->unlink(calls->context, name);
		marks->first = mark->next;
		memory_free(mark);
	}
	pthread_mutex_destroy(&marks->lock);
}

/* A copy of this file's; the file's lock keeps others from changing it. */
static bool
get_mark(struct mbox_marks *marks, const struct mbox_file *file,
	struct mbox_mark *out)
{
	pthread_mutex_lock(&marks->lock);
	struct mbox_mark *mark = marks->first;
	while (mark != NULL && (mark->device != file->device ||
		mark->inode != file->inode))
		mark = mark->next;
	if (mark != NULL)
		*out = *mark;
	pthread_mutex_unlock(&marks->lock);
	return mark != NULL;
}

static void
keep_mark(struct mbox_marks *marks, const struct mbox_file *file,
	uint64_t size, bool is_doubtful)
{
	pthread_mutex_lock(&marks->lock);
	struct mbox_mark *mark = marks->first;
	while (mark != NULL && (mark->device != file->device ||
		mark->inode != file->inode))
		mark = mark->next;
	if (mark == NULL) {
		mark = memory_new(sizeof(*mark));
		mark->device = file->device;
		mark->inode = file->inode;
		mark->next = marks->first;
		marks->first = mark;
	}
	mark->size = size;
	mark->is_doubtful = is_doubtful;
	pthread_mutex_unlock(&marks->lock);
}

static int
write_mark(struct mbox_marks *marks, const struct mbox_file *file,
	uint64_t size, struct error *error)
{
	const struct files_calls *calls = file->calls;
	char name[MBOX_NAME_SIZE];
	struct buffer bytes;
	mbox_file_name(file, "tail", name);
	int fd = calls->open(calls->context, name, O_CREAT);
	if (fd < 0)
		return error_set_errno(error, "making %s", name);
	buffer_init(&bytes, 0);
	buffer_add_u64(&bytes, size);
	buffer_add_u32(&bytes, hash_crc32c(0, bytes.data, bytes.size));
	int result = mbox_file_write(file, fd, buffer_span(&bytes), 0, error);
	if (result == 0)
		result = calls->sync(calls->context, fd,
			(enum files_sync)MBOX_SYNC_TAIL, error);
	if (result == 0)
		result = calls->sync_directory(calls->context, ".",
			(enum files_sync)MBOX_SYNC_TAIL_NAME, error);
	calls->close(calls->context, fd);
	buffer_fini(&bytes);
	if (result == 0)
		keep_mark(marks, file, size, false);
	return result;
}

/* 1, or 0 when there is none that can be read. */
static int
read_mark(const struct mbox_file *file, uint64_t *size)
{
	const struct files_calls *calls = file->calls;
	char name[MBOX_NAME_SIZE];
	uint8_t bytes[MARK];
	struct codec_reader reader;
	struct error error;
	mbox_file_name(file, "tail", name);
	int fd = calls->open(calls->context, name, 0);
	if (fd < 0)
		return 0;
	int result = file_read_at(fd, bytes, MARK, 0, &error);
	calls->close(calls->context, fd);
	codec_reader_init(&reader, span_of(bytes, MARK));
	*size = codec_read_u64(&reader);
	return result == 0 &&
		codec_read_u32(&reader) == hash_crc32c(0, bytes, 8);
}

/* ---- what may be torn ---- */

struct region {
	uint64_t begin, end;
};

/* Is a run of NULs what was never written? It fills sectors to their ends, to
 * the end of the file, or to where somebody has delivered since. `from` is
 * where something new began. */
static int
is_hole(const struct mbox_source *source, const struct region *run,
	uint64_t from, bool *is_hole, struct error *error)
{
	*is_hole = false;
	if (run->begin == run->end ||
		(run->begin != from && run->begin % SECTOR != 0))
		return 0;
	*is_hole = run->end % SECTOR == 0 || run->end == source->end;
	return *is_hole ? 0 :
		mbox_scan_is_from(source, run->end, is_hole, error);
}

/* The first such run in what is looked at; empty, at its end: there is none. */
static int
find_hole(const struct mbox_source *source, const struct region *in,
	struct region *hole, struct error *error)
{
	char *part = memory_new(ROOM);
	bool found = false;
	int result = 0;
	*hole = (struct region){ in->begin, in->begin };
	for (uint64_t at = in->begin; at < in->end && !found && result == 0;) {
		size_t size = in->end - at < ROOM ? (size_t)(in->end - at) :
			ROOM;
		result = source->read(source->context, at, part, size, error);
		for (size_t i = 0; i < size && !found && result == 0; i++) {
			if (part[i] == '\0') {
				hole->end = at + i + 1;
				continue;
			}
			result = is_hole(source, hole, in->begin, &found, error);
			if (!found)
				hole->begin = hole->end = at + i + 1;
		}
		at += size;
	}
	if (result == 0 && !found)
		result = is_hole(source, hole, in->begin, &found, error);
	if (!found)
		*hole = (struct region){ in->end, in->end };
	memory_free(part);
	return result;
}

/* The next place behind `from` where a message begins after an empty line. */
static int
next_from(const struct mbox_source *source, uint64_t from, uint64_t *next,
	struct error *error)
{
	struct mbox_lines lines;
	struct mbox_line line;
	struct mbox_from parsed;
	bool is_after_empty = false;
	int result;
	*next = source->end;
	mbox_lines_init(&lines, source, from, MBOX_WINDOW);
	while ((result = mbox_lines_next(&lines, &line, error)) > 0) {
		/* Others deliver behind NULs as behind anything. */
		size_t nuls = 0;
		while (nuls < line.bytes.size && line.bytes.data[nuls] == '\0')
			nuls++;
		if ((is_after_empty || nuls > 0) && line.begins && line.ends &&
			mbox_from_parse(span_skip(line.bytes, nuls), &parsed)) {
			*next = line.offset + nuls;
			break;
		}
		is_after_empty = line.begins &&
			span_equals(line.bytes, SPAN("\n"));
	}
	mbox_lines_fini(&lines);
	return result < 0 ? -1 : 0;
}

/* Looks at one message: is it torn, and what of it. */
static int
look_at_message(const struct mbox_source *source,
	const struct mbox_message *message, struct region *torn,
	struct error *error)
{
	const struct mbox_value *value = &message->value[MBOX_CONTENT_LENGTH];
	uint64_t length, own = message->end;
	struct region hole;
	if (value->count == 1 && span_to_number(value->text, INT64_MAX / 2,
			&length) && message->body + length < message->end) {
		own = message->body + length;
		own += own < message->end;
	}
	*torn = (struct region){ message->end, message->end };
	if (find_hole(source, &(struct region){ message->place, own }, &hole,
			error) < 0)
		return -1;
	if (hole.begin < hole.end || (message->end == source->end &&
		(message->is_claiming || !message->has_head_end)))
		torn->begin = message->place;
	/* It is whole; what is behind it may be the next one's. */
	if (hole.begin == hole.end && find_hole(source, &(struct region){ own,
			message->end }, &hole, error) < 0)
		return -1;
	if (hole.begin == hole.end)
		return 0;
	if (torn->begin == torn->end)
		torn->begin = own;
	bool is_from;
	if (mbox_scan_is_from(source, hole.end, &is_from, error) < 0)
		return -1;
	if (is_from)
		torn->end = hole.end;
	return 0;
}

/* The first torn region from *at on; begin == end: none. */
static int
find_torn(const struct mbox_file *file, uint64_t *at, struct region *torn,
	struct error *error)
{
	uint64_t size;
	int result = mbox_file_size(file, &size, error);
	struct mbox_source source = mbox_source_file(&file->fd, size);
	*torn = (struct region){ size, size };
	while (result == 0 && *at < size && torn->begin == torn->end) {
		struct mbox_message message;
		struct mbox_scanner *scanner = mbox_scanner_new(&source, *at,
			false);
		result = mbox_scanner_next(scanner, &message, error);
		if (result > 0) {
			result = look_at_message(&source, &message, torn,
				error);
			*at = torn->begin;
		} else if (result < 0 && error->code == ERROR_DAMAGED) {
			torn->begin = *at;
			result = next_from(&source, *at, &torn->end, error);
		} else if (result == 0) {
			*at = size;
		}
		mbox_scanner_free(&scanner);
	}
	return result;
}

/* A mark behind which another program has written the file anew says nothing:
 * there must be a From_ line, the beginning of one, or a hole. */
static int
is_mark_good(const struct mbox_file *file, uint64_t *at, bool *is_good,
	struct error *error)
{
	uint64_t size, next;
	char byte;
	*is_good = false;
	if (mbox_file_size(file, &size, error) < 0)
		return -1;
	/* Ends of lines that a delivery adds first are not part of it. */
	for (; *at < size; (*at)++) {
		if (file_read_at(file->fd, &byte, 1, *at, error) < 0)
			return -1;
		if (byte != '\n')
			break;
	}
	if (*at >= size)
		return 0;
	struct mbox_source source = mbox_source_file(&file->fd, size);
	if (mbox_scan_is_from(&source, *at, is_good, error) < 0)
		return -1;
	if (*is_good)
		return 0;
	struct region hole;
	if (next_from(&source, *at, &next, error) < 0 || find_hole(&source,
			&(struct region){ *at, next }, &hole, error) < 0)
		return -1;
	*is_good = hole.begin < hole.end;
	char begin[5];
	size_t left = size - *at < 5 ? (size_t)(size - *at) : 5;
	if (*is_good || size - *at > MBOX_FROM_LIMIT)
		return 0;
	if (file_read_at(file->fd, begin, left, *at, error) < 0)
		return -1;
	*is_good = memcmp(begin, "From ", left) == 0 && next == size;
	return 0;
}

/* ---- setting aside ---- */

static int
copy_aside(const struct mbox_file *file, const struct region *torn,
	const char *name, struct error *error)
{
	const struct files_calls *calls = file->calls;
	char *part = memory_new(ROOM);
	int fd = calls->open(calls->context, name, O_CREAT | O_EXCL);
	int result = fd < 0 ? error_set_errno(error, "making %s", name) : 0;
	for (uint64_t at = torn->begin; at < torn->end && result == 0;) {
		size_t size = torn->end - at < ROOM ?
			(size_t)(torn->end - at) : ROOM;
		result = file_read_at(file->fd, part, size, at, error);
		if (result == 0)
			result = mbox_file_write(file, fd, span_of(part, size),
				at - torn->begin, error);
		at += size;
	}
	if (result == 0)
		result = calls->sync(calls->context, fd,
			(enum files_sync)MBOX_SYNC_END, error);
	if (fd >= 0)
		calls->close(calls->context, fd);
	memory_free(part);
	return result;
}

static int
cut_out(const struct mbox_file *file, const struct region *torn,
	struct error *error)
{
	char name[MBOX_NAME_SIZE];
	uint64_t size;
	snprintf(name, sizeof(name), "aside-%016llx",
		(unsigned long long)random_u64());
	log_event(LOG_WARN, "torn-message-set-aside", NULL,
		LOG_TEXT("file", name),
		LOG_NUMBER("offset", torn->begin),
		LOG_NUMBER("size", torn->end - torn->begin));
	if (mbox_file_size(file, &size, error) < 0 ||
		copy_aside(file, torn, name, error) < 0)
		return -1;
	const struct store_piece piece = { .fd = file->fd,
		.offset = torn->end, .size = size - torn->end };
	const struct mbox_patch patch = { torn->begin, &piece, 1 };
	if (torn->end < size)
		return mbox_intent_change(file, &patch, 1,
			size - (torn->end - torn->begin), error);
	if (file->calls->truncate(file->calls->context, file->fd,
			torn->begin) < 0)
		return error_set_errno(error, "making a mailbox shorter");
	return file->calls->sync(file->calls->context, file->fd,
		(enum files_sync)MBOX_SYNC_CHANGE, error);
}

int
mbox_tail_check(struct mbox_marks *marks, const struct mbox_file *file,
	struct error *error)
{
	struct mbox_mark mark;
	struct region torn;
	uint64_t at, size;
	bool is_good;
	if (get_mark(marks, file, &mark)) {
		if (!mark.is_doubtful)
			return 0;
		at = mark.size;
	} else if (!read_mark(file, &at)) {
		return 0;
	}
	if (is_mark_good(file, &at, &is_good, error) < 0)
		return -1;
	while (is_good) {
		if (find_torn(file, &at, &torn, error) < 0)
			return -1;
		if (torn.begin == torn.end)
			break;
		if (cut_out(file, &torn, error) < 0)
			return -1;
		at = torn.begin;
	}
	return mbox_file_size(file, &size, error) < 0 ? -1 :
		write_mark(marks, file, size, error);
}

/* ---- a delivery ---- */

/* The pieces of a new message, one behind the other. */
struct pieces {
	const struct store_piece *piece;
	size_t count;
};

static int
read_pieces(void *context, uint64_t offset, void *out, size_t size,
	struct error *error)
{
	const struct pieces *pieces = context;
	char *to = out;
	for (size_t i = 0; i < pieces->count && size > 0; i++) {
		const struct store_piece *piece = &pieces->piece[i];
		uint64_t has = piece->bytes.data != NULL ? piece->bytes.size :
			piece->size;
		if (offset >= has) {
			offset -= has;
			continue;
		}
		size_t part = has - offset < size ? (size_t)(has - offset) :
			size;
		if (piece->bytes.data != NULL)
			memcpy(to, piece->bytes.data + offset, part);
		else if (file_read_at(piece->fd, to, part,
				piece->offset + offset, error) < 0)
			return -1;
		to += part;
		size -= part;
		offset = 0;
	}
	return 0;
}

static struct mbox_source
source_of(struct pieces *pieces)
{
	uint64_t size = 0;
	for (size_t i = 0; i < pieces->count; i++)
		size += pieces->piece[i].bytes.data != NULL ?
			pieces->piece[i].bytes.size : pieces->piece[i].size;
	return (struct mbox_source){ pieces, read_pieces, size };
}

/* Where encoded bytes go. */
struct output {
	const struct mbox_file *file;
	int fd;
	uint64_t offset;
	struct buffer buffer;
};

static int
flush(struct output *output, struct error *error)
{
	if (mbox_file_write(output->file, output->fd,
			buffer_span(&output->buffer), output->offset, error) < 0)
		return -1;
	output->offset += output->buffer.size;
	buffer_clear(&output->buffer);
	return 0;
}

static int
take(void *context, struct span bytes, struct error *error)
{
	struct output *output = context;
	buffer_add(&output->buffer, bytes);
	return output->buffer.size < 4 * ROOM ? 0 : flush(output, error);
}

/* What has to stand before a From_ line, so that an empty line does. */
static int
add_separator(const struct mbox_file *file, uint64_t size,
	struct output *output, struct error *error)
{
	char end[3];
	size_t n = size < sizeof(end) ? (size_t)size : sizeof(end);
	if (size == 0)
		return 0;
	if (file_read_at(file->fd, end, n, size - n, error) < 0)
		return -1;
	struct span tail = span_of(end, n);
	if (!span_ends_nocase(tail, SPAN("\n")))
		buffer_add_string(&output->buffer, "\n\n");
	else if (!span_ends_nocase(tail, SPAN("\n\n")) &&
		!span_ends_nocase(tail, SPAN("\n\r\n")))
		buffer_add_string(&output->buffer, "\n");
	return 0;
}

static int
is_mbox(const struct mbox_file *file, uint64_t size, struct error *error)
{
	char begin[5];
	if (size == 0)
		return 0;
	if (size >= sizeof(begin) && file_read_at(file->fd, begin,
			sizeof(begin), 0, error) < 0)
		return -1;
	if (size < sizeof(begin) || (memcmp(begin, "From ", 5) != 0 &&
		begin[0] != '\n' && begin[0] != '\r'))
		return error_set(error, ERROR_DAMAGED,
			"the file is not a mailbox: it does not begin with From");
	return 0;
}

static int
encode(struct output *output, const struct store_message_new *message,
	const struct pieces *body, const struct mbox_measure *measure,
	uint8_t key[16], struct error *error)
{
	struct pieces pieces = *body;
	struct mbox_source source = source_of(&pieces);
	const struct mbox_writing writing = { &source, measure,
		&message->flags, message->internal_date != 0 ?
		message->internal_date : clock_wall() / 1000, take, output };
	return mbox_content_write(&writing, key, error);
}

struct batch {
	const struct store_message_new *message;
	size_t count;
	struct pieces *body;
	struct mbox_measure *measure;
	bool is_plain;		/* one message, no NUL: a tear would show */
};

static int
measure_batch(struct batch *batch, struct error *error)
{
	batch->is_plain = batch->count == 1;
	for (size_t i = 0; i < batch->count; i++) {
		const struct store_message_new *message = &batch->message[i];
		batch->body[i] = message->shares_body && i > 0 ?
			batch->body[i - 1] : (struct pieces){ message->piece,
			message->piece_count };
		struct mbox_source source = source_of(&batch->body[i]);
		if (mbox_content_measure(&source, &batch->measure[i],
				error) < 0)
			return -1;
		batch->is_plain &= !batch->measure[i].has_nul;
	}
	return 0;
}

static int
encode_batch(const struct batch *batch, struct output *output,
	uint8_t (*keys)[16], struct error *error)
{
	for (size_t i = 0; i < batch->count; i++)
		if (encode(output, &batch->message[i], &batch->body[i],
				&batch->measure[i], keys[i], error) < 0)
			return -1;
	return flush(output, error);
}

/* What could not be written is cut off again. */
static void
cut_back(struct mbox_marks *marks, const struct mbox_file *file,
	uint64_t size)
{
	const struct files_calls *calls = file->calls;
	struct mbox_mark mark;
	struct error error;
	if (calls->truncate(calls->context, file->fd, size) == 0 &&
		calls->sync(calls->context, file->fd,
			(enum files_sync)MBOX_SYNC_END, &error) == 0)
		return;
	if (get_mark(marks, file, &mark))
		keep_mark(marks, file, mark.size, true);
}

static int
append_plain(struct mbox_marks *marks, const struct mbox_file *file,
	const struct batch *batch, uint64_t size, uint8_t (*keys)[16],
	struct error *error)
{
	struct mbox_mark mark;
	struct output output = { .file = file, .fd = file->fd, .offset = size };
	if ((!get_mark(marks, file, &mark) || mark.size > size ||
		size - mark.size > MARK_AGE) &&
		write_mark(marks, file, size, error) < 0)
		return -1;
	buffer_init(&output.buffer, 0);
	int result = add_separator(file, size, &output, error);
	if (result == 0)
		result = encode_batch(batch, &output, keys, error);
	if (result == 0)
		result = file->calls->sync(file->calls->context, file->fd,
			(enum files_sync)MBOX_SYNC_APPEND, error);
	if (result < 0)
		cut_back(marks, file, size);
	buffer_fini(&output.buffer);
	return result;
}

/* Written to a file without name first, which is the data of an intent. */
static int
append_whole(struct mbox_marks *marks, const struct mbox_file *file,
	const struct batch *batch, uint64_t size, uint8_t (*keys)[16],
	struct error *error)
{
	const struct files_calls *calls = file->calls;
	char name[MBOX_NAME_SIZE];
	struct mbox_mark mark;
	mbox_file_name(file, "batch", name);
	calls->unlink(calls->context, name);
	struct output output = { .file = file,
		.fd = calls->open(calls->context, name, O_CREAT | O_EXCL) };
	if (output.fd < 0)
		return error_set_errno(error, "making %s", name);
	calls->unlink(calls->context, name);
	buffer_init(&output.buffer, 0);
	int result = add_separator(file, size, &output, error);
	if (result == 0)
		result = encode_batch(batch, &output, keys, error);
	const struct store_piece piece = { .fd = output.fd,
		.size = output.offset };
	const struct mbox_patch patch = { size, &piece, 1 };
	if (result == 0)
		result = mbox_intent_change(file, &patch, 1,
			size + output.offset, error);
	/* NULs of whole messages are no tear. */
	if (result == 0 && get_mark(marks, file, &mark))
		result = write_mark(marks, file, size + output.offset, error);
	calls->close(calls->context, output.fd);
	buffer_fini(&output.buffer);
	return result;
}

int
mbox_tail_append(struct mbox_marks *marks, const struct mbox_file *file,
	const struct store_message_new *messages, size_t count,
	uint8_t (*keys)[16], struct error *error)
{
	struct batch batch = { .message = messages, .count = count };
	uint64_t size;
	if (mbox_file_size(file, &size, error) < 0 ||
		is_mbox(file, size, error) < 0)
		return -1;
	batch.body = memory_new_array(count + 1, sizeof(*batch.body));
	batch.measure = memory_new_array(count + 1, sizeof(*batch.measure));
	int result = measure_batch(&batch, error);
	if (result == 0)
		result = batch.is_plain ?
			append_plain(marks, file, &batch, size, keys, error) :
			append_whole(marks, file, &batch, size, keys, error);
	memory_free(batch.body);
	memory_free(batch.measure);
	return result;
}
