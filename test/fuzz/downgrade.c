/*
 * Messages on their way to a server that takes 7-bit lines only, and into DATA:
 * whatever a message holds, what comes out of the conversion is 7 bits in lines
 * that fit, and what goes into DATA ends once, holds no CR or LF that stands
 * alone, and is the same in whatever pieces it came.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "relay/body.h"
#include "relay/downgrade.h"

static void
check_downgrade(struct span in)
{
	struct mail_body from, to;
	struct body_facts facts;
	struct error error;
	mail_body_init(&from, -1);
	mail_body_init(&to, -1);
	if (mail_body_add(&from, in, &error) == 0 &&
	    downgrade(&from, &to, &error) == DOWNGRADE_DONE) {
		assert(body_scan(&to, &facts, &error) == 0);
		assert(!facts.has_8bit && !facts.has_8bit_header);
	}
	mail_body_fini(&from);
	mail_body_fini(&to);
}

static void
check_lines(struct span text, size_t most, bool is_quoted)
{
	size_t line = 0;
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c == '\n') {
			assert(i > 0 && text.data[i - 1] == '\r');
			line = 0;
			continue;
		}
		assert(c == '\r' || c == '\t' || (c >= ' ' && c <= '~'));
		assert(c == '\r' || !is_quoted || ++line <= most);
	}
}

static void
check_encodings(struct span in)
{
	struct buffer out;
	buffer_init(&out, 0);
	downgrade_quote(in, &out);
	check_lines(buffer_span(&out), 76, true);
	buffer_clear(&out);
	downgrade_encode(in, &out);
	check_lines(buffer_span(&out), 76, true);
	buffer_fini(&out);
}

/* RFC 5321 4.1.1.4, 4.5.2: one end, and it is the last. */
static void
check_data(struct span out)
{
	static const struct span end = SPAN("\r\n.\r\n");
	assert(out.size >= 3);
	assert(memcmp(out.data + out.size - 3, ".\r\n", 3) == 0);
	assert(out.size == 3 || (out.size >= end.size &&
		span_search(out, end) == out.size - end.size));
	for (size_t i = 0; i < out.size; i++) {
		if (out.data[i] == '\n')
			assert(i > 0 && out.data[i - 1] == '\r');
		if (out.data[i] == '\r')
			assert(i + 1 < out.size && out.data[i + 1] == '\n');
	}
}

static void
check_dots(struct span in, size_t piece)
{
	struct buffer whole, parts;
	struct body_dots dots;
	buffer_init(&whole, 0);
	buffer_init(&parts, 0);
	body_dots_init(&dots);
	body_dots_feed(&dots, in, &whole);
	body_dots_end(&dots, &whole);
	body_dots_init(&dots);
	for (; in.size > 0; in = span_skip(in, piece))
		body_dots_feed(&dots, span_first(in, piece), &parts);
	body_dots_end(&dots, &parts);
	assert(span_equals(buffer_span(&whole), buffer_span(&parts)));
	check_data(buffer_span(&whole));
	buffer_fini(&whole);
	buffer_fini(&parts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	if (size == 0)
		return 0;
	check_downgrade(span_skip(in, 1));
	check_encodings(in);
	check_dots(span_skip(in, 1), (size_t)data[0] % 7 + 1);
	return 0;
}
