/* A file in mbox form; see mbox_reader.h. */
#include "ctl/mbox_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

void
mbox_reader_close(struct mbox_reader *reader)
{
	mbox_scanner_free(&reader->scanner);
	file_close(&reader->fd);
}

int
mbox_reader_open(struct mbox_reader *reader, const char *path,
	struct error *error)
{
	struct stat facts;
	*reader = (struct mbox_reader){ .path = path,
		.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
	if (reader->fd < 0 || fstat(reader->fd, &facts) < 0) {
		error_set_errno(error, "opening %s", path);
	} else if (!S_ISREG(facts.st_mode)) {
		error_set(error, ERROR_USAGE, "%s is not a file", path);
	} else {
		reader->source = mbox_source_file(&reader->fd,
			(uint64_t)facts.st_size);
		mbox_reader_seek(reader, 0);
		return 0;
	}
	mbox_reader_close(reader);
	return -1;
}

void
mbox_reader_seek(struct mbox_reader *reader, uint64_t offset)
{
	mbox_scanner_free(&reader->scanner);
	/* The struct may have been moved since it was opened. */
	reader->source.context = &reader->fd;
	reader->scanner = mbox_scanner_new(&reader->source, offset, false);
}

int
mbox_reader_next(struct mbox_reader *reader, struct error *error)
{
	int result;
	do {
		result = mbox_scanner_next(reader->scanner, &reader->message,
			error);
	} while (result > 0 && reader->message.is_internal);
	if (result < 0)
		return error_wrap(error, "reading %s", reader->path);
	const struct mbox_value *value = reader->message.value;
	reader->flags = mbox_fields_flags(value[MBOX_STATUS].text,
		value[MBOX_X_STATUS].text);
	reader->is_old = span_find(value[MBOX_STATUS].text, 'O') <
		value[MBOX_STATUS].text.size;
	return result;
}

static int
read_bytes(struct mbox_reader *reader, struct buffer *out, struct error *error)
{
	const struct mbox_message *message = &reader->message;
	uint64_t size = message->end - message->place;
	if (size > MBOX_READER_MESSAGE_LIMIT)
		return error_set(error, ERROR_FULL, "a message of %s is larger "
			"than %zu MiB", reader->path,
			MBOX_READER_MESSAGE_LIMIT >> 20);
	buffer_reserve(out, size);
	if (file_read_at(reader->fd, out->data + out->size, size,
	    message->place, error) < 0)
		return error_wrap(error, "reading %s", reader->path);
	out->size += size;
	return 0;
}

int
mbox_reader_raw(struct mbox_reader *reader, struct buffer *out,
	struct error *error)
{
	return read_bytes(reader, out, error);
}

int
mbox_reader_text(struct mbox_reader *reader, struct buffer *out,
	struct error *error)
{
	struct buffer raw;
	buffer_init(&raw, 0);
	int result = read_bytes(reader, &raw, error);
	if (result == 0) {
		/* Counted from the message, not the file. */
		struct mbox_message message = reader->message;
		message.head -= message.place;
		message.head_end -= message.place;
		message.body -= message.place;
		message.body_end -= message.place;
		mbox_content_read(buffer_span(&raw), &message, out);
	}
	buffer_fini(&raw);
	return result;
}

static int
add_bytes(void *context, struct span bytes, struct error *error)
{
	(void)error;
	buffer_add(context, bytes);
	return 0;
}

int
mbox_reader_add(struct buffer *out, struct span wire,
	const struct store_flags *flags, int64_t date, struct error *error)
{
	struct mbox_source source = mbox_source_memory(&wire);
	struct mbox_measure measure;
	uint8_t key[FORMAT_KEY_SIZE];
	struct mbox_writing writing = { .wire = &source, .measure = &measure,
		.flags = flags, .date = date, .sink = add_bytes,
		.context = out };
	return mbox_content_measure(&source, &measure, error) < 0 ? -1 :
		mbox_content_write(&writing, key, error);
}
