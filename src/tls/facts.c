#include "tls/facts.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

/* RFC 9266 3: the exporter with an empty context; below TLS 1.3 only with the
 * extended master secret, without which it binds nothing. */
static void
set_exporter(SSL *ssl, struct proxy2 *facts)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	if (SSL_version(ssl) < TLS1_3_VERSION &&
	    SSL_get_extms_support(ssl) != 1)
		return;
	if (SSL_export_keying_material(ssl, facts->binding_exporter,
	    sizeof(facts->binding_exporter), label, sizeof(label) - 1,
	    (const unsigned char *)"", 0, 1) == 1)
		facts->binding_exporter_size = sizeof(facts->binding_exporter);
}

/* RFC 5929 4.1: the hash of the signature, SHA-256 for MD5 and SHA-1. */
static void
set_end_point(SSL *ssl, struct proxy2 *facts)
{
	int digest = NID_undef;
	unsigned size = 0;
	X509 *certificate = SSL_get_certificate(ssl);
	if (certificate == NULL ||
	    X509_get_signature_info(certificate, &digest, NULL, NULL,
	    NULL) != 1)
		return;
	const EVP_MD *hash = digest == NID_md5 || digest == NID_sha1 ||
		digest == NID_undef ? EVP_sha256() : EVP_get_digestbynid(digest);
	if (hash == NULL ||
	    EVP_MD_get_size(hash) > (int)sizeof(facts->binding_end_point) ||
	    X509_digest(certificate, hash, facts->binding_end_point,
	    &size) != 1)
		return;
	facts->binding_end_point_size = (uint8_t)size;
}

void
facts_of_tls(SSL *ssl, struct proxy2 *facts)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	facts->is_tls = true;
	snprintf(facts->tls_version, sizeof(facts->tls_version), "%s",
		SSL_get_version(ssl));
	snprintf(facts->tls_cipher, sizeof(facts->tls_cipher), "%s",
		SSL_get_cipher_name(ssl));
	snprintf(facts->server_name, sizeof(facts->server_name), "%s",
		name == NULL ? "" : name);
	set_exporter(ssl, facts);
	set_end_point(ssl, facts);
}
