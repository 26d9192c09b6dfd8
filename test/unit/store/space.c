/*
 * Giving space back: segments of which little is alive are rewritten, and
 * nobody sees a difference but in the bytes they take.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/compact.h"
#include "world.h"

enum { SEGMENT = 1 << 16, TEXT = 4000, MANY = 200, PATIENCE = 120000 };

static void
begin(struct world *world)
{
	store_account_close(&world->account);
	store_close(&world->store);
	world->options.segment_size = SEGMENT;
	world_reopen(world);
}

static struct log *
log_of(struct world *world)
{
	return world->account->account->log;
}

/* Bytes of the log, and its segments. */
static uint64_t
log_size(struct world *world, size_t *count)
{
	struct log_segment *segments;
	uint64_t size = 0;
	*count = log_segments(log_of(world), &segments);
	for (size_t i = 0; i < *count; i++)
		size += segments[i].size;
	memory_free(segments);
	return size;
}

static char *
text_of(unsigned number)
{
	static char text[TEXT + 1];
	memset(text, 'a' + (int)(number % 26), TEXT);
	snprintf(text, 20, "text %u", number);
	text[strlen(text)] = '.';
	return text;
}

static uint32_t
append_many(struct world *world, uint32_t mailbox)
{
	uint32_t last = 0;
	for (unsigned i = 0; i < MANY; i++)
		last = world_append(world, mailbox, text_of(i));
	return last;
}

static void
expunge(struct world *world, uint32_t mailbox, const char *uids)
{
	struct number_set set = world_set(uids);
	struct error error;
	assert_int_equal(store_expunge(world->account, mailbox, &set, false,
		NULL, &error), STORE_OK);
	number_set_fini(&set);
}

/* All but every tenth; UIDs begin with 1. */
static void
leave_every_tenth(struct world *world, uint32_t mailbox)
{
	char uids[40];
	for (unsigned i = 1; i < MANY; i += 10) {
		snprintf(uids, sizeof(uids), "%u:%u", i, i + 8);
		expunge(world, mailbox, uids);
	}
}

static void
check_body(struct world *world, uint32_t mailbox, uint32_t uid)
{
	char *body = world_body(world, mailbox, uid);
	assert_string_equal(body, text_of(uid - 1));
	memory_free(body);
}

static void
get_message(struct world *world, uint32_t mailbox, uint32_t uid,
	struct store_message *message)
{
	struct store_view *view;
	struct error error;
	assert_int_equal(store_view_open(world->account, mailbox, &view,
		&error), STORE_OK);
	assert_true(store_view_by_uid(view, uid, message));
	store_view_close(&view);
}

/* ---- scenarios ---- */

static void
sparse_segments_are_given_back(struct world *world)
{
	size_t count;
	begin(world);
	uint32_t inbox = world_mailbox(world, "INBOX");
	append_many(world, inbox);
	leave_every_tenth(world, inbox);
	char *before = world_picture(world);
	compact_now(world->account->account);
	char *after = world_picture(world);
	assert_string_equal(before, after);
	memory_free(before);
	memory_free(after);
	uint64_t size = log_size(world, &count);
	assert_true(size < (uint64_t)MANY / 10 * TEXT * 2);
	for (uint32_t uid = 10; uid <= MANY; uid += 10)
		check_body(world, inbox, uid);
	/* What was moved is moved again, when it is sparse again. */
	append_many(world, inbox);
	expunge(world, inbox, "11:170,201:400");
	compact_now(world->account->account);
	assert_true(log_size(world, &count) < 3 * SEGMENT);
	check_body(world, inbox, 10);
	check_body(world, inbox, 180);
	check_body(world, inbox, 200);
}

static bool
is_smaller(struct world *world, uint64_t size)
{
	int64_t end = clock_monotonic() + PATIENCE;
	size_t count;
	while (log_size(world, &count) >= size)
		if (clock_monotonic() > end)
			return false;
	return true;
}

/* Nobody has to ask for it, not even by writing more. */
static void
the_background_does_it(struct world *world)
{
	begin(world);
	uint32_t inbox = world_mailbox(world, "INBOX");
	append_many(world, inbox);
	leave_every_tenth(world, inbox);
	assert_true(is_smaller(world, (uint64_t)MANY * TEXT / 3));
	for (uint32_t uid = 10; uid <= MANY; uid += 10)
		check_body(world, inbox, uid);
}

/* The spool's life: thousands pass, one in a hundred stays. What is left takes
 * no more than four times its size and two segments, and not more than twice of
 * what was appended was written. */
static void
what_passes_leaves_nothing(struct world *world)
{
	enum { PASSES = 3000, STAYS = 100, APPENDED = TEXT + 800 };
	size_t count;
	begin(world);
	uint32_t inbox = world_mailbox(world, "INBOX");
	for (unsigned i = 0; i < PASSES; i += MANY) {
		uint32_t last = append_many(world, inbox);
		char gone[60];
		snprintf(gone, sizeof(gone), "%u:%u,%u:%u", last - MANY + 1,
			last - STAYS - 1, last - STAYS + 1, last - 1);
		expunge(world, inbox, gone);
	}
	assert_true(is_smaller(world, (uint64_t)PASSES / STAYS * TEXT * 4 +
		2 * SEGMENT));
	struct log_segment *segments;
	count = log_segments(log_of(world), &segments);
	assert_true(segments[count - 1].number * SEGMENT <
		(uint64_t)PASSES * APPENDED * 2);
	memory_free(segments);
	for (uint32_t uid = STAYS; uid <= PASSES; uid += STAYS) {
		struct store_message message;
		get_message(world, inbox, uid, &message);
		char *body = world_body(world, inbox, uid);
		assert_string_equal(body, text_of((uid - 1) % MANY));
		memory_free(body);
	}
}

/* The spool's way: messages that share a body, of which each goes alone. */
static void
shared_bodies_count_once(struct world *world)
{
	enum { SHARERS = 100 };
	struct store_piece piece = { .bytes = { text_of(0), TEXT } };
	struct store_message_new message[SHARERS] = { 0 };
	uint32_t uids[SHARERS];
	struct error error;
	begin(world);
	uint32_t inbox = world_mailbox(world, "INBOX");
	for (unsigned i = 0; i < SHARERS; i++)
		message[i] = (struct store_message_new){ .internal_date = 1,
			.piece = i == 0 ? &piece : NULL,
			.piece_count = i == 0, .shares_body = i > 0 };
	assert_int_equal(store_append(world->account, inbox, message, SHARERS,
		uids, &error), STORE_OK);
	struct store_message first, last;
	uint32_t next = append_many(world, inbox);
	char gone[40];
	snprintf(gone, sizeof(gone), "%u:%u", next - MANY + 1, next);
	expunge(world, inbox, gone);
	compact_now(world->account->account);
	get_message(world, inbox, uids[0], &first);
	get_message(world, inbox, uids[SHARERS - 1], &last);
	assert_true(first.segment > 1);
	assert_true(first.segment == last.segment);
	assert_true(first.offset == last.offset);
	expunge(world, inbox, "1:*");
}

/* Both placements of a copied message follow its one body. */
static void
copies_keep_one_body(struct world *world)
{
	struct store_message original, copy;
	struct error error;
	begin(world);
	uint32_t inbox = world_mailbox(world, "INBOX");
	uint32_t archive = world_mailbox(world, "Archive");
	append_many(world, inbox);
	struct number_set set = world_set("50");
	assert_int_equal(store_copy(world->account, inbox, &set, archive,
		false, NULL, NULL, &error), STORE_OK);
	number_set_fini(&set);
	get_message(world, inbox, 50, &original);
	uint64_t old = original.segment;
	expunge(world, inbox, "1:49,51:200");
	compact_now(world->account->account);
	get_message(world, inbox, 50, &original);
	get_message(world, archive, 1, &copy);
	assert_true(original.segment != old);
	assert_true(original.segment == copy.segment);
	assert_true(original.offset == copy.offset);
	assert_true(original.email == copy.email);
}

static unsigned told;

static void
changed(struct store_watch *watch, uint32_t mailbox)
{
	(void)watch;
	(void)mailbox;
	told++;
}

static void
clients_see_no_difference(struct world *world)
{
	struct store_watch watch = { .changed = changed, .account_id = ALICE };
	struct store_view *view, *later;
	struct store_view_facts before, after;
	struct store_message old, new;
	struct store_body body;
	struct error error;
	char text[TEXT + 1] = "";
	begin(world);
	uint32_t inbox = world_mailbox(world, "INBOX");
	append_many(world, inbox);
	leave_every_tenth(world, inbox);
	assert_int_equal(store_view_open(world->account, inbox, &view, &error),
		STORE_OK);
	store_view_facts(view, &before);
	store_watch_add(world->store, &watch);
	told = 0;
	compact_now(world->account->account);
	assert_int_equal(told, 0);
	store_watch_remove(world->store, &watch);
	/* The body is found from the old view too, though its segment is gone. */
	assert_true(store_view_by_uid(view, 100, &old));
	assert_int_equal(store_body_open(world->account, &old, &body, &error),
		STORE_OK);
	assert_int_equal(store_body_read(&body, 0, text, TEXT, &error), 0);
	assert_string_equal(text, text_of(99));
	store_body_close(&body);
	/* Of what is not there any more it is said so. */
	assert_int_equal(store_view_open(world->account, inbox, &later,
		&error), STORE_OK);
	assert_true(store_view_by_uid(later, 100, &new));
	store_view_facts(later, &after);
	store_view_close(&later);
	assert_true(old.segment != new.segment);
	assert_true(old.email == new.email && old.modseq == new.modseq &&
		old.created_modseq == new.created_modseq);
	assert_true(before.modseq == after.modseq);
	expunge(world, inbox, "100");
	assert_int_equal(store_body_open(world->account, &old, &body, &error),
		STORE_NO_MESSAGE);
	store_view_close(&view);
}

/* A body that was damaged is not made right by writing it again. */
static void
a_damaged_body_stays(struct world *world)
{
	struct store_message message;
	size_t count;
	begin(world);
	if (!world->is_memory)
		return;
	uint32_t inbox = world_mailbox(world, "INBOX");
	append_many(world, inbox);
	leave_every_tenth(world, inbox);
	get_message(world, inbox, 100, &message);
	engine_memory_damage(world->engine, ALICE, ENGINE_SEGMENT,
		message.segment, message.offset + 1000);
	uint64_t segment = message.segment;
	compact_now(world->account->account);
	compact_now(world->account->account);
	get_message(world, inbox, 100, &message);
	assert_true(message.segment == segment);
	for (uint32_t uid = 10; uid <= MANY; uid += 10)
		if (uid != 100)
			check_body(world, inbox, uid);
	assert_true(log_size(world, &count) < (uint64_t)MANY / 10 * TEXT * 3);
	expunge(world, inbox, "100");
	compact_now(world->account->account);
	assert_true(log_size(world, &count) < (uint64_t)MANY / 10 * TEXT * 2);
}

static void
a_full_disk_keeps_everything(struct world *world)
{
	size_t count;
	begin(world);
	if (!world->is_memory)
		return;
	uint32_t inbox = world_mailbox(world, "INBOX");
	append_many(world, inbox);
	leave_every_tenth(world, inbox);
	char *before = world_picture(world);
	engine_memory_set_room(world->engine, 10000, 1 << 20);
	compact_now(world->account->account);
	uint64_t size = log_size(world, &count);
	assert_true(size > (uint64_t)MANY * TEXT / 2);
	char *after = world_picture(world);
	assert_string_equal(before, after);
	memory_free(before);
	memory_free(after);
	engine_memory_set_room(world->engine, UINT64_MAX, 0);
	compact_now(world->account->account);
	assert_true(log_size(world, &count) < size / 4);
}

/* Messages are expunged, copied and moved between looking and moving. */
static void
what_changes_meanwhile_is_left_alone(struct world *world)
{
	struct error error;
	begin(world);
	uint32_t inbox = world_mailbox(world, "INBOX");
	uint32_t archive = world_mailbox(world, "Archive");
	append_many(world, inbox);
	leave_every_tenth(world, inbox);
	for (unsigned i = 0; i < 8; i++) {
		uint32_t first = 20 * (i + 1);
		char uids[40];
		while (compact_step(world->account->account))
			continue;
		compact_begin(world->account->account);
		for (unsigned steps = i; steps > 0; steps--)
			compact_step(world->account->account);
		snprintf(uids, sizeof(uids), "%u", first);
		expunge(world, inbox, uids);
		struct number_set set = { 0 };
		number_set_add(&set, first + 10, first + 10);
		assert_int_equal(store_copy(world->account, inbox, &set,
			archive, i % 2 == 0, NULL, NULL, &error), STORE_OK);
		number_set_fini(&set);
		char *before = world_picture(world);
		while (compact_step(world->account->account))
			continue;
		char *after = world_picture(world);
		assert_string_equal(before, after);
		memory_free(before);
		memory_free(after);
	}
	compact_now(world->account->account);
	compact_now(world->account->account);
}

/* What a round had no use for. */
static void
use_up_failures(struct world *world, uint32_t mailbox)
{
	struct store_piece piece = { .bytes = SPAN("text") };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1, .internal_date = 1 };
	struct error error;
	uint32_t uid;
	for (int i = 0; i < 5; i++)
		store_append(world->account, mailbox, &message, 1, &uid,
			&error);
}

/* Each append of a round fails in its turn, in each way. */
static void
failures_lose_nothing(struct world *world)
{
	static const enum engine_memory_fault faults[] = {
		ENGINE_MEMORY_BEFORE, ENGINE_MEMORY_AFTER, ENGINE_MEMORY_PART,
	};
	begin(world);
	if (!world->is_memory)
		return;
	uint32_t inbox = world_mailbox(world, "INBOX");
	for (unsigned i = 0; i < 12; i++) {
		uint32_t last = append_many(world, inbox);
		char gone[60];
		snprintf(gone, sizeof(gone), "%u:%u", last - MANY + 3, last);
		expunge(world, inbox, gone);
		char *before = world_picture(world);
		engine_memory_fail(world->engine, ENGINE_MEMORY_APPEND,
			i / 3 + 1, faults[i % 3]);
		compact_now(world->account->account);
		char *after = world_picture(world);
		assert_string_equal(before, after);
		memory_free(before);
		memory_free(after);
		use_up_failures(world, inbox);
	}
}

static const struct scenario scenarios[] = {
	{ "sparse segments are given back", sparse_segments_are_given_back },
	{ "the background does it", the_background_does_it },
	{ "what passes leaves nothing", what_passes_leaves_nothing },
	{ "shared bodies count once", shared_bodies_count_once },
	{ "copies keep one body", copies_keep_one_body },
	{ "clients see no difference", clients_see_no_difference },
	{ "a damaged body stays", a_damaged_body_stays },
	{ "a full disk keeps everything", a_full_disk_keeps_everything },
	{ "what changes meanwhile is left alone",
		what_changes_meanwhile_is_left_alone },
	{ "failures lose nothing", failures_lose_nothing },
};

int
main(void)
{
	return world_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
