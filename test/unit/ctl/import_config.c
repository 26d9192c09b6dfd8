/*
 * `config import`: texts of main.cf and master.cf, the posthouse.conf
 * that becomes of them, and the report of what does not. Files are a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "ctl/import_config.h"
#include "proto/mail_location.h"

/* Name, the file's text, the settings of the result, the report. */
struct sample {
	const char *name, *text, *result, *report;
};

/* ---- the world ---- */

struct named_file {
	const char *path, *text;
};

/* The first is the one that a sample is about, the second one beside it. */
static struct named_file files[] = {
	{ "", "" },
	{ "", "" },
	{ "/networks", "# ours\n192.0.2.0/24, 198.51.100.1\n  [2001:db8::]/32\n"
		"\n" },
	{ "/table", "a.example  OK\n# b.example\n\tmore\nc.example" },
	{ "/mailname", "mail.example\nsecond\n" },
};

static int
read_file(const char *path, struct buffer *out, struct error *error)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(files[i].path, path) != 0)
			continue;
		buffer_add_string(out, files[i].text);
		return 0;
	}
	return error_set(error, ERROR_GONE, "opening %s: it is not there",
		path);
}

static size_t
find_files(const char *pattern, struct arena *arena, const char ***paths)
{
	size_t count = 0, most = sizeof(files) / sizeof(files[0]);
	*paths = arena_new_array(arena, most, sizeof(**paths));
	for (size_t i = 0; i < most; i++)
		if (fnmatch(pattern, files[i].path, FNM_PATHNAME) == 0)
			(*paths)[count++] = files[i].path;
	return count;
}

static int
check_settings(const char *const *settings, size_t count, struct error *error)
{
	struct config *config = NULL;
	struct mail_location location;
	int result = config_load(NULL, settings, count, &config, error);
	if (result == 0)
		result = mail_location_parse(span_from(config_text(config,
			"mail_location")), &location, error);
	config_free(&config);
	return result;
}

static const struct import_world world = { read_file, find_files,
	check_settings };

/* ---- running a sample ---- */

static const char *
result_of(const struct config_import *import, struct buffer *out)
{
	buffer_clear(out);
	import_config_write(import, out);
	return strchr(buffer_string(out), '\n') + 1;
}

static int
fail_later(const struct sample *sample, const char *what, const char *text)
{
	print_error("%s: the %s is\n%s", sample->name, what, text);
	return 1;
}

/* How many texts are not what they must be. */
static int
run(const struct sample *sample, const char *path, const char *postfix,
	const char *dovecot)
{
	struct config_import import;
	struct error error;
	struct buffer out;
	int wrong = 0;
	files[0] = (struct named_file){ path, sample->text };
	import_config_init(&import, &world);
	buffer_init(&out, 0);
	if (import_config_read(&import, postfix, dovecot, &error) < 0)
		fail_msg("%s: %s", sample->name, error.text);
	if (strcmp(result_of(&import, &out), sample->result) != 0)
		wrong += fail_later(sample, "result",
			result_of(&import, &out));
	if (strcmp(buffer_string(&import.report), sample->report) != 0)
		wrong += fail_later(sample, "report",
			buffer_string(&import.report));
	buffer_fini(&out);
	import_config_fini(&import);
	return wrong;
}

/* ---- main.cf ---- */

#define NO "not carried over: "

static const struct sample main_cf[] = {
	{ "nothing", "", "", "" },
	{ "comments and empty lines", "# x = 1\n\n   \n  # y\nmyorigin = a\n",
		"myorigin = a\n", "" },
	{ "no comment behind a value", "relayhost = a # b\n",
		"relayhost = a # b\n", "" },
	{ "the last line has no end", "myorigin=a", "myorigin = a\n", "" },
	{ "CR at the end", "myorigin = a\r\n", "myorigin = a\n", "" },
	{ "an equals sign in a value", "relayhost = a=b\n",
		"relayhost = a=b\n", "" },
	{ "continued", "mydestination = a,\n  b\n\tc\n",
		"mydestination = a b c\n", "" },
	{ "continued behind a comment and an empty line",
		"mydestination = a\n# c\n\n b\nmyorigin = d\n",
		"myorigin = d\nmydestination = a b\n", "" },
	{ "a comment that is continued", "myorigin = d\n# c\n  # e\n f\n",
		"myorigin = d\n", "" },
	{ "an empty value", "mynetworks =\nrelayhost =\n",
		"mynetworks = \nrelayhost = \n", "" },
	{ "an empty value where one must be", "message_size_limit =\n", "",
		"d/main.cf:1: message_size_limit: " NO "message_size_limit: "
		"found \"\", expected a size such as 500000, 64M or 1G\n" },
	{ "the last counts", "myorigin = a\nmyorigin = b\n", "myorigin = b\n",
		"d/main.cf:1: myorigin: " NO "line 2 says something else\n" },

	{ "$name of ours stays", "mydestination = $myhostname ${mydomain} "
		"$(myorigin)\n",
		"mydestination = ${myhostname} ${mydomain} ${myorigin}\n", "" },
	{ "$name of theirs is replaced", "mine = a, $also\nalso = b\n"
		"relay_domains = $mine, c\n", "relay_domains = a b c\n",
		"d/main.cf:1: mine: " NO "this parameter of Postfix has no "
		"counterpart (it was \"a, $also\")\n"
		"d/main.cf:2: also: " NO "this parameter of Postfix has no "
		"counterpart (it was \"b\")\n" },
	{ "a name ends where letters do", "x = a\nrelayhost = $x.b$x-c\n",
		"relayhost = a.ba-c\n",
		"d/main.cf:1: x: " NO "this parameter of Postfix has no "
		"counterpart (it was \"a\")\n" },
	{ "$name that is not said", "myorigin = $config_directory\n", "",
		"d/main.cf:1: myorigin: " NO "\"$config_directory\" is not "
		"supported in it\n" },
	{ "$name of ours with another meaning",
		"alias_maps = hash:$data_directory/a\n", "",
		"d/main.cf:1: alias_maps: " NO "\"$data_directory/a\" is not "
		"supported in it\n" },
	{ "$name of ours with another meaning, and its value",
		"data_directory = /x\nalias_maps = hash:$data_directory/a\n",
		"alias_maps = hash:/x/a\n", "d/main.cf:1: data_directory: " NO
		"Posthouse keeps mail there, Postfix its caches\n" },
	{ "$$", "relayhost = 5 $$\n", "relayhost = 5 $$\n", "" },
	{ "$ alone", "relayhost = 5 $\n", "", "d/main.cf:1: relayhost: "
		NO "\"$\" is not supported in it\n" },
	{ "${ without an end", "relayhost = ${x\n", "",
		"d/main.cf:1: relayhost: " NO "\"${x\" is not supported in "
		"it\n" },
	{ "${name?text}", "relayhost = ${mydomain?yes}\n", "",
		"d/main.cf:1: relayhost: " NO "\"${mydomain?yes}\" is not "
		"supported in it\n" },
	{ "${name:text}", "relayhost = a ${mydomain:no} b\n", "",
		"d/main.cf:1: relayhost: " NO "\"${mydomain:no} b\" is not "
		"supported in it\n" },
	{ "${{a} == {b} ? {c} : {d}}", "relayhost = ${{a} == {b} ? {c}}\n",
		"", "d/main.cf:1: relayhost: " NO "\"${{a} == {b} ? {c}}\" "
		"is not supported in it\n" },
	{ "two that refer to each other",
		"mydestination = $relay_domains\n"
		"relay_domains = $mydestination\n",
		"mydestination = ${relay_domains}\n",
		"d/main.cf:2: relay_domains: " NO "relay_domains: its value "
		"refers to itself in a loop\n" },

	{ "files in a list of networks", "mynetworks = 127.0.0.0/8 /networks\n",
		"mynetworks = 127.0.0.0/8 192.0.2.0/24 198.51.100.1 "
		"[2001:db8::]/32\n", "" },
	{ "a table in a list of domains", "relay_domains = hash:/table\n",
		"relay_domains = a.example c.example\n", "" },
	{ "a file that is not there", "relay_domains = a, /none\n", "",
		"d/main.cf:1: relay_domains: " NO "\"/none\" is not supported "
		"in it\n" },
	{ "another type of table", "relay_domains = mysql:/x\n", "",
		"d/main.cf:1: relay_domains: " NO "relay_domains: found "
		"\"mysql:/x\", expected domains: such a table is not read "
		"here; write what it has into a file, one a line, and its path "
		"in its place\n" },
	{ "what is excluded", "mynetworks = !192.0.2.1 192.0.2.0/24\n",
		"mynetworks = !192.0.2.1 192.0.2.0/24\n", "" },
	{ "myorigin's file", "myorigin = /mailname\n",
		"myorigin = mail.example\n", "" },
	{ "aliases", "alias_maps = hash:/etc/aliases, regexp:/etc/more\n",
		"alias_maps = hash:/etc/aliases, regexp:/etc/more\n", "" },
	{ "aliases of another type", "alias_maps = hash:/a nis:mail.aliases\n",
		"", "d/main.cf:1: alias_maps: " NO "\"nis:mail.aliases\" is not "
		"supported in it\n" },

	{ "another name", "smtpd_tls_cert_file = /x.pem\n",
		"tls_cert_file = /x.pem\n", "d/main.cf:1: smtpd_tls_cert_file: "
		"carried over as tls_cert_file\n" },
	{ "another name, a value that is wrong", "mailbox_size_limit = many\n",
		"", "d/main.cf:1: mailbox_size_limit: " NO "mailbox_quota: "
		"found \"many\", expected a size such as 500000, 64M or 1G\n" },
	{ "two names that are one here", "mailbox_size_limit = 5\n"
		"virtual_mailbox_limit = 6\n", "mailbox_quota = 6\n",
		"d/main.cf:1: mailbox_size_limit: carried over as "
		"mailbox_quota\n"
		"d/main.cf:1: mailbox_quota: " NO "d/main.cf:2 says something "
		"else\n"
		"d/main.cf:2: virtual_mailbox_limit: carried over as "
		"mailbox_quota\n" },
	{ "no limit", "mailbox_size_limit = 0\n", "",
		"d/main.cf:1: mailbox_size_limit: " NO "no limit is the "
		"default\n" },
	{ "domains", "virtual_mailbox_domains = a, b\n", "",
		"d/main.cf:1: virtual_mailbox_domains: " NO "run `posthouse "
		"domain add` for each of \"a, b\"\n" },
};

static const struct sample master_cf[] = {
	{ "Postfix's own services", "smtp inet n - y - - smtpd\n"
		"pickup unix n - y 60 1 pickup\n", "", "" },
	{ "another port", "2525 inet n - y - - smtpd\n", "",
		"d/master.cf:1: 2525: " NO "set smtp_port, submission_port or "
		"submissions_port to listen there\n" },
	{ "an address", "[::1]:25 inet n - y - - smtpd\n", "",
		"d/master.cf:1: [::1]:25: " NO "use inet_interfaces for "
		"addresses\n" },
	{ "an option", "smtp inet n - y - - smtpd\n  -o a=b\n", "",
		"d/master.cf:1: smtp: " NO "-o a=b (submission always asks for "
		"authentication, port 25 never relays for strangers)\n" },
	{ "an option with blanks", "smtp inet n - y - - smtpd\n"
		"  -o { a = b c }\n", "",
		"d/master.cf:1: smtp: " NO "-o a = b c (submission always asks "
		"for authentication, port 25 never relays for strangers)\n" },
	{ "a program of others", "x unix - n n - - pipe\n  flags=R\n", "",
		"d/master.cf:1: x: " NO "Posthouse has no service with pipe\n" },
};

/* ---- what is no configuration: one sentence ---- */

static const struct mistake {
	const char *file, *text, *sentence;
} mistakes[] = {
	{ "d/main.cf", "nothing\n",
		"d/main.cf:1: found \"nothing\", expected name = value" },
	{ "d/main.cf", "a = b\n= c\n",
		"d/main.cf:2: found \"= c\", expected name = value" },
	{ "d/master.cf", "smtp inet n -\n",
		"d/master.cf:1: found 4 fields, expected eight" },
};

/* ---- tests ---- */

static void
a_main_cf_is_carried_over_or_said(void **state)
{
	int wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(main_cf) / sizeof(main_cf[0]); i++)
		wrong += run(&main_cf[i], "d/main.cf", "d", NULL);
	assert_int_equal(wrong, 0);
}

static void
services_of_master_cf_are_said(void **state)
{
	int wrong = 0;
	(void)state;
	files[1] = (struct named_file){ "d/main.cf", "" };
	for (size_t i = 0; i < sizeof(master_cf) / sizeof(master_cf[0]); i++)
		wrong += run(&master_cf[i], "d/master.cf", "d", NULL);
	assert_int_equal(wrong, 0);
}

/* A hundred thousand bytes that stand for 10^60 would take for ever. */
static void
names_in_names_have_an_end(void **state)
{
	struct buffer text;
	struct sample sample = { .name = "names", .result = "" };
	struct config_import import;
	struct error error;
	(void)state;
	buffer_init(&text, 0);
	for (char name = 'a'; name < 'm'; name++) {
		buffer_print(&text, "%c = ", name);
		for (size_t i = 0; i < 1000; i++)
			buffer_print(&text, "$%c", name + 1);
		buffer_add_byte(&text, '\n');
	}
	buffer_add_string(&text, "m =\nmyorigin = $a\n");
	sample.text = buffer_string(&text);
	files[0] = (struct named_file){ "d/main.cf", sample.text };
	import_config_init(&import, &world);
	assert_int_equal(import_config_read(&import, "d", NULL, &error), 0);
	assert_non_null(strstr(buffer_string(&import.report),
		"myorigin: " NO));
	import_config_fini(&import);
	buffer_fini(&text);
}

static void
a_mistake_is_one_sentence(void **state)
{
	(void)state;
	files[1] = (struct named_file){ "d/main.cf", "" };
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const struct mistake *mistake = &mistakes[i];
		struct config_import import;
		struct error error;
		files[0] = (struct named_file){ mistake->file, mistake->text };
		import_config_init(&import, &world);
		assert_int_equal(import_config_read(&import, "d", NULL,
			&error), -1);
		assert_string_equal(error.text, mistake->sentence);
		import_config_fini(&import);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_main_cf_is_carried_over_or_said),
		cmocka_unit_test(services_of_master_cf_are_said),
		cmocka_unit_test(names_in_names_have_an_end),
		cmocka_unit_test(a_mistake_is_one_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
