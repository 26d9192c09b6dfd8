/* The readers of dates: what one accepts can be written and read again. */
#include <assert.h>

#include "fuzz.h"
#include "proto/date.h"

static void
write_and_read(int64_t seconds, int zone)
{
	struct buffer out;
	int64_t again = 0;
	int zone_again = 0;
	buffer_init(&out, 0);
	date_format_header(&out, seconds, zone);
	assert(date_parse_header(buffer_span(&out), &again, &zone_again));
	buffer_clear(&out);
	date_format_internal(&out, seconds, zone);
	assert(date_parse_internal(buffer_span(&out), &again, &zone_again));
	buffer_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	int64_t seconds, days;
	int zone;
	if (date_parse_header(text, &seconds, &zone))
		write_and_read(seconds, zone);
	if (date_parse_internal(text, &seconds, &zone))
		write_and_read(seconds, zone);
	if (date_parse_search(text, &days))
		write_and_read(days * 86400, 0);
	return 0;
}
