/* See alias_command.h. A parser: it opens nothing and runs nothing. */
#include "proto/alias_command.h"

#include <string.h>

struct splitter {
	struct span rest;
	struct alias_command *command;
	struct error *error;
	char *word;			/* where the next byte goes */
};

static int
fail(struct splitter *splitter, struct span found, const char *expected)
{
	return error_set(splitter->error, ERROR_USAGE,
		"found \"%.*s\" in the program, expected %s",
		SPAN_PRINT(span_first(found, 60)), expected);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_for_a_shell(char c)
{
	return strchr(";|&<>`$", c) != NULL;	/* NUL too */
}

static int
take_byte(struct splitter *splitter, char c)
{
	if ((unsigned char)c < ' ' && c != '\t')
		return fail(splitter, SPAN("a control character"), "none");
	*splitter->word++ = c;
	splitter->rest = span_skip(splitter->rest, 1);
	return 0;
}

/* Up to the quote that ends it, or all of a word without one (quote is NUL). */
static int
take_run(struct splitter *splitter, char quote)
{
	while (splitter->rest.size > 0) {
		char c = splitter->rest.data[0];
		if (quote == '\0' ? is_blank(c) || c == '"' || c == '\'' :
			c == quote)
			return 0;
		if (c == '\\' && quote != '\'') {
			splitter->rest = span_skip(splitter->rest, 1);
			if (splitter->rest.size == 0)
				return fail(splitter, SPAN("\\"),
					"a character behind it");
			c = splitter->rest.data[0];
		} else if (quote != '\'' && is_for_a_shell(c)) {
			return fail(splitter, span_first(splitter->rest, 1),
				"a program and its words: no shell is run "
				"(put the command into a script)");
		}
		if (take_byte(splitter, c) < 0)
			return -1;
	}
	return quote == '\0' ? 0 : fail(splitter, span_of(&quote, 1),
		"a second quote");
}

/* One word, of pieces with and without quotes; a NUL behind it. */
static int
take_word(struct splitter *splitter)
{
	while (splitter->rest.size > 0 && !is_blank(splitter->rest.data[0])) {
		char c = splitter->rest.data[0];
		bool is_quoted = c == '"' || c == '\'';
		if (is_quoted)
			splitter->rest = span_skip(splitter->rest, 1);
		if (take_run(splitter, is_quoted ? c : '\0') < 0)
			return -1;
		if (is_quoted)
			splitter->rest = span_skip(splitter->rest, 1);
	}
	*splitter->word++ = '\0';
	return 0;
}

int
alias_command_parse(struct span text, struct arena *arena,
	struct alias_command *command, struct error *error)
{
	struct splitter splitter = { .rest = span_trim(text),
		.command = command, .error = error };
	/* each byte gives at most one, and the last word a NUL more */
	splitter.word = arena_new(arena, text.size + 2);
	command->argv = arena_new_array(arena, ALIAS_COMMAND_WORDS + 1,
		sizeof(*command->argv));
	command->count = 0;
	while (splitter.rest.size > 0) {
		if (is_blank(splitter.rest.data[0])) {
			splitter.rest = span_skip(splitter.rest, 1);
			continue;
		}
		if (command->count == ALIAS_COMMAND_WORDS)
			return fail(&splitter, splitter.rest,
				"at most 64 words");
		command->argv[command->count++] = splitter.word;
		if (take_word(&splitter) < 0)
			return -1;
	}
	command->argv[command->count] = NULL;
	if (command->count == 0 || command->argv[0][0] != '/')
		return fail(&splitter, command->count == 0 ? SPAN("") :
			span_from(command->argv[0]),
			"a path from the root (/usr/bin/...)");
	return 0;
}
