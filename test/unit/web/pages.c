/* Who gets which page: methods, TLS, clients from elsewhere; and the text of the
 * counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "web/metrics.h"
#include "web/page.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name, *client, *path;
	enum http_method method;
	bool is_tls;
	unsigned status;
} cases[] = {
	{ "counters are not for strangers", "192.0.2.1", "/metrics", HTTP_GET,
		true, 403 },
	{ "nor for IPv6", "2001:db8::1", "/metrics", HTTP_GET, true, 403 },
	/* there is no master to ask in a unit test: 503 is "would be told" */
	{ "counters are for this host", "127.0.0.1", "/metrics", HTTP_GET,
		false, 503 },
	{ "and for mynetworks", "198.51.100.7", "/metrics", HTTP_GET, false,
		503 },
	{ "health is for all", "192.0.2.1", "/health", HTTP_GET, false, 503 },
	{ "nothing is posted there", "127.0.0.1", "/metrics", HTTP_POST, false,
		405 },
	{ "other methods", "127.0.0.1", "/mobileconfig", HTTP_OTHER, true, 405 },
	{ "unknown methods", "127.0.0.1", "/mobileconfig", HTTP_UNKNOWN, true,
		501 },
	{ "and no page", "127.0.0.1", "/x", HTTP_UNKNOWN, true, 501 },
	{ "no such page", "127.0.0.1", "/metrics/", HTTP_GET, true, 404 },
	{ "no page below", "127.0.0.1", "/health/x", HTTP_GET, true, 404 },
	{ "a token is base64url", "192.0.2.1",
		"/.well-known/acme-challenge/../x", HTTP_GET, false, 404 },
	{ "a token is not empty", "192.0.2.1", "/.well-known/acme-challenge/",
		HTTP_GET, false, 404 },
};

static void
ask(size_t i, struct answer *answer)
{
	static const struct web_rules rules = { .hostname = "mail.a.test",
		.domain = "a.test", .mynetworks = "127.0.0.0/8 198.51.100.0/24",
		.https_port = 443 };
	struct http_request request = { .method = cases[i].method,
		.path = span_from(cases[i].path) };
	struct network_address client;
	struct arena arena;
	arena_init(&arena, 0);
	assert_true(network_address_parse(span_from(cases[i].client), &client));
	struct question question = { .rules = &rules, .request = &request,
		.path = request.path, .host = SPAN("mail.a.test"),
		.is_tls = cases[i].is_tls, .client = &client, .arena = &arena };
	*answer = (struct answer){ .status = 200 };
	page_answer(&question, answer);
	arena_fini(&arena);
}

static void
each_gets_what_is_his(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct answer answer;
		ask(i, &answer);
		if (answer.status != cases[i].status)
			fail_msg("%s: %u", cases[i].name, answer.status);
		buffer_fini(&answer.body);
	}
}

static void
tls_is_for_good_at_the_mail_host_only(void **state)
{
	static const struct {
		const char *host;
		bool is_tls;
		unsigned port;
		bool is_strict;
	} rows[] = { { "mail.a.test", true, 443, true },
		{ "mail.a.test", false, 443, false },
		{ "a.test", true, 443, false },
		{ "mail.a.test", true, 8443, false } };
	struct network_address client = { .family = AF_UNIX };
	struct http_request request = { .method = HTTP_UNKNOWN };
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct web_rules rules = { .hostname = "mail.a.test",
			.https_port = rows[i].port };
		struct question question = { .rules = &rules,
			.request = &request, .path = SPAN("/"),
			.host = span_from(rows[i].host),
			.is_tls = rows[i].is_tls, .client = &client };
		struct answer answer = { .status = 200 };
		struct buffer out;
		page_answer(&question, &answer);
		buffer_init(&out, 0);
		page_write(&out, &answer, false, false, 0);
		assert_int_equal(strstr(buffer_string(&out),
			"Strict-Transport-Security: max-age=15552000\r\n") !=
			NULL, rows[i].is_strict);
		buffer_fini(&out);
		buffer_fini(&answer.body);
	}
}

static size_t
occurrences(const char *text, const char *needle)
{
	size_t n = 0;
	for (text = strstr(text, needle); text != NULL;
	    text = strstr(text + 1, needle))
		n++;
	return n;
}

static void
counters_are_one_family_each(void **state)
{
	struct watched rows[2] = { { .name = "smtpd", .is_up = true,
		.started = 5000 }, { .name = "mailbox", .instance = 1,
		.restarts = 3 } };
	struct buffer out;
	(void)state;
	rows[0].value[COUNTER_SESSIONS_TOTAL] = 7;
	buffer_init(&out, 0);
	metrics_write(&out, rows, 2);
	const char *text = buffer_string(&out);
	assert_non_null(strstr(text, "# TYPE posthouse_sessions counter\n"));
	assert_non_null(strstr(text, "\nposthouse_sessions_total"
		"{process=\"smtpd\",instance=\"0\"} 7\n"));
	assert_non_null(strstr(text, "\nposthouse_process_restarts_total"
		"{process=\"mailbox\",instance=\"1\"} 3\n"));
	assert_non_null(strstr(text, "start_time_seconds"
		"{process=\"smtpd\",instance=\"0\"} 5\n"));
	for (const char *at = strstr(text, "# TYPE "); at != NULL;
	    at = strstr(at + 1, "# TYPE ")) {
		char line[200];
		snprintf(line, sizeof(line), "%.*s",
			(int)strcspn(at, "\n"), at);
		char *kind = strrchr(line, ' ');
		kind[1] = '\0';		/* the name is there once, of any kind */
		assert_int_equal(occurrences(text, line), 1);
	}
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	buffer_fini(&out);
}

static void
times_are_cumulative_buckets_in_seconds(void **state)
{
	struct watched rows[3] = { { .name = "smtpd" }, { .name = "queue" },
		{ .name = "queue (old)" } };
	struct buffer out;
	(void)state;
	histogram_put(&rows[1].histogram[HISTOGRAM_DELIVERY_MAILBOX], 1200);
	histogram_put(&rows[1].histogram[HISTOGRAM_DELIVERY_MAILBOX], 2300000);
	histogram_put(&rows[1].histogram[HISTOGRAM_DELIVERY_MAILBOX],
		500000000000);
	histogram_put(&rows[1].histogram[HISTOGRAM_QUEUE_AGE], 60000000);
	buffer_init(&out, 0);
	metrics_write(&out, rows, 3);
	const char *text = buffer_string(&out);
	static const char *const lines[] = {
		"# TYPE posthouse_delivery_seconds histogram\n",
		"# UNIT posthouse_delivery_seconds seconds\n",
		"\nposthouse_delivery_seconds_bucket{process=\"queue\",instance="
			"\"0\",to=\"mailbox\",le=\"0.001\"} 0\n",
		"to=\"mailbox\",le=\"0.0025\"} 1\n",
		"to=\"mailbox\",le=\"1.0\"} 1\n",
		"to=\"mailbox\",le=\"2.5\"} 2\n",
		"to=\"mailbox\",le=\"+Inf\"} 3\n",
		"\nposthouse_delivery_seconds_count{process=\"queue\",instance="
			"\"0\",to=\"mailbox\"} 3\n",
		"\nposthouse_delivery_seconds_sum{process=\"queue\",instance="
			"\"0\",to=\"mailbox\"} 500002.301200\n",
		"{process=\"queue (old)\",instance=\"0\",to=\"mailbox\"} 0\n",
		"# TYPE posthouse_queue_age_seconds gaugehistogram\n",
		"\nposthouse_queue_age_seconds_gcount{process=\"queue\","
			"instance=\"0\"} 1\n",
		"\nposthouse_queue_age_seconds_gsum{process=\"queue\","
			"instance=\"0\"} 60.000000\n",
	};
	for (size_t i = 0; i < COUNT(lines); i++)
		if (strstr(text, lines[i]) == NULL)
			fail_msg("missing: %s", lines[i]);
	/* of its own program only */
	assert_null(strstr(text, "delivery_seconds_count{process=\"smtpd\""));
	buffer_fini(&out);
}

static void
an_answer_says_no_more_than_it_must(void **state)
{
	struct answer answer = { .status = 200 };
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	page_status(&answer, 404);
	page_write(&out, &answer, false, true, 1795331111);
	const char *text = buffer_string(&out);
	assert_non_null(strstr(text, "HTTP/1.1 404 Not Found\r\n"
		"Date: Sun, 22 Nov 2026 07:05:11 GMT\r\n"));
	assert_non_null(strstr(text, "Content-Length: 14\r\n\r\n404 Not Found\n"));
	assert_non_null(strstr(text, "X-Content-Type-Options: nosniff\r\n"));
	assert_null(strstr(text, "Server:"));
	assert_null(strstr(text, "Connection: close"));
	buffer_clear(&out);
	page_write(&out, &answer, true, false, 0);
	text = buffer_string(&out);
	assert_non_null(strstr(text, "Content-Length: 14\r\n"
		"Connection: close\r\n\r\n"));
	assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
	buffer_fini(&out);
	buffer_fini(&answer.body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_what_is_his),
		cmocka_unit_test(tls_is_for_good_at_the_mail_host_only),
		cmocka_unit_test(counters_are_one_family_each),
		cmocka_unit_test(times_are_cumulative_buckets_in_seconds),
		cmocka_unit_test(an_answer_says_no_more_than_it_must),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
