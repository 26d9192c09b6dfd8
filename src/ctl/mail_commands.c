/* The commands of `mail`: a table, and what they do to the list. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/mail.h"
#include "ctl/mail_input.h"
#include "ctl/mail_numbers.h"
#include "ctl/mail_text.h"
#include "proto/imap_parse.h"

/* ---- the list ---- */

static bool
is_seen(const struct mail_message *message)
{
	return !message->is_kept_unread && (message->is_read ||
		(message->flags & IMAP_FLAG_SEEN) != 0);
}

static char
flag_of(const struct mail_message *message)
{
	if (message->is_saved)
		return '*';
	if (message->is_kept_unread)
		return 'U';
	if (!is_seen(message))
		return message->is_new ? 'N' : 'U';
	return message->is_read && (message->flags & IMAP_FLAG_SEEN) == 0 ?
		'R' : ' ';
}

void
mail_print_summary(const struct mail *mail)
{
	size_t new = 0, unread = 0, deleted = 0;
	const struct mail_box *box = mail->box;
	for (size_t i = 0; i < box->count; i++) {
		deleted += box->message[i].is_deleted;
		unread += !is_seen(&box->message[i]);
		new += !is_seen(&box->message[i]) && box->message[i].is_new;
	}
	printf("\"%s\": %zu message%s", box->name, box->count,
		box->count == 1 ? "" : "s");
	if (new > 0)
		printf(" %zu new", new);
	if (unread > 0)
		printf(" %zu unread", unread);
	if (deleted > 0)
		printf(" %zu deleted", deleted);
	putchar('\n');
}

static void
add_list_line(struct mail *mail, size_t index, struct buffer *out)
{
	const struct mail_message *message = &mail->box->message[index];
	struct mail_text_line line = {
		.is_current = index == mail->current,
		.flag = flag_of(message), .number = (unsigned)index + 1,
		.from = message->from, .subject = message->subject,
		.lines = message->lines,
		/* As a file has them: lines end in LF. */
		.bytes = message->size > message->lines ?
			message->size - message->lines : message->size,
	};
	char date[40] = "";
	time_t seconds = (time_t)message->date;
	struct tm local;
	if (localtime_r(&seconds, &local) != NULL)
		strftime(date, sizeof(date), "%a %b %e %H:%M", &local);
	line.date = span_from(date);
	mail_text_add_line(out, &line, mail->columns);
}

/* Loads a screenful at a time, so that a long list begins at once. */
int
mail_print_list(struct mail *mail, size_t first, size_t count)
{
	struct error error;
	struct buffer out;
	enum { AT_ONCE = 100 };
	size_t listed = 0;
	buffer_init(&out, 0);
	for (size_t i = first; i < mail->box->count && listed < count; i++) {
		if (mail->box->message[i].is_deleted)
			continue;
		if (!mail->box->message[i].is_loaded) {
			size_t most = count - listed < AT_ONCE ?
				count - listed : AT_ONCE;
			if (mail->box->call->load(mail->box, i, most,
			    &error) < 0) {
				buffer_fini(&out);
				return ctl_fail_error(&error);
			}
		}
		add_list_line(mail, i, &out);
		listed++;
		fwrite(out.data, 1, out.size, stdout);
		buffer_clear(&out);
	}
	buffer_fini(&out);
	return 0;
}

static size_t
screen_size(const struct mail *mail)
{
	return mail->rows > 5 ? mail->rows - 4 : 1;
}

static void
headers(const struct mail_call *call)
{
	struct mail *mail = call->mail;
	size_t size = screen_size(mail);
	if (call->count > 0 && call->rest.size > 0)
		mail->current = call->chosen[0];
	mail->top = mail->current / size * size;
	mail_print_list(mail, mail->top, size);
}

static void
scroll(const struct mail_call *call)
{
	struct mail *mail = call->mail;
	size_t size = screen_size(mail);
	bool is_back = call->rest.size > 0 && call->rest.data[0] == '-';
	if (is_back ? mail->top == 0 : mail->top + size >= mail->box->count) {
		printf("On %s screenful of messages\n",
			is_back ? "first" : "last");
		return;
	}
	mail->top = is_back ? (mail->top > size ? mail->top - size : 0) :
		mail->top + size;
	mail->current = mail->top;
	mail_print_list(mail, mail->top, size);
}

static void
list_chosen(const struct mail_call *call)
{
	for (size_t i = 0; i < call->count; i++)
		mail_print_list(call->mail, call->chosen[i], 1);
}

/* ---- marks ---- */

/* The nearest message behind (or before) that is not deleted; false: none. */
static bool
find_near(const struct mail *mail, size_t from, bool is_forward, size_t *found)
{
	for (size_t i = from; i < mail->box->count; i += is_forward ? 1 : -1) {
		if (!mail->box->message[i].is_deleted) {
			*found = i;
			return true;
		}
	}
	return false;
}

static void
delete_chosen(const struct mail_call *call)
{
	struct mail *mail = call->mail;
	for (size_t i = 0; i < call->count; i++)
		mail->box->message[call->chosen[i]].is_deleted = true;
	size_t last = call->chosen[call->count - 1];
	if (find_near(mail, last, true, &mail->current) ||
	    find_near(mail, last, false, &mail->current))
		mail->has_shown = false;
}

static void
delete_and_show(const struct mail_call *call)
{
	struct mail *mail = call->mail;
	size_t last = call->chosen[call->count - 1];
	delete_chosen(call);
	if (mail->current <= last) {
		printf("No more messages\n");
		return;
	}
	struct mail_call next = { .mail = mail, .chosen = &mail->current,
		.count = 1 };
	mail_show(&next);
}

static void
undelete_chosen(const struct mail_call *call)
{
	for (size_t i = 0; i < call->count; i++)
		call->mail->box->message[call->chosen[i]].is_deleted = false;
	call->mail->current = call->chosen[0];
}

static void
mark_unread(const struct mail_call *call)
{
	for (size_t i = 0; i < call->count; i++) {
		struct mail_message *message =
			&call->mail->box->message[call->chosen[i]];
		message->is_read = false;
		/* What is marked read already stays so: only this session's
		 * reading is taken back. */
		message->is_kept_unread =
			(message->flags & IMAP_FLAG_SEEN) == 0;
	}
}

static void
mark_read(const struct mail_call *call)
{
	for (size_t i = 0; i < call->count; i++) {
		call->mail->box->message[call->chosen[i]].is_read = true;
		call->mail->box->message[call->chosen[i]].is_kept_unread = false;
	}
}

/* ---- going on ---- */

static void
show_next(const struct mail_call *call)
{
	struct mail *mail = call->mail;
	size_t from = mail->has_shown ? mail->current + 1 : mail->current;
	if (call->rest.size > 0 && call->count > 0)
		from = call->chosen[0];
	if (!find_near(mail, from, true, &from)) {
		printf("At EOF\n");
		return;
	}
	struct mail_call next = { .mail = mail, .chosen = &from, .count = 1 };
	mail_show(&next);
}

static void
show_previous(const struct mail_call *call)
{
	struct mail *mail = call->mail;
	size_t from;
	if (mail->current == 0 ||
	    !find_near(mail, mail->current - 1, false, &from)) {
		printf("Referencing before 1\n");
		return;
	}
	struct mail_call next = { .mail = mail, .chosen = &from, .count = 1 };
	mail_show(&next);
}

static void
say_number(const struct mail_call *call)
{
	printf("%zu\n", call->mail->current + 1);
}

static void
say_summary(const struct mail_call *call)
{
	mail_print_summary(call->mail);
}

static void
say_sizes(const struct mail_call *call)
{
	for (size_t i = 0; i < call->count; i++)
		printf("%zu: %lu\n", call->chosen[i] + 1, (unsigned long)
			call->mail->box->message[call->chosen[i]].size);
}

static void
quit(const struct mail_call *call)
{
	call->mail->is_over = true;
}

static void
leave(const struct mail_call *call)
{
	call->mail->is_over = call->mail->keeps_all = true;
}

static void
refuse_shell(const struct mail_call *call)
{
	(void)call;
	printf("No command of the shell is run from here\n");
}

static const char help_text[] =
	"    Mail   Command Description\n"
	"------------------------------------------------------------------\n"
	"t [message list]               type message(s) (p; P, T: all fields)\n"
	"n                              go to and type next message (Enter)\n"
	"e.g. 3, 2-5, *, :u, /word      message lists, with any command\n"
	"f [message list]               give head lines of messages\n"
	"h, z, z-                       print out active message headers\n"
	"d [message list]               delete messages (dp: and type next)\n"
	"u [message list]               undelete messages\n"
	"U [message list]               keep messages unread\n"
	"s [message list] file          append messages to file, and remove\n"
	"c [message list] file          append messages to file (copy)\n"
	"w [message list] file          append texts to file, without header\n"
	"detach [number] [file]         save an attachment\n"
	"R [message]                    reply to message sender\n"
	"r [message]                    reply to message sender and all others\n"
	"fwd [message] address          send it on to somebody\n"
	"m address                      send mail to specific users\n"
	"q                              quit, writing down what changed\n"
	"x                              quit, changing nothing\n";

static void
help(const struct mail_call *call)
{
	(void)call;
	fputs(help_text, stdout);
}

/* ---- the table ---- */

enum wants {
	WANTS_NOTHING,		/* the rest of the line is its own */
	WANTS_LIST,		/* messages; without any "." */
	WANTS_DELETED,		/* messages that are deleted */
	WANTS_LIST_AND_FILE,	/* messages, and a last word that is a file */
	WANTS_NUMBER,		/* "." and words of its own */
};

/* The first whose name begins with what was typed. */
static const struct {
	const char *name;
	mail_function *run;
	enum wants wants;
} commands[] = {
	{ "next", show_next, WANTS_LIST },
	{ "print", mail_show, WANTS_LIST },
	{ "Print", mail_show_all, WANTS_LIST },
	{ "type", mail_show, WANTS_LIST },
	{ "Type", mail_show_all, WANTS_LIST },
	{ "delete", delete_chosen, WANTS_LIST },
	{ "dp", delete_and_show, WANTS_LIST },
	{ "dt", delete_and_show, WANTS_LIST },
	{ "detach", mail_detach, WANTS_NUMBER },
	{ "undelete", undelete_chosen, WANTS_DELETED },
	{ "unread", mark_unread, WANTS_LIST },
	{ "Unread", mark_unread, WANTS_LIST },
	{ "headers", headers, WANTS_LIST },
	{ "hold", mark_unread, WANTS_LIST },
	{ "help", help, WANTS_NOTHING },
	{ "from", list_chosen, WANTS_LIST },
	{ "file", say_summary, WANTS_NOTHING },
	{ "folder", say_summary, WANTS_NOTHING },
	{ "forward", mail_forward, WANTS_NUMBER },
	{ "fwd", mail_forward, WANTS_NUMBER },
	{ "reply", mail_reply_all, WANTS_LIST },
	{ "Reply", mail_reply_sender, WANTS_LIST },
	{ "respond", mail_reply_all, WANTS_LIST },
	{ "Respond", mail_reply_sender, WANTS_LIST },
	{ "replyall", mail_reply_all, WANTS_LIST },
	{ "followup", mail_reply_all, WANTS_LIST },
	{ "save", mail_save, WANTS_LIST_AND_FILE },
	{ "copy", mail_copy, WANTS_LIST_AND_FILE },
	{ "write", mail_write, WANTS_LIST_AND_FILE },
	{ "size", say_sizes, WANTS_LIST },
	{ "shell", refuse_shell, WANTS_NOTHING },
	{ "mail", mail_compose, WANTS_NOTHING },
	{ "more", mail_show, WANTS_LIST },
	{ "page", mail_show, WANTS_LIST },
	{ "preserve", mark_unread, WANTS_LIST },
	{ "top", mail_top, WANTS_LIST },
	{ "touch", mark_read, WANTS_LIST },
	{ "quit", quit, WANTS_NOTHING },
	{ "xit", leave, WANTS_NOTHING },
	{ "exit", leave, WANTS_NOTHING },
	{ "z", scroll, WANTS_NOTHING },
	{ "?", help, WANTS_NOTHING },
	{ "=", say_number, WANTS_NOTHING },
	{ "!", refuse_shell, WANTS_NOTHING },
	{ "|", refuse_shell, WANTS_NOTHING },
	{ "+", show_next, WANTS_NOTHING },
	{ "-", show_previous, WANTS_NOTHING },
};

static bool
is_letter(char c)
{
	c = span_lower_byte(c);
	return c >= 'a' && c <= 'z';
}

/* Cuts the command off a line; a number or a list is "print". */
static size_t
find_command(struct span *line, struct span *word)
{
	size_t n = 0;
	while (n < line->size && is_letter(line->data[n]))
		n++;
	if (n == 0 && line->size > 0 && (strchr("?=!|", line->data[0]) != NULL ||
	    (line->size == 1 && strchr("+-", line->data[0]) != NULL)))
		n = 1;
	*word = n > 0 ? span_first(*line, n) : SPAN("print");
	*line = span_trim(span_skip(*line, n));
	size_t i = 0;
	while (i < sizeof(commands) / sizeof(commands[0]) &&
	    !span_starts(span_from(commands[i].name), *word))
		i++;
	return i;
}

/* Cuts the last word off, which is a file's name. */
static struct span
take_last_word(struct span *rest)
{
	size_t n = rest->size;
	while (n > 0 && rest->data[n - 1] != ' ' && rest->data[n - 1] != '\t')
		n--;
	struct span word = span_skip(*rest, n);
	*rest = span_trim(span_first(*rest, n));
	return word;
}

static bool
choose(struct mail *mail, struct span list, enum wants wants,
	struct mail_call *call)
{
	const struct mail_box *box = mail->box;
	bool *is_chosen = arena_new_array(&mail->arena, box->count + 1,
		sizeof(*is_chosen));
	size_t *chosen = arena_new_array(&mail->arena, box->count + 1,
		sizeof(*chosen));
	struct error error;
	/* Senders and subjects are known of what has been listed. */
	if (list.size > 0 && (is_letter(list.data[0]) || list.data[0] == '/') &&
	    mail->box->call->load(mail->box, 0, box->count, &error) < 0) {
		ctl_fail_error(&error);
		return false;
	}
	const char *problem = mail_numbers_choose(box,
		list.size > 0 ? list : SPAN("."), mail->current,
		wants == WANTS_DELETED, &mail->arena, is_chosen);
	if (problem != NULL) {
		printf("%s\n", problem);
		return false;
	}
	for (size_t i = 0; i < box->count; i++)
		if (is_chosen[i])
			chosen[call->count++] = i;
	call->chosen = chosen;
	return true;
}

static void
run_line(struct mail *mail, struct span line)
{
	struct span word, file = SPAN("");
	line = span_trim(line);
	if (line.size == 0)
		line = SPAN("next");
	if (line.data[0] == '#')
		return;
	size_t i = find_command(&line, &word);
	if (i == sizeof(commands) / sizeof(commands[0])) {
		struct span shown = arena_copy(&mail->arena, word);
		printf("Unknown command: \"%.*s\"\n", SPAN_PRINT(shown));
		return;
	}
	struct mail_call call = { .mail = mail, .name = commands[i].name,
		.rest = line };
	if (commands[i].wants == WANTS_LIST_AND_FILE) {
		file = take_last_word(&line);
		call.rest = file;
	}
	/* "next" without a list is not about ".", which may be deleted. */
	if ((commands[i].run == show_next || commands[i].run == headers) &&
	    line.size == 0) {
		commands[i].run(&call);
		return;
	}
	if (commands[i].wants == WANTS_NUMBER)
		line = SPAN("");
	if (commands[i].wants != WANTS_NOTHING &&
	    !choose(mail, line, commands[i].wants, &call))
		return;
	commands[i].run(&call);
}

static void
say_arrivals(struct mail *mail)
{
	struct error error;
	size_t before = mail->box->count;
	if (mail->box->is_gone || !mail_input_is_terminal())
		return;
	if (mail->box->call->poll(mail->box, &error) < 0) {
		/* Said once; what needs the system says it again. */
		mail->box->is_gone = true;
		ctl_fail_error(&error);
		return;
	}
	size_t count = mail->box->count - before;
	if (count == 0)
		return;
	printf("New mail has arrived.\nLoaded %zu new message%s\n", count,
		count == 1 ? "" : "s");
	mail_print_list(mail, before, count);
}

void
mail_run(struct mail *mail)
{
	struct span line;
	while (!mail->is_over) {
		say_arrivals(mail);
		enum mail_input_verdict verdict = mail_input_line("& ", &line);
		if (verdict == MAIL_INPUT_INTERRUPTED) {
			printf("\nInterrupt\n");
			continue;
		}
		if (verdict == MAIL_INPUT_END) {
			if (mail_input_is_terminal())
				putchar('\n');
			break;
		}
		arena_init(&mail->arena, 0);
		run_line(mail, arena_copy(&mail->arena, line));
		arena_fini(&mail->arena);
	}
}
