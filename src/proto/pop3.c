/*
 * POP3 command lines and the coding of messages. Pure; runs in login and
 * mailbox.
 */
#include "proto/pop3.h"

#include <string.h>

void
pop3_parse_command(struct span line, struct pop3_command *command)
{
	size_t blank = span_find(line, ' ');
	command->keyword = span_first(line, blank);
	command->argument = span_skip(line, blank + 1);
}

bool
pop3_parse_number(struct span argument, uint32_t *number)
{
	uint64_t value;
	if (!span_to_number(argument, UINT32_MAX, &value) || value == 0)
		return false;
	*number = (uint32_t)value;
	return true;
}

bool
pop3_parse_two_numbers(struct span argument, uint32_t *number,
	uint64_t *lines)
{
	size_t blank = span_find(argument, ' ');
	return blank < argument.size &&
		pop3_parse_number(span_first(argument, blank), number) &&
		span_to_number(span_skip(argument, blank + 1), UINT32_MAX,
		lines);
}

/* A line is over: for TOP it may have been the last (RFC 1939 7). */
static bool
end_line(struct pop3_message *message)
{
	bool was_empty = !message->is_line_filled;
	message->is_inside_line = message->is_line_filled = false;
	if (!message->is_top)
		return true;
	if (message->is_body)
		message->lines--;
	else
		message->is_body = was_empty;
	return !message->is_body || message->lines > 0;
}

/* Part of a line, without its LF. */
static void
add_text(struct pop3_message *message, struct span text, struct buffer *out)
{
	if (text.size == 0)
		return;
	/* RFC 1939 3: the termination octet is put before it. */
	if (!message->is_inside_line && text.data[0] == '.')
		buffer_add_byte(out, '.');
	buffer_add(out, text);
	message->is_after_cr = text.data[text.size - 1] == '\r';
	/* A line of nothing but its CR is empty. */
	message->is_line_filled = message->is_inside_line ||
		text.size > 1 || !message->is_after_cr;
	message->is_inside_line = true;
}

bool
pop3_message_add(struct pop3_message *message, struct span piece,
	struct buffer *out)
{
	if (message->is_top && message->is_body && message->lines == 0)
		return false;
	while (piece.size > 0) {
		size_t end = span_find(piece, '\n');
		add_text(message, span_first(piece, end), out);
		if (end == piece.size)
			return true;
		buffer_add_string(out, message->is_inside_line &&
			message->is_after_cr ? "\n" : "\r\n");
		message->is_after_cr = false;
		piece = span_skip(piece, end + 1);
		if (!end_line(message))
			return false;
	}
	return true;
}

void
pop3_message_end(struct pop3_message *message, struct buffer *out)
{
	if (message->is_inside_line)
		buffer_add_string(out, message->is_after_cr ? "\n" : "\r\n");
	buffer_add_string(out, ".\r\n");
}
