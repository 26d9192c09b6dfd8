/*
 * How all processes are, for a program that may ask (etc/services: `watch`):
 * master says which there are and shows the numbers of each, nothing else of its
 * memory. Asked for at most once a second, however many want to know.
 */
#ifndef SERVE_WATCH_H
#define SERVE_WATCH_H

#include "proto/control.h"
#include "serve/counter.h"

enum { WATCH_LIMIT = 300, WATCH_FRESH = 900 /* ms an answer is believed */ };

/* A process; or all of a program that are on demand, together. */
struct watched {
	char name[CONTROL_NAME_SIZE];
	unsigned instance;
	unsigned count;			/* of those on demand; else 0 */
	bool is_up;			/* runs, and has said that it is ready */
	unsigned restarts;
	int64_t started;		/* wall ms; 0: not running */
	uint64_t value[COUNTER_COUNT];
	struct histogram_numbers histogram[HISTOGRAM_COUNT];
};

/* Copies up to WATCH_LIMIT rows; their number. 0: master did not answer before
 * the deadline (monotonic ms). Blocks; never on the housekeeping thread. */
size_t
watch_look(struct watched *rows, int64_t deadline);

/* PROCESS and DONE of master's, on the housekeeping thread. */
void
watch_take(const struct control_message *message, int fd);

#endif
