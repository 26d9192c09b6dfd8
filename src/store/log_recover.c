/*
 * Where a log ends, after whatever happened to it: doc/formats/log.md,
 * "Opening". Nothing is written here; what must be cut is cut before the next
 * append.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/log_inner.h"

/* What one segment says about the end of the log. */
struct tail {
	bool has_end;
	struct log_mark end;
	bool must_cut;		/* something torn follows */
	bool must_leave;	/* what follows cannot be told: never append here */
};

static void
note(const struct log_reader *reader, const char *what, uint64_t offset)
{
	char account[17];
	snprintf(account, sizeof(account), "%016" PRIx64, reader->account);
	log_event(LOG_WARN, "log-tail", NULL, LOG_TEXT("account", account),
		LOG_TEXT("what", what), LOG_NUMBER("segment", reader->number),
		LOG_NUMBER("offset", offset),
		LOG_NUMBER("size", reader->size - offset));
}

static void
find_tail(struct log_reader *reader, struct tail *tail)
{
	struct log_mark mark;
	struct log_group group = { 0 };
	memset(tail, 0, sizeof(*tail));
	if (reader->size >= LOG_SEGMENT_HEADER + LOG_MARK &&
		log_reader_mark(reader, reader->size - LOG_MARK, &mark)) {
		if (log_reader_group(reader, mark.start, reader->size, &group)) {
			tail->has_end = true;
			tail->end = group.mark;
		} else {	/* rule 2 */
			tail->must_leave = true;
			tail->has_end = log_reader_mark_before(reader,
				mark.start, &tail->end);
			note(reader, "last group not whole", mark.start);
		}
	} else if (log_reader_mark_before(reader, reader->size, &tail->end)) {
		tail->has_end = true;	/* rule 3 */
		tail->must_cut = true;
		note(reader, "torn", tail->end.at.offset + LOG_MARK);
	} else if (reader->size > 0)	/* rule 4 */
		note(reader, "first group not whole", 0);
	log_group_fini(&group);
}

/* The end is where a later segment's header says. */
static void
find_named(struct log *log, struct log_reader *reader,
	const struct log_applied *before, struct tail *tail)
{
	struct log_mark mark;
	memset(tail, 0, sizeof(*tail));
	tail->must_leave = true;
	if (log_reader_mark(reader, before->mark.offset, &mark) &&
		mark.crc == before->crc) {
		tail->has_end = true;
		tail->end = mark;
		return;
	}
	log_report_damage(log, "last mark", reader->number,
		before->mark.offset, LOG_MARK);
	tail->has_end = log_reader_mark_before(reader, before->mark.offset,
		&tail->end);
}

static void
take_head(struct log *log, struct log_reader *reader, struct buffer *head)
{
	struct log_record_header header;
	const struct log_mark *end = &log->end;
	if (!log_reader_record(reader, end->head, end->at.offset, &header) ||
		header.kind != LOG_KIND_HEAD) {
		log_report_damage(log, "head record", reader->number, end->head,
			end->at.offset - end->head);
		return;
	}
	const char *bytes = log_reader_get(reader,
		end->head + LOG_RECORD_HEADER, header.size);
	if (bytes != NULL)
		buffer_add(head, span_of(bytes, header.size));
}

static void
use_tail(struct log *log, const struct log_reader *reader,
	const struct tail *tail, bool is_newest)
{
	log->end = tail->end;
	if (reader->found != LOG_FORMAT_RIGHT)
		log_report_damage(log, "segment header", reader->number, 0,
			LOG_SEGMENT_HEADER);
	else if (is_newest && !tail->must_leave) {
		log->current = reader->number;
		log->offset = tail->end.at.offset + LOG_MARK;
		log->salt = reader->salt;
		log->must_cut = tail->must_cut;
	}
}

/*
 * Looks at segment i; 1: the end is found, 0: look at the one before, -1.
 * *before is what the nearest later header says (has_before).
 */
static int
look_at(struct log *log, size_t i, struct log_applied *before,
	bool *has_before, struct buffer *head, struct error *error)
{
	struct log_reader reader;
	struct tail tail = { 0 };
	uint64_t number = log->number[i];
	if (*has_before && before->mark.segment < number)
		return 0;	/* nothing in this one was acknowledged */
	if (log_reader_open(&reader, log->engine, log->claim, log->account,
			number, true, error) < 0)
		return error->code == ERROR_GONE ? 0 : -1;
	int result = 0;
	if (reader.found == LOG_FORMAT_NEWER) {
		result = error_set(error, ERROR_USAGE, "segment %" PRIu64
			" of account %016" PRIx64
			" was written by a newer version of this program",
			number, log->account);
	} else {
		if (*has_before && before->mark.segment == number)
			find_named(log, &reader, before, &tail);
		else
			find_tail(&reader, &tail);
		if (reader.found == LOG_FORMAT_RIGHT && !tail.has_end) {
			*before = reader.header.before;
			*has_before = true;
		}
	}
	if (tail.has_end) {
		use_tail(log, &reader, &tail, i + 1 == log->number_count);
		take_head(log, &reader, head);
		result = 1;
	}
	log_reader_close(&reader);
	return result;
}

static void
report_missing(struct log *log)
{
	uint64_t want = log->end.checkpoint.segment;
	if (log->end.at.segment == 0)
		return;
	if (want == 0)
		want = 1;
	for (size_t i = 0; i < log->number_count; i++) {
		uint64_t number = log->number[i];
		if (number < want || want > log->end.at.segment)
			continue;
		if (number > want)
			log_report_damage(log, "segment missing", want, 0, 0);
		want = number + 1;
	}
}

int
log_recover(struct log *log, struct buffer *head, struct error *error)
{
	struct engine_list list = { 0 };
	if (log->engine->call->list(log->claim, ENGINE_SEGMENT, &list,
			error) < 0)
		return -1;
	log->number = list.number;
	log->number_count = log->number_room = list.count;
	struct log_applied before = { 0 };
	bool has_before = false;
	int found = 0;
	for (size_t i = list.count; i > 0 && found == 0; i--) {
		if (has_before && before.mark.segment == 0)
			break;		/* the first group of all was torn */
		found = look_at(log, i - 1, &before, &has_before, head, error);
	}
	if (found < 0)
		return -1;
	report_missing(log);
	return 0;
}

/* What the nearest later header that can be read says about `number`. */
static bool
ask_later(struct log *log, uint64_t number, uint64_t *limit)
{
	uint64_t *numbers;
	size_t count = log_copy_segments(log, &numbers);
	bool is_known = false;
	for (size_t i = 0; i < count && !is_known; i++) {
		struct log_reader reader;
		struct error ignored;
		if (numbers[i] <= number ||
			log_reader_open(&reader, log->engine, log->claim,
				log->account, numbers[i], false, &ignored) < 0)
			continue;
		const struct log_position *before = &reader.header.before.mark;
		is_known = reader.found == LOG_FORMAT_RIGHT &&
			before->segment <= number;
		if (is_known)
			*limit = before->segment == number ?
				before->offset + LOG_MARK : 0;
		log_reader_close(&reader);
	}
	memory_free(numbers);
	return is_known;
}

uint64_t
log_recover_limit(struct log *log, const struct log_mark *end, uint64_t number)
{
	struct log_reader reader;
	struct log_mark mark;
	struct log_group group = { 0 };
	struct error ignored;
	uint64_t limit = 0;
	if (number == end->at.segment)
		return end->at.offset + LOG_MARK;
	if (number > end->at.segment || ask_later(log, number, &limit))
		return limit;
	if (log_reader_open(&reader, log->engine, log->claim, log->account,
			number, false, &ignored) < 0)
		return 0;
	bool has_end = log_reader_mark_before(&reader, reader.size, &mark);
	/* As rule 2: it was never acknowledged, or was damaged. */
	if (has_end && !log_reader_group(&reader, mark.start,
			mark.at.offset + LOG_MARK, &group))
		has_end = log_reader_mark_before(&reader, mark.start, &mark);
	if (has_end)
		limit = mark.at.offset + LOG_MARK;
	log_group_fini(&group);
	log_reader_close(&reader);
	return limit;
}
