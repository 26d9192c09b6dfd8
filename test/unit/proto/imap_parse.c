/* Arguments of IMAP commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "proto/imap_parse.h"

static struct arena arena;

static int
make_arena(void **state)
{
	(void)state;
	arena_init(&arena, 0);
	return 0;
}

static int
drop_arena(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

typedef bool
text_parser(struct imap_parse *parse, struct span *text);

static void
texts_are_taken_or_refused(void **state)
{
	static const struct {
		const char *name;
		text_parser *take;
		bool is_utf8;
		struct span in;
		bool ok;
		const char *want, *rest;
	} cases[] = {
		{ "atom", imap_parse_atom, false, SPAN("a.b/c d"), true,
		  "a.b/c", " d" },
		{ "atom before a bracket", imap_parse_atom, false, SPAN("a]b"),
		  true, "a", "]b" },
		{ "no atom", imap_parse_atom, false, SPAN(" a"), false, 0, 0 },
		{ "8-bit atom", imap_parse_atom, true, SPAN("\xc3\xa4"), false,
		  0, 0 },
		{ "astring with a bracket", imap_parse_astring, false,
		  SPAN("a]b)"), true, "a]b", ")" },
		{ "quoted", imap_parse_astring, false, SPAN("\"a b\" c"), true,
		  "a b", " c" },
		{ "escapes", imap_parse_string, false,
		  SPAN("\"a\\\"\\\\\"x"), true, "a\"\\", "x" },
		{ "empty string", imap_parse_string, false, SPAN("\"\""), true,
		  "", "" },
		{ "wrong escape", imap_parse_string, false, SPAN("\"\\n\""),
		  false, 0, 0 },
		{ "escape at the end", imap_parse_string, false, SPAN("\"\\"),
		  false, 0, 0 },
		{ "open quote", imap_parse_string, false, SPAN("\"abc"), false,
		  0, 0 },
		{ "NUL in quotes", imap_parse_string, false, SPAN("\"a\0b\""),
		  false, 0, 0 },
		{ "CR in quotes", imap_parse_string, false, SPAN("\"a\rb\""),
		  false, 0, 0 },
		{ "UTF-8 in quotes, revision 1", imap_parse_string, false,
		  SPAN("\"\xc3\xa4\""), false, 0, 0 },
		{ "UTF-8 in quotes, revision 2", imap_parse_string, true,
		  SPAN("\"\xc3\xa4\""), true, "\xc3\xa4", "" },
		{ "not UTF-8 in quotes", imap_parse_string, true,
		  SPAN("\"\xe4\""), false, 0, 0 },
		{ "literal", imap_parse_string, false, SPAN("{3}\r\na\r\n x"),
		  true, "a\r\n", " x" },
		{ "literal without waiting", imap_parse_astring, false,
		  SPAN("{1+}\r\n)("), true, ")", "(" },
		{ "8-bit literal", imap_parse_string, false,
		  SPAN("{1}\r\n\xe4"), true, "\xe4", "" },
		{ "NUL in a literal", imap_parse_string, false,
		  SPAN("{1}\r\n\0"), false, 0, 0 },
		{ "literal cut short", imap_parse_string, false,
		  SPAN("{3}\r\nab"), false, 0, 0 },
		{ "literal without a number", imap_parse_string, false,
		  SPAN("{}\r\n"), false, 0, 0 },
		{ "atom is no string", imap_parse_string, false, SPAN("abc"),
		  false, 0, 0 },
		{ "NIL", imap_parse_nstring, false, SPAN("nil)"), true, NULL,
		  ")" },
		{ "quoted NIL", imap_parse_nstring, false, SPAN("\"NIL\""),
		  true, "NIL", "" },
		{ "NILE", imap_parse_nstring, false, SPAN("NILE"), false, 0, 0 },
		{ "sequence", imap_parse_sequence_set, false,
		  SPAN("1:*,7 FLAGS"), true, "1:*,7", " FLAGS" },
		{ "saved result", imap_parse_sequence_set, false, SPAN("$ X"),
		  true, "$", " X" },
		{ "no sequence", imap_parse_sequence_set, false, SPAN("x"),
		  false, 0, 0 },
		{ "inbox", imap_parse_mailbox, false, SPAN("iNbOx"), true,
		  "INBOX", "" },
		{ "mailbox, modified UTF-7", imap_parse_mailbox, false,
		  SPAN("&U,BTFw- x"), true, "\xe5\x8f\xb0\xe5\x8c\x97", " x" },
		{ "mailbox, UTF-8", imap_parse_mailbox, true,
		  SPAN("\"\xe5\x8f\xb0&\""), true, "\xe5\x8f\xb0&", "" },
		{ "a trap is no mailbox", imap_parse_mailbox, false,
		  SPAN("&AC8- x"), true, NULL, " x" },
		{ "UTF-8 literal in revision 1", imap_parse_mailbox, false,
		  SPAN("{2}\r\n\xc3\xa4"), true, NULL, "" },
		{ "decomposed becomes NFC", imap_parse_mailbox, true,
		  SPAN("\"a\xcc\x88\""), true, "\xc3\xa4", "" },
		{ "the same in UTF-7", imap_parse_mailbox, false,
		  SPAN("a&Awg-"), true, "\xc3\xa4", "" },
		{ "wildcards", imap_parse_list_mailbox, false, SPAN("a/%* x"),
		  true, "a/%*", " x" },
		{ "empty pattern", imap_parse_list_mailbox, false, SPAN("\"\""),
		  true, "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imap_parse parse;
		struct span text = SPAN("untouched");
		imap_parse_init(&parse, cases[i].in, &arena, cases[i].is_utf8);
		bool ok = cases[i].take(&parse, &text);
		if (ok != cases[i].ok || ok != (parse.problem == NULL))
			fail_msg("%s: %d %s", cases[i].name, ok, parse.problem);
		if (!ok)
			continue;
		if (!span_equals(text, span_from(cases[i].want)) ||
		    (text.data == NULL) != (cases[i].want == NULL) ||
		    !span_equals(parse.rest, span_from(cases[i].rest)))
			fail_msg("%s: got %.*s", cases[i].name,
				SPAN_PRINT(text));
	}
}

static void
numbers_have_their_ranges(void **state)
{
	static const struct {
		const char *in;
		bool is_number, is_nz, is_number64;
	} cases[] = {
		{ "0", true, false, true },
		{ "1", true, true, true },
		{ "4294967295", true, true, true },
		{ "4294967296", false, false, true },
		{ "9223372036854775807", false, false, true },
		{ "9223372036854775808", false, false, false },
		{ "-1", false, false, false },
		{ "", false, false, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imap_parse parse;
		uint32_t number;
		uint64_t wide;
		struct span in = span_from(cases[i].in);
		imap_parse_init(&parse, in, &arena, false);
		assert_int_equal(imap_parse_number(&parse, &number),
			cases[i].is_number);
		imap_parse_init(&parse, in, &arena, false);
		assert_int_equal(imap_parse_nz_number(&parse, &number),
			cases[i].is_nz);
		imap_parse_init(&parse, in, &arena, false);
		assert_int_equal(imap_parse_number64(&parse, &wide),
			cases[i].is_number64);
	}
}

static void
commands_begin_with_a_tag(void **state)
{
	static const struct {
		const char *in, *tag, *name;
	} cases[] = {
		{ "a1 LOGIN x", "a1", "LOGIN" },
		{ "* OK", NULL, NULL },
		{ "+ OK", NULL, NULL },
		{ "a+b NOOP", NULL, NULL },
		{ "a", NULL, NULL },
		{ "a  NOOP", NULL, NULL },
		{ "", NULL, NULL },
		{ "a] noop", "a]", "noop" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imap_parse parse;
		struct span tag, name;
		imap_parse_init(&parse, span_from(cases[i].in), &arena, false);
		bool ok = imap_parse_command(&parse, &tag, &name);
		assert_int_equal(ok, cases[i].tag != NULL);
		if (!ok)
			continue;
		assert_true(span_equals(tag, span_from(cases[i].tag)));
		assert_true(span_equals(name, span_from(cases[i].name)));
	}
}

static void
flags_are_system_flags_and_keywords(void **state)
{
	static const struct {
		const char *in;
		bool is_list, ok;
		uint32_t system;
		size_t keywords;
		bool unknown;
	} cases[] = {
		{ "()", true, true, 0, 0, false },
		{ "(\\Seen \\deleted)", true, true,
		  IMAP_FLAG_SEEN | IMAP_FLAG_DELETED, 0, false },
		{ "($Junk work $JUNK)", true, true, 0, 2, false },
		{ "(\\Recent)", true, true, 0, 0, false },
		{ "(\\Purple)", true, true, 0, 0, true },
		{ "(\\*)", true, false, 0, 0, false },
		{ "(a  b)", true, false, 0, 0, false },
		{ "(a", true, false, 0, 0, false },
		{ "a b", true, false, 0, 0, false },
		{ "\\Seen \\Draft", false, true,
		  IMAP_FLAG_SEEN | IMAP_FLAG_DRAFT, 0, false },
		{ "(\\Answered)", false, true, IMAP_FLAG_ANSWERED, 0, false },
		{ "()", false, true, 0, 0, false },
		{ "", false, false, 0, 0, false },
		{ "(a) b", false, false, 0, 0, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imap_parse parse;
		struct imap_parse_flags flags;
		imap_parse_init(&parse, span_from(cases[i].in), &arena, false);
		bool ok = cases[i].is_list ?
			imap_parse_flag_list(&parse, &flags) :
			imap_parse_store_flags(&parse, &flags);
		if (ok != cases[i].ok)
			fail_msg("%s: %s", cases[i].in, parse.problem);
		if (!ok)
			continue;
		assert_int_equal(flags.system, cases[i].system);
		assert_int_equal(flags.keyword_count, cases[i].keywords);
		assert_int_equal(flags.has_unknown, cases[i].unknown);
	}
}

/* Items back as text, so that a case is one line. */
static void
describe(const struct imap_fetch_item *item, struct buffer *out)
{
	static const char *const kinds[] = { "flags", "envelope", "date",
		"rfc822", "rfc822h", "rfc822t", "size", "body", "structure",
		"section", "binary", "binsize", "uid", "modseq" };
	static const char *const texts[] = { "all", "header", "fields",
		"not", "text", "mime" };
	buffer_add_string(out, kinds[item->kind]);
	buffer_add_string(out, item->is_peek ? "-peek" : "");
	if (item->kind >= IMAP_FETCH_SECTION &&
	    item->kind <= IMAP_FETCH_BINARY_SIZE) {
		for (size_t i = 0; i < item->section.path_count; i++)
			buffer_print(out, ".%u", item->section.path[i]);
		buffer_print(out, "/%s", texts[item->section.text]);
		for (size_t i = 0; i < item->section.field_count; i++)
			buffer_print(out, "/%.*s",
				SPAN_PRINT(item->section.field[i]));
	}
	if (item->is_partial)
		buffer_print(out, "<%lu.%lu>", (unsigned long)item->offset,
			(unsigned long)item->size);
	buffer_add_string(out, " ");
}

static void
fetch_items_are_understood(void **state)
{
	static const struct {
		const char *in, *want;	/* NULL: refused */
	} cases[] = {
		{ "ALL", "flags date size envelope " },
		{ "fast", "flags date size " },
		{ "FULL", "flags date size envelope body " },
		{ "(ALL)", NULL },
		{ "UID", "uid " },
		{ "(UID FLAGS MODSEQ)", "uid flags modseq " },
		{ "(RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)",
		  "rfc822 rfc822h rfc822t size " },
		{ "BODY", "body " },
		{ "BODYSTRUCTURE", "structure " },
		{ "BODY[]", "section/all " },
		{ "BODY.PEEK[]", "section-peek/all " },
		{ "BODY.PEEK", NULL },
		{ "BODY[]<0.100>", "section/all<0.100> " },
		{ "BODY[]<0.0>", NULL },
		{ "BODY[]<5>", NULL },
		{ "BODY[HEADER]", "section/header " },
		{ "BODY[header.fields (From \"To\")]",
		  "section/fields/From/To " },
		{ "BODY[HEADER.FIELDS.NOT (X)]<3.4>",
		  "section/not/X<3.4> " },
		{ "BODY[HEADER.FIELDS]", NULL },
		{ "BODY[HEADER.FIELDS ()]", NULL },
		{ "BODY[TEXT]", "section/text " },
		{ "BODY[MIME]", NULL },
		{ "BODY[1]", "section.1/all " },
		{ "BODY[1.2.3]", "section.1.2.3/all " },
		{ "BODY[1.MIME]", "section.1/mime " },
		{ "BODY[2.1.HEADER]", "section.2.1/header " },
		{ "BODY[1.]", NULL },
		{ "BODY[0]", NULL },
		{ "BODY[.1]", NULL },
		{ "BODY[1TEXT]", NULL },
		{ "BODY[XYZ]", NULL },
		{ "BODY[", NULL },
		{ "BINARY[]", "binary/all " },
		{ "BINARY[1.2]<0.5>", "binary.1.2/all<0.5> " },
		{ "BINARY.PEEK[1]", "binary-peek.1/all " },
		{ "BINARY[TEXT]", NULL },
		{ "BINARY[1.]", NULL },
		{ "BINARY.SIZE[1]", "binsize.1/all " },
		{ "BINARY.SIZE[1]<0.1>", NULL },
		{ "FLAGSX", NULL },
		{ "()", NULL },
		{ "(FLAGS", NULL },
		{ "(FLAGS  UID)", NULL },
		{ "", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imap_parse parse;
		struct imap_fetch_item *items;
		size_t count;
		struct buffer out;
		buffer_init(&out, 0);
		imap_parse_init(&parse, span_from(cases[i].in), &arena, false);
		bool ok = imap_parse_fetch_items(&parse, &items, &count) &&
			imap_parse_end(&parse);
		if (ok != (cases[i].want != NULL))
			fail_msg("%s: %s", cases[i].in, parse.problem);
		for (size_t n = 0; ok && n < count; n++)
			describe(&items[n], &out);
		if (ok && !span_equals(buffer_span(&out),
		    span_from(cases[i].want)))
			fail_msg("%s: %s", cases[i].in, buffer_string(&out));
		buffer_fini(&out);
	}
}

static void
lists_without_end_are_refused(void **state)
{
	struct buffer text;
	struct imap_parse parse;
	struct imap_parse_flags flags;
	struct imap_fetch_item *items;
	size_t count;
	(void)state;
	buffer_init(&text, 0);
	buffer_add_string(&text, "(k");
	for (unsigned i = 0; i < 1000; i++)
		buffer_print(&text, " k%u", i);
	buffer_add_string(&text, ")");
	imap_parse_init(&parse, buffer_span(&text), &arena, false);
	assert_false(imap_parse_flag_list(&parse, &flags));
	assert_string_equal(parse.problem, "Too many flags");

	buffer_clear(&text);
	buffer_add_string(&text, "(UID");
	for (unsigned i = 0; i < 1000; i++)
		buffer_add_string(&text, " UID");
	buffer_add_string(&text, ")");
	imap_parse_init(&parse, buffer_span(&text), &arena, false);
	assert_false(imap_parse_fetch_items(&parse, &items, &count));

	buffer_clear(&text);
	buffer_add_string(&text, "BODY[1");
	for (unsigned i = 0; i < 1000; i++)
		buffer_add_string(&text, ".1");
	buffer_add_string(&text, "]");
	imap_parse_init(&parse, buffer_span(&text), &arena, false);
	assert_false(imap_parse_fetch_items(&parse, &items, &count));
	buffer_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_taken_or_refused),
		cmocka_unit_test(numbers_have_their_ranges),
		cmocka_unit_test(commands_begin_with_a_tag),
		cmocka_unit_test(flags_are_system_flags_and_keywords),
		cmocka_unit_test(fetch_items_are_understood),
		cmocka_unit_test(lists_without_end_are_refused),
	};
	return cmocka_run_group_tests(tests, make_arena, drop_arena);
}
