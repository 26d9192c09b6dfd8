/*
 * When the key of a signed zone is followed by another (RFC 6781 4.1.3, RFC 7583
 * 3.3): a state and what moves it on, with time as a parameter. No I/O.
 *
 * One key signs everything (a CSK: the keys of a zone are all in one process,
 * so that a second one would keep nothing safer). It is followed in steps, none
 * of which leaves anything in a validator's cache that it cannot check:
 *
 *	steady	one key
 *	coming	the next key is in DNSKEY, and signs it too, until everybody who
 *		has an older DNSKEY has forgotten it; then CDS names it
 *	waiting	until the parent's DS names it, which people see to, or the
 *		parent (RFC 7344)
 *	going	the next key signs the zone; the old one stays in DNSKEY and
 *		signs that, until its signatures and its DS are forgotten
 *	leaving	the zone is not to be signed any more: CDS asks for that (RFC
 *		8078 4), until the parent's DS is gone and forgotten
 */
#ifndef NAMES_ROLLOVER_H
#define NAMES_ROLLOVER_H

#include "base/buffer.h"

enum { ROLLOVER_NAME = 32 };

enum rollover_phase {
	ROLLOVER_STEADY, ROLLOVER_COMING, ROLLOVER_WAITING, ROLLOVER_GOING,
	ROLLOVER_LEAVING, ROLLOVER_PHASES
};

struct rollover {
	enum rollover_phase phase;
	char key[ROLLOVER_NAME];	/* names in `key`; "": none */
	char next[ROLLOVER_NAME];
	char old[ROLLOVER_NAME];	/* to be dropped */
	int64_t made;			/* when .key began; s since 1970, as all */
	int64_t since;			/* since when the zone is served as the phase
					 * has it; 0: not yet */
	uint32_t ttl;			/* the longest of what .key has signed */
	uint32_t ds_ttl;		/* the longest of a DS that was seen */
	int64_t ds_gone;		/* since when no DS is seen; 0: one was */
	int64_t ds_since;		/* since when that of .next is; 0: it is not */
};

/* What the parent's DS names, as far as it was validated. */
struct rollover_ds {
	bool is_known, has_any, has_key, has_next;
	uint32_t ttl;
};

struct rollover_facts {
	int64_t now;
	bool is_wanted;			/* the zone is to be signed */
	uint32_t key_ttl;		/* of DNSKEY */
	uint32_t propagation;		/* s until all servers of the zone have it */
	int64_t lifetime;		/* of a key, s; 0: for ever */
	struct rollover_ds ds;
};

/* Is it time for another key? The name of one that is made is then given to
 * rollover_begin. With a DS only: who looks at nobody's needs none. */
bool
rollover_is_due(const struct rollover *rollover,
	const struct rollover_facts *facts);
void
rollover_begin(struct rollover *rollover, const char *next);

/* Moves it on by one step, if it is time; true: it is to be kept, and the zone
 * signed anew. */
bool
rollover_step(struct rollover *rollover, const struct rollover_facts *facts);

/* The zone is not signed any more: keys may go. After rollover_step. */
bool
rollover_has_ended(const struct rollover *rollover,
	const struct rollover_facts *facts);

/* The zone is served as it is to be; true: that is to be kept. */
bool
rollover_serve(struct rollover *rollover, int64_t now);

/* When a step may be due, s; INT64_MAX: only when something is seen. */
int64_t
rollover_next(const struct rollover *rollover,
	const struct rollover_facts *facts);

/* In words, and back; false: that is none. */
void
rollover_write(const struct rollover *rollover, struct buffer *out);
bool
rollover_read(struct span text, struct rollover *rollover);

const char *
rollover_phase_name(enum rollover_phase phase);

#endif
