/*
 * The tree of a message: parts by IMAP's numbers (RFC 9051 6.4.5.1), and the
 * whole as flat bytes for a cache. The bytes come back from a disk, so the
 * reader believes nothing of them: wrong bytes are no tree, never trouble.
 *
 * Format 1: the byte 1, then parts in order, a part before its children:
 * kind, then numbers (7 bits a byte, the lowest first) header offset, header
 * size, body offset, body size, lines; strings (size + 1, or 0 for absent);
 * parameters (count, then flag, name, value); envelope (0 or 1, then strings);
 * number of children.
 */
#include "proto/mime.h"

#include <stddef.h>

enum { FORMAT = 1 };

/* ---- numbers of parts ---- */

/* Child number n of a multipart. */
static const struct mime_part *
child_of(const struct mime_part *part, uint32_t number)
{
	const struct mime_part *child = part->child;
	while (child != NULL && number > 1) {
		child = child->next;
		number--;
	}
	return number == 0 ? NULL : child;
}

const struct mime_part *
mime_find(const struct mime_part *message, const uint32_t *path, size_t count)
{
	const struct mime_part *part = message;
	bool at_message = true;		/* `part` is a message, not yet its body */
	for (size_t i = 0; i < count; i++) {
		if (!at_message && part->kind == MIME_MESSAGE) {
			part = part->child;
			at_message = true;
		}
		if (part->kind == MIME_MULTIPART)
			part = child_of(part, path[i]);
		else if (!at_message || path[i] != 1)
			part = NULL;
		if (part == NULL)
			return NULL;
		at_message = false;
	}
	return part;
}

/* ---- writing ---- */

static const size_t part_spans[] = {
	offsetof(struct mime_part, type), offsetof(struct mime_part, subtype),
	offsetof(struct mime_part, encoding), offsetof(struct mime_part, id),
	offsetof(struct mime_part, description),
	offsetof(struct mime_part, md5), offsetof(struct mime_part, location),
	offsetof(struct mime_part, disposition),
	offsetof(struct mime_part, language),
};
static const size_t envelope_spans[] = {
	offsetof(struct mime_envelope, date),
	offsetof(struct mime_envelope, subject),
	offsetof(struct mime_envelope, from),
	offsetof(struct mime_envelope, sender),
	offsetof(struct mime_envelope, reply_to),
	offsetof(struct mime_envelope, to), offsetof(struct mime_envelope, cc),
	offsetof(struct mime_envelope, bcc),
	offsetof(struct mime_envelope, in_reply_to),
	offsetof(struct mime_envelope, message_id),
};
enum {
	PART_SPANS = sizeof(part_spans) / sizeof(part_spans[0]),
	ENVELOPE_SPANS = sizeof(envelope_spans) / sizeof(envelope_spans[0]),
};

static void
put_number(struct buffer *out, uint64_t number)
{
	while (number >= 0x80) {
		buffer_add_byte(out, (char)(number | 0x80));
		number >>= 7;
	}
	buffer_add_byte(out, (char)number);
}

static void
put_span(struct buffer *out, struct span s)
{
	put_number(out, s.data == NULL ? 0 : s.size + 1);
	buffer_add(out, s);
}

static void
put_spans(struct buffer *out, const void *base, const size_t *offset,
	size_t count)
{
	for (size_t i = 0; i < count; i++)
		put_span(out, *(const struct span *)(const void *)
			((const char *)base + offset[i]));
}

static void
put_parameters(struct buffer *out, const struct mime_parameter *list)
{
	size_t count = 0;
	for (const struct mime_parameter *p = list; p != NULL; p = p->next)
		count++;
	put_number(out, count);
	for (; list != NULL; list = list->next) {
		put_number(out, list->is_extended);
		put_span(out, list->name);
		put_span(out, list->value);
	}
}

static void
put_part(struct buffer *out, const struct mime_part *part)
{
	size_t children = 0;
	put_number(out, part->kind);
	put_number(out, part->header_offset);
	put_number(out, part->header_size);
	put_number(out, part->body_offset);
	put_number(out, part->body_size);
	put_number(out, part->body_lines);
	put_spans(out, part, part_spans, PART_SPANS);
	put_parameters(out, part->parameters);
	put_parameters(out, part->disposition_parameters);
	put_number(out, part->envelope != NULL);
	if (part->envelope != NULL)
		put_spans(out, part->envelope, envelope_spans, ENVELOPE_SPANS);
	for (const struct mime_part *c = part->child; c != NULL; c = c->next)
		children++;
	put_number(out, children);
}

/* The part after this one in the order of the message; NULL at the end. */
static const struct mime_part *
next_part(const struct mime_part *part, const struct mime_part *root)
{
	if (part->child != NULL)
		return part->child;
	while (part != root && part->next == NULL)
		part = part->parent;
	return part == root ? NULL : part->next;
}

void
mime_tree_encode(struct buffer *out, const struct mime_part *message)
{
	put_number(out, FORMAT);
	for (const struct mime_part *part = message; part != NULL;
	    part = next_part(part, message))
		put_part(out, part);
}

/* ---- reading ---- */

struct reader {
	struct arena *arena;
	struct span rest;
	bool is_bad;
	size_t parts;
};

/* 0 when there is none: is_bad says so. */
static uint64_t
take_number(struct reader *reader, uint64_t most)
{
	uint64_t number = 0;
	for (unsigned shift = 0; shift < 63 && reader->rest.size > 0;
	    shift += 7) {
		unsigned char byte = (unsigned char)reader->rest.data[0];
		reader->rest = span_skip(reader->rest, 1);
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80 && number <= most)
			return number;
		if (byte < 0x80)
			break;
	}
	reader->is_bad = true;
	return 0;
}

static struct span
take_span(struct reader *reader)
{
	uint64_t size = take_number(reader, reader->rest.size);
	if (size == 0 || size - 1 > reader->rest.size) {
		reader->is_bad = reader->is_bad || size > 0;
		return span_of(NULL, 0);
	}
	struct span s = span_first(reader->rest, (size_t)size - 1);
	reader->rest = span_skip(reader->rest, s.size);
	return arena_copy(reader->arena, s);
}

static void
take_spans(struct reader *reader, void *base, const size_t *offset,
	size_t count)
{
	for (size_t i = 0; i < count; i++)
		*(struct span *)(void *)((char *)base + offset[i]) =
			take_span(reader);
}

static struct mime_parameter *
take_parameters(struct reader *reader)
{
	struct mime_parameter *list = NULL, **end = &list;
	uint64_t count = take_number(reader, MIME_PARAMETER_LIMIT);
	for (; count > 0 && !reader->is_bad; count--) {
		*end = arena_new(reader->arena, sizeof(**end));
		(*end)->is_extended = take_number(reader, 1) == 1;
		(*end)->name = take_span(reader);
		(*end)->value = take_span(reader);
		end = &(*end)->next;
	}
	return list;
}

/* RFC 9051 7.5.2 can only show a tree in which these hold. */
static bool
is_whole(const struct mime_part *part, uint64_t children)
{
	if (part->type.size == 0 || part->subtype.size == 0 ||
	    part->encoding.size == 0)
		return false;
	if (part->kind == MIME_LEAF)
		return children == 0;
	return part->kind == MIME_MESSAGE ? children == 1 : children > 0;
}

static struct mime_part *
take_part(struct reader *reader, struct mime_part *parent, uint64_t *children)
{
	struct mime_part *part = arena_new(reader->arena, sizeof(*part));
	part->kind = (enum mime_kind)take_number(reader, MIME_MESSAGE);
	part->header_offset = take_number(reader, INT64_MAX);
	part->header_size = take_number(reader, INT64_MAX);
	part->body_offset = take_number(reader, INT64_MAX);
	part->body_size = take_number(reader, INT64_MAX);
	part->body_lines = (uint32_t)take_number(reader, UINT32_MAX);
	take_spans(reader, part, part_spans, PART_SPANS);
	part->parameters = take_parameters(reader);
	part->disposition_parameters = take_parameters(reader);
	if (take_number(reader, 1) == 1) {
		part->envelope = arena_new(reader->arena,
			sizeof(*part->envelope));
		take_spans(reader, part->envelope, envelope_spans,
			ENVELOPE_SPANS);
	}
	*children = take_number(reader, 2 * MIME_PART_LIMIT);
	part->parent = parent;
	part->depth = parent == NULL ? 0 : parent->depth + 1;
	reader->parts++;
	if (!is_whole(part, *children) || part->depth > MIME_DEPTH_LIMIT ||
	    reader->parts > 2 * MIME_PART_LIMIT)
		reader->is_bad = true;
	return part;
}

struct mime_part *
mime_tree_decode(struct arena *arena, struct span bytes)
{
	struct reader reader = { .arena = arena, .rest = bytes };
	struct mime_part *last[MIME_DEPTH_LIMIT + 2] = { NULL };
	uint64_t open[MIME_DEPTH_LIMIT + 2] = { 0 };	/* children to come */
	if (take_number(&reader, UINT64_MAX) != FORMAT)
		return NULL;
	struct mime_part *root = take_part(&reader, NULL, &open[0]);
	struct mime_part *parent = root;
	while (!reader.is_bad && parent != NULL) {
		unsigned depth = parent->depth;
		if (open[depth] == 0) {
			parent = parent->parent;
			continue;
		}
		open[depth]--;
		struct mime_part *part = take_part(&reader, parent,
			&open[depth + 1]);
		if (parent->child == NULL)
			parent->child = part;
		else
			last[depth + 1]->next = part;
		last[depth + 1] = part;
		parent = part;
	}
	return reader.is_bad || reader.rest.size > 0 ? NULL : root;
}
