/* See seen.h. */
#include "pipe/seen.h"

#include "base/memory.h"

void
seen_init(struct seen *seen)
{
	*seen = (struct seen){ .cleaned = 0 };
	pthread_mutex_init(&seen->lock, NULL);
	map_init(&seen->entries);
}

static void
forget_all(struct seen *seen)
{
	size_t cursor = 0;
	struct span key;
	void *end;
	while (map_next(&seen->entries, &cursor, &key, &end))
		memory_free(end);
	map_fini(&seen->entries);
}

void
seen_fini(struct seen *seen)
{
	forget_all(seen);
	pthread_mutex_destroy(&seen->lock);
}

bool
seen_has(struct seen *seen, struct span key, int64_t now)
{
	pthread_mutex_lock(&seen->lock);
	const int64_t *end = map_get(&seen->entries, key);
	bool has = end != NULL && *end > now;
	pthread_mutex_unlock(&seen->lock);
	return has;
}

/* Those that are over go once in a while, all at once. */
static void
clean(struct seen *seen, int64_t now)
{
	struct map old = seen->entries;
	size_t cursor = 0;
	struct span key;
	void *end;
	map_init(&seen->entries);
	while (map_next(&old, &cursor, &key, &end))
		if (*(int64_t *)end <= now ||
			map_count(&seen->entries) >= SEEN_LIMIT / 2)
			memory_free(end);
		else
			memory_free(map_put(&seen->entries, key, end));
	map_fini(&old);
	seen->cleaned = now;
}

void
seen_put(struct seen *seen, struct span key, int64_t now)
{
	int64_t *end = memory_new(sizeof(*end));
	*end = now + SEEN_TIME;
	pthread_mutex_lock(&seen->lock);
	if (now - seen->cleaned > SEEN_TIME ||
		map_count(&seen->entries) >= SEEN_LIMIT)
		clean(seen, now);
	memory_free(map_put(&seen->entries, key, end));
	pthread_mutex_unlock(&seen->lock);
}
