/*
 * Contributions to zones (PUBLISH of names-records) beside an administrator's
 * zone file. The input is texts with a zero octet between them: the file (or
 * nothing), then what hostmaster has for each of some origins. Whatever they
 * say, every set of the file is served as the file alone has it; of TXT, which
 * goes by its first word, no record of the file is lost.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "names/history.h"
#include "names/remembered.h"
#include "names/zone_source.h"

static const char *const origins[] = { "a.test", "b.a.test",
	"_acme-challenge.mail.a.test", "test", "c.test" };

static void
complain(void *context, const struct dns_name *origin,
	const struct error *error)
{
	(void)context;
	(void)origin;
	assert(error->text[0] != '\0');
}

static struct zones *
read_zones(struct span file, struct parts *parts, const struct zones *old)
{
	struct buffer files;
	buffer_init(&files, 0);
	if (file.size > 0)
		buffer_print(&files, "a.test /etc/a.test.zone %zu\n",
			file.size);
	buffer_add(&files, file);
	const struct zone_source source = { .files = buffer_span(&files),
		.parts = parts, .complain = complain };
	struct zones *zones = zone_source_read(&source, old);
	buffer_fini(&files);
	return zones;
}

static size_t
data_size(const uint8_t *record)
{
	return 2 + ((size_t)record[0] << 8 | record[1]);
}

static bool
has_record(const struct zone_set *set, const uint8_t *record)
{
	const uint8_t *at = set->data;
	for (unsigned i = 0; i < set->count; i++, at += data_size(at))
		if (span_equals(span_of(at, data_size(at)),
		    span_of(record, data_size(record))))
			return true;
	return false;
}

static void
check_set(const struct zone_node *node, const struct zone_set *set)
{
	const struct zone_set *found = zone_node_set(node, set->type);
	const uint8_t *at = set->data;
	assert(found != NULL && found->count >= set->count);
	assert(set->type == DNS_TYPE_TXT || found->count == set->count);
	for (unsigned i = 0; i < set->count && set->type != DNS_TYPE_SOA; i++,
	    at += data_size(at))
		assert(has_record(found, at));
}

/* Nothing of the file is lost, or another; its delegations stay so. */
static void
check_file_wins(const struct zone *alone, const struct zone *merged)
{
	for (size_t i = 0; i < alone->node_count; i++) {
		const struct zone_node *node = alone->nodes[i];
		const struct zone_node *found = zone_find(merged, node->name,
			node->name_size, node->hash);
		assert(found != NULL && found->is_cut == node->is_cut);
		assert(!node->is_cut || found->set_count == node->set_count);
		for (unsigned k = 0; k < node->set_count; k++)
			check_set(found, &node->sets[k]);
	}
}

static void
count_usable(void *context, const struct zone *zone)
{
	size_t *count = context;
	*count += zone->is_usable;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), file = SPAN(""), text;
	struct dns_name origin, first;
	struct error error;
	struct parts parts;
	struct history *steps[HISTORY_VERSIONS];
	size_t usable = 0;
	assert(remembered_open(-1, &error) == 0);
	assert(dns_name_from_text(SPAN("a.test"), &first));
	span_split(&rest, '\0', &file);
	struct zones *alone = read_zones(file, NULL, NULL);
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]) &&
	    span_split(&rest, '\0', &text); i++) {
		assert(dns_name_from_text(span_from(origins[i]), &origin));
		parts_put(&origin, SPAN("fuzz"), span_first(text,
			PARTS_TEXT_LIMIT));
	}
	parts_collect(&parts);
	struct zones *merged = read_zones(file, &parts, alone);
	const struct zone *a = zones_get(alone, &first);
	const struct zone *b = zones_get(merged, &first);
	if (a != NULL && a->is_usable) {
		assert(b != NULL && b->is_usable);
		check_file_wins(a, b);
	}
	history_note(alone, merged);
	if (a != NULL && b != NULL)
		for (unsigned i = history_find(b, a->serial, steps); i > 0;)
			history_free(&steps[--i]);
	zones_walk(merged, count_usable, &usable);
	assert(usable <= zones_count(merged));
	zones_free(&alone);
	zones_free(&merged);
	parts_free(&parts);
	remembered_close();
	return 0;
}
