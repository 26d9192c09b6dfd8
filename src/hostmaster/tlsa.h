/*
 * Which keys of ours stand in TLSA records, and since when (RFC 7671 8.1): a new
 * key must have been there for two times to live before a certificate with it
 * is used, so that nobody who remembers the old records refuses it; and an old
 * one stays for a while. Kept in hostmaster_state_file. One lock; any thread.
 */
#ifndef HOSTMASTER_TLSA_H
#define HOSTMASTER_TLSA_H

#include "base/error.h"
#include "base/span.h"
#include "trust/certificate_key.h"

enum {
	TLSA_KEYS = 8,
	TLSA_KEEP = 86400,		/* seconds that an old key stays, and
					 * two times to live */
};

struct tlsa_key {
	uint8_t hash[CERTIFICATE_KEY_HASH];
	int64_t first;			/* wall s when it was published; 0: not */
	int64_t last;			/* wall s when it was last wanted */
};

/* Reads what is remembered; -1 as descriptor: only in memory. It stays the
 * caller's, and open until tlsa_close. */
int
tlsa_open(int fd, struct error *error);
void
tlsa_close(void);

/*
 * These are the keys in use and the next ones. Fills `all` with them and with
 * old ones that stay; their number.
 */
size_t
tlsa_want(const uint8_t (*keys)[CERTIFICATE_KEY_HASH], size_t count,
	int64_t now, uint32_t ttl, uint8_t all[TLSA_KEYS][CERTIFICATE_KEY_HASH]);

/* A key that is not in use yet: it stands in the records from the next round on,
 * and stays as an old one does. */
void
tlsa_announce(const uint8_t hash[CERTIFICATE_KEY_HASH], int64_t now);

/* Records of these keys are answered from `now` on. is_ours false: they are in
 * no zone that is signed here, so nobody goes by them. */
int
tlsa_published(const uint8_t (*keys)[CERTIFICATE_KEY_HASH], size_t count,
	int64_t now, bool is_ours, struct error *error);

/* May a certificate with this key be used? When nobody goes by
 * records of ours, always. */
bool
tlsa_is_settled(const uint8_t hash[CERTIFICATE_KEY_HASH], int64_t now);

/* Those that stand in the records, for the operator. */
size_t
tlsa_list(struct tlsa_key keys[TLSA_KEYS]);

#endif
