/*
 * Parameters with a grammar of their own, and files that parameters name, looked
 * at before the system is given them.
 */
#ifndef CTL_CHECK_H
#define CTL_CHECK_H

#include "base/config.h"
#include "base/error.h"

/* mail_location: one sentence with what was found and expected. */
int
check_mail_location(const struct config *config, struct error *error);

/* The tables of virtual_alias_maps and the zones of dns_zones: one sentence with
 * file, line, what was found and expected. Runs auth and names, which alone know
 * how to read them. */
int
check_tables(const struct config *config, struct error *error);

/* The file dns_tsig_keys, and the keys that others name: each is there. */
int
check_keys(const struct config *config, struct error *error);

/* The same of the files of `ldap:FILE` and `pgsql:FILE` in accounts. */
int
check_sources(const struct config *config, struct error *error);

#endif
