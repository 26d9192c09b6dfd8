#include "names/serials.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "names/remembered.h"

enum { SERIAL_FROM_END = 20 };		/* RFC 1035 3.3.13 */

bool
serials_is_newer(uint32_t a, uint32_t b)
{
	return a != b && a - b < 0x80000000;
}

/* Does not depend on the order of the records. */
static uint64_t
sum_of(const struct zone_text *zone)
{
	static const uint8_t key[16] = "posthouse zone s";
	uint64_t sum = zone->count;
	struct buffer bytes;
	buffer_init(&bytes, 0);
	for (size_t i = 0; i < zone->count; i++) {
		const struct zone_record *record = &zone->records[i];
		buffer_clear(&bytes);
		buffer_add(&bytes, span_of(record->owner, record->owner_size));
		buffer_add_u16(&bytes, record->type);
		buffer_add_u32(&bytes, record->ttl);
		buffer_add(&bytes, span_of(record->data, record->size));
		sum += hash_siphash(key, buffer_span(&bytes));
	}
	buffer_fini(&bytes);
	return sum;
}

static uint8_t *
serial_of(const struct zone_text *zone)
{
	for (size_t i = 0; i < zone->count; i++)
		if (zone->records[i].type == DNS_TYPE_SOA &&
		    zone->records[i].size > SERIAL_FROM_END)
			/* the arena's, and no one else sees it yet */
			return (uint8_t *)(uintptr_t)zone->records[i].data +
				zone->records[i].size - SERIAL_FROM_END;
	return NULL;
}

/* "SERIAL SUM"; false: there is none. */
static bool
recall(struct span key, uint32_t *serial, uint64_t *sum)
{
	struct arena arena;
	struct span value, word;
	uint64_t number = 0;
	arena_init(&arena, 0);
	bool ok = remembered_get("serial", key, &arena, &value) &&
		span_word(&value, &word) &&
		span_to_number(word, UINT32_MAX, &number) &&
		span_to_hex_number(span_trim(value), sum);
	*serial = (uint32_t)number;
	arena_fini(&arena);
	return ok;
}

static void
keep(struct span key, uint32_t serial, uint64_t sum)
{
	char value[64];
	snprintf(value, sizeof(value), "%u %llx", serial,
		(unsigned long long)sum);
	remembered_put("serial", key, span_from(value));
}

void
serials_set(struct zone_text *zone, bool is_new, int64_t now)
{
	char name[DNS_TEXT_SIZE];
	uint8_t *at = serial_of(zone);
	uint32_t last = 0, serial;
	uint64_t sum = 0, last_sum = 0;
	if (at == NULL)
		return;
	dns_name_to_text(&zone->origin, name);
	sum = sum_of(zone);
	serial = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
		(uint32_t)at[2] << 8 | at[3];
	bool is_known = recall(span_from(name), &last, &last_sum);
	if (is_known && sum == last_sum && !is_new) {
		serial = last;
	} else {
		if (serials_is_newer((uint32_t)now, serial))
			serial = (uint32_t)now;
		if (is_known && !serials_is_newer(serial, last))
			serial = last + 1;
	}
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(serial >> (24 - 8 * i));
	keep(span_from(name), serial, sum);
}

int
serials_next(const struct dns_name *origin, uint32_t least, uint32_t *serial,
	struct error *error)
{
	char name[DNS_TEXT_SIZE];
	uint32_t last = 0;
	uint64_t sum = 0;
	dns_name_to_text(origin, name);
	bool is_known = recall(span_from(name), &last, &sum);
	*serial = is_known && !serials_is_newer(least, last) ? last + 1 :
		least;
	keep(span_from(name), *serial, sum);
	return remembered_save(error);
}
