/*
 * Whole zones for those of dns_allow_transfer: AXFR (RFC 5936), and IXFR, which
 * is answered with what changed (history.h), with the whole zone when that is
 * not known, or with the SOA when the client has it already (RFC 1995 4). Bytes
 * and memory only.
 */
#ifndef NAMES_TRANSFER_H
#define NAMES_TRANSFER_H

#include "names/history.h"
#include "names/message.h"
#include "names/packet.h"
#include "names/seal.h"
#include "names/zones.h"

enum {
	TRANSFER_TYPE_IXFR = 251, TRANSFER_TYPE_AXFR = 252,
	TRANSFER_MESSAGE = 16384,	/* octets after which the next begins */
};

/* One that is under way; zones NULL: none. */
struct transfer {
	struct zones *zones;		/* held: the zone stays what it is */
	const struct zone *zone;
	struct message_question question;
	size_t node, set, offset;	/* of the next record */
	struct history *steps[HISTORY_VERSIONS];	/* or of a change, held: */
	unsigned step_count, step;	/* its place, */
	size_t change;			/* and that of the record in it */
	struct tsig *tsig;		/* that each message is signed with; owned; NULL:
					 * they are not */
	bool has_begun, is_over;
};

bool
transfer_is_type(uint16_t type);

/* The serial that a question speaks of: IXFR of the one that the client has, as
 * authority (RFC 1995 3), NOTIFY of the new one, as answer (RFC 1996 3.7);
 * false: it does not. */
bool
transfer_read_serial(struct span question, enum dns_section section,
	uint32_t *serial);

void
transfer_begin(struct transfer *transfer, struct zones *zones,
	const struct zone *zone, const struct message_question *question);

/* After begin: only what changed since that serial, if that is known. */
void
transfer_set_since(struct transfer *transfer, uint32_t serial);

/* After begin: all is signed (RFC 8945 5.3.1); takes it. */
void
transfer_set_signature(struct transfer *transfer, struct tsig **tsig);

/* Appends the next message; false: that was the last one. */
bool
transfer_next(struct transfer *transfer, struct buffer *out);

/* Puts the zones down, at any time. */
void
transfer_end(struct transfer *transfer);

#endif
