#include "tls/session.h"

#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "serve/counter.h"
#include "tls/pump.h"

struct tls_session {
	struct session session;		/* fd: the stranger; second_fd: plain */
	struct pump pump;
	struct handshake *handshake;	/* NULL: done */
};

static enum session_next
fail_handshake(struct tls_session *tls, const char *what)
{
	counter_add(COUNTER_TLS_FAILURES, 1);
	tls->handshake->side->fail(tls->handshake, tls->pump.ssl,
		tls->pump.plain, what);
	ERR_clear_error();
	return SESSION_CLOSE;
}

static void
free_handshake(struct tls_session *tls)
{
	if (tls->handshake != NULL)
		turnstile_withdraw(&tls->handshake->turn, clock_monotonic());
	memory_free(tls->handshake);
	tls->handshake = NULL;
}

static void
end_handshake(struct tls_session *tls)
{
	log_event(LOG_DEBUG, "handshake", &tls->handshake->scope,
		LOG_TEXT("version", SSL_get_version(tls->pump.ssl)),
		LOG_TEXT("cipher", SSL_get_cipher_name(tls->pump.ssl)),
		LOG_NUMBER("resumed", SSL_session_reused(tls->pump.ssl)));
	counter_add(COUNTER_TLS_HANDSHAKES, 1);
	free_handshake(tls);
	tls->session.deadline = INT64_MAX;
}

/* PARK_AS_SET while it goes on; SESSION_PARK once it is done. */
static enum session_next
go_on_with_handshake(struct tls_session *tls)
{
	ERR_clear_error();
	tls->session.second_interest = 0;
	int result = SSL_do_handshake(tls->pump.ssl);
	switch (result == 1 ? SSL_ERROR_NONE :
		SSL_get_error(tls->pump.ssl, result)) {
	case SSL_ERROR_NONE:
		if (!tls->handshake->side->tell(tls->handshake, tls->pump.ssl,
		    tls->pump.plain))
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
		return fail_handshake(tls, "it failed");
	}
}

/* A step of the handshake, when it is its turn. */
static enum session_next
take_turn(struct tls_session *tls, enum session_event event)
{
	struct turnstile *turnstile = tls->handshake->turnstile;
	struct turn *turn = &tls->handshake->turn;
	if (turnstile == NULL)
		return go_on_with_handshake(tls);
	/* While it stands in the line it waits for nothing but an end. */
	if (turn_is_waiting(turn) && event == SESSION_READABLE)
		return fail_handshake(tls, "somebody left");
	turn->session = &tls->session;
	switch (turnstile_enter(turnstile, turn, clock_monotonic())) {
	case TURNSTILE_WAIT:
		tls->session.interest = tls->session.second_interest = 0;
		return SESSION_PARK_AS_SET;
	case TURNSTILE_LATER:
		return fail_handshake(tls, "nobody signs");
	case TURNSTILE_ENTERED:
		break;
	}
	/* The turn goes with the handshake, the place does not. */
	enum session_next next = go_on_with_handshake(tls);
	turnstile_leave(turnstile, clock_monotonic());
	return next;
}

/* Its end is told of again and again, whatever is waited for; unless it is
 * taken for that, the handshake would spin until its deadline. */
static bool
is_behind_gone(const struct tls_session *tls)
{
	char byte;
	return (tls->session.second_events & (EPOLLHUP | EPOLLERR)) != 0 &&
		recv(tls->pump.plain, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct tls_session *tls = (struct tls_session *)session;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	if (event == SESSION_DEADLINE && tls->handshake != NULL)
		return fail_handshake(tls, "it took too long");
	if (tls->handshake != NULL && event == SESSION_READABLE &&
	    is_behind_gone(tls))
		return fail_handshake(tls, "the process behind is gone");
	if (tls->handshake != NULL) {
		enum session_next next = take_turn(tls, event);
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
	free_handshake(tls);
	memory_free(tls);
	counter_add(COUNTER_SESSIONS_OPEN, -1);
	*session = NULL;
}

static const struct session_type type = { "tls", run, free_session };

void
tls_session_begin(struct lot *lot, struct tls_beginning *beginning)
{
	struct tls_session *tls = memory_new(sizeof(*tls));
	tls->handshake = beginning->handshake;
	tls->pump = (struct pump){ .ssl = beginning->ssl,
		.plain = *beginning->plain };
	tls->session = (struct session){ .type = &type,
		.fd = *beginning->stranger, .second_fd = *beginning->plain,
		.deadline = beginning->deadline };
	beginning->ssl = NULL;
	beginning->handshake = NULL;
	*beginning->stranger = *beginning->plain = -1;
	counter_add(COUNTER_SESSIONS_OPEN, 1);
	counter_add(COUNTER_SESSIONS_TOTAL, 1);
	if (SSL_set_fd(tls->pump.ssl, tls->session.fd) != 1) {
		struct session *session = &tls->session;
		free_session(&session);
		return;
	}
	lot_add(lot, &tls->session);
}
