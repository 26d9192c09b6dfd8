/*
 * POP3 on the wire (RFC 1939 3): command lines, and messages as multi-line
 * responses. Push coding: a message may be given in pieces of any size.
 */
#ifndef PROTO_POP3_H
#define PROTO_POP3_H

#include "base/buffer.h"

enum {
	POP3_LINE_LIMIT = 1024,		/* RFC 2449 4 asks for 255 octets */
};

/* A command line without its end. */
struct pop3_command {
	struct span keyword;		/* as sent; any case */
	struct span argument;		/* all behind the first blank */
};

void
pop3_parse_command(struct span line, struct pop3_command *command);

/*
 * One or two decimal arguments with one blank between them, nothing else. A
 * message number is at least 1; the second, of TOP, may be 0.
 */
bool
pop3_parse_number(struct span argument, uint32_t *number);
bool
pop3_parse_two_numbers(struct span argument, uint32_t *number,
	uint64_t *lines);

/*
 * A message on its way out: lines that begin with a dot get another, lines that
 * end in LF alone get their CR, and TOP ends after the header, the empty line
 * and so many lines of the body.
 */
struct pop3_message {
	bool is_top;
	uint64_t lines;			/* of the body, still to come (TOP) */
	/* the coder's own */
	bool is_inside_line, is_after_cr, is_body, is_line_filled;
};

/* Zeroed for RETR; for TOP is_top and lines are set. Appends what goes out for
 * a piece; false: nothing more is needed (TOP). */
bool
pop3_message_add(struct pop3_message *message, struct span piece,
	struct buffer *out);

/* Ends the last line if it has no end, and the response: ".". */
void
pop3_message_end(struct pop3_message *message, struct buffer *out);

#endif
