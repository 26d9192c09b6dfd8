/* Many at the same time: nothing is lost, nobody sees half of anything. */
#include <pthread.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/account.h"
#include "world.h"

enum { THREADS = 20, EACH = 40, PATIENCE = 60000 };

struct crowd {
	struct world *world;
	uint32_t inbox;
	pthread_mutex_t lock;
	bool given[THREADS * EACH + 1];
	atomic_bool is_done;
	atomic_uint looks;
};

struct member {
	struct crowd *crowd;
	unsigned number;
};

struct run {
	pthread_t thread[THREADS];
	struct member member[THREADS];
};

static void
begin_all(struct run *all, struct crowd *crowd, void *(*run)(void *),
	unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		all->member[i] = (struct member){ crowd, i };
		pthread_create(&all->thread[i], NULL, run, &all->member[i]);
	}
}

static void
end_all(struct run *all, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		pthread_join(all->thread[i], NULL);
}

static void
run_all(struct crowd *crowd, void *(*run)(void *), unsigned count)
{
	struct run all;
	begin_all(&all, crowd, run, count);
	end_all(&all, count);
}

static uint32_t
append_one(struct store_account *account, uint32_t mailbox, const char *text)
{
	struct store_piece piece = { .bytes = span_from(text) };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1 };
	struct error error;
	uint32_t uid = 0;
	assert_int_equal(store_append(account, mailbox, &message, 1, &uid,
		&error), STORE_OK);
	return uid;
}

static void *
append_many(void *context)
{
	struct member *member = context;
	struct crowd *crowd = member->crowd;
	struct store_account *account;
	struct error error;
	char text[40];
	assert_int_equal(store_account_open(crowd->world->store, ALICE, 0, 0,
		&account, &error), 0);
	for (int i = 0; i < EACH; i++) {
		snprintf(text, sizeof(text), "from %u, %d", member->number, i);
		uint32_t uid = append_one(account, crowd->inbox, text);
		pthread_mutex_lock(&crowd->lock);
		assert_true(uid > 0 && uid <= THREADS * EACH);
		assert_false(crowd->given[uid]);
		crowd->given[uid] = true;
		pthread_mutex_unlock(&crowd->lock);
	}
	store_account_close(&account);
	return NULL;
}

/* Every view is whole: as many messages as it says, each with its text. */
static void *
look_around(void *context)
{
	struct member *member = context;
	struct crowd *crowd = member->crowd;
	uint32_t before = 0;
	while (!atomic_load(&crowd->is_done)) {
		struct store_view *view;
		struct store_view_facts facts;
		struct store_message message;
		struct store_body body;
		struct error error;
		char text[5];
		assert_int_equal(store_view_open(crowd->world->account,
			crowd->inbox, &view, &error), STORE_OK);
		store_view_facts(view, &facts);
		assert_true(facts.exists >= before);
		assert_int_equal(facts.uid_next, facts.exists + 1);
		before = facts.exists;
		if (facts.exists > 0) {
			assert_true(store_view_by_sequence(view, facts.exists,
				&message));
			assert_int_equal(store_body_open(crowd->world->account,
				&message, &body, &error), STORE_OK);
			assert_int_equal(store_body_read(&body, 0, text, 5,
				&error), 0);
			assert_memory_equal(text, "from ", 5);
			store_body_close(&body);
		}
		store_view_close(&view);
		atomic_fetch_add(&crowd->looks, 1);
	}
	return NULL;
}

static void
crowd_init(struct crowd *crowd, struct world *world)
{
	*crowd = (struct crowd){ .world = world,
		.inbox = world_mailbox(world, "INBOX") };
	pthread_mutex_init(&crowd->lock, NULL);
}

static void
uids_are_unique_and_dense(struct world *world)
{
	struct crowd crowd;
	crowd_init(&crowd, world);
	run_all(&crowd, append_many, THREADS);
	for (unsigned uid = 1; uid <= THREADS * EACH; uid++)
		assert_true(crowd.given[uid]);
	assert_string_equal(world_uids(world, crowd.inbox), "1:800");
}

static void
readers_see_whole_states(struct world *world)
{
	struct crowd crowd;
	pthread_t thread[2];
	struct member member = { &crowd, 0 };
	crowd_init(&crowd, world);
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, look_around, &member);
	run_all(&crowd, append_many, THREADS);
	atomic_store(&crowd.is_done, true);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	assert_true(atomic_load(&crowd.looks) > 0);
	assert_string_equal(world_uids(world, crowd.inbox), "1:800");
}

static void
set_flags(struct world *world, uint32_t mailbox, uint32_t uid)
{
	struct store_flags flags = { .system = STORE_SEEN };
	struct number_set set = { 0 };
	struct error error;
	uint64_t modseq;
	number_set_add(&set, uid, uid);
	assert_int_equal(store_flags_change(world->account, mailbox, &set,
		STORE_ADD, &flags, UINT64_MAX, NULL, &modseq, &error),
		STORE_OK);
	number_set_fini(&set);
}

/* Appends, marks, moves to Trash, expunges half there. */
static void *
work(void *context)
{
	struct member *member = context;
	struct world *world = member->crowd->world;
	uint32_t trash = world_mailbox(world, "Trash");
	for (int i = 0; i < EACH / 4; i++) {
		struct number_set one = { 0 }, to = { 0 };
		struct error error;
		uint32_t uid = append_one(world->account, member->crowd->inbox,
			"from work");
		set_flags(world, member->crowd->inbox, uid);
		number_set_add(&one, uid, uid);
		assert_int_equal(store_copy(world->account,
			member->crowd->inbox, &one, trash, true, NULL, &to,
			&error), STORE_OK);
		assert_int_equal(number_set_size(&to), 1);
		if (i % 2 == 0)
			assert_int_equal(store_expunge(world->account, trash,
				&to, false, NULL, &error), STORE_OK);
		number_set_fini(&one);
		number_set_fini(&to);
	}
	return NULL;
}

static void
everything_at_once(struct world *world)
{
	struct crowd crowd;
	struct store_quota quota;
	struct number_set uids = { 0 };
	struct store_view *view;
	struct error error;
	crowd_init(&crowd, world);
	run_all(&crowd, work, THREADS);
	assert_string_equal(world_uids(world, crowd.inbox), "");
	assert_int_equal(store_view_open(world->account,
		world_mailbox(world, "Trash"), &view, &error), STORE_OK);
	store_view_uids(view, STORE_SEEN, 0, &uids);
	assert_int_equal(number_set_size(&uids), THREADS * EACH / 8);
	store_view_close(&view);
	number_set_fini(&uids);
	store_quota_get(world->account, &quota);
	assert_int_equal(quota.messages, THREADS * EACH / 8);
}

/* More accounts than may be open, by all threads at random. */
static void *
visit(void *context)
{
	struct member *member = context;
	struct world *world = member->crowd->world;
	unsigned dice = member->number * 7919 + 1;
	for (int i = 0; i < EACH / 2; i++) {
		struct store_account *account;
		struct arena arena;
		struct store_mailbox inbox;
		struct error error;
		dice = dice * 1103515245u + 12345u;
		uint64_t id = 1000 + (dice >> 16) % 30;
		if (store_account_open(world->store, id, id,
				STORE_CREATE | STORE_FOLDERS, &account,
				&error) < 0)
			fail_msg("%s", error.text);
		arena_init(&arena, 0);
		assert_int_equal(store_mailbox_find(account, SPAN("INBOX"),
			&arena, &inbox, &error), STORE_OK);
		arena_fini(&arena);
		append_one(account, inbox.id, "from afar");
		if (i % 3 == 0) {
			struct store_status status;
			assert_int_equal(store_mailbox_status(account,
				inbox.id, &status, &error), STORE_OK);
			assert_true(status.messages > 0);
		}
		store_account_close(&account);
	}
	return NULL;
}

static void
accounts_come_and_go(struct world *world)
{
	struct crowd crowd;
	uint64_t messages = 0;
	store_account_close(&world->account);
	store_close(&world->store);
	world->options.account_limit = 5;
	world->options.index_limit = 2;
	world_reopen(world);
	crowd_init(&crowd, world);
	run_all(&crowd, visit, THREADS);
	for (uint64_t id = 1000; id < 1030; id++) {
		struct store_account *account;
		struct store_quota quota;
		struct error error;
		assert_int_equal(store_account_open(world->store, id, id,
			STORE_CREATE, &account, &error), 0);
		store_quota_get(account, &quota);
		messages += quota.messages;
		store_account_close(&account);
	}
	assert_int_equal(messages, THREADS * EACH / 2);
}

/* Blocks that are dropped from memory and loaded, changed and looked at. */
enum { MANY = 6000 };

static void *
touch(void *context)
{
	struct member *member = context;
	struct world *world = member->crowd->world;
	unsigned dice = member->number * 104729 + 1;
	for (int i = 0; i < EACH; i++) {
		struct store_view *view;
		struct store_message message;
		struct error error;
		dice = dice * 1103515245u + 12345u;
		uint32_t uid = 1 + (dice >> 8) % MANY;
		assert_int_equal(store_view_open(world->account,
			member->crowd->inbox, &view, &error), STORE_OK);
		assert_true(store_view_by_uid(view, uid, &message));
		assert_int_equal(message.sequence, uid);
		assert_int_equal(message.size, 6);
		if (i % 4 == 0)
			set_flags(world, member->crowd->inbox, uid);
		dice = dice * 1103515245u + 12345u;
		uid = 1 + (dice >> 8) % MANY;
		assert_int_equal(store_view_sequence(view, uid), uid);
		store_view_close(&view);
	}
	return NULL;
}

static void
blocks_come_and_go(struct world *world)
{
	enum { TOGETHER = 1000 };
	struct crowd crowd;
	struct store_piece piece = { .bytes = SPAN("a text") };
	struct store_message_new *message = memory_new_array(TOGETHER,
		sizeof(*message));
	uint32_t uids[TOGETHER];
	struct error error;
	store_account_close(&world->account);
	store_close(&world->store);
	world->options.block_memory = 1;
	world_reopen(world);
	crowd_init(&crowd, world);
	for (int i = 0; i < TOGETHER; i++)
		message[i] = (struct store_message_new){ .piece = &piece,
			.piece_count = 1 };
	for (int i = 0; i < MANY; i += TOGETHER)
		assert_int_equal(store_append(world->account, crowd.inbox,
			message, TOGETHER, uids, &error), STORE_OK);
	memory_free(message);
	run_all(&crowd, touch, THREADS);
}

/* ---- what waits for what ---- */

static void *
append_slowly(void *context)
{
	struct member *member = context;
	append_one(member->crowd->world->account, member->crowd->inbox,
		"from afar");
	atomic_store(&member->crowd->is_done, true);
	return NULL;
}

static bool
is_led(struct world *world)
{
	struct account *account = world->account->account;
	pthread_mutex_lock(&account->lock);
	bool is_led = account->is_led;
	pthread_mutex_unlock(&account->lock);
	return is_led;
}

/* While a message is being made durable the mailbox can be read, without it. */
static void
readers_do_not_wait_for_the_disk(struct world *world)
{
	struct crowd crowd;
	struct member member = { &crowd, 0 };
	struct store_view *view;
	struct store_view_facts facts;
	struct error error;
	pthread_t thread;
	if (!world->is_memory)
		return;
	crowd_init(&crowd, world);
	world_append(world, crowd.inbox, "from before");
	assert_string_equal(world_uids(world, crowd.inbox), "1");
	engine_memory_set_latency(world->engine, PATIENCE);
	pthread_create(&thread, NULL, append_slowly, &member);
	while (!is_led(world) && !atomic_load(&crowd.is_done))
		sched_yield();
	assert_int_equal(store_view_open(world->account, crowd.inbox, &view,
		&error), STORE_OK);
	store_view_facts(view, &facts);
	assert_false(atomic_load(&crowd.is_done));
	assert_int_equal(facts.exists, 1);
	store_view_close(&view);
	engine_memory_set_latency(world->engine, 0);
	pthread_join(thread, NULL);
	assert_string_equal(world_uids(world, crowd.inbox), "1:2");
}

/* Until so many wait while another's is made durable; false: they never do. */
static bool
wait_for_waiters(struct world *world, unsigned count)
{
	struct account *account = world->account->account;
	const int64_t until = clock_monotonic() + PATIENCE;
	unsigned waiting = 0;
	while (waiting < count && clock_monotonic() < until) {
		poll(NULL, 0, 1);
		pthread_mutex_lock(&account->lock);
		waiting = account->waiting;
		pthread_mutex_unlock(&account->lock);
	}
	return waiting >= count;
}

/* Those who wait together become durable together. */
static void
waiters_share_a_sync(struct world *world)
{
	struct crowd crowd;
	struct run all;
	if (!world->is_memory)
		return;
	crowd_init(&crowd, world);
	engine_memory_set_latency(world->engine, 2 * PATIENCE);
	uint64_t calls = engine_memory_calls(world->engine,
		ENGINE_MEMORY_APPEND);
	begin_all(&all, &crowd, append_slowly, THREADS);
	assert_true(wait_for_waiters(world, THREADS - 1));
	engine_memory_set_latency(world->engine, 0);
	end_all(&all, THREADS);
	calls = engine_memory_calls(world->engine, ENGINE_MEMORY_APPEND) -
		calls;
	/* two, and what the background may have had to write */
	assert_true(calls >= 2 && calls <= THREADS / 2);
	assert_string_equal(world_uids(world, crowd.inbox), "1:20");
}

enum { IN_TURN = 12, PAUSE = 8, GATHER = 5000 };	/* ms */

static void *
append_again_and_again(void *context)
{
	struct member *member = context;
	/* the first has begun before, and ends with the other */
	for (unsigned i = member->number; i <= IN_TURN; i++) {
		append_one(member->crowd->world->account, member->crowd->inbox,
			"one of many");
		poll(NULL, 0, PAUSE);	/* what it does in between */
	}
	return NULL;
}

/* Two who would write in turn find together: the second begins while the first
 * one's is made durable, and each time one waits for the other. */
static void
writers_find_together(struct world *world)
{
	struct crowd crowd;
	struct run all;
	if (!world->is_memory)
		return;
	struct account *account = world->account->account;
	crowd_init(&crowd, world);
	engine_memory_set_latency(world->engine, 2 * PATIENCE);
	uint64_t calls = engine_memory_calls(world->engine,
		ENGINE_MEMORY_APPEND);
	account->gather_least = GATHER;
	begin_all(&all, &crowd, append_again_and_again, 2);
	assert_true(wait_for_waiters(world, 1));
	engine_memory_set_latency(world->engine, 0);
	end_all(&all, 2);
	account->gather_least = 0;
	calls = engine_memory_calls(world->engine, ENGINE_MEMORY_APPEND) -
		calls;
	assert_true(calls > IN_TURN && calls <= IN_TURN + IN_TURN / 2);
}

/* ---- watching ---- */

struct counting_watch {
	struct store_watch watch;
	atomic_uint calls, list_calls;
	_Atomic uint32_t mailbox;
};

static void
count_call(struct store_watch *watch, uint32_t mailbox)
{
	struct counting_watch *counting = (struct counting_watch *)watch;
	if (mailbox == 0)
		atomic_fetch_add(&counting->list_calls, 1);
	else
		atomic_store(&counting->mailbox, mailbox);
	atomic_fetch_add(&counting->calls, 1);
}

static void
watches_are_called(struct world *world)
{
	struct counting_watch one = { .watch = { count_call, ALICE, NULL } };
	struct counting_watch two = { .watch = { count_call, ALICE, NULL } };
	struct counting_watch other = { .watch = { count_call, BOB, NULL } };
	uint32_t inbox = world_mailbox(world, "INBOX");
	store_watch_add(world->store, &one.watch);
	store_watch_add(world->store, &two.watch);
	store_watch_add(world->store, &other.watch);
	world_append(world, inbox, "x");
	assert_int_equal(atomic_load(&one.mailbox), inbox);
	assert_int_equal(atomic_load(&one.calls), 1);
	assert_int_equal(atomic_load(&two.calls), 1);
	store_watch_remove(world->store, &one.watch);
	world_create(world, "new");
	assert_int_equal(atomic_load(&one.calls), 1);
	assert_true(atomic_load(&two.list_calls) == 1);
	store_watch_remove(world->store, &two.watch);
	store_watch_remove(world->store, &other.watch);
	world_append(world, inbox, "x");
	assert_true(atomic_load(&two.list_calls) == 1);
	assert_int_equal(atomic_load(&other.calls), 0);
}

static const struct scenario scenarios[] = {
	{ "UIDs are unique and dense", uids_are_unique_and_dense },
	{ "readers see whole states", readers_see_whole_states },
	{ "everything at once", everything_at_once },
	{ "accounts come and go", accounts_come_and_go },
	{ "blocks come and go", blocks_come_and_go },
	{ "readers do not wait for the disk",
		readers_do_not_wait_for_the_disk },
	{ "waiters share a sync", waiters_share_a_sync },
	{ "writers find together", writers_find_together },
	{ "watches are called", watches_are_called },
};

int
main(void)
{
	return world_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
