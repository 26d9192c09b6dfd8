/*
 * Framing of IMAP client commands (RFC 9051 2.2.1, 4.3, RFC 7888): lines that
 * may go on after a literal. Push parsing: the framer takes what has arrived,
 * stops at any byte, and holds nothing but the command as far as it is there.
 *
 * A finished command is one run of bytes without its last CRLF; literals that
 * were kept stand in it as they were sent, "{5}CRLFhello". A line may end in LF
 * alone, for people who type; nothing else depends on where a line ends.
 */
#ifndef PROTO_IMAP_FRAME_H
#define PROTO_IMAP_FRAME_H

#include "base/buffer.h"

enum {
	IMAP_FRAME_LINE_LIMIT = 65536,		/* of a command less its literals */
	IMAP_FRAME_LITERAL_LIMIT = 131072,	/* kept literals of one command */
	IMAP_FRAME_HEAD_SIZE = 128,		/* kept of a longer line, for the tag */
	IMAP_FRAME_TAIL_SIZE = 24,		/* "~{18446744073709551615+}" */
};
#define IMAP_FRAME_SKIP_LIMIT ((uint64_t)128 << 20)

enum imap_frame_verdict {
	IMAP_FRAME_MORE,	/* all is consumed, the command is not whole */
	IMAP_FRAME_COMMAND,	/* .command is whole */
	IMAP_FRAME_REFUSED,	/* as COMMAND, but something of it was left out: do
				 * not execute; .is_line_too_long says what */
	IMAP_FRAME_LITERAL,	/* a literal is announced: decide (see below) */
	IMAP_FRAME_BYTES,	/* .bytes of a literal that is passed on */
	IMAP_FRAME_ABSURD,	/* more than .skip_limit would have to be thrown
				 * away: close the connection */
};

struct imap_frame {
	struct buffer command;		/* text so far, kept literals in place */
	size_t line_limit, literal_limit;	/* may be set after init */
	uint64_t skip_limit;
	/* the literal announced last */
	uint64_t literal_size, literal_left;
	bool is_synchronising;		/* the client waits for "+" */
	bool is_binary;			/* literal8 (RFC 9051 9, RFC 3516) */
	bool is_line_too_long;
	struct span bytes;		/* with BYTES: part of the input */
	/* the framer's own */
	enum {
		IMAP_FRAME_IN_LINE, IMAP_FRAME_ANNOUNCED, IMAP_FRAME_IN_KEPT,
		IMAP_FRAME_IN_PASSED, IMAP_FRAME_IN_SKIPPED
	} state;
	bool is_begun, is_refused;
	size_t line_start;		/* of the current line, in command */
	size_t kept;			/* bytes of kept literals in command */
	uint64_t skipped;
	char tail[IMAP_FRAME_TAIL_SIZE];	/* end of a line too long to keep */
	size_t tail_size;
};

void
imap_frame_init(struct imap_frame *frame);
void
imap_frame_fini(struct imap_frame *frame);

/*
 * Looks at the bytes that have arrived; *consumed of them are used up, also
 * with MORE. After COMMAND or REFUSED the caller resets the frame; after
 * LITERAL it calls one of the four deciding functions.
 */
enum imap_frame_verdict
imap_frame_next(struct imap_frame *frame, struct span in, size_t *consumed);

/* Ready for the next command; the memory stays. Also how a synchronising
 * literal is refused: the client has not sent it and will not. */
void
imap_frame_reset(struct imap_frame *frame);

/* True when nothing of a next command has been seen. */
bool
imap_frame_is_empty(const struct imap_frame *frame);

/*
 * Keeps the announced literal in the command. False when that is beyond
 * literal_limit: then skip or reset. The caller sends "+" when it is
 * synchronising.
 */
bool
imap_frame_keep(struct imap_frame *frame);

/*
 * Hands the literal on as it comes (IMAP_FRAME_BYTES until literal_left is 0;
 * none for an empty one). The text so far, which the caller has parsed, is
 * dropped: .command then holds what follows the literal.
 */
void
imap_frame_pass(struct imap_frame *frame);

/* Throws the literal away; the command ends as REFUSED. Not for synchronising
 * ones, which do not come. False: it is absurdly large, as with ABSURD. */
bool
imap_frame_skip(struct imap_frame *frame);

/*
 * Does this line (without CRLF) end in a literal's announcement outside a
 * quoted string? "{12}", "{12+}", "~{12}".
 */
struct imap_frame_literal {
	uint64_t size;
	bool is_synchronising, is_binary;
	size_t text_size;		/* of the announcement */
};
bool
imap_frame_find_literal(struct span line, struct imap_frame_literal *literal);

#endif
