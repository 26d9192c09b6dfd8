/*
 * Replies of SMTP and LMTP (RFC 5321 4.2, enhanced codes RFC 2034 and 3463).
 * Every text that a server of ours says is a row of the table below, so that
 * the whole can be read and reviewed at once; doc/replies.md is made of it.
 *
 * "%" in a text stands for the detail given with it: an address, a name. What
 * a stranger sent is cut and cleaned before it goes in.
 */
#ifndef PROTO_SMTP_REPLY_H
#define PROTO_SMTP_REPLY_H

#include "base/buffer.h"
#include "proto/smtp.h"

enum {
	SMTP_REPLY_DETAIL_LIMIT = 256,	/* octets of "%" */
	SMTP_ANSWER_LIMIT = 65536,	/* of a reply that a client reads */
};

/* id, code, enhanced code (NULL: RFC 2034 3 or a 3xx reply has none), text */
#define SMTP_REPLY_LIST(X) \
	X(GREETING, 220, NULL, "% ESMTP Posthouse") \
	X(GREETING_LMTP, 220, NULL, "% LMTP Posthouse") \
	X(TLS_READY, 220, "2.0.0", "Ready to start TLS") \
	X(BYE, 221, "2.0.0", "Goodbye") \
	X(AUTH_OK, 235, "2.7.0", "Authentication succeeded") \
	X(HELO, 250, NULL, "%") \
	X(OK, 250, "2.0.0", "OK") \
	X(FORGOTTEN, 250, "2.0.0", "Transaction forgotten") \
	X(SENDER_OK, 250, "2.1.0", "Sender OK") \
	X(RECIPIENT_OK, 250, "2.1.5", "Recipient OK") \
	X(CHUNK_OK, 250, "2.0.0", "% octets received") \
	X(ACCEPTED, 250, "2.0.0", "Accepted as %") \
	X(DELIVERED, 250, "2.1.5", "Delivered, %") \
	X(DELIVERED_BEFORE, 250, "2.1.5", "Delivered before; not stored again") \
	X(HAS_FORWARD, 251, "2.1.5", "Not stored: his .forward says where it goes") \
	X(HELP, 214, "2.0.0", "Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY STARTTLS AUTH; see RFC 5321") \
	X(VERIFY, 252, "2.5.0", "Not told here; send mail to it and see") \
	X(CHALLENGE, 334, NULL, "%") \
	X(GO_AHEAD, 354, NULL, "End data with <CR><LF>.<CR><LF>") \
	/* later */ \
	X(STOPPING, 421, "4.3.2", "% goes down; try again in a minute") \
	X(OVERLOADED, 421, "4.3.2", "% is too busy; try again later") \
	X(CONNECTION_COUNT, 421, "4.7.0", "Too many connections from your network at once") \
	X(CONNECTION_RATE, 421, "4.7.0", "Too many connections from your network; try again later") \
	X(IDLE, 421, "4.4.2", "Nothing heard for too long") \
	X(SESSION_TIME, 421, "4.4.2", "This connection has lasted too long; open another") \
	X(TRANSACTION_TIME, 421, "4.4.2", "This message has taken too long") \
	X(TOO_MANY_ERRORS, 421, "4.7.0", "Too many errors") \
	X(MESSAGE_RATE, 450, "4.7.1", "Too many messages from your network; try again later") \
	X(RECIPIENT_RATE, 450, "4.7.1", "Too many recipients from your network; try again later") \
	X(AUTH_RATE, 450, "4.7.1", "Too many logins from your network; try again later") \
	X(LOOKUP_AWAY, 451, "4.3.0", "Addresses cannot be looked up now; try again later") \
	X(QUEUE_AWAY, 451, "4.3.0", "The message cannot be stored now; try again later") \
	X(SPILL_FULL, 452, "4.3.1", "No space for the message now; try again later") \
	X(OVER_QUOTA, 452, "4.2.2", "<%>: the mailbox is full") \
	X(OTHER_PROCESS, 451, "4.3.5", "Another mailbox process has this account") \
	X(MAILBOX_TROUBLE, 451, "4.3.0", "The mailbox cannot be written now; try again later") \
	X(MAILBOX_NO_SPACE, 452, "4.3.1", "No space on the mailbox's disk now; try again later") \
	X(TOO_MANY_RECIPIENTS, 452, "4.5.3", "Too many recipients; send the message again to the others") \
	X(TLS_AWAY, 454, "4.7.0", "TLS is not available now") \
	X(AUTH_AWAY, 454, "4.7.0", "Logins cannot be checked now; try again later") \
	/* never: the command */ \
	X(UNKNOWN_COMMAND, 500, "5.5.1", "Command not known") \
	X(LINE_TOO_LONG, 500, "5.5.6", "Line too long") \
	X(BARE_LINE_END, 500, "5.5.2", "Lines end with CR LF, and a CR or LF stands nowhere else") \
	X(BAD_BYTES, 500, "5.5.2", "NUL or bytes that are not UTF-8 in a command") \
	X(NO_ARGUMENT, 501, "5.5.4", "This command takes no argument") \
	X(HELO_SYNTAX, 501, "5.5.4", "Say your own name: EHLO host.example") \
	X(MAIL_SYNTAX, 501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]") \
	X(RCPT_SYNTAX, 501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]") \
	X(BDAT_SYNTAX, 501, "5.5.4", "Syntax: BDAT octets [LAST]") \
	X(VRFY_SYNTAX, 501, "5.5.4", "Syntax: VRFY address") \
	X(AUTH_SYNTAX, 501, "5.5.4", "Syntax: AUTH mechanism [initial-response]") \
	X(AUTH_BASE64, 501, "5.5.2", "Not base64") \
	X(AUTH_CANCELLED, 501, "5.7.0", "Authentication cancelled") \
	X(BAD_SENDER, 501, "5.1.7", "This is not an address; write <user@host.example>") \
	X(BAD_RECIPIENT, 501, "5.1.3", "This is not an address; write <user@host.example>") \
	X(BAD_PARAMETER, 501, "5.5.4", "A parameter has a value that it cannot have") \
	X(NOT_IMPLEMENTED, 502, "5.5.1", "Not done here") \
	X(NEEDS_HELO, 503, "5.5.1", "Say EHLO first") \
	X(NEEDS_MAIL, 503, "5.5.1", "Say MAIL first") \
	X(NEEDS_RCPT, 503, "5.5.1", "Say RCPT first") \
	X(NESTED_MAIL, 503, "5.5.1", "MAIL was said already; RSET forgets it") \
	X(IN_CHUNKS, 503, "5.5.1", "BDAT has begun: go on with BDAT, or RSET") \
	X(BINARY_NEEDS_BDAT, 503, "5.5.1", "BODY=BINARYMIME is sent with BDAT") \
	X(AUTH_TWICE, 503, "5.5.1", "You are logged in already") \
	X(AUTH_IN_MAIL, 503, "5.5.1", "Not during a mail transaction") \
	X(AUTH_NOT_OFFERED, 503, "5.5.1", "Logins are not taken on this port") \
	X(TLS_TWICE, 503, "5.5.1", "TLS is active already") \
	X(AUTH_MECHANISM, 504, "5.5.4", "Mechanism not known") \
	/* never: not allowed */ \
	X(AUTH_REQUIRED, 530, "5.7.0", "Log in first") \
	X(AUTH_FAILED, 535, "5.7.8", "User name or password is wrong") \
	X(AUTH_NEEDS_TLS, 538, "5.7.11", "No password without encryption: say STARTTLS first") \
	X(LOGIN_NETWORK, 535, "5.7.8", "Logins are not taken from your network") \
	X(NO_USER, 550, "5.1.1", "<%>: no such user here") \
	X(MAILBOX_FULL, 552, "5.2.2", "<%>: the mailbox is full") \
	X(TOO_BIG, 552, "5.3.4", "The message is bigger than is taken here") \
	X(ADDRESS_TOO_LONG, 553, "5.1.3", "The address is too long") \
	X(NEEDS_UTF8, 553, "5.6.7", "An address beyond ASCII needs SMTPUTF8 with MAIL") \
	X(SENDER_NOT_YOURS, 553, "5.7.1", "<%>: not an address of the account that is logged in") \
	X(FROM_NOT_YOURS, 550, "5.7.1", "The From header holds an address that is not of the account that is logged in") \
	X(RELAY_DENIED, 554, "5.7.1", "<%>: mail for this domain is not taken from you") \
	X(NO_RECIPIENTS, 554, "5.5.1", "No valid recipients") \
	X(LOOP, 554, "5.4.6", "Too many Received headers: the message goes in a circle") \
	X(BARE_NEWLINE, 554, "5.5.2", "The message holds a bare CR or LF; lines end with CR LF") \
	X(NUL_BYTE, 554, "5.6.0", "The message holds a NUL byte; send it in base64 or with BODY=BINARYMIME") \
	X(LONG_LINE, 554, "5.6.0", "The message holds a line that is too long") \
	X(NOT_HTTP, 554, "5.5.1", "This is a mail server") \
	X(UNKNOWN_PARAMETER, 555, "5.5.4", "A parameter is not known")

enum smtp_reply {
#define SMTP_REPLY_ENUM(id, code, enhanced, text) SMTP_REPLY_##id,
	SMTP_REPLY_LIST(SMTP_REPLY_ENUM)
#undef SMTP_REPLY_ENUM
	SMTP_REPLY_COUNT
};

struct smtp_reply_row {
	const char *name;
	unsigned code;
	const char *enhanced;
	const char *text;
};

/* The row; lives for ever. */
const struct smtp_reply_row *
smtp_reply_get(enum smtp_reply reply);

/* One line with CRLF; detail stands where the row has "%". */
void
smtp_reply_add(struct buffer *out, enum smtp_reply reply, struct span detail);

/* The reply for a verdict of smtp_mail_parse or smtp_rcpt_parse, not OK. */
enum smtp_reply
smtp_reply_for(enum smtp_verdict verdict, bool is_mail);

/* ---- the client's side ---- */

struct smtp_answer {
	unsigned code;		/* 200 to 599 */
	unsigned enhanced[3];	/* class, subject, detail; class 0: none */
	struct span text;	/* of its last line, behind code and enhanced */
	struct span lines;	/* the whole as it came, for smtp_answer_line */
};

enum smtp_answer_verdict { SMTP_ANSWER_OK, SMTP_ANSWER_MORE, SMTP_ANSWER_BAD };

/*
 * The next reply, of one line or several, off the front of `in`; *consumed is
 * its length. LF alone ends a line too. BAD: not a reply, codes that differ
 * between its lines, or longer than SMTP_ANSWER_LIMIT.
 */
enum smtp_answer_verdict
smtp_answer_parse(struct span in, struct smtp_answer *answer,
	size_t *consumed);

/* The text of the next line ("SIZE 1000" of an EHLO reply), without its code;
 * start with rest = answer.lines. False after the last. */
bool
smtp_answer_line(struct span *rest, struct span *text);

#endif
