/*
 * Judges of what tells other servers that mail to us must come encrypted.
 *
 *	RFC 7672 (TLSA of mail servers), RFC 8461 (MTA-STS), RFC 8460 3 (reports)
 */
#include <openssl/sha.h>
#include <string.h>

#include "ctl/doctor.h"
#include "proto/dns.h"
#include "trust/mta_sts.h"

/* ---- TLSA ---- */

static struct span
digest(struct arena *arena, struct span bytes, uint64_t matching)
{
	unsigned char out[SHA512_DIGEST_LENGTH];
	const unsigned char *in = (const unsigned char *)bytes.data;
	if (matching == 1)
		SHA256(in, bytes.size, out);
	else if (matching == 2)
		SHA512(in, bytes.size, out);
	else
		return bytes;
	return arena_copy(arena, span_of(out, matching == 1 ?
		SHA256_DIGEST_LENGTH : SHA512_DIGEST_LENGTH));
}

static const char *
hex(struct arena *arena, struct span bytes)
{
	struct buffer text;
	buffer_init(&text, 0);
	buffer_add_hex(&text, bytes);
	const char *copy = arena_copy_string(arena, buffer_span(&text));
	buffer_fini(&text);
	return copy;
}

/* "3 1 1 HEX"; false when it is of no use for mail (RFC 7672 3.1.3). */
static bool
read_tlsa(const char *text, uint64_t field[3], struct span *data)
{
	struct span rest = span_from(text), word;
	static const uint64_t most[3] = { 3, 1, 2 };
	for (size_t i = 0; i < 3; i++)
		if (!span_word(&rest, &word) ||
		    !span_to_number(word, most[i], &field[i]))
			return false;
	return span_word(&rest, data) && field[0] >= 2;
}

static bool
matches(struct doctor_facts *facts, const uint64_t field[3], struct span data)
{
	const struct doctor_certificate *served = &facts->served;
	/* 3: the server's own; 2: also one that it is issued by. */
	size_t end = field[0] == 3 && served->count > 0 ? 1 : served->count;
	for (size_t i = 0; i < end; i++) {
		struct span bytes = digest(facts->arena, field[1] == 0 ?
			served->der[i] : served->key[i], field[2]);
		if (span_equals_nocase(data, span_from(hex(facts->arena,
		    bytes))))
			return true;
	}
	return false;
}

/* What should be published: 3 1 1 of the key served. */
static const char *
right_tlsa(struct doctor_facts *facts)
{
	if (facts->served.count == 0)
		return "3 1 1 ...";
	return arena_print(facts->arena, "3 1 1 %s", hex(facts->arena,
		digest(facts->arena, facts->served.key[0], 1))).data;
}

/* Does whom we ask validate at all? The root is signed. */
static bool
is_validating(struct doctor_facts *facts)
{
	return doctor_answer_best(facts, ".", DNS_TYPE_NS)->is_secure;
}

/* True when the host has TLSA records. */
static bool
judge_tlsa(struct doctor_facts *facts, struct doctor_report *report,
	const char *host)
{
	const char *name = arena_print(facts->arena, "_25._tcp.%s", host).data;
	const struct doctor_answer *answer = doctor_answer_best(facts, name,
		DNS_TYPE_TLSA);
	bool is_usable = false, is_match = false;
	bool validates = is_validating(facts);
	if (answer->outcome == DOCTOR_BOGUS)
		doctor_add(report, DOCTOR_DNS_BOGUS, name, "TLSA");
	for (size_t i = 0; i < answer->count; i++) {
		uint64_t field[3];
		struct span data;
		if (!read_tlsa(answer->text[i], field, &data))
			continue;
		is_usable = true;
		is_match |= matches(facts, field, data);
	}
	if (answer->count == 0)
		return answer->outcome < DOCTOR_NO_NAME;
	if (!is_usable)
		doctor_add(report, DOCTOR_TLSA_UNUSABLE, host,
			right_tlsa(facts));
	else if (!is_match && facts->served.count > 0)
		doctor_add(report, DOCTOR_TLSA_MISMATCH, host,
			right_tlsa(facts));
	if (validates && !answer->is_secure)
		doctor_add(report, DOCTOR_TLSA_UNSIGNED, host);
	return true;
}

/* ---- MTA-STS ---- */

/* Is it what this host would say? */
static void
judge_mode(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_page *page, const struct mta_sts_policy *policy)
{
	const char *wanted = config_text(facts->config, "mta_sts_mode");
	const char *found = mta_sts_mode_name(policy->mode);
	if (strcmp(wanted, found) != 0 && page->host != NULL &&
	    doctor_is_at_host(facts, page->host))
		doctor_add(report, DOCTOR_STS_MODE, page->domain, found,
			wanted);
}

static void
judge_policy(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_page *page)
{
	struct mta_sts_policy policy;
	const struct doctor_answer *mx = doctor_answer_best(facts,
		page->domain, DNS_TYPE_MX);
	if (page->text == NULL) {
		doctor_add(report, DOCTOR_STS_NO_POLICY, page->domain,
			page->reason);
		return;
	}
	enum mta_sts_verdict verdict = mta_sts_parse(span_from(page->text),
		facts->arena, &policy);
	if (verdict != MTA_STS_OK) {
		doctor_add(report, DOCTOR_STS_POLICY, page->domain,
			mta_sts_words(verdict));
		return;
	}
	judge_mode(facts, report, page, &policy);
	for (size_t i = 0; i < mx->count && policy.mode != MTA_STS_NONE; i++) {
		const char *blank = strchr(mx->text[i], ' ');
		if (blank != NULL && !mta_sts_matches(&policy,
		    span_from(blank + 1)))
			doctor_add(report, DOCTOR_STS_MX, page->domain,
				blank + 1);
	}
}

/* Of a policy that is this host's: "v=STSv1; id=..." */
static void
judge_id(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain, struct span id)
{
	const char *owner = mta_sts_question(facts->arena,
		span_from(domain)).data;
	struct span record, wanted;
	for (size_t i = 0; i < facts->wanted_count; i++) {
		if (strcmp(facts->wanted[i].owner, owner) != 0)
			continue;
		record = span_from(facts->wanted[i].data);
		record = span_first(span_skip(record, 1), record.size - 2);
		if (mta_sts_find_id(&record, 1, &wanted) &&
		    !span_equals(id, wanted) && doctor_is_at_host(facts,
		    arena_print(facts->arena, "mta-sts.%s", domain).data))
			doctor_add(report, DOCTOR_STS_ID, domain,
				arena_copy_string(facts->arena, id),
				arena_copy_string(facts->arena, wanted));
	}
}

/* True when the domain announces a policy. */
static bool
judge_sts(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain)
{
	const struct doctor_answer *txt = doctor_answer_best(facts,
		mta_sts_question(facts->arena, span_from(domain)).data,
		DNS_TYPE_TXT);
	struct span records[16], id;
	size_t count = txt->count < 16 ? txt->count : 16;
	for (size_t i = 0; i < count; i++)
		records[i] = span_from(txt->text[i]);
	if (count == 0)
		return txt->outcome < DOCTOR_NO_NAME;
	if (!mta_sts_find_id(records, count, &id)) {
		doctor_add(report, DOCTOR_STS_RECORD, domain, txt->text[0]);
		return true;
	}
	judge_id(facts, report, domain, id);
	for (size_t i = 0; i < facts->page_count; i++)
		if (facts->page[i].kind == DOCTOR_PAGE_POLICY &&
		    strcmp(facts->page[i].domain, domain) == 0)
			judge_policy(facts, report, &facts->page[i]);
	return true;
}

/* ---- reports ---- */

static void
judge_reports(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain)
{
	const struct doctor_answer *txt = doctor_answer_best(facts,
		arena_print(facts->arena, "_smtp._tls.%s", domain).data,
		DNS_TYPE_TXT);
	if (txt->outcome == DOCTOR_NO_NAME || txt->outcome == DOCTOR_EMPTY)
		doctor_add(report, DOCTOR_TLSRPT_MISSING, domain);
	if (txt->count == 0)
		return;
	struct span record = span_from(txt->text[0]);
	size_t rua = span_search(record, SPAN("rua="));
	struct span uri = span_trim(span_skip(record, rua + 4));
	if (!span_starts(record, SPAN("v=TLSRPTv1;")) || txt->count > 1 ||
	    rua == record.size || !(span_starts(uri, SPAN("mailto:")) ||
	    span_starts(uri, SPAN("https://"))))
		doctor_add(report, DOCTOR_TLSRPT_BROKEN, domain, txt->text[0]);
}

/* ---- all ---- */

/* The TLSA records of those of its MX hosts that are this host. */
static bool
judge_hosts(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain)
{
	const char *own = config_text(facts->config, "myhostname");
	const struct doctor_answer *mx = doctor_answer_best(facts, domain,
		DNS_TYPE_MX);
	bool has_records = mx->outcome < DOCTOR_NO_NAME;
	for (size_t i = 0; i < mx->count; i++) {
		const char *blank = strchr(mx->text[i], ' ');
		const char *host = blank == NULL ? "" : blank + 1;
		if (span_equals_nocase(span_from(host), span_from(own)) ||
		    doctor_leads_here(facts, host))
			has_records |= judge_tlsa(facts, report, host);
	}
	return has_records;
}

void
doctor_judge_tls_policy(struct doctor_facts *facts,
	struct doctor_report *report)
{
	if (!facts->answers.has_inside && !facts->answers.has_outside)
		return;
	for (size_t i = 0; i < facts->domain_count; i++) {
		const char *domain = facts->domain[i];
		bool has_tlsa = judge_hosts(facts, report, domain);
		bool has_policy = judge_sts(facts, report, domain);
		if (!has_tlsa && !has_policy)
			doctor_add(report, DOCTOR_TLS_OPTIONAL, domain);
		judge_reports(facts, report, domain);
	}
}
