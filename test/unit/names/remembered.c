/* What is remembered over restarts, and serials that grow with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/state_file.h"
#include "names/remembered.h"
#include "names/serials.h"

static bool
has(const char *kind, const char *key, const char *value)
{
	struct arena arena;
	struct span found = SPAN("");
	arena_init(&arena, 0);
	bool result = remembered_get(kind, span_from(key), &arena, &found) ?
		span_equals(found, span_from(value)) : value[0] == '\0';
	arena_fini(&arena);
	return result;
}

static void
it_is_there_again(void **state)
{
	struct error error;
	(void)state;
	int fd = file_open_memory("state", SPAN(""), &error);
	assert_int_equal(remembered_open(fd, &error), 0);
	assert_true(remembered_put("a", SPAN("key"), SPAN("one\ttwo\nthree")));
	assert_false(remembered_put("a", SPAN("key"), SPAN("one\ttwo\nthree")));
	assert_true(remembered_put("b", SPAN("key"), SPAN("other")));
	assert_true(remembered_put("a", SPAN("gone"), SPAN("x")));
	assert_true(remembered_put("a", SPAN("gone"), SPAN("")));
	assert_int_equal(remembered_save(&error), 0);
	assert_true(remembered_put("a", SPAN("late"), SPAN("not saved")));
	remembered_close();
	assert_int_equal(remembered_open(fd, &error), 0);
	assert_true(has("a", "key", "one\ttwo\nthree"));
	assert_true(has("b", "key", "other"));
	assert_true(has("a", "gone", ""));
	assert_true(has("a", "late", ""));
	assert_true(has("c", "key", ""));
	remembered_close();
	file_close(&fd);
}

/* Memory goes on; the disk keeps what it had. */
static void
too_much_is_not_saved(void **state)
{
	static char much[STATE_FILE_LIMIT];
	struct error error;
	(void)state;
	memset(much, 'x', sizeof(much));
	int fd = file_open_memory("state", SPAN(""), &error);
	assert_int_equal(remembered_open(fd, &error), 0);
	remembered_put("a", SPAN("b"), SPAN("c"));
	assert_int_equal(remembered_save(&error), 0);
	remembered_put("a", SPAN("d"), span_of(much, sizeof(much)));
	assert_int_equal(remembered_save(&error), -1);
	remembered_close();
	assert_int_equal(remembered_open(fd, &error), 0);
	assert_true(has("a", "b", "c"));
	assert_true(has("a", "d", ""));
	remembered_close();
	file_close(&fd);
}

/* 5,000 domains are less than the file holds; each has its own name in them. */
static void
domains_share_their_records(void **state)
{
	enum { DOMAINS = 5000 };
	struct error error;
	char key[64], value[1024];
	(void)state;
	int fd = file_open_memory("state", SPAN(""), &error);
	assert_int_equal(remembered_open(fd, &error), 0);
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i <= DOMAINS; i++) {
			snprintf(key, sizeof(key), "d%d.test host", i);
			snprintf(value, sizeof(value), "%0500d\t\x02" "1 %s "
				"d%d.test", i == DOMAINS ? 1 : 0, i == DOMAINS ?
				"\x01" : "", i);
			if (pass == 0)
				remembered_put("part", span_from(key),
					span_from(value));
			else
				assert_true(has("part", key, value));
		}
		assert_true(pass == 1 || remembered_save(&error) == 0);
		remembered_close();
		assert_int_equal(remembered_open(fd, &error), 0);
	}
	remembered_close();
	file_close(&fd);
}

static uint32_t
serial_for(const char *records, bool is_new, int64_t now)
{
	struct arena arena;
	struct error error;
	struct zone_text text = { .arena = &arena, .file = "f" };
	uint32_t serial = 0;
	arena_init(&arena, 0);
	assert_true(dns_name_from_text(SPAN("a.test"), &text.origin));
	assert_int_equal(zone_text_read(&text, span_from(records), &error), 0);
	serials_set(&text, is_new, now);
	for (size_t i = 0; i < text.count; i++)
		if (text.records[i].type == DNS_TYPE_SOA) {
			const uint8_t *at = text.records[i].data +
				text.records[i].size - 20;
			serial = (uint32_t)at[0] << 24 |
				(uint32_t)at[1] << 16 |
				(uint32_t)at[2] << 8 | at[3];
		}
	arena_fini(&arena);
	return serial;
}

#define SOA(serial) "@ 60 SOA ns root " serial " 1 1 1 1\n"

static void
serials_grow(void **state)
{
	/* one after the other, of one zone */
	static const struct {
		const char *name, *records;
		bool is_new;
		int64_t now;
		uint32_t expected;
	} steps[] = {
		{ "the time", SOA("7"), false, 1000, 1000 },
		{ "nothing changed", SOA("7"), false, 2000, 1000 },
		{ "in the same second", SOA("7") "x 60 A 192.0.2.1\n", false,
			1000, 1001 },
		{ "the order of records is none", "x 60 A 192.0.2.1\n" SOA("7"),
			false, 1000, 1001 },
		{ "a clock that was set back", SOA("7"), false, 500, 1002 },
		{ "the file's is newer", SOA("2026112201"), false, 3000,
			2026112201 },
		{ "the file's went back", SOA("3"), false, 3000, 2026112202 },
		{ "signed again", SOA("3"), true, 3000, 2026112203 },
	};
	struct error error;
	(void)state;
	assert_int_equal(remembered_open(-1, &error), 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint32_t serial = serial_for(steps[i].records,
			steps[i].is_new, steps[i].now);
		if (serial != steps[i].expected)
			fail_msg("%s: %u", steps[i].name, serial);
	}
	struct dns_name origin;
	uint32_t serial;
	assert_true(dns_name_from_text(SPAN("a.test"), &origin));
	assert_int_equal(serials_next(&origin, 5, &serial, &error), 0);
	assert_int_equal(serial, 2026112204);
	assert_int_equal(serials_next(&origin, 2026112300, &serial, &error), 0);
	assert_int_equal(serial, 2026112300);
	remembered_close();
}

static void
serials_wrap(void **state)
{
	struct error error;
	(void)state;
	assert_true(serials_is_newer(0, UINT32_MAX));
	assert_true(serials_is_newer(2, 1));
	assert_false(serials_is_newer(1, 1));
	assert_false(serials_is_newer(1, 2));
	assert_int_equal(remembered_open(-1, &error), 0);
	assert_int_equal(serial_for(SOA("4294967295"), false, UINT32_MAX),
		UINT32_MAX);
	assert_int_equal(serial_for(SOA("4294967295"), true,
		UINT32_MAX), 0);
	remembered_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_there_again),
		cmocka_unit_test(too_much_is_not_saved),
		cmocka_unit_test(domains_share_their_records),
		cmocka_unit_test(serials_grow),
		cmocka_unit_test(serials_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
