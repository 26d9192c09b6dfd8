/* Streams: nothing is lost or mixed up between memory, spill file and kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "serve/stream.h"

enum { PATIENCE = 60000 };

static int spill_dir;

/* A stream and the far end of its socket. */
static int
begin(struct stream *stream)
{
	int pair[2];
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	stream_init(stream, &pair[0]);
	assert_int_equal(pair[0], -1);
	stream->deadline = clock_monotonic() + PATIENCE;
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	return pair[1];
}

/* Byte i of what the tests send. */
static char
byte_of(uint64_t i)
{
	return (char)(i * 2654435761u >> 13);
}

/* Reads what is there now and checks it; the number of bytes so far. */
static uint64_t
take(int fd, uint64_t so_far)
{
	char bytes[8192];
	ssize_t n;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (bytes[i] != byte_of(so_far++))
				fail_msg("byte %llu is wrong",
					(unsigned long long)so_far - 1);
	return so_far;
}

static void
add_bytes(struct stream *stream, uint64_t from, uint64_t to)
{
	char piece[1000];
	while (from < to) {
		size_t size = 0;
		while (size < sizeof(piece) && from < to)
			piece[size++] = byte_of(from++);
		stream_add(stream, span_of(piece, size));
	}
}

static void
a_slow_reader_gets_all_in_order(void **state)
{
	struct stream stream;
	uint64_t added = 5 << 20, taken = 0;
	int other = begin(&stream);
	(void)state;
	stream_set_spill(&stream, spill_dir);
	add_bytes(&stream, 0, added);
	assert_int_equal(stream_flush(&stream), STREAM_PENDING);
	/* no thread waited for that reader, who has read nothing yet */
	assert_true(clock_monotonic() < stream.deadline);
	assert_true(stream.spill_fd >= 0);
	assert_int_equal(stream.out.size, 0);
	while (taken < added) {
		taken = take(other, taken);
		/* new replies come after the old ones */
		if (taken < added && added < 6 << 20) {
			add_bytes(&stream, added, added + 100);
			added += 100;
		}
		assert_int_not_equal(stream_flush(&stream), STREAM_BROKEN);
	}
	assert_int_equal(stream_flush(&stream), STREAM_CLEAN);
	assert_true(stream.spill_fd < 0);
	assert_true(taken == added);
	close(other);
	stream_fini(&stream);
}

static void
without_a_spill_directory_flush_fails_at_the_deadline(void **state)
{
	struct stream stream;
	int other = begin(&stream);
	(void)state;
	stream.deadline = clock_monotonic() + 100;
	add_bytes(&stream, 0, 1 << 20);
	assert_int_equal(stream_flush(&stream), STREAM_BROKEN);
	assert_true(clock_monotonic() >= stream.deadline);
	add_bytes(&stream, 0, 1 << 20);
	assert_int_equal(stream.out.size, 0);
	close(other);
	stream_fini(&stream);
}

static int
file_of_bytes(uint64_t from, uint64_t to)
{
	char name[] = "/tmp/posthouse-stream-XXXXXX";
	int fd = mkstemp(name);
	assert(fd >= 0 && unlink(name) == 0);
	for (uint64_t i = from; i < to; i++) {
		char byte = byte_of(i);
		assert(pwrite(fd, &byte, 1, (off_t)i) == 1);
	}
	return fd;
}

static void
files_come_between_what_is_added(void **state)
{
	static const struct {
		const char *name;
		uint64_t size;
		bool has_spill;
	} cases[] = {
		{ "small", 10, false }, { "whole", 60000, false },
		{ "larger than a socket holds", 900000, true },
	};
	struct error error;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stream stream;
		int other = begin(&stream);
		uint64_t size = cases[i].size, taken = 0;
		int file = file_of_bytes(100, 100 + size);
		if (cases[i].has_spill)
			stream_set_spill(&stream, spill_dir);
		add_bytes(&stream, 0, 100);
		assert_int_equal(stream_add_file(&stream, file, 100, size,
			&error), 0);
		add_bytes(&stream, 100 + size, 200 + size);
		while (stream_flush(&stream) == STREAM_PENDING)
			taken = take(other, taken);
		assert_true(take(other, taken) == 200 + size);
		close(file);
		close(other);
		stream_fini(&stream);
	}
}

static void
a_file_that_is_too_short_is_said(void **state)
{
	static const uint64_t sizes[] = { 11, 30000, 200000 };
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct stream stream;
		struct error error = { 0 };
		int other = begin(&stream);
		int file = file_of_bytes(0, sizes[i] - 1);
		stream_set_spill(&stream, spill_dir);
		assert_int_equal(stream_add_file(&stream, file, 0, sizes[i],
			&error), -1);
		assert_int_equal(error.code, ERROR_DAMAGED);
		close(file);
		close(other);
		stream_fini(&stream);
	}
}

static void
a_reader_that_is_gone_breaks_it(void **state)
{
	struct stream stream;
	int other = begin(&stream);
	(void)state;
	close(other);
	stream_add(&stream, SPAN("x"));
	assert_int_equal(stream_flush(&stream), STREAM_BROKEN);
	assert_int_equal(stream_flush(&stream), STREAM_BROKEN);
	assert_int_equal(stream_fill(&stream), 0);
	stream_fini(&stream);
}

static void
reading_says_what_is_there(void **state)
{
	struct stream stream;
	int other = begin(&stream);
	(void)state;
	assert_int_equal(stream_fill(&stream), -1);
	assert_int_equal(stream_fill_within(&stream, 10), -1);
	assert(write(other, "hello", 5) == 5);
	assert_int_equal(stream_fill_within(&stream, 1000), 5);
	stream_consume(&stream, 2);
	assert_true(span_equals(stream_unread(&stream), SPAN("llo")));
	assert(write(other, "!", 1) == 1);
	assert_int_equal(stream_fill(&stream), 1);
	assert_true(span_equals(stream_unread(&stream), SPAN("llo!")));
	stream_shrink(&stream);
	assert_true(span_equals(stream_unread(&stream), SPAN("llo!")));
	stream_consume(&stream, 4);
	stream_shrink(&stream);
	assert_null(stream.in.data);
	close(other);
	assert_int_equal(stream_fill(&stream), 0);
	stream_fini(&stream);
}

static void
lines_are_read_until_the_deadline(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t limit;
		enum error_code code;
		const char *line;
	} cases[] = {
		{ "CRLF", "one\r\ntwo", 10, ERROR_NONE, "one" },
		{ "LF", "one\n", 10, ERROR_NONE, "one" },
		{ "empty", "\r\n", 10, ERROR_NONE, "" },
		{ "as long as the limit", "0123\r\n", 4, ERROR_NONE, "0123" },
		{ "one too long", "01234\r\n", 4, ERROR_DAMAGED, NULL },
		{ "too long without end", "012345678", 4, ERROR_DAMAGED, NULL },
		{ "not whole", "012", 4, ERROR_TIMEOUT, NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stream stream;
		struct error error = { 0 };
		struct span line;
		int other = begin(&stream);
		size_t size = strlen(cases[i].bytes);
		assert(write(other, cases[i].bytes, size) == (ssize_t)size);
		stream.deadline = clock_monotonic() + 50;
		int result = stream_read_line(&stream, cases[i].limit, &line,
			&error);
		if ((result == 0) != (cases[i].line != NULL) ||
		    (result < 0 && error.code != cases[i].code))
			fail_msg("%s: %d %s", cases[i].name, result, error.text);
		if (result == 0)
			assert_true(span_equals(line,
				span_from(cases[i].line)));
		close(other);
		stream_fini(&stream);
	}
}

static void *
write_slowly(void *context)
{
	int fd = *(int *)context;
	fcntl(fd, F_SETFL, 0);
	for (uint64_t i = 0; i < 3000; i++) {
		char byte = byte_of(i);
		assert(write(fd, &byte, 1) == 1);
		if (i % 500 == 0)
			poll(NULL, 0, 1);
	}
	assert(write(fd, "tail\n", 5) == 5);
	close(fd);
	return NULL;
}

static void
exactly_so_many_bytes(void **state)
{
	struct stream stream;
	struct error error;
	struct span line;
	char bytes[3000];
	pthread_t thread;
	int other = begin(&stream);
	(void)state;
	assert(pthread_create(&thread, NULL, write_slowly, &other) == 0);
	assert_int_equal(stream_read_exactly(&stream, bytes, sizeof(bytes),
		&error), 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], byte_of(i));
	assert_int_equal(stream_read_line(&stream, 10, &line, &error), 0);
	assert_true(span_equals(line, SPAN("tail")));
	assert_int_equal(stream_read_line(&stream, 10, &line, &error), -1);
	assert_int_equal(error.code, ERROR_GONE);
	assert(pthread_join(thread, NULL) == 0);
	stream_fini(&stream);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_reader_gets_all_in_order),
		cmocka_unit_test(
			without_a_spill_directory_flush_fails_at_the_deadline),
		cmocka_unit_test(files_come_between_what_is_added),
		cmocka_unit_test(a_file_that_is_too_short_is_said),
		cmocka_unit_test(a_reader_that_is_gone_breaks_it),
		cmocka_unit_test(reading_says_what_is_there),
		cmocka_unit_test(lines_are_read_until_the_deadline),
		cmocka_unit_test(exactly_so_many_bytes),
	};
	signal(SIGPIPE, SIG_IGN);
	spill_dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
