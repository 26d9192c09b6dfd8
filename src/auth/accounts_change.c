/*
 * What the administrator changes. Each function is one transaction; what went
 * wrong is said in a sentence that he can act on. Runs in auth.
 */
#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>

#include "auth/accounts_private.h"
#include "auth/hash.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/random.h"
#include "proto/account_id.h"
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

/* 63 bits, because SQLite's integers have a sign; 0 is nobody. */
uint64_t
accounts_draw_id(void)
{
	uint64_t id;
	do
		id = random_u64() >> 1;
	while (id == 0);
	return id;
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
	if (database_run(&accounts->database, put, error) != 0)
		return -1;
	sqlite3_stmt *delete = database_use(&accounts->database,
		DATABASE_DELETE_IMPORTED);
	sqlite3_bind_int64(delete, 1, (int64_t)id);
	return database_run(&accounts->database, delete, error);
}

/* What an account is to be logged in to with: neither, keys or a hash. */
struct secret {
	bool has_keys;
	struct scram_keys keys;
	struct span hash;
};

/* Generations of hashes are random and high: no keys ever have the same, so that
 * nothing that is remembered of the one fits the other. */
static int
put_secret(struct accounts *accounts, uint64_t id, const struct secret *secret,
	struct error *error)
{
	if (secret->has_keys)
		return put_keys(accounts, id, &secret->keys, error);
	if (secret->hash.size == 0)
		return 0;
	sqlite3_stmt *put = database_use(&accounts->database,
		DATABASE_PUT_IMPORTED);
	sqlite3_bind_int64(put, 1, (int64_t)id);
	sqlite3_bind_int64(put, 2, (int64_t)(random_u64() >> 2 | 1ull << 62));
	database_bind(put, 3, secret->hash);
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

static int
add_account(struct accounts *accounts, const struct parsed_name *parsed,
	const struct secret *secret, uint64_t id, struct error *error)
{
	int result = database_begin(&accounts->database, error);
	/* Also one of mydestination: its users stay when it is taken out there. */
	if (result == 0)
		result = insert_domain(accounts, DATABASE_KEEP_DOMAIN,
			parsed->domain, error);
	if (result == 0)
		result = insert_account(accounts, parsed, id, error);
	if (result == 0)
		result = put_secret(accounts, id, secret, error);
	return finish(accounts, result, error);
}

static int
add_user(struct accounts *accounts, const struct parsed_name *parsed,
	const struct secret *secret, uint64_t *id, struct error *error)
{
	if (check_new_address(accounts, parsed, error) != 0)
		return -1;
	*id = accounts_draw_id();
	pthread_mutex_lock(&accounts->database_lock);
	bool is_ours = accounts_is_ours(accounts, parsed->domain);
	int result = add_account(accounts, parsed, secret, *id, error);
	if (result == 0 && !is_ours)
		result = accounts_load_domains(accounts, error);
	pthread_mutex_unlock(&accounts->database_lock);
	return result == 0 && !is_ours ? 1 : result;
}

int
accounts_add_user(struct accounts *accounts, struct span address,
	struct span password, uint64_t *id, bool *added_domain,
	struct error *error)
{
	struct arena arena;
	struct parsed_name parsed;
	struct secret secret = { .has_keys = password.data != NULL };
	arena_init(&arena, 0);
	int result = parse(accounts, address, &arena, &parsed, error);
	if (result == 0 && secret.has_keys)
		result = make_keys(password, &secret.keys, error);
	if (result == 0)
		result = add_user(accounts, &parsed, &secret, id, error);
	*added_domain = result == 1;
	OPENSSL_cleanse(&secret, sizeof(secret));
	arena_fini(&arena);
	return result < 0 ? -1 : 0;
}

int
accounts_import_user(struct accounts *accounts, struct span address,
	struct span hash, uint64_t *id, bool *added_domain,
	struct error *error)
{
	struct arena arena;
	struct parsed_name parsed;
	struct hash apart;
	struct secret secret = { .hash = hash };
	arena_init(&arena, 0);
	int result = hash_parse(hash, &apart, error);
	if (result == 0)
		result = parse(accounts, address, &arena, &parsed, error);
	if (result == 0) {
		secret.has_keys = hash_get_keys(&apart, &secret.keys);
		result = add_user(accounts, &parsed, &secret, id, error);
	}
	*added_domain = result == 1;
	arena_fini(&arena);
	return result < 0 ? -1 : 0;
}

int
accounts_upgrade(struct accounts *accounts, const struct account *account,
	struct span password, struct error *error)
{
	struct scram_keys keys;
	struct database *database = &accounts->database;
	if (make_keys(password, &keys, error) != 0)
		return -1;
	pthread_mutex_lock(&accounts->database_lock);
	int result = database_begin(database, error);
	sqlite3_stmt *count = database_use(database, DATABASE_COUNT_IMPORTED);
	sqlite3_bind_int64(count, 1, (int64_t)account->id);
	sqlite3_bind_int64(count, 2, (int64_t)account->generation);
	if (result == 0 && database_step(database, count, error) != 1)
		result = -1;
	bool is_same = result == 0 && sqlite3_column_int64(count, 0) == 1;
	sqlite3_reset(count);
	if (is_same)
		result = put_keys(accounts, account->id, &keys, error);
	result = finish(accounts, result, error);
	pthread_mutex_unlock(&accounts->database_lock);
	OPENSSL_cleanse(&keys, sizeof(keys));
	return result;
}

int
accounts_hash_password(struct span password, struct buffer *hash,
	struct error *error)
{
	struct scram_keys keys;
	if (make_keys(password, &keys, error) != 0)
		return -1;
	buffer_print(hash, "{SCRAM-SHA-256}%u,", keys.iterations);
	base64_encode(hash, span_of(keys.salt, sizeof(keys.salt)));
	buffer_add_byte(hash, ',');
	base64_encode(hash, span_of(keys.stored_key, sizeof(keys.stored_key)));
	buffer_add_byte(hash, ',');
	base64_encode(hash, span_of(keys.server_key, sizeof(keys.server_key)));
	OPENSSL_cleanse(&keys, sizeof(keys));
	return 0;
}

static int
find_outside_id(struct accounts *accounts, const struct parsed_name *parsed,
	uint64_t *id, struct error *error)
{
	sqlite3_stmt *find = database_use(&accounts->database,
		DATABASE_FIND_OUTSIDE);
	database_bind(find, 1, parsed->name);
	int row = database_step(&accounts->database, find, error);
	if (row == 1)
		*id = (uint64_t)sqlite3_column_int64(find, 0);
	sqlite3_reset(find);
	return row;
}

/* The id of an account by its address, also of another source's. database_lock
 * is held. */
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
		row = find_outside_id(accounts, parsed, id, error);
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
		DATABASE_DELETE_CREDENTIAL, DATABASE_DELETE_IMPORTED,
		DATABASE_DELETE_ADDRESSES, DATABASE_DELETE_OUTSIDE,
		DATABASE_CLOSE_ACCOUNT,
	};
	int result = begin_for(accounts, address, id, error);
	for (size_t i = 0; result == 0 && i < sizeof(steps) /
		sizeof(steps[0]); i++)
		result = run_with_id(accounts, steps[i], *id, error);
	return finish_for(accounts, result, error);
}

/* Has it an address of the database, and so a password there? */
static int
check_own(struct accounts *accounts, uint64_t id, struct error *error)
{
	sqlite3_stmt *count = database_use(&accounts->database,
		DATABASE_COUNT_ADDRESSES);
	sqlite3_bind_int64(count, 1, (int64_t)id);
	int row = database_step(&accounts->database, count, error);
	bool has = row == 1 && sqlite3_column_int64(count, 0) > 0;
	sqlite3_reset(count);
	if (row != 1)
		return -1;
	return has ? 0 : error_set(error, ERROR_USAGE, "the password of this "
		"account stands in a file that accounts names; change it there");
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
		result = check_own(accounts, id, error);
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
	if (account_id_is_system(id)) {
		accounts_set_system_over(accounts, account_id_uid(id), is_over);
		return 0;
	}
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

/* In the DNS it has room for a user before it (RFC 5321 4.5.3.1.3), and it is no
 * address of the Internet. */
static int
check_new_domain(struct span domain, struct arena *arena, struct error *error)
{
	struct span ascii, label = SPAN(""), rest;
	uint64_t number;
	if (!address_domain_to_ascii(arena, domain, &ascii) || ascii.size +
	    strlen("postmaster@") > ADDRESS_PATH_LIMIT)
		return error_set(error, ERROR_USAGE, "the domain %.*s... is "
			"too long, expected at most %zu octets",
			SPAN_PRINT(span_first(domain, 40)),
			ADDRESS_PATH_LIMIT - strlen("postmaster@"));
	rest = ascii;
	while (span_split(&rest, '.', &label))
		continue;
	return !span_to_number(label, UINT64_MAX, &number) ? 0 :
		error_set(error, ERROR_USAGE, "found \"%.*s\", expected a "
		"domain that does not end in a number", SPAN_PRINT(domain));
}

int
accounts_add_domain(struct accounts *accounts, struct span text,
	struct error *error)
{
	struct arena arena;
	struct span domain;
	arena_init(&arena, 0);
	int result = parse_domain(text, &arena, &domain, error);
	if (result == 0)
		result = check_new_domain(domain, &arena, error);
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
