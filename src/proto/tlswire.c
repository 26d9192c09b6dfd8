/*
 * The bytes of the wire "tls-connect". Numbers are little-endian.
 *
 *	request	version, verify, u32 milliseconds; name = u8 size and bytes;
 *		SNI; u8 count of names, names; u8 count of records, each of
 *		usage, selector, matching, u16 size and data
 *	facts	"TLS" and version, u16 size of what follows; u8 flags, u8
 *		problem, the fingerprint, version, cipher and reason as names
 *
 * The side that reads facts does not believe them to be well-formed: they come
 * from the process that speaks with strangers.
 */
#include "proto/tlswire.h"

#include <assert.h>
#include <string.h>

enum {
	VERSION = 1,
	FACTS_HEAD = 6,			/* "TLS", version, size */
	IS_DONE = 1, IS_CHAIN_OK = 2, IS_NAME_OK = 4, IS_DANE_OK = 8,
	IS_RESUMED = 16, HAS_FINGERPRINT = 32, ALL_FLAGS = 63,
};

bool
tlswire_name_is_valid(struct span name)
{
	if (name.size == 0 || name.size > TLSWIRE_NAME_SIZE)
		return false;
	for (size_t i = 0; i < name.size; i++) {
		char c = span_lower_byte(name.data[i]);
		/* OpenSSL takes a leading dot for "any host below" */
		bool is_dot = c == '.' && i > 0 && name.data[i - 1] != '.';
		if (!is_dot && c != '-' && c != '_' && (c < 'a' || c > 'z') &&
		    (c < '0' || c > '9'))
			return false;
	}
	return name.data[name.size - 1] != '.';
}

bool
tlswire_request_is_valid(const struct tls_connect_request *request)
{
	size_t total = 0;
	if ((request->sni.size > 0 && !tlswire_name_is_valid(request->sni)) ||
	    request->name_count > TLSWIRE_NAMES ||
	    request->tlsa_count > TLSWIRE_TLSA)
		return false;
	for (size_t i = 0; i < request->name_count; i++)
		if (!tlswire_name_is_valid(request->names[i]))
			return false;
	for (size_t i = 0; i < request->tlsa_count; i++) {
		total += request->tlsa[i].data.size;
		if (request->tlsa[i].data.size > TLSWIRE_TLSA_SIZE ||
		    total > TLSWIRE_TLSA_TOTAL)
			return false;
	}
	/* nothing to verify with would be no verification */
	return (request->verify == TLS_VERIFY_NONE || request->name_count > 0) &&
		(request->verify == TLS_VERIFY_DANE) == (request->tlsa_count > 0);
}

/* ---- out ---- */

static void
add_name(struct buffer *out, struct span name)
{
	assert(name.size <= UINT8_MAX);
	buffer_add_byte(out, (char)name.size);
	buffer_add(out, name);
}

static void
add_record(struct buffer *out, const struct tls_tlsa *record)
{
	buffer_add_byte(out, (char)record->usage);
	buffer_add_byte(out, (char)record->selector);
	buffer_add_byte(out, (char)record->matching);
	buffer_add_u16(out, (uint16_t)record->data.size);
	buffer_add(out, record->data);
}

void
tlswire_request_encode(struct buffer *out,
	const struct tls_connect_request *request, int64_t now)
{
	int64_t patience = request->deadline - now;
	assert(tlswire_request_is_valid(request));
	if (patience > TLSWIRE_PATIENCE_LIMIT)
		patience = TLSWIRE_PATIENCE_LIMIT;
	buffer_add_byte(out, VERSION);
	buffer_add_byte(out, (char)request->verify);
	buffer_add_u32(out, patience < 0 ? 0 : (uint32_t)patience);
	add_name(out, request->sni);
	buffer_add_byte(out, (char)request->name_count);
	for (size_t i = 0; i < request->name_count; i++)
		add_name(out, request->names[i]);
	buffer_add_byte(out, (char)request->tlsa_count);
	for (size_t i = 0; i < request->tlsa_count; i++)
		add_record(out, &request->tlsa[i]);
}

void
tlswire_facts_encode(struct buffer *out, const struct tls_connect_facts *facts)
{
	struct buffer rest;
	unsigned flags = (facts->is_done ? IS_DONE : 0) |
		(facts->is_chain_ok ? IS_CHAIN_OK : 0) |
		(facts->is_name_ok ? IS_NAME_OK : 0) |
		(facts->is_dane_ok ? IS_DANE_OK : 0) |
		(facts->is_resumed ? IS_RESUMED : 0) |
		(facts->has_fingerprint ? HAS_FINGERPRINT : 0);
	buffer_init(&rest, 0);
	buffer_add_byte(&rest, (char)flags);
	buffer_add_byte(&rest, (char)facts->problem);
	buffer_add(&rest, span_of(facts->fingerprint,
		sizeof(facts->fingerprint)));
	add_name(&rest, span_from(facts->version));
	add_name(&rest, span_from(facts->cipher));
	add_name(&rest, span_from(facts->reason));
	buffer_add(out, SPAN("TLS"));
	buffer_add_byte(out, VERSION);
	buffer_add_u16(out, (uint16_t)rest.size);
	buffer_add(out, buffer_span(&rest));
	buffer_fini(&rest);
}

/* ---- in ---- */

/* Cuts bytes off the front; false when there are not so many. */
static bool
take(struct span *in, size_t size, struct span *out)
{
	if (in->size < size)
		return false;
	*out = span_first(*in, size);
	*in = span_skip(*in, size);
	return true;
}

/* A number of `size` bytes. */
static bool
take_number(struct span *in, size_t size, uint32_t *number)
{
	struct span bytes;
	*number = 0;
	if (!take(in, size, &bytes))
		return false;
	for (size_t i = size; i > 0; i--)
		*number = *number << 8 | (uint8_t)bytes.data[i - 1];
	return true;
}

static bool
take_name(struct span *in, struct span *name)
{
	uint32_t size;
	return take_number(in, 1, &size) && take(in, size, name);
}

static bool
take_names(struct span *in, struct arena *arena,
	struct tls_connect_request *request)
{
	uint32_t count;
	if (!take_number(in, 1, &count) || count > TLSWIRE_NAMES)
		return false;
	struct span *names = arena_new_array(arena, count + 1, sizeof(*names));
	for (size_t i = 0; i < count; i++)
		if (!take_name(in, &names[i]))
			return false;
	request->names = names;
	request->name_count = count;
	return true;
}

static bool
take_record(struct span *in, struct tls_tlsa *record)
{
	uint32_t usage, selector, matching, size;
	if (!take_number(in, 1, &usage) || !take_number(in, 1, &selector) ||
	    !take_number(in, 1, &matching) || !take_number(in, 2, &size) ||
	    size > TLSWIRE_TLSA_SIZE || !take(in, size, &record->data))
		return false;
	record->usage = (uint8_t)usage;
	record->selector = (uint8_t)selector;
	record->matching = (uint8_t)matching;
	return true;
}

static bool
take_records(struct span *in, struct arena *arena,
	struct tls_connect_request *request)
{
	uint32_t count;
	if (!take_number(in, 1, &count) || count > TLSWIRE_TLSA)
		return false;
	struct tls_tlsa *tlsa = arena_new_array(arena, count + 1,
		sizeof(*tlsa));
	for (size_t i = 0; i < count; i++)
		if (!take_record(in, &tlsa[i]))
			return false;
	request->tlsa = tlsa;
	request->tlsa_count = count;
	return true;
}

bool
tlswire_request_decode(struct span in, struct arena *arena, int64_t now,
	struct tls_connect_request *request)
{
	uint32_t version, verify, patience;
	*request = (struct tls_connect_request){ 0 };
	if (!take_number(&in, 1, &version) || version != VERSION ||
	    !take_number(&in, 1, &verify) || verify > TLS_VERIFY_DANE ||
	    !take_number(&in, 4, &patience) ||
	    patience > TLSWIRE_PATIENCE_LIMIT ||
	    !take_name(&in, &request->sni) ||
	    !take_names(&in, arena, request) ||
	    !take_records(&in, arena, request) || in.size > 0)
		return false;
	request->verify = (enum tls_verify)verify;
	request->deadline = now + patience;
	return tlswire_request_is_valid(request);
}

/* Text that goes into logs, reports and bounces. */
static bool
take_text(struct span *in, char *out, size_t size)
{
	struct span text;
	if (!take_name(in, &text) || text.size >= size)
		return false;
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	if (text.size > 0)
		memcpy(out, text.data, text.size);
	out[text.size] = '\0';
	return true;
}

static bool
take_facts(struct span in, struct tls_connect_facts *facts)
{
	uint32_t flags, problem;
	struct span fingerprint;
	if (!take_number(&in, 1, &flags) || flags > ALL_FLAGS ||
	    !take_number(&in, 1, &problem) || problem >= TLS_PROBLEM_COUNT ||
	    !take(&in, sizeof(facts->fingerprint), &fingerprint) ||
	    !take_text(&in, facts->version, sizeof(facts->version)) ||
	    !take_text(&in, facts->cipher, sizeof(facts->cipher)) ||
	    !take_text(&in, facts->reason, sizeof(facts->reason)) ||
	    in.size > 0)
		return false;
	memcpy(facts->fingerprint, fingerprint.data, fingerprint.size);
	facts->problem = (enum tls_problem)problem;
	facts->is_done = (flags & IS_DONE) != 0;
	facts->is_chain_ok = (flags & IS_CHAIN_OK) != 0;
	facts->is_name_ok = (flags & IS_NAME_OK) != 0;
	facts->is_dane_ok = (flags & IS_DANE_OK) != 0;
	facts->is_resumed = (flags & IS_RESUMED) != 0;
	facts->has_fingerprint = (flags & HAS_FINGERPRINT) != 0;
	return true;
}

enum tlswire_verdict
tlswire_facts_decode(struct span in, struct tls_connect_facts *facts,
	size_t *consumed)
{
	static const char head[] = { 'T', 'L', 'S', VERSION };
	struct span begin = span_of(head, sizeof(head));
	uint32_t size;
	*facts = (struct tls_connect_facts){ 0 };
	*consumed = 0;
	if (in.size < FACTS_HEAD)
		return span_starts(in, span_first(begin, in.size)) ?
			TLSWIRE_MORE : TLSWIRE_BAD;
	struct span rest = span_skip(in, sizeof(head));
	if (!span_starts(in, begin) || !take_number(&rest, 2, &size) ||
	    size > TLSWIRE_FACTS_LIMIT - FACTS_HEAD)
		return TLSWIRE_BAD;
	if (rest.size < size)
		return TLSWIRE_MORE;
	if (!take_facts(span_first(rest, size), facts)) {
		*facts = (struct tls_connect_facts){ 0 };
		return TLSWIRE_BAD;
	}
	*consumed = FACTS_HEAD + size;
	return TLSWIRE_OK;
}
