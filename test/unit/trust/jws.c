/* JWS, JWK and thumbprint, with the examples of RFC 7515 A.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "trust/jws.h"

/* RFC 7515 A.3.1: x, y and the signature of the example. */
static const uint8_t example_x[] = { 127, 205, 206, 39, 112, 246, 196, 93, 65,
	131, 203, 238, 111, 219, 75, 123, 88, 7, 51, 53, 123, 233, 239, 19, 186,
	207, 110, 60, 123, 209, 84, 69 };
static const uint8_t example_y[] = { 199, 241, 68, 205, 27, 189, 155, 126, 135,
	44, 223, 237, 185, 238, 185, 244, 179, 105, 93, 110, 169, 11, 36, 173,
	138, 70, 35, 40, 133, 136, 229, 173 };
static const uint8_t example_signature[] = { 14, 209, 33, 83, 121, 99, 108, 72,
	60, 47, 127, 21, 88, 7, 212, 2, 163, 178, 40, 3, 58, 249, 124, 126, 23,
	129, 154, 195, 22, 158, 166, 101, 197, 10, 7, 211, 140, 60, 112, 229,
	216, 241, 45, 175, 8, 74, 84, 128, 166, 101, 144, 197, 242, 147, 80, 154,
	143, 63, 127, 138, 131, 163, 84, 213 };
#define EXAMPLE_JWK "{\"crv\":\"P-256\",\"kty\":\"EC\"," \
	"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define EXAMPLE_SIGNATURE "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDx" \
	"w5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

static struct jws_key
example_key(void)
{
	struct jws_key key;
	memcpy(key.x, example_x, sizeof(key.x));
	memcpy(key.y, example_y, sizeof(key.y));
	return key;
}

static void
assert_text(struct buffer *made, const char *wanted)
{
	assert_string_equal(buffer_string(made), wanted);
	buffer_fini(made);
}

static void
base64url_is_as_in_the_rfc(void **state)
{
	static const struct {
		const char *name, *bytes, *text;
	} cases[] = {
		{ "RFC 7515 appendix C", "\x03\xec\xff\xe0\xc1", "A-z_4ME" },
		{ "one byte", "f", "Zg" },
		{ "two bytes", "fo", "Zm8" },
		{ "three bytes", "foo", "Zm9v" },
		{ "both other letters", "\xfb\xff\xbf", "-_-_" },
	};
	static const char *const wrong[] = { "", "=", "Zg==", "Z", "Zh", "a+b/",
		"a b", "a\n", "\xc3\xa4" };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		print_message("%s\n", cases[i].name);
		buffer_init(&out, 0);
		jws_base64url(&out, span_from(cases[i].bytes));
		assert_text(&out, cases[i].text);
		assert_true(jws_base64url_decode(&out,
			span_from(cases[i].text)));
		assert_text(&out, cases[i].bytes);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		assert_false(jws_base64url_decode(&out, span_from(wrong[i])));
		buffer_fini(&out);
	}
}

static void
keys_are_written_and_hashed(void **state)
{
	struct jws_key key = example_key();
	struct buffer out;
	uint8_t hash[SHA256_DIGEST_LENGTH];
	(void)state;
	buffer_init(&out, 0);
	jws_key_write(&key, &out);
	assert_text(&out, EXAMPLE_JWK);
	jws_key_thumbprint(&key, &out);
	/* openssl dgst -sha256 of the text above */
	assert_string_equal(buffer_string(&out),
		"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
	struct buffer bytes;
	buffer_init(&bytes, 0);
	assert_true(jws_base64url_decode(&bytes, buffer_span(&out)));
	SHA256((const unsigned char *)EXAMPLE_JWK, strlen(EXAMPLE_JWK), hash);
	assert_true(span_equals(buffer_span(&bytes),
		span_of(hash, sizeof(hash))));
	buffer_fini(&bytes);
	buffer_fini(&out);
}

static void
read_made_key(const char *kind, const char *group, size_t cut, size_t more,
	bool wanted)
{
	unsigned char *der = NULL;
	struct jws_key key;
	struct buffer spki;
	EVP_PKEY *made = group == NULL ? EVP_PKEY_Q_keygen(NULL, NULL, kind) :
		EVP_PKEY_Q_keygen(NULL, NULL, kind, group);
	assert_non_null(made);
	int size = i2d_PUBKEY(made, &der);
	assert_true(size > 0);
	buffer_init(&spki, 0);
	buffer_add(&spki, span_of(der, (size_t)size - cut));
	for (size_t i = 0; i < more; i++)
		buffer_add_byte(&spki, 0);
	assert_int_equal(jws_key_read(buffer_span(&spki), &key), wanted);
	/* the point stands uncompressed at the end */
	if (wanted)
		assert_memory_equal(der + size - 64, &key, 64);
	OPENSSL_free(der);
	EVP_PKEY_free(made);
	buffer_fini(&spki);
}

static void
keys_of_other_kinds_are_refused(void **state)
{
	(void)state;
	read_made_key("EC", "P-256", 0, 0, true);
	read_made_key("EC", "P-256", 1, 0, false);
	read_made_key("EC", "P-256", 0, 1, false);
	read_made_key("EC", "P-384", 0, 0, false);
	read_made_key("ED25519", NULL, 0, 0, false);
	struct jws_key key;
	assert_false(jws_key_read(SPAN("nonsense"), &key));
	assert_false(jws_key_read(SPAN(""), &key));
}

static void
documents_are_signed(void **state)
{
	struct jws_key key = example_key();
	struct jws_header header = { .key = &key, .nonce = SPAN("abc_-1"),
		.url = SPAN("https://ca.test/new") };
	struct buffer out, der, whole;
	(void)state;
	buffer_init(&out, 0);
	buffer_init(&der, 0);
	buffer_init(&whole, 0);
	assert_true(jws_signing_input(&header, SPAN("{}"), &out));
	size_t dot = span_find(buffer_span(&out), '.');
	assert_true(jws_base64url_decode(&der, span_first(buffer_span(&out),
		dot)));
	assert_text(&der, "{\"alg\":\"ES256\",\"jwk\":" EXAMPLE_JWK
		",\"nonce\":\"abc_-1\",\"url\":\"https://ca.test/new\"}");
	assert_true(span_equals(span_skip(buffer_span(&out), dot + 1),
		SPAN("e30")));
	buffer_clear(&out);
	header.account = SPAN("https://ca.test/account/1");
	assert_true(jws_signing_input(&header, SPAN(""), &out));
	assert_int_equal(out.data[out.size - 1], '.');
	assert_true(jws_base64url_decode(&der, span_first(buffer_span(&out),
		out.size - 1)));
	assert_text(&der, "{\"alg\":\"ES256\",\"kid\":\"https://ca.test/account"
		"/1\",\"nonce\":\"abc_-1\",\"url\":\"https://ca.test/new\"}");
	jws_write(SPAN("aa.bb"), example_signature, &whole);
	assert_text(&whole, "{\"protected\":\"aa\",\"payload\":\"bb\","
		"\"signature\":\"" EXAMPLE_SIGNATURE "\"}");
	jws_write(SPAN("aa."), example_signature, &whole);
	assert_text(&whole, "{\"protected\":\"aa\",\"payload\":\"\","
		"\"signature\":\"" EXAMPLE_SIGNATURE "\"}");
	buffer_fini(&whole);
	buffer_fini(&der);
	buffer_fini(&out);
}

/* What the other side chooses stands inside of quotes. */
static void
strange_urls_and_nonces_are_refused(void **state)
{
	static const struct {
		const char *name, *nonce, *url, *account;
	} cases[] = {
		{ "an empty nonce", "", "https://a/", "" },
		{ "a quote in the nonce", "a\"b", "https://a/", "" },
		{ "plain http", "a", "http://a/", "" },
		{ "no host", "a", "https:///x", "" },
		{ "nothing", "a", "", "" },
		{ "a quote in the URL", "a", "https://a/\",\"x\":\"", "" },
		{ "a backslash", "a", "https://a/\\", "" },
		{ "a blank", "a", "https://a/ b", "" },
		{ "a control", "a", "https://a/\n", "" },
		{ "beyond ASCII", "a", "https://a/\xc3\xa4", "" },
		{ "a quote in the account", "a", "https://a/", "https://a/\"" },
	};
	struct jws_key key = example_key();
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jws_header header = { .key = &key,
			.account = span_from(cases[i].account),
			.nonce = span_from(cases[i].nonce),
			.url = span_from(cases[i].url) };
		struct buffer out;
		print_message("%s\n", cases[i].name);
		buffer_init(&out, 0);
		assert_false(jws_signing_input(&header, SPAN("{}"), &out));
		assert_int_equal(out.size, 0);
		buffer_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64url_is_as_in_the_rfc),
		cmocka_unit_test(keys_are_written_and_hashed),
		cmocka_unit_test(keys_of_other_kinds_are_refused),
		cmocka_unit_test(documents_are_signed),
		cmocka_unit_test(strange_urls_and_nonces_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
