/*
 * The list of zones and when each is due; the thread that fetches. What it
 * fetches is a new zone in a new set (zones.h).
 */
#include "names/secondary.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "names/fetch_zone.h"
#include "names/history.h"
#include "names/notify.h"
#include "names/sources.h"

enum { SECOND = 1000 };

struct secondary {
	struct dns_name origin;
	struct network_address primary[SECONDARY_PRIMARIES];
	size_t primary_count;
	bool is_shadowed;		/* there is a file of it */
	int64_t due;			/* monotonic ms */
	int64_t refresh, retry, expire;	/* ms; of its SOA */
	int64_t good_until;		/* monotonic ms; 0: it was never there */
};

static struct {
	pthread_mutex_t lock;		/* of the following */
	pthread_cond_t changed;
	struct secondary *list;
	size_t count;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- the list; with the lock held ---- */

static struct secondary *
find(struct secondary *list, size_t count, const struct dns_name *origin)
{
	for (size_t i = 0; i < count; i++)
		if (dns_name_equals(&list[i].origin, origin))
			return &list[i];
	return NULL;
}

/* "ORIGIN:ADDRESS", the address as of dns_forwarders. */
static bool
read_item(struct span item, struct dns_name *origin,
	struct network_address *primary)
{
	size_t colon = span_find(item, ':');
	return colon > 0 && colon < item.size &&
		dns_name_from_text(span_first(item, colon), origin) &&
		network_server_parse(span_skip(item, colon + 1), DNS_PORT,
		primary);
}

static void
add_item(struct secondary *list, size_t *count, struct span item)
{
	struct dns_name origin;
	struct network_address primary;
	struct secondary *place = NULL;
	if (read_item(item, &origin, &primary)) {
		place = find(list, *count, &origin);
		if (place == NULL && *count < SECONDARY_ZONES) {
			const struct secondary *old = find(all.list,
				all.count, &origin);
			place = &list[(*count)++];
			if (old != NULL)
				*place = *old;
			place->origin = origin;
			place->primary_count = 0;
			place->due = 0;
		}
	}
	if (place == NULL || place->primary_count == SECONDARY_PRIMARIES) {
		log_event(LOG_ERROR, "secondary-not-taken", NULL,
			LOG_SPAN("found", item), LOG_TEXT("expected",
			"ORIGIN:ADDRESS"));
		return;
	}
	place->primary[place->primary_count++] = primary;
}

void
secondary_configure(struct span list)
{
	struct span item;
	struct secondary *new = memory_new_array(SECONDARY_ZONES,
		sizeof(*new));
	size_t count = 0;
	pthread_mutex_lock(&all.lock);
	while (config_next_item(&list, &item))
		add_item(new, &count, item);
	struct secondary *old = all.list;
	all.list = new;
	all.count = count;
	pthread_cond_signal(&all.changed);
	pthread_mutex_unlock(&all.lock);
	memory_free(old);
}

void
secondary_add_to(struct zones *zones, const struct zones *old)
{
	pthread_mutex_lock(&all.lock);
	for (size_t i = 0; i < all.count; i++) {
		const struct dns_name *origin = &all.list[i].origin;
		const struct zone *before = old == NULL ? NULL :
			zones_get(old, origin);
		all.list[i].is_shadowed = zones_get(zones, origin) != NULL;
		if (all.list[i].is_shadowed)
			continue;
		zones_add(zones, before == NULL ? zone_new_unusable(origin) :
			zone_hold((struct zone *)(uintptr_t)before));
	}
	pthread_mutex_unlock(&all.lock);
}

bool
secondary_covers(const struct dns_name *name)
{
	bool result = false;
	pthread_mutex_lock(&all.lock);
	for (size_t i = 0; i < all.count && !result; i++)
		result = dns_name_is_below(name, &all.list[i].origin);
	pthread_mutex_unlock(&all.lock);
	return result;
}

enum secondary_verdict
secondary_hear(const struct dns_name *origin,
	const struct network_address *from)
{
	enum secondary_verdict verdict = SECONDARY_UNKNOWN;
	pthread_mutex_lock(&all.lock);
	struct secondary *secondary = find(all.list, all.count, origin);
	if (secondary != NULL)
		verdict = SECONDARY_STRANGER;
	for (size_t i = 0; secondary != NULL &&
	    i < secondary->primary_count; i++)
		if (secondary->primary[i].family == from->family &&
		    memcmp(secondary->primary[i].bytes, from->bytes,
		    sizeof(from->bytes)) == 0)
			verdict = SECONDARY_HEARD;
	if (verdict == SECONDARY_HEARD) {
		secondary->due = 0;
		pthread_cond_signal(&all.changed);
	}
	pthread_mutex_unlock(&all.lock);
	return verdict;
}

/* ---- the thread ---- */

static int64_t
within(uint32_t seconds)
{
	int64_t wait = (int64_t)seconds * SECOND;
	return wait < SECONDARY_LEAST ? SECONDARY_LEAST :
		wait > SECONDARY_MOST ? SECONDARY_MOST : wait;
}

static uint32_t
soa_number(const struct zone *zone, size_t from_end)
{
	const uint8_t *at = zone->soa->data + zone->soa->size - from_end;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
		(uint32_t)at[2] << 8 | at[3];
}

static void
log_zone(enum log_level level, const char *event,
	const struct dns_name *origin, const char *name, const char *value)
{
	char text[DNS_TEXT_SIZE];
	dns_name_to_text(origin, text);
	log_event(level, event, NULL, LOG_TEXT("zone", text),
		LOG_TEXT(name, value));
}

/* A reload may have come in between. */
static bool
is_wanted(const struct dns_name *origin)
{
	pthread_mutex_lock(&all.lock);
	const struct secondary *secondary = find(all.list, all.count, origin);
	bool result = secondary != NULL && !secondary->is_shadowed;
	pthread_mutex_unlock(&all.lock);
	return result;
}

/* Puts it in the place of the one that is served; takes the zone. */
static void
serve(struct zone *zone)
{
	zones_begin_change();
	if (!is_wanted(&zone->origin)) {
		zones_end_change();
		zone_free(&zone);
		return;
	}
	struct zones *old = zones_current();
	struct zones *new = zones_copy(old);
	zones_add(new, zone);
	history_note(old, new);
	zones_set_current(zones_hold(new));
	zones_end_change();
	notify_zones(old, new);
	zones_free(&old);
	zones_free(&new);
}

/* What is served of it; NULL: nothing that can be answered. A reference. */
static struct zone *
served(const struct dns_name *origin)
{
	struct zones *zones = zones_current();
	const struct zone *zone = zones_get(zones, origin);
	struct zone *result = zone == NULL || !zone->is_usable ? NULL :
		zone_hold((struct zone *)(uintptr_t)zone);
	zones_free(&zones);
	return result;
}

/* From the first primary that gives it, or says that we have it. */
static bool
refresh(struct secondary *secondary)
{
	struct zone *has = served(&secondary->origin), *zone = NULL;
	struct error error = { .text = "" };
	bool result = false;
	for (size_t i = 0; i < secondary->primary_count && !result; i++)
		result = fetch_zone(&secondary->primary[i],
			&secondary->origin, has, clock_monotonic() +
			SECONDARY_DEADLINE, &zone, &error) == 0;
	if (!result)
		log_zone(LOG_WARN, "zone-not-fetched", &secondary->origin,
			"reason", error.text);
	if (zone != NULL) {
		log_zone(LOG_INFO, "zone-fetched", &secondary->origin, "from",
			"a primary");
		zone_free(&has);
		has = zone_hold(zone);
		serve(zone);
	}
	if (result) {
		secondary->refresh = within(soa_number(has, 16));
		secondary->retry = within(soa_number(has, 12));
		secondary->expire = (int64_t)soa_number(has, 8) * SECOND;
		secondary->good_until = clock_monotonic() + secondary->expire;
	}
	zone_free(&has);
	return result;
}

/* RFC 1034 4.3.5: nobody has confirmed it for too long. */
static void
expire(struct secondary *secondary)
{
	log_zone(LOG_ERROR, "zone-expired", &secondary->origin, "reason",
		"no primary answers");
	secondary->good_until = 0;
	serve(zone_new_unusable(&secondary->origin));
}

/* One zone's turn; works on a copy, without the lock. */
static void
take_turn(struct secondary *secondary)
{
	bool result = refresh(secondary);
	int64_t now = clock_monotonic();
	if (!result && secondary->good_until != 0 &&
	    secondary->good_until <= now)
		expire(secondary);
	secondary->due = now + (result ? secondary->refresh :
		secondary->good_until == 0 ? SECONDARY_FIRST :
		secondary->retry);
	if (secondary->good_until != 0 && secondary->due >
	    secondary->good_until)
		secondary->due = secondary->good_until;
}

static void
wait_until(int64_t when)
{
	struct timespec at = { .tv_sec = when / SECOND,
		.tv_nsec = when % SECOND * 1000000 };
	if (when == INT64_MAX)
		pthread_cond_wait(&all.changed, &all.lock);
	else
		pthread_cond_timedwait(&all.changed, &all.lock, &at);
}

static void *
run(void *context)
{
	(void)context;
	pthread_mutex_lock(&all.lock);
	for (;;) {
		struct secondary *next = NULL;
		for (size_t i = 0; i < all.count; i++)
			if (!all.list[i].is_shadowed && (next == NULL ||
			    all.list[i].due < next->due))
				next = &all.list[i];
		if (next == NULL || next->due > clock_monotonic()) {
			wait_until(next == NULL ? INT64_MAX : next->due);
			continue;
		}
		/* a NOTIFY from now on makes it due again */
		next->due = INT64_MAX;
		struct secondary copy = *next;
		pthread_mutex_unlock(&all.lock);
		take_turn(&copy);
		pthread_mutex_lock(&all.lock);
		next = find(all.list, all.count, &copy.origin);
		if (next == NULL)
			continue;
		int64_t due = next->due < copy.due ? next->due : copy.due;
		copy.is_shadowed = next->is_shadowed;
		memcpy(copy.primary, next->primary, sizeof(copy.primary));
		copy.primary_count = next->primary_count;
		*next = copy;
		next->due = due;
	}
	return NULL;
}

void
secondary_start(void)
{
	pthread_t thread;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&all.changed, &attributes);
	pthread_condattr_destroy(&attributes);
	int result = pthread_create(&thread, NULL, run, NULL);
	assert(result == 0);
	pthread_detach(thread);
}
