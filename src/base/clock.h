/*
 * Time. Deadlines are on the monotonic clock, in milliseconds; dates are on
 * the wall clock. Code that is tested takes time as a parameter and calls
 * these only at its outermost edge.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC. An absolute deadline is such a value. */
int64_t
clock_monotonic(void);

/* Microseconds of the same clock, to say how long something took. */
int64_t
clock_microseconds(void);

/* Milliseconds since 1970-01-01 UTC. */
int64_t
clock_wall(void);

/* Milliseconds from now until the deadline, for poll(): 0 when it passed. */
int
clock_until(int64_t deadline);

/* "2026-11-22T06:46:03.123Z"; out has room for 25 bytes. */
void
clock_format_iso(int64_t wall, char out[25]);

#endif
