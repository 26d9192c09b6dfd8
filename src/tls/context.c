#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>

#include "base/buffer.h"
#include "base/file.h"
#include "tls/remote_key.h"

enum { CERTIFICATE_FILE_LIMIT = 1 << 20 };

/* The passphrase of PEM that must not have one: nobody is asked. */
static char no_passphrase[] = "";

/* Locked: current_lock. */
static SSL_CTX *current;
static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;

/* RFC 9325 4.2: forward secrecy and AEAD only. */
static const char ciphers_of_tls12[] =
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static int
fail(struct error *error, const char *what)
{
	char reason[160];
	ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	ERR_clear_error();
	return error_set(error, ERROR_USAGE, "tls_cert_file: %s: %s", what,
		reason);
}

/* Idle sessions are many: every buffer goes back when it is empty. */
static bool
set_options(SSL_CTX *context)
{
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION |
		SSL_OP_NO_COMPRESSION | SSL_OP_PRIORITIZE_CHACHA |
		SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
		SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 1);
	return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
		SSL_CTX_set_cipher_list(context, ciphers_of_tls12) == 1 &&
		SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1;
}

static int
use_chain(SSL_CTX *context, BIO *pem, struct error *error)
{
	X509 *leaf = PEM_read_bio_X509(pem, NULL, NULL, no_passphrase);
	if (leaf == NULL)
		return fail(error, "found no certificate, expected PEM");
	EVP_PKEY *key = remote_key_new(leaf, "tls_key_file");
	int ok = key != NULL && SSL_CTX_use_certificate(context, leaf) == 1 &&
		SSL_CTX_use_PrivateKey(context, key) == 1;
	EVP_PKEY_free(key);
	X509_free(leaf);
	if (!ok)
		return fail(error, "found a certificate of another kind, "
			"expected RSA or EC");
	for (;;) {
		X509 *next = PEM_read_bio_X509(pem, NULL, NULL, no_passphrase);
		if (next == NULL)
			break;
		ok = SSL_CTX_add0_chain_cert(context, next) == 1;
		if (!ok) {
			X509_free(next);
			return fail(error, "using its chain");
		}
	}
	ERR_clear_error();
	return 0;
}

int
context_load(int certificate_fd, struct error *error)
{
	struct buffer bytes;
	SSL_CTX *fresh = SSL_CTX_new(TLS_server_method());
	if (fresh == NULL || !set_options(fresh)) {
		SSL_CTX_free(fresh);
		return fail(error, "making a TLS context");
	}
	buffer_init(&bytes, 0);
	int result = file_read_descriptor(certificate_fd,
		CERTIFICATE_FILE_LIMIT, &bytes, error);
	if (result == 0) {
		BIO *pem = BIO_new_mem_buf(bytes.data, (int)bytes.size);
		result = use_chain(fresh, pem, error);
		BIO_free(pem);
	}
	buffer_fini(&bytes);
	if (result == 0) {
		pthread_mutex_lock(&current_lock);
		SSL_CTX *old = current;
		current = fresh;
		fresh = old;
		pthread_mutex_unlock(&current_lock);
	}
	SSL_CTX_free(fresh);
	return result;
}

SSL *
context_new_ssl(void)
{
	pthread_mutex_lock(&current_lock);
	SSL *ssl = current == NULL ? NULL : SSL_new(current);
	pthread_mutex_unlock(&current_lock);
	return ssl;
}
