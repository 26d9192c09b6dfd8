/*
 * What a code is over (RFC 8945 4.3): the code before it with its length, the
 * messages since, as they were without the record, and fields of the record.
 */
#include "proto/tsig.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

enum { CLASS_ANY = 255, FIXED = 16, TIME_SIZE = 6, MAC_LEAST = 10 };

static const struct algorithm {
	const char *text, *digest;
	struct dns_name name;
	size_t size;			/* octets of the code */
} algorithms[] = {
	{ "hmac-sha256", "SHA256", { 13, "\13hmac-sha256" }, 32 },
	{ "hmac-sha384", "SHA384", { 13, "\13hmac-sha384" }, 48 },
	{ "hmac-sha512", "SHA512", { 13, "\13hmac-sha512" }, 64 },
};

enum { ALGORITHMS = sizeof(algorithms) / sizeof(algorithms[0]) };

const char *
tsig_error_name(unsigned error)
{
	static const struct { unsigned error; const char *name; } names[] = {
		{ TSIG_GOOD, "NOERROR" }, { TSIG_MALFORMED, "FORMERR" },
		{ TSIG_MISSING, "no signature" },
		{ TSIG_BAD_SIGNATURE, "BADSIG" }, { TSIG_BAD_KEY, "BADKEY" },
		{ TSIG_BAD_TIME, "BADTIME" }, { TSIG_BAD_TRUNCATION, "BADTRUNC" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == error)
			return names[i].name;
	return "an unknown error";
}

bool
tsig_algorithm_find(struct span text, unsigned *algorithm)
{
	if (text.size > 0 && text.data[text.size - 1] == '.')
		text.size--;
	for (unsigned i = 0; i < ALGORITHMS; i++) {
		*algorithm = i;
		if (span_equals_nocase(text, span_from(algorithms[i].text)))
			return true;
	}
	return false;
}

/* ---- octets ---- */

static uint64_t
number_at(const uint8_t *at, unsigned size)
{
	uint64_t number = 0;
	for (unsigned i = 0; i < size; i++)
		number = number << 8 | at[i];
	return number;
}

static size_t
put_number(uint8_t *at, uint64_t number, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (uint8_t)(number >> 8 * (size - 1 - i));
	return size;
}

static size_t
put(uint8_t *at, const void *bytes, size_t size)
{
	if (size > 0)
		memcpy(at, bytes, size);
	return size;
}

/* ---- finding it ---- */

/* RFC 8945 4.2; the data exactly. */
static bool
read_record(struct span message, const struct dns_record *found,
	struct tsig_record *record)
{
	const uint8_t *data = (const uint8_t *)message.data;
	size_t at = found->data, end = at + found->size;
	if (found->class != CLASS_ANY || number_at(data + at - 6, 4) != 0 ||
	    !dns_read_name(span_first(message, end), &at,
	    &record->algorithm) ||
	    /* it is not compressed (RFC 3597 4) */
	    at != found->data + record->algorithm.size || end - at < FIXED)
		return false;
	record->key = found->owner;
	record->time = number_at(data + at, TIME_SIZE);
	record->fudge = (uint16_t)number_at(data + at + 6, 2);
	size_t mac = number_at(data + at + 8, 2);
	if (end - at - FIXED < mac)
		return false;
	record->mac = span_of(data + at + 10, mac);
	at += 10 + mac;
	record->id = (uint16_t)number_at(data + at, 2);
	record->error = (uint16_t)number_at(data + at + 2, 2);
	record->other = span_of(data + at + 6, end - at - 6);
	return number_at(data + at + 4, 2) == record->other.size;
}

/* RFC 8945 5.1: nothing stands behind it. */
enum tsig_place
tsig_find(struct span message, struct tsig_record *record)
{
	struct dns_reader reader;
	struct dns_question asked;
	struct dns_record found = { .type = 0 };
	enum tsig_place place = TSIG_ABSENT;
	if (!dns_read(&reader, message))
		return TSIG_ABSENT;
	while (dns_read_question(&reader, &asked))
		;
	size_t at = reader.offset;
	while (dns_read_record(&reader, &found)) {
		if (place != TSIG_ABSENT)
			return TSIG_MISPLACED;
		if (found.type == TSIG_TYPE) {
			place = found.section == DNS_ADDITIONAL ? TSIG_LAST :
				TSIG_MISPLACED;
			record->at = at;
		}
		at = reader.offset;
	}
	if (place == TSIG_LAST && (reader.is_malformed ||
	    reader.offset != message.size ||
	    !read_record(message, &found, record)))
		return TSIG_MISPLACED;
	return place;
}

bool
tsig_is_of(const struct tsig_record *record, const struct tsig_key *key)
{
	return dns_name_equals(&record->key, &key->name) && dns_name_equals(
		&record->algorithm, &algorithms[key->algorithm].name);
}

/* ---- writing it ---- */

struct fields {
	const struct dns_name *key, *algorithm;
	uint64_t time;
	uint16_t fudge, error;
	struct span mac, other;
};

/* With room for it in the record that counts, too. */
static bool
add(const struct fields *fields, uint8_t *message, size_t *size, size_t limit)
{
	size_t data = fields->algorithm->size + FIXED + fields->mac.size +
		fields->other.size;
	size_t whole = fields->key->size + 10u + data;
	uint64_t count = number_at(message + 10, 2);
	if (limit < *size || limit - *size < whole || count == UINT16_MAX)
		return false;
	uint8_t *at = message + *size;
	at += put(at, fields->key->bytes, fields->key->size);
	at += put_number(at, TSIG_TYPE, 2);
	at += put_number(at, CLASS_ANY, 2);
	at += put_number(at, 0, 4);
	at += put_number(at, data, 2);
	at += put(at, fields->algorithm->bytes, fields->algorithm->size);
	at += put_number(at, fields->time, TIME_SIZE);
	at += put_number(at, fields->fudge, 2);
	at += put_number(at, fields->mac.size, 2);
	at += put(at, fields->mac.data, fields->mac.size);
	at += put(at, message, 2);
	at += put_number(at, fields->error, 2);
	at += put_number(at, fields->other.size, 2);
	put(at, fields->other.data, fields->other.size);
	put_number(message + 10, count + 1, 2);
	*size += whole;
	return true;
}

bool
tsig_add_error(const struct tsig_record *came, unsigned error,
	uint8_t *message, size_t *size, size_t limit)
{
	const struct fields fields = { .key = &came->key,
		.algorithm = &came->algorithm, .time = came->time,
		.fudge = came->fudge, .error = (uint16_t)error };
	return add(&fields, message, size, limit);
}

size_t
tsig_size(const struct tsig_key *key)
{
	const struct algorithm *algorithm = &algorithms[key->algorithm];
	return key->name.size + 10u + algorithm->name.size + FIXED +
		algorithm->size + TIME_SIZE;
}

/* ---- the code ---- */

static void
feed(struct tsig *tsig, const void *bytes, size_t size)
{
	int result = EVP_MAC_update(tsig->running, bytes, size);
	assert(result == 1);
}

static void
feed_number(struct tsig *tsig, uint64_t number, unsigned size)
{
	uint8_t bytes[8];
	feed(tsig, bytes, put_number(bytes, number, size));
}

/* RFC 4034 6.2: small letters. */
static void
feed_name(struct tsig *tsig, const struct dns_name *name)
{
	uint8_t bytes[DNS_NAME_LIMIT];
	for (size_t i = 0; i < name->size; i++)
		bytes[i] = (uint8_t)span_lower_byte((char)name->bytes[i]);
	feed(tsig, bytes, name->size);
}

/* Anew, behind the code of the message before (empty: none). */
static void
start(struct tsig *tsig, struct span mac)
{
	OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string(
		OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)
		algorithms[tsig->key.algorithm].digest, 0),
		OSSL_PARAM_construct_end() };
	int result = EVP_MAC_init(tsig->running, tsig->key.secret,
		tsig->key.size, parameters);
	assert(result == 1);
	tsig->unsigned_count = 0;
	if (mac.size == 0)
		return;
	feed_number(tsig, mac.size, 2);
	feed(tsig, mac.data, mac.size);
}

void
tsig_begin(struct tsig *tsig, const struct tsig_key *key)
{
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	*tsig = (struct tsig){ .key = *key, .running = EVP_MAC_CTX_new(hmac) };
	assert(tsig->running != NULL);
	EVP_MAC_free(hmac);
	start(tsig, SPAN(""));
}

void
tsig_begin_answer(struct tsig *tsig, const struct tsig_key *key,
	struct span mac)
{
	tsig_begin(tsig, key);
	start(tsig, mac);
	tsig->has_request = true;
}

void
tsig_end(struct tsig *tsig)
{
	EVP_MAC_CTX_free(tsig->running);
	OPENSSL_cleanse(tsig, sizeof(*tsig));
}

/* The variables, of a later answer only the timers (RFC 8945 4.3.3, 5.3.1). */
static void
finish(struct tsig *tsig, const struct fields *fields,
	uint8_t mac[TSIG_MAC_LIMIT])
{
	size_t size;
	if (!tsig->is_later) {
		feed_name(tsig, fields->key);
		feed_number(tsig, CLASS_ANY, 2);
		feed_number(tsig, 0, 4);
		feed_name(tsig, fields->algorithm);
	}
	feed_number(tsig, fields->time, TIME_SIZE);
	feed_number(tsig, fields->fudge, 2);
	if (!tsig->is_later) {
		feed_number(tsig, fields->error, 2);
		feed_number(tsig, fields->other.size, 2);
		feed(tsig, fields->other.data, fields->other.size);
	}
	int result = EVP_MAC_final(tsig->running, mac, &size, TSIG_MAC_LIMIT);
	assert(result == 1 && size == algorithms[tsig->key.algorithm].size);
}

bool
tsig_sign(struct tsig *tsig, unsigned error, uint64_t now, uint8_t *message,
	size_t *size, size_t limit)
{
	const struct algorithm *algorithm = &algorithms[tsig->key.algorithm];
	uint8_t other[TIME_SIZE];
	struct fields fields = { .key = &tsig->key.name,
		.algorithm = &algorithm->name, .time = now,
		.fudge = TSIG_FUDGE, .error = (uint16_t)error };
	if (limit < *size || limit - *size < tsig_size(&tsig->key))
		return false;
	if (error == TSIG_BAD_TIME) {
		fields.time = tsig->time;
		fields.other = span_of(other, put_number(other, now,
			TIME_SIZE));
	}
	feed(tsig, message, *size);
	finish(tsig, &fields, tsig->mac);
	tsig->mac_size = algorithm->size;
	fields.mac = span_of(tsig->mac, tsig->mac_size);
	bool fits = add(&fields, message, size, limit);
	start(tsig, fields.mac);
	tsig->is_later = tsig->has_request;
	tsig->has_request = true;
	return fits;
}

/* RFC 8945 5.2.2.1: not longer than it is, not shorter than half of it. */
static bool
is_length_possible(const struct tsig *tsig, size_t size)
{
	size_t whole = algorithms[tsig->key.algorithm].size;
	return size <= whole && size >= MAC_LEAST && size >= whole / 2;
}

/* The message as it was before the record was added. */
static void
feed_message(struct tsig *tsig, struct span message,
	const struct tsig_record *record)
{
	uint8_t head[DNS_HEADER_SIZE];
	memcpy(head, message.data, sizeof(head));
	put_number(head, record->id, 2);
	put_number(head + 10, number_at(head + 10, 2) - 1, 2);
	feed(tsig, head, sizeof(head));
	feed(tsig, message.data + sizeof(head), record->at - sizeof(head));
}

/* In the order of RFC 8945 5.2. */
static enum tsig_error
check(struct tsig *tsig, struct span message, const struct tsig_record *record,
	uint64_t now)
{
	uint8_t mac[TSIG_MAC_LIMIT];
	const struct fields fields = { .key = &record->key,
		.algorithm = &record->algorithm, .time = record->time,
		.fudge = record->fudge, .error = record->error,
		.other = record->other };
	uint64_t away = now > record->time ? now - record->time :
		record->time - now;
	if (!tsig_is_of(record, &tsig->key))
		return TSIG_BAD_KEY;
	if (!is_length_possible(tsig, record->mac.size))
		return TSIG_MALFORMED;
	feed_message(tsig, message, record);
	finish(tsig, &fields, mac);
	start(tsig, record->mac);
	tsig->time = record->time;
	if (CRYPTO_memcmp(mac, record->mac.data, record->mac.size) != 0)
		return TSIG_BAD_SIGNATURE;
	return away > record->fudge ? TSIG_BAD_TIME : TSIG_GOOD;
}

enum tsig_error
tsig_check_question(struct tsig *tsig, struct span message,
	const struct tsig_record *record, uint64_t now)
{
	tsig->has_request = true;
	return check(tsig, message, record, now);
}

/* RFC 8945 5.3.1: the first one is signed, and not too few of the others. */
static enum tsig_error
take_unsigned(struct tsig *tsig, struct span message)
{
	if (!tsig->is_later || tsig->unsigned_count == TSIG_UNSIGNED)
		return TSIG_MISSING;
	tsig->unsigned_count++;
	feed(tsig, message.data, message.size);
	return TSIG_GOOD;
}

enum tsig_error
tsig_check_answer(struct tsig *tsig, struct span message, uint64_t now,
	bool *is_signed)
{
	struct tsig_record record;
	enum tsig_place place = tsig_find(message, &record);
	*is_signed = place == TSIG_LAST;
	if (place == TSIG_ABSENT)
		return take_unsigned(tsig, message);
	if (place == TSIG_MISPLACED)
		return TSIG_MALFORMED;
	/* RFC 8945 5.3.2: these come without a code */
	if (record.mac.size == 0 && record.error != 0)
		return record.error;
	enum tsig_error error = check(tsig, message, &record, now);
	tsig->is_later = true;
	if (error == TSIG_BAD_SIGNATURE || record.error == 0)
		return error;
	if (record.error == TSIG_BAD_TIME && record.other.size == TIME_SIZE)
		tsig->their_time = number_at((const uint8_t *)
			record.other.data, TIME_SIZE);
	return record.error;
}
