/* posthouse dns [DOMAIN]: the records that our domains need, for whoever has
 * their DNS elsewhere, and whether the world has them. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/admin.h"
#include "ctl/dns.h"

enum shape { SHAPE_ZONE, SHAPE_TABLE, SHAPE_DIFF };

static const char *const state_names[] = {
	[DNS_RIGHT] = "right", [DNS_MISSING] = "missing",
	[DNS_OTHER] = "other", [DNS_UNKNOWN] = "unknown",
};

/* ---- a key that not everybody can know yet ---- */

struct keys {
	unsigned count, fresh;
	uint64_t since;
};

static void
take_key(void *context, const struct tabline *row)
{
	struct keys *keys = context;
	struct span settled = SPAN(""), first;
	uint64_t since;
	keys->count++;
	tabline_get(row, 2, "settled", &settled);
	if (!span_equals(settled, SPAN("no")) ||
	    !tabline_get(row, 2, "first", &first) ||
	    !span_to_number(first, INT64_MAX, &since))
		return;
	keys->fresh++;
	keys->since = since;
}

/* Who replaces tls_cert_file himself did not wait. */
static void
warn_of_keys(struct ctl *ctl)
{
	struct system_wire wire;
	struct error error;
	struct keys keys = { 0 };
	char when[64] = "";
	struct tm parts;
	if (system_wire_open(ctl->config, "hostmaster-admin", 0, &wire,
	    &error) < 0)
		return;
	system_call(&wire, "TLSA-LIST", SPAN(""), take_key, NULL, &keys,
		&error);
	system_wire_close(&wire);
	time_t since = (time_t)keys.since;
	if (keys.fresh == 0 || keys.count == keys.fresh)
		return;
	if (localtime_r(&since, &parts) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &parts);
	fprintf(stderr, "posthouse: warning: the key of a certificate has its "
		"TLSA record only since %s; who remembers the old records may "
		"refuse it until two times dns_records_ttl have passed\n", when);
}

/* The host stands in a domain that is shown, and has no address in it. */
static void
warn_of_addresses(const struct config *config, const struct dns_rows *rows)
{
	struct span host = span_from(config_text(config, "myhostname"));
	bool is_shown = false, has_address = false;
	for (size_t i = 0; i < rows->count; i++) {
		const struct dns_row *row = &rows->row[i];
		if (!span_equals_nocase(row->owner, host))
			continue;
		is_shown |= !span_equals(row->owner, row->domain);
		has_address |= span_equals(row->type, SPAN("A")) ||
			span_equals(row->type, SPAN("AAAA"));
	}
	if (is_shown && !has_address)
		fprintf(stderr, "posthouse: warning: no address of %.*s is "
			"known but the loopback's, so the records lack its A "
			"and AAAA; set dns_addresses to those that the world "
			"reaches it by\n", SPAN_PRINT(host));
}

/* ---- shapes ---- */

/* Who answers for the domain is the administrator's choice. */
static bool
is_of_zone(const struct dns_row *row)
{
	return span_equals(row->type, SPAN("SOA")) ||
		span_equals(row->type, SPAN("NS"));
}

static void
show_zone(const struct dns_rows *rows)
{
	struct span domain = SPAN("");
	for (size_t i = 0; i < rows->count; i++) {
		const struct dns_row *row = &rows->row[i];
		/* a domain below another goes into that one's zone */
		if (!span_equals(row->domain, domain))
			printf("%s; %.*s\n", i == 0 ? "" : "\n",
				SPAN_PRINT(row->domain));
		domain = row->domain;
		if (row->is_parents)
			printf("; not for this zone, but for the one above, "
				"through the registrar:\n; ");
		printf("%.*s.\t%u\tIN\t%.*s\t%.*s\n", SPAN_PRINT(row->owner),
			row->ttl, SPAN_PRINT(row->type),
			SPAN_PRINT(row->data));
	}
}

static void
show_list(const struct ctl *ctl, const struct dns_rows *rows,
	const char *const *columns, bool has_state)
{
	struct output *output = output_new(ctl->json, columns);
	for (size_t i = 0; i < rows->count; i++) {
		const struct dns_row *row = &rows->row[i];
		output_row(output);
		output_text(output, "domain", row->domain);
		output_text(output, "name", row->owner);
		output_number(output, "ttl", row->ttl);
		output_text(output, "type", row->type);
		output_text(output, "data", row->data);
		output_text(output, "reason", row->reason);
		output_text(output, "needed", row->is_optional ? SPAN("no") :
			SPAN("yes"));
		if (has_state)
			output_text(output, "state",
				span_from(state_names[row->state]));
	}
	output_end(&output);
}

static void
show_diff_of(const struct dns_rows *rows, const struct dns_row *like)
{
	static const char signs[] = { [DNS_RIGHT] = ' ', [DNS_MISSING] = '+',
		[DNS_OTHER] = '-', [DNS_UNKNOWN] = '?' };
	for (size_t i = 0; i < rows->count; i++) {
		const struct dns_row *row = &rows->row[i];
		if (span_equals(row->owner, like->owner) &&
		    span_equals(row->type, like->type) &&
		    span_equals(row->domain, like->domain))
			printf("%c %.*s.\tIN\t%.*s\t%.*s\n",
				signs[row->state], SPAN_PRINT(row->owner),
				SPAN_PRINT(row->type), SPAN_PRINT(row->data));
	}
}

/* What belongs together stands together. */
static void
show_diff(const struct dns_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct dns_row *row = &rows->row[i];
		bool is_shown = is_of_zone(row);
		for (size_t k = 0; k < i && !is_shown; k++)
			is_shown = span_equals(rows->row[k].owner, row->owner)
				&& span_equals(rows->row[k].type, row->type) &&
				span_equals(rows->row[k].domain, row->domain);
		if (!is_shown)
			show_diff_of(rows, row);
	}
}

/* ---- the command ---- */

static int
compare(struct ctl *ctl, struct dns_rows *rows)
{
	static const char *const columns[] = { "state", "name", "type", "data",
		NULL };
	struct error error;
	int result = 0;
	if (dns_compare(ctl->config, rows, &error) < 0)
		return ctl_fail_error(&error);
	if (ctl->json)
		show_list(ctl, rows, columns, true);
	else
		show_diff(rows);
	for (size_t i = 0; i < rows->count; i++)
		if (rows->row[i].state != DNS_RIGHT &&
		    !is_of_zone(&rows->row[i]))
			result = 1;
	return result;
}

static int
show(struct ctl *ctl, enum shape shape, const char *domain)
{
	static const char *const columns[] = { "name", "type", "data", "reason",
		NULL };
	struct dns_rows rows;
	dns_rows_init(&rows);
	int result = dns_gather(ctl, domain, &rows);
	if (result == 0 && shape == SHAPE_DIFF)
		result = compare(ctl, &rows);
	else if (result == 0 && (ctl->json || shape == SHAPE_TABLE))
		show_list(ctl, &rows, columns, false);
	else if (result == 0)
		show_zone(&rows);
	if (ctl->config != NULL) {
		warn_of_keys(ctl);
		if (result == 0 && shape != SHAPE_DIFF)
			warn_of_addresses(ctl->config, &rows);
	}
	dns_rows_fini(&rows);
	return result;
}

int
dns_records(struct ctl *ctl)
{
	bool is_zone = ctl_take_flag(ctl, "--zone");
	bool is_table = ctl_take_flag(ctl, "--table");
	bool is_diff = ctl_take_flag(ctl, "--diff");
	if (ctl->argc > 1 || (ctl->argc == 1 && ctl->argv[0][0] == '-'))
		return ctl_usage(ctl_command_of(ctl_dns), "found \"%s\", "
			"expected at most one domain",
			ctl->argv[ctl->argc - 1]);
	if (is_zone + is_table + is_diff > 1)
		return ctl_usage(ctl_command_of(ctl_dns),
			"found several of --zone, --table and --diff, expected "
			"one");
	return show(ctl, is_diff ? SHAPE_DIFF : is_table ? SHAPE_TABLE :
		SHAPE_ZONE, ctl->argc == 1 ? ctl->argv[0] : NULL);
}
