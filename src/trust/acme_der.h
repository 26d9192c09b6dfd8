/*
 * What an ACME client writes in DER: the certificate request (RFC 2986,
 * RFC 8555 7.4) and the certificate that answers tls-alpn-01 (RFC 8737 3). The
 * keys are elsewhere and on P-256: first comes what is to be signed, then the
 * signature is joined to it.
 */
#ifndef TRUST_ACME_DER_H
#define TRUST_ACME_DER_H

#include "base/buffer.h"

/* The CertificationRequestInfo for these names; the subject is empty and the
 * names are a critical extension (RFC 5280 4.2.1.6). spki: DER. */
void
acme_der_request(struct span spki, const struct span *names, size_t count,
	struct buffer *out);

struct acme_der_challenge {
	struct span spki;		/* DER */
	struct span name;
	struct span key_authorization;	/* RFC 8555 8.1 */
	int64_t now;			/* wall ms */
	uint64_t serial;
};

/* The TBSCertificate, good from a day before now to a week after it. */
void
acme_der_challenge(const struct acme_der_challenge *challenge,
	struct buffer *out);

/* For both: a SEQUENCE of what was signed, ecdsa-with-SHA256 (RFC 5758 3.2) and
 * the signature, which is given as r and s of 32 octets each. */
void
acme_der_join(struct span signed_part, const uint8_t signature[64],
	struct buffer *out);

#endif
