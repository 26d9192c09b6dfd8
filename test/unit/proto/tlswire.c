/* The wire "tls-connect": what is written is read, what is beyond a limit or
 * could mislead a verification is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tlswire.h"

enum { NOW = 1000 };

static struct span some_names[TLSWIRE_NAMES + 1];
static struct tls_tlsa some_records[TLSWIRE_TLSA + 1];
static char bytes[TLSWIRE_TLSA_SIZE + 1];

static struct tls_connect_request
request_of(enum tls_verify verify, size_t names, size_t records, size_t size)
{
	struct tls_connect_request request = { .sni = SPAN("mx.example.test"),
		.names = some_names, .name_count = names, .verify = verify,
		.tlsa = some_records, .tlsa_count = records,
		.deadline = NOW + 30000 };
	for (size_t i = 0; i < names; i++)
		some_names[i] = i % 2 == 0 ? SPAN("mx.example.test") :
			SPAN("xn--bcher-kva.example");
	for (size_t i = 0; i < records; i++)
		some_records[i] = (struct tls_tlsa){ 3, (uint8_t)(i % 2), 1,
			span_of(bytes, size) };
	return request;
}

static void
what_is_asked_arrives(void **state)
{
	static const struct {
		const char *name;
		enum tls_verify verify;
		size_t names, records, size;
		bool is_valid;
	} cases[] = {
		{ "nothing to verify", TLS_VERIFY_NONE, 0, 0, 0, true },
		{ "a name only to look at", TLS_VERIFY_NONE, 1, 0, 0, true },
		{ "a name", TLS_VERIFY_NAME, 1, 0, 0, true },
		{ "most names", TLS_VERIFY_NAME, TLSWIRE_NAMES, 0, 0, true },
		{ "too many names", TLS_VERIFY_NAME, TLSWIRE_NAMES + 1, 0, 0,
			false },
		{ "no name to verify", TLS_VERIFY_NAME, 0, 0, 0, false },
		{ "a record", TLS_VERIFY_DANE, 2, 1, 32, true },
		{ "most records", TLS_VERIFY_DANE, 1, TLSWIRE_TLSA, 64, true },
		{ "too many records", TLS_VERIFY_DANE, 1, TLSWIRE_TLSA + 1, 64,
			false },
		{ "a large record", TLS_VERIFY_DANE, 1, 1, TLSWIRE_TLSA_SIZE,
			true },
		{ "a record too large", TLS_VERIFY_DANE, 1, 1,
			TLSWIRE_TLSA_SIZE + 1, false },
		{ "too many large ones", TLS_VERIFY_DANE, 1, 4,
			TLSWIRE_TLSA_SIZE, false },
		{ "DANE without records", TLS_VERIFY_DANE, 1, 0, 0, false },
		{ "records without DANE", TLS_VERIFY_NAME, 1, 1, 32, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_connect_request in = request_of(cases[i].verify,
			cases[i].names, cases[i].records, cases[i].size), out;
		struct buffer wire;
		struct arena arena;
		print_message("%s\n", cases[i].name);
		assert_int_equal(tlswire_request_is_valid(&in),
			cases[i].is_valid);
		if (!cases[i].is_valid)
			continue;
		buffer_init(&wire, 0);
		arena_init(&arena, 0);
		tlswire_request_encode(&wire, &in, NOW);
		assert_true(tlswire_request_decode(buffer_span(&wire), &arena,
			5000, &out));
		assert_int_equal(out.deadline, 35000);
		assert_int_equal(out.verify, in.verify);
		assert_true(span_equals(out.sni, in.sni));
		assert_int_equal(out.name_count, in.name_count);
		for (size_t j = 0; j < out.name_count; j++)
			assert_true(span_equals(out.names[j], in.names[j]));
		assert_int_equal(out.tlsa_count, in.tlsa_count);
		for (size_t j = 0; j < out.tlsa_count; j++) {
			assert_int_equal(out.tlsa[j].selector,
				in.tlsa[j].selector);
			assert_true(span_equals(out.tlsa[j].data,
				in.tlsa[j].data));
		}
		/* no piece of it is a request */
		for (size_t n = 0; n < wire.size; n += n < 100 ? 1 : 97)
			assert_false(tlswire_request_decode(span_first(
				buffer_span(&wire), n), &arena, NOW, &out));
		buffer_add_byte(&wire, 'x');
		assert_false(tlswire_request_decode(buffer_span(&wire), &arena,
			NOW, &out));
		arena_fini(&arena);
		buffer_fini(&wire);
	}
}

static void
names_are_host_names(void **state)
{
	static const struct {
		const char *name;
		bool is_valid;
	} cases[] = {
		{ "mx.example.test", true }, { "MX.Example.Test", true },
		{ "localhost", true }, { "_25._tcp.example", true },
		{ "", false }, { ".example.test", false },
		{ "mx..example.test", false }, { "mx.example.test.", false },
		{ "*.example.test", false }, { "mx example", false },
		{ "mx\\000.example", false }, { "b\xc3\xbc" "cher.example", false },
	};
	char most[TLSWIRE_NAME_SIZE + 2];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].name);
		assert_int_equal(tlswire_name_is_valid(
			span_from(cases[i].name)), cases[i].is_valid);
	}
	assert_false(tlswire_name_is_valid(span_of("a\0b", 3)));
	memset(most, 'a', sizeof(most));
	assert_true(tlswire_name_is_valid(span_of(most, TLSWIRE_NAME_SIZE)));
	assert_false(tlswire_name_is_valid(span_of(most,
		TLSWIRE_NAME_SIZE + 1)));
}

static void
time_that_is_left_is_bounded(void **state)
{
	static const struct {
		int64_t deadline, left;
	} cases[] = {
		{ NOW - 5, 0 }, { NOW, 0 }, { NOW + 1, 1 },
		{ INT64_MAX, TLSWIRE_PATIENCE_LIMIT },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_connect_request in = request_of(TLS_VERIFY_NONE, 0,
			0, 0), out;
		struct buffer wire;
		struct arena arena;
		in.deadline = cases[i].deadline;
		buffer_init(&wire, 0);
		arena_init(&arena, 0);
		tlswire_request_encode(&wire, &in, NOW);
		assert_true(tlswire_request_decode(buffer_span(&wire), &arena,
			0, &out));
		assert_int_equal(out.deadline, cases[i].left);
		arena_fini(&arena);
		buffer_fini(&wire);
	}
}

static void
what_was_found_arrives(void **state)
{
	struct tls_connect_facts in = { .is_done = true,
		.problem = TLS_PROBLEM_NAME, .is_chain_ok = true,
		.is_resumed = true, .has_fingerprint = true,
		.version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384",
		.reason = "the certificate is for other names than x" }, out;
	struct buffer wire;
	size_t consumed;
	(void)state;
	memset(in.fingerprint, 0xa5, sizeof(in.fingerprint));
	buffer_init(&wire, 0);
	tlswire_facts_encode(&wire, &in);
	assert_true(wire.size <= TLSWIRE_FACTS_LIMIT);
	size_t size = wire.size;
	for (size_t n = 0; n < size; n++)
		assert_int_equal(tlswire_facts_decode(span_first(
			buffer_span(&wire), n), &out, &consumed), TLSWIRE_MORE);
	buffer_add(&wire, SPAN("220 the stranger's bytes"));
	assert_int_equal(tlswire_facts_decode(buffer_span(&wire), &out,
		&consumed), TLSWIRE_OK);
	assert_int_equal(consumed, size);
	assert_true(out.is_done && out.is_chain_ok && out.is_resumed &&
		out.has_fingerprint && !out.is_name_ok && !out.is_dane_ok);
	assert_int_equal(out.problem, TLS_PROBLEM_NAME);
	assert_memory_equal(out.fingerprint, in.fingerprint, 32);
	assert_string_equal(out.version, in.version);
	assert_string_equal(out.cipher, in.cipher);
	assert_string_equal(out.reason, in.reason);
	buffer_fini(&wire);
}

static void
nonsense_is_no_facts(void **state)
{
	static const struct {
		const char *name;
		struct span bytes;
	} cases[] = {
		{ "SMTP", SPAN("220 hello") },
		{ "another version", SPAN("TLS\2\0\0") },
		{ "too long", SPAN("TLS\1\377\377") },
		{ "too short", SPAN("TLS\1\2\0\1\0") },
		{ "an unknown flag", SPAN("TLS\1\045\0\100\0"
			"................................\0\0\0") },
		{ "an unknown problem", SPAN("TLS\1\045\0\1\010"
			"................................\0\0\0") },
		{ "a control byte", SPAN("TLS\1\046\0\1\0"
			"................................\0\0\1\n") },
		{ "something behind", SPAN("TLS\1\046\0\1\0"
			"................................\0\0\0!") },
	};
	struct tls_connect_facts facts;
	size_t consumed;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].name);
		assert_int_equal(tlswire_facts_decode(cases[i].bytes, &facts,
			&consumed), TLSWIRE_BAD);
		assert_int_equal(consumed, 0);
	}
	assert_int_equal(tlswire_facts_decode(SPAN("TLS\1\045\0\1\0"
		"................................\0\0\0"), &facts, &consumed),
		TLSWIRE_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_arrives),
		cmocka_unit_test(names_are_host_names),
		cmocka_unit_test(time_that_is_left_is_bounded),
		cmocka_unit_test(what_was_found_arrives),
		cmocka_unit_test(nonsense_is_no_facts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
