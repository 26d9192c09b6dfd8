/*
 * Documents that others look for on the web, fetched as they would: by names of
 * our domains, over HTTPS with a certificate that is verified, from port 443.
 * Only looks.
 */
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "ctl/doctor_collect.h"
#include "ctl/system.h"
#include "proto/dns.h"
#include "trust/mta_sts.h"

enum { PAGES = 30, PAGE_LIMIT = MTA_STS_POLICY_LIMIT, WAIT = 4000 /* ms */ };

struct fetching {
	struct buffer body;
	uint64_t status;
};

static void
take_piece(void *context, const struct tabline *row)
{
	struct fetching *fetching = context;
	struct span value;
	if (tabline_get(row, 2, "status", &value))
		span_to_number(value, 999, &fetching->status);
	if (tabline_get(row, 2, "body", &value))
		base64_decode(&fetching->body, value);
}

/* What all fetches have in common. */
struct looking {
	struct doctor_facts *facts;
	struct system_wire wire;
	int64_t deadline;
};

static void
fetch(struct looking *looking, const struct doctor_page *what, struct span url)
{
	struct doctor_facts *facts = looking->facts;
	struct fetching fetching = { 0 };
	struct buffer fields;
	struct error error;
	if (facts->page_count == PAGES || clock_until(looking->deadline) <= 0)
		return;
	struct doctor_page *page = &facts->page[facts->page_count++];
	*page = *what;
	buffer_init(&fetching.body, PAGE_LIMIT);
	buffer_init(&fields, 0);
	tabline_add_pair(&fields, "url", url);
	buffer_print(&fields, "\tlimit=%d\tdeadline=%d", PAGE_LIMIT,
		(int)clock_until(looking->deadline));
	if (system_call(&looking->wire, "GET", buffer_span(&fields),
	    take_piece, NULL, &fetching, &error) < 0)
		page->reason = arena_copy_string(facts->arena,
			span_from(error.text));
	else if (fetching.status != 200)
		page->reason = arena_print(facts->arena,
			"HTTP %u", (unsigned)fetching.status).data;
	else
		page->text = arena_copy_string(facts->arena,
			buffer_span(&fetching.body));
	buffer_fini(&fields);
	buffer_fini(&fetching.body);
}

/* ---- policies ---- */

static bool
announces_policy(struct doctor_facts *facts, const char *domain)
{
	const struct doctor_answer *txt = doctor_answer_best(facts,
		mta_sts_question(facts->arena, span_from(domain)).data,
		DNS_TYPE_TXT);
	struct span records[16], id;
	size_t count = txt->count < 16 ? txt->count : 16;
	for (size_t i = 0; i < count; i++)
		records[i] = span_from(txt->text[i]);
	return mta_sts_find_id(records, count, &id);
}

static void
fetch_policy(struct looking *looking, const char *domain)
{
	struct doctor_facts *facts = looking->facts;
	const struct doctor_page page = { .kind = DOCTOR_PAGE_POLICY,
		.domain = domain, .host = arena_print(facts->arena,
		"mta-sts.%s", domain).data };
	if (announces_policy(facts, domain))
		fetch(looking, &page, mta_sts_url(facts->arena,
			span_from(domain)));
}

/* ---- settings ---- */

static void
fetch_settings(struct looking *looking, const struct doctor_wanted *wanted)
{
	static const struct {
		const char *label;
		enum doctor_page_kind kind;
		const char *path;
	} documents[] = {
		{ "autoconfig.", DOCTOR_PAGE_AUTOCONFIG,
			"mail/config-v1.1.xml?emailaddress=postmaster@" },
		{ "autodiscover.", DOCTOR_PAGE_AUTODISCOVER,
			"autodiscover/autodiscover.json?"
			"Protocol=AutodiscoverV1&Email=postmaster@" },
	};
	struct doctor_facts *facts = looking->facts;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		const struct doctor_page page = { .kind = documents[i].kind,
			.domain = wanted->domain, .host = wanted->owner };
		if (span_starts(span_from(wanted->owner),
		    span_from(documents[i].label)) &&
		    strcmp(wanted->type, "CNAME") == 0 &&
		    doctor_is_at_host(facts, wanted->owner))
			fetch(looking, &page, arena_print(facts->arena,
				"https://%s/%s%s", wanted->owner,
				documents[i].path, wanted->domain));
	}
}

static bool
is_looked_at(const struct doctor_facts *facts, const char *domain)
{
	for (size_t i = 0; i < facts->domain_count; i++)
		if (strcmp(facts->domain[i], domain) == 0)
			return true;
	return false;
}

void
doctor_look_pages(struct doctor_facts *facts)
{
	struct error error;
	struct looking looking = { .facts = facts,
		.deadline = clock_monotonic() + WAIT };
	if (!facts->is_running || system_wire_open(facts->config,
	    "fetch-https", 0, &looking.wire, &error) < 0)
		return;
	facts->page = arena_new_array(facts->arena, PAGES,
		sizeof(*facts->page));
	for (size_t i = 0; i < facts->domain_count; i++)
		fetch_policy(&looking, facts->domain[i]);
	for (size_t i = 0; i < facts->wanted_count; i++)
		if (is_looked_at(facts, facts->wanted[i].domain))
			fetch_settings(&looking, &facts->wanted[i]);
	system_wire_close(&looking.wire);
}
