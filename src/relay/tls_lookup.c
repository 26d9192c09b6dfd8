/* Asking for TLSA records; tls_lookup.h. RFC 7672 2.2 says when and for what. */
#include "relay/tls_lookup.h"

struct lookup {
	const struct next_hop *hop;
	const struct next_hop_hosts *hosts;
	const struct next_hop_host *host;
	const struct next_hop_addresses *addresses;
	const struct next_hop_world *world;
	struct arena *arena;
	struct tls_plan *plan;
	struct span base;		/* whose TLSA records count */
};

static void
ask(const struct lookup *lookup, struct span name, enum names_type type,
	struct names_answer *answer)
{
	next_hop_ask(lookup->world, lookup->arena, name, type, answer);
	lookup->plan->is_ours |= answer->is_ours;
}

static enum dane_security
security_of(const struct names_answer *answer)
{
	if (answer->verdict == NAMES_LATER)
		return DANE_FAILED;
	return answer->is_secure ? DANE_SECURE : DANE_INSECURE;
}

static enum dane_verdict
ask_tlsa(struct lookup *lookup, struct span base)
{
	struct names_answer answer;
	ask(lookup, dane_question(lookup->arena, base, lookup->hop->port),
		NAMES_TLSA, &answer);
	struct dane_answer found = { .security = security_of(&answer) };
	struct tls_tlsa *records = arena_new_array(lookup->arena,
		answer.count, sizeof(*records));
	if (answer.verdict == NAMES_FOUND)
		found.count = answer.count;
	for (size_t i = 0; i < found.count; i++)
		records[i] = (struct tls_tlsa){ answer.record[i].tlsa.usage,
			answer.record[i].tlsa.selector,
			answer.record[i].tlsa.matching,
			answer.record[i].tlsa.data };
	found.records = records;
	lookup->base = base;
	return dane_judge(&found, lookup->arena, &lookup->plan->tlsa,
		&lookup->plan->tlsa_count);
}

static enum dane_verdict
find_dane(struct lookup *lookup)
{
	struct span bases[DANE_BASES];
	struct names_answer alias = { .verdict = NAMES_EMPTY };
	const struct next_hop_addresses *addresses = lookup->addresses;
	struct dane_host host = { .name = lookup->host->name,
		.canonical = addresses->canonical, .addresses =
		addresses->is_secure ? DANE_SECURE : DANE_INSECURE };
	/* 2.2.1: with an insecure MX record anybody could be the host. */
	if (lookup->hop->is_literal ||
		(!lookup->hop->is_host && !lookup->hosts->is_secure))
		return DANE_NOT;
	if (!addresses->is_secure &&
		!span_equals_nocase(host.name, host.canonical))
		ask(lookup, host.name, NAMES_CNAME, &alias);
	host.alias = security_of(&alias);
	size_t count = dane_bases(&host, bases);
	for (size_t i = 0; i < count; i++) {
		enum dane_verdict verdict = ask_tlsa(lookup, bases[i]);
		if (verdict != DANE_NOT)
			return verdict;
	}
	return DANE_NOT;
}

/* ---- names ---- */

static bool
is_below(struct span name, struct span domain)
{
	return name.size > domain.size && span_ends_nocase(name, domain) &&
		name.data[name.size - domain.size - 1] == '.';
}

/* Those that a certificate of a trusted authority may have. */
static void
set_names(struct lookup *lookup)
{
	struct tls_plan *plan = lookup->plan;
	struct span *names = arena_new_array(lookup->arena, 2,
		sizeof(*names));
	struct span host = lookup->host->name, hop = lookup->hop->name;
	bool by_next_hop = plan->demand.by_next_hop;
	plan->names = names;
	if (lookup->hop->is_literal)
		return;
	if (by_next_hop && tlswire_name_is_valid(hop))
		names[plan->name_count++] = hop;
	/* Postfix's "nexthop, dot-nexthop" */
	if ((!by_next_hop || is_below(host, hop)) &&
		tlswire_name_is_valid(host))
		names[plan->name_count++] = host;
}

static void
set_dane_names(struct lookup *lookup)
{
	struct span *names = arena_new_array(lookup->arena, DANE_NAMES,
		sizeof(*names));
	bool is_mx = lookup->hosts->is_from_mx;
	lookup->plan->name_count = dane_names(lookup->base,
		is_mx ? lookup->hop->name : span_of(NULL, 0),
		is_mx ? lookup->hosts->domain : span_of(NULL, 0), names);
	lookup->plan->names = names;
}

void
tls_lookup_plan(const struct next_hop *hop, const struct next_hop_hosts *hosts,
	const struct next_hop_host *host,
	const struct next_hop_addresses *addresses,
	const struct next_hop_world *world, struct arena *arena,
	struct tls_policy_facts *facts, struct tls_plan *plan)
{
	struct lookup lookup = { .hop = hop, .hosts = hosts, .host = host,
		.addresses = addresses, .world = world, .arena = arena,
		.plan = plan, .base = host->name };
	*plan = (struct tls_plan){ .tlsa_count = 0 };
	facts->is_mx = hosts->is_from_mx;
	facts->is_mx_secure = hosts->is_secure;
	facts->dane = facts->level == TLS_LEVEL_DANE ||
		facts->level == TLS_LEVEL_DANE_ONLY ? find_dane(&lookup) :
		DANE_NOT;
	plan->demand = tls_policy_decide(facts);
	if (plan->demand.verify == TLS_VERIFY_DANE)
		set_dane_names(&lookup);
	else
		plan->tlsa_count = 0;
	/* Of a policy that is tested it is only told what would be wrong. */
	if (plan->demand.verify == TLS_VERIFY_NAME ||
	    (plan->demand.wish == TLS_TRY && facts->sts == TLS_STS_TESTING))
		set_names(&lookup);
	if (plan->demand.verify == TLS_VERIFY_NAME && plan->name_count == 0)
		plan->demand = (struct tls_demand){ .wish = TLS_NOT_THIS_HOST,
			.reason = "has no name that a certificate could have" };
	struct span sni = plan->demand.verify == TLS_VERIFY_DANE ?
		lookup.base : host->name;
	if (!hop->is_literal && tlswire_name_is_valid(sni))
		plan->sni = sni;
}
