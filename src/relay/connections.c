/* Kept connections; connections.h. */
#include "relay/connections.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/memory.h"

enum { LOOK = 500 };	/* ms between two looks for those that are too old */

/* Those of one key; the one used last comes first. */
struct kept {
	struct client *client;
	int64_t until;		/* monotonic ms */
	struct kept *next;
};

struct connections {
	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t changed;
	struct map lists;		/* key -> struct kept; none is empty */
	size_t count;
	uint64_t gives, gives_seen;	/* by the thread, at its last look */
	bool is_asleep;			/* the thread, until it is woken */
	bool is_ending;
	bool has_thread;
	pthread_t thread;
};

struct connections *
connections_new(void)
{
	struct connections *new = memory_new(sizeof(*new));
	pthread_condattr_t attributes;
	pthread_mutex_init(&new->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&new->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	map_init(&new->lists);
	return new;
}

static void
end(struct kept **kept)
{
	client_quit((*kept)->client);
	client_free(&(*kept)->client);
	memory_free(*kept);
	*kept = NULL;
}

static void
end_list(struct kept *list)
{
	while (list != NULL) {
		struct kept *next = list->next;
		end(&list);
		list = next;
	}
}

/* ---- those that are too old ---- */

/*
 * Cuts what is too old off the list of one key: lists are ordered by time, so
 * it is their end.
 */
static struct kept *
cut_old(struct connections *connections, struct kept *list, int64_t now)
{
	struct kept **at = &list->next;
	while (*at != NULL && (*at)->until > now)
		at = &(*at)->next;
	struct kept *old = *at;
	*at = NULL;
	for (struct kept *each = old; each != NULL; each = each->next)
		connections->count--;
	return old;
}

/* All of one list, when even the first is too old; the map must not be changed
 * during a walk, so one at a time. */
static struct kept *
take_old(struct connections *connections, int64_t now)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	while (map_next(&connections->lists, &cursor, &key, &value)) {
		struct kept *list = value;
		if (list->until > now) {
			struct kept *old = cut_old(connections, list, now);
			if (old != NULL)
				return old;
			continue;
		}
		map_take(&connections->lists, key);
		for (struct kept *each = list; each != NULL; each = each->next)
			connections->count--;
		return list;
	}
	return NULL;
}

/* Sleeps for good only when nothing was kept for a while: to be woken for each
 * message would cost more than to look now and then. */
static void
wait_a_while(struct connections *connections)
{
	struct timespec until;
	bool is_quiet = connections->count == 0 &&
		connections->gives == connections->gives_seen;
	connections->gives_seen = connections->gives;
	if (is_quiet) {
		connections->is_asleep = true;
		pthread_cond_wait(&connections->changed, &connections->lock);
		connections->is_asleep = false;
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_cond_timedwait(&connections->changed, &connections->lock,
		&until);
}

static void *
run(void *context)
{
	struct connections *connections = context;
	pthread_mutex_lock(&connections->lock);
	while (!connections->is_ending) {
		struct kept *old = take_old(connections, clock_monotonic());
		if (old == NULL) {
			wait_a_while(connections);
			continue;
		}
		pthread_mutex_unlock(&connections->lock);
		end_list(old);
		pthread_mutex_lock(&connections->lock);
	}
	pthread_mutex_unlock(&connections->lock);
	return NULL;
}

void
connections_start(struct connections *connections)
{
	int number = pthread_create(&connections->thread, NULL, run,
		connections);
	assert(number == 0);
	connections->has_thread = true;
}

void
connections_free(struct connections **connections)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	if (*connections == NULL)
		return;
	pthread_mutex_lock(&(*connections)->lock);
	(*connections)->is_ending = true;
	pthread_cond_signal(&(*connections)->changed);
	pthread_mutex_unlock(&(*connections)->lock);
	if ((*connections)->has_thread)
		pthread_join((*connections)->thread, NULL);
	while (map_next(&(*connections)->lists, &cursor, &key, &value))
		end_list(value);
	map_fini(&(*connections)->lists);
	pthread_cond_destroy(&(*connections)->changed);
	pthread_mutex_destroy(&(*connections)->lock);
	memory_free(*connections);
	*connections = NULL;
}

/* ---- taking and giving ---- */

/* The server has said nothing unasked, has not closed, is not too old. */
static bool
is_usable(const struct client *client)
{
	char byte;
	ssize_t n = recv(client->stream.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static struct kept *
take_first(struct connections *connections, struct span key)
{
	pthread_mutex_lock(&connections->lock);
	struct kept *kept = map_get(&connections->lists, key);
	if (kept != NULL) {
		connections->count--;
		if (kept->next != NULL)
			map_put(&connections->lists, key, kept->next);
		else
			map_take(&connections->lists, key);
	}
	pthread_mutex_unlock(&connections->lock);
	return kept;
}

struct client *
connections_take(struct connections *connections, struct span key)
{
	struct kept *kept;
	while ((kept = take_first(connections, key)) != NULL) {
		struct client *client = kept->client;
		client->is_broken = !is_usable(client);
		if (!client->is_broken && kept->until > clock_monotonic()) {
			memory_free(kept);
			return client;
		}
		end(&kept);
	}
	return NULL;
}

static bool
is_worth_keeping(const struct client *client, int64_t now)
{
	const struct parameters *settings = client->settings;
	return !client->is_broken && settings->idle_limit > 0 &&
		stream_unread(&client->stream).size == 0 &&
		(settings->reuse_count == 0 ||
		client->used < settings->reuse_count) &&
		(settings->reuse_limit == 0 ||
		now - client->opened < settings->reuse_limit);
}

void
connections_give(struct connections *connections, struct span key,
	struct client **client)
{
	int64_t now = clock_monotonic();
	struct kept *kept = memory_new(sizeof(*kept));
	bool is_kept = is_worth_keeping(*client, now);
	kept->client = *client;
	kept->until = now + (*client)->settings->idle_limit;
	*client = NULL;
	stream_shrink(&kept->client->stream);
	pthread_mutex_lock(&connections->lock);
	is_kept = is_kept && connections->count < CONNECTIONS_LIMIT &&
		!connections->is_ending;
	if (is_kept) {
		kept->next = map_get(&connections->lists, key);
		map_put(&connections->lists, key, kept);
		connections->count++;
		connections->gives++;
		if (connections->is_asleep)
			pthread_cond_signal(&connections->changed);
	}
	pthread_mutex_unlock(&connections->lock);
	if (!is_kept)
		end(&kept);
}
