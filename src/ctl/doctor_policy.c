/*
 * Judges of what domains say about mail in their name: SPF, DMARC, DKIM.
 *
 *	RFC 7208; RFC 7489 6.3 and 6.6.3; RFC 6376 3.6.1
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/base64.h"
#include "ctl/doctor.h"
#include "ctl/doctor_spf.h"
#include "proto/dns.h"

/* ---- SPF ---- */

static void
judge_spf_verdict(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain, const struct network_address *address,
	const struct spf_verdict *verdict)
{
	char text[NETWORK_TEXT_SIZE];
	network_address_format(address, text);
	bool is_ipv4 = address->family == AF_INET;
	switch (verdict->result) {
	case SPF_NONE:
		doctor_add(report, DOCTOR_SPF_MISSING, domain);
		break;
	case SPF_MANY:
		doctor_add(report, DOCTOR_SPF_MANY, domain, arena_print(
			facts->arena, "%u", verdict->records).data);
		break;
	case SPF_BROKEN:
		doctor_add(report, DOCTOR_SPF_BROKEN, domain, verdict->term);
		break;
	case SPF_FAIL:
	case SPF_SOFTFAIL:
	case SPF_NEUTRAL:
		/* Another host sends for us; its addresses count. */
		if (config_text(facts->config, "relayhost")[0] == '\0')
			doctor_add(report, DOCTOR_SPF_FAILS, domain,
				arena_print(facts->arena, "%s", text).data,
				arena_print(facts->arena, "%s:%s", is_ipv4 ?
				"ip4" : "ip6", text).data);
		break;
	case SPF_PASS:
	case SPF_UNKNOWN:
		break;
	}
	if (verdict->result != SPF_BROKEN && verdict->term != NULL)
		doctor_add(report, DOCTOR_SPF_ANYBODY, domain, verdict->term);
	if (verdict->lookups > SPF_LOOKUPS)
		doctor_add(report, DOCTOR_SPF_LOOKUPS, domain, arena_print(
			facts->arena, "%u", verdict->lookups).data);
}

static void
judge_spf(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain)
{
	/* Without an address of ours the record itself is looked at. */
	struct network_address nobody = { .family = AF_INET };
	struct spf_verdict verdict;
	for (size_t i = 0; i < facts->sender_count; i++) {
		struct network_address address = doctor_sender_seen(facts, i);
		spf_judge(facts, domain, &address, &verdict);
		judge_spf_verdict(facts, report, domain, &address, &verdict);
	}
	if (facts->sender_count > 0)
		return;
	spf_judge(facts, domain, &nobody, &verdict);
	if (verdict.result == SPF_NONE || verdict.result == SPF_MANY ||
	    verdict.result == SPF_BROKEN)
		judge_spf_verdict(facts, report, domain, &nobody, &verdict);
}

/* ---- tags: "v=DMARC1; p=none" ---- */

/* The next "name=value"; *is_broken when it is none. */
static bool
next_tag(struct span *rest, struct span *name, struct span *value,
	bool *is_broken)
{
	struct span piece;
	*is_broken = false;
	while (span_split(rest, ';', &piece)) {
		piece = span_trim(piece);
		if (piece.size == 0)
			continue;
		size_t equals = span_find(piece, '=');
		*name = span_trim(span_first(piece, equals));
		*value = span_trim(span_skip(piece, equals + 1));
		*is_broken = equals == piece.size || name->size == 0;
		if (*is_broken)
			*name = piece;
		return true;
	}
	return false;
}

static bool
is_one_of(struct span value, const char *words)
{
	struct span rest = span_from(words), word;
	while (span_word(&rest, &word))
		if (span_equals_nocase(value, word))
			return true;
	return false;
}

/* ---- DMARC ---- */

static bool
is_mail_uris(struct span value)
{
	struct span piece;
	while (span_split(&value, ',', &piece)) {
		piece = span_trim(piece);
		if (!span_starts_nocase(piece, SPAN("mailto:")) ||
		    span_find(piece, '@') == piece.size)
			return false;
	}
	return true;
}

static bool
is_dmarc_tag_right(struct span name, struct span value)
{
	uint64_t number;
	if (is_one_of(name, "p sp np"))
		return is_one_of(value, "none quarantine reject");
	if (is_one_of(name, "adkim aspf"))
		return is_one_of(value, "r s");
	if (is_one_of(name, "pct"))
		return span_to_number(value, 100, &number);
	if (is_one_of(name, "ri"))
		return span_to_number(value, UINT32_MAX, &number);
	return !is_one_of(name, "rua ruf") || is_mail_uris(value);
}

/* The first thing wrong in it, or NULL. */
static const char *
find_dmarc_fault(struct arena *arena, const char *record)
{
	struct span rest = span_from(record), name, value;
	bool is_broken, has_policy = false;
	for (size_t i = 0; next_tag(&rest, &name, &value, &is_broken); i++) {
		if (is_broken)
			return arena_copy_string(arena, name);
		if (i == 0 && (!span_equals(name, SPAN("v")) ||
		    !span_equals(value, SPAN("DMARC1"))))
			return arena_copy_string(arena, span_first(
				span_from(record), 40));
		has_policy |= span_equals_nocase(name, SPAN("p"));
		if (i > 0 && !is_dmarc_tag_right(name, value))
			return arena_print(arena, "%.*s=%.*s",
				SPAN_PRINT(name), SPAN_PRINT(value)).data;
	}
	return has_policy ? NULL : "p=";
}

/* Something at that name; false: nothing, so the parent's counts. */
static bool
judge_dmarc_at(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain)
{
	const struct doctor_answer *txt = doctor_answer_best(facts,
		arena_print(facts->arena, "_dmarc.%s", domain).data,
		DNS_TYPE_TXT);
	size_t count = 0;
	const char *record = NULL;
	for (size_t i = 0; i < txt->count; i++)
		if (span_starts_nocase(span_from(txt->text[i]),
		    SPAN("v=DMARC1"))) {
			count++;
			record = txt->text[i];
		}
	if (count == 0 && txt->count > 0)
		record = txt->text[0];
	if (count > 1) {
		doctor_add(report, DOCTOR_DMARC_MANY, domain, arena_print(
			facts->arena, "%zu", count).data);
	} else if (record != NULL) {
		const char *fault = find_dmarc_fault(facts->arena, record);
		if (fault != NULL)
			doctor_add(report, DOCTOR_DMARC_BROKEN, domain, fault);
	}
	return record != NULL || txt->outcome < DOCTOR_NO_NAME;
}

/* The domain's, or one of a domain above it (RFC 7489 6.6.3). */
static void
judge_dmarc(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain)
{
	const char *above = domain;
	for (size_t i = 0; i < 8 && above != NULL; i++) {
		if (judge_dmarc_at(facts, report, above))
			return;
		const char *dot = strchr(above, '.');
		above = dot != NULL && strchr(dot + 1, '.') != NULL ? dot + 1 :
			NULL;
	}
	doctor_add(report, DOCTOR_DMARC_MISSING, domain);
}

/* ---- DKIM ---- */

/* RFC 6376 3.6.1: an empty p= is a key taken back; RFC 8301: 1024 bits. */
static bool
is_key_right(struct span text, bool is_ed25519)
{
	struct buffer der;
	buffer_init(&der, 0);
	bool ok = base64_decode(&der, text) && der.size > 0;
	const unsigned char *at = (const unsigned char *)der.data;
	if (ok && is_ed25519)
		ok = der.size == 32;
	else if (ok) {
		EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der.size);
		ok = key != NULL && EVP_PKEY_get_bits(key) >= 1024;
		EVP_PKEY_free(key);
	}
	buffer_fini(&der);
	return ok;
}

static const char *
find_dkim_fault(struct arena *arena, const char *record)
{
	struct span rest = span_from(record), name, value, key = SPAN("");
	bool is_broken, is_ed25519 = false;
	while (next_tag(&rest, &name, &value, &is_broken)) {
		if (is_broken || (span_equals(name, SPAN("v")) &&
		    !span_equals(value, SPAN("DKIM1"))))
			return arena_copy_string(arena, name);
		if (span_equals(name, SPAN("k")) &&
		    !is_one_of(value, "rsa ed25519"))
			return arena_print(arena, "k=%.*s",
				SPAN_PRINT(value)).data;
		is_ed25519 |= span_equals(name, SPAN("k")) &&
			span_equals(value, SPAN("ed25519"));
		if (span_equals(name, SPAN("p")))
			key = value;
	}
	return is_key_right(key, is_ed25519) ? NULL : "p=";
}

static void
judge_dkim(struct doctor_facts *facts, struct doctor_report *report,
	const char *domain)
{
	for (size_t i = 0; i < facts->selector_count; i++) {
		const struct doctor_answer *txt = doctor_answer_best(facts,
			arena_print(facts->arena, "%s._domainkey.%s",
			facts->selector[i], domain).data, DNS_TYPE_TXT);
		if (txt->outcome == DOCTOR_NO_NAME ||
		    txt->outcome == DOCTOR_EMPTY)
			doctor_add(report, DOCTOR_DKIM_MISSING, txt->name);
		const char *fault = txt->count == 0 ? NULL :
			find_dkim_fault(facts->arena, txt->text[0]);
		if (fault != NULL)
			doctor_add(report, DOCTOR_DKIM_BROKEN, txt->name,
				fault);
	}
}

void
doctor_judge_mail_policy(struct doctor_facts *facts,
	struct doctor_report *report)
{
	if (!facts->answers.has_inside && !facts->answers.has_outside)
		return;
	for (size_t i = 0; i < facts->domain_count; i++) {
		judge_spf(facts, report, facts->domain[i]);
		judge_dmarc(facts, report, facts->domain[i]);
		judge_dkim(facts, report, facts->domain[i]);
	}
}
