/*
 * Walking over a log, or the part an index has not seen, past whatever is
 * damaged or missing in it: doc/formats/log.md, "Replay". A replay sees the
 * log as it was when it began, so the leader may append meanwhile.
 */
#include <string.h>

#include "base/memory.h"
#include "store/log_inner.h"

const struct log_applied log_beginning;

struct walk {
	struct log *log;
	struct log_mark end;
	log_visitor *visitor;
	void *context;
	struct log_applied applied;	/* the last mark passed */
};

static int
visit_group(struct walk *walk, struct log_reader *reader,
	const struct log_group *group, struct error *error)
{
	if (group->has_mark)
		walk->applied = log_applied_of(&group->mark);
	for (size_t i = 0; i < group->count; i++) {
		const struct log_record_header *header = &group->entry[i].header;
		uint64_t offset = group->entry[i].offset + LOG_RECORD_HEADER;
		if (header->kind == LOG_KIND_HEAD)
			continue;
		struct log_found found = { .kind = header->kind,
			.flags = header->flags, .modseq = header->modseq,
			.epoch = header->epoch, .actor = header->actor,
			.wall = header->wall, .size = header->size,
			.position = { reader->number, offset } };
		memcpy(found.trace, header->trace, sizeof(found.trace));
		if (header->size <= LOG_FOUND_SIZE) {
			found.payload.data = header->size == 0 ? "" :
				log_reader_get(reader, offset, header->size);
			found.payload.size = header->size;
		}
		if (walk->visitor(walk->context, walk->log, &found,
				&walk->applied, error) < 0)
			return -1;
	}
	return 0;
}

static int
walk_segment(struct walk *walk, uint64_t number, uint64_t at,
	struct error *error)
{
	struct log_reader reader;
	struct log_group group = { 0 };
	uint64_t limit = log_recover_limit(walk->log, &walk->end, number);
	if (at >= limit)
		return 0;
	if (log_reader_open(&reader, walk->log->engine, walk->log->claim,
			walk->log->account, number, false, error) < 0)
		return error->code == ERROR_GONE ? 0 : -1;
	if (limit > reader.size) {
		log_report_damage(walk->log, "segment shortened", number,
			reader.size, limit - reader.size);
		limit = reader.size;
	}
	if (reader.found != LOG_FORMAT_RIGHT)
		log_report_damage(walk->log, "segment header", number, 0,
			LOG_SEGMENT_HEADER);
	int result = 0;
	while (at < limit && result == 0) {
		if (!log_reader_group(&reader, at, limit, &group)) {
			log_reader_salvage(&reader, at, limit, &group);
			log_report_damage(walk->log, "records", number, at,
				group.end - at);
		}
		result = visit_group(walk, &reader, &group, error);
		at = group.end;
	}
	log_group_fini(&group);
	log_reader_close(&reader);
	return result;
}

static bool
is_whole_state(const struct log_group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (group->entry[i].header.flags & LOG_STATE_END)
			return true;
	return false;
}

/* The last mark before a group that begins at `at`. */
static bool
mark_before(struct walk *walk, struct log_reader *reader,
	struct log_position at, struct log_mark *mark)
{
	struct log_reader older;
	struct error ignored;
	if (log_reader_mark_before(reader, at.offset, mark))
		return true;
	struct log_position before = reader->header.before.mark;
	if (before.segment == 0 || log_reader_open(&older, walk->log->engine,
			walk->log->claim, walk->log->account, before.segment,
			false, &ignored) < 0)
		return false;
	bool found = before.offset <= older.size &&
		log_reader_mark_before(&older, before.offset + LOG_MARK, mark);
	log_reader_close(&older);
	return found;
}

/* Is the whole state at *at right? If not, *at becomes the one before it. */
static bool
try_state(struct walk *walk, struct log_position *at)
{
	struct log_reader reader;
	struct log_group group = { 0 };
	struct log_mark mark;
	struct error ignored;
	struct log_position tried = *at;
	uint64_t limit = log_recover_limit(walk->log, &walk->end, at->segment);
	at->segment = 0;
	if (log_reader_open(&reader, walk->log->engine, walk->log->claim,
			walk->log->account, tried.segment, false, &ignored) < 0)
		return false;
	bool right = log_reader_group(&reader, tried.offset, limit, &group) &&
		is_whole_state(&group);
	if (right)
		*at = tried;
	else if (mark_before(walk, &reader, tried, &mark) &&
		(mark.checkpoint.segment < tried.segment ||
			mark.checkpoint.offset < tried.offset))
		*at = mark.checkpoint;
	if (!right)
		log_report_damage(walk->log, "whole state", tried.segment,
			tried.offset, 0);
	log_group_fini(&group);
	log_reader_close(&reader);
	return right;
}

static struct log_position
find_start(struct walk *walk, const struct log_applied *from)
{
	struct log_position at = walk->end.checkpoint;
	if (from == &log_beginning)
		return (struct log_position){ 0, 0 };
	if (from != NULL && from->mark.segment != 0) {
		walk->applied = *from;
		return (struct log_position){ from->mark.segment,
			from->mark.offset + LOG_MARK };
	}
	while (at.segment != 0 && !try_state(walk, &at))
		;
	return at;
}

int
log_replay(struct log *log, const struct log_applied *from,
	log_visitor *visitor, void *context, struct error *error)
{
	struct walk walk = { .log = log, .end = log_copy_end(log),
		.visitor = visitor, .context = context };
	struct log_position start = find_start(&walk, from);
	uint64_t *number;
	size_t count = log_copy_segments(log, &number);
	int result = 0;
	for (size_t i = 0; i < count && result == 0; i++) {
		if (number[i] < start.segment ||
			number[i] > walk.end.at.segment)
			continue;
		result = walk_segment(&walk, number[i],
			number[i] == start.segment ? start.offset :
			(uint64_t)LOG_SEGMENT_HEADER, error);
	}
	memory_free(number);
	return result;
}
