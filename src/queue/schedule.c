/*
 * The rows of the spool in memory, and the heap of those to be tried.
 */
#include "queue/schedule.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

void
schedule_init(struct schedule *schedule)
{
	*schedule = (struct schedule){ .count = 0 };
	map_init(&schedule->by_id);
}

static void
row_free(struct queued *row)
{
	memory_free(row->id);
	memory_free(row);
}

void
schedule_fini(struct schedule *schedule)
{
	size_t cursor = 0;
	struct span key;
	void *row;
	while (map_next(&schedule->by_id, &cursor, &key, &row))
		row_free(row);
	map_fini(&schedule->by_id);
	memory_free(schedule->heap);
	schedule->heap = NULL;
}

struct queued *
schedule_add(struct schedule *schedule, struct span id, uint32_t uid)
{
	if (map_get(&schedule->by_id, id) != NULL)
		return NULL;
	struct queued *row = memory_new(sizeof(*row));
	row->id = memory_new(id.size + 1);
	memcpy(row->id, id.data, id.size);
	row->uid = uid;
	row->due = SCHEDULE_NEVER;
	row->place = SIZE_MAX;
	map_put(&schedule->by_id, id, row);
	return row;
}

struct queued *
schedule_find(const struct schedule *schedule, struct span id)
{
	return map_get(&schedule->by_id, id);
}

/* ---- the heap ---- */

static void
place(struct schedule *schedule, size_t at, struct queued *row)
{
	schedule->heap[at] = row;
	row->place = at;
}

static void
rise(struct schedule *schedule, size_t at)
{
	struct queued *row = schedule->heap[at];
	while (at > 0 && schedule->heap[(at - 1) / 2]->due > row->due) {
		place(schedule, at, schedule->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(schedule, at, row);
}

static void
sink(struct schedule *schedule, size_t at)
{
	struct queued *row = schedule->heap[at];
	for (;;) {
		size_t child = 2 * at + 1;
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
	size_t at = row->place;
	if (at == SIZE_MAX)
		return;
	assert(at < schedule->count && schedule->heap[at] == row);
	row->place = SIZE_MAX;
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
	assert(row->place == SIZE_MAX);
	if (schedule->count == schedule->room) {
		schedule->room = schedule->room * 2 + 64;
		schedule->heap = memory_resize(schedule->heap,
			schedule->room * sizeof(struct queued *));
	}
	place(schedule, schedule->count++, row);
	rise(schedule, row->place);
}

void
schedule_set(struct schedule *schedule, struct queued *row, int64_t due)
{
	heap_remove(schedule, row);
	row->is_taken = false;
	row->due = due;
	if (due != SCHEDULE_NEVER)
		heap_add(schedule, row);
}

bool
schedule_take_row(struct schedule *schedule, struct queued *row)
{
	if (row->is_taken)
		return false;
	heap_remove(schedule, row);
	row->is_taken = true;
	return true;
}

struct queued *
schedule_take(struct schedule *schedule, int64_t now)
{
	if (schedule->count == 0 || schedule->heap[0]->due > now)
		return NULL;
	struct queued *row = schedule->heap[0];
	schedule_take_row(schedule, row);
	return row;
}

int64_t
schedule_next(const struct schedule *schedule)
{
	return schedule->count == 0 ? SCHEDULE_NEVER : schedule->heap[0]->due;
}

void
schedule_remove(struct schedule *schedule, struct queued **row)
{
	if (*row == NULL)
		return;
	heap_remove(schedule, *row);
	map_take(&schedule->by_id, span_from((*row)->id));
	row_free(*row);
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
