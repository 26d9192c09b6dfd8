/* What clients ask, and what they are told of what was found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/message.h"

#define BYTES(literal) literal, sizeof(literal) - 1
#define ASKED "\1a\0\0\1\0\1"
#define OPT "\0\0\51\4\320\0\0\0\0\0\0"

static const struct {
	const char *name, *bytes;
	size_t size;
	int refusal;			/* -1: no answer at all */
} questions[] = {
	{ "a question", BYTES("\0\1\1\0\0\1\0\0\0\0\0\0" ASKED), 0 },
	{ "with EDNS", BYTES("\0\1\1\0\0\1\0\0\0\0\0\1" ASKED OPT), 0 },
	{ "all types", BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\377\0\1"), 0 },
	{ "an answer", BYTES("\0\1\201\0\0\1\0\0\0\0\0\0" ASKED), -1 },
	{ "no header", BYTES("\0\1\1\0\0\1\0\0\0\0\0"), -1 },
	{ "nothing", BYTES(""), -1 },
	{ "no question", BYTES("\0\1\1\0\0\0\0\0\0\0\0\0"), DNS_FORMAT_ERROR },
	{ "two questions", BYTES("\0\1\1\0\0\2\0\0\0\0\0\0" ASKED ASKED),
		DNS_FORMAT_ERROR },
	{ "half a question", BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1"),
		DNS_FORMAT_ERROR },
	{ "OPT is missing", BYTES("\0\1\1\0\0\1\0\0\0\0\0\1" ASKED),
		DNS_FORMAT_ERROR },
	{ "another EDNS", BYTES("\0\1\1\0\0\1\0\0\0\0\0\1" ASKED
		"\0\0\51\4\320\0\1\0\0\0\0"), DNS_BAD_VERSION },
	{ "an update", BYTES("\0\1\51\0\0\1\0\0\0\0\0\0" ASKED),
		DNS_NOT_IMPLEMENTED },
	{ "a look into the cache", BYTES("\0\1\0\0\0\1\0\0\0\0\0\0" ASKED),
		DNS_REFUSED },
	{ "another class", BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\3"),
		DNS_REFUSED },
	{ "a transfer", BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\374\0\1"),
		DNS_NOT_IMPLEMENTED },
	{ "type 0", BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\0\0\1"),
		DNS_NOT_IMPLEMENTED },
};

static void
test_questions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct message_question question;
		struct dns_reader reader;
		struct buffer out;
		bool ok = message_read(span_of(questions[i].bytes,
			questions[i].size), &question);
		if (ok && question.refusal == 0)
			question.refusal = message_judge(&question);
		if (ok != (questions[i].refusal >= 0) || (ok &&
		    (int)question.refusal != questions[i].refusal))
			fail_msg("%s: %d %u", questions[i].name, ok,
				question.refusal);
		if (!ok || question.refusal == 0)
			continue;
		buffer_init(&out, 0);
		message_write(&out, DNS_UDP_LEAST, &question, SPAN(""), NULL);
		assert_true(dns_read(&reader, buffer_span(&out)));
		assert_int_equal(reader.header.id, 1);
		assert_int_equal(reader.header.flags & DNS_FLAG_RCODE,
			questions[i].refusal & DNS_FLAG_RCODE);
		buffer_fini(&out);
	}
}

/* a. A with its signature, a proof and OPT, as the library gives it. */
static const char found[] = "\0\0\201\240\0\1\0\2\0\1\0\1" ASKED
	"\300\14\0\1\0\1\0\0\0\1\0\4\300\0\2\1"
	"\300\14\0\56\0\1\0\0\0\1\0\2xx"
	"\1b\0\0\57\0\1\0\0\0\1\0\2yy"
	"\0\0\51\377\377\0\0\200\0\0\0";

static const struct {
	const char *name;
	unsigned flags;			/* of the question beside RD */
	bool has_edns, is_dnssec_wanted, is_secure;
	unsigned flags_out, counts[3];	/* of the answer beside QR, RA, RD */
} answers[] = {
	{ "plain", 0, false, false, true, 0, { 1, 0, 0 } },
	{ "with EDNS", 0, true, false, true, 0, { 1, 0, 1 } },
	{ "AD is understood", DNS_FLAG_AUTHENTIC, true, false, true,
		DNS_FLAG_AUTHENTIC, { 1, 0, 1 } },
	{ "AD is not there", DNS_FLAG_AUTHENTIC, true, false, false,
		0, { 1, 0, 1 } },
	{ "proofs are wanted", 0, true, true, true, DNS_FLAG_AUTHENTIC,
		{ 2, 1, 1 } },
	{ "CD is copied", DNS_FLAG_CHECKING_DISABLED, false, false, false,
		DNS_FLAG_CHECKING_DISABLED, { 1, 0, 0 } },
};

static struct message_question
question_of(size_t i)
{
	struct message_question question = { .id = 7, .flags = (uint16_t)
		(DNS_FLAG_RECURSION_DESIRED | answers[i].flags),
		.asked = { .type = DNS_TYPE_A, .class = DNS_CLASS_IN },
		.has_edns = answers[i].has_edns,
		.is_dnssec_wanted = answers[i].is_dnssec_wanted,
		.udp_size = DNS_UDP_LEAST };
	assert_true(dns_name_from_text(SPAN("A"), &question.asked.name));
	return question;
}

static void
test_answers(void **state)
{
	const unsigned always = DNS_FLAG_RESPONSE |
		DNS_FLAG_RECURSION_AVAILABLE | DNS_FLAG_RECURSION_DESIRED;
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct message_question question = question_of(i);
		const struct message_answer answer = {
			.packet = span_of(found, sizeof(found) - 1),
			.is_secure = answers[i].is_secure };
		struct dns_reader reader;
		struct buffer out;
		buffer_init(&out, 0);
		message_write(&out, DNS_UDP_LEAST, &question, SPAN(""), &answer);
		assert_true(dns_read(&reader, buffer_span(&out)));
		assert_int_equal(reader.header.id, 7);
		for (unsigned j = 0; j < 3; j++)
			if (reader.header.count[1 + j] != answers[i].counts[j] ||
			    reader.header.flags != (always |
			    answers[i].flags_out))
				fail_msg("%s: flags %x, %u records in section "
					"%u", answers[i].name,
					reader.header.flags,
					reader.header.count[1 + j], j + 1);
		buffer_fini(&out);
	}
}

static void
test_a_failure_says_why(void **state)
{
	struct message_question question = question_of(1);
	const struct message_answer answer = { .rcode = DNS_SERVER_FAILURE,
		.is_bogus = true, .reason = SPAN("no signature") };
	struct dns_reader reader;
	struct dns_record record;
	struct dns_edns edns;
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	message_write(&out, DNS_MESSAGE_LIMIT, &question, SPAN(""), &answer);
	assert_true(dns_read(&reader, buffer_span(&out)));
	assert_int_equal(reader.header.flags & DNS_FLAG_RCODE,
		DNS_SERVER_FAILURE);
	assert_true(dns_read_record(&reader, &record));
	dns_data_edns(buffer_span(&out), &record, &edns);
	assert_int_equal(edns.error, DNS_ERROR_BOGUS);
	assert_true(span_equals(edns.text, SPAN("no signature")));
	buffer_fini(&out);
}

/* A packet of so many TXT records of 250 octets. */
static void
make_long(struct buffer *packet, unsigned records)
{
	struct message_question question = question_of(0);
	struct dns_writer writer;
	char data[251] = { (char)250 };
	struct dns_record record = { .section = DNS_ANSWER,
		.owner = question.asked.name, .type = DNS_TYPE_TXT,
		.class = DNS_CLASS_IN, .size = sizeof(data) };
	buffer_init(packet, 0);
	dns_write(&writer, packet, DNS_MESSAGE_LIMIT, 0, 0);
	dns_write_question(&writer, &question.asked);
	for (unsigned i = 0; i < records; i++)
		dns_write_record(&writer, span_of(data, sizeof(data)),
			&record);
	dns_write_end(&writer);
	assert_false(writer.is_full);
}

static void
test_what_is_too_long_is_cut_whole(void **state)
{
	struct message_question question = question_of(1);
	struct message_answer answer = { .is_secure = true };
	struct buffer packet, out;
	struct dns_reader reader;
	(void)state;
	make_long(&packet, 3);
	answer.packet = buffer_span(&packet);
	buffer_init(&out, 0);
	message_write(&out, DNS_UDP_LEAST, &question, SPAN(""), &answer);
	assert_true(dns_read(&reader, buffer_span(&out)));
	assert_true((reader.header.flags & DNS_FLAG_TRUNCATED) != 0);
	assert_int_equal(reader.header.count[DNS_ANSWER], 0);
	buffer_clear(&out);
	message_write(&out, DNS_UDP_MOST, &question, SPAN(""), &answer);
	assert_true(dns_read(&reader, buffer_span(&out)));
	assert_int_equal(reader.header.count[DNS_ANSWER], 3);
	buffer_fini(&packet);
	buffer_fini(&out);
}

/* What was kept for a while has less time to live; never less than none. */
static void
test_records_get_older(void **state)
{
	static const struct { uint32_t age, ttl; } times[] = {
		{ 0, 1 }, { 1, 0 }, { 100, 0 } };
	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct message_question question = question_of(0);
		const struct message_answer answer = { .age = times[i].age,
			.packet = { found, sizeof(found) - 1 } };
		struct buffer out;
		struct dns_reader reader;
		struct dns_record record;
		buffer_init(&out, 0);
		message_write(&out, DNS_UDP_LEAST, &question, SPAN(""),
			&answer);
		assert_true(dns_read(&reader, buffer_span(&out)));
		assert_true(dns_read_record(&reader, &record));
		assert_int_equal(record.ttl, times[i].ttl);
		buffer_fini(&out);
	}
}

static void
test_what_fits_no_message_is_a_failure(void **state)
{
	struct message_question question = question_of(1);
	struct message_answer answer = { .is_secure = true };
	struct buffer packet, out;
	struct dns_reader reader;
	(void)state;
	/* more is promised than is there */
	make_long(&packet, 249);
	while (packet.size < DNS_MESSAGE_LIMIT)
		buffer_add_byte(&packet, 0);
	answer.packet = span_first(buffer_span(&packet), 60000);
	buffer_init(&out, 0);
	message_write(&out, DNS_MESSAGE_LIMIT, &question, SPAN(""), &answer);
	assert_true(dns_read(&reader, buffer_span(&out)));
	assert_int_equal(reader.header.flags & DNS_FLAG_RCODE,
		DNS_SERVER_FAILURE);
	assert_int_equal(reader.header.count[DNS_ANSWER], 0);
	buffer_fini(&packet);
	buffer_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_a_failure_says_why),
		cmocka_unit_test(test_what_is_too_long_is_cut_whole),
		cmocka_unit_test(test_records_get_older),
		cmocka_unit_test(test_what_fits_no_message_is_a_failure),
	};
	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
