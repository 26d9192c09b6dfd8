/*
 * Questions and answers of the resolver.
 */
#include "names/message.h"

enum { OPT_SIZE = 11 };		/* of an OPT record without options */

/* The rcode of a question that is not answered; 0 when it is. */
static unsigned
judge(const struct dns_header *header, const struct dns_question *asked)
{
	if ((header->flags & DNS_FLAG_OPCODE) != 0)
		return DNS_NOT_IMPLEMENTED;
	/* nobody may look into the cache without asking */
	if ((header->flags & DNS_FLAG_RECURSION_DESIRED) == 0 ||
	    asked->class != DNS_CLASS_IN)
		return DNS_REFUSED;
	/* transfers and the like (RFC 6895 3.1); ANY may be answered */
	if (asked->type == 0 || asked->type == DNS_TYPE_OPT ||
	    (asked->type >= DNS_TYPE_FIRST_META &&
	    asked->type <= DNS_TYPE_LAST_META))
		return DNS_NOT_IMPLEMENTED;
	return 0;
}

bool
message_read(struct span bytes, struct message_question *question)
{
	struct dns_reader reader;
	struct dns_record record;
	struct dns_edns edns = { .version = 0 };
	*question = (struct message_question){ .udp_size = DNS_UDP_LEAST };
	if (!dns_read(&reader, bytes) ||
	    (reader.header.flags & DNS_FLAG_RESPONSE) != 0)
		return false;
	question->id = reader.header.id;
	question->flags = reader.header.flags;
	if (reader.header.count[DNS_QUESTION] != 1 ||
	    !dns_read_question(&reader, &question->asked)) {
		question->asked = (struct dns_question){ .type = 0 };
		question->refusal = DNS_FORMAT_ERROR;
		return true;
	}
	while (dns_read_record(&reader, &record)) {
		if (record.section != DNS_ADDITIONAL ||
		    record.type != DNS_TYPE_OPT)
			continue;
		dns_data_edns(bytes, &record, &edns);
		question->has_edns = true;
		question->is_dnssec_wanted = edns.is_dnssec_wanted;
		if (edns.udp_size > DNS_UDP_LEAST)
			question->udp_size = edns.udp_size;
	}
	question->refusal = reader.is_malformed ? DNS_FORMAT_ERROR :
		edns.version != 0 ? DNS_BAD_VERSION :
		judge(&reader.header, &question->asked);
	return true;
}

/* RFC 4035 3.2.1: proofs only for those who want them, or ask for them. */
static bool
is_wanted(const struct message_question *question,
	const struct dns_record *record)
{
	if (record->type == DNS_TYPE_OPT)
		return false;
	if (question->is_dnssec_wanted || question->asked.type == record->type)
		return true;
	return record->type != DNS_TYPE_RRSIG &&
		record->type != DNS_TYPE_NSEC && record->type != DNS_TYPE_NSEC3;
}

static bool
copy_records(struct dns_writer *writer,
	const struct message_question *question, struct span packet)
{
	struct dns_reader reader;
	struct dns_record record;
	if (!dns_read(&reader, packet))
		return false;
	if (question->has_edns)
		writer->limit -= OPT_SIZE;
	while (!writer->is_full && dns_read_record(&reader, &record))
		if (is_wanted(question, &record))
			dns_write_record(writer, packet, &record);
	if (question->has_edns)
		writer->limit += OPT_SIZE;
	return !reader.is_malformed;
}

static void
begin(struct dns_writer *writer, struct buffer *out, size_t limit,
	const struct message_question *question)
{
	dns_write(writer, out, limit, question->id, (uint16_t)
		(DNS_FLAG_RESPONSE | DNS_FLAG_RECURSION_AVAILABLE |
		(question->flags & (DNS_FLAG_OPCODE |
		DNS_FLAG_RECURSION_DESIRED | DNS_FLAG_CHECKING_DISABLED))));
	if (question->asked.type != 0)
		dns_write_question(writer, &question->asked);
}

/* RFC 8914 4: why there is no answer. */
static void
finish(struct dns_writer *writer, const struct message_question *question,
	unsigned rcode, const struct message_answer *answer)
{
	struct dns_edns edns = { .udp_size = DNS_UDP_MOST,
		.rcode = (uint8_t)(rcode >> 4), .error = DNS_NO_ERROR_CODE,
		.is_dnssec_wanted = question->is_dnssec_wanted };
	if (answer != NULL && rcode == DNS_SERVER_FAILURE) {
		edns.error = answer->is_bogus ? DNS_ERROR_BOGUS :
			DNS_ERROR_OTHER;
		edns.text = answer->reason;
	}
	writer->header.flags |= (uint16_t)(rcode & DNS_FLAG_RCODE);
	if (question->has_edns)
		dns_write_edns(writer, &edns);
	dns_write_end(writer);
}

/* RFC 6840 5.8: AD is for those who show that they understand it. */
static bool
is_ad_wanted(const struct message_question *question)
{
	return question->is_dnssec_wanted ||
		(question->flags & DNS_FLAG_AUTHENTIC) != 0;
}

void
message_write(struct buffer *out, size_t limit,
	const struct message_question *question,
	const struct message_answer *answer)
{
	static const struct message_answer unusable = {
		.rcode = DNS_SERVER_FAILURE,
		.reason = { "the answer is too long or malformed", 35 } };
	struct dns_writer writer;
	size_t mark = out->size;
	begin(&writer, out, limit, question);
	if (answer == NULL || answer->packet.size == 0) {
		finish(&writer, question, answer == NULL ? question->refusal :
			answer->rcode, answer);
		return;
	}
	bool is_whole = copy_records(&writer, question, answer->packet);
	if (is_whole && !writer.is_full) {
		if (answer->is_secure && is_ad_wanted(question))
			writer.header.flags |= DNS_FLAG_AUTHENTIC;
		finish(&writer, question, answer->rcode, answer);
		return;
	}
	out->size = mark;
	begin(&writer, out, limit, question);
	if (is_whole && limit < DNS_MESSAGE_LIMIT) {
		writer.header.flags |= DNS_FLAG_TRUNCATED;
		finish(&writer, question, answer->rcode, answer);
	} else
		finish(&writer, question, DNS_SERVER_FAILURE, &unusable);
}
