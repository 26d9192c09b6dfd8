/* MX records and addresses; next_hop.h says by which rules. */
#include "relay/next_hop.h"

#include <assert.h>
#include <string.h>

/* ---- the queue's word ---- */

static bool
take_port(struct span text, uint16_t *port)
{
	uint64_t number;
	if (!span_to_number(text, UINT16_MAX, &number) || number == 0)
		return false;
	*port = (uint16_t)number;
	return true;
}

static bool
take_bracketed(struct span text, struct next_hop *hop)
{
	size_t end = span_find(text, ']');
	struct span rest = span_skip(text, end + 1);
	if (end == text.size || end < 2)
		return false;
	hop->name = span_first(span_skip(text, 1), end - 1);
	hop->is_host = true;
	/* RFC 5321 4.1.3 */
	if (span_starts_nocase(hop->name, SPAN("IPv6:")))
		hop->name = span_skip(hop->name, 5);
	return rest.size == 0 || (rest.data[0] == ':' &&
		take_port(span_skip(rest, 1), &hop->port));
}

bool
next_hop_parse(struct span text, struct next_hop *hop)
{
	*hop = (struct next_hop){ .text = text, .name = text,
		.port = NEXT_HOP_PORT };
	size_t colon = span_find(text, ':');
	if (text.size == 0)
		return false;
	if (text.data[0] == '[') {
		if (!take_bracketed(text, hop))
			return false;
	} else if (colon < text.size) {
		hop->name = span_first(text, colon);
		hop->is_host = true;
		if (colon == 0 || !take_port(span_skip(text, colon + 1),
			&hop->port))
			return false;
	}
	if (hop->is_host)
		hop->is_literal = network_address_parse(hop->name,
			&hop->address);
	hop->address.port = hop->port;
	return true;
}

/* ---- questions ---- */

void
next_hop_ask(const struct next_hop_world *world, struct arena *arena,
	struct span name, enum names_type type, struct names_answer *answer)
{
	const struct names_question question = { name, type, answer };
	*answer = (struct names_answer){ .verdict = NAMES_LATER };
	world->ask(world->context, arena, &question, 1);
}

/* ---- hosts ---- */

void
next_hop_order(struct next_hop_host *host, size_t count,
	uint64_t (*random)(void))
{
	for (size_t i = count; i > 1; i--) {
		size_t other = (size_t)(random() % i);
		struct next_hop_host moved = host[i - 1];
		host[i - 1] = host[other];
		host[other] = moved;
	}
	/* Insertion keeps equal ones as chance left them. */
	for (size_t i = 1; i < count; i++) {
		struct next_hop_host moved = host[i];
		size_t at = i;
		for (; at > 0 && host[at - 1].preference > moved.preference;
			at--)
			host[at] = host[at - 1];
		host[at] = moved;
	}
}

size_t
next_hop_without_own(const struct next_hop_host *host, size_t count,
	struct span own)
{
	size_t at = 0, left = 0;
	while (at < count && !span_equals_nocase(host[at].name, own))
		at++;
	if (at == count)
		return count;
	while (left < count && host[left].preference < host[at].preference)
		left++;
	return left;
}

/* RFC 7505 3: one record with an empty name. Beside others it means nothing. */
static bool
take_mx(const struct names_answer *answer, struct arena *arena,
	struct next_hop_hosts *hosts)
{
	hosts->host = arena_new_array(arena, NEXT_HOP_HOSTS_LIMIT,
		sizeof(*hosts->host));
	for (size_t i = 0; i < answer->count &&
		hosts->count < NEXT_HOP_HOSTS_LIMIT; i++) {
		const struct names_record *record = &answer->record[i];
		if (record->mx.exchange.size > 0)
			hosts->host[hosts->count++] = (struct next_hop_host){
				record->mx.exchange, record->mx.preference };
	}
	return hosts->count > 0;
}

static void
set_single(struct next_hop_hosts *hosts, struct arena *arena, struct span name)
{
	hosts->host = arena_new(arena, sizeof(*hosts->host));
	hosts->host[0].name = name;
	hosts->count = 1;
	hosts->domain = name;
}

/* Our own trouble closes no destination for the queue (doc/relay.md). */
static const char *
status_of(bool is_ours)
{
	return is_ours ? "4.3.0" : "4.4.3";
}

static bool
find_mx(const struct next_hop *hop, const struct next_hop_world *world,
	struct arena *arena, struct next_hop_hosts *hosts, struct verdict *why)
{
	struct names_answer answer;
	next_hop_ask(world, arena, hop->name, NAMES_MX, &answer);
	hosts->is_secure = answer.is_secure;
	switch (answer.verdict) {
	case NAMES_FOUND:
		hosts->is_from_mx = true;
		hosts->domain = answer.canonical;
		if (take_mx(&answer, arena, hosts))
			return true;
		verdict_set(why, arena, 556, "5.1.10", "the domain %.*s takes "
			"no mail (its MX record says so)",
			SPAN_PRINT(hop->name));
		return false;
	case NAMES_EMPTY:
		/* RFC 5321 5.1: as if it were an MX of its own. */
		set_single(hosts, arena, hop->name);
		return true;
	case NAMES_NO_NAME:
		verdict_set(why, arena, 550, "5.4.4",
			"the domain %.*s does not exist",
			SPAN_PRINT(hop->name));
		return false;
	case NAMES_LATER:
		verdict_set(why, arena, 451, status_of(answer.is_ours),
			"the mail hosts of %.*s cannot be looked up now%s%.*s", SPAN_PRINT(hop->name),
			answer.reason.size > 0 ? ": " : "",
			SPAN_PRINT(answer.reason));
		return false;
	}
	return false;
}

bool
next_hop_find(const struct next_hop *hop, const struct next_hop_world *world,
	struct arena *arena, struct next_hop_hosts *hosts, struct verdict *why)
{
	*hosts = (struct next_hop_hosts){ .domain = hop->name };
	if (hop->is_host) {
		set_single(hosts, arena, hop->name);
		return true;
	}
	if (!find_mx(hop, world, arena, hosts, why))
		return false;
	next_hop_order(hosts->host, hosts->count, world->random);
	hosts->count = next_hop_without_own(hosts->host, hosts->count,
		world->settings->hostname);
	if (hosts->count > 0)
		return true;
	verdict_set(why, arena, 554, "5.4.6", "mail for %.*s goes in a circle: "
		"this host is its best mail host, but does not know the domain",
		SPAN_PRINT(hop->name));
	return false;
}

/* ---- addresses ---- */

/*
 * Whoever publishes an MX may not choose that we talk to ourselves, or to
 * nobody in particular.
 */
static bool
is_of_others(const struct network_address *address)
{
	static const uint8_t nothing[16];
	size_t size = address->family == AF_INET ? 4 : 16;
	if (network_is_loopback(address) ||
		memcmp(address->bytes, nothing, size) == 0)
		return false;
	return address->family == AF_INET ? address->bytes[0] != 0 &&
		address->bytes[0] < 224 : address->bytes[0] != 0xff;
}

struct family {
	struct network_address address[NEXT_HOP_ADDRESSES_LIMIT];
	size_t count;
	enum names_verdict verdict;
	bool is_secure;
	bool is_ours;		/* LATER, by our own fault */
};

static void
take_family(const struct next_hop *hop, const struct names_answer *answer,
	struct family *family, struct next_hop_addresses *addresses)
{
	family->verdict = answer->verdict;
	family->is_secure = answer->is_secure;
	family->is_ours = answer->is_ours;
	if (answer->verdict != NAMES_FOUND)
		return;
	addresses->canonical = answer->canonical;
	for (size_t i = 0; i < answer->count &&
		family->count < NEXT_HOP_ADDRESSES_LIMIT; i++) {
		struct network_address address = answer->record[i].address;
		if (!hop->is_host && !is_of_others(&address))
			continue;
		address.port = hop->port;
		family->address[family->count++] = address;
	}
}

/* An order of chance, so that a host's addresses share the load. */
static void
shuffle(struct family *family, uint64_t (*random)(void))
{
	for (size_t i = family->count; i > 1; i--) {
		size_t other = (size_t)(random() % i);
		struct network_address moved = family->address[i - 1];
		family->address[i - 1] = family->address[other];
		family->address[other] = moved;
	}
}

static void
by_turns(const struct family *first, const struct family *second,
	struct next_hop_addresses *addresses)
{
	for (size_t i = 0; i < first->count || i < second->count; i++) {
		if (i < first->count &&
			addresses->count < NEXT_HOP_ADDRESSES_LIMIT)
			addresses->address[addresses->count++] =
				first->address[i];
		if (i < second->count &&
			addresses->count < NEXT_HOP_ADDRESSES_LIMIT)
			addresses->address[addresses->count++] =
				second->address[i];
	}
}

static void
say_why(const struct next_hop *hop, struct span name,
	struct arena *arena, struct verdict *why)
{
	if (span_equals(hop->name, name))
		verdict_set(why, arena, 550, "5.4.4", "no mail host is known "
			"for %.*s: it has neither an MX record nor an address",
			SPAN_PRINT(name));
	else
		verdict_set(why, arena, 550, "5.4.4", "the mail host %.*s of "
			"%.*s has no address that can be used",
			SPAN_PRINT(name), SPAN_PRINT(hop->name));
}

bool
next_hop_resolve(const struct next_hop *hop, const struct next_hop_host *host,
	const struct next_hop_world *world, struct arena *arena,
	struct next_hop_addresses *addresses, struct verdict *why)
{
	const struct parameters *settings = world->settings;
	struct family six = { .count = 0 }, four = six;
	*addresses = (struct next_hop_addresses){ .canonical = host->name };
	if (hop->is_literal) {
		addresses->address[addresses->count++] = hop->address;
		return true;
	}
	struct names_answer found_six = { .verdict = NAMES_EMPTY,
		.is_secure = true };
	struct names_answer found_four = found_six;
	struct names_question questions[2];
	size_t count = 0;
	if (settings->has_ipv6)
		questions[count++] = (struct names_question){ host->name,
			NAMES_AAAA, &found_six };
	if (settings->has_ipv4)
		questions[count++] = (struct names_question){ host->name,
			NAMES_A, &found_four };
	world->ask(world->context, arena, questions, count);
	take_family(hop, &found_six, &six, addresses);
	take_family(hop, &found_four, &four, addresses);
	/* Of what was found: a family that cannot be looked up must not make
	 * the other one look unsigned. */
	addresses->is_secure = (six.verdict != NAMES_FOUND || six.is_secure) &&
		(four.verdict != NAMES_FOUND || four.is_secure);
	shuffle(&six, world->random);
	shuffle(&four, world->random);
	bool is_four_first = settings->preference == PARAMETERS_IPV4_FIRST ||
		(settings->preference == PARAMETERS_ANY_ADDRESS &&
		(world->random() & 1) != 0);
	by_turns(is_four_first ? &four : &six, is_four_first ? &six : &four,
		addresses);
	if (addresses->count > 0)
		return true;
	if (six.verdict == NAMES_LATER || four.verdict == NAMES_LATER)
		verdict_set(why, arena, 451, status_of(six.is_ours ||
			four.is_ours), "the addresses of the mail host %.*s "
			"cannot be looked up now", SPAN_PRINT(host->name));
	else
		say_why(hop, host->name, arena, why);
	return false;
}
