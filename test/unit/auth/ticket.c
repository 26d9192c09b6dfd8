/* Tickets: once, in time, by the right process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "auth/ticket.h"
#include "proto/account_id.h"

static const struct ticket alice = { .account = 7, .actor = 7, .quota = 100,
	.service = "imap", .user = "alice@example.test" };

static const struct {
	const char *name;
	int64_t after;			/* ms after the issue */
	unsigned instance;		/* of 4 processes; 7 % 4 is 3 */
	enum ticket_verdict first, second;	/* redeemed twice */
} cases[] = {
	{ "at once", 0, 3, TICKET_OK, TICKET_UNKNOWN },
	{ "in the last moment", TICKET_LIFE - 1, 3, TICKET_OK,
		TICKET_UNKNOWN },
	{ "too late", TICKET_LIFE, 3, TICKET_UNKNOWN, TICKET_UNKNOWN },
	{ "by another process", 0, 1, TICKET_FOREIGN, TICKET_FOREIGN },
};

static void
a_ticket_is_good_once_in_time_for_its_process(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tickets *tickets = tickets_new();
		struct ticket got = { 0 };
		uint8_t number[TICKET_SIZE];
		assert_true(ticket_issue(tickets, &alice, 1000, number));
		int64_t now = 1000 + cases[i].after;
		enum ticket_verdict first = ticket_redeem(tickets, number,
			cases[i].instance, 4, now, &got);
		if (first != cases[i].first)
			fail_msg("%s: %d", cases[i].name, first);
		if (first == TICKET_OK)
			assert_memory_equal(&got, &alice, sizeof(got));
		else
			assert_true(got.account == 0);
		assert_int_equal(ticket_redeem(tickets, number,
			cases[i].instance, 4, now, &got), cases[i].second);
		tickets_free(&tickets);
	}
}

static void
a_foreign_attempt_leaves_it_to_the_owner(void **state)
{
	struct tickets *tickets = tickets_new();
	struct ticket got;
	uint8_t number[TICKET_SIZE];
	(void)state;
	ticket_issue(tickets, &alice, 0, number);
	assert_int_equal(ticket_redeem(tickets, number, 0, 4, 1, &got),
		TICKET_FOREIGN);
	assert_int_equal(ticket_redeem(tickets, number, 3, 4, 2, &got),
		TICKET_OK);
	tickets_free(&tickets);
}

/* 1000 % 4 is 0, and his process is another program's. */
static void
a_system_user_has_a_process_of_his_own(void **state)
{
	struct tickets *tickets = tickets_new();
	struct ticket got, boss = alice;
	uint8_t number[TICKET_SIZE];
	(void)state;
	boss.account = account_id_of_uid(1000);
	ticket_issue(tickets, &boss, 0, number);
	assert_int_equal(ticket_redeem(tickets, number, 0, 4, 1, &got),
		TICKET_FOREIGN);
	assert_int_equal(ticket_redeem(tickets, number, 1001, 0, 1, &got),
		TICKET_FOREIGN);
	assert_int_equal(ticket_redeem(tickets, number, 1000, 0, 1, &got),
		TICKET_OK);
	/* nor does he get at others' */
	ticket_issue(tickets, &alice, 0, number);
	assert_int_equal(ticket_redeem(tickets, number, 7, 0, 1, &got),
		TICKET_FOREIGN);
	tickets_free(&tickets);
}

static void
other_numbers_are_unknown(void **state)
{
	struct tickets *tickets = tickets_new();
	struct ticket got;
	uint8_t number[TICKET_SIZE], other[TICKET_SIZE];
	(void)state;
	ticket_issue(tickets, &alice, 0, number);
	ticket_issue(tickets, &alice, 0, other);
	assert_memory_not_equal(number, other, TICKET_SIZE);
	number[0] ^= 1;
	assert_int_equal(ticket_redeem(tickets, number, 3, 4, 1, &got),
		TICKET_UNKNOWN);
	tickets_free(&tickets);
}

static void
the_table_is_bounded_and_empties_itself(void **state)
{
	struct tickets *tickets = tickets_new();
	struct ticket got;
	uint8_t number[TICKET_SIZE];
	(void)state;
	for (int i = 0; i < TICKET_LIMIT; i++)
		assert_true(ticket_issue(tickets, &alice, 5, number));
	assert_false(ticket_issue(tickets, &alice, 5, number));
	assert_true(ticket_issue(tickets, &alice, 5 + TICKET_LIFE, number));
	assert_int_equal(ticket_redeem(tickets, number, 3, 4,
		5 + TICKET_LIFE, &got), TICKET_OK);
	tickets_free(&tickets);
}

static void
an_upgrade_keeps_those_not_redeemed(void **state)
{
	struct tickets *old = tickets_new(), *new = tickets_new();
	struct ticket_left left;
	struct ticket got;
	uint8_t number[3][TICKET_SIZE];
	size_t count = 0;
	(void)state;
	for (size_t i = 0; i < 3; i++)
		ticket_issue(old, &alice, (int64_t)i, number[i]);
	assert_int_equal(ticket_redeem(old, number[1], 3, 4, 3, &got),
		TICKET_OK);
	for (; ticket_take(old, &left); count++) {
		assert_true(ticket_put(new, span_of(&left, sizeof(left))));
		left.version++;
		assert_false(ticket_put(new, span_of(&left, sizeof(left))));
		assert_false(ticket_put(new, span_of(&left, 8)));
	}
	assert_int_equal(count, 2);
	assert_int_equal(ticket_redeem(new, number[0], 3, 4, TICKET_LIFE,
		&got), TICKET_UNKNOWN);
	assert_int_equal(ticket_redeem(new, number[1], 3, 4, 4, &got),
		TICKET_UNKNOWN);
	assert_int_equal(ticket_redeem(new, number[2], 3, 4, TICKET_LIFE,
		&got), TICKET_OK);
	assert_memory_equal(got.user, alice.user, sizeof(alice.user));
	assert_int_equal(ticket_redeem(new, number[2], 3, 4, 5, &got),
		TICKET_UNKNOWN);
	tickets_free(&old);
	tickets_free(&new);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_is_good_once_in_time_for_its_process),
		cmocka_unit_test(a_foreign_attempt_leaves_it_to_the_owner),
		cmocka_unit_test(a_system_user_has_a_process_of_his_own),
		cmocka_unit_test(other_numbers_are_unknown),
		cmocka_unit_test(the_table_is_bounded_and_empties_itself),
		cmocka_unit_test(an_upgrade_keeps_those_not_redeemed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
