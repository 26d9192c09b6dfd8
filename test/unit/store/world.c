/* What the tests of the store share. */
#include "world.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

void
world_reopen(struct world *world)
{
	struct error error;
	world->options.engine = world->engine;
	if (store_open(&world->options, &world->store, &error) < 0)
		fail_msg("%s", error.text);
	if (store_account_open(world->store, ALICE, ALICE,
			STORE_CREATE | STORE_FOLDERS, &world->account,
			&error) < 0)
		fail_msg("%s", error.text);
}

static void
open_engine(struct world *world)
{
	struct error error;
	if (world->is_memory)
		world->engine = engine_memory_new();
	else if (engine_files_open(world->path, &world->engine, &error) < 0)
		fail_msg("%s", error.text);
}

void
world_start(struct world *world, bool is_memory)
{
	const char *base = getenv("TMPDIR");
	world->is_memory = is_memory;
	snprintf(world->path, sizeof(world->path), "%s/store-XXXXXX",
		base != NULL && strlen(base) < 40 ? base : "/tmp");
	if (!is_memory)
		assert_non_null(mkdtemp(world->path));
	open_engine(world);
	world_reopen(world);
}

static void
close_store(struct world *world)
{
	store_account_close(&world->account);
	store_close(&world->store);
}

static int
remove_one(const char *path, const struct stat *stat, int type,
	struct FTW *walk)
{
	(void)stat;
	(void)type;
	(void)walk;
	return remove(path);
}

void
world_remove(const char *path)
{
	nftw(path, remove_one, 20, FTW_DEPTH | FTW_PHYS);
}

void
world_end(struct world *world)
{
	close_store(world);
	world->engine->call->close(&world->engine);
	if (!world->is_memory)
		world_remove(world->path);
}

static int
remove_index(const char *path, const struct stat *stat, int type,
	struct FTW *walk)
{
	(void)stat;
	(void)walk;
	const char *name = strrchr(path, '/');
	return type == FTW_F && name != NULL &&
		strncmp(name, "/index.db", 9) == 0 ? remove(path) : 0;
}

static void
restart(struct world *world, bool loses_index)
{
	close_store(world);
	if (!world->is_memory) {
		world->engine->call->close(&world->engine);
		if (loses_index)
			nftw(world->path, remove_index, 20, FTW_PHYS);
		open_engine(world);
	}
	world_reopen(world);
}

void
world_restart(struct world *world)
{
	restart(world, false);
}

void
world_restart_without_index(struct world *world)
{
	restart(world, true);
}

/* ---- saying things shortly ---- */

uint32_t
world_mailbox(struct world *world, const char *name)
{
	struct arena arena;
	struct store_mailbox mailbox = { .id = 0 };
	struct error error;
	arena_init(&arena, 0);
	enum store_verdict verdict = store_mailbox_find(world->account,
		span_from(name), &arena, &mailbox, &error);
	arena_fini(&arena);
	return verdict == STORE_OK ? mailbox.id : 0;
}

uint32_t
world_create(struct world *world, const char *name)
{
	uint32_t id;
	struct error error;
	assert_int_equal(store_mailbox_create(world->account, span_from(name),
		0, &id, &error), STORE_OK);
	return id;
}

uint32_t
world_append_flags(struct world *world, uint32_t mailbox, const char *text,
	uint32_t system, const char *keyword)
{
	struct store_piece piece = { .bytes = span_from(text) };
	struct span name = span_from(keyword);
	struct store_message_new message = {
		.flags = { system, &name, keyword != NULL },
		.internal_date = 1000000000, .zone = 480,
		.piece = &piece, .piece_count = 1,
	};
	struct error error;
	uint32_t uid = 0;
	enum store_verdict verdict = store_append(world->account, mailbox,
		&message, 1, &uid, &error);
	if (verdict == STORE_TROUBLE)
		fail_msg("%s", error.text);
	assert_int_equal(verdict, STORE_OK);
	return uid;
}

uint32_t
world_append(struct world *world, uint32_t mailbox, const char *text)
{
	return world_append_flags(world, mailbox, text, 0, NULL);
}

struct number_set
world_set(const char *text)
{
	struct number_set set;
	number_set_init(&set);
	if (text[0] != '\0')
		assert_true(number_set_parse(span_from(text), UINT32_MAX,
			100000, &set));
	return set;
}

static char *
next_text(void)
{
	static _Thread_local char texts[8][4000];
	static _Thread_local unsigned next;
	return texts[next++ % 8];
}

const char *
world_text(const struct number_set *set)
{
	struct buffer text;
	char *out = next_text();
	buffer_init(&text, 0);
	number_set_format(&text, set);
	snprintf(out, 4000, "%s", buffer_string(&text));
	buffer_fini(&text);
	return out;
}

static struct store_view *
open_view(struct world *world, uint32_t mailbox)
{
	struct store_view *view;
	struct error error;
	enum store_verdict verdict = store_view_open(world->account, mailbox,
		&view, &error);
	if (verdict == STORE_TROUBLE)
		fail_msg("%s", error.text);
	assert_int_equal(verdict, STORE_OK);
	return view;
}

const char *
world_uids(struct world *world, uint32_t mailbox)
{
	struct store_view *view = open_view(world, mailbox);
	struct number_set uids;
	number_set_init(&uids);
	store_view_uids(view, 0, 0, &uids);
	const char *text = world_text(&uids);
	number_set_fini(&uids);
	store_view_close(&view);
	return text;
}

static void
add_flags(struct buffer *out, const struct store_view *view, uint64_t flags)
{
	static const char *const names[] = { "seen", "answered", "flagged",
		"deleted", "draft" };
	struct store_view_facts facts;
	store_view_facts(view, &facts);
	for (unsigned i = 0; i < 5; i++)
		if ((flags >> i & 1) != 0)
			buffer_print(out, " %s", names[i]);
	for (size_t i = 0; i < facts.keyword_count; i++)
		if ((flags >> (STORE_KEYWORD_SHIFT + i) & 1) != 0)
			buffer_print(out, " %.*s", SPAN_PRINT(
				store_view_keyword(view, i)));
}

const char *
world_flags(struct world *world, uint32_t mailbox, uint32_t uid)
{
	struct store_view *view = open_view(world, mailbox);
	struct store_message message;
	struct buffer text;
	char *out = next_text();
	buffer_init(&text, 0);
	assert_true(store_view_by_uid(view, uid, &message));
	add_flags(&text, view, message.flags);
	snprintf(out, 4000, "%s", buffer_string(&text) + (text.size > 0));
	buffer_fini(&text);
	store_view_close(&view);
	return out;
}

static void
add_body(struct world *world, struct buffer *out,
	const struct store_message *message)
{
	struct store_body body;
	struct error error;
	enum store_verdict verdict = store_body_open(world->account, message,
		&body, &error);
	if (verdict != STORE_OK)
		fail_msg("body of %u: %d", message->uid, verdict);
	assert_true(body.size == message->size);
	buffer_reserve(out, body.size + 1);
	assert_int_equal(store_body_read(&body, 0, out->data + out->size,
		body.size, &error), 0);
	out->size += body.size;
	store_body_close(&body);
}

char *
world_body(struct world *world, uint32_t mailbox, uint32_t uid)
{
	struct store_view *view = open_view(world, mailbox);
	struct store_message message;
	struct buffer text;
	buffer_init(&text, 0);
	assert_true(store_view_by_uid(view, uid, &message));
	add_body(world, &text, &message);
	store_view_close(&view);
	char *copy = memory_copy_string(buffer_string(&text));
	buffer_fini(&text);
	return copy;
}

/* ---- the picture ---- */

static void
draw_message(struct world *world, const struct store_view *view,
	const struct store_message *message, struct buffer *out)
{
	struct store_view_facts facts;
	struct arena arena;
	struct span annotation;
	struct error error;
	store_view_facts(view, &facts);
	buffer_print(out, "  %u:%u modseq %llu made %llu email %llu size %llu"
		" date %lld zone %d flags", message->sequence, message->uid,
		(unsigned long long)message->modseq,
		(unsigned long long)message->created_modseq,
		(unsigned long long)message->email,
		(unsigned long long)message->size,
		(long long)message->internal_date, message->zone);
	add_flags(out, view, message->flags);
	arena_init(&arena, 0);
	assert_int_equal(store_annotation(world->account, facts.mailbox,
		message->uid, &arena, &annotation, &error), STORE_OK);
	buffer_print(out, " annotation <%.*s>", SPAN_PRINT(annotation));
	arena_fini(&arena);
	buffer_add_string(out, " body <");
	if (message->size < 10000)
		add_body(world, out, message);
	buffer_add_string(out, ">\n");
}

static void
draw_mailbox(struct world *world, const struct store_mailbox *mailbox,
	struct buffer *out)
{
	struct store_status status;
	struct store_view_facts facts;
	struct store_message message;
	struct error error;
	struct store_view *view = open_view(world, mailbox->id);
	store_view_facts(view, &facts);
	assert_int_equal(store_mailbox_status(world->account, mailbox->id,
		&status, &error), STORE_OK);
	assert_int_equal(status.messages, facts.exists);
	assert_int_equal(facts.uid_next, mailbox->uid_next);
	assert_true(facts.modseq == mailbox->modseq);
	buffer_print(out, " exists %u unseen %u first %u deleted %u size %llu"
		" deleted %llu\n", facts.exists, facts.unseen,
		facts.first_unseen, facts.deleted,
		(unsigned long long)status.size,
		(unsigned long long)status.deleted_size);
	uint32_t count = 0;
	for (uint32_t uid = 1; store_view_next(view, uid, &message);
	    uid = message.uid + 1) {
		struct store_message same;
		assert_int_equal(message.sequence, ++count);
		assert_true(store_view_by_sequence(view, count, &same));
		assert_int_equal(same.uid, message.uid);
		assert_int_equal(store_view_sequence(view, message.uid), count);
		draw_message(world, view, &message, out);
	}
	assert_int_equal(count, facts.exists);
	store_view_close(&view);
}

char *
world_picture(struct world *world)
{
	struct arena arena;
	struct buffer out;
	struct store_mailbox *mailbox;
	size_t count;
	struct error error;
	struct store_quota quota;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	assert_int_equal(store_mailbox_list(world->account, &arena, &mailbox,
		&count, &error), STORE_OK);
	for (size_t i = 0; i < count; i++) {
		buffer_print(&out, "%.*s id %u use %u%s validity %u next %u"
			" modseq %llu\n", SPAN_PRINT(mailbox[i].name),
			mailbox[i].id, mailbox[i].use,
			mailbox[i].is_subscribed ? " subscribed" : "",
			mailbox[i].uid_validity, mailbox[i].uid_next,
			(unsigned long long)mailbox[i].modseq);
		if (mailbox[i].id != 0)
			draw_mailbox(world, &mailbox[i], &out);
	}
	store_quota_get(world->account, &quota);
	buffer_print(&out, "quota %llu bytes, %llu messages\n",
		(unsigned long long)quota.bytes,
		(unsigned long long)quota.messages);
	char *copy = memory_copy_string(buffer_string(&out));
	buffer_fini(&out);
	arena_fini(&arena);
	return copy;
}

void
world_check_lasting(struct world *world)
{
	char *before = world_picture(world);
	world_restart(world);
	char *after = world_picture(world);
	assert_string_equal(before, after);
	memory_free(after);
	world_restart_without_index(world);
	after = world_picture(world);
	assert_string_equal(before, after);
	memory_free(after);
	memory_free(before);
}

/* ---- running ---- */

static void
run_one(const struct scenario *scenario, bool is_memory)
{
	struct world world = { .is_memory = is_memory };
	world_start(&world, is_memory);
	scenario->run(&world);
	world_check_lasting(&world);
	world_end(&world);
}

static void
run_in_memory(void **state)
{
	run_one(*state, true);
}

static void
run_on_files(void **state)
{
	run_one(*state, false);
}

int
world_run(const struct scenario *scenarios, size_t count)
{
	struct CMUnitTest *tests = memory_new_array(count * 2, sizeof(*tests));
	char (*names)[120] = memory_new_array(count * 2, sizeof(*names));
	for (size_t i = 0; i < count * 2; i++) {
		const struct scenario *scenario = &scenarios[i / 2];
		snprintf(names[i], sizeof(names[i]), "%s %s", scenario->name,
			i % 2 == 0 ? "in memory" : "on files");
		tests[i].name = names[i];
		tests[i].test_func = i % 2 == 0 ? run_in_memory : run_on_files;
		tests[i].initial_state = (void *)scenario;
	}
	int failed = _cmocka_run_group_tests("store", tests, count * 2, NULL,
		NULL);
	memory_free(tests);
	memory_free(names);
	return failed;
}
