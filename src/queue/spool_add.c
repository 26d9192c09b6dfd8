/*
 * Putting a message into the spool. Recipients that go different ways become
 * different messages there, each for one next hop and no more than one
 * transaction takes, which share one body: so one delivery changes one message,
 * and ten thousand recipients cost ten thousand short lines, once.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "queue/spool_inner.h"

/* What one envelope becomes. */
struct parts {
	struct store_message_new *message;
	struct spool_part *part;	/* in the arena */
	struct buffer *annotation;
	size_t count, room;
};
enum {
	PARTS_LIMIT = STORE_APPEND_LIMIT,
	MIXED_LIMIT = 1000,		/* recipients of a part that goes many ways */
};

/* ---- who goes together ---- */

struct traveller {
	struct spool_way way;
	struct span sender;		/* of a list's owner, or empty */
	bool is_forwarded;
	size_t number;			/* in the envelope */
};

static bool
is_same_way(const struct traveller *a, const struct traveller *b)
{
	return a->way.kind == b->way.kind &&
		span_equals(a->sender, b->sender) &&
		span_equals(a->way.key, b->way.key) &&
		a->is_forwarded == b->is_forwarded;
}

static int
compare(const void *left, const void *right)
{
	const struct traveller *a = left, *b = right;
	int sender = span_compare(a->sender, b->sender);
	if (sender != 0)
		return sender;
	if (a->way.kind != b->way.kind)
		return a->way.kind < b->way.kind ? -1 : 1;
	int order = span_compare(a->way.key, b->way.key);
	if (order != 0)
		return order;
	if (a->is_forwarded != b->is_forwarded)
		return a->is_forwarded ? 1 : -1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* Those with something left, by the way they go. */
static struct traveller *
sort_by_way(const struct spool *spool, const struct envelope *envelope,
	struct arena *arena, size_t *count)
{
	struct traveller *traveller = arena_new_array(arena, envelope->count,
		sizeof(*traveller));
	*count = 0;
	for (size_t i = 0; i < envelope->count; i++)
		if (envelope->recipient[i].state != RECIPIENT_DONE)
			traveller[(*count)++] = (struct traveller){
				spool_way_of(spool, &envelope->recipient[i],
				arena), envelope->recipient[i].sender,
				envelope_is_forwarded(envelope,
				&envelope->recipient[i]), i };
	qsort(traveller, *count, sizeof(*traveller), compare);
	return traveller;
}

/* How many of them make one message. A list's owner is the sender of one, so
 * that is never mixed. */
static size_t
group_size(const struct destination_rules *rules,
	const struct traveller *traveller, size_t count, bool is_mixed)
{
	size_t size = 1, most = traveller->way.kind == DESTINATION_RELAY ?
		rules->recipients : traveller->way.kind == DESTINATION_PIPE ?
		1 : SPOOL_LOCAL_LIMIT;
	if (is_mixed)
		most = MIXED_LIMIT;
	while (size < count && size < most && (is_mixed ?
		span_equals(traveller[0].sender, traveller[size].sender) :
		is_same_way(&traveller[0], &traveller[size])))
		size++;
	return size;
}

/* ---- making the parts ---- */

/* A row under an id that nobody has: the trace, or with a number behind. */
static struct queued *
reserve_row(struct spool *spool, const struct envelope *envelope,
	size_t number, struct arena *arena)
{
	struct queued *row = NULL;
	struct span id = envelope->id;
	pthread_mutex_lock(&spool->lock);
	for (; row == NULL; number++)
		row = schedule_add(&spool->schedule, number == 0 ? id :
			arena_print(arena, "%.*s-%zu", SPAN_PRINT(id),
			number + 1), 0);
	row->arrival = (uint32_t)(envelope->arrival / 1000);
	schedule_take_row(&spool->schedule, row);
	spool_count_length(spool);
	pthread_mutex_unlock(&spool->lock);
	return row;
}

static void
make_room(struct parts *parts, struct arena *arena)
{
	if (parts->count < parts->room)
		return;
	size_t room = parts->room == 0 ? 1 : parts->room * 4;
	struct spool_part *part = arena_new_array(arena, room, sizeof(*part));
	if (parts->count > 0)
		memcpy(part, parts->part, parts->count * sizeof(*part));
	parts->part = part;
	parts->message = memory_resize(parts->message,
		room * sizeof(*parts->message));
	parts->annotation = memory_resize(parts->annotation,
		room * sizeof(*parts->annotation));
	parts->room = room;
}

/* From here on it is the list's owner who sends. */
static void
set_owner(struct envelope *envelope, struct span owner)
{
	envelope->sender = owner;
	envelope->forward_sender = envelope->ret = envelope->envid = SPAN("");
}

/* A part for the recipients given; fewer when its annotation gets too long.
 * Returns how many are in it. */
static size_t
add_part(struct spool *spool, struct parts *parts, struct arena *arena,
	const struct envelope *envelope, const struct traveller *traveller,
	size_t count)
{
	make_room(parts, arena);
	size_t i = parts->count++;
	struct spool_part *part = &parts->part[i];
	struct recipient *recipient = arena_new_array(arena, count,
		sizeof(*recipient));
	for (size_t j = 0; j < count; j++) {
		recipient[j] = envelope->recipient[traveller[j].number];
		recipient[j].sender = SPAN("");
	}
	part->row = reserve_row(spool, envelope, i, arena);
	part->envelope = *envelope;
	if (traveller->sender.size > 0)
		set_owner(&part->envelope, traveller->sender);
	part->envelope.id = arena_copy(arena, span_from(part->row->id));
	part->envelope.recipient = recipient;
	part->envelope.count = count;
	part->envelope.transaction[STORE_TRANSACTION_SIZE - 2] ^=
		(uint8_t)(i >> 8);
	part->envelope.transaction[STORE_TRANSACTION_SIZE - 1] ^= (uint8_t)i;
	buffer_init(&parts->annotation[i], 0);
	part->envelope.count = envelope_encode(&parts->annotation[i],
		&part->envelope, 0, ENVELOPE_LIMIT);
	return part->envelope.count;
}

static void
drop_parts(struct spool *spool, struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		spool_forget(spool, &parts->part[i].row);
		buffer_fini(&parts->annotation[i]);
	}
	parts->count = 0;
}

/* False when there are too many. */
static bool
cut_into_parts(struct spool *spool, struct parts *parts, struct arena *arena,
	const struct envelope *envelope, bool is_mixed)
{
	size_t count;
	pthread_mutex_lock(&spool->lock);
	struct destination_rules rules = spool->schedule.destinations.rules;
	pthread_mutex_unlock(&spool->lock);
	struct traveller *traveller = sort_by_way(spool, envelope, arena,
		&count);
	for (size_t i = 0; i < count;) {
		if (parts->count == PARTS_LIMIT) {
			drop_parts(spool, parts);
			return false;
		}
		i += add_part(spool, parts, arena, envelope, &traveller[i],
			group_size(&rules, &traveller[i], count - i,
			is_mixed));
	}
	return true;
}

static void
parts_fini(struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		buffer_fini(&parts->annotation[i]);
	memory_free(parts->message);
	memory_free(parts->annotation);
}

/* ---- storing ---- */

static enum spool_verdict
append(struct spool *spool, const struct envelope *envelope,
	const struct parts *parts, const struct store_piece *piece,
	struct error *error)
{
	uint32_t *uids = memory_new_array(parts->count, sizeof(*uids));
	enum store_verdict verdict = STORE_TROUBLE;
	for (size_t i = 0; i < parts->count; i++)
		parts->message[i] = (struct store_message_new){
			.piece = piece, .piece_count = 1,
			.shares_body = i > 0,
			.annotation = buffer_span(&parts->annotation[i]),
			.transaction = parts->part[i].envelope.transaction };
	struct store_account *account = spool_account(spool,
		envelope->scope.trace, error);
	if (account != NULL)
		verdict = store_append(account, spool->inbox, parts->message,
			parts->count, uids, error);
	store_account_close(&account);
	for (size_t i = 0; i < parts->count && verdict == STORE_OK; i++)
		parts->part[i].row->uid = uids[i];
	memory_free(uids);
	if (verdict == STORE_DUPLICATE)
		return SPOOL_DUPLICATE;
	if (verdict == STORE_OK)
		return SPOOL_OK;
	spool_trouble(verdict, error, "storing into the spool");
	return error->code == ERROR_FULL ? SPOOL_FULL : SPOOL_TROUBLE;
}

/* The part is the caller's when its turn is now; else it is scheduled. */
static bool
start(struct spool *spool, struct queued *row, const struct spool_plan *plan)
{
	int64_t now = spool_monotonic(spool);
	if (plan->due > now || plan->way.kind == DESTINATION_REPORT)
		return false;
	pthread_mutex_lock(&spool->lock);
	schedule_assign(&spool->schedule, row,
		spool_destination(spool, &plan->way));
	row->due = plan->due;
	row->look = plan->look;
	bool is_started = schedule_start(&spool->schedule, row, now);
	pthread_mutex_unlock(&spool->lock);
	return is_started;
}

static void
schedule_parts(struct spool *spool, struct parts *parts, struct arena *arena,
	struct spool_started *started)
{
	for (size_t i = 0; i < parts->count; i++) {
		struct spool_part *part = &parts->part[i];
		struct spool_plan plan = spool_plan_of(spool, &part->envelope,
			arena);
		if (started != NULL && start(spool, part->row, &plan))
			started->part[started->count++] = *part;
		else
			spool_give_back(spool, &part->row, &plan);
	}
}

static void
remember(struct spool *spool, const struct envelope *envelope)
{
	int64_t now = spool_monotonic(spool);
	pthread_mutex_lock(&spool->lock);
	recent_put(&spool->recent, envelope->transaction, now,
		now + RECENT_TIME);
	pthread_mutex_unlock(&spool->lock);
}

/* Was it stored before, or is there no space? OK: neither. */
static enum spool_verdict
look_before(struct spool *spool, const struct envelope *envelope,
	struct error *error)
{
	struct space *space = spool->options.space;
	pthread_mutex_lock(&spool->lock);
	bool is_known = recent_has(&spool->recent, envelope->transaction,
		spool_monotonic(spool));
	pthread_mutex_unlock(&spool->lock);
	if (is_known)
		return SPOOL_DUPLICATE;
	if (space == NULL || space_is_left(space, spool_monotonic(spool)))
		return SPOOL_OK;
	error_set(error, ERROR_FULL, "less than queue_minfree is free");
	return SPOOL_FULL;
}

enum spool_verdict
spool_add(struct spool *spool, struct envelope *envelope,
	const struct mail_body *body, struct arena *arena,
	struct spool_started *started, struct error *error)
{
	struct parts parts = { .count = 0 };
	struct store_piece piece = mail_body_piece(body);
	enum spool_verdict verdict = look_before(spool, envelope, error);
	if (started != NULL)
		started->count = 0;
	if (verdict != SPOOL_OK)
		return verdict;
	assert(envelope_left(envelope) > 0);
	if (!cut_into_parts(spool, &parts, arena, envelope, false) &&
	    !cut_into_parts(spool, &parts, arena, envelope, true)) {
		parts_fini(&parts);
		error_set(error, ERROR_LATER, "too many recipients");
		return SPOOL_TROUBLE;
	}
	if (started != NULL)
		started->part = arena_new_array(arena, parts.count,
			sizeof(*started->part));
	verdict = append(spool, envelope, &parts, &piece, error);
	if (verdict == SPOOL_OK) {
		remember(spool, envelope);
		envelope->id = parts.part[0].envelope.id;
		schedule_parts(spool, &parts, arena, started);
	} else {
		drop_parts(spool, &parts);
	}
	parts_fini(&parts);
	return verdict;
}
