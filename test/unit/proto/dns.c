/*
 * DNS messages: names in all their writings, records read and written again,
 * and what hostile messages come to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/dns.h"

#define LABEL63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01234567890"

/* ---- names ---- */

static const struct {
	const char *name, *text, *again;	/* again NULL: no name */
} texts[] = {
	{ "a host", "mail.example.com", "mail.example.com" },
	{ "the last dot goes", "example.com.", "example.com" },
	{ "case goes", "MAIL.Example.Com", "mail.example.com" },
	{ "the root", ".", "" },
	{ "the root as nothing", "", "" },
	{ "underscores stay", "_25._tcp.mx.example", "_25._tcp.mx.example" },
	{ "a dot in a label", "a\\.b.example", "a\\046b.example" },
	{ "any byte", "a\\000\\255.example", "a\\000\\255.example" },
	{ "a line end is escaped", "a\nb.example", "a\\010b.example" },
	{ "63 in a label", LABEL63 ".x", LABEL63 ".x" },
	{ "64 in a label", LABEL63 "1.x", NULL },
	{ "an empty label", "a..b", NULL },
	{ "an empty first label", ".a", NULL },
	{ "253 octets", LABEL63 "." LABEL63 "." LABEL63 "."
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz012345678",
		LABEL63 "." LABEL63 "." LABEL63 "."
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz012345678" },
	{ "254 octets", LABEL63 "." LABEL63 "." LABEL63 "."
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789",
		NULL },
	{ "an escape cut short", "a\\", NULL },
	{ "a number cut short", "a\\01", NULL },
	{ "a number beyond a byte", "a\\256", NULL },
};

static void
test_names_as_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct dns_name name;
		char out[DNS_TEXT_SIZE];
		bool ok = dns_name_from_text(span_from(texts[i].text), &name);
		if (ok != (texts[i].again != NULL))
			fail_msg("%s: %s", texts[i].name, ok ? "a name" : "none");
		if (!ok)
			continue;
		size_t size = dns_name_to_text(&name, out);
		assert_int_equal(size, strlen(out));
		if (strcmp(out, texts[i].again) != 0)
			fail_msg("%s: %s", texts[i].name, out);
	}
}

static const struct {
	const char *name, *message;
	size_t size, offset;
	const char *text;	/* NULL: malformed */
	size_t end;
} packed[] = {
	{ "plain", "\1a\2bc\0", 6, 0, "a.bc", 6 },
	{ "a pointer", "\2bc\0\1a\300\0", 8, 4, "a.bc", 8 },
	{ "a pointer to a pointer", "\1c\0\1b\300\0\1a\300\3", 11, 7, "a.b.c", 11 },
	{ "only a pointer", "\1c\0\300\0", 5, 3, "c", 5 },
	{ "a pointer to itself", "\300\0", 2, 0, NULL, 0 },
	{ "a pointer forward", "\300\2\1a\0", 5, 0, NULL, 0 },
	{ "a pointer into its own labels", "\1a\300\0", 4, 0, NULL, 0 },
	{ "two that point at each other", "\300\2\300\0", 4, 2, NULL, 0 },
	{ "half a pointer", "\1a\300", 3, 0, NULL, 0 },
	{ "no end", "\1a", 2, 0, NULL, 0 },
	{ "a label beyond the end", "\5ab", 3, 0, NULL, 0 },
	{ "labels of another kind", "\101a\0", 3, 0, NULL, 0 },
	{ "nothing", "", 0, 0, NULL, 0 },
};

static void
test_names_in_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++) {
		struct dns_name name;
		char out[DNS_TEXT_SIZE];
		size_t offset = packed[i].offset;
		bool ok = dns_read_name(span_of(packed[i].message,
			packed[i].size), &offset, &name);
		if (ok != (packed[i].text != NULL))
			fail_msg("%s: %d", packed[i].name, ok);
		if (!ok)
			continue;
		dns_name_to_text(&name, out);
		assert_string_equal(out, packed[i].text);
		assert_int_equal(offset, packed[i].end);
	}
}

static void
test_a_name_has_255_octets(void **state)
{
	struct {
		struct dns_name name;
		uint8_t behind[16];
	} room;
	uint8_t message[261];
	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = i % 2 == 0 ? 1 : 'a';
	message[260] = 0;
	for (size_t start = 0; start <= 6; start += 2) {
		size_t offset = start;
		assert_int_equal(dns_read_name(span_of(message,
			sizeof(message)), &offset, &room.name), start == 6);
	}
}

static struct dns_name
name_of(const char *text)
{
	struct dns_name name;
	assert_true(dns_name_from_text(span_from(text), &name));
	return name;
}

static void
test_below(void **state)
{
	struct dns_name domain = name_of("example.com"), root = name_of("."),
		below = name_of("a.EXAMPLE.com"), other = name_of("aexample.com");
	(void)state;
	assert_true(dns_name_is_below(&domain, &domain));
	assert_true(dns_name_is_below(&below, &domain));
	assert_true(dns_name_is_below(&below, &root));
	assert_false(dns_name_is_below(&other, &domain));
	assert_false(dns_name_is_below(&domain, &below));
}

/* ---- messages ---- */

/* A question and an answer of an MX record whose name is compressed, an SOA. */
static const char message[] =
	"\x12\x34\x81\xa0\0\1\0\1\0\1\0\1"
	"\7example\0\0\17\0\1"
	"\300\14\0\17\0\1\0\0\1\54\0\7\0\12\2mx\300\14"
	"\300\14\0\6\0\1\0\0\2\0\0\34\1a\300\14\1b\300\14"
		"\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"
	"\0\0\51\4\320\0\0\200\0\0\12\0\17\0\6\0\6sigs";

static struct span
message_span(void)
{
	return span_of(message, sizeof(message) - 1);
}

static void
test_records_are_read(void **state)
{
	struct dns_reader reader;
	struct dns_question question;
	struct dns_record record;
	struct dns_name name, mx = name_of("mx.example");
	struct dns_edns edns;
	uint32_t ttl;
	(void)state;
	assert_true(dns_read(&reader, message_span()));
	assert_int_equal(reader.header.id, 0x1234);
	assert_true(dns_read_question(&reader, &question));
	assert_int_equal(question.type, DNS_TYPE_MX);
	assert_false(dns_read_question(&reader, &question));
	assert_true(dns_read_record(&reader, &record));
	assert_int_equal(record.section, DNS_ANSWER);
	assert_int_equal(record.ttl, 300);
	assert_true(dns_data_name(message_span(), &record, 2, &name));
	assert_true(dns_name_equals(&name, &mx));
	assert_false(dns_data_name(message_span(), &record, 0, &name));
	assert_true(dns_read_record(&reader, &record));
	assert_int_equal(record.section, DNS_AUTHORITY);
	assert_true(dns_data_soa_ttl(message_span(), &record, &ttl));
	assert_int_equal(ttl, 5);
	assert_true(dns_read_record(&reader, &record));
	dns_data_edns(message_span(), &record, &edns);
	assert_true(edns.is_dnssec_wanted);
	assert_int_equal(edns.udp_size, 1232);
	assert_int_equal(edns.error, DNS_ERROR_BOGUS);
	assert_true(span_equals(edns.text, SPAN("sigs")));
	assert_false(dns_read_record(&reader, &record));
	assert_false(reader.is_malformed);
}

static void
test_every_cut_is_malformed(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(message) - 1; size++) {
		struct dns_reader reader;
		struct dns_record record;
		dns_read(&reader, span_of(message, size));
		while (dns_read_record(&reader, &record))
			;
		assert_true(reader.is_malformed);
	}
}

static unsigned
copy_message(struct buffer *out, size_t limit, bool *is_full)
{
	struct dns_reader reader;
	struct dns_writer writer;
	struct dns_question question;
	struct dns_record record;
	unsigned count = 0;
	dns_read(&reader, message_span());
	dns_write(&writer, out, limit, reader.header.id, reader.header.flags);
	while (dns_read_question(&reader, &question))
		dns_write_question(&writer, &question);
	while (dns_read_record(&reader, &record))
		for (unsigned i = 0; i < 9; i++, count++)
			dns_write_record(&writer, message_span(), &record);
	dns_write_end(&writer);
	*is_full = writer.is_full;
	return count;
}

static void
test_written_is_read_again(void **state)
{
	struct buffer out;
	struct dns_reader reader;
	struct dns_record record;
	struct dns_name name, mx = name_of("mx.example");
	bool is_full;
	unsigned count = 0;
	(void)state;
	buffer_init(&out, 0);
	/* the message does not stand at the beginning of the buffer */
	buffer_add(&out, SPAN("\1\2"));
	assert_int_equal(copy_message(&out, DNS_MESSAGE_LIMIT, &is_full), 27);
	assert_false(is_full);
	struct span copy = span_skip(buffer_span(&out), 2);
	assert_true(dns_read(&reader, copy));
	while (dns_read_record(&reader, &record)) {
		count++;
		if (record.type != DNS_TYPE_MX)
			continue;
		assert_true(dns_data_name(copy, &record, 2, &name));
		assert_true(dns_name_equals(&name, &mx));
	}
	assert_false(reader.is_malformed);
	assert_int_equal(count, 27);
	buffer_fini(&out);
}

static void
test_what_does_not_fit_is_left_out_whole(void **state)
{
	struct buffer out;
	struct dns_reader reader;
	struct dns_record record;
	bool is_full;
	(void)state;
	buffer_init(&out, 0);
	copy_message(&out, DNS_UDP_LEAST, &is_full);
	assert_true(is_full);
	assert_true(out.size <= DNS_UDP_LEAST);
	assert_true(dns_read(&reader, buffer_span(&out)));
	while (dns_read_record(&reader, &record))
		;
	assert_false(reader.is_malformed);
	assert_int_equal(reader.offset, out.size);
	buffer_fini(&out);
}

static const struct {
	const char *name, *data;
	size_t size;
	const char *text;	/* NULL: not TXT */
} strings[] = {
	{ "one string", "\5v=spf", 6, "v=spf" },
	{ "joined", "\2v=\3spf", 7, "v=spf" },
	{ "an empty one", "\0", 1, "" },
	{ "none", "", 0, NULL },
	{ "longer than the data", "\5v=", 3, NULL },
	{ "longer than the limit", "\10abcdefgh\1i", 11, NULL },
};

static void
test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct buffer out;
		struct dns_record record = { .type = DNS_TYPE_TXT,
			.size = strings[i].size };
		buffer_init(&out, 0);
		bool ok = dns_data_text(span_of(strings[i].data,
			strings[i].size), &record, 8, &out);
		if (ok != (strings[i].text != NULL))
			fail_msg("%s", strings[i].name);
		if (ok)
			assert_true(span_equals(buffer_span(&out),
				span_from(strings[i].text)));
		buffer_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_as_text),
		cmocka_unit_test(test_names_in_messages),
		cmocka_unit_test(test_a_name_has_255_octets),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_records_are_read),
		cmocka_unit_test(test_every_cut_is_malformed),
		cmocka_unit_test(test_written_is_read_again),
		cmocka_unit_test(test_what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(test_texts),
	};
	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
