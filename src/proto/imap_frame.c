/* Framing of IMAP commands; RFC 9051 2.2.1, 4.3 and RFC 7888. */
#include "proto/imap_frame.h"

#include <assert.h>
#include <string.h>

void
imap_frame_init(struct imap_frame *frame)
{
	*frame = (struct imap_frame){
		.line_limit = IMAP_FRAME_LINE_LIMIT,
		.literal_limit = IMAP_FRAME_LITERAL_LIMIT,
		.skip_limit = IMAP_FRAME_SKIP_LIMIT,
	};
	buffer_init(&frame->command, 0);
}

void
imap_frame_fini(struct imap_frame *frame)
{
	buffer_fini(&frame->command);
}

void
imap_frame_reset(struct imap_frame *frame)
{
	struct imap_frame fresh = {
		.command = frame->command,
		.line_limit = frame->line_limit,
		.literal_limit = frame->literal_limit,
		.skip_limit = frame->skip_limit,
	};
	*frame = fresh;
	buffer_clear(&frame->command);
}

bool
imap_frame_is_empty(const struct imap_frame *frame)
{
	return !frame->is_begun;
}

/* An odd number of quotes that are not escaped: the end is inside a string. */
static bool
ends_in_quotes(struct span line)
{
	bool is_inside = false;
	for (size_t i = 0; i < line.size; i++) {
		if (line.data[i] == '"')
			is_inside = !is_inside;
		else if (line.data[i] == '\\' && is_inside)
			i++;
	}
	return is_inside;
}

bool
imap_frame_find_literal(struct span line, struct imap_frame_literal *literal)
{
	size_t end = line.size;
	if (end < 3 || line.data[--end] != '}')
		return false;
	*literal = (struct imap_frame_literal){ .is_synchronising = true };
	if (line.data[end - 1] == '+') {
		literal->is_synchronising = false;
		end--;
	}
	size_t start = end;
	while (start > 0 && line.data[start - 1] >= '0' &&
	    line.data[start - 1] <= '9')
		start--;
	if (start == 0 || line.data[start - 1] != '{' ||
	    !span_to_number(span_of(line.data + start, end - start), INT64_MAX,
	    &literal->size))
		return false;
	start--;
	if (start > 0 && line.data[start - 1] == '~') {
		literal->is_binary = true;
		start--;
	}
	literal->text_size = line.size - start;
	return !ends_in_quotes(span_first(line, start));
}

/* Keeps the last bytes of a line whose text is thrown away. */
static void
keep_tail(struct imap_frame *frame, struct span bytes)
{
	if (bytes.size > IMAP_FRAME_TAIL_SIZE)
		bytes = span_skip(bytes, bytes.size - IMAP_FRAME_TAIL_SIZE);
	size_t old = IMAP_FRAME_TAIL_SIZE - bytes.size;
	if (frame->tail_size > old) {
		memmove(frame->tail, frame->tail + frame->tail_size - old, old);
		frame->tail_size = old;
	}
	if (bytes.size > 0)
		memcpy(frame->tail + frame->tail_size, bytes.data, bytes.size);
	frame->tail_size += bytes.size;
}

/* From here on the line's text is thrown away, but for the tag. */
static void
give_up_line(struct imap_frame *frame, struct span text)
{
	struct span line = span_skip(buffer_span(&frame->command),
		frame->line_start);
	frame->is_line_too_long = true;
	frame->is_refused = true;
	frame->skipped += line.size;
	keep_tail(frame, line);
	frame->command.size = frame->line_start;
	if (frame->line_start > 0)
		return;
	size_t most = frame->line_limit < IMAP_FRAME_HEAD_SIZE ?
		frame->line_limit : IMAP_FRAME_HEAD_SIZE;
	size_t head = line.size < most ? line.size : most;
	frame->command.size = head;
	buffer_add(&frame->command, span_first(text, most - head));
}

/* Text of the current line, without its line end. */
static void
add_text(struct imap_frame *frame, struct span text)
{
	if (!frame->is_line_too_long && frame->command.size - frame->kept +
	    text.size > frame->line_limit)
		give_up_line(frame, text);
	if (!frame->is_line_too_long) {
		buffer_add(&frame->command, text);
		return;
	}
	frame->skipped += text.size;
	keep_tail(frame, text);
}

static struct span
current_line(const struct imap_frame *frame)
{
	struct span line = frame->is_line_too_long ?
		span_of(frame->tail, frame->tail_size) :
		span_skip(buffer_span(&frame->command), frame->line_start);
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	return line;
}

static enum imap_frame_verdict
end_line(struct imap_frame *frame)
{
	struct imap_frame_literal literal;
	struct span line = current_line(frame);
	bool has_literal = imap_frame_find_literal(line, &literal);
	if (!frame->is_line_too_long)
		frame->command.size = frame->line_start + line.size;
	if (!has_literal || (frame->is_refused && literal.is_synchronising))
		return frame->is_refused ? IMAP_FRAME_REFUSED : IMAP_FRAME_COMMAND;
	frame->literal_size = frame->literal_left = literal.size;
	frame->is_synchronising = literal.is_synchronising;
	frame->is_binary = literal.is_binary;
	frame->state = IMAP_FRAME_ANNOUNCED;
	if (frame->is_refused) {
		imap_frame_skip(frame);
		return IMAP_FRAME_MORE;
	}
	buffer_add(&frame->command, SPAN("\r\n"));
	return IMAP_FRAME_LITERAL;
}

/* Bytes of a literal; MORE also when the literal is complete. */
static enum imap_frame_verdict
take_literal(struct imap_frame *frame, struct span in, size_t *consumed)
{
	struct span piece = frame->literal_left < in.size ?
		span_first(in, (size_t)frame->literal_left) : in;
	enum imap_frame_verdict verdict = IMAP_FRAME_MORE;
	*consumed += piece.size;
	frame->literal_left -= piece.size;
	if (frame->state == IMAP_FRAME_IN_KEPT) {
		buffer_add(&frame->command, piece);
	} else if (frame->state == IMAP_FRAME_IN_PASSED) {
		frame->bytes = piece;
		verdict = IMAP_FRAME_BYTES;
	} else {
		frame->skipped += piece.size;
	}
	if (frame->literal_left == 0) {
		frame->state = IMAP_FRAME_IN_LINE;
		frame->line_start = frame->command.size;
		frame->tail_size = 0;
	}
	return verdict;
}

static bool
is_absurd(const struct imap_frame *frame)
{
	if (frame->skipped > frame->skip_limit)
		return true;
	/* What was announced counts before it comes. */
	return frame->state == IMAP_FRAME_IN_SKIPPED &&
		frame->literal_left > frame->skip_limit - frame->skipped;
}

static enum imap_frame_verdict
take_line(struct imap_frame *frame, struct span in, size_t *consumed)
{
	size_t end = span_find(in, '\n');
	add_text(frame, span_first(in, end));
	*consumed += end < in.size ? end + 1 : end;
	if (end == in.size || is_absurd(frame))
		return IMAP_FRAME_MORE;
	return end_line(frame);
}

enum imap_frame_verdict
imap_frame_next(struct imap_frame *frame, struct span in, size_t *consumed)
{
	assert(frame->state != IMAP_FRAME_ANNOUNCED);
	*consumed = 0;
	while (*consumed < in.size) {
		struct span rest = span_skip(in, *consumed);
		enum imap_frame_verdict verdict;
		frame->is_begun = true;
		if (frame->state == IMAP_FRAME_IN_LINE)
			verdict = take_line(frame, rest, consumed);
		else
			verdict = take_literal(frame, rest, consumed);
		if (verdict != IMAP_FRAME_MORE)
			return verdict;
		if (is_absurd(frame))
			return IMAP_FRAME_ABSURD;
	}
	return IMAP_FRAME_MORE;
}

static void
begin_literal(struct imap_frame *frame, int state)
{
	assert(frame->state == IMAP_FRAME_ANNOUNCED);
	frame->line_start = frame->command.size;
	frame->tail_size = 0;
	frame->state = frame->literal_size == 0 ? IMAP_FRAME_IN_LINE : state;
}

bool
imap_frame_keep(struct imap_frame *frame)
{
	if (frame->literal_size > frame->literal_limit - frame->kept)
		return false;
	frame->kept += (size_t)frame->literal_size;
	begin_literal(frame, IMAP_FRAME_IN_KEPT);
	return true;
}

void
imap_frame_pass(struct imap_frame *frame)
{
	buffer_clear(&frame->command);
	frame->kept = 0;
	begin_literal(frame, IMAP_FRAME_IN_PASSED);
}

bool
imap_frame_skip(struct imap_frame *frame)
{
	frame->is_refused = true;
	begin_literal(frame, IMAP_FRAME_IN_SKIPPED);
	return !is_absurd(frame);
}
