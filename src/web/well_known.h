/* What other mail hosts and authorities look for (RFC 8615). */
#ifndef WEB_WELL_KNOWN_H
#define WEB_WELL_KNOWN_H

#include "web/page.h"

/* /.well-known/mta-sts.txt on mta-sts.DOMAIN (RFC 8461 3.3) */
void
well_known_policy(const struct question *question, struct answer *answer);

/* /.well-known/acme-challenge/TOKEN (RFC 8555 8.3), without TLS */
void
well_known_challenge(const struct question *question, struct answer *answer);

#endif
