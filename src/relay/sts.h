/*
 * MTA-STS policies of domains (RFC 8461): asked for in the DNS, fetched over
 * HTTPS, and remembered as long as they say, also over restarts (pair_file.h).
 */
#ifndef RELAY_STS_H
#define RELAY_STS_H

#include "base/log.h"
#include "relay/next_hop.h"
#include "relay/pair_file.h"
#include "relay/tls_policy.h"
#include "serve/fetch_call.h"
#include "trust/mta_sts.h"

enum {
	STS_LIMIT = 10000,		/* domains that are remembered */
	STS_RETRY = 300000,		/* ms until a failed fetch is tried again
					 * (RFC 8461 3.3) */
};

struct sts;

/* Reads what is remembered. file: taken; NULL: nothing survives a restart.
 * Lines that are damaged are passed over. */
struct sts *
sts_new(struct pair_file **file, int64_t now);
void
sts_free(struct sts **sts);

struct sts_world {
	const struct next_hop_world *names;
	/* fetch_get, or a test's */
	int (*fetch)(struct fetcher *fetcher,
		const struct fetch_request *request, struct arena *arena,
		struct fetch_answer *answer, struct error *error);
	struct fetcher *fetcher;
	const struct log_scope *scope;
	bool is_signed;			/* the domain's MX records were validated */
	int64_t now;			/* wall ms */
	bool *is_unfetched;		/* set when there is a record, and the domain
					 * has no policy to fetch; or NULL */
};

/*
 * The policy of the domain now, in the arena. Blocks for a TXT question, and
 * for MTA_STS_FETCH_TIMEOUT when a policy is to be fetched; of several that
 * want the same one fetches, the others wait for it. UNKNOWN: there is a record
 * and no policy yet, and it is our own fault that there is none; or a signed
 * domain's record cannot be looked up, which is what somebody on the way would
 * make of it who wants us to go without.
 */
enum tls_sts
sts_find(struct sts *sts, struct span domain, const struct sts_world *world,
	struct arena *arena, struct mta_sts_policy *policy);

#endif
