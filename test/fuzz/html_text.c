/* HTML of strangers as text, and that text on a terminal: nothing in it acts. */
#include <assert.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "proto/html_text.h"
#include "proto/terminal_text.h"

static void
check_clean(struct span text, bool is_line)
{
	uint32_t c;
	while (text.size > 0) {
		size_t size = utf8_decode(text, &c);
		assert(size > 0);
		assert(c >= 0x20 || (!is_line && (c == '\n' || c == '\t')));
		assert(c < 0x7f || c > 0x9f);
		text = span_skip(text, size);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer text, clean;
	buffer_init(&text, 0);
	buffer_init(&clean, 0);
	html_text_add(&text, span_of(data, size));
	terminal_text_add(&clean, buffer_span(&text));
	check_clean(buffer_span(&clean), false);
	buffer_clear(&clean);
	terminal_text_add(&clean, span_of(data, size));
	check_clean(buffer_span(&clean), false);
	buffer_clear(&clean);
	terminal_text_add_cell(&clean, span_of(data, size), 40, true);
	check_clean(buffer_span(&clean), true);
	assert(terminal_text_width(buffer_span(&clean)) == 40);
	buffer_fini(&text);
	buffer_fini(&clean);
	return 0;
}
