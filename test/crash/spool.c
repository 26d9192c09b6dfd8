/*
 * The spool on a disk that dies (disk.h): after every crash it holds what was
 * accepted and not finished, with its recipients as the last change that was
 * answered left them, or as the one under way would; a client that sends again
 * what it got no answer for, or what was delivered long before, makes no second
 * message.
 *
 * usage: crash-spool [RUNS [SEED]]
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "disk.h"
#include "queue/spool.h"
#include "store/compact.h"
#include "store/store.h"

enum {
	MESSAGES = 100, RECIPIENTS = 3, LIVES = 4, SEGMENT = 8192, BIG = 12000,
	BODY_MOST = 14000, TEXT_ROOM = 8192,
};

/* id is its number; the transaction is made from it. */
struct message {
	bool is_there;
	size_t recipients;
	unsigned attempts[RECIPIENTS];
	bool is_done[RECIPIENTS];
};

struct model {
	struct message message[MESSAGES];
	unsigned count;		/* numbers given so far */
};

struct world {
	struct disk *disk;
	struct engine *engine;
	struct store *store;
	struct spool spool;
	struct arena arena;
	struct model now, maybe;
	bool has_maybe, adds;	/* adds: the last message is being added */
	bool syncs_fail;
	int compacts_without;	/* a sync left out while it compacts; -1: none */
	uint64_t seed;
	char broken[200];
};

static uint64_t crashes, rounds;

static unsigned
throw(struct world *world, unsigned sides)
{
	return (unsigned)(disk_random(&world->seed) % sides);
}

static int64_t
fixed_wall(void)
{
	return 1790000000000;
}

static int64_t
fixed_monotonic(void)
{
	return 5000000;
}

static void
back_off(void *context, int64_t *minimal, int64_t *maximal)
{
	(void)context;
	*minimal = 300000;
	*maximal = 4000000;
}

static void
wake(void *context)
{
	(void)context;
}

static void
broken(struct world *world, const char *what, unsigned detail)
{
	if (world->broken[0] == '\0')
		snprintf(world->broken, sizeof(world->broken), "%s (%u)", what,
			detail);
}

/* ---- what is in a message ---- */

static size_t
body_of(unsigned number, char out[BODY_MOST])
{
	static const size_t sizes[] = { 40, 2500, 9000, BODY_MOST };
	size_t size = sizes[number % 4];
	for (size_t i = 0; i < size; i++)
		out[i] = (char)('a' + (number + i * i) % 26);
	return size;
}

/* Every other one goes to other hosts: each recipient is a message of the spool,
 * and they share the body. */
static bool
is_split(unsigned number)
{
	return number % 2 == 1;
}

static enum spool_verdict
add(struct world *world, unsigned number, size_t recipients)
{
	static char text[BODY_MOST];
	struct recipient recipient[RECIPIENTS] = { 0 };
	struct error error;
	struct mail_body body;
	struct envelope envelope = { .arrival = fixed_wall(),
		.sender = SPAN("bob@x"), .body = SPAN("8bitmime"),
		.recipient = recipient, .count = recipients };
	envelope.id = arena_print(&world->arena, "m%u", number);
	memcpy(envelope.scope.trace, envelope.id.data, envelope.id.size);
	memcpy(envelope.transaction, &number, sizeof(number));
	for (unsigned i = 0; i < recipients; i++)
		recipient[i] = is_split(number) ? (struct recipient){
			.to = arena_print(&world->arena, "r%u@d%u", i, i),
			.state = RECIPIENT_RELAY } : (struct recipient){
			.to = arena_print(&world->arena, "r%u@x", i),
			.is_local = true, .account = 7 };
	mail_body_init(&body, -1);
	int result = mail_body_add(&body, span_of(text, body_of(number, text)),
		&error);
	assert(result == 0);
	enum spool_verdict verdict = spool_add(&world->spool, &envelope, &body,
		&world->arena, NULL, &error);
	mail_body_fini(&body);
	return verdict;
}

/* ---- beside the model ---- */

static size_t
left_of(const struct message *message)
{
	size_t left = 0;
	for (size_t i = 0; i < message->recipients; i++)
		left += !message->is_done[i];
	return left;
}

/* "m1:r0=2 m1:r2=0 m2:..." in the order of arrival. */
static void
say_model(const struct model *model, struct buffer *out)
{
	buffer_clear(out);
	for (unsigned number = 0; number < model->count; number++) {
		const struct message *message = &model->message[number];
		if (!message->is_there)
			continue;
		for (size_t i = 0; i < message->recipients; i++)
			if (!message->is_done[i])
				buffer_print(out, "m%u:r%zu=%u ", number, i,
					message->attempts[i]);
	}
}

static int
say_one(void *context, const struct spool_message *message)
{
	struct buffer *out = context;
	struct span id = span_from(message->id);
	id = span_first(id, span_find(id, '-'));
	if (message->envelope == NULL) {
		buffer_print(out, "%s:damaged ", message->id);
		return 0;
	}
	for (size_t i = 0; i < message->envelope->count; i++) {
		const struct recipient *recipient =
			&message->envelope->recipient[i];
		struct span name = span_first(recipient->to,
			span_find(recipient->to, '@'));
		buffer_print(out, "%.*s:%.*s=%u ", SPAN_PRINT(id),
			SPAN_PRINT(name), recipient->attempts);
	}
	return 0;
}

static void
check_body(struct world *world, unsigned number, const struct store_body *body)
{
	static char want[BODY_MOST], is[BODY_MOST];
	struct error error;
	size_t size = body_of(number, want);
	if (body->size != size ||
		store_body_read(body, 0, is, size, &error) < 0 ||
		memcmp(want, is, size) != 0)
		broken(world, "a body differs", number);
}

/* Takes a message (of a split one: that of this recipient), reads it. */
static struct queued *
take(struct world *world, unsigned number, unsigned which,
	struct envelope *envelope)
{
	char id[24];
	struct queued *row;
	struct store_body body;
	struct error error;
	if (is_split(number) && which > 0)
		snprintf(id, sizeof(id), "m%u-%u", number, which + 1);
	else
		snprintf(id, sizeof(id), "m%u", number);
	if (spool_take(&world->spool, span_from(id), &row) != SPOOL_TAKEN) {
		broken(world, "a message cannot be taken", number);
		return NULL;
	}
	if (spool_read(&world->spool, row, &world->arena, envelope, &body,
			&error) != 0) {
		if (!disk_is_dead(world->disk))
			broken(world, "a message cannot be read", number);
		spool_put_back(&world->spool, &row);
		return NULL;
	}
	check_body(world, number, &body);
	store_body_close(&body);
	return row;
}

static void
check_bodies(struct world *world)
{
	for (unsigned number = 0; number < world->now.count; number++) {
		struct envelope envelope;
		const struct message *message = &world->now.message[number];
		if (!message->is_there)
			continue;
		for (unsigned i = 0; i < (is_split(number) ?
			message->recipients : 1); i++) {
			if (is_split(number) && message->is_done[i])
				continue;
			struct queued *row = take(world, number, i, &envelope);
			if (row != NULL)
				spool_put_back(&world->spool, &row);
		}
	}
}

static void
check(struct world *world, const char *when)
{
	struct buffer is, want;
	struct error error;
	buffer_init(&is, TEXT_ROOM);
	buffer_init(&want, TEXT_ROOM);
	if (spool_visit(&world->spool, say_one, &is, &error) < 0)
		broken(world, "the spool cannot be read", 0);
	say_model(&world->now, &want);
	if (world->has_maybe && !span_equals(buffer_span(&is),
			buffer_span(&want))) {
		say_model(&world->maybe, &want);
		world->now = world->maybe;
	}
	if (!span_equals(buffer_span(&is), buffer_span(&want)) &&
		world->broken[0] == '\0')
		snprintf(world->broken, sizeof(world->broken),
			"%s: found %.80s, expected %.80s", when,
			buffer_string(&is), buffer_string(&want));
	buffer_fini(&is);
	buffer_fini(&want);
	if (world->broken[0] == '\0')
		check_bodies(world);
}

/* The client sends again: what it had no answer for, or what is long done. */
static void
send_again(struct world *world)
{
	struct model *now = &world->now;
	if (world->has_maybe && world->adds) {
		unsigned number = world->maybe.count - 1;
		struct message *message = &now->message[number];
		bool is_there = now->count > number && message->is_there;
		size_t recipients = world->maybe.message[number].recipients;
		enum spool_verdict verdict = add(world, number, recipients);
		if (verdict != (is_there ? SPOOL_DUPLICATE : SPOOL_OK))
			broken(world, "sent again after no answer", verdict);
		*now = world->maybe;
	}
	world->has_maybe = world->adds = false;
	if (now->count > 0) {
		unsigned number = throw(world, now->count);
		/* A number that was refused was never answered with OK. */
		if (now->message[number].recipients > 0 &&
			add(world, number, now->message[number].recipients) !=
			SPOOL_DUPLICATE)
			broken(world, "a second message", number);
	}
}

/* ---- operations ---- */

static void
conclude(struct world *world, bool is_done)
{
	if (is_done)
		world->now = world->maybe;
	else
		world->has_maybe = disk_is_dead(world->disk) ||
			world->syncs_fail;
}

static void
operate_add(struct world *world)
{
	unsigned number = world->maybe.count++;
	struct message *message = &world->maybe.message[number];
	*message = (struct message){ .is_there = true,
		.recipients = 1 + throw(world, RECIPIENTS) };
	enum spool_verdict verdict = add(world, number, message->recipients);
	conclude(world, verdict == SPOOL_OK);
	world->adds = world->has_maybe;
	if (verdict == SPOOL_OK || world->has_maybe)
		return;
	if (verdict == SPOOL_DUPLICATE)
		broken(world, "a new message is called old", number);
	/* The number is not used again. */
	world->now.count++;
	world->now.message[number] = (struct message){ .is_there = false };
}

/* An attempt: some recipients are done, some have to wait. */
static void
operate_settle(struct world *world)
{
	struct envelope envelope;
	struct error error;
	unsigned number = throw(world, world->now.count + 1);
	struct message *message = &world->maybe.message[number];
	if (number == world->now.count || !message->is_there)
		return;
	unsigned part = throw(world, (unsigned)message->recipients);
	if (is_split(number) && message->is_done[part])
		return;
	struct queued *row = take(world, number, part, &envelope);
	if (row == NULL)
		return;
	for (size_t i = 0; i < envelope.count; i++) {
		struct recipient *recipient = &envelope.recipient[i];
		unsigned which = (unsigned)(recipient->to.data[1] - '0');
		if (throw(world, 2) == 0) {
			recipient->state = RECIPIENT_DONE;
			message->is_done[which] = true;
		} else {
			recipient->attempts++;
			message->attempts[which]++;
		}
	}
	message->is_there = left_of(message) > 0;
	conclude(world, spool_settle(&world->spool, &row, &envelope,
		&error) == 0);
}

static void
operate_remove(struct world *world)
{
	struct envelope envelope;
	struct error error;
	unsigned number = throw(world, world->now.count + 1);
	struct message *message = &world->maybe.message[number];
	if (number == world->now.count || !message->is_there)
		return;
	unsigned part = throw(world, (unsigned)message->recipients);
	if (is_split(number) && message->is_done[part])
		return;
	struct queued *row = take(world, number, part, &envelope);
	if (row == NULL)
		return;
	message->is_done[part] = true;
	message->is_there = is_split(number) && left_of(message) > 0;
	conclude(world, spool_remove(&world->spool, &row, &error) == 0);
}

/* The spool's segments of which little is alive are written again, at once or
 * in steps between which other things happen. */
static void
compact(struct world *world)
{
	struct store_account *account = NULL;
	struct error error;
	if (store_account_open(world->store, SPOOL_ACCOUNT, SPOOL_ACCOUNT, 0,
			&account, &error) < 0)
		return;
	if (world->compacts_without >= 0)
		disk_skip_sync(world->disk, world->compacts_without);
	if (throw(world, 3) == 0)
		compact_now(account->account);
	else if (throw(world, 2) == 0)
		compact_begin(account->account);
	else
		compact_step(account->account);
	if (world->compacts_without >= 0)
		disk_skip_sync(world->disk, -1);
	store_account_close(&account);
	rounds++;
}

static void
operate(struct world *world)
{
	world->maybe = world->now;
	unsigned what = throw(world, 8);
	if (what < 4 && world->now.count < MESSAGES - 1)
		operate_add(world);
	else if (what < 7)
		operate_settle(world);
	else
		operate_remove(world);
	if (!disk_is_dead(world->disk) && throw(world, 2) == 0)
		compact(world);
}

/* ---- lives ---- */

static bool
open_spool(struct world *world)
{
	struct error error = { .text = "" };
	world->engine = disk_engine(world->disk);
	const struct store_options store = { .engine = world->engine,
		.segment_size = SEGMENT, .big_size = BIG,
		.wall_clock = fixed_wall };
	int result = store_open(&store, &world->store, &error);
	assert(result == 0);
	const struct spool_options spool = { .store = world->store,
		.back_off = back_off, .wall = fixed_wall,
		.monotonic = fixed_monotonic, .wake = wake };
	if (spool_open(&world->spool, &spool, &error) == 0)
		return true;
	snprintf(world->broken, sizeof(world->broken),
		"the spool cannot be opened: %.150s", error.text);
	return false;
}

static bool
live(struct world *world, unsigned operations_left, unsigned cut,
	unsigned fail)
{
	enum disk_fault fault = throw(world, DISK_FAULT_COUNT);
	arena_init(&world->arena, 0);
	world->syncs_fail = false;
	if (open_spool(world)) {
		check(world, "after a crash");
		if (world->broken[0] == '\0')
			send_again(world);
		disk_fail_at(world->disk, fail, fault);
		disk_cut_at(world->disk, cut);
		world->syncs_fail = fail != 0 && fault == DISK_SYNCS_FAIL;
		while (operations_left-- > 0 && world->broken[0] == '\0' &&
			!disk_is_dead(world->disk) && !world->has_maybe)
			operate(world);
		if (world->broken[0] == '\0' && !disk_is_dead(world->disk) &&
			!world->has_maybe)
			check(world, "before a crash");
		spool_close(&world->spool);
	}
	store_close(&world->store);
	world->engine->call->close(&world->engine);
	arena_fini(&world->arena);
	return world->broken[0] == '\0';
}

/* Sites of syncs; those from COMPACTING on are left out in compactions only. */
enum { COMPACTING = 100 };

static bool
run(uint64_t seed, int skip, bool is_quiet)
{
	struct world *world = memory_new(sizeof(*world));
	bool ok = true;
	world->seed = seed;
	world->disk = disk_new();
	disk_skip_sync(world->disk, skip < COMPACTING ? skip : -1);
	world->compacts_without = skip < COMPACTING ? -1 : skip - COMPACTING;
	for (int i = 0; i < LIVES && ok; i++) {
		unsigned count = throw(world, 20);
		ok = live(world, count, throw(world, 4 * count + 4),
			throw(world, 2) * throw(world, 6 * count + 1));
		crashes++;
		if (ok && !world->syncs_fail && throw(world, 6) == 0) {
			disk_revive(world->disk);
			ok = live(world, throw(world, 3), 0, 0);
		}
		struct disk *survivor = disk_survivor_random(world->disk,
			&world->seed);
		disk_free(&world->disk);
		world->disk = survivor;
	}
	ok = ok && live(world, 0, 0, 0);
	if (!ok && !is_quiet)
		printf("seed %" PRIu64 ": %s\n", seed, world->broken);
	disk_free(&world->disk);
	memory_free(world);
	return ok;
}

static bool
runs(uint64_t count, uint64_t seed, int skip, bool is_quiet)
{
	for (uint64_t i = 0; i < count; i++)
		if (!run(seed + i, skip, is_quiet))
			return false;
	return true;
}

int
main(int argc, char **argv)
{
	uint64_t count = 300, seed = 1;
	if ((argc > 1 && !span_to_number(span_from(argv[1]), 1000000000,
			&count)) || (argc > 2 && !span_to_number(
			span_from(argv[2]), UINT64_MAX, &seed))) {
		fprintf(stderr, "usage: crash-spool [RUNS [SEED]]\n");
		return 2;
	}
	log_set_level(LOG_ERROR);
	bool ok = runs(count, seed, -1, false);
	if (ok)
		printf("%" PRIu64 " runs, %" PRIu64 " crashes, %" PRIu64
			" compactions, all right\n", count, crashes, rounds);
	bool found = !runs(count, seed, FILES_SYNC_SEGMENT, true);
	printf("without the sync of segment: %s\n",
		found ? "found" : "NOT FOUND");
	bool too = !runs(count, seed, COMPACTING + FILES_SYNC_SEGMENT, true);
	printf("without the sync of segment, compacting: %s\n",
		too ? "found" : "NOT FOUND");
	return ok && found && too ? 0 : 1;
}
