#include "tls/session.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "serve/counter.h"
#include "tls/context.h"
#include "tls/facts.h"
#include "tls/pump.h"

enum { TLS_HANDSHAKE_TIMEOUT = 30000 };

/* What only the handshake needs; gone after it. */
struct handshake {
	struct proxy2 facts;
};

struct tls_session {
	struct session session;		/* fd: the stranger; second_fd: plain */
	struct pump pump;
	struct handshake *handshake;	/* NULL: done */
	struct log_scope scope;
};

static enum session_next
fail_handshake(struct tls_session *tls, const char *what)
{
	char client[NETWORK_TEXT_SIZE], reason[160] = "";
	unsigned long code = ERR_peek_last_error();
	if (code != 0)
		ERR_error_string_n(code, reason, sizeof(reason));
	ERR_clear_error();
	network_address_format(&tls->handshake->facts.client, client);
	counter_add(COUNTER_TLS_FAILURES, 1);
	log_event(LOG_INFO, "handshake-failed", &tls->scope,
		LOG_TEXT("client", client), LOG_TEXT("what", what),
		LOG_TEXT("reason", reason));
	return SESSION_CLOSE;
}

static bool
send_header(struct tls_session *tls)
{
	struct buffer header;
	buffer_init(&header, 0);
	facts_of_tls(tls->pump.ssl, &tls->handshake->facts);
	proxy2_encode(&header, &tls->handshake->facts);
	ssize_t n = send(tls->pump.plain, header.data, header.size,
		MSG_NOSIGNAL | MSG_DONTWAIT);
	bool ok = n == (ssize_t)header.size;	/* an empty socket takes it */
	buffer_fini(&header);
	return ok;
}

static void
end_handshake(struct tls_session *tls)
{
	log_event(LOG_DEBUG, "handshake", &tls->scope,
		LOG_TEXT("version", tls->handshake->facts.tls_version),
		LOG_TEXT("cipher", tls->handshake->facts.tls_cipher),
		LOG_NUMBER("resumed", SSL_session_reused(tls->pump.ssl)));
	counter_add(COUNTER_TLS_HANDSHAKES, 1);
	memory_free(tls->handshake);
	tls->handshake = NULL;
	tls->session.deadline = INT64_MAX;
}

/* PARK_AS_SET while it goes on; SESSION_PARK once it is done. */
static enum session_next
go_on_with_handshake(struct tls_session *tls)
{
	ERR_clear_error();
	int result = SSL_accept(tls->pump.ssl);
	tls->session.second_interest = 0;
	switch (result == 1 ? SSL_ERROR_NONE :
		SSL_get_error(tls->pump.ssl, result)) {
	case SSL_ERROR_NONE:
		if (!send_header(tls))
			return fail_handshake(tls, "the process behind is gone");
		end_handshake(tls);
		return SESSION_PARK;
	case SSL_ERROR_WANT_READ:
		tls->session.interest = EPOLLIN;
		return SESSION_PARK_AS_SET;
	case SSL_ERROR_WANT_WRITE:
		tls->session.interest = EPOLLOUT;
		return SESSION_PARK_AS_SET;
	default:
		return fail_handshake(tls, "the client ended it");
	}
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct tls_session *tls = (struct tls_session *)session;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	if (event == SESSION_DEADLINE && tls->handshake != NULL)
		return fail_handshake(tls, "it took too long");
	if (tls->handshake != NULL) {
		enum session_next next = go_on_with_handshake(tls);
		if (next != SESSION_PARK)
			return next;
	}
	pump_run(&tls->pump);
	if (pump_is_done(&tls->pump))
		return SESSION_CLOSE;
	session->interest = tls->pump.client_interest;
	session->second_interest = tls->pump.plain_interest;
	return SESSION_PARK_AS_SET;
}

static void
free_session(struct session **session)
{
	struct tls_session *tls = (struct tls_session *)*session;
	pump_fini(&tls->pump);
	close(tls->session.fd);
	memory_free(tls->handshake);
	memory_free(tls);
	counter_add(COUNTER_SESSIONS_OPEN, -1);
	*session = NULL;
}

static const struct session_type type = { "tls", run, free_session };

void
tls_session_begin(struct lot *lot, struct handover *handover)
{
	SSL *ssl = context_new_ssl();
	if (ssl == NULL || handover->fds[0] < 0 || handover->fds[1] < 0 ||
	    SSL_set_fd(ssl, handover->fds[0]) != 1) {
		SSL_free(ssl);
		return;		/* the caller closes what was not taken */
	}
	struct tls_session *tls = memory_new(sizeof(*tls));
	tls->handshake = memory_new(sizeof(*tls->handshake));
	tls->handshake->facts = handover->facts;
	memcpy(tls->scope.session, handover->session,
		sizeof(handover->session));
	tls->pump = (struct pump){ .ssl = ssl, .plain = handover->fds[1] };
	tls->session = (struct session){ .type = &type,
		.fd = handover->fds[0], .second_fd = handover->fds[1],
		.deadline = clock_monotonic() + TLS_HANDSHAKE_TIMEOUT };
	handover->fds[0] = handover->fds[1] = -1;
	SSL_set_accept_state(ssl);
	counter_add(COUNTER_SESSIONS_OPEN, 1);
	counter_add(COUNTER_SESSIONS_TOTAL, 1);
	lot_add(lot, &tls->session);
}
