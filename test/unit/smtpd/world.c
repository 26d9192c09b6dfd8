/* Fakes of smtpd's neighbours; see world.h. */
#include "world.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "proto/smtp_reply.h"
#include "serve/counter.h"
#include "serve/handover.h"
#include "serve/supervisor.h"
#include "serve/tab_call.h"

enum { PATIENCE = 60000 };

static struct {
	struct lot *lot;
	pthread_t lot_thread, master_thread;
	int control[2];
	int spill;
	atomic_uint faults, lookups;
	pthread_mutex_t lock;		/* of messages */
	struct world_message *first, *last;
	unsigned count;
} world = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
has_fault(enum world_fault fault)
{
	return (atomic_load(&world.faults) & fault) != 0;
}

/* True once for a fault that happens once. */
static bool
take_fault(enum world_fault fault)
{
	return (atomic_fetch_and(&world.faults, ~(unsigned)fault) & fault) != 0;
}

void
world_set_faults(unsigned faults)
{
	atomic_store(&world.faults, faults);
}

unsigned
world_lookups(void)
{
	return atomic_load(&world.lookups);
}

void
world_raise_generation(void)
{
	atomic_fetch_add(&counter_generations()->accounts, 1);
}

/* ---- auth-user ---- */

static void
answer_lookup(struct stream *stream, const struct tabline *fields)
{
	struct span verb = fields->field[0], address = fields->field[2];
	atomic_fetch_add(&world.lookups, 1);
	if (span_equals(verb, SPAN("SENDER"))) {
		struct span sender = fields->field[3];
		bool is_own = span_equals(fields->field[2], SPAN("1")) &&
			(span_equals(sender, SPAN("alice@example.test")) ||
			span_equals(sender, SPAN("sales@example.test")));
		stream_print(stream, is_own ? "OK\t1\n" : "NOTFOUND\t1\n");
	} else if (!span_ends_nocase(address, SPAN("@example.test"))) {
		stream_print(stream, "OK\t1\tclass=remote\n");
	} else if (span_starts(address, SPAN("nobody"))) {
		stream_print(stream, "NOTFOUND\t1\n");
	} else if (span_starts(address, SPAN("full"))) {
		stream_print(stream, "OK\t1\tclass=local\tover=yes\n");
	} else if (span_starts(address, SPAN("later"))) {
		stream_print(stream, "FAIL\t1\n");
	} else {
		stream_print(stream, "OK\t1\tclass=local\n");
	}
}

static void
serve_auth_user(struct stream *stream)
{
	struct error error;
	struct span line;
	stream_print(stream, "VERSION\t1\t2\n");
	while (stream_read_line(stream, TABLINE_LIMIT, &line, &error) == 0) {
		struct arena arena;
		struct tabline fields;
		arena_init(&arena, 0);
		assert(tabline_parse(line, &arena, &fields));
		if (take_fault(AUTH_HANGS_UP))
			return;
		if (has_fault(AUTH_SLOW))
			usleep(10000);
		if (!span_equals(fields.field[0], SPAN("VERSION")))
			answer_lookup(stream, &fields);
		arena_fini(&arena);
		if (stream_send(stream, &error) < 0)
			return;
	}
}

/* ---- auth-sasl ---- */

static void
begin_exchange(struct stream *stream, const struct tabline *fields)
{
	struct span mechanism = fields->field[2], response;
	int id = (int)fields->field[1].size;
	const char *number = fields->field[1].data;
	bool has_response = tabline_get(fields, 3, "resp", &response);
	struct span service;
	assert(tabline_get(fields, 3, "service", &service));
	if (!has_response) {
		stream_print(stream, "CONT\t%.*s\t%s\n", id, number,
			span_equals(mechanism, SPAN("LOGIN")) ? "VXNlcm5hbWU6" :
			"");
	} else if (span_equals(mechanism, SPAN("PLAIN")) &&
	    span_equals(response, SPAN("AGFsaWNlAHNlY3JldA=="))) {
		stream_print(stream, "OK\t%.*s\tuser=alice@example.test"
			"\taccount=1\n", id, number);
	} else if (span_equals(response, SPAN("c2NyYW0="))) {
		stream_print(stream, "CONT\t%.*s\tc2VydmVyLWZpcnN0\n", id,
			number);
	} else {
		stream_print(stream, "FAIL\t%.*s\treason=no\tdelay=1\n", id,
			number);
	}
}

static void
go_on_exchange(struct stream *stream, const struct tabline *fields)
{
	struct span response = fields->field[2];
	int id = (int)fields->field[1].size;
	const char *number = fields->field[1].data;
	if (span_equals(response, SPAN("YWxpY2U=")))		/* alice */
		stream_print(stream, "CONT\t%.*s\tUGFzc3dvcmQ6\n", id, number);
	else if (span_equals(response, SPAN("c2VjcmV0")) ||	/* secret */
	    span_equals(response, SPAN("AGFsaWNlAHNlY3JldA==")))
		stream_print(stream, "OK\t%.*s\tuser=alice@example.test"
			"\taccount=1\n", id, number);
	else if (span_equals(response, SPAN("ZmluYWw=")))	/* final */
		stream_print(stream, "OK\t%.*s\tuser=alice@example.test"
			"\taccount=1\tresp=dj1vaw==\n", id, number);
	else
		stream_print(stream, "FAIL\t%.*s\treason=no\n", id, number);
}

static void
serve_auth_sasl(struct stream *stream)
{
	struct error error;
	struct span line;
	stream_print(stream, "VERSION\t1\t2\nMECH\tSCRAM-SHA-256\n"
		"MECH\tSCRAM-SHA-256-PLUS\nMECH\tPLAIN\tplaintext\n"
		"MECH\tLOGIN\tplaintext\nMECH\tEXTERNAL\tlocal\n"
		"SPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n");
	while (stream_send(stream, &error) == 0 &&
	    stream_read_line(stream, TABLINE_LIMIT, &line, &error) == 0) {
		struct arena arena;
		struct tabline fields;
		arena_init(&arena, 0);
		assert(tabline_parse(line, &arena, &fields));
		if (span_equals(fields.field[0], SPAN("AUTH")))
			begin_exchange(stream, &fields);
		else if (span_equals(fields.field[0], SPAN("CONT")))
			go_on_exchange(stream, &fields);
		arena_fini(&arena);
	}
}

/* ---- queue ---- */

static void
keep_message(struct world_message *message)
{
	pthread_mutex_lock(&world.lock);
	if (world.last == NULL)
		world.first = message;
	else
		world.last->next = message;
	world.last = message;
	world.count++;
	pthread_mutex_unlock(&world.lock);
}

/* A reply that the message itself asks for, or 250. */
static void
answer_message(struct stream *stream, struct span content)
{
	struct span mark = SPAN("X-Queue: ");
	size_t at = span_search(content, mark);
	struct span text = SPAN("250 2.0.0 kept");
	if (at < content.size) {
		text = span_skip(content, at + mark.size);
		text = span_first(text, span_find(text, '\r'));
	}
	stream_print(stream, "%.*s\r\n", SPAN_PRINT(text));
}

static void
answer_command(struct stream *stream, struct span line)
{
	if (span_starts(line, SPAN("EHLO")))
		stream_print(stream, "250-queue\r\n250 XPOSTHOUSE\r\n");
	else if (span_starts(line, SPAN("RCPT")) &&
	    has_fault(QUEUE_REFUSES_RCPT))
		stream_print(stream, "452 4.3.1 not this one\r\n");
	else
		stream_print(stream, "250 2.0.0 fine\r\n");
}

static void
serve_queue(struct stream *stream)
{
	struct error error;
	struct span line;
	struct world_message *message = NULL;
	stream_print(stream, "220 queue\r\n");
	while (stream_read_line(stream, SMTP_COMMAND_LIMIT, &line,
	    &error) == 0) {
		struct smtp_bdat bdat;
		if (message == NULL)
			message = memory_new(sizeof(*message));
		if (!span_starts(line, SPAN("BDAT "))) {
			if (!span_starts(line, SPAN("EHLO"))) {
				buffer_add(&message->commands, line);
				buffer_add_string(&message->commands, "\r\n");
			}
			answer_command(stream, line);
			continue;
		}
		assert(smtp_bdat_parse(span_skip(line, 5), &bdat));
		assert(bdat.is_last);
		buffer_reserve(&message->content, bdat.size);
		if (stream_read_exactly(stream, message->content.data,
		    bdat.size, &error) < 0)
			break;
		message->content.size = bdat.size;
		/* Once kept it belongs to the test. */
		answer_message(stream, buffer_span(&message->content));
		keep_message(message);
		message = NULL;
		if (take_fault(QUEUE_HANGS_UP))
			break;
		if (has_fault(QUEUE_SLOW))
			usleep(10000);
		while (has_fault(QUEUE_STOPPED))
			usleep(10000);
		if (stream_send(stream, &error) < 0)
			break;
	}
	if (message != NULL) {
		buffer_fini(&message->commands);
		buffer_fini(&message->content);
		memory_free(message);
	}
}

const struct world_message *
world_messages(unsigned *count)
{
	pthread_mutex_lock(&world.lock);
	*count = world.count;
	const struct world_message *first = world.first;
	pthread_mutex_unlock(&world.lock);
	return first;
}

void
world_forget_messages(void)
{
	pthread_mutex_lock(&world.lock);
	while (world.first != NULL) {
		struct world_message *next = world.first->next;
		buffer_fini(&world.first->commands);
		buffer_fini(&world.first->content);
		memory_free(world.first);
		world.first = next;
	}
	world.last = NULL;
	world.count = 0;
	pthread_mutex_unlock(&world.lock);
}

/* ---- tls ---- */

static bool
pump(int from, int to)
{
	char bytes[4096];
	ssize_t n = read(from, bytes, sizeof(bytes));
	return n > 0 && write(to, bytes, (size_t)n) == n;
}

static void
serve_tls(struct stream *stream)
{
	char room[HANDOVER_ROOM];
	struct handover handover;
	struct error error;
	struct buffer header;
	struct pollfd slot = { .fd = stream->fd, .events = POLLIN };
	if (poll(&slot, 1, PATIENCE) != 1 || handover_receive(stream->fd,
	    &handover, room, sizeof(room), &error) < 0)
		return;
	buffer_init(&header, 0);
	handover.facts.is_tls = true;
	snprintf(handover.facts.tls_version, 16, "TLSv1.3");
	snprintf(handover.facts.tls_cipher, 48, "TLS_TEST");
	handover.facts.binding_exporter_size = 32;
	proxy2_encode(&header, &handover.facts);
	/* In two pieces: nobody may count on getting it whole. */
	file_write_all(handover.fds[1], span_first(buffer_span(&header), 9),
		&error);
	file_write_all(handover.fds[1], span_skip(buffer_span(&header), 9),
		&error);
	buffer_fini(&header);
	for (int i = 0; i < 2; i++)
		fcntl(handover.fds[i], F_SETFL, 0);
	struct pollfd both[2] = { { .fd = handover.fds[0], .events = POLLIN },
		{ .fd = handover.fds[1], .events = POLLIN } };
	bool is_open = true;
	while (is_open && poll(both, 2, -1) > 0)
		for (int i = 0; i < 2 && is_open; i++)
			if (both[i].revents != 0)
				is_open = pump(both[i].fd, both[1 - i].fd);
	file_close(&handover.fds[0]);
	file_close(&handover.fds[1]);
}

/* ---- the supervisor ---- */

static const struct callee {
	const char *service;
	void (*serve)(struct stream *stream);
	enum world_fault away;
} callees[] = {
	{ "auth-user", serve_auth_user, AUTH_AWAY },
	{ "auth-sasl", serve_auth_sasl, AUTH_AWAY },
	{ "queue-smtp", serve_queue, QUEUE_AWAY },
	{ "tls-accept", serve_tls, TLS_AWAY },
};

struct wire_end {
	const struct callee *callee;
	int fd;
};

static void *
wire_main(void *context)
{
	struct wire_end *end = context;
	struct stream stream;
	stream_init(&stream, &end->fd);
	end->callee->serve(&stream);
	stream_fini(&stream);
	memory_free(end);
	return NULL;
}

static void
connect_wire(struct control_message *message)
{
	const struct callee *callee = callees;
	struct error error;
	int pair[2];
	pthread_t thread;
	while (strcmp(callee->service, message->service) != 0)
		callee++;
	if (has_fault(callee->away)) {
		message->kind = CONTROL_REFUSED;
		assert(send(world.control[1], message, sizeof(*message), 0) > 0);
		return;
	}
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	message->kind = CONTROL_WIRE;
	assert(wire_send_fds(world.control[1], span_of(message,
		sizeof(*message)), &pair[0], 1, &error) == 0);
	close(pair[0]);
	struct wire_end *end = memory_new(sizeof(*end));
	*end = (struct wire_end){ callee, pair[1] };
	assert(pthread_create(&thread, NULL, wire_main, end) == 0);
	pthread_detach(thread);
}

static void *
master_main(void *context)
{
	struct control_message message;
	(void)context;
	while (recv(world.control[1], &message, sizeof(message), 0) ==
	    sizeof(message))
		if (message.kind == CONTROL_CONNECT)
			connect_wire(&message);
	return NULL;
}

static void *
lot_main(void *context)
{
	(void)context;
	lot_run(world.lot, PATIENCE);
	return NULL;
}

static void
start(void)
{
	static const char *const places[] = { ".", "/tmp", "/dev/shm" };
	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		world.control) == 0);
	for (size_t i = 0; i < 3; i++) {
		struct error error;
		world.spill = open(places[i], O_DIRECTORY | O_CLOEXEC);
		int fd = file_open_spill(world.spill, &error);
		if (fd >= 0) {
			close(fd);
			break;
		}
		file_close(&world.spill);
	}
	assert(world.spill >= 0);
	signal(SIGPIPE, SIG_IGN);
	log_set_level(getenv("WORLD_LOG") != NULL ? LOG_DEBUG : LOG_ERROR);
	counter_open(-1, -1, true);
	supervisor_open(world.control[0]);
	world.lot = lot_new(8);
	assert(pthread_create(&world.master_thread, NULL, master_main,
		NULL) == 0);
	assert(pthread_create(&world.lot_thread, NULL, lot_main, NULL) == 0);
}

static struct config *config;

struct smtpd *
world_begin(const char *const *overrides)
{
	const char *all[32] = { "myhostname=mail.example.test",
		"mydomain=example.test", "mynetworks=127.0.0.0/8 10.0.0.0/8" };
	struct error error;
	size_t count = 3;
	if (world.lot == NULL)
		start();
	for (; overrides != NULL && *overrides != NULL; overrides++)
		all[count++] = *overrides;
	if (config_load(NULL, all, count, &config, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		abort();
	}
	world_forget_messages();
	world_set_faults(0);
	return smtpd_new(world.lot, 8, config, world.spill);
}

void
world_end(struct smtpd **smtpd)
{
	for (int tries = 0; lot_session_count(world.lot) > 0; tries++) {
		assert(tries < PATIENCE);
		usleep(1000);
	}
	smtpd_free(smtpd);
	config_free(&config);
	world_forget_messages();
}

void
world_stop(void)
{
	if (world.lot == NULL)
		return;
	lot_stop(world.lot);
	pthread_join(world.lot_thread, NULL);
	shutdown(world.control[1], SHUT_RDWR);
	pthread_join(world.master_thread, NULL);
	lot_free(&world.lot);
}

/* ---- a client ---- */

void
client_open(struct client *client, struct smtpd *smtpd, const char *service,
	const char *address)
{
	int pair[2];
	struct incoming incoming = { .service = service };
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	incoming.fd = pair[0];
	client->fd = pair[1];
	buffer_init(&client->in, 0);
	if (address == NULL) {
		incoming.client.family = AF_UNIX;
		incoming.client.uid = 1000;
	} else {
		assert(network_address_parse(span_from(address),
			&incoming.client));
		assert(network_address_parse(SPAN("192.0.2.25"),
			&incoming.local));
	}
	smtpd_accept(smtpd, &incoming);
}

void
client_close(struct client *client)
{
	file_close(&client->fd);
	buffer_fini(&client->in);
}

void
client_send(struct client *client, struct span bytes)
{
	while (bytes.size > 0) {
		struct pollfd slot = { .fd = client->fd, .events = POLLOUT };
		assert(poll(&slot, 1, PATIENCE) == 1);
		ssize_t n = send(client->fd, bytes.data, bytes.size,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EPIPE)
			return;
		if (n > 0)
			bytes = span_skip(bytes, (size_t)n);
	}
}

void
client_send_line(struct client *client, const char *line)
{
	struct buffer whole;
	buffer_init(&whole, 0);
	buffer_add_string(&whole, line);
	buffer_add_string(&whole, "\r\n");
	client_send(client, buffer_span(&whole));
	buffer_fini(&whole);
}

struct span
client_reply(struct client *client)
{
	static struct buffer reply;
	for (;;) {
		struct smtp_answer answer;
		size_t consumed;
		if (smtp_answer_parse(buffer_span(&client->in), &answer,
		    &consumed) == SMTP_ANSWER_OK) {
			buffer_clear(&reply);
			buffer_add(&reply, span_first(buffer_span(&client->in),
				consumed));
			buffer_shift(&client->in, consumed);
			return buffer_span(&reply);
		}
		struct pollfd slot = { .fd = client->fd, .events = POLLIN };
		if (poll(&slot, 1, PATIENCE) != 1) {
			fprintf(stderr, "no reply; so far \"%s\"\n",
				buffer_string(&client->in));
			abort();
		}
		buffer_reserve(&client->in, 65536);
		ssize_t n = read(client->fd, client->in.data + client->in.size,
			65536);
		if (n <= 0)
			return SPAN("");
		client->in.size += (size_t)n;
	}
}

void
client_expect(struct client *client, const char *begins)
{
	struct span got = client_reply(client);
	if (span_starts(got, span_from(begins)))
		return;
	fprintf(stderr, "expected \"%s\", got \"%.*s\"\n", begins,
		SPAN_PRINT(got));
	abort();
}
