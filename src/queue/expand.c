/*
 * Calls to auth for what addresses stand for. Requests are written in groups
 * small enough that they always fit the wire, whatever auth writes meanwhile.
 */
#include "queue/expand.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "serve/counter.h"
#include "serve/tab_call.h"

enum { GROUP = 100 };	/* requests in one write */

/* ---- answers ---- */

static struct target *
target_add(struct arena *arena, struct expansion *expansion)
{
	if (expansion->count == expansion->room) {
		size_t room = expansion->room == 0 ? 1 : expansion->room * 2;
		struct target *more = arena_new_array(arena, room,
			sizeof(*more));
		if (expansion->count > 0)
			memcpy(more, expansion->target,
				expansion->count * sizeof(*more));
		expansion->target = more;
		expansion->room = room;
	}
	return &expansion->target[expansion->count++];
}

/* "ACCOUNT-HEX:QUOTA:ADDRESS" */
static bool
parse_local(struct span value, struct arena *arena, struct target *target)
{
	struct span account, quota;
	if (!span_split(&value, ':', &account) ||
		!span_split(&value, ':', &quota) || value.data == NULL ||
		value.size == 0)
		return false;
	target->is_local = true;
	target->address = arena_copy(arena, value);
	return span_to_hex_number(account, &target->account) &&
		span_to_number(quota, UINT64_MAX, &target->quota);
}

/* "UID:TABLE:INDEX:ADDRESS" */
static bool
parse_program(struct span value, struct arena *arena, struct target *target)
{
	struct span rest = value, piece;
	for (int i = 0; i < 3; i++)
		if (!span_split(&rest, ':', &piece))
			return false;
	target->is_program = true;
	target->address = arena_copy(arena, rest);
	return rest.size > 0 && envelope_parse_program(span_first(value,
		value.size - rest.size - 1), &target->program);
}

/* What is said of the target before it; a field of a later version is passed
 * over. */
static bool
take_detail(struct span field, struct arena *arena,
	struct expansion *expansion)
{
	struct span value;
	struct target *target = expansion->count == 0 ? NULL :
		&expansion->target[expansion->count - 1];
	if (tabline_value(field, "key", &value) && target != NULL)
		target->program.key = arena_copy(arena, value);
	else if (tabline_value(field, "sender", &value) && target != NULL)
		target->sender = arena_copy(arena, value);
	else if (span_equals(field, SPAN("final=yes")) && target != NULL)
		target->is_final = true;
	return true;
}

static bool
take_target(struct span field, struct arena *arena,
	struct expansion *expansion)
{
	struct span value;
	struct target target = { .is_local = false };
	if (tabline_value(field, "program", &value)) {
		if (!parse_program(value, arena, &target))
			return false;
	} else if (tabline_value(field, "local", &value)) {
		if (!parse_local(value, arena, &target))
			return false;
	} else if (tabline_value(field, "remote", &value)) {
		if (value.size == 0)
			return false;
		target.address = arena_copy(arena, value);
	} else if (tabline_value(field, "brief", &value)) {
		expansion->is_brief = true;
		return true;
	} else {
		return take_detail(field, arena, expansion);
	}
	if (expansion->count >= EXPAND_TARGET_LIMIT)
		return false;
	*target_add(arena, expansion) = target;
	return true;
}

bool
expand_take_answer(struct span line, struct arena *arena,
	struct expansion *expansion, size_t count, bool *is_final)
{
	struct span kind, id, field;
	uint64_t number;
	enum tabline_verdict verdict;
	if (tabline_next(&line, arena, &kind) != TABLINE_FIELD ||
		tabline_next(&line, arena, &id) != TABLINE_FIELD ||
		!span_to_number(id, count, &number) || number == 0)
		return false;
	expansion += number - 1;
	bool is_more = span_equals(kind, SPAN("MORE"));
	*is_final = !is_more;
	if (span_equals(kind, SPAN("NOTFOUND")) ||
		span_equals(kind, SPAN("FAIL"))) {
		expansion->verdict = kind.data[0] == 'N' ? EXPAND_UNKNOWN :
			EXPAND_LATER;
		expansion->count = 0;
		return true;
	}
	if (!is_more && !span_equals(kind, SPAN("OK")))
		return false;
	while ((verdict = tabline_next(&line, arena, &field)) == TABLINE_FIELD)
		if (!take_target(field, arena, expansion))
			return false;
	if (verdict == TABLINE_BAD)
		return false;
	if (!is_more)
		expansion->verdict = EXPAND_OK;
	return true;
}

/* ---- what is remembered ---- */

/* One block: the targets, then the bytes of their texts. */
struct cached {
	size_t count;
	struct target target[];
};

void
expand_cache_init(struct expand_cache *cache)
{
	*cache = (struct expand_cache){ .generation = 0 };
	pthread_mutex_init(&cache->lock, NULL);
	map_init(&cache->entries);
}

static void
cache_clear(struct expand_cache *cache)
{
	size_t cursor = 0;
	struct span key;
	void *entry;
	while (map_next(&cache->entries, &cursor, &key, &entry))
		memory_free(entry);
	map_fini(&cache->entries);
	map_init(&cache->entries);
}

void
expand_cache_fini(struct expand_cache *cache)
{
	cache_clear(cache);
	map_fini(&cache->entries);
	pthread_mutex_destroy(&cache->lock);
}

static void
copy_targets(struct arena *arena, const struct cached *entry,
	struct expansion *expansion)
{
	expansion->target = arena_new_array(arena, entry->count,
		sizeof(struct target));
	expansion->count = expansion->room = entry->count;
	for (size_t i = 0; i < entry->count; i++) {
		expansion->target[i] = entry->target[i];
		expansion->target[i].address = arena_copy(arena,
			entry->target[i].address);
		expansion->target[i].sender = arena_copy(arena,
			entry->target[i].sender);
		expansion->target[i].program.key = arena_copy(arena,
			entry->target[i].program.key);
	}
	expansion->verdict = EXPAND_OK;
}

bool
expand_cache_get(struct expand_cache *cache, uint64_t generation,
	struct arena *arena, struct expansion *expansion)
{
	pthread_mutex_lock(&cache->lock);
	if (cache->generation != generation) {
		cache_clear(cache);
		cache->generation = generation;
	}
	const struct cached *entry = map_get(&cache->entries,
		expansion->address);
	if (entry != NULL)
		copy_targets(arena, entry, expansion);
	pthread_mutex_unlock(&cache->lock);
	return entry != NULL;
}

static void
move_bytes(char **at, struct span *text)
{
	if (text->size > 0)
		memcpy(*at, text->data, text->size);
	text->data = *at;
	*at += text->size;
}

static struct cached *
cached_new(const struct expansion *expansion)
{
	size_t targets = expansion->count * sizeof(struct target), bytes = 0;
	for (size_t i = 0; i < expansion->count; i++)
		bytes += expansion->target[i].address.size +
			expansion->target[i].sender.size +
			expansion->target[i].program.key.size;
	struct cached *entry = memory_new(sizeof(*entry) + targets + bytes);
	char *at = (char *)entry->target + targets;
	entry->count = expansion->count;
	for (size_t i = 0; i < expansion->count; i++) {
		entry->target[i] = expansion->target[i];
		move_bytes(&at, &entry->target[i].address);
		move_bytes(&at, &entry->target[i].sender);
		move_bytes(&at, &entry->target[i].program.key);
	}
	return entry;
}

void
expand_cache_put(struct expand_cache *cache, uint64_t generation,
	const struct expansion *expansion)
{
	if (expansion->verdict != EXPAND_OK || expansion->is_brief ||
		expansion->count > EXPAND_CACHE_TARGETS)
		return;
	struct cached *entry = cached_new(expansion);
	pthread_mutex_lock(&cache->lock);
	if (map_count(&cache->entries) >= EXPAND_CACHE_LIMIT)
		cache_clear(cache);
	if (cache->generation == generation)
		entry = map_put(&cache->entries, expansion->address, entry);
	pthread_mutex_unlock(&cache->lock);
	memory_free(entry);
}

/* ---- asking ---- */

void
expander_init(struct expander *expander, struct lot *lot)
{
	expander->pool = wire_pool_new(lot, "auth-user", 0);
	health_init(&expander->health);
	expand_cache_init(&expander->cache);
}

void
expander_fini(struct expander *expander)
{
	wire_pool_free(&expander->pool);
	expand_cache_fini(&expander->cache);
	health_fini(&expander->health);
}

static void
forget(struct expansion *expansion)
{
	expansion->verdict = EXPAND_LATER;
	expansion->target = NULL;
	expansion->count = expansion->room = 0;
	expansion->is_brief = false;
}

/* What all groups of one call to expand_all have in common. */
struct question {
	struct expander *expander;
	struct arena *arena;
	uint64_t generation;	/* of auth's data, before it was asked */
	int64_t deadline;
};

static int
read_answers(const struct question *question, struct wire *wire,
	struct expansion *expansion, size_t count, struct error *error)
{
	struct health *health = &question->expander->health;
	struct span line;
	bool is_final;
	for (size_t left = count; left > 0;) {
		int64_t until = health_wait_until(health);
		wire->stream.deadline = until < question->deadline ? until :
			question->deadline;
		if (tab_call_read(wire, &line, error) < 0) {
			if (error->code != ERROR_TIMEOUT)
				return -1;
			health_silent(health, clock_monotonic());
			return error_set(error, ERROR_TIMEOUT,
				"auth does not answer");
		}
		health_answered(health, clock_monotonic());
		if (!expand_take_answer(line, question->arena, expansion,
			count, &is_final))
			return error_set(error, ERROR_DAMAGED,
				"auth answered EXPAND with \"%.*s\"",
				SPAN_PRINT(span_first(line, 80)));
		left -= is_final;
	}
	return 0;
}

static int
ask_on(const struct question *question, struct wire *wire,
	struct expansion *expansion, size_t count, struct error *error)
{
	struct buffer out;
	buffer_init(&out, 0);
	for (size_t i = 0; i < count; i++) {
		char digits[24];
		struct buffer id = { .data = digits, .room = sizeof(digits),
			.limit = sizeof(digits) };
		buffer_add_number(&id, i + 1);
		tabline_add(&out, SPAN("EXPAND"));
		tabline_add(&out, buffer_span(&id));
		tabline_add(&out, expansion[i].address);
		tabline_end(&out);
	}
	int result = tab_call_send(wire, buffer_span(&out), error);
	buffer_fini(&out);
	return result < 0 ? -1 :
		read_answers(question, wire, expansion, count, error);
}

static int
ask(const struct question *question, struct expansion *expansion,
	size_t count, struct error *error)
{
	struct expander *expander = question->expander;
	int64_t now = clock_monotonic();
	if (now >= question->deadline || !health_enter(&expander->health, now))
		return error_set(error, ERROR_LATER, "auth does not answer");
	struct wire *wire = wire_take(expander->pool, question->deadline,
		error);
	int result = wire == NULL ? -1 :
		ask_on(question, wire, expansion, count, error);
	if (wire != NULL && result == 0)
		wire_give(&wire);
	else if (wire != NULL)
		wire_drop(&wire);
	health_leave(&expander->health);
	return result;
}

static void
ask_group(const struct question *question, struct expansion **group,
	size_t count)
{
	struct error error;
	struct expansion asked[GROUP];
	for (size_t i = 0; i < count; i++)
		asked[i] = *group[i];
	if (ask(question, asked, count, &error) < 0) {
		log_event(LOG_WARN, "expand-later", NULL,
			LOG_TEXT("error", error.text),
			LOG_NUMBER("addresses", count));
		counter_add(COUNTER_CALLS_LATER, 1);
		for (size_t i = 0; i < count; i++)
			forget(&asked[i]);
	}
	for (size_t i = 0; i < count; i++) {
		*group[i] = asked[i];
		expand_cache_put(&question->expander->cache,
			question->generation, &asked[i]);
	}
}

void
expand_all(struct expander *expander, struct arena *arena,
	struct expansion *expansion, size_t count)
{
	struct expansion *group[GROUP];
	size_t size = 0;
	struct question question = { expander, arena,
		atomic_load(&counter_generations()->accounts),
		clock_monotonic() + EXPAND_WAIT };
	for (size_t i = 0; i < count; i++) {
		forget(&expansion[i]);
		if (!expand_cache_get(&expander->cache, question.generation,
			arena, &expansion[i]))
			group[size++] = &expansion[i];
		if (size == GROUP || (size > 0 && i + 1 == count)) {
			ask_group(&question, group, size);
			size = 0;
		}
	}
}

/* ---- the reverse-path of what is forwarded ---- */

static int
ask_forward(struct wire *wire, struct span sender, struct arena *arena,
	struct span *address, struct error *error)
{
	struct buffer out;
	struct tabline fields;
	struct span line;
	buffer_init(&out, 0);
	tabline_add(&out, SPAN("FORWARD"));
	tabline_add(&out, SPAN("1"));
	tabline_add(&out, sender);
	tabline_end(&out);
	int result = tab_call_send(wire, buffer_span(&out), error);
	buffer_fini(&out);
	if (result < 0 || tab_call_read(wire, &line, error) < 0)
		return -1;
	if (!tabline_parse(line, arena, &fields) || fields.count < 2)
		return error_set(error, ERROR_DAMAGED,
			"auth answered FORWARD with something else");
	if (span_equals(fields.field[0], SPAN("OK")) && tabline_get(&fields, 2,
		"address", address) && address->size <= EXPAND_FORWARD_SIZE)
		*address = arena_copy(arena, *address);
	else
		address->size = 0;
	return 0;
}

struct span
expand_forward(struct expander *expander, struct arena *arena,
	struct span sender)
{
	struct span address = { NULL, 0 };
	struct error error;
	struct wire *wire = wire_take(expander->pool, clock_monotonic() +
		EXPAND_WAIT, &error);
	if (wire != NULL && ask_forward(wire, sender, arena, &address,
		&error) == 0) {
		wire_give(&wire);
		return address;
	}
	if (wire != NULL)
		wire_drop(&wire);
	log_event(LOG_WARN, "forward-later", NULL,
		LOG_TEXT("error", error.text));
	return span_of(NULL, 0);
}
