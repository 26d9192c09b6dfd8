/* The table; see callers.h. */
#include "key/callers.h"

#include <stddef.h>
#include <string.h>

enum {
	SIGN = 1 << KEYWIRE_ECDSA | 1 << KEYWIRE_RSA_PKCS1 |
		1 << KEYWIRE_RSA_RAW,
	KEEP = 1 << KEYWIRE_MAKE | 1 << KEYWIRE_PUBLIC | 1 << KEYWIRE_DROP,
};

/* A name that ends with "-" stands for all that begin so and go on. */
static const struct {
	const char *caller, *name;
	unsigned operations;
} rows[] = {
	{ "tls", "tls_key_file", SIGN },
	{ "tls", "acme-tls-", SIGN },
	{ "names", "dnssec-", SIGN | KEEP },
	{ "hostmaster", "acme-account", SIGN | KEEP },
	{ "hostmaster", "acme-tls-", SIGN | KEEP },
};

static bool
is_meant(const char *pattern, const char *name)
{
	size_t size = strlen(pattern);
	if (pattern[size - 1] != '-')
		return strcmp(pattern, name) == 0;
	return strncmp(pattern, name, size) == 0 && name[size] != '\0';
}

bool
callers_may(const char *caller, const char *name, uint32_t operation)
{
	if (caller == NULL || operation > KEYWIRE_DROP)
		return false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].caller, caller) == 0 &&
		    is_meant(rows[i].name, name))
			return (rows[i].operations & 1u << operation) != 0;
	return false;
}

bool
callers_is_ring_name(const char *name)
{
	size_t size = 0;
	for (; name[size] != '\0'; size++) {
		char c = name[size];
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-')
			return false;
	}
	return size > 0 && size < KEYWIRE_NAME_SIZE;
}
