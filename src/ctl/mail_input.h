/*
 * Lines that the user of `mail` types, or that a pipe brings. At a terminal
 * Ctrl-C ends the line, not the program.
 */
#ifndef CTL_MAIL_INPUT_H
#define CTL_MAIL_INPUT_H

#include "base/buffer.h"

enum mail_input_verdict {
	MAIL_INPUT_LINE, MAIL_INPUT_END, MAIL_INPUT_INTERRUPTED
};

/* Before the first line. */
void
mail_input_begin(void);

bool
mail_input_is_terminal(void);

/* The next line of standard input without its end, borrowed until the next
 * call. `prompt` is printed at a terminal only. */
enum mail_input_verdict
mail_input_line(const char *prompt, struct span *line);

#endif
