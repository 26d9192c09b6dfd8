/*
 * What the number of an account says about where its mail is. Accounts of the
 * database and of files have 63 random bits; those of system users are their
 * uid with the highest bit set, and are served by a process of their own under
 * that uid (ARCHITECTURE.md 2).
 */
#ifndef PROTO_ACCOUNT_ID_H
#define PROTO_ACCOUNT_ID_H

#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_ID_SYSTEM (UINT64_C(1) << 63)

static inline uint64_t
account_id_of_uid(uint32_t uid)
{
	return ACCOUNT_ID_SYSTEM | uid;
}

static inline bool
account_id_is_system(uint64_t id)
{
	return (id & ACCOUNT_ID_SYSTEM) != 0;
}

static inline uint32_t
account_id_uid(uint64_t id)
{
	return (uint32_t)id;
}

/*
 * Is it the account of this process: of program mailbox, number `instance` of
 * so many processes; or (processes 0) of mailbox-user, that of this uid?
 */
static inline bool
account_id_is_served_by(uint64_t id, uint32_t instance, unsigned processes)
{
	if (processes == 0 || account_id_is_system(id))
		return processes == 0 && id == account_id_of_uid(instance);
	return id % processes == instance;
}

#endif
