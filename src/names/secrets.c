/* The set of keys, and its lock; see secrets.h. */
#include "names/secrets.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

static struct {
	pthread_rwlock_t lock;		/* of the following */
	struct tsig_keys *keys;		/* NULL: none yet */
} secrets = { .lock = PTHREAD_RWLOCK_INITIALIZER };

static int
read_file(int fd, const char *path, struct tsig_keys *keys,
	struct error *error)
{
	struct buffer text;
	buffer_init(&text, 0);
	int result = fd < 0 ? 0 : file_read_descriptor(fd, TSIG_KEYS_FILE,
		&text, error);
	if (result == 0)
		result = tsig_keys_read(buffer_span(&text), path, keys, error);
	if (text.room > 0)
		OPENSSL_cleanse(text.data, text.room);
	buffer_fini(&text);
	return result;
}

void
secrets_configure(int fd, const char *path)
{
	struct error error;
	struct tsig_keys *keys = memory_new(sizeof(*keys));
	if (read_file(fd, path, keys, &error) < 0) {
		log_event(LOG_ERROR, "tsig-keys-not-read", NULL,
			LOG_TEXT("reason", error.text));
		tsig_keys_free(&keys);
		return;
	}
	pthread_rwlock_wrlock(&secrets.lock);
	struct tsig_keys *old = secrets.keys;
	secrets.keys = keys;
	pthread_rwlock_unlock(&secrets.lock);
	tsig_keys_free(&old);
}

bool
secrets_find(const struct dns_name *name, struct tsig_key *key)
{
	pthread_rwlock_rdlock(&secrets.lock);
	const struct tsig_key *found = secrets.keys == NULL ? NULL :
		tsig_keys_find(secrets.keys, name);
	if (found != NULL)
		*key = *found;
	pthread_rwlock_unlock(&secrets.lock);
	return found != NULL;
}
