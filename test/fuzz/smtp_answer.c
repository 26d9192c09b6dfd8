/* Replies of a server: what is whole is whole again, and its lines are walked. */
#include <assert.h>

#include "fuzz.h"
#include "proto/smtp_reply.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), text;
	struct smtp_answer answer, again;
	size_t consumed, consumed_again;
	struct buffer out;
	enum smtp_answer_verdict verdict = smtp_answer_parse(in, &answer,
		&consumed);
	if (verdict != SMTP_ANSWER_OK) {
		assert(consumed == 0);
	} else {
		assert(answer.code >= 200 && answer.code <= 599);
		assert(consumed > 0 && consumed <= size);
		assert(smtp_answer_parse(span_first(in, consumed), &again,
			&consumed_again) == SMTP_ANSWER_OK);
		assert(consumed_again == consumed);
		assert(smtp_answer_parse(span_first(in, consumed - 1), &again,
			&consumed_again) == SMTP_ANSWER_MORE);
		while (smtp_answer_line(&answer.lines, &text))
			assert(text.size < size);
	}
	/* Whatever is said in a detail, it stays one line. */
	buffer_init(&out, 0);
	smtp_reply_add(&out, SMTP_REPLY_NO_USER, in);
	assert(span_find(buffer_span(&out), '\n') + 1 == out.size);
	assert(out.size <= 512);
	buffer_fini(&out);
	return 0;
}
