/*
 * SASL messages. Pure parsers of what strangers sent to auth: RFC 4616 2
 * (PLAIN), RFC 5802 7 (the grammar of SCRAM), RFC 5801 4 (the GS2 header).
 */
#include "proto/sasl.h"

#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "proto/saslprep.h"

static const char *const mechanism_names[SASL_MECHANISM_COUNT] = {
	[SASL_SCRAM_SHA_256_PLUS] = "SCRAM-SHA-256-PLUS",
	[SASL_SCRAM_SHA_256] = "SCRAM-SHA-256",
	[SASL_PLAIN] = "PLAIN",
	[SASL_LOGIN] = "LOGIN",
	[SASL_EXTERNAL] = "EXTERNAL",
};

const char *
sasl_mechanism_name(enum sasl_mechanism mechanism)
{
	return mechanism_names[mechanism];
}

bool
sasl_mechanism_find(struct span name, enum sasl_mechanism *mechanism)
{
	for (unsigned i = 0; i < SASL_MECHANISM_COUNT; i++) {
		if (!span_equals_nocase(span_from(mechanism_names[i]), name))
			continue;
		*mechanism = (enum sasl_mechanism)i;
		return true;
	}
	return false;
}

/* ---- PLAIN ---- */

static bool
is_text(struct span text, size_t limit)
{
	return text.size > 0 && text.size <= limit &&
		span_find(text, '\0') == text.size && utf8_is_valid(text);
}

bool
sasl_is_name(struct span name)
{
	return is_text(name, SASL_NAME_LIMIT);
}

bool
sasl_is_password(struct span password)
{
	return is_text(password, SASLPREP_PASSWORD_LIMIT);
}

bool
sasl_parse_plain(struct span message, struct sasl_plain *plain)
{
	struct span rest = message;
	if (message.size > SASL_MESSAGE_LIMIT ||
		!span_split(&rest, '\0', &plain->authzid) ||
		!span_split(&rest, '\0', &plain->authcid) ||
		!span_split(&rest, '\0', &plain->password) ||
		rest.data != NULL)
		return false;
	return (plain->authzid.size == 0 || sasl_is_name(plain->authzid)) &&
		sasl_is_name(plain->authcid) &&
		sasl_is_password(plain->password);
}

bool
sasl_is_external(struct span message)
{
	return message.size == 0 || sasl_is_name(message);
}

/* ---- SCRAM ---- */

/* saslname: "=2C" is a comma, "=3D" an equals sign, no other "=" may stand. */
static bool
decode_name(struct span raw, struct arena *arena, struct span *name)
{
	if (!sasl_is_name(raw))
		return false;
	*name = raw;
	if (span_find(raw, '=') == raw.size)
		return true;
	char *text = arena_new(arena, raw.size);
	size_t size = 0;
	while (raw.size > 0) {
		if (span_starts(raw, SPAN("=2C")))
			text[size++] = ',';
		else if (span_starts(raw, SPAN("=3D")))
			text[size++] = '=';
		else if (raw.data[0] == '=')
			return false;
		else
			text[size++] = raw.data[0];
		raw = span_skip(raw, raw.data[0] == '=' ? 3 : 1);
	}
	*name = span_of(text, size);
	return true;
}

/* printable = %x21-2B / %x2D-7E */
static bool
is_nonce(struct span nonce, size_t limit)
{
	if (nonce.size == 0 || nonce.size > limit)
		return false;
	for (size_t i = 0; i < nonce.size; i++)
		if (nonce.data[i] <= ' ' || nonce.data[i] > '~')
			return false;
	return true;
}

/* cb-name = 1*(ALPHA / DIGIT / "." / "-") */
static bool
is_binding_name(struct span name)
{
	if (name.size == 0 || name.size > 64)
		return false;
	for (size_t i = 0; i < name.size; i++) {
		char c = span_lower_byte(name.data[i]);
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') &&
			c != '.' && c != '-')
			return false;
	}
	return true;
}

/* gs2-cbind-flag */
static bool
parse_binding(struct span flag, struct scram_client_first *first)
{
	if (span_equals(flag, SPAN("n")))
		first->binding = SCRAM_BINDING_NONE;
	else if (span_equals(flag, SPAN("y")))
		first->binding = SCRAM_BINDING_UNUSED;
	else if (span_starts(flag, SPAN("p=")))
		first->binding = SCRAM_BINDING_USED;
	else
		return false;
	if (first->binding != SCRAM_BINDING_USED)
		return true;
	first->binding_name = span_skip(flag, 2);
	return is_binding_name(first->binding_name);
}

/* attr-val = ALPHA "=" value; optional extensions are passed over. */
static bool
is_extension(struct span attribute)
{
	if (attribute.size < 3 || attribute.data[1] != '=')
		return false;
	char c = span_lower_byte(attribute.data[0]);
	return c >= 'a' && c <= 'z' && is_text(attribute, SASL_MESSAGE_LIMIT);
}

static bool
take_value(struct span *rest, const char *key, struct span *value)
{
	struct span attribute;
	if (!span_split(rest, ',', &attribute) ||
		!span_starts(attribute, span_from(key)))
		return false;
	*value = span_skip(attribute, strlen(key));
	return true;
}

/* gs2-header = gs2-cbind-flag "," [ authzid ] "," */
static bool
take_header(struct span message, struct arena *arena,
	struct scram_client_first *first)
{
	struct span rest = message, flag, authzid;
	if (!span_split(&rest, ',', &flag) ||
		!span_split(&rest, ',', &authzid) || rest.data == NULL)
		return false;
	if (!parse_binding(flag, first))
		return false;
	if (authzid.size > 0 && (!span_starts(authzid, SPAN("a=")) ||
		!decode_name(span_skip(authzid, 2), arena, &first->authzid)))
		return false;
	first->header = span_first(message, message.size - rest.size);
	first->bare = rest;
	return true;
}

enum scram_verdict
scram_parse_client_first(struct span message, struct arena *arena,
	struct scram_client_first *first)
{
	struct span rest, value;
	*first = (struct scram_client_first){ 0 };
	if (message.size > SASL_MESSAGE_LIMIT ||
		!take_header(message, arena, first))
		return SCRAM_BAD;
	/* RFC 5802 5.1 "m": mandatory extensions, none of which exist. */
	if (span_starts(first->bare, SPAN("m=")))
		return SCRAM_EXTENSION;
	rest = first->bare;
	if (!take_value(&rest, "n=", &value) ||
		!decode_name(value, arena, &first->name) ||
		!take_value(&rest, "r=", &first->nonce) ||
		!is_nonce(first->nonce, SASL_NONCE_LIMIT))
		return SCRAM_BAD;
	while (span_split(&rest, ',', &value))
		if (!is_extension(value))
			return SCRAM_BAD;
	return SCRAM_OK;
}

void
scram_add_server_first(struct buffer *out, struct span client_nonce,
	struct span server_nonce, struct span salt, uint32_t iterations)
{
	buffer_add_string(out, "r=");
	buffer_add(out, client_nonce);
	buffer_add(out, server_nonce);
	buffer_add_string(out, ",s=");
	base64_encode(out, salt);
	buffer_print(out, ",i=%u", iterations);
}

static bool
decode_base64(struct span text, size_t limit, struct arena *arena,
	struct span *bytes)
{
	struct buffer decoded;
	buffer_init(&decoded, limit);
	bool ok = base64_decode(&decoded, text) &&
		!buffer_is_overrun(&decoded);
	if (ok)
		*bytes = arena_copy(arena, buffer_span(&decoded));
	buffer_fini(&decoded);
	return ok;
}

/* The attributes before the proof: channel-binding, nonce, extensions. */
static bool
parse_without_proof(struct span rest, struct arena *arena,
	struct scram_client_final *final)
{
	struct span value;
	if (!take_value(&rest, "c=", &value) ||
		!decode_base64(value, SASL_BINDING_LIMIT, arena,
		&final->binding) ||
		!take_value(&rest, "r=", &final->nonce) ||
		!is_nonce(final->nonce, 2 * SASL_NONCE_LIMIT))
		return false;
	while (span_split(&rest, ',', &value))
		if (!is_extension(value) || value.data[0] == 'p')
			return false;
	return true;
}

enum scram_verdict
scram_parse_client_final(struct span message, struct arena *arena,
	struct scram_client_final *final)
{
	struct span proof;
	*final = (struct scram_client_final){ 0 };
	if (message.size > SASL_MESSAGE_LIMIT)
		return SCRAM_BAD;
	/* The proof is the last attribute; base64 holds no comma. */
	size_t at = message.size;
	while (at > 0 && message.data[at - 1] != ',')
		at--;
	struct span last = span_skip(message, at);
	if (at == 0 || !span_starts(last, SPAN("p=")) ||
		!decode_base64(span_skip(last, 2), SCRAM_HASH_SIZE, arena,
		&proof) || proof.size != SCRAM_HASH_SIZE)
		return SCRAM_BAD;
	memcpy(final->proof, proof.data, SCRAM_HASH_SIZE);
	final->without_proof = span_first(message, at - 1);
	return parse_without_proof(final->without_proof, arena, final) ?
		SCRAM_OK : SCRAM_BAD;
}

void
scram_add_server_final(struct buffer *out,
	const uint8_t signature[SCRAM_HASH_SIZE])
{
	buffer_add_string(out, "v=");
	base64_encode(out, span_of(signature, SCRAM_HASH_SIZE));
}
