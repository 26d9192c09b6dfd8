/* TLS reports: where they go, and what stands in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "trust/tlsrpt.h"

static void
records_are_found(void **state)
{
	static const struct {
		const char *name, *txt[2], *address[3];
	} cases[] = {
		{ "as in the RFC", { "v=TLSRPTv1;rua=mailto:reports@a.test" },
			{ "mailto:reports@a.test" } },
		{ "by web", { "v=TLSRPTv1; rua=https://r.a.test/v1/tlsrpt;" },
			{ "https://r.a.test/v1/tlsrpt" } },
		{ "both", { "v=TLSRPTv1; rua=mailto:a@a.test , "
			"https://r.a.test/" },
			{ "mailto:a@a.test", "https://r.a.test/" } },
		{ "extensions", { "v=TLSRPTv1; x=y; rua=mailto:a@a.test" },
			{ "mailto:a@a.test" } },
		{ "others beside it", { "v=spf1", "v=TLSRPTv1;"
			"rua=mailto:a@a.test" }, { "mailto:a@a.test" } },
		{ "schemes nobody knows", { "v=TLSRPTv1; rua=ftp://a.test,"
			"http://a.test,mailto:a@a.test" },
			{ "mailto:a@a.test" } },
		{ "two records", { "v=TLSRPTv1;rua=mailto:a@a.test",
			"v=TLSRPTv1;rua=mailto:b@a.test" }, { NULL } },
		{ "no address", { "v=TLSRPTv1;" }, { NULL } },
		{ "another version", { "v=TLSRPTv2;rua=mailto:a@a.test" },
			{ NULL } },
		{ "a command in it", { "v=TLSRPTv1;rua=mailto:a@a.test>\r\nX" },
			{ NULL } },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tlsrpt_record record;
		struct span txt[2];
		size_t count = 0, j;
		while (count < 2 && cases[i].txt[count] != NULL) {
			txt[count] = span_from(cases[i].txt[count]);
			count++;
		}
		print_message("%s\n", cases[i].name);
		assert_int_equal(tlsrpt_find_record(txt, count, &record),
			cases[i].address[0] != NULL);
		for (j = 0; cases[i].address[j] != NULL; j++)
			assert_true(span_equals(record.address[j],
				span_from(cases[i].address[j])));
		assert_int_equal(record.count, j);
	}
}

static void
addresses_are_bounded(void **state)
{
	struct tlsrpt_record record;
	struct buffer txt;
	(void)state;
	buffer_init(&txt, 0);
	buffer_add_string(&txt, "v=TLSRPTv1; rua=mailto:a@a.test");
	for (int i = 0; i < 20; i++)
		buffer_add_string(&txt, ",mailto:a@a.test");
	struct span s = buffer_span(&txt);
	assert_true(tlsrpt_find_record(&s, 1, &record));
	assert_int_equal(record.count, TLSRPT_ADDRESSES);
	buffer_fini(&txt);
}

static void
mailboxes_are_taken_out(void **state)
{
	static const struct {
		const char *address, *mailbox;
	} cases[] = {
		{ "mailto:reports@a.test", "reports@a.test" },
		{ "MAILTO:a@a.test?subject=x", "a@a.test" },
		{ "mailto:a%2Bb%21@a.test", "a+b!@a.test" },
		{ "mailto:a%0d%0aDATA@a.test", NULL },
		{ "mailto:a%3e@a.test", NULL }, { "mailto:a%2@a.test", NULL },
		{ "mailto:a%", NULL }, { "mailto:", NULL },
		{ "mailto:@a.test", NULL }, { "mailto:a@", NULL },
		{ "https://a@a.test", NULL },
	};
	struct arena arena;
	struct span mailbox;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].address);
		assert_int_equal(tlsrpt_mailbox(span_from(cases[i].address),
			&arena, &mailbox), cases[i].mailbox != NULL);
		if (cases[i].mailbox != NULL)
			assert_true(span_equals(mailbox,
				span_from(cases[i].mailbox)));
	}
	arena_fini(&arena);
}

static void
results_have_the_names_of_the_rfc(void **state)
{
	static const struct {
		enum tls_problem problem;
		const char *name;
	} cases[] = {
		{ TLS_PROBLEM_NAME, "certificate-host-mismatch" },
		{ TLS_PROBLEM_EXPIRED, "certificate-expired" },
		{ TLS_PROBLEM_NOT_TRUSTED, "certificate-not-trusted" },
		{ TLS_PROBLEM_TLSA, "validation-failure" },
		{ TLS_PROBLEM_CERTIFICATE, "validation-failure" },
		{ TLS_PROBLEM_HANDSHAKE, "validation-failure" },
		{ TLS_PROBLEM_TIMEOUT, "validation-failure" },
	};
	enum tlsrpt_result result;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(tlsrpt_result_name(tlsrpt_result_of(
			cases[i].problem)), cases[i].name);
	for (size_t i = 0; i < TLSRPT_RESULTS; i++) {
		assert_true(tlsrpt_result_find(span_from(tlsrpt_result_name(
			(enum tlsrpt_result)i)), &result));
		assert_int_equal(result, i);
	}
	assert_false(tlsrpt_result_find(SPAN("other"), &result));
}

static const char *
string_at(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void
the_report_is_that_of_the_rfc(void **state)
{
	const struct span text[] = { SPAN("version: STSv1"),
		SPAN("mode: testing"), SPAN("mx: *.b.test") };
	const struct span mx[] = { SPAN("*.b.test") };
	const struct tlsrpt_failure failures[] = {
		{ .result = TLSRPT_CERTIFICATE_EXPIRED, .count = 100,
			.sending_ip = SPAN("2001:db8::1"),
			.receiving_name = SPAN("mx1.b.test") },
		{ .result = TLSRPT_STARTTLS_NOT_SUPPORTED, .count = 200,
			.sending_ip = SPAN("192.0.2.1"),
			.receiving_name = SPAN("mx2.b.test"),
			.receiving_ip = SPAN("203.0.113.56"),
			.code = SPAN("said \"no\"\r\n\xff") },
	};
	const struct tlsrpt_policy policies[] = {
		{ .type = TLSRPT_STS, .domain = SPAN("b.test"), .text = text,
			.text_count = 3, .mx = mx, .mx_count = 1,
			.successes = 5326, .failures = 303,
			.failure = failures, .failure_count = 2 },
		{ .type = TLSRPT_NO_POLICY, .domain = SPAN("b.test"),
			.successes = 1 },
	};
	const struct tlsrpt_report report = { SPAN("Company-X"),
		SPAN("sts@a.test"), SPAN("5065427c"), 1459468800000,
		1459555199000, policies, 2 };
	struct buffer out;
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	tlsrpt_report_write(&report, &out);
	json_t *root = json_loadb(out.data, out.size, JSON_REJECT_DUPLICATES,
		NULL);
	assert_non_null(root);
	assert_string_equal(string_at(root, "organization-name"), "Company-X");
	assert_string_equal(string_at(root, "contact-info"), "sts@a.test");
	assert_string_equal(string_at(root, "report-id"), "5065427c");
	json_t *range = json_object_get(root, "date-range");
	assert_string_equal(string_at(range, "start-datetime"),
		"2016-04-01T00:00:00Z");
	assert_string_equal(string_at(range, "end-datetime"),
		"2016-04-01T23:59:59Z");
	json_t *all = json_object_get(root, "policies");
	assert_int_equal(json_array_size(all), 2);
	json_t *one = json_array_get(all, 0);
	json_t *said = json_object_get(one, "policy");
	assert_string_equal(string_at(said, "policy-type"), "sts");
	assert_string_equal(string_at(said, "policy-domain"), "b.test");
	assert_int_equal(json_array_size(json_object_get(said,
		"policy-string")), 3);
	assert_string_equal(json_string_value(json_array_get(json_object_get(
		said, "mx-host"), 0)), "*.b.test");
	json_t *summary = json_object_get(one, "summary");
	assert_int_equal(json_integer_value(json_object_get(summary,
		"total-successful-session-count")), 5326);
	assert_int_equal(json_integer_value(json_object_get(summary,
		"total-failure-session-count")), 303);
	json_t *details = json_object_get(one, "failure-details");
	assert_int_equal(json_array_size(details), 2);
	json_t *first = json_array_get(details, 0);
	assert_string_equal(string_at(first, "result-type"),
		"certificate-expired");
	assert_string_equal(string_at(first, "sending-mta-ip"), "2001:db8::1");
	assert_null(json_object_get(first, "receiving-ip"));
	assert_string_equal(string_at(json_array_get(details, 1),
		"failure-reason-code"), "said \"no\"???");
	json_t *two = json_array_get(all, 1);
	assert_string_equal(string_at(json_object_get(two, "policy"),
		"policy-type"), "no-policy-found");
	assert_null(json_object_get(two, "failure-details"));
	json_decref(root);
	assert_true(span_equals(tlsrpt_report_file(&report, SPAN("a.test"),
		SPAN("b.test"), &arena),
		SPAN("a.test!b.test!1459468800!1459555199!5065427c.json")));
	buffer_fini(&out);
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_found),
		cmocka_unit_test(addresses_are_bounded),
		cmocka_unit_test(mailboxes_are_taken_out),
		cmocka_unit_test(results_have_the_names_of_the_rfc),
		cmocka_unit_test(the_report_is_that_of_the_rfc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
