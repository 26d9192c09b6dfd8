/*
 * tls: handshakes with strangers, and pumping bytes between them and the plain
 * end that the process behind reads. Speaks no mail protocol, holds no private
 * key (it asks `key`), opens no file and no socket.
 */
#include <fcntl.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "serve/handover.h"
#include "serve/jail.h"
#include "serve/listener.h"
#include "serve/process.h"
#include "tls/context.h"
#include "tls/remote_key.h"
#include "tls/session.h"

enum { TLS_WORKERS = 12, TLS_STOP_GRACE = 2000 };

/* A wire on which smtpd or login hands connections over. */
struct accept_wire {
	struct session session;
	struct lot *lot;
};

static enum session_next
run(struct session *session, enum session_event event)
{
	struct accept_wire *wire = (struct accept_wire *)session;
	char room[HANDOVER_ROOM];
	struct error error;
	struct handover handover;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	if (event != SESSION_READABLE && event != SESSION_START)
		return SESSION_PARK;
	if (event == SESSION_START)
		return SESSION_PARK;
	if (handover_receive(session->fd, &handover, room, sizeof(room),
	    &error) < 0)
		return error.code == ERROR_LATER ? SESSION_PARK : SESSION_CLOSE;
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		if (handover.fds[i] >= 0)
			fcntl(handover.fds[i], F_SETFL, O_NONBLOCK);
	tls_session_begin(wire->lot, &handover);
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		file_close(&handover.fds[i]);
	return SESSION_PARK;
}

static void
free_wire(struct session **session)
{
	close((*session)->fd);
	memory_free(*session);
	*session = NULL;
}

static const struct session_type type = { "tls-accept", run, free_wire };

static void
accept_wire(struct lot *lot, struct incoming *incoming)
{
	struct accept_wire *wire = memory_new(sizeof(*wire));
	wire->session = (struct session){ .type = &type, .fd = incoming->fd,
		.second_fd = -1, .deadline = INT64_MAX };
	wire->lot = lot;
	incoming->fd = -1;
	lot_add(lot, &wire->session);
}

static int
load_certificate(struct error *error)
{
	int fd = process_file("tls_cert_file");
	if (fd < 0)
		return error_set(error, ERROR_GONE,
			"master sent no descriptor of tls_cert_file");
	return context_load(fd, error);
}

static void
reload(const struct config *config)
{
	struct error error;
	(void)config;
	if (load_certificate(&error) < 0)
		log_event(LOG_ERROR, "certificate-not-loaded", NULL,
			LOG_TEXT("reason", error.text));
}

static const struct service services[] = {
	{ "tls-accept", accept_wire },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	struct error error;
	struct process *process = process_start(argc, argv);
	struct lot *lot = lot_new(TLS_WORKERS);
	OPENSSL_init_ssl(0, NULL);
	remote_key_start(lot);
	if (load_certificate(&error) < 0 ||
	    jail_enter(process, &(struct jail){ .rights = JAIL_THREADS },
		&error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	lot_run(lot, TLS_STOP_GRACE);
	return 0;
}
