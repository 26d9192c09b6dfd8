/*
 * The store alone: what it adds to a plain program that writes and syncs the
 * same bytes with the same threads on the same disk, taken in turn; and what a
 * mailbox of a million costs beside one of a thousand. Prints tables.
 *
 * usage: store [--directory PATH] [--seconds N] [--large N]
 *              [--part rates|many|sizes]
 * With POSTHOUSE_SYNC_DELAY in the environment every sync takes that long, on
 * both sides.
 */
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/engine.h"
#include "store/log.h"
#include "store/view.h"

enum { BODY = 8192, THREADS = 20, MANY = 10000, TRIES = 1000, SMALL = 1000 };

static struct {
	const char *directory;
	double seconds;
	uint32_t large;
	struct span part;		/* empty: all */
} settings = { "build/bench/store.data", 3, 1000000, { NULL, 0 } };

static char body[BODY];

static double
now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static double
cpu(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
die(const char *what, const struct error *error)
{
	fprintf(stderr, "store: %s: %s\n", what,
		error == NULL ? "failed" : error->text);
	exit(1);
}

static int
remove_one(const char *path, const struct stat *status, int type,
	struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void
clear(void)
{
	struct error error;
	nftw(settings.directory, remove_one, 20, FTW_DEPTH | FTW_PHYS);
	if (file_make_directories(settings.directory, 0700, &error) < 0)
		die("making the directory", &error);
}

/* ---- loads: each thread repeats `one` until the time is over ---- */

struct load {
	void (*one)(struct load *load, unsigned *seed);
	unsigned threads, accounts;
	struct store *store;
	struct log *log;
	int directory, fd;
	atomic_uint_fast64_t offset, done;
	atomic_bool is_over;
};

static void *
repeat(void *context)
{
	struct load *load = context;
	unsigned seed = (unsigned)(uintptr_t)&seed;
	while (!atomic_load(&load->is_over)) {
		load->one(load, &seed);
		atomic_fetch_add(&load->done, 1);
	}
	return NULL;
}

struct rate {
	double per_second, cpu_us, syncs;
};

static struct rate
measure(struct load *load)
{
	pthread_t thread[THREADS];
	uint64_t syncs = file_sync_count();
	double begin = now(), used = cpu();
	atomic_store(&load->done, 0);
	atomic_store(&load->is_over, false);
	for (unsigned i = 0; i < load->threads; i++)
		pthread_create(&thread[i], NULL, repeat, load);
	while (now() < begin + settings.seconds)
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	atomic_store(&load->is_over, true);
	for (unsigned i = 0; i < load->threads; i++)
		pthread_join(thread[i], NULL);
	double done = (double)atomic_load(&load->done);
	return (struct rate){ done / (now() - begin),
		(cpu() - used) * 1e6 / done,
		(double)(file_sync_count() - syncs) / done };
}

/* One file: every thread its own place in it. */
static void
raw_one_file(struct load *load, unsigned *seed)
{
	struct error error;
	uint64_t at = atomic_fetch_add(&load->offset, BODY);
	(void)seed;
	if (pwrite(load->fd, body, BODY, (off_t)at) != BODY ||
		file_sync_data(load->fd, &error) < 0)
		die("writing", NULL);
}

/* A file drawn at random, opened and closed for each write. */
static void
raw_many_files(struct load *load, unsigned *seed)
{
	struct error error;
	char name[16];
	snprintf(name, sizeof(name), "%u", (unsigned)rand_r(seed) % load->accounts);
	int fd = openat(load->directory, name, O_WRONLY | O_APPEND);
	if (fd < 0 || write(fd, body, BODY) != BODY ||
		file_sync_data(fd, &error) < 0)
		die("writing", NULL);
	close(fd);
}

static void
log_one(struct load *load, unsigned *seed)
{
	struct error error;
	struct iovec piece = { body, BODY };
	struct log_record record = { .kind = 1, .piece = &piece,
		.piece_count = 1 };
	char head[300] = "";
	(void)seed;
	if (log_append(load->log, &record, 1, span_of(head, sizeof(head)),
			&error) < 0)
		die("appending", &error);
}

static uint32_t
inbox(struct store_account *account)
{
	struct arena arena;
	struct error error;
	struct store_mailbox mailbox;
	arena_init(&arena, 0);
	if (store_mailbox_find(account, SPAN("INBOX"), &arena, &mailbox,
			&error) != STORE_OK)
		die("finding INBOX", &error);
	arena_fini(&arena);
	return mailbox.id;
}

static struct store_account *
open_account(struct store *store, uint64_t id)
{
	struct store_account *account;
	struct error error;
	if (store_account_open(store, id << 40 | id, 0,
			STORE_CREATE | STORE_FOLDERS, &account, &error) < 0)
		die("opening an account", &error);
	return account;
}

/* A delivery as LMTP makes it. */
static void
store_one(struct load *load, unsigned *seed)
{
	struct error error;
	uint32_t uid;
	struct store_piece piece = { .bytes = { body, BODY } };
	struct store_message_new message = { .piece = &piece,
		.piece_count = 1 };
	struct store_account *account = open_account(load->store,
		1 + (unsigned)rand_r(seed) % load->accounts);
	if (store_append(account, inbox(account), &message, 1, &uid,
			&error) != STORE_OK)
		die("appending", &error);
	store_account_close(&account);
}

/* ---- rates ---- */

static void
print_rate(const char *name, struct rate rate, double raw)
{
	printf("| %s | %.0f | %.0f %% | %.2f | %.0f |\n", name, rate.per_second,
		rate.per_second / raw * 100, rate.syncs, rate.cpu_us);
	fflush(stdout);
}

static struct rate
run_raw(unsigned threads, unsigned files)
{
	struct load load = { .threads = threads, .accounts = files };
	clear();
	load.directory = open(settings.directory, O_RDONLY | O_DIRECTORY);
	for (unsigned i = 0; i < files; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%u", i);
		load.fd = openat(load.directory, name, O_WRONLY | O_CREAT,
			0600);
		if (load.fd < 0)
			die("creating a file", NULL);
		if (files > 1)
			close(load.fd);
	}
	load.one = files > 1 ? raw_many_files : raw_one_file;
	struct rate rate = measure(&load);
	if (files == 1)
		close(load.fd);
	close(load.directory);
	return rate;
}

static struct engine *
open_engine(void)
{
	struct engine *engine;
	struct error error;
	if (engine_files_open(settings.directory, &engine, &error) < 0)
		die("opening the engine", &error);
	return engine;
}

static struct rate
run_log(void)
{
	struct load load = { .threads = 1, .one = log_one };
	struct buffer head;
	struct error error;
	clear();
	struct engine *engine = open_engine();
	buffer_init(&head, 0);
	if (log_open(engine, 1, true, 16 << 20, clock_wall, &load.log, &head,
			&error) < 0)
		die("opening a log", &error);
	struct rate rate = measure(&load);
	log_close(&load.log);
	buffer_fini(&head);
	engine->call->close(&engine);
	return rate;
}

static struct rate
run_store(unsigned threads, unsigned accounts)
{
	struct load load = { .threads = threads, .accounts = accounts,
		.one = store_one };
	struct store_options options = { .engine = NULL };
	struct error error;
	clear();
	struct engine *engine = options.engine = open_engine();
	if (store_open(&options, &load.store, &error) < 0)
		die("opening the store", &error);
	for (unsigned i = 1; i <= accounts; i++) {
		struct store_account *account = open_account(load.store, i);
		store_account_close(&account);
	}
	struct rate rate = measure(&load);
	store_close(&load.store);
	engine->call->close(&engine);
	return rate;
}

static void
rates(void)
{
	printf("## Durable appends of %d bytes\n\n"
		"| | a second | of the plain program | syncs each | CPU us each |\n"
		"|---|---|---|---|---|\n", BODY);
	struct rate raw = run_raw(1, 1);
	print_rate("write and fdatasync, 1 thread, 1 file", raw,
		raw.per_second);
	print_rate("log, 1 account", run_log(), raw.per_second);
	print_rate("store, 1 thread, 1 account", run_store(1, 1),
		raw.per_second);
	raw = run_raw(THREADS, 1);
	print_rate("write and fdatasync, 20 threads, 1 file", raw,
		raw.per_second);
	print_rate("store, 20 threads, 1 account", run_store(THREADS, 1),
		raw.per_second);
}

static void
many(void)
{
	struct rate raw = run_raw(THREADS, MANY);
	print_rate("write and fdatasync, 20 threads, 10,000 files", raw,
		raw.per_second);
	print_rate("store, 20 threads, 10,000 accounts",
		run_store(THREADS, MANY), raw.per_second);
}

/* ---- a large mailbox ---- */

struct cost {
	/* median, microseconds; again: messages that were read before */
	double select, fetch, again, append;
};

static int
compare_doubles(const void *a, const void *b)
{
	double one = *(const double *)a, two = *(const double *)b;
	return one < two ? -1 : one > two;
}

static double
median(double *times)
{
	qsort(times, TRIES, sizeof(*times), compare_doubles);
	return times[TRIES / 2] * 1e6;
}

static void
fill(struct store_account *account, uint32_t mailbox, uint32_t count)
{
	enum { TOGETHER = 1000 };
	static struct store_message_new message[TOGETHER];
	static uint32_t uids[TOGETHER];
	struct store_piece piece = { .bytes = { body, 200 } };
	struct error error;
	for (uint32_t i = 0; i < TOGETHER; i++)
		message[i] = (struct store_message_new){ .piece = &piece,
			.piece_count = 1, .flags.system = i % 3 };
	for (uint32_t left = count; left > 0;) {
		size_t part = left < TOGETHER ? left : TOGETHER;
		if (store_append(account, mailbox, message, part, uids,
				&error) != STORE_OK)
			die("filling a mailbox", &error);
		left -= (uint32_t)part;
	}
}

static void
select_once(struct store_account *account, uint32_t mailbox)
{
	struct store_view *view;
	struct store_view_facts facts;
	struct error error;
	if (store_view_open(account, mailbox, &view, &error) != STORE_OK)
		die("opening a view", &error);
	store_view_facts(view, &facts);
	store_view_close(&view);
}

static void
fetch_once(struct store_account *account, const struct store_view *view,
	uint32_t sequence)
{
	struct store_message message;
	struct store_body open;
	struct error error;
	char text[200];
	if (!store_view_by_sequence(view, sequence, &message) ||
		store_body_open(account, &message, &open, &error) != STORE_OK ||
		store_body_read(&open, 0, text, sizeof(text), &error) < 0)
		die("reading a message", NULL);
	store_body_close(&open);
}

/* Messages drawn at random; the same ones each time. */
static double
fetch_many(struct store_account *account, const struct store_view *view,
	uint32_t count)
{
	static double times[TRIES];
	unsigned seed = 1;
	for (int i = 0; i < TRIES; i++) {
		uint32_t sequence = 1 + (uint32_t)rand_r(&seed) % count;
		double begin = now();
		fetch_once(account, view, sequence);
		times[i] = now() - begin;
	}
	return median(times);
}

static struct cost
measure_mailbox(struct store *store, uint64_t id, uint32_t count)
{
	static double times[TRIES];
	struct cost cost;
	struct store_view *view;
	struct error error;
	struct store_account *account = open_account(store, id);
	uint32_t mailbox = inbox(account);
	fill(account, mailbox, count);
	for (int i = 0; i < TRIES; i++) {
		double begin = now();
		select_once(account, mailbox);
		times[i] = now() - begin;
	}
	cost.select = median(times);
	if (store_view_open(account, mailbox, &view, &error) != STORE_OK)
		die("opening a view", &error);
	cost.fetch = fetch_many(account, view, count);
	cost.again = fetch_many(account, view, count);
	store_view_close(&view);
	for (int i = 0; i < TRIES; i++) {
		double begin = now();
		fill(account, mailbox, 1);
		times[i] = now() - begin;
	}
	cost.append = median(times);
	store_account_close(&account);
	return cost;
}

/* After a restart: what the index must read first. */
static double
cold_select(struct engine *engine, uint64_t id)
{
	struct store_options options = { .engine = engine };
	struct store *store;
	struct error error;
	if (store_open(&options, &store, &error) < 0)
		die("opening the store", &error);
	double begin = now();
	struct store_account *account = open_account(store, id);
	select_once(account, inbox(account));
	double took = now() - begin;
	store_account_close(&account);
	store_close(&store);
	return took * 1e6;
}

static void
sizes(void)
{
	struct store_options options = { .engine = NULL };
	struct store *store;
	struct error error;
	clear();
	struct engine *engine = options.engine = open_engine();
	if (store_open(&options, &store, &error) < 0)
		die("opening the store", &error);
	struct cost small = measure_mailbox(store, 1, SMALL);
	struct cost large = measure_mailbox(store, 2, settings.large);
	store_close(&store);
	double small_cold = cold_select(engine, 1);
	double large_cold = cold_select(engine, 2);
	engine->call->close(&engine);
	printf("\n## One mailbox, microseconds (median of %d)\n\n"
		"| | %d messages | %" PRIu32 " | ratio |\n|---|---|---|---|\n",
		TRIES, SMALL, settings.large);
	printf("| select | %.1f | %.1f | %.2f |\n", small.select, large.select,
		large.select / small.select);
	printf("| one message with its body | %.1f | %.1f | %.2f |\n",
		small.fetch, large.fetch, large.fetch / small.fetch);
	printf("| the same messages once more | %.1f | %.1f | %.2f |\n",
		small.again, large.again, large.again / small.again);
	printf("| one append, durable | %.1f | %.1f | %.2f |\n", small.append,
		large.append, large.append / small.append);
	printf("| first select after a restart (once) | %.0f | %.0f | %.2f |\n",
		small_cold, large_cold, large_cold / small_cold);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		struct span name = span_from(argv[i]);
		uint64_t number = 0;
		bool is_number = i + 1 < argc && span_to_number(
			span_from(argv[i + 1]), 100000000, &number);
		if (i + 1 < argc && span_equals(name, SPAN("--directory")))
			settings.directory = argv[i + 1];
		else if (is_number && span_equals(name, SPAN("--seconds")))
			settings.seconds = (double)number;
		else if (i + 1 < argc && span_equals(name, SPAN("--part")))
			settings.part = span_from(argv[i + 1]);
		else if (is_number && span_equals(name, SPAN("--large")))
			settings.large = (uint32_t)number;
		else {
			fprintf(stderr, "usage: store [--directory PATH] "
				"[--seconds N] [--large N] "
				"[--part rates|many|sizes]\n");
			return 2;
		}
	}
	log_set_level(LOG_ERROR);
	memset(body, 'b', sizeof(body));
	struct span part = settings.part;
	if (part.size == 0 || span_equals(part, SPAN("rates")))
		rates();
	if (part.size == 0 || span_equals(part, SPAN("many")))
		many();
	if (part.size == 0 || span_equals(part, SPAN("sizes")))
		sizes();
	nftw(settings.directory, remove_one, 20, FTW_DEPTH | FTW_PHYS);
	return 0;
}
