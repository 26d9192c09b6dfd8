/*
 * POP3 command lines, and messages as they go out: what is coded ends in the
 * one "." line of its own, and decoded it is the message again.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "proto/pop3.h"

static void
try_line(struct span line)
{
	struct pop3_command command;
	uint32_t number;
	uint64_t lines;
	pop3_parse_command(line, &command);
	assert(command.keyword.size + command.argument.size <= line.size);
	if (pop3_parse_number(command.argument, &number))
		assert(number > 0);
	if (pop3_parse_two_numbers(command.argument, &number, &lines))
		assert(number > 0 && lines <= UINT32_MAX);
}

static void
code(struct span text, size_t piece, bool is_top, uint64_t lines,
	struct buffer *out)
{
	struct pop3_message message = { .is_top = is_top, .lines = lines };
	while (text.size > 0 && pop3_message_add(&message,
		span_first(text, piece), out))
		text = span_skip(text, piece);
	pop3_message_end(&message, out);
}

/* What a client reads: up to the line that is a dot, one dot taken off. */
static void
check_lines(struct span coded)
{
	size_t ends = 0;
	while (coded.size > 0) {
		size_t end = span_find(coded, '\n');
		assert(end > 0 && end < coded.size);
		assert(coded.data[end - 1] == '\r');
		if (end == 2 && coded.data[0] == '.')
			ends++;
		else
			assert(coded.data[0] != '.' || coded.data[1] == '.');
		coded = span_skip(coded, end + 1);
		assert(ends == (coded.size == 0));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct buffer whole, pieces;
	size_t piece = size > 0 ? data[0] % 16u + 1 : 1;
	try_line(text);
	buffer_init(&whole, 0);
	buffer_init(&pieces, 0);
	for (uint64_t lines = 0; lines < 4; lines++) {
		bool is_top = lines < 3;
		buffer_clear(&whole);
		buffer_clear(&pieces);
		code(text, size + 1, is_top, lines, &whole);
		code(text, piece, is_top, lines, &pieces);
		assert(span_equals(buffer_span(&whole), buffer_span(&pieces)));
		check_lines(buffer_span(&whole));
	}
	buffer_fini(&whole);
	buffer_fini(&pieces);
	return 0;
}
