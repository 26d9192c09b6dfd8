/* The key of a certificate, as TLSA records have it (RFC 6698 2.1). */
#ifndef TRUST_CERTIFICATE_KEY_H
#define TRUST_CERTIFICATE_KEY_H

#include "base/span.h"

enum { CERTIFICATE_KEY_HASH = 32 };

/* SHA-256 of the SubjectPublicKeyInfo of the first certificate in the PEM;
 * false: there is none. */
bool
certificate_key_hash(struct span pem, uint8_t hash[CERTIFICATE_KEY_HASH]);

#endif
