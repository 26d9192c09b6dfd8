#include "tls/context.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/state_file.h"
#include "serve/counter.h"
#include "tls/challenge.h"
#include "tls/remote_key.h"
#include "trust/acme_chain.h"
#include "trust/acme_state.h"

enum { CERTIFICATE_FILE_LIMIT = 1 << 20 };

/* The passphrase of PEM that must not have one: nobody is asked. */
static char no_passphrase[] = "";

/* Locked: current_lock. */
static SSL_CTX *current;
/* What hostmaster got: NULL, or from when until when (wall ms) it is used. */
static SSL_CTX *issued;
static int64_t issued_from, issued_until;
static int issued_fd = -1;
static uint64_t issued_generation;
static bool issued_is_read;
static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;

/* RFC 9325 4.2: forward secrecy and AEAD only. */
static const char ciphers_of_tls12[] =
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char ciphers_of_tls13[] = "TLS_AES_128_GCM_SHA256:"
	"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

static int
fail(struct error *error, const char *what)
{
	char reason[160];
	ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	ERR_clear_error();
	return error_set(error, ERROR_USAGE, "tls_cert_file: %s: %s", what,
		reason);
}

/*
 * Idle sessions are many: every buffer goes back when it is empty. The order of
 * ciphers is ours, but a client that prefers ChaCha20, having no AES in hardware,
 * gets it.
 */
static bool
set_options(SSL_CTX *context)
{
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION |
		SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
		SSL_OP_PRIORITIZE_CHACHA |
		SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
		SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 1);
	return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
		SSL_CTX_set_cipher_list(context, ciphers_of_tls12) == 1 &&
		SSL_CTX_set_ciphersuites(context, ciphers_of_tls13) == 1 &&
		SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1;
}

static int
use_chain(SSL_CTX *context, BIO *pem, const char *key_name,
	struct error *error)
{
	X509 *leaf = PEM_read_bio_X509(pem, NULL, NULL, no_passphrase);
	if (leaf == NULL)
		return fail(error, "found no certificate, expected PEM");
	EVP_PKEY *key = remote_key_new(leaf, key_name);
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

/* A context with this chain; NULL with error. */
static SSL_CTX *
new_context(struct span chain, const char *key_name, struct error *error)
{
	SSL_CTX *fresh = SSL_CTX_new(TLS_server_method());
	if (fresh == NULL || !set_options(fresh)) {
		SSL_CTX_free(fresh);
		fail(error, "making a TLS context");
		return NULL;
	}
	challenge_watch(fresh);
	BIO *pem = BIO_new_mem_buf(chain.data, (int)chain.size);
	int result = use_chain(fresh, pem, key_name, error);
	BIO_free(pem);
	if (result == 0)
		return fresh;
	SSL_CTX_free(fresh);
	return NULL;
}

int
context_load(int certificate_fd, struct error *error)
{
	struct buffer bytes;
	SSL_CTX *fresh = NULL;
	buffer_init(&bytes, 0);
	if (file_read_descriptor(certificate_fd, CERTIFICATE_FILE_LIMIT,
	    &bytes, error) == 0)
		fresh = new_context(buffer_span(&bytes), "tls_key_file", error);
	buffer_fini(&bytes);
	if (fresh == NULL)
		return -1;
	pthread_mutex_lock(&current_lock);
	SSL_CTX *old = current;
	current = fresh;
	pthread_mutex_unlock(&current_lock);
	SSL_CTX_free(old);
	return 0;
}

/* ---- what hostmaster got ---- */

void
context_watch_issued(int fd)
{
	/* master's own is closed with the next reload */
	int own = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	pthread_mutex_lock(&current_lock);
	int old = issued_fd;
	issued_fd = own;
	issued_is_read = false;
	pthread_mutex_unlock(&current_lock);
	file_close(&old);
}

static void
use_issued(const struct acme_state *state, struct arena *arena)
{
	struct acme_chain chain;
	struct error error;
	SSL_CTX *fresh = NULL;
	acme_chain_read(state->chain, &(struct acme_chain_wish){ .now = 0 },
		arena, &chain, NULL);
	if (chain.count > 0)
		fresh = new_context(state->chain,
			arena_copy_string(arena, state->key), &error);
	if (state->chain.size > 0 && fresh == NULL)
		log_event(LOG_ERROR, "issued-certificate-not-used", NULL,
			LOG_TEXT("reason", chain.count == 0 ?
			"there is no chain in it" : error.text));
	SSL_CTX_free(issued);
	issued = fresh;
	issued_from = chain.not_before;
	issued_until = chain.not_after;
	challenge_set(state);
}

/* With the lock. What cannot be read leaves what was read before. */
static void
read_issued(void)
{
	static struct acme_state state;
	struct buffer blob;
	struct arena arena;
	struct error error;
	uint64_t now = counter_generations()->certificate;
	if (issued_fd < 0 || (issued_is_read && now == issued_generation))
		return;
	issued_is_read = true;
	issued_generation = now;
	buffer_init(&blob, 0);
	arena_init(&arena, 0);
	if (state_file_read(issued_fd, &blob, &error) < 0)
		log_event(LOG_WARN, "acme_chain_file-not-read", NULL,
			LOG_TEXT("reason", error.text));
	else if (!acme_state_read(buffer_span(&blob), &arena, &state))
		log_event(LOG_ERROR, "acme_chain_file-not-read", NULL,
			LOG_TEXT("reason", "it is no such file"));
	else
		use_issued(&state, &arena);
	arena_fini(&arena);
	buffer_fini(&blob);
}

SSL *
context_new_ssl(void)
{
	int64_t now = clock_wall();
	pthread_mutex_lock(&current_lock);
	read_issued();
	SSL_CTX *chosen = issued != NULL && now >= issued_from &&
		now < issued_until ? issued : current;
	SSL *ssl = chosen == NULL ? NULL : SSL_new(chosen);
	pthread_mutex_unlock(&current_lock);
	return ssl;
}
