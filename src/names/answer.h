/*
 * What our zones say to a question. Bytes and memory only; any thread.
 *
 *	RFC 1034 4.3.2, RFC 2181, RFC 2308 (no), RFC 4035 3.1 and RFC 5155 7.2
 *	(signatures and proofs, with DO), RFC 4592 (wildcards), RFC 6604 (aliases), RFC 6672 (DNAME), RFC 8482 (ANY), RFC 9471 (glue)
 */
#ifndef NAMES_ANSWER_H
#define NAMES_ANSWER_H

#include "names/packet.h"
#include "names/zones.h"

enum { ANSWER_ALIASES = 16 };	/* followed for one question */

enum answer_kind {
	ANSWER_NOT_OURS,	/* no zone of ours: nothing was written */
	ANSWER_WHOLE,
	ANSWER_NO_SUCH_NAME,
	ANSWER_REFERRAL,	/* somebody else has it */
	ANSWER_ALIAS,		/* it leads out of our zones */
	ANSWER_FAILURE,		/* the zone cannot be answered */
};

struct answer {
	enum answer_kind kind;
	unsigned rcode;
	struct dns_name name;	/* where aliases led to */
	const struct zone *zone;	/* of the last name; borrowed */
};

/*
 * Writes the sections behind the question, as far as `packet` has room: with
 * TC set when what belongs to the answer did not fit. The class is IN, the
 * type none of those that mean something else than a type (but ANY).
 */
void
answer_write(const struct zones *zones, const struct dns_question *asked,
	struct packet *packet, struct answer *answer);

#endif
