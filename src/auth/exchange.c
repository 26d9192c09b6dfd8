/*
 * The table of SASL exchanges under way, and what is decided before a
 * mechanism sees the first byte. Runs in auth.
 */
#include "auth/exchange.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "auth/exchange_private.h"
#include "auth/bounded_map.h"
#include "base/clock.h"
#include "base/memory.h"

struct exchanges {
	pthread_mutex_t lock;
	struct bounded_map under_way;	/* key -> struct exchange */
};

static void
free_exchange(void *value)
{
	struct exchange *exchange = value;
	if (exchange == NULL)
		return;
	buffer_fini(&exchange->name);
	buffer_fini(&exchange->written);
	buffer_fini(&exchange->normalised);
	OPENSSL_cleanse(exchange, sizeof(*exchange));
	memory_free(exchange);
}

struct exchanges *
exchanges_new(void)
{
	struct exchanges *new = memory_new(sizeof(*new));
	pthread_mutex_init(&new->lock, NULL);
	bounded_map_init(&new->under_way, EXCHANGE_LIMIT, free_exchange);
	return new;
}

void
exchanges_free(struct exchanges **exchanges)
{
	if (*exchanges == NULL)
		return;
	bounded_map_fini(&(*exchanges)->under_way);
	pthread_mutex_destroy(&(*exchanges)->lock);
	memory_free(*exchanges);
	*exchanges = NULL;
}

/* ---- the table: an exchange that makes a step is not in it ---- */

enum { KEY_SIZE = 64 };

static struct span
print_key(const struct exchange_key *key, char text[KEY_SIZE])
{
	int size = snprintf(text, KEY_SIZE, "%" PRIu32 " %u %s", key->id,
		key->process, key->caller);
	return span_of(text, size < KEY_SIZE ? (size_t)size : KEY_SIZE - 1);
}

static struct exchange *
take(const struct exchange_key *key)
{
	char text[KEY_SIZE];
	struct span name = print_key(key, text);
	pthread_mutex_lock(&auth.exchanges->lock);
	struct exchange *exchange = bounded_map_take(&auth.exchanges->under_way,
		name);
	pthread_mutex_unlock(&auth.exchanges->lock);
	return exchange;
}

static void
put(const struct exchange_key *key, struct exchange *exchange)
{
	char text[KEY_SIZE];
	struct span name = print_key(key, text);
	pthread_mutex_lock(&auth.exchanges->lock);
	bounded_map_put(&auth.exchanges->under_way, name, exchange);
	pthread_mutex_unlock(&auth.exchanges->lock);
}

/* Back into the table while it goes on, else away. */
static void
settle(const struct exchange_key *key, struct exchange *exchange,
	const struct exchange_result *result)
{
	exchange->touched = clock_monotonic();
	if (result->outcome == EXCHANGE_CONTINUE)
		put(key, exchange);
	else
		free_exchange(exchange);
}

/* ---- steps ---- */

void
exchange_fail(struct exchange_result *result, bool is_temporary,
	const char *code, const char *reason)
{
	result->outcome = EXCHANGE_FAIL;
	result->is_temporary = is_temporary;
	result->code = code;
	result->reason = reason;
}

/* EXTERNAL proves nothing but who is at the other end of a Unix socket. There
 * it needs no list: what runs on this machine is not a client to be chosen. */
static bool
is_offered(const struct settings *settings, enum sasl_mechanism mechanism,
	const struct network_address *client)
{
	if (mechanism != SASL_EXTERNAL)
		return settings->offers[mechanism];
	return client->family == AF_UNIX && client->uid != NETWORK_NO_UID;
}

/* May the exchange begin at all? */
static bool
is_allowed(const struct exchange_start *start,
	enum sasl_mechanism *mechanism, struct exchange_result *result)
{
	const struct settings *settings = auth_settings();
	if (!sasl_mechanism_find(start->mechanism, mechanism) ||
		!is_offered(settings, *mechanism, &start->facts.client)) {
		exchange_fail(result, false, "mechanism",
			"This authentication mechanism is not offered");
		return false;
	}
	switch (settings_judge(settings, &start->facts.client,
		start->facts.is_tls, *mechanism)) {
	case SETTINGS_ALLOWED:
		return true;
	case SETTINGS_NOT_TRUSTED:
		exchange_fail(result, false, "network",
			"Logging in is not allowed from your network");
		return false;
	case SETTINGS_NOT_SECURE:
		break;
	}
	exchange_fail(result, false, "plaintext",
		"Start TLS before you send a password");
	return false;
}

void
exchange_begin(const struct exchange_key *key,
	const struct exchange_start *start, struct arena *arena,
	struct exchange_result *result)
{
	enum sasl_mechanism mechanism;
	*result = (struct exchange_result){ .outcome = EXCHANGE_FAIL };
	free_exchange(take(key));
	if (!is_allowed(start, &mechanism, result))
		return;
	struct exchange *exchange = memory_new(sizeof(*exchange));
	exchange->mechanism = mechanism;
	exchange->facts = start->facts;
	struct span service = span_first(start->service,
		sizeof(exchange->service) - 1);
	memcpy(exchange->service, service.data, service.size);
	if (start->has_response)
		mechanism_step(exchange, start->response, arena, result);
	else
		mechanism_ask(exchange, result);
	settle(key, exchange, result);
}

void
exchange_continue(const struct exchange_key *key, struct span response,
	struct arena *arena, struct exchange_result *result)
{
	*result = (struct exchange_result){ .outcome = EXCHANGE_FAIL };
	struct exchange *exchange = take(key);
	if (exchange == NULL ||
		clock_monotonic() - exchange->touched > EXCHANGE_LIFE) {
		/* Also what a new auth says to the clients of its predecessor. */
		free_exchange(exchange);
		exchange_fail(result, true, "unknown",
			"This authentication took too long, begin again");
		return;
	}
	mechanism_step(exchange, response, arena, result);
	settle(key, exchange, result);
}

void
exchange_cancel(const struct exchange_key *key)
{
	free_exchange(take(key));
}
