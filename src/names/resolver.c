/*
 * The resolver's thread. Questions come to it over a list and an eventfd; all
 * else here happens on it alone.
 */
#include "names/resolver.h"

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "names/choice.h"
#include "names/recall.h"
#include "serve/counter.h"

/* How the choice's candidates are called in the log. */
static const char *const candidate_names[] = { "servers", "root",
	"unvalidated" };

struct question {
	struct dns_question asked;
	struct upstream_call call;	/* to the upstream */
	struct resolver *resolver;
	upstream_function *function;	/* NULL: answered, it was too late */
	void *context;
	int64_t deadline;
	unsigned candidate;		/* asked now */
	bool is_under_way;		/* there */
	struct question *before, *next;	/* in .open, or in .late */
};

struct question_list {
	struct question *first, *last;
};

struct candidate {
	struct upstream *upstream;	/* NULL: there is none of this kind */
	struct upstream_call probe;
	struct resolver *resolver;
	bool is_validating;
	bool is_probed;			/* an answer is to come */
	/*
	 * The library remembers for minutes whom it could not reach. So one
	 * that did not work is tried with a new context, which takes the place
	 * of the old one when it works.
	 */
	struct upstream *fresh;
	struct upstream_call fresh_probe;
	bool is_fresh_good;
};

struct resolver {
	pthread_mutex_t lock;		/* of the next three */
	struct question *waiting, *last_waiting;	/* new ones */
	struct resolver_settings *fresh;	/* to be used from now on */
	bool is_stopping;
	atomic_uint count;		/* questions in any list */
	int wake;			/* eventfd */
	bool is_started;
	pthread_t thread;

	/* the thread's own */
	struct event_base *base;
	struct event *wake_event, *timer;
	struct resolver_settings *settings;
	struct choice choice;
	struct candidate candidates[CHOICE_COUNT];
	struct question_list open, late;	/* oldest first */
	bool is_closing;		/* answers are of no use */
};

/* ---- lists ---- */

static void
list_add(struct question_list *list, struct question *question)
{
	question->before = list->last;
	question->next = NULL;
	if (list->last != NULL)
		list->last->next = question;
	else
		list->first = question;
	list->last = question;
}

static void
list_take(struct question_list *list, struct question *question)
{
	if (question->before != NULL)
		question->before->next = question->next;
	else
		list->first = question->next;
	if (question->next != NULL)
		question->next->before = question->before;
	else
		list->last = question->before;
}

/* ---- settings ---- */

static struct span
copy_span(struct span from)
{
	char *copy = memory_new(from.size + 1);
	if (from.size > 0)
		memcpy(copy, from.data, from.size);
	return span_of(copy, from.size);
}

static struct resolver_settings *
settings_copy(const struct resolver_settings *settings)
{
	struct resolver_settings *copy = memory_new(sizeof(*copy));
	*copy = *settings;
	copy->anchors = copy_span(settings->anchors);
	copy->insecure = copy_span(settings->insecure);
	return copy;
}

static void
settings_free(struct resolver_settings **settings)
{
	if (*settings == NULL)
		return;
	memory_free((char *)(uintptr_t)(*settings)->anchors.data);
	memory_free((char *)(uintptr_t)(*settings)->insecure.data);
	memory_free(*settings);
	*settings = NULL;
}

static bool
settings_equal(const struct resolver_settings *a,
	const struct resolver_settings *b)
{
	return memcmp(&a->servers, &b->servers, sizeof(a->servers)) == 0 &&
		a->are_forwarders == b->are_forwarders &&
		a->validation == b->validation &&
		a->cache_size == b->cache_size &&
		span_equals(a->anchors, b->anchors) &&
		span_equals(a->insecure, b->insecure);
}

static bool
can_validate(const struct resolver_settings *settings)
{
	struct span rest = settings->anchors, record;
	return settings->validation != RESOLVER_NO &&
		sources_next_anchor(&rest, &record);
}

/* Is there a candidate of this kind? */
static bool
is_possible(const struct resolver_settings *settings,
	enum choice_candidate kind)
{
	bool may_trust = settings->validation != RESOLVER_YES;
	switch (kind) {
	case CHOICE_SERVERS:
		return settings->servers.count > 0 && can_validate(settings);
	case CHOICE_ROOT:
		/* without anchors it is what is left */
		return !settings->are_forwarders &&
			(can_validate(settings) || (may_trust &&
			settings->servers.count == 0));
	case CHOICE_UNVALIDATED:
	case CHOICE_COUNT:
		break;
	}
	return settings->servers.count > 0 && may_trust;
}

static int
open_upstream(struct resolver *resolver,
	const struct resolver_settings *settings, enum choice_candidate kind,
	struct upstream **upstream, struct error *error)
{
	struct upstream_options options = { .base = resolver->base,
		.insecure = settings->insecure,
		.cache_size = settings->cache_size / CHOICE_COUNT };
	if (kind != CHOICE_ROOT)
		options.servers = settings->servers;
	if (kind != CHOICE_UNVALIDATED && can_validate(settings))
		options.anchors = settings->anchors;
	return upstream_new(&options, upstream, error);
}

/* What it says while it goes is of no use. */
static void
close_upstream(struct resolver *resolver, struct upstream **upstream)
{
	resolver->is_closing = true;
	upstream_free(upstream);
	resolver->is_closing = false;
}

static void
close_upstreams(struct resolver *resolver,
	struct upstream *upstreams[CHOICE_COUNT])
{
	for (unsigned i = 0; i < CHOICE_COUNT; i++)
		close_upstream(resolver, &upstreams[i]);
}

static int
open_upstreams(struct resolver *resolver,
	const struct resolver_settings *settings,
	struct upstream *upstreams[CHOICE_COUNT], struct error *error)
{
	bool has_one = false;
	for (unsigned i = 0; i < CHOICE_COUNT; i++) {
		upstreams[i] = NULL;
		if (!is_possible(settings, i))
			continue;
		has_one = true;
		if (open_upstream(resolver, settings, i, &upstreams[i],
			error) == 0)
			continue;
		close_upstreams(resolver, upstreams);
		return -1;
	}
	return has_one ? 0 : error_set(error, ERROR_USAGE,
		"dns_validation is yes, but dns_trust_anchor_file holds no "
		"trust anchor");
}

/* Puts them in the places of the candidates, which are empty. */
static void
set_upstreams(struct resolver *resolver,
	struct upstream *upstreams[CHOICE_COUNT])
{
	for (unsigned i = 0; i < CHOICE_COUNT; i++) {
		struct candidate *candidate = &resolver->candidates[i];
		candidate->upstream = upstreams[i];
		candidate->is_probed = candidate->is_fresh_good = false;
		candidate->is_validating = i != CHOICE_UNVALIDATED &&
			can_validate(resolver->settings);
	}
}

static void
close_candidates(struct resolver *resolver)
{
	for (unsigned i = 0; i < CHOICE_COUNT; i++) {
		close_upstream(resolver, &resolver->candidates[i].upstream);
		close_upstream(resolver, &resolver->candidates[i].fresh);
	}
}

static void
begin_choice(struct resolver *resolver)
{
	bool possible[CHOICE_COUNT];
	for (unsigned i = 0; i < CHOICE_COUNT; i++)
		possible[i] = resolver->candidates[i].upstream != NULL;
	choice_init(&resolver->choice, possible, clock_monotonic());
}

/* ---- asking ---- */

static void
finish(struct question *question, struct question_list *list)
{
	list_take(list, question);
	atomic_fetch_sub(&question->resolver->count, 1);
	memory_free(question);
}

static void
say(struct question *question, const struct message_answer *answer)
{
	upstream_function *function = question->function;
	question->function = NULL;
	if (answer->is_bogus) {
		char name[DNS_TEXT_SIZE];
		dns_name_to_text(&question->asked.name, name);
		log_event(LOG_INFO, "names-bogus", NULL,
			LOG_TEXT("name", name),
			LOG_NUMBER("type", question->asked.type),
			LOG_SPAN("reason", answer->reason));
	}
	function(question->context, answer);
}

static void
submit(struct question *question)
{
	struct resolver *resolver = question->resolver;
	question->candidate = choice_current(&resolver->choice);
	question->is_under_way = true;
	upstream_ask(resolver->candidates[question->candidate].upstream,
		&question->asked, &question->call);
}

/* By the upstream. */
static void
take_answer(void *context, const struct message_answer *answer)
{
	struct question *question = context;
	struct resolver *resolver = question->resolver;
	if (resolver->is_closing)
		return;
	question->is_under_way = false;
	if (question->function == NULL) {
		finish(question, &resolver->late);
		return;
	}
	bool is_failure = answer->rcode != DNS_NO_ERROR &&
		answer->rcode != DNS_NO_SUCH_NAME && !answer->is_bogus;
	unsigned current = choice_current(&resolver->choice);
	if (is_failure && question->candidate != current) {
		submit(question);
		return;
	}
	choice_note(&resolver->choice, is_failure);
	/* what another way found before the choice is not believed after it */
	if (question->candidate == current)
		recall_put(&question->asked, answer, clock_monotonic());
	say(question, answer);
	finish(question, &resolver->open);
}

/* Answers those that waited too long; unbound still has them in hand. */
static void
give_up(struct resolver *resolver, int64_t now)
{
	static const struct message_answer late = {
		.rcode = DNS_SERVER_FAILURE,
		.reason = { "no server answered in time", 26 } };
	struct question *question;
	while ((question = resolver->open.first) != NULL &&
	    question->deadline <= now) {
		choice_note(&resolver->choice, true);
		say(question, &late);
		if (!question->is_under_way) {
			finish(question, &resolver->open);
			continue;
		}
		list_take(&resolver->open, question);
		list_add(&resolver->late, question);
	}
}

/* ---- choosing ---- */

static bool
note_probe(struct candidate *candidate, const struct message_answer *answer)
{
	struct resolver *resolver = candidate->resolver;
	bool can_answer = answer->rcode == DNS_NO_ERROR ||
		answer->rcode == DNS_NO_SUCH_NAME;
	bool works = can_answer &&
		(answer->is_secure || !candidate->is_validating);
	choice_probed(&resolver->choice,
		(unsigned)(candidate - resolver->candidates), works);
	/* chosen in the next turn of the loop, not below whoever called */
	event_active(resolver->timer, EV_TIMEOUT, 1);
	return works;
}

static void
take_probe(void *context, const struct message_answer *answer)
{
	struct candidate *candidate = context;
	if (candidate->resolver->is_closing)
		return;
	candidate->is_probed = false;
	note_probe(candidate, answer);
}

static void
take_fresh_probe(void *context, const struct message_answer *answer)
{
	struct candidate *candidate = context;
	if (!candidate->resolver->is_closing)
		candidate->is_fresh_good = note_probe(candidate, answer);
}

/* The upstream that is tried now; NULL: nobody new. */
static struct upstream *
upstream_to_probe(struct candidate *candidate)
{
	struct resolver *resolver = candidate->resolver;
	unsigned i = (unsigned)(candidate - resolver->candidates);
	struct error error;
	bool is_fresh = choice_is_made(&resolver->choice) &&
		(!choice_is_reachable(&resolver->choice) ||
		i != choice_current(&resolver->choice));
	if (!is_fresh)
		return candidate->is_probed ? NULL : candidate->upstream;
	close_upstream(resolver, &candidate->fresh);
	candidate->is_fresh_good = false;
	if (open_upstream(resolver, resolver->settings, i, &candidate->fresh,
		&error) < 0)
		log_event(LOG_ERROR, "names-not-opened", NULL,
			LOG_TEXT("reason", error.text));
	return candidate->fresh;
}

/* Asks for a name that nobody has in a cache: the root says that it is not. */
static void
probe(struct candidate *candidate)
{
	char text[32];
	struct dns_question asked = { .type = DNS_TYPE_A,
		.class = DNS_CLASS_IN };
	struct upstream *upstream = upstream_to_probe(candidate);
	if (upstream == NULL)
		return;
	snprintf(text, sizeof(text), "posthouse-%016llx",
		(unsigned long long)random_u64());
	dns_name_from_text(span_from(text), &asked.name);
	bool is_fresh = upstream == candidate->fresh;
	if (!is_fresh)
		candidate->is_probed = true;
	upstream_ask(upstream, &asked, is_fresh ? &candidate->fresh_probe :
		&candidate->probe);
}

static void
log_choice(const struct resolver *resolver, enum choice_event event)
{
	unsigned current = choice_current(&resolver->choice);
	const char *name = candidate_names[current];
	bool is_validating = resolver->candidates[current].is_validating;
	if (event == CHOICE_FAILED)
		log_event(LOG_WARN, "names-unreachable", NULL,
			LOG_TEXT("tried", name));
	else
		log_event(is_validating ? LOG_INFO : LOG_WARN, "names-chosen",
			NULL, LOG_TEXT("upstream", name), LOG_TEXT("validated",
			is_validating ? "yes" : "no"));
}

/* Questions that waited for the choice, or whose upstream was replaced. */
static void
submit_held(struct resolver *resolver)
{
	struct question *question = resolver->open.first, *next;
	for (; question != NULL; question = next) {
		/* it may be answered, and gone, in submit */
		next = question->next;
		if (!question->is_under_way)
			submit(question);
	}
}

/* Questions to an upstream that is gone are to be asked again. */
static void
take_back(struct resolver *resolver, unsigned candidate)
{
	struct question *question = resolver->open.first, *next;
	for (; question != NULL; question = question->next)
		if (question->candidate == candidate)
			question->is_under_way = false;
	for (question = resolver->late.first; question != NULL;
	    question = next) {
		next = question->next;
		if (question->candidate == candidate)
			finish(question, &resolver->late);
	}
}

/* True when a new context has taken the place of one that did not work. */
static bool
renew(struct resolver *resolver)
{
	bool result = false;
	for (unsigned i = 0; i < CHOICE_COUNT; i++) {
		struct candidate *candidate = &resolver->candidates[i];
		if (!candidate->is_fresh_good)
			continue;
		close_upstream(resolver, &candidate->upstream);
		candidate->upstream = candidate->fresh;
		candidate->fresh = NULL;
		candidate->is_fresh_good = candidate->is_probed = false;
		take_back(resolver, i);
		result = true;
	}
	return result;
}

static void
choose(struct resolver *resolver)
{
	unsigned to_probe;
	bool is_renewed = renew(resolver);
	enum choice_event event = choice_turn(&resolver->choice,
		clock_monotonic(), &to_probe);
	for (unsigned i = 0; i < CHOICE_COUNT; i++)
		if ((to_probe & 1u << i) != 0)
			probe(&resolver->candidates[i]);
	if (event == CHOICE_CHANGED)
		recall_clear();
	if (event != CHOICE_NOTHING)
		log_choice(resolver, event);
	if (event != CHOICE_NOTHING || is_renewed)
		submit_held(resolver);
}

/* ---- the thread ---- */

static void
replace(struct resolver *resolver, struct resolver_settings **fresh)
{
	struct upstream *upstreams[CHOICE_COUNT];
	struct error error;
	if (settings_equal(*fresh, resolver->settings))
		return;
	if (open_upstreams(resolver, *fresh, upstreams, &error) < 0) {
		log_event(LOG_ERROR, "names-not-reloaded", NULL,
			LOG_TEXT("reason", error.text));
		return;
	}
	close_candidates(resolver);
	for (unsigned i = 0; i < CHOICE_COUNT; i++)
		take_back(resolver, i);
	recall_clear();
	settings_free(&resolver->settings);
	resolver->settings = *fresh;
	*fresh = NULL;
	set_upstreams(resolver, upstreams);
	begin_choice(resolver);
	choose(resolver);
}

/* RFC 6761 6.3: answered here, whether or not there is a DNS. */
static bool
is_local(const struct question *question)
{
	static const struct dns_name localhost = { 11, "\11localhost" };
	return dns_name_is_below(&question->asked.name, &localhost);
}

static void
take_new(struct resolver *resolver, struct question *question)
{
	struct question *next;
	for (; question != NULL; question = next) {
		next = question->next;
		list_add(&resolver->open, question);
		if (choice_is_made(&resolver->choice) || is_local(question))
			submit(question);
	}
}

static void
on_wake(int fd, short what, void *context)
{
	struct resolver *resolver = context;
	uint64_t count;
	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&resolver->lock);
	struct question *waiting = resolver->waiting;
	struct resolver_settings *fresh = resolver->fresh;
	bool is_stopping = resolver->is_stopping;
	resolver->waiting = resolver->last_waiting = NULL;
	resolver->fresh = NULL;
	pthread_mutex_unlock(&resolver->lock);
	if (fresh != NULL)
		replace(resolver, &fresh);
	settings_free(&fresh);
	take_new(resolver, waiting);
	if (is_stopping)
		event_base_loopbreak(resolver->base);
}

static void
on_timer(int fd, short what, void *context)
{
	struct resolver *resolver = context;
	(void)fd;
	(void)what;
	give_up(resolver, clock_monotonic());
	choose(resolver);
}

static void *
run(void *context)
{
	struct resolver *resolver = context;
	choose(resolver);
	event_base_dispatch(resolver->base);
	return NULL;
}

/* ---- the door ---- */

static int
open_events(struct resolver *resolver, struct error *error)
{
	const struct timeval second = { .tv_sec = 1 };
	resolver->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	resolver->base = event_base_new();
	if (resolver->wake < 0 || resolver->base == NULL)
		return error_set_errno(error, "making the resolver's events");
	resolver->wake_event = event_new(resolver->base, resolver->wake,
		EV_READ | EV_PERSIST, on_wake, resolver);
	resolver->timer = event_new(resolver->base, -1, EV_PERSIST, on_timer,
		resolver);
	assert(resolver->wake_event != NULL && resolver->timer != NULL &&
		event_add(resolver->wake_event, NULL) == 0 &&
		event_add(resolver->timer, &second) == 0);
	return 0;
}

int
resolver_new(const struct resolver_settings *settings,
	struct resolver **resolver, struct error *error)
{
	struct upstream *upstreams[CHOICE_COUNT];
	struct resolver *new = memory_new(sizeof(*new));
	pthread_mutex_init(&new->lock, NULL);
	new->settings = settings_copy(settings);
	for (unsigned i = 0; i < CHOICE_COUNT; i++) {
		struct candidate *candidate = &new->candidates[i];
		*candidate = (struct candidate){ .resolver = new,
			.probe = { take_probe, candidate },
			.fresh_probe = { take_fresh_probe, candidate } };
	}
	if (open_events(new, error) < 0 ||
	    open_upstreams(new, settings, upstreams, error) < 0) {
		resolver_free(&new);
		return -1;
	}
	set_upstreams(new, upstreams);
	begin_choice(new);
	*resolver = new;
	return 0;
}

void
resolver_start(struct resolver *resolver)
{
	int result = pthread_create(&resolver->thread, NULL, run, resolver);
	assert(result == 0);
	resolver->is_started = true;
}

static void
wake(struct resolver *resolver)
{
	const uint64_t one = 1;
	/* full: it is awake anyway */
	ssize_t n = write(resolver->wake, &one, sizeof(one));
	(void)n;
}

void
resolver_configure(struct resolver *resolver,
	const struct resolver_settings *settings)
{
	pthread_mutex_lock(&resolver->lock);
	settings_free(&resolver->fresh);
	resolver->fresh = settings_copy(settings);
	pthread_mutex_unlock(&resolver->lock);
	wake(resolver);
}

static void
free_questions(struct resolver *resolver)
{
	struct question *question;
	while ((question = resolver->waiting) != NULL) {
		resolver->waiting = question->next;
		list_add(&resolver->open, question);
	}
	while (resolver->open.first != NULL)
		finish(resolver->open.first, &resolver->open);
	while (resolver->late.first != NULL)
		finish(resolver->late.first, &resolver->late);
}

void
resolver_free(struct resolver **resolver)
{
	struct resolver *old = *resolver;
	if (old == NULL)
		return;
	if (old->is_started) {
		pthread_mutex_lock(&old->lock);
		old->is_stopping = true;
		pthread_mutex_unlock(&old->lock);
		wake(old);
		pthread_join(old->thread, NULL);
	}
	close_candidates(old);
	free_questions(old);
	if (old->wake_event != NULL)
		event_free(old->wake_event);
	if (old->timer != NULL)
		event_free(old->timer);
	if (old->base != NULL)
		event_base_free(old->base);
	file_close(&old->wake);
	settings_free(&old->settings);
	settings_free(&old->fresh);
	pthread_mutex_destroy(&old->lock);
	memory_free(old);
	*resolver = NULL;
}

bool
resolver_ask(struct resolver *resolver, const struct dns_question *asked,
	bool is_stranger, upstream_function *function, void *context)
{
	unsigned most = is_stranger ? RESOLVER_QUESTIONS_LIMIT / 2 :
		RESOLVER_QUESTIONS_LIMIT;
	if (atomic_fetch_add(&resolver->count, 1) >= most) {
		atomic_fetch_sub(&resolver->count, 1);
		return false;
	}
	struct question *question = memory_new(sizeof(*question));
	*question = (struct question){ .asked = *asked, .resolver = resolver,
		.function = function, .context = context,
		.call = { take_answer, question },
		.deadline = clock_monotonic() + RESOLVER_PATIENCE };
	counter_add(COUNTER_COMMANDS, 1);
	pthread_mutex_lock(&resolver->lock);
	bool was_empty = resolver->waiting == NULL;
	if (was_empty)
		resolver->waiting = question;
	else
		resolver->last_waiting->next = question;
	resolver->last_waiting = question;
	pthread_mutex_unlock(&resolver->lock);
	if (was_empty)
		wake(resolver);
	return true;
}
