/*
 * The order of things: what cannot be read, what is nobody's business here,
 * our zones, the resolver. Strangers by UDP are counted last, when it is known
 * what they would be told.
 */
#include "names/front.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "names/answer.h"
#include "names/attached.h"
#include "names/cookie.h"
#include "names/peers.h"
#include "names/rate.h"
#include "names/recall.h"
#include "names/secondary.h"
#include "names/serials.h"
#include "names/transfer.h"
#include "serve/counter.h"

enum { EDNS_ROOM = 11 + 4 + COOKIE_SIZE };

static struct resolver *resolver;
static struct {
	pthread_rwlock_t lock;		/* of the following */
	char *networks, *transfer_peers;
	bool are_attached_included;
} settings = { .lock = PTHREAD_RWLOCK_INITIALIZER };

void
front_init(struct resolver *given)
{
	resolver = given;
}

static char *
copy(struct span text)
{
	char *result = memory_new(text.size + 1);
	if (text.size > 0)
		memcpy(result, text.data, text.size);
	return result;
}

void
front_configure(const struct front_settings *given)
{
	char *networks = copy(given->recursion_networks);
	char *transfer_peers = copy(given->transfer_peers);
	rate_configure(given->rate_limit, given->rate_slip);
	pthread_rwlock_wrlock(&settings.lock);
	char *old = settings.networks;
	char *old_transfer = settings.transfer_peers;
	settings.networks = networks;
	settings.transfer_peers = transfer_peers;
	settings.are_attached_included = given->are_attached_included;
	pthread_rwlock_unlock(&settings.lock);
	memory_free(old);
	memory_free(old_transfer);
}

/* RFC 5358: who is not of ours gets only what is ours. */
static bool
may_recurse(const struct front_client *client)
{
	if (client->is_ours)
		return true;
	pthread_rwlock_rdlock(&settings.lock);
	bool result = settings.networks != NULL && network_list_contains(
		span_from(settings.networks), &client->address);
	bool is_next = !result && settings.are_attached_included;
	pthread_rwlock_unlock(&settings.lock);
	return result || (is_next && attached_is_neighbour(&client->address));
}

/* ---- answers that are made here ---- */

struct making {
	const struct message_question *question;
	const struct front_client *client;
	struct packet packet;
	struct buffer *out;
	size_t limit;
	size_t seal_room;		/* of it, for the signature of the answer */
	const struct dns_name *key;	/* that signed the question; NULL: none */
	bool may_recurse;
	bool is_known;			/* he showed a cookie of ours */
};

static void
begin(struct making *making)
{
	const struct message_question *question = making->question;
	bool fits = buffer_reserve(making->out, making->limit);
	assert(fits);
	packet_begin(&making->packet, (uint8_t *)making->out->data +
		making->out->size, making->limit);
	making->packet.is_dnssec_wanted = question->is_dnssec_wanted;
	making->packet.flags = (uint16_t)(DNS_FLAG_RESPONSE |
		(question->flags & (DNS_FLAG_OPCODE |
		DNS_FLAG_RECURSION_DESIRED | DNS_FLAG_CHECKING_DISABLED)));
	if (making->may_recurse)
		making->packet.flags |= DNS_FLAG_RECURSION_AVAILABLE;
	if (question->has_question &&
	    !packet_add_question(&making->packet, &question->asked))
		making->packet.flags |= DNS_FLAG_TRUNCATED;
	making->packet.limit -= making->seal_room;
	if (question->has_edns)
		making->packet.limit -= EDNS_ROOM;
}

static void
finish(struct making *making, unsigned rcode)
{
	const struct message_question *question = making->question;
	uint8_t option[4 + COOKIE_SIZE] = { 0, 10, 0, COOKIE_SIZE };
	struct span options = SPAN("");
	if (question->cookie_size > 0 && !making->client->is_ours) {
		cookie_make(question, &making->client->address,
			(uint32_t)(clock_wall() / 1000), option + 4);
		options = span_of(option, sizeof(option));
	}
	making->packet.flags |= (uint16_t)(rcode & DNS_FLAG_RCODE);
	making->packet.limit = making->limit - making->seal_room;
	if (question->has_edns)
		packet_add_edns(&making->packet, DNS_UDP_MOST, rcode,
			question->is_dnssec_wanted, options);
	packet_end(&making->packet, question->id);
}

/* Without records. */
static enum front_verdict
answer_plainly(struct making *making, unsigned rcode, unsigned flags)
{
	begin(making);
	making->packet.flags |= (uint16_t)flags;
	finish(making, rcode);
	return FRONT_ANSWERED;
}

/* What strangers by UDP are told is counted by network, zone and kind. */
static enum front_verdict
count(struct making *making, const struct answer *answer)
{
	uint64_t kind = answer->rcode << 8 | answer->kind;
	if (answer->zone != NULL)
		kind ^= answer->zone->hash;
	if (making->client->is_stream || making->may_recurse ||
	    making->is_known)
		return FRONT_ANSWERED;
	switch (rate_count(&making->client->address, kind,
		clock_monotonic())) {
	case RATE_ANSWER:
		return FRONT_ANSWERED;
	case RATE_SLIP:
		/* with a cookie he can show that it is him (RFC 7873 5.2.3) */
		return making->question->cookie_size > 0 ?
			answer_plainly(making, DNS_BAD_COOKIE, 0) :
			answer_plainly(making, DNS_NO_ERROR,
			DNS_FLAG_TRUNCATED);
	case RATE_DROP:
		break;
	}
	return FRONT_NOTHING;
}

static enum front_verdict
refuse(struct making *making, unsigned rcode)
{
	const struct answer answer = { .rcode = rcode };
	answer_plainly(making, rcode, 0);
	return count(making, &answer);
}

/* ---- zones and the resolver ---- */

/* Our aliases lead elsewhere: the resolver looks there. */
static enum front_verdict
ask_for_rest(struct making *making, const struct answer *answer,
	struct front_question *question)
{
	finish(making, DNS_NO_ERROR);
	char *copy = memory_new(making->packet.size);
	memcpy(copy, making->packet.bytes, making->packet.size);
	question->aliases = span_of(copy, making->packet.size);
	question->sought.name = answer->name;
	return FRONT_ASK;
}

/*
 * A zone without a file has what should be said of our domain, but the world's
 * DNS may have it elsewhere, and more of it, and signed: that comes first for
 * whom the resolver asks. Ours is the answer where the world has none.
 */
static enum front_verdict
ask_world_first(struct making *making, const struct answer *answer,
	struct front_question *question)
{
	if (making->packet.count[DNS_ANSWER] == 0)
		return FRONT_ASK;
	finish(making, answer->rcode);
	char *copy = memory_new(making->packet.size);
	memcpy(copy, making->packet.bytes, making->packet.size);
	question->otherwise = span_of(copy, making->packet.size);
	return FRONT_ASK;
}

/* What the zones say; FRONT_ASK: it is not there, or only where to look. */
static enum front_verdict
ask_zones(struct making *making, const struct zones *zones,
	struct front_question *question)
{
	struct answer answer;
	const struct message_question *asked = making->question;
	bool goes_on = making->may_recurse &&
		(asked->flags & DNS_FLAG_RECURSION_DESIRED) != 0;
	begin(making);
	answer_write(zones, &asked->asked, &making->packet, &answer);
	if (answer.kind == ANSWER_NOT_OURS)
		return FRONT_ASK;
	if (goes_on && answer.zone != NULL && answer.zone->is_part)
		return ask_world_first(making, &answer, question);
	if (goes_on && (answer.kind == ANSWER_ALIAS ||
	    answer.kind == ANSWER_REFERRAL)) {
		if (making->packet.count[DNS_ANSWER] == 0)
			return FRONT_ASK;
		return ask_for_rest(making, &answer, question);
	}
	finish(making, answer.rcode);
	return count(making, &answer);
}

/* RFC 5936 4.2: a zone does not go by UDP; to IXFR there the SOA is answer
 * enough (RFC 1995 2). */
static enum front_verdict
ask_transfer(struct making *making, const struct zones *zones,
	struct span bytes, struct front_question *question)
{
	const struct message_question *asked = making->question;
	struct zone_labels labels;
	unsigned level;
	pthread_rwlock_rdlock(&settings.lock);
	bool is_peer = settings.transfer_peers != NULL &&
		peers_allow(span_from(settings.transfer_peers),
		&making->client->address, making->key);
	pthread_rwlock_unlock(&settings.lock);
	bool is_axfr = asked->asked.type == TRANSFER_TYPE_AXFR;
	if (!is_peer || (is_axfr && !making->client->is_stream))
		return refuse(making, DNS_REFUSED);
	zone_labels_find(&asked->asked.name, &labels);
	const struct zone *zone = zones_find(zones, &asked->asked.name,
		&labels, false, &level);
	if (zone == NULL || level != 0 || !zone->is_usable)
		return refuse(making, DNS_NOT_AUTHORITATIVE);
	question->zone = zone;
	question->has_serial = !is_axfr &&
		transfer_read_serial(bytes, DNS_AUTHORITY, &question->serial);
	if (is_axfr || (making->client->is_stream && (!question->has_serial ||
	    serials_is_newer(zone->serial, question->serial))))
		return FRONT_TRANSFER;
	begin(making);
	making->packet.flags |= DNS_FLAG_AUTHORITATIVE;
	packet_add_set(&making->packet, DNS_ANSWER, &zone->origin, zone->soa,
		zone->soa->ttl);
	finish(making, DNS_NO_ERROR);
	return FRONT_ANSWERED;
}

static size_t
limit_of(const struct message_question *question,
	const struct front_client *client)
{
	if (client->is_stream)
		return DNS_MESSAGE_LIMIT;
	return question->udp_size < DNS_UDP_MOST ? question->udp_size :
		DNS_UDP_MOST;
}

/* RFC 1996 3.10: of a primary only; he is believed nothing but that it is time
 * to look. */
static enum front_verdict
hear(struct making *making, const struct zones *zones, struct span bytes)
{
	const struct message_question *asked = making->question;
	uint32_t serial;
	bool has_serial = transfer_read_serial(bytes, DNS_ANSWER, &serial);
	if (asked->asked.class != DNS_CLASS_IN)
		return refuse(making, DNS_NOT_AUTHORITATIVE);
	const struct secondary_teller teller = {
		.address = &making->client->address, .key = making->key };
	switch (secondary_hear(zones, &asked->asked.name, &teller,
		has_serial ? &serial : NULL)) {
	case SECONDARY_HEARD:
		return answer_plainly(making, DNS_NO_ERROR,
			DNS_FLAG_AUTHORITATIVE);
	case SECONDARY_STRANGER:
		return refuse(making, DNS_REFUSED);
	case SECONDARY_UNKNOWN:
		break;
	}
	return refuse(making, DNS_NOT_AUTHORITATIVE);
}

/* RFC 7873 5.4: nothing is asked for but a cookie. */
static enum front_verdict
give_cookie(struct making *making)
{
	bool is_wrong = making->question->cookie_size > MESSAGE_COOKIE &&
		!making->is_known && !making->client->is_ours;
	return refuse(making, is_wrong ? DNS_BAD_COOKIE : DNS_NO_ERROR);
}

/* What the zones said is of no use. */
static void
forget(struct front_question *question)
{
	memory_free((void *)(uintptr_t)question->aliases.data);
	memory_free((void *)(uintptr_t)question->otherwise.data);
	question->aliases = question->otherwise = (struct span){ NULL, 0 };
}

static enum front_verdict
judge(struct making *making, const struct zones *zones, struct span bytes,
	struct front_question *question)
{
	const struct message_question *asked = making->question;
	if (asked->refusal != 0)
		return refuse(making, asked->refusal);
	if (!asked->has_question)
		return give_cookie(making);
	if ((asked->flags & DNS_FLAG_OPCODE) == MESSAGE_NOTIFY)
		return hear(making, zones, bytes);
	if (asked->asked.class == DNS_CLASS_IN &&
	    transfer_is_type(asked->asked.type) && !making->client->is_ours)
		return ask_transfer(making, zones, bytes, question);
	if (asked->asked.class == DNS_CLASS_IN &&
	    !message_is_meta(asked->asked.type) &&
	    !making->client->is_past_zones) {
		enum front_verdict verdict = ask_zones(making, zones,
			question);
		if (verdict != FRONT_ASK || question->aliases.size > 0)
			return verdict;
	}
	unsigned refusal = making->may_recurse ? message_judge(asked) :
		DNS_REFUSED;
	if (refusal == 0)
		return FRONT_ASK;
	forget(question);
	return refuse(making, refusal);
}

/* What the resolver said before, while it is good. */
struct recalling {
	struct front_question *question;
	struct buffer *out;
};

static void
write_recalled(void *context, const struct message_answer *answer)
{
	const struct recalling *recalling = context;
	front_answer(recalling->question, answer, recalling->out);
}

/* Room for the answer's signature: when there is not that much, nobody who can
 * read it asked so. */
static bool
make_room(struct making *making, size_t size)
{
	const struct message_question *question = making->question;
	size_t rest = DNS_HEADER_SIZE + EDNS_ROOM + DNS_LEAST +
		(question->has_question ? question->asked.name.size + 4u : 0);
	making->seal_room = size;
	return making->limit >= rest + size;
}

/* A question with a signature (RFC 8945 5.2). */
static enum front_verdict
judge_sealed(struct making *making, const struct zones *zones,
	struct span bytes, struct front_question *question)
{
	struct seal seal;
	if (!seal_read(&seal, bytes, &question->question,
	    &making->client->address))
		return judge(making, zones, bytes, question);
	question->tsig = seal.tsig;
	if (!make_room(making, seal.size)) {
		front_free(question);
		return FRONT_NOTHING;
	}
	if (seal.error == TSIG_GOOD)
		making->key = &seal.tsig->key.name;
	enum front_verdict verdict = judge(making, zones, bytes, question);
	if (verdict == FRONT_ANSWERED && !seal_add(&seal,
	    making->packet.bytes, &making->packet.size, making->limit))
		verdict = FRONT_NOTHING;
	if (verdict == FRONT_ANSWERED || verdict == FRONT_NOTHING)
		front_free(question);
	return verdict;
}

enum front_verdict
front_take(struct span bytes, const struct front_client *client,
	const struct zones *zones, struct front_question *question,
	struct buffer *out)
{
	question->aliases = question->otherwise = (struct span){ NULL, 0 };
	question->tsig = NULL;
	if (!message_read(bytes, &question->question))
		return FRONT_NOTHING;
	question->sought = question->question.asked;
	question->limit = limit_of(&question->question, client);
	struct making making = { .question = &question->question,
		.client = client, .out = out, .limit = question->limit,
		.may_recurse = may_recurse(client) };
	making.is_known = !client->is_ours && cookie_is_good(
		&question->question, &client->address,
		(uint32_t)(clock_wall() / 1000));
	enum front_verdict verdict = question->question.has_tsig ?
		judge_sealed(&making, zones, bytes, question) :
		judge(&making, zones, bytes, question);
	struct recalling recalling = { question, out };
	if (verdict == FRONT_ASK && recall_use(&question->sought,
	    clock_monotonic(), write_recalled, &recalling)) {
		counter_add(COUNTER_COMMANDS, 1);
		return FRONT_ANSWERED;
	}
	if (verdict == FRONT_ANSWERED) {
		out->size += making.packet.size;
		counter_add(COUNTER_COMMANDS, 1);
	}
	return verdict;
}

bool
front_ask(const struct front_question *question, bool is_stranger,
	upstream_function *function, void *context)
{
	return resolver_ask(resolver, &question->sought, is_stranger,
		function, context);
}

static bool
has_records(const struct message_answer *answer)
{
	const char *counts = answer->packet.data;	/* RFC 1035 4.1.1 */
	return answer->packet.size >= 8 && (counts[6] != 0 || counts[7] != 0);
}

void
front_answer(struct front_question *question,
	const struct message_answer *answer, struct buffer *out)
{
	size_t mark = out->size, room = question->tsig == NULL ? 0 :
		tsig_size(&question->tsig->key);
	if (question->otherwise.size > 0 && !answer->is_bogus &&
	    (answer->rcode != DNS_NO_ERROR ||
	    !has_records(answer)))
		buffer_add(out, question->otherwise);
	else
		message_write(out, question->limit - room,
			&question->question, question->aliases, answer);
	if (question->tsig != NULL)
		seal_add_kept(question->tsig, out, mark, question->limit);
	front_free(question);
}

void
front_free(struct front_question *question)
{
	forget(question);
	seal_free(&question->tsig);
}
