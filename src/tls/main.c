/*
 * tls: handshakes with strangers, and pumping bytes between them and the plain
 * end that the process behind reads. Speaks no mail protocol, holds no private
 * key, opens no file and no socket. There are two of it: `tls` is the server
 * and asks `key`; `tls-out` is the client, reads what strangers call their
 * certificates, and has a wire to nobody.
 */
#include <openssl/ssl.h>
#include <string.h>

#include "base/log.h"
#include "serve/jail.h"
#include "serve/listener.h"
#include "serve/process.h"
#include "tls/client_context.h"
#include "tls/context.h"
#include "tls/remote_key.h"
#include "tls/wires.h"

enum { TLS_WORKERS = 12, TLS_STOP_GRACE = 2000 };

static int
load_certificate(struct error *error)
{
	int fd = process_file("tls_cert_file");
	if (fd < 0)
		return error_set(error, ERROR_GONE,
			"master sent no descriptor of tls_cert_file");
	context_watch_issued(process_file("acme_chain_file"));
	return context_load(fd, error);
}

/* Without authorities mail still flows, encrypted but to anybody. */
static int
load_authorities(struct error *error)
{
	static bool is_loaded;
	size_t count;
	int result = client_context_load(process_file("smtp_tls_CAfile"),
		&count, error);
	if (result < 0 && !is_loaded) {
		log_event(LOG_ERROR, "authorities-not-loaded", NULL,
			LOG_TEXT("reason", error->text));
		result = client_context_load(-1, &count, error);
	}
	if (result < 0)
		return -1;
	is_loaded = true;
	log_event(count == 0 ? LOG_WARN : LOG_INFO, "authorities", NULL,
		LOG_NUMBER("trusted", count));
	return 0;
}

/* What the two of it have not in common. */
struct part {
	const char *program;
	int (*load)(struct error *error);
	/* Before the jail, or NULL. */
	void (*start)(struct lot *lot, unsigned workers);
	const struct service services[2];
};

static const struct part parts[] = {
	{ "tls", load_certificate, remote_key_start,
		{ { "tls-accept", wires_accept_server }, { NULL, NULL } } },
	{ "tls-out", load_authorities, NULL,
		{ { "tls-connect", wires_accept_client }, { NULL, NULL } } },
};
static const struct part *part = &parts[0];

static void
reload(const struct config *config)
{
	struct error error;
	(void)config;
	if (part->load(&error) < 0)
		log_event(LOG_ERROR, "certificate-not-loaded", NULL,
			LOG_TEXT("reason", error.text));
}

int
main(int argc, char **argv)
{
	struct error error;
	struct process *process = process_start(argc, argv);
	struct lot *lot = lot_new(TLS_WORKERS);
	if (strcmp(process->name, parts[1].program) == 0)
		part = &parts[1];
	OPENSSL_init_ssl(0, NULL);
	if (part->start != NULL)
		part->start(lot, TLS_WORKERS);
	if (part->load(&error) < 0 ||
	    jail_enter(process, &(struct jail){ .rights = JAIL_THREADS },
		&error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	listener_set_services(lot, part->services);
	listener_on_reload(lot, reload);
	lot_run(lot, TLS_STOP_GRACE);
	return 0;
}
