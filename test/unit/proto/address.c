/* Addresses: paths that are taken and refused, and what is equal to what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "proto/address.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define L60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *name, *text;
	enum address_verdict verdict;
	const char *formatted;		/* how it is written again */
	const char *rest;
} paths[] = {
	{ "plain", "<a@b.example> SIZE=1", ADDRESS_OK, "a@b.example", " SIZE=1" },
	{ "null", "<>", ADDRESS_NULL, NULL, "" },
	{ "no domain", "<postmaster>", ADDRESS_OK, "postmaster", "" },
	{ "every atext", "<!#$%&'*+-/=?^_`{|}~@b.c>", ADDRESS_OK,
		"!#$%&'*+-/=?^_`{|}~@b.c", "" },
	{ "source route", "<@a.b,@c:d@e.f>", ADDRESS_OK, "d@e.f", "" },
	{ "source route without colon", "<@a.b,@c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "source route with rubbish", "<@a.b,c:d@e.f>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "endless source route", "<@" X64 X64 X64 X64 X64 X64 X64 X64 X64 X64
		X64 X64 X64 X64 X64 X64 ":a@b>", ADDRESS_TOO_LONG, NULL, NULL },
	{ "quoted needlessly", "<\"a\"@b.c>", ADDRESS_OK, "a@b.c", "" },
	{ "quoted blank", "<\"a b\"@b.c>", ADDRESS_OK, "\"a b\"@b.c", "" },
	{ "quoted at", "<\"a@x\"@b.c>", ADDRESS_OK, "\"a@x\"@b.c", "" },
	{ "quoted bracket", "<\"a>\"@b.c>", ADDRESS_OK, "\"a>\"@b.c", "" },
	{ "quoted pair", "<\"a\\\"\\\\\\z\"@b.c>", ADDRESS_OK, "\"a\\\"\\\\z\"@b.c", "" },
	{ "quoted empty", "<\"\"@b.c>", ADDRESS_OK, "\"\"@b.c", "" },
	{ "quoted without end", "<\"a@b.c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "quoted pair at the end", "<\"a\\", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "quoted control", "<\"a\x01\"@b.c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "quoted CR", "<\"a\r\n\"@b.c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "quoted tab by pair", "<\"a\\\t\"@b.c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "double dot is quoted on the way out", "<a..b@c.d>", ADDRESS_OK,
		"\"a..b\"@c.d", "" },
	{ "dot at the end of the local part", "<a.@c.d>", ADDRESS_OK, "\"a.\"@c.d", "" },
	{ "blank in the local part", "<a b@c.d>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "no local part", "<@c.d>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "no domain after at", "<a@>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "two ats", "<a@b@c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "no bracket", "a@b.c", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "bracket not closed", "<a@b.c", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "empty", "", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "empty label", "<a@b..c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "dot at the end of the domain", "<a@b.c.>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "hyphen first", "<a@-b.c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "hyphen last", "<a@b-.c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "underscore", "<a@b_c.d>", ADDRESS_OK, "a@b_c.d", "" },
	{ "blank in the domain", "<a@b c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "label of 64", "<a@" X64 ".c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "IPv4 literal", "<a@[192.0.2.1]>", ADDRESS_OK, "a@[192.0.2.1]", "" },
	{ "IPv6 literal", "<a@[IPv6:2001:db8::1]>", ADDRESS_OK,
		"a@[IPv6:2001:db8::1]", "" },
	{ "IPv6 literal without its tag", "<a@[2001:db8::1]>", ADDRESS_OK,
		"a@[2001:db8::1]", "" },
	{ "IPv4 literal too big", "<a@[192.0.2.256]>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "empty literal", "<a@[]>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "literal not closed", "<a@[192.0.2.1>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "UTF-8 both", "<\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95>",
		ADDRESS_OK, "\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95", "" },
	{ "not UTF-8", "<\xff@b.c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "overlong UTF-8", "<\xc0\xaf@b.c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "half a character in the domain", "<a@b\xe4\xbe.c>", ADDRESS_BAD_SYNTAX, NULL, NULL },
	{ "local part of 128", "<" X64 X64 "@b.c>", ADDRESS_OK, X64 X64 "@b.c", "" },
	{ "local part of 129", "<a" X64 X64 "@b.c>", ADDRESS_TOO_LONG, NULL, NULL },
	{ "path of 254", "<aaaaaaaaa@" L60 "." L60 "." L60 "." L60 ">", ADDRESS_OK,
		"aaaaaaaaa@" L60 "." L60 "." L60 "." L60, "" },
	{ "path of 255", "<aaaaaaaaaaa@" L60 "." L60 "." L60 "." L60 ">",
		ADDRESS_TOO_LONG, NULL, NULL },
};

static void
paths_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct arena arena;
		struct buffer out;
		struct address address;
		struct span rest = span_from(paths[i].text), start = rest;
		arena_init(&arena, 0);
		buffer_init(&out, 0);
		enum address_verdict verdict = address_parse_path(&rest, &arena,
			&address);
		if (verdict != paths[i].verdict)
			fail_msg("%s: verdict %d", paths[i].name, verdict);
		if (verdict == ADDRESS_OK) {
			address_format(&out, &address);
			assert_string_equal(buffer_string(&out),
				paths[i].formatted);
		}
		if (verdict <= ADDRESS_NULL)
			assert_true(span_equals(rest, span_from(paths[i].rest)));
		else
			assert_true(rest.data == start.data);
		buffer_fini(&out);
		arena_fini(&arena);
	}
}

/* Each text cut at every byte, in memory of exactly that size. */
static void
no_prefix_is_read_beyond_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct span text = span_from(paths[i].text);
		for (size_t size = 0; size <= text.size; size++) {
			struct arena arena;
			struct address address;
			char *copy = memory_new(size + 1);
			for (size_t at = 0; at < size; at++)
				copy[at] = text.data[at];
			struct span rest = span_of(copy, size);
			arena_init(&arena, 0);
			address_parse_path(&rest, &arena, &address);
			arena_fini(&arena);
			memory_free(copy);
		}
	}
}

static const struct {
	const char *text, *normal;	/* NULL: has none */
} normals[] = {
	{ "Alice@Example.COM", "alice@example.com" },
	{ "\"Alice B\"@Example.COM", "alice b@example.com" },
	{ "\"al\\ice\"@example.com", "alice@example.com" },
	{ "POSTMASTER", "postmaster" },
	{ "a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]" },
	{ "a@XN--BCHER-KVA.example", "a@b\xc3\xbc" "cher.example" },
	{ "a@b\xc3\xbc" "cher.example", "a@b\xc3\xbc" "cher.example" },
	{ "a@B\xc3\x9c" "CHER.example", "a@b\xc3\xbc" "cher.example" },
	{ "a@bu\xcc\x88" "cher.example", "a@b\xc3\xbc" "cher.example" },
	{ "a@fa\xc3\x9f.example", "a@fa\xc3\x9f.example" },
	{ "a@\xe4\xbe\x8b\xe3\x80\x82\xe6\xb5\x8b", "a@\xe4\xbe\x8b.\xe6\xb5\x8b" },
	{ "a@xn--0.example", NULL },		/* not punycode */
	{ "a@xn--bucher-KVA9.example", NULL },
	{ "a@b\xe2\x80\x8b" "c.\xe2\x92\x88", NULL },	/* not allowed in a label */
	{ "Jos\xc3\x89@b.c", "jos\xc3\xa9@b.c" },
	{ "JOSE\xcc\x81@b.c", "jos\xc3\xa9@b.c" },	/* decomposed */
	{ "STRA\xc3\x9f" "E@b.c", "strasse@b.c" },
	{ "\xce\xa3\xce\xb9\xcf\x82@b.c", "\xcf\x83\xce\xb9\xcf\x83@b.c" },
	{ "\xe7\x94\xa8@b.c", "\xe7\x94\xa8@b.c" },
};

static void
equal_addresses_have_one_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(normals); i++) {
		struct arena arena;
		struct address address;
		struct span normal = SPAN("");
		arena_init(&arena, 0);
		assert_int_equal(address_parse(span_from(normals[i].text),
			&arena, &address), ADDRESS_OK);
		bool ok = address_normalise(&arena, &address, &normal);
		if (ok != (normals[i].normal != NULL) ||
		    (ok && !span_equals(normal, span_from(normals[i].normal))))
			fail_msg("%s: %.*s", normals[i].text,
				SPAN_PRINT(normal));
		arena_fini(&arena);
	}
}

static void
domains_become_ascii_for_the_wire(void **state)
{
	static const struct {
		const char *domain, *ascii;
	} cases[] = {
		{ "Example.COM", "example.com" },
		{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" },
		{ "xn--bcher-kva.Example", "xn--bcher-kva.example" },
		{ "\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95", "xn--fsqu00a.xn--0zwm56d" },
		{ "[192.0.2.1]", NULL },
		{ "", NULL },
		{ "a..b", NULL },
		{ "a b", NULL },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena;
		struct span ascii;
		arena_init(&arena, 0);
		bool ok = address_domain_to_ascii(&arena,
			span_from(cases[i].domain), &ascii);
		assert_int_equal(ok, cases[i].ascii != NULL);
		if (ok)
			assert_true(span_equals(ascii, span_from(cases[i].ascii)));
		arena_fini(&arena);
	}
}

static void
details_are_split_off(void **state)
{
	static const struct {
		const char *local, *delimiters;
		bool split;
		const char *base, *detail;
	} cases[] = {
		{ "alice+news", "+", true, "alice", "news" },
		{ "alice+a+b", "+", true, "alice", "a+b" },
		{ "alice-a+b", "+-", true, "alice", "a+b" },
		{ "alice+", "+", true, "alice", "" },
		{ "+news", "+", false, "+news", "" },
		{ "alice", "+", false, "alice", "" },
		{ "alice+news", "", false, "alice+news", "" },
		{ "", "+", false, "", "" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span base, detail;
		assert_int_equal(address_split_detail(span_from(cases[i].local),
			cases[i].delimiters, &base, &detail), cases[i].split);
		assert_true(span_equals(base, span_from(cases[i].base)));
		assert_true(span_equals(detail, span_from(cases[i].detail)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_parsed),
		cmocka_unit_test(no_prefix_is_read_beyond_its_end),
		cmocka_unit_test(equal_addresses_have_one_form),
		cmocka_unit_test(domains_become_ascii_for_the_wire),
		cmocka_unit_test(details_are_split_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
