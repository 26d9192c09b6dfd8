/*
 * Judges of the records that bring mail here: MX, addresses, DNSSEC.
 *
 *	RFC 5321 5.1, RFC 2181 10.3 (no alias as MX), RFC 7505 (null MX)
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/doctor.h"
#include "proto/dns.h"

/* What nobody can say. */
static void
judge_failure(struct doctor_report *report, const struct doctor_answer *answer)
{
	const char *type = doctor_type_name(answer->type);
	if (answer->outcome == DOCTOR_SILENT)
		doctor_add(report, DOCTOR_DNS_FAILED, answer->name, type);
	else if (answer->outcome == DOCTOR_BOGUS)
		doctor_add(report, DOCTOR_DNS_BOGUS, answer->name, type);
}

static const char *
exchange_of(const char *text)
{
	const char *blank = strchr(text, ' ');
	return blank == NULL ? "" : blank + 1;
}

/* All records in an order of their own, for people and for comparing. */
static int
compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *
join(struct doctor_facts *facts, const struct doctor_answer *answer)
{
	struct span all = SPAN("");
	const char **sorted = arena_new_array(facts->arena, answer->count + 1,
		sizeof(*sorted));
	for (size_t i = 0; i < answer->count; i++)
		sorted[i] = arena_copy_lower(facts->arena,
			span_from(answer->text[i])).data;
	if (answer->count > 0)
		qsort(sorted, answer->count, sizeof(*sorted), compare_text);
	for (size_t i = 0; i < answer->count; i++)
		all = arena_print(facts->arena, "%.*s%s%s", SPAN_PRINT(all),
			i > 0 ? ", " : "", sorted[i]);
	return arena_copy_string(facts->arena, all);
}

/* The zone here and the one outside. */
static void
judge_difference(struct doctor_facts *facts, struct doctor_report *report,
	const char *name, uint16_t type)
{
	if (!facts->answers.has_inside || !facts->answers.has_outside)
		return;
	const struct doctor_answer *here = doctor_answer_of(facts,
		DOCTOR_INSIDE, name, type);
	const struct doctor_answer *there = doctor_answer_of(facts,
		DOCTOR_OUTSIDE, name, type);
	if (here->outcome < DOCTOR_NO_NAME || there->outcome < DOCTOR_NO_NAME)
		return;
	const char *a = join(facts, here), *b = join(facts, there);
	if (strcmp(a, b) != 0)
		doctor_add(report, DOCTOR_DNS_DIFFERS, name,
			doctor_type_name(type), a, b);
}

/* ---- MX ---- */

bool
doctor_leads_here(struct doctor_facts *facts, const char *host)
{
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	struct network_address address;
	if (span_equals_nocase(span_from(host), span_from(config_text(
	    facts->config, "myhostname"))))
		return true;
	for (size_t t = 0; t < 2; t++) {
		const struct doctor_answer *answer = doctor_answer_best(facts,
			host, types[t]);
		for (size_t i = 0; i < answer->count; i++)
			if (network_address_parse(span_from(answer->text[i]),
			    &address) && doctor_is_own(facts, &address))
				return true;
	}
	return false;
}

static bool
shares_address(struct doctor_facts *facts, const char *a, const char *b,
	uint16_t type)
{
	const struct doctor_answer *first = doctor_answer_best(facts, a, type);
	const struct doctor_answer *second = doctor_answer_best(facts, b,
		type);
	for (size_t i = 0; i < first->count; i++)
		for (size_t k = 0; k < second->count; k++)
			if (strcmp(first->text[i], second->text[k]) == 0)
				return true;
	return false;
}

bool
doctor_is_at_host(struct doctor_facts *facts, const char *name)
{
	const char *host = config_text(facts->config, "myhostname");
	return doctor_leads_here(facts, name) ||
		shares_address(facts, name, host, DNS_TYPE_A) ||
		shares_address(facts, name, host, DNS_TYPE_AAAA);
}

/* One MX host: true when it is this host. */
static bool
judge_exchange(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain, const char *host)
{
	const struct doctor_answer *a = doctor_answer_best(facts, host,
		DNS_TYPE_A);
	const struct doctor_answer *aaaa = doctor_answer_best(facts, host,
		DNS_TYPE_AAAA);
	const struct doctor_answer *alias = doctor_answer_best(facts, host,
		DNS_TYPE_CNAME);
	if (alias->outcome == DOCTOR_FOUND)
		doctor_add(report, DOCTOR_MX_ALIAS, domain, host);
	judge_failure(report, a);
	if (a->outcome > DOCTOR_BOGUS && aaaa->outcome > DOCTOR_BOGUS &&
	    a->count + aaaa->count == 0)
		doctor_add(report, DOCTOR_MX_NO_ADDRESS, domain, host);
	return doctor_leads_here(facts, host);
}

static void
judge_mx(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain)
{
	const char *host = config_text(facts->config, "myhostname");
	const struct doctor_answer *mx = doctor_answer_best(facts, domain,
		DNS_TYPE_MX);
	bool is_here = false, is_null = false;
	judge_failure(report, mx);
	if (mx->outcome == DOCTOR_NO_NAME)
		doctor_add(report, DOCTOR_DOMAIN_UNKNOWN, domain);
	if (mx->outcome == DOCTOR_EMPTY)
		doctor_add(report, DOCTOR_MX_MISSING, domain, host);
	for (size_t i = 0; i < mx->count; i++) {
		const char *exchange = exchange_of(mx->text[i]);
		if (exchange[0] == '\0')
			is_null = true;
		else
			is_here |= judge_exchange(facts, report, domain,
				exchange);
	}
	if (is_null)
		doctor_add(report, DOCTOR_MX_NULL, domain, host);
	else if (mx->count > 0 && !is_here)
		doctor_add(report, DOCTOR_MX_ELSEWHERE, domain,
			join(facts, mx), host);
}

/* ---- DNSSEC ---- */

/* Of a zone whose apex the domain is; others are their parents' business. */
static void
judge_signatures(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain)
{
	const char *record = NULL;
	bool is_vouched = false;
	const struct doctor_answer *keys = doctor_answer_best(facts, domain,
		DNS_TYPE_DNSKEY);
	const struct doctor_answer *ds = doctor_answer_best(facts, domain,
		DOCTOR_TYPE_DS);
	if (keys->outcome == DOCTOR_BOGUS)
		doctor_add(report, DOCTOR_DNS_BOGUS, domain, "DNSKEY");
	for (size_t i = 0; i < facts->key_count; i++) {
		if (strcmp(facts->key[i].zone, domain) != 0)
			continue;
		if (facts->key[i].is_wanted)
			record = facts->key[i].record;
		for (size_t k = 0; k < ds->count; k++)
			is_vouched |= span_equals_nocase(
				span_from(ds->text[k]),
				span_from(facts->key[i].ds));
	}
	if (keys->outcome == DOCTOR_FOUND && ds->outcome == DOCTOR_EMPTY)
		doctor_add(report, DOCTOR_ZONE_NO_DS, domain, record != NULL ?
			record : arena_print(facts->arena, "%s. DS ...",
			domain).data);
	else if (record != NULL && ds->count > 0 && !is_vouched)
		doctor_add(report, DOCTOR_ZONE_OTHER_DS, domain, record);
}

void
doctor_judge_records(struct doctor_facts *facts, struct doctor_report *report)
{
	const struct doctor_answers *answers = &facts->answers;
	if (answers->silent_resolver != NULL)
		doctor_add(report, DOCTOR_DNS_OUTSIDE_SILENT,
			answers->silent_resolver);
	if (facts->domain_count == 0)
		doctor_add(report, DOCTOR_DOMAIN_NONE);
	if (!answers->has_inside && !answers->has_outside) {
		doctor_add(report, DOCTOR_DNS_UNASKED);
		return;
	}
	for (size_t i = 0; i < facts->domain_count; i++) {
		judge_mx(facts, report, facts->domain[i]);
		judge_difference(facts, report, facts->domain[i], DNS_TYPE_MX);
		judge_signatures(facts, report, facts->domain[i]);
	}
	judge_difference(facts, report, config_text(facts->config,
		"myhostname"), DNS_TYPE_A);
}
