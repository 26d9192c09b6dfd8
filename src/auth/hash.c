/*
 * Taking password hashes apart. Schemes and encodings as in Dovecot's "Password
 * Schemes": {SHA256} is base64 unless it says {SHA256.hex}. Runs in auth.
 */
#include "auth/hash.h"

#include <string.h>

#include "base/base64.h"
#include "base/buffer.h"

enum { ARGON2_PASSES_LIMIT = 100, ARGON2_LANES_LIMIT = 16,
	ARGON2_WORK_LIMIT = 1 << 21 /* KiB times passes */ };

struct scheme {
	const char *name;
	enum hash_kind kind;
	const char *argument;		/* algorithm, or how the string begins */
	uint8_t size;			/* DIGEST: of the digest */
	bool is_salted;
};

static const struct scheme schemes[] = {
	{ "PLAIN", HASH_PLAIN, NULL, 0, false },
	{ "CLEAR", HASH_PLAIN, NULL, 0, false },
	{ "CLEARTEXT", HASH_PLAIN, NULL, 0, false },
	{ "CRYPT", HASH_CRYPT, "$", 0, false },
	{ "BLF-CRYPT", HASH_CRYPT, "$2", 0, false },
	{ "SHA512-CRYPT", HASH_CRYPT, "$6$", 0, false },
	{ "SHA256-CRYPT", HASH_CRYPT, "$5$", 0, false },
	{ "MD5-CRYPT", HASH_CRYPT, "$1$", 0, false },
	{ "SHA", HASH_DIGEST, "SHA1", 20, false },
	{ "SHA1", HASH_DIGEST, "SHA1", 20, false },
	{ "SHA256", HASH_DIGEST, "SHA256", 32, false },
	{ "SHA512", HASH_DIGEST, "SHA512", 64, false },
	{ "SSHA", HASH_DIGEST, "SHA1", 20, true },
	{ "SSHA256", HASH_DIGEST, "SHA256", 32, true },
	{ "SSHA512", HASH_DIGEST, "SHA512", 64, true },
	{ "PBKDF2", HASH_PBKDF2, NULL, 0, false },
	{ "ARGON2I", HASH_ARGON2I, "$argon2i$", 0, false },
	{ "ARGON2ID", HASH_ARGON2ID, "$argon2id$", 0, false },
	{ "SCRAM-SHA-256", HASH_SCRAM, NULL, 0, false },
};

/* A crypt(3) string without scheme. */
static const struct scheme bare = { "CRYPT", HASH_CRYPT, "$", 0, false };

static int
fail_form(const struct scheme *scheme, const char *what, struct error *error)
{
	return error_set(error, ERROR_USAGE, "a {%s} hash %s", scheme->name,
		what);
}

/* ---- bytes ---- */

/* The bytes of hexadecimal or base64 text, or false. */
static bool
decode(struct span text, bool is_hex, struct buffer *out)
{
	uint8_t bytes[HASH_DIGEST_LIMIT + HASH_SALT_LIMIT];
	if (!is_hex)
		return base64_decode(out, text) && !buffer_is_overrun(out);
	if (text.size % 2 != 0 || text.size / 2 > sizeof(bytes) ||
		!span_to_hex_bytes(text, bytes, text.size / 2))
		return false;
	buffer_add(out, span_of(bytes, text.size / 2));
	return true;
}

static bool
decode_exactly(struct span text, bool is_hex, void *out, size_t size)
{
	struct buffer bytes;
	buffer_init(&bytes, HASH_DIGEST_LIMIT + HASH_SALT_LIMIT);
	bool ok = decode(text, is_hex, &bytes) && bytes.size == size;
	if (ok)
		memcpy(out, bytes.data, size);
	buffer_fini(&bytes);
	return ok;
}

/* The digest and, when salted, what follows it. */
static int
parse_digest(const struct scheme *scheme, bool is_hex, struct hash *hash,
	struct error *error)
{
	struct buffer bytes;
	buffer_init(&bytes, HASH_DIGEST_LIMIT + HASH_SALT_LIMIT);
	bool ok = decode(hash->text, is_hex, &bytes) &&
		bytes.size >= scheme->size;
	if (ok) {
		hash->algorithm = scheme->argument;
		hash->digest_size = scheme->size;
		hash->salt_size = bytes.size - scheme->size;
		memcpy(hash->digest, bytes.data, hash->digest_size);
		ok = hash->salt_size <= HASH_SALT_LIMIT &&
			(hash->salt_size > 0) == scheme->is_salted;
	}
	if (ok && hash->salt_size > 0)
		memcpy(hash->salt, bytes.data + hash->digest_size,
			hash->salt_size);
	buffer_fini(&bytes);
	return ok ? 0 : fail_form(scheme, "is not of the right length or "
		"not encoded as it says", error);
}

/* ---- PBKDF2 and SCRAM ---- */

static bool
parse_rounds(struct span text, struct hash *hash)
{
	uint64_t rounds;
	if (!span_to_number(text, HASH_ROUNDS_LIMIT, &rounds) || rounds == 0)
		return false;
	hash->rounds = (uint32_t)rounds;
	return true;
}

/* "$1$SALT$ROUNDS$HEX": Dovecot's, with HMAC-SHA-1 and the salt as it stands. */
static int
parse_pbkdf2(const struct scheme *scheme, struct hash *hash,
	struct error *error)
{
	struct span rest = hash->text, salt, rounds;
	bool ok = span_starts(rest, SPAN("$1$"));
	rest = span_skip(rest, 3);
	ok = ok && span_split(&rest, '$', &salt) &&
		span_split(&rest, '$', &rounds) &&
		salt.size > 0 && salt.size <= HASH_SALT_LIMIT &&
		parse_rounds(rounds, hash) &&
		decode_exactly(rest, true, hash->digest, 20);
	if (!ok)
		return fail_form(scheme, "must be $1$SALT$ROUNDS$HEX, with at "
			"most 5000000 rounds", error);
	memcpy(hash->salt, salt.data, salt.size);
	hash->salt_size = salt.size;
	hash->digest_size = 20;
	return 0;
}

static bool
parse_salt(struct span text, struct hash *hash)
{
	struct buffer salt;
	buffer_init(&salt, HASH_SALT_LIMIT);
	bool ok = base64_decode(&salt, text) && !buffer_is_overrun(&salt) &&
		salt.size > 0;
	if (ok) {
		memcpy(hash->salt, salt.data, salt.size);
		hash->salt_size = salt.size;
	}
	buffer_fini(&salt);
	return ok;
}

/* "ITERATIONS,SALT,STORED-KEY,SERVER-KEY", the last three in base64. */
static int
parse_scram(const struct scheme *scheme, struct hash *hash,
	struct error *error)
{
	struct span rest = hash->text, rounds, salt, stored;
	if (span_split(&rest, ',', &rounds) && span_split(&rest, ',', &salt) &&
		span_split(&rest, ',', &stored) &&
		parse_rounds(rounds, hash) && parse_salt(salt, hash) &&
		decode_exactly(stored, false, hash->digest, SCRAM_HASH_SIZE) &&
		decode_exactly(rest, false, hash->server_key,
		SCRAM_HASH_SIZE)) {
		hash->digest_size = SCRAM_HASH_SIZE;
		return 0;
	}
	return fail_form(scheme, "must be ITERATIONS,SALT,STORED,SERVER, with "
		"at most 5000000 iterations", error);
}

/* ---- crypt(3) ---- */

/* The digits of crypt(3) and yescrypt: "./0-9A-Za-z"; 64: not one. */
static unsigned
digit_value(struct span text, size_t at)
{
	static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz";
	return at < text.size ? (unsigned)span_find(SPAN(digits),
		text.data[at]) : 64;
}

/*
 * "$y$j9T$...": flavour, log2(N) - 1 and r - 1, each in one digit (up to 47; more
 * would stand for more memory than is allowed here). It needs 128 * N * r bytes.
 */
static bool
judge_yescrypt(struct span text, struct hash *hash)
{
	unsigned n = digit_value(text, 4), r = digit_value(text, 5);
	if (text.size < 8 || text.data[3] != 'j' || text.data[6] != '$' ||
		n > 23 || r > 47)
		return false;
	hash->memory = (uint64_t)128 << (n + 1);
	hash->memory *= r + 1;
	return hash->memory <= HASH_MEMORY_LIMIT;
}

static bool
judge_bcrypt(struct span text, struct hash *hash)
{
	uint64_t cost;
	(void)hash;
	return text.size == 60 && text.data[6] == '$' &&
		span_to_number(span_first(span_skip(text, 4), 2),
		HASH_BCRYPT_LIMIT, &cost);
}

static bool
judge_sha_crypt(struct span text, struct hash *hash)
{
	struct span rest = span_skip(text, 3), rounds;
	if (!span_starts(rest, SPAN("rounds=")))
		return true;
	rest = span_skip(rest, 7);
	return span_split(&rest, '$', &rounds) && parse_rounds(rounds, hash);
}

static bool
judge_md5_crypt(struct span text, struct hash *hash)
{
	(void)hash;
	return text.size > 22;
}

static int
parse_crypt(const struct scheme *scheme, struct hash *hash,
	struct error *error)
{
	static const struct {
		const char *prefix;
		bool (*judge)(struct span text, struct hash *hash);
	} methods[] = {
		{ "$y$", judge_yescrypt }, { "$6$", judge_sha_crypt },
		{ "$5$", judge_sha_crypt }, { "$2a$", judge_bcrypt },
		{ "$2b$", judge_bcrypt }, { "$2y$", judge_bcrypt },
		{ "$1$", judge_md5_crypt },
	};
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!span_starts(hash->text, span_from(methods[i].prefix)))
			continue;
		if (methods[i].judge(hash->text, hash))
			return 0;
		return fail_form(scheme, "is damaged, or costs more time or "
			"memory than is allowed", error);
	}
	return fail_form(scheme, "is of a method that is not known here "
		"(yescrypt $y$, sha-crypt $5$ and $6$, bcrypt $2b$ are)", error);
}

/* ---- Argon2 ---- */

/* Takes "KEY=NUMBER" and the separator after it. */
static bool
take_number(struct span *rest, struct span key, char separator,
	uint64_t *number)
{
	struct span word;
	if (!span_starts(*rest, key))
		return false;
	*rest = span_skip(*rest, key.size);
	return span_split(rest, separator, &word) &&
		span_to_number(word, UINT32_MAX, number);
}

/* "$argon2id$v=19$m=65536,t=3,p=1$SALT$HASH". */
static int
parse_argon2(const struct scheme *scheme, struct hash *hash,
	struct error *error)
{
	struct span rest = span_skip(hash->text, strlen(scheme->argument));
	uint64_t version, memory, passes, lanes;
	bool ok = !span_starts(rest, SPAN("v=")) || take_number(&rest,
		SPAN("v="), '$', &version);
	ok = ok && take_number(&rest, SPAN("m="), ',', &memory) &&
		take_number(&rest, SPAN("t="), ',', &passes) &&
		take_number(&rest, SPAN("p="), '$', &lanes) &&
		memory <= HASH_MEMORY_LIMIT >> 10 &&
		passes <= ARGON2_PASSES_LIMIT && lanes <= ARGON2_LANES_LIMIT &&
		memory * passes <= ARGON2_WORK_LIMIT;
	if (!ok)
		return fail_form(scheme, "is damaged, or costs more time or "
			"memory than is allowed", error);
	hash->memory = memory << 10;
	return 0;
}

/* ---- all ---- */

/* Finds the scheme and takes "{...}" off; NULL: it is not known. */
static const struct scheme *
take_scheme(struct span *text, bool *is_hex, struct error *error)
{
	struct span name, suffix = { NULL, 0 };
	*is_hex = false;
	if (text->size == 0 || text->data[0] != '{')
		return &bare;
	size_t end = span_find(*text, '}');
	name = span_skip(span_first(*text, end), 1);
	*text = span_skip(*text, end + 1);
	size_t dot = span_find(name, '.');
	if (dot < name.size) {
		suffix = span_skip(name, dot + 1);
		name = span_first(name, dot);
		*is_hex = span_equals_nocase(suffix, SPAN("hex"));
	}
	bool is_encoded = *is_hex || span_equals_nocase(suffix, SPAN("b64")) ||
		span_equals_nocase(suffix, SPAN("base64"));
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (span_equals_nocase(name, span_from(schemes[i].name)) &&
			(suffix.size == 0 || (is_encoded &&
			schemes[i].kind == HASH_DIGEST)))
			return &schemes[i];
	error_set(error, ERROR_USAGE, "the password scheme {%.*s} is not known "
		"here", SPAN_PRINT(span_first(name, 40)));
	return NULL;
}

/* Strings are given to C libraries and stand on one line. */
static bool
is_text(struct span text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] < ' ' || text.data[i] == 127)
			return false;
	return text.size > 0 && text.size <= HASH_TEXT_LIMIT;
}

int
hash_parse(struct span text, struct hash *hash, struct error *error)
{
	bool is_hex;
	*hash = (struct hash){ .kind = HASH_PLAIN };
	const struct scheme *scheme = take_scheme(&text, &is_hex, error);
	if (scheme == NULL)
		return -1;
	hash->kind = scheme->kind;
	hash->text = text;
	if (!is_text(text))
		return fail_form(scheme, "is empty, too long, or has control "
			"characters", error);
	bool has_prefix = scheme->kind == HASH_CRYPT ||
		scheme->kind == HASH_ARGON2I || scheme->kind == HASH_ARGON2ID;
	if (has_prefix && !span_starts(text, span_from(scheme->argument)))
		return fail_form(scheme, "does not begin as one (a name in "
			"braces such as {SSHA} or a $ was expected)", error);
	switch (scheme->kind) {
	case HASH_PLAIN:
		return 0;
	case HASH_DIGEST:
		return parse_digest(scheme, is_hex, hash, error);
	case HASH_CRYPT:
		return parse_crypt(scheme, hash, error);
	case HASH_PBKDF2:
		return parse_pbkdf2(scheme, hash, error);
	case HASH_ARGON2I:
	case HASH_ARGON2ID:
		return parse_argon2(scheme, hash, error);
	case HASH_SCRAM:
		break;
	}
	return parse_scram(scheme, hash, error);
}

bool
hash_get_keys(const struct hash *hash, struct scram_keys *keys)
{
	if (hash->kind != HASH_SCRAM || hash->salt_size != SCRAM_SALT_SIZE)
		return false;
	memcpy(keys->salt, hash->salt, SCRAM_SALT_SIZE);
	keys->iterations = hash->rounds;
	memcpy(keys->stored_key, hash->digest, SCRAM_HASH_SIZE);
	memcpy(keys->server_key, hash->server_key, SCRAM_HASH_SIZE);
	return true;
}
