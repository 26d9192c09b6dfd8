/* Replies of others and our own troubles as one kind of thing. */
#include "relay/verdict.h"

#include <assert.h>
#include <stdarg.h>

void
verdict_set(struct verdict *verdict, struct arena *arena, unsigned code,
	const char *status, const char *format, ...)
{
	struct span rest = span_from(status), piece;
	struct buffer text;
	va_list list;
	uint64_t number;
	verdict->code = code;
	for (size_t i = 0; i < 3; i++) {
		bool is_status = span_split(&rest, '.', &piece) &&
			span_to_number(piece, 999, &number);
		assert(is_status);
		verdict->status[i] = (unsigned)number;
	}
	buffer_init(&text, 0);
	va_start(list, format);
	buffer_print_list(&text, format, list);
	va_end(list);
	verdict->text = arena_copy(arena, buffer_span(&text));
	buffer_fini(&text);
}

/* ---- other servers' words ---- */

/* The enhanced code stands in front of each line (RFC 2034 4); once is enough. */
static struct span
without_status(struct span text, const struct smtp_answer *answer)
{
	char status[16];
	struct buffer out = { .data = status, .room = sizeof(status),
		.limit = sizeof(status) };
	if (answer->enhanced[0] == 0)
		return text;
	buffer_print(&out, "%u.%u.%u ", answer->enhanced[0],
		answer->enhanced[1], answer->enhanced[2]);
	return span_starts(text, buffer_span(&out)) ?
		span_skip(text, out.size) : text;
}

/* RFC 5321 4.2: a textstring is printable ASCII. */
static void
add_clean(struct buffer *out, struct span text)
{
	for (size_t i = 0; i < text.size &&
		out->size < VERDICT_TEXT_LIMIT; i++) {
		char c = text.data[i];
		buffer_add_byte(out, c >= ' ' && c < 0x7f ? c :
			c == '\t' ? ' ' : '?');
	}
}

struct span
verdict_words(struct arena *arena, const struct smtp_answer *answer)
{
	struct buffer out;
	struct span rest = answer->lines, text;
	bool is_first = true;
	buffer_init(&out, 0);
	buffer_add_number(&out, answer->code);
	while (out.size < VERDICT_TEXT_LIMIT &&
		smtp_answer_line(&rest, &text)) {
		text = span_trim(text);
		if (!is_first)
			text = without_status(text, answer);
		is_first = false;
		if (text.size == 0)
			continue;
		buffer_add_byte(&out, ' ');
		add_clean(&out, text);
	}
	struct span words = arena_copy(arena, buffer_span(&out));
	buffer_fini(&out);
	return words;
}

void
verdict_from_answer(struct verdict *verdict, struct arena *arena,
	struct span host, const struct smtp_answer *answer,
	const char *in_reply_to)
{
	unsigned kind = answer->code / 100;
	struct span words = verdict_words(arena, answer);
	verdict->code = answer->code;
	if (kind == 3) {
		/* Neither yes nor no: in doubt it is later. */
		verdict->code = 451;
		kind = 4;
	}
	verdict->status[0] = kind;
	verdict->status[1] = verdict->status[2] = 0;
	if (answer->enhanced[0] == kind)
		for (size_t i = 1; i < 3; i++)
			verdict->status[i] = answer->enhanced[i];
	verdict->text = arena_print(arena, "host %.*s said: %.*s (in reply to "
		"%s)", SPAN_PRINT(host), SPAN_PRINT(words), in_reply_to);
}

void
verdict_add(struct buffer *out, const struct verdict *verdict)
{
	assert(verdict->code >= 200 && verdict->code <= 599);
	buffer_print(out, "%u %u.%u.%u ", verdict->code, verdict->status[0],
		verdict->status[1], verdict->status[2]);
	/* Names out of the DNS stand in it, too. */
	for (size_t i = 0; i < verdict->text.size; i++) {
		char c = verdict->text.data[i];
		buffer_add_byte(out, c >= ' ' && c < 0x7f ? c : '?');
	}
	buffer_add(out, SPAN("\r\n"));
}
