/* Zone files: what is read, and what is said about those that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/zone.h"

#define HEAD "@ 3600 IN SOA ns root 1 1 1 1 1\n@ NS ns\n"

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
		"expected a type and its data" },
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
		"\"www A 192.0.2\", expected a type and its data" },
	{ "an unknown word", HEAD "\n\n; x\nwww QQ 192.0.2.1\n", "f:6: found "
		"\"www QQ 192.0.2.1\", expected a type and its data" },
	{ "too many words", HEAD "www A 192.0.2.1 192.0.2.2\n", "f:3: found "
		"\"www A 192.0.2.1 192.0.2.2\", expected nothing behind the "
		"data" },
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
