/*
 * Messages made to hurt: each is parsed in time and memory in proportion to
 * its size, whole and in pieces, and every part lies inside the message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proto/mime.h"

enum {
	MEBI = 1 << 20,
	/* generous: machines are busy and builds have sanitizers */
	MILLISECONDS_LIMIT = 5000,
};

static void
repeat(struct buffer *out, const char *text, size_t times)
{
	struct span s = span_from(text);
	for (size_t i = 0; i < times; i++)
		buffer_add(out, s);
}

static void
nested_multiparts(struct buffer *out)
{
	for (unsigned i = 0; i < 10000; i++)
		buffer_print(out, "Content-Type: multipart/mixed; "
			"boundary=b%05u\r\n\r\n--b%05u\r\n", i, i);
	for (unsigned i = 10000; i > 0; i--)
		buffer_print(out, "\r\n--b%05u--\r\n", i - 1);
}

static void
nested_messages(struct buffer *out)
{
	repeat(out, "Content-Type: message/rfc822\r\n\r\n", 10000);
}

static void
nested_with_the_same_boundary(struct buffer *out)
{
	repeat(out, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
		10000);
}

static void
long_header_line(struct buffer *out)
{
	buffer_add_string(out, "Subject: ");
	repeat(out, "x", 10 * MEBI);
	buffer_add_string(out, "\r\nContent-Type: image/gif\r\n\r\nbody");
}

static void
long_header_of_folds(struct buffer *out)
{
	buffer_add_string(out, "To: a@b");
	repeat(out, ",\r\n a@b", MEBI);
	buffer_add_string(out, "\r\n\r\nbody");
}

static void
many_address_fields(struct buffer *out)
{
	repeat(out, "To: a@b\r\n", MEBI);
	buffer_add_string(out, "\r\nbody");
}

static void
line_without_colon_or_end(struct buffer *out)
{
	repeat(out, "x", 10 * MEBI);
}

static void
boundary_like_lines(struct buffer *out)
{
	buffer_add_string(out, "Content-Type: multipart/mixed; boundary=\"");
	repeat(out, "b", 60);
	buffer_add_string(out, "\"\r\n\r\n");
	for (unsigned i = 0; i < 100000; i++) {
		repeat(out, "--bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 1);
		buffer_print(out, "%u\r\n", i);
	}
}

static void
real_delimiters(struct buffer *out)
{
	buffer_add_string(out, "Content-Type: multipart/mixed; boundary=b"
		"\r\n\r\n");
	repeat(out, "--b\r\n", 200000);
}

/* 60 open boundaries of 30,000 bytes that differ only at their end. */
static void
long_boundaries(struct buffer *out)
{
	for (unsigned i = 0; i < 60; i++) {
		buffer_add_string(out, "Content-Type: multipart/x; boundary=\"");
		repeat(out, "b", 30000);
		buffer_print(out, "%u\"\r\n\r\n--", i + 10);
		repeat(out, "b", 30000);
		buffer_print(out, "%u\r\n", i + 10);
	}
	for (unsigned i = 0; i < 200; i++) {
		buffer_add_string(out, "\r\n--");
		repeat(out, "b", 30000);
	}
}

static void
headers_of_many_parts(struct buffer *out)
{
	buffer_add_string(out, "Content-Type: multipart/mixed; boundary=b"
		"\r\n\r\n");
	for (unsigned i = 0; i < 100; i++) {
		buffer_add_string(out, "--b\r\n");
		repeat(out, "Content-ID: 012345678901234567890123456789\r\n",
			5000);
		buffer_add_string(out, "\r\n");
	}
}

static void
many_parameters(struct buffer *out)
{
	buffer_add_string(out, "Content-Type: x/y");
	for (unsigned i = 0; i < 100000; i++)
		buffer_print(out, ";\r\n a*%u*=\"", i % 70);
	buffer_add_string(out, "\r\n\r\n");
}

static void
open_comments(struct buffer *out)
{
	buffer_add_string(out, "Content-Type: ");
	repeat(out, "(", MEBI);
	buffer_add_string(out, "\r\nFrom: ");
	repeat(out, "(", 200000);
	buffer_add_string(out, "\r\n\r\n");
}

static void
encoded_word_starts(struct buffer *out)
{
	buffer_add_string(out, "Subject: ");
	repeat(out, "=?utf-8?q?", 3000);
	buffer_add_string(out, "\r\n\r\n");
}

static void
zeros(struct buffer *out)
{
	buffer_reserve(out, 10 * MEBI);
	for (size_t i = 0; i < 10 * MEBI; i++)
		out->data[out->size++] = '\0';
}

static const struct {
	const char *name;
	void (*make)(struct buffer *);
	size_t parts_most;	/* exact where that is the point */
	size_t memory_most;
} cases[] = {
	{ "multiparts nested 10,000 deep", nested_multiparts, 64, MEBI },
	{ "messages nested 10,000 deep", nested_messages, 64, MEBI },
	{ "the same boundary 10,000 deep", nested_with_the_same_boundary,
		MIME_PART_LIMIT, MEBI },
	{ "a header line of 10 MB", long_header_line, 1, MEBI },
	{ "a field of a million folds", long_header_of_folds, 1, MEBI },
	{ "a million To fields", many_address_fields, 1, MEBI },
	{ "10 MB without a line end", line_without_colon_or_end, 1, MEBI },
	{ "100,000 lines like boundaries", boundary_like_lines, 2, MEBI },
	{ "200,000 parts", real_delimiters, MIME_PART_LIMIT, MEBI },
	{ "60 long boundaries", long_boundaries, 64, 16 * MEBI },
	{ "headers of 20 MB in 100 parts", headers_of_many_parts, 101,
		16 * MEBI },
	{ "100,000 parameters", many_parameters, 1, 4 * MEBI },
	{ "a million open comments", open_comments, 1, 4 * MEBI },
	{ "3,000 starts of encoded words", encoded_word_starts, 1, MEBI },
	{ "10 MB of zeros", zeros, 1, MEBI },
};

static size_t
check_parts(const struct mime_part *part, uint64_t from, uint64_t to)
{
	size_t count = 1;
	assert_true(part->header_offset >= from);
	assert_true(part->header_offset + part->header_size ==
		part->body_offset);
	assert_true(part->body_offset + part->body_size <= to);
	assert_true(part->depth <= MIME_DEPTH_LIMIT);
	assert_int_equal(part->kind == MIME_LEAF, part->child == NULL);
	from = part->body_offset;
	for (const struct mime_part *child = part->child; child != NULL;
	    child = child->next) {
		assert_ptr_equal(child->parent, part);
		count += check_parts(child, from, part->body_offset +
			part->body_size);
		from = child->body_offset + child->body_size;
	}
	return count;
}

/* Everything that a mailbox does with a message once it is there. */
static void
use(const struct mime_part *root, struct arena *arena, struct buffer *out)
{
	mime_format_structure(out, arena, root, MIME_EXTENDED);
	mime_format_envelope(out, arena, root->envelope);
	if (root->envelope->subject.size > 0)
		mime_decode_words(arena, root->envelope->subject);
	mime_tree_encode(out, root);
}

static void
run(size_t i, struct span message, size_t piece)
{
	struct arena arena, scratch;
	struct buffer out;
	arena_init(&arena, 0);
	arena_init(&scratch, 0);
	buffer_init(&out, 0);
	int64_t start = clock_monotonic();
	struct mime_parser *parser = mime_parser_new(&arena);
	for (struct span rest = message; rest.size > 0;
	    rest = span_skip(rest, piece))
		mime_parser_feed(parser, span_first(rest, piece));
	struct mime_part *root = mime_parser_end(parser);
	size_t used = arena.used;
	use(root, &scratch, &out);
	int64_t took = clock_monotonic() - start;
	size_t parts = check_parts(root, 0, message.size);
	if (took > MILLISECONDS_LIMIT || used > cases[i].memory_most ||
	    parts > cases[i].parts_most)
		fail_msg("%s: %lld ms, %zu bytes, %zu parts", cases[i].name,
			(long long)took, used, parts);
	buffer_fini(&out);
	arena_fini(&arena);
	arena_fini(&scratch);
}

static void
time_and_memory_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer message;
		buffer_init(&message, 0);
		cases[i].make(&message);
		run(i, buffer_span(&message), message.size);
		run(i, buffer_span(&message), 13);
		buffer_fini(&message);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_and_memory_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
