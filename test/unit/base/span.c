/* Spans, buffers and encodings: tables of named cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/span.h"
#include "base/utf8.h"

static void
numbers_are_digits_only(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool ok;
		uint64_t number;
	} cases[] = {
		{ "0", 9, true, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "10", 9, false, 0 },
		{ "", 9, false, 0 },
		{ "-1", 9, false, 0 },
		{ " 1", 9, false, 0 },
		{ "1x", 99, false, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t number = 0;
		bool ok = span_to_number(span_from(cases[i].text), cases[i].max,
			&number);
		assert_int_equal(ok, cases[i].ok);
		if (ok)
			assert_true(number == cases[i].number);
	}
}

static void
hexadecimal_bytes_are_all_or_nothing(void **state)
{
	uint8_t bytes[2] = { 0, 0 };
	(void)state;
	assert_true(span_to_hex_bytes(SPAN("0aFf"), bytes, 2));
	assert_int_equal(bytes[0], 0x0a);
	assert_int_equal(bytes[1], 0xff);
	assert_true(span_to_hex_bytes(SPAN(""), bytes, 0));
	assert_false(span_to_hex_bytes(SPAN("0aF"), bytes, 2));
	assert_false(span_to_hex_bytes(SPAN("0aFf0"), bytes, 2));
	assert_false(span_to_hex_bytes(SPAN("0a"), bytes, 2));
	assert_false(span_to_hex_bytes(SPAN("0a-1"), bytes, 2));
}

static void
split_gives_empty_pieces_too(void **state)
{
	struct span rest = SPAN("a,,b,"), piece;
	static const char *const want[] = { "a", "", "b", "" };
	size_t count = 0;
	(void)state;
	while (span_split(&rest, ',', &piece)) {
		assert_true(count < 4);
		assert_true(span_equals(piece, span_from(want[count])));
		count++;
	}
	assert_int_equal(count, 4);
}

static void
base64_is_strict_for_protocols(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		const char *bytes;
	} cases[] = {
		{ "", true, "" },
		{ "Zg==", true, "f" },
		{ "Zm8=", true, "fo" },
		{ "Zm9vYmFy", true, "foobar" },
		{ "Zg=", false, NULL },
		{ "Zh==", false, NULL },	/* bits beyond the end */
		{ "Z===", false, NULL },
		{ "Zm9v\n", false, NULL },
		{ "====", false, NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		bool ok = base64_decode(&out, span_from(cases[i].text));
		assert_int_equal(ok, cases[i].ok);
		if (ok)
			assert_true(span_equals(buffer_span(&out),
				span_from(cases[i].bytes)));
		buffer_fini(&out);
	}
}

static void
crc32c_matches_the_rfc(void **state)
{
	/* RFC 3720 B.4 */
	unsigned char zeros[32] = { 0 };
	(void)state;
	assert_int_equal(hash_crc32c(0, zeros, sizeof(zeros)), 0x8a9136aau);
	assert_int_equal(hash_crc32c(0, "123456789", 9), 0xe3069283u);
	uint32_t part = hash_crc32c(0, "12345", 5);
	assert_int_equal(hash_crc32c(part, "6789", 4), 0xe3069283u);
}

static void
siphash_matches_its_paper(void **state)
{
	uint8_t key[16], text[15];
	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	for (uint8_t i = 0; i < 15; i++)
		text[i] = i;
	assert_true(hash_siphash(key, span_of(text, 15)) == 0xa129ca6149be45e5u);
}

static void
utf8_refuses_what_is_not(void **state)
{
	static const char *const bad[] = { "\x80", "\xc0\xaf", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xe4\xbd", "\xff" };
	(void)state;
	assert_true(utf8_is_valid(SPAN("\xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x93\xae")));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_is_valid(span_from(bad[i])));
}

static void
maps_keep_what_was_put(void **state)
{
	struct map map;
	(void)state;
	map_init(&map);
	for (uint64_t i = 1; i <= 1000; i++)
		assert_null(map_put(&map, map_key_u64(&i), (void *)(uintptr_t)i));
	for (uint64_t i = 1; i <= 1000; i += 2)
		assert_true(map_take(&map, map_key_u64(&i)) == (void *)(uintptr_t)i);
	size_t cursor = 0, seen = 0;
	struct span key;
	void *value;
	while (map_next(&map, &cursor, &key, &value))
		seen++;
	assert_int_equal(seen, 500);
	map_fini(&map);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_digits_only),
		cmocka_unit_test(hexadecimal_bytes_are_all_or_nothing),
		cmocka_unit_test(split_gives_empty_pieces_too),
		cmocka_unit_test(base64_is_strict_for_protocols),
		cmocka_unit_test(crc32c_matches_the_rfc),
		cmocka_unit_test(siphash_matches_its_paper),
		cmocka_unit_test(utf8_refuses_what_is_not),
		cmocka_unit_test(maps_keep_what_was_put),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
