/*
 * Inner SMTP and LMTP as conversations over a socket pair: what is sent, what
 * is answered, what the program was given.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "serve/mail_server.h"

enum { PATIENCE = 60000 };

/* What the program was given, one line a message. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct buffer given;

static void
note_body(const struct mail_body *body)
{
	struct error error;
	char bytes[64];
	size_t size = body->size < sizeof(bytes) ? (size_t)body->size :
		sizeof(bytes);
	if (body->file >= 0)
		assert_int_equal(file_read_at(body->file, bytes, size,
			body->offset, &error), 0);
	else if (size > 0)
		memcpy(bytes, body->memory.data, size);
	for (size_t i = 0; i < size; i++)
		if (bytes[i] == '\r')
			buffer_add_string(&given, "\\r");
		else if (bytes[i] == '\n')
			buffer_add_string(&given, "\\n");
		else
			buffer_add_byte(&given, bytes[i]);
}

static void
deliver(const struct mail_server *server, struct mail_transaction *transaction,
	struct buffer *replies)
{
	pthread_mutex_lock(&lock);
	buffer_print(&given, "<%.*s>", SPAN_PRINT(transaction->sender));
	for (size_t i = 0; i < transaction->count; i++)
		buffer_print(&given, " <%.*s>",
			SPAN_PRINT(transaction->recipient[i].address));
	buffer_print(&given, " %s %u:", transaction->scope.trace,
		(unsigned)transaction->body.size);
	note_body(&transaction->body);
	buffer_add_byte(&given, '\n');
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < (server->is_lmtp ? transaction->count : 1); i++)
		smtp_reply_add(replies, SMTP_REPLY_ACCEPTED, SPAN("x"));
}

static enum smtp_reply
accept_some(const struct mail_server *server,
	const struct mail_recipient *recipient)
{
	(void)server;
	return span_starts(recipient->rcpt.path.local, SPAN("no")) ?
		SMTP_REPLY_NO_USER : SMTP_REPLY_RECIPIENT_OK;
}

static void *
run(void *lot)
{
	lot_run(lot, PATIENCE);
	return NULL;
}

/* Codes of all replies until the other end closes, "220 250-250 ...". */
static void
read_codes(int fd, struct buffer *codes)
{
	char bytes[4096];
	ssize_t n;
	bool is_start = true;
	struct buffer all;
	buffer_init(&all, 0);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		buffer_add(&all, span_of(bytes, (size_t)n));
	struct span rest = buffer_span(&all), line;
	while (rest.size > 0 && span_split(&rest, '\n', &line)) {
		/* EHLO's lines are one reply */
		if (is_start || line.data[3] == ' ')
			buffer_print(codes, "%s%.3s", is_start ? "" : " ",
				line.data);
		is_start = false;
	}
	buffer_fini(&all);
}

static void
converse(const struct mail_server *server, struct span sent, size_t piece,
	struct buffer *codes)
{
	int pair[2];
	pthread_t thread;
	struct lot *lot = lot_new(2);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pthread_create(&thread, NULL, run, lot), 0);
	struct incoming incoming = { .fd = pair[0], .service = "test" };
	mail_server_accept(lot, &incoming, server);
	while (sent.size > 0) {
		struct span now = span_first(sent, piece);
		ssize_t n = send(pair[1], now.data, now.size, MSG_NOSIGNAL);
		/* It may end the conversation before all is said. */
		if (n < 0 && errno == EPIPE)
			break;
		assert_int_equal(n, now.size);
		sent = span_skip(sent, now.size);
	}
	shutdown(pair[1], SHUT_WR);
	read_codes(pair[1], codes);
	close(pair[1]);
	lot_stop(lot);
	pthread_join(thread, NULL);
	lot_free(&lot);
}

#define FROM "MAIL FROM:<b@x> XTRACE=t\r\n"
#define TO "RCPT TO:<a@x>\r\n"

static const struct {
	const char *name;
	bool is_lmtp;
	const char *sent, *codes, *given;
} cases[] = {
	{ "a transaction in one write", false,
		"EHLO q\r\n" FROM TO "BDAT 4 LAST\r\nhi\r\n" "QUIT\r\n",
		"220 250 250 250 250 221", "<b@x> <a@x> t 4:hi\\r\\n\n" },
	{ "two of them", false,
		"EHLO q\r\n" FROM TO "BDAT 4 LAST\r\nhi\r\n"
		"MAIL FROM:<> XTRACE=u\r\n" TO "BDAT 0 LAST\r\n",
		"220 250 250 250 250 250 250 250",
		"<b@x> <a@x> t 4:hi\\r\\n\n<> <a@x> u 0:\n" },
	{ "in chunks", false,
		"EHLO q\r\n" FROM TO "BDAT 1\r\nhBDAT 2\r\ni\rBDAT 1 LAST\r\n\n",
		"220 250 250 250 250 250 250", "<b@x> <a@x> t 4:hi\\r\\n\n" },
	{ "by DATA, dots taken off", false,
		"EHLO q\r\n" FROM TO "DATA\r\n..a\r\n.\r\nQUIT\r\n",
		"220 250 250 250 354 250 221", "<b@x> <a@x> t 4:.a\\r\\n\n" },
	{ "bytes are not looked at", false,
		"EHLO q\r\n" FROM TO "BDAT 5 LAST\r\n\n.\n\r\rNOOP\r\n",
		"220 250 250 250 250 250", "<b@x> <a@x> t 5:\\n.\\n\\r\\r\n" },
	{ "one reply for each recipient", true,
		"LHLO q\r\n" FROM TO "RCPT TO:<no@x>\r\nRCPT TO:<c@x>\r\n"
		"BDAT 1 LAST\r\nz",
		"220 250 250 250 550 250 250 250", "<b@x> <a@x> <c@x> t 1:z\n" },
	{ "no recipient is accepted", true,
		"LHLO q\r\n" FROM "RCPT TO:<no@x>\r\nBDAT 3 LAST\r\nzzz"
		FROM TO "BDAT 1 LAST\r\nz", "220 250 250 550 554 250 250 250",
		"<b@x> <a@x> t 1:z\n" },
	{ "BDAT without MAIL is passed over", false,
		"EHLO q\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
		"220 250 503 250", "" },
	{ "too big: passed over, then go on", false,
		"EHLO q\r\n" FROM TO "BDAT 11 LAST\r\n01234567890"
		FROM TO "BDAT 1 LAST\r\nz",
		"220 250 250 250 552 250 250 250", "<b@x> <a@x> t 1:z\n" },
	{ "too big in the second chunk", false,
		"EHLO q\r\n" FROM TO "BDAT 8\r\n01234567BDAT 3 LAST\r\n890NOOP\r\n",
		"220 250 250 250 250 552 250", "" },
	{ "SIZE too big", false, "EHLO q\r\nMAIL FROM:<b@x> SIZE=11\r\n" TO,
		"220 250 552 503", "" },
	{ "too big by DATA", true,
		"LHLO q\r\n" FROM TO TO "DATA\r\n0123456789\r\n.\r\nNOOP\r\n",
		"220 250 250 250 250 354 552 552 250", "" },
	{ "nobody knows how long: the end", false,
		"EHLO q\r\n" FROM TO "BDAT x LAST\r\nNOOP\r\n",
		"220 250 250 250 501", "" },
	{ "BDAT with a size beyond all", false,
		"EHLO q\r\n" FROM TO "BDAT 18446744073709551615 LAST\r\nNOOP\r\n",
		"220 250 250 250 501", "" },
	{ "commands out of order", false,
		"MAIL FROM:<b@x>\r\nEHLO q\r\nRCPT TO:<a@x>\r\nDATA\r\n" FROM FROM
		"DATA\r\n" TO "BDAT 1\r\nz" TO "DATA\r\nRSET\r\nDATA\r\n",
		"220 503 250 503 503 250 503 554 250 250 503 503 250 503", "" },
	{ "binary only by BDAT", false,
		"EHLO q\r\nMAIL FROM:<b@x> BODY=BINARYMIME\r\n" TO "DATA\r\n",
		"220 250 250 250 503", "" },
	{ "unknown and not done", false, "EHLO q\r\nXYZZY\r\nVRFY a\r\n",
		"220 250 500 502", "" },
	{ "a new EHLO forgets", false,
		"EHLO q\r\n" FROM TO "EHLO q\r\nBDAT 1 LAST\r\nz",
		"220 250 250 250 250 503", "" },
	{ "ends in the middle", false, "EHLO q\r\n" FROM TO "BDAT 9 LAST\r\nhal",
		"220 250 250 250", "" },
};

static void
conversations_in_pieces_of(size_t piece)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mail_server server = { .is_lmtp = cases[i].is_lmtp,
			.hostname = "test", .size_limit = 10, .spill = -1,
			.recipient = accept_some, .deliver = deliver };
		struct buffer codes;
		print_message("%s\n", cases[i].name);
		buffer_init(&codes, 0);
		buffer_clear(&given);
		converse(&server, span_from(cases[i].sent), piece, &codes);
		assert_string_equal(buffer_string(&codes), cases[i].codes);
		assert_string_equal(buffer_string(&given), cases[i].given);
		buffer_fini(&codes);
	}
	buffer_fini(&given);
}

static void
conversations_at_once(void **state)
{
	(void)state;
	conversations_in_pieces_of(SIZE_MAX);
}

static void
conversations_byte_by_byte(void **state)
{
	(void)state;
	conversations_in_pieces_of(1);
}

/* A writer of its own: the pair holds less than the message. */
struct writer {
	int fd;
	struct span bytes;
};

static void *
write_all(void *context)
{
	struct writer *writer = context;
	struct error error;
	assert_int_equal(file_write_all(writer->fd, writer->bytes, &error), 0);
	shutdown(writer->fd, SHUT_WR);
	return NULL;
}

static uint32_t body_sum;

static void
deliver_sum(const struct mail_server *server,
	struct mail_transaction *transaction, struct buffer *replies)
{
	struct mail_body *body = &transaction->body;
	struct error error;
	char *bytes = memory_new(body->size);
	(void)server;
	assert_true(body->file >= 0);
	assert_int_equal(file_read_at(body->file, bytes, body->size,
		body->offset, &error), 0);
	body_sum = 0;
	for (size_t i = 0; i < body->size; i++)
		body_sum = body_sum * 31 + (uint8_t)bytes[i];
	memory_free(bytes);
	smtp_reply_add(replies, SMTP_REPLY_ACCEPTED, SPAN("x"));
}

static void
a_long_message_goes_through_a_file(void **state)
{
	enum { SIZE = 5 * MAIL_BODY_MEMORY + 12345 };
	char directory[] = "/tmp/posthouse-test-XXXXXX";
	struct mail_server server = { .hostname = "test",
		.deliver = deliver_sum };
	struct buffer sent, codes;
	struct lot *lot = lot_new(2);
	pthread_t thread, writing;
	int pair[2];
	uint32_t sum = 0;
	(void)state;
	assert_non_null(mkdtemp(directory));
	server.spill = open(directory, O_RDONLY | O_DIRECTORY);
	assert_true(server.spill >= 0);
	buffer_init(&sent, 0);
	buffer_init(&codes, 0);
	buffer_print(&sent, "EHLO q\r\n" FROM TO "BDAT %d LAST\r\n", SIZE);
	for (unsigned i = 0; i < SIZE; i++) {
		uint8_t byte = (uint8_t)(i * 2654435761u >> 24);
		buffer_add_byte(&sent, (char)byte);
		sum = sum * 31 + byte;
	}
	buffer_add_string(&sent, "QUIT\r\n");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pthread_create(&thread, NULL, run, lot);
	struct incoming incoming = { .fd = pair[0], .service = "test" };
	mail_server_accept(lot, &incoming, &server);
	struct writer writer = { pair[1], buffer_span(&sent) };
	pthread_create(&writing, NULL, write_all, &writer);
	read_codes(pair[1], &codes);
	pthread_join(writing, NULL);
	close(pair[1]);
	lot_stop(lot);
	pthread_join(thread, NULL);
	lot_free(&lot);
	assert_string_equal(buffer_string(&codes), "220 250 250 250 250 221");
	assert_int_equal(body_sum, sum);
	close(server.spill);
	rmdir(directory);
	buffer_fini(&sent);
	buffer_fini(&codes);
}

static void
recipients_are_counted(void **state)
{
	struct mail_server server = { .hostname = "test", .spill = -1,
		.deliver = deliver };
	struct buffer sent, codes;
	(void)state;
	buffer_init(&sent, 0);
	buffer_init(&codes, 0);
	buffer_add_string(&sent, "EHLO q\r\n" FROM);
	for (unsigned i = 0; i < MAIL_SERVER_RECIPIENT_LIMIT + 1; i++)
		buffer_add_string(&sent, TO);
	struct lot *lot = lot_new(2);
	pthread_t thread, writing;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pthread_create(&thread, NULL, run, lot);
	struct incoming incoming = { .fd = pair[0], .service = "test" };
	mail_server_accept(lot, &incoming, &server);
	struct writer writer = { pair[1], buffer_span(&sent) };
	pthread_create(&writing, NULL, write_all, &writer);
	read_codes(pair[1], &codes);
	pthread_join(writing, NULL);
	close(pair[1]);
	lot_stop(lot);
	pthread_join(thread, NULL);
	lot_free(&lot);
	assert_int_equal(codes.size, 4 * (MAIL_SERVER_RECIPIENT_LIMIT + 4) - 1);
	assert_memory_equal(codes.data + codes.size - 7, "250 452", 7);
	buffer_fini(&sent);
	buffer_fini(&codes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations_at_once),
		cmocka_unit_test(conversations_byte_by_byte),
		cmocka_unit_test(recipients_are_counted),
		cmocka_unit_test(a_long_message_goes_through_a_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
