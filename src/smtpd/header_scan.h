/*
 * What smtpd has to know of a message's header (RFC 5322 2.2), found while the
 * message comes in, at any split: how often it was received (RFC 5321 6.3),
 * and which fields a submission lacks (RFC 6409 8). Flat but for the text of
 * From, which is kept only when asked for.
 */
#ifndef SMTPD_HEADER_SCAN_H
#define SMTPD_HEADER_SCAN_H

#include "base/buffer.h"

enum {
	HEADER_SCAN_NAME = 24,		/* longer names are of no interest */
	HEADER_SCAN_FROM_LIMIT = 65536,	/* octets of From that are kept */
};

struct header_scan {
	uint8_t state;
	bool is_over;			/* the empty line was seen */
	bool is_first;			/* nothing but the first line so far */
	bool is_headless;		/* the first line is no field: a body
					 * without header */
	bool keeps_from, is_in_from;
	bool has_date, has_message_id;
	bool is_name_bad;
	uint8_t name_size;
	char name[HEADER_SCAN_NAME];
	unsigned received, from_count;
	struct buffer from;		/* value with its folds */
};

void
header_scan_init(struct header_scan *scan, bool keeps_from);
void
header_scan_fini(struct header_scan *scan);

/* The next octets of the content, in order. */
void
header_scan_feed(struct header_scan *scan, struct span bytes);

#endif
