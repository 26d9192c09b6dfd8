/* Lists of addresses that are completed: once is as good as twice, and nothing
 * but the domain is added. */
#include <assert.h>

#include "fuzz.h"
#include "proto/address_list.h"

static const struct span domain = { "here.test", 9 };

/* The bytes of `whole` are those of `part` with "@here.test" between them. */
static bool
has_only_domains_more(struct span whole, struct span part)
{
	size_t at = 0;
	for (size_t i = 0; i < whole.size;) {
		if (at < part.size && whole.data[i] == part.data[at]) {
			i++;
			at++;
		} else if (span_starts(span_skip(whole, i), SPAN("@here.test"))) {
			i += domain.size + 1;
		} else {
			return false;
		}
	}
	return at == part.size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span value = span_of(data, size);
	struct buffer once, twice;
	buffer_init(&once, 0);
	buffer_init(&twice, 0);
	address_list_complete(value, domain, &once);
	if (span_find(value, '@') == value.size)
		assert(has_only_domains_more(buffer_span(&once), value));
	address_list_complete(buffer_span(&once), domain, &twice);
	assert(span_equals(buffer_span(&once), buffer_span(&twice)));
	buffer_fini(&once);
	buffer_fini(&twice);
	return 0;
}
