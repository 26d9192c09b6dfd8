/*
 * System users as accounts: the source `system`. Names in mydestination and at
 * myorigin are asked for; the account's number is the uid. Who is found is
 * remembered for some seconds only and who is not never, since users come from
 * NSS, which tells nobody when it has changed: useradd counts at the next
 * recipient. Runs in auth; no lock is held while pam is asked.
 */
#include <stdio.h>
#include <string.h>

#include "auth/accounts_private.h"
#include "base/clock.h"
#include "base/memory.h"
#include "proto/account_id.h"

enum {
	REMEMBERED = 5000,		/* ms */
	REMEMBERED_LIMIT = 10000,	/* users */
	UID_NOBODY = 65534,		/* of files that are nobody's */
};

struct remembered {
	struct system_user user;
	int64_t until;
};

void
accounts_system_init(struct accounts *accounts)
{
	bounded_map_init(&accounts->system_users, REMEMBERED_LIMIT / 2,
		memory_free);
	bounded_map_init(&accounts->system_over, REMEMBERED_LIMIT / 2,
		memory_free);
}

void
accounts_system_fini(struct accounts *accounts)
{
	bounded_map_fini(&accounts->system_users);
	bounded_map_fini(&accounts->system_over);
}

void
accounts_set_system(struct accounts *accounts,
	const struct system_calls *calls)
{
	accounts->system = calls;
}

/* ---- who it is ---- */

static bool
recall(struct accounts *accounts, struct span name, struct system_user *user)
{
	pthread_mutex_lock(&accounts->cache_lock);
	const struct remembered *known = bounded_map_get(
		&accounts->system_users, name);
	bool is_known = known != NULL && known->until > clock_monotonic();
	if (is_known)
		*user = known->user;
	pthread_mutex_unlock(&accounts->cache_lock);
	return is_known;
}

static void
remember(struct accounts *accounts, struct span name,
	const struct system_user *user)
{
	struct remembered *new = memory_new(sizeof(*new));
	new->user = *user;
	new->until = clock_monotonic() + REMEMBERED;
	pthread_mutex_lock(&accounts->cache_lock);
	bounded_map_put(&accounts->system_users, name, new);
	pthread_mutex_unlock(&accounts->cache_lock);
}

/* 1, 0 or -1: nobody could say. */
static int
find_user(struct accounts *accounts, struct span name,
	struct system_user *user, struct error *error)
{
	if (!system_user_is_name(name))
		return 0;
	if (recall(accounts, name, user))
		return 1;
	switch (accounts->system->find(name, 0, user, error)) {
	case SYSTEM_YES:
		remember(accounts, name, user);
		return 1;
	case SYSTEM_NO:
	case SYSTEM_BARRED:
		return 0;
	case SYSTEM_LATER:
		break;
	}
	return -1;
}

/* Root's mail is read by root; bin, daemon and the like get theirs by aliases. */
static bool
has_mail(const struct accounts *accounts, uint32_t uid)
{
	return uid == 0 || (uid >= accounts->first_uid && uid != UID_NOBODY &&
		(accounts->last_uid == 0 || uid <= accounts->last_uid));
}

static bool
is_over(struct accounts *accounts, uint32_t uid)
{
	return bounded_map_get(&accounts->system_over,
		span_of(&uid, sizeof(uid))) != NULL;
}

static bool
make_account(struct accounts *accounts, const struct system_user *user,
	struct account *account)
{
	*account = (struct account){ .id = account_id_of_uid(user->uid),
		.is_system = true };
	/* No password lets root in: his is for the machine, not for guessing. */
	account->generation = user->uid == 0 ? 0 : 1;
	memcpy(account->system_name, user->name, sizeof(user->name));
	pthread_mutex_lock(&accounts->cache_lock);
	account->quota = accounts->quota;
	account->is_over = is_over(accounts, user->uid);
	bool has = has_mail(accounts, user->uid);
	int size = snprintf(account->address, sizeof(account->address),
		"%s@%s", user->name, accounts->myorigin);
	pthread_mutex_unlock(&accounts->cache_lock);
	return has && size > 0 && (size_t)size < sizeof(account->address);
}

/* ---- lookups ---- */

bool
accounts_is_of_system(struct accounts *accounts, struct span domain)
{
	if (atomic_load(&accounts->system_place) == 0)
		return false;
	pthread_mutex_lock(&accounts->cache_lock);
	bool is = map_get(&accounts->domains, domain) ==
		(void *)DOMAIN_CONFIGURED || span_equals_nocase(domain,
		span_from(accounts->myorigin));
	pthread_mutex_unlock(&accounts->cache_lock);
	return is;
}

int
accounts_get_account(struct accounts *accounts, struct span normalised,
	struct name *name, struct error *error)
{
	struct system_user user;
	struct account account;
	size_t at = normalised.size;
	unsigned place = atomic_load(&accounts->system_place);
	while (at > 0 && normalised.data[at - 1] != '@')
		at--;
	if (at == 0 || (name->has_account && name->place < place) ||
		!accounts_is_of_system(accounts, span_skip(normalised, at)))
		return name->has_account;
	name->is_brief = true;
	int found = find_user(accounts, span_first(normalised, at - 1), &user,
		error);
	if (found == 1 && make_account(accounts, &user, &account)) {
		name->account = account;
		name->has_account = true;
	}
	return found < 0 ? -1 : name->has_account;
}

enum accounts_verdict
accounts_find_uid(struct accounts *accounts, uint32_t uid,
	struct account *account, struct error *error)
{
	struct span no_name = { NULL, 0 };
	struct system_user user;
	if (atomic_load(&accounts->system_place) == 0)
		return ACCOUNTS_NOT_FOUND;
	switch (accounts->system->find(no_name, uid, &user, error)) {
	case SYSTEM_YES:
		return user.uid == uid && make_account(accounts, &user,
			account) ? ACCOUNTS_FOUND : ACCOUNTS_NOT_FOUND;
	case SYSTEM_NO:
	case SYSTEM_BARRED:
		return ACCOUNTS_NOT_FOUND;
	case SYSTEM_LATER:
		break;
	}
	return ACCOUNTS_TROUBLE;
}

void
accounts_set_system_over(struct accounts *accounts, uint32_t uid, bool over)
{
	struct span key = span_of(&uid, sizeof(uid));
	pthread_mutex_lock(&accounts->cache_lock);
	if (over)
		bounded_map_put(&accounts->system_over, key,
			memory_new(sizeof(uid)));
	else
		memory_free(bounded_map_take(&accounts->system_over, key));
	pthread_mutex_unlock(&accounts->cache_lock);
}
