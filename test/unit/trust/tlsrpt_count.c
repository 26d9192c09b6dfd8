/* TLS sessions are counted under their domain and day, and reported once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "trust/tlsrpt_count.h"

#define DAY ((int64_t)86400000)
#define NOW (20000 * DAY + 12345)

static struct tlsrpt_counts counts;
static struct arena arena;

static void
begin(void)
{
	tlsrpt_counts_init(&counts, DAY);
	arena_init(&arena, 0);
}

static void
end(void)
{
	tlsrpt_counts_fini(&counts);
	arena_fini(&arena);
}

static struct tlsrpt_session
good(const char *domain)
{
	return (struct tlsrpt_session){ .domain = span_from(domain),
		.now = NOW, .type = TLSRPT_STS,
		.policy_domain = span_from(domain), .text_count = 1,
		.text = { SPAN("mode: enforce") }, .mx_count = 1,
		.mx = { SPAN("*.a.test") } };
}

static struct tlsrpt_session
bad(const char *domain, const char *information)
{
	struct tlsrpt_session session = good(domain);
	session.is_failure = true;
	session.failure.result = TLSRPT_CERTIFICATE_EXPIRED;
	session.failure.receiving_name = SPAN("mx.a.test");
	session.failure.information = span_from(information);
	return session;
}

static void
add(struct tlsrpt_session session)
{
	assert_true(tlsrpt_counts_add(&counts, &session));
}

/* Writes it down and reads it again, as a restart does. */
static void
restart(void)
{
	struct buffer out;
	struct span rest, line;
	buffer_init(&out, 0);
	tlsrpt_counts_write(&counts, &out);
	tlsrpt_counts_fini(&counts);
	tlsrpt_counts_init(&counts, DAY);
	rest = buffer_span(&out);
	while (rest.size > 0 && span_split(&rest, '\n', &line))
		tlsrpt_counts_read(&counts, line);
	buffer_fini(&out);
}

static void
the_day_is_summed_up(void **state)
{
	struct tlsrpt_due due;
	struct tlsrpt_report report = { .policy_count = 0 };
	(void)state;
	begin();
	for (int i = 0; i < 5; i++)
		add(good("a.test"));
	add(bad("a.test", "a\ttab"));
	add(bad("a.test", "a\ttab"));
	add(bad("a.test", "another"));
	restart();
	add(good("a.test"));
	assert_true(tlsrpt_counts_due(&counts, NOW + DAY + DAY / 6, &arena,
		&due));
	assert_true(due.begin == 20000 * DAY && due.end == 20001 * DAY);
	tlsrpt_counts_report(&counts, &due, &arena, &report);
	assert_int_equal(report.policy_count, 1);
	const struct tlsrpt_policy *policy = &report.policy[0];
	assert_int_equal(policy->successes, 6);
	assert_int_equal(policy->failures, 3);
	assert_int_equal(policy->failure_count, 2);
	assert_int_equal(policy->type, TLSRPT_STS);
	assert_true(span_equals(policy->mx[0], SPAN("*.a.test")));
	assert_true(span_equals(policy->text[0], SPAN("mode: enforce")));
	bool first = policy->failure[0].count == 2;
	assert_true(span_equals(policy->failure[first ? 0 : 1].information,
		SPAN("a\ttab")));
	assert_int_equal(policy->failure[first ? 1 : 0].count, 1);
	assert_true(report.end == 20001 * DAY - 1000);
	end();
}

static void
policies_stand_apart(void **state)
{
	struct tlsrpt_due due;
	struct tlsrpt_report report = { .policy_count = 0 };
	struct tlsrpt_session other = good("a.test"), third = good("a.test");
	(void)state;
	begin();
	other.type = TLSRPT_NO_POLICY;
	other.text_count = other.mx_count = 0;
	third.text[0] = SPAN("mode: testing");
	add(good("a.test"));
	add(other);
	add(third);
	add(good("b.test"));
	assert_true(tlsrpt_counts_due(&counts, NOW + 2 * DAY, &arena, &due));
	tlsrpt_counts_report(&counts, &due, &arena, &report);
	assert_int_equal(report.policy_count, span_equals(due.domain,
		SPAN("a.test")) ? 3 : 1);
	end();
}

static void
a_report_is_due_when_its_day_is_over(void **state)
{
	struct tlsrpt_due due;
	unsigned spread = 0;
	(void)state;
	begin();
	add(good("a.test"));
	assert_false(tlsrpt_counts_due(&counts, 20001 * DAY - 1, &arena,
		&due));
	assert_true(tlsrpt_counts_due(&counts, 20001 * DAY + DAY / 6, &arena,
		&due));
	/* not all at midnight */
	for (unsigned i = 0; i < 24; i++)
		spread += tlsrpt_counts_due(&counts, 20001 * DAY + i * DAY /
			144, &arena, &due);
	assert_true(spread < 24);
	tlsrpt_counts_mark(&counts, &due, TLSRPT_RETRY, 20002 * DAY);
	restart();
	assert_false(tlsrpt_counts_due(&counts, 20002 * DAY - 1, &arena,
		&due));
	assert_true(tlsrpt_counts_due(&counts, 20002 * DAY, &arena, &due));
	/* nobody took it for days */
	assert_false(tlsrpt_counts_due(&counts, 20004 * DAY, &arena, &due));
	assert_int_equal(map_count(&counts.lines), 0);
	end();
}

static void
it_is_forgotten_when_all_have_it(void **state)
{
	struct tlsrpt_due due;
	(void)state;
	begin();
	add(good("a.test"));
	assert_true(tlsrpt_counts_due(&counts, NOW + 2 * DAY, &arena, &due));
	tlsrpt_counts_mailed(&counts, &due);
	assert_true(tlsrpt_counts_due(&counts, NOW + 2 * DAY, &arena, &due));
	assert_int_equal(due.mark[TLSRPT_MAILED], 1);
	tlsrpt_counts_mark(&counts, &due, TLSRPT_POSTED, 1);
	tlsrpt_counts_mailed(&counts, &due);
	assert_false(tlsrpt_counts_due(&counts, NOW + 2 * DAY, &arena, &due));
	assert_int_equal(map_count(&counts.lines), 0);
	end();
}

static void
strangers_do_not_fill_the_memory(void **state)
{
	struct tlsrpt_session session;
	char text[32], long_text[TLSRPT_LINE_LIMIT];
	unsigned taken = 0;
	(void)state;
	begin();
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "words %u", i);
		session = bad("a.test", text);
		taken += tlsrpt_counts_add(&counts, &session);
	}
	assert_int_equal(taken, TLSRPT_COUNT_DOMAIN);
	add(good("b.test"));
	memset(long_text, 'x', sizeof(long_text));
	session = good("c.test");
	session.text[0] = span_of(long_text, sizeof(long_text));
	assert_false(tlsrpt_counts_add(&counts, &session));
	end();
}

static void
damaged_lines_are_passed_over(void **state)
{
	static const char *const lines[] = { "", "1", "x\t1\ta.test\tsuccess",
		"1\tx\ta.test\tsuccess", "1\t1\t\tsuccess", "1\t1\ta.test",
		"-1\t1\ta.test\tsuccess", "1\t1\ta\001x\tsuccess",
		"1\t01\ta.test\tsuccess" };
	struct tlsrpt_due due;
	struct tlsrpt_report report = { .policy_count = 0 };
	(void)state;
	begin();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		tlsrpt_counts_read(&counts, span_from(lines[i]));
	assert_int_equal(map_count(&counts.lines), 0);
	tlsrpt_counts_read(&counts, SPAN("1\t0\ta.test\tno-such-result"));
	due = (struct tlsrpt_due){ .domain = SPAN("a.test") };
	tlsrpt_counts_report(&counts, &due, &arena, &report);
	assert_int_equal(report.policy_count, 0);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_day_is_summed_up),
		cmocka_unit_test(policies_stand_apart),
		cmocka_unit_test(a_report_is_due_when_its_day_is_over),
		cmocka_unit_test(it_is_forgotten_when_all_have_it),
		cmocka_unit_test(strangers_do_not_fill_the_memory),
		cmocka_unit_test(damaged_lines_are_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
