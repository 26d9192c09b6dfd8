/* The lines of the inner wires: conversations, as a script would have them. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "auth/wire.h"
#include "base/log.h"

/* "*" in a wanted line stands for anything up to the next tab or the end. */
static bool
fits(struct span line, const char *want)
{
	size_t at = 0;
	for (; *want != '\0'; want++) {
		if (*want == '*') {
			while (at < line.size && line.data[at] != '\t')
				at++;
		} else if (at == line.size || line.data[at++] != *want) {
			return false;
		}
	}
	return at == line.size;
}

struct line {
	const char *client;		/* a line said; NULL: none before `server` */
	const char *server;		/* a line answered; NULL: none */
};

static void
converse(const char *name, const struct wire_service *service,
	const char *caller, unsigned instance, const struct line *lines)
{
	struct auth_wire wire = { .service = service, .instance = instance };
	struct buffer out;
	struct span rest = { NULL, 0 }, line;
	snprintf(wire.caller, sizeof(wire.caller), "%s", caller);
	buffer_init(&out, 0);
	for (; lines->client != NULL || lines->server != NULL; lines++) {
		if (lines->client != NULL) {
			if (rest.size > 0)
				fail_msg("%s: unasked: %.*s", name,
					SPAN_PRINT(rest));
			buffer_clear(&out);
			if (!wire_handle_line(&wire, span_from(lines->client),
				&out))
				fail_msg("%s: closed at %s", name,
					lines->client);
			rest = buffer_span(&out);
		}
		if (lines->server == NULL) {
			assert_int_equal(rest.size, 0);
			continue;
		}
		if (!span_split(&rest, '\n', &line) ||
			!fits(line, lines->server))
			fail_msg("%s: wanted %s, got %.*s", name,
				lines->server, SPAN_PRINT(line));
	}
	assert_int_equal(rest.size, 0);
	buffer_fini(&out);
}

/* ---- auth-admin, then what the others see of it ---- */

static const struct line admin[] = {
	{ "VERSION\t1\t2", NULL },
	{ "USER-LIST\t1", "OK\t1" },
	{ "USER-ADD\t2\taddress=Alice@example.test\tpassword=secret",
		"OK\t2\taccount=*\tadded-domain=example.test" },
	{ "USER-ADD\t3\taddress=bob@example.test\tpassword=other",
		"OK\t3\taccount=*" },
	{ "USER-ADD\t4\taddress=alice@example.test\tpassword=x",
		"FAIL\t4\treason=there is an account alice@example.test "
		"already" },
	{ "USER-ADD\t5\taddress=a@example.test\tpassword=",
		"FAIL\t5\treason=the password is empty" },
	{ "USER-QUOTA\t6\taddress=bob@example.test\tbytes=5000", "OK\t6" },
	{ "USER-QUOTA\t7\taddress=bob@example.test",
		"ROW\t7\taddress=bob@example.test\taccount=*\tquota=5000\t"
		"over=no" },
	{ NULL, "OK\t7" },
	{ "USER-QUOTA\t8\taddress=bob@example.test\tbytes=1x",
		"FAIL\t8\treason=\"1x\" is not a number of bytes" },
	{ "USER-LIST\t9", "ROW\t9\taddress=Alice@example.test\taccount=*\t"
		"quota=1000\tquota-from=mailbox_quota\tover=no" },
	{ NULL, "ROW\t9\taddress=bob@example.test\taccount=*\tquota=5000\t"
		"over=no" },
	{ NULL, "OK\t9" },
	{ "USER-QUOTA\t10\taddress=bob@example.test\tbytes=default",
		"OK\t10" },
	{ "USER-PASSWORD\t11\taddress=bob@example.test\tpassword=new",
		"OK\t11" },
	{ "USER-PASSWORD\t12\taddress=carol@example.test\tpassword=new",
		"FAIL\t12\treason=there is no account carol@example.test" },
	{ "DOMAIN-ADD\t13\tdomain=Other.test", "OK\t13" },
	{ "DOMAIN-LIST\t14", "ROW\t14\tdomain=example.test\taccounts=2\t"
		"aliases=0\tsource=domain add" },
	{ NULL, "ROW\t14\tdomain=localhost\taccounts=0\taliases=0\t"
		"source=mydestination" },
	{ NULL, "ROW\t14\tdomain=other.test\taccounts=0\taliases=0\t"
		"source=domain add" },
	{ NULL, "OK\t14" },
	{ "DOMAIN-DELETE\t15\tdomain=other.test", "OK\t15" },
	{ "ALIAS-ADD\t16\taddress=team@example.test\t"
		"target=alice@example.test", "OK\t16" },
	{ "ALIAS-ADD\t17\taddress=team@example.test\t"
		"target=carol@elsewhere.test", "OK\t17" },
	{ "ALIAS-LIST\t18", "ROW\t18\taddress=team@example.test\t"
		"target=alice@example.test" },
	{ NULL, "ROW\t18\taddress=team@example.test\t"
		"target=carol@elsewhere.test" },
	{ NULL, "OK\t18" },
	{ NULL, NULL },
};

static const struct line smtpd_asks[] = {
	{ "RCPT\t1\talice+x@example.test", "OK\t1\tclass=local" },
	{ "RCPT\t2\tnobody@example.test", "NOTFOUND\t2" },
	{ "RCPT\t3\tdave@elsewhere.test", "OK\t3\tclass=remote" },
	{ "RCPT\t4\tpostmaster", "OK\t4\tclass=local" },
	{ "RCPT\t5\tteam@example.test", "OK\t5\tclass=local" },
	{ NULL, NULL },
};

static const struct line queue_asks[] = {
	{ "EXPAND\t1\tteam@example.test",
		"OK\t1\tlocal=*\tremote=carol@elsewhere.test" },
	{ "EXPAND\t2\tdave@elsewhere.test",
		"OK\t2\tremote=dave@elsewhere.test" },
	{ "EXPAND\t3\tnobody@example.test", "NOTFOUND\t3" },
	{ NULL, NULL },
};

static const struct line after[] = {
	{ "ALIAS-DELETE\t1\taddress=team@example.test\t"
		"target=alice@example.test", "OK\t1" },
	{ "ALIAS-DELETE\t2\taddress=team@example.test", "OK\t2" },
	{ "ALIAS-DELETE\t3\taddress=team@example.test",
		"FAIL\t3\treason=there is no such alias of team@example.test" },
	{ "USER-DELETE\t4\taddress=bob@example.test", "OK\t4\taccount=*" },
	{ "USER-DELETE\t5\taddress=bob@example.test",
		"FAIL\t5\treason=there is no account bob@example.test" },
	{ NULL, NULL },
};

static void
the_operator_changes_what_others_see(void **state)
{
	(void)state;
	world_make();
	converse("admin", &wire_admin, "command", 0, admin);
	converse("smtpd", &wire_user, "smtpd", 0, smtpd_asks);
	converse("queue", &wire_user, "queue", 0, queue_asks);
	converse("after", &wire_admin, "command", 0, after);
	world_free();
}

static void
an_account_sends_as_itself_and_its_aliases(void **state)
{
	static const struct {
		const char *address;
		bool may;
	} cases[] = {
		{ "alice@example.test", true },
		{ "ALICE+tag@example.test", true },
		{ "team@example.test", true },
		{ "bob@example.test", false },
		{ "alice@elsewhere.test", false },
		{ "nobody@example.test", false },
		{ "postmaster@example.test", true },
	};
	struct error error;
	(void)state;
	world_make();
	uint64_t alice = world_add("alice@example.test", "x");
	world_add("bob@example.test", "x");
	accounts_add_alias(auth.accounts, SPAN("team@example.test"),
		SPAN("alice@example.test"), &error);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char question[200];
		snprintf(question, sizeof(question), "SENDER\t1\t%016llx\t%s",
			(unsigned long long)alice, cases[i].address);
		converse(cases[i].address, &wire_user, "smtpd", 0,
			(const struct line[]){ { question,
			cases[i].may ? "OK\t1" : "NOTFOUND\t1" },
			{ NULL, NULL } });
	}
	world_free();
}

/* ---- tickets ---- */

static void
a_login_is_redeemed_by_the_mailbox_process(void **state)
{
	struct auth_wire login = { .service = &wire_sasl, .caller = "login" };
	struct buffer out;
	struct tabline fields;
	struct arena arena;
	struct span ticket, id;
	uint64_t account;
	char question[100];
	(void)state;
	world_make();
	world_add("alice@example.test", "secret");
	buffer_init(&out, 0);
	arena_init(&arena, 0);
	/* base64 of NUL alice NUL secret */
	assert_true(wire_handle_line(&login, SPAN("AUTH\t1\tPLAIN\t"
		"service=imap\tsecured=tls\trip=192.0.2.1\t"
		"resp=AGFsaWNlAHNlY3JldA=="), &out));
	assert_true(tabline_parse(span_first(buffer_span(&out), out.size - 1),
		&arena, &fields));
	assert_true(span_equals(fields.field[0], SPAN("OK")));
	assert_true(tabline_get(&fields, 2, "ticket", &ticket));
	assert_true(tabline_get(&fields, 2, "account", &id));
	assert_true(span_to_hex_number(id, &account));
	unsigned owner = (unsigned)(account % 4);
	snprintf(question, sizeof(question), "REDEEM\t9\t%.*s",
		SPAN_PRINT(ticket));
	converse("not the owner", &wire_ticket, "mailbox", (owner + 1) % 4,
		(const struct line[]){ { question, "FAIL\t9" },
		{ NULL, NULL } });
	converse("the owner", &wire_ticket, "mailbox", owner,
		(const struct line[]){ { question,
		"OK\t9\tuser=alice@example.test\taccount=*\tactor=*\t"
		"service=imap\tquota=1000" }, { NULL, NULL } });
	converse("again", &wire_ticket, "mailbox", owner,
		(const struct line[]){ { question, "FAIL\t9" },
		{ NULL, NULL } });
	snprintf(question, sizeof(question), "QUOTA\t2\t%.*s\tover",
		SPAN_PRINT(id));
	converse("quota of another's", &wire_ticket, "mailbox",
		(owner + 1) % 4, (const struct line[]){ { question,
		"FAIL\t2\treason=not an account of yours" }, { NULL, NULL } });
	converse("quota", &wire_ticket, "mailbox", owner,
		(const struct line[]){ { question, "OK\t2" },
		{ NULL, NULL } });
	converse("seen", &wire_user, "smtpd", 0, (const struct line[]){
		{ "RCPT\t1\talice@example.test",
		"OK\t1\tclass=local\tover=yes" }, { NULL, NULL } });
	arena_fini(&arena);
	buffer_fini(&out);
	world_free();
}

/* ---- auth-sasl ---- */

static const struct line sasl[] = {
	{ "CPID\t77", NULL },
	{ "AUTH\t1\tPLAIN\tservice=smtp\tsecured=tls\trip=192.0.2.1\t"
		"resp=AGFsaWNlAHNlY3JldA==",
		"OK\t1\tuser=alice@example.test\taccount=*" },
	{ "AUTH\t2\tPLAIN\tservice=smtp\tsecured=tls\trip=192.0.2.1",
		"CONT\t2\t" },
	{ "CONT\t2\tAGFsaWNlAHdyb25n",
		"FAIL\t2\tuser=alice\treason=User name or password is wrong\t"
		"code=credentials\tdelay=2000" },
	{ "AUTH\t3\tLOGIN\tservice=smtp\tsecured=tls\trip=192.0.2.1\tresp=",
		"FAIL\t3\treason=*\tcode=syntax" },
	{ "AUTH\t4\tLOGIN\tservice=smtp\tsecured=tls\trip=192.0.2.1",
		"CONT\t4\tVXNlcm5hbWU6" },
	{ "CONT\t4\tYWxpY2U=", "CONT\t4\tUGFzc3dvcmQ6" },
	{ "CONT\t4\tnot base64", "FAIL\t4\treason=*\tcode=syntax" },
	{ "CONT\t4\tYWxpY2U=", "FAIL\t4\ttemp\treason=*\tcode=unknown" },
	{ "AUTH\t5\tPLAIN\tservice=smtp\trip=192.0.2.1\t"
		"resp=AGFsaWNlAHNlY3JldA==",
		"FAIL\t5\treason=*\tcode=plaintext" },
	{ "AUTH\t6\tPLAIN\tservice=smtp\trip=local\t"
		"resp=AGFsaWNlAHNlY3JldA==",
		"OK\t6\tuser=alice@example.test\taccount=*" },
	{ "CANCEL\t6", NULL },
	{ NULL, NULL },
};

static void
sasl_lines_are_those_of_the_protocol(void **state)
{
	(void)state;
	world_make();
	world_add("alice@example.test", "secret");
	converse("sasl", &wire_sasl, "smtpd", 0, sasl);
	world_free();
}

static void
a_wire_says_first_what_it_offers(void **state)
{
	struct buffer out;
	(void)state;
	world_make();
	world_settings.offers[SASL_LOGIN] = false;
	buffer_init(&out, 0);
	wire_sasl.greet(&out);
	struct span said = buffer_span(&out);
	assert_true(span_starts(said, SPAN("MECH\tSCRAM-SHA-256-PLUS\t"
		"mutual-auth\nMECH\tSCRAM-SHA-256\tmutual-auth\n"
		"MECH\tPLAIN\tplaintext\nMECH\tEXTERNAL\tlocal\nSPID\t")));
	assert_true(span_ends_nocase(said, SPAN("\nDONE\n")));
	buffer_fini(&out);
	world_free();
}

/* ---- misuse ---- */

static const struct {
	const char *name;
	const struct wire_service *service;
	const char *caller, *line;
} misuses[] = {
	{ "another version", &wire_user, "smtpd", "VERSION\t2\t0" },
	{ "no such command", &wire_user, "smtpd", "FROB\t1" },
	{ "nothing", &wire_user, "smtpd", "" },
	{ "too few fields", &wire_user, "smtpd", "RCPT\t1" },
	{ "EXPAND is the queue's", &wire_user, "smtpd",
		"EXPAND\t1\talice@example.test" },
	{ "tickets are the mailbox's", &wire_ticket, "login",
		"REDEEM\t1\t00000000000000000000000000000000" },
	{ "changes are the operator's", &wire_admin, "smtpd",
		"USER-ADD\t1\taddress=x@example.test\tpassword=x" },
	{ "bad escape", &wire_user, "smtpd", "RCPT\t1\ta\001x" },
};

static void
misuse_closes_the_wire(void **state)
{
	(void)state;
	world_make();
	for (size_t i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
		struct auth_wire wire = { .service = misuses[i].service };
		struct buffer out;
		snprintf(wire.caller, sizeof(wire.caller), "%s",
			misuses[i].caller);
		buffer_init(&out, 0);
		if (wire_handle_line(&wire, span_from(misuses[i].line), &out))
			fail_msg("%s", misuses[i].name);
		assert_int_equal(out.size, 0);
		buffer_fini(&out);
	}
	world_free();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_operator_changes_what_others_see),
		cmocka_unit_test(an_account_sends_as_itself_and_its_aliases),
		cmocka_unit_test(a_login_is_redeemed_by_the_mailbox_process),
		cmocka_unit_test(sasl_lines_are_those_of_the_protocol),
		cmocka_unit_test(a_wire_says_first_what_it_offers),
		cmocka_unit_test(misuse_closes_the_wire),
	};
	counter_open(-1, -1, true);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
