#include "trust/acme_chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "proto/tlswire.h"
#include "trust/jws.h"

/* The passphrase of PEM that must not have one: nobody is asked. */
static char no_passphrase[] = "";

static const char *const words[ACME_CHAIN_VERDICTS] = {
	[ACME_CHAIN_OK] = "it is as asked for",
	[ACME_CHAIN_NONE] = "found no chain of certificates",
	[ACME_CHAIN_BROKEN] = "the certificates are no chain",
	[ACME_CHAIN_OTHER_KEY] = "the certificate is for another key",
	[ACME_CHAIN_NAME_MISSING] = "a name is missing in the certificate",
	[ACME_CHAIN_NOT_NOW] = "the certificate is not valid now",
};

const char *
acme_chain_words(enum acme_chain_verdict verdict)
{
	return words[verdict];
}

/* What the text holds; `count` of them, which the caller frees. */
struct pieces {
	X509 *certificate[ACME_CHAIN_CERTIFICATES];
	size_t count;
	bool is_too_long;
};

static void
read_pieces(struct span pem, struct pieces *pieces)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	for (;;) {
		X509 *next = PEM_read_bio_X509(bio, NULL, NULL, no_passphrase);
		if (next == NULL)
			break;
		if (pieces->count == ACME_CHAIN_CERTIFICATES) {
			X509_free(next);
			pieces->is_too_long = true;
			break;
		}
		pieces->certificate[pieces->count++] = next;
	}
	BIO_free(bio);
	ERR_clear_error();
}

static int64_t
wall_of(const ASN1_TIME *time)
{
	struct tm date = { 0 };
	if (ASN1_TIME_to_tm(time, &date) != 1)
		return 0;
	return (int64_t)timegm(&date) * 1000;
}

static bool
is_for_key(X509 *leaf, struct span spki)
{
	unsigned char *der = NULL;
	if (spki.size == 0)
		return true;
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
	bool ok = size > 0 && span_equals(span_of(der, (size_t)size), spki);
	OPENSSL_free(der);
	return ok;
}

/* RFC 9525 6.3: of its subjectAltName only. */
static bool
has_names(X509 *leaf, const struct acme_chain_wish *wish)
{
	for (size_t i = 0; i < wish->count; i++)
		if (X509_check_host(leaf, wish->names[i].data,
		    wish->names[i].size, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) != 1)
			return false;
	return true;
}

/* Each is issued by the next (RFC 8555 7.4.2), as far as names say. */
static bool
is_chain(const struct pieces *pieces)
{
	for (size_t i = 0; i + 1 < pieces->count; i++)
		if (X509_check_issued(pieces->certificate[i + 1],
		    pieces->certificate[i]) != X509_V_OK)
			return false;
	return true;
}

static struct span
issuer_of(X509 *leaf, struct arena *arena)
{
	char text[128] = "";
	const X509_NAME *name = X509_get_issuer_name(leaf);
	static const int kinds[] = { NID_organizationName, NID_commonName };
	for (size_t i = 0; i < 2 && text[0] == '\0'; i++)
		X509_NAME_get_text_by_NID(name, kinds[i], text, sizeof(text));
	for (char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return arena_copy(arena, span_from(text));
}

static struct span
names_of(X509 *leaf, struct arena *arena)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name,
		NULL, NULL);
	struct buffer text;
	buffer_init(&text, ACME_CHAIN_LIMIT);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		struct span dns = name->type != GEN_DNS ? SPAN("") :
			span_of(ASN1_STRING_get0_data(name->d.dNSName),
			(size_t)ASN1_STRING_length(name->d.dNSName));
		struct span labels = span_starts(dns, SPAN("*.")) ?
			span_skip(dns, 2) : dns;
		if (tlswire_name_is_valid(labels))
			buffer_print(&text, "%s%.*s", text.size == 0 ? "" :
				" ", SPAN_PRINT(dns));
	}
	struct span copy = arena_copy(arena, buffer_span(&text));
	buffer_fini(&text);
	GENERAL_NAMES_free(names);
	return copy;
}

/* RFC 9773 4.1: keyIdentifier of the authority, a dot, the serial's content. */
static struct span
id_of(X509 *leaf, struct arena *arena)
{
	const ASN1_OCTET_STRING *key = X509_get0_authority_key_id(leaf);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	unsigned char *der = NULL;
	struct buffer text;
	int size = i2d_ASN1_INTEGER(serial, &der);
	struct span content = { NULL, 0 };
	/* tag and a short length: serials have 20 bytes at most */
	if (key != NULL && ASN1_STRING_length(key) > 0 && size > 2 &&
	    der[1] < 128)
		content = span_of(der + 2, (size_t)size - 2);
	buffer_init(&text, 0);
	if (content.size > 0) {
		jws_base64url(&text, span_of(ASN1_STRING_get0_data(key),
			(size_t)ASN1_STRING_length(key)));
		buffer_add_byte(&text, '.');
		jws_base64url(&text, content);
	}
	struct span id = arena_copy(arena, buffer_span(&text));
	buffer_fini(&text);
	OPENSSL_free(der);
	return id;
}

static enum acme_chain_verdict
judge(const struct pieces *pieces, const struct acme_chain_wish *wish,
	const struct acme_chain *chain)
{
	if (!is_for_key(pieces->certificate[0], wish->spki))
		return ACME_CHAIN_OTHER_KEY;
	if (!has_names(pieces->certificate[0], wish))
		return ACME_CHAIN_NAME_MISSING;
	if (!is_chain(pieces))
		return ACME_CHAIN_BROKEN;
	if (wish->now < chain->not_before || wish->now >= chain->not_after)
		return ACME_CHAIN_NOT_NOW;
	return ACME_CHAIN_OK;
}

static void
write_pieces(const struct pieces *pieces, struct buffer *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	for (size_t i = 0; i < pieces->count; i++)
		PEM_write_bio_X509(bio, pieces->certificate[i]);
	long size = BIO_get_mem_data(bio, &text);
	buffer_add(out, span_of(text, size > 0 ? (size_t)size : 0));
	BIO_free(bio);
}

enum acme_chain_verdict
acme_chain_read(struct span pem, const struct acme_chain_wish *wish,
	struct arena *arena, struct acme_chain *chain, struct buffer *out)
{
	struct pieces pieces = { .count = 0 };
	enum acme_chain_verdict verdict = ACME_CHAIN_NONE;
	*chain = (struct acme_chain){ 0 };
	if (pem.size > 0 && pem.size <= ACME_CHAIN_LIMIT)
		read_pieces(pem, &pieces);
	if (pieces.count > 0 && !pieces.is_too_long) {
		X509 *leaf = pieces.certificate[0];
		chain->count = pieces.count;
		chain->not_before = wall_of(X509_get0_notBefore(leaf));
		chain->not_after = wall_of(X509_get0_notAfter(leaf));
		chain->names = names_of(leaf, arena);
		chain->issuer = issuer_of(leaf, arena);
		chain->id = id_of(leaf, arena);
		verdict = judge(&pieces, wish, chain);
	}
	if (verdict == ACME_CHAIN_OK && out != NULL)
		write_pieces(&pieces, out);
	for (size_t i = 0; i < pieces.count; i++)
		X509_free(pieces.certificate[i]);
	return verdict;
}
