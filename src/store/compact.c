/*
 * Compaction, a round at a time: what is alive in each old segment is counted,
 * those that are worth it are chosen, their bodies looked up, sorted by where
 * they are, and moved group by group. Rules: doc/formats/records.md. Everything
 * that was looked up may have changed when it is moved; then it is left alone.
 */
#include "store/compact.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/op.h"
#include "store/store_inner.h"

enum {
	FREED_LEAST = 64 << 10,		/* bytes worth a round */
	ROUND_BYTES = 64 << 20,		/* of bodies moved in a round, at most */
	ROUND_PLACEMENTS = 50000,
	STEP_MESSAGES = 1 << 16,	/* looked at */
	GROUP_BYTES = 512 << 10,	/* of bodies */
	GROUP_BODIES = 1000,
	STUCK_LIMIT = 64,		/* segments with a damaged body */
	COUNT_SEGMENTS = 2,		/* written before everything is counted */
};

enum phase { COMPACT_RESTS, COMPACT_COUNTS, COMPACT_COLLECTS, COMPACT_MOVES };

struct counted {
	uint64_t number, size;
	uint64_t placements, live;
	bool is_chosen;
};

struct compactor {
	pthread_mutex_t lock;		/* of all that follows */
	enum phase phase;
	bool is_eager;
	uint64_t state_cost;
	uint64_t counted_at;		/* the newest segment when all was counted */
	struct counted *segment;	/* ascending */
	size_t segment_count, segment_last;
	/* The next message to be looked at, and the body of the one before. */
	uint32_t mailbox;
	uint64_t uid;
	struct log_position before;
	struct compact_placement *placement;
	size_t count, room;
	size_t done;			/* placements looked after */
	bool has_moved;
	uint64_t stuck[STUCK_LIMIT];
	size_t stuck_count;
};

struct compactor *
compactor_new(void)
{
	struct compactor *compactor = memory_new(sizeof(*compactor));
	pthread_mutex_init(&compactor->lock, NULL);
	return compactor;
}

static void
rest(struct compactor *compactor)
{
	memory_free(compactor->segment);
	memory_free(compactor->placement);
	compactor->segment = NULL;
	compactor->placement = NULL;
	compactor->segment_count = 0;
	compactor->count = compactor->room = compactor->done = 0;
	compactor->has_moved = false;
	compactor->phase = COMPACT_RESTS;
	compactor->is_eager = false;
}

void
compactor_free(struct compactor **compactor)
{
	if (*compactor == NULL)
		return;
	rest(*compactor);
	pthread_mutex_destroy(&(*compactor)->lock);
	memory_free(*compactor);
	*compactor = NULL;
}

/* ---- does it pay ---- */

static bool
is_stuck(const struct compactor *compactor, uint64_t number)
{
	for (size_t i = 0; i < compactor->stuck_count; i++)
		if (compactor->stuck[i] == number)
			return true;
	return false;
}

static bool
is_sparse(const struct compactor *compactor, const struct counted *segment)
{
	uint64_t most = compactor->is_eager ? segment->size / 4 * 3 :
		segment->size / COMPACT_SPARSE;
	return segment->live > 0 && segment->live < most &&
		!is_stuck(compactor, segment->number);
}

/* Chooses what a round takes; false: it does not pay. */
static bool
choose(struct compactor *compactor, uint64_t room)
{
	uint64_t freed = 0, moved = 0, placements = 0;
	uint64_t most = room / 2 < ROUND_BYTES ? room / 2 : ROUND_BYTES;
	bool is_any = false;
	for (size_t i = 0; i < compactor->segment_count; i++) {
		struct counted *segment = &compactor->segment[i];
		segment->is_chosen = is_sparse(compactor, segment) &&
			moved + segment->live <= most && (!is_any ||
			placements + segment->placements <= ROUND_PLACEMENTS);
		if (segment->is_chosen) {
			is_any = true;
			moved += segment->live;
			placements += segment->placements;
		}
		if (segment->is_chosen || segment->live == 0)
			freed += segment->size;
	}
	return is_any && (compactor->is_eager || (freed >= FREED_LEAST &&
		freed / 2 >= moved + compactor->state_cost));
}

static void
take_facts(struct compactor *compactor, const struct space_facts *facts)
{
	rest(compactor);
	compactor->segment = memory_new_array(facts->count,
		sizeof(*compactor->segment));
	compactor->segment_count = facts->count;
	compactor->state_cost = facts->state_cost;
	for (size_t i = 0; i < facts->count; i++) {
		const struct space_segment *from = &facts->segment[i];
		compactor->segment[i] = (struct counted){
			.number = from->number, .size = from->size,
			.placements = from->placements,
			.live = from->bytes +
				from->placements * COMPACT_BODY_COST,
		};
	}
}

/* So much was written that bodies with several placements may hide what is
 * dead. */
static bool
is_time_to_count(const struct account *account,
	const struct space_facts *facts)
{
	struct compactor *compactor = account->compactor;
	if (compactor->counted_at == 0)
		compactor->counted_at = facts->newest;
	return facts->newest - compactor->counted_at >= COUNT_SEGMENTS +
		4 * facts->state_cost / account->store->segment_size;
}

static void
begin_walk(struct compactor *compactor, enum phase phase)
{
	compactor->phase = phase;
	compactor->mailbox = 0;
	compactor->uid = 1;
	compactor->before = (struct log_position){ 0, 0 };
	compactor->segment_last = 0;
}

static void
begin_round(struct compactor *compactor, const struct space_facts *facts)
{
	for (size_t i = 0; i < compactor->segment_count; i++)
		compactor->segment[i].live =
			compactor->segment[i].placements = 0;
	compactor->counted_at = facts->newest;
	begin_walk(compactor, COMPACT_COUNTS);
}

void
compact_consider(struct account *account, const struct space_facts *facts)
{
	struct compactor *compactor = account->compactor;
	pthread_mutex_lock(&compactor->lock);
	if (compactor->phase == COMPACT_RESTS) {
		take_facts(compactor, facts);
		if (choose(compactor, log_room(account->log)) ||
		    is_time_to_count(account, facts))
			begin_round(compactor, facts);
		else
			rest(compactor);
	}
	pthread_mutex_unlock(&compactor->lock);
}

/* ---- looking at messages ---- */

static struct counted *
find_segment(struct compactor *compactor, uint64_t number)
{
	size_t low = 0, high = compactor->segment_count;
	if (high > 0 &&
	    compactor->segment[compactor->segment_last].number == number)
		return &compactor->segment[compactor->segment_last];
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compactor->segment[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == compactor->segment_count ||
	    compactor->segment[low].number != number)
		return NULL;
	compactor->segment_last = low;
	return &compactor->segment[low];
}

static void
count_message(struct compactor *compactor, const struct slot *slot)
{
	struct counted *segment = find_segment(compactor, slot->segment);
	bool is_same = slot->segment == compactor->before.segment &&
		slot->offset == compactor->before.offset;
	compactor->before = (struct log_position){ slot->segment,
		slot->offset };
	if (segment == NULL)
		return;
	segment->placements++;
	if (!is_same)
		segment->live += slot->size + COMPACT_BODY_COST;
}

static void
collect_message(struct compactor *compactor, const struct slot *slot)
{
	const struct counted *segment = find_segment(compactor, slot->segment);
	if (segment == NULL || !segment->is_chosen)
		return;
	if (compactor->count == compactor->room) {
		compactor->room = compactor->room * 2 + 64;
		compactor->placement = memory_resize(compactor->placement,
			compactor->room * sizeof(*compactor->placement));
	}
	compactor->placement[compactor->count++] = (struct compact_placement){
		.segment = slot->segment, .offset = slot->offset,
		.size = slot->size, .email = slot->email,
		.mailbox = compactor->mailbox, .uid = slot->uid,
	};
}

/* The first mailbox from this id on that has messages; 0: none. */
static uint32_t
next_mailbox(struct account *account, uint32_t id)
{
	uint32_t found = 0;
	pthread_mutex_lock(&account->lock);
	for (size_t i = 0; i < account->mailbox_count && found == 0; i++) {
		const struct mailbox *mailbox = account->mailbox[i];
		if (mailbox->id >= id && mailbox->published_tree != NULL)
			found = mailbox->id;
	}
	pthread_mutex_unlock(&account->lock);
	return found;
}

/* Looks at messages of one mailbox, so many at most; 0: it is at its end. */
static size_t
look_at_mailbox(struct account *account, size_t most)
{
	struct compactor *compactor = account->compactor;
	struct store_account handle = { .account = account };
	struct index *index;
	struct tree *tree;
	struct walk walk;
	struct slot slot;
	struct error ignored;
	if (account_tree_get(&handle, compactor->mailbox, &index, &tree,
			&ignored) != STORE_OK)
		return 0;	/* gone meanwhile */
	walk_init(&walk, index, tree, NULL);
	walk.next = compactor->uid;
	while (most > 0 && walk_next(&walk, &slot)) {
		if (compactor->phase == COMPACT_COUNTS)
			count_message(compactor, &slot);
		else
			collect_message(compactor, &slot);
		compactor->uid = (uint64_t)slot.uid + 1;
		most--;
	}
	walk_fini(&walk);
	tree_free(&tree);
	index_free(&index);
	return most == 0;
}

/* False: all messages have been looked at. */
static bool
look_at_some(struct account *account)
{
	struct compactor *compactor = account->compactor;
	compactor->mailbox = next_mailbox(account, compactor->mailbox);
	if (compactor->mailbox == 0)
		return false;
	if (look_at_mailbox(account, STEP_MESSAGES) == 0) {
		compactor->mailbox++;
		compactor->uid = 1;
	}
	return true;
}

/* ---- moving ---- */

static int
compare_placements(const void *left, const void *right)
{
	const struct compact_placement *a = left, *b = right;
	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	if (a->mailbox != b->mailbox)
		return a->mailbox < b->mailbox ? -1 : 1;
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

/* The segment stays as it is, with what cannot be read in it. */
static void
leave_segment(struct account *account,
	const struct compact_placement *placement, const struct error *error)
{
	struct compactor *compactor = account->compactor;
	char id[ACCOUNT_ID_TEXT];
	account_id_text(account->id, id);
	if (is_stuck(compactor, placement->segment))
		return;
	log_event(LOG_ERROR, "body-damaged", NULL, LOG_TEXT("account", id),
		LOG_NUMBER("email", placement->email),
		LOG_TEXT("reason", error->text));
	if (compactor->stuck_count < STUCK_LIMIT)
		compactor->stuck[compactor->stuck_count++] =
			placement->segment;
}

/* The message record; false: it is not there as it was written. */
static bool
read_body(struct account *account, const struct compact_placement *placement,
	struct arena *arena, struct iovec *payload)
{
	struct log_position position = { placement->segment,
		placement->offset - RECORD_MESSAGE_SIZE };
	struct record_message message;
	struct error error = { .code = ERROR_DAMAGED,
		.text = "it is not a message" };
	payload->iov_len = RECORD_MESSAGE_SIZE + placement->size;
	payload->iov_base = arena_new(arena, payload->iov_len);
	if (log_read_whole(account->log, position, payload->iov_base,
			payload->iov_len, &error) == 0 && record_get_message(
			span_of(payload->iov_base, payload->iov_len),
			payload->iov_len, &message) &&
	    message.form == RECORD_INLINE)
		return true;
	if (error.code == ERROR_DAMAGED)
		leave_segment(account, placement, &error);
	return false;
}

/* Placements of the same body from here on. */
static size_t
count_same(const struct compactor *compactor, size_t from)
{
	const struct compact_placement *first = &compactor->placement[from];
	size_t count = 1;
	while (from + count < compactor->count &&
	    first[count].segment == first->segment &&
	    first[count].offset == first->offset)
		count++;
	return count;
}

/* One group. False: the log did not take it. */
static bool
move_some(struct account *account)
{
	struct compactor *compactor = account->compactor;
	struct compact_body *bodies;
	struct arena arena;
	struct error error;
	size_t count = 0;
	enum store_verdict verdict = STORE_OK;
	arena_init(&arena, 0);
	bodies = arena_new_array(&arena, GROUP_BODIES, sizeof(*bodies));
	while (compactor->done < compactor->count && count < GROUP_BODIES &&
	    arena.used < GROUP_BYTES) {
		struct compact_body *body = &bodies[count];
		body->placement = &compactor->placement[compactor->done];
		body->count = count_same(compactor, compactor->done);
		compactor->done += body->count;
		count += read_body(account, body->placement, &arena,
			&body->payload);
	}
	compactor->has_moved |= count > 0;
	if (count > 0)
		verdict = op_move_bodies(account, bodies, count, &error);
	arena_fini(&arena);
	return verdict == STORE_OK;
}

/* ---- steps ---- */

static void
step_counting(struct account *account)
{
	struct compactor *compactor = account->compactor;
	if (look_at_some(account))
		return;
	if (choose(compactor, log_room(account->log)))
		begin_walk(compactor, COMPACT_COLLECTS);
	else
		rest(compactor);
}

static void
step_collecting(struct account *account)
{
	struct compactor *compactor = account->compactor;
	if (look_at_some(account))
		return;
	if (compactor->count > 0)
		qsort(compactor->placement, compactor->count,
			sizeof(*compactor->placement), compare_placements);
	compactor->phase = COMPACT_MOVES;
}

/* What was moved is to be removed; a round that could not do anything is not
 * begun again before something else happens. */
static void
step_moving(struct account *account)
{
	struct compactor *compactor = account->compactor;
	bool goes_on = move_some(account);
	if (goes_on && compactor->done < compactor->count)
		return;
	if (goes_on && compactor->has_moved)
		atomic_store(&account->wants_space, true);
	rest(compactor);
}

bool
compact_step(struct account *account)
{
	static void (*const steps[])(struct account *account) = {
		[COMPACT_COUNTS] = step_counting,
		[COMPACT_COLLECTS] = step_collecting,
		[COMPACT_MOVES] = step_moving,
	};
	struct compactor *compactor = account->compactor;
	pthread_mutex_lock(&compactor->lock);
	bool is_more = compactor->phase != COMPACT_RESTS;
	if (is_more)
		steps[compactor->phase](account);
	pthread_mutex_unlock(&compactor->lock);
	return is_more;
}

void
compact_begin(struct account *account)
{
	struct compactor *compactor = account->compactor;
	struct space_facts facts = { .count = 0 };
	op_look_at_space(account, false, &facts);
	pthread_mutex_lock(&compactor->lock);
	if (compactor->phase == COMPACT_RESTS) {
		take_facts(compactor, &facts);
		compactor->is_eager = true;
		begin_round(compactor, &facts);
	}
	pthread_mutex_unlock(&compactor->lock);
	memory_free(facts.segment);
}

void
compact_now(struct account *account)
{
	while (compact_step(account))
		continue;
	compact_begin(account);
	while (compact_step(account))
		continue;
	op_look_at_space(account, true, NULL);
}
