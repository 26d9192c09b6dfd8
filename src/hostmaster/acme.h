/*
 * Certificates by ACME: when one is to be got, and what is told of it. A session
 * of the lot does the work when it is due; what others see is acme_store.h.
 */
#ifndef HOSTMASTER_ACME_H
#define HOSTMASTER_ACME_H

#include "serve/admin.h"
#include "trust/certificate_key.h"

/* Before the jail, and after a reload: the file that everything is kept in. */
void
acme_open(void);

/* Before lot_run, when hostmaster's callers are there. */
void
acme_start(struct lot *lot);

/* The configuration or something else has changed: it looks again. Any thread. */
void
acme_wake(void);

/* The keys of the certificate in use and of the next one; how many. Any
 * thread. */
size_t
acme_public_hashes(uint8_t (*hashes)[CERTIFICATE_KEY_HASH], size_t room);

/* CERTIFICATE-LIST and CERTIFICATE-RENEW of the operator's wire. */
void
acme_list(struct admin_call *call);
void
acme_renew(struct admin_call *call);

/* CHALLENGE of the wire to web. */
void
acme_tell_challenge(struct admin_call *call);

#endif
