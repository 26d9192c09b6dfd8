/*
 * queue: takes messages from smtpd, delivers what is local at once, keeps the
 * rest in the spool and tries it again. No network; no file but below
 * queue_directory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "queue/queue.h"
#include "serve/jail.h"
#include "store/engine.h"

enum {
	WORKERS = 60,
	STOP_GRACE = 4000,		/* ms */
	/* Those who are being sent to wait for hosts of others; new mail waits
	 * so long for the next queue. */
	RETIRE_MOST = 10000,
	BLOCK_MEMORY = 4 << 20,	/* of the spool's mailbox */
};

static struct queue queue;
static struct space space;

static void
accept_smtp(struct lot *lot, struct incoming *incoming)
{
	mail_server_accept(lot, incoming, &queue.server);
}

static void
accept_operator(struct lot *lot, struct incoming *incoming)
{
	admin_accept(lot, incoming, &queue.operator);
}

static void
retire(void)
{
	atomic_store(&queue.is_retiring, true);
}

static const struct service services[] = {
	{ "queue-smtp", accept_smtp },
	{ "queue-admin", accept_operator },
	{ NULL, NULL },
};

static unsigned
at_least_one(const struct config *config, const char *name)
{
	uint64_t number = config_number(config, name);
	return number == 0 ? 1 : number > UINT16_MAX ? UINT16_MAX :
		(unsigned)number;
}

static void
set_rules(const struct config *config)
{
	const struct attempt_rules rules = {
		.minimal = config_duration(config, "minimal_backoff_time"),
		.maximal = config_duration(config, "maximal_backoff_time"),
		.lifetime = config_duration(config, "maximal_queue_lifetime"),
		.bounce_lifetime = config_duration(config,
			"bounce_queue_lifetime"),
		.warning = config_duration(config, "delay_warning_time") };
	const struct destination_rules next_hops = {
		.initial = at_least_one(config,
			"initial_destination_concurrency"),
		.limit = at_least_one(config,
			"default_destination_concurrency_limit"),
		.recipients = at_least_one(config,
			"smtp_destination_recipient_limit"),
		.calls = QUEUE_RELAY_CALLS, .local = QUEUE_LOCAL_CARRIES,
		.programs = QUEUE_PROGRAMS, .owned = QUEUE_PROGRAMS_OWNED,
		.minimal = rules.minimal, .maximal = rules.maximal };
	queue_set_rules(&queue, &rules);
	queue.next_hops = next_hops;
	const struct report_rules reports = {
		.host = span_from(config_text(config, "myhostname")),
		.domain = span_from(config_text(config, "myorigin")),
		.language = strcmp(config_text(config, "language"), "zh") == 0 ?
			DSN_CHINESE : DSN_ENGLISH };
	queue_set_report_rules(&queue, &reports);
}

/* transport_maps is opened by master. */
static int
set_routes(const struct config *config, struct error *error)
{
	struct buffer table;
	struct routes *routes;
	int fd = process_file("transport_maps");
	buffer_init(&table, 0);
	int result = fd < 0 ? 0 : file_read_descriptor(fd, ROUTE_TABLE_LIMIT,
		&table, error);
	if (result == 0)
		result = routes_new(span_from(config_text(config,
			"relayhost")), buffer_span(&table),
			config_text(config, "transport_maps"), &routes, error);
	if (result == 0)
		queue_set_routes(&queue, &routes);
	buffer_fini(&table);
	return result;
}

static void
configure(const struct config *config)
{
	set_rules(config);
	/* smtpd judged the message without what it put in front of it. */
	uint64_t limit = config_size(config, "message_size_limit");
	queue.server.size_limit = limit == 0 ? 0 :
		limit + MAIL_SERVER_PREFIX_ROOM;
	space_configure(&space, config);
}

static void
reload(const struct config *config)
{
	struct error error;
	configure(config);
	spool_set_rules(&queue.spool, &queue.next_hops);
	if (set_routes(config, &error) < 0)
		log_event(LOG_ERROR, "routes-not-loaded", NULL,
			LOG_TEXT("reason", error.text));
}

/* Inside the jail the spool is all there is: the root, or where it was. */
static int
open_spool(const char *path, struct engine **engine, struct error *error)
{
	/* Messages come and go: old blocks are not looked at again. */
	struct store_options store = { .engine = NULL,
		.block_memory = BLOCK_MEMORY };
	struct spool_options spool = { .wake = retry_wake,
		.swept = retry_swept, .back_off = retry_back_off,
		.hop = retry_hop, .look = retry_look, .makes_reports = true,
		.loads_later = true,
		 .context = &queue, .space = &space,
		.rules = &queue.next_hops };
	queue.server.spill = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (queue.server.spill < 0)
		return error_set_errno(error, "opening %s", path);
	space.directory = queue.server.spill;
	char drop[4096];
	snprintf(drop, sizeof(drop), "%s/drop", path);
	drop_folder_open(&queue.drop, &queue, drop);
	if (engine_files_open(path, engine, error) < 0)
		return -1;
	store.engine = *engine;
	if (store_open(&store, &spool.store, error) < 0)
		return -1;
	return spool_open(&queue.spool, &spool, error);
}

static void
die(const struct error *error)
{
	log_event(LOG_ERROR, "cannot-start", NULL,
		LOG_TEXT("error", error->text));
	exit(1);
}

int
main(int argc, char **argv)
{
	struct error error;
	struct engine *engine = NULL;
	struct process *process = process_start(argc, argv);
	const struct config *config = process->config;
	const char *path = config_text(config, "queue_directory");
	const struct jail jail = { .root = path,
		.rights = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_SPILL |
		JAIL_THREADS };
	queue_init(&queue, lot_new(WORKERS), (unsigned)config_number(config,
		"mailbox_processes"));
	queue.server.hostname = config_text(config, "myhostname");
	space_init(&space, -1);
	configure(config);
	if (set_routes(config, &error) < 0 ||
		jail_enter(process, &jail, &error) < 0 ||
		open_spool(process->is_root ? "/" : path, &engine, &error) < 0)
		die(&error);
	listener_set_services(queue.lot, services);
	listener_on_reload(queue.lot, reload);
	lot_on_retire(queue.lot, retire, RETIRE_MOST);
	retry_start(&queue.retry);
	drop_folder_start(&queue.drop);
	if (config_bool(config, "smtp_tlsrpt_enable"))
		tls_report_start(&queue.tls_reports, &queue, config_duration(
			config, "smtp_tlsrpt_interval"));
	lot_run(queue.lot, STOP_GRACE);
	struct store *store = queue.spool.options.store;
	while (spool_sweep(&queue.spool, &error) > 0)
		continue;
	drop_folder_close(&queue.drop);
	tls_report_fini(&queue.tls_reports);
	queue_fini(&queue);
	spool_close(&queue.spool);
	store_close(&store);
	engine->call->close(&engine);
	return 0;
}
