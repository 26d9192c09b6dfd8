/*
 * What the running system says of itself, and the alias files and tables that
 * it has been given. Only asks.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "ctl/check.h"
#include "ctl/doctor_collect.h"
#include "ctl/system.h"
#include "proto/aliases.h"
#include "proto/dns.h"
#include "trust/mta_sts.h"

enum { PROCESSES = 256, DOMAINS = 50, ALIAS_FILES = 8, POLICIES = 10,
	POLICY_WAIT = 6000 /* ms */ };

/* ---- processes ---- */

static void
add_process(struct doctor_facts *facts, const struct control_message *message)
{
	char name[CONTROL_NAME_SIZE + 1];
	if (facts->process_count == PROCESSES)
		return;
	snprintf(name, sizeof(name), "%.*s", CONTROL_NAME_SIZE, message->peer);
	facts->process[facts->process_count++] = (struct doctor_process){
		.name = arena_copy_string(facts->arena, span_from(name)),
		.instance = message->instance, .restarts = message->restarts,
		.pid = message->pid, .uptime = message->started == 0 ? 0 :
		(facts->now - message->started) / 1000 };
}

static void
look_at_processes(struct doctor_facts *facts)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_STATUS, .serial = 1 };
	struct error error;
	int control, fd;
	if (system_connect(facts->config, &control, &error) < 0)
		return;
	facts->is_running = true;
	facts->process = arena_new_array(facts->arena, PROCESSES,
		sizeof(*facts->process));
	int result = system_send(control, &message, -1, &error);
	while (result == 0) {
		result = system_receive(control, &message, &fd, &error);
		if (result < 0 || message.kind == CONTROL_DONE)
			break;
		if (message.kind == CONTROL_PROCESS)
			add_process(facts, &message);
		file_close(&fd);
	}
	file_close(&control);
}

/* ---- domains ---- */

static void
add_domain(struct doctor_facts *facts, struct span domain)
{
	struct span host = span_from(config_text(facts->config, "myhostname"));
	/* Names of this host are no domains of the world. */
	if (facts->domain_count == DOMAINS ||
	    span_find(domain, '.') == domain.size ||
	    span_equals_nocase(domain, host) ||
	    span_starts_nocase(domain, SPAN("localhost.")))
		return;
	for (size_t i = 0; i < facts->domain_count; i++)
		if (span_equals_nocase(span_from(facts->domain[i]), domain))
			return;
	facts->domain[facts->domain_count++] = arena_copy_lower(facts->arena,
		domain).data;
}

static void
take_domain(void *context, const struct tabline *row)
{
	struct span domain;
	if (tabline_get(row, 2, "domain", &domain))
		add_domain(context, domain);
}

/* One request whose rows the function takes; nothing when it fails. */
static void
ask(struct doctor_facts *facts, const char *service, const char *command,
	system_row_function *row)
{
	struct system_wire wire;
	struct error error;
	if (!facts->is_running ||
	    system_wire_open(facts->config, service, 0, &wire, &error) < 0)
		return;
	system_call(&wire, command, SPAN(""), row, NULL, facts, &error);
	system_wire_close(&wire);
}

static void
look_at_domains(struct doctor_facts *facts)
{
	struct span rest = span_from(config_text(facts->config,
		"mydestination")), item;
	bool is_excluded;
	/* Named on the command line: only those. */
	if (facts->domain_count > 0)
		return;
	while (config_next_pattern(&rest, &item, &is_excluded))
		if (!is_excluded && item.size > 0 && item.data[0] != '/')
			add_domain(facts, item);
	ask(facts, "auth-admin", "DOMAIN-LIST", take_domain);
}

/* ---- the queue ---- */

static int64_t
read_time(struct span text)
{
	uint64_t number;
	return span_to_number(text, INT64_MAX, &number) ? (int64_t)number : 0;
}

static void
take_recipient(void *context, const struct tabline *row)
{
	struct doctor_facts *facts = context;
	struct doctor_queue *queue = &facts->queue;
	struct span state = SPAN(""), arrival = SPAN(""), error = SPAN("");
	tabline_get(row, 2, "state", &state);
	tabline_get(row, 2, "arrival", &arrival);
	tabline_get(row, 2, "error", &error);
	if (span_equals(state, SPAN("damaged"))) {
		queue->damaged++;
		return;
	}
	if (span_equals(state, SPAN("held")))
		return;
	int64_t time = read_time(arrival);
	queue->waiting++;
	if (time > 0 && (queue->oldest == 0 || time < queue->oldest)) {
		queue->oldest = time;
		queue->error = arena_copy_string(facts->arena,
			span_first(error, 200));
	}
}

/* ---- aliases ---- */

static bool
has_root(struct doctor_facts *facts, const char *path)
{
	struct buffer text;
	struct error error;
	struct alias_parser parser;
	struct alias_entry entry;
	bool found = false;
	buffer_init(&text, 0);
	if (file_read_whole(AT_FDCWD, path, ALIASES_FILE_LIMIT, &text,
	    &error) < 0)
		buffer_clear(&text);
	aliases_init(&parser, path, buffer_span(&text));
	while (!found && aliases_next(&parser, facts->arena, &entry,
	    &error) == 1)
		found = span_equals(entry.name, SPAN("root"));
	buffer_fini(&text);
	return found;
}

static void
look_at_alias_file(struct doctor_facts *facts, struct span item)
{
	struct stat source, compiled;
	size_t colon = span_find(item, ':');
	const char *path = arena_copy_string(facts->arena,
		item.size > 0 && item.data[0] != '/' && colon < item.size ?
		span_skip(item, colon + 1) : item);
	const char *table = arena_print(facts->arena, "%s/auth/aliases",
		config_text(facts->config, "data_directory")).data;
	if (facts->alias_file_count == ALIAS_FILES || stat(path, &source) < 0)
		return;
	/* Who may not look into auth's folder cannot say. */
	bool is_seen = stat(table, &compiled) == 0;
	facts->alias_file[facts->alias_file_count++] =
		(struct doctor_alias_file){ .path = path,
		.names_root = has_root(facts, path),
		.is_stale = is_seen ? source.st_mtim.tv_sec >
			compiled.st_mtim.tv_sec : geteuid() == 0 };
}

static void
look_at_aliases(struct doctor_facts *facts)
{
	struct span rest = span_from(config_text(facts->config, "alias_maps"));
	struct span item;
	facts->alias_file = arena_new_array(facts->arena, ALIAS_FILES,
		sizeof(*facts->alias_file));
	/* The default counts for root only. */
	if (geteuid() != 0 && !config_is_changed(facts->config, "alias_maps"))
		return;
	while (config_next_item(&rest, &item))
		look_at_alias_file(facts, item);
}

static void
look_at_sources(struct doctor_facts *facts)
{
	struct error error;
	if (check_mail_location(facts->config, &error) < 0 ||
	    check_tables(facts->config, &error) < 0 ||
	    check_sources(facts->config, &error) < 0)
		facts->source_trouble = arena_copy_string(facts->arena,
			span_from(error.text));
}

void
doctor_look_system(struct doctor_facts *facts)
{
	look_at_processes(facts);
	look_at_domains(facts);
	ask(facts, "queue-admin", "QUEUE-LIST", take_recipient);
	facts->queue.is_known = facts->is_running;
	look_at_aliases(facts);
	look_at_sources(facts);
}

/* ---- policies on the web ---- */

struct fetching {
	struct doctor_facts *facts;
	struct buffer body;
	uint64_t status;
};

static void
take_piece(void *context, const struct tabline *row)
{
	struct fetching *fetching = context;
	struct span value;
	if (tabline_get(row, 2, "status", &value))
		span_to_number(value, 999, &fetching->status);
	if (tabline_get(row, 2, "body", &value))
		base64_decode(&fetching->body, value);
}

static void
fetch_policy(struct doctor_facts *facts, struct system_wire *wire,
	const char *domain)
{
	struct fetching fetching = { .facts = facts };
	struct doctor_page *page = &facts->page[facts->page_count++];
	struct buffer fields;
	struct error error;
	*page = (struct doctor_page){ .domain = domain };
	buffer_init(&fetching.body, MTA_STS_POLICY_LIMIT);
	buffer_init(&fields, 0);
	tabline_add_pair(&fields, "url", mta_sts_url(facts->arena,
		span_from(domain)));
	buffer_print(&fields, "\tlimit=%d\tdeadline=%d", MTA_STS_POLICY_LIMIT,
		POLICY_WAIT);
	if (system_call(wire, "GET", buffer_span(&fields), take_piece, NULL,
	    &fetching, &error) < 0)
		page->reason = arena_copy_string(facts->arena,
			span_from(error.text));
	else if (fetching.status != 200)
		page->reason = arena_print(facts->arena,
			"HTTP %u", (unsigned)fetching.status).data;
	else
		page->text = arena_copy_string(facts->arena,
			buffer_span(&fetching.body));
	buffer_fini(&fields);
	buffer_fini(&fetching.body);
}

static bool
announces_policy(struct doctor_facts *facts, const char *domain)
{
	const struct doctor_answer *txt = doctor_answer_best(facts,
		mta_sts_question(facts->arena, span_from(domain)).data,
		DNS_TYPE_TXT);
	struct span records[16], id;
	size_t count = txt->count < 16 ? txt->count : 16;
	for (size_t i = 0; i < count; i++)
		records[i] = span_from(txt->text[i]);
	return mta_sts_find_id(records, count, &id);
}

void
doctor_look_policies(struct doctor_facts *facts)
{
	struct system_wire wire;
	struct error error;
	int64_t deadline = clock_monotonic() + POLICY_WAIT;
	if (!facts->is_running || system_wire_open(facts->config,
	    "fetch-https", 0, &wire, &error) < 0)
		return;
	facts->page = arena_new_array(facts->arena, POLICIES,
		sizeof(*facts->page));
	for (size_t i = 0; i < facts->domain_count &&
	    facts->page_count < POLICIES && clock_monotonic() < deadline; i++)
		if (announces_policy(facts, facts->domain[i]))
			fetch_policy(facts, &wire, facts->domain[i]);
	system_wire_close(&wire);
}
