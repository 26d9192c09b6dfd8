/*
 * Transfers that another server sends, in messages of two octets of length and
 * so many, as answers to AXFR and to IXFR: a zone comes of it that answers, or a
 * sentence.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "names/intake.h"
#include "names/zone.h"

enum { ID = 7 };

/* z with serial 5, NS ns, ns and b with an address: seeds change it. */
static const char ours[] = "\0\7\204\0\0\1\0\5\0\0\0\0\1z\0\0\374\0\1"
	"\300\14\0\6\0\1\0\0\0\1\0\26\0\0\0\0\0\5" "0000000000000000"
	"\300\14\0\2\0\1\0\0\0\1\0\5\2ns\300\14"
	"\2ns\300\14\0\1\0\1\0\0\0\1\0\4\300\0\2\1"
	"\1b\300\14\0\1\0\1\0\0\0\1\0\4\300\0\2\2"
	"\300\14\0\6\0\1\0\0\0\1\0\26\0\0\0\0\0\5" "0000000000000000";

/* What comes of all messages; NULL: no zone. */
static struct zone *
take(struct span rest, const struct zone *has)
{
	struct arena arena;
	struct intake intake;
	struct dns_name origin;
	struct zone *zone = NULL;
	struct error error = { .text = "" };
	uint32_t serial;
	enum intake_result result = INTAKE_MORE;
	arena_init(&arena, 0);
	assert(dns_name_from_text(SPAN("z"), &origin));
	intake_begin(&intake, &arena, &origin, ID, has);
	while (rest.size >= 2 && result == INTAKE_MORE) {
		size_t length = (size_t)(uint8_t)rest.data[0] << 8 |
			(uint8_t)rest.data[1];
		struct span message = span_first(span_skip(rest, 2), length);
		intake_read_serial(message, &origin, ID, &serial);
		result = intake_take(&intake, message);
		rest = span_skip(rest, 2 + length);
	}
	assert((result == INTAKE_WRONG) == (intake.wrong != NULL));
	assert(has != NULL || (result != INTAKE_SAME && !intake.is_change));
	if (result == INTAKE_WHOLE &&
	    zone_new(&intake.text, &zone, &error) < 0)
		assert(error.text[0] != '\0');
	/* RFC 1995: it never leads back */
	assert(zone == NULL || has == NULL ||
		zone->serial - has->serial - 1 < 0x7fffffff);
	intake_end(&intake);
	arena_fini(&arena);
	return zone;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char first[2 + sizeof(ours) - 1] = { 0, sizeof(ours) - 1 };
	memcpy(first + 2, ours, sizeof(ours) - 1);
	struct zone *has = take(span_of(first, sizeof(first)), NULL);
	assert(has != NULL && has->serial == 5);
	struct zone *whole = take(span_of(data, size), NULL);
	struct zone *changed = take(span_of(data, size), has);
	zone_free(&whole);
	zone_free(&changed);
	zone_free(&has);
	return 0;
}
