/*
 * Judges of what mail programs and authorities look for: SRV records, names of
 * documents and the documents themselves, who may issue certificates. What a
 * domain needs is hostmaster's list; elsewhere than here it may be otherwise on
 * purpose, so what is missing is a note and what leads astray a warning.
 *
 *	RFC 6186 3, RFC 8314 5.1 (SRV), RFC 8659 3 and 4.2 (CAA)
 */
#include <string.h>

#include "ctl/doctor.h"
#include "proto/dns.h"

enum { MISSING_SHOWN = 12, CLIMB = 8 };

static bool
is_type(const struct doctor_wanted *wanted, const char *type)
{
	return strcmp(wanted->type, type) == 0;
}

static bool
is_denied(const struct doctor_answer *answer)
{
	return answer->outcome == DOCTOR_NO_NAME ||
		answer->outcome == DOCTOR_EMPTY;
}

/* ---- SRV ---- */

/* Port and host: priority and weight are whose zone it is to choose. */
static struct span
place_of(const char *data)
{
	struct span rest = span_from(data), word;
	span_word(&rest, &word);
	span_word(&rest, &word);
	rest = span_trim(rest);
	return rest.size > 0 && rest.data[rest.size - 1] == '.' ?
		span_trim(span_first(rest, rest.size - 1)) : rest;
}

/* "0": there is no such service (RFC 6186 3.4). */
static bool
is_nowhere(struct span place)
{
	return span_equals(place, SPAN("0"));
}

/* True when it is missing. */
static bool
judge_srv(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_wanted *wanted)
{
	const struct doctor_answer *answer = doctor_answer_best(facts,
		wanted->owner, DOCTOR_TYPE_SRV);
	struct span place = place_of(wanted->data);
	if (is_denied(answer))
		return !is_nowhere(place);
	for (size_t i = 0; i < answer->count; i++)
		if (span_equals_nocase(place_of(answer->text[i]), place))
			return false;
	if (answer->count > 0)
		doctor_add(report, DOCTOR_SRV_OTHER, wanted->owner,
			answer->text[0], wanted->data);
	return false;
}

/* ---- names of documents ---- */

static bool
judge_name(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_wanted *wanted)
{
	const struct doctor_answer *a = doctor_answer_best(facts,
		wanted->owner, DNS_TYPE_A);
	const struct doctor_answer *aaaa = doctor_answer_best(facts,
		wanted->owner, DNS_TYPE_AAAA);
	if (is_denied(a) && is_denied(aaaa))
		return true;
	bool is_here = doctor_is_at_host(facts, wanted->owner);
	const struct doctor_answer *found = a->count > 0 ? a : aaaa;
	if (found->count > 0 && !is_here)
		doctor_add(report, DOCTOR_NAME_ELSEWHERE, wanted->owner,
			found->text[0], wanted->data);
	return false;
}

/* All of one domain; what is missing is one note. */
static void
judge_domain(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain)
{
	struct span all = SPAN("");
	size_t missing = 0;
	for (size_t i = 0; i < facts->wanted_count; i++) {
		const struct doctor_wanted *wanted = &facts->wanted[i];
		bool is_missing = false;
		if (strcmp(wanted->domain, domain) != 0)
			continue;
		if (is_type(wanted, "SRV"))
			is_missing = judge_srv(facts, report, wanted);
		else if (is_type(wanted, "CNAME"))
			is_missing = judge_name(facts, report, wanted);
		if (is_missing && missing++ < MISSING_SHOWN)
			all = arena_print(facts->arena, "%.*s%s%s",
				SPAN_PRINT(all), all.size > 0 ? ", " : "",
				wanted->owner);
	}
	if (missing > 0)
		doctor_add(report, DOCTOR_CLIENT_RECORDS, domain, all.data);
}

/* ---- documents ---- */

static void
judge_page(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_page *page)
{
	const char *mark = page->kind == DOCTOR_PAGE_AUTOCONFIG ?
		"<clientConfig" : "\"Url\"";
	struct span text = span_from(page->text == NULL ? "" : page->text);
	const char *host = config_text(facts->config, "myhostname");
	/* a finding of its own */
	if (!doctor_certificate_covers(facts, page->host))
		return;
	if (page->text == NULL)
		doctor_add(report, DOCTOR_PAGE_MISSING, page->host,
			page->reason);
	else if (span_search(text, span_from(mark)) == text.size ||
	    (page->kind == DOCTOR_PAGE_AUTOCONFIG &&
	    span_search(text, span_from(host)) == text.size))
		doctor_add(report, DOCTOR_PAGE_OTHER, page->host);
}

/* ---- who may issue ---- */

/* "letsencrypt.org" of "https://acme-v02.api.letsencrypt.org/directory"; what
 * others call themselves in CAA is theirs to choose. */
static const char *
issuer_of(struct doctor_facts *facts, bool *is_known)
{
	static const char own[] = "letsencrypt.org";
	struct span url = span_from(config_text(facts->config,
		"acme_directory"));
	size_t scheme = span_search(url, SPAN("://"));
	struct span host = scheme == url.size ? url : span_skip(url,
		scheme + 3);
	host = span_first(host, span_find(host, '/'));
	host = span_first(host, span_find(host, ':'));
	*is_known = span_equals(url, SPAN("letsencrypt")) ||
		span_ends_nocase(host, SPAN(".letsencrypt.org"));
	return *is_known ? own : arena_copy_string(facts->arena, host);
}

/* "0 issue letsencrypt.org; validationmethods=http-01": without a record of
 * this kind everybody may (RFC 8659 4.2). */
static bool
may_issue(const struct doctor_answer *answer, const char *issuer,
	bool is_known)
{
	bool is_limited = false;
	for (size_t i = 0; i < answer->count; i++) {
		struct span rest = span_from(answer->text[i]), flags, tag;
		if (!span_word(&rest, &flags) || !span_word(&rest, &tag) ||
		    !span_equals_nocase(tag, SPAN("issue")))
			continue;
		struct span who = span_trim(span_first(rest,
			span_find(rest, ';')));
		if (is_known ? span_equals_nocase(who, span_from(issuer)) :
		    who.size > 0)
			return true;
		is_limited = true;
	}
	return !is_limited;
}

/* One finding for all names below. */
static bool
is_said(const struct doctor_report *report, const char *owner)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->finding[i].id == DOCTOR_CAA_FORBIDS &&
		    strcmp(report->finding[i].argument[0], owner) == 0)
			return true;
	return false;
}

/* The records of the name, or of the first name above it that has some. */
static void
judge_issuers(struct doctor_facts *facts, struct doctor_report *report,
	const char *name)
{
	bool is_known;
	const char *issuer = issuer_of(facts, &is_known), *at = name;
	for (size_t i = 0; i < CLIMB && at != NULL; i++) {
		const struct doctor_answer *answer = doctor_answer_best(facts,
			at, DOCTOR_TYPE_CAA);
		if (!is_denied(answer) && answer->count == 0)
			return;
		if (answer->count > 0) {
			if (!may_issue(answer, issuer, is_known) &&
			    !is_said(report, at))
				doctor_add(report, DOCTOR_CAA_FORBIDS, at,
					answer->text[0], issuer, name);
			return;
		}
		at = strchr(at, '.');
		at = at == NULL ? NULL : at + 1;
	}
}

/* ---- all ---- */

void
doctor_judge_clients(struct doctor_facts *facts, struct doctor_report *report)
{
	if (!facts->answers.has_inside && !facts->answers.has_outside)
		return;
	for (size_t i = 0; i < facts->domain_count; i++)
		judge_domain(facts, report, facts->domain[i]);
	for (size_t i = 0; i < facts->page_count; i++)
		if (facts->page[i].kind != DOCTOR_PAGE_POLICY)
			judge_page(facts, report, &facts->page[i]);
	if (config_text(facts->config, "acme_directory")[0] == '\0')
		return;
	judge_issuers(facts, report, config_text(facts->config,
		"myhostname"));
	for (size_t i = 0; i < facts->wanted_count; i++)
		if (is_type(&facts->wanted[i], "CNAME") &&
		    doctor_is_at_host(facts, facts->wanted[i].owner))
			judge_issuers(facts, report, facts->wanted[i].owner);
}
