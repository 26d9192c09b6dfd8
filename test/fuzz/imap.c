/*
 * IMAP framing and arguments: a stream of bytes gives the same commands in one
 * piece and in pieces of any size, and no argument parser reads beyond its
 * command. The first byte chooses the size of the pieces.
 */
#include <assert.h>

#include "fuzz.h"

#include "proto/imap_frame.h"
#include "proto/imap_parse.h"

typedef bool
text_parser(struct imap_parse *parse, struct span *text);

/* The sanitizer sees whether the span is memory of ours. */
static void
read_through(struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		volatile char c = text.data[i];
		(void)c;
	}
}

static void
parse_all_ways(struct span command, bool is_utf8)
{
	static text_parser *const parsers[] = {
		imap_parse_atom, imap_parse_string, imap_parse_astring,
		imap_parse_nstring, imap_parse_sequence_set,
		imap_parse_mailbox, imap_parse_list_mailbox,
	};
	for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]) + 3; i++) {
		struct arena arena;
		struct imap_parse parse;
		struct imap_parse_flags flags;
		struct imap_fetch_item *items;
		struct span text, tag;
		size_t count;
		arena_init(&arena, 0);
		imap_parse_init(&parse, command, &arena, is_utf8);
		bool ok = imap_parse_command(&parse, &tag, &text) &&
			imap_parse_space(&parse);
		size_t which = i - sizeof(parsers) / sizeof(parsers[0]);
		if (ok && i < sizeof(parsers) / sizeof(parsers[0])) {
			ok = parsers[i](&parse, &text);
			if (ok)
				read_through(text);
		} else if (ok && which == 0) {
			ok = imap_parse_flag_list(&parse, &flags);
		} else if (ok && which == 1) {
			ok = imap_parse_store_flags(&parse, &flags);
		} else if (ok) {
			ok = imap_parse_fetch_items(&parse, &items, &count);
		}
		assert(ok == (parse.problem == NULL));
		assert(parse.rest.size <= command.size);
		arena_fini(&arena);
	}
}

static bool
take(struct imap_frame *frame, enum imap_frame_verdict verdict,
	struct buffer *log)
{
	if (verdict == IMAP_FRAME_LITERAL) {
		buffer_print(log, "{%zu}", (size_t)frame->literal_size);
		if (frame->is_binary)
			imap_frame_pass(frame);
		else if (!imap_frame_keep(frame) && frame->is_synchronising)
			imap_frame_reset(frame);
		else if (frame->state == IMAP_FRAME_ANNOUNCED)
			imap_frame_skip(frame);
	} else if (verdict == IMAP_FRAME_BYTES) {
		buffer_add(log, frame->bytes);
	} else if (verdict == IMAP_FRAME_COMMAND) {
		buffer_add(log, buffer_span(&frame->command));
		buffer_add_byte(log, '|');
		imap_frame_reset(frame);
	} else if (verdict == IMAP_FRAME_REFUSED) {
		buffer_add_byte(log, '!');
		imap_frame_reset(frame);
	}
	return verdict != IMAP_FRAME_ABSURD;
}

static void
run(struct span in, size_t piece_size, struct buffer *log, bool is_parsed)
{
	struct imap_frame frame;
	bool goes_on = true;
	imap_frame_init(&frame);
	frame.line_limit = 200;
	frame.literal_limit = 100;
	frame.skip_limit = 1000;
	while (in.size > 0 && goes_on) {
		struct span piece = span_first(in, piece_size);
		in = span_skip(in, piece.size);
		while (piece.size > 0 && goes_on) {
			size_t consumed;
			enum imap_frame_verdict verdict = imap_frame_next(
				&frame, piece, &consumed);
			assert(consumed > 0 && consumed <= piece.size);
			piece = span_skip(piece, consumed);
			if (verdict == IMAP_FRAME_COMMAND && is_parsed) {
				parse_all_ways(buffer_span(&frame.command),
					false);
				parse_all_ways(buffer_span(&frame.command),
					true);
			}
			goes_on = take(&frame, verdict, log);
		}
		assert(frame.command.size <= 2000);
	}
	imap_frame_fini(&frame);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer whole, pieces;
	if (size < 1)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	buffer_init(&whole, 0);
	buffer_init(&pieces, 0);
	run(in, in.size, &whole, true);
	run(in, (size_t)(data[0] & 63) + 1, &pieces, false);
	assert(span_equals(buffer_span(&whole), buffer_span(&pieces)));
	buffer_fini(&whole);
	buffer_fini(&pieces);
	return 0;
}
