/*
 * The thread reads what there is, tells each folder's sessions once, and rests
 * a moment, so that a thousand deliveries do not wake anybody a thousand times.
 * Watches of a folder that nobody is interested in any more go with the first
 * thing that happens to it.
 */
#include "store/mirror_watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/store_inner.h"

enum {
	REST = 50,			/* ms */
	BLIND_ROUND = 5000,		/* ms between looks without inotify */
	TOLD_AT_ONCE = 64,
	EVENTS = 16 << 10,		/* bytes */
	WHAT = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
		IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE_SELF |
		IN_MOVE_SELF,
};

struct mirror_watcher {
	struct store *store;
	int inotify;			/* -1: there is none */
	int stop;			/* an eventfd */
	pthread_t thread;
	pthread_mutex_t lock;		/* of all sights */
	struct mirror_sight *first;
};

/* ---- sights ---- */

/* The lock is held. */
static void
end_sight(struct mirror_watcher *watcher, struct mirror_sight *sight)
{
	if (!sight->is_on)
		return;
	for (size_t i = 0; i < sight->count; i++)
		inotify_rm_watch(watcher->inotify, sight->watch[i]);
	if (sight->before != NULL)
		sight->before->after = sight->after;
	else
		watcher->first = sight->after;
	if (sight->after != NULL)
		sight->after->before = sight->before;
	sight->before = sight->after = NULL;
	sight->count = 0;
	sight->is_on = false;
}

static void
begin_sight(struct mirror_watcher *watcher, struct mirror_sight *sight,
	const char *const *path, size_t count)
{
	sight->count = 0;
	for (size_t i = 0; i < count && watcher->inotify >= 0; i++) {
		int watch = inotify_add_watch(watcher->inotify, path[i],
			WHAT | IN_DONT_FOLLOW);
		if (watch >= 0)
			sight->watch[sight->count++] = watch;
	}
	sight->after = watcher->first;
	sight->before = NULL;
	if (watcher->first != NULL)
		watcher->first->before = sight;
	watcher->first = sight;
	sight->is_on = true;
}

void
mirror_watch(struct mirror_watcher *watcher, struct mirror_sight *sight,
	const char *const *path, size_t count)
{
	if (!store_is_watched(watcher->store, sight->account))
		return;
	pthread_mutex_lock(&watcher->lock);
	if (!sight->is_on)
		begin_sight(watcher, sight, path, count);
	pthread_mutex_unlock(&watcher->lock);
}

void
mirror_watch_end(struct mirror_watcher *watcher, struct mirror_sight *sight)
{
	pthread_mutex_lock(&watcher->lock);
	end_sight(watcher, sight);
	pthread_mutex_unlock(&watcher->lock);
}

/* ---- the thread ---- */

struct told {
	uint64_t account;
	uint32_t mailbox;
};

static bool
is_of(const struct mirror_sight *sight, const struct inotify_event *event)
{
	for (size_t i = 0; i < sight->count; i++)
		if (sight->watch[i] == event->wd)
			return true;
	return false;
}

/* Is one of the events of this kind (0: any) about it? Some were lost: yes. */
static bool
concerns(const struct mirror_sight *sight, struct span events, uint32_t kind)
{
	while (events.size >= sizeof(struct inotify_event)) {
		struct inotify_event event;
		memcpy(&event, events.data, sizeof(event));
		if (kind == 0 && (event.mask & IN_Q_OVERFLOW) != 0)
			return true;
		if ((kind == 0 || (event.mask & kind) != 0) &&
		    is_of(sight, &event))
			return true;
		events = span_skip(events, sizeof(event) + event.len);
	}
	return false;
}

/* Those whom the events concern (no events: all), but for the first ones. */
static size_t
collect(struct mirror_watcher *watcher, struct span events, size_t skip,
	struct told told[TOLD_AT_ONCE])
{
	size_t count = 0, seen = 0;
	pthread_mutex_lock(&watcher->lock);
	for (struct mirror_sight *sight = watcher->first; sight != NULL &&
	    count < TOLD_AT_ONCE; sight = sight->after) {
		if ((events.size > 0 && !concerns(sight, events, 0)) ||
		    seen++ < skip)
			continue;
		told[count++] = (struct told){ sight->account,
			sight->mailbox };
	}
	pthread_mutex_unlock(&watcher->lock);
	return count;
}

/* Sights whose account nobody watches any more, and those that see nothing any
 * more, because a directory is gone: who is told looks again. */
static void
end_idle(struct mirror_watcher *watcher, struct span events)
{
	struct mirror_sight *next;
	pthread_mutex_lock(&watcher->lock);
	for (struct mirror_sight *sight = watcher->first; sight != NULL;
	    sight = next) {
		next = sight->after;
		if (!store_is_watched(watcher->store, sight->account) ||
		    concerns(sight, events, IN_IGNORED))
			end_sight(watcher, sight);
	}
	pthread_mutex_unlock(&watcher->lock);
}

static void
tell(struct mirror_watcher *watcher, struct span events)
{
	struct told told[TOLD_AT_ONCE];
	size_t count, done = 0;
	do {
		count = collect(watcher, events, done, told);
		for (size_t i = 0; i < count; i++)
			store_tell_of(watcher->store, told[i].account,
				&told[i].mailbox, 1);
		done += count;
	} while (count == TOLD_AT_ONCE);
}

/* False: it is time to stop. */
static bool
wait_for(const struct mirror_watcher *watcher, int inotify, int timeout)
{
	struct pollfd fds[] = {
		{ .fd = watcher->stop, .events = POLLIN },
		{ .fd = inotify, .events = POLLIN },
	};
	while (poll(fds, 2, timeout) < 0)
		if (errno != EINTR)
			return false;
	return fds[0].revents == 0;
}

static void *
watch(void *context)
{
	struct mirror_watcher *watcher = context;
	_Alignas(struct inotify_event) char events[EVENTS];
	while (wait_for(watcher, watcher->inotify,
			watcher->inotify < 0 ? BLIND_ROUND : -1)) {
		ssize_t got = watcher->inotify < 0 ? 0 :
			read(watcher->inotify, events, sizeof(events));
		struct span what = span_of(events, got < 0 ? 0 : (size_t)got);
		tell(watcher, what);
		end_idle(watcher, what);
		if (!wait_for(watcher, -1, REST))
			break;
	}
	return NULL;
}

/* ---- the watcher ---- */

struct mirror_watcher *
mirror_watcher_new(struct store *store)
{
	struct mirror_watcher *watcher = memory_new(sizeof(*watcher));
	watcher->store = store;
	pthread_mutex_init(&watcher->lock, NULL);
	watcher->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watcher->inotify < 0)
		log_event(LOG_WARN, "no-inotify", NULL,
			LOG_TEXT("reason", strerror(errno)));
	watcher->stop = eventfd(0, EFD_CLOEXEC);
	if (watcher->stop < 0 || pthread_create(&watcher->thread, NULL, watch,
			watcher) != 0) {
		log_event(LOG_ERROR, "no-thread", NULL,
			LOG_TEXT("reason", strerror(errno)));
		exit(1);
	}
	return watcher;
}

void
mirror_watcher_free(struct mirror_watcher **watcher)
{
	struct mirror_watcher *old = *watcher;
	*watcher = NULL;
	if (old == NULL)
		return;
	const uint64_t one = 1;
	struct error ignored;	/* an eventfd takes a number */
	file_write_all(old->stop, span_of(&one, sizeof(one)), &ignored);
	pthread_join(old->thread, NULL);
	file_close(&old->inotify);
	file_close(&old->stop);
	pthread_mutex_destroy(&old->lock);
	memory_free(old);
}
