/* One attempt to get a certificate, with an authority that is honest or is not:
 * what is answered for it, what is installed, and when it is given up. fetch is
 * a thread of the test that is the authority; behind key-sign is key's code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "base/base64.h"
#include "base/file.h"
#include "hostmaster/acme_challenge.h"
#include "hostmaster/acme_issue.h"
#include "hostmaster/acme_store.h"
#include "hostmaster/hostmaster.h"
#include "key/keyring.h"
#include "key/ring.h"
#include "world.h"

#define CA "https://ca.test"
#define NAME "a.test"
#define TOKEN "abcdefghijklmnopqrstuvwxyz0123"

enum { LINE = 80000, DAY = 86400 };

/* What is wrong with the authority. */
enum fault {
	HONEST, OTHER_NAME, NAME_BELOW, ORDER_INVALID, OTHER_KEY, NAME_MISSING,
	EXPIRED, NO_CHAIN, BAD_NONCES, BAD_NONCES_OF_MANY, FAULTS
};

static struct {
	enum fault fault;
	unsigned requests, posts;	/* so far */
	bool was_answered;		/* the challenge, when it looked */
	bool is_valid, is_issued;
	struct span pem;		/* its certificate; in the arena */
	struct arena arena;
} ca;

/* ---- certificates ---- */

static void
add_name(X509 *leaf, const char *name)
{
	X509V3_CTX context;
	char value[100];
	snprintf(value, sizeof(value), "DNS:%s", name);
	X509V3_set_ctx(&context, leaf, leaf, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context,
		NID_subject_alt_name, value);
	assert(extension != NULL);
	X509_add_ext(leaf, extension, -1);
	X509_EXTENSION_free(extension);
}

static void
issue(EVP_PKEY *wanted)
{
	EVP_PKEY *own = EVP_EC_gen("P-256");
	X509 *leaf = X509_new();
	char *text;
	X509_set_version(leaf, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(leaf), 7);
	X509_gmtime_adj(X509_getm_notBefore(leaf), -2L * DAY);
	X509_gmtime_adj(X509_getm_notAfter(leaf), ca.fault == EXPIRED ?
		-1L * DAY : 90L * DAY);
	X509_set_pubkey(leaf, ca.fault == OTHER_KEY ? own : wanted);
	add_name(leaf, ca.fault == NAME_MISSING ? "b.test" : NAME);
	int size = X509_sign(leaf, own, EVP_sha256());
	assert(size > 0);
	BIO *memory = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(memory, leaf);
	size = (int)BIO_get_mem_data(memory, &text);
	ca.pem = ca.fault == NO_CHAIN ? SPAN("none") :
		arena_copy(&ca.arena, span_of(text, (size_t)size));
	BIO_free(memory);
	X509_free(leaf);
	EVP_PKEY_free(own);
}

/* The value of the member, in base64url. */
static void
decode_member(const char *text, const char *member, struct buffer *out)
{
	const char *at = strstr(text, member);
	assert(at != NULL);
	at += strlen(member);
	jws_base64url_decode(out, span_of(at, strcspn(at, "\"")));
}

static void
finalize(const char *jws)
{
	struct buffer payload, der;
	buffer_init(&payload, 0);
	buffer_init(&der, 0);
	decode_member(jws, "\"payload\":\"", &payload);
	decode_member(buffer_string(&payload), "\"csr\":\"", &der);
	const unsigned char *at = (const unsigned char *)der.data;
	X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.size);
	assert(request != NULL);
	EVP_PKEY *wanted = X509_REQ_get_pubkey(request);
	assert(X509_REQ_verify(request, wanted) == 1);
	issue(wanted);
	EVP_PKEY_free(wanted);
	X509_REQ_free(request);
	buffer_fini(&payload);
	buffer_fini(&der);
	ca.is_issued = true;
}

/* ---- the authority ---- */

static void
add_order(struct buffer *body)
{
	const char *status = ca.is_issued ? ca.fault == ORDER_INVALID ?
		"invalid" : "valid" : ca.is_valid ? "ready" : "pending";
	size_t count = ca.fault == BAD_NONCES_OF_MANY ? ACME_NAMES : 1;
	buffer_print(body, "{\"status\":\"%s\",\"finalize\":\"" CA "/final\","
		"\"authorizations\":[", status);
	for (size_t i = 0; i < count; i++)
		buffer_print(body, "%s\"" CA "/authz/%zu\"", i == 0 ? "" : ",",
			i);
	buffer_print(body, "]%s}", ca.is_issued && ca.fault != ORDER_INVALID ?
		",\"certificate\":\"" CA "/cert\"" : "");
}

static void
add_authorization(struct buffer *body)
{
	const char *status = ca.is_valid || ca.fault == BAD_NONCES_OF_MANY ?
		"valid" : "pending";
	buffer_print(body, "{\"status\":\"%s\",\"identifier\":{\"type\":\"dns\""
		",\"value\":\"%s\"},\"challenges\":[{\"type\":\"http-01\","
		"\"url\":\"" CA "/challenge\",\"token\":\"" TOKEN "\","
		"\"status\":\"pending\"}]}", status,
		ca.fault == OTHER_NAME ? "bank.test" :
		ca.fault == NAME_BELOW ? "x." NAME : NAME);
}

static bool
is_answered(void)
{
	struct arena arena;
	struct span answer;
	arena_init(&arena, 0);
	bool result = acme_challenge_answer(SPAN(TOKEN), &arena, &answer) &&
		span_starts(answer, SPAN(TOKEN "."));
	arena_fini(&arena);
	return result;
}

/* The body of the answer to this; the location of what was made, or NULL. */
static const char *
answer_post(const char *path, const char *jws, struct buffer *body)
{
	if (strcmp(path, "/account") == 0) {
		buffer_add_string(body, "{\"status\":\"valid\"}");
		return CA "/account/1";
	} else if (strncmp(path, "/order", 6) == 0) {
		add_order(body);
		return CA "/order/1";
	} else if (strncmp(path, "/authz", 6) == 0) {
		add_authorization(body);
	} else if (strcmp(path, "/challenge") == 0) {
		ca.was_answered = ca.is_valid = is_answered();
		buffer_add_string(body, "{}");
	} else if (strcmp(path, "/final") == 0) {
		finalize(jws);
		add_order(body);
	} else {
		buffer_add(body, ca.pem);
	}
	return NULL;
}

static bool
is_nonce_bad(const char *path)
{
	ca.posts++;
	return (ca.fault == BAD_NONCES && strcmp(path, "/order") == 0) ||
		(ca.fault == BAD_NONCES_OF_MANY &&
		ca.posts % ACME_NONCE_TRIES != 0);
}

static void
say(int fd, unsigned id, unsigned status, const char *location,
	struct buffer *body)
{
	struct buffer out, coded;
	buffer_init(&out, 0);
	buffer_init(&coded, 0);
	base64_encode(&coded, buffer_span(body));
	buffer_print(&out, "ROW\t%u\tstatus=%u\ttype=application/json\n", id,
		status);
	/* without one the next request asks for it first */
	if (ca.fault != BAD_NONCES_OF_MANY || body->size == 0)
		buffer_print(&out, "ROW\t%u\theader=Replay-Nonce\tvalue=n%u\n",
			id, ca.requests);
	if (location != NULL)
		buffer_print(&out, "ROW\t%u\theader=Location\tvalue=%s\n", id,
			location);
	if (coded.size > 0)
		buffer_print(&out, "ROW\t%u\tbody=%s\n", id,
			buffer_string(&coded));
	buffer_print(&out, "OK\t%u\n", id);
	ssize_t n = send(fd, out.data, out.size, MSG_NOSIGNAL);
	assert(n == (ssize_t)out.size);
	buffer_fini(&out);
	buffer_fini(&coded);
}

static void
take(int fd, const char *method, unsigned id, const char *path,
	const char *jws)
{
	struct buffer body;
	const char *location = NULL;
	unsigned status = 200;
	buffer_init(&body, 0);
	ca.requests++;
	if (strcmp(method, "GET") == 0) {
		buffer_add_string(&body, "{\"newNonce\":\"" CA "/nonce\","
			"\"newAccount\":\"" CA "/account\",\"newOrder\":\"" CA
			"/order\",\"revokeCert\":\"" CA "/revoke\","
			"\"keyChange\":\"" CA "/change\"}");
	} else if (strcmp(method, "POST") == 0 && is_nonce_bad(path)) {
		status = 400;
		buffer_add_string(&body, "{\"type\":\"urn:ietf:params:acme:"
			"error:badNonce\"}");
	} else if (strcmp(method, "POST") == 0) {
		location = answer_post(path, jws, &body);
	}
	say(fd, id, status, location, &body);
	buffer_fini(&body);
}

/* "METHOD\tID\turl=...", and of POST "body=BASE64" at its end. */
static void
take_line(int fd, char *line)
{
	char method[8], path[100];
	unsigned id;
	struct buffer jws;
	const char *url = strstr(line, "\turl=" CA);
	const char *body = strstr(line, "\tbody=");
	if (sscanf(line, "%7[A-Z]\t%u", method, &id) != 2 || url == NULL)
		return;
	sscanf(url + strlen("\turl=" CA), "%99[^\t\n]", path);
	buffer_init(&jws, 0);
	if (body != NULL)
		base64_decode(&jws, span_of(body + 6, strcspn(body + 6,
			"\t\n")));
	take(fd, method, id, path, buffer_string(&jws));
	buffer_fini(&jws);
}

static void *
run_fetch(void *argument)
{
	static char line[LINE];		/* there is one wire at a time */
	int fd = (int)(intptr_t)argument;
	FILE *in = fdopen(fd, "r");
	dprintf(fd, "VERSION\t1\t2\n");
	while (fgets(line, sizeof(line), in) != NULL)
		take_line(fd, line);
	fclose(in);
	return NULL;
}

/* ---- key ---- */

static void *
run_key(void *argument)
{
	int fd = (int)(intptr_t)argument;
	struct keywire_request request;
	struct keywire_reply reply;
	while (recv(fd, &request, sizeof(request), MSG_WAITALL) ==
	    sizeof(request)) {
		keyring_execute("hostmaster", &request, 1, &reply);
		if (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
			break;
	}
	close(fd);
	return NULL;
}

static void
accept_fetch(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)lot, (void)instance;
	world_play(incoming, run_fetch);
}

static void
accept_key(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)lot, (void)instance;
	world_play(incoming, run_key);
}

/* ---- attempts ---- */

static const struct {
	const char *words;		/* of the error; NULL: it works */
	bool was_answered;		/* the challenge was */
	unsigned posts;			/* at most */
} expected[FAULTS] = {
	[HONEST] = { NULL, true, 20 },
	[OTHER_NAME] = { "a name that was not ordered", false, 20 },
	[NAME_BELOW] = { "a name that was not ordered", false, 20 },
	[ORDER_INVALID] = { "the order ended as invalid", true, 20 },
	[OTHER_KEY] = { "the certificate is for another key", true, 20 },
	[NAME_MISSING] = { "a name is missing", true, 20 },
	[EXPIRED] = { "not valid now", true, 20 },
	[NO_CHAIN] = { "found no chain", true, 20 },
	[BAD_NONCES] = { "badNonce", false, ACME_NONCE_TRIES + 1 },
	[BAD_NONCES_OF_MANY] = { "too many requests", false, ACME_REQUESTS },
};

static int
attempt(const char *directory, struct arena *arena, struct acme_state *state,
	struct error *error)
{
	struct acme_outcome outcome;
	const struct acme_plan plan = { .directory = span_from(directory),
		.challenge = { ACME_HTTP_01 }, .challenges = 1,
		.names = { SPAN(NAME) }, .count = 1 };
	return acme_issue(&plan, arena, state, &outcome, error);
}

/* A new file, with a certificate in use. */
static int
open_store(void)
{
	static struct acme_state before;
	struct error error;
	int fd = file_open_memory("chain", SPAN(""), &error);
	assert_int_equal(acme_store_open(fd, &error), 0);
	before.key = SPAN("acme-tls-before");
	before.chain = SPAN("the chain before");
	assert_int_equal(acme_store_put(&before, &error), 0);
	return fd;
}

static void
check_kept(bool is_new)
{
	static struct acme_state kept;
	struct arena arena;
	arena_init(&arena, 0);
	acme_store_get(&arena, &kept);
	if (is_new) {
		assert_true(span_equals(kept.chain, ca.pem));
		assert_true(span_starts(kept.key, SPAN("acme-tls-")));
		assert_true(span_equals(kept.old_key,
			SPAN("acme-tls-before")));
		assert_int_equal(kept.order.size, 0);
	} else {
		assert_true(span_equals(kept.chain, SPAN("the chain before")));
		assert_true(span_equals(kept.key, SPAN("acme-tls-before")));
	}
	arena_fini(&arena);
}

static void
what_an_authority_can_do(void **state)
{
	(void)state;
	for (enum fault fault = HONEST; fault < FAULTS; fault++) {
		static struct acme_state kept;
		struct arena arena;
		struct error error = { .text = "" };
		print_message("%d: %s\n", fault, expected[fault].words == NULL ?
			"it is honest" : expected[fault].words);
		ca.fault = fault;
		ca.requests = ca.posts = 0;
		ca.was_answered = ca.is_valid = ca.is_issued = false;
		int fd = open_store();
		arena_init(&arena, 0);
		acme_store_get(&arena, &kept);
		int result = attempt(CA "/directory", &arena, &kept, &error);
		if (expected[fault].words == NULL)
			assert_int_equal(result, 0);
		else if (result == 0 ||
		    strstr(error.text, expected[fault].words) == NULL)
			fail_msg("%d: %s", result, error.text);
		check_kept(expected[fault].words == NULL);
		assert_int_equal(ca.was_answered,
			expected[fault].was_answered);
		/* and what was ready for it is gone */
		assert_false(is_answered());
		assert_true(ca.posts <= expected[fault].posts);
		close(fd);
		arena_fini(&arena);
	}
}

/* By TLS only, and nobody is asked otherwise. */
static void
where_an_authority_is(void **state)
{
	static const char *const directories[] = { "http://ca.test/directory",
		"ca.test", "https://", "file:///etc/passwd",
		"https://ca.test/\r\nX: y", "" };
	(void)state;
	ca.fault = HONEST;
	ca.requests = 0;
	int fd = open_store();
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]);
	    i++) {
		static struct acme_state kept;
		struct arena arena;
		struct error error = { .text = "" };
		arena_init(&arena, 0);
		acme_store_get(&arena, &kept);
		assert_int_equal(attempt(directories[i], &arena, &kept,
			&error), -1);
		assert_int_equal(error.code, ERROR_USAGE);
		check_kept(false);
		arena_fini(&arena);
	}
	assert_int_equal(ca.requests, 0);
	close(fd);
}

int
main(void)
{
	static const struct world_service services[] = {
		{ "fetch-https", accept_fetch }, { "key-sign", accept_key },
		{ NULL, NULL },
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_authority_can_do),
		cmocka_unit_test(where_an_authority_is),
	};
	struct error error;
	signal(SIGPIPE, SIG_IGN);
	int ring = file_open_memory("ring", SPAN(""), &error);
	int result = ring_load(ring, &error);
	assert(result == 0);
	arena_init(&ca.arena, 0);
	struct lot *lot = world_begin(services);
	hostmaster.fetcher = fetcher_new(lot);
	hostmaster.keys = key_caller_new(lot);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fetcher_free(&hostmaster.fetcher);
	key_caller_free(&hostmaster.keys);
	world_end(&lot);
	world_join();
	acme_store_open(-1, &error);
	ring_forget();
	close(ring);
	arena_fini(&ca.arena);
	return failed;
}
