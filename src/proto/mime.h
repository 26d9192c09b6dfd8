/*
 * The MIME parser (RFC 2045, 2046, 2231, 5322): one pass over the message as
 * pieces arrive, bounded depth and count, byte-exact offsets into the message
 * as it is stored. Lines may end in CRLF or LF. Broken mail gets a structure
 * too: what cannot be understood is text or opaque bytes, and every byte of
 * the message belongs to exactly one place.
 */
#ifndef PROTO_MIME_H
#define PROTO_MIME_H

#include "base/arena.h"
#include "base/buffer.h"

enum {
	MIME_DEPTH_LIMIT = 64,		/* deeper parts are opaque leaves */
	MIME_PART_LIMIT = 1000,		/* further parts belong to the last */
	MIME_HEADER_LIMIT = 262144,	/* bytes of one header block that are looked at */
	MIME_HEADERS_LIMIT = 4194304,	/* and of all header blocks of a message */
	MIME_FIELD_LIMIT = 32768,	/* bytes of one field that are looked at */
	MIME_PARAMETER_LIMIT = 64,	/* per field */
};

struct mime_parameter {
	struct span name, value;	/* RFC 2231 joined; name in lower case */
	bool is_extended;		/* had a charset: the value is UTF-8, otherwise
					 * as it stood */
	struct mime_parameter *next;
};

enum mime_kind { MIME_LEAF, MIME_MULTIPART, MIME_MESSAGE };

struct mime_part {
	enum mime_kind kind;
	/* Offsets and sizes in bytes from the start of the message. The header
	 * includes the empty line after it; the body excludes the line end
	 * before the next boundary (RFC 2046 5.1.1). */
	uint64_t header_offset, header_size, body_offset, body_size;
	uint32_t body_lines;		/* lines as BODYSTRUCTURE counts them */
	struct span type, subtype;	/* lower case; defaults filled in */
	struct mime_parameter *parameters;
	struct span encoding;		/* lower case, "7bit" by default */
	struct span id, description, md5, location;	/* raw values, empty: absent */
	struct span disposition;	/* lower case, empty: absent */
	struct mime_parameter *disposition_parameters;
	struct span language;		/* raw value */
	struct mime_envelope *envelope;	/* of a message: the root, and the child of
					 * a MIME_MESSAGE; NULL for other parts */
	struct mime_part *parent, *child, *next;
	unsigned depth;
};

/*
 * Every multipart has a child and every MIME_MESSAGE exactly one, the message
 * inside. A multipart in which no delimiter was found has the text before its
 * end as its only child, a text/plain part without header, so that a reader
 * sees what came. A multipart without boundary parameter is text/plain itself.
 */

/* Raw unfolded field values of RFC 5322; data == NULL: absent. */
struct mime_envelope {
	struct span date, subject, from, sender, reply_to, to, cc, bcc,
		in_reply_to, message_id;
};

/*
 * An address of a header. A group is a row with only `name` (group start, IMAP
 * mailbox) and ends with a row in which all are absent (RFC 9051 7.5.2).
 */
struct mime_address {
	struct span name, route, mailbox, host;	/* data == NULL: NIL */
	struct mime_address *next;
};

struct mime_parser;

/* Everything found lives in the arena. The parser itself too. */
struct mime_parser *
mime_parser_new(struct arena *arena);

/* The next bytes of the message; copies what it keeps. */
void
mime_parser_feed(struct mime_parser *parser, struct span bytes);

/* The end of the message: its structure, never NULL. */
struct mime_part *
mime_parser_end(struct mime_parser *parser);

/* feed and end in one. */
struct mime_part *
mime_parse(struct arena *arena, struct span message);

/* The value of a parameter, extended (RFC 2231) before plain; data == NULL:
 * there is none. */
struct span
mime_parameter_value(const struct mime_parameter *parameters, struct span name);

/*
 * The part an IMAP section number path names ("2.1", RFC 9051 6.4.5.1), NULL
 * when there is none. For a message that is not multipart, 1 is its body.
 */
const struct mime_part *
mime_find(const struct mime_part *message, const uint32_t *path, size_t count);

/* Addresses of a header value; never fails, broken pieces are kept readable. */
struct mime_address *
mime_parse_addresses(struct arena *arena, struct span value);

/*
 * IMAP's ENVELOPE (with parentheses) and BODY or BODYSTRUCTURE of the message.
 * Strings that need it are literals, so bytes of headers go out as they stand.
 * Extended parameters are "name*" (RFC 9051 7.5.2): with MIME_UTF8 as UTF-8,
 * else percent-encoded again, which is what clients of IMAP4rev1 understand.
 */
enum mime_format {
	MIME_EXTENDED = 1,	/* BODYSTRUCTURE, not BODY */
	MIME_UTF8 = 2,		/* the client enabled IMAP4rev2 or UTF8=ACCEPT */
};
void
mime_format_envelope(struct buffer *out, struct arena *arena,
	const struct mime_envelope *envelope);
void
mime_format_structure(struct buffer *out, struct arena *arena,
	const struct mime_part *part, unsigned flags);

/*
 * The tree with its offsets as flat bytes, for the cache of the store, and
 * back; spans of the decoded tree live in the arena. False when the bytes are
 * not such a tree.
 */
void
mime_tree_encode(struct buffer *out, const struct mime_part *message);
struct mime_part *
mime_tree_decode(struct arena *arena, struct span bytes);

/* ---- header blocks ---- */

/* A field of a header block: name, and value from after the colon, as it
 * stands (folds kept), both borrowed; `whole` with its line end. */
struct mime_field {
	struct span name, value, whole;
};

/* Cuts the next field off *rest; false at the empty line or the end. Lines
 * that are no field are skipped. */
bool
mime_next_field(struct span *rest, struct mime_field *field);

/* The value without folds and outer blanks. */
struct span
mime_unfold(struct arena *arena, struct span value);

/* Blanks, line ends and comments off the front (CFWS, RFC 5322 3.2.2). One that
 * is never closed takes the rest with it. */
void
mime_skip_between(struct span *rest);

/* Encoded words (RFC 2047) of an unfolded value as UTF-8; other bytes that are
 * not UTF-8 are repaired. */
struct span
mime_decode_words(struct arena *arena, struct span value);

/* ---- bodies ---- */

enum mime_encoding {
	MIME_IDENTITY, MIME_QUOTED_PRINTABLE, MIME_BASE64, MIME_UNKNOWN_ENCODING
};
enum mime_encoding
mime_encoding_of(const struct mime_part *part);

/* Decodes pieces of a part's body; zero the struct, set encoding, at the end
 * call once with an empty span and is_last. */
struct mime_decoder {
	enum mime_encoding encoding;
	uint32_t bits;
	unsigned count;
	char held[80];
	size_t held_size;
};
void
mime_decode_part(struct mime_decoder *decoder, struct buffer *out,
	struct span bytes, bool is_last);

#endif
