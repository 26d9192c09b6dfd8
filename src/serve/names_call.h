/*
 * Asking `names` (wire names-dns, ARCHITECTURE.md 2.7) for what stands in the
 * DNS: a question, and the records that answer it with all aliases followed.
 * The answer comes from a validating resolver over a wire that nobody else can
 * write to, which is why its AD bit is believed (RFC 6840 5.8, RFC 7672 2.2).
 *
 * Doubt is LATER: only a server that answered makes "no" of a name.
 */
#ifndef SERVE_NAMES_CALL_H
#define SERVE_NAMES_CALL_H

#include "base/arena.h"
#include "base/network.h"
#include "serve/session.h"
#include "serve/stream.h"

enum {
	NAMES_RECORDS_LIMIT = 512,	/* of one answer; those beyond are left out */
	NAMES_TEXT_LIMIT = 16384,	/* joined strings of a TXT record */
	NAMES_AT_ONCE = 4,		/* questions that are asked together */
};

enum names_type {	/* RFC 1035 3.2.2, RFC 3596 2.1, RFC 6698 7.1 */
	NAMES_A = 1, NAMES_CNAME = 5, NAMES_PTR = 12, NAMES_MX = 15,
	NAMES_TXT = 16, NAMES_AAAA = 28, NAMES_TLSA = 52,
};

enum names_verdict {
	NAMES_FOUND,		/* at least one record */
	NAMES_EMPTY,		/* the name is there, no record of this type is */
	NAMES_NO_NAME,		/* the name is not there, nor can it be */
	NAMES_LATER,		/* no answer in time, SERVFAIL, bogus: nobody knows */
};

/* Names are text without the last dot, lower case, A-labels; bytes that are no
 * part of a host name stand as \DDD (RFC 1035 5.1), the root is empty. */
struct names_record {
	union {
		struct network_address address;		/* A, AAAA; port 0 */
		struct {
			uint16_t preference;
			struct span exchange;		/* empty: RFC 7505 */
		} mx;
		struct {
			uint8_t usage, selector, matching;
			struct span data;
		} tlsa;
		struct span txt;	/* the strings joined, any bytes */
		struct span name;	/* CNAME, PTR */
	};
};

struct names_answer {
	enum names_verdict verdict;
	bool is_secure;		/* validated: FOUND, EMPTY and NO_NAME alike */
	bool is_bogus;		/* LATER, because validation failed */
	bool is_ours;		/* LATER, because `names` is away, busy or does not
				 * answer: says nothing about the name */
	uint32_t ttl;		/* seconds; of the "no" for EMPTY and NO_NAME, 0
				 * for LATER */
	struct span canonical;	/* what the aliases led to; the name asked for
				 * when there are none */
	struct names_record *record;	/* in the answer's order */
	size_t count;
	struct span reason;	/* LATER: a sentence for the log; strangers' words
				 * may be in it */
};

/* The caller's end, one for the process. Locks inside. */
struct names;

struct names *
names_new(struct lot *lot);
void
names_free(struct names **names);

/*
 * Asks and waits, at most until the deadline (monotonic ms). Everything in
 * the answer lives in the arena. A name that cannot stand in the DNS (an empty
 * or long label, no A-labels) is NO_NAME without asking.
 */
void
names_ask(struct names *names, struct arena *arena, struct span name,
	enum names_type type, int64_t deadline, struct names_answer *answer);

struct names_question {
	struct span name;
	enum names_type type;
	struct names_answer *answer;
};

/*
 * The same for several questions, at most NAMES_AT_ONCE, that go out together:
 * the time of the slowest, not of all.
 */
void
names_ask_all(struct names *names, struct arena *arena,
	const struct names_question *questions, size_t count, int64_t deadline);

/*
 * The same on a stream whose other end speaks DNS (RFC 1035 4.2.2), whose
 * deadline it obeys. False when the stream is of no use afterwards; what was not
 * answered by then is LATER.
 */
bool
names_ask_stream(struct stream *stream, struct arena *arena,
	const struct names_question *questions, size_t count);

#endif
