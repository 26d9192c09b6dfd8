/* Rows of blocks in a file; see kept.h. */
#include "names/kept.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"

enum { KEY = 16, MAGIC = 8, FIXED = MAGIC + 8 + 4 + 4 + 8 + 8 + 1, SUM = 8,
	RECORD_HEAD = 1 + 2 + 4 + 2 };

static const char file_magic[MAGIC + 1] = "PHzones1";
static const char row_magic[MAGIC + 1] = "PHzone1\n";

/* A version that is whole. */
struct row {
	struct row *next;
	struct dns_name origin;
	uint64_t number;
	uint32_t size;			/* octets of the body */
	uint32_t serial;
	int64_t expire, confirmed;	/* s, s since 1970 */
	uint32_t first, count;		/* blocks */
};

static struct {
	pthread_mutex_t lock;		/* of the following */
	struct row *rows;		/* by their place in the file */
	uint8_t key[KEY];
	uint64_t number;		/* the greatest */
	int fd;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* ---- octets ---- */

static uint64_t
take(const char *at, unsigned octets)
{
	uint64_t number = 0;
	for (unsigned i = 0; i < octets; i++)
		number |= (uint64_t)(uint8_t)at[i] << 8 * i;
	return number;
}

static int
write_at(const void *data, size_t size, uint64_t offset, struct error *error)
{
	const char *from = data;
	while (size > 0) {
		ssize_t n = pwrite(all.fd, from, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set_errno(error, "writing zones");
		from += n;
		size -= (size_t)n;
		offset += (size_t)n;
	}
	return 0;
}

static uint32_t
blocks_of(size_t body)
{
	return (uint32_t)((KEPT_BODY + body + KEPT_BLOCK - 1) / KEPT_BLOCK);
}

/* ---- what is in a row ---- */

static void
add_body(struct buffer *out, const struct zone *zone)
{
	for (size_t i = 0; i < zone->node_count; i++)
		for (unsigned j = 0; j < zone->nodes[i]->set_count; j++) {
			const struct zone_node *node = zone->nodes[i];
			const struct zone_set *set = &node->sets[j];
			const uint8_t *at = set->data;
			for (unsigned k = 0; k < set->count; k++) {
				size_t size = (size_t)at[0] << 8 | at[1];
				buffer_add_byte(out, (char)node->name_size);
				buffer_add_u16(out, set->type);
				buffer_add_u32(out, zone_record_ttl(node, set,
					at));
				buffer_add_u16(out, (uint16_t)size);
				buffer_add(out, span_of(node->name,
					node->name_size));
				buffer_add(out, span_of(at + 2, size));
				at += 2 + size;
			}
		}
}

/* False: it is no body. */
static bool
read_body(struct span body, struct zone_text *text)
{
	while (body.size >= RECORD_HEAD) {
		struct zone_record record = {
			.owner_size = (uint8_t)body.data[0],
			.type = (uint16_t)take(body.data + 1, 2),
			.ttl = (uint32_t)take(body.data + 3, 4),
			.size = (uint16_t)take(body.data + 7, 2) };
		size_t size = (size_t)RECORD_HEAD + record.owner_size +
			record.size;
		if (size > body.size)
			return false;
		record.owner = (const uint8_t *)body.data + RECORD_HEAD;
		record.data = record.owner + record.owner_size;
		zone_text_add(text, &record);
		body = span_skip(body, size);
	}
	return body.size == 0;
}

/* The head of a row, without its sum. */
static void
add_head(struct buffer *out, const struct row *row)
{
	buffer_add(out, span_of(row_magic, MAGIC));
	buffer_add_u64(out, row->number);
	buffer_add_u32(out, row->size);
	buffer_add_u32(out, row->serial);
	buffer_add_u64(out, (uint64_t)row->expire);
	buffer_add_u64(out, (uint64_t)row->confirmed);
	buffer_add_byte(out, (char)row->origin.size);
	buffer_add(out, span_of(row->origin.bytes, row->origin.size));
}

static uint64_t
sum_of(struct span head, struct span body)
{
	uint8_t sums[2 * SUM];
	uint64_t parts[2] = { hash_siphash(all.key, head),
		hash_siphash(all.key, body) };
	for (unsigned i = 0; i < sizeof(sums); i++)
		sums[i] = (uint8_t)(parts[i / SUM] >> 8 * (i % SUM));
	return hash_siphash(all.key, span_of(sums, sizeof(sums)));
}

/* What a primary confirmed later. */
static void
write_confirmed(const struct row *row)
{
	struct buffer out;
	struct error error;
	buffer_init(&out, 0);
	buffer_add_u64(&out, row->number);
	buffer_add_u64(&out, (uint64_t)row->confirmed);
	uint64_t sum = hash_siphash(all.key, buffer_span(&out));
	buffer_shift(&out, 8);
	buffer_add_u64(&out, sum);
	write_at(out.data, out.size, (uint64_t)row->first * KEPT_BLOCK +
		KEPT_CONFIRMED, &error);
	buffer_fini(&out);
}

static void
read_confirmed(const char *at, struct row *row)
{
	struct buffer out;
	buffer_init(&out, 0);
	buffer_add_u64(&out, row->number);
	buffer_add(&out, span_of(at, 8));
	if (hash_siphash(all.key, buffer_span(&out)) == take(at + 8, SUM))
		row->confirmed = (int64_t)take(at, 8);
	buffer_fini(&out);
}

/* The row that begins at this block, and its body. False: none that is whole. */
static bool
read_row(uint32_t first, uint64_t blocks, struct row *row,
	struct buffer *body)
{
	char head[KEPT_BODY];
	struct error error;
	uint64_t at = (uint64_t)first * KEPT_BLOCK;
	*row = (struct row){ .first = first };
	buffer_clear(body);
	if (file_read_at(all.fd, head, sizeof(head), at, &error) < 0 ||
	    memcmp(head, row_magic, MAGIC) != 0)
		return false;
	row->number = take(head + MAGIC, 8);
	row->size = (uint32_t)take(head + MAGIC + 8, 4);
	row->serial = (uint32_t)take(head + MAGIC + 12, 4);
	row->expire = (int64_t)take(head + MAGIC + 16, 8);
	row->confirmed = (int64_t)take(head + MAGIC + 24, 8);
	row->origin.size = (uint8_t)head[FIXED - 1];
	memcpy(row->origin.bytes, head + FIXED, row->origin.size);
	row->count = blocks_of(row->size);
	if (row->size > KEPT_ZONE || row->count > blocks - first ||
	    !buffer_reserve(body, row->size) || file_read_at(all.fd,
	    body->data, row->size, at + KEPT_BODY, &error) < 0)
		return false;
	body->size = row->size;
	size_t size = FIXED + row->origin.size;
	if (sum_of(span_of(head, size), buffer_span(body)) !=
	    take(head + size, SUM))
		return false;
	read_confirmed(head + KEPT_CONFIRMED, row);
	return true;
}

/* ---- rows; with the lock held ---- */

static struct row *
find(const struct dns_name *origin)
{
	struct row *row = all.rows;
	while (row != NULL && !dns_name_equals(&row->origin, origin))
		row = row->next;
	return row;
}

static void
add_row(const struct row *row)
{
	struct row **place = &all.rows, *new = memory_new(sizeof(*new));
	while (*place != NULL && (*place)->first < row->first)
		place = &(*place)->next;
	*new = *row;
	new->next = *place;
	*place = new;
	if (row->number > all.number)
		all.number = row->number;
}

/* Its blocks are free, also for who reads the file anew. */
static void
drop_row(struct row *row)
{
	static const char nothing[MAGIC];
	struct row **place = &all.rows;
	struct error error;
	while (*place != row)
		place = &(*place)->next;
	*place = row->next;
	write_at(nothing, MAGIC, (uint64_t)row->first * KEPT_BLOCK, &error);
	memory_free(row);
}

static void
drop_all(void)
{
	while (all.rows != NULL) {
		struct row *row = all.rows;
		all.rows = row->next;
		memory_free(row);
	}
}

/* The first block of so many that are free; the end of the file goes on. */
static uint32_t
find_room(uint32_t count)
{
	uint32_t first = 1;
	const struct row *row = all.rows;
	for (; row != NULL && row->first - first < count; row = row->next)
		first = row->first + row->count;
	return first;
}

static int64_t
age_of(const struct row *row, int64_t now)
{
	/* a clock may have gone back */
	return now > row->confirmed ? now - row->confirmed : 0;
}

/* One that was found at the start: of two versions the newer one stays. */
static void
take_row(const struct row *row, int64_t now)
{
	struct row *other = find(&row->origin);
	if (other != NULL && other->number > row->number)
		return;
	if (other != NULL)
		drop_row(other);
	if (age_of(row, now) < row->expire)
		add_row(row);
}

/* ---- the file ---- */

/* Nothing in it is of any use. */
static int
begin_file(struct error *error)
{
	char block[KEPT_BLOCK] = { 0 };
	random_bytes(all.key, KEY);
	memcpy(block, file_magic, MAGIC);
	memcpy(block + MAGIC, all.key, KEY);
	return write_at(block, sizeof(block), 0, error) < 0 ? -1 :
		file_sync_data(all.fd, error);
}

static void
read_rows(uint64_t blocks, int64_t now)
{
	struct buffer body;
	struct row row;
	buffer_init(&body, 0);
	for (uint32_t at = 1; at < blocks;) {
		bool is_row = read_row(at, blocks, &row, &body);
		if (is_row)
			take_row(&row, now);
		at += is_row ? row.count : 1;
	}
	buffer_fini(&body);
}

static int
open_file(int64_t now, struct error *error)
{
	char head[MAGIC + KEY] = "";
	struct stat status;
	if (fstat(all.fd, &status) < 0)
		return error_set_errno(error, "looking at zones");
	if (status.st_size < KEPT_BLOCK)
		return begin_file(error);
	if (file_read_at(all.fd, head, sizeof(head), 0, error) < 0)
		return -1;
	if (memcmp(head, file_magic, MAGIC) != 0)
		return begin_file(error);
	memcpy(all.key, head + MAGIC, KEY);
	read_rows(((uint64_t)status.st_size + KEPT_BLOCK - 1) / KEPT_BLOCK,
		now);
	/* what lies behind the last one is room on the disk */
	uint64_t end = (uint64_t)find_room(UINT32_MAX) * KEPT_BLOCK;
	if (end < (uint64_t)status.st_size &&
	    ftruncate(all.fd, (off_t)end) < 0)
		return error_set_errno(error, "shortening zones");
	return 0;
}

int
kept_open(int fd, int64_t now, struct error *error)
{
	pthread_mutex_lock(&all.lock);
	drop_all();
	all.number = 0;
	all.fd = fd;
	int result = fd < 0 ? 0 : open_file(now, error);
	if (result < 0)
		all.fd = -1;
	pthread_mutex_unlock(&all.lock);
	return result;
}

void
kept_close(void)
{
	pthread_mutex_lock(&all.lock);
	drop_all();
	all.fd = -1;
	pthread_mutex_unlock(&all.lock);
}

/* ---- zones ---- */

static struct zone *
make_zone(const struct dns_name *origin, struct span body)
{
	struct arena arena;
	struct zone *zone = NULL;
	struct error error;
	arena_init(&arena, 0);
	struct zone_text text = { .arena = &arena, .origin = *origin,
		.file = "dns_secondary_file" };
	if (!read_body(body, &text))
		error_set(&error, ERROR_DAMAGED, "records that are cut");
	else
		zone_new(&text, &zone, &error);
	if (zone == NULL)
		log_event(LOG_ERROR, "zone-not-kept", NULL,
			LOG_TEXT("reason", error.text));
	arena_fini(&arena);
	return zone;
}

struct zone *
kept_load(const struct dns_name *origin, int64_t now, int64_t *age)
{
	struct buffer body;
	struct row whole;
	struct zone *zone = NULL;
	buffer_init(&body, 0);
	pthread_mutex_lock(&all.lock);
	const struct row *row = all.fd < 0 ? NULL : find(origin);
	bool is_there = row != NULL && age_of(row, now) < row->expire &&
		read_row(row->first, (uint64_t)row->first + row->count,
		&whole, &body);
	if (is_there)
		*age = age_of(row, now);
	pthread_mutex_unlock(&all.lock);
	if (is_there)
		zone = make_zone(origin, buffer_span(&body));
	buffer_fini(&body);
	return zone;
}

/* With the lock held: all of it, then the disk. */
static int
write_row(const struct row *row, struct buffer *body, struct error *error)
{
	char block[KEPT_BODY] = { 0 };
	struct buffer head;
	buffer_init(&head, 0);
	add_head(&head, row);
	buffer_add_u64(&head, sum_of(buffer_span(&head), buffer_span(body)));
	memcpy(block, head.data, head.size);
	buffer_fini(&head);
	uint64_t at = (uint64_t)row->first * KEPT_BLOCK;
	if (write_at(block, sizeof(block), at, error) < 0 ||
	    write_at(body->data, body->size, at + KEPT_BODY, error) < 0)
		return -1;
	return file_sync_data(all.fd, error);
}

static int
put(struct row *row, struct buffer *body, struct error *error)
{
	struct row *old = find(&row->origin);
	row->number = all.number + 1;
	row->size = (uint32_t)body->size;
	row->count = blocks_of(body->size);
	row->first = find_room(row->count);
	if (((uint64_t)row->first + row->count) * KEPT_BLOCK > KEPT_ALL)
		return error_set(error, ERROR_FULL, "there is no room for it "
			"in %d MiB", KEPT_ALL >> 20);
	if (write_row(row, body, error) < 0)
		return -1;
	if (old != NULL)
		drop_row(old);
	add_row(row);
	return 0;
}

int64_t
kept_put(const struct zone *zone, int64_t expire, int64_t now,
	struct error *error)
{
	struct buffer body;
	struct row row = { .origin = zone->origin, .serial = zone->serial,
		.expire = expire, .confirmed = now };
	buffer_init(&body, KEPT_ZONE);
	pthread_mutex_lock(&all.lock);
	bool is_open = all.fd >= 0;
	pthread_mutex_unlock(&all.lock);
	if (is_open)
		add_body(&body, zone);
	pthread_mutex_lock(&all.lock);
	int64_t result = !is_open ? 0 : buffer_is_overrun(&body) ?
		error_set(error, ERROR_FULL, "it has more than %d MiB",
		KEPT_ZONE >> 20) : put(&row, &body, error);
	pthread_mutex_unlock(&all.lock);
	if (result == 0)
		result = (int64_t)body.size;
	buffer_fini(&body);
	return result;
}

bool
kept_confirm(const struct zone *zone, int64_t now)
{
	pthread_mutex_lock(&all.lock);
	struct row *row = all.fd < 0 ? NULL : find(&zone->origin);
	bool result = row != NULL && row->serial == zone->serial;
	if (result) {
		row->confirmed = now;
		write_confirmed(row);
	}
	pthread_mutex_unlock(&all.lock);
	return result;
}
