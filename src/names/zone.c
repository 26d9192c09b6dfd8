/*
 * Making a zone. Records are sorted by type within each name, names are put
 * into a table, and what a zone must be (RFC 1034 4.2.1, RFC 2181 6.1 and 10.1,
 * RFC 6672 2.3) is looked at. Any thread; no I/O.
 */
#include "names/zone.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "names/denial.h"
#include "names/history.h"

enum { TYPE_SRV = 33, FIRST_BUCKETS = 16, RRSIG_LEAST = 18 + 1 };

static uint8_t
lower(uint8_t byte)
{
	return (uint8_t)span_lower_byte((char)byte);
}

/* ---- names ---- */

static uint64_t
hash_label(uint64_t hash, const uint8_t *label)
{
	/* only the administrator's names stand in the tables: no secret */
	for (unsigned i = 0; i <= label[0]; i++)
		hash = (hash ^ lower(label[i])) * 0x100000001b3;
	return hash ^ hash >> 29;
}

void
zone_labels_find(const struct dns_name *name, struct zone_labels *labels)
{
	labels->count = 0;
	for (size_t at = 0; name->bytes[at] != 0; at += 1u + name->bytes[at])
		labels->at[labels->count++] = (uint8_t)at;
	labels->hash[labels->count] = 0xcbf29ce484222325;
	for (unsigned i = labels->count; i-- > 0;)
		labels->hash[i] = hash_label(labels->hash[i + 1],
			name->bytes + labels->at[i]);
}

int
zone_compare_names(const uint8_t *a, const uint8_t *b)
{
	uint8_t at[2][ZONE_LABELS];
	unsigned count[2] = { 0, 0 };
	for (size_t i = 0; a[i] != 0; i += 1u + a[i])
		at[0][count[0]++] = (uint8_t)i;
	for (size_t i = 0; b[i] != 0; i += 1u + b[i])
		at[1][count[1]++] = (uint8_t)i;
	while (count[0] > 0 && count[1] > 0) {
		const uint8_t *x = a + at[0][--count[0]];
		const uint8_t *y = b + at[1][--count[1]];
		unsigned least = x[0] < y[0] ? x[0] : y[0];
		for (unsigned i = 1; i <= least; i++)
			if (lower(x[i]) != lower(y[i]))
				return lower(x[i]) < lower(y[i]) ? -1 : 1;
		if (x[0] != y[0])
			return x[0] < y[0] ? -1 : 1;
	}
	return count[0] < count[1] ? -1 : count[0] > count[1];
}

const struct zone_node *
zone_find(const struct zone *zone, const uint8_t *name, size_t size,
	uint64_t hash)
{
	struct zone_node *node = zone->buckets[hash & zone->bucket_mask];
	for (; node != NULL; node = node->next)
		if (node->hash == hash && span_equals_nocase(
			span_of(node->name, node->name_size),
			span_of(name, size)))
			return node;
	return NULL;
}

const struct zone_set *
zone_node_set(const struct zone_node *node, uint16_t type)
{
	for (unsigned i = 0; i < node->set_count; i++)
		if (node->sets[i].type == type)
			return &node->sets[i];
	return NULL;
}

uint32_t
zone_record_ttl(const struct zone_node *node, const struct zone_set *set,
	const uint8_t *record)
{
	bool has_type = set->type == DNS_TYPE_RRSIG &&
		(record[0] != 0 || record[1] >= 2);
	const struct zone_set *covered = !has_type ? NULL :
		zone_node_set(node, (uint16_t)(record[2] << 8 | record[3]));
	return covered == NULL ? set->ttl : covered->ttl;
}

/* ---- nodes ---- */

/* Twice as many buckets as nodes at most. */
static void
make_room(struct zone *zone)
{
	if (zone->buckets != NULL && zone->node_count <= zone->bucket_mask)
		return;
	size_t count = zone->buckets == NULL ? FIRST_BUCKETS :
		(zone->bucket_mask + 1) * 4;
	struct zone_node **buckets = arena_new_array(&zone->arena, count,
		sizeof(*buckets));
	for (size_t i = 0; zone->buckets != NULL && i <= zone->bucket_mask;
	    i++)
		while (zone->buckets[i] != NULL) {
			struct zone_node *node = zone->buckets[i];
			zone->buckets[i] = node->next;
			node->next = buckets[node->hash & (count - 1)];
			buckets[node->hash & (count - 1)] = node;
		}
	zone->buckets = buckets;
	zone->bucket_mask = count - 1;
}

static struct zone_node *
add_node(struct zone *zone, const uint8_t *name, size_t size, uint64_t hash)
{
	make_room(zone);
	struct zone_node *node = arena_new(&zone->arena, sizeof(*node));
	struct zone_node **bucket = &zone->buckets[hash & zone->bucket_mask];
	*node = (struct zone_node){ .name = name, .name_size = (uint8_t)size,
		.hash = hash, .next = *bucket };
	*bucket = node;
	if (zone->last_made == NULL)
		zone->first_made = node;
	else
		zone->last_made->after = node;
	zone->last_made = node;
	zone->node_count++;
	return node;
}

/* The node of the name, which is in the zone; those between it and the apex
 * are made too (empty non-terminals, RFC 4592 2.2.2). */
static struct zone_node *
node_of(struct zone *zone, const uint8_t *bytes, size_t size)
{
	struct dns_name name = { .size = (uint8_t)size };
	struct zone_labels labels;
	struct zone_node *parent = NULL;
	memcpy(name.bytes, bytes, size);
	zone_labels_find(&name, &labels);
	for (unsigned i = labels.count - zone->labels + 1; i-- > 0;) {
		size_t at = i == labels.count ? size - 1 : labels.at[i];
		struct zone_node *node = (struct zone_node *)(uintptr_t)
			zone_find(zone, bytes + at, size - at, labels.hash[i]);
		if (node == NULL) {
			node = add_node(zone, bytes + at, size - at,
				labels.hash[i]);
			node->parent = parent;
			if (parent != NULL && bytes[at] == 1 &&
			    bytes[at + 1] == '*')
				parent->wildcard = node;
		}
		parent = node;
	}
	return parent;
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct zone_node *const *x = a, *const *y = b;
	return zone_compare_names((*x)->name, (*y)->name);
}

/* Parents stand before their children. Of records in canonical order nodes are
 * made in that order. */
static void
sort_nodes(struct zone *zone)
{
	size_t count = 0;
	bool is_sorted = true;
	zone->nodes = arena_new_array(&zone->arena, zone->node_count,
		sizeof(*zone->nodes));
	for (struct zone_node *node = zone->first_made; node != NULL;
	    node = node->after) {
		is_sorted &= count == 0 || zone_compare_names(
			zone->nodes[count - 1]->name, node->name) < 0;
		zone->nodes[count++] = node;
	}
	if (!is_sorted)
		qsort(zone->nodes, count, sizeof(*zone->nodes),
			compare_nodes);
}

/* ---- sets ---- */

static int
compare_records(const void *a, const void *b)
{
	const struct zone_record *x = a, *y = b;
	int order = zone_compare_names(x->owner, y->owner);
	if (order == 0)
		order = (x->type > y->type) - (x->type < y->type);
	if (order == 0)
		order = span_compare(span_of(x->data, x->size),
			span_of(y->data, y->size));
	if (order == 0)
		order = (x->line > y->line) - (x->line < y->line);
	return order;
}

/* Most come in order, as of another version of the zone: what follows those is
 * sorted, and put among them. */
static void
sort_records(struct zone_record *records, size_t count)
{
	size_t sorted = 1;
	while (sorted < count &&
	    compare_records(&records[sorted - 1], &records[sorted]) <= 0)
		sorted++;
	size_t left = count - sorted;
	if (sorted >= count)
		return;
	if (left > sorted) {
		qsort(records, count, sizeof(*records), compare_records);
		return;
	}
	qsort(records + sorted, left, sizeof(*records), compare_records);
	struct zone_record *tail = memory_new_array(left, sizeof(*tail));
	memcpy(tail, records + sorted, left * sizeof(*tail));
	while (left > 0) {
		bool is_tail = sorted == 0 || compare_records(
			&records[sorted - 1], &tail[left - 1]) <= 0;
		records[sorted + left - 1] = is_tail ? tail[left - 1] :
			records[sorted - 1];
		left -= is_tail;
		sorted -= !is_tail;
	}
	memory_free(tail);
}

static bool
is_same_set(const struct zone_record *a, const struct zone_record *b)
{
	return a->type == b->type &&
		zone_compare_names(a->owner, b->owner) == 0;
}

/* Of `count` records; the same one twice is there once. */
static void
fill_set(struct zone *zone, const struct zone_record *records, size_t count,
	struct zone_set *set)
{
	size_t size = 0;
	*set = (struct zone_set){ .type = records->type,
		.ttl = records->ttl, .line = records->line };
	for (size_t i = 0; i < count; i++)
		size += 2u + records[i].size;
	uint8_t *data = arena_new(&zone->arena, size);
	set->data = data;
	for (size_t i = 0; i < count; i++) {
		const struct zone_record *record = &records[i];
		if (record->line < set->line)
			set->line = record->line;
		/* RFC 2181 5.2: they have one time to live */
		if (record->ttl < set->ttl)
			set->ttl = record->ttl;
		if (i > 0 && span_equals(span_of(record->data, record->size),
			span_of(record[-1].data, record[-1].size)))
			continue;
		*data++ = (uint8_t)(record->size >> 8);
		*data++ = (uint8_t)record->size;
		memcpy(data, record->data, record->size);
		data += record->size;
		set->count++;
	}
	set->size = (uint32_t)(data - set->data);
}

/* The sets of one name, from sorted records. */
static size_t
fill_node(struct zone *zone, const struct zone_record *records, size_t left)
{
	size_t count = 0, sets = 0;
	while (count < left && zone_compare_names(records->owner,
		records[count].owner) == 0) {
		sets += count == 0 ||
			records[count].type != records[count - 1].type;
		count++;
	}
	struct zone_node *node = node_of(zone, records->owner,
		records->owner_size);
	struct zone_set *made = arena_new_array(&zone->arena, sets,
		sizeof(*made));
	node->sets = made;
	for (size_t i = 0; i < count;) {
		size_t same = 1;
		while (i + same < count &&
		    is_same_set(&records[i], &records[i + same]))
			same++;
		fill_set(zone, &records[i], same, &made[node->set_count++]);
		i += same;
	}
	return count;
}

/* ---- what a zone must be ---- */

static int
refuse(const struct zone_text *text, const struct zone_node *node,
	uint32_t line, const char *found, struct error *error,
	const char *expected)
{
	struct dns_name name = { .size = node->name_size };
	char shown[DNS_TEXT_SIZE];
	memcpy(name.bytes, node->name, node->name_size);
	dns_name_to_text(&name, shown);
	return error_set(error, ERROR_USAGE, "%s:%u: found %s at %.200s, "
		"expected %s", text->file, line, found, shown, expected);
}

/* Types that may stand beside a CNAME: those of DNSSEC. */
static bool
is_beside_cname(uint16_t type)
{
	return type == DNS_TYPE_CNAME || type == DNS_TYPE_RRSIG ||
		type == DNS_TYPE_NSEC || type == 25 /* KEY */;
}

static int
check_node(const struct zone_text *text, const struct zone_node *node,
	struct error *error)
{
	const struct zone_set *cname = zone_node_set(node, DNS_TYPE_CNAME);
	const struct zone_set *dname = zone_node_set(node, DNS_TYPE_DNAME);
	const struct zone_set *soa = zone_node_set(node, DNS_TYPE_SOA);
	for (unsigned i = 0; cname != NULL && i < node->set_count; i++)
		if (!is_beside_cname(node->sets[i].type))
			return refuse(text, node, cname->line, "a CNAME",
				error, "nothing else at the name of a CNAME");
	if (cname != NULL && cname->count > 1)
		return refuse(text, node, cname->line, "several CNAMEs",
			error, "one");
	if (dname != NULL && dname->count > 1)
		return refuse(text, node, dname->line, "several DNAMEs",
			error, "one");
	if (soa != NULL && node->parent != NULL)
		return refuse(text, node, soa->line, "a SOA", error,
			"one at the name of the zone only");
	if (soa != NULL && soa->count > 1)
		return refuse(text, node, soa->line, "several SOAs", error,
			"one");
	return 0;
}

/* The data of a set that has names must have them whole. */
static bool
is_name(const uint8_t *data, size_t size, size_t skip)
{
	size_t at = skip;
	if (size <= skip || size - skip > DNS_NAME_LIMIT)
		return false;
	while (at < size && data[at] != 0) {
		if (data[at] > DNS_LABEL_LIMIT)
			return false;
		at += 1u + data[at];
	}
	return at + 1 == size;
}

/* Octets before the name that is the rest of the data; -1: another kind. */
static int
skip_of(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_DNAME:
	case DNS_TYPE_PTR:
		return 0;
	case DNS_TYPE_MX:
		return 2;
	case TYPE_SRV:
		return 6;
	default:
		return -1;
	}
}

static size_t
data_size(const uint8_t *record)
{
	return (size_t)record[0] << 8 | record[1];
}

/* What answering relies on; ldns holds to it, other sources need not. */
static bool
is_sound(const struct zone_set *set)
{
	const uint8_t *record = set->data;
	int skip = skip_of(set->type);
	for (unsigned i = 0; i < set->count; i++) {
		size_t size = data_size(record);
		const uint8_t *data = record + 2;
		if (skip >= 0 && !is_name(data, size, (size_t)skip))
			return false;
		if (set->type == DNS_TYPE_SOA) {
			size_t end = 0;
			for (unsigned names = 0; names < 2; names++) {
				while (end < size && data[end] != 0)
					end += 1u + data[end];
				end++;
			}
			if (size < 22 || end != size - 20)
				return false;
		}
		record += 2 + size;
	}
	return true;
}

static uint32_t
read_long(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
		(uint32_t)at[2] << 8 | at[3];
}

static int
check_apex(struct zone *zone, const struct zone_text *text,
	struct error *error)
{
	char name[DNS_TEXT_SIZE];
	dns_name_to_text(&zone->origin, name);
	const struct zone_set *soa = zone_node_set(zone->apex, DNS_TYPE_SOA);
	if (soa == NULL)
		return error_set(error, ERROR_USAGE, "%s:1: found no SOA, "
			"expected one at %.200s, the name of the zone",
			text->file, name);
	if (zone_node_set(zone->apex, DNS_TYPE_NS) == NULL)
		return error_set(error, ERROR_USAGE, "%s:%u: found no NS at "
			"%.200s, expected the name servers of the zone",
			text->file, soa->line, name);
	const uint8_t *end = soa->data + soa->size;
	uint32_t minimum = read_long(end - 4);
	zone->soa = soa;
	zone->serial = read_long(end - 20);
	/* RFC 2308 3 */
	zone->negative_ttl = minimum < soa->ttl ? minimum : soa->ttl;
	return 0;
}

/* ---- what belongs together ---- */

static void
mark(struct zone_node *node)
{
	const struct zone_node *parent = node->parent;
	if (parent == NULL)
		return;
	node->is_occluded = parent->is_cut || parent->is_occluded ||
		zone_node_set(parent, DNS_TYPE_DNAME) != NULL;
	node->is_cut = !node->is_occluded &&
		zone_node_set(node, DNS_TYPE_NS) != NULL;
}

static bool
has_address(const struct zone_node *node)
{
	return zone_node_set(node, DNS_TYPE_A) != NULL ||
		zone_node_set(node, DNS_TYPE_AAAA) != NULL;
}

/* Hosts of a referral may be glue; others are told only what is ours. */
static void
relate(struct zone *zone, const struct zone_node *node, struct zone_set *set)
{
	const struct zone_node *found[ZONE_RELATED];
	const uint8_t *record = set->data;
	size_t skip = (size_t)skip_of(set->type);
	unsigned count = 0;
	for (unsigned i = 0; i < set->count && count < ZONE_RELATED; i++) {
		struct dns_name name = { .size = (uint8_t)(data_size(record) -
			skip) };
		struct zone_labels labels;
		memcpy(name.bytes, record + 2 + skip, name.size);
		zone_labels_find(&name, &labels);
		const struct zone_node *host = zone_find(zone, name.bytes,
			name.size, labels.hash[0]);
		if (host != NULL && has_address(host) &&
		    (node->is_cut || (!host->is_occluded && !host->is_cut)))
			found[count++] = host;
		record += 2 + data_size(record);
	}
	if (count == 0)
		return;
	set->related = arena_new_array(&zone->arena, count, sizeof(*found));
	memcpy(set->related, found, count * sizeof(*found));
	set->related_count = count;
}

static void
relate_all(struct zone *zone, const struct zone_node *node)
{
	for (unsigned i = 0; i < node->set_count; i++) {
		struct zone_set *set = (struct zone_set *)(uintptr_t)
			&node->sets[i];
		if (set->type == DNS_TYPE_NS || set->type == DNS_TYPE_MX ||
		    set->type == TYPE_SRV)
			relate(zone, node, set);
	}
}

/* RRSIGs are sorted by their data, which begins with the type that they cover
 * (RFC 4034 3.1): those of one set stand together. */
static void
give_signatures(struct zone *zone, struct zone_set *set,
	const struct zone_set *all)
{
	struct zone_set found = { .type = DNS_TYPE_RRSIG, .ttl = set->ttl };
	const uint8_t *record = all->data;
	for (unsigned i = 0; i < all->count; i++) {
		size_t size = data_size(record);
		if (size >= RRSIG_LEAST &&
		    (record[2] << 8 | record[3]) == set->type) {
			if (found.count++ == 0)
				found.data = record;
			found.size += (uint32_t)(2 + size);
		}
		record += 2 + size;
	}
	if (found.count == 0)
		return;
	struct zone_set *made = arena_new(&zone->arena, sizeof(*made));
	*made = found;
	set->signatures = made;
}

static void
give_all_signatures(struct zone *zone, const struct zone_node *node)
{
	const struct zone_set *all = zone_node_set(node, DNS_TYPE_RRSIG);
	for (unsigned i = 0; all != NULL && i < node->set_count; i++)
		if (node->sets[i].type != DNS_TYPE_RRSIG)
			give_signatures(zone, (struct zone_set *)(uintptr_t)
				&node->sets[i], all);
}

static int
finish(struct zone *zone, const struct zone_text *text, struct error *error)
{
	sort_nodes(zone);
	for (size_t i = 0; i < zone->node_count; i++) {
		struct zone_node *node = zone->nodes[i];
		if (check_node(text, node, error) < 0)
			return -1;
		for (unsigned j = 0; j < node->set_count; j++)
			if (!is_sound(&node->sets[j]))
				return refuse(text, node, node->sets[j].line,
					"data that is cut", error,
					"whole records");
		mark(node);
	}
	for (size_t i = 0; i < zone->node_count; i++) {
		relate_all(zone, zone->nodes[i]);
		give_all_signatures(zone, zone->nodes[i]);
	}
	if (check_apex(zone, text, error) < 0)
		return -1;
	denial_prepare(zone);
	return 0;
}

static struct zone *
begin(const struct dns_name *origin)
{
	struct zone_labels labels;
	struct zone *zone = memory_new(sizeof(*zone));
	zone_labels_find(origin, &labels);
	atomic_init(&zone->references, 1);
	arena_init(&zone->arena, 0);
	zone->origin = *origin;
	zone->labels = labels.count;
	zone->hash = labels.hash[0];
	return zone;
}

int
zone_new(struct zone_text *text, struct zone **zone, struct error *error)
{
	struct zone *new = begin(&text->origin);
	/* what is made of the records refers to them, and lives with them */
	struct arena borrowed = *text->arena;
	new->arena = borrowed;
	make_room(new);
	new->apex = node_of(new, new->origin.bytes, new->origin.size);
	if (text->count > 0)
		sort_records(text->records, text->count);
	for (size_t i = 0; i < text->count;)
		i += fill_node(new, &text->records[i], text->count - i);
	int result = finish(new, text, error);
	*text->arena = new->arena;
	if (result < 0) {
		memory_free(new);
		return -1;
	}
	arena_init(text->arena, 0);
	new->is_usable = true;
	*zone = new;
	return 0;
}

struct zone *
zone_new_unusable(const struct dns_name *origin)
{
	return begin(origin);
}

struct zone *
zone_hold(struct zone *zone)
{
	atomic_fetch_add(&zone->references, 1);
	return zone;
}

void
zone_free(struct zone **zone)
{
	struct zone *old = *zone;
	*zone = NULL;
	if (old == NULL || atomic_fetch_sub(&old->references, 1) > 1)
		return;
	history_free(&old->history);
	arena_fini(&old->arena);
	memory_free(old);
}
