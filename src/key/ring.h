/*
 * The keys that are made here and last over restarts: DNSSEC, ACME. They stand
 * in memory and in a state file (key_ring_file), as lines:
 *
 *	posthouse-ring TAB 1
 *	KEY TAB name=NAME TAB made=SECONDS TAB pkcs8=BASE64
 *
 * A key is used when it is on disk, not before. Any thread.
 */
#ifndef KEY_RING_H
#define KEY_RING_H

#include <openssl/evp.h>

#include "base/error.h"
#include "proto/keywire.h"

enum { RING_KEYS = 2048 };

/*
 * Reads the ring of this descriptor, which stays the caller's, and writes there
 * from now on. On failure the ring is what it was.
 */
int
ring_load(int fd, struct error *error);

bool
ring_is_loaded(void);

/* A reference of the caller's, or NULL. */
EVP_PKEY *
ring_find(const char *name);

/* A new key of this name; when there is one, nothing happens. `now` is wall
 * time in s. */
enum keywire_status
ring_make(const char *name, uint32_t algorithm, int64_t now);

/* When there is none, nothing happens. */
enum keywire_status
ring_drop(const char *name);

/* Forgets everything, for tests; the file stays. */
void
ring_forget(void);

#endif
