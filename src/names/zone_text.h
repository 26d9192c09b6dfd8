/*
 * Zone files in the usual format (RFC 1035 5, RFC 2308 4), read through ldns:
 * text in, records as on the wire out. What a single record cannot show (that
 * there is a SOA, that a CNAME is alone) is zone.h's business.
 */
#ifndef NAMES_ZONE_TEXT_H
#define NAMES_ZONE_TEXT_H

#include "base/arena.h"
#include "base/error.h"
#include "proto/dns.h"

struct zone_record {
	const uint8_t *owner;		/* as on the wire, case as written */
	const uint8_t *data;		/* RDATA, its names whole */
	uint32_t ttl;
	uint32_t line;			/* where it begins; 0: it came otherwise */
	uint16_t type, size;		/* size: of the data */
	uint8_t owner_size;
};

/* Records of one zone in no order. All memory is the arena's. */
struct zone_text {
	struct arena *arena;
	struct dns_name origin;
	const char *file;		/* for sentences; borrowed */
	struct zone_record *records;
	size_t count, room;
};

/*
 * Reads the text. On failure one sentence with file, line, what was found and
 * what was expected. No I/O; $INCLUDE is refused.
 */
int
zone_text_read(struct zone_text *zone, struct span text, struct error *error);

/* Adds a copy of a record, which may come from elsewhere. */
void
zone_text_add(struct zone_text *zone, const struct zone_record *record);

#endif
