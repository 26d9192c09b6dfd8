/* PROXY headers: what is written is read; what is not one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "proto/proxy2.h"

static struct proxy2
facts_of(const char *client, const char *local, bool is_tls)
{
	struct proxy2 facts = { 0 };
	if (strcmp(client, "local") == 0) {
		facts.client.family = facts.local.family = AF_UNIX;
		facts.client.uid = 4711;
	} else if (client[0] != '\0') {
		assert_true(network_address_parse(span_from(client),
			&facts.client));
		assert_true(network_address_parse(span_from(local),
			&facts.local));
		facts.client.port = 54321;
		facts.local.port = 25;
	}
	if (!is_tls)
		return facts;
	facts.is_tls = true;
	strncpy(facts.tls_version, "TLSv1.3", sizeof(facts.tls_version) - 1);
	strncpy(facts.tls_cipher, "TLS_AES_256_GCM_SHA384",
		sizeof(facts.tls_cipher) - 1);
	strncpy(facts.server_name, "mail.example.test",
		sizeof(facts.server_name) - 1);
	memset(facts.binding_exporter, 7, 32);
	facts.binding_exporter_size = 32;
	memset(facts.binding_end_point, 9, 48);
	facts.binding_end_point_size = 48;
	return facts;
}

static void
what_is_written_is_read(void **state)
{
	static const struct {
		const char *client, *local;
		bool is_tls;
	} cases[] = {
		{ "192.0.2.1", "198.51.100.2", false },
		{ "192.0.2.1", "198.51.100.2", true },
		{ "2001:db8::1", "2001:db8::2", true },
		{ "local", "", false },
		{ "", "", true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy2 in = facts_of(cases[i].client, cases[i].local,
			cases[i].is_tls), out;
		struct buffer header;
		size_t consumed;
		buffer_init(&header, PROXY2_HEADER_LIMIT);
		proxy2_encode(&header, &in);
		assert_false(buffer_is_overrun(&header));
		/* every prefix is not whole yet */
		for (size_t n = 0; n < header.size; n++)
			assert_int_equal(proxy2_decode(span_first(
				buffer_span(&header), n), &out, &consumed),
				PROXY2_MORE);
		buffer_add_string(&header, "EHLO");
		assert_int_equal(proxy2_decode(buffer_span(&header), &out,
			&consumed), PROXY2_OK);
		assert_int_equal(consumed, header.size - 4);
		assert_memory_equal(&in, &out, sizeof(in));
		buffer_fini(&header);
	}
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2(command, family, rest) SPAN(SIGNATURE command family rest)
#define FOUR "\300\0\2\1\306\063\144\2\324\061\0\031"

static void
headers_of_others_are_judged(void **state)
{
	static const struct {
		const char *name;
		struct span header;
		enum proxy2_verdict verdict;
		const char *client;
	} cases[] = {
		{ "v1 four", SPAN("PROXY TCP4 192.0.2.1 192.0.2.2 4000 25\r\n"),
			PROXY2_OK, "192.0.2.1" },
		{ "v1 six", SPAN("PROXY TCP6 2001:db8::1 2001:db8::2 4000 25\r\n"),
			PROXY2_OK, "2001:db8::1" },
		{ "v1 unknown", SPAN("PROXY UNKNOWN\r\n"), PROXY2_OK, "unknown" },
		{ "v1 unknown with rest", SPAN("PROXY UNKNOWN ff:: x 1 2\r\n"),
			PROXY2_OK, "unknown" },
		{ "v1 cut", SPAN("PROXY TCP4 192.0.2.1 192.0"), PROXY2_MORE, NULL },
		{ "v1 begun", SPAN("PRO"), PROXY2_MORE, NULL },
		{ "v1 wrong family", SPAN("PROXY TCP4 ::1 ::2 4000 25\r\n"),
			PROXY2_BAD, NULL },
		{ "v1 port", SPAN("PROXY TCP4 192.0.2.1 192.0.2.2 65536 25\r\n"),
			PROXY2_BAD, NULL },
		{ "v1 one word more",
			SPAN("PROXY TCP4 192.0.2.1 192.0.2.2 4000 25 1\r\n"),
			PROXY2_BAD, NULL },
		{ "v1 no CR", SPAN("PROXY TCP4 192.0.2.1 192.0.2.2 4000 25\n"
			"EHLO aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			"aaaaaaaaaaaaaaaaaa"), PROXY2_BAD, NULL },
		{ "not one", SPAN("EHLO x\r\n"), PROXY2_BAD, NULL },
		{ "v2 four", V2("\x21", "\x11", "\0\x0c" FOUR), PROXY2_OK,
			"192.0.2.1" },
		{ "v2 local counts nothing", V2("\x20", "\x11", "\0\x0c" FOUR),
			PROXY2_OK, "unknown" },
		{ "v2 unknown TLV", V2("\x21", "\x11", "\0\x11" FOUR "\x77\0\2ab"),
			PROXY2_OK, "192.0.2.1" },
		{ "v2 short addresses", V2("\x21", "\x11", "\0\x0b" FOUR),
			PROXY2_BAD, NULL },
		{ "v2 TLV beyond the end", V2("\x21", "\x11", "\0\x0f" FOUR
			"\x77\0\1"), PROXY2_BAD, NULL },
		{ "v2 half a TLV", V2("\x21", "\x11", "\0\x0e" FOUR "\x77\0"),
			PROXY2_BAD, NULL },
		{ "v2 datagram", V2("\x21", "\x12", "\0\x0c" FOUR), PROXY2_BAD,
			NULL },
		{ "v2 version 3", V2("\x31", "\x11", "\0\x0c" FOUR), PROXY2_BAD,
			NULL },
		{ "v2 command 2", V2("\x22", "\x11", "\0\x0c" FOUR), PROXY2_BAD,
			NULL },
		{ "v2 too long", V2("\x21", "\x11", "\x04\x00"), PROXY2_BAD, NULL },
		{ "v2 wrong checksum", V2("\x21", "\x11", "\0\x13" FOUR
			"\x03\0\4abcd"), PROXY2_BAD, NULL },
		{ "v2 short ssl", V2("\x21", "\x11", "\0\x13" FOUR "\x20\0\4abcd"),
			PROXY2_BAD, NULL },
		{ "v2 rubbish without a family", V2("\x21", "\0", "\0\2ab"),
			PROXY2_OK, "unknown" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy2 facts;
		size_t consumed;
		char text[NETWORK_TEXT_SIZE];
		enum proxy2_verdict verdict = proxy2_decode(cases[i].header,
			&facts, &consumed);
		if (verdict != cases[i].verdict)
			fail_msg("%s: verdict %d", cases[i].name, verdict);
		if (verdict != PROXY2_OK) {
			assert_int_equal(facts.client.family, 0);
			assert_int_equal(consumed, 0);
			continue;
		}
		network_address_format(&facts.client, text);
		assert_string_equal(text, cases[i].client);
		assert_int_equal(consumed, cases[i].header.size);
	}
}

static void
a_right_checksum_is_accepted(void **state)
{
	char header[] = SIGNATURE "\x21\x11\0\x13" FOUR "\x03\0\4\0\0\0\0";
	size_t size = sizeof(header) - 1, consumed;
	struct proxy2 facts;
	(void)state;
	uint32_t crc = hash_crc32c(0, header, size);
	for (size_t i = 0; i < 4; i++)
		header[size - 4 + i] = (char)(crc >> (24 - 8 * i));
	assert_int_equal(proxy2_decode(span_of(header, size), &facts,
		&consumed), PROXY2_OK);
	header[20] ^= 1;
	assert_int_equal(proxy2_decode(span_of(header, size), &facts,
		&consumed), PROXY2_BAD);
}

static void
text_that_could_break_a_log_is_left_out(void **state)
{
	struct span cases[] = {
		V2("\x21", "\x11", "\0\x12" FOUR "\x02\0\3a\nb"),
		V2("\x21", "\x11", "\0\x12" FOUR "\x02\0\3a b"),
		V2("\x21", "\x11", "\0\x12" FOUR "\x02\0\3a\0b"),
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy2 facts;
		size_t consumed;
		assert_int_equal(proxy2_decode(cases[i], &facts, &consumed),
			PROXY2_OK);
		assert_string_equal(facts.server_name, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(headers_of_others_are_judged),
		cmocka_unit_test(a_right_checksum_is_accepted),
		cmocka_unit_test(text_that_could_break_a_log_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
