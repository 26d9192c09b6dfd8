/*
 * Names are found again by a hash of what is left of them, and compared with
 * what stands there. An owner may differ in case from what it points to; names
 * in data keep the case of the zone.
 */
#include "names/packet.h"

#include <assert.h>
#include <string.h>

enum { POINTER_LIMIT = 0x4000 };

void
packet_begin(struct packet *packet, uint8_t *bytes, size_t limit)
{
	assert(limit >= DNS_UDP_LEAST && limit <= DNS_MESSAGE_LIMIT);
	memset(packet, 0, sizeof(*packet));
	packet->bytes = bytes;
	packet->limit = limit;
	packet->size = DNS_HEADER_SIZE;
}

static bool
add(struct packet *packet, const void *bytes, size_t size)
{
	if (packet->limit - packet->size < size)
		return false;
	memcpy(packet->bytes + packet->size, bytes, size);
	packet->size += size;
	return true;
}

static bool
add_number(struct packet *packet, unsigned number)
{
	const uint8_t bytes[] = { (uint8_t)(number >> 8), (uint8_t)number };
	return add(packet, bytes, sizeof(bytes));
}

/* ---- names ---- */

/* Does the name stand at that place of the message? Whatever stands there. */
static bool
stands_at(const struct packet *packet, size_t at, const uint8_t *name,
	bool is_exact)
{
	for (;;) {
		if (at + 1 >= packet->size)
			return false;
		const uint8_t *label = packet->bytes + at;
		if (label[0] >= 0xc0) {
			size_t next = (size_t)(label[0] & 0x3f) << 8 |
				label[1];
			if (next >= at)
				return false;
			at = next;
			continue;
		}
		if (label[0] != name[0] ||
		    packet->size - at < (size_t)label[0] + 1)
			return false;
		if (label[0] == 0)
			return true;
		struct span a = span_of(label + 1, label[0]);
		struct span b = span_of(name + 1, name[0]);
		if (is_exact ? !span_equals(a, b) : !span_equals_nocase(a, b))
			return false;
		at += 1u + label[0];
		name += 1u + name[0];
	}
}

static uint32_t
hash_label(uint32_t hash, const uint8_t *label)
{
	for (unsigned i = 0; i <= label[0]; i++)
		hash = (hash ^ (uint8_t)span_lower_byte((char)label[i])) *
			16777619u;
	return hash ^ hash >> 15;
}

static bool
add_name(struct packet *packet, const uint8_t *name, bool is_exact)
{
	uint8_t at[ZONE_LABELS];
	uint32_t hash[ZONE_LABELS], last = 2166136261u;
	unsigned count = 0, whole;
	for (size_t i = 0; name[i] != 0; i += 1u + name[i])
		at[count++] = (uint8_t)i;
	for (unsigned i = count; i-- > 0;)
		hash[i] = last = hash_label(last, name + at[i]);
	size_t target = 0;
	for (whole = 0; whole < count && target == 0; whole++) {
		size_t place = packet->names[hash[whole] % PACKET_NAMES].at;
		if (place != 0 && place < packet->size &&
		    packet->names[hash[whole] % PACKET_NAMES].hash ==
		    hash[whole] && stands_at(packet, place, name + at[whole],
		    is_exact))
			target = place;
	}
	whole -= target != 0;
	size_t start = packet->size, size = whole == count ? 0 : at[whole];
	if (whole == count)
		while (name[size] != 0)
			size += 1u + name[size];
	if (!add(packet, name, size) || (target != 0 ?
	    !add_number(packet, 0xc000u | (unsigned)target) :
	    !add(packet, "", 1)))
		return false;
	for (unsigned i = 0; i < whole && start + at[i] < POINTER_LIMIT; i++) {
		packet->names[hash[i] % PACKET_NAMES].hash = hash[i];
		packet->names[hash[i] % PACKET_NAMES].at =
			(uint16_t)(start + at[i]);
	}
	return true;
}

/* ---- records ---- */

/* RFC 3597 4: only names of the first types may be compressed. Octets before
 * the first name; how many names. */
static unsigned
names_of(uint16_t type, size_t *skip)
{
	*skip = 0;
	switch (type) {
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_PTR:
		return 1;
	case DNS_TYPE_MX:
		*skip = 2;
		return 1;
	case DNS_TYPE_SOA:
		return 2;
	default:
		return 0;
	}
}

static bool
add_data(struct packet *packet, uint16_t type, const uint8_t *data,
	size_t size)
{
	size_t at, mark = packet->size;
	unsigned names = names_of(type, &at);
	if (!add_number(packet, 0) || !add(packet, data, at))
		return false;
	for (; names > 0; names--) {
		if (!add_name(packet, data + at, true))
			return false;
		while (data[at] != 0)
			at += 1u + data[at];
		at++;
	}
	if (!add(packet, data + at, size - at))
		return false;
	size_t written = packet->size - mark - 2;
	packet->bytes[mark] = (uint8_t)(written >> 8);
	packet->bytes[mark + 1] = (uint8_t)written;
	return true;
}

bool
packet_add_question(struct packet *packet,
	const struct dns_question *question)
{
	packet->count[DNS_QUESTION] = 1;
	return add_name(packet, question->name.bytes, true) &&
		add_number(packet, question->type) &&
		add_number(packet, question->class);
}

bool
packet_add_set(struct packet *packet, enum dns_section section,
	const struct dns_name *owner, const struct zone_set *set,
	uint32_t ttl)
{
	size_t mark = packet->size;
	const uint8_t *record = set->data;
	for (unsigned i = 0; i < set->count; i++) {
		size_t size = (size_t)record[0] << 8 | record[1];
		if (!add_name(packet, owner->bytes, false) ||
		    !add_number(packet, set->type) ||
		    !add_number(packet, DNS_CLASS_IN) ||
		    !add_number(packet, ttl >> 16) ||
		    !add_number(packet, ttl & 0xffff) ||
		    !add_data(packet, set->type, record + 2, size)) {
			packet->size = mark;
			return false;
		}
		record += 2 + size;
	}
	packet->count[section] += (uint16_t)set->count;
	return true;
}

void
packet_add_edns(struct packet *packet, uint16_t udp_size, unsigned rcode,
	bool is_dnssec_wanted, struct span options)
{
	const uint8_t opt[] = { 0, 0, DNS_TYPE_OPT, (uint8_t)(udp_size >> 8),
		(uint8_t)udp_size, (uint8_t)(rcode >> 4), 0,
		is_dnssec_wanted ? 0x80 : 0, 0, (uint8_t)(options.size >> 8),
		(uint8_t)options.size };
	bool fits = add(packet, opt, sizeof(opt)) && (options.size == 0 ||
		add(packet, options.data, options.size));
	assert(fits);
	packet->count[DNS_ADDITIONAL]++;
}

void
packet_end(struct packet *packet, uint16_t id)
{
	const unsigned words[] = { id, packet->flags, packet->count[0],
		packet->count[1], packet->count[2], packet->count[3] };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		packet->bytes[2 * i] = (uint8_t)(words[i] >> 8);
		packet->bytes[2 * i + 1] = (uint8_t)words[i];
	}
}
