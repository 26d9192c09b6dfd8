/*
 * Reading accounts: addresses to accounts and aliases, through a cache. Runs
 * in auth for every recipient and every login of the system.
 */
#include "auth/accounts.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "auth/accounts_private.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/memory.h"
#include "serve/counter.h"

/* ---- opening ---- */

static void
set_options(struct accounts *accounts, const struct accounts_options *options)
{
	memory_free(accounts->mydestination);
	memory_free(accounts->myorigin);
	memory_free(accounts->delimiters);
	accounts->mydestination = memory_copy_string(options->mydestination);
	accounts->myorigin = memory_copy_string(options->myorigin);
	accounts->delimiters = memory_copy_string(options->delimiters);
	accounts->quota = options->quota;
	accounts->uses_aliases = options->uses_aliases;
	accounts->first_uid = options->first_uid;
	accounts->last_uid = options->last_uid;
}

static void
count_hashes(struct accounts *accounts)
{
	struct error error;
	sqlite3_stmt *count = database_use(&accounts->database,
		DATABASE_COUNT_IMPORTED);
	if (database_step(&accounts->database, count, &error) == 1) {
		bool has = sqlite3_column_int64(count, 0) > 0 ||
			accounts_sources_have_hashes(accounts);
		if (atomic_exchange(&accounts->has_hashes, has) != has)
			atomic_fetch_add(&counter_generations()->mechanisms, 1);
	}
	sqlite3_reset(count);
}

bool
accounts_have_keys(struct accounts *accounts)
{
	return !atomic_load(&accounts->has_hashes);
}

int
accounts_open(const char *path, const struct accounts_options *options,
	struct accounts **accounts, struct error *error)
{
	struct accounts *new = memory_new(sizeof(*new));
	pthread_mutex_init(&new->database_lock, NULL);
	pthread_mutex_init(&new->cache_lock, NULL);
	pthread_rwlock_init(&new->virtual_lock, NULL);
	bounded_map_init(&new->names, ACCOUNTS_CACHE_LIMIT / 2, memory_free);
	accounts_system_init(new);
	map_init(&new->domains);
	set_options(new, options);
	*accounts = new;
	if (database_open(&new->database, path, error) == 0 &&
		accounts_load_domains(new, error) == 0) {
		count_hashes(new);
		return 0;
	}
	accounts_close(accounts);
	return -1;
}

void
accounts_close(struct accounts **accounts)
{
	struct accounts *old = *accounts;
	if (old == NULL)
		return;
	database_close(&old->database);
	accounts_free_sources(old->source, old->source_count);
	for (size_t i = 0; i < old->directory_count; i++)
		question_source_free(&old->directory[i]);
	bounded_map_fini(&old->names);
	accounts_system_fini(old);
	map_fini(&old->domains);
	memory_free(old->mydestination);
	memory_free(old->myorigin);
	memory_free(old->delimiters);
	alias_table_free(&old->aliases);
	virtual_free(&old->virtual_tables);
	pthread_rwlock_destroy(&old->virtual_lock);
	pthread_mutex_destroy(&old->database_lock);
	pthread_mutex_destroy(&old->cache_lock);
	memory_free(old);
	*accounts = NULL;
}

void
accounts_changed(struct accounts *accounts)
{
	count_hashes(accounts);
	pthread_mutex_lock(&accounts->cache_lock);
	bounded_map_clear(&accounts->names);
	pthread_mutex_unlock(&accounts->cache_lock);
	atomic_fetch_add(&counter_generations()->accounts, 1);
}

void
accounts_configure(struct accounts *accounts,
	const struct accounts_options *options)
{
	struct error error;
	pthread_mutex_lock(&accounts->database_lock);
	pthread_mutex_lock(&accounts->cache_lock);
	set_options(accounts, options);
	pthread_mutex_unlock(&accounts->cache_lock);
	accounts_load_domains(accounts, &error);
	accounts_changed(accounts);
	pthread_mutex_unlock(&accounts->database_lock);
}

const uint8_t *
accounts_secret(const struct accounts *accounts)
{
	return accounts->database.secret;
}

/* ---- domains ---- */

/* The first item that is the domain decides, one with ! against it. */
static void
put_configured_domains(struct accounts *accounts, struct map *domains)
{
	struct span rest = span_from(accounts->mydestination), item, domain;
	struct arena arena;
	struct map seen;
	bool is_excluded;
	arena_init(&arena, 0);
	map_init(&seen);
	while (config_next_pattern(&rest, &item, &is_excluded)) {
		if (!address_normalise_domain(&arena, item, &domain) ||
		    map_get(&seen, domain) != NULL)
			continue;
		map_put(&seen, domain, (void *)DOMAIN_CONFIGURED);
		if (!is_excluded)
			map_put(domains, domain, (void *)DOMAIN_CONFIGURED);
	}
	map_fini(&seen);
	arena_fini(&arena);
}

int
accounts_load_domains(struct accounts *accounts, struct error *error)
{
	struct map domains;
	map_init(&domains);
	sqlite3_stmt *list = database_use(&accounts->database,
		DATABASE_LIST_DOMAINS);
	int row;
	while ((row = database_step(&accounts->database, list, error)) == 1)
		map_put(&domains, database_text(list, 0),
			(void *)DOMAIN_ADDED);
	pthread_mutex_lock(&accounts->cache_lock);
	put_configured_domains(accounts, &domains);
	if (row == 0) {
		struct map old = accounts->domains;
		accounts->domains = domains;
		domains = old;
	}
	pthread_mutex_unlock(&accounts->cache_lock);
	map_fini(&domains);
	return row;
}

bool
accounts_is_ours(struct accounts *accounts, struct span domain)
{
	pthread_mutex_lock(&accounts->cache_lock);
	bool found = map_get(&accounts->domains, domain) != NULL;
	pthread_mutex_unlock(&accounts->cache_lock);
	return found;
}

bool
accounts_is_configured(struct accounts *accounts, struct span domain)
{
	pthread_mutex_lock(&accounts->cache_lock);
	bool found = map_get(&accounts->domains, domain) ==
		(void *)DOMAIN_CONFIGURED;
	pthread_mutex_unlock(&accounts->cache_lock);
	return found;
}

/* ---- names ---- */

bool
accounts_parse(struct accounts *accounts, struct span text,
	struct arena *arena, struct parsed_name *parsed)
{
	struct address *address = &parsed->address;
	struct buffer written;
	if (address_parse(text, arena, address) != ADDRESS_OK ||
		address->is_literal)
		return false;
	if (address->domain.size == 0) {
		pthread_mutex_lock(&accounts->cache_lock);
		address->domain = arena_copy(arena,
			span_from(accounts->myorigin));
		pthread_mutex_unlock(&accounts->cache_lock);
	}
	if (!address_normalise_domain(arena, address->domain,
		&parsed->domain) ||
		!address_normalise(arena, address, &parsed->name))
		return false;
	buffer_init(&written, 0);
	address_format(&written, address);
	parsed->written = arena_copy(arena, buffer_span(&written));
	buffer_fini(&written);
	return parsed->written.size <= ADDRESS_PATH_LIMIT + 1;
}

static void
copy_targets(const struct name_entry *entry, struct arena *arena,
	struct name *name)
{
	name->target = arena_new_array(arena, entry->target_count + 1,
		sizeof(struct span));
	name->target_count = entry->target_count;
	size_t start = entry->written_size + entry->hash_size;
	struct span rest = arena_copy(arena, span_of(entry->text + start,
		entry->text_size - start));
	for (size_t i = 0; i < entry->target_count; i++)
		span_split(&rest, '\0', &name->target[i]);
}

/* The entry as the caller may keep it. `quota` is the standard one. */
static void
copy_entry(const struct name_entry *entry, uint64_t quota,
	struct arena *arena, struct name *name)
{
	*name = (struct name){ .has_account = entry->has_account,
		.place = entry->place };
	if (entry->has_account) {
		struct account *account = &name->account;
		account->id = entry->id;
		account->quota = entry->has_own_quota ? entry->quota : quota;
		account->is_over = entry->is_over;
		account->generation = entry->generation;
		account->keys = entry->keys;
		account->is_imported = entry->is_imported;
		account->directory = entry->directory;
		account->can_check = entry->can_check;
		account->can_update = entry->can_update;
		account->is_stale = entry->is_stale;
		account->hash = arena_copy(arena, span_of(entry->text +
			entry->written_size, entry->hash_size));
		assert(entry->written_size < sizeof(account->address));
		memcpy(account->address, entry->text, entry->written_size);
	}
	if (entry->target_count > 0)
		copy_targets(entry, arena, name);
}

static bool
get_cached(struct accounts *accounts, struct span key, struct arena *arena,
	struct name *name)
{
	pthread_mutex_lock(&accounts->cache_lock);
	const struct name_entry *entry = bounded_map_get(&accounts->names, key);
	if (entry != NULL)
		copy_entry(entry, accounts->quota, arena, name);
	pthread_mutex_unlock(&accounts->cache_lock);
	return entry != NULL;
}

/* An account without a password has no keys that anything could match. */
static int
read_account_row(sqlite3_stmt *row, struct name_entry *entry,
	struct error *error)
{
	entry->has_account = true;
	entry->id = (uint64_t)sqlite3_column_int64(row, DATABASE_COLUMN_ID);
	entry->has_own_quota = sqlite3_column_type(row,
		DATABASE_COLUMN_QUOTA) != SQLITE_NULL;
	entry->quota = (uint64_t)sqlite3_column_int64(row,
		DATABASE_COLUMN_QUOTA);
	entry->is_over = sqlite3_column_int(row, DATABASE_COLUMN_OVER) != 0;
	entry->is_imported = sqlite3_column_type(row,
		DATABASE_COLUMN_HASH) != SQLITE_NULL;
	entry->generation = (uint64_t)sqlite3_column_int64(row,
		entry->is_imported ? DATABASE_COLUMN_IMPORTED :
		DATABASE_COLUMN_GENERATION);
	if (entry->generation == 0 || entry->is_imported)
		return 0;
	struct scram_keys *keys = &entry->keys;
	int64_t iterations = sqlite3_column_int64(row,
		DATABASE_COLUMN_ITERATIONS);
	if (iterations < 1 || iterations > INT32_MAX ||
		!database_bytes(row, DATABASE_COLUMN_SALT, keys->salt,
		sizeof(keys->salt)) ||
		!database_bytes(row, DATABASE_COLUMN_STORED_KEY,
		keys->stored_key, sizeof(keys->stored_key)) ||
		!database_bytes(row, DATABASE_COLUMN_SERVER_KEY,
		keys->server_key, sizeof(keys->server_key)))
		return error_set(error, ERROR_DAMAGED,
			"the password keys of account %016llx are damaged",
			(unsigned long long)entry->id);
	keys->iterations = (uint32_t)iterations;
	return 0;
}

/* Puts the account that a statement finds into the draft: 1, 0 or -1. */
static int
read_account(struct accounts *accounts, sqlite3_stmt *find,
	struct name_entry *draft, struct buffer *text, struct error *error)
{
	int row = database_step(&accounts->database, find, error);
	if (row == 1 && read_account_row(find, draft, error) != 0)
		row = -1;
	if (row == 1) {
		struct span written = span_first(database_text(find,
			DATABASE_COLUMN_WRITTEN), ADDRESS_PATH_LIMIT + 1);
		draft->written_size = written.size;
		buffer_add(text, written);
		struct span hash = database_text(find, DATABASE_COLUMN_HASH);
		draft->hash_size = hash.size;
		buffer_add(text, hash);
	}
	sqlite3_reset(find);
	return row;
}

static int
read_builtin(struct accounts *accounts, struct span normalised,
	struct name_entry *draft, struct buffer *text, struct error *error)
{
	sqlite3_stmt *find = database_use(&accounts->database,
		DATABASE_FIND_ACCOUNT);
	database_bind(find, 1, normalised);
	return read_account(accounts, find, draft, text, error);
}

/* What directories said of one name. They are asked without a lock. */
struct answers {
	struct question_source *asked[ACCOUNTS_SOURCE_LIMIT];
	struct question_answer answer[ACCOUNTS_SOURCE_LIMIT];
	struct error error[ACCOUNTS_SOURCE_LIMIT];
	size_t count;
	struct question_source *next;	/* to be asked */
};

enum { READ_ASK = 2 };	/* answers->next is to be asked, then again */

static int
read_answer(struct accounts *accounts, struct question_source *directory,
	struct span normalised, struct answers *answers,
	struct name_entry *draft, struct buffer *text, struct error *error)
{
	for (size_t i = 0; i < answers->count; i++) {
		const struct question_answer *answer = &answers->answer[i];
		if (answers->asked[i] != directory)
			continue;
		*error = answers->error[i];
		return answer->verdict == QUESTION_LATER ? -1 :
			answer->verdict == QUESTION_NOT_FOUND ? 0 :
			accounts_read_directory(accounts, directory,
			normalised, answer, draft, text, error);
	}
	answers->next = directory;
	return READ_ASK;
}

/* The first source that has it, but for the system's users, who are looked for
 * afterwards (accounts_get_account). One that cannot be asked might have had
 * it. */
static int
read_sources(struct accounts *accounts, struct span normalised,
	struct answers *answers, struct name_entry *draft, struct buffer *text,
	struct error *error)
{
	int found = 0;
	if (accounts->source_count == 0)
		return read_builtin(accounts, normalised, draft, text, error);
	for (size_t i = 0; i < accounts->source_count && found == 0; i++) {
		const struct accounts_source *source = &accounts->source[i];
		draft->place = (unsigned)i + 1;
		if (source->is_system)
			continue;
		if (source->directory != NULL)
			found = read_answer(accounts, source->directory,
				normalised, answers, draft, text, error);
		else if (source->path == NULL)
			found = read_builtin(accounts, normalised, draft,
				text, error);
		else
			found = accounts_read_outside(accounts, source,
				normalised, draft, text, error);
	}
	return found;
}

static int
read_targets(struct accounts *accounts, struct span key,
	struct name_entry *draft, struct buffer *text, struct error *error)
{
	sqlite3_stmt *find = database_use(&accounts->database,
		DATABASE_FIND_TARGETS);
	int row;
	database_bind(find, 1, key);
	while ((row = database_step(&accounts->database, find, error)) == 1) {
		buffer_add(text, database_text(find, 0));
		buffer_add_byte(text, '\0');
		draft->target_count++;
	}
	return row;
}

/* Keeps the draft in the cache, unless it is brief, and copies it for the
 * caller. */
static void
keep(struct accounts *accounts, struct span key, struct name_entry *draft,
	struct span text, struct arena *arena, struct name *name)
{
	bool is_brief = name->is_brief;
	struct name_entry *entry = memory_new(sizeof(*entry) + text.size);
	draft->text_size = text.size;
	*entry = *draft;
	if (text.size > 0)
		memcpy(entry->text, text.data, text.size);
	pthread_mutex_lock(&accounts->cache_lock);
	copy_entry(entry, accounts->quota, arena, name);
	name->is_brief = is_brief;
	if (is_brief)
		memory_free(entry);
	else
		bounded_map_put(&accounts->names, key, entry);
	pthread_mutex_unlock(&accounts->cache_lock);
}

/* One round under the lock: as accounts_get_name, or READ_ASK. */
static int
read_name(struct accounts *accounts, struct span normalised,
	struct answers *answers, struct arena *arena, struct name *name,
	struct error *error)
{
	struct name_entry draft = { 0 };
	struct buffer text;
	buffer_init(&text, 0);
	pthread_mutex_lock(&accounts->database_lock);
	int found = read_sources(accounts, normalised, answers, &draft, &text,
		error);
	if ((found == 0 || found == 1) && read_targets(accounts, normalised,
		&draft, &text, error) != 0)
		found = -1;
	if (found == 0 && draft.target_count > 0)
		found = 1;
	if (found == 1)
		keep(accounts, normalised, &draft, buffer_span(&text), arena,
			name);
	pthread_mutex_unlock(&accounts->database_lock);
	buffer_fini(&text);
	return found;
}

static void
ask_next(struct answers *answers, struct span normalised, struct arena *arena)
{
	size_t i = answers->count++;
	answers->asked[i] = answers->next;
	question_ask(answers->next, normalised, clock_monotonic(), arena,
		&answers->answer[i], &answers->error[i]);
}

int
accounts_get_name(struct accounts *accounts, struct span normalised,
	struct arena *arena, struct name *name, struct error *error)
{
	struct answers answers = { .count = 0 };
	int found;
	if (get_cached(accounts, normalised, arena, name))
		return 1;
	*name = (struct name){ .is_brief = false };
	while ((found = read_name(accounts, normalised, &answers, arena, name,
		error)) == READ_ASK) {
		if (answers.count == ACCOUNTS_SOURCE_LIMIT)
			return error_set(error, ERROR_LATER,
				"the sources of accounts are changing");
		name->is_brief = true;
		ask_next(&answers, normalised, arena);
	}
	return found;
}

int
accounts_get_postmaster(struct accounts *accounts, struct arena *arena,
	struct name *name, struct error *error)
{
	/* The same in all domains, and no address: logins do not find it. */
	struct span key = SPAN("postmaster of all domains");
	struct name_entry draft = { 0 };
	struct buffer text, wanted;
	if (get_cached(accounts, key, arena, name))
		return 1;
	name->is_brief = false;
	buffer_init(&text, 0);
	buffer_init(&wanted, 0);
	pthread_mutex_lock(&accounts->database_lock);
	pthread_mutex_lock(&accounts->cache_lock);
	buffer_print(&wanted, "postmaster@%s", accounts->myorigin);
	pthread_mutex_unlock(&accounts->cache_lock);
	sqlite3_stmt *find = database_use(&accounts->database,
		DATABASE_FIND_POSTMASTER);
	database_bind(find, 1, buffer_span(&wanted));
	int found = read_account(accounts, find, &draft, &text, error);
	if (found == 0)
		found = read_account(accounts, database_use(
			&accounts->database, DATABASE_FIND_FIRST), &draft,
			&text, error);
	if (found == 0)
		found = accounts_read_first_outside(accounts, &draft, &text,
			error);
	if (found == 1)
		keep(accounts, key, &draft, buffer_span(&text), arena, name);
	pthread_mutex_unlock(&accounts->database_lock);
	buffer_fini(&wanted);
	buffer_fini(&text);
	return found;
}

/* ---- logins ---- */

static enum accounts_verdict
find_account(struct accounts *accounts, struct span normalised,
	struct arena *arena, struct account *account, struct error *error)
{
	struct name found;
	int result = accounts_get_name(accounts, normalised, arena, &found,
		error);
	if (result >= 0)
		result = accounts_get_account(accounts, normalised, &found,
			error);
	if (result < 0)
		return ACCOUNTS_TROUBLE;
	if (result == 0)
		return ACCOUNTS_NOT_FOUND;
	*account = found.account;
	return ACCOUNTS_FOUND;
}

enum accounts_verdict
accounts_find_address(struct accounts *accounts, struct span text,
	struct arena *arena, struct account *account, struct error *error)
{
	struct parsed_name parsed;
	if (!accounts_parse(accounts, text, arena, &parsed))
		return ACCOUNTS_NOT_FOUND;
	return find_account(accounts, parsed.name, arena, account, error);
}

enum accounts_verdict
accounts_find_login(struct accounts *accounts, struct span name,
	struct arena *arena, struct account *account, struct span *normalised,
	struct error *error)
{
	struct parsed_name parsed;
	*normalised = arena_copy(arena, name);
	if (!accounts_parse(accounts, name, arena, &parsed))
		return ACCOUNTS_NOT_FOUND;
	*normalised = parsed.name;
	enum accounts_verdict verdict = find_account(accounts, parsed.name,
		arena, account, error);
	if (verdict == ACCOUNTS_FOUND && account->is_stale) {
		error_set(error, ERROR_LATER, "the directory of %s is away",
			account->address);
		return ACCOUNTS_TROUBLE;
	}
	if (verdict == ACCOUNTS_FOUND && account->generation == 0)
		return ACCOUNTS_NOT_FOUND;
	return verdict;
}
