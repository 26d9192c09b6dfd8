/*
 * login: IMAP and POP3 up to the successful login. It believes nobody and is
 * believed by nobody: auth judges passwords, tls has the certificates, and the
 * mailbox process that a client is handed to asks auth again. Opens no file and
 * no socket but those it is given; its root is an empty directory.
 */
#include "base/log.h"
#include "login/client.h"
#include "serve/jail.h"
#include "serve/process.h"

/* Half of them may wait for one callee; a client never owns one. */
enum { LOGIN_WORKERS = 48, LOGIN_STOP_GRACE = 2000 };

static struct login *login;

static void
accept_imap(struct lot *lot, struct incoming *incoming)
{
	(void)lot;
	client_accept(login, &protocol_imap, false, incoming);
}

static void
accept_imaps(struct lot *lot, struct incoming *incoming)
{
	(void)lot;
	client_accept(login, &protocol_imap, true, incoming);
}

static void
accept_pop3(struct lot *lot, struct incoming *incoming)
{
	(void)lot;
	client_accept(login, &protocol_pop3, false, incoming);
}

static void
accept_pop3s(struct lot *lot, struct incoming *incoming)
{
	(void)lot;
	client_accept(login, &protocol_pop3, true, incoming);
}

static const struct service services[] = {
	{ "imap", accept_imap },
	{ "imaps", accept_imaps },
	{ "pop3", accept_pop3 },
	{ "pop3s", accept_pop3s },
	{ NULL, NULL },
};

static void
reload(const struct config *config)
{
	login_reload(login, config);
}

int
main(int argc, char **argv)
{
	struct error error;
	struct process *process = process_start(argc, argv);
	struct lot *lot = lot_new(LOGIN_WORKERS);
	struct jail jail = { .rights = JAIL_ACCEPT | JAIL_SOCKETPAIR |
		JAIL_THREADS };
	if (jail_enter(process, &jail, &error) != 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	login = login_new(lot, LOGIN_WORKERS, process->config);
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	lot_run(lot, LOGIN_STOP_GRACE);
	lot_free(&lot);
	login_free(&login);
	return 0;
}
