#include "hostmaster/acme_names.h"

#include <string.h>

#include "base/clock.h"
#include "hostmaster/domains.h"
#include "hostmaster/hostmaster.h"
#include "proto/tlswire.h"
#include "serve/names_call.h"
#include "trust/domain_records.h"

enum {
	DNS_PATIENCE = 20000, ADDRESSES = 16,
	NAMES_SIZE = 16000,	/* octets together: a request has a limit too */
};

/* Names of a mail domain that clients and other servers ask by HTTPS for:
 * RFC 8461 3.3, and what mail programs look for. Where there are more domains
 * than a certificate holds, that of the first of these comes before others'
 * second: without it mail is not protected, without the others people type. */
static const char *const labels[] = { "mta-sts", "autoconfig",
	"autodiscover" };

/* False: there is no room for it. */
static bool
add_name(struct acme_plan *plan, struct span name)
{
	for (size_t i = 0; i < plan->count; i++)
		if (span_equals(plan->names[i], name))
			return true;
	if (plan->count == ACME_NAMES || plan->size + name.size > NAMES_SIZE)
		return false;
	plan->names[plan->count++] = name;
	plan->size += name.size;
	return true;
}

/* ---- acme_names ---- */

static int
take_list(struct span rest, struct arena *arena, struct acme_plan *plan,
	struct error *error)
{
	struct span item;
	while (config_next_item(&rest, &item)) {
		if (!tlswire_name_is_valid(item))
			return error_set(error, ERROR_USAGE,
				"acme_names: found %.*s, expected names of "
				"hosts", SPAN_PRINT(span_first(item, 100)));
		if (!add_name(plan, arena_copy_lower(arena, item)))
			return error_set(error, ERROR_USAGE, "acme_names: "
				"found more than %d names, or %d octets",
				ACME_NAMES, NAMES_SIZE);
	}
	return 0;
}

/* The mail host's name, if it is among them: it is never left out. */
static void
put_first(struct acme_plan *plan, struct span host)
{
	for (size_t i = 1; i < plan->count; i++)
		if (span_equals(plan->names[i], host)) {
			plan->names[i] = plan->names[0];
			plan->names[0] = host;
		}
}

/* ---- those that lead here ---- */

struct addresses {
	struct network_address address[ADDRESSES];
	size_t count;
};

static void
add_addresses(const struct names_answer *answer, struct addresses *addresses)
{
	for (size_t i = 0; answer->verdict == NAMES_FOUND &&
	    i < answer->count && addresses->count < ADDRESSES; i++)
		addresses->address[addresses->count++] =
			answer->record[i].address;
}

/* -1: nobody knows. */
static int
find_addresses(struct span name, struct arena *arena,
	struct addresses *addresses, struct error *error)
{
	struct names_answer six, four;
	const struct names_question questions[] = {
		{ name, NAMES_AAAA, &six }, { name, NAMES_A, &four } };
	addresses->count = 0;
	names_ask_all(hostmaster.names, arena, questions, 2,
		clock_monotonic() + DNS_PATIENCE);
	if (six.verdict == NAMES_LATER || four.verdict == NAMES_LATER)
		return error_set(error, ERROR_LATER,
			"%.*s cannot be asked for in the DNS",
			SPAN_PRINT(name));
	add_addresses(&four, addresses);
	add_addresses(&six, addresses);
	return 0;
}

static bool
is_same_address(const struct network_address *one,
	const struct network_address *other)
{
	char text[2][NETWORK_TEXT_SIZE];
	network_address_format(one, text[0]);
	network_address_format(other, text[1]);
	return strcmp(text[0], text[1]) == 0;
}

static bool
is_same_place(const struct addresses *one, const struct addresses *other)
{
	for (size_t i = 0; i < one->count; i++)
		for (size_t j = 0; j < other->count; j++)
			if (is_same_address(&one->address[i],
			    &other->address[j]))
				return true;
	return false;
}

static int
add_if_here(struct span name, const struct addresses *here,
	struct arena *arena, struct acme_plan *plan, struct error *error)
{
	struct addresses there;
	if (!tlswire_name_is_valid(name))
		return 0;
	if (find_addresses(name, arena, &there, error) < 0)
		return -1;
	if (is_same_place(here, &there))
		add_name(plan, name);
	return 0;
}

static int
take_domains(struct arena *arena, struct acme_plan *plan, struct error *error)
{
	struct domains domains;
	struct addresses here;
	if (domains_ask(hostmaster.auth, clock_monotonic() +
	    HOSTMASTER_PATIENCE, arena, &domains, error) < 0 ||
	    find_addresses(plan->names[0], arena, &here, error) < 0)
		return -1;
	const size_t kinds = sizeof(labels) / sizeof(labels[0]);
	for (size_t i = 0; i < kinds * domains.count &&
	    plan->count < ACME_NAMES; i++) {
		struct span domain = domains.row[i % domains.count].name;
		/* this machine's on every machine (RFC 6761 6.3) */
		if (domain_records_is_below(domain, SPAN("localhost")))
			continue;
		if (add_if_here(arena_print(arena, "%s.%.*s",
		    labels[i / domains.count], SPAN_PRINT(domain)), &here,
		    arena, plan, error) < 0)
			return -1;
	}
	return 0;
}

int
acme_names_find(const struct config *config, struct arena *arena,
	struct acme_plan *plan, struct error *error)
{
	struct span list = span_from(config_text(config, "acme_names"));
	struct span host = arena_copy_lower(arena,
		span_from(config_text(config, "myhostname")));
	plan->count = plan->size = 0;
	if (take_list(list, arena, plan, error) < 0)
		return -1;
	if (plan->count > 0) {
		put_first(plan, host);
		return 0;
	}
	if (!tlswire_name_is_valid(host))
		return error_set(error, ERROR_USAGE, "myhostname: found %.*s, "
			"expected the name of a host",
			SPAN_PRINT(span_first(host, 100)));
	add_name(plan, host);
	return take_domains(arena, plan, error);
}
