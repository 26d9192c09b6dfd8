/* Which records a mail domain needs, by what is known of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "trust/domain_records.h"

static const uint8_t keys[2][32] = { { 0x11 }, { 0x22 } };
#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"

static const struct domain_dkim dkim[] = { { SPAN("s1"), SPAN("v=DKIM1; k=x; "
	"p=0123456789012345678901234567890123456789012345678901234567890123456"
	"7890123456789012345678901234567890123456789012345678901234567890123456"
	"7890123456789012345678901234567890123456789012345678901234567890123456"
	"789012345678901234567890123456789012345678901234567890123456789") } };

static struct network_address addresses[2];

/* Ports as they usually are. */
#define ALL_PORTS { 25, 587, 465, 143, 993, 110, 995, 443 }
#define MAIL_PORTS { 25, 587, 465, 143, 993, 0, 0, 0 }

static const struct {
	const char *name;
	struct domain_facts facts;
	/* A line for each; with `only` those whose line has it. */
	const char *only, *expected;
} cases[] = {
	{ "mail goes to the host", { .domain = SPAN("a.test"),
		.host = SPAN("mail.a.test") }, "MX",
		"@\t0\tIN\tMX\t10 mail.a.test.\n" },
	{ "and the host is there", { .domain = SPAN("a.test"),
		.host = SPAN("mail.a.test"), .address = addresses,
		.address_count = 2 }, "mail\t", "mail\t0\tIN\tA\t192.0.2.1\n"
		"mail\t0\tIN\tAAAA\t2001:db8::1\n"
		"mail\t0\tIN\tTXT\t\"v=spf1 a -all\"\n" },
	{ "a host elsewhere is not ours to say", { .domain = SPAN("b.test"),
		.host = SPAN("mail.a.test"), .address = addresses,
		.address_count = 2, .key = keys, .key_count = 1,
		.port = MAIL_PORTS }, "mail.a", "@\t0\tIN\tMX\t10 mail.a.test.\n"
		"_submissions._tcp\t0\tIN\tSRV\t0 1 465 mail.a.test.\n"
		"_submission._tcp\t0\tIN\tSRV\t0 1 587 mail.a.test.\n"
		"_imaps._tcp\t0\tIN\tSRV\t0 1 993 mail.a.test.\n"
		"_imap._tcp\t0\tIN\tSRV\t0 1 143 mail.a.test.\n" },
	{ "a name that only ends alike is elsewhere", { .domain = SPAN("a.test"),
		.host = SPAN("mail.aa.test"), .address = addresses,
		.address_count = 1 }, "\tA\t", "" },
	{ "the domain is the host", { .domain = SPAN("a.test"),
		.host = SPAN("a.test"), .address = addresses,
		.address_count = 1 }, "@\t", "@\t0\tIN\tMX\t10 a.test.\n"
		"@\t0\tIN\tA\t192.0.2.1\n@\t0\tIN\tTXT\t\"v=spf1 mx -all\"\n" },
	{ "a zone of its own", { .domain = SPAN("a.test"),
		.host = SPAN("mail.b.test"), .is_zone = true, .ttl = 3600 },
		"@\t3600\tIN\t", "@\t3600\tIN\tSOA\tmail.b.test. "
		"postmaster.a.test. 1 3600 900 1209600 300\n"
		"@\t3600\tIN\tNS\tmail.b.test.\n"
		"@\t3600\tIN\tMX\t10 mail.b.test.\n"
		"@\t3600\tIN\tTXT\t\"v=spf1 mx -all\"\n" },
	{ "a relay sends our mail", { .domain = SPAN("a.test"),
		.host = SPAN("mail.b.test"), .has_relayhost = true }, "spf1",
		"@\t0\tIN\tTXT\t\"v=spf1 mx ~all\"\n" },
	{ "the host is a mail domain below ours: one SPF each (7208 3.2)", {
		.domain = SPAN("mail.a.test"), .host = SPAN("mail.a.test"),
		.is_below = true, .address = addresses, .address_count = 1,
		.key = keys, .key_count = 1, .port = ALL_PORTS,
		.report = SPAN("x@a.test") }, "",
		"@\t0\tIN\tMX\t10 mail.a.test.\n" },
	{ "another domain below ours", { .domain = SPAN("b.a.test"),
		.host = SPAN("mail.a.test"), .is_below = true,
		.port = ALL_PORTS }, "", "@\t0\tIN\tMX\t10 mail.a.test.\n"
		"@\t0\tIN\tTXT\t\"v=spf1 mx -all\"\n" },
	{ "DMARC asks for nothing without DKIM", { .domain = SPAN("a.test"),
		.host = SPAN("mail.b.test") }, "_dmarc",
		"_dmarc\t0\tIN\tTXT\t\"v=DMARC1; p=none\"\n" },
	{ "reports", { .domain = SPAN("a.test"), .host = SPAN("mail.b.test"),
		.report = SPAN("postmaster@a.test") }, "rua", "_dmarc\t0\tIN\t"
		"TXT\t\"v=DMARC1; p=none; rua=mailto:postmaster@a.test\"\n"
		"_smtp._tls\t0\tIN\tTXT\t\"v=TLSRPTv1; "
		"rua=mailto:postmaster@a.test\"\n" },
	{ "DKIM, in strings of 255", { .domain = SPAN("a.test"),
		.host = SPAN("mail.b.test"), .dkim = dkim, .dkim_count = 1 },
		"DKIM1",
		"s1._domainkey\t0\tIN\tTXT\t\"v=DKIM1; k=x; p=0123456789012"
		"3456789012345678901234567890123456789012345678901234567890"
		"1234567890123456789012345678901234567890123456789012345678"
		"9012345678901234567890123456789012345678901234567890123456"
		"7890123456789012345678901234567890123456789012345678\" \"9"
		"012345678901234567890123456789\"\n" },
	{ "with it DMARC asks", { .domain = SPAN("a.test"),
		.host = SPAN("mail.b.test"), .dkim = dkim, .dkim_count = 1 },
		"_dmarc", "_dmarc\t0\tIN\tTXT\t\"v=DMARC1; p=quarantine\"\n" },
	{ "the key now and the next", { .domain = SPAN("a.test"),
		.host = SPAN("mail.a.test"), .key = keys, .key_count = 2,
		.port = { 25, 0, 465, 0, 0, 0, 0, 443 } }, "TLSA",
		"_25._tcp.mail\t0\tIN\tTLSA\t3 1 1 11" ZEROS "\n"
		"_25._tcp.mail\t0\tIN\tTLSA\t3 1 1 22" ZEROS "\n"
		"_465._tcp.mail\t0\tIN\tTLSA\t3 1 1 11" ZEROS "\n"
		"_465._tcp.mail\t0\tIN\tTLSA\t3 1 1 22" ZEROS "\n" },
	{ "what is not offered is said (6186 3.4)", { .domain = SPAN("a.test"),
		.host = SPAN("mail.b.test"), .port = { 25, 0, 20465, 0, 0, 0,
		0, 0 } }, "SRV",
		"_submissions._tcp\t0\tIN\tSRV\t0 1 20465 mail.b.test.\n"
		"_submission._tcp\t0\tIN\tSRV\t0 0 0 .\n"
		"_imaps._tcp\t0\tIN\tSRV\t0 0 0 .\n"
		"_imap._tcp\t0\tIN\tSRV\t0 0 0 .\n"
		"_pop3s._tcp\t0\tIN\tSRV\t0 0 0 .\n"
		"_pop3._tcp\t0\tIN\tSRV\t0 0 0 .\n" },
	{ "settings by the web", { .domain = SPAN("a.test"),
		.host = SPAN("mail.b.test"), .port = ALL_PORTS }, "auto",
		"autoconfig\t0\tIN\tCNAME\tmail.b.test.\n"
		"autodiscover\t0\tIN\tCNAME\tmail.b.test.\n"
		"_autodiscover._tcp\t0\tIN\tSRV\t0 1 443 mail.b.test.\n" },
	{ "a policy", { .domain = SPAN("a.test"), .host = SPAN("mail.b.test"),
		.sts_mode = MTA_STS_ENFORCE, .port = ALL_PORTS }, "mta-sts",
		"_mta-sts\t0\tIN\tTXT\t\"v=STSv1; id=e8aa919d57b7492d\"\n"
		"mta-sts\t0\tIN\tCNAME\tmail.b.test.\n" },
	{ "another one, another id", { .domain = SPAN("a.test"),
		.host = SPAN("mail.b.test"), .sts_mode = MTA_STS_TESTING,
		.port = ALL_PORTS }, "_mta-sts",
		"_mta-sts\t0\tIN\tTXT\t\"v=STSv1; id=3bdac8bd18e605a6\"\n" },
	{ "no policy without a web server", { .domain = SPAN("a.test"),
		.host = SPAN("mail.b.test"), .sts_mode = MTA_STS_ENFORCE,
		.port = MAIL_PORTS }, "mta-sts", "" },
};

static void
find_lines(struct span text, const char *only, struct buffer *out)
{
	struct span line;
	while (span_split(&text, '\n', &line))
		if (line.size > 0 && span_search(line, span_from(only)) <
		    line.size) {
			buffer_add(out, line);
			buffer_add_byte(out, '\n');
		}
}

static void
by_facts(void **state)
{
	(void)state;
	assert_true(network_address_parse(SPAN("192.0.2.1"), &addresses[0]));
	assert_true(network_address_parse(SPAN("2001:db8::1"), &addresses[1]));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct domain_records records;
		struct buffer text, found;
		arena_init(&arena, 0);
		buffer_init(&text, 0);
		buffer_init(&found, 0);
		domain_records_find(&cases[i].facts, &arena, &records);
		domain_records_print(&records, cases[i].facts.domain, &text);
		find_lines(buffer_span(&text), cases[i].only, &found);
		if (strcmp(buffer_string(&found), cases[i].expected) != 0)
			fail_msg("%s:\n%s", cases[i].name,
				buffer_string(&found));
		for (size_t k = 0; k < records.count; k++)
			assert_true(strlen(records.record[k].reason) > 0);
		buffer_fini(&text);
		buffer_fini(&found);
		arena_fini(&arena);
	}
}

/* What we serve others must be able to read (RFC 8461 3.2). */
static void
the_policy_is_one(void **state)
{
	struct arena arena;
	struct mta_sts_policy policy;
	struct span found;
	(void)state;
	arena_init(&arena, 0);
	struct span text = domain_records_policy(MTA_STS_ENFORCE,
		SPAN("mail.a.test"), &arena);
	assert_int_equal(mta_sts_parse(text, &arena, &policy), MTA_STS_OK);
	assert_int_equal(policy.mode, MTA_STS_ENFORCE);
	assert_true(mta_sts_matches(&policy, SPAN("mail.a.test")));
	struct span record = arena_print(&arena, "v=STSv1; id=%.*s",
		SPAN_PRINT(domain_records_policy_id(text, &arena)));
	assert_true(mta_sts_find_id(&record, 1, &found));
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_facts),
		cmocka_unit_test(the_policy_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
