/*
 * The log on a disk that dies: engine_files and the real recovery over disk.h.
 *
 * Short runs: a script of operations is cut at every call, alone and with a
 * failure at every call before, and every state (or many) that the disk can be
 * found in is recovered, checked, written to again, cut again and checked again.
 * Long runs: the same with drawn scripts, faults and cuts, several lives each.
 * Mutants: each sync of the engine is left out in turn; the runs above must
 * find something missing.
 *
 * usage: crash-log [LONG-RUNS [SEED]]; with a number also more states of short
 * runs are tried.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "disk.h"
#include "store/log.h"

enum {
	ACCOUNT = 0x42, SEGMENT = 4096, GROUP_MOST = 3, BODY_SIZE = 1500,
	ATTEMPT_LIMIT = 256, SCRIPT_ROOM = 32,
	FAULT_STATES = 12,	/* drawn when a failure is tried too */
	MUTANT_LONG_RUNS = 4000,
};

/* With the flags of a group: it is written in two parts; or has no end. */
enum { IN_PARTS = 0x4000, NO_END = 0x2000 };

enum outcome { NOT_THERE, THERE, UNKNOWN };

/* A group somebody tried to append. */
struct attempt {
	uint32_t first, count;
	enum outcome outcome;
	bool is_state;
	uint64_t body;		/* 0: none */
	uint64_t segment;	/* 0 unless THERE for certain and known */
};

/* What must be found. */
struct model {
	struct attempt attempt[ATTEMPT_LIMIT];
	uint32_t attempts, next;
	uint64_t removed;	/* segments up to this may be missing */
	bool is_deleted, deleted_unknown;
};

struct world {
	struct disk *disk;
	struct engine *engine;
	struct log *log;
	struct model model;
	bool syncs_fail;	/* a refused group may not have been cut off */
	const char *broken;	/* what was found wrong, or NULL */
	char detail[200];
};

static uint64_t all_states = 100;	/* up to so many are all tried, else drawn */
static uint64_t survivors;	/* looked at so far */
static const char *last_broken = "";	/* of the latest life that went wrong */

static int64_t
fixed_clock(void)
{
	return 1700000000000;
}

static bool
broken(struct world *world, const char *what, uint64_t detail)
{
	if (world->broken == NULL) {
		last_broken = world->broken = what;
		snprintf(world->detail, sizeof(world->detail), "%" PRIu64,
			detail);
	}
	return false;
}

/* ---- writing ---- */

/* Bytes of record i of an attempt: numbers, then filler of a size of its own. */
static size_t
compose(const struct attempt *attempt, uint32_t id, uint32_t i, uint64_t body,
	size_t filler, char out[4000])
{
	uint64_t words[5] = { id, attempt->first + i, i, body, filler };
	memcpy(out, words, sizeof(words));
	for (size_t k = 0; k < filler; k++)
		out[sizeof(words) + k] = (char)(id * 7 + i + k);
	return sizeof(words) + filler;
}

static void
compose_body(uint32_t id, char out[BODY_SIZE])
{
	for (size_t i = 0; i < BODY_SIZE; i++)
		out[i] = (char)(id * 31 + i * 3);
}

static int
make_body(struct world *world, uint32_t id, uint64_t *number)
{
	struct error error;
	struct log_position position;
	char body[BODY_SIZE];
	struct iovec piece = { body, BODY_SIZE };
	compose_body(id, body);
	if (log_body_create(world->log, &piece, 1, &position, &error) < 0)
		return -1;
	*number = position.offset;
	return 0;
}

/* What was refused before can never come back after this. */
static void
acknowledge(struct model *model, struct attempt *attempt)
{
	for (uint32_t id = 0; id < model->attempts; id++)
		if (model->attempt[id].outcome == UNKNOWN)
			model->attempt[id].outcome = NOT_THERE;
	attempt->outcome = THERE;
	model->next += attempt->count;
}

static int
append_records(struct world *world, struct log_record *record, uint32_t count,
	struct span head, uint16_t flags, struct error *error)
{
	uint32_t first = flags & IN_PARTS ? 1 : 0;
	if (first > 0 && log_append_part(world->log, record, first, error) < 0)
		return -1;
	if (flags & NO_END) {
		log_drop_parts(world->log);
		return -1;
	}
	return log_append(world->log, record + first, count - first, head,
		error);
}

static void
append(struct world *world, uint32_t count, size_t filler, uint16_t flags,
	bool with_body)
{
	struct model *model = &world->model;
	struct error error;
	static char bytes[GROUP_MOST][4000];
	struct iovec piece[GROUP_MOST];
	struct log_record record[GROUP_MOST];
	char head[64];
	uint32_t id = model->attempts;
	assert(id < ATTEMPT_LIMIT && count <= GROUP_MOST);
	struct attempt *attempt = &model->attempt[model->attempts++];
	*attempt = (struct attempt){ .first = model->next, .count = count,
		.is_state = flags & LOG_STATE_END };
	if (with_body && make_body(world, id, &attempt->body) < 0)
		return;
	for (uint32_t i = 0; i < count; i++) {
		piece[i] = (struct iovec){ bytes[i], compose(attempt, id, i,
			attempt->body, filler, bytes[i]) };
		record[i] = (struct log_record){ .kind = 3,
			.modseq = attempt->first + i, .piece = &piece[i],
			.piece_count = 1, .flags = i + 1 == count ?
				flags & LOG_STATE_END : 0 };
	}
	int size = snprintf(head, sizeof(head), "%" PRIu32 " %" PRIu32,
		attempt->first + count, id);
	int result = append_records(world, record, count,
		span_of(head, (size_t)size), flags, &error);
	if (flags & NO_END)
		return;
	if (result == 0) {
		acknowledge(model, attempt);
		attempt->segment = record[0].position.segment;
	} else if (disk_is_dead(world->disk) || world->syncs_fail)
		attempt->outcome = UNKNOWN;
}

static void
remove_oldest(struct world *world)
{
	struct log_segment *segments;
	struct error error;
	size_t count = log_segments(world->log, &segments);
	if (count > 1 && (log_segment_remove(world->log, segments[0].number,
			&error) == 0 || disk_is_dead(world->disk)) &&
		segments[0].number > world->model.removed)
		world->model.removed = segments[0].number;
	memory_free(segments);
}

static bool
body_is_alive(void *context, uint64_t number)
{
	const struct model *model = context;
	for (uint32_t id = 0; id < model->attempts; id++)
		if (model->attempt[id].body == number &&
			model->attempt[id].outcome == THERE)
			return true;
	return false;
}

/* ---- opening and checking ---- */

struct found {
	struct world *world;
	struct attempt attempt[ATTEMPT_LIMIT];
	uint32_t id[ATTEMPT_LIMIT], count;
	bool is_torn;
};

static bool
body_is_right(struct world *world, uint32_t id, uint64_t number)
{
	char want[BODY_SIZE], is[BODY_SIZE];
	struct error error;
	compose_body(id, want);
	return log_read(world->log, (struct log_position){ LOG_BODY, number },
		is, BODY_SIZE, &error) == 0 && memcmp(is, want, BODY_SIZE) == 0;
}

static int
visit(void *context, struct log *log, const struct log_found *record,
	const struct log_applied *group, struct error *error)
{
	struct found *found = context;
	struct world *world = found->world;
	uint64_t words[5];
	char want[4000];
	(void)log;
	(void)group;
	(void)error;
	assert(record->payload.data != NULL && record->size >= sizeof(words));
	memcpy(words, record->payload.data, sizeof(words));
	uint32_t id = (uint32_t)words[0], i = (uint32_t)words[2];
	if (id >= world->model.attempts)
		return broken(world, "a record nobody wrote", id), 0;
	const struct attempt *attempt = &world->model.attempt[id];
	size_t size = compose(attempt, id, i, words[3], words[4], want);
	if (size != record->size || memcmp(want, record->payload.data, size))
		broken(world, "a record is not what was written", id);
	if (i == 0) {
		found->id[found->count] = id;
		found->attempt[found->count] = *attempt;
		found->attempt[found->count].segment =
			record->position.segment;
		found->attempt[found->count++].count = 1;
	} else if (found->count == 0 || found->id[found->count - 1] != id ||
		found->attempt[found->count - 1].count++ != i)
		broken(world, "half a group", id);
	if (attempt->body != 0 && !body_is_right(world, id, attempt->body))
		broken(world, "a body is missing", id);
	return 0;
}

/* What replays from `from` show. */
static void
look(struct world *world, const struct log_applied *from, struct found *found)
{
	struct error error;
	memset(found, 0, sizeof(*found));
	found->world = world;
	if (log_replay(world->log, from, visit, found, &error) < 0)
		broken(world, "replay failed", 0);
	for (uint32_t i = 0; i < found->count; i++)
		if (found->attempt[i].count !=
			world->model.attempt[found->id[i]].count)
			broken(world, "half a group", found->id[i]);
}

/* Attempts that must be there from id on, and no others, end with the list. */
static void
compare(struct world *world, const struct found *found, uint32_t from_id,
	bool may_have_more)
{
	uint32_t left = found->count;
	for (uint32_t id = world->model.attempts; id > from_id; id--) {
		struct attempt *attempt = &world->model.attempt[id - 1];
		if (attempt->outcome == NOT_THERE)
			continue;
		if (left > 0 && found->id[left - 1] == id - 1) {
			left--;
			continue;
		}
		bool is_removed = may_have_more && attempt->segment != 0 &&
			attempt->segment <= world->model.removed;
		if (!is_removed)
			broken(world, "an acknowledged group is missing",
				id - 1);
	}
	if (left > 0)
		broken(world, "a refused group, or an old one, is there",
			found->id[left - 1]);
}

/* The one in doubt, now that it can be seen; its numbers count from here on. */
static void
settle_unknown(struct world *world, const struct found *found)
{
	struct model *model = &world->model;
	for (uint32_t id = 0; id < model->attempts; id++) {
		struct attempt *attempt = &model->attempt[id];
		if (attempt->outcome != UNKNOWN)
			continue;
		bool is_there = found->count > 0 &&
			found->id[found->count - 1] == id;
		attempt->outcome = is_there ? THERE : NOT_THERE;
		if (!is_there)
			continue;
		attempt->segment = found->attempt[found->count - 1].segment;
		model->next = attempt->first + attempt->count;
	}
}

static void
check_head(struct world *world, const struct buffer *head)
{
	char want[64] = "";
	for (uint32_t id = 0; id < world->model.attempts; id++)
		if (world->model.attempt[id].outcome == THERE)
			snprintf(want, sizeof(want), "%" PRIu32 " %" PRIu32,
				world->model.attempt[id].first +
				world->model.attempt[id].count, id);
	if (!span_equals(buffer_span(head), span_from(want)))
		broken(world, "the head is not that of the last group", 0);
}

static void
check_log(struct world *world, const struct buffer *head)
{
	struct found *found = memory_new(sizeof(*found));
	look(world, &log_beginning, found);
	settle_unknown(world, found);
	check_head(world, head);
	compare(world, found, 0, true);
	uint32_t state = 0;
	for (uint32_t id = 0; id < world->model.attempts; id++)
		if (world->model.attempt[id].outcome == THERE &&
			world->model.attempt[id].is_state)
			state = id;
	look(world, NULL, found);
	compare(world, found, state, false);
	if (log_damage(world->log) != 0)
		broken(world, "a crash was taken for damage",
			log_damage(world->log));
	memory_free(found);
}

static bool
expects_log(const struct model *model)
{
	bool is_there = false;
	for (uint32_t id = 0; id < model->attempts; id++)
		is_there |= model->attempt[id].outcome == THERE;
	return is_there && !model->is_deleted;
}

static void
forget_account(struct model *model)
{
	for (uint32_t id = 0; id < model->attempts; id++)
		model->attempt[id].outcome = NOT_THERE;
	model->next = 1;
	model->removed = 0;
	model->is_deleted = model->deleted_unknown = false;
}

/* The account may have gone with the power in the middle of its deletion. */
static void
settle_deletion(struct world *world)
{
	struct error error;
	struct buffer head;
	struct model *model = &world->model;
	buffer_init(&head, 0);
	int result = log_open(world->engine, ACCOUNT, false, SEGMENT,
		fixed_clock, &world->log, &head, &error);
	log_close(&world->log);
	buffer_fini(&head);
	if (model->is_deleted && result == 0)
		broken(world, "a deleted account is there", 0);
	if (result < 0)
		forget_account(model);
	model->deleted_unknown = false;
}

static bool
open_and_check(struct world *world)
{
	struct error error = { 0 };
	struct buffer head;
	buffer_init(&head, 0);
	world->engine = disk_engine(world->disk);
	if (world->model.is_deleted || world->model.deleted_unknown)
		settle_deletion(world);
	bool must_exist = expects_log(&world->model);
	if (log_open(world->engine, ACCOUNT, !must_exist, SEGMENT, fixed_clock,
			&world->log, &head, &error) < 0)
		broken(world, "the log cannot be opened", 0);
	else
		check_log(world, &head);
	buffer_fini(&head);
	return world->broken == NULL;
}

/* Opening while the power may go: what fails then says nothing. */
static void
reopen(struct world *world)
{
	struct error error;
	struct buffer head;
	buffer_init(&head, 0);
	log_close(&world->log);
	if (log_open(world->engine, ACCOUNT, true, SEGMENT, fixed_clock,
			&world->log, &head, &error) == 0)
		check_head(world, &head);
	else if (!disk_is_dead(world->disk))
		broken(world, "the log cannot be opened again", 0);
	buffer_fini(&head);
}

static void
delete_account(struct world *world)
{
	struct error error;
	log_close(&world->log);
	if (world->engine->call->destroy(world->engine, ACCOUNT, &error) == 0)
		world->model.is_deleted = true;
	else
		world->model.deleted_unknown = true;
}

/* ---- scripts ---- */

static const char operations[] = "aaagggLLbscrowapqC";

static void
operate(struct world *world, char operation)
{
	struct error error;
	switch (operation) {
	case 'a': append(world, 1, 0, 0, false); break;
	case 'g': append(world, 3, 250, 0, false); break;
	case 'L': append(world, 1, 2500, 0, false); break;
	case 'b': append(world, 1, 10, 0, true); break;
	case 'c': append(world, 2, 100, LOG_STATE_END, false); break;
	case 'p': append(world, 3, 250, IN_PARTS, false); break;
	case 'C': append(world, 2, 100, LOG_STATE_END | IN_PARTS, false); break;
	case 'q': append(world, 2, 600, IN_PARTS | NO_END, false); break;
	case 's': log_seal(world->log); break;
	case 'r': remove_oldest(world); break;
	case 'o':	/* after a failed cut it is not promised anything */
		if (!world->syncs_fail)
			reopen(world);
		break;
	case 'w': log_bodies_sweep(world->log, body_is_alive,
			&world->model, &error);
		break;
	case 'd': delete_account(world); break;
	default: assert(false);
	}
}

static void
run(struct world *world, const char *script)
{
	for (; *script != '\0' && world->log != NULL && world->broken == NULL &&
		!disk_is_dead(world->disk); script++)
		operate(world, *script);
}

static void
shut(struct world *world)
{
	log_close(&world->log);
	world->engine->call->close(&world->engine);
}

struct plan {
	const char *script;
	unsigned cut;			/* 0: at the end */
	unsigned fail;			/* 0: nothing fails */
	enum disk_fault fault;
	int skip;			/* site of the sync left out, or -1 */
	bool kill;			/* the process dies first, the power goes later */
};

static void
say(const struct world *world, const struct plan *plan, const char *when)
{
	printf("%s: %s (%s)\n  script %s, power cut at call %u, failure %d at call %u\n",
		when, world->broken, world->detail, plan->script, plan->cut,
		(int)plan->fault, plan->fail);
}

/* One life on a disk: opens, checks, runs, and the power goes. */
static bool
live(struct world *world, const struct plan *plan)
{
	disk_skip_sync(world->disk, plan->skip);
	if (open_and_check(world)) {
		disk_fail_at(world->disk, plan->fail, plan->fault);
		world->syncs_fail = plan->fail != 0 &&
			plan->fault == DISK_SYNCS_FAIL;
		disk_cut_at(world->disk, plan->cut);
		run(world, plan->script);
	}
	shut(world);
	return world->broken == NULL;
}

/* A survivor's second life, cut somewhere, and a last look. */
static bool
go_on(struct world *world, struct disk *survivor, const struct model *model,
	const struct plan *plan, uint64_t *seed)
{
	static const char *const scripts[] = { "aLa", "ga", "La", "bag" };
	struct plan second = { .script = scripts[disk_random(seed) % 4],
		.cut = (unsigned)(disk_random(seed) % 9), .skip = plan->skip };
	struct disk *first = world->disk;
	world->disk = survivor;
	world->model = *model;
	survivors++;
	bool ok = live(world, &second);
	if (ok) {
		struct disk *last = disk_survivor_random(survivor, seed);
		disk_free(&survivor);
		survivor = world->disk = last;
		ok = open_and_check(world);
		shut(world);
	}
	disk_free(&survivor);
	world->disk = first;
	return ok;
}

/* The process died, not the machine: its successor, then a power cut. */
static bool
succeed(struct world *world, const struct plan *plan, uint64_t *seed)
{
	static const char *const scripts[] = { "", "a", "o", "gb" };
	struct plan second = { .script = scripts[disk_random(seed) % 4],
		.cut = (unsigned)(disk_random(seed) % 5), .skip = plan->skip };
	disk_revive(world->disk);
	return live(world, &second);
}

static bool
try_plan(const struct plan *plan, uint64_t most, uint64_t *seed, bool is_quiet)
{
	struct world *world = memory_new(sizeof(*world));
	world->disk = disk_new();
	world->model.next = 1;
	bool ok = live(world, plan);
	if (ok && plan->kill)
		ok = succeed(world, plan, seed);
	if (!ok && !is_quiet)
		say(world, plan, "before the power went");
	struct model *model = memory_new(sizeof(*model));
	*model = world->model;
	uint64_t states = disk_states(world->disk);
	for (uint64_t i = 0; ok && i < states && i < most; i++) {
		ok = go_on(world, states <= most ?
			disk_survivor(world->disk, i) :
			disk_survivor_random(world->disk, seed), model, plan,
			seed);
		if (!ok && !is_quiet)
			say(world, plan, "after the power came back");
	}
	disk_free(&world->disk);
	memory_free(model);
	memory_free(world);
	return ok;
}

/* How many calls a script makes when nothing happens. */
static unsigned
measure(const char *script, bool *ok)
{
	struct world *world = memory_new(sizeof(*world));
	struct plan plan = { .script = script, .skip = -1 };
	world->disk = disk_new();
	world->model.next = 1;
	*ok = live(world, &plan);
	if (!*ok)
		say(world, &plan, "with nothing happening");
	unsigned calls = disk_calls(world->disk);
	disk_free(&world->disk);
	memory_free(world);
	return calls;
}

static const char *const short_scripts[] = {
	"aa", "ad", "ba", "ag", "Lg", "aag", "asa", "gLga", "bsb", "aoaoa",
	"acsasra", "Lsoa", "acssgcra", "aLcsrd", "ap", "aqa", "gsCpsra",
};
enum { SHORT_SCRIPTS = sizeof(short_scripts) / sizeof(short_scripts[0]) };

/* A failure at every call, and the power cut at every one after it. */
static bool
with_failures(struct plan *plan, unsigned calls, uint64_t *plans,
	uint64_t *seed, bool is_quiet)
{
	bool ok = true;
	for (plan->fail = 1; ok && plan->fail <= calls; plan->fail++)
		for (plan->cut = 0; ok && plan->cut <= calls + 2; plan->cut++)
			for (int fault = 0; ok && fault < DISK_FAULT_COUNT;
				fault++) {
				if (plan->cut != 0 && plan->cut <= plan->fail)
					continue;
				plan->fault = (enum disk_fault)fault;
				++*plans;
				/* What failed syncs leave wants a closer look. */
				ok = try_plan(plan, fault == DISK_SYNCS_FAIL &&
					strlen(plan->script) <= 3 ? all_states :
					FAULT_STATES, seed, is_quiet);
			}
	return ok;
}

static bool
short_runs(int skip, uint64_t seed, bool is_quiet)
{
	uint64_t plans = 0;
	bool ok = true;
	for (size_t i = 0; i < SHORT_SCRIPTS && ok; i++) {
		struct plan plan = { .script = short_scripts[i], .skip = skip };
		unsigned calls = measure(plan.script, &ok);
		for (plan.cut = 0; ok && plan.cut <= calls; plan.cut++, plans++)
			ok = try_plan(&plan, all_states, &seed, is_quiet);
		plan.kill = true;
		for (plan.cut = 1; ok && plan.cut <= calls; plan.cut++, plans++)
			ok = try_plan(&plan, FAULT_STATES, &seed, is_quiet);
		plan.kill = false;
		ok = ok && with_failures(&plan, calls, &plans, &seed, is_quiet);
	}
	if (ok && !is_quiet)
		printf("short runs: %" PRIu64 " plans, %" PRIu64
			" states of the disk, all right\n", plans, survivors);
	return ok;
}

/* Several lives on one disk, everything drawn. */
static bool
long_run(int skip, uint64_t seed, bool is_quiet)
{
	struct world *world = memory_new(sizeof(*world));
	uint64_t first_seed = seed;
	bool ok = true;
	world->disk = disk_new();
	world->model.next = 1;
	for (int life = 0; life < 5 && ok; life++) {
		char script[SCRIPT_ROOM] = "";
		size_t size = 2 + disk_random(&seed) % 10;
		for (size_t i = 0; i < size; i++)
			script[i] = operations[disk_random(&seed) %
				(sizeof(operations) - 1)];
		if (disk_random(&seed) % 16 == 0)
			script[size] = 'd';
		struct plan plan = { .script = script, .skip = skip,
			.cut = (unsigned)(disk_random(&seed) % (3 * size)),
			.fail = (unsigned)(disk_random(&seed) % (5 * size)),
			.fault = (enum disk_fault)(disk_random(&seed) %
				DISK_FAULT_COUNT) };
		ok = live(world, &plan);
		/* A failed sync and a killed process are one fault too many. */
		if (ok && (plan.fail == 0 || plan.fault == DISK_FULL) &&
			disk_random(&seed) % 4 == 0)
			ok = succeed(world, &plan, &seed);
		struct disk *survivor = disk_survivor_random(world->disk,
			&seed);
		disk_free(&world->disk);
		world->disk = survivor;
		if (!ok && !is_quiet) {
			say(world, &plan, "long run");
			printf("  life %d of seed %" PRIu64 "\n", life,
				first_seed);
		}
	}
	if (ok) {
		ok = open_and_check(world);
		shut(world);
		if (!ok && !is_quiet)
			printf("long run of seed %" PRIu64 ": %s (%s)\n",
				first_seed, world->broken, world->detail);
	}
	disk_free(&world->disk);
	memory_free(world);
	return ok;
}

static bool
long_runs(int skip, uint64_t count, uint64_t seed, bool is_quiet)
{
	for (uint64_t i = 0; i < count; i++)
		if (!long_run(skip, seed + i, is_quiet))
			return false;
	if (!is_quiet)
		printf("long runs: %" PRIu64 ", all right\n", count);
	return true;
}

static bool
mutants(uint64_t seed)
{
	static const char *const name[FILES_SYNC_COUNT] = {
		"segment", "body", "truncate", "name in log", "name in big",
		"account", "folder", "root", "unlisted", "all after a death",
	};
	bool ok = true;
	for (int site = 0; site < FILES_SYNC_COUNT; site++) {
		bool found = !short_runs(site, seed, true) ||
			!long_runs(site, MUTANT_LONG_RUNS, seed, true);
		printf("without the sync of %s: %s\n", name[site],
			found ? last_broken : "NOT FOUND");
		ok = ok && found;
	}
	return ok;
}

int
main(int argc, char **argv)
{
	uint64_t count = 2000, seed = 1;
	if ((argc > 1 && !span_to_number(span_from(argv[1]), 1000000000,
			&count)) || (argc > 2 && !span_to_number(
			span_from(argv[2]), UINT64_MAX, &seed))) {
		fprintf(stderr, "usage: crash-log [LONG-RUNS [SEED]]\n");
		return 2;
	}
	if (argc > 1)
		all_states = 4000;
	log_set_level(LOG_ERROR);
	bool ok = short_runs(-1, seed, false);
	ok = long_runs(-1, count, seed, false) && ok;
	ok = mutants(seed) && ok;
	return ok ? 0 : 1;
}
