/*
 * key: holds the private keys and signs what it is given, for whom they are. It
 * has no network, opens no file after its start (master opened them), and parses
 * nothing but struct keywire_request.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "key/keyring.h"
#include "key/ring.h"
#include "proto/control.h"
#include "serve/counter.h"
#include "serve/jail.h"
#include "serve/listener.h"
#include "serve/process.h"
#include "serve/stream.h"

enum { KEY_WORKERS = 4, KEY_WRITE_TIMEOUT = 2000 };

/* A wire from a process that may have signatures. */
struct key_session {
	struct session session;
	struct stream stream;
	char caller[CONTROL_NAME_SIZE];
};

static void
answer(struct key_session *key, const struct keywire_request *request)
{
	struct keywire_reply reply;
	keyring_execute(key->caller, request, clock_wall() / 1000, &reply);
	counter_add(COUNTER_COMMANDS, 1);
	stream_add(&key->stream, span_of(&reply, sizeof(reply)));
}

/* Those that came together are answered together. */
static int
answer_all(struct key_session *key)
{
	struct error error;
	struct keywire_request request;
	struct span unread = stream_unread(&key->stream);
	while (unread.size >= sizeof(request)) {
		memcpy(&request, unread.data, sizeof(request));
		stream_consume(&key->stream, sizeof(request));
		answer(key, &request);
		unread = stream_unread(&key->stream);
	}
	key->stream.deadline = clock_monotonic() + KEY_WRITE_TIMEOUT;
	return stream_send(&key->stream, &error);
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct key_session *key = (struct key_session *)session;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	for (;;) {
		if (answer_all(key) < 0)
			return SESSION_CLOSE;
		int n = stream_fill(&key->stream);
		if (n == -1)
			return SESSION_PARK;
		if (n <= 0)
			return SESSION_CLOSE;
	}
}

static void
free_session(struct session **session)
{
	struct key_session *key = (struct key_session *)*session;
	stream_fini(&key->stream);
	memory_free(key);
	*session = NULL;
}

static const struct session_type type = { "key", run, free_session };

static void
accept_wire(struct lot *lot, struct incoming *incoming)
{
	struct key_session *key = memory_new(sizeof(*key));
	key->session = (struct session){ .type = &type, .fd = incoming->fd,
		.second_fd = -1, .deadline = INT64_MAX };
	snprintf(key->caller, sizeof(key->caller), "%s",
		incoming->caller == NULL ? "" : incoming->caller);
	stream_init(&key->stream, &incoming->fd);
	lot_add(lot, &key->session);
}

static int
load_keys(struct error *error)
{
	int fd = process_file("tls_key_file");
	if (fd < 0)
		return error_set(error, ERROR_GONE,
			"master sent no descriptor of tls_key_file");
	return keyring_load("tls_key_file", fd, error);
}

/* A ring that cannot be read is no reason to refuse TLS: its keys are missed
 * until somebody has looked, and none is made meanwhile. */
static void
load_ring(void)
{
	struct error error;
	int fd = process_file("key_ring_file");
	int result = fd < 0 ? error_set(&error, ERROR_GONE,
		"master sent no descriptor of key_ring_file") :
		ring_load(fd, &error);
	if (result < 0)
		log_event(LOG_ERROR, "ring-not-loaded", NULL,
			LOG_TEXT("reason", error.text));
}

static void
reload(const struct config *config)
{
	struct error error;
	(void)config;
	if (load_keys(&error) < 0)
		log_event(LOG_ERROR, "key-not-loaded", NULL,
			LOG_TEXT("reason", error.text));
	load_ring();
}

static const struct service services[] = {
	{ "key-sign", accept_wire },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	struct error error;
	struct process *process = process_start(argc, argv);
	load_ring();
	if (load_keys(&error) < 0 ||
	    jail_enter(process, &(struct jail){ .rights = JAIL_THREADS },
		&error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	struct lot *lot = lot_new(KEY_WORKERS);
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	lot_run(lot, KEY_WRITE_TIMEOUT);
	return 0;
}
