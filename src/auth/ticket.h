/*
 * Tickets: what a login process is given for a client that has logged in. It
 * cannot read mail with one: only the mailbox process that owns the account can
 * redeem it, once, within ten seconds. 128 random bits.
 */
#ifndef AUTH_TICKET_H
#define AUTH_TICKET_H

#include "proto/address.h"

enum {
	TICKET_SIZE = 16,
	TICKET_LIFE = 10000,		/* ms */
	TICKET_LIMIT = 20000,		/* not yet redeemed */
};

struct ticket {
	uint64_t account;		/* whose mail */
	uint64_t actor;			/* who logged in */
	uint64_t quota;			/* bytes, 0: none */
	char service[16];		/* "imap", "pop3" */
	bool is_external;		/* only for a connection of this uid, as the */
	uint32_t peer;			/* mailbox sees it by itself */
	char user[ADDRESS_PATH_LIMIT + 2];
};

struct tickets;

struct tickets *
tickets_new(void);
void
tickets_free(struct tickets **tickets);

/* False when too many are out; then later. now: monotonic ms. */
bool
ticket_issue(struct tickets *tickets, const struct ticket *ticket,
	int64_t now, uint8_t number[TICKET_SIZE]);

/*
 * Is an account that of the mailbox process `instance` of `processes`? With
 * processes 0 the process is that of the system user whose uid is `instance`: it
 * has another name (wire_ticket.c), so the numbers are never mixed up.
 */
bool
ticket_is_owner(uint64_t account, unsigned instance, unsigned processes);

enum ticket_verdict {
	TICKET_OK,
	TICKET_UNKNOWN,		/* never issued, redeemed, or too old */
	TICKET_FOREIGN,		/* another mailbox process owns the account */
};

/* instance and processes: of who asks, as above. */
enum ticket_verdict
ticket_redeem(struct tickets *tickets, const uint8_t number[TICKET_SIZE],
	unsigned instance, unsigned processes, int64_t now,
	struct ticket *ticket);

/* ---- at an upgrade ---- */

enum { TICKET_LEFT_VERSION = 1 };

/* One that is not redeemed, as it goes to the successor of this process. */
struct ticket_left {
	uint32_t version, size;		/* TICKET_LEFT_VERSION, of this struct */
	uint8_t number[TICKET_SIZE];
	int64_t until;			/* monotonic ms */
	struct ticket ticket;
};

/* Takes the oldest out; false: there is none. */
bool
ticket_take(struct tickets *tickets, struct ticket_left *left);

/* Puts it in, in the order in which they were taken out. False: `bytes` is no
 * ticket of this version. */
bool
ticket_put(struct tickets *tickets, struct span bytes);

#endif
