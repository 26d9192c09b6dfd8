/*
 * The spool: opening, when what is tried, looking. What is written is what a
 * crash leaves: one append, later annotations as a whole, one expunge
 * (doc/formats/spool.md).
 */
#include "queue/spool.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/spool_inner.h"
#include "serve/counter.h"

enum { AGES_PIECE = 4096 };		/* slots looked through at once */

int64_t
spool_monotonic(const struct spool *spool)
{
	return spool->options.monotonic();
}

struct store_account *
spool_account(struct spool *spool, const char *trace, struct error *error)
{
	struct store_account *account = NULL;
	if (store_account_open(spool->options.store, SPOOL_ACCOUNT,
		SPOOL_ACCOUNT, STORE_CREATE, &account, error) < 0)
		return NULL;
	if (trace != NULL && trace[0] != '\0')
		store_account_set_trace(account, trace);
	return account;
}

int
spool_trouble(enum store_verdict verdict, struct error *error,
	const char *what)
{
	if (verdict == STORE_TROUBLE)
		return error_wrap(error, "%s", what);
	return error_set(error, ERROR_DAMAGED, "%s: not there (verdict %d)",
		what, (int)verdict);
}

/* ---- when and where ---- */

int64_t
spool_shortest_wait(const struct spool *spool)
{
	int64_t minimal, maximal;
	spool->options.back_off(spool->options.context, &minimal, &maximal);
	return minimal;
}

static int64_t
longest_wait(const struct spool *spool)
{
	int64_t minimal, maximal;
	spool->options.back_off(spool->options.context, &minimal, &maximal);
	return maximal;
}

struct spool_way
spool_way_of(const struct spool *spool, const struct recipient *recipient,
	struct arena *arena)
{
	struct spool_way way = { DESTINATION_RELAY, { NULL, 0 } };
	struct span to = recipient->to;
	switch (recipient->state) {
	case RECIPIENT_WAITING:
		way.kind = recipient->is_program ? DESTINATION_PIPE :
			DESTINATION_LOCAL;
		if (recipient->is_program)
			way.key = arena_print(arena, "%u",
				(unsigned)recipient->program.owner);
		return way;
	case RECIPIENT_RELAY:
		break;
	default:
		way.kind = DESTINATION_REPORT;
		return way;
	}
	if (spool->options.hop != NULL) {
		way.key = spool->options.hop(spool->options.context, to,
			arena);
		return way;
	}
	size_t at = to.size;
	while (at > 0 && to.data[at - 1] != '@')
		at--;
	way.key = span_skip(to, at);
	return way;
}

/*
 * Wall times of the annotation become monotonic ones; a clock that was wrong
 * delays nothing for longer than the longest back-off.
 */
static int64_t
monotonic_of(const struct spool *spool, int64_t next)
{
	int64_t wall = spool->options.wall(), longest = longest_wait(spool);
	int64_t wait = next > wall ? next - wall : 0;
	return spool_monotonic(spool) + (wait > longest ? longest : wait);
}

static bool
is_to_do(const struct spool *spool, const struct recipient *recipient)
{
	return envelope_is_waiting(recipient) ||
		(spool->options.makes_reports &&
		recipient->state != RECIPIENT_DONE);
}

static uint32_t
look_of(const struct spool *spool, const struct envelope *envelope)
{
	if (spool->options.look == NULL)
		return 0;
	int64_t when = spool->options.look(spool->options.context, envelope);
	int64_t wall = spool->options.wall();
	if (when == INT64_MAX || when - wall > INT64_C(1000) * UINT32_MAX / 2)
		return 0;
	return (uint32_t)((spool_monotonic(spool) + (when > wall ?
		when - wall : 0)) / 1000 + 1);
}

struct spool_plan
spool_plan_of(const struct spool *spool, const struct envelope *envelope,
	struct arena *arena)
{
	struct spool_plan plan = { .due = SCHEDULE_NEVER };
	const struct recipient *first = NULL;
	bool owes = false;
	for (size_t i = 0; i < envelope->count && !envelope->is_held; i++) {
		const struct recipient *recipient = &envelope->recipient[i];
		if (is_to_do(spool, recipient) && (first == NULL ||
			recipient->next < first->next))
			first = recipient;
		owes |= is_to_do(spool, recipient) &&
			(!envelope_is_waiting(recipient) ||
			recipient->warning == WARNING_OWED);
	}
	if (first == NULL)
		return plan;
	plan.look = look_of(spool, envelope);
	if (owes && spool->options.makes_reports) {
		plan.way.kind = DESTINATION_REPORT;
		plan.due = spool_monotonic(spool);
		return plan;
	}
	plan.way = spool_way_of(spool, first, arena);
	plan.due = monotonic_of(spool, first->next);
	return plan;
}

void
spool_count_length(struct spool *spool)
{
	counter_set(COUNTER_QUEUE_LENGTH, spool->schedule.length);
}

/* In pieces, so that a long spool holds nobody up; a table that has grown
 * between two of them is in another order. */
void
spool_count_ages(struct spool *spool)
{
	struct histogram_numbers ages = { .sum = 0 };
	int64_t wall = spool->options.wall() / 1000;
	size_t slot = 0, size = 0;
	bool has_more = true;
	while (has_more) {
		pthread_mutex_lock(&spool->lock);
		if (size != spool->schedule.slot_count) {
			size = spool->schedule.slot_count;
			slot = 0;
			ages = (struct histogram_numbers){ .sum = 0 };
		}
		has_more = schedule_count_ages(&spool->schedule, &slot,
			AGES_PIECE, wall, &ages);
		pthread_mutex_unlock(&spool->lock);
	}
	counter_set_histogram(HISTOGRAM_QUEUE_AGE, &ages);
}

struct destination *
spool_destination(struct spool *spool, const struct spool_way *way)
{
	return destination_get(&spool->schedule.destinations, way->kind,
		way->key);
}

static void
wake(struct spool *spool)
{
	if (spool->options.wake != NULL)
		spool->options.wake(spool->options.context);
}

void
spool_give_back(struct spool *spool, struct queued **row,
	const struct spool_plan *plan)
{
	int64_t now = spool_monotonic(spool);
	pthread_mutex_lock(&spool->lock);
	int64_t before = schedule_next(&spool->schedule);
	bool was_started = (*row)->is_started;
	schedule_end(&spool->schedule, *row, (*row)->outcome, now);
	schedule_set(&spool->schedule, *row, plan->due == SCHEDULE_NEVER ?
		(*row)->destination : spool_destination(spool, &plan->way),
		plan->due, now);
	(*row)->look = plan->look;
	pthread_mutex_unlock(&spool->lock);
	*row = NULL;
	if (was_started || plan->due <= now || plan->due < before)
		wake(spool);	/* its place is free, or it is due */
}

void
spool_forget(struct spool *spool, struct queued **row)
{
	pthread_mutex_lock(&spool->lock);
	schedule_end(&spool->schedule, *row, (*row)->outcome,
		spool_monotonic(spool));
	schedule_remove(&spool->schedule, row);
	spool_count_length(spool);
	pthread_mutex_unlock(&spool->lock);
}

/* ---- looking ---- */

static int
visit_one(struct spool *spool, struct store_account *account,
	const struct store_message *found, int (*visitor)(void *context,
	const struct spool_message *message), void *context)
{
	struct arena arena;
	struct envelope envelope;
	struct error error;
	struct span annotation = span_of(NULL, 0);
	struct spool_message message = { .uid = found->uid,
		.size = found->size, .received = found->internal_date,
		.arena = &arena };
	arena_init(&arena, 0);
	if (store_annotation(account, spool->inbox, found->uid, &arena,
		&annotation, &error) == STORE_NO_MESSAGE) {
		arena_fini(&arena);
		return 0;	/* gone meanwhile */
	}
	if (envelope_decode(annotation, &arena, &envelope)) {
		message.envelope = &envelope;
		message.id = arena_copy_string(&arena, envelope.id);
	} else {
		message.id = arena_print(&arena, "uid-%u", found->uid).data;
	}
	int result = visitor(context, &message);
	arena_fini(&arena);
	return result;
}

static int
visit_from(struct spool *spool, uint32_t uid, int (*visitor)(void *context,
	const struct spool_message *message), void *context,
	struct error *error)
{
	struct store_view *view = NULL;
	struct store_message found;
	struct store_account *account = spool_account(spool, NULL, error);
	if (account == NULL)
		return -1;
	enum store_verdict verdict = store_view_open(account, spool->inbox,
		&view, error);
	if (verdict != STORE_OK) {
		store_account_close(&account);
		return spool_trouble(verdict, error, "reading the spool");
	}
	while (store_view_next(view, uid, &found) && visit_one(spool, account,
		&found, visitor, context) == 0)
		uid = found.uid + 1;
	store_view_close(&view);
	store_account_close(&account);
	return 0;
}

int
spool_visit(struct spool *spool, int (*visitor)(void *context,
	const struct spool_message *message), void *context,
	struct error *error)
{
	return visit_from(spool, 1, visitor, context, error);
}

size_t
spool_length(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	size_t length = spool->schedule.length;
	pthread_mutex_unlock(&spool->lock);
	return length;
}

/* ---- at start ---- */

static void
log_damage(const struct spool_message *message, const char *what)
{
	log_event(LOG_ERROR, "spool-damaged", NULL,
		LOG_TEXT("id", message->id), LOG_NUMBER("uid", message->uid),
		LOG_TEXT("error", what));
}

static void
remember(struct spool *spool, const struct envelope *envelope)
{
	int64_t age = spool->options.wall() - envelope->arrival;
	int64_t now = spool_monotonic(spool);
	if (age >= 0 && age < RECENT_TIME)
		recent_put(&spool->recent, envelope->transaction, now,
			now + RECENT_TIME - age);
}

/* A row for it; with the lock held. True: somebody has to be woken. */
static bool
load_row(struct spool *spool, const struct spool_message *message)
{
	const struct envelope *envelope = message->envelope;
	int64_t now = spool_monotonic(spool);
	struct queued *row = schedule_add(&spool->schedule,
		span_from(message->id), message->uid);
	if (row == NULL) {
		log_damage(message, "two messages have this id");
		return false;
	}
	row->is_damaged = envelope == NULL;
	row->arrival = (uint32_t)(envelope == NULL ? message->received :
		envelope->arrival / 1000);
	if (envelope == NULL) {
		counter_add(COUNTER_DAMAGE, 1);
		log_damage(message, "the envelope cannot be read");
		return false;
	}
	remember(spool, envelope);
	struct spool_plan plan = spool_plan_of(spool, envelope, message->arena);
	row->look = plan.look;
	if (plan.due == SCHEDULE_NEVER)
		return false;
	schedule_set(&spool->schedule, row, spool_destination(spool, &plan.way),
		plan.due, now);
	return plan.due <= now;
}

/* How far one call of spool_load gets. */
struct load {
	struct spool *spool;
	size_t left;
	bool is_any_due;
};

static int
load_message(void *context, const struct spool_message *message)
{
	struct load *load = context;
	struct spool *spool = load->spool;
	if (message->uid >= spool->load_end) {
		spool->load_next = spool->load_end;
		return -1;
	}
	spool->load_next = message->uid + 1;
	pthread_mutex_lock(&spool->lock);
	load->is_any_due |= load_row(spool, message);
	pthread_mutex_unlock(&spool->lock);
	return --load->left > 0 ? 0 : -1;
}

int
spool_load(struct spool *spool, size_t count, struct error *error)
{
	struct load load = { spool, count, false };
	if (spool->load_next >= spool->load_end)
		return 0;
	if (visit_from(spool, spool->load_next, load_message, &load,
		error) < 0)
		return -1;
	if (load.left > 0)
		spool->load_next = spool->load_end;
	pthread_mutex_lock(&spool->lock);
	spool_count_length(spool);
	pthread_mutex_unlock(&spool->lock);
	if (load.is_any_due)
		wake(spool);
	return spool->load_next < spool->load_end;
}

static int
find_inbox(struct spool *spool, struct error *error)
{
	struct arena arena;
	struct store_mailbox mailbox;
	struct store_account *account = spool_account(spool, NULL, error);
	if (account == NULL)
		return error_wrap(error, "opening the spool");
	arena_init(&arena, 0);
	enum store_verdict verdict = store_mailbox_find(account, SPAN("INBOX"),
		&arena, &mailbox, error);
	spool->inbox = mailbox.id;
	spool->load_next = 1;
	spool->load_end = mailbox.uid_next;
	arena_fini(&arena);
	store_account_close(&account);
	return verdict == STORE_OK ? 0 :
		spool_trouble(verdict, error, "opening the spool");
}

int
spool_open(struct spool *spool, const struct spool_options *options,
	struct error *error)
{
	*spool = (struct spool){ .options = *options };
	if (options->wall == NULL)
		spool->options.wall = clock_wall;
	if (options->monotonic == NULL)
		spool->options.monotonic = clock_monotonic;
	pthread_mutex_init(&spool->lock, NULL);
	schedule_init(&spool->schedule);
	if (options->rules != NULL)
		spool->schedule.destinations.rules = *options->rules;
	recent_init(&spool->recent);
	if (find_inbox(spool, error) < 0 || (!options->loads_later &&
		spool_load(spool, SIZE_MAX, error) < 0)) {
		spool_close(spool);
		return -1;
	}
	return 0;
}

void
spool_close(struct spool *spool)
{
	schedule_fini(&spool->schedule);
	recent_fini(&spool->recent);
	pthread_mutex_destroy(&spool->lock);
}
