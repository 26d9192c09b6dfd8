/* In three steps: the records that are signed, the chain that denies all
 * others, the signatures. See signing.h. */
#include "names/signing.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "names/denial.h"

enum { SERIAL_FROM_END = 20, SIGNED_TYPES = 65536, BITMAP = 8192 + 512 };

/* While one zone is made. */
struct work {
	const struct signing *signing;
	struct arena arena;
	struct zone_text text;		/* all records, in .arena */
	const struct zone *bare;	/* with everything but chain and signatures */
	struct key_signature *wanted[SIGNING_KEYS];
	/* Where the signatures go: behind what is signed, in a record. */
	uint8_t **places[SIGNING_KEYS];
	size_t count[SIGNING_KEYS], room[SIGNING_KEYS];
	uint16_t tag[SIGNING_KEYS];
	int64_t due;
};

static void
add_record(struct work *work, const uint8_t *owner, size_t owner_size,
	uint16_t type, uint32_t ttl, struct span data)
{
	const struct zone_record record = { .owner = owner,
		.owner_size = (uint8_t)owner_size, .type = type, .ttl = ttl,
		.data = (const uint8_t *)data.data,
		.size = (uint16_t)data.size };
	zone_text_add(&work->text, &record);
}

/* ---- what is signed ---- */

uint32_t
signing_soa_number(const struct zone *zone, unsigned place)
{
	const uint8_t *at = zone->soa->data + zone->soa->size - 16 + 4 * place;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
		(uint32_t)at[2] << 8 | at[3];
}

uint32_t
signing_key_ttl(const struct zone *plain)
{
	return plain->soa->ttl < SIGNING_KEY_TTL ? plain->soa->ttl :
		SIGNING_KEY_TTL;
}

uint32_t
signing_longest_ttl(const struct zone *plain)
{
	uint32_t ttl = signing_key_ttl(plain);
	for (size_t i = 0; i < plain->node_count; i++)
		for (unsigned j = 0; j < plain->nodes[i]->set_count; j++)
			if (plain->nodes[i]->sets[j].ttl > ttl)
				ttl = plain->nodes[i]->sets[j].ttl;
	return ttl;
}

/* What we make ourselves, whoever else has put it there. */
static bool
is_made_here(uint16_t type)
{
	return type == DNS_TYPE_RRSIG || type == DNS_TYPE_NSEC ||
		type == DNS_TYPE_NSEC3 || type == DNS_TYPE_NSEC3PARAM;
}

static void
copy_set(struct work *work, const struct zone *zone,
	const struct zone_node *node, const struct zone_set *set)
{
	const uint8_t *record = set->data;
	for (unsigned i = 0; i < set->count; i++) {
		size_t size = (size_t)record[0] << 8 | record[1];
		add_record(work, node->name, node->name_size, set->type,
			set->ttl, span_of(record + 2, size));
		record += 2 + size;
	}
	if (set != zone->soa)
		return;
	/* our copy of it: it has one record */
	struct zone_record *soa = &work->text.records[work->text.count - 1];
	uint8_t *at = (uint8_t *)(uintptr_t)soa->data + soa->size -
		SERIAL_FROM_END;
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(work->signing->serial >> (24 - 8 * i));
}

static void
copy_zone(struct work *work, const struct zone *zone, bool is_plain)
{
	for (size_t i = 0; i < zone->node_count; i++) {
		const struct zone_node *node = zone->nodes[i];
		for (unsigned j = 0; j < node->set_count; j++)
			if (!is_plain || !is_made_here(node->sets[j].type))
				copy_set(work, zone, node, &node->sets[j]);
	}
}

/* CDS and CDNSKEY of the keys that the parent's DS is to name (RFC 7344 4), or
 * those that say that there is to be none. The administrator's own stay. */
static void
add_parents(struct work *work, uint32_t ttl)
{
	static const uint8_t no_ds[] = { 0, 0, 0, 0, 0 };
	static const uint8_t no_key[] = { 0, 0, 3, 0, 0 };
	const struct signing *signing = work->signing;
	const struct dns_name *origin = &signing->plain->origin;
	const struct zone_node *apex = signing->plain->apex;
	if (zone_node_set(apex, DNS_TYPE_CDS) != NULL ||
	    zone_node_set(apex, DNS_TYPE_CDNSKEY) != NULL)
		return;
	if (signing->is_leaving) {
		add_record(work, origin->bytes, origin->size, DNS_TYPE_CDS,
			ttl, span_of(no_ds, sizeof(no_ds)));
		add_record(work, origin->bytes, origin->size,
			DNS_TYPE_CDNSKEY, ttl, span_of(no_key,
			sizeof(no_key)));
		return;
	}
	for (size_t i = 0; i < signing->key_count; i++) {
		uint8_t ds[CANONICAL_DS];
		const uint8_t *data = signing->keys[i].data;
		if (!signing->keys[i].is_for_parent)
			continue;
		canonical_ds(origin, data, CANONICAL_DNSKEY, ds);
		add_record(work, origin->bytes, origin->size, DNS_TYPE_CDS,
			ttl, span_of(ds, sizeof(ds)));
		add_record(work, origin->bytes, origin->size,
			DNS_TYPE_CDNSKEY, ttl,
			span_of(data, CANONICAL_DNSKEY));
	}
}

static void
add_apex(struct work *work)
{
	static const uint8_t parameters[] = { 1, 0, 0, 0, 0 };
	const struct signing *signing = work->signing;
	const struct dns_name *origin = &signing->plain->origin;
	uint32_t ttl = signing_key_ttl(signing->plain);
	for (size_t i = 0; i < signing->key_count; i++)
		add_record(work, origin->bytes, origin->size, DNS_TYPE_DNSKEY,
			ttl, span_of(signing->keys[i].data,
			CANONICAL_DNSKEY));
	/* RFC 5155 4: for other servers of the zone only */
	add_record(work, origin->bytes, origin->size, DNS_TYPE_NSEC3PARAM, 0,
		span_of(parameters, sizeof(parameters)));
	add_parents(work, ttl);
}

/* ---- the chain ---- */

/* At a cut only DS is ours (RFC 4035 2.2). */
static bool
is_signed(const struct zone_node *node, const struct zone_set *set)
{
	return set->type != DNS_TYPE_RRSIG &&
		(!node->is_cut || set->type == DNS_TYPE_DS);
}

/* RFC 4034 4.1.2; sets are in the order of their types. */
static size_t
write_bitmap(const uint8_t *types, uint8_t *out)
{
	size_t size = 0;
	for (unsigned window = 0; window < 256; window++) {
		const uint8_t *bits = types + window * 32;
		uint8_t octets = 32;
		while (octets > 0 && bits[octets - 1] == 0)
			octets--;
		if (octets == 0)
			continue;
		out[size++] = (uint8_t)window;
		out[size++] = octets;
		memcpy(out + size, bits, octets);
		size += octets;
	}
	return size;
}

static void
set_type(uint8_t *types, uint16_t type)
{
	types[type / 8] |= (uint8_t)(0x80 >> type % 8);
}

/* RFC 5155 7.1; of a delegation NS and DS only. */
static size_t
make_bitmap(const struct zone_node *node, uint8_t *out)
{
	uint8_t types[SIGNED_TYPES / 8] = { 0 };
	for (unsigned i = 0; i < node->set_count; i++) {
		uint16_t type = node->sets[i].type;
		if (!node->is_cut || type == DNS_TYPE_NS ||
		    type == DNS_TYPE_DS)
			set_type(types, type);
		if (is_signed(node, &node->sets[i]))
			set_type(types, DNS_TYPE_RRSIG);
	}
	return write_bitmap(types, out);
}

struct link {
	uint8_t hash[DENIAL_HASH];
	const struct zone_node *node;
};

static int
compare_links(const void *a, const void *b)
{
	return memcmp(a, b, DENIAL_HASH);
}

static void
add_link(struct work *work, const struct link *link, const struct link *next)
{
	static const uint8_t head[] = { 1, 0, 0, 0, 0, DENIAL_HASH };
	const struct dns_name *origin = &work->bare->origin;
	uint8_t data[sizeof(head) + DENIAL_HASH + BITMAP];
	uint8_t owner[1 + DENIAL_LABEL + DNS_NAME_LIMIT] = { DENIAL_LABEL };
	memcpy(data, head, sizeof(head));
	memcpy(data + sizeof(head), next->hash, DENIAL_HASH);
	size_t size = sizeof(head) + DENIAL_HASH;
	size += make_bitmap(link->node, data + size);
	denial_hash_to_label(link->hash, (char *)owner + 1);
	memcpy(owner + 1 + DENIAL_LABEL, origin->bytes, origin->size);
	/* RFC 9077 3 */
	add_record(work, owner, 1u + DENIAL_LABEL + origin->size,
		DNS_TYPE_NSEC3, work->bare->negative_ttl,
		span_of(data, size));
}

static void
add_chain(struct work *work)
{
	static const struct denial_parameters parameters;
	const struct zone *bare = work->bare;
	struct link *links = memory_new_array(bare->node_count,
		sizeof(*links));
	size_t count = 0;
	for (size_t i = 0; i < bare->node_count; i++) {
		const struct zone_node *node = bare->nodes[i];
		if (node->is_occluded)
			continue;
		links[count].node = node;
		denial_hash(&parameters, node->name, node->name_size,
			links[count++].hash);
	}
	qsort(links, count, sizeof(*links), compare_links);
	for (size_t i = 0; i < count; i++)
		add_link(work, &links[i], &links[(i + 1) % count]);
	memory_free(links);
}

/* ---- signatures ---- */

static uint32_t
read_long(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
		(uint32_t)at[2] << 8 | at[3];
}

static void
note_expiration(struct work *work, int64_t expiration)
{
	if (expiration - SIGNING_REFRESH < work->due)
		work->due = expiration - SIGNING_REFRESH;
}

/* The signature of this key that the same set had before, if it is good for
 * long enough; NULL: none. */
static const uint8_t *
find_before(const struct work *work, const struct zone_node *node,
	const struct zone_set *set, uint16_t tag)
{
	const struct zone *before = work->signing->before;
	const struct zone_node *old = before == NULL ? NULL :
		zone_find(before, node->name, node->name_size, node->hash);
	const struct zone_set *same = old == NULL ? NULL :
		zone_node_set(old, set->type);
	if (same == NULL || same->signatures == NULL ||
	    same->ttl != set->ttl || same->size != set->size ||
	    memcmp(same->data, set->data, set->size) != 0)
		return NULL;
	const uint8_t *record = same->signatures->data;
	for (unsigned i = 0; i < same->signatures->count; i++) {
		size_t size = (size_t)record[0] << 8 | record[1];
		const uint8_t *data = record + 2;
		/* they are our own: those of before were made here */
		int64_t left = (int64_t)(int32_t)(read_long(data + 8) -
			(uint32_t)work->signing->now);
		if ((data[16] << 8 | data[17]) == tag &&
		    left > SIGNING_REFRESH + SIGNING_AHEAD &&
		    left <= SIGNING_VALIDITY)
			return record;
		record += 2 + size;
	}
	return NULL;
}

static void
want(struct work *work, size_t key, const uint8_t *digest, uint8_t *place)
{
	if (work->count[key] == work->room[key]) {
		size_t room = work->room[key] == 0 ? 256 :
			work->room[key] * 2;
		work->wanted[key] = memory_resize(work->wanted[key],
			room * sizeof(*work->wanted[key]));
		work->places[key] = memory_resize(work->places[key],
			room * sizeof(*work->places[key]));
		work->room[key] = room;
	}
	memcpy(work->wanted[key][work->count[key]].digest, digest,
		CANONICAL_DIGEST);
	work->places[key][work->count[key]++] = place;
}

static void
sign_set(struct work *work, const struct zone_node *node,
	const struct zone_set *set, size_t key)
{
	const struct signing *signing = work->signing;
	uint8_t data[CANONICAL_RRSIG], digest[CANONICAL_DIGEST];
	const uint8_t *before = find_before(work, node, set, work->tag[key]);
	if (before != NULL) {
		size_t size = (size_t)before[0] << 8 | before[1];
		add_record(work, node->name, node->name_size, DNS_TYPE_RRSIG,
			set->ttl, span_of(before + 2, size));
		note_expiration(work, signing->now + (int32_t)(read_long(
			before + 10) - (uint32_t)signing->now));
		return;
	}
	int64_t expiration = signing->now + SIGNING_VALIDITY -
		(int64_t)(random_u64() % SIGNING_JITTER);
	const struct canonical_rrsig rrsig = {
		.signer = &signing->plain->origin, .tag = work->tag[key],
		.inception = (uint32_t)(signing->now - SIGNING_PAST),
		.expiration = (uint32_t)expiration };
	size_t size = canonical_rrsig(&rrsig, node->name, set, data);
	canonical_digest(data, size, node->name, set, digest);
	memset(data + size, 0, CANONICAL_SIGNATURE);
	add_record(work, node->name, node->name_size, DNS_TYPE_RRSIG, set->ttl,
		span_of(data, size + CANONICAL_SIGNATURE));
	want(work, key, digest, (uint8_t *)(uintptr_t)
		work->text.records[work->text.count - 1].data + size);
	note_expiration(work, expiration);
}

static void
sign_zone(struct work *work, const struct zone *zone)
{
	const struct signing *signing = work->signing;
	for (size_t i = 0; i < zone->node_count; i++) {
		const struct zone_node *node = zone->nodes[i];
		for (unsigned j = 0; j < node->set_count; j++) {
			const struct zone_set *set = &node->sets[j];
			if (node->is_occluded || !is_signed(node, set))
				continue;
			for (size_t k = 0; k < signing->key_count; k++)
				if (signing->keys[k].signs_zone ||
				    set->type == DNS_TYPE_DNSKEY)
					sign_set(work, node, set, k);
		}
	}
}

static int
fill_signatures(struct work *work, struct error *error)
{
	const struct signing *signing = work->signing;
	for (size_t k = 0; k < signing->key_count; k++) {
		if (work->count[k] > 0 && signing->sign(signing->context,
		    signing->keys[k].name, work->wanted[k], work->count[k],
		    error) < 0)
			return -1;
		for (size_t i = 0; i < work->count[k]; i++)
			memcpy(work->places[k][i],
				work->wanted[k][i].signature,
				CANONICAL_SIGNATURE);
	}
	return 0;
}

/* ---- the whole ---- */

/* Another text with all records of a zone that was made on the way. */
static void
begin_text(struct work *work, const struct signing *signing)
{
	arena_init(&work->arena, 0);
	work->text = (struct zone_text){ .arena = &work->arena,
		.origin = signing->plain->origin, .file = "a signed zone" };
}

/* The zone with its chain; what the text held is in it. */
static int
make_unsigned(struct work *work, struct zone **zone, struct error *error)
{
	struct zone *bare;
	copy_zone(work, work->signing->plain, true);
	add_apex(work);
	if (zone_new(&work->text, &bare, error) < 0)
		return -1;
	work->bare = bare;
	begin_text(work, work->signing);
	copy_zone(work, bare, false);
	add_chain(work);
	work->bare = NULL;
	zone_free(&bare);
	return zone_new(&work->text, zone, error);
}

static int
make(struct work *work, struct zone **zone, struct error *error)
{
	struct zone *chained = NULL;
	if (make_unsigned(work, &chained, error) < 0)
		return -1;
	begin_text(work, work->signing);
	copy_zone(work, chained, false);
	sign_zone(work, chained);
	zone_free(&chained);
	if (fill_signatures(work, error) < 0 ||
	    zone_new(&work->text, zone, error) < 0)
		return -1;
	(*zone)->is_signed_here = true;
	return 0;
}

int
signing_make(const struct signing *signing, struct zone **zone, int64_t *due,
	struct error *error)
{
	struct work work = { .signing = signing, .due = INT64_MAX };
	/* the hash before the origin must be a name */
	if (signing->plain->origin.size + 1 + DENIAL_LABEL > DNS_NAME_LIMIT)
		return error_set(error, ERROR_USAGE,
			"the name of the zone is too long to be signed");
	for (size_t i = 0; i < signing->key_count; i++)
		work.tag[i] = canonical_tag(signing->keys[i].data,
			CANONICAL_DNSKEY);
	begin_text(&work, signing);
	int result = make(&work, zone, error);
	arena_fini(&work.arena);
	for (size_t i = 0; i < SIGNING_KEYS; i++) {
		memory_free(work.wanted[i]);
		memory_free(work.places[i]);
	}
	*due = work.due;
	return result;
}

int
signing_copy(const struct zone *plain, uint32_t serial, struct zone **zone,
	struct error *error)
{
	const struct signing signing = { .plain = plain, .serial = serial };
	struct work work = { .signing = &signing };
	begin_text(&work, &signing);
	copy_zone(&work, plain, false);
	int result = zone_new(&work.text, zone, error);
	arena_fini(&work.arena);
	return result;
}

/* ---- comparison ---- */

static bool
is_same_set(const struct zone *zone, const struct zone_set *a,
	const struct zone_set *b)
{
	if (a->type != b->type || a->ttl != b->ttl || a->size != b->size)
		return false;
	size_t size = a->size;
	if (a == zone->soa)
		return memcmp(a->data, b->data, size - SERIAL_FROM_END) == 0 &&
			memcmp(a->data + size - 16, b->data + size - 16,
			16) == 0;
	return memcmp(a->data, b->data, size) == 0;
}

bool
signing_is_same(const struct zone *a, const struct zone *b)
{
	if (a->node_count != b->node_count)
		return false;
	for (size_t i = 0; i < a->node_count; i++) {
		const struct zone_node *x = a->nodes[i], *y = b->nodes[i];
		if (x->set_count != y->set_count || !span_equals(
			span_of(x->name, x->name_size),
			span_of(y->name, y->name_size)))
			return false;
		for (unsigned j = 0; j < x->set_count; j++)
			if (!is_same_set(a, &x->sets[j], &y->sets[j]))
				return false;
	}
	return true;
}
