/*
 * The list of zones and when each is due; the threads that fetch. What they
 * fetch is a new zone in a new set (zones.h).
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
#include "names/kept.h"
#include "names/notify.h"
#include "names/serials.h"
#include "names/peers.h"

enum { SECOND = 1000 };

/* What the last looks at a zone have shown. */
struct outlook {
	int64_t refresh, retry, expire;	/* ms; of its SOA */
	int64_t good_until;		/* monotonic ms; 0: it was never there */
	int64_t keep_at;		/* monotonic ms: not before that again, */
	bool is_unkept;			/* though what is kept is older */
	size_t preferred;		/* the primary that is asked first */
};

struct secondary {
	struct dns_name origin;
	struct peer primary[SECONDARY_PRIMARIES];
	size_t primary_count;
	bool is_shadowed;		/* there is a file of it */
	bool is_busy;			/* a thread has it */
	bool is_slow;			/* the last look took long, and failed */
	bool is_told;			/* NOTIFY told this serial */
	uint32_t told;
	size_t teller;			/* the primary that did */
	int64_t due, looked;		/* monotonic ms */
	struct outlook outlook;
};

static struct {
	pthread_mutex_t lock;		/* of the following */
	pthread_cond_t changed;
	struct secondary *list;
	size_t count;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- times ---- */

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

/* Of the SOA. It lasts longer than it takes to ask twice, whatever it says. */
static void
set_times(struct outlook *outlook, const struct zone *zone)
{
	int64_t least;
	outlook->refresh = within(soa_number(zone, 16));
	outlook->retry = within(soa_number(zone, 12));
	outlook->expire = (int64_t)soa_number(zone, 8) * SECOND;
	least = outlook->refresh + outlook->retry;
	if (outlook->expire < least)
		outlook->expire = least;
	outlook->good_until = clock_monotonic() + outlook->expire;
}

/* ---- the list; with the lock held ---- */

static struct secondary *
find(struct secondary *list, size_t count, const struct dns_name *origin)
{
	for (size_t i = 0; i < count; i++)
		if (dns_name_equals(&list[i].origin, origin))
			return &list[i];
	return NULL;
}

/* "ORIGIN:ADDRESS", the address as of dns_forwarders, perhaps with =KEY. */
static bool
read_item(struct span item, struct dns_name *origin, struct peer *primary)
{
	size_t colon = span_find(item, ':');
	return colon > 0 && colon < item.size &&
		dns_name_from_text(span_first(item, colon), origin) &&
		peers_parse(span_skip(item, colon + 1), primary);
}

static void
add_item(struct secondary *list, size_t *count, struct span item)
{
	struct dns_name origin;
	struct peer primary;
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
			place->is_told = false;
			place->outlook.preferred = 0;
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
	pthread_cond_broadcast(&all.changed);
	pthread_mutex_unlock(&all.lock);
	memory_free(old);
}

/* As it was before the start, for as long as it is good then. */
static struct zone *
recall(struct secondary *secondary)
{
	int64_t age;
	struct zone *zone = kept_load(&secondary->origin,
		clock_wall() / SECOND, &age);
	if (zone == NULL)
		return zone_new_unusable(&secondary->origin);
	set_times(&secondary->outlook, zone);
	secondary->outlook.good_until -= age * SECOND;
	return zone;
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
		zones_add(zones, before == NULL ? recall(&all.list[i]) :
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

static bool
is_primary(const struct peer *primary, const struct secondary_teller *from)
{
	return primary->address.family == from->address->family &&
		memcmp(primary->address.bytes, from->address->bytes,
		sizeof(from->address->bytes)) == 0 && (!primary->has_key ||
		(from->key != NULL &&
		dns_name_equals(&primary->key, from->key)));
}

/* The number of that primary; primary_count: it is none of them. */
static size_t
find_primary(const struct secondary *secondary,
	const struct secondary_teller *from)
{
	size_t i = 0;
	while (i < secondary->primary_count &&
	    !is_primary(&secondary->primary[i], from))
		i++;
	return i;
}

/* Anybody can write a primary's address: it makes us look, and not often. */
static void
hear(struct secondary *secondary, size_t teller, const uint32_t *serial)
{
	int64_t when = secondary->looked + SECONDARY_GAP;
	secondary->is_told = serial != NULL;
	secondary->told = serial == NULL ? 0 : *serial;
	secondary->teller = teller;
	if (when < secondary->due)
		secondary->due = when;
	pthread_cond_signal(&all.changed);
}

enum secondary_verdict
secondary_hear(const struct zones *zones, const struct dns_name *origin,
	const struct secondary_teller *from, const uint32_t *serial)
{
	enum secondary_verdict verdict = SECONDARY_UNKNOWN;
	const struct zone *has = zones_get(zones, origin);
	/* RFC 1996 3.7: who has that one already need not look */
	bool is_news = has == NULL || !has->is_usable || serial == NULL ||
		serials_is_newer(*serial, has->serial);
	pthread_mutex_lock(&all.lock);
	struct secondary *secondary = find(all.list, all.count, origin);
	if (secondary != NULL) {
		size_t teller = find_primary(secondary, from);
		verdict = teller == secondary->primary_count ?
			SECONDARY_STRANGER : SECONDARY_HEARD;
		if (verdict == SECONDARY_HEARD && is_news)
			hear(secondary, teller, serial);
	}
	pthread_mutex_unlock(&all.lock);
	return verdict;
}

/* ---- the threads ---- */

static void
log_trouble(enum log_level level, const char *event,
	const struct dns_name *origin, const char *reason)
{
	char text[DNS_TEXT_SIZE];
	dns_name_to_text(origin, text);
	log_event(level, event, NULL, LOG_TEXT("zone", text),
		LOG_TEXT("reason", reason));
}

static void
log_fetched(const struct fetch *fetch)
{
	char text[DNS_TEXT_SIZE], from[NETWORK_TEXT_SIZE];
	dns_name_to_text(fetch->origin, text);
	network_address_format(&fetch->server->address, from);
	log_event(LOG_INFO, "zone-fetched", NULL, LOG_TEXT("zone", text),
		LOG_TEXT("from", from),
		LOG_NUMBER("serial", fetch->zone->serial),
		LOG_TEXT("as", fetch->is_change ? "changes" : "whole"),
		LOG_NUMBER("octets", fetch->octets));
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

/* Puts it in the place of the one that is served; takes the zone. Another
 * thread may have been faster. */
static void
serve(struct zone *zone)
{
	zones_begin_change();
	struct zone *has = served(&zone->origin);
	bool is_late = zone->is_usable && has != NULL &&
		!serials_is_newer(zone->serial, has->serial);
	zone_free(&has);
	if (is_late || !is_wanted(&zone->origin)) {
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

/* A large zone that changes all the time is not written all the time: what is
 * missing after a start comes as differences. */
static void
keep(struct outlook *outlook, const struct zone *zone)
{
	struct error error;
	char text[DNS_TEXT_SIZE];
	int64_t now = clock_monotonic(), wall = clock_wall() / SECOND;
	outlook->is_unkept = false;
	if (kept_confirm(zone, wall))
		return;
	outlook->is_unkept = outlook->keep_at > now;
	if (outlook->is_unkept)
		return;
	int64_t octets = kept_put(zone, outlook->expire / SECOND, wall,
		&error);
	if (octets >= 0) {
		outlook->keep_at = now + octets / SECONDARY_KEEP;
		return;
	}
	dns_name_to_text(&zone->origin, text);
	log_event(LOG_ERROR, "zone-not-kept", NULL, LOG_TEXT("zone", text),
		LOG_TEXT("reason", error.text));
}

/* From the first primary that has something newer; others are asked too when
 * one says that we have the newest, but a NOTIFY said otherwise. True: what we
 * have is confirmed. */
static bool
refresh(struct secondary *secondary)
{
	struct zone *has = served(&secondary->origin);
	struct fetch fetch = { .origin = &secondary->origin, .has = has };
	struct error error = { .text = "" };
	bool is_over = false, result = false;
	bool is_more = secondary->is_told && has != NULL &&
		serials_is_newer(secondary->told, has->serial);
	size_t first = secondary->is_told ? secondary->teller :
		secondary->outlook.preferred, count = secondary->primary_count;
	for (size_t i = 0; i < count && !is_over; i++) {
		size_t number = (first + i) % count;
		fetch.server = &secondary->primary[number];
		if (fetch_zone(&fetch, &error) < 0)
			continue;
		secondary->outlook.preferred = number;
		result = true;
		is_over = fetch.zone != NULL || !is_more;
	}
	if (!result)
		log_trouble(LOG_WARN, "zone-not-fetched", &secondary->origin,
			error.text);
	if (fetch.zone != NULL) {
		log_fetched(&fetch);
		zone_free(&has);
		has = zone_hold(fetch.zone);
		serve(fetch.zone);
	}
	if (result) {
		set_times(&secondary->outlook, has);
		keep(&secondary->outlook, has);
	}
	zone_free(&has);
	return result;
}

/* RFC 1034 4.3.5: nobody has confirmed it for too long. */
static void
expire(struct secondary *secondary)
{
	log_trouble(LOG_ERROR, "zone-expired", &secondary->origin,
		"no primary answers");
	secondary->outlook.good_until = 0;
	serve(zone_new_unusable(&secondary->origin));
}

/* One zone's turn; works on a copy, without the lock. */
static void
take_turn(struct secondary *secondary)
{
	struct outlook *outlook = &secondary->outlook;
	bool result = refresh(secondary);
	int64_t now = clock_monotonic();
	secondary->is_slow = !result && now - secondary->looked >
		SECONDARY_SLOW;
	if (!result && outlook->good_until != 0 && outlook->good_until <= now)
		expire(secondary);
	secondary->due = now + (result ? outlook->refresh :
		outlook->good_until == 0 ? SECONDARY_FIRST : outlook->retry);
	if (outlook->good_until != 0 && secondary->due > outlook->good_until)
		secondary->due = outlook->good_until;
	if (outlook->is_unkept && secondary->due > outlook->keep_at)
		secondary->due = outlook->keep_at;
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

/* Also one that never came: perhaps its primary never says anything. */
static bool
may_be_slow(const struct secondary *secondary)
{
	return secondary->is_slow || secondary->outlook.good_until == 0;
}

/* The one that nobody has and that is due first; NULL: none. Those that
 * take long for nothing never have all threads. */
static struct secondary *
find_next(void)
{
	struct secondary *next = NULL;
	unsigned slow = 0;
	for (size_t i = 0; i < all.count; i++)
		slow += all.list[i].is_busy && may_be_slow(&all.list[i]);
	for (size_t i = 0; i < all.count; i++)
		if (!all.list[i].is_shadowed && !all.list[i].is_busy &&
		    (slow < SECONDARY_SLOW_ONES ||
		    !may_be_slow(&all.list[i])) &&
		    (next == NULL || all.list[i].due < next->due))
			next = &all.list[i];
	return next;
}

/* With the lock held, but not in between. */
static void
give_turn(struct secondary *secondary)
{
	/* a NOTIFY from now on makes it due again */
	secondary->due = INT64_MAX;
	secondary->looked = clock_monotonic();
	secondary->is_busy = true;
	struct secondary copy = *secondary;
	secondary->is_told = false;
	pthread_mutex_unlock(&all.lock);
	take_turn(&copy);
	pthread_mutex_lock(&all.lock);
	/* a reload may have moved it, or taken it away */
	secondary = find(all.list, all.count, &copy.origin);
	if (secondary == NULL)
		return;
	secondary->is_busy = false;
	secondary->is_slow = copy.is_slow;
	secondary->outlook = copy.outlook;
	if (copy.due < secondary->due)
		secondary->due = copy.due;
	pthread_cond_signal(&all.changed);
}

static void *
run(void *context)
{
	(void)context;
	pthread_mutex_lock(&all.lock);
	for (;;) {
		struct secondary *next = find_next();
		if (next != NULL && next->due <= clock_monotonic())
			give_turn(next);
		else
			wait_until(next == NULL ? INT64_MAX : next->due);
	}
	return NULL;
}

void
secondary_start(void)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&all.changed, &attributes);
	pthread_condattr_destroy(&attributes);
	for (unsigned i = 0; i < SECONDARY_THREADS; i++) {
		pthread_t thread;
		int result = pthread_create(&thread, NULL, run, NULL);
		assert(result == 0);
		pthread_detach(thread);
	}
}
