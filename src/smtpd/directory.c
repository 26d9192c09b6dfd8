/*
 * auth-user, the caller's side. The memory of answers has two halves: when the
 * young one is full it becomes the old one, and what nobody asked for since
 * then goes. So strangers who try many names cost a bounded amount.
 */
#include "smtpd/directory.h"

#include <pthread.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/memory.h"
#include "serve/counter.h"
#include "serve/tab_call.h"

struct directory {
	struct wire_pool *pool;
	struct turnstile turnstile;
	pthread_mutex_t lock;		/* of what follows */
	uint64_t generation;
	struct map young, old;		/* question -> verdict as a pointer */
};

struct directory *
directory_new(struct lot *lot, unsigned most)
{
	struct directory *directory = memory_new(sizeof(*directory));
	directory->pool = wire_pool_new(lot, "auth-user", 0);
	turnstile_init(&directory->turnstile, most);
	pthread_mutex_init(&directory->lock, NULL);
	map_init(&directory->young);
	map_init(&directory->old);
	return directory;
}

void
directory_free(struct directory **directory)
{
	if (*directory == NULL)
		return;
	wire_pool_free(&(*directory)->pool);
	turnstile_fini(&(*directory)->turnstile);
	map_fini(&(*directory)->young);
	map_fini(&(*directory)->old);
	pthread_mutex_destroy(&(*directory)->lock);
	memory_free(*directory);
	*directory = NULL;
}

/* ---- remembered answers ---- */

static void
forget_older(struct directory *directory, uint64_t generation)
{
	if (directory->generation == generation)
		return;
	map_fini(&directory->young);
	map_fini(&directory->old);
	map_init(&directory->young);
	map_init(&directory->old);
	directory->generation = generation;
}

static void
remember_locked(struct directory *directory, struct span question,
	enum directory_verdict verdict)
{
	if (map_count(&directory->young) >= DIRECTORY_REMEMBERED) {
		map_fini(&directory->old);
		directory->old = directory->young;
		map_init(&directory->young);
	}
	map_put(&directory->young, question, (void *)(uintptr_t)verdict);
}

/* DIRECTORY_LATER: not remembered. */
static enum directory_verdict
recall(struct directory *directory, struct span question, uint64_t generation)
{
	pthread_mutex_lock(&directory->lock);
	forget_older(directory, generation);
	void *found = map_get(&directory->young, question);
	if (found == NULL) {
		found = map_get(&directory->old, question);
		if (found != NULL)
			remember_locked(directory, question,
				(enum directory_verdict)(uintptr_t)found);
	}
	pthread_mutex_unlock(&directory->lock);
	return (enum directory_verdict)(uintptr_t)found;
}

static void
remember(struct directory *directory, struct span question, uint64_t generation,
	enum directory_verdict verdict)
{
	if (verdict == DIRECTORY_LATER)
		return;
	pthread_mutex_lock(&directory->lock);
	/* An answer from before a change is not kept beyond it. */
	if (directory->generation == generation)
		remember_locked(directory, question, verdict);
	pthread_mutex_unlock(&directory->lock);
}

/* ---- asking ---- */

static enum directory_verdict
read_recipient(const struct tabline *fields)
{
	struct span value;
	if (span_equals(fields->field[0], SPAN("NOTFOUND")))
		return DIRECTORY_UNKNOWN;
	if (!span_equals(fields->field[0], SPAN("OK")) ||
	    !tabline_get(fields, 2, "class", &value))
		return DIRECTORY_LATER;
	if (span_equals(value, SPAN("remote")))
		return DIRECTORY_REMOTE;
	if (!span_equals(value, SPAN("local")))
		return DIRECTORY_LATER;
	return tabline_get(fields, 2, "over", &value) &&
		span_equals(value, SPAN("yes")) ? DIRECTORY_FULL :
		DIRECTORY_LOCAL;
}

static enum directory_verdict
read_sender(const struct tabline *fields)
{
	if (span_equals(fields->field[0], SPAN("OK")))
		return DIRECTORY_MAY_SEND;
	return span_equals(fields->field[0], SPAN("NOTFOUND")) ?
		DIRECTORY_MAY_NOT_SEND : DIRECTORY_LATER;
}

/*
 * Sends the question and reads its answer into the arena. A wire that was kept
 * may have died with an earlier auth: then once more over a new one.
 */
static bool
ask(struct directory *directory, struct span question, struct arena *arena,
	struct tabline *answer)
{
	int64_t deadline = clock_monotonic() + DIRECTORY_WAIT;
	bool is_again = true;
	while (is_again) {
		struct error error = { .code = ERROR_NONE };
		struct span line;
		struct wire *wire = wire_take(directory->pool, deadline, &error);
		if (wire == NULL)
			return false;
		is_again = !wire->is_new;
		if (tab_call_send(wire, question, &error) < 0 ||
		    tab_call_read(wire, &line, &error) < 0) {
			is_again = is_again && error.code != ERROR_TIMEOUT;
			wire_drop(&wire);
			continue;
		}
		bool is_whole = tabline_parse(arena_copy(arena, line), arena,
			answer) && answer->count >= 2 &&
			span_equals(answer->field[1], SPAN("1"));
		if (is_whole)
			wire_give(&wire);
		else
			wire_drop(&wire);
		return is_whole;
	}
	counter_add(COUNTER_CALLS_LATER, 1);
	return false;
}

static enum directory_verdict
find(struct directory *directory, struct turn *turn, struct span question,
	enum directory_verdict (*read)(const struct tabline *fields))
{
	struct arena arena;
	struct tabline answer;
	struct span value;
	uint64_t generation = counter_generations()->accounts;
	enum directory_verdict verdict = recall(directory, question, generation);
	if (verdict != DIRECTORY_LATER)
		return verdict;
	switch (turnstile_enter(&directory->turnstile, turn,
	    clock_monotonic())) {
	case TURNSTILE_WAIT:
		return DIRECTORY_WAIT_TURN;
	case TURNSTILE_LATER:
		counter_add(COUNTER_CALLS_LATER, 1);
		return DIRECTORY_LATER;
	case TURNSTILE_ENTERED:
		break;
	}
	arena_init(&arena, 0);
	bool is_brief = true;
	if (ask(directory, question, &arena, &answer)) {
		verdict = read(&answer);
		is_brief = tabline_get(&answer, 2, "brief", &value);
	}
	arena_fini(&arena);
	turnstile_leave(&directory->turnstile, clock_monotonic());
	if (!is_brief)
		remember(directory, question, generation, verdict);
	return verdict;
}

/* A wire carries one question at a time, so all have the same id. */

enum directory_verdict
directory_ask_recipient(struct directory *directory, struct turn *turn,
	struct span address)
{
	struct buffer question;
	buffer_init(&question, 0);
	buffer_add(&question, SPAN("RCPT\t1"));
	tabline_add(&question, address);
	tabline_end(&question);
	enum directory_verdict verdict = find(directory, turn,
		buffer_span(&question), read_recipient);
	buffer_fini(&question);
	return verdict;
}

enum directory_verdict
directory_ask_sender(struct directory *directory, struct turn *turn,
	uint64_t account, struct span address)
{
	struct buffer question;
	buffer_init(&question, 0);
	buffer_print(&question, "SENDER\t1\t%llx", (unsigned long long)account);
	tabline_add(&question, address);
	tabline_end(&question);
	enum directory_verdict verdict = find(directory, turn,
		buffer_span(&question), read_sender);
	buffer_fini(&question);
	return verdict;
}
