/*
 * System users as auth asks for them. auth itself never calls NSS or PAM, which
 * may hang and may do anything: the process pam does, or a test.
 */
#ifndef AUTH_SYSTEM_H
#define AUTH_SYSTEM_H

#include "base/error.h"
#include "proto/system_user.h"

enum system_verdict {
	SYSTEM_YES,
	SYSTEM_NO,		/* no such user, wrong password */
	SYSTEM_BARRED,		/* the password is right, but he may not log in */
	SYSTEM_LATER,		/* nobody can say now; struct error says why */
};

/* A password to be looked at. */
struct system_password {
	const char *user;		/* the name as the machine has it */
	struct span password;
	const char *remote;		/* the client's address, for PAM */
	const char *service;		/* "imap" */
};

struct system_calls {
	/* By name, or (name NULL data) by uid. */
	enum system_verdict (*find)(struct span name, uint32_t uid,
		struct system_user *user, struct error *error);
	enum system_verdict (*check)(const struct system_password *password,
		struct error *error);
};

#endif
