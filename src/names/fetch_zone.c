/* A client of TCP (RFC 1035 4.2.2) for three questions; see fetch_zone.h. */
#include "names/fetch_zone.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "names/intake.h"
#include "names/secrets.h"
#include "names/serials.h"
#include "names/transfer.h"

struct fetching {
	struct fetch *fetch;
	const struct network_address *server;
	struct tsig tsig;		/* of the last question; when there is a key */
	bool is_vouched;		/* the last message itself is signed */
	int64_t deadline;		/* monotonic ms */
	int fd;
	uint16_t id;
	struct buffer in;
	struct error *error;
};

static int
fail(struct fetching *fetching, const char *what)
{
	char server[NETWORK_TEXT_SIZE];
	network_address_format(fetching->server, server);
	return error_set(fetching->error, ERROR_LATER, "%s says %s", server,
		what);
}

static int
fail_errno(struct fetching *fetching, const char *what)
{
	char server[NETWORK_TEXT_SIZE];
	network_address_format(fetching->server, server);
	return error_set_errno(fetching->error, "%s %s", what, server);
}

enum { QUESTION_LIMIT = 2048 };		/* four names of 255 octets, a signature */

/* ---- signatures ---- */

static uint64_t
now(void)
{
	return (uint64_t)(clock_wall() / 1000);
}

static bool
has_key(const struct fetching *fetching)
{
	return fetching->fetch->server->has_key;
}

static int
fail_key(struct fetching *fetching, const char *what)
{
	char server[NETWORK_TEXT_SIZE], key[DNS_TEXT_SIZE];
	network_address_format(fetching->server, server);
	dns_name_to_text(&fetching->fetch->server->key, key);
	return error_set(fetching->error, ERROR_LATER, "%s and we differ about "
		"the key %s: %s", server, key, what);
}

static int
fail_time(struct fetching *fetching)
{
	char what[64];
	uint64_t theirs = fetching->tsig.their_time > 0 ?
		fetching->tsig.their_time : fetching->tsig.time;
	snprintf(what, sizeof(what), "BADTIME, its clock is %lld s from ours",
		(long long)(theirs - now()));
	return fail_key(fetching, what);
}

static int
sign(struct fetching *fetching, uint8_t *message, size_t *size)
{
	struct tsig_key key;
	tsig_end(&fetching->tsig);
	if (!secrets_find(&fetching->fetch->server->key, &key))
		return fail_key(fetching, "dns_tsig_keys does not have it");
	tsig_begin(&fetching->tsig, &key);
	OPENSSL_cleanse(&key, sizeof(key));
	bool fits = tsig_sign(&fetching->tsig, TSIG_GOOD, now(), message, size,
		QUESTION_LIMIT);
	assert(fits);
	return 0;
}

static int
check(struct fetching *fetching, struct span message)
{
	enum tsig_error error = tsig_check_answer(&fetching->tsig, message,
		now(), &fetching->is_vouched);
	if (error == TSIG_GOOD)
		return 0;
	return error == TSIG_BAD_TIME ? fail_time(fetching) :
		fail_key(fetching, tsig_error_name(error));
}

/* ---- the connection ---- */

/* Waits for the socket: not long, and until the deadline at most. */
static int
wait_for(struct fetching *fetching, short events)
{
	struct pollfd poll_fd = { .fd = fetching->fd, .events = events };
	int64_t silence = clock_monotonic() + FETCH_SILENCE;
	for (;;) {
		int wait = clock_until(silence < fetching->deadline ?
			silence : fetching->deadline);
		int n = wait <= 0 ? 0 : poll(&poll_fd, 1, wait);
		if (n > 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		errno = n == 0 ? ETIMEDOUT : errno;
		return fail_errno(fetching, "waiting for");
	}
}

static int
open_connection(struct fetching *fetching)
{
	struct sockaddr_storage to;
	socklen_t size = network_address_to_socket(fetching->server, &to);
	int number = 0;
	socklen_t number_size = sizeof(number);
	fetching->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC |
		SOCK_NONBLOCK, 0);
	if (fetching->fd < 0 || (connect(fetching->fd,
	    (struct sockaddr *)&to, size) < 0 && errno != EINPROGRESS))
		return fail_errno(fetching, "connecting to");
	if (wait_for(fetching, POLLOUT) < 0)
		return -1;
	if (getsockopt(fetching->fd, SOL_SOCKET, SO_ERROR, &number,
		&number_size) < 0 || number != 0) {
		errno = number;
		return fail_errno(fetching, "connecting to");
	}
	return 0;
}

/* IXFR says which serial we have (RFC 1995 3). */
static int
ask(struct fetching *fetching, uint16_t type)
{
	uint8_t bytes[2 + QUESTION_LIMIT];
	struct packet packet;
	const struct zone *has = fetching->fetch->has;
	const struct dns_question asked = { .name = *fetching->fetch->origin,
		.type = type, .class = DNS_CLASS_IN };
	fetching->id = (uint16_t)random_u64();
	packet_begin(&packet, bytes + 2, QUESTION_LIMIT);
	packet_add_question(&packet, &asked);
	if (type == TRANSFER_TYPE_IXFR)
		packet_add_set(&packet, DNS_AUTHORITY, &has->origin, has->soa,
			has->soa->ttl);
	packet_end(&packet, fetching->id);
	if (has_key(fetching) && sign(fetching, packet.bytes,
	    &packet.size) < 0)
		return -1;
	bytes[0] = (uint8_t)(packet.size >> 8);
	bytes[1] = (uint8_t)packet.size;
	/* so little goes at once, or the connection is of no use */
	ssize_t n = send(fetching->fd, bytes, packet.size + 2, MSG_NOSIGNAL);
	if (n == (ssize_t)packet.size + 2)
		return 0;
	return fail_errno(fetching, "asking");
}

/* At least so many octets in the buffer. */
static int
fill(struct fetching *fetching, size_t size)
{
	while (fetching->in.size < size) {
		buffer_reserve(&fetching->in, size - fetching->in.size);
		ssize_t n = recv(fetching->fd, fetching->in.data +
			fetching->in.size, size - fetching->in.size, 0);
		if (n > 0)
			fetching->in.size += (size_t)n;
		if (n == 0)
			return fail(fetching, "nothing more");
		if (n < 0 && errno == EAGAIN &&
		    wait_for(fetching, POLLIN) < 0)
			return -1;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail_errno(fetching, "reading from");
	}
	return 0;
}

/* The next message, valid until the next call. */
static int
next_message(struct fetching *fetching, struct span *message)
{
	buffer_clear(&fetching->in);
	if (fill(fetching, 2) < 0)
		return -1;
	const uint8_t *head = (const uint8_t *)fetching->in.data;
	size_t size = (size_t)head[0] << 8 | head[1];
	if (fill(fetching, size + 2) < 0)
		return -1;
	*message = span_skip(buffer_span(&fetching->in), 2);
	return has_key(fetching) ? check(fetching, *message) : 0;
}

static int
read_all(struct fetching *fetching, struct intake *intake)
{
	struct span message;
	struct fetch *fetch = fetching->fetch;
	enum intake_result result = INTAKE_MORE;
	int ok = 0;
	while (ok == 0 && result == INTAKE_MORE) {
		ok = next_message(fetching, &message);
		if (ok == 0)
			result = intake_take(intake, message);
	}
	if (ok == 0 && result == INTAKE_WRONG)
		ok = fail(fetching, intake->wrong);
	/* RFC 8945 5.3.1: before that nobody has vouched for what came last */
	if (ok == 0 && has_key(fetching) && !fetching->is_vouched)
		ok = fail_key(fetching, "no signature at the end");
	fetch->is_change = intake->is_change;
	fetch->octets = intake->octets;
	/* the arena goes with it */
	if (ok == 0 && result == INTAKE_WHOLE)
		ok = zone_new(&intake->text, &fetch->zone, fetching->error);
	return ok;
}

/* With `has` as differences, if the primary pleases. */
static int
take_zone(struct fetching *fetching, const struct zone *has)
{
	struct arena arena;
	struct intake intake;
	struct fetch *fetch = fetching->fetch;
	if (ask(fetching, has == NULL ? TRANSFER_TYPE_AXFR :
	    TRANSFER_TYPE_IXFR) < 0)
		return -1;
	arena_init(&arena, 0);
	intake_begin(&intake, &arena, fetch->origin, fetching->id, has);
	int ok = read_all(fetching, &intake);
	intake_end(&intake);
	arena_fini(&arena);
	if (ok < 0 || fetch->zone == NULL || fetch->has == NULL ||
	    serials_is_newer(fetch->zone->serial, fetch->has->serial))
		return ok;
	zone_free(&fetch->zone);
	return fail(fetching, "a serial older than ours");
}

static int
ask_serial(struct fetching *fetching, uint32_t *serial)
{
	struct span message;
	if (open_connection(fetching) < 0 ||
	    ask(fetching, DNS_TYPE_SOA) < 0 ||
	    next_message(fetching, &message) < 0)
		return -1;
	return intake_read_serial(message, fetching->fetch->origin,
		fetching->id, serial) ? 0 :
		fail(fetching, "no SOA of that zone");
}

static void
log_refusal(const struct fetching *fetching)
{
	char zone[DNS_TEXT_SIZE];
	dns_name_to_text(fetching->fetch->origin, zone);
	log_event(LOG_INFO, "zone-changes-not-taken", NULL,
		LOG_TEXT("zone", zone),
		LOG_TEXT("reason", fetching->error->text));
}

static int
talk(struct fetching *fetching)
{
	uint32_t serial;
	const struct zone *has = fetching->fetch->has;
	if (ask_serial(fetching, &serial) < 0)
		return -1;
	if (has == NULL)
		return take_zone(fetching, NULL);
	if (serial == has->serial)
		return 0;
	if (!serials_is_newer(serial, has->serial))
		return fail(fetching, "a serial older than ours");
	if (take_zone(fetching, has) == 0)
		return 0;
	/* RFC 1995 4; on a connection where nothing of that comes any more */
	log_refusal(fetching);
	file_close(&fetching->fd);
	return open_connection(fetching) < 0 ? -1 : take_zone(fetching, NULL);
}

int
fetch_zone(struct fetch *fetch, struct error *error)
{
	struct fetching fetching = { .fetch = fetch,
		.server = &fetch->server->address,
		.deadline = clock_monotonic() + FETCH_DEADLINE, .fd = -1,
		.error = error };
	fetch->zone = NULL;
	buffer_init(&fetching.in, 0);
	int result = talk(&fetching);
	buffer_fini(&fetching.in);
	tsig_end(&fetching.tsig);
	file_close(&fetching.fd);
	return result;
}
