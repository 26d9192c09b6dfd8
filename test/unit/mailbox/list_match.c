/* Mailbox names against patterns of LIST. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "mailbox/imap/list_match.h"

static void
wildcards_mean_what_the_rfc_says(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool is_match;
	} cases[] = {
		{ "*", "a/b/c", true },
		{ "%", "a", true },
		{ "%", "a/b", false },
		{ "%/%", "a/b", true },
		{ "%/%", "a/b/c", false },
		{ "a/*", "a/b/c", true },
		{ "a/*", "a", false },
		{ "a*", "a", true },
		{ "a%", "a", true },
		{ "a%b", "a/b", false },
		{ "a*b", "a/b", true },
		{ "%a%/b", "xax/b", true },
		{ "%a%/b", "x/a/b", false },
		{ "*%", "a/b", true },
		{ "%*", "a/b", true },
		{ "%%", "a/b", false },
		{ "**", "", true },
		{ "", "", true },
		{ "", "a", false },
		{ "Sent", "sent", false },
		{ "inbox", "INBOX", true },
		{ "iN%", "INBOX", true },
		{ "in*x", "INBOX", true },
		{ "inbox/a", "INBOX/a", false },
		{ "INBOX/%", "INBOX/a", true },
		{ "\xe5\x8f\xb0%", "\xe5\x8f\xb0\xe5\x8c\x97", true },
		{ "*a*b*c", "xxaxxbxxc", true },
		{ "*a*b*c", "xxcxxbxxa", false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		arena_init(&arena, 0);
		struct list_match *match = list_match_new(&arena,
			span_from(cases[i].pattern));
		if (list_match_is_match(match, span_from(cases[i].name)) !=
		    cases[i].is_match)
			fail_msg("%s against %s", cases[i].name,
				cases[i].pattern);
		arena_fini(&arena);
	}
}

/* The plain definition, which takes for ever on bad patterns. */
static bool
matches_plainly(struct span pattern, struct span name)
{
	if (pattern.size == 0)
		return name.size == 0;
	if (pattern.data[0] != '*' && pattern.data[0] != '%')
		return name.size > 0 && name.data[0] == pattern.data[0] &&
			matches_plainly(span_skip(pattern, 1),
			span_skip(name, 1));
	if (matches_plainly(span_skip(pattern, 1), name))
		return true;
	return name.size > 0 && (pattern.data[0] == '*' ||
		name.data[0] != '/') &&
		matches_plainly(pattern, span_skip(name, 1));
}

static void
agrees_with_the_plain_definition(void **state)
{
	static const char letters[] = "ab/*%";
	unsigned long seed = 7;
	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		char pattern[8], name[9];
		struct arena arena;
		for (size_t i = 0; i < sizeof(pattern); i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			pattern[i] = letters[(seed >> 33) % 5];
		}
		for (size_t i = 0; i < sizeof(name); i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			name[i] = letters[(seed >> 33) % 3];
		}
		struct span p = span_of(pattern, round % 9 % 8 + 1);
		struct span n = span_of(name, round % 10);
		arena_init(&arena, 0);
		if (list_match_is_match(list_match_new(&arena, p), n) !=
		    matches_plainly(p, n))
			fail_msg("%.*s against %.*s", SPAN_PRINT(n),
				SPAN_PRINT(p));
		arena_fini(&arena);
	}
}

static void
long_patterns_work_and_longer_match_nothing(void **state)
{
	static char text[LIST_MATCH_LIMIT + 1];
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a';
	struct span most = span_of(text, LIST_MATCH_LIMIT);
	struct list_match *match = list_match_new(&arena, most);
	assert_true(list_match_is_match(match, most));
	assert_false(list_match_is_match(match, span_skip(most, 1)));
	assert_null(list_match_new(&arena, span_of(text, sizeof(text))));
	assert_false(list_match_is_match(NULL, most));
	arena_fini(&arena);
}

static void
bad_patterns_take_no_time(void **state)
{
	static char pattern[LIST_MATCH_LIMIT], name[LIST_MATCH_LIMIT];
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(name); i++) {
		name[i] = 'a';
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	}
	pattern[sizeof(pattern) - 1] = 'b';
	struct list_match *match = list_match_new(&arena,
		span_of(pattern, sizeof(pattern)));
	clock_t start = clock();
	for (unsigned i = 0; i < 100; i++)
		assert_false(list_match_is_match(match,
			span_of(name, sizeof(name))));
	assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wildcards_mean_what_the_rfc_says),
		cmocka_unit_test(agrees_with_the_plain_definition),
		cmocka_unit_test(long_patterns_work_and_longer_match_nothing),
		cmocka_unit_test(bad_patterns_take_no_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
