/*
 * A hostile IMAP server: its responses, framed as the client does it, whole and
 * in pieces, with the texts of messages passing.
 */
#include <assert.h>

#include "fuzz.h"
#include "proto/imap_answer.h"
#include "proto/imap_frame.h"

struct run {
	size_t responses, understood, passed;
};

static void
take_response(struct imap_frame *frame, struct arena *arena, bool has_body,
	struct imap_answer *answer, struct run *run)
{
	struct span response = buffer_span(&frame->command);
	uint64_t number;
	run->responses++;
	bool is_taken = has_body ?
		imap_answer_continue(arena, response, answer) :
		imap_answer_parse(arena, response, answer);
	run->understood += is_taken;
	if (is_taken && answer->kind == IMAP_ANSWER_STATUS)
		imap_answer_status_number(answer, "UIDNEXT", &number);
	if (is_taken)
		assert(answer->fetch.flags.keyword_count <=
			IMAP_PARSE_FLAG_LIMIT);
	arena_fini(arena);
	imap_frame_reset(frame);
}

static void
read_all(struct span text, size_t piece, struct run *run)
{
	struct imap_frame frame;
	struct imap_answer answer = { .kind = IMAP_ANSWER_OTHER };
	struct arena arena;
	bool has_body = false;
	size_t consumed;
	imap_frame_init(&frame);
	frame.line_limit = frame.literal_limit = 4096;
	arena_init(&arena, 0);
	for (struct span rest = text; rest.size > 0;) {
		enum imap_frame_verdict verdict = imap_frame_next(&frame,
			span_first(rest, piece), &consumed);
		rest = span_skip(rest, consumed);
		if (verdict == IMAP_FRAME_COMMAND) {
			take_response(&frame, &arena, has_body, &answer, run);
			has_body = false;
		} else if (verdict == IMAP_FRAME_LITERAL && !has_body &&
		    imap_answer_wants_literal(&arena,
		    buffer_span(&frame.command), &answer)) {
			has_body = true;
			imap_frame_pass(&frame);
		} else if (verdict == IMAP_FRAME_BYTES) {
			run->passed += frame.bytes.size;
		} else if (verdict == IMAP_FRAME_LITERAL ?
		    !imap_frame_keep(&frame) : verdict != IMAP_FRAME_MORE) {
			break;
		}
	}
	arena_fini(&arena);
	imap_frame_fini(&frame);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run whole = { 0 }, pieces = { 0 };
	read_all(span_of(data, size), size + 1, &whole);
	read_all(span_of(data, size), size > 0 ? data[0] % 7u + 1 : 1, &pieces);
	assert(whole.responses == pieces.responses);
	assert(whole.understood == pieces.understood);
	assert(whole.passed == pieces.passed);
	return 0;
}
