/*
 * Checksums and keyed hashes. CRC32C (RFC 3720 12.1) guards records on disk;
 * SipHash-2-4 keys hash tables that strangers' bytes go into.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/span.h"

/* crc of the bytes, continuing `crc` (0 at first). */
uint32_t
hash_crc32c(uint32_t crc, const void *data, size_t size);

/* The key is 16 bytes. */
uint64_t
hash_siphash(const uint8_t key[16], struct span s);

/* SipHash with a key drawn once per process: for tables in memory only. */
uint64_t
hash_secret(struct span s);

#endif
