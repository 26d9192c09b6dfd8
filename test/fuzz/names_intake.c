/*
 * Transfers that another server sends, in messages of two octets of length and
 * so many: a zone comes of it that answers, or a sentence.
 */
#include <assert.h>

#include "fuzz.h"
#include "names/intake.h"
#include "names/zone.h"

enum { ID = 7 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size);
	struct arena arena;
	struct intake intake;
	struct dns_name origin;
	struct zone *zone = NULL;
	struct error error;
	uint32_t serial;
	enum intake_result result = INTAKE_MORE;
	arena_init(&arena, 0);
	assert(dns_name_from_text(SPAN("z"), &origin));
	intake_begin(&intake, &arena, &origin, ID);
	while (rest.size >= 2 && result == INTAKE_MORE) {
		size_t length = (size_t)(uint8_t)rest.data[0] << 8 |
			(uint8_t)rest.data[1];
		struct span message = span_first(span_skip(rest, 2), length);
		intake_read_serial(message, &origin, ID, &serial);
		result = intake_take(&intake, message);
		rest = span_skip(rest, 2 + length);
	}
	assert((result == INTAKE_WRONG) == (intake.wrong != NULL));
	if (result == INTAKE_WHOLE &&
	    zone_new(&intake.text, &zone, &error) < 0)
		assert(error.text[0] != '\0');
	zone_free(&zone);
	arena_fini(&arena);
	return 0;
}
