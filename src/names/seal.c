/* Which key it is, what is wrong with it, and who is told; see seal.h. */
#include "names/seal.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/pace.h"
#include "names/secrets.h"

static struct {
	pthread_mutex_t lock;		/* of the following */
	struct pace pace;
} told = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t
now(void)
{
	return (uint64_t)(clock_wall() / 1000);
}

/* Once a second at most: anybody can write such things. */
static void
log_wrong(const struct seal *seal, const struct network_address *client)
{
	char from[NETWORK_TEXT_SIZE], key[DNS_TEXT_SIZE];
	pthread_mutex_lock(&told.lock);
	bool is_due = pace_take(&told.pace, clock_monotonic(), 1);
	pthread_mutex_unlock(&told.lock);
	if (!is_due)
		return;
	network_address_format(client, from);
	dns_name_to_text(&seal->record.key, key);
	log_event(LOG_INFO, "tsig-refused", NULL, LOG_TEXT("client", from),
		LOG_TEXT("key", key),
		LOG_TEXT("error", tsig_error_name(seal->error)));
}

/* RFC 8945 5.2.1: the key, and of it the algorithm. */
static enum tsig_error
check(struct seal *seal, struct span bytes)
{
	struct tsig_key key;
	bool is_known = secrets_find(&seal->record.key, &key) &&
		tsig_is_of(&seal->record, &key);
	enum tsig_error error = TSIG_BAD_KEY;
	if (is_known) {
		seal->tsig = memory_new(sizeof(*seal->tsig));
		tsig_begin(seal->tsig, &key);
		error = tsig_check_question(seal->tsig, bytes, &seal->record,
			now());
	}
	OPENSSL_cleanse(&key, sizeof(key));
	return error;
}

bool
seal_read(struct seal *seal, struct span bytes, struct message_question *question,
	const struct network_address *client)
{
	enum tsig_place place = tsig_find(bytes, &seal->record);
	seal->tsig = NULL;
	seal->error = place == TSIG_LAST ? check(seal, bytes) :
		TSIG_MALFORMED;
	if (seal->error == TSIG_MALFORMED) {
		seal_free(&seal->tsig);
		if (question->refusal != DNS_NOT_IMPLEMENTED)
			question->refusal = DNS_FORMAT_ERROR;
		return false;
	}
	if (seal->error != TSIG_GOOD) {
		question->refusal = DNS_NOT_AUTHORITATIVE;
		log_wrong(seal, client);
	}
	/* RFC 8945 5.3.2: whoever wrote it does not have the key */
	if (seal->error == TSIG_BAD_SIGNATURE)
		seal_free(&seal->tsig);
	seal->size = seal->tsig != NULL ? tsig_size(&seal->tsig->key) :
		seal->record.key.size + seal->record.algorithm.size + 26u;
	return true;
}

bool
seal_add(struct seal *seal, uint8_t *message, size_t *size, size_t limit)
{
	if (seal->tsig == NULL)
		return tsig_add_error(&seal->record, seal->error, message,
			size, limit);
	return tsig_sign(seal->tsig, seal->error, now(), message, size, limit);
}

bool
seal_add_kept(struct tsig *tsig, struct buffer *out, size_t mark,
	size_t limit)
{
	size_t size = out->size - mark;
	if (!buffer_reserve(out, TSIG_ROOM) || !tsig_sign(tsig, TSIG_GOOD,
	    now(), (uint8_t *)out->data + mark, &size, limit))
		return false;
	out->size = mark + size;
	return true;
}

void
seal_free(struct tsig **tsig)
{
	if (*tsig != NULL)
		tsig_end(*tsig);
	memory_free(*tsig);
	*tsig = NULL;
}
