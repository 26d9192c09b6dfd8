/*
 * hostmaster: keeps what the world must know about this mail host right by
 * itself. It has no network and no files of its own but those that master
 * opens; whatever it wants done it asks of others: auth which domains there
 * are. Mail does not wait for it.
 */
#include "base/log.h"
#include "hostmaster/hostmaster.h"
#include "hostmaster/service.h"
#include "serve/jail.h"
#include "serve/listener.h"

enum { WORKERS = 8, STOP_GRACE = 2000 /* ms */ };

static const struct service services[] = {
	{ "hostmaster-admin", service_accept_admin },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	struct error error;
	struct process *process = process_start(argc, argv);
	struct lot *lot = lot_new(WORKERS);
	if (jail_enter(process, &(struct jail){ .rights = JAIL_THREADS },
	    &error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	hostmaster.auth = row_caller_new(lot, "auth-domains");
	listener_set_services(lot, services);
	lot_run(lot, STOP_GRACE);
	row_caller_free(&hostmaster.auth);
	return 0;
}
