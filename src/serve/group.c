/* Who of an account runs and who waits; see group.h. */
#include "serve/group.h"

#include <assert.h>

void
group_table_init(struct group_table *table)
{
	pthread_mutex_init(&table->lock, NULL);
	table->count = 0;
}

void
group_table_fini(struct group_table *table)
{
	pthread_mutex_destroy(&table->lock);
}

/* With the lock held. There are at most as many groups as workers. */
static struct group *
find_group(struct group_table *table, uint64_t id)
{
	for (unsigned i = 0; i < table->count; i++)
		if (table->groups[i].id == id)
			return &table->groups[i];
	return NULL;
}

static struct group *
add_group(struct group_table *table, uint64_t id)
{
	assert(table->count < GROUP_LIMIT);
	struct group *group = &table->groups[table->count++];
	*group = (struct group){ .id = id };
	return group;
}

bool
group_enter(struct group_table *table, uint64_t id, struct slot *slot)
{
	bool may_run = true;
	if (id == 0)
		return true;
	pthread_mutex_lock(&table->lock);
	struct group *group = find_group(table, id);
	if (group == NULL)
		group = add_group(table, id);
	if (group->running < GROUP_RUN_LIMIT) {
		group->running++;
	} else {
		may_run = false;
		slot->next = NULL;
		if (group->first == NULL)
			group->first = slot;
		else
			group->last->next = slot;
		group->last = slot;
	}
	pthread_mutex_unlock(&table->lock);
	return may_run;
}

struct slot *
group_leave(struct group_table *table, uint64_t id)
{
	struct slot *next = NULL;
	if (id == 0)
		return NULL;
	pthread_mutex_lock(&table->lock);
	struct group *group = find_group(table, id);
	assert(group != NULL && group->running > 0);
	if (group->first != NULL) {
		next = group->first;
		group->first = next->next;
		next->next = NULL;
		next->is_entered = true;
	} else if (--group->running == 0) {
		*group = table->groups[--table->count];
	}
	pthread_mutex_unlock(&table->lock);
	return next;
}
