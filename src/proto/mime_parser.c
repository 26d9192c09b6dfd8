/*
 * The push parser of messages: RFC 5322 (header and body), RFC 2046 5.1
 * (multipart) and 5.2.1 (message). One pass; nothing is looked at twice and
 * nothing but what the headers say is kept. Below it is a cutter of lines that
 * hands over only the lines that can matter: those of headers, and those that
 * begin with "--" while a multipart is open. All other bytes are only counted.
 */
#include <assert.h>
#include <string.h>

#include "proto/mime_part.h"

/* Bytes that grow in the arena of the parser. */
struct heap {
	char *data;
	size_t size, room;
};

/* A part whose end has not been seen yet. */
struct level {
	struct mime_part *part, *last_child;
	struct span boundary;	/* data == NULL: no (longer) open for children */
	uint64_t body_line;	/* lines before the body */
	bool is_digest;
};

struct mime_parser {
	struct arena *arena;
	struct mime_part *root;
	struct level level[MIME_DEPTH_LIMIT];
	size_t depth;		/* levels in use; the last is where we are */
	size_t part_count;

	uint64_t offset;	/* bytes cut into lines so far */
	uint64_t line_count;	/* line ends among them */
	unsigned line_end;	/* size of the last line's end: 0, 1 or 2 */
	char last_byte;
	bool is_inside;		/* in a line whose head has been handed over */
	struct heap held;	/* the head of a line that is not whole yet */

	bool in_header;
	bool new_part;		/* a child begins with the next line */
	bool is_full;		/* no more parts */
	size_t looked;		/* header bytes of all parts */
	struct mime_part_fields fields;
	bool has_field;		/* a field was in this header */
	bool wants_field;	/* the one in `field` */
	struct heap field;	/* with its continuations */
};

static void
heap_add(struct arena *arena, struct heap *heap, struct span bytes)
{
	if (heap->room - heap->size < bytes.size) {
		size_t room = heap->room < 256 ? 256 : heap->room * 2;
		if (room < heap->size + bytes.size)
			room = heap->size + bytes.size;
		char *data = arena_new(arena, room);
		if (heap->size > 0)
			memcpy(data, heap->data, heap->size);
		heap->data = data;
		heap->room = room;
	}
	if (bytes.size > 0)
		memcpy(heap->data + heap->size, bytes.data, bytes.size);
	heap->size += bytes.size;
}

/* ---- parts ---- */

static struct level *
top(struct mime_parser *parser)
{
	return &parser->level[parser->depth - 1];
}

/* The header of a new part begins here. */
static void
begin_part(struct mime_parser *parser, bool is_message, uint64_t at)
{
	struct level *above = parser->depth > 0 ? top(parser) : NULL;
	struct mime_part *part = mime_part_new(parser->arena,
		above == NULL ? NULL : above->part,
		above != NULL && above->is_digest && !is_message);
	if (above != NULL && above->last_child != NULL)
		above->last_child->next = part;
	else if (above != NULL)
		above->part->child = part;
	if (above != NULL)
		above->last_child = part;
	if (is_message)
		part->envelope = arena_new(parser->arena,
			sizeof(*part->envelope));
	part->header_offset = at;
	assert(parser->depth < MIME_DEPTH_LIMIT);
	parser->level[parser->depth++] = (struct level){ .part = part };
	parser->part_count++;
	parser->in_header = true;
	parser->fields = (struct mime_part_fields){ 0 };
	parser->has_field = parser->wants_field = false;
}

static bool
may_nest(const struct mime_parser *parser)
{
	return parser->depth < MIME_DEPTH_LIMIT &&
		parser->part_count < MIME_PART_LIMIT;
}

static void
finish_field(struct mime_parser *parser)
{
	struct mime_field field;
	struct span rest = { parser->field.data, parser->field.size };
	if (parser->wants_field && mime_next_field(&rest, &field))
		mime_part_take_field(parser->arena, top(parser)->part,
			&parser->fields, &field);
	parser->wants_field = false;
	parser->field.size = 0;
}

/* RFC 2046 5.1.1; without a boundary the text can only be shown as it is. */
static void
open_multipart(struct mime_parser *parser, struct level *level)
{
	struct mime_part *part = level->part;
	struct span boundary = mime_parameter_value(part->parameters,
		SPAN("boundary"));
	if (boundary.size == 0) {
		mime_part_set_type(parser->arena, part, SPAN("text"),
			SPAN("plain"));
	} else if (!may_nest(parser)) {
		mime_part_set_type(parser->arena, part, SPAN("application"),
			SPAN("octet-stream"));
	} else {
		part->kind = MIME_MULTIPART;
		level->boundary = boundary;
		level->is_digest = span_equals(part->subtype, SPAN("digest"));
	}
}

/* RFC 2046 5.2.1 forbids to encode a message, RFC 6532 3.5 allows it; what an
 * encoding hides is no part of the message. */
static bool
is_encoded(const struct mime_part *part)
{
	enum mime_encoding encoding = mime_encoding_of(part);
	return encoding == MIME_BASE64 || encoding == MIME_QUOTED_PRINTABLE;
}

/* The header ended: the body begins at `at`, before which `lines` ended. */
static void
end_header(struct mime_parser *parser, uint64_t at, uint64_t lines)
{
	struct level *level = top(parser);
	struct mime_part *part = level->part;
	finish_field(parser);
	parser->in_header = false;
	part->header_size = at - part->header_offset;
	part->body_offset = at;
	level->body_line = lines;
	if (span_equals(part->type, SPAN("multipart"))) {
		open_multipart(parser, level);
	} else if (mime_part_is_message(part) && !is_encoded(part)) {
		if (may_nest(parser)) {
			part->kind = MIME_MESSAGE;
			begin_part(parser, true, at);
		} else {
			mime_part_set_type(parser->arena, part,
				SPAN("application"), SPAN("octet-stream"));
		}
	}
}

/*
 * Makes what stands before the first delimiter the child of a multipart that
 * has none (RFC 9051 9 body-type-mpart wants one).
 */
static void
add_child_of_text(struct mime_parser *parser, struct level *level)
{
	struct mime_part *part = level->part;
	struct mime_part *child = mime_part_new(parser->arena, part, false);
	child->header_offset = child->body_offset = part->body_offset;
	child->body_size = part->body_size;
	child->body_lines = part->body_lines;
	part->child = level->last_child = child;
}

/* A place in the message, and how many lines ended before it. */
struct place {
	uint64_t offset, lines;
};

/*
 * The body of the part ends there, or where it begins, if that is later: the
 * line end before a delimiter may have ended the header.
 */
static void
set_end(struct level *level, struct place *end)
{
	struct mime_part *part = level->part;
	if (end->offset < part->body_offset)
		*end = (struct place){ part->body_offset, level->body_line };
	part->body_size = end->offset - part->body_offset;
	part->body_lines = (uint32_t)(end->lines - level->body_line);
}

/* Ends all parts inside the first `keep` levels. */
static void
close_levels(struct mime_parser *parser, size_t keep, struct place *end)
{
	while (parser->depth > keep) {
		struct level *level = top(parser);
		set_end(level, end);
		if (level->part->kind == MIME_MULTIPART &&
		    level->part->child == NULL)
			add_child_of_text(parser, level);
		parser->depth--;
	}
}

/* ---- delimiters ---- */

/*
 * RFC 2046 5.1.1: a delimiter is known by its beginning. Where one boundary is
 * the beginning of another, the longest is meant; of equal ones the innermost.
 */
static struct level *
find_delimiter(struct mime_parser *parser, struct span line)
{
	struct level *found = NULL;
	struct span text = span_skip(line, 2);
	if (parser->is_full || !span_starts(line, SPAN("--")))
		return NULL;
	for (size_t i = parser->depth; i > 0; i--) {
		struct level *level = &parser->level[i - 1];
		if (level->boundary.size > 0 &&
		    (found == NULL ||
		    level->boundary.size > found->boundary.size) &&
		    span_starts(text, level->boundary))
			found = level;
	}
	return found;
}

/* The delimiter begins where the line before it ended (RFC 2046 5.1.1). */
static void
take_delimiter(struct mime_parser *parser, struct level *level,
	struct span line)
{
	struct span after = span_skip(line, 2 + level->boundary.size);
	bool is_last = span_starts(after, SPAN("--"));
	if (!is_last && parser->part_count >= MIME_PART_LIMIT) {
		parser->is_full = true;
		return;
	}
	while (parser->in_header)
		end_header(parser, parser->offset, parser->line_count);
	struct place end = { parser->offset - parser->line_end,
		parser->line_count - (parser->line_end > 0) };
	close_levels(parser, (size_t)(level - parser->level) + 1, &end);
	if (!is_last) {
		parser->new_part = true;
		return;
	}
	if (level->part->child == NULL) {
		set_end(level, &end);
		add_child_of_text(parser, level);
	}
	level->boundary = span_of(NULL, 0);	/* what follows is epilogue */
}

/* ---- header lines ---- */

static size_t
size_of_line_end(struct span line)
{
	if (line.size == 0 || line.data[line.size - 1] != '\n')
		return 0;
	return line.size > 1 && line.data[line.size - 2] == '\r' ? 2 : 1;
}

/* Are lines of this header still looked at? */
static bool
is_looked_at(const struct mime_parser *parser)
{
	const struct mime_part *part = parser->level[parser->depth - 1].part;
	return parser->offset - part->header_offset < MIME_HEADER_LIMIT &&
		parser->looked < MIME_HEADERS_LIMIT;
}

static bool
is_continuation(struct span line)
{
	return line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
}

/* "From " of mailbox files, quoted or not, which some mailers pass on. */
static bool
is_mailbox_from(struct span line)
{
	return span_starts(line, SPAN("From ")) ||
		span_starts(line, SPAN(">From "));
}

static void
take_field_line(struct mime_parser *parser, struct span line)
{
	struct mime_field field;
	struct span rest = line;
	if (!is_continuation(line)) {
		finish_field(parser);
		if (!mime_next_field(&rest, &field))
			return;		/* passed over, as are its folds */
		parser->has_field = true;
		parser->wants_field = mime_part_wants(top(parser)->part,
			field.name);
	}
	if (parser->wants_field)
		heap_add(parser->arena, &parser->field, span_first(line,
			MIME_FIELD_LIMIT - parser->field.size));
}

/*
 * A header ends with an empty line. What begins with a line that is no field
 * has no header at all: that is body. Later such lines are passed over, so
 * that one broken line does not hide the fields after it.
 */
static void
take_header_line(struct mime_parser *parser, struct span line, bool is_whole)
{
	struct mime_field field;
	struct span rest = line;
	bool looked_at = is_looked_at(parser);
	if (is_whole && line.size == size_of_line_end(line) && line.size > 0) {
		end_header(parser, parser->offset + line.size,
			parser->line_count + 1);
		return;
	}
	if (!looked_at)
		return;
	parser->looked += line.size;
	if (!parser->has_field && !is_mailbox_from(line) &&
	    (is_continuation(line) || !mime_next_field(&rest, &field))) {
		end_header(parser, parser->offset, parser->line_count);
		if (parser->in_header)	/* of a message inside: the same line */
			end_header(parser, parser->offset,
				parser->line_count);
		return;
	}
	take_field_line(parser, line);
}

/* The head of a line, or all of it; `offset` is where it begins. */
static void
take_line(struct mime_parser *parser, struct span line, bool is_whole)
{
	struct level *level = find_delimiter(parser, line);
	if (level != NULL)
		take_delimiter(parser, level, line);
	else if (parser->in_header)
		take_header_line(parser, line, is_whole);
}

/* ---- cutting lines ---- */

/* How much of a line must be seen before it is handed over. */
static size_t
wanted_size(struct mime_parser *parser)
{
	if (parser->in_header && is_looked_at(parser))
		return MIME_FIELD_LIMIT;
	size_t longest = 0;
	for (size_t i = 0; i < parser->depth; i++)
		if (parser->level[i].boundary.size > longest)
			longest = parser->level[i].boundary.size;
	return longest + 4;	/* "--" on both sides; or an empty line */
}

/* Can a line that begins so matter? */
static bool
can_matter(const struct mime_parser *parser, struct span start)
{
	return parser->in_header ||
		(start.data[0] == '-' && (start.size < 2 ||
		start.data[1] == '-'));
}

/* Counts bytes as cut, up to a line end if is_end. */
static void
advance(struct mime_parser *parser, struct span bytes, bool is_end)
{
	if (bytes.size == 0)
		return;
	char before = bytes.size > 1 ? bytes.data[bytes.size - 2] :
		parser->last_byte;
	parser->last_byte = bytes.data[bytes.size - 1];
	parser->offset += bytes.size;
	parser->is_inside = !is_end;
	if (!is_end)
		return;
	parser->line_count++;
	parser->line_end = before == '\r' ? 2 : 1;
	if (parser->new_part) {
		parser->new_part = false;
		begin_part(parser, false, parser->offset);
	}
}

/* The line is known as far as it is wanted: hands it over. */
static void
release(struct mime_parser *parser, struct span line)
{
	bool is_end = line.data[line.size - 1] == '\n';
	take_line(parser, line, is_end);
	advance(parser, line, is_end);
}

/* Takes the rest of a line of which nothing more is wanted. */
static struct span
skip_line(struct mime_parser *parser, struct span bytes)
{
	size_t end = span_find(bytes, '\n');
	bool is_end = end < bytes.size;
	advance(parser, span_first(bytes, end + 1), is_end);
	return span_skip(bytes, end + 1);
}

/* A line goes on that the last piece began. */
static struct span
continue_held(struct mime_parser *parser, struct span bytes)
{
	size_t wanted = wanted_size(parser) - parser->held.size;
	size_t size = span_find(span_first(bytes, wanted), '\n') + 1;
	if (size > wanted)
		size = wanted;
	if (size > bytes.size)
		size = bytes.size;
	heap_add(parser->arena, &parser->held, span_first(bytes, size));
	struct span line = { parser->held.data, parser->held.size };
	if (line.data[line.size - 1] == '\n' || size == wanted ||
	    !can_matter(parser, line)) {
		parser->held.size = 0;
		release(parser, line);
	}
	return span_skip(bytes, size);
}

void
mime_parser_feed(struct mime_parser *parser, struct span bytes)
{
	while (bytes.size > 0) {
		if (parser->held.size > 0) {
			bytes = continue_held(parser, bytes);
			continue;
		}
		if (parser->is_inside || !can_matter(parser, bytes)) {
			bytes = skip_line(parser, bytes);
			continue;
		}
		size_t wanted = wanted_size(parser);
		size_t size = span_find(span_first(bytes, wanted), '\n') + 1;
		if (size > wanted)
			size = wanted;
		if (size > bytes.size) {
			heap_add(parser->arena, &parser->held, bytes);
			return;
		}
		release(parser, span_first(bytes, size));
		bytes = span_skip(bytes, size);
	}
}

struct mime_parser *
mime_parser_new(struct arena *arena)
{
	struct mime_parser *parser = arena_new(arena, sizeof(*parser));
	parser->arena = arena;
	begin_part(parser, true, 0);
	parser->root = parser->level[0].part;
	return parser;
}

struct mime_part *
mime_parser_end(struct mime_parser *parser)
{
	struct span line = { parser->held.data, parser->held.size };
	parser->held.size = 0;
	if (line.size > 0) {
		take_line(parser, line, true);
		advance(parser, line, false);
	}
	if (parser->new_part)
		begin_part(parser, false, parser->offset);
	while (parser->in_header)
		end_header(parser, parser->offset, parser->line_count);
	close_levels(parser, 0, &(struct place){ parser->offset,
		parser->line_count });
	return parser->root;
}

struct mime_part *
mime_parse(struct arena *arena, struct span message)
{
	struct mime_parser *parser = mime_parser_new(arena);
	mime_parser_feed(parser, message);
	return mime_parser_end(parser);
}
