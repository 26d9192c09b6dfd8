#include "tls/pump.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "serve/counter.h"

/* One TLS record; and how many before another connection has its turn. */
enum { PUMP_PIECE = 16384, PUMP_TURNS = 32 };

static void
hold(struct pump_held *held, const char *bytes, size_t size)
{
	held->bytes = memory_new(size);
	memcpy(held->bytes, bytes, size);
	held->start = 0;
	held->size = size;
}

static void
let_go(struct pump_held *held)
{
	memory_free(held->bytes);
	*held = (struct pump_held){ 0 };
}

/* What SSL wants before it can go on; broken when it is none of that. */
static void
note_ssl_wish(struct pump *pump, int result)
{
	switch (SSL_get_error(pump->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		pump->client_interest |= EPOLLIN;
		break;
	case SSL_ERROR_WANT_WRITE:
		pump->client_interest |= EPOLLOUT;
		break;
	case SSL_ERROR_ZERO_RETURN:
		pump->client_ended = true;
		break;
	default:
		pump->is_broken = true;
	}
	ERR_clear_error();
}

/* Bytes the plain end took; -1: not now, or broken. */
static ssize_t
write_plain(struct pump *pump, const char *bytes, size_t size)
{
	ssize_t n;
	do {
		n = send(pump->plain, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		pump->plain_interest |= EPOLLOUT;
	else if (n < 0)
		pump->is_broken = true;
	return n;
}

static bool
flush_to_plain(struct pump *pump)
{
	struct pump_held *held = &pump->to_plain;
	while (held->bytes != NULL && !pump->is_broken) {
		ssize_t n = write_plain(pump, held->bytes + held->start,
			held->size - held->start);
		if (n < 0)
			return false;
		held->start += (size_t)n;
		if (held->start == held->size)
			let_go(held);
	}
	return !pump->is_broken;
}

static void
client_to_plain(struct pump *pump)
{
	char piece[PUMP_PIECE];
	for (int turn = 0; turn < PUMP_TURNS; turn++) {
		if (pump->client_ended || !flush_to_plain(pump))
			return;
		ERR_clear_error();
		int n = SSL_read(pump->ssl, piece, sizeof(piece));
		if (n <= 0) {
			note_ssl_wish(pump, n);
			if (pump->client_ended)
				shutdown(pump->plain, SHUT_WR);
			return;
		}
		counter_add(COUNTER_BYTES_IN, n);
		ssize_t took = write_plain(pump, piece, (size_t)n);
		if (took < n && !pump->is_broken)
			hold(&pump->to_plain, piece + (took < 0 ? 0 : took),
				(size_t)(n - (took < 0 ? 0 : took)));
	}
	/* Its turn is over: the plain end is ready for more at once. */
	pump->plain_interest |= EPOLLOUT;
}

static bool
flush_to_client(struct pump *pump)
{
	struct pump_held *held = &pump->to_client;
	while (held->bytes != NULL) {
		ERR_clear_error();
		int n = SSL_write(pump->ssl, held->bytes + held->start,
			(int)(held->size - held->start));
		if (n <= 0) {
			note_ssl_wish(pump, n);
			return false;
		}
		counter_add(COUNTER_BYTES_OUT, n);
		held->start += (size_t)n;
		if (held->start == held->size)
			let_go(held);
	}
	return true;
}

static void
plain_to_client(struct pump *pump)
{
	char piece[PUMP_PIECE];
	for (int turn = 0; turn < PUMP_TURNS; turn++) {
		if (pump->plain_ended || !flush_to_client(pump))
			return;
		ssize_t n = recv(pump->plain, piece, sizeof(piece),
			MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			pump->plain_interest |= EPOLLIN;
			return;
		}
		if (n <= 0) {
			pump->plain_ended = true;
			return;
		}
		ERR_clear_error();
		int took = SSL_write(pump->ssl, piece, (int)n);
		if (took <= 0) {
			note_ssl_wish(pump, took);
			took = 0;
		}
		counter_add(COUNTER_BYTES_OUT, took);
		if (took < n && !pump->is_broken)
			hold(&pump->to_client, piece + took, (size_t)(n - took));
	}
	pump->client_interest |= EPOLLOUT;
}

void
pump_run(struct pump *pump)
{
	pump->client_interest = pump->plain_interest = 0;
	if (!pump->is_broken)
		client_to_plain(pump);
	if (!pump->is_broken)
		plain_to_client(pump);
	if (pump->plain_ended && pump->to_client.bytes == NULL &&
	    !pump->is_broken) {
		SSL_shutdown(pump->ssl);	/* close_notify, once */
		ERR_clear_error();
	}
}

bool
pump_is_done(const struct pump *pump)
{
	return pump->is_broken ||
		(pump->plain_ended && pump->to_client.bytes == NULL);
}

void
pump_fini(struct pump *pump)
{
	let_go(&pump->to_plain);
	let_go(&pump->to_client);
	SSL_free(pump->ssl);
	pump->ssl = NULL;
	if (pump->plain >= 0)
		close(pump->plain);
	pump->plain = -1;
}
