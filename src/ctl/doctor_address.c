/*
 * Judges of the addresses that mail is sent from: their names, and whether
 * they are on blocklists.
 *
 *	RFC 1912 2.1 (a name that leads back), RFC 5782 (DNS blocklists)
 */
#include <string.h>

#include "ctl/doctor.h"
#include "proto/dns.h"

/* "1.2.0.192." of 192.0.2.1, nibbles of IPv6 (RFC 3596 2.5). */
static struct span
reversed(struct doctor_facts *facts, const struct network_address *address)
{
	static const char digits[] = "0123456789abcdef";
	char out[16 * 4 + 1];
	const uint8_t *b = address->bytes;
	if (address->family == AF_INET)
		return arena_print(facts->arena, "%u.%u.%u.%u.", b[3], b[2],
			b[1], b[0]);
	for (size_t i = 0; i < 16; i++) {
		uint8_t byte = b[15 - i];
		out[i * 4] = digits[byte & 15];
		out[i * 4 + 1] = '.';
		out[i * 4 + 2] = digits[byte >> 4];
		out[i * 4 + 3] = '.';
	}
	out[64] = '\0';
	return arena_copy(facts->arena, span_of(out, 64));
}

static const char *
reverse_name(struct doctor_facts *facts, const struct network_address *address,
	const char *below)
{
	return arena_print(facts->arena, "%.*s%s",
		SPAN_PRINT(reversed(facts, address)), below).data;
}

static void
judge_name(struct doctor_facts *facts, struct doctor_report *report,
	const struct network_address *address, const char *shown)
{
	const char *helo = config_text(facts->config, "smtp_helo_name");
	const struct doctor_answer *ptr = doctor_answer_best(facts,
		reverse_name(facts, address, address->family == AF_INET ?
		"in-addr.arpa" : "ip6.arpa"), DNS_TYPE_PTR);
	bool is_confirmed = false, is_pending = false, is_ours = false;
	if (ptr->outcome == DOCTOR_SILENT)
		doctor_add(report, DOCTOR_DNS_FAILED, ptr->name, "PTR");
	if (ptr->outcome == DOCTOR_NO_NAME || ptr->outcome == DOCTOR_EMPTY)
		doctor_add(report, DOCTOR_PTR_MISSING, shown, helo);
	for (size_t i = 0; i < ptr->count && i < 10; i++) {
		const struct doctor_answer *back = doctor_answer_best(facts,
			ptr->text[i], address->family == AF_INET ?
			DNS_TYPE_A : DNS_TYPE_AAAA);
		is_pending |= back->outcome == DOCTOR_UNASKED;
		is_confirmed |= doctor_answer_has(back, address);
		is_ours |= span_equals_nocase(span_from(ptr->text[i]),
			span_from(helo));
	}
	if (ptr->count == 0 || is_pending)
		return;
	if (!is_confirmed)
		doctor_add(report, DOCTOR_PTR_UNCONFIRMED, shown, ptr->text[0],
			helo);
	else if (!is_ours)
		doctor_add(report, DOCTOR_PTR_OTHER, shown, ptr->text[0], helo);
}

/* A list works when it lists 127.0.0.2 and not 127.0.0.1 (RFC 5782 5); one
 * that has had enough of a resolver says 127.255.255.x of everything. */
static bool
is_list_right(struct doctor_facts *facts, const char *list, bool is_ipv6)
{
	const struct doctor_answer *yes = doctor_answer_best(facts,
		arena_print(facts->arena, "%s%s", is_ipv6 ?
		"2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		: "2.0.0.127.", list).data, DNS_TYPE_A);
	const struct doctor_answer *no = doctor_answer_best(facts,
		arena_print(facts->arena, "%s%s", is_ipv6 ?
		"1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		: "1.0.0.127.", list).data, DNS_TYPE_A);
	return yes->count > 0 && no->outcome == DOCTOR_NO_NAME;
}

static void
judge_list(struct doctor_facts *facts, struct doctor_report *report,
	const struct network_address *address, const char *shown,
	const char *list)
{
	const struct doctor_answer *answer = doctor_answer_best(facts,
		reverse_name(facts, address, list), DNS_TYPE_A);
	if (!is_list_right(facts, list, address->family == AF_INET6))
		return;
	for (size_t i = 0; i < answer->count; i++)
		if (strncmp(answer->text[i], "127.", 4) == 0 &&
		    strncmp(answer->text[i], "127.255.255.", 12) != 0)
			doctor_add(report, DOCTOR_BLOCKLISTED, shown, list,
				answer->text[i]);
}

struct network_address
doctor_sender_seen(struct doctor_facts *facts, size_t i)
{
	struct network_address own = facts->sender[i], outside;
	if (!doctor_is_private(&own))
		return own;
	const struct doctor_answer *answer = doctor_answer_best(facts,
		config_text(facts->config, "myhostname"),
		own.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA);
	for (size_t k = 0; k < answer->count; k++)
		if (network_address_parse(span_from(answer->text[k]),
		    &outside) && !doctor_is_private(&outside))
			return outside;
	return own;
}

void
doctor_judge_addresses(struct doctor_facts *facts,
	struct doctor_report *report)
{
	char text[NETWORK_TEXT_SIZE];
	const struct doctor_answers *answers = &facts->answers;
	/* Another host sends for us; its addresses count. */
	if (config_text(facts->config, "relayhost")[0] != '\0' ||
	    (!answers->has_inside && !answers->has_outside))
		return;
	for (size_t i = 0; i < facts->sender_count; i++) {
		struct network_address address = doctor_sender_seen(facts, i);
		/* Nobody but neighbours sees it. */
		if (doctor_is_private(&address))
			continue;
		network_address_format(&address, text);
		const char *shown = arena_copy_string(facts->arena,
			span_from(text));
		struct span rest = span_from(config_text(facts->config,
			"doctor_blocklists")), item;
		judge_name(facts, report, &address, shown);
		while (config_next_item(&rest, &item))
			judge_list(facts, report, &address, shown,
				arena_copy_string(facts->arena, item));
	}
}
