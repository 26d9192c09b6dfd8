/* One contribution to a zone: served at once, kept when it makes a zone, and not
 * without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/state_file.h"
#include "names/parts.h"
#include "names/remembered.h"
#include "names/renew.h"
#include "names/zones.h"

#define HEAD "@ 60 SOA ns root 7 1 1 1 1\n@ 60 NS ns\n"

static const struct {
	const char *name, *origin, *text;
	int result;
	const char *kept;
	size_t zones;			/* then */
} steps[] = {
	{ "a zone", "a.test", HEAD, 0, HEAD, 1 },
	{ "the same", "a.test", HEAD, 0, HEAD, 1 },
	{ "of one that makes none the old stays", "a.test", "@ 60 MX 10 x\n",
		-1, HEAD, 1 },
	{ "of one that cannot be read too", "a.test", HEAD "@ MX\n", -1, HEAD,
		1 },
	{ "another", "b.test", HEAD "@ 60 MX 10 x\n", 0,
		HEAD "@ 60 MX 10 x\n", 2 },
	{ "one that never made one", "c.test", "@ 60 MX 10 x\n", -1, "", 2 },
	{ "removed", "a.test", "", 0, "", 1 },
	{ "removed again", "a.test", "", 0, "", 1 },
};

static int
begin(void **state)
{
	struct error error;
	struct zones *zones = zones_new();
	(void)state;
	zones_set_current(zones);
	return remembered_open(-1, &error);
}

static int
end(void **state)
{
	(void)state;
	zones_set_current(NULL);
	remembered_close();
	return 0;
}

static size_t
served(void)
{
	struct zones *zones = zones_current();
	size_t count = zones_count(zones);
	zones_free(&zones);
	return count;
}

static void
what_makes_a_zone_is_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct dns_name origin;
		struct arena arena;
		struct error error;
		struct span text = SPAN("");
		uint32_t serial;
		print_message("%s\n", steps[i].name);
		arena_init(&arena, 0);
		assert_true(dns_name_from_text(span_from(steps[i].origin),
			&origin));
		assert_int_equal(renew_part(&origin, SPAN("h"),
			span_from(steps[i].text), &serial, &error),
			steps[i].result);
		parts_get(&origin, SPAN("h"), &arena, &text);
		assert_true(span_equals(text, span_from(steps[i].kept)));
		assert_int_equal(served(), steps[i].zones);
		arena_fini(&arena);
	}
}

static int
publish(unsigned number, const char *text)
{
	struct dns_name origin;
	struct error error;
	char name[32];
	uint32_t serial;
	snprintf(name, sizeof(name), "n%u.test", number);
	assert_true(dns_name_from_text(span_from(name), &origin));
	int result = renew_part(&origin, SPAN("h"), span_from(text), &serial,
		&error);
	assert_true(result == 0 || error.code == ERROR_FULL);
	return result;
}

static void
they_are_counted(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= PARTS_LIMIT; i++) {
		struct dns_name origin;
		char name[32];
		snprintf(name, sizeof(name), "n%u.test", i);
		assert_true(dns_name_from_text(span_from(name), &origin));
		assert_true(parts_put(&origin, SPAN("h"), SPAN(HEAD)));
	}
	assert_int_equal(publish(0, HEAD), -1);
	/* those that are there can change and go; then there is room */
	assert_int_equal(publish(1, HEAD "@ 60 MX 10 x\n"), 0);
	assert_int_equal(publish(1, ""), 0);
	assert_int_equal(publish(0, HEAD), 0);
}

/* What cannot be remembered is not served either. */
static void
they_are_remembered_or_refused(void **state)
{
	static char much[STATE_FILE_LIMIT - 100];
	struct error error;
	(void)state;
	memset(much, 'x', sizeof(much));
	int fd = file_open_memory("state", SPAN(""), &error);
	assert_int_equal(remembered_open(fd, &error), 0);
	assert_int_equal(publish(1, HEAD), 0);
	remembered_put("a", SPAN("b"), span_of(much, sizeof(much)));
	assert_int_equal(publish(2, HEAD), -1);
	assert_int_equal(served(), 1);
	/* what is there may go */
	assert_int_equal(publish(1, ""), 0);
	assert_int_equal(served(), 0);
	remembered_put("a", SPAN("b"), SPAN(""));
	assert_int_equal(publish(2, HEAD), 0);
	assert_int_equal(served(), 1);
	file_close(&fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_makes_a_zone_is_kept,
			begin, end),
		cmocka_unit_test_setup_teardown(they_are_counted, begin, end),
		cmocka_unit_test_setup_teardown(they_are_remembered_or_refused,
			begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
