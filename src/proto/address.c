/*
 * Mail addresses by RFC 5321 4.1.2 (Mailbox, Local-part, Domain), 4.1.3
 * (address literals) and RFC 6531 3.3 (UTF-8 in both parts). No allocation but
 * from the arena given.
 */
#include "proto/address.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#include "base/memory.h"
#include "base/utf8.h"

static bool
is_alphanumeric(char c)
{
	c = span_lower_byte(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool
is_not_ascii(char c)
{
	return (unsigned char)c >= 0x80;
}

/* RFC 5322 3.2.3 atext, and RFC 6531 3.3 UTF8-non-ascii. */
static bool
is_atext(char c)
{
	return is_alphanumeric(c) || is_not_ascii(c) ||
		(c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* ---- parsing ---- */

/*
 * Quoted-string off the front (RFC 5321 4.1.2: qtextSMTP, quoted-pairSMTP).
 * Without a backslash the local part is a piece of the input.
 */
static bool
take_quoted(struct span *rest, struct arena *arena, struct span *local)
{
	size_t end = 1;
	bool has_pair = false;
	while (end < rest->size && rest->data[end] != '"') {
		if (rest->data[end] == '\\') {
			has_pair = true;
			end++;
		}
		if (end >= rest->size || (unsigned char)rest->data[end] < ' ' ||
		    rest->data[end] == 0x7f)
			return false;
		end++;
	}
	if (end >= rest->size)
		return false;
	struct span inside = span_of(rest->data + 1, end - 1);
	*rest = span_skip(*rest, end + 1);
	*local = inside;
	if (!has_pair)
		return true;
	char *text = arena_new(arena, inside.size);
	size_t size = 0;
	for (size_t i = 0; i < inside.size; i++) {
		if (inside.data[i] == '\\')
			i++;
		text[size++] = inside.data[i];
	}
	*local = span_of(text, size);
	return true;
}

static bool
take_local(struct span *rest, struct arena *arena, struct span *local)
{
	if (rest->size > 0 && rest->data[0] == '"')
		return take_quoted(rest, arena, local);
	size_t end = 0;
	while (end < rest->size &&
	    (is_atext(rest->data[end]) || rest->data[end] == '.'))
		end++;
	*local = span_first(*rest, end);
	*rest = span_skip(*rest, end);
	return end > 0;
}

/* What stands between the brackets (RFC 5321 4.1.3). */
static bool
is_literal_content(struct span text)
{
	char string[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	int family = AF_INET;
	if (span_starts_nocase(text, SPAN("IPv6:"))) {
		family = AF_INET6;
		text = span_skip(text, 5);
	} else if (span_find(text, ':') < text.size) {
		/* General-address-literal: a tag that ends in Let-dig, and
		 * dcontent; no tag but IPv6 is registered. */
		size_t tag = span_find(text, ':');
		return tag > 0 && is_alphanumeric(text.data[tag - 1]) &&
			tag + 1 < text.size;
	}
	if (text.size == 0 || text.size >= sizeof(string))
		return false;
	memcpy(string, text.data, text.size);
	string[text.size] = '\0';
	return inet_pton(family, string, bytes) == 1;
}

static bool
take_literal(struct span *rest, struct span *domain)
{
	size_t end = 1;
	while (end < rest->size && rest->data[end] != ']') {
		char c = rest->data[end];
		if (c <= ' ' || c == '[' || c == '\\' || c == 0x7f)
			return false;	/* dtext is 33-90, 94-126 */
		end++;
	}
	if (end >= rest->size)
		return false;
	if (!is_literal_content(span_of(rest->data + 1, end - 1)))
		return false;
	*domain = span_first(*rest, end + 1);
	*rest = span_skip(*rest, end + 1);
	return true;
}

/*
 * Labels of letters, digits and inner hyphens; U-labels are judged by IDNA when
 * a domain is compared. The underscore stands in names that really send mail.
 */
static bool
is_domain(struct span domain)
{
	struct span rest = domain, label;
	if (domain.size == 0)
		return false;
	while (span_split(&rest, '.', &label)) {
		if (label.size == 0 || label.data[0] == '-' ||
		    label.data[label.size - 1] == '-')
			return false;
		for (size_t i = 0; i < label.size; i++) {
			char c = label.data[i];
			if (!is_alphanumeric(c) && !is_not_ascii(c) &&
			    c != '-' && c != '_')
				return false;
		}
		if (utf8_is_ascii(label) && label.size > ADDRESS_LABEL_LIMIT)
			return false;
	}
	return true;
}

static bool
take_domain(struct span *rest, struct address *address)
{
	size_t end = 0;
	if (rest->size > 0 && rest->data[0] == '[') {
		address->is_literal = true;
		return take_literal(rest, &address->domain);
	}
	while (end < rest->size && (is_alphanumeric(rest->data[end]) ||
	    is_not_ascii(rest->data[end]) || rest->data[end] == '-' ||
	    rest->data[end] == '_' || rest->data[end] == '.'))
		end++;
	address->domain = span_first(*rest, end);
	*rest = span_skip(*rest, end);
	return is_domain(address->domain);
}

static enum address_verdict
take_mailbox(struct span *rest, struct arena *arena, struct address *address)
{
	*address = (struct address){ .is_literal = false };
	if (!take_local(rest, arena, &address->local))
		return ADDRESS_BAD_SYNTAX;
	if (rest->size > 0 && rest->data[0] == '@') {
		*rest = span_skip(*rest, 1);
		if (!take_domain(rest, address))
			return ADDRESS_BAD_SYNTAX;
	}
	if (!utf8_is_valid(address->local) || !utf8_is_valid(address->domain))
		return ADDRESS_BAD_SYNTAX;
	address->is_utf8 = !utf8_is_ascii(address->local) ||
		!utf8_is_ascii(address->domain);
	if (address->local.size > ADDRESS_LOCAL_LIMIT ||
	    address->domain.size > ADDRESS_DOMAIN_LIMIT ||
	    address->local.size + 1 + address->domain.size > ADDRESS_PATH_LIMIT)
		return ADDRESS_TOO_LONG;
	return ADDRESS_OK;
}

/*
 * "@a.example,@b.example:" (RFC 5321 4.1.1.3, appendix C: must be accepted,
 * should be ignored).
 */
static enum address_verdict
skip_route(struct span *rest)
{
	if (rest->size == 0 || rest->data[0] != '@')
		return ADDRESS_OK;
	size_t end = span_find(span_first(*rest, ADDRESS_ROUTE_LIMIT), ':');
	if (end == ADDRESS_ROUTE_LIMIT)
		return ADDRESS_TOO_LONG;
	if (end == rest->size)
		return ADDRESS_BAD_SYNTAX;
	struct span route = span_first(*rest, end), hop;
	while (span_split(&route, ',', &hop))
		if (hop.size < 2 || hop.data[0] != '@' ||
		    !is_domain(span_skip(hop, 1)))
			return ADDRESS_BAD_SYNTAX;
	*rest = span_skip(*rest, end + 1);
	return ADDRESS_OK;
}

enum address_verdict
address_parse_path(struct span *rest, struct arena *arena,
	struct address *address)
{
	struct span in = *rest;
	*address = (struct address){ .is_literal = false };
	if (in.size == 0 || in.data[0] != '<')
		return ADDRESS_BAD_SYNTAX;
	in = span_skip(in, 1);
	if (in.size > 0 && in.data[0] == '>') {
		*rest = span_skip(in, 1);
		return ADDRESS_NULL;
	}
	enum address_verdict verdict = skip_route(&in);
	if (verdict == ADDRESS_OK)
		verdict = take_mailbox(&in, arena, address);
	if (verdict != ADDRESS_OK)
		return verdict;
	if (in.size == 0 || in.data[0] != '>')
		return ADDRESS_BAD_SYNTAX;
	*rest = span_skip(in, 1);
	return ADDRESS_OK;
}

enum address_verdict
address_parse(struct span text, struct arena *arena, struct address *address)
{
	enum address_verdict verdict = take_mailbox(&text, arena, address);
	if (verdict == ADDRESS_OK && text.size > 0)
		return ADDRESS_BAD_SYNTAX;
	return verdict;
}

/* ---- formatting ---- */

static bool
is_dot_string(struct span local)
{
	char before = '.';
	for (size_t i = 0; i < local.size; i++) {
		char c = local.data[i];
		if (c == '.' ? before == '.' : !is_atext(c))
			return false;
		before = c;
	}
	return before != '.';
}

void
address_format(struct buffer *out, const struct address *address)
{
	if (is_dot_string(address->local)) {
		buffer_add(out, address->local);
	} else {
		buffer_add_byte(out, '"');
		for (size_t i = 0; i < address->local.size; i++) {
			char c = address->local.data[i];
			if (c == '"' || c == '\\')
				buffer_add_byte(out, '\\');
			buffer_add_byte(out, c);
		}
		buffer_add_byte(out, '"');
	}
	if (address->domain.size > 0) {
		buffer_add_byte(out, '@');
		buffer_add(out, address->domain);
	}
}

/* ---- comparison ---- */

static struct span
lower_ascii(struct arena *arena, struct span text)
{
	char *lower = arena_new(arena, text.size + 1);
	for (size_t i = 0; i < text.size; i++)
		lower[i] = span_lower_byte(text.data[i]);
	return span_of(lower, text.size);
}

/*
 * Canonical caseless form (Unicode 3.13, D145): decompose, fold, compose. The
 * rooms given fit any expansion of Unicode (3 times for NFD, 3 for folding), so
 * that the library allocates nothing; should it do so all the same, it is freed.
 */
static bool
fold_local(struct arena *arena, struct span local, struct span *out)
{
	if (utf8_is_ascii(local)) {
		*out = lower_ascii(arena, local);
		return true;
	}
	if (!utf8_is_valid(local))
		return false;
	size_t wide_size = local.size * 4 + 16, folded_size = wide_size * 3;
	uint8_t *wide_room = arena_new(arena, wide_size);
	uint8_t *folded_room = arena_new(arena, folded_size);
	uint8_t *wide = u8_normalize(UNINORM_NFD,
		(const uint8_t *)local.data, local.size, wide_room, &wide_size);
	if (wide == NULL)
		return false;
	uint8_t *folded = u8_casefold(wide, wide_size, NULL, UNINORM_NFC,
		folded_room, &folded_size);
	if (folded != NULL)
		*out = arena_copy(arena, span_of(folded, folded_size));
	if (wide != wide_room)
		memory_free(wide);
	if (folded != folded_room)
		memory_free(folded);
	return folded != NULL;
}

static bool
has_a_label(struct span domain)
{
	struct span label;
	while (span_split(&domain, '.', &label))
		if (span_starts_nocase(label, SPAN("xn--")))
			return true;
	return false;
}

/* A-labels of a domain that has other than plain ASCII labels. */
static bool
domain_to_a_labels(struct arena *arena, struct span domain, struct span *out)
{
	char *text = arena_copy_string(arena, domain), *ascii = NULL;
	if (strlen(text) != domain.size)
		return false;
	/* Nontransitional: RFC 5891 as registries apply it; mapped first to
	 * lower case and NFC (RFC 5895). Checks that A-labels are real ones. */
	if (idn2_lookup_u8((const uint8_t *)text, (uint8_t **)&ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	*out = lower_ascii(arena, span_from(ascii));
	idn2_free(ascii);
	return out->size <= ADDRESS_DOMAIN_LIMIT && is_domain(*out);
}

bool
address_domain_to_ascii(struct arena *arena, struct span domain,
	struct span *out)
{
	if (domain.size > ADDRESS_DOMAIN_LIMIT || !is_domain(domain))
		return false;
	if (utf8_is_ascii(domain) && !has_a_label(domain)) {
		*out = lower_ascii(arena, domain);
		return true;
	}
	return domain_to_a_labels(arena, domain, out);
}

bool
address_normalise_domain(struct arena *arena, struct span domain,
	struct span *out)
{
	struct span ascii;
	if (!address_domain_to_ascii(arena, domain, &ascii))
		return false;
	if (!has_a_label(ascii)) {
		*out = ascii;
		return true;
	}
	char *text = arena_copy_string(arena, ascii), *unicode = NULL;
	if (idn2_to_unicode_8z8z(text, &unicode, 0) != IDN2_OK)
		return false;
	*out = arena_copy(arena, span_from(unicode));
	idn2_free(unicode);
	/* What does not lead back to the same A-labels is no U-label (RFC 5891
	 * 5.4), and would be a second name for another domain. */
	struct span again;
	return utf8_is_valid(*out) &&
		address_domain_to_ascii(arena, *out, &again) &&
		span_equals(again, ascii);
}

bool
address_normalise(struct arena *arena, const struct address *address,
	struct span *out)
{
	struct span local, domain = address->domain;
	if (!fold_local(arena, address->local, &local))
		return false;
	if (domain.size == 0) {
		*out = local;
		return true;
	}
	if (address->is_literal)
		domain = lower_ascii(arena, domain);
	else if (!address_normalise_domain(arena, domain, &domain))
		return false;
	size_t size = local.size + 1 + domain.size;
	char *text = arena_new(arena, size + 1);
	if (local.size > 0)
		memcpy(text, local.data, local.size);
	text[local.size] = '@';
	memcpy(text + local.size + 1, domain.data, domain.size);
	*out = span_of(text, size);
	return true;
}

bool
address_split_detail(struct span local, const char *delimiters,
	struct span *base, struct span *detail)
{
	*base = local;
	*detail = span_of(NULL, 0);
	for (size_t i = 1; i < local.size; i++) {
		if (local.data[i] == '\0' ||
		    strchr(delimiters, local.data[i]) == NULL)
			continue;
		*base = span_first(local, i);
		*detail = span_skip(local, i + 1);
		return true;
	}
	return false;
}
