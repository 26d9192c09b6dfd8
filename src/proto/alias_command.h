/*
 * The command of a |program target: words between blanks, as aliases(5) shows
 * them, for execve(2). Nothing ever runs a shell, so what only a shell would
 * understand is refused instead of meaning something else:
 *
 *	/usr/bin/robot -x "two words" 'two words' a\ b
 */
#ifndef PROTO_ALIAS_COMMAND_H
#define PROTO_ALIAS_COMMAND_H

#include "base/arena.h"
#include "base/error.h"

enum { ALIAS_COMMAND_WORDS = 64 };

struct alias_command {
	char **argv;			/* in the arena, a NULL behind them */
	size_t count;
};

/*
 * The words of the text behind the bar. \ takes the next byte as it is, also in
 * "..."; '...' is as it stands. -1 with what was found and expected, without
 * file and line: no path from the root, more than ALIAS_COMMAND_WORDS words, a
 * quote without end, a control character, or ; | & < > ` $ that is neither
 * behind a \ nor in '...'.
 */
int
alias_command_parse(struct span text, struct arena *arena,
	struct alias_command *command, struct error *error);

#endif
