/*
 * `config import`: texts of main.cf, master.cf and dovecot.conf, the posthouse.conf
 * that becomes of them, and the report of what does not. Files are a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "import_world.h"
#include "proto/mail_location.h"

/* ---- the world ---- */

/* The first is the one that a sample is about, the second one beside it. */
static struct named_file files[FILES] = {
	{ "", "" },
	{ "", "" },
	{ "d/a.conf", "ssl_key = </a\n" },
	{ "d/b.conf", "!include deeper/c.conf\nprotocols = $protocols pop3\n" },
	{ "d/deeper/c.conf", "first_valid_uid = 7" },
	{ "d/loop.conf", "!include loop.conf\n" },
	{ "d/open.conf", "plugin {\n" },
	{ "d/sql.conf", "# driver = mysql\ndriver = pgsql\nconnect = x\n" },
	{ "d/mysql.conf", "driver = mysql\n" },
	{ "/networks", "# ours\n192.0.2.0/24, 198.51.100.1\n  [2001:db8::]/32\n"
		"\n" },
	{ "/table", "a.example  OK\n# b.example\n\tmore\nc.example" },
	{ "/mailname", "mail.example\nsecond\n" },
};

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

static int
run_as(const char *path, const struct sample *sample, const char *postfix,
	const char *dovecot)
{
	files[0].path = path;
	return run(sample, postfix, dovecot, NULL);
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

/* All three ports, so that none is closed. */
#define PORTS "smtp inet n - y - - smtpd\nsubmission inet n - y - - smtpd\n" \
	"smtps inet n - y - - smtpd\n"
#define CLOSED(line, name, ours) \
	"d/master.cf:" line ": " name ": carried over as " ours "\n" \
	"d/master.cf:" line ": " name ": which is closed so, as no service " \
	"has it; take the line out to offer it\n"
#define ALWAYS "not needed: a port for submission always asks for " \
	"authentication, and takes no password without TLS\n"

static const struct sample master_cf[] = {
	{ "Postfix's own services", PORTS "pickup unix n - y 60 1 pickup\n",
		"", "" },
	{ "ports as numbers", "25 inet n - y - 1 postscreen\n"
		"587 inet n - y - - smtpd\n465 inet n - y - - smtpd\n", "",
		"" },
	{ "what postscreen passes on", PORTS "smtpd pass - - y - - smtpd\n"
		"  -o smtpd_timeout=5s\n", "", "d/master.cf:4: smtpd_timeout: "
		NO "it was of one service (\"5s\"), and would be of all "
		"here\n" },
	{ "no port for submission", "smtp inet n - y - - smtpd\n"
		"#submission inet n - y - - smtpd\n",
		"submission_port = 0\nsubmissions_port = 0\n",
		CLOSED("1", "submission", "submission_port")
		CLOSED("1", "smtps", "submissions_port") },
	{ "no port 25", "submissions inet n - y - - smtpd\n"
		"submission inet n - y - - smtpd\n", "smtp_port = 0\n",
		CLOSED("2", "smtp", "smtp_port") },
	{ "another port", PORTS "2525 inet n - y - - smtpd\n", "",
		"d/master.cf:4: 2525: " NO "set smtp_port, submission_port or "
		"submissions_port to listen there\n" },
	{ "an address", PORTS "[::1]:25 inet n - y - - smtpd\n", "",
		"d/master.cf:4: [::1]:25: " NO "use inet_interfaces for "
		"addresses\n" },
	{ "options of submission", "smtp inet n - y - - smtpd\n"
		"submission inet n - y - - smtpd\n"
		"  -o syslog_name=postfix/submission\n"
		"  -o smtpd_tls_security_level=encrypt\n"
		"  -o smtpd_sasl_auth_enable=yes -o smtpd_recipient_limit=5\n"
		"  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject\n"
		"smtps inet n - y - - smtpd -v\n"
		"  -o smtpd_tls_wrappermode=yes\n", "",
		"d/master.cf:2: syslog_name: " NO "log_path and log_level say "
		"where and what is logged\n"
		"d/master.cf:2: smtpd_tls_security_level: " ALWAYS
		"d/master.cf:2: smtpd_sasl_auth_enable: " ALWAYS
		"d/master.cf:2: smtpd_recipient_limit: " NO "it was of one "
		"service (\"5\"), and would be of all here\n"
		"d/master.cf:2: smtpd_relay_restrictions: " ALWAYS
		"d/master.cf:7: smtpd_tls_wrappermode: " ALWAYS },
	{ "AUTH at port 25", PORTS "smtp inet n - y - - smtpd\n"
		"  -o smtpd_sasl_auth_enable=yes\n",
		"smtpd_sasl_auth_enable = yes\n", "" },
	{ "what port 25 always has", PORTS "smtp inet n - y - - smtpd\n"
		"  -o smtpd_use_tls=no\n", "", "d/master.cf:4: smtpd_use_tls: "
		NO "port 25 offers STARTTLS and relays for mynetworks and "
		"authenticated clients only\n" },
	{ "how mail is delivered", PORTS "smtp unix - - y - - smtp\n"
		"  -o smtp_helo_name=a.example -osmtp_helo_timeout=5s\n"
		"relay unix - - y - - smtp\n  -o smtp_helo_timeout=6s\n"
		"  -o smtp_fallback_relay=\n",
		"smtp_helo_name = a.example\nsmtp_helo_timeout = 5s\n",
		"d/master.cf:6: smtp_helo_timeout: " NO "it was of one service "
		"(\"6s\"), and would be of all here\n"
		"d/master.cf:6: smtp_fallback_relay: " NO "use relayhost or "
		"transport_maps\n" },
	{ "$name in an option", PORTS "smtp unix - - y - - smtp\n"
		"  -o smtp_helo_name=$x\n", "", "d/master.cf:4: "
		"smtp_helo_name: " NO "it was of one service (\"$x\"), and "
		"would be of all here\n" },
	{ "an option with blanks", PORTS "smtp inet n - y - - smtpd\n"
		"  -o { a = b c }\n", "",
		"d/master.cf:4: a: " NO "this parameter of Postfix has no "
		"counterpart (it was \"b c\")\n" },
	{ "a program of others", PORTS "x unix - n n - - pipe\n  flags=R\n",
		"", "d/master.cf:4: x: " NO "Posthouse has no service with "
		"pipe\n" },
};

/* ---- dovecot.conf ---- */

static const struct sample dovecot_conf[] = {
	{ "nothing", "\n# x\n", "", "" },
	{ "a comment behind a value", "first_valid_uid = 5 # x = 6\n",
		"first_valid_uid = 5\n", "" },
	{ "no blanks", "first_valid_uid=5\n", "first_valid_uid = 5\n", "" },
	{ "quotes", "first_valid_uid = \"5\"\nlast_valid_uid = '9'\n",
		"first_valid_uid = 5\nlast_valid_uid = 9\n", "" },
	{ "a # in quotes", "ssl_key = '</a #b'\n", "tls_key_file = /a #b\n",
		"d/dovecot.conf:1: ssl_key: carried over as tls_key_file\n" },
	{ "continued", "first_valid_uid = \\\n  5\n",
		"first_valid_uid = 5\n", "" },
	{ "continued at the end", "first_valid_uid = 5\\", "first_valid_uid = 5\n",
		"" },
	{ "a brace in a value", "mail_location = maildir:~/{x\n",
		"mail_location = maildir:~/{x\n", "" },
	{ "an equals sign in the name of a block",
		"local_name \"a=b\" {\n  ssl_cert = </x\n}\n", "",
		"d/dovecot.conf:2: ssl_cert: " NO "settings for some "
		"protocols, clients or names only are not known here\n" },
	{ "the last counts", "first_valid_uid = 5\nfirst_valid_uid = 6\n",
		"first_valid_uid = 6\n", "d/dovecot.conf:1: first_valid_uid: "
		NO "d/dovecot.conf:2 says something else\n" },
	{ "twice the same", "first_valid_uid = 5\nfirst_valid_uid = 5\n",
		"first_valid_uid = 5\n", "" },

	{ "!include", "!include a.conf\n", "tls_key_file = /a\n",
		"d/a.conf:1: ssl_key: carried over as tls_key_file\n" },
	{ "!include with a tab", "!include\ta.conf\n", "tls_key_file = /a\n",
		"d/a.conf:1: ssl_key: carried over as tls_key_file\n" },
	{ "!include of an include", "protocols = imap\n!include b.conf\n",
		"first_valid_uid = 7\nprotocols = imap pop3\n", "" },
	{ "!include of a pattern", "!include deeper/*.conf\n",
		"first_valid_uid = 7\n", "" },
	{ "!include of a pattern that fits nothing", "!include no*\n", "", "" },
	{ "!include_try", "!include_try none.conf\n!include_try a.conf\n",
		"tls_key_file = /a\n",
		"d/a.conf:1: ssl_key: carried over as tls_key_file\n" },

	{ "< and a file", "ssl_cert = </x.pem\n", "tls_cert_file = /x.pem\n",
		"d/dovecot.conf:1: ssl_cert: carried over as tls_cert_file\n" },
	{ "< , a blank and a file", "ssl_cert = < /x.pem\n",
		"tls_cert_file = /x.pem\n",
		"d/dovecot.conf:1: ssl_cert: carried over as tls_cert_file\n" },
	{ "a plain value", "ssl_cert = /x.pem\n", "",
		"d/dovecot.conf:1: ssl_cert: " NO "it is not a file\n" },

	{ "protocols", "protocols = imap $x sieve lmtp\n",
		"protocols = imap lmtp\n",
		"d/dovecot.conf:1: protocols: $x is left out: there is no such "
		"thing here\n"
		"d/dovecot.conf:1: protocols: sieve is left out: there is no "
		"such thing here\n" },
	{ "protocols, others", "protocols = imap\nprotocols = pop3\n",
		"protocols = pop3\n", "d/dovecot.conf:1: protocols: " NO
		"d/dovecot.conf:2 says something else\n" },
	{ "mechanisms", "auth_mechanisms = gssapi\n", "",
		"d/dovecot.conf:1: auth_mechanisms: gssapi is left out: there "
		"is no such thing here\n"
		"d/dovecot.conf:1: auth_mechanisms: " NO "nothing is left of "
		"it\n" },
	{ "mail_location and indexes",
		"mail_location = mbox:~/mail:INBOX=/var/mail/%u:INDEX=/x\n",
		"mail_location = mbox:~/mail:INBOX=/var/mail/%u\n",
		"d/dovecot.conf:1: mail_location: INDEX=/x is left out: "
		"indexes are Posthouse's own\n" },
	{ "mail_location with other folders",
		"mail_location = maildir:~/Maildir:LAYOUT=fs\n", "",
		"d/dovecot.conf:1: mail_location: " NO "mail_location: found "
		"\"LAYOUT=fs\", expected LAYOUT=Maildir++\n" },
	{ "mail_location that is no path", "mail_location = maildir:Maildir\n",
		"", "d/dovecot.conf:1: mail_location: " NO "mail_location: "
		"found \"Maildir\", expected a path that begins with / or "
		"~/\n" },
	{ "mail_location of another format", "mail_location = sdbox:~/x\n", "",
		"d/dovecot.conf:1: mail_location: " NO "this format is not "
		"read here; take the mail over with `posthouse import "
		"imap://...`\n" },
	{ "trusted networks", "login_trusted_networks = 192.0.2.0/24\n",
		"proxy_networks = 192.0.2.0/24\n",
		"d/dovecot.conf:1: login_trusted_networks: carried over as "
		"proxy_networks\n"
		"d/dovecot.conf:1: login_trusted_networks: which is what "
		"Dovecot means by it; login_trusted_networks of Posthouse "
		"would keep all others from logging in\n" },
	{ "trusted networks that are none", "login_trusted_networks = x\n", "",
		"d/dovecot.conf:1: login_trusted_networks: " NO
		"proxy_networks: found \"x\", expected networks such as "
		"192.168.10.0/24 or [2001:db8::]/32\n" },
	{ "connections of IMAP",
		"protocol imap {\n mail_max_userip_connections = 20\n}\n",
		"imap_user_connection_limit = 20\n",
		"d/dovecot.conf:2: mail_max_userip_connections: carried over "
		"as imap_user_connection_limit\n"
		"d/dovecot.conf:2: mail_max_userip_connections: it counts an "
		"account from everywhere now\n" },
	{ "connections of POP3",
		"protocol pop3 {\n mail_max_userip_connections = 3\n}\n", "",
		"d/dovecot.conf:2: mail_max_userip_connections: " NO "settings "
		"for some protocols, clients or names only are not known "
		"here\n" },
	{ "a port", "service imap-login {\n  inet_listener imap {\n"
		"    port = 1143\n    ssl = no\n  }\n  user = x\n}\n",
		"imap_port = 1143\n",
		"d/dovecot.conf:4: ssl: " NO "Posthouse listens on "
		"inet_interfaces, and where the *_port parameters say\n"
		"d/dovecot.conf:6: user: not needed: the processes are "
		"Posthouse's own\n" },
	{ "a quota", "plugin {\n quota_rule = *:storage=2048\n quota = x\n}\n",
		"mailbox_quota = 2048K\n",
		"d/dovecot.conf:2: quota_rule: carried over as mailbox_quota\n"
		"d/dovecot.conf:3: quota: " NO "there are no plugins\n" },
	{ "a quota in percent", "plugin {\n quota_rule = *:storage=5%\n}\n",
		"", "d/dovecot.conf:2: quota_rule: " NO "mailbox_quota: found "
		"\"5%\", expected a size such as 500000, 64M or 1G\n" },

	{ "system users", "passdb {\n driver = pam\n args = dovecot\n}\n"
		"userdb {\n driver = passwd\n}\n", "accounts = builtin system\n",
		"d/dovecot.conf:4: accounts: carried over as system\n" },
	{ "a passwd-file", "passdb {\n driver = passwd-file\n"
		" args = username_format=%n /users\n}\n",
		"accounts = builtin passwd-file:/users\n",
		"d/dovecot.conf:4: passdb: username_format=%n is left out: it "
		"has no counterpart\n"
		"d/dovecot.conf:4: accounts: carried over as "
		"passwd-file:/users\n" },
	{ "a passwd-file for each domain", "passdb {\n driver = passwd-file\n"
		" args = /etc/%d/users\n}\n", "", "d/dovecot.conf:4: passdb: "
		NO "its file's name has a variable; name each file in "
		"accounts\n" },
	{ "PostgreSQL", "passdb {\n driver = sql\n args = d/sql.conf\n}\n",
		"accounts = builtin pgsql:d/sql.conf\n",
		"d/dovecot.conf:4: accounts: carried over as pgsql:d/sql.conf\n"
		},
	{ "MySQL", "userdb {\n driver = sql\n args = d/mysql.conf\n}\n", "",
		"d/dovecot.conf:4: userdb: " NO "the driver sql is not known "
		"here; use passwd-file, ldap, pgsql or `posthouse user add`\n" },
	{ "who may not", "passdb {\n driver = passwd-file\n args = /x\n"
		" deny = yes\n}\n", "", "d/dovecot.conf:5: passdb: " NO
		"neither deny nor master users are known here\n" },
	{ "a static userdb", "userdb {\n driver = static\n args = uid=5\n}\n",
		"", "d/dovecot.conf:4: userdb: " NO "mail of accounts that are "
		"no system users is Posthouse's own\n" },
	{ "a block in a passdb", "passdb {\n driver = pam\n x {\n }\n}\n",
		"accounts = builtin system\n",
		"d/dovecot.conf:5: accounts: carried over as system\n" },
	{ "a name of nobody", "x = y\n", "", "d/dovecot.conf:1: x: " NO "this "
		"parameter of Dovecot has no counterpart (it was \"y\")\n" },
};

/* ---- dovecot.conf of 2.4, after its documentation: names, and whole files ---- */

#define SOURCE "into the file of a source "

static const struct sample dovecot_24[] = {
	{ "versions", "dovecot_config_version = 2.4.1\n"
		"dovecot_storage_version = 2.4.0\n", "",
		"d/dovecot.conf:1: dovecot_config_version: " NO "leave the line "
		"out\n"
		"d/dovecot.conf:2: dovecot_storage_version: " NO "leave the "
		"line out\n" },
	{ "protocols one by one", "protocols {\n imap = yes\n lmtp = yes\n"
		" pop3 = no\n}\n", "protocols = imap lmtp\n", "" },
	{ "protocols, one less", "protocols = imap pop3\nprotocols {\n"
		" pop3 = no\n sieve = yes\n}\n", "protocols = imap\n",
		"d/dovecot.conf:4: protocols: sieve is left out: there is no "
		"such thing here\n" },
	{ "protocols and more", "protocols = imap\n"
		"protocols = $SET:protocols pop3\n", "protocols = imap pop3\n",
		"" },
	{ "mechanisms one by one", "auth_mechanisms {\n plain = yes\n"
		" gssapi = yes\n login = yes\n}\n",
		"auth_mechanisms = plain login\n", "d/dovecot.conf:3: "
		"auth_mechanisms: gssapi is left out: there is no such thing "
		"here\n" },
	{ "passwords in the clear", "auth_allow_cleartext = yes\n",
		"disable_plaintext_auth = no\n", "d/dovecot.conf:1: "
		"auth_allow_cleartext: carried over as "
		"disable_plaintext_auth\n" },
	{ "none in the clear", "auth_allow_cleartext = no\n",
		"disable_plaintext_auth = yes\n", "d/dovecot.conf:1: "
		"auth_allow_cleartext: carried over as "
		"disable_plaintext_auth\n" },
	{ "certificate and key", "ssl_server_cert_file = /c.pem\n"
		"ssl_server_key_file = </k.pem\n",
		"tls_cert_file = /c.pem\ntls_key_file = /k.pem\n",
		"d/dovecot.conf:1: ssl_server_cert_file: carried over as "
		"tls_cert_file\n"
		"d/dovecot.conf:2: ssl_server_key_file: carried over as "
		"tls_key_file\n" },
	{ "names that are parts", "ssl_server {\n cert_file = /c.pem\n"
		" ssl_server_key_file = /k.pem\n dh_file = /dh.pem\n}\n",
		"tls_cert_file = /c.pem\ntls_key_file = /k.pem\n",
		"d/dovecot.conf:2: ssl_server_cert_file: carried over as "
		"tls_cert_file\n"
		"d/dovecot.conf:3: ssl_server_key_file: carried over as "
		"tls_key_file\n"
		"d/dovecot.conf:4: ssl_server_dh_file: " NO "TLS 1.2 and 1.3 "
		"are offered, with the ciphers of OpenSSL's standard\n" },
	{ "a certificate in the file", "ssl_server_cert_file = <<END\n"
		"-----BEGIN CERTIFICATE-----\nMII{=\n END\nEND\n"
		"first_valid_uid = 5\n", "first_valid_uid = 5\n",
		"d/dovecot.conf:1: ssl_server_cert_file: " NO "it is not a "
		"file\n" },
	{ "certificates of some names", "local_name a.example {\n"
		" ssl_server_cert_file = /c.pem\n}\n", "",
		"d/dovecot.conf:2: ssl_server_cert_file: " NO "settings for "
		"some protocols, clients or names only are not known here\n" },
	{ "filters in filters", "local 127.0.0.1 {\n protocol imap {\n"
		"  mail_max_userip_connections = 5\n }\n}\n", "",
		"d/dovecot.conf:3: mail_max_userip_connections: " NO
		"settings for some protocols, clients or names only are not "
		"known here\n" },
	{ "times in words", "auth_failure_delay = 3 secs\n"
		"auth_cache_ttl = 2hours\n",
		"auth_failure_delay = 3s\nauth_cache_ttl = 2h\n", "" },
	{ "minutes", "auth_cache_ttl = 5 mins\n", "auth_cache_ttl = 5m\n", "" },
	{ "a time without a unit for us", "auth_cache_ttl = 5 msecs\n", "",
		"d/dovecot.conf:1: auth_cache_ttl: " NO "auth_cache_ttl: found "
		"\"5 msecs\", expected a time such as 300s, 5m, 2h or 5d\n" },
	{ "continued, with one blank between",
		"auth_mechanisms = plain\\\n\t  login   \\\n\n",
		"auth_mechanisms = plain login\n", "" },
	{ "a quote in quotes", "recipient_delimiter = \"\\\"#\"\n",
		"recipient_delimiter = \"#\n", "" },
	{ "what another line says", "first_valid_uid = $SET:last_valid_uid\n",
		"", "d/dovecot.conf:1: first_valid_uid: " NO
		"\"$SET:last_valid_uid\" is not supported in it\n" },
	{ "what the environment says", "first_valid_uid = $ENV:UID\n", "",
		"d/dovecot.conf:1: first_valid_uid: " NO "\"$ENV:UID\" is not "
		"supported in it\n" },
	{ "groups", "group @mailboxes english {\n mailbox Trash {\n"
		"  auto = create\n }\n}\nnamespace inbox {\n"
		" @mailboxes = english\n}\n", "",
		"d/dovecot.conf:3: auto: " NO "settings for some protocols, "
		"clients or names only are not known here\n"
		"d/dovecot.conf:7: @mailboxes: " NO "groups of settings are "
		"not known here\n" },
	{ "a quota", "quota \"User quota\" {\n storage_size = 1 GiB\n}\n",
		"mailbox_quota = 1G\n", "d/dovecot.conf:2: quota_storage_size: "
		"carried over as mailbox_quota\n" },
	{ "a quota outside, in bytes", "quota_storage_size = 5000B\n",
		"mailbox_quota = 5000\n", "d/dovecot.conf:1: "
		"quota_storage_size: carried over as mailbox_quota\n" },
	{ "no quota", "quota_storage_size = unlimited\n", "",
		"d/dovecot.conf:1: quota_storage_size: " NO "no limit is the "
		"default\n" },
	{ "plugins", "mail_plugins {\n quota = yes\n}\n", "",
		"d/dovecot.conf:2: mail_plugins: " NO "there are no plugins; "
		"leave the line out\n" },
	{ "Sieve", "sieve_script personal {\n driver = file\n"
		" path = ~/sieve\n}\n", "",
		"d/dovecot.conf:2: sieve_script_driver: " NO "scripts of Sieve "
		"are not run yet\n"
		"d/dovecot.conf:3: sieve_script_path: " NO "scripts of Sieve "
		"are not run yet\n" },
	{ "load balancers", "haproxy_trusted_networks = 192.0.2.1\n",
		"proxy_networks = 192.0.2.1\n", "d/dovecot.conf:1: "
		"haproxy_trusted_networks: carried over as proxy_networks\n" },

	{ "mbox", "mail_driver = mbox\nmail_path = %{home}/mail\n"
		"mail_inbox_path = /var/mail/%{user}\n",
		"mail_location = mbox:%h/mail:INBOX=/var/mail/%u\n",
		"d/dovecot.conf:1: mail_driver: carried over as "
		"mail_location\n"
		"d/dovecot.conf:2: mail_path: carried over as mail_location\n"
		"d/dovecot.conf:3: mail_inbox_path: carried over as "
		"mail_location\n" },
	{ "maildir, its inbox below", "mail_driver = maildir\n"
		"mail_path = ~/Maildir\nmail_inbox_path = .INBOX\n"
		"mailbox_list_layout = maildir++\n",
		"mail_location = maildir:~/Maildir:INBOX=~/Maildir/.INBOX\n",
		"d/dovecot.conf:1: mail_driver: carried over as "
		"mail_location\n"
		"d/dovecot.conf:2: mail_path: carried over as mail_location\n"
		"d/dovecot.conf:3: mail_inbox_path: carried over as "
		"mail_location\n"
		"d/dovecot.conf:4: mailbox_list_layout: carried over as "
		"mail_location\n" },
	{ "maildir with other folders", "mail_driver = maildir\n"
		"mail_path = ~/Maildir\nmailbox_list_layout = fs\n", "",
		"d/dovecot.conf:1: mail_location: " NO "mail_location: found "
		"\"LAYOUT=fs\", expected LAYOUT=Maildir++\n" },
	{ "variables with filters", "mail_driver = maildir\nmail_path = "
		"/m/%{user|domain|lower}/%{ user | username | substr(0, 1) }/"
		"%{user | username}/5%\n",
		"mail_location = maildir:/m/%d/%1n/%n/5%%\n",
		"d/dovecot.conf:1: mail_driver: carried over as "
		"mail_location\n"
		"d/dovecot.conf:2: mail_path: carried over as "
		"mail_location\n" },
	{ "a variable of theirs", "mail_driver = maildir\n"
		"mail_path = /m/%{user | md5 | hexlify}\n", "",
		"d/dovecot.conf:2: mail_path: " NO "\"%{user | md5 | "
		"hexlify}\" is not supported in it\n" },
	{ "a variable without an end", "mail_driver = maildir\n"
		"mail_path = /m/%{user\n", "", "d/dovecot.conf:2: mail_path: "
		NO "\"%{user\" is not supported in it\n" },
	{ "text that looks like one", "mail_driver = maildir\n"
		"mail_path = /m/%%{user}\n", "", "d/dovecot.conf:2: "
		"mail_path: " NO "\"%%{user}\" is not supported in it\n" },
	{ "another format", "mail_driver = sdbox\nmail_path = ~/mail\n", "",
		"d/dovecot.conf:1: mail_driver: " NO "this format is not read "
		"here; take the mail over with `posthouse import imap://...`\n"
		"d/dovecot.conf:2: mail_path: " NO "this format is not read "
		"here; take the mail over with `posthouse import "
		"imap://...`\n" },
	{ "a path alone", "mail_path = ~/mail\n", "", "d/dovecot.conf:1: "
		"mail_path: " NO "without both mail_driver and mail_path "
		"Dovecot looks where mail is; set mail_location\n" },
	{ "the last path counts", "mail_driver = maildir\nmail_path = ~/a\n"
		"mail_path = ~/b\n", "mail_location = maildir:~/b\n",
		"d/dovecot.conf:2: mail_path: " NO "d/dovecot.conf:3 says "
		"something else\n"
		"d/dovecot.conf:1: mail_driver: carried over as "
		"mail_location\n"
		"d/dovecot.conf:3: mail_path: carried over as "
		"mail_location\n" },
	{ "a namespace's own mail", "namespace inbox {\n mail_driver = mbox\n"
		" inbox = yes\n}\n", "", "d/dovecot.conf:2: mail_driver: " NO
		"say mail_location of the system users' mail\n"
		"d/dovecot.conf:3: inbox: not needed: there is one namespace, "
		"and folders for drafts, sent, junk and trash\n" },

	{ "system users", "passdb pam {\n}\nuserdb passwd {\n}\n",
		"accounts = builtin system\n",
		"d/dovecot.conf:2: accounts: carried over as system\n" },
	{ "a name and a driver", "passdb first {\n driver = pam\n}\n",
		"accounts = builtin system\n",
		"d/dovecot.conf:3: accounts: carried over as system\n" },
	{ "a passwd-file", "passdb passwd-file {\n"
		" passwd_file_path = /users\n"
		" default_password_scheme = sha256-crypt\n}\n"
		"userdb passwd-file {\n passwd_file_path = /users\n fields {\n"
		"  uid:default = vmail\n }\n}\n",
		"accounts = builtin passwd-file:/users\n",
		"d/dovecot.conf:3: passdb_default_password_scheme: " NO
		"hashes without a scheme are those of crypt; the file of a "
		"pgsql: or ldap: source may have default_pass_scheme\n"
		"d/dovecot.conf:4: accounts: carried over as "
		"passwd-file:/users\n"
		"d/dovecot.conf:8: uid:default: " NO "what is known of an "
		"account is Posthouse's own; see doc/accounts.md for fields "
		"that a source may have\n" },
	{ "a passwd-file of each domain", "passdb passwd-file {\n"
		" passwd_file_path = /etc/%{user | domain}/users\n}\n", "",
		"d/dovecot.conf:3: passdb: " NO "its file's name has a "
		"variable; name each file in accounts\n" },
	{ "who may not", "passdb passwd-file {\n passwd_file_path = /x\n"
		" deny = yes\n}\n", "", "d/dovecot.conf:4: passdb: " NO
		"neither deny nor master users are known here\n" },
	{ "PostgreSQL", "sql_driver = pgsql\npgsql db.example {\n"
		" parameters {\n  user = mail\n  password = secret\n }\n}\n"
		"passdb sql {\n query = SELECT password FROM u WHERE n = "
		"'%{user | username}' AND d = '%{user | domain}'\n}\n"
		"userdb sql {\n userdb_sql_query = SELECT quota FROM u \\\n"
		"   WHERE a = '%{user}'\n}\n", "",
		"d/dovecot.conf:1: sql_driver: " NO "use a pgsql: source in "
		"accounts, whose file has the query and connect; MySQL, SQLite "
		"and Cassandra are not asked\n"
		"d/dovecot.conf:4: user: " NO "write \"host=db.example\" and "
		"\"user=mail\" into connect in the file of a source pgsql:FILE "
		"of accounts\n"
		"d/dovecot.conf:5: password: " NO "write \"host=db.example\" "
		"and \"password=...\" into connect in the file of a source "
		"pgsql:FILE of accounts\n"
		"d/dovecot.conf:9: passdb_sql_query: " NO "write "
		"\"password_query = SELECT password FROM u WHERE n = '%n' AND "
		"d = '%d'\" " SOURCE "pgsql:FILE of accounts\n"
		"d/dovecot.conf:10: passdb: " NO "write the lines that this "
		"report says into a file, and name it in accounts: "
		"pgsql:FILE\n"
		"d/dovecot.conf:12: userdb_sql_query: " NO "write "
		"\"user_query = SELECT quota FROM u WHERE a = '%u'\" " SOURCE
		"pgsql:FILE of accounts\n"
		"d/dovecot.conf:14: userdb: " NO "write the lines that this "
		"report says into a file, and name it in accounts: "
		"pgsql:FILE\n" },
	{ "MySQL", "sql_driver = mysql\nmysql localhost {\n user = x\n}\n"
		"passdb sql {\n}\n", "",
		"d/dovecot.conf:1: sql_driver: " NO "use a pgsql: source in "
		"accounts, whose file has the query and connect; MySQL, SQLite "
		"and Cassandra are not asked\n"
		"d/dovecot.conf:3: mysql_user: " NO "use a pgsql: source in "
		"accounts, whose file has the query and connect; MySQL, SQLite "
		"and Cassandra are not asked\n"
		"d/dovecot.conf:6: passdb: " NO "the driver sql is not known "
		"here; use passwd-file, ldap, pgsql or `posthouse user add`\n" },
	{ "LDAP", "ldap_uris = ldap://ldap.example\n"
		"ldap_auth_dn_password = secret\npassdb ldap {\n"
		" ldap_base = dc=example\n bind = no\n"
		" filter = (&(objectClass=posixAccount)(uid=%{user | "
		"username}))\n fields {\n"
		"  password = %{ldap:userPassword}\n"
		"  user = %{ldap:uid}\n }\n}\n", "",
		"d/dovecot.conf:1: ldap_uris: " NO "write \"uris = "
		"ldap://ldap.example\" " SOURCE "ldap:FILE of accounts\n"
		"d/dovecot.conf:2: ldap_auth_dn_password: " NO "write \"dnpass "
		"= ...\" " SOURCE "ldap:FILE of accounts\n"
		"d/dovecot.conf:4: ldap_base: " NO "write \"base = "
		"dc=example\" " SOURCE "ldap:FILE of accounts\n"
		"d/dovecot.conf:5: passdb_ldap_bind: " NO "write \"auth_bind = "
		"no\" " SOURCE "ldap:FILE of accounts\n"
		"d/dovecot.conf:6: passdb_ldap_filter: " NO "write "
		"\"pass_filter = (&(objectClass=posixAccount)(uid=%n))\" "
		SOURCE "ldap:FILE of accounts\n"
		"d/dovecot.conf:8: password: " NO "write \"pass_attrs = "
		"userPassword=password\" " SOURCE "ldap:FILE of accounts\n"
		"d/dovecot.conf:9: user: " NO "what is known of an account is "
		"Posthouse's own; see doc/accounts.md for fields that a source "
		"may have\n"
		"d/dovecot.conf:11: passdb: " NO "write the lines that this "
		"report says into a file, and name it in accounts: "
		"ldap:FILE\n" },

	{ "a whole file for system users",
		"# of a distribution\n"
		"dovecot_config_version = 2.4.1\n"
		"protocols {\n  imap = yes\n}\n"
		"protocols {\n  lmtp = yes\n}\n"
		"auth_mechanisms = plain login\n"
		"mail_driver = mbox\n"
		"mail_home = /home/%{user | username}\n"
		"mail_path = ~/mail\n"
		"mail_inbox_path = /var/mail/%{user}\n"
		"mail_privileged_group = mail\n"
		"namespace inbox {\n  inbox = yes\n  mailbox Drafts {\n"
		"    special_use = \\Drafts\n  }\n}\n"
		"protocol !indexer-worker {\n"
		"  #mail_vsize_bg_after_count = 0\n}\n"
		"service imap-login {\n  inet_listener imap {\n"
		"    #port = 143\n  }\n  inet_listener imaps {\n"
		"    port = 1993\n    ssl = yes\n  }\n}\n"
		"ssl = yes\n"
		"ssl_server_cert_file = /etc/dovecot/private/dovecot.pem\n"
		"ssl_server_key_file = /etc/dovecot/private/dovecot.key\n"
		"passdb pam {\n}\nuserdb passwd {\n}\n",
		"accounts = builtin system\n"
		"mail_location = mbox:~/mail:INBOX=/var/mail/%u\n"
		"auth_mechanisms = plain login\n"
		"tls_cert_file = /etc/dovecot/private/dovecot.pem\n"
		"tls_key_file = /etc/dovecot/private/dovecot.key\n"
		"protocols = imap lmtp\nimaps_port = 1993\n",
		"d/dovecot.conf:2: dovecot_config_version: " NO "leave the line "
		"out\n"
		"d/dovecot.conf:11: mail_home: " NO "mail of accounts that are "
		"no system users is Posthouse's own; system users have theirs "
		"where mail_location says\n"
		"d/dovecot.conf:14: mail_privileged_group: " NO "mail of "
		"accounts that are no system users is Posthouse's own; system "
		"users have theirs where mail_location says\n"
		"d/dovecot.conf:16: inbox: not needed: there is one namespace, "
		"and folders for drafts, sent, junk and trash\n"
		"d/dovecot.conf:18: special_use: not needed: there is one "
		"namespace, and folders for drafts, sent, junk and trash\n"
		"d/dovecot.conf:30: ssl: " NO "Posthouse listens on "
		"inet_interfaces, and where the *_port parameters say\n"
		"d/dovecot.conf:33: ssl: " NO "STARTTLS and the TLS ports are "
		"always offered\n"
		"d/dovecot.conf:34: ssl_server_cert_file: carried over as "
		"tls_cert_file\n"
		"d/dovecot.conf:35: ssl_server_key_file: carried over as "
		"tls_key_file\n"
		"d/dovecot.conf:37: accounts: carried over as system\n"
		"d/dovecot.conf:10: mail_driver: carried over as "
		"mail_location\n"
		"d/dovecot.conf:12: mail_path: carried over as mail_location\n"
		"d/dovecot.conf:13: mail_inbox_path: carried over as "
		"mail_location\n" },
	{ "a whole file for accounts of their own",
		"dovecot_config_version = 2.4.0\n"
		"protocols {\n  imap = yes\n  pop3 = yes\n}\n"
		"mail_home = /srv/mail/%{user}\n"
		"mail_driver = sdbox\n"
		"mail_uid = vmail\n"
		"quota_storage_size = 500M\n"
		"passdb passwd-file {\n"
		"  passwd_file_path = /etc/dovecot/users\n}\n"
		"userdb static {\n  fields {\n    uid = vmail\n  }\n}\n",
		"accounts = builtin passwd-file:/etc/dovecot/users\n"
		"mailbox_quota = 500M\nprotocols = imap pop3\n",
		"d/dovecot.conf:1: dovecot_config_version: " NO "leave the line "
		"out\n"
		"d/dovecot.conf:6: mail_home: " NO "mail of accounts that are "
		"no system users is Posthouse's own; system users have theirs "
		"where mail_location says\n"
		"d/dovecot.conf:8: mail_uid: " NO "mail of accounts that are no "
		"system users is Posthouse's own; system users have theirs "
		"where mail_location says\n"
		"d/dovecot.conf:9: quota_storage_size: carried over as "
		"mailbox_quota\n"
		"d/dovecot.conf:12: accounts: carried over as "
		"passwd-file:/etc/dovecot/users\n"
		"d/dovecot.conf:15: uid: " NO "what is known of an account is "
		"Posthouse's own; see doc/accounts.md for fields that a source "
		"may have\n"
		"d/dovecot.conf:17: userdb: " NO "mail of accounts that are no "
		"system users is Posthouse's own\n"
		"d/dovecot.conf:7: mail_driver: " NO "this format is not read "
		"here; take the mail over with `posthouse import "
		"imap://...`\n" },
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
	{ "d/dovecot.conf", "a b\n", "d/dovecot.conf:1: found \"a b\", "
		"expected name = value, or name {" },
	{ "d/dovecot.conf", "passdb { driver = pam }\n", "d/dovecot.conf:1: "
		"found \"passdb { driver = pam }\", expected name = value, or "
		"name {" },
	{ "d/dovecot.conf", "{\n", "d/dovecot.conf:1: found \"{\", expected "
		"name = value, or name {" },
	{ "d/dovecot.conf", "\n}\n", "d/dovecot.conf:2: found \"}\", expected "
		"no } outside of a block" },
	{ "d/dovecot.conf", "a {\n", "d/dovecot.conf:2: found \"the end\", "
		"expected as many } as {" },
	{ "d/dovecot.conf", "!include open.conf\n}\n", "d/open.conf:2: found "
		"\"the end\", expected as many } as {" },
	{ "d/dovecot.conf", "!include none.conf\n", "d/dovecot.conf:1: found "
		"\"none.conf\", expected a file that is there" },
	{ "d/dovecot.conf", "!include loop.conf\n", "d/loop.conf:1: found "
		"\"loop.conf\", expected includes that are less deep" },
	{ "d/dovecot.conf", "a = <<END\nb\n", "d/dovecot.conf:1: found "
		"\"END\", expected a line of it at the end of the value" },
	{ "d/dovecot.conf", "!include\n", "d/dovecot.conf:1: found "
		"\"!include\", expected name = value, or name {" },
};

/* ---- tests ---- */

static void
a_main_cf_is_carried_over_or_said(void **state)
{
	int wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(main_cf) / sizeof(main_cf[0]); i++)
		wrong += run_as("d/main.cf", &main_cf[i], "d", NULL);
	assert_int_equal(wrong, 0);
}

static void
services_of_master_cf_are_said(void **state)
{
	int wrong = 0;
	(void)state;
	files[1] = (struct named_file){ "d/main.cf", "" };
	for (size_t i = 0; i < sizeof(master_cf) / sizeof(master_cf[0]); i++)
		wrong += run_as("d/master.cf", &master_cf[i], "d", NULL);
	assert_int_equal(wrong, 0);
}

static void
a_dovecot_conf_is_carried_over_or_said(void **state)
{
	int wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(dovecot_conf) / sizeof(dovecot_conf[0]);
	    i++)
		wrong += run_as("d/dovecot.conf", &dovecot_conf[i], NULL, "d");
	assert_int_equal(wrong, 0);
}

static void
a_dovecot_conf_of_24_is_carried_over_or_said(void **state)
{
	int wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(dovecot_24) / sizeof(dovecot_24[0]); i++)
		wrong += run_as("d/dovecot.conf", &dovecot_24[i], NULL, "d");
	assert_int_equal(wrong, 0);
}

static void
one_of_both_says_something_else(void **state)
{
	struct sample sample = { "both", "smtpd_tls_key_file = /b\n",
		"tls_key_file = /a\n",
		"d/main.cf:1: smtpd_tls_key_file: carried over as "
		"tls_key_file\n"
		"d/main.cf:1: tls_key_file: " NO "e/dovecot.conf:1 says "
		"something else\n"
		"e/dovecot.conf:1: ssl_key: carried over as tls_key_file\n" };
	(void)state;
	files[1] = (struct named_file){ "e/dovecot.conf", "ssl_key = </a\n" };
	assert_int_equal(run_as("d/main.cf", &sample, "d", "e"), 0);
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
	assert_int_equal(import_config_read(&import, "d", NULL, NULL,
		&error), 0);
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
		bool is_dovecot = strcmp(mistake->file, "d/dovecot.conf") == 0;
		files[0] = (struct named_file){ mistake->file, mistake->text };
		import_config_init(&import, &world);
		assert_int_equal(import_config_read(&import,
			is_dovecot ? NULL : "d", is_dovecot ? "d" : NULL, NULL,
			&error), -1);
		assert_string_equal(error.text, mistake->sentence);
		import_config_fini(&import);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dovecot_conf_is_carried_over_or_said),
		cmocka_unit_test(a_dovecot_conf_of_24_is_carried_over_or_said),
		cmocka_unit_test(a_main_cf_is_carried_over_or_said),
		cmocka_unit_test(services_of_master_cf_are_said),
		cmocka_unit_test(one_of_both_says_something_else),
		cmocka_unit_test(names_in_names_have_an_end),
		cmocka_unit_test(a_mistake_is_one_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
