/* What each end of a TLS session is in a report: policy and result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/tls_report.h"
#include "relay/tls_report_inner.h"

#define DAY ((int64_t)86400000)

enum { SUCCESS = TLSRPT_RESULTS, NOTHING };

struct row {
	const char *name;
	enum tls_level level;
	enum dane_verdict dane;
	enum tls_sts sts;
	bool is_sts_host;
	enum tls_wish wish;
	enum open_tls_outcome outcome;
	enum tls_problem problem;
	bool is_chain_ok, is_name_ok;
	/* then */
	enum tlsrpt_policy_type type;
	int result;
};

#define L TLS_LEVEL_DANE
#define NOT DANE_NOT, TLS_STS_NOT, false
#define ENFORCE DANE_NOT, TLS_STS_ENFORCE, true
#define TESTING DANE_NOT, TLS_STS_TESTING, true
#define FINE TLS_PROBLEM_NONE, true, true

static const struct row rows[] = {
	{ "TLS without a policy", L, NOT, TLS_TRY, OPEN_TLS_DONE, FINE,
		TLSRPT_NO_POLICY, SUCCESS },
	{ "unverified, and need not be", L, NOT, TLS_TRY, OPEN_TLS_DONE,
		TLS_PROBLEM_NOT_TRUSTED, false, false, TLSRPT_NO_POLICY,
		SUCCESS },
	{ "not offered", L, NOT, TLS_TRY, OPEN_TLS_NOT_OFFERED, FINE,
		TLSRPT_NO_POLICY, TLSRPT_STARTTLS_NOT_SUPPORTED },
	{ "the handshake fails", L, NOT, TLS_TRY, OPEN_TLS_FAILED,
		TLS_PROBLEM_HANDSHAKE, false, false, TLSRPT_NO_POLICY,
		TLSRPT_VALIDATION_FAILURE },
	{ "nobody answered", L, NOT, TLS_TRY, OPEN_TLS_NOT_TRIED, FINE,
		TLSRPT_NO_POLICY, NOTHING },
	{ "DANE", L, DANE_VERIFY, TLS_STS_NOT, false, TLS_MUST, OPEN_TLS_DONE,
		FINE, TLSRPT_TLSA, SUCCESS },
	{ "DANE goes before MTA-STS", L, DANE_VERIFY, TLS_STS_ENFORCE, true,
		TLS_MUST, OPEN_TLS_DONE, FINE, TLSRPT_TLSA, SUCCESS },
	{ "no TLSA record matches", L, DANE_VERIFY, TLS_STS_NOT, false,
		TLS_MUST, OPEN_TLS_FAILED, TLS_PROBLEM_TLSA, false, false,
		TLSRPT_TLSA, TLSRPT_VALIDATION_FAILURE },
	{ "TLSA records are bogus", L, DANE_LATER, TLS_STS_NOT, false,
		TLS_NOT_THIS_HOST, OPEN_TLS_NOT_TRIED, FINE, TLSRPT_TLSA,
		TLSRPT_DNSSEC_INVALID },
	{ "DANE is demanded", TLS_LEVEL_DANE_ONLY, NOT, TLS_NOT_THIS_HOST,
		OPEN_TLS_NOT_TRIED, FINE, TLSRPT_TLSA, TLSRPT_DANE_REQUIRED },
	{ "MTA-STS", L, ENFORCE, TLS_MUST, OPEN_TLS_DONE, FINE, TLSRPT_STS,
		SUCCESS },
	{ "another's certificate", L, ENFORCE, TLS_MUST, OPEN_TLS_FAILED,
		TLS_PROBLEM_NAME, true, false, TLSRPT_STS,
		TLSRPT_CERTIFICATE_HOST_MISMATCH },
	{ "an expired one", L, ENFORCE, TLS_MUST, OPEN_TLS_FAILED,
		TLS_PROBLEM_EXPIRED, false, true, TLSRPT_STS,
		TLSRPT_CERTIFICATE_EXPIRED },
	{ "a host that is not named", L, DANE_NOT, TLS_STS_ENFORCE, false,
		TLS_NOT_THIS_HOST, OPEN_TLS_NOT_TRIED, FINE, TLSRPT_STS,
		TLSRPT_VALIDATION_FAILURE },
	{ "testing", L, TESTING, TLS_TRY, OPEN_TLS_DONE, FINE, TLSRPT_STS,
		SUCCESS },
	{ "testing, and not trusted", L, TESTING, TLS_TRY, OPEN_TLS_DONE,
		TLS_PROBLEM_NOT_TRUSTED, false, true, TLSRPT_STS,
		TLSRPT_CERTIFICATE_NOT_TRUSTED },
	{ "testing, and another's", L, TESTING, TLS_TRY, OPEN_TLS_DONE,
		TLS_PROBLEM_NAME, true, false, TLSRPT_STS,
		TLSRPT_CERTIFICATE_HOST_MISMATCH },
	{ "testing, and not named", L, DANE_NOT, TLS_STS_TESTING, false,
		TLS_TRY, OPEN_TLS_DONE, FINE, TLSRPT_STS,
		TLSRPT_VALIDATION_FAILURE },
	{ "REQUIRETLS that nobody vouches for", L, NOT, TLS_NOT_THIS_HOST,
		OPEN_TLS_NOT_TRIED, FINE, TLSRPT_NO_POLICY, NOTHING },
};

static struct tls_reports *
start(struct pair_file **file)
{
	const struct tls_report_world world = { .ask = NULL };
	return tls_reports_new(file, DAY, &world);
}

static void
note(struct tls_reports *reports, const struct row *row)
{
	static const struct span names[] = { SPAN("mx.a.test") };
	static const struct span mx[] = { SPAN("*.a.test") };
	static const struct tls_tlsa tlsa[] = { { 3, 1, 1, SPAN("\1\2") } };
	const struct tls_policy_facts facts = { .level = row->level,
		.dane = row->dane, .sts = row->sts,
		.is_sts_host = row->is_sts_host };
	const struct mta_sts_policy policy = { .mode = row->sts ==
		TLS_STS_TESTING ? MTA_STS_TESTING : MTA_STS_ENFORCE,
		.max_age = 86400, .mx = mx, .mx_count = 1 };
	const struct tls_plan plan = { .demand.wish = row->wish,
		.demand.reason = "a reason", .names = names, .name_count = 1,
		.tlsa = tlsa, .tlsa_count = 1 };
	const struct open_tls tls = { row->outcome, { .problem = row->problem,
		.is_chain_ok = row->is_chain_ok,
		.is_name_ok = row->is_name_ok, .reason = "words" } };
	const struct tls_report_session session = { .domain = SPAN("a.test"),
		.host = SPAN("mx.a.test"), .facts = &facts, .policy = &policy,
		.plan = &plan, .tls = &tls };
	tls_reports_note(reports, &session, 100 * DAY);
}

static void
read_report(struct tls_reports *reports, struct arena *arena,
	struct tlsrpt_report *report)
{
	const struct tlsrpt_due due = { .domain = SPAN("a.test"),
		.begin = 100 * DAY, .end = 101 * DAY };
	memset(report, 0, sizeof(*report));
	tlsrpt_counts_report(&reports->counts, &due, arena, report);
}

static void
sessions_are_counted_as_what_they_were(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_reports *reports = start(&(struct pair_file *){
			NULL });
		struct tlsrpt_report report;
		struct arena arena;
		arena_init(&arena, 0);
		print_message("%s\n", rows[i].name);
		note(reports, &rows[i]);
		read_report(reports, &arena, &report);
		assert_int_equal(report.policy_count,
			rows[i].result != NOTHING);
		if (rows[i].result != NOTHING) {
			const struct tlsrpt_policy *policy = report.policy;
			assert_int_equal(policy->type, rows[i].type);
			assert_int_equal(policy->successes,
				rows[i].result == SUCCESS);
			assert_int_equal(policy->failures,
				rows[i].result != SUCCESS);
			if (policy->failures > 0)
				assert_int_equal(policy->failure[0].result,
					rows[i].result);
		}
		tls_reports_free(&reports);
		arena_fini(&arena);
	}
}

static void
what_was_promised_is_in_the_report(void **state)
{
	struct tls_reports *reports = start(&(struct pair_file *){ NULL });
	struct tlsrpt_report report;
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	note(reports, &(struct row){ .level = L, .dane = DANE_VERIFY,
		.wish = TLS_MUST, .outcome = OPEN_TLS_DONE });
	read_report(reports, &arena, &report);
	assert_true(span_equals(report.policy[0].domain, SPAN("mx.a.test")));
	assert_true(span_equals(report.policy[0].text[0], SPAN("3 1 1 0102")));
	tls_reports_free(&reports);
	reports = start(&(struct pair_file *){ NULL });
	note(reports, &(struct row){ .level = L, .sts = TLS_STS_ENFORCE,
		.is_sts_host = true, .wish = TLS_MUST,
		.outcome = OPEN_TLS_DONE });
	read_report(reports, &arena, &report);
	assert_true(span_equals(report.policy[0].domain, SPAN("a.test")));
	assert_true(span_equals(report.policy[0].text[1],
		SPAN("mode: enforce")));
	assert_true(span_equals(report.policy[0].text[3],
		SPAN("mx: *.a.test")));
	assert_true(span_equals(report.policy[0].mx[0], SPAN("*.a.test")));
	tls_reports_free(&reports);
	arena_fini(&arena);
}

static void
only_our_reports_are_reports(void **state)
{
	(void)state;
	assert_true(tls_report_is_one(SPAN("TLS-Report-Domain: a.test\r\n")));
	assert_false(tls_report_is_one(SPAN("Received: x\r\n"
		"TLS-Report-Domain: a.test\r\n")));
	assert_false(tls_report_is_one(SPAN("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_are_counted_as_what_they_were),
		cmocka_unit_test(what_was_promised_is_in_the_report),
		cmocka_unit_test(only_our_reports_are_reports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
