/*
 * web: HTTP for strangers. Tells mail programs and phones how to reach this
 * host, and publishes what other mail hosts and authorities look for on the web.
 * It knows no password and no mail. TLS is spoken by tls; it opens no file and
 * no socket but those it is given, and its root is an empty directory.
 */
#include "base/log.h"
#include "serve/jail.h"
#include "serve/process.h"
#include "web/visitor.h"

enum { WEB_WORKERS = 16, WEB_STOP_GRACE = 2000 };

static struct web *web;

static void
accept_http(struct lot *lot, struct incoming *incoming)
{
	(void)lot;
	visitor_accept(web, false, incoming);
}

static void
accept_https(struct lot *lot, struct incoming *incoming)
{
	(void)lot;
	visitor_accept(web, true, incoming);
}

static const struct service services[] = {
	{ "http", accept_http },
	{ "https", accept_https },
	{ NULL, NULL },
};

static void
reload(const struct config *config)
{
	web_reload(web, config);
}

int
main(int argc, char **argv)
{
	struct error error;
	struct process *process = process_start(argc, argv);
	struct lot *lot = lot_new(WEB_WORKERS);
	struct jail jail = { .rights = JAIL_ACCEPT | JAIL_SOCKETPAIR |
		JAIL_THREADS };
	if (jail_enter(process, &jail, &error) != 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	web = web_new(lot, process->config);
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	lot_run(lot, WEB_STOP_GRACE);
	lot_free(&lot);
	web_free(&web);
	return 0;
}
