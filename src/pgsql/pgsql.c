/* See pgsql.h: FILE, the connections, and what an answer means. */
#include "pgsql/pgsql.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/settings_file.h"
#include "pgsql/sql.h"

/* ---- FILE ---- */

enum setting {
	DRIVER, CONNECT, PASSWORD_QUERY, USER_QUERY, UPDATE_QUERY,
	PASS_SCHEME, ITERATE_QUERY, SETTING_COUNT
};

static const char *const names[SETTING_COUNT + 1] = {
	[DRIVER] = "driver",
	[CONNECT] = "connect",
	[PASSWORD_QUERY] = "password_query",
	[USER_QUERY] = "user_query",
	[UPDATE_QUERY] = "update_query",
	[PASS_SCHEME] = "default_pass_scheme",
	[ITERATE_QUERY] = "iterate_query",	/* Dovecot's; not needed */
};

enum { KEYWORDS = 24 };

struct database {
	struct arena arena;
	/* Of `connect`, as libpq takes them; hostaddr is added. */
	const char *keyword[KEYWORDS], *value[KEYWORDS];
	size_t count;
	const char *host, *port;
	bool has_address;		/* hostaddr stands in the file */
	struct query password, user, update;	/* text NULL: not given */
	struct span scheme;		/* "{SSHA}", or empty */
};

/* What would read files, or look elsewhere for settings: not from the jail. */
static const char *
find_objection(const char *keyword, const char *value)
{
	static const char *const forbidden[] = { "service", "passfile",
		"sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir",
		"krbsrvname", "requirepeer" };
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (strcmp(keyword, forbidden[i]) == 0)
			return "settings without files: there are none in the "
				"jail of pgsql";
	if (strcmp(keyword, "sslmode") == 0 &&
		strncmp(value, "verify", 6) == 0)
		return "sslmode=require at most: certificates are not verified "
			"here yet";
	if (strncmp(keyword, "host", 4) == 0 && (value[0] == '/' ||
		value[0] == '@' || strchr(value, ',') != NULL))
		return "one host, by name or address: pgsql has no Unix "
			"sockets";
	return NULL;
}

static int
take_keyword(struct database *database, const PQconninfoOption *option,
	const char *path, struct error *error)
{
	if (option->val == NULL || option->val[0] == '\0')
		return 0;
	const char *objection = find_objection(option->keyword, option->val);
	if (objection != NULL)
		return error_set(error, ERROR_USAGE, "%s: connect: found "
			"\"%s=%.60s\", expected %s", path, option->keyword,
			option->val, objection);
	if (database->count + 8 > KEYWORDS)
		return error_set(error, ERROR_USAGE, "%s: connect: found more "
			"than %d settings, expected fewer", path, KEYWORDS - 8);
	char *value = arena_copy_string(&database->arena,
		span_from(option->val));
	if (strcmp(option->keyword, "host") == 0) {
		database->host = value;
		return 0;
	}
	database->has_address |= strcmp(option->keyword, "hostaddr") == 0;
	if (strcmp(option->keyword, "port") == 0)
		database->port = value;
	database->keyword[database->count] = arena_copy_string(
		&database->arena, span_from(option->keyword));
	database->value[database->count++] = value;
	return 0;
}

static int
read_connect(struct database *database, const char *text, const char *path,
	struct error *error)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(text, &message);
	int result = 0;
	if (options == NULL) {
		struct span line, rest = span_from(message == NULL ?
			"no memory" : message);
		span_split(&rest, '\n', &line);
		result = error_set(error, ERROR_USAGE, "%s: connect: found "
			"what is not understood, expected host=... dbname=... "
			"user=... password=... (%.*s)", path,
			SPAN_PRINT(span_first(line, 100)));
	}
	for (size_t i = 0; result == 0 && options[i].keyword != NULL; i++)
		result = take_keyword(database, &options[i], path, error);
	PQconninfoFree(options);
	PQfreemem(message);
	if (result == 0 && database->host == NULL && !database->has_address)
		result = error_set(error, ERROR_USAGE, "%s: connect: found no "
			"host, expected host=NAME", path);
	return result;
}

static int
read_query(struct database *database, struct span text, enum setting setting,
	struct query *query, const char *path, struct error *error)
{
	if (text.size == 0)
		return 0;
	if (query_parse(text, setting == UPDATE_QUERY ? "undho" : "und",
		&database->arena, query, error) == 0)
		return 0;
	return error_wrap(error, "%s: %s", path, names[setting]);
}

static int
read_settings(struct database *database, struct span text, const char *path,
	struct error *error)
{
	struct span value[SETTING_COUNT];
	struct arena *arena = &database->arena;
	if (settings_file_parse(text, path, names, arena, value, error) < 0)
		return -1;
	if (value[DRIVER].size > 0 && !span_equals(value[DRIVER],
		SPAN("pgsql")))
		return error_set(error, ERROR_USAGE, "%s: driver: found "
			"\"%.*s\", expected pgsql", path, SPAN_PRINT(span_first(
			value[DRIVER], 40)));
	if (value[CONNECT].size == 0 || value[PASSWORD_QUERY].size == 0)
		return error_set(error, ERROR_USAGE, "%s: found no %s, "
			"expected a line with it", path, value[CONNECT].size ==
			0 ? "connect" : "password_query");
	if (value[PASS_SCHEME].size > 0 && !span_equals_nocase(
		value[PASS_SCHEME], SPAN("CRYPT")))
		database->scheme = arena_print(arena, "{%.*s}",
			SPAN_PRINT(span_first(value[PASS_SCHEME], 40)));
	if (read_connect(database, value[CONNECT].data, path, error) < 0 ||
		read_query(database, value[PASSWORD_QUERY], PASSWORD_QUERY,
		&database->password, path, error) < 0 ||
		read_query(database, value[USER_QUERY], USER_QUERY,
		&database->user, path, error) < 0)
		return -1;
	return read_query(database, value[UPDATE_QUERY], UPDATE_QUERY,
		&database->update, path, error);
}

static void
free_database(void *source)
{
	struct database *database = source;
	arena_fini(&database->arena);
	memory_free(database);
}

static void *
read_file(struct span text, const char *path, struct error *error)
{
	struct database *new = memory_new(sizeof(*new));
	arena_init(&new->arena, 0);
	if (read_settings(new, text, path, error) == 0)
		return new;
	free_database(new);
	return NULL;
}

/* ---- connections ---- */

struct addresses {
	struct buffer text, hosts;	/* the same number of items in both */
};

/* Each address beside the name that stands in a certificate. */
static int
resolve(const struct database *database, int64_t deadline,
	struct addresses *out, struct error *error)
{
	struct network_address address[SOURCE_ADDRESSES];
	char text[NETWORK_TEXT_SIZE];
	size_t count = source_resolve(span_from(database->host), 0, deadline,
		address, error);
	for (size_t i = 0; i < count; i++) {
		network_address_format(&address[i], text);
		buffer_print(&out->text, "%s%s", i > 0 ? "," : "", text);
		buffer_print(&out->hosts, "%s%s", i > 0 ? "," : "",
			database->host);
	}
	return count > 0 ? 0 : -1;
}

static void *
connect_database(void *source, int64_t deadline, struct error *error)
{
	const struct database *database = source;
	const char *keyword[KEYWORDS], *value[KEYWORDS];
	struct addresses addresses;
	size_t count = database->count;
	PGconn *connection = NULL;
	buffer_init(&addresses.text, 0);
	buffer_init(&addresses.hosts, 0);
	memcpy(keyword, database->keyword, sizeof(keyword));
	memcpy(value, database->value, sizeof(value));
	int result = database->has_address ? 0 :
		resolve(database, deadline, &addresses, error);
	if (!database->has_address) {
		keyword[count] = "hostaddr";
		value[count++] = buffer_string(&addresses.text);
		keyword[count] = "host";
		value[count++] = buffer_string(&addresses.hosts);
	} else if (database->host != NULL) {
		keyword[count] = "host";
		value[count++] = database->host;
	}
	/* Asked for in files and of other daemons otherwise. */
	keyword[count] = "gssencmode";
	value[count++] = "disable";
	keyword[count] = "client_encoding";
	value[count++] = "UTF8";
	keyword[count] = "fallback_application_name";
	value[count++] = "posthouse";
	keyword[count] = value[count] = NULL;
	if (result == 0)
		connection = sql_connect(keyword, value, deadline, error);
	buffer_fini(&addresses.text);
	buffer_fini(&addresses.hosts);
	return connection;
}

static void
disconnect_database(void *connection)
{
	PQfinish(connection);
}

/* ---- answers ---- */

static const char *
value_of(const struct source_question *question, char variable)
{
	struct span value = variable == 'u' ? question->user :
		variable == 'n' ? question->local :
		variable == 'd' ? question->domain :
		variable == 'h' ? question->hash : question->old;
	return arena_copy_string(question->arena, value);
}

/* One row or none; more is not an answer. FOUND: *result is a row. */
static enum source_verdict
ask_one(const struct source_asking *asking, const struct query *query,
	PGresult **result)
{
	const char *values[QUERY_PARAMETERS];
	size_t rows;
	for (int i = 0; i < query->count; i++)
		values[i] = value_of(asking->question, query->parameter[i]);
	enum source_verdict verdict = sql_ask(asking->connection, query,
		values, asking->question->deadline, result, &rows,
		&asking->reply->is_spoilt, asking->error);
	if (verdict != SOURCE_FOUND || rows == 1)
		return verdict;
	PQclear(*result);
	*result = NULL;
	if (rows == 0)
		return SOURCE_NOT_FOUND;
	error_set(asking->error, ERROR_DAMAGED, "the answer has %zu rows, "
		"not one", rows);
	return SOURCE_ODD;
}

/* Of the one row; false: there is no such column, or it is NULL. */
static bool
get(const PGresult *row, const char *column, struct span *value)
{
	int i = PQfnumber(row, column);
	if (i < 0 || PQgetisnull(row, 0, i) != 0)
		return false;
	*value = span_of(PQgetvalue(row, 0, i),
		(size_t)PQgetlength(row, 0, i));
	return true;
}

static enum source_verdict
take_quota(const struct source_asking *asking, const PGresult *row)
{
	struct span value;
	struct source_reply *reply = asking->reply;
	if (!get(row, "quota", &value) && !get(row, "quota_bytes", &value) &&
		!get(row, "quota_rule", &value) &&
		!get(row, "userdb_quota_rule", &value))
		return SOURCE_FOUND;
	reply->has_quota = source_quota(value, &reply->quota);
	if (reply->has_quota)
		return SOURCE_FOUND;
	error_set(asking->error, ERROR_DAMAGED, "the quota is \"%.*s\", not a "
		"number of bytes", SPAN_PRINT(span_first(value, 40)));
	return SOURCE_ODD;
}

/* What narrows a login in a way that is not done here forbids it. */
static bool
is_narrowed(const PGresult *row)
{
	static const char *const fields[] = { "nologin", "nopassword",
		"allow_nets", "allow_real_nets", "proxy", "proxy_maybe",
		"pass", "master_user" };
	struct span value;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (get(row, fields[i], &value))
			return true;
	return false;
}

static enum source_verdict
take_password(const struct source_asking *asking, const PGresult *row)
{
	struct span value;
	struct arena *arena = asking->question->arena;
	const struct database *database = asking->source;
	if (PQfnumber(row, "password") < 0) {
		error_set(asking->error, ERROR_DAMAGED,
			"the answer has no column \"password\"");
		return SOURCE_ODD;
	}
	if (!get(row, "password", &value) || value.size == 0 ||
		is_narrowed(row))
		return SOURCE_FOUND;
	if (value.size > SOURCE_HASH_LIMIT) {
		error_set(asking->error, ERROR_DAMAGED, "the password field "
			"has %zu bytes, at most %d are taken", value.size,
			SOURCE_HASH_LIMIT);
		return SOURCE_ODD;
	}
	bool has_scheme = value.data[0] == '{' ||
		database->scheme.size == 0;
	asking->reply->hash = has_scheme ? arena_copy(arena, value) :
		arena_print(arena, "%.*s%.*s",
		SPAN_PRINT(database->scheme), SPAN_PRINT(value));
	asking->reply->can_update = database->update.text != NULL;
	return SOURCE_FOUND;
}

/* With a user_query an account is there when that finds it, and only logs in
 * with a password. */
static enum source_verdict
look_up(const struct source_asking *asking)
{
	const struct database *database = asking->source;
	bool has_user = database->user.text != NULL;
	PGresult *row = NULL;
	enum source_verdict verdict = SOURCE_FOUND;
	if (has_user) {
		verdict = ask_one(asking, &database->user, &row);
		if (verdict == SOURCE_FOUND)
			verdict = take_quota(asking, row);
		PQclear(row);
		row = NULL;
	}
	if (verdict != SOURCE_FOUND)
		return verdict;
	verdict = ask_one(asking, &database->password, &row);
	if (verdict == SOURCE_NOT_FOUND && has_user)
		return SOURCE_FOUND;
	if (verdict == SOURCE_FOUND && !has_user)
		verdict = take_quota(asking, row);
	if (verdict == SOURCE_FOUND)
		verdict = take_password(asking, row);
	PQclear(row);
	return verdict;
}

/* Only where the password is still the one that was seen. */
static enum source_verdict
update(const struct source_asking *asking)
{
	struct source_question question = *asking->question;
	const struct database *database = asking->source;
	struct span scheme = database->scheme;
	const char *values[QUERY_PARAMETERS];
	PGresult *result = NULL;
	size_t rows;
	enum source_verdict verdict = look_up(asking);
	if (verdict != SOURCE_FOUND)
		return verdict;
	if (!asking->reply->can_update || !span_equals(asking->reply->hash,
		question.old))
		return SOURCE_NOT_FOUND;
	/* The database's own text of it is without the scheme we put before. */
	if (scheme.size > 0 && span_starts(question.old, scheme))
		question.old = span_skip(question.old, scheme.size);
	const struct query *query = &database->update;
	for (int i = 0; i < query->count; i++)
		values[i] = value_of(&question, query->parameter[i]);
	verdict = sql_ask(asking->connection, query, values,
		question.deadline, &result, &rows, &asking->reply->is_spoilt,
		asking->error);
	if (verdict == SOURCE_FOUND && strcmp(PQcmdTuples(result), "1") != 0)
		verdict = SOURCE_NOT_FOUND;
	PQclear(result);
	return verdict;
}

const struct source_driver pgsql_driver = {
	.kind = "pgsql",
	.service = "pgsql-question",
	.read = read_file,
	.free = free_database,
	.connect = connect_database,
	.disconnect = disconnect_database,
	.ask = { [SOURCE_LOOKUP] = look_up, [SOURCE_UPDATE] = update },
};
