/*
 * The file where Dovecot keeps which mailboxes are subscribed, beside the mail:
 * a name a line in modified UTF-7, levels with a separator between; when it
 * begins with "V\t2", with tabs. Lines that are no names are passed over.
 */
#ifndef STORE_SUBSCRIPTIONS_H
#define STORE_SUBSCRIPTIONS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/span.h"

struct subscriptions {
	int directory;			/* borrowed */
	const char *file;		/* in it */
	char separator;			/* where it has no tabs */
};

/* Names in UTF-8 with '/' between levels, in the arena. None when the file is
 * not there. */
int
subscriptions_read(const struct subscriptions *file, struct arena *arena,
	struct span **names, size_t *count, struct error *error);

/* Durable at return; a file with tabs stays one. */
int
subscriptions_change(const struct subscriptions *file, struct span name,
	bool is_subscribed, struct error *error);

#endif
