#include "hostmaster/acme_client.h"

#include <openssl/sha.h>
#include <string.h>

#include "base/clock.h"
#include "hostmaster/hostmaster.h"
#include "trust/acme_state.h"

/* Header fields asked for, in their places. */
enum { NONCE, LOCATION, RETRY_AFTER };

int
acme_client_fail(struct acme_client *client, struct error *error,
	const char *sentence)
{
	client->is_ours = false;
	return error_set(error, ERROR_REFUSED, "%s", sentence);
}

/* ---- one transfer ---- */

typedef int
fetch_function(struct fetcher *fetcher, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *answer, struct error *error);

/* RFC 8555 6.5: each answer may bring the next nonce. */
static void
keep_nonce(struct acme_client *client, struct span nonce)
{
	client->nonce[0] = '\0';
	if (!jws_is_base64url(nonce) || nonce.size > JWS_NONCE_LIMIT)
		return;
	memcpy(client->nonce, nonce.data, nonce.size);
	client->nonce[nonce.size] = '\0';
}

static int
transfer(struct acme_client *client, fetch_function *function,
	struct fetch_request *request, struct arena *arena,
	struct fetch_answer *answer, struct error *error)
{
	client->problem = (struct acme_problem){ .trouble = ACME_NO_TROUBLE };
	client->wait = 0;
	client->is_ours = true;
	if (client->requests++ == ACME_REQUESTS)
		return acme_client_fail(client, error,
			"the authority needs too many requests");
	request->limit = ACME_DOCUMENT_LIMIT;
	request->deadline = clock_monotonic() + ACME_REQUEST_TIMEOUT;
	request->header[NONCE] = "Replay-Nonce";
	request->header[LOCATION] = "Location";
	request->header[RETRY_AFTER] = "Retry-After";
	if (function(hostmaster.fetcher, request, arena, answer, error) < 0)
		return error_wrap(error, "asking fetch");
	client->is_ours = false;
	if (answer->problem != FETCH_DONE)
		return error_set(error, ERROR_LATER,
			"the authority cannot be asked (%s): %.*s",
			fetch_problem_name(answer->problem),
			SPAN_PRINT(span_first(answer->reason, 200)));
	client->wait = acme_read_retry_after(answer->header[RETRY_AFTER],
		clock_wall(), ACME_DAY);
	return 0;
}

/* Every answer but 2xx is a problem, a redirection too: RFC 8555 knows none. */
static int
judge(struct acme_client *client, const struct fetch_answer *answer,
	struct arena *arena, struct error *error)
{
	if (answer->status >= 200 && answer->status < 300)
		return 0;
	acme_read_problem(answer->body, arena, &client->problem);
	return error_set(error, ERROR_REFUSED,
		"the authority answers %u%s%.*s%s%.*s", answer->status,
		client->problem.type.size > 0 ? " " : "",
		SPAN_PRINT(span_first(client->problem.type, 60)),
		client->problem.detail.size > 0 ? ": " : "",
		SPAN_PRINT(span_first(client->problem.detail, 200)));
}

static int
get(struct acme_client *client, fetch_function *function, struct span url,
	struct arena *arena, struct fetch_answer *answer, struct error *error)
{
	struct fetch_request request = { .url = url };
	if (transfer(client, function, &request, arena, answer, error) < 0)
		return -1;
	return judge(client, answer, arena, error);
}

int
acme_client_get(struct acme_client *client, struct span url,
	struct arena *arena, struct acme_reply *reply, struct error *error)
{
	struct fetch_answer answer;
	*reply = (struct acme_reply){ 0 };
	if (get(client, fetch_get, url, arena, &answer, error) < 0)
		return -1;
	reply->body = answer.body;
	reply->wait = client->wait;
	return 0;
}

int
acme_client_open(struct acme_client *client, struct span url,
	struct error *error)
{
	struct acme_reply reply;
	if (!jws_is_url(url)) {
		client->is_ours = false;
		return error_set(error, ERROR_USAGE, "acme_directory: found "
			"no address that begins with https://");
	}
	if (acme_client_get(client, url, client->arena, &reply, error) < 0)
		return -1;
	if (!acme_read_directory(reply.body, client->arena,
	    &client->directory))
		return acme_client_fail(client, error,
			"acme_directory: found no directory of ACME there");
	return 0;
}

/* ---- signed requests ---- */

static int
need_nonce(struct acme_client *client, struct arena *arena,
	struct error *error)
{
	struct fetch_answer answer;
	if (client->nonce[0] != '\0')
		return 0;
	if (get(client, fetch_head, client->directory.new_nonce, arena,
	    &answer, error) < 0)
		return -1;
	keep_nonce(client, answer.header[NONCE]);
	if (client->nonce[0] == '\0')
		return acme_client_fail(client, error,
			"the authority gives no nonce");
	return 0;
}

/* A nonce serves once. */
static int
sign(struct acme_client *client, struct span url, struct span payload,
	struct buffer *out, struct error *error)
{
	struct key_signature signature;
	struct buffer input;
	const struct jws_header header = { .account = client->account,
		.key = &client->key, .nonce = span_from(client->nonce),
		.url = url };
	buffer_init(&input, 0);
	bool ok = jws_signing_input(&header, payload, &input);
	client->nonce[0] = '\0';
	client->is_ours = ok;
	int result = ok ? 0 : error_set(error, ERROR_REFUSED,
		"the authority gives an address that is none");
	if (result == 0) {
		SHA256((const unsigned char *)input.data, input.size,
			signature.digest);
		result = key_call_sign(hostmaster.keys, "acme-account",
			&signature, 1, clock_monotonic() +
			HOSTMASTER_PATIENCE, error);
	}
	if (result == 0)
		jws_write(buffer_span(&input), signature.signature, out);
	buffer_fini(&input);
	return result;
}

static int
post_once(struct acme_client *client, struct span url, struct span payload,
	struct arena *arena, struct fetch_answer *answer, struct error *error)
{
	struct buffer body;
	if (need_nonce(client, arena, error) < 0)
		return -1;
	buffer_init(&body, 0);
	int result = sign(client, url, payload, &body, error);
	struct fetch_request request = { .url = url,
		.type = SPAN("application/jose+json"),	/* 6.2 */
		.body = buffer_span(&body) };
	if (result == 0)
		result = transfer(client, fetch_post, &request, arena, answer,
			error);
	buffer_fini(&body);
	if (result < 0)
		return -1;
	keep_nonce(client, answer->header[NONCE]);
	return judge(client, answer, arena, error);
}

int
acme_client_post(struct acme_client *client, struct span url,
	struct span payload, struct arena *arena, struct acme_reply *reply,
	struct error *error)
{
	struct fetch_answer answer;
	*reply = (struct acme_reply){ 0 };
	for (unsigned i = 1; post_once(client, url, payload, arena, &answer,
	    error) < 0; i++)
		if (client->problem.trouble != ACME_BAD_NONCE ||
		    i == ACME_NONCE_TRIES)
			return -1;
	reply->body = answer.body;
	reply->location = answer.header[LOCATION];
	reply->wait = client->wait;
	return 0;
}
