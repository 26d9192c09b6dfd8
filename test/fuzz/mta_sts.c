/*
 * MTA-STS: records, policies and cache lines of any bytes. What is understood
 * is within its limits, and a policy survives the cache.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "proto/tlswire.h"
#include "trust/mta_sts.h"

static void
check_policy(const struct mta_sts_policy *policy)
{
	assert(policy->max_age <= MTA_STS_MAX_AGE);
	assert(policy->mx_count <= MTA_STS_MX_LIMIT);
	assert(policy->mx_count > 0 || policy->mode == MTA_STS_NONE);
	for (size_t i = 0; i < policy->mx_count; i++) {
		struct span mx = policy->mx[i];
		assert(mx.size > 0);
		if (mx.data[0] != '*')
			assert(mta_sts_matches(policy, mx));
	}
	assert(!mta_sts_matches(policy, SPAN("")));
}

static void
check_entry(const struct mta_sts_entry *entry, struct arena *arena)
{
	struct mta_sts_entry again;
	struct buffer line;
	buffer_init(&line, 0);
	if (mta_sts_entry_encode(&line, entry)) {
		assert(span_find(buffer_span(&line), '\n') == line.size - 1);
		assert(mta_sts_entry_decode(span_first(buffer_span(&line),
			line.size - 1), arena, &again));
		assert(again.policy.mode == entry->policy.mode);
		assert(again.policy.max_age == entry->policy.max_age);
		assert(again.policy.mx_count == entry->policy.mx_count);
		for (size_t i = 0; i < again.policy.mx_count; i++)
			assert(span_equals(again.policy.mx[i],
				entry->policy.mx[i]));
	}
	buffer_fini(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), id;
	struct mta_sts_entry entry = { .domain = SPAN("example.com"),
		.id = SPAN("1") };
	struct arena arena;
	arena_init(&arena, 0);
	if (mta_sts_find_id(&in, 1, &id))
		assert(id.size > 0 && id.size <= MTA_STS_ID_SIZE);
	if (mta_sts_parse(in, &arena, &entry.policy) == MTA_STS_OK) {
		check_policy(&entry.policy);
		check_entry(&entry, &arena);
	}
	if (mta_sts_entry_decode(in, &arena, &entry)) {
		check_policy(&entry.policy);
		check_entry(&entry, &arena);
	}
	arena_fini(&arena);
	return 0;
}
