/*
 * The spool. What is written here is what a crash leaves: one append, later
 * annotations as a whole, one expunge (doc/formats/spool.md).
 */
#include "queue/spool.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "serve/counter.h"

static int64_t
now_monotonic(const struct spool *spool)
{
	return spool->options.monotonic();
}

static struct store_account *
account_open(struct spool *spool, const char *trace, struct error *error)
{
	struct store_account *account = NULL;
	if (store_account_open(spool->options.store, SPOOL_ACCOUNT,
		SPOOL_ACCOUNT, STORE_CREATE, &account, error) < 0)
		return NULL;
	if (trace != NULL && trace[0] != '\0')
		store_account_set_trace(account, trace);
	return account;
}

static int
trouble(enum store_verdict verdict, struct error *error, const char *what)
{
	if (verdict == STORE_TROUBLE)
		return error_wrap(error, "%s", what);
	return error_set(error, ERROR_DAMAGED, "%s: not there (verdict %d)",
		what, (int)verdict);
}

/* ---- when ---- */

static int64_t
shortest_wait(const struct spool *spool)
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

/*
 * Wall times of the annotation become monotonic ones; a clock that was wrong
 * delays nothing for longer than the longest back-off.
 */
static int64_t
due_of(const struct spool *spool, const struct envelope *envelope)
{
	int64_t wall = spool->options.wall(), due = SCHEDULE_NEVER;
	int64_t longest = longest_wait(spool);
	for (size_t i = 0; i < envelope->count; i++) {
		const struct recipient *recipient = &envelope->recipient[i];
		if (recipient->state != RECIPIENT_WAITING)
			continue;
		int64_t wait = recipient->next > wall ?
			recipient->next - wall : 0;
		if (wait > longest)
			wait = longest;
		if (now_monotonic(spool) + wait < due)
			due = now_monotonic(spool) + wait;
	}
	return due;
}

static void
count_length(struct spool *spool)
{
	counter_set(COUNTER_QUEUE_LENGTH,
		map_count(&spool->schedule.by_id));
}

/* With the lock held; true: somebody has to be woken. */
static bool
set_due(struct spool *spool, struct queued *row, int64_t due)
{
	int64_t before = schedule_next(&spool->schedule);
	schedule_set(&spool->schedule, row, due);
	return due < before;
}

static void
give_back(struct spool *spool, struct queued **row, int64_t due)
{
	pthread_mutex_lock(&spool->lock);
	bool is_earlier = set_due(spool, *row, due);
	pthread_mutex_unlock(&spool->lock);
	*row = NULL;
	if (is_earlier && spool->options.wake != NULL)
		spool->options.wake(spool->options.context);
}

static void
forget(struct spool *spool, struct queued **row)
{
	pthread_mutex_lock(&spool->lock);
	schedule_remove(&spool->schedule, row);
	count_length(spool);
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
		.size = found->size, .received = found->internal_date };
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

int
spool_visit(struct spool *spool, int (*visitor)(void *context,
	const struct spool_message *message), void *context,
	struct error *error)
{
	struct store_view *view = NULL;
	struct store_message found;
	uint32_t uid = 1;
	struct store_account *account = account_open(spool, NULL, error);
	if (account == NULL)
		return -1;
	enum store_verdict verdict = store_view_open(account, spool->inbox,
		&view, error);
	if (verdict != STORE_OK) {
		store_account_close(&account);
		return trouble(verdict, error, "reading the spool");
	}
	while (store_view_next(view, uid, &found) && visit_one(spool, account,
		&found, visitor, context) == 0)
		uid = found.uid + 1;
	store_view_close(&view);
	store_account_close(&account);
	return 0;
}

size_t
spool_length(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	size_t length = map_count(&spool->schedule.by_id);
	pthread_mutex_unlock(&spool->lock);
	return length;
}

/* ---- at start ---- */

static int
load_message(void *context, const struct spool_message *message)
{
	struct spool *spool = context;
	const struct envelope *envelope = message->envelope;
	struct queued *row = schedule_add(&spool->schedule,
		span_from(message->id), message->uid);
	if (row == NULL) {
		log_event(LOG_ERROR, "spool-damaged", NULL,
			LOG_TEXT("id", message->id),
			LOG_NUMBER("uid", message->uid),
			LOG_TEXT("error", "two messages have this id"));
		return 0;
	}
	if (envelope == NULL) {
		row->is_damaged = true;
		counter_add(COUNTER_DAMAGE, 1);
		log_event(LOG_ERROR, "spool-damaged", NULL,
			LOG_TEXT("id", message->id),
			LOG_NUMBER("uid", message->uid),
			LOG_TEXT("error", "the envelope cannot be read"));
		return 0;
	}
	int64_t age = spool->options.wall() - envelope->arrival;
	if (age >= 0 && age < RECENT_TIME)
		recent_put(&spool->recent, envelope->transaction,
			now_monotonic(spool),
			now_monotonic(spool) + RECENT_TIME - age);
	schedule_set(&spool->schedule, row, due_of(spool, envelope));
	return 0;
}

static int
find_inbox(struct spool *spool, struct error *error)
{
	struct arena arena;
	struct store_mailbox mailbox;
	struct store_account *account = account_open(spool, NULL, error);
	if (account == NULL)
		return error_wrap(error, "opening the spool");
	arena_init(&arena, 0);
	enum store_verdict verdict = store_mailbox_find(account, SPAN("INBOX"),
		&arena, &mailbox, error);
	spool->inbox = mailbox.id;
	arena_fini(&arena);
	store_account_close(&account);
	return verdict == STORE_OK ? 0 :
		trouble(verdict, error, "opening the spool");
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
	recent_init(&spool->recent);
	if (find_inbox(spool, error) < 0 ||
		spool_visit(spool, load_message, spool, error) < 0) {
		spool_close(spool);
		return -1;
	}
	count_length(spool);
	return 0;
}

void
spool_close(struct spool *spool)
{
	schedule_fini(&spool->schedule);
	recent_fini(&spool->recent);
	pthread_mutex_destroy(&spool->lock);
}

/* ---- adding ---- */

/* What one envelope becomes: usually one message, more when it is too long. */
struct parts {
	struct store_message_new *message;
	struct queued **row;
	struct buffer *annotation;
	uint8_t (*transaction)[STORE_TRANSACTION_SIZE];
	size_t count;
};
enum { PARTS_LIMIT = STORE_APPEND_LIMIT };

/* A row under an id that nobody has: the trace, or with a number behind. */
static struct queued *
reserve_row(struct spool *spool, struct span id, struct arena *arena)
{
	struct queued *row;
	struct span name = id;
	pthread_mutex_lock(&spool->lock);
	for (unsigned number = 2; (row = schedule_add(&spool->schedule, name,
		0)) == NULL; number++)
		name = arena_print(arena, "%.*s-%u", SPAN_PRINT(id), number);
	schedule_take_row(&spool->schedule, row);
	count_length(spool);
	pthread_mutex_unlock(&spool->lock);
	return row;
}

static void
add_part(struct spool *spool, struct parts *parts, struct arena *arena,
	struct envelope *part, size_t *next)
{
	size_t i = parts->count++;
	struct queued *row = reserve_row(spool, part->id, arena);
	struct envelope named = *part;
	parts->row[i] = row;
	named.id = arena_copy(arena, span_from(row->id));
	named.transaction[STORE_TRANSACTION_SIZE - 2] ^= (uint8_t)(i >> 8);
	named.transaction[STORE_TRANSACTION_SIZE - 1] ^= (uint8_t)i;
	memcpy(parts->transaction[i], named.transaction,
		STORE_TRANSACTION_SIZE);
	buffer_init(&parts->annotation[i], 0);
	*next = envelope_encode(&parts->annotation[i], &named, *next,
		ENVELOPE_LIMIT);
	parts->message[i].annotation = buffer_span(&parts->annotation[i]);
	parts->message[i].transaction = parts->transaction[i];
	if (i == 0)
		part->id = named.id;
}

static bool
is_any_left(const struct envelope *envelope, size_t from)
{
	for (size_t i = from; i < envelope->count; i++)
		if (envelope->recipient[i].state != RECIPIENT_DONE)
			return true;
	return false;
}

static void
parts_fini(struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		buffer_fini(&parts->annotation[i]);
	memory_free(parts->message);
	memory_free(parts->row);
	memory_free(parts->annotation);
	memory_free(parts->transaction);
}

static bool
parts_make(struct spool *spool, struct parts *parts, struct arena *arena,
	struct envelope *envelope, const struct store_piece *piece)
{
	size_t next = 0, room = 0;
	while (is_any_left(envelope, next)) {
		if (parts->count == PARTS_LIMIT)
			return false;
		if (parts->count == room) {
			room = room * 2 + 1;
			parts->message = memory_resize(parts->message,
				room * sizeof(*parts->message));
			parts->row = memory_resize(parts->row,
				room * sizeof(*parts->row));
			parts->annotation = memory_resize(parts->annotation,
				room * sizeof(*parts->annotation));
			parts->transaction = memory_resize(parts->transaction,
				room * sizeof(*parts->transaction));
		}
		parts->message[parts->count] = (struct store_message_new){
			.piece = piece, .piece_count = 1 };
		add_part(spool, parts, arena, envelope, &next);
	}
	/* the array of transactions may have moved while it grew */
	for (size_t i = 0; i < parts->count; i++)
		parts->message[i].transaction = parts->transaction[i];
	return true;
}

static enum spool_verdict
append(struct spool *spool, const struct envelope *envelope,
	const struct parts *parts, struct arena *arena, struct error *error)
{
	uint32_t *uids = arena_new_array(arena, parts->count, sizeof(*uids));
	struct store_account *account = account_open(spool,
		envelope->scope.trace, error);
	if (account == NULL)
		return SPOOL_TROUBLE;
	enum store_verdict verdict = store_append(account, spool->inbox,
		parts->message, parts->count, uids, error);
	store_account_close(&account);
	for (size_t i = 0; i < parts->count && verdict == STORE_OK; i++)
		parts->row[i]->uid = uids[i];
	if (verdict == STORE_DUPLICATE)
		return SPOOL_DUPLICATE;
	if (verdict == STORE_OK)
		return SPOOL_OK;
	trouble(verdict, error, "storing into the spool");
	return error->code == ERROR_FULL ? SPOOL_FULL : SPOOL_TROUBLE;
}

static void
finish_parts(struct spool *spool, struct parts *parts,
	const struct envelope *envelope, enum spool_verdict verdict)
{
	int64_t due = verdict == SPOOL_OK ? due_of(spool, envelope) :
		SCHEDULE_NEVER;
	for (size_t i = 0; i < parts->count; i++) {
		if (verdict == SPOOL_OK)
			give_back(spool, &parts->row[i], due);
		else
			forget(spool, &parts->row[i]);
	}
	if (verdict != SPOOL_OK)
		return;
	pthread_mutex_lock(&spool->lock);
	recent_put(&spool->recent, envelope->transaction,
		now_monotonic(spool), now_monotonic(spool) + RECENT_TIME);
	pthread_mutex_unlock(&spool->lock);
}

enum spool_verdict
spool_add(struct spool *spool, struct envelope *envelope,
	const struct mail_body *body, struct arena *arena, struct error *error)
{
	struct parts parts = { .count = 0 };
	struct store_piece piece = mail_body_piece(body);
	pthread_mutex_lock(&spool->lock);
	bool is_known = recent_has(&spool->recent, envelope->transaction,
		now_monotonic(spool));
	pthread_mutex_unlock(&spool->lock);
	if (is_known)
		return SPOOL_DUPLICATE;
	if (spool->options.space != NULL && !space_is_left(spool->options.space,
		now_monotonic(spool))) {
		error_set(error, ERROR_FULL, "less than queue_minfree is free");
		return SPOOL_FULL;
	}
	enum spool_verdict verdict = SPOOL_TROUBLE;
	if (parts_make(spool, &parts, arena, envelope, &piece))
		verdict = append(spool, envelope, &parts, arena, error);
	else
		error_set(error, ERROR_LATER, "too many recipients");
	finish_parts(spool, &parts, envelope, verdict);
	parts_fini(&parts);
	return verdict;
}

/* ---- attempts ---- */

struct queued *
spool_take_due(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	struct queued *row = schedule_take(&spool->schedule,
		now_monotonic(spool));
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
	struct store_account *account = account_open(spool, NULL, error);
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
		return trouble(verdict, error, "reading from the spool");
	}
	return envelope_decode(annotation, arena, envelope) ? 0 : 1;
}

static enum store_verdict
expunge(struct spool *spool, struct store_account *account, uint32_t uid,
	struct error *error)
{
	struct number_set uids, expunged;
	number_set_init(&uids);
	number_set_init(&expunged);
	number_set_add(&uids, uid, uid);
	enum store_verdict verdict = store_expunge(account, spool->inbox,
		&uids, false, &expunged, error);
	number_set_fini(&uids);
	number_set_fini(&expunged);
	return verdict;
}

static enum store_verdict
annotate(struct spool *spool, struct store_account *account, uint32_t uid,
	const struct envelope *envelope, struct error *error)
{
	struct buffer annotation;
	buffer_init(&annotation, 0);
	envelope_encode(&annotation, envelope, 0, SIZE_MAX);
	enum store_verdict verdict = store_annotate(account, spool->inbox, uid,
		buffer_span(&annotation), error);
	buffer_fini(&annotation);
	return verdict;
}

int
spool_settle(struct spool *spool, struct queued **row,
	const struct envelope *envelope, struct error *error)
{
	if (envelope_left(envelope) == 0)
		return spool_remove(spool, row, error);
	struct store_account *account = account_open(spool,
		envelope->scope.trace, error);
	enum store_verdict verdict = STORE_TROUBLE;
	if (account != NULL)
		verdict = annotate(spool, account, (*row)->uid, envelope,
			error);
	store_account_close(&account);
	int64_t due = due_of(spool, envelope);
	if (verdict != STORE_OK && due != SCHEDULE_NEVER)
		due = now_monotonic(spool) + shortest_wait(spool);
	give_back(spool, row, due);
	return verdict == STORE_OK ? 0 :
		trouble(verdict, error, "writing to the spool");
}

void
spool_postpone(struct spool *spool, struct queued **row, int64_t wait)
{
	give_back(spool, row, wait == SCHEDULE_NEVER ? wait :
		now_monotonic(spool) + wait);
}

void
spool_put_back(struct spool *spool, struct queued **row)
{
	give_back(spool, row, (*row)->due);
}

int
spool_remove(struct spool *spool, struct queued **row, struct error *error)
{
	struct store_account *account = account_open(spool, NULL, error);
	enum store_verdict verdict = STORE_TROUBLE;
	if (account != NULL)
		verdict = expunge(spool, account, (*row)->uid, error);
	store_account_close(&account);
	if (verdict != STORE_OK && verdict != STORE_NO_MESSAGE) {
		spool_postpone(spool, row, shortest_wait(spool));
		return trouble(verdict, error, "removing from the spool");
	}
	forget(spool, row);
	return 0;
}
