#include "trust/jws.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/base64.h"

/* ---- base64url ---- */

void
jws_base64url(struct buffer *out, struct span in)
{
	size_t start = out->size;
	base64_encode(out, in);
	while (out->size > start && out->data[out->size - 1] == '=')
		out->size--;
	for (size_t i = start; i < out->size; i++) {
		char *c = &out->data[i];
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	}
}

bool
jws_is_base64url(struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i], lower = span_lower_byte(c);
		if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_')
			return false;
	}
	return text.size > 0;
}

bool
jws_base64url_decode(struct buffer *out, struct span in)
{
	struct buffer text;
	if (!jws_is_base64url(in))
		return false;
	buffer_init(&text, 0);
	buffer_add(&text, in);
	for (size_t i = 0; i < text.size; i++) {
		char *c = &text.data[i];
		*c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
	}
	while (text.size % 4 != 0)
		buffer_add_byte(&text, '=');
	bool ok = base64_decode(out, buffer_span(&text));
	buffer_fini(&text);
	return ok;
}

/* ---- the key ---- */

static bool
read_coordinate(const EVP_PKEY *key, const char *name, uint8_t out[JWS_HALF])
{
	BIGNUM *number = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
		BN_bn2binpad(number, out, JWS_HALF) == JWS_HALF;
	BN_free(number);
	return ok;
}

bool
jws_key_read(struct span spki, struct jws_key *key)
{
	const unsigned char *der = (const unsigned char *)spki.data;
	char group[32] = "";
	size_t size;
	EVP_PKEY *read = spki.size > INT16_MAX ? NULL :
		d2i_PUBKEY(NULL, &der, (long)spki.size);
	bool ok = read != NULL &&
		der == (const unsigned char *)spki.data + spki.size &&
		EVP_PKEY_is_a(read, "EC") == 1 &&
		EVP_PKEY_get_group_name(read, group, sizeof(group), &size) == 1 &&
		strcmp(group, "prime256v1") == 0 &&
		read_coordinate(read, OSSL_PKEY_PARAM_EC_PUB_X, key->x) &&
		read_coordinate(read, OSSL_PKEY_PARAM_EC_PUB_Y, key->y);
	EVP_PKEY_free(read);
	return ok;
}

void
jws_key_write(const struct jws_key *key, struct buffer *out)
{
	buffer_add_string(out, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
	jws_base64url(out, span_of(key->x, sizeof(key->x)));
	buffer_add_string(out, "\",\"y\":\"");
	jws_base64url(out, span_of(key->y, sizeof(key->y)));
	buffer_add_string(out, "\"}");
}

void
jws_key_thumbprint(const struct jws_key *key, struct buffer *out)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	struct buffer text;
	buffer_init(&text, 0);
	jws_key_write(key, &text);
	SHA256((const unsigned char *)text.data, text.size, hash);
	jws_base64url(out, span_of(hash, sizeof(hash)));
	buffer_fini(&text);
}

/* ---- the signed document ---- */

bool
jws_is_url(struct span url)
{
	struct span scheme = SPAN("https://");
	if (!span_starts(url, scheme) || url.size == scheme.size ||
	    url.size > JWS_URL_LIMIT || url.data[scheme.size] == '/')
		return false;
	for (size_t i = 0; i < url.size; i++)
		if (url.data[i] <= ' ' || url.data[i] > '~' ||
		    url.data[i] == '"' || url.data[i] == '\\')
			return false;
	return true;
}

bool
jws_signing_input(const struct jws_header *header, struct span payload,
	struct buffer *out)
{
	struct buffer text;
	if (!jws_is_base64url(header->nonce) ||
	    header->nonce.size > JWS_NONCE_LIMIT || !jws_is_url(header->url) ||
	    (header->account.size > 0 && !jws_is_url(header->account)))
		return false;
	buffer_init(&text, 0);
	buffer_add_string(&text, "{\"alg\":\"ES256\",");
	if (header->account.size > 0) {
		buffer_print(&text, "\"kid\":\"%.*s\"",
			SPAN_PRINT(header->account));
	} else {
		buffer_add_string(&text, "\"jwk\":");
		jws_key_write(header->key, &text);
	}
	buffer_print(&text, ",\"nonce\":\"%.*s\",\"url\":\"%.*s\"}",
		SPAN_PRINT(header->nonce), SPAN_PRINT(header->url));
	jws_base64url(out, buffer_span(&text));
	buffer_add_byte(out, '.');
	jws_base64url(out, payload);
	buffer_fini(&text);
	return true;
}

void
jws_write(struct span input, const uint8_t signature[2 * JWS_HALF],
	struct buffer *out)
{
	size_t dot = span_find(input, '.');
	struct span payload = span_skip(input, dot + 1);
	buffer_print(out, "{\"protected\":\"%.*s\",\"payload\":\"",
		(int)dot, input.data);
	buffer_add(out, payload);
	buffer_add_string(out, "\",\"signature\":\"");
	jws_base64url(out, span_of(signature, 2 * JWS_HALF));
	buffer_add_string(out, "\"}");
}
