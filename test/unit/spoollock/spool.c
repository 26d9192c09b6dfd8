/* The files of /var/mail: what spoollock makes and locks, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "spoollock/spool.h"

static char directory[40];
static struct spool spool;

static int
set_up(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/spool-XXXXXX");
	assert_non_null(mkdtemp(directory));
	spool.directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return spool.directory < 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "boss", "boss.lock", "other" };
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unlinkat(spool.directory, names[i], 0);
		unlinkat(spool.directory, names[i], AT_REMOVEDIR);
	}
	file_close(&spool.directory);
	return rmdir(directory);
}

static bool
is_there(const char *name)
{
	struct stat status;
	return fstatat(spool.directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
put(const char *name, const char *text)
{
	struct error error;
	assert_int_equal(file_replace(spool.directory, name, span_from(text),
		0600, &error), 0);
}

static void
a_file_is_made_and_locked_once(void **state)
{
	struct error error;
	struct stat status;
	(void)state;
	assert_int_equal(spool_lock(&spool, "boss", geteuid(), &error), 1);
	assert_true(is_there("boss.lock"));
	assert_int_equal(fstatat(spool.directory, "boss", &status,
		AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, 0);
	assert_int_equal(spool_lock(&spool, "boss", geteuid(), &error), 0);
	spool_unlock(&spool, "boss");
	assert_false(is_there("boss.lock"));
	assert_true(is_there("boss"));
	assert_int_equal(spool_lock(&spool, "boss", geteuid(), &error), 1);
}

static void
what_is_in_it_stays(void **state)
{
	struct error error;
	struct stat status;
	(void)state;
	put("boss", "From a@b Sun Nov 22 12:00:00 2026\n\n");
	assert_int_equal(spool_lock(&spool, "boss", geteuid(), &error), 1);
	assert_int_equal(fstatat(spool.directory, "boss", &status, 0), 0);
	assert_true(status.st_size > 0);
}

static void
made_for_another(void)
{
	put("boss", "");
}

static void
made_as_link(void)
{
	put("other", "secret");
	assert_int_equal(symlinkat("other", spool.directory, "boss"), 0);
}

static void
made_as_directory(void)
{
	assert_int_equal(mkdirat(spool.directory, "boss", 0700), 0);
}

static void
made_as_pipe(void)
{
	assert_int_equal(mkfifoat(spool.directory, "boss", 0600), 0);
}

static void
what_is_not_his_file_is_refused(void **state)
{
	static const struct {
		const char *what;
		void (*make)(void);
		int owner;		/* more than ours */
	} rows[] = {
		{ "another's", made_for_another, 1 },
		{ "a link", made_as_link, 0 },
		{ "a directory", made_as_directory, 0 },
		{ "a pipe", made_as_pipe, 0 },
	};
	struct error error;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rows[i].make();
		int result = spool_lock(&spool, "boss",
			geteuid() + (uid_t)rows[i].owner, &error);
		if (result != -1 || error.code != ERROR_REFUSED ||
			is_there("boss.lock"))
			fail_msg("%s was locked", rows[i].what);
		unlinkat(spool.directory, "boss", 0);
		unlinkat(spool.directory, "boss", AT_REMOVEDIR);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_made_and_locked_once,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_in_it_stays, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_his_file_is_refused,
			set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
