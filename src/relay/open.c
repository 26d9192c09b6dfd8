/* Opening connections; open.h. */
#include "relay/open.h"

#include <stdio.h>

#include "base/clock.h"

/* The state of one opening. */
struct opening {
	const struct open_request *request;
	struct client *client;
	struct verdict *why;
	bool is_in_clear;	/* TLS was tried, failed, and need not be */
};

/* ---- failing ---- */

static bool
fail(struct opening *opening, const char *status, const char *reason)
{
	verdict_set(opening->why, opening->request->arena, 451, status,
		"host %.*s %s", SPAN_PRINT(opening->request->host), reason);
	return false;
}

/* A command was not answered with yes. */
static bool
fail_at(struct opening *opening, enum client_result result,
	const char *status, const char *phase)
{
	struct client *client = opening->client;
	struct arena *arena = opening->request->arena;
	if (result == CLIENT_BROKEN) {
		verdict_set(opening->why, arena, 451, "4.4.1", "host %s could "
			"not be used: %s (at %s)", client->host,
			client->trouble, phase);
		return false;
	}
	struct span words = verdict_words(arena, &client->answer);
	verdict_set(opening->why, arena, 451, status,
		"host %s said: %.*s (at %s)", client->host, SPAN_PRINT(words),
		phase);
	client_quit(client);
	return false;
}

/* ---- the steps ---- */

static bool
connect_and_greet(struct opening *opening)
{
	const struct open_request *request = opening->request;
	const struct parameters *settings = request->settings;
	struct error error;
	int fd = request->world->connect(request->address, settings,
		clock_monotonic() + settings->connect_timeout, &error);
	if (fd < 0) {
		verdict_set(opening->why, request->arena, 451, "4.4.1",
			"no connection to host %.*s: %s",
			SPAN_PRINT(request->host), error.text);
		return false;
	}
	opening->client = client_new(&fd, request->host, settings);
	opening->client->until = request->until;
	opening->client->is_local = network_is_loopback(request->address);
	enum client_result result = client_await_greeting(opening->client);
	if (result != CLIENT_OK)
		return fail_at(opening, result, "4.4.1", "the greeting");
	result = client_say_hello(opening->client);
	return result == CLIENT_OK ? true :
		fail_at(opening, result, "4.4.1", "EHLO");
}

static const char *
describe(const struct tls_connect_facts *facts)
{
	if (facts->is_dane_ok)
		return "dane";
	if (facts->is_chain_ok && facts->is_name_ok)
		return "verified";
	return facts->is_chain_ok ? "trusted" : "untrusted";
}

/* The socket is TLS's; false: *why is set, or is_in_clear. */
static bool
shake_hands(struct opening *opening)
{
	const struct open_request *request = opening->request;
	const struct tls_plan *plan = request->plan;
	struct client *client = opening->client;
	struct tls_connect_facts facts = { .is_done = false };
	struct error error;
	const struct tls_connect_request asked = { .sni = plan->sni,
		.names = plan->names, .name_count = plan->name_count,
		.verify = plan->demand.verify, .tlsa = plan->tlsa,
		.tlsa_count = plan->tlsa_count, .deadline =
		client_deadline(client, request->settings->starttls_timeout) };
	int fd = client_take_socket(client);
	if (request->world->start_tls(request->world->connector, &fd, &asked,
		request->scope, &facts, &error) == 0) {
		client_set_socket(client, &fd);
		*request->tls = (struct open_tls){ OPEN_TLS_DONE, facts };
		snprintf(client->tls, sizeof(client->tls), "%s %s",
			facts.version, describe(&facts));
		return true;
	}
	client->is_broken = true;
	if (error.code != ERROR_REFUSED && error.code != ERROR_TIMEOUT) {
		verdict_set(opening->why, request->arena, 451, "4.3.0",
			"TLS is not available here now: %s", error.text);
		return false;
	}
	if (facts.problem == TLS_PROBLEM_NONE)
		facts.problem = error.code == ERROR_TIMEOUT ?
			TLS_PROBLEM_TIMEOUT : TLS_PROBLEM_HANDSHAKE;
	*request->tls = (struct open_tls){ OPEN_TLS_FAILED, facts };
	opening->is_in_clear = plan->demand.wish == TLS_TRY;
	verdict_set(opening->why, request->arena, 451, "4.7.5",
		"no TLS with host %.*s as it is demanded (%s): %s",
		SPAN_PRINT(request->host), plan->demand.reason,
		facts.reason[0] != '\0' ? facts.reason : error.text);
	return false;
}

static bool
encrypt(struct opening *opening)
{
	struct client *client = opening->client;
	bool is_demanded = opening->request->plan->demand.wish == TLS_MUST;
	struct open_tls *tls = opening->request->tls;
	tls->outcome = OPEN_TLS_NOT_OFFERED;
	if ((client->extensions & CLIENT_STARTTLS) == 0)
		return is_demanded ? fail(opening, "4.7.4", "does not offer "
			"TLS, which is demanded") : true;
	enum client_result result = client_start_tls(client);
	if (result == CLIENT_REFUSED && !is_demanded)
		return true;
	if (result == CLIENT_BROKEN)
		tls->outcome = OPEN_TLS_NOT_TRIED;
	if (result != CLIENT_OK)
		return fail_at(opening, result, "4.7.4", "STARTTLS");
	tls->outcome = OPEN_TLS_NOT_TRIED;
	if (!shake_hands(opening))
		return false;
	/* RFC 3207 4.2: what was said before is forgotten. */
	result = client_say_hello(client);
	return result == CLIENT_OK ? true :
		fail_at(opening, result, "4.4.1", "EHLO after STARTTLS");
}

static bool
log_in(struct opening *opening)
{
	const struct open_request *request = opening->request;
	enum client_result result = client_log_in(opening->client,
		request->user, request->password);
	if (result == CLIENT_OK)
		return true;
	if (result == CLIENT_REFUSED && opening->client->answer.code == 0)
		return fail(opening, "4.7.8", "offers no login that may be used "
			"on this connection");
	return fail_at(opening, result, "4.7.8", "AUTH");
}

static bool
open_once(struct opening *opening, enum tls_wish wish)
{
	return connect_and_greet(opening) &&
		(wish == TLS_NEVER || encrypt(opening)) &&
		(!opening->request->has_login || log_in(opening));
}

struct client *
open_client(const struct open_request *request, struct verdict *why)
{
	struct opening opening = { .request = request, .why = why };
	enum tls_wish wish = request->plan->demand.wish;
	if (open_once(&opening, wish))
		return opening.client;
	client_free(&opening.client);
	/* RFC 7435 3: opportunistic TLS that fails is none. A connection on
	 * which a handshake was tried is of no other use. */
	if (opening.is_in_clear && open_once(&opening, TLS_NEVER))
		return opening.client;
	client_free(&opening.client);
	return NULL;
}
