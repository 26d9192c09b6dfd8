/* How often something may be done, and how long to wait after failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pace.h"

static void
so_many_a_second(void **state)
{
	struct pace pace = { 0 };
	(void)state;
	for (int64_t second = 5; second < 8; second++) {
		for (unsigned i = 0; i < 3; i++)
			assert_true(pace_take(&pace, second * 1000 + i * 300, 3));
		assert_false(pace_take(&pace, second * 1000 + 999, 3));
	}
}

static void
ever_more_rarely(void **state)
{
	static const int64_t expected[] = { 0, 0, 1000, 2000, 4000, 8000,
		16000, 30000, 30000 };
	(void)state;
	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(pace_back_off(i), expected[i]);
	assert_int_equal(pace_back_off(UINT32_MAX), 30000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_a_second),
		cmocka_unit_test(ever_more_rarely),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
