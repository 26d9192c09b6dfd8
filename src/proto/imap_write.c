/* Values of IMAP responses, RFC 9051 9. */
#include "proto/imap_write.h"

#include "base/utf8.h"
#include "proto/mutf7.h"

static bool
is_quotable(struct span s, bool is_utf8)
{
	bool is_ascii = true;
	if (s.size > IMAP_WRITE_QUOTED_LIMIT)
		return false;
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] == '\r' || s.data[i] == '\n')
			return false;
		if ((unsigned char)s.data[i] >= 0x80)
			is_ascii = false;
	}
	return is_ascii || (is_utf8 && utf8_is_valid(s));
}

static void
add_without_nul(struct buffer *out, struct span s, bool escape)
{
	for (size_t i = 0; i < s.size; i++) {
		char c = s.data[i] == '\0' ? ' ' : s.data[i];
		if (escape && (c == '"' || c == '\\'))
			buffer_add_byte(out, '\\');
		buffer_add_byte(out, c);
	}
}

void
imap_write_string(struct buffer *out, struct span s, bool is_utf8)
{
	bool is_quoted = is_quotable(s, is_utf8);
	if (is_quoted)
		buffer_add_byte(out, '"');
	else
		buffer_print(out, "{%zu}\r\n", s.size);
	add_without_nul(out, s, is_quoted);
	if (is_quoted)
		buffer_add_byte(out, '"');
}

void
imap_write_nstring(struct buffer *out, struct span s, bool is_utf8)
{
	if (s.data == NULL)
		buffer_add(out, SPAN("NIL"));
	else
		imap_write_string(out, s, is_utf8);
}

/* ASTRING-CHAR, less what older clients stumble over. */
static bool
is_plain(char c)
{
	if (c <= 0x20 || c >= 0x7f)
		return false;
	return span_find(SPAN("(){%*\"\\[]"), c) == sizeof("(){%*\"\\[]") - 1;
}

void
imap_write_astring(struct buffer *out, struct span s, bool is_utf8)
{
	bool is_atom = s.size > 0 && s.size <= IMAP_WRITE_QUOTED_LIMIT &&
		!span_equals_nocase(s, SPAN("NIL"));
	for (size_t i = 0; i < s.size && is_atom; i++)
		is_atom = is_plain(s.data[i]);
	if (is_atom)
		buffer_add(out, s);
	else
		imap_write_string(out, s, is_utf8);
}

void
imap_write_mailbox(struct buffer *out, struct span name, bool is_utf8)
{
	struct buffer encoded;
	if (is_utf8) {
		imap_write_astring(out, name, true);
		return;
	}
	buffer_init(&encoded, 0);
	mutf7_encode(&encoded, name);
	imap_write_astring(out, buffer_span(&encoded), false);
	buffer_fini(&encoded);
}
