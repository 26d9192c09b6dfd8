/*
 * The wire "tls-connect", both directions: what is understood is within its
 * limits and survives being written; no prefix of facts is judged otherwise.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "proto/tlswire.h"

static void
check_request(struct span in)
{
	struct tls_connect_request request, again;
	struct arena arena;
	struct buffer out;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	if (tlswire_request_decode(in, &arena, 7, &request)) {
		assert(tlswire_request_is_valid(&request));
		assert(request.deadline >= 7 &&
			request.deadline <= 7 + TLSWIRE_PATIENCE_LIMIT);
		tlswire_request_encode(&out, &request, 7);
		assert(span_equals(buffer_span(&out), in));
		assert(tlswire_request_decode(buffer_span(&out), &arena, 7,
			&again));
		assert(again.tlsa_count == request.tlsa_count);
	}
	buffer_fini(&out);
	arena_fini(&arena);
}

static void
check_facts(struct span in)
{
	struct tls_connect_facts facts;
	struct buffer out;
	size_t consumed, other;
	if (tlswire_facts_decode(in, &facts, &consumed) != TLSWIRE_OK) {
		assert(consumed == 0);
		return;
	}
	assert(consumed > 0 && consumed <= in.size);
	for (const char *c = facts.reason; *c != '\0'; c++)
		assert(*c >= ' ' && *c <= '~');
	buffer_init(&out, TLSWIRE_FACTS_LIMIT);
	tlswire_facts_encode(&out, &facts);
	assert(span_equals(buffer_span(&out), span_first(in, consumed)));
	buffer_fini(&out);
	for (size_t n = 0; n < consumed; n++)
		assert(tlswire_facts_decode(span_first(in, n), &facts,
			&other) == TLSWIRE_MORE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_request(span_of(data, size));
	check_facts(span_of(data, size));
	return 0;
}
