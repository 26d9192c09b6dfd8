/* See signed_keys.h. */
#include "names/signed_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "names/remembered.h"

enum {
	PATIENCE = 10000,	/* ms for one call, */
	BATCH = 4096,		/* of so many signatures at most */
	ATTEMPTS = 8,		/* to make a key with another tag */
	ID_OCTETS = 12,
};

static struct key_caller *caller;

void
signed_keys_start(struct lot *lot)
{
	caller = key_caller_new(lot);
}

void
signed_keys_stop(void)
{
	key_caller_free(&caller);
}

static int64_t
soon(void)
{
	return clock_monotonic() + PATIENCE;
}

/* ---- remembering ---- */

static bool
recall(const struct dns_name *origin, struct rollover *rollover)
{
	char name[DNS_TEXT_SIZE];
	struct arena arena;
	struct span text;
	arena_init(&arena, 0);
	dns_name_to_text(origin, name);
	bool result = remembered_get("dnssec", span_from(name), &arena,
		&text) && rollover_read(text, rollover);
	arena_fini(&arena);
	return result;
}

bool
signed_keys_are_remembered(const struct dns_name *origin)
{
	struct rollover rollover;
	return recall(origin, &rollover);
}

void
signed_keys_recall(const struct dns_name *origin, struct signed_keys *keys)
{
	memset(keys, 0, sizeof(*keys));
	keys->has_any = recall(origin, &keys->rollover);
}

int
signed_keys_remember(const struct dns_name *origin,
	const struct signed_keys *keys, struct error *error)
{
	char name[DNS_TEXT_SIZE];
	struct buffer text;
	buffer_init(&text, 0);
	dns_name_to_text(origin, name);
	if (keys->has_any)
		rollover_write(&keys->rollover, &text);
	remembered_put("dnssec", span_from(name), buffer_span(&text));
	buffer_fini(&text);
	return remembered_save(error);
}

/* ---- keys ---- */

/* SubjectPublicKeyInfo of P-256 (RFC 5480 2): the point is its end. */
static int
take_public(const struct key_public *public_key,
	uint8_t data[CANONICAL_DNSKEY], struct error *error)
{
	static const uint8_t head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07,
		0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
		0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
		0x04 };
	if (public_key->size != sizeof(head) + CANONICAL_KEY ||
	    memcmp(public_key->der, head, sizeof(head)) != 0)
		return error_set(error, ERROR_DAMAGED,
			"key told no public key of P-256");
	canonical_dnskey(public_key->der + sizeof(head), data);
	return 0;
}

bool
signed_keys_known(const struct signed_keys *keys, const char *name)
{
	for (size_t i = 0; i < SIGNING_KEYS; i++)
		if (name[0] != '\0' && strcmp(keys->known[i], name) == 0)
			return true;
	return false;
}

/* Those of .key and .next in their places; a roll moves them. */
static int
learn(struct signed_keys *keys, size_t place, const char *name,
	struct error *error)
{
	struct key_public public_key;
	if (name[0] == '\0' || strcmp(keys->known[place], name) == 0)
		return 0;
	if (key_call_public(caller, name, soon(), &public_key, error) < 0 ||
	    take_public(&public_key, keys->data[place], error) < 0)
		return -1;
	memcpy(keys->known[place], name, ROLLOVER_NAME);
	return 0;
}

int
signed_keys_public(struct signed_keys *keys,
	struct signing_key made[SIGNING_KEYS], size_t *count,
	struct error *error)
{
	const struct rollover *rollover = &keys->rollover;
	bool is_going = rollover->phase == ROLLOVER_GOING;
	bool is_for_next = is_going || rollover->phase == ROLLOVER_WAITING;
	*count = rollover->next[0] == '\0' ? 1 : 2;
	if (learn(keys, 0, rollover->key, error) < 0 ||
	    learn(keys, 1, rollover->next, error) < 0)
		return -1;
	for (size_t i = 0; i < *count; i++) {
		made[i] = (struct signing_key){
			.signs_zone = is_going == (i == 1),
			.is_for_parent = is_for_next == (i == 1) };
		memcpy(made[i].name, keys->known[i], sizeof(made[i].name));
		memcpy(made[i].data, keys->data[i], CANONICAL_DNSKEY);
	}
	return 0;
}

static int
make(char name[ROLLOVER_NAME], uint8_t data[CANONICAL_DNSKEY],
	struct error *error)
{
	uint8_t id[ID_OCTETS];
	struct buffer text;
	struct key_public public_key;
	random_bytes(id, sizeof(id));
	buffer_init(&text, 0);
	buffer_add_hex(&text, span_of(id, sizeof(id)));
	snprintf(name, ROLLOVER_NAME, "dnssec-%s", buffer_string(&text));
	buffer_fini(&text);
	if (key_call_make(caller, name, soon(), &public_key, error) < 0)
		return -1;
	return take_public(&public_key, data, error);
}

int
signed_keys_make_first(const struct dns_name *origin,
	struct signed_keys *keys, int64_t now, struct error *error)
{
	struct signed_keys made = { .has_any = true };
	made.rollover.made = now;
	if (make(made.rollover.key, made.data[0], error) < 0 ||
	    signed_keys_remember(origin, &made, error) < 0)
		return -1;
	memcpy(made.known[0], made.rollover.key, ROLLOVER_NAME);
	*keys = made;
	return 0;
}

int
signed_keys_make_next(const struct dns_name *origin, struct signed_keys *keys,
	struct error *error)
{
	struct signed_keys made = *keys;
	char name[ROLLOVER_NAME];
	if (learn(&made, 0, made.rollover.key, error) < 0)
		return -1;
	uint16_t tag = canonical_tag(made.data[0], CANONICAL_DNSKEY);
	/* RFC 6840 5.11 is kinder to two of one tag than we need to be */
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		if (make(name, made.data[1], error) < 0)
			return -1;
		if (canonical_tag(made.data[1], CANONICAL_DNSKEY) != tag)
			break;
		if (signed_keys_drop(name, error) < 0)
			return -1;
	}
	rollover_begin(&made.rollover, name);
	memcpy(made.known[1], name, ROLLOVER_NAME);
	if (signed_keys_remember(origin, &made, error) < 0)
		return -1;
	*keys = made;
	return 0;
}

int
signed_keys_drop(const char *name, struct error *error)
{
	return name[0] == '\0' ? 0 :
		key_call_drop(caller, name, soon(), error);
}

int
signed_keys_forget(const struct dns_name *origin, struct signed_keys *keys,
	struct error *error)
{
	const struct rollover before = keys->rollover;
	memset(keys, 0, sizeof(*keys));
	if (signed_keys_remember(origin, keys, error) < 0)
		return -1;
	/* one that is left over harms nobody */
	return signed_keys_drop(before.key, error) < 0 ||
		signed_keys_drop(before.next, error) < 0 ||
		signed_keys_drop(before.old, error) < 0 ? -1 : 0;
}

int
signed_keys_sign(void *context, const char *key,
	struct key_signature *signatures, size_t count, struct error *error)
{
	(void)context;
	while (count > 0) {
		size_t part = count < BATCH ? count : BATCH;
		if (key_call_sign(caller, key, signatures, part, soon(),
		    error) < 0)
			return -1;
		signatures += part;
		count -= part;
	}
	return 0;
}
