#include "mailbox/spool_lock.h"

#include <assert.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "serve/tab_call.h"

enum { GIVE_WAIT = 2000 };

static struct lot *own_lot;
static int own_inbox = -1;
static struct wire_pool *pool;
static struct wire *held;	/* the holder's; nobody else can have the lock */

void
spool_lock_init(struct lot *lot, int inbox)
{
	own_lot = lot;
	own_inbox = inbox;
	pool = wire_pool_new(lot, "spool-lock", 0);
}

/* 1: locked, 0: somebody has it. */
static int
ask(struct wire *wire, struct error *error)
{
	struct span line;
	if (tab_call_send(wire, SPAN("LOCK\t1\n"), error) < 0 ||
		tab_call_read(wire, &line, error) < 0)
		return -1;
	if (span_starts(line, SPAN("OK\t1")))
		return 1;
	if (span_starts(line, SPAN("BUSY\t1")))
		return 0;
	return error_set(error, ERROR_REFUSED, "spoollock answered: %.*s",
		SPAN_PRINT(line));
}

/* Another program has removed or replaced it. */
static bool
has_lost_inbox(void)
{
	struct stat status;
	return own_inbox >= 0 && fstat(own_inbox, &status) == 0 &&
		status.st_nlink == 0;
}

int
spool_lock_take(void *context, int64_t deadline, struct error *error)
{
	(void)context;
	if (has_lost_inbox()) {
		lot_stop(own_lot);
		return error_set(error, ERROR_REFUSED,
			"the mailbox file was removed; it is opened again");
	}
	struct wire *wire = wire_take(pool, deadline, error);
	if (wire == NULL)
		return -1;
	int result = ask(wire, error);
	if (result < 0) {
		wire_drop(&wire);
		return -1;
	}
	if (result == 0) {
		wire_give(&wire);
		return error_set(error, ERROR_LATER,
			"another program has the mailbox locked");
	}
	assert(held == NULL);
	held = wire;
	return 0;
}

/* A wire that ends unlocks too. */
void
spool_lock_give(void *context)
{
	(void)context;
	struct error error;
	struct span line;
	struct wire *wire = held;
	assert(wire != NULL);
	held = NULL;
	wire->stream.deadline = clock_monotonic() + GIVE_WAIT;
	if (tab_call_send(wire, SPAN("UNLOCK\t1\n"), &error) < 0 ||
		tab_call_read(wire, &line, &error) < 0)
		wire_drop(&wire);
	else
		wire_give(&wire);
}
