/* posthouse.conf: what is accepted, and the sentence for what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/config_known.h"
#include "base/network.h"

static char path[64];

static int
load(const char *text, struct config **config, struct error *error)
{
	snprintf(path, sizeof(path), "/tmp/posthouse-config-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	int result = config_load(path, NULL, 0, config, error);
	unlink(path);
	return result;
}

static void
lines_of_the_chapter_work(void **state)
{
	struct config *config;
	struct error error;
	(void)state;
	assert_int_equal(load("myhostname = mail.linuxprobe.com\n"
		"mydomain = linuxprobe.com\nmyorigin = $mydomain\n"
		"inet_interfaces = all\n# a comment\n"
		"mydestination = $myhostname ,\n  # inside\n\t${mydomain}\n",
		&config, &error), 0);
	assert_string_equal(config_text(config, "mydestination"),
		"mail.linuxprobe.com , linuxprobe.com");
	assert_string_equal(config_text(config, "myorigin"), "linuxprobe.com");
	struct span rest = span_from(config_text(config, "mydestination")), item;
	assert_true(config_next_item(&rest, &item));
	assert_true(config_next_item(&rest, &item));
	assert_true(span_equals(item, SPAN("linuxprobe.com")));
	assert_false(config_next_item(&rest, &item));
	config_free(&config);
}

static void
mydomain_is_the_host_less_its_first_label(void **state)
{
	struct config *config;
	struct error error;
	(void)state;
	assert_int_equal(load("myhostname = mx1.example.test\n", &config,
		&error), 0);
	assert_string_equal(config_text(config, "mydomain"), "example.test");
	assert_string_equal(config_text(config, "mydestination"),
		"mx1.example.test, localhost.example.test, localhost");
	config_free(&config);
}

static void
values_have_units(void **state)
{
	struct config *config;
	struct error error;
	(void)state;
	assert_int_equal(load("message_size_limit = 2M\n"
		"maximal_queue_lifetime = 3\nsmtpd_timeout = 90\n"
		"minimal_backoff_time = 2h\n", &config, &error), 0);
	assert_true(config_size(config, "message_size_limit") == 2097152);
	assert_true(config_duration(config, "maximal_queue_lifetime") ==
		3 * 86400000ll);
	assert_true(config_duration(config, "smtpd_timeout") == 90000);
	assert_true(config_duration(config, "minimal_backoff_time") == 7200000);
	config_free(&config);
}

static void
mistakes_name_line_found_and_expected(void **state)
{
	static const struct {
		const char *text, *sentence;
	} cases[] = {
		{ "smtp_port = 99999\n",
			":1: smtp_port: found \"99999\", expected a port" },
		{ "\nno_such = 1\n", ":2: found \"no_such\", expected the name" },
		{ "hello\n", ":1: found \"hello\", expected name = value" },
		{ "  x = 1\n", ":1: found white space" },
		{ "mydomain = $myorigin\n", "in a loop" },
		{ "mydomain = $nothing\n", "found $nothing" },
		{ "mydomain = a$\n", "found a $ without a name" },
		{ "mynetworks = 10.0.0.0/33\n", "expected networks such as" },
		{ "mynetworks = 10.0.0.1/8\n", "bits behind /length are 0" },
		{ "mynetworks = cidr:/x\n", "such a table is not read here" },
		{ "mynetworks = !\n", "found ! alone" },
		{ "mynetworks = 10.0.0.1=key\n", "expected networks such as" },
		{ "dns_allow_transfer = 10.0.0.1=\n", "or 192.0.2.1=KEY" },
		{ "dns_allow_transfer = !10.0.0.1=k\n", "or 192.0.2.1=KEY" },
		{ "dns_allow_transfer = 2001:db8::1=k x\n",
			"or 192.0.2.1=KEY" },
		{ "dns_also_notify = 10.0.0.1=\n", "or 192.0.2.1=KEY" },
		{ "dns_also_notify = 10.0.0.1@53=k x\n", "or 192.0.2.1=KEY" },
		{ "dns_forwarders = 10.0.0.1=k\n", "expected addresses" },
		{ "mynetworks = !/nowhere\n", "opening /nowhere" },
		{ "relay_domains = pcre:/x\n", "such a table is not read" },
		{ "relay_domains = hash:/nowhere\n", "opening /nowhere" },
		{ "myorigin = /dev/null\n", "no name in the first line" },
		{ "mydomain = ${myhostname\n", "found a $ without a name" },
		{ "mydomain = ${{a} == {b} ? {c}}\n", "without a name" },
		{ "mydomain = ${myhostname?{a}b}\n", "without a name" },
		{ "mydomain = ${mydomain?a}\n", "in a loop" },
		{ "disable_plaintext_auth = maybe\n", "expected yes or no" },
		{ "message_size_limit = -1\n", "expected a size" },
		{ "smtpd_forbid_bare_newline = x\n", "expected one of: reject" },
		{ "myhostname = a b\n", ":1: myhostname: found \"a b\", "
			"expected a name such as" },
		{ "myhostname = mail.example.org.\n", "expected a name" },
		{ "myhostname = mail.邮局.测试\n", "others than ASCII as xn--" },
		{ "accounts = builtin, unix\n", ":1: accounts: found \"builtin, u" },
		{ "accounts = ldap:\n", "some of: builtin system ldap:FILE" },
		{ "protocols = imap pop\n", "some of: imap pop3 lmtp sieve" },
		{ "inet_protocols = ipv4, ipv5\n", "some of: all ipv4 ipv6" },
		{ "smtp_helo_name = a b\n", "a name such as" },
		{ "smtp_bind_address = mail.example.org\n", "192.0.2.1" },
		{ "smtp_bind_address6 = ::g\n", "2001:db8::1" },
		{ "data_directory = data\n", "an absolute path" },
		{ "mydomain = a..b\n", "expected a domain" },
		{ "acme_directory = http://ca.example/\n", "with https://" },
		{ "acme_directory = zerossl\n", "expected letsencrypt, or" },
		{ "acme_email = postmaster\n", "expected an address such as" },
		{ "acme_challenges = dns-01, http\n", "some of: http-01" },
		{ "acme_names = mail.example.org *.example.org\n",
			":1: acme_names: found \"mail.example.org *." },
		{ "dns_addresses = 192.0.2.1 300.0.2.1\n", "addresses such as" },
		{ "\ndns_signed_zones = a..b\n", ":2: dns_signed_zones: found" },
		{ "dns_secondary_zones = example.org\n", "zones such as" },
		{ "dns_secondary_zones = example.org:ns.example.org\n",
			"zones such as" },
		{ "dns_secondary_zones = :192.0.2.1\n", "zones such as" },
		{ "\nport_offset = 65000\n", ":2: port_offset: found 65000, "
			"with which submission_port is 65587" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config;
		struct error error;
		assert_int_equal(load(cases[i].text, &config, &error), -1);
		assert_null(config);
		if (strstr(error.text, cases[i].sentence) == NULL)
			fail_msg("%s: %s", cases[i].sentence, error.text);
	}
}

static void
what_names_may_be(void **state)
{
	struct config *config;
	struct error error;
	(void)state;
	assert_int_equal(load("myhostname = mail_1.xn--0zwm56d\n"
		"mydomain = 邮局.测试\naccounts = system, ldap:/l, passwd-file:p\n"
		"protocols = imap lmtp submission\nsmtp_helo_name = [192.0.2.1]\n"
		"acme_directory = https://localhost:14000/dir\n"
		"acme_email = a.b+c@example.org\nacme_challenges = dns-01\n"
		"acme_names = mail.example.org,xn--0zwm56d\n"
		"dns_addresses = 192.0.2.1 2001:db8::1\n"
		"dns_signed_zones = all . example.org. xn--0zwm56d\n"
		"dns_secondary_zones = .:192.0.2.1@5353 0/25.2.0.192.in-addr."
		"arpa:[2001:db8::1]:53, example.org:2001:db8::1\n"
		"port_offset = 64540\n", &config, &error), 0);
	config_free(&config);
}

static void
names_of_postfix_are_warnings(void **state)
{
	struct config *config;
	struct error error;
	(void)state;
	assert_int_equal(load("biff = no\nsmtpd_banner = x\n", &config, &error),
		0);
	assert_non_null(strstr(config_warning(config, 1), ":2: smtpd_banner"));
	assert_null(config_warning(config, 2));
	config_free(&config);
}

/* A row that has a parameter of ours is never asked; one that has a name twice says two
 * things of it. */
static void
names_of_others_are_not_ours_and_stand_once(void **state)
{
	static const struct config_known *const tables[] = {
		config_known_postfix, config_known_dovecot };
	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct config_known *row = tables[i];
		    row->owner != NULL; row++) {
			struct span rest = span_from(row->names), name;
			while (span_word(&rest, &name)) {
				if (config_find_parameter(name) != NULL ||
				    config_known_find(name, row->owner) != row)
					fail_msg("%.*s", SPAN_PRINT(name));
			}
		}
}

/* What is to be used instead is there. */
static void
sentences_name_parameters_of_ours(void **state)
{
	static const struct config_known *const tables[] = {
		config_known_postfix, config_known_dovecot };
	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct config_known *row = tables[i];
		    row->owner != NULL; row++) {
			struct span rest = span_from(row->instead), word;
			while (span_word(&rest, &word)) {
				while (span_ends_nocase(word, SPAN(",")) ||
					span_ends_nocase(word, SPAN(";")))
					word = span_first(word, word.size - 1);
				if (span_find(word, '_') == word.size ||
				    span_find(word, '*') < word.size ||
				    span_equals(word,
				    SPAN("default_pass_scheme")))
					continue;
				if (config_find_parameter(word) == NULL)
					fail_msg("%s", row->instead);
			}
		}
}

static void
a_name_of_others_is_found(void **state)
{
	static const struct {
		const char *name, *owner, *found;
	} rows[] = {
		{ "smtpd_milters", NULL, "Postfix" },
		{ "smtpd_milters", "Dovecot", NULL },
		{ "maildrop_destination_recipient_limit", NULL, "Postfix" },
		{ "_destination_recipient_limit", NULL, "Postfix" },
		{ "policyd-spf_time_limit", NULL, "Postfix" },
		{ "recipient_limit", NULL, NULL },
		{ "*_time_limit", NULL, "Postfix" },
		{ "mail_driver", NULL, "Dovecot" },
		{ "quota_rule", NULL, "Dovecot" },
		{ "syslog_facility", NULL, "Postfix" },
		{ "syslog_facility", "Dovecot", "Dovecot" },
		{ "smtpd_milter", NULL, NULL },
		{ "", NULL, NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct config_known *row = config_known_find(
			span_from(rows[i].name), rows[i].owner);
		if ((row == NULL) != (rows[i].found == NULL))
			fail_msg("%s", rows[i].name);
		if (row != NULL)
			assert_string_equal(row->owner, rows[i].found);
	}
}

static void
blobs_carry_only_what_a_program_reads(void **state)
{
	struct config *config, *copy;
	struct error error;
	struct buffer blob;
	(void)state;
	assert_int_equal(load("smtpd_timeout = 7s\nmyorigin = a\\b.test\n",
		&config, &error), 0);
	buffer_init(&blob, 0);
	config_write(config, "smtpd", &blob);
	assert_true(span_search(buffer_span(&blob), SPAN("smtpd_timeout=")) <
		blob.size);
	assert_true(span_search(buffer_span(&blob), SPAN("tls_key_file")) ==
		blob.size);
	FILE *file = tmpfile();
	fwrite(blob.data, 1, blob.size, file);
	fflush(file);
	assert_int_equal(config_read(fileno(file), &copy, &error), 0);
	assert_string_equal(config_text(copy, "myorigin"), "a\\b.test");
	assert_true(config_duration(copy, "smtpd_timeout") == 7000);
	fclose(file);
	buffer_fini(&blob);
	config_free(&config);
	config_free(&copy);
}

static void
files_stand_in_lists(void **state)
{
	static const struct {
		const char *file, *value, *effective;
	} cases[] = {
		{ "a.test\n# no\nb.test, c.test\n", "x %s",
			"x a.test b.test c.test" },
		{ "a.test !b.test\n", "!%s", "!a.test b.test" },
		{ "a.test", "!!%s", "a.test" },
		{ "", "%s", "" },
		{ "a.test OK\n  c.test\n#b.test x\n/etc/x y\n!d.test z\n"
			"e.test\n", "hash:%s", "a.test e.test" },
		{ "a.test OK", "!texthash:%s", "!a.test" },
	};
	char file[] = "/tmp/posthouse-list-XXXXXX";
	char item[100], line[200];
	(void)state;
	int fd = mkstemp(file);
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config;
		struct error error;
		struct span value = span_from(cases[i].value);
		size_t at = span_find(value, '%');
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, cases[i].file,
			strlen(cases[i].file), 0),
			(ssize_t)strlen(cases[i].file));
		snprintf(item, sizeof(item), "%.*s%s",
			SPAN_PRINT(span_first(value, at)), file);
		snprintf(line, sizeof(line), "relay_domains = %s\n", item);
		assert_int_equal(load(line, &config, &error), 0);
		assert_string_equal(config_text(config, "relay_domains"),
			cases[i].effective);
		config_free(&config);
	}
	/* a file that names itself ends */
	struct config *config;
	struct error error;
	assert_int_equal(pwrite(fd, file, strlen(file), 0),
		(ssize_t)strlen(file));
	snprintf(line, sizeof(line), "relay_domains = %s\n", file);
	assert_int_equal(load(line, &config, &error), -1);
	assert_non_null(strstr(error.text, "in a file in a file"));
	close(fd);
	unlink(file);
}

static void
networks_contain_their_addresses(void **state)
{
	static const struct {
		const char *list, *address;
		bool inside;
	} cases[] = {
		{ "127.0.0.0/8, [::1]/128", "127.3.2.1", true },
		{ "127.0.0.0/8, [::1]/128", "::1", true },
		{ "127.0.0.0/8", "::ffff:127.0.0.1", true },
		{ "192.168.10.0/24", "192.168.11.1", false },
		{ "192.168.10.0/23", "192.168.11.1", true },
		{ "0.0.0.0/0", "203.0.113.1", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "", "127.0.0.1", false },
		{ "!10.1.0.0/16, 10.0.0.0/8", "10.1.2.3", false },
		{ "!10.1.0.0/16, 10.0.0.0/8", "10.2.2.3", true },
		{ "10.0.0.0/8, !10.1.0.0/16", "10.1.2.3", true },
		{ "!10.1.0.0/16", "10.2.2.3", false },
		{ "[::ffff:10.0.0.0]/104", "10.1.2.3", false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct network_address address;
		assert_true(network_address_parse(span_from(cases[i].address),
			&address));
		if (network_list_contains(span_from(cases[i].list), &address) !=
		    cases[i].inside)
			fail_msg("%s in %s", cases[i].address, cases[i].list);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_the_chapter_work),
		cmocka_unit_test(mydomain_is_the_host_less_its_first_label),
		cmocka_unit_test(files_stand_in_lists),
		cmocka_unit_test(values_have_units),
		cmocka_unit_test(mistakes_name_line_found_and_expected),
		cmocka_unit_test(what_names_may_be),
		cmocka_unit_test(names_of_postfix_are_warnings),
		cmocka_unit_test(names_of_others_are_not_ours_and_stand_once),
		cmocka_unit_test(sentences_name_parameters_of_ours),
		cmocka_unit_test(a_name_of_others_is_found),
		cmocka_unit_test(blobs_carry_only_what_a_program_reads),
		cmocka_unit_test(networks_contain_their_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
