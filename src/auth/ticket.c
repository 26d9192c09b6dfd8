/*
 * The table of tickets. Runs in auth. All live equally long, so a queue in the
 * order of issue is the order of their ends.
 */
#include "auth/ticket.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/random.h"
#include "proto/account_id.h"

struct entry {
	struct entry *next;		/* issued after it */
	uint8_t number[TICKET_SIZE];
	int64_t until;
	bool is_redeemed;
	struct ticket ticket;
};

struct tickets {
	pthread_mutex_t lock;		/* of all below */
	struct map by_number;		/* those not redeemed */
	struct entry *first, *last;
	size_t count;			/* in the queue */
};

struct tickets *
tickets_new(void)
{
	struct tickets *new = memory_new(sizeof(*new));
	pthread_mutex_init(&new->lock, NULL);
	map_init(&new->by_number);
	return new;
}

static void
drop_first(struct tickets *tickets)
{
	struct entry *old = tickets->first;
	if (!old->is_redeemed)
		map_take(&tickets->by_number,
			span_of(old->number, TICKET_SIZE));
	tickets->first = old->next;
	if (tickets->first == NULL)
		tickets->last = NULL;
	tickets->count--;
	memory_free(old);
}

void
tickets_free(struct tickets **tickets)
{
	if (*tickets == NULL)
		return;
	while ((*tickets)->first != NULL)
		drop_first(*tickets);
	map_fini(&(*tickets)->by_number);
	pthread_mutex_destroy(&(*tickets)->lock);
	memory_free(*tickets);
	*tickets = NULL;
}

/* At the end of the queue; with the lock. */
static void
append(struct tickets *tickets, struct entry *new)
{
	struct entry *same = map_put(&tickets->by_number,
		span_of(new->number, TICKET_SIZE), new);
	assert(same == NULL);	/* 128 random bits */
	if (tickets->last != NULL)
		tickets->last->next = new;
	else
		tickets->first = new;
	tickets->last = new;
	tickets->count++;
}

bool
ticket_issue(struct tickets *tickets, const struct ticket *ticket,
	int64_t now, uint8_t number[TICKET_SIZE])
{
	pthread_mutex_lock(&tickets->lock);
	while (tickets->first != NULL && (tickets->first->until <= now ||
		tickets->first->is_redeemed))
		drop_first(tickets);
	bool has_room = tickets->count < TICKET_LIMIT;
	if (has_room) {
		struct entry *new = memory_new(sizeof(*new));
		random_bytes(new->number, TICKET_SIZE);
		memcpy(number, new->number, TICKET_SIZE);
		new->until = now + TICKET_LIFE;
		new->ticket = *ticket;
		append(tickets, new);
	}
	pthread_mutex_unlock(&tickets->lock);
	return has_room;
}

bool
ticket_is_owner(uint64_t account, unsigned instance, unsigned processes)
{
	return processes == 0 ? account_id_is_system(account) &&
		account_id_uid(account) == instance :
		!account_id_is_system(account) &&
		account % processes == instance;
}

enum ticket_verdict
ticket_redeem(struct tickets *tickets, const uint8_t number[TICKET_SIZE],
	unsigned instance, unsigned processes, int64_t now,
	struct ticket *ticket)
{
	enum ticket_verdict verdict = TICKET_UNKNOWN;
	struct span key = span_of(number, TICKET_SIZE);
	pthread_mutex_lock(&tickets->lock);
	struct entry *entry = map_get(&tickets->by_number, key);
	if (entry == NULL || entry->until <= now) {
		verdict = TICKET_UNKNOWN;
	} else if (!ticket_is_owner(entry->ticket.account, instance, processes)) {
		verdict = TICKET_FOREIGN;
	} else {
		verdict = TICKET_OK;
		*ticket = entry->ticket;
		entry->is_redeemed = true;
		map_take(&tickets->by_number, key);
	}
	pthread_mutex_unlock(&tickets->lock);
	return verdict;
}

bool
ticket_take(struct tickets *tickets, struct ticket_left *left)
{
	bool is_found = false;
	pthread_mutex_lock(&tickets->lock);
	while (tickets->first != NULL && !is_found) {
		const struct entry *entry = tickets->first;
		is_found = !entry->is_redeemed;
		*left = (struct ticket_left){ .version = TICKET_LEFT_VERSION,
			.size = sizeof(*left), .until = entry->until,
			.ticket = entry->ticket };
		memcpy(left->number, entry->number, TICKET_SIZE);
		drop_first(tickets);
	}
	pthread_mutex_unlock(&tickets->lock);
	return is_found;
}

bool
ticket_put(struct tickets *tickets, struct span bytes)
{
	struct ticket_left left;
	if (bytes.size != sizeof(left))
		return false;
	memcpy(&left, bytes.data, sizeof(left));
	if (left.version != TICKET_LEFT_VERSION || left.size != sizeof(left))
		return false;
	struct entry *new = memory_new(sizeof(*new));
	memcpy(new->number, left.number, TICKET_SIZE);
	new->until = left.until;
	new->ticket = left.ticket;
	pthread_mutex_lock(&tickets->lock);
	append(tickets, new);
	pthread_mutex_unlock(&tickets->lock);
	return true;
}
