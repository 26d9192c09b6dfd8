/*
 * The thread that gets certificates: it looks what there is, waits until
 * something is due, makes one attempt, writes down how it ended. Whatever
 * happens, the certificate that is in use stays until there is another.
 */
#include "hostmaster/acme.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "hostmaster/acme_inside.h"
#include "hostmaster/acme_issue.h"
#include "hostmaster/acme_names.h"
#include "hostmaster/acme_store.h"
#include "hostmaster/hostmaster.h"
#include "hostmaster/tlsa.h"
#include "hostmaster/work.h"
#include "serve/process.h"
#include "trust/acme_chain.h"
#include "trust/acme_left.h"

enum {
	ROUND = 3600000,		/* ms; looked again at least so often */
	OWN_PAUSE = 5000,		/* after trouble of our own, doubled */
	SETTLE_PAUSE = 3000,		/* until the next key is known */
	WINDOW_FIRST = 6 * 3600000,	/* RFC 9773 4.3.2, when nothing is said */
	WINDOW_LEAST = 60000,
};

static struct {
	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t changed;
	bool is_woken, is_wanted, is_busy;
	unsigned attempts;
	uint8_t next_hash[CERTIFICATE_KEY_HASH];
	char next_key[KEYWIRE_NAME_SIZE];	/* whose that is; or empty */
	/* The thread's own: */
	unsigned own_failures;		/* in a row */
	int64_t window_look;		/* wall ms: when to ask for it again */
	struct acme_window window;
} acme = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- what others ask for ---- */

void
acme_wake(void)
{
	pthread_mutex_lock(&acme.lock);
	acme.is_woken = true;
	pthread_cond_signal(&acme.changed);
	pthread_mutex_unlock(&acme.lock);
}

void
acme_want_now(void)
{
	pthread_mutex_lock(&acme.lock);
	acme.is_wanted = acme.is_woken = true;
	pthread_cond_signal(&acme.changed);
	pthread_mutex_unlock(&acme.lock);
}

bool
acme_is_busy(void)
{
	pthread_mutex_lock(&acme.lock);
	bool is_busy = acme.is_busy || acme.is_wanted;
	pthread_mutex_unlock(&acme.lock);
	return is_busy;
}

unsigned
acme_attempts(void)
{
	pthread_mutex_lock(&acme.lock);
	unsigned attempts = acme.attempts;
	pthread_mutex_unlock(&acme.lock);
	return attempts;
}

size_t
acme_public_hashes(uint8_t (*hashes)[CERTIFICATE_KEY_HASH], size_t room)
{
	struct acme_state *state;
	struct arena arena;
	size_t count = 0;
	arena_init(&arena, 0);
	state = arena_new(&arena, sizeof(*state));
	acme_store_get(&arena, state);
	if (count < room && state->chain.size > 0 &&
	    certificate_key_hash(state->chain, hashes[count]))
		count++;
	arena_fini(&arena);
	pthread_mutex_lock(&acme.lock);
	if (count < room && acme.next_key[0] != '\0')
		memcpy(hashes[count++], acme.next_hash, CERTIFICATE_KEY_HASH);
	pthread_mutex_unlock(&acme.lock);
	return count;
}

/* ---- the configuration ---- */

static struct span
directory_of(const struct config *config)
{
	struct span text = span_from(config_text(config, "acme_directory"));
	return span_equals(text, SPAN("letsencrypt")) ?
		SPAN("https://acme-v02.api.letsencrypt.org/directory") : text;
}

static int
read_challenges(const struct config *config, struct acme_plan *plan,
	struct error *error)
{
	struct span rest = span_from(config_text(config, "acme_challenges"));
	struct span item;
	plan->challenges = 0;
	while (config_next_item(&rest, &item) &&
	    plan->challenges < ACME_CHALLENGE_TYPES)
		if (!acme_challenge_find(item,
		    &plan->challenge[plan->challenges++]))
			return error_set(error, ERROR_USAGE,
				"acme_challenges: found %.*s, expected "
				"http-01, tls-alpn-01 or dns-01",
				SPAN_PRINT(span_first(item, 100)));
	return plan->challenges > 0 ? 0 : error_set(error, ERROR_USAGE,
		"acme_challenges: found nothing");
}

/* ---- renewal information (RFC 9773) ---- */

static int
ask_window(const struct acme_plan *plan, const struct acme_chain *chain,
	struct arena *arena, int64_t *wait, struct acme_window *window,
	struct error *error)
{
	struct acme_client client = { .arena = arena };
	struct acme_reply reply;
	if (acme_client_open(&client, plan->directory, error) < 0)
		return -1;
	*wait = WINDOW_FIRST;
	*window = (struct acme_window){ 0 };
	if (client.directory.renewal_info.size == 0 || chain->id.size == 0)
		return 0;
	if (acme_client_get(&client, arena_print(arena, "%.*s/%.*s",
	    SPAN_PRINT(client.directory.renewal_info),
	    SPAN_PRINT(chain->id)), arena, &reply, error) < 0)
		return -1;
	if (reply.wait > 0)
		*wait = reply.wait < WINDOW_LEAST ? WINDOW_LEAST : reply.wait;
	if (acme_read_window(reply.body, window))
		return 0;
	*window = (struct acme_window){ 0 };
	return error_set(error, ERROR_REFUSED,
		"the authority's renewal information is none");
}

/* A window that begins after the certificate's end would leave us without:
 * a twelfth of its time before that it is renewed, whatever is suggested. */
static int64_t
renewal_in(const struct acme_window *window, const struct acme_chain *chain,
	int64_t now)
{
	int64_t latest = chain->not_after -
		(chain->not_after - chain->not_before) / 12;
	int64_t when = window->end <= now ? now : acme_renewal_time(
		chain->not_before, chain->not_after, window, random_u64());
	return when < latest ? when : latest;
}

static void
look_at_window(const struct acme_plan *plan, const struct acme_chain *chain,
	struct acme_state *state, struct arena *arena)
{
	int64_t now = clock_wall(), wait = WINDOW_FIRST;
	struct acme_window window;
	struct error error;
	if (now < acme.window_look || chain->count == 0)
		return;
	if (ask_window(plan, chain, arena, &wait, &window, &error) < 0)
		log_event(LOG_INFO, "no-renewal-information", NULL,
			LOG_TEXT("reason", error.text));
	else if (window.end > 0 && (window.start != acme.window.start ||
	    window.end != acme.window.end)) {
		acme.window = window;
		state->renewal = renewal_in(&window, chain, now);
		if (acme_store_put(state, &error) < 0)
			log_event(LOG_WARN, "renewal-not-kept", NULL,
				LOG_TEXT("reason", error.text));
	}
	acme.window_look = now + wait;
}

/* ---- what is due ---- */

/* For all the names, and not to be renewed yet. */
static bool
is_current(const struct acme_plan *plan, const struct acme_state *state,
	struct arena *arena, int64_t now)
{
	const struct acme_chain_wish wish = { .names = plan->names,
		.count = plan->count, .now = now };
	struct acme_chain chain;
	return state->chain.size > 0 && now < state->renewal &&
		acme_chain_read(state->chain, &wish, arena, &chain, NULL) ==
		ACME_CHAIN_OK;
}

/* When there is something to do for a certificate that is current. */
static int64_t
next_time(const struct acme_state *state)
{
	int64_t left = acme_left_until(state);
	return left < state->renewal ? left : state->renewal;
}

/* Until when nothing has to be done, from now. */
static int64_t
pause_until(int64_t when, int64_t now)
{
	int64_t pause = when - now;
	return pause < 1000 ? 1000 : pause > ROUND ? ROUND : pause;
}

/* ---- the next key ---- */

/* Published when it returns 0. */
static int
set_next(struct span name, const struct key_public *public_key,
	struct error *error)
{
	pthread_mutex_lock(&acme.lock);
	SHA256(public_key->der, public_key->size, acme.next_hash);
	snprintf(acme.next_key, sizeof(acme.next_key), "%.*s",
		SPAN_PRINT(name));
	pthread_mutex_unlock(&acme.lock);
	if (work_do(error) == 0)
		return 0;
	pthread_mutex_lock(&acme.lock);
	acme.next_key[0] = '\0';
	pthread_mutex_unlock(&acme.lock);
	return -1;
}

/*
 * The key for the next certificate is made as soon as one is in use, so that
 * its TLSA record is known long before it is needed (RFC 7671 8.1).
 * *is_settled: it may be used.
 */
static int
prepare_key(struct acme_state *state, struct arena *arena, bool *is_settled,
	struct error *error)
{
	struct key_public public_key;
	*is_settled = false;
	if (state->next_key.size == 0 || !span_equals(state->next_key,
	    span_from(acme.next_key))) {
		if (acme_issue_next_key(state, arena, &public_key, error) < 0 ||
		    set_next(state->next_key, &public_key, error) < 0)
			return -1;
	}
	/* nobody believes in TLSA records that are not signed (RFC 6698 4) */
	*is_settled = config_text(atomic_load(&hostmaster.config),
		"dns_signed_zones")[0] == '\0' ||
		tlsa_is_settled(acme.next_hash, clock_wall() / 1000);
	return 0;
}

/* ---- one round ---- */

static int64_t
first_retry(void)
{
	return config_duration(atomic_load(&hostmaster.config),
		"acme_retry_time");
}

/* Is there less than a tenth of the time left? Then somebody must look. */
static bool
is_ending(const struct acme_state *state, struct arena *arena, int64_t now)
{
	struct acme_chain chain;
	if (state->chain.size == 0)
		return false;
	acme_chain_read(state->chain, &(struct acme_chain_wish){ .now = now },
		arena, &chain, NULL);
	return now > chain.not_after - (chain.not_after - chain.not_before) /
		10;
}

static void
log_failure(const struct acme_state *state, bool wants_person,
	const char *text, int64_t delay)
{
	log_event(wants_person ? LOG_ERROR : LOG_WARN,
		"certificate-not-issued", NULL, LOG_TEXT("reason", text),
		LOG_NUMBER("failures", state->failures),
		LOG_NUMBER("again-s", delay / 1000));
}

/* Ours: nobody else was troubled, or not by his fault. */
static int64_t
note_own_failure(const struct acme_state *state, const struct error *error)
{
	int64_t delay = acme_retry_delay(++acme.own_failures, OWN_PAUSE, 0,
		random_u64());
	log_failure(state, false, error->text, delay);
	return delay;
}

static int64_t
note_failure(struct acme_state *state, struct arena *arena,
	const struct acme_outcome *outcome, const struct error *error)
{
	struct error own;
	int64_t now = clock_wall();
	int64_t delay = acme_retry_delay(++state->failures, first_retry(),
		outcome->wait, random_u64());
	state->trouble = arena_copy(arena, span_from(error->text));
	state->retry = now + delay;
	log_failure(state, outcome->wants_person || is_ending(state, arena,
		now), error->text, delay);
	if (acme_store_put(state, &own) < 0)
		log_event(LOG_WARN, "failure-not-kept", NULL,
			LOG_TEXT("reason", own.text));
	return delay;
}

static void
begin_attempt(void)
{
	pthread_mutex_lock(&acme.lock);
	acme.is_wanted = false;
	acme.is_busy = true;
	pthread_mutex_unlock(&acme.lock);
}

static void
end_attempt(void)
{
	pthread_mutex_lock(&acme.lock);
	acme.is_busy = false;
	acme.attempts++;
	pthread_mutex_unlock(&acme.lock);
}

static bool
is_wanted(void)
{
	pthread_mutex_lock(&acme.lock);
	bool is = acme.is_wanted;
	pthread_mutex_unlock(&acme.lock);
	return is;
}

/*
 * False: no other name is left to go on with. Failures that are all those of
 * names, of which the mail host's is none, need not be the end for the rest.
 */
static bool
leave_out(struct acme_plan *plan, struct acme_state *state,
	const struct acme_outcome *outcome, struct error *error)
{
	int64_t now = clock_wall();
	size_t count = plan->count;
	if (outcome->failed_count == 0)
		return false;
	for (size_t i = 0; i < outcome->failed_count; i++)
		if (span_equals(outcome->failed[i].name, plan->names[0]))
			return false;
	for (size_t i = 0; i < outcome->failed_count; i++) {
		const struct acme_state_left left = {
			.name = outcome->failed[i].name,
			.reason = outcome->failed[i].reason };
		int64_t delay = acme_left_add(state, &left, now,
			first_retry(), random_u64());
		log_event(LOG_WARN, "name-left-out", NULL,
			LOG_SPAN("reason", left.reason),
			LOG_NUMBER("again-s", delay / 1000));
	}
	acme_left_apply(state, now, plan->names, &plan->count);
	/* kept also when trouble of our own was the end, so that it is not asked
	 * for again as soon as that is over */
	return acme_store_put(state, error) == 0 && !outcome->is_ours &&
		plan->count < count;
}

/* When the others have a certificate that is good, that is all. */
static int
issue(struct acme_plan *plan, struct acme_state *state, struct arena *arena,
	struct acme_outcome *outcome, struct error *error)
{
	bool was_wanted = is_wanted();
	begin_attempt();
	int result = acme_issue(plan, arena, state, outcome, error);
	while (result < 0 && leave_out(plan, state, outcome, error)) {
		bool is_enough = !was_wanted && is_current(plan, state, arena,
			clock_wall());
		result = is_enough ? 0 : acme_issue(plan, arena, state,
			outcome, error);
	}
	return result;
}

static int64_t
attempt(struct acme_plan *plan, struct acme_state *state, struct arena *arena)
{
	struct acme_outcome *outcome = arena_new(arena, sizeof(*outcome));
	struct error error;
	bool is_settled;
	int result = issue(plan, state, arena, outcome, &error);
	int64_t pause = SETTLE_PAUSE;
	if (result == 0) {
		acme.own_failures = 0;
		acme.window_look = 0;
		if (prepare_key(state, arena, &is_settled, &error) < 0)
			pause = note_own_failure(state, &error);
	} else if (outcome->is_ours) {
		pause = note_own_failure(state, &error);
	} else {
		pause = note_failure(state, arena, outcome, &error);
	}
	end_attempt();
	return pause;
}

/* A mistake of the administrator's: it waits for a reload. */
static int64_t
note_mistake(struct acme_state *state, struct arena *arena,
	const struct error *error)
{
	struct error own;
	begin_attempt();
	if (!span_equals(state->trouble, span_from(error->text))) {
		log_failure(state, true, error->text, ROUND);
		state->trouble = arena_copy(arena, span_from(error->text));
		if (acme_store_put(state, &own) < 0)
			note_own_failure(state, &own);
	}
	end_attempt();
	return ROUND;
}

static int64_t
do_what_is_due(struct acme_plan *plan, struct acme_state *state,
	struct arena *arena)
{
	const struct config *config = atomic_load(&hostmaster.config);
	struct acme_chain chain = { 0 };
	struct error error;
	bool is_settled;
	if (read_challenges(config, plan, &error) < 0 ||
	    acme_names_find(config, arena, plan, &error) < 0)
		return error.code == ERROR_USAGE ? note_mistake(state, arena,
			&error) : note_own_failure(state, &error);
	acme_left_keep(state, plan->names, plan->count);
	if (!is_wanted())
		acme_left_apply(state, clock_wall(), plan->names,
			&plan->count);
	if (prepare_key(state, arena, &is_settled, &error) < 0)
		return note_own_failure(state, &error);
	if (state->chain.size > 0)
		acme_chain_read(state->chain, &(struct acme_chain_wish){
			.now = 0 }, arena, &chain, NULL);
	look_at_window(plan, &chain, state, arena);
	int64_t now = clock_wall();
	if (!is_wanted() && is_current(plan, state, arena, now))
		return pause_until(next_time(state), now);
	if (!is_wanted() && now < state->retry)
		return pause_until(state->retry, now);
	if (!is_settled)
		return SETTLE_PAUSE;
	return attempt(plan, state, arena);
}

static int64_t
look(void)
{
	const struct config *config = atomic_load(&hostmaster.config);
	struct arena arena;
	int64_t pause = ROUND;
	arena_init(&arena, 0);
	struct acme_plan *plan = arena_new(&arena, sizeof(*plan));
	struct acme_state *state = arena_new(&arena, sizeof(*state));
	plan->directory = directory_of(config);
	plan->email = span_from(config_text(config, "acme_email"));
	acme_store_get(&arena, state);
	if (plan->directory.size > 0)
		pause = do_what_is_due(plan, state, &arena);
	arena_fini(&arena);
	return pause;
}

static void
sleep_for(int64_t pause)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += pause / 1000;
	pthread_mutex_lock(&acme.lock);
	while (!acme.is_woken && pthread_cond_clockwait(&acme.changed,
	    &acme.lock, CLOCK_MONOTONIC, &until) == 0)
		continue;
	acme.is_woken = false;
	pthread_mutex_unlock(&acme.lock);
}

static void *
work(void *argument)
{
	struct error ignored;
	(void)argument;
	/* Our names are in the DNS before it is asked which of them lead here: a
	 * certificate without some would be followed by another at once. */
	work_do(&ignored);
	for (;;)
		sleep_for(look());
	return NULL;
}

void
acme_open(void)
{
	struct error error;
	if (acme_store_open(process_file("acme_chain_file"), &error) < 0)
		log_event(LOG_ERROR, "certificates-not-kept", NULL,
			LOG_TEXT("reason", error.text));
}

void
acme_start(struct lot *lot)
{
	pthread_t thread;
	hostmaster.fetcher = fetcher_new(lot);
	hostmaster.keys = key_caller_new(lot);
	hostmaster.names = names_new(lot);
	if (pthread_create(&thread, NULL, work, NULL) == 0)
		pthread_detach(thread);
	else
		log_event(LOG_ERROR, "no-thread", NULL,
			LOG_TEXT("reason", "certificates are not renewed"));
}
