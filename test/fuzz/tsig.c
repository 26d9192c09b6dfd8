/*
 * Signatures of strangers (RFC 8945): a question is good only with the code of the
 * secret, which an input does not have; what is written can be read; streams in
 * messages of two octets of length and so many end somewhere. Files of keys.
 */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "fuzz.h"
#include "proto/tsig_keys.h"

enum { NOW = 1800000000 };

static const uint8_t question[] = "\0\7\1\0\0\1\0\0\0\0\0\0\1a\4test\0\0\374\0\1";

static struct tsig_key
make_key(void)
{
	struct tsig_key key = { .algorithm = 0, .size = 32 };
	bool is_name = dns_name_from_text(SPAN("key.example"), &key.name);
	assert(is_name);
	/* none of the seeds has this secret */
	memset(key.secret, 0x5a, key.size);
	return key;
}

static void
take_question(struct span in, const struct tsig_key *key)
{
	struct tsig tsig;
	struct tsig_record record;
	if (tsig_find(in, &record) != TSIG_LAST)
		return;
	assert(record.at >= DNS_HEADER_SIZE && record.at < in.size);
	assert(record.mac.size <= in.size && record.other.size <= in.size);
	tsig_begin(&tsig, key);
	enum tsig_error error = tsig_check_question(&tsig, in, &record, NOW);
	assert(error != TSIG_GOOD && error != TSIG_BAD_TIME);
	tsig_end(&tsig);
}

/* The message itself, signed: good, whatever it says. */
static void
sign(struct span in, const struct tsig_key *key)
{
	struct tsig tsig;
	struct tsig_record record;
	size_t size = in.size, limit = in.size + tsig_size(key);
	if (in.size < DNS_HEADER_SIZE || limit > DNS_MESSAGE_LIMIT)
		return;
	uint8_t *message = memory_new(limit);
	memcpy(message, in.data, in.size);
	tsig_begin(&tsig, key);
	bool fits = tsig_sign(&tsig, TSIG_GOOD, NOW, message, &size, limit);
	tsig_end(&tsig);
	assert(size <= limit && (fits || size == in.size));
	/* of what was no message it need not be the last record */
	if (fits && tsig_find(span_of(message, size), &record) == TSIG_LAST &&
	    record.at == in.size) {
		tsig_begin(&tsig, key);
		enum tsig_error error = tsig_check_question(&tsig,
			span_of(message, size), &record, NOW);
		assert(error == TSIG_GOOD);
		tsig_end(&tsig);
	}
	memory_free(message);
}

static void
take_stream(struct span rest, const struct tsig_key *key)
{
	struct tsig tsig;
	uint8_t asked[512];
	size_t size = sizeof(question) - 1;
	bool is_signed;
	enum tsig_error error = TSIG_GOOD;
	memcpy(asked, question, size);
	tsig_begin(&tsig, key);
	bool fits = tsig_sign(&tsig, TSIG_GOOD, NOW, asked, &size,
		sizeof(asked));
	assert(fits);
	while (rest.size >= 2 && error == TSIG_GOOD) {
		size_t length = (size_t)(uint8_t)rest.data[0] << 8 |
			(uint8_t)rest.data[1];
		error = tsig_check_answer(&tsig, span_first(span_skip(rest, 2),
			length), NOW, &is_signed);
		assert(error != TSIG_GOOD);
		rest = span_skip(rest, 2 + length);
	}
	tsig_end(&tsig);
}

static void
read_file(struct span in)
{
	struct error error = { .text = "" };
	struct tsig_keys *keys = memory_new(sizeof(*keys));
	if (tsig_keys_read(in, "f", keys, &error) < 0)
		assert(strncmp(error.text, "f:", 2) == 0);
	for (size_t i = 0; i < keys->count; i++)
		assert(keys->key[i].size >= TSIG_SECRET_LEAST &&
			keys->key[i].size <= TSIG_SECRET_LIMIT &&
			tsig_keys_find(keys, &keys->key[i].name) ==
			&keys->key[i]);
	tsig_keys_free(&keys);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsig_key key = make_key();
	struct span in = span_of(data, size);
	take_question(in, &key);
	sign(in, &key);
	take_stream(in, &key);
	/* a message begins with a number of the test's, which is small */
	if (size > 0 && data[0] >= ' ')
		read_file(in);
	return 0;
}
