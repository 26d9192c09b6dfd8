/* Handing records to names (wire names-records), which answers with them. */
#ifndef HOSTMASTER_PUBLISH_H
#define HOSTMASTER_PUBLISH_H

#include "base/arena.h"
#include "serve/row_call.h"

/*
 * These lines of a zone file, their names relative to the origin, replace what
 * the tag had there; an empty text removes that. They are answered when it
 * returns 0, but in a signed zone, which takes moments more. -1: names is away,
 * or has no zone for them (ERROR_REFUSED).
 */
int
publish_send(struct span origin, const char *tag, struct span text,
	int64_t deadline, struct error *error);

/* The origins where the tag has something, each a span of the arena. */
int
publish_list(const char *tag, int64_t deadline, struct arena *arena,
	struct span **origins, size_t *count, struct error *error);

#endif
