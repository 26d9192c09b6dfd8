/*
 * Judges of the certificate: the one that is served while the system runs,
 * else the one in the file.
 *
 *	RFC 5280 4.1.2.5, RFC 9525 6.3
 */
#include <string.h>

#include "base/clock.h"
#include "ctl/doctor.h"
#include "proto/dns.h"

enum { WARNING_DAYS = 14 };

static const int64_t day = 24 * 3600 * 1000;

static const char *
date_of(struct arena *arena, int64_t wall)
{
	char text[25];
	clock_format_iso(wall, text);
	return arena_copy_string(arena, span_of(text, 10));
}

static void
judge_dates(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_certificate *certificate)
{
	int64_t left = certificate->ends - facts->now;
	const char *ends = date_of(facts->arena, certificate->ends);
	if (left < 0)
		doctor_add(report, DOCTOR_CERTIFICATE_EXPIRED, ends);
	else if (left < WARNING_DAYS * day)
		doctor_add(report, DOCTOR_CERTIFICATE_ENDS, ends, arena_print(
			facts->arena, "%d", (int)(left / day)).data);
	if (certificate->begins > facts->now)
		doctor_add(report, DOCTOR_CERTIFICATE_EARLY, date_of(
			facts->arena, certificate->begins));
}

static bool
covers(const struct doctor_certificate *certificate, const char *host)
{
	for (size_t i = 0; i < certificate->name_count; i++)
		if (doctor_name_covers(certificate->name[i], host))
			return true;
	return false;
}

static void
judge_name(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_certificate *certificate, const char *host)
{
	struct span all = SPAN("");
	if (covers(certificate, host))
		return;
	for (size_t i = 0; i < certificate->name_count && i < 10; i++)
		all = arena_print(facts->arena, "%.*s%s%s", SPAN_PRINT(all),
			i > 0 ? ", " : "", certificate->name[i]);
	doctor_add(report, DOCTOR_CERTIFICATE_NAME, host,
		certificate->name_count == 0 ? "-" : all.data);
}

/* Names of domains that lead here and are asked for by HTTPS or by clients. */
static void
judge_domain_names(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_certificate *certificate)
{
	static const char *const labels[] = { "mta-sts", "autoconfig",
		"autodiscover" };
	struct network_address address;
	for (size_t i = 0; i < facts->domain_count; i++)
		for (size_t k = 0; k < 3; k++) {
			const struct doctor_answer *a = doctor_answer_best(
				facts, arena_print(facts->arena, "%s.%s",
				labels[k], facts->domain[i]).data, DNS_TYPE_A);
			if (a->count > 0 && network_address_parse(span_from(
			    a->text[0]), &address) &&
			    doctor_is_own(facts, &address))
				judge_name(facts, report, certificate, a->name);
		}
}

bool
doctor_certificate_covers(const struct doctor_facts *facts, const char *name)
{
	return !facts->served.is_known || covers(&facts->served, name);
}

/* ---- ACME ---- */

/* True: there is none of it yet, so what is served is only for the meantime. */
static bool
judge_acme(struct doctor_facts *facts, struct doctor_report *report)
{
	const struct doctor_acme *acme = &facts->acme;
	const char *directory = config_text(facts->config, "acme_directory");
	bool is_failing = acme->trouble != NULL && acme->trouble[0] != '\0';
	if (directory[0] == '\0')
		return false;
	if (acme->left_out != NULL && acme->left_out[0] != '\0')
		doctor_add(report, DOCTOR_ACME_LEFT, acme->left_out);
	if (acme->names != NULL && acme->names[0] != '\0') {
		if (is_failing)
			doctor_add(report, DOCTOR_ACME_FAILS, directory,
				acme->trouble, date_of(facts->arena,
				facts->served.ends));
		return false;
	}
	if (is_failing)
		doctor_add(report, DOCTOR_ACME_NONE, directory, acme->trouble,
			config_text(facts->config, "myhostname"));
	else if (acme->is_waiting)
		doctor_add(report, DOCTOR_ACME_WAITS, directory,
			config_text(facts->config, "myhostname"));
	return true;
}

void
doctor_judge_certificate(struct doctor_facts *facts,
	struct doctor_report *report)
{
	const struct doctor_certificate *certificate = facts->served.is_known ?
		&facts->served : &facts->in_file;
	bool is_acme = config_text(facts->config, "acme_directory")[0] != '\0';
	if (facts->certificate_trouble != NULL)
		doctor_add(report, DOCTOR_CERTIFICATE_UNREADABLE,
			facts->certificate_trouble);
	if (judge_acme(facts, report) || !certificate->is_known)
		return;
	judge_dates(facts, report, certificate);
	judge_name(facts, report, certificate,
		config_text(facts->config, "myhostname"));
	if (facts->answers.has_inside || facts->answers.has_outside)
		judge_domain_names(facts, report, certificate);
	if (certificate->is_self_signed)
		doctor_add(report, DOCTOR_CERTIFICATE_SELF);
	else if (certificate->trouble != NULL)
		doctor_add(report, DOCTOR_CERTIFICATE_CHAIN,
			certificate->trouble);
	if (!is_acme && facts->served.is_known && facts->in_file.is_known &&
	    !span_equals(facts->served.der[0], facts->in_file.der[0]))
		doctor_add(report, DOCTOR_CERTIFICATE_OLD);
}
