/*
 * The PROXY protocol, version 2 (binary, with TLVs) and version 1 (one line of
 * text), after HAProxy's proxy-protocol.txt; section numbers below are its.
 */
#include "proto/proxy2.h"

#include <string.h>

#include "base/hash.h"

enum {
	HEADER_SIZE = 16,		/* 2.2: signature, command, family, length */
	VERSION_2 = 0x20,
	COMMAND_LOCAL = 0, COMMAND_PROXY = 1,
	FAMILY_UNSPEC = 0x00, FAMILY_TCP4 = 0x11, FAMILY_TCP6 = 0x21,
	FAMILY_UNIX = 0x31,
	SIZE_TCP4 = 12, SIZE_TCP6 = 36, SIZE_UNIX = 216,
	TYPE_AUTHORITY = 0x02, TYPE_CRC32C = 0x03, TYPE_SSL = 0x20,
	TYPE_SSL_VERSION = 0x21, TYPE_SSL_CIPHER = 0x23,
	/* 2.2.8: 0xE0 to 0xEF are for applications */
	TYPE_BINDING_EXPORTER = 0xE0, TYPE_BINDING_END_POINT = 0xE1,
	TYPE_UID = 0xE2,
	CLIENT_SSL = 0x01,
	V1_LIMIT = 107,			/* 2.1: with CRLF */
};

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* ---- out ---- */

static void
add_u16(struct buffer *out, size_t n)
{
	buffer_add_byte(out, (char)(n >> 8));
	buffer_add_byte(out, (char)n);
}

static void
add_tlv(struct buffer *out, int type, struct span value)
{
	if (value.size == 0)
		return;
	buffer_add_byte(out, (char)type);
	add_u16(out, value.size);
	buffer_add(out, value);
}

static int
add_addresses(struct buffer *out, const struct proxy2 *facts)
{
	static const char zeros[SIZE_UNIX];
	const struct network_address *client = &facts->client;
	const struct network_address *local = &facts->local;
	size_t size = client->family == AF_INET ? 4 : 16;
	if (client->family == AF_UNIX) {
		buffer_add(out, span_of(zeros, SIZE_UNIX));
		return FAMILY_UNIX;
	}
	if (client->family != AF_INET && client->family != AF_INET6)
		return FAMILY_UNSPEC;
	buffer_add(out, span_of(client->bytes, size));
	/* a local address of another family is not known */
	buffer_add(out, local->family == client->family ?
		span_of(local->bytes, size) : span_of(zeros, size));
	add_u16(out, client->port);
	add_u16(out, local->family == client->family ? local->port : 0);
	return client->family == AF_INET ? FAMILY_TCP4 : FAMILY_TCP6;
}

static void
add_ssl(struct buffer *out, const struct proxy2 *facts)
{
	struct buffer value;
	if (!facts->is_tls)
		return;
	buffer_init(&value, 0);
	buffer_add_byte(&value, CLIENT_SSL);
	/* 2.2.6: verify is not 0 when no client certificate was verified */
	buffer_add(&value, SPAN("\0\0\0\1"));
	add_tlv(&value, TYPE_SSL_VERSION, span_from(facts->tls_version));
	add_tlv(&value, TYPE_SSL_CIPHER, span_from(facts->tls_cipher));
	add_tlv(out, TYPE_SSL, buffer_span(&value));
	buffer_fini(&value);
}

void
proxy2_encode(struct buffer *out, const struct proxy2 *facts)
{
	struct buffer rest;
	buffer_init(&rest, 0);
	int family = add_addresses(&rest, facts);
	add_tlv(&rest, TYPE_AUTHORITY, span_from(facts->server_name));
	add_ssl(&rest, facts);
	add_tlv(&rest, TYPE_BINDING_EXPORTER, span_of(facts->binding_exporter,
		facts->binding_exporter_size));
	add_tlv(&rest, TYPE_BINDING_END_POINT,
		span_of(facts->binding_end_point,
		facts->binding_end_point_size));
	if (family == FAMILY_UNIX) {
		const uint8_t uid[4] = { (uint8_t)(facts->client.uid >> 24),
			(uint8_t)(facts->client.uid >> 16),
			(uint8_t)(facts->client.uid >> 8),
			(uint8_t)facts->client.uid };
		add_tlv(&rest, TYPE_UID, span_of(uid, sizeof(uid)));
	}
	buffer_add(out, span_of(signature, sizeof(signature)));
	buffer_add_byte(out, VERSION_2 | COMMAND_PROXY);
	buffer_add_byte(out, (char)family);
	add_u16(out, rest.size);
	buffer_add(out, buffer_span(&rest));
	buffer_fini(&rest);
}

/* ---- in ---- */

static uint8_t
byte_at(struct span s, size_t i)
{
	return (uint8_t)s.data[i];
}

static size_t
u16_at(struct span s, size_t i)
{
	return (size_t)(byte_at(s, i) << 8 | byte_at(s, i + 1));
}

/* Cuts a TLV off; false when it is not whole. */
static bool
next_tlv(struct span *rest, uint8_t *type, struct span *value)
{
	if (rest->size < 3)
		return false;
	*type = byte_at(*rest, 0);
	size_t size = u16_at(*rest, 1);
	if (rest->size - 3 < size)
		return false;
	*value = span_first(span_skip(*rest, 3), size);
	*rest = span_skip(*rest, 3 + size);
	return true;
}

/* Text that goes into logs and headers; anything else is left out. */
static void
copy_text(char *out, size_t size, struct span value)
{
	if (value.size >= size)
		return;
	for (size_t i = 0; i < value.size; i++)
		if (byte_at(value, i) <= ' ' || byte_at(value, i) >= 127)
			return;
	memcpy(out, value.data, value.size);
	out[value.size] = '\0';
}

#define COPY_TEXT(out, value) copy_text(out, sizeof(out), value)

static uint8_t
copy_binding(uint8_t *out, size_t size, struct span value)
{
	if (value.size > size)
		return 0;
	memcpy(out, value.data, value.size);
	return (uint8_t)value.size;
}

/* 2.2.6: client bits, verify, then TLVs of its own. */
static bool
take_ssl(struct span value, struct proxy2 *facts)
{
	struct span item;
	uint8_t type;
	if (value.size < 5)
		return false;
	facts->is_tls = (byte_at(value, 0) & CLIENT_SSL) != 0;
	value = span_skip(value, 5);
	while (value.size > 0) {
		if (!next_tlv(&value, &type, &item))
			return false;
		if (type == TYPE_SSL_VERSION)
			COPY_TEXT(facts->tls_version, item);
		else if (type == TYPE_SSL_CIPHER)
			COPY_TEXT(facts->tls_cipher, item);
	}
	return true;
}

/* 2.2.4: over the whole header with the checksum itself as zeros. */
static bool
is_checksum_right(struct span header, struct span value)
{
	static const char zeros[4];
	if (value.size != 4)
		return false;
	size_t before = (size_t)(value.data - header.data);
	uint32_t crc = hash_crc32c(0, header.data, before);
	crc = hash_crc32c(crc, zeros, 4);
	crc = hash_crc32c(crc, value.data + 4, header.size - before - 4);
	return crc == ((uint32_t)u16_at(value, 0) << 16 |
		(uint32_t)u16_at(value, 2));
}

static bool
take_tlvs(struct span header, struct span rest, struct proxy2 *facts)
{
	struct span value;
	uint8_t type;
	while (rest.size > 0) {
		if (!next_tlv(&rest, &type, &value))
			return false;
		switch (type) {
		case TYPE_AUTHORITY:
			COPY_TEXT(facts->server_name, value);
			break;
		case TYPE_CRC32C:
			if (!is_checksum_right(header, value))
				return false;
			break;
		case TYPE_SSL:
			if (!take_ssl(value, facts))
				return false;
			break;
		case TYPE_BINDING_EXPORTER:
			facts->binding_exporter_size = copy_binding(
				facts->binding_exporter,
				sizeof(facts->binding_exporter), value);
			break;
		case TYPE_BINDING_END_POINT:
			facts->binding_end_point_size = copy_binding(
				facts->binding_end_point,
				sizeof(facts->binding_end_point), value);
			break;
		case TYPE_UID:
			if (value.size == 4 && facts->client.family == AF_UNIX)
				facts->client.uid =
					(uint32_t)u16_at(value, 0) << 16 |
					(uint32_t)u16_at(value, 2);
			break;
		default:	/* 2.2: what is not known is skipped */
			break;
		}
	}
	return true;
}

static void
take_address(struct network_address *address, uint16_t family, struct span s,
	size_t port)
{
	*address = (struct network_address){ .family = family,
		.port = (uint16_t)port };
	memcpy(address->bytes, s.data, s.size);
	if (family != AF_INET6)
		return;
	/* one form for one address: v4-mapped becomes IPv4 */
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (memcmp(address->bytes, mapped, sizeof(mapped)) != 0)
		return;
	memmove(address->bytes, address->bytes + 12, 4);
	memset(address->bytes + 4, 0, 12);
	address->family = AF_INET;
}

/* The bytes that the addresses took, or SIZE_MAX when they do not fit. */
static size_t
take_addresses(uint8_t family, struct span rest, struct proxy2 *facts)
{
	switch (family) {
	case FAMILY_TCP4:
		if (rest.size < SIZE_TCP4)
			return SIZE_MAX;
		take_address(&facts->client, AF_INET, span_first(rest, 4),
			u16_at(rest, 8));
		take_address(&facts->local, AF_INET,
			span_first(span_skip(rest, 4), 4), u16_at(rest, 10));
		return SIZE_TCP4;
	case FAMILY_TCP6:
		if (rest.size < SIZE_TCP6)
			return SIZE_MAX;
		take_address(&facts->client, AF_INET6, span_first(rest, 16),
			u16_at(rest, 32));
		take_address(&facts->local, AF_INET6,
			span_first(span_skip(rest, 16), 16), u16_at(rest, 34));
		return SIZE_TCP6;
	case FAMILY_UNIX:
		if (rest.size < SIZE_UNIX)
			return SIZE_MAX;
		facts->client.family = facts->local.family = AF_UNIX;
		facts->client.uid = UINT32_MAX;
		return SIZE_UNIX;
	case FAMILY_UNSPEC:
		return 0;
	default:	/* datagrams carry no mail */
		return SIZE_MAX;
	}
}

static enum proxy2_verdict
decode_v2(struct span in, struct proxy2 *facts, size_t *consumed)
{
	if (in.size < HEADER_SIZE)
		return PROXY2_MORE;
	uint8_t command = byte_at(in, 12);
	size_t size = HEADER_SIZE + u16_at(in, 14);
	if ((command & 0xf0) != VERSION_2 || size > PROXY2_HEADER_LIMIT ||
	    (command & 0x0f) > COMMAND_PROXY)
		return PROXY2_BAD;
	if (in.size < size)
		return PROXY2_MORE;
	*consumed = size;
	/* 2.2: LOCAL is the proxy's own connection; nothing in it counts */
	if ((command & 0x0f) == COMMAND_LOCAL)
		return PROXY2_OK;
	struct span header = span_first(in, size);
	struct span rest = span_skip(header, HEADER_SIZE);
	size_t addresses = take_addresses(byte_at(in, 13), rest, facts);
	if (addresses == SIZE_MAX)
		return PROXY2_BAD;
	bool is_right = take_tlvs(header, span_skip(rest, addresses), facts);
	/* 2.2: without a family what follows may be addresses of any kind */
	if (!is_right && byte_at(in, 13) == FAMILY_UNSPEC)
		*facts = (struct proxy2){ 0 };
	else if (!is_right)
		return PROXY2_BAD;
	return PROXY2_OK;
}

/* 2.1: "PROXY TCP4 192.0.2.1 192.0.2.2 4000 25\r\n" */
static enum proxy2_verdict
decode_v1_line(struct span line, struct proxy2 *facts)
{
	struct span word[6];
	uint64_t client_port, local_port;
	size_t count = 0;
	while (count < 6 && span_split(&line, ' ', &word[count]))
		count++;
	if (count >= 2 && span_equals(word[1], SPAN("UNKNOWN")))
		return PROXY2_OK;
	bool is_four = count == 6 && span_equals(word[1], SPAN("TCP4"));
	bool is_six = count == 6 && span_equals(word[1], SPAN("TCP6"));
	if ((!is_four && !is_six) || line.data != NULL ||
	    !network_address_parse(word[2], &facts->client) ||
	    !network_address_parse(word[3], &facts->local) ||
	    !span_to_number(word[4], UINT16_MAX, &client_port) ||
	    !span_to_number(word[5], UINT16_MAX, &local_port))
		return PROXY2_BAD;
	if (is_four && (facts->client.family != AF_INET ||
	    facts->local.family != AF_INET))
		return PROXY2_BAD;
	facts->client.port = (uint16_t)client_port;
	facts->local.port = (uint16_t)local_port;
	return PROXY2_OK;
}

static enum proxy2_verdict
decode_v1(struct span in, struct proxy2 *facts, size_t *consumed)
{
	struct span seen = span_first(in, V1_LIMIT);
	size_t end = span_search(seen, SPAN("\r\n"));
	if (end == seen.size)
		return seen.size == V1_LIMIT ? PROXY2_BAD : PROXY2_MORE;
	*consumed = end + 2;
	return decode_v1_line(span_first(seen, end), facts);
}

enum proxy2_verdict
proxy2_decode(struct span in, struct proxy2 *facts, size_t *consumed)
{
	struct span two = span_of(signature, sizeof(signature));
	struct span one = SPAN("PROXY ");
	enum proxy2_verdict verdict;
	*facts = (struct proxy2){ 0 };
	*consumed = 0;
	if (span_starts(in, two))
		verdict = decode_v2(in, facts, consumed);
	else if (span_starts(in, one))
		verdict = decode_v1(in, facts, consumed);
	else if (span_starts(two, in) || span_starts(one, in))
		verdict = PROXY2_MORE;
	else
		verdict = PROXY2_BAD;
	if (verdict != PROXY2_OK) {
		*facts = (struct proxy2){ 0 };
		*consumed = 0;
	}
	return verdict;
}
