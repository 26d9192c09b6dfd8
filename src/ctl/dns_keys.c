/* posthouse dns keys, roll, told: DNSSEC of the zones that names signs. */
#include <stdio.h>
#include <string.h>

#include "ctl/admin.h"
#include "ctl/dns.h"
#include "trust/domain_records.h"

static const char service[] = "names-admin";

static struct span
field(const struct tabline *row, const char *key)
{
	struct span value = SPAN("");
	tabline_get(row, 2, key, &value);
	return value;
}

bool
dns_key_is_wanted(const struct tabline *row)
{
	struct span phase = field(row, "phase");
	if (span_equals(phase, SPAN("leaving")))
		return false;
	return span_equals(field(row, "state"), span_equals(phase,
		SPAN("waiting")) ? SPAN("coming") : SPAN("active"));
}

/* Of what is not signed yet since the start nobody knows what the DS is. */
static bool
is_known(const struct tabline *row)
{
	return !span_is_empty(field(row, "digest"));
}

/* ---- among the records of our domains ---- */

static void
add_ds(void *context, const struct tabline *row)
{
	struct dns_rows *rows = context;
	struct span origin = field(row, "origin");
	const struct dns_row *of = NULL;
	if (!dns_key_is_wanted(row) || !is_known(row))
		return;
	for (size_t i = 0; i < rows->count && of == NULL; i++)
		if (domain_records_is_below(rows->row[i].domain, origin))
			of = &rows->row[i];
	if (of == NULL)
		return;
	dns_rows_add(rows, &(struct dns_row){ .domain = of->domain,
		.owner = origin, .type = SPAN("DS"), .ttl = of->ttl,
		.data = arena_print(&rows->arena, "%.*s %.*s %.*s %.*s",
			SPAN_PRINT(field(row, "tag")),
			SPAN_PRINT(field(row, "algorithm")),
			SPAN_PRINT(field(row, "digest-type")),
			SPAN_PRINT(field(row, "digest"))),
		.reason = SPAN("for the registrar: by it the zone above "
			"vouches for the key of this one (RFC 4034 5)"),
		.is_optional = true, .is_parents = true,
		.state = DNS_UNKNOWN });
}

int
dns_keys_gather(struct ctl *ctl, struct dns_rows *rows)
{
	return admin_each(ctl, service, 0, "KEY-LIST", NULL, add_ds, NULL,
		rows);
}

/* ---- the command ---- */

/* What the registrar wants, as a record, and how far it is. */
static void
print_key(void *context, const struct tabline *row)
{
	struct span origin = field(row, "origin"), ds = field(row, "ds");
	bool *has_any = context;
	*has_any = true;
	if (is_known(row))
		printf("%.*s. IN DS %.*s %.*s %.*s %.*s\n",
			SPAN_PRINT(origin), SPAN_PRINT(field(row, "tag")),
			SPAN_PRINT(field(row, "algorithm")),
			SPAN_PRINT(field(row, "digest-type")),
			SPAN_PRINT(field(row, "digest")));
	else
		printf("%.*s: its DS is not known yet; while it is not signed, "
			"the log says why (zone-not-signed)\n",
			SPAN_PRINT(origin));
	printf("    this key is %.*s, its DS at the parent %.*s\n",
		SPAN_PRINT(field(row, "state")),
		SPAN_PRINT(span_equals(ds, SPAN("seen")) ? SPAN("is seen") :
		span_equals(ds, SPAN("absent")) ? SPAN("is not there") :
		SPAN("cannot be seen")));
}

static int
list(struct ctl *ctl, const char *zone)
{
	static const char *const columns[] = { "origin", "tag", "algorithm",
		"digest-type", "digest", "state", "phase", "ds", "key",
		"serial", "due", NULL };
	bool has_any = false;
	const char *fields[] = { "origin", zone, NULL };
	if (ctl->json)
		return admin_list(ctl, service, "KEY-LIST", fields, columns);
	int result = admin_each(ctl, service, 0, "KEY-LIST", fields, print_key,
		NULL, &has_any);
	if (result == 0 && !has_any && zone[0] != '\0')
		return ctl_fail("%s is no zone that is signed here", zone);
	if (result == 0 && !has_any)
		printf("no zone is signed (dns_signed_zones)\n");
	return result;
}

int
dns_keys(struct ctl *ctl)
{
	struct arena arena;
	arena_init(&arena, 0);
	int result = list(ctl, ctl->argc > 1 ?
		dns_plain_name(&arena, ctl->argv[1]) : "");
	arena_fini(&arena);
	return result;
}

static int
change(struct ctl *ctl, const char *command, const char *said)
{
	struct arena arena;
	arena_init(&arena, 0);
	const char *fields[] = { "origin",
		dns_plain_name(&arena, ctl->argv[1]), NULL };
	int result = admin_do(ctl, service, command, fields);
	if (result == 0)
		printf("%s\n", said);
	arena_fini(&arena);
	return result;
}

int
dns_roll(struct ctl *ctl)
{
	return change(ctl, "KEY-ROLL", "another key is made; posthouse dns "
		"keys says when its DS is to go to the registrar");
}

int
dns_told(struct ctl *ctl)
{
	return change(ctl, "KEY-TOLD", "taken as seen at the parent");
}
