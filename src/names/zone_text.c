/*
 * Directives and the words before the data are read here; ldns reads the data,
 * of one record after the other. What is wrong becomes a sentence with the line
 * that it stands in.
 */
#include "names/zone_text.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>

#include "names/zone_generate.h"
#include "names/zone_lines.h"

enum { TTL_UNKNOWN = 3600, FOUND_SHOWN = 80, WORD_LIMIT = 64 };

/* What is known while reading. */
struct reading {
	struct zone_lines lines;
	struct dns_name origin, last;	/* $ORIGIN; the last owner */
	uint32_t ttl;			/* of a record that says none */
	bool has_ttl;			/* there was a $TTL, */
	bool was_said;			/* or any other time to live */
	char data_of[WORD_LIMIT + 32];	/* "data of the type MX" */
	uint32_t generated;		/* lines by $GENERATE */
};

/* The words of a record before its data. */
struct head {
	uint32_t ttl;
	bool has_ttl;
	struct span type, data;
};

static const char name_expected[] = "a name: labels of 1 to 63 octets, 255 in "
	"all";

static const struct {
	ldns_status status;
	const char *expected;
} expectations[] = {
	{ LDNS_STATUS_SYNTAX_TYPE_ERR, "the type of a record" },
	{ LDNS_STATUS_SYNTAX_CLASS_ERR, "the class IN" },
	{ LDNS_STATUS_SYNTAX_TTL_ERR, "a time to live" },
	{ LDNS_STATUS_SYNTAX_SUPERFLUOUS_TEXT_ERR,
		"nothing behind the data" },
	{ LDNS_STATUS_SYNTAX_DNAME_ERR, "a name" },
	{ LDNS_STATUS_SYNTAX_ALG_ERR, "an algorithm of DNSSEC" },
	{ LDNS_STATUS_SYNTAX_KEYWORD_ERR, "a word of that type" },
	{ LDNS_STATUS_SYNTAX_INTEGER_OVERFLOW, "a smaller number" },
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

static int
fail(const struct zone_text *zone, const struct reading *reading,
	const char *expected, struct error *error)
{
	struct span found = span_trim(reading->lines.found);
	char shown[FOUND_SHOWN + 1];
	size_t size = 0;
	for (; size < found.size && size < FOUND_SHOWN; size++)
		shown[size] = found.data[size] < ' ' ||
			found.data[size] == 0x7f ? ' ' : found.data[size];
	shown[size] = '\0';
	return error_set(error, ERROR_USAGE, "%s:%u: found \"%s%s\", expected "
		"%s", zone->file, reading->lines.began, shown,
		size < found.size ? "..." : "", expected);
}

/* NULL: it says nothing that helps. */
static const char *
expected_for(ldns_status status)
{
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]);
	    i++)
		if (expectations[i].status == status)
			return expectations[i].expected;
	return NULL;
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

/* A number of seconds, or of units: "1h30m". */
static bool
read_ttl(struct span word, uint32_t *ttl)
{
	static const char units[] = "smhdw";
	static const uint64_t seconds[] = { 1, 60, 3600, 86400, 604800 };
	uint64_t sum = 0, number = 0;
	bool has_digit = false;
	for (size_t i = 0; i < word.size && sum + number <= UINT32_MAX; i++) {
		const char *unit = memchr(units, span_lower_byte(word.data[i]),
			sizeof(units) - 1);
		if (word.data[i] >= '0' && word.data[i] <= '9') {
			number = number * 10 + (uint64_t)(word.data[i] - '0');
			has_digit = true;
			continue;
		}
		if (unit == NULL || !has_digit)
			return false;
		sum += number * seconds[unit - units];
		number = 0;
		has_digit = false;
	}
	*ttl = (uint32_t)(sum + number);
	return word.size > 0 && (has_digit || sum > 0 ||
		word.data[0] == '0') && sum + number <= UINT32_MAX;
}

static bool
is_absolute(struct span word)
{
	size_t escapes = 0;
	if (word.size == 0 || word.data[word.size - 1] != '.')
		return false;
	while (escapes + 1 < word.size &&
	    word.data[word.size - 2 - escapes] == '\\')
		escapes++;
	return escapes % 2 == 0;
}

/* RFC 1035 5.1: relative names are below the origin. */
static bool
read_name(struct span word, const struct dns_name *origin,
	struct dns_name *name)
{
	if (span_equals(word, SPAN("@"))) {
		*name = *origin;
		return true;
	}
	if (!dns_name_from_text(word, name))
		return false;
	if (is_absolute(word))
		return true;
	if (name->size - 1 + origin->size > DNS_NAME_LIMIT)
		return false;
	memcpy(name->bytes + name->size - 1, origin->bytes, origin->size);
	name->size = (uint8_t)(name->size - 1 + origin->size);
	return true;
}

/* A line that begins with $; an expectation, or NULL. */
static const char *
read_directive(struct reading *reading, struct span line)
{
	struct span word, value, more;
	span_word(&line, &word);
	span_word(&line, &value);
	if (span_equals_nocase(word, SPAN("$INCLUDE")))
		return "no $INCLUDE: put it into one file";
	if (span_word(&line, &more))
		return "$TTL with a time, or $ORIGIN with a name";
	if (span_equals_nocase(word, SPAN("$TTL"))) {
		reading->has_ttl = true;
		return read_ttl(value, &reading->ttl) ? NULL :
			"a time to live";
	}
	if (span_equals_nocase(word, SPAN("$ORIGIN"))) {
		const struct dns_name above = reading->origin;
		return read_name(value, &above, &reading->origin) ? NULL :
			name_expected;
	}
	return "$TTL with a time, $ORIGIN with a name, or $GENERATE";
}

/* RFC 1035 5.1: class and time to live in either order, both may be left out. */
static const char *
read_head(struct span line, struct head *head)
{
	static const char *const others[] = { "CH", "HS", "CS" };
	bool has_class = false;
	*head = (struct head){ 0 };
	while (span_word(&line, &head->type)) {
		bool is_class = span_equals_nocase(head->type, SPAN("IN")) ||
			span_equals_nocase(head->type, SPAN("CLASS1"));
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			if (span_equals_nocase(head->type,
			    span_from(others[i])))
				return "the class IN";
		if (!has_class && is_class)
			has_class = true;
		else if (!head->has_ttl && head->type.data[0] >= '0' &&
		    head->type.data[0] <= '9' &&
		    read_ttl(head->type, &head->ttl))
			head->has_ttl = true;
		else
			break;
	}
	head->data = line;
	return head->type.size == 0 ? "a type and its data" : NULL;
}

/*
 * A field that is a number and too large for its octets: ldns would take what is
 * left of it.
 */
static bool
has_large_number(ldns_rr_type type, struct span data)
{
	const ldns_rr_descriptor *fields = ldns_rr_descript((uint16_t)type);
	struct span word;
	uint64_t number;
	for (size_t i = 0; i < ldns_rr_descriptor_maximum(fields) &&
	    span_word(&data, &word); i++) {
		uint64_t most = UINT64_MAX;
		switch (ldns_rr_descriptor_field_type(fields, i)) {
		case LDNS_RDF_TYPE_INT8:
			most = UINT8_MAX;
			break;
		case LDNS_RDF_TYPE_INT16:
			most = UINT16_MAX;
			break;
		case LDNS_RDF_TYPE_INT32:
			most = UINT32_MAX;
			break;
		case LDNS_RDF_TYPE_DNAME:
			break;
		default:
			return false;	/* whose words may be quoted */
		}
		if (most != UINT64_MAX && word.data[0] >= '0' &&
		    word.data[0] <= '9' && !span_to_number(word, most, &number))
			return true;
	}
	return false;
}

static ldns_rdf *
to_rdf(const struct dns_name *name)
{
	return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name->size,
		name->bytes);
}

/* By ldns: a record without its name, of the last owner. */
static ldns_status
parse(const struct reading *reading, const struct head *head, ldns_rr **rr)
{
	struct buffer line;
	ldns_rdf *origin = to_rdf(&reading->origin);
	ldns_rdf *owner = to_rdf(&reading->last);
	buffer_init(&line, 0);
	buffer_print(&line, "\t%u IN ", head->ttl);
	buffer_add(&line, head->type);
	buffer_add(&line, head->data);
	ldns_status status = ldns_rr_new_frm_str(rr, buffer_string(&line), 0,
		origin, &owner);
	buffer_fini(&line);
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(owner);
	return status;
}

/* RFC 2308 4: of a record that says none, that of $TTL; RFC 1035 5.1: else the
 * last one said; before any the SOA's minimum, for what follows too. */
static void
settle_ttl(struct reading *reading, const struct head *head, ldns_rr *rr)
{
	if (!head->has_ttl && !reading->has_ttl && !reading->was_said &&
	    ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA)
		ldns_rr_set_ttl(rr, ldns_rdf2native_int32(ldns_rr_rdf(rr, 6)));
	else if (!head->has_ttl)
		return;
	if (!reading->has_ttl)
		reading->ttl = ldns_rr_ttl(rr);
	reading->was_said = true;
}

/* An expectation, or NULL. */
static const char *
read_record(struct zone_text *zone, struct reading *reading, struct span line)
{
	struct span owner;
	struct head head;
	ldns_rr *rr = NULL;
	char type[WORD_LIMIT];
	bool has_owner = line.data[0] != ' ' && line.data[0] != '\t';
	if (has_owner && (!span_word(&line, &owner) ||
	    !read_name(owner, &reading->origin, &reading->last)))
		return name_expected;
	const char *expected = read_head(line, &head);
	if (expected != NULL)
		return expected;
	if (!head.has_ttl)
		head.ttl = reading->ttl;
	snprintf(type, sizeof(type), "%.*s", SPAN_PRINT(head.type));
	ldns_rr_type number = ldns_get_rr_type_by_name(type);
	if (number == 0)
		return "the type of a record";
	if (number == LDNS_RR_TYPE_TXT || number == LDNS_RR_TYPE_SPF)
		snprintf(reading->data_of, sizeof(reading->data_of),
			"strings of at most 255 octets each");
	else
		snprintf(reading->data_of, sizeof(reading->data_of),
			"data of the type %s", type);
	if (has_large_number(number, head.data))
		return "a smaller number";
	ldns_status status = parse(reading, &head, &rr);
	if (status != LDNS_STATUS_OK) {
		expected = expected_for(status);
		return expected == NULL ? reading->data_of : expected;
	}
	settle_ttl(reading, &head, rr);
	expected = add(zone, rr, reading->lines.began);
	ldns_rr_free(rr);
	return expected;
}

static bool
is_generate(struct span line)
{
	struct span word;
	return span_word(&line, &word) &&
		span_equals_nocase(word, SPAN("$GENERATE"));
}

/* The lines that come of it; an expectation, or NULL. */
static const char *
generate(struct zone_text *zone, struct reading *reading, struct span line)
{
	struct zone_generate lines;
	struct span word;
	span_word(&line, &word);
	const char *expected = zone_generate_init(&lines, line);
	while (expected == NULL && zone_generate_next(&lines, &expected))
		expected = reading->generated++ == ZONE_GENERATE_LIMIT ?
			"at most 131,072 generated lines in a zone" :
			read_record(zone, reading, buffer_span(&lines.text));
	zone_generate_fini(&lines);
	return expected;
}

int
zone_text_read(struct zone_text *zone, struct span text, struct error *error)
{
	const char *expected = NULL;
	struct reading reading = { .ttl = TTL_UNKNOWN, .origin = zone->origin,
		.last = zone->origin };
	if (text.size == 0)
		return error_set(error, ERROR_USAGE, "%s: found nothing, "
			"expected a zone", zone->file);
	zone_lines_init(&reading.lines, text);
	while (expected == NULL && zone_lines_next(&reading.lines)) {
		struct span line = buffer_span(&reading.lines.text);
		expected = line.data[0] != '$' ?
			read_record(zone, &reading, line) :
			is_generate(line) ? generate(zone, &reading, line) :
			read_directive(&reading, line);
	}
	if (expected == NULL)
		expected = reading.lines.expected;
	int result = expected == NULL ? 0 : fail(zone, &reading, expected,
		error);
	zone_lines_fini(&reading.lines);
	return result;
}
