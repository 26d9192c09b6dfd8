/* See question.h. */
#include "auth/question.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>

#include "auth/bounded_map.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/memory.h"

/* What was answered: one run of memory, the hash at its end. */
struct kept {
	struct question_answer answer;
	int64_t asked;			/* monotonic ms */
	bool is_old;			/* from before a reload */
	size_t hash_size;
	char hash[];
};

struct question_source {
	char *kind, *path;
	question_call_fn *call;

	pthread_mutex_t lock;		/* of all below */
	unsigned place;
	struct bounded_map kept;	/* normalised address -> struct kept */
	int64_t rests_until;		/* monotonic ms: it was away */
};

static char *
copy_text(struct span text)
{
	struct buffer buffer;
	buffer_init(&buffer, 0);
	buffer_add(&buffer, text);
	char *result = memory_copy_string(buffer_string(&buffer));
	buffer_fini(&buffer);
	return result;
}

struct question_source *
question_source_new(struct span kind, struct span path, unsigned place,
	question_call_fn *call)
{
	struct question_source *new = memory_new(sizeof(*new));
	new->kind = copy_text(kind);
	new->path = copy_text(path);
	new->place = place;
	new->call = call;
	pthread_mutex_init(&new->lock, NULL);
	bounded_map_init(&new->kept, QUESTION_KEPT_LIMIT, memory_free);
	return new;
}

void
question_source_free(struct question_source **source)
{
	if (*source == NULL)
		return;
	bounded_map_fini(&(*source)->kept);
	pthread_mutex_destroy(&(*source)->lock);
	memory_free((*source)->kind);
	memory_free((*source)->path);
	memory_free(*source);
	*source = NULL;
}

bool
question_source_is(const struct question_source *source, struct span kind,
	struct span path)
{
	return span_equals(span_from(source->kind), kind) &&
		span_equals(span_from(source->path), path);
}

static void
make_old(struct map *map)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	while (map_next(map, &cursor, &key, &value))
		((struct kept *)value)->is_old = true;
}

void
question_source_move(struct question_source *source, unsigned place)
{
	pthread_mutex_lock(&source->lock);
	source->place = place;
	source->rests_until = 0;
	make_old(&source->kept.young);
	make_old(&source->kept.old);
	pthread_mutex_unlock(&source->lock);
}

/* ---- what is kept ---- */

static void
keep(struct question_source *source, struct span name,
	const struct question_answer *answer, int64_t now)
{
	struct kept *new = memory_new(sizeof(*new) + answer->hash.size);
	new->answer = *answer;
	new->answer.hash = (struct span){ NULL, 0 };
	new->asked = now;
	new->hash_size = answer->hash.size;
	if (answer->hash.size > 0)
		memcpy(new->hash, answer->hash.data, answer->hash.size);
	pthread_mutex_lock(&source->lock);
	source->rests_until = 0;
	bounded_map_put(&source->kept, name, new);
	pthread_mutex_unlock(&source->lock);
}

static void
copy(const struct kept *kept, bool is_stale, struct arena *arena,
	struct question_answer *answer)
{
	*answer = kept->answer;
	answer->is_stale = is_stale;
	answer->hash = arena_copy(arena, span_of(kept->hash, kept->hash_size));
}

/* True: the answer stands. False: ask, unless the source rests. */
static bool
recall(struct question_source *source, struct span name, int64_t now,
	struct arena *arena, struct question_answer *answer)
{
	pthread_mutex_lock(&source->lock);
	const struct kept *kept = bounded_map_get(&source->kept, name);
	bool is_fresh = kept != NULL && !kept->is_old && now - kept->asked <
		(kept->answer.verdict == QUESTION_FOUND ?
		QUESTION_FOUND_FRESH : QUESTION_NOT_FOUND_FRESH);
	if (is_fresh)
		copy(kept, false, arena, answer);
	pthread_mutex_unlock(&source->lock);
	return is_fresh;
}

static void
recall_stale(struct question_source *source, struct span name, int64_t now,
	struct arena *arena, struct question_answer *answer)
{
	pthread_mutex_lock(&source->lock);
	const struct kept *kept = bounded_map_get(&source->kept, name);
	if (kept != NULL && kept->answer.verdict == QUESTION_FOUND &&
		now - kept->asked < QUESTION_STALE)
		copy(kept, true, arena, answer);
	pthread_mutex_unlock(&source->lock);
}

/* ---- asking ---- */

static bool
rests(struct question_source *source, int64_t now)
{
	pthread_mutex_lock(&source->lock);
	bool result = now < source->rests_until;
	pthread_mutex_unlock(&source->lock);
	return result;
}

static void
let_rest(struct question_source *source, int64_t now)
{
	pthread_mutex_lock(&source->lock);
	source->rests_until = now + QUESTION_REST;
	pthread_mutex_unlock(&source->lock);
}

/* Begins a request. The place is the number of the source to its process. */
static unsigned
begin(struct question_source *source, const char *word, struct span name,
	int wait, struct buffer *line)
{
	struct buffer number;
	pthread_mutex_lock(&source->lock);
	unsigned place = source->place;
	pthread_mutex_unlock(&source->lock);
	buffer_init(line, 0);
	buffer_init(&number, 0);
	buffer_print(&number, "%u", place);
	buffer_print(line, "%s\t1", word);
	tabline_add_pair(line, "source", buffer_span(&number));
	tabline_add_pair(line, "user", name);
	buffer_clear(&number);
	buffer_print(&number, "%d", wait);
	tabline_add_pair(line, "wait", buffer_span(&number));
	buffer_fini(&number);
	return place;
}

static void
discard(struct buffer *buffer)
{
	if (buffer->data != NULL)
		OPENSSL_cleanse(buffer->data, buffer->room);
	buffer_fini(buffer);
}

/* Sends what was begun. FOUND: OK. LATER also when nothing understandable came;
 * then the source rests, but not when one account only is not in order. */
static enum question_verdict
call(struct question_source *source, unsigned place, struct buffer *line,
	int wait, struct arena *arena, struct tabline *answer,
	struct error *error)
{
	struct span reason;
	tabline_end(line);
	int result = source->call(source->kind, place, buffer_span(line), wait,
		arena, answer, error);
	discard(line);
	if (result != 0 || answer->count < 2) {
		let_rest(source, clock_monotonic());
		if (result == 0)
			error_set(error, ERROR_DAMAGED, "%s:%s answers "
				"nonsense", source->kind, source->path);
		return QUESTION_LATER;
	}
	if (span_equals(answer->field[0], SPAN("OK")))
		return QUESTION_FOUND;
	if (span_equals(answer->field[0], SPAN("NOTFOUND")))
		return QUESTION_NOT_FOUND;
	if (tabline_has(answer, 2, "away"))
		let_rest(source, clock_monotonic());
	if (!tabline_get(answer, 2, "reason", &reason))
		reason = SPAN("it does not say why");
	error_set(error, ERROR_LATER, "%s:%s: %.*s", source->kind,
		source->path, SPAN_PRINT(reason));
	return QUESTION_LATER;
}

static bool
take(const struct tabline *fields, struct question_answer *answer)
{
	struct span value;
	answer->can_check = tabline_has(fields, 2, "check");
	answer->can_update = tabline_has(fields, 2, "update");
	answer->has_quota = tabline_get(fields, 2, "quota", &value);
	if (answer->has_quota && !span_to_number(value, INT64_MAX,
		&answer->quota))
		return false;
	if (!tabline_get(fields, 2, "hash", &answer->hash))
		answer->hash = (struct span){ NULL, 0 };
	return answer->hash.size <= QUESTION_HASH_LIMIT &&
		span_find(answer->hash, '\0') == answer->hash.size;
}

void
question_ask(struct question_source *source, struct span normalised,
	int64_t now, struct arena *arena, struct question_answer *answer,
	struct error *error)
{
	struct buffer line;
	struct tabline fields;
	*answer = (struct question_answer){ .verdict = QUESTION_LATER };
	if (recall(source, normalised, now, arena, answer))
		return;
	if (rests(source, now)) {
		error_set(error, ERROR_LATER, "%s:%s is away", source->kind,
			source->path);
	} else {
		unsigned place = begin(source, "LOOKUP", normalised,
			QUESTION_LOOKUP_WAIT, &line);
		answer->verdict = call(source, place, &line,
			QUESTION_LOOKUP_WAIT, arena, &fields, error);
		if (answer->verdict == QUESTION_FOUND &&
			!take(&fields, answer)) {
			answer->verdict = QUESTION_LATER;
			error_set(error, ERROR_DAMAGED, "%s:%s answers "
				"nonsense", source->kind, source->path);
		}
	}
	if (answer->verdict == QUESTION_LATER)
		recall_stale(source, normalised, now, arena, answer);
	else
		keep(source, normalised, answer, now);
}

enum question_verdict
question_check(struct question_source *source, struct span normalised,
	struct span password, struct error *error)
{
	struct buffer line, text;
	struct tabline fields;
	struct arena arena;
	arena_init(&arena, 0);
	unsigned place = begin(source, "CHECK", normalised,
		QUESTION_CHECK_WAIT, &line);
	buffer_init(&text, 0);
	base64_encode(&text, password);
	tabline_add_pair(&line, "password", buffer_span(&text));
	discard(&text);
	enum question_verdict verdict = call(source, place, &line,
		QUESTION_CHECK_WAIT, &arena, &fields, error);
	arena_fini(&arena);
	return verdict;
}

int
question_update(struct question_source *source, struct span normalised,
	struct span old, struct span hash, struct error *error)
{
	struct buffer line;
	struct tabline fields;
	struct arena arena;
	arena_init(&arena, 0);
	unsigned place = begin(source, "UPDATE", normalised,
		QUESTION_CHECK_WAIT, &line);
	tabline_add_pair(&line, "old", old);
	tabline_add_pair(&line, "hash", hash);
	enum question_verdict verdict = call(source, place, &line,
		QUESTION_CHECK_WAIT, &arena, &fields, error);
	arena_fini(&arena);
	pthread_mutex_lock(&source->lock);
	memory_free(bounded_map_take(&source->kept, normalised));
	pthread_mutex_unlock(&source->lock);
	if (verdict == QUESTION_NOT_FOUND)
		error_set(error, ERROR_GONE, "the account has gone, or has "
			"another password by now");
	return verdict == QUESTION_FOUND ? 0 : -1;
}
