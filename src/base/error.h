/*
 * "Our trouble": what went wrong on our side, as a code for the program and
 * one sentence for a person that says what was being done to what. Functions
 * that can meet it return -1 and fill the caller's struct error. What is wrong
 * with a peer's input is not an error but a value of that protocol's enum.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

enum error_code {
	ERROR_NONE = 0,
	ERROR_SYSTEM,		/* a system call failed; see .number */
	ERROR_FULL,		/* no space, quota of the disk */
	ERROR_LATER,		/* busy, a limit, a peer process away */
	ERROR_TIMEOUT,		/* a deadline passed */
	ERROR_GONE,		/* it is not there */
	ERROR_EXISTS,
	ERROR_DAMAGED,		/* on-disk state is not what it must be */
	ERROR_LOST_CLAIM,	/* another process owns the account now */
	ERROR_OVER_QUOTA,
	ERROR_REFUSED,		/* not allowed */
	ERROR_USAGE,		/* the administrator's input is wrong */
};

struct error {
	enum error_code code;
	int number;		/* errno, or 0 */
	char text[400];		/* one sentence without a full stop */
};

/* Fills *error and returns -1, so that a function can `return error_set(...)`. */
int
error_set(struct error *error, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * As above from errno: adds ": " and its text. ENOSPC and EDQUOT become
 * ERROR_FULL, ENOENT ERROR_GONE, EEXIST ERROR_EXISTS, all others ERROR_SYSTEM.
 */
int
error_set_errno(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "what: " in front of the sentence already there; returns -1. */
int
error_wrap(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
