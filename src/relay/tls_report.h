/*
 * TLS reports (RFC 8460), relay's part: each connection that was to be
 * encrypted is counted under its domain, also over a restart; when a period is
 * over the domain's record is asked for, the report is posted where it says
 * https, and offered to the queue where it says mailto (wire relay-reports,
 * ARCHITECTURE.md 2.9).
 */
#ifndef RELAY_TLS_REPORT_H
#define RELAY_TLS_REPORT_H

#include "relay/open.h"
#include "relay/pair_file.h"
#include "relay/tls_policy.h"
#include "serve/admin.h"
#include "serve/fetch_call.h"
#include "serve/names_call.h"
#include "trust/mta_sts.h"
#include "trust/tlsrpt_count.h"

enum {
	TLS_REPORT_SAVE = 10000,	/* ms between two times that deliveries write what
					 * they counted; NEXT, each minute, does too */
	TLS_REPORT_NAMES_WAIT = 20000,	/* ms for the record */
	TLS_REPORT_POST_WAIT = 30000,	/* ms for each address */
};

/* What the reports say of us; a reload changes it. */
struct tls_report_rules {
	struct span organization, contact;
};

/* What is asked: the process's way, or a test's. */
struct tls_report_world {
	void (*ask)(struct names *names, struct arena *arena, struct span name,
		enum names_type type, int64_t deadline,
		struct names_answer *answer);
	struct names *names;
	int (*post)(struct fetcher *fetcher,
		const struct fetch_request *request, struct arena *arena,
		struct fetch_answer *answer, struct error *error);
	struct fetcher *fetcher;
};

struct tls_reports;

/* Reads what is remembered. file: taken; NULL: nothing survives a restart. The
 * period is a day in ms, but for tests. */
struct tls_reports *
tls_reports_new(struct pair_file **file, int64_t period,
	const struct tls_report_world *world);
/* Writes what has changed. NULL is nothing. */
void
tls_reports_free(struct tls_reports **reports);

void
tls_reports_set_rules(struct tls_reports *reports,
	const struct tls_report_rules *rules);

/* A host, and what TLS with it came to. */
struct tls_report_session {
	struct span domain;		/* the next hop: lower case, A-labels */
	struct span host;		/* its name */
	const struct network_address *address;	/* NULL: not connected */
	const struct tls_policy_facts *facts;
	const struct mta_sts_policy *policy;	/* with facts->sts */
	const struct tls_plan *plan;
	const struct open_tls *tls;
};

/* Counts it; now: wall ms. What was not about TLS is not counted. */
void
tls_reports_note(struct tls_reports *reports,
	const struct tls_report_session *session, int64_t now);

/* A policy of the domain that cannot be fetched, once for each delivery. */
void
tls_reports_note_unfetched(struct tls_reports *reports, struct span domain,
	int64_t now);

/* Is it a report of ours? Its delivery is not counted, and what the domain
 * demands of TLS is not asked for: it may be what the report is about (3). */
bool
tls_report_is_one(struct span message);

/* The wire's commands; the context is a struct tls_reports. */
extern const struct admin_command tls_report_commands[];

#endif
