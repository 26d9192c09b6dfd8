/*
 * Addresses: what is taken can be written and taken again as the same, holds
 * no control character, and its normal form is its own normal form.
 */
#include <assert.h>

#include "fuzz.h"
#include "proto/address.h"

static void
check(struct arena *arena, const struct address *address)
{
	struct buffer out;
	struct address again;
	struct span normal, normal_again;
	buffer_init(&out, 0);
	address_format(&out, address);
	for (size_t i = 0; i < out.size; i++)
		assert((unsigned char)out.data[i] >= ' ' &&
			out.data[i] != 0x7f);
	assert(address_parse(buffer_span(&out), arena, &again) == ADDRESS_OK);
	assert(span_equals(address->local, again.local));
	assert(span_equals(address->domain, again.domain));
	assert(address->is_utf8 == again.is_utf8);
	if (address_normalise(arena, address, &normal)) {
		assert(address_normalise(arena, &again, &normal_again));
		assert(span_equals(normal, normal_again));
	}
	if (address_normalise_domain(arena, address->domain, &normal)) {
		assert(address_normalise_domain(arena, normal, &normal_again));
		assert(span_equals(normal, normal_again));
		assert(address_domain_to_ascii(arena, normal, &normal_again));
	}
	buffer_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct address address;
	struct span text = span_of(data, size), base, detail;
	arena_init(&arena, 0);
	if (address_parse_path(&text, &arena, &address) == ADDRESS_OK)
		check(&arena, &address);
	text = span_of(data, size);
	if (address_parse(text, &arena, &address) == ADDRESS_OK)
		check(&arena, &address);
	if (address_split_detail(text, "+-", &base, &detail))
		assert(base.size + 1 + detail.size == text.size);
	arena_fini(&arena);
	return 0;
}
