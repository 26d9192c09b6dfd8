/*
 * PROXY headers: no prefix of a header that is whole is judged otherwise, what
 * was consumed was there, and what was understood survives being written.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "proto/proxy2.h"

static void
check_text(const char *text, size_t size)
{
	assert(memchr(text, '\0', size) != NULL);
	for (; *text != '\0'; text++)
		assert(*text > ' ' && *text < 127);
}

static void
check_facts(const struct proxy2 *facts)
{
	struct buffer header;
	struct proxy2 again;
	size_t consumed;
	check_text(facts->tls_version, sizeof(facts->tls_version));
	check_text(facts->tls_cipher, sizeof(facts->tls_cipher));
	check_text(facts->server_name, sizeof(facts->server_name));
	assert(facts->binding_exporter_size <= sizeof(facts->binding_exporter));
	assert(facts->binding_end_point_size <=
		sizeof(facts->binding_end_point));
	buffer_init(&header, PROXY2_HEADER_LIMIT);
	proxy2_encode(&header, facts);
	assert(!buffer_is_overrun(&header));
	assert(proxy2_decode(buffer_span(&header), &again, &consumed) ==
		PROXY2_OK);
	assert(consumed == header.size);
	assert(memcmp(&again.client, &facts->client, sizeof(again.client)) == 0);
	assert(again.is_tls == facts->is_tls);
	assert(strcmp(again.server_name, facts->server_name) == 0);
	buffer_fini(&header);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct proxy2 facts;
	size_t consumed, whole;
	enum proxy2_verdict verdict = proxy2_decode(in, &facts, &whole);
	if (verdict != PROXY2_OK) {
		assert(whole == 0);
		return 0;
	}
	assert(whole > 0 && whole <= size);
	check_facts(&facts);
	for (size_t n = 0; n < whole; n++)
		assert(proxy2_decode(span_first(in, n), &facts, &consumed) ==
			PROXY2_MORE);
	return 0;
}
