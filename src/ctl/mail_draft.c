/* The message that `mail` hands to sendmail; pure functions of mail_send.h. */
#include "base/base64.h"
#include "base/utf8.h"
#include "ctl/mail_send.h"

enum { WORD_SIZE = 42, LINE_SIZE = 900, BASE64_BYTES = 57 };

void
mail_draft_init(struct mail_draft *draft)
{
	*draft = (struct mail_draft){ .config_path = NULL };
	buffer_init(&draft->to, 0);
	buffer_init(&draft->cc, 0);
	buffer_init(&draft->bcc, 0);
	buffer_init(&draft->subject, 0);
	buffer_init(&draft->fields, 0);
	buffer_init(&draft->body, 0);
}

void
mail_draft_fini(struct mail_draft *draft)
{
	buffer_fini(&draft->to);
	buffer_fini(&draft->cc);
	buffer_fini(&draft->bcc);
	buffer_fini(&draft->subject);
	buffer_fini(&draft->fields);
	buffer_fini(&draft->body);
}

void
mail_draft_add_address(struct buffer *list, struct span address)
{
	address = span_trim(address);
	if (address.size == 0)
		return;
	if (list->size > 0)
		buffer_add(list, SPAN(", "));
	buffer_add(list, address);
}

/* Whole characters, as RFC 2047 5 wants of each word. */
static struct span
take_characters(struct span *text)
{
	struct span rest = *text, piece = rest;
	uint32_t c;
	size_t size = 0;
	while (rest.size > 0) {
		size_t n = utf8_decode(rest, &c);
		n = n > 0 ? n : 1;
		if (size + n > WORD_SIZE)
			break;
		size += n;
		rest = span_skip(rest, n);
	}
	*text = rest;
	return span_first(piece, size);
}

/* A field whose text may be of any language. */
static void
add_text_field(struct buffer *out, const char *name, struct span text)
{
	bool is_first = true;
	buffer_print(out, "%s:", name);
	if (utf8_is_ascii(text)) {
		buffer_print(out, " %.*s\n", SPAN_PRINT(text));
		return;
	}
	while (text.size > 0) {
		struct span piece = take_characters(&text);
		buffer_add_string(out, is_first ? " =?UTF-8?B?" :
			"\n =?UTF-8?B?");
		base64_encode(out, piece);
		buffer_add(out, SPAN("?="));
		is_first = false;
	}
	buffer_add_byte(out, '\n');
}

/* Folded at commas, so that no line grows long (RFC 5322 2.1.1). */
static void
add_list_field(struct buffer *out, const char *name, struct span list)
{
	struct span rest = list, item;
	size_t width = 0;
	if (list.size == 0)
		return;
	buffer_print(out, "%s:", name);
	while (span_split(&rest, ',', &item)) {
		item = span_trim(item);
		if (width > 0) {
			buffer_add_byte(out, ',');
			if (width + item.size > 70) {
				buffer_add_byte(out, '\n');
				width = 0;
			}
		}
		buffer_add_byte(out, ' ');
		buffer_add(out, item);
		width += item.size + 2;
	}
	buffer_add_byte(out, '\n');
}

static bool
has_long_lines(struct span text)
{
	struct span line;
	while (span_split(&text, '\n', &line))
		if (line.size > LINE_SIZE)
			return true;
	return false;
}

/* Encoded text has the line ends of the wire (RFC 2045 6.8). */
static void
add_base64(struct buffer *out, struct span body)
{
	struct buffer lines;
	struct span line;
	buffer_init(&lines, 0);
	while (body.size > 0 && span_split(&body, '\n', &line)) {
		buffer_add(&lines, line);
		if (body.data != NULL)
			buffer_add(&lines, SPAN("\r\n"));
	}
	for (struct span rest = buffer_span(&lines); rest.size > 0;
	    rest = span_skip(rest, BASE64_BYTES)) {
		base64_encode(out, span_first(rest, BASE64_BYTES));
		buffer_add_byte(out, '\n');
	}
	buffer_fini(&lines);
}

void
mail_draft_format(const struct mail_draft *draft, struct buffer *out)
{
	struct span body = buffer_span(&draft->body);
	bool is_ascii = utf8_is_ascii(body), is_encoded = has_long_lines(body);
	if (draft->from.size > 0)
		add_list_field(out, "From", draft->from);
	add_list_field(out, "To", buffer_span(&draft->to));
	add_list_field(out, "Cc", buffer_span(&draft->cc));
	add_list_field(out, "Bcc", buffer_span(&draft->bcc));
	if (draft->subject.size > 0)
		add_text_field(out, "Subject", buffer_span(&draft->subject));
	buffer_add(out, buffer_span(&draft->fields));
	buffer_print(out, "MIME-Version: 1.0\n"
		"Content-Type: text/plain; charset=%s\n"
		"Content-Transfer-Encoding: %s\n\n",
		is_ascii ? "us-ascii" : utf8_is_valid(body) ? "utf-8" :
		"unknown-8bit", is_encoded ? "base64" :
		is_ascii ? "7bit" : "8bit");
	if (is_encoded) {
		add_base64(out, body);
		return;
	}
	buffer_add(out, body);
	if (body.size > 0 && body.data[body.size - 1] != '\n')
		buffer_add_byte(out, '\n');
}
