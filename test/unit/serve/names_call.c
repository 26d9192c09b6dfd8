/*
 * Questions to names over a socket pair, answered by a script: what is asked,
 * and what each answer is taken for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "proto/dns.h"
#include "serve/names_call.h"

enum { PATIENCE = 60000, TINY = 50 };

/* What the other end does with one question. */
struct script {
	const char *name;		/* of the case */
	enum names_type type;		/* asked, for www.example */
	unsigned flags;			/* of the answer beside RESPONSE */
	unsigned counts[3];		/* answer, authority, additional */
	const char *records;
	size_t size;
	enum names_verdict verdict;
	const char *says;		/* the answer in one line */
};

#define WWW "\300\14"
#define BYTES(literal) literal, sizeof(literal) - 1
#define SOA "\0\0\6\0\1\0\0\0\144\0\26\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\7"
#define EDE "\0\0\51\4\320\0\0\0\0\0\21\0\17\0\15\0\6signature x"

static const struct script scripts[] = {
	{ "addresses", NAMES_A, 0, { 2, 0, 0 },
		BYTES(WWW "\0\1\0\1\0\0\1\54\0\4\300\0\2\1"
		WWW "\0\1\0\1\0\0\0\17\0\4\300\0\2\2"), NAMES_FOUND,
		"www.example 15 192.0.2.1 192.0.2.2" },
	{ "a validated one", NAMES_A, DNS_FLAG_AUTHENTIC, { 1, 0, 0 },
		BYTES(WWW "\0\1\0\1\0\0\1\54\0\4\300\0\2\1"), NAMES_FOUND,
		"www.example 300 secure 192.0.2.1" },
	{ "an IPv6 address", NAMES_AAAA, 0, { 1, 0, 0 },
		BYTES(WWW "\0\34\0\1\0\0\0\1\0\20\40\1\15\270\0\0\0\0\0\0\0\0\0"
		"\0\0\1"), NAMES_FOUND, "www.example 1 2001:db8::1" },
	{ "two aliases", NAMES_A, 0, { 3, 0, 0 },
		BYTES(WWW "\0\5\0\1\0\0\0\11\0\4\1b\300\20"
		"\1c\300\20\0\1\0\1\0\0\0\10\0\4\300\0\2\3"
		"\1B\300\20\0\5\0\1\0\0\0\12\0\4\1c\300\20"), NAMES_FOUND,
		"c.example 8 192.0.2.3" },
	{ "an alias itself", NAMES_CNAME, 0, { 1, 0, 0 },
		BYTES(WWW "\0\5\0\1\0\0\0\11\0\4\1b\300\20"), NAMES_FOUND,
		"www.example 9 b.example" },
	{ "an alias to nothing", NAMES_A, DNS_NO_SUCH_NAME, { 1, 1, 0 },
		BYTES(WWW "\0\5\0\1\0\0\0\11\0\4\1b\300\20" SOA),
		NAMES_NO_NAME, "b.example 7" },
	{ "aliases in a ring", NAMES_A, 0, { 2, 0, 0 },
		BYTES(WWW "\0\5\0\1\0\0\0\11\0\4\1b\300\20"
		"\1b\300\20\0\5\0\1\0\0\0\11\0\2" WWW), NAMES_LATER,
		"www.example 0 (too many aliases one after the other)" },
	{ "other names' records do not count", NAMES_A, 0, { 1, 0, 0 },
		BYTES("\1x\300\20\0\1\0\1\0\0\1\54\0\4\300\0\2\1"), NAMES_EMPTY,
		"www.example 0" },
	{ "the null MX", NAMES_MX, 0, { 1, 0, 0 },
		BYTES(WWW "\0\17\0\1\0\0\0\17\0\3\0\0\0"), NAMES_FOUND,
		"www.example 15 0:" },
	{ "two exchanges", NAMES_MX, 0, { 2, 0, 0 },
		BYTES(WWW "\0\17\0\1\0\0\0\17\0\7\0\12\2mx" WWW
		WWW "\0\17\0\1\0\0\0\17\0\5\1\0\1\n\0"), NAMES_FOUND,
		"www.example 15 10:mx.www.example 256:\\010" },
	{ "certificates", NAMES_TLSA, DNS_FLAG_AUTHENTIC, { 1, 0, 0 },
		BYTES(WWW "\0\64\0\1\0\0\0\17\0\5\3\1\1\253\315"), NAMES_FOUND,
		"www.example 15 secure 3 1 1 2" },
	{ "texts joined", NAMES_TXT, 0, { 1, 0, 0 },
		BYTES(WWW "\0\20\0\1\0\0\0\17\0\7\2v=\3spf"), NAMES_FOUND,
		"www.example 15 v=spf" },
	{ "no such name", NAMES_A, DNS_NO_SUCH_NAME | DNS_FLAG_AUTHENTIC,
		{ 0, 1, 0 }, BYTES(SOA), NAMES_NO_NAME,
		"www.example 7 secure" },
	{ "no such record", NAMES_A, 0, { 0, 1, 0 }, BYTES(SOA), NAMES_EMPTY,
		"www.example 7" },
	{ "bogus", NAMES_A, DNS_SERVER_FAILURE, { 0, 0, 1 }, BYTES(EDE),
		NAMES_LATER, "www.example 0 bogus (signature x)" },
	{ "failure", NAMES_A, DNS_SERVER_FAILURE, { 0, 0, 0 }, "", 0,
		NAMES_LATER, "www.example 0 (the servers of the domain gave no "
		"usable answer)" },
	{ "refused", NAMES_A, DNS_REFUSED, { 0, 0, 0 }, "", 0,
		NAMES_LATER, "www.example 0 (the resolver answered with code 5)" },
	{ "cut", NAMES_A, DNS_FLAG_TRUNCATED, { 0, 0, 0 }, "", 0,
		NAMES_LATER, "www.example 0 (the resolver answered with code 0)" },
	{ "records that are missing", NAMES_A, 0, { 2, 0, 0 },
		BYTES(WWW "\0\1\0\1\0\0\1\54\0\4\300\0\2\1"), NAMES_LATER,
		"www.example 0 (the answer is malformed)" },
	{ "an address of five octets", NAMES_A, 0, { 1, 0, 0 },
		BYTES(WWW "\0\1\0\1\0\0\1\54\0\5\300\0\2\1\1"), NAMES_LATER,
		"www.example 0 (the records are malformed)" },
	{ "an MX without a host", NAMES_MX, 0, { 1, 0, 0 },
		BYTES(WWW "\0\17\0\1\0\0\0\17\0\2\0\0"), NAMES_LATER,
		"www.example 0 (the records are malformed)" },
};

enum behaviour { ANSWERS, SILENT, CLOSES, OTHER_ID, OTHER_NAME, NOT_A_MESSAGE };

struct answerer {
	int fd;
	enum behaviour behaviour;
	const struct script *script;
};

static void
put(uint8_t *at, unsigned number)
{
	at[0] = (uint8_t)(number >> 8);
	at[1] = (uint8_t)number;
}

static void *
answer(void *context)
{
	struct answerer *answerer = context;
	const struct script *script = answerer->script;
	struct error error;
	uint8_t bytes[2048], *message = bytes + 2;
	ssize_t n = read(answerer->fd, bytes, sizeof(bytes));
	const size_t question = DNS_HEADER_SIZE + 13 + 4;
	/* the whole question comes in one piece: www.example and OPT */
	assert_int_equal(n, 2 + question + 11);
	assert_int_equal(bytes[0] << 8 | bytes[1], n - 2);
	size_t size = question + script->size;
	memcpy(message + question, script->records, script->size);
	put(message + 2, DNS_FLAG_RESPONSE | script->flags);
	for (unsigned i = 0; i < 3; i++)
		put(message + 6 + 2 * i, script->counts[i]);
	if (answerer->behaviour == OTHER_ID)
		message[0] ^= 1;
	if (answerer->behaviour == OTHER_NAME)
		message[13] = 'v';
	if (answerer->behaviour == NOT_A_MESSAGE)
		size = 5;
	put(bytes, (unsigned)size);
	if (answerer->behaviour != SILENT && answerer->behaviour != CLOSES)
		assert_int_equal(file_write_all(answerer->fd, span_of(bytes,
			size + 2), &error), 0);
	if (answerer->behaviour == SILENT)
		assert_int_equal(read(answerer->fd, bytes, 1), 0);
	file_close(&answerer->fd);
	return NULL;
}

static bool
ask(const struct script *script, enum behaviour behaviour, int64_t wait,
	struct arena *arena, struct names_answer *out)
{
	struct stream stream;
	pthread_t thread;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		pair), 0);
	struct answerer answerer = { pair[1], behaviour, script };
	stream_init(&stream, &pair[0]);
	stream.deadline = clock_monotonic() + wait;
	pthread_create(&thread, NULL, answer, &answerer);
	const struct names_question question = { SPAN("WWW.Example."),
		script->type, out };
	bool ok = names_ask_stream(&stream, arena, &question, 1);
	stream_fini(&stream);
	pthread_join(thread, NULL);
	return ok;
}

static void
print_record(struct buffer *out, enum names_type type,
	const struct names_record *record)
{
	char address[NETWORK_TEXT_SIZE];
	buffer_add_byte(out, ' ');
	switch (type) {
	case NAMES_A:
	case NAMES_AAAA:
		network_address_format(&record->address, address);
		buffer_add_string(out, address);
		break;
	case NAMES_MX:
		buffer_print(out, "%u:%.*s", record->mx.preference,
			SPAN_PRINT(record->mx.exchange));
		break;
	case NAMES_TLSA:
		buffer_print(out, "%u %u %u %zu", record->tlsa.usage,
			record->tlsa.selector, record->tlsa.matching,
			record->tlsa.data.size);
		break;
	case NAMES_TXT:
		buffer_add(out, record->txt);
		break;
	default:
		buffer_add(out, record->name);
	}
}

static void
print(struct buffer *out, enum names_type type,
	const struct names_answer *answer)
{
	buffer_print(out, "%.*s %u", SPAN_PRINT(answer->canonical),
		answer->ttl);
	if (answer->is_secure)
		buffer_add_string(out, " secure");
	if (answer->is_bogus)
		buffer_add_string(out, " bogus");
	if (answer->verdict == NAMES_LATER)
		buffer_print(out, " (%.*s)", SPAN_PRINT(answer->reason));
	for (size_t i = 0; i < answer->count; i++)
		print_record(out, type, &answer->record[i]);
}

static void
test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct arena arena;
		struct names_answer got;
		struct buffer text;
		const struct script *script = &scripts[i];
		arena_init(&arena, 0);
		buffer_init(&text, 0);
		ask(script, ANSWERS, PATIENCE, &arena, &got);
		print(&text, script->type, &got);
		if (got.verdict != script->verdict || 
		    strcmp(buffer_string(&text), script->says) != 0)
			fail_msg("%s: %d %s", script->name, (int)got.verdict,
				buffer_string(&text));
		buffer_fini(&text);
		arena_fini(&arena);
	}
}

static const struct {
	const char *name;
	enum behaviour behaviour;
	int64_t wait;
	const char *reason;
} troubles[] = {
	{ "silence", SILENT, TINY, "asking the resolver: the other process did "
		"not answer in time" },
	{ "it goes away", CLOSES, PATIENCE, "asking the resolver: the other "
		"process closed the connection" },
	{ "another question's answer", OTHER_ID, PATIENCE,
		"the resolver answered something else" },
	{ "another name's answer", OTHER_NAME, PATIENCE,
		"the resolver answered something else" },
	{ "no message", NOT_A_MESSAGE, PATIENCE,
		"the resolver answered something else" },
};

static void
test_trouble_is_later_and_ends_the_wire(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		struct arena arena;
		struct names_answer got;
		arena_init(&arena, 0);
		bool ok = ask(&scripts[0], troubles[i].behaviour,
			troubles[i].wait, &arena, &got);
		if (ok || got.verdict != NAMES_LATER || got.count != 0 ||
		    !span_equals(got.reason, span_from(troubles[i].reason)))
			fail_msg("%s: %.*s", troubles[i].name,
				SPAN_PRINT(got.reason));
		arena_fini(&arena);
	}
}

/* Two questions come in one piece; the second is answered first. */
struct pair {
	int fd;
	bool closes;			/* without an answer to the first */
};

static void *
answer_pair(void *context)
{
	static const struct {
		const char *bytes;
		size_t size;
	} records[] = {
		{ BYTES(WWW "\0\34\0\1\0\0\1\54\0\20\40\1\15\270\0\0\0\0\0\0\0"
			"\0\0\0\0\1") },
		{ BYTES(WWW "\0\1\0\1\0\0\1\54\0\4\300\0\2\1") },
	};
	enum { QUESTION = DNS_HEADER_SIZE + 13 + 4, WHOLE = 2 + QUESTION + 11 };
	struct pair *pair = context;
	struct error error;
	uint8_t asked[2048], said[256];
	assert_int_equal(read(pair->fd, asked, sizeof(asked)), 2 * WHOLE);
	for (int i = 1; i >= (pair->closes ? 1 : 0); i--) {
		size_t size = QUESTION + records[i].size;
		memcpy(said + 2, asked + i * WHOLE + 2, QUESTION);
		memcpy(said + 2 + QUESTION, records[i].bytes, records[i].size);
		put(said, (unsigned)size);
		put(said + 4, DNS_FLAG_RESPONSE | DNS_FLAG_AUTHENTIC);
		put(said + 8, 1);
		put(said + 10, 0);
		put(said + 12, 0);
		assert_int_equal(file_write_all(pair->fd, span_of(
			(const char *)said, size + 2), &error), 0);
	}
	file_close(&pair->fd);
	return NULL;
}

static bool
ask_pair(bool closes, struct arena *arena, struct names_answer answers[3])
{
	const struct names_question questions[] = {
		{ SPAN("www.example"), NAMES_AAAA, &answers[0] },
		{ SPAN("no..name"), NAMES_A, &answers[2] },
		{ SPAN("www.example"), NAMES_A, &answers[1] },
	};
	struct stream stream;
	pthread_t thread;
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		fds), 0);
	struct pair pair = { fds[1], closes };
	stream_init(&stream, &fds[0]);
	stream.deadline = clock_monotonic() + PATIENCE;
	pthread_create(&thread, NULL, answer_pair, &pair);
	bool ok = names_ask_stream(&stream, arena, questions, 3);
	stream_fini(&stream);
	pthread_join(thread, NULL);
	return ok;
}

static void
test_several_are_asked_together(void **state)
{
	struct arena arena;
	struct names_answer got[3];
	(void)state;
	for (int closes = 0; closes < 2; closes++) {
		arena_init(&arena, 0);
		assert_int_equal(ask_pair(closes == 1, &arena, got), !closes);
		assert_int_equal(got[0].verdict, closes ? NAMES_LATER :
			NAMES_FOUND);
		assert_int_equal(got[0].count, closes ? 0 : 1);
		assert_int_equal(got[1].verdict, NAMES_FOUND);
		assert_true(got[1].is_secure);
		assert_int_equal(got[1].record[0].address.family, AF_INET);
		if (!closes)
			assert_int_equal(got[0].record[0].address.family,
				AF_INET6);
		assert_int_equal(got[2].verdict, NAMES_NO_NAME);
		arena_fini(&arena);
	}
}

static void
test_what_is_no_name_is_not_asked_for(void **state)
{
	static const char *const names[] = { "a..b", ".a", "\303\251.example",
		"a\\" };
	struct arena arena;
	struct names_answer got;
	(void)state;
	arena_init(&arena, 0);
	/* there is nobody to ask: NULL is not looked at */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		names_ask(NULL, &arena, span_from(names[i]), NAMES_MX, 0, &got);
		assert_int_equal(got.verdict, NAMES_NO_NAME);
		assert_false(got.is_secure);
	}
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_trouble_is_later_and_ends_the_wire),
		cmocka_unit_test(test_several_are_asked_together),
		cmocka_unit_test(test_what_is_no_name_is_not_asked_for),
	};
	return cmocka_run_group_tests_name("names_call", tests, NULL, NULL);
}
