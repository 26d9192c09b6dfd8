/*
 * Leading an account: from waiting operations to a durable, published change.
 */
#include "store/commit.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/head.h"
#include "store/store_inner.h"

enum {
	GROUP_RECORDS = LOG_GROUP_LIMIT - 1,	/* one may be a base */
	GROUP_SIZE = 8 << 20,		/* bytes of bodies taken together */
	GATHER_LEAST = 2,		/* ms */
	GATHER_MOST = 10,		/* ms */
};

/* ---- records ---- */

uint64_t
group_next_modseq(const struct group *group)
{
	return group->account->working.modseq + 1;
}

uint64_t
group_add_pieces(struct group *group, enum record_kind kind, unsigned flags,
	const struct iovec *pieces, int count)
{
	const struct store_account *handle = group->op->handle;
	if (group->count == group->room) {
		group->room = group->room * 2 + 8;
		group->record = memory_resize(group->record,
			group->room * sizeof(*group->record));
	}
	struct log_record *record = &group->record[group->count++];
	*record = (struct log_record){
		.kind = (uint16_t)kind,
		.flags = (uint16_t)(flags | (kind == RECORD_BASE ? 0 :
			LOG_MUST_UNDERSTAND)),
		.modseq = ++group->account->working.modseq,
		.piece = pieces,
		.piece_count = count,
	};
	for (int i = 0; i < count; i++)
		group->bytes += pieces[i].iov_len;
	if (handle != NULL) {
		record->actor = handle->actor;
		memcpy(record->trace, handle->trace, sizeof(record->trace));
	}
	return record->modseq;
}

uint64_t
group_add(struct group *group, enum record_kind kind, unsigned flags,
	struct buffer *payload)
{
	struct span copy = arena_copy(&group->arena, buffer_span(payload));
	struct iovec *piece = arena_new(&group->arena, sizeof(*piece));
	piece->iov_base = (char *)copy.data;
	piece->iov_len = copy.size;
	return group_add_pieces(group, kind, flags, piece, 1);
}

static int
check_claim(const struct account *account, struct error *error)
{
	if (!account->is_lost)
		return 0;
	return error_set(error, ERROR_LOST_CLAIM,
		"another process has account %016llx",
		(unsigned long long)account->id);
}

int
group_write_part(struct group *group)
{
	struct account *account = group->account;
	size_t base = group->base_at - group->written;
	if (check_claim(account, &group->refusal) < 0 ||
	    log_append_part(account->log, group->record, group->count,
			&group->refusal) < 0) {
		group->is_refused = true;
		return -1;
	}
	if (group->base_size > 0 && group->base_at >= group->written)
		group->base_position = group->record[base].position;
	group->written += group->count;
	group->count = 0;
	arena_fini(&group->arena);
	return 0;
}

/* ---- leading ---- */

/* The operations of one group, taken off the queue. The lock is held. */
static struct op *
take_group(struct account *account)
{
	struct op *first = account->first, *last = first;
	unsigned records = first->records + 1;
	uint64_t size = first->size;
	while (!first->is_alone && last->next != NULL) {
		const struct op *next = last->next;
		records += next->records + 1;
		size += next->size;
		if (next->is_alone || records > GROUP_RECORDS ||
		    size > GROUP_SIZE)
			break;
		last = last->next;
	}
	account->first = last->next;
	if (account->first == NULL)
		account->last = NULL;
	last->next = NULL;
	for (const struct op *op = first; op != NULL; op = op->next)
		account->waiting--;
	return first;
}

static void
fail(struct op *op, const struct error *error)
{
	op->verdict = STORE_TROUBLE;
	*op->error = *error;
}

/* Opens the index when one of them needs it; those fail when it cannot be. */
static void
ensure_index(struct account *account, struct op *ops)
{
	struct error error;
	bool needs = false;
	bool is_broken = account->index != NULL &&
		atomic_load(&account->index->is_broken);
	for (struct op *op = ops; op != NULL; op = op->next)
		needs |= op->needs_index;
	if (!needs && is_broken)
		account_index_close(account);
	if (!needs || (account->index != NULL && !is_broken) ||
	    account_index_open(account, &error) == 0)
		return;
	for (struct op *op = ops; op != NULL; op = op->next)
		if (op->needs_index)
			fail(op, &error);
}

static bool
prepare_all(struct group *group, struct op *ops)
{
	for (struct op *op = ops; op != NULL; op = op->next) {
		if (op->verdict == STORE_TROUBLE)
			continue;	/* no index */
		group->op = op;
		op->verdict = op->prepare(op, group);
		if (group->change.is_broken || group->is_refused)
			return false;
	}
	return true;
}

static void
add_base(struct group *group)
{
	struct buffer bytes;
	if (group->is_state || !head_wants_base(group->account))
		return;
	buffer_init(&bytes, 0);
	head_encode_base(group->account, &bytes);
	group->base_at = group->count;
	group->base_size = bytes.size;
	group_add(group, RECORD_BASE, 0, &bytes);
	buffer_fini(&bytes);
}

/* Bodies of messages are where their records have been written. */
static void
note_positions(struct group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct log_record *record = &group->record[i];
		struct record_message message;
		if (record->kind != RECORD_MESSAGE)
			continue;
		size_t size = 0;
		for (int k = 0; k < record->piece_count; k++)
			size += record->piece[k].iov_len;
		if (!record_get_message(span_of(record->piece[0].iov_base,
				record->piece[0].iov_len), size, &message))
			assert(false);
		if (message.form == RECORD_BIG)
			change_email_is_at(&group->change, record->modseq,
				LOG_BODY, message.number);
		else
			change_email_is_at(&group->change, record->modseq,
				record->position.segment,
				record->position.offset + RECORD_MESSAGE_SIZE);
	}
}

static int
append(struct group *group, struct error *error)
{
	struct account *account = group->account;
	if (check_claim(account, error) < 0)
		return -1;
	add_base(group);
	if (group->is_state)
		head_forget_base(account);
	head_encode(account, &account->head);
	if (log_append(account->log, group->record, group->count,
			buffer_span(&account->head), error) < 0)
		return -1;
	account->base.heads_size += account->head.size;
	if (group->base_size > 0 && group->base_at >= group->written)
		group->base_position = group->record[group->base_at -
			group->written].position;
	if (group->base_size > 0)
		head_has_base(account, group->base_position, group->base_size);
	return 0;
}

static void
note_space(struct account *account, const struct group *group)
{
	uint64_t segment = group->record[group->count - 1].position.segment;
	if (segment != account->last_segment)
		atomic_store(&account->wants_space, true);
	account->last_segment = segment;
}

static void
refuse_all(struct group *group, struct op *ops, const struct error *error)
{
	struct account *account = group->account;
	change_undo(&group->change);
	log_drop_parts(account->log);
	if (error->code == ERROR_LOST_CLAIM) {
		pthread_mutex_lock(&account->lock);
		account->is_lost = true;
		pthread_mutex_unlock(&account->lock);
	}
	for (struct op *op = ops; op != NULL; op = op->next)
		fail(op, error);
}

static void
lead(struct account *account, struct op *ops)
{
	struct group group = { .account = account };
	struct error error = { .code = ERROR_DAMAGED,
		.text = "the index is damaged and is being made again" };
	ensure_index(account, ops);
	arena_init(&group.arena, 0);
	change_init(&group.change, account, account->index, true,
		account->store->wall_clock() / 1000);
	if (!prepare_all(&group, ops)) {
		refuse_all(&group, ops, group.is_refused ? &group.refusal :
			&error);
	} else if (group.count == 0) {
		assert(group.change.touched_count == 0);
	} else if (append(&group, &error) < 0) {
		refuse_all(&group, ops, &error);
	} else {
		struct log_applied end = log_end(account->log);
		note_positions(&group);
		note_space(account, &group);
		change_publish(&group.change, &end);
		store_tell(account, group.change.notice,
			group.change.notice_count);
		if (account->index != NULL)
			store_note_dirty(account, account->index);
	}
	change_fini(&group.change);
	arena_fini(&group.arena);
	memory_free(group.record);
}

/* The lock is held. Who is returned leads from now on, and is to be woken when
 * the lock is let go; NULL: nobody waits. */
static struct op *
hand_over(struct account *account)
{
	account->is_led = account->first != NULL;
	return account->first;
}

/*
 * Two who write in turn, each while the other's sync is under way, need twice
 * the syncs and wait twice as long as two who write together. So where several
 * came last time, the leader waits for as many: for half of the time that the
 * last group took, and for two milliseconds where a sync is quick, because it
 * costs as much as the rest of a message even then. Who writes alone never
 * waits. The lock is held.
 */
static void
gather(struct account *account)
{
	int64_t wait = account->group_time / 2;
	if (wait < GATHER_LEAST)
		wait = GATHER_LEAST;
	if (wait > GATHER_MOST)
		wait = GATHER_MOST;
	if (wait < account->gather_least)
		wait = account->gather_least;
	struct timespec until;
	int code = 0;
	if (account->waiting >= account->company)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)wait * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	account->is_gathering = true;
	while (account->waiting < account->company && code == 0)
		code = pthread_cond_clockwait(&account->gathered,
			&account->lock, CLOCK_MONOTONIC, &until);
	account->is_gathering = false;
}

/* The leader of a group, which begins with `op`. The lock is held at first, and
 * let go; those who are woken do not have to wait for it. */
static void
lead_group(struct account *account, struct op *op)
{
	unsigned before = account->waiting;
	struct op *ops = take_group(account), *next;
	unsigned taken = before - account->waiting;
	pthread_mutex_unlock(&account->lock);
	int64_t begun = clock_monotonic();
	lead(account, ops);
	int64_t took = clock_monotonic() - begun;
	pthread_mutex_lock(&account->lock);
	account->company = taken + account->waiting;
	account->group_time = took;
	struct op *leader = hand_over(account);
	pthread_mutex_unlock(&account->lock);
	if (leader != NULL)
		sem_post(&leader->wake);
	for (struct op *done = ops; done != NULL; done = next) {
		next = done->next;	/* it may be gone after this */
		done->is_done = true;
		if (done != op)
			sem_post(&done->wake);
	}
}

/* Puts it at the end of the queue; true when it is the leader at once. */
static bool
join(struct account *account, struct op *op)
{
	if (account->last != NULL)
		account->last->next = op;
	else
		account->first = op;
	account->last = op;
	account->waiting++;
	if (account->is_gathering && account->waiting >= account->company)
		pthread_cond_signal(&account->gathered);
	if (account->is_led)
		return false;
	account->is_led = true;
	return true;
}

enum store_verdict
commit_run(const struct store_account *handle, struct op *op,
	struct error *error)
{
	struct account *account = handle->account;
	op->handle = handle;
	op->error = error;
	op->verdict = STORE_OK;
	op->is_done = false;
	op->next = NULL;
	sem_init(&op->wake, 0, 0);
	pthread_mutex_lock(&account->lock);
	if (!join(account, op)) {
		pthread_mutex_unlock(&account->lock);
		while (sem_wait(&op->wake) < 0)
			assert(errno == EINTR);
		if (!op->is_done)
			pthread_mutex_lock(&account->lock);
	}
	if (!op->is_done) {
		if (!op->is_question)
			gather(account);
		lead_group(account, op);
	}
	sem_destroy(&op->wake);
	return op->verdict;
}

bool
commit_enter(struct account *account)
{
	pthread_mutex_lock(&account->lock);
	bool is_free = !account->is_led;
	account->is_led = true;
	pthread_mutex_unlock(&account->lock);
	return is_free;
}

void
commit_leave(struct account *account)
{
	pthread_mutex_lock(&account->lock);
	struct op *leader = hand_over(account);
	pthread_mutex_unlock(&account->lock);
	if (leader != NULL)
		sem_post(&leader->wake);
}
