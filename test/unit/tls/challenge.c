/* tls as the server: which certificate answers whom while an authority looks
 * for acme-tls/1 (RFC 8737), and that nobody is served there; how long it waits
 * for a key. The key process is a thread of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "certificates.h"
#include "proto/keywire.h"
#include "tls/challenge.h"
#include "tls/context.h"
#include "tls/remote_key.h"
#include "tls/server.h"
#include "world.h"

enum { OWN, OF_A, OF_B, CERTIFICATES, NONE = CERTIFICATES, WIRES = 64 };

/* Keys by the names that key knows them by. */
static struct {
	const char *key;
	struct certificate certificate;
} all[CERTIFICATES] = { { .key = "tls_key_file" }, { .key = "acme-tls-a" },
	{ .key = "acme-tls-b" } };

/* ---- key ---- */

/* One for each wire; libcrypto ends with the process, so they end before. */
static struct {
	pthread_t thread[WIRES];
	int fd[WIRES];
	size_t count;
} keys;

/* So many questions are answered as by a key that has not reloaded yet. */
static atomic_int not_yet;

static void
sign(const struct keywire_request *request, struct keywire_reply *reply)
{
	size_t size = sizeof(reply->output), i = 0;
	*reply = (struct keywire_reply){ .version = KEYWIRE_VERSION,
		.status = KEYWIRE_NO_KEY };
	while (i < CERTIFICATES && strcmp(all[i].key, request->key) != 0)
		i++;
	if (i == CERTIFICATES || atomic_fetch_sub(&not_yet, 1) > 0)
		return;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(all[i].certificate.key, NULL);
	assert(EVP_PKEY_sign_init(context) == 1);
	assert(EVP_PKEY_sign(context, reply->output, &size, request->input,
		request->size) == 1);
	EVP_PKEY_CTX_free(context);
	reply->status = KEYWIRE_OK;
	reply->size = (uint32_t)size;
}

static void *
run_key(void *argument)
{
	int fd = (int)(intptr_t)argument;
	struct keywire_request request;
	struct keywire_reply reply;
	while (recv(fd, &request, sizeof(request), MSG_WAITALL) ==
	    sizeof(request)) {
		sign(&request, &reply);
		if (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
			break;
	}
	return NULL;
}

static void
accept_key(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)lot, (void)instance;
	assert(keys.count < WIRES);
	keys.fd[keys.count] = incoming->fd;
	int result = pthread_create(&keys.thread[keys.count++], NULL, run_key,
		(void *)(intptr_t)incoming->fd);
	assert(result == 0);
	incoming->fd = -1;
}

/* ---- a client ---- */

struct seen {
	int certificate;		/* NONE: no handshake */
	int alert;			/* the reason of NONE */
	char protocol[32];
	bool is_served;			/* somebody behind is told */
};

static int
which(SSL *ssl)
{
	X509 *met = SSL_get1_peer_certificate(ssl);
	int i = 0;
	while (i < CERTIFICATES &&
	    X509_cmp(met, all[i].certificate.x509) != 0)
		i++;
	X509_free(met);
	return i;
}

static void
shake_hands(int fd, const char *protocols, const char *name, int version,
	struct seen *seen)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	const unsigned char *chosen;
	unsigned size;
	SSL_CTX_set_max_proto_version(context, version);
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	if (name != NULL)
		SSL_set_tlsext_host_name(ssl, name);
	if (protocols[0] != '\0')
		SSL_set_alpn_protos(ssl, (const unsigned char *)protocols,
			(unsigned)strlen(protocols));
	*seen = (struct seen){ .certificate = NONE };
	if (SSL_connect(ssl) == 1) {
		seen->certificate = which(ssl);
		SSL_get0_alpn_selected(ssl, &chosen, &size);
		snprintf(seen->protocol, sizeof(seen->protocol), "%.*s",
			(int)size, size > 0 ? (const char *)chosen : "");
	} else {
		seen->alert = ERR_GET_REASON(ERR_peek_error());
	}
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(context);
}

static void
visit(struct lot *lot, const char *protocols, const char *name, int version,
	struct seen *seen)
{
	const struct timeval patience = { .tv_sec = 20 };
	int stranger[2], plain[2];
	char byte;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, stranger), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, plain), 0);
	fcntl(stranger[0], F_SETFL, O_NONBLOCK);
	fcntl(plain[0], F_SETFL, O_NONBLOCK);
	setsockopt(stranger[1], SOL_SOCKET, SO_RCVTIMEO, &patience,
		sizeof(patience));
	setsockopt(plain[1], SOL_SOCKET, SO_RCVTIMEO, &patience,
		sizeof(patience));
	struct handover handover = { .fds = { stranger[0], plain[0] },
		.facts = { .client = { .family = AF_INET } } };
	server_begin(lot, &handover);
	shake_hands(stranger[1], protocols, name, version, seen);
	/* all is said, or it has been closed */
	seen->is_served = recv(plain[1], &byte, 1, 0) == 1;
	close(stranger[1]);
	close(plain[1]);
}

/* ---- tests ---- */

static struct lot *lot;

#define ACME "\012acme-tls/1"

static const struct {
	const char *what, *protocols, *name;
	int certificate;
	bool is_answer;
} cases[] = {
	{ "who asks for no protocol", "", "a.test", OWN, false },
	{ "the authority", ACME, "a.test", OF_A, true },
	{ "in other letters", ACME, "A.tEST", OF_A, true },
	{ "of the other name", ACME, "b.test", OF_B, true },
	{ "of a name without one", ACME, "c.test", NONE, false },
	{ "of a name that ends alike", ACME, "x.a.test", NONE, false },
	{ "of no name", ACME, NULL, NONE, false },
	{ "beside another protocol", ACME "\2h2", "a.test", OWN, false },
	{ "behind another protocol", "\2h2" ACME, "a.test", OWN, false },
	{ "another protocol", "\4imap", "a.test", OWN, false },
	{ "one that begins alike", "\013acme-tls/1x", "a.test", OWN, false },
	{ "one of the same size", "\012acme-tls/2", "a.test", OWN, false },
};

static void
who_gets_which(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) * 2; i++) {
		struct seen seen;
		visit(lot, cases[i / 2].protocols, cases[i / 2].name,
			versions[i % 2], &seen);
		if (seen.certificate != cases[i / 2].certificate)
			fail_msg("%s: certificate %d", cases[i / 2].what,
				seen.certificate);
		if (seen.certificate == NONE)
			assert_int_equal(seen.alert,
				SSL_R_TLSV1_UNRECOGNIZED_NAME);
		assert_string_equal(seen.protocol, cases[i / 2].is_answer ?
			"acme-tls/1" : "");
		if (seen.is_served != (cases[i / 2].certificate == OWN))
			fail_msg("%s: served or not", cases[i / 2].what);
	}
}

static struct span
der_of(int which_one, struct arena *arena)
{
	unsigned char *der = NULL;
	int size = i2d_X509(all[which_one].certificate.x509, &der);
	assert(size > 0);
	struct span copy = arena_copy(arena, span_of(der, (size_t)size));
	OPENSSL_free(der);
	return copy;
}

static void
set_challenges(size_t count)
{
	static struct acme_state kept;
	struct arena arena;
	arena_init(&arena, 0);
	kept.challenge[0] = (struct acme_state_challenge){
		.name = SPAN("a.test"), .key = SPAN("acme-tls-a"),
		.certificate = der_of(OF_A, &arena) };
	kept.challenge[1] = (struct acme_state_challenge){
		.name = SPAN("b.test"), .key = SPAN("acme-tls-b"),
		.certificate = der_of(OF_B, &arena) };
	kept.challenges = count;
	challenge_set(&kept);
	arena_fini(&arena);
}

/* What is withdrawn is answered no more; what stays is. */
static void
they_are_withdrawn(void **state)
{
	struct seen seen;
	(void)state;
	set_challenges(1);
	visit(lot, ACME, "b.test", TLS1_3_VERSION, &seen);
	assert_int_equal(seen.certificate, NONE);
	visit(lot, ACME, "a.test", TLS1_3_VERSION, &seen);
	assert_int_equal(seen.certificate, OF_A);
	set_challenges(0);
	visit(lot, ACME, "a.test", TLS1_3_VERSION, &seen);
	assert_int_equal(seen.certificate, NONE);
	visit(lot, "", "a.test", TLS1_3_VERSION, &seen);
	assert_int_equal(seen.certificate, OWN);
}

/* A certificate that cannot be read is none, and does no harm to others. */
static void
damaged_ones_are_left_out(void **state)
{
	static struct acme_state kept;
	struct arena arena;
	struct seen seen;
	(void)state;
	arena_init(&arena, 0);
	kept.challenge[0] = (struct acme_state_challenge){
		.name = SPAN("a.test"), .key = SPAN("acme-tls-a"),
		.certificate = SPAN("0\202no certificate") };
	kept.challenge[1] = (struct acme_state_challenge){
		.name = SPAN("a.test"),
		.key = SPAN("acme-tls-012345678901234567890123456789"),
		.certificate = der_of(OF_A, &arena) };
	kept.challenge[2] = (struct acme_state_challenge){
		.name = SPAN("b.test"), .key = SPAN("acme-tls-b"),
		.certificate = der_of(OF_B, &arena) };
	kept.challenges = 3;
	challenge_set(&kept);
	arena_fini(&arena);
	visit(lot, ACME, "a.test", TLS1_3_VERSION, &seen);
	assert_int_equal(seen.certificate, NONE);
	visit(lot, ACME, "b.test", TLS1_3_VERSION, &seen);
	assert_int_equal(seen.certificate, OF_B);
	set_challenges(0);
}

/* A reload reaches tls before key: the handshake waits, but not for ever. */
static void
a_key_comes_a_moment_later(void **state)
{
	struct seen seen;
	(void)state;
	atomic_store(&not_yet, 3);
	visit(lot, "", "a.test", TLS1_3_VERSION, &seen);
	assert_int_equal(seen.certificate, OWN);
	assert_true(atomic_load(&not_yet) < 0);
	atomic_store(&not_yet, INT_MAX);
	int64_t begin = clock_monotonic();
	visit(lot, "", "a.test", TLS1_3_VERSION, &seen);
	assert_int_equal(seen.certificate, NONE);
	assert_in_range(clock_monotonic() - begin, REMOTE_KEY_RELOAD,
		REMOTE_KEY_RELOAD * 10);
	atomic_store(&not_yet, 0);
}

static void
make_certificates(void)
{
	struct error error;
	all[OWN].certificate = certificate_new("own", "DNS:a.test", -1, 10,
		NULL);
	all[OF_A].certificate = certificate_new("a", "DNS:a.test", -1, 10,
		NULL);
	all[OF_B].certificate = certificate_new("b", "DNS:b.test", -1, 10,
		NULL);
	int fd = certificate_file(&all[OWN].certificate);
	int result = context_load(fd, &error);
	assert(result == 0);
	close(fd);
}

int
main(void)
{
	static const struct world_service services[] = {
		{ "key-sign", accept_key }, { NULL, NULL },
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_gets_which),
		cmocka_unit_test(they_are_withdrawn),
		cmocka_unit_test(damaged_ones_are_left_out),
		cmocka_unit_test(a_key_comes_a_moment_later),
	};
	signal(SIGPIPE, SIG_IGN);
	lot = world_begin(services);
	remote_key_start(lot, 8);
	make_certificates();
	set_challenges(2);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	world_end(&lot);
	for (size_t i = 0; i < keys.count; i++) {
		shutdown(keys.fd[i], SHUT_RDWR);
		pthread_join(keys.thread[i], NULL);
		close(keys.fd[i]);
	}
	for (size_t i = 0; i < CERTIFICATES; i++)
		certificate_free(&all[i].certificate);
	return failed;
}
