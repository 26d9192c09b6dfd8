/*
 * Whole zones for those of dns_allow_transfer: AXFR (RFC 5936), and IXFR, which
 * is answered with the whole zone or, when the client has it already, with the
 * SOA (RFC 1995 4). Bytes and memory only.
 */
#ifndef NAMES_TRANSFER_H
#define NAMES_TRANSFER_H

#include "names/message.h"
#include "names/packet.h"
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
	bool has_begun, is_over;
};

bool
transfer_is_type(uint16_t type);

/* Is the client's zone as new as ours (RFC 1982), as far as the question, an
 * IXFR, says? */
bool
transfer_is_current(struct span question, uint32_t serial);

void
transfer_begin(struct transfer *transfer, struct zones *zones,
	const struct zone *zone, const struct message_question *question);

/* Appends the next message; false: that was the last one. */
bool
transfer_next(struct transfer *transfer, struct buffer *out);

/* Puts the zones down, at any time. */
void
transfer_end(struct transfer *transfer);

#endif
