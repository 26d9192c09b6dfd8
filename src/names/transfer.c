/*
 * Records one by one in the order of their names, the SOA before and behind
 * (RFC 5936 2.2); what stands below cuts is part of it.
 */
#include "names/transfer.h"

#include <assert.h>
#include <string.h>

enum { OPT_SIZE = 11 };

bool
transfer_is_type(uint16_t type)
{
	return type == TRANSFER_TYPE_AXFR || type == TRANSFER_TYPE_IXFR;
}

bool
transfer_read_serial(struct span question, enum dns_section section,
	uint32_t *serial)
{
	struct dns_reader reader;
	struct dns_record record;
	if (!dns_read(&reader, question))
		return false;
	while (dns_read_record(&reader, &record)) {
		if (record.section != section ||
		    record.type != DNS_TYPE_SOA || record.size < 20)
			continue;
		const uint8_t *at = (const uint8_t *)question.data +
			record.data + record.size - 20;
		*serial = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
			(uint32_t)at[2] << 8 | at[3];
		return true;
	}
	return false;
}

void
transfer_begin(struct transfer *transfer, struct zones *zones,
	const struct zone *zone, const struct message_question *question)
{
	*transfer = (struct transfer){ .zones = zones_hold(zones),
		.zone = zone, .question = *question };
}

void
transfer_set_since(struct transfer *transfer, uint32_t serial)
{
	transfer->step_count = history_find(transfer->zone, serial,
		transfer->steps);
}

void
transfer_set_signature(struct transfer *transfer, struct tsig **tsig)
{
	transfer->tsig = *tsig;
	*tsig = NULL;
}

void
transfer_end(struct transfer *transfer)
{
	seal_free(&transfer->tsig);
	for (unsigned i = 0; i < transfer->step_count; i++)
		history_free(&transfer->steps[i]);
	transfer->step_count = 0;
	zones_free(&transfer->zones);
}

/* The record that is next; false: there is none. */
static bool
find_record(struct transfer *transfer, const struct zone_node **node,
	struct zone_set *record)
{
	const struct zone *zone = transfer->zone;
	for (; transfer->node < zone->node_count; transfer->node++) {
		*node = zone->nodes[transfer->node];
		for (; transfer->set < (*node)->set_count; transfer->set++) {
			const struct zone_set *set =
				&(*node)->sets[transfer->set];
			bool is_again = set == zone->soa;
			if (is_again || transfer->offset == set->size) {
				transfer->offset = 0;
				continue;
			}
			*record = *set;
			record->count = 1;
			record->data = set->data + transfer->offset;
			record->ttl = zone_record_ttl(*node, set, record->data);
			return true;
		}
		transfer->set = 0;
	}
	return false;
}

/* RFC 1995 4: for each change what it removes and what it adds, each behind its
 * SOA. */
static bool
find_change(const struct transfer *transfer, const struct zone_record **found)
{
	if (transfer->step == transfer->step_count)
		return false;
	const struct history *step = transfer->steps[transfer->step];
	*found = transfer->change < step->removed.count ?
		&step->removed.records[transfer->change] :
		&step->added.records[transfer->change -
		step->removed.count];
	return true;
}

static void
skip_change(struct transfer *transfer)
{
	const struct history *step = transfer->steps[transfer->step];
	if (++transfer->change == step->removed.count + step->added.count) {
		transfer->change = 0;
		transfer->step++;
	}
}

/* False: the message is full. */
static bool
add_changes(struct transfer *transfer, struct packet *packet)
{
	const struct zone_record *record;
	while (packet->size < TRANSFER_MESSAGE &&
	    find_change(transfer, &record)) {
		struct dns_name owner = { .size = record->owner_size };
		uint8_t data[2 + DNS_MESSAGE_LIMIT] = {
			(uint8_t)(record->size >> 8), (uint8_t)record->size };
		const struct zone_set set = { .type = record->type,
			.count = 1, .data = data, .ttl = record->ttl,
			.size = record->size + 2u };
		memcpy(owner.bytes, record->owner, owner.size);
		memcpy(data + 2, record->data, record->size);
		if (!packet_add_set(packet, DNS_ANSWER, &owner, &set,
		    set.ttl) && packet->count[DNS_ANSWER] > 0)
			return false;
		skip_change(transfer);
	}
	return packet->size < TRANSFER_MESSAGE;
}

static void
skip_record(struct transfer *transfer, const struct zone_set *record)
{
	transfer->offset += 2 + ((size_t)record->data[0] << 8 |
		record->data[1]);
}

/* Until the message is full or nothing is left. */
static void
add_records(struct transfer *transfer, struct packet *packet)
{
	const struct zone *zone = transfer->zone;
	const struct zone_node *node;
	struct zone_set record;
	if (transfer->step_count > 0) {
		if (add_changes(transfer, packet))
			transfer->is_over = packet_add_set(packet, DNS_ANSWER,
				&zone->origin, zone->soa, zone->soa->ttl);
		return;
	}
	while (packet->size < TRANSFER_MESSAGE &&
	    find_record(transfer, &node, &record)) {
		struct dns_name owner = { .size = node->name_size };
		memcpy(owner.bytes, node->name, node->name_size);
		bool fits = packet_add_set(packet, DNS_ANSWER, &owner, &record,
			record.ttl);
		if (!fits && packet->count[DNS_ANSWER] > 0)
			return;
		/* one that fits no message at all cannot be told to anybody */
		skip_record(transfer, &record);
	}
	if (packet->size < TRANSFER_MESSAGE)
		transfer->is_over = packet_add_set(packet, DNS_ANSWER,
			&zone->origin, zone->soa, zone->soa->ttl);
}

bool
transfer_next(struct transfer *transfer, struct buffer *out)
{
	const struct message_question *question = &transfer->question;
	const struct zone *zone = transfer->zone;
	struct packet packet;
	size_t mark = out->size, room = OPT_SIZE + (transfer->tsig == NULL ?
		0 : tsig_size(&transfer->tsig->key));
	bool fits = buffer_reserve(out, DNS_MESSAGE_LIMIT);
	assert(fits && !transfer->is_over);
	packet_begin(&packet, (uint8_t *)out->data + out->size,
		DNS_MESSAGE_LIMIT);
	packet.flags = (uint16_t)(DNS_FLAG_RESPONSE | DNS_FLAG_AUTHORITATIVE |
		(question->flags & DNS_FLAG_RECURSION_DESIRED));
	if (!transfer->has_begun) {
		packet_add_question(&packet, &question->asked);
		packet_add_set(&packet, DNS_ANSWER, &zone->origin, zone->soa,
			zone->soa->ttl);
	}
	packet.limit -= room;
	add_records(transfer, &packet);
	packet.limit += room;
	if (!transfer->has_begun && question->has_edns)
		packet_add_edns(&packet, DNS_UDP_MOST, 0,
			question->is_dnssec_wanted, SPAN(""));
	transfer->has_begun = true;
	packet_end(&packet, question->id);
	out->size += packet.size;
	if (transfer->tsig != NULL) {
		fits = seal_add_kept(transfer->tsig, out, mark,
			DNS_MESSAGE_LIMIT);
		assert(fits);
	}
	return !transfer->is_over;
}
