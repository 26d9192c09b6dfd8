#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void
random_bytes(void *out, size_t size)
{
	char *at = out;
	while (size > 0) {
		ssize_t n = getrandom(at, size, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort();
		at += n;
		size -= (size_t)n;
	}
}

/* One system call serves 32 numbers; a fork re-executes, so none repeats. */
uint64_t
random_u64(void)
{
	static _Thread_local uint64_t pool[32];
	static _Thread_local size_t left;
	if (left == 0) {
		random_bytes(pool, sizeof(pool));
		left = sizeof(pool) / sizeof(pool[0]);
	}
	uint64_t number = pool[--left];
	pool[left] = 0;
	return number;
}
