/*
 * Requests go out ahead of the answers, as many as surely fit into the socket
 * between the two: neither end ever waits for the other to read.
 */
#include "serve/key_call.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "serve/wire.h"

enum { NUMBER_SIZE = 32 };	/* of r and s */

struct key_caller {
	struct wire_pool *pool;
};

struct key_caller *
key_caller_new(struct lot *lot)
{
	struct key_caller *caller = memory_new(sizeof(*caller));
	caller->pool = wire_pool_new(lot, "key-sign", 0);
	return caller;
}

void
key_caller_free(struct key_caller **caller)
{
	if (*caller == NULL)
		return;
	wire_pool_free(&(*caller)->pool);
	memory_free(*caller);
	*caller = NULL;
}

/* ---- one request, one reply ---- */

static void
fill(struct keywire_request *request, const char *name,
	enum keywire_operation operation, struct span input)
{
	*request = (struct keywire_request){ .version = KEYWIRE_VERSION,
		.operation = operation, .size = (uint32_t)input.size };
	snprintf(request->key, sizeof(request->key), "%s", name);
	if (input.size > 0)
		memcpy(request->input, input.data, input.size);
}

static int
judge(const char *name, const struct keywire_reply *reply,
	struct error *error)
{
	static const struct {
		enum keywire_status status;
		enum error_code code;
		const char *text;
	} rows[] = {
		{ KEYWIRE_NO_KEY, ERROR_GONE, "there is no such key" },
		{ KEYWIRE_NOT_YOURS, ERROR_REFUSED, "it is another's key" },
		{ KEYWIRE_BAD, ERROR_REFUSED, "the key process refuses that" },
		{ KEYWIRE_FULL, ERROR_FULL, "there are too many keys" },
	};
	if (reply->version != KEYWIRE_VERSION ||
	    reply->size > sizeof(reply->output))
		return error_set(error, ERROR_DAMAGED,
			"key %s: the key process speaks another version", name);
	if (reply->status == KEYWIRE_OK)
		return 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == reply->status)
			return error_set(error, rows[i].code, "key %s: %s",
				name, rows[i].text);
	return error_set(error, ERROR_LATER,
		"key %s: the key process has failed", name);
}

static int
read_reply(struct wire *wire, const char *name, struct keywire_reply *reply,
	struct error *error)
{
	if (stream_read_exactly(&wire->stream, reply, sizeof(*reply),
	    error) < 0)
		return -1;
	return judge(name, reply, error);
}

static int
call(struct key_caller *caller, const struct keywire_request *request,
	int64_t deadline, struct keywire_reply *reply, struct error *error)
{
	struct wire *wire = wire_take(caller->pool, deadline, error);
	if (wire == NULL)
		return -1;
	stream_add(&wire->stream, span_of(request, sizeof(*request)));
	if (stream_send(&wire->stream, error) < 0 ||
	    stream_read_exactly(&wire->stream, reply, sizeof(*reply),
	    error) < 0) {
		wire_drop(&wire);
		return -1;
	}
	wire_give(&wire);
	return judge(request->key, reply, error);
}

static int
ask_public(struct key_caller *caller, const struct keywire_request *request,
	int64_t deadline, struct key_public *public_key, struct error *error)
{
	struct keywire_reply reply;
	if (call(caller, request, deadline, &reply, error) < 0)
		return -1;
	memcpy(public_key->der, reply.output, reply.size);
	public_key->size = reply.size;
	return 0;
}

int
key_call_make(struct key_caller *caller, const char *name, int64_t deadline,
	struct key_public *public_key, struct error *error)
{
	struct keywire_request request;
	fill(&request, name, KEYWIRE_MAKE,
		span_of(&(uint8_t){ KEYWIRE_P256 }, 1));
	return ask_public(caller, &request, deadline, public_key, error);
}

int
key_call_public(struct key_caller *caller, const char *name,
	int64_t deadline, struct key_public *public_key, struct error *error)
{
	struct keywire_request request;
	fill(&request, name, KEYWIRE_PUBLIC, SPAN(""));
	return ask_public(caller, &request, deadline, public_key, error);
}

int
key_call_drop(struct key_caller *caller, const char *name, int64_t deadline,
	struct error *error)
{
	struct keywire_request request;
	struct keywire_reply reply;
	fill(&request, name, KEYWIRE_DROP, SPAN(""));
	return call(caller, &request, deadline, &reply, error);
}

/* ---- signatures ---- */

/* An INTEGER (X.690 8.3) of at most 32 octets, in 32; what follows it in *der. */
static bool
take_number(struct span *der, uint8_t out[NUMBER_SIZE])
{
	const uint8_t *at = (const uint8_t *)der->data;
	if (der->size < 3 || at[0] != 2 || at[1] == 0 || at[1] >= 0x80 ||
	    der->size - 2 < at[1])
		return false;
	struct span number = span_of(at + 2, at[1]);
	*der = span_skip(*der, 2u + at[1]);
	while (number.size > 1 && number.data[0] == 0)
		number = span_skip(number, 1);
	if (number.size > NUMBER_SIZE)
		return false;
	memset(out, 0, NUMBER_SIZE);
	memcpy(out + NUMBER_SIZE - number.size, number.data, number.size);
	return true;
}

/* Ecdsa-Sig-Value (RFC 3279 2.2.3) to two numbers. */
static bool
take_signature(struct span der, uint8_t out[2 * NUMBER_SIZE])
{
	const uint8_t *at = (const uint8_t *)der.data;
	if (der.size < 2 || at[0] != 0x30 || at[1] != der.size - 2)
		return false;
	der = span_skip(der, 2);
	return take_number(&der, out) && take_number(&der, out + NUMBER_SIZE) &&
		der.size == 0;
}

static void
add_request(struct wire *wire, const char *name,
	const struct key_signature *signature)
{
	struct keywire_request request;
	fill(&request, name, KEYWIRE_ECDSA, span_of(signature->digest,
		sizeof(signature->digest)));
	stream_add(&wire->stream, span_of(&request, sizeof(request)));
}

static int
take_reply(struct wire *wire, const char *name,
	struct key_signature *signature, struct error *error)
{
	struct keywire_reply reply;
	if (read_reply(wire, name, &reply, error) < 0)
		return -1;
	if (!take_signature(span_of(reply.output, reply.size),
	    signature->signature))
		return error_set(error, ERROR_DAMAGED,
			"key %s: that is no signature of P-256", name);
	return 0;
}

static int
sign_all(struct wire *wire, const char *name,
	struct key_signature *signatures, size_t count, struct error *error)
{
	size_t asked = 0, done = 0;
	while (done < count) {
		while (asked < count && asked - done < KEY_CALL_AHEAD)
			add_request(wire, name, &signatures[asked++]);
		if (stream_send(&wire->stream, error) < 0)
			return -1;
		/* half of them: key has something to do meanwhile */
		size_t until = asked == count ? count :
			asked - KEY_CALL_AHEAD / 2;
		for (; done < until; done++)
			if (take_reply(wire, name, &signatures[done],
			    error) < 0)
				return -1;
	}
	return 0;
}

int
key_call_sign(struct key_caller *caller, const char *name,
	struct key_signature *signatures, size_t count, int64_t deadline,
	struct error *error)
{
	struct wire *wire = wire_take(caller->pool, deadline, error);
	if (wire == NULL)
		return -1;
	if (sign_all(wire, name, signatures, count, error) < 0) {
		wire_drop(&wire);
		return -1;
	}
	wire_give(&wire);
	return 0;
}
