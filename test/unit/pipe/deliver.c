/*
 * LMTP to the process pipe as conversations: alias files and a .forward in a
 * directory of the test, programs that every machine has, and what is answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "pipe/pipe.h"
#include "pipe/verdict.h"
#include "serve/counter.h"

enum { PATIENCE = 60000 };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct fixture {
	struct pipe pipe;
	struct mail_server server;
	char directory[32], aliases[64];
};

static void
write_text(const struct fixture *fixture, const char *name, const char *text)
{
	char path[200];
	struct error error;
	snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	assert_true(fd >= 0);
	fchmod(fd, 0644);
	assert_int_equal(file_write_all(fd, span_from(text), &error), 0);
	close(fd);
}

static void
begin(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	memcpy(fixture->directory, "/tmp/posthouse-test-XXXXXX", 27);
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->aliases, sizeof(fixture->aliases), "hash:%s/aliases",
		fixture->directory);
	fixture->pipe = (struct pipe){ .uid = geteuid(),
		.default_uid = geteuid(), .alias_maps = fixture->aliases,
		.user = "boss", .home = fixture->directory, .shell = "/bin/sh",
		.hostname = "test", .delimiters = "+", .time_limit = 10000 };
	seen_init(&fixture->pipe.seen);
	pipe_server_init(&fixture->server, &fixture->pipe);
}

static void
end(struct fixture *fixture)
{
	static const char *const names[] = { "aliases", ".forward",
		".forward+x", "out", "list" };
	char path[200];
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", fixture->directory,
			names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(fixture->directory), 0);
	seen_fini(&fixture->pipe.seen);
}

static void *
run(void *lot)
{
	lot_run(lot, PATIENCE);
	return NULL;
}

/* The replies after that to MAIL, lines joined by " / ". */
static void
converse(struct fixture *fixture, const char *rcpt, const char *body,
	struct buffer *got)
{
	int pair[2];
	char bytes[4096];
	ssize_t n;
	pthread_t thread;
	struct buffer out, in;
	struct error error;
	struct span rest, line;
	struct lot *lot = lot_new(2);
	buffer_init(&out, 0);
	buffer_init(&in, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pthread_create(&thread, NULL, run, lot);
	struct incoming incoming = { .fd = pair[0], .service = "test" };
	mail_server_accept(lot, &incoming, &fixture->server);
	buffer_print(&out, "LHLO queue\r\nMAIL FROM:<bob@y> XTRANSACTION=%032d"
		"\r\nRCPT TO:%s\r\nBDAT %zu LAST\r\n%s", 7, rcpt, strlen(body),
		body);
	assert_int_equal(file_write_all(pair[1], buffer_span(&out), &error),
		0);
	shutdown(pair[1], SHUT_WR);
	while ((n = read(pair[1], bytes, sizeof(bytes))) > 0)
		buffer_add(&in, span_of(bytes, (size_t)n));
	close(pair[1]);
	lot_stop(lot);
	pthread_join(thread, NULL);
	lot_free(&lot);
	rest = buffer_span(&in);
	rest = span_skip(rest, span_search(rest, SPAN("Sender OK\r\n")) + 11);
	while (rest.size > 0 && span_split(&rest, '\n', &line))
		buffer_print(got, "%s%.*s", got->size > 0 ? " / " : "",
			SPAN_PRINT(span_trim(line)));
	buffer_fini(&out);
	buffer_fini(&in);
}

#define OK "250 2.1.5 Recipient OK / "
#define LATER "451 4.3.0 It cannot be found out now where this goes"

static const struct {
	const char *name, *aliases, *rcpt, *expected;
} programs[] = {
	{ "a program", "a: |/bin/true", "<a@x> XPROGRAM=aliases:0 XKEY=a",
		OK "250 2.1.5 Delivered to the program" },
	{ "the second of a name in a list of files and programs",
		"b: c\na: c, /dev/null, d, |/bin/false",
		"<a@x> XPROGRAM=aliases:1 XKEY=A",
		OK "550 5.3.0 The program ended with 1 (unknown mail system "
		"error)" },
	{ "a file", "a: /dev/null", "<a@x> XPROGRAM=aliases:0 XKEY=a",
		OK "250 2.1.5 Delivered to the file" },
	{ "the first of a name counts", "a: |/bin/true\na: |/bin/false",
		"<a@x> XPROGRAM=aliases:0 XKEY=a",
		OK "250 2.1.5 Delivered to the program" },
	{ "no such program", "a: |/bin/true", "<a@x> XPROGRAM=aliases:1 XKEY=a",
		OK LATER },
	{ "no such name", "a: |/bin/true", "<a@x> XPROGRAM=aliases:0 XKEY=b",
		OK LATER },
	{ "a mistake before it", "b c\na: |/bin/true",
		"<a@x> XPROGRAM=aliases:0 XKEY=a", OK LATER },
	{ "a command for a shell", "a: \"|/bin/true; /bin/true\"",
		"<a@x> XPROGRAM=aliases:0 XKEY=a",
		OK "451 4.3.0 The program cannot be run now" },
	{ "nothing to start", "a: |/no/such/program",
		"<a@x> XPROGRAM=aliases:0 XKEY=a",
		OK "451 4.3.0 The program cannot be run now" },
	{ "not said which", "a: |/bin/true", "<a@x>",
		"501 5.5.4 A parameter has a value that it cannot have / "
		"554 5.5.1 No valid recipients" },
	{ "a key that leads out of the home", "a: |/bin/true",
		"<a@x> XPROGRAM=forward:0 XKEY=/../x", OK LATER },
};

static void
programs_are_found_and_run(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct fixture fixture;
		struct buffer got;
		print_message("%s\n", programs[i].name);
		begin(&fixture);
		buffer_init(&got, 0);
		write_text(&fixture, "aliases", programs[i].aliases);
		converse(&fixture, programs[i].rcpt, "a: b\r\n\r\nc\r\n", &got);
		assert_string_equal(buffer_string(&got), programs[i].expected);
		buffer_fini(&got);
		end(&fixture);
	}
}

/* Whose programs run as whom nobody can choose by asking another process. */
static void
another_s_programs_do_not_run(void **state)
{
	struct fixture fixture;
	struct buffer got;
	char path[200];
	(void)state;
	begin(&fixture);
	buffer_init(&got, 0);
	write_text(&fixture, "aliases", "a: |/bin/true");
	fixture.pipe.default_uid = 65534;
	fixture.pipe.uid = 65533;
	converse(&fixture, "<a@x> XPROGRAM=aliases:0 XKEY=a", "a: b\r\n\r\n",
		&got);
	assert_string_equal(buffer_string(&got), OK LATER);
	/* and who may write to the table would choose */
	fixture.pipe.default_uid = fixture.pipe.uid = geteuid();
	snprintf(path, sizeof(path), "%s/aliases", fixture.directory);
	chmod(path, 0664);
	buffer_clear(&got);
	converse(&fixture, "<a@x> XPROGRAM=aliases:0 XKEY=a", "a: b\r\n\r\n",
		&got);
	assert_string_equal(buffer_string(&got), OK LATER);
	buffer_fini(&got);
	end(&fixture);
}

static size_t
count_in(const struct fixture *fixture, const char *name, const char *words)
{
	char path[200];
	struct buffer text;
	struct error error;
	size_t count = 0, at;
	buffer_init(&text, 0);
	snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
	file_read_whole(AT_FDCWD, path, 65536, &text, &error);
	struct span rest = buffer_span(&text);
	while ((at = span_search(rest, span_from(words))) < rest.size) {
		rest = span_skip(rest, at + strlen(words));
		count++;
	}
	buffer_fini(&text);
	return count;
}

/* The same transaction is not delivered again, another message is; one that
 * was here is not at all. */
static void
a_transaction_is_delivered_once(void **state)
{
	struct fixture fixture;
	struct buffer got;
	char text[200];
	(void)state;
	begin(&fixture);
	buffer_init(&got, 0);
	snprintf(text, sizeof(text), "a: %s/out\nb: %s/out\n",
		fixture.directory, fixture.directory);
	write_text(&fixture, "aliases", text);
	for (int i = 0; i < 2; i++) {
		buffer_clear(&got);
		converse(&fixture, "<a@x> XPROGRAM=aliases:0 XKEY=a "
			"ORCPT=rfc822;list@x", "S: b\r\n\r\nFrom c\r\n>From c",
			&got);
		assert_string_equal(buffer_string(&got), i == 0 ?
			OK "250 2.1.5 Delivered to the file" : OK
			"250 2.1.5 Delivered before; not stored again");
	}
	assert_int_equal(count_in(&fixture, "out", "\nReturn-Path: <bob@y>\n"
		"X-Original-To: list@x\nDelivered-To: a@x\nS: b\n\n>From c\n"
		">From c\n\n"), 1);
	buffer_clear(&got);
	converse(&fixture, "<b@x> XPROGRAM=aliases:0 XKEY=b", "S: d\r\n\r\n",
		&got);
	assert_int_equal(count_in(&fixture, "out", "From bob@y "), 2);
	buffer_clear(&got);
	write_text(&fixture, "aliases", "c: |/bin/false");
	converse(&fixture, "<c@x> XPROGRAM=aliases:0 XKEY=c",
		"S: d\r\ndelivered-to: C@X\r\n\r\n", &got);
	assert_string_equal(buffer_string(&got), OK "554 5.4.6 The message was "
		"delivered to this address before: it goes in a circle");
	buffer_fini(&got);
	end(&fixture);
}

/* What else has the file's name would be written to. */
static void
a_file_has_one_name(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fixture fixture;
		struct buffer got;
		char text[200], out[100], list[100];
		begin(&fixture);
		buffer_init(&got, 0);
		snprintf(out, sizeof(out), "%s/out", fixture.directory);
		snprintf(list, sizeof(list), "%s/list", fixture.directory);
		snprintf(text, sizeof(text), "a: %s\n", out);
		write_text(&fixture, "aliases", text);
		write_text(&fixture, "list", "kept\n");
		assert_int_equal(i == 0 ? link(list, out) : symlink(list, out),
			0);
		converse(&fixture, "<a@x> XPROGRAM=aliases:0 XKEY=a",
			"a: b\r\n\r\n", &got);
		assert_string_equal(buffer_string(&got),
			OK "451 4.3.0 The file cannot be written now");
		assert_int_equal(count_in(&fixture, "list", "From "), 0);
		buffer_fini(&got);
		end(&fixture);
	}
}

/* A program that died while it had the file does not keep it. */
static void
a_dead_program_s_lock_is_broken(void **state)
{
	struct fixture fixture;
	struct buffer got;
	char text[200];
	(void)state;
	begin(&fixture);
	buffer_init(&got, 0);
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	snprintf(text, sizeof(text), "%ld\n", (long)child);
	write_text(&fixture, "out.lock", text);
	snprintf(text, sizeof(text), "a: %s/out\n", fixture.directory);
	write_text(&fixture, "aliases", text);
	converse(&fixture, "<a@x> XPROGRAM=aliases:0 XKEY=a", "S: b\r\n\r\n",
		&got);
	assert_string_equal(buffer_string(&got),
		OK "250 2.1.5 Delivered to the file");
	snprintf(text, sizeof(text), "%s/out.lock", fixture.directory);
	assert_int_equal(access(text, F_OK), -1);
	buffer_fini(&got);
	end(&fixture);
}

static const struct {
	const char *name, *forward, *to, *expected;
} forwards[] = {
	{ "none", NULL, "boss@x", "251-2.1.5 mailbox" },
	{ "himself", "\\boss\nBoss, boss@X", "boss@x", "251-2.1.5 mailbox" },
	{ "an address and a name", "a@y, carl", "boss@x",
		"251-2.1.5 address a@y / 251-2.1.5 address carl@x" },
	{ "programs", "|/bin/a\n/b, \\boss\n\"|/bin/c d\"", "boss@x",
		"251-2.1.5 program 0 / 251-2.1.5 program 1 / "
		"251-2.1.5 program 2 / 251-2.1.5 mailbox" },
	{ "nothing but a comment", "# a\n", "boss@x", "251-2.1.5 mailbox" },
	{ "a mistake", "a@y\nb c\n", "boss@x", "251-2.1.5 mailbox" },
	{ "an included file that is not there", ":include:/no/such", "boss@x",
		"251-2.1.5 mailbox" },
	{ "a detail", "a@y", "boss+x@x", "251-2.1.5 program 0 +2Bx" },
	{ "another detail", "a@y", "boss+y@x", "251-2.1.5 address a@y" },
	{ "a detail that is a path", "a@y", "boss+/x@x",
		"251-2.1.5 address a@y" },
};

static void
forward_says_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forwards); i++) {
		struct fixture fixture;
		struct buffer got, want;
		char rcpt[100];
		print_message("%s\n", forwards[i].name);
		begin(&fixture);
		buffer_init(&got, 0);
		buffer_init(&want, 0);
		if (forwards[i].forward != NULL)
			write_text(&fixture, ".forward", forwards[i].forward);
		write_text(&fixture, ".forward+x", "|/bin/true");
		snprintf(rcpt, sizeof(rcpt), "<%s> XPROGRAM=forward",
			forwards[i].to);
		converse(&fixture, rcpt, "a: b\r\n\r\nc\r\n", &got);
		buffer_print(&want, OK "%s / 251 2.1.5 Forwarded",
			forwards[i].expected);
		assert_string_equal(buffer_string(&got), buffer_string(&want));
		buffer_fini(&got);
		buffer_fini(&want);
		end(&fixture);
	}
}

static const struct {
	enum run_end end;
	int number;
	const char *said, *expected;
} ends[] = {
	{ RUN_EXITED, 0, "all well", "250 2.1.5 Delivered to the program" },
	{ RUN_EXITED, 67, "", "550 5.1.1 The program ended with 67 (user "
		"unknown)" },
	{ RUN_EXITED, 70, " a\r\nb\t\x1b[1mc\xff \n", "550 5.3.0 The program "
		"ended with 70 (internal software error): a  b ?[1mc?" },
	{ RUN_EXITED, 71, "", "451 4.3.0 The program ended with 71 (system "
		"resource problem)" },
	{ RUN_EXITED, 75, "busy", "451 4.3.0 The program ended with 75 "
		"(temporary failure): busy" },
	{ RUN_EXITED, 77, "", "550 5.7.0 The program ended with 77 (permission "
		"denied)" },
	{ RUN_EXITED, 255, "", "550 5.3.0 The program ended with 255 (unknown "
		"mail system error)" },
	{ RUN_KILLED, 11, "", "451 4.3.0 The program was ended by signal 11" },
	{ RUN_TOO_LONG, 0, "x", "451 4.3.0 The program took too long" },
	{ RUN_NOT_STARTED, 2, "", "451 4.3.0 The program cannot be run now" },
};

static void
ends_are_verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct arena arena;
		struct buffer got;
		arena_init(&arena, 0);
		buffer_init(&got, 0);
		struct verdict verdict = verdict_of_run(ends[i].end,
			ends[i].number, span_from(ends[i].said), &arena);
		buffer_print(&got, "%u %s %.*s", verdict.code, verdict.status,
			SPAN_PRINT(verdict.text));
		assert_string_equal(buffer_string(&got), ends[i].expected);
		buffer_fini(&got);
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_found_and_run),
		cmocka_unit_test(another_s_programs_do_not_run),
		cmocka_unit_test(a_transaction_is_delivered_once),
		cmocka_unit_test(a_file_has_one_name),
		cmocka_unit_test(a_dead_program_s_lock_is_broken),
		cmocka_unit_test(forward_says_where),
		cmocka_unit_test(ends_are_verdicts),
	};
	counter_open(-1, -1, true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
