/*
 * Dates of mail: RFC 5322 3.3 (headers) and RFC 9051 date-time (INTERNALDATE).
 * Times are seconds since 1970 UTC.
 */
#ifndef PROTO_DATE_H
#define PROTO_DATE_H

#include "base/buffer.h"

/* "Sun, 22 Nov 2026 06:46:03 +0000"; zone in minutes east. */
void
date_format_header(struct buffer *out, int64_t seconds, int zone);

/* " 2-Nov-2026 06:46:03 +0000" (day padded with a blank, RFC 9051 date-time). */
void
date_format_internal(struct buffer *out, int64_t seconds, int zone);

/* RFC 5322 with the obsolete forms people still send; false when hopeless. */
bool
date_parse_header(struct span text, int64_t *seconds, int *zone);

/* date-time of RFC 9051, without quotes. */
bool
date_parse_internal(struct span text, int64_t *seconds, int *zone);

/* date of SEARCH: "1-Feb-1994", without quotes. *days: days since 1970-01-01. */
bool
date_parse_search(struct span text, int64_t *days);

#endif
