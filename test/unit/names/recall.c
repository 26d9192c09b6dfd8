/* What is kept of answers, how long, and which goes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/recall.h"

#define BYTES(literal) { literal, sizeof(literal) - 1 }
#define ASKED "\1a\0\0\1\0\1"
/* a. A, 60 s; the same and another one for 5 s; NXDOMAIN with SOA; nothing. */
#define ONE "\0\0\201\200\0\1\0\1\0\0\0\0" ASKED \
	"\300\14\0\1\0\1\0\0\0\74\0\4\300\0\2\1"
#define TWO "\0\0\201\200\0\1\0\2\0\0\0\0" ASKED \
	"\300\14\0\1\0\1\0\0\0\74\0\4\300\0\2\1" \
	"\300\14\0\1\0\1\0\0\0\5\0\4\300\0\2\2"
#define NO "\0\0\201\203\0\1\0\0\0\1\0\0" ASKED \
	"\0\0\6\0\1\0\0\0\7\0\26\0\0" "0000" "0000" "0000" "0000" "0000"
#define NOTHING "\0\0\201\200\0\1\0\0\0\0\0\0" ASKED
#define ZERO "\0\0\201\200\0\1\0\1\0\0\0\0" ASKED \
	"\300\14\0\1\0\1\0\0\0\0\0\4\300\0\2\1"

static const struct {
	const char *name;
	struct message_answer answer;
	int seconds;			/* that it is good */
} cases[] = {
	{ "one record", { .packet = BYTES(ONE) }, 60 },
	{ "the shortest of them", { .packet = BYTES(TWO) }, 5 },
	{ "no such name", { .rcode = DNS_NO_SUCH_NAME, .packet = BYTES(NO) },
		7 },
	{ "no without a SOA", { .packet = BYTES(NOTHING) }, 0 },
	{ "no time to live", { .packet = BYTES(ZERO) }, 0 },
	{ "a failure", { .rcode = DNS_SERVER_FAILURE, .packet = BYTES(ONE) },
		0 },
	{ "bogus", { .is_bogus = true, .packet = BYTES(ONE) }, 0 },
	{ "nonsense", { .packet = BYTES("\0\0\0") }, 0 },
};

struct seen {
	unsigned count;
	uint32_t age;
	bool is_secure;
};

static void
see(void *context, const struct message_answer *answer)
{
	struct seen *seen = context;
	seen->count++;
	seen->age = answer->age;
	seen->is_secure = answer->is_secure;
}

static struct dns_question
question_of(const char *name, uint16_t type)
{
	struct dns_question asked = { .type = type, .class = DNS_CLASS_IN };
	assert_true(dns_name_from_text(span_from(name), &asked.name));
	return asked;
}

static void
test_times(void **state)
{
	const struct dns_question asked = question_of("a", DNS_TYPE_A);
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen seen = { .count = 0 };
		int64_t end = 1000 + cases[i].seconds * 1000;
		recall_clear();
		recall_put(&asked, &cases[i].answer, 1000);
		bool before = recall_use(&asked, end - 1, see, &seen);
		bool after = recall_use(&asked, end, see, &seen);
		if (before != (cases[i].seconds > 0) || after ||
		    seen.count != before)
			fail_msg("%s: %d %d", cases[i].name, before, after);
	}
}

static void
test_keys(void **state)
{
	struct message_answer answer = { .packet = BYTES(ONE),
		.is_secure = true };
	const struct dns_question asked = question_of("a.Example", DNS_TYPE_A);
	const struct dns_question same = question_of("A.exAMPLE", DNS_TYPE_A);
	const struct dns_question type = question_of("a.example", DNS_TYPE_MX);
	const struct dns_question name = question_of("b.example", DNS_TYPE_A);
	struct seen seen = { .count = 0 };
	(void)state;
	recall_clear();
	recall_put(&asked, &answer, 0);
	assert_true(recall_use(&same, 3500, see, &seen));
	assert_int_equal(seen.age, 3);
	assert_true(seen.is_secure);
	assert_false(recall_use(&type, 0, see, &seen));
	assert_false(recall_use(&name, 0, see, &seen));
	/* the last one counts */
	answer.is_secure = false;
	recall_put(&asked, &answer, 0);
	assert_true(recall_use(&asked, 0, see, &seen));
	assert_false(seen.is_secure);
	recall_clear();
	assert_false(recall_use(&asked, 0, see, &seen));
}

/* A thousand times as many as there is room for: the one in use stays. */
static void
test_room(void **state)
{
	const struct message_answer answer = { .packet = BYTES(ONE) };
	const struct dns_question first = question_of("first", DNS_TYPE_A);
	struct seen seen = { .count = 0 };
	unsigned left = 0;
	char name[16];
	(void)state;
	recall_clear();
	recall_put(&first, &answer, 0);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		const struct dns_question asked = question_of(name,
			DNS_TYPE_A);
		recall_put(&asked, &answer, 0);
		assert_true(recall_use(&first, 0, see, &seen));
	}
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		const struct dns_question asked = question_of(name,
			DNS_TYPE_A);
		left += recall_use(&asked, 0, see, &seen);
	}
	assert_in_range(left, 100, 2000);
	recall_clear();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_room),
	};
	recall_init(512 << 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
