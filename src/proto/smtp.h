/*
 * SMTP and LMTP: command lines in both directions. The server parses with
 * these functions, the client writes with their mirror images; what one
 * writes the other reads back equal.
 *
 *	RFC 5321 4.1 commands	1870 SIZE	6152 8BITMIME	3030 BDAT
 *	2033 LMTP		6531 SMTPUTF8	3461 DSN	4954 AUTH=
 *	8689 REQUIRETLS
 *	XPOSTHOUSE (ARCHITECTURE.md 2.4) on inner wires only
 *
 * Replies are proto/smtp_reply.h, message content proto/smtp_data.h. Nothing
 * here allocates but from the arena given; spans point into the input.
 */
#ifndef PROTO_SMTP_H
#define PROTO_SMTP_H

#include "proto/address.h"

enum {
	/* RFC 5321 4.5.3.1.4 asks for 512 octets and what the extensions add
	 * (DSN alone 500 for each RCPT): with CRLF, for all lines. */
	SMTP_COMMAND_LIMIT = 4096,
	SMTP_AUTH_LINE_LIMIT = 12288,	/* RFC 4954 4 */
	SMTP_PARAMETERS_LIMIT = 16,	/* of one MAIL or RCPT */
	SMTP_ENVID_LIMIT = 100,		/* RFC 3461 4.4 */
	SMTP_ORCPT_LIMIT = 500,		/* RFC 3461 4.2 */
	SMTP_AUTH_PARAMETER_LIMIT = 500,	/* RFC 4954 3 */
	SMTP_ID_LIMIT = 23,		/* XTRACE, XSESSION: LOG_ID_SIZE - 1 */
	SMTP_TRANSACTION_SIZE = 16,
	SMTP_PROGRAM_LIMIT = 1000,	/* XPROGRAM: the greatest index */
	SMTP_KEY_LIMIT = 400,		/* XKEY, xtext */
	SMTP_NEXT_HOP_LIMIT = 300,	/* XNEXTHOP, xtext: a domain and a port */
};

/* ---- commands ---- */

#define SMTP_VERB_LIST(X) \
	X(EHLO) X(HELO) X(LHLO) X(MAIL) X(RCPT) X(DATA) X(BDAT) X(RSET) \
	X(NOOP) X(QUIT) X(VRFY) X(EXPN) X(HELP) X(STARTTLS) X(AUTH) X(ETRN) \
	/* Not of SMTP: a browser was led here (RFC 9110 9.3). */ \
	X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(CONNECT) X(OPTIONS) X(TRACE)

enum smtp_verb {
	SMTP_UNKNOWN,
#define SMTP_VERB_ENUM(name) SMTP_##name,
	SMTP_VERB_LIST(SMTP_VERB_ENUM)
#undef SMTP_VERB_ENUM
	SMTP_VERB_COUNT
};

struct smtp_command {
	enum smtp_verb verb;
	struct span word;	/* the verb as it was sent */
	struct span argument;	/* what follows, without blanks around it */
};

/* Splits one line (without CRLF). Cannot fail: SMTP_UNKNOWN is an answer. */
void
smtp_command_parse(struct span line, struct smtp_command *command);

/* ---- parameters of MAIL and RCPT ---- */

/* Which extensions the session offers: only their parameters are known. */
enum smtp_extension {
	SMTP_WITH_SIZE = 1 << 0,
	SMTP_WITH_8BITMIME = 1 << 1,
	SMTP_WITH_BINARYMIME = 1 << 2,
	SMTP_WITH_SMTPUTF8 = 1 << 3,
	SMTP_WITH_DSN = 1 << 4,
	SMTP_WITH_AUTH = 1 << 5,
	SMTP_WITH_XPOSTHOUSE = 1 << 6,
	SMTP_WITH_OUTER = (1 << 6) - 1,	/* all that strangers may use */
	SMTP_WITH_REQUIRETLS = 1 << 7,	/* strangers too, but only within TLS */
	SMTP_WITH_ALL = (1 << 8) - 1,
};

enum smtp_body { SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };
enum smtp_return { SMTP_RETURN_UNSET, SMTP_RETURN_FULL, SMTP_RETURN_HEADERS };

enum smtp_notify {		/* bits; NEVER stands alone */
	SMTP_NOTIFY_NEVER = 1, SMTP_NOTIFY_SUCCESS = 2,
	SMTP_NOTIFY_FAILURE = 4, SMTP_NOTIFY_DELAY = 8,
};

struct smtp_mail {
	struct address path;	/* reverse-path; empty when is_null */
	bool is_null;		/* <> */
	bool is_utf8;		/* SMTPUTF8 was said */
	bool needs_tls;		/* REQUIRETLS was said */
	bool has_size;
	bool has_transaction;
	enum smtp_body body;
	enum smtp_return ret;	/* RET */
	uint64_t size;		/* SIZE */
	struct span envid;	/* ENVID, xtext as sent; empty: none */
	struct span auth;	/* AUTH, xtext as sent ("<>" too); empty: none */
	/* XPOSTHOUSE */
	struct span trace, session;		/* empty: none */
	uint8_t transaction[SMTP_TRANSACTION_SIZE];
	uint64_t actor;		/* account that sends; 0: a stranger */
	struct span next_hop;	/* XNEXTHOP, xtext, to relay; empty: none */
};

struct smtp_rcpt {
	struct address path;	/* forward-path; domain may be empty */
	unsigned notify;	/* enum smtp_notify; 0: not said */
	struct span orcpt;	/* ORCPT, "type;xtext" as sent; empty: none */
	/* XPOSTHOUSE, on the LMTP wire */
	bool has_account, has_quota;
	uint64_t account;	/* XACCOUNT */
	uint64_t quota;		/* XQUOTA, bytes; 0: none */
	bool is_final;		/* XFINAL=yes: no .forward */
	/* To pipe: which program. XPROGRAM=aliases:INDEX or forward:INDEX; or
	 * XPROGRAM=forward: where does his .forward send it? (is_whole) */
	bool has_program, is_forward, is_whole;
	unsigned program;
	struct span key;	/* XKEY, xtext as sent; may be empty */
};

enum smtp_verdict {
	SMTP_OK,
	SMTP_BAD_SYNTAX,	/* not FROM:<path> or TO:<path> and parameters */
	SMTP_BAD_PATH,
	SMTP_PATH_TOO_LONG,
	SMTP_NEEDS_UTF8,	/* address beyond ASCII without SMTPUTF8 (MAIL) */
	SMTP_UNKNOWN_PARAMETER,
	SMTP_BAD_PARAMETER,	/* known, but not with this value, or twice */
};

/*
 * The argument of MAIL ("FROM:<a@b> SIZE=1") or RCPT ("TO:<a@b>"). A blank
 * after the colon is passed over, since many send one. RCPT does not know
 * whether SMTPUTF8 was said with MAIL: the caller checks path.is_utf8.
 */
enum smtp_verdict
smtp_mail_parse(struct span argument, unsigned extensions,
	struct arena *arena, struct smtp_mail *mail);
enum smtp_verdict
smtp_rcpt_parse(struct span argument, unsigned extensions,
	struct arena *arena, struct smtp_rcpt *rcpt);

/* "MAIL FROM:<...> ...\r\n" with every parameter that is set, and RCPT. What
 * the other side does not offer, the caller leaves unset. */
void
smtp_mail_add(struct buffer *out, const struct smtp_mail *mail);
void
smtp_rcpt_add(struct buffer *out, const struct smtp_rcpt *rcpt);

/* ---- BDAT (RFC 3030 2) ---- */

struct smtp_bdat {
	uint64_t size;		/* octets of the chunk that follow the line */
	bool is_last;
};

/*
 * False when the argument is not "size" or "size LAST": then nobody knows how
 * many octets follow, and the connection cannot go on.
 */
bool
smtp_bdat_parse(struct span argument, struct smtp_bdat *bdat);
void
smtp_bdat_add(struct buffer *out, const struct smtp_bdat *bdat);

/* ---- xtext (RFC 3461 4) ---- */

bool
smtp_xtext_is_valid(struct span xtext);
void
smtp_xtext_encode(struct buffer *out, struct span text);
/* False (and something undefined appended) when it is not xtext. */
bool
smtp_xtext_decode(struct buffer *out, struct span xtext);

#endif
