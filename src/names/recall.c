/*
 * Shards by a hash with the process's secret (strangers choose the names), each
 * with its lock, a table and a list by last use; the one longest without a use
 * goes first when there is no room.
 */
#include "names/recall.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

enum { BUCKETS = 1024, SECOND = 1000 };

struct entry {
	struct entry *next;		/* in its bucket */
	struct entry *newer, *older;	/* by use */
	uint64_t hash;
	int64_t since, until;		/* monotonic ms */
	struct dns_name name;
	uint16_t type;
	unsigned rcode;
	bool is_secure;
	size_t size;
	char packet[];
};

struct shard {
	pthread_mutex_t lock;		/* of the following */
	struct entry *buckets[BUCKETS];
	struct entry *newest, *oldest;
	size_t used;
};

static struct shard shards[RECALL_SHARDS];
static size_t shard_limit;

void
recall_init(size_t size)
{
	shard_limit = size / RECALL_SHARDS;
	for (size_t i = 0; i < RECALL_SHARDS; i++)
		pthread_mutex_init(&shards[i].lock, NULL);
}

static uint64_t
hash_of(const struct dns_question *asked)
{
	uint8_t key[DNS_NAME_LIMIT + 2];
	size_t size = asked->name.size;
	for (size_t i = 0; i < size; i++)
		key[i] = (uint8_t)span_lower_byte((char)asked->name.bytes[i]);
	key[size] = (uint8_t)(asked->type >> 8);
	key[size + 1] = (uint8_t)asked->type;
	return hash_secret(span_of(key, size + 2));
}

/* ---- a shard, its lock held ---- */

static struct entry **
place_of(struct shard *shard, uint64_t hash, const struct dns_question *asked)
{
	struct entry **place = &shard->buckets[hash / RECALL_SHARDS % BUCKETS];
	while (*place != NULL && ((*place)->hash != hash ||
	    (*place)->type != asked->type ||
	    !dns_name_equals(&(*place)->name, &asked->name)))
		place = &(*place)->next;
	return place;
}

static void
unlink_use(struct shard *shard, struct entry *entry)
{
	*(entry->newer != NULL ? &entry->newer->older : &shard->newest) =
		entry->older;
	*(entry->older != NULL ? &entry->older->newer : &shard->oldest) =
		entry->newer;
}

static void
link_newest(struct shard *shard, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = shard->newest;
	*(shard->newest != NULL ? &shard->newest->newer : &shard->oldest) =
		entry;
	shard->newest = entry;
}

static void
drop(struct shard *shard, struct entry **place)
{
	struct entry *entry = *place;
	*place = entry->next;
	unlink_use(shard, entry);
	shard->used -= sizeof(*entry) + entry->size;
	memory_free(entry);
}

static void
drop_oldest(struct shard *shard)
{
	struct entry *entry = shard->oldest;
	struct entry **place = &shard->buckets[entry->hash / RECALL_SHARDS %
		BUCKETS];
	while (*place != entry)
		place = &(*place)->next;
	drop(shard, place);
}

void
recall_clear(void)
{
	for (size_t i = 0; i < RECALL_SHARDS; i++) {
		pthread_mutex_lock(&shards[i].lock);
		while (shards[i].oldest != NULL)
			drop_oldest(&shards[i]);
		pthread_mutex_unlock(&shards[i].lock);
	}
}

/* ---- keeping ---- */

/* Until the first record is too old; 0: it is not to be kept. A "no" without a
 * SOA has no time (RFC 2308 5). */
static uint32_t
time_of(const struct message_answer *answer)
{
	struct dns_reader reader;
	struct dns_record record;
	uint32_t result = RECALL_TIME;
	unsigned count = 0;
	if ((answer->rcode != DNS_NO_ERROR &&
	    answer->rcode != DNS_NO_SUCH_NAME) || answer->is_bogus ||
	    answer->packet.size > RECALL_PACKET ||
	    !dns_read(&reader, answer->packet))
		return 0;
	while (dns_read_record(&reader, &record)) {
		if (record.type == DNS_TYPE_OPT)
			continue;
		count += record.section != DNS_ADDITIONAL;
		if (record.ttl < result)
			result = record.ttl;
	}
	return reader.is_malformed || count == 0 ? 0 : result;
}

void
recall_put(const struct dns_question *asked,
	const struct message_answer *answer, int64_t now)
{
	uint32_t seconds = time_of(answer);
	size_t size = answer->packet.size;
	if (seconds == 0 || shard_limit < sizeof(struct entry) + size)
		return;
	struct entry *entry = memory_new(sizeof(*entry) + size);
	*entry = (struct entry){ .hash = hash_of(asked), .since = now,
		.until = now + (int64_t)seconds * SECOND, .name = asked->name,
		.type = asked->type, .rcode = answer->rcode,
		.is_secure = answer->is_secure, .size = size };
	memcpy(entry->packet, answer->packet.data, size);
	struct shard *shard = &shards[entry->hash % RECALL_SHARDS];
	pthread_mutex_lock(&shard->lock);
	struct entry **place = place_of(shard, entry->hash, asked);
	if (*place != NULL)
		drop(shard, place);
	shard->used += sizeof(*entry) + size;
	while (shard->used > shard_limit)
		drop_oldest(shard);
	place = &shard->buckets[entry->hash / RECALL_SHARDS % BUCKETS];
	entry->next = *place;
	*place = entry;
	link_newest(shard, entry);
	pthread_mutex_unlock(&shard->lock);
}

bool
recall_use(const struct dns_question *asked, int64_t now,
	void (*use)(void *context, const struct message_answer *answer),
	void *context)
{
	uint64_t hash = hash_of(asked);
	struct shard *shard = &shards[hash % RECALL_SHARDS];
	bool result = false;
	pthread_mutex_lock(&shard->lock);
	struct entry **place = place_of(shard, hash, asked);
	struct entry *entry = *place;
	if (entry != NULL && entry->until <= now) {
		drop(shard, place);
	} else if (entry != NULL) {
		const struct message_answer answer = { .rcode = entry->rcode,
			.packet = { entry->packet, entry->size },
			.is_secure = entry->is_secure,
			.age = (uint32_t)((now - entry->since) / SECOND) };
		use(context, &answer);
		unlink_use(shard, entry);
		link_newest(shard, entry);
		result = true;
	}
	pthread_mutex_unlock(&shard->lock);
	return result;
}
