/*
 * TLS reports that go by mail (RFC 8460 5.3): relay counts and writes them; here
 * they are asked for (wire relay-reports), become messages from <> in the spool,
 * and relay is told that they are there. One that is asked for twice is stored
 * once.
 */
#ifndef QUEUE_TLS_REPORT_H
#define QUEUE_TLS_REPORT_H

#include "base/buffer.h"
#include "serve/session.h"
#include "serve/wire.h"

struct queue;

enum {
	TLS_REPORT_LOOK = 60000,	/* ms between two looks, at most */
	TLS_REPORT_WAIT = 60000,	/* ms for relay, which asks the DNS and posts */
	TLS_REPORT_DOCUMENT = 1 << 20,	/* bytes */
	TLS_REPORT_TO = 8,		/* addresses of one */
};

struct tls_report_post {
	struct session session;		/* first; holds no descriptor */
	struct queue *queue;
	struct wire_pool *pool;		/* "relay-reports" */
	int64_t wait;			/* ms between two looks */
};

/* period: what one report covers, ms. */
void
tls_report_start(struct tls_report_post *post, struct queue *queue,
	int64_t period);

/* After lot_run; also of one that was not started. */
void
tls_report_fini(struct tls_report_post *post);

/* ---- its parts, for tests ---- */

struct tls_report_mail {
	struct span domain, id, file;
	struct span to[TLS_REPORT_TO];
	size_t to_count;
	uint64_t begin;
	struct span document;		/* gzip */
};

/* The message; host and sender domain are ours, date in seconds. */
void
tls_report_compose(const struct tls_report_mail *mail, struct span host,
	struct span domain, int64_t date, struct buffer *out);

#endif
