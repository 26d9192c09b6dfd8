/*
 * DNS cookies: who shows one that we gave to his address is where he says he
 * is (RFC 7873). Made as RFC 9018 4 says; the secret is this process's, and a
 * new one takes its place each day.
 */
#ifndef NAMES_COOKIE_H
#define NAMES_COOKIE_H

#include "base/network.h"
#include "names/message.h"

enum {
	COOKIE_SIZE = 24,		/* the client's and ours */
	COOKIE_PAST = 3600, COOKIE_FUTURE = 300,	/* s; RFC 9018 4.3 */
	COOKIE_SECRET_TIME = 86400,	/* s */
};

/* Times are seconds since 1970. Any thread. */

/* Is it ours, for this address, and not too old? */
bool
cookie_is_good(const struct message_question *question,
	const struct network_address *client, uint32_t now);

/* The one to answer with; the question has one of the client's. */
void
cookie_make(const struct message_question *question,
	const struct network_address *client, uint32_t now,
	uint8_t cookie[COOKIE_SIZE]);

#endif
