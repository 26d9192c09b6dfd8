/*
 * What clients of the resolver on the loopback send: a question that is read is
 * answered with a message of its number that fits, whatever was found for it.
 */
#include <assert.h>

#include "fuzz.h"
#include "names/message.h"

enum { LEAST = 12 };	/* bytes of a header */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct message_question question;
	struct buffer out;
	if (!message_read(in, &question))
		return 0;
	const struct message_answer answers[] = {
		{ .rcode = question.refusal },
		{ .rcode = DNS_SERVER_FAILURE, .is_bogus = true,
			.reason = in },
		/* what a server said is no better than what a client says */
		{ .rcode = 0, .packet = in, .is_secure = true },
	};
	buffer_init(&out, 0);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		buffer_clear(&out);
		message_write(&out, question.udp_size, &question,
			i == 2 ? in : SPAN(""), &answers[i]);
		assert(out.size >= LEAST && out.size <= question.udp_size);
		const uint8_t *bytes = (const uint8_t *)out.data;
		assert((bytes[0] << 8 | bytes[1]) == question.id);
		assert((bytes[2] & 0x80) != 0);
	}
	buffer_fini(&out);
	return 0;
}
