/*
 * A spool with many messages: how long it takes to fill, open, list, and how
 * fast messages are taken, read and removed while the others wait; what memory
 * the process has; and what space the spool takes when as many (or PASSING)
 * have passed through, of which one in 10,000 stays. By hand; results are in
 * doc/bench.md.
 *
 * usage: spool DIRECTORY MESSAGES [DOMAINS [PASSING]]
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/spool.h"
#include "store/engine.h"

enum {
	TOGETHER = 1000, DELIVERED = 10000, BODY = 400,
	STAYS = 10000,		/* one in so many */
	SPACE_TIME = 30,	/* seconds for the last of it to be given back */
};

static void
back_off(void *context, int64_t *minimal, int64_t *maximal)
{
	(void)context;
	*minimal = 300000;
	*maximal = 4000000;
}

static void
swept(void *context)
{
	(void)context;
}

static void
must(int result, const struct error *error)
{
	if (result >= 0)
		return;
	fprintf(stderr, "spool: %s\n", error->text);
	exit(1);
}

/* Resident memory, MB: now ("VmRSS:"), or the most there ever was ("VmHWM:"). */
static double
memory_of(const char *what)
{
	char line[200];
	double kilobytes = 0;
	FILE *status = fopen("/proc/self/status", "r");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, what, strlen(what)) == 0)
			kilobytes = strtod(line + strlen(what), NULL);
	if (status != NULL)
		fclose(status);
	return kilobytes / 1024;
}

static double
resident(void)
{
	return memory_of("VmRSS:");
}

static double taken;

static int
add_blocks(const char *path, const struct stat *status, int type,
	struct FTW *walk)
{
	(void)path;
	(void)type;
	(void)walk;
	taken += (double)status->st_blocks * 512;
	return 0;
}

/* What the disk gives the folder, MB. */
static double
space_of(const char *path)
{
	taken = 0;
	nftw(path, add_blocks, 20, FTW_PHYS);
	return taken / 1e6;
}

struct world {
	struct engine *engine;
	struct store *store;
	struct spool spool;
};

static void
open_world(struct world *world, const char *path)
{
	struct error error;
	must(engine_files_open(path, &world->engine, &error), &error);
	const struct store_options store = { .engine = world->engine,
		.block_memory = 4 << 20 };
	must(store_open(&store, &world->store, &error), &error);
	const struct spool_options spool = { .store = world->store,
		.back_off = back_off, .swept = swept, .loads_later = true };
	must(spool_open(&world->spool, &spool, &error), &error);
}

static void
close_world(struct world *world)
{
	spool_close(&world->spool);
	store_close(&world->store);
	world->engine->call->close(&world->engine);
}

/* One message of the store for each, many in one group. */
static void
fill(struct world *world, size_t count, unsigned domains)
{
	static char text[BODY];
	struct error error;
	memset(text, 'x', sizeof(text));
	for (size_t done = 0; done < count; done += TOGETHER) {
		struct store_message_new message[TOGETHER];
		struct store_piece piece = { .bytes = span_of(text, BODY) };
		struct arena arena;
		struct store_account *account = NULL;
		uint32_t uids[TOGETHER];
		arena_init(&arena, 0);
		for (size_t i = 0; i < TOGETHER; i++) {
			struct recipient recipient = { .to = arena_print(
				&arena, "user%zu@domain%zu.example.org",
				done + i, (done + i) % domains),
				.state = RECIPIENT_RELAY, .attempts = 1,
				.next = clock_wall() + 3600000 };
			struct envelope envelope = { .id = arena_print(&arena,
				"%016zx", done + i), .arrival = clock_wall(),
				.sender = SPAN("alice@example.test"),
				.body = SPAN("7bit"), .recipient = &recipient,
				.count = 1 };
			struct buffer out;
			buffer_init(&out, 0);
			envelope_encode(&out, &envelope, 0, SIZE_MAX);
			message[i] = (struct store_message_new){
				.piece = &piece, .piece_count = 1,
				.annotation = arena_copy(&arena,
				buffer_span(&out)) };
			buffer_fini(&out);
		}
		must(store_account_open(world->store, SPOOL_ACCOUNT,
			SPOOL_ACCOUNT, STORE_CREATE, &account, &error), &error);
		if (store_append(account, world->spool.inbox, message, TOGETHER,
			uids, &error) != STORE_OK)
			must(-1, &error);
		store_account_close(&account);
		arena_fini(&arena);
	}
}

static int
count_message(void *context, const struct spool_message *message)
{
	*(size_t *)context += message->envelope->count;
	return 0;
}

static void
deliver_some(struct world *world, size_t count)
{
	struct error error;
	for (size_t i = 0; i < count; i++) {
		char id[24];
		struct arena arena;
		struct envelope envelope;
		struct store_body body;
		struct queued *row;
		/* from the end, where nothing is in memory by chance */
		snprintf(id, sizeof(id), "%016zx", i * 7 % (count * 7));
		if (spool_take(&world->spool, span_from(id), &row) !=
			SPOOL_TAKEN)
			continue;
		arena_init(&arena, 0);
		must(spool_read(&world->spool, row, &arena, &envelope, &body,
			&error), &error);
		store_body_close(&body);
		envelope.recipient[0].state = RECIPIENT_DONE;
		must(spool_settle(&world->spool, &row, &envelope, &error),
			&error);
		arena_fini(&arena);
		if (i % 20 == 19)
			must(spool_sweep(&world->spool, &error), &error);
	}
	while (spool_sweep(&world->spool, &error) > 0)
		continue;
}

/* Messages of 8 KB come and go, one after the other; one in many stays. Returns
 * the longest that one took, ms. */
static int64_t
pass_through(struct world *world, size_t count)
{
	static char text[8192];
	struct error error;
	struct mail_body body;
	int64_t longest = 0;
	memset(text, 'x', sizeof(text));
	mail_body_init(&body, -1);
	must(mail_body_add(&body, span_of(text, sizeof(text)), &error), &error);
	for (size_t i = 0; i < count; i++) {
		struct recipient recipient = { .state = RECIPIENT_RELAY };
		struct envelope envelope = { .arrival = clock_wall(),
			.sender = SPAN("alice@example.test"),
			.body = SPAN("7bit"), .recipient = &recipient,
			.count = 1 };
		struct spool_started started;
		struct arena arena;
		int64_t begun = clock_monotonic();
		arena_init(&arena, 0);
		envelope.id = arena_print(&arena, "p%zu", i);
		recipient.to = arena_print(&arena, "bob@far%zu.test", i % 100);
		size_t number = i + 1;	/* those before have 0 */
		memcpy(envelope.transaction, &number, sizeof(number));
		error.text[0] = '\0';
		enum spool_verdict verdict = spool_add(&world->spool, &envelope,
			&body, &arena, &started, &error);
		if (verdict != SPOOL_OK || started.count != 1) {
			fprintf(stderr, "message %zu: verdict %d, %zu started\n",
				i, (int)verdict, started.count);
			must(-1, &error);
		}
		struct spool_part *part = &started.part[0];
		if (i % STAYS == STAYS / 2)
			part->envelope.recipient[0].next = clock_wall() +
				3600000;
		else
			part->envelope.recipient[0].state = RECIPIENT_DONE;
		spool_end(&world->spool, part->row, DESTINATION_GOOD);
		must(spool_settle(&world->spool, &part->row, &part->envelope,
			&error), &error);
		if (i % 20 == 19)
			must(spool_sweep(&world->spool, &error), &error);
		arena_fini(&arena);
		if (clock_monotonic() - begun > longest)
			longest = clock_monotonic() - begun;
	}
	mail_body_fini(&body);
	return longest;
}

static double
seconds_since(int64_t begin)
{
	return (double)(clock_monotonic() - begin) / 1000;
}

int
main(int argc, char **argv)
{
	struct world world;
	struct error error;
	size_t seen = 0, some = DELIVERED;
	if (argc < 3) {
		fprintf(stderr,
			"usage: spool DIRECTORY MESSAGES [DOMAINS [PASSING]]\n");
		return 2;
	}
	size_t count = strtoul(argv[2], NULL, 10);
	unsigned domains = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) :
		1000;
	size_t passing = argc > 4 ? strtoul(argv[4], NULL, 10) : count;
	if (some > count / 8)
		some = count / 8;
	open_world(&world, argv[1]);
	int64_t begin = clock_monotonic();
	fill(&world, count, domains);
	printf("filled %zu messages in %.1f s\n", count, seconds_since(begin));
	close_world(&world);
	begin = clock_monotonic();
	open_world(&world, argv[1]);
	printf("open: %.3f s, %.0f MB\n", seconds_since(begin), resident());
	begin = clock_monotonic();
	while (spool_load(&world.spool, 500, &error) > 0)
		continue;
	printf("load: %.1f s, %.0f a second, %.0f MB\n", seconds_since(begin),
		(double)count / seconds_since(begin), resident());
	begin = clock_monotonic();
	do	/* a short list takes no time */
		must(spool_visit(&world.spool, count_message, &seen, &error),
			&error);
	while (seconds_since(begin) < 0.5);
	printf("list: %zu in %.1f s, %.0f a second, %.0f MB\n", seen,
		seconds_since(begin), (double)seen / seconds_since(begin),
		resident());
	begin = clock_monotonic();
	deliver_some(&world, some);
	printf("delivered %zu: %.0f a second, %.0f MB\n", some, (double)some /
		seconds_since(begin), resident());
	begin = clock_monotonic();
	int64_t longest = pass_through(&world, passing);
	printf("passed through %zu of 8 KB: %.0f a second, the longest %.1f s, "
		"%.0f MB, most %.0f\n", passing, (double)passing /
		seconds_since(begin), (double)longest / 1000, resident(),
		memory_of("VmHWM:"));
	printf("space: %.1f MB at once, ", space_of(argv[1]));
	fflush(stdout);
	sleep(SPACE_TIME);
	printf("%.1f MB later; %zu wait\n", space_of(argv[1]),
		spool_length(&world.spool));
	close_world(&world);
	return 0;
}
