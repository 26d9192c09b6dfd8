/*
 * The compiled aliases of alias_maps (proto/alias_table.h) in auth: the file
 * "aliases" beside accounts.db, written by newaliases through the operator's
 * wire and looked at for every recipient in a domain of mydestination. Runs in
 * auth; it never opens the administrator's own files.
 */
#ifndef AUTH_ALIASES_H
#define AUTH_ALIASES_H

#include "auth/accounts.h"
#include "auth/virtual.h"

/* Reads the file that is there; none is fine. In the directory of the accounts,
 * once, before it serves. */
int
aliases_load(struct accounts *accounts, struct error *error);

/*
 * Makes this text the table from now on: checked, written beside the old one,
 * synced, renamed. With -1 the old one stays. Raises the generation of
 * accounts, so that the next RCPT asks again.
 */
int
aliases_replace(struct accounts *accounts, struct span text,
	struct error *error);

/* ---- virtual_alias_maps ---- */

/* Takes the tables over; the old ones are gone when it returns. */
void
aliases_set_virtual(struct accounts *accounts, struct virtual_tables **tables);

#endif
