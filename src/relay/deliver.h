/*
 * One transaction of the queue: its next hop's hosts are tried in order until
 * every recipient has an answer, and each gets the reply that doc/relay.md
 * describes.
 */
#ifndef RELAY_DELIVER_H
#define RELAY_DELIVER_H

#include <stdatomic.h>

#include "relay/connections.h"
#include "relay/next_hop.h"
#include "relay/open.h"
#include "relay/sts.h"
#include "relay/tls_report.h"
#include "relay/transaction.h"

/*
 * A server that answers each command at the last moment, and takes a byte now
 * and then, is given up: the queue waits for an hour, and what it has given up
 * must not be delivered afterwards.
 */
enum { DELIVER_TIME = 50 * 60 * 1000 };		/* ms, for one transaction in all */

/* What a delivery uses; one for the process. */
struct relay {
	struct mail_server server;		/* "relay-lmtp" */
	const struct parameters *_Atomic settings;	/* a reload changes it; the
						 * old ones stay valid */
	struct connections *connections;
	struct names *names;
	struct open_world open;
	struct sts *sts;
	struct tls_reports *reports;		/* NULL: none are made */
	/* fetch_get, or a test's. */
	int (*fetch)(struct fetcher *fetcher,
		const struct fetch_request *request, struct arena *arena,
		struct fetch_answer *answer, struct error *error);
	struct fetcher *fetcher;
	/* names_ask_all, or a test's. */
	void (*ask)(struct names *names, struct arena *arena,
		const struct names_question *questions, size_t count,
		int64_t deadline);
};

/* The .deliver of relay's mail server, whose context is a struct relay. */
void
deliver(const struct mail_server *server, struct mail_transaction *transaction,
	struct buffer *replies);

#endif
