/*
 * A zone that comes by AXFR (RFC 5936 2.2) or IXFR (RFC 1995 4), message after
 * message, as the records of a zone. Bytes and memory only: what another server
 * says is no better than what a stranger says.
 */
#ifndef NAMES_INTAKE_H
#define NAMES_INTAKE_H

#include "names/amend.h"

enum {
	INTAKE_RECORDS = 1 << 20,	/* of a zone, and of its changes */
	INTAKE_OCTETS = 128 << 20,	/* of its messages */
};

struct intake {
	struct zone_text text;		/* .arena is the caller's */
	uint16_t id;			/* of the question */
	size_t octets, records;		/* that came */
	const char *wrong;		/* what was found; NULL: nothing wrong */
	const struct zone *has;		/* IXFR: what we have; NULL: AXFR */
	enum {
		INTAKE_BEGINNING, INTAKE_SECOND, INTAKE_ZONE, INTAKE_REMOVING,
		INTAKE_ADDING
	} phase;
	bool is_change;			/* it came as differences */
	uint32_t serial, reached;	/* of all, of the difference */
	struct amend amend;
};

enum intake_result {
	INTAKE_MORE,
	INTAKE_WHOLE,			/* .text is the zone */
	INTAKE_SAME,			/* what we have is the newest */
	INTAKE_WRONG,
};

/* With `has` the question was IXFR with its serial; it is borrowed until the
 * end. */
void
intake_begin(struct intake *intake, struct arena *arena,
	const struct dns_name *origin, uint16_t id, const struct zone *has);

enum intake_result
intake_take(struct intake *intake, struct span message);

/* Frees all but the arena, at any time. */
void
intake_end(struct intake *intake);

/* The serial of an answer to a question for the SOA; false: it is none. */
bool
intake_read_serial(struct span message, const struct dns_name *origin,
	uint16_t id, uint32_t *serial);

#endif
