/*
 * Appending a group: one write, one sync, and what must happen when that does
 * not work: doc/formats/log.md, "Writing". Only the account's leader is here.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/log_inner.h"

/* One group on its way: headers in `bytes`, pieces in the order of the file. */
struct draft {
	struct log *log;
	char *bytes, *next;
	struct iovec *piece;
	int piece_count;
	uint64_t start, at;		/* offsets in the segment */
	int64_t wall;
	uint32_t headers_crc;
	uint8_t hash[LOG_HASH];
	EVP_MD_CTX *digest;
};

static const char zeros[8];
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

/* Without a digest no record can be made: as without memory, the end. */
static void
must(int ok)
{
	if (ok != 1)
		abort();
}

static void
fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(sha256 != NULL);
}

static void
add_piece(struct draft *draft, const void *data, size_t size)
{
	if (size == 0)
		return;
	draft->piece[draft->piece_count++] =
		(struct iovec){ (void *)(uintptr_t)data, size };
	draft->at += size;
}

static char *
add_bytes(struct draft *draft, size_t size)
{
	char *bytes = draft->next;
	draft->next += size;
	add_piece(draft, bytes, size);
	return bytes;
}

static void
add_record(struct draft *draft, const struct log_record *record,
	struct log_position *position)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	struct log_record_header header = { .kind = record->kind,
		.flags = record->flags & LOG_FLAGS_STORED,
		.modseq = record->modseq, .epoch = draft->log->epoch,
		.actor = record->actor, .wall = draft->wall };
	for (int i = 0; i < record->piece_count; i++) {
		const struct iovec *piece = &record->piece[i];
		header.size += (uint32_t)piece->iov_len;
		header.payload_crc = hash_crc32c(header.payload_crc,
			piece->iov_base, piece->iov_len);
	}
	memcpy(header.trace, record->trace, sizeof(header.trace));
	memcpy(header.before, draft->hash, LOG_HASH);
	struct log_position at = { draft->log->current, draft->at };
	char *bytes = add_bytes(draft, LOG_RECORD_HEADER);
	log_format_put_record(bytes, &header, draft->log->salt, at);
	draft->headers_crc = hash_crc32c(draft->headers_crc, bytes,
		LOG_RECORD_HEADER);
	*position = (struct log_position){ at.segment, draft->at };
	must(EVP_DigestInit_ex(draft->digest, sha256, NULL));
	must(EVP_DigestUpdate(draft->digest, bytes, LOG_RECORD_HEADER - 4));
	for (int i = 0; i < record->piece_count; i++) {
		const struct iovec *piece = &record->piece[i];
		must(EVP_DigestUpdate(draft->digest, piece->iov_base,
			piece->iov_len));
		add_piece(draft, piece->iov_base, piece->iov_len);
	}
	must(EVP_DigestFinal_ex(draft->digest, hash, NULL));
	memcpy(draft->hash, hash, LOG_HASH);
	add_piece(draft, zeros, log_format_padded(header.size) - header.size);
}

static void
add_segment_header(struct draft *draft)
{
	struct log *log = draft->log;
	log->salt = (uint32_t)random_u64();
	struct log_segment_header header = { .salt = log->salt,
		.account = log->account, .number = log->current,
		.epoch = log->epoch, .wall = draft->wall,
		.before = log_applied_of(&log->end) };
	log_format_put_segment(add_bytes(draft, LOG_SEGMENT_HEADER), &header);
}

/* The records, behind what was written of their group. */
static void
draft_part(struct draft *draft, struct log_record *records, size_t count,
	struct log_part *part)
{
	struct log *log = draft->log;
	bool is_first = log->part.at == 0;
	draft->at = is_first ? log->offset : log->part.at;
	draft->headers_crc = is_first ? 0 : log->part.headers_crc;
	draft->wall = log->wall_clock();
	memcpy(draft->hash, is_first ? log->end.hash : log->part.hash,
		LOG_HASH);
	if (is_first && log->offset == 0)
		add_segment_header(draft);
	*part = log->part;
	if (is_first)
		part->start = draft->at;
	for (size_t i = 0; i < count; i++)
		add_record(draft, &records[i], &records[i].position);
	part->at = draft->at;
	part->count += (uint32_t)count;
	part->headers_crc = draft->headers_crc;
	memcpy(part->hash, draft->hash, LOG_HASH);
}

/* The head and the mark. */
static void
draft_end(struct draft *draft, const struct log_record *records, size_t count,
	struct span head, const struct log_part *part, struct log_mark *mark)
{
	struct log *log = draft->log;
	struct iovec head_piece = { (void *)(uintptr_t)head.data, head.size };
	struct log_record head_record = { .kind = LOG_KIND_HEAD,
		.flags = LOG_MUST_UNDERSTAND,
		.modseq = count > 0 ? records[count - 1].modseq : 0,
		.piece = &head_piece, .piece_count = head.size > 0 };
	struct log_position position;
	*mark = (struct log_mark){ .salt = log->salt, .start = part->start,
		.count = part->count + 1, .epoch = log->epoch,
		.sequence = log->end.sequence + 1,
		.checkpoint = log->end.checkpoint };
	for (size_t i = 0; i < count; i++)
		if (records[i].flags & LOG_STATE_END)
			mark->checkpoint = (struct log_position){ log->current,
				mark->start };
	mark->head = draft->at;
	add_record(draft, &head_record, &position);
	mark->at = (struct log_position){ log->current, draft->at };
	mark->headers_crc = draft->headers_crc;
	memcpy(mark->hash, draft->hash, LOG_HASH);
	log_format_put_mark(add_bytes(draft, LOG_MARK), log->account, mark);
}

static uint64_t
measure(const struct log_record *records, size_t count, struct span head,
	size_t *pieces)
{
	uint64_t total = LOG_RECORD_HEADER + log_format_padded(head.size) +
		LOG_MARK;
	*pieces = 5;	/* segment header, mark; of the head: header, bytes, zeros */
	for (size_t i = 0; i < count; i++) {
		uint64_t size = 0;
		for (int k = 0; k < records[i].piece_count; k++)
			size += records[i].piece[k].iov_len;
		if (size > LOG_RECORD_LIMIT)
			return UINT64_MAX;
		total += LOG_RECORD_HEADER + log_format_padded(size);
		*pieces += (size_t)records[i].piece_count + 2;
	}
	return total;
}

/* Makes sure there is a segment to write to, its tail cut. */
static int
prepare(struct log *log, uint64_t size, struct error *error)
{
	const struct engine_functions *call = log->engine->call;
	if (log->current != 0 && log->must_cut) {
		if (call->truncate(log->claim, ENGINE_SEGMENT, log->current,
				log->offset, error) == 0)
			log->must_cut = false;
		else if (error->code == ERROR_LOST_CLAIM)
			return -1;
		else
			log->current = 0;
	}
	if (log->current != 0 && log->offset > LOG_SEGMENT_HEADER &&
		log->offset + size > log->segment_size)
		log->current = 0;
	if (log->current != 0)
		return 0;
	uint64_t number;
	int result;
	do {	/* past one whose creation failed half way */
		number = log->number_count == 0 ? 1 :
			log->number[log->number_count - 1] + 1;
		result = call->create(log->claim, ENGINE_SEGMENT, number, error);
		if (result < 0 && error->code != ERROR_EXISTS)
			return -1;
		log_add_segment(log, number);
	} while (result < 0);
	log->current = number;
	log->offset = 0;
	log->must_cut = false;
	return 0;
}

/* After a failed append: rules 3 and 4. */
static void
back_out(struct log *log, struct error *why)
{
	struct error ignored;
	log->part = (struct log_part){ .at = 0 };
	if (why->code == ERROR_LOST_CLAIM) {
		log->is_lost = true;
		return;
	}
	bool is_cut = log->engine->call->truncate(log->claim, ENGINE_SEGMENT,
		log->current, log->offset, &ignored) == 0;
	if (why->code == ERROR_FULL && is_cut)
		return;
	log->current = 0;
	why->code = ERROR_SYSTEM;	/* FULL promises that it is cut */
}

/* head NULL: the group goes on. */
static int
append_once(struct log *log, struct log_record *records, size_t count,
	const struct span *head, struct error *error)
{
	size_t pieces;
	struct log_part part;
	struct log_mark mark;
	uint64_t size = measure(records, count, head == NULL ?
		span_of(NULL, 0) : *head, &pieces);
	if (size == UINT64_MAX)
		return error_set(error, ERROR_USAGE,
			"a record of more than 2 GiB");
	if (log->part.at == 0 && prepare(log, size, error) < 0)
		return -1;
	uint64_t at = log->part.at == 0 ? log->offset : log->part.at;
	struct draft draft = { .log = log };
	draft.bytes = draft.next = memory_new((count + 1) * LOG_RECORD_HEADER +
		LOG_SEGMENT_HEADER + LOG_MARK);
	draft.piece = memory_new_array(pieces, sizeof(*draft.piece));
	pthread_once(&sha256_once, fetch_sha256);
	draft.digest = EVP_MD_CTX_new();
	must(draft.digest != NULL);
	draft_part(&draft, records, count, &part);
	if (head != NULL)
		draft_end(&draft, records, count, *head, &part, &mark);
	int result = log->engine->call->append(log->claim, ENGINE_SEGMENT,
		log->current, at, draft.piece, draft.piece_count, error);
	if (result == 0 && head == NULL) {
		log->part = part;
	} else if (result == 0) {
		log->part = (struct log_part){ .at = 0 };
		log->offset = draft.at;
		pthread_mutex_lock(&log->lock);
		log->end = mark;
		pthread_mutex_unlock(&log->lock);
	} else
		back_out(log, error);
	EVP_MD_CTX_free(draft.digest);
	memory_free(draft.piece);
	memory_free(draft.bytes);
	return result;
}

int
log_append(struct log *log, struct log_record *records, size_t count,
	struct span head, struct error *error)
{
	bool frees_space = false;
	assert(count + log->part.count <= LOG_GROUP_LIMIT);
	for (size_t i = 0; i < count; i++) {
		assert(records[i].kind != LOG_KIND_HEAD);
		frees_space |= (records[i].flags & LOG_FROM_RESERVE) != 0;
	}
	if (log->is_lost)
		return error_set(error, ERROR_LOST_CLAIM, "account %016" PRIx64
			" belongs to another process", log->account);
	bool is_whole = log->part.at == 0;
	int result = append_once(log, records, count, &head, error);
	if (result < 0 && error->code == ERROR_FULL && frees_space &&
		is_whole && log->engine->call->spend_reserve(log->engine))
		result = append_once(log, records, count, &head, error);
	if (result < 0 && error->code == ERROR_LOST_CLAIM)
		log->is_lost = true;
	if (result < 0)
		for (size_t i = 0; i < count; i++)
			records[i].position = (struct log_position){ 0, 0 };
	return result;
}

int
log_append_part(struct log *log, struct log_record *records, size_t count,
	struct error *error)
{
	assert(count + log->part.count < LOG_GROUP_LIMIT);
	if (log->is_lost)
		return error_set(error, ERROR_LOST_CLAIM, "account %016" PRIx64
			" belongs to another process", log->account);
	int result = append_once(log, records, count, NULL, error);
	if (result < 0 && error->code == ERROR_LOST_CLAIM)
		log->is_lost = true;
	return result;
}

void
log_drop_parts(struct log *log)
{
	struct error why = { .code = ERROR_FULL };	/* nothing is in doubt */
	if (log->part.at != 0)
		back_out(log, &why);
}
