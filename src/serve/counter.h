/*
 * Counters in shared memory: each process writes its own page set, master and
 * `posthouse status` read all of them. One row per counter, in one table; the
 * metrics page and the manual come from the same rows. A counter only grows
 * (kind COUNTER) or is a level (GAUGE). Times are counted in buckets, beside them
 * (serve/histogram.h).
 *
 * Beside the counters the page holds the "in hand" note: the id of the message
 * that is being parsed, so that the successor of a process that died twice on
 * it can set it aside.
 */
#ifndef SERVE_COUNTER_H
#define SERVE_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "serve/histogram.h"

#define COUNTER_LIST(X) \
	X(SESSIONS_OPEN, "sessions_open", GAUGE, "sessions now, parked ones too") \
	X(SESSIONS_TOTAL, "sessions_total", COUNTER, "sessions begun") \
	X(SESSIONS_REFUSED, "sessions_refused", COUNTER, "turned away by a limit") \
	X(WORKERS_BUSY, "workers_busy", GAUGE, "workers running a command") \
	X(COMMANDS, "commands_total", COUNTER, "protocol commands executed") \
	X(BYTES_IN, "bytes_in_total", COUNTER, "bytes read from clients") \
	X(BYTES_OUT, "bytes_out_total", COUNTER, "bytes written to clients") \
	X(MESSAGES_ACCEPTED, "messages_accepted_total", COUNTER, "messages acknowledged") \
	X(MESSAGES_REFUSED, "messages_refused_total", COUNTER, "messages answered 5xx") \
	X(MESSAGES_DEFERRED, "messages_deferred_total", COUNTER, "messages answered 4xx") \
	X(RECIPIENTS_DELIVERED, "recipients_delivered_total", COUNTER, "deliveries into a mailbox") \
	X(RECIPIENTS_RELAYED, "recipients_relayed_total", COUNTER, "recipients another host took") \
	X(RECIPIENTS_SPOOLED, "recipients_spooled_total", COUNTER, "recipients put into the spool") \
	X(RELAYED, "recipients_relay_done_total", COUNTER, "recipients that another server took") \
	X(RELAY_LATER, "recipients_relay_later_total", COUNTER, "attempts that another server put off") \
	X(RELAY_NEVER, "recipients_relay_never_total", COUNTER, "recipients that another server refused") \
	X(RECIPIENTS_LATER, "recipients_later_total", COUNTER, "recipients whose delivery was put off, each time") \
	X(RECIPIENTS_NEVER, "recipients_never_total", COUNTER, "recipients given up or refused") \
	X(QUEUE_LENGTH, "queue_length", GAUGE, "messages in the spool") \
	X(LOGINS, "logins_total", COUNTER, "successful logins") \
	X(LOGINS_FAILED, "logins_failed_total", COUNTER, "failed logins") \
	X(PASSWORD_HASHES, "password_hashes_total", COUNTER, "expensive password hashes computed") \
	X(TLS_HANDSHAKES, "tls_handshakes_total", COUNTER, "completed TLS handshakes") \
	X(TLS_FAILURES, "tls_failures_total", COUNTER, "failed TLS handshakes") \
	X(SYNCS, "syncs_total", COUNTER, "syncs to disk") \
	X(GROUPS, "commit_groups_total", COUNTER, "commit groups written") \
	X(INDEX_OPEN, "index_open", GAUGE, "account indexes open") \
	X(CALLS_LATER, "calls_later_total", COUNTER, "calls refused because a callee was busy or away") \
	X(DAMAGE, "damage_total", COUNTER, "damaged records set aside") \
	X(FETCHES, "fetches_total", COUNTER, "answers got from the web") \
	X(FETCH_FAILURES, "fetch_failures_total", COUNTER, "transfers from the web that failed")

enum counter {
#define COUNTER_ENUM(id, name, kind, text) COUNTER_##id,
	COUNTER_LIST(COUNTER_ENUM)
#undef COUNTER_ENUM
	COUNTER_COUNT
};

enum {
	COUNTER_PAGE_SIZE = 65536,
	/* other buckets are another layout */
	COUNTER_PAGE_VERSION = 3 | HISTOGRAM_COUNT << 8 |
		HISTOGRAM_BUCKETS << 16,
	COUNTER_IN_HAND = 64,		/* more than workers of a mailbox */
};

/* The layout of the shared page. Other programs read it by this struct. */
struct counter_page {
	uint32_t version;		/* COUNTER_PAGE_VERSION */
	uint32_t count;			/* COUNTER_COUNT of the writer */
	_Atomic uint64_t value[COUNTER_COUNT];
	struct histogram_shared histogram[HISTOGRAM_COUNT];
	struct {
		_Atomic uint64_t account, message;
		_Atomic uint32_t is_now;	/* in hand at this moment */
		_Atomic uint32_t deaths;	/* of processes with it in hand */
	} in_hand[COUNTER_IN_HAND];
	struct log_room log;
};

/* What another process reads of it: a copy of its beginning. */
struct counter_numbers {
	uint32_t version, count;
	uint64_t value[COUNTER_COUNT];
	struct histogram_numbers histogram[HISTOGRAM_COUNT];
};

/* Generations that everybody may read (fd 6): hostmaster raises `certificate`,
 * auth the others. */
struct counter_generations {
	_Atomic uint64_t accounts;	/* accounts, aliases or domains changed */
	_Atomic uint64_t certificate;	/* acme_chain_file was written */
	_Atomic uint64_t mechanisms;	/* auth offers others than before */
};

/* Maps fd 5 and 6 of process_start; called by it. NULL fds give private memory
 * so that unit tests need no master. */
void
counter_open(int page_fd, int generations_fd, bool may_write_generations);

void
counter_add(enum counter counter, int64_t n);

void
counter_set(enum counter counter, uint64_t value);

uint64_t
counter_get(enum counter counter);

/* How long it took; microseconds. */
void
counter_observe(enum histogram histogram, int64_t microseconds);

/* How it is now, for those of kind GAUGE. */
void
counter_set_histogram(enum histogram histogram,
	const struct histogram_numbers *numbers);

/*
 * The numbers of another process: whatever they are, they are only shown. What
 * an older or newer program does not have is 0; false: nothing could be read.
 */
bool
counter_read(int page_fd, struct counter_numbers *numbers);

/* Reads a generation; caches hold the value they were filled at. */
struct counter_generations *
counter_generations(void);

/* Where this process's lines wait, and its predecessor's did. */
struct log_room *
counter_log_room(void);

/*
 * Note what is about to be parsed (any thread); returns the slot to clear.
 * *deaths: how often a predecessor died with exactly this in hand. A note
 * with fewer than two deaths is forgotten when it is cleared.
 */
unsigned
counter_in_hand_set(uint64_t account, uint64_t message, unsigned *deaths);
void
counter_in_hand_clear(unsigned slot);

#endif
