/* ACME: documents, certificate requests, challenge certificates, chains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "trust/acme_chain.h"
#include "trust/acme_der.h"
#include "trust/acme_read.h"
#include "trust/acme_left.h"
#include "trust/acme_state.h"

#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define NOW INT64_C(1795330000000)	/* November 2026 */

/* ---- documents ---- */

static void
directories_are_read(void **state)
{
	static const struct {
		const char *name, *text;
		bool is_right;
		const char *renewal;
		bool wants_external;
	} cases[] = {
		{ "as in RFC 8555 7.1.1", "{\"newNonce\":\"https://e.test/nonce\","
			"\"newAccount\":\"https://e.test/a\",\"newOrder\":"
			"\"https://e.test/o\",\"newAuthz\":\"https://e.test/z\","
			"\"meta\":{\"termsOfService\":\"https://e.test/terms\","
			"\"caaIdentities\":[\"e.test\"],"
			"\"externalAccountRequired\":false}}", true, "", false },
		{ "with renewal information", "{\"newNonce\":\"https://e/n\","
			"\"newAccount\":\"https://e/a\",\"newOrder\":"
			"\"https://e/o\",\"renewalInfo\":\"https://e/r\"}", true,
			"https://e/r", false },
		{ "external accounts", "{\"newNonce\":\"https://e/n\","
			"\"newAccount\":\"https://e/a\",\"newOrder\":"
			"\"https://e/o\",\"meta\":{\"externalAccountRequired\":"
			"true}}", true, "", true },
		{ "plain http", "{\"newNonce\":\"http://e/n\",\"newAccount\":"
			"\"https://e/a\",\"newOrder\":\"https://e/o\"}", false,
			"", false },
		{ "a number", "{\"newNonce\":1,\"newAccount\":\"https://e/a\","
			"\"newOrder\":\"https://e/o\"}", false, "", false },
		{ "twice", "{\"newNonce\":\"https://e/n\",\"newAccount\":"
			"\"https://e/a\",\"newAccount\":\"https://f/a\","
			"\"newOrder\":\"https://e/o\"}", false, "", false },
		{ "a wrong renewalInfo", "{\"newNonce\":\"https://e/n\","
			"\"newAccount\":\"https://e/a\",\"newOrder\":"
			"\"https://e/o\",\"renewalInfo\":[]}", false, "", false },
		{ "an array", "[]", false, "", false },
		{ "a web page", "<html>", false, "", false },
		{ "nothing", "", false, "", false },
		{ "more behind it", "{\"newNonce\":\"https://e/n\","
			"\"newAccount\":\"https://e/a\",\"newOrder\":"
			"\"https://e/o\"}{}", false, "", false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct acme_directory directory;
		struct arena arena;
		print_message("%s\n", cases[i].name);
		arena_init(&arena, 0);
		assert_int_equal(acme_read_directory(span_from(cases[i].text),
			&arena, &directory), cases[i].is_right);
		if (cases[i].is_right) {
			assert_true(span_equals(directory.renewal_info,
				span_from(cases[i].renewal)));
			assert_int_equal(directory.wants_external_account,
				cases[i].wants_external);
		}
		arena_fini(&arena);
	}
}

/* "status" and what stands behind it. */
static void
orders_are_read(void **state)
{
	static const struct {
		const char *name, *status, *rest;
		bool is_right;
		enum acme_status read;
	} cases[] = {
		{ "pending", "pending", "", true, ACME_PENDING },
		{ "ready", "ready", "", true, ACME_READY },
		{ "valid", "valid", ",\"certificate\":\"https://e/c\"", true,
			ACME_VALID },
		{ "valid without a certificate", "valid", "", false, 0 },
		{ "invalid", "invalid", ",\"error\":{\"type\":"
			"\"urn:ietf:params:acme:error:rateLimited\"}", true,
			ACME_INVALID },
		{ "a word nobody knows", "done", "", false, 0 },
		{ "a certificate that is a number", "pending",
			",\"certificate\":7", false, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct acme_order order;
		struct arena arena;
		print_message("%s\n", cases[i].name);
		arena_init(&arena, 0);
		struct span text = arena_print(&arena, "{\"status\":\"%s\","
			"\"finalize\":\"https://e/f\",\"authorizations\":"
			"[\"https://e/1\",\"https://e/2\"]%s}", cases[i].status,
			cases[i].rest);
		assert_int_equal(acme_read_order(text, &arena, &order),
			cases[i].is_right);
		if (cases[i].is_right) {
			assert_int_equal(order.status, cases[i].read);
			assert_int_equal(order.count, 2);
			assert_int_equal(order.problem.trouble,
				order.status == ACME_INVALID ?
				ACME_RATE_LIMITED : ACME_NO_TROUBLE);
		}
		arena_fini(&arena);
	}
}

static void
orders_of_many_names_are_refused(void **state)
{
	(void)state;
	for (size_t count = 0; count < ACME_NAMES + 2; count++) {
		struct acme_order order;
		struct arena arena;
		struct buffer text;
		arena_init(&arena, 0);
		buffer_init(&text, 0);
		buffer_add_string(&text, "{\"status\":\"pending\",\"finalize\":"
			"\"https://e/f\",\"authorizations\":[");
		for (size_t i = 0; i < count; i++)
			buffer_print(&text, "%s\"https://e/%zu\"",
				i == 0 ? "" : ",", i);
		buffer_add_string(&text, "]}");
		assert_int_equal(acme_read_order(buffer_span(&text), &arena,
			&order), count > 0 && count <= ACME_NAMES);
		buffer_fini(&text);
		arena_fini(&arena);
	}
}

static void
authorizations_are_read(void **state)
{
	static const struct {
		const char *name, *identifier, *token;
		bool is_right;
		size_t challenges;
	} cases[] = {
		{ "three challenges", "\"dns\",\"value\":\"WWW.example.test\"",
			TOKEN, true, 3 },
		{ "an address", "\"ip\",\"value\":\"192.0.2.1\"", TOKEN, false,
			0 },
		{ "a name that is none", "\"dns\",\"value\":\"a/../b\"", TOKEN,
			false, 0 },
		{ "a token that leads elsewhere", "\"dns\",\"value\":"
			"\"www.example.test\"", "../../../../etc/passwd00000000",
			true, 0 },
		{ "a token that can be guessed", "\"dns\",\"value\":"
			"\"www.example.test\"", "abc", true, 0 },
		{ "no token", "\"dns\",\"value\":\"www.example.test\"", "", true,
			0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct acme_authorization read;
		struct arena arena;
		struct buffer text;
		static const char *const types[] = { "http-01", "magic-01",
			"dns-01", "tls-alpn-01" };
		print_message("%s\n", cases[i].name);
		arena_init(&arena, 0);
		buffer_init(&text, 0);
		buffer_print(&text, "{\"status\":\"pending\",\"identifier\":"
			"{\"type\":%s},\"challenges\":[", cases[i].identifier);
		for (size_t j = 0; j < 4; j++)
			buffer_print(&text, "%s{\"type\":\"%s\",\"status\":"
				"\"pending\",\"url\":\"https://e/%zu\","
				"\"token\":\"%s\"}", j == 0 ? "" : ",", types[j],
				j, cases[i].token);
		buffer_add_string(&text, "]}");
		assert_int_equal(acme_read_authorization(buffer_span(&text),
			&arena, &read), cases[i].is_right);
		if (cases[i].is_right) {
			assert_int_equal(read.count, cases[i].challenges);
			assert_true(span_equals(read.name,
				SPAN("www.example.test")));
		}
		buffer_fini(&text);
		arena_fini(&arena);
	}
}

static void
problems_are_read(void **state)
{
#define URN "urn:ietf:params:acme:error:"
	static const struct {
		const char *text;
		enum acme_trouble trouble;
		const char *type, *detail;
	} cases[] = {
		{ "{\"type\":\"" URN "badNonce\",\"detail\":\"again\"}",
			ACME_BAD_NONCE, "badNonce", "again" },
		{ "{\"type\":\"" URN "rateLimited\"}", ACME_RATE_LIMITED,
			"rateLimited", "" },
		{ "{\"type\":\"" URN "accountDoesNotExist\"}", ACME_NO_ACCOUNT,
			"accountDoesNotExist", "" },
		{ "{\"type\":\"" URN "caa\",\"detail\":\"x\\ny\\u001b[0m\"}",
			ACME_OTHER, "caa", "x?y?[0m" },
		{ "{\"type\":\"about:blank\",\"detail\":7}", ACME_OTHER, "", "" },
		{ "{\"type\":\"badNonce\"}", ACME_OTHER, "", "" },
		{ "<html>", ACME_OTHER, "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct acme_problem problem;
		struct arena arena;
		arena_init(&arena, 0);
		acme_read_problem(span_from(cases[i].text), &arena, &problem);
		assert_int_equal(problem.trouble, cases[i].trouble);
		assert_true(span_equals(problem.type, span_from(cases[i].type)));
		assert_true(span_equals(problem.detail,
			span_from(cases[i].detail)));
		arena_fini(&arena);
	}
}

static void
deep_and_large_documents_are_refused(void **state)
{
	(void)state;
	for (size_t depth = ACME_DEPTH_LIMIT - 2; depth < 5000; depth += 7) {
		enum acme_status status;
		struct buffer text;
		buffer_init(&text, 0);
		buffer_add_string(&text, "{\"status\":\"valid\",\"x\":");
		for (size_t i = 0; i < depth; i++)
			buffer_add_byte(&text, '[');
		for (size_t i = 0; i < depth; i++)
			buffer_add_byte(&text, ']');
		buffer_add_string(&text, ",\"y\":\"[[[[[[[[[[[[[[[[[[[[[\\\"\"}");
		assert_int_equal(acme_read_account(buffer_span(&text), &status),
			depth + 1 <= ACME_DEPTH_LIMIT);
		buffer_fini(&text);
	}
	enum acme_status status;
	struct buffer text;
	buffer_init(&text, 0);
	buffer_add_string(&text, "{\"status\":\"valid\"}");
	while (text.size < ACME_DOCUMENT_LIMIT)
		buffer_add_byte(&text, ' ');
	assert_true(acme_read_account(buffer_span(&text), &status));
	buffer_add_byte(&text, ' ');
	assert_false(acme_read_account(buffer_span(&text), &status));
	buffer_fini(&text);
}

static void
times_are_read(void **state)
{
	static const struct {
		const char *text;
		bool is_right;
		int64_t seconds;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", true, 0 },
		{ "2025-01-02T04:00:00Z", true, 1735790400 },
		{ "2024-02-29T23:59:59.123456Z", true, 1709251199 },
		{ "2000-03-01t00:00:00z", true, 951868800 },
		{ "2025-01-02T04:00:00+01:30", true, 1735785000 },
		{ "2025-01-02T04:00:00-00:30", true, 1735792200 },
		{ "2025-01-02 04:00:00Z", false, 0 },
		{ "2025-13-02T04:00:00Z", false, 0 },
		{ "2025-00-02T04:00:00Z", false, 0 },
		{ "2025-01-02T24:00:00Z", false, 0 },
		{ "2025-01-02T04:00:00", false, 0 },
		{ "2025-01-02T04:00:00Zx", false, 0 },
		{ "2025-01-02T04:00:00+0100", false, 0 },
		{ "-025-01-02T04:00:00Z", false, 0 },
		{ "", false, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t wall;
		print_message("%s\n", cases[i].text);
		assert_int_equal(acme_read_time(span_from(cases[i].text), &wall),
			cases[i].is_right);
		if (cases[i].is_right)
			assert_int_equal(wall, cases[i].seconds * 1000);
	}
}

static void
windows_are_read(void **state)
{
	struct acme_window window;
	(void)state;
	/* RFC 9773 4.2 */
	assert_true(acme_read_window(SPAN("{\"suggestedWindow\":{\"start\":"
		"\"2025-01-02T04:00:00Z\",\"end\":\"2025-01-03T04:00:00Z\"},"
		"\"explanationURL\":\"https://acme.example.com/docs/ari\"}"),
		&window));
	assert_int_equal(window.end - window.start, 86400000);
	assert_false(acme_read_window(SPAN("{\"suggestedWindow\":{\"start\":"
		"\"2025-01-03T04:00:00Z\",\"end\":\"2025-01-02T04:00:00Z\"}}"),
		&window));
	assert_false(acme_read_window(SPAN("{\"suggestedWindow\":7}"), &window));
	assert_false(acme_read_window(SPAN("[]"), &window));
}

static void
retry_after_is_read(void **state)
{
	static const struct {
		const char *text;
		int64_t wait;
	} cases[] = {
		{ "120", 120000 }, { "0", 0 }, { "", 0 }, { "-1", 0 },
		{ "soon", 0 }, { "4294967295", 3600000 },
		{ "99999999999999999999999999", 3600000 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
		{ "Sat, 22 Nov 2036 07:00:00 GMT", 3600000 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(acme_read_retry_after(span_from(cases[i].text),
			NOW, 3600000), cases[i].wait);
}

/* ---- what is written in DER ---- */

static struct {
	EVP_PKEY *key;
	unsigned char *spki;
	int spki_size;
} world;

static int
make_key(void **state)
{
	(void)state;
	world.key = EVP_EC_gen("P-256");
	world.spki_size = i2d_PUBKEY(world.key, &world.spki);
	return world.spki_size > 0 ? 0 : -1;
}

static int
drop_key(void **state)
{
	(void)state;
	EVP_PKEY_free(world.key);
	OPENSSL_free(world.spki);
	return 0;
}

static struct span
spki(void)
{
	return span_of(world.spki, (size_t)world.spki_size);
}

/* As `key` signs: a digest. */
static void
sign_and_join(struct buffer *part, struct buffer *whole)
{
	uint8_t digest[SHA256_DIGEST_LENGTH], signature[200], raw[64];
	size_t size = sizeof(signature);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(world.key, NULL);
	SHA256((const unsigned char *)part->data, part->size, digest);
	assert_int_equal(EVP_PKEY_sign_init(context), 1);
	assert_int_equal(EVP_PKEY_sign(context, signature, &size, digest,
		sizeof(digest)), 1);
	EVP_PKEY_CTX_free(context);
	const unsigned char *at = signature;
	ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &at, (long)size);
	BN_bn2binpad(ECDSA_SIG_get0_r(numbers), raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(numbers), raw + 32, 32);
	ECDSA_SIG_free(numbers);
	acme_der_join(buffer_span(part), raw, whole);
}

/* X.690 8.3.2: no zeros too many, and no negative numbers. */
static void
signatures_are_der(void **state)
{
	static const struct {
		uint8_t first, last;
		const char *wanted;
		size_t size;
	} cases[] = {
		{ 0, 1, "\x03\x09\x00\x30\x06\x02\x01\x01\x02\x01\x00", 11 },
		{ 0, 0x80, "\x03\x0a\x00\x30\x07\x02\x02\x00\x80\x02\x01\x00",
			12 },
		{ 0, 0, "\x03\x09\x00\x30\x06\x02\x01\x00\x02\x01\x00", 11 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t raw[64] = { cases[i].first };
		struct buffer whole;
		raw[31] = cases[i].last;
		buffer_init(&whole, 0);
		acme_der_join(SPAN(""), raw, &whole);
		assert_int_equal(whole.size, 2 + 12 + cases[i].size);
		assert_memory_equal(whole.data + 2 + 12, cases[i].wanted,
			cases[i].size);
		buffer_fini(&whole);
	}
}

static void
requests_are_right(void **state)
{
	struct span names[ACME_NAMES];
	char text[ACME_NAMES][32];
	(void)state;
	/* lengths of one, two and three bytes */
	for (size_t count = 1; count <= ACME_NAMES; count++) {
		struct buffer part, whole;
		snprintf(text[count - 1], sizeof(text[0]), "mail%zu.example.test",
			count);
		names[count - 1] = span_from(text[count - 1]);
		buffer_init(&part, 0);
		buffer_init(&whole, 0);
		acme_der_request(spki(), names, count, &part);
		sign_and_join(&part, &whole);
		const unsigned char *at = (const unsigned char *)whole.data;
		X509_REQ *read = d2i_X509_REQ(NULL, &at, (long)whole.size);
		assert_non_null(read);
		assert_ptr_equal(at, whole.data + whole.size);
		assert_int_equal(X509_REQ_verify(read, world.key), 1);
		STACK_OF(X509_EXTENSION) *extensions =
			X509_REQ_get_extensions(read);
		GENERAL_NAMES *found = X509V3_get_d2i(extensions,
			NID_subject_alt_name, NULL, NULL);
		assert_int_equal(sk_GENERAL_NAME_num(found), count);
		GENERAL_NAMES_free(found);
		sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
		X509_REQ_free(read);
		buffer_fini(&part);
		buffer_fini(&whole);
	}
}

static void
challenge_certificates_are_right(void **state)
{
	struct buffer part, whole;
	uint8_t hash[SHA256_DIGEST_LENGTH];
	struct span authorization = SPAN(TOKEN ".thumbprint");
	(void)state;
	buffer_init(&part, 0);
	buffer_init(&whole, 0);
	acme_der_challenge(&(struct acme_der_challenge){ .spki = spki(),
		.name = SPAN("mail.example.test"),
		.key_authorization = authorization, .now = NOW, .serial = 7 },
		&part);
	sign_and_join(&part, &whole);
	const unsigned char *at = (const unsigned char *)whole.data;
	X509 *read = d2i_X509(NULL, &at, (long)whole.size);
	assert_non_null(read);
	assert_int_equal(X509_verify(read, world.key), 1);
	assert_int_equal(X509_check_host(read, "mail.example.test", 0,
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL), 1);
	time_t then = NOW / 1000;
	assert_int_equal(X509_cmp_time(X509_get0_notBefore(read), &then), -1);
	assert_int_equal(X509_cmp_time(X509_get0_notAfter(read), &then), 1);
	/* RFC 8737 3: one, critical, an octet string of the hash */
	ASN1_OBJECT *object = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
	int place = X509_get_ext_by_OBJ(read, object, -1);
	X509_EXTENSION *extension = X509_get_ext(read, place);
	assert_non_null(extension);
	assert_int_equal(X509_EXTENSION_get_critical(extension), 1);
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
	SHA256((const unsigned char *)authorization.data, authorization.size,
		hash);
	assert_int_equal(ASN1_STRING_length(value), 2 + sizeof(hash));
	assert_memory_equal(ASN1_STRING_get0_data(value), "\x04\x20", 2);
	assert_memory_equal(ASN1_STRING_get0_data(value) + 2, hash,
		sizeof(hash));
	ASN1_OBJECT_free(object);
	X509_free(read);
	buffer_fini(&part);
	buffer_fini(&whole);
}

/* ---- chains ---- */

/* RFC 9773 appendix A. */
static const char ari_certificate[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt\n"
	"cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS\n"
	"BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu\n"
	"7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf\n"
	"qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B\n"
	"yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb\n"
	"+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK\n"
	"-----END CERTIFICATE-----\n";

static void
renewal_ids_are_as_in_the_rfc(void **state)
{
	struct arena arena;
	struct acme_chain chain;
	(void)state;
	arena_init(&arena, 0);
	assert_int_equal(acme_chain_read(span_from(ari_certificate),
		&(struct acme_chain_wish){ .now = 0 }, &arena, &chain, NULL),
		ACME_CHAIN_NOT_NOW);
	assert_true(span_equals(chain.id,
		SPAN("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")));
	assert_true(span_equals(chain.issuer, SPAN("Example CA")));
	arena_fini(&arena);
}

/* A certificate in PEM for the key of this world, by acme_der itself. */
static void
add_certificate(struct buffer *pem)
{
	struct buffer part, whole;
	char *text;
	buffer_init(&part, 0);
	buffer_init(&whole, 0);
	acme_der_challenge(&(struct acme_der_challenge){ .spki = spki(),
		.name = SPAN("mail.example.test"), .key_authorization =
		SPAN("x"), .now = NOW }, &part);
	sign_and_join(&part, &whole);
	const unsigned char *at = (const unsigned char *)whole.data;
	X509 *read = d2i_X509(NULL, &at, (long)whole.size);
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, read);
	long size = BIO_get_mem_data(bio, &text);
	buffer_add(pem, span_of(text, (size_t)size));
	BIO_free(bio);
	X509_free(read);
	buffer_fini(&part);
	buffer_fini(&whole);
}

static void
chains_are_judged(void **state)
{
	static const struct {
		const char *name, *before, *host, *spki;
		unsigned certificates;
		int64_t now;
		enum acme_chain_verdict verdict;
	} cases[] = {
		{ "as asked for", "", "mail.example.test", NULL, 1, NOW,
			ACME_CHAIN_OK },
		{ "a chain", "", "mail.example.test", NULL, 3, NOW,
			ACME_CHAIN_OK },
		{ "text before it is left out", "hello\n", "mail.example.test",
			NULL, 1, NOW, ACME_CHAIN_OK },
		{ "too long", "", "mail.example.test", NULL,
			ACME_CHAIN_CERTIFICATES + 1, NOW, ACME_CHAIN_NONE },
		{ "another key", "", "mail.example.test", "0123", 1, NOW,
			ACME_CHAIN_OTHER_KEY },
		{ "another name", "", "mail.example.com", NULL, 1, NOW,
			ACME_CHAIN_NAME_MISSING },
		{ "old", "", "mail.example.test", NULL, 1,
			NOW + 8 * INT64_C(86400000), ACME_CHAIN_NOT_NOW },
		{ "of the future", "", "mail.example.test", NULL, 1,
			NOW - 2 * INT64_C(86400000), ACME_CHAIN_NOT_NOW },
		{ "not issued by the next", "", "mail.example.test", NULL, 1,
			NOW, ACME_CHAIN_BROKEN },
		{ "a name in the subject only", ari_certificate, "example.com",
			"", 0, NOW, ACME_CHAIN_NAME_MISSING },
		{ "nothing", "", "", NULL, 0, NOW, ACME_CHAIN_NONE },
		{ "a web page", "<html>", "", NULL, 0, NOW, ACME_CHAIN_NONE },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span host = span_from(cases[i].host);
		struct acme_chain_wish wish = { .names = &host, .count = 1,
			.spki = cases[i].spki == NULL ? spki() :
			span_from(cases[i].spki), .now = cases[i].now };
		struct acme_chain chain;
		struct buffer pem, out;
		struct arena arena;
		print_message("%s\n", cases[i].name);
		buffer_init(&pem, 0);
		buffer_init(&out, 0);
		arena_init(&arena, 0);
		buffer_add_string(&pem, cases[i].before);
		for (unsigned j = 0; j < cases[i].certificates; j++)
			add_certificate(&pem);
		if (cases[i].verdict == ACME_CHAIN_BROKEN)
			buffer_add_string(&pem, ari_certificate);
		assert_int_equal(acme_chain_read(buffer_span(&pem), &wish,
			&arena, &chain, &out), cases[i].verdict);
		assert_int_equal(out.size > 0,
			cases[i].verdict == ACME_CHAIN_OK);
		if (out.size > 0) {
			assert_true(span_starts(buffer_span(&out),
				SPAN("-----BEGIN CERTIFICATE-----\n")));
			assert_true(span_equals(chain.names,
				SPAN("mail.example.test")));
			assert_int_equal(chain.count, cases[i].certificates);
			assert_int_equal(chain.not_after - chain.not_before,
				8 * INT64_C(86400000));
		}
		arena_fini(&arena);
		buffer_fini(&out);
		buffer_fini(&pem);
	}
}

/* ---- what is kept ---- */

static void
states_survive(void **state)
{
	static const char *const wrong[] = { "\n", "posthouse-acme\t2\n",
		"posthouse-acme\t1\ncertificate\tkey=x\n",
		"posthouse-acme\t1\nother\tx\n",
		/* a chain without its key */
		"posthouse-acme\t1\ncertificate\tchain=x\trenewal=0\tretry=0\t"
		"failures=0\n",
		"posthouse-acme\t1\nchallenge\tname=a\tkey=b\tcertificate=!\n",
		"posthouse-acme\t1\nchallenge\tname=a\tkey=b\n",
		"posthouse-acme\t1\nleft-out\treason=a\tuntil=1\tfailures=1\n",
		"posthouse-acme\t1\nleft-out\tname=a\tuntil=1\n" };
	struct acme_state was = { .directory = SPAN("https://ca.test/"),
		.account = SPAN("https://ca.test/1"), .key = SPAN("acme-tls-1"),
		.chain = SPAN("-----BEGIN\nx\ty\n"), .next_key =
		SPAN("acme-tls-2"), .order = SPAN("https://ca.test/o"),
		.order_names = SPAN("a.test b.test"), .renewal = NOW, .retry = 7,
		.failures = 3, .trouble = SPAN("it did not work"),
		.challenges = 1, .challenge = { { SPAN("a.test"), SPAN("k"),
		SPAN("\x30\x00\n") } }, .lefts = 1, .left = { {
		SPAN("c.test"), SPAN("c.test\tleads nowhere"), NOW, 2 } } }, is;
	struct buffer blob;
	struct arena arena;
	(void)state;
	buffer_init(&blob, 0);
	arena_init(&arena, 0);
	acme_state_write(&was, &blob);
	assert_true(acme_state_read(buffer_span(&blob), &arena, &is));
	assert_true(span_equals(is.chain, was.chain));
	assert_true(span_equals(is.order_names, was.order_names));
	assert_true(span_equals(is.trouble, was.trouble));
	assert_int_equal(is.old_key.size, 0);
	assert_int_equal(is.renewal, NOW);
	assert_int_equal(is.failures, 3);
	assert_int_equal(is.challenges, 1);
	assert_true(span_equals(is.challenge[0].certificate,
		was.challenge[0].certificate));
	assert_int_equal(is.lefts, 1);
	assert_true(span_equals(is.left[0].reason, was.left[0].reason));
	assert_int_equal(is.left[0].until, NOW);
	assert_int_equal(is.left[0].failures, 2);
	assert_true(acme_state_read(SPAN(""), &arena, &is));
	assert_int_equal(is.chain.size, 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(acme_state_read(span_from(wrong[i]), &arena, &is));
	arena_fini(&arena);
	buffer_fini(&blob);
}

/* ---- names that fail ---- */

static void
left_for(struct acme_state *state, const char *name, int64_t now)
{
	const struct acme_state_left left = { .name = span_from(name),
		.reason = SPAN("it leads nowhere") };
	int64_t delay = acme_left_add(state, &left, now, 1000, 0);
	assert_int_equal(delay, acme_left_until(state) - now);
}

static void
names_are_left_out(void **unused)
{
	const struct span all[] = { SPAN("mail.test"), SPAN("a.test"),
		SPAN("b.test") };
	struct acme_state state = { 0 };
	struct span names[3];
	size_t count = 3;
	(void)unused;
	assert_true(acme_left_until(&state) == INT64_MAX);
	left_for(&state, "a.test", NOW);
	memcpy(names, all, sizeof(all));
	acme_left_apply(&state, NOW, names, &count);
	assert_int_equal(count, 2);
	assert_true(span_equals(names[1], SPAN("b.test")));
	/* tried again, and each time later */
	count = 3;
	memcpy(names, all, sizeof(all));
	acme_left_apply(&state, NOW + 1000, names, &count);
	assert_int_equal(count, 3);
	left_for(&state, "a.test", NOW + 1000);
	assert_int_equal(acme_left_until(&state), NOW + 3000);
	assert_int_equal(acme_left_failures(&state, SPAN("a.test")), 2);
	assert_int_equal(acme_left_failures(&state, SPAN("b.test")), 0);
	/* the mail host is never without */
	left_for(&state, "mail.test", NOW);
	acme_left_apply(&state, NOW, names, &count);
	assert_int_equal(count, 2);
	assert_true(span_equals(names[0], SPAN("mail.test")));
	/* a name that is not wanted any more, or has its certificate */
	acme_left_keep(&state, all, 2);
	assert_int_equal(state.lefts, 2);
	acme_left_keep(&state, all, 1);
	assert_int_equal(state.lefts, 1);
	acme_left_forget(&state, SPAN("mail.test"));
	assert_int_equal(state.lefts, 0);
}

static void
there_is_room_for_so_many(void **unused)
{
	static char text[ACME_NAMES + 1][8];
	struct acme_state state = { 0 };
	(void)unused;
	for (size_t i = 0; i <= ACME_NAMES; i++) {
		snprintf(text[i], sizeof(text[i]), "n%zu", i);
		const struct acme_state_left left = {
			.name = span_from(text[i]) };
		assert_int_equal(acme_left_add(&state, &left, NOW, 1000, 0),
			i < ACME_NAMES ? 1000 : 0);
	}
}

/* A quarter of a year: two thirds are 60 days. */
static void
renewal_comes_in_time(void **state)
{
	const int64_t day = ACME_DAY, start = NOW, end = NOW + 90 * day;
	const struct acme_window window = { NOW + 5 * day, NOW + 6 * day };
	(void)state;
	for (uint64_t random = 1; random < UINT64_MAX / 3; random *= 3) {
		int64_t when = acme_renewal_time(start, end, NULL, random);
		assert_true(when > NOW + 56 * day && when <= NOW + 60 * day);
		when = acme_renewal_time(start, end, &window, random);
		assert_true(when >= window.start && when < window.end);
	}
	assert_int_equal(acme_renewal_time(start, start, NULL, 7), start);
}

static void
failures_come_ever_more_rarely(void **state)
{
	const int64_t minute = 60000;
	(void)state;
	for (uint64_t random = 1; random < UINT64_MAX / 3; random *= 3) {
		int64_t hour = 0;
		/* so many in the first hour */
		unsigned count = 1;
		while ((hour += acme_retry_delay(count, 20 * minute, 0,
		    random)) < 60 * minute)
			count++;
		assert_true(count <= 3);
		assert_true(acme_retry_delay(1000, 20 * minute, 0, random) <=
			ACME_DAY + ACME_DAY / 4);
		assert_true(acme_retry_delay(1, 20 * minute, 3 * 60 * minute,
			random) == 3 * 60 * minute);
		assert_true(acme_retry_delay(1, 0, 0, random) >= 1000);
		assert_true(acme_retry_delay(4, 20 * minute, 0, random) >=
			160 * minute);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories_are_read),
		cmocka_unit_test(orders_are_read),
		cmocka_unit_test(orders_of_many_names_are_refused),
		cmocka_unit_test(authorizations_are_read),
		cmocka_unit_test(problems_are_read),
		cmocka_unit_test(deep_and_large_documents_are_refused),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(windows_are_read),
		cmocka_unit_test(retry_after_is_read),
		cmocka_unit_test(signatures_are_der),
		cmocka_unit_test(requests_are_right),
		cmocka_unit_test(challenge_certificates_are_right),
		cmocka_unit_test(renewal_ids_are_as_in_the_rfc),
		cmocka_unit_test(chains_are_judged),
		cmocka_unit_test(states_survive),
		cmocka_unit_test(names_are_left_out),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(renewal_comes_in_time),
		cmocka_unit_test(failures_come_ever_more_rarely),
	};
	return cmocka_run_group_tests(tests, make_key, drop_key);
}
