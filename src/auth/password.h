/*
 * Is this the password? PBKDF2 costs milliseconds, so what has been verified is
 * remembered for a while as a keyed hash (the key is drawn at start and never
 * leaves the process), at most so many threads hash at once, and at most so
 * many wait for their turn: the rest is answered "later" at once.
 *
 * A name that does not exist costs and looks the same as a wrong password: it
 * has keys that are made of it, which no password fits. (An account whose hash
 * another system made costs what that hash costs: hash.h.)
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "auth/accounts.h"

enum {
	PASSWORD_REMEMBERED_LIMIT = 100000,	/* accounts (at most twice) */
	PASSWORD_MEMORY_LIMIT = 512 << 20,	/* bytes of hashes under way */
};

struct passwords;

struct passwords_options {
	unsigned hashers;		/* at once, at least 1 */
	unsigned waiters;		/* for their turn, beside them */
	int64_t ttl;			/* ms a verified password is remembered */
	const uint8_t *secret;		/* accounts_secret; 32 bytes; borrowed */
};

struct passwords *
passwords_new(const struct passwords_options *options);
void
passwords_free(struct passwords **passwords);

/* A new time to remember, for what is verified from now on. */
void
passwords_set_ttl(struct passwords *passwords, int64_t ttl);

enum password_verdict { PASSWORD_RIGHT, PASSWORD_WRONG, PASSWORD_LATER };

/*
 * account NULL: there is none of that name. now and deadline: monotonic ms.
 * Blocks until its turn, at most until the deadline, and then for one hash.
 */
enum password_verdict
password_check(struct passwords *passwords, const struct account *account,
	struct span name, struct span password, int64_t now, int64_t deadline);

/* Keys for a name that does not exist; the same each time for the same name. */
void
password_fake_keys(const struct passwords *passwords, struct span name,
	struct scram_keys *keys);

#endif
