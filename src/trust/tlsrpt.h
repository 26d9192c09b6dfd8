/*
 * SMTP TLS reporting (RFC 8460): where a domain wants reports about failed and
 * successful TLS with it, and the report itself. Counting and sending are
 * others' affairs.
 */
#ifndef TRUST_TLSRPT_H
#define TRUST_TLSRPT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "proto/tlswire.h"

enum {
	TLSRPT_ADDRESSES = 8,		/* of one record; those beyond are left out */
	TLSRPT_ADDRESS_SIZE = 1024,
	TLSRPT_TEXT_SIZE = 1024,	/* of what strangers said, in a report */
};

/* ---- the TXT record at _smtp._tls.DOMAIN (3) ---- */

/* "_smtp._tls.DOMAIN" */
struct span
tlsrpt_question(struct arena *arena, struct span domain);

struct tlsrpt_record {
	/* As they stand there: "mailto:..." and "https://...". */
	struct span address[TLSRPT_ADDRESSES];
	size_t count;
};

/* Of all TXT records there, each with its strings joined: true when exactly
 * one is of TLSRPT and it names an address that can be used. */
bool
tlsrpt_find_record(const struct span *txt, size_t count,
	struct tlsrpt_record *record);

/* The mailbox of "mailto:..." with its escapes undone and headers left out
 * (RFC 6068); false for another scheme or what is no such address. */
bool
tlsrpt_mailbox(struct span address, struct arena *arena, struct span *mailbox);

/* ---- results (4.3) ---- */

enum tlsrpt_result {
	TLSRPT_STARTTLS_NOT_SUPPORTED,
	TLSRPT_CERTIFICATE_HOST_MISMATCH,
	TLSRPT_CERTIFICATE_EXPIRED,
	TLSRPT_CERTIFICATE_NOT_TRUSTED,
	TLSRPT_VALIDATION_FAILURE,
	TLSRPT_TLSA_INVALID,
	TLSRPT_DNSSEC_INVALID,
	TLSRPT_DANE_REQUIRED,
	TLSRPT_STS_POLICY_FETCH_ERROR,
	TLSRPT_STS_POLICY_INVALID,
	TLSRPT_STS_WEBPKI_INVALID,
	TLSRPT_RESULTS
};

const char *
tlsrpt_result_name(enum tlsrpt_result result);

/* False when there is no such result. */
bool
tlsrpt_result_find(struct span name, enum tlsrpt_result *result);

/* What a handshake found (not TLS_PROBLEM_NONE), as a result. */
enum tlsrpt_result
tlsrpt_result_of(enum tls_problem problem);

/* ---- the report (4.4) ---- */

enum tlsrpt_policy_type { TLSRPT_TLSA, TLSRPT_STS, TLSRPT_NO_POLICY };

struct tlsrpt_failure {
	enum tlsrpt_result result;
	uint64_t count;			/* sessions */
	/* Empty: not known, and left out. */
	struct span sending_ip, receiving_ip, receiving_name, receiving_helo;
	struct span code, information;
};

struct tlsrpt_policy {
	enum tlsrpt_policy_type type;
	struct span domain;
	const struct span *text;	/* lines of the policy, or TLSA records */
	size_t text_count;
	const struct span *mx;		/* patterns of MTA-STS */
	size_t mx_count;
	uint64_t successes, failures;	/* sessions */
	const struct tlsrpt_failure *failure;
	size_t failure_count;
};

struct tlsrpt_report {
	struct span organization, contact, id;
	int64_t begin, end;		/* wall ms; whole UTC days */
	const struct tlsrpt_policy *policy;
	size_t policy_count;
};

/* Appends the JSON document. Strangers' bytes that are no text become "?". */
void
tlsrpt_report_write(const struct tlsrpt_report *report, struct buffer *out);

/* 5.1: "sender!policy-domain!begin!end!id.json", without ".gz". */
struct span
tlsrpt_report_file(const struct tlsrpt_report *report, struct span sender,
	struct span domain, struct arena *arena);

#endif
