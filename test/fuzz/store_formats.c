/* Payloads of records, blocks and summaries: what is read can be written and
 * read again. The first byte chooses what it is. */
#include <assert.h>

#include "base/memory.h"
#include "fuzz.h"
#include "store/block.h"
#include "store/record.h"

static void
try_block(struct span bytes, struct buffer *out)
{
	struct block *block = block_decode(bytes);
	if (block == NULL)
		return;
	block_encode(block, out);
	struct block *again = block_decode(buffer_span(out));
	assert(again != NULL && again->count == block->count);
	for (unsigned i = 0; i < block->count; i++) {
		struct slot a = block_get(block, 1024, i);
		struct slot b = block_get(again, 1024, i);
		assert(a.uid == b.uid && a.modseq == b.modseq);
	}
	block_free(&block);
	block_free(&again);
}

static void
try_sets(unsigned kind, struct span bytes, struct buffer *out)
{
	struct record_flags flags = { 0 }, flags_again = { 0 };
	struct record_expunge expunge = { 0 };
	struct record_copy copy = { 0 };
	if (kind == 0 && record_get_flags(bytes, &flags)) {
		record_put_flags(out, &flags);
		assert(record_get_flags(buffer_span(out), &flags_again));
		assert(flags.uids.count == flags_again.uids.count);
	} else if (kind == 1 && record_get_expunge(bytes, &expunge)) {
		record_put_expunge(out, &expunge);
	} else if (kind == 2 && record_get_copy(bytes, &copy)) {
		record_put_copy(out, &copy);
	}
	number_set_fini(&flags.uids);
	number_set_fini(&flags_again.uids);
	number_set_fini(&expunge.uids);
	number_set_fini(&copy.uids);
}

static void
try_moved(struct span bytes, struct buffer *out)
{
	struct record_moved_reader reader;
	struct record_moved moved;
	uint64_t count = 0;
	record_moved_init(&reader, bytes);
	while (record_moved_next(&reader, &moved)) {
		record_put_moved_body(out, moved.email, moved.record, 1);
		record_put_moved_placement(out, moved.mailbox, moved.uid);
		assert(moved.uid > 0 && ++count <= bytes.size);
	}
}

static void
try_plain(unsigned kind, struct span bytes, struct buffer *out)
{
	struct record_place place;
	struct record_keyword keyword;
	struct record_annotation annotation;
	struct record_entry entry;
	struct summary summary;
	struct record_message message;
	struct codec_reader reader;
	if (kind == 0 && record_get_place(bytes, &place)) {
		record_put_place(out, &place);
		assert(record_get_place(buffer_span(out), &place));
	} else if (kind == 1 && record_get_keyword(bytes, &keyword)) {
		record_put_keyword(out, &keyword);
	} else if (kind == 2 && record_get_annotation(bytes, &annotation)) {
		record_put_annotation(out, &annotation);
	} else if (kind == 3) {
		codec_reader_init(&reader, bytes);
		record_get_entry(&reader, &entry);
		if (!reader.is_failed)
			record_put_entry(out, &entry);
	} else if (kind == 4 && summary_decode(bytes, &summary)) {
		summary_encode(&summary, out);
		assert(summary_decode(buffer_span(out), &summary));
	} else if (kind == 5) {
		record_get_message(bytes, bytes.size, &message);
	} else if (kind == 6) {
		try_moved(bytes, out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer out;
	if (size == 0)
		return 0;
	struct span bytes = span_of(data + 1, size - 1);
	buffer_init(&out, 0);
	if (data[0] == 0)
		try_block(bytes, &out);
	else if (data[0] <= 3)
		try_sets(data[0] - 1u, bytes, &out);
	else
		try_plain((data[0] - 4u) % 7, bytes, &out);
	buffer_fini(&out);
	return 0;
}
