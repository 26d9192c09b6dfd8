/* What `mail` shows of messages; see mail_text.h. */
#include "ctl/mail_text.h"

#include "proto/charset.h"
#include "proto/html_text.h"
#include "proto/terminal_text.h"

enum { FROM_COLUMNS = 20, DATE_COLUMNS = 16, HEAD_COLUMNS = 6 };

/* ---- the list ---- */

void
mail_text_add_line(struct buffer *out, const struct mail_text_line *line,
	size_t columns)
{
	struct buffer size;
	buffer_print(out, "%c%c%3u ", line->is_current ? '>' : ' ', line->flag,
		line->number);
	terminal_text_add_cell(out, line->from, FROM_COLUMNS, true);
	buffer_add_byte(out, ' ');
	terminal_text_add_cell(out, line->date, DATE_COLUMNS, true);
	buffer_init(&size, 0);
	buffer_print(&size, " %4lu/%-5lu ", (unsigned long)line->lines,
		(unsigned long)line->bytes);
	buffer_add(out, buffer_span(&size));
	size_t used = HEAD_COLUMNS + FROM_COLUMNS + 1 + DATE_COLUMNS +
		size.size + 2;
	buffer_fini(&size);
	if (line->subject.size > 0 && used < columns) {
		buffer_add_byte(out, '"');
		terminal_text_add_cell(out, line->subject, columns - used, false);
		buffer_add_byte(out, '"');
	}
	while (out->size > 0 && out->data[out->size - 1] == ' ')
		out->size--;
	buffer_add_byte(out, '\n');
}

struct span
mail_text_field(struct arena *arena, struct span message, struct span name)
{
	struct mime_field field;
	while (mime_next_field(&message, &field))
		if (span_equals_nocase(field.name, name))
			return mime_decode_words(arena,
				mime_unfold(arena, field.value));
	return SPAN("");
}

void
mail_text_find_head(struct arena *arena, struct span message,
	struct span *from, struct span *subject)
{
	struct mime_field field;
	struct span rest = message;
	*from = SPAN("");
	*subject = mail_text_field(arena, message, SPAN("Subject"));
	while (mime_next_field(&rest, &field)) {
		if (!span_equals_nocase(field.name, SPAN("From")))
			continue;
		const struct mime_address *address = mime_parse_addresses(arena,
			mime_unfold(arena, field.value));
		for (; address != NULL; address = address->next) {
			if (address->mailbox.data == NULL)
				continue;
			*from = address->host.size == 0 ? address->mailbox :
				arena_print(arena, "%.*s@%.*s",
				SPAN_PRINT(address->mailbox),
				SPAN_PRINT(address->host));
			return;
		}
		*from = mime_decode_words(arena,
			mime_unfold(arena, field.value));
		return;
	}
}

/* ---- parts ---- */

/* What walks through the parts of a message. */
struct walk {
	struct arena arena;
	struct span message;
	struct buffer *out;		/* text; NULL: nothing is shown */
	unsigned attachments;		/* so far */
	unsigned wanted;		/* number of the one looked for; 0: none */
	const struct mime_part *found;
};

static struct span
bytes_of(const struct walk *walk, const struct mime_part *part)
{
	return span_first(span_skip(walk->message, part->body_offset),
		part->body_size);
}

static void
decode(const struct walk *walk, const struct mime_part *part,
	struct buffer *out)
{
	struct mime_decoder decoder = { .encoding = mime_encoding_of(part) };
	mime_decode_part(&decoder, out, bytes_of(walk, part), false);
	mime_decode_part(&decoder, out, SPAN(""), true);
}

static bool
is_text(const struct mime_part *part)
{
	return part->kind == MIME_LEAF && span_equals(part->type, SPAN("text")) &&
		!span_equals(part->disposition, SPAN("attachment"));
}

static bool
is_html(const struct mime_part *part)
{
	return span_equals(part->subtype, SPAN("html"));
}

static void
show_text(struct walk *walk, const struct mime_part *part)
{
	struct buffer bytes, utf8, text;
	buffer_init(&bytes, 0);
	buffer_init(&utf8, 0);
	buffer_init(&text, 0);
	decode(walk, part, &bytes);
	charset_to_utf8(&utf8, mime_parameter_value(part->parameters,
		SPAN("charset")), buffer_span(&bytes));
	if (is_html(part))
		html_text_add(&text, buffer_span(&utf8));
	terminal_text_add(walk->out, is_html(part) ? buffer_span(&text) :
		buffer_span(&utf8));
	if (walk->out->size > 0 && walk->out->data[walk->out->size - 1] != '\n')
		buffer_add_byte(walk->out, '\n');
	buffer_fini(&bytes);
	buffer_fini(&utf8);
	buffer_fini(&text);
}

static struct span
name_of(struct walk *walk, const struct mime_part *part)
{
	struct span name = mime_parameter_value(part->disposition_parameters,
		SPAN("filename"));
	if (name.data == NULL)
		name = mime_parameter_value(part->parameters, SPAN("name"));
	/* Many put encoded words there, which RFC 2047 5 forbids. */
	return mime_decode_words(&walk->arena, name);
}

static void
add_size(struct buffer *out, uint64_t size)
{
	if (size < 10000)
		buffer_print(out, "%lu bytes", (unsigned long)size);
	else if (size < 10000000)
		buffer_print(out, "%lu KB", (unsigned long)(size / 1000));
	else
		buffer_print(out, "%lu MB", (unsigned long)(size / 1000000));
}

static void
show_attachment(struct walk *walk, const struct mime_part *part)
{
	struct span name = name_of(walk, part);
	uint64_t size = part->body_size;
	if (mime_encoding_of(part) == MIME_BASE64)
		size = size / 78 * 57 + size % 78 / 4 * 3;
	buffer_print(walk->out, "[Attachment %u: ", walk->attachments);
	if (name.size > 0) {
		terminal_text_add_line(walk->out, name);
		buffer_add(walk->out, SPAN(", "));
	}
	terminal_text_add_line(walk->out, part->type);
	buffer_add_byte(walk->out, '/');
	terminal_text_add_line(walk->out, part->subtype);
	buffer_add(walk->out, SPAN(", "));
	add_size(walk->out, size);
	buffer_print(walk->out, "; `detach %u' saves it]\n", walk->attachments);
}

/* How well a terminal shows it: what alternative to take. */
static unsigned
fitness(const struct mime_part *part)
{
	unsigned best = 0;
	if (part->kind != MIME_MULTIPART)
		return !is_text(part) ? 1 : is_html(part) ? 3 :
			span_equals(part->subtype, SPAN("plain")) ? 4 : 2;
	for (const struct mime_part *at = part->child; at != NULL; at = at->next) {
		unsigned its = at->kind == MIME_MULTIPART ? 2 : fitness(at);
		best = its > best ? its : best;
	}
	return best;
}

static const struct mime_part *
choose(const struct mime_part *alternative)
{
	const struct mime_part *best = alternative->child;
	for (const struct mime_part *at = best; at != NULL; at = at->next)
		if (fitness(at) >= fitness(best))
			best = at;
	return best;
}

static void
add_fields(struct walk *walk, struct span header, bool has_all);

/* Every leaf once, in order. The tree is no deeper than MIME_DEPTH_LIMIT. */
static void
visit(struct walk *walk, const struct mime_part *part)
{
	if (part->kind == MIME_MULTIPART &&
	    span_equals(part->subtype, SPAN("alternative"))) {
		visit(walk, choose(part));
	} else if (part->kind == MIME_MULTIPART) {
		for (const struct mime_part *at = part->child; at != NULL;
		    at = at->next)
			visit(walk, at);
	} else if (part->kind == MIME_MESSAGE && part->child != NULL) {
		if (walk->out != NULL) {
			buffer_add_byte(walk->out, '\n');
			add_fields(walk, span_skip(walk->message,
				part->child->header_offset), false);
			buffer_add_byte(walk->out, '\n');
		}
		visit(walk, part->child);
	} else if (is_text(part)) {
		if (walk->out != NULL)
			show_text(walk, part);
	} else {
		walk->attachments++;
		if (walk->attachments == walk->wanted)
			walk->found = part;
		if (walk->out != NULL)
			show_attachment(walk, part);
	}
}

/* ---- messages ---- */

/* What is shown of a header, unless all is wanted. */
static const char *const shown[] = { "Return-Path", "X-Original-To",
	"Delivered-To", "From", "Sender", "Reply-To", "To", "Cc", "Bcc",
	"Subject", "Date", "Resent-From", "Resent-To", "Resent-Date" };

static bool
is_shown(struct span name)
{
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (span_equals_nocase(name, span_from(shown[i])))
			return true;
	return false;
}

static void
add_fields(struct walk *walk, struct span header, bool has_all)
{
	struct mime_field field;
	while (mime_next_field(&header, &field)) {
		if (!has_all && !is_shown(field.name))
			continue;
		terminal_text_add_line(walk->out, field.name);
		buffer_add(walk->out, SPAN(": "));
		terminal_text_add_line(walk->out, mime_decode_words(
			&walk->arena, mime_unfold(&walk->arena, field.value)));
		buffer_add_byte(walk->out, '\n');
	}
}

void
mail_text_add_message(struct buffer *out, struct span message,
	bool has_all_fields)
{
	struct walk walk = { .message = message, .out = out };
	arena_init(&walk.arena, 0);
	add_fields(&walk, message, has_all_fields);
	buffer_add_byte(out, '\n');
	visit(&walk, mime_parse(&walk.arena, message));
	arena_fini(&walk.arena);
}

void
mail_text_add_body(struct buffer *out, struct span message)
{
	struct walk walk = { .message = message, .out = out };
	arena_init(&walk.arena, 0);
	visit(&walk, mime_parse(&walk.arena, message));
	arena_fini(&walk.arena);
}

static void
make_file_name(struct buffer *out, struct span name)
{
	terminal_text_add_line(out, name);
	for (size_t i = 0; i < out->size; i++)
		if (out->data[i] == '/' || (i == 0 && (out->data[i] == '.' ||
		    out->data[i] == '-')))
			out->data[i] = '_';
}

bool
mail_text_find_attachment(struct arena *arena, struct span message,
	unsigned number, struct span *name, struct buffer *content)
{
	struct walk walk = { .message = message, .wanted = number };
	struct buffer clean;
	arena_init(&walk.arena, 0);
	visit(&walk, mime_parse(&walk.arena, message));
	bool is_found = walk.found != NULL;
	if (is_found) {
		buffer_init(&clean, 200);
		make_file_name(&clean, name_of(&walk, walk.found));
		*name = arena_copy(arena, buffer_span(&clean));
		decode(&walk, walk.found, content);
		buffer_fini(&clean);
	}
	arena_fini(&walk.arena);
	return is_found;
}
