/*
 * The command line of sendmail(1). Options that only other mailers need are
 * taken and passed over, as programs have said them for forty years.
 */
#include "ctl/sendmail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "proto/address.h"

static const char standard_config[] = "/etc/posthouse/posthouse.conf";

enum mode { MODE_SEND, MODE_SMTP, MODE_LIST, MODE_ALIASES, MODE_NOTHING };

int
sendmail_fail(int code, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	fputs("sendmail: ", stderr);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
	return code;
}

/* ---- options ---- */

/* Letters whose value follows, in the same word or the next. */
static const char with_value[] = "BCFLNORVXfhpr";

static int
set_value(struct sendmail *sendmail, char letter, const char *value,
	const char **config)
{
	struct span text = span_trim(span_from(value));
	switch (letter) {
	case 'f':
	case 'r':
		if (text.size >= 2 && text.data[0] == '<' &&
		    text.data[text.size - 1] == '>')
			text = span_of(text.data + 1, text.size - 2);
		sendmail->sender = text;
		sendmail->has_sender = true;
		break;
	case 'F':
		sendmail->full_name = text;
		break;
	case 'N':
		sendmail->notify = text;
		break;
	case 'R':
		sendmail->ret = text;
		break;
	case 'V':
		sendmail->envid = text;
		break;
	case 'B':
		sendmail->is_8bit = span_equals_nocase(text, SPAN("8BITMIME"));
		break;
	case 'C':
		*config = value;
		break;
	default:
		break;		/* -O, -h, -L, -X, -p: others' */
	}
	return 0;
}

/* -bX */
static int
set_mode(char letter, enum mode *mode)
{
	switch (letter) {
	case 'm':
		return 0;
	case 's':
		*mode = MODE_SMTP;
		return 0;
	case 'p':
		*mode = MODE_LIST;
		return 0;
	case 'i':
		*mode = MODE_ALIASES;
		return 0;
	case 'd':
	case 'D':
	case 'h':
	case 'H':
		*mode = MODE_NOTHING;	/* the system is started otherwise */
		return 0;
	default:
		return sendmail_fail(EX_USAGE, "found -b%c, expected -bm, -bs, "
			"-bp or -bi", letter);
	}
}

/* One word that begins with "-"; *next is the word after it. */
static int
take_word(struct sendmail *sendmail, const char *word, const char *next,
	bool *used_next, enum mode *mode, const char **config)
{
	for (const char *at = word + 1; *at != '\0'; at++) {
		if (*at == 'b' && at[1] != '\0')
			return set_mode(at[1], mode);
		if (*at == 'o') {
			if (strcmp(at + 1, "i") == 0)
				sendmail->ignores_dots = true;
			return 0;
		}
		if (*at == 'q' || *at == 'd' || *at == 'e' || *at == 'A')
			return 0;
		if (strchr(with_value, *at) != NULL) {
			const char *value = at[1] != '\0' ? at + 1 : next;
			if (value == NULL)
				return sendmail_fail(EX_USAGE,
					"-%c: found nothing, expected a value",
					*at);
			*used_next = at[1] == '\0';
			return set_value(sendmail, *at, value, config);
		}
		if (*at == 't')
			sendmail->reads_recipients = true;
		else if (*at == 'i')
			sendmail->ignores_dots = true;
		else if (strchr("nmvGUs", *at) == NULL)
			return sendmail_fail(EX_USAGE, "found the option -%c, "
				"which is not known", *at);
	}
	return 0;
}

static int
take_recipient(struct sendmail *sendmail, const char *word)
{
	struct span rest = span_from(word), item;
	while (span_split(&rest, ',', &item)) {
		item = span_trim(item);
		if (item.size == 0)
			continue;
		if (sendmail->count == SENDMAIL_RECIPIENT_LIMIT)
			return sendmail_fail(EX_USAGE, "more than %d recipients",
				SENDMAIL_RECIPIENT_LIMIT);
		sendmail->recipient[sendmail->count++] = item;
	}
	return 0;
}

static int
take_words(struct sendmail *sendmail, int argc, char **argv, enum mode *mode,
	const char **config)
{
	bool are_options = true;
	for (int i = 1; i < argc; i++) {
		bool used_next = false;
		int result;
		if (are_options && strcmp(argv[i], "--") == 0) {
			are_options = false;
			continue;
		}
		if (are_options && argv[i][0] == '-' && argv[i][1] != '\0')
			result = take_word(sendmail, argv[i], argv[i + 1],
				&used_next, mode, config);
		else
			result = take_recipient(sendmail, argv[i]);
		if (result != 0)
			return result;
		i += used_next;
	}
	return 0;
}

/* ---- what is done ---- */

/* posthouse beside this program, as the user himself. */
static int
run_command(const char *name)
{
	char path[4096];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 20);
	if (size < 0 || setgid(getgid()) < 0)
		return sendmail_fail(EX_OSERR, "finding posthouse failed");
	path[size] = '\0';
	char *slash = strrchr(path, '/');
	size_t before = slash != NULL ? (size_t)(slash + 1 - path) : 0;
	snprintf(path + before, sizeof(path) - before, "posthouse");
	execl(path, name, (char *)NULL);
	return sendmail_fail(EX_OSFILE, "%s cannot be run", path);
}

static int
check_addresses(struct sendmail *sendmail)
{
	struct address address;
	if (sendmail->has_sender && sendmail->sender.size > 0 &&
	    address_parse(sendmail->sender, &sendmail->arena, &address) !=
	    ADDRESS_OK)
		return sendmail_fail(EX_USAGE, "-f: \"%.*s\" is not an address",
			SPAN_PRINT(sendmail->sender));
	for (size_t i = 0; i < sendmail->count; i++) {
		if (address_parse(sendmail->recipient[i], &sendmail->arena,
		    &address) != ADDRESS_OK)
			return sendmail_fail(EX_DATAERR,
				"\"%.*s\" is not an address",
				SPAN_PRINT(sendmail->recipient[i]));
		sendmail->is_utf8 |= address.is_utf8;
	}
	return sendmail->count > 0 ? 0 : sendmail_fail(EX_USAGE,
		"no recipient was given");
}

static int
load_config(const char *path, struct config **config)
{
	struct error error;
	/* Who runs it with our group names no file. */
	if (getegid() != getgid() || path == NULL)
		path = standard_config;
	if (access(path, F_OK) < 0)
		path = NULL;
	if (config_load(path, NULL, 0, config, &error) < 0)
		return sendmail_fail(EX_CONFIG, "%s", error.text);
	return 0;
}

static int
run(struct sendmail *sendmail, enum mode mode)
{
	int result;
	switch (mode) {
	case MODE_SMTP:
		return sendmail_talk(sendmail);
	case MODE_LIST:
		return run_command("mailq");
	case MODE_ALIASES:
		return run_command("newaliases");
	case MODE_NOTHING:
		return 0;
	default:
		break;
	}
	result = sendmail_read(sendmail);
	if (result == 0)
		result = check_addresses(sendmail);
	return result != 0 ? result : sendmail_send(sendmail);
}

static const char help[] =
	"usage: sendmail [OPTION]... [RECIPIENT]...\n\n"
	"Hand a message from standard input to the mail system.\n\n"
	"  -f A, -r A  the sender; without it the user who runs this\n"
	"  -F NAME     his full name, for a message without a From field\n"
	"  -t          recipients are those of To, Cc and Bcc; Bcc is removed\n"
	"  -i, -oi     a line with nothing but a dot does not end the message\n"
	"  -N WHEN     reports: never, or success, failure, delay\n"
	"  -R PART     what a report returns: full or hdrs\n"
	"  -V ID       the envelope id that reports name\n"
	"  -bs         SMTP on standard input and output\n"
	"  -bp         list the queue, as mailq does\n"
	"  -bi         compile the alias files, as newaliases does\n"
	"  -C FILE     the configuration\n\n"
	"What only other mailers need is taken and passed over. While the system is\n"
	"down a message is kept and sent when it is up. The exit status is that of\n"
	"sysexits.h: 0 when the message is safe, 75 when it could not be kept now.\n";

int
main(int argc, char **argv)
{
	static struct sendmail sendmail;
	struct config *config = NULL;
	enum mode mode = MODE_SEND;
	const char *path = getegid() == getgid() ? getenv("POSTHOUSE_CONF") :
		NULL;
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return 0;
	}
	arena_init(&sendmail.arena, 0);
	int result = take_words(&sendmail, argc, argv, &mode, &path);
	if (result == 0)
		result = load_config(path, &config);
	sendmail.config = config;
	if (result == 0)
		result = run(&sendmail, mode);
	buffer_fini(&sendmail.message);
	arena_fini(&sendmail.arena);
	config_free(&config);
	return result;
}
