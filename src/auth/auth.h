/*
 * What the parts of the process share. Made by main; everything in it locks
 * for itself.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <stdatomic.h>

#include "auth/accounts.h"
#include "auth/password.h"
#include "auth/settings.h"
#include "auth/throttle.h"
#include "auth/ticket.h"
#include "serve/turnstile.h"

struct exchanges;

struct auth {
	struct accounts *accounts;
	struct passwords *passwords;
	struct throttle *throttle;
	struct tickets *tickets;
	struct exchanges *exchanges;
	const struct system_calls *system;	/* who knows system users */
	uint32_t owner;		/* who may be everybody by EXTERNAL: root, or the
				 * one user as whom all of this runs */
	struct turnstile turnstile;	/* to SASL: half of the workers */
	_Atomic(const struct settings *) settings;
};

/* The one of this process. */
extern struct auth auth;

static inline const struct settings *
auth_settings(void)
{
	return atomic_load(&auth.settings);
}

#endif
