/*
 * Sessions, the worker pool and the parking lot.
 *
 * A session is a loop on a worker: read a unit, execute it straight down,
 * reply, repeat. When the peer is quiet it parks: it then holds no thread and
 * no buffers, only what its own flat struct needs. Workers wait on one epoll
 * instance with one-shot events, so a session is run by one worker at a time.
 *
 * Rules: a session belongs to one thread or to the lot. What gives it away
 * (returning from run) is the last thing done with it. Never park with a whole
 * unit unread. A nudge (session_nudge) is never lost: one that comes while the
 * session runs makes it run again at once.
 */
#ifndef SERVE_SESSION_H
#define SERVE_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/network.h"

struct session;
struct lot;

enum session_event {
	SESSION_START,		/* just added */
	SESSION_READABLE,	/* bytes or end of file */
	SESSION_WRITABLE,	/* parked with SESSION_PARK_WRITE */
	SESSION_NUDGE,		/* session_nudge was called */
	SESSION_DEADLINE,	/* .deadline passed */
	SESSION_STOP,		/* the process ends: say goodbye and close, or
				 * park with a deadline that is near */
};

enum session_next {
	SESSION_PARK,		/* wait for bytes, nudge or deadline */
	SESSION_PARK_WRITE,	/* wait until the peer takes bytes, or deadline */
	SESSION_PARK_AS_SET,	/* wait for what .interest and .second_interest say */
	SESSION_CLOSE,		/* the lot calls type->free */
	SESSION_GIVEN,		/* run() has given it away or freed it itself */
};

struct session_type {
	const char *name;	/* "imap", for the log */
	/* On a worker; may block within deadlines of its own. */
	enum session_next (*run)(struct session *session,
		enum session_event event);
	/* Closes what it owns, frees it, sets NULL. On a worker. */
	void (*free)(struct session **session);
};

/* First member of every session struct. The caller fills type, fd, deadline. */
struct session {
	const struct session_type *type;
	int fd;			/* what readability is awaited on; owned by the
				 * session, the lot only watches it */
	int second_fd;		/* a second descriptor to watch (tls pumps two);
				 * -1: none */
	int64_t deadline;	/* monotonic ms; INT64_MAX: none. Checked to 1 s */
	bool is_background;	/* a wire, or work of the process's own: when it is
				 * quiet it is no reason for a process on demand to
				 * stay (lot_set_idle_limit) */
	bool is_own_work;	/* it goes on as long as the process: no reason for
				 * one that retires to stay */
	bool can_move;		/* to the successor of this process: SESSION_NUDGE
				 * when one waits (legacy_is_wanted) */
	uint64_t group;		/* 0, or an account: at most two run at once */
	unsigned interest, second_interest;	/* for SESSION_PARK_AS_SET: EPOLLIN
				 * and EPOLLOUT to wait for on each */
	/* What woke it (EPOLLIN ...) on each; all bits when that is unknown. A
	 * wake-up may find nothing there. */
	unsigned events, second_events;
	struct lot *lot;	/* these two belong to the lot */
	struct slot *slot;
};

/*
 * The lot and its workers. `workers` threads (at most 1,024); they start with
 * lot_run and not before, so that a jail can be entered first.
 */
struct lot *
lot_new(unsigned workers);

/*
 * At most `seats` of the workers look for work and do it at a time; who waits
 * for another process gives its seat away. With about as many as there are
 * processors events wait until a worker that is awake has time, instead of
 * waking one each; for programs whose sessions do little between two waits.
 * Before lot_run.
 */
void
lot_set_seats(struct lot *lot, unsigned seats);

/* The calling worker will be busy for some milliseconds, or wait in a way that
 * the streams do not know of: another takes its seat. */
void
lot_step_aside(void);

/* After lot_run. */
void
lot_free(struct lot **lot);

/*
 * Starts the workers and runs the housekeeping (deadlines, control messages of
 * master, listeners) on the calling thread until master says stop; then every
 * session gets SESSION_STOP and at most `grace` ms to end. Returns when all
 * sessions have ended and all workers are joined; if that takes longer than the
 * grace time, the process ends here.
 */
void
lot_run(struct lot *lot, int64_t grace);

/*
 * For a process on demand, before lot_run: after so many ms in which no session
 * ran, and there are none but those in the background, master is asked to end the process.
 */
void
lot_set_idle_limit(struct lot *lot, int64_t limit);

/*
 * At an upgrade another process takes the place of this one, which retires: it
 * accepts nothing more, takes fresh wires, and ends when the sessions that are
 * not its own work have ended; if its successor waits for that (legacy.h), no
 * later than after `most` ms. retire (NULL: nothing) runs on the housekeeping
 * thread when it begins. Without this call: 3 s. Before lot_run.
 */
void
lot_on_retire(struct lot *lot, void (*retire)(void), int64_t most);

/* What master's word does: ends lot_run. Any thread. */
void
lot_stop(struct lot *lot);

/* Gives a new session in; its first event is SESSION_START. Any thread. */
void
lot_add(struct lot *lot, struct session *session);

/* The same; but when a worker calls it, and has not yet one such, the session
 * is run by it, as soon as the one that it runs now is parked or has ended. For
 * those who do not wait for anything before they return. */
void
lot_add_next(struct lot *lot, struct session *session);

/*
 * Wakes a parked session with SESSION_NUDGE. The caller guarantees that the
 * session is alive (it holds the lock under which the session unregisters).
 */
void
session_nudge(struct session *session);

/*
 * To be called before a descriptor of the session is handed to another process
 * or changed for another while it stays open elsewhere: the lot stops watching.
 */
void
session_unwatch(struct session *session);

/* Sessions in the lot, and workers that are idle now. */
unsigned
lot_session_count(const struct lot *lot);
unsigned
lot_idle_workers(const struct lot *lot);

/*
 * Bulkheads: at most half of the workers wait for one callee. enter returns
 * false when the half is used up: answer "later" at once. Every enter that was
 * true is followed by leave.
 */
struct bulkhead {
	atomic_uint waiting;
};
bool
bulkhead_enter(struct bulkhead *bulkhead, const struct lot *lot);
void
bulkhead_leave(struct bulkhead *bulkhead);

#endif
