/*
 * The client's handshake: what must be verified is set before it, what was
 * found is told after it. RFC 9525 for names, RFC 7671 and 7672 for DANE.
 */
#include "tls/client.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "proto/tlswire.h"
#include "tls/client_context.h"
#include "tls/found.h"
#include "tls/remembered.h"
#include "tls/session.h"

struct client_handshake {
	struct handshake handshake;	/* first */
	enum tls_verify verify;
	int64_t deadline;
};

/* ---- what must be found ---- */

/* RFC 9525 6.3: whole labels only, and never the subject's common name. */
static const unsigned host_flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
	X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;

/* The first name has replaced whatever was there. */
static bool
add_names(SSL *ssl, const struct tls_connect_request *request, size_t first,
	struct arena *arena)
{
	SSL_set_hostflags(ssl, host_flags);
	for (size_t i = first; i < request->name_count; i++)
		if (SSL_add1_host(ssl, arena_copy_string(arena,
		    request->names[i])) != 1)
			return false;
	return true;
}

/*
 * RFC 7672 3.1: usages 2 and 3 only; the names count for DANE-TA, not for
 * DANE-EE (3.1.1). Without any record that OpenSSL can use it would fall back
 * to the authorities, so there must be one.
 */
static bool
want_dane(SSL *ssl, const struct tls_connect_request *request,
	struct arena *arena)
{
	int usable = 0;
	if (SSL_dane_enable(ssl, arena_copy_string(arena, request->names[0])) != 1)
		return false;
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	for (size_t i = 0; i < request->tlsa_count; i++) {
		const struct tls_tlsa *record = &request->tlsa[i];
		if (record->usage != 2 && record->usage != 3)
			continue;
		usable += SSL_dane_tlsa_add(ssl, record->usage,
			record->selector, record->matching,
			(const unsigned char *)record->data.data,
			record->data.size) > 0;
	}
	ERR_clear_error();
	return usable > 0 && add_names(ssl, request, 1, arena);
}

static bool
set_wishes(SSL *ssl, const struct tls_connect_request *request,
	struct arena *arena)
{
	if (request->sni.size > 0 && SSL_set_tlsext_host_name(ssl,
	    arena_copy_string(arena, request->sni)) != 1)
		return false;
	found_prepare(ssl, request->verify);
	return request->verify == TLS_VERIFY_DANE ?
		want_dane(ssl, request, arena) :
		add_names(ssl, request, 0, arena);
}

/* ---- what was found ---- */

static bool
send_facts(int plain, const struct tls_connect_facts *facts)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	tlswire_facts_encode(&bytes, facts);
	ssize_t n = send(plain, bytes.data, bytes.size,
		MSG_NOSIGNAL | MSG_DONTWAIT);
	bool ok = n == (ssize_t)bytes.size;	/* an empty socket takes it */
	buffer_fini(&bytes);
	return ok;
}

static bool
tell(struct handshake *base, SSL *ssl, int plain)
{
	struct client_handshake *handshake = (struct client_handshake *)base;
	struct tls_connect_facts facts;
	found_by_handshake(ssl, handshake->verify, &facts);
	return send_facts(plain, &facts);
}

static void
fail(struct handshake *base, SSL *ssl, int plain, const char *what)
{
	struct client_handshake *handshake = (struct client_handshake *)base;
	struct tls_connect_facts facts;
	found_by_failure(ssl, handshake->verify,
		clock_monotonic() >= handshake->deadline, &facts);
	log_event(LOG_INFO, "handshake-failed", &base->scope,
		LOG_TEXT("server", SSL_get_servername(ssl,
		TLSEXT_NAMETYPE_host_name)),
		LOG_TEXT("what", what), LOG_TEXT("reason", facts.reason));
	send_facts(plain, &facts);
}

static const struct handshake_side side = { tell, fail };

/* ---- the beginning ---- */

static struct client_handshake *
new_handshake(const struct handover *handover,
	const struct tls_connect_request *request)
{
	struct client_handshake *handshake = memory_new(sizeof(*handshake));
	handshake->handshake.side = &side;
	handshake->deadline = request->deadline;
	memcpy(handshake->handshake.scope.session, handover->session,
		sizeof(handover->session));
	handshake->verify = request->verify;
	return handshake;
}

/* Nothing that could be begun: say so, and close. */
static void
refuse(int plain, const char *reason)
{
	struct tls_connect_facts facts = { .problem = TLS_PROBLEM_TLSA };
	snprintf(facts.reason, sizeof(facts.reason), "%s", reason);
	send_facts(plain, &facts);
}

static void
begin(struct lot *lot, struct handover *handover,
	const struct tls_connect_request *request, struct arena *arena)
{
	SSL *ssl = client_context_new_ssl();
	if (ssl == NULL)
		return;		/* the caller closes what was not taken */
	if (!set_wishes(ssl, request, arena)) {
		refuse(handover->fds[1],
			"none of the TLSA records can be used here");
		ERR_clear_error();
		SSL_free(ssl);
		return;
	}
	remembered_use(ssl, handover->fds[0], request);
	SSL_set_connect_state(ssl);
	struct client_handshake *handshake = new_handshake(handover, request);
	tls_session_begin(lot, &(struct tls_beginning){ .ssl = ssl,
		.stranger = &handover->fds[0], .plain = &handover->fds[1],
		.handshake = &handshake->handshake,
		.deadline = request->deadline });
}

void
client_begin(struct lot *lot, struct handover *handover)
{
	struct tls_connect_request request;
	struct arena arena;
	arena_init(&arena, 0);
	if (handover->fds[0] < 0 || handover->fds[1] < 0 ||
	    !tlswire_request_decode(handover->unread, &arena,
	    clock_monotonic(), &request))
		log_event(LOG_ERROR, "bad-request", NULL);
	else
		begin(lot, handover, &request, &arena);
	arena_fini(&arena);
}
