/*
 * The only door to malloc. When memory runs out the process ends with a line
 * on standard error and master starts it again: every state on disk is valid
 * at every instant, so nothing is lost by that.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Zeroed; never NULL. The owner calls memory_free. */
void *
memory_new(size_t size);

/* count * size with the overflow checked; zeroed; never NULL. */
void *
memory_new_array(size_t count, size_t size);

/* Grows or shrinks; what is new is not zeroed; never NULL. */
void *
memory_resize(void *old, size_t size);

/* NULL is accepted. */
void
memory_free(void *old);

char *
memory_copy_string(const char *string);

#endif
