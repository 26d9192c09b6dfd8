#include "ctl/dns_text.h"

enum { TEXT_LIMIT = 16384, TYPE_SRV = 33, TYPE_DS = 43 };

static const struct {
	const char *name;
	uint16_t type;
} types[] = {
	{ "A", DNS_TYPE_A }, { "AAAA", DNS_TYPE_AAAA },
	{ "CNAME", DNS_TYPE_CNAME }, { "DS", TYPE_DS }, { "MX", DNS_TYPE_MX },
	{ "NS", DNS_TYPE_NS }, { "SOA", DNS_TYPE_SOA }, { "SRV", TYPE_SRV },
	{ "TLSA", DNS_TYPE_TLSA }, { "TXT", DNS_TYPE_TXT },
};

uint16_t
dns_text_type(struct span name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (span_equals(name, span_from(types[i].name)))
			return types[i].type;
	return 0;
}

/* ---- of an answer ---- */

static bool
add_name(struct buffer *text, struct span message,
	const struct dns_record *record, size_t skip)
{
	char name[DNS_TEXT_SIZE];
	struct dns_name host;
	if (!dns_data_name(message, record, skip, &host))
		return false;
	dns_name_to_text(&host, name);
	buffer_print(text, "%s.", name);
	return true;
}

static bool
add_numbers(struct buffer *text, struct span data, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (data.size < 2 * i + 2)
			return false;
		buffer_print(text, "%u ", (unsigned)((uint8_t)data.data[2 * i]
			<< 8 | (uint8_t)data.data[2 * i + 1]));
	}
	return true;
}

static bool
add_text(struct buffer *text, struct span message,
	const struct dns_record *record)
{
	struct buffer joined;
	buffer_init(&joined, TEXT_LIMIT);
	bool ok = dns_data_text(message, record, TEXT_LIMIT, &joined);
	buffer_add_byte(text, '"');
	for (size_t i = 0; i < joined.size; i++) {
		char c = joined.data[i];
		if (c == '"' || c == '\\')
			buffer_add_byte(text, '\\');
		if (c >= ' ' && c <= '~')
			buffer_add_byte(text, c);
		else
			buffer_print(text, "\\%03u", (unsigned)(uint8_t)c);
	}
	buffer_add_byte(text, '"');
	buffer_fini(&joined);
	return ok;
}

static bool
add_data(struct buffer *text, struct span message,
	const struct dns_record *record)
{
	char address_text[NETWORK_TEXT_SIZE];
	struct network_address address;
	struct span data = dns_data(message, record);
	switch (record->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		if (!dns_data_address(message, record, &address))
			return false;
		network_address_format(&address, address_text);
		buffer_add_string(text, address_text);
		return true;
	case DNS_TYPE_MX:
		return add_numbers(text, data, 1) &&
			add_name(text, message, record, 2);
	case TYPE_SRV:
		return add_numbers(text, data, 3) &&
			add_name(text, message, record, 6);
	case DNS_TYPE_CNAME:
	case DNS_TYPE_NS:
		return add_name(text, message, record, 0);
	case DNS_TYPE_TXT:
		return add_text(text, message, record);
	case TYPE_DS:
		if (data.size < 5 || !add_numbers(text, data, 1))
			return false;
		buffer_print(text, "%u %u ", (uint8_t)data.data[2],
			(uint8_t)data.data[3]);
		buffer_add_hex(text, span_skip(data, 4));
		return true;
	case DNS_TYPE_TLSA:
		if (data.size < 4)
			return false;
		for (size_t i = 0; i < 3; i++)
			buffer_print(text, "%u ", (uint8_t)data.data[i]);
		buffer_add_hex(text, span_skip(data, 3));
		return true;
	default:
		return false;
	}
}

bool
dns_text_of(struct span message, const struct dns_record *record,
	struct arena *arena, struct span *data)
{
	struct buffer text;
	buffer_init(&text, 0);
	bool ok = add_data(&text, message, record);
	*data = arena_copy(arena, buffer_span(&text));
	buffer_fini(&text);
	return ok;
}

/* ---- comparing ---- */

/* Between strings: `" "`. */
static void
skip_seam(struct span *text)
{
	if (span_starts(*text, SPAN("\" \"")))
		*text = span_skip(*text, 3);
}

bool
dns_text_equals(struct span a, struct span b)
{
	bool is_text = a.size > 0 && a.data[0] == '"';
	while (a.size > 0 && b.size > 0) {
		if (is_text) {
			skip_seam(&a);
			skip_seam(&b);
		}
		if (a.size == 0 || b.size == 0 || (is_text ?
		    a.data[0] != b.data[0] : span_lower_byte(a.data[0]) !=
		    span_lower_byte(b.data[0])))
			return false;
		a = span_skip(a, 1);
		b = span_skip(b, 1);
	}
	return a.size == b.size;
}

struct span
dns_text_kind(struct span data)
{
	if (data.size > 0 && data.data[0] == '"')
		data = span_skip(data, 1);
	data = span_first(data, span_find(data, ' '));
	data = span_first(data, span_find(data, ';'));
	return span_first(data, span_find(data, '"'));
}
