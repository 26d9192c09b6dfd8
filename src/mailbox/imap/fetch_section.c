/* Sections of messages, RFC 9051 6.4.5.1 and RFC 3516 4.1. */
#include "mailbox/imap/fetch_section.h"

enum {
	PIECE_SIZE = 65536,
	DECODED_IN_MEMORY = 1 << 20,	/* larger parts are decoded twice */
};

/* ---- BODY[...] ---- */

static void
set_range(struct fetch_section *section, uint64_t offset, uint64_t size)
{
	section->kind = FETCH_RANGE;
	section->offset = offset;
	section->size = size;
}

static bool
is_wanted(const struct imap_section *wanted, struct span name)
{
	bool is_named = false;
	for (size_t i = 0; i < wanted->field_count && !is_named; i++)
		is_named = span_equals_nocase(wanted->field[i], name);
	return is_named == (wanted->text == IMAP_SECTION_FIELDS);
}

/* Beyond MIME_HEADER_LIMIT a header is not looked at. */
static int
filter_fields(struct fetch_message *fetch, const struct mime_part *part,
	const struct imap_section *wanted, struct fetch_section *section,
	struct error *error)
{
	struct mime_field field;
	struct buffer out;
	size_t size = part->header_size < MIME_HEADER_LIMIT ?
		(size_t)part->header_size : MIME_HEADER_LIMIT;
	char *header = arena_new(fetch->arena, size + 1);
	if (size > 0 && store_body_read(&fetch->body, part->header_offset,
	    header, size, error) < 0)
		return -1;
	struct span rest = span_of(header, size);
	buffer_init(&out, 0);
	while (mime_next_field(&rest, &field))
		if (is_wanted(wanted, field.name))
			buffer_add(&out, field.whole);
	/* The empty line belongs to it (RFC 9051 6.4.5.1). */
	buffer_add(&out, SPAN("\r\n"));
	section->kind = FETCH_BYTES;
	section->bytes = arena_copy(fetch->arena, buffer_span(&out));
	section->size = section->bytes.size;
	buffer_fini(&out);
	return 0;
}

/* The header that HEADER and TEXT of a part speak of: of the message, or of
 * the message inside a MESSAGE/RFC822 part. NULL: there is none. */
static const struct mime_part *
message_of(const struct mime_part *part, const struct imap_section *wanted)
{
	if (wanted->path_count == 0)
		return part;
	return part->kind == MIME_MESSAGE ? part->child : NULL;
}

static enum fetch_verdict
find_part(struct fetch_message *fetch, const struct imap_section *wanted,
	struct fetch_section *section, struct error *error)
{
	const struct mime_part *part = fetch->tree, *message;
	if (wanted->path_count > 0)
		part = mime_find(part, wanted->path, wanted->path_count);
	if (part == NULL)
		return FETCH_OK;
	if (wanted->text == IMAP_SECTION_ALL)
		set_range(section, part->body_offset, part->body_size);
	else if (wanted->text == IMAP_SECTION_MIME)
		set_range(section, part->header_offset, part->header_size);
	if (section->kind != FETCH_NIL ||
	    (message = message_of(part, wanted)) == NULL)
		return FETCH_OK;
	switch (wanted->text) {
	case IMAP_SECTION_HEADER:
		set_range(section, message->header_offset,
			message->header_size);
		return FETCH_OK;
	case IMAP_SECTION_TEXT:
		set_range(section, message->body_offset, message->body_size);
		return FETCH_OK;
	default:
		return filter_fields(fetch, message, wanted, section,
			error) < 0 ? FETCH_TROUBLE : FETCH_OK;
	}
}

/* ---- BINARY[...] ---- */

/* Takes decoded bytes as they come. */
struct sink {
	struct buffer *keep;		/* NULL: do not */
	struct stream *stream;		/* NULL: do not send */
	uint64_t skip, left;		/* what of it is sent */
	uint64_t size;			/* all of it */
};

static void
take(struct sink *sink, struct span bytes)
{
	sink->size += bytes.size;
	if (sink->keep != NULL)
		buffer_add(sink->keep, bytes);
	if (sink->stream == NULL)
		return;
	uint64_t skip = sink->skip < bytes.size ? sink->skip : bytes.size;
	sink->skip -= skip;
	bytes = span_skip(bytes, (size_t)skip);
	if (bytes.size > sink->left)
		bytes = span_first(bytes, (size_t)sink->left);
	sink->left -= bytes.size;
	stream_add(sink->stream, bytes);
}

static int
decode(struct fetch_message *fetch, const struct mime_part *part,
	struct sink *sink, struct error *error)
{
	struct mime_decoder decoder = { .encoding = mime_encoding_of(part) };
	struct buffer out;
	char *piece = arena_new(fetch->arena, PIECE_SIZE);
	uint64_t at = 0;
	int result = 0;
	buffer_init(&out, 0);
	while (at < part->body_size && result == 0) {
		uint64_t left = part->body_size - at;
		size_t size = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
		result = store_body_read(&fetch->body, part->body_offset + at,
			piece, size, error);
		if (result < 0)
			break;
		mime_decode_part(&decoder, &out, span_of(piece, size), false);
		take(sink, buffer_span(&out));
		buffer_clear(&out);
		at += size;
	}
	if (result == 0) {
		mime_decode_part(&decoder, &out, span_of(NULL, 0), true);
		take(sink, buffer_span(&out));
	}
	buffer_fini(&out);
	return result;
}

static enum fetch_verdict
decode_part(struct fetch_message *fetch, const struct mime_part *part,
	struct fetch_section *section, struct error *error)
{
	struct buffer kept;
	buffer_init(&kept, DECODED_IN_MEMORY);
	struct sink sink = { .keep = &kept };
	if (decode(fetch, part, &sink, error) < 0) {
		buffer_fini(&kept);
		return FETCH_TROUBLE;
	}
	section->size = sink.size;
	section->part = part;
	section->kind = FETCH_DECODED;
	if (!buffer_is_overrun(&kept)) {
		section->kind = FETCH_BYTES;
		section->bytes = arena_copy(fetch->arena, buffer_span(&kept));
	}
	buffer_fini(&kept);
	return FETCH_OK;
}

/* RFC 3516 4.1: a leaf is decoded; others have nothing to be decoded. */
static enum fetch_verdict
find_binary(struct fetch_message *fetch, const struct imap_section *wanted,
	struct fetch_section *section, struct error *error)
{
	if (wanted->path_count == 0) {
		set_range(section, 0, fetch->body.size);
		return FETCH_OK;
	}
	const struct mime_part *part = mime_find(fetch->tree, wanted->path,
		wanted->path_count);
	if (part == NULL)
		return FETCH_OK;
	switch (mime_encoding_of(part)) {
	case MIME_UNKNOWN_ENCODING:
		return FETCH_UNKNOWN_ENCODING;
	case MIME_IDENTITY:
		set_range(section, part->body_offset, part->body_size);
		return FETCH_OK;
	default:
		if (part->kind == MIME_LEAF)
			return decode_part(fetch, part, section, error);
		set_range(section, part->body_offset, part->body_size);
		return FETCH_OK;
	}
}

/* ---- both ---- */

/* RFC 9051 6.4.5: what lies beyond the end is cut, in front it is left out. */
static void
apply_partial(const struct imap_fetch_item *item,
	struct fetch_section *section)
{
	if (!item->is_partial || section->kind == FETCH_NIL)
		return;
	uint64_t skip = item->offset < section->size ? item->offset :
		section->size;
	section->size -= skip;
	if (section->size > item->size)
		section->size = item->size;
	section->offset += skip;
	section->skip = skip;
	if (section->kind == FETCH_BYTES)
		section->bytes = span_first(span_skip(section->bytes,
			(size_t)skip), (size_t)section->size);
}

/* Only BODY[] of the whole message can do without the structure. */
static bool
needs_tree(const struct imap_section *wanted)
{
	return wanted->path_count > 0 || wanted->text != IMAP_SECTION_ALL;
}

enum fetch_verdict
fetch_section_find(struct fetch_message *fetch,
	const struct imap_fetch_item *item, struct fetch_section *section,
	struct error *error)
{
	const struct imap_section *wanted = &item->section;
	*section = (struct fetch_section){ .kind = FETCH_NIL };
	enum fetch_verdict verdict = fetch_message_body(fetch, error);
	if (verdict == FETCH_OK && needs_tree(wanted))
		verdict = fetch_message_tree(fetch, error);
	if (verdict != FETCH_OK)
		return verdict;
	if (!needs_tree(wanted))
		set_range(section, 0, fetch->body.size);
	else if (item->kind == IMAP_FETCH_BINARY ||
	    item->kind == IMAP_FETCH_BINARY_SIZE)
		verdict = find_binary(fetch, wanted, section, error);
	else
		verdict = find_part(fetch, wanted, section, error);
	apply_partial(item, section);
	return verdict;
}

enum fetch_verdict
fetch_section_binary_size(struct fetch_message *fetch,
	const struct imap_fetch_item *item, uint64_t *size,
	struct error *error)
{
	struct fetch_section section;
	enum fetch_verdict verdict = fetch_section_find(fetch, item, &section,
		error);
	*size = section.kind == FETCH_NIL ? 0 : section.size;
	return verdict;
}

/* In pieces, so that no more of it than of a file is held twice. */
static void
send_memory(struct stream *stream, struct span bytes)
{
	while (bytes.size > 0 && !stream->is_failed) {
		stream_add(stream, span_first(bytes, PIECE_SIZE));
		bytes = span_skip(bytes, PIECE_SIZE);
	}
}

int
fetch_section_send(struct fetch_message *fetch,
	const struct fetch_section *section, struct stream *stream,
	struct error *error)
{
	switch (section->kind) {
	case FETCH_NIL:
		return 0;
	case FETCH_BYTES:
		stream_add(stream, section->bytes);
		return 0;
	case FETCH_RANGE:
		if (fetch->body.memory != NULL) {
			send_memory(stream, span_of(fetch->body.memory +
				section->offset, (size_t)section->size));
			return 0;
		}
		return stream_add_file(stream, fetch->body.fd,
			fetch->body.offset + section->offset, section->size,
			error);
	case FETCH_DECODED:
		break;
	}
	struct sink sink = { .stream = stream, .skip = section->skip,
		.left = section->size };
	return decode(fetch, section->part, &sink, error);
}
