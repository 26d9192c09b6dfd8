/*
 * Accounts that stand elsewhere than in the database: users of passwd-files, and
 * of directories (accounts_directory.c).
 * Such an account has a row of its own in the table `outside`, made when mail or
 * a login first names it, so that its id never depends on the file. Runs in auth.
 */
#include <inttypes.h>
#include <string.h>

#include "auth/accounts_private.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"

/* ---- rows ---- */

struct outside_row {
	uint64_t id, quota;
	bool has_own_quota, is_over;
};

static int
find_row(struct accounts *accounts, struct span name, struct outside_row *row,
	struct error *error)
{
	sqlite3_stmt *find = database_use(&accounts->database,
		DATABASE_FIND_OUTSIDE);
	database_bind(find, 1, name);
	int found = database_step(&accounts->database, find, error);
	if (found == 1)
		*row = (struct outside_row){
			.id = (uint64_t)sqlite3_column_int64(find, 0),
			.has_own_quota = sqlite3_column_type(find, 1) !=
				SQLITE_NULL,
			.quota = (uint64_t)sqlite3_column_int64(find, 1),
			.is_over = sqlite3_column_int(find, 2) != 0,
		};
	sqlite3_reset(find);
	return found;
}

/* One address has one mailbox: that of a built-in account of the same address,
 * when there is one, else a new one. */
static int
draw_account(struct accounts *accounts, struct span name, uint64_t *id,
	struct error *error)
{
	sqlite3_stmt *find = database_use(&accounts->database,
		DATABASE_FIND_ACCOUNT);
	database_bind(find, 1, name);
	int found = database_step(&accounts->database, find, error);
	if (found == 1)
		*id = (uint64_t)sqlite3_column_int64(find, DATABASE_COLUMN_ID);
	sqlite3_reset(find);
	if (found != 0)
		return found == 1 ? 0 : -1;
	*id = accounts_draw_id();
	sqlite3_stmt *add = database_use(&accounts->database,
		DATABASE_ADD_ACCOUNT);
	sqlite3_bind_int64(add, 1, (int64_t)*id);
	sqlite3_bind_int64(add, 2, clock_wall());
	return database_run(&accounts->database, add, error);
}

static int
make_row(struct accounts *accounts, struct span name, struct error *error)
{
	struct database *database = &accounts->database;
	uint64_t id = 0;
	int result = database_begin(database, error);
	if (result == 0)
		result = draw_account(accounts, name, &id, error);
	if (result == 0) {
		sqlite3_stmt *add = database_use(database,
			DATABASE_ADD_OUTSIDE);
		database_bind(add, 1, name);
		sqlite3_bind_int64(add, 2, (int64_t)id);
		result = database_run(database, add, error);
	}
	return database_end(database, result, error);
}

/* ---- lookups ---- */

/* Another hash is another generation; never one of the database's own. */
static uint64_t
generation_of(const struct accounts *accounts,
	const struct passwd_entry *entry)
{
	uint8_t mac[SCRAM_HASH_SIZE];
	uint64_t number;
	if (!entry->has_password)
		return 0;
	scram_hmac(span_of(accounts->database.secret, DATABASE_SECRET_SIZE),
		entry->has_keys ? span_of(&entry->keys, sizeof(entry->keys)) :
		entry->hash, mac);
	memcpy(&number, mac, sizeof(number));
	return (number >> 3) | 1ull << 61;
}

int
accounts_read_entry(struct accounts *accounts, const struct passwd_entry *entry,
	struct name_entry *draft, struct buffer *text, struct error *error)
{
	struct outside_row row;
	int found = find_row(accounts, entry->name, &row, error);
	if (found == 0 && make_row(accounts, entry->name, error) == 0)
		found = find_row(accounts, entry->name, &row, error);
	if (found != 1)
		return -1;
	draft->has_account = true;
	draft->id = row.id;
	draft->quota = row.quota;
	draft->has_own_quota = row.has_own_quota;
	draft->is_over = row.is_over;
	draft->generation = generation_of(accounts, entry);
	draft->keys = entry->keys;
	draft->written_size = entry->written.size;
	draft->hash_size = entry->hash.size;
	buffer_add(text, entry->written);
	buffer_add(text, entry->hash);
	return 1;
}

int
accounts_read_outside(struct accounts *accounts,
	const struct accounts_source *source, struct span normalised,
	struct name_entry *draft, struct buffer *text, struct error *error)
{
	if (source->file == NULL)
		return error_set(error, ERROR_LATER, "the accounts of %s could "
			"not be read", source->path);
	const struct passwd_entry *entry = passwd_file_find(source->file,
		normalised);
	return entry == NULL ? 0 : accounts_read_entry(accounts, entry, draft,
		text, error);
}

int
accounts_read_first_outside(struct accounts *accounts,
	struct name_entry *draft, struct buffer *text, struct error *error)
{
	for (size_t i = 0; i < accounts->source_count; i++) {
		const struct passwd_file *file = accounts->source[i].file;
		if (file != NULL && passwd_file_get(file, 0) != NULL)
			return accounts_read_entry(accounts,
				passwd_file_get(file, 0), draft, text, error);
	}
	return 0;
}

bool
accounts_sources_have_hashes(const struct accounts *accounts)
{
	for (size_t i = 0; i < accounts->source_count; i++)
		if (accounts->source[i].is_system ||
			accounts->source[i].directory != NULL ||
			(accounts->source[i].path != NULL &&
			(accounts->source[i].file == NULL ||
			!passwd_file_has_keys(accounts->source[i].file))))
			return true;
	return false;
}

/* ---- reading them ---- */

void
accounts_free_sources(struct accounts_source *source, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		memory_free(source[i].path);
		passwd_file_free(&source[i].file);
	}
}

struct reading {
	struct accounts *accounts;
	const char *path;
};

static bool
name_user(void *context, struct span user, struct arena *arena,
	struct passwd_entry *entry)
{
	const struct reading *reading = context;
	struct parsed_name parsed;
	if (!accounts_parse(reading->accounts, user, arena, &parsed))
		return false;
	entry->name = parsed.name;
	entry->domain = parsed.domain;
	entry->written = parsed.written;
	return true;
}

static void
complain(void *context, size_t line, struct span user, const char *reason)
{
	const struct reading *reading = context;
	log_event(LOG_ERROR, "accounts-line", NULL,
		LOG_TEXT("file", reading->path), LOG_NUMBER("line", line),
		LOG_SPAN("user", user), LOG_TEXT("reason", reason));
}

static struct passwd_file *
read_file(struct accounts *accounts, const char *path, struct span text)
{
	struct reading reading = { accounts, path };
	const struct passwd_reader reader = { name_user, complain, &reading };
	return passwd_file_new(text, &reader);
}

/* "ldap:FILE". Its place is counted among those of its kind, as master does. */
static bool
read_directory(struct accounts *accounts, struct span item,
	struct accounts_source *out, unsigned *places)
{
	static const char *const kinds[] = { "ldap", "pgsql" };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct span kind = span_from(kinds[i]);
		if (!span_starts(item, kind) || item.size <= kind.size + 1 ||
			item.data[kind.size] != ':')
			continue;
		out->directory = accounts_find_directory(accounts, kind,
			span_skip(item, kind.size + 1), places[i]++);
		return out->directory != NULL;
	}
	return false;
}

/* One item of the list; false: it is not a source that is known. */
static bool
read_item(struct accounts *accounts, struct span item,
	struct accounts_source *out, struct buffer *text, int result)
{
	struct span prefix = SPAN("passwd-file:");
	out->is_system = span_equals(item, SPAN("system"));
	if (span_equals(item, SPAN("builtin")) || out->is_system)
		return true;
	if (!span_starts(item, prefix) || item.size == prefix.size)
		return false;
	struct buffer path;
	buffer_init(&path, 0);
	buffer_add(&path, span_skip(item, prefix.size));
	out->path = memory_copy_string(buffer_string(&path));
	buffer_fini(&path);
	if (result == 0)
		out->file = read_file(accounts, out->path, buffer_span(text));
	return true;
}

/* Their domains are ours for good, as with `posthouse user add`: when the file
 * cannot be read some day, mail for them waits and is not refused. */
static void
keep_domains(struct accounts *accounts, const struct passwd_file *file)
{
	const struct passwd_entry *entry;
	struct error error;
	int result = 0;
	for (size_t i = 0; result == 0 &&
		(entry = passwd_file_get(file, i)) != NULL; i++) {
		if (accounts_is_ours(accounts, entry->domain))
			continue;
		sqlite3_stmt *keep = database_use(&accounts->database,
			DATABASE_KEEP_DOMAIN);
		database_bind(keep, 1, entry->domain);
		sqlite3_bind_int64(keep, 2, clock_wall());
		result = database_run(&accounts->database, keep, &error);
		if (result == 0)
			result = accounts_load_domains(accounts, &error);
	}
	if (result != 0)
		log_event(LOG_ERROR, "accounts-trouble", NULL,
			LOG_TEXT("error", error.text));
}

/* Where `system` stands in the list; the first time counts. */
static void
note_system(struct accounts *accounts)
{
	unsigned place = 0;
	for (unsigned i = 0; place == 0 && i < accounts->source_count; i++)
		if (accounts->source[i].is_system && accounts->system != NULL)
			place = i + 1;
	atomic_store(&accounts->system_place, place);
}

/* The new list in place of the old one, from which it takes what it could not
 * read itself. */
static void
replace(struct accounts *accounts, struct accounts_source *new, size_t count)
{
	struct accounts_source old[ACCOUNTS_SOURCE_LIMIT];
	size_t old_count = accounts->source_count;
	memcpy(old, accounts->source, sizeof(old));
	for (size_t i = 0; i < count * old_count; i++) {
		struct accounts_source *to = &new[i / old_count];
		struct accounts_source *from = &old[i % old_count];
		if (to->path == NULL || to->file != NULL ||
			from->path == NULL ||
			strcmp(to->path, from->path) != 0)
			continue;
		to->file = from->file;
		from->file = NULL;
	}
	accounts_free_sources(old, old_count);
	memcpy(accounts->source, new, count * sizeof(*new));
	accounts->source_count = count;
	note_system(accounts);
	for (size_t i = 0; i < count; i++)
		if (new[i].file != NULL)
			keep_domains(accounts, new[i].file);
}

void
accounts_set_sources(struct accounts *accounts, const char *list,
	accounts_read_fn *read, void *context)
{
	struct accounts_source new[ACCOUNTS_SOURCE_LIMIT];
	size_t count = 0;
	unsigned place = 0, places[2] = { 0, 0 };
	struct span rest = span_from(list), item;
	while (config_next_item(&rest, &item)) {
		struct buffer text;
		struct error error;
		int result = 0;
		struct accounts_source source = { .path = NULL };
		buffer_init(&text, 0);
		if (span_starts(item, SPAN("passwd-file:"))) {
			result = read(context, place++, &text, &error);
			if (result != 0)
				log_event(LOG_ERROR, "accounts-not-read", NULL,
					LOG_SPAN("source", item),
					LOG_TEXT("reason", error.text));
		}
		if (count == ACCOUNTS_SOURCE_LIMIT || (!read_directory(accounts,
			item, &source, places) && !read_item(accounts, item,
			&source, &text, result)))
			log_event(LOG_ERROR, "account-source-unknown", NULL,
				LOG_TEXT("parameter", "accounts"),
				LOG_SPAN("found", item), LOG_TEXT("expected",
				"builtin, system, passwd-file:FILE, ldap:FILE, "
				"pgsql:FILE; 8 at most"));
		else
			new[count++] = source;
		if (text.data != NULL)
			explicit_bzero(text.data, text.room);
		buffer_fini(&text);
	}
	pthread_mutex_lock(&accounts->database_lock);
	replace(accounts, new, count);
	accounts_changed(accounts);
	pthread_mutex_unlock(&accounts->database_lock);
}
