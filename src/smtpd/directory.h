/*
 * Questions to auth about addresses, on the wire auth-user (ARCHITECTURE.md
 * 2.2): is a recipient ours, may an account send as this address. Answers are
 * remembered as long as auth's generation stands still.
 */
#ifndef SMTPD_DIRECTORY_H
#define SMTPD_DIRECTORY_H

#include "base/span.h"
#include "serve/turnstile.h"

enum {
	DIRECTORY_WAIT = 10000,		/* ms for one question */
	DIRECTORY_REMEMBERED = 8192,	/* answers in each of two halves */
};

enum directory_verdict {
	DIRECTORY_LATER,	/* auth is away, busy, or did not know */
	DIRECTORY_LOCAL,	/* a recipient of ours */
	DIRECTORY_FULL,		/* ours, over its quota */
	DIRECTORY_REMOTE,	/* not a domain of ours */
	DIRECTORY_UNKNOWN,	/* our domain, no such user */
	DIRECTORY_MAY_SEND,
	DIRECTORY_MAY_NOT_SEND,
	DIRECTORY_WAIT_TURN,	/* park until nudged, then ask again */
};

/* One for the process. Locks inside. */
struct directory;

/* most: questions at once. */
struct directory *
directory_new(struct lot *lot, unsigned most);
void
directory_free(struct directory **directory);

/* Both block at most DIRECTORY_WAIT. Addresses as text, without brackets. */
enum directory_verdict
directory_ask_recipient(struct directory *directory, struct turn *turn,
	struct span address);
enum directory_verdict
directory_ask_sender(struct directory *directory, struct turn *turn,
	uint64_t account, struct span address);

#endif
