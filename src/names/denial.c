/* Finding proofs; see denial.h. What a primary sent may make no sense: then a
 * proof is not whole, and validators say so. */
#include "names/denial.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_SHA1 = 1 };

/* ---- hashes ---- */

/* Looked up by its name it takes as long as the hash itself. */
static EVP_MD *sha1;
static pthread_once_t sha1_once = PTHREAD_ONCE_INIT;

static void
fetch_sha1(void)
{
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	assert(sha1 != NULL);
}

void
denial_hash(const struct denial_parameters *parameters, const uint8_t *name,
	size_t size, uint8_t hash[DENIAL_HASH])
{
	uint8_t input[DNS_NAME_LIMIT + sizeof(parameters->salt)];
	pthread_once(&sha1_once, fetch_sha1);
	for (size_t i = 0; i < size; i++)
		input[i] = (uint8_t)span_lower_byte((char)name[i]);
	for (unsigned i = 0; i <= parameters->iterations; i++) {
		memcpy(input + size, parameters->salt, parameters->salt_size);
		if (EVP_Digest(input, size + parameters->salt_size, hash, NULL,
		    sha1, NULL) != 1)
			memset(hash, 0, DENIAL_HASH);
		memcpy(input, hash, DENIAL_HASH);
		size = DENIAL_HASH;
	}
}

void
denial_hash_to_label(const uint8_t hash[DENIAL_HASH],
	char label[DENIAL_LABEL])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	uint32_t bits = 0;
	unsigned count = 0, at = 0;
	for (unsigned i = 0; i < DENIAL_HASH; i++) {
		bits = bits << 8 | hash[i];
		for (count += 8; count >= 5; count -= 5)
			label[at++] = digits[bits >> (count - 5) & 31];
	}
}

static int
digit_of(char c)
{
	c = span_lower_byte(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'v' ? c - 'a' + 10 : -1;
}

static bool
label_to_hash(const uint8_t *name, uint8_t hash[DENIAL_HASH])
{
	uint32_t bits = 0;
	unsigned count = 0, at = 0;
	if (name[0] != DENIAL_LABEL)
		return false;
	for (unsigned i = 1; i <= DENIAL_LABEL; i++) {
		int digit = digit_of((char)name[i]);
		if (digit < 0)
			return false;
		bits = bits << 5 | (uint32_t)digit;
		count += 5;
		if (count >= 8) {
			count -= 8;
			hash[at++] = (uint8_t)(bits >> count);
		}
	}
	return true;
}

/* ---- making ---- */

/* Of the first record of NSEC3PARAM or NSEC3: they begin alike. */
static bool
read_parameters(const struct zone_set *set,
	struct denial_parameters *parameters)
{
	size_t size = (size_t)set->data[0] << 8 | set->data[1];
	const uint8_t *data = set->data + 2;
	if (size < 5 || data[0] != HASH_SHA1 || size < 5u + data[4])
		return false;
	memset(parameters, 0, sizeof(*parameters));
	parameters->iterations = (uint16_t)(data[2] << 8 | data[3]);
	parameters->salt_size = data[4];
	memcpy(parameters->salt, data + 5, data[4]);
	return parameters->iterations <= DENIAL_ITERATIONS;
}

/* Is it of the chain that the parameters are of? */
static bool
is_of_chain(const struct denial *denial, const struct zone_node *node,
	uint8_t hash[DENIAL_HASH])
{
	struct denial_parameters parameters;
	const struct zone_set *set = zone_node_set(node, DNS_TYPE_NSEC3);
	return set != NULL && read_parameters(set, &parameters) &&
		memcmp(&parameters, &denial->parameters,
		sizeof(parameters)) == 0 && label_to_hash(node->name, hash);
}

struct hashed {
	uint8_t hash[DENIAL_HASH];
	const struct zone_node *node;
};

static int
compare_hashed(const void *a, const void *b)
{
	return memcmp(a, b, DENIAL_HASH);
}

static void
collect_nsec3(struct zone *zone, struct denial *denial)
{
	struct hashed *list = arena_new_array(&zone->arena, zone->node_count,
		sizeof(*list));
	for (size_t i = 0; i < zone->node_count; i++) {
		struct zone_node *node = zone->nodes[i];
		if (node->parent != zone->apex || !is_of_chain(denial, node,
			list[denial->count].hash))
			continue;
		list[denial->count++].node = node;
		node->is_denial = true;
		for (unsigned j = 0; j < node->set_count; j++)
			node->is_denial &= node->sets[j].type ==
				DNS_TYPE_NSEC3 ||
				node->sets[j].type == DNS_TYPE_RRSIG;
	}
	qsort(list, denial->count, sizeof(*list), compare_hashed);
	denial->hash = arena_new_array(&zone->arena, denial->count + 1,
		DENIAL_HASH);
	for (size_t i = 0; i < denial->count; i++) {
		memcpy(denial->hash[i], list[i].hash, DENIAL_HASH);
		denial->node[i] = list[i].node;
	}
}

/* The last one whose hash is not greater; before the first comes the last. */
static size_t
place_of_hash(const struct denial *denial, const uint8_t hash[DENIAL_HASH])
{
	size_t low = 0, high = denial->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(denial->hash[middle], hash, DENIAL_HASH) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? denial->count - 1 : low - 1;
}

/* "*" below the encloser. */
static struct dns_name
wildcard_of(const struct zone_node *encloser)
{
	struct dns_name name = { .size = (uint8_t)(encloser->name_size + 2),
		.bytes = { 1, '*' } };
	memcpy(name.bytes + 2, encloser->name, encloser->name_size);
	return name;
}

/* Names that have others below them are asked for more that are not there. */
static void
find_no_wildcard(const struct denial *denial, struct zone_node *node)
{
	uint8_t hash[DENIAL_HASH];
	if (node->wildcard != NULL || node->no_wildcard != NULL ||
	    node->name_size + 2 > DNS_NAME_LIMIT)
		return;
	const struct dns_name name = wildcard_of(node);
	denial_hash(&denial->parameters, name.bytes, name.size, hash);
	node->no_wildcard = denial->node[place_of_hash(denial, hash)];
}

/* Each name learns which record is of it. */
static void
match_all(struct zone *zone, const struct denial *denial)
{
	uint8_t hash[DENIAL_HASH];
	for (size_t i = 0; i < zone->node_count; i++) {
		struct zone_node *node = zone->nodes[i];
		if (node->is_denial || node->is_occluded)
			continue;
		denial_hash(&denial->parameters, node->name, node->name_size,
			hash);
		size_t place = place_of_hash(denial, hash);
		if (memcmp(denial->hash[place], hash, DENIAL_HASH) == 0)
			node->denial = denial->node[place];
		if (node->parent != NULL)
			find_no_wildcard(denial, (struct zone_node *)
				(uintptr_t)node->parent);
	}
}

static void
collect_nsec(struct zone *zone, struct denial *denial)
{
	for (size_t i = 0; i < zone->node_count; i++) {
		struct zone_node *node = zone->nodes[i];
		if (node->is_occluded ||
		    zone_node_set(node, DNS_TYPE_NSEC) == NULL)
			continue;
		denial->node[denial->count++] = node;
		node->denial = node;
	}
}

void
denial_prepare(struct zone *zone)
{
	const struct zone_set *chain = zone_node_set(zone->apex,
		DNS_TYPE_NSEC3PARAM);
	if (zone->soa == NULL || zone->soa->signatures == NULL)
		return;
	struct denial *denial = arena_new(&zone->arena, sizeof(*denial));
	denial->node = arena_new_array(&zone->arena, zone->node_count,
		sizeof(struct zone_node *));
	denial->is_nsec3 = chain != NULL &&
		read_parameters(chain, &denial->parameters);
	if (denial->is_nsec3)
		collect_nsec3(zone, denial);
	else
		collect_nsec(zone, denial);
	if (denial->count == 0)
		return;
	if (denial->is_nsec3)
		match_all(zone, denial);
	zone->denial = denial;
}

/* ---- proofs ---- */

const struct zone_set *
denial_set(const struct zone *zone, const struct zone_node *node)
{
	return zone_node_set(node, zone->denial->is_nsec3 ? DNS_TYPE_NSEC3 :
		DNS_TYPE_NSEC);
}

static void
add(struct denial_proof *proof, const struct zone_node *node)
{
	if (node != NULL && proof->count < DENIAL_PROOFS)
		proof->node[proof->count++] = node;
}

static const struct zone_node *
cover_by_hash(const struct denial *denial, const uint8_t *name, size_t size)
{
	uint8_t hash[DENIAL_HASH];
	denial_hash(&denial->parameters, name, size, hash);
	return denial->node[place_of_hash(denial, hash)];
}

/* The last one that is not behind the name (RFC 4034 6.1). */
static const struct zone_node *
cover_by_name(const struct denial *denial, const uint8_t *name)
{
	size_t low = 0, high = denial->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (zone_compare_names(denial->node[middle]->name, name) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return denial->node[low == 0 ? denial->count - 1 : low - 1];
}

static const struct zone_node *
cover(const struct zone *zone, const uint8_t *name, size_t size)
{
	const struct denial *denial = zone->denial;
	return denial->is_nsec3 ? cover_by_hash(denial, name, size) :
		cover_by_name(denial, name);
}

/* RFC 5155 1.3: one label more than the encloser. */
static const uint8_t *
next_closer(const struct dns_name *name, const struct zone_node *encloser)
{
	size_t end = name->size - (size_t)encloser->name_size, at = 0;
	while (at + 1u + name->bytes[at] < end)
		at += 1u + name->bytes[at];
	return name->bytes + at;
}

/* RFC 5155 7.2.1; where names are left out of the chain (opt-out) it is the
 * closest encloser that is in it. */
static void
prove_encloser(const struct zone *zone, const struct dns_name *name,
	const struct zone_node *encloser, struct denial_proof *proof)
{
	while (encloser->denial == NULL && encloser->parent != NULL)
		encloser = encloser->parent;
	if (encloser->name_size >= name->size)
		return;
	const uint8_t *closer = next_closer(name, encloser);
	add(proof, encloser->denial);
	add(proof, cover(zone, closer, name->size -
		(size_t)(closer - name->bytes)));
}

void
denial_no_data(const struct zone *zone, const struct zone_node *node,
	struct denial_proof *proof)
{
	struct dns_name name = { .size = node->name_size };
	proof->count = 0;
	if (zone->denial == NULL)
		return;
	memcpy(name.bytes, node->name, node->name_size);
	if (node->denial != NULL)
		add(proof, node->denial);	/* 7.2.3, 7.2.7 */
	else if (zone->denial->is_nsec3)
		prove_encloser(zone, &name, node, proof);	/* 7.2.4 */
	else	/* an empty non-terminal */
		add(proof, cover(zone, name.bytes, name.size));
}

void
denial_no_name(const struct zone *zone, const struct dns_name *name,
	const struct zone_node *encloser, struct denial_proof *proof)
{
	struct dns_name wildcard;
	proof->count = 0;
	if (zone->denial == NULL)
		return;
	if (zone->denial->is_nsec3) {
		/* 7.2.2; the wildcard is that of the encloser that is proven */
		while (encloser->denial == NULL && encloser->parent != NULL)
			encloser = encloser->parent;
		prove_encloser(zone, name, encloser, proof);
	} else	/* RFC 4035 3.1.3.2 */
		add(proof, cover(zone, name->bytes, name->size));
	if (encloser->name_size + 2 > DNS_NAME_LIMIT)
		return;
	if (encloser->no_wildcard != NULL) {
		add(proof, encloser->no_wildcard);
		return;
	}
	wildcard = wildcard_of(encloser);
	add(proof, cover(zone, wildcard.bytes, wildcard.size));
}

void
denial_wildcard(const struct zone *zone, const struct dns_name *name,
	const struct zone_node *encloser, bool is_without_type,
	struct denial_proof *proof)
{
	const uint8_t *closer;
	proof->count = 0;
	if (zone->denial == NULL)
		return;
	if (!zone->denial->is_nsec3) {
		add(proof, cover(zone, name->bytes, name->size));
	} else if (is_without_type) {
		prove_encloser(zone, name, encloser, proof);	/* 7.2.5 */
	} else {	/* 7.2.6: the signature says where the wildcard is */
		closer = next_closer(name, encloser);
		add(proof, cover(zone, closer, name->size -
			(size_t)(closer - name->bytes)));
	}
	if (is_without_type)
		add(proof, encloser->wildcard->denial);
}
