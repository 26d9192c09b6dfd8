/* See driver.h: what a directory's answer means. */
#include <string.h>

#include "base/memory.h"
#include "ldap/filter.h"
#include "ldap/driver.h"
#include "ldap/talk.h"

struct directory {
	struct arena arena;
	struct ldap_settings settings;
	void *trust;			/* NULL: no TLS */
};

static void
free_directory(void *source)
{
	struct directory *directory = source;
	arena_fini(&directory->arena);
	memory_free(directory);
}

static bool
needs_trust(const struct ldap_settings *settings)
{
	bool result = settings->is_tls;
	for (size_t i = 0; i < settings->server_count; i++)
		result |= settings->server[i].is_ldaps;
	return result;
}

static void *
read_file(struct span text, const char *path, struct error *error)
{
	struct directory *new = memory_new(sizeof(*new));
	arena_init(&new->arena, 0);
	int result = ldap_settings_read(text, path, &new->arena,
		&new->settings, error);
	if (result == 0 && needs_trust(&new->settings)) {
		new->trust = talk_trust(new->settings.ca_file, error);
		result = new->trust != NULL ? 0 : error_wrap(error, "%s", path);
	}
	if (result == 0)
		return new;
	free_directory(new);
	return NULL;
}

/* ---- connections ---- */

static void *
connect_directory(void *source, int64_t deadline, struct error *error)
{
	const struct directory *directory = source;
	const struct ldap_settings *settings = &directory->settings;
	LDAP *connection = talk_connect(settings, directory->trust, deadline,
		error);
	if (connection == NULL || settings->dn == NULL)
		return connection;
	if (talk_bind(connection, settings->dn, span_from(settings->password),
		deadline, error) == SOURCE_FOUND)
		return connection;
	talk_disconnect(connection);
	return NULL;
}

static void
disconnect_directory(void *connection)
{
	talk_disconnect(connection);
}

/* ---- answers ---- */

static const struct ldap_settings *
settings_of(const struct source_asking *asking)
{
	const struct directory *directory = asking->source;
	return &directory->settings;
}

static enum source_verdict
find(const struct source_asking *asking, struct span filter,
	const struct ldap_attributes *attributes, LDAPMessage **answer)
{
	const struct source_question *question = asking->question;
	const struct talk_search search = {
		.settings = settings_of(asking),
		.filter = filter_fill(filter, question->user, question->local,
			question->domain, question->arena),
		.attributes = attributes,
		.deadline = question->deadline,
	};
	return talk_find(asking->connection, &search, answer, asking->error);
}

static enum source_verdict
odd(const struct source_asking *asking, const char *name, const char *what)
{
	error_set(asking->error, ERROR_DAMAGED, "the attribute %s %s", name,
		what);
	return SOURCE_ODD;
}

/* Without a scheme it is what default_pass_scheme says, or of crypt(3). */
static enum source_verdict
take_password(const struct source_asking *asking, const char *name,
	struct span value)
{
	struct arena *arena = asking->question->arena;
	struct span scheme = settings_of(asking)->scheme;
	if (value.size > SOURCE_HASH_LIMIT ||
		span_find(value, '\0') < value.size)
		return odd(asking, name, "is too long, or has a NUL");
	bool has_scheme = value.size == 0 || value.data[0] == '{' ||
		scheme.size == 0;
	asking->reply->hash = has_scheme ? arena_copy(arena, value) :
		arena_print(arena, "%.*s%.*s", SPAN_PRINT(scheme),
		SPAN_PRINT(value));
	return SOURCE_FOUND;
}

static enum source_verdict
take_value(const struct source_asking *asking, const char *name,
	enum ldap_field field, struct span value)
{
	struct source_reply *reply = asking->reply;
	switch (field) {
	case LDAP_FIELD_PASSWORD:
		return take_password(asking, name, value);
	case LDAP_FIELD_QUOTA:
		reply->has_quota = source_quota(value, &reply->quota);
		return reply->has_quota ? SOURCE_FOUND :
			odd(asking, name, "is not a number of bytes");
	case LDAP_FIELD_FORBIDS:
		reply->is_barred = true;
		return SOURCE_FOUND;
	case LDAP_FIELD_NONE:
		break;
	}
	return SOURCE_FOUND;
}

/* An attribute that is asked for has one value or none: which of two passwords
 * is the password would be a guess. */
static enum source_verdict
take_entry(const struct source_asking *asking, LDAPMessage *answer,
	const struct ldap_attributes *attributes)
{
	LDAPMessage *entry = ldap_first_entry(asking->connection, answer);
	enum source_verdict verdict = SOURCE_FOUND;
	for (size_t i = 0; verdict == SOURCE_FOUND && i < attributes->count;
		i++) {
		const char *name = attributes->name[i];
		struct berval **values = ldap_get_values_len(
			asking->connection, entry, name);
		int count = ldap_count_values_len(values);
		if (count > 1)
			verdict = odd(asking, name, "has several values");
		else if (count == 1)
			verdict = take_value(asking, name,
				attributes->field[i], span_of(
				values[0]->bv_val, values[0]->bv_len));
		ldap_value_free_len(values);
	}
	return verdict;
}

static enum source_verdict
find_and_take(const struct source_asking *asking, struct span filter,
	const struct ldap_attributes *attributes)
{
	LDAPMessage *answer = NULL;
	enum source_verdict verdict = find(asking, filter, attributes,
		&answer);
	if (verdict == SOURCE_FOUND)
		verdict = take_entry(asking, answer, attributes);
	ldap_msgfree(answer);
	return verdict;
}

/* With a user_filter an account is there when that finds it, and only logs in
 * when pass_filter does. */
static enum source_verdict
look_up(const struct source_asking *asking)
{
	const struct ldap_settings *settings = settings_of(asking);
	enum source_verdict verdict = SOURCE_FOUND;
	bool has_user = settings->user_filter.size > 0;
	if (has_user)
		verdict = find_and_take(asking, settings->user_filter,
			&settings->user);
	if (verdict != SOURCE_FOUND)
		return verdict;
	verdict = find_and_take(asking, settings->pass_filter,
		&settings->pass);
	if (verdict == SOURCE_FOUND && !asking->reply->is_barred)
		asking->reply->can_check = settings->is_bind;
	if (settings->is_bind || asking->reply->is_barred)
		asking->reply->hash = (struct span){ NULL, 0 };
	return verdict == SOURCE_NOT_FOUND && has_user ? SOURCE_FOUND :
		verdict;
}

/* On a connection of its own: it is the user's afterwards. */
static enum source_verdict
bind_as(const struct source_asking *asking, const char *dn)
{
	const struct source_question *question = asking->question;
	const struct directory *directory = asking->source;
	LDAP *connection = talk_connect(&directory->settings,
		directory->trust, question->deadline, asking->error);
	if (connection == NULL)
		return SOURCE_AWAY;
	enum source_verdict verdict = talk_bind(connection, dn,
		question->password, question->deadline, asking->error);
	talk_disconnect(connection);
	return verdict;
}

static enum source_verdict
check(const struct source_asking *asking)
{
	const struct ldap_settings *settings = settings_of(asking);
	LDAPMessage *answer = NULL;
	if (!settings->is_bind || asking->question->password.size == 0) {
		error_set(asking->error, ERROR_REFUSED,
			"passwords are not checked there");
		return SOURCE_ODD;
	}
	enum source_verdict verdict = find(asking, settings->pass_filter,
		&settings->pass, &answer);
	char *dn = verdict == SOURCE_FOUND ? ldap_get_dn(asking->connection,
		ldap_first_entry(asking->connection, answer)) : NULL;
	/* An empty name would be an anonymous bind, which always succeeds. */
	if (verdict == SOURCE_FOUND && (dn == NULL || dn[0] == '\0')) {
		error_set(asking->error, ERROR_DAMAGED,
			"the entry has no name");
		verdict = SOURCE_ODD;
	} else if (verdict == SOURCE_FOUND) {
		verdict = bind_as(asking, dn);
	}
	ldap_memfree(dn);
	ldap_msgfree(answer);
	return verdict;
}

const struct source_driver ldap_driver = {
	.kind = "ldap",
	.service = "ldap-question",
	.read = read_file,
	.free = free_directory,
	.connect = connect_directory,
	.disconnect = disconnect_directory,
	.ask = { [SOURCE_LOOKUP] = look_up, [SOURCE_CHECK] = check },
};
