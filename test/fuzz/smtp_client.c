/*
 * What another server says, from its greeting to the end of a transaction:
 * whatever the bytes, every recipient gets a verdict that is one, and what was
 * said to the server holds no CR or LF that stands alone. The first byte
 * chooses the message.
 */
#include <assert.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "base/file.h"
#include "base/memory.h"
#include "relay/transaction.h"

static const struct parameters parameters = { .helo_name = SPAN("us.example"),
	.greeting_timeout = 1000, .mail_timeout = 1000, .rcpt_timeout = 1000,
	.data_init_timeout = 1000, .data_xfer_timeout = 1000,
	.data_done_timeout = 1000, .rset_timeout = 1000 };

static const struct span bodies[] = {
	SPAN("Subject: x\r\n\r\nhello\r\n"),
	SPAN("Subject: x\r\n\r\n.\r\n.a\nb\rc"),
	SPAN("Subject: x\r\n\r\n\xc3\xa9\r\n"),
	SPAN("Subject: \xc3\xa9\r\n\r\nx\r\n"),
};

static struct mail_recipient recipients[3] = {
	{ .rcpt.path = { SPAN("one"), SPAN("d.example"), false, false } },
	{ .rcpt.path = { SPAN("two"), SPAN("d.example"), false, false } },
	{ .rcpt.path = { SPAN("thr\xc3\xa9"), SPAN("d.example"), false, true } },
};

/* Everything that was said, which fits a socket's buffer. */
static void
check_said(int fd)
{
	char bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			assert(i > 0 && bytes[i - 1] == '\r');
		if (bytes[i] == '\r')
			assert(i + 1 < n && bytes[i + 1] == '\n');
	}
}

static void
converse(struct client *client, struct message *message)
{
	struct attempt attempts[3], *list[3];
	if (client_await_greeting(client) != CLIENT_OK ||
		client_say_hello(client) != CLIENT_OK)
		return;
	for (unsigned round = 0; round < 2 && !client->is_broken; round++) {
		for (size_t i = 0; i < 3; i++) {
			attempts[i] = (struct attempt){
				.recipient = &recipients[i] };
			list[i] = &attempts[i];
		}
		bool is_usable = transaction_run(client, message, list, 3);
		assert(is_usable != client->is_broken);
		for (size_t i = 0; i < 3; i++) {
			const struct verdict *verdict = &attempts[i].verdict;
			unsigned kind = verdict->code / 100;
			if (kind == 0) {
				assert(!is_usable || attempts[i].is_postponed);
				continue;
			}
			assert(kind == 2 || kind == 4 || kind == 5);
			assert(verdict->status[0] == kind);
			assert(verdict->text.size < 1024);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mail_transaction mail = { .mail.path = { SPAN("a"),
		SPAN("b.example"), false, false }, .sender = SPAN("a@b.example"),
		.mail.is_utf8 = true, .mail.body = SMTP_BODY_8BITMIME };
	struct message message;
	struct arena arena;
	struct error error;
	int pair[2];
	if (size == 0)
		return 0;
	signal(SIGPIPE, SIG_IGN);
	int made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
	assert(made == 0);
	arena_init(&arena, 0);
	mail_body_init(&mail.body, -1);
	mail_body_add(&mail.body, bodies[data[0] % 4], &error);
	message_init(&message, &mail, &arena, &error);
	if (file_write_all(pair[1], span_of(data + 1, size - 1), &error) == 0)
		shutdown(pair[1], SHUT_WR);
	struct client *client = client_new(&pair[0], SPAN("mx[192.0.2.1]"),
		&parameters);
	converse(client, &message);
	check_said(pair[1]);
	client_free(&client);
	file_close(&pair[1]);
	message_fini(&message);
	mail_body_fini(&mail.body);
	arena_fini(&arena);
	return 0;
}
