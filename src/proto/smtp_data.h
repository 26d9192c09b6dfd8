/*
 * Message content as it comes off the wire: DATA with its dots (RFC 5321
 * 4.5.2), and BDAT chunks (RFC 3030). The state is flat and may be parked after
 * any byte.
 *
 * Only CRLF.CRLF ends DATA. A bare CR or LF never does and never makes a dot
 * special (RFC 5321 2.3.8): so what a careless sender passed on cannot become
 * commands here. Bare ones are noted, and by the rule given left as they are
 * (the message is then refused at its end) or normalised: a bare LF becomes
 * CRLF, a bare CR a blank.
 */
#ifndef PROTO_SMTP_DATA_H
#define PROTO_SMTP_DATA_H

#include "base/buffer.h"

/* RFC 5321 4.5.3.1.6 asks for 1000 octets at least; longer lines do no harm
 * here, but a message of one endless line is no mail. Without CRLF. */
enum { SMTP_DATA_LINE_LIMIT = 1 << 20 };

enum smtp_data_kind {
	SMTP_DATA_DOTS,		/* DATA: dot-stuffed, ended by CRLF.CRLF */
	SMTP_DATA_CHUNKS,	/* BDAT: counted by the caller */
	SMTP_DATA_BINARY,	/* BDAT with BODY=BINARYMIME: not looked at */
};

struct smtp_data {
	uint8_t kind;		/* enum smtp_data_kind */
	uint8_t state;
	bool is_normalising;
	/* What was seen so far. */
	bool is_end;		/* CRLF.CRLF came, or smtp_data_end was called */
	bool has_bare_cr, has_bare_lf, has_nul, has_long_line;
	uint32_t line_size;
	uint64_t size;		/* octets given out: the message's size */
};

void
smtp_data_init(struct smtp_data *data, enum smtp_data_kind kind,
	bool is_normalising);

/*
 * Takes what has arrived, appends content to *out (an overrun there is the
 * caller's affair) and returns how many octets it used: all of `in`, but for
 * what stands behind the end of DATA. A CR at the very end is kept back in
 * the state, not in `in`. For chunks the caller gives only octets of the chunk.
 */
size_t
smtp_data_feed(struct smtp_data *data, struct span in, struct buffer *out);

/* The last chunk is complete: what was kept back is given out. */
void
smtp_data_end(struct smtp_data *data, struct buffer *out);

#endif
