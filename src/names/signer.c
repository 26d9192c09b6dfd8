/*
 * The table of signed zones and the thread that works on it, one zone at a
 * time. See signer.h. The lock is held for looking and noting only; a turn works
 * on a copy. Order: the change of zones, then this lock.
 */
#include "names/signer.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "names/history.h"
#include "names/notify.h"
#include "names/remembered.h"
#include "names/serials.h"
#include "names/signed_keys.h"
#include "names/signer_ds.h"
#include "names/signing.h"
#include "serve/supervisor.h"

enum {
	RETRY = 5,		/* s after a failure */
	SETTLE_WAIT = 5000,	/* ms, of who asks what came of it */
	LOOK_LEAST = 1, LOOK_MOST = 3600,	/* s between looks at the DS */
	TOLD_TTL = 86400,	/* of a DS that the operator tells of */
};

/* All times are s since 1970. */
struct signed_zone {
	struct dns_name origin;
	struct zone *plain;		/* as it was read; NULL: not there now */
	struct zone *served;		/* as it was signed last; NULL: not yet */
	struct signed_keys keys;
	struct rollover_ds ds;
	int64_t due, look;		/* to be signed; to be looked at */
	bool is_wanted;			/* dns_signed_zones names it */
	bool is_asking;			/* for the DS */
	bool is_roll_asked, is_told;	/* by the operator */
	bool has_failed;		/* that is logged already */
};

static struct {
	pthread_mutex_t lock;		/* of the following */
	pthread_cond_t changed, settled;
	uint32_t settling;		/* a reload that waits; 0: none */
	char *list;
	int64_t lifetime;
	struct signed_zone **zone;	/* none is ever freed */
	size_t count;
	struct resolver *resolver;
	bool is_stopping;
	pthread_t thread;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int64_t
now(void)
{
	return clock_wall() / 1000;
}

static void
log_zone(enum log_level level, const char *event,
	const struct dns_name *origin, const char *key, const char *value)
{
	char name[DNS_TEXT_SIZE];
	dns_name_to_text(origin, name);
	log_event(level, event, NULL, LOG_TEXT("zone", name),
		LOG_TEXT(key, value));
}

/* ---- the table ---- */

void
signer_configure(struct span list, int64_t lifetime)
{
	char *copy = memory_new(list.size + 1);
	if (list.size > 0)
		memcpy(copy, list.data, list.size);
	pthread_mutex_lock(&all.lock);
	char *old = all.list;
	all.list = copy;
	all.lifetime = lifetime;
	pthread_mutex_unlock(&all.lock);
	memory_free(old);
}

/* With the lock held. */
static bool
is_listed(const struct dns_name *origin)
{
	struct span item, rest = span_from(all.list == NULL ? "" : all.list);
	struct dns_name name;
	while (config_next_item(&rest, &item))
		if (span_equals_nocase(item, SPAN("all")) ||
		    (dns_name_from_text(item, &name) &&
		    dns_name_equals(&name, origin)))
			return true;
	return false;
}

/* With the lock held; NULL: there is none. */
static struct signed_zone *
find(const struct dns_name *origin)
{
	for (size_t i = 0; i < all.count; i++)
		if (dns_name_equals(&all.zone[i]->origin, origin))
			return all.zone[i];
	return NULL;
}

static struct signed_zone *
add(const struct dns_name *origin)
{
	struct signed_zone *zone = memory_new(sizeof(*zone));
	all.zone = memory_resize(all.zone, (all.count + 1) *
		sizeof(struct signed_zone *));
	all.zone[all.count++] = zone;
	zone->origin = *origin;
	signed_keys_recall(origin, &zone->keys);
	return zone;
}

/* One that is to be signed, or was and is not to be dropped at once. */
static struct signed_zone *
find_wanted(const struct zone *plain)
{
	bool is_wanted = is_listed(&plain->origin);
	struct signed_zone *zone = find(&plain->origin);
	if (zone == NULL && (is_wanted ||
	    signed_keys_are_remembered(&plain->origin)))
		zone = add(&plain->origin);
	if (zone == NULL || (!is_wanted && !zone->keys.has_any))
		return NULL;
	if (zone->is_wanted != is_wanted)
		zone->look = 0;
	zone->is_wanted = is_wanted;
	return zone;
}

/* What is served of it until it is signed; takes nothing. */
static struct zone *
served_before(const struct dns_name *origin, const struct zones *old)
{
	const struct zone *before = old == NULL ? NULL :
		zones_get(old, origin);
	if (before == NULL || !before->is_signed_here)
		return zone_new_unusable(origin);
	return zone_hold((struct zone *)(uintptr_t)before);
}

struct zone *
signer_take(struct zone *plain, const struct zones *old)
{
	if (plain == NULL || !plain->is_usable || plain->is_signed_here ||
	    plain->soa->signatures != NULL)
		return plain;
	pthread_mutex_lock(&all.lock);
	struct signed_zone *zone = find_wanted(plain);
	if (zone == NULL) {
		pthread_mutex_unlock(&all.lock);
		return plain;
	}
	struct zone *result = served_before(&plain->origin, old);
	if (zone->plain != NULL && signing_is_same(zone->plain, plain)) {
		zone_free(&plain);
	} else {
		zone_free(&zone->plain);
		zone->plain = plain;
		zone->due = 0;
	}
	pthread_cond_signal(&all.changed);
	pthread_mutex_unlock(&all.lock);
	return result;
}

/* ---- what is there of a set ---- */

struct taking {
	struct zones *zones;
	const struct zones *old;
	struct zone **list;
	size_t count;
};

static void
note_zone(void *context, const struct zone *zone)
{
	struct taking *taking = context;
	taking->list[taking->count++] =
		zone_hold((struct zone *)(uintptr_t)zone);
}

void
signer_take_all(struct zones *zones, const struct zones *old)
{
	struct taking taking = { .zones = zones, .old = old,
		.list = memory_new_array(zones_count(zones) + 1,
		sizeof(struct zone *)) };
	zones_walk(zones, note_zone, &taking);
	for (size_t i = 0; i < taking.count; i++)
		zones_add(zones, signer_take(taking.list[i], old));
	memory_free(taking.list);
	pthread_mutex_lock(&all.lock);
	for (size_t i = 0; i < all.count; i++)
		if (zones_get(zones, &all.zone[i]->origin) == NULL) {
			zone_free(&all.zone[i]->plain);
			zone_free(&all.zone[i]->served);
		}
	pthread_mutex_unlock(&all.lock);
}

/* ---- the parent's DS ---- */

/* On the resolver's thread. */
static void
take_ds(void *context, const struct message_answer *answer)
{
	struct dns_name *origin = context;
	pthread_mutex_lock(&all.lock);
	struct signed_zone *zone = find(origin);
	assert(zone != NULL);
	zone->is_asking = false;
	signer_ds_read(answer, origin, &zone->keys, &zone->ds);
	pthread_cond_signal(&all.changed);
	pthread_mutex_unlock(&all.lock);
	memory_free(origin);
}

/* With the lock held, which it gives away for the question. */
static void
look(struct signed_zone *zone)
{
	const struct dns_question asked = { .name = zone->origin,
		.type = DNS_TYPE_DS, .class = DNS_CLASS_IN };
	struct dns_name *origin = memory_new(sizeof(*origin));
	uint32_t wait = zone->plain == NULL ? LOOK_MOST :
		signing_soa_number(zone->plain, 0);
	*origin = zone->origin;
	zone->look = now() + (wait < LOOK_LEAST ? LOOK_LEAST :
		wait > LOOK_MOST ? LOOK_MOST : (int64_t)wait);
	zone->is_asking = true;
	pthread_mutex_unlock(&all.lock);
	bool is_asked = resolver_ask(all.resolver, &asked, false, take_ds,
		origin);
	pthread_mutex_lock(&all.lock);
	if (!is_asked) {
		zone->is_asking = false;
		memory_free(origin);
	}
}

/* ---- a turn ---- */

/* A copy of what is worked on, and what became of it. */
struct turn {
	struct signed_zone *zone;	/* to note it in */
	struct zone *plain, *before;
	struct signed_keys keys;
	struct rollover_facts facts;
	bool is_roll_asked, is_due;
	struct zone *made;
	int64_t due;
};

static void
fill_facts(struct turn *turn, const struct signed_zone *zone)
{
	struct rollover_ds ds = zone->ds;
	if (zone->is_told) {
		ds = (struct rollover_ds){ .is_known = true,
			.has_any = zone->is_wanted, .has_next = true,
			.ttl = ds.ttl > 0 ? ds.ttl : TOLD_TTL };
	}
	turn->facts = (struct rollover_facts){ .now = now(),
		.is_wanted = zone->is_wanted, .lifetime = all.lifetime,
		.key_ttl = signing_key_ttl(zone->plain),
		/* until the last secondary has looked, and once more */
		.propagation = signing_soa_number(zone->plain, 0) +
		signing_soa_number(zone->plain, 1), .ds = ds };
}

static bool
begin_turn(struct turn *turn, struct signed_zone *zone)
{
	if (zone->plain == NULL)
		return false;
	*turn = (struct turn){ .zone = zone, .keys = zone->keys,
		.plain = zone_hold(zone->plain),
		.before = zone->served == NULL ? NULL :
		zone_hold(zone->served),
		.is_roll_asked = zone->is_roll_asked, .due = zone->due };
	fill_facts(turn, zone);
	turn->is_due = zone->due <= turn->facts.now;
	return true;
}

/* Keys as they are to be; true: the zone is to be signed with them. */
static int
step_keys(struct turn *turn, struct error *error)
{
	struct rollover *rollover = &turn->keys.rollover;
	const struct dns_name *origin = &turn->zone->origin;
	if (!turn->keys.has_any) {
		turn->is_due = true;
		return signed_keys_make_first(origin, &turn->keys,
			turn->facts.now, error);
	}
	if (rollover_is_due(rollover, &turn->facts) || (turn->is_roll_asked &&
	    rollover->phase == ROLLOVER_STEADY && turn->facts.is_wanted)) {
		turn->is_due = true;
		return signed_keys_make_next(origin, &turn->keys, error);
	}
	if (rollover_step(rollover, &turn->facts)) {
		turn->is_due |= rollover->since == 0;
		log_zone(LOG_INFO, "zone-keys", origin, "phase",
			rollover_phase_name(rollover->phase));
		return signed_keys_remember(origin, &turn->keys, error);
	}
	return 0;
}

/* Puts it in its place, unless the zone is another one meanwhile. */
static bool
serve(struct turn *turn)
{
	zones_begin_change();
	struct zones *old = zones_current();
	pthread_mutex_lock(&all.lock);
	bool is_current = turn->zone->plain == turn->plain &&
		zones_get(old, &turn->zone->origin) != NULL;
	pthread_mutex_unlock(&all.lock);
	if (is_current) {
		struct zones *new = zones_copy(old);
		zones_add(new, zone_hold(turn->made));
		history_note(old, new);
		zones_set_current(zones_hold(new));
		notify_zones(old, new);
		zones_free(&new);
	}
	zones_end_change();
	zones_free(&old);
	return is_current;
}

static int
sign(struct turn *turn, struct error *error)
{
	struct rollover *rollover = &turn->keys.rollover;
	struct signing_key keys[SIGNING_KEYS];
	uint32_t serial, longest = signing_longest_ttl(turn->plain);
	if (longest > rollover->ttl)
		rollover->ttl = longest;
	struct signing signing = { .plain = turn->plain,
		.before = turn->before, .keys = keys, .now = turn->facts.now,
		.is_leaving = rollover->phase == ROLLOVER_LEAVING,
		.sign = signed_keys_sign };
	if (signed_keys_public(&turn->keys, keys, &signing.key_count,
	    error) < 0 || signed_keys_remember(&turn->zone->origin,
	    &turn->keys, error) < 0 || serials_next(&turn->zone->origin,
	    turn->plain->serial + 1, &serial, error) < 0)
		return -1;
	signing.serial = serial;
	return signing_make(&signing, &turn->made, &turn->due, error);
}

/* After it is served as its keys say. */
static int
settle(struct turn *turn, struct error *error)
{
	struct rollover *rollover = &turn->keys.rollover;
	bool is_news = rollover_serve(rollover, now());
	if (rollover->old[0] != '\0') {
		if (signed_keys_drop(rollover->old, error) < 0)
			return -1;
		memset(rollover->old, 0, sizeof(rollover->old));
		is_news = true;
	}
	return is_news ? signed_keys_remember(&turn->zone->origin,
		&turn->keys, error) : 0;
}

/* The zone goes on unsigned, with a serial that is newer still. */
static int
leave(struct turn *turn, struct error *error)
{
	uint32_t serial;
	if (serials_next(&turn->zone->origin, turn->plain->serial + 1, &serial,
	    error) < 0 || signing_copy(turn->plain, serial, &turn->made,
	    error) < 0)
		return -1;
	bool is_served = serve(turn);
	zone_free(&turn->made);
	if (!is_served)
		return 0;
	log_zone(LOG_INFO, "zone-unsigned", &turn->zone->origin, "reason",
		"dns_signed_zones");
	return signed_keys_forget(&turn->zone->origin, &turn->keys, error);
}

static int
work(struct turn *turn, struct error *error)
{
	if (step_keys(turn, error) < 0)
		return -1;
	if (turn->keys.has_any &&
	    rollover_has_ended(&turn->keys.rollover, &turn->facts))
		return leave(turn, error);
	if (turn->is_due) {
		if (sign(turn, error) < 0)
			return -1;
		if (!serve(turn)) {
			/* its successor is there already */
			zone_free(&turn->made);
			return 0;
		}
		log_zone(LOG_INFO, "zone-signed", &turn->zone->origin,
			"phase", rollover_phase_name(turn->keys.rollover
			.phase));
	}
	return settle(turn, error);
}

/* With the lock held. */
static void
note(struct turn *turn, int result, const struct error *error)
{
	struct signed_zone *zone = turn->zone;
	zone->keys = turn->keys;
	if (turn->is_roll_asked)
		zone->is_roll_asked = false;
	zone->is_told = false;
	if (turn->made != NULL) {
		zone_free(&zone->served);
		zone->served = zone_hold(turn->made);
	}
	bool is_current = zone->plain == turn->plain;
	if (result < 0) {
		if (!zone->has_failed)
			log_zone(LOG_ERROR, "zone-not-signed", &zone->origin,
				"reason", error->text);
		zone->due = now() + RETRY;
	} else if (!zone->keys.has_any) {
		/* unsigned from now on; until the next reading */
		zone_free(&zone->plain);
		zone_free(&zone->served);
	} else if (is_current)
		zone->due = turn->due;
	zone->has_failed = result < 0;
}

/* With the lock held; gives it away meanwhile. */
static void
take_turn(struct signed_zone *zone)
{
	struct turn turn;
	struct error error = { .text = "" };
	if (!begin_turn(&turn, zone))
		return;
	pthread_mutex_unlock(&all.lock);
	int result = work(&turn, &error);
	pthread_mutex_lock(&all.lock);
	note(&turn, result, &error);
	zone_free(&turn.made);
	zone_free(&turn.plain);
	zone_free(&turn.before);
}

/* ---- the thread ---- */

/* Is there something to do now? Else *when says when. */
static bool
is_due(struct signed_zone *zone, int64_t *when)
{
	struct turn turn = { .zone = zone };
	if (zone->plain == NULL)
		return false;
	fill_facts(&turn, zone);
	struct rollover copy = zone->keys.rollover;
	int64_t next = rollover_next(&copy, &turn.facts);
	/* one that is over and waits for a DS to be seen waits for that */
	if (next <= turn.facts.now || zone->due < next)
		next = zone->due;
	if (next < *when)
		*when = next;
	if (zone->due <= turn.facts.now)
		return true;
	return !zone->has_failed && zone->keys.has_any &&
		(zone->is_roll_asked || zone->is_told ||
		rollover_step(&copy, &turn.facts) ||
		rollover_is_due(&copy, &turn.facts) ||
		rollover_has_ended(&copy, &turn.facts));
}

static void
wait_until(int64_t when)
{
	int64_t left = (when - now()) * 1000;
	if (left > 60000)
		left = 60000;
	if (left < 1000)
		left = 1000;
	int64_t at = clock_monotonic() + left;
	const struct timespec until = { .tv_sec = at / 1000,
		.tv_nsec = at % 1000 * 1000000 };
	pthread_cond_timedwait(&all.changed, &all.lock, &until);
}

/* With the lock held: nothing that came is to be signed yet. What failed is
 * tried again later. */
static bool
is_settled(void)
{
	for (size_t i = 0; i < all.count; i++)
		if (all.zone[i]->plain != NULL && all.zone[i]->due <= now())
			return false;
	return true;
}

static void
say_settled(void)
{
	if (!is_settled())
		return;
	pthread_cond_broadcast(&all.settled);
	if (all.settling != 0)
		supervisor_settled(all.settling);
	all.settling = 0;
}

void
signer_settle(uint32_t serial)
{
	pthread_mutex_lock(&all.lock);
	all.settling = serial;
	pthread_cond_signal(&all.changed);
	pthread_mutex_unlock(&all.lock);
}

void
signer_wait(void)
{
	int64_t deadline = clock_monotonic() + SETTLE_WAIT;
	const struct timespec until = { .tv_sec = deadline / 1000,
		.tv_nsec = deadline % 1000 * 1000000 };
	pthread_mutex_lock(&all.lock);
	while (!is_settled() && !all.is_stopping &&
	    pthread_cond_timedwait(&all.settled, &all.lock, &until) == 0)
		continue;
	pthread_mutex_unlock(&all.lock);
}

static void *
run(void *context)
{
	(void)context;
	pthread_mutex_lock(&all.lock);
	while (!all.is_stopping) {
		int64_t when = INT64_MAX;
		bool has_worked = false;
		for (size_t i = 0; i < all.count; i++) {
			struct signed_zone *zone = all.zone[i];
			if (is_due(zone, &when)) {
				take_turn(zone);
				has_worked = true;
			}
			if (zone->plain == NULL || zone->served == NULL)
				continue;
			if (!zone->is_asking && zone->look <= now())
				look(zone);
			if (zone->look < when)
				when = zone->look;
		}
		say_settled();
		if (!has_worked)
			wait_until(when);
	}
	pthread_mutex_unlock(&all.lock);
	return NULL;
}

void
signer_start(struct lot *lot, struct resolver *resolver)
{
	pthread_condattr_t attributes;
	signed_keys_start(lot);
	all.resolver = resolver;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&all.changed, &attributes);
	pthread_cond_init(&all.settled, &attributes);
	pthread_condattr_destroy(&attributes);
	int result = pthread_create(&all.thread, NULL, run, NULL);
	assert(result == 0);
}

void
signer_stop(void)
{
	pthread_mutex_lock(&all.lock);
	all.is_stopping = true;
	pthread_cond_signal(&all.changed);
	pthread_cond_broadcast(&all.settled);
	pthread_mutex_unlock(&all.lock);
	pthread_join(all.thread, NULL);
	signed_keys_stop();
}

/* ---- the operator ---- */

bool
signer_roll(const struct dns_name *origin, bool is_told)
{
	pthread_mutex_lock(&all.lock);
	struct signed_zone *zone = find(origin);
	bool result = zone != NULL && zone->plain != NULL &&
		zone->keys.has_any;
	if (result && is_told)
		zone->is_told = true;
	else if (result)
		zone->is_roll_asked = true;
	pthread_cond_signal(&all.changed);
	pthread_mutex_unlock(&all.lock);
	return result;
}

/* With the lock held. */
static void
show(const struct signed_zone *zone, bool is_next,
	void (*function)(void *context, const struct signer_key *key),
	void *context)
{
	uint8_t ds[CANONICAL_DS];
	const struct signed_keys *keys = &zone->keys;
	const struct rollover *rollover = &keys->rollover;
	const char *name = is_next ? rollover->next : rollover->key;
	bool is_going = rollover->phase == ROLLOVER_GOING;
	bool is_seen = is_next ? zone->ds.has_next : zone->ds.has_key;
	struct signer_key key = { .origin = zone->origin, .ds = ds,
		.phase = rollover_phase_name(rollover->phase),
		.state = is_next == is_going ? "active" : is_next ? "coming" :
		"going", .seen = !zone->ds.is_known ? "unknown" : is_seen ?
		"seen" : "absent", .due = zone->due,
		.serial = zone->served == NULL ? 0 : zone->served->serial };
	if (name[0] == '\0')
		return;
	memcpy(key.name, name, sizeof(key.name));
	if (signed_keys_known(keys, name)) {
		canonical_ds(&zone->origin, keys->data[is_next],
			CANONICAL_DNSKEY, ds);
		key.tag = canonical_tag(keys->data[is_next],
			CANONICAL_DNSKEY);
		key.ds_size = sizeof(ds);
	}
	function(context, &key);
}

void
signer_walk(void (*function)(void *context, const struct signer_key *key),
	void *context)
{
	pthread_mutex_lock(&all.lock);
	for (size_t i = 0; i < all.count; i++) {
		const struct signed_zone *zone = all.zone[i];
		if (zone->plain == NULL || !zone->keys.has_any)
			continue;
		show(zone, false, function, context);
		show(zone, true, function, context);
	}
	pthread_mutex_unlock(&all.lock);
}
