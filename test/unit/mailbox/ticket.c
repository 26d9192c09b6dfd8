/* What auth's answer to a ticket lets in, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mailbox/ticket.h"

#define GOOD "user=alice@x\taccount=1f\tactor=2e\tservice=imap\tquota=1000"

static void
answers_are_believed_only_whole(void **state)
{
	static const struct {
		const char *line;
		enum ticket_verdict verdict;
	} cases[] = {
		{ "OK\t1\t" GOOD, TICKET_OK },
		{ "OK\t1\t" GOOD "\tlater=x", TICKET_OK },
		{ "FAIL\t1", TICKET_DENIED },
		{ "FAIL\t1\ttemp", TICKET_LATER },
		{ "OK\t1\tuser=alice@x\taccount=1f\tactor=2e\tservice=pop3\t"
			"quota=0", TICKET_DENIED },
		{ "OK\t1\tuser=\taccount=1f\tactor=2e\tservice=imap\tquota=0",
			TICKET_DENIED },
		{ "OK\t1\taccount=1f\tactor=2e\tservice=imap\tquota=0",
			TICKET_DENIED },
		{ "OK\t1\tuser=a@x\tactor=2e\tservice=imap\tquota=0",
			TICKET_DENIED },
		{ "OK\t1\tuser=a@x\taccount=xyz\tactor=2e\tservice=imap\t"
			"quota=0", TICKET_DENIED },
		{ "OK\t1\tuser=a@x\taccount=1f\tservice=imap\tquota=0",
			TICKET_DENIED },
		{ "OK\t1\tuser=a@x\taccount=1f\tactor=2e\tservice=imap",
			TICKET_DENIED },
		{ "OK\t1\tuser=a@x\taccount=1f\tactor=2e\tservice=imap\t"
			"quota=many", TICKET_DENIED },
		{ "OK\t1", TICKET_DENIED },
		{ "OK", TICKET_LATER },
		{ "", TICKET_LATER },
		{ "OK\t1\tuser=\001", TICKET_LATER },
		{ "WHAT\t1", TICKET_LATER },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ticket ticket;
		print_message("%s\n", cases[i].line);
		assert_int_equal(ticket_take_answer(span_from(cases[i].line),
			"imap", &ticket), cases[i].verdict);
		if (cases[i].verdict != TICKET_OK)
			continue;
		assert_string_equal(ticket.user, "alice@x");
		assert_true(ticket.account == 0x1f);
		assert_true(ticket.actor == 0x2e);
		assert_true(ticket.quota == 1000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_believed_only_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
