#include "hostmaster/tlsa.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/state_file.h"

static struct {
	pthread_mutex_t lock;		/* of the following */
	int fd;
	bool is_ours, is_changed;
	uint32_t ttl;
	struct tlsa_key key[TLSA_KEYS];
	size_t count;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* ---- what is remembered: "tlsa HASH FIRST LAST", a line each ---- */

static void
take_line(struct span line)
{
	struct tlsa_key key = { .first = 0 };
	struct span word;
	uint64_t first, last;
	if (all.count == TLSA_KEYS || !span_word(&line, &word) ||
	    !span_equals(word, SPAN("tlsa")) || !span_word(&line, &word) ||
	    !span_to_hex_bytes(word, key.hash, sizeof(key.hash)) ||
	    !span_word(&line, &word) ||
	    !span_to_number(word, INT64_MAX, &first) ||
	    !span_word(&line, &word) ||
	    !span_to_number(word, INT64_MAX, &last))
		return;
	key.first = (int64_t)first;
	key.last = (int64_t)last;
	all.key[all.count++] = key;
}

int
tlsa_open(int fd, struct error *error)
{
	struct buffer bytes;
	struct span rest, line;
	buffer_init(&bytes, 0);
	pthread_mutex_lock(&all.lock);
	all.fd = fd;
	all.count = 0;
	all.is_ours = true;
	int result = fd < 0 ? 0 : state_file_read(fd, &bytes, error);
	rest = buffer_span(&bytes);
	while (result == 0 && span_split(&rest, '\n', &line))
		take_line(line);
	pthread_mutex_unlock(&all.lock);
	buffer_fini(&bytes);
	return result;
}

void
tlsa_close(void)
{
	pthread_mutex_lock(&all.lock);
	all.fd = -1;
	all.count = 0;
	pthread_mutex_unlock(&all.lock);
}

static int
save(struct error *error)
{
	struct buffer bytes;
	if (!all.is_changed || all.fd < 0)
		return 0;
	buffer_init(&bytes, STATE_FILE_LIMIT);
	for (size_t i = 0; i < all.count; i++) {
		buffer_add_string(&bytes, "tlsa ");
		buffer_add_hex(&bytes, span_of(all.key[i].hash,
			sizeof(all.key[i].hash)));
		buffer_print(&bytes, " %lld %lld\n",
			(long long)all.key[i].first,
			(long long)all.key[i].last);
	}
	int result = state_file_write(all.fd, buffer_span(&bytes), error);
	buffer_fini(&bytes);
	all.is_changed = result < 0;
	return result;
}

/* ---- keys, with the lock held ---- */

static struct tlsa_key *
find(const uint8_t *hash)
{
	for (size_t i = 0; i < all.count; i++)
		if (memcmp(all.key[i].hash, hash, sizeof(all.key[i].hash)) == 0)
			return &all.key[i];
	return NULL;
}

static void
remove_at(size_t i)
{
	all.count--;
	memmove(&all.key[i], &all.key[i + 1],
		(all.count - i) * sizeof(all.key[0]));
	all.is_changed = true;
}

/* In the place of the one that was wanted longest ago. */
static struct tlsa_key *
add(const uint8_t *hash)
{
	size_t oldest = 0;
	for (size_t i = 1; i < all.count; i++)
		if (all.key[i].last < all.key[oldest].last)
			oldest = i;
	if (all.count == TLSA_KEYS)
		remove_at(oldest);
	all.is_changed = true;
	struct tlsa_key *key = &all.key[all.count++];
	*key = (struct tlsa_key){ .first = 0 };
	memcpy(key->hash, hash, sizeof(key->hash));
	return key;
}

/* LAST is written when it matters: an hour more or less does not. */
enum { LAST_STEP = 3600 };

size_t
tlsa_want(const uint8_t (*keys)[CERTIFICATE_KEY_HASH], size_t count,
	int64_t now, uint32_t ttl, uint8_t out[TLSA_KEYS][CERTIFICATE_KEY_HASH])
{
	pthread_mutex_lock(&all.lock);
	all.ttl = ttl;
	for (size_t i = 0; i < count; i++) {
		struct tlsa_key *key = find(keys[i]);
		if (key == NULL)
			key = add(keys[i]);
		all.is_changed |= now - key->last >= LAST_STEP;
		if (now - key->last >= LAST_STEP || now < key->last)
			key->last = now;
	}
	for (size_t i = all.count; i-- > 0;)
		if (now - all.key[i].last > TLSA_KEEP + LAST_STEP +
		    2 * (int64_t)ttl)
			remove_at(i);
	for (size_t i = 0; i < all.count; i++)
		memcpy(out[i], all.key[i].hash, sizeof(all.key[i].hash));
	size_t result = all.count;
	pthread_mutex_unlock(&all.lock);
	return result;
}

void
tlsa_announce(const uint8_t hash[CERTIFICATE_KEY_HASH], int64_t now)
{
	pthread_mutex_lock(&all.lock);
	struct tlsa_key *key = find(hash);
	if (key == NULL)
		key = add(hash);
	key->last = now;
	all.is_changed = true;
	pthread_mutex_unlock(&all.lock);
}

int
tlsa_published(const uint8_t (*keys)[CERTIFICATE_KEY_HASH], size_t count,
	int64_t now, bool is_ours, struct error *error)
{
	pthread_mutex_lock(&all.lock);
	all.is_ours = is_ours;
	for (size_t i = 0; i < count; i++) {
		struct tlsa_key *key = find(keys[i]);
		if (key == NULL || key->first != 0)
			continue;
		key->first = now;
		all.is_changed = true;
	}
	int result = save(error);
	pthread_mutex_unlock(&all.lock);
	return result;
}

bool
tlsa_is_settled(const uint8_t hash[CERTIFICATE_KEY_HASH], int64_t now)
{
	pthread_mutex_lock(&all.lock);
	const struct tlsa_key *key = find(hash);
	bool result = !all.is_ours || (key != NULL && key->first != 0 &&
		now - key->first >= 2 * (int64_t)all.ttl);
	pthread_mutex_unlock(&all.lock);
	return result;
}

size_t
tlsa_list(struct tlsa_key keys[TLSA_KEYS])
{
	pthread_mutex_lock(&all.lock);
	memcpy(keys, all.key, sizeof(all.key));
	size_t count = all.count;
	pthread_mutex_unlock(&all.lock);
	return count;
}
