/*
 * The table of next hops. See route.h. A result is "transport:nexthop"; what
 * delivers here is always relay, so of the transport only its name counts:
 *
 *	smtp:hop  relay:hop  :hop	that next hop
 *	smtp:  relay:			the domain, whatever relayhost says
 *	error:[x.y.z ]text		never
 *	retry:[x.y.z ]text		later
 */
#include "queue/route.h"

#include <string.h>

#include "base/logical_lines.h"
#include "base/map.h"
#include "base/memory.h"
#include "proto/address.h"

struct routes {
	struct arena arena;
	struct map table;		/* pattern, lower case -> struct rule */
	struct span relayhost;		/* empty: none */
	struct routes *older;
};

enum rule_kind { RULE_HOP, RULE_DOMAIN, RULE_NEVER, RULE_LATER };

struct rule {
	enum rule_kind kind;
	struct span hop;		/* empty: the standard one */
	struct span status, text;
};

/* ---- reading the table ---- */

static bool
is_port(struct span text)
{
	uint64_t number;
	return span_to_number(text, 65535, &number) && number > 0;
}

/* "domain", "host:port", "[host]" or "[host]:port". */
static bool
is_hop(struct span hop)
{
	if (hop.size == 0 || hop.size > ROUTE_HOP_LIMIT)
		return false;
	for (size_t i = 0; i < hop.size; i++)
		if (hop.data[i] <= ' ' || hop.data[i] == 0x7f ||
		    strchr("<>@,\"\\", hop.data[i]) != NULL)
			return false;
	if (hop.data[0] == '[') {
		size_t end = span_find(hop, ']');
		struct span rest = span_skip(hop, end + 1);
		return end > 1 && end < hop.size && (rest.size == 0 ||
			(rest.data[0] == ':' && is_port(span_skip(rest, 1))));
	}
	size_t colon = span_find(hop, ':');
	return colon > 0 && (colon == hop.size ||
		is_port(span_skip(hop, colon + 1)));
}

static bool
is_status(struct span word, char class)
{
	return word.size >= 5 && word.data[0] == class && word.data[1] == '.' &&
		span_find(span_skip(word, 2), '.') < word.size - 2;
}

static void
read_refusal(struct span text, char class, struct rule *rule)
{
	struct span rest = text, word;
	rule->text = text;
	rule->status = class == '5' ? SPAN("5.1.2") : SPAN("4.3.0");
	if (span_word(&rest, &word) && is_status(word, class)) {
		rule->status = word;
		rule->text = span_trim(rest);
	}
	if (rule->text.size == 0)
		rule->text = class == '5' ? SPAN("Mail for this address is not "
			"delivered") : SPAN("Mail for this address waits");
}

/* False when the result cannot be followed here. */
static bool
read_result(struct arena *arena, struct span text, struct rule *rule)
{
	size_t colon = span_find(text, ':');
	if (colon == text.size)
		return false;
	struct span transport = span_first(text, colon);
	struct span hop = span_trim(span_skip(text, colon + 1));
	if (span_equals(transport, SPAN("error")) ||
	    span_equals(transport, SPAN("retry"))) {
		bool is_error = transport.data[0] == 'e';
		rule->kind = is_error ? RULE_NEVER : RULE_LATER;
		read_refusal(hop, is_error ? '5' : '4', rule);
		return true;
	}
	if (transport.size > 0 && !span_equals(transport, SPAN("smtp")) &&
	    !span_equals(transport, SPAN("relay")))
		return false;
	rule->kind = transport.size > 0 && hop.size == 0 ? RULE_DOMAIN :
		RULE_HOP;
	rule->hop = arena_copy_lower(arena, hop);
	return hop.size == 0 || is_hop(hop);
}

static int
add_line(struct routes *routes, struct span line, unsigned number,
	const char *name, struct error *error)
{
	struct span pattern, rest = line;
	struct rule *rule = arena_new(&routes->arena, sizeof(*rule));
	if (!span_word(&rest, &pattern))
		return 0;
	rest = span_trim(rest);
	if (!read_result(&routes->arena, rest, rule))
		return error_set(error, ERROR_USAGE, "%s:%u: \"%.*s\" is not "
			"a next hop; expected smtp:host, smtp:[host]:port, "
			"relay:host, error:text or retry:text", name, number,
			SPAN_PRINT(span_first(rest, 80)));
	map_put(&routes->table, arena_copy_lower(&routes->arena, pattern), rule);
	return 0;
}

static int
read_table(struct routes *routes, struct span table, const char *name,
	struct error *error)
{
	struct logical_lines lines;
	struct span line;
	int result = 0;
	logical_lines_init(&lines, table);
	while (result == 0 && logical_lines_next(&lines, &line))
		result = add_line(routes, arena_copy(&routes->arena, line),
			lines.line, name, error);
	logical_lines_fini(&lines);
	return result;
}

int
routes_new(struct span relayhost, struct span table, const char *name,
	struct routes **routes, struct error *error)
{
	struct routes *new = memory_new(sizeof(*new));
	arena_init(&new->arena, 0);
	map_init(&new->table);
	relayhost = span_trim(relayhost);
	if (relayhost.size > 0 && !is_hop(relayhost)) {
		error_set(error, ERROR_USAGE, "relayhost: \"%.*s\" is not a "
			"next hop; expected [host]:port, [host] or a domain",
			SPAN_PRINT(span_first(relayhost, 80)));
		routes_free(&new);
		return -1;
	}
	new->relayhost = arena_copy_lower(&new->arena, relayhost);
	if (read_table(new, table, name, error) < 0) {
		routes_free(&new);
		return -1;
	}
	*routes = new;
	return 0;
}

void
routes_free(struct routes **routes)
{
	struct routes *at = *routes;
	*routes = NULL;
	while (at != NULL) {
		struct routes *older = at->older;
		map_fini(&at->table);
		arena_fini(&at->arena);
		memory_free(at);
		at = older;
	}
}

void
routes_keep(struct routes *routes, const struct routes *older)
{
	routes->older = (struct routes *)older;
}

/* ---- finding ---- */

/* The address as a whole, its domain, the domains above it, and "*". */
static const struct rule *
find_rule(const struct routes *routes, struct span address,
	struct span domain)
{
	const struct rule *rule = map_get(&routes->table, address);
	if (rule == NULL)
		rule = map_get(&routes->table, domain);
	for (struct span rest = domain; rule == NULL;) {
		size_t dot = span_find(span_skip(rest, 1), '.');
		if (rest.size == 0 || dot + 1 >= rest.size)
			break;
		rest = span_skip(rest, dot + 1);
		rule = map_get(&routes->table, rest);
	}
	return rule != NULL ? rule : map_get(&routes->table, SPAN("*"));
}

static struct span
domain_of(struct span address)
{
	size_t at = address.size;
	while (at > 0 && address.data[at - 1] != '@')
		at--;
	return span_skip(address, at == 0 ? address.size : at);
}

/* The next hop of the domain itself; false when it is no domain. */
static bool
domain_hop(struct arena *arena, struct span domain, struct span *hop)
{
	if (domain.size > 2 && domain.data[0] == '[') {
		*hop = domain;
		return is_hop(domain);
	}
	return address_domain_to_ascii(arena, domain, hop) && is_hop(*hop);
}

void
route_find(const struct routes *routes, struct span address,
	struct arena *arena, struct route *route)
{
	struct span folded = arena_copy_lower(arena, address), hop;
	struct span domain = domain_of(folded);
	const struct rule *rule = find_rule(routes, folded, domain);
	*route = (struct route){ .verdict = ROUTE_HOP };
	if (rule != NULL && rule->kind >= RULE_NEVER) {
		route->verdict = rule->kind == RULE_NEVER ? ROUTE_NEVER :
			ROUTE_LATER;
		route->status = rule->status;
		route->text = rule->text;
	} else if (rule != NULL && rule->hop.size > 0) {
		route->hop = rule->hop;
	} else if (routes->relayhost.size > 0 &&
		(rule == NULL || rule->kind == RULE_HOP)) {
		route->hop = routes->relayhost;
	} else if (domain_hop(arena, domain, &hop)) {
		route->hop = arena_copy_lower(arena, hop);
	} else {
		route->verdict = ROUTE_NEVER;
		route->status = SPAN("5.1.2");
		route->text = SPAN("The domain of the address is not a domain");
	}
}
