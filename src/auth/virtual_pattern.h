/*
 * One line of a regexp: or pcre: table: /pattern/flags result. Patterns are
 * the administrator's, what they are matched against is a stranger's: matching
 * is bounded.
 */
#ifndef AUTH_VIRTUAL_PATTERN_H
#define AUTH_VIRTUAL_PATTERN_H

#include "base/arena.h"
#include "base/error.h"

struct pattern;

/*
 * "/pattern/flags" or "!/pattern/flags"; `result` must live as long as it.
 * -1 with what was found and expected, without file and line.
 */
int
pattern_new(struct span text, struct span result, struct pattern **pattern,
	struct error *error);
void
pattern_free(struct pattern **pattern);

/* 1: it matches, *value is its result with $1, ${1}, $(1) replaced and $$ for
 * $; 0: it does not; -1: it took too long, or the value would be too long. */
int
pattern_match(const struct pattern *pattern, struct span subject,
	struct arena *arena, struct span *value, struct error *error);

#endif
