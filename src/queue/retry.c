/*
 * Two sessions without a descriptor: one starts an attempt for each message
 * whose turn it is and sleeps until the next is due, the other removes what is
 * finished, all that is there at a time, so that a hundred messages delivered
 * cost one sync.
 */
#include "base/clock.h"
#include "queue/queue.h"

enum {
	SWEEP_AGAIN = 5000,		/* ms after it failed */
	LOAD_PIECE = 500,		/* messages */
	LOOK_AGAIN = 30000,		/* ms, less for short lifetimes */
	AGES_AGAIN = 15000,		/* ms */
};

bool
retry_may_expire(struct retry *retry)
{
	int64_t lifetime = queue_rules(retry->queue).lifetime;
	pthread_mutex_lock(&retry->lock);
	bool is_steady = attempt_clock_is_steady(&retry->clock, clock_wall(),
		clock_monotonic(), lifetime / 2 < ATTEMPT_CLOCK_STEADY ?
		lifetime / 2 : ATTEMPT_CLOCK_STEADY);
	pthread_mutex_unlock(&retry->lock);
	return is_steady;
}

/* ---- the schedule ---- */

void
retry_go_on(struct queue *queue)
{
	struct queued *row;
	/* what another shall do is not begun */
	while (!atomic_load(&queue->is_retiring) && (row = spool_take_due(&queue->spool)) != NULL)
		carry_start(queue, row);
}

static struct retry *
of_schedule(struct session *session)
{
	return (struct retry *)((char *)session -
		offsetof(struct retry, schedule));
}

/* A long spool is read while mail flows; between the pieces attempts begin. */
static void
load(struct retry *retry)
{
	struct error error;
	if (!retry->is_loading)
		return;
	int result = spool_load(&retry->queue->spool, LOAD_PIECE, &error);
	retry->is_loading = result > 0;
	if (result < 0)
		log_event(LOG_ERROR, "spool-failed", NULL,
			LOG_TEXT("error", error.text));
	if (result == 0)
		log_event(LOG_INFO, "spool-loaded", NULL, LOG_NUMBER(
			"messages", spool_length(&retry->queue->spool)));
}

/* Messages for closed destinations are not tried, but grow old too. */
static void
look(struct retry *retry)
{
	struct attempt_rules rules = queue_rules(retry->queue);
	int64_t now = clock_monotonic(), wait = rules.lifetime / 10;
	if (now < retry->next_look)
		return;
	if (rules.warning != 0 && wait > rules.warning / 2)
		wait = rules.warning / 2;
	retry->next_look = now + (wait < LOOK_AGAIN ? wait : LOOK_AGAIN);
	spool_look(&retry->queue->spool);
}

static void
count_ages(struct retry *retry)
{
	int64_t now = clock_monotonic();
	if (now < retry->next_ages)
		return;
	retry->next_ages = now + AGES_AGAIN;
	spool_count_ages(&retry->queue->spool);
}

static enum session_next
schedule_run(struct session *session, enum session_event event)
{
	struct retry *retry = of_schedule(session);
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	retry_may_expire(retry);
	load(retry);
	look(retry);
	count_ages(retry);
	retry_go_on(retry->queue);
	session->deadline = spool_next_due(&retry->queue->spool);
	if (session->deadline > retry->next_look)
		session->deadline = retry->next_look;
	if (session->deadline > retry->next_ages)
		session->deadline = retry->next_ages;
	if (retry->is_loading)
		retry_wake(retry->queue);
	return SESSION_PARK;
}

static void
schedule_free(struct session **session)
{
	struct retry *retry = of_schedule(*session);
	pthread_mutex_lock(&retry->lock);
	retry->is_scheduling = false;
	pthread_mutex_unlock(&retry->lock);
	*session = NULL;
}

static const struct session_type schedule_type = {
	.name = "schedule", .run = schedule_run, .free = schedule_free,
};

/* ---- removing ---- */

static struct retry *
of_sweep(struct session *session)
{
	return (struct retry *)((char *)session -
		offsetof(struct retry, sweep));
}

static enum session_next
sweep_run(struct session *session, enum session_event event)
{
	struct retry *retry = of_sweep(session);
	struct error error;
	int result;
	while ((result = spool_sweep(&retry->queue->spool, &error)) > 0)
		continue;
	if (result < 0)
		log_event(LOG_ERROR, "spool-failed", NULL,
			LOG_TEXT("error", error.text));
	session->deadline = result < 0 ? clock_monotonic() + SWEEP_AGAIN :
		INT64_MAX;
	return event == SESSION_STOP ? SESSION_CLOSE : SESSION_PARK;
}

static void
sweep_free(struct session **session)
{
	struct retry *retry = of_sweep(*session);
	pthread_mutex_lock(&retry->lock);
	retry->is_sweeping = false;
	pthread_mutex_unlock(&retry->lock);
	*session = NULL;
}

static const struct session_type sweep_type = {
	.name = "sweep", .run = sweep_run, .free = sweep_free,
};

/* ---- both ---- */

void
retry_init(struct retry *retry, struct queue *queue)
{
	*retry = (struct retry){ .queue = queue };
	retry->schedule = (struct session){ .type = &schedule_type, .fd = -1,
		.second_fd = -1, .deadline = INT64_MAX,
		.is_own_work = true };
	retry->sweep = retry->schedule;
	retry->sweep.type = &sweep_type;
	pthread_mutex_init(&retry->lock, NULL);
}

void
retry_start(struct retry *retry)
{
	retry->is_loading = retry->queue->spool.options.loads_later;
	/* With the lock, so that who nudges finds a session that is there, and
	 * the session's end does not come before. */
	pthread_mutex_lock(&retry->lock);
	lot_add(retry->queue->lot, &retry->schedule);
	lot_add(retry->queue->lot, &retry->sweep);
	retry->is_scheduling = retry->is_sweeping = true;
	pthread_mutex_unlock(&retry->lock);
}

void
retry_wake(void *context)
{
	struct retry *retry = &((struct queue *)context)->retry;
	pthread_mutex_lock(&retry->lock);
	if (retry->is_scheduling)
		session_nudge(&retry->schedule);
	pthread_mutex_unlock(&retry->lock);
}

void
retry_swept(void *context)
{
	struct retry *retry = &((struct queue *)context)->retry;
	pthread_mutex_lock(&retry->lock);
	if (retry->is_sweeping)
		session_nudge(&retry->sweep);
	pthread_mutex_unlock(&retry->lock);
}

void
retry_back_off(void *context, int64_t *minimal, int64_t *maximal)
{
	struct attempt_rules rules = queue_rules(context);
	*minimal = rules.minimal;
	*maximal = rules.maximal;
}

int64_t
retry_look(void *context, const struct envelope *envelope)
{
	struct attempt_rules rules = queue_rules(context);
	int64_t when = attempt_end(&rules, envelope);
	for (size_t i = 0; i < envelope->count; i++) {
		const struct recipient *recipient = &envelope->recipient[i];
		int64_t warning = attempt_warning(&rules, envelope, recipient);
		if (envelope_is_waiting(recipient) && warning < when)
			when = warning;
	}
	return when;
}

struct span
retry_hop(void *context, struct span address, struct arena *arena)
{
	struct route route;
	route_find(queue_routes(context), address, arena, &route);
	if (route.verdict == ROUTE_HOP)
		return route.hop;
	/* Answered without going anywhere; together with its domain. */
	size_t at = address.size;
	while (at > 0 && address.data[at - 1] != '@')
		at--;
	return arena_copy(arena, span_skip(address, at));
}
