/* SASL messages and the arithmetic of SCRAM: tables of named cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/base64.h"
#include "proto/saslprep.h"
#include "proto/scram.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- PLAIN ---- */

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
static const struct {
	const char *name;
	struct span message;
	bool ok;
	const char *authzid, *authcid, *password;
} plains[] = {
	{ "no authzid", SPAN("\0tim\0tanstaaftanstaaf"), true,
		"", "tim", "tanstaaftanstaaf" },
	{ "authzid", SPAN("Ursel\0Kurt\0xipj3plmq"), true,
		"Ursel", "Kurt", "xipj3plmq" },
	{ "UTF-8", SPAN("\0\xe7\x94\xa8@x\0\xe5\xaf\x86"), true,
		"", "\xe7\x94\xa8@x", "\xe5\xaf\x86" },
	{ "one NUL", SPAN("tim\0secret"), false, 0, 0, 0 },
	{ "three NULs", SPAN("\0tim\0secret\0"), false, 0, 0, 0 },
	{ "nothing", SPAN(""), false, 0, 0, 0 },
	{ "no name", SPAN("\0\0secret"), false, 0, 0, 0 },
	{ "no password", SPAN("\0tim\0"), false, 0, 0, 0 },
	{ "not UTF-8", SPAN("\0tim\0\xff"), false, 0, 0, 0 },
	{ "name of 320", SPAN("\0" X64 X64 X64 X64 X64 "\0p"), true,
		"", X64 X64 X64 X64 X64, "p" },
	{ "name of 321", SPAN("\0" X64 X64 X64 X64 X64 "x\0p"), false,
		0, 0, 0 },
};

static void
plain_has_three_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(plains); i++) {
		struct sasl_plain plain;
		bool ok = sasl_parse_plain(plains[i].message, &plain);
		if (ok != plains[i].ok)
			fail_msg("%s", plains[i].name);
		if (!ok)
			continue;
		assert_true(span_equals(plain.authzid,
			span_from(plains[i].authzid)));
		assert_true(span_equals(plain.authcid,
			span_from(plains[i].authcid)));
		assert_true(span_equals(plain.password,
			span_from(plains[i].password)));
	}
}

static void
mechanisms_are_found_in_any_case(void **state)
{
	enum sasl_mechanism mechanism;
	(void)state;
	assert_true(sasl_mechanism_find(SPAN("scram-sha-256"), &mechanism));
	assert_int_equal(mechanism, SASL_SCRAM_SHA_256);
	assert_true(sasl_mechanism_find(SPAN("SCRAM-SHA-256-PLUS"), &mechanism));
	assert_int_equal(mechanism, SASL_SCRAM_SHA_256_PLUS);
	assert_false(sasl_mechanism_find(SPAN("SCRAM-SHA-1"), &mechanism));
	assert_false(sasl_mechanism_find(SPAN(""), &mechanism));
}

/* ---- SCRAM, client-first ---- */

static const struct {
	const char *name, *message;
	enum scram_verdict verdict;
	enum scram_binding binding;
	const char *binding_name, *authzid, *user, *nonce, *header;
} firsts[] = {
	{ "RFC 7677 3", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", SCRAM_OK,
		SCRAM_BINDING_NONE, "", "", "user", "rOprNGfwEbeRWgbNEkqO",
		"n,," },
	{ "y", "y,,n=user,r=abc", SCRAM_OK, SCRAM_BINDING_UNUSED, "", "",
		"user", "abc", "y,," },
	{ "p", "p=tls-exporter,,n=user,r=abc", SCRAM_OK, SCRAM_BINDING_USED,
		"tls-exporter", "", "user", "abc", "p=tls-exporter,," },
	{ "authzid", "n,a=bob,n=alice,r=abc", SCRAM_OK, SCRAM_BINDING_NONE, "",
		"bob", "alice", "abc", "n,a=bob," },
	{ "comma and equals in the name", "n,,n=a=2Cb=3Dc,r=abc", SCRAM_OK,
		SCRAM_BINDING_NONE, "", "", "a,b=c", "abc", "n,," },
	{ "extension after the nonce", "n,,n=u,r=abc,x=y", SCRAM_OK,
		SCRAM_BINDING_NONE, "", "", "u", "abc", "n,," },
	{ "mandatory extension", "n,,m=z,n=u,r=abc", SCRAM_EXTENSION,
		0, 0, 0, 0, 0, 0 },
	{ "equals in the name", "n,,n=a=b,r=abc", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "lower-case escape", "n,,n=a=2cb,r=abc", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "empty name", "n,,n=,r=abc", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "empty nonce", "n,,n=u,r=", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "blank in the nonce", "n,,n=u,r=a b", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "no nonce", "n,,n=u", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "nonce before name", "n,,r=abc,n=u", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "no header", "n=u,r=abc", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "unknown flag", "x,,n=u,r=abc", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "p without name", "p=,,n=u,r=abc", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "authzid without a=", "n,bob,n=u,r=abc", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "bad extension", "n,,n=u,r=abc,xy", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "nothing", "", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "only commas", ",,,,", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
	{ "name is not UTF-8", "n,,n=\xff,r=abc", SCRAM_BAD, 0, 0, 0, 0, 0, 0 },
};

static void
client_first_is_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(firsts); i++) {
		struct arena arena;
		struct scram_client_first first;
		arena_init(&arena, 0);
		enum scram_verdict verdict = scram_parse_client_first(
			span_from(firsts[i].message), &arena, &first);
		if (verdict != firsts[i].verdict)
			fail_msg("%s: %d", firsts[i].name, verdict);
		if (verdict == SCRAM_OK) {
			assert_int_equal(first.binding, firsts[i].binding);
			assert_true(span_equals(first.binding_name,
				span_from(firsts[i].binding_name)));
			assert_true(span_equals(first.authzid,
				span_from(firsts[i].authzid)));
			assert_true(span_equals(first.name,
				span_from(firsts[i].user)));
			assert_true(span_equals(first.nonce,
				span_from(firsts[i].nonce)));
			assert_true(span_equals(first.header,
				span_from(firsts[i].header)));
		}
		arena_fini(&arena);
	}
}

/* ---- SCRAM, client-final ---- */

#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
static const struct {
	const char *name, *message;
	bool ok;
	const char *binding, *nonce, *without_proof;
} finals[] = {
	{ "RFC 7677 3", "c=biws,r=abcdef,p=" PROOF, true, "n,,", "abcdef",
		"c=biws,r=abcdef" },
	{ "extension", "c=biws,r=abc,x=1,p=" PROOF, true, "n,,", "abc",
		"c=biws,r=abc,x=1" },
	{ "no proof", "c=biws,r=abc", false, 0, 0, 0 },
	{ "short proof", "c=biws,r=abc,p=AAAA", false, 0, 0, 0 },
	{ "two proofs", "c=biws,r=abc,p=AAAA,p=" PROOF, false, 0, 0, 0 },
	{ "proof is not base64", "c=biws,r=abc,p=!!", false, 0, 0, 0 },
	{ "something after the proof", "c=biws,r=abc,p=" PROOF ",x=1", false,
		0, 0, 0 },
	{ "binding is not base64", "c=b,r=abc,p=" PROOF, false, 0, 0, 0 },
	{ "nonce first", "r=abc,c=biws,p=" PROOF, false, 0, 0, 0 },
	{ "only a proof", "p=" PROOF, false, 0, 0, 0 },
	{ "nothing", "", false, 0, 0, 0 },
};

static void
client_final_is_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(finals); i++) {
		struct arena arena;
		struct scram_client_final final;
		arena_init(&arena, 0);
		bool ok = scram_parse_client_final(span_from(finals[i].message),
			&arena, &final) == SCRAM_OK;
		if (ok != finals[i].ok)
			fail_msg("%s", finals[i].name);
		if (ok) {
			assert_true(span_equals(final.binding,
				span_from(finals[i].binding)));
			assert_true(span_equals(final.nonce,
				span_from(finals[i].nonce)));
			assert_true(span_equals(final.without_proof,
				span_from(finals[i].without_proof)));
		}
		arena_fini(&arena);
	}
}

/* ---- the exchange of RFC 7677 3 ---- */

#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
static const char server_first[] = "r=" CLIENT_NONCE SERVER_NONCE
	",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char client_final[] = "c=biws,r=" CLIENT_NONCE SERVER_NONCE
	",p=" PROOF;

static struct scram_keys
keys_of(const char *password)
{
	struct scram_keys keys = { .iterations = 4096 };
	struct buffer salt;
	buffer_init(&salt, 0);
	assert_true(base64_decode(&salt, SPAN("W22ZaJ0SNY7soEsUEjb6gQ==")));
	assert_int_equal(salt.size, SCRAM_SALT_SIZE);
	memcpy(keys.salt, salt.data, SCRAM_SALT_SIZE);
	buffer_fini(&salt);
	scram_derive_keys(span_from(password), &keys);
	return keys;
}

static void
exchange_of_rfc_7677_succeeds(void **state)
{
	struct scram_keys keys = keys_of("pencil"), other = keys_of("pencils");
	struct scram_client_final final;
	struct arena arena;
	struct buffer out, message;
	uint8_t signature[SCRAM_HASH_SIZE];
	(void)state;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	buffer_init(&message, 0);
	scram_add_server_first(&out, SPAN(CLIENT_NONCE), SPAN(SERVER_NONCE),
		span_of(keys.salt, sizeof(keys.salt)), 4096);
	assert_string_equal(buffer_string(&out), server_first);
	assert_int_equal(scram_parse_client_final(span_from(client_final),
		&arena, &final), SCRAM_OK);
	buffer_print(&message, "n=user,r=" CLIENT_NONCE ",%s,%.*s",
		server_first, SPAN_PRINT(final.without_proof));
	assert_true(scram_check_proof(&keys, buffer_span(&message), final.proof,
		signature));
	buffer_clear(&out);
	scram_add_server_final(&out, signature);
	assert_string_equal(buffer_string(&out),
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	assert_false(scram_check_proof(&other, buffer_span(&message),
		final.proof, signature));
	final.proof[31] ^= 1;
	assert_false(scram_check_proof(&keys, buffer_span(&message),
		final.proof, signature));
	assert_false(scram_keys_are_equal(&keys, &other));
	other = keys_of("pencil");
	assert_true(scram_keys_are_equal(&keys, &other));
	buffer_fini(&message);
	buffer_fini(&out);
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_has_three_parts),
		cmocka_unit_test(mechanisms_are_found_in_any_case),
		cmocka_unit_test(client_first_is_parsed),
		cmocka_unit_test(client_final_is_parsed),
		cmocka_unit_test(exchange_of_rfc_7677_succeeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
