/*
 * What the administrator changes. Each function is one transaction; what went
 * wrong is said in a sentence that he can act on. Runs in auth.
 */
#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>

#include "auth/accounts_private.h"
#include "base/clock.h"
#include "base/random.h"
#include "proto/saslprep.h"

static int
parse(struct accounts *accounts, struct span text, struct arena *arena,
	struct parsed_name *parsed, struct error *error)
{
	if (text.size <= 2 * ADDRESS_PATH_LIMIT &&
		accounts_parse(accounts, text, arena, parsed))
		return 0;
	return error_set(error, ERROR_USAGE, "\"%.*s\" is not a mail address",
		SPAN_PRINT(span_first(text, 80)));
}

/* ---- passwords ---- */

/* New keys of a password, with the work done before any lock is taken. */
static int
make_keys(struct span password, struct scram_keys *keys, struct error *error)
{
	struct buffer prepared;
	buffer_init(&prepared, 0);
	enum saslprep_verdict verdict = saslprep_password(password, &prepared);
	if (verdict == SASLPREP_OK) {
		random_bytes(keys->salt, sizeof(keys->salt));
		keys->iterations = SCRAM_ITERATIONS;
		scram_derive_keys(buffer_span(&prepared), keys);
		OPENSSL_cleanse(prepared.data, prepared.size);
	}
	buffer_fini(&prepared);
	switch (verdict) {
	case SASLPREP_OK:
		return 0;
	case SASLPREP_EMPTY:
		return error_set(error, ERROR_USAGE, "the password is empty");
	case SASLPREP_TOO_LONG:
		return error_set(error, ERROR_USAGE, "the password is longer "
			"than %d bytes", SASLPREP_PASSWORD_LIMIT);
	case SASLPREP_NOT_UTF8:
		return error_set(error, ERROR_USAGE,
			"the password is not in UTF-8");
	case SASLPREP_PROHIBITED:
		break;
	}
	return error_set(error, ERROR_USAGE, "the password holds a character "
		"that cannot be in one, such as a tab");
}

static int
put_keys(struct accounts *accounts, uint64_t id,
	const struct scram_keys *keys, struct error *error)
{
	sqlite3_stmt *put = database_use(&accounts->database,
		DATABASE_PUT_CREDENTIAL);
	sqlite3_bind_int64(put, 1, (int64_t)id);
	database_bind_bytes(put, 2, keys->salt, sizeof(keys->salt));
	sqlite3_bind_int64(put, 3, keys->iterations);
	database_bind_bytes(put, 4, keys->stored_key,
		sizeof(keys->stored_key));
	database_bind_bytes(put, 5, keys->server_key,
		sizeof(keys->server_key));
	return database_run(&accounts->database, put, error);
}

/* ---- users ---- */

static int
insert_account(struct accounts *accounts, const struct parsed_name *parsed,
	uint64_t id, struct error *error)
{
	struct database *database = &accounts->database;
	sqlite3_stmt *add = database_use(database, DATABASE_ADD_ACCOUNT);
	sqlite3_bind_int64(add, 1, (int64_t)id);
	sqlite3_bind_int64(add, 2, clock_wall());
	if (database_run(database, add, error) != 0)
		return -1;
	add = database_use(database, DATABASE_ADD_ADDRESS);
	database_bind(add, 1, parsed->name);
	database_bind(add, 2, parsed->written);
	database_bind(add, 3, parsed->domain);
	sqlite3_bind_int64(add, 4, (int64_t)id);
	if (database_run(database, add, error) == 0)
		return 0;
	if (error->code == ERROR_EXISTS)
		error_set(error, ERROR_EXISTS, "there is an account %.*s "
			"already", SPAN_PRINT(parsed->written));
	return -1;
}

static int
insert_domain(struct accounts *accounts, enum database_statement how,
	struct span domain, struct error *error)
{
	sqlite3_stmt *add = database_use(&accounts->database, how);
	database_bind(add, 1, domain);
	sqlite3_bind_int64(add, 2, clock_wall());
	return database_run(&accounts->database, add, error);
}

/* Ends the change: what it did is seen by all who ask from now on. */
static int
finish(struct accounts *accounts, int result, struct error *error)
{
	result = database_end(&accounts->database, result, error);
	if (result == 0)
		accounts_changed(accounts);
	return result;
}

/* An address with the delimiter in it would be shadowed by the one without. */
static int
check_new_address(struct accounts *accounts, const struct parsed_name *parsed,
	struct error *error)
{
	struct span base, detail;
	pthread_mutex_lock(&accounts->cache_lock);
	bool has_detail = address_split_detail(parsed->address.local,
		accounts->delimiters, &base, &detail);
	pthread_mutex_unlock(&accounts->cache_lock);
	if (!has_detail)
		return 0;
	return error_set(error, ERROR_USAGE, "%.*s holds the character that "
		"recipient_delimiter sets apart; make the account %.*s and "
		"mail to this address is delivered to it",
		SPAN_PRINT(parsed->written), SPAN_PRINT(base));
}

int
accounts_add_user(struct accounts *accounts, struct span address,
	struct span password, uint64_t *id, bool *added_domain,
	struct error *error)
{
	struct arena arena;
	struct parsed_name parsed;
	struct scram_keys keys;
	bool has_password = password.data != NULL;
	int result = -1;
	arena_init(&arena, 0);
	if (parse(accounts, address, &arena, &parsed, error) != 0 ||
		check_new_address(accounts, &parsed, error) != 0 ||
		(has_password && make_keys(password, &keys, error) != 0))
		goto out;
	/* 63 bits, because SQLite's integers have a sign; 0 is nobody. */
	do
		*id = random_u64() >> 1;
	while (*id == 0);
	pthread_mutex_lock(&accounts->database_lock);
	*added_domain = !accounts_is_ours(accounts, parsed.domain);
	result = database_begin(&accounts->database, error);
	/* Also one of mydestination: its users stay when it is taken out there. */
	if (result == 0)
		result = insert_domain(accounts, DATABASE_KEEP_DOMAIN,
			parsed.domain, error);
	if (result == 0)
		result = insert_account(accounts, &parsed, *id, error);
	if (result == 0 && has_password)
		result = put_keys(accounts, *id, &keys, error);
	result = finish(accounts, result, error);
	if (result == 0 && *added_domain)
		result = accounts_load_domains(accounts, error);
	pthread_mutex_unlock(&accounts->database_lock);
	OPENSSL_cleanse(&keys, sizeof(keys));
out:
	arena_fini(&arena);
	return result;
}

/* The id of an account by its address. database_lock is held. */
static int
find_id(struct accounts *accounts, const struct parsed_name *parsed,
	uint64_t *id, struct error *error)
{
	sqlite3_stmt *find = database_use(&accounts->database,
		DATABASE_FIND_ACCOUNT);
	database_bind(find, 1, parsed->name);
	int row = database_step(&accounts->database, find, error);
	if (row == 1)
		*id = (uint64_t)sqlite3_column_int64(find,
			DATABASE_COLUMN_ID);
	sqlite3_reset(find);
	if (row == 0)
		return error_set(error, ERROR_GONE, "there is no account %.*s",
			SPAN_PRINT(parsed->written));
	return row == 1 ? 0 : -1;
}

static int
run_with_id(struct accounts *accounts, enum database_statement which,
	uint64_t id, struct error *error)
{
	sqlite3_stmt *statement = database_use(&accounts->database, which);
	sqlite3_bind_int64(statement, 1, (int64_t)id);
	return database_run(&accounts->database, statement, error);
}

/*
 * Begins a change of one account: parses, locks, opens the transaction, finds
 * the id. The lock is held afterwards, also when it fails.
 */
static int
begin_for(struct accounts *accounts, struct span address, uint64_t *id,
	struct error *error)
{
	struct arena arena;
	struct parsed_name parsed;
	arena_init(&arena, 0);
	int result = parse(accounts, address, &arena, &parsed, error);
	pthread_mutex_lock(&accounts->database_lock);
	if (result == 0)
		result = database_begin(&accounts->database, error);
	if (result == 0)
		result = find_id(accounts, &parsed, id, error);
	arena_fini(&arena);
	return result;
}

static int
finish_for(struct accounts *accounts, int result, struct error *error)
{
	result = finish(accounts, result, error);
	pthread_mutex_unlock(&accounts->database_lock);
	return result;
}

int
accounts_delete_user(struct accounts *accounts, struct span address,
	uint64_t *id, struct error *error)
{
	static const enum database_statement steps[] = {
		DATABASE_DELETE_CREDENTIAL, DATABASE_DELETE_ADDRESSES,
		DATABASE_CLOSE_ACCOUNT,
	};
	int result = begin_for(accounts, address, id, error);
	for (size_t i = 0; result == 0 && i < sizeof(steps) /
		sizeof(steps[0]); i++)
		result = run_with_id(accounts, steps[i], *id, error);
	return finish_for(accounts, result, error);
}

int
accounts_set_password(struct accounts *accounts, struct span address,
	struct span password, struct error *error)
{
	struct scram_keys keys;
	uint64_t id;
	if (make_keys(password, &keys, error) != 0)
		return -1;
	int result = begin_for(accounts, address, &id, error);
	if (result == 0)
		result = put_keys(accounts, id, &keys, error);
	OPENSSL_cleanse(&keys, sizeof(keys));
	return finish_for(accounts, result, error);
}

int
accounts_set_quota(struct accounts *accounts, struct span address, bool own,
	uint64_t bytes, struct error *error)
{
	uint64_t id;
	if (own && bytes > INT64_MAX)
		return error_set(error, ERROR_USAGE, "the quota is too large");
	int result = begin_for(accounts, address, &id, error);
	if (result == 0) {
		sqlite3_stmt *set = database_use(&accounts->database,
			DATABASE_SET_QUOTA);
		sqlite3_bind_int64(set, 1, (int64_t)id);
		if (own)
			sqlite3_bind_int64(set, 2, (int64_t)bytes);
		result = database_run(&accounts->database, set, error);
	}
	return finish_for(accounts, result, error);
}

int
accounts_set_over(struct accounts *accounts, uint64_t id, bool is_over,
	struct error *error)
{
	struct database *database = &accounts->database;
	pthread_mutex_lock(&accounts->database_lock);
	sqlite3_stmt *set = database_use(database, DATABASE_SET_OVER);
	sqlite3_bind_int64(set, 1, (int64_t)id);
	sqlite3_bind_int64(set, 2, is_over);
	int result = database_run(database, set, error);
	if (result == 0 && database_changes(database) > 0)
		accounts_changed(accounts);
	pthread_mutex_unlock(&accounts->database_lock);
	return result;
}

/* ---- domains ---- */

static int
parse_domain(struct span text, struct arena *arena, struct span *domain,
	struct error *error)
{
	if (text.size <= ADDRESS_DOMAIN_LIMIT &&
		address_normalise_domain(arena, text, domain))
		return 0;
	return error_set(error, ERROR_USAGE, "\"%.*s\" is not a domain",
		SPAN_PRINT(span_first(text, 80)));
}

int
accounts_add_domain(struct accounts *accounts, struct span text,
	struct error *error)
{
	struct arena arena;
	struct span domain;
	arena_init(&arena, 0);
	int result = parse_domain(text, &arena, &domain, error);
	if (result != 0)
		goto out;
	pthread_mutex_lock(&accounts->database_lock);
	result = insert_domain(accounts, DATABASE_ADD_DOMAIN, domain, error);
	if (result != 0 && error->code == ERROR_EXISTS)
		error_set(error, ERROR_EXISTS, "the domain %.*s is there "
			"already", SPAN_PRINT(domain));
	if (result == 0)
		result = accounts_load_domains(accounts, error);
	accounts_changed(accounts);
	pthread_mutex_unlock(&accounts->database_lock);
out:
	arena_fini(&arena);
	return result;
}

/* Nobody may be left in it. database_lock is held. */
static int
check_empty(struct accounts *accounts, struct span domain,
	struct error *error)
{
	sqlite3_stmt *count = database_use(&accounts->database,
		DATABASE_COUNT_DOMAIN);
	database_bind(count, 1, domain);
	if (database_step(&accounts->database, count, error) != 1)
		return -1;
	int64_t users = sqlite3_column_int64(count, 0);
	int64_t aliases = sqlite3_column_int64(count, 1);
	sqlite3_reset(count);
	if (users == 0 && aliases == 0)
		return 0;
	return error_set(error, ERROR_EXISTS, "%.*s has %" PRId64 " accounts "
		"and %" PRId64 " aliases; delete these first",
		SPAN_PRINT(domain), users, aliases);
}

static int
remove_domain(struct accounts *accounts, struct span domain,
	struct error *error)
{
	sqlite3_stmt *delete = database_use(&accounts->database,
		DATABASE_DELETE_DOMAIN);
	database_bind(delete, 1, domain);
	if (check_empty(accounts, domain, error) != 0 ||
		database_run(&accounts->database, delete, error) != 0)
		return -1;
	if (database_changes(&accounts->database) > 0)
		return accounts_load_domains(accounts, error);
	if (accounts_is_ours(accounts, domain))
		return error_set(error, ERROR_USAGE, "the domain %.*s stands "
			"in mydestination; take it out there",
			SPAN_PRINT(domain));
	return error_set(error, ERROR_GONE, "there is no domain %.*s",
		SPAN_PRINT(domain));
}

int
accounts_delete_domain(struct accounts *accounts, struct span text,
	struct error *error)
{
	struct arena arena;
	struct span domain;
	arena_init(&arena, 0);
	int result = parse_domain(text, &arena, &domain, error);
	if (result == 0) {
		pthread_mutex_lock(&accounts->database_lock);
		result = remove_domain(accounts, domain, error);
		accounts_changed(accounts);
		pthread_mutex_unlock(&accounts->database_lock);
	}
	arena_fini(&arena);
	return result;
}

/* ---- aliases ---- */

/* database_lock is held. */
static int
check_room(struct accounts *accounts, const struct parsed_name *alias,
	struct error *error)
{
	sqlite3_stmt *count = database_use(&accounts->database,
		DATABASE_COUNT_TARGETS);
	database_bind(count, 1, alias->name);
	if (database_step(&accounts->database, count, error) != 1)
		return -1;
	int64_t targets = sqlite3_column_int64(count, 0);
	sqlite3_reset(count);
	if (targets < ACCOUNTS_TARGET_LIMIT)
		return 0;
	return error_set(error, ERROR_USAGE, "%.*s has %d targets already, "
		"which is the most an alias may have",
		SPAN_PRINT(alias->written), ACCOUNTS_TARGET_LIMIT);
}

static int
insert_alias(struct accounts *accounts, const struct parsed_name *alias,
	const struct parsed_name *target, struct error *error)
{
	if (!accounts_is_ours(accounts, alias->domain))
		return error_set(error, ERROR_USAGE, "%.*s is not a domain of "
			"this system; add it with: posthouse domain add %.*s",
			SPAN_PRINT(alias->domain), SPAN_PRINT(alias->domain));
	if (check_room(accounts, alias, error) != 0)
		return -1;
	sqlite3_stmt *add = database_use(&accounts->database,
		DATABASE_ADD_ALIAS);
	database_bind(add, 1, alias->name);
	database_bind(add, 2, alias->written);
	database_bind(add, 3, alias->domain);
	database_bind(add, 4, target->name);
	database_bind(add, 5, target->written);
	int result = database_run(&accounts->database, add, error);
	if (result != 0 && error->code == ERROR_EXISTS)
		error_set(error, ERROR_EXISTS, "%.*s is an alias of %.*s "
			"already", SPAN_PRINT(alias->written),
			SPAN_PRINT(target->written));
	return result;
}

int
accounts_add_alias(struct accounts *accounts, struct span address,
	struct span target, struct error *error)
{
	struct arena arena;
	struct parsed_name from, to;
	arena_init(&arena, 0);
	int result = parse(accounts, address, &arena, &from, error);
	if (result == 0)
		result = parse(accounts, target, &arena, &to, error);
	if (result == 0) {
		pthread_mutex_lock(&accounts->database_lock);
		result = insert_alias(accounts, &from, &to, error);
		accounts_changed(accounts);
		pthread_mutex_unlock(&accounts->database_lock);
	}
	arena_fini(&arena);
	return result;
}

int
accounts_delete_alias(struct accounts *accounts, struct span address,
	struct span target, struct error *error)
{
	struct arena arena;
	struct parsed_name from, to;
	arena_init(&arena, 0);
	int result = parse(accounts, address, &arena, &from, error);
	if (result == 0 && target.size > 0)
		result = parse(accounts, target, &arena, &to, error);
	if (result == 0) {
		pthread_mutex_lock(&accounts->database_lock);
		sqlite3_stmt *delete = database_use(&accounts->database,
			DATABASE_DELETE_ALIAS);
		database_bind(delete, 1, from.name);
		if (target.size > 0)
			database_bind(delete, 2, to.name);
		result = database_run(&accounts->database, delete, error);
		if (result == 0 && database_changes(&accounts->database) == 0)
			result = error_set(error, ERROR_GONE, "there is no "
				"such alias of %.*s", SPAN_PRINT(from.written));
		accounts_changed(accounts);
		pthread_mutex_unlock(&accounts->database_lock);
	}
	arena_fini(&arena);
	return result;
}
