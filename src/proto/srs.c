/*
 * SRS. See srs.h.
 */
#include "proto/srs.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/buffer.h"
#include "proto/address.h"

enum { MARK_SIZE = 5, DAYS = 1024 };

/* Case does not survive everywhere, so marks are compared without: letters of
 * one case, 5 bits each. */
static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

static void
make_mark(struct span secret, const char *kind, struct span rest,
	char out[MARK_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	struct buffer text;
	buffer_init(&text, 0);
	buffer_add_string(&text, kind);
	for (size_t i = 0; i < rest.size; i++)
		buffer_add_byte(&text, span_lower_byte(rest.data[i]));
	HMAC(EVP_sha256(), secret.data, (int)secret.size,
		(const unsigned char *)text.data, text.size, digest, &size);
	for (size_t i = 0; i < MARK_SIZE; i++)
		out[i] = letters[digest[i] & 31];
	buffer_fini(&text);
}

static bool
is_mark(struct span secret, const char *kind, struct span mark,
	struct span rest)
{
	char want[MARK_SIZE], given[MARK_SIZE];
	if (mark.size != MARK_SIZE)
		return false;
	make_mark(secret, kind, rest, want);
	for (size_t i = 0; i < MARK_SIZE; i++)
		given[i] = span_lower_byte(mark.data[i]);
	return CRYPTO_memcmp(want, given, MARK_SIZE) == 0;
}

/* ---- forward ---- */

static bool
add_address(struct arena *arena, const char *kind, struct span secret,
	struct span rest, struct span domain, struct span *out)
{
	char mark[MARK_SIZE];
	struct address address;
	make_mark(secret, kind, rest, mark);
	*out = arena_print(arena, "%s=%.*s=%.*s@%.*s", kind, MARK_SIZE, mark,
		SPAN_PRINT(rest), SPAN_PRINT(domain));
	return address_parse(*out, arena, &address) == ADDRESS_OK;
}

static bool
has_kind(struct span local, const char *kind)
{
	return span_starts_nocase(local, span_from(kind)) && local.size > 5 &&
		(local.data[4] == '=' || local.data[4] == '+' ||
		local.data[4] == '-');
}

static bool
make(struct span secret, struct span address, struct span domain,
	int64_t day, struct arena *arena, struct span *out)
{
	struct address from;
	unsigned stamp = (unsigned)(day % DAYS);
	if (secret.size == 0 || address_parse(address, arena, &from) !=
	    ADDRESS_OK || from.domain.size == 0)
		return false;
	/* SRS1=x=host==REST of another: the host that made SRS0 stays. */
	if (has_kind(from.local, "SRS1")) {
		struct span rest = span_skip(from.local, 5);
		return add_address(arena, "SRS1", secret, span_skip(rest,
			span_find(rest, '=') + 1), domain, out);
	}
	if (has_kind(from.local, "SRS0"))
		return add_address(arena, "SRS1", secret, arena_print(arena,
			"%.*s=%.*s", SPAN_PRINT(from.domain), SPAN_PRINT(
			span_skip(from.local, 4))), domain, out);
	return add_address(arena, "SRS0", secret, arena_print(arena,
		"%c%c=%.*s=%.*s", letters[stamp >> 5], letters[stamp & 31],
		SPAN_PRINT(from.domain), SPAN_PRINT(from.local)), domain, out);
}

/* ---- back ---- */

static bool
letter_value(char c, unsigned *value)
{
	for (unsigned i = 0; i < 32; i++)
		if (letters[i] == span_lower_byte(c)) {
			*value = i;
			return true;
		}
	return false;
}

static bool
is_young(struct span stamp, int64_t day)
{
	unsigned high, low;
	if (stamp.size != 2 || !letter_value(stamp.data[0], &high) ||
	    !letter_value(stamp.data[1], &low))
		return false;
	int64_t age = (day % DAYS - (int64_t)(high << 5 | low) + DAYS) % DAYS;
	return age <= SRS_DAYS;
}

static bool
put_address(struct arena *arena, struct span local, struct span domain,
	struct span *out)
{
	struct address address = { .local = local, .domain = domain }, check;
	struct buffer text;
	buffer_init(&text, 0);
	address_format(&text, &address);
	*out = arena_copy(arena, buffer_span(&text));
	buffer_fini(&text);
	return address_parse(*out, arena, &check) == ADDRESS_OK &&
		check.domain.size > 0 && !check.is_literal;
}

static enum srs_verdict
reverse_first(struct span secret, struct span rest, int64_t day,
	struct arena *arena, struct span *out)
{
	struct span mark, stamp, domain, signed_part;
	if (!span_split(&rest, '=', &mark) || rest.data == NULL)
		return SRS_NONE;
	signed_part = rest;
	if (!span_split(&rest, '=', &stamp) ||
	    !span_split(&rest, '=', &domain) || rest.data == NULL)
		return SRS_NONE;
	if (!is_mark(secret, "SRS0", mark, signed_part) ||
	    !is_young(stamp, day) || rest.size == 0 || domain.size == 0 ||
	    !put_address(arena, rest, domain, out))
		return SRS_BAD;
	return SRS_OK;
}

/* To the host that made the SRS0 inside. */
static enum srs_verdict
reverse_second(struct span secret, struct span rest, struct arena *arena,
	struct span *out)
{
	struct span mark, host, signed_part;
	if (!span_split(&rest, '=', &mark) || rest.data == NULL)
		return SRS_NONE;
	signed_part = rest;
	if (!span_split(&rest, '=', &host) || rest.data == NULL)
		return SRS_NONE;
	if (!is_mark(secret, "SRS1", mark, signed_part) || host.size == 0 ||
	    !put_address(arena, arena_print(arena, "SRS0%.*s",
	    SPAN_PRINT(rest)), host, out))
		return SRS_BAD;
	return SRS_OK;
}

enum srs_verdict
srs_reverse(struct span secret, struct span local, int64_t day,
	struct arena *arena, struct span *out)
{
	if (secret.size == 0)
		return SRS_NONE;
	if (has_kind(local, "SRS0"))
		return reverse_first(secret, span_skip(local, 5), day, arena,
			out);
	if (has_kind(local, "SRS1"))
		return reverse_second(secret, span_skip(local, 5), arena, out);
	return SRS_NONE;
}

/* What would not lead back (an empty local part, an address literal) is better
 * left as it is. */
bool
srs_forward(struct span secret, struct span address, struct span domain,
	int64_t day, struct arena *arena, struct span *out)
{
	struct address made;
	struct span back;
	return make(secret, address, domain, day, arena, out) &&
		address_parse(*out, arena, &made) == ADDRESS_OK &&
		srs_reverse(secret, made.local, day, arena, &back) == SRS_OK;
}
