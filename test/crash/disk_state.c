/*
 * As what a disk can be found after the power went: see disk.h.
 */
#include "disk_inner.h"

#include <string.h>

#include "base/memory.h"

/* Picks one of `count`; the source of all choices about a survivor. */
struct chooser {
	uint64_t state;		/* by number: digits of mixed base */
	uint64_t *seed;		/* or drawn */
	unsigned bias;		/* of 8: how often the newest is drawn */
	uint64_t product;	/* or only counted */
	bool counts;
};

static unsigned
choose(struct chooser *chooser, unsigned count)
{
	unsigned choice;
	if (count < 2)
		return 0;
	if (chooser->counts) {
		if (__builtin_mul_overflow(chooser->product, count,
				&chooser->product))
			chooser->product = UINT64_MAX;
		return 0;
	}
	if (chooser->seed != NULL) {
		uint64_t drawn = disk_random(chooser->seed);
		return drawn % 8 < chooser->bias ? count - 1 :
			(unsigned)(drawn / 8 % count);
	}
	choice = (unsigned)(chooser->state % count);
	chooser->state /= count;
	return choice;
}

/* Names whose loss means nothing are not worth a choice. */
static bool
is_plain(const struct disk *disk, const struct change *change)
{
	return strcmp(change->text, "lock") == 0 ||
		strcmp(change->text, "reserve") == 0 ||
		strcmp(change->text, "running") == 0 ||
		change->directory == disk_names_find(disk->node[1].seen,
			disk->node[1].seen_count, "running");
}

static void
survive_names(const struct disk *old, struct disk *new,
	struct chooser *chooser)
{
	for (int i = 1; i < old->nodes; i++) {
		const struct node *from = &old->node[i];
		for (size_t k = 0; k < from->sure_count; k++)
			disk_names_set(&new->node[i].sure, &new->node[i].sure_count,
				from->sure[k].text, from->sure[k].node);
	}
	for (size_t i = 0; i < old->changes; i++)
		if (is_plain(old, &old->change[i]) || choose(chooser, 2) == 1)
			disk_apply_change(new, &old->change[i]);
	for (int i = 1; i < new->nodes; i++) {
		struct node *node = &new->node[i];
		for (size_t k = 0; k < node->sure_count; k++)
			disk_names_set(&node->seen, &node->seen_count,
				node->sure[k].text, node->sure[k].node);
	}
}

static void
survive_file(const struct node *old, struct node *new, struct chooser *chooser)
{
	new->size[0] = old->size[choose(chooser, old->sizes)];
	disk_keep_room(new, new->size[0]);
	uint64_t shared = old->room < new->room ? old->room : new->room;
	if (shared > 0)
		memcpy(new->certain, old->certain, shared);
	for (size_t i = 0; i < old->sectors; i++) {
		const struct sector *sector = &old->sector[i];
		unsigned choice = choose(chooser, sector->count + 1);
		if (choice > 0 && (sector->index + 1) * SECTOR <= new->room)
			memcpy(new->certain + sector->index * SECTOR,
				sector->version[choice - 1], SECTOR);
	}
	if (new->size[0] < new->room)
		memset(new->certain + new->size[0], 0,
			new->room - new->size[0]);
}

static struct disk *
survive(const struct disk *old, struct chooser *chooser)
{
	struct disk *new = disk_make(old->skip);
	memcpy(new->cache, old->cache, sizeof(new->cache));
	for (int i = 0; i < old->nodes; i++)
		disk_node_new(new, old->node[i].is_directory);
	survive_names(old, new, chooser);
	for (int i = 1; i < old->nodes; i++)
		if (!old->node[i].is_directory)
			survive_file(&old->node[i], &new->node[i], chooser);
	return new;
}

uint64_t
disk_states(const struct disk *disk)
{
	struct chooser chooser = { .counts = true, .product = 1 };
	struct disk *ignored = survive(disk, &chooser);
	disk_free(&ignored);
	return chooser.product;
}

struct disk *
disk_survivor(const struct disk *disk, uint64_t state)
{
	struct chooser chooser = { .state = state };
	return survive(disk, &chooser);
}

struct disk *
disk_survivor_random(const struct disk *disk, uint64_t *seed)
{
	struct chooser chooser = { .seed = seed,
		.bias = (unsigned)(disk_random(seed) % 9) };
	return survive(disk, &chooser);
}
