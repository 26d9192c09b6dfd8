/*
 * A login process among fakes: master, auth, tls and mailbox are threads of the
 * test at the other ends of real wires. The client is one end of a socket pair.
 *
 * Fake auth: alice's password is "secret", "wrong" is wrong, "busy" makes it
 * busy; SCRAM-SHA-256 asks for one response and has a last word. Fake tls
 * relays the bytes as they are and says it was TLS 1.3. Fake mailbox says what
 * it was given and ends.
 */
#ifndef UNIT_LOGIN_WORLD_H
#define UNIT_LOGIN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "login/client.h"
#include "proto/control.h"
#include "proto/tabline.h"
#include "serve/counter.h"
#include "serve/supervisor.h"

enum { PATIENCE = 60000 };	/* ms until a test is given up */

static struct {
	struct config *config;
	struct lot *lot;
	struct login *login;
	pthread_t house, master;
	int master_fd;
	atomic_bool has_auth, has_tls, has_mailbox;
	atomic_uint auth_wires;
} world;

static inline void
start_thread(void *(*function)(void *), int fd)
{
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, function,
		(void *)(intptr_t)fd), 0);
	pthread_detach(thread);
}

static inline void
write_text(int fd, const char *text)
{
	ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);
	assert_true(n == (ssize_t)strlen(text));
}

/* A line without its end; false at the end of file or after PATIENCE. */
static inline bool
read_line(int fd, char *line, size_t room)
{
	size_t size = 0;
	int64_t deadline = clock_monotonic() + PATIENCE;
	for (;;) {
		struct pollfd slot = { .fd = fd, .events = POLLIN };
		if (poll(&slot, 1, clock_until(deadline)) <= 0 ||
			read(fd, line + size, 1) != 1)
			return false;
		if (line[size] == '\n')
			break;
		if (size + 1 < room)
			size++;
	}
	while (size > 0 && line[size - 1] == '\r')
		size--;
	line[size] = '\0';
	return true;
}

/* ---- auth ---- */

static inline void
answer_password(int fd, const char *id, const char *base64, bool has_ticket)
{
	struct buffer message;
	char line[400];
	buffer_init(&message, 0);
	assert_true(base64_decode(&message, span_from(base64)));
	struct span said = buffer_span(&message);
	const char *format = "FAIL\t%s\ttemp\tcode=busy\n";
	if (span_ends_nocase(said, SPAN("alice" "\0" "secret")))
		format = has_ticket ? "OK\t%s\tuser=alice@example.test\t"
			"account=5\tticket=000102030405060708090a0b0c0d0e0f\n" :
			"OK\t%s\tuser=alice@example.test\taccount=5\n";
	else if (span_ends_nocase(said, SPAN("\0wrong")))
		format = "FAIL\t%s\tcode=credentials\treason=no\n";
	else if (span_ends_nocase(said, SPAN("\0slow")))
		format = "FAIL\t%s\tcode=credentials\tdelay=1200\n";
	else if (span_ends_nocase(said, SPAN("\0many")))
		format = "FAIL\t%s\ttemp\tcode=limit\n";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(line, sizeof(line), format, id);
#pragma GCC diagnostic pop
	write_text(fd, line);
	buffer_fini(&message);
}

static inline void *
fake_auth(void *argument)
{
	int fd = (int)(intptr_t)argument;
	static char line[TABLINE_LIMIT];
	char reply[200];
	atomic_fetch_add(&world.auth_wires, 1);
	write_text(fd, "VERSION\t1\t2\nMECH\tSCRAM-SHA-256-PLUS\tmutual-auth\n"
		"MECH\tSCRAM-SHA-256\tmutual-auth\nMECH\tPLAIN\tplaintext\n"
		"SPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n");
	for (;;) {
		char room[4096];
		if (!read_line(fd, room, sizeof(room)))
			break;
		struct arena arena;
		struct tabline fields;
		struct span response;
		arena_init(&arena, 0);
		assert_true(tabline_parse(span_from(room), &arena, &fields));
		const char *id = fields.count > 1 ? arena_copy_string(&arena,
			fields.field[1]) : "";
		bool has = tabline_get(&fields, 2, "resp", &response);
		if (span_equals(fields.field[0], SPAN("AUTH")) && has &&
			span_equals_nocase(fields.field[2], SPAN("PLAIN"))) {
			answer_password(fd, id,
				arena_copy_string(&arena, response), true);
		} else if (span_equals(fields.field[0], SPAN("AUTH"))) {
			snprintf(reply, sizeof(reply), "CONT\t%s\t%s\n", id,
				span_equals_nocase(fields.field[2], SPAN("PLAIN")) ?
				"" : "Y2hhbGxlbmdl");
			write_text(fd, reply);
		} else if (span_equals(fields.field[0], SPAN("CONT")) &&
			span_equals(fields.field[2], SPAN("cHJvb2Y="))) {
			snprintf(reply, sizeof(reply), "OK\t%s\t"
				"user=alice@example.test\taccount=5\t"
				"resp=ZG9uZQ==\tticket="
				"000102030405060708090a0b0c0d0e0f\n", id);
			write_text(fd, reply);
		} else if (span_equals(fields.field[0], SPAN("CONT"))) {
			answer_password(fd, id, arena_copy_string(&arena,
				fields.field[2]), true);
		}
		arena_fini(&arena);
	}
	(void)line;
	close(fd);
	return NULL;
}

/* ---- tls ---- */

struct relay {
	int from, to;
};

static inline void *
relay_bytes(void *argument)
{
	struct relay *relay = argument;
	char room[4096];
	ssize_t n;
	while ((n = read(relay->from, room, sizeof(room))) > 0)
		if (send(relay->to, room, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	shutdown(relay->to, SHUT_WR);
	free(relay);
	return NULL;
}

static inline void
start_relay(int from, int to)
{
	pthread_t thread;
	struct relay *relay = malloc(sizeof(*relay));
	*relay = (struct relay){ from, to };
	assert_int_equal(pthread_create(&thread, NULL, relay_bytes, relay), 0);
	pthread_detach(thread);
}

static inline void
set_blocking(int fd)
{
	struct timeval patience = { .tv_sec = PATIENCE / 1000 };
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static inline bool
receive_handover(int fd, struct handover *handover, char *room)
{
	struct error error;
	struct pollfd slot = { .fd = fd, .events = POLLIN };
	return poll(&slot, 1, PATIENCE) == 1 && handover_receive(fd, handover,
		room, HANDOVER_ROOM, &error) == 0;
}

static inline void *
fake_tls(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char *room = malloc(HANDOVER_ROOM);
	struct handover handover;
	while (receive_handover(fd, &handover, room)) {
		struct buffer header;
		buffer_init(&header, 0);
		handover.facts.is_tls = true;
		snprintf(handover.facts.tls_version,
			sizeof(handover.facts.tls_version), "TLSv1.3");
		handover.facts.binding_exporter_size = 32;
		proxy2_encode(&header, &handover.facts);
		set_blocking(handover.fds[0]);
		set_blocking(handover.fds[1]);
		assert_true(write(handover.fds[1], header.data, header.size) ==
			(ssize_t)header.size);
		start_relay(handover.fds[0], handover.fds[1]);
		start_relay(handover.fds[1], handover.fds[0]);
		buffer_fini(&header);
	}
	free(room);
	close(fd);
	return NULL;
}

/* ---- mailbox ---- */

static inline void *
fake_mailbox(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char *room = malloc(HANDOVER_ROOM);
	struct handover handover;
	while (receive_handover(fd, &handover, room)) {
		struct buffer text;
		buffer_init(&text, 0);
		buffer_print(&text, "%s adopted ticket=",
			handover.tag[0] == '\0' ? "-" : handover.tag);
		buffer_add_hex(&text, span_of(handover.ticket, 2));
		buffer_print(&text, " tls=%s unread=",
			handover.facts.is_tls ? "yes" : "no");
		for (size_t i = 0; i < handover.unread.size; i++)
			buffer_add_byte(&text, handover.unread.data[i] <
				' ' ? '|' : handover.unread.data[i]);
		buffer_add_string(&text, "\r\n");
		set_blocking(handover.fds[0]);
		write_text(handover.fds[0], buffer_string(&text));
		close(handover.fds[0]);
		buffer_fini(&text);
	}
	free(room);
	close(fd);
	return NULL;
}

/* ---- master ---- */

static inline void *
fake_master(void *argument)
{
	struct control_message message;
	(void)argument;
	while (recv(world.master_fd, &message, sizeof(message), 0) ==
		sizeof(message)) {
		void *(*callee)(void *) = NULL;
		struct error error;
		int pair[2] = { -1, -1 };
		if (message.kind != CONTROL_CONNECT)
			continue;
		if (strcmp(message.service, "auth-sasl") == 0 &&
			world.has_auth)
			callee = fake_auth;
		if (strcmp(message.service, "tls-accept") == 0 &&
			world.has_tls)
			callee = fake_tls;
		if (strncmp(message.service, "mailbox-", 8) == 0 &&
			world.has_mailbox && message.instance == 1)
			callee = fake_mailbox;
		message.kind = callee == NULL ? CONTROL_REFUSED : CONTROL_WIRE;
		if (callee != NULL) {
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0,
				pair), 0);
			start_thread(callee, pair[1]);
		}
		assert_int_equal(wire_send_fds(world.master_fd,
			span_of(&message, sizeof(message)), pair,
			callee == NULL ? 0 : 1, &error), 0);
		if (callee != NULL)
			close(pair[0]);
	}
	return NULL;
}

static inline void *
keep_house(void *argument)
{
	(void)argument;
	lot_run(world.lot, PATIENCE);
	return NULL;
}

static inline void
world_make(const char *const *settings, size_t count)
{
	struct error error;
	int pair[2];
	signal(SIGPIPE, SIG_IGN);	/* as process_start does */
	world.has_auth = world.has_tls = world.has_mailbox = true;
	if (config_load(NULL, settings, count, &world.config,
		&error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	supervisor_open(pair[0]);
	world.master_fd = pair[1];
	assert_int_equal(pthread_create(&world.master, NULL, fake_master,
		NULL), 0);
	world.lot = lot_new(8);
	world.login = login_new(world.lot, 8, world.config);
	assert_int_equal(pthread_create(&world.house, NULL, keep_house, NULL),
		0);
}

/* Until the clients of the conversation before have ended. */
static inline void
world_wait(void)
{
	int64_t deadline = clock_monotonic() + PATIENCE;
	while (lot_session_count(world.lot) > 0) {
		assert_true(clock_until(deadline) > 0);
		usleep(1000);
	}
}

static inline void
world_end(void)
{
	lot_stop(world.lot);
	pthread_join(world.house, NULL);
	lot_free(&world.lot);
	login_free(&world.login);
	config_free(&world.config);
}

/* A client at that address; our end. */
static inline int
world_connect(const struct protocol *protocol, bool is_tls_first,
	const char *address)
{
	struct timeval patience = { .tv_sec = PATIENCE / 1000 };
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience,
		sizeof(patience));
	struct incoming incoming = { .fd = pair[1], .service = "x" };
	if (strcmp(address, "local") == 0)
		incoming.client.family = AF_UNIX;
	else
		assert_true(network_address_parse(span_from(address),
			&incoming.client));
	client_accept(world.login, protocol, is_tls_first, &incoming);
	return pair[0];
}

#endif
