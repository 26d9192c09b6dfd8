/*
 * Private-key operations: the wire from `tls`, `names` and `hostmaster` to
 * `key`. One fixed-size request, one fixed-size reply, on a stream, several
 * requests ahead if the caller likes, answered in their order; the process that
 * holds a key parses nothing else. The caller has done all hashing and padding
 * that needs no key.
 *
 * Keys of the ring are named "dnssec-ID", "acme-account" or "acme-tls-ID", in
 * small letters, digits and hyphens; who may use which stands in key/callers.c.
 */
#ifndef PROTO_KEYWIRE_H
#define PROTO_KEYWIRE_H

#include <stdint.h>

enum {
	KEYWIRE_VERSION = 1,
	KEYWIRE_NAME_SIZE = 32,
	KEYWIRE_INPUT_SIZE = 1024,	/* an RSA block of 8192 bits */
	KEYWIRE_OUTPUT_SIZE = 1024,
};

enum keywire_operation {
	KEYWIRE_ECDSA = 1,	/* digest -> DER signature (RFC 3279 2.2.3) */
	KEYWIRE_RSA_PKCS1 = 2,	/* DigestInfo -> signature (RFC 8017 8.2.1) */
	KEYWIRE_RSA_RAW = 3,	/* a block as long as the modulus, padded by the
				 * caller for PSS (RFC 8017 8.1.1) */
	/* The next three concern keys of the ring, which lasts: what is
	 * answered OK is on disk. */
	KEYWIRE_MAKE = 4,	/* one octet of enum keywire_algorithm -> the
				 * SubjectPublicKeyInfo (RFC 5280 4.1) of a new key,
				 * or of the one that has this name already */
	KEYWIRE_PUBLIC = 5,	/* -> SubjectPublicKeyInfo */
	KEYWIRE_DROP = 6,	/* no key of that name: OK */
};

enum keywire_algorithm {
	KEYWIRE_P256 = 1,
};

enum keywire_status {
	KEYWIRE_OK = 0,
	KEYWIRE_NO_KEY = 1,	/* no key of that name, or of another kind */
	KEYWIRE_BAD = 2,	/* the request makes no sense */
	KEYWIRE_FAILED = 3,
	KEYWIRE_NOT_YOURS = 4,	/* the caller may not do that with this key */
	KEYWIRE_FULL = 5,	/* the ring holds no more */
};

struct keywire_request {
	uint32_t version;
	uint32_t operation;
	char key[KEYWIRE_NAME_SIZE];	/* "tls_key_file" */
	uint8_t public_hash[32];	/* SHA-256 of the SubjectPublicKeyInfo the
					 * caller believes in; zeros: any. Tells a
					 * renewed key from the old one */
	uint32_t size;
	uint8_t input[KEYWIRE_INPUT_SIZE];
};

struct keywire_reply {
	uint32_t version;
	uint32_t status;
	uint32_t size;
	uint8_t output[KEYWIRE_OUTPUT_SIZE];
};

#endif
