#include "certificates.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/file.h"

static void
add_extension(X509 *x509, const X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, (X509 *)(uintptr_t)issuer, x509, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid,
		value);
	assert(extension != NULL);
	X509_add_ext(x509, extension, -1);
	X509_EXTENSION_free(extension);
}

struct certificate
certificate_new(const char *subject, const char *names, int from, int until,
	const struct certificate *issuer)
{
	static long serial = 1;
	struct certificate new = { X509_new(), EVP_EC_gen("P-256") };
	assert(new.key != NULL);
	X509_set_version(new.x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(new.x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(new.x509), from * 86400L);
	X509_gmtime_adj(X509_getm_notAfter(new.x509), until * 86400L);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(new.x509), "CN",
		MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0);
	X509_set_pubkey(new.x509, new.key);
	const X509 *by = issuer == NULL ? new.x509 : issuer->x509;
	X509_set_issuer_name(new.x509, X509_get_subject_name(by));
	if (names == NULL) {
		add_extension(new.x509, by, NID_basic_constraints,
			"critical,CA:TRUE");
		add_extension(new.x509, by, NID_key_usage,
			"critical,keyCertSign");
	} else {
		add_extension(new.x509, by, NID_subject_alt_name, names);
	}
	int size = X509_sign(new.x509, issuer == NULL ? new.key : issuer->key,
		EVP_sha256());
	assert(size > 0);
	return new;
}

void
certificate_free(struct certificate *certificate)
{
	X509_free(certificate->x509);
	EVP_PKEY_free(certificate->key);
	*certificate = (struct certificate){ 0 };
}

int
certificate_file(const struct certificate *certificate)
{
	struct error error;
	char *bytes;
	BIO *memory = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(memory, certificate->x509);
	long size = BIO_get_mem_data(memory, &bytes);
	int fd = file_open_memory("authorities", span_of(bytes, (size_t)size),
		&error);
	BIO_free(memory);
	assert(fd >= 0);
	return fd;
}

struct tls_tlsa
certificate_tlsa(const struct certificate *certificate, uint8_t usage,
	uint8_t selector, uint8_t matching, char *room)
{
	unsigned char *der = NULL;
	unsigned int digest_size;
	int size = selector == 0 ? i2d_X509(certificate->x509, &der) :
		i2d_PUBKEY(certificate->key, &der);
	assert(size > 0 && size <= 8192);
	if (matching == 0) {
		memcpy(room, der, (size_t)size);
	} else {
		EVP_Digest(der, (size_t)size, (unsigned char *)room,
			&digest_size, matching == 1 ? EVP_sha256() :
			EVP_sha512(), NULL);
		size = (int)digest_size;
	}
	OPENSSL_free(der);
	return (struct tls_tlsa){ usage, selector, matching,
		span_of(room, (size_t)size) };
}
