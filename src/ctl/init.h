/*
 * What `posthouse init` makes, as the words of the command line or a person at
 * the terminal have it.
 */
#ifndef CTL_INIT_H
#define CTL_INIT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

enum { INIT_DOMAIN_SIZE = 254, INIT_ADDRESS_SIZE = 320,
	INIT_PATH_SIZE = 512 };

/* Who reads mail to postmaster and abuse, and to root when a person was asked. */
enum init_reader {
	INIT_ACCOUNT,		/* one that is made, with the password */
	INIT_USER,		/* a user of this machine */
	INIT_ELSEWHERE		/* an address of another domain */
};

struct init_plan {
	char domain[INIT_DOMAIN_SIZE];
	char hostname[INIT_DOMAIN_SIZE];
	bool has_users;		/* users of this machine have mail */
	enum init_reader kind;
	char reader[INIT_ADDRESS_SIZE];
	bool wants_acme;
	char acme_email[INIT_ADDRESS_SIZE];
	/* Of the administrator; empty: one is made, self-signed. */
	char certificate[INIT_PATH_SIZE], key[INIT_PATH_SIZE];
	struct buffer password;	/* of INIT_ACCOUNT; empty: one is made */
	bool is_asked;		/* by init_ask */
	bool is_named;		/* the reader was said, not assumed */
	/* A configuration is there as `init --domain` made it (for the package),
	 * and is replaced. */
	bool goes_on;
};

bool
init_is_domain(const char *text);

/* Takes a domain by its A-labels: in greetings, certificates and the like nothing
 * else is understood. False when it is none. */
bool
init_take_name(char name[INIT_DOMAIN_SIZE], const char *text);

/* "mail.example.org", as far as the machine knows it; may be empty. */
void
init_find_hostname(char hostname[INIT_DOMAIN_SIZE]);

/* What is assumed for a domain that is all there is to know. */
void
init_assume(struct init_plan *plan, const char *domain);

/* A name or an address; NULL: taken, else what was expected. */
const char *
init_take_reader(struct init_plan *plan, const char *answer);

/*
 * Asks the person at the terminal for everything, each answer until it is right,
 * and at the end whether all of it is. Changes nothing. -1: the person does not
 * want to go on, which the error says.
 */
int
init_ask(struct init_plan *plan, const char *config_path,
	struct error *error);

/* What to do next, for who was asked, or who has the package's configuration. */
void
init_say_next(const struct init_plan *plan, const char *config_option);

#endif
