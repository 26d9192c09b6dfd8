/* Buckets: where a time belongs, and what a distribution says. */
#include "serve/histogram.h"

#include <stdatomic.h>

#define GAUGE true
#define COUNTER false
const struct histogram_row histogram_rows[HISTOGRAM_COUNT] = {
#define HISTOGRAM_ROW(id, program, name, label, kind, text) \
	{ program, name, label, text, kind },
	HISTOGRAM_LIST(HISTOGRAM_ROW)
#undef HISTOGRAM_ROW
};
#undef GAUGE
#undef COUNTER

static const struct {
	uint64_t microseconds;
	const char *text;
} bounds[HISTOGRAM_BUCKETS] = {
#define HISTOGRAM_BOUND(bound, text) { bound, text },
	HISTOGRAM_BOUNDS(HISTOGRAM_BOUND)
#undef HISTOGRAM_BOUND
	{ UINT64_MAX, "+Inf" },
};

uint64_t
histogram_bound(size_t bucket)
{
	return bounds[bucket].microseconds;
}

const char *
histogram_bound_text(size_t bucket)
{
	return bounds[bucket].text;
}

static uint64_t
clamp(int64_t microseconds)
{
	return microseconds < 0 ? 0 : (uint64_t)microseconds;
}

/* A bound is in its own bucket (OpenMetrics 1.0, "less than or equal"). */
size_t
histogram_bucket(int64_t microseconds)
{
	uint64_t value = clamp(microseconds);
	size_t low = 0, high = HISTOGRAM_BUCKETS - 1;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (value <= bounds[middle].microseconds)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void
histogram_observe(struct histogram_shared *shared, int64_t microseconds)
{
	atomic_fetch_add_explicit(
		&shared->bucket[histogram_bucket(microseconds)], 1,
		memory_order_relaxed);
	atomic_fetch_add_explicit(&shared->sum, clamp(microseconds),
		memory_order_relaxed);
}

void
histogram_put(struct histogram_numbers *numbers, int64_t microseconds)
{
	numbers->bucket[histogram_bucket(microseconds)]++;
	numbers->sum += clamp(microseconds);
}

void
histogram_set(struct histogram_shared *shared,
	const struct histogram_numbers *numbers)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		atomic_store_explicit(&shared->bucket[i], numbers->bucket[i],
			memory_order_relaxed);
	atomic_store_explicit(&shared->sum, numbers->sum,
		memory_order_relaxed);
}

void
histogram_add(struct histogram_numbers *to,
	const struct histogram_numbers *from)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	to->sum += from->sum;
}

static uint64_t
growth(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

struct histogram_numbers
histogram_since(const struct histogram_numbers *before,
	const struct histogram_numbers *now)
{
	struct histogram_numbers grown;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		grown.bucket[i] = growth(before->bucket[i], now->bucket[i]);
	grown.sum = growth(before->sum, now->sum);
	return grown;
}

uint64_t
histogram_count(const struct histogram_numbers *numbers)
{
	uint64_t count = 0;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += numbers->bucket[i];
	return count;
}

int64_t
histogram_quantile(const struct histogram_numbers *numbers, unsigned permille)
{
	double rank = (double)histogram_count(numbers) * permille / 1000;
	double below = 0;
	size_t i = 0;
	if (rank <= 0)
		return -1;
	while (i + 1 < HISTOGRAM_BUCKETS &&
	    below + (double)numbers->bucket[i] < rank)
		below += (double)numbers->bucket[i++];
	double low = i == 0 ? 0 : (double)bounds[i - 1].microseconds;
	if (i + 1 == HISTOGRAM_BUCKETS)
		return (int64_t)low;
	double high = (double)bounds[i].microseconds;
	return (int64_t)(low + (high - low) * (rank - below) /
		(double)numbers->bucket[i]);
}
