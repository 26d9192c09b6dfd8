#include "trust/certificate_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

enum { PEM_LIMIT = 1 << 20 };

bool
certificate_key_hash(struct span pem, uint8_t hash[CERTIFICATE_KEY_HASH])
{
	static char no_passphrase[] = "";
	unsigned char *der = NULL;
	int size = 0;
	if (pem.size == 0 || pem.size > PEM_LIMIT)
		return false;
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, no_passphrase);
	if (certificate != NULL)
		size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate),
			&der);
	if (size > 0)
		SHA256(der, (size_t)size, hash);
	OPENSSL_free(der);
	X509_free(certificate);
	BIO_free(bio);
	ERR_clear_error();
	return size > 0;
}
