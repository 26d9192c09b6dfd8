/* See mbox_intent.h. */
#include "store/mbox_intent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/codec.h"
#include "store/mbox_lines.h"
#include "store/mbox_scan.h"

enum { ROOM = 1 << 18, HEADER = 56, ROW = 16, CONTEXT = 4096, PATCHES = 1 << 20 };

static const char magic[8] = "PHMBOXI1";

/* ---- files ---- */

int
mbox_file_write(const struct mbox_file *file, int fd, struct span bytes,
	uint64_t offset, struct error *error)
{
	while (bytes.size > 0) {
		struct iovec piece = { (void *)(uintptr_t)bytes.data,
			bytes.size };
		ssize_t n = file->calls->write(file->calls->context, fd, &piece,
			1, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set_errno(error, "writing a mailbox");
		bytes = span_skip(bytes, (size_t)n);
		offset += (uint64_t)n;
	}
	return 0;
}

int
mbox_file_size(const struct mbox_file *file, uint64_t *size,
	struct error *error)
{
	struct stat status;
	if (fstat(file->fd, &status) < 0)
		return error_set_errno(error, "looking at a mailbox");
	*size = (uint64_t)status.st_size;
	return 0;
}

void
mbox_file_name(const struct mbox_file *file, const char *kind,
	char name[MBOX_NAME_SIZE])
{
	snprintf(name, MBOX_NAME_SIZE, "%s-%llx-%llx", kind,
		(unsigned long long)file->device,
		(unsigned long long)file->inode);
}

static void
shut(const struct mbox_file *file, int *fd)
{
	if (*fd >= 0)
		file->calls->close(file->calls->context, *fd);
	*fd = -1;
}

/* ---- writing an intent ---- */

/* Bytes on their way to a file, in large writes. */
struct stream {
	const struct mbox_file *file;
	int fd;
	uint64_t offset;
	struct buffer buffer;
	uint32_t crc;
};

static int
flush(struct stream *stream, struct error *error)
{
	struct span bytes = buffer_span(&stream->buffer);
	if (mbox_file_write(stream->file, stream->fd, bytes, stream->offset,
			error) < 0)
		return -1;
	stream->offset += bytes.size;
	buffer_clear(&stream->buffer);
	return 0;
}

static int
stream_add(struct stream *stream, struct span bytes, struct error *error)
{
	stream->crc = hash_crc32c(stream->crc, bytes.data, bytes.size);
	buffer_add(&stream->buffer, bytes);
	return stream->buffer.size < ROOM ? 0 : flush(stream, error);
}

static int
stream_add_range(struct stream *stream, const struct store_piece *piece,
	struct error *error)
{
	static const size_t room = ROOM / 4;
	char *part = memory_new(room);
	int result = 0;
	for (uint64_t done = 0; done < piece->size && result == 0;) {
		size_t size = piece->size - done < room ?
			(size_t)(piece->size - done) : room;
		result = file_read_at(piece->fd, part, size,
			piece->offset + done, error);
		if (result == 0)
			result = stream_add(stream, span_of(part, size), error);
		done += size;
	}
	memory_free(part);
	return result;
}

static uint64_t
piece_size(const struct store_piece *piece)
{
	return piece->bytes.data != NULL ? piece->bytes.size : piece->size;
}

static uint64_t
patch_size(const struct mbox_patch *patch)
{
	uint64_t size = 0;
	for (size_t i = 0; i < patch->count; i++)
		size += piece_size(&patch->piece[i]);
	return size;
}

/* The checksum of what stands before the first change. */
static int
context_of(const struct mbox_file *file, uint64_t offset, uint32_t *size,
	uint32_t *crc, struct error *error)
{
	char bytes[CONTEXT];
	*size = offset < CONTEXT ? (uint32_t)offset : CONTEXT;
	if (file_read_at(file->fd, bytes, *size, offset - *size, error) < 0)
		return -1;
	*crc = hash_crc32c(0, bytes, *size);
	return 0;
}

static int
add_header(struct stream *stream, const struct mbox_patch *patch, size_t count,
	uint64_t new_size, struct error *error)
{
	struct buffer header;
	uint64_t old_size;
	uint32_t size, crc;
	if (mbox_file_size(stream->file, &old_size, error) < 0 ||
		context_of(stream->file, patch[0].offset, &size, &crc,
			error) < 0)
		return -1;
	buffer_init(&header, 0);
	buffer_add(&header, span_of(magic, sizeof(magic)));
	buffer_add_u64(&header, stream->file->device);
	buffer_add_u64(&header, stream->file->inode);
	buffer_add_u64(&header, old_size);
	buffer_add_u64(&header, new_size);
	buffer_add_u32(&header, size);
	buffer_add_u32(&header, crc);
	buffer_add_u64(&header, count);
	for (size_t i = 0; i < count; i++) {
		buffer_add_u64(&header, patch[i].offset);
		buffer_add_u64(&header, patch_size(&patch[i]));
	}
	int result = stream_add(stream, buffer_span(&header), error);
	buffer_fini(&header);
	return result;
}

static int
add_patches(struct stream *stream, const struct mbox_patch *patch,
	size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < patch[i].count; k++) {
			const struct store_piece *piece = &patch[i].piece[k];
			if ((piece->bytes.data != NULL ?
				stream_add(stream, piece->bytes, error) :
				stream_add_range(stream, piece, error)) < 0)
				return -1;
		}
	}
	return 0;
}

static int
write_intent(const struct mbox_file *file, int fd,
	const struct mbox_patch *patch, size_t count, uint64_t new_size,
	struct error *error)
{
	struct stream stream = { .file = file, .fd = fd };
	struct buffer end;
	buffer_init(&stream.buffer, 0);
	buffer_init(&end, 0);
	int result = add_header(&stream, patch, count, new_size, error);
	if (result == 0)
		result = add_patches(&stream, patch, count, error);
	buffer_add_u32(&end, stream.crc);
	if (result == 0)
		result = stream_add(&stream, buffer_span(&end), error);
	if (result == 0)
		result = flush(&stream, error);
	if (result == 0)
		result = file->calls->sync(file->calls->context, fd,
			(enum files_sync)MBOX_SYNC_INTENT, error);
	buffer_fini(&stream.buffer);
	buffer_fini(&end);
	return result;
}

/* ---- reading one ---- */

struct intent {
	int fd;
	uint64_t size;		/* of the intent's file */
	uint64_t old_size, new_size, count;
	uint32_t context_size, context_crc;
	uint64_t data;		/* where the patches' bytes begin */
};

static int
row_of(const struct intent *intent, uint64_t i, uint64_t *offset,
	uint64_t *size, struct error *error)
{
	uint8_t bytes[ROW];
	struct codec_reader reader;
	if (file_read_at(intent->fd, bytes, ROW, HEADER + i * ROW, error) < 0)
		return -1;
	codec_reader_init(&reader, span_of(bytes, ROW));
	*offset = codec_read_u64(&reader);
	*size = codec_read_u64(&reader);
	return 0;
}

static bool
read_header(struct intent *intent, const struct mbox_file *file)
{
	uint8_t bytes[HEADER];
	struct codec_reader reader;
	struct error error;
	if (intent->size < HEADER + 4 ||
		file_read_at(intent->fd, bytes, HEADER, 0, &error) < 0)
		return false;
	codec_reader_init(&reader, span_of(bytes, HEADER));
	struct span begin = codec_read_raw(&reader, sizeof(magic));
	uint64_t device = codec_read_u64(&reader);
	uint64_t inode = codec_read_u64(&reader);
	intent->old_size = codec_read_u64(&reader);
	intent->new_size = codec_read_u64(&reader);
	intent->context_size = codec_read_u32(&reader);
	intent->context_crc = codec_read_u32(&reader);
	intent->count = codec_read_u64(&reader);
	intent->data = HEADER + intent->count * ROW;
	return span_equals(begin, span_of(magic, sizeof(magic))) &&
		device == file->device && inode == file->inode &&
		intent->context_size <= CONTEXT && intent->count > 0 &&
		intent->count <= PATCHES && intent->data <= intent->size - 4;
}

/* Was all of it written? */
static bool
is_whole(const struct intent *intent)
{
	struct error error;
	uint32_t crc = 0;
	uint8_t end[4];
	char *part = memory_new(ROOM);
	bool ok = true;
	for (uint64_t at = 0; at < intent->size - 4 && ok;) {
		uint64_t left = intent->size - 4 - at;
		size_t size = left < ROOM ? (size_t)left : ROOM;
		ok = file_read_at(intent->fd, part, size, at, &error) == 0;
		if (ok)
			crc = hash_crc32c(crc, part, size);
		at += size;
	}
	memory_free(part);
	if (!ok || file_read_at(intent->fd, end, 4, intent->size - 4,
			&error) < 0)
		return false;
	struct codec_reader reader;
	codec_reader_init(&reader, span_of(end, 4));
	return codec_read_u32(&reader) == crc;
}

/* ---- the change itself ---- */

static int
copy_patches(const struct intent *intent, const struct mbox_file *file,
	struct error *error)
{
	uint64_t from = intent->data, offset, size;
	struct stream stream = { .file = file, .fd = file->fd };
	int result = 0;
	buffer_init(&stream.buffer, 0);
	for (uint64_t i = 0; i < intent->count && result == 0; i++) {
		result = row_of(intent, i, &offset, &size, error);
		if (result < 0)
			break;
		stream.offset = offset;
		result = stream_add_range(&stream, &(struct store_piece){
			.fd = intent->fd, .offset = from, .size = size }, error);
		if (result == 0)
			result = flush(&stream, error);
		from += size;
	}
	buffer_fini(&stream.buffer);
	return result;
}

static int
remove_intent(const struct mbox_file *file, const char *name,
	struct error *error)
{
	const struct files_calls *calls = file->calls;
	if (calls->unlink(calls->context, name) < 0 && errno != ENOENT)
		return error_set_errno(error, "removing %s", name);
	/* An old intent that comes back would undo what came after it. */
	return calls->sync_directory(calls->context, ".",
		(enum files_sync)MBOX_SYNC_INTENT_GONE, error);
}

/* Can be done again from the beginning at any point. */
static int
apply(const struct intent *intent, const struct mbox_file *file,
	struct error *error)
{
	const struct files_calls *calls = file->calls;
	uint64_t size;
	if (mbox_file_size(file, &size, error) < 0)
		return -1;
	if (size < intent->new_size &&
		calls->truncate(calls->context, file->fd, intent->new_size) < 0)
		return error_set_errno(error, "making a mailbox longer");
	if (copy_patches(intent, file, error) < 0)
		return -1;
	if (size > intent->new_size &&
		calls->truncate(calls->context, file->fd, intent->new_size) < 0)
		return error_set_errno(error, "making a mailbox shorter");
	return calls->sync(calls->context, file->fd,
		(enum files_sync)MBOX_SYNC_CHANGE, error);
}

/* A disk that is full is found out before anything is changed. */
static int
reserve(const struct mbox_file *file, uint64_t new_size, struct error *error)
{
	uint64_t size;
	if (mbox_file_size(file, &size, error) < 0)
		return -1;
	if (new_size <= size || fallocate(file->fd, FALLOC_FL_KEEP_SIZE,
			(off_t)size, (off_t)(new_size - size)) == 0 ||
		(errno != ENOSPC && errno != EDQUOT))
		return 0;
	return error_set_errno(error, "making room in a mailbox");
}

static int
open_intent(const struct mbox_file *file, const char *name,
	struct intent *intent, struct error *error)
{
	struct stat status;
	*intent = (struct intent){ .fd = file->calls->open(
		file->calls->context, name, 0) };
	if (intent->fd < 0 && errno == ENOENT)
		return 0;
	if (intent->fd < 0 || fstat(intent->fd, &status) < 0) {
		error_set_errno(error, "opening %s", name);
		shut(file, &intent->fd);
		return -1;
	}
	intent->size = (uint64_t)status.st_size;
	return 0;
}

/* Once it is synced with its name, the change will happen. */
static int
commit(const struct mbox_file *file, const char *name,
	const struct mbox_patch *patch, size_t count, uint64_t new_size,
	struct error *error)
{
	const struct files_calls *calls = file->calls;
	struct error ignored;
	calls->unlink(calls->context, name);
	int fd = calls->open(calls->context, name, O_CREAT | O_EXCL);
	if (fd < 0)
		return error_set_errno(error, "making %s", name);
	int result = write_intent(file, fd, patch, count, new_size, error);
	shut(file, &fd);
	if (result == 0)
		result = calls->sync_directory(calls->context, ".",
			(enum files_sync)MBOX_SYNC_INTENT_NAME, error);
	if (result < 0)
		remove_intent(file, name, &ignored);
	return result;
}

int
mbox_intent_change(const struct mbox_file *file,
	const struct mbox_patch *patch, size_t count, uint64_t new_size,
	struct error *error)
{
	char name[MBOX_NAME_SIZE];
	struct intent intent;
	mbox_file_name(file, "intent", name);
	if (count > PATCHES)
		return error_set(error, ERROR_LATER,
			"too many changes of a mailbox at once");
	if (reserve(file, new_size, error) < 0 ||
		commit(file, name, patch, count, new_size, error) < 0 ||
		open_intent(file, name, &intent, error) < 0)
		return -1;
	int result = intent.fd >= 0 && read_header(&intent, file) ?
		apply(&intent, file, error) :
		error_set(error, ERROR_DAMAGED, "%s is not what was written",
			name);
	shut(file, &intent.fd);
	return result < 0 ? -1 : remove_intent(file, name, error);
}

/* ---- after a crash ---- */

/* Is it the file that the intent is for? */
static int
fits(const struct intent *intent, const struct mbox_file *file, bool *fits,
	struct error *error)
{
	uint64_t first, ignored, size;
	uint32_t context, crc;
	*fits = false;
	if (row_of(intent, 0, &first, &ignored, error) < 0 ||
		mbox_file_size(file, &size, error) < 0)
		return -1;
	if (first > size || first < intent->context_size)
		return 0;
	if (context_of(file, first, &context, &crc, error) < 0)
		return -1;
	*fits = context == intent->context_size &&
		crc == intent->context_crc;
	return 0;
}

/*
 * Where mail begins that others delivered since the crash; the file's size
 * when there is none. *fits false: it cannot be told.
 */
static int
find_arrivals(const struct intent *intent, const struct mbox_file *file,
	uint64_t *begin, bool *fits, struct error *error)
{
	uint64_t size;
	if (mbox_file_size(file, &size, error) < 0)
		return -1;
	struct mbox_source source = mbox_source_file(&file->fd, size);
	const uint64_t end[] = { intent->old_size > intent->new_size ?
		intent->old_size : intent->new_size,
		intent->old_size > intent->new_size ? intent->new_size :
		intent->old_size };
	*begin = size;
	*fits = true;
	if (size == intent->old_size || size == intent->new_size)
		return 0;
	for (int i = 0; i < 2; i++) {
		bool is_from;
		*begin = end[i];
		if (mbox_scan_is_from(&source, end[i], &is_from, error) < 0)
			return -1;
		if (is_from)
			return 0;
	}
	*fits = false;
	return 0;
}

/* The same change, with what arrived behind it. */
static int
extend(const struct intent *intent, const struct mbox_file *file,
	const char *name, uint64_t arrivals, struct error *error)
{
	char other[MBOX_NAME_SIZE];
	const struct files_calls *calls = file->calls;
	struct mbox_patch *patch = memory_new_array(intent->count + 1,
		sizeof(*patch));
	struct store_piece *piece = memory_new_array(intent->count + 1,
		sizeof(*piece));
	uint64_t from = intent->data, size;
	int result = mbox_file_size(file, &size, error);
	for (uint64_t i = 0; i < intent->count && result == 0; i++) {
		piece[i] = (struct store_piece){ .fd = intent->fd,
			.offset = from };
		patch[i] = (struct mbox_patch){ .piece = &piece[i], .count = 1 };
		result = row_of(intent, i, &patch[i].offset, &piece[i].size,
			error);
		from += piece[i].size;
	}
	mbox_file_name(file, "longer", other);
	if (result == 0) {
		piece[intent->count] = (struct store_piece){ .fd = file->fd,
			.offset = arrivals, .size = size - arrivals };
		patch[intent->count] = (struct mbox_patch){ intent->new_size,
			&piece[intent->count], 1 };
		result = commit(file, other, patch, intent->count + 1,
			intent->new_size + size - arrivals, error);
	}
	if (result == 0 && calls->rename(calls->context, other, name) < 0)
		result = error_set_errno(error, "renaming %s", other);
	if (result == 0)
		result = calls->sync_directory(calls->context, ".",
			(enum files_sync)MBOX_SYNC_INTENT_NAME, error);
	memory_free(patch);
	memory_free(piece);
	return result;
}

static int
set_aside(const struct mbox_file *file, const char *name, struct error *error)
{
	char aside[MBOX_NAME_SIZE];
	const struct files_calls *calls = file->calls;
	snprintf(aside, sizeof(aside), "aside-%016llx",
		(unsigned long long)random_u64());
	log_event(LOG_ERROR, "mailbox-change-set-aside", NULL,
		LOG_TEXT("intent", name), LOG_TEXT("file", aside),
		LOG_TEXT("reason", "the mailbox is not as it was left"));
	if (calls->rename(calls->context, name, aside) < 0)
		return error_set_errno(error, "renaming %s", name);
	return calls->sync_directory(calls->context, ".",
		(enum files_sync)MBOX_SYNC_INTENT_GONE, error);
}

static int
finish(struct intent *intent, const struct mbox_file *file, const char *name,
	struct error *error)
{
	uint64_t size, arrivals;
	bool is_fit;
	if (!read_header(intent, file) || !is_whole(intent))
		return remove_intent(file, name, error);
	if (fits(intent, file, &is_fit, error) < 0 || (is_fit &&
		find_arrivals(intent, file, &arrivals, &is_fit, error) < 0) ||
		mbox_file_size(file, &size, error) < 0)
		return -1;
	if (!is_fit)
		return set_aside(file, name, error);
	if (arrivals < size && arrivals != intent->new_size) {
		if (extend(intent, file, name, arrivals, error) < 0)
			return -1;
		shut(file, &intent->fd);
		if (open_intent(file, name, intent, error) < 0)
			return -1;
		return finish(intent, file, name, error);
	}
	/* What came behind the new end stays where it is. */
	if (arrivals < size)
		intent->new_size = size;
	return apply(intent, file, error) < 0 ? -1 :
		remove_intent(file, name, error);
}

int
mbox_intent_recover(const struct mbox_file *file, struct error *error)
{
	char name[MBOX_NAME_SIZE];
	struct intent intent;
	mbox_file_name(file, "intent", name);
	if (open_intent(file, name, &intent, error) < 0)
		return -1;
	if (intent.fd < 0)
		return 0;
	int result = finish(&intent, file, name, error);
	shut(file, &intent.fd);
	return result;
}
