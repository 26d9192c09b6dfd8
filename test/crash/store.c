/*
 * The store on a disk that dies: the same disk and cuts as log.c, seen from
 * store.h. After every crash the account is what it was after the last
 * operation that was answered, or that and the one under way, whole: mailboxes,
 * UIDs, flags, bodies, annotations. UIDs go on where they were, a UIDVALIDITY
 * is not given twice to a name, and a delivery that is tried again with its
 * transaction is there once. The index, on a disk of its own, is found as the
 * process left it, as it was long before, or not at all.
 *
 * usage: crash-store [RUNS [SEED]]
 */
#include <assert.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "disk.h"
#include "store/compact.h"
#include "store/op.h"
#include "store/store_inner.h"
#include "store/view.h"

enum {
	ALICE = 0xa11ce, MAILBOXES = 5, MESSAGES = 60, SEGMENT = 8192,
	BIG = 12000, TEXT_MOST = 14000, RETIRED = 64, LIVES = 4,
	MUTANT_RUNS = 250,
};

struct item {
	uint32_t uid, flags, text, note;
};

struct box {
	bool is_there;
	uint32_t validity;	/* 0: not seen yet */
	uint32_t uid_next;
	struct item message[MESSAGES];
	size_t count;
};

struct model {
	bool is_created;
	struct box mailbox[MAILBOXES];
};

static const char *const mailbox_names[MAILBOXES] = { "INBOX", "Lists",
	"Sent", "Work", "\xe4\xbf\xa1" };

/* A delivery under way when the power went. */
struct delivery {
	bool is_there;
	unsigned mailbox;
	uint32_t text;
	uint8_t transaction[STORE_TRANSACTION_SIZE];
};

struct world {
	struct disk *disk;
	struct engine *engine;
	struct store *store;
	struct store_account *account;
	struct model now, maybe;
	bool has_maybe;		/* the operation under way may have happened */
	struct delivery delivery;
	struct {
		unsigned mailbox;
		uint32_t validity;
	} retired[RETIRED];
	size_t retired_count;
	uint32_t texts;
	uint64_t seed;
	bool syncs_fail;
	int compacts_without;	/* a sync left out while it compacts; -1: none */
	char index[64], old_index[64];	/* directories */
	char broken[200];
	char history[400];
};

static uint64_t states, rounds;

static unsigned
throw(struct world *world, unsigned sides)
{
	return (unsigned)(disk_random(&world->seed) % sides);
}

static int64_t
fixed_clock(void)
{
	return 1700000000000;
}

static void
broken(struct world *world, const char *what, uint64_t a, uint64_t b)
{
	if (world->broken[0] == '\0')
		snprintf(world->broken, sizeof(world->broken),
			"%s (%" PRIu64 ", %" PRIu64 ")", what, a, b);
}

/* ---- bodies ---- */

static size_t
text_size(uint32_t text)
{
	static const size_t sizes[] = { 20, 2500, 8000, 11000, 11500, TEXT_MOST };
	return sizes[text % 6];
}

static void
write_text(uint32_t text, char *out)
{
	size_t size = text_size(text);
	for (size_t i = 0; i < size; i++)
		out[i] = (char)('a' + (text * 7 + i * i) % 26);
	snprintf(out, 16, "text %" PRIu32 ".", text);
}

/* ---- the account beside the model ---- */

static uint32_t
id_of(struct world *world, unsigned mailbox)
{
	struct arena arena;
	struct error error;
	struct store_mailbox found = { .id = 0 };
	arena_init(&arena, 0);
	enum store_verdict verdict = store_mailbox_find(world->account,
		span_from(mailbox_names[mailbox]), &arena, &found, &error);
	arena_fini(&arena);
	return verdict == STORE_OK ? found.id : 0;
}

static const char *
message_differs(struct world *world, uint32_t mailbox,
	const struct item *want, const struct store_message *is)
{
	static char text[TEXT_MOST], body[TEXT_MOST];
	char note[16];
	struct store_body open;
	struct error error;
	struct arena arena;
	struct span annotation;
	if (is->uid != want->uid)
		return "a UID";
	if (is->flags != want->flags)
		return "flags";
	if (is->size != text_size(want->text))
		return "a size";
	if (store_body_open(world->account, is, &open, &error) != STORE_OK)
		return "a body that is missing";
	write_text(want->text, text);
	bool same = store_body_read(&open, 0, body, is->size, &error) == 0 &&
		memcmp(text, body, is->size) == 0;
	store_body_close(&open);
	if (!same)
		return "a body";
	arena_init(&arena, 0);
	snprintf(note, sizeof(note), "%" PRIu32, want->note);
	same = store_annotation(world->account, mailbox, is->uid, &arena,
		&annotation, &error) == STORE_OK && span_equals(annotation,
		want->note == 0 ? SPAN("") : span_from(note));
	arena_fini(&arena);
	return same ? NULL : "an annotation";
}

static const char *
view_differs(struct world *world, uint32_t id, const struct box *want,
	const struct store_view *view)
{
	struct store_view_facts facts;
	struct store_message message;
	store_view_facts(view, &facts);
	if (facts.exists != want->count)
		return "the number of messages";
	if (facts.uid_next != want->uid_next)
		return "the next UID";
	if (want->validity != 0 && facts.uid_validity != want->validity)
		return "UIDVALIDITY";
	for (size_t i = 0; i < want->count; i++) {
		const char *what = !store_view_by_sequence(view,
			(uint32_t)i + 1, &message) ? "a sequence number" :
			message_differs(world, id, &want->message[i], &message);
		if (what != NULL)
			return what;
	}
	return NULL;
}

static const char *
differs(struct world *world, const struct model *model)
{
	struct error error;
	for (unsigned m = 0; m < MAILBOXES; m++) {
		const struct box *want = &model->mailbox[m];
		struct store_view *view;
		uint32_t id = id_of(world, m);
		if ((id != 0) != want->is_there)
			return "the list of mailboxes";
		if (id == 0)
			continue;
		if (store_view_open(world->account, id, &view, &error) !=
			STORE_OK)
			return "a mailbox that cannot be opened";
		const char *what = view_differs(world, id, want, view);
		store_view_close(&view);
		if (what != NULL)
			return what;
	}
	return NULL;
}

/* What a mailbox is told apart by; a name never has the same twice. */
static void
learn_validity(struct world *world)
{
	struct error error;
	for (unsigned m = 0; m < MAILBOXES; m++) {
		struct box *mailbox = &world->now.mailbox[m];
		struct store_view_facts facts;
		struct store_view *view;
		if (!mailbox->is_there || mailbox->validity != 0 ||
			store_view_open(world->account, id_of(world, m), &view,
			&error) != STORE_OK)
			continue;
		store_view_facts(view, &facts);
		store_view_close(&view);
		mailbox->validity = facts.uid_validity;
		for (size_t i = 0; i < world->retired_count; i++)
			if (world->retired[i].mailbox == m &&
				world->retired[i].validity ==
				facts.uid_validity)
				broken(world, "a UIDVALIDITY came again", m,
					facts.uid_validity);
	}
}

static void
check(struct world *world, const char *when)
{
	const char *what = differs(world, &world->now);
	if (what != NULL && world->has_maybe) {
		const char *other = differs(world, &world->maybe);
		if (other == NULL) {
			world->now = world->maybe;
			what = NULL;
		}
	}
	if (what != NULL) {
		snprintf(world->broken, sizeof(world->broken),
			"%s differs: %s%s", what, when,
			world->has_maybe ? ", with and without the last" : "");
		return;
	}
	world->has_maybe = false;
	if (log_damage(world->account->account->log) > 0)
		broken(world, "a crash was taken for damage", 0, 0);
	learn_validity(world);
}

/* ---- operations ---- */

/* What comes of an operation that was prepared in world->maybe. */
static bool
conclude(struct world *world, enum store_verdict verdict)
{
	if (verdict == STORE_OK) {
		world->now = world->maybe;
		world->has_maybe = false;
		return true;
	}
	world->has_maybe = disk_is_dead(world->disk) || world->syncs_fail;
	if (verdict != STORE_TROUBLE)
		broken(world, "a verdict that cannot be", verdict, 0);
	return false;
}

static unsigned
some_mailbox(struct world *world)
{
	unsigned m;
	do
		m = throw(world, MAILBOXES);
	while (!world->now.mailbox[m].is_there);
	return m;
}

static void
retire(struct world *world, unsigned mailbox)
{
	uint32_t validity = world->now.mailbox[mailbox].validity;
	if (validity == 0 || world->retired_count == RETIRED)
		return;
	world->retired[world->retired_count].mailbox = mailbox;
	world->retired[world->retired_count++].validity = validity;
}

static struct number_set
some_uids(struct world *world, const struct box *mailbox)
{
	struct number_set set = { 0 };
	for (unsigned i = throw(world, 3) + 1; i > 0; i--) {
		uint32_t first = throw(world, mailbox->uid_next) + 1;
		number_set_add(&set, first, first + throw(world, 8));
	}
	return set;
}

static void
add_message(struct box *mailbox, uint32_t text, uint32_t flags)
{
	mailbox->message[mailbox->count++] = (struct item){
		mailbox->uid_next++, flags, text, 0 };
}

static enum store_verdict
deliver(struct world *world, const struct delivery *delivery)
{
	static char text[TEXT_MOST];
	struct error error;
	uint32_t uid;
	struct store_piece piece = { .bytes = { text,
		text_size(delivery->text) } };
	struct store_message_new message = { .internal_date = 1, .piece = &piece,
		.piece_count = 1, .transaction = delivery->transaction };
	write_text(delivery->text, text);
	return store_append(world->account, id_of(world, delivery->mailbox),
		&message, 1, &uid, &error);
}

static void
operate_deliver(struct world *world)
{
	struct delivery delivery = { .is_there = true,
		.mailbox = some_mailbox(world), .text = world->texts++ };
	struct box *mailbox = &world->maybe.mailbox[delivery.mailbox];
	for (size_t i = 0; i < sizeof(delivery.transaction); i++)
		delivery.transaction[i] = (uint8_t)throw(world, 256);
	if (mailbox->count == MESSAGES)
		return;
	add_message(mailbox, delivery.text, 0);
	if (!conclude(world, deliver(world, &delivery)))
		world->delivery = delivery;
}

static void
operate_append(struct world *world)
{
	enum { TOGETHER = 3 };
	static char text[TOGETHER][TEXT_MOST];
	struct store_message_new message[TOGETHER] = { 0 };
	struct store_piece piece[TOGETHER] = { 0 };
	uint32_t uids[TOGETHER], first = 0;
	struct error error;
	unsigned m = some_mailbox(world);
	struct box *mailbox = &world->maybe.mailbox[m];
	size_t count = throw(world, TOGETHER) + 1;
	if (mailbox->count + count > MESSAGES)
		return;
	for (size_t i = 0; i < count; i++) {
		uint32_t id = world->texts++, flags = throw(world, 32);
		write_text(id, text[i]);
		piece[i].bytes = span_of(text[i], text_size(id));
		message[i] = (struct store_message_new){ .internal_date = 1,
			.flags.system = flags, .piece = &piece[i],
			.piece_count = 1 };
		add_message(mailbox, id, flags);
		if (i == 0)
			first = mailbox->uid_next - 1;
	}
	if (conclude(world, store_append(world->account, id_of(world, m),
			message, count, uids, &error)) && uids[0] != first)
		broken(world, "an unexpected UID", uids[0], first);
}

static void
operate_flags(struct world *world)
{
	unsigned m = some_mailbox(world);
	struct box *mailbox = &world->maybe.mailbox[m];
	struct number_set set = some_uids(world, mailbox);
	struct store_flags flags = { .system = throw(world, 32) };
	struct error error;
	for (size_t i = 0; i < mailbox->count; i++)
		if (number_set_contains(&set, mailbox->message[i].uid))
			mailbox->message[i].flags |= flags.system;
	conclude(world, store_flags_change(world->account, id_of(world, m),
		&set, STORE_ADD, &flags, UINT64_MAX, NULL, NULL, &error));
	number_set_fini(&set);
}

static void
take_out(struct box *mailbox, const struct number_set *set)
{
	size_t kept = 0;
	for (size_t i = 0; i < mailbox->count; i++)
		if (!number_set_contains(set, mailbox->message[i].uid))
			mailbox->message[kept++] = mailbox->message[i];
	mailbox->count = kept;
}

static void
operate_expunge(struct world *world)
{
	unsigned m = some_mailbox(world);
	struct box *mailbox = &world->maybe.mailbox[m];
	struct number_set set = { 0 };
	struct error error;
	if (throw(world, 2) == 0)
		set = some_uids(world, mailbox);
	else
		number_set_add(&set, 1, UINT32_MAX);
	take_out(mailbox, &set);
	conclude(world, store_expunge(world->account, id_of(world, m), &set,
		false, NULL, &error));
	number_set_fini(&set);
}

static void
operate_copy(struct world *world)
{
	unsigned f = some_mailbox(world), t = some_mailbox(world);
	struct box *from = &world->maybe.mailbox[f];
	struct box *to = &world->maybe.mailbox[t];
	struct number_set set = some_uids(world, from);
	bool is_move = f != t && throw(world, 2) == 0;
	struct error error;
	size_t count = from->count;
	if (to->count + count <= MESSAGES) {
		for (size_t i = 0; i < count; i++) {
			const struct item *old = &from->message[i];
			if (number_set_contains(&set, old->uid))
				add_message(to, old->text, old->flags);
		}
		if (is_move)
			take_out(from, &set);
		conclude(world, store_copy(world->account, id_of(world, f),
			&set, id_of(world, t), is_move, NULL, NULL, &error));
	}
	number_set_fini(&set);
}

static void
operate_annotate(struct world *world)
{
	unsigned m = some_mailbox(world);
	struct box *mailbox = &world->maybe.mailbox[m];
	char note[16];
	struct error error;
	if (mailbox->count == 0)
		return;
	struct item *message =
		&mailbox->message[throw(world, (unsigned)mailbox->count)];
	message->note = 1 + throw(world, 1000);
	snprintf(note, sizeof(note), "%" PRIu32, message->note);
	conclude(world, store_annotate(world->account, id_of(world, m),
		message->uid, span_from(note), &error));
}

static void
operate_mailbox(struct world *world)
{
	unsigned m = 1 + throw(world, MAILBOXES - 1);
	struct box *mailbox = &world->maybe.mailbox[m];
	struct span name = span_from(mailbox_names[m]);
	struct error error;
	uint32_t id;
	if (!mailbox->is_there) {
		*mailbox = (struct box){ .is_there = true, .uid_next = 1 };
		conclude(world, store_mailbox_create(world->account, name, 0,
			&id, &error));
	} else if (throw(world, 2) == 0) {
		retire(world, m);
		*mailbox = (struct box){ .is_there = false };
		conclude(world, store_mailbox_delete(world->account, name,
			&error));
	} else {
		unsigned to = 1 + throw(world, MAILBOXES - 1);
		if (world->now.mailbox[to].is_there)
			return;
		world->maybe.mailbox[to] = *mailbox;
		*mailbox = (struct box){ .is_there = false };
		conclude(world, store_mailbox_rename(world->account, name,
			span_from(mailbox_names[to]), &error));
	}
}

static const struct operation {
	char letter;
	unsigned weight;
	void (*run)(struct world *world);
} operations[] = {
	{ 'd', 3, operate_deliver }, { 'a', 6, operate_append },
	{ 'f', 3, operate_flags }, { 'e', 5, operate_expunge },
	{ 'c', 3, operate_copy }, { 'n', 1, operate_annotate },
	{ 'm', 3, operate_mailbox },
};

/* What is alive is written again, and what it was in removed: at once, or in
 * steps between which other things happen. */
static void
compact(struct world *world)
{
	size_t length = strlen(world->history);
	if (length + 2 < sizeof(world->history))
		world->history[length] = 'C';
	if (world->compacts_without >= 0)
		disk_skip_sync(world->disk, world->compacts_without);
	if (throw(world, 3) == 0)
		compact_now(world->account->account);
	else if (throw(world, 2) == 0)
		compact_begin(world->account->account);
	else
		compact_step(world->account->account);
	if (world->compacts_without >= 0)
		disk_skip_sync(world->disk, -1);
	rounds++;
}

static void
operate(struct world *world)
{
	unsigned total = 0, at;
	const struct operation *operation = operations;
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		total += operations[i].weight;
	for (at = throw(world, total); at >= operation->weight; operation++)
		at -= operation->weight;
	size_t length = strlen(world->history);
	if (length + 2 < sizeof(world->history))
		world->history[length] = operation->letter;
	world->maybe = world->now;
	operation->run(world);
	/* What the thread behind the store does now and then. */
	if (!disk_is_dead(world->disk) && throw(world, 4) == 0)
		op_see_to_space(world->account->account);
	if (!disk_is_dead(world->disk) && throw(world, 2) == 0)
		compact(world);
}

/* ---- the index's own disk ---- */

static int
remove_one(const char *path, const struct stat *status, int type,
	struct FTW *walk)
{
	(void)status;
	(void)type;
	return walk->level == 0 ? 0 : remove(path);
}

static void
copy_file(const char *from, const char *to, const char *name)
{
	char path[128], bytes[65536];
	size_t n;
	snprintf(path, sizeof(path), "%s/%s", from, name);
	FILE *in = fopen(path, "rb");
	if (in == NULL)
		return;
	snprintf(path, sizeof(path), "%s/%s", to, name);
	FILE *out = fopen(path, "wb");
	assert(out != NULL);
	while ((n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		assert(fwrite(bytes, 1, n, out) == n);
	fclose(in);
	assert(fclose(out) == 0);
}

static void
empty_directory(const char *path)
{
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
copy_index(const char *from, const char *to)
{
	empty_directory(to);
	copy_file(from, to, "index.db");
	copy_file(from, to, "index.db-wal");
}

/* As it was left, as it was once, or gone. */
static void
survive_index(struct world *world)
{
	switch (throw(world, 4)) {
	case 0:
		empty_directory(world->index);
		break;
	case 1:
		copy_index(world->old_index, world->index);
		break;
	case 2:
		copy_index(world->index, world->old_index);
		break;
	default:
		break;
	}
}

/* ---- lives ---- */

static bool
open_store(struct world *world)
{
	struct error error = { .text = "" };
	struct store_options options = { .segment_size = SEGMENT,
		.big_size = BIG, .wall_clock = fixed_clock };
	world->engine = disk_engine(world->disk);
	options.engine = world->engine;
	int result = store_open(&options, &world->store, &error);
	assert(result == 0);
	if (store_account_open(world->store, ALICE, ALICE,
			world->now.is_created ? 0 : STORE_CREATE,
			&world->account, &error) == 0) {
		world->now.is_created = true;
		return true;
	}
	if (!disk_is_dead(world->disk))
		snprintf(world->broken, sizeof(world->broken),
			"the account cannot be opened: %s", error.text);
	return false;
}

static void
close_store(struct world *world)
{
	store_account_close(&world->account);
	store_close(&world->store);
	world->engine->call->close(&world->engine);
}

/* The sender tries again what was not answered: it is there once. */
static void
retry_delivery(struct world *world)
{
	struct delivery delivery = world->delivery;
	world->delivery.is_there = false;
	if (!delivery.is_there || world->broken[0] != '\0' ||
		!world->now.mailbox[delivery.mailbox].is_there)
		return;
	struct box *mailbox = &world->now.mailbox[delivery.mailbox];
	bool is_stored = false;
	for (size_t i = 0; i < mailbox->count; i++)
		is_stored |= mailbox->message[i].text == delivery.text;
	enum store_verdict verdict = deliver(world, &delivery);
	if (verdict != (is_stored ? STORE_DUPLICATE : STORE_OK))
		broken(world, "a delivery tried again", verdict, is_stored);
	if (!is_stored)
		add_message(mailbox, delivery.text, 0);
}

/* A life: what is found is right, operations, and the power goes. */
static bool
live(struct world *world, unsigned operations_left, unsigned cut,
	unsigned fail)
{
	world->syncs_fail = false;
	if (open_store(world)) {
		check(world, "after the power came back");
		retry_delivery(world);
		enum disk_fault fault = throw(world, DISK_FAULT_COUNT);
		disk_fail_at(world->disk, fail, fault);
		disk_cut_at(world->disk, cut);
		world->syncs_fail = fail != 0 && fault == DISK_SYNCS_FAIL;
		while (operations_left-- > 0 && world->broken[0] == '\0' &&
			!disk_is_dead(world->disk) && !world->has_maybe)
			operate(world);
		if (world->broken[0] == '\0' && !disk_is_dead(world->disk) &&
			!world->has_maybe)
			check(world, "before the power went");
	}
	close_store(world);
	size_t length = strlen(world->history);
	snprintf(world->history + length, sizeof(world->history) - length,
		" (cut %u, fail %u) ", cut, fail);
	return world->broken[0] == '\0';
}

/* Sites of syncs; those from COMPACTING on are left out in compactions only. */
enum { COMPACTING = 100 };

static struct world *
world_new(uint64_t seed, int skip)
{
	struct world *world = memory_new(sizeof(*world));
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	world->seed = seed;
	world->disk = disk_new();
	disk_skip_sync(world->disk, skip < COMPACTING ? skip : -1);
	world->compacts_without = skip < COMPACTING ? -1 : skip - COMPACTING;
	world->now.mailbox[0] = (struct box){ .is_there = true,
		.uid_next = 1 };
	snprintf(world->index, sizeof(world->index), "%s/crash-XXXXXX", base);
	snprintf(world->old_index, sizeof(world->old_index), "%s/crash-XXXXXX",
		base);
	char *made = mkdtemp(world->index), *old = mkdtemp(world->old_index);
	assert(made != NULL && old != NULL);
	if (throw(world, 2) == 0)
		disk_set_cache(world->disk, world->index);
	return world;
}

static void
world_free(struct world **world)
{
	disk_free(&(*world)->disk);
	empty_directory((*world)->index);
	empty_directory((*world)->old_index);
	rmdir((*world)->index);
	rmdir((*world)->old_index);
	memory_free(*world);
	*world = NULL;
}

static void
replace_disk(struct world *world, struct disk *disk)
{
	disk_free(&world->disk);
	world->disk = disk;
}

/* Several lives; after each some survivors are only looked at. */
static bool
run(uint64_t seed, int skip, bool is_quiet)
{
	struct world *world = world_new(seed, skip);
	bool ok = true;
	for (int i = 0; i < LIVES && ok; i++) {
		unsigned count = throw(world, throw(world, 2) == 0 ? 6 : 30);
		ok = live(world, count, throw(world, 3 * count + 4),
			throw(world, 2) * throw(world, 6 * count + 1));
		states++;
		if (ok && !world->syncs_fail && throw(world, 6) == 0) {
			/* Only the process died: a life more before the cut. */
			disk_revive(world->disk);
			ok = live(world, throw(world, 3), 0, 0);
		}
		replace_disk(world, disk_survivor_random(world->disk,
			&world->seed));
		survive_index(world);
	}
	ok = ok && live(world, 0, 0, 0);
	if (!ok && !is_quiet)
		printf("seed %" PRIu64 ": %s\n  %s\n", seed, world->broken,
			world->history);
	world_free(&world);
	return ok;
}

static bool
runs(uint64_t count, uint64_t seed, int skip, bool is_quiet)
{
	for (uint64_t i = 0; i < count; i++)
		if (!run(seed + i, skip, is_quiet))
			return false;
	if (!is_quiet)
		printf("%" PRIu64 " runs, %" PRIu64 " crashes, %" PRIu64
			" compactions, all right\n", count, states, rounds);
	return true;
}

/* Those that every run passes; all of them are log.c's business. */
static bool
mutants(uint64_t seed)
{
	static const struct {
		int site;
		const char *name;
	} cases[] = {
		{ FILES_SYNC_SEGMENT, "segment" }, { FILES_SYNC_BODY, "body" },
		{ FILES_SYNC_LOG_NAME, "name in log" },
		{ FILES_SYNC_BODY_NAME, "name in big" },
		{ FILES_SYNC_ALL, "all after a death" },
		{ COMPACTING + FILES_SYNC_SEGMENT, "segment, compacting" },
		{ COMPACTING + FILES_SYNC_LOG_NAME, "name in log, compacting" },
	};
	bool ok = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = !runs(MUTANT_RUNS, seed, cases[i].site,
			true);
		printf("without the sync of %s: %s\n", cases[i].name,
			found ? "found" : "NOT FOUND");
		ok = ok && found;
	}
	return ok;
}

int
main(int argc, char **argv)
{
	uint64_t count = 400, seed = 1;
	if ((argc > 1 && !span_to_number(span_from(argv[1]), 1000000000,
			&count)) || (argc > 2 && !span_to_number(
			span_from(argv[2]), UINT64_MAX, &seed))) {
		fprintf(stderr, "usage: crash-store [RUNS [SEED]]\n");
		return 2;
	}
	log_set_level(LOG_ERROR);
	bool ok = runs(count, seed, -1, false);
	ok = mutants(seed) && ok;
	return ok ? 0 : 1;
}
