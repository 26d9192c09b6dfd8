/*
 * Next hops, their concurrency and their turns. See destination.h.
 */
#include "queue/destination.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "queue/schedule.h"

enum {
	FIRST_SLOTS = 64,
	REMEMBERED = 10000,	/* known ones are kept without a row, up to this */
};

void
destinations_init(struct destinations *all)
{
	*all = (struct destinations){ .rules = { .initial = 5, .limit = 20,
		.calls = 20, .local = 8, .programs = 40, .owned = 4, .recipients = 50, .minimal = 300000,
		.maximal = 4000000 }, .next_opening = INT64_MAX };
}

void
destinations_fini(struct destinations *all)
{
	for (size_t i = 0; i < all->slot_count; i++)
		for (struct destination *at = all->slot[i]; at != NULL;) {
			struct destination *next = at->chain;
			memory_free(at);
			at = next;
		}
	memory_free(all->slot);
	*all = (struct destinations){ .slot = NULL };
}

/* ---- the table ---- */

static bool
is_key(const struct destination *destination, struct span key)
{
	return span_equals(span_from(destination->key), key);
}

static size_t
slot_of(const struct destinations *all, struct span key)
{
	return hash_secret(key) & (all->slot_count - 1);
}

static void
grow(struct destinations *all)
{
	struct destinations old = *all;
	if (all->count < all->slot_count)
		return;
	all->slot_count = old.slot_count == 0 ? FIRST_SLOTS :
		old.slot_count * 2;
	all->slot = memory_new_array(all->slot_count, sizeof(*all->slot));
	for (size_t i = 0; i < old.slot_count; i++)
		for (struct destination *at = old.slot[i]; at != NULL;) {
			struct destination *next = at->chain;
			size_t slot = slot_of(all, span_from(at->key));
			at->chain = all->slot[slot];
			all->slot[slot] = at;
			at = next;
		}
	memory_free(old.slot);
}

struct destination *
destination_find(const struct destinations *all, enum destination_kind kind,
	struct span key)
{
	if (all->slot_count == 0)
		return NULL;
	struct destination *at = all->slot[slot_of(all, key)];
	while (at != NULL && (at->kind != kind || !is_key(at, key)))
		at = at->chain;
	return at;
}

struct destination *
destination_get(struct destinations *all, enum destination_kind kind,
	struct span key)
{
	struct destination *found = destination_find(all, kind, key);
	if (found != NULL)
		return found;
	grow(all);
	struct destination *new = memory_new(sizeof(*new) + key.size + 1);
	size_t slot = slot_of(all, key);
	new->kind = (uint8_t)kind;
	new->ring = RING_NONE;
	new->window = (float)all->rules.initial;
	if (key.size > 0)
		memcpy(new->key, key.data, key.size);
	new->chain = all->slot[slot];
	all->slot[slot] = new;
	all->count++;
	return new;
}

void
destination_drop(struct destinations *all, struct destination *destination)
{
	assert(destination->rows > 0);
	if (--destination->rows > 0)
		return;
	if (all->count <= REMEMBERED && (destination->closings > 0 ||
	    destination->is_proven))
		return;
	struct destination **at = &all->slot[slot_of(all,
		span_from(destination->key))];
	while (*at != destination)
		at = &(*at)->chain;
	*at = destination->chain;
	all->count--;
	memory_free(destination);
}

/* ---- rings and lines ---- */

static void
ring_add(struct destinations *all, struct destination *new)
{
	struct destination **ring = &all->ring[new->ring];
	if (*ring == NULL) {
		*ring = new->next = new->previous = new;
		return;
	}
	/* The last in turn: before whose turn it is. */
	new->next = *ring;
	new->previous = (*ring)->previous;
	new->previous->next = new->next->previous = new;
}

static void
ring_remove(struct destinations *all, struct destination *old)
{
	struct destination **ring = &all->ring[old->ring];
	if (*ring == old)
		*ring = old->next == old ? NULL : old->next;
	old->next->previous = old->previous;
	old->previous->next = old->next;
	old->next = old->previous = NULL;
}

static enum destination_ring
ring_of(const struct destination *destination)
{
	if (destination->length == 0)
		return RING_NONE;
	if (destination->kind != DESTINATION_RELAY)
		return destination->kind == DESTINATION_LOCAL ? RING_LOCAL :
			destination->kind == DESTINATION_PIPE ? RING_PIPE :
			RING_REPORT;
	if (destination->closed_until != 0)
		return RING_CLOSED;
	return destination->is_proven ? RING_PROVEN : RING_UNPROVEN;
}

/* After anything of it has changed that ring_of looks at. */
static void
find_ring(struct destinations *all, struct destination *destination)
{
	enum destination_ring ring = ring_of(destination);
	if (destination->ring == ring)
		return;
	if (destination->ring != RING_NONE)
		ring_remove(all, destination);
	destination->ring = (uint8_t)ring;
	if (ring != RING_NONE)
		ring_add(all, destination);
	if (ring == RING_CLOSED &&
	    destination->closed_until < all->next_opening)
		all->next_opening = destination->closed_until;
}

void
destination_line_up(struct destinations *all, struct destination *destination,
	struct queued *row)
{
	row->next = NULL;
	row->previous = destination->last;
	if (destination->last != NULL)
		destination->last->next = row;
	else
		destination->first = row;
	destination->last = row;
	destination->length++;
	find_ring(all, destination);
}

void
destination_leave(struct destinations *all, struct destination *destination,
	struct queued *row)
{
	if (row->previous != NULL)
		row->previous->next = row->next;
	else
		destination->first = row->next;
	if (row->next != NULL)
		row->next->previous = row->previous;
	else
		destination->last = row->previous;
	row->next = row->previous = NULL;
	destination->length--;
	find_ring(all, destination);
}

/* ---- concurrency ---- */

static bool
is_relay_free(const struct destinations *all,
	const struct destination *destination)
{
	unsigned calls = all->rules.calls;
	if (all->running[DESTINATION_RELAY] >= calls)
		return false;
	if (destination->is_proven)
		return true;
	if (all->unproven >= calls - calls / 4)
		return false;
	return all->unproven < calls / 4 || destination->running == 0;
}

bool
destination_may_start(const struct destinations *all,
	const struct destination *destination, int64_t now)
{
	switch (destination->kind) {
	case DESTINATION_LOCAL:
		return destination->running < all->rules.local;
	case DESTINATION_REPORT:
		return destination->running == 0;
	case DESTINATION_PIPE:
		return destination->running < all->rules.owned &&
			all->running[DESTINATION_PIPE] < all->rules.programs;
	default:
		break;
	}
	if (destination->closed_until > now)
		return false;
	if (all->paused_until > now)
		return false;
	/* One probe at a time finds out whether somebody is there again. */
	if (destination->closings > 0 && destination->running > 0)
		return false;
	/* What a crash repeats: as many as may run, and as many again. */
	if ((float)(destination->running + destination->unwritten) >=
	    2 * destination->window)
		return false;
	return (float)destination->running < destination->window &&
		is_relay_free(all, destination);
}

void
destination_start(struct destinations *all, struct destination *destination)
{
	assert(destination->running < UINT16_MAX);
	destination->running++;
	all->running[destination->kind]++;
	if (destination->kind == DESTINATION_RELAY && !destination->is_proven)
		all->unproven++;
}

static void
set_proven(struct destinations *all, struct destination *destination,
	bool is_proven)
{
	if (destination->kind != DESTINATION_RELAY ||
	    destination->is_proven == is_proven)
		return;
	destination->is_proven = is_proven;
	if (is_proven)
		all->unproven -= destination->running;
	else
		all->unproven += destination->running;
	find_ring(all, destination);
}

static void
grow_window(const struct destination_rules *rules,
	struct destination *destination)
{
	/* A whole round of successes is worth one more. */
	destination->window += 1 / destination->window;
	if (destination->window > (float)rules->limit)
		destination->window = (float)rules->limit;
}

static void
shrink_window(struct destination *destination)
{
	destination->window -= 1;
	if (destination->window < 1)
		destination->window = 1;
}

static void
close_for_now(struct destinations *all, struct destination *destination,
	int64_t now)
{
	const struct destination_rules *rules = &all->rules;
	if (destination->closed_until > now)
		return;		/* others of the same round */
	if (destination->closings < UINT16_MAX)
		destination->closings++;
	destination->closed_until = now + schedule_back_off(
		destination->closings, rules->minimal, rules->maximal);
	set_proven(all, destination, false);
	find_ring(all, destination);
}

void
destination_end(struct destinations *all, struct destination *destination,
	enum destination_outcome outcome, int64_t now)
{
	unsigned round = destination->running;	/* this one is among them */
	assert(round > 0);
	destination->running--;
	all->running[destination->kind]--;
	if (destination->kind != DESTINATION_RELAY)
		return;
	if (!destination->is_proven)
		all->unproven--;
	switch (outcome) {
	case DESTINATION_GOOD:
	case DESTINATION_SLOW:
		destination->failures = destination->closings = 0;
		destination->closed_until = 0;
		set_proven(all, destination, outcome == DESTINATION_GOOD);
		find_ring(all, destination);
		grow_window(&all->rules, destination);
		break;
	case DESTINATION_BUSY:
		shrink_window(destination);
		break;
	case DESTINATION_DEAD:
		shrink_window(destination);
		if (destination->failures < UINT16_MAX)
			destination->failures++;
		/* One refused connection among many that work is no death. */
		if (!destination->is_proven || destination->failures >= round)
			close_for_now(all, destination, now);
		break;
	case DESTINATION_UNKNOWN:
		break;
	}
}

/* ---- turns ---- */

void
destination_open(struct destinations *all, struct destination *destination)
{
	destination->closed_until = 0;
	find_ring(all, destination);
}

/* Those whose time has come may be probed. */
static void
open_due(struct destinations *all, int64_t now)
{
	struct destination *at = all->ring[RING_CLOSED], *last;
	if (all->next_opening > now)
		return;
	all->next_opening = INT64_MAX;
	if (at == NULL)
		return;
	last = at->previous;
	for (bool is_last = false; !is_last;) {
		struct destination *next = at->next;
		is_last = at == last;
		if (at->closed_until <= now)
			destination_open(all, at);
		else if (at->closed_until < all->next_opening)
			all->next_opening = at->closed_until;
		at = next;
	}
}

/* Whether it is worth looking at the ring. */
static bool
has_room(const struct destinations *all, enum destination_ring ring,
	int64_t now)
{
	unsigned calls = all->rules.calls;
	if (all->ring[ring] == NULL)
		return false;
	if (ring != RING_PROVEN && ring != RING_UNPROVEN)
		return true;
	return all->paused_until <= now &&
		all->running[DESTINATION_RELAY] < calls && (ring == RING_PROVEN || all->unproven < calls - calls / 4);
}

static struct queued *
take_of(struct destinations *all, enum destination_ring ring, int64_t now)
{
	struct destination *first = all->ring[ring], *at = first;
	if (!has_room(all, ring, now))
		return NULL;
	while (!destination_may_start(all, at, now)) {
		at = at->next;
		if (at == first)
			return NULL;
	}
	struct queued *row = at->first;
	all->ring[ring] = at->next;
	destination_leave(all, at, row);
	destination_start(all, at);
	return row;
}

struct queued *
destination_next(struct destinations *all, int64_t now)
{
	struct queued *row = NULL;
	open_due(all, now);
	if (all->paused_until <= now)
		all->paused_until = 0;
	for (unsigned i = 0; i < RING_CLOSED && row == NULL; i++) {
		row = take_of(all, all->turn, now);
		all->turn = (all->turn + 1) % RING_CLOSED;
	}
	return row;
}

void
destination_pause(struct destinations *all, int64_t until)
{
	all->paused_until = until;
}

int64_t
destination_next_opening(const struct destinations *all)
{
	bool waits = all->paused_until != 0 && (all->ring[RING_PROVEN] != NULL ||
		all->ring[RING_UNPROVEN] != NULL);
	return waits && all->paused_until < all->next_opening ?
		all->paused_until : all->next_opening;
}
