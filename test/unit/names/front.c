/* What is done with a packet: by whom it comes, and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "names/cookie.h"
#include "names/front.h"
#include "names/rate.h"
#include "names/secondary.h"
#include "names/remembered.h"
#include "names/zone_source.h"

#define BYTES(literal) literal, sizeof(literal) - 1
#define HEAD "\0\1\0\0\0\1\0\0\0\0\0\0"		/* without RD */
#define HEAD_RD "\0\1\1\0\0\1\0\0\0\0\0\0"
#define HEAD_OPT "\0\1\1\0\0\1\0\0\0\0\0\1"
#define OURS "\3www\1a\4test\0"
#define OTHERS "\3www\7example\0"
#define OUT "\3out\1a\4test\0"
#define A_IN "\0\1\0\1"
#define OPT(version) "\0\0\51\20\0\0" version "\200\0\0\0"
#define NONE -1, 0
#define ASK -2, 0
#define SOA(serial) "\0\0\6\0\1\0\0\0\0\0\26\0\0" serial \
	"0000" "0000" "0000" "0000"

static const struct {
	const char *name, *bytes;
	size_t size;
	bool is_trusted;		/* in dns_recursion_networks */
	int rcode;			/* or NONE, ASK */
	unsigned flags;			/* beside QR and what is copied */
} cases[] = {
	{ "ours", BYTES(HEAD OURS A_IN), false, 0, DNS_FLAG_AUTHORITATIVE },
	{ "ours, for whom the resolver is there too",
		BYTES(HEAD_RD OURS A_IN), true, 0,
		DNS_FLAG_AUTHORITATIVE | DNS_FLAG_RECURSION_AVAILABLE },
	{ "no, of a zone with a file, for ours", BYTES(HEAD_RD "\1x\1a\4test"
		"\0" A_IN), true, DNS_NO_SUCH_NAME, DNS_FLAG_AUTHORITATIVE |
		DNS_FLAG_RECURSION_AVAILABLE },
	{ "no, of one without: the world may know more", BYTES(HEAD_RD
		"\1x\4part\4test\0" A_IN), true, ASK },
	{ "of no such type there", BYTES(HEAD_RD "\4part\4test\0" A_IN), true,
		ASK },
	{ "what stands in it, too", BYTES(HEAD_RD "\4part\4test\0"
		"\0\17\0\1"), true, ASK },
	{ "what stands in it, of a stranger", BYTES(HEAD_RD "\4part\4test\0"
		"\0\17\0\1"), false, 0, DNS_FLAG_AUTHORITATIVE },
	{ "no to a stranger", BYTES(HEAD_RD "\1x\4part\4test\0" A_IN), false,
		DNS_NO_SUCH_NAME, DNS_FLAG_AUTHORITATIVE },
	{ "another's, of a stranger", BYTES(HEAD_RD OTHERS A_IN), false,
		DNS_REFUSED, 0 },
	{ "another's, of ours", BYTES(HEAD_RD OTHERS A_IN), true, ASK },
	{ "a look into the cache", BYTES(HEAD OTHERS A_IN), true, DNS_REFUSED,
		DNS_FLAG_RECURSION_AVAILABLE },
	{ "an alias out, of a stranger", BYTES(HEAD_RD OUT A_IN), false, 0,
		DNS_FLAG_AUTHORITATIVE },
	{ "an alias out, of ours", BYTES(HEAD_RD OUT A_IN), true, ASK },
	{ "without RD it is not followed", BYTES(HEAD OUT A_IN), true, 0,
		DNS_FLAG_AUTHORITATIVE | DNS_FLAG_RECURSION_AVAILABLE },
	{ "a name below a cut, of a stranger", BYTES(HEAD_RD "\1x\3cut\1a\4test"
		"\0" A_IN), false, 0, 0 },
	{ "a name below a cut, of ours", BYTES(HEAD_RD "\1x\3cut\1a\4test\0"
		A_IN), true, ASK },
	{ "an answer", BYTES("\0\1\200\0\0\1\0\0\0\0\0\0" OURS A_IN), false,
		NONE },
	{ "half a header", BYTES("\0\1\0\0\0\1"), false, NONE },
	{ "no question", BYTES("\0\1\0\0\0\0\0\0\0\0\0\0"), false,
		DNS_FORMAT_ERROR, 0 },
	{ "two questions", BYTES("\0\1\0\0\0\2\0\0\0\0\0\0" OURS A_IN OURS
		A_IN), false, DNS_FORMAT_ERROR, 0 },
	{ "half a question", BYTES(HEAD "\3www\1a"), false, DNS_FORMAT_ERROR,
		0 },
	{ "NOTIFY of what we are no secondary of", BYTES("\0\1\40\0\0\1\0\0"
		"\0\0\0\0" OURS "\0\6\0\1"), false, DNS_NOT_AUTHORITATIVE, 0 },
	{ "NOTIFY of another than the primary", BYTES("\0\1\40\0\0\1\0\0\0\0"
		"\0\0" "\2of\7another\0" "\0\6\0\1"), false, DNS_REFUSED, 0 },
	{ "NOTIFY of the primary", BYTES("\0\1\40\0\0\1\0\0\0\0\0\0"
		"\2of\7another\0" "\0\6\0\1"), true, 0,
		DNS_FLAG_AUTHORITATIVE | DNS_FLAG_RECURSION_AVAILABLE },
	{ "UPDATE", BYTES("\0\1\50\0\0\1\0\0\0\0\0\0" OURS "\0\6\0\1"), false,
		DNS_NOT_IMPLEMENTED, 0 },
	{ "an operation of tomorrow, with nothing", BYTES("\0\1\170\0\0\0\0\0\0\0"
		"\0\0"), false, DNS_NOT_IMPLEMENTED, 0 },
	{ "an operation of tomorrow, otherwise laid out", BYTES("\0\1\60\0"
		"\0\2\0\0\0\0\0\1" "what it is"), false, DNS_NOT_IMPLEMENTED,
		0 },
	{ "NOTIFY of nothing", BYTES("\0\1\40\0\0\0\0\0\0\0\0\0"), false,
		DNS_FORMAT_ERROR, 0 },
	{ "type 0", BYTES(HEAD OURS "\0\0\0\1"), false, DNS_REFUSED, 0 },
	{ "class CH", BYTES(HEAD "\7version\4bind\0" "\0\20\0\3"), false,
		DNS_REFUSED, 0 },
	{ "class ANY", BYTES(HEAD OURS "\0\1\0\377"), false, DNS_REFUSED, 0 },
	{ "a transfer", BYTES(HEAD "\1a\4test\0" "\0\374\0\1"), false,
		DNS_REFUSED, 0 },
	{ "of another's zone", BYTES(HEAD "\1b\4test\0" "\0\373\0\1"), true,
		DNS_NOT_AUTHORITATIVE, DNS_FLAG_RECURSION_AVAILABLE },
	{ "of no zone's name", BYTES(HEAD OURS "\0\373\0\1"), true,
		DNS_NOT_AUTHORITATIVE, DNS_FLAG_RECURSION_AVAILABLE },
	{ "IXFR of who has it", BYTES("\0\1\0\0\0\1\0\0\0\1\0\0" "\1a\4test\0"
		"\0\373\0\1" SOA("\0\0\0\1")), true, 0,
		DNS_FLAG_AUTHORITATIVE | DNS_FLAG_RECURSION_AVAILABLE },
	{ "IXFR of a stranger", BYTES("\0\1\0\0\0\1\0\0\0\1\0\0" "\1a\4test\0"
		"\0\373\0\1" SOA("\0\0\0\1")), false, DNS_REFUSED, 0 },
	{ "OPT as a type", BYTES(HEAD OURS "\0\51\0\1"), false, DNS_REFUSED,
		0 },
	{ "EDNS", BYTES(HEAD_OPT OURS A_IN OPT("\0")), false, 0,
		DNS_FLAG_AUTHORITATIVE },
	{ "EDNS of tomorrow", BYTES(HEAD_OPT OURS A_IN OPT("\1")), false,
		DNS_BAD_VERSION, 0 },
	{ "EDNS twice", BYTES("\0\1\1\0\0\1\0\0\0\0\0\2" OURS A_IN OPT("\0")
		OPT("\0")), false, DNS_FORMAT_ERROR, 0 },
	{ "EDNS of a name", BYTES(HEAD_OPT OURS A_IN "\1a\0\0\51\20\0\0\0\0\0"
		"\0\0"), false, DNS_FORMAT_ERROR, 0 },
	{ "an unknown option", BYTES(HEAD_OPT OURS A_IN "\0\0\51\20\0\0\0\0\0"
		"\0\6" "\377\0\0\2xx"), false, 0, DNS_FLAG_AUTHORITATIVE },
	{ "half an option", BYTES(HEAD_OPT OURS A_IN "\0\0\51\20\0\0\0\0\0"
		"\0\5" "\377\0\0\2x"), false, DNS_FORMAT_ERROR, 0 },
	{ "a cookie", BYTES(HEAD_OPT OURS A_IN "\0\0\51\20\0\0\0\0\0\0\14"
		"\0\12\0\10cccccccc"), false, 0, DNS_FLAG_AUTHORITATIVE },
	{ "a cookie and no question", BYTES("\0\1\0\0\0\0\0\0\0\0\0\1"
		"\0\0\51\20\0\0\0\0\0\0\14" "\0\12\0\10cccccccc"), false, 0, 0 },
	{ "one that is not ours", BYTES("\0\1\0\0\0\0\0\0\0\0\0\1"
		"\0\0\51\20\0\0\0\0\0\0\24" "\0\12\0\20cccccccc" "ssssssss"),
		false, DNS_BAD_COOKIE, 0 },
	{ "EDNS and no question", BYTES("\0\1\0\0\0\0\0\0\0\0\0\1"
		"\0\0\51\20\0\0\0\0\0\0\0"), false, DNS_FORMAT_ERROR, 0 },
	{ "a cookie that is too short", BYTES(HEAD_OPT OURS A_IN
		"\0\0\51\20\0\0\0\0\0\0\13" "\0\12\0\7ccccccc"), false,
		DNS_FORMAT_ERROR, 0 },
	{ "a compressed question that points nowhere", BYTES(HEAD "\300\77"
		A_IN), false, DNS_FORMAT_ERROR, 0 },
};

static struct zones *zones;

static void
complain(void *context, const struct dns_name *origin,
	const struct error *error)
{
	(void)context;
	(void)origin;
	fail_msg("%s", error->text);
}

static int
make_zones(void **state)
{
	static const char text[] = "$TTL 60\n@ SOA ns root 1 1 1 1 1\n@ NS ns\n"
		"www A 192.0.2.1\nout CNAME www.example.\ncut NS ns\n";
	struct buffer file;
	(void)state;
	buffer_init(&file, 0);
	buffer_print(&file, "a.test f %zu\n%s", sizeof(text) - 1, text);
	struct dns_name part;
	struct parts parts;
	struct error error;
	assert_int_equal(remembered_open(-1, &error), 0);
	assert_true(dns_name_from_text(SPAN("part.test"), &part));
	parts_put(&part, SPAN("h"), SPAN("@ 60 SOA ns root 1 1 1 1 1\n"
		"@ 60 NS ns\n@ 60 MX 10 mail.a.test.\n"));
	parts_collect(&parts);
	const struct zone_source source = { .files = buffer_span(&file),
		.parts = &parts, .complain = complain };
	zones = zone_source_read(&source, NULL);
	parts_free(&parts);
	remembered_close();
	buffer_fini(&file);
	return 0;
}

static int
free_zones(void **state)
{
	(void)state;
	zones_free(&zones);
	return 0;
}

static void
configure(unsigned limit, unsigned slip)
{
	const struct front_settings settings = { .rate_limit = limit,
		.rate_slip = slip, .recursion_networks = SPAN("10.0.0.0/8"),
		.transfer_peers = SPAN("10.0.0.0/8") };
	front_configure(&settings);
}

static struct front_client
client_of(const char *address, bool is_stream)
{
	struct front_client client = { .is_stream = is_stream };
	assert_true(network_address_parse(span_from(address),
		&client.address));
	return client;
}

/* The rcode with what EDNS adds; its counts in `counts`. */
static int
read_answer(const struct buffer *out, unsigned *flags, uint16_t *counts)
{
	struct dns_reader reader;
	struct dns_record record;
	struct dns_edns edns = { .rcode = 0 };
	assert_true(dns_read(&reader, buffer_span(out)));
	assert_int_equal(reader.header.id, 1);
	*flags = reader.header.flags;
	memcpy(counts, reader.header.count, sizeof(reader.header.count));
	while (dns_read_record(&reader, &record))
		if (record.type == DNS_TYPE_OPT)
			dns_data_edns(buffer_span(out), &record, &edns);
	assert_false(reader.is_malformed);
	assert_int_equal(reader.offset, out->size);
	return edns.rcode << 4 | (*flags & DNS_FLAG_RCODE);
}

/* Who wants to know what the world says is not told it by us. */
static void
test_past_zones(void **state)
{
	struct front_client client = { .is_ours = true, .is_past_zones = true };
	struct front_question question;
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	assert_int_equal(front_take(span_of(HEAD_RD OURS A_IN,
		sizeof(HEAD_RD OURS A_IN) - 1), &client, zones, &question,
		&out), FRONT_ASK);
	buffer_fini(&out);
}

/* What the world says of a domain of ours without a file, and what we tell. */
static void
test_world_first(void **state)
{
#define FOUND "\0\0\201\200\0\1\0\1\0\0\0\0" "\4part\4test\0" "\0\17\0\1" \
	"\300\14\0\17\0\1\0\0\0\74\0\4\0\5\300\14"
	static const struct {
		struct message_answer answer;
		int rcode;
		bool is_ours;
	} said[] = {
		{ { .packet = { FOUND, sizeof(FOUND) - 1 } }, 0, false },
		{ { .rcode = DNS_NO_SUCH_NAME }, 0, true },
		{ { .rcode = DNS_NO_ERROR }, 0, true },
		{ { .rcode = DNS_SERVER_FAILURE }, 0, true },
		{ { .rcode = DNS_SERVER_FAILURE, .is_bogus = true },
			DNS_SERVER_FAILURE, false },
	};
	static const char bytes[] = HEAD_RD "\4part\4test\0" "\0\17\0\1";
	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct front_client client = { .is_ours = true };
		struct front_question question;
		uint16_t counts[DNS_SECTIONS];
		struct buffer out;
		unsigned flags;
		buffer_init(&out, 0);
		assert_int_equal(front_take(span_of(bytes, sizeof(bytes) - 1),
			&client, zones, &question, &out), FRONT_ASK);
		front_answer(&question, &said[i].answer, &out);
		assert_int_equal(read_answer(&out, &flags, counts),
			said[i].rcode);
		assert_int_equal((flags & DNS_FLAG_AUTHORITATIVE) != 0,
			said[i].is_ours);
		assert_int_equal(counts[DNS_ANSWER], said[i].rcode == 0);
		buffer_fini(&out);
	}
}

/* Zones go by streams only. */
static void
test_transfers(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} asked[] = {
		{ BYTES(HEAD "\1a\4test\0" "\0\374\0\1") },
		{ BYTES("\0\1\0\0\0\1\0\0\0\1\0\0" "\1A\4test\0"
			"\0\373\0\1" SOA("\0\0\0\0")) },
	};
	(void)state;
	configure(0, 0);
	for (size_t i = 0; i < 4; i++) {
		struct front_client client = client_of("10.1.1.1", i % 2 == 1);
		struct front_question question;
		struct buffer out;
		buffer_init(&out, 0);
		assert_int_equal(front_take(span_of(asked[i / 2].bytes,
			asked[i / 2].size), &client, zones, &question, &out),
			i % 2 == 1 ? FRONT_TRANSFER : FRONT_ANSWERED);
		buffer_fini(&out);
	}
}

static void
test_packets(void **state)
{
	const unsigned said = DNS_FLAG_AUTHORITATIVE | DNS_FLAG_TRUNCATED |
		DNS_FLAG_RECURSION_AVAILABLE;
	(void)state;
	configure(0, 0);
	secondary_configure(SPAN("of.another:192.0.2.7 of.another:10.1.1.1"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) * 2; i++) {
		struct front_question question;
		struct buffer out;
		unsigned flags = 0;
		uint16_t counts[DNS_SECTIONS];
		int found = -1;
		struct front_client client = client_of(
			cases[i / 2].is_trusted ? "10.1.1.1" : "192.0.2.9",
			i % 2 == 1);
		buffer_init(&out, 0);
		switch (front_take(span_of(cases[i / 2].bytes,
			cases[i / 2].size), &client, zones, &question, &out)) {
		case FRONT_NOTHING:
			break;
		case FRONT_ANSWERED:
			found = read_answer(&out, &flags, counts);
			break;
		case FRONT_ASK:
			found = -2;
			front_free(&question);
			break;
		case FRONT_TRANSFER:
			found = -3;
			break;
		}
		/* what could be read of the question comes back */
		bool is_echoed = found < 0 || found == DNS_FORMAT_ERROR ||
			counts[DNS_QUESTION] == (uint8_t)
			cases[i / 2].bytes[5] % 2;
		if (found != cases[i / 2].rcode || !is_echoed ||
		    (flags & said) != cases[i / 2].flags)
			fail_msg("%s: %d %#x", cases[i / 2].name, found,
				flags);
		buffer_fini(&out);
	}
}

/* The resolver's answer stands behind our aliases; it is ours to vouch for no
 * more (AD). */
static void
test_aliases(void **state)
{
	static const char packet[] = "\0\0\201\240\0\1\0\1\0\0\0\0" OTHERS A_IN
		OTHERS A_IN "\0\0\0\5\0\4\306\63\144\7";
	const struct message_answer answer = { .is_secure = true,
		.packet = { packet, sizeof(packet) - 1 } };
	struct front_client client = client_of("10.1.1.1", false);
	struct front_question question;
	struct buffer out;
	unsigned flags;
	uint16_t counts[DNS_SECTIONS];
	(void)state;
	buffer_init(&out, 0);
	assert_int_equal(front_take(span_of(BYTES("\0\1\1\40\0\1\0\0\0\0\0\0"
		OUT A_IN)), &client, zones, &question, &out), FRONT_ASK);
	assert_int_equal(question.sought.name.size, sizeof(OTHERS) - 1);
	assert_memory_equal(question.sought.name.bytes, OTHERS,
		sizeof(OTHERS) - 1);
	front_answer(&question, &answer, &out);
	assert_int_equal(read_answer(&out, &flags, counts), 0);
	assert_int_equal(counts[DNS_ANSWER], 2);
	assert_int_equal(flags & DNS_FLAG_AUTHENTIC, 0);
	buffer_fini(&out);
}

/* How many of a hundred are answered, cut, and told to show their cookie. */
static void
ask_often(const char *address, bool is_stream, struct span bytes,
	unsigned said[3])
{
	struct front_client client = client_of(address, is_stream);
	memset(said, 0, 3 * sizeof(*said));
	for (unsigned i = 0; i < 100; i++) {
		struct front_question question;
		struct buffer out;
		unsigned flags;
		uint16_t counts[DNS_SECTIONS];
		buffer_init(&out, 0);
		if (front_take(bytes, &client, zones, &question, &out) ==
		    FRONT_ANSWERED) {
			int rcode = read_answer(&out, &flags, counts);
			said[rcode == DNS_BAD_COOKIE ? 2 :
				(flags & DNS_FLAG_TRUNCATED) != 0]++;
			assert_true(rcode == 0 || counts[DNS_ANSWER] == 0);
		}
		buffer_fini(&out);
	}
}

/* One after the other: a second passes nowhere here. */
static void
test_rate(void **state)
{
	struct span plain = span_of(BYTES(HEAD OURS A_IN));
	struct span other = span_of(BYTES(HEAD "\4none\1a\4test\0" A_IN));
	struct span cookie = span_of(BYTES(HEAD_OPT OURS A_IN
		"\0\0\51\20\0\0\0\0\0\0\14\0\12\0\10cccccccc"));
	unsigned said[3];
	(void)state;
	configure(10, 2);
	ask_often("203.0.113.1", false, plain, said);
	assert_in_range(said[0], 10, 20);
	assert_in_range(said[1], 40, 45);
	/* its neighbour has nothing left */
	ask_often("203.0.113.2", false, plain, said);
	assert_in_range(said[0], 0, 9);
	/* for this; what else he wants to know is counted by itself */
	ask_often("203.0.113.1", false, other, said);
	assert_in_range(said[0], 10, 20);
	/* but others have, and so has he by TCP and as one of ours */
	ask_often("203.0.114.1", false, cookie, said);
	assert_in_range(said[0], 10, 20);
	assert_in_range(said[2], 40, 45);
	ask_often("203.0.113.1", true, plain, said);
	assert_int_equal(said[0], 100);
	ask_often("10.1.1.1", false, plain, said);
	assert_int_equal(said[0], 100);
	configure(10, 0);
	ask_often("203.0.115.1", false, plain, said);
	assert_int_equal(said[1], 0);
}

/* Who shows the cookie that he got is not counted. */
static void
test_cookie(void **state)
{
	char bytes[sizeof(HEAD_OPT OURS A_IN) - 1 + 11 + 4 + COOKIE_SIZE];
	struct front_client client = client_of("2001:db8::1", false);
	struct message_question question = { .cookie_size = 8,
		.cookie = "cccccccc" };
	unsigned said[3];
	(void)state;
	configure(10, 2);
	memcpy(bytes, HEAD_OPT OURS A_IN "\0\0\51\20\0\0\0\0\0\0\34\0\12\0\30",
		sizeof(bytes) - COOKIE_SIZE);
	cookie_make(&question, &client.address, (uint32_t)time(NULL),
		(uint8_t *)bytes + sizeof(bytes) - COOKIE_SIZE);
	ask_often("2001:db8::1", false, span_of(bytes, sizeof(bytes)), said);
	assert_int_equal(said[0], 100);
	/* another's cookie is worth nothing */
	ask_often("2001:db8:1::2", false, span_of(bytes, sizeof(bytes)), said);
	assert_in_range(said[0], 10, 20);
}

/* RFC 9018 4.3: how long one is good. */
static void
test_cookie_times(void **state)
{
	static const struct { int32_t age; bool is_good; } times[] = {
		{ 0, true }, { 3600, true }, { 3601, false }, { -300, true },
		{ -301, false } };
	struct front_client client = client_of("192.0.2.1", false);
	struct message_question question = { .cookie_size = 8,
		.cookie = "cccccccc" };
	const uint32_t now = 5;		/* the clock's 32 bits have just wrapped */
	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		uint8_t cookie[COOKIE_SIZE];
		cookie_make(&question, &client.address,
			now - (uint32_t)times[i].age, cookie);
		struct message_question again = { .cookie_size = COOKIE_SIZE };
		memcpy(again.cookie, cookie, COOKIE_SIZE);
		/* the secret is a day's; its age does not matter here */
		if (cookie_is_good(&again, &client.address, now) !=
		    times[i].is_good)
			fail_msg("%d s", times[i].age);
		again.cookie[16] ^= 1;
		assert_false(cookie_is_good(&again, &client.address, now));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_past_zones),
		cmocka_unit_test(test_world_first),
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_cookie_times),
	};
	return cmocka_run_group_tests(tests, make_zones, free_zones);
}
