/*
 * How long things take, counted in buckets: one row for each in one table, all
 * with the same bounds. A counter of its own kind (serve/counter.h has the page
 * where they are); /metrics and `posthouse top` come from the same rows.
 *
 * Those of kind GAUGE are a distribution as it is now, set as a whole; the others
 * only grow.
 */
#ifndef SERVE_HISTOGRAM_H
#define SERVE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Upper bounds, as microseconds and as OpenMetrics 1.0 writes them in seconds
 * (5.1.1.9: canonical). What is longer is in one bucket more. */
#define HISTOGRAM_BOUNDS(X) \
	X(1000, "0.001") X(2500, "0.0025") X(5000, "0.005") X(10000, "0.01") \
	X(25000, "0.025") X(50000, "0.05") X(100000, "0.1") X(250000, "0.25") \
	X(500000, "0.5") X(1000000, "1.0") X(2500000, "2.5") \
	X(5000000, "5.0") X(10000000, "10.0") X(30000000, "30.0") \
	X(60000000, "60.0") X(300000000, "300.0") X(900000000, "900.0") \
	X(3600000000, "3600.0") X(14400000000, "14400.0") \
	X(43200000000, "43200.0") X(86400000000, "86400.0") \
	X(432000000000, "432000.0")

/* id, the program that counts, family, label, kind, text of the family. Those of
 * one family follow each other. */
#define HISTOGRAM_LIST(X) \
	X(REPLY_ACCEPTED, "smtpd", "end_of_data_seconds", "verdict=\"accepted\"", COUNTER, "from the end of a message's content until the reply") \
	X(REPLY_LATER, "smtpd", "end_of_data_seconds", "verdict=\"later\"", COUNTER, "") \
	X(REPLY_NEVER, "smtpd", "end_of_data_seconds", "verdict=\"never\"", COUNTER, "") \
	X(DELIVERY_MAILBOX, "queue", "delivery_seconds", "to=\"mailbox\"", COUNTER, "from acceptance until delivered, of each recipient") \
	X(DELIVERY_RELAY, "queue", "delivery_seconds", "to=\"relay\"", COUNTER, "") \
	X(DELIVERY_PROGRAM, "queue", "delivery_seconds", "to=\"program\"", COUNTER, "") \
	X(ATTEMPT_MAILBOX, "queue", "attempt_seconds", "to=\"mailbox\"", COUNTER, "one attempt to deliver, whatever came of it") \
	X(ATTEMPT_RELAY, "queue", "attempt_seconds", "to=\"relay\"", COUNTER, "") \
	X(ATTEMPT_PROGRAM, "queue", "attempt_seconds", "to=\"program\"", COUNTER, "") \
	X(QUEUE_AGE, "queue", "queue_age_seconds", "", GAUGE, "how long the messages of the spool have been there; looked at every 15 seconds")

enum histogram {
#define HISTOGRAM_ENUM(id, program, name, label, kind, text) HISTOGRAM_##id,
	HISTOGRAM_LIST(HISTOGRAM_ENUM)
#undef HISTOGRAM_ENUM
	HISTOGRAM_COUNT
};

enum {
#define HISTOGRAM_ONE(bound, text) + 1
	HISTOGRAM_BUCKETS = 1 HISTOGRAM_BOUNDS(HISTOGRAM_ONE),
#undef HISTOGRAM_ONE
};

/* In shared memory. */
struct histogram_shared {
	_Atomic uint64_t bucket[HISTOGRAM_BUCKETS];
	_Atomic uint64_t sum;		/* microseconds */
};

/* A copy of it; each bucket has only what is in no smaller one. */
struct histogram_numbers {
	uint64_t bucket[HISTOGRAM_BUCKETS];
	uint64_t sum;
};

struct histogram_row {
	const char *program, *name, *label, *text;
	bool is_gauge;
};
extern const struct histogram_row histogram_rows[HISTOGRAM_COUNT];

/* The bound of a bucket, microseconds (UINT64_MAX: of the last) and as text. */
uint64_t
histogram_bound(size_t bucket);
const char *
histogram_bound_text(size_t bucket);

/* The bucket of that many microseconds; below 0 is 0, as after a clock that was
 * set back. */
size_t
histogram_bucket(int64_t microseconds);

/* Any thread; some nanoseconds. */
void
histogram_observe(struct histogram_shared *shared, int64_t microseconds);

/* One more in a distribution that is being made. */
void
histogram_put(struct histogram_numbers *numbers, int64_t microseconds);

/* Puts a distribution in the place of what there was. */
void
histogram_set(struct histogram_shared *shared,
	const struct histogram_numbers *numbers);

void
histogram_add(struct histogram_numbers *to,
	const struct histogram_numbers *from);

/* What came since `before`; what has become less counts as nothing. */
struct histogram_numbers
histogram_since(const struct histogram_numbers *before,
	const struct histogram_numbers *now);

uint64_t
histogram_count(const struct histogram_numbers *numbers);

/*
 * Microseconds that `permille` of them do not exceed, even within a bucket; -1
 * when there are none. What is beyond the last bound is said to be that.
 */
int64_t
histogram_quantile(const struct histogram_numbers *numbers,
	unsigned permille);

#endif
