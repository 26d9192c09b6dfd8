/*
 * Names that Postfix or Dovecot has and Posthouse has not: a line with one of
 * them is a warning that says what to use instead, never an error, so that
 * lines of main.cf and dovecot.conf can be pasted. This finds the row of a name; the
 * rows are in config_known_postfix.c and config_known_dovecot.c.
 */
#include "base/config_known.h"

#include <stddef.h>
#include <string.h>

static bool
is_among(struct span name, const char *names)
{
	struct span rest = span_from(names), word;
	while (span_word(&rest, &word))
		if (span_starts(word, SPAN("*")) ?
		    name.size >= word.size && span_equals(span_skip(name,
		    name.size - word.size + 1), span_skip(word, 1)) :
		    span_equals(name, word))
			return true;
	return false;
}

const struct config_known *
config_known_find(struct span name, const char *owner)
{
	static const struct config_known *const tables[] = {
		config_known_postfix, config_known_dovecot };
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct config_known *row = tables[i];
		    row->owner != NULL; row++)
			if ((owner == NULL || strcmp(owner, row->owner) == 0) &&
			    is_among(name, row->names))
				return row;
	return NULL;
}
