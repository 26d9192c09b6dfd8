#include "tls/client_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>

#include "base/buffer.h"
#include "base/file.h"
#include "tls/remembered.h"

enum { AUTHORITIES_FILE_LIMIT = 8 << 20 };

/* Locked: current_lock. */
static SSL_CTX *current;
static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;

/*
 * RFC 7435 3: without a policy some encryption is better than none, so what is
 * merely old is taken; forward secrecy comes first. Anonymous ciphers, DES and
 * RC4 are not.
 */
static const char ciphers_of_tls12[] =
	"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:"
	"RSA+AESGCM:RSA+AES:!aNULL:!eNULL:!PSK:!SRP:!aDSS:@SECLEVEL=1";

static int
fail(struct error *error, const char *what)
{
	char reason[160];
	ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	ERR_clear_error();
	return error_set(error, ERROR_USAGE, "smtp_tls_CAfile: %s: %s", what,
		reason);
}

static bool
set_options(SSL_CTX *context)
{
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION |
		SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
		SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT |
		SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, remembered_take);
	return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
		SSL_CTX_set_cipher_list(context, ciphers_of_tls12) == 1 &&
		SSL_CTX_dane_enable(context) == 1;
}

/* A certificate that cannot be read is passed over: the others still count. */
static int
trust(SSL_CTX *context, int fd, size_t *count, struct error *error)
{
	struct buffer bytes;
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	buffer_init(&bytes, 0);
	if (file_read_descriptor(fd, AUTHORITIES_FILE_LIMIT, &bytes,
	    error) < 0) {
		buffer_fini(&bytes);
		return -1;
	}
	BIO *pem = BIO_new_mem_buf(bytes.data, (int)bytes.size);
	STACK_OF(X509_INFO) *found = PEM_X509_INFO_read_bio(pem, NULL, NULL,
		NULL);
	for (int i = 0; i < sk_X509_INFO_num(found); i++) {
		X509 *authority = sk_X509_INFO_value(found, i)->x509;
		*count += authority != NULL &&
			X509_STORE_add_cert(store, authority) == 1;
	}
	sk_X509_INFO_pop_free(found, X509_INFO_free);
	BIO_free(pem);
	buffer_fini(&bytes);
	if (*count == 0)
		return fail(error, "found no certificate, expected PEM");
	ERR_clear_error();
	return 0;
}

int
client_context_load(int authorities_fd, size_t *count, struct error *error)
{
	SSL_CTX *fresh = SSL_CTX_new(TLS_client_method());
	int result = 0;
	*count = 0;
	if (fresh == NULL || !set_options(fresh)) {
		SSL_CTX_free(fresh);
		return fail(error, "making a TLS context");
	}
	if (authorities_fd >= 0)
		result = trust(fresh, authorities_fd, count, error);
	if (result == 0) {
		pthread_mutex_lock(&current_lock);
		SSL_CTX *old = current;
		current = fresh;
		fresh = old;
		pthread_mutex_unlock(&current_lock);
		/* what was trusted then may not be now */
		remembered_forget();
	}
	SSL_CTX_free(fresh);
	return result;
}

SSL *
client_context_new_ssl(void)
{
	pthread_mutex_lock(&current_lock);
	SSL *ssl = current == NULL ? NULL : SSL_new(current);
	pthread_mutex_unlock(&current_lock);
	return ssl;
}
