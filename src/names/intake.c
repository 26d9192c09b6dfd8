/* Reading transfers; see intake.h. */
#include "names/intake.h"

#include <string.h>

void
intake_begin(struct intake *intake, struct arena *arena,
	const struct dns_name *origin, uint16_t id)
{
	*intake = (struct intake){ .id = id, .text = { .arena = arena,
		.origin = *origin, .file = "transfer" } };
}

static enum intake_result
fail(struct intake *intake, const char *wrong)
{
	intake->wrong = wrong;
	return INTAKE_WRONG;
}

/* Its data with whole names: the writer leaves them so. */
static bool
add(struct intake *intake, struct span message,
	const struct dns_record *record)
{
	struct buffer out;
	struct dns_writer writer;
	buffer_init(&out, 0);
	dns_write(&writer, &out, DNS_MESSAGE_LIMIT, 0, 0);
	dns_write_record(&writer, message, record);
	size_t head = DNS_HEADER_SIZE + record->owner.size + 10u;
	bool result = !writer.is_full && out.size >= head;
	if (result) {
		const struct zone_record made = { .type = record->type,
			.owner = record->owner.bytes,
			.owner_size = record->owner.size,
			.ttl = record->ttl,
			.data = (const uint8_t *)out.data + head,
			.size = (uint16_t)(out.size - head) };
		zone_text_add(&intake->text, &made);
	}
	buffer_fini(&out);
	return result;
}

static bool
is_apex_soa(const struct intake *intake, const struct dns_record *record)
{
	return record->type == DNS_TYPE_SOA &&
		dns_name_equals(&record->owner, &intake->text.origin);
}

static enum intake_result
take_record(struct intake *intake, struct span message,
	const struct dns_record *record)
{
	bool is_first = intake->text.count == 0;
	if (record->class != DNS_CLASS_IN)
		return fail(intake, "another class");
	if (is_first != is_apex_soa(intake, record))
		return is_first ? fail(intake, "no SOA at its beginning") :
			INTAKE_WHOLE;
	if (intake->text.count == INTAKE_RECORDS)
		return fail(intake, "too many records");
	/* what is not in the zone is nobody's business (RFC 5936 3.5) */
	if (record->type == 0 || record->type == DNS_TYPE_OPT ||
	    (record->type >= DNS_TYPE_FIRST_META &&
	    record->type <= DNS_TYPE_ANY) ||
	    !dns_name_is_below(&record->owner, &intake->text.origin))
		return INTAKE_MORE;
	return add(intake, message, record) ? INTAKE_MORE :
		fail(intake, "a malformed record");
}

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
		if (record.section != DNS_ANSWER || record.size < 22 ||
		    record.type != DNS_TYPE_SOA ||
		    !dns_name_equals(&record.owner, origin))
			continue;
		const uint8_t *at = (const uint8_t *)message.data +
			record.data + record.size - 20;
		*serial = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
			(uint32_t)at[2] << 8 | at[3];
		return true;
	}
	return false;
}
