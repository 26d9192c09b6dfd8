/*
 * hostmaster: keeps what the world must know about this mail host right by
 * itself. It has no network and no files of its own but those that master
 * opens; whatever it wants done it asks of others: auth which domains there
 * are, names to answer with their records. Mail does not wait for it.
 *
 * What it opens: a socket to the kernel for the addresses of this machine.
 */
#include "base/log.h"
#include "hostmaster/acme.h"
#include "hostmaster/hostmaster.h"
#include "hostmaster/service.h"
#include "hostmaster/tlsa.h"
#include "hostmaster/work.h"
#include "serve/jail.h"
#include "serve/listener.h"
#include "serve/own_addresses.h"

enum { WORKERS = 8, STOP_GRACE = 2000 /* ms */ };

static const struct service services[] = {
	{ "hostmaster-admin", service_accept_admin },
	{ "hostmaster-web", service_accept_web },
	{ NULL, NULL },
};

static void
reload(const struct config *config)
{
	atomic_store(&hostmaster.config, config);
	work_wake();
	acme_open();
	acme_wake();
}

/* Without it keys are taken for new: nothing is wrong but the time. */
static void
remember(void)
{
	struct error error;
	if (tlsa_open(process_file("hostmaster_state_file"), &error) < 0)
		log_event(LOG_ERROR, "keys-not-remembered", NULL,
			LOG_TEXT("reason", error.text));
}

int
main(int argc, char **argv)
{
	struct error error;
	struct process *process = process_start(argc, argv);
	struct lot *lot = lot_new(WORKERS);
	atomic_store(&hostmaster.config, process->config);
	remember();
	acme_open();
	if (own_addresses_open(&hostmaster.kernel, &error) < 0 ||
	    jail_enter(process, &(struct jail){ .rights = JAIL_THREADS },
		&error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	hostmaster.auth = row_caller_new(lot, "auth-domains");
	hostmaster.records = row_caller_new(lot, "names-records");
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	work_start();
	acme_start(lot);
	lot_run(lot, STOP_GRACE);
	return 0;
}
