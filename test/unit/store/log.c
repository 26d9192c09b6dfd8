/* The log over both engines: what is appended is there, what is damaged is
 * passed over, what was refused is never seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "store/engine_memory.h"
#include "store/log.h"

enum { ACCOUNT = 0x1122, SEGMENT = 16384 };

static int64_t
fixed_clock(void)
{
	return 1700000000000;
}

/* ---- an engine of either kind ---- */

struct place {
	struct engine *engine;
	char path[64];		/* empty: in memory */
};

static struct place
place_new(bool files)
{
	struct place place = { NULL, "" };
	struct error error;
	if (!files) {
		place.engine = engine_memory_new();
		return place;
	}
	snprintf(place.path, sizeof(place.path), "/tmp/unit-log-XXXXXX");
	assert_non_null(mkdtemp(place.path));
	assert_int_equal(engine_files_open(place.path, &place.engine, &error),
		0);
	return place;
}

static void
place_free(struct place *place)
{
	struct error error;
	place->engine->call->destroy(place->engine, ACCOUNT, &error);
	place->engine->call->close(&place->engine);
	if (place->path[0] == '\0')
		return;
	char path[100];
	static const char *const left[] = { "reserve", "deleted", "running",
		"00", "" };
	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/%s", place->path, left[i]);
		remove(path);
	}
	assert_int_not_equal(access(place->path, F_OK), 0);
}

static struct log *
open_log(struct engine *engine, struct buffer *head)
{
	struct log *log;
	struct error error = { 0 };
	if (log_open(engine, ACCOUNT, true, SEGMENT, fixed_clock, &log, head,
			&error) < 0)
		fail_msg("%s", error.text);
	return log;
}

/* ---- records that can be told apart ---- */

/* A group of `count` records: "first", "first+1", ... padded to `size`. */
static int
append_sized(struct log *log, unsigned first, unsigned count, size_t size,
	uint16_t flags, struct error *error)
{
	struct log_record *record = memory_new_array(count, sizeof(*record));
	struct iovec *piece = memory_new_array(2 * count, sizeof(*piece));
	char *text = memory_new_array(count, 16), head[32];
	char *fill = memory_new(size + 1);
	memset(fill, '.', size);
	for (unsigned i = 0; i < count; i++) {
		snprintf(text + 16 * i, 16, "%u", first + i);
		size_t digits = strlen(text + 16 * i);
		piece[2 * i] = (struct iovec){ text + 16 * i, digits };
		piece[2 * i + 1] = (struct iovec){ fill,
			size > digits ? size - digits : 0 };
		record[i] = (struct log_record){ .kind = 7, .modseq = first + i,
			.actor = 5, .piece = piece + 2 * i, .piece_count = 2,
			.flags = i + 1 == count ? flags :
				flags & LOG_FROM_RESERVE };
		memcpy(record[i].trace, "0123456789abcdef", 16);
	}
	snprintf(head, sizeof(head), "next %u", first + count);
	int result = log_append(log, record, count, span_from(head), error);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(record[i].position.segment != 0, result == 0);
	memory_free(record);
	memory_free(piece);
	memory_free(text);
	memory_free(fill);
	return result;
}

static int
append(struct log *log, unsigned first, unsigned count)
{
	struct error error;
	return append_sized(log, first, count, 40, 0, &error);
}

static void
must_append(struct log *log, unsigned first, unsigned count)
{
	assert_int_equal(append(log, first, count), 0);
}

struct seen {
	char text[4096];	/* "1 2 3 " */
	size_t size;
	struct log_applied last;
	struct log_found found;
	bool from_log;		/* read payloads with log_read */
};

static int
visit(void *context, struct log *log, const struct log_found *record,
	const struct log_applied *group, struct error *error)
{
	struct seen *seen = context;
	char number[16] = "";
	size_t size = record->size < 8 ? record->size : 8;
	if (seen->from_log || record->payload.data == NULL)
		assert_int_equal(log_read(log, record->position, number, size,
			error), 0);
	else
		memcpy(number, record->payload.data, size);
	assert_int_equal(record->kind, 7);
	assert_int_equal(record->actor, 5);
	assert_memory_equal(record->trace, "0123456789abcdef", 16);
	seen->size += (size_t)snprintf(seen->text + seen->size,
		sizeof(seen->text) - seen->size, "%u ",
		(unsigned)strtoul(number, NULL, 10));
	seen->last = *group;
	seen->found = *record;
	return 0;
}

static void
assert_replays(struct log *log, const struct log_applied *from,
	const char *want)
{
	struct error error = { 0 };
	for (int way = 0; way < 2; way++) {
		struct seen *seen = memory_new(sizeof(*seen));
		seen->from_log = way == 1;
		assert_int_equal(log_replay(log, from, visit, seen, &error), 0);
		assert_string_equal(seen->text, want);
		memory_free(seen);
	}
}

static size_t
segment_count(struct log *log)
{
	struct log_segment *segments;
	size_t count = log_segments(log, &segments);
	memory_free(segments);
	return count;
}

/* ---- cases on both engines ---- */

static void
reopened_log_has_head_and_records(bool files)
{
	struct place place = place_new(files);
	struct buffer head;
	buffer_init(&head, 0);
	struct log *log = open_log(place.engine, &head);
	assert_int_equal(head.size, 0);
	assert_int_equal(log_end(log).mark.segment, 0);
	assert_true(log_has(log, &log_beginning));
	uint64_t epoch = log_epoch(log);
	must_append(log, 1, 1);
	must_append(log, 2, 3);
	must_append(log, 5, 0);
	must_append(log, 5, 1);
	struct log_applied end = log_end(log);
	log_close(&log);
	log = open_log(place.engine, &head);
	assert_string_equal(buffer_string(&head), "next 6");
	struct log_applied again = log_end(log);
	assert_memory_equal(&end, &again, sizeof(end));
	assert_true(log_epoch(log) > epoch);
	assert_replays(log, NULL, "1 2 3 4 5 ");
	assert_true(log_has(log, &end));
	must_append(log, 6, 2);
	assert_replays(log, &end, "6 7 ");
	assert_true(log_has(log, &end));
	end.salt ^= 1;
	assert_false(log_has(log, &end));
	assert_int_equal(log_damage(log), 0);
	log_close(&log);
	buffer_fini(&head);
	place_free(&place);
}

static void
large_groups_and_many_segments_replay(bool files)
{
	struct place place = place_new(files);
	struct buffer head;
	struct error error;
	struct log_applied at[30];
	buffer_init(&head, 0);
	struct log *log = open_log(place.engine, &head);
	for (unsigned i = 0; i < 30; i++) {
		assert_int_equal(append_sized(log, i, 1, 3000, 0, &error), 0);
		at[i] = log_end(log);
	}
	assert_int_equal(append_sized(log, 30, 500, 100, 0, &error), 0);
	assert_int_equal(append_sized(log, 530, 1, (size_t)3 << 20, 0, &error),
		0);
	assert_true(segment_count(log) >= 9);
	log_close(&log);
	log = open_log(place.engine, &head);
	assert_string_equal(buffer_string(&head), "next 531");
	for (unsigned i = 0; i < 30; i++)
		assert_true(log_has(log, &at[i]));
	struct seen *seen = memory_new(sizeof(*seen));
	assert_int_equal(log_replay(log, &at[28], visit, seen, &error), 0);
	assert_true(strncmp(seen->text, "29 30 31 ", 9) == 0);
	assert_int_equal(seen->found.size, 3 << 20);
	assert_int_equal(seen->found.modseq, 530);
	memory_free(seen);
	assert_int_equal(log_damage(log), 0);
	log_close(&log);
	buffer_fini(&head);
	place_free(&place);
}

static void
whole_state_is_where_replay_begins(bool files)
{
	struct place place = place_new(files);
	struct buffer head;
	struct error error;
	struct log_segment *segments;
	buffer_init(&head, 0);
	struct log *log = open_log(place.engine, &head);
	must_append(log, 1, 3);
	struct log_applied old = log_end(log);
	log_seal(log);
	must_append(log, 4, 1);
	assert_int_equal(log_segment_remove(log, 1, &error), -1);
	assert_int_equal(error.code, ERROR_REFUSED);
	assert_int_equal(append_sized(log, 5, 2, 40, LOG_STATE_END, &error), 0);
	must_append(log, 7, 1);
	log_seal(log);
	must_append(log, 8, 1);
	struct log_applied third = log_end(log);
	assert_replays(log, NULL, "5 6 7 8 ");
	assert_replays(log, &log_beginning, "1 2 3 4 5 6 7 8 ");
	assert_int_equal(log_segment_remove(log, 2, &error), -1);
	log_seal(log);
	assert_int_equal(append_sized(log, 9, 1, 40, LOG_STATE_END, &error), 0);
	/* An index that is older than what was removed cannot go on from it. */
	assert_true(log_has(log, &old));
	assert_int_equal(log_segment_remove(log, 2, &error), 0);
	assert_false(log_has(log, &old));
	assert_true(log_has(log, &third));
	assert_int_equal(log_segment_remove(log, 1, &error), 0);
	log_close(&log);
	log = open_log(place.engine, &head);
	assert_replays(log, NULL, "9 ");
	assert_replays(log, &log_beginning, "8 9 ");
	assert_int_equal(log_segments(log, &segments), 2);
	assert_int_equal(segments[0].number, 3);
	memory_free(segments);
	assert_int_equal(log_damage(log), 0);
	log_close(&log);
	buffer_fini(&head);
	place_free(&place);
}

static bool
only_first(void *context, uint64_t number)
{
	return number == *(uint64_t *)context;
}

static void
bodies_are_objects_of_their_own(bool files)
{
	struct place place = place_new(files);
	struct buffer head;
	struct error error;
	struct log_position body[3];
	struct iovec pieces[2] = { { (char *)"large ", 6 }, { (char *)"body", 4 } };
	char text[11] = "";
	struct engine_pin pin;
	buffer_init(&head, 0);
	struct log *log = open_log(place.engine, &head);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(log_body_create(log, pieces, 2, &body[i],
			&error), 0);
		assert_true(body[i].segment == LOG_BODY);
	}
	assert_true(body[0].offset != body[1].offset);
	must_append(log, 1, 1);
	/* None of this epoch is swept: a record may be on its way. */
	assert_int_equal(log_bodies_sweep(log, only_first, &body[0].offset,
		&error), 0);
	assert_int_equal(log_read(log, body[1], text, 10, &error), 0);
	assert_string_equal(text, "large body");
	log_close(&log);
	log = open_log(place.engine, &head);
	assert_int_equal(log_body_create(log, pieces, 2, &body[2], &error), 0);
	assert_true(body[2].offset > body[1].offset);
	assert_int_equal(log_pin(log, body[1], &pin, &error), 0);
	assert_int_equal(log_bodies_sweep(log, only_first, &body[0].offset,
		&error), 0);
	assert_int_equal(log_read(log, body[0], text, 10, &error), 0);
	assert_int_equal(log_read(log, body[2], text, 10, &error), 0);
	assert_int_equal(log_read(log, body[1], text, 10, &error), -1);
	assert_int_equal(error.code, ERROR_GONE);
	assert_int_equal(log_read(log, body[0], text, 11, &error), -1);
	log_close(&log);
	/* A pin outlives the object and the log. */
	memset(text, 0, sizeof(text));
	assert_int_equal(pin.size, 10);
	assert_int_equal(file_read_at(pin.fd, text, 10, pin.offset, &error), 0);
	assert_string_equal(text, "large body");
	place.engine->call->unpin(&pin);
	buffer_fini(&head);
	place_free(&place);
}

static void
one_process_has_an_account(bool files)
{
	struct place place = place_new(files);
	struct buffer head;
	struct error error;
	struct log *log, *other;
	buffer_init(&head, 0);
	assert_int_equal(log_open(place.engine, ACCOUNT, false, SEGMENT,
		fixed_clock, &log, &head, &error), -1);
	assert_int_equal(error.code, ERROR_GONE);
	log = open_log(place.engine, &head);
	assert_int_equal(log_open(place.engine, ACCOUNT, true, SEGMENT,
		fixed_clock, &other, &head, &error), -1);
	assert_int_equal(error.code, ERROR_LOST_CLAIM);
	assert_int_equal(place.engine->call->destroy(place.engine, ACCOUNT,
		&error), -1);
	assert_int_equal(error.code, ERROR_LOST_CLAIM);
	log_close(&log);
	/* Nothing was appended: still no account. */
	assert_int_equal(log_open(place.engine, ACCOUNT, false, SEGMENT,
		fixed_clock, &log, &head, &error), -1);
	assert_int_equal(error.code, ERROR_GONE);
	log = open_log(place.engine, &head);
	must_append(log, 1, 1);
	log_close(&log);
	assert_int_equal(log_open(place.engine, ACCOUNT, false, SEGMENT,
		fixed_clock, &log, &head, &error), 0);
	log_close(&log);
	assert_int_equal(place.engine->call->destroy(place.engine, ACCOUNT,
		&error), 0);
	assert_int_equal(log_open(place.engine, ACCOUNT, false, SEGMENT,
		fixed_clock, &log, &head, &error), -1);
	assert_int_equal(error.code, ERROR_GONE);
	buffer_fini(&head);
	place_free(&place);
}

/* ---- files only ---- */

static void
steady_append_is_one_sync(void **state)
{
	struct place place = place_new(true);
	struct buffer head;
	(void)state;
	buffer_init(&head, 0);
	struct log *log = open_log(place.engine, &head);
	must_append(log, 1, 1);
	uint64_t before = file_sync_count();
	for (unsigned i = 2; i < 12; i++)
		must_append(log, i, 1);
	assert_int_equal(file_sync_count() - before, 10);
	log_close(&log);
	/* A cold account: nothing is written by opening it. */
	before = file_sync_count();
	log = open_log(place.engine, &head);
	must_append(log, 12, 1);
	log_close(&log);
	assert_int_equal(file_sync_count() - before, 1);
	buffer_fini(&head);
	place_free(&place);
}

static uint64_t
segment_size(const struct place *place, unsigned number)
{
	char path[200];
	struct stat status;
	snprintf(path, sizeof(path), "%s/00/%016x/log/%08u", place->path,
		ACCOUNT, number);
	assert_int_equal(stat(path, &status), 0);
	return (uint64_t)status.st_size;
}

static uint64_t
file_size(const struct place *place)
{
	return segment_size(place, 1);
}

/* Zeros stand ahead of the log, and are no part of it. */
static void
zeros_are_written_ahead(void **state)
{
	struct place place = place_new(true);
	struct engine_claim *claim;
	struct engine_pin pin;
	uint64_t epoch;
	struct buffer head;
	struct error error;
	unsigned grown = 0;
	(void)state;
	buffer_init(&head, 0);
	struct log *log = open_log(place.engine, &head);
	for (unsigned i = 1; i <= 12; i++) {
		uint64_t before = i > 1 ? file_size(&place) : 0;
		assert_int_equal(append_sized(log, i, 1, 800, 0, &error), 0);
		grown += file_size(&place) != before;
	}
	assert_true(grown < 12);
	uint64_t end = log_end(log).mark.offset + 96;
	log_close(&log);
	assert_true(file_size(&place) >= end + 4096);
	const struct engine_functions *call = place.engine->call;
	assert_int_equal(call->claim(place.engine, ACCOUNT, false, &claim,
			&epoch, &error), 0);
	assert_int_equal(call->pin(claim, ENGINE_SEGMENT, 1, &pin, &error), 0);
	assert_int_equal(pin.size, end);
	call->unpin(&pin);
	call->release(&claim);
	log = open_log(place.engine, &head);
	must_append(log, 13, 1);
	log_close(&log);
	buffer_fini(&head);
	place_free(&place);
}

static unsigned
open_files(void)
{
	unsigned count = 0;
	DIR *directory = opendir("/proc/self/fd");
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

/* What was left has no zeros; what is read stays open, the claim's end closes
 * it. */
static void
segments_are_left_and_kept_open(void **state)
{
	enum { SEGMENTS = 9, PIECE = 2000, SIZE = 20 * PIECE };
	struct place place = place_new(true);
	struct engine_pin pin;
	struct engine_claim *claim;
	uint64_t epoch;
	struct error error;
	char bytes[PIECE];
	struct iovec piece = { bytes, PIECE };
	unsigned before = open_files();
	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	const struct engine_functions *call = place.engine->call;
	assert_int_equal(call->claim(place.engine, ACCOUNT, true, &claim,
			&epoch, &error), 0);
	for (unsigned i = 1; i <= SEGMENTS; i++) {
		assert_int_equal(call->create(claim, ENGINE_SEGMENT, i,
				&error), 0);
		for (unsigned n = 0; n < SIZE; n += PIECE)
			assert_int_equal(call->append(claim, ENGINE_SEGMENT, i,
					n, &piece, 1, &error), 0);
		assert_true(segment_size(&place, i) > SIZE);
	}
	for (unsigned i = 1; i < SEGMENTS; i++)
		assert_int_equal(segment_size(&place, i), SIZE);
	for (unsigned i = 1; i <= SEGMENTS; i++) {
		assert_int_equal(call->pin(claim, ENGINE_SEGMENT, i, &pin,
				&error), 0);
		assert_int_equal(pin.size, SIZE);
		call->unpin(&pin);
	}
	unsigned open = open_files();
	assert_true(open >= before + SEGMENTS);
	assert_int_equal(call->remove(claim, ENGINE_SEGMENT, 4, &error), 0);
	assert_int_equal(open_files(), open - 1);
	call->release(&claim);
	assert_int_equal(open_files(), before);
	place_free(&place);
}

/* ---- failures, in memory ---- */

static void
refused_groups_are_never_seen(void **state)
{
	static const struct {
		const char *name;
		enum engine_memory_call call;
		enum engine_memory_fault fault;
		bool cut_fails;
		size_t segments;	/* after the next append */
	} cases[] = {
		{ "write fails", ENGINE_MEMORY_APPEND, ENGINE_MEMORY_BEFORE,
			false, 2 },
		{ "sync fails", ENGINE_MEMORY_APPEND, ENGINE_MEMORY_AFTER,
			false, 2 },
		{ "sync fails, cut fails", ENGINE_MEMORY_APPEND,
			ENGINE_MEMORY_AFTER, true, 2 },
		{ "disk full", ENGINE_MEMORY_APPEND, ENGINE_MEMORY_PART, false,
			1 },
		{ "disk full, cut fails", ENGINE_MEMORY_APPEND,
			ENGINE_MEMORY_PART, true, 2 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct place place = place_new(false);
		struct buffer head;
		buffer_init(&head, 0);
		struct log *log = open_log(place.engine, &head);
		must_append(log, 1, 2);
		engine_memory_fail(place.engine, cases[i].call, 1,
			cases[i].fault);
		if (cases[i].cut_fails)
			engine_memory_fail(place.engine, ENGINE_MEMORY_TRUNCATE,
				1, ENGINE_MEMORY_BEFORE);
		assert_int_equal(append(log, 3, 2), -1);
		assert_replays(log, NULL, "1 2 ");
		must_append(log, 3, 1);
		must_append(log, 4, 1);
		assert_replays(log, NULL, "1 2 3 4 ");
		if (segment_count(log) != cases[i].segments)
			fail_msg("%s: %zu segments", cases[i].name,
				segment_count(log));
		log_close(&log);
		log = open_log(place.engine, &head);
		assert_string_equal(buffer_string(&head), "next 5");
		assert_replays(log, NULL, "1 2 3 4 ");
		assert_int_equal(log_damage(log), 0);
		log_close(&log);
		buffer_fini(&head);
		place_free(&place);
	}
}

static void
failing_segment_creation_is_tried_again(void **state)
{
	static const enum engine_memory_fault faults[] = { ENGINE_MEMORY_BEFORE,
		ENGINE_MEMORY_AFTER, ENGINE_MEMORY_PART };
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct place place = place_new(false);
		struct buffer head;
		buffer_init(&head, 0);
		struct log *log = open_log(place.engine, &head);
		engine_memory_fail(place.engine, ENGINE_MEMORY_CREATE, 1,
			faults[i]);
		assert_int_equal(append(log, 1, 1), -1);
		must_append(log, 1, 1);
		log_seal(log);
		engine_memory_fail(place.engine, ENGINE_MEMORY_CREATE, 1,
			faults[i]);
		assert_int_equal(append(log, 2, 1), -1);
		must_append(log, 2, 1);
		log_close(&log);
		log = open_log(place.engine, &head);
		assert_replays(log, NULL, "1 2 ");
		assert_int_equal(log_damage(log), 0);
		log_close(&log);
		buffer_fini(&head);
		place_free(&place);
	}
}

static void
lost_claim_ends_appending(void **state)
{
	struct place place = place_new(false);
	struct buffer head;
	struct error error;
	(void)state;
	buffer_init(&head, 0);
	struct log *log = open_log(place.engine, &head);
	must_append(log, 1, 1);
	engine_memory_take(place.engine, ACCOUNT);
	struct log *other = open_log(place.engine, &head);
	assert_true(log_epoch(other) > log_epoch(log));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(append_sized(log, 2, 1, 40, 0, &error), -1);
		assert_int_equal(error.code, ERROR_LOST_CLAIM);
	}
	must_append(other, 2, 1);
	assert_replays(other, NULL, "1 2 ");
	log_close(&log);
	must_append(other, 3, 1);
	log_close(&other);
	buffer_fini(&head);
	place_free(&place);
}

static void
full_disk_takes_what_frees_space(void **state)
{
	struct place place = place_new(false);
	struct buffer head;
	struct error error;
	(void)state;
	buffer_init(&head, 0);
	struct log *log = open_log(place.engine, &head);
	engine_memory_set_room(place.engine, 600, 2000);
	assert_int_equal(log_room(log), 600);
	must_append(log, 1, 1);
	assert_int_equal(append_sized(log, 2, 1, 40, 0, &error), -1);
	assert_int_equal(error.code, ERROR_FULL);
	assert_int_equal(append_sized(log, 2, 1, 40, LOG_FROM_RESERVE, &error),
		0);
	assert_int_equal(append_sized(log, 3, 1, 1900, LOG_FROM_RESERVE,
		&error), -1);
	assert_int_equal(error.code, ERROR_FULL);
	assert_replays(log, NULL, "1 2 ");
	log_close(&log);
	log = open_log(place.engine, &head);
	assert_replays(log, NULL, "1 2 ");
	struct seen seen = { .size = 0 };
	assert_int_equal(log_replay(log, NULL, visit, &seen, &error), 0);
	assert_int_equal(seen.found.flags, 0);	/* not stored */
	log_close(&log);
	buffer_fini(&head);
	place_free(&place);
}

/* ---- damage, in memory ---- */

/* Groups 1 / 2 3 4 / 5 in segment 1, 6 / 7 in segment 2. */
static struct log *
make_five_groups(struct place *place, struct buffer *head,
	struct log_applied at[5])
{
	static const unsigned first[] = { 1, 2, 5, 6, 7 },
		count[] = { 1, 3, 1, 1, 1 };
	struct log *log = open_log(place->engine, head);
	for (int i = 0; i < 5; i++) {
		if (i == 3)
			log_seal(log);
		must_append(log, first[i], count[i]);
		at[i] = log_end(log);
	}
	return log;
}

/* A group of n records of 40 bytes: 88 + 40 each, head 88 + 8, mark 96. */
enum { RECORD = 128, GROUP_TWO = 128 + RECORD + 96 + 96 };

static void
damage_costs_the_record_it_hit(void **state)
{
	static const struct {
		const char *name;
		uint64_t segment, offset;
		const char *want;
	} cases[] = {
		{ "payload", 1, GROUP_TWO + RECORD + 100, "1 2 4 5 6 7 " },
		{ "record header", 1, GROUP_TWO + RECORD + 10, "1 2 4 5 6 7 " },
		{ "length", 1, GROUP_TWO + RECORD + 5, "1 2 4 5 6 7 " },
		{ "first record of a group", 1, GROUP_TWO, "1 3 4 5 6 7 " },
		{ "head record in the middle", 1, GROUP_TWO + 3 * RECORD + 3,
			"1 2 3 4 5 6 7 " },
		{ "mark", 1, GROUP_TWO - 50, "1 2 3 4 5 6 7 " },
		{ "segment header", 1, 30, "1 2 3 4 5 6 7 " },
		{ "magic of the segment", 1, 0, "1 2 3 4 5 6 7 " },
		{ "salt of the segment", 1, 12, "1 2 3 4 5 6 7 " },
		{ "newest segment's header", 2, 30, "1 2 3 4 5 6 7 " },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct place place = place_new(false);
		struct buffer head;
		struct log_applied at[5];
		struct error error = { 0 };
		buffer_init(&head, 0);
		struct log *log = make_five_groups(&place, &head, at);
		log_close(&log);
		engine_memory_damage(place.engine, ACCOUNT, ENGINE_SEGMENT,
			cases[i].segment, cases[i].offset);
		log = open_log(place.engine, &head);
		assert_string_equal(buffer_string(&head), "next 8");
		struct seen seen = { .size = 0 };
		assert_int_equal(log_replay(log, NULL, visit, &seen, &error),
			0);
		if (strcmp(seen.text, cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].name, seen.text);
		if (log_damage(log) == 0)
			fail_msg("%s: not reported", cases[i].name);
		unsigned damage = log_damage(log);
		assert_replays(log, NULL, cases[i].want);
		assert_int_equal(log_damage(log), damage);	/* once */
		must_append(log, 8, 1);
		log_close(&log);
		log = open_log(place.engine, &head);
		memset(&seen, 0, sizeof(seen));
		assert_int_equal(log_replay(log, &at[4], visit, &seen, &error),
			0);
		assert_string_equal(seen.text, "8 ");
		log_close(&log);
		buffer_fini(&head);
		place_free(&place);
	}
}

static void
missing_and_shortened_segments_are_passed_over(void **state)
{
	(void)state;
	for (int way = 0; way < 2; way++) {
		struct place place = place_new(false);
		struct buffer head;
		struct log_applied at[5];
		buffer_init(&head, 0);
		struct log *log = make_five_groups(&place, &head, at);
		log_seal(log);
		must_append(log, 8, 1);
		log_close(&log);
		if (way == 0)
			engine_memory_lose(place.engine, ACCOUNT,
				ENGINE_SEGMENT, 2);
		else
			engine_memory_cut(place.engine, ACCOUNT,
				ENGINE_SEGMENT, 1, at[1].mark.offset);
		log = open_log(place.engine, &head);
		assert_replays(log, NULL, way == 0 ? "1 2 3 4 5 8 " :
			"1 2 3 4 6 7 8 ");
		assert_true(log_damage(log) > 0);
		assert_false(log_has(log, &at[way == 0 ? 3 : 2]));
		log_close(&log);
		buffer_fini(&head);
		place_free(&place);
	}
}

static void
damaged_whole_state_falls_back(void **state)
{
	(void)state;
	struct place place = place_new(false);
	struct buffer head;
	struct error error;
	struct seen seen = { .size = 0 };
	buffer_init(&head, 0);
	struct log *log = open_log(place.engine, &head);
	must_append(log, 1, 1);
	assert_int_equal(append_sized(log, 2, 1, 40, LOG_STATE_END, &error), 0);
	must_append(log, 3, 1);
	log_seal(log);
	assert_int_equal(append_sized(log, 4, 2, 40, LOG_STATE_END, &error), 0);
	must_append(log, 6, 1);
	log_close(&log);
	log = open_log(place.engine, &head);
	assert_replays(log, NULL, "4 5 6 ");
	log_close(&log);
	engine_memory_damage(place.engine, ACCOUNT, ENGINE_SEGMENT, 2, 128 + 90);
	log = open_log(place.engine, &head);
	assert_replays(log, NULL, "2 3 5 6 ");
	log_close(&log);
	engine_memory_damage(place.engine, ACCOUNT, ENGINE_SEGMENT, 1,
		GROUP_TWO + 90);
	log = open_log(place.engine, &head);
	assert_int_equal(log_replay(log, NULL, visit, &seen, &error), 0);
	assert_string_equal(seen.text, "1 3 5 6 ");
	log_close(&log);
	buffer_fini(&head);
	place_free(&place);
}

static void
damaged_newest_head_is_told(void **state)
{
	struct place place = place_new(false);
	struct buffer head;
	(void)state;
	buffer_init(&head, 0);
	struct log *log = open_log(place.engine, &head);
	must_append(log, 1, 1);
	must_append(log, 2, 1);
	struct log_applied end = log_end(log);
	log_close(&log);
	/* Something torn behind proves that the last group was whole once. */
	struct engine_claim *claim;
	struct error error;
	uint64_t epoch;
	struct iovec piece = { (char *)"torn off", 8 };
	assert_int_equal(place.engine->call->claim(place.engine, ACCOUNT, false,
		&claim, &epoch, &error), 0);
	assert_int_equal(place.engine->call->append(claim, ENGINE_SEGMENT, 1,
		end.mark.offset + 96, &piece, 1, &error), 0);
	place.engine->call->release(&claim);
	engine_memory_damage(place.engine, ACCOUNT, ENGINE_SEGMENT, 1,
		end.mark.offset - 4);
	log = open_log(place.engine, &head);
	assert_int_equal(head.size, 0);
	assert_int_equal(log_end(log).mark.segment, 1);
	assert_true(log_damage(log) > 0);
	assert_replays(log, NULL, "1 2 ");
	log_close(&log);
	buffer_fini(&head);
	place_free(&place);
}

static void
torn_tail_is_cut_at_every_length(void **state)
{
	struct buffer head;
	uint64_t last = 0;
	(void)state;
	buffer_init(&head, 0);
	for (uint64_t cut = GROUP_TWO;; cut++) {
		struct place place = place_new(false);
		struct log *log = open_log(place.engine, &head);
		must_append(log, 1, 1);
		must_append(log, 2, 2);
		last = log_end(log).mark.offset + 96;
		log_close(&log);
		if (cut == last) {
			place_free(&place);
			break;
		}
		engine_memory_cut(place.engine, ACCOUNT, ENGINE_SEGMENT, 1,
			cut);
		log = open_log(place.engine, &head);
		assert_string_equal(buffer_string(&head), "next 2");
		assert_replays(log, NULL, "1 ");
		must_append(log, 7, 1);
		log_close(&log);
		log = open_log(place.engine, &head);
		assert_replays(log, NULL, "1 7 ");
		assert_int_equal(segment_count(log), 1);
		assert_int_equal(log_damage(log), 0);
		log_close(&log);
		place_free(&place);
	}
	assert_true(last > GROUP_TWO);
	buffer_fini(&head);
}

static void
last_group_not_whole_is_left_alone(void **state)
{
	static const uint64_t hits[] = { GROUP_TWO, GROUP_TWO + 5,
		GROUP_TWO + 100, GROUP_TWO + 88 + 39, GROUP_TWO + RECORD,
		GROUP_TWO + 2 * RECORD + 90 };
	struct buffer head;
	(void)state;
	buffer_init(&head, 0);
	for (size_t i = 0; i < sizeof(hits) / sizeof(hits[0]); i++) {
		struct place place = place_new(false);
		struct log *log = open_log(place.engine, &head);
		must_append(log, 1, 1);
		must_append(log, 2, 2);
		log_close(&log);
		engine_memory_damage(place.engine, ACCOUNT, ENGINE_SEGMENT, 1,
			hits[i]);
		log = open_log(place.engine, &head);
		assert_string_equal(buffer_string(&head), "next 2");
		assert_replays(log, NULL, "1 ");
		must_append(log, 7, 1);
		log_close(&log);
		/* Should it turn out to be whole after all, it is too late. */
		engine_memory_damage(place.engine, ACCOUNT, ENGINE_SEGMENT, 1,
			hits[i]);
		log = open_log(place.engine, &head);
		assert_replays(log, NULL, "1 7 ");
		assert_int_equal(segment_count(log), 2);
		log_close(&log);
		place_free(&place);
	}
	buffer_fini(&head);
}

static void
first_group_torn_is_an_empty_log(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 100, 128, 200, 400 };
	struct buffer head;
	struct error error;
	(void)state;
	buffer_init(&head, 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct place place = place_new(false);
		struct log *log = open_log(place.engine, &head);
		must_append(log, 1, 2);
		log_close(&log);
		engine_memory_cut(place.engine, ACCOUNT, ENGINE_SEGMENT, 1,
			sizes[i]);
		assert_int_equal(log_open(place.engine, ACCOUNT, false, SEGMENT,
			fixed_clock, &log, &head, &error), -1);
		assert_int_equal(error.code, ERROR_GONE);
		log = open_log(place.engine, &head);
		assert_int_equal(head.size, 0);
		assert_replays(log, NULL, "");
		must_append(log, 5, 1);
		log_close(&log);
		log = open_log(place.engine, &head);
		assert_replays(log, NULL, "5 ");
		assert_int_equal(log_damage(log), 0);
		log_close(&log);
		place_free(&place);
	}
	buffer_fini(&head);
}

static void
segment_of_a_refused_group_is_passed_over(void **state)
{
	struct place place = place_new(false);
	struct buffer head;
	(void)state;
	buffer_init(&head, 0);
	struct log *log = open_log(place.engine, &head);
	must_append(log, 1, 1);
	log_seal(log);
	engine_memory_fail(place.engine, ENGINE_MEMORY_APPEND, 1,
		ENGINE_MEMORY_AFTER);
	engine_memory_fail(place.engine, ENGINE_MEMORY_TRUNCATE, 1,
		ENGINE_MEMORY_BEFORE);
	assert_int_equal(append(log, 2, 1), -1);	/* whole in segment 2 */
	must_append(log, 3, 1);
	log_close(&log);
	/* Of segment 3 only the header reached the disk. */
	engine_memory_cut(place.engine, ACCOUNT, ENGINE_SEGMENT, 3, 150);
	log = open_log(place.engine, &head);
	assert_string_equal(buffer_string(&head), "next 2");
	assert_replays(log, NULL, "1 ");
	must_append(log, 4, 1);
	log_close(&log);
	log = open_log(place.engine, &head);
	assert_replays(log, NULL, "1 4 ");
	assert_int_equal(log_damage(log), 0);
	log_close(&log);
	buffer_fini(&head);
	place_free(&place);
}

static void
a_log_inside_a_mail_is_only_mail(void **state)
{
	struct place place = place_new(false);
	struct buffer head;
	struct error error;
	struct log_applied at[5];
	char copy[8 * 256];
	(void)state;
	buffer_init(&head, 0);
	struct log *log = make_five_groups(&place, &head, at);
	/* The very bytes of the segment, mailed to its owner, at a multiple of 8. */
	assert_int_equal(log_read(log, (struct log_position){ 2, 0 }, copy,
		128 + 2 * (GROUP_TWO - 128), &error), 0);
	struct iovec piece = { copy, 128 + 2 * (GROUP_TWO - 128) };
	struct log_record record = { .kind = 7, .actor = 5, .piece = &piece,
		.piece_count = 1 };
	memcpy(record.trace, "0123456789abcdef", 16);
	assert_int_equal(log_append(log, &record, 1, SPAN("next 9"), &error),
		0);
	must_append(log, 9, 1);
	log_close(&log);
	engine_memory_damage(place.engine, ACCOUNT, ENGINE_SEGMENT, 2,
		record.position.offset - 60);
	log = open_log(place.engine, &head);
	assert_replays(log, NULL, "1 2 3 4 5 6 7 9 ");
	log_close(&log);
	buffer_fini(&head);
	place_free(&place);
}

static void
newer_format_is_not_touched(void **state)
{
	struct place place = place_new(false);
	struct buffer head;
	struct error error;
	struct engine_claim *claim;
	uint64_t epoch;
	char header[256] = "PHLOGSEG\x02\x00\xa0\x00";
	struct iovec piece = { header, sizeof(header) };
	struct log *log;
	(void)state;
	buffer_init(&head, 0);
	assert_int_equal(place.engine->call->claim(place.engine, ACCOUNT, true,
		&claim, &epoch, &error), 0);
	assert_int_equal(place.engine->call->create(claim, ENGINE_SEGMENT, 1,
		&error), 0);
	assert_int_equal(place.engine->call->append(claim, ENGINE_SEGMENT, 1, 0,
		&piece, 1, &error), 0);
	place.engine->call->release(&claim);
	assert_int_equal(log_open(place.engine, ACCOUNT, true, SEGMENT,
		fixed_clock, &log, &head, &error), -1);
	assert_int_equal(error.code, ERROR_USAGE);
	buffer_fini(&head);
	place_free(&place);
}

static void
cases_on_both_engines(void **state)
{
	static void (*const cases[])(bool files) = {
		reopened_log_has_head_and_records,
		large_groups_and_many_segments_replay,
		whole_state_is_where_replay_begins,
		bodies_are_objects_of_their_own,
		one_process_has_an_account,
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cases[i](false);
		cases[i](true);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_on_both_engines),
		cmocka_unit_test(steady_append_is_one_sync),
		cmocka_unit_test(zeros_are_written_ahead),
		cmocka_unit_test(segments_are_left_and_kept_open),
		cmocka_unit_test(refused_groups_are_never_seen),
		cmocka_unit_test(failing_segment_creation_is_tried_again),
		cmocka_unit_test(lost_claim_ends_appending),
		cmocka_unit_test(full_disk_takes_what_frees_space),
		cmocka_unit_test(damage_costs_the_record_it_hit),
		cmocka_unit_test(missing_and_shortened_segments_are_passed_over),
		cmocka_unit_test(damaged_whole_state_falls_back),
		cmocka_unit_test(damaged_newest_head_is_told),
		cmocka_unit_test(torn_tail_is_cut_at_every_length),
		cmocka_unit_test(last_group_not_whole_is_left_alone),
		cmocka_unit_test(first_group_torn_is_an_empty_log),
		cmocka_unit_test(segment_of_a_refused_group_is_passed_over),
		cmocka_unit_test(a_log_inside_a_mail_is_only_mail),
		cmocka_unit_test(newer_format_is_not_touched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
