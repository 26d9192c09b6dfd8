#include "tls/found.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

/* What OpenSSL says of a chain, in our words. Others: CERTIFICATE. */
static const struct {
	int result;
	enum tls_problem problem;
} problems[] = {
	{ X509_V_OK, TLS_PROBLEM_NONE },
	{ X509_V_ERR_HOSTNAME_MISMATCH, TLS_PROBLEM_NAME },
	{ X509_V_ERR_CERT_HAS_EXPIRED, TLS_PROBLEM_EXPIRED },
	{ X509_V_ERR_CERT_NOT_YET_VALID, TLS_PROBLEM_EXPIRED },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, TLS_PROBLEM_NOT_TRUSTED },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, TLS_PROBLEM_NOT_TRUSTED },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, TLS_PROBLEM_NOT_TRUSTED },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
		TLS_PROBLEM_NOT_TRUSTED },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, TLS_PROBLEM_NOT_TRUSTED },
	{ X509_V_ERR_CERT_UNTRUSTED, TLS_PROBLEM_NOT_TRUSTED },
	{ X509_V_ERR_CERT_REJECTED, TLS_PROBLEM_NOT_TRUSTED },
	{ X509_V_ERR_DANE_NO_MATCH, TLS_PROBLEM_TLSA },
};

static enum tls_problem
problem_of(long result, enum tls_verify verify)
{
	enum tls_problem problem = TLS_PROBLEM_CERTIFICATE;
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
		if (problems[i].result == result)
			problem = problems[i].problem;
	/* no authority but those in TLSA records is trusted with DANE */
	return verify == TLS_VERIFY_DANE && problem == TLS_PROBLEM_NOT_TRUSTED ?
		TLS_PROBLEM_TLSA : problem;
}

/* The chain is judged on as if the name were right; it is looked at later. */
static int
pass_over_name(int is_ok, X509_STORE_CTX *context)
{
	if (is_ok == 1 || X509_STORE_CTX_get_error(context) !=
	    X509_V_ERR_HOSTNAME_MISMATCH)
		return is_ok;
	X509_STORE_CTX_set_error(context, X509_V_OK);
	return 1;
}

void
found_prepare(SSL *ssl, enum tls_verify verify)
{
	if (verify == TLS_VERIFY_NONE)
		SSL_set_verify(ssl, SSL_VERIFY_NONE, pass_over_name);
	else
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
}

/* Is the certificate for one of the names that were set? */
static bool
has_name(SSL *ssl, X509 *certificate)
{
	X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
	unsigned flags = X509_VERIFY_PARAM_get_hostflags(parameters);
	for (int i = 0;; i++) {
		const char *name = X509_VERIFY_PARAM_get0_host(parameters, i);
		if (name == NULL)
			return false;
		if (X509_check_host(certificate, name, 0, flags, NULL) == 1)
			return true;
	}
}

static const char *
host(SSL *ssl)
{
	const char *name = X509_VERIFY_PARAM_get0_host(SSL_get0_param(ssl), 0);
	if (name == NULL)
		name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	return name == NULL ? "the host" : name;
}

/* Only OpenSSL's own words and names that were asked for: all ASCII. */
static void
say(SSL *ssl, long result, struct tls_connect_facts *facts)
{
	char *out = facts->reason;
	const size_t size = sizeof(facts->reason);
	const char *words = X509_verify_cert_error_string(result);
	switch (facts->problem) {
	case TLS_PROBLEM_NONE:
		break;
	case TLS_PROBLEM_NAME:
		snprintf(out, size, "the certificate is for other names than "
			"%.120s", host(ssl));
		break;
	case TLS_PROBLEM_TLSA:
		snprintf(out, size, "the certificate matches none of the TLSA "
			"records");
		break;
	default:
		snprintf(out, size, "the certificate cannot be verified: %s",
			words);
	}
}

static void
set_certificate(SSL *ssl, enum tls_verify verify,
	struct tls_connect_facts *facts)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	unsigned size = 0;
	long result = SSL_get_verify_result(ssl);
	facts->problem = TLS_PROBLEM_CERTIFICATE;	/* anonymous */
	if (certificate == NULL)
		return;
	facts->has_fingerprint = X509_digest(certificate, EVP_sha256(),
		facts->fingerprint, &size) == 1;
	facts->is_chain_ok = result == X509_V_OK;
	facts->is_name_ok = has_name(ssl, certificate);
	facts->is_dane_ok = verify == TLS_VERIFY_DANE && result == X509_V_OK;
	facts->problem = problem_of(result, verify);
	if (facts->problem == TLS_PROBLEM_NONE && !facts->is_name_ok &&
	    verify == TLS_VERIFY_NONE &&
	    X509_VERIFY_PARAM_get0_host(SSL_get0_param(ssl), 0) != NULL)
		facts->problem = TLS_PROBLEM_NAME;
	say(ssl, result, facts);
}

void
found_by_handshake(SSL *ssl, enum tls_verify verify,
	struct tls_connect_facts *facts)
{
	*facts = (struct tls_connect_facts){ .is_done = true,
		.is_resumed = SSL_session_reused(ssl) == 1 };
	snprintf(facts->version, sizeof(facts->version), "%s",
		SSL_get_version(ssl));
	snprintf(facts->cipher, sizeof(facts->cipher), "%s",
		SSL_get_cipher_name(ssl));
	set_certificate(ssl, verify, facts);
}

/* The server's alert, or our own reason; its end when there is neither. */
static const char *
handshake_words(void)
{
	unsigned long code = ERR_peek_error();
	const char *words = code == 0 ? NULL : ERR_reason_error_string(code);
	return words == NULL ? "the other side ended the connection" : words;
}

void
found_by_failure(SSL *ssl, enum tls_verify verify, bool is_late,
	struct tls_connect_facts *facts)
{
	long result = SSL_get_verify_result(ssl);
	*facts = (struct tls_connect_facts){ 0 };
	if (is_late) {
		facts->problem = TLS_PROBLEM_TIMEOUT;
		snprintf(facts->reason, sizeof(facts->reason),
			"the TLS handshake did not end in time");
	} else if (verify != TLS_VERIFY_NONE && result != X509_V_OK) {
		facts->problem = problem_of(result, verify);
		say(ssl, result, facts);
	} else {
		facts->problem = TLS_PROBLEM_HANDSHAKE;
		snprintf(facts->reason, sizeof(facts->reason),
			"the TLS handshake failed: %s", handshake_words());
	}
}
