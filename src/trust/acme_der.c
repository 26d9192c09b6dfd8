#include "trust/acme_der.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <time.h>

#include "trust/der_write.h"

enum { DAY = 86400 };

/* Contents of OBJECT IDENTIFIERs. */
static const struct span
	ecdsa_with_sha256 = SPAN("\x2a\x86\x48\xce\x3d\x04\x03\x02"),
	extension_request = SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"),
	subject_alt_name = SPAN("\x55\x1d\x11"),
	common_name = SPAN("\x55\x04\x03"),
	/* id-pe-acmeIdentifier, RFC 8737 6.1 */
	acme_identifier = SPAN("\x2b\x06\x01\x05\x05\x07\x01\x1f");

static void
add_algorithm(struct buffer *out)
{
	size_t start = out->size;
	der_add(out, DER_OBJECT, ecdsa_with_sha256);
	der_wrap(out, start, DER_SEQUENCE);
}

/* Extension with what stands behind `start` as its value, critical. */
static void
wrap_extension(struct buffer *out, size_t start, struct span object)
{
	struct buffer value;
	buffer_init(&value, 0);
	buffer_add(&value, span_skip(buffer_span(out), start));
	out->size = start;
	der_add(out, DER_OBJECT, object);
	der_add(out, DER_BOOLEAN, SPAN("\xff"));
	der_add(out, DER_OCTET_STRING, buffer_span(&value));
	der_wrap(out, start, DER_SEQUENCE);
	buffer_fini(&value);
}

static void
add_names(struct buffer *out, const struct span *names, size_t count)
{
	size_t start = out->size;
	for (size_t i = 0; i < count; i++)
		der_add(out, DER_CONTEXT_2, names[i]);
	der_wrap(out, start, DER_SEQUENCE);
	wrap_extension(out, start, subject_alt_name);
}

void
acme_der_request(struct span spki, const struct span *names, size_t count,
	struct buffer *out)
{
	size_t start = out->size;
	der_add(out, DER_INTEGER, SPAN("\0"));
	der_add(out, DER_SEQUENCE, SPAN(""));
	buffer_add(out, spki);
	size_t attributes = out->size;
	der_add(out, DER_OBJECT, extension_request);
	size_t extensions = out->size;
	add_names(out, names, count);
	der_wrap(out, extensions, DER_SEQUENCE);
	der_wrap(out, extensions, DER_SET);
	der_wrap(out, attributes, DER_SEQUENCE);
	der_wrap(out, attributes, DER_CONSTRUCTED_0);
	der_wrap(out, start, DER_SEQUENCE);
}

/* Issuer and subject: whoever sees it finds out what it is. */
static void
add_subject(struct buffer *out)
{
	size_t start = out->size;
	der_add(out, DER_OBJECT, common_name);
	der_add(out, DER_UTF8_STRING, SPAN("ACME challenge"));
	der_wrap(out, start, DER_SEQUENCE);
	der_wrap(out, start, DER_SET);
	der_wrap(out, start, DER_SEQUENCE);
}

/* RFC 5280 4.1.2.5: two digits of the year until 2049. */
static void
add_time(struct buffer *out, int64_t seconds)
{
	char text[64];
	struct tm date;
	time_t when = (time_t)seconds;
	gmtime_r(&when, &date);
	bool is_short = date.tm_year < 150;
	int size = snprintf(text, sizeof(text), "%0*d%02d%02d%02d%02d%02dZ",
		is_short ? 2 : 4, is_short ? date.tm_year % 100 :
		date.tm_year + 1900, date.tm_mon + 1, date.tm_mday,
		date.tm_hour, date.tm_min, date.tm_sec);
	der_add(out, is_short ? DER_UTC_TIME : DER_GENERALIZED_TIME,
		span_of(text, (size_t)size));
}

static void
add_validity(struct buffer *out, int64_t now)
{
	size_t start = out->size;
	add_time(out, now / 1000 - DAY);
	add_time(out, now / 1000 + 7 * DAY);
	der_wrap(out, start, DER_SEQUENCE);
}

/* Positive, whatever its first bit is. */
static void
add_serial(struct buffer *out, uint64_t serial)
{
	char bytes[8];
	serial = (serial & (UINT64_MAX >> 1)) | (UINT64_C(1) << 62);
	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(serial >> (56 - 8 * i));
	der_add(out, DER_INTEGER, span_of(bytes, sizeof(bytes)));
}

/* RFC 8737 3: the hash of the key authorization, critical. */
static void
add_identifier(struct buffer *out, struct span key_authorization)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	size_t start = out->size;
	SHA256((const unsigned char *)key_authorization.data,
		key_authorization.size, hash);
	der_add(out, DER_OCTET_STRING, span_of(hash, sizeof(hash)));
	wrap_extension(out, start, acme_identifier);
}

void
acme_der_challenge(const struct acme_der_challenge *challenge,
	struct buffer *out)
{
	size_t start = out->size;
	der_add(out, DER_INTEGER, SPAN("\2"));
	der_wrap(out, start, DER_CONSTRUCTED_0);
	add_serial(out, challenge->serial);
	add_algorithm(out);
	add_subject(out);
	add_validity(out, challenge->now);
	add_subject(out);
	buffer_add(out, challenge->spki);
	size_t extensions = out->size;
	add_names(out, &challenge->name, 1);
	add_identifier(out, challenge->key_authorization);
	der_wrap(out, extensions, DER_SEQUENCE);
	der_wrap(out, extensions, DER_CONSTRUCTED_3);
	der_wrap(out, start, DER_SEQUENCE);
}

/* X.690 8.3.2: as short as it can be, and positive. */
static void
add_number(struct buffer *out, const uint8_t number[32])
{
	struct span bytes = span_of(number, 32);
	size_t start = out->size;
	while (bytes.size > 1 && bytes.data[0] == 0)
		bytes = span_skip(bytes, 1);
	if ((bytes.data[0] & 0x80) != 0)
		buffer_add_byte(out, 0);
	buffer_add(out, bytes);
	der_wrap(out, start, DER_INTEGER);
}

/* Ecdsa-Sig-Value (RFC 3279 2.2.3) in a BIT STRING. */
static void
add_signature(struct buffer *out, const uint8_t signature[64])
{
	struct buffer value;
	size_t start = out->size;
	buffer_init(&value, 0);
	add_number(&value, signature);
	add_number(&value, signature + 32);
	der_wrap(&value, 0, DER_SEQUENCE);
	buffer_add_byte(out, 0);	/* no unused bits */
	buffer_add(out, buffer_span(&value));
	der_wrap(out, start, DER_BIT_STRING);
	buffer_fini(&value);
}

void
acme_der_join(struct span signed_part, const uint8_t signature[64],
	struct buffer *out)
{
	size_t start = out->size;
	buffer_add(out, signed_part);
	add_algorithm(out);
	add_signature(out, signature);
	der_wrap(out, start, DER_SEQUENCE);
}
