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

/* Is a run of NULs what was never written? It ends with a sector, with the
 * file, or where somebody has delivered since. (It may begin anywhere: behind
 * what an earlier write of the same sector wrote.) */
static int
is_hole(const struct mbox_source *source, const struct region *run,
	bool *is_hole, struct error *error)
{
	*is_hole = false;
	if (run->begin == run->end)
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
			result = is_hole(source, hole, &found, error);
			if (!found)
				hole->begin = hole->end = at + i + 1;
		}
		at += size;
	}
	if (result == 0 && !found)
		result = is_hole(source, hole, &found, error);
	if (!found)
		*hole = (struct region){ in->end, in->end };
	memory_free(part);
	return result;
}

/* A From_ line in a line, and not one that is quoted: somebody delivered behind
 * what had no end. */
static bool
has_from(struct span line, size_t *at)
{
	struct mbox_from from;
	size_t quotes = 0;
	while (quotes < line.size && line.data[quotes] == '>')
		quotes++;
	for (*at = 0; *at < line.size; (*at)++) {
		*at += span_search(span_skip(line, *at), SPAN("From "));
		if ((*at == 0 || *at != quotes) &&
			mbox_from_parse(span_skip(line, *at), &from))
			return true;
	}
	return false;
}

/* Where the first is in a region, or the region's end. */
static int
find_arrival(const struct mbox_source *source, const struct region *in,
	uint64_t *found, struct error *error)
{
	struct mbox_lines lines;
	struct mbox_line line;
	size_t at;
	int result;
	*found = in->end;
	mbox_lines_init(&lines, source, in->begin, MBOX_WINDOW);
	while ((result = mbox_lines_next(&lines, &line, error)) > 0 &&
		line.offset < in->end) {
		if (!line.ends || !has_from(line.bytes, &at))
			continue;
		*found = line.offset + at;
		break;
	}
	mbox_lines_fini(&lines);
	return result < 0 ? -1 : 0;
}

/* Where the message ends by its Content-Length; it may be beyond the file. What
 * has none may be torn in its header. */
static uint64_t
own_end(const struct mbox_message *message, bool *is_sure)
{
	const struct mbox_value *value = &message->value[MBOX_CONTENT_LENGTH];
	uint64_t length;
	*is_sure = false;
	if (value->count != 1 || !span_to_number(value->text, INT64_MAX / 2,
			&length))
		return message->head_end;
	uint64_t end = message->body + length;
	*is_sure = message->end >= end && message->end - end <= 1;
	return end;
}

/* Looks at one message: is it torn, and what of it. */
static int
look_at_message(const struct mbox_source *source,
	const struct mbox_message *message, struct region *torn,
	struct error *error)
{
	bool is_sure;
	uint64_t own = own_end(message, &is_sure), arrival;
	struct region hole;
	if (own > message->end)
		own = message->end;
	*torn = (struct region){ message->end, message->end };
	if (!is_sure && find_arrival(source, &(struct region){ message->head,
			own }, &arrival, error) < 0)
		return -1;
	if (!is_sure && arrival < own) {
		*torn = (struct region){ message->place, arrival };
		return 0;
	}
	if (own <= message->head_end)
		own = message->end;
	own += own < message->end;
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
	/* What others delivered behind it is not torn. */
	return find_arrival(source, &(struct region){ hole.begin,
		message->end }, &torn->end, error);
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
			*torn = (struct region){ *at, size };
			result = find_arrival(&source, torn, &torn->end, error);
		} else if (result == 0) {
			*at = size;
		}
		mbox_scanner_free(&scanner);
	}
	return result;
}

/* Does a message begin there? *at is moved behind ends of lines that a delivery
 * adds first. */
static int
is_boundary(const struct mbox_file *file, uint64_t *at, uint64_t size,
	bool *is_boundary, struct error *error)
{
	struct mbox_source source = mbox_source_file(&file->fd, size);
	char byte = '\n';
	while (*at < size) {
		if (file_read_at(file->fd, &byte, 1, *at, error) < 0)
			return -1;
		if (byte != '\n')
			break;
		(*at)++;
	}
	return mbox_scan_is_from(&source, *at, is_boundary, error);
}

/* Is this the beginning of a From_ line, which is all there is? */
static int
is_begun(const struct mbox_file *file, const struct region *in, bool *is_begun,
	struct error *error)
{
	char text[MBOX_FROM_LIMIT];
	struct span from = SPAN("From ");
	*is_begun = false;
	if (in->end - in->begin > sizeof(text))
		return 0;
	struct span line = span_of(text, (size_t)(in->end - in->begin));
	if (file_read_at(file->fd, text, line.size, in->begin, error) < 0)
		return -1;
	*is_begun = span_find(line, '\n') == line.size && span_equals(
		span_first(line, from.size), span_first(from, line.size));
	return 0;
}

/* A mark behind which another program has written the file anew says nothing:
 * there must be a From_ line, the beginning of one, or a hole. */
static int
is_mark_good(const struct mbox_file *file, uint64_t *at, bool *is_good,
	struct error *error)
{
	uint64_t size, next;
	struct region hole;
	*is_good = false;
	if (mbox_file_size(file, &size, error) < 0 ||
		is_boundary(file, at, size, is_good, error) < 0)
		return -1;
	if (*is_good || *at >= size)
		return 0;
	struct mbox_source source = mbox_source_file(&file->fd, size);
	if (find_arrival(&source, &(struct region){ *at, size }, &next,
			error) < 0 || find_hole(&source, &(struct region){ *at,
			next }, &hole, error) < 0)
		return -1;
	*is_good = hole.begin < hole.end;
	return *is_good ? 0 : is_begun(file, &(struct region){ *at, size },
		is_good, error);
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
	if (!get_mark(marks, file, &mark))
		mark.size = UINT64_MAX;
	/* Where a mark is after others wrote the file, no message begins. */
	bool is_good = mark.size == size;
	if (mark.size < size && size - mark.size < MARK_AGE &&
		is_boundary(file, &mark.size, size, &is_good, error) < 0)
		return -1;
	if (!is_good && write_mark(marks, file, size, error) < 0)
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
