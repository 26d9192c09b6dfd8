/* When things go wrong below: refused, and well again afterwards. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "world.h"

static enum store_verdict
try_append(struct world *world, uint32_t mailbox, struct error *error)
{
	struct store_piece piece = { .bytes = SPAN("text") };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1 };
	uint32_t uid;
	return store_append(world->account, mailbox, &message, 1, &uid, error);
}

static void
close_store(struct world *world)
{
	store_account_close(&world->account);
	store_close(&world->store);
}

/* ---- the engine ---- */

static void
check_failure(struct world *world, enum engine_memory_fault fault)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	uint32_t before = world_append(world, inbox, "before");
	struct error error;
	char *picture = world_picture(world);
	engine_memory_fail(world->engine, ENGINE_MEMORY_APPEND, 1, fault);
	assert_int_equal(try_append(world, inbox, &error), STORE_TROUBLE);
	assert_true(error.text[0] != '\0');
	char *same = world_picture(world);
	assert_string_equal(picture, same);
	memory_free(same);
	memory_free(picture);
	assert_int_equal(world_append(world, inbox, "after"), before + 1);
	/* Whatever else was to be changed. */
	engine_memory_fail(world->engine, ENGINE_MEMORY_APPEND, 1, fault);
	uint32_t id;
	assert_int_equal(store_mailbox_create(world->account, SPAN("a/b"), 0,
		&id, &error), STORE_TROUBLE);
	assert_int_equal(world_mailbox(world, "a/b"), 0);
	assert_int_equal(world_mailbox(world, "a"), 0);
	engine_memory_fail(world->engine, ENGINE_MEMORY_APPEND, 1, fault);
	assert_int_equal(store_mailbox_rename(world->account, SPAN("Sent"),
		SPAN("Gesendet"), &error), STORE_TROUBLE);
	assert_int_not_equal(world_mailbox(world, "Sent"), 0);
	engine_memory_fail(world->engine, ENGINE_MEMORY_APPEND, 1, fault);
	assert_int_equal(store_mailbox_delete(world->account, SPAN("Sent"),
		&error), STORE_TROUBLE);
	assert_int_not_equal(world_mailbox(world, "Sent"), 0);
	engine_memory_fail(world->engine, ENGINE_MEMORY_APPEND, 1, fault);
	assert_int_equal(store_expunge(world->account, inbox, NULL, false,
		NULL, &error), STORE_TROUBLE);
	world_check_lasting(world);
	assert_int_equal(store_expunge(world->account, inbox, NULL, false,
		NULL, &error), STORE_OK);
	assert_string_equal(world_uids(world, inbox), "");
}

static void
what_the_engine_refuses_did_not_happen(struct world *world)
{
	if (!world->is_memory)
		return;
	check_failure(world, ENGINE_MEMORY_BEFORE);
	check_failure(world, ENGINE_MEMORY_AFTER);
	check_failure(world, ENGINE_MEMORY_PART);
}

static void
a_lost_claim_ends_writing(struct world *world)
{
	struct error error;
	if (!world->is_memory)
		return;
	uint32_t inbox = world_mailbox(world, "INBOX");
	world_append(world, inbox, "before");
	assert_string_equal(world_uids(world, inbox), "1");
	engine_memory_take(world->engine, ALICE);
	assert_int_equal(try_append(world, inbox, &error), STORE_TROUBLE);
	assert_int_equal(error.code, ERROR_LOST_CLAIM);
	assert_int_equal(try_append(world, inbox, &error), STORE_TROUBLE);
	/* Reading goes on with what was there. */
	assert_string_equal(world_uids(world, inbox), "1");
	/* Given back by whoever took it, it is claimed anew. */
	store_account_close(&world->account);
	assert_int_equal(store_account_open(world->store, ALICE, ALICE, 0,
		&world->account, &error), 0);
	assert_int_equal(world_append(world, inbox, "after"), 2);
}

static void
a_full_disk_lets_messages_go(struct world *world)
{
	struct error error;
	if (!world->is_memory)
		return;
	uint32_t inbox = world_mailbox(world, "INBOX");
	for (int i = 0; i < 20; i++)
		world_append(world, inbox, "text");
	engine_memory_set_room(world->engine, 0, 1 << 20);
	assert_int_equal(try_append(world, inbox, &error), STORE_TROUBLE);
	assert_int_equal(error.code, ERROR_FULL);
	assert_string_equal(world_uids(world, inbox), "1:20");
	assert_int_equal(store_expunge(world->account, inbox, NULL, false,
		NULL, &error), STORE_OK);
	assert_string_equal(world_uids(world, inbox), "");
	engine_memory_set_room(world->engine, UINT64_MAX, 0);
	assert_int_equal(world_append(world, inbox, "text"), 21);
}

/* ---- the index ---- */

static int
damage_index(const char *path, const struct stat *stat, int type,
	struct FTW *walk)
{
	const char *name = strrchr(path, '/');
	(void)walk;
	if (type != FTW_F || name == NULL ||
	    strncmp(name, "/index.db", 9) != 0)
		return 0;
	int fd = open(path, O_WRONLY);
	for (off_t at = 0; at < stat->st_size; at += 512)
		if (pwrite(fd, "damage", 6, at) != 6)
			return -1;
	return close(fd);
}

static void
a_damaged_index_is_made_again(struct world *world)
{
	if (world->is_memory)
		return;
	uint32_t inbox = world_mailbox(world, "INBOX");
	for (int i = 0; i < 100; i++)
		world_append_flags(world, inbox, "text", STORE_SEEN, "$Work");
	char *before = world_picture(world);
	close_store(world);
	nftw(world->path, damage_index, 20, FTW_PHYS);
	world_reopen(world);
	char *after = world_picture(world);
	assert_string_equal(before, after);
	memory_free(before);
	memory_free(after);
}

/* It goes bad while it is open: what cannot be read is not shown, and the next
 * look is at a new one. */
static void
an_index_that_goes_bad_is_made_again(struct world *world)
{
	struct store_view *view;
	struct store_message message;
	struct error error;
	unsigned missing = 0;
	if (world->is_memory)
		return;
	uint32_t inbox = world_mailbox(world, "INBOX");
	for (int i = 0; i < 1100; i += 100) {
		struct store_message_new new[100];
		struct store_piece piece = { .bytes = SPAN("text") };
		uint32_t uids[100];
		for (int k = 0; k < 100; k++)
			new[k] = (struct store_message_new){ .piece = &piece,
				.piece_count = 1, .internal_date = 1 };
		assert_int_equal(store_append(world->account, inbox, new, 100,
			uids, &error), STORE_OK);
	}
	char *before = world_picture(world);
	world_restart(world);
	assert_int_equal(store_view_open(world->account, inbox, &view,
		&error), STORE_OK);
	nftw(world->path, damage_index, 20, FTW_PHYS);
	for (uint32_t uid = 1; uid <= 1100; uid++)
		missing += !store_view_by_uid(view, uid, &message);
	assert_true(missing > 0);
	store_view_close(&view);
	char *after = world_picture(world);
	assert_string_equal(before, after);
	memory_free(before);
	memory_free(after);
}

/* Moves the index's files away, or back. */
static void
move_index(struct world *world, const char *from, const char *to)
{
	static const char *const suffixes[] = { "", "-wal" };
	char old[200], new[200];
	for (int i = 0; i < 2; i++) {
		snprintf(old, sizeof(old), "%s/00/00000000000a11ce/%s%s",
			world->path, from, suffixes[i]);
		snprintf(new, sizeof(new), "%s/00/00000000000a11ce/%s%s",
			world->path, to, suffixes[i]);
		if (rename(old, new) < 0)
			unlink(new);
	}
}

/* An older copy of the index, as after restoring a backup of it: it knows a
 * group that the log has, and follows. One whose group the log has not (the
 * log was restored) is not believed. */
static void
an_index_of_another_time_is_not_believed(struct world *world)
{
	if (world->is_memory)
		return;
	uint32_t inbox = world_mailbox(world, "INBOX");
	world_append(world, inbox, "one");
	assert_string_equal(world_uids(world, inbox), "1");
	close_store(world);
	move_index(world, "index.db", "old.db");
	world_reopen(world);
	world_append(world, inbox, "two");
	struct error error;
	assert_int_equal(store_expunge(world->account, inbox,
		&(struct number_set){ &(struct number_range){ 1, 1 }, 1, 1 },
		false, NULL, &error), STORE_OK);
	char *before = world_picture(world);
	close_store(world);
	move_index(world, "old.db", "index.db");
	world_reopen(world);
	char *after = world_picture(world);
	assert_string_equal(before, after);
	memory_free(after);
	memory_free(before);
	/* Now Bob's index in Alice's place. */
	close_store(world);
	move_index(world, "index.db", "old.db");
	world_reopen(world);
	before = world_picture(world);
	store_account_close(&world->account);
	assert_int_equal(store_account_delete(world->store, ALICE, &error), 0);
	store_close(&world->store);
	world_reopen(world);
	world_append(world, world_mailbox(world, "INBOX"), "another");
	after = world_picture(world);
	close_store(world);
	move_index(world, "old.db", "index.db");
	world_reopen(world);
	memory_free(before);
	before = world_picture(world);
	assert_string_equal(before, after);
	memory_free(before);
	memory_free(after);
}

/* ---- the head ---- */

static void
segment_path(struct world *world, char path[200])
{
	snprintf(path, 200, "%s/00/00000000000a11ce/log/00000001",
		world->path);
}

/* Without the zeros that are written ahead. */
static uint64_t
segment_size(struct world *world)
{
	char path[200], last[8], zeros[8] = { 0 };
	struct stat stat_of;
	segment_path(world, path);
	int fd = open(path, O_RDONLY);
	assert_int_equal(fstat(fd, &stat_of), 0);
	uint64_t size = (uint64_t)stat_of.st_size & ~(uint64_t)7;
	do {
		size -= 8;
		assert_int_equal(pread(fd, last, 8, (off_t)size), 8);
	} while (memcmp(last, zeros, 8) == 0);
	close(fd);
	return size + 8;
}

static void
flip_bit(struct world *world, uint64_t at)
{
	char path[200], byte;
	segment_path(world, path);
	int fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 4;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

/* A head record stands before the mark of its group. When the last group is
 * not whole the one before counts; when its head is damaged too, everything is
 * found out from the records. */
static void
a_damaged_head_is_made_again(struct world *world)
{
	if (world->is_memory)
		return;
	uint32_t inbox = world_mailbox(world, "INBOX");
	world_create(world, "a/b/c");
	for (int i = 0; i < 10; i++)
		world_append(world, inbox, "text");
	struct error error;
	assert_int_equal(store_mailbox_delete(world->account, SPAN("a/b"),
		&error), STORE_OK);
	world_append_flags(world, inbox, "text", STORE_SEEN, "$Work");
	char *before = world_picture(world);
	uint64_t size = segment_size(world);
	world_append(world, inbox, "lost");
	close_store(world);
	flip_bit(world, segment_size(world) - 120);
	flip_bit(world, size - 120);
	world_reopen(world);
	char *after = world_picture(world);
	assert_string_equal(before, after);
	memory_free(before);
	memory_free(after);
	assert_int_equal(world_append(world, inbox, "text"), 12);
	assert_true(world_create(world, "new") > world_mailbox(world, "a"));
}

/* ---- accounts ---- */

static void
deleted_accounts_are_gone(struct world *world)
{
	struct error error;
	uint32_t inbox = world_mailbox(world, "INBOX");
	world_append(world, inbox, "text");
	assert_int_equal(store_account_delete(world->store, ALICE, &error),
		-1);
	assert_int_equal(error.code, ERROR_LATER);
	store_account_close(&world->account);
	assert_int_equal(store_account_delete(world->store, ALICE, &error), 0);
	assert_int_equal(store_account_open(world->store, ALICE, ALICE, 0,
		&world->account, &error), -1);
	assert_int_equal(error.code, ERROR_GONE);
	assert_int_equal(store_account_open(world->store, ALICE, ALICE,
		STORE_CREATE, &world->account, &error), 0);
	assert_string_equal(world_uids(world, world_mailbox(world, "INBOX")),
		"");
	assert_int_equal(world_mailbox(world, "Sent"), 0);
}

/* ---- space ---- */

static uint64_t
space_of(struct world *world)
{
	uint64_t size = 0;
	char path[200];
	struct stat stat_of;
	for (unsigned i = 1; i < 500; i++) {
		snprintf(path, sizeof(path),
			"%s/00/00000000000a11ce/log/%08u", world->path, i);
		if (stat(path, &stat_of) == 0)
			size += (uint64_t)stat_of.st_size;
	}
	return size;
}

static bool
comes_below(struct world *world, uint64_t size)
{
	int64_t deadline = clock_monotonic() + 120000;
	while (space_of(world) > size) {
		if (clock_until(deadline) == 0)
			return false;
		usleep(20000);
	}
	return true;
}

/* What passes through (a spool, a POP3 user) leaves nothing behind. */
static void
what_passes_through_takes_no_space(struct world *world)
{
	char text[4001];
	if (world->is_memory)
		return;
	store_account_close(&world->account);
	store_close(&world->store);
	world->options.segment_size = 1 << 18;
	world_reopen(world);
	uint32_t inbox = world_mailbox(world, "INBOX");
	uint32_t kept = world_append(world, inbox, "stays");
	struct error error;
	memset(text, 'x', sizeof(text));
	text[4000] = '\0';
	assert_int_equal(store_copy(world->account, inbox,
		&(struct number_set){ &(struct number_range){ kept, kept }, 1,
		1 }, world_mailbox(world, "Sent"), true, NULL, NULL, &error),
		STORE_OK);
	for (int i = 0; i < 1000; i++) {
		uint32_t uid = world_append_flags(world, inbox, text, 0,
			i == 0 ? "$Work" : NULL);
		assert_int_equal(store_expunge(world->account, inbox,
			&(struct number_set){ &(struct number_range){ uid,
			uid }, 1, 1 }, false, NULL, &error), STORE_OK);
	}
	/* One segment holds the message that stays, one is being written. */
	assert_true(comes_below(world, (1 << 19) + (1 << 17)));
	world_append(world, inbox, "new");
}

static void
dead_bodies_are_removed(struct world *world)
{
	size_t size = (1 << 20) + 1;
	char path[200];
	uint32_t inbox = world_mailbox(world, "INBOX");
	struct error error;
	struct stat stat_of;
	if (world->is_memory)
		return;
	char *text = memory_new(size + 1);
	memset(text, 'x', size);
	world_append(world, inbox, text);
	memory_free(text);
	snprintf(path, sizeof(path),
		"%s/00/00000000000a11ce/big/0000000100000001", world->path);
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(store_copy(world->account, inbox, NULL,
		world_mailbox(world, "Sent"), true, NULL, NULL, &error),
		STORE_OK);
	world_restart_without_index(world);
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(store_expunge(world->account,
		world_mailbox(world, "Sent"), NULL, false, NULL, &error),
		STORE_OK);
	for (int64_t deadline = clock_monotonic() + 120000;
	    stat(path, &stat_of) == 0; usleep(20000))
		assert_true(clock_until(deadline) > 0);
}

static const struct scenario scenarios[] = {
	{ "what the engine refuses did not happen",
		what_the_engine_refuses_did_not_happen },
	{ "a lost claim ends writing", a_lost_claim_ends_writing },
	{ "a full disk lets messages go", a_full_disk_lets_messages_go },
	{ "a damaged index is made again", a_damaged_index_is_made_again },
	{ "an index that goes bad is made again",
		an_index_that_goes_bad_is_made_again },
	{ "an index of another time is not believed",
		an_index_of_another_time_is_not_believed },
	{ "a damaged head is made again", a_damaged_head_is_made_again },
	{ "deleted accounts are gone", deleted_accounts_are_gone },
	{ "what passes through takes no space",
		what_passes_through_takes_no_space },
	{ "dead bodies are removed", dead_bodies_are_removed },
};

int
main(void)
{
	return world_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
