/*
 * What the type of a parameter leaves open: names, addresses and words that its
 * readers could not use. So a mistake is said with its line before anything starts,
 * and not in the log of a program that goes on without the value.
 */
#include "base/config_check.h"

#include <string.h>

#include "base/config.h"
#include "base/network.h"

enum { NAME_LIMIT = 255, LABEL_LIMIT = 63 };

static bool
has_only(struct span text, const char *more, bool is_other_allowed)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = span_lower_byte(text.data[i]);
		bool is_other = (unsigned char)c >= 0x80;
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') &&
		    (is_other ? !is_other_allowed : c == '\0' ||
		    strchr(more, c) == NULL))
			return false;
	}
	return true;
}

/* A label that is not ASCII (IDN) has another length in the DNS. */
static bool
are_labels(struct span text, const char *more, bool is_other_allowed)
{
	struct span label;
	bool is_right = text.size > 0 && text.size <= NAME_LIMIT;
	while (is_right && span_split(&text, '.', &label))
		is_right = label.size > 0 &&
			has_only(label, more, is_other_allowed) &&
			(label.size <= LABEL_LIMIT ||
			!has_only(label, more, false));
	return is_right;
}

/* ---- one item ---- */

static bool
is_name(struct span text)
{
	return are_labels(text, "-_", true);
}

static bool
is_host(struct span text)
{
	return are_labels(text, "-_", false);
}

/* "." too, and the "/" of RFC 2317. */
static bool
is_zone(struct span text)
{
	return span_equals(text, SPAN(".")) || are_labels(
		span_ends_nocase(text, SPAN(".")) ? span_first(text, text.size - 1) :
		text, "-_/", false);
}

static bool
is_secondary(struct span text)
{
	struct network_address primary;
	size_t colon = span_find(text, ':');
	struct span address = span_skip(text, colon + 1);
	return colon < text.size && is_zone(span_first(text, colon)) &&
		network_server_parse(span_first(address,
		span_find(address, '=')), 0, &primary);
}

static bool
is_address(struct span text)
{
	struct network_address address;
	return network_address_parse(text, &address);
}

static bool
is_among(struct span text, const char *words)
{
	struct span rest = span_from(words), word;
	while (span_word(&rest, &word))
		if (span_equals(text, word))
			return true;
	return false;
}

static bool
is_challenge(struct span text)
{
	return is_among(text, "http-01 tls-alpn-01 dns-01");
}

static bool
is_ip_version(struct span text)
{
	return is_among(text, "all ipv4 ipv6");
}

/* Those of Dovecot that are elsewhere here, or not at all, may stay in its line. */
static bool
is_protocol(struct span text)
{
	return is_among(text, "imap pop3 lmtp sieve imaps pop3s submission none");
}

static bool
is_source(struct span text)
{
	size_t colon = span_find(text, ':');
	return is_among(text, "builtin system") || (colon + 1 < text.size &&
		is_among(span_first(text, colon), "ldap pgsql passwd-file"));
}

static bool
is_path(struct span text)
{
	return span_starts_nocase(text, SPAN("/"));
}

/* What is in RFC 5321 4.1.3 between brackets is left to who sees it. */
static bool
is_helo(struct span text)
{
	return is_host(text) || (span_starts_nocase(text, SPAN("[")) &&
		span_ends_nocase(text, SPAN("]")));
}

static bool
is_directory(struct span text)
{
	return span_equals(text, SPAN("letsencrypt")) ||
		(span_starts_nocase(text, SPAN("https://")) &&
		text.size > strlen("https://"));
}

static bool
is_mailbox(struct span text)
{
	size_t at = span_find(text, '@');
	return at > 0 && at < text.size && is_name(span_skip(text, at + 1));
}

/* ---- which parameter ---- */

static const struct {
	const char *name;
	bool (*is_right)(struct span item);
	bool is_list;
	const char *expected;
} rules[] = {
	{ "myhostname", is_host, false,
		"a name such as mail.example.org, others than ASCII as xn--" },
	{ "mydomain", is_name, false, "a domain such as example.org" },
	{ "inet_protocols", is_ip_version, true, "some of: all ipv4 ipv6" },
	{ "accounts", is_source, true,
		"some of: builtin system ldap:FILE pgsql:FILE passwd-file:FILE" },
	{ "protocols", is_protocol, true, "some of: imap pop3 lmtp sieve" },
	{ "smtp_helo_name", is_helo, false,
		"a name such as mail.example.org, others than ASCII as xn--" },
	{ "smtp_bind_address", is_address, false,
		"an address such as 192.0.2.1" },
	{ "smtp_bind_address6", is_address, false,
		"an address such as 2001:db8::1" },
	{ "data_directory", is_path, false, "an absolute path" },
	{ "queue_directory", is_path, false, "an absolute path" },
	{ "runtime_directory", is_path, false, "an absolute path" },
	{ "mail_spool_directory", is_path, false, "an absolute path" },
	{ "acme_directory", is_directory, false,
		"letsencrypt, or an address that begins with https://" },
	{ "acme_email", is_mailbox, false,
		"an address such as postmaster@example.org" },
	{ "acme_challenges", is_challenge, true,
		"some of: http-01 tls-alpn-01 dns-01" },
	{ "acme_names", is_host, true,
		"names such as mail.example.org, others than ASCII as xn--" },
	{ "dns_addresses", is_address, true,
		"addresses such as 192.0.2.1 or 2001:db8::1" },
	{ "dns_signed_zones", is_zone, true,
		"all, or names of zones, others than ASCII as xn--" },
	{ "dns_secondary_zones", is_secondary, true,
		"zones such as example.org:192.0.2.1 or "
		"example.org:192.0.2.1@5353" },
};

const char *
config_check_text(const char *name, struct span text)
{
	struct span item, rest = text;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (strcmp(rules[i].name, name) != 0)
			continue;
		while (rules[i].is_list && config_next_item(&rest, &item))
			if (!rules[i].is_right(item))
				return rules[i].expected;
		return rules[i].is_list || text.size == 0 ||
			rules[i].is_right(text) ? NULL : rules[i].expected;
	}
	return NULL;
}
