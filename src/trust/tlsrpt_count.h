/*
 * Counting TLS sessions for reports (RFC 8460 4): how often each result was
 * seen, under a domain and a period, until the report has been sent. Time is a
 * parameter; nothing here waits. Not locked.
 *
 * A result is a line: what happened, and under which policy. What is kept is a
 * number for each line, so that writing it down and reading it back is all
 * there is to a restart.
 */
#ifndef TRUST_TLSRPT_COUNT_H
#define TRUST_TLSRPT_COUNT_H

#include "base/map.h"
#include "trust/tlsrpt.h"

enum {
	TLSRPT_COUNT_LIMIT = 20000,	/* lines; what is beyond is not counted */
	TLSRPT_COUNT_DOMAIN = 64,	/* of one domain and period */
	TLSRPT_LINE_LIMIT = 8192,	/* bytes of one */
	TLSRPT_POLICY_TEXTS = 16,	/* of one policy; more are left out */
	TLSRPT_POLICIES = 16,		/* of one report */
	TLSRPT_PERIODS = 3,		/* after which a report is not sent any more */
};

struct tlsrpt_counts {
	struct map lines;		/* -> uint64_t, each its own memory */
	int64_t period;			/* ms; a day, but for tests */
};

void
tlsrpt_counts_init(struct tlsrpt_counts *counts, int64_t period);
void
tlsrpt_counts_fini(struct tlsrpt_counts *counts);

/* A session that was tried with TLS. */
struct tlsrpt_session {
	struct span domain;		/* whose record says where reports go */
	int64_t now;			/* wall ms */
	enum tlsrpt_policy_type type;
	struct span policy_domain;
	struct span text[TLSRPT_POLICY_TEXTS], mx[TLSRPT_POLICY_TEXTS];
	size_t text_count, mx_count;
	bool is_failure;
	struct tlsrpt_failure failure;	/* its count is not looked at */
};

/* False when there is no room. */
bool
tlsrpt_counts_add(struct tlsrpt_counts *counts,
	const struct tlsrpt_session *session);

/* ---- reports that are due ---- */

enum tlsrpt_mark {
	TLSRPT_POSTED,		/* nothing is left to do by HTTPS */
	TLSRPT_MAILED,		/* nor by mail */
	TLSRPT_RETRY,		/* wall ms before which it is not tried again */
	TLSRPT_MARKS
};

struct tlsrpt_due {
	struct span domain;
	int64_t begin, end;		/* of the period, wall ms */
	uint64_t mark[TLSRPT_MARKS];	/* 0: not set */
};

/*
 * A report whose period is over, and whose turn it is: domains are spread over
 * a sixth of a period (4.1 wants no storm at midnight). False when there is
 * none. What is too old is dropped.
 */
bool
tlsrpt_counts_due(struct tlsrpt_counts *counts, int64_t now,
	struct arena *arena, struct tlsrpt_due *due);

void
tlsrpt_counts_mark(struct tlsrpt_counts *counts, const struct tlsrpt_due *due,
	enum tlsrpt_mark mark, uint64_t value);

/* It has gone by mail: dropped, unless it is to be posted still. */
void
tlsrpt_counts_mailed(struct tlsrpt_counts *counts,
	const struct tlsrpt_due *due);

/* Its lines are not needed any more. */
void
tlsrpt_counts_drop(struct tlsrpt_counts *counts, const struct tlsrpt_due *due);

/* Fills the report's dates, id and policies, in the arena. */
void
tlsrpt_counts_report(const struct tlsrpt_counts *counts,
	const struct tlsrpt_due *due, struct arena *arena,
	struct tlsrpt_report *report);

/* ---- over a restart ---- */

void
tlsrpt_counts_write(const struct tlsrpt_counts *counts, struct buffer *out);

/* A line without its LF; what is none is passed over. */
void
tlsrpt_counts_read(struct tlsrpt_counts *counts, struct span line);

#endif
