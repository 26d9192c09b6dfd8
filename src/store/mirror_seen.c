/* See mirror_seen.h. */
#include "store/mirror_seen.h"

#include <string.h>

enum { KEY_SIZE = sizeof(uint32_t) + STORE_TRANSACTION_SIZE };

void
mirror_seen_init(struct mirror_seen *seen)
{
	map_init(&seen->young);
	map_init(&seen->old);
	seen->turned = 0;
}

void
mirror_seen_fini(struct mirror_seen *seen)
{
	map_fini(&seen->young);
	map_fini(&seen->old);
}

static struct span
make_key(uint32_t mailbox, const uint8_t *transaction, char key[KEY_SIZE])
{
	memcpy(key, &mailbox, sizeof(mailbox));
	memcpy(key + sizeof(mailbox), transaction, STORE_TRANSACTION_SIZE);
	return span_of(key, KEY_SIZE);
}

void
mirror_seen_put(struct mirror_seen *seen, uint32_t mailbox,
	const uint8_t *transaction, int64_t now)
{
	char key[KEY_SIZE];
	if (now - seen->turned > MIRROR_SEEN_SECONDS ||
	    map_count(&seen->young) >= MIRROR_SEEN_LIMIT) {
		map_fini(&seen->old);
		seen->old = seen->young;
		map_init(&seen->young);
		seen->turned = now;
	}
	map_put(&seen->young, make_key(mailbox, transaction, key), seen);
}

bool
mirror_seen_has(const struct mirror_seen *seen, uint32_t mailbox,
	const uint8_t *transaction)
{
	char bytes[KEY_SIZE];
	struct span key = make_key(mailbox, transaction, bytes);
	return map_get(&seen->young, key) != NULL ||
		map_get(&seen->old, key) != NULL;
}
