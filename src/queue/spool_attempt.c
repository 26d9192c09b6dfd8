/*
 * Messages of the spool being tried: taken, read, and how they stand written
 * down. Those with nobody left are removed many at a time.
 */
#include "queue/spool_inner.h"

struct queued *
spool_take_due(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	struct queued *row = schedule_take(&spool->schedule,
		spool_monotonic(spool));
	pthread_mutex_unlock(&spool->lock);
	return row;
}

enum spool_taken
spool_take(struct spool *spool, struct span id, struct queued **row)
{
	pthread_mutex_lock(&spool->lock);
	*row = schedule_find(&spool->schedule, id);
	enum spool_taken taken = *row == NULL ? SPOOL_NOT_THERE :
		schedule_take_row(&spool->schedule, *row) ? SPOOL_TAKEN :
		SPOOL_IN_USE;
	pthread_mutex_unlock(&spool->lock);
	if (taken != SPOOL_TAKEN)
		*row = NULL;
	return taken;
}

int64_t
spool_next_due(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	int64_t due = schedule_next(&spool->schedule);
	pthread_mutex_unlock(&spool->lock);
	return due;
}

static enum store_verdict
read_message(struct spool *spool, struct store_account *account,
	const struct queued *row, struct store_body *body, struct error *error)
{
	struct store_view *view = NULL;
	struct store_message message;
	enum store_verdict verdict = store_view_open(account, spool->inbox,
		&view, error);
	if (verdict != STORE_OK)
		return verdict;
	verdict = STORE_NO_MESSAGE;
	if (store_view_by_uid(view, row->uid, &message))
		verdict = store_body_open(account, &message, body, error);
	store_view_close(&view);
	return verdict;
}

int
spool_read(struct spool *spool, const struct queued *row, struct arena *arena,
	struct envelope *envelope, struct store_body *body,
	struct error *error)
{
	struct span annotation;
	struct store_account *account = spool_account(spool, NULL, error);
	if (account == NULL)
		return -1;
	enum store_verdict verdict = read_message(spool, account, row, body,
		error);
	bool has_body = verdict == STORE_OK;
	if (has_body)
		verdict = store_annotation(account, spool->inbox, row->uid,
			arena, &annotation, error);
	store_account_close(&account);
	if (verdict != STORE_OK) {
		if (has_body)
			store_body_close(body);
		return spool_trouble(verdict, error, "reading from the spool");
	}
	return envelope_decode(annotation, arena, envelope) ? 0 : 1;
}

/* ---- what an attempt found out ---- */

void
spool_end(struct spool *spool, struct queued *row,
	enum destination_outcome outcome)
{
	pthread_mutex_lock(&spool->lock);
	row->outcome = outcome;
	pthread_mutex_unlock(&spool->lock);
}

void
spool_set_rules(struct spool *spool, const struct destination_rules *rules)
{
	pthread_mutex_lock(&spool->lock);
	spool->schedule.destinations.rules = *rules;
	pthread_mutex_unlock(&spool->lock);
}

void
spool_pause_relay(struct spool *spool, int64_t wait)
{
	pthread_mutex_lock(&spool->lock);
	destination_pause(&spool->schedule.destinations,
		spool_monotonic(spool) + wait);
	pthread_mutex_unlock(&spool->lock);
}

void
spool_open_destination(struct spool *spool, const struct queued *row)
{
	pthread_mutex_lock(&spool->lock);
	if (row->destination != NULL)
		destination_open(&spool->schedule.destinations,
			row->destination);
	pthread_mutex_unlock(&spool->lock);
}

void
spool_look(struct spool *spool)
{
	static const struct spool_way reports = { DESTINATION_REPORT,
		{ NULL, 0 } };
	int64_t now = spool_monotonic(spool);
	pthread_mutex_lock(&spool->lock);
	schedule_look(&spool->schedule, spool_destination(spool, &reports),
		now);
	pthread_mutex_unlock(&spool->lock);
}

static bool
is_due(const struct recipient *recipient, int64_t now)
{
	/* A second of grace, so that those put off together go together. */
	return recipient->state != RECIPIENT_DONE &&
		recipient->next <= now + 1000;
}

static bool
goes_there(const struct spool *spool, const struct destination *destination,
	const struct recipient *recipient, struct arena *arena)
{
	struct spool_way way = spool_way_of(spool, recipient, arena);
	return way.kind == destination->kind &&
		span_equals(way.key, span_from(destination->key));
}

size_t
spool_choose(struct spool *spool, const struct queued *row,
	struct envelope *envelope, struct arena *arena,
	struct recipient ***chosen)
{
	size_t count = 0, most = SPOOL_LOCAL_LIMIT;
	int64_t now = spool->options.wall();
	if (row->destination->kind == DESTINATION_RELAY) {
		pthread_mutex_lock(&spool->lock);
		most = spool->schedule.destinations.rules.recipients;
		pthread_mutex_unlock(&spool->lock);
	}
	if (row->destination->kind == DESTINATION_PIPE)
		most = 1;
	*chosen = arena_new_array(arena, envelope->count, sizeof(**chosen));
	for (size_t i = 0; i < envelope->count && count < most; i++) {
		struct recipient *recipient = &envelope->recipient[i];
		if (count > 0 && envelope_is_forwarded(envelope, recipient) !=
			envelope_is_forwarded(envelope, (*chosen)[0]))
			continue;	/* with another reverse-path */
		if (is_due(recipient, now) &&
			goes_there(spool, row->destination, recipient, arena))
			(*chosen)[count++] = recipient;
	}
	return count;
}

/* ---- removing ---- */

static enum store_verdict
expunge(struct spool *spool, const struct number_set *uids,
	struct error *error)
{
	struct number_set expunged;
	struct store_account *account = spool_account(spool, NULL, error);
	if (account == NULL)
		return STORE_TROUBLE;
	number_set_init(&expunged);
	enum store_verdict verdict = store_expunge(account, spool->inbox, uids,
		false, &expunged, error);
	number_set_fini(&expunged);
	store_account_close(&account);
	return verdict == STORE_NO_MESSAGE ? STORE_OK : verdict;
}

int
spool_remove(struct spool *spool, struct queued **row, struct error *error)
{
	struct number_set uids;
	number_set_init(&uids);
	number_set_add(&uids, (*row)->uid, (*row)->uid);
	enum store_verdict verdict = expunge(spool, &uids, error);
	number_set_fini(&uids);
	if (verdict != STORE_OK) {
		spool_postpone(spool, row, spool_shortest_wait(spool));
		return spool_trouble(verdict, error, "removing from the spool");
	}
	spool_forget(spool, row);
	return 0;
}

static struct queued *
take_finished(struct spool *spool, size_t most)
{
	struct queued *first = NULL;
	pthread_mutex_lock(&spool->lock);
	for (; spool->finished != NULL && most > 0; most--) {
		struct queued *row = spool->finished;
		spool->finished = row->next;
		spool->finished_count--;
		row->next = first;
		first = row;
	}
	pthread_mutex_unlock(&spool->lock);
	return first;
}

static void
finish(struct spool *spool, struct queued **row)
{
	pthread_mutex_lock(&spool->lock);
	schedule_finish(&spool->schedule, *row, spool_monotonic(spool));
	(*row)->next = spool->finished;
	spool->finished = *row;
	bool is_first = spool->finished_count++ == 0;
	pthread_mutex_unlock(&spool->lock);
	*row = NULL;
	if (is_first && spool->options.swept != NULL)
		spool->options.swept(spool->options.context);
}

int
spool_sweep(struct spool *spool, struct error *error)
{
	struct number_set uids;
	struct queued *row = take_finished(spool, SPOOL_SWEEP_LIMIT), *next;
	if (row == NULL)
		return 0;
	number_set_init(&uids);
	for (next = row; next != NULL; next = next->next)
		number_set_add(&uids, next->uid, next->uid);
	enum store_verdict verdict = expunge(spool, &uids, error);
	number_set_fini(&uids);
	for (; row != NULL; row = next) {
		next = row->next;
		row->next = NULL;
		if (verdict == STORE_OK)
			spool_forget(spool, &row);
		else
			finish(spool, &row);
	}
	if (verdict != STORE_OK)
		return spool_trouble(verdict, error, "removing from the spool");
	/* There may be room for more now. */
	if (spool->options.wake != NULL)
		spool->options.wake(spool->options.context);
	pthread_mutex_lock(&spool->lock);
	bool is_more = spool->finished != NULL;
	pthread_mutex_unlock(&spool->lock);
	return is_more;
}

/* ---- giving back ---- */

static enum store_verdict
annotate(struct spool *spool, uint32_t uid, const struct envelope *envelope,
	struct error *error)
{
	struct buffer annotation;
	struct store_account *account = spool_account(spool,
		envelope->scope.trace, error);
	if (account == NULL)
		return STORE_TROUBLE;
	buffer_init(&annotation, 0);
	envelope_encode(&annotation, envelope, 0, SIZE_MAX);
	enum store_verdict verdict = store_annotate(account, spool->inbox, uid,
		buffer_span(&annotation), error);
	buffer_fini(&annotation);
	store_account_close(&account);
	return verdict;
}

int
spool_settle(struct spool *spool, struct queued **row,
	const struct envelope *envelope, struct error *error)
{
	struct arena arena;
	if (envelope_left(envelope) == 0) {
		if (spool->options.swept == NULL)
			return spool_remove(spool, row, error);
		finish(spool, row);
		return 0;
	}
	enum store_verdict verdict = annotate(spool, (*row)->uid, envelope,
		error);
	arena_init(&arena, 0);
	struct spool_plan plan = spool_plan_of(spool, envelope, &arena);
	if (verdict != STORE_OK && plan.due != SCHEDULE_NEVER)
		plan.due = spool_monotonic(spool) + spool_shortest_wait(spool);
	spool_give_back(spool, row, &plan);
	arena_fini(&arena);
	return verdict == STORE_OK ? 0 :
		spool_trouble(verdict, error, "writing to the spool");
}

void
spool_replan(struct spool *spool, struct queued **row,
	const struct envelope *envelope)
{
	struct arena arena;
	arena_init(&arena, 0);
	struct spool_plan plan = spool_plan_of(spool, envelope, &arena);
	spool_give_back(spool, row, &plan);
	arena_fini(&arena);
}

static void
give_back_at(struct spool *spool, struct queued **row, int64_t due)
{
	int64_t now = spool_monotonic(spool);
	pthread_mutex_lock(&spool->lock);
	schedule_end(&spool->schedule, *row, (*row)->outcome, now);
	if ((*row)->destination == NULL)
		due = SCHEDULE_NEVER;	/* of a damaged one nothing is known */
	schedule_set(&spool->schedule, *row, (*row)->destination, due, now);
	pthread_mutex_unlock(&spool->lock);
	*row = NULL;
	if (spool->options.wake != NULL)
		spool->options.wake(spool->options.context);
}

void
spool_postpone(struct spool *spool, struct queued **row, int64_t wait)
{
	give_back_at(spool, row, wait == SCHEDULE_NEVER ? wait :
		spool_monotonic(spool) + wait);
}

void
spool_put_back(struct spool *spool, struct queued **row)
{
	give_back_at(spool, row, (*row)->due);
}
