/* Two zones in canonical order, walked side by side; see history.h. */
#include "names/history.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "names/serials.h"

/* of .older: chains are shared by the versions of a zone */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct history *
hold(struct history *history)
{
	if (history != NULL)
		atomic_fetch_add(&history->references, 1);
	return history;
}

void
history_free(struct history **history)
{
	struct history *next = *history;
	*history = NULL;
	while (next != NULL &&
	    atomic_fetch_sub(&next->references, 1) == 1) {
		struct history *old = next;
		next = old->older;
		arena_fini(&old->arena);
		memory_free(old);
	}
}

/* ---- differences ---- */

static size_t
data_size(const uint8_t *record)
{
	return (size_t)record[0] << 8 | record[1];
}

static void
add(struct history *history, struct zone_text *text,
	const struct zone_node *node, const struct zone_set *set,
	const uint8_t *record)
{
	const struct zone_record made = { .owner = node->name,
		.owner_size = node->name_size, .type = set->type,
		.ttl = zone_record_ttl(node, set, record),
		.data = record + 2, .size = (uint16_t)data_size(record) };
	zone_text_add(text, &made);
	history->octets += node->name_size + 10u + made.size;
}

static void
add_set(struct history *history, struct zone_text *text,
	const struct zone_node *node, const struct zone_set *set)
{
	const uint8_t *record = set->data;
	for (unsigned i = 0; i < set->count; i++) {
		add(history, text, node, set, record);
		record += 2 + data_size(record);
	}
}

static void
add_node(struct history *history, struct zone_text *text,
	const struct zone_node *node)
{
	for (unsigned i = 0; i < node->set_count; i++)
		add_set(history, text, node, &node->sets[i]);
}

/* Two versions of one thing. */
struct pair {
	const struct zone_node *a, *b;
	const struct zone_set *x, *y;
};

/* Records of a set are in the order of their data. */
static void
compare_sets(struct history *history, const struct pair *pair)
{
	const uint8_t *x = pair->x->data, *y = pair->y->data;
	unsigned i = 0, j = 0;
	while (i < pair->x->count || j < pair->y->count) {
		int order = i == pair->x->count ? 1 :
			j == pair->y->count ? -1 :
			span_compare(span_of(x + 2, data_size(x)),
			span_of(y + 2, data_size(y)));
		bool is_same = order == 0 &&
			zone_record_ttl(pair->a, pair->x, x) ==
			zone_record_ttl(pair->b, pair->y, y);
		if (order <= 0) {
			if (!is_same)
				add(history, &history->removed, pair->a,
					pair->x, x);
			x += 2 + data_size(x);
			i++;
		}
		if (order >= 0) {
			if (!is_same)
				add(history, &history->added, pair->b,
					pair->y, y);
			y += 2 + data_size(y);
			j++;
		}
	}
}

static void
compare_nodes(struct history *history, const struct zone_node *a,
	const struct zone_node *b)
{
	unsigned i = 0, j = 0;
	while (i < a->set_count || j < b->set_count) {
		int order = i == a->set_count ? 1 : j == b->set_count ? -1 :
			a->sets[i].type - b->sets[j].type;
		if (order < 0) {
			add_set(history, &history->removed, a, &a->sets[i++]);
		} else if (order > 0) {
			add_set(history, &history->added, b, &b->sets[j++]);
		} else {
			const struct pair pair = { a, b, &a->sets[i++],
				&b->sets[j++] };
			/* those stand at the beginning already */
			if (pair.x->type != DNS_TYPE_SOA)
				compare_sets(history, &pair);
		}
	}
}

static void
compare_zones(struct history *history, const struct zone *old,
	const struct zone *new)
{
	size_t i = 0, j = 0;
	while (i < old->node_count || j < new->node_count) {
		const struct zone_node *a = i == old->node_count ? NULL :
			old->nodes[i];
		const struct zone_node *b = j == new->node_count ? NULL :
			new->nodes[j];
		int order = a == NULL ? 1 : b == NULL ? -1 :
			zone_compare_names(a->name, b->name);
		if (order < 0)
			add_node(history, &history->removed, a);
		else if (order > 0)
			add_node(history, &history->added, b);
		else
			compare_nodes(history, a, b);
		i += order <= 0;
		j += order >= 0;
	}
}

static size_t
octets_of(const struct zone *zone)
{
	size_t octets = 0;
	for (size_t i = 0; i < zone->node_count; i++)
		for (unsigned j = 0; j < zone->nodes[i]->set_count; j++) {
			const struct zone_set *set = &zone->nodes[i]->sets[j];
			octets += set->size + set->count *
				(zone->nodes[i]->name_size + 8u);
		}
	return octets;
}

/* ---- chains ---- */

static struct history *
make(const struct zone *old, const struct zone *new)
{
	struct history *history = memory_new(sizeof(*history));
	atomic_init(&history->references, 1);
	arena_init(&history->arena, 0);
	history->from = old->serial;
	history->removed.arena = history->added.arena = &history->arena;
	history->zone_octets = octets_of(new);
	add_set(history, &history->removed, old->apex, old->soa);
	add_set(history, &history->added, new->apex, new->soa);
	compare_zones(history, old, new);
	if (history->octets > history->zone_octets / 2)
		history_free(&history);
	return history;
}

/* Joins the chain of the older version, of which the end is cut. */
static void
join(struct history *history, const struct zone *old)
{
	struct history *cut = NULL;
	unsigned count = 1;
	pthread_mutex_lock(&lock);
	history->older = hold(old->history);
	for (struct history *at = history; at != NULL; at = at->older)
		if (count++ == HISTORY_VERSIONS) {
			cut = at->older;
			at->older = NULL;
		}
	pthread_mutex_unlock(&lock);
	history_free(&cut);
}

static void
note(void *context, const struct zone *zone)
{
	const struct zone *before = zones_get(context, &zone->origin);
	if (before == NULL || before == zone || !before->is_usable ||
	    !zone->is_usable || zone->history != NULL ||
	    !serials_is_newer(zone->serial, before->serial))
		return;
	struct history *history = make(before, zone);
	if (history == NULL)
		return;
	join(history, before);
	/* nobody has seen this version yet */
	((struct zone *)(uintptr_t)zone)->history = history;
}

void
history_note(const struct zones *old, const struct zones *new)
{
	zones_walk(new, note, (void *)(uintptr_t)old);
}

unsigned
history_find(const struct zone *zone, uint32_t serial,
	struct history *steps[HISTORY_VERSIONS])
{
	struct history *found[HISTORY_VERSIONS];
	unsigned count = 0;
	size_t octets = 0;
	bool is_found = false;
	pthread_mutex_lock(&lock);
	for (struct history *at = zone->history; at != NULL && !is_found &&
	    count < HISTORY_VERSIONS; at = at->older) {
		found[count++] = at;
		octets += at->octets;
		is_found = at->from == serial;
	}
	is_found = is_found && octets < zone->history->zone_octets;
	for (unsigned i = 0; is_found && i < count; i++)
		steps[i] = hold(found[count - 1 - i]);
	pthread_mutex_unlock(&lock);
	return is_found ? count : 0;
}
