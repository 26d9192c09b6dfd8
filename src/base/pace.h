/* How often something may be done: so many times a second, and ever more rarely
 * when it fails. */
#ifndef BASE_PACE_H
#define BASE_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Begins as zeros. */
struct pace {
	int64_t second;			/* that is counted */
	unsigned count;
};

/* Once more at `now` (ms): is it within `most` in this second? */
bool
pace_take(struct pace *pace, int64_t now, unsigned most);

/* ms to wait after so many failures in a row: 0, 0, then 1, 2, 4 ... 30 s. */
int64_t
pace_back_off(unsigned failures);

#endif
