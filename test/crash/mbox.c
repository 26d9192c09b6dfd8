/*
 * A mailbox of the mbox format on a disk that dies (disk.h): after every crash
 * it holds what was acknowledged, with the flags it was given, and what was
 * under way entirely or not at all; never a part of a message. Another program
 * delivers between the crash and the next start, too.
 *
 * usage: crash-mbox [RUNS [SEED]]
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "disk.h"
#include "store/mbox_inside.h"

enum { MESSAGES = 60, LIVES = 5, BODY_MOST = 3000, IDENTITY = 7 };

/* A message is its number; its body follows from that. */
struct message {
	unsigned number;
	uint64_t flags;
	bool is_others;		/* written by another program */
};

struct model {
	struct message message[MESSAGES];
	size_t count;
};

struct world {
	struct disk *disk;
	struct files_calls calls;
	int fd;
	struct format *format;
	struct format_folder *folder;
	struct format_scan scan;
	struct model now, maybe;
	bool has_maybe, syncs_fail, fails;
	unsigned numbers;
	uint64_t seed;
	char broken[200];
};

static uint64_t crashes, arrivals;

static unsigned
throw(struct world *world, unsigned sides)
{
	return (unsigned)(disk_random(&world->seed) % sides);
}

static void
wire_of(unsigned number, struct buffer *out)
{
	static const unsigned sizes[] = { 5, 300, 1200, BODY_MOST };
	buffer_init(out, 0);
	buffer_print(out, "Subject: %u\r\n\r\n", number);
	unsigned size = sizes[number % 4];
	for (unsigned i = 0; i < size; i += 30)
		buffer_print(out, "%sline %u of %u\r\n",
			i % 90 == 60 ? "From \r\n\r\n" : "", i, number);
}

/* ---- a life ---- */

static bool
begin(struct world *world)
{
	const struct format_location location = { .root = "/nowhere",
		.inbox = "/nowhere/inbox", .state = "/nowhere" };
	struct format_location here = location;
	struct error error;
	world->calls = disk_files(world->disk);
	here.inbox_fd = world->fd = world->calls.open(world->calls.context,
		"inbox", O_CREAT);
	assert(world->fd >= 0);
	world->format = format_mbox_new_on(&here, &world->calls, IDENTITY);
	int result = world->format->call->open(world->format, SPAN("INBOX"),
		&world->folder, &error);
	assert(result == 0);
	return true;
}

static void
end(struct world *world, bool is_clean)
{
	struct format_mbox *mbox = (struct format_mbox *)world->format;
	world->format->call->close(&world->folder);
	/* A process that is killed tidies nothing up. */
	for (struct mbox_mark *mark = mbox->marks.first; mark != NULL &&
		!is_clean; mark = mark->next)
		mark->is_doubtful = true;
	world->format->call->free(&world->format);
	world->calls.close(world->calls.context, world->fd);
}

static bool
lock(struct world *world)
{
	struct error error;
	if (world->format->call->lock(world->folder, clock_monotonic() + 100,
			&error) == 0)
		return true;
	if (!disk_is_dead(world->disk) && !world->fails)
		snprintf(world->broken, sizeof(world->broken),
			"cannot be locked: %.150s", error.text);
	return false;
}

static bool
look(struct world *world)
{
	struct error error;
	if (world->format->call->scan(world->folder, &world->scan,
			&error) == 0)
		return true;
	snprintf(world->broken, sizeof(world->broken), "scan: %.150s",
		error.text);
	return false;
}

/* ---- beside the model ---- */

static bool
is_message(struct world *world, size_t index, const struct message *message)
{
	const struct format_entry *entry = &world->scan.entry[index];
	struct buffer is, want;
	struct error error;
	buffer_init(&is, 0);
	wire_of(message->number, &want);
	bool ok = world->format->call->read(world->folder, entry, &is,
		&error) == 0 && span_equals(buffer_span(&is),
		buffer_span(&want)) && entry->flags == message->flags;
	buffer_fini(&is);
	buffer_fini(&want);
	return ok;
}

static bool
is_model(struct world *world, const struct model *model)
{
	if (model->count != world->scan.count)
		return false;
	for (size_t i = 0; i < model->count; i++)
		if (!is_message(world, i, &model->message[i]))
			return false;
	return true;
}

/* Each message has its old flags or its new ones. */
static bool
is_between(struct world *world)
{
	struct model *now = &world->now, *maybe = &world->maybe;
	if (now->count != maybe->count || now->count != world->scan.count)
		return false;
	for (size_t i = 0; i < now->count; i++) {
		if (is_message(world, i, &now->message[i]))
			continue;
		if (!is_message(world, i, &maybe->message[i]))
			return false;
		now->message[i] = maybe->message[i];
	}
	return true;
}

static void
say(struct world *world, const char *when)
{
	struct buffer out;
	buffer_init(&out, 180);
	buffer_print(&out, "%s: found %zu, expected %zu", when,
		world->scan.count, world->now.count);
	if (world->has_maybe)
		buffer_print(&out, " or %zu", world->maybe.count);
	for (size_t i = 0; i < world->scan.count; i++)
		buffer_print(&out, " %" PRIu64, world->scan.entry[i].size);
	snprintf(world->broken, sizeof(world->broken), "%s",
		buffer_string(&out));
	buffer_fini(&out);
}

static void
check(struct world *world, const char *when)
{
	if (!lock(world))
		return;
	if (look(world)) {
		if (world->has_maybe && is_model(world, &world->maybe))
			world->now = world->maybe;
		else if (!is_model(world, &world->now) &&
			!(world->has_maybe && is_between(world)))
			say(world, when);
		world->has_maybe = false;
	}
	world->format->call->unlock(world->folder);
}

/* ---- what others do ---- */

/* A delivery by another program, which knows nothing of what a crash left. */
static void
others_deliver(struct world *world)
{
	struct model *models[2] = { &world->now, &world->maybe };
	struct buffer text, wire;
	struct files_calls calls = disk_files(world->disk);
	int fd = calls.open(calls.context, "inbox", 0);
	if (fd < 0 || world->now.count >= MESSAGES - 3)
		return;
	unsigned number = world->numbers++;
	uint64_t size = (uint64_t)lseek(fd, 0, SEEK_END);
	buffer_init(&text, 0);
	buffer_add_string(&text, "From x@y Sun Nov 22 16:30:35 2026\n");
	wire_of(number, &wire);
	for (size_t i = 0; i < wire.size; i++)
		if (wire.data[i] != '\r')
			buffer_add_byte(&text, wire.data[i]);
	buffer_add_byte(&text, '\n');
	const struct mbox_file file = { &calls, fd, 1, IDENTITY };
	struct error error;
	int result = mbox_file_write(&file, fd, buffer_span(&text), size,
		&error);
	if (result == 0)
		result = calls.sync(calls.context, fd, FILES_SYNC_ALL, &error);
	assert(result == 0);
	for (int i = 0; i < 2; i++)
		models[i]->message[models[i]->count++] = (struct message){
			.number = number, .is_others = true };
	arrivals++;
	calls.close(calls.context, fd);
	buffer_fini(&text);
	buffer_fini(&wire);
}

/* ---- operations ---- */

static void
conclude(struct world *world, int result)
{
	if (result == 0)
		world->now = world->maybe;
	else
		world->has_maybe = true;
}

static void
operate_append(struct world *world, size_t count)
{
	struct store_message_new message[3] = { { .internal_date = 0 } };
	struct store_piece piece[3];
	struct buffer wire[3];
	uint8_t keys[3][FORMAT_KEY_SIZE];
	struct error error;
	for (size_t i = 0; i < count; i++) {
		unsigned number = world->numbers++;
		uint32_t flags = throw(world, 4);
		wire_of(number, &wire[i]);
		piece[i] = (struct store_piece){
			.bytes = buffer_span(&wire[i]) };
		message[i] = (struct store_message_new){ .piece = &piece[i],
			.piece_count = 1, .flags.system = flags,
			.internal_date = 1795365035 };
		world->maybe.message[world->maybe.count++] =
			(struct message){ .number = number, .flags = flags };
	}
	conclude(world, world->format->call->append(world->folder, message,
		count, keys, &error));
	for (size_t i = 0; i < count; i++)
		buffer_fini(&wire[i]);
}

static void
operate_flags(struct world *world)
{
	static const struct span keyword[] = { SPAN("Work"),
		SPAN("a-keyword-that-needs-more-room-than-there-is") };
	struct format_flags change[MESSAGES];
	struct error error;
	size_t count = 0;
	for (size_t i = 0; i < world->now.count; i++) {
		if (throw(world, 3) > 0)
			continue;
		uint64_t flags = throw(world, 32);
		if (throw(world, 12) == 0)
			flags |= UINT64_C(3) << FORMAT_KEYWORD_SHIFT;
		change[count++] = (struct format_flags){ i, flags };
		world->maybe.message[i].flags = flags;
	}
	conclude(world, world->format->call->set_flags(world->folder, change,
		count, keyword, 2, &error));
}

static void
operate_expunge(struct world *world)
{
	size_t entries[MESSAGES], count = 0;
	struct error error;
	world->maybe.count = 0;
	for (size_t i = 0; i < world->now.count; i++) {
		if (throw(world, 3) == 0)
			entries[count++] = i;
		else
			world->maybe.message[world->maybe.count++] =
				world->now.message[i];
	}
	conclude(world, world->format->call->expunge(world->folder, entries,
		count, &error));
}

static void
operate(struct world *world)
{
	if (!lock(world))
		return;
	if (!look(world)) {
		world->format->call->unlock(world->folder);
		return;
	}
	world->maybe = world->now;
	unsigned what = throw(world, 8);
	bool has_room = world->now.count < MESSAGES - 10;
	if (what < 3 && has_room)
		operate_append(world, 1);
	else if (what == 3 && has_room)
		operate_append(world, 1 + throw(world, 3));
	else if (what < 6)
		operate_flags(world);
	else
		operate_expunge(world);
	world->format->call->unlock(world->folder);
}

/* ---- lives ---- */

static bool
live(struct world *world, unsigned operations_left, unsigned cut,
	unsigned fail)
{
	enum disk_fault fault = throw(world, DISK_FAULT_COUNT);
	begin(world);
	world->syncs_fail = world->fails = false;
	check(world, "after a crash");
	disk_fail_at(world->disk, fail, fault);
	/* A disk that is full in the middle of a sector that is there already,
	 * and a power cut before it is put back, are too much at once. */
	disk_cut_at(world->disk, fail != 0 && fault == DISK_FULL ? 0 : cut);
	world->fails = fail != 0;
	world->syncs_fail = fail != 0 && fault != DISK_FULL;
	while (operations_left-- > 0 && world->broken[0] == '\0' &&
		!disk_is_dead(world->disk)) {
		/* What failed has happened or not; after a sync that failed
		 * only the next start can tell. */
		if (world->has_maybe && world->syncs_fail)
			break;
		if (world->has_maybe)
			check(world, "after an error");
		if (world->broken[0] == '\0' && !world->has_maybe)
			operate(world);
	}
	if (world->broken[0] == '\0' && !disk_is_dead(world->disk) &&
		!(world->has_maybe && world->syncs_fail))
		check(world, "before a crash");
	end(world, !disk_is_dead(world->disk) && throw(world, 2) == 0);
	return world->broken[0] == '\0';
}

static bool
run(uint64_t seed, int skip, bool is_quiet)
{
	struct world *world = memory_new(sizeof(*world));
	bool ok = true;
	world->seed = seed;
	world->disk = disk_new();
	disk_make_file(world->disk, "inbox");
	disk_skip_sync(world->disk, skip);
	for (int i = 0; i < LIVES && ok; i++) {
		unsigned count = throw(world, 12);
		ok = live(world, count, throw(world, 6 * count + 4),
			throw(world, 2) * throw(world, 6 * count + 1));
		crashes++;
		struct disk *survivor = disk_survivor_random(world->disk,
			&world->seed);
		disk_free(&world->disk);
		world->disk = survivor;
		if (ok && throw(world, 3) == 0)
			others_deliver(world);
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
	static const struct {
		int site;
		const char *name;
	} sites[] = {
		{ MBOX_SYNC_APPEND, "append" }, { MBOX_SYNC_FLAGS, "flags" },
		{ MBOX_SYNC_INTENT, "intent" },
		{ MBOX_SYNC_INTENT_NAME, "intent-name" },
		{ MBOX_SYNC_CHANGE, "change" },
		{ MBOX_SYNC_INTENT_GONE, "intent-gone" },
		{ MBOX_SYNC_TAIL, "tail" }, { MBOX_SYNC_TAIL_NAME, "tail-name" },
	};
	uint64_t count = 300, seed = 1;
	if ((argc > 1 && !span_to_number(span_from(argv[1]), 1000000000,
			&count)) || (argc > 2 && !span_to_number(
			span_from(argv[2]), UINT64_MAX, &seed))) {
		fprintf(stderr, "usage: crash-mbox [RUNS [SEED]]\n");
		return 2;
	}
	setenv("TZ", "UTC", 1);
	tzset();
	log_set_level(LOG_ERROR);
	bool ok = runs(count, seed, -1, false);
	if (ok)
		printf("%" PRIu64 " runs, %" PRIu64 " crashes, %" PRIu64
			" deliveries of others, all right\n", count, crashes,
			arrivals);
	for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
		bool found = !runs(count, seed, sites[i].site, true);
		printf("without the sync of %s: %s\n", sites[i].name,
			found ? "found" : "NOT FOUND");
		ok &= found;
	}
	return ok ? 0 : 1;
}
