/* What hostmaster contributes to zones: which records come in, which the
 * administrator's own keep out, and which zone they go into. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "names/remembered.h"
#include "names/zone_source.h"

#define HEAD "@ 60 SOA ns root 7 1 1 1 1\n@ NS ns\n"

/* Parts are written "ORIGIN TAG TEXT", one behind the other ended by NULL. */
struct part_case {
	const char *name;
	const char *files[3];		/* "ORIGIN TEXT" */
	const char *parts[3];
	const char *zone, *expected;	/* names and types of it; NULL: no zone */
};

static const struct part_case cases[] = {
	{ "a zone of its own", { NULL }, { "a.test h " HEAD "@ MX 10 mail\n" },
		"a.test", "a.test NS\na.test SOA\na.test MX\n" },
	{ "beside the administrator's", { "a.test " HEAD "www A 192.0.2.1\n" },
		{ "a.test h @ MX 10 mail\nwww AAAA ::1\n" }, "a.test",
		"a.test NS\na.test SOA\na.test MX\nwww.a.test A\n"
		"www.a.test AAAA\n" },
	{ "SOA and NS are the file's", { "a.test " HEAD }, { "a.test h @ 60 SOA "
		"other other 1 1 1 1 1\n@ NS other\n" }, "a.test",
		"a.test NS\na.test SOA\n" },
	{ "the administrator's set wins", { "a.test " HEAD "@ MX 5 x\n" },
		{ "a.test h @ MX 10 mail\n" }, "a.test",
		"a.test NS\na.test SOA\na.test MX\n" },
	{ "TXT per kind", { "a.test " HEAD "@ TXT \"V=SPF1 -all\"\n"
		"_dmarc TXT \"v=DMARC1;p=none\"\n" }, { "a.test h @ TXT "
		"\"v=spf1 mx -all\"\n@ TXT \"hello world\"\n_dmarc TXT "
		"\"v=DMARC1; p=reject\"\n" }, "a.test",
		"a.test NS\na.test SOA\na.test TXT\na.test TXT\n"
		"_dmarc.a.test TXT\n" },
	{ "nothing beside an alias", { "a.test " HEAD "www CNAME x\n" },
		{ "a.test h www A 192.0.2.1\nmail A 192.0.2.1\n" }, "a.test",
		"a.test NS\na.test SOA\nmail.a.test A\nwww.a.test CNAME\n" },
	{ "no alias beside others", { "a.test " HEAD "www A 192.0.2.1\n" },
		{ "a.test h www CNAME x\nmail A 192.0.2.1\n" }, "a.test",
		"a.test NS\na.test SOA\nmail.a.test A\nwww.a.test A\n" },
	{ "nothing where it is delegated", { "a.test " HEAD "sub NS ns\n" },
		{ "a.test h sub MX 10 x\ny.sub A 192.0.2.1\nother A 192.0.2.1"
		"\n" }, "a.test", "a.test NS\na.test SOA\nother.a.test A\n"
		"sub.a.test NS\n" },
	{ "nothing below a DNAME", { "a.test " HEAD "d DNAME x.test.\n" },
		{ "a.test h d TXT x\ny.d A 192.0.2.1\n" }, "a.test",
		"a.test NS\na.test SOA\nd.a.test TXT\nd.a.test DNAME\n" },
	{ "no DNAME, which would hide the file's", { "a.test " HEAD
		"www A 192.0.2.1\n" }, { "a.test h @ DNAME x.test.\n"
		"w DNAME x.test.\nw A 192.0.2.1\n" }, "a.test", "a.test NS\n"
		"a.test SOA\nw.a.test A\nwww.a.test A\n" },
	{ "into the zone above", { "test " HEAD }, { "a.test h " HEAD
		"@ MX 10 mail\n" }, "test", "test NS\ntest SOA\na.test MX\n" },
	{ "which then is no zone of its own", { "test " HEAD }, { "a.test h "
		HEAD "@ MX 10 mail\n" }, "a.test", NULL },
	{ "into the deepest of several", { "test " HEAD, "a.test " HEAD },
		{ "b.a.test h @ MX 10 x\n" }, "a.test",
		"a.test NS\na.test SOA\nb.a.test MX\n" },
	{ "whatever their order", { "a.test " HEAD, "test " HEAD },
		{ "b.a.test h @ MX 10 x\n" }, "a.test",
		"a.test NS\na.test SOA\nb.a.test MX\n" },
	{ "of several tags", { NULL }, { "a.test h " HEAD, "a.test acme "
		"_acme-challenge TXT x\n" }, "a.test", "a.test NS\n"
		"a.test SOA\n_acme-challenge.a.test TXT\n" },
	{ "of a name below one of them", { NULL }, { "a.test h " HEAD,
		"_acme-challenge.mail.a.test acme @ TXT x\n" }, "a.test",
		"a.test NS\na.test SOA\n_acme-challenge.mail.a.test TXT\n" },
	{ "one that cannot be read leaves the file alone", { "a.test " HEAD },
		{ "a.test h @ MX\n" }, "a.test", "a.test NS\na.test SOA\n" },
	{ "outside of its origin", { "a.test " HEAD }, { "a.test h b.test. A "
		"192.0.2.1\n" }, "a.test", "a.test NS\na.test SOA\n" },
	{ "without SOA it is no zone", { NULL }, { "a.test h @ MX 10 x\n" },
		"a.test", "" },
};

static const char *
type_name(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = { { 1, "A" }, { 2, "NS" }, { 5, "CNAME" }, { 6, "SOA" },
		{ 15, "MX" }, { 16, "TXT" }, { 28, "AAAA" }, { 39, "DNAME" } };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return "?";
}

static void
dump(const struct zone *zone, struct buffer *out)
{
	for (size_t i = 0; i < zone->node_count; i++) {
		const struct zone_node *node = zone->nodes[i];
		struct dns_name name = { .size = node->name_size };
		char text[DNS_TEXT_SIZE];
		memcpy(name.bytes, node->name, node->name_size);
		dns_name_to_text(&name, text);
		for (unsigned s = 0; s < node->set_count; s++)
			for (unsigned r = 0; r < node->sets[s].count; r++)
				buffer_print(out, "%s %s\n", text,
					type_name(node->sets[s].type));
	}
}

static void
put_parts(const char *const *parts)
{
	for (size_t i = 0; i < 3 && parts[i] != NULL; i++) {
		struct span text = span_from(parts[i]), origin, tag;
		struct dns_name name;
		assert_true(span_word(&text, &origin) &&
			span_word(&text, &tag));
		assert_true(dns_name_from_text(origin, &name));
		parts_put(&name, tag, span_skip(text, 1));
	}
}

static void
ignore(void *context, const struct dns_name *origin, const struct error *error)
{
	unsigned *count = context;
	(void)origin, (void)error;
	(*count)++;
}

static struct zones *
read_case(const struct part_case *one, struct parts *parts, struct buffer *all)
{
	unsigned complaints = 0;
	buffer_clear(all);
	for (size_t i = 0; i < 3 && one->files[i] != NULL; i++) {
		size_t blank = span_find(span_from(one->files[i]), ' ');
		const char *text = one->files[i] + blank + 1;
		buffer_print(all, "%.*s f %zu\n%s", (int)blank, one->files[i],
			strlen(text), text);
	}
	parts_collect(parts);
	const struct zone_source source = { .files = buffer_span(all),
		.parts = parts, .complain = ignore, .context = &complaints };
	return zone_source_read(&source, NULL);
}

static void
what_comes_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error;
		struct parts parts;
		struct buffer all, shown;
		struct dns_name origin;
		assert_int_equal(remembered_open(-1, &error), 0);
		buffer_init(&all, 0);
		buffer_init(&shown, 0);
		put_parts(cases[i].parts);
		struct zones *zones = read_case(&cases[i], &parts, &all);
		assert_true(dns_name_from_text(span_from(cases[i].zone),
			&origin));
		const struct zone *zone = zones_get(zones, &origin);
		if ((zone == NULL) != (cases[i].expected == NULL))
			fail_msg("%s: a zone or none", cases[i].name);
		if (zone != NULL)
			dump(zone, &shown);
		if (zone != NULL && strcmp(buffer_string(&shown),
		    cases[i].expected) != 0)
			fail_msg("%s: %s", cases[i].name,
				buffer_string(&shown));
		zones_free(&zones);
		parts_free(&parts);
		buffer_fini(&all);
		buffer_fini(&shown);
		remembered_close();
	}
}

/* The same file with other parts has another serial, one that is newer. */
static void
the_serial_grows(void **state)
{
	static const struct part_case one = { "", { "a.test " HEAD },
		{ "a.test h @ MX 10 mail\n" }, "a.test", NULL };
	struct error error;
	struct parts parts;
	struct buffer all;
	struct dns_name origin;
	uint32_t serials[4];
	(void)state;
	assert_int_equal(remembered_open(-1, &error), 0);
	assert_true(dns_name_from_text(SPAN("a.test"), &origin));
	buffer_init(&all, 0);
	for (unsigned i = 0; i < 4; i++) {
		/* the file alone; with a part; unchanged; without it again */
		if (i == 1)
			put_parts(one.parts);
		if (i == 3)
			parts_put(&origin, SPAN("h"), SPAN(""));
		struct zones *zones = read_case(&one, &parts, &all);
		serials[i] = zones_get(zones, &origin)->serial;
		zones_free(&zones);
		parts_free(&parts);
	}
	assert_int_equal(serials[0], 7);
	assert_true(serials[1] > 7);
	assert_int_equal(serials[2], serials[1]);
	assert_true(serials[3] > serials[2]);
	buffer_fini(&all);
	remembered_close();
}

/* One zone alone is made as all of them would be. */
static void
one_is_renewed(void **state)
{
	static const struct part_case one = { "", { "test " HEAD },
		{ "a.test h @ MX 10 x\n", "b.example h " HEAD }, "", NULL };
	static const struct {
		const char *name, *origin;
		bool is_there;
	} asked[] = {
		{ "a.test", "test", true },
		{ "b.example", "b.example", true },
		{ "c.example", "c.example", false },
	};
	struct error error;
	struct parts parts;
	struct buffer all;
	(void)state;
	assert_int_equal(remembered_open(-1, &error), 0);
	buffer_init(&all, 0);
	put_parts(one.parts);
	struct zones *zones = read_case(&one, &parts, &all);
	zones_free(&zones);
	const struct zone_source source = { .files = buffer_span(&all),
		.parts = &parts, .complain = ignore };
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct dns_name name, origin, expected;
		struct zone *zone;
		assert_true(dns_name_from_text(span_from(asked[i].name),
			&name));
		assert_true(dns_name_from_text(span_from(asked[i].origin),
			&expected));
		assert_int_equal(zone_source_read_one(&source, &name, false,
			&origin, &zone, &error), 0);
		assert_int_equal(zone != NULL, asked[i].is_there);
		assert_true(dns_name_equals(&origin, &expected));
		zone_free(&zone);
	}
	parts_free(&parts);
	buffer_fini(&all);
	remembered_close();
}

static bool
is_of_another(const struct dns_name *origin)
{
	struct dns_name another;
	return dns_name_from_text(SPAN("second.test"), &another) &&
		dns_name_is_below(origin, &another);
}

/* A zone that we have from its primary is what he says, and nothing else. */
static void
a_primary_has_its_zone(void **state)
{
	static const char *const mine[3] = { "second.test h " HEAD,
		"x.second.test h " HEAD, "a.test h " HEAD };
	struct error error;
	struct parts parts;
	struct dns_name origin;
	unsigned complaints = 0;
	(void)state;
	assert_int_equal(remembered_open(-1, &error), 0);
	put_parts(mine);
	parts_collect(&parts);
	const struct zone_source source = { .parts = &parts,
		.is_taken = is_of_another, .complain = ignore,
		.context = &complaints };
	struct zones *zones = zone_source_read(&source, NULL);
	assert_int_equal(zones_count(zones), 1);
	assert_true(dns_name_from_text(SPAN("a.test"), &origin));
	assert_non_null(zones_get(zones, &origin));
	assert_int_equal(complaints, 0);
	zones_free(&zones);
	parts_free(&parts);
	remembered_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_in),
		cmocka_unit_test(the_serial_grows),
		cmocka_unit_test(one_is_renewed),
		cmocka_unit_test(a_primary_has_its_zone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
