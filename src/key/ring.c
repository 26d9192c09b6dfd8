/* Each change writes all keys, then memory follows; see ring.h. */
#include "key/ring.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/state_file.h"
#include "key/callers.h"
#include "proto/tabline.h"

struct ring_key {
	char name[KEYWIRE_NAME_SIZE];
	int64_t made;
	EVP_PKEY *key;
};

struct ring_keys {
	size_t count;
	struct ring_key key[RING_KEYS];
};

static struct {
	pthread_mutex_t lock;		/* of the following */
	int fd;				/* -1: nothing can be kept */
	struct ring_keys *keys;		/* NULL: none */
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static void
free_keys(struct ring_keys **keys)
{
	if (*keys == NULL)
		return;
	for (size_t i = 0; i < (*keys)->count; i++)
		EVP_PKEY_free((*keys)->key[i].key);
	memory_free(*keys);
	*keys = NULL;
}

/* What held a private key is not left in memory. */
static void
wipe(struct buffer *buffer)
{
	if (buffer->data != NULL)
		OPENSSL_cleanse(buffer->data, buffer->room);
	buffer_fini(buffer);
}

/* ---- the file ---- */

static bool
add_line(const struct ring_key *key, struct buffer *out)
{
	struct buffer text;
	char made[24];
	unsigned char *der = NULL;
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->key);
	int size = info == NULL ? -1 : i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	PKCS8_PRIV_KEY_INFO_free(info);
	if (size <= 0)
		return false;
	buffer_init(&text, 0);
	base64_encode(&text, span_of(der, (size_t)size));
	snprintf(made, sizeof(made), "%lld", (long long)key->made);
	tabline_add(out, SPAN("KEY"));
	tabline_add_pair(out, "name", span_from(key->name));
	tabline_add_pair(out, "made", span_from(made));
	tabline_add_pair(out, "pkcs8", buffer_span(&text));
	tabline_end(out);
	wipe(&text);
	OPENSSL_clear_free(der, (size_t)size);
	return true;
}

/* All keys but the one at `without`, and `more` (NULL: none). */
static bool
write_all(size_t without, const struct ring_key *more)
{
	struct buffer blob;
	struct error error;
	/* reserved at once: growing would leave copies behind */
	buffer_init(&blob, STATE_FILE_LIMIT);
	bool ok = buffer_reserve(&blob, STATE_FILE_LIMIT);
	buffer_add_string(&blob, "posthouse-ring\t1\n");
	for (size_t i = 0; ring.keys != NULL && i < ring.keys->count; i++)
		if (i != without)
			ok = ok && add_line(&ring.keys->key[i], &blob);
	ok = ok && (more == NULL || add_line(more, &blob)) &&
		!buffer_is_overrun(&blob);
	if (ok && state_file_write(ring.fd, buffer_span(&blob), &error) < 0) {
		log_event(LOG_ERROR, "ring-not-written", NULL,
			LOG_TEXT("reason", error.text));
		ok = false;
	}
	wipe(&blob);
	return ok;
}

static bool
take_line(struct ring_keys *keys, const struct tabline *fields)
{
	struct span name, made, text;
	struct buffer der;
	uint64_t when;
	struct ring_key *key = &keys->key[keys->count];
	if (fields->count < 4 || keys->count == RING_KEYS ||
	    !span_equals(fields->field[0], SPAN("KEY")) ||
	    !tabline_get(fields, 1, "name", &name) ||
	    !tabline_get(fields, 1, "made", &made) ||
	    !tabline_get(fields, 1, "pkcs8", &text) ||
	    name.size >= sizeof(key->name) ||
	    !span_to_number(made, INT64_MAX, &when))
		return false;
	memcpy(key->name, name.data, name.size);
	key->made = (int64_t)when;
	buffer_init(&der, 0);
	if (base64_decode(&der, text)) {
		const unsigned char *at = (const unsigned char *)der.data;
		key->key = d2i_AutoPrivateKey(NULL, &at, (long)der.size);
	}
	wipe(&der);
	if (key->key == NULL)
		return false;
	keys->count++;
	return callers_is_ring_name(key->name);
}

static bool
take_all(struct span text, struct ring_keys *keys)
{
	struct span line;
	bool ok = true;
	if (span_is_empty(text))
		return true;
	if (!span_split(&text, '\n', &line) ||
	    !span_equals(line, SPAN("posthouse-ring\t1")))
		return false;
	while (ok && span_split(&text, '\n', &line) && line.size > 0) {
		struct arena arena;
		struct tabline fields;
		arena_init(&arena, 0);
		ok = tabline_parse(line, &arena, &fields) &&
			take_line(keys, &fields);
		arena_fini(&arena);
	}
	return ok;
}

/* With the lock held: a key that is made while the file is being read would be
 * in the file and never in memory, and the next change would write it away. */
static int
load_locked(int *fd, struct error *error)
{
	struct buffer blob;
	struct ring_keys *keys = memory_new(sizeof(*keys));
	buffer_init(&blob, STATE_FILE_LIMIT);
	int result = state_file_read(*fd, &blob, error);
	if (result == 0 && !take_all(buffer_span(&blob), keys))
		result = error_set(error, ERROR_DAMAGED, "key_ring_file: "
			"found lines that are not those of a ring of keys");
	wipe(&blob);
	if (result == 0) {
		free_keys(&ring.keys);
		file_close(&ring.fd);
		ring.keys = keys;
		ring.fd = *fd;
		*fd = -1;
		keys = NULL;
	}
	free_keys(&keys);
	return result;
}

int
ring_load(int fd, struct error *error)
{
	int own = dup(fd);
	if (own < 0)
		return error_set_errno(error, "key_ring_file");
	pthread_mutex_lock(&ring.lock);
	int result = load_locked(&own, error);
	pthread_mutex_unlock(&ring.lock);
	file_close(&own);
	return result;
}

/* ---- keys; with the lock held ---- */

/* Its place; the count when there is none of that name. */
static size_t
place_of(const char *name)
{
	size_t i = 0;
	while (i < ring.keys->count && strcmp(ring.keys->key[i].name, name) != 0)
		i++;
	return i;
}

static bool
has(const char *name)
{
	return ring.keys != NULL && place_of(name) < ring.keys->count;
}

static enum keywire_status
make(const char *name, int64_t now)
{
	struct ring_key fresh = { .made = now };
	if (ring.fd < 0)
		return KEYWIRE_FAILED;
	if (ring.keys->count == RING_KEYS)
		return KEYWIRE_FULL;
	snprintf(fresh.name, sizeof(fresh.name), "%s", name);
	fresh.key = EVP_EC_gen("P-256");
	if (fresh.key == NULL || !write_all(SIZE_MAX, &fresh)) {
		EVP_PKEY_free(fresh.key);
		return KEYWIRE_FAILED;
	}
	ring.keys->key[ring.keys->count++] = fresh;
	return KEYWIRE_OK;
}

static enum keywire_status
drop(size_t place)
{
	if (!write_all(place, NULL))
		return KEYWIRE_FAILED;
	struct ring_keys *keys = ring.keys;
	EVP_PKEY_free(keys->key[place].key);
	memmove(&keys->key[place], &keys->key[place + 1],
		(--keys->count - place) * sizeof(keys->key[0]));
	return KEYWIRE_OK;
}

/* ---- */

bool
ring_is_loaded(void)
{
	pthread_mutex_lock(&ring.lock);
	bool result = ring.fd >= 0;
	pthread_mutex_unlock(&ring.lock);
	return result;
}

EVP_PKEY *
ring_find(const char *name)
{
	EVP_PKEY *found = NULL;
	pthread_mutex_lock(&ring.lock);
	if (has(name)) {
		found = ring.keys->key[place_of(name)].key;
		EVP_PKEY_up_ref(found);
	}
	pthread_mutex_unlock(&ring.lock);
	return found;
}

enum keywire_status
ring_make(const char *name, uint32_t algorithm, int64_t now)
{
	if (algorithm != KEYWIRE_P256 || !callers_is_ring_name(name))
		return KEYWIRE_BAD;
	pthread_mutex_lock(&ring.lock);
	enum keywire_status status = has(name) ? KEYWIRE_OK : make(name, now);
	pthread_mutex_unlock(&ring.lock);
	if (status == KEYWIRE_OK)
		log_event(LOG_INFO, "key-in-ring", NULL,
			LOG_TEXT("name", name));
	return status;
}

enum keywire_status
ring_drop(const char *name)
{
	pthread_mutex_lock(&ring.lock);
	bool is_there = has(name);
	enum keywire_status status = ring.fd < 0 ? KEYWIRE_FAILED : is_there ? drop(place_of(name)) :
		KEYWIRE_OK;
	pthread_mutex_unlock(&ring.lock);
	if (is_there && status == KEYWIRE_OK)
		log_event(LOG_INFO, "key-dropped", NULL,
			LOG_TEXT("name", name));
	return status;
}

void
ring_forget(void)
{
	pthread_mutex_lock(&ring.lock);
	free_keys(&ring.keys);
	file_close(&ring.fd);
	pthread_mutex_unlock(&ring.lock);
}
