/* The matrix; tls_policy.h. */
#include "relay/tls_policy.h"

bool
tls_level_parse(struct span word, enum tls_level *level)
{
	static const struct {
		struct span word;
		enum tls_level level;
	} words[] = {
		{ SPAN("none"), TLS_LEVEL_NONE },
		{ SPAN("may"), TLS_LEVEL_MAY },
		{ SPAN("encrypt"), TLS_LEVEL_ENCRYPT },
		{ SPAN("dane"), TLS_LEVEL_DANE },
		{ SPAN("dane-only"), TLS_LEVEL_DANE_ONLY },
		{ SPAN("verify"), TLS_LEVEL_VERIFY },
		{ SPAN("secure"), TLS_LEVEL_SECURE },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!span_equals_nocase(word, words[i].word))
			continue;
		*level = words[i].level;
		return true;
	}
	return false;
}

static struct tls_demand
must(enum tls_verify verify, const char *reason)
{
	return (struct tls_demand){ .wish = TLS_MUST, .verify = verify,
		.reason = reason };
}

static struct tls_demand
not_this_host(const char *reason)
{
	return (struct tls_demand){ .wish = TLS_NOT_THIS_HOST,
		.reason = reason };
}

/* RFC 8461 4.1, 5: DANE goes first (2), testing changes nothing. */
static struct tls_demand
by_sts(const struct tls_policy_facts *facts)
{
	if (facts->sts == TLS_STS_UNKNOWN)
		return not_this_host("may have an MTA-STS policy, which cannot "
			"be asked for here now");
	if (facts->sts != TLS_STS_ENFORCE)
		return (struct tls_demand){ .wish = TLS_TRY,
			.reason = "opportunistic" };
	if (!facts->is_sts_host)
		return not_this_host("is not named by the MTA-STS policy of "
			"the domain");
	return must(TLS_VERIFY_NAME, "MTA-STS");
}

static struct tls_demand
by_dane(const struct tls_policy_facts *facts, bool is_only)
{
	switch (facts->dane) {
	case DANE_VERIFY:
		return must(TLS_VERIFY_DANE, "DANE");
	case DANE_ENCRYPT:
		if (is_only)
			return not_this_host("has no TLSA record that can be "
				"used, and DANE is demanded");
		/* Records that say nothing take nothing back (RFC 8461 2). */
		if (facts->sts == TLS_STS_ENFORCE ||
			facts->sts == TLS_STS_UNKNOWN)
			return by_sts(facts);
		return must(TLS_VERIFY_NONE, "DANE");
	case DANE_LATER:
		return not_this_host("may have TLSA records, which cannot be "
			"looked up now");
	case DANE_NOT:
		break;
	}
	return is_only ? not_this_host("has no TLSA records, and DANE is "
		"demanded") : by_sts(facts);
}

static struct tls_demand
by_level(const struct tls_policy_facts *facts)
{
	switch (facts->level) {
	case TLS_LEVEL_NONE:
		return (struct tls_demand){ .wish = TLS_NEVER,
			.reason = "security level none" };
	case TLS_LEVEL_MAY:
		return (struct tls_demand){ .wish = TLS_TRY,
			.reason = "opportunistic" };
	case TLS_LEVEL_ENCRYPT:
		return must(TLS_VERIFY_NONE, "security level encrypt");
	case TLS_LEVEL_DANE:
		return by_dane(facts, false);
	case TLS_LEVEL_DANE_ONLY:
		return by_dane(facts, true);
	case TLS_LEVEL_VERIFY:
		return must(TLS_VERIFY_NAME, "security level verify");
	case TLS_LEVEL_SECURE:
		break;
	}
	struct tls_demand demand = must(TLS_VERIFY_NAME,
		"security level secure");
	demand.by_next_hop = true;
	return demand;
}

/*
 * RFC 8689 4.2.1: the certificate is verified, and what led to the host, too:
 * by DNSSEC, by MTA-STS, by the administrator, or there was no MX record.
 */
static struct tls_demand
with_requiretls(const struct tls_policy_facts *facts,
	struct tls_demand demand)
{
	bool is_host_sure = !facts->is_mx || facts->is_mx_secure ||
		facts->sts == TLS_STS_ENFORCE || demand.by_next_hop;
	if (demand.wish == TLS_NOT_THIS_HOST)
		return demand;
	if (demand.wish == TLS_NEVER || !is_host_sure) {
		demand = not_this_host(demand.wish == TLS_NEVER ?
			"is talked to without TLS, which the sender asked for "
			"(REQUIRETLS)" : "was found by an MX record that nobody "
			"vouches for, and the sender asked for TLS on the whole "
			"way (REQUIRETLS)");
		demand.is_final = true;
		return demand;
	}
	if (demand.wish == TLS_MUST && demand.verify != TLS_VERIFY_NONE)
		return demand;
	return must(TLS_VERIFY_NAME, "REQUIRETLS");
}

struct tls_demand
tls_policy_decide(const struct tls_policy_facts *facts)
{
	struct tls_demand demand = by_level(facts);
	return facts->needs_tls ? with_requiretls(facts, demand) : demand;
}
