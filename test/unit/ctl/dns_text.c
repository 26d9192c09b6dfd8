/* Data of DNS records as text: of answers, of ours, and whether both say the
 * same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/buffer.h"
#include "ctl/dns_text.h"

/* An answer with one record of the root, as RFC 1035 4.1.3 has it. */
static void
make_answer(struct buffer *out, uint16_t type, struct span data)
{
	static const char head[] = "\0\1\x80\0\0\0\0\1\0\0\0\0" "\0";
	buffer_add(out, span_of(head, sizeof(head) - 1));
	buffer_add_byte(out, (char)(type >> 8));
	buffer_add_byte(out, (char)type);
	buffer_add(out, SPAN("\0\1" "\0\0\0\0"));
	buffer_add_byte(out, (char)(data.size >> 8));
	buffer_add_byte(out, (char)data.size);
	buffer_add(out, data);
}

#define DATA(text) { text, sizeof(text) - 1 }

static const struct {
	const char *name;
	uint16_t type;
	struct span data;
	const char *text;		/* NULL: not what its type says */
} answers[] = {
	{ "A", DNS_TYPE_A, DATA("\xc0\0\2\7"), "192.0.2.7" },
	{ "A, cut", DNS_TYPE_A, DATA("\xc0\0\2"), NULL },
	{ "AAAA", DNS_TYPE_AAAA, DATA("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7"),
		"2001:db8::7" },
	{ "MX", DNS_TYPE_MX, DATA("\0\12\4mail\4test\0"), "10 mail.test." },
	{ "null MX", DNS_TYPE_MX, DATA("\0\0\0"), "0 ." },
	{ "MX without a name", DNS_TYPE_MX, DATA("\0\12"), NULL },
	{ "SRV", 33, DATA("\0\0\0\1\3\xe1\4mail\4test\0"),
		"0 1 993 mail.test." },
	{ "SRV of nothing", 33, DATA("\0\0\0\0\0\0\0"), "0 0 0 ." },
	{ "SRV, cut", 33, DATA("\0\0\0\1\3"), NULL },
	{ "CNAME", DNS_TYPE_CNAME, DATA("\4mail\4test\0"), "mail.test." },
	{ "CNAME in a ring", DNS_TYPE_CNAME, DATA("\xc0\x17"), NULL },
	{ "TXT", DNS_TYPE_TXT, DATA("\13v=spf1 -all"), "\"v=spf1 -all\"" },
	{ "TXT of two strings", DNS_TYPE_TXT, DATA("\2ab\2cd"), "\"abcd\"" },
	{ "TXT with a quote", DNS_TYPE_TXT, DATA("\4a\"b\\"),
		"\"a\\\"b\\\\\"" },
	{ "TXT for a terminal", DNS_TYPE_TXT, DATA("\3\033c\xe9"),
		"\"\\027c\\233\"" },
	{ "TXT longer than it is", DNS_TYPE_TXT, DATA("\5ab"), NULL },
	{ "TLSA", DNS_TYPE_TLSA, DATA("\3\1\1\xab\xcd"), "3 1 1 abcd" },
	{ "TLSA of nothing", DNS_TYPE_TLSA, DATA("\3\1\1"), NULL },
	{ "DS", 43, DATA("\xc9\xb4\15\2\xe0\x31"), "51636 13 2 e031" },
	{ "DS of nothing", 43, DATA("\xc9\xb4\15\2"), NULL },
	{ "another type", 99, DATA("\1a"), NULL },
};

static void
answers_become_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct buffer message;
		struct arena arena;
		struct dns_reader reader;
		struct dns_record record;
		struct span text;
		print_message("%s\n", answers[i].name);
		buffer_init(&message, 0);
		arena_init(&arena, 0);
		make_answer(&message, answers[i].type, answers[i].data);
		assert_true(dns_read(&reader, buffer_span(&message)));
		assert_true(dns_read_record(&reader, &record));
		bool ok = dns_text_of(buffer_span(&message), &record, &arena,
			&text);
		assert_int_equal(ok, answers[i].text != NULL);
		if (ok)
			assert_true(span_equals(text,
				span_from(answers[i].text)));
		arena_fini(&arena);
		buffer_fini(&message);
	}
}

static void
what_means_the_same_is_the_same(void **state)
{
	static const struct {
		const char *name, *a, *b;
		bool is_equal;
	} cases[] = {
		{ "the same", "10 mail.test.", "10 mail.test.", true },
		{ "names", "10 Mail.TEST.", "10 mail.test.", true },
		{ "digits", "3 1 1 ABCD", "3 1 1 abcd", true },
		{ "more", "10 mail.test.", "10 mail.test.org.", false },
		{ "less", "10 mail.test.", "10 mail", false },
		{ "nothing", "", "10 mail.test.", false },
		{ "text", "\"v=spf1 -all\"", "\"v=spf1 -all\"", true },
		{ "text counts its case", "\"v=spf1\"", "\"V=SPF1\"", false },
		{ "strings joined", "\"ab\" \"cd\"", "\"abcd\"", true },
		{ "joined elsewhere", "\"ab\" \"cd\"", "\"a\" \"bcd\"", true },
		{ "other text", "\"ab\" \"cd\"", "\"abce\"", false },
		{ "text that goes on", "\"ab\"", "\"ab\" \"cd\"", false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span a = span_from(cases[i].a);
		struct span b = span_from(cases[i].b);
		print_message("%s\n", cases[i].name);
		assert_int_equal(dns_text_equals(a, b), cases[i].is_equal);
		assert_int_equal(dns_text_equals(b, a), cases[i].is_equal);
	}
}

static void
kinds_of_text_are_its_first_word(void **state)
{
	static const struct {
		const char *text, *kind;
	} cases[] = {
		{ "\"v=spf1 mx -all\"", "v=spf1" },
		{ "\"v=DMARC1; p=none\"", "v=DMARC1" },
		{ "\"v=STSv1;id=1\"", "v=STSv1" },
		{ "\"alone\"", "alone" },
		{ "\"\"", "" },
		{ "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(span_equals(dns_text_kind(span_from(
			cases[i].text)), span_from(cases[i].kind)));
}

static void
types_have_their_numbers(void **state)
{
	(void)state;
	assert_int_equal(dns_text_type(SPAN("MX")), 15);
	assert_int_equal(dns_text_type(SPAN("SRV")), 33);
	assert_int_equal(dns_text_type(SPAN("DS")), 43);
	assert_int_equal(dns_text_type(SPAN("TLSA")), 52);
	assert_int_equal(dns_text_type(SPAN("mx")), 0);
	assert_int_equal(dns_text_type(SPAN("HINFO")), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_become_text),
		cmocka_unit_test(what_means_the_same_is_the_same),
		cmocka_unit_test(kinds_of_text_are_its_first_word),
		cmocka_unit_test(types_have_their_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
