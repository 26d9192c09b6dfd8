/* Signing: vectors of RFC 6605 6.1, and a zone whose every signature, chain and
 * reuse is looked at. The key is in the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "names/denial.h"
#include "names/packet.h"
#include "names/signer_ds.h"
#include "names/signing.h"
#include "names/zone_source.h"

enum { NOW = 1700000000 };

static const char text[] = "$TTL 3600\n@ SOA ns root 7 3600 600 86400 300\n"
	"@ NS NS\nns A 192.0.2.1\nmail A 192.0.2.2\nmail AAAA 2001:db8::2\n"
	"@ MX 10 MAIL\n*.wild TXT \"x\"\na.b.c A 192.0.2.3\n"
	"cut NS ns.cut\nns.cut A 192.0.2.4\n"
	"safe NS ns.cut\nsafe DS 1 13 2 " "0123456789012345678901234567890123456789012345678901234567890123\n"
	"safe A 192.0.2.9\nold DNAME new\nkept.old A 192.0.2.5\n"
	"u TYPE65280 \\# 4 01020304\n";

static struct zones *zones;
static EVP_PKEY *pkeys[2];
static struct signing_key keys[2];
static unsigned asked;

static void
complain(void *context, const struct dns_name *origin,
	const struct error *error)
{
	(void)context, (void)origin;
	fail_msg("%s", error->text);
}

static const struct zone *
plain_zone(const char *zone_text)
{
	struct buffer file;
	struct dns_name origin;
	zones_free(&zones);
	buffer_init(&file, 0);
	buffer_print(&file, "A.test a.zone %zu\n%s", strlen(zone_text),
		zone_text);
	zones = zone_source_read_files(buffer_span(&file), NULL, complain,
		NULL);
	buffer_fini(&file);
	assert_true(dns_name_from_text(SPAN("a.test"), &origin));
	return zones_get(zones, &origin);
}

static void
make_key(size_t i)
{
	uint8_t point[65];
	size_t size;
	pkeys[i] = EVP_EC_gen("P-256");
	assert_int_equal(EVP_PKEY_get_octet_string_param(pkeys[i], "pub",
		point, sizeof(point), &size), 1);
	assert_int_equal(size, 65);
	canonical_dnskey(point + 1, keys[i].data);
	snprintf(keys[i].name, sizeof(keys[i].name), "dnssec-%zu", i);
}

static int
sign(void *context, const char *name, struct key_signature *signatures,
	size_t count, struct error *error)
{
	EVP_PKEY *key = pkeys[strcmp(name, "dnssec-1") == 0];
	(void)context;
	if (key == NULL)
		return error_set(error, ERROR_GONE, "no such key");
	for (size_t i = 0; i < count; i++) {
		uint8_t der[80];
		const uint8_t *at = der;
		size_t size = sizeof(der);
		EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
		assert_int_equal(EVP_PKEY_sign_init(c), 1);
		assert_int_equal(EVP_PKEY_sign(c, der, &size,
			signatures[i].digest, 32), 1);
		EVP_PKEY_CTX_free(c);
		ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)size);
		BN_bn2binpad(ECDSA_SIG_get0_r(parts), signatures[i].signature,
			32);
		BN_bn2binpad(ECDSA_SIG_get0_s(parts),
			signatures[i].signature + 32, 32);
		ECDSA_SIG_free(parts);
	}
	asked += (unsigned)count;
	return 0;
}

static bool
is_valid(EVP_PKEY *key, const uint8_t *digest, const uint8_t *signature)
{
	unsigned char *der = NULL;
	ECDSA_SIG *parts = ECDSA_SIG_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	ECDSA_SIG_set0(parts, BN_bin2bn(signature, 32, NULL),
		BN_bin2bn(signature + 32, 32, NULL));
	int size = i2d_ECDSA_SIG(parts, &der);
	assert_int_equal(EVP_PKEY_verify_init(context), 1);
	bool result = EVP_PKEY_verify(context, der, (size_t)size, digest,
		32) == 1;
	EVP_PKEY_CTX_free(context);
	ECDSA_SIG_free(parts);
	OPENSSL_free(der);
	return result;
}

static EVP_PKEY *
key_from(const uint8_t point[64])
{
	uint8_t octets[65] = { 4 };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	memcpy(octets + 1, point, 64);
	assert_int_equal(EVP_PKEY_set1_encoded_public_key(key, octets, 65),
		1);
	return key;
}

static void
decode(const char *base64, uint8_t *out, size_t size)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	assert_true(base64_decode(&bytes, span_from(base64)));
	assert_int_equal(bytes.size, size);
	memcpy(out, bytes.data, size);
	buffer_fini(&bytes);
}

/* RFC 6605 6.1 */
static void
vectors(void **state)
{
	static const uint8_t expected[] = { 0xb4, 0xc8, 0xc1, 0xfe, 0x2e, 0x74,
		0x77, 0x12, 0x7b, 0x27, 0x11, 0x56, 0x56, 0xad, 0x62, 0x56,
		0xf4, 0x24, 0x62, 0x5b, 0xf5, 0xc1, 0xe2, 0x77, 0x0c, 0xe6,
		0xd6, 0xe3, 0x7d, 0xf6, 0x1d, 0x17 };
	static const uint8_t address[] = { 0, 4, 192, 0, 2, 1 };
	uint8_t point[64], dnskey[CANONICAL_DNSKEY], ds[CANONICAL_DS];
	uint8_t rrsig[CANONICAL_RRSIG], digest[32], signature[64];
	struct dns_name origin, owner;
	const struct zone_set set = { .type = 1, .count = 1, .ttl = 3600,
		.data = address, .size = sizeof(address) };
	(void)state;
	decode("GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNc"
		"P+e+MAnLr+Wi9xMWyQLc8NAA==", point, 64);
	decode("qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZ"
		"oLBLlUzGGus7ZwmwWep666VCw==", signature, 64);
	assert_true(dns_name_from_text(SPAN("Example.NET"), &origin));
	assert_true(dns_name_from_text(SPAN("WWW.example.net"), &owner));
	canonical_dnskey(point, dnskey);
	assert_int_equal(canonical_tag(dnskey, sizeof(dnskey)), 55648);
	canonical_ds(&origin, dnskey, sizeof(dnskey), ds);
	assert_memory_equal(ds + 4, expected, 32);
	const struct canonical_rrsig said = { .signer = &origin, .tag = 55648,
		.inception = 1281607479, .expiration = 1284026679 };
	size_t size = canonical_rrsig(&said, owner.bytes, &set, rrsig);
	canonical_digest(rrsig, size, owner.bytes, &set, digest);
	EVP_PKEY *key = key_from(point);
	assert_true(is_valid(key, digest, signature));
	digest[0] ^= 1;
	assert_false(is_valid(key, digest, signature));
	EVP_PKEY_free(key);
}

/* Names in data are in small letters, and sorted so (RFC 4034 6.2, 6.3). */
static void
names_in_data_are_lowered(void **state)
{
	static const struct {
		uint16_t type;
		const char *a, *b;
		size_t size;
		bool is_same;
	} cases[] = {
		{ 2, "\0\3\1A\0", "\0\3\1a\0", 5, true },
		{ 15, "\0\5\0\1\1A\0", "\0\5\0\1\1a\0", 7, true },
		{ 33, "\0\x9\0\1\0\1\0\1\1A\0", "\0\x9\0\1\0\1\0\1\1a\0", 11,
			true },
		{ 35, "\0\xd\0\1\0\1\1U\1E\1R\1A\0", "\0\xd\0\1\0\1\1U\1E\1R\1a\0",
			15, true },
		{ 35, "\0\xd\0\1\0\1\1u\1E\1R\1A\0", "\0\xd\0\1\0\1\1U\1E\1R\1A\0",
			15, false },
		{ 6, "\0\x1a\1A\0\1B\0" "01234567890123456789",
			"\0\x1a\1a\0\1b\0" "01234567890123456789", 28, true },
		{ 16, "\0\2\1A", "\0\2\1a", 4, false },
		{ 47, "\0\3\1A\0", "\0\3\1a\0", 5, false },
		{ 64, "\0\5\0\1\1A\0", "\0\5\0\1\1a\0", 7, false },
		/* what is cut is left as it is */
		{ 2, "\0\2\5A", "\0\2\5a", 4, false },
		{ 35, "\0\3\0\0\0", "\0\3\0\0\1", 5, false },
	};
	static const uint8_t owner[] = "\1X";
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t digest[2][32];
		for (unsigned j = 0; j < 2; j++) {
			const struct zone_set set = { .type = cases[i].type,
				.count = 1, .data = (const uint8_t *)(j == 0 ?
				cases[i].a : cases[i].b),
				.size = (uint32_t)cases[i].size };
			canonical_digest((const uint8_t *)"", 0, owner, &set,
				digest[j]);
		}
		print_message("%zu\n", i);
		assert_int_equal(memcmp(digest[0], digest[1], 32) == 0,
			cases[i].is_same);
	}
}

static struct zone *
make_zone(const struct zone *plain, const struct zone *before, int64_t now,
	size_t key_count, int64_t *due)
{
	struct zone *zone = NULL;
	struct error error;
	const struct signing signing = { .plain = plain, .before = before,
		.keys = keys, .key_count = key_count, .serial = 99,
		.now = now, .sign = sign };
	asked = 0;
	assert_int_equal(signing_make(&signing, &zone, due, &error), 0);
	return zone;
}

static uint32_t
read_long(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
		(uint32_t)at[2] << 8 | at[3];
}

/* Every signature of the set; how many. */
static unsigned
verify_set(const struct zone_node *node, const struct zone_set *set,
	int64_t now)
{
	const uint8_t *record = set->signatures->data;
	for (unsigned i = 0; i < set->signatures->count; i++) {
		uint8_t digest[32];
		size_t size = (size_t)record[0] << 8 | record[1];
		const uint8_t *data = record + 2;
		uint16_t tag = (uint16_t)(data[16] << 8 | data[17]);
		unsigned key = tag == canonical_tag(keys[1].data,
			CANONICAL_DNSKEY);
		canonical_digest(data, size - 64, node->name, set, digest);
		assert_true(is_valid(pkeys[key], digest, data + size - 64));
		assert_int_equal(read_long(data + 4), set->ttl);
		assert_true(read_long(data + 12) <= now - SIGNING_PAST + 1);
		assert_true(read_long(data + 8) > now + SIGNING_REFRESH);
		assert_true(read_long(data + 8) <= now + SIGNING_VALIDITY);
		record += 2 + size;
	}
	return set->signatures->count;
}

/* What is ours is signed, what is not is not; the chain is closed. */
static unsigned
verify_zone(const struct zone *zone, int64_t now)
{
	unsigned count = 0;
	for (size_t i = 0; i < zone->node_count; i++) {
		const struct zone_node *node = zone->nodes[i];
		for (unsigned j = 0; j < node->set_count; j++) {
			const struct zone_set *set = &node->sets[j];
			bool is_ours = !node->is_occluded &&
				set->type != DNS_TYPE_RRSIG && (!node->is_cut ||
				set->type == DNS_TYPE_DS);
			assert_int_equal(is_ours, set->signatures != NULL);
			if (is_ours)
				count += verify_set(node, set, now);
		}
		assert_int_equal(node->denial == NULL, node->is_occluded ||
			node->is_denial);
	}
	const struct denial *denial = zone->denial;
	for (size_t i = 0; i < denial->count; i++) {
		const uint8_t *data = zone_node_set(denial->node[i],
			DNS_TYPE_NSEC3)->data + 2;
		assert_memory_equal(data, "\1\0\0\0\0\24", 6);
		assert_memory_equal(data + 6, denial->hash[(i + 1) %
			denial->count], DENIAL_HASH);
	}
	return count;
}

static const struct {
	const char *name, *bitmap;
	size_t size;
} bitmaps[] = {
	/* NS SOA MX RRSIG DNSKEY NSEC3PARAM CDS CDNSKEY */
	{ "a.test", "\0\x08\x22\x01\x00\x00\x00\x02\x90\x18", 10 },
	{ "mail.a.test", "\0\x06\x40\x00\x00\x08\x00\x02", 8 },
	{ "cut.a.test", "\0\x01\x20", 3 },
	{ "safe.a.test", "\0\x06\x20\x00\x00\x00\x00\x12", 8 },
	{ "b.c.a.test", "", 0 },
	{ "u.a.test", "\0\x06\x00\x00\x00\x00\x00\x02\xff\x01\x80", 11 },
};

static void
zones_are_signed(void **state)
{
	int64_t due;
	const struct zone *plain = plain_zone(text);
	struct zone_labels labels;
	struct zone *zone = make_zone(plain, NULL, NOW, 1, &due);
	(void)state;
	assert_true(zone->is_signed_here);
	assert_int_equal(zone->serial, 99);
	assert_int_equal(verify_zone(zone, NOW), asked);
	assert_true(due > NOW + SIGNING_VALIDITY - SIGNING_JITTER -
		SIGNING_REFRESH - 1 && due <= NOW + SIGNING_VALIDITY -
		SIGNING_REFRESH);
	for (size_t i = 0; i < sizeof(bitmaps) / sizeof(bitmaps[0]); i++) {
		struct dns_name name;
		print_message("%s\n", bitmaps[i].name);
		assert_true(dns_name_from_text(span_from(bitmaps[i].name),
			&name));
		zone_labels_find(&name, &labels);
		const struct zone_node *node = zone_find(zone, name.bytes,
			name.size, labels.hash[0]);
		const struct zone_set *set = zone_node_set(node->denial,
			DNS_TYPE_NSEC3);
		assert_int_equal(set->size - 2 - 26, bitmaps[i].size);
		assert_memory_equal(set->data + 28, bitmaps[i].bitmap,
			bitmaps[i].size);
	}
	zone_free(&zone);
}

/* Only what changed, or is too old, is signed anew. */
static void
good_signatures_are_kept(void **state)
{
	int64_t due, later;
	const struct zone *plain = plain_zone(text);
	struct zone *first = make_zone(plain, NULL, NOW, 1, &due);
	unsigned whole = asked;
	struct zone *second = make_zone(plain, first, NOW + 60, 1, &later);
	(void)state;
	assert_int_equal(asked, 0);	/* the serial too is the same here */
	verify_zone(second, NOW + 60);
	assert_int_equal(due, later);
	zone_free(&second);
	/* at the time that was said the first ones are made anew, not all */
	second = make_zone(plain, first, due, 1, &later);
	assert_true(asked > 0 && later > due);
	zone_free(&second);
	second = make_zone(plain, first, NOW + SIGNING_VALIDITY, 1, &later);
	assert_int_equal(asked, whole);
	verify_zone(second, NOW + SIGNING_VALIDITY);
	zone_free(&second);
	/* another address of the same size */
	second = make_zone(plain_zone("$TTL 3600\n"
		"@ SOA ns root 7 3600 600 86400 300\n@ NS NS\n"
		"ns A 192.0.2.1\nmail A 192.0.2.77\n"), first, NOW, 1,
		&later);
	verify_zone(second, NOW);
	zone_free(&second);
	zone_free(&first);
}

/* Two keys: both sign DNSKEY, one of them the rest. */
static void
two_keys(void **state)
{
	int64_t due;
	const struct zone *plain = plain_zone(text);
	struct zone *first = make_zone(plain, NULL, NOW, 1, &due);
	unsigned whole = asked;
	(void)state;
	struct zone *second = make_zone(plain, first, NOW, 2, &due);
	/* DNSKEY twice, and CDS and CDNSKEY say what they said */
	assert_int_equal(asked, 2);
	assert_int_equal(verify_zone(second, NOW), whole + 1);
	const struct zone_set *set = zone_node_set(second->apex,
		DNS_TYPE_DNSKEY);
	assert_int_equal(set->count, 2);
	assert_int_equal(set->signatures->count, 2);
	keys[0].signs_zone = keys[0].is_for_parent = false;
	keys[1].signs_zone = keys[1].is_for_parent = true;
	struct zone *third = make_zone(plain, second, NOW, 2, &due);
	assert_true(asked > whole - 4);
	assert_int_equal(verify_zone(third, NOW), whole + 1);
	keys[1].signs_zone = keys[1].is_for_parent = false;
	keys[0].signs_zone = keys[0].is_for_parent = true;
	zone_free(&first);
	zone_free(&second);
	zone_free(&third);
}

static void
zones_are_compared(void **state)
{
	struct zone *one = zone_hold((struct zone *)(uintptr_t)
		plain_zone("@ 60 SOA ns root 7 1 1 1 1\n@ 60 NS ns\n"));
	(void)state;
	assert_true(signing_is_same(one, plain_zone(
		"@ 60 SOA ns root 8 1 1 1 1\n@ 60 NS ns\n")));
	assert_false(signing_is_same(one, plain_zone(
		"@ 60 SOA ns root 7 2 1 1 1\n@ 60 NS ns\n")));
	assert_false(signing_is_same(one, plain_zone(
		"@ 60 SOA ns root 7 1 1 1 1\n@ 61 NS ns\n")));
	assert_false(signing_is_same(one, plain_zone(
		"@ 60 SOA ns root 7 1 1 1 1\n@ 60 NS ns2\n")));
	assert_false(signing_is_same(one, plain_zone(
		"@ 60 SOA ns root 7 1 1 1 1\n@ 60 NS ns\nx 1 A 192.0.2.1\n")));
	zone_free(&one);
}

static void
without_a_key_nothing_is_made(void **state)
{
	int64_t due;
	struct zone *zone = NULL;
	struct error error;
	EVP_PKEY *key = pkeys[0];
	const struct signing signing = { .plain = plain_zone(text),
		.keys = keys, .key_count = 1, .now = NOW, .sign = sign };
	(void)state;
	pkeys[0] = NULL;
	assert_int_equal(signing_make(&signing, &zone, &due, &error), -1);
	assert_null(zone);
	pkeys[0] = key;
}

/* What the parent says counts when it was validated, and is of our keys. */
static void
a_ds_is_believed_when_validated(void **state)
{
	struct dns_name origin;
	struct signed_keys of_zone = { .has_any = true,
		.rollover = { .key = "dnssec-0", .next = "dnssec-1" },
		.known = { "dnssec-0", "dnssec-1" } };
	struct rollover_ds ds = { .is_known = false };
	uint8_t bytes[DNS_UDP_LEAST], data[2 + CANONICAL_DS] = { 0,
		CANONICAL_DS };
	struct packet out;
	(void)state;
	memcpy(of_zone.data[0], keys[0].data, CANONICAL_DNSKEY);
	memcpy(of_zone.data[1], keys[1].data, CANONICAL_DNSKEY);
	assert_true(dns_name_from_text(SPAN("a.test"), &origin));
	canonical_ds(&origin, keys[1].data, CANONICAL_DNSKEY, data + 2);
	const struct zone_set set = { .type = DNS_TYPE_DS, .count = 1,
		.data = data, .size = sizeof(data) };
	packet_begin(&out, bytes, sizeof(bytes));
	packet_add_set(&out, DNS_ANSWER, &origin, &set, 77);
	packet_end(&out, 1);
	struct message_answer answer = { .packet = span_of(bytes, out.size) };
	signer_ds_read(&answer, &origin, &of_zone, &ds);
	assert_false(ds.is_known);
	answer.is_secure = answer.is_bogus = true;
	signer_ds_read(&answer, &origin, &of_zone, &ds);
	assert_false(ds.is_known);
	answer.is_bogus = false;
	signer_ds_read(&answer, &origin, &of_zone, &ds);
	assert_true(ds.is_known && ds.has_any && ds.has_next && !ds.has_key);
	assert_int_equal(ds.ttl, 77);
	/* another digest is another key's */
	of_zone.data[1][20] ^= 1;
	signer_ds_read(&answer, &origin, &of_zone, &ds);
	assert_true(ds.has_any && !ds.has_next);
	answer.rcode = DNS_SERVER_FAILURE;
	signer_ds_read(&answer, &origin, &of_zone, &ds);
	assert_true(ds.has_any);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(names_in_data_are_lowered),
		cmocka_unit_test(zones_are_signed),
		cmocka_unit_test(good_signatures_are_kept),
		cmocka_unit_test(two_keys),
		cmocka_unit_test(zones_are_compared),
		cmocka_unit_test(without_a_key_nothing_is_made),
		cmocka_unit_test(a_ds_is_believed_when_validated),
	};
	make_key(0);
	make_key(1);
	keys[0].signs_zone = keys[0].is_for_parent = true;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	zones_free(&zones);
	EVP_PKEY_free(pkeys[0]);
	EVP_PKEY_free(pkeys[1]);
	return failed;
}
