#include "tls/remembered.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/network.h"

enum {
	REMEMBERED_SLOTS = 512,		/* some KB each, with the certificates */
	REMEMBERED_AGE = 3600000,	/* ms: certificates may be revoked */
};

/* What a session was made for. */
struct place {
	uint8_t key[SHA256_DIGEST_LENGTH];
	unsigned epoch;			/* of what is trusted */
	int64_t since;			/* monotonic ms: when that was verified
					 * which is resumed */
};

/* One place for each key: who comes later to it has it. */
static struct {
	struct place place;
	SSL_SESSION *session;
} slots[REMEMBERED_SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint epoch;

static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static int place_index = -1;

static void
free_place(void *parent, void *place, CRYPTO_EX_DATA *data, int index,
	long argument, void *pointer)
{
	(void)parent, (void)data, (void)index, (void)argument, (void)pointer;
	memory_free(place);
}

static void
make_index(void)
{
	place_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_place);
}

static void
add_span(struct buffer *out, struct span s)
{
	buffer_add_u32(out, (uint32_t)s.size);
	buffer_add(out, s);
}

static void
add_peer(struct buffer *out, int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);
	struct network_address peer = { 0 };
	if (getpeername(fd, (struct sockaddr *)&address, &size) == 0)
		peer = network_address_from((struct sockaddr *)&address, size);
	buffer_add(out, span_of(peer.bytes, sizeof(peer.bytes)));
	buffer_add_u16(out, peer.port);
}

static void
make_key(int fd, const struct tls_connect_request *request,
	uint8_t key[SHA256_DIGEST_LENGTH])
{
	struct buffer all;
	buffer_init(&all, 0);
	add_peer(&all, fd);
	buffer_add_byte(&all, (char)request->verify);
	add_span(&all, request->sni);
	buffer_add_byte(&all, (char)request->name_count);
	for (size_t i = 0; i < request->name_count; i++)
		add_span(&all, request->names[i]);
	for (size_t i = 0; i < request->tlsa_count; i++) {
		const struct tls_tlsa *record = &request->tlsa[i];
		buffer_add_byte(&all, (char)record->usage);
		buffer_add_byte(&all, (char)record->selector);
		buffer_add_byte(&all, (char)record->matching);
		add_span(&all, record->data);
	}
	SHA256((const unsigned char *)all.data, all.size, key);
	buffer_fini(&all);
}

static size_t
slot_of(const struct place *place)
{
	return (place->key[0] | (size_t)place->key[1] << 8) % REMEMBERED_SLOTS;
}

static bool
is_good(size_t i, const struct place *place)
{
	return slots[i].session != NULL &&
		slots[i].place.epoch == place->epoch &&
		memcmp(slots[i].place.key, place->key,
		sizeof(place->key)) == 0 &&
		clock_monotonic() - slots[i].place.since < REMEMBERED_AGE;
}

/* One reference for the caller, or NULL. RFC 8446 C.4: a ticket of TLS 1.3 is
 * used once. */
static SSL_SESSION *
find(struct place *place)
{
	SSL_SESSION *session = NULL;
	size_t i = slot_of(place);
	pthread_mutex_lock(&lock);
	if (is_good(i, place)) {
		session = slots[i].session;
		place->since = slots[i].place.since;
		if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
			slots[i].session = NULL;
		else
			SSL_SESSION_up_ref(session);
	}
	pthread_mutex_unlock(&lock);
	return session;
}

void
remembered_use(SSL *ssl, int fd, const struct tls_connect_request *request)
{
	struct place *place = memory_new(sizeof(*place));
	pthread_once(&index_once, make_index);
	make_key(fd, request, place->key);
	place->epoch = atomic_load(&epoch);
	SSL_SESSION *session = find(place);
	if (session != NULL && SSL_SESSION_is_resumable(session) == 1)
		SSL_set_session(ssl, session);
	SSL_SESSION_free(session);
	if (SSL_set_ex_data(ssl, place_index, place) != 1)
		memory_free(place);
}

int
remembered_take(SSL *ssl, SSL_SESSION *session)
{
	const struct place *place = place_index < 0 ? NULL :
		SSL_get_ex_data(ssl, place_index);
	if (place == NULL || place->epoch != atomic_load(&epoch))
		return 0;
	size_t i = slot_of(place);
	pthread_mutex_lock(&lock);
	SSL_SESSION *old = slots[i].session;
	slots[i].place = *place;
	slots[i].session = session;
	if (SSL_session_reused(ssl) != 1)
		slots[i].place.since = clock_monotonic();
	pthread_mutex_unlock(&lock);
	SSL_SESSION_free(old);
	return 1;
}

void
remembered_forget(void)
{
	atomic_fetch_add(&epoch, 1);
	for (size_t i = 0; i < REMEMBERED_SLOTS; i++) {
		pthread_mutex_lock(&lock);
		SSL_SESSION *old = slots[i].session;
		slots[i].session = NULL;
		pthread_mutex_unlock(&lock);
		SSL_SESSION_free(old);
	}
}
