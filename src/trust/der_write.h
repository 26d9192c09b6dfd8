/*
 * Writing DER (X.690 10) from the inside out: what was appended since a place
 * becomes the content of an element.
 */
#ifndef TRUST_DER_WRITE_H
#define TRUST_DER_WRITE_H

#include "base/buffer.h"

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_OBJECT = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT_2 = 0x82,		/* [2], primitive */
	DER_CONSTRUCTED_0 = 0xa0,	/* [0] */
	DER_CONSTRUCTED_3 = 0xa3,
};

/* Puts tag and length in front of what stands behind `start`. */
void
der_wrap(struct buffer *out, size_t start, enum der_tag tag);

/* An element with this content. */
void
der_add(struct buffer *out, enum der_tag tag, struct span content);

#endif
