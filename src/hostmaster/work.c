#include "hostmaster/work.h"

#include <assert.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "hostmaster/facts.h"
#include "hostmaster/publish.h"
#include "serve/counter.h"

static const char tag[] = "hostmaster";

static struct {
	pthread_mutex_t lock;		/* of is_woken */
	pthread_cond_t changed;
	bool is_woken;
	pthread_mutex_t doing;		/* one at a time; taken first */
} work = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.doing = PTHREAD_MUTEX_INITIALIZER };

/* ---- one round ---- */

/* What stands below another domain goes into its zone, which is there first. */
static int
publish_domain(const struct facts *facts, struct span domain, bool is_below,
	int64_t deadline, struct error *error)
{
	struct domain_facts found;
	struct domain_records records;
	struct buffer text;
	if (!facts_records(facts, domain, &found, &records) ||
	    found.is_below != is_below)
		return 0;
	buffer_init(&text, 0);
	domain_records_print(&records, found.domain, &text);
	int result = publish_send(found.domain, tag, buffer_span(&text),
		deadline, error);
	buffer_fini(&text);
	return result < 0 ? error_wrap(error, "%.*s", SPAN_PRINT(domain)) : 0;
}

static bool
is_ours(const struct facts *facts, struct span origin)
{
	for (size_t i = 0; i < facts->count; i++)
		if (span_equals(facts->domain[i], origin))
			return true;
	return false;
}

/* Domains that are not ours any more. */
static int
remove_others(const struct facts *facts, int64_t deadline, struct error *error)
{
	struct span *origins;
	size_t count;
	if (publish_list(tag, deadline, facts->arena, &origins, &count,
	    error) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (!is_ours(facts, origins[i]) && publish_send(origins[i],
		    tag, SPAN(""), deadline, error) < 0)
			return -1;
	return 0;
}

/* A domain that names refuses does not keep the others from being published. */
static int
publish_all(const struct facts *facts, int64_t deadline, struct error *error)
{
	int result = remove_others(facts, deadline, error);
	for (size_t i = 0; i < 2 * facts->count; i++) {
		struct error one;
		struct span domain = facts->domain[i % facts->count];
		if (publish_domain(facts, domain, i >= facts->count, deadline,
		    &one) == 0)
			continue;
		*error = one;
		result = -1;
		if (one.code != ERROR_REFUSED)
			break;
		log_event(LOG_WARN, "records-refused", NULL,
			LOG_SPAN("domain", domain),
			LOG_TEXT("reason", one.text));
	}
	return result;
}

static int
do_locked(struct error *error)
{
	struct arena arena;
	arena_init(&arena, 0);
	struct facts *facts = arena_new(&arena, sizeof(*facts));
	int64_t deadline = clock_monotonic() + WORK_PATIENCE;
	int64_t now = clock_wall() / 1000;
	int result = facts_find(facts, &arena, now, deadline, error);
	if (result == 0)
		result = publish_all(facts, deadline, error);
	if (result == 0)
		result = tlsa_published(facts->host.key,
			facts->host.key_count, (clock_wall() + 999) / 1000,
			facts_is_signed(facts), error);
	arena_fini(&arena);
	return result;
}

int
work_do(struct error *error)
{
	pthread_mutex_lock(&work.doing);
	int result = do_locked(error);
	pthread_mutex_unlock(&work.doing);
	return result;
}

/* ---- the thread ---- */

/* What the last round went by. */
struct seen {
	uint64_t accounts, certificate, sum;
	int64_t looked, done;		/* monotonic ms; 0: never */
	bool is_failed;
	struct error error;
};

static bool
is_due(struct seen *seen, bool is_woken, int64_t now)
{
	const struct counter_generations *generations =
		counter_generations();
	uint64_t accounts = atomic_load(&generations->accounts);
	uint64_t certificate = atomic_load(&generations->certificate);
	bool is_changed = accounts != seen->accounts ||
		certificate != seen->certificate;
	seen->accounts = accounts;
	seen->certificate = certificate;
	if (now - seen->looked >= WORK_LOOK || seen->looked == 0) {
		pthread_mutex_lock(&work.doing);
		uint64_t sum = facts_sum();
		pthread_mutex_unlock(&work.doing);
		is_changed |= sum != seen->sum;
		seen->sum = sum;
		seen->looked = now;
	}
	return is_woken || is_changed || seen->done == 0 ||
		now - seen->done >= (seen->is_failed ? WORK_RETRY : WORK_AGAIN);
}

/* A failure is told when it begins, or is another one. */
static void
look(struct seen *seen, bool is_woken)
{
	struct error error;
	int64_t now = clock_monotonic();
	if (!is_due(seen, is_woken, now))
		return;
	bool is_failed = work_do(&error) < 0;
	if (is_failed && (!seen->is_failed || !span_equals(
	    span_from(seen->error.text), span_from(error.text))))
		log_event(LOG_WARN, "records-not-right", NULL,
			LOG_TEXT("reason", error.text));
	else if (!is_failed && (seen->is_failed || seen->done == 0))
		log_event(LOG_INFO, "records-right", NULL);
	if (is_failed)
		seen->error = error;
	seen->is_failed = is_failed;
	seen->done = now;
}

static void *
run(void *context)
{
	struct seen seen = { .accounts = 0 };
	(void)context;
	for (;;) {
		int64_t until = clock_monotonic() + WORK_TICK;
		const struct timespec at = { .tv_sec = until / 1000,
			.tv_nsec = until % 1000 * 1000000 };
		pthread_mutex_lock(&work.lock);
		if (!work.is_woken && seen.done != 0)
			pthread_cond_timedwait(&work.changed, &work.lock, &at);
		bool is_woken = work.is_woken;
		work.is_woken = false;
		pthread_mutex_unlock(&work.lock);
		look(&seen, is_woken);
	}
	return NULL;
}

void
work_wake(void)
{
	pthread_mutex_lock(&work.lock);
	work.is_woken = true;
	pthread_cond_signal(&work.changed);
	pthread_mutex_unlock(&work.lock);
}

void
work_start(void)
{
	pthread_t thread;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&work.changed, &attributes);
	pthread_condattr_destroy(&attributes);
	int result = pthread_create(&thread, NULL, run, NULL);
	assert(result == 0);
	pthread_detach(thread);
}
