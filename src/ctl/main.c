/*
 * posthouse: the operator's command. It reads the configuration, prepares what
 * the system needs before it starts (directories, users, a certificate), and
 * otherwise asks the running processes on wires that master makes for it. It
 * opens no mailbox and no account database itself: `mail` is an IMAP client.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

static const char standard_config[] = "/etc/posthouse/posthouse.conf";

static const struct ctl_command commands[] = {
	{ "init", "init [--domain D] [--reader A] [--dir DIR]",
		"Write a working configuration, keys and a postmaster account.",
		"At a terminal, without --domain, it asks for what it cannot know.\n"
		"What `init --domain` made and nobody changed, as after the package's\n"
		"installation, is gone on with.\n"
		"  --domain D  the mail domain\n"
		"  --reader A  who reads mail to postmaster, abuse and root: a user of\n"
		"              this machine, a new account, an address elsewhere\n"
		"  --dir DIR   put everything below DIR instead of /etc/posthouse\n"
		"              and /var/lib/posthouse\n"
		"The password of postmaster is read from standard input when that\n"
		"is not a terminal, else made and shown.", ctl_init },
	{ "serve", "serve [--check]",
		"Run the system in the foreground.",
		"  --check  only check the configuration", ctl_serve },
	{ "stop", "stop", "Stop the running system.", NULL, ctl_stop },
	{ "reload", "reload",
		"Read the configuration and the certificate again.", NULL,
		ctl_reload },
	{ "upgrade", "upgrade",
		"Go over to the programs that are installed now; sessions stay.",
		NULL, ctl_upgrade },
	{ "status", "status", "Show processes, sessions and the queue length.",
		"  --counters  every counter of every process", ctl_status },
	{ "doctor", "doctor [DOMAIN]...",
		"Look for what is wrong with this mail host, and say what to do.",
		"  --resolver A    ask the resolver at this address what the world\n"
		"                  sees (ADDRESS or ADDRESS@PORT), instead of those\n"
		"                  of dns_forwarders or dns_resolv_conf\n"
		"  --selector S    look for the DKIM key S too\n"
		"  --clock A       compare the clock with the NTP server there\n"
		"  --table         every check there is, as Markdown\n"
		"Looks at host name, DNS, SPF and the like, ports, certificate, clock,\n"
		"disks, permissions, settings and the running system, and changes\n"
		"nothing. Only the domains named, or all. Ends with 1 when something\n"
		"is wrong; notes do not count. In the language of `language` or the\n"
		"locale.", ctl_doctor },
	{ "top", "top", "Show rates, levels and processes, again each second.",
		"  q  ends it. In a pipe, or with --json, it looks twice, a second\n"
		"     apart, and prints that", ctl_top },
	{ "config", "config [-n] [-h] [NAME] | import [--postfix DIR] [--dovecot DIR] [--bind FILE]",
		"Show effective values of the configuration, or make one.",
		"  -n  only what the file or -o changed\n"
		"  -h  with the documentation of each parameter\n"
		"  import  a posthouse.conf of the configuration of Postfix,\n"
		"          Dovecot and BIND (its named.conf) on standard output,\n"
		"          or as --output FILE (over one that is there with\n"
		"          --force); what was not carried over, and why, on\n"
		"          standard error", ctl_config },
	{ "user", "user add|del|list|passwd|quota [ADDRESS] [SIZE]",
		"Manage accounts.",
		"  add ADDRESS           a new account; its domain is added if needed\n"
		"  add -                 one for each line \"ADDRESS PASSWORD\" of\n"
		"                        standard input\n"
		"  add --hash HASH ADDRESS  the same, with the hash of its password that\n"
		"                        another system made, such as '{SSHA}...' or\n"
		"                        '$6$...'\n"
		"  add --hash -          one for each line \"ADDRESS HASH\"\n"
		"  del ADDRESS           remove the account and its mail\n"
		"  list                  all accounts\n"
		"  passwd ADDRESS        a new password\n"
		"  quota ADDRESS [SIZE]  show or set the space it may use (0: none,\n"
		"                        default: what mailbox_quota says)\n"
		"Passwords come from the terminal, or from standard input.",
		ctl_user },
	{ "domain", "domain add|del|list [DOMAIN]", "Manage mail domains.", NULL,
		ctl_domain },
	{ "alias", "alias add|del|list [ADDRESS] [TARGET]",
		"Manage addresses that stand for others.",
		"  add ADDRESS TARGET  mail to ADDRESS goes to TARGET too\n"
		"  del ADDRESS [TARGET]\n"
		"  list", ctl_alias },
	{ "dns", "dns [DOMAIN] [--zone|--table|--diff] | announce FILE | keys|roll|told [ZONE]",
		"Show the records that our domains need, and keys of zones.",
		"  --zone   as a zone file (what is shown else)\n"
		"  --table  with the reason for each\n"
		"  --diff   what the world's DNS answers instead: + is missing there,\n"
		"           - is there and should not be, ? could not be asked; ends\n"
		"           with 1 when anything differs\n"
		"For one domain, or for all of them. What names serves for them it\n"
		"has already; this is for domains whose DNS is elsewhere, and for the\n"
		"zone above, which is to have the DS of a zone that is signed.\n"
		"  announce FILE  a certificate that tls_cert_file will have: the TLSA\n"
		"               record of its key is answered from now on\n"
		"  keys [ZONE]  the DS records for the registrar, and how far they are\n"
		"  roll ZONE    another key, which takes over when its DS is seen at\n"
		"               the parent; show keys until then\n"
		"  told ZONE    the parent has that DS, or after the zone was taken off\n"
		"               dns_signed_zones none any more: only for parents whose\n"
		"               answers cannot be validated", ctl_dns },
	{ "certificate", "certificate list|renew",
		"Show the certificate that was got by ACME, or get it anew.",
		"  list   its names, until when, from whom, and the last trouble\n"
		"  renew  get one now, and say how it ended", ctl_certificate },
	{ "newaliases", "newaliases",
		"Compile the alias files that alias_maps names.",
		"Mail goes by the new aliases at once. With an error nothing\n"
		"changes. The same as the program newaliases.", ctl_newaliases },
	{ "queue", "queue list|show|retry|hold|release|delete [ID]...",
		"Look at the spool, and change what is in it.",
		"  list            every recipient that is left, with the last error\n"
		"  show ID         the envelope and the message\n"
		"  retry           try now, dead hosts too\n"
		"  hold, release   keep from being tried; try again\n"
		"  delete          remove without a report\n"
		"Which messages: IDs, or --sender A, --recipient A, --domain D (of\n"
		"recipients, with what is below it), --state waiting|relay|bounce|\n"
		"notify|held|damaged; for all but list at least one, or --all.",
		ctl_queue },
	{ "mailq", "mailq", "List the queue in the form that is known.",
		"The same as the program mailq.", ctl_mailq },
	{ "trace", "trace ADDRESS|ID",
		"Show the journey of messages through every process.", NULL,
		ctl_trace },
	{ "mail", "mail [-eHN] [-u USER | -f FILE] | [-s SUBJECT] ADDRESS...",
		"Read a mailbox, or send a message.",
		NULL, ctl_mail },
	{ "import", "import [--user U] [--folder F] SOURCE",
		"Take mail of others into an account.",
		"  mbox:FILE     a file in mbox form, or a directory of them\n"
		"  maildir:DIR   a maildir with its folders (Maildir++)\n"
		"  imap[s]://user@host[:port]/\n"
		"                an account of another server; its password from the\n"
		"                terminal, or standard input\n"
		"  --user U      whose mail it becomes; root may name anybody\n"
		"  --folder F    where a file goes (INBOX), else the only folder taken\n"
		"  --ca-file F   certificates to trust instead of the machine's\n"
		"  --state FILE  where to note what is done, instead of a file below\n"
		"                ~/.local/state/posthouse\n"
		"  --again       take also what was taken before\n"
		"Flags, dates, folders and subscriptions are kept. When it was stopped\n"
		"or killed, the same command goes on where it was, and nothing is\n"
		"doubled; later it takes what is new.", ctl_import },
	{ "export", "export [--user U] [--folder F] TARGET",
		"Write an account's mail into files of others.",
		"  mbox:DIR      DIR/INBOX.mbox and so on\n"
		"  maildir:DIR   a maildir with folders (Maildir++)\n"
		"  --user U      whose mail; root may name anybody\n"
		"  --folder F    only this folder\n"
		"The same command again goes on where a killed one was, and adds what\n"
		"is new.", ctl_export },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct ctl_command *
ctl_command_of(ctl_function *run)
{
	const struct ctl_command *command = commands;
	while (command->name != NULL && command->run != run)
		command++;
	return command;
}

int
ctl_fail(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	fputs("posthouse: ", stderr);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
	return 1;
}

int
ctl_fail_error(const struct error *error)
{
	return ctl_fail("%s", error->text);
}

int
ctl_usage(const struct ctl_command *command, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	fputs("posthouse: ", stderr);
	vfprintf(stderr, format, list);
	fprintf(stderr, "\nusage: posthouse %s\n", command->synopsis);
	va_end(list);
	return 1;
}

int
ctl_load_config(struct ctl *ctl)
{
	struct error error;
	const char *warning;
	/* No configuration at all is fine: everything has a default. */
	const char *path = ctl->config_path == standard_config &&
		access(standard_config, F_OK) < 0 ? NULL : ctl->config_path;
	if (config_load(path, ctl->override, ctl->override_count,
	    &ctl->config, &error) < 0)
		return ctl_fail_error(&error);
	for (size_t i = 0; (warning = config_warning(ctl->config, i)) != NULL;
	    i++)
		fprintf(stderr, "posthouse: warning: %s\n", warning);
	return 0;
}

static void
remove_word(struct ctl *ctl, int at)
{
	for (int i = at; i + 1 < ctl->argc; i++)
		ctl->argv[i] = ctl->argv[i + 1];
	ctl->argc--;
}

const char *
ctl_take_option(struct ctl *ctl, const char *name)
{
	size_t size = strlen(name);
	for (int i = 0; i < ctl->argc; i++) {
		char *word = ctl->argv[i];
		if (strncmp(word, name, size) != 0)
			continue;
		if (word[size] == '=') {
			remove_word(ctl, i);
			return word + size + 1;
		}
		if (word[size] == '\0' && i + 1 < ctl->argc) {
			const char *value = ctl->argv[i + 1];
			remove_word(ctl, i);
			remove_word(ctl, i);
			return value;
		}
	}
	return NULL;
}

bool
ctl_take_flag(struct ctl *ctl, const char *name)
{
	for (int i = 0; i < ctl->argc; i++) {
		if (strcmp(ctl->argv[i], name) != 0)
			continue;
		remove_word(ctl, i);
		return true;
	}
	return false;
}

static int
print_help(void)
{
	printf("usage: posthouse [-c FILE] [-o NAME=VALUE]... COMMAND ...\n\n");
	for (const struct ctl_command *c = commands; c->name != NULL; c++)
		printf(strlen(c->synopsis) > 50 ? "  %s\n%53s%s\n" :
			"  %-50s%s%s\n", c->synopsis, " ", c->text);
	printf("\n  -c FILE        the configuration (%s, or $POSTHOUSE_CONF)\n"
		"  -o NAME=VALUE  one parameter, over what the file says\n"
		"  --json         lists as JSON\n"
		"  --help         of the command before it\n", standard_config);
	return 0;
}

static int
print_command_help(const struct ctl_command *command)
{
	printf("usage: posthouse %s\n\n%s\n", command->synopsis, command->text);
	if (command->help != NULL)
		printf("\n%s\n", command->help);
	return 0;
}

/* Options that every command has, wherever they stand. */
static int
take_common_options(struct ctl *ctl)
{
	const char *value;
	while ((value = ctl_take_option(ctl, "-o")) != NULL) {
		if (ctl->override_count == CTL_OVERRIDE_LIMIT)
			return ctl_fail("more than %d -o options",
				CTL_OVERRIDE_LIMIT);
		ctl->override[ctl->override_count++] = value;
	}
	while ((value = ctl_take_option(ctl, "-c")) != NULL)
		ctl->config_path = value;
	/* what is left of them is the last word */
	if (ctl_take_flag(ctl, "-o"))
		return ctl_fail("found nothing after -o, expected NAME=VALUE");
	if (ctl_take_flag(ctl, "-c"))
		return ctl_fail("found nothing after -c, expected a file");
	ctl->json = ctl_take_flag(ctl, "--json");
	ctl->is_help = ctl_take_flag(ctl, "--help");
	return 0;
}

/* The program's own name may say what to do. */
static const struct {
	const char *name;
	ctl_function *run;
} names[] = {
	{ "mailq", ctl_mailq },
	{ "newaliases", ctl_newaliases },
	{ "mail", ctl_mail },
	{ "mailx", ctl_mail },
	{ "posthouse-mail", ctl_mail },	/* where others have a mail too */
};

static ctl_function *
function_of_name(const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name != NULL && strcmp(name, names[i].name) == 0)
			return names[i].run;
	return NULL;
}

static int
finish(struct ctl *ctl, int result)
{
	config_free(&ctl->config);
	if (result == 0 && fflush(stdout) != 0)
		return ctl_fail("writing to standard output failed");
	return result;
}

/* Where `mail` stands in the words, whose options -c and -o mean other things;
 * 0: it is not the command. */
static int
find_mail(int argc, char **argv)
{
	int i = 1;
	while (i < argc && argv[i][0] == '-')
		i += strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "-o") == 0 ?
			2 : 1;
	return i < argc && strcmp(argv[i], "mail") == 0 ? i : 0;
}

/* `mail` with the common options that stand before it. */
static int
run_mail(struct ctl *ctl, int argc, char **argv, int at)
{
	ctl->argc = at > 0 ? at - 1 : 0;
	if (take_common_options(ctl) != 0)
		return 1;
	ctl->is_standard_config = ctl->config_path == standard_config;
	ctl->argc = argc - at;
	ctl->argv = argv + at;
	return finish(ctl, ctl_mail(ctl));
}

int
main(int argc, char **argv)
{
	struct ctl ctl = { .argc = argc - 1, .argv = argv + 1,
		.config_path = getenv("POSTHOUSE_CONF") };
	if (ctl.config_path == NULL)
		ctl.config_path = standard_config;
	int mail = find_mail(argc, argv);
	if (mail > 0 || function_of_name(argv[0]) == ctl_mail)
		return run_mail(&ctl, argc, argv, mail);
	if (take_common_options(&ctl) != 0)
		return 1;
	ctl_function *own = function_of_name(argv[0]);
	if (own != NULL)
		return ctl.is_help ? print_command_help(ctl_command_of(own)) :
			finish(&ctl, own(&ctl));
	if (ctl.argc == 0 || strcmp(ctl.argv[0], "help") == 0)
		return ctl.is_help || ctl.argc > 0 ? print_help() :
			ctl_fail("no command given (posthouse --help)");
	const struct ctl_command *command = commands;
	while (command->name != NULL && strcmp(command->name, ctl.argv[0]) != 0)
		command++;
	if (command->name == NULL)
		return ctl_fail("found the command \"%s\", expected one that "
			"`posthouse --help` lists", ctl.argv[0]);
	ctl.argc--;
	ctl.argv++;
	if (ctl.is_help)
		return print_command_help(command);
	return finish(&ctl, command->run(&ctl));
}
