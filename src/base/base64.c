#include "base/base64.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct buffer *out, struct span in)
{
	const unsigned char *at = (const unsigned char *)in.data;
	for (size_t i = 0; i < in.size; i += 3) {
		size_t n = in.size - i < 3 ? in.size - i : 3;
		uint32_t bits = (uint32_t)at[i] << 16;
		bits |= n > 1 ? (uint32_t)at[i + 1] << 8 : 0;
		bits |= n > 2 ? (uint32_t)at[i + 2] : 0;
		buffer_add_byte(out, alphabet[bits >> 18]);
		buffer_add_byte(out, alphabet[bits >> 12 & 63]);
		buffer_add_byte(out, n > 1 ? alphabet[bits >> 6 & 63] : '=');
		buffer_add_byte(out, n > 2 ? alphabet[bits & 63] : '=');
	}
}

static int
digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static void
take_digit(struct base64_decoder *decoder, struct buffer *out, int digit)
{
	decoder->bits = decoder->bits << 6 | (uint32_t)digit;
	if (++decoder->count < 4)
		return;
	buffer_add_byte(out, (char)(decoder->bits >> 16));
	buffer_add_byte(out, (char)(decoder->bits >> 8));
	buffer_add_byte(out, (char)decoder->bits);
	*decoder = (struct base64_decoder){ 0 };
}

static void
end_group(struct base64_decoder *decoder, struct buffer *out)
{
	if (decoder->count == 3)
		buffer_add_byte(out, (char)(decoder->bits >> 10));
	if (decoder->count == 3)
		buffer_add_byte(out, (char)(decoder->bits >> 2));
	if (decoder->count == 2)
		buffer_add_byte(out, (char)(decoder->bits >> 4));
	*decoder = (struct base64_decoder){ 0 };
}

bool
base64_decode(struct buffer *out, struct span in)
{
	struct base64_decoder decoder = { 0 };
	size_t size = in.size;
	if (size % 4 != 0)
		return false;
	while (size > 0 && in.size - size < 2 && in.data[size - 1] == '=')
		size--;
	for (size_t i = 0; i < size; i++) {
		int digit = digit_of(in.data[i]);
		if (digit < 0)
			return false;
		take_digit(&decoder, out, digit);
	}
	uint32_t spare = decoder.count == 3 ? 3 : decoder.count == 2 ? 15 : 0;
	if (decoder.count == 1 || (decoder.bits & spare) != 0)
		return false;
	end_group(&decoder, out);
	return true;
}

void
base64_decode_part(struct base64_decoder *decoder, struct buffer *out,
	struct span in)
{
	for (size_t i = 0; i < in.size; i++) {
		int digit = digit_of(in.data[i]);
		if (digit >= 0)
			take_digit(decoder, out, digit);
		else if (in.data[i] == '=')
			end_group(decoder, out);
	}
}
