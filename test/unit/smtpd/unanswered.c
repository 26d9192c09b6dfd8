/* Who got no answer is recognised; who got one means it when he sends again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "smtpd/unanswered.h"

static struct unanswered_try
choose(struct unanswered *unanswered, uint32_t number, int64_t now)
{
	struct unanswered_try try = { 0 };
	memcpy(try.fingerprint, &number, sizeof(number));
	unanswered_choose(unanswered, &try, now);
	return try;
}

static bool
is_same(struct unanswered_try a, struct unanswered_try b)
{
	return memcmp(a.transaction, b.transaction, sizeof(a.transaction)) == 0;
}

static void
an_answered_try_is_forgotten(void **state)
{
	struct unanswered *unanswered = unanswered_new();
	(void)state;
	struct unanswered_try first = choose(unanswered, 1, 0);
	assert_false(is_same(first, choose(unanswered, 1, 0)));
	unanswered_free(&unanswered);
}

static void
an_unanswered_try_gives_its_id_once(void **state)
{
	struct unanswered *unanswered = unanswered_new();
	(void)state;
	struct unanswered_try first = choose(unanswered, 1, 0);
	unanswered_remember(unanswered, &first, 0);
	assert_false(is_same(first, choose(unanswered, 2, 10)));
	assert_true(is_same(first, choose(unanswered, 1, 10)));
	assert_false(is_same(first, choose(unanswered, 1, 10)));
	unanswered_free(&unanswered);
}

static void
after_an_hour_it_is_forgotten(void **state)
{
	struct unanswered *unanswered = unanswered_new();
	(void)state;
	struct unanswered_try first = choose(unanswered, 1, 0);
	unanswered_remember(unanswered, &first, 0);
	assert_false(is_same(first, choose(unanswered, 1, UNANSWERED_KEEP)));
	unanswered_free(&unanswered);
}

static void
the_oldest_goes_when_there_are_too_many(void **state)
{
	struct unanswered *unanswered = unanswered_new();
	struct unanswered_try first = { 0 }, last = { 0 };
	(void)state;
	for (uint32_t i = 0; i <= UNANSWERED_LIMIT; i++) {
		last = choose(unanswered, i, 0);
		unanswered_remember(unanswered, &last, 0);
		first = i == 0 ? last : first;
	}
	assert_false(is_same(first, choose(unanswered, 0, 1)));
	assert_true(is_same(last, choose(unanswered, UNANSWERED_LIMIT, 1)));
	unanswered_free(&unanswered);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answered_try_is_forgotten),
		cmocka_unit_test(an_unanswered_try_gives_its_id_once),
		cmocka_unit_test(after_an_hour_it_is_forgotten),
		cmocka_unit_test(the_oldest_goes_when_there_are_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
