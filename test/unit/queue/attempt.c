/* What an attempt means: finished, tried again, or a report is owed; and
 * which transactions are remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "queue/attempt.h"
#include "queue/recent.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)

static const struct attempt_rules rules = { 300000, 4000000, 5 * DAY,
	2 * DAY, 0 };

static void
replies_decide(void **state)
{
	static const struct {
		const char *name;
		unsigned code, notify, attempts_before;
		const char *sender;
		bool is_uncertain, may_expire;
		int64_t age;
		enum recipient_state state;
		int64_t wait;
		const char *status;
	} cases[] = {
		{ "stored", 250, 0, 0, "b@x", false, true, 0, RECIPIENT_DONE, 0, NULL },
		{ "stored, sender wants to know", 250, SMTP_NOTIFY_SUCCESS, 0,
			"b@x", false, true, 0, RECIPIENT_NOTIFY, 0, NULL },
		{ "stored, nobody to tell", 250, SMTP_NOTIFY_SUCCESS, 0, "",
			false, true, 0, RECIPIENT_DONE, 0, NULL },
		{ "refused", 552, 0, 0, "b@x", false, true, 0,
			RECIPIENT_BOUNCE, 0, NULL },
		{ "refused, must not be told", 552, SMTP_NOTIFY_NEVER, 0,
			"b@x", false, true, 0, RECIPIENT_DONE, 0, NULL },
		{ "refused bounce", 552, 0, 0, "", false, true, 0,
			RECIPIENT_DONE, 0, NULL },
		{ "first failure", 451, 0, 0, "b@x", false, true, 0,
			RECIPIENT_WAITING, 300000, NULL },
		{ "third failure", 451, 0, 2, "b@x", false, true, HOUR,
			RECIPIENT_WAITING, 1200000, NULL },
		{ "tenth failure", 451, 0, 9, "b@x", false, true, DAY,
			RECIPIENT_WAITING, 4000000, NULL },
		{ "perhaps stored", 451, 0, 9, "b@x", true, true, DAY,
			RECIPIENT_WAITING, ATTEMPT_UNCERTAIN_WAIT, NULL },
		{ "too old", 451, 0, 9, "b@x", false, true, 5 * DAY,
			RECIPIENT_BOUNCE, 0, "5.4.7" },
		{ "too old by a clock not believed", 451, 0, 9, "b@x", false,
			false, 500 * DAY, RECIPIENT_WAITING, 4000000, NULL },
		{ "bounce not yet too old", 451, 0, 9, "", false, true,
			2 * DAY - 1, RECIPIENT_WAITING, 4000000, NULL },
		{ "bounce too old", 451, 0, 9, "", false, true, 2 * DAY,
			RECIPIENT_DONE, 0, "5.4.7" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t now = 1790000000000;
		struct envelope envelope = { .arrival = now - cases[i].age,
			.sender = span_from(cases[i].sender) };
		struct recipient recipient = { .is_local = true,
			.notify = cases[i].notify,
			.attempts = cases[i].attempts_before,
			.is_uncertain = cases[i].is_uncertain,
			.reply = { .code = cases[i].code } };
		print_message("%s\n", cases[i].name);
		attempt_judge(&rules, &envelope, &recipient, now,
			cases[i].may_expire);
		assert_int_equal(recipient.state, cases[i].state);
		assert_int_equal(recipient.attempts,
			cases[i].attempts_before + 1);
		assert_true(recipient.last == now);
		if (recipient.state == RECIPIENT_WAITING)
			assert_true(recipient.next == now + cases[i].wait);
		if (cases[i].status != NULL)
			assert_true(span_equals(recipient.reply.status,
				span_from(cases[i].status)));
	}
}

static void
a_clock_that_jumps_is_not_believed(void **state)
{
	struct attempt_clock clock = { .is_set = false };
	int64_t year = 365 * DAY, wall = 1790000000000, boot = 5000;
	(void)state;
	assert_false(attempt_clock_is_steady(&clock, wall, boot,
		ATTEMPT_CLOCK_STEADY));
	assert_true(attempt_clock_is_steady(&clock, wall + 2 * HOUR,
		boot + 2 * HOUR,
		ATTEMPT_CLOCK_STEADY));
	/* set right by less than an hour */
	assert_true(attempt_clock_is_steady(&clock, wall + 3 * HOUR + 1000,
		boot + 3 * HOUR,
		ATTEMPT_CLOCK_STEADY));
	assert_false(attempt_clock_is_steady(&clock, wall + year,
		boot + 4 * HOUR,
		ATTEMPT_CLOCK_STEADY));
	assert_false(attempt_clock_is_steady(&clock, wall + year + HOUR,
		boot + 5 * HOUR,
		ATTEMPT_CLOCK_STEADY));
	assert_true(attempt_clock_is_steady(&clock, wall + year + 2 * HOUR,
		boot + 6 * HOUR,
		ATTEMPT_CLOCK_STEADY));
	assert_false(attempt_clock_is_steady(&clock, wall, boot + 7 * HOUR,
		ATTEMPT_CLOCK_STEADY));
}

static void
transactions_are_remembered_for_their_time(void **state)
{
	struct recent recent;
	uint8_t id[STORE_TRANSACTION_SIZE] = { 1 }, other[sizeof(id)] = { 2 };
	(void)state;
	recent_init(&recent);
	assert_false(recent_has(&recent, id, 0));
	recent_put(&recent, id, 0, 1000);
	recent_put(&recent, id, 500, 9000);
	assert_true(recent_has(&recent, id, 999));
	assert_false(recent_has(&recent, other, 999));
	assert_false(recent_has(&recent, id, 1000));
	recent_put(&recent, other, 2000, 2000);
	assert_false(recent_has(&recent, other, 2000));
	recent_fini(&recent);
}

static void
the_oldest_transactions_go_first(void **state)
{
	struct recent recent;
	uint8_t id[STORE_TRANSACTION_SIZE] = { 0 };
	(void)state;
	recent_init(&recent);
	for (unsigned i = 0; i < RECENT_LIMIT + 100; i++) {
		memcpy(id, &i, sizeof(i));
		recent_put(&recent, id, 0, RECENT_TIME);
	}
	for (unsigned i = 0; i < RECENT_LIMIT + 100; i++) {
		memcpy(id, &i, sizeof(i));
		assert_int_equal(recent_has(&recent, id, 1), i >= 100);
	}
	assert_false(recent_has(&recent, id, RECENT_TIME));
	assert_int_equal(recent.count, 0);
	recent_fini(&recent);
}

/* Not tried, for nobody answers there: it grows old all the same. */
static void
what_is_not_tried_grows_old(void **state)
{
	static const struct {
		const char *name, *sender;
		unsigned notify;
		int64_t warning, age;
		enum recipient_state state;
		enum warning_state owed;
	} cases[] = {
		{ "young", "b@x", 0, 4 * HOUR, HOUR, RECIPIENT_RELAY,
			WARNING_NOT_YET },
		{ "a warning is due", "b@x", 0, 4 * HOUR, 4 * HOUR,
			RECIPIENT_RELAY, WARNING_OWED },
		{ "nobody warns", "b@x", 0, 0, DAY, RECIPIENT_RELAY,
			WARNING_NOT_YET },
		{ "he asked", "b@x", SMTP_NOTIFY_DELAY, 0, 4 * HOUR,
			RECIPIENT_RELAY, WARNING_OWED },
		{ "he did not ask for that", "b@x", SMTP_NOTIFY_FAILURE,
			HOUR, DAY, RECIPIENT_RELAY, WARNING_NOT_YET },
		{ "never", "b@x", SMTP_NOTIFY_NEVER, HOUR, DAY,
			RECIPIENT_RELAY, WARNING_NOT_YET },
		{ "nobody to warn", "", 0, HOUR, DAY, RECIPIENT_RELAY,
			WARNING_NOT_YET },
		{ "too old", "b@x", 0, HOUR, 5 * DAY, RECIPIENT_BOUNCE,
			WARNING_NOT_YET },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t now = 1790000000000;
		struct attempt_rules with = rules;
		struct envelope envelope = { .arrival = now - cases[i].age,
			.sender = span_from(cases[i].sender) };
		struct recipient recipient = { .state = RECIPIENT_RELAY,
			.notify = cases[i].notify };
		print_message("%s\n", cases[i].name);
		with.warning = cases[i].warning;
		attempt_look(&with, &envelope, &recipient, now, true);
		assert_int_equal(recipient.state, cases[i].state);
		assert_int_equal(recipient.warning, cases[i].owed);
		assert_int_equal(recipient.attempts, 0);
	}
}

/* Of a report that fails postmaster hears; of that nobody. */
static void
reports_end_somewhere(void **state)
{
	struct envelope envelope = { .is_report = true };
	struct recipient recipient = { .reply.code = 550 };
	(void)state;
	attempt_refuse(&envelope, &recipient);
	assert_int_equal(recipient.state, RECIPIENT_BOUNCE);
	envelope.is_double = true;
	attempt_refuse(&envelope, &recipient);
	assert_int_equal(recipient.state, RECIPIENT_DONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_decide),
		cmocka_unit_test(what_is_not_tried_grows_old),
		cmocka_unit_test(reports_end_somewhere),
		cmocka_unit_test(a_clock_that_jumps_is_not_believed),
		cmocka_unit_test(transactions_are_remembered_for_their_time),
		cmocka_unit_test(the_oldest_transactions_go_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
