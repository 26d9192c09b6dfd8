/*
 * What stands between fork and exec when a program of ours is started: which
 * file it is, what it inherits, and nothing else.
 */
#ifndef BASE_BIRTH_H
#define BASE_BIRTH_H

#include <stdbool.h>
#include <stddef.h>

enum { BIRTH_DESCRIPTORS_LIMIT = 16 };

/* The pattern with the name in place of each "%s". false: it is too long. */
bool
birth_path(const char *pattern, const char *name, char *path, size_t size);

/* Leaves in the environment only what the tests may steer. */
void
birth_environment(void);

/*
 * These descriptors in the places 0, 1, 2 ..., open across exec; all others
 * are closed. -1: none may be used, the process must end.
 */
int
birth_descriptors(const int *wanted, size_t count);

#endif
