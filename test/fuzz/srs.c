/*
 * Addresses that mail is forwarded with, and that strangers send back: what was
 * made here leads back where it came from, and nothing else is believed.
 */
#include <assert.h>

#include "fuzz.h"
#include "proto/address.h"
#include "proto/srs.h"

#define SECRET SPAN("a secret of a fuzzer")

/* Of an address that must be one. */
static struct span
local_of(struct span text, struct arena *arena)
{
	struct address address;
	assert(address_parse(text, arena, &address) == ADDRESS_OK);
	return address.local;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), out, back;
	struct arena arena;
	arena_init(&arena, 0);
	/* with another's secret nothing that was not made with it is right */
	assert(srs_reverse(SECRET, in, 20000, &arena, &out) != SRS_OK);
	if (srs_forward(SECRET, in, SPAN("example.test"), 20000, &arena,
	    &out)) {
		struct span local = local_of(out, &arena);
		assert(out.size <= 320);
		assert(srs_reverse(SECRET, local, 20001, &arena, &back) ==
			SRS_OK);
		/* SRS1 leads to another's SRS0, which has the date */
		assert(span_starts(out, SPAN("SRS1")) || srs_reverse(SECRET,
			local, 20000 + SRS_DAYS + 1, &arena, &back) ==
			SRS_BAD);
		assert(srs_reverse(SPAN("another"), local, 20001,
			&arena, &back) == SRS_BAD);
	}
	arena_fini(&arena);
	return 0;
}
