/*
 * Zone files: whatever is in them, it is read or a sentence says what is wrong;
 * and of what was read every name gets an answer that can be read again.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "names/answer.h"
#include "names/zone_source.h"

static void
ask(const struct zones *zones, const struct dns_name *name, uint16_t type,
	bool is_dnssec_wanted)
{
	uint8_t bytes[DNS_UDP_MOST];
	struct dns_question asked = { .name = *name, .type = type,
		.class = DNS_CLASS_IN };
	struct packet packet;
	struct answer answer;
	struct dns_reader reader;
	struct dns_record record;
	packet_begin(&packet, bytes, sizeof(bytes));
	packet.is_dnssec_wanted = is_dnssec_wanted;
	assert(packet_add_question(&packet, &asked));
	answer_write(zones, &asked, &packet, &answer);
	packet_end(&packet, 1);
	assert(answer.kind != ANSWER_NOT_OURS);
	assert(dns_read(&reader, span_of(bytes, packet.size)));
	while (dns_read_record(&reader, &record))
		;
	assert(!reader.is_malformed && reader.offset == packet.size);
}

static void
complain(void *context, const struct dns_name *origin,
	const struct error *error)
{
	(void)context;
	(void)origin;
	assert(error->text[0] != '\0');
}

/* A name, and one below it that is not there. */
static void
ask_around(const struct zones *zones, const struct zone_node *node)
{
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_MX, 43,
		DNS_TYPE_ANY };
	struct dns_name name = { .size = node->name_size };
	memcpy(name.bytes, node->name, name.size);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (unsigned j = 0; j < 2; j++)
			ask(zones, &name, types[i], j == 0);
	if (name.size > DNS_NAME_LIMIT - 2)
		return;
	memmove(name.bytes + 2, name.bytes, name.size);
	memcpy(name.bytes, "\1q", 2);
	name.size = (uint8_t)(name.size + 2);
	ask(zones, &name, DNS_TYPE_A, true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer file;
	struct zone_labels labels;
	struct dns_name origin;
	unsigned level;
	buffer_init(&file, 0);
	buffer_print(&file, "a.test /etc/a.test.zone %zu\n", size);
	buffer_add(&file, span_of(data, size));
	struct zones *zones = zone_source_read_files(buffer_span(&file), NULL, complain,
		NULL);
	assert(dns_name_from_text(SPAN("a.test"), &origin));
	zone_labels_find(&origin, &labels);
	const struct zone *zone = zones_find(zones, &origin, &labels, false,
		&level);
	assert(zone != NULL);
	for (size_t i = 0; i < zone->node_count; i++)
		ask_around(zones, zone->nodes[i]);
	zones_free(&zones);
	buffer_fini(&file);
	return 0;
}
