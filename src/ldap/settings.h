/* FILE of `ldap:FILE`: lines of Dovecot's dovecot-ldap.conf.ext. */
#ifndef LDAP_SETTINGS_H
#define LDAP_SETTINGS_H

#include "base/arena.h"
#include "base/error.h"

enum { SETTINGS_SERVERS = 8, SETTINGS_ATTRIBUTES = 8 };

struct ldap_server {
	struct span host;		/* as it stands in a certificate */
	uint16_t port;
	bool is_ldaps;
	const char *uri;		/* for libldap; no TLS in it */
};

enum ldap_field { LDAP_FIELD_NONE, LDAP_FIELD_PASSWORD, LDAP_FIELD_QUOTA,
	LDAP_FIELD_FORBIDS };

/* Attributes that are asked for, and what is done with each. */
struct ldap_attributes {
	char *name[SETTINGS_ATTRIBUTES + 1];	/* ends with NULL */
	enum ldap_field field[SETTINGS_ATTRIBUTES];
	size_t count;
};

struct ldap_settings {
	struct ldap_server server[SETTINGS_SERVERS];
	size_t server_count;
	const char *dn, *password, *base;	/* dn NULL: anonymous */
	int scope;			/* LDAP_SCOPE_... */
	bool is_bind, is_tls;		/* auth_bind, tls */
	const char *ca_file;
	struct span pass_filter, user_filter;	/* user_filter may be empty */
	struct ldap_attributes pass, user;
	struct span scheme;		/* "{SSHA}", or empty */
};

/* Everything is in the arena. -1: a sentence with path (and line). */
int
ldap_settings_read(struct span text, const char *path, struct arena *arena,
	struct ldap_settings *settings, struct error *error);

#endif
