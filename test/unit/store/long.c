/* What only shows after a long time, or in large mailboxes. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/store_inner.h"
#include "world.h"

static int64_t fake_wall = 1700000000000;

static int64_t
read_fake_wall(void)
{
	return fake_wall;
}

static void
reopen(struct world *world)
{
	store_account_close(&world->account);
	store_close(&world->store);
	world_reopen(world);
}

static enum store_verdict
deliver(struct world *world, uint32_t mailbox, unsigned number)
{
	struct store_piece piece = { .bytes = SPAN("delivered") };
	uint8_t transaction[STORE_TRANSACTION_SIZE] = { 0 };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1, .transaction = transaction };
	struct error error;
	uint32_t uid;
	memcpy(transaction, &number, sizeof(number));
	return store_append(world->account, mailbox, &message, 1, &uid,
		&error);
}

/* The last 512, for an hour, also when the account was closed meanwhile. */
static void
transactions_are_remembered_for_an_hour(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	world->options.wall_clock = read_fake_wall;
	reopen(world);
	for (unsigned i = 0; i < 700; i++)
		assert_int_equal(deliver(world, inbox, i), STORE_OK);
	reopen(world);
	for (unsigned i = 700 - 512; i < 700; i++)
		assert_int_equal(deliver(world, inbox, i), STORE_DUPLICATE);
	fake_wall += 3599 * 1000;
	assert_int_equal(deliver(world, inbox, 699), STORE_DUPLICATE);
	fake_wall += 1000;
	assert_int_equal(deliver(world, inbox, 699), STORE_OK);
	assert_int_equal(deliver(world, inbox, 699), STORE_DUPLICATE);
}

static void
append_many(struct world *world, uint32_t mailbox, unsigned count)
{
	enum { TOGETHER = 1000 };
	struct store_piece piece = { .bytes = SPAN("a text") };
	struct store_message_new *message = memory_new_array(TOGETHER,
		sizeof(*message));
	uint32_t *uids = memory_new_array(TOGETHER, sizeof(*uids));
	struct error error;
	for (unsigned i = 0; i < TOGETHER; i++)
		message[i] = (struct store_message_new){ .piece = &piece,
			.piece_count = 1, .internal_date = 1 };
	for (; count > 0; count -= TOGETHER)
		assert_int_equal(store_append(world->account, mailbox, message,
			TOGETHER, uids, &error), STORE_OK);
	memory_free(message);
	memory_free(uids);
}

static void
expunge(struct world *world, uint32_t mailbox, uint32_t first, uint32_t last)
{
	struct number_set set = { 0 };
	struct error error;
	number_set_add(&set, first, last);
	assert_int_equal(store_expunge(world->account, mailbox, &set, false,
		NULL, &error), STORE_OK);
	number_set_fini(&set);
}

static uint64_t
modseq_now(struct world *world, uint32_t mailbox)
{
	struct store_view *view;
	struct store_view_facts facts;
	struct error error;
	assert_int_equal(store_view_open(world->account, mailbox, &view,
		&error), STORE_OK);
	store_view_facts(view, &facts);
	store_view_close(&view);
	return facts.modseq;
}

static const char *
vanished_since(struct world *world, uint32_t mailbox, uint64_t since,
	bool *is_exact)
{
	struct store_view *view;
	struct number_set uids = { 0 };
	struct error error;
	assert_int_equal(store_view_open(world->account, mailbox, &view,
		&error), STORE_OK);
	*is_exact = store_view_vanished(view, since, &uids);
	store_view_close(&view);
	const char *text = world_text(&uids);
	number_set_fini(&uids);
	return text;
}

/* So many are expunged that the oldest are forgotten: who asks for those is
 * told everything that is not there. */
static void
tombstones_have_an_end(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	struct store_view *view;
	struct error error;
	bool is_exact;
	append_many(world, inbox, 10000);
	uint64_t start = modseq_now(world, inbox);
	struct store_seen seen = { start, start, start };
	expunge(world, inbox, 1, 5000);
	append_many(world, inbox, 100000);
	uint64_t middle = modseq_now(world, inbox);
	expunge(world, inbox, 5001, 109990);
	uint64_t late = modseq_now(world, inbox);
	assert_string_equal(vanished_since(world, inbox, middle, &is_exact),
		"5001:109990");
	assert_true(is_exact);
	append_many(world, inbox, 1000);
	expunge(world, inbox, 109995, 110900);
	assert_string_equal(vanished_since(world, inbox, start, &is_exact),
		"1:109990,109995:110900");
	assert_false(is_exact);
	assert_string_equal(vanished_since(world, inbox, late, &is_exact),
		"109995:110900");
	assert_true(is_exact);
	assert_int_equal(store_view_open_seen(world->account, inbox, &seen,
		&view, &error), STORE_TROUBLE);
	assert_int_equal(error.code, ERROR_GONE);
	assert_string_equal(world_uids(world, inbox),
		"109991:109994,110901:111000");
	reopen(world);
	if (!world->is_memory) {	/* there it was made from a whole state */
		assert_string_equal(vanished_since(world, inbox, late,
			&is_exact), "109995:110900");
		assert_true(is_exact);
	}
	assert_string_equal(world_uids(world, inbox),
		"109991:109994,110901:111000");
}

/* Flags of all are one record, and a mailbox of any size is one as well. */
static void
large_sets_are_small_records(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	struct number_set all = world_set("1:*"), from = { 0 }, to = { 0 };
	struct store_flags flags = { .system = STORE_SEEN };
	struct store_status status;
	struct error error;
	uint64_t modseq;
	append_many(world, inbox, 10000);
	expunge(world, inbox, 2000, 2999);
	assert_int_equal(store_flags_change(world->account, inbox, &all,
		STORE_ADD, &flags, UINT64_MAX, NULL, &modseq, &error),
		STORE_OK);
	assert_true(modseq == modseq_now(world, inbox));
	assert_int_equal(store_mailbox_status(world->account, inbox, &status,
		&error), STORE_OK);
	assert_int_equal(status.messages, 9000);
	assert_int_equal(status.unseen, 0);
	assert_int_equal(store_copy(world->account, inbox, &all,
		world_mailbox(world, "Archive"), true, &from, &to, &error),
		STORE_OK);
	assert_string_equal(world_text(&from), "1:1999,3000:10000");
	assert_string_equal(world_text(&to), "1:9000");
	/* So that the picture is quickly drawn. */
	assert_int_equal(store_expunge(world->account,
		world_mailbox(world, "Archive"), NULL, false, NULL, &error),
		STORE_OK);
	number_set_fini(&all);
	number_set_fini(&from);
	number_set_fini(&to);
}

static void
what_is_recent_is_so_once(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX"), first;
	struct store_status status;
	struct error error;
	world_append(world, inbox, "one");
	world_append(world, inbox, "two");
	assert_int_equal(store_mailbox_status(world->account, inbox, &status,
		&error), STORE_OK);
	assert_int_equal(status.recent, 2);
	assert_int_equal(store_recent(world->account, inbox, false, &first,
		&error), STORE_OK);
	assert_int_equal(first, 1);
	assert_int_equal(store_recent(world->account, inbox, true, &first,
		&error), STORE_OK);
	assert_int_equal(first, 1);
	assert_int_equal(store_recent(world->account, inbox, true, &first,
		&error), STORE_OK);
	assert_int_equal(first, 3);
	world_append(world, inbox, "three");
	assert_int_equal(store_mailbox_status(world->account, inbox, &status,
		&error), STORE_OK);
	assert_int_equal(status.recent, 1);
	assert_int_equal(store_recent(world->account, 999, true, &first,
		&error), STORE_NO_MAILBOX);
}

static void
cached_values_come_back(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	struct arena arena;
	struct span bytes;
	arena_init(&arena, 0);
	world_append(world, inbox, "text");
	assert_false(store_cache_get(world->account, 10, STORE_CACHE_ENVELOPE,
		&arena, &bytes));
	store_cache_put(world->account, 10, STORE_CACHE_ENVELOPE,
		SPAN("envelope"));
	assert_true(store_cache_get(world->account, 10, STORE_CACHE_ENVELOPE,
		&arena, &bytes));
	assert_true(span_equals(bytes, SPAN("envelope")));
	assert_false(store_cache_get(world->account, 10, STORE_CACHE_STRUCTURE,
		&arena, &bytes));
	if (!world->is_memory) {
		world_restart(world);
		assert_true(store_cache_get(world->account, 10,
			STORE_CACHE_ENVELOPE, &arena, &bytes));
		assert_true(span_equals(bytes, SPAN("envelope")));
	}
	arena_fini(&arena);
}

/* Bytes of the blocks of a mailbox that are in memory; *counted: what the
 * budget says of all. */
static size_t
blocks_in_memory(struct world *world, uint32_t mailbox, size_t *counted)
{
	struct account *account = world->account->account;
	struct store_view *view;
	struct error error;
	struct tree_at at;
	size_t bytes = 0;
	assert_int_equal(store_view_open(world->account, mailbox, &view,
		&error), STORE_OK);
	struct index *index = account->index;
	const struct tree *tree = account_mailbox(account, mailbox)->tree;
	pthread_mutex_lock(&index->node_lock);
	for (bool more = tree_first(tree, &at); more; more = tree_next(tree,
			&at))
		if (tree_node(tree, at)->block != NULL)
			bytes += block_memory(tree_node(tree, at)->block);
	*counted = atomic_load(&world->store->budget.used);
	pthread_mutex_unlock(&index->node_lock);
	store_view_close(&view);
	return bytes;
}

/* What grew since it was made counts too. */
static void
memory_of_blocks_is_counted(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	size_t bytes, counted;
	world->options.block_memory = 1 << 20;
	reopen(world);
	append_many(world, inbox, 40000);
	int64_t end = clock_monotonic() + 60000;
	do {
		bytes = blocks_in_memory(world, inbox, &counted);
		assert_true(bytes <= counted);
		world_append(world, inbox, "one more");
	} while (bytes > 2 << 20 && clock_monotonic() < end);
	assert_true(bytes <= 2 << 20);
	expunge(world, inbox, 1, 50000);
}

static const struct scenario scenarios[] = {
	{ "memory of blocks is counted", memory_of_blocks_is_counted },
	{ "transactions are remembered for an hour",
		transactions_are_remembered_for_an_hour },
	{ "tombstones have an end", tombstones_have_an_end },
	{ "large sets are small records", large_sets_are_small_records },
	{ "what is recent is so once", what_is_recent_is_so_once },
	{ "cached values come back", cached_values_come_back },
};

int
main(void)
{
	return world_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
