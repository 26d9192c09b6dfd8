/* Since when keys are in TLSA records, when they may be used, and when an old
 * one goes. Time is a parameter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "hostmaster/tlsa.h"

enum { TTL = 3600, DAY = 86400, BEGIN = 1000000 };

typedef uint8_t hash[CERTIFICATE_KEY_HASH];
static const hash old_key[1] = { { 1 } }, both_keys[2] = { { 1 }, { 2 } },
	new_key[1] = { { 2 } };

static size_t
round_at(int64_t now, const hash *keys, size_t count, bool is_ours)
{
	hash all[TLSA_KEYS];
	struct error error;
	size_t found = tlsa_want(keys, count, now, TTL, all);
	assert_int_equal(tlsa_published((const hash *)all, found, now, is_ours,
		&error), 0);
	return found;
}

/* The rule of RFC 7671 8.1. */
static void
a_new_key_waits(void **state)
{
	struct error error;
	(void)state;
	assert_int_equal(tlsa_open(-1, &error), 0);
	assert_false(tlsa_is_settled(old_key[0], BEGIN));
	assert_int_equal(round_at(BEGIN, old_key, 1, true), 1);
	assert_int_equal(round_at(BEGIN + DAY, both_keys, 2, true), 2);
	assert_true(tlsa_is_settled(old_key[0], BEGIN + DAY));
	assert_false(tlsa_is_settled(new_key[0], BEGIN + DAY));
	assert_false(tlsa_is_settled(new_key[0], BEGIN + DAY + 2 * TTL - 1));
	assert_true(tlsa_is_settled(new_key[0], BEGIN + DAY + 2 * TTL));
	tlsa_close();
}

static void
an_old_key_stays_a_while(void **state)
{
	struct error error;
	int64_t end = BEGIN + TLSA_KEEP + 2 * TTL;
	(void)state;
	assert_int_equal(tlsa_open(-1, &error), 0);
	assert_int_equal(round_at(BEGIN, old_key, 1, true), 1);
	/* the administrator has replaced the file */
	assert_int_equal(round_at(BEGIN + 60, new_key, 1, true), 2);
	assert_int_equal(round_at(end, new_key, 1, true), 2);
	assert_int_equal(round_at(end + 2 * TTL, new_key, 1, true), 1);
	tlsa_close();
}

/* The administrator says which key comes next; it need not be in use. */
static void
a_key_is_announced(void **state)
{
	struct error error;
	(void)state;
	assert_int_equal(tlsa_open(-1, &error), 0);
	assert_int_equal(round_at(BEGIN, old_key, 1, true), 1);
	tlsa_announce(new_key[0], BEGIN + DAY);
	assert_int_equal(round_at(BEGIN + DAY, old_key, 1, true), 2);
	assert_false(tlsa_is_settled(new_key[0], BEGIN + DAY));
	assert_int_equal(round_at(BEGIN + DAY + 2 * TTL, old_key, 1, true), 2);
	assert_true(tlsa_is_settled(new_key[0], BEGIN + DAY + 2 * TTL));
	/* and was not used */
	assert_int_equal(round_at(BEGIN + 3 * DAY, old_key, 1, true), 1);
	tlsa_close();
}

static void
others_make_the_records(void **state)
{
	struct error error;
	(void)state;
	assert_int_equal(tlsa_open(-1, &error), 0);
	round_at(BEGIN, old_key, 1, false);
	assert_true(tlsa_is_settled(new_key[0], BEGIN));
	tlsa_close();
}

static void
it_is_remembered(void **state)
{
	struct error error;
	(void)state;
	int fd = file_open_memory("state", SPAN(""), &error);
	assert_int_equal(tlsa_open(fd, &error), 0);
	round_at(BEGIN, both_keys, 2, true);
	tlsa_close();
	assert_int_equal(tlsa_open(fd, &error), 0);
	assert_int_equal(round_at(BEGIN + 2 * TTL, new_key, 1, true), 2);
	assert_true(tlsa_is_settled(new_key[0], BEGIN + 2 * TTL));
	tlsa_close();
	file_close(&fd);
}

/* A key made anew each time does not push out the one in use. */
static void
many_keys(void **state)
{
	struct error error;
	(void)state;
	assert_int_equal(tlsa_open(-1, &error), 0);
	for (unsigned i = 0; i < 50; i++) {
		hash keys[2] = { { 1 }, { 2, (uint8_t)i } };
		assert_true(round_at(BEGIN + (int64_t)i * 2 * TTL,
			(const hash *)keys, 2, true) <= TLSA_KEYS);
		assert_true(i == 0 || tlsa_is_settled(old_key[0],
			BEGIN + (int64_t)i * 2 * TTL));
	}
	tlsa_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_key_waits),
		cmocka_unit_test(an_old_key_stays_a_while),
		cmocka_unit_test(a_key_is_announced),
		cmocka_unit_test(others_make_the_records),
		cmocka_unit_test(it_is_remembered),
		cmocka_unit_test(many_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
