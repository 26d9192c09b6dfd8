/*
 * MTA-STS (RFC 8461): a domain says by HTTPS that its mail servers have TLS,
 * and which they are. Reading the TXT record and the policy, matching hosts,
 * and what a cache keeps. Nothing here waits or asks.
 */
#ifndef TRUST_MTA_STS_H
#define TRUST_MTA_STS_H

#include "base/arena.h"
#include "base/buffer.h"

enum {
	MTA_STS_ID_SIZE = 32,		/* 3.1 */
	MTA_STS_POLICY_LIMIT = 65536,	/* bytes, 3.3 */
	MTA_STS_MX_LIMIT = 256,		/* patterns; more is no policy */
	MTA_STS_MAX_AGE = 31557600,	/* seconds, 3.2; more is cut to it */
	MTA_STS_FETCH_TIMEOUT = 60000,	/* ms, 3.3 */
	MTA_STS_ENTRY_LIMIT = 32768,	/* bytes of a cache line */
};

/* ---- the TXT record at _mta-sts.DOMAIN (3.1) ---- */

/* "_mta-sts.DOMAIN" */
struct span
mta_sts_question(struct arena *arena, struct span domain);

/*
 * Of all TXT records there, each with its strings joined: true, and the id
 * (part of the record), when there is exactly one of MTA-STS and it is right.
 */
bool
mta_sts_find_id(const struct span *txt, size_t count, struct span *id);

/* "https://mta-sts.DOMAIN/.well-known/mta-sts.txt" (3.3) */
struct span
mta_sts_url(struct arena *arena, struct span domain);

/* May this media type be a policy's (3.2)? */
bool
mta_sts_is_media_type(struct span type);

/* ---- the policy (3.2) ---- */

enum mta_sts_mode { MTA_STS_NONE, MTA_STS_TESTING, MTA_STS_ENFORCE };

struct mta_sts_policy {
	enum mta_sts_mode mode;
	uint32_t max_age;		/* seconds */
	const struct span *mx;		/* patterns, as they stand there */
	size_t mx_count;		/* 0 only with MTA_STS_NONE */
};

enum mta_sts_verdict {
	MTA_STS_OK,
	MTA_STS_TOO_LARGE,
	MTA_STS_BAD_LINE,	/* no "name: value" */
	MTA_STS_BAD_VERSION,	/* none, or another than STSv1 */
	MTA_STS_BAD_MODE,
	MTA_STS_BAD_MAX_AGE,
	MTA_STS_BAD_MX,		/* none where one must be, or no host name */
	MTA_STS_VERDICTS
};

/* The array lives in the arena, the patterns are spans of `text`. */
enum mta_sts_verdict
mta_sts_parse(struct span text, struct arena *arena,
	struct mta_sts_policy *policy);

/* A sentence for logs and reports. */
const char *
mta_sts_words(enum mta_sts_verdict verdict);

const char *
mta_sts_mode_name(enum mta_sts_mode mode);

/* 4.1: is the host (A-labels, no final dot) one of the policy's? */
bool
mta_sts_matches(const struct mta_sts_policy *policy, struct span host);

/* ---- what a cache keeps (3.3) ---- */

struct mta_sts_entry {
	struct span domain;		/* lower case, A-labels */
	struct span id;			/* of the TXT record it was fetched for */
	int64_t fetched;		/* wall ms */
	struct mta_sts_policy policy;
};

/* Appends one line that ends with LF. False, and nothing is appended, when the
 * entry is larger than MTA_STS_ENTRY_LIMIT. */
bool
mta_sts_entry_encode(struct buffer *out, const struct mta_sts_entry *entry);

/* Of a line without its LF. The file is ours, but whoever wrote it talks with
 * strangers: false when anything in it is not as mta_sts_parse makes it. */
bool
mta_sts_entry_decode(struct span line, struct arena *arena,
	struct mta_sts_entry *entry);

/* 5.1: a policy is good for max_age seconds, also when the record is gone. */
bool
mta_sts_is_expired(const struct mta_sts_entry *entry, int64_t now);

/*
 * Is a new one to be fetched? `id`: of a record seen now, or empty when there
 * is none or the DNS is silent. An entry of the same id is fetched again when
 * half of its time is over, and at least daily (10.2), so that a domain that
 * cannot be asked at the end keeps its policy. A clock set back makes stale.
 */
bool
mta_sts_is_stale(const struct mta_sts_entry *entry, struct span id,
	int64_t now);

#endif
