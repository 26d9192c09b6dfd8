/* Zone files: what is read, and what is said about those that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/zone.h"
#include "names/zone_generate.h"

#define HEAD "@ 3600 IN SOA ns root 1 1 1 1 1\n@ NS ns\n"

#define LABEL "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG LABEL LABEL LABEL LABEL "aaaa"

static const struct {
	const char *name, *text, *sentence;	/* NULL: it is read */
} cases[] = {
	{ "the book's zone", "$TTL 1D\n@\tIN SOA\tlinuxprobe.com.\t"
		"root.linuxprobe.com. (\n\t\t\t\t0;serial\n\t\t\t\t1D;refresh\n"
		"\t\t\t\t1H;retry\n\t\t\t\t1W;expire\n\t\t\t\t3H);minimum\n"
		"\tNS\tns.linuxprobe.com.\nns\tIN A\t192.168.10.10\n"
		"@\tIN MX 10\tmail.linuxprobe.com.\n"
		"mail\tIN A\t192.168.10.10\n", NULL },
	{ "ends of lines as of Windows", "@ 3600 IN SOA ns root 1 1 1 1 1\r\n"
		"@ NS ns\r\n\tTXT x\r\n", NULL },
	{ "a word that is no type", "@ IN 1D SOA ns root (\n"
		" 1 1 1\n in 1 1 )\n", "f:1: found \"@ IN 1D SOA ns root (\", "
		"expected data of the type SOA" },
	{ "class and time in either order (RFC 1035 5.1), not in lines that go on", "@ IN 1D SOA ns root (\n"
		" 1 1 1\n1 1 )\n\tIN\t60\tNS ns\nin in 5 A 192.0.2.1\n"
		"x IN 0 TXT ( \"a\"\n IN 5 )\n", NULL },
	{ "no end of the last line", HEAD "www A 192.0.2.1", NULL },
	{ "unknown types (RFC 3597)", HEAD "x TYPE65280 \\# 3 010203\n", NULL },
	{ "$ORIGIN", HEAD "$ORIGIN sub.linuxprobe.com.\nx A 192.0.2.1\n", NULL },
	{ "nothing", "", "f: found nothing, expected a zone" },
	{ "comments only", ";\n", "f:1: found no SOA, expected one at "
		"linuxprobe.com, the name of the zone" },
	{ "no name server", "\n\n@ 1 SOA ns root 1 1 1 1 1\n", "f:3: found no "
		"NS at linuxprobe.com, expected the name servers of the zone" },
	{ "half an address", HEAD "www A 192.0.2\n", "f:3: found "
		"\"www A 192.0.2\", expected data of the type A" },
	{ "an unknown word", HEAD "\n\n; x\nwww QQ 192.0.2.1\n", "f:6: found "
		"\"www QQ 192.0.2.1\", expected the type of a record" },
	{ "too many words", HEAD "www A 192.0.2.1 192.0.2.2\n", "f:3: found "
		"\"www A 192.0.2.1 192.0.2.2\", expected nothing behind the "
		"data" },
	{ "a comment without a blank before it", "@ 1 SOA ns root (0;serial\n"
		"1D;x\n1H;y\n1W;z\n3H);m\n@ NS ns;x\n", NULL },
	{ "brackets in quotes, within brackets", HEAD
		"x TXT \"(\" \";\" ( a\\; ( b ) \"\\\")\"\n)\n", NULL },
	{ "the mark of UTF-8", "\xef\xbb\xbf" HEAD, NULL },
	{ "a bracket that stays open", HEAD "\nx TXT ( a ; )\nwww A "
		"192.0.2.1\n", "f:4: found \"x TXT ( a ; )\", expected a ) "
		"after the (" },
	{ "a bracket too much", HEAD "x TXT a )\n", "f:3: found "
		"\"x TXT a )\", expected a ( before the )" },
	{ "a quotation that stays open", HEAD "x TXT \"a\nwww A 192.0.2.1\n",
		"f:3: found \"x TXT \"a\", expected a quotation mark at the "
		"end of what is quoted, in the same line" },
	{ "a long string", HEAD "x TXT " LONG "\n", "f:3: found \"x TXT "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaa...\", expected strings of at most 255 octets "
		"each" },
	{ "a preference that is too large", HEAD "@ MX 65536 ns\n",
		"f:3: found \"@ MX 65536 ns\", expected a smaller number" },
	{ "a long label", HEAD LABEL "a A 192.0.2.1\n", "f:3: found \"" LABEL
		"a A 192.0.2.1\", expected a name: labels of 1 to 63 octets, "
		"255 in all" },
	{ "no time", "$TTL x\n" HEAD, "f:1: found \"$TTL x\", expected a time "
		"to live" },
	{ "a directive of others", HEAD "$UNICODE 1\n", "f:3: found "
		"\"$UNICODE 1\", expected $TTL with a time, $ORIGIN with a "
		"name, or $GENERATE" },
	{ "a wrong record of $GENERATE", HEAD "\n$GENERATE 254-256 h$ A "
		"192.0.2.$\n", "f:4: found \"$GENERATE 254-256 h$ A "
		"192.0.2.$\", expected data of the type A" },
	{ "$GENERATE without a range", HEAD "$GENERATE 3 h$ A 192.0.2.$\n",
		"f:3: found \"$GENERATE 3 h$ A 192.0.2.$\", expected "
		"$GENERATE with a range (1-10 or 1-10/2), an owner, a type and "
		"its data" },
	{ "$GENERATE without end", HEAD "$GENERATE 0-2147483647 h$ A 192.0.2.1"
		"\n", "f:3: found \"$GENERATE 0-2147483647 h$ A 192.0.2.1\", "
		"expected at most 131,072 generated lines in a zone" },
	{ "a base of others", HEAD "$GENERATE 1-2 h${0,3,b} A 192.0.2.$\n",
		"f:3: found \"$GENERATE 1-2 h${0,3,b} A 192.0.2.$\", expected "
		"${offset,width,base} with a base of d, o, x, X, n or N" },
	{ "below zero", HEAD "$GENERATE 1-2 h${-2} A 192.0.2.$\n", "f:3: "
		"found \"$GENERATE 1-2 h${-2} A 192.0.2.$\", expected numbers "
		"that are not below zero" },
	{ "another class", HEAD "www CH A 192.0.2.1\n", "f:3: found "
		"\"www CH A 192.0.2.1\", expected the class IN" },
	{ "a dot too much", HEAD "www. A 192.0.2.1\n", "f:3: found "
		"\"www. A 192.0.2.1\", expected a name in the zone (is a dot "
		"missing or too much?)" },
	{ "other files", HEAD "$INCLUDE /etc/shadow\n", "f:3: found "
		"\"$INCLUDE /etc/shadow\", expected no $INCLUDE: put it into "
		"one file" },
	{ "an alias beside others", HEAD "www CNAME x\nwww A 192.0.2.1\n",
		"f:3: found a CNAME at www.linuxprobe.com, expected nothing "
		"else at the name of a CNAME" },
	{ "two aliases", HEAD "www CNAME x\nwww CNAME y\n", "f:3: found "
		"several CNAMEs at www.linuxprobe.com, expected one" },
	{ "two DNAMEs", HEAD "d DNAME x\nd DNAME y\n", "f:3: found "
		"several DNAMEs at d.linuxprobe.com, expected one" },
	{ "a SOA elsewhere", HEAD "x SOA ns root 1 1 1 1 1\n", "f:3: found a "
		"SOA at x.linuxprobe.com, expected one at the name of the "
		"zone only" },
	{ "two SOAs", HEAD "@ SOA ns root 2 1 1 1 1\n", "f:1: found several "
		"SOAs at linuxprobe.com, expected one" },
	{ "a type that asks", HEAD "x TYPE255 \\# 0\n", "f:3: found "
		"\"x TYPE255 \\# 0\", expected a type that zones hold" },
};

static void
test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct error error = { .text = "" };
		struct zone *zone = NULL;
		struct zone_text text = { .arena = &arena, .file = "f" };
		arena_init(&arena, 0);
		assert_true(dns_name_from_text(SPAN("linuxprobe.com"),
			&text.origin));
		int result = zone_text_read(&text, span_from(cases[i].text),
			&error);
		if (result == 0)
			result = zone_new(&text, &zone, &error);
		if ((result == 0) != (cases[i].sentence == NULL) ||
		    (result < 0 && strcmp(error.text, cases[i].sentence) != 0))
			fail_msg("%s: %d %s", cases[i].name, result,
				error.text);
		zone_free(&zone);
		arena_fini(&arena);
	}
}

/* Names and times that are not written out: the last record of each text. */
static void
test_left_out(void **state)
{
	static const struct {
		const char *text, *owner;
		uint32_t ttl;
	} texts[] = {
		{ "$TTL 1h30m\n@ SOA ns root 1 1 1 1 7\n", "example", 5400 },
		{ "$ttl 1W2d\n@ 5 SOA ns root 1 1 1 1 7\n NS ns\n", "example",
			777600 },
		{ "@ SOA ns root 1 1 1 1 7\n", "example", 7 },
		{ "@ SOA ns root 1 1 1 1 7\n NS ns\n", "example", 7 },
		{ "@ 9 SOA ns root 1 1 1 1 7\nns NS ns\n", "ns.example", 9 },
		{ "$ORIGIN a\n$ORIGIN b ; c\nx 1 A 1.1.1.1\n", "x.b.a.example",
			1 },
		{ "$origin a\n$ORIGIN c.example.\n@ 1 A 1.1.1.1\n", "c.example",
			1 },
		{ "x 1 A 1.1.1.1\n$ORIGIN a\n 1 A 1.1.1.2\n", "x.example", 1 },
		{ "a\\. 1 A 1.1.1.1\n", "a\\046.example", 1 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct arena arena;
		struct error error;
		char shown[DNS_TEXT_SIZE];
		struct dns_name name;
		struct zone_text text = { .arena = &arena, .file = "f" };
		arena_init(&arena, 0);
		assert_true(dns_name_from_text(SPAN("example"), &text.origin));
		assert_int_equal(zone_text_read(&text, span_from(texts[i].text),
			&error), 0);
		const struct zone_record *last = &text.records[text.count - 1];
		name.size = last->owner_size;
		memcpy(name.bytes, last->owner, name.size);
		dns_name_to_text(&name, shown);
		assert_string_equal(shown, texts[i].owner);
		assert_int_equal(last->ttl, texts[i].ttl);
		arena_fini(&arena);
	}
}

/* As named-compilezone of BIND 9.18 has them. */
static void
test_generate(void **state)
{
	static const struct {
		const char *words, *lines;	/* NULL: refused */
	} texts[] = {
		{ "1-3 h$ A 192.0.2.$", "h1 A 192.0.2.1|h2 A 192.0.2.2|"
			"h3 A 192.0.2.3|" },
		{ " 0-5/2\t$ PTR h$", "0 PTR h0|2 PTR h2|4 PTR h4|" },
		{ "7-7 a${3}b${-7,3}c A 1", "a10b000c A 1|" },
		{ "10-11 ${0,4,x}.${0,2,X}.${0,0,o} A 1",
			"000a.0A.12 A 1|000b.0B.13 A 1|" },
		{ "18-18 ${0,0,n} ${0,8,n} ${0,7,N} A", "2.1 2.1.0.0. 2.1.0.0 "
			"A|" },
		{ "171-171 ${0,1,n} ${0,4,N} A", "b.a B.A. A|" },
		{ "1-1 \\$ $$ \\", "\\$ $ \\|" },
		{ "2147483647-2147483647 $ A", "2147483647 A|" },
		{ "0-2147483647/2147483647 $ A", "0 A|2147483647 A|" },
		{ "1 $ A", NULL }, { "1- $ A", NULL }, { "2-1 $ A", NULL },
		{ "1-2/0 $ A", NULL }, { "-1-2 $ A", NULL }, { "1-2", NULL },
		{ "1-2147483648 $ A", NULL }, { "1-2 ${ A", NULL },
		{ "1-2 ${1,2,3,4} A", NULL }, { "1-2 ${1,256} A", NULL },
		{ "1-2 ${1,2,} A", NULL }, { "1-2 ${} A", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct zone_generate generate;
		struct buffer all;
		buffer_init(&all, 0);
		const char *wrong = zone_generate_init(&generate,
			span_from(texts[i].words));
		while (wrong == NULL && zone_generate_next(&generate, &wrong)) {
			buffer_add(&all, buffer_span(&generate.text));
			buffer_add_byte(&all, '|');
		}
		if ((wrong == NULL) != (texts[i].lines != NULL) ||
		    (wrong == NULL && strcmp(buffer_string(&all),
		    texts[i].lines) != 0))
			fail_msg("%s: %s %s", texts[i].words,
				buffer_string(&all), wrong);
		zone_generate_fini(&generate);
		buffer_fini(&all);
	}
}

/* RFC 4034 6.1, its own example. */
static void
test_order(void **state)
{
	static const char text[] = "@ 1 SOA ns root 1 1 1 1 1\n@ NS x\n"
		"z A 1.1.1.1\na A 1.1.1.1\nzABC.a A 1.1.1.1\n"
		"yljkjljk.a A 1.1.1.1\n\\200.z A 1.1.1.1\nZ.a A 1.1.1.1\n"
		"*.z A 1.1.1.1\n\\001.z A 1.1.1.1\n";
	static const char *const order[] = { "example", "a.example",
		"yljkjljk.a.example", "z.a.example", "zabc.a.example",
		"z.example", "\\001.z.example", "*.z.example",
		"\\200.z.example" };
	struct arena arena;
	struct error error;
	struct zone *zone = NULL;
	struct zone_text records = { .arena = &arena, .file = "f" };
	(void)state;
	arena_init(&arena, 0);
	assert_true(dns_name_from_text(SPAN("example"), &records.origin));
	assert_int_equal(zone_text_read(&records, span_from(text), &error), 0);
	assert_int_equal(zone_new(&records, &zone, &error), 0);
	assert_int_equal(zone->node_count, 9);
	for (size_t i = 0; i < zone->node_count; i++) {
		struct dns_name name = { .size = zone->nodes[i]->name_size };
		char shown[DNS_TEXT_SIZE];
		memcpy(name.bytes, zone->nodes[i]->name, name.size);
		dns_name_to_text(&name, shown);
		assert_string_equal(shown, order[i]);
	}
	zone_free(&zone);
	arena_fini(&arena);
}

/* However records come, sorted to any part, with names between that have none:
 * nodes stand in the same order, each with its sets by type. */
static void
test_any_order(void **state)
{
	(void)state;
	srand(2);
	for (unsigned round = 0; round < 300; round++) {
		struct arena arena;
		struct error error;
		struct zone *zone = NULL;
		struct zone_text text = { .arena = &arena, .file = "f" };
		arena_init(&arena, 0);
		assert_true(dns_name_from_text(SPAN("z"), &text.origin));
		assert_int_equal(zone_text_read(&text, SPAN("@ 1 SOA ns root 1 "
			"1 1 1 1\n@ NS ns\nz A 1.1.1.1\na.b.c A 1.1.1.1\n"
			"a.b.c TXT x\nb.c MX 1 x\nd.e A 1.1.1.1\nf.e A "
			"1.1.1.1\n*.e A 1.1.1.1\nns A 1.1.1.1\nns AAAA ::1\n"
			"a A 1.1.1.1\na A 1.1.1.2\n"), &error), 0);
		/* from one on in any order: 0 all, 12 none */
		for (size_t i = text.count - 1; i > round % 13; i--) {
			size_t j = round % 13 + (size_t)rand() %
				(i + 1 - round % 13);
			struct zone_record other = text.records[i];
			text.records[i] = text.records[j];
			text.records[j] = other;
		}
		assert_int_equal(zone_new(&text, &zone, &error), 0);
		/* z a c b.c a.b.c e *.e d.e f.e ns z.z */
		assert_int_equal(zone->node_count, 11);
		size_t records = 0;
		for (size_t i = 0; i < zone->node_count; i++) {
			const struct zone_node *node = zone->nodes[i];
			assert_true(i == 0 || zone_compare_names(
				zone->nodes[i - 1]->name, node->name) < 0);
			for (unsigned j = 0; j < node->set_count; j++) {
				records += node->sets[j].count;
				assert_true(j == 0 || node->sets[j - 1].type <
					node->sets[j].type);
			}
		}
		assert_int_equal(records, 13);
		zone_free(&zone);
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_generate),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_any_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
