/*
 * What `ldap` and `pgsql` have in common; see source_server.h. Questions come
 * from auth, but what is in them came from strangers.
 */
#include "serve/source_server.h"

#include <pthread.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/services.h"
#include "base/settings_file.h"
#include "serve/admin.h"
#include "serve/jail.h"
#include "serve/names_call.h"
#include "serve/process.h"

enum { STOP_GRACE = 1000 };

struct idle {
	void *connection;
	int64_t since;			/* monotonic ms */
};

/* One item of `accounts`. It lives as long as somebody asks it. */
struct source {
	void *inside;			/* the driver's; NULL: FILE is wrong */
	char *path;
	struct error error;		/* why */
	unsigned users;			/* under server.lock */

	pthread_mutex_t lock;		/* of both below */
	struct idle idle[SOURCE_KEPT];
	size_t idle_count;
};

/* The one of this process. */
static struct {
	const struct source_driver *driver;
	struct names *names;
	pthread_mutex_t lock;		/* of the rest */
	struct source *source[SERVICES_FILES];
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- sources ---- */

static void
free_source(struct source *source)
{
	for (size_t i = 0; i < source->idle_count; i++)
		server.driver->disconnect(source->idle[i].connection);
	if (source->inside != NULL)
		server.driver->free(source->inside);
	pthread_mutex_destroy(&source->lock);
	memory_free(source->path);
	memory_free(source);
}

static struct source *
hold(unsigned place)
{
	pthread_mutex_lock(&server.lock);
	struct source *source = server.source[place];
	if (source != NULL)
		source->users++;
	pthread_mutex_unlock(&server.lock);
	return source;
}

static void
let_go(struct source *source)
{
	pthread_mutex_lock(&server.lock);
	bool is_last = --source->users == 0;
	pthread_mutex_unlock(&server.lock);
	if (is_last)
		free_source(source);
}

static struct source *
make_source(struct span path, unsigned place)
{
	struct source *new = memory_new(sizeof(*new));
	struct buffer text, name;
	int fd = process_file_at("accounts", place);
	pthread_mutex_init(&new->lock, NULL);
	new->users = 1;
	buffer_init(&text, 0);
	buffer_init(&name, 0);
	buffer_add(&name, path);
	new->path = memory_copy_string(buffer_string(&name));
	int result = fd >= 0 ? file_read_descriptor(fd, SETTINGS_FILE_LIMIT,
		&text, &new->error) : error_set(&new->error, ERROR_LATER,
		"%s: it could not be opened", new->path);
	if (result == 0)
		new->inside = server.driver->read(buffer_span(&text),
			new->path, &new->error);
	if (new->inside == NULL)
		log_event(LOG_ERROR, "accounts-not-read", NULL,
			LOG_TEXT("reason", new->error.text));
	if (text.data != NULL)
		explicit_bzero(text.data, text.room);
	buffer_fini(&text);
	buffer_fini(&name);
	return new;
}

static void
put_source(unsigned place, struct source *new)
{
	pthread_mutex_lock(&server.lock);
	struct source *old = server.source[place];
	server.source[place] = new;
	pthread_mutex_unlock(&server.lock);
	if (old != NULL)
		let_go(old);
}

/* The files that `accounts` names, in the places that master and auth count. */
static void
load(const struct config *config)
{
	struct span item, rest = span_from(config_text(config, "accounts"));
	struct span kind = span_from(server.driver->kind);
	unsigned place = 0;
	while (place < SERVICES_FILES && config_next_item(&rest, &item)) {
		if (!span_starts(item, kind) || item.size <= kind.size + 1 ||
		    item.data[kind.size] != ':')
			continue;
		put_source(place, make_source(span_skip(item, kind.size + 1),
			place));
		place++;
	}
	while (place < SERVICES_FILES)
		put_source(place++, NULL);
}

/* ---- connections ---- */

static void *
take_idle(struct source *source)
{
	void *result = NULL;
	while (result == NULL) {
		struct idle idle = { NULL, 0 };
		pthread_mutex_lock(&source->lock);
		if (source->idle_count > 0)
			idle = source->idle[--source->idle_count];
		pthread_mutex_unlock(&source->lock);
		if (idle.connection == NULL)
			break;
		if (clock_monotonic() - idle.since < SOURCE_IDLE)
			result = idle.connection;
		else
			server.driver->disconnect(idle.connection);
	}
	return result;
}

static void
give_idle(struct source *source, void *connection)
{
	bool is_kept = false;
	pthread_mutex_lock(&source->lock);
	if (source->idle_count < SOURCE_KEPT) {
		source->idle[source->idle_count++] = (struct idle){ connection,
			clock_monotonic() };
		is_kept = true;
	}
	pthread_mutex_unlock(&source->lock);
	if (!is_kept)
		server.driver->disconnect(connection);
}

static enum source_verdict
ask_driver(const struct source_asking *asking)
{
	static const char *const refusal[SOURCE_WORDS] = {
		"nothing is looked up there", "passwords are not checked there",
		"nothing is written there",
	};
	enum source_word word = asking->question->word;
	if (server.driver->ask[word] != NULL)
		return server.driver->ask[word](asking);
	error_set(asking->error, ERROR_REFUSED, "%s", refusal[word]);
	return SOURCE_ODD;
}

/* One that was kept may have died since: then the next, the last one new. */
static enum source_verdict
ask(struct source *source, const struct source_question *question,
	struct source_reply *reply, struct error *error)
{
	const struct source_driver *driver = server.driver;
	enum source_verdict verdict = SOURCE_AWAY;
	bool is_kept = true;
	while (verdict == SOURCE_AWAY && is_kept &&
	    clock_until(question->deadline) > 0) {
		void *connection = take_idle(source);
		is_kept = connection != NULL;
		if (!is_kept)
			connection = driver->connect(source->inside,
				question->deadline, error);
		if (connection == NULL)
			return SOURCE_AWAY;
		*reply = (struct source_reply){ .has_quota = false };
		verdict = ask_driver(&(struct source_asking){ source->inside,
			connection, question, reply, error });
		if (verdict == SOURCE_AWAY)
			driver->disconnect(connection);
		else if (reply->is_spoilt)
			driver->disconnect(connection);
		else
			give_idle(source, connection);
	}
	return verdict;
}

/* ---- questions ---- */

static bool
read_question(struct admin_call *call, struct source_question *question,
	uint64_t *place)
{
	struct span source, wait;
	uint64_t patience = SOURCE_WAIT;
	if (!admin_need(call, "source", &source) ||
	    !admin_need(call, "user", &question->user))
		return false;
	size_t at = question->user.size;
	while (at > 0 && question->user.data[at - 1] != '@')
		at--;
	if (!span_to_number(source, SERVICES_FILES - 1, place) || at == 0 ||
	    span_find(question->user, '\0') < question->user.size) {
		admin_fail(call, "source= or user= is not right");
		return false;
	}
	question->local = span_first(question->user, at - 1);
	question->domain = span_skip(question->user, at);
	if (tabline_get(call->fields, 2, "wait", &wait))
		span_to_number(wait, SOURCE_WAIT, &patience);
	/* The answer needs a moment too. */
	question->deadline = clock_monotonic() + (int64_t)patience * 9 / 10;
	question->arena = call->arena;
	return true;
}

static void
answer(struct admin_call *call, enum source_verdict verdict,
	const struct source_reply *reply, const struct error *error)
{
	switch (verdict) {
	case SOURCE_FOUND:
		admin_line_begin(call, SPAN("OK"));
		if (reply->hash.size > 0)
			admin_row_field(call, "hash", reply->hash);
		if (reply->has_quota)
			admin_row_number(call, "quota", reply->quota);
		if (reply->can_check)
			tabline_add(&call->line, SPAN("check"));
		if (reply->can_update)
			tabline_add(&call->line, SPAN("update"));
		break;
	case SOURCE_NOT_FOUND:
		admin_line_begin(call, SPAN("NOTFOUND"));
		break;
	case SOURCE_AWAY:
	case SOURCE_ODD:
		admin_line_begin(call, SPAN("FAIL"));
		admin_row_field(call, "reason", span_from(error->text));
		if (verdict == SOURCE_AWAY)
			tabline_add(&call->line, SPAN("away"));
	}
	admin_row_end(call);
}

static void
log_trouble(const struct source *source, const struct source_question *question,
	enum source_verdict verdict, const struct error *error)
{
	if (verdict == SOURCE_FOUND || verdict == SOURCE_NOT_FOUND)
		return;
	log_event(LOG_WARN, verdict == SOURCE_AWAY ? "source-away" :
		"source-answer-refused", NULL, LOG_TEXT("source", source->path),
		LOG_SPAN("user", question->user),
		LOG_TEXT("reason", error->text));
}

/* What is too long or has a NUL is nobody's hash. */
static enum source_verdict
check_reply(const struct source_reply *reply, enum source_verdict verdict,
	struct error *error)
{
	if (verdict != SOURCE_FOUND || (reply->hash.size <= SOURCE_HASH_LIMIT &&
	    span_find(reply->hash, '\0') == reply->hash.size))
		return verdict;
	error_set(error, ERROR_DAMAGED, "the password field is longer than %d "
		"bytes or has a NUL", SOURCE_HASH_LIMIT);
	return SOURCE_ODD;
}

static void
run(struct admin_call *call, struct source_question *question, uint64_t place)
{
	struct source_reply reply = { .has_quota = false };
	struct error error = { .code = ERROR_NONE };
	enum source_verdict verdict = SOURCE_AWAY;
	struct source *source = hold((unsigned)place);
	if (source == NULL) {
		admin_fail(call, "there is no source %u", (unsigned)place);
		return;
	}
	error_set(&error, ERROR_TIMEOUT, "it does not answer in time");
	if (source->inside == NULL)
		error = source->error;
	else
		verdict = check_reply(&reply, ask(source, question, &reply,
			&error), &error);
	log_trouble(source, question, verdict, &error);
	answer(call, verdict, &reply, &error);
	let_go(source);
}

static void
lookup(struct admin_call *call)
{
	struct source_question question = { .word = SOURCE_LOOKUP };
	uint64_t place;
	if (read_question(call, &question, &place))
		run(call, &question, place);
}

/* An empty password proves nothing, though LDAP accepts it (RFC 4513 5.1.2). */
static void
check(struct admin_call *call)
{
	struct source_question question = { .word = SOURCE_CHECK };
	struct buffer password;
	struct span text;
	uint64_t place;
	if (!read_question(call, &question, &place) ||
	    !admin_need(call, "password", &text))
		return;
	buffer_init(&password, 0);
	if (!base64_decode(&password, text) || password.size == 0 ||
	    span_find(buffer_span(&password), '\0') < password.size) {
		admin_fail(call, "password= is not right");
	} else {
		question.password = span_of(buffer_string(&password),
			password.size);
		run(call, &question, place);
	}
	if (password.data != NULL)
		explicit_bzero(password.data, password.room);
	buffer_fini(&password);
}

static void
update(struct admin_call *call)
{
	struct source_question question = { .word = SOURCE_UPDATE };
	uint64_t place;
	if (read_question(call, &question, &place) &&
	    admin_need(call, "old", &question.old) &&
	    admin_need(call, "hash", &question.hash))
		run(call, &question, place);
}

static const struct admin_command commands[] = {
	{ "LOOKUP", lookup },
	{ "CHECK", check },
	{ "UPDATE", update },
	{ NULL, NULL },
};

static const struct admin_server questions = { .commands = commands };

static void
accept_question(struct lot *lot, struct incoming *incoming)
{
	admin_accept(lot, incoming, &questions);
}

/* ---- names of hosts ---- */

size_t
source_resolve(struct span host, uint16_t port, int64_t deadline,
	struct network_address *addresses, struct error *error)
{
	struct arena arena;
	struct names_answer answer[2];
	size_t count = 0;
	if (network_address_parse(host, &addresses[0])) {
		addresses[0].port = port;
		return 1;
	}
	arena_init(&arena, 0);
	const struct names_question ask_both[] = {
		{ host, NAMES_AAAA, &answer[0] }, { host, NAMES_A, &answer[1] }
	};
	names_ask_all(server.names, &arena, ask_both, 2, deadline);
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; answer[i].verdict == NAMES_FOUND &&
		    j < answer[i].count && count < SOURCE_ADDRESSES; j++) {
			addresses[count] = answer[i].record[j].address;
			addresses[count++].port = port;
		}
	if (count == 0)
		error_set(error, ERROR_LATER, "the host %.*s has no address "
			"that could be found", SPAN_PRINT(host));
	arena_fini(&arena);
	return count;
}

/* ---- quotas ---- */

bool
source_quota(struct span rule, uint64_t *bytes)
{
	uint64_t unit = 1;
	if (span_to_number(rule, INT64_MAX, bytes))
		return true;
	if (span_starts(rule, SPAN("*:storage=")))
		unit = 1024;
	else if (!span_starts(rule, SPAN("*:bytes=")))
		return false;
	rule = span_skip(rule, span_find(rule, '=') + 1);
	if (rule.size > 0 && strchr("kKmMgGtT", rule.data[rule.size - 1]) !=
		NULL) {
		const char *units = "kmgt";
		char letter = (char)(rule.data[rule.size - 1] | 0x20);
		unit = 1024;
		for (; *units != letter; units++)
			unit *= 1024;
		rule = span_first(rule, rule.size - 1);
	}
	if (!span_to_number(rule, INT64_MAX / unit, bytes))
		return false;
	*bytes *= unit;
	return true;
}

/* ---- the process ---- */

/* `ldap --check PATH` with FILE on standard input, by the command before a
 * start: the sentence on standard output, and 1. */
static int
check_main(const char *path)
{
	struct buffer text;
	struct error error;
	void *inside = NULL;
	buffer_init(&text, 0);
	if (file_read_descriptor(0, SETTINGS_FILE_LIMIT, &text, &error) == 0)
		inside = server.driver->read(buffer_span(&text), path, &error);
	if (inside == NULL) {
		struct error ignored;
		file_write_all(1, span_from(error.text), &ignored);
	}
	buffer_fini(&text);
	return inside == NULL ? 1 : 0;
}

int
source_server_main(int argc, char **argv, const struct source_driver *driver,
	int (*prepare)(struct error *error))
{
	struct error error;
	server.driver = driver;
	if (argc == 3 && strcmp(argv[1], "--check") == 0)
		return check_main(argv[2]);
	const struct service services[] = {
		{ driver->service, accept_question }, { NULL, NULL },
	};
	struct process *process = process_start(argc, argv);
	struct lot *lot = lot_new(SOURCE_WORKERS);
	load(process->config);
	if ((prepare != NULL && prepare(&error) < 0) || jail_enter(process,
	    &(struct jail){ .rights = JAIL_NETWORK | JAIL_THREADS },
	    &error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	server.names = names_new(lot);
	listener_set_services(lot, services);
	listener_on_reload(lot, load);
	lot_run(lot, STOP_GRACE);
	return 0;
}
