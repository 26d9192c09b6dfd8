/*
 * Reading and writing DNS messages. All of it but the header and the names is
 * in tables or one line; hostile messages are bounded by their own size: a
 * pointer only leads backwards, a name has at most 255 octets, and nothing is
 * believed to be longer than what is left.
 */
#include "proto/dns.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Types whose data has names that senders may compress (RFC 1035 3.3, RFC 3597
 * 4): octets in front, then names, then the rest. */
static const struct layout {
	uint16_t type;
	uint8_t prefix, names;
} layouts[] = {
	{ DNS_TYPE_NS, 0, 1 }, { 3, 0, 1 }, { 4, 0, 1 },
	{ DNS_TYPE_CNAME, 0, 1 }, { DNS_TYPE_SOA, 0, 2 }, { 7, 0, 1 },
	{ 8, 0, 1 }, { 9, 0, 1 }, { DNS_TYPE_PTR, 0, 1 }, { 14, 0, 2 },
	{ DNS_TYPE_MX, 2, 1 }, { 17, 0, 2 }, { 18, 2, 1 }, { 21, 2, 1 },
	{ 26, 2, 2 }, { 33, 6, 1 }, { DNS_TYPE_DNAME, 0, 1 },
};

static unsigned
byte_at(struct span message, size_t offset)
{
	return (uint8_t)message.data[offset];
}

static unsigned
number_at(struct span message, size_t offset)
{
	return byte_at(message, offset) << 8 | byte_at(message, offset + 1);
}

static uint32_t
long_at(struct span message, size_t offset)
{
	return (uint32_t)number_at(message, offset) << 16 |
		number_at(message, offset + 2);
}

/* ---- names ---- */

/* One character of a label; how much of the text it took, 0: malformed. */
static size_t
read_character(struct span text, uint8_t *byte)
{
	uint64_t number;
	*byte = (uint8_t)text.data[0];
	if (text.data[0] != '\\')
		return 1;
	if (text.size < 2)
		return 0;
	*byte = (uint8_t)text.data[1];
	if (*byte < '0' || *byte > '9')
		return 2;
	if (text.size < 4 || !span_to_number(span_of(text.data + 1, 3), 255,
		&number))
		return 0;
	*byte = (uint8_t)number;
	return 4;
}

bool
dns_name_from_text(struct span text, struct dns_name *name)
{
	size_t size = 0, label = 0;	/* octets so far; where the label's
					 * length stands */
	if (span_equals(text, SPAN(".")))
		text = SPAN("");
	while (text.size > 0) {
		uint8_t byte;
		if (text.data[0] == '.') {
			if (size == label)
				return false;
			text = span_skip(text, 1);
			name->bytes[label] = (uint8_t)(size - label);
			label = ++size;
			continue;
		}
		size_t used = read_character(text, &byte);
		if (used == 0 || size - label == DNS_LABEL_LIMIT ||
		    size + 2 >= DNS_NAME_LIMIT)
			return false;
		name->bytes[++size] = byte;
		text = span_skip(text, used);
	}
	if (size > label) {
		name->bytes[label] = (uint8_t)(size - label);
		size++;
	}
	name->bytes[size] = 0;
	name->size = (uint8_t)(size + 1);
	return true;
}

size_t
dns_name_to_text(const struct dns_name *name, char out[DNS_TEXT_SIZE])
{
	size_t size = 0;
	for (size_t at = 0; name->bytes[at] != 0;) {
		size_t end = at + 1 + name->bytes[at];
		if (size > 0)
			out[size++] = '.';
		for (at++; at < end; at++) {
			uint8_t byte = name->bytes[at];
			bool is_plain = byte > ' ' && byte < 0x7f &&
				memchr(".\\\"();@$", byte, 8) == NULL;
			if (is_plain)
				out[size++] = span_lower_byte((char)byte);
			else
				size += (size_t)snprintf(out + size, 5,
					"\\%03u", byte);
		}
	}
	out[size] = '\0';
	return size;
}

static struct span
name_span(const struct dns_name *name)
{
	return span_of(name->bytes, name->size);
}

bool
dns_name_equals(const struct dns_name *a, const struct dns_name *b)
{
	/* a length of a label is no letter */
	return span_equals_nocase(name_span(a), name_span(b));
}

bool
dns_name_is_below(const struct dns_name *name, const struct dns_name *domain)
{
	size_t at = 0;
	while (name->size - at > domain->size)
		at += 1u + name->bytes[at];
	return span_equals_nocase(span_skip(name_span(name), at),
		name_span(domain));
}

bool
dns_read_name(struct span message, size_t *offset, struct dns_name *name)
{
	size_t at = *offset, size = 0, first = at;
	bool has_jumped = false;
	for (;;) {
		if (at >= message.size)
			return false;
		unsigned length = byte_at(message, at);
		if (length >= 0xc0) {
			if (message.size - at < 2)
				return false;
			if (!has_jumped)
				*offset = at + 2;
			has_jumped = true;
			at = number_at(message, at) & 0x3fff;
			if (at >= first)
				return false;
			first = at;
			continue;
		}
		if (length > DNS_LABEL_LIMIT || message.size - at <= length ||
		    size + length + 1 > DNS_NAME_LIMIT)
			return false;
		memcpy(name->bytes + size, message.data + at, length + 1);
		size += length + 1;
		at += length + 1;
		if (length == 0)
			break;
	}
	name->size = (uint8_t)size;
	if (!has_jumped)
		*offset = at;
	return true;
}

/* ---- reading ---- */

bool
dns_read(struct dns_reader *reader, struct span message)
{
	*reader = (struct dns_reader){ .message = message,
		.offset = DNS_HEADER_SIZE };
	if (message.size < DNS_HEADER_SIZE ||
	    message.size > DNS_MESSAGE_LIMIT) {
		reader->is_malformed = true;
		return false;
	}
	reader->header.id = (uint16_t)number_at(message, 0);
	reader->header.flags = (uint16_t)number_at(message, 2);
	for (unsigned i = 0; i < DNS_SECTIONS; i++)
		reader->header.count[i] = (uint16_t)number_at(message,
			4 + 2 * i);
	reader->left = reader->header.count[DNS_QUESTION];
	return true;
}

static bool
fail(struct dns_reader *reader)
{
	reader->is_malformed = true;
	return false;
}

bool
dns_read_question(struct dns_reader *reader, struct dns_question *question)
{
	if (reader->is_malformed || reader->section != DNS_QUESTION ||
	    reader->left == 0)
		return false;
	reader->left--;
	if (!dns_read_name(reader->message, &reader->offset, &question->name) ||
	    reader->message.size - reader->offset < 4)
		return fail(reader);
	question->type = (uint16_t)number_at(reader->message, reader->offset);
	question->class = (uint16_t)number_at(reader->message,
		reader->offset + 2);
	reader->offset += 4;
	return true;
}

bool
dns_read_record(struct dns_reader *reader, struct dns_record *record)
{
	struct dns_question unread;
	struct span message = reader->message;
	while (dns_read_question(reader, &unread))
		;
	while (!reader->is_malformed && reader->left == 0 &&
	    reader->section < DNS_ADDITIONAL)
		reader->left = reader->header.count[++reader->section];
	if (reader->is_malformed || reader->left == 0)
		return false;
	reader->left--;
	if (!dns_read_name(message, &reader->offset, &record->owner) ||
	    message.size - reader->offset < 10)
		return fail(reader);
	record->section = reader->section;
	record->type = (uint16_t)number_at(message, reader->offset);
	record->class = (uint16_t)number_at(message, reader->offset + 2);
	record->ttl = long_at(message, reader->offset + 4);
	/* RFC 2181 8 */
	if (record->ttl > INT32_MAX)
		record->ttl = 0;
	record->size = number_at(message, reader->offset + 8);
	record->data = reader->offset + 10;
	if (message.size - record->data < record->size)
		return fail(reader);
	reader->offset = record->data + record->size;
	return true;
}

struct span
dns_data(struct span message, const struct dns_record *record)
{
	return span_of(message.data + record->data, record->size);
}

bool
dns_data_address(struct span message, const struct dns_record *record,
	struct network_address *address)
{
	size_t size = record->type == DNS_TYPE_A ? 4 : 16;
	if (record->size != size)
		return false;
	*address = (struct network_address){ .family =
		size == 4 ? AF_INET : AF_INET6 };
	memcpy(address->bytes, message.data + record->data, size);
	return true;
}

/* The message up to the end of the record: no name reads beyond it. */
static struct span
until_end(struct span message, const struct dns_record *record)
{
	return span_first(message, record->data + record->size);
}

bool
dns_data_name(struct span message, const struct dns_record *record,
	size_t skip, struct dns_name *name)
{
	size_t at = record->data + skip;
	return skip <= record->size &&
		dns_read_name(until_end(message, record), &at, name) &&
		at == record->data + record->size;
}

bool
dns_data_text(struct span message, const struct dns_record *record,
	size_t limit, struct buffer *out)
{
	struct span rest = dns_data(message, record);
	if (rest.size == 0)
		return false;
	while (rest.size > 0) {
		size_t size = (uint8_t)rest.data[0];
		if (size >= rest.size || size > limit)
			return false;
		buffer_add(out, span_of(rest.data + 1, size));
		rest = span_skip(rest, size + 1);
		limit -= size;
	}
	return true;
}

bool
dns_data_soa_ttl(struct span message, const struct dns_record *record,
	uint32_t *ttl)
{
	struct dns_name unread;
	size_t at = record->data, end = at + record->size;
	struct span bound = until_end(message, record);
	if (!dns_read_name(bound, &at, &unread) ||
	    !dns_read_name(bound, &at, &unread) || end - at != 20)
		return false;
	*ttl = long_at(message, at + 16);
	if (*ttl > record->ttl)
		*ttl = record->ttl;
	return true;
}

void
dns_data_edns(struct span message, const struct dns_record *record,
	struct dns_edns *edns)
{
	struct span rest = dns_data(message, record);
	*edns = (struct dns_edns){ .is_present = true,
		.is_dnssec_wanted = (record->ttl & 0x8000) != 0,
		.version = (uint8_t)(record->ttl >> 16),
		.rcode = (uint8_t)(record->ttl >> 24),
		.udp_size = record->class, .error = DNS_NO_ERROR_CODE };
	while (rest.size >= 4) {
		size_t size = number_at(rest, 2);
		if (size > rest.size - 4)
			break;
		/* RFC 8914 2: option 15, a code and a text */
		if (number_at(rest, 0) == 15 && size >= 2) {
			edns->error = (int)number_at(rest, 4);
			edns->text = span_of(rest.data + 6, size - 2);
		}
		/* RFC 7873 4: option 10, 8 octets and perhaps 8 to 32 more */
		if (number_at(rest, 0) == 10) {
			edns->cookie = span_of(rest.data + 4, size);
			edns->is_malformed |= size != 8 &&
				(size < 16 || size > 40);
		}
		rest = span_skip(rest, 4 + size);
	}
	edns->is_malformed |= rest.size > 0;
}

/* ---- writing ---- */

static void
add_number(struct buffer *out, unsigned number)
{
	buffer_add_byte(out, (char)(number >> 8));
	buffer_add_byte(out, (char)number);
}

static size_t
written(const struct dns_writer *writer)
{
	return writer->out->size - writer->start;
}

void
dns_write(struct dns_writer *writer, struct buffer *out, size_t limit,
	uint16_t id, uint16_t flags)
{
	static const char room[DNS_HEADER_SIZE];
	assert(limit >= DNS_LEAST && limit <= DNS_MESSAGE_LIMIT);
	*writer = (struct dns_writer){ .out = out, .start = out->size,
		.limit = limit, .header = { .id = id, .flags = flags } };
	buffer_add(out, span_of(room, sizeof(room)));
}

/* Whole, or a pointer to where it stands already. */
static void
write_owner(struct dns_writer *writer, const struct dns_name *name)
{
	if (writer->owner_at != 0 && name->size > 1 &&
	    dns_name_equals(name, &writer->owner)) {
		add_number(writer->out, 0xc000u | (unsigned)writer->owner_at);
		return;
	}
	if (written(writer) < 0x4000) {
		writer->owner_at = written(writer);
		writer->owner = *name;
	}
	buffer_add(writer->out, name_span(name));
}

/* Takes back what was written from `mark` when it is too much. */
static void
count_or_take_back(struct dns_writer *writer, size_t mark,
	enum dns_section section)
{
	if (written(writer) <= writer->limit &&
	    !buffer_is_overrun(writer->out)) {
		writer->header.count[section]++;
		return;
	}
	writer->out->size = mark;
	writer->is_full = true;
	if (writer->owner_at >= mark - writer->start)
		writer->owner_at = 0;
}

void
dns_write_question(struct dns_writer *writer,
	const struct dns_question *question)
{
	size_t mark = writer->out->size;
	write_owner(writer, &question->name);
	add_number(writer->out, question->type);
	add_number(writer->out, question->class);
	count_or_take_back(writer, mark, DNS_QUESTION);
}

/* With its names uncompressed: what they pointed to stands elsewhere now. */
static bool
add_data(struct buffer *out, struct span message,
	const struct dns_record *record)
{
	size_t at = record->data, end = at + record->size;
	struct dns_name name;
	unsigned names = 0;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].type != record->type)
			continue;
		names = layouts[i].names;
		if (layouts[i].prefix > record->size)
			return false;
		at += layouts[i].prefix;
	}
	buffer_add(out, span_of(message.data + record->data,
		at - record->data));
	for (; names > 0; names--) {
		if (!dns_read_name(until_end(message, record), &at, &name))
			return false;
		buffer_add(out, name_span(&name));
	}
	buffer_add(out, span_of(message.data + at, end - at));
	return true;
}

void
dns_write_record(struct dns_writer *writer, struct span message,
	const struct dns_record *record)
{
	struct buffer *out = writer->out;
	size_t mark = out->size;
	write_owner(writer, &record->owner);
	add_number(out, record->type);
	add_number(out, record->class);
	add_number(out, record->ttl >> 16);
	add_number(out, record->ttl & 0xffff);
	size_t size_at = out->size;
	add_number(out, 0);
	bool ok = add_data(out, message, record) && !buffer_is_overrun(out);
	size_t size = ok ? out->size - size_at - 2 : 0;
	if (!ok || size > UINT16_MAX) {
		out->size = mark;
		writer->is_full = true;
		writer->owner_at = 0;
		return;
	}
	out->data[size_at] = (char)(size >> 8);
	out->data[size_at + 1] = (char)size;
	count_or_take_back(writer, mark, record->section);
}

void
dns_write_edns(struct dns_writer *writer, const struct dns_edns *edns)
{
	struct buffer *out = writer->out;
	size_t mark = out->size;
	struct span text = span_first(edns->text, 256);
	bool has_error = edns->error != DNS_NO_ERROR_CODE;
	buffer_add_byte(out, 0);
	add_number(out, DNS_TYPE_OPT);
	add_number(out, edns->udp_size);
	add_number(out, (unsigned)edns->rcode << 8 | edns->version);
	add_number(out, edns->is_dnssec_wanted ? 0x8000 : 0);
	add_number(out, has_error ? (unsigned)text.size + 6 : 0);
	if (has_error) {
		add_number(out, 15);
		add_number(out, (unsigned)text.size + 2);
		add_number(out, (unsigned)edns->error);
		buffer_add(out, text);
	}
	count_or_take_back(writer, mark, DNS_ADDITIONAL);
}

void
dns_write_end(struct dns_writer *writer)
{
	const struct dns_header *header = &writer->header;
	const unsigned words[] = { header->id, header->flags,
		header->count[0], header->count[1], header->count[2],
		header->count[3] };
	if (buffer_is_overrun(writer->out))
		return;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char *at = writer->out->data + writer->start + 2 * i;
		at[0] = (char)(words[i] >> 8);
		at[1] = (char)words[i];
	}
}
