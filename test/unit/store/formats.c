/* What is written comes back; what is damaged is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/memory.h"
#include "store/block.h"
#include "store/log.h"
#include "store/record.h"

static void
numbers_come_back(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 127, 128, 16383, 16384,
		UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX };
	static const int64_t signed_numbers[] = { 0, -1, 1, -64, 64, INT64_MIN,
		INT64_MAX };
	struct buffer bytes;
	struct codec_reader reader;
	(void)state;
	buffer_init(&bytes, 0);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		codec_add_varint(&bytes, numbers[i]);
	for (size_t i = 0; i < sizeof(signed_numbers) / 8; i++)
		codec_add_signed(&bytes, signed_numbers[i]);
	codec_reader_init(&reader, buffer_span(&bytes));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_true(codec_read_varint(&reader) == numbers[i]);
	for (size_t i = 0; i < sizeof(signed_numbers) / 8; i++)
		assert_true(codec_read_signed(&reader) == signed_numbers[i]);
	assert_true(codec_reader_is_done(&reader));
	buffer_fini(&bytes);
}

static void
nonsense_is_no_number(void **state)
{
	static const struct {
		struct span bytes;
		uint64_t max;
	} cases[] = {
		{ SPAN(""), UINT64_MAX },
		{ SPAN("\x80"), UINT64_MAX },
		{ SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), UINT64_MAX },
		{ SPAN("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
			UINT64_MAX },
		{ SPAN("\x08"), 7 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct codec_reader reader;
		codec_reader_init(&reader, cases[i].bytes);
		assert_true(codec_read_number(&reader, cases[i].max) == 0);
		assert_true(reader.is_failed);
		assert_int_equal(codec_read_byte(&reader), 0);
	}
}

static void
sets_come_back(void **state)
{
	static const char *const sets[] = { "1", "1:4294967295", "1,3,5:9",
		"4294967295", "7:8,1000000:2000000,4000000000" };
	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct number_set before = { 0 }, after = { 0 };
		struct buffer bytes, text;
		struct codec_reader reader;
		buffer_init(&bytes, 0);
		buffer_init(&text, 0);
		assert_true(number_set_parse(span_from(sets[i]), 1, 100,
			&before));
		codec_add_set(&bytes, &before);
		codec_reader_init(&reader, buffer_span(&bytes));
		codec_read_set(&reader, &after);
		assert_true(codec_reader_is_done(&reader));
		number_set_format(&text, &after);
		assert_string_equal(buffer_string(&text), sets[i]);
		number_set_fini(&before);
		number_set_fini(&after);
		buffer_fini(&bytes);
		buffer_fini(&text);
	}
	/* Beyond the largest number. */
	struct number_set set = { 0 };
	struct codec_reader reader;
	codec_reader_init(&reader, SPAN("\x01\xff\xff\xff\xff\x0f\x01"));
	codec_read_set(&reader, &set);
	assert_true(reader.is_failed);
	number_set_fini(&set);
}

/* ---- blocks ---- */

static struct slot
make_slot(unsigned i, uint32_t base)
{
	return (struct slot){
		.uid = base + i * 3 % BLOCK_SLOTS, .is_there = true,
		.zone = i % 2 == 0 ? 330 : -720, .flags = i * 77 % 32,
		.modseq = 1000 + i * 2, .created = 1000 + i * 2,
		.email = 999 + i * 2,
		.segment = i % 10 == 0 ? LOG_BODY : 3 + i / 100,
		.offset = 5000 * (i + 1), .size = 4900 + i,
		.date = 1700000000 - (int64_t)i * 1000, .saved = 1700000000,
	};
}

static struct block *
make_block(struct summary *summary, uint32_t base)
{
	struct block *block = block_new(1);
	*summary = (struct summary){ 0 };
	for (unsigned i = base == 0; i * 3 < BLOCK_SLOTS; i++) {
		struct slot slot = make_slot(i, base);
		block_append(&block, summary, base, &slot);
	}
	return block;
}

static void
assert_same_slot(const struct slot *a, const struct slot *b)
{
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->is_there, b->is_there);
	assert_int_equal(a->zone, b->zone);
	assert_true(a->flags == b->flags);
	assert_true(a->modseq == b->modseq);
	assert_true(a->created == b->created);
	assert_true(a->email == b->email);
	assert_true(a->segment == b->segment);
	assert_true(a->offset == b->offset);
	assert_true(a->size == b->size);
	assert_true(a->date == b->date && a->saved == b->saved);
}

static void
check_round_trip(const struct block *block, uint32_t base)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	block_encode(block, &bytes);
	struct block *copy = block_decode(buffer_span(&bytes));
	assert_non_null(copy);
	assert_int_equal(copy->count, block->count);
	for (unsigned i = 0; i < block->count; i++) {
		struct slot a = block_get(block, base, i);
		struct slot b = block_get(copy, base, i);
		assert_same_slot(&a, &b);
	}
	block_free(&copy);
	/* Cut anywhere it is not a block. */
	for (size_t size = 0; size < bytes.size; size += 7) {
		copy = block_decode(span_of(bytes.data, size));
		assert_null(copy);
	}
	buffer_fini(&bytes);
}

static void
blocks_come_back(void **state)
{
	static const uint32_t bases[] = { 0, 1024, 0xfffffc00 };
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct summary summary;
		struct block *block = make_block(&summary, bases[i]);
		check_round_trip(block, bases[i]);
		for (unsigned slot = 3; slot < block->count; slot += 5)
			block_expunge(block, &summary, bases[i], slot, 9000);
		check_round_trip(block, bases[i]);
		block_free(&block);
	}
}

/* The summary after any change is what counting gives. */
static void
check_summary(const struct block *block, const struct summary *summary,
	uint32_t base)
{
	struct summary want = { .flags_all = UINT64_MAX };
	for (unsigned i = 0; i < block->count; i++) {
		struct slot slot = block_get(block, base, i);
		want.tombstones += !slot.is_there;
		if (!slot.is_there)
			continue;
		want.there++;
		want.unseen += (slot.flags & STORE_SEEN) == 0;
		want.deleted += (slot.flags & STORE_DELETED) != 0;
		want.size += slot.size;
		want.first = want.first == 0 ? slot.uid : want.first;
		want.last = slot.uid;
		want.flags_any |= slot.flags;
		want.flags_all &= slot.flags;
	}
	assert_int_equal(summary->there, want.there);
	assert_int_equal(summary->tombstones, want.tombstones);
	assert_int_equal(summary->unseen, want.unseen);
	assert_int_equal(summary->deleted, want.deleted);
	assert_true(summary->size == want.size);
	assert_int_equal(summary->first, want.first);
	assert_int_equal(summary->last, want.last);
	assert_true((want.flags_any & ~summary->flags_any) == 0);
	assert_true(want.there == 0 ||
		(summary->flags_all & ~want.flags_all) == 0);
}

static void
summaries_follow_changes(void **state)
{
	struct summary summary, copy;
	struct block *block = make_block(&summary, 2048);
	struct buffer bytes;
	(void)state;
	check_summary(block, &summary, 2048);
	for (unsigned i = 0; i < block->count; i += 2)
		block_set_flags(block, &summary, i, STORE_SEEN | STORE_DELETED,
			5000 + i);
	check_summary(block, &summary, 2048);
	for (unsigned i = 0; i < block->count; i += 3) {
		block_expunge(block, &summary, 2048, i, 7000 + i);
		check_summary(block, &summary, 2048);
	}
	assert_true(summary.vanished_low == 7000);
	block_expunge(block, &summary, 2048, block->count - 2, 9999);
	assert_true(summary.modseq == 9999 && summary.vanished_high == 9999);
	buffer_init(&bytes, 0);
	summary_encode(&summary, &bytes);
	assert_true(summary_decode(buffer_span(&bytes), &copy));
	assert_memory_equal(&summary, &copy, sizeof(copy));
	assert_false(summary_decode(span_of(bytes.data, bytes.size - 1),
		&copy));
	buffer_fini(&bytes);
	unsigned there = summary.there;
	block_drop_tombstones(block, &summary, 2048);
	check_summary(block, &summary, 2048);
	assert_int_equal(block->count, there);
	for (unsigned i = 0; i < there; i++)
		assert_true(block_bit(block->there, i));
	block_free(&block);
}

static void
bits_are_ranked_and_selected(void **state)
{
	uint64_t bits[BLOCK_WORDS] = { 0 };
	(void)state;
	for (unsigned i = 0; i < BLOCK_SLOTS; i += i % 7 + 1)
		block_bit_set(bits, i);
	unsigned rank = 0;
	for (unsigned i = 0; i < BLOCK_SLOTS; i++) {
		assert_int_equal(block_rank(bits, i), rank);
		if (!block_bit(bits, i))
			continue;
		assert_int_equal(block_select(bits, rank), i);
		assert_int_equal(block_next(bits, i), i);
		rank++;
	}
	assert_int_equal(block_next(bits, BLOCK_SLOTS), BLOCK_SLOTS);
}

/* ---- records ---- */

static void
placements_come_back(void **state)
{
	struct record_place before = { 7, 9, 12345678901, 1 << 20,
		STORE_SEEN | 1ull << 63, -5, 1700000000, -720,
		SPAN("0123456789abcdef") }, after;
	struct buffer bytes;
	(void)state;
	buffer_init(&bytes, 0);
	record_put_place(&bytes, &before);
	assert_true(record_get_place(buffer_span(&bytes), &after));
	assert_int_equal(after.uid, 9);
	assert_true(after.email == before.email &&
		after.flags == before.flags && after.date == -5);
	assert_int_equal(after.zone, -720);
	assert_true(span_equals(after.transaction, before.transaction));
	for (size_t size = 0; size < bytes.size; size++)
		assert_false(record_get_place(span_of(bytes.data, size),
			&after));
	buffer_add_byte(&bytes, 0);
	assert_false(record_get_place(buffer_span(&bytes), &after));
	buffer_clear(&bytes);
	before.uid = UINT32_MAX;	/* is never given out */
	record_put_place(&bytes, &before);
	assert_false(record_get_place(buffer_span(&bytes), &after));
	buffer_fini(&bytes);
}

static void
messages_say_how_long_they_are(void **state)
{
	char bytes[RECORD_MESSAGE_BIG_SIZE];
	struct record_message message = { RECORD_INLINE, 100, 0 };
	(void)state;
	record_put_message(bytes, &message);
	assert_true(record_get_message(span_of(bytes, 16), 116, &message));
	assert_false(record_get_message(span_of(bytes, 16), 117, &message));
	assert_false(record_get_message(span_of(bytes, 15), 15, &message));
	message = (struct record_message){ RECORD_BIG, 1 << 30, 77 };
	record_put_message(bytes, &message);
	assert_true(record_get_message(span_of(bytes, 24), 24, &message));
	assert_true(message.number == 77 && message.size == 1 << 30);
	assert_false(record_get_message(span_of(bytes, 16), 16, &message));
	bytes[0] = 2;
	assert_false(record_get_message(span_of(bytes, 24), 24, &message));
}

/* Whole; or, cut anywhere, not done. */
static void
moved_bodies_come_back(void **state)
{
	static const struct record_moved want[] = {
		{ 5, 300, 1, 7 }, { 5, 300, 2, 1 }, { 9, 301, 1, 8 },
	};
	struct record_moved_reader reader;
	struct record_moved moved;
	struct buffer bytes;
	size_t count = 0;
	(void)state;
	buffer_init(&bytes, 0);
	codec_add_varint(&bytes, 2);
	record_put_moved_body(&bytes, 5, 300, 2);
	record_put_moved_placement(&bytes, 1, 7);
	record_put_moved_placement(&bytes, 2, 1);
	record_put_moved_body(&bytes, 9, 301, 1);
	record_put_moved_placement(&bytes, 1, 8);
	record_moved_init(&reader, buffer_span(&bytes));
	for (; record_moved_next(&reader, &moved); count++) {
		assert_true(moved.email == want[count].email);
		assert_true(moved.record == want[count].record);
		assert_int_equal(moved.mailbox, want[count].mailbox);
		assert_int_equal(moved.uid, want[count].uid);
	}
	assert_int_equal(count, 3);
	assert_true(codec_reader_is_done(&reader.codec));
	for (size_t size = 0; size < bytes.size; size++) {
		record_moved_init(&reader, span_first(buffer_span(&bytes),
			size));
		while (record_moved_next(&reader, &moved))
			continue;
		assert_false(codec_reader_is_done(&reader.codec));
	}
	buffer_fini(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_come_back),
		cmocka_unit_test(nonsense_is_no_number),
		cmocka_unit_test(sets_come_back),
		cmocka_unit_test(blocks_come_back),
		cmocka_unit_test(summaries_follow_changes),
		cmocka_unit_test(bits_are_ranked_and_selected),
		cmocka_unit_test(placements_come_back),
		cmocka_unit_test(messages_say_how_long_they_are),
		cmocka_unit_test(moved_bodies_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
