/*
 * Reading what an ACME server says (RFC 8555 7.1, RFC 9773 4.2): JSON of a
 * stranger. Sizes, depth and counts are bounded, members that appear twice and
 * values of another type are refused; URLs are https, tokens base64url.
 * Everything read is copied into the arena. Nothing here waits or asks.
 */
#ifndef TRUST_ACME_READ_H
#define TRUST_ACME_READ_H

#include "base/arena.h"

enum {
	ACME_DOCUMENT_LIMIT = 65536,	/* bytes */
	ACME_DEPTH_LIMIT = 16,
	ACME_NAMES = 100,	/* identifiers of one order */
	ACME_CHALLENGES = 8,		/* of one authorization; more are left out */
	ACME_TOKEN_LEAST = 22,		/* 128 bits, RFC 8555 8.1 */
	ACME_TOKEN_LIMIT = 128,
	ACME_DETAIL_LIMIT = 300,	/* bytes of a sentence of theirs */
};

/* RFC 8555 7.1.1, 9.7.5. */
struct acme_directory {
	struct span new_nonce, new_account, new_order;
	struct span renewal_info;	/* RFC 9773 4.1; empty: not offered */
	bool wants_external_account;
};

/* RFC 8555 7.1.6: of orders, authorizations and challenges alike. */
enum acme_status {
	ACME_PENDING,
	ACME_READY,
	ACME_PROCESSING,
	ACME_VALID,
	ACME_INVALID,
	ACME_DEACTIVATED,
	ACME_EXPIRED,
	ACME_REVOKED,
	ACME_STATUSES
};

/* RFC 8555 6.7: what is to be done differently for some; the rest is OTHER. */
enum acme_trouble {
	ACME_NO_TROUBLE,
	ACME_BAD_NONCE,
	ACME_RATE_LIMITED,
	ACME_NO_ACCOUNT,
	ACME_UNAUTHORIZED,
	ACME_USER_ACTION,
	ACME_EXTERNAL_ACCOUNT,
	ACME_ALREADY_REPLACED,		/* RFC 9773 7.4 */
	ACME_REJECTED_NAME,
	ACME_OTHER,
	ACME_TROUBLES
};

struct acme_problem {
	enum acme_trouble trouble;
	struct span type;		/* without urn:ietf:params:acme:error: */
	struct span detail;		/* visible text, cut */
};

/* 7.1.3 */
struct acme_order {
	enum acme_status status;
	struct span finalize, certificate;	/* the latter empty until VALID */
	struct span authorizations[ACME_NAMES];
	size_t count;
	struct acme_problem problem;
};

enum acme_challenge_type {
	ACME_HTTP_01,
	ACME_TLS_ALPN_01,
	ACME_DNS_01,
	ACME_CHALLENGE_TYPES
};

/* 7.1.5, 8 */
struct acme_challenge {
	enum acme_challenge_type type;
	enum acme_status status;
	struct span url, token;
	struct acme_problem problem;
};

/* 7.1.4; challenges of other types are left out. */
struct acme_authorization {
	enum acme_status status;
	struct span name;		/* of the identifier, which is a dns one */
	struct acme_challenge challenges[ACME_CHALLENGES];
	size_t count;
};

/* RFC 9773 4.2 */
struct acme_window {
	int64_t start, end;		/* wall ms; start < end */
};

bool
acme_read_directory(struct span text, struct arena *arena,
	struct acme_directory *directory);
bool
acme_read_order(struct span text, struct arena *arena,
	struct acme_order *order);
bool
acme_read_authorization(struct span text, struct arena *arena,
	struct acme_authorization *authorization);
bool
acme_read_challenge(struct span text, struct arena *arena,
	struct acme_challenge *challenge);
/* 7.1.2: only its status is of interest. */
bool
acme_read_account(struct span text, enum acme_status *status);
/* What is no problem document is OTHER without a type. */
void
acme_read_problem(struct span text, struct arena *arena,
	struct acme_problem *problem);
bool
acme_read_window(struct span text, struct acme_window *window);

/* RFC 3339 5.6, wall ms. */
bool
acme_read_time(struct span text, int64_t *wall);

/* Seconds, or a date (RFC 9110 10.2.3), as ms from now; 0 when it is neither
 * or past. Not above `most`. */
int64_t
acme_read_retry_after(struct span text, int64_t now, int64_t most);

const char *
acme_status_name(enum acme_status status);

/* "http-01" */
const char *
acme_challenge_name(enum acme_challenge_type type);
bool
acme_challenge_find(struct span name, enum acme_challenge_type *type);

#endif
