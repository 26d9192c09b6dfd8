/* Whole zones: what is in them, in which order, and who has them already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
		if (transfer_is_current(span_of(bytes, sizeof(bytes) - 1),
			serials[i].ours) != serials[i].is_current)
			fail_msg("%s", serials[i].name);
		/* without a SOA nothing is known */
		assert_false(transfer_is_current(span_of(bytes, 12), 5));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_serials),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
