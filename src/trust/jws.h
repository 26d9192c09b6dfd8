/*
 * JSON Web Signature as ACME wants it: flattened JSON (RFC 7515 7.2.2), ES256
 * (RFC 7518 3.4), with the URL and nonce in the protected header (RFC 8555 6.2
 * to 6.5), and the key as JWK with its thumbprint (RFC 7638). Signing itself is
 * the affair of who has the key.
 *
 *	jws_signing_input -> SHA-256 -> key signs -> jws_write
 */
#ifndef TRUST_JWS_H
#define TRUST_JWS_H

#include "base/buffer.h"

enum {
	JWS_HALF = 32,			/* bytes of a coordinate of P-256 */
	JWS_URL_LIMIT = 2000,		/* bytes */
	JWS_NONCE_LIMIT = 512,
};

/* base64url without padding (RFC 7515 2). */
void
jws_base64url(struct buffer *out, struct span in);

/* Only that alphabet, at least one byte of it. */
bool
jws_is_base64url(struct span text);

/* Appends the decoding; false when it is no base64url. */
bool
jws_base64url_decode(struct buffer *out, struct span in);

/* A public key on P-256. */
struct jws_key {
	uint8_t x[JWS_HALF], y[JWS_HALF];
};

/* Of a SubjectPublicKeyInfo in DER; false when it is of another kind. */
bool
jws_key_read(struct span spki, struct jws_key *key);

/* The JWK with its members in the order of RFC 7638 3.3. */
void
jws_key_write(const struct jws_key *key, struct buffer *out);

/* base64url of the SHA-256 of that. */
void
jws_key_thumbprint(const struct jws_key *key, struct buffer *out);

struct jws_header {
	/* One of the two (RFC 8555 6.2): the account's URL, or when that is
	 * empty the key itself. */
	struct span account;
	const struct jws_key *key;
	struct span nonce, url;
};

/*
 * Appends what is signed, "PROTECTED.PAYLOAD". An empty payload is POST-as-GET
 * (RFC 8555 6.3). False, and nothing is appended, when the nonce is no base64url
 * (6.5.1) or a URL is none: both come from the other side.
 */
bool
jws_signing_input(const struct jws_header *header, struct span payload,
	struct buffer *out);

/* Appends the whole, from the signing input and its signature: both numbers at
 * their full length (RFC 7518 3.4). */
void
jws_write(struct span input, const uint8_t signature[2 * JWS_HALF],
	struct buffer *out);

/* "https://", a host, visible ASCII without quotes; not longer than the limit. */
bool
jws_is_url(struct span url);

#endif
