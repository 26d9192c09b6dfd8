/* What auth answers to EXPAND, what is remembered of it, and how every target
 * gets the message once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "queue/collect.h"

static void
answers_are_read(void **state)
{
	static const struct {
		const char *line;
		bool ok, is_final;
		enum expand_verdict verdict;
		size_t count;
	} cases[] = {
		{ "OK\t1\tlocal=1f:1000:alice@x", true, true, EXPAND_OK, 1 },
		{ "OK\t1\tlocal=1f:0:a:b@x\tremote=c@y", true, true, EXPAND_OK,
			2 },
		{ "OK\t1", true, true, EXPAND_OK, 0 },
		{ "OK\t1\tcolour=blue", true, true, EXPAND_OK, 0 },
		{ "MORE\t1\tremote=c@y", true, false, EXPAND_LATER, 1 },
		{ "NOTFOUND\t1", true, true, EXPAND_UNKNOWN, 0 },
		{ "FAIL\t1\treason=busy", true, true, EXPAND_LATER, 0 },
		{ "OK\t2\tremote=c@y", false, false, 0, 0 },
		{ "OK\t0\tremote=c@y", false, false, 0, 0 },
		{ "OK\tx", false, false, 0, 0 },
		{ "OK", false, false, 0, 0 },
		{ "", false, false, 0, 0 },
		{ "MAYBE\t1", false, false, 0, 0 },
		{ "OK\t1\tlocal=1f:0:", false, false, 0, 0 },
		{ "OK\t1\tlocal=1f:0", false, false, 0, 0 },
		{ "OK\t1\tlocal=zz:0:a@x", false, false, 0, 0 },
		{ "OK\t1\tlocal=1f:-1:a@x", false, false, 0, 0 },
		{ "OK\t1\tprogram=65534:aliases:2:a:b@x\tkey=n", true, true,
			EXPAND_OK, 1 },
		{ "OK\t1\tkey=n\tsender=b@x\tfinal=yes", true, true,
			EXPAND_OK, 0 },
		{ "OK\t1\tprogram=65534:aliases:2:", false, false, 0, 0 },
		{ "OK\t1\tprogram=65534:aliases:2", false, false, 0, 0 },
		{ "OK\t1\tprogram=4294967295:aliases:2:a@x", false, false, 0,
			0 },
		{ "OK\t1\tprogram=1:secret:2:a@x", false, false, 0, 0 },
		{ "OK\t1\tprogram=1:aliases:1001:a@x", false, false, 0, 0 },
		{ "OK\t1\tremote=", false, false, 0, 0 },
		{ "OK\t1\tremote=a\001", false, false, 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct expansion expansion = { .address = SPAN("a@x") };
		bool is_final;
		print_message("%s\n", cases[i].line);
		arena_init(&arena, 0);
		bool ok = expand_take_answer(span_from(cases[i].line), &arena,
			&expansion, 1, &is_final);
		assert_int_equal(ok, cases[i].ok);
		if (ok) {
			assert_int_equal(is_final, cases[i].is_final);
			assert_int_equal(expansion.verdict, cases[i].verdict);
			assert_int_equal(expansion.count, cases[i].count);
		}
		arena_fini(&arena);
	}
}

static void
long_answers_come_in_several_lines(void **state)
{
	struct arena arena;
	struct expansion expansion[2] = { { .address = SPAN("a@x") },
		{ .address = SPAN("b@x") } };
	bool is_final;
	(void)state;
	arena_init(&arena, 0);
	for (unsigned i = 0; i < 100; i++)
		assert_true(expand_take_answer(
			SPAN("MORE\t2\tremote=p@y\tlocal=abc:5:q@x"), &arena,
			expansion, 2, &is_final));
	assert_true(expand_take_answer(SPAN("OK\t2\tlocal=def:6:r@x"), &arena,
		expansion, 2, &is_final));
	assert_int_equal(expansion[0].count, 0);
	assert_int_equal(expansion[1].count, 201);
	assert_true(expansion[1].target[200].account == 0xdef);
	assert_true(expansion[1].target[200].quota == 6);
	assert_true(span_equals(expansion[1].target[199].address,
		SPAN("q@x")));
	arena_fini(&arena);
}

/* What is said of a target may come in the next line, and is remembered with
 * it. */
static void
details_are_of_the_target_before(void **state)
{
	struct expand_cache cache;
	struct arena arena;
	struct expansion all = { .address = SPAN("a@x") };
	struct expansion got = { .address = SPAN("a@x") };
	bool is_final;
	(void)state;
	arena_init(&arena, 0);
	assert_true(expand_take_answer(SPAN("MORE\t1\tlocal=a:0:b@x\tfinal=yes"
		"\tprogram=1000:aliases:3:c@x"), &arena, &all, 1, &is_final));
	assert_true(expand_take_answer(SPAN("OK\t1\tkey=c\tsender=owner-c@x"
		"\tremote=d@y"), &arena, &all, 1, &is_final));
	expand_cache_init(&cache);
	assert_false(expand_cache_get(&cache, 5, &arena, &got));
	expand_cache_put(&cache, 5, &all);
	assert_true(expand_cache_get(&cache, 5, &arena, &got));
	assert_int_equal(got.count, 3);
	const struct target *target = got.target;
	assert_true(target[0].is_final && target[0].is_local);
	assert_int_equal(target[0].sender.size, 0);
	assert_true(target[1].is_program && !target[1].is_local);
	assert_int_equal(target[1].program.owner, 1000);
	assert_int_equal(target[1].program.index, 3);
	assert_false(target[1].program.is_forward);
	assert_true(span_equals(target[1].program.key, SPAN("c")));
	assert_true(span_equals(target[1].sender, SPAN("owner-c@x")));
	assert_true(span_equals(target[1].address, SPAN("c@x")));
	assert_true(span_equals(target[2].address, SPAN("d@y")));
	assert_int_equal(target[2].sender.size, 0);
	expand_cache_fini(&cache);
	arena_fini(&arena);
}

/* A list's owner gets what goes wrong with its members, and what the sender
 * wanted to know ends there; mail from <> has no owner. */
static void
a_list_s_owner_becomes_the_sender(void **state)
{
	struct arena arena;
	struct target targets[] = {
		{ .address = SPAN("a@y"), .sender = SPAN("owner-l@x") },
		{ .is_program = true, .address = SPAN("l@x"),
			.program = { .owner = 5, .key = SPAN("l") } },
		{ .is_program = true, .address = SPAN("l@x"),
			.program = { .owner = 5, .key = SPAN("l") } },
	};
	struct expansion expansion = { .address = SPAN("l@x"),
		.verdict = EXPAND_OK, .target = targets, .count = 3 };
	struct mail_recipient from = { .address = SPAN("l@x"),
		.rcpt = { .notify = SMTP_NOTIFY_NEVER,
		.orcpt = SPAN("rfc822;l@x") } };
	(void)state;
	for (int is_null = 0; is_null < 2; is_null++) {
		struct envelope envelope = { .sender = is_null ? SPAN("") :
			SPAN("bob@y") };
		arena_init(&arena, 0);
		assert_true(collect_recipients(&envelope, &arena, &from,
			&expansion, 1));
		assert_int_equal(envelope.count, 2);
		const struct recipient *got = envelope.recipient;
		assert_int_equal(got[0].sender.size, is_null ? 0 : 9);
		assert_int_equal(got[0].notify, is_null ? SMTP_NOTIFY_NEVER :
			0);
		assert_int_equal(got[0].orcpt.size, is_null ? 10 : 0);
		assert_int_equal(got[1].state, RECIPIENT_WAITING);
		assert_true(got[1].is_program);
		assert_int_equal(got[1].sender.size, 0);
		assert_int_equal(got[1].notify, SMTP_NOTIFY_NEVER);
		arena_fini(&arena);
	}
}

static void
a_no_takes_back_what_came_before(void **state)
{
	struct arena arena;
	struct expansion expansion = { .address = SPAN("a@x") };
	bool is_final;
	(void)state;
	arena_init(&arena, 0);
	assert_true(expand_take_answer(SPAN("MORE\t1\tremote=p@y\tremote=q@y"),
		&arena, &expansion, 1, &is_final));
	assert_true(expand_take_answer(SPAN("NOTFOUND\t1"), &arena, &expansion,
		1, &is_final));
	assert_int_equal(expansion.verdict, EXPAND_UNKNOWN);
	assert_int_equal(expansion.count, 0);
	arena_fini(&arena);
}

static void
what_changed_is_forgotten(void **state)
{
	struct expand_cache cache;
	struct arena arena;
	struct target target = { .is_local = true, .account = 7,
		.quota = 100, .address = SPAN("alice@x") };
	struct expansion put = { .address = SPAN("a@x"), .verdict = EXPAND_OK,
		.target = &target, .count = 1 };
	struct expansion got = { .address = SPAN("a@x") };
	(void)state;
	arena_init(&arena, 0);
	expand_cache_init(&cache);
	assert_false(expand_cache_get(&cache, 5, &arena, &got));
	expand_cache_put(&cache, 5, &put);
	assert_true(expand_cache_get(&cache, 5, &arena, &got));
	assert_int_equal(got.verdict, EXPAND_OK);
	assert_int_equal(got.count, 1);
	assert_true(got.target[0].account == 7);
	assert_true(span_equals(got.target[0].address, SPAN("alice@x")));
	assert_true(got.target[0].address.data != target.address.data);
	assert_false(expand_cache_get(&cache, 6, &arena, &got));
	/* an answer to a question asked before the change is not kept */
	expand_cache_put(&cache, 5, &put);
	assert_false(expand_cache_get(&cache, 6, &arena, &got));
	put.verdict = EXPAND_UNKNOWN;
	expand_cache_put(&cache, 6, &put);
	assert_false(expand_cache_get(&cache, 6, &arena, &got));
	expand_cache_fini(&cache);
	arena_fini(&arena);
}

static void
the_cache_is_bounded(void **state)
{
	struct expand_cache cache;
	struct arena arena;
	struct target target = { .is_local = true, .account = 7,
		.quota = 100, .address = SPAN("alice@x") };
	(void)state;
	arena_init(&arena, 0);
	expand_cache_init(&cache);
	expand_cache_get(&cache, 1, &arena, &(struct expansion){
		.address = SPAN("a") });
	for (unsigned i = 0; i < 3 * EXPAND_CACHE_LIMIT; i++) {
		struct expansion put = { .verdict = EXPAND_OK,
			.address = span_of(&i, sizeof(i)), .target = &target,
			.count = 1 };
		expand_cache_put(&cache, 1, &put);
	}
	assert_true(map_count(&cache.entries) <= EXPAND_CACHE_LIMIT);
	expand_cache_fini(&cache);
	arena_fini(&arena);
}

static void
every_target_gets_it_once(void **state)
{
	struct target first[] = {
		{ .is_local = true, .account = 1, .quota = 0,
			.address = SPAN("alice@x") },
		{ .address = SPAN("carol@Elsewhere.test") },
	};
	struct target second[] = {
		{ .address = SPAN("carol@elsewhere.TEST") },
		{ .address = SPAN("Carol@elsewhere.test") },
		{ .is_local = true, .account = 1, .quota = 0,
			.address = SPAN("alice+news@x") },
		{ .is_local = true, .account = 2, .quota = 9,
			.address = SPAN("bob@x") },
	};
	const struct mail_recipient recipient[] = {
		{ .address = SPAN("list@x"), .rcpt = { .notify =
			SMTP_NOTIFY_NEVER } },
		{ .address = SPAN("bob@x"), .rcpt = { .orcpt =
			SPAN("rfc822;b") } },
		{ .address = SPAN("nobody@x") },
	};
	const struct expansion expansion[] = {
		{ .verdict = EXPAND_OK, .target = first, .count = 2 },
		{ .verdict = EXPAND_OK, .target = second, .count = 4 },
		{ .verdict = EXPAND_UNKNOWN },
	};
	static const struct {
		const char *to, *original;
		enum recipient_state state;
		unsigned notify;
	} want[] = {
		{ "alice@x", "list@x", RECIPIENT_WAITING, SMTP_NOTIFY_NEVER },
		{ "carol@Elsewhere.test", "list@x", RECIPIENT_RELAY,
			SMTP_NOTIFY_NEVER },
		{ "Carol@elsewhere.test", "bob@x", RECIPIENT_RELAY, 0 },
		{ "bob@x", "", RECIPIENT_WAITING, 0 },
		{ "nobody@x", "", RECIPIENT_BOUNCE, 0 },
	};
	struct envelope envelope = { .count = 0 };
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	assert_true(collect_recipients(&envelope, &arena, recipient, expansion,
		3));
	assert_int_equal(envelope.count, 5);
	for (size_t i = 0; i < 5; i++) {
		const struct recipient *got = &envelope.recipient[i];
		print_message("%s\n", want[i].to);
		assert_true(span_equals(got->to, span_from(want[i].to)));
		assert_true(span_equals(got->original,
			span_from(want[i].original)));
		assert_int_equal(got->state, want[i].state);
		assert_int_equal(got->notify, want[i].notify);
	}
	assert_true(envelope.recipient[3].account == 2);
	assert_true(envelope.recipient[3].quota == 9);
	assert_int_equal(envelope.recipient[4].reply.code, 550);
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(long_answers_come_in_several_lines),
		cmocka_unit_test(details_are_of_the_target_before),
		cmocka_unit_test(a_list_s_owner_becomes_the_sender),
		cmocka_unit_test(a_no_takes_back_what_came_before),
		cmocka_unit_test(what_changed_is_forgotten),
		cmocka_unit_test(the_cache_is_bounded),
		cmocka_unit_test(every_target_gets_it_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
