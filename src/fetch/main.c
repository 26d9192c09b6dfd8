/*
 * fetch: gets and posts by HTTPS what others of us want from the web, MTA-STS
 * policies above all. Talks with strangers by libcurl, and with nobody else but
 * `names`; keeps nothing, opens no file after its start.
 */
#include "base/log.h"
#include "fetch/fetch.h"
#include "fetch/service.h"
#include "serve/jail.h"
#include "serve/listener.h"
#include "serve/names_call.h"
#include "serve/process.h"

/* A transfer has a worker for as long as it lasts. */
enum { FETCH_WORKERS = 32, FETCH_STOP_GRACE = 1000 };

static void
trust(void)
{
	struct error error;
	if (fetch_trust(process_file("fetch_ca_file"), &error) < 0)
		log_event(LOG_WARN, "authorities-not-loaded", NULL,
			LOG_TEXT("reason", error.text));
}

static void
reload(const struct config *config)
{
	(void)config;
	trust();
}

static const struct service services[] = {
	{ "fetch-https", service_accept },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	struct error error;
	struct process *process = process_start(argc, argv);
	struct lot *lot = lot_new(FETCH_WORKERS);
	trust();
	if (fetch_start(&error) < 0 || jail_enter(process, &(struct jail){
		.rights = JAIL_NETWORK | JAIL_THREADS }, &error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	fetch_set_names(names_new(lot), FETCH_WORKERS / 2 - 1);
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	lot_run(lot, FETCH_STOP_GRACE);
	return 0;
}
