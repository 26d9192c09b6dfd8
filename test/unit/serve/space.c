/* Deliveries stop before the disk is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/space.h"

static bool
is_left_with(const char *parameter, int directory, int64_t now)
{
	struct space space;
	struct config *config = NULL;
	struct error error;
	assert_int_equal(config_load(NULL, &parameter, 1, &config, &error), 0);
	space_init(&space, directory);
	space_configure(&space, config);
	config_free(&config);
	return space_is_left(&space, now);
}

static void
the_least_is_kept_free(void **state)
{
	int directory = open("/tmp", O_RDONLY | O_DIRECTORY);
	(void)state;
	assert_true(is_left_with("queue_minfree=1", directory, 0));
	assert_false(is_left_with("queue_minfree=1000000000G", directory, 0));
	assert_true(is_left_with("message_size_limit=1", directory, 0));
	assert_false(is_left_with("message_size_limit=1000000000G", directory,
		0));
	assert_true(is_left_with("queue_minfree=1000000000G", -1, 0));
	close(directory);
}

static void
an_answer_is_believed_for_a_moment(void **state)
{
	struct space space;
	int directory = open("/tmp", O_RDONLY | O_DIRECTORY);
	(void)state;
	space_init(&space, directory);
	assert_true(space_is_left(&space, 1000));
	atomic_store(&space.least, UINT64_MAX);
	assert_true(space_is_left(&space, 1000 + SPACE_LOOK_AGAIN - 1));
	assert_false(space_is_left(&space, 1000 + SPACE_LOOK_AGAIN));
	close(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_is_kept_free),
		cmocka_unit_test(an_answer_is_believed_for_a_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
