/*
 * Random bytes of the kernel: ids, salts, seeds, tickets.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills `out`; cannot fail (a kernel without getrandom ends the process). */
void
random_bytes(void *out, size_t size);

uint64_t
random_u64(void);

#endif
