/* DNS messages: what is read can be written, reads as the same records again,
 * and its names as text are the same names. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "proto/dns.h"

enum { RECORDS = 64 };

static void
check_name(const struct dns_name *name)
{
	char text[DNS_TEXT_SIZE];
	struct dns_name again;
	size_t size = dns_name_to_text(name, text);
	assert(size < DNS_TEXT_SIZE && strlen(text) == size);
	assert(dns_name_from_text(span_of(text, size), &again));
	assert(dns_name_equals(name, &again));
	assert(dns_name_is_below(name, &again));
}

static void
check_data(struct span message, const struct dns_record *record)
{
	struct dns_name name;
	struct network_address address;
	struct dns_edns edns;
	struct buffer text;
	uint32_t ttl;
	if (dns_data_name(message, record, 0, &name))
		check_name(&name);
	if (dns_data_name(message, record, 2, &name))
		check_name(&name);
	dns_data_address(message, record, &address);
	dns_data_soa_ttl(message, record, &ttl);
	dns_data_edns(message, record, &edns);
	assert(edns.text.size <= record->size);
	buffer_init(&text, 0);
	if (dns_data_text(message, record, 300, &text))
		assert(text.size <= 300);
	buffer_fini(&text);
}

static void
write_all(struct dns_writer *writer, struct span message, struct buffer *out,
	size_t limit)
{
	struct dns_reader reader;
	struct dns_question question;
	struct dns_record record;
	dns_read(&reader, message);
	dns_write(writer, out, limit, reader.header.id, reader.header.flags);
	while (dns_read_question(&reader, &question))
		dns_write_question(writer, &question);
	while (dns_read_record(&reader, &record))
		dns_write_record(writer, message, &record);
	dns_write_end(writer);
	assert(out->size <= limit);
}

/* Every record of the copy is one of the original, in the same order. */
static void
compare(struct span message, struct span copy, bool is_full)
{
	struct dns_reader a, b;
	struct dns_record first, second;
	dns_read(&a, message);
	assert(dns_read(&b, copy));
	while (dns_read_record(&b, &second)) {
		do
			assert(dns_read_record(&a, &first));
		while (is_full && !(first.type == second.type &&
			first.section == second.section &&
			dns_name_equals(&first.owner, &second.owner)));
		assert(first.type == second.type &&
			first.section == second.section);
		assert(dns_name_equals(&first.owner, &second.owner));
	}
	assert(!b.is_malformed && b.offset == copy.size);
	if (!is_full)
		assert(!dns_read_record(&a, &first));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = span_of(data, size);
	struct dns_reader reader;
	struct dns_question question;
	struct dns_record record;
	struct dns_writer writer;
	struct dns_name name;
	struct buffer out;
	unsigned records = 0;
	if (dns_name_from_text(message, &name))
		check_name(&name);
	if (!dns_read(&reader, message))
		return 0;
	while (dns_read_question(&reader, &question))
		check_name(&question.name);
	while (dns_read_record(&reader, &record) && records++ < RECORDS) {
		check_name(&record.owner);
		check_data(message, &record);
	}
	if (reader.is_malformed || records >= RECORDS)
		return 0;
	buffer_init(&out, 0);
	write_all(&writer, message, &out, DNS_MESSAGE_LIMIT);
	compare(message, buffer_span(&out), writer.is_full);
	buffer_clear(&out);
	write_all(&writer, message, &out, DNS_UDP_LEAST);
	compare(message, buffer_span(&out), writer.is_full);
	buffer_fini(&out);
	return 0;
}
