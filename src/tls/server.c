#include "tls/server.h"

#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tls/challenge.h"
#include "tls/context.h"
#include "tls/facts.h"
#include "tls/remote_key.h"
#include "tls/session.h"

enum { SERVER_HANDSHAKE_TIMEOUT = 30000 };

struct server_handshake {
	struct handshake handshake;	/* first */
	struct proxy2 facts;
};

static bool
tell(struct handshake *base, SSL *ssl, int plain)
{
	struct server_handshake *handshake = (struct server_handshake *)base;
	struct buffer header;
	/* RFC 8737 3: nothing is said on such a connection */
	if (challenge_is_answered(ssl))
		return false;
	buffer_init(&header, 0);
	facts_of_tls(ssl, &handshake->facts);
	proxy2_encode(&header, &handshake->facts);
	ssize_t n = send(plain, header.data, header.size,
		MSG_NOSIGNAL | MSG_DONTWAIT);
	bool ok = n == (ssize_t)header.size;	/* an empty socket takes it */
	buffer_fini(&header);
	return ok;
}

static void
fail(struct handshake *base, SSL *ssl, int plain, const char *what)
{
	struct server_handshake *handshake = (struct server_handshake *)base;
	char client[NETWORK_TEXT_SIZE], reason[160] = "";
	unsigned long code = ERR_peek_last_error();
	(void)ssl;
	(void)plain;
	if (code != 0)
		ERR_error_string_n(code, reason, sizeof(reason));
	network_address_format(&handshake->facts.client, client);
	log_event(LOG_INFO, "handshake-failed", &base->scope,
		LOG_TEXT("client", client), LOG_TEXT("what", what),
		LOG_TEXT("reason", reason));
}

static const struct handshake_side side = { tell, fail };

void
server_begin(struct lot *lot, struct handover *handover)
{
	SSL *ssl = context_new_ssl();
	if (ssl == NULL || handover->fds[0] < 0 || handover->fds[1] < 0) {
		SSL_free(ssl);
		return;		/* the caller closes what was not taken */
	}
	struct server_handshake *handshake = memory_new(sizeof(*handshake));
	handshake->handshake.side = &side;
	handshake->handshake.turnstile = remote_key_turnstile();
	handshake->facts = handover->facts;
	memcpy(handshake->handshake.scope.session, handover->session,
		sizeof(handover->session));
	SSL_set_accept_state(ssl);
	tls_session_begin(lot, &(struct tls_beginning){ .ssl = ssl,
		.stranger = &handover->fds[0], .plain = &handover->fds[1],
		.handshake = &handshake->handshake,
		.deadline = clock_monotonic() + SERVER_HANDSHAKE_TIMEOUT });
}
