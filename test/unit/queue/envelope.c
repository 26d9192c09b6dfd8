/* Annotations of the spool: what is written is what is read, and bytes that
 * are no annotation are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "queue/envelope.h"

static const struct recipient recipients[] = {
	{ .to = SPAN("alice@example.test"), .is_local = true,
		.account = 0xdeadbeef12345678, .quota = 1 << 30,
		.state = RECIPIENT_WAITING, .attempts = 3,
		.last = 1790000000000, .next = 1790000300000,
		.reply = { 451, SPAN("4.3.0"), SPAN("mailbox away") } },
	{ .to = SPAN("bob@example.test"), .is_local = true, .is_final = true,
		.account = 1, .state = RECIPIENT_WAITING },
	{ .to = SPAN("robot@example.test"), .is_program = true,
		.program = { 65534, false, false, 12,
			SPAN("ro:b\tot") },
		.state = RECIPIENT_WAITING },
	{ .to = SPAN("boss@example.test"), .is_program = true,
		.program = { 1000, true, true, 0, SPAN("") },
		.state = RECIPIENT_WAITING },
	{ .to = SPAN("alice@example.test"), .is_program = true,
		.program = { 1000, true, false, 0, SPAN("") },
		.state = RECIPIENT_BOUNCE, .reply = { 550, SPAN("5.3.0"),
		SPAN("no") } },
	{ .to = SPAN("carol@elsewhere.test"), .original = SPAN("c\tx@y\n"),
		.orcpt = SPAN("rfc822;c+2Bx@y"), .notify = SMTP_NOTIFY_NEVER,
		.state = RECIPIENT_RELAY },
	{ .to = SPAN("\xe4\xbd\xa0@example.test"), .is_local = true,
		.notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY,
		.state = RECIPIENT_NOTIFY, .reply = { 250, { NULL, 0 },
		{ NULL, 0 } } },
	{ .to = SPAN("gone@example.test"), .state = RECIPIENT_DONE },
	{ .to = SPAN("full@example.test"), .notify = SMTP_NOTIFY_FAILURE,
		.state = RECIPIENT_BOUNCE,
		.reply = { 552, SPAN("5.2.2"), SPAN("over quota") } },
};
enum { RECIPIENTS = sizeof(recipients) / sizeof(recipients[0]),
	GONE = RECIPIENTS - 2 };

static struct envelope
sample(void)
{
	struct envelope envelope = { .id = SPAN("0123456789abcdef-2"),
		.actor = 7, .arrival = 1790000000001, .sender = SPAN("bob@x"),
		.body = SPAN("8bitmime"), .is_utf8 = true, .ret = SPAN("hdrs"),
		.envid = SPAN("a+3Db"),
		.recipient = (struct recipient *)recipients,
		.count = RECIPIENTS };
	memcpy(envelope.scope.trace, "0123456789abcdef", 16);
	memcpy(envelope.scope.session, "sess", 4);
	for (unsigned i = 0; i < STORE_TRANSACTION_SIZE; i++)
		envelope.transaction[i] = (uint8_t)(i * 17);
	return envelope;
}

static void
assert_span(struct span got, struct span want)
{
	assert_true(span_equals(got, want));
}

static void
assert_recipient(const struct recipient *got, const struct recipient *want)
{
	print_message("%.*s\n", SPAN_PRINT(want->to));
	assert_span(got->to, want->to);
	assert_span(got->original, want->original);
	assert_span(got->orcpt, want->orcpt);
	assert_int_equal(got->notify, want->notify);
	assert_int_equal(got->is_local, want->is_local);
	assert_int_equal(got->is_final, want->is_final);
	assert_int_equal(got->is_program, want->is_program);
	assert_int_equal(got->program.owner, want->program.owner);
	assert_int_equal(got->program.is_forward, want->program.is_forward);
	assert_int_equal(got->program.is_whole, want->program.is_whole);
	assert_int_equal(got->program.index, want->program.index);
	assert_span(got->program.key, want->program.key);
	assert_true(got->account == want->account);
	assert_true(got->quota == want->quota);
	assert_int_equal(got->state, want->state);
	assert_int_equal(got->attempts, want->attempts);
	assert_true(got->last == want->last);
	assert_true(got->next == want->next);
	assert_int_equal(got->reply.code, want->reply.code);
	assert_span(got->reply.status, want->reply.status);
	assert_span(got->reply.text, want->reply.text);
}

static void
what_is_written_is_read(void **state)
{
	struct envelope envelope = sample(), got;
	struct buffer out;
	struct arena arena;
	(void)state;
	buffer_init(&out, 0);
	arena_init(&arena, 0);
	assert_int_equal(envelope_encode(&out, &envelope, 0, ENVELOPE_LIMIT), RECIPIENTS);
	assert_true(envelope_decode(buffer_span(&out), &arena, &got));
	buffer_fini(&out);	/* nothing may point into it */
	assert_span(got.id, envelope.id);
	assert_string_equal(got.scope.trace, envelope.scope.trace);
	assert_string_equal(got.scope.session, envelope.scope.session);
	assert_memory_equal(got.transaction, envelope.transaction,
		STORE_TRANSACTION_SIZE);
	assert_true(got.actor == envelope.actor);
	assert_true(got.arrival == envelope.arrival);
	assert_span(got.sender, envelope.sender);
	assert_span(got.body, envelope.body);
	assert_true(got.is_utf8);
	assert_span(got.ret, envelope.ret);
	assert_span(got.envid, envelope.envid);
	assert_int_equal(got.count, RECIPIENTS - 1);	/* DONE is left out */
	for (size_t i = 0; i < got.count; i++)
		assert_recipient(&got.recipient[i],
			&recipients[i < GONE ? i : i + 1]);
	arena_fini(&arena);
}

static void
many_recipients_become_parts(void **state)
{
	enum { MANY = 10000 };
	struct arena arena;
	struct envelope envelope = sample(), got;
	struct buffer out;
	size_t first = 0, total = 0, parts = 0;
	(void)state;
	arena_init(&arena, 0);
	envelope.recipient = arena_new_array(&arena, MANY,
		sizeof(struct recipient));
	envelope.count = MANY;
	for (unsigned i = 0; i < MANY; i++) {
		envelope.recipient[i].to = arena_print(&arena,
			"user%u@example.test", i);
		envelope.recipient[i].is_local = true;
		envelope.recipient[i].account = i;
	}
	buffer_init(&out, 0);
	while (first < MANY) {
		buffer_clear(&out);
		size_t next = envelope_encode(&out, &envelope, first, ENVELOPE_LIMIT);
		assert_true(next > first);
		assert_true(out.size <= ENVELOPE_LIMIT);
		assert_true(envelope_decode(buffer_span(&out), &arena, &got));
		assert_int_equal(got.count, next - first);
		assert_true(got.recipient[0].account == first);
		total += got.count;
		first = next;
		parts++;
	}
	assert_int_equal(total, MANY);
	assert_true(parts > 1);
	buffer_fini(&out);
	arena_fini(&arena);
}

#define T "transaction=00112233445566778899aabbccddeeff"
#define GOOD "spool\t1\nenvelope\tid=a\t" T "\tsender=\n"

static void
other_bytes_are_refused(void **state)
{
	static const struct {
		const char *name;
		struct span bytes;
		bool ok;
	} cases[] = {
		{ "the least", SPAN(GOOD), true },
		{ "a line of a later writer", SPAN(GOOD "colour\tblue\n"), true },
		{ "a key of a later writer",
			SPAN(GOOD "rcpt\tto=a\tstate=relay\tzip=1\n"), true },
		{ "nothing", SPAN(""), false },
		{ "no line end", SPAN("spool\t1"), false },
		{ "cut", SPAN(GOOD "rcpt\tto=a\tsta"), false },
		{ "another version", SPAN("spool\t2\nenvelope\tid=a\t" T "\n"),
			false },
		{ "no envelope", SPAN("spool\t1\n"), false },
		{ "two envelopes", SPAN(GOOD "envelope\tid=b\t" T "\n"), false },
		{ "no id", SPAN("spool\t1\nenvelope\t" T "\n"), false },
		{ "no transaction", SPAN("spool\t1\nenvelope\tid=a\n"), false },
		{ "short transaction",
			SPAN("spool\t1\nenvelope\tid=a\ttransaction=00\n"), false },
		{ "no hex", SPAN("spool\t1\nenvelope\tid=a\ttransaction="
			"zz112233445566778899aabbccddeeff\n"), false },
		{ "long trace", SPAN("spool\t1\nenvelope\tid=a\t" T
			"\ttrace=0123456789012345678901234\n"), false },
		{ "no recipient's address", SPAN(GOOD "rcpt\tstate=relay\n"),
			false },
		{ "no state", SPAN(GOOD "rcpt\tto=a\n"), false },
		{ "done is never written", SPAN(GOOD "rcpt\tto=a\tstate=done\n"),
			false },
		{ "local without account",
			SPAN(GOOD "rcpt\tto=a\tstate=waiting\n"), false },
		{ "a program", SPAN(GOOD
			"rcpt\tto=a\tstate=waiting\tprogram=1:aliases:0\n"),
			true },
		{ "a program of no table", SPAN(GOOD
			"rcpt\tto=a\tstate=waiting\tprogram=1:shadow:0\n"),
			false },
		{ "a program for nobody", SPAN(GOOD "rcpt\tto=a\tstate=waiting"
			"\tprogram=4294967295:aliases:0\n"), false },
		{ "a program and a mailbox", SPAN(GOOD "rcpt\tto=a\tstate="
			"waiting\taccount=1\tprogram=1:aliases:0\n"), false },
		{ "bad number",
			SPAN(GOOD "rcpt\tto=a\tstate=relay\tattempts=-1\n"), false },
		{ "time beyond time", SPAN(GOOD
			"rcpt\tto=a\tstate=relay\tnext=18446744073709551615\n"),
			false },
		{ "bad notify",
			SPAN(GOOD "rcpt\tto=a\tstate=relay\tnotify=now\n"), false },
		{ "bad escape", SPAN(GOOD "rcpt\tto=\001z\tstate=relay\n"), false },
		{ "a nul", { "spool\t1\n\0\n", 10 }, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct envelope envelope;
		print_message("%s\n", cases[i].name);
		arena_init(&arena, 0);
		assert_int_equal(envelope_decode(cases[i].bytes, &arena,
			&envelope), cases[i].ok);
		arena_fini(&arena);
	}
}

static void
any_cut_or_flip_is_survived(void **state)
{
	struct envelope envelope = sample(), got;
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	envelope_encode(&out, &envelope, 0, ENVELOPE_LIMIT);
	for (size_t i = 0; i < out.size; i++) {
		struct arena arena;
		arena_init(&arena, 0);
		envelope_decode(span_of(out.data, i), &arena, &got);
		for (unsigned bit = 0; bit < 8; bit++) {
			out.data[i] = (char)(out.data[i] ^ (1 << bit));
			envelope_decode(buffer_span(&out), &arena, &got);
			out.data[i] = (char)(out.data[i] ^ (1 << bit));
		}
		arena_fini(&arena);
	}
	buffer_fini(&out);
}

static void
bounces_are_owed_to_whom(void **state)
{
	static const struct {
		const char *sender;
		unsigned notify;
		bool owed;
	} cases[] = {
		{ "bob@x", 0, true },
		{ "bob@x", SMTP_NOTIFY_FAILURE, true },
		{ "bob@x", SMTP_NOTIFY_SUCCESS, false },
		{ "bob@x", SMTP_NOTIFY_NEVER, false },
		{ "", 0, false },
		{ "", SMTP_NOTIFY_FAILURE, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct envelope envelope = {
			.sender = span_from(cases[i].sender) };
		struct recipient recipient = { .notify = cases[i].notify };
		assert_int_equal(envelope_wants_bounce(&envelope, &recipient),
			cases[i].owed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(many_recipients_become_parts),
		cmocka_unit_test(other_bytes_are_refused),
		cmocka_unit_test(any_cut_or_flip_is_survived),
		cmocka_unit_test(bounces_are_owed_to_whom),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
