/*
 * What is done with a question, whoever asked and however it came: our zones
 * answer, or the resolver does for those who may ask it, or it is refused. All
 * of it but the resolver's part is bytes and memory. Any thread.
 *
 *	RFC 1035 4, RFC 5358 (no open resolver), RFC 6891, RFC 7873, RFC 8945 5,
 *	RFC 9018
 */
#ifndef NAMES_FRONT_H
#define NAMES_FRONT_H

#include "names/message.h"
#include "names/resolver.h"
#include "names/seal.h"
#include "names/zones.h"

struct front_client {
	struct network_address address;
	bool is_stream;
	bool is_ours;		/* a program of this machine: a wire, the Unix
				 * socket, the loopback port */
	bool is_past_zones;	/* wants what the world says: our zones do not
				 * answer him */
};

/* Of the configuration; spans are copied. */
struct front_settings {
	struct span recursion_networks, transfer_peers;
	bool are_attached_included;	/* private networks that we are in */
	unsigned rate_limit, rate_slip;
};

/* Settings may change at any time. */
void
front_init(struct resolver *resolver);
void
front_configure(const struct front_settings *settings);

/* A question, and what is known of its answer while the resolver is asked. */
struct front_question {
	struct message_question question;
	struct dns_question sought;	/* by the resolver */
	size_t limit;			/* octets of the answer */
	const struct zone *zone;	/* for FRONT_TRANSFER */
	bool has_serial;		/* an IXFR, from that serial on */
	uint32_t serial;
	struct span aliases;		/* a message of ours that leads to what is
					 * sought; owned */
	struct span otherwise;		/* a whole answer of ours, for when the
					 * resolver finds nothing; owned */
	struct tsig *tsig;		/* that all answers are signed with; owned;
					 * NULL: they are not */
};

enum front_verdict {
	FRONT_NOTHING,		/* no answer is due */
	FRONT_ANSWERED,		/* it stands in `out` */
	FRONT_ASK,		/* front_ask, or front_free */
	FRONT_TRANSFER,		/* the zone, by a stream: transfer.h */
};

/* Appends an answer to `out`, or fills the question for front_ask. */
enum front_verdict
front_take(struct span bytes, const struct front_client *client,
	const struct zones *zones, struct front_question *question,
	struct buffer *out);

/* resolver_ask with what is sought. */
bool
front_ask(const struct front_question *question, bool is_stranger,
	upstream_function *function, void *context);

/* Appends the answer, and frees what the question holds. */
void
front_answer(struct front_question *question,
	const struct message_answer *answer, struct buffer *out);
void
front_free(struct front_question *question);

#endif
