/*
 * The walk of RFC 1034 4.3.2: from the zone's origin down, label by label,
 * until the name is there, is somebody else's, is replaced, or is not.
 */
#include "names/answer.h"

#include <string.h>

#include "names/denial.h"

enum { RCODE_NAME_TOO_LONG = 6,
	WALK_PROOFS = (ANSWER_ALIASES + 1) * 2 };

/* What is known while an answer is written. */
struct walk {
	const struct zones *zones;
	struct packet *packet;
	struct answer *answer;
	uint16_t type;
	unsigned aliases;
	struct dns_name *seen;		/* the names that were aliases */
	struct zone_labels labels;	/* of answer->name */
	/* What comes behind the answers: proofs, then addresses. */
	const struct zone *proof_zone[WALK_PROOFS];
	const struct zone_node *proof[WALK_PROOFS];
	unsigned proof_count;
	const struct zone_node *cut;	/* of a referral */
	const struct zone_set *relating;
};

/* Where the name is in its zone. */
struct place {
	const struct zone *zone;
	const struct zone_node *node;	/* the last one that is there */
	enum { EXACT, MISSING, BELOW_CUT, BELOW_DNAME } how;
};

static struct dns_name
name_of(const struct zone_node *node)
{
	struct dns_name name = { .size = node->name_size };
	memcpy(name.bytes, node->name, node->name_size);
	return name;
}

static struct place
find(const struct walk *walk, const struct zone *zone, unsigned level)
{
	const struct dns_name *name = &walk->answer->name;
	struct place place = { .zone = zone, .node = zone->apex };
	bool is_asked_above = walk->type == DNS_TYPE_DS;
	for (;;) {
		/* at the cut itself the parent answers for DS */
		if (place.node->is_cut && !(level == 0 && is_asked_above)) {
			place.how = BELOW_CUT;
			return place;
		}
		if (level == 0) {
			place.how = EXACT;
			return place;
		}
		if (zone_node_set(place.node, DNS_TYPE_DNAME) != NULL) {
			place.how = BELOW_DNAME;
			return place;
		}
		size_t at = walk->labels.at[--level];
		const struct zone_node *child = zone_find(zone,
			name->bytes + at, name->size - at,
			walk->labels.hash[level]);
		if (child == NULL || child->is_denial) {
			place.how = MISSING;
			return place;
		}
		place.node = child;
	}
}

/* ---- sections ---- */

/* With its signatures, for who wants them (RFC 4035 3.1.1). */
static bool
add_for(struct walk *walk, enum dns_section section,
	const struct dns_name *owner, const struct zone_set *set, uint32_t ttl)
{
	struct packet *packet = walk->packet;
	if (packet_add_set(packet, section, owner, set, ttl) &&
	    (!packet->is_dnssec_wanted || set->signatures == NULL ||
	    packet_add_set(packet, section, owner, set->signatures, ttl)))
		return true;
	packet->flags |= DNS_FLAG_TRUNCATED;
	return false;
}

static bool
add(struct walk *walk, enum dns_section section, const struct dns_name *owner,
	const struct zone_set *set)
{
	return add_for(walk, section, owner, set, set->ttl);
}

static void
add_proof(struct walk *walk, const struct zone *zone,
	const struct denial_proof *proof)
{
	for (unsigned i = 0; i < proof->count; i++) {
		unsigned same = 0;
		while (same < walk->proof_count &&
		    walk->proof[same] != proof->node[i])
			same++;
		if (same < walk->proof_count || same == WALK_PROOFS)
			continue;
		walk->proof_zone[same] = zone;
		walk->proof[walk->proof_count++] = proof->node[i];
	}
}

static void
write_proofs(struct walk *walk)
{
	for (unsigned i = 0; i < walk->proof_count; i++) {
		struct dns_name owner = name_of(walk->proof[i]);
		if (!add(walk, DNS_AUTHORITY, &owner,
			denial_set(walk->proof_zone[i], walk->proof[i])))
			return;
	}
}

static bool
is_below(const struct zone_node *node, const struct zone_node *cut)
{
	for (; node != NULL; node = node->parent)
		if (node == cut)
			return true;
	return false;
}

/* Addresses of the hosts that the set names, as far as there is room. Those
 * below the cut of a referral are needed to get any further (RFC 9471). */
static void
write_related(struct walk *walk)
{
	const struct zone_node *cut = walk->cut;
	const struct zone_set *set = walk->relating;
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	for (unsigned i = 0; set != NULL && i < set->related_count * 2; i++) {
		const struct zone_node *host = set->related[i / 2];
		const struct zone_set *addresses = zone_node_set(host,
			types[i % 2]);
		struct dns_name name = name_of(host);
		if (addresses == NULL)
			continue;
		if (packet_add_set(walk->packet, DNS_ADDITIONAL, &name,
		    addresses, addresses->ttl)) {
			/* RFC 4035 3.1.1: those need not come along */
			if (walk->packet->is_dnssec_wanted &&
			    addresses->signatures != NULL)
				packet_add_set(walk->packet, DNS_ADDITIONAL,
					&name, addresses->signatures,
					addresses->ttl);
			continue;
		}
		if (cut != NULL && is_below(host, cut))
			walk->packet->flags |= DNS_FLAG_TRUNCATED;
		return;
	}
}

static void
prove_no_data(struct walk *walk, const struct zone *zone,
	const struct zone_node *node)
{
	struct denial_proof proof;
	if (!walk->packet->is_dnssec_wanted)
		return;
	denial_no_data(zone, node, &proof);
	add_proof(walk, zone, &proof);
}

/* The wildcard of the encloser answers, or has no such type. */
static void
prove_wildcard(struct walk *walk, const struct zone *zone,
	const struct zone_node *encloser, bool is_without_type)
{
	struct denial_proof proof;
	if (!walk->packet->is_dnssec_wanted)
		return;
	denial_wildcard(zone, &walk->answer->name, encloser, is_without_type,
		&proof);
	add_proof(walk, zone, &proof);
}

static void
prove_no_name(struct walk *walk, const struct zone *zone,
	const struct zone_node *encloser)
{
	struct denial_proof proof;
	if (!walk->packet->is_dnssec_wanted)
		return;
	denial_no_name(zone, &walk->answer->name, encloser, &proof);
	add_proof(walk, zone, &proof);
}

static void
deny(struct walk *walk, const struct zone *zone, enum answer_kind kind)
{
	walk->answer->kind = kind;
	walk->answer->rcode = kind == ANSWER_NO_SUCH_NAME ?
		DNS_NO_SUCH_NAME : DNS_NO_ERROR;
	add_for(walk, DNS_AUTHORITY, &zone->origin, zone->soa,
		zone->negative_ttl);
}

static void
refer(struct walk *walk, const struct zone *zone, const struct zone_node *cut)
{
	const struct zone_set *ds = zone_node_set(cut, DNS_TYPE_DS);
	const struct zone_set *servers = zone_node_set(cut, DNS_TYPE_NS);
	struct dns_name name = name_of(cut);
	walk->answer->kind = ANSWER_REFERRAL;
	/* RFC 6604 2: the flag is about the first name */
	if (walk->aliases == 0)
		walk->packet->flags &= (uint16_t)~DNS_FLAG_AUTHORITATIVE;
	walk->cut = cut;
	if (!add(walk, DNS_AUTHORITY, &name, servers))
		return;
	walk->relating = servers;
	if (!walk->packet->is_dnssec_wanted)
		return;
	/* RFC 4035 3.1.4: signed below, or proven not to be */
	if (ds != NULL)
		add(walk, DNS_AUTHORITY, &name, ds);
	else
		prove_no_data(walk, zone, cut);
}

/* ---- aliases ---- */

/* True: the walk goes on with the name that is the data of the only record. A
 * circle ends where it closes, each record in it once (RFC 2181 5). */
static bool
follow(struct walk *walk, const uint8_t *name, size_t size)
{
	struct dns_name *current = &walk->answer->name;
	walk->answer->kind = ANSWER_ALIAS;
	walk->seen[walk->aliases++] = *current;
	current->size = (uint8_t)size;
	memcpy(current->bytes, name, size);
	bool goes_on = walk->aliases < ANSWER_ALIASES;
	for (unsigned i = 0; i < walk->aliases && goes_on; i++)
		goes_on = !dns_name_equals(&walk->seen[i], current);
	if (!goes_on)
		walk->answer->kind = ANSWER_WHOLE;
	return goes_on;
}

static size_t
data_size(const struct zone_set *set)
{
	return (size_t)set->data[0] << 8 | set->data[1];
}

static bool
follow_cname(struct walk *walk, const struct zone_set *cname)
{
	if (!add(walk, DNS_ANSWER, &walk->answer->name, cname))
		return false;
	return follow(walk, cname->data + 2, data_size(cname));
}

/* RFC 6672 3: the end of the name is replaced, and a CNAME says so. */
static bool
follow_dname(struct walk *walk, const struct zone_node *node)
{
	const struct zone_set *dname = zone_node_set(node, DNS_TYPE_DNAME);
	struct dns_name owner = name_of(node);
	const struct dns_name *name = &walk->answer->name;
	size_t kept = name->size - owner.size, size = kept + data_size(dname);
	if (!add(walk, DNS_ANSWER, &owner, dname))
		return false;
	if (size > DNS_NAME_LIMIT) {
		walk->answer->kind = ANSWER_WHOLE;
		walk->answer->rcode = RCODE_NAME_TOO_LONG;
		return false;
	}
	uint8_t data[2 + DNS_NAME_LIMIT] = { 0, (uint8_t)size };
	memcpy(data + 2, name->bytes, kept);
	memcpy(data + 2 + kept, dname->data + 2, data_size(dname));
	const struct zone_set cname = { .type = DNS_TYPE_CNAME, .count = 1,
		.ttl = dname->ttl, .data = data, .size = (uint32_t)size + 2 };
	/* who asks for the alias has it (RFC 1034 4.3.2 3a) */
	if (walk->type == DNS_TYPE_CNAME) {
		add(walk, DNS_ANSWER, &walk->answer->name, &cname);
		return false;
	}
	return follow_cname(walk, &cname);
}

/* ---- the walk ---- */

/* RFC 8482 4.1: to ANY one set is answer enough. */
static const struct zone_set *
choose(const struct walk *walk, const struct zone_node *node)
{
	const struct zone_set *set = zone_node_set(node, walk->type);
	if (walk->type == DNS_TYPE_ANY && node->set_count > 0)
		set = &node->sets[0];
	return set;
}

/* What the node says to the name, which is another's with an encloser, whose
 * wildcard it is; true: the walk goes on. */
static bool
answer_from(struct walk *walk, const struct zone *zone,
	const struct zone_node *node, const struct zone_node *encloser)
{
	const struct zone_set *set = choose(walk, node);
	const struct zone_set *cname = zone_node_set(node, DNS_TYPE_CNAME);
	if (encloser != NULL)
		prove_wildcard(walk, zone, encloser, set == NULL &&
			cname == NULL);
	if (cname != NULL && set == NULL)
		return follow_cname(walk, cname);
	if (set == NULL) {
		if (encloser == NULL)
			prove_no_data(walk, zone, node);
		deny(walk, zone, ANSWER_WHOLE);
		return false;
	}
	walk->answer->kind = ANSWER_WHOLE;
	if (add(walk, DNS_ANSWER, &walk->answer->name, set))
		walk->relating = set;
	return false;
}

/* One name; true: an alias leads to another. */
static bool
step(struct walk *walk)
{
	unsigned level;
	struct answer *answer = walk->answer;
	zone_labels_find(&answer->name, &walk->labels);
	const struct zone *zone = zones_find(walk->zones, &answer->name,
		&walk->labels, walk->type == DNS_TYPE_DS, &level);
	if (zone == NULL)
		return false;
	answer->zone = zone;
	if (!zone->is_usable) {
		answer->kind = ANSWER_FAILURE;
		answer->rcode = DNS_SERVER_FAILURE;
		return false;
	}
	answer->kind = ANSWER_WHOLE;
	if (walk->aliases == 0)
		walk->packet->flags |= DNS_FLAG_AUTHORITATIVE;
	const struct place place = find(walk, zone, level);
	switch (place.how) {
	case BELOW_CUT:
		refer(walk, zone, place.node);
		return false;
	case BELOW_DNAME:
		return follow_dname(walk, place.node);
	case EXACT:
		return answer_from(walk, zone, place.node, NULL);
	case MISSING:
		break;
	}
	/* RFC 4592 3.3.1: the source of synthesis */
	if (place.node->wildcard != NULL)
		return answer_from(walk, zone, place.node->wildcard,
			place.node);
	prove_no_name(walk, zone, place.node);
	deny(walk, zone, ANSWER_NO_SUCH_NAME);
	return false;
}

void
answer_write(const struct zones *zones, const struct dns_question *asked,
	struct packet *packet, struct answer *answer)
{
	struct dns_name seen[ANSWER_ALIASES];
	struct walk walk = { .zones = zones, .packet = packet,
		.answer = answer, .type = asked->type, .seen = seen };
	answer->kind = ANSWER_NOT_OURS;
	answer->rcode = DNS_NO_ERROR;
	answer->name = asked->name;
	answer->zone = NULL;
	while (step(&walk))
		;
	if (walk.proof_count > 0)
		write_proofs(&walk);
	write_related(&walk);
}
