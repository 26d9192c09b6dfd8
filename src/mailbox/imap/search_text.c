/*
 * What SEARCH BODY and TEXT look at (RFC 9051 6.4.4): text parts and reports,
 * decoded from transfer encoding and charset; headers with their encoded words
 * decoded; names and descriptions of attachments. Other attachments are not
 * text, and multipart headers say nothing that a reader sees.
 *
 * Text goes through in pieces: bytes, UTF-8, folded text. What may belong
 * together with the next piece stays in front of it: half characters, what
 * would fold with a mark that follows, and as much as the longest string
 * could begin in.
 */
#include "mailbox/imap/search_text.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "proto/charset.h"
#include "proto/mime.h"
#include "serve/counter.h"

enum { PIECE_SIZE = 65536, DEATHS_LIMIT = 2 };

static void
collect(struct search_text *text, const struct search_key *key)
{
	if (key->kind == SEARCH_BODY || key->kind == SEARCH_TEXT) {
		text->key[text->count++] = key;
		if (key->needle.size > text->longest)
			text->longest = key->needle.size;
	}
	for (const struct search_key *child = key->child; child != NULL;
	    child = child->next)
		collect(text, child);
}

void
search_text_init(struct search_text *text, const struct search *search,
	struct arena *arena)
{
	*text = (struct search_text){ 0 };
	text->key = arena_new_array(arena, search->key_count,
		sizeof(*text->key));
	text->is_found = arena_new_array(arena, search->key_count,
		sizeof(*text->is_found));
	collect(text, search->root);
	buffer_init(&text->piece, 0);
	buffer_init(&text->raw, 0);
	buffer_init(&text->utf8, 0);
	buffer_init(&text->folded, 0);
}

void
search_text_fini(struct search_text *text)
{
	buffer_fini(&text->piece);
	buffer_fini(&text->raw);
	buffer_fini(&text->utf8);
	buffer_fini(&text->folded);
}

/* ---- one text after the other ---- */

static void
begin_text(struct search_text *text)
{
	buffer_clear(&text->raw);
	buffer_clear(&text->utf8);
	buffer_clear(&text->folded);
}

/* Looks for what is not found yet; keeps what a string could begin in. */
static void
look(struct search_text *text)
{
	struct span folded = buffer_span(&text->folded);
	for (size_t i = 0; i < text->count; i++) {
		const struct search_key *key = text->key[i];
		if (text->is_found[i] ||
		    (text->in_header && key->kind == SEARCH_BODY) ||
		    key->needle.size > folded.size ||
		    span_search(folded, key->needle) == folded.size)
			continue;
		text->is_found[i] = true;
		text->open--;
	}
	if (folded.size >= text->longest)
		buffer_shift(&text->folded, folded.size - text->longest + 1);
}

/* Folds text->utf8 up to its last ASCII character, or all of it. */
static void
fold(struct search_text *text, bool is_last)
{
	struct span utf8 = buffer_span(&text->utf8);
	size_t size = utf8.size;
	while (!is_last && size > 0 && (unsigned char)utf8.data[size - 1] >= 0x80)
		size--;
	if (!is_last && size > 0)
		size--;		/* it begins the next piece */
	if (size == 0 && utf8.size > 2 * PIECE_SIZE)
		size = utf8.size;	/* no ASCII in all this: no matter */
	charset_fold(&text->folded, span_first(utf8, size));
	buffer_shift(&text->utf8, size);
	look(text);
}

/* A short text as a whole. */
static void
take_text(struct search_text *text, struct span utf8)
{
	begin_text(text);
	buffer_add(&text->utf8, utf8);
	fold(text, true);
}

/* ---- headers ---- */

enum fetch_verdict
search_text_header(struct fetch_message *fetch, const struct mime_part *part,
	struct span *header, struct error *error)
{
	enum fetch_verdict verdict = fetch_message_body(fetch, error);
	size_t size = part->header_size < MIME_HEADER_LIMIT ?
		(size_t)part->header_size : MIME_HEADER_LIMIT;
	if (verdict != FETCH_OK)
		return verdict;
	char *bytes = arena_new(fetch->arena, size + 1);
	if (size > 0 && store_body_read(&fetch->body, part->header_offset,
	    bytes, size, error) < 0)
		return FETCH_TROUBLE;
	*header = span_of(bytes, size);
	return FETCH_OK;
}

static const struct mime_part *
next_part(const struct mime_part *part)
{
	if (part->child != NULL)
		return part->child;
	while (part != NULL && part->next == NULL)
		part = part->parent;
	return part == NULL ? NULL : part->next;
}

/* The charset of the first text of the message that names one. */
static struct span
charset_of(const struct mime_part *part)
{
	struct span label = SPAN("");
	for (; part != NULL && label.size == 0; part = next_part(part))
		if (span_equals(part->type, SPAN("text")))
			label = mime_parameter_value(part->parameters,
				SPAN("charset"));
	return label;
}

struct span
search_text_value(struct fetch_message *fetch, struct span value)
{
	struct buffer utf8;
	bool is_encoded = span_find(value, '\x1b') == value.size &&
		utf8_is_valid(value);
	if (is_encoded)
		return mime_decode_words(fetch->arena, value);
	buffer_init(&utf8, 0);
	charset_to_utf8(&utf8, charset_of(fetch->tree), value);
	value = mime_decode_words(fetch->arena, buffer_span(&utf8));
	buffer_fini(&utf8);
	return value;
}

/* "Name: value" of each field, a line each. */
static enum fetch_verdict
scan_header(struct search_text *text, struct fetch_message *fetch,
	const struct mime_part *part, struct error *error)
{
	struct mime_field field;
	struct span rest;
	enum fetch_verdict verdict = search_text_header(fetch, part, &rest,
		error);
	if (verdict != FETCH_OK)
		return verdict;
	begin_text(text);
	while (mime_next_field(&rest, &field)) {
		struct span value = mime_unfold(fetch->arena, field.value);
		buffer_add(&text->utf8, field.name);
		buffer_add(&text->utf8, SPAN(": "));
		buffer_add(&text->utf8, search_text_value(fetch, value));
		buffer_add_byte(&text->utf8, '\n');
	}
	fold(text, true);
	return FETCH_OK;
}

static void
scan_parameters(struct search_text *text, struct arena *arena,
	const struct mime_parameter *parameter)
{
	for (; parameter != NULL; parameter = parameter->next)
		if (span_equals(parameter->name, SPAN("name")) ||
		    span_equals(parameter->name, SPAN("filename")))
			take_text(text, parameter->is_extended ?
				parameter->value :
				mime_decode_words(arena, parameter->value));
}

/* What a reader sees of a part beside its text. */
static void
scan_description(struct search_text *text, struct arena *arena,
	const struct mime_part *part)
{
	scan_parameters(text, arena, part->parameters);
	scan_parameters(text, arena, part->disposition_parameters);
	if (part->description.size > 0)
		take_text(text, mime_decode_words(arena, part->description));
}

/* ---- bodies ---- */

static bool
is_text(const struct mime_part *part)
{
	return span_equals(part->type, SPAN("text")) ||
		span_equals(part->type, SPAN("message"));
}

/* The order that a mark at the start of UTF-16 shows is that of all pieces. */
static struct span
label_of(const struct mime_part *part, struct span start)
{
	struct span label = mime_parameter_value(part->parameters,
		SPAN("charset"));
	if (label.data == NULL)
		return SPAN("us-ascii");
	if (!span_equals_nocase(label, SPAN("utf-16")))
		return label;
	return span_starts(start, SPAN("\xfe\xff")) ? SPAN("utf-16be") :
		SPAN("utf-16le");
}

/* Decoded bytes are in text->raw. */
static void
convert(struct search_text *text, struct span label, bool is_last)
{
	struct span raw = buffer_span(&text->raw);
	size_t taken = charset_part_to_utf8(&text->utf8, label, raw, is_last);
	buffer_shift(&text->raw, taken);
	fold(text, is_last);
}

static int
check_deadline(const struct search_text *text, struct error *error)
{
	if (clock_monotonic() < text->deadline)
		return 0;
	return error_set(error, ERROR_TIMEOUT, "searching takes too long");
}

static enum fetch_verdict
scan_body(struct search_text *text, struct fetch_message *fetch,
	const struct mime_part *part, struct error *error)
{
	struct mime_decoder decoder = { .encoding = mime_encoding_of(part) };
	struct span label = SPAN("");
	uint64_t at = 0;
	begin_text(text);
	buffer_reserve(&text->piece, PIECE_SIZE);
	while (at < part->body_size && text->open > 0) {
		uint64_t left = part->body_size - at;
		size_t size = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
		if (check_deadline(text, error) < 0 ||
		    store_body_read(&fetch->body, part->body_offset + at,
		    text->piece.data, size, error) < 0)
			return FETCH_TROUBLE;
		mime_decode_part(&decoder, &text->raw,
			span_of(text->piece.data, size), size == left);
		if (at == 0)
			label = label_of(part, buffer_span(&text->raw));
		at += size;
		convert(text, label, size == left);
	}
	return FETCH_OK;
}

/* ---- the message ---- */

static enum fetch_verdict
scan_parts(struct search_text *text, struct fetch_message *fetch,
	struct error *error)
{
	enum fetch_verdict verdict = fetch_message_body(fetch, error);
	const struct mime_part *part = fetch->tree;
	for (; part != NULL && verdict == FETCH_OK && text->open > 0;
	    part = next_part(part)) {
		/* headers of messages; that of this one is not its body */
		text->in_header = part == fetch->tree;
		if (part->envelope != NULL)
			verdict = scan_header(text, fetch, part, error);
		text->in_header = false;
		if (part != fetch->tree)
			scan_description(text, fetch->arena, part);
		if (verdict == FETCH_OK && part->kind == MIME_LEAF &&
		    is_text(part))
			verdict = scan_body(text, fetch, part, error);
	}
	return verdict;
}

enum fetch_verdict
search_text_scan(struct search_text *text, struct fetch_message *fetch,
	struct error *error)
{
	unsigned deaths = 0;
	enum fetch_verdict verdict = fetch_message_tree(fetch, error);
	if (verdict != FETCH_OK)
		return verdict;
	text->open = 0;
	for (size_t i = 0; i < text->count; i++) {
		/* RFC 9051 6.4.4: the empty string is in every text */
		text->is_found[i] = text->key[i]->needle.size == 0;
		text->open += !text->is_found[i];
	}
	unsigned slot = counter_in_hand_set(store_account_id(fetch->account),
		fetch->message->email, &deaths);
	if (deaths < DEATHS_LIMIT)
		verdict = scan_parts(text, fetch, error);
	counter_in_hand_clear(slot);
	return verdict;
}
