/* See content.h. */
#include "pipe/content.h"

#include <string.h>
#include <time.h>

#include "base/file.h"

enum { PIECE = 64 << 10 };

static int
read_piece(const struct mail_body *body, uint64_t at, char *out, size_t size,
	struct error *error)
{
	if (body->file >= 0)
		return file_read_at(body->file, out, size, body->offset + at,
			error);
	memcpy(out, body->memory.data + at, size);
	return 0;
}

/* ---- the lines in front ---- */

/* An address cannot make lines of its own. */
static void
add_address(struct buffer *out, struct span address, bool is_word)
{
	for (size_t i = 0; i < address.size; i++)
		if ((unsigned char)address.data[i] < ' ' ||
			(is_word && address.data[i] == ' '))
			buffer_add_byte(out, '_');
		else
			buffer_add_byte(out, address.data[i]);
}

static void
add_from_line(struct buffer *out, struct span sender, int64_t now)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(now / 1000);
	struct tm when;
	localtime_r(&seconds, &when);
	buffer_add_string(out, "From ");
	if (sender.size > 0)
		add_address(out, sender, true);
	else
		buffer_add_string(out, "MAILER-DAEMON");
	buffer_print(out, "  %.3s %.3s %2d %02d:%02d:%02d %d\n",
		days + 3 * when.tm_wday, months + 3 * when.tm_mon,
		when.tm_mday, when.tm_hour, when.tm_min, when.tm_sec,
		when.tm_year + 1900);
}

static void
add_prefix(struct buffer *out, const struct pipe_delivery *delivery,
	enum content_form form, int64_t now)
{
	struct span sender = delivery->transaction->sender;
	if (form != CONTENT_MAILDIR)
		add_from_line(out, sender, now);
	buffer_add_string(out, "Return-Path: <");
	add_address(out, sender, false);
	buffer_add_string(out, ">\nX-Original-To: ");
	add_address(out, delivery->original, false);
	buffer_add_string(out, "\nDelivered-To: ");
	add_address(out, delivery->recipient->address, false);
	buffer_add_byte(out, '\n');
}

/* ---- the message ---- */

/* Bytes as they come; what a line begins with may be in two pieces. */
struct writer {
	struct buffer out;
	bool quotes;
	bool has_cr;			/* the last byte was one, not written yet */
	size_t column;			/* in the line, up to 5 */
	char first[5];			/* its first bytes, not written yet */
};

static void
end_first(struct writer *writer)
{
	if (writer->quotes && writer->column == sizeof(writer->first) &&
		memcmp(writer->first, "From ", 5) == 0)
		buffer_add_byte(&writer->out, '>');
	buffer_add(&writer->out, span_of(writer->first, writer->column));
}

static void
add_byte(struct writer *writer, char c)
{
	const size_t all = sizeof(writer->first);
	if (c == '\n') {
		if (writer->column < all)
			end_first(writer);
		buffer_add_byte(&writer->out, c);
		writer->column = 0;
	} else if (writer->column < all) {
		writer->first[writer->column++] = c;
		if (writer->column == all)
			end_first(writer);
	} else {
		buffer_add_byte(&writer->out, c);
	}
}

static void
add_bytes(struct writer *writer, struct span bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		char c = bytes.data[i];
		if (writer->has_cr && c != '\n')
			add_byte(writer, '\r');
		writer->has_cr = c == '\r';
		if (!writer->has_cr)
			add_byte(writer, c);
	}
}

/* The last line has an end. */
static void
finish(struct writer *writer, enum content_form form)
{
	if (writer->has_cr)
		add_byte(writer, '\r');
	if (writer->column > 0)
		add_byte(writer, '\n');
	if (form == CONTENT_MBOX)
		buffer_add_byte(&writer->out, '\n');
}

int
content_write(const struct pipe_delivery *delivery, enum content_form form,
	int64_t now, int fd, struct error *error)
{
	const struct mail_body *body = &delivery->transaction->body;
	struct writer writer = { .quotes = form == CONTENT_MBOX };
	char piece[PIECE];
	int result = 0;
	buffer_init(&writer.out, 0);
	add_prefix(&writer.out, delivery, form, now);
	for (uint64_t at = 0; at < body->size && result == 0;) {
		size_t size = body->size - at < PIECE ?
			(size_t)(body->size - at) : PIECE;
		result = read_piece(body, at, piece, size, error);
		if (result == 0)
			add_bytes(&writer, span_of(piece, size));
		if (result == 0)
			result = file_write_all(fd, buffer_span(&writer.out),
				error);
		buffer_clear(&writer.out);
		at += size;
	}
	finish(&writer, form);
	if (result == 0)
		result = file_write_all(fd, buffer_span(&writer.out), error);
	buffer_fini(&writer.out);
	return result;
}

/* ---- loops ---- */

static bool
is_delivered_to(struct span line, struct span address)
{
	const struct span name = SPAN("Delivered-To:");
	return span_starts_nocase(line, name) && span_equals_nocase(
		span_trim(span_skip(line, name.size)), address);
}

int
content_has_delivered(const struct mail_body *body, struct span address,
	bool *has, struct error *error)
{
	size_t size = body->size < PIPE_HEADER_LIMIT ? (size_t)body->size :
		PIPE_HEADER_LIMIT;
	struct buffer header;
	struct span rest, line;
	*has = false;
	buffer_init(&header, 0);
	buffer_reserve(&header, size);
	int result = size == 0 ? 0 : read_piece(body, 0, header.data, size,
		error);
	header.size = result == 0 ? size : 0;
	rest = buffer_span(&header);
	while (rest.size > 0 && !*has && span_split(&rest, '\n', &line) &&
		span_trim(line).size > 0)
		*has = is_delivered_to(span_trim(line), address);
	buffer_fini(&header);
	return result;
}
