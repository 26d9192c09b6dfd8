/*
 * Hosts and addresses to domains of ours. All that is said of an address is
 * whether its domain is ours, which the DNS says too.
 */
#include "web/mail_domain.h"

#include "base/utf8.h"
#include "proto/address.h"

bool
mail_domain_is_address(struct span address)
{
	size_t at = span_find(address, '@');
	if (at == 0 || at + 1 >= address.size || address.size > 320 ||
	    !utf8_is_valid(address) || span_find(span_skip(address, at + 1),
	    '@') + at + 1 < address.size)
		return false;
	for (size_t i = 0; i < address.size; i++)
		if ((unsigned char)address.data[i] <= ' ' ||
		    address.data[i] == 127)
			return false;
	return true;
}

static bool
say(enum domains_verdict verdict, struct answer *answer)
{
	if (verdict == DOMAINS_LATER)
		page_status(answer, 503);
	else if (verdict == DOMAINS_OTHERS)
		page_status(answer, 404);
	return verdict == DOMAINS_OURS;
}

/* By its name or without one. */
static bool
is_mail_host(const struct question *question)
{
	struct network_address address;
	struct span host = question->host;
	return host.size == 0 || host.data[0] == '[' ||
		network_address_parse(host, &address) ||
		span_equals(host, SPAN("localhost")) ||
		span_equals_nocase(host, span_from(question->rules->hostname));
}

/* As people write it, not by its A-labels. */
static struct span
domain_of_host(const struct question *question)
{
	struct span domain = span_from(question->rules->domain), unicode;
	return address_normalise_domain(question->arena, domain, &unicode) ?
		unicode : domain;
}

bool
mail_domain_find(const struct question *question, const char *label,
	struct span address, struct span *domain, struct answer *answer)
{
	struct span host = question->host, prefix = span_from(label);
	struct domains *domains = question->web->domains;
	enum domains_verdict verdict = DOMAINS_OTHERS;
	if (span_starts(host, prefix)) {
		*domain = span_skip(host, prefix.size);
		verdict = domains_judge(domains, *domain);
	}
	if (verdict == DOMAINS_OTHERS) {
		*domain = host;
		verdict = domains_judge(domains, host);
	}
	if (verdict != DOMAINS_LATER && mail_domain_is_address(address)) {
		/* One host serves many domains: the address says which. */
		struct span other = arena_copy_lower(question->arena,
			span_skip(address, span_find(address, '@') + 1));
		enum domains_verdict of_other = domains_judge(domains, other);
		if (of_other == DOMAINS_OURS)
			*domain = other;
		verdict = of_other;
	} else if (is_mail_host(question) && (verdict == DOMAINS_OTHERS ||
	    domains_judge(domains, span_from(question->rules->domain)) ==
	    DOMAINS_OURS)) {
		/* its own name takes mail too, but is no address's domain */
		*domain = domain_of_host(question);
		verdict = DOMAINS_OURS;
	}
	return say(verdict, answer);
}
