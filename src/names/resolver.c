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
open_candidates(struct candidate *candidates, struct event_base *base,
	const struct resolver_settings *settings, struct error *error)
{
	unsigned count = 0;
	for (unsigned i = 0; i < CHOICE_COUNT; i++)
		if (is_possible(settings, i))
			count++;
	if (count == 0)
		return error_set(error, ERROR_USAGE, "dns_validation is yes, "
			"but dns_trust_anchor_file holds no trust anchor");
	for (unsigned i = 0; i < CHOICE_COUNT; i++) {
		struct upstream_options options = { .base = base,
			.insecure = settings->insecure,
			.cache_size = settings->cache_size / count };
		if (!is_possible(settings, i))
			continue;
		if (i != CHOICE_ROOT)
			options.servers = settings->servers;
		candidates[i].is_validating = i != CHOICE_UNVALIDATED &&
			can_validate(settings);
		if (candidates[i].is_validating)
			options.anchors = settings->anchors;
		if (upstream_new(&options, &candidates[i].upstream, error) < 0)
			return -1;
	}
	return 0;
}

static void
close_candidates(struct candidate *candidates)
{
	for (unsigned i = 0; i < CHOICE_COUNT; i++)
		upstream_free(&candidates[i].upstream);
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

static void
take_probe(void *context, const struct message_answer *answer)
{
	struct candidate *candidate = context;
	struct resolver *resolver = candidate->resolver;
	if (resolver->is_closing)
		return;
	unsigned i = (unsigned)(candidate - resolver->candidates);
	bool can_answer = answer->rcode == DNS_NO_ERROR ||
		answer->rcode == DNS_NO_SUCH_NAME;
	candidate->is_probed = false;
	choice_probed(&resolver->choice, i, can_answer &&
		(answer->is_secure || !candidate->is_validating));
	/* chosen in the next turn of the loop, not below whoever called */
	event_active(resolver->timer, EV_TIMEOUT, 1);
}

/* Asks for a name that nobody has in a cache: the root says that it is not. */
static void
probe(struct candidate *candidate)
{
	char text[32];
	struct dns_question asked = { .type = DNS_TYPE_A,
		.class = DNS_CLASS_IN };
	if (candidate->is_probed || candidate->upstream == NULL)
		return;
	snprintf(text, sizeof(text), "posthouse-%016llx",
		(unsigned long long)random_u64());
	dns_name_from_text(span_from(text), &asked.name);
	candidate->is_probed = true;
	upstream_ask(candidate->upstream, &asked, &candidate->probe);
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

static void
choose(struct resolver *resolver)
{
	unsigned to_probe;
	enum choice_event event = choice_turn(&resolver->choice,
		clock_monotonic(), &to_probe);
	for (unsigned i = 0; i < CHOICE_COUNT; i++)
		if ((to_probe & 1u << i) != 0)
			probe(&resolver->candidates[i]);
	if (event == CHOICE_NOTHING)
		return;
	log_choice(resolver, event);
	submit_held(resolver);
}

/* ---- the thread ---- */

static void
replace(struct resolver *resolver, struct resolver_settings **fresh)
{
	struct candidate candidates[CHOICE_COUNT] = { { .upstream = NULL } };
	struct error error;
	struct question *question;
	if (settings_equal(*fresh, resolver->settings))
		return;
	if (open_candidates(candidates, resolver->base, *fresh, &error) < 0) {
		close_candidates(candidates);
		log_event(LOG_ERROR, "names-not-reloaded", NULL,
			LOG_TEXT("reason", error.text));
		return;
	}
	resolver->is_closing = true;
	close_candidates(resolver->candidates);
	resolver->is_closing = false;
	for (unsigned i = 0; i < CHOICE_COUNT; i++) {
		resolver->candidates[i].upstream = candidates[i].upstream;
		resolver->candidates[i].is_validating =
			candidates[i].is_validating;
		resolver->candidates[i].is_probed = false;
	}
	settings_free(&resolver->settings);
	resolver->settings = *fresh;
	*fresh = NULL;
	while (resolver->late.first != NULL)
		finish(resolver->late.first, &resolver->late);
	question = resolver->open.first;
	for (; question != NULL; question = question->next)
		question->is_under_way = false;
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

int
resolver_new(const struct resolver_settings *settings,
	struct resolver **resolver, struct error *error)
{
	const struct timeval second = { .tv_sec = 1 };
	struct resolver *new = memory_new(sizeof(*new));
	pthread_mutex_init(&new->lock, NULL);
	new->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	new->base = event_base_new();
	new->settings = settings_copy(settings);
	for (unsigned i = 0; i < CHOICE_COUNT; i++)
		new->candidates[i] = (struct candidate){ .resolver = new,
			.probe = { take_probe, &new->candidates[i] } };
	if (new->wake < 0 || new->base == NULL) {
		error_set_errno(error, "making the resolver's events");
		resolver_free(&new);
		return -1;
	}
	new->wake_event = event_new(new->base, new->wake, EV_READ | EV_PERSIST,
		on_wake, new);
	new->timer = event_new(new->base, -1, EV_PERSIST, on_timer, new);
	assert(new->wake_event != NULL && new->timer != NULL &&
		event_add(new->wake_event, NULL) == 0 &&
		event_add(new->timer, &second) == 0);
	if (open_candidates(new->candidates, new->base, settings, error) < 0) {
		resolver_free(&new);
		return -1;
	}
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
	old->is_closing = true;
	close_candidates(old->candidates);
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
