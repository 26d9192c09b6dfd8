/*
 * Prints how a message is parsed, for mime_vectors.py: a line `part` for each
 * part (number, parent, kind, offsets, lines, encoding, type), one `field` for
 * each field of its header (offset and size), and for a leaf `decoded` with
 * its bytes in hexadecimal digits. The message is fed in pieces of the size
 * given, which must change nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "proto/mime.h"

static void
read_all(struct buffer *out, const char *path)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		exit(1);
	}
	size_t n = 1;
	while (n > 0 && buffer_reserve(out, 65536)) {
		n = fread(out->data + out->size, 1, 65536, file);
		out->size += n;
	}
	if (ferror(file) != 0 || fclose(file) != 0)
		exit(1);
}

static struct span
range(struct span message, uint64_t offset, uint64_t size)
{
	if (offset > message.size || size > message.size - offset) {
		puts("error: offsets beyond the message");
		exit(1);
	}
	return span_of(message.data + offset, size);
}

static void
print_leaf(struct buffer *out, const struct mime_part *part,
	struct span message)
{
	struct mime_decoder decoder = { .encoding = mime_encoding_of(part) };
	struct buffer body;
	buffer_init(&body, 0);
	mime_decode_part(&decoder, &body, range(message, part->body_offset,
		part->body_size), false);
	mime_decode_part(&decoder, &body, SPAN(""), true);
	buffer_add(out, SPAN("decoded "));
	buffer_add_hex(out, buffer_span(&body));
	buffer_add_byte(out, '\n');
	buffer_fini(&body);
}

/* Parts as they come; returns the number after the last. */
static int
print_part(struct buffer *out, const struct mime_part *part,
	struct span message, int number, int parent)
{
	static const char *const kinds[] = { "leaf", "multipart", "message" };
	buffer_print(out, "part %d %d %s %llu %llu %llu %llu %u %.*s "
		"%.*s/%.*s\n", number, parent, kinds[part->kind],
		(unsigned long long)part->header_offset,
		(unsigned long long)part->header_size,
		(unsigned long long)part->body_offset,
		(unsigned long long)part->body_size, part->body_lines,
		SPAN_PRINT(part->encoding), SPAN_PRINT(part->type),
		SPAN_PRINT(part->subtype));
	struct span header = range(message, part->header_offset,
		part->header_size);
	struct mime_field field;
	while (mime_next_field(&header, &field))
		buffer_print(out, "field %zu %zu\n",
			(size_t)(field.whole.data - message.data),
			field.whole.size);
	if (part->kind == MIME_LEAF)
		print_leaf(out, part, message);
	int next = number + 1;
	for (const struct mime_part *c = part->child; c != NULL; c = c->next)
		next = print_part(out, c, message, next, number);
	return next;
}

int
main(int argc, char **argv)
{
	struct buffer message, out;
	struct arena arena;
	if (argc != 3)
		return 64;
	buffer_init(&message, 0);
	buffer_init(&out, 0);
	arena_init(&arena, 0);
	read_all(&message, argv[2]);
	uint64_t piece = 1;
	if (!span_to_number(span_from(argv[1]), SIZE_MAX, &piece) || piece == 0)
		return 64;
	struct mime_parser *parser = mime_parser_new(&arena);
	struct span rest = buffer_span(&message);
	for (; rest.size > 0; rest = span_skip(rest, piece))
		mime_parser_feed(parser, span_first(rest, piece));
	print_part(&out, mime_parser_end(parser), buffer_span(&message), 0, -1);
	fwrite(out.data, 1, out.size, stdout);
	arena_fini(&arena);
	buffer_fini(&message);
	buffer_fini(&out);
	return fflush(stdout) == 0 ? 0 : 1;
}
