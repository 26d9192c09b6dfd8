/*
 * What DNSSEC makes of records: the canonical form that is signed (RFC 4034 6,
 * RFC 6840 5.1), RRSIG, DNSKEY, DS, key tags. Bytes only.
 */
#ifndef NAMES_CANONICAL_H
#define NAMES_CANONICAL_H

#include "base/buffer.h"
#include "names/zone.h"

enum {
	CANONICAL_ALGORITHM = 13,	/* ECDSA P-256, SHA-256 (RFC 6605) */
	CANONICAL_KEY = 64,		/* octets of such a public key, */
	CANONICAL_SIGNATURE = 64,	/* of a signature, */
	CANONICAL_DNSKEY = 4 + CANONICAL_KEY,	/* of DNSKEY data, */
	CANONICAL_DIGEST = 32,		/* of SHA-256 */
	CANONICAL_DS = 4 + CANONICAL_DIGEST,
	CANONICAL_RRSIG = 18 + DNS_NAME_LIMIT + CANONICAL_SIGNATURE,
};

/* DNSKEY data with the flags of a key that signs zone and keys (257). */
void
canonical_dnskey(const uint8_t key[CANONICAL_KEY],
	uint8_t data[CANONICAL_DNSKEY]);

/* RFC 4034 appendix B. */
uint16_t
canonical_tag(const uint8_t *dnskey, size_t size);

/* DS data with SHA-256 (RFC 4509) of a DNSKEY of that zone. */
void
canonical_ds(const struct dns_name *origin, const uint8_t *dnskey,
	size_t size, uint8_t data[CANONICAL_DS]);

/* Appends data with its names in small letters (RFC 4034 6.2). Data that is cut
 * stays as it is where it cannot be read. */
void
canonical_data(struct buffer *out, uint16_t type, const uint8_t *data,
	size_t size);

/* What an RRSIG says beside the signature. */
struct canonical_rrsig {
	const struct dns_name *signer;
	uint16_t tag;
	uint32_t inception, expiration;	/* s since 1970, RFC 1982 */
};

/* RRSIG data but the signature, of which the length is returned; room for that
 * is behind it. */
size_t
canonical_rrsig(const struct canonical_rrsig *rrsig, const uint8_t *owner,
	const struct zone_set *set, uint8_t data[CANONICAL_RRSIG]);

/* What is signed: the hash of those octets and the set (RFC 4034 3.1.8.1). */
void
canonical_digest(const uint8_t *rrsig, size_t size, const uint8_t *owner,
	const struct zone_set *set, uint8_t digest[CANONICAL_DIGEST]);

#endif
