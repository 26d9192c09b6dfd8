/*
 * A zone that comes by AXFR (RFC 5936 2.2), message after message, as the
 * records of a zone. Bytes and memory only: what another server says is no
 * better than what a stranger says.
 */
#ifndef NAMES_INTAKE_H
#define NAMES_INTAKE_H

#include "names/zone_text.h"

enum {
	INTAKE_RECORDS = 1 << 20,	/* of a zone */
	INTAKE_OCTETS = 128 << 20,	/* of its messages */
};

struct intake {
	struct zone_text text;		/* .arena is the caller's */
	uint16_t id;			/* of the question */
	size_t octets;
	const char *wrong;		/* what was found; NULL: nothing wrong */
};

enum intake_result { INTAKE_MORE, INTAKE_WHOLE, INTAKE_WRONG };

void
intake_begin(struct intake *intake, struct arena *arena,
	const struct dns_name *origin, uint16_t id);

enum intake_result
intake_take(struct intake *intake, struct span message);

/* The serial of an answer to a question for the SOA; false: it is none. */
bool
intake_read_serial(struct span message, const struct dns_name *origin,
	uint16_t id, uint32_t *serial);

#endif
