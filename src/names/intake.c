/* Reading transfers; see intake.h. */
#include "names/intake.h"

#include <string.h>

#include "names/serials.h"

enum { SERIAL_FROM_END = 20, SOA_LEAST = 22 };	/* RFC 1035 3.3.13 */

void
intake_begin(struct intake *intake, struct arena *arena,
	const struct dns_name *origin, uint16_t id, const struct zone *has)
{
	*intake = (struct intake){ .id = id, .has = has, .text = {
		.arena = arena, .origin = *origin, .file = "transfer" } };
}

void
intake_end(struct intake *intake)
{
	if (intake->is_change)
		amend_fini(&intake->amend);
	intake->is_change = false;
}

static enum intake_result
fail(struct intake *intake, const char *wrong)
{
	intake->wrong = wrong;
	return INTAKE_WRONG;
}

/* ---- one record ---- */

/* Its data with whole names: the writer leaves them so. *made refers to `out`,
 * which is empty and the caller's. */
static bool
unfold(struct span message, const struct dns_record *record,
	struct buffer *out, struct zone_record *made)
{
	struct dns_writer writer;
	dns_write(&writer, out, DNS_MESSAGE_LIMIT, 0, 0);
	dns_write_record(&writer, message, record);
	size_t head = DNS_HEADER_SIZE + record->owner.size + 10u;
	if (writer.is_full || out->size < head)
		return false;
	*made = (struct zone_record){ .type = record->type,
		.owner = record->owner.bytes,
		.owner_size = record->owner.size, .ttl = record->ttl,
		.data = (const uint8_t *)out->data + head,
		.size = (uint16_t)(out->size - head) };
	return true;
}

static bool
is_apex_soa(const struct intake *intake, const struct dns_record *record)
{
	return record->type == DNS_TYPE_SOA &&
		dns_name_equals(&record->owner, &intake->text.origin);
}

/* What is not in the zone is nobody's business (RFC 5936 3.5). */
static bool
is_of_zone(const struct intake *intake, const struct dns_record *record)
{
	return record->type != 0 && record->type != DNS_TYPE_OPT &&
		(record->type < DNS_TYPE_FIRST_META ||
		record->type > DNS_TYPE_ANY) &&
		dns_name_is_below(&record->owner, &intake->text.origin);
}

static uint32_t
serial_before(const uint8_t *end)
{
	const uint8_t *at = end - SERIAL_FROM_END;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
		(uint32_t)at[2] << 8 | at[3];
}

/* ---- where the SOA stands in a transfer ---- */

static enum intake_result
take_first(struct intake *intake, uint32_t serial)
{
	intake->serial = serial;
	intake->phase = INTAKE_SECOND;
	if (intake->has == NULL || serials_is_newer(serial,
	    intake->has->serial))
		return INTAKE_MORE;
	return serial == intake->has->serial ? INTAKE_SAME :
		fail(intake, "a serial older than ours");
}

/* RFC 1995 4: differences begin with the SOA that we have. */
static enum intake_result
take_second(struct intake *intake, uint32_t serial)
{
	if (intake->has == NULL)
		return INTAKE_WHOLE;
	if (serial != intake->has->serial)
		return fail(intake, "differences from another serial");
	amend_begin(&intake->amend, intake->text.arena, intake->has);
	intake->is_change = true;
	intake->reached = serial;
	intake->phase = INTAKE_REMOVING;
	return INTAKE_MORE;
}

/* Behind what one difference removes stands the SOA that it leads to. */
static enum intake_result
take_middle(struct intake *intake, uint32_t serial)
{
	if (!serials_is_newer(serial, intake->reached) ||
	    serials_is_newer(serial, intake->serial))
		return fail(intake, "differences that lead back");
	intake->reached = serial;
	intake->phase = INTAKE_ADDING;
	return INTAKE_MORE;
}

/* Behind what it adds the SOA that the next begins with, or the last one. */
static enum intake_result
take_end(struct intake *intake, uint32_t serial)
{
	if (serial != intake->reached)
		return fail(intake, "differences that do not join");
	if (serial != intake->serial) {
		intake->phase = INTAKE_REMOVING;
		return INTAKE_MORE;
	}
	const struct zone_record soa = intake->text.records[0];
	amend_take(&intake->amend, &soa, &intake->text);
	return INTAKE_WHOLE;
}

static enum intake_result
take_soa(struct intake *intake, uint32_t serial)
{
	switch (intake->phase) {
	case INTAKE_BEGINNING:
		return take_first(intake, serial);
	case INTAKE_SECOND:
		return take_second(intake, serial);
	case INTAKE_ZONE:
		return serial == intake->serial ? INTAKE_WHOLE :
			fail(intake, "another serial at its end");
	case INTAKE_REMOVING:
		return take_middle(intake, serial);
	case INTAKE_ADDING:
		return take_end(intake, serial);
	}
	return INTAKE_WRONG;
}

/* ---- records ---- */

static enum intake_result
take_made(struct intake *intake, const struct zone_record *made)
{
	switch (intake->phase) {
	case INTAKE_BEGINNING:
		return fail(intake, "no SOA at its beginning");
	case INTAKE_SECOND:
	case INTAKE_ZONE:
		intake->phase = INTAKE_ZONE;
		zone_text_add(&intake->text, made);
		return INTAKE_MORE;
	case INTAKE_REMOVING:
		return amend_remove(&intake->amend, made) ? INTAKE_MORE :
			fail(intake, "a difference that removes what is not "
			"there");
	case INTAKE_ADDING:
		return amend_add(&intake->amend, made) ? INTAKE_MORE :
			fail(intake, "a difference that adds what is there");
	}
	return INTAKE_WRONG;
}

static enum intake_result
take_whole(struct intake *intake, const struct dns_record *record,
	const struct zone_record *made)
{
	if (!is_apex_soa(intake, record))
		return take_made(intake, made);
	if (made->size < SOA_LEAST)
		return fail(intake, "a malformed record");
	if (intake->phase == INTAKE_BEGINNING)
		zone_text_add(&intake->text, made);
	return take_soa(intake, serial_before(made->data + made->size));
}

static enum intake_result
take_record(struct intake *intake, struct span message,
	const struct dns_record *record)
{
	struct buffer out;
	struct zone_record made;
	if (record->class != DNS_CLASS_IN)
		return fail(intake, "another class");
	if (intake->records++ == INTAKE_RECORDS ||
	    (intake->is_change && intake->amend.live == INTAKE_RECORDS))
		return fail(intake, "too many records");
	if (intake->phase != INTAKE_BEGINNING && !is_of_zone(intake, record))
		return INTAKE_MORE;
	buffer_init(&out, 0);
	enum intake_result result = unfold(message, record, &out, &made) ?
		take_whole(intake, record, &made) :
		fail(intake, "a malformed record");
	buffer_fini(&out);
	return result;
}

/* ---- messages ---- */

/* The header of an answer to our question, that says yes. */
static bool
is_answer(const struct dns_header *header, uint16_t id)
{
	return header->id == id &&
		(header->flags & (DNS_FLAG_RESPONSE | DNS_FLAG_OPCODE |
		DNS_FLAG_RCODE)) == DNS_FLAG_RESPONSE;
}

enum intake_result
intake_take(struct intake *intake, struct span message)
{
	struct dns_reader reader;
	struct dns_record record;
	intake->octets += message.size;
	if (intake->octets > INTAKE_OCTETS)
		return fail(intake, "too much");
	if (!dns_read(&reader, message) ||
	    !is_answer(&reader.header, intake->id))
		return fail(intake, "a refusal, or no answer");
	bool has_records = false;
	while (dns_read_record(&reader, &record)) {
		if (record.section != DNS_ANSWER)
			continue;
		has_records = true;
		enum intake_result result = take_record(intake, message,
			&record);
		if (result != INTAKE_MORE)
			return result;
	}
	if (reader.is_malformed || !has_records)
		return fail(intake, "a malformed message");
	return INTAKE_MORE;
}

bool
intake_read_serial(struct span message, const struct dns_name *origin,
	uint16_t id, uint32_t *serial)
{
	struct dns_reader reader;
	struct dns_record record;
	if (!dns_read(&reader, message) || !is_answer(&reader.header, id) ||
	    (reader.header.flags & DNS_FLAG_AUTHORITATIVE) == 0)
		return false;
	while (dns_read_record(&reader, &record)) {
		if (record.section != DNS_ANSWER || record.size < SOA_LEAST ||
		    record.type != DNS_TYPE_SOA ||
		    !dns_name_equals(&record.owner, origin))
			continue;
		*serial = serial_before((const uint8_t *)message.data +
			record.data + record.size);
		return true;
	}
	return false;
}
