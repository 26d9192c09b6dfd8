/*
 * Judges of the host's name: it is a whole name, ours, and leads here.
 *
 *	RFC 5321 2.3.5 and 4.1.1.1 (the name that a server greets with)
 */
#include <string.h>

#include "ctl/doctor.h"
#include "proto/dns.h"

/* Domains of two labels below which anybody registers. */
static const char suffixes[][8] = {
	"ac.cn", "com.cn", "edu.cn", "gov.cn", "net.cn", "org.cn", "com.hk",
	"com.tw", "org.tw", "com.sg", "ac.uk", "co.uk", "gov.uk", "me.uk",
	"org.uk", "ac.jp", "co.jp", "ne.jp", "or.jp", "co.kr", "or.kr",
	"co.in", "com.au", "net.au", "org.au", "co.nz", "org.nz", "co.za",
	"com.br", "net.br", "org.br", "com.ar", "com.mx", "com.tr", "co.il",
	"com.pl", "com.ua", "com.my", "co.th", "co.id",
};

static bool
is_suffix(const char *domain)
{
	if (strchr(domain, '.') == NULL)
		return true;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (span_equals_nocase(span_from(suffixes[i]),
		    span_from(domain)))
			return true;
	return false;
}

static bool
is_localhost(const char *host)
{
	struct span name = span_from(host);
	return span_equals_nocase(name, SPAN("localhost")) ||
		span_ends_nocase(name, SPAN(".localhost")) ||
		span_ends_nocase(name, SPAN(".localdomain"));
}

static bool
has_address(const struct doctor_answer *a, const struct doctor_answer *aaaa)
{
	return a->outcome == DOCTOR_FOUND || aaaa->outcome == DOCTOR_FOUND;
}

static bool
is_denied(const struct doctor_answer *answer)
{
	return answer->outcome == DOCTOR_NO_NAME ||
		answer->outcome == DOCTOR_EMPTY;
}

/* The administrator says that others reach us by it. */
static bool
is_told(const struct doctor_facts *facts,
	const struct network_address *address)
{
	return network_list_contains(span_from(config_text(facts->config,
		"dns_addresses")), address);
}

/* Does the name lead here, and to nowhere else? */
static void
judge_addresses(struct doctor_facts *facts, struct doctor_report *report,
	const char *host, const struct doctor_answer *answer)
{
	struct network_address address;
	bool is_all_private = facts->own_count > 0;
	for (size_t i = 0; i < facts->own_count; i++)
		is_all_private &= doctor_is_private(&facts->own[i]);
	for (size_t i = 0; i < answer->count; i++) {
		if (!network_address_parse(span_from(answer->text[i]),
		    &address) || doctor_is_own(facts, &address) ||
		    is_told(facts, &address))
			continue;
		bool is_nat = is_all_private && !doctor_is_private(&address);
		doctor_add(report, is_nat ? DOCTOR_HOST_BEHIND_NAT :
			DOCTOR_HOST_ELSEWHERE, host, answer->text[i]);
	}
}

static void
judge_name_in_dns(struct doctor_facts *facts, struct doctor_report *report,
	const char *host)
{
	const struct doctor_answer *a = doctor_answer_best(facts, host,
		DNS_TYPE_A);
	const struct doctor_answer *aaaa = doctor_answer_best(facts, host,
		DNS_TYPE_AAAA);
	if (is_denied(a) && is_denied(aaaa))
		doctor_add(report, DOCTOR_HOST_NO_ADDRESS, host);
	judge_addresses(facts, report, host, a);
	judge_addresses(facts, report, host, aaaa);
}

static void
judge_helo(struct doctor_facts *facts, struct doctor_report *report,
	const char *host)
{
	const char *helo = config_text(facts->config, "smtp_helo_name");
	if (span_equals_nocase(span_from(helo), span_from(host)) ||
	    helo[0] == '[')
		return;
	const struct doctor_answer *a = doctor_answer_best(facts, helo,
		DNS_TYPE_A);
	const struct doctor_answer *aaaa = doctor_answer_best(facts, helo,
		DNS_TYPE_AAAA);
	if (is_denied(a) && is_denied(aaaa) && !has_address(a, aaaa))
		doctor_add(report, DOCTOR_HELO_NO_ADDRESS, helo);
}

void
doctor_judge_host(struct doctor_facts *facts, struct doctor_report *report)
{
	const char *host = config_text(facts->config, "myhostname");
	const char *domain = config_text(facts->config, "mydomain");
	if (is_localhost(host)) {
		doctor_add(report, DOCTOR_HOST_LOCALHOST, host);
	} else if (strchr(host, '.') == NULL) {
		doctor_add(report, DOCTOR_HOST_SHORT, host);
	} else {
		if (is_suffix(domain))
			doctor_add(report, DOCTOR_DOMAIN_SUFFIX, domain);
		judge_name_in_dns(facts, report, host);
		judge_helo(facts, report, host);
	}
}
