/* What commands of `mail` do with a message: show, save, answer. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/mail.h"
#include "ctl/mail_input.h"
#include "ctl/mail_text.h"
#include "ctl/mbox_reader.h"
#include "proto/date.h"
#include "proto/mime.h"
#include "proto/terminal_text.h"

enum { PAGER_WORDS = 16 };

/* ---- showing ---- */

/* The words of PAGER, never by a shell. */
static void
become_pager(int input)
{
	char words[1000], *argv[PAGER_WORDS + 1] = { NULL };
	const char *pager = getenv("PAGER");
	size_t count = 0;
	snprintf(words, sizeof(words), "%s", pager != NULL && *pager != '\0' ?
		pager : "more");
	for (char *at = words; *at != '\0' && count < PAGER_WORDS;) {
		at += strspn(at, " \t");
		if (*at == '\0')
			break;
		argv[count++] = at;
		at += strcspn(at, " \t");
		if (*at != '\0')
			*at++ = '\0';
	}
	dup2(input, 0);
	if (count > 0)
		execvp(argv[0], argv);
	_exit(127);
}

/* False: it could not be run, and nothing was shown. */
static bool
run_pager(struct span text)
{
	struct error error;
	int status = 0, ends[2];
	fflush(stdout);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	pid_t child = fork();
	if (child == 0)
		become_pager(ends[0]);
	close(ends[0]);
	if (child > 0)
		file_write_all(ends[1], text, &error);	/* it may have enough */
	close(ends[1]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

static void
show_text(const struct mail *mail, struct span text)
{
	size_t lines = 0;
	for (size_t i = 0; i < text.size; i++)
		lines += text.data[i] == '\n';
	if (mail->is_paged && lines + 2 > mail->rows && run_pager(text))
		return;
	fwrite(text.data, 1, text.size, stdout);
}

/* "From boss@linuxprobe.com Sun Nov 22 10:00:00 2026", as files have it. */
static void
add_from_line(struct mail *mail, const struct mail_message *message,
	struct span text, struct buffer *out)
{
	char date[40] = "";
	time_t seconds = (time_t)message->date;
	struct tm local;
	struct span sender = mail_text_field(&mail->arena, text,
		SPAN("Return-Path"));
	sender = span_trim(sender);
	if (sender.size >= 2 && sender.data[0] == '<')
		sender = span_of(sender.data + 1, sender.size - 2);
	if (sender.size == 0)
		sender = message->from.size > 0 ? message->from :
			SPAN("MAILER-DAEMON");
	if (localtime_r(&seconds, &local) != NULL)
		strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &local);
	buffer_add(out, SPAN("From "));
	terminal_text_add_line(out, sender);
	buffer_print(out, " %s\n", date);
}

static bool
read_message(struct mail *mail, size_t index, struct buffer *text)
{
	struct error error;
	buffer_init(text, 0);
	if (mail->box->call->read(mail->box, index, text, &error) == 0)
		return true;
	ctl_fail_error(&error);
	buffer_fini(text);
	return false;
}

static void
show(const struct mail_call *call, bool has_all_fields, size_t lines)
{
	struct mail *mail = call->mail;
	struct buffer text, out;
	for (size_t i = 0; i < call->count; i++) {
		size_t index = call->chosen[i];
		struct mail_message *message = &mail->box->message[index];
		mail->current = index;
		mail->has_shown = true;
		if (!read_message(mail, index, &text))
			return;
		message->is_read = true;
		message->is_kept_unread = false;
		buffer_init(&out, 0);
		buffer_print(&out, "Message %2zu:\n", index + 1);
		add_from_line(mail, message, buffer_span(&text), &out);
		mail_text_add_message(&out, buffer_span(&text), has_all_fields);
		buffer_add_byte(&out, '\n');
		struct span shown = buffer_span(&out), rest = shown, line;
		for (size_t n = 0; n < lines && rest.size > 0; n++)
			span_split(&rest, '\n', &line);
		show_text(mail, lines > 0 ? span_first(shown,
			shown.size - rest.size) : shown);
		buffer_fini(&out);
		buffer_fini(&text);
	}
}

void
mail_show(const struct mail_call *call)
{
	show(call, false, 0);
}

void
mail_show_all(const struct mail_call *call)
{
	show(call, true, 0);
}

void
mail_top(const struct mail_call *call)
{
	enum { TOP_LINES = 12 };
	show(call, false, TOP_LINES);
}

/* ---- saving ---- */

/* A "~/" in front is the home directory; false: no name was given. */
static bool
expand_name(struct span name, char *out, size_t size)
{
	const char *home = getenv("HOME");
	if (name.size == 0) {
		printf("The name of a file is missing\n");
		return false;
	}
	if (span_starts(name, SPAN("~/")) && home != NULL)
		snprintf(out, size, "%s/%.*s", home,
			SPAN_PRINT(span_skip(name, 2)));
	else
		snprintf(out, size, "%.*s", SPAN_PRINT(name));
	return true;
}

static bool
add_as_mbox(const struct mail_message *message, struct span text,
	struct buffer *out)
{
	struct store_flags flags = { .system = message->flags };
	struct error error;
	if (message->is_read)
		flags.system |= STORE_SEEN;
	if (mbox_reader_add(out, text, &flags, message->date, &error) == 0)
		return true;
	ctl_fail_error(&error);
	return false;
}

/* Appends all or nothing that can be helped; false with its sentence. */
static bool
append_file(const char *path, struct span content)
{
	struct error error;
	struct stat facts;
	bool is_new = stat(path, &facts) < 0;
	size_t lines = 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
		O_NONBLOCK, 0600);
	int result = fd < 0 ? error_set_errno(&error, "opening %s", path) :
		file_write_all(fd, content, &error);
	if (result == 0)
		result = file_sync_data(fd, &error);
	file_close(&fd);
	if (result < 0) {
		printf("%s\n", error.text);
		return false;
	}
	for (size_t i = 0; i < content.size; i++)
		lines += content.data[i] == '\n';
	printf("\"%s\" %s %zu/%zu\n", path, is_new ? "[New file]" :
		"[Appended]", lines, content.size);
	return true;
}

static bool
copy_messages(const struct mail_call *call, bool is_text)
{
	struct mail *mail = call->mail;
	char path[PATH_MAX];
	struct buffer text, out;
	bool is_done = true;
	if (!expand_name(call->rest, path, sizeof(path)))
		return false;
	buffer_init(&out, 0);
	for (size_t i = 0; i < call->count && is_done; i++) {
		is_done = read_message(mail, call->chosen[i], &text);
		if (!is_done)
			break;
		if (is_text)
			mail_text_add_body(&out, buffer_span(&text));
		else
			is_done = add_as_mbox(
				&mail->box->message[call->chosen[i]],
				buffer_span(&text), &out);
		buffer_fini(&text);
	}
	is_done = is_done && append_file(path, buffer_span(&out));
	buffer_fini(&out);
	return is_done;
}

void
mail_save(const struct mail_call *call)
{
	if (!copy_messages(call, false))
		return;
	for (size_t i = 0; i < call->count; i++)
		call->mail->box->message[call->chosen[i]].is_saved = true;
}

void
mail_copy(const struct mail_call *call)
{
	copy_messages(call, false);
}

void
mail_write(const struct mail_call *call)
{
	copy_messages(call, true);
}

/* Never over a file that is there: its name is a stranger's. */
static void
write_attachment(const char *path, struct span content)
{
	struct error error;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int result = fd < 0 ? error_set_errno(&error, "making %s", path) :
		file_write_all(fd, content, &error);
	file_close(&fd);
	if (result < 0)
		printf("%s\n", error.text);
	else
		printf("\"%s\" [New file] %zu bytes\n", path, content.size);
}

void
mail_detach(const struct mail_call *call)
{
	struct span rest = call->rest, word, name;
	struct buffer text, content;
	uint64_t number = 1;
	char path[PATH_MAX];
	if (span_word(&rest, &word) && !span_to_number(word, 9999, &number)) {
		printf("%.*s: expected the number of an attachment\n",
			SPAN_PRINT(word));
		return;
	}
	if (!read_message(call->mail, call->chosen[0], &text))
		return;
	buffer_init(&content, 0);
	if (!mail_text_find_attachment(&call->mail->arena, buffer_span(&text),
	    (unsigned)number, &name, &content)) {
		printf("The message has no attachment %lu\n",
			(unsigned long)number);
	} else {
		rest = span_trim(rest);
		if (rest.size == 0)
			rest = name.size > 0 ? name : arena_print(
				&call->mail->arena, "attachment-%lu",
				(unsigned long)number);
		if (expand_name(rest, path, sizeof(path)))
			write_attachment(path, buffer_span(&content));
	}
	buffer_fini(&content);
	buffer_fini(&text);
}

/* ---- answering ---- */

/* Addresses of a field, but for one's own and what is there already. */
static void
add_addresses(struct mail *mail, struct span message, const char *name,
	struct buffer *list)
{
	struct mime_field field;
	struct span own = span_trim(mail_text_field(&mail->arena, message,
		SPAN("Delivered-To")));
	struct span rest = message;
	while (mime_next_field(&rest, &field)) {
		if (!span_equals_nocase(field.name, span_from(name)))
			continue;
		const struct mime_address *at = mime_parse_addresses(
			&mail->arena, mime_unfold(&mail->arena, field.value));
		for (; at != NULL; at = at->next) {
			if (at->mailbox.size == 0)
				continue;
			struct span address = at->host.size == 0 ? at->mailbox :
				arena_print(&mail->arena, "%.*s@%.*s",
				SPAN_PRINT(at->mailbox), SPAN_PRINT(at->host));
			if (!span_equals_nocase(address, own) &&
			    !span_equals_nocase(address,
			    span_from(mail->box->user)) &&
			    span_search(buffer_span(list), address) ==
			    list->size)
				mail_draft_add_address(list, address);
		}
	}
}

/* One line of a stranger as the value of a field of ours. */
static void
add_value(struct buffer *out, struct span value)
{
	terminal_text_add_line(out, span_trim(value));
}

static void
make_reply(struct mail *mail, struct span message, bool is_to_all,
	struct mail_draft *draft)
{
	struct span subject = mail_text_field(&mail->arena, message,
		SPAN("Subject"));
	struct span id = span_trim(mail_text_field(&mail->arena, message,
		SPAN("Message-ID")));
	struct span references = span_trim(mail_text_field(&mail->arena,
		message, SPAN("References")));
	add_addresses(mail, message, "Reply-To", &draft->to);
	if (draft->to.size == 0)
		add_addresses(mail, message, "From", &draft->to);
	if (is_to_all) {
		add_addresses(mail, message, "To", &draft->to);
		add_addresses(mail, message, "Cc", &draft->cc);
	}
	if (!span_starts_nocase(subject, SPAN("re:")))
		buffer_add(&draft->subject, SPAN("Re: "));
	add_value(&draft->subject, subject);
	if (id.size == 0 || id.size > 900)
		return;
	buffer_add(&draft->fields, SPAN("In-Reply-To: "));
	add_value(&draft->fields, id);
	buffer_add(&draft->fields, SPAN("\nReferences: "));
	if (references.size > 0 && references.size + id.size < 900) {
		add_value(&draft->fields, references);
		buffer_add_byte(&draft->fields, ' ');
	}
	add_value(&draft->fields, id);
	buffer_add_byte(&draft->fields, '\n');
}

/* Reads and sends; true when it went. */
static bool
read_and_send(struct mail_draft *draft)
{
	struct span line;
	if (mail_input_is_terminal() && draft->subject.size == 0 &&
	    mail_input_line("Subject: ", &line) == MAIL_INPUT_LINE)
		buffer_add(&draft->subject, line);
	if (!mail_draft_read(draft, true)) {
		printf("The message is not sent\n");
		return false;
	}
	return mail_draft_send(draft) == 0;
}

static void
reply(const struct mail_call *call, bool is_to_all)
{
	struct mail *mail = call->mail;
	struct mail_draft draft;
	struct buffer text, quoted;
	size_t index = call->chosen[0];
	if (!read_message(mail, index, &text))
		return;
	mail_draft_init(&draft);
	buffer_init(&quoted, 0);
	mail_text_add_body(&quoted, buffer_span(&text));
	draft.quoted = buffer_span(&quoted);
	draft.config_path = mail->config_path;
	make_reply(mail, buffer_span(&text), is_to_all, &draft);
	printf("To: %.*s\n", SPAN_PRINT(buffer_span(&draft.to)));
	if (draft.cc.size > 0)
		printf("Cc: %.*s\n", SPAN_PRINT(buffer_span(&draft.cc)));
	printf("Subject: %.*s\n\n", SPAN_PRINT(buffer_span(&draft.subject)));
	if (read_and_send(&draft)) {
		mail->box->message[index].is_answered = true;
		mail->box->message[index].is_read = true;
	}
	mail->current = index;
	buffer_fini(&quoted);
	buffer_fini(&text);
	mail_draft_fini(&draft);
}

void
mail_reply_all(const struct mail_call *call)
{
	reply(call, true);
}

void
mail_reply_sender(const struct mail_call *call)
{
	reply(call, false);
}

void
mail_compose(const struct mail_call *call)
{
	struct mail_draft draft;
	struct span rest = call->rest, word;
	mail_draft_init(&draft);
	draft.config_path = call->mail->config_path;
	while (span_word(&rest, &word))
		mail_draft_add_address(&draft.to, word);
	if (draft.to.size == 0)
		printf("The address is missing\n");
	else
		read_and_send(&draft);
	mail_draft_fini(&draft);
}

/* "fwd [number] address": the text, with whose it was. */
void
mail_forward(const struct mail_call *call)
{
	struct mail *mail = call->mail;
	struct mail_draft draft;
	struct span rest = call->rest, word;
	struct buffer text;
	size_t index = call->chosen[0];
	uint64_t number;
	mail_draft_init(&draft);
	draft.config_path = mail->config_path;
	while (span_word(&rest, &word)) {
		if (span_to_number(word, mail->box->count, &number) && number > 0)
			index = number - 1;
		else
			mail_draft_add_address(&draft.to, word);
	}
	if (draft.to.size == 0) {
		printf("The address is missing\n");
	} else if (read_message(mail, index, &text)) {
		buffer_add(&draft.subject, SPAN("Fwd: "));
		add_value(&draft.subject, mail_text_field(&mail->arena,
			buffer_span(&text), SPAN("Subject")));
		buffer_add(&draft.body, SPAN("-------- Original Message "
			"--------\n"));
		mail_text_add_message(&draft.body, buffer_span(&text), false);
		mail_draft_send(&draft);
		buffer_fini(&text);
	}
	mail_draft_fini(&draft);
}
