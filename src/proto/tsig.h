/*
 * TSIG (RFC 8945): the last record of a DNS message is a code over it, which only
 * those can make who have the same secret. Of messages as bytes; which key is
 * whose, and what may be done with it, is the caller's business.
 */
#ifndef PROTO_TSIG_H
#define PROTO_TSIG_H

#include <openssl/types.h>

#include "proto/dns.h"

enum {
	TSIG_TYPE = 250,
	TSIG_FUDGE = 300,		/* s; RFC 8945 10 */
	TSIG_UNSIGNED = 99,		/* messages between two that are signed;
					 * RFC 8945 5.3.1 */
	TSIG_SECRET_LEAST = 16, TSIG_SECRET_LIMIT = 256,	/* octets */
	TSIG_MAC_LIMIT = 64,
	TSIG_ROOM = 2 * DNS_NAME_LIMIT + 32 + TSIG_MAC_LIMIT,	/* a record */
};

/* What is wrong with a signature: the field Error (RFC 8945 3), or what is answered
 * with FORMERR and never stands there. */
enum tsig_error {
	TSIG_GOOD, TSIG_MALFORMED,
	TSIG_MISSING,			/* only of an answer */
	TSIG_BAD_SIGNATURE = 16, TSIG_BAD_KEY, TSIG_BAD_TIME,
	TSIG_BAD_TRUNCATION = 22,
};

/* "BADKEY" */
const char *
tsig_error_name(unsigned error);

/* ---- keys ---- */

struct tsig_key {
	struct dns_name name;
	unsigned algorithm;		/* see tsig_algorithm_find */
	uint16_t size;
	uint8_t secret[TSIG_SECRET_LIMIT];
};

/* "hmac-sha256", -sha384, -sha512; any case, perhaps with a dot behind. */
bool
tsig_algorithm_find(struct span text, unsigned *algorithm);

/* ---- one record ---- */

struct tsig_record {
	size_t at;			/* where it begins in the message */
	struct dns_name key, algorithm;
	uint64_t time;			/* s since 1970; 48 bits */
	uint16_t fudge, id, error;	/* .id: the message's before forwarding */
	struct span mac, other;		/* of the message */
};

enum tsig_place {
	TSIG_ABSENT,
	TSIG_LAST,
	TSIG_MISPLACED,			/* or twice, or not as RFC 8945 4.2 has it */
};

enum tsig_place
tsig_find(struct span message, struct tsig_record *record);

/* Is it of this key, with its algorithm? */
bool
tsig_is_of(const struct tsig_record *record, const struct tsig_key *key);

/*
 * Appends a record without a code that says what is wrong with the one that came
 * (RFC 8945 5.3.2); false: there is no room.
 */
bool
tsig_add_error(const struct tsig_record *came, unsigned error,
	uint8_t *message, size_t *size, size_t limit);

/* ---- a question and its answer, which may be many messages ---- */

struct tsig {
	struct tsig_key key;
	EVP_MAC_CTX *running;		/* over what comes before the next code */
	uint8_t mac[TSIG_MAC_LIMIT];	/* the code that was written last, */
	size_t mac_size;		/* 0: none yet */
	bool has_request, is_later;	/* behind the first answer */
	unsigned unsigned_count;	/* since the last code */
	uint64_t time;			/* of the last record that came, */
	uint64_t their_time;		/* and what BADTIME said; 0: nothing */
};

void
tsig_begin(struct tsig *tsig, const struct tsig_key *key);
void
tsig_end(struct tsig *tsig);

/* In the place of tsig_begin: a question with this code was sent. */
void
tsig_begin_answer(struct tsig *tsig, const struct tsig_key *key,
	struct span mac);

/* Octets that a record with a code of the key takes at most. */
size_t
tsig_size(const struct tsig_key *key);

/*
 * Appends the record: as the question, or as the next answer. `now`: s since 1970.
 * TSIG_BAD_TIME as the error makes it say our time (RFC 8945 5.2.3). False:
 * there is no room, and nothing has changed.
 */
bool
tsig_sign(struct tsig *tsig, unsigned error, uint64_t now, uint8_t *message,
	size_t *size, size_t limit);

/* A question with the record, which is of the key. */
enum tsig_error
tsig_check_question(struct tsig *tsig, struct span message,
	const struct tsig_record *record, uint64_t now);

/*
 * The next message of the answer to the question that was signed. GOOD: it is signed,
 * or one of the stream that the next one vouches for (*is_signed says which); no
 * message may be the last that is not signed itself. Else: what is wrong, as we
 * see it or as the other says in a field that may be anybody's.
 */
enum tsig_error
tsig_check_answer(struct tsig *tsig, struct span message, uint64_t now,
	bool *is_signed);

#endif
