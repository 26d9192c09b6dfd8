/*
 * Messages in memory or in a spill file. Runs in queue and mailbox.
 */
#include "serve/mail_body.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"

enum { READ_SIZE = 262144 };

void
mail_body_init(struct mail_body *body, int directory)
{
	*body = (struct mail_body){ .file = -1, .directory = directory,
		.memory_limit = MAIL_BODY_MEMORY };
	buffer_init(&body->memory, 0);
}

void
mail_body_borrow(struct mail_body *body, int file, uint64_t offset,
	uint64_t size)
{
	mail_body_init(body, -1);
	body->file = file;
	body->offset = offset;
	body->size = size;
}

void
mail_body_fini(struct mail_body *body)
{
	file_close(&body->file);
	buffer_fini(&body->memory);
	body->size = 0;
}

/* What is in memory goes into a file; memory is then only a window. */
static int
spill(struct mail_body *body, struct error *error)
{
	if (body->directory < 0)
		return error_set(error, ERROR_FULL,
			"message of more than %zu bytes, and nowhere to put it",
			body->memory_limit);
	body->file = file_open_spill(body->directory, error);
	if (body->file < 0)
		return -1;
	if (file_write_all(body->file, buffer_span(&body->memory), error) < 0)
		return error_wrap(error, "writing a spill file");
	buffer_fini(&body->memory);
	return 0;
}

static int
write_window(struct mail_body *body, struct error *error)
{
	int result = file_write_all(body->file, buffer_span(&body->memory),
		error);
	buffer_clear(&body->memory);
	return result < 0 ? error_wrap(error, "writing a spill file") : 0;
}

int
mail_body_add(struct mail_body *body, struct span bytes, struct error *error)
{
	if (body->file < 0 && body->size + bytes.size > body->memory_limit &&
		spill(body, error) < 0)
		return -1;
	body->size += bytes.size;
	if (body->file < 0) {
		buffer_add(&body->memory, bytes);
		return 0;
	}
	if (file_write_all(body->file, bytes, error) < 0)
		return error_wrap(error, "writing a spill file");
	return 0;
}

int
mail_body_settle(struct mail_body *body, size_t n, struct error *error)
{
	body->size += n;
	if (body->file >= 0)
		return write_window(body, error);
	return body->memory.size > body->memory_limit ? spill(body, error) : 0;
}

ssize_t
mail_body_read(struct mail_body *body, int fd, size_t most,
	struct error *error)
{
	error->code = ERROR_NONE;
	size_t want = most < READ_SIZE ? most : READ_SIZE;
	if (body->file < 0 && body->size + want > body->memory_limit &&
		spill(body, error) < 0)
		return -2;
	buffer_reserve(&body->memory, want);
	ssize_t n;
	do
		n = read(fd, body->memory.data + body->memory.size, want);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
	body->memory.size += (size_t)n;
	body->size += (size_t)n;
	if (body->file >= 0 && write_window(body, error) < 0)
		return -2;
	return n;
}

struct store_piece
mail_body_piece(const struct mail_body *body)
{
	if (body->file >= 0)
		return (struct store_piece){ .fd = body->file,
			.offset = body->offset, .size = body->size };
	/* an empty body is bytes too: data must not be NULL */
	struct span bytes = buffer_span(&body->memory);
	return (struct store_piece){ .fd = -1,
		.bytes = bytes.data != NULL ? bytes : SPAN("") };
}

int
mail_body_send(const struct mail_body *body, struct stream *stream,
	struct error *error)
{
	if (body->file >= 0)
		return stream_add_file(stream, body->file, body->offset,
			body->size, error);
	stream_add(stream, buffer_span(&body->memory));
	return 0;
}
