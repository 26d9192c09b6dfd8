/*
 * The rows of the spool in memory, and the heap of those that wait.
 */
#include "queue/schedule.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

enum { FIRST_SLOTS = 256 };

void
schedule_init(struct schedule *schedule)
{
	*schedule = (struct schedule){ .count = 0 };
	destinations_init(&schedule->destinations);
}

void
schedule_fini(struct schedule *schedule)
{
	for (size_t i = 0; i < schedule->slot_count; i++)
		for (struct queued *row = schedule->slot[i]; row != NULL;) {
			struct queued *next = row->chain;
			memory_free(row);
			row = next;
		}
	memory_free(schedule->slot);
	memory_free(schedule->heap);
	destinations_fini(&schedule->destinations);
	*schedule = (struct schedule){ .slot = NULL };
}

/* ---- by id ---- */

static struct queued **
chain_of(const struct schedule *schedule, struct span id)
{
	return &schedule->slot[hash_secret(id) & (schedule->slot_count - 1)];
}

static void
grow(struct schedule *schedule)
{
	struct schedule old = *schedule;
	if (schedule->length < schedule->slot_count)
		return;
	schedule->slot_count = old.slot_count == 0 ? FIRST_SLOTS :
		old.slot_count * 2;
	schedule->slot = memory_new_array(schedule->slot_count,
		sizeof(*schedule->slot));
	for (size_t i = 0; i < old.slot_count; i++)
		for (struct queued *row = old.slot[i]; row != NULL;) {
			struct queued *next = row->chain;
			struct queued **chain = chain_of(schedule,
				span_from(row->id));
			row->chain = *chain;
			*chain = row;
			row = next;
		}
	memory_free(old.slot);
}

struct queued *
schedule_find(const struct schedule *schedule, struct span id)
{
	if (schedule->slot_count == 0)
		return NULL;
	struct queued *row = *chain_of(schedule, id);
	while (row != NULL && !span_equals(span_from(row->id), id))
		row = row->chain;
	return row;
}

struct queued *
schedule_add(struct schedule *schedule, struct span id, uint32_t uid)
{
	if (schedule_find(schedule, id) != NULL)
		return NULL;
	grow(schedule);
	struct queued *row = memory_new(offsetof(struct queued, id) +
		id.size + 1);
	struct queued **chain = chain_of(schedule, id);
	memcpy(row->id, id.data, id.size);
	row->uid = uid;
	row->due = SCHEDULE_NEVER;
	row->chain = *chain;
	*chain = row;
	schedule->length++;
	return row;
}

struct queued *
schedule_walk(const struct schedule *schedule, size_t *cursor,
	struct queued *last)
{
	struct queued *row = last == NULL ? NULL : last->chain;
	while (row == NULL && *cursor < schedule->slot_count)
		row = schedule->slot[(*cursor)++];
	return row;
}

bool
schedule_count_ages(const struct schedule *schedule, size_t *slot,
	size_t slots, int64_t wall, struct histogram_numbers *ages)
{
	for (; slots > 0 && *slot < schedule->slot_count; slots--, ++*slot)
		for (const struct queued *row = schedule->slot[*slot];
		    row != NULL; row = row->chain)
			histogram_put(ages, (wall - row->arrival) * 1000000);
	return *slot < schedule->slot_count;
}

/* ---- the heap ---- */

static void
place(struct schedule *schedule, uint32_t at, struct queued *row)
{
	schedule->heap[at] = row;
	row->place = at;
}

static void
rise(struct schedule *schedule, uint32_t at)
{
	struct queued *row = schedule->heap[at];
	while (at > 0 && schedule->heap[(at - 1) / 2]->due > row->due) {
		place(schedule, at, schedule->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(schedule, at, row);
}

static void
sink(struct schedule *schedule, uint32_t at)
{
	struct queued *row = schedule->heap[at];
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= schedule->count)
			break;
		if (child + 1 < schedule->count &&
			schedule->heap[child + 1]->due <
			schedule->heap[child]->due)
			child++;
		if (schedule->heap[child]->due >= row->due)
			break;
		place(schedule, at, schedule->heap[child]);
		at = child;
	}
	place(schedule, at, row);
}

static void
heap_remove(struct schedule *schedule, struct queued *row)
{
	uint32_t at = row->place;
	assert(at < schedule->count && schedule->heap[at] == row);
	struct queued *last = schedule->heap[--schedule->count];
	if (last == row)
		return;
	place(schedule, at, last);
	rise(schedule, at);
	sink(schedule, last->place);
}

static void
heap_add(struct schedule *schedule, struct queued *row)
{
	if (schedule->count == schedule->room) {
		schedule->room = schedule->room * 2 + 64;
		schedule->heap = memory_resize(schedule->heap,
			schedule->room * sizeof(struct queued *));
	}
	place(schedule, schedule->count++, row);
	rise(schedule, row->place);
}

/* ---- where a row stands ---- */

/* Out of the heap or the line it is in. */
static void
lift(struct schedule *schedule, struct queued *row)
{
	if (row->state == QUEUED_TIMED)
		heap_remove(schedule, row);
	else if (row->state == QUEUED_IN_LINE)
		destination_leave(&schedule->destinations, row->destination,
			row);
	row->state = QUEUED_IDLE;
}

static void
set_destination(struct schedule *schedule, struct queued *row,
	struct destination *destination)
{
	struct destination *before = row->destination;
	if (before == destination)
		return;
	if (destination != NULL)
		destination->rows++;
	row->destination = destination;
	if (before != NULL)
		destination_drop(&schedule->destinations, before);
}

static void
line_up(struct schedule *schedule, struct queued *row)
{
	row->state = QUEUED_IN_LINE;
	destination_line_up(&schedule->destinations, row->destination, row);
}

void
schedule_set(struct schedule *schedule, struct queued *row,
	struct destination *destination, int64_t due, int64_t now)
{
	assert(!row->is_started);
	assert(destination != NULL || due == SCHEDULE_NEVER);
	lift(schedule, row);
	set_destination(schedule, row, destination);
	row->due = due;
	if (due == SCHEDULE_NEVER)
		return;
	if (due <= now) {
		line_up(schedule, row);
	} else {
		row->state = QUEUED_TIMED;
		heap_add(schedule, row);
	}
}

static void
line_up_due(struct schedule *schedule, int64_t now)
{
	while (schedule->count > 0 && schedule->heap[0]->due <= now) {
		struct queued *row = schedule->heap[0];
		lift(schedule, row);
		line_up(schedule, row);
	}
}

struct queued *
schedule_take(struct schedule *schedule, int64_t now)
{
	line_up_due(schedule, now);
	struct queued *row = destination_next(&schedule->destinations, now);
	if (row == NULL)
		return NULL;
	row->state = QUEUED_TAKEN;
	row->is_started = true;
	row->outcome = DESTINATION_UNKNOWN;
	return row;
}

bool
schedule_take_row(struct schedule *schedule, struct queued *row)
{
	if (row->state == QUEUED_TAKEN)
		return false;
	lift(schedule, row);
	row->state = QUEUED_TAKEN;
	return true;
}

void
schedule_assign(struct schedule *schedule, struct queued *row,
	struct destination *destination)
{
	assert(row->state == QUEUED_TAKEN && !row->is_started);
	set_destination(schedule, row, destination);
}

bool
schedule_start(struct schedule *schedule, struct queued *row, int64_t now)
{
	struct destination *destination = row->destination;
	assert(row->state == QUEUED_TAKEN && !row->is_started);
	if (destination == NULL || destination->length > 0 ||
	    !destination_may_start(&schedule->destinations, destination, now))
		return false;
	destination_start(&schedule->destinations, destination);
	row->is_started = true;
	row->outcome = DESTINATION_UNKNOWN;
	return true;
}

void
schedule_end(struct schedule *schedule, struct queued *row,
	enum destination_outcome outcome, int64_t now)
{
	if (!row->is_started)
		return;
	row->is_started = false;
	destination_end(&schedule->destinations, row->destination, outcome,
		now);
}

void
schedule_finish(struct schedule *schedule, struct queued *row, int64_t now)
{
	schedule_end(schedule, row, row->outcome, now);
	if (row->is_unwritten || row->destination == NULL)
		return;
	row->is_unwritten = true;
	row->destination->unwritten++;
}

static void
look_at_line(struct schedule *schedule, struct destination *closed,
	struct destination *to, int64_t now)
{
	for (struct queued *row = closed->first, *next; row != NULL;
		row = next) {
		next = row->next;
		if (row->look != 0 && row->look <= now / 1000)
			schedule_set(schedule, row, to, now, now);
	}
}

void
schedule_look(struct schedule *schedule, struct destination *to, int64_t now)
{
	const struct destinations *all = &schedule->destinations;
	struct destination *at = all->ring[RING_CLOSED];
	if (at == NULL)
		return;
	/* The last row that leaves takes its destination out of the ring. */
	struct destination *last = at->previous, *next;
	for (bool is_last = false; !is_last; at = next) {
		is_last = at == last;
		next = at->next;
		look_at_line(schedule, at, to, now);
	}
}

int64_t
schedule_next(const struct schedule *schedule)
{
	int64_t due = schedule->count == 0 ? SCHEDULE_NEVER :
		schedule->heap[0]->due;
	int64_t opening = destination_next_opening(&schedule->destinations);
	return opening < due ? opening : due;
}

void
schedule_remove(struct schedule *schedule, struct queued **row)
{
	struct queued *gone = *row;
	if (gone == NULL)
		return;
	assert(!gone->is_started);
	if (gone->is_unwritten)
		gone->destination->unwritten--;
	lift(schedule, gone);
	set_destination(schedule, gone, NULL);
	struct queued **at = chain_of(schedule, span_from(gone->id));
	while (*at != gone)
		at = &(*at)->chain;
	*at = gone->chain;
	schedule->length--;
	memory_free(gone);
	*row = NULL;
}

int64_t
schedule_back_off(unsigned attempts, int64_t minimal, int64_t maximal)
{
	int64_t wait = minimal;
	if (minimal >= maximal)
		return maximal;
	for (unsigned i = 1; i < attempts && wait < maximal; i++)
		wait = wait > maximal / 2 ? maximal : wait * 2;
	return wait < maximal ? wait : maximal;
}
