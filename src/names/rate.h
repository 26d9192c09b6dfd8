/*
 * How often a client's network is answered the same kind of thing by UDP,
 * where anybody can write anybody's address: beyond the limit most answers are
 * left out, and some say "ask by TCP" (dns_rate_limit, dns_rate_limit_slip).
 * A table of fixed size; any thread.
 */
#ifndef NAMES_RATE_H
#define NAMES_RATE_H

#include "base/network.h"

enum { RATE_PLACES = 1 << 15, RATE_IPV4_PREFIX = 24, RATE_IPV6_PREFIX = 56 };

enum rate_verdict { RATE_ANSWER, RATE_SLIP, RATE_DROP };

/* Answers a second for a network and kind (0: no limit); each `slip`th of the
 * others is RATE_SLIP (0: none). */
void
rate_configure(unsigned limit, unsigned slip);

/* One answer more at `now` (ms); what is of one kind is the caller's choice. */
enum rate_verdict
rate_count(const struct network_address *client, uint64_t kind, int64_t now);

#endif
