/* One blob in two slots: what is read after writes, tears and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/state_file.h"

static int
open_new(void)
{
	struct error error;
	int fd = file_open_memory("state", SPAN(""), &error);
	assert_true(fd >= 0);
	return fd;
}

static void
expect(int fd, const char *text)
{
	struct error error;
	struct buffer blob;
	buffer_init(&blob, STATE_FILE_LIMIT);
	if (state_file_read(fd, &blob, &error) != 0)
		fail_msg("%s", error.text);
	assert_string_equal(buffer_string(&blob), text);
	buffer_fini(&blob);
}

static void
put(int fd, const char *text)
{
	struct error error;
	assert_int_equal(state_file_write(fd, span_from(text), &error), 0);
}

static void
the_newest_is_read(void **state)
{
	int fd = open_new();
	(void)state;
	expect(fd, "");
	put(fd, "one");
	expect(fd, "one");
	put(fd, "two, longer");
	put(fd, "3");
	expect(fd, "3");
	put(fd, "");
	expect(fd, "");
	file_close(&fd);
}

/* A crash within a write leaves any part of it: each octet in turn is another. */
static void
a_torn_write_leaves_the_old(void **state)
{
	static const char torn[] = "a torn one";
	int fd = open_new();
	(void)state;
	put(fd, "the old one");
	put(fd, torn);
	for (size_t i = 0; i < 24 + sizeof(torn) - 1; i++) {
		off_t at = STATE_FILE_SLOT + (off_t)i;
		uint8_t octet;
		assert_int_equal(pread(fd, &octet, 1, at), 1);
		octet ^= 0x10;
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
		expect(fd, "the old one");
		octet ^= 0x10;
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
	}
	expect(fd, torn);
	assert_int_equal(ftruncate(fd, STATE_FILE_SLOT + 30), 0);
	expect(fd, "the old one");
	put(fd, "the next one");
	expect(fd, "the next one");
	file_close(&fd);
}

static void
what_is_damaged_is_said(void **state)
{
	struct error error;
	struct buffer blob;
	int fd = open_new();
	(void)state;
	buffer_init(&blob, STATE_FILE_LIMIT);
	put(fd, "only");
	assert_int_equal(pwrite(fd, "x", 1, 24), 1);
	assert_int_equal(state_file_read(fd, &blob, &error), -1);
	assert_int_equal(error.code, ERROR_DAMAGED);
	put(fd, "again");
	expect(fd, "again");
	buffer_fini(&blob);
	file_close(&fd);
}

static void
sizes_have_a_limit(void **state)
{
	struct error error;
	int fd = open_new();
	char *most = calloc(1, STATE_FILE_LIMIT + 1);
	(void)state;
	put(fd, "before");
	assert_int_equal(state_file_write(fd, span_of(most,
		STATE_FILE_LIMIT + 1), &error), -1);
	assert_int_equal(error.code, ERROR_FULL);
	expect(fd, "before");
	memset(most, 'x', STATE_FILE_LIMIT);
	assert_int_equal(state_file_write(fd, span_of(most, STATE_FILE_LIMIT),
		&error), 0);
	expect(fd, most);
	free(most);
	file_close(&fd);
}

static void
it_is_made_with_its_folders(void **state)
{
	char folder[] = "/tmp/state-file-XXXXXX", path[64];
	struct stat status;
	struct error error;
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a/b", folder);
	int fd = state_file_open(path, &error);
	assert_true(fd >= 0);
	put(fd, "kept");
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	file_close(&fd);
	fd = state_file_open(path, &error);
	assert_true(fd >= 0);
	expect(fd, "kept");
	file_close(&fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(state_file_open(path, &error), -1);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/a", folder);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_is_read),
		cmocka_unit_test(a_torn_write_leaves_the_old),
		cmocka_unit_test(what_is_damaged_is_said),
		cmocka_unit_test(sizes_have_a_limit),
		cmocka_unit_test(it_is_made_with_its_folders),
	};
	return cmocka_run_group_tests_name("state_file", tests, NULL, NULL);
}
