/* Judges of settings: what they let strangers do, and what they forget. */
#include <string.h>

#include "ctl/doctor.h"

/* The width of a network: 0 bits is everybody. */
static bool
read_bits(struct span item, bool *is_ipv6, uint64_t *bits)
{
	size_t slash = span_find(item, '/');
	*is_ipv6 = span_find(item, ':') < item.size;
	*bits = *is_ipv6 ? 128 : 32;
	return slash == item.size || span_to_number(span_skip(item, slash + 1),
		*bits, bits);
}

/* Nobody's own network is wider than /8, or a provider's /32. */
static void
judge_networks(struct doctor_facts *facts, struct doctor_report *report)
{
	struct span rest = span_from(config_text(facts->config, "mynetworks"));
	struct span item;
	bool is_excluded, is_ipv6;
	uint64_t bits;
	while (config_next_pattern(&rest, &item, &is_excluded)) {
		if (is_excluded || !read_bits(item, &is_ipv6, &bits))
			continue;
		const char *text = arena_copy_string(facts->arena, item);
		if (bits == 0)
			doctor_add(report, DOCTOR_NETWORKS_OPEN, text);
		else if (bits < (is_ipv6 ? 16u : 8u))
			doctor_add(report, DOCTOR_NETWORKS_WIDE, text);
	}
}

/* Allowed to private networks, it is what an administrator may want. */
static void
judge_plaintext(struct doctor_facts *facts, struct doctor_report *report)
{
	struct span rest = span_from(config_text(facts->config,
		"login_trusted_networks")), item;
	bool is_excluded, is_ipv6;
	uint64_t bits;
	if (rest.size == 0 && !config_bool(facts->config,
	    "disable_plaintext_auth"))
		doctor_add(report, DOCTOR_PLAINTEXT,
			"disable_plaintext_auth = no");
	while (config_next_pattern(&rest, &item, &is_excluded))
		if (!is_excluded && read_bits(item, &is_ipv6, &bits) &&
		    bits < (is_ipv6 ? 16u : 8u))
			doctor_add(report, DOCTOR_PLAINTEXT, arena_print(
				facts->arena, "login_trusted_networks: %.*s",
				SPAN_PRINT(item)).data);
}

/* Whoever came in lately and would not now. */
static void
judge_logins(struct doctor_facts *facts, struct doctor_report *report)
{
	struct span trusted = span_from(config_text(facts->config,
		"login_trusted_networks"));
	struct network_address address;
	for (size_t i = 0; i < facts->login_count && trusted.size > 0; i++)
		if (network_address_parse(span_from(facts->login[i].address),
		    &address) && !network_is_loopback(&address) &&
		    !network_list_contains(trusted, &address))
			doctor_add(report, DOCTOR_SHUT_OUT,
				facts->login[i].user, facts->login[i].address);
}

static void
judge_aliases(struct doctor_facts *facts, struct doctor_report *report)
{
	bool names_root = false;
	for (size_t i = 0; i < facts->alias_file_count; i++) {
		const struct doctor_alias_file *file = &facts->alias_file[i];
		if (file->is_stale)
			doctor_add(report, DOCTOR_ALIASES_STALE, file->path);
		names_root |= file->names_root;
	}
	if (facts->alias_file_count > 0 && !names_root &&
	    !facts->has_root_alias && config_has_item(facts->config, "accounts", "system"))
		doctor_add(report, DOCTOR_ROOT_UNREAD,
			facts->alias_file[0].path);
}

void
doctor_judge_settings(struct doctor_facts *facts, struct doctor_report *report)
{
	const char *warning;
	for (size_t i = 0;
	    (warning = config_warning(facts->config, i)) != NULL; i++)
		doctor_add(report, DOCTOR_PARAMETER, warning);
	if (facts->source_trouble != NULL)
		doctor_add(report, DOCTOR_SOURCES, facts->source_trouble);
	judge_networks(facts, report);
	judge_plaintext(facts, report);
	judge_logins(facts, report);
	judge_aliases(facts, report);
}
