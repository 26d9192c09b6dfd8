/* The file dns_tsig_keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tsig_keys.h"

#define SECRET "MDEyMzQ1Njc4OWFiY2RlZg=="	/* 0123456789abcdef */

static const struct {
	const char *name, *text;
	int count;			/* -1: wrong */
	const char *said;
} cases[] = {
	{ "nothing", "", 0, NULL },
	{ "comments", "# a\n\n  # b\n", 0, NULL },
	{ "a key", "k hmac-sha256 " SECRET "\n", 1, NULL },
	{ "without an end of the line", "k.example. HMAC-SHA512. " SECRET, 1,
		NULL },
	{ "two, with tabs and CR", "k\thmac-sha256\t" SECRET "\r\nl hmac-sha384 "
		SECRET "\n", 2, NULL },
	{ "an algorithm of old", "k hmac-md5 " SECRET, -1, "f:1: found no "
		"algorithm behind the name, expected hmac-sha256, hmac-sha384 "
		"or hmac-sha512" },
	{ "no algorithm", "\nk " SECRET, -1, "f:2: found no algorithm behind "
		"the name, expected hmac-sha256, hmac-sha384 or hmac-sha512" },
	{ "no name", ".. hmac-sha256 " SECRET, -1,
		"f:1: found no name, expected NAME ALGORITHM SECRET" },
	{ "the root", ". hmac-sha256 " SECRET, -1,
		"f:1: found no name, expected NAME ALGORITHM SECRET" },
	{ "no secret", "k hmac-sha256", -1, "f:1: found no secret of 16 to 256 "
		"octets in base 64, expected one, as openssl rand -base64 32 "
		"makes it" },
	{ "too short a secret", "k hmac-sha256 MDEyMzQ1Njc4OWFiY2Rl", -1,
		"f:1: found no secret of 16 to 256 octets in base 64, expected "
		"one, as openssl rand -base64 32 makes it" },
	{ "no base 64", "k hmac-sha256 0123456789abcdef0123456789abcde!", -1,
		"f:1: found no secret of 16 to 256 octets in base 64, expected "
		"one, as openssl rand -base64 32 makes it" },
	{ "a blank in it", "k hmac-sha256 " SECRET " x", -1,
		"f:1: found more behind the secret, expected nothing" },
	{ "twice", "k hmac-sha256 " SECRET "\nK. hmac-sha512 " SECRET, -1,
		"f:2: found a key again, expected each once" },
};

static void
test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = { .text = "" };
		struct tsig_keys *keys = calloc(1, sizeof(*keys));
		print_message("%s\n", cases[i].name);
		keys->count = 9;
		int result = tsig_keys_read(span_from(cases[i].text), "f",
			keys, &error);
		assert_int_equal(result, cases[i].count < 0 ? -1 : 0);
		assert_int_equal(keys->count, cases[i].count < 0 ? 9 :
			cases[i].count);
		if (result < 0)
			assert_string_equal(error.text, cases[i].said);
		tsig_keys_free(&keys);
	}
}

static void
test_found(void **state)
{
	(void)state;
	struct error error;
	struct dns_name name;
	struct tsig_keys *keys = calloc(1, sizeof(*keys));
	assert_int_equal(tsig_keys_read(span_from("a hmac-sha256 " SECRET
		"\nB.Example hmac-sha512 " SECRET "\n"), "f", keys, &error), 0);
	assert_true(dns_name_from_text(SPAN("b.example."), &name));
	const struct tsig_key *key = tsig_keys_find(keys, &name);
	assert_ptr_equal(key, &keys->key[1]);
	assert_int_equal(key->size, 16);
	assert_memory_equal(key->secret, "0123456789abcdef", 16);
	assert_true(dns_name_from_text(SPAN("b"), &name));
	assert_null(tsig_keys_find(keys, &name));
	tsig_keys_free(&keys);
}

static void
test_limits(void **state)
{
	(void)state;
	struct error error;
	struct buffer text;
	struct tsig_keys *keys = calloc(1, sizeof(*keys));
	buffer_init(&text, 0);
	/* a secret of 256 octets, and one more */
	for (unsigned i = 0; i < 2; i++) {
		buffer_clear(&text);
		buffer_add_string(&text, "k hmac-sha256 ");
		for (unsigned j = 0; j < 340; j++)
			buffer_add_byte(&text, 'A');
		buffer_add_string(&text, i == 0 ? "AA==" : "AAA=");
		assert_int_equal(tsig_keys_read(buffer_span(&text), "f", keys,
			&error), i == 0 ? 0 : -1);
		assert_int_equal(keys->key[0].size, 256);
	}
	buffer_clear(&text);
	for (unsigned i = 0; i < TSIG_KEYS; i++)
		buffer_print(&text, "k%u hmac-sha256 %s\n", i, SECRET);
	assert_int_equal(tsig_keys_read(buffer_span(&text), "f", keys, &error),
		0);
	buffer_print(&text, "k hmac-sha256 %s\n", SECRET);
	assert_int_equal(tsig_keys_read(buffer_span(&text), "f", keys, &error),
		-1);
	assert_string_equal(error.text, "f:257: found another key, expected "
		"256 at most");
	buffer_fini(&text);
	tsig_keys_free(&keys);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
