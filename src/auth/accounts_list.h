/*
 * Lists of what is in the database (accounts.h), for the operator: in the order
 * of the names. Everything is in the arena.
 */
#ifndef AUTH_ACCOUNTS_LIST_H
#define AUTH_ACCOUNTS_LIST_H

#include "auth/accounts.h"

struct accounts_user_row {
	struct span address;
	uint64_t id, quota;
	bool has_own_quota, is_over, has_password;
};
int
accounts_list_users(struct accounts *accounts, struct arena *arena,
	struct accounts_user_row **rows, size_t *count, struct error *error);

struct accounts_alias_row {
	struct span address, target;
};
int
accounts_list_aliases(struct accounts *accounts, struct arena *arena,
	struct accounts_alias_row **rows, size_t *count, struct error *error);

struct accounts_domain_row {
	struct span domain;
	uint64_t users, aliases;
	bool is_configured;		/* stands in mydestination */
};
int
accounts_list_domains(struct accounts *accounts, struct arena *arena,
	struct accounts_domain_row **rows, size_t *count, struct error *error);

#endif
