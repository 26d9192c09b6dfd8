/*
 * Which domains are ours: what auth says, kept as long as nothing of it has
 * changed. A name of the host itself or of a service ("autoconfig.DOMAIN") leads
 * to its domain. Never who has an account there.
 */
#ifndef WEB_DOMAINS_H
#define WEB_DOMAINS_H

#include "base/arena.h"
#include "serve/session.h"

enum { DOMAINS_LIMIT = 100000, DOMAINS_WAIT = 5000 /* ms */ };

struct domains;

struct domains *
domains_new(struct lot *lot);
void
domains_free(struct domains **domains);

/* It may be another list than before: ask again. Any thread. */
void
domains_forget(struct domains *domains);

enum domains_verdict { DOMAINS_OURS, DOMAINS_OTHERS, DOMAINS_LATER };

/* Is it a domain of ours, in either form (RFC 5890)? May block for DOMAINS_WAIT. */
enum domains_verdict
domains_judge(struct domains *domains, struct span domain);

#endif
