/* The list of mailboxes: scenarios on both engines, and names by table. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/name.h"
#include "world.h"

/* "INBOX *Sent a(" ...: subscribed ones with a star, bare names with "(". */
static void
assert_list(struct world *world, const char *want)
{
	struct arena arena;
	struct buffer text;
	struct store_mailbox *mailbox;
	struct error error;
	size_t count;
	arena_init(&arena, 0);
	buffer_init(&text, 0);
	assert_int_equal(store_mailbox_list(world->account, &arena, &mailbox,
		&count, &error), STORE_OK);
	for (size_t i = 0; i < count; i++)
		buffer_print(&text, "%s%s%.*s%s", i > 0 ? " " : "",
			mailbox[i].is_subscribed ? "*" : "",
			SPAN_PRINT(mailbox[i].name),
			mailbox[i].id == 0 ? "(" : "");
	assert_string_equal(buffer_string(&text), want);
	buffer_fini(&text);
	arena_fini(&arena);
}

static enum store_verdict
create(struct world *world, const char *name)
{
	struct error error;
	uint32_t id;
	return store_mailbox_create(world->account, span_from(name), 0, &id,
		&error);
}

static enum store_verdict
delete(struct world *world, const char *name)
{
	struct error error;
	return store_mailbox_delete(world->account, span_from(name), &error);
}

static enum store_verdict
rename_to(struct world *world, const char *from, const char *to)
{
	struct error error;
	return store_mailbox_rename(world->account, span_from(from),
		span_from(to), &error);
}

static void
subscribe(struct world *world, const char *name, bool subscribed)
{
	struct error error;
	assert_int_equal(store_mailbox_subscribe(world->account,
		span_from(name), subscribed, &error), STORE_OK);
}

static void
clear(struct world *world)
{
	static const char *const names[] = { "Archive", "Drafts", "Junk",
		"Sent", "Trash" };
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(delete(world, names[i]), STORE_OK);
		subscribe(world, names[i], false);
	}
	assert_list(world, "*INBOX");
}

static void
parents_are_made_too(struct world *world)
{
	clear(world);
	assert_int_equal(create(world, "a/b/c"), STORE_OK);
	assert_list(world, "*INBOX a a/b a/b/c");
	assert_int_equal(create(world, "a/b"), STORE_EXISTS);
	assert_int_equal(create(world, "inbox"), STORE_EXISTS);
	assert_int_equal(create(world, "inbox/x"), STORE_OK);
	assert_int_equal(create(world, "a.b"), STORE_OK);
	assert_int_equal(create(world, "a b"), STORE_OK);
	assert_list(world, "*INBOX INBOX/x a a/b a/b/c a b a.b");
	assert_int_equal(create(world, "a//b"), STORE_BAD_NAME);
}

static void
children_stay_when_a_parent_goes(struct world *world)
{
	clear(world);
	assert_int_equal(create(world, "a/b/c"), STORE_OK);
	assert_int_equal(delete(world, "a/b"), STORE_OK);
	assert_list(world, "*INBOX a a/b( a/b/c");
	assert_int_equal(delete(world, "a/b"), STORE_HAS_CHILDREN);
	assert_int_equal(delete(world, "nothing"), STORE_NO_MAILBOX);
	assert_int_equal(delete(world, "InBoX"), STORE_DENIED);
	assert_int_equal(create(world, "a/b"), STORE_OK);
	assert_list(world, "*INBOX a a/b a/b/c");
}

static void
a_new_mailbox_of_an_old_name_is_another(struct world *world)
{
	struct arena arena;
	struct store_mailbox before, after;
	struct error error;
	arena_init(&arena, 0);
	uint32_t id = world_create(world, "a");
	world_append(world, id, "old");
	assert_int_equal(store_mailbox_find(world->account, SPAN("a"), &arena,
		&before, &error), STORE_OK);
	assert_int_equal(delete(world, "a"), STORE_OK);
	world_restart(world);
	assert_int_equal(world_mailbox(world, "a"), 0);
	id = world_create(world, "a");
	assert_int_equal(store_mailbox_find(world->account, SPAN("a"), &arena,
		&after, &error), STORE_OK);
	assert_true(after.id > before.id);
	assert_true(after.uid_validity > before.uid_validity);
	assert_int_equal(after.uid_next, 1);
	assert_string_equal(world_uids(world, id), "");
	arena_fini(&arena);
}

static void
trees_are_renamed(struct world *world)
{
	clear(world);
	assert_int_equal(create(world, "a/b/c"), STORE_OK);
	assert_int_equal(create(world, "ab"), STORE_OK);
	uint32_t id = world_mailbox(world, "a/b");
	world_append(world, id, "stays");
	assert_int_equal(rename_to(world, "a", "x/y"), STORE_OK);
	assert_list(world, "*INBOX ab x x/y x/y/b x/y/b/c");
	assert_int_equal(world_mailbox(world, "x/y/b"), id);
	assert_string_equal(world_uids(world, id), "1");
	assert_int_equal(rename_to(world, "a", "z"), STORE_NO_MAILBOX);
	assert_int_equal(rename_to(world, "x", "x/y/z"), STORE_BAD_NAME);
	assert_int_equal(rename_to(world, "x", "ab"), STORE_EXISTS);
	assert_int_equal(rename_to(world, "x", "x"), STORE_EXISTS);
	/* What is below the new name already must not be in the way. */
	assert_int_equal(create(world, "ab/y"), STORE_OK);
	assert_int_equal(delete(world, "ab"), STORE_OK);
	assert_int_equal(rename_to(world, "x", "ab"), STORE_EXISTS);
	/* A parent that is only a name takes its children along. */
	assert_int_equal(delete(world, "ab/y"), STORE_OK);
	assert_int_equal(delete(world, "x"), STORE_OK);
	assert_list(world, "*INBOX x( x/y x/y/b x/y/b/c");
	assert_int_equal(rename_to(world, "x", "q"), STORE_OK);
	assert_list(world, "*INBOX q( q/y q/y/b q/y/b/c");
}

static void
inbox_is_emptied_when_renamed(struct world *world)
{
	uint32_t inbox = world_mailbox(world, "INBOX");
	clear(world);
	world_append(world, inbox, "one");
	world_append_flags(world, inbox, "two", STORE_SEEN, "$Work");
	assert_int_equal(create(world, "INBOX/child"), STORE_OK);
	assert_int_equal(rename_to(world, "INBOX", "old/mail"), STORE_OK);
	assert_list(world, "*INBOX INBOX/child old old/mail");
	uint32_t old = world_mailbox(world, "old/mail");
	assert_int_equal(world_mailbox(world, "INBOX"), inbox);
	assert_string_equal(world_uids(world, inbox), "");
	assert_string_equal(world_uids(world, old), "1:2");
	assert_string_equal(world_flags(world, old, 2), "seen $Work");
	assert_int_equal(world_append(world, inbox, "three"), 3);
	assert_int_equal(rename_to(world, "INBOX", "old"), STORE_EXISTS);
}

static void
subscriptions_are_names(struct world *world)
{
	clear(world);
	assert_int_equal(create(world, "a"), STORE_OK);
	subscribe(world, "a", true);
	subscribe(world, "not/there", true);
	subscribe(world, "not/there", true);
	assert_list(world, "*INBOX *a not( *not/there(");
	assert_int_equal(delete(world, "a"), STORE_OK);
	assert_list(world, "*INBOX *a( not( *not/there(");
	world_restart(world);
	assert_list(world, "*INBOX *a( not( *not/there(");
	assert_int_equal(world_mailbox(world, "a"), 0);
	assert_int_equal(create(world, "a"), STORE_OK);
	assert_int_equal(create(world, "not/there/x"), STORE_OK);
	assert_list(world, "*INBOX *a not *not/there not/there/x");
	/* The name stays subscribed, whoever has it (RFC 9051 6.3.8). */
	subscribe(world, "b", true);
	assert_int_equal(rename_to(world, "a", "b"), STORE_OK);
	assert_list(world, "*INBOX *a( *b not *not/there not/there/x");
	subscribe(world, "a", false);
	subscribe(world, "b", false);
	subscribe(world, "never", false);
	assert_list(world, "*INBOX b not *not/there not/there/x");
}

/* So many that heads refer to a base. */
static void
many_mailboxes_make_a_base(struct world *world)
{
	char name[40];
	clear(world);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "folder number %d", i);
		uint32_t id = world_create(world, name);
		world_append(world, id, "x");
		if (i % 3 == 0) {
			snprintf(name, sizeof(name), "folder number %d", i / 2);
			delete(world, name);
		}
	}
	world_restart(world);
	for (int i = 0; i < 50; i++)
		world_append(world, world_mailbox(world, "INBOX"), "y");
	assert_int_equal(rename_to(world, "folder number 150", "z"), STORE_OK);
}

static void
names_are_brought_into_form(void **state)
{
	static const struct {
		const char *name, *want;	/* NULL: not a name */
	} cases[] = {
		{ "INBOX", "INBOX" }, { "inBox", "INBOX" },
		{ "inbox/Sub", "INBOX/Sub" }, { "inboxes", "inboxes" },
		{ "a/inbox", "a/inbox" },
		{ "Entw\xc3\xbcrfe", "Entw\xc3\xbcrfe" },
		{ "Entwu\xcc\x88rfe", "Entw\xc3\xbcrfe" },
		{ "\xe8\x8d\x89\xe7\xa8\xbf", "\xe8\x8d\x89\xe7\xa8\xbf" },
		{ "\xe2\x84\xab", "\xc3\x85" },
		{ "*", "*" }, { "...", "..." }, { "a..b", "a..b" },
		{ "..", NULL }, { ".", NULL }, { "a/../b", NULL },
		{ "a/.", NULL },
		{ "", NULL }, { "/", NULL }, { "/a", NULL }, { "a/", NULL },
		{ "a//b", NULL }, { "a\nb", NULL }, { "a\x7f", NULL },
		{ "a\xc2\x85", NULL }, { "a\xe2\x80\xa8", NULL },
		{ "a\xff", NULL }, { "\xc0\xaf", NULL },
		{ "\xed\xa0\x80", NULL },
	};
	struct arena arena;
	char longest[STORE_NAME_LIMIT + 1];
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span normal;
		bool ok = name_normalise(span_from(cases[i].name), &arena,
			&normal);
		assert_int_equal(ok, cases[i].want != NULL);
		if (ok)
			assert_true(span_equals(normal,
				span_from(cases[i].want)));
	}
	struct span normal;
	memset(longest, 'x', sizeof(longest));
	assert_true(name_normalise(span_of(longest, STORE_NAME_LIMIT), &arena,
		&normal));
	assert_false(name_normalise(span_of(longest, STORE_NAME_LIMIT + 1),
		&arena, &normal));
	assert_false(name_normalise(span_of("a\0b", 3), &arena, &normal));
	arena_fini(&arena);
}

static const struct scenario scenarios[] = {
	{ "parents are made too", parents_are_made_too },
	{ "children stay when a parent goes",
		children_stay_when_a_parent_goes },
	{ "a new mailbox of an old name is another",
		a_new_mailbox_of_an_old_name_is_another },
	{ "trees are renamed", trees_are_renamed },
	{ "INBOX is emptied when renamed", inbox_is_emptied_when_renamed },
	{ "subscriptions are names", subscriptions_are_names },
	{ "many mailboxes make a base", many_mailboxes_make_a_base },
};

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_brought_into_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL) +
		world_run(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
