/* Where MTA-STS policies outlive the process: whole wherever it died. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "base/file.h"
#include "relay/pair_file.h"

static int memory[2];
static struct error error;

static void
make_files(void)
{
	for (size_t i = 0; i < 2; i++) {
		memory[i] = file_open_memory("sts", SPAN(""), &error);
		assert(memory[i] >= 0);
	}
}

static void
close_files(void)
{
	file_close(&memory[0]);
	file_close(&memory[1]);
}

/* The letters of the lines that are one letter. */
static void
take(void *context, struct span line)
{
	if (line.size == 1)
		buffer_add(context, line);
}

/* As a process that starts now; what it reads is compared. */
static struct pair_file *
start(const char *expected)
{
	int fds[2] = { dup(memory[0]), dup(memory[1]) };
	struct pair_file *file = pair_file_new(fds, "mta-sts");
	struct buffer letters;
	buffer_init(&letters, 0);
	pair_file_read(file, take, &letters);
	assert_string_equal(buffer_string(&letters), expected);
	buffer_fini(&letters);
	return file;
}

static void
add(struct pair_file *file, const char *line)
{
	assert_int_equal(pair_file_add(file, span_from(line), &error), 0);
}

static void
what_is_added_is_read(void **state)
{
	(void)state;
	make_files();
	struct pair_file *file = start("");
	add(file, "a\n");
	add(file, "b\n");
	pair_file_close(&file);
	file = start("ab");
	add(file, "c\n");
	assert_int_equal(pair_file_replace(file, SPAN("b\nc\n"), &error), 0);
	add(file, "d\n");
	pair_file_close(&file);
	file = start("bcd");
	assert_int_equal(pair_file_replace(file, SPAN(""), &error), 0);
	pair_file_close(&file);
	file = start("");
	pair_file_close(&file);
	close_files();
}

static size_t
size_of(int fd)
{
	return (size_t)lseek(fd, 0, SEEK_END);
}

/* An addition that was cut is not there, and what comes later is. */
static void
a_torn_line_is_written_over(void **state)
{
	(void)state;
	make_files();
	struct pair_file *file = start("");
	add(file, "a\n");
	size_t first = size_of(memory[0]);
	add(file, "a line that is cut\n");
	pair_file_close(&file);
	for (size_t size = size_of(memory[0]) - 1; size > first; size--) {
		assert_int_equal(ftruncate(memory[0], (off_t)size), 0);
		file = start("a");
		pair_file_close(&file);
	}
	file = start("a");
	add(file, "b\n");
	pair_file_close(&file);
	file = start("ab");
	pair_file_close(&file);
	close_files();
}

/* Wherever writing anew was cut, the old one counts, and then the new. */
static void
a_torn_replacement_does_not_count(void **state)
{
	struct buffer whole;
	(void)state;
	make_files();
	struct pair_file *file = start("");
	add(file, "a\n");
	add(file, "b\n");
	assert_int_equal(pair_file_replace(file, SPAN("b\nc\n"), &error), 0);
	pair_file_close(&file);
	buffer_init(&whole, 0);
	assert_int_equal(file_read_descriptor(memory[1], 1000, &whole, &error),
		0);
	for (size_t size = 0; size <= whole.size; size++) {
		assert_int_equal(ftruncate(memory[1], 0), 0);
		assert_int_equal(pwrite(memory[1], whole.data, size, 0), size);
		file = start(size == whole.size ? "bc" : "ab");
		pair_file_close(&file);
	}
	buffer_fini(&whole);
	close_files();
}

static void
other_files_are_none(void **state)
{
	static const char *const texts[] = { "", "\n\n", "whole\n",
		"posthouse-mta-sts\t2\t1\nx\nwhole\n",
		"posthouse-mta-sts\t1\t\nx\nwhole\n",
		"posthouse-mta-sts\t1\t0\nx\nwhole\n",
		"posthouse-mta-sts\t1\tx\nx\nwhole\n",
		"posthouse-mta-sts\t1\t1\nx\n" };
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		make_files();
		assert_int_equal(pwrite(memory[1], texts[i], strlen(texts[i]),
			0), strlen(texts[i]));
		struct pair_file *file = start("");
		add(file, "a\n");
		pair_file_close(&file);
		file = start("a");
		pair_file_close(&file);
		close_files();
	}
}

static void
who_asks_keeps_it_small(void **state)
{
	char line[200];
	(void)state;
	make_files();
	struct pair_file *file = start("");
	memset(line, 'x', sizeof(line));
	snprintf(line + 190, 10, "\n");
	for (int i = 0; i < 30000; i++) {
		if (pair_file_is_wasteful(file))
			assert_int_equal(pair_file_replace(file, SPAN("a\n"),
				&error), 0);
		add(file, line);
		assert_true(size_of(memory[0]) < 2 << 20);
		assert_true(size_of(memory[1]) < 2 << 20);
	}
	pair_file_close(&file);
	file = start("a");
	pair_file_close(&file);
	close_files();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_is_read),
		cmocka_unit_test(a_torn_line_is_written_over),
		cmocka_unit_test(a_torn_replacement_does_not_count),
		cmocka_unit_test(other_files_are_none),
		cmocka_unit_test(who_asks_keeps_it_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
