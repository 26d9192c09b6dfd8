/*
 * Whom the resolver asks, as stories: what happens when, and what it does. A
 * step is "TIME EVENT -> WHAT"; S, R and U are the servers, the root's servers,
 * and the servers unvalidated.
 *
 *	turn	choice_turn; WHAT: who is tried, "chosen X", "failed"
 *	+X -X	X was tried and works, or does not
 *	fail ok	what came of a question
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/span.h"
#include "names/choice.h"

static const char letters[] = "SRU";

static const struct {
	const char *name, *possible, *story;
} stories[] = {
	{ "the servers work, nobody else is asked", "SRU",
		"0 turn -> S\n10 +S ->\n10 turn -> chosen S\n"
		"99999 turn ->\n" },
	{ "servers without DNSSEC: the root", "SRU",
		"0 turn -> S\n10 -S ->\n10 turn -> R\n50 +R ->\n"
		"50 turn -> chosen R\n" },
	{ "servers that are silent: the root after a while", "SRU",
		"0 turn -> S\n1000 turn ->\n2000 turn -> RU\n2100 +U ->\n"
		"2100 turn ->\n2200 +R ->\n2200 turn ->\n"
		"5000 turn -> chosen R\n" },
	{ "a slow server is still better", "SRU",
		"0 turn -> S\n2000 turn -> RU\n2100 +R ->\n2100 turn ->\n"
		"4000 +S ->\n4000 turn -> chosen S\n" },
	{ "nothing validates", "SRU",
		"0 turn -> S\n10 -S ->\n10 turn -> R\n20 -R ->\n20 turn -> U\n"
		"30 +U ->\n30 turn -> chosen U\n" },
	{ "nothing answers, then it does", "SRU",
		"0 turn -> S\n2000 turn -> RU\n4999 turn ->\n"
		"5000 turn -> failed\n9999 turn ->\n10000 turn -> S\n"
		"12000 turn -> RU\n15000 turn ->\n20000 turn -> S\n20005 +S ->\n"
		"20005 turn -> chosen S\n" },
	{ "a better one is looked for, and found", "SR",
		"0 turn -> S\n1 -S ->\n1 turn -> R\n2 +R ->\n2 turn -> chosen R\n"
		"60001 turn ->\n60002 turn -> S\n60003 +S ->\n"
		"60003 turn -> chosen S\n" },
	{ "failures make it look again", "SR",
		"0 turn -> S\n1 +S ->\n1 turn -> chosen S\n9000 fail ->\n"
		"9000 fail ->\n9000 fail ->\n9000 turn ->\n9000 fail ->\n"
		"9000 turn -> S\n9001 -S ->\n9001 turn -> R\n9002 +R ->\n"
		"9002 turn -> chosen R\n" },
	{ "a success between failures", "SR",
		"0 turn -> S\n1 +S ->\n1 turn -> chosen S\n9000 fail ->\n"
		"9000 fail ->\n9000 fail ->\n9000 ok ->\n9000 fail ->\n"
		"9000 turn ->\n" },
	{ "failures of others' domains change nothing", "SR",
		"0 turn -> S\n1 +S ->\n1 turn -> chosen S\n9000 fail ->\n"
		"9000 fail ->\n9000 fail ->\n9000 fail ->\n9000 turn -> S\n"
		"9001 +S ->\n9001 turn ->\n" },
	{ "validation is not given up again", "SU",
		"0 turn -> S\n1 +S ->\n1 turn -> chosen S\n9000 fail ->\n"
		"9000 fail ->\n9000 fail ->\n9000 fail ->\n9000 turn -> S\n"
		"9001 -S ->\n9001 turn -> failed\n14001 turn -> S\n" },
	{ "late news of an old round", "SR",
		"0 turn -> S\n1 +S ->\n1 turn -> chosen S\n2 -S ->\n"
		"2 turn ->\n" },
	{ "only one way", "R",
		"0 turn -> R\n5000 turn -> failed\n10000 turn -> R\n"
		"10001 +R ->\n10001 turn -> chosen R\n" },
};

static unsigned
number_of(char letter)
{
	return (unsigned)(strchr(letters, letter) - letters);
}

static void
step(struct choice *choice, int64_t now, struct span event, char out[64])
{
	unsigned bits = 0;
	size_t size = 0;
	out[0] = '\0';
	if (event.data[0] == '+' || event.data[0] == '-') {
		choice_probed(choice, number_of(event.data[1]),
			event.data[0] == '+');
	} else if (span_equals(event, SPAN("turn"))) {
		enum choice_event result = choice_turn(choice, now, &bits);
		for (unsigned i = 0; i < CHOICE_COUNT; i++)
			if ((bits & 1u << i) != 0)
				out[size++] = letters[i];
		out[size] = '\0';
		if (result == CHOICE_CHANGED)
			snprintf(out, 64, "chosen %c",
				letters[choice_current(choice)]);
		if (result == CHOICE_FAILED)
			snprintf(out, 64, "failed");
		assert_true(result == CHOICE_NOTHING ||
			choice_is_made(choice));
	} else
		choice_note(choice, span_equals(event, SPAN("fail")));
}

static void
tell(const char *name, const char *possible, struct span story)
{
	struct choice choice;
	bool is_possible[CHOICE_COUNT] = { false };
	struct span line, time, event, arrow;
	for (; *possible != '\0'; possible++)
		is_possible[number_of(*possible)] = true;
	choice_init(&choice, is_possible, 0);
	assert_false(choice_is_made(&choice));
	while (span_split(&story, '\n', &line) && line.size > 0) {
		struct span rest = line;
		uint64_t now;
		char out[64];
		assert_true(span_word(&rest, &time) &&
			span_word(&rest, &event) && span_word(&rest, &arrow));
		assert_true(span_to_number(time, INT32_MAX, &now));
		step(&choice, (int64_t)now, event, out);
		if (!span_equals(span_trim(rest), span_from(out)))
			fail_msg("%s: \"%.*s\": %s", name, SPAN_PRINT(line),
				out);
	}
}

static void
test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		tell(stories[i].name, stories[i].possible,
			span_from(stories[i].story));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
	};
	return cmocka_run_group_tests_name("choice", tests, NULL, NULL);
}
