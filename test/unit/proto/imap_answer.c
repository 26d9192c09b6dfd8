/* What servers say, as a client understands it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "proto/imap_answer.h"

/* One response in words. */
static void
describe(const struct imap_answer *answer, struct buffer *out)
{
	static const char *const kinds[] = { "tagged", "condition", "continue",
		"capability", "list", "lsub", "status", "exists", "expunge",
		"fetch", "other" };
	const struct imap_answer_fetch *fetch = &answer->fetch;
	buffer_print(out, "%s", kinds[answer->kind]);
	switch (answer->kind) {
	case IMAP_ANSWER_TAGGED:
	case IMAP_ANSWER_CONDITION:
		buffer_print(out, " %d [%.*s|%.*s] %.*s", answer->condition,
			SPAN_PRINT(answer->code), SPAN_PRINT(answer->argument),
			SPAN_PRINT(answer->text));
		break;
	case IMAP_ANSWER_LIST:
	case IMAP_ANSWER_LSUB:
		buffer_print(out, " %c%s%s %.*s %.*s", answer->list.delimiter ?
			answer->list.delimiter : '0',
			answer->list.is_noselect ? " noselect" : "",
			answer->list.is_subscribed ? " subscribed" : "",
			SPAN_PRINT(answer->list.raw),
			SPAN_PRINT(answer->list.name));
		break;
	case IMAP_ANSWER_FETCH:
		buffer_print(out, " %u uid=%u flags=%u+%zu size=%lu date=%ld "
			"body=%d %.*s", answer->number, fetch->uid,
			fetch->flags.system, fetch->flags.keyword_count,
			(unsigned long)fetch->size, (long)fetch->date,
			fetch->has_body, SPAN_PRINT(fetch->body));
		break;
	case IMAP_ANSWER_EXISTS:
	case IMAP_ANSWER_EXPUNGE:
		buffer_print(out, " %u", answer->number);
		break;
	default:
		buffer_print(out, " %.*s", SPAN_PRINT(answer->text));
		break;
	}
}

static void
responses_are_understood(void **state)
{
	static const struct {
		const char *response, *want;
	} cases[] = {
		{ "* OK [CAPABILITY IMAP4rev1 X] hello",
		  "condition 0 [CAPABILITY|IMAP4rev1 X] hello" },
		{ "* OK", "condition 0 [|] " },
		{ "* BYE gone", "condition 3 [|] gone" },
		{ "c1 NO [OVERQUOTA] full", "tagged 1 [OVERQUOTA|] full" },
		{ "c1 OK [APPENDUID 7 1:3] done", "tagged 0 [APPENDUID|7 1:3] done" },
		{ "c1 OK [", "tagged 0 [|] [" },
		{ "+ go on", "continue go on" },
		{ "+", "continue " },
		{ "* CAPABILITY IMAP4rev1 IDLE", "capability IMAP4rev1 IDLE" },
		{ "* 5 EXISTS", "exists 5" },
		{ "* 5 EXPUNGE", "expunge 5" },
		{ "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"a b\"",
		  "list / subscribed a b a b" },
		{ "* LIST (\\NonExistent) NIL {3}\r\nabc",
		  "list 0 noselect abc abc" },
		{ "* LSUB () \".\" &U,BTFw-", "lsub . &U,BTFw- \xe5\x8f\xb0\xe5\x8c\x97" },
		{ "* LIST () \"/\" &bad", "list / &bad " },
		{ "* LIST () \"/\" inbox", "list / inbox INBOX" },
		{ "* STATUS INBOX (MESSAGES 5)", "status (MESSAGES 5)" },
		{ "* 3 FETCH (UID 17 FLAGS (\\Seen \\Recent kw) RFC822.SIZE 99)",
		  "fetch 3 uid=17 flags=1+1 size=99 date=0 body=0 " },
		{ "* 3 FETCH (INTERNALDATE \"22-Nov-2026 06:46:03 +0000\" UID 1)",
		  "fetch 3 uid=1 flags=0+0 size=0 date=1795329963 body=0 " },
		{ "* 3 FETCH (ENVELOPE (NIL (\"x)\" NIL)) MODSEQ (5) UID 4)",
		  "fetch 3 uid=4 flags=0+0 size=0 date=0 body=0 " },
		{ "* 3 FETCH (BODY[] \"quoted\" UID 4)",
		  "fetch 3 uid=4 flags=0+0 size=0 date=0 body=1 quoted" },
		{ "* 3 FETCH (BODY[]<0> NIL)",
		  "fetch 3 uid=0 flags=0+0 size=0 date=0 body=1 " },
		{ "* VANISHED 1:5", "other " },
		{ "* SEARCH 1 2", "other " },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct imap_answer answer;
		struct buffer out;
		arena_init(&arena, 0);
		buffer_init(&out, 0);
		if (!imap_answer_parse(&arena, span_from(cases[i].response),
		    &answer))
			fail_msg("%s was not taken", cases[i].response);
		describe(&answer, &out);
		if (!span_equals(buffer_span(&out), span_from(cases[i].want)))
			fail_msg("%s is %s", cases[i].response,
				buffer_string(&out));
		buffer_fini(&out);
		arena_fini(&arena);
	}
}

static void
nonsense_is_refused(void **state)
{
	static const char *const cases[] = {
		"", "*", "hello", "c1", "c1 MAYBE x", "* 99999999999 EXISTS",
		"* LIST () \"/\"", "* LIST (x", "* 1 FETCH (UID 0)",
		"* 1 FETCH (UID 5", "* 1 FETCH (FLAGS (a)", "* 1 FETCH (X ((((",
		"* 1 FETCH (BODY[ x)", "* 1 FETCH (BODY[] {5}\r\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct imap_answer answer;
		arena_init(&arena, 0);
		if (imap_answer_parse(&arena, span_from(cases[i]), &answer))
			fail_msg("\"%s\" was taken", cases[i]);
		arena_fini(&arena);
	}
}

static void
texts_of_messages_pass(void **state)
{
	struct arena arena;
	struct imap_answer answer;
	(void)state;
	arena_init(&arena, 0);
	assert_true(imap_answer_wants_literal(&arena,
		SPAN("* 2 FETCH (UID 9 FLAGS (kw) BODY[] {12}\r\n"), &answer));
	assert_int_equal(answer.fetch.uid, 9);
	assert_true(imap_answer_continue(&arena, SPAN(" RFC822.SIZE 12)"),
		&answer));
	assert_int_equal(answer.fetch.size, 12);
	assert_int_equal(answer.fetch.flags.keyword_count, 1);
	assert_true(imap_answer_wants_literal(&arena,
		SPAN("* 2 FETCH (BODY[HEADER.FIELDS (From)]<0> {12}\r\n"),
		&answer));
	assert_false(imap_answer_wants_literal(&arena,
		SPAN("* LIST () \"/\" {12}\r\n"), &answer));
	assert_false(imap_answer_wants_literal(&arena,
		SPAN("* 2 FETCH (ENVELOPE (NIL {12}\r\n"), &answer));
	arena_fini(&arena);
}

static void
words_and_numbers_are_found(void **state)
{
	struct arena arena;
	struct imap_answer answer;
	uint64_t number;
	(void)state;
	arena_init(&arena, 0);
	assert_true(imap_answer_parse(&arena,
		SPAN("* STATUS \"a b\" (MESSAGES 5 UIDNEXT 17)"), &answer));
	assert_true(imap_answer_status_number(&answer, "UIDNEXT", &number));
	assert_int_equal(number, 17);
	assert_false(imap_answer_status_number(&answer, "SIZE", &number));
	assert_true(imap_answer_has_word(SPAN("IMAP4rev1 auth=plain"),
		"AUTH=PLAIN"));
	assert_false(imap_answer_has_word(SPAN("AUTH=PLAINX"), "AUTH=PLAIN"));
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responses_are_understood),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(texts_of_messages_pass),
		cmocka_unit_test(words_and_numbers_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
