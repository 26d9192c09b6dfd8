/* See canonical.h. */
#include "names/canonical.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

enum { FLAGS_CSK = 257, PROTOCOL = 3, DIGEST_SHA256 = 2 };

static uint8_t
lower(uint8_t byte)
{
	return (uint8_t)span_lower_byte((char)byte);
}

/* A name whole; its octets. */
static size_t
lower_name(uint8_t *out, const uint8_t *name)
{
	size_t size = 0;
	while (name[size] != 0) {
		size_t end = size + 1u + name[size];
		out[size] = name[size];
		for (size++; size < end; size++)
			out[size] = lower(name[size]);
	}
	out[size] = 0;
	return size + 1;
}

static void
write_number(uint8_t *at, uint32_t number, unsigned octets)
{
	while (octets-- > 0) {
		at[octets] = (uint8_t)number;
		number >>= 8;
	}
}

/* ---- keys ---- */

void
canonical_dnskey(const uint8_t key[CANONICAL_KEY],
	uint8_t data[CANONICAL_DNSKEY])
{
	write_number(data, FLAGS_CSK, 2);
	data[2] = PROTOCOL;
	data[3] = CANONICAL_ALGORITHM;
	memcpy(data + 4, key, CANONICAL_KEY);
}

uint16_t
canonical_tag(const uint8_t *dnskey, size_t size)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < size; i++)
		sum += i % 2 == 0 ? (uint32_t)dnskey[i] << 8 : dnskey[i];
	return (uint16_t)(sum + (sum >> 16));
}

void
canonical_ds(const struct dns_name *origin, const uint8_t *dnskey,
	size_t size, uint8_t data[CANONICAL_DS])
{
	uint8_t input[DNS_NAME_LIMIT + CANONICAL_DNSKEY];
	assert(size <= CANONICAL_DNSKEY);
	size_t at = lower_name(input, origin->bytes);
	memcpy(input + at, dnskey, size);
	write_number(data, canonical_tag(dnskey, size), 2);
	data[2] = dnskey[3];
	data[3] = DIGEST_SHA256;
	int ok = EVP_Digest(input, at + size, data + 4, NULL, EVP_sha256(),
		NULL);
	assert(ok == 1);
}

/* ---- signatures ---- */

/* Without the root and a "*" at its beginning (RFC 4034 3.1.3). */
static uint8_t
count_labels(const uint8_t *name)
{
	uint8_t count = 0;
	size_t at = name[0] == 1 && name[1] == '*' ? 2 : 0;
	for (; name[at] != 0; at += 1u + name[at])
		count++;
	return count;
}

size_t
canonical_rrsig(const struct canonical_rrsig *rrsig, const uint8_t *owner,
	const struct zone_set *set, uint8_t data[CANONICAL_RRSIG])
{
	write_number(data, set->type, 2);
	data[2] = CANONICAL_ALGORITHM;
	data[3] = count_labels(owner);
	write_number(data + 4, set->ttl, 4);
	write_number(data + 8, rrsig->expiration, 4);
	write_number(data + 12, rrsig->inception, 4);
	write_number(data + 16, rrsig->tag, 2);
	return 18 + lower_name(data + 18, rrsig->signer->bytes);
}

/* RFC 4034 6.2 (3), without those that RFC 6840 5.1 takes back: octets before
 * the first name in the data, and how many names. NAPTR is another case. */
static unsigned
names_of(uint16_t type, size_t *skip)
{
	*skip = type == 15 || type == 18 || type == 21 || type == 36 ||
		type == 26 ? 2 : type == 33 ? 6 : 0;
	switch (type) {
	case 2: case 3: case 4: case 5: case 7: case 8: case 9: case 12:
	case 39: case 15: case 18: case 21: case 33: case 36:
		return 1;
	case 6: case 14: case 17: case 26:
		return 2;
	default:
		return 0;
	}
}

/* Is the rest of the data, from `at` on, a whole name, and what follows it? */
static bool
find_name(const uint8_t *data, size_t size, size_t at, size_t *end)
{
	size_t start = at;
	while (at < size && data[at] != 0 && data[at] <= DNS_LABEL_LIMIT)
		at += 1u + data[at];
	*end = at + 1;
	return at < size && data[at] == 0 && *end - start <= DNS_NAME_LIMIT;
}

enum { TYPE_NAPTR = 35 };

/* Order, preference and three strings. */
static size_t
skip_of_naptr(const uint8_t *data, size_t size)
{
	size_t at = 4;
	for (unsigned i = 0; i < 3 && at < size; i++)
		at += 1u + data[at];
	return at;
}

void
canonical_data(struct buffer *out, uint16_t type, const uint8_t *data,
	size_t size)
{
	size_t at, end, mark = out->size;
	unsigned names = names_of(type, &at);
	buffer_add(out, span_of(data, size));
	if (type == TYPE_NAPTR) {
		names = 1;
		at = skip_of_naptr(data, size);
	}
	for (; names > 0 && find_name(data, size, at, &end); names--) {
		lower_name((uint8_t *)out->data + mark + at, data + at);
		at = end;
	}
}

static int
compare_spans(const void *a, const void *b)
{
	return span_compare(*(const struct span *)a, *(const struct span *)b);
}

/* The data of each record, in the order of RFC 4034 6.3. */
static struct span *
sort_data(const struct zone_set *set, struct buffer *room)
{
	struct span *list = memory_new_array(set->count, sizeof(*list));
	const uint8_t *record = set->data;
	buffer_reserve(room, set->size);	/* it does not move then */
	for (unsigned i = 0; i < set->count; i++) {
		size_t size = (size_t)record[0] << 8 | record[1];
		size_t mark = room->size;
		canonical_data(room, set->type, record + 2, size);
		list[i] = span_skip(buffer_span(room), mark);
		record += 2 + size;
	}
	qsort(list, set->count, sizeof(*list), compare_spans);
	return list;
}

void
canonical_digest(const uint8_t *rrsig, size_t size, const uint8_t *owner,
	const struct zone_set *set, uint8_t digest[CANONICAL_DIGEST])
{
	struct buffer room;
	uint8_t head[DNS_NAME_LIMIT + 10];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t name = lower_name(head, owner);
	buffer_init(&room, 0);
	struct span *list = sort_data(set, &room);
	write_number(head + name, set->type, 2);
	write_number(head + name + 2, DNS_CLASS_IN, 2);
	write_number(head + name + 4, set->ttl, 4);
	int ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(),
		NULL) == 1 && EVP_DigestUpdate(context, rrsig, size) == 1;
	for (unsigned i = 0; i < set->count && ok; i++) {
		if (i > 0 && span_equals(list[i], list[i - 1]))
			continue;
		write_number(head + name + 8, (uint32_t)list[i].size, 2);
		ok = EVP_DigestUpdate(context, head, name + 10) == 1 &&
			EVP_DigestUpdate(context, list[i].data,
			list[i].size) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(context, digest, NULL) == 1;
	assert(ok);
	EVP_MD_CTX_free(context);
	memory_free(list);
	buffer_fini(&room);
}
