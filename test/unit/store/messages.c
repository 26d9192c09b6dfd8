/* Storing and changing messages: scenarios on both engines. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "world.h"

static void
assert_body(struct world *world, uint32_t mailbox, uint32_t uid,
	const char *want)
{
	char *body = world_body(world, mailbox, uid);
	assert_string_equal(body, want);
	memory_free(body);
}

static void
new_accounts_have_folders(struct world *world)
{
	static const struct {
		const char *name;
		unsigned use;
	} want[] = {
		{ "INBOX", 0 }, { "Archive", STORE_USE_ARCHIVE },
		{ "Drafts", STORE_USE_DRAFTS }, { "Junk", STORE_USE_JUNK },
		{ "Sent", STORE_USE_SENT }, { "Trash", STORE_USE_TRASH },
	};
	struct arena arena;
	struct store_mailbox *mailbox;
	struct error error;
	size_t count;
	arena_init(&arena, 0);
	assert_int_equal(store_mailbox_list(world->account, &arena, &mailbox,
		&count, &error), STORE_OK);
	assert_int_equal(count, 6);
	for (size_t i = 0; i < count; i++) {
		assert_true(span_equals(mailbox[i].name,
			span_from(want[i].name)));
		assert_int_equal(mailbox[i].use, want[i].use);
		assert_true(mailbox[i].uid_validity > 0);
		assert_int_equal(mailbox[i].uid_next, 1);
		assert_true(mailbox[i].modseq > 0);
	}
	arena_fini(&arena);
}

static void
messages_get_uids_in_order(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "inbox");
	uint32_t sent = world_mailbox(world, "Sent");
	assert_int_equal(world_append(world, inbox, "one"), 1);
	assert_int_equal(world_append(world, inbox, "two\r\n"), 2);
	assert_int_equal(world_append(world, sent, "three"), 1);
	assert_int_equal(world_append(world, inbox, ""), 3);
	assert_string_equal(world_uids(world, inbox), "1:3");
	assert_body(world, inbox, 1, "one");
	assert_body(world, inbox, 2, "two\r\n");
	assert_body(world, sent, 1, "three");
	assert_body(world, inbox, 3, "");
}

static void
several_are_stored_together(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX"), uids[3];
	struct store_piece piece[3] = { { .bytes = SPAN("a") },
		{ .bytes = SPAN("b") }, { .bytes = SPAN("c") } };
	struct span keyword = SPAN("$Work");
	struct store_message_new message[3] = {
		{ .piece = piece, .piece_count = 3 },
		{ .piece = piece, .piece_count = 1,
			.flags = { STORE_SEEN, &keyword, 1 } },
		{ .piece = piece + 1, .piece_count = 2,
			.annotation = SPAN("note") },
	};
	struct error error;
	assert_int_equal(store_append(world->account, inbox, message, 3, uids,
		&error), STORE_OK);
	assert_int_equal(uids[2], 3);
	assert_body(world, inbox, 1, "abc");
	assert_body(world, inbox, 3, "bc");
	assert_string_equal(world_flags(world, inbox, 2), "seen $Work");
	/* A mailbox that is not there: none of them. */
	assert_int_equal(store_append(world->account, 999, message, 3, uids,
		&error), STORE_NO_MAILBOX);
	assert_int_equal(uids[0], 0);
}

/* One body, an annotation for each; the body stays as long as one of them. */
static void
several_share_a_body(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX"), uids[3];
	static char large[2 << 20];
	struct store_piece small = { .bytes = SPAN("shared") };
	struct store_piece big = { .bytes = { large, sizeof(large) } };
	struct store_message_new message[3] = {
		{ .piece = &small, .piece_count = 1, .annotation = SPAN("1") },
		{ .shares_body = true, .annotation = SPAN("2") },
		{ .shares_body = true, .annotation = SPAN("3") },
	};
	struct error error;
	struct number_set first = world_set("1:2,4:5");
	memset(large, 'x', sizeof(large));
	assert_int_equal(store_append(world->account, inbox, message, 3, uids,
		&error), STORE_OK);
	message[0].piece = &big;
	assert_int_equal(store_append(world->account, inbox, message, 3, uids,
		&error), STORE_OK);
	assert_int_equal(uids[2], 6);
	assert_int_equal(store_expunge(world->account, inbox, &first, false,
		NULL, &error), STORE_OK);
	number_set_fini(&first);
	assert_body(world, inbox, 3, "shared");
	world_restart_without_index(world);
	assert_body(world, inbox, 3, "shared");
	char *body = world_body(world, inbox, 6);
	assert_memory_equal(body, large, sizeof(large));
	memory_free(body);
}

static void
the_same_transaction_is_stored_once(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX"), uid;
	uint32_t junk = world_mailbox(world, "Junk");
	struct store_piece piece = { .bytes = SPAN("once") };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1,
		.transaction = (const uint8_t *)"0123456789abcdef" };
	struct error error;
	assert_int_equal(store_append(world->account, inbox, &message, 1, &uid,
		&error), STORE_OK);
	assert_int_equal(store_append(world->account, inbox, &message, 1, &uid,
		&error), STORE_DUPLICATE);
	/* A filter may put it into another mailbox as well. */
	assert_int_equal(store_append(world->account, junk, &message, 1, &uid,
		&error), STORE_OK);
	world_restart(world);
	assert_int_equal(store_append(world->account, inbox, &message, 1, &uid,
		&error), STORE_DUPLICATE);
	message.transaction = (const uint8_t *)"0123456789abcdeg";
	assert_int_equal(store_append(world->account, inbox, &message, 1, &uid,
		&error), STORE_OK);
	assert_string_equal(world_uids(world, inbox), "1:2");
}

static void
change(struct world *world, uint32_t mailbox, const char *uids,
	enum store_change how, uint32_t system, const char *keyword)
{
	struct number_set set = world_set(uids);
	struct span name = span_from(keyword);
	struct store_flags flags = { system, &name, keyword != NULL };
	struct error error;
	uint64_t modseq;
	assert_int_equal(store_flags_change(world->account, mailbox, &set, how,
		&flags, UINT64_MAX, NULL, &modseq, &error), STORE_OK);
	number_set_fini(&set);
}

static void
flags_are_added_removed_replaced(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	for (int i = 0; i < 5; i++)
		world_append_flags(world, inbox, "x", i == 1 ? STORE_SEEN : 0,
			i == 2 ? "old" : NULL);
	change(world, inbox, "2:4", STORE_ADD, STORE_FLAGGED, "New");
	assert_string_equal(world_flags(world, inbox, 1), "");
	assert_string_equal(world_flags(world, inbox, 2), "seen flagged New");
	assert_string_equal(world_flags(world, inbox, 3), "flagged old New");
	change(world, inbox, "1:*", STORE_REMOVE, STORE_SEEN, "NEW");
	assert_string_equal(world_flags(world, inbox, 2), "flagged");
	change(world, inbox, "3,5,77", STORE_REPLACE, STORE_DELETED, NULL);
	assert_string_equal(world_flags(world, inbox, 3), "deleted");
	assert_string_equal(world_flags(world, inbox, 4), "flagged");
	assert_string_equal(world_flags(world, inbox, 5), "deleted");
	/* Bits that are not flags do not come in. */
	change(world, inbox, "4", STORE_REPLACE, 0xffffffe0, NULL);
	assert_string_equal(world_flags(world, inbox, 4), "");
}

static uint64_t
modseq_of(struct world *world, uint32_t mailbox, uint32_t uid)
{
	struct store_view *view;
	struct store_message message;
	struct error error;
	assert_int_equal(store_view_open(world->account, mailbox, &view,
		&error), STORE_OK);
	assert_true(store_view_by_uid(view, uid, &message));
	store_view_close(&view);
	return message.modseq;
}

static void
unchanged_since_leaves_what_changed(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	struct store_flags flags = { .system = STORE_FLAGGED };
	struct number_set set = world_set("1:4"), modified;
	struct error error;
	uint64_t modseq;
	for (int i = 0; i < 4; i++)
		world_append(world, inbox, "x");
	uint64_t since = modseq_of(world, inbox, 4);
	change(world, inbox, "2,3", STORE_ADD, STORE_SEEN, NULL);
	uint64_t third = modseq_of(world, inbox, 3);
	assert_true(third > since);
	number_set_init(&modified);
	assert_int_equal(store_flags_change(world->account, inbox, &set,
		STORE_ADD, &flags, since, &modified, &modseq, &error),
		STORE_OK);
	assert_string_equal(world_text(&modified), "2:3");
	assert_string_equal(world_flags(world, inbox, 1), "flagged");
	assert_string_equal(world_flags(world, inbox, 2), "seen");
	assert_true(modseq_of(world, inbox, 1) == modseq);
	assert_true(modseq_of(world, inbox, 3) == third);
	/* Nothing to change: no new modseq. */
	number_set_fini(&modified);
	assert_int_equal(store_flags_change(world->account, inbox, &set,
		STORE_REMOVE, &(struct store_flags){ .system = STORE_DRAFT },
		UINT64_MAX, &modified, &modseq, &error), STORE_OK);
	assert_true(modseq == 0);
	assert_int_equal(modified.count, 0);
	number_set_fini(&modified);
	number_set_fini(&set);
}

static void
keywords_have_an_end(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX"), uid;
	struct store_piece piece = { .bytes = SPAN("x") };
	struct error error;
	char name[20];
	for (int i = 0; i < STORE_KEYWORD_LIMIT; i++) {
		snprintf(name, sizeof(name), "word%d", i);
		world_append_flags(world, inbox, "x", 0, name);
	}
	struct span more = SPAN("more");
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1, .flags = { 0, &more, 1 } };
	assert_int_equal(store_append(world->account, inbox, &message, 1, &uid,
		&error), STORE_TOO_MANY);
	/* One that no message has any more makes room. */
	change(world, inbox, "8", STORE_REPLACE, 0, NULL);
	struct number_set set = world_set("9");
	assert_int_equal(store_expunge(world->account, inbox, &set, false, NULL,
		&error), STORE_OK);
	number_set_fini(&set);
	assert_int_equal(store_append(world->account, inbox, &message, 1, &uid,
		&error), STORE_OK);
	assert_string_equal(world_flags(world, inbox, uid), "more");
	assert_string_equal(world_flags(world, inbox, 10), "word9");
}

static void
expunged_messages_vanish(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	struct number_set set = world_set("2:4"), gone;
	struct store_view *view, *now;
	struct store_seen seen;
	struct store_view_facts facts;
	struct error error;
	for (int i = 0; i < 6; i++)
		world_append_flags(world, inbox, "x",
			i % 2 == 0 ? STORE_DELETED : 0, NULL);
	assert_int_equal(store_view_open(world->account, inbox, &view,
		&error), STORE_OK);
	store_view_facts(view, &facts);
	seen = (struct store_seen){ facts.modseq, facts.modseq, facts.modseq };
	number_set_init(&gone);
	assert_int_equal(store_expunge(world->account, inbox, &set, true,
		&gone, &error), STORE_OK);
	assert_string_equal(world_text(&gone), "3");
	assert_int_equal(store_expunge(world->account, inbox, NULL, true,
		&gone, &error), STORE_OK);
	assert_string_equal(world_text(&gone), "1,3,5");
	assert_string_equal(world_uids(world, inbox), "2,4,6");
	assert_int_equal(world_append(world, inbox, "y"), 7);
	/* Who looked before sees what he saw. */
	store_view_facts(view, &facts);
	assert_int_equal(facts.exists, 6);
	assert_int_equal(facts.deleted, 3);
	assert_int_equal(store_view_uid(view, 5), 5);
	assert_int_equal(store_view_open(world->account, inbox, &now,
		&error), STORE_OK);
	number_set_fini(&gone);
	store_view_expunged(view, now, &gone);
	assert_string_equal(world_text(&gone), "1,3,5");
	number_set_fini(&gone);
	assert_true(store_view_vanished(now, seen.expunged, &gone));
	assert_string_equal(world_text(&gone), "1,3,5");
	number_set_fini(&gone);
	store_view_close(&view);
	/* And who was told so sees it again. */
	assert_int_equal(store_view_open_seen(world->account, inbox, &seen,
		&view, &error), STORE_OK);
	store_view_facts(view, &facts);
	assert_int_equal(facts.exists, 6);
	assert_int_equal(facts.unseen, 6);
	assert_int_equal(facts.deleted, 3);
	assert_int_equal(facts.first_unseen, 1);
	assert_int_equal(store_view_sequence(view, 5), 5);
	assert_int_equal(store_view_uid(view, 6), 6);
	assert_int_equal(store_view_uid(view, 7), 0);
	store_view_expunged(view, now, &gone);
	assert_string_equal(world_text(&gone), "1,3,5");
	number_set_fini(&gone);
	store_view_close(&view);
	store_view_close(&now);
	number_set_fini(&set);
}

static void
copies_share_the_email(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	uint32_t sent = world_mailbox(world, "Sent");
	struct number_set set = world_set("2:9"), from, to;
	struct store_view *view;
	struct store_message one, two;
	struct error error;
	world_append(world, sent, "there before");
	for (int i = 0; i < 4; i++)
		world_append_flags(world, inbox, "text", STORE_SEEN,
			i == 2 ? "$Work" : NULL);
	number_set_init(&from);
	number_set_init(&to);
	assert_int_equal(store_copy(world->account, inbox, &set, sent, false,
		&from, &to, &error), STORE_OK);
	assert_string_equal(world_text(&from), "2:4");
	assert_string_equal(world_text(&to), "2:4");
	assert_string_equal(world_uids(world, inbox), "1:4");
	assert_string_equal(world_flags(world, sent, 3), "seen $Work");
	assert_body(world, sent, 4, "text");
	assert_int_equal(store_view_open(world->account, inbox, &view,
		&error), STORE_OK);
	assert_true(store_view_by_uid(view, 3, &one));
	store_view_close(&view);
	assert_int_equal(store_view_open(world->account, sent, &view,
		&error), STORE_OK);
	assert_true(store_view_by_uid(view, 3, &two));
	store_view_close(&view);
	assert_true(one.email == two.email);
	assert_int_equal(two.internal_date, 1000000000);
	assert_int_equal(two.zone, 480);
	number_set_fini(&from);
	number_set_fini(&to);
	number_set_fini(&set);
	/* The original goes, the copy stays. */
	assert_int_equal(store_expunge(world->account, inbox, NULL, false,
		NULL, &error), STORE_OK);
	assert_body(world, sent, 4, "text");
}

static void
moves_leave_nothing_behind(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	uint32_t trash = world_mailbox(world, "Trash");
	struct number_set set = world_set("1,3:4"), from, to;
	struct error error;
	struct store_quota before, after;
	for (int i = 0; i < 5; i++)
		world_append(world, inbox, "text");
	store_quota_get(world->account, &before);
	number_set_init(&from);
	number_set_init(&to);
	assert_int_equal(store_copy(world->account, inbox, &set, trash, true,
		&from, &to, &error), STORE_OK);
	assert_string_equal(world_text(&from), "1,3:4");
	assert_string_equal(world_text(&to), "1:3");
	assert_string_equal(world_uids(world, inbox), "2,5");
	assert_string_equal(world_uids(world, trash), "1:3");
	store_quota_get(world->account, &after);
	assert_true(before.bytes == after.bytes && after.messages == 5);
	/* Within one mailbox they get new numbers. */
	number_set_fini(&set);
	set = world_set("1:2");
	number_set_fini(&to);
	assert_int_equal(store_copy(world->account, trash, &set, trash, true,
		&from, &to, &error), STORE_OK);
	assert_string_equal(world_text(&to), "4:5");
	assert_string_equal(world_uids(world, trash), "3:5");
	number_set_fini(&to);
	number_set_fini(&from);
	assert_int_equal(store_copy(world->account, trash, &set, inbox, false,
		&from, &to, &error), STORE_OK);
	assert_int_equal(to.count, 0);
	number_set_fini(&from);
	number_set_fini(&to);
	number_set_fini(&set);
}

static void
the_quota_is_kept(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX"), uid;
	uint32_t sent = world_mailbox(world, "Sent");
	struct store_piece piece = { .bytes = SPAN("0123456789") };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1 };
	struct number_set all = world_set("1:*");
	struct store_quota quota;
	struct error error;
	store_quota_set_limit(world->account, 35);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_append(world->account, inbox, &message,
			1, &uid, &error), STORE_OK);
	assert_int_equal(store_append(world->account, inbox, &message, 1, &uid,
		&error), STORE_OVER_QUOTA);
	assert_int_equal(store_copy(world->account, inbox, &all, sent, false,
		NULL, NULL, &error), STORE_OVER_QUOTA);
	assert_int_equal(store_copy(world->account, inbox, &all, sent, true,
		NULL, NULL, &error), STORE_OK);
	store_quota_get(world->account, &quota);
	assert_true(quota.bytes == 30 && quota.messages == 3 &&
		quota.bytes_limit == 35);
	assert_int_equal(store_expunge(world->account, sent, NULL, false, NULL,
		&error), STORE_OK);
	store_quota_get(world->account, &quota);
	assert_true(quota.bytes == 0 && quota.messages == 0);
	number_set_fini(&all);
}

static void
annotations_belong_to_a_message(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX"), uid;
	struct store_piece piece = { .bytes = SPAN("x") };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1, .annotation = SPAN("first") };
	struct arena arena;
	struct span text;
	struct error error;
	arena_init(&arena, 0);
	assert_int_equal(store_append(world->account, inbox, &message, 1, &uid,
		&error), STORE_OK);
	assert_int_equal(store_annotation(world->account, inbox, uid, &arena,
		&text, &error), STORE_OK);
	assert_true(span_equals(text, SPAN("first")));
	world_restart(world);
	assert_int_equal(store_annotate(world->account, inbox, uid,
		SPAN("second"), &error), STORE_OK);
	assert_int_equal(store_annotation(world->account, inbox, uid, &arena,
		&text, &error), STORE_OK);
	assert_true(span_equals(text, SPAN("second")));
	assert_int_equal(store_annotate(world->account, inbox, 77,
		SPAN("none"), &error), STORE_NO_MESSAGE);
	uint32_t other = world_append(world, inbox, "y");
	assert_int_equal(store_annotate(world->account, inbox, other,
		SPAN("z"), &error), STORE_OK);
	assert_int_equal(store_annotate(world->account, inbox, other,
		SPAN(""), &error), STORE_OK);
	assert_int_equal(store_annotation(world->account, inbox, other, &arena,
		&text, &error), STORE_OK);
	assert_int_equal(text.size, 0);
	arena_fini(&arena);
}

static void
large_bodies_are_objects(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	size_t size = (1 << 20) + 5000;
	char *text = memory_new(size + 1);
	memset(text, 'x', size);
	text[size - 1] = '!';
	uint32_t uid = world_append(world, inbox, text);
	assert_body(world, inbox, uid, text);
	world_restart_without_index(world);
	inbox = world_mailbox(world, "INBOX");
	assert_body(world, inbox, uid, text);
	/* From a file, not at its beginning. */
	FILE *file = tmpfile();
	assert_non_null(file);
	fputs("before", file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	fflush(file);
	struct store_piece piece[2] = { { .bytes = SPAN("head\r\n") },
		{ .fd = fileno(file), .offset = 6, .size = size } };
	struct store_message_new message[2] = {
		{ .piece = piece, .piece_count = 2 },
		{ .piece = piece, .piece_count = 2 } };
	uint32_t uids[2];
	struct error error;
	assert_int_equal(store_append(world->account, inbox, message, 1, uids,
		&error), STORE_OK);
	piece[1].size = 10;
	assert_int_equal(store_append(world->account, inbox, message, 2, uids,
		&error), STORE_OK);
	fclose(file);
	char *body = world_body(world, inbox, 2);
	assert_int_equal(strlen(body), size + 6);
	assert_memory_equal(body, "head\r\nxxx", 9);
	assert_int_equal(body[size + 5], '!');
	memory_free(body);
	assert_body(world, inbox, 4, "head\r\nxxxxxxxxxx");
	memory_free(text);
}

static void
only_the_owner_and_the_system_come_in(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX"), uid;
	struct store_piece piece = { .bytes = SPAN("x") };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1 };
	struct store_account *handle;
	struct store_view *view;
	struct error error;
	assert_int_equal(store_account_open(world->store, ALICE, BOB, 0,
		&handle, &error), 0);
	assert_int_equal(store_append(handle, inbox, &message, 1, &uid,
		&error), STORE_DENIED);
	assert_int_equal(store_view_open(handle, inbox, &view, &error),
		STORE_DENIED);
	assert_int_equal(store_mailbox_delete(handle, SPAN("Sent"), &error),
		STORE_DENIED);
	assert_int_equal(store_expunge(handle, inbox, NULL, false, NULL,
		&error), STORE_DENIED);
	store_account_close(&handle);
	assert_int_equal(store_account_open(world->store, ALICE, 0, 0,
		&handle, &error), 0);
	assert_int_equal(store_append(handle, inbox, &message, 1, &uid,
		&error), STORE_OK);
	store_account_close(&handle);
	assert_int_equal(store_account_open(world->store, BOB, BOB, 0,
		&handle, &error), -1);
	assert_int_equal(error.code, ERROR_GONE);
}

static const struct scenario scenarios[] = {
	{ "new accounts have folders", new_accounts_have_folders },
	{ "messages get UIDs in order", messages_get_uids_in_order },
	{ "several are stored together", several_are_stored_together },
	{ "several share a body", several_share_a_body },
	{ "the same transaction is stored once",
		the_same_transaction_is_stored_once },
	{ "flags are added, removed, replaced",
		flags_are_added_removed_replaced },
	{ "unchanged since leaves what changed",
		unchanged_since_leaves_what_changed },
	{ "keywords have an end", keywords_have_an_end },
	{ "expunged messages vanish", expunged_messages_vanish },
	{ "copies share the email", copies_share_the_email },
	{ "moves leave nothing behind", moves_leave_nothing_behind },
	{ "the quota is kept", the_quota_is_kept },
	{ "annotations belong to a message",
		annotations_belong_to_a_message },
	{ "large bodies are objects", large_bodies_are_objects },
	{ "only the owner and the system come in",
		only_the_owner_and_the_system_come_in },
};

int
main(void)
{
	return world_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
