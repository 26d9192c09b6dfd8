/*
 * What clients of the resolver ask, and what they are told: reading questions,
 * and making an answer of what the resolver library found. Bytes only.
 *
 *	RFC 1035 4.1, RFC 4035 3.2 (DO, AD, CD), RFC 6840 5.7 to 5.9, RFC 6891,
 *	RFC 8914
 */
#ifndef NAMES_MESSAGE_H
#define NAMES_MESSAGE_H

#include "proto/dns.h"

enum { MESSAGE_NOTIFY = 4 << 11 };		/* an operation (RFC 1996) */
enum { MESSAGE_COOKIE = 8, MESSAGE_COOKIE_LIMIT = 40 };

/* A question as it came. */
struct message_question {
	uint16_t id, flags;
	struct dns_question asked;
	bool has_question;		/* else .asked is nothing */
	bool has_edns, is_dnssec_wanted;
	bool has_tsig;			/* signed, perhaps; see seal.h */
	uint16_t udp_size;		/* what the client can take by UDP */
	uint8_t cookie[MESSAGE_COOKIE_LIMIT];	/* the client's, and behind it */
	uint8_t cookie_size;		/* what we once gave; 0: none */
	unsigned refusal;		/* an rcode, 0: it can be answered */
};

/* What was found. */
struct message_answer {
	unsigned rcode;
	struct span packet;		/* of the library; empty: the rcode is all */
	bool is_secure, is_bogus;
	struct span reason;		/* of a failure */
	uint32_t age;			/* s that its records have got older */
};

/*
 * False when no answer is due (it is an answer itself, or has no header): a
 * stream is closed then. Without a refusal .asked may be missing when there is a
 * cookie: it is what is asked for (RFC 7873 5.4).
 */
bool
message_read(struct span bytes, struct message_question *question);

/* The refusal of a question that the resolver does not answer; 0: it does. */
unsigned
message_judge(const struct message_question *question);

/* Types that mean something else than records, ANY not among them. */
bool
message_is_meta(uint16_t type);

/*
 * Appends the answer of at most `limit` octets, behind the aliases (a message
 * of ours, or empty) that lead to it, which make it one that is not validated; what is longer is cut as a
 * whole (TC, RFC 2181 9), or a failure where nothing longer exists. A refusal
 * of the question needs no answer (NULL).
 */
void
message_write(struct buffer *out, size_t limit,
	const struct message_question *question, struct span aliases,
	const struct message_answer *answer);

#endif
