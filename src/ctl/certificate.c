/*
 * The TLS certificate before the system starts: made self-signed when there is
 * none, checked against its key when there is one. The running system reads
 * the files through descriptors that master opens.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/random.h"
#include "ctl/prepare.h"

enum { CERTIFICATE_DAYS = 3650, CERTIFICATE_FILE_LIMIT = 1 << 20 };

static int
fail_crypto(struct error *error, const char *what)
{
	char reason[160];
	ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	ERR_clear_error();
	return error_set(error, ERROR_SYSTEM, "%s: %s", what, reason);
}

static bool
add_names(X509 *certificate, const char *host)
{
	char names[700];
	X509_NAME *subject = X509_get_subject_name(certificate);
	snprintf(names, sizeof(names), "DNS:%s", host);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL,
		NID_subject_alt_name, names);
	bool ok = extension != NULL &&
		X509_add_ext(certificate, extension, -1) == 1 &&
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
			(const unsigned char *)host,
			strlen(host) > 64 ? 64 : (int)strlen(host), -1, 0) == 1 &&
		X509_set_issuer_name(certificate, subject) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static X509 *
make_certificate(EVP_PKEY *key, const char *host)
{
	uint64_t serial = random_u64() >> 1;
	X509 *certificate = X509_new();
	if (certificate == NULL)
		return NULL;
	if (X509_set_version(certificate, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate),
	    serial) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) == NULL ||
	    X509_time_adj_ex(X509_getm_notAfter(certificate), CERTIFICATE_DAYS,
	    0, NULL) == NULL ||
	    X509_set_pubkey(certificate, key) != 1 ||
	    !add_names(certificate, host) ||
	    X509_sign(certificate, key, EVP_sha256()) == 0) {
		X509_free(certificate);
		return NULL;
	}
	return certificate;
}

static int
write_memory(BIO *bio, const char *path, unsigned mode, struct error *error)
{
	char *bytes;
	long size = BIO_get_mem_data(bio, &bytes);
	return file_replace(AT_FDCWD, path, span_of(bytes, (size_t)size), mode,
		error);
}

static int
make_files(const char *cert_path, const char *key_path, const char *host,
	struct error *error)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key == NULL ? NULL : make_certificate(key, host);
	BIO *key_pem = BIO_new(BIO_s_mem()), *cert_pem = BIO_new(BIO_s_mem());
	int result = 0;
	if (certificate == NULL || key_pem == NULL || cert_pem == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL,
	    NULL) != 1 || PEM_write_bio_X509(cert_pem, certificate) != 1)
		result = fail_crypto(error, "making a certificate");
	if (result == 0)
		result = write_memory(key_pem, key_path, 0600, error);
	if (result == 0)
		result = write_memory(cert_pem, cert_path, 0644, error);
	BIO_free(key_pem);
	BIO_free(cert_pem);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return result;
}

/* Never asks a person for a passphrase: such a key is refused. */
static int
no_passphrase(char *out, int size, int writing, void *context)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)context;
	return 0;
}

static int
check_pair(const char *cert_path, struct span cert_pem, const char *key_path,
	struct span key_pem, struct error *error)
{
	BIO *cert_bio = BIO_new_mem_buf(cert_pem.data, (int)cert_pem.size);
	BIO *key_bio = BIO_new_mem_buf(key_pem.data, (int)key_pem.size);
	X509 *certificate = PEM_read_bio_X509(cert_bio, NULL, no_passphrase,
		NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase,
		NULL);
	int result = 0;
	ERR_clear_error();
	if (certificate == NULL)
		result = error_set(error, ERROR_USAGE, "tls_cert_file: %s: "
			"found no certificate, expected PEM", cert_path);
	else if (key == NULL)
		result = error_set(error, ERROR_USAGE, "tls_key_file: %s: "
			"found no private key, expected PEM without passphrase",
			key_path);
	else if (X509_check_private_key(certificate, key) != 1)
		result = error_set(error, ERROR_USAGE, "tls_key_file: the key "
			"in %s is not the one of the certificate in %s",
			key_path, cert_path);
	ERR_clear_error();
	X509_free(certificate);
	EVP_PKEY_free(key);
	BIO_free(cert_bio);
	BIO_free(key_bio);
	return result;
}

int
prepare_check_pair(const char *cert_path, const char *key_path,
	struct error *error)
{
	struct buffer cert, key;
	buffer_init(&cert, 0);
	buffer_init(&key, 0);
	int result = file_read_whole(AT_FDCWD, cert_path,
		CERTIFICATE_FILE_LIMIT, &cert, error);
	if (result < 0)
		error_wrap(error, "tls_cert_file");
	if (result == 0 && file_read_whole(AT_FDCWD, key_path,
	    CERTIFICATE_FILE_LIMIT, &key, error) < 0)
		result = error_wrap(error, "tls_key_file");
	if (result == 0)
		result = check_pair(cert_path, buffer_span(&cert), key_path,
			buffer_span(&key), error);
	buffer_fini(&cert);
	buffer_fini(&key);
	return result;
}

int
prepare_certificate(const struct config *config, struct error *error)
{
	const char *cert_path = config_text(config, "tls_cert_file");
	const char *key_path = config_text(config, "tls_key_file");
	bool is_standard = !config_is_changed(config, "tls_cert_file") &&
		!config_is_changed(config, "tls_key_file");
	if (is_standard && access(cert_path, F_OK) < 0 && errno == ENOENT &&
	    access(key_path, F_OK) < 0 && errno == ENOENT)
		return make_files(cert_path, key_path,
			config_text(config, "myhostname"), error);
	return prepare_check_pair(cert_path, key_path, error);
}

static int
read_pem(const char *path, BIO **bio, struct buffer *text, struct error *error)
{
	if (file_read_whole(AT_FDCWD, path, CERTIFICATE_FILE_LIMIT, text,
	    error) < 0)
		return -1;
	*bio = BIO_new_mem_buf(buffer_span(text).data, (int)text->size);
	return 0;
}

/* Writes another certificate over one that we made for another name. */
static int
rename_files(const char *cert_path, BIO *cert_pem, BIO *key_pem,
	const char *host, struct error *error)
{
	int result = 0;
	BIO *out = BIO_new(BIO_s_mem());
	X509 *made = NULL, *old = PEM_read_bio_X509(cert_pem, NULL,
		no_passphrase, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(key_pem, NULL, no_passphrase,
		NULL);
	if (old == NULL || key == NULL ||
	    X509_check_host(old, host, 0, 0, NULL) == 1 ||
	    X509_NAME_cmp(X509_get_subject_name(old),
	    X509_get_issuer_name(old)) != 0 || X509_verify(old, key) != 1)
		ERR_clear_error();
	else if ((made = make_certificate(key, host)) == NULL ||
	    PEM_write_bio_X509(out, made) != 1)
		result = fail_crypto(error, "making a certificate");
	else
		result = write_memory(out, cert_path, 0644, error);
	BIO_free(out);
	X509_free(old);
	X509_free(made);
	EVP_PKEY_free(key);
	return result;
}

int
prepare_renamed_certificate(const struct config *config, struct error *error)
{
	const char *cert_path = config_text(config, "tls_cert_file");
	const char *key_path = config_text(config, "tls_key_file");
	struct buffer cert, key;
	BIO *cert_pem = NULL, *key_pem = NULL;
	buffer_init(&cert, 0);
	buffer_init(&key, 0);
	int result = read_pem(cert_path, &cert_pem, &cert, error);
	if (result == 0)
		result = read_pem(key_path, &key_pem, &key, error);
	if (result == 0)
		result = rename_files(cert_path, cert_pem, key_pem,
			config_text(config, "myhostname"), error);
	BIO_free(cert_pem);
	BIO_free(key_pem);
	buffer_fini(&cert);
	buffer_fini(&key);
	return result;
}
