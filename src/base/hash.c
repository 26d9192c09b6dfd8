#include "base/hash.h"

#include <pthread.h>
#include <string.h>

#include "base/random.h"

static uint32_t crc_table[8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void
make_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
		crc_table[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			crc_table[k][i] = crc_table[k - 1][i] >> 8 ^
				crc_table[0][crc_table[k - 1][i] & 255];
}

static uint32_t
crc_by_table(uint32_t crc, const unsigned char *at, size_t size)
{
	pthread_once(&crc_once, make_crc_table);
	for (; size >= 8; at += 8, size -= 8) {
		crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 |
			(uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
		crc = crc_table[7][crc & 255] ^ crc_table[6][crc >> 8 & 255] ^
			crc_table[5][crc >> 16 & 255] ^ crc_table[4][crc >> 24] ^
			crc_table[3][at[4]] ^ crc_table[2][at[5]] ^
			crc_table[1][at[6]] ^ crc_table[0][at[7]];
	}
	for (; size > 0; at++, size--)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *at) & 255];
	return crc;
}

#if defined(__x86_64__)
/* SSE4.2 has CRC32C as an instruction; asked for at run time. */
__attribute__((target("sse4.2"))) static uint32_t
crc_by_instruction(uint32_t crc, const unsigned char *at, size_t size)
{
	uint64_t wide = crc;
	for (; size >= 8; at += 8, size -= 8) {
		uint64_t word;
		memcpy(&word, at, 8);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	for (; size > 0; at++, size--)
		crc = __builtin_ia32_crc32qi(crc, *at);
	return crc;
}

static bool
has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t
crc_by_instruction(uint32_t crc, const unsigned char *at, size_t size)
{
	return crc_by_table(crc, at, size);
}

static bool
has_instruction(void)
{
	return false;
}
#endif

uint32_t
hash_crc32c(uint32_t crc, const void *data, size_t size)
{
	crc = ~crc;
	crc = has_instruction() ? crc_by_instruction(crc, data, size) :
		crc_by_table(crc, data, size);
	return ~crc;
}

static uint64_t
rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void
sip_rounds(uint64_t v[4], int count)
{
	while (count-- > 0) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

uint64_t
hash_siphash(const uint8_t key[16], struct span s)
{
	uint64_t k[2], word;
	memcpy(k, key, 16);
	uint64_t v[4] = {
		k[0] ^ 0x736f6d6570736575u, k[1] ^ 0x646f72616e646f6du,
		k[0] ^ 0x6c7967656e657261u, k[1] ^ 0x7465646279746573u,
	};
	size_t whole = s.size & ~(size_t)7;
	for (size_t i = 0; i < whole; i += 8) {
		memcpy(&word, s.data + i, 8);
		v[3] ^= word;
		sip_rounds(v, 2);
		v[0] ^= word;
	}
	word = (uint64_t)s.size << 56;
	for (size_t i = whole; i < s.size; i++)
		word |= (uint64_t)(unsigned char)s.data[i] << 8 * (i - whole);
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
	v[2] ^= 255;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint8_t process_key[16];
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;

static void
draw_process_key(void)
{
	random_bytes(process_key, sizeof(process_key));
}

uint64_t
hash_secret(struct span s)
{
	pthread_once(&process_key_once, draw_process_key);
	return hash_siphash(process_key, s);
}
