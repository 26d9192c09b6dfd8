/*
 * Mail addresses: the paths of SMTP (RFC 5321 4.1.2, RFC 6531 3.3), and the
 * comparison of addresses and domains, in this one place.
 */
#ifndef PROTO_ADDRESS_H
#define PROTO_ADDRESS_H

#include "base/arena.h"
#include "base/buffer.h"

/*
 * RFC 5321 4.5.3.1 names sizes that must be taken at least, and asks for no
 * limits where that can be done. Senders that write a whole address or a
 * serial number into their local part (VERP, SRS) go beyond its 64 octets, so
 * twice as many are taken; the path as a whole keeps its limit.
 */
enum {
	ADDRESS_LOCAL_LIMIT = 128,	/* 4.5.3.1.1, octets */
	ADDRESS_DOMAIN_LIMIT = 255,	/* 4.5.3.1.2 */
	ADDRESS_PATH_LIMIT = 254,	/* 4.5.3.1.3 with RFC errata 1690 */
	ADDRESS_ROUTE_LIMIT = 1024,	/* of a source route that is skipped */
	ADDRESS_LABEL_LIMIT = 63,	/* RFC 1035 2.3.4, of an A-label */
};

struct address {
	struct span local;	/* unquoted: what it means, not how it was written */
	struct span domain;	/* as written; empty for <postmaster> */
	bool is_literal;	/* domain is an address literal, with brackets:
				 * [192.0.2.1] */
	bool is_utf8;		/* some byte is not ASCII */
};

enum address_verdict {
	ADDRESS_OK, ADDRESS_NULL /* <> */, ADDRESS_BAD_SYNTAX, ADDRESS_TOO_LONG
};

/*
 * "<local@domain>" or "<>" off the front of *rest (source routes are skipped,
 * RFC 5321 4.1.1.3). Spans of *address point into the input or the arena.
 * A path without a domain is parsed too, domain then being empty: whether
 * there may be one is the caller's to say. Misplaced dots in a local part are
 * taken, because people have such addresses; address_format quotes them.
 * No control character ever gets through. *rest stands still but for OK, NULL.
 */
enum address_verdict
address_parse_path(struct span *rest, struct arena *arena,
	struct address *address);

/* The whole span as an address without angle brackets; domain optional. */
enum address_verdict
address_parse(struct span text, struct arena *arena, struct address *address);

/* local@domain with quotes where the local part needs them. */
void
address_format(struct buffer *out, const struct address *address);

/*
 * The one form under which addresses are compared and stored: domain as
 * lower-case U-labels normalised by IDNA2008 (A-labels and U-labels are equal),
 * local part NFC and case-folded, joined by "@" without quotes (the last "@"
 * is the one between them). Without a domain it is the local part alone. False
 * when the domain is not one or bytes are not UTF-8.
 */
bool
address_normalise(struct arena *arena, const struct address *address,
	struct span *out);
bool
address_normalise_domain(struct arena *arena, struct span domain,
	struct span *out);

/* The ASCII form of a domain (A-labels), for the wire; false when it is not a
 * domain (an address literal is none). */
bool
address_domain_to_ascii(struct arena *arena, struct span domain,
	struct span *out);

/*
 * alice+news with delimiters "+": base alice, detail news; false (base is the
 * whole) when there is no delimiter in it but perhaps as its first byte.
 */
bool
address_split_detail(struct span local, const char *delimiters,
	struct span *base, struct span *detail);

#endif
