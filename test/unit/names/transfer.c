/* Whole zones: what is in them, in which order, and who has them already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/serials.h"
#include "names/transfer.h"
#include "names/zone_source.h"

static void
complain(void *context, const struct dns_name *origin,
	const struct error *error)
{
	(void)context;
	(void)origin;
	fail_msg("%s", error->text);
}

static struct zones *
make(const char *text)
{
	struct buffer file;
	buffer_init(&file, 0);
	buffer_print(&file, "a.test f %zu\n%s", strlen(text), text);
	struct zones *zones = zone_source_read_files(buffer_span(&file), NULL, complain,
		NULL);
	buffer_fini(&file);
	return zones;
}

/* All messages, one after the other; the types of the records in words. */
static unsigned
transfer(struct zones *zones, bool has_edns, struct buffer *types)
{
	struct message_question question = { .id = 7, .has_edns = has_edns,
		.asked = { .type = TRANSFER_TYPE_AXFR, .class = DNS_CLASS_IN } };
	struct transfer under_way;
	unsigned messages = 0;
	bool has_more = true;
	assert_true(dns_name_from_text(SPAN("a.test"), &question.asked.name));
	transfer_begin(&under_way, zones, zones_get(zones,
		&question.asked.name), &question);
	buffer_clear(types);
	while (has_more) {
		struct buffer out;
		struct dns_reader reader;
		struct dns_record record;
		buffer_init(&out, 0);
		has_more = transfer_next(&under_way, &out);
		assert_true(dns_read(&reader, buffer_span(&out)));
		assert_int_equal(reader.header.id, 7);
		/* RFC 5936 2.2.1: the first one has the question */
		assert_int_equal(reader.header.count[DNS_QUESTION],
			messages == 0);
		assert_true(reader.header.count[DNS_ANSWER] > 0);
		messages++;
		while (dns_read_record(&reader, &record))
			buffer_print(types, " %u", record.type);
		assert_false(reader.is_malformed);
		buffer_fini(&out);
	}
	transfer_end(&under_way);
	return messages;
}

static void
test_small(void **state)
{
	/* doubles are gone; glue and what is hidden below cuts are there */
	struct zones *zones = make("$TTL 60\n@ SOA ns root 1 1 1 1 1\n@ NS ns\n"
		"x MX 1 y\nx MX 1 y\nx MX 2 y\ncut NS ns.cut\nns.cut A 1.1.1.1\n"
		"a.cut TXT \"x\"\ne.n.t AAAA ::1\n");
	struct buffer types;
	(void)state;
	buffer_init(&types, 0);
	assert_int_equal(transfer(zones, false, &types), 1);
	assert_string_equal(buffer_string(&types), " 6 2 2 16 1 28 15 15 6");
	assert_int_equal(transfer(zones, true, &types), 1);
	assert_string_equal(buffer_string(&types),
		" 6 2 2 16 1 28 15 15 6 41");
	buffer_fini(&types);
	zones_free(&zones);
}

static void
test_large(void **state)
{
	struct buffer text, types;
	size_t count = 0;
	(void)state;
	buffer_init(&text, 0);
	buffer_init(&types, 0);
	buffer_add_string(&text, "$TTL 60\n@ SOA ns root 1 1 1 1 1\n@ NS ns\n");
	for (unsigned i = 0; i < 5000; i++)
		buffer_print(&text, "h%u A 10.0.%u.%u\n", i, i / 256, i % 256);
	/* a set that fits no answer goes record by record */
	for (unsigned i = 0; i < 400; i++)
		buffer_print(&text, "big TXT \"%0250u\"\n", i);
	struct zones *zones = make(buffer_string(&text));
	assert_in_range(transfer(zones, false, &types), 10, 40);
	for (size_t i = 0; i < types.size; i++)
		count += types.data[i] == ' ';
	assert_int_equal(count, 5000 + 400 + 3);
	assert_true(span_starts(buffer_span(&types), SPAN(" 6 2 ")));
	assert_true(span_ends_nocase(buffer_span(&types), SPAN(" 6")));
	zones_free(&zones);
	buffer_fini(&text);
	buffer_fini(&types);
}

/* RFC 1982: serials go round. */
static const struct {
	const char *name;
	uint32_t has, ours;
	bool is_current;
} serials[] = {
	{ "the same", 5, 5, true }, { "older", 4, 5, false },
	{ "newer", 6, 5, true }, { "before the turn", 0xffffffff, 3, false },
	{ "behind it", 3, 0xffffffff, true },
};

static void
test_serials(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++) {
		uint8_t bytes[] = "\0\1\0\0\0\1\0\0\0\1\0\0" "\1a\0\0\373\0\1"
			"\1a\0\0\6\0\1\0\0\0\0\0\26\0\0" "sers" "xxxxxxxxxxxxxxxx";
		size_t at = sizeof(bytes) - 1 - 20;
		for (unsigned j = 0; j < 4; j++)
			bytes[at + j] = (uint8_t)(serials[i].has >>
				(24 - 8 * j));
		uint32_t has;
		assert_true(transfer_read_serial(span_of(bytes,
			sizeof(bytes) - 1), DNS_AUTHORITY, &has));
		if (serials_is_newer(serials[i].ours, has) ==
			serials[i].is_current)
			fail_msg("%s", serials[i].name);
		/* without a SOA there nothing is known */
		assert_false(transfer_read_serial(span_of(bytes,
			sizeof(bytes) - 1), DNS_ANSWER, &has));
		assert_false(transfer_read_serial(span_of(bytes, 12),
			DNS_AUTHORITY, &has));
	}
}

/* "TYPE:LAST OCTET OF ITS DATA" of all records. */
static void
show_changes(struct zones *zones, uint32_t since, struct buffer *shown)
{
	struct message_question question = { .id = 7,
		.asked = { .type = TRANSFER_TYPE_IXFR, .class = DNS_CLASS_IN } };
	struct transfer under_way;
	bool has_more = true;
	assert_true(dns_name_from_text(SPAN("a.test"), &question.asked.name));
	transfer_begin(&under_way, zones, zones_get(zones,
		&question.asked.name), &question);
	transfer_set_since(&under_way, since);
	buffer_clear(shown);
	while (has_more) {
		struct buffer out;
		struct dns_reader reader;
		struct dns_record record;
		buffer_init(&out, 0);
		has_more = transfer_next(&under_way, &out);
		assert_true(dns_read(&reader, buffer_span(&out)));
		while (dns_read_record(&reader, &record)) {
			struct span data = dns_data(buffer_span(&out), &record);
			size_t at = record.type == 6 ? data.size - 17 :
				data.size - 1;
			buffer_print(shown, " %u:%u", record.type,
				(uint8_t)data.data[at]);
		}
		assert_false(reader.is_malformed);
		buffer_fini(&out);
	}
	transfer_end(&under_way);
}

#define LONG "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" "
#define REST "@ NS ns\nns A 10.0.0.1\nns2 A 10.0.0.2\nns3 A 10.0.0.3\n" \
	"ns4 A 10.0.0.4\nns5 A 10.0.0.5\nns6 A 10.0.0.6\nns7 A 10.0.0.7\n" \
	"n8 TXT " LONG LONG LONG LONG "\n"

/* RFC 1995 4, and what is kept. */
static void
test_changes(void **state)
{
	static const char *const versions[] = {
		"$TTL 60\n@ SOA ns root 1 1 1 1 1\n" REST "x A 10.0.0.20\n"
			"x A 10.0.0.22\ny A 10.0.0.30\n",
		"$TTL 60\n@ SOA ns root 2 1 1 1 1\n" REST "x A 10.0.0.21\n"
			"x A 10.0.0.22\n",
		"$TTL 60\n@ SOA ns root 3 1 1 1 1\n" REST "x A 10.0.0.21\n"
			"x A 10.0.0.22\nz 7 AAAA ::40\n",
		"$TTL 60\n@ SOA ns root 4 1 1 1 1\n" REST "x A 10.0.0.21\n"
			"x A 10.0.0.22\nz 8 AAAA ::40\n",
	};
	static const struct { uint32_t since; const char *shown; } cases[] = {
		{ 3, " 6:4 6:3 28:64 6:4 28:64 6:4" },
		{ 2, " 6:4 6:2 6:3 28:64 6:3 28:64 6:4 28:64 6:4" },
		{ 1, " 6:4 6:1 1:20 1:30 6:2 1:21 6:2 6:3 28:64 6:3 28:64 "
			"6:4 28:64 6:4" },
	};
	struct zones *zones = make(versions[0]);
	struct buffer shown;
	(void)state;
	buffer_init(&shown, 0);
	for (size_t i = 1; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct zones *next = make(versions[i]);
		history_note(zones, next);
		zones_free(&zones);
		zones = next;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		show_changes(zones, cases[i].since, &shown);
		assert_string_equal(buffer_string(&shown), cases[i].shown);
	}
	/* one that nobody knows gets all of it */
	show_changes(zones, 77, &shown);
	assert_true(span_starts(buffer_span(&shown), SPAN(" 6:4 2:")));
	/* a version that is no newer, and another zone, have no changes */
	struct zones *same = make(versions[3]), *other = make(
		"$TTL 60\n@ SOA ns root 9 1 1 1 1\n@ NS ns\nq A 10.0.0.1\n");
	history_note(zones, same);
	show_changes(same, 3, &shown);
	assert_true(span_starts(buffer_span(&shown), SPAN(" 6:4 2:")));
	history_note(zones, other);
	show_changes(other, 4, &shown);
	assert_true(span_starts(buffer_span(&shown), SPAN(" 6:9 2:")));
	zones_free(&same);
	zones_free(&other);
	zones_free(&zones);
	buffer_fini(&shown);
}

static const struct zone *
zones_get_any(const struct zones *all)
{
	struct dns_name origin;
	assert_true(dns_name_from_text(SPAN("a.test"), &origin));
	return zones_get(all, &origin);
}

/* `old` and `new` addresses beside ten that stay; how much of it is changed. */
static struct zones *
make_half(unsigned serial, unsigned first, unsigned count)
{
	struct buffer text;
	buffer_init(&text, 0);
	buffer_print(&text, "$TTL 60\n@ SOA ns root %u 1 1 1 1\n@ NS ns\n",
		serial);
	for (unsigned i = 0; i < 20; i++)
		buffer_print(&text, "n%02u A 10.0.%u.9\n", i, i >= first &&
			i < first + count ? serial : 0);
	struct zones *zones = make(buffer_string(&text));
	buffer_fini(&text);
	return zones;
}

/* What costs more than it saves is not told: one change of more than half of a
 * zone, and several that are more than the zone together. */
static void
test_whole_is_less(void **state)
{
	static const struct { unsigned changed; bool is_told; } cases[] = {
		{ 2, true }, { 7, false }, { 20, false },
	};
	struct buffer shown;
	(void)state;
	buffer_init(&shown, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct zones *old = make_half(1, 0, 0);
		struct zones *new = make_half(2, 0, cases[i].changed);
		history_note(old, new);
		show_changes(new, 1, &shown);
		if ((span_search(buffer_span(&shown), SPAN(" 2:")) ==
		    shown.size) != cases[i].is_told)
			fail_msg("%u of 20: %s", cases[i].changed,
				buffer_string(&shown));
		zones_free(&old);
		zones_free(&new);
	}
	struct zones *zones = make_half(1, 0, 0);
	for (unsigned serial = 2; serial < 9; serial++) {
		struct zones *next = make_half(serial, serial, 2);
		history_note(zones, next);
		zones_free(&zones);
		zones = next;
		show_changes(zones, serial - 1, &shown);
		assert_true(span_search(buffer_span(&shown), SPAN(" 2:")) ==
			shown.size);
	}
	show_changes(zones, 1, &shown);
	assert_true(span_starts(buffer_span(&shown), SPAN(" 6:8 2:")));
	zones_free(&zones);
	buffer_fini(&shown);
}

/* Only so many are kept, while somebody still has the older ones. */
static void
test_old_changes_go(void **state)
{
	char text[1000];
	struct zones *all[3 * HISTORY_VERSIONS];
	struct buffer shown;
	(void)state;
	buffer_init(&shown, 0);
	for (unsigned i = 0; i < 3 * HISTORY_VERSIONS; i++) {
		snprintf(text, sizeof(text), "$TTL 60\n@ SOA ns root %u 1 1 1 "
			"1\nx A 10.1.1.%u\n" REST REST, i + 1, i);
		all[i] = make(text);
		if (i > 0)
			history_note(all[i - 1], all[i]);
	}
	struct zones *last = all[3 * HISTORY_VERSIONS - 1];
	unsigned serial = 3 * HISTORY_VERSIONS, kept = 0;
	for (const struct history *at = zones_get_any(last)->history;
	    at != NULL; at = at->older)
		kept++;
	assert_int_equal(kept, HISTORY_VERSIONS);
	show_changes(last, serial - 2, &shown);
	assert_true(span_search(buffer_span(&shown), SPAN(" 2:")) ==
		shown.size);
	show_changes(last, serial - HISTORY_VERSIONS - 1, &shown);
	assert_true(span_search(buffer_span(&shown), SPAN(" 2:")) <
		shown.size);
	for (unsigned i = 0; i < 3 * HISTORY_VERSIONS; i++)
		zones_free(&all[i]);
	buffer_fini(&shown);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_whole_is_less),
		cmocka_unit_test(test_old_changes_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
