/*
 * Questions to `names`: those of one caller at a time on a wire, the answers read
 * into the caller's arena. What stands in the records was chosen by strangers: all of it
 * is read through proto/dns.h.
 */
#include "serve/names_call.h"

#include <assert.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/utf8.h"
#include "proto/dns.h"
#include "serve/wire.h"

enum { ALIASES_LIMIT = 16 };	/* CNAMEs one after the other */

struct names {
	struct wire_pool *pool;
};

struct names *
names_new(struct lot *lot)
{
	struct names *names = memory_new(sizeof(*names));
	names->pool = wire_pool_new(lot, "names-dns", 0);
	return names;
}

void
names_free(struct names **names)
{
	if (*names == NULL)
		return;
	wire_pool_free(&(*names)->pool);
	memory_free(*names);
	*names = NULL;
}

/* An answer while it is read. */
struct reading {
	struct span message;
	struct dns_question asked;
	struct dns_name owner;		/* where the aliases have led to */
	struct arena *arena;
	struct names_answer *answer;
	uint32_t ttl;			/* the least of the records used */
};

static struct span
copy_name(struct arena *arena, const struct dns_name *name)
{
	char text[DNS_TEXT_SIZE];
	size_t size = dns_name_to_text(name, text);
	return arena_copy(arena, span_of(text, size));
}

/* Forgets what was read so far. */
static void
say_later(struct names_answer *answer, struct span reason)
{
	*answer = (struct names_answer){ .verdict = NAMES_LATER,
		.canonical = answer->canonical, .reason = reason,
		.is_bogus = answer->is_bogus };
}

/* ---- the answer ---- */

static bool
is_of(const struct reading *reading, const struct dns_record *record,
	unsigned type)
{
	return record->section == DNS_ANSWER && record->type == type &&
		record->class == DNS_CLASS_IN &&
		dns_name_equals(&record->owner, &reading->owner);
}

static void
note_ttl(struct reading *reading, uint32_t ttl)
{
	if (ttl < reading->ttl)
		reading->ttl = ttl;
}

/* The alias at .owner followed; false when there is none. */
static bool
follow_alias(struct reading *reading)
{
	struct dns_reader reader;
	struct dns_record record;
	dns_read(&reader, reading->message);
	while (dns_read_record(&reader, &record)) {
		if (!is_of(reading, &record, DNS_TYPE_CNAME))
			continue;
		note_ttl(reading, record.ttl);
		return dns_data_name(reading->message, &record, 0,
			&reading->owner);
	}
	return false;
}

static bool
read_mx(const struct reading *reading, const struct dns_record *data,
	struct names_record *record)
{
	struct dns_name exchange;
	if (!dns_data_name(reading->message, data, 2, &exchange))
		return false;
	struct span bytes = dns_data(reading->message, data);
	record->mx.preference = (uint16_t)((uint8_t)bytes.data[0] << 8 |
		(uint8_t)bytes.data[1]);
	record->mx.exchange = copy_name(reading->arena, &exchange);
	return true;
}

static bool
read_tlsa(const struct reading *reading, const struct dns_record *data,
	struct names_record *record)
{
	struct span bytes = dns_data(reading->message, data);
	if (bytes.size < 4)
		return false;
	record->tlsa.usage = (uint8_t)bytes.data[0];
	record->tlsa.selector = (uint8_t)bytes.data[1];
	record->tlsa.matching = (uint8_t)bytes.data[2];
	record->tlsa.data = arena_copy(reading->arena, span_skip(bytes, 3));
	return true;
}

static bool
read_data(const struct reading *reading, const struct dns_record *data,
	struct names_record *record)
{
	struct dns_name name;
	struct buffer text;
	bool ok;
	switch (data->type) {
	case NAMES_A:
	case NAMES_AAAA:
		return dns_data_address(reading->message, data,
			&record->address);
	case NAMES_MX:
		return read_mx(reading, data, record);
	case NAMES_TLSA:
		return read_tlsa(reading, data, record);
	case NAMES_TXT:
		buffer_init(&text, 0);
		ok = dns_data_text(reading->message, data, NAMES_TEXT_LIMIT,
			&text);
		record->txt = arena_copy(reading->arena, buffer_span(&text));
		buffer_fini(&text);
		return ok;
	default:
		ok = dns_data_name(reading->message, data, 0, &name);
		if (ok)
			record->name = copy_name(reading->arena, &name);
		return ok;
	}
}

/* Records of the type at .owner; false when one of them was not usable. */
static bool
collect(struct reading *reading, size_t room)
{
	struct names_answer *answer = reading->answer;
	struct dns_reader reader;
	struct dns_record record;
	bool ok = true;
	answer->record = arena_new_array(reading->arena, room,
		sizeof(*answer->record));
	dns_read(&reader, reading->message);
	while (answer->count < room && dns_read_record(&reader, &record)) {
		if (!is_of(reading, &record, reading->asked.type))
			continue;
		note_ttl(reading, record.ttl);
		if (read_data(reading, &record,
			&answer->record[answer->count]))
			answer->count++;
		else
			ok = false;
	}
	return ok;
}

/* Walks all of it once: is it well-formed, what do OPT and SOA say. */
static bool
look_through(struct reading *reading, uint32_t *no_ttl, struct dns_edns *edns)
{
	struct dns_reader reader;
	struct dns_record record;
	*no_ttl = 0;
	*edns = (struct dns_edns){ .error = DNS_NO_ERROR_CODE };
	if (!dns_read(&reader, reading->message))
		return false;
	while (dns_read_record(&reader, &record)) {
		if (record.section == DNS_AUTHORITY &&
		    record.type == DNS_TYPE_SOA)
			dns_data_soa_ttl(reading->message, &record, no_ttl);
		if (record.section == DNS_ADDITIONAL &&
		    record.type == DNS_TYPE_OPT)
			dns_data_edns(reading->message, &record, edns);
	}
	return !reader.is_malformed;
}

static struct span
describe_failure(struct arena *arena, unsigned rcode,
	const struct dns_edns *edns)
{
	struct span text = span_first(edns->text, 256);
	if (edns->error != DNS_NO_ERROR_CODE && text.size > 0)
		return arena_print(arena, "%.*s", SPAN_PRINT(text));
	if (rcode == DNS_SERVER_FAILURE)
		return SPAN("the servers of the domain gave no usable answer");
	return arena_print(arena, "the resolver answered with code %u", rcode);
}

static void
judge(struct reading *reading, const struct dns_header *header)
{
	struct names_answer *answer = reading->answer;
	unsigned rcode = header->flags & DNS_FLAG_RCODE, aliases = 0;
	size_t room = header->count[DNS_ANSWER];
	uint32_t no_ttl;
	struct dns_edns edns;
	if (!look_through(reading, &no_ttl, &edns)) {
		say_later(answer, SPAN("the answer is malformed"));
		return;
	}
	if ((rcode != DNS_NO_ERROR && rcode != DNS_NO_SUCH_NAME) ||
	    (header->flags & DNS_FLAG_TRUNCATED) != 0) {
		answer->is_bogus = edns.error == DNS_ERROR_BOGUS;
		say_later(answer, describe_failure(reading->arena, rcode,
			&edns));
		return;
	}
	while (reading->asked.type != NAMES_CNAME && aliases < ALIASES_LIMIT &&
	    follow_alias(reading))
		aliases++;
	answer->canonical = copy_name(reading->arena, &reading->owner);
	bool is_usable = collect(reading, room < NAMES_RECORDS_LIMIT ? room :
		NAMES_RECORDS_LIMIT);
	answer->is_secure = (header->flags & DNS_FLAG_AUTHENTIC) != 0;
	answer->ttl = answer->count > 0 || reading->ttl < no_ttl ?
		reading->ttl : no_ttl;
	answer->verdict = answer->count > 0 ? NAMES_FOUND :
		rcode == DNS_NO_SUCH_NAME ? NAMES_NO_NAME : NAMES_EMPTY;
	if (aliases == ALIASES_LIMIT)
		say_later(answer, SPAN("too many aliases one after the other"));
	else if (answer->count == 0 && !is_usable)
		say_later(answer, SPAN("the records are malformed"));
}

/* ---- the exchange ---- */

static void
send_question(struct stream *stream, const struct dns_question *question,
	uint16_t id)
{
	struct buffer out;
	struct dns_writer writer;
	buffer_init(&out, 0);
	dns_write(&writer, &out, DNS_MESSAGE_LIMIT, id,
		DNS_FLAG_RECURSION_DESIRED | DNS_FLAG_AUTHENTIC);
	dns_write_question(&writer, question);
	dns_write_edns(&writer, &(struct dns_edns){ .udp_size = DNS_UDP_MOST,
		.error = DNS_NO_ERROR_CODE });
	dns_write_end(&writer);
	const uint8_t size[2] = { (uint8_t)(out.size >> 8),
		(uint8_t)out.size };
	stream_add(stream, span_of(size, 2));
	stream_add(stream, buffer_span(&out));
	buffer_fini(&out);
}

static int
read_message(struct stream *stream, struct arena *arena,
	struct span *message, struct error *error)
{
	uint8_t size[2];
	if (stream_read_exactly(stream, size, 2, error) < 0)
		return -1;
	size_t length = (size_t)size[0] << 8 | size[1];
	char *bytes = arena_new(arena, length + 1);
	*message = span_of(bytes, length);
	return stream_read_exactly(stream, bytes, length, error);
}

/* Is it what answers this question? RFC 5452 4.2, though nobody else writes
 * here. */
static bool
is_answer(const struct reading *reading, uint16_t id,
	struct dns_header *header)
{
	struct dns_reader reader;
	struct dns_question question;
	if (!dns_read(&reader, reading->message))
		return false;
	*header = reader.header;
	return header->id == id &&
		(header->flags & DNS_FLAG_RESPONSE) != 0 &&
		dns_read_question(&reader, &question) &&
		question.type == reading->asked.type &&
		question.class == DNS_CLASS_IN &&
		dns_name_equals(&question.name, &reading->asked.name);
}

/* False when the name cannot be asked for: the answer is complete. */
static bool
begin(struct reading *reading, struct arena *arena, struct span name,
	enum names_type type, struct names_answer *answer)
{
	*answer = (struct names_answer){ .verdict = NAMES_LATER };
	*reading = (struct reading){ .arena = arena, .answer = answer,
		.ttl = INT32_MAX, .asked = { .type = (uint16_t)type,
		.class = DNS_CLASS_IN } };
	if (!utf8_is_ascii(name) ||
	    !dns_name_from_text(name, &reading->asked.name)) {
		answer->verdict = NAMES_NO_NAME;
		answer->canonical = arena_copy(arena, name);
		return false;
	}
	reading->owner = reading->asked.name;
	answer->canonical = copy_name(arena, &reading->owner);
	return true;
}

/* ---- several together ---- */

struct exchange {
	struct reading reading[NAMES_AT_ONCE];
	uint16_t id[NAMES_AT_ONCE];
	bool is_open[NAMES_AT_ONCE];	/* has no answer yet */
	size_t count, open;
};

static void
begin_all(struct exchange *exchange, struct arena *arena,
	const struct names_question *questions, size_t count)
{
	assert(count <= NAMES_AT_ONCE);
	*exchange = (struct exchange){ .count = count };
	uint16_t id = (uint16_t)random_u64();
	for (size_t i = 0; i < count; i++) {
		exchange->id[i] = (uint16_t)(id + i);
		exchange->is_open[i] = begin(&exchange->reading[i], arena,
			questions[i].name, questions[i].type,
			questions[i].answer);
		exchange->open += exchange->is_open[i];
	}
}

static void
give_up(struct exchange *exchange, struct span reason)
{
	for (size_t i = 0; i < exchange->count; i++)
		if (exchange->is_open[i])
			say_later(exchange->reading[i].answer, reason);
}

/* Our own trouble, not the name's. */
static void
give_up_ours(struct exchange *exchange, struct arena *arena,
	const struct error *error)
{
	give_up(exchange, arena_print(arena, "asking the resolver: %s",
		error->text));
	for (size_t i = 0; i < exchange->count; i++)
		if (exchange->is_open[i])
			exchange->reading[i].answer->is_ours = true;
}

static bool
send_all(struct exchange *exchange, struct stream *stream,
	struct error *error)
{
	for (size_t i = 0; i < exchange->count; i++)
		if (exchange->is_open[i])
			send_question(stream, &exchange->reading[i].asked,
				exchange->id[i]);
	return stream_send(stream, error) == 0;
}

/* The answer goes to its question, whichever comes first. */
static bool
take_message(struct exchange *exchange, struct span message)
{
	struct dns_header header;
	for (size_t i = 0; i < exchange->count; i++) {
		struct reading *reading = &exchange->reading[i];
		reading->message = message;
		if (!exchange->is_open[i] ||
		    !is_answer(reading, exchange->id[i], &header))
			continue;
		judge(reading, &header);
		exchange->is_open[i] = false;
		exchange->open--;
		return true;
	}
	return false;
}

/* False: the stream is of no use any more. */
static bool
carry_out(struct exchange *exchange, struct stream *stream,
	struct arena *arena)
{
	struct error error;
	struct span message;
	bool ok = send_all(exchange, stream, &error);
	while (ok && exchange->open > 0) {
		ok = read_message(stream, arena, &message, &error) == 0;
		if (ok && !take_message(exchange, message)) {
			give_up(exchange,
				SPAN("the resolver answered something else"));
			return false;
		}
	}
	if (!ok)
		give_up_ours(exchange, arena, &error);
	return ok;
}

bool
names_ask_stream(struct stream *stream, struct arena *arena,
	const struct names_question *questions, size_t count)
{
	struct exchange exchange;
	begin_all(&exchange, arena, questions, count);
	return exchange.open == 0 || carry_out(&exchange, stream, arena);
}

void
names_ask_all(struct names *names, struct arena *arena,
	const struct names_question *questions, size_t count, int64_t deadline)
{
	struct exchange exchange;
	struct error error;
	begin_all(&exchange, arena, questions, count);
	if (exchange.open == 0)
		return;
	struct wire *wire = wire_take(names->pool, deadline, &error);
	if (wire == NULL) {
		give_up_ours(&exchange, arena, &error);
		return;
	}
	if (carry_out(&exchange, &wire->stream, arena))
		wire_give(&wire);
	else
		wire_drop(&wire);
}

void
names_ask(struct names *names, struct arena *arena, struct span name,
	enum names_type type, int64_t deadline, struct names_answer *answer)
{
	const struct names_question question = { name, type, answer };
	names_ask_all(names, arena, &question, 1, deadline);
}
