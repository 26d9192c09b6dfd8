/* Clients that send much, slowly, or what nobody expects; and what is the same
 * twice. The neighbours are those of world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "proto/proxy2.h"
#include "world.h"

#define OUTSIDE "198.51.100.7"

static void
greet(struct client *client, struct smtpd *smtpd, const char *service)
{
	client_open(client, smtpd, service, OUTSIDE);
	client_expect(client, "220 ");
	client_send_line(client, "EHLO client.example");
	client_expect(client, "250-");
}

static void
begin_message(struct client *client)
{
	client_send_line(client, "MAIL FROM:<bob@elsewhere.example>");
	client_expect(client, "250 ");
	client_send_line(client, "RCPT TO:<alice@example.test>");
	client_expect(client, "250 ");
}

static void
send_many(struct client *client, char c, size_t count)
{
	char block[10000];
	memset(block, c, sizeof(block));
	for (; count > 0; count -= count < sizeof(block) ? count : sizeof(block))
		client_send(client, span_first(span_of(block, sizeof(block)),
			count));
}

static void
command_lines_of_a_megabyte(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	struct client client;
	(void)state;
	greet(&client, smtpd, "smtp");
	client_send(&client, SPAN("MAIL FROM:<"));
	send_many(&client, 'x', 1000000);
	client_send(&client, SPAN(">\r\nNOOP\r\n"));
	client_expect(&client, "500 5.5.6");
	client_expect(&client, "250 2.0.0 OK");
	/* The longest that is taken, and one more. */
	client_send(&client, SPAN("NOOP "));
	send_many(&client, 'x', 4096 - 7);
	client_send_line(&client, "");
	client_expect(&client, "250");
	client_send(&client, SPAN("NOOP "));
	send_many(&client, 'x', 4096 - 6);
	client_send_line(&client, "");
	client_expect(&client, "500 5.5.6");
	client_close(&client);
	world_end(&smtpd);
}

static void
sasl_lines_have_a_longer_limit(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	struct client client;
	(void)state;
	greet(&client, smtpd, "submission");
	for (size_t size = 12288; size <= 12289; size++) {
		client_send_line(&client, "AUTH SCRAM-SHA-256");
		client_expect(&client, "334");
		send_many(&client, 'A', size);
		client_send_line(&client, "");
		client_expect(&client, size == 12288 ? "535" : "500 5.5.6");
	}
	client_send_line(&client, "NOOP");
	client_expect(&client, "250");
	client_close(&client);
	world_end(&smtpd);
}

static void
content_lines_of_a_megabyte(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	struct client client;
	unsigned count;
	(void)state;
	greet(&client, smtpd, "smtp");
	begin_message(&client);
	client_send_line(&client, "DATA");
	client_expect(&client, "354");
	send_many(&client, 'x', 1000000);
	client_send(&client, SPAN("\r\n.\r\n"));
	client_expect(&client, "250");
	begin_message(&client);
	client_send_line(&client, "DATA");
	client_expect(&client, "354");
	send_many(&client, 'x', (1 << 20) + 1);
	client_send(&client, SPAN("\r\n.\r\nNOOP\r\n"));
	client_expect(&client, "554 5.6.0");
	client_expect(&client, "250 2.0.0 OK");
	const struct world_message *message = world_messages(&count);
	assert_int_equal(count, 1);
	/* A million, its line end, and what was put in front. */
	assert_true(message->content.size > 1000002);
	struct span tail = span_skip(buffer_span(&message->content),
		message->content.size - 1000002);
	assert_true(span_find(tail, '\r') == 1000000);
	client_close(&client);
	world_end(&smtpd);
}

/* Content that goes through a spill file arrives as it was. */
static void
content_in_a_file_is_the_same(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	struct client client;
	struct buffer want;
	unsigned count;
	(void)state;
	greet(&client, smtpd, "smtp");
	buffer_init(&want, 0);
	for (unsigned i = 0; want.size < 3000000; i++)
		buffer_print(&want, ".%u %s\r\n", i, i % 7 == 0 ? "." :
			"and some more words in the line");
	for (unsigned way = 0; way < 2; way++) {
		begin_message(&client);
		struct span rest = buffer_span(&want), line;
		if (way == 0) {
			client_send_line(&client, "DATA");
			client_expect(&client, "354");
			client_send_line(&client, "X: y\r\n");
			while (rest.size > 0) {
				line = span_first(rest, span_find(rest, '\n') + 1);
				rest = span_skip(rest, line.size);
				client_send(&client, SPAN("."));
				client_send(&client, line);
			}
			client_send(&client, SPAN(".\r\n"));
		} else {
			char text[64];
			snprintf(text, sizeof(text), "BDAT %zu LAST\r\nX: y\r\n",
				want.size + 8);
			client_send_line(&client, text);
			client_send(&client, rest);
		}
		client_expect(&client, "250 2.0.0 Accepted");
	}
	const struct world_message *message = world_messages(&count);
	assert_int_equal(count, 2);
	for (; message != NULL; message = message->next) {
		struct span content = buffer_span(&message->content);
		content = span_skip(content, content.size - want.size);
		assert_true(span_equals(content, buffer_span(&want)));
	}
	buffer_fini(&want);
	client_close(&client);
	world_end(&smtpd);
}

static void
ten_thousand_recipients(void **state)
{
	struct smtpd *smtpd = world_begin((const char *const[]){
		"smtpd_client_recipient_rate_limit=0", NULL });
	struct client client;
	unsigned accepted = 0, later = 0, count;
	(void)state;
	greet(&client, smtpd, "smtp");
	client_send_line(&client, "MAIL FROM:<>");
	client_expect(&client, "250");
	for (unsigned i = 0; i < 10000; i += 100) {
		char line[64];
		for (unsigned k = i; k < i + 100; k++) {
			snprintf(line, sizeof(line),
				"RCPT TO:<user%u@example.test>", k);
			client_send_line(&client, line);
		}
		for (unsigned k = 0; k < 100; k++) {
			struct span reply = client_reply(&client);
			accepted += span_starts(reply, SPAN("250 2.1.5"));
			later += span_starts(reply, SPAN("452 4.5.3"));
		}
	}
	assert_int_equal(accepted, 1000);
	assert_int_equal(later, 9000);
	client_send_line(&client, "DATA");
	client_expect(&client, "354");
	client_send_line(&client, ".");
	client_expect(&client, "250");
	const struct world_message *message = world_messages(&count);
	assert_int_equal(count, 1);
	size_t lines = 0;
	struct span rest = buffer_span(&message->commands), line;
	while (span_split(&rest, '\n', &line))
		lines += span_starts(line, SPAN("RCPT"));
	assert_int_equal(lines, 1000);
	client_close(&client);
	world_end(&smtpd);
}

static void
received_too_often_is_a_loop(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	struct client client;
	(void)state;
	greet(&client, smtpd, "smtp");
	for (unsigned hops = 100; hops <= 101; hops++) {
		begin_message(&client);
		client_send_line(&client, "DATA");
		client_expect(&client, "354");
		for (unsigned i = 0; i < hops; i++)
			client_send_line(&client, "received: from x\r\n\tby y");
		client_send_line(&client, "\r\nReceived: in the body\r\n.");
		client_expect(&client, hops == 100 ? "250" : "554 5.4.6");
	}
	client_close(&client);
	world_end(&smtpd);
}

/* 2,000 commands whose replies nobody reads, then all of them are read. */
static void
who_does_not_read_gets_all_replies_later(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	struct client client, other;
	struct buffer commands;
	(void)state;
	greet(&client, smtpd, "smtp");
	buffer_init(&commands, 0);
	for (unsigned i = 0; i < 20000; i++)
		buffer_add_string(&commands, "NOOP\r\n");
	client_send(&client, buffer_span(&commands));
	greet(&other, smtpd, "smtp");
	client_close(&other);
	for (unsigned i = 0; i < 20000; i++)
		client_expect(&client, "250 2.0.0 OK");
	client_send_line(&client, "QUIT");
	client_expect(&client, "221");
	buffer_fini(&commands);
	client_close(&client);
	world_end(&smtpd);
}

static void
connections_of_one_network_are_counted(void **state)
{
	struct smtpd *smtpd = world_begin((const char *const[]){
		"smtpd_client_connection_count_limit=2",
		"smtpd_client_connection_rate_limit=4", NULL });
	struct client client[4];
	(void)state;
	greet(&client[0], smtpd, "smtp");
	greet(&client[1], smtpd, "smtp");
	client_open(&client[2], smtpd, "smtp", OUTSIDE);
	client_expect(&client[2], "421 4.7.0 Too many connections from your "
		"network at once");
	assert_true(client_reply(&client[2]).size == 0);
	/* Who expects TLS is not told anything in plain. */
	client_open(&client[3], smtpd, "submissions", OUTSIDE);
	assert_true(client_reply(&client[3]).size == 0);
	for (unsigned i = 0; i < 4; i++)
		client_close(&client[i]);
	/* Room again once they have gone; then the rate is used up. */
	unsigned greeted = 0;
	for (unsigned tries = 0; tries < 1000 && greeted < 2; tries++) {
		client_open(&client[0], smtpd, "smtp", OUTSIDE);
		greeted += span_starts(client_reply(&client[0]), SPAN("220"));
		client_close(&client[0]);
		usleep(1000);
	}
	assert_int_equal(greeted, 2);
	for (unsigned tries = 0;; tries++) {
		client_open(&client[0], smtpd, "smtp", OUTSIDE);
		struct span reply = client_reply(&client[0]);
		bool is_rate = span_starts(reply, SPAN("421 4.7.0 Too many "
			"connections from your network; try"));
		client_close(&client[0]);
		if (is_rate)
			break;
		assert_true(tries < 1000);
		usleep(1000);
	}
	world_end(&smtpd);
}

static void
balancers_say_who_the_client_is(void **state)
{
	struct smtpd *smtpd = world_begin((const char *const[]){
		"proxy_networks=198.51.100.0/24", NULL });
	struct client client;
	struct proxy2 facts = { .is_tls = false };
	struct buffer header;
	unsigned count;
	(void)state;
	network_address_parse(SPAN("203.0.113.9"), &facts.client);
	network_address_parse(SPAN("192.0.2.25"), &facts.local);
	buffer_init(&header, 0);
	proxy2_encode(&header, &facts);
	client_open(&client, smtpd, "smtp", OUTSIDE);
	client_send(&client, buffer_span(&header));
	client_expect(&client, "220");
	client_send_line(&client, "EHLO x");
	client_expect(&client, "250-");
	begin_message(&client);
	client_send_line(&client, "DATA");
	client_expect(&client, "354");
	client_send_line(&client, ".");
	client_expect(&client, "250");
	const struct world_message *message = world_messages(&count);
	assert_true(span_search(buffer_span(&message->content),
		SPAN("([203.0.113.9])")) < message->content.size);
	client_close(&client);
	/* Without one nobody is served. */
	client_open(&client, smtpd, "smtp", OUTSIDE);
	client_send_line(&client, "EHLO x");
	assert_true(client_reply(&client).size == 0);
	client_close(&client);
	/* In front of TLS, too. */
	client_open(&client, smtpd, "submissions", OUTSIDE);
	client_send(&client, buffer_span(&header));
	client_expect(&client, "220");
	client_close(&client);
	/* Others have no say. */
	client_open(&client, smtpd, "smtp", "192.0.2.99");
	client_expect(&client, "220");
	client_send(&client, buffer_span(&header));
	client_send_line(&client, "");
	client_expect(&client, "500");
	client_close(&client);
	buffer_fini(&header);
	world_end(&smtpd);
}

static struct span
transaction_id(const struct world_message *message)
{
	struct span text = buffer_span(&message->commands);
	text = span_skip(text, span_search(text, SPAN("XTRANSACTION=")) + 13);
	assert_true(text.size > 32);
	return span_first(text, 32);
}

static void
send_message(struct smtpd *smtpd, const char *address, const char *from,
	const char *body, size_t pause)
{
	struct client client;
	struct span text = span_from(body);
	client_open(&client, smtpd, "smtp", address);
	client_expect(&client, "220");
	client_send_line(&client, "EHLO x");
	client_expect(&client, "250-");
	client_send_line(&client, from);
	client_expect(&client, "250");
	client_send_line(&client, "RCPT TO:<alice@example.test>");
	client_expect(&client, "250");
	client_send_line(&client, "DATA");
	client_expect(&client, "354");
	client_send(&client, span_first(text, pause));
	usleep(10000);
	client_send(&client, span_skip(text, pause));
	client_send(&client, SPAN(".\r\n"));
	client_expect(&client, span_starts(text, SPAN("X-Queue")) ? "451" : "250");
	client_close(&client);
}

static void
the_same_again_after_later_is_the_same_message(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	static const char body[] = "X-Queue: 451 4.3.0 busy\r\n";
	unsigned count;
	(void)state;
	send_message(smtpd, OUTSIDE, "MAIL FROM:<a@b.example>", body, 0);
	send_message(smtpd, OUTSIDE, "MAIL FROM:<a@b.example>", body, 3);
	send_message(smtpd, OUTSIDE, "MAIL FROM:<a@c.example>", body, 0);
	const struct world_message *message = world_messages(&count);
	assert_int_equal(count, 3);
	struct span first = transaction_id(message);
	assert_true(span_equals(first, transaction_id(message->next)));
	assert_false(span_equals(first, transaction_id(message->next->next)));
	world_end(&smtpd);
}

static void
the_same_again_after_an_answer_is_another_message(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	unsigned count;
	(void)state;
	send_message(smtpd, OUTSIDE, "MAIL FROM:<a@b.example>", "X: y\r\n", 0);
	send_message(smtpd, OUTSIDE, "MAIL FROM:<a@b.example>", "X: y\r\n", 3);
	send_message(smtpd, "198.51.100.8", "MAIL FROM:<a@b.example>",
		"X: y\r\n", 0);
	const struct world_message *message = world_messages(&count);
	assert_int_equal(count, 3);
	struct span first = transaction_id(message);
	while ((message = message->next) != NULL)
		assert_false(span_equals(first, transaction_id(message)));
	world_end(&smtpd);
}

/* A message to two by LMTP; nobody waits for the answers' end. */
static void
send_by_lmtp(struct smtpd *smtpd)
{
	struct client client;
	int64_t until = clock_monotonic() + 60000;
	client_open(&client, smtpd, "lmtp", NULL);
	client_expect(&client, "220");
	client_send_line(&client, "LHLO x");
	client_expect(&client, "250-");
	client_send_line(&client, "MAIL FROM:<a@b.example>");
	client_expect(&client, "250");
	client_send_line(&client, "RCPT TO:<alice@example.test>");
	client_expect(&client, "250");
	client_send_line(&client, "RCPT TO:<bob@example.test>");
	client_expect(&client, "250");
	client_send_line(&client, "DATA");
	client_expect(&client, "354");
	client_send(&client, SPAN("X: y\r\n.\r\n"));
	/* Both are there, and it goes without reading them. */
	for (char bytes[200] = ""; strchr(bytes, '\n') == NULL ||
	    strchr(strchr(bytes, '\n') + 1, '\n') == NULL;) {
		ssize_t n = recv(client.fd, bytes, sizeof(bytes) - 1, MSG_PEEK);
		assert_true(n > 0 && clock_monotonic() < until);
		bytes[n] = '\0';
	}
	client_close(&client);
}

static void
each_recipient_of_lmtp_is_the_same_message_again(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	const struct world_message *message;
	struct span id[4] = { { NULL, 0 } };
	unsigned count;
	(void)state;
	send_by_lmtp(smtpd);
	while (lot_session_count(smtpd->lot) > 0)
		usleep(1000);
	send_by_lmtp(smtpd);
	message = world_messages(&count);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < 4; i++, message = message->next)
		id[i] = transaction_id(message);
	assert_false(span_equals(id[0], id[1]));
	assert_true(span_equals(id[0], id[2]));
	assert_true(span_equals(id[1], id[3]));
	world_end(&smtpd);
}

static void
new_rules_are_for_new_conversations(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	struct client old, new;
	struct config *config;
	struct error error;
	const char *overrides[] = { "myhostname=new.example.test" };
	(void)state;
	greet(&old, smtpd, "smtp");
	assert_int_equal(config_load(NULL, overrides, 1, &config, &error), 0);
	smtpd_reload(smtpd, config);
	client_send_line(&old, "EHLO x");
	client_expect(&old, "250-mail.example.test");
	client_open(&new, smtpd, "smtp", OUTSIDE);
	client_expect(&new, "220 new.example.test");
	client_close(&old);
	client_close(&new);
	world_end(&smtpd);
	config_free(&config);
}

static void
memory_of_all_together_is_bounded(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	struct client client;
	unsigned count;
	(void)state;
	greet(&client, smtpd, "smtp");
	begin_message(&client);
	client_send_line(&client, "DATA");
	client_expect(&client, "354");
	send_many(&client, 'x', 100000);
	/* As if others held much. */
	atomic_fetch_add(&smtpd->held, SMTPD_HELD_LIMIT + 1);
	send_many(&client, 'x', 100000);
	client_send(&client, SPAN("\r\n.\r\n"));
	client_expect(&client, "452 4.3.1");
	client_send_line(&client, "MAIL FROM:<>");
	client_expect(&client, "250");
	client_send_line(&client, "RCPT TO:<alice@example.test>");
	client_expect(&client, "452 4.3.1");
	atomic_fetch_sub(&smtpd->held, SMTPD_HELD_LIMIT + 1);
	client_send_line(&client, "RCPT TO:<alice@example.test>");
	client_expect(&client, "250");
	assert_true(atomic_load(&smtpd->held) > 0);
	client_send_line(&client, "QUIT");
	client_expect(&client, "221");
	client_close(&client);
	while (lot_session_count(smtpd->lot) > 0)
		usleep(1000);
	assert_true(atomic_load(&smtpd->held) == 0);
	world_messages(&count);
	assert_int_equal(count, 0);
	world_end(&smtpd);
}

/* More clients than workers, at a queue and an auth that are slow: all of them
 * wait for their turn, and none is told "later". */
static void
a_busy_neighbour_makes_nobody_later(void **state)
{
	enum { CLIENTS = 60 };
	static struct client client[CLIENTS];
	struct smtpd *smtpd = world_begin((const char *const[]){
		"smtpd_client_connection_count_limit=0", NULL });
	unsigned count;
	char line[64];
	(void)state;
	for (unsigned i = 0; i < CLIENTS; i++)
		greet(&client[i], smtpd, "smtp");
	world_set_faults(QUEUE_SLOW | AUTH_SLOW);
	for (unsigned i = 0; i < CLIENTS; i++) {
		client_send_line(&client[i], "MAIL FROM:<>");
		snprintf(line, sizeof(line), "RCPT TO:<user%u@example.test>", i);
		client_send_line(&client[i], line);
		client_send_line(&client[i], "NOOP");
		client_send_line(&client[i], "DATA");
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		client_expect(&client[i], "250 2.1.0");
		client_expect(&client[i], "250 2.1.5");
		client_expect(&client[i], "250 2.0.0");
		client_expect(&client[i], "354");
		client_send_line(&client[i], "X: y\r\n\r\n.\r\nNOOP");
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		client_expect(&client[i], "250 2.0.0 Accepted");
		client_expect(&client[i], "250 2.0.0 OK");
	}
	world_messages(&count);
	assert_int_equal(count, CLIENTS);
	for (unsigned i = 0; i < CLIENTS; i++)
		client_close(&client[i]);
	world_end(&smtpd);
}

/* How many are at the queue or in the line before it. */
static void
wait_for_the_line(struct turnstile *line, unsigned count)
{
	const int64_t until = clock_monotonic() + 60000;
	for (unsigned now = UINT32_MAX; now != count; usleep(1000)) {
		pthread_mutex_lock(&line->lock);
		now = line->inside + line->waiting;
		pthread_mutex_unlock(&line->lock);
		assert_true(clock_monotonic() < until);
	}
}

/* As if the last had come out at that time. */
static void
set_progress(struct turnstile *line, int64_t when)
{
	pthread_mutex_lock(&line->lock);
	line->progress = when;
	pthread_mutex_unlock(&line->lock);
}

/* One after the other; it takes no time, as the line sees it. */
static void
line_up(struct turnstile *line, struct client *clients, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		client_send_line(&clients[i], ".");
		wait_for_the_line(line, i + 1);
		set_progress(line, INT64_MAX);
	}
}

/* A queue that takes all and answers nothing holds half of the workers; the
 * others serve, those in the line may leave it, and all goes on after it. */
static void
a_stopped_queue_stops_nobody_else(void **state)
{
	enum { CLIENTS = 12 };
	static struct client client[CLIENTS];
	struct smtpd *smtpd = world_begin(NULL);
	struct turnstile *line = &smtpd->queue_turnstile;
	struct client other;
	(void)state;
	for (unsigned i = 0; i < CLIENTS; i++) {
		greet(&client[i], smtpd, "smtp");
		begin_message(&client[i]);
		client_send_line(&client[i], "DATA");
		client_expect(&client[i], "354");
	}
	world_set_faults(QUEUE_STOPPED);
	line_up(line, client, CLIENTS);
	greet(&other, smtpd, "smtp");
	begin_message(&other);
	/* Two leave the line. */
	client_close(&client[CLIENTS - 1]);
	client_close(&client[CLIENTS - 3]);
	wait_for_the_line(line, CLIENTS - 2);
	/* Some seconds later nobody is let into the line any more. */
	set_progress(line, clock_monotonic() - TURNSTILE_SILENCE - 1);
	client_send_line(&other, "DATA");
	client_expect(&other, "354");
	client_send_line(&other, ".");
	client_expect(&other, "451 4.3.0");
	world_set_faults(0);
	for (unsigned i = 0; i < CLIENTS; i++) {
		if (client[i].fd < 0)
			continue;
		client_expect(&client[i], "250 2.0.0 Accepted");
		client_close(&client[i]);
	}
	begin_message(&other);
	client_send_line(&other, "DATA");
	client_expect(&other, "354");
	client_send_line(&other, ".");
	client_expect(&other, "250");
	client_close(&other);
	world_end(&smtpd);
}

/* Ends in every state, at once: nothing is left behind. */
static void
clients_that_vanish_leave_nothing(void **state)
{
	static const char *const starts[] = { "", "EHLO x", "MAIL FROM:<>",
		"RCPT TO:<alice@example.test>", "DATA", "X: half a", "BDAT 10",
		"12345" };
	struct smtpd *smtpd = world_begin(NULL);
	unsigned count;
	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct client client;
		client_open(&client, smtpd, "smtp", OUTSIDE);
		for (size_t k = 1; k <= i; k++)
			if (k != 4 || i < 6)
				client_send_line(&client, starts[k]);
		if (i % 2 == 0)
			client_send(&client, SPAN("NO"));
		client_close(&client);
	}
	world_messages(&count);
	assert_int_equal(count, 0);
	world_end(&smtpd);
}

/* Last: the lot ends with it. */
static void
the_end_is_told(void **state)
{
	struct smtpd *smtpd = world_begin(NULL);
	struct client client;
	(void)state;
	greet(&client, smtpd, "smtp");
	begin_message(&client);
	world_stop();
	client_expect(&client, "421 4.3.2 mail.example.test goes down");
	assert_true(client_reply(&client).size == 0);
	client_close(&client);
	smtpd_free(&smtpd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines_of_a_megabyte),
		cmocka_unit_test(sasl_lines_have_a_longer_limit),
		cmocka_unit_test(content_lines_of_a_megabyte),
		cmocka_unit_test(content_in_a_file_is_the_same),
		cmocka_unit_test(ten_thousand_recipients),
		cmocka_unit_test(received_too_often_is_a_loop),
		cmocka_unit_test(who_does_not_read_gets_all_replies_later),
		cmocka_unit_test(connections_of_one_network_are_counted),
		cmocka_unit_test(balancers_say_who_the_client_is),
		cmocka_unit_test(the_same_again_after_an_answer_is_another_message),
		cmocka_unit_test(the_same_again_after_later_is_the_same_message),
		cmocka_unit_test(
			each_recipient_of_lmtp_is_the_same_message_again),
		cmocka_unit_test(new_rules_are_for_new_conversations),
		cmocka_unit_test(a_busy_neighbour_makes_nobody_later),
		cmocka_unit_test(a_stopped_queue_stops_nobody_else),
		cmocka_unit_test(memory_of_all_together_is_bounded),
		cmocka_unit_test(clients_that_vanish_leave_nothing),
		cmocka_unit_test(the_end_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
