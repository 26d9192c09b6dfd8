/* Modified UTF-7, RFC 3501 5.1.3. */
#include "proto/mutf7.h"

#include "base/utf8.h"

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == ',' ? 63 : -1;
}

static bool
is_printable(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* One UTF-16 unit; *high holds the first half of a pair. */
static bool
add_unit(struct buffer *out, uint32_t unit, uint32_t *high)
{
	bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
	if (is_low != (*high != 0))
		return false;
	if (is_low) {
		utf8_encode(out, 0x10000 + ((*high - 0xd800) << 10) +
			(unit - 0xdc00));
		*high = 0;
		return true;
	}
	if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
		return true;
	}
	if (unit == 0 || is_printable(unit))
		return false;
	utf8_encode(out, unit);
	return true;
}

/* What stands between "&" and "-"; not empty. */
static bool
decode_shifted(struct buffer *out, struct span text)
{
	uint32_t bits = 0, high = 0;
	unsigned count = 0;
	for (size_t i = 0; i < text.size; i++) {
		int value = digit_value(text.data[i]);
		if (value < 0)
			return false;
		bits = (bits << 6 | (uint32_t)value) & 0x3fffff;
		count += 6;
		if (count < 16)
			continue;
		count -= 16;
		if (!add_unit(out, bits >> count & 0xffff, &high))
			return false;
	}
	/* Fewer bits than a digit, all zero, and no half of a pair. */
	return count < 6 && (bits & ((1u << count) - 1)) == 0 && high == 0;
}

bool
mutf7_decode(struct buffer *out, struct span name)
{
	bool was_shifted = false;
	while (name.size > 0) {
		char c = name.data[0];
		if (!is_printable((unsigned char)c))
			return false;
		if (c != '&') {
			buffer_add_byte(out, c);
			name = span_skip(name, 1);
			was_shifted = false;
			continue;
		}
		name = span_skip(name, 1);
		size_t end = span_find(name, '-');
		if (end == name.size)
			return false;
		if (end == 0)
			buffer_add_byte(out, '&');
		else if (was_shifted ||
		    !decode_shifted(out, span_first(name, end)))
			return false;
		was_shifted = end > 0;
		name = span_skip(name, end + 1);
	}
	return true;
}

struct shift {
	struct buffer *out;
	uint32_t bits;
	unsigned count;
	bool is_open;
};

static void
shift_unit(struct shift *shift, uint32_t unit)
{
	if (!shift->is_open)
		buffer_add_byte(shift->out, '&');
	shift->is_open = true;
	shift->bits = (shift->bits << 16 | unit) & 0x3fffff;
	shift->count += 16;
	while (shift->count >= 6) {
		shift->count -= 6;
		buffer_add_byte(shift->out,
			digits[shift->bits >> shift->count & 63]);
	}
}

static void
shift_close(struct shift *shift)
{
	if (!shift->is_open)
		return;
	if (shift->count > 0)
		buffer_add_byte(shift->out,
			digits[shift->bits << (6 - shift->count) & 63]);
	buffer_add_byte(shift->out, '-');
	*shift = (struct shift){ .out = shift->out };
}

void
mutf7_encode(struct buffer *out, struct span utf8)
{
	struct shift shift = { .out = out };
	while (utf8.size > 0) {
		uint32_t c;
		size_t size = utf8_decode(utf8, &c);
		if (size == 0) {
			c = 0xfffd;
			size = 1;
		}
		utf8 = span_skip(utf8, size);
		if (is_printable(c)) {
			shift_close(&shift);
			buffer_add_byte(out, (char)c);
			if (c == '&')
				buffer_add_byte(out, '-');
		} else if (c >= 0x10000) {
			shift_unit(&shift, 0xd800 + ((c - 0x10000) >> 10));
			shift_unit(&shift, 0xdc00 + ((c - 0x10000) & 0x3ff));
		} else {
			shift_unit(&shift, c);
		}
	}
	shift_close(&shift);
}
