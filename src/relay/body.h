/*
 * The bytes of a message on their way out: what stands in them, and how they
 * go into DATA. Whatever came in, a CR or LF that stands alone never goes out
 * (RFC 5321 2.3.8), except inside BDAT with BODY=BINARYMIME (RFC 3030 3).
 */
#ifndef RELAY_BODY_H
#define RELAY_BODY_H

#include "serve/mail_body.h"

enum {
	BODY_PIECE = 65536,		/* bytes that are looked at or sent at once */
	BODY_LINE_LIMIT = 998,		/* RFC 5322 2.1.1, without CRLF */
};

/* ---- a walk over the bytes ---- */

struct body_reader {
	const struct mail_body *body;
	uint64_t at;
	struct buffer piece;		/* of a file */
};

enum body_read { BODY_BYTES, BODY_END, BODY_FAILED };

void
body_reader_init(struct body_reader *reader, const struct mail_body *body);
void
body_reader_fini(struct body_reader *reader);

/* At most BODY_PIECE bytes, valid until the next call. */
enum body_read
body_reader_next(struct body_reader *reader, struct span *bytes,
	struct error *error);

/* ---- what stands in them ---- */

struct body_facts {
	bool has_8bit_header;	/* above 127, before the first empty line */
	bool has_8bit;		/* above 127, anywhere */
	bool has_nul;
	bool has_bare;		/* a CR or LF that is not part of CRLF */
	bool has_dot;		/* a line begins with a dot */
	bool has_long_line;	/* more than BODY_LINE_LIMIT octets */
	bool ends_line;		/* it is empty, or CRLF ends it */
};

/* One pass. -1 when the bytes cannot be read. */
int
body_scan(const struct mail_body *body, struct body_facts *facts,
	struct error *error);

/* The same by pieces: start with body_scanner_init; .facts at the end. */
struct body_scanner {
	struct body_facts facts;
	size_t line_size;	/* so far */
	bool is_in_body;
	char last;		/* the byte before */
};
void
body_scanner_init(struct body_scanner *scanner);
void
body_scanner_feed(struct body_scanner *scanner, struct span bytes);

/* May it go into DATA as it is, but for the last dot? */
bool
body_is_plain(const struct body_facts *facts);

/* ---- DATA (RFC 5321 4.5.2) ---- */

/*
 * Push: bytes in, bytes for the wire out. A bare LF becomes CRLF and a bare CR
 * a blank, as with smtpd_forbid_bare_newline = normalize; lines that begin with
 * a dot get another.
 */
struct body_dots {
	uint8_t state;
};
void
body_dots_init(struct body_dots *dots);
void
body_dots_feed(struct body_dots *dots, struct span bytes, struct buffer *out);
/* Ends the last line, if it is not, and the data. */
void
body_dots_end(struct body_dots *dots, struct buffer *out);

#endif
