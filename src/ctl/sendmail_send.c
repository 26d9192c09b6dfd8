/*
 * Handing a message over: by SMTP to the running system, as the user who runs
 * this program (the socket tells who that is), or else as a file in the drop
 * folder. Whatever the system puts off goes into the folder too, so that a
 * program that mails need not try again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "ctl/sendmail.h"
#include "proto/drop.h"
#include "proto/smtp_reply.h"
#include "serve/stream.h"

/* What came of one step. */
enum verdict { VERDICT_OK, VERDICT_LATER, VERDICT_NEVER };

/* ---- the socket ---- */

/* By the directory's descriptor: a path may be longer than a sockaddr. */
static int
open_socket(const struct sendmail *sendmail)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int dir = open(config_text(sendmail->config, "runtime_directory"),
		O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path),
		"/proc/self/fd/%d/submission", dir);
	if (dir < 0 || fd < 0 || connect(fd, (struct sockaddr *)&address,
	    sizeof(address)) < 0)
		file_close(&fd);
	file_close(&dir);
	return fd;
}

static struct span
sender_of(struct sendmail *sendmail)
{
	if (sendmail->has_sender)
		return sendmail->sender;
	const struct passwd *user = getpwuid(getuid());
	return user != NULL ? span_from(user->pw_name) :
		arena_print(&sendmail->arena, "uid-%u", (unsigned)getuid());
}

/* ---- the conversation ---- */

static enum verdict
read_answer(struct stream *stream, struct smtp_answer *answer)
{
	size_t consumed;
	for (;;) {
		switch (smtp_answer_parse(stream_unread(stream), answer,
			&consumed)) {
		case SMTP_ANSWER_OK:
			stream_consume(stream, consumed);
			return answer->code >= 500 ? VERDICT_NEVER :
				answer->code >= 400 ? VERDICT_LATER :
				VERDICT_OK;
		case SMTP_ANSWER_BAD:
			return VERDICT_LATER;
		case SMTP_ANSWER_MORE:
			break;
		}
		if (stream_fill_within(stream, SENDMAIL_TIMEOUT) <= 0)
			return VERDICT_LATER;
	}
}

static enum verdict
ask(struct stream *stream, struct smtp_answer *answer)
{
	struct error error;
	stream->deadline = clock_monotonic() + SENDMAIL_TIMEOUT;
	if (stream_send(stream, &error) < 0)
		return VERDICT_LATER;
	return read_answer(stream, answer);
}

static enum smtp_return
return_of(struct span word)
{
	if (span_equals_nocase(word, SPAN("full")))
		return SMTP_RETURN_FULL;
	return span_equals_nocase(word, SPAN("hdrs")) ? SMTP_RETURN_HEADERS :
		SMTP_RETURN_UNSET;
}

static enum verdict
say_mail(struct sendmail *sendmail, struct stream *stream,
	struct smtp_answer *answer)
{
	struct span sender = sender_of(sendmail);
	struct smtp_mail mail = { .is_null = sender.size == 0,
		.is_utf8 = sendmail->is_utf8, .has_size = true,
		.size = sendmail->message.size,
		.body = sendmail->is_8bit ? SMTP_BODY_8BITMIME :
		SMTP_BODY_7BIT, .ret = return_of(sendmail->ret) };
	struct buffer envid;
	if (!mail.is_null && address_parse(sender, &sendmail->arena,
	    &mail.path) != ADDRESS_OK)
		return VERDICT_NEVER;
	buffer_init(&envid, 0);
	smtp_xtext_encode(&envid, span_first(sendmail->envid, 90));
	mail.envid = buffer_span(&envid);
	smtp_mail_add(&stream->out, &mail);
	buffer_fini(&envid);
	return ask(stream, answer);
}

/* "success,failure", "never": bits; 0 when it is neither. */
static unsigned
notify_of(struct span text)
{
	unsigned bits = 0;
	struct span word;
	if (span_equals_nocase(text, SPAN("never")))
		return SMTP_NOTIFY_NEVER;
	while (span_split(&text, ',', &word)) {
		if (span_equals_nocase(word, SPAN("success")))
			bits |= SMTP_NOTIFY_SUCCESS;
		else if (span_equals_nocase(word, SPAN("failure")))
			bits |= SMTP_NOTIFY_FAILURE;
		else if (span_equals_nocase(word, SPAN("delay")))
			bits |= SMTP_NOTIFY_DELAY;
	}
	return bits;
}

/* Those put off stay in the list, for the folder; those taken and refused
 * leave it. Returns how many were taken. */
static size_t
say_recipients(struct sendmail *sendmail, struct stream *stream,
	bool *is_any_refused)
{
	size_t taken = 0, left = 0;
	for (size_t i = 0; i < sendmail->count; i++) {
		struct smtp_rcpt rcpt = {
			.notify = notify_of(sendmail->notify) };
		struct smtp_answer answer = { .code = 0 };
		struct span to = sendmail->recipient[i];
		if (address_parse(to, &sendmail->arena, &rcpt.path) !=
		    ADDRESS_OK)
			continue;
		smtp_rcpt_add(&stream->out, &rcpt);
		switch (ask(stream, &answer)) {
		case VERDICT_OK:
			taken++;
			break;
		case VERDICT_LATER:
			sendmail->recipient[left++] = to;
			break;
		case VERDICT_NEVER:
			*is_any_refused = true;
			sendmail_fail(0, "%.*s: %.*s", SPAN_PRINT(to),
				SPAN_PRINT(answer.text));
		}
	}
	sendmail->count = left;
	return taken;
}

/* SMTP's dots (RFC 5321 4.5.2) need no BDAT, which a milter may not like. */
static void
add_data(struct buffer *out, struct span message)
{
	struct span line;
	while (message.size > 0 && span_split(&message, '\n', &line)) {
		if (line.size > 0 && line.data[0] == '.')
			buffer_add_byte(out, '.');
		buffer_add(out, line);
		buffer_add_byte(out, '\n');
	}
	buffer_add(out, SPAN(".\r\n"));
}

/* What happened to the message; recipients to be dropped stay in the list. */
static enum verdict
converse(struct sendmail *sendmail, struct stream *stream,
	bool *is_any_refused)
{
	struct smtp_answer answer = { .code = 0 };
	struct span all[SENDMAIL_RECIPIENT_LIMIT];
	size_t count = sendmail->count;
	enum verdict verdict = read_answer(stream, &answer);
	memcpy(all, sendmail->recipient, count * sizeof(all[0]));
	stream_print(stream, "EHLO localhost\r\n");
	if (verdict == VERDICT_OK)
		verdict = ask(stream, &answer);
	if (verdict == VERDICT_OK)
		verdict = say_mail(sendmail, stream, &answer);
	if (verdict == VERDICT_OK && say_recipients(sendmail, stream,
	    is_any_refused) == 0)
		return VERDICT_OK;	/* refused, or in the list */
	if (verdict == VERDICT_OK) {
		stream_print(stream, "DATA\r\n");
		verdict = ask(stream, &answer);
	}
	if (verdict == VERDICT_OK) {
		add_data(&stream->out, buffer_span(&sendmail->message));
		verdict = ask(stream, &answer);
		if (verdict == VERDICT_OK)
			return VERDICT_OK;
	}
	if (verdict == VERDICT_LATER) {
		memcpy(sendmail->recipient, all, count * sizeof(all[0]));
		sendmail->count = count;
	} else {
		sendmail_fail(0, "%.*s", SPAN_PRINT(answer.text));
	}
	return verdict;
}

/* ---- the folder ---- */

static int
write_drop(struct sendmail *sendmail, int dir, const char *temporary,
	const char *name, struct error *error)
{
	struct drop drop = { .sender = sender_of(sendmail),
		.is_8bit = sendmail->is_8bit, .is_utf8 = sendmail->is_utf8,
		.ret = sendmail->ret, .count = sendmail->count };
	struct buffer head;
	int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL |
		O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return error_set_errno(error, "writing into the drop folder");
	/* Whatever the umask: the queue has to read it. */
	int result = fchmod(fd, 0644) < 0 ? error_set_errno(error,
		"setting the mode of a file") : 0;
	drop.recipient = arena_new_array(&sendmail->arena, drop.count,
		sizeof(*drop.recipient));
	for (size_t i = 0; i < drop.count; i++)
		drop.recipient[i] = (struct drop_recipient){
			sendmail->recipient[i], sendmail->notify };
	buffer_init(&head, 0);
	drop_add(&head, &drop);
	if (result == 0)
		result = file_write_all(fd, buffer_span(&head), error);
	if (result == 0)
		result = file_write_all(fd, buffer_span(&sendmail->message),
			error);
	if (result == 0)
		result = file_sync_data(fd, error);
	if (result == 0 && renameat(dir, temporary, dir, name) < 0)
		result = error_set_errno(error, "naming a file");
	if (result < 0)
		unlinkat(dir, temporary, 0);
	buffer_fini(&head);
	file_close(&fd);
	return result;
}

static int
drop_message(struct sendmail *sendmail)
{
	char path[4096], name[40], temporary[40];
	struct error error = { .text = "" };
	snprintf(path, sizeof(path), "%s/drop", config_text(sendmail->config,
		"queue_directory"));
	snprintf(name, sizeof(name), "%016llx%016llx",
		(unsigned long long)random_u64(),
		(unsigned long long)random_u64());
	snprintf(temporary, sizeof(temporary), ".%s", name);
	/* The folder may be entered, not read: it has no descriptor for
	 * fsync but by way of O_PATH, so the whole file system is asked. */
	int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int result = dir < 0 ? error_set_errno(&error, "opening %s", path) :
		write_drop(sendmail, dir, temporary, name, &error);
	if (result == 0) {
		int copy = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		result = copy < 0 ? 0 : file_sync_all(copy, &error);
		file_close(&copy);
	}
	file_close(&dir);
	return result == 0 ? 0 : sendmail_fail(EX_TEMPFAIL, "the system does "
		"not answer, and %s", error.text);
}

int
sendmail_send(struct sendmail *sendmail)
{
	bool is_any_refused = false;
	int fd = open_socket(sendmail);
	if (fd < 0)
		return drop_message(sendmail);
	struct stream stream;
	stream_init(&stream, &fd);
	enum verdict verdict = converse(sendmail, &stream, &is_any_refused);
	stream_fini(&stream);
	if (verdict == VERDICT_NEVER)
		return EX_UNAVAILABLE;
	if (sendmail->count > 0) {
		int result = drop_message(sendmail);
		if (result != 0)
			return result;
	}
	return is_any_refused ? EX_NOUSER : 0;
}

/* ---- -bs ---- */

/* Some bytes from one to the other; false at the end. */
static bool
pass_on(int from, int to)
{
	char bytes[16384];
	struct error error;
	ssize_t n = read(from, bytes, sizeof(bytes));
	if (n < 0 && errno == EINTR)
		return true;
	return n > 0 && file_write_all(to, span_of(bytes, (size_t)n),
		&error) == 0;
}

int
sendmail_talk(struct sendmail *sendmail)
{
	int fd = open_socket(sendmail);
	if (fd < 0) {
		printf("421 4.3.2 The mail system does not answer\r\n");
		fflush(stdout);
		return EX_TEMPFAIL;
	}
	struct pollfd ends[2] = { { .fd = 0, .events = POLLIN },
		{ .fd = fd, .events = POLLIN } };
	for (;;) {
		if (poll(ends, 2, -1) < 0 && errno != EINTR)
			break;
		if (ends[0].revents != 0 && !pass_on(0, fd)) {
			shutdown(fd, SHUT_WR);
			ends[0].fd = -1;
			ends[0].revents = 0;
		}
		if (ends[1].revents != 0 && !pass_on(fd, 1))
			break;
	}
	file_close(&fd);
	return 0;
}
