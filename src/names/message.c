/*
 * Questions and answers of the resolver.
 */
#include "names/message.h"

#include <string.h>

#include "proto/tsig.h"

enum { OPT_SIZE = 11 };		/* of an OPT record without options */

/* RFC 6895 3.1: transfers and the like; ANY may be answered. */
bool
message_is_meta(uint16_t type)
{
	return type == 0 || type == DNS_TYPE_OPT ||
		(type >= DNS_TYPE_FIRST_META && type <= DNS_TYPE_LAST_META);
}

unsigned
message_judge(const struct message_question *question)
{
	if ((question->flags & DNS_FLAG_OPCODE) != 0)
		return DNS_NOT_IMPLEMENTED;
	/* nobody may look into the cache without asking */
	if ((question->flags & DNS_FLAG_RECURSION_DESIRED) == 0 ||
	    question->asked.class != DNS_CLASS_IN)
		return DNS_REFUSED;
	return message_is_meta(question->asked.type) ? DNS_NOT_IMPLEMENTED : 0;
}

/* RFC 6891 6.1.1: one OPT, of the root, in the last section. */
static bool
take_edns(struct span bytes, const struct dns_record *record,
	struct message_question *question, struct dns_edns *edns)
{
	if (record->section != DNS_ADDITIONAL || question->has_edns ||
	    record->owner.size != 1)
		return false;
	dns_data_edns(bytes, record, edns);
	question->has_edns = true;
	question->is_dnssec_wanted = edns->is_dnssec_wanted;
	if (edns->udp_size > DNS_UDP_LEAST)
		question->udp_size = edns->udp_size;
	if (edns->is_malformed)
		return false;
	question->cookie_size = (uint8_t)edns->cookie.size;
	if (edns->cookie.size > 0)
		memcpy(question->cookie, edns->cookie.data, edns->cookie.size);
	return true;
}

/* What other operations say is not known (RFC 8906 3.1.4): nothing of it is
 * wrong. */
static bool
is_known_operation(const struct message_question *question)
{
	unsigned opcode = question->flags & DNS_FLAG_OPCODE;
	return opcode == 0 || opcode == MESSAGE_NOTIFY;
}

static unsigned
judge(const struct message_question *question, bool is_sound,
	unsigned version)
{
	if (!is_known_operation(question))
		return DNS_NOT_IMPLEMENTED;
	if (version != 0)
		return DNS_BAD_VERSION;
	/* RFC 7873 5.4: who wants nothing but a cookie need not ask */
	return is_sound && (question->has_question ||
		question->cookie_size > 0) ? DNS_NO_ERROR : DNS_FORMAT_ERROR;
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
	question->has_question = reader.header.count[DNS_QUESTION] == 1 &&
		dns_read_question(&reader, &question->asked);
	bool is_sound = question->has_question ||
		reader.header.count[DNS_QUESTION] == 0;
	while (is_sound && dns_read_record(&reader, &record))
		if (record.type == DNS_TYPE_OPT)
			is_sound = take_edns(bytes, &record, question, &edns);
		else if (record.type == TSIG_TYPE)
			question->has_tsig = true;
	question->refusal = judge(question, is_sound && !reader.is_malformed,
		reader.is_malformed ? 0 : edns.version);
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
	const struct message_question *question, struct span packet,
	const struct message_answer *answer)
{
	struct dns_reader reader;
	struct dns_record record;
	if (!dns_read(&reader, packet))
		return false;
	while (!writer->is_full && dns_read_record(&reader, &record)) {
		/* of what is no answer of the library's only aliases */
		if (!is_wanted(question, &record) ||
		    (answer == NULL && record.section != DNS_ANSWER))
			continue;
		if (answer != NULL)
			record.ttl -= answer->age < record.ttl ? answer->age :
				record.ttl;
		dns_write_record(writer, packet, &record);
	}
	return !reader.is_malformed;
}

static bool
copy_all(struct dns_writer *writer, const struct message_question *question,
	struct span aliases, const struct message_answer *answer)
{
	if (question->has_edns)
		writer->limit -= OPT_SIZE;
	bool result = (aliases.size == 0 ||
		copy_records(writer, question, aliases, NULL)) &&
		copy_records(writer, question, answer->packet, answer);
	if (question->has_edns)
		writer->limit += OPT_SIZE;
	return result;
}

static void
begin(struct dns_writer *writer, struct buffer *out, size_t limit,
	const struct message_question *question)
{
	dns_write(writer, out, limit, question->id, (uint16_t)
		(DNS_FLAG_RESPONSE | DNS_FLAG_RECURSION_AVAILABLE |
		(question->flags & (DNS_FLAG_OPCODE |
		DNS_FLAG_RECURSION_DESIRED | DNS_FLAG_CHECKING_DISABLED))));
	if (question->has_question)
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
	const struct message_question *question, struct span aliases,
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
	bool is_whole = copy_all(&writer, question, aliases, answer);
	if (is_whole && !writer.is_full) {
		if (answer->is_secure && aliases.size == 0 &&
		    is_ad_wanted(question))
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
