/*
 * The zones of dns_signed_zones: a thread makes their keys in `key`, signs them
 * before they are served, signs them again in time, looks at the DS of their
 * parents and follows one key by another (rollover.h). A zone that was signed
 * is never served unsigned while its parent has a DS; until it is signed for
 * the first time after a start it answers SERVFAIL.
 */
#ifndef NAMES_SIGNER_H
#define NAMES_SIGNER_H

#include "names/resolver.h"
#include "names/rollover.h"
#include "names/zones.h"
#include "serve/session.h"

/* `list`: origins, or "all"; `lifetime` of keys in s, 0: for ever. Copied. Takes
 * effect with the zones that come then. */
void
signer_configure(struct span list, int64_t lifetime);

/* Starts the thread. In the jail; calls are made while the lot runs. */
void
signer_start(struct lot *lot, struct resolver *resolver);
/* Waits until it has ended; before the lot is freed. */
void
signer_stop(void);

/*
 * A zone as it was read becomes what is to be served of it now: itself when it
 * is not to be signed; else what `old` serves, or one that cannot be answered,
 * until the thread has signed it. With the change begun (zones_begin_change).
 */
struct zone *
signer_take(struct zone *plain, const struct zones *old);

/* All zones of a set, of files and of our domains; those that are not in it are
 * forgotten. Their keys stay. */
void
signer_take_all(struct zones *zones, const struct zones *old);

/* A reload's end (listener_on_settle): it is said when all zones that it
 * brought are signed and served, or cannot be now. */
void
signer_settle(uint32_t serial);

/* Waits for that, five seconds at most; signing goes on after it. Not with the
 * change begun, not on the housekeeping thread. */
void
signer_wait(void);

/* What the operator is shown of a key. */
struct signer_key {
	struct dns_name origin;
	const char *phase;
	const char *state;		/* active, coming, going */
	char name[ROLLOVER_NAME];
	uint16_t tag;
	const uint8_t *ds;		/* DS data with SHA-256, as on the wire */
	size_t ds_size;
	const char *seen;		/* at the parent: seen, absent, unknown */
	uint32_t serial;		/* of what is served; 0: nothing yet */
	int64_t due;			/* signed again at, s since 1970 */
};
void
signer_walk(void (*function)(void *context, const struct signer_key *key),
	void *context);

/*
 * Another key now; or, with `is_told`, the operator's word that the parent has
 * the DS that is waited for, or none any more. False: no such zone is signed.
 */
bool
signer_roll(const struct dns_name *origin, bool is_told);

#endif
