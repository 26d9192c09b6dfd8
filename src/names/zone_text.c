/*
 * ldns reads one record after the other out of memory; what it says about a
 * wrong one becomes a sentence with the line it stands in.
 */
#include "names/zone_text.h"

#include <ldns/ldns.h>
#include <string.h>

#include "base/memory.h"

enum { TTL_UNKNOWN = 3600, FOUND_SHOWN = 80 };

/* What ldns knows while it reads. */
struct reading {
	FILE *file;
	ldns_rdf *origin, *last;	/* $ORIGIN; the last owner */
	uint32_t ttl;
	bool has_ttl;			/* there was a $TTL */
	int line;
	uint32_t began;			/* the line of this record, */
	struct span found;		/* and its text */
	struct span rest;		/* of the text, behind that line */
};

static const struct {
	ldns_status status;
	const char *expected;
} expectations[] = {
	{ LDNS_STATUS_SYNTAX_TYPE_ERR, "the type of a record" },
	{ LDNS_STATUS_SYNTAX_CLASS_ERR, "the class IN" },
	{ LDNS_STATUS_SYNTAX_TTL_ERR, "a time to live" },
	{ LDNS_STATUS_SYNTAX_RDATA_ERR, "a type and its data" },
	{ LDNS_STATUS_SYNTAX_MISSING_VALUE_ERR, "a type and its data" },
	{ LDNS_STATUS_SYNTAX_SUPERFLUOUS_TEXT_ERR,
		"nothing behind the data" },
	{ LDNS_STATUS_SYNTAX_DNAME_ERR, "a name" },
	{ LDNS_STATUS_SYNTAX_ALG_ERR, "an algorithm of DNSSEC" },
	{ LDNS_STATUS_SYNTAX_KEYWORD_ERR, "a word of that type" },
	{ LDNS_STATUS_SYNTAX_INTEGER_OVERFLOW, "a smaller number" },
	{ LDNS_STATUS_SYNTAX_INCLUDE, "no $INCLUDE: put it into one file" },
	{ LDNS_STATUS_INVALID_IP4, "an IPv4 address" },
	{ LDNS_STATUS_INVALID_IP6, "an IPv6 address" },
	{ LDNS_STATUS_INVALID_STR, "a string" },
	{ LDNS_STATUS_INVALID_B32_EXT, "base32" },
	{ LDNS_STATUS_INVALID_B64, "base64" },
	{ LDNS_STATUS_INVALID_HEX, "hexadecimal digits" },
	{ LDNS_STATUS_INVALID_INT, "a number" },
	{ LDNS_STATUS_INVALID_TIME, "a time" },
	{ LDNS_STATUS_LABEL_OVERFLOW, "labels of at most 63 octets" },
	{ LDNS_STATUS_DOMAINNAME_OVERFLOW, "a name of at most 255 octets" },
	{ LDNS_STATUS_DOMAINNAME_UNDERFLOW, "a name" },
	{ LDNS_STATUS_EMPTY_LABEL, "a name without an empty label" },
};

/* The line in which the next record begins: ldns only counts where it ends. */
static void
find_beginning(struct reading *reading)
{
	while (span_split(&reading->rest, '\n', &reading->found)) {
		reading->began++;
		if (reading->began <= (uint32_t)reading->line)
			continue;
		reading->found = span_trim(reading->found);
		if (reading->found.size > 0 && reading->found.data[0] != ';')
			return;
	}
}

static int
fail(const struct zone_text *zone, const struct reading *reading,
	const char *expected, struct error *error)
{
	struct span found = reading->found;
	char shown[FOUND_SHOWN + 1];
	size_t size = 0;
	for (; size < found.size && size < FOUND_SHOWN; size++)
		shown[size] = found.data[size] < ' ' ||
			found.data[size] == 0x7f ? ' ' : found.data[size];
	shown[size] = '\0';
	return error_set(error, ERROR_USAGE, "%s:%u: found \"%s%s\", expected "
		"%s", zone->file, reading->began, shown,
		size < found.size ? "..." : "", expected);
}

static const char *
expected_for(ldns_status status)
{
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]);
	    i++)
		if (expectations[i].status == status)
			return expectations[i].expected;
	return "a record: name, class, type, data";
}

void
zone_text_add(struct zone_text *zone, const struct zone_record *record)
{
	if (zone->count == zone->room) {
		size_t room = zone->room == 0 ? 64 : zone->room * 2;
		struct zone_record *records = arena_new_array(zone->arena,
			room, sizeof(*records));
		if (zone->count > 0)
			memcpy(records, zone->records,
				zone->count * sizeof(*records));
		zone->records = records;
		zone->room = room;
	}
	struct zone_record *new = &zone->records[zone->count++];
	*new = *record;
	new->owner = (const uint8_t *)arena_copy(zone->arena,
		span_of(record->owner, record->owner_size)).data;
	new->data = (const uint8_t *)arena_copy(zone->arena,
		span_of(record->data, record->size)).data;
}

/* One record of ldns's; an expectation that it does not meet, or NULL. */
static const char *
add(struct zone_text *zone, const ldns_rr *rr, uint32_t line)
{
	struct dns_name owner;
	uint8_t data[DNS_MESSAGE_LIMIT];
	size_t size = 0;
	size_t owner_size = ldns_rdf_size(ldns_rr_owner(rr));
	if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
		return "the class IN";
	if (owner_size == 0 || owner_size > DNS_NAME_LIMIT)
		return "a name of at most 255 octets";
	memcpy(owner.bytes, ldns_rdf_data(ldns_rr_owner(rr)), owner_size);
	owner.size = (uint8_t)owner_size;
	if (!dns_name_is_below(&owner, &zone->origin))
		return "a name in the zone (is a dot missing or too much?)";
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *part = ldns_rr_rdf(rr, i);
		if (part == NULL || ldns_rdf_size(part) > sizeof(data) - size)
			return "data of at most 65,535 octets";
		memcpy(data + size, ldns_rdf_data(part), ldns_rdf_size(part));
		size += ldns_rdf_size(part);
	}
	uint16_t type = (uint16_t)ldns_rr_get_type(rr);
	if (type == 0 || type == DNS_TYPE_OPT || (type >=
	    DNS_TYPE_FIRST_META && type <= DNS_TYPE_ANY))
		return "a type that zones hold";
	const struct zone_record record = { .owner = owner.bytes,
		.owner_size = owner.size, .data = data,
		.size = (uint16_t)size, .type = type, .line = line,
		/* RFC 2181 8 */
		.ttl = ldns_rr_ttl(rr) > INT32_MAX ? 0 : ldns_rr_ttl(rr) };
	zone_text_add(zone, &record);
	return NULL;
}

static bool
is_ttl(struct span word)
{
	static const char units[] = "smhdwSMHDW";
	if (word.size == 0 || word.data[0] < '0' || word.data[0] > '9')
		return false;
	for (size_t i = 0; i < word.size; i++)
		if ((word.data[i] < '0' || word.data[i] > '9') &&
		    memchr(units, word.data[i], sizeof(units) - 1) == NULL)
			return false;
	return true;
}

/* RFC 1035 5.1 has class and time in either order, ldns only one of them: "IN
 * 1D" at the beginning of a record becomes "1D IN" in its place. */
static void
exchange(char *line, size_t size)
{
	struct span rest = span_of(line, size), class, ttl;
	char copy[32];
	if (size > 0 && line[0] != ' ' && line[0] != '\t' &&
	    !span_word(&rest, &class))
		return;
	if (!span_word(&rest, &class) ||
	    !span_equals_nocase(class, SPAN("IN")) ||
	    !span_word(&rest, &ttl) || !is_ttl(ttl) ||
	    ttl.size > sizeof(copy))
		return;
	char *at = line + (class.data - line);
	size_t all = (size_t)(ttl.data - class.data) + ttl.size;
	memcpy(copy, ttl.data, ttl.size);
	memset(at, ' ', all);
	memcpy(at, copy, ttl.size);
	memcpy(at + all - 2, "IN", 2);
}

/* How many brackets are open behind the line; quotes end with it. */
static unsigned
count_brackets(const char *line, size_t size, unsigned open)
{
	bool is_quoted = false;
	for (size_t i = 0; i < size; i++) {
		if (line[i] == '\\')
			i++;
		else if (line[i] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted)
			continue;
		else if (line[i] == ';')
			break;
		else if (line[i] == '(')
			open++;
		else if (line[i] == ')' && open > 0)
			open--;
	}
	return open;
}

static void
exchange_all(char *text, size_t size)
{
	unsigned open = 0;
	for (size_t at = 0; at < size;) {
		size_t length = span_find(span_of(text + at, size - at),
			'\n');
		if (open == 0)
			exchange(text + at, length);
		open = count_brackets(text + at, length, open);
		at += length + 1;
	}
}

/* False at the end. */
static bool
read_one(struct zone_text *zone, struct reading *reading,
	const char **expected)
{
	ldns_rr *rr = NULL;
	find_beginning(reading);
	if (feof(reading->file) != 0)
		return false;
	ldns_status status = ldns_rr_new_frm_fp_l(&rr, reading->file,
		&reading->ttl, &reading->origin, &reading->last,
		&reading->line);
	switch (status) {
	case LDNS_STATUS_OK:
		*expected = add(zone, rr, reading->began);
		/* RFC 1035 5.1: one that is left out is the last one said */
		if (!reading->has_ttl)
			reading->ttl = ldns_rr_ttl(rr);
		break;
	case LDNS_STATUS_SYNTAX_TTL:
		reading->has_ttl = true;
		break;
	case LDNS_STATUS_SYNTAX_EMPTY:
	case LDNS_STATUS_SYNTAX_ORIGIN:
		break;
	default:
		*expected = expected_for(status);
		break;
	}
	ldns_rr_free(rr);
	return *expected == NULL;
}

int
zone_text_read(struct zone_text *zone, struct span text, struct error *error)
{
	const char *expected = NULL;
	struct reading reading = { .ttl = TTL_UNKNOWN, .rest = text };
	if (text.size == 0)
		return error_set(error, ERROR_USAGE, "%s: found nothing, "
			"expected a zone", zone->file);
	char *copy = memory_new(text.size);
	memcpy(copy, text.data, text.size);
	exchange_all(copy, text.size);
	reading.file = fmemopen(copy, text.size, "r");
	reading.origin = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME,
		zone->origin.size, zone->origin.bytes);
	if (reading.file == NULL || reading.origin == NULL) {
		if (reading.file != NULL)
			fclose(reading.file);
		memory_free(copy);
		return error_set(error, ERROR_SYSTEM, "%s: reading the zone",
			zone->file);
	}
	while (read_one(zone, &reading, &expected))
		;
	fclose(reading.file);
	memory_free(copy);
	ldns_rdf_deep_free(reading.origin);
	ldns_rdf_deep_free(reading.last);
	return expected == NULL ? 0 : fail(zone, &reading, expected, error);
}
