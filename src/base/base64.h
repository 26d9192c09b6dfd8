/*
 * Base64 (RFC 4648 section 4), strict for protocols and lenient for mail.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buffer.h"

/* Appends the encoding, padded, without line breaks. */
void
base64_encode(struct buffer *out, struct span in);

/*
 * Appends the decoding of the whole input. Strict: canonical padding, no other
 * byte; false when it is not base64 (what was appended is then undefined).
 */
bool
base64_decode(struct buffer *out, struct span in);

/*
 * For mail bodies (RFC 2045 6.8): bytes outside the alphabet are passed over,
 * padding ends a group, decoding goes on after it. State is carried between
 * calls; start with a zeroed struct.
 */
struct base64_decoder {
	uint32_t bits;
	unsigned count;		/* of 6-bit digits in `bits`, 0 to 3 */
};

void
base64_decode_part(struct base64_decoder *decoder, struct buffer *out,
	struct span in);

#endif
