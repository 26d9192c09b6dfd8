/*
 * One account's log: opening, closing, what it knows, reading at positions,
 * and its objects. Appending is log_append.c, finding the end after anything
 * that may have happened log_recover.c, walking over it log_replay.c.
 */
#include "store/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/log_inner.h"

enum { DAMAGE_LIMIT = 1000 };	/* stretches remembered one by one */

int
log_open(struct engine *engine, uint64_t account, bool create,
	uint64_t segment_size, int64_t (*wall_clock)(void), struct log **log,
	struct buffer *head, struct error *error)
{
	struct engine_claim *claim;
	uint64_t epoch;
	*log = NULL;
	buffer_clear(head);
	if (engine->call->claim(engine, account, create, &claim, &epoch,
			error) < 0)
		return -1;
	struct log *new = memory_new(sizeof(*new));
	new->engine = engine;
	new->claim = claim;
	new->account = account;
	new->segment_size = segment_size;
	new->wall_clock = wall_clock;
	pthread_mutex_init(&new->lock, NULL);
	if (log_recover(new, head, error) < 0) {
		log_close(&new);
		return -1;
	}
	new->epoch = epoch > new->end.epoch ? epoch : new->end.epoch + 1;
	if (new->end.at.segment == 0 && !create) {
		log_close(&new);
		return error_set(error, ERROR_GONE,
			"account %016" PRIx64 " has nothing in its log", account);
	}
	*log = new;
	return 0;
}

void
log_close(struct log **log)
{
	if (*log == NULL)
		return;
	(*log)->engine->call->release(&(*log)->claim);
	pthread_mutex_destroy(&(*log)->lock);
	memory_free((*log)->number);
	memory_free((*log)->damage);
	memory_free(*log);
	*log = NULL;
}

unsigned
log_damage(const struct log *log)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&log->lock;
	pthread_mutex_lock(lock);
	unsigned count = (unsigned)log->damage_count;
	pthread_mutex_unlock(lock);
	return count;
}

void
log_report_damage(struct log *log, const char *what, uint64_t segment,
	uint64_t offset, uint64_t size)
{
	bool is_known = false;
	pthread_mutex_lock(&log->lock);
	for (size_t i = 0; i < log->damage_count && !is_known; i++)
		is_known = log->damage[i].segment == segment &&
			log->damage[i].offset == offset;
	if (!is_known && log->damage_count < DAMAGE_LIMIT) {
		log->damage = memory_resize(log->damage,
			(log->damage_count + 1) * sizeof(*log->damage));
		log->damage[log->damage_count++] =
			(struct log_position){ segment, offset };
	}
	pthread_mutex_unlock(&log->lock);
	if (is_known)
		return;
	char account[17];
	snprintf(account, sizeof(account), "%016" PRIx64, log->account);
	log_event(LOG_ERROR, "log-damaged", NULL, LOG_TEXT("account", account),
		LOG_TEXT("what", what), LOG_NUMBER("segment", segment),
		LOG_NUMBER("offset", offset), LOG_NUMBER("size", size));
}

uint64_t
log_room(struct log *log)
{
	return log->engine->call->room(log->engine);
}

void
log_seal(struct log *log)
{
	if (log->offset != 0)
		log->current = 0;
}

int
log_cache_directory(struct log *log)
{
	return log->engine->call->cache_directory(log->claim);
}

uint64_t
log_epoch(const struct log *log)
{
	return log->epoch;
}

struct log_applied
log_applied_of(const struct log_mark *mark)
{
	return (struct log_applied){ mark->at, mark->salt, mark->crc };
}

struct log_mark
log_copy_end(struct log *log)
{
	pthread_mutex_lock(&log->lock);
	struct log_mark end = log->end;
	pthread_mutex_unlock(&log->lock);
	return end;
}

struct log_applied
log_end(const struct log *log)
{
	struct log_mark end = log_copy_end((struct log *)log);
	return log_applied_of(&end);
}

/* Was a segment after this one removed, since a whole state is newer? */
static bool
is_followed(struct log *log, const struct log_mark *end, uint64_t segment)
{
	uint64_t *number, want = segment;
	size_t count = log_copy_segments(log, &number);
	for (size_t i = 0; i < count; i++)
		want += number[i] == want;
	memory_free(number);
	return want >= end->checkpoint.segment;
}

bool
log_has(struct log *log, const struct log_applied *applied)
{
	struct log_mark end = log_copy_end(log), mark;
	struct log_reader reader;
	struct error ignored;
	uint64_t segment = applied->mark.segment;
	if (segment == 0)
		return end.at.segment == 0;
	if (segment == end.at.segment && applied->mark.offset == end.at.offset)
		return applied->salt == end.salt && applied->crc == end.crc;
	if (segment > end.at.segment || !log_has_segment(log, segment) ||
		!is_followed(log, &end, segment))
		return false;
	uint64_t limit = log_recover_limit(log, &end, segment);
	if (limit < LOG_MARK || applied->mark.offset > limit - LOG_MARK)
		return false;
	if (log_reader_open(&reader, log->engine, log->claim, log->account,
			segment, false, &ignored) < 0)
		return false;
	bool has = log_reader_mark(&reader, applied->mark.offset, &mark) &&
		mark.salt == applied->salt && mark.crc == applied->crc;
	log_reader_close(&reader);
	return has;
}

static int
pin_object(struct log *log, struct log_position position,
	struct engine_pin *pin, struct error *error)
{
	bool is_body = position.segment == LOG_BODY;
	return log->engine->call->pin(log->claim,
		is_body ? ENGINE_BODY : ENGINE_SEGMENT,
		is_body ? position.offset : position.segment, pin, error);
}

int
log_pin(struct log *log, struct log_position position, struct engine_pin *pin,
	struct error *error)
{
	if (pin_object(log, position, pin, error) < 0)
		return -1;
	if (position.segment == LOG_BODY)
		return 0;
	if (position.offset > pin->size) {
		log->engine->call->unpin(pin);
		return error_set(error, ERROR_DAMAGED, "segment %" PRIu64
			" of account %016" PRIx64 " ends before %" PRIu64,
			position.segment, log->account, position.offset);
	}
	pin->offset += position.offset;
	pin->size -= position.offset;
	return 0;
}

int
log_read(struct log *log, struct log_position position, void *out, size_t size,
	struct error *error)
{
	struct engine_pin pin;
	if (log_pin(log, position, &pin, error) < 0)
		return -1;
	int result = size > pin.size ?
		error_set(error, ERROR_DAMAGED, "it ends before its size") :
		file_read_at(pin.fd, out, size, pin.offset, error);
	log->engine->call->unpin(&pin);
	if (result < 0)
		error_wrap(error, "reading %zu bytes at %" PRIu64 " of segment %"
			PRIu64 " of account %016" PRIx64, size, position.offset,
			position.segment, log->account);
	return result;
}

int
log_read_whole(struct log *log, struct log_position position, void *out,
	size_t size, struct error *error)
{
	struct log_reader reader;
	struct log_record_header header;
	if (log_reader_open(&reader, log->engine, log->claim, log->account,
			position.segment, false, error) < 0)
		return -1;
	bool is_right = position.offset >= LOG_RECORD_HEADER &&
		log_reader_record(&reader, position.offset - LOG_RECORD_HEADER,
		reader.size, &header) && header.size == size;
	log_reader_close(&reader);
	if (!is_right)
		return error_set(error, ERROR_DAMAGED, "no record of %zu bytes"
			" at %" PRIu64 " of segment %" PRIu64 " of account %016"
			PRIx64, size, position.offset, position.segment,
			log->account);
	return log_read(log, position, out, size, error);
}

/* ---- bodies ---- */

int
log_body_create(struct log *log, const struct iovec *pieces, int count,
	struct log_position *position, struct error *error)
{
	const struct engine_functions *call = log->engine->call;
	uint64_t number;
	int result;
	do {	/* past what a process left that died before its record */
		pthread_mutex_lock(&log->lock);
		number = log->epoch << 32 | ++log->bodies;
		pthread_mutex_unlock(&log->lock);
		result = call->create(log->claim, ENGINE_BODY, number, error);
	} while (result < 0 && error->code == ERROR_EXISTS);
	if (result < 0)
		return -1;
	if (call->append(log->claim, ENGINE_BODY, number, 0, pieces, count,
			error) < 0) {
		struct error ignored;
		call->remove(log->claim, ENGINE_BODY, number, &ignored);
		return -1;
	}
	*position = (struct log_position){ LOG_BODY, number };
	return 0;
}

int
log_body_remove(struct log *log, struct log_position position,
	struct error *error)
{
	return log->engine->call->remove(log->claim, ENGINE_BODY,
		position.offset, error);
}

int
log_bodies_sweep(struct log *log, bool (*alive)(void *context, uint64_t number),
	void *context, struct error *error)
{
	const struct engine_functions *call = log->engine->call;
	struct engine_list list = { 0 };
	if (call->list(log->claim, ENGINE_BODY, &list, error) < 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < list.count && result == 0; i++)
		/* This epoch's may be waiting for their record. */
		if (list.number[i] >> 32 != log->epoch &&
			!alive(context, list.number[i]))
			result = call->remove(log->claim, ENGINE_BODY,
				list.number[i], error);
	memory_free(list.number);
	return result;
}

/* ---- segments ---- */

bool
log_has_segment(struct log *log, uint64_t number)
{
	bool has = false;
	pthread_mutex_lock(&log->lock);
	for (size_t i = log->number_count; i > 0 && !has; i--)
		has = log->number[i - 1] == number;
	pthread_mutex_unlock(&log->lock);
	return has;
}

void
log_add_segment(struct log *log, uint64_t number)
{
	pthread_mutex_lock(&log->lock);
	if (log->number_count == log->number_room) {
		log->number_room += 4 + log->number_room;
		log->number = memory_resize(log->number,
			log->number_room * sizeof(*log->number));
	}
	log->number[log->number_count++] = number;
	pthread_mutex_unlock(&log->lock);
}

size_t
log_copy_segments(struct log *log, uint64_t **numbers)
{
	pthread_mutex_lock(&log->lock);
	size_t count = log->number_count;
	*numbers = memory_new_array(count, sizeof(**numbers));
	if (count > 0)
		memcpy(*numbers, log->number, count * sizeof(**numbers));
	pthread_mutex_unlock(&log->lock);
	return count;
}

size_t
log_segments(struct log *log, struct log_segment **segments)
{
	uint64_t *number;
	size_t count = log_copy_segments(log, &number), used = 0;
	*segments = memory_new_array(count, sizeof(**segments));
	for (size_t i = 0; i < count; i++) {
		struct engine_pin pin;
		struct error ignored;
		if (log->engine->call->pin(log->claim, ENGINE_SEGMENT, number[i],
				&pin, &ignored) < 0)
			continue;
		(*segments)[used++] =
			(struct log_segment){ number[i], pin.size };
		log->engine->call->unpin(&pin);
	}
	memory_free(number);
	return used;
}

int
log_segment_remove(struct log *log, uint64_t number, struct error *error)
{
	struct log_mark end = log_copy_end(log);
	if (number >= end.checkpoint.segment)
		return error_set(error, ERROR_REFUSED, "segment %" PRIu64
			" of account %016" PRIx64
			" is not older than the newest whole state",
			number, log->account);
	if (log->engine->call->remove(log->claim, ENGINE_SEGMENT, number,
			error) < 0 && error->code != ERROR_GONE)
		return -1;
	pthread_mutex_lock(&log->lock);
	for (size_t i = 0; i < log->number_count; i++) {
		if (log->number[i] != number)
			continue;
		memmove(log->number + i, log->number + i + 1,
			(log->number_count - i - 1) * sizeof(*log->number));
		log->number_count--;
		break;
	}
	pthread_mutex_unlock(&log->lock);
	return 0;
}
