/* Clients of web: what each is told of which host, what is not asked twice, and
 * how much of us one network may have. auth is a thread of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "web/visitor.h"
#include "world.h"

enum { PATIENCE = 60000, CONNECTIONS = 3, REQUESTS = 5, ROOM = 1 << 20 };

/* The limits are of one kind each: a connection counts until its end has been
 * read here too, which may be after the client's next one has come. */
static struct web *lenient, *few_connections, *few_requests;
static struct web *web;			/* who is asked */
static atomic_bool is_auth_away;

/* ---- auth: two domains are ours ---- */

static void *
run_auth(void *argument)
{
	int fd = (int)(intptr_t)argument;
	FILE *in = fdopen(fd, "r");
	char line[1000];
	dprintf(fd, "VERSION\t1\t2\n");
	while (fgets(line, sizeof(line), in) != NULL) {
		unsigned id;
		if (sscanf(line, "DOMAINS\t%u", &id) != 1)
			continue;
		if (is_auth_away)
			dprintf(fd, "FAIL\t%u\treason=not now\n", id);
		else
			dprintf(fd, "ROW\t%u\tdomain=a.test\nROW\t%u\tdomain="
				"B.test\nROW\t%u\tdomain=mail.a.test\n"
				"OK\t%u\n", id, id, id, id);
	}
	fclose(in);
	return NULL;
}

static void
accept_auth(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)lot, (void)instance;
	world_play(incoming, run_auth);
}

/* ---- clients ---- */

/* NULL: by the Unix socket of this host. */
static int
connect_from(const char *address)
{
	const struct timeval patience = { .tv_sec = PATIENCE / 1000 };
	struct incoming incoming = { .service = "http",
		.client = { .family = AF_UNIX } };
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &patience,
		sizeof(patience));
	if (address != NULL)
		assert_true(network_address_parse(span_from(address),
			&incoming.client));
	incoming.fd = pair[0];
	visitor_accept(web, false, &incoming);
	return pair[1];
}

/* All that comes until the end; the connection is closed. */
static const char *
read_all(int fd)
{
	static char text[ROOM];
	size_t size = 0;
	ssize_t n;
	while ((n = recv(fd, text + size, ROOM - 1 - size, 0)) > 0)
		size += (size_t)n;
	text[size] = '\0';
	close(fd);
	return text;
}

static const char *
say(const char *address, const char *text)
{
	int fd = connect_from(address);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
		strlen(text));
	return read_all(fd);
}

static const char *
get(const char *address, const char *host, const char *target)
{
	char text[1000];
	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s\r\n"
		"Connection: close\r\n\r\n", target, host);
	return say(address, text);
}

static size_t
count_of(const char *text, const char *needle)
{
	size_t count = 0;
	for (; (text = strstr(text, needle)) != NULL; text++)
		count++;
	return count;
}

/* ---- whose settings, policies and pages ---- */

#define CONFIG "/mail/config-v1.1.xml"
#define POLICY "/.well-known/mta-sts.txt"

static const struct {
	const char *name, *client, *host, *target;
	const char *status, *has;
} cases[] = {
	{ "our domain", NULL, "autoconfig.a.test", CONFIG, "200 ",
		"<domain>a.test</domain>" },
	{ "another of ours", NULL, "B.test", CONFIG, "200 ",
		"<domain>b.test</domain>" },
	{ "by an address of it", NULL, "mail.a.test", CONFIG
		"?emailaddress=x%40b.test", "200 ", "<domain>b.test</domain>" },
	{ "an address of another's", NULL, "autoconfig.a.test", CONFIG
		"?emailaddress=x%40c.test", "404 ", "404" },
	{ "of one that ends alike", NULL, "a.test", CONFIG
		"?emailaddress=x%40xa.test", "404 ", "404" },
	{ "of one below ours", NULL, "a.test", CONFIG
		"?emailaddress=x%40x.a.test", "404 ", "404" },
	{ "another's host", NULL, "autoconfig.c.test", CONFIG, "404 ", "404" },
	{ "no domain is said", NULL, "127.0.0.1", CONFIG, "200 ",
		"<domain>a.test</domain>" },
	{ "the mail host, which is in mydestination", NULL, "mail.a.test",
		CONFIG, "200 ", "<domain>a.test</domain>" },
	{ "its page", NULL, "mail.a.test", "/", "200 ",
		"<h1>Mail for a.test</h1>" },
	{ "a host said in full", NULL, "autoconfig.b.test.", CONFIG, "200 ",
		"<domain>b.test</domain>" },
	{ "a profile of another's", NULL, "mail.a.test",
		"/mobileconfig?email=x%40c.test", "404 ",
		"<p>Mail of that domain is not on this server.\n" },
	{ "a profile of nobody", NULL, "mail.a.test", "/mobileconfig?email=x",
		"400 ", "<p>That is no mail address.\n" },
	{ "JSON for another's", NULL, "mail.a.test",
		"/autodiscover/autodiscover.json/v1.0/x@c.test?"
		"Protocol=AutodiscoverV1", "404 ",
		"{\"ErrorCode\":\"DomainNotFound\"" },
	{ "JSON for nobody", NULL, "mail.a.test",
		"/autodiscover/autodiscover.json", "404 ",
		"{\"ErrorCode\":\"InvalidRequest\"" },
	{ "a policy", NULL, "mta-sts.b.test", POLICY, "200 ",
		"mode: enforce\r\nmx: mail.a.test\r\n" },
	{ "another's policy", NULL, "mta-sts.c.test", POLICY, "404 ", "404" },
	{ "a policy of no host of ours", NULL, "mta-sts.x.a.test", POLICY,
		"404 ", "404" },
	{ "a policy at another host", NULL, "mailbox.a.test", POLICY, "404 ",
		"404" },
	{ "a policy at the domain itself", NULL, "a.test", POLICY, "404 ",
		"404" },
	{ "to TLS", "192.0.2.1", "autoconfig.a.test", "/mobileconfig?a=b",
		"302 ", "Location: https://autoconfig.a.test/mobileconfig?a=b"
		"\r\n" },
	{ "at a host of ours", "192.0.2.1", "mail.a.test", "/", "302 ",
		"Location: https://mail.a.test/\r\n" },
	{ "and at no other", "192.0.2.1", "evil.test", "/", "302 ",
		"Location: https://mail.a.test/\r\n" },
	{ "nor one that ends alike", "192.0.2.1", "xa.test", "/", "302 ",
		"Location: https://mail.a.test/\r\n" },
};

static void
each_host_has_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *answer = get(cases[i].client, cases[i].host,
			cases[i].target);
		if (strncmp(answer + strlen("HTTP/1.1 "), cases[i].status,
		    strlen(cases[i].status)) != 0 ||
		    strstr(answer, cases[i].has) == NULL)
			fail_msg("%s: %s", cases[i].name, answer);
	}
}

static void
discover(const char *user, char *out, size_t room)
{
	char text[1000], body[300];
	snprintf(body, sizeof(body), "<Autodiscover><Request><EMailAddress>"
		"%s</EMailAddress></Request></Autodiscover>", user);
	snprintf(text, sizeof(text), "POST /autodiscover/autodiscover.xml "
		"HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"
		"Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	snprintf(out, room, "%s", strstr(say(NULL, text), "\r\n\r\n"));
}

/* web asks nobody about accounts: the same for who is there and who is not. */
static void
nobody_learns_who_has_an_account(void **state)
{
	static char one[8000], other[8000];
	(void)state;
	discover("alice@a.test", one, sizeof(one));
	discover("nobod@a.test", other, sizeof(other));
	for (char *at; (at = strstr(other, "nobod")) != NULL;)
		memcpy(at, "alice", 5);
	assert_non_null(strstr(one, "<LoginName>alice@a.test</LoginName>"));
	assert_string_equal(one, other);
	discover("alice@c.test", other, sizeof(other));
	assert_non_null(strstr(other, "<ErrorCode>601</ErrorCode>"));
}

/* A failure of ours is no answer about a domain. */
static void
what_is_not_known_is_not_denied(void **state)
{
	(void)state;
	is_auth_away = true;
	domains_forget(web->domains);
	assert_non_null(strstr(get(NULL, "mta-sts.a.test", POLICY),
		"HTTP/1.1 503 "));
	assert_non_null(strstr(get(NULL, "autoconfig.a.test", CONFIG),
		"HTTP/1.1 503 "));
	is_auth_away = false;
	assert_non_null(strstr(get(NULL, "mta-sts.a.test", POLICY),
		"HTTP/1.1 200 "));
}

/* ---- limits ---- */

/* Is the connection still there, after a request without an answer to come? */
static bool
is_taken(int fd)
{
	static const char request[] = "GET /no HTTP/1.1\r\nHost: a.test\r\n\r\n";
	char byte;
	return send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0 &&
		recv(fd, &byte, 1, 0) == 1;
}

static bool
is_taken_soon(const char *address)
{
	for (unsigned i = 0; i < 1000; i++) {
		int fd = connect_from(address);
		bool is = is_taken(fd);
		close(fd);
		if (is)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static void
a_network_has_so_many_connections(void **state)
{
	int fds[CONNECTIONS];
	(void)state;
	web = few_connections;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		fds[i] = connect_from("198.51.100.1");
		assert_true(is_taken(fds[i]));
	}
	/* one more is closed without a word */
	int fd = connect_from("198.51.100.1");
	assert_false(is_taken(fd));
	close(fd);
	/* others are not in its place, and neighbours of ours not counted */
	fd = connect_from("198.51.100.2");
	assert_true(is_taken(fd));
	close(fd);
	for (unsigned i = 0; i < 2 * CONNECTIONS; i++)
		assert_true(is_taken_soon("127.0.0.1"));
	close(fds[0]);
	assert_true(is_taken_soon("198.51.100.1"));
	close(fds[1]);
	close(fds[2]);
	web = lenient;
}

static void
a_network_has_so_many_requests(void **state)
{
	(void)state;
	web = few_requests;
	for (unsigned i = 0; i < 2 * REQUESTS; i++) {
		const char *answer = get("198.51.100.9", "a.test", "/no");
		assert_non_null(strstr(answer, i < REQUESTS ?
			"HTTP/1.1 404 " : "HTTP/1.1 429 "));
	}
	/* on one connection too, which then ends */
	const char *answer = say("198.51.100.10", "GET /no HTTP/1.1\r\n"
		"Host: a\r\n\r\nGET /no HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /no HTTP/1.1\r\nHost: a\r\n\r\nGET /no HTTP/1.1\r\n"
		"Host: a\r\n\r\nGET /no HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /no HTTP/1.1\r\nHost: a\r\n\r\nGET /no HTTP/1.1\r\n"
		"Host: a\r\n\r\n");
	assert_int_equal(count_of(answer, "HTTP/1.1 404 "), REQUESTS);
	assert_int_equal(count_of(answer, "HTTP/1.1 429 "), 1);
	for (unsigned i = 0; i < 2 * REQUESTS; i++)
		assert_non_null(strstr(get("127.0.0.1", "a.test", "/no"),
			"HTTP/1.1 404 "));
	web = lenient;
}

static void
a_connection_has_so_many_requests(void **state)
{
	static const char request[] = "GET /no HTTP/1.1\r\nHost: a\r\n\r\n";
	struct buffer all;
	(void)state;
	buffer_init(&all, 0);
	for (unsigned i = 0; i < WEB_REQUEST_LIMIT + 50; i++)
		buffer_add_string(&all, request);
	const char *answer = say("127.0.0.1", buffer_string(&all));
	assert_int_equal(count_of(answer, "HTTP/1.1 404 "), WEB_REQUEST_LIMIT);
	assert_int_equal(count_of(answer, "Connection: close\r\n"), 1);
	buffer_fini(&all);
}

static void
bodies_are_bounded(void **state)
{
	static const char post[] = "POST /autodiscover/autodiscover.xml "
		"HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n";
	char text[400];
	(void)state;
	/* before any of it has come */
	snprintf(text, sizeof(text), "%sContent-Length: %d\r\n\r\n", post,
		WEB_BODY_LIMIT + 1);
	assert_non_null(strstr(say(NULL, text), "HTTP/1.1 413 "));
	snprintf(text, sizeof(text), "%sTransfer-Encoding: chunked\r\n\r\n%x"
		"\r\n", post, WEB_BODY_LIMIT + 1);
	assert_non_null(strstr(say(NULL, text), "HTTP/1.1 413 "));
}

/* What stands behind a request that nobody can read is no request. */
static void
a_bad_request_is_the_last(void **state)
{
	static const char *const bad[] = {
		"Host: b\r\n", "Content-Length: 0\r\nContent-Length: 5\r\n",
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"X: a\r\n b\r\n", "X : a\r\n", "X: \1\r\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[400];
		snprintf(text, sizeof(text), "GET /no HTTP/1.1\r\nHost: a\r\n"
			"%s\r\nGET " CONFIG " HTTP/1.1\r\nHost: a.test\r\n"
			"\r\n", bad[i]);
		const char *answer = say(NULL, text);
		if (strncmp(answer, "HTTP/1.1 400 ", 13) != 0 ||
		    count_of(answer, "HTTP/1.1 ") != 1)
			fail_msg("%s%s", bad[i], answer);
	}
}

/* ---- */

/* It borrows from the configuration. */
static struct web *
make_web(struct lot *lot, const char *limit, struct config **config)
{
	const char *const settings[] = { "myhostname=mail.a.test",
		"mydomain=a.test", "mynetworks=127.0.0.0/8",
		"mta_sts_mode=enforce", "http_client_connection_limit=50",
		"http_client_request_rate_limit=0", limit };
	struct error error;
	int result = config_load(NULL, settings, sizeof(settings) /
		sizeof(settings[0]), config, &error);
	assert(result == 0);
	return web_new(lot, *config);
}

int
main(void)
{
	static const struct world_service services[] = {
		{ "auth-domains", accept_auth }, { NULL, NULL },
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_host_has_its_own),
		cmocka_unit_test(nobody_learns_who_has_an_account),
		cmocka_unit_test(what_is_not_known_is_not_denied),
		cmocka_unit_test(a_network_has_so_many_connections),
		cmocka_unit_test(a_network_has_so_many_requests),
		cmocka_unit_test(a_connection_has_so_many_requests),
		cmocka_unit_test(bodies_are_bounded),
		cmocka_unit_test(a_bad_request_is_the_last),
	};
	struct config *configs[3];
	signal(SIGPIPE, SIG_IGN);
	struct lot *lot = world_begin(services);
	lenient = make_web(lot, "mydomain=a.test", &configs[0]);
	few_connections = make_web(lot, "http_client_connection_limit=3",
		&configs[1]);
	few_requests = make_web(lot, "http_client_request_rate_limit=5",
		&configs[2]);
	web = lenient;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	world_end(&lot);
	web_free(&lenient);
	web_free(&few_connections);
	web_free(&few_requests);
	world_join();
	config_free(&configs[0]);
	config_free(&configs[1]);
	config_free(&configs[2]);
	return failed;
}
