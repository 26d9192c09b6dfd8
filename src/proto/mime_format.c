/*
 * ENVELOPE, BODY and BODYSTRUCTURE of IMAP (RFC 9051 7.5.2, 9; RFC 3501 7.4.2)
 * from the tree of the MIME parser.
 */
#include "proto/imap_write.h"
#include "proto/mime.h"

static const struct span ABSENT = { NULL, 0 };

/* NIL for what is absent or empty. */
static void
add_value(struct buffer *out, struct span value, bool is_utf8)
{
	imap_write_nstring(out, value.size > 0 ? value : ABSENT, is_utf8);
}

/* ---- envelope ---- */

static void
add_address(struct buffer *out, const struct mime_address *address)
{
	bool is_group = address->mailbox.data == NULL;
	buffer_add_byte(out, '(');
	imap_write_nstring(out, is_group ? ABSENT : address->name, false);
	buffer_add_byte(out, ' ');
	imap_write_nstring(out, address->route, false);
	buffer_add_byte(out, ' ');
	/* the name of a group stands where mailboxes do, its host is NIL */
	imap_write_nstring(out, is_group ? address->name : address->mailbox,
		false);
	buffer_add_byte(out, ' ');
	imap_write_nstring(out, is_group ? ABSENT : address->host, false);
	buffer_add_byte(out, ')');
}

static void
add_addresses(struct buffer *out, struct arena *arena, struct span value)
{
	const struct mime_address *address =
		mime_parse_addresses(arena, value);
	if (address == NULL) {
		buffer_add(out, SPAN("NIL"));
		return;
	}
	buffer_add_byte(out, '(');
	for (; address != NULL; address = address->next)
		add_address(out, address);
	buffer_add_byte(out, ')');
}

void
mime_format_envelope(struct buffer *out, struct arena *arena,
	const struct mime_envelope *envelope)
{
	/* RFC 9051 7.5.2: absent or empty Sender and Reply-To are From */
	struct span sender = envelope->sender.size > 0 ? envelope->sender :
		envelope->from;
	struct span reply_to = envelope->reply_to.size > 0 ?
		envelope->reply_to : envelope->from;
	const struct span lists[] = { envelope->from, sender, reply_to,
		envelope->to, envelope->cc, envelope->bcc };
	buffer_add_byte(out, '(');
	imap_write_nstring(out, envelope->date, false);
	buffer_add_byte(out, ' ');
	imap_write_nstring(out, envelope->subject, false);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		buffer_add_byte(out, ' ');
		add_addresses(out, arena, lists[i]);
	}
	buffer_add_byte(out, ' ');
	imap_write_nstring(out, envelope->in_reply_to, false);
	buffer_add_byte(out, ' ');
	imap_write_nstring(out, envelope->message_id, false);
	buffer_add_byte(out, ')');
}

/* ---- structure ---- */

/* RFC 2231 4, for clients that do this decoding themselves. */
static void
add_percent_encoded(struct buffer *out, struct span text)
{
	static const char safe[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789-._~";
	static const char digits[] = "0123456789ABCDEF";
	buffer_add(out, SPAN("\"utf-8''"));
	for (size_t i = 0; i < text.size; i++) {
		unsigned char byte = (unsigned char)text.data[i];
		if (span_find(SPAN(safe), text.data[i]) < sizeof(safe) - 1) {
			buffer_add_byte(out, text.data[i]);
			continue;
		}
		buffer_add_byte(out, '%');
		buffer_add_byte(out, digits[byte >> 4]);
		buffer_add_byte(out, digits[byte & 15]);
	}
	buffer_add_byte(out, '"');
}

static void
add_parameter(struct buffer *out, struct arena *arena,
	const struct mime_parameter *parameter, bool is_utf8)
{
	if (!parameter->is_extended) {
		imap_write_string(out, parameter->name, is_utf8);
		buffer_add_byte(out, ' ');
		imap_write_string(out, parameter->value, is_utf8);
		return;
	}
	imap_write_string(out, arena_print(arena, "%.*s*",
		SPAN_PRINT(parameter->name)), is_utf8);
	buffer_add_byte(out, ' ');
	if (is_utf8)
		imap_write_string(out, parameter->value, true);
	else
		add_percent_encoded(out, parameter->value);
}

static void
add_parameters(struct buffer *out, struct arena *arena,
	const struct mime_parameter *parameter, bool is_utf8)
{
	if (parameter == NULL) {
		buffer_add(out, SPAN("NIL"));
		return;
	}
	buffer_add_byte(out, '(');
	for (; parameter != NULL; parameter = parameter->next) {
		add_parameter(out, arena, parameter, is_utf8);
		if (parameter->next != NULL)
			buffer_add_byte(out, ' ');
	}
	buffer_add_byte(out, ')');
}

/* body-fld-lang: one string, or a list of more (RFC 3282). */
static void
add_language(struct buffer *out, struct span value)
{
	struct span rest = value, piece;
	size_t count = 0;
	if (span_find(value, ',') == value.size) {
		add_value(out, value, false);
		return;
	}
	while (span_split(&rest, ',', &piece)) {
		piece = span_trim(piece);
		if (piece.size == 0)
			continue;
		buffer_add_byte(out, count++ == 0 ? '(' : ' ');
		imap_write_string(out, piece, false);
	}
	buffer_add(out, count == 0 ? SPAN("NIL") : SPAN(")"));
}

/* body-fld-dsp, body-fld-lang and body-fld-loc, which all parts end in. */
static void
add_extension(struct buffer *out, struct arena *arena,
	const struct mime_part *part, bool is_utf8)
{
	buffer_add_byte(out, ' ');
	if (part->disposition.size == 0) {
		buffer_add(out, SPAN("NIL"));
	} else {
		buffer_add_byte(out, '(');
		imap_write_string(out, part->disposition, is_utf8);
		buffer_add_byte(out, ' ');
		add_parameters(out, arena, part->disposition_parameters,
			is_utf8);
		buffer_add_byte(out, ')');
	}
	buffer_add_byte(out, ' ');
	add_language(out, part->language);
	buffer_add_byte(out, ' ');
	add_value(out, part->location, is_utf8);
}

/* body-fields: parameters, id, description, encoding, octets. */
static void
add_fields(struct buffer *out, struct arena *arena,
	const struct mime_part *part, bool is_utf8)
{
	imap_write_string(out, part->type, is_utf8);
	buffer_add_byte(out, ' ');
	imap_write_string(out, part->subtype, is_utf8);
	buffer_add_byte(out, ' ');
	add_parameters(out, arena, part->parameters, is_utf8);
	buffer_add_byte(out, ' ');
	add_value(out, part->id, is_utf8);
	buffer_add_byte(out, ' ');
	add_value(out, part->description, is_utf8);
	buffer_add_byte(out, ' ');
	imap_write_string(out, part->encoding, is_utf8);
	buffer_add_byte(out, ' ');
	buffer_add_number(out, part->body_size);
}

static void
add_line_count(struct buffer *out, const struct mime_part *part)
{
	buffer_add_byte(out, ' ');
	buffer_add_number(out, part->body_lines);
}

/*
 * What body-type-msg has beyond the fields. A message whose encoding hides
 * what is inside has an envelope and a text without anything.
 */
static void
add_message(struct buffer *out, struct arena *arena,
	const struct mime_part *part, unsigned flags)
{
	static const struct mime_envelope nothing;
	const struct mime_part *inside = part->child;
	buffer_add_byte(out, ' ');
	mime_format_envelope(out, arena, inside != NULL &&
		inside->envelope != NULL ? inside->envelope : &nothing);
	buffer_add_byte(out, ' ');
	if (inside != NULL)
		mime_format_structure(out, arena, inside, flags);
	else
		buffer_add(out, SPAN("(\"text\" \"plain\" NIL NIL NIL "
			"\"7bit\" 0 0)"));
	add_line_count(out, part);
}

static bool
is_message(const struct mime_part *part)
{
	return span_equals(part->type, SPAN("message")) &&
		(span_equals(part->subtype, SPAN("rfc822")) ||
		span_equals(part->subtype, SPAN("global")));
}

static void
add_leaf(struct buffer *out, struct arena *arena,
	const struct mime_part *part, unsigned flags)
{
	bool is_utf8 = (flags & MIME_UTF8) != 0;
	add_fields(out, arena, part, is_utf8);
	if (is_message(part))
		add_message(out, arena, part, flags);
	else if (span_equals(part->type, SPAN("text")))
		add_line_count(out, part);
	if ((flags & MIME_EXTENDED) == 0)
		return;
	buffer_add_byte(out, ' ');
	add_value(out, part->md5, is_utf8);
	add_extension(out, arena, part, is_utf8);
}

/* Recursion is bounded by the depth of the tree, MIME_DEPTH_LIMIT. */
void
mime_format_structure(struct buffer *out, struct arena *arena,
	const struct mime_part *part, unsigned flags)
{
	bool is_utf8 = (flags & MIME_UTF8) != 0;
	buffer_add_byte(out, '(');
	if (part->kind != MIME_MULTIPART) {
		add_leaf(out, arena, part, flags);
		buffer_add_byte(out, ')');
		return;
	}
	for (const struct mime_part *child = part->child; child != NULL;
	    child = child->next)
		mime_format_structure(out, arena, child, flags);
	buffer_add_byte(out, ' ');
	imap_write_string(out, part->subtype, is_utf8);
	if ((flags & MIME_EXTENDED) != 0) {
		buffer_add_byte(out, ' ');
		add_parameters(out, arena, part->parameters, is_utf8);
		add_extension(out, arena, part, is_utf8);
	}
	buffer_add_byte(out, ')');
}
