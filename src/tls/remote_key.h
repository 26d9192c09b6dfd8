/*
 * A private key that is not here: an EVP_PKEY with the public half, whose
 * private operations are calls to the `key` process (proto/keywire.h).
 */
#ifndef TLS_REMOTE_KEY_H
#define TLS_REMOTE_KEY_H

#include <openssl/x509.h>

#include "serve/turnstile.h"

/* Once, before any key is made. */
void
remote_key_start(struct lot *lot, unsigned workers);

/* Who may need a signature goes through it, so that a key process that is
 * busy is waited for without a worker. */
struct turnstile *
remote_key_turnstile(void);

/*
 * The key that belongs to the certificate, under its name in `key`. NULL when
 * the certificate's kind of key is neither RSA nor EC. The caller frees it with
 * EVP_PKEY_free. Its signatures block at most REMOTE_KEY_TIMEOUT ms, or while
 * key may be about to load the key REMOTE_KEY_RELOAD.
 */
EVP_PKEY *
remote_key_new(X509 *certificate, const char *name);

enum {
	REMOTE_KEY_TIMEOUT = 3000,
	REMOTE_KEY_RELOAD = 1000,	/* ms that key may reload later than we */
	REMOTE_KEY_PAUSE = 20,
};

#endif
