/*
 * What is to be told stands in a list until it is answered or was said often
 * enough. A new serial of the same zone takes the place of the old.
 */
#include "names/notify.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "names/packet.h"
#include "names/secrets.h"

enum { OPCODE_NOTIFY = 4 << 11, SECOND = 1000,
	NOTIFY_SIZE = DNS_UDP_LEAST + TSIG_ROOM };	/* octets of a question */

/* One zone for one peer. */
struct news {
	struct news *next;
	struct network_address peer;
	struct dns_name origin;
	uint16_t id;
	unsigned tries;
	int64_t next_try;		/* monotonic ms */
	uint64_t time;			/* of its signature, in s since 1970: each try
					 * has the same one, and any answer fits */
	uint8_t mac[TSIG_MAC_LIMIT];
	size_t mac_size;		/* 0: it is not signed */
	const char *trouble;		/* why an answer was none */
};

static struct {
	struct session session;		/* first */
	pthread_mutex_t lock;		/* of the following */
	struct peers peers;
	struct news *first;
	size_t count;
	bool is_open;
} teller = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- what is to be told; with the lock held ---- */

static bool
is_same(const struct network_address *a, const struct network_address *b)
{
	return a->port == b->port && a->family == b->family &&
		memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void
add_news(const struct network_address *peer, const struct dns_name *origin)
{
	struct news *news = teller.first;
	while (news != NULL && (!is_same(&news->peer, peer) ||
	    !dns_name_equals(&news->origin, origin)))
		news = news->next;
	if (news == NULL && teller.count < NOTIFY_LIMIT) {
		news = memory_new(sizeof(*news));
		news->next = teller.first;
		teller.first = news;
		teller.count++;
	}
	if (news == NULL)
		return;
	news->peer = *peer;
	news->origin = *origin;
	news->id = (uint16_t)random_u64();
	news->tries = 0;
	news->next_try = 0;
	news->time = (uint64_t)(clock_wall() / SECOND);
	news->mac_size = 0;
	news->trouble = "no answer";
}

static void
drop(struct news **place)
{
	struct news *news = *place;
	*place = news->next;
	teller.count--;
	memory_free(news);
}

/* ---- signatures; with the lock held ---- */

/* NULL: he has none, or is none of them any more. */
static const struct dns_name *
find_key(const struct network_address *address)
{
	for (size_t i = 0; i < teller.peers.count; i++)
		if (is_same(&teller.peers.peer[i].address, address))
			return teller.peers.peer[i].has_key ?
				&teller.peers.peer[i].key : NULL;
	return NULL;
}

/* False: the key is not there. */
static bool
sign(struct news *news, struct packet *packet)
{
	struct tsig tsig;
	struct tsig_key key;
	const struct dns_name *name = find_key(&news->peer);
	news->mac_size = 0;
	if (name == NULL)
		return true;
	if (!secrets_find(name, &key)) {
		news->trouble = "dns_tsig_keys does not have its key";
		return false;
	}
	tsig_begin(&tsig, &key);
	bool fits = tsig_sign(&tsig, TSIG_GOOD, news->time, packet->bytes,
		&packet->size, NOTIFY_SIZE);
	assert(fits);
	memcpy(news->mac, tsig.mac, tsig.mac_size);
	news->mac_size = tsig.mac_size;
	tsig_end(&tsig);
	OPENSSL_cleanse(&key, sizeof(key));
	return true;
}

/* Is the answer signed as the question was? RFC 8945 5.3.2: else a true one may
 * still come. */
static bool
is_signed_too(struct news *news, struct span bytes)
{
	struct tsig tsig;
	struct tsig_key key;
	bool is_signed;
	const struct dns_name *name = find_key(&news->peer);
	if (news->mac_size == 0)
		return true;
	if (name == NULL || !secrets_find(name, &key))
		return false;
	tsig_begin_answer(&tsig, &key, span_of(news->mac, news->mac_size));
	enum tsig_error error = tsig_check_answer(&tsig, bytes,
		(uint64_t)(clock_wall() / SECOND), &is_signed);
	tsig_end(&tsig);
	OPENSSL_cleanse(&key, sizeof(key));
	if (error != TSIG_GOOD)
		news->trouble = tsig_error_name(error);
	return error == TSIG_GOOD;
}

/* ---- the wire ---- */

static void
send_one(struct news *news)
{
	uint8_t bytes[NOTIFY_SIZE];
	struct dns_question asked = { .name = news->origin,
		.type = DNS_TYPE_SOA, .class = DNS_CLASS_IN };
	struct sockaddr_storage to;
	struct packet packet;
	int fd = news->peer.family == AF_INET ? teller.session.fd :
		teller.session.second_fd;
	socklen_t size = network_address_to_socket(&news->peer, &to);
	packet_begin(&packet, bytes, sizeof(bytes));
	packet.flags = OPCODE_NOTIFY | DNS_FLAG_AUTHORITATIVE;
	packet_add_question(&packet, &asked);
	packet_end(&packet, news->id);
	/* what does not leave now is tried again */
	if (sign(news, &packet) && fd >= 0)
		sendto(fd, bytes, packet.size, MSG_DONTWAIT,
			(struct sockaddr *)&to, size);
}

/* Whoever answers has heard it, whatever he says. */
static void
take_answer(struct span bytes, const struct network_address *from)
{
	struct dns_reader reader;
	struct dns_question asked;
	if (!dns_read(&reader, bytes) ||
	    (reader.header.flags & (DNS_FLAG_RESPONSE | DNS_FLAG_OPCODE)) !=
	    (DNS_FLAG_RESPONSE | OPCODE_NOTIFY) ||
	    !dns_read_question(&reader, &asked))
		return;
	for (struct news **place = &teller.first; *place != NULL;
	    place = &(*place)->next) {
		struct news *news = *place;
		if (news->id != reader.header.id || news->tries == 0 ||
		    news->peer.port != from->port ||
		    memcmp(news->peer.bytes, from->bytes,
		    sizeof(from->bytes)) != 0 ||
		    !dns_name_equals(&news->origin, &asked.name) ||
		    !is_signed_too(news, bytes))
			continue;
		drop(place);
		return;
	}
}

static void
read_answers(int fd)
{
	char bytes[DNS_UDP_MOST];
	for (unsigned i = 0; i < NOTIFY_AT_ONCE && fd >= 0; i++) {
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT,
			(struct sockaddr *)&from, &size);
		if (n < 0)
			return;
		struct network_address address = network_address_from(
			(struct sockaddr *)&from, size);
		take_answer(span_of(bytes, (size_t)n), &address);
	}
}

static void
give_up(struct news **place)
{
	char name[DNS_TEXT_SIZE], peer[NETWORK_TEXT_SIZE];
	dns_name_to_text(&(*place)->origin, name);
	network_address_format(&(*place)->peer, peer);
	log_event(LOG_WARN, "notify-not-answered", NULL,
		LOG_TEXT("zone", name), LOG_TEXT("peer", peer),
		LOG_TEXT("reason", (*place)->trouble));
	drop(place);
}

/* Says what is due; when to come again. */
static int64_t
tell(int64_t now)
{
	int64_t again = INT64_MAX;
	unsigned said = 0;
	for (struct news **place = &teller.first; *place != NULL;) {
		struct news *news = *place;
		if (news->next_try <= now && news->tries == NOTIFY_TRIES) {
			give_up(place);
			continue;
		}
		if (news->next_try <= now && said < NOTIFY_AT_ONCE) {
			said++;
			send_one(news);
			news->next_try = now + ((int64_t)NOTIFY_WAIT <<
				news->tries++);
		}
		if (news->next_try < again)
			again = news->next_try;
		place = &news->next;
	}
	return again > now || again == INT64_MAX ? again : now + SECOND;
}

/* ---- the session ---- */

static enum session_next
run(struct session *session, enum session_event event)
{
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	pthread_mutex_lock(&teller.lock);
	read_answers(session->fd);
	read_answers(session->second_fd);
	session->deadline = tell(clock_monotonic());
	pthread_mutex_unlock(&teller.lock);
	session->interest = session->second_interest = EPOLLIN;
	return SESSION_PARK_AS_SET;
}

static void
free_session(struct session **session)
{
	pthread_mutex_lock(&teller.lock);
	teller.is_open = false;
	while (teller.first != NULL)
		drop(&teller.first);
	pthread_mutex_unlock(&teller.lock);
	file_close(&(*session)->fd);
	file_close(&(*session)->second_fd);
	*session = NULL;
}

static const struct session_type type = { "names-notify", run, free_session };

int
notify_init(struct lot *lot, struct error *error)
{
	const int flags = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	teller.session = (struct session){ .type = &type,
		.fd = socket(AF_INET, flags, 0),
		.second_fd = socket(AF_INET6, flags, 0),
		.deadline = INT64_MAX, .is_own_work = true };
	if (teller.session.fd < 0)
		return error_set_errno(error, "making a socket to notify "
			"secondaries");
	teller.is_open = true;
	lot_add(lot, &teller.session);
	return 0;
}

void
notify_configure(const struct peers *peers)
{
	pthread_mutex_lock(&teller.lock);
	teller.peers = *peers;
	pthread_mutex_unlock(&teller.lock);
}

static void
compare(void *context, const struct zone *zone)
{
	const struct zones *old = context;
	const struct zone *before = old == NULL ? NULL :
		zones_get(old, &zone->origin);
	if (!zone->is_usable || (before != NULL && before->is_usable &&
	    before->serial == zone->serial))
		return;
	for (size_t i = 0; i < teller.peers.count; i++)
		add_news(&teller.peers.peer[i].address, &zone->origin);
}

void
notify_zones(const struct zones *old, const struct zones *new)
{
	pthread_mutex_lock(&teller.lock);
	zones_walk(new, compare, (void *)(uintptr_t)old);
	if (teller.is_open && teller.first != NULL)
		session_nudge(&teller.session);
	pthread_mutex_unlock(&teller.lock);
}
