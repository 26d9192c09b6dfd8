/*
 * What web's pages make of any question: host, target and body, a line each and
 * the rest. auth is played and has one domain. Whatever is asked, the answer's
 * head has no line of the client's making; JSON can be parsed, and XML has each
 * element closed, no markup of the client's, and no character that XML 1.0 does
 * not have.
 */
#include <assert.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../unit/queue/world.h"
#include "base/log.h"
#include "fuzz.h"
#include "web/page.h"
#include "web/path.h"

enum { DEPTH = 32, ARENA = 1 << 20 };

/* ---- auth and hostmaster ---- */

static void *
run_rows(void *argument)
{
	int fd = (int)(intptr_t)argument;
	FILE *in = fdopen(fd, "r");
	char line[1000];
	unsigned id;
	dprintf(fd, "VERSION\t1\t2\n");
	while (fgets(line, sizeof(line), in) != NULL) {
		if (sscanf(line, "DOMAINS\t%u", &id) == 1)
			dprintf(fd, "ROW\t%u\tdomain=a.test\nOK\t%u\n", id,
				id);
		else if (sscanf(line, "CHALLENGE\t%u", &id) == 1)
			dprintf(fd, "FAIL\t%u\treason=none\n", id);
	}
	fclose(in);
	return NULL;
}

static void
accept_rows(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	pthread_t thread;
	(void)lot, (void)instance;
	int result = pthread_create(&thread, NULL, run_rows,
		(void *)(intptr_t)incoming->fd);
	assert(result == 0);
	pthread_detach(thread);
	incoming->fd = -1;
}

static struct web *
make_web(void)
{
	static const struct world_service services[] = {
		{ "auth-domains", accept_rows },
		{ "hostmaster-web", accept_rows }, { NULL, NULL },
	};
	static const char *const settings[] = { "myhostname=mail.a.test",
		"mydomain=a.test", "mynetworks=127.0.0.0/8",
		"mta_sts_mode=enforce" };
	static struct config *config;	/* borrowed for ever */
	struct error error;
	signal(SIGPIPE, SIG_IGN);
	log_init("fuzz", -1, -1);
	int result = config_load(NULL, settings, sizeof(settings) /
		sizeof(settings[0]), &config, &error);
	assert(result == 0);
	return web_new(world_begin(services), config);
}

/* ---- what an answer must be ---- */

static void
check_head(struct span head)
{
	struct span line;
	while (span_split(&head, '\n', &line) && line.size > 1) {
		assert(line.data[line.size - 1] == '\r');
		for (size_t i = 0; i + 1 < line.size; i++)
			assert((uint8_t)line.data[i] >= ' ' &&
				line.data[i] != 127);
		assert(span_find(line, ':') < line.size ||
			span_starts(line, SPAN("HTTP/1.1 ")));
	}
}

static struct span
take_name(struct span *rest)
{
	size_t size = 0;
	while (size < rest->size && strchr(" />\n", rest->data[size]) == NULL)
		size++;
	struct span name = span_first(*rest, size);
	*rest = span_skip(*rest, size);
	return name;
}

/* A tag behind its '<'; how deep it is then. */
static size_t
take_tag(struct span *rest, struct span open[DEPTH], size_t depth)
{
	size_t end = span_find(*rest, '>');
	assert(end < rest->size);
	struct span tag = span_first(*rest, end);
	*rest = span_skip(*rest, end + 1);
	if (tag.data[0] == '?' || tag.data[0] == '!')
		return depth;
	if (tag.data[0] == '/') {
		tag = span_skip(tag, 1);
		assert(depth > 0 && span_equals(tag, open[depth - 1]));
		return depth - 1;
	}
	assert(depth < DEPTH && span_find(tag, '<') == tag.size);
	open[depth] = take_name(&tag);
	assert(open[depth].size > 0);
	return tag.size > 0 && tag.data[tag.size - 1] == '/' ? depth :
		depth + 1;
}

static void
check_xml(struct span rest)
{
	struct span open[DEPTH];
	size_t depth = 0;
	while (rest.size > 0) {
		char c = rest.data[0];
		assert((uint8_t)c >= ' ' || c == '\n' || c == '\t');
		rest = span_skip(rest, 1);
		if (c == '<')
			depth = take_tag(&rest, open, depth);
		else if (c == '&')
			assert(span_find(rest, ';') <= 5);
	}
	assert(depth == 0);
}

static void
check_body(const struct answer *answer)
{
	struct span body = buffer_span(&answer->body);
	struct span type = span_from(answer->type == NULL ? "" : answer->type);
	if (span_starts(type, SPAN("application/json"))) {
		json_t *read = json_loadb(body.data, body.size,
			JSON_REJECT_DUPLICATES, NULL);
		assert(read != NULL);
		json_decref(read);
	} else if (span_starts(type, SPAN("text/xml")) ||
	    span_starts(type, SPAN("application/x-apple-aspen-config"))) {
		check_xml(body);
	}
}

/* Those ask master, which there is none of. */
static bool
is_of_master(struct span path)
{
	return span_starts_nocase(path, SPAN("/health")) ||
		span_starts_nocase(path, SPAN("/metrics"));
}

static void
ask(struct question *question, bool is_head)
{
	struct answer answer = { .status = 200 };
	struct buffer out;
	buffer_init(&answer.body, 0);
	buffer_init(&out, 0);
	page_answer(question, &answer);
	assert(answer.status >= 200 && answer.status < 600);
	check_body(&answer);
	page_write(&out, &answer, is_head, true, 1795331111);
	struct span head = span_first(buffer_span(&out),
		span_search(buffer_span(&out), SPAN("\r\n\r\n")) + 2);
	assert(head.size < out.size);
	check_head(head);
	buffer_fini(&answer.body);
	buffer_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct web *web;
	struct network_address client = { .family = AF_UNIX };
	struct span rest = span_of(data, size), host = SPAN(""),
		target = SPAN("");
	struct http_request request;
	struct buffer head;
	struct arena arena;
	size_t consumed;
	if (web == NULL)
		web = make_web();
	span_split(&rest, '\n', &host);
	span_split(&rest, '\n', &target);
	buffer_init(&head, 0);
	arena_init(&arena, ARENA);
	buffer_print(&head, "POST %.*s HTTP/1.1\r\nHost: %.*s\r\n\r\n",
		SPAN_PRINT(target), SPAN_PRINT(host));
	struct question question = { .web = web,
		.rules = atomic_load(&web->rules), .request = &request,
		.body = span_first(rest, WEB_BODY_LIMIT), .is_tls = true,
		.client = &client, .arena = &arena };
	if (http_read_head(buffer_span(&head), &request, &consumed) ==
	    HTTP_OK && path_decode(request.path, &arena, &question.path) &&
	    !is_of_master(question.path)) {
		question.host = arena_copy_lower(&arena, request.host);
		ask(&question, false);
		request.method = HTTP_GET;
		ask(&question, true);
		/* a stranger without TLS */
		client = (struct network_address){ .family = AF_INET };
		question.is_tls = false;
		ask(&question, false);
	}
	buffer_fini(&head);
	arena_fini(&arena);
	return 0;
}
