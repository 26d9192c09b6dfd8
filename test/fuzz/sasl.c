/*
 * The SASL messages of strangers: PLAIN, both SCRAM messages, and what becomes
 * of a password. What is accepted keeps the limits that the headers promise.
 */
#include <assert.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "proto/sasl.h"
#include "proto/saslprep.h"

static bool
is_inside(struct span part, struct span whole)
{
	return part.size == 0 || (part.data >= whole.data &&
		part.data + part.size <= whole.data + whole.size);
}

static void
try_plain(struct span text)
{
	struct sasl_plain plain;
	if (!sasl_parse_plain(text, &plain))
		return;
	assert(plain.authcid.size > 0 && plain.authcid.size <= SASL_NAME_LIMIT);
	assert(plain.password.size > 0);
	assert(plain.authzid.size + plain.authcid.size + plain.password.size +
		2 == text.size);
}

static void
try_scram(struct span text)
{
	struct arena arena;
	struct scram_client_first first;
	struct scram_client_final final;
	arena_init(&arena, 0);
	if (scram_parse_client_first(text, &arena, &first) == SCRAM_OK) {
		assert(is_inside(first.nonce, text) && first.nonce.size > 0);
		assert(first.header.size + first.bare.size == text.size);
		assert(utf8_is_valid(first.name) && first.name.size > 0);
		assert(utf8_is_valid(first.authzid));
	}
	if (scram_parse_client_final(text, &arena, &final) == SCRAM_OK) {
		assert(is_inside(final.without_proof, text));
		assert(is_inside(final.nonce, final.without_proof));
		assert(final.binding.size <= SASL_BINDING_LIMIT);
	}
	arena_fini(&arena);
}

/* What has been prepared is well-formed, and holds nothing prohibited. */
static void
try_password(struct span text)
{
	struct buffer once, twice;
	buffer_init(&once, 0);
	buffer_init(&twice, 0);
	if (saslprep_password(text, &once) == SASLPREP_OK) {
		assert(once.size > 0 && utf8_is_valid(buffer_span(&once)));
		enum saslprep_verdict verdict = saslprep_password(
			buffer_span(&once), &twice);
		assert(verdict == SASLPREP_OK || verdict == SASLPREP_TOO_LONG);
	} else {
		assert(once.size == 0);
	}
	buffer_fini(&once);
	buffer_fini(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	try_plain(text);
	try_scram(text);
	try_password(text);
	return 0;
}
