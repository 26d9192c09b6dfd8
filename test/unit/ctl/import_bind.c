/*
 * `config import --bind`: texts of named.conf, the posthouse.conf that becomes of them,
 * and the report of what does not. Files are a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "import_world.h"

/* ---- the world ---- */

static struct named_file files[FILES] = {
	{ "/b/named.conf", "" },
	{ "/b/zones", "zone \"z.test\" { type primary; file \"/z\"; };\n" },
	{ "/b/more/a", "zone \"a.test\" { type primary; file \"/a\"; };" },
	{ "/b/more/b", "\nzone \"b.test\" { type primary; file \"/b\"; };" },
	{ "/b/loop", "include \"/b/loop\";\n" },
	{ "/b/open", "options {\n" },
};

/* A zone with "wrong" in its name has a mistake. */
static int
check_settings(const char *const *settings, size_t count, struct error *error)
{
	struct config *config = NULL;
	int result = config_load(NULL, settings, count, &config, error);
	config_free(&config);
	if (result == 0 && strstr(settings[count - 1], "wrong") != NULL)
		result = error_set(error, ERROR_USAGE, "dns_zones: it is wrong");
	return result;
}

/* ---- samples ---- */

#define AT(line) "/b/named.conf:" line ": "
#define NO "not carried over: "
#define ZONE(name) "zone \"" name "\" { type master; file \"/" name "\"; };\n"
#define TRANSFER "carried over in dns_allow_transfer, which is for all zones\n"
#define NOTIFY "carried over in dns_also_notify, which is for all zones\n"
#define RECURSION "carried over as dns_recursion_networks\n"

static const struct sample samples[] = {
	{ "nothing", "", "", "" },
	{ "comments", "# a\n// b {\n/* c;\n } */ ;\n", "", "" },
	{ "comments within", "zone \"a.test\"/* x */IN{type master;// y\n"
		"file \"/a\" # z\n;};", "dns_zones = a.test:/a\n",
		AT("1") "a.test: carried over in dns_zones\n" },

	{ "zones", ZONE("a.test") ZONE("b.test."),
		"dns_zones = a.test:/a.test b.test:/b.test.\n",
		AT("1") "a.test: carried over in dns_zones\n"
		AT("2") "b.test: carried over in dns_zones\n" },
	{ "files below a directory, wherever that stands",
		"zone a.test { type primary; file \"a\"; };\n"
		"options { directory \"/var/named\"; };\n",
		"dns_zones = a.test:/var/named/a\n",
		AT("1") "a.test: carried over in dns_zones\n"
		AT("2") "directory: is in the paths of dns_zones\n" },
	{ "files beside named.conf", "zone a.test { type primary; file \"a\"; };",
		"dns_zones = a.test:/b/a\n",
		AT("1") "a.test: carried over in dns_zones\n" },
	{ "a zone that is wrong", ZONE("wrong") ZONE("a.test"),
		"dns_zones = a.test:/a.test\n",
		AT("1") "wrong: " NO "dns_zones: it is wrong\n"
		AT("2") "a.test: carried over in dns_zones\n" },
	{ "no file", "zone a.test { type master; };", "",
		AT("1") "a.test: " NO "it has no file\n" },
	{ "a blank in a path", "zone a.test { type master; file \"/a b\"; };",
		"", AT("1") "a.test: " NO "the name of its file has a blank or "
		"a comma\n" },
	{ "a zone that is no text", "zone a.test { type master; file \"/a\";\n"
		"masterfile-format raw; };", "", AT("2") "a.test: " NO "its "
		"file is no text; make one with named-compilezone\n" },
	{ "zones of every resolver", "zone \".\" { type hint; file \"/x\"; };\n"
		ZONE("localhost") ZONE("127.in-addr.arpa")
		ZONE("0.in-addr.arpa"), "",
		AT("1") ".: not needed: the resolver knows it by itself\n"
		AT("2") "localhost: not needed: the resolver knows it by "
		"itself\n"
		AT("3") "127.in-addr.arpa: not needed: the resolver knows it "
		"by itself\n"
		AT("4") "0.in-addr.arpa: " NO "no host has a name in it\n" },
	{ "a type of theirs", "zone a.test { type forward; forwarders { "
		"192.0.2.1; }; };", "", AT("1") "a.test: " NO "zones of type "
		"\"forward\" are not known here\n"
		AT("1") "forwarders: " NO "forwarders are for all questions; "
		"see dns_forwarders\n" },
	{ "updates", "zone a.test { type master; file \"/a\";\n"
		"allow-update { none; };\n};\nzone b.test { type master;\n"
		"file \"/b\"; allow-update { key x; }; };",
		"dns_zones = a.test:/a b.test:/b\n",
		AT("1") "a.test: carried over in dns_zones\n"
		AT("2") "allow-update: not needed: nobody changes zones from "
		"the network\n"
		AT("4") "b.test: carried over in dns_zones\n"
		AT("5") "allow-update: " NO "nobody changes zones from the "
		"network; change the file and run `posthouse reload`\n" },
	{ "signed", "zone a.test { type master; file \"/a\";\n"
		"dnssec-policy default; };", "dns_zones = a.test:/a\n",
		AT("1") "a.test: carried over in dns_zones\n"
		AT("2") "dnssec-policy: " NO "set dns_signed_zones; its key "
		"will be a new one, whose DS goes to the registrar\n" },

	{ "secondary zones", "zone a.test { type slave; file \"s/a\";\n"
		"masters { 192.0.2.1; 2001:db8::1 port 5353; }; };\n"
		"zone b.test { type secondary; primaries port 54 { p; }; };\n"
		"primaries p { 192.0.2.2; 192.0.2.3 port 55; };\n",
		"dns_secondary_zones = a.test:192.0.2.1 "
		"a.test:2001:db8::1@5353 b.test:192.0.2.2 "
		"b.test:192.0.2.3@55\n",
		AT("1") "a.test: carried over in dns_secondary_zones\n"
		AT("3") "b.test: carried over in dns_secondary_zones\n"
		AT("4") "primaries: is in the lists that name it\n" },
	{ "names that are several words", "zone \"a b\" { type master; "
		"file \"/a\"; };\nzone \"a:b\" { type slave; masters { "
		"192.0.2.1; }; };\nzone a.test { type slave; masters { "
		"\"192.0.2.1 b\"; 192.0.2.2 port \"5 6\"; }; };", "",
		AT("1") "a b: " NO "it is not the name of a zone\n"
		AT("2") "a:b: " NO "it is not the name of a zone\n"
		AT("3") "192.0.2.1 b: " NO "no such list of servers is there\n"
		AT("3") "a.test: " NO "no address of a primary is there\n" },
	{ "no primary", "zone a.test { type slave; masters { p; }; };", "",
		AT("1") "p: " NO "no such list of servers is there\n"
		AT("1") "a.test: " NO "no address of a primary is there\n" },
	{ "signed transfers", "key \"k\" { algorithm hmac-sha256; secret "
		"\"c2VjcmV0\"; };\nzone a.test { type slave;\n"
		"masters { 192.0.2.1 key k; }; };\n",
		"dns_secondary_zones = a.test:192.0.2.1\n",
		AT("1") "k: " NO "write its name, algorithm and secret into "
		"the file of dns_tsig_keys, and =k behind the addresses that "
		"have it\n"
		AT("3") "k: " NO "nothing is signed with this server (TSIG) "
		"until =k stands behind its address, and the key in the file "
		"of dns_tsig_keys\n"
		AT("2") "a.test: carried over in dns_secondary_zones\n" },

	{ "who may have zones", "options { allow-transfer { 192.0.2.1; "
		"!10.1/16; 10/8; 2001:db8::/32; friends; { 192.0.2.9; }; };\n"
		"also-notify { 192.0.2.1; 192.0.2.2 port 54; }; };\n"
		"acl friends { 192.0.2.4; localhost; };\n",
		"dns_allow_transfer = 192.0.2.1 !10.1.0.0/16 10.0.0.0/8 "
		"[2001:db8::]/32 192.0.2.4 192.0.2.9 127.0.0.0/8 [::1]/128\n"
		"dns_also_notify = 192.0.2.1 192.0.2.2@54\n",
		AT("1") "allow-transfer: " TRANSFER
		AT("2") "also-notify: " NOTIFY
		AT("3") "acl: is in the lists that name it\n" },
	{ "nobody may", "options { allow-transfer { none; }; };", "",
		AT("1") "allow-transfer: not needed: nobody may have whole "
		"zones, if nothing else is said\n" },
	{ "everybody may, or who has a key", "options {\n"
		"allow-transfer { any; };\nallow-transfer { key k; }; };", "",
		AT("2") "allow-transfer: " NO "whole zones are for nameservers "
		"that are named; set dns_allow_transfer\n"
		AT("3") "allow-transfer: " NO "write NETWORK=k into "
		"dns_allow_transfer, and the key into the file of "
		"dns_tsig_keys\n" },
	{ "a list that is not there", "options { allow-transfer { x; !y; }; };",
		"", AT("1") "allow-transfer: " NO "\"y\" is not supported in "
		"it; set dns_allow_transfer\n" },
	{ "an acl in itself", "acl a { b; };\nacl b { a; };\n"
		"options { allow-transfer { a; }; };", "",
		AT("1") "acl: is in the lists that name it\n"
		AT("2") "acl: is in the lists that name it\n"
		AT("3") "allow-transfer: " NO "\"a list that is too long\" is "
		"not supported in it; set dns_allow_transfer\n" },

	{ "recursion for some", "options { recursion yes;\n"
		"allow-recursion { 192.168.10.0/24; localhost; }; };",
		"dns_recursion_networks = 192.168.10.0/24 127.0.0.0/8 "
		"[::1]/128\n",
		AT("1") "recursion: not needed: it is for "
		"dns_recursion_networks\n"
		AT("2") "allow-recursion: " RECURSION },
	{ "no recursion", "options { recursion no; };",
		"dns_recursion_networks = 127.0.0.0/8 [::1]/128\n",
		AT("1") "recursion: " RECURSION },
	{ "recursion for nobody", "options { allow-recursion { none; }; };",
		"dns_recursion_networks = 127.0.0.0/8 [::1]/128\n",
		AT("1") "allow-recursion: " RECURSION },
	{ "recursion for everybody", "options { allow-recursion { any; }; };",
		"", AT("1") "allow-recursion: " NO "the resolver is never for "
		"everybody; set dns_recursion_networks\n" },
	{ "recursion for the networks of the machine",
		"options { allow-recursion { localnets; 192.0.2.0/24; }; };", "",
		AT("1") "allow-recursion: " NO "without dns_recursion_networks "
		"it is for this machine's private networks and mynetworks, "
		"with it for those named: 192.0.2.0/24\n" },
	{ "two lists", "options { allow-recursion { 192.0.2.1; };\n"
		"allow-query-cache { 192.0.2.2; }; };",
		"dns_recursion_networks = 192.0.2.1\n",
		AT("1") "allow-recursion: " RECURSION
		AT("2") "allow-query-cache: " NO "another list says who may "
		"use the resolver\n" },
	{ "forwarders", "options { forwarders { 192.0.2.1; 192.0.2.2 port 54; "
		"};\nforward only; };",
		"dns_forwarders = 192.0.2.1 192.0.2.2@54\n",
		AT("1") "forwarders: carried over as dns_forwarders\n"
		AT("2") "forward: not needed: all questions go to "
		"dns_forwarders, if there are any\n" },
	{ "no forwarders", "options { forwarders { }; };", "", AT("1")
		"forwarders: not needed: there are none, if nothing else is "
		"said\n" },
	{ "validation", "options { dnssec-validation no; };",
		"dns_validation = no\n",
		AT("1") "dnssec-validation: carried over as dns_validation\n" },
	{ "another port", "options { listen-on port 5353 { 192.0.2.1; }; };",
		"dns_port = 5353\n",
		AT("1") "listen-on: carried over as dns_port\n"
		AT("1") "listen-on: " NO "use inet_interfaces, which is for "
		"mail too\n" },
	{ "rates", "options { rate-limit { responses-per-second 20; slip 3;\n"
		"window 5; }; max-cache-size 64m; };",
		"dns_cache_size = 64m\ndns_rate_limit = 20\n"
		"dns_rate_limit_slip = 3\n",
		AT("1") "responses-per-second: carried over as "
		"dns_rate_limit\n"
		AT("1") "slip: carried over as dns_rate_limit_slip\n"
		AT("2") "window: " NO "clients are counted by networks, zones "
		"and kinds of answers; see dns_rate_limit\n"
		AT("2") "max-cache-size: carried over as dns_cache_size\n" },

	{ "views", "view \"inside\" { match-clients { 192.0.2.1; };\n"
		ZONE("a.test") "};\n", "",
		AT("1") "match-clients: " NO "it is of the view inside; "
		"everybody gets the same answers here\n"
		AT("2") "a.test: " NO "it is of the view inside; everybody "
		"gets the same answers here\n" },
	{ "a server and its key", "server 192.0.2.1 { keys { k; }; };", "",
		AT("1") "server: " NO "servers are all spoken with alike; a "
		"key of its stands behind its address, with =\n" },
	{ "others", "logging { };\ncontrols { inet 127.0.0.1 port 953 allow { "
		"any; } keys { k; }; };\nx y;\noptions { z; };\n", "",
		AT("1") "logging: " NO "log_path and log_level say where and "
		"what is logged\n"
		AT("2") "controls: not needed: use the command posthouse\n"
		AT("3") "x: " NO "this statement of BIND has no counterpart\n"
		AT("4") "z: " NO "this statement of BIND has no "
		"counterpart\n" },

	{ "include", "include \"/b/zones\";\ninclude \"more/*\";\n"
		"include \"/none/*\";\n" ZONE("c.test"),
		"dns_zones = z.test:/z a.test:/a b.test:/b c.test:/c.test\n",
		"/b/zones:1: z.test: carried over in dns_zones\n"
		"/b/more/a:1: a.test: carried over in dns_zones\n"
		"/b/more/b:2: b.test: carried over in dns_zones\n"
		AT("4") "c.test: carried over in dns_zones\n" },

	{ "a textbook's file",
		"options {\n"
		"        listen-on port 53 { any; };\n"
		"        directory \"/var/named\";\n"
		"        allow-query     { any; };\n"
		"        recursion yes;\n"
		"        dnssec-validation yes;\n"
		"};\n"
		"zone \".\" IN {\n        type hint;\n"
		"        file \"named.ca\";\n};\n"
		"zone \"linuxprobe.com\" IN {\n        type master;\n"
		"        file \"linuxprobe.com.zone\";\n"
		"        allow-update {192.168.10.20;};\n};\n"
		"zone \"10.168.192.in-addr.arpa\" IN {\n        type master;\n"
		"        file \"192.168.10.arpa\";\n"
		"        allow-update {none;};\n};\n",
		"dns_zones = linuxprobe.com:/var/named/linuxprobe.com.zone "
		"10.168.192.in-addr.arpa:/var/named/192.168.10.arpa\n",
		AT("2") "listen-on: not needed: inet_interfaces is all, if "
		"nothing else is said\n"
		AT("3") "directory: is in the paths of dns_zones\n"
		AT("4") "allow-query: not needed: zones are served to "
		"everybody\n"
		AT("5") "recursion: not needed: it is for "
		"dns_recursion_networks\n"
		AT("6") "dnssec-validation: not needed: answers are validated; "
		"see dns_validation\n"
		AT("8") ".: not needed: the resolver knows it by itself\n"
		AT("12") "linuxprobe.com: carried over in dns_zones\n"
		AT("15") "allow-update: " NO "nobody changes zones from the "
		"network; change the file and run `posthouse reload`\n"
		AT("17") "10.168.192.in-addr.arpa: carried over in dns_zones\n"
		AT("20") "allow-update: not needed: nobody changes zones from "
		"the network\n" },
};

/* ---- what is no named.conf: one sentence ---- */

static const struct {
	const char *text, *sentence;
} mistakes[] = {
	{ "zone", AT("1") "found \"the end\", expected a semicolon" },
	{ "options {", AT("1") "found \"the end\", expected a statement, or }" },
	{ "options { x }", AT("1") "found \"}\", expected a semicolon" },
	{ "\n}", AT("2") "found \"}\", expected a statement" },
	{ "/* x", AT("1") "found \"/*\", expected */" },
	{ "a \"b;\n", AT("1") "found \"\"b;\", expected a quote at the end" },
	{ "zone \"a\nsmtp_port = 0\" { };", AT("1") "found \"\"a\", expected a "
		"quote at the end" },
	{ "a \"\\\n\";", AT("1") "found \"\"\\\", expected a quote at the "
		"end" },
	{ "include \"/none\";", AT("1") "found \"/none\", expected a file that "
		"is there" },
	{ "include \"/b/loop\";", "/b/loop:1: found \"/b/loop\", expected fewer "
		"includes, and less deep ones" },
	{ "include \"/b/open\";\n}", "/b/open:2: found \"the end\", expected a "
		"statement, or }" },
	{ "a {{{{{{{{{{{{{{{{{{{{", AT("1") "found \"{\", expected blocks that "
		"are less deep" },
};

/* ---- tests ---- */

static void
a_named_conf_is_carried_over_or_said(void **state)
{
	int wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		wrong += run(&samples[i], NULL, NULL, "/b/named.conf");
	assert_int_equal(wrong, 0);
}

static void
a_mistake_is_one_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct config_import import;
		struct error error;
		files[0].text = mistakes[i].text;
		import_config_init(&import, &world);
		assert_int_equal(import_config_read(&import, NULL, NULL,
			"/b/named.conf", &error), -1);
		assert_string_equal(error.text, mistakes[i].sentence);
		import_config_fini(&import);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_named_conf_is_carried_over_or_said),
		cmocka_unit_test(a_mistake_is_one_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
