/* What sources and ends of mail that is carried have in common. */
#include "ctl/transfer.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/terminal_text.h"

enum { BAR_COLUMNS = 24, NAME_COLUMNS = 20, SHOW_EVERY = 100 };

void
transfer_progress_begin(struct transfer_progress *progress, uint64_t total)
{
	*progress = (struct transfer_progress){ .total = total,
		.started = clock_monotonic(), .is_terminal = isatty(2) };
}

void
transfer_progress_show(struct transfer_progress *progress, struct span folder)
{
	int64_t now = clock_monotonic();
	struct buffer line;
	if (!progress->is_terminal || now - progress->shown < SHOW_EVERY)
		return;
	uint64_t part = progress->total == 0 ? 0 :
		progress->passed >= progress->total ? 100 :
		(uint64_t)((double)progress->passed * 100.0 /
		(double)progress->total);
	int64_t elapsed = now - progress->started;
	buffer_init(&line, 0);
	buffer_add_byte(&line, '\r');
	terminal_text_add_cell(&line, folder, NAME_COLUMNS, true);
	buffer_add(&line, SPAN(" ["));
	for (uint64_t i = 0; i < BAR_COLUMNS; i++)
		buffer_add_byte(&line, i * 100 < part * BAR_COLUMNS ? '#' : '-');
	buffer_print(&line, "] %3lu %%  %lu messages, %lu/s ",
		(unsigned long)part, (unsigned long)progress->messages,
		(unsigned long)(elapsed > 0 ?
		progress->messages * 1000 / (uint64_t)elapsed : 0));
	fwrite(line.data, 1, line.size, stderr);
	buffer_fini(&line);
	progress->shown = now;
	progress->is_shown = true;
}

void
transfer_progress_end(struct transfer_progress *progress)
{
	if (progress->is_shown)
		fprintf(stderr, "\r%79s\r", "");
	progress->is_shown = false;
}

void
transfer_add_lines(struct buffer *out, struct span text)
{
	while (text.size > 0) {
		size_t end = span_find(text, '\n');
		struct span line = span_first(text, end);
		buffer_add(out, line);
		if (end < text.size && (line.size == 0 ||
		    line.data[line.size - 1] != '\r'))
			buffer_add_byte(out, '\r');
		if (end < text.size)
			buffer_add_byte(out, '\n');
		text = span_skip(text, end + 1);
	}
}

void
transfer_add_word(struct buffer *out, struct span name)
{
	for (size_t i = 0; i < name.size; i++) {
		unsigned char c = (unsigned char)name.data[i];
		if (c <= ' ' || c == 0x7f || c == '%')
			buffer_print(out, "%%%02x", c);
		else
			buffer_add_byte(out, (char)c);
	}
}

struct span
transfer_read_word(struct arena *arena, struct span word)
{
	char *text = arena_new(arena, word.size + 1);
	size_t n = 0;
	for (size_t i = 0; i < word.size; i++) {
		uint8_t byte;
		if (word.data[i] == '%' && i + 2 < word.size &&
		    span_to_hex_bytes(span_of(word.data + i + 1, 2), &byte, 1)) {
			text[n++] = (char)byte;
			i += 2;
		} else {
			text[n++] = word.data[i];
		}
	}
	return span_of(text, n);
}
