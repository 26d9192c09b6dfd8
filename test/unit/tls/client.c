/* TLS as the client: what is verified, what is told, what is remembered; the
 * whole way from tls_connect() to a server that is a thread of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/file.h"
#include "certificates.h"
#include "serve/tls_connect.h"
#include "tls/client_context.h"
#include "tls/wires.h"
#include "world.h"

enum { PATIENCE = 10000, ROOM = 8192 };

/* Who can be met. */
enum {
	CA, OTHER_CA, GOOD, WILD, WRONG, EXPIRED, EARLY, SELF, FOREIGN,
	COMMON_NAME, CERTIFICATES
};
static struct certificate all[CERTIFICATES];
static struct tls_connector *connector;

static void
make_certificates(void)
{
	all[CA] = certificate_new("CA", NULL, -10, 100, NULL);
	all[OTHER_CA] = certificate_new("Other CA", NULL, -10, 100, NULL);
	all[GOOD] = certificate_new("good", "DNS:mx.example.test", -1, 10,
		&all[CA]);
	all[WILD] = certificate_new("wild", "DNS:*.example.test,"
		"DNS:m*.example.net", -1, 10, &all[CA]);
	all[WRONG] = certificate_new("wrong", "DNS:mx.example.org", -1, 10,
		&all[CA]);
	all[EXPIRED] = certificate_new("old", "DNS:mx.example.test", -9, -1,
		&all[CA]);
	all[EARLY] = certificate_new("new", "DNS:mx.example.test", 1, 9,
		&all[CA]);
	all[SELF] = certificate_new("self", "DNS:mx.example.test", -1, 10,
		NULL);
	all[FOREIGN] = certificate_new("foreign", "DNS:mx.example.test", -1, 10,
		&all[OTHER_CA]);
	all[COMMON_NAME] = certificate_new("mx.example.test", "email:a@b.test",
		-1, 10, &all[CA]);
}

/* ---- servers ---- */

enum behaviour {
	SERVE, SERVE_TLS12, SERVE_TLS11, SAY_NONSENSE, END_AT_ONCE, STALL
};

struct server {
	SSL_CTX *context;
	enum behaviour behaviour;
	int fd;
	pthread_t thread;
	char sni[256];
};

static SSL_CTX *
server_context(int leaf, int authority, enum behaviour behaviour)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(context, all[leaf].x509);
	SSL_CTX_use_PrivateKey(context, all[leaf].key);
	if (authority >= 0)
		SSL_CTX_add1_chain_cert(context, all[authority].x509);
	if (behaviour == SERVE_TLS12)
		SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	if (behaviour == SERVE_TLS11) {
		SSL_CTX_set_security_level(context, 0);
		SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
	}
	return context;
}

/* Gives everything back until the client ends. */
static void
serve(struct server *server)
{
	char piece[4096];
	int n;
	SSL *ssl = SSL_new(server->context);
	SSL_set_fd(ssl, server->fd);
	if (SSL_accept(ssl) == 1) {
		const char *sni = SSL_get_servername(ssl,
			TLSEXT_NAMETYPE_host_name);
		snprintf(server->sni, sizeof(server->sni), "%s",
			sni == NULL ? "" : sni);
		while ((n = SSL_read(ssl, piece, sizeof(piece))) > 0)
			SSL_write(ssl, piece, n);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
}

static void *
run_server(void *argument)
{
	struct server *server = argument;
	char byte;
	if (server->behaviour == SAY_NONSENSE)
		(void)!write(server->fd, "500 no TLS here\r\n", 17);
	if (server->behaviour <= SERVE_TLS11)
		serve(server);
	else if (server->behaviour != END_AT_ONCE)
		while (read(server->fd, &byte, 1) > 0)
			;
	close(server->fd);
	return NULL;
}

/* The client's end of a connection to it. */
static int
server_start(struct server *server, SSL_CTX *context, enum behaviour behaviour)
{
	int pair[2];
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	*server = (struct server){ .context = context, .behaviour = behaviour,
		.fd = pair[1] };
	assert(pthread_create(&server->thread, NULL, run_server, server) == 0);
	return pair[0];
}

/* ---- the client ---- */

static void
read_all(int fd, char *out, size_t size)
{
	struct pollfd slot = { .fd = fd, .events = POLLIN };
	while (size > 0) {
		assert_int_equal(poll(&slot, 1, PATIENCE), 1);
		ssize_t n = read(fd, out, size);
		assert_true(n > 0);
		out += n;
		size -= (size_t)n;
	}
}

static void
check_echo(int fd)
{
	char sent[20000], got[sizeof(sent)];
	memset(sent, 'x', sizeof(sent));
	assert_int_equal(write(fd, sent, sizeof(sent)), sizeof(sent));
	read_all(fd, got, sizeof(got));
	assert_memory_equal(got, sent, sizeof(got));
}

/* One connection; the plain end is tried when there is one. */
static int
meet(SSL_CTX *context, enum behaviour behaviour,
	const struct tls_connect_request *request,
	struct tls_connect_facts *facts)
{
	struct server server;
	struct error error;
	int fd = server_start(&server, context, behaviour);
	int result = tls_connect(connector, &fd, request, NULL, facts, &error);
	assert_int_equal(result == 0, facts->is_done);
	if (result == 0) {
		check_echo(fd);
		assert_true(facts->has_fingerprint);
		assert_true(strncmp(facts->version, "TLSv1.", 6) == 0);
	} else {
		print_message("\t%s\n", error.text);
		assert_int_equal(fd, -1);
		assert_int_equal(error.code,
			facts->problem == TLS_PROBLEM_TIMEOUT ? ERROR_TIMEOUT :
			ERROR_REFUSED);
		assert_true(facts->problem != TLS_PROBLEM_NONE);
	}
	file_close(&fd);
	pthread_join(server.thread, NULL);
	/* a resumed session of TLS 1.2 knows it from the first time */
	if (result == 0 && !facts->is_resumed)
		assert_true(span_equals(span_from(server.sni), request->sni));
	return result;
}

static void
names_and_chains_are_verified(void **state)
{
	static const struct {
		const char *name;
		int leaf, authority;
		const char *wanted;
		enum tls_problem problem;
		bool is_chain_ok, is_name_ok;
	} cases[] = {
		{ "right", GOOD, -1, "mx.example.test", TLS_PROBLEM_NONE, true,
			true },
		{ "case does not count", GOOD, -1, "MX.example.TEST",
			TLS_PROBLEM_NONE, true, true },
		{ "the chain sent whole", GOOD, CA, "mx.example.test",
			TLS_PROBLEM_NONE, true, true },
		{ "a wildcard", WILD, -1, "mx.example.test", TLS_PROBLEM_NONE,
			true, true },
		{ "a wildcard is one label", WILD, -1, "a.mx.example.test",
			TLS_PROBLEM_NAME, true, false },
		{ "a wildcard is not the domain", WILD, -1, "example.test",
			TLS_PROBLEM_NAME, true, false },
		{ "a part of a label is no wildcard", WILD, -1, "mx.example.net",
			TLS_PROBLEM_NAME, true, false },
		{ "another's", WRONG, -1, "mx.example.test", TLS_PROBLEM_NAME,
			true, false },
		{ "the common name does not count", COMMON_NAME, -1,
			"mx.example.test", TLS_PROBLEM_NAME, true, false },
		{ "expired", EXPIRED, -1, "mx.example.test",
			TLS_PROBLEM_EXPIRED, false, true },
		{ "not yet valid", EARLY, -1, "mx.example.test",
			TLS_PROBLEM_EXPIRED, false, true },
		{ "self-signed", SELF, -1, "mx.example.test",
			TLS_PROBLEM_NOT_TRUSTED, false, true },
		{ "an unknown authority", FOREIGN, -1, "mx.example.test",
			TLS_PROBLEM_NOT_TRUSTED, false, true },
		{ "an unknown authority that is sent", FOREIGN, OTHER_CA,
			"mx.example.test", TLS_PROBLEM_NOT_TRUSTED, false,
			true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span names[2] = { SPAN("other.example.com"),
			span_from(cases[i].wanted) };
		struct tls_connect_request request = {
			.sni = SPAN("mx.example.test"), .names = names,
			.name_count = 2 };
		struct tls_connect_facts facts;
		SSL_CTX *context = server_context(cases[i].leaf,
			cases[i].authority, SERVE);
		print_message("%s\n", cases[i].name);
		/* nobody insists: it is only told, all of it */
		request.deadline = clock_monotonic() + PATIENCE;
		request.verify = TLS_VERIFY_NONE;
		assert_int_equal(meet(context, SERVE, &request, &facts), 0);
		assert_int_equal(facts.problem, cases[i].problem);
		assert_int_equal(facts.is_chain_ok, cases[i].is_chain_ok);
		assert_int_equal(facts.is_name_ok, cases[i].is_name_ok);
		assert_false(facts.is_dane_ok);
		assert_int_equal(facts.reason[0] == '\0',
			facts.problem == TLS_PROBLEM_NONE);
		/* somebody insists */
		request.verify = TLS_VERIFY_NAME;
		int expected = cases[i].problem == TLS_PROBLEM_NONE ? 0 : -1;
		assert_int_equal(meet(context, SERVE, &request, &facts),
			expected);
		assert_int_equal(facts.problem, cases[i].problem);
		SSL_CTX_free(context);
	}
}

/* A record set of a case: usage, selector, matching, of whom. */
struct record_of {
	uint8_t usage, selector, matching;
	int whose;
};

static void
records_of_dane_are_verified(void **state)
{
	static const struct {
		const char *name;
		int leaf, authority;
		struct record_of records[2];
		const char *wanted;
		enum tls_problem problem;
	} cases[] = {
		{ "EE: the key's hash", SELF, -1, { { 3, 1, 1, SELF } },
			"mx.example.test", TLS_PROBLEM_NONE },
		{ "EE: the certificate's hash", SELF, -1, { { 3, 0, 2, SELF } },
			"mx.example.test", TLS_PROBLEM_NONE },
		{ "EE: all of it", SELF, -1, { { 3, 0, 0, SELF } },
			"mx.example.test", TLS_PROBLEM_NONE },
		{ "EE: the name does not count", WRONG, -1,
			{ { 3, 1, 1, WRONG } }, "mx.example.test",
			TLS_PROBLEM_NONE },
		{ "EE: nor does the date", EXPIRED, -1, { { 3, 1, 1, EXPIRED } },
			"mx.example.test", TLS_PROBLEM_NONE },
		{ "EE: another's key", GOOD, -1, { { 3, 1, 1, SELF } },
			"mx.example.test", TLS_PROBLEM_TLSA },
		{ "EE: one of two while keys change", SELF, -1,
			{ { 3, 1, 1, GOOD }, { 3, 1, 1, SELF } },
			"mx.example.test", TLS_PROBLEM_NONE },
		{ "EE: an authority's hash is not the leaf's", GOOD, CA,
			{ { 3, 1, 1, CA } }, "mx.example.test",
			TLS_PROBLEM_TLSA },
		{ "TA: sent with the chain", FOREIGN, OTHER_CA,
			{ { 2, 0, 1, OTHER_CA } }, "mx.example.test",
			TLS_PROBLEM_NONE },
		{ "TA: all of it in the record", FOREIGN, -1,
			{ { 2, 0, 0, OTHER_CA } }, "mx.example.test",
			TLS_PROBLEM_NONE },
		{ "TA: not sent with the chain", FOREIGN, -1,
			{ { 2, 0, 1, OTHER_CA } }, "mx.example.test",
			TLS_PROBLEM_TLSA },
		{ "TA: another authority", FOREIGN, OTHER_CA,
			{ { 2, 0, 1, CA } }, "mx.example.test",
			TLS_PROBLEM_TLSA },
		{ "TA: the name counts", FOREIGN, OTHER_CA,
			{ { 2, 0, 1, OTHER_CA } }, "mx.example.org",
			TLS_PROBLEM_NAME },
		{ "TA: the date counts", EXPIRED, CA, { { 2, 0, 1, CA } },
			"mx.example.test", TLS_PROBLEM_EXPIRED },
		{ "our own authorities do not help", GOOD, CA,
			{ { 2, 0, 1, OTHER_CA } }, "mx.example.test",
			TLS_PROBLEM_TLSA },
		{ "a usage that does not count", GOOD, CA, { { 1, 0, 1, GOOD } },
			"mx.example.test", TLS_PROBLEM_TLSA },
		{ "a matching nobody knows", GOOD, CA, { { 3, 1, 9, GOOD } },
			"mx.example.test", TLS_PROBLEM_TLSA },
	};
	static char room[2][ROOM];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_tlsa records[2];
		size_t count = 0;
		for (size_t j = 0; j < 2; j++) {
			const struct record_of *record = &cases[i].records[j];
			if (j > 0 && record->usage == 0)
				break;
			records[count++] = certificate_tlsa(
				&all[record->whose], record->usage,
				record->selector, record->matching == 9 ? 1 :
				record->matching, room[j]);
			records[j].matching = record->matching;
		}
		struct span name = span_from(cases[i].wanted);
		struct tls_connect_request request = { .sni = name,
			.names = &name, .name_count = 1,
			.verify = TLS_VERIFY_DANE, .tlsa = records,
			.tlsa_count = count,
			.deadline = clock_monotonic() + PATIENCE };
		struct tls_connect_facts facts;
		SSL_CTX *context = server_context(cases[i].leaf,
			cases[i].authority, SERVE);
		print_message("%s\n", cases[i].name);
		int expected = cases[i].problem == TLS_PROBLEM_NONE ? 0 : -1;
		assert_int_equal(meet(context, SERVE, &request, &facts),
			expected);
		assert_int_equal(facts.problem, cases[i].problem);
		assert_int_equal(facts.is_dane_ok, expected == 0);
		SSL_CTX_free(context);
	}
}

static void
servers_without_tls_are_told_from_ours(void **state)
{
	static const struct {
		const char *name;
		enum behaviour behaviour;
		int patience;
		enum tls_problem problem;
	} cases[] = {
		{ "TLS 1.2", SERVE_TLS12, PATIENCE, TLS_PROBLEM_NONE },
		{ "TLS 1.1", SERVE_TLS11, PATIENCE, TLS_PROBLEM_HANDSHAKE },
		{ "no TLS at all", SAY_NONSENSE, PATIENCE,
			TLS_PROBLEM_HANDSHAKE },
		{ "ends at once", END_AT_ONCE, PATIENCE, TLS_PROBLEM_HANDSHAKE },
		{ "says nothing", STALL, 300, TLS_PROBLEM_TIMEOUT },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span name = SPAN("mx.example.test");
		struct tls_connect_request request = { .sni = name,
			.names = &name, .name_count = 1,
			.verify = TLS_VERIFY_NAME,
			.deadline = clock_monotonic() + cases[i].patience };
		struct tls_connect_facts facts;
		SSL_CTX *context = server_context(GOOD, -1, cases[i].behaviour);
		print_message("%s\n", cases[i].name);
		meet(context, cases[i].behaviour, &request, &facts);
		assert_int_equal(facts.problem, cases[i].problem);
		SSL_CTX_free(context);
	}
}

static void
sessions_are_resumed_for_the_same_wish_only(void **state)
{
	static const enum behaviour versions[] = { SERVE, SERVE_TLS12 };
	static char room[ROOM];
	struct tls_connect_facts facts;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		/* a session of one round must not help the other */
		struct span names[2] = { SPAN("mx.example.test"),
			i == 0 ? SPAN("one.example") : SPAN("two.example") };
		struct tls_connect_request request = { .sni = names[0],
			.names = names, .name_count = 2,
			.verify = TLS_VERIFY_NAME,
			.deadline = clock_monotonic() + PATIENCE };
		SSL_CTX *context = server_context(GOOD, -1, versions[i]);
		assert_int_equal(meet(context, SERVE, &request, &facts), 0);
		assert_false(facts.is_resumed);
		for (int again = 0; again < 3; again++) {
			assert_int_equal(meet(context, SERVE, &request,
				&facts), 0);
			assert_true(facts.is_resumed);
			assert_true(facts.is_chain_ok && facts.is_name_ok);
		}
		/* other names, other wishes: from the beginning */
		names[0] = SPAN("mx.example.org");
		assert_int_equal(meet(context, SERVE, &request, &facts), -1);
		assert_int_equal(facts.problem, TLS_PROBLEM_NAME);
		struct tls_tlsa record = certificate_tlsa(&all[SELF], 3, 1, 1,
			room);
		names[0] = SPAN("mx.example.test");
		request.verify = TLS_VERIFY_DANE;
		request.tlsa = &record;
		request.tlsa_count = 1;
		assert_int_equal(meet(context, SERVE, &request, &facts), -1);
		assert_int_equal(facts.problem, TLS_PROBLEM_TLSA);
		SSL_CTX_free(context);
	}
}

static void
load(int whose)
{
	struct error error;
	size_t count;
	int fd = whose < 0 ? -1 : certificate_file(&all[whose]);
	assert_int_equal(client_context_load(fd, &count, &error), 0);
	assert_int_equal(count, whose < 0 ? 0 : 1);
	file_close(&fd);
}

static void
a_reload_changes_who_is_trusted(void **state)
{
	struct span name = SPAN("mx.example.test");
	struct tls_connect_request request = { .sni = name, .names = &name,
		.name_count = 1, .verify = TLS_VERIFY_NAME,
		.deadline = clock_monotonic() + PATIENCE };
	struct tls_connect_facts facts;
	SSL_CTX *context = server_context(GOOD, -1, SERVE);
	(void)state;
	assert_int_equal(meet(context, SERVE, &request, &facts), 0);
	load(OTHER_CA);
	/* not even a session that was verified before */
	assert_int_equal(meet(context, SERVE, &request, &facts), -1);
	assert_int_equal(facts.problem, TLS_PROBLEM_NOT_TRUSTED);
	load(-1);
	assert_int_equal(meet(context, SERVE, &request, &facts), -1);
	load(CA);
	assert_int_equal(meet(context, SERVE, &request, &facts), 0);
	SSL_CTX_free(context);
}

static void
our_own_trouble_is_not_the_others(void **state)
{
	struct span name = SPAN(".example.test");
	struct tls_connect_request request = { .names = &name,
		.name_count = 1, .verify = TLS_VERIFY_NAME,
		.deadline = clock_monotonic() + PATIENCE };
	struct tls_connect_facts facts;
	struct error error;
	int pair[2];
	(void)state;
	assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	assert_int_equal(tls_connect(connector, &pair[0], &request, NULL,
		&facts, &error), -1);
	assert_int_equal(error.code, ERROR_USAGE);
	assert_int_equal(pair[0], -1);
	file_close(&pair[1]);
	name = SPAN("mx.example.test");
	struct lot *lot = lot_new(2);
	struct tls_connector *other = tls_connector_new(lot);
	world_set_away("tls-connect", 0, true);
	assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	assert_int_equal(tls_connect(other, &pair[0], &request, NULL, &facts,
		&error), -1);
	assert_int_equal(error.code, ERROR_LATER);
	assert_int_equal(pair[0], -1);
	world_set_away("tls-connect", 0, false);
	file_close(&pair[1]);
	tls_connector_free(&other);
	lot_free(&lot);
}

static void *
run_client(void *argument)
{
	struct span name = SPAN("mx.example.test");
	struct tls_connect_request request = { .sni = name, .names = &name,
		.name_count = 1, .verify = TLS_VERIFY_NAME,
		.deadline = clock_monotonic() + PATIENCE };
	struct tls_connect_facts facts;
	for (int i = 0; i < 20; i++) {
		struct server server;
		struct error error;
		int fd = server_start(&server, argument, SERVE);
		if (tls_connect(connector, &fd, &request, NULL, &facts,
		    &error) == 0 && write(fd, "x", 1) == 1) {
			char byte;
			struct pollfd slot = { .fd = fd, .events = POLLIN };
			if (poll(&slot, 1, PATIENCE) != 1 ||
			    read(fd, &byte, 1) != 1)
				file_close(&fd);
		}
		bool ok = fd >= 0;
		file_close(&fd);
		pthread_join(server.thread, NULL);
		if (!ok)
			return argument;
	}
	return NULL;
}

static void
many_at_once(void **state)
{
	pthread_t threads[4];
	SSL_CTX *context = server_context(GOOD, -1, SERVE);
	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert(pthread_create(&threads[i], NULL, run_client,
			context) == 0);
	for (int i = 0; i < 10; i++)
		load(CA);
	for (size_t i = 0; i < 4; i++) {
		void *result;
		pthread_join(threads[i], &result);
		assert_null(result);
	}
	SSL_CTX_free(context);
}

static void
accept_client(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)instance;
	wires_accept_client(lot, incoming);
}

int
main(void)
{
	static const struct world_service services[] = {
		{ "tls-connect", accept_client }, { NULL, NULL },
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_chains_are_verified),
		cmocka_unit_test(records_of_dane_are_verified),
		cmocka_unit_test(servers_without_tls_are_told_from_ours),
		cmocka_unit_test(sessions_are_resumed_for_the_same_wish_only),
		cmocka_unit_test(a_reload_changes_who_is_trusted),
		cmocka_unit_test(our_own_trouble_is_not_the_others),
		cmocka_unit_test(many_at_once),
	};
	signal(SIGPIPE, SIG_IGN);	/* as every process does */
	make_certificates();
	load(CA);
	struct lot *lot = world_begin(services);
	connector = tls_connector_new(lot);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	tls_connector_free(&connector);
	world_end(&lot);
	for (size_t i = 0; i < CERTIFICATES; i++)
		certificate_free(&all[i]);
	return failed;
}
