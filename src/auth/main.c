/*
 * auth: who is who. Answers SASL exchanges for smtpd and login, recipients for
 * smtpd and queue, tickets for the mailbox processes, and the operator. It
 * alone opens accounts.db; it has no network, starts nothing, and believes its
 * callers no more than their wires say.
 *
 * What it opens: $data_directory/auth/accounts.db and the compiled aliases
 * beside it. Its jail is that directory.
 * `auth --offline` and `auth --check` are described in offline.c and check.h.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/accounts_directory.h"
#include "auth/aliases.h"
#include "auth/auth.h"
#include "auth/check.h"
#include "auth/exchange.h"
#include "auth/offline.h"
#include "auth/passwd_file.h"
#include "auth/system_call.h"
#include "auth/wire.h"
#include "auth/wire_question.h"
#include "base/file.h"
#include "base/log.h"
#include "serve/jail.h"
#include "serve/legacy.h"
#include "serve/process.h"

enum {
	WORKERS_LEAST = 16, WORKERS_MOST = 48,
	/* Who waits for pam is no less for the others: of these, half may be
	 * logging in. */
	WORKERS_FOR_SYSTEM = 4 * SYSTEM_CALL_MOST,
	STOP_GRACE = 2000,
};

static const struct service services[] = {
	{ "auth-sasl", wire_accept_sasl },
	{ "auth-user", wire_accept_user },
	{ "auth-ticket", wire_accept_ticket },
	{ "auth-admin", wire_accept_admin },
	{ "auth-domains", wire_accept_domains },
	{ NULL, NULL },
};

/* virtual_alias_maps is opened by master. */
static int
load_virtual(struct error *error)
{
	struct buffer text;
	struct virtual_tables *tables = NULL;
	int fd = process_file("virtual_alias_maps");
	buffer_init(&text, 0);
	int result = fd < 0 ? 0 : file_read_descriptor(fd, VIRTUAL_LIMIT, &text,
		error);
	if (result == 0)
		result = virtual_new(buffer_span(&text), &tables, error);
	if (result == 0)
		aliases_set_virtual(auth.accounts, &tables);
	buffer_fini(&text);
	return result;
}

/* Files of sources are opened by master. */
static int
read_source(void *context, unsigned place, struct buffer *out,
	struct error *error)
{
	(void)context;
	int fd = process_file_at("accounts", place);
	if (fd < 0)
		return error_set(error, ERROR_LATER, "it could not be opened");
	return file_read_descriptor(fd, PASSWD_FILE_LIMIT, out, error);
}

/* Who looks at the old settings just now may go on doing so: they stay. */
static void
reload(const struct config *config)
{
	struct error error;
	struct settings *settings = settings_new(config);
	accounts_configure(auth.accounts, &settings->accounts);
	accounts_set_sources(auth.accounts, settings->sources, read_source,
		NULL);
	passwords_set_ttl(auth.passwords, settings->cache_ttl);
	atomic_store(&auth.settings, settings);
	if (load_virtual(&error) < 0)
		log_event(LOG_ERROR, "virtual-aliases-not-loaded", NULL,
			LOG_TEXT("reason", error.text));
}

/* At most half of the workers hash or wait for it: the others look up. */
static void
share_workers(long cores, unsigned *workers,
	struct passwords_options *options)
{
	unsigned count = cores < 1 ? 1 : cores > 64 ? 64 : (unsigned)cores;
	*workers = count * 2 + 8;
	if (*workers < WORKERS_LEAST)
		*workers = WORKERS_LEAST;
	if (*workers > WORKERS_MOST)
		*workers = WORKERS_MOST;
	*options = (struct passwords_options){ 0 };
	options->hashers = count > 1 ? count - 1 : 1;
	if (options->hashers > *workers / 2)
		options->hashers = *workers / 2;
	options->waiters = *workers / 2 - options->hashers;
}

/* What libcrypto would look for in files is found before the jail. */
static void
prepare_crypto(void)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	OPENSSL_init_crypto(0, NULL);
	EVP_Digest("", 0, digest, NULL, EVP_sha256(), NULL);
	struct scram_keys keys = { .iterations = 1 };
	scram_derive_keys(SPAN("x"), &keys);
}

/* A damaged table stops no mail for accounts: who runs newaliases mends it. */
static void
load_aliases(void)
{
	struct error error;
	if (aliases_load(auth.accounts, &error) < 0)
		log_event(LOG_ERROR, "aliases-not-loaded", NULL,
			LOG_TEXT("reason", error.text));
}

static int
open_all(const struct process *process, struct passwords_options *options,
	struct error *error)
{
	struct buffer path;
	struct settings *settings = settings_new(process->config);
	buffer_init(&path, 0);
	buffer_print(&path, "%s/auth", config_text(process->config,
		"data_directory"));
	/* The database is opened from inside, by a name that is right whether
	 * or not the jail has a root of its own. */
	umask(0077);
	if (chdir(buffer_string(&path)) != 0)
		return error_set_errno(error, "entering %s",
			buffer_string(&path));
	struct jail jail = { .root = buffer_string(&path), .rights =
		JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_THREADS };
	if (jail_enter(process, &jail, error) != 0 ||
		accounts_open("accounts.db", &settings->accounts,
		&auth.accounts, error) != 0 || load_virtual(error) != 0)
		return -1;
	accounts_set_call(auth.accounts, wire_question_call);
	accounts_set_system(auth.accounts, auth.system);
	accounts_set_sources(auth.accounts, settings->sources, read_source,
		NULL);
	buffer_fini(&path);
	load_aliases();
	options->ttl = settings->cache_ttl;
	options->secret = accounts_secret(auth.accounts);
	auth.passwords = passwords_new(options);
	auth.throttle = throttle_new();
	auth.tickets = tickets_new();
	auth.exchanges = exchanges_new();
	atomic_store(&auth.settings, settings);
	return 0;
}

/* Clients whose password was right must not log in again for an upgrade. */
static void
take_tickets(void)
{
	struct legacy legacy;
	while (legacy_next(&legacy))
		if (!ticket_put(auth.tickets, legacy.bytes))
			log_event(LOG_WARN, "ticket-of-another-version", NULL);
}

static void
leave_tickets(void)
{
	struct ticket_left left;
	struct error error;
	while (legacy_is_wanted() && ticket_take(auth.tickets, &left))
		if (legacy_send(span_of(&left, sizeof(left)), NULL, 0,
		    &error) < 0) {
			log_event(LOG_WARN, "tickets-lost", NULL,
				LOG_TEXT("reason", error.text));
			return;
		}
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--offline") == 0)
		return offline_main(argc, argv);
	if (argc > 1 && strcmp(argv[1], "--check") == 0)
		return check_main();
	struct error error;
	struct process *process = process_start(argc, argv);
	unsigned workers;
	struct passwords_options options;
	share_workers(sysconf(_SC_NPROCESSORS_ONLN), &workers, &options);
	if (config_has_item(process->config, "accounts", "system"))
		workers += WORKERS_FOR_SYSTEM;
	struct lot *lot = lot_new(workers);
	turnstile_init(&auth.turnstile, workers / 2);
	wire_question_init(lot, workers / 4);
	system_call_init(lot);
	auth.system = &system_calls;
	auth.owner = process->is_root ? 0 : process->uid;
	prepare_crypto();
	if (open_all(process, &options, &error) != 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	take_tickets();
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	lot_run(lot, STOP_GRACE);
	leave_tickets();
	lot_free(&lot);
	turnstile_fini(&auth.turnstile);
	system_call_fini();
	exchanges_free(&auth.exchanges);
	tickets_free(&auth.tickets);
	throttle_free(&auth.throttle);
	passwords_free(&auth.passwords);
	accounts_close(&auth.accounts);
	return 0;
}
