/* Counters, in-hand notes and generations in shared memory; see counter.h. */
#include "serve/counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct counter_page own_page;
static struct counter_generations own_generations;
static struct counter_page *page = &own_page;
static struct counter_generations *generations = &own_generations;
static pthread_mutex_t in_hand_lock = PTHREAD_MUTEX_INITIALIZER;	/* of notes */

_Static_assert(sizeof(struct counter_page) <= COUNTER_PAGE_SIZE,
	"the counters must fit into their page");
_Static_assert(sizeof(struct counter_numbers) ==
	offsetof(struct counter_page, in_hand), "a copy is of the same layout");

static const bool is_gauge[COUNTER_COUNT] = {
#define COUNTER false
#define GAUGE true
#define COUNTER_KIND(id, name, kind, text) [COUNTER_##id] = kind,
	COUNTER_LIST(COUNTER_KIND)
#undef COUNTER_KIND
#undef COUNTER
#undef GAUGE
};

static void *
map_page(int fd, bool may_write)
{
	void *at = mmap(NULL, COUNTER_PAGE_SIZE,
		may_write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("what", "mapping the counters"));
		exit(1);
	}
	return at;
}

/*
 * What a predecessor of this process left: levels begin anew, counters go on,
 * and what it had in hand when it died is remembered with one death more.
 */
static void
take_over_page(void)
{
	if (page->version != COUNTER_PAGE_VERSION ||
	    page->count != COUNTER_COUNT) {
		memset(page, 0, offsetof(struct counter_page, log.bytes));
		page->version = COUNTER_PAGE_VERSION;
		page->count = COUNTER_COUNT;
	}
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		if (is_gauge[i])
			atomic_store(&page->value[i], 0);
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		if (histogram_rows[i].is_gauge)
			histogram_set(&page->histogram[i],
				&(struct histogram_numbers){ .sum = 0 });
	for (unsigned i = 0; i < COUNTER_IN_HAND; i++)
		if (atomic_exchange(&page->in_hand[i].is_now, 0) != 0)
			atomic_fetch_add(&page->in_hand[i].deaths, 1);
}

void
counter_open(int page_fd, int generations_fd, bool may_write_generations)
{
	page = page_fd < 0 ? &own_page : map_page(page_fd, true);
	generations = generations_fd < 0 ? &own_generations :
		map_page(generations_fd, may_write_generations);
	take_over_page();
}

void
counter_add(enum counter counter, int64_t n)
{
	atomic_fetch_add_explicit(&page->value[counter], (uint64_t)n,
		memory_order_relaxed);
}

void
counter_set(enum counter counter, uint64_t value)
{
	atomic_store_explicit(&page->value[counter], value,
		memory_order_relaxed);
}

uint64_t
counter_get(enum counter counter)
{
	return atomic_load_explicit(&page->value[counter],
		memory_order_relaxed);
}

void
counter_observe(enum histogram histogram, int64_t microseconds)
{
	histogram_observe(&page->histogram[histogram], microseconds);
}

void
counter_set_histogram(enum histogram histogram,
	const struct histogram_numbers *numbers)
{
	histogram_set(&page->histogram[histogram], numbers);
}

bool
counter_read(int page_fd, struct counter_numbers *numbers)
{
	*numbers = (struct counter_numbers){ .version = 0 };
	ssize_t size = page_fd < 0 ? -1 :
		pread(page_fd, numbers, sizeof(*numbers), 0);
	bool is_known = size == (ssize_t)sizeof(*numbers) &&
		numbers->version == COUNTER_PAGE_VERSION;
	size_t known = !is_known ? 0 : numbers->count < COUNTER_COUNT ?
		numbers->count : COUNTER_COUNT;
	/* with other counters what follows them is elsewhere */
	if (!is_known || numbers->count != COUNTER_COUNT)
		memset((char *)numbers + offsetof(struct counter_numbers,
			value[known]), 0, sizeof(*numbers) -
			offsetof(struct counter_numbers, value[known]));
	return is_known;
}

struct counter_generations *
counter_generations(void)
{
	return generations;
}

struct log_room *
counter_log_room(void)
{
	return &page->log;
}

static bool
is_note_of(unsigned slot, uint64_t account, uint64_t message)
{
	return atomic_load(&page->in_hand[slot].deaths) > 0 &&
		atomic_load(&page->in_hand[slot].account) == account &&
		atomic_load(&page->in_hand[slot].message) == message;
}

/* Takes a slot that is not in use now: the one with this note, a free one, or
 * the one whose note matters least. */
static unsigned
take_slot(uint64_t account, uint64_t message)
{
	unsigned best = COUNTER_IN_HAND;
	for (unsigned i = 0; i < COUNTER_IN_HAND; i++) {
		if (atomic_load(&page->in_hand[i].is_now) != 0)
			continue;
		if (is_note_of(i, account, message))
			return i;
		if (best == COUNTER_IN_HAND ||
		    atomic_load(&page->in_hand[i].deaths) <
		    atomic_load(&page->in_hand[best].deaths))
			best = i;
	}
	return best;
}

unsigned
counter_in_hand_set(uint64_t account, uint64_t message, unsigned *deaths)
{
	*deaths = 0;
	pthread_mutex_lock(&in_hand_lock);
	unsigned slot = take_slot(account, message);
	if (slot < COUNTER_IN_HAND) {
		if (is_note_of(slot, account, message))
			*deaths = atomic_load(&page->in_hand[slot].deaths);
		else
			atomic_store(&page->in_hand[slot].deaths, 0);
		atomic_store(&page->in_hand[slot].account, account);
		atomic_store(&page->in_hand[slot].message, message);
		atomic_store(&page->in_hand[slot].is_now, 1);
	}
	pthread_mutex_unlock(&in_hand_lock);
	return slot;
}

void
counter_in_hand_clear(unsigned slot)
{
	if (slot >= COUNTER_IN_HAND)
		return;		/* all were taken: it was not noted */
	pthread_mutex_lock(&in_hand_lock);
	atomic_store(&page->in_hand[slot].is_now, 0);
	/* this time it was survived; what killed twice stays known */
	if (atomic_load(&page->in_hand[slot].deaths) < 2)
		atomic_store(&page->in_hand[slot].deaths, 0);
	pthread_mutex_unlock(&in_hand_lock);
}
