/*
 * What all conversations of smtpd share, and the way in for new ones.
 */
#ifndef SMTPD_SMTPD_H
#define SMTPD_SMTPD_H

#include <stdatomic.h>
#include <stdint.h>

#include "serve/limit.h"
#include "serve/listener.h"
#include "serve/sasl_call.h"
#include "serve/wire.h"
#include "smtpd/directory.h"
#include "smtpd/rules.h"
#include "smtpd/unanswered.h"

enum {
	/* Octets of envelopes and content in memory, of all conversations:
	 * above the first, content goes into files early; above the second,
	 * no more is taken (452). */
	SMTPD_HELD_MUCH = 64 << 20,
	SMTPD_HELD_LIMIT = 512 << 20,
};

struct smtpd {
	struct lot *lot;
	_Atomic(const struct rules *) rules;	/* the newest */
	struct directory *directory;
	struct sasl_caller *sasl;
	struct wire_pool *queue;	/* queue-smtp */
	struct turnstile queue_turnstile;
	struct wire_set *tls;		/* tls-accept */
	struct turnstile tls_turnstile;
	struct limit_table *limits;
	struct unanswered *unanswered;
	int spill;			/* directory for spill files; -1: none */
	atomic_int_fast64_t held;	/* by open transactions, in octets */
};

/*
 * One for the process, made before lot_run. spill stays the caller's. Of the
 * lot's workers half may wait for the queue, where syncs are shared by those
 * who wait together, and a sixth for answers about addresses.
 */
struct smtpd *
smtpd_new(struct lot *lot, unsigned workers, const struct config *config,
	int spill);

/* After lot_run; for tests. */
void
smtpd_free(struct smtpd **smtpd);

/* New conversations begin under the new rules. */
void
smtpd_reload(struct smtpd *smtpd, const struct config *config);

/* A connection came in on a listener; takes incoming->fd. */
void
smtpd_accept(struct smtpd *smtpd, struct incoming *incoming);

#endif
