/* `mail`: its command line, and how a session begins and ends. */
#include "ctl/mail.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/mail_input.h"
#include "proto/imap_parse.h"

struct options {
	const char *user;		/* -u */
	const char *subject, *from;
	bool is_file;			/* -f */
	bool is_question;		/* -e */
	bool is_list;			/* -H */
	bool has_no_list;		/* -N */
	bool keeps_empty_back;		/* -E */
	bool is_help;
};

static const char usage[] =
	"usage: mail [-eHN] [-u USER]                     read mail\n"
	"       mail [-eHN] -f FILE                       read a file (mbox)\n"
	"       mail [-s SUBJECT] [-c CC] [-b BCC] [-a FIELD] [-r FROM] "
	"ADDRESS...\n";

static const char help[] =
	"\nReads a mailbox, or sends what standard input holds.\n\n"
	"  -u USER     the mailbox of another user (root may)\n"
	"  -f FILE     a file in mbox form instead\n"
	"  -H          print the list, and end\n"
	"  -e          print nothing: exit 0 when there is mail, else 1\n"
	"  -N          begin without the list\n"
	"  -s SUBJECT  of the message\n"
	"  -c, -b      further recipients, -b unseen by the others\n"
	"  -a FIELD    a field of the header, \"Name: text\"\n"
	"  -r FROM     the sender\n"
	"  -E          do not send a message without a text\n"
	"\nInside, ? lists the commands.\n";

/* ---- sending ---- */

static bool
add_field(struct mail_draft *draft, const char *text)
{
	struct span field = span_trim(span_from(text));
	size_t colon = span_find(field, ':');
	if (colon == 0 || colon == field.size ||
	    span_find(field, '\n') < field.size)
		return false;
	buffer_add(&draft->fields, field);
	buffer_add_byte(&draft->fields, '\n');
	return true;
}

static int
send_message(struct mail_draft *draft, const struct options *options,
	char **recipients)
{
	struct span line;
	for (; *recipients != NULL; recipients++)
		mail_draft_add_address(&draft->to, span_from(*recipients));
	if (options->subject != NULL) {
		/* One line, whatever it holds. */
		for (const char *at = options->subject; *at != '\0'; at++)
			buffer_add_byte(&draft->subject,
				*at == '\n' || *at == '\r' ? ' ' : *at);
	} else if (mail_input_is_terminal() &&
	    mail_input_line("Subject: ", &line) == MAIL_INPUT_LINE) {
		buffer_add(&draft->subject, line);
	}
	draft->from = span_from(options->from);
	draft->sends_empty = !options->keeps_empty_back;
	if (!mail_draft_read(draft, false))
		return 1;
	return mail_draft_send(draft);
}

/* ---- reading ---- */

static void
measure_terminal(struct mail *mail)
{
	struct winsize size;
	mail->columns = 80;
	mail->rows = 24;
	mail->is_paged = isatty(1) && mail_input_is_terminal();
	if (isatty(1) && ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
	    size.ws_row > 0) {
		mail->columns = size.ws_col;
		mail->rows = size.ws_row;
	}
}

/* The first new message, else the first unread, else the first. */
static size_t
find_first(const struct mail_box *box)
{
	size_t unread = box->count;
	for (size_t i = 0; i < box->count; i++) {
		if (box->message[i].is_new)
			return i;
		if (unread == box->count &&
		    (box->message[i].flags & IMAP_FLAG_SEEN) == 0)
			unread = i;
	}
	return unread < box->count ? unread : 0;
}

static int
finish(struct mail *mail)
{
	struct error error;
	size_t held = 0;
	if (mail->keeps_all)
		return 0;
	if (mail->box->call->finish(mail->box, &error) < 0)
		return ctl_fail_error(&error);
	for (size_t i = 0; i < mail->box->count; i++)
		held += !mail->box->message[i].is_deleted &&
			!mail->box->message[i].is_saved;
	if (held > 0)
		printf("Held %zu message%s in %s\n", held,
			held == 1 ? "" : "s", mail->box->name);
	return 0;
}

static int
read_mailbox(struct mail *mail, const struct options *options)
{
	size_t size;
	measure_terminal(mail);
	if (options->is_list)
		return mail_print_list(mail, 0, mail->box->count);
	printf("Mail version %s (Posthouse).  Type ? for help.\n",
		POSTHOUSE_VERSION);
	mail_print_summary(mail);
	size = mail->rows > 5 ? mail->rows - 4 : 1;
	mail->current = find_first(mail->box);
	mail->top = mail->current / size * size;
	if (!options->has_no_list &&
	    mail_print_list(mail, mail->top, size) != 0)
		return 1;
	mail_run(mail);
	return finish(mail);
}

static int
open_and_read(struct ctl *ctl, const struct options *options, const char *file)
{
	struct mail mail = { .config_path = ctl->is_standard_config ? NULL :
		ctl->config_path };
	struct error error;
	int result;
	if (ctl_load_config(ctl) != 0)
		return 1;
	mail.box = options->is_file ? mail_box_open_file(file, &error) :
		mail_box_open_imap(ctl->config, options->user, &error);
	if (mail.box == NULL)
		return options->is_question ? 1 : ctl_fail_error(&error);
	if (mail.box->count == 0) {
		if (!options->is_question && options->is_file)
			printf("\"%s\": 0 messages\n", mail.box->name);
		else if (!options->is_question)
			fprintf(stderr, "No mail for %s\n", mail.box->user);
		result = 1;
	} else {
		result = options->is_question ? 0 :
			read_mailbox(&mail, options);
	}
	mail.box->call->close(&mail.box);
	return result;
}

/* ---- the command line ---- */

/* 0, or 1 with the sentence printed. */
static int
take_options(int argc, char **argv, struct options *options,
	struct mail_draft *draft)
{
	static const struct option names[] = {
		{ "help", no_argument, NULL, '?' + 256 }, { 0 }
	};
	int letter;
	optind = 1;
	while ((letter = getopt_long(argc, argv, "a:b:c:dEefHiInNr:s:u:v",
	    names, NULL)) != -1) {
		switch (letter) {
		case 'a':
			if (!add_field(draft, optarg))
				return ctl_fail("-a: found \"%s\", expected "
					"\"Name: text\"", optarg);
			break;
		case 'b':
			mail_draft_add_address(&draft->bcc, span_from(optarg));
			break;
		case 'c':
			mail_draft_add_address(&draft->cc, span_from(optarg));
			break;
		case 'E': options->keeps_empty_back = true; break;
		case 'e': options->is_question = true; break;
		case 'f': options->is_file = true; break;
		case 'H': options->is_list = true; break;
		case 'N': options->has_no_list = true; break;
		case 'r': options->from = optarg; break;
		case 's': options->subject = optarg; break;
		case 'u': options->user = optarg; break;
		case '?' + 256: options->is_help = true; break;
		case 'd': case 'i': case 'I': case 'n': case 'v':
			break;		/* of other mail programs */
		default:
			fputs(usage, stderr);
			return 1;
		}
	}
	return 0;
}

/* argv[0] is "mail". */
int
ctl_mail(struct ctl *ctl)
{
	struct options options = { .user = NULL };
	struct mail_draft draft;
	mail_input_begin();
	mail_draft_init(&draft);
	draft.config_path = ctl->is_standard_config ? NULL : ctl->config_path;
	int result = take_options(ctl->argc, ctl->argv, &options, &draft);
	char **rest = ctl->argv + (optind < ctl->argc ? optind : ctl->argc);
	if (result != 0) {
		;
	} else if (options.is_help || ctl->is_help) {
		printf("%s%s", usage, help);
	} else if (options.is_file) {
		const char *home = getenv("HOME");
		char path[4096];
		snprintf(path, sizeof(path), "%s/mbox", home != NULL ? home : ".");
		result = open_and_read(ctl, &options, *rest != NULL ? *rest :
			path);
	} else if (*rest != NULL) {
		result = send_message(&draft, &options, rest);
	} else {
		result = open_and_read(ctl, &options, NULL);
	}
	mail_draft_fini(&draft);
	return result;
}
