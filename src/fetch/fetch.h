/* One transfer with libcurl. No state but the authorities that are trusted. */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "serve/fetch_call.h"

struct names;

/* Before the jail and any thread; libcurl reads its files here. */
int
fetch_start(struct error *error);

/*
 * Trusts the authorities in this PEM file from the next transfer on; with -1,
 * or when it cannot be read, -1 with error and whoever was trusted stays so.
 */
int
fetch_trust(int authorities_fd, struct error *error);

/* Who tells addresses of hosts, and how many may ask him at once: who is one
 * too many waits here, because names would send him away. */
void
fetch_set_names(struct names *names, unsigned at_once);

/*
 * Straight down, until the deadline. `method` is GET, HEAD or POST. The answer and
 * what it points to live in the arena.
 */
void
fetch_transfer(const char *method, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *answer);

#endif
