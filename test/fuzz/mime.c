/*
 * Whole messages: pieces of any size give the same tree, every part lies in
 * its parent, the tree survives the cache, and the cache survives anything.
 */
#include <assert.h>

#include "fuzz.h"
#include "proto/mime.h"

static void
check_part(const struct mime_part *part, uint64_t from, uint64_t to)
{
	assert(part->header_offset >= from);
	assert(part->header_offset + part->header_size == part->body_offset);
	assert(part->body_offset + part->body_size <= to);
	assert(part->body_lines <= part->body_size);
	assert((part->kind == MIME_LEAF) == (part->child == NULL));
	assert(part->depth <= MIME_DEPTH_LIMIT);
	from = part->body_offset;
	to = part->body_offset + part->body_size;
	for (const struct mime_part *child = part->child; child != NULL;
	    child = child->next) {
		check_part(child, from, to);
		from = child->body_offset + child->body_size;
	}
}

/* The part that numbers name, for each path of small numbers. */
static void
find_parts(const struct mime_part *root)
{
	uint32_t path[3];
	for (uint32_t i = 0; i < 64; i++) {
		path[0] = i & 3;
		path[1] = i >> 2 & 3;
		path[2] = i >> 4;
		for (size_t count = 0; count <= 3; count++) {
			const struct mime_part *part = mime_find(root, path,
				count);
			assert(part == NULL || part->depth <= 6);
		}
	}
}

static void
describe(struct buffer *out, struct arena *arena, const struct mime_part *root)
{
	mime_format_envelope(out, arena, root->envelope);
	mime_format_structure(out, arena, root, MIME_EXTENDED);
	mime_format_structure(out, arena, root, MIME_UTF8);
	mime_tree_encode(out, root);
}

static void
parse_in_pieces(struct arena *arena, struct buffer *out, struct span message,
	size_t piece)
{
	struct mime_parser *parser = mime_parser_new(arena);
	for (; message.size > 0; message = span_skip(message, piece))
		mime_parser_feed(parser, span_first(message, piece));
	describe(out, arena, mime_parser_end(parser));
}

static void
decode_tree(struct arena *arena, struct span bytes)
{
	struct buffer out;
	buffer_init(&out, 0);
	struct mime_part *root = mime_tree_decode(arena, bytes);
	if (root != NULL)
		mime_format_structure(&out, arena, root, MIME_EXTENDED);
	buffer_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t sizes[] = { 1, 3, 61 };
	struct span message = span_of(data, size);
	struct arena arena;
	struct buffer whole, pieces, flat;
	arena_init(&arena, 0);
	buffer_init(&whole, 0);
	buffer_init(&pieces, 0);
	buffer_init(&flat, 0);
	struct mime_part *root = mime_parse(&arena, message);
	check_part(root, 0, size);
	find_parts(root);
	describe(&whole, &arena, root);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		buffer_clear(&pieces);
		parse_in_pieces(&arena, &pieces, message, sizes[i]);
		assert(span_equals(buffer_span(&whole), buffer_span(&pieces)));
	}
	mime_tree_encode(&flat, root);
	buffer_clear(&pieces);
	root = mime_tree_decode(&arena, buffer_span(&flat));
	assert(root != NULL);
	describe(&pieces, &arena, root);
	assert(span_equals(buffer_span(&whole), buffer_span(&pieces)));
	decode_tree(&arena, message);
	buffer_fini(&whole);
	buffer_fini(&pieces);
	buffer_fini(&flat);
	arena_fini(&arena);
	return 0;
}
