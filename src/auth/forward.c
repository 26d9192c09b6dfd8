/*
 * Addresses of mail that an alias forwards (proto/srs.h): made for the queue,
 * and understood when something comes back to them.
 */
#include <openssl/evp.h>

#include "auth/accounts_private.h"
#include "base/clock.h"
#include "proto/srs.h"

enum { DAY = 86400000 };		/* ms */

/* Of the database's secret, which salts are made of too: nobody who asks for
 * those learns this one. */
static struct span
make_secret(const struct accounts *accounts, uint8_t out[EVP_MAX_MD_SIZE])
{
	unsigned char text[36] = "srs ";
	unsigned size = 0;
	for (size_t i = 0; i < 32; i++)
		text[4 + i] = accounts_secret(accounts)[i];
	EVP_Digest(text, sizeof(text), out, &size, EVP_sha256(), NULL);
	return span_of(out, size);
}

bool
accounts_forward(struct accounts *accounts, struct span sender,
	struct arena *arena, struct span *out)
{
	uint8_t secret[EVP_MAX_MD_SIZE];
	struct parsed_name parsed;
	if (!accounts_parse(accounts, sender, arena, &parsed) ||
		accounts_is_ours(accounts, parsed.domain))
		return false;
	pthread_mutex_lock(&accounts->cache_lock);
	struct span domain = arena_copy(arena, span_from(accounts->myorigin));
	pthread_mutex_unlock(&accounts->cache_lock);
	return srs_forward(make_secret(accounts, secret), parsed.written,
		domain, clock_wall() / DAY, arena, out);
}

bool
accounts_reverse(struct accounts *accounts, struct span address,
	struct arena *arena, struct span *out)
{
	uint8_t secret[EVP_MAX_MD_SIZE];
	struct address parsed;
	if (address_parse(address, arena, &parsed) != ADDRESS_OK)
		return false;
	return srs_reverse(make_secret(accounts, secret), parsed.local,
		clock_wall() / DAY, arena, out) == SRS_OK;
}
