/*
 * Counting. Where the counters are read is serve/counter.h's business.
 */
#include "queue/tally.h"

#include "base/clock.h"
#include "serve/counter.h"

static void
count_delivery(const struct recipient *recipient, int64_t microseconds)
{
	bool is_here = recipient->is_local || recipient->is_program;
	counter_add(is_here ? COUNTER_RECIPIENTS_DELIVERED :
		COUNTER_RECIPIENTS_RELAYED, 1);
	counter_observe(recipient->is_program ? HISTOGRAM_DELIVERY_PROGRAM :
		is_here ? HISTOGRAM_DELIVERY_MAILBOX :
		HISTOGRAM_DELIVERY_RELAY, microseconds);
}

void
tally_recipient(const struct recipient *recipient, int64_t microseconds)
{
	if (recipient->reply.code < 300)
		count_delivery(recipient, microseconds);
	else if (envelope_is_waiting(recipient))
		counter_add(COUNTER_RECIPIENTS_LATER, 1);
	else
		counter_add(COUNTER_RECIPIENTS_NEVER, 1);
}

void
tally_attempt(enum destination_kind kind, int64_t began)
{
	counter_observe(kind == DESTINATION_RELAY ? HISTOGRAM_ATTEMPT_RELAY :
		kind == DESTINATION_PIPE ? HISTOGRAM_ATTEMPT_PROGRAM :
		HISTOGRAM_ATTEMPT_MAILBOX, clock_microseconds() - began);
}
