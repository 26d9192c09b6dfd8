/* What is done with questions that are signed (RFC 8945 5.2), and whom the lists of
 * peers with keys let in. The codes themselves: unit/proto/tsig. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "names/front.h"
#include "names/peers.h"
#include "names/secondary.h"
#include "names/secrets.h"
#include "names/transfer.h"
#include "names/zone_source.h"

#define BYTES(literal) literal, sizeof(literal) - 1
#define HEAD "\0\1\0\0\0\1\0\0\0\0\0\0"
#define HEAD_RD "\0\1\1\0\0\1\0\0\0\0\0\0"
#define HEAD_NOTIFY "\0\1\40\0\0\1\0\0\0\0\0\0"
#define ZONE "\1a\4test\0"
#define AXFR "\0\374\0\1"
#define A_IN "\0\1\0\1"
#define SOA_IN "\0\6\0\1"
#define FIRST "Zmlyc3RzZWNyZXRzZWNyZXQ="	/* firstsecretsecret */
#define OTHER "b3RoZXJzZWNyZXRzZWNyZXQ="	/* othersecretsecret */
#define LONG "l123456789012345678901234567890123456789012345678901234567890"

static struct zones *zones;

static void
use_keys(const char *text)
{
	struct error error;
	int fd = file_open_memory("keys", span_from(text), &error);
	secrets_configure(fd, "keys");
	file_close(&fd);
}

static void
complain(void *context, const struct dns_name *origin,
	const struct error *error)
{
	(void)context;
	(void)origin;
	fail_msg("%s", error->text);
}

static int
prepare(void **state)
{
	static const char text[] = "$TTL 60\n@ SOA ns root 1 1 1 1 1\n@ NS ns\n"
		"www A 192.0.2.1\nout CNAME www.example.\n";
	const struct front_settings settings = {
		.recursion_networks = SPAN("10.0.0.0/8"), .rate_slip = 1,
		.transfer_peers = SPAN("10.1.1.1=first !10.1.1.9 10.1.1.2 "
		"10.1.1.3=first 10.1.1.3=other") };
	struct buffer file;
	(void)state;
	buffer_init(&file, 0);
	buffer_print(&file, "a.test f %zu\n%s", sizeof(text) - 1, text);
	zones = zone_source_read_files(buffer_span(&file), NULL, complain,
		NULL);
	buffer_fini(&file);
	front_configure(&settings);
	secondary_configure(SPAN("of.another:10.1.1.1=first "
		"of.another:10.1.1.2"));
	use_keys("first hmac-sha256 " FIRST "\nother hmac-sha512 " OTHER "\n"
		LONG "." LONG "." LONG "." LONG " hmac-sha512 " OTHER "\n");
	return 0;
}

static int
release(void **state)
{
	(void)state;
	zones_free(&zones);
	return 0;
}

/* ---- the lists ---- */

static const struct {
	const char *list, *client, *key;
	bool is_allowed;
} lists[] = {
	{ "", "10.0.0.1", NULL, false },
	{ "10.0.0.1", "10.0.0.1", NULL, true },
	{ "10.0.0.1", "10.0.0.1", "any", true },
	{ "10.0.0.1=k", "10.0.0.1", NULL, false },
	{ "10.0.0.1=k", "10.0.0.1", "l", false },
	{ "10.0.0.1=k", "10.0.0.1", "K", true },
	{ "10.0.0.1=k", "10.0.0.2", "k", false },
	{ "10.0.0.0/8=k", "10.0.0.2", "k", true },
	{ "10.0.0.1=k 10.0.0.1=l", "10.0.0.1", "l", true },
	{ "10.0.0.1=k 10.0.0.0/8", "10.0.0.1", NULL, false },
	{ "10.0.0.1=k 10.0.0.0/8", "10.0.0.1", "l", false },
	{ "10.0.0.1=k 10.0.0.0/8", "10.0.0.2", NULL, true },
	{ "10.0.0.0/8 10.0.0.1=k", "10.0.0.1", NULL, true },
	{ "!10.0.0.1 10.0.0.0/8=k", "10.0.0.1", "k", false },
	{ "[2001:db8::]/32=k.l", "2001:db8::1", "k.l", true },
	{ "2001:db8::1=k", "2001:db8::1", NULL, false },
	{ "0.0.0.0/0=k", "192.0.2.1", "k", true },
};

static void
test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct dns_name key;
		struct network_address client;
		assert_true(network_address_parse(span_from(lists[i].client),
			&client));
		assert_true(dns_name_from_text(span_from(lists[i].key == NULL ?
			"" : lists[i].key), &key));
		if (peers_allow(span_from(lists[i].list), &client,
		    lists[i].key == NULL ? NULL : &key) !=
		    lists[i].is_allowed)
			fail_msg("%s: %s %s", lists[i].list, lists[i].client,
				lists[i].key);
	}
}

static void
test_peers(void **state)
{
	(void)state;
	struct peer peer;
	struct peers peers;
	assert_true(peers_parse(SPAN("192.0.2.1@5353=x.example"), &peer));
	assert_true(peer.has_key && peer.address.port == 5353);
	assert_int_equal(peer.key.size, 11);
	assert_true(peers_parse(SPAN("[2001:db8::1]:5353"), &peer));
	assert_true(!peer.has_key && peer.address.port == 5353);
	assert_false(peers_parse(SPAN("192.0.2.1=x..y"), &peer));
	peers_read(SPAN("192.0.2.1=k, 192.0.2.2"), &peers);
	assert_int_equal(peers.count, 2);
	assert_true(peers.peer[0].has_key && !peers.peer[1].has_key);
	assert_int_equal(peers.peer[1].address.port, 53);
}

/* ---- questions ---- */

enum { NOT_SIGNED = -1, NO_CODE = -2 };

static const struct {
	const char *name, *bytes;
	size_t size;
	const char *client;
	const char *key, *secret;	/* NULL: it is not signed */
	int64_t clock;			/* from ours */
	int rcode;			/* -1: a transfer, -2: the resolver */
	int error;			/* of the answer's record, or NOT_SIGNED */
} cases[] = {
	{ "a question", BYTES(HEAD "\3www" ZONE A_IN), "192.0.2.9", "first",
		FIRST, 0, 0, 0 },
	{ "of one who signs, by a key of any case", BYTES(HEAD "\3www" ZONE
		A_IN), "192.0.2.9", "FIRST", FIRST, 0, 0, 0 },
	{ "no", BYTES(HEAD "\1x" ZONE A_IN), "192.0.2.9", "first", FIRST, 0,
		DNS_NO_SUCH_NAME, 0 },
	{ "a refusal", BYTES(HEAD_RD "\1x\7example\0" A_IN), "192.0.2.9",
		"first", FIRST, 0, DNS_REFUSED, 0 },
	{ "an operation of tomorrow", BYTES("\0\1\50\0\0\1\0\0\0\0\0\0" ZONE
		SOA_IN), "192.0.2.9", "first", FIRST, 0, DNS_NOT_IMPLEMENTED,
		0 },
	{ "for the resolver", BYTES(HEAD_RD "\1x\7example\0" A_IN), "10.1.1.1",
		"first", FIRST, 0, -2, 0 },
	{ "our alias, for the resolver", BYTES(HEAD_RD "\3out" ZONE A_IN),
		"10.1.1.1", "first", FIRST, 0, -2, 0 },
	{ "our alias, that it does not do", BYTES(HEAD "\3out" ZONE A_IN),
		"10.1.1.1", "first", FIRST, 0, 0, 0 },
	{ "an unknown key", BYTES(HEAD "\3www" ZONE A_IN), "192.0.2.9", "none",
		FIRST, 0, DNS_NOT_AUTHORITATIVE, TSIG_BAD_KEY },
	{ "a key of another algorithm", BYTES(HEAD "\3www" ZONE A_IN),
		"192.0.2.9", "other", OTHER, 0, DNS_NOT_AUTHORITATIVE,
		TSIG_BAD_KEY },
	{ "another secret", BYTES(HEAD "\3www" ZONE A_IN), "192.0.2.9", "first",
		OTHER, 0, DNS_NOT_AUTHORITATIVE, TSIG_BAD_SIGNATURE },
	{ "of an hour ago", BYTES(HEAD "\3www" ZONE A_IN), "192.0.2.9", "first",
		FIRST, -3600, DNS_NOT_AUTHORITATIVE, TSIG_BAD_TIME },
	{ "of an hour on", BYTES(HEAD "\3www" ZONE A_IN), "192.0.2.9", "first",
		FIRST, 3600, DNS_NOT_AUTHORITATIVE, TSIG_BAD_TIME },
	{ "an operation of tomorrow, another secret", BYTES("\0\1\50\0\0\1\0\0"
		"\0\0\0\0" ZONE SOA_IN), "192.0.2.9", "first", OTHER, 0,
		DNS_NOT_AUTHORITATIVE, TSIG_BAD_SIGNATURE },
	{ "a transfer, not signed", BYTES(HEAD ZONE AXFR), "10.1.1.1", NULL,
		NULL, 0, DNS_REFUSED, NOT_SIGNED },
	{ "a transfer", BYTES(HEAD ZONE AXFR), "10.1.1.1", "first", FIRST, 0,
		-1, 0 },
	{ "a transfer, not signed, of one who need not", BYTES(HEAD ZONE AXFR),
		"10.1.1.2", NULL, NULL, 0, -1, NOT_SIGNED },
	{ "signed, too", BYTES(HEAD ZONE AXFR), "10.1.1.2", "first", FIRST, 0,
		-1, 0 },
	{ "a transfer, another secret", BYTES(HEAD ZONE AXFR), "10.1.1.1",
		"first", OTHER, 0, DNS_NOT_AUTHORITATIVE, TSIG_BAD_SIGNATURE },
	{ "a transfer of one who need not, another secret", BYTES(HEAD ZONE
		AXFR), "10.1.1.2", "first", OTHER, 0, DNS_NOT_AUTHORITATIVE,
		TSIG_BAD_SIGNATURE },
	{ "a transfer, from elsewhere", BYTES(HEAD ZONE AXFR), "10.1.1.4",
		"first", FIRST, 0, DNS_REFUSED, 0 },
	{ "a transfer, of an hour ago", BYTES(HEAD ZONE AXFR), "10.1.1.1",
		"first", FIRST, -3600, DNS_NOT_AUTHORITATIVE, TSIG_BAD_TIME },
	{ "NOTIFY", BYTES(HEAD_NOTIFY "\2of\7another\0" SOA_IN), "10.1.1.1",
		"first", FIRST, 0, 0, 0 },
	{ "NOTIFY, not signed", BYTES(HEAD_NOTIFY "\2of\7another\0" SOA_IN),
		"10.1.1.1", NULL, NULL, 0, DNS_REFUSED, NOT_SIGNED },
	{ "NOTIFY of one who need not", BYTES(HEAD_NOTIFY "\2of\7another\0"
		SOA_IN), "10.1.1.2", NULL, NULL, 0, 0, NOT_SIGNED },
	{ "NOTIFY, another secret", BYTES(HEAD_NOTIFY "\2of\7another\0" SOA_IN),
		"10.1.1.1", "first", OTHER, 0, DNS_NOT_AUTHORITATIVE,
		TSIG_BAD_SIGNATURE },
	{ "NOTIFY of a primary by another's key", BYTES(HEAD_NOTIFY "\2of"
		"\7another\0" SOA_IN), "10.1.1.1", LONG "." LONG "." LONG "."
		LONG, OTHER, 0, DNS_REFUSED, 0 },
};

static void
make_key(struct tsig_key *key, const char *name, const char *secret)
{
	struct error error;
	struct buffer text;
	struct tsig_keys *keys = calloc(1, sizeof(*keys));
	buffer_init(&text, 0);
	/* of the long name is one of SHA-512; "other" is not what it is there */
	buffer_print(&text, "%s hmac-sha%s %s\n", name, name[0] == 'l' ? "512" :
		"256", secret);
	assert_int_equal(tsig_keys_read(buffer_span(&text), "t", keys, &error),
		0);
	*key = keys->key[0];
	tsig_keys_free(&keys);
	buffer_fini(&text);
}

static uint64_t
now(void)
{
	return (uint64_t)(clock_wall() / 1000);
}

/* Its record is what the case says: with a code, if one is due. */
static void
check_answer(size_t i, struct tsig *tsig, const struct buffer *out)
{
	bool is_signed;
	struct tsig_record record;
	struct span answer = buffer_span(out);
	enum tsig_place place = tsig_find(answer, &record);
	if (cases[i].error == NOT_SIGNED) {
		assert_int_equal(place, TSIG_ABSENT);
		return;
	}
	assert_int_equal(place, TSIG_LAST);
	assert_int_equal(record.error, cases[i].error);
	assert_int_equal(record.mac.size != 0, cases[i].error !=
		TSIG_BAD_KEY && cases[i].error != TSIG_BAD_SIGNATURE);
	assert_int_equal(record.other.size, cases[i].error == TSIG_BAD_TIME ?
		6 : 0);
	assert_int_equal(tsig_check_answer(tsig, answer, cases[i].error ==
		TSIG_BAD_TIME ? record.time : now(), &is_signed),
		cases[i].error);
	assert_true(is_signed);
	if (cases[i].error == TSIG_BAD_TIME)
		assert_true(now() - tsig->their_time < 60);
}

/* All its messages. */
static void
check_transfer(size_t i, struct tsig *tsig, struct front_question *question)
{
	bool is_more = true;
	struct transfer transfer;
	transfer_begin(&transfer, zones, question->zone, &question->question);
	transfer_set_signature(&transfer, &question->tsig);
	while (is_more) {
		struct buffer out;
		buffer_init(&out, 0);
		is_more = transfer_next(&transfer, &out);
		check_answer(i, tsig, &out);
		buffer_fini(&out);
	}
	transfer_end(&transfer);
}

static int
take(size_t i, struct tsig *tsig, struct span bytes, bool is_stream)
{
	const struct message_answer found = { .rcode = DNS_NO_SUCH_NAME };
	struct front_client client = { .is_stream = is_stream };
	struct front_question question;
	struct buffer out;
	int rcode = -3;
	assert_true(network_address_parse(span_from(cases[i].client),
		&client.address));
	buffer_init(&out, 0);
	switch (front_take(bytes, &client, zones, &question, &out)) {
	case FRONT_NOTHING:
		break;
	case FRONT_ANSWERED:
		rcode = out.data[3] & 15;
		check_answer(i, tsig, &out);
		assert_null(question.tsig);
		break;
	case FRONT_ASK:
		rcode = -2;
		front_answer(&question, &found, &out);
		check_answer(i, tsig, &out);
		break;
	case FRONT_TRANSFER:
		rcode = -1;
		check_transfer(i, tsig, &question);
		break;
	}
	buffer_fini(&out);
	return rcode;
}

static void
test_questions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[1024];
		struct tsig_key key;
		struct tsig tsig = { .has_request = false };
		size_t size = cases[i].size;
		print_message("%s\n", cases[i].name);
		memcpy(bytes, cases[i].bytes, size);
		if (cases[i].key != NULL) {
			make_key(&key, cases[i].key, cases[i].secret);
			tsig_begin(&tsig, &key);
			assert_true(tsig_sign(&tsig, TSIG_GOOD, (uint64_t)
				((int64_t)now() + cases[i].clock), bytes,
				&size, sizeof(bytes)));
		}
		assert_int_equal(take(i, &tsig, span_of(bytes, size), true),
			cases[i].rcode);
		tsig_end(&tsig);
	}
}

/* A record where it must not be: the answer says so, and is not signed. */
static void
test_misplaced(void **state)
{
	(void)state;
	static const struct { const char *bytes; size_t size; int rcode; }
	wrong[] = {
		{ BYTES("\0\1\0\0\0\1\0\0\0\0\0\1" "\3www" ZONE A_IN "\1k\0"
			"\0\372\0\377\0\0\0\0\0\0"), DNS_FORMAT_ERROR },
		{ BYTES("\0\1\0\0\0\1\0\1\0\0\0\0" "\3www" ZONE A_IN "\1k\0"
			"\0\372\0\377\0\0\0\0\0\0"), DNS_FORMAT_ERROR },
		{ BYTES("\0\1\50\0\0\1\0\0\0\0\0\1" "\3www" ZONE A_IN "\1k\0"
			"\0\372\0\377\0\0\0\0\0\0"), DNS_NOT_IMPLEMENTED },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct tsig_record record;
		struct front_question question;
		struct front_client client = { .is_stream = true };
		struct buffer out;
		buffer_init(&out, 0);
		assert_int_equal(front_take(span_of(wrong[i].bytes,
			wrong[i].size), &client, zones, &question, &out),
			FRONT_ANSWERED);
		assert_int_equal(out.data[3] & 15, wrong[i].rcode);
		assert_int_equal(tsig_find(buffer_span(&out), &record),
			TSIG_ABSENT);
		buffer_fini(&out);
	}
}

/* By UDP, of who takes 512 octets: it fits, or nothing is said. */
static void
test_room(void **state)
{
	(void)state;
	struct tsig_key key;
	unsigned answered = 0;
	make_key(&key, LONG "." LONG "." LONG "." LONG, OTHER);
	for (unsigned labels = 0; labels < 120; labels++) {
		uint8_t bytes[1024];
		struct tsig tsig;
		struct front_question question;
		struct front_client client = { .address.family = AF_INET };
		struct buffer out;
		size_t size = 12;
		memcpy(bytes, HEAD, size);
		for (unsigned i = 0; i < labels; i++, size += 2)
			memcpy(bytes + size, "\1x", 2);
		memcpy(bytes + size, ZONE A_IN, 12);
		size += 12;
		tsig_begin(&tsig, &key);
		assert_true(tsig_sign(&tsig, TSIG_GOOD, now(), bytes, &size,
			sizeof(bytes)));
		tsig_end(&tsig);
		buffer_init(&out, 0);
		if (front_take(span_of(bytes, size), &client, zones, &question,
		    &out) == FRONT_ANSWERED)
			answered++;
		assert_true(out.size <= 512);
		buffer_fini(&out);
	}
	assert_in_range(answered, 1, 60);
}

/* A file with a mistake leaves the keys as they are; another takes their place. */
static void
test_reload(void **state)
{
	(void)state;
	struct dns_name first, next;
	struct tsig_key key;
	assert_true(dns_name_from_text(SPAN("first"), &first));
	assert_true(dns_name_from_text(SPAN("next"), &next));
	use_keys("next hmac-sha256 " OTHER "\nwrong\n");
	assert_true(secrets_find(&first, &key) && !secrets_find(&next, &key));
	use_keys("next hmac-sha256 " OTHER "\n");
	assert_true(!secrets_find(&first, &key) && secrets_find(&next, &key));
	secrets_configure(-1, "");
	assert_false(secrets_find(&next, &key));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_misplaced),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_reload),
	};
	return cmocka_run_group_tests(tests, prepare, release);
}
