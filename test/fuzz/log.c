/*
 * A segment file with any bytes: opening, replaying and appending never read
 * outside, never loop for ever, and what is appended afterwards is there. The
 * input is the second of three segments when its first byte is odd, else the
 * newest, and the log's first bytes are made right when the second is odd, so
 * that mutations reach beyond the checksums of headers.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/engine_memory.h"
#include "store/log_format.h"

enum { ACCOUNT = 7, SALT = 0x5a5a5a5a, SEGMENT = 1 << 20 };

static int64_t
fixed_clock(void)
{
	return 0;
}

static void
put_segment(struct engine *engine, uint64_t number, const char *data,
	size_t size)
{
	struct engine_claim *claim;
	struct error error;
	uint64_t epoch;
	struct iovec piece = { (void *)(uintptr_t)data, size };
	int result = engine->call->claim(engine, ACCOUNT, true, &claim, &epoch,
		&error);
	assert(result == 0);
	result = engine->call->create(claim, ENGINE_SEGMENT, number, &error);
	assert(result == 0);
	result = engine->call->append(claim, ENGINE_SEGMENT, number, 0, &piece,
		1, &error);
	assert(result == 0);
	engine->call->release(&claim);
}

/* As far as records follow each other from start. */
static uint32_t
crc_of_headers(const char *data, uint64_t start, size_t end)
{
	uint32_t crc = 0;
	while (start < end && end - start >= LOG_RECORD_HEADER &&
		log_format_is_record(data + start)) {
		uint32_t size;
		memcpy(&size, data + start + 4, 4);
		crc = hash_crc32c(crc, data + start, LOG_RECORD_HEADER);
		start += LOG_RECORD_HEADER + log_format_padded(size);
	}
	return crc;
}

/*
 * Headers with a right checksum where the input says that one begins: "PHrc"
 * and "PHmk" at a multiple of 8, the rest of the fields are the input's.
 */
static void
make_right(char *data, size_t size, uint64_t number)
{
	struct log_segment_header segment = { .salt = SALT, .account = ACCOUNT,
		.number = number };
	if (size < LOG_SEGMENT_HEADER)
		return;
	log_format_put_segment(data, &segment);
	for (size_t at = LOG_SEGMENT_HEADER; at + LOG_MARK <= size; at += 8) {
		struct log_position place = { number, at };
		struct log_record_header record = { .kind = 0 };
		struct log_mark mark = { .at = place, .salt = SALT };
		const unsigned char *byte = (unsigned char *)data + at;
		if (log_format_is_record(data + at)) {
			memcpy(&record.size, byte + 4, 4);
			record.kind = byte[8] % 3;
			record.flags = byte[10];
			if (record.size <= size - at - LOG_RECORD_HEADER)
				record.payload_crc = hash_crc32c(0, data + at +
					LOG_RECORD_HEADER, record.size);
			log_format_put_record(data + at, &record, SALT, place);
		} else if (log_format_is_mark(data + at)) {
			mark.start = (uint64_t)byte[16] << 3;
			mark.head = (uint64_t)byte[24] << 3;
			mark.count = byte[32];
			mark.headers_crc = crc_of_headers(data, mark.start, at);
			mark.checkpoint.segment = byte[56] % 4;
			mark.checkpoint.offset = (uint64_t)byte[64] << 3;
			log_format_put_mark(data + at, ACCOUNT, &mark);
		}
	}
}

static int
visit(void *context, struct log *log, const struct log_found *record,
	const struct log_applied *group, struct error *error)
{
	uint64_t *sum = context;
	(void)log;
	(void)error;
	for (size_t i = 0; record->payload.data != NULL && i < record->size; i++)
		*sum += (unsigned char)record->payload.data[i];
	*sum += group->crc + record->size;
	return 0;
}

static void
replay(struct log *log)
{
	struct error error;
	struct log_applied end = log_end(log);
	uint64_t sum = 0;
	log_replay(log, NULL, visit, &sum, &error);
	log_replay(log, &log_beginning, visit, &sum, &error);
	assert(log_has(log, &end));
}

static bool
append(struct log *log)
{
	struct iovec piece = { (char *)"new", 3 };
	struct log_record record = { .kind = 1, .piece = &piece,
		.piece_count = 1 };
	struct error error;
	char text[3];
	if (log_append(log, &record, 1, SPAN("head"), &error) < 0)
		return false;
	int result = log_read(log, record.position, text, 3, &error);
	assert(result == 0 && memcmp(text, "new", 3) == 0);
	return true;
}

/* Opens, walks, appends; what was appended is the end. */
static void
use(struct engine *engine)
{
	struct log *log;
	struct error error;
	struct buffer head;
	buffer_init(&head, 0);
	if (log_open(engine, ACCOUNT, true, SEGMENT, fixed_clock, &log, &head,
			&error) == 0) {
		replay(log);
		bool is_appended = append(log);
		struct log_applied end = log_end(log);
		log_close(&log);
		assert(is_appended);
		int result = log_open(engine, ACCOUNT, false, SEGMENT,
			fixed_clock, &log, &head, &error);
		assert(result == 0);
		assert(span_equals(buffer_span(&head), SPAN("head")));
		struct log_applied again = log_end(log);
		assert(again.mark.segment == end.mark.segment &&
			again.mark.offset == end.mark.offset &&
			again.crc == end.crc);
		replay(log);
		log_close(&log);
	}
	buffer_fini(&head);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 1 << 16)
		return 0;
	log_init("fuzz", -1, -1);
	bool is_middle = data[0] & 1, is_right = data[1] & 1;
	uint64_t number = is_middle ? 2 : 1;
	char *bytes = memory_new(size);
	memcpy(bytes, data + 2, size - 2);
	if (is_right)
		make_right(bytes, size - 2, number);
	struct engine *engine = engine_memory_new();
	put_segment(engine, number, bytes, size - 2);
	if (is_middle)
		put_segment(engine, 3, bytes, (size - 2) / 2);
	use(engine);
	engine->call->close(&engine);
	memory_free(bytes);
	return 0;
}
