/*
 * What came of attempts to deliver and how long they took, for the counters.
 */
#ifndef QUEUE_TALLY_H
#define QUEUE_TALLY_H

#include "queue/destination.h"
#include "queue/envelope.h"

/* A recipient that an attempt has been judged for; how long ago it was accepted. */
void
tally_recipient(const struct recipient *recipient, int64_t microseconds);

/* An attempt that ends now, at anything but a report; began: clock_microseconds. */
void
tally_attempt(enum destination_kind kind, int64_t began);

#endif
