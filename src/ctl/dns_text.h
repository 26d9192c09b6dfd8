/* Data of DNS records as in a zone file, of answers and of ours, so that they
 * can be compared. */
#ifndef CTL_DNS_TEXT_H
#define CTL_DNS_TEXT_H

#include "proto/dns.h"

/* 0: none of those that our domains need. */
uint16_t
dns_text_type(struct span name);

/* Of an answer; false: it is not what its type says. */
bool
dns_text_of(struct span message, const struct dns_record *record,
	struct arena *arena, struct span *data);

/* Do both mean the same? The strings of a TXT count joined, names and
 * hexadecimal digits without case. */
bool
dns_text_equals(struct span a, struct span b);

/* The first word of a TXT, as "v=spf1". */
struct span
dns_text_kind(struct span data);

#endif
