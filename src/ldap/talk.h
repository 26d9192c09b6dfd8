/*
 * Talking with LDAP servers within a deadline and with bounded answers: libldap,
 * whose own waiting and name resolution are not used.
 */
#ifndef LDAP_TALK_H
#define LDAP_TALK_H

#include <ldap.h>
#include <openldap.h>

#include "ldap/settings.h"
#include "serve/source_server.h"

enum { TALK_ANSWER_LIMIT = 256 << 10 };	/* bytes of one message */

/* Certificate authorities are read once, before the jail: later only those are
 * there that some source had at the start. NULL with error. For ever. */
void *
talk_trust(const char *ca_file, struct error *error);

/* The first server that answers. NULL with error. */
LDAP *
talk_connect(const struct ldap_settings *settings, void *trust,
	int64_t deadline, struct error *error);
void
talk_disconnect(LDAP *connection);

/* FOUND: bound as this entry. NOT_FOUND: not its password. */
enum source_verdict
talk_bind(LDAP *connection, const char *dn, struct span password,
	int64_t deadline, struct error *error);

struct talk_search {
	const struct ldap_settings *settings;
	struct span filter;
	const struct ldap_attributes *attributes;
	int64_t deadline;
};

/* FOUND: *answer has one entry; the caller's to ldap_msgfree. */
enum source_verdict
talk_find(LDAP *connection, const struct talk_search *search,
	LDAPMessage **answer, struct error *error);

#endif
