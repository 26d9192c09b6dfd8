/*
 * What the running system says of itself, and the alias files and tables that
 * it has been given. Only asks.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/check.h"
#include "ctl/dns.h"
#include "ctl/doctor_collect.h"
#include "ctl/system.h"
#include "proto/address.h"
#include "proto/aliases.h"

enum { PROCESSES = 256, DOMAINS = 50, ALIAS_FILES = 8, WANTED = 1000,
	KEYS = 32 };

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
	/* Names of this host are no domains of the world, which knows the others
	 * by their A-labels. */
	if (facts->domain_count == DOMAINS ||
	    !address_domain_to_ascii(facts->arena, domain, &domain) ||
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

/* ---- what the domains need ---- */

static const char *
copy(struct doctor_facts *facts, const struct tabline *row, const char *key)
{
	struct span value = SPAN("");
	tabline_get(row, 2, key, &value);
	return arena_copy_string(facts->arena, value);
}

static void
take_wanted(void *context, const struct tabline *row)
{
	struct doctor_facts *facts = context;
	if (facts->wanted_count < WANTED)
		facts->wanted[facts->wanted_count++] = (struct doctor_wanted){
			.domain = copy(facts, row, "domain"),
			.owner = copy(facts, row, "owner"),
			.type = copy(facts, row, "type"),
			.data = copy(facts, row, "data") };
}

/* Its DS, as a record and as an answer has it (RFC 4034 5.1). */
static void
take_key(void *context, const struct tabline *row)
{
	struct doctor_facts *facts = context;
	const char *zone = copy(facts, row, "origin");
	const char *digest = copy(facts, row, "digest");
	const char *tag = copy(facts, row, "tag");
	const char *algorithm = copy(facts, row, "algorithm");
	const char *type = copy(facts, row, "digest-type");
	uint64_t numbers[3];
	if (facts->key_count == KEYS ||
	    !span_to_number(span_from(tag), UINT16_MAX, &numbers[0]) ||
	    !span_to_number(span_from(algorithm), 255, &numbers[1]) ||
	    !span_to_number(span_from(type), 255, &numbers[2]))
		return;
	facts->key[facts->key_count++] = (struct doctor_key){ .zone = zone,
		.ds = arena_print(facts->arena, "%04x%02x%02x%s",
			(unsigned)numbers[0], (unsigned)numbers[1],
			(unsigned)numbers[2], digest).data,
		.is_wanted = dns_key_is_wanted(row),
		.record = arena_print(facts->arena, "%s. DS %s %s %s %s", zone,
			tag, algorithm, type, digest).data };
}

static void
take_certificate(void *context, const struct tabline *row)
{
	struct doctor_facts *facts = context;
	facts->acme = (struct doctor_acme){
		.names = copy(facts, row, "names"),
		.trouble = copy(facts, row, "trouble"),
		.is_waiting = strcmp(copy(facts, row, "state"), "waiting")
			== 0,
		.left_out = copy(facts, row, "left-out") };
}

static void
look_at_wants(struct doctor_facts *facts)
{
	facts->wanted = arena_new_array(facts->arena, WANTED,
		sizeof(*facts->wanted));
	facts->key = arena_new_array(facts->arena, KEYS, sizeof(*facts->key));
	ask(facts, "hostmaster-admin", "RECORDS", take_wanted);
	ask(facts, "hostmaster-admin", "CERTIFICATE-LIST", take_certificate);
	ask(facts, "names-admin", "KEY-LIST", take_key);
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

static void
take_alias(void *context, const struct tabline *row)
{
	struct doctor_facts *facts = context;
	struct span address, root = arena_print(facts->arena, "root@%s",
		config_text(facts->config, "myorigin"));
	if (tabline_get(row, 2, "address", &address) &&
	    span_equals_nocase(address, root))
		facts->has_root_alias = true;
}

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
	ask(facts, "auth-admin", "ALIAS-LIST", take_alias);
}

static void
look_at_sources(struct doctor_facts *facts)
{
	struct error error;
	if (check_mail_location(facts->config, &error) < 0 ||
	    check_tables(facts->config, &error) < 0 ||
	    check_keys(facts->config, &error) < 0 ||
	    check_sources(facts->config, &error) < 0)
		facts->source_trouble = arena_copy_string(facts->arena,
			span_from(error.text));
}

void
doctor_look_system(struct doctor_facts *facts)
{
	look_at_processes(facts);
	look_at_domains(facts);
	look_at_wants(facts);
	ask(facts, "queue-admin", "QUEUE-LIST", take_recipient);
	facts->queue.is_known = facts->is_running;
	look_at_aliases(facts);
	look_at_sources(facts);
}
