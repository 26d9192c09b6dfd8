/* Lines that the user of `mail` types; see mail_input.h. */
#include "ctl/mail_input.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_LIMIT = 1 << 20, READ_SIZE = 65536 };

static struct buffer input;
static size_t used;
static bool is_terminal;
static volatile sig_atomic_t is_interrupted;

static void
note_interrupt(int number)
{
	(void)number;
	is_interrupted = 1;
}

void
mail_input_begin(void)
{
	/* Without SA_RESTART: read comes back. */
	struct sigaction action = { .sa_handler = note_interrupt };
	buffer_init(&input, 0);
	is_terminal = isatty(0);
	if (is_terminal)
		sigaction(SIGINT, &action, NULL);
}

bool
mail_input_is_terminal(void)
{
	return is_terminal;
}

enum mail_input_verdict
mail_input_line(const char *prompt, struct span *line)
{
	buffer_shift(&input, used);
	used = 0;
	is_interrupted = 0;
	if (is_terminal && prompt != NULL)
		fputs(prompt, stdout);
	fflush(stdout);
	for (;;) {
		struct span text = buffer_span(&input);
		size_t end = span_find(text, '\n');
		if (end < text.size || end > LINE_LIMIT) {
			used = end < text.size ? end + 1 : end;
			*line = span_first(text, end);
			return MAIL_INPUT_LINE;
		}
		buffer_reserve(&input, READ_SIZE);
		ssize_t n = read(0, input.data + input.size, READ_SIZE);
		if (n < 0 && errno == EINTR && is_interrupted) {
			buffer_clear(&input);
			return MAIL_INPUT_INTERRUPTED;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0) {
			input.size += (size_t)n;
			continue;
		}
		if (text.size == 0)
			return MAIL_INPUT_END;
		used = text.size;
		*line = text;
		return MAIL_INPUT_LINE;
	}
}
