#include "tls/challenge.h"

#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "proto/keywire.h"
#include "tls/remote_key.h"

/* RFC 8737 4 */
static const char protocol[] = "acme-tls/1";
enum { PROTOCOL_SIZE = sizeof(protocol) - 1, NAME_LIMIT = 255 };

/* Locked: challenges.lock. */
static struct {
	pthread_mutex_t lock;
	struct {
		char name[NAME_LIMIT + 1];
		char key[KEYWIRE_NAME_SIZE];
		X509 *certificate;
	} entry[ACME_NAMES];
	size_t count;
} challenges = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
add(const struct acme_state_challenge *challenge)
{
	const unsigned char *der =
		(const unsigned char *)challenge->certificate.data;
	if (challenge->name.size > NAME_LIMIT ||
	    challenge->key.size >= KEYWIRE_NAME_SIZE)
		return;
	X509 *certificate = d2i_X509(NULL, &der,
		(long)challenge->certificate.size);
	size_t place = challenges.count;
	if (certificate == NULL)
		return;
	memset(&challenges.entry[place], 0, sizeof(challenges.entry[place]));
	memcpy(challenges.entry[place].name, challenge->name.data,
		challenge->name.size);
	memcpy(challenges.entry[place].key, challenge->key.data,
		challenge->key.size);
	challenges.entry[place].certificate = certificate;
	challenges.count++;
}

void
challenge_set(const struct acme_state *state)
{
	pthread_mutex_lock(&challenges.lock);
	for (size_t i = 0; i < challenges.count; i++)
		X509_free(challenges.entry[i].certificate);
	challenges.count = 0;
	for (size_t i = 0; i < state->challenges; i++)
		add(&state->challenge[i]);
	pthread_mutex_unlock(&challenges.lock);
	ERR_clear_error();
}

/* ---- the handshake ---- */

/* RFC 8737 3: a list (RFC 7301 3.1) with this protocol alone. */
static bool
is_asked_for(SSL *ssl)
{
	const unsigned char *list;
	size_t size;
	return SSL_client_hello_get0_ext(ssl,
		TLSEXT_TYPE_application_layer_protocol_negotiation, &list,
		&size) == 1 && size == PROTOCOL_SIZE + 3 && list[0] == 0 &&
		list[1] == PROTOCOL_SIZE + 1 && list[2] == PROTOCOL_SIZE &&
		memcmp(list + 3, protocol, PROTOCOL_SIZE) == 0;
}

/* RFC 6066 3: one name of the kind host_name. */
static struct span
server_name(SSL *ssl)
{
	const unsigned char *list;
	size_t size;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &list,
	    &size) != 1 || size < 5 || list[2] != TLSEXT_NAMETYPE_host_name ||
	    (size_t)(list[0] << 8 | list[1]) != size - 2 ||
	    (size_t)(list[3] << 8 | list[4]) != size - 5)
		return (struct span){ NULL, 0 };
	return span_of(list + 5, size - 5);
}

/* A reference of the certificate and the name of its key; NULL: none. */
static X509 *
find(struct span name, char key[KEYWIRE_NAME_SIZE])
{
	X509 *found = NULL;
	pthread_mutex_lock(&challenges.lock);
	for (size_t i = 0; i < challenges.count && found == NULL; i++)
		if (span_equals_nocase(name,
		    span_from(challenges.entry[i].name))) {
			found = challenges.entry[i].certificate;
			memcpy(key, challenges.entry[i].key,
				KEYWIRE_NAME_SIZE);
		}
	if (found != NULL)
		X509_up_ref(found);
	pthread_mutex_unlock(&challenges.lock);
	return found;
}

/* Our own certificate must not answer, and nothing of this is resumed. */
static bool
use(SSL *ssl, X509 *certificate, const char *name)
{
	EVP_PKEY *key = remote_key_new(certificate, name);
	SSL_certs_clear(ssl);
	SSL_set_options(ssl, SSL_OP_NO_TICKET);
	bool ok = key != NULL && SSL_set_num_tickets(ssl, 0) == 1 &&
		SSL_use_certificate(ssl, certificate) == 1 &&
		SSL_use_PrivateKey(ssl, key) == 1;
	EVP_PKEY_free(key);
	return ok;
}

static int
look(SSL *ssl, int *alert, void *context)
{
	char key[KEYWIRE_NAME_SIZE];
	(void)context;
	if (!is_asked_for(ssl))
		return SSL_CLIENT_HELLO_SUCCESS;
	struct span name = server_name(ssl);
	X509 *certificate = find(name, key);
	bool ok = certificate != NULL && use(ssl, certificate, key);
	X509_free(certificate);
	log_event(LOG_INFO, ok ? "challenge" : "challenge-unknown", NULL,
		LOG_SPAN("name", name));
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return ok ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

/* Only this protocol is ever chosen, and only when it is alone: then `look`
 * has found the name. With all others no protocol is said. */
static int
choose(SSL *ssl, const unsigned char **out, unsigned char *out_size,
	const unsigned char *list, unsigned int size, void *context)
{
	(void)ssl;
	(void)context;
	if (size != PROTOCOL_SIZE + 1 || list[0] != PROTOCOL_SIZE ||
	    memcmp(list + 1, protocol, PROTOCOL_SIZE) != 0)
		return SSL_TLSEXT_ERR_NOACK;
	*out = list + 1;
	*out_size = PROTOCOL_SIZE;
	return SSL_TLSEXT_ERR_OK;
}

void
challenge_watch(SSL_CTX *context)
{
	SSL_CTX_set_client_hello_cb(context, look, NULL);
	SSL_CTX_set_alpn_select_cb(context, choose, NULL);
}

bool
challenge_is_answered(SSL *ssl)
{
	const unsigned char *chosen;
	unsigned size;
	SSL_get0_alpn_selected(ssl, &chosen, &size);
	return size > 0;
}
