/* Signatures of DNS messages (RFC 8945), beside those that test/lib/tsig.py made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tsig.h"
#include "tsig_vectors.h"

enum { TIME = 1800000000, ALGORITHMS = 3 };

#define MESSAGE(literal) { literal, sizeof(literal) - 1 }

static struct tsig_key
key_of(const char *name, unsigned algorithm)
{
	struct tsig_key key = { .algorithm = algorithm, .size = 32 };
	assert_true(dns_name_from_text(span_from(name), &key.name));
	for (unsigned i = 0; i < 32; i++)
		key.secret[i] = (uint8_t)(i + 1);
	return key;
}

static void
assert_message(const uint8_t *message, size_t size, struct span wanted)
{
	assert_int_equal(size, wanted.size);
	assert_memory_equal(message, wanted.data, size);
}

/* Without its record, which is of the key "Key.Example". */
static size_t
strip(struct span message, uint8_t *out)
{
	struct tsig_record record;
	assert_int_equal(tsig_find(message, &record), TSIG_LAST);
	memcpy(out, message.data, record.at);
	out[11]--;
	return record.at;
}

/* ---- questions ---- */

static const struct {
	const char *name;
	struct span question;
	unsigned algorithm;
	int64_t clock;			/* from the time of the message */
	enum tsig_place place;
	enum tsig_error error;
} questions[] = {
	{ "SHA-256", MESSAGE(QUESTION_256), 0, 0, TSIG_LAST, TSIG_GOOD },
	{ "SHA-384", MESSAGE(QUESTION_384), 1, 0, TSIG_LAST, TSIG_GOOD },
	{ "SHA-512", MESSAGE(QUESTION_512), 2, 0, TSIG_LAST, TSIG_GOOD },
	{ "of another algorithm", MESSAGE(QUESTION_384), 0, 0, TSIG_LAST,
		TSIG_BAD_KEY },
	{ "of another key", MESSAGE(QUESTION_LONG), 0, 0, TSIG_LAST,
		TSIG_BAD_KEY },
	{ "just not too old", MESSAGE(QUESTION_256), 0, 300, TSIG_LAST,
		TSIG_GOOD },
	{ "too old", MESSAGE(QUESTION_256), 0, 301, TSIG_LAST, TSIG_BAD_TIME },
	{ "just not of the future", MESSAGE(QUESTION_256), 0, -300, TSIG_LAST,
		TSIG_GOOD },
	{ "of the future", MESSAGE(QUESTION_256), 0, -301, TSIG_LAST,
		TSIG_BAD_TIME },
	{ "with another number on its way", MESSAGE(QUESTION_RENUMBERED), 0, 0,
		TSIG_LAST, TSIG_GOOD },
	{ "half a code", MESSAGE(QUESTION_CUT_16), 0, 0, TSIG_LAST, TSIG_GOOD },
	{ "less than half", MESSAGE(QUESTION_CUT_15), 0, 0, TSIG_LAST,
		TSIG_MALFORMED },
	{ "less than half of more", MESSAGE(QUESTION_CUT_23_384), 1, 0,
		TSIG_LAST, TSIG_MALFORMED },
	{ "no code", MESSAGE(QUESTION_CUT_0), 0, 0, TSIG_LAST, TSIG_MALFORMED },
	{ "too long a code", MESSAGE(QUESTION_33), 0, 0, TSIG_LAST,
		TSIG_MALFORMED },
	{ "not the last record", MESSAGE(QUESTION_NOT_LAST), 0, 0,
		TSIG_MISPLACED, TSIG_GOOD },
	{ "twice", MESSAGE(QUESTION_TWICE), 0, 0, TSIG_MISPLACED, TSIG_GOOD },
	{ "in another section", MESSAGE(QUESTION_AS_ANSWER), 0, 0,
		TSIG_MISPLACED, TSIG_GOOD },
	{ "of class IN", MESSAGE(QUESTION_CLASS_IN), 0, 0, TSIG_MISPLACED,
		TSIG_GOOD },
	{ "with a TTL", MESSAGE(QUESTION_TTL_1), 0, 0, TSIG_MISPLACED,
		TSIG_GOOD },
	{ "something behind it", MESSAGE(QUESTION_BEHIND), 0, 0,
		TSIG_MISPLACED, TSIG_GOOD },
	{ "data too short", MESSAGE(QUESTION_DATA_SHORT), 0, 0,
		TSIG_MISPLACED, TSIG_GOOD },
	{ "data too long", MESSAGE(QUESTION_DATA_LONG), 0, 0, TSIG_MISPLACED,
		TSIG_GOOD },
	{ "the algorithm compressed", MESSAGE(QUESTION_COMPRESSED), 0, 0,
		TSIG_MISPLACED, TSIG_GOOD },
	{ "none", MESSAGE("\0\7\1\0\0\0\0\0\0\0\0\0"), 0, 0, TSIG_ABSENT,
		TSIG_GOOD },
};

static void
test_questions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct tsig tsig;
		struct tsig_record record;
		struct tsig_key key = key_of("KEY.example.",
			questions[i].algorithm);
		print_message("%s\n", questions[i].name);
		assert_int_equal(tsig_find(questions[i].question, &record),
			questions[i].place);
		if (questions[i].place != TSIG_LAST)
			continue;
		tsig_begin(&tsig, &key);
		assert_int_equal(tsig_check_question(&tsig,
			questions[i].question, &record, (uint64_t)(TIME +
			questions[i].clock)), questions[i].error);
		tsig_end(&tsig);
	}
}

/* A change of any octet is seen: but of the case of names, and of the number, which
 * stands in the record again. */
static void
test_every_octet(void **state)
{
	(void)state;
	uint8_t bytes[sizeof(QUESTION_256) - 1];
	struct tsig_key key = key_of("key.example", 0);
	for (size_t i = 2; i < sizeof(bytes); i++) {
		struct tsig tsig;
		struct tsig_record record;
		memcpy(bytes, QUESTION_256, sizeof(bytes));
		bytes[i] ^= 0x80;
		struct span message = span_of(bytes, sizeof(bytes));
		if (tsig_find(message, &record) != TSIG_LAST)
			continue;
		tsig_begin(&tsig, &key);
		assert_int_not_equal(tsig_check_question(&tsig, message,
			&record, TIME), TSIG_GOOD);
		tsig_end(&tsig);
	}
}

static void
test_long_secret(void **state)
{
	(void)state;
	struct tsig tsig;
	struct tsig_record record;
	struct tsig_key key = key_of("long.example", 0);
	struct span message = span_of(QUESTION_LONG,
		sizeof(QUESTION_LONG) - 1);
	key.size = 256;
	for (unsigned i = 0; i < 256; i++)
		key.secret[i] = (uint8_t)(i % 251);
	tsig_begin(&tsig, &key);
	assert_int_equal(tsig_find(message, &record), TSIG_LAST);
	assert_int_equal(tsig_check_question(&tsig, message, &record, TIME),
		TSIG_GOOD);
	tsig_end(&tsig);
}

/* ---- both sides ---- */

static const struct span asked[ALGORITHMS] = { MESSAGE(QUESTION_256),
	MESSAGE(QUESTION_384), MESSAGE(QUESTION_512) };
static const struct span answered[ALGORITHMS] = { MESSAGE(ANSWER_256),
	MESSAGE(ANSWER_384), MESSAGE(ANSWER_512) };
static const struct span second = MESSAGE(SECOND_256);
static const struct span fourth = MESSAGE(FOURTH_256);

static void
sign(struct tsig *tsig, struct span wanted, uint64_t now)
{
	uint8_t bytes[1024];
	size_t size = strip(wanted, bytes), limit = sizeof(bytes);
	size_t before = size;
	assert_false(tsig_sign(tsig, TSIG_GOOD, now, bytes, &size, size +
		tsig_size(&tsig->key) - 1));
	assert_int_equal(size, before);
	assert_true(tsig_sign(tsig, TSIG_GOOD, now, bytes, &size, limit));
	assert_message(bytes, size, wanted);
}

static void
test_writing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ALGORITHMS; i++) {
		struct tsig tsig;
		struct tsig_record record;
		struct tsig_key key = key_of("Key.Example", i);
		tsig_begin(&tsig, &key);
		sign(&tsig, asked[i], TIME);
		tsig_end(&tsig);
		tsig_begin(&tsig, &key);
		assert_int_equal(tsig_find(asked[i], &record), TSIG_LAST);
		assert_int_equal(tsig_check_question(&tsig, asked[i], &record,
			TIME), TSIG_GOOD);
		sign(&tsig, answered[i], TIME + 1);
		if (i == 0)
			sign(&tsig, second, TIME + 2);
		tsig_end(&tsig);
	}
}

/* The answer to a short code is bound to what came of it. */
static void
test_answer_to_short(void **state)
{
	(void)state;
	struct tsig tsig;
	struct tsig_record record;
	struct tsig_key key = key_of("Key.Example", 0);
	const struct span question = MESSAGE(QUESTION_CUT_16);
	const struct span answer = MESSAGE(ANSWER_CUT_16);
	tsig_begin(&tsig, &key);
	assert_int_equal(tsig_find(question, &record), TSIG_LAST);
	assert_int_equal(tsig_check_question(&tsig, question, &record, TIME),
		TSIG_GOOD);
	sign(&tsig, answer, TIME);
	tsig_end(&tsig);
}

/* The question of the vectors was sent. */
static void
begin_answer(struct tsig *tsig, unsigned algorithm)
{
	struct tsig_key key = key_of("key.example", algorithm);
	struct tsig_record record;
	assert_int_equal(tsig_find(asked[algorithm], &record), TSIG_LAST);
	tsig_begin_answer(tsig, &key, record.mac);
}

static void
test_reading(void **state)
{
	(void)state;
	bool is_signed;
	for (unsigned i = 0; i < ALGORITHMS; i++) {
		struct tsig tsig;
		begin_answer(&tsig, i);
		assert_int_equal(tsig_check_answer(&tsig, answered[i], TIME,
			&is_signed), TSIG_GOOD);
		assert_true(is_signed);
		tsig_end(&tsig);
	}
}

/* The first two are signed, the third is not, the fourth vouches for it. */
static void
test_stream(void **state)
{
	(void)state;
	bool is_signed;
	uint8_t bytes[1024];
	struct tsig tsig;
	struct span plain = span_of(bytes, strip(second, bytes));
	begin_answer(&tsig, 0);
	assert_int_equal(tsig_check_answer(&tsig, answered[0], TIME,
		&is_signed), TSIG_GOOD);
	assert_int_equal(tsig_check_answer(&tsig, second, TIME, &is_signed),
		TSIG_GOOD);
	assert_int_equal(tsig_check_answer(&tsig, plain, TIME, &is_signed),
		TSIG_GOOD);
	assert_false(is_signed);
	assert_int_equal(tsig_check_answer(&tsig, fourth, TIME, &is_signed),
		TSIG_GOOD);
	assert_true(is_signed);
	tsig_end(&tsig);
}

/* Another message in its place, or none. */
static void
test_changed_stream(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		bool is_signed;
		uint8_t bytes[1024];
		struct tsig tsig;
		struct span plain = span_of(bytes, strip(second, bytes));
		bytes[3] ^= 1;
		begin_answer(&tsig, 0);
		assert_int_equal(tsig_check_answer(&tsig, answered[0], TIME,
			&is_signed), TSIG_GOOD);
		if (i > 0)
			assert_int_equal(tsig_check_answer(&tsig, second, TIME,
				&is_signed), TSIG_GOOD);
		if (i > 1)
			assert_int_equal(tsig_check_answer(&tsig, plain, TIME,
				&is_signed), TSIG_GOOD);
		assert_int_equal(tsig_check_answer(&tsig, fourth, TIME,
			&is_signed), TSIG_BAD_SIGNATURE);
		tsig_end(&tsig);
	}
}

static void
test_unsigned(void **state)
{
	(void)state;
	bool is_signed;
	uint8_t bytes[1024];
	struct tsig tsig;
	struct span plain = span_of(bytes, strip(second, bytes));
	begin_answer(&tsig, 0);
	/* never the first */
	assert_int_equal(tsig_check_answer(&tsig, plain, TIME, &is_signed),
		TSIG_MISSING);
	tsig_end(&tsig);
	begin_answer(&tsig, 0);
	assert_int_equal(tsig_check_answer(&tsig, answered[0], TIME,
		&is_signed), TSIG_GOOD);
	for (unsigned i = 0; i < 99; i++)
		assert_int_equal(tsig_check_answer(&tsig, plain, TIME,
			&is_signed), TSIG_GOOD);
	assert_int_equal(tsig_check_answer(&tsig, plain, TIME, &is_signed),
		TSIG_MISSING);
	tsig_end(&tsig);
}

static const struct {
	const char *name;
	struct span answer;
	int64_t clock;
	enum tsig_error error;
	uint64_t their_time;
} answers[] = {
	{ "good", MESSAGE(ANSWER_256), 1, TSIG_GOOD, 0 },
	{ "of another question", MESSAGE(ALONE_256), 0, TSIG_BAD_SIGNATURE, 0 },
	{ "of another key", MESSAGE(QUESTION_LONG), 0, TSIG_BAD_KEY, 0 },
	{ "of another algorithm", MESSAGE(ANSWER_384), 0, TSIG_BAD_KEY, 0 },
	{ "too old", MESSAGE(ANSWER_256), 302, TSIG_BAD_TIME, 0 },
	{ "they do not know the key", MESSAGE(ANSWER_BADKEY), 0, TSIG_BAD_KEY,
		0 },
	{ "they have another secret", MESSAGE(ANSWER_BADSIG), 0,
		TSIG_BAD_SIGNATURE, 0 },
	{ "their clock is another", MESSAGE(ANSWER_BADTIME), 0, TSIG_BAD_TIME,
		TIME + 3600 },
	{ "the record is no record", MESSAGE(QUESTION_BEHIND), 0,
		TSIG_MALFORMED, 0 },
};

static void
test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		bool is_signed;
		struct tsig tsig;
		print_message("%s\n", answers[i].name);
		begin_answer(&tsig, 0);
		assert_int_equal(tsig_check_answer(&tsig, answers[i].answer,
			(uint64_t)(TIME + answers[i].clock), &is_signed),
			answers[i].error);
		assert_int_equal(tsig.their_time, answers[i].their_time);
		tsig_end(&tsig);
	}
}

/* ---- what is wrong, said ---- */

static void
test_bad_time(void **state)
{
	(void)state;
	struct tsig tsig;
	struct tsig_record record;
	struct tsig_key key = key_of("Key.Example", 0);
	const struct span wanted = MESSAGE(ANSWER_BADTIME);
	uint8_t bytes[1024];
	size_t size = strip(wanted, bytes);
	tsig_begin(&tsig, &key);
	assert_int_equal(tsig_find(asked[0], &record), TSIG_LAST);
	assert_int_equal(tsig_check_question(&tsig, asked[0], &record,
		TIME + 3600), TSIG_BAD_TIME);
	assert_true(tsig_sign(&tsig, TSIG_BAD_TIME, TIME + 3600, bytes, &size,
		sizeof(bytes)));
	assert_message(bytes, size, wanted);
	tsig_end(&tsig);
}

static void
test_without_code(void **state)
{
	(void)state;
	static const struct { unsigned error; struct span wanted; } cases[] = {
		{ TSIG_BAD_KEY, MESSAGE(ANSWER_BADKEY) },
		{ TSIG_BAD_SIGNATURE, MESSAGE(ANSWER_BADSIG) },
	};
	for (unsigned i = 0; i < 2; i++) {
		struct tsig_record record;
		uint8_t bytes[1024];
		size_t size = strip(cases[i].wanted, bytes);
		assert_int_equal(tsig_find(asked[0], &record), TSIG_LAST);
		assert_false(tsig_add_error(&record, cases[i].error, bytes,
			&size, cases[i].wanted.size - 1));
		assert_true(tsig_add_error(&record, cases[i].error, bytes,
			&size, cases[i].wanted.size));
		assert_message(bytes, size, cases[i].wanted);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_every_octet),
		cmocka_unit_test(test_long_secret),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_answer_to_short),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_changed_stream),
		cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_bad_time),
		cmocka_unit_test(test_without_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
