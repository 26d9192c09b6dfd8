/*
 * relay: takes messages from the queue by LMTP and brings them to other
 * servers by SMTP. It talks to strangers and reads what they say, so it has
 * nothing that is worth taking: TCP connections out, wires to `names` and the
 * like, unlinked files for large messages in its spill directory, which is its
 * root, and files there for what domains say of their TLS and what came of it.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/connect.h"
#include "relay/deliver.h"
#include "serve/jail.h"
#include "serve/process.h"

/* Half of the world may be slow: a delivery that waits owns its thread (40 KB
 * with what the kernel keeps; they begin when they are needed). */
enum { WORKERS = 1000, STOP_GRACE = 4000 /* ms */ };

/*
 * Deliveries that ask `names` at a time. Others wait for their turn: a burst to
 * many domains would else be put off for minutes, because half of the workers
 * (struct bulkhead) ask already.
 */
enum { ASKING = WORKERS / 2 - 1 };

static struct relay relay;
static sem_t asking;

static void
accept_lmtp(struct lot *lot, struct incoming *incoming)
{
	mail_server_accept(lot, incoming, &relay.server);
}

/* The reports belong to the relay. */
static struct admin_server reports = { .commands = tls_report_commands };

static void
accept_reports(struct lot *lot, struct incoming *incoming)
{
	admin_accept(lot, incoming, &reports);
}

static const struct service services[] = {
	{ "relay-lmtp", accept_lmtp },
	{ "relay-reports", accept_reports },
	{ NULL, NULL },
};

/* Settings that deliveries under way still use are never freed: a reload is
 * rare, and they are small. */
static int
take_settings(const struct config *config, struct error *error)
{
	const struct parameters_files files = {
		.tls_policies = process_file("smtp_tls_policy_maps"),
		.passwords = process_file("smtp_sasl_password_maps") };
	struct parameters *settings = parameters_read(config, &files, error);
	if (settings == NULL)
		return -1;
	uint64_t limit = config_size(config, "message_size_limit");
	relay.server.size_limit = limit == 0 ? 0 :
		limit + 2 * MAIL_SERVER_PREFIX_ROOM;
	atomic_store(&relay.settings, settings);
	return 0;
}

/* names_ask_all, by turns. */
static void
ask_all(struct names *names, struct arena *arena,
	const struct names_question *questions, size_t count, int64_t deadline)
{
	const struct timespec latest = { .tv_sec = deadline / 1000,
		.tv_nsec = deadline % 1000 * 1000000 };
	int result;
	do {
		result = sem_clockwait(&asking, CLOCK_MONOTONIC, &latest);
	} while (result < 0 && errno == EINTR);
	for (size_t i = 0; i < count && result < 0; i++)
		*questions[i].answer = (struct names_answer){
			.verdict = NAMES_LATER, .is_ours = true,
			.reason = SPAN("too many questions wait for the "
			"resolver") };
	if (result < 0)
		return;
	names_ask_all(names, arena, questions, count, deadline);
	sem_post(&asking);
}

static void
ask(struct names *names, struct arena *arena, struct span name,
	enum names_type type, int64_t deadline, struct names_answer *answer)
{
	const struct names_question question = { name, type, answer };
	ask_all(names, arena, &question, 1, deadline);
}

static void
set_report_rules(const struct config *config)
{
	/* As with settings, old ones stay valid. */
	static struct arena kept;
	const char *domain = config_text(config, "myorigin");
	const struct tls_report_rules rules = {
		.organization = arena_print(&kept, "%s", domain),
		.contact = arena_print(&kept, "postmaster@%s", domain) };
	if (relay.reports != NULL)
		tls_reports_set_rules(relay.reports, &rules);
}

static void
reload(const struct config *config)
{
	struct error error;
	set_report_rules(config);
	if (take_settings(config, &error) < 0)
		log_event(LOG_ERROR, "reload-failed", NULL,
			LOG_TEXT("reason", error.text));
}

/* Opened before the jail, which has no files. Mail goes out without what a disk
 * in trouble should remember. */
static struct pair_file *
open_memory(const struct config *config, const char *name)
{
	struct error error;
	char path[4000];
	snprintf(path, sizeof(path), "%s/spill/relay",
		config_text(config, "data_directory"));
	struct pair_file *file = pair_file_open(path, name, &error);
	if (file == NULL)
		log_event(LOG_WARN, "memory-not-opened", NULL,
			LOG_TEXT("name", name),
			LOG_TEXT("reason", error.text));
	return file;
}

/* Who wants none keeps what was counted. */
static void
make_reports(const struct config *config, struct pair_file **file)
{
	const struct tls_report_world world = { .ask = ask,
		.names = relay.names, .post = fetch_post,
		.fetcher = relay.fetcher };
	if (!config_bool(config, "smtp_tlsrpt_enable"))
		return;
	relay.reports = tls_reports_new(file, config_duration(config,
		"smtp_tlsrpt_interval"), &world);
	reports.context = relay.reports;
	set_report_rules(config);
}

int
main(int argc, char **argv)
{
	struct error error;
	char path[4096];
	struct process *process = process_start(argc, argv);
	struct lot *lot = lot_new(WORKERS);
	const struct jail jail = { .root = path, .rights = JAIL_NETWORK |
		JAIL_SOCKETPAIR | JAIL_SPILL | JAIL_THREADS };
	relay.server = (struct mail_server){ .is_lmtp = true,
		.hostname = config_text(process->config, "myhostname"),
		.deliver = deliver, .context = &relay,
		.spill = process_open_spill(path, sizeof(path), &error) };
	struct pair_file *policies = open_memory(process->config, "mta-sts");
	struct pair_file *results = open_memory(process->config, "tlsrpt");
	if (relay.server.spill < 0 ||
		take_settings(process->config, &error) < 0 ||
		jail_enter(process, &jail, &error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	relay.sts = sts_new(&policies, clock_wall());
	relay.fetcher = fetcher_new(lot);
	relay.fetch = fetch_get;
	relay.names = names_new(lot);
	relay.ask = ask_all;
	sem_init(&asking, 0, ASKING);
	make_reports(process->config, &results);
	relay.open = (struct open_world){ .connect = connect_open,
		.start_tls = tls_connect,
		.connector = tls_connector_new(lot),
		.is_local = connect_is_local };
	relay.connections = connections_new();
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	connections_start(relay.connections);
	lot_run(lot, STOP_GRACE);
	connections_free(&relay.connections);
	sts_free(&relay.sts);
	tls_reports_free(&relay.reports);
	pair_file_close(&results);
	fetcher_free(&relay.fetcher);
	tls_connector_free(&relay.open.connector);
	names_free(&relay.names);
	return 0;
}
