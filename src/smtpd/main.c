/*
 * smtpd: every SMTP server conversation, with strangers, users and local
 * programs. It decides who may send to whom; users are auth's to know, TLS is
 * tls's, and a message goes to the queue before the client has its 250. It
 * opens no file but unlinked ones in its spill directory, which is its root,
 * and no socket but those it is given.
 */
#include <unistd.h>

#include "base/log.h"
#include "serve/jail.h"
#include "serve/process.h"
#include "smtpd/smtpd.h"

/* Half of them may wait for one callee; a client never owns one. */
enum { SMTPD_WORKERS = 60, SMTPD_STOP_GRACE = 4000 };

static struct smtpd *smtpd;

static void
accept_client(struct lot *lot, struct incoming *incoming)
{
	(void)lot;
	smtpd_accept(smtpd, incoming);
}

static void
reload(const struct config *config)
{
	smtpd_reload(smtpd, config);
}

static const struct service services[] = {
	{ "smtp", accept_client },
	{ "submission", accept_client },
	{ "submissions", accept_client },
	{ "lmtp", accept_client },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	struct error error;
	char path[4096];
	struct process *process = process_start(argc, argv);
	struct lot *lot = lot_new(SMTPD_WORKERS);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int spill = process_open_spill(path, sizeof(path), &error);
	struct jail jail = { .root = path, .rights = JAIL_ACCEPT |
		JAIL_SOCKETPAIR | JAIL_SPILL | JAIL_THREADS };
	if (spill < 0 || jail_enter(process, &jail, &error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	smtpd = smtpd_new(lot, SMTPD_WORKERS, process->config, spill);
	/* A conversation is a few microseconds between two waits. */
	lot_set_seats(lot, processors < 2 ? 2 : (unsigned)processors);
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	lot_run(lot, SMTPD_STOP_GRACE);
	return 0;
}
