/* MTA-STS: records, policies, hosts, and what a cache keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "trust/mta_sts.h"

static void
records_are_found(void **state)
{
	static const struct {
		const char *name, *txt[3], *id;
	} cases[] = {
		{ "as in the RFC", { "v=STSv1; id=20160831085700Z;" },
			"20160831085700Z" },
		{ "without the last delimiter", { "v=STSv1;id=1" }, "1" },
		{ "blanks around", { "v=STSv1 \t; \t id=1\t ; " }, "1" },
		{ "extensions", { "v=STSv1; foo.bar_1-2=a,b; id=1; x=y" }, "1" },
		{ "the first id counts", { "v=STSv1; id=1; id=2" }, "1" },
		{ "others beside it", { "v=spf1 -all", "v=STSv1; id=1",
			"something" }, "1" },
		{ "32 letters", { "v=STSv1; id="
			"abcdefghijklmnopqrstuvwxyz012345" },
			"abcdefghijklmnopqrstuvwxyz012345" },
		{ "33 letters", { "v=STSv1; id="
			"abcdefghijklmnopqrstuvwxyz0123456" }, NULL },
		{ "none", { NULL }, NULL },
		{ "two", { "v=STSv1; id=1", "v=STSv1; id=1" }, NULL },
		{ "two, one of them wrong", { "v=STSv1; id=1", "v=STSv1;" },
			NULL },
		{ "no id", { "v=STSv1;" }, NULL },
		{ "an empty id", { "v=STSv1; id=;" }, NULL },
		{ "an id that is none", { "v=STSv1; id=a-b" }, NULL },
		{ "another version", { "v=STSv2; id=1" }, NULL },
		{ "a version that begins so", { "v=STSv10; id=1" }, NULL },
		{ "another case", { "v=stsv1; id=1" }, NULL },
		{ "the version not first", { "id=1; v=STSv1" }, NULL },
		{ "an empty field", { "v=STSv1;; id=1" }, NULL },
		{ "a field without value", { "v=STSv1; id=1; x" }, NULL },
		{ "a field without name", { "v=STSv1; id=1; =x" }, NULL },
		{ "a value with a blank", { "v=STSv1; id=1; x=a b" }, NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span txt[3], id;
		size_t count = 0;
		while (count < 3 && cases[i].txt[count] != NULL) {
			txt[count] = span_from(cases[i].txt[count]);
			count++;
		}
		print_message("%s\n", cases[i].name);
		assert_int_equal(mta_sts_find_id(txt, count, &id),
			cases[i].id != NULL);
		if (cases[i].id != NULL)
			assert_true(span_equals(id, span_from(cases[i].id)));
	}
}

#define HEAD "version: STSv1\nmode: enforce\nmax_age: 604800\n"

static void
policies_are_read(void **state)
{
	static const struct {
		const char *name, *text;
		enum mta_sts_verdict verdict;
		enum mta_sts_mode mode;
		uint32_t max_age;
		const char *mx[3];
	} cases[] = {
		{ "as in the RFC", "version: STSv1\r\nmode: enforce\r\n"
			"mx: mail.example.com\r\nmx: *.example.net\r\n"
			"mx: backupmx.example.com\r\nmax_age: 604800\r\n",
			MTA_STS_OK, MTA_STS_ENFORCE, 604800,
			{ "mail.example.com", "*.example.net",
			"backupmx.example.com" } },
		{ "line feeds, no end", "version:STSv1\nmode:testing\n"
			"max_age:1\nmx:a.test", MTA_STS_OK, MTA_STS_TESTING, 1,
			{ "a.test" } },
		{ "any order, blanks, empty lines", "\nmx: \t a.test \t\n\n"
			"max_age: 86400  \nmode: enforce\nversion: STSv1\n\n",
			MTA_STS_OK, MTA_STS_ENFORCE, 86400, { "a.test" } },
		{ "none needs no hosts", "version: STSv1\nmode: none\n"
			"max_age: 86400\n", MTA_STS_OK, MTA_STS_NONE, 86400,
			{ NULL } },
		{ "what is not known is passed over", HEAD "mx: a.test\n"
			"x-other.field_1: anything: at all\n", MTA_STS_OK,
			MTA_STS_ENFORCE, 604800, { "a.test" } },
		{ "the first counts", HEAD "mode: none\nmax_age: 5\n"
			"version: STSv2\nmx: a.test\n", MTA_STS_OK,
			MTA_STS_ENFORCE, 604800, { "a.test" } },
		{ "a year at most", "version: STSv1\nmode: enforce\n"
			"max_age: 9999999999\nmx: a.test\n", MTA_STS_OK,
			MTA_STS_ENFORCE, MTA_STS_MAX_AGE, { "a.test" } },
		{ "nothing", "", MTA_STS_BAD_VERSION, 0, 0, { NULL } },
		{ "a web page", "<!DOCTYPE html>\n<html>", MTA_STS_BAD_LINE, 0,
			0, { NULL } },
		{ "no version", "mode: enforce\nmax_age: 1\nmx: a.test\n",
			MTA_STS_BAD_VERSION, 0, 0, { NULL } },
		{ "another version", "version: STSv2\nmode: enforce\n"
			"max_age: 1\nmx: a.test\n", MTA_STS_BAD_VERSION, 0, 0,
			{ NULL } },
		{ "no mode", "version: STSv1\nmax_age: 1\nmx: a.test\n",
			MTA_STS_BAD_MODE, 0, 0, { NULL } },
		{ "another mode", "version: STSv1\nmode: Enforce\n"
			"max_age: 1\nmx: a.test\n", MTA_STS_BAD_MODE, 0, 0,
			{ NULL } },
		{ "no age", "version: STSv1\nmode: enforce\nmx: a.test\n",
			MTA_STS_BAD_MAX_AGE, 0, 0, { NULL } },
		{ "an age that is none", "version: STSv1\nmode: enforce\n"
			"max_age: -1\nmx: a.test\n", MTA_STS_BAD_MAX_AGE, 0, 0,
			{ NULL } },
		{ "an age of eleven digits", "version: STSv1\nmode: enforce\n"
			"max_age: 00000000001\nmx: a.test\n",
			MTA_STS_BAD_MAX_AGE, 0, 0, { NULL } },
		{ "no hosts", HEAD, MTA_STS_BAD_MX, 0, 0, { NULL } },
		{ "an empty host", HEAD "mx:\n", MTA_STS_BAD_MX, 0, 0,
			{ NULL } },
		{ "any host", HEAD "mx: *\n", MTA_STS_BAD_MX, 0, 0, { NULL } },
		{ "any host of nothing", HEAD "mx: *.\n", MTA_STS_BAD_MX, 0, 0,
			{ NULL } },
		{ "an old form", HEAD "mx: .example.com\n", MTA_STS_BAD_MX, 0,
			0, { NULL } },
		{ "two hosts in a line", HEAD "mx: a.test, b.test\n",
			MTA_STS_BAD_MX, 0, 0, { NULL } },
		{ "a line without colon", HEAD "mx: a.test\nhello\n",
			MTA_STS_BAD_LINE, 0, 0, { NULL } },
	};
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mta_sts_policy policy;
		size_t j;
		print_message("%s\n", cases[i].name);
		assert_int_equal(mta_sts_parse(span_from(cases[i].text),
			&arena, &policy), cases[i].verdict);
		assert_int_equal(policy.mode, cases[i].mode);
		assert_int_equal(policy.max_age, cases[i].max_age);
		for (j = 0; j < 3 && cases[i].mx[j] != NULL; j++)
			assert_true(span_equals(policy.mx[j],
				span_from(cases[i].mx[j])));
		assert_int_equal(policy.mx_count, j);
		assert_true(mta_sts_words(cases[i].verdict)[0] != '\0');
	}
	arena_fini(&arena);
}

static void
policies_are_bounded(void **state)
{
	struct mta_sts_policy policy;
	struct buffer text;
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	buffer_init(&text, 0);
	buffer_add_string(&text, HEAD);
	for (size_t i = 0; i < MTA_STS_MX_LIMIT; i++)
		buffer_add_string(&text, "mx: a.test\n");
	assert_int_equal(mta_sts_parse(buffer_span(&text), &arena, &policy),
		MTA_STS_OK);
	buffer_add_string(&text, "mx: a.test\n");
	assert_int_equal(mta_sts_parse(buffer_span(&text), &arena, &policy),
		MTA_STS_BAD_MX);
	buffer_clear(&text);
	buffer_add_string(&text, HEAD "mx: a.test\nx: ");
	while (text.size < MTA_STS_POLICY_LIMIT)
		buffer_add_byte(&text, 'x');
	assert_int_equal(mta_sts_parse(buffer_span(&text), &arena, &policy),
		MTA_STS_OK);
	buffer_add_byte(&text, 'x');
	assert_int_equal(mta_sts_parse(buffer_span(&text), &arena, &policy),
		MTA_STS_TOO_LARGE);
	buffer_fini(&text);
	arena_fini(&arena);
}

static void
hosts_are_matched(void **state)
{
	static const struct {
		const char *host;
		bool is_match;
	} cases[] = {
		{ "mail.example.com", true }, { "MAIL.example.COM", true },
		{ "a.mail.example.com", false }, { "example.com", false },
		{ "mx.example.net", true }, { "MX.EXAMPLE.NET", true },
		{ "a.mx.example.net", false }, { "example.net", false },
		{ ".example.net", false }, { "mxexample.net", false },
		{ "", false }, { "mail.example.com.", false },
	};
	const struct span mx[] = { SPAN("mail.example.com"),
		SPAN("*.example.net") };
	const struct mta_sts_policy policy = { .mode = MTA_STS_ENFORCE,
		.mx = mx, .mx_count = 2 };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].host);
		assert_int_equal(mta_sts_matches(&policy,
			span_from(cases[i].host)), cases[i].is_match);
	}
}

static void
the_web_is_asked_rightly(void **state)
{
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	assert_true(span_equals(mta_sts_url(&arena, SPAN("example.com")),
		SPAN("https://mta-sts.example.com/.well-known/mta-sts.txt")));
	assert_true(span_equals(mta_sts_question(&arena, SPAN("example.com")),
		SPAN("_mta-sts.example.com")));
	arena_fini(&arena);
	assert_true(mta_sts_is_media_type(SPAN("text/plain")));
	assert_true(mta_sts_is_media_type(SPAN("Text/Plain; charset=utf-8")));
	assert_false(mta_sts_is_media_type(SPAN("text/html")));
	assert_false(mta_sts_is_media_type(SPAN("")));
}

static void
entries_survive_a_file(void **state)
{
	const struct span mx[] = { SPAN("mail.example.com"),
		SPAN("*.example.net") };
	struct mta_sts_entry in = { .domain = SPAN("example.com"),
		.id = SPAN("20160831085700Z"), .fetched = 1795334400123,
		.policy = { MTA_STS_TESTING, 604800, mx, 2 } }, out;
	struct buffer file;
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	buffer_init(&file, 0);
	assert_true(mta_sts_entry_encode(&file, &in));
	assert_true(span_equals(buffer_span(&file), SPAN("STS1\t"
		"domain=example.com\tid=20160831085700Z\t"
		"fetched=1795334400123\tmax_age=604800\tmode=testing\t"
		"mx=mail.example.com\tmx=*.example.net\n")));
	struct span line = span_first(buffer_span(&file), file.size - 1);
	assert_true(mta_sts_entry_decode(line, &arena, &out));
	assert_true(span_equals(out.domain, in.domain));
	assert_true(span_equals(out.id, in.id));
	assert_int_equal(out.fetched, in.fetched);
	assert_int_equal(out.policy.mode, MTA_STS_TESTING);
	assert_int_equal(out.policy.max_age, 604800);
	assert_int_equal(out.policy.mx_count, 2);
	assert_true(span_equals(out.policy.mx[1], mx[1]));
	/* a torn line is no entry, but for a host that is whole by chance */
	size_t hosts = span_search(line, SPAN("\tmx="));
	for (size_t n = 0; n <= hosts; n++)
		assert_false(mta_sts_entry_decode(span_first(line, n), &arena,
			&out));
	buffer_fini(&file);
	arena_fini(&arena);
}

static void
damaged_entries_are_none(void **state)
{
	static const char *const lines[] = {
		"", "STS2", "STS1\tdomain=a.test",
		"STS1\tdomain=a..test\tid=1\tfetched=1\tmax_age=1\tmode=none",
		"STS1\tdomain=a.test\tid=\tfetched=1\tmax_age=1\tmode=none",
		"STS1\tdomain=a.test\tid=1\tfetched=x\tmax_age=1\tmode=none",
		"STS1\tdomain=a.test\tid=1\tfetched=1\tmax_age=99999999\t"
			"mode=none",
		"STS1\tdomain=a.test\tid=1\tfetched=1\tmax_age=1\tmode=maybe",
		"STS1\tdomain=a.test\tid=1\tfetched=1\tmax_age=1\tmode=enforce",
		"STS1\tdomain=a.test\tid=1\tfetched=1\tmax_age=1\tmode=none\t"
			"mx=*",
		"STS1\tdomain=a.test\tid=1\tfetched=1\tmax_age=1\tmode=none\t"
			"x=y",
		"STS1\tid=1\tdomain=a.test\tfetched=1\tmax_age=1\tmode=none",
	};
	struct mta_sts_entry entry;
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		print_message("%s\n", lines[i]);
		assert_false(mta_sts_entry_decode(span_from(lines[i]), &arena,
			&entry));
	}
	assert_true(mta_sts_entry_decode(SPAN("STS1\tdomain=a.test\tid=1\t"
		"fetched=1\tmax_age=1\tmode=none"), &arena, &entry));
	arena_fini(&arena);
}

static void
time_makes_stale_and_ends(void **state)
{
	enum { HOUR = 3600000 };
	static const struct {
		const char *name;
		uint32_t max_age;
		int64_t age;
		const char *id;
		bool is_expired, is_stale;
	} cases[] = {
		{ "fresh", 604800, 0, "1", false, false },
		{ "fresh, no record any more", 604800, HOUR, "", false, false },
		{ "another id", 604800, HOUR, "2", false, true },
		{ "almost a day", 604800, 24 * HOUR - 1, "1", false, false },
		{ "a day", 604800, 24 * HOUR, "1", false, true },
		{ "half of an hour's policy", 3600, HOUR / 2, "1", false, true },
		{ "the end", 3600, HOUR, "1", true, true },
		{ "just before the end", 3600, HOUR - 1, "", false, true },
		{ "no time at all", 0, 0, "1", true, true },
		{ "a clock set back", 604800, -HOUR, "1", false, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mta_sts_entry entry = { .id = SPAN("1"),
			.fetched = 1795334400000,
			.policy.max_age = cases[i].max_age };
		int64_t now = entry.fetched + cases[i].age;
		print_message("%s\n", cases[i].name);
		assert_int_equal(mta_sts_is_expired(&entry, now),
			cases[i].is_expired);
		assert_int_equal(mta_sts_is_stale(&entry,
			span_from(cases[i].id), now), cases[i].is_stale);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_found),
		cmocka_unit_test(policies_are_read),
		cmocka_unit_test(policies_are_bounded),
		cmocka_unit_test(hosts_are_matched),
		cmocka_unit_test(the_web_is_asked_rightly),
		cmocka_unit_test(entries_survive_a_file),
		cmocka_unit_test(damaged_entries_are_none),
		cmocka_unit_test(time_makes_stale_and_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
