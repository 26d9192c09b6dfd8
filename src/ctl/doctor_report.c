/* Findings and answers of the DNS as lists; see doctor.h, doctor_facts.h. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "ctl/doctor.h"
#include "proto/dns.h"

/* ---- findings ---- */

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_known(const struct doctor_report *report,
	const struct doctor_finding *finding)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_finding *known = &report->finding[i];
		bool is_equal = known->id == finding->id;
		for (size_t k = 0; k < DOCTOR_ARGUMENTS && is_equal; k++)
			is_equal = is_same(known->argument[k],
				finding->argument[k]);
		if (is_equal)
			return true;
	}
	return false;
}

void
doctor_report_add(struct doctor_report *report, enum doctor_id id,
	const char *const *arguments)
{
	struct doctor_finding finding = { .id = id };
	for (size_t i = 0; i < DOCTOR_ARGUMENTS && arguments[i] != NULL; i++)
		finding.argument[i] = arguments[i];
	if (report->count < DOCTOR_FINDINGS_LIMIT &&
	    !is_known(report, &finding))
		report->finding[report->count++] = finding;
}

void
doctor_finding_print(const struct doctor_finding *finding, const char *text,
	struct buffer *out)
{
	for (const char *at = text; *at != '\0'; at++) {
		size_t i = at[0] == '{' && at[1] >= '1' &&
			at[1] < '1' + DOCTOR_ARGUMENTS && at[2] == '}' ?
			(size_t)(at[1] - '1') : DOCTOR_ARGUMENTS;
		if (i == DOCTOR_ARGUMENTS) {
			buffer_add_byte(out, *at);
			continue;
		}
		if (finding->argument[i] != NULL)
			buffer_add_string(out, finding->argument[i]);
		at += 2;
	}
}

bool
doctor_report_is_bad(const struct doctor_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (doctor_checks[report->finding[i].id].severity !=
		    DOCTOR_NOTE)
			return true;
	return false;
}

void
doctor_judge(struct doctor_facts *facts, struct doctor_report *report)
{
	static doctor_judge_function *const judges[] = {
		doctor_judge_host, doctor_judge_records,
		doctor_judge_addresses,
		doctor_judge_mail_policy, doctor_judge_tls_policy,
		doctor_judge_clients,
		doctor_judge_ports, doctor_judge_certificate,
		doctor_judge_machine, doctor_judge_settings,
		doctor_judge_running,
	};
	report->count = 0;
	for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++)
		judges[i](facts, report);
}

/* ---- answers ---- */

const struct doctor_answer *
doctor_answer_of(struct doctor_facts *facts, enum doctor_view view,
	const char *name, uint16_t type)
{
	static const struct doctor_answer silence = { .name = "",
		.outcome = DOCTOR_SILENT };
	struct doctor_answers *answers = &facts->answers;
	const char *lower = arena_copy_lower(facts->arena,
		span_from(name)).data;
	for (size_t i = 0; i < answers->count; i++) {
		const struct doctor_answer *answer = answers->answer[i];
		if (answer->view == view && answer->type == type &&
		    strcmp(answer->name, lower) == 0)
			return answer;
	}
	if (answers->count == DOCTOR_QUESTIONS_LIMIT)
		return &silence;
	if (answers->answer == NULL)
		answers->answer = arena_new_array(facts->arena,
			DOCTOR_QUESTIONS_LIMIT, sizeof(*answers->answer));
	struct doctor_answer *answer = arena_new(facts->arena, sizeof(*answer));
	*answer = (struct doctor_answer){ .view = view, .type = type,
		.name = lower };
	answers->answer[answers->count++] = answer;
	return answer;
}

const struct doctor_answer *
doctor_answer_best(struct doctor_facts *facts, const char *name, uint16_t type)
{
	return doctor_answer_of(facts, facts->answers.has_outside ?
		DOCTOR_OUTSIDE : DOCTOR_INSIDE, name, type);
}

void
doctor_answer_add(struct doctor_facts *facts, struct doctor_answer *answer,
	struct span text)
{
	if (answer->count == answer->room) {
		size_t room = answer->room == 0 ? 8 : answer->room * 2;
		const char **larger = arena_new_array(facts->arena, room,
			sizeof(*larger));
		for (size_t i = 0; i < answer->count; i++)
			larger[i] = answer->text[i];
		answer->text = larger;
		answer->room = room;
	}
	answer->text[answer->count++] = arena_copy_string(facts->arena, text);
	answer->outcome = DOCTOR_FOUND;
}

const char *
doctor_type_name(uint16_t type)
{
	static const struct { uint16_t type; const char *name; } names[] = {
		{ DNS_TYPE_A, "A" }, { DNS_TYPE_AAAA, "AAAA" },
		{ DNS_TYPE_MX, "MX" }, { DNS_TYPE_TXT, "TXT" },
		{ DNS_TYPE_PTR, "PTR" }, { DNS_TYPE_CNAME, "CNAME" },
		{ DNS_TYPE_TLSA, "TLSA" }, { DNS_TYPE_NS, "NS" },
		{ DNS_TYPE_SOA, "SOA" }, { DNS_TYPE_DNSKEY, "DNSKEY" },
		{ DOCTOR_TYPE_DS, "DS" },
		{ DOCTOR_TYPE_SRV, "SRV" }, { DOCTOR_TYPE_CAA, "CAA" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return "?";
}

/* ---- addresses and names ---- */

static bool
is_same_address(const struct network_address *a,
	const struct network_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes,
		a->family == AF_INET ? 4 : 16) == 0;
}

bool
doctor_is_own(const struct doctor_facts *facts,
	const struct network_address *address)
{
	for (size_t i = 0; i < facts->own_count; i++)
		if (is_same_address(&facts->own[i], address))
			return true;
	return false;
}

bool
doctor_is_private(const struct network_address *address)
{
	static const struct span list = SPAN("10.0.0.0/8 172.16.0.0/12 "
		"192.168.0.0/16 100.64.0.0/10 169.254.0.0/16 127.0.0.0/8 "
		"[fc00::]/7 [fe80::]/10 [::1]/128");
	return network_list_contains(list, address);
}

bool
doctor_answer_has(const struct doctor_answer *answer,
	const struct network_address *address)
{
	struct network_address found;
	for (size_t i = 0; i < answer->count; i++)
		if (network_address_parse(span_from(answer->text[i]), &found) &&
		    is_same_address(&found, address))
			return true;
	return false;
}

bool
doctor_name_covers(const char *pattern, const char *host)
{
	if (strncmp(pattern, "*.", 2) == 0) {
		const char *dot = strchr(host, '.');
		return dot != NULL && dot != host && span_equals_nocase(
			span_from(pattern + 1), span_from(dot));
	}
	return span_equals_nocase(span_from(pattern), span_from(host));
}
