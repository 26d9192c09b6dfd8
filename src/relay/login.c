/*
 * AUTH as a client (RFC 4954): SCRAM-SHA-256 (RFC 5802, 7677), which proves the
 * password without telling it and makes the server prove that it knows it;
 * PLAIN (RFC 4616) and LOGIN tell it, and so are used within TLS only, or on
 * this machine.
 */
#include "base/base64.h"
#include "base/random.h"
#include "proto/saslprep.h"
#include "proto/scram_client.h"
#include "relay/client.h"

/* The answer to AUTH is waited for as long as that to MAIL. */
static enum client_result
say_encoded(struct client *client, const char *before, struct span message)
{
	struct buffer line;
	buffer_init(&line, 0);
	buffer_add_string(&line, before);
	if (message.size == 0 && before[0] != '\0')
		buffer_add_byte(&line, '=');	/* RFC 4954 4 */
	base64_encode(&line, message);
	enum client_result result = client_ask(client, buffer_span(&line),
		client->settings->mail_timeout);
	buffer_fini(&line);
	return result;
}

static enum client_result
log_in_plain(struct client *client, struct span name, struct span password)
{
	struct buffer message;
	buffer_init(&message, 0);
	buffer_add_byte(&message, '\0');
	buffer_add(&message, name);
	buffer_add_byte(&message, '\0');
	buffer_add(&message, password);
	enum client_result result = say_encoded(client, "AUTH PLAIN ",
		buffer_span(&message));
	buffer_fini(&message);
	return result;
}

static enum client_result
log_in_login(struct client *client, struct span name, struct span password)
{
	enum client_result result = client_ask(client, SPAN("AUTH LOGIN"),
		client->settings->mail_timeout);
	if (result == CLIENT_OK && client->answer.code == 334)
		result = say_encoded(client, "", name);
	if (result == CLIENT_OK && client->answer.code == 334)
		result = say_encoded(client, "", password);
	return result;
}

/* The challenge of the last answer; false when it is not one. */
static bool
decode_challenge(const struct client *client, struct arena *arena,
	struct span *message)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	bool ok = client->answer.code == 334 &&
		base64_decode(&bytes, client->answer.text);
	*message = arena_copy(arena, buffer_span(&bytes));
	buffer_fini(&bytes);
	return ok;
}

static enum client_result
run_scram(struct client *client, struct arena *arena, struct span name,
	struct span password)
{
	uint8_t bytes[SCRAM_CLIENT_NONCE_SIZE / 4 * 3];
	struct scram_client scram;
	struct span challenge, message;
	struct buffer nonce;
	buffer_init(&nonce, 0);
	random_bytes(bytes, sizeof(bytes));
	base64_encode(&nonce, span_of(bytes, sizeof(bytes)));
	message = scram_client_first(&scram, arena, name,
		buffer_span(&nonce));
	buffer_fini(&nonce);
	enum client_result result = say_encoded(client, "AUTH SCRAM-SHA-256 ",
		message);
	if (result != CLIENT_OK)
		return result;
	if (!decode_challenge(client, arena, &challenge) ||
		!scram_client_final(&scram, challenge, password, &message))
		return client_fail(client, "its part of SCRAM makes no sense");
	result = say_encoded(client, "", message);
	if (result != CLIENT_OK)
		return result;
	/* Who does not know the password is not the server that is meant. */
	if (!decode_challenge(client, arena, &challenge) ||
		!scram_client_check(&scram, challenge))
		return client_fail(client, "it does not know the password");
	return client_ask(client, SPAN(""), client->settings->mail_timeout);
}

static enum client_result
log_in_scram(struct client *client, struct span name, struct span password)
{
	struct arena arena;
	struct buffer prepared;
	arena_init(&arena, 0);
	buffer_init(&prepared, 0);
	/* RFC 7677 2: what cannot be prepared is taken as it is. */
	if (saslprep_password(password, &prepared) != SASLPREP_OK) {
		buffer_clear(&prepared);
		buffer_add(&prepared, password);
	}
	enum client_result result = run_scram(client, &arena, name,
		buffer_span(&prepared));
	buffer_fini(&prepared);
	arena_fini(&arena);
	return result;
}

static bool
offers(const struct client *client, enum sasl_mechanism mechanism)
{
	return (client->mechanisms & 1u << mechanism) != 0;
}

enum client_result
client_log_in(struct client *client, struct span name, struct span password)
{
	enum client_result result = CLIENT_REFUSED;
	bool may_tell = client->tls[0] != '\0' || client->is_local;
	client->answer = (struct smtp_answer){ .code = 0 };
	if (offers(client, SASL_SCRAM_SHA_256))
		result = log_in_scram(client, name, password);
	else if (may_tell && offers(client, SASL_PLAIN))
		result = log_in_plain(client, name, password);
	else if (may_tell && offers(client, SASL_LOGIN))
		result = log_in_login(client, name, password);
	if (result == CLIENT_OK && client->answer.code / 100 != 2)
		return client_fail(client, "it answered AUTH with %u",
			client->answer.code);
	return result;
}
