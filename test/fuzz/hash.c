/*
 * Password hashes from files: whatever is taken stays within the limits, and
 * what is cheap can be checked.
 */
#include <assert.h>

#include "auth/hash.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hash hash;
	struct error error;
	struct scram_keys keys;
	if (hash_parse(span_of(data, size), &hash, &error) != 0) {
		assert(error.text[0] != '\0');
		return 0;
	}
	assert(hash.salt_size <= HASH_SALT_LIMIT);
	assert(hash.digest_size <= HASH_DIGEST_LIMIT);
	assert(hash.rounds <= HASH_ROUNDS_LIMIT);
	assert(hash.memory <= HASH_MEMORY_LIMIT);
	assert(hash.text.size <= HASH_TEXT_LIMIT);
	if (hash_get_keys(&hash, &keys))
		assert(keys.iterations > 0);
	if (hash.kind == HASH_DIGEST || hash.kind == HASH_PLAIN)
		(void)hash_check(&hash, SPAN("secret"));
	return 0;
}
