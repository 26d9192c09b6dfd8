/* The table of replies as bytes, and replies of others as values. */
#include "proto/smtp_reply.h"

#include <assert.h>

static const struct smtp_reply_row rows[SMTP_REPLY_COUNT] = {
#define ROW(id, code, enhanced, text) { #id, code, enhanced, text },
	SMTP_REPLY_LIST(ROW)
#undef ROW
};

const struct smtp_reply_row *
smtp_reply_get(enum smtp_reply reply)
{
	assert((unsigned)reply < SMTP_REPLY_COUNT);
	return &rows[reply];
}

/* RFC 5321 4.2: textstring is tab and 32 to 126; a stranger's bytes are made so. */
static void
add_clean(struct buffer *out, struct span detail)
{
	detail = span_first(detail, SMTP_REPLY_DETAIL_LIMIT);
	for (size_t i = 0; i < detail.size; i++) {
		char c = detail.data[i];
		buffer_add_byte(out, c >= ' ' && c < 0x7f ? c : '?');
	}
}

void
smtp_reply_add(struct buffer *out, enum smtp_reply reply, struct span detail)
{
	const struct smtp_reply_row *row = smtp_reply_get(reply);
	struct span text = span_from(row->text);
	size_t place = span_find(text, '%');
	buffer_add_number(out, row->code);
	buffer_add_byte(out, ' ');
	if (row->enhanced != NULL) {
		buffer_add_string(out, row->enhanced);
		buffer_add_byte(out, ' ');
	}
	buffer_add(out, span_first(text, place));
	if (place < text.size) {
		/* A challenge is ours and may be long (RFC 4954 4). */
		if (reply == SMTP_REPLY_CHALLENGE)
			buffer_add(out, detail);
		else
			add_clean(out, detail);
		buffer_add(out, span_skip(text, place + 1));
	}
	buffer_add(out, SPAN("\r\n"));
}

enum smtp_reply
smtp_reply_for(enum smtp_verdict verdict, bool is_mail)
{
	switch (verdict) {
	case SMTP_BAD_PATH:
		return is_mail ? SMTP_REPLY_BAD_SENDER :
			SMTP_REPLY_BAD_RECIPIENT;
	case SMTP_PATH_TOO_LONG:
		return SMTP_REPLY_ADDRESS_TOO_LONG;
	case SMTP_NEEDS_UTF8:
		return SMTP_REPLY_NEEDS_UTF8;
	case SMTP_UNKNOWN_PARAMETER:
		return SMTP_REPLY_UNKNOWN_PARAMETER;
	case SMTP_BAD_PARAMETER:
		return SMTP_REPLY_BAD_PARAMETER;
	case SMTP_BAD_SYNTAX:
	case SMTP_OK:
		break;
	}
	assert(verdict != SMTP_OK);
	return is_mail ? SMTP_REPLY_MAIL_SYNTAX : SMTP_REPLY_RCPT_SYNTAX;
}

/* ---- the client's side ---- */

/* "4.2.2 " off the front of *text, of the class of the code (RFC 2034 4). */
static void
take_enhanced(struct span *text, struct smtp_answer *answer)
{
	struct span rest = *text, word, piece;
	uint64_t number[3];
	size_t count = 0;
	if (!span_word(&rest, &word))
		return;
	while (span_split(&word, '.', &piece)) {
		if (count == 3 || piece.size > 3 ||
		    !span_to_number(piece, 999, &number[count]))
			return;
		count++;
	}
	if (count != 3 || number[0] != answer->code / 100)
		return;
	for (size_t i = 0; i < 3; i++)
		answer->enhanced[i] = (unsigned)number[i];
	*text = span_trim(rest);
}

/* One line off the front; false when it is not whole. */
static bool
take_line(struct span *rest, struct span *line)
{
	size_t end = span_find(*rest, '\n');
	if (end == rest->size)
		return false;
	*line = span_first(*rest, end);
	*rest = span_skip(*rest, end + 1);
	if (end > 0 && line->data[end - 1] == '\r')
		line->size--;
	return true;
}

/* "250-text", "250 text" or "250"; RFC 5321 4.2.1. */
static bool
parse_line(struct span line, unsigned *code, bool *is_last)
{
	uint64_t number;
	if (!span_to_number(span_first(line, 3), 599, &number) || number < 200)
		return false;
	*code = (unsigned)number;
	*is_last = line.size == 3 || line.data[3] == ' ';
	return *is_last || line.data[3] == '-';
}

enum smtp_answer_verdict
smtp_answer_parse(struct span in, struct smtp_answer *answer,
	size_t *consumed)
{
	struct span rest = in, line;
	*consumed = 0;
	*answer = (struct smtp_answer){ .code = 0 };
	while (take_line(&rest, &line)) {
		unsigned code;
		bool is_last;
		if (!parse_line(line, &code, &is_last) ||
		    (answer->code != 0 && answer->code != code) ||
		    in.size - rest.size > SMTP_ANSWER_LIMIT)
			return SMTP_ANSWER_BAD;
		answer->code = code;
		if (!is_last)
			continue;
		*consumed = in.size - rest.size;
		answer->lines = span_first(in, *consumed);
		answer->text = span_trim(span_skip(line, 4));
		take_enhanced(&answer->text, answer);
		return SMTP_ANSWER_OK;
	}
	return in.size > SMTP_ANSWER_LIMIT ? SMTP_ANSWER_BAD : SMTP_ANSWER_MORE;
}

bool
smtp_answer_line(struct span *rest, struct span *text)
{
	struct span line;
	if (!take_line(rest, &line))
		return false;
	*text = span_skip(line, 4);
	return true;
}
