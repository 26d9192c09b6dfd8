/* What the configuration says of our domains: addresses, ports, which domains
 * the world can know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "trust/domain_config.h"

static struct config *
load(const char *const *settings)
{
	struct config *config;
	struct error error;
	size_t count = 0;
	while (settings[count] != NULL)
		count++;
	if (config_load(NULL, settings, count, &config, &error) < 0)
		fail_msg("%s", error.text);
	return config;
}

static void
addresses(void **state)
{
	static const struct {
		const char *name, *settings[3], *own, *chosen;
	} cases[] = {
		{ "global ones before private ones", { NULL }, "127.0.0.1 "
			"10.0.0.1 192.0.2.1 ::1 fe80::1 fd00::1 2001:db8::1",
			"192.0.2.1 2001:db8::1 " },
		{ "private ones when there are no others", { NULL },
			"127.0.0.1 172.16.0.1 192.168.1.1 100.64.0.1 fd00::1",
			"172.16.0.1 192.168.1.1 100.64.0.1 fd00::1 " },
		{ "never the loopback", { NULL }, "127.0.0.1 127.1.1.1 ::1 "
			"169.254.1.1 fe80::1 224.0.0.1 ff02::1 0.0.0.0", "" },
		{ "nor if it is said", { "dns_addresses=127.0.0.1 192.0.2.9" },
			"192.0.2.1", "192.0.2.9 " },
		{ "what is said", { "dns_addresses=192.0.2.9, 2001:db8::9" },
			"10.0.0.1 192.0.2.1", "192.0.2.9 2001:db8::9 " },
		{ "where it listens", { "inet_interfaces=192.0.2.2 "
			"[2001:db8::2]" }, "192.0.2.1 192.0.2.2 2001:db8::1 "
			"2001:db8::2", "192.0.2.2 2001:db8::2 " },
		{ "nowhere but on the loopback", {
			"inet_interfaces=loopback-only" }, "192.0.2.1", "" },
		{ "a name may be any", { "inet_interfaces=mail.a.test" },
			"192.0.2.1", "192.0.2.1 " },
		{ "one protocol", { "inet_protocols=ipv4" },
			"192.0.2.1 2001:db8::1", "192.0.2.1 " },
		{ "the other", { "inet_protocols=ipv6" },
			"192.0.2.1 2001:db8::1", "2001:db8::1 " },
		{ "both, one by one", { "inet_protocols=ipv6, ipv4" },
			"192.0.2.1 2001:db8::1", "192.0.2.1 2001:db8::1 " },
		{ "one twice", { NULL }, "192.0.2.1 192.0.2.1", "192.0.2.1 " },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct network_address own[16],
			chosen[DOMAIN_RECORDS_ADDRESSES];
		struct span rest = span_from(cases[i].own), word;
		size_t count = 0;
		struct buffer text;
		while (span_word(&rest, &word))
			assert_true(network_address_parse(word,
				&own[count++]));
		struct config *config = load(cases[i].settings);
		buffer_init(&text, 0);
		count = domain_config_addresses(config, own, count, chosen);
		for (size_t k = 0; k < count; k++) {
			char one[NETWORK_TEXT_SIZE];
			network_address_format(&chosen[k], one);
			buffer_print(&text, "%s ", one);
		}
		if (strcmp(buffer_string(&text), cases[i].chosen) != 0)
			fail_msg("%s: %s", cases[i].name,
				buffer_string(&text));
		buffer_fini(&text);
		config_free(&config);
	}
}

static void
ports(void **state)
{
	const char *settings[] = { "myhostname=mail.a.test", "protocols=imap",
		"imap_port=0", "port_offset=20000", "relayhost=x",
		"mta_sts_mode=enforce", "dns_records_ttl=90", NULL };
	struct domain_facts facts;
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	struct config *config = load(settings);
	assert_true(domain_config_facts(config, &arena, &facts));
	assert_int_equal(facts.port[DOMAIN_SMTP], 20025);
	assert_int_equal(facts.port[DOMAIN_IMAP], 0);
	assert_int_equal(facts.port[DOMAIN_IMAPS], 20993);
	assert_int_equal(facts.port[DOMAIN_POP3], 0);
	assert_int_equal(facts.port[DOMAIN_POP3S], 0);
	assert_true(facts.has_relayhost);
	assert_int_equal(facts.sts_mode, MTA_STS_ENFORCE);
	assert_int_equal(facts.ttl, 90);
	config_free(&config);
	arena_fini(&arena);
}

static void
domains(void **state)
{
	static const struct {
		const char *domain, *name;	/* NULL: the world cannot know it */
		bool is_below;
	} cases[] = {
		{ "a.test", "a.test", false },
		{ "mail.a.test", "mail.a.test", true },
		{ "Xa.test", "xa.test", false },
		{ "localhost", NULL, false },
		{ "localhost.a.test", NULL, false },
		{ "x.localhost", NULL, false },
		{ "intranet", NULL, false },
		{ "例子.test", "xn--fsqu00a.test", false },
		{ "[192.0.2.1]", NULL, false },
	};
	static const struct span all[] = { SPAN("a.test"), SPAN("test"),
		SPAN("mail.a.test") };
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct domain_facts host = { .host = SPAN("mail.a.test") };
		struct domain_facts found;
		bool is_there = domain_config_facts_for(&host,
			span_from(cases[i].domain), all, 3, &arena, &found);
		if (is_there != (cases[i].name != NULL) || (is_there &&
		    (!span_equals(found.domain, span_from(cases[i].name)) ||
		    found.is_below != cases[i].is_below ||
		    found.is_zone == found.is_below)))
			fail_msg("%s", cases[i].domain);
	}
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(ports),
		cmocka_unit_test(domains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
