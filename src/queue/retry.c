/*
 * Spooled messages are tried again when they are due. One session without a
 * descriptor waits for the time; it starts a session for each message that is
 * due, a few at a time. A mailbox process that is known not to answer costs
 * nothing: its recipients are put off without being tried.
 */
#include <assert.h>

#include "base/clock.h"
#include "base/memory.h"
#include "queue/queue.h"
#include "serve/counter.h"

/* One message being tried. */
struct retry_attempt {
	struct session session;		/* first */
	struct queue *queue;
	struct queued *row;
};

/* ---- one message ---- */

static bool
is_due(const struct recipient *recipient, int64_t now)
{
	/* A second of grace, so that those put off together go together. */
	return recipient->state == RECIPIENT_WAITING &&
		recipient->next <= now + 1000;
}

/* Those due whose process answers, at most DELIVER_LIMIT from *next on; the
 * others of them are put off. */
static size_t
choose(struct queue *queue, const struct envelope *envelope, size_t *next,
	struct recipient **chosen)
{
	size_t count = 0;
	int64_t now = clock_wall();
	for (; *next < envelope->count && count < DELIVER_LIMIT; (*next)++) {
		struct recipient *recipient = &envelope->recipient[*next];
		if (!is_due(recipient, now))
			continue;
		if (deliver_is_open(&queue->deliverer, deliver_instance(
			&queue->deliverer, recipient->account)))
			chosen[count++] = recipient;
		else
			recipient->next = now + queue_rules(queue).minimal;
	}
	return count;
}

static bool
clock_is_steady(struct retry *retry)
{
	pthread_mutex_lock(&retry->lock);
	bool is_steady = attempt_clock_is_steady(&retry->clock, clock_wall(),
		clock_monotonic());
	pthread_mutex_unlock(&retry->lock);
	return is_steady;
}

static void
judge(struct queue *queue, const struct delivery_batch *batch)
{
	struct attempt_rules rules = queue_rules(queue);
	bool may_expire = clock_is_steady(&queue->retry);
	int64_t now = clock_wall();
	for (size_t i = 0; i < batch->count; i++) {
		struct recipient *recipient = batch->recipient[i];
		attempt_judge(&rules, batch->envelope, recipient, now,
			may_expire);
		if (recipient->reply.code < 300)
			counter_add(COUNTER_RECIPIENTS_DELIVERED, 1);
		attempt_log(batch->envelope, recipient, deliver_instance(
			&queue->deliverer, recipient->account),
			batch->body->size, now - batch->envelope->arrival);
	}
}

/* Returns how many recipients were tried. */
static size_t
try_recipients(struct queue *queue, struct envelope *envelope,
	const struct mail_body *body, struct arena *arena)
{
	struct recipient *chosen[DELIVER_LIMIT];
	size_t next = 0, tried = 0;
	int64_t end = clock_monotonic() + QUEUE_RETRY_TIME;
	while (clock_monotonic() < end) {
		struct delivery_batch batch = { .envelope = envelope,
			.body = body, .recipient = chosen, .deadline = end,
			.arena = arena };
		batch.count = choose(queue, envelope, &next, chosen);
		if (batch.count == 0)
			break;
		deliver_local(&queue->deliverer, &batch);
		judge(queue, &batch);
		tried += batch.count;
	}
	return tried;
}

static void
log_trouble(const struct queued *row, const char *id,
	const struct error *error)
{
	log_event(LOG_ERROR, "spool-failed", NULL, LOG_TEXT("id", id),
		LOG_NUMBER("uid", row == NULL ? 0 : row->uid),
		LOG_TEXT("error", error->text));
}

static void
try_message(struct queue *queue, struct queued *row, struct arena *arena)
{
	struct envelope envelope;
	struct store_body stored;
	struct mail_body body;
	struct error error;
	const char *id = arena_copy_string(arena, span_from(row->id));
	int result = spool_read(&queue->spool, row, arena, &envelope, &stored,
		&error);
	if (result < 0) {
		log_trouble(row, id, &error);
		spool_postpone(&queue->spool, &row, queue_rules(queue).minimal);
		return;
	}
	if (result == 1) {
		error_set(&error, ERROR_DAMAGED, "the envelope cannot be read");
		log_trouble(row, id, &error);
		counter_add(COUNTER_DAMAGE, 1);
		spool_postpone(&queue->spool, &row, SCHEDULE_NEVER);
	} else {
		mail_body_borrow(&body, stored.fd, stored.offset, stored.size);
		if (try_recipients(queue, &envelope, &body, arena) == 0)
			spool_postpone(&queue->spool, &row,
				queue_rules(queue).minimal);
		else if (spool_settle(&queue->spool, &row, &envelope,
			&error) < 0)
			log_trouble(row, id, &error);
	}
	store_body_close(&stored);
}

static enum session_next
attempt_run(struct session *base, enum session_event event)
{
	struct retry_attempt *attempt = (struct retry_attempt *)base;
	struct retry *retry = &attempt->queue->retry;
	struct arena arena;
	if (event == SESSION_START) {
		arena_init(&arena, 0);
		try_message(attempt->queue, attempt->row, &arena);
		arena_fini(&arena);
	} else {
		spool_postpone(&attempt->queue->spool, &attempt->row, 0);
	}
	pthread_mutex_lock(&retry->lock);
	retry->running--;
	if (retry->is_alive)
		session_nudge(&retry->session);
	pthread_mutex_unlock(&retry->lock);
	return SESSION_CLOSE;
}

static void
attempt_free(struct session **base)
{
	memory_free(*base);
	*base = NULL;
}

static const struct session_type attempt_type = {
	.name = "retry", .run = attempt_run, .free = attempt_free,
};

static void
attempt_start(struct queue *queue, struct queued *row)
{
	struct retry_attempt *attempt = memory_new(sizeof(*attempt));
	attempt->session = (struct session){ .type = &attempt_type, .fd = -1,
		.second_fd = -1, .deadline = INT64_MAX };
	attempt->queue = queue;
	attempt->row = row;
	lot_add(queue->lot, &attempt->session);
}

/* ---- the schedule ---- */

static bool
may_start(struct retry *retry)
{
	pthread_mutex_lock(&retry->lock);
	bool may = retry->running < QUEUE_RETRY_SESSIONS;
	if (may)
		retry->running++;
	pthread_mutex_unlock(&retry->lock);
	return may;
}

static void
not_started(struct retry *retry)
{
	pthread_mutex_lock(&retry->lock);
	retry->running--;
	pthread_mutex_unlock(&retry->lock);
}

static enum session_next
retry_run(struct session *base, enum session_event event)
{
	struct retry *retry = (struct retry *)base;
	struct queue *queue = retry->queue;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	clock_is_steady(retry);
	/* Who ends wakes us, so waiting for the time is only needed while
	 * more may be started. */
	base->deadline = INT64_MAX;
	while (may_start(retry)) {
		struct queued *row = spool_take_due(&queue->spool);
		if (row == NULL) {
			not_started(retry);
			base->deadline = spool_next_due(&queue->spool);
			break;
		}
		attempt_start(queue, row);
	}
	return SESSION_PARK;
}

static void
retry_free(struct session **base)
{
	struct retry *retry = (struct retry *)*base;
	pthread_mutex_lock(&retry->lock);
	retry->is_alive = false;
	pthread_mutex_unlock(&retry->lock);
	*base = NULL;
}

static const struct session_type retry_type = {
	.name = "schedule", .run = retry_run, .free = retry_free,
};

void
retry_init(struct retry *retry, struct queue *queue)
{
	*retry = (struct retry){ .queue = queue };
	retry->session = (struct session){ .type = &retry_type, .fd = -1,
		.second_fd = -1, .deadline = INT64_MAX };
	pthread_mutex_init(&retry->lock, NULL);
}

void
retry_start(struct retry *retry)
{
	pthread_mutex_lock(&retry->lock);
	retry->is_alive = true;
	lot_add(retry->queue->lot, &retry->session);
	pthread_mutex_unlock(&retry->lock);
}

void
retry_wake(void *context)
{
	struct retry *retry = &((struct queue *)context)->retry;
	pthread_mutex_lock(&retry->lock);
	if (retry->is_alive)
		session_nudge(&retry->session);
	pthread_mutex_unlock(&retry->lock);
}

void
retry_back_off(void *context, int64_t *minimal, int64_t *maximal)
{
	struct attempt_rules rules = queue_rules(context);
	*minimal = rules.minimal;
	*maximal = rules.maximal;
}
