/*
 * The envelope of a queued message: who sent it, to whom it still has to go,
 * and how that stands. Kept as the annotation of the message in the spool;
 * format and states: doc/formats/spool.md.
 */
#ifndef QUEUE_ENVELOPE_H
#define QUEUE_ENVELOPE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/log.h"
#include "proto/smtp.h"
#include "store/store.h"

enum {
	ENVELOPE_LIMIT = 65536,	/* bytes of a new annotation; when replies
				 * come in, the same recipients always fit
				 * STORE_ANNOTATION_LIMIT */
	ENVELOPE_TEXT_LIMIT = 512,	/* bytes kept of a reply's sentence */
};

enum recipient_state {
	RECIPIENT_WAITING,	/* local or a program, to be delivered at .next */
	RECIPIENT_RELAY,	/* for another host, to be relayed at .next */
	RECIPIENT_BOUNCE,	/* refused for good, the sender is to be told */
	RECIPIENT_NOTIFY,	/* delivered, the sender asked to be told */
	RECIPIENT_DONE,		/* nothing left to do; never written */
};

/* Is the sender told that it takes long? */
enum warning_state { WARNING_NOT_YET, WARNING_OWED, WARNING_DONE };

/* What a hop said: 250, 4xx or 5xx; code 0: nothing yet. */
struct delivery_reply {
	unsigned code;
	struct span status;	/* "4.3.0", or empty */
	struct span text;
};

/* A program or file of an alias or a .forward, and as whom it runs. What it is
 * only the process pipe finds out (ARCHITECTURE.md 2.10). */
struct program_place {
	uint32_t owner;
	bool is_forward;	/* of .forward, not of alias_maps */
	bool is_whole;		/* no program yet: where .forward sends it */
	unsigned index;
	struct span key;	/* the alias's name; the detail of .forward+detail */
};

struct recipient {
	struct span to;		/* after aliases; of a program: whose it is */
	struct span original;	/* of RCPT, when it differs; else empty */
	struct span orcpt;	/* as given, or empty */
	unsigned notify;	/* enum smtp_notify; 0: not given */
	bool is_local;
	bool is_final;		/* local: his mailbox, without .forward */
	bool is_program;
	uint64_t account, quota;	/* local ones */
	struct program_place program;
	/* Reverse-path in place of the envelope's: a list's owner. Empty in
	 * envelopes of the spool, which have one for all. */
	struct span sender;
	enum recipient_state state;
	unsigned attempts;
	int64_t last, next;	/* wall ms; 0: never, at once */
	struct delivery_reply reply;
	enum warning_state warning;
	bool is_uncertain;	/* the last attempt ended without an answer: it may
				 * have been stored. Not written */
};

/* Spans live in the arena it was built with or decoded into. */
struct envelope {
	struct span id;
	struct log_scope scope;		/* trace and session */
	uint8_t transaction[STORE_TRANSACTION_SIZE];
	uint64_t actor;
	int64_t arrival;		/* wall ms */
	struct span sender;		/* empty: <> */
	struct span forward_sender;	/* instead of it, where an alias forwards
				 * elsewhere (proto/srs.h); empty: the same */
	struct span body;		/* "7bit", "8bitmime", "binarymime" */
	bool is_utf8;
	bool needs_tls;			/* RFC 8689 */
	bool is_held;			/* by the operator: nothing is tried */
	bool is_report;			/* made here (report.h) */
	bool is_double;			/* about a report: the last */
	struct span ret, envid;		/* "full", "hdrs"; or empty */
	struct recipient *recipient;
	size_t count;
};

/*
 * Appends the annotation for recipients from `first` on that are not DONE, as
 * many as fit `limit` bytes; returns the index after the last one written. At
 * least one is always written.
 */
size_t
envelope_encode(struct buffer *out, const struct envelope *envelope,
	size_t first, size_t limit);

/* False when the bytes are not an annotation of a version known here. */
bool
envelope_decode(struct span bytes, struct arena *arena,
	struct envelope *envelope);

/* The reverse-path by which the recipient gets it, or hears of it: before that of
 * forwarding. */
struct span
envelope_sender(const struct envelope *envelope,
	const struct recipient *recipient);

/* What the next hop is told about the body. */
enum smtp_body
envelope_body(const struct envelope *envelope);

/* Does an alias forward to the recipient, with a reverse-path of ours? */
bool
envelope_is_forwarded(const struct envelope *envelope,
	const struct recipient *recipient);

/* Is something still to be delivered to the recipient? */
bool
envelope_is_waiting(const struct recipient *recipient);

/* Does the sender want a report when delivery fails for good? */
bool
envelope_wants_bounce(const struct envelope *envelope,
	const struct recipient *recipient);

/* "UID:aliases:INDEX", "UID:forward:INDEX" or "UID:forward"; the key is not in
 * it. */
enum { ENVELOPE_INDEX_LIMIT = 1000 };
bool
envelope_parse_program(struct span text, struct program_place *program);

/* "waiting", "relay", "bounce", "notify", "done". */
const char *
envelope_state_name(enum recipient_state state);

/* Recipients that are not DONE. */
size_t
envelope_left(const struct envelope *envelope);

/* "never", or "success,failure,delay"; and back. Parsing accepts any case;
 * false for anything RFC 3461 4.1 does not allow. */
void
envelope_format_notify(struct buffer *out, unsigned notify);
bool
envelope_parse_notify(struct span text, unsigned *notify);

#endif
