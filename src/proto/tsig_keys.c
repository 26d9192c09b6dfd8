/* Reads the file of keys; secrets stay in `keys` alone. */
#include "proto/tsig_keys.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/base64.h"
#include "base/memory.h"

struct place {
	const char *file;
	unsigned line;
	struct error *error;
};

/* What stands there is not repeated: it may be a secret in the wrong place. */
static int
fail(const struct place *place, const char *found, const char *expected)
{
	return error_set(place->error, ERROR_USAGE, "%s:%u: found %s, "
		"expected %s", place->file, place->line, found, expected);
}

static int
read_secret(const struct place *place, struct span text, struct tsig_key *key)
{
	struct buffer secret;
	buffer_init(&secret, TSIG_SECRET_LIMIT);
	/* so that it is not left behind where the buffer was before it grew */
	bool fits = buffer_reserve(&secret, TSIG_SECRET_LIMIT);
	bool is_good = fits && base64_decode(&secret, text) &&
		!buffer_is_overrun(&secret) &&
		secret.size >= TSIG_SECRET_LEAST;
	if (is_good) {
		key->size = (uint16_t)secret.size;
		memcpy(key->secret, secret.data, secret.size);
	}
	OPENSSL_cleanse(secret.data, TSIG_SECRET_LIMIT);
	buffer_fini(&secret);
	return is_good ? 0 : fail(place, "no secret of 16 to 256 octets in "
		"base 64", "one, as openssl rand -base64 32 makes it");
}

static int
read_key(const struct place *place, struct span line, struct tsig_keys *keys)
{
	struct tsig_key *key = &keys->key[keys->count];
	struct span name, algorithm = SPAN(""), secret = SPAN(""), rest;
	if (!span_word(&line, &name) || name.data[0] == '#')
		return 0;
	if (keys->count == TSIG_KEYS)
		return fail(place, "another key", "256 at most");
	if (!dns_name_from_text(name, &key->name) || key->name.size == 1)
		return fail(place, "no name", "NAME ALGORITHM SECRET");
	if (tsig_keys_find(keys, &key->name) != NULL)
		return fail(place, "a key again", "each once");
	span_word(&line, &algorithm);
	if (!tsig_algorithm_find(algorithm, &key->algorithm))
		return fail(place, "no algorithm behind the name",
			"hmac-sha256, hmac-sha384 or hmac-sha512");
	span_word(&line, &secret);
	if (read_secret(place, secret, key) < 0)
		return -1;
	if (span_word(&line, &rest))
		return fail(place, "more behind the secret", "nothing");
	keys->count++;
	return 0;
}

int
tsig_keys_read(struct span text, const char *file, struct tsig_keys *keys,
	struct error *error)
{
	struct span line;
	struct place place = { .file = file, .error = error };
	struct tsig_keys *new = memory_new(sizeof(*new));
	int result = 0;
	while (result == 0 && span_split(&text, '\n', &line)) {
		place.line++;
		result = read_key(&place, line, new);
	}
	if (result == 0)
		*keys = *new;
	tsig_keys_free(&new);
	return result;
}

const struct tsig_key *
tsig_keys_find(const struct tsig_keys *keys, const struct dns_name *name)
{
	for (size_t i = 0; i < keys->count; i++)
		if (dns_name_equals(&keys->key[i].name, name))
			return &keys->key[i];
	return NULL;
}

void
tsig_keys_free(struct tsig_keys **keys)
{
	if (*keys != NULL)
		OPENSSL_cleanse(*keys, sizeof(**keys));
	memory_free(*keys);
	*keys = NULL;
}
