/* Authorities and certificates made for a test. */
#ifndef TEST_TLS_CERTIFICATES_H
#define TEST_TLS_CERTIFICATES_H

#include <openssl/x509.h>

#include "proto/tlswire.h"

struct certificate {
	X509 *x509;
	EVP_PKEY *key;
};

/*
 * For these names ("DNS:a.test,DNS:b.test", NULL: an authority), valid from
 * and until so many days from now. issuer NULL: signed by itself.
 */
struct certificate
certificate_new(const char *subject, const char *names, int from, int until,
	const struct certificate *issuer);

void
certificate_free(struct certificate *certificate);

/* A descriptor of a PEM file that holds it. */
int
certificate_file(const struct certificate *certificate);

/* A TLSA record for it; its data goes into `room` (8192 bytes). Matching 0:
 * all of it, 1: SHA-256, 2: SHA-512. */
struct tls_tlsa
certificate_tlsa(const struct certificate *certificate, uint8_t usage,
	uint8_t selector, uint8_t matching, char *room);

#endif
