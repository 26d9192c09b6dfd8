/*
 * Random operations beside a model that is too simple to be wrong: after every
 * few, the store shows what the model has; across restarts, lost indexes and
 * failures of the engine; and views of what a client was told long ago.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/compact.h"
#include "world.h"

enum { MAILBOXES = 3, ROUNDS = 400, MOST = 6000, TOLD = 5 };

struct item {
	uint32_t uid, flags;
	unsigned text;
};

struct model {
	uint32_t id, uid_next;
	struct item item[MOST];
	size_t count;
};

/* What a client was told once. */
struct told {
	unsigned mailbox;
	struct store_seen seen;
	struct number_set uids;
};

struct play {
	struct world *world;
	struct model *model;	/* MAILBOXES of them */
	struct told told[TOLD];
	unsigned dice, texts;
};

static unsigned
throw(struct play *play, unsigned sides)
{
	play->dice = play->dice * 1103515245u + 12345u;
	return (play->dice >> 8) % sides;
}

/* ---- comparing ---- */

static void
compare_message(struct play *play, const struct item *item,
	const struct store_message *message)
{
	char want[40], got[40];
	struct store_body body;
	struct error error;
	snprintf(want, sizeof(want), "text %u", item->text);
	assert_int_equal(message->uid, item->uid);
	assert_true(message->flags == item->flags);
	assert_int_equal(message->size, strlen(want));
	if (throw(play, 20) > 0)
		return;
	assert_int_equal(store_body_open(play->world->account, message, &body,
		&error), STORE_OK);
	assert_int_equal(store_body_read(&body, 0, got, message->size,
		&error), 0);
	assert_memory_equal(got, want, message->size);
	store_body_close(&body);
}

static void
compare_counts(const struct model *model, const struct store_view *view)
{
	struct store_view_facts facts;
	uint32_t unseen = 0, deleted = 0, first = 0;
	for (size_t i = 0; i < model->count; i++) {
		bool is_unseen = (model->item[i].flags & STORE_SEEN) == 0;
		if (is_unseen && unseen++ == 0)
			first = (uint32_t)i + 1;
		deleted += (model->item[i].flags & STORE_DELETED) != 0;
	}
	store_view_facts(view, &facts);
	assert_int_equal(facts.exists, model->count);
	assert_int_equal(facts.uid_next, model->uid_next);
	assert_int_equal(facts.unseen, unseen);
	assert_int_equal(facts.deleted, deleted);
	assert_int_equal(facts.first_unseen, first);
}

static void
compare_sets(const struct model *model, const struct store_view *view)
{
	struct number_set want = { 0 }, got = { 0 };
	for (size_t i = 0; i < model->count; i++)
		if ((model->item[i].flags & STORE_FLAGGED) != 0 &&
		    (model->item[i].flags & STORE_SEEN) == 0)
			number_set_add(&want, model->item[i].uid,
				model->item[i].uid);
	store_view_uids(view, STORE_FLAGGED, STORE_SEEN, &got);
	assert_int_equal(got.count, want.count);
	if (want.count > 0)
		assert_memory_equal(got.range, want.range,
			want.count * sizeof(*want.range));
	number_set_fini(&want);
	number_set_fini(&got);
}

static void
compare(struct play *play)
{
	for (unsigned m = 0; m < MAILBOXES; m++) {
		const struct model *model = &play->model[m];
		struct store_view *view;
		struct store_message message;
		struct error error;
		assert_int_equal(store_view_open(play->world->account,
			model->id, &view, &error), STORE_OK);
		compare_counts(model, view);
		compare_sets(model, view);
		for (size_t i = 0; i < model->count; i++) {
			uint32_t sequence = (uint32_t)i + 1;
			assert_true(store_view_by_sequence(view, sequence,
				&message));
			compare_message(play, &model->item[i], &message);
			assert_int_equal(store_view_sequence(view,
				message.uid), sequence);
		}
		store_view_close(&view);
	}
}

/* ---- what was told ---- */

static void
tell(struct play *play)
{
	struct told *told = &play->told[throw(play, TOLD)];
	struct store_view *view;
	struct store_view_facts facts;
	struct error error;
	told->mailbox = throw(play, MAILBOXES);
	assert_int_equal(store_view_open(play->world->account,
		play->model[told->mailbox].id, &view, &error), STORE_OK);
	store_view_facts(view, &facts);
	told->seen = (struct store_seen){ facts.modseq, facts.modseq,
		facts.modseq };
	number_set_fini(&told->uids);
	store_view_uids(view, 0, 0, &told->uids);
	store_view_close(&view);
}

/* False: what was expunged since is forgotten, because the index was made again
 * from a whole state. */
static bool
check_told(struct play *play, const struct told *told)
{
	uint32_t id = play->model[told->mailbox].id, sequence = 0, uid = 0;
	struct store_view *view, *now;
	struct number_set uids = { 0 }, gone = { 0 }, vanished = { 0 };
	struct error error;
	enum store_verdict verdict = store_view_open_seen(play->world->account,
		id, &told->seen, &view, &error);
	if (verdict == STORE_TROUBLE && error.code == ERROR_GONE)
		return false;
	assert_int_equal(verdict, STORE_OK);
	assert_int_equal(store_view_open(play->world->account, id, &now,
		&error), STORE_OK);
	store_view_uids(view, 0, 0, &uids);
	assert_int_equal(uids.count, told->uids.count);
	if (uids.count > 0)
		assert_memory_equal(uids.range, told->uids.range,
			uids.count * sizeof(*uids.range));
	store_view_expunged(view, now, &gone);
	assert_true(store_view_vanished(now, told->seen.expunged, &vanished));
	for (; number_set_next(&uids, uid + 1, &uid); sequence++) {
		assert_int_equal(store_view_uid(view, sequence + 1), uid);
		assert_int_equal(store_view_sequence(view, uid), sequence + 1);
		bool is_gone = number_set_contains(&gone, uid);
		assert_int_equal(is_gone, store_view_sequence(now, uid) == 0);
		assert_true(!is_gone || number_set_contains(&vanished, uid));
	}
	assert_int_equal(store_view_uid(view, sequence + 1), 0);
	number_set_fini(&uids);
	number_set_fini(&gone);
	number_set_fini(&vanished);
	store_view_close(&view);
	store_view_close(&now);
	return true;
}

/* ---- operations; false: it was refused, as it was to be ---- */

static struct number_set
some_uids(struct play *play, const struct model *model)
{
	struct number_set set = { 0 };
	for (unsigned i = throw(play, 4) + 1; i > 0; i--) {
		uint32_t first = throw(play, model->uid_next) + 1;
		number_set_add(&set, first, first + throw(play, 4) *
			throw(play, 200));
	}
	return set;
}

static bool
append(struct play *play, struct model *model)
{
	enum { TOGETHER = 150 };
	struct store_message_new message[TOGETHER] = { 0 };
	struct store_piece piece[TOGETHER] = { 0 };
	char text[TOGETHER][40];
	uint32_t uids[TOGETHER];
	struct error error;
	size_t count = throw(play, throw(play, 3) == 0 ? TOGETHER : 4) + 1;
	if (model->count + count > MOST)
		return true;
	for (size_t i = 0; i < count; i++) {
		snprintf(text[i], sizeof(text[i]), "text %u",
			play->texts + (unsigned)i);
		piece[i].bytes = span_from(text[i]);
		message[i].piece = &piece[i];
		message[i].piece_count = 1;
		message[i].flags.system = throw(play, 32);
	}
	if (store_append(play->world->account, model->id, message, count, uids,
			&error) != STORE_OK)
		return false;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(uids[i], model->uid_next);
		model->item[model->count++] = (struct item){
			model->uid_next++, message[i].flags.system,
			play->texts++ };
	}
	return true;
}

static bool
change_flags(struct play *play, struct model *model)
{
	struct number_set set = some_uids(play, model);
	struct store_flags flags = { .system = throw(play, 32) };
	enum store_change how = throw(play, 3);
	struct error error;
	bool ok = store_flags_change(play->world->account, model->id, &set,
		how, &flags, UINT64_MAX, NULL, NULL, &error) == STORE_OK;
	for (size_t i = 0; ok && i < model->count; i++) {
		uint32_t *old = &model->item[i].flags;
		if (number_set_contains(&set, model->item[i].uid))
			*old = how == STORE_ADD ? *old | flags.system :
				how == STORE_REMOVE ? *old & ~flags.system :
				flags.system;
	}
	number_set_fini(&set);
	return ok;
}

static void
take_out(struct model *model, const struct number_set *set)
{
	size_t kept = 0;
	for (size_t i = 0; i < model->count; i++)
		if (!number_set_contains(set, model->item[i].uid))
			model->item[kept++] = model->item[i];
	model->count = kept;
}

static bool
expunge(struct play *play, struct model *model)
{
	struct number_set set = some_uids(play, model);
	struct error error;
	bool ok = store_expunge(play->world->account, model->id, &set, false,
		NULL, &error) == STORE_OK;
	if (ok)
		take_out(model, &set);
	number_set_fini(&set);
	return ok;
}

static bool
copy(struct play *play, struct model *from)
{
	struct model *to = &play->model[throw(play, MAILBOXES)];
	struct number_set set = some_uids(play, from);
	bool is_move = throw(play, 2) == 0;
	struct error error;
	size_t count = from->count;
	if (to->count + from->count > MOST) {
		number_set_fini(&set);
		return true;
	}
	bool ok = store_copy(play->world->account, from->id, &set, to->id,
		is_move, NULL, NULL, &error) == STORE_OK;
	uint32_t limit = from->uid_next;
	for (size_t i = 0; ok && i < count; i++) {
		struct item item = from->item[i];
		if (!number_set_contains(&set, item.uid))
			continue;
		item.uid = to->uid_next++;
		to->item[to->count++] = item;
	}
	if (ok && is_move) {
		struct number_set old = { 0 };
		for (size_t i = 0; i < count; i++)
			if (number_set_contains(&set, from->item[i].uid) &&
			    from->item[i].uid < limit)
				number_set_add(&old, from->item[i].uid,
					from->item[i].uid);
		take_out(from, &old);
		number_set_fini(&old);
	}
	number_set_fini(&set);
	return ok;
}

static bool
operate(struct play *play)
{
	struct model *model = &play->model[throw(play, MAILBOXES)];
	switch (throw(play, 8)) {
	case 0:
	case 1:
	case 2:
		return append(play, model);
	case 3:
	case 4:
		return change_flags(play, model);
	case 5:
	case 6:
		return expunge(play, model);
	default:
		return copy(play, model);
	}
}

/* The next append fails in some way; what was asked for is refused, and the
 * next time it goes through. False: it was the background's whole state that
 * met the failure. */
static bool
operate_with_failure(struct play *play)
{
	static const enum engine_memory_fault faults[] = {
		ENGINE_MEMORY_BEFORE, ENGINE_MEMORY_AFTER, ENGINE_MEMORY_PART,
	};
	struct engine *engine = play->world->engine;
	engine_memory_fail(engine, ENGINE_MEMORY_APPEND, 1,
		faults[throw(play, 3)]);
	for (int i = 0; i < 50; i++)
		if (!operate(play))
			return true;
	return false;
}

static void
run(struct world *world, unsigned seed)
{
	static const char *const names[] = { "INBOX", "Sent", "Trash" };
	struct play play = { .world = world, .dice = seed };
	unsigned checked = 0, failed = 0;
	/* Small segments, so that many of them die; little memory, so that blocks
	 * come and go. */
	store_account_close(&world->account);
	store_close(&world->store);
	world->options.segment_size = 1 << 16;
	world->options.block_memory = 1;
	world_reopen(world);
	play.model = memory_new_array(MAILBOXES, sizeof(*play.model));
	for (unsigned m = 0; m < MAILBOXES; m++) {
		play.model[m].id = world_mailbox(world, names[m]);
		play.model[m].uid_next = 1;
	}
	for (unsigned i = 0; i < TOLD; i++)
		tell(&play);
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (world->is_memory && throw(&play, 20) == 0)
			failed += operate_with_failure(&play);
		else
			assert_true(operate(&play));
		if (throw(&play, 40) == 0)
			world_restart(world);
		if (throw(&play, 80) == 0)
			world_restart_without_index(world);
		if (throw(&play, 25) == 0)
			compact_now(world->account->account);
		if (throw(&play, 8) == 0)
			compact_begin(world->account->account);
		if (throw(&play, 2) == 0)
			compact_step(world->account->account);
		if (throw(&play, 10) == 0)
			compare(&play);
		if (throw(&play, 10) == 0)
			checked += check_told(&play,
				&play.told[throw(&play, TOLD)]);
		if (throw(&play, 10) == 0)
			tell(&play);
	}
	compare(&play);
	assert_true(checked > 10);
	assert_true(!world->is_memory || failed > 3);
	for (unsigned i = 0; i < TOLD; i++) {
		check_told(&play, &play.told[i]);
		number_set_fini(&play.told[i].uids);
	}
	memory_free(play.model);
}

static void
seed_1(struct world *world)
{
	run(world, 1);
}

static void
seed_2(struct world *world)
{
	run(world, 2);
}

static void
seed_3(struct world *world)
{
	run(world, 3);
}

static const struct scenario scenarios[] = {
	{ "the model agrees, seed 1", seed_1 },
	{ "the model agrees, seed 2", seed_2 },
	{ "the model agrees, seed 3", seed_3 },
};

int
main(void)
{
	return world_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
