/*
 * What stands between fork and exec when a program of ours is started: which
 * file it is, what it inherits, and nothing else.
 */
#ifndef BASE_BIRTH_H
#define BASE_BIRTH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/owner.h"

enum { BIRTH_DESCRIPTORS_LIMIT = 16 };

/* The pattern with the name in place of each "%s". false: it is too long. */
bool
birth_path(const char *pattern, const char *name, char *path, size_t size);

/* May the program raise the generations that all others read? */
bool
birth_may_raise(const char *program);

/* Leaves in the environment only what the tests may steer. */
void
birth_environment(void);

/*
 * These descriptors in the places 0, 1, 2 ..., open across exec; all others
 * are closed. -1: none may be used, the process must end.
 */
int
birth_descriptors(const int *wanted, size_t count);

/* Waits at most so many ms for the end of a process. */
void
birth_wait_for(pid_t before, int wait);

/*
 * Runs a program whose last line on standard error says why it cannot; it
 * is killed after so many s. Called in the parent: everything that is open and
 * not O_CLOEXEC is there for it. -1 with its sentence.
 */
int
birth_try(const char *path, char *const arguments[], unsigned seconds,
	struct error *error);

/*
 * What `ps` and `systemctl status` show of this process from now on, in the place
 * of its arguments, which are gone then (cut to their size).
 */
void
birth_title(int argc, char **argv, const char *title);

struct birth {
	const char *pattern;		/* of program paths */
	const char *name, *executable;	/* argv[0]; the file */
	bool has_instance;		/* it is told so, as argv[1] */
	unsigned instance;
	const struct owner *owner;	/* who to become */
	bool is_owned;			/* the owner's name and home too */
};

/* Becomes the program: who to be stands in its environment. Returns only when
 * that failed, with a line in the log. */
void
birth_execute(const struct birth *birth);

#endif
