/*
 * Names of files in a maildir: "time.unique.host,S=size,W=wire size:2,letters".
 * What stands before the colon is the message for as long as it lives; the
 * letters are its flags and change (cr.yp.to/proto/maildir.html, Maildir++).
 */
#include "store/maildir_inside.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const struct {
	char letter;
	uint64_t flag;
} letters[] = {
	{ 'D', STORE_DRAFT }, { 'F', STORE_FLAGGED },
	{ 'P', (uint64_t)1 << FORMAT_KEYWORD_SHIFT }, { 'R', STORE_ANSWERED },
	{ 'S', STORE_SEEN }, { 'T', STORE_DELETED },
};

enum { LETTER_COUNT = sizeof(letters) / sizeof(letters[0]) };

/* ---- reading ---- */

static uint64_t
number_at(struct span text, size_t at)
{
	uint64_t number = 0;
	size_t i = at;
	for (; i < text.size && i < at + 18 && text.data[i] >= '0' &&
	    text.data[i] <= '9'; i++)
		number = number * 10 + (uint64_t)(text.data[i] - '0');
	return i == at ? UINT64_MAX : number;
}

/* The number of a field ",X=" of the base name. */
static uint64_t
field(struct span base, const char *mark)
{
	size_t at = span_search(base, span_from(mark));
	return at == base.size ? UINT64_MAX : number_at(base, at + 3);
}

bool
maildir_name_parse(struct span text, struct maildir_name *name)
{
	if (text.size == 0 || text.size > MAILDIR_NAME_LIMIT ||
	    text.data[0] == '.' || text.data[0] == ':')
		return false;
	size_t colon = span_find(text, ':');
	name->base = span_first(text, colon);
	name->tail = span_skip(text, colon);
	name->size = field(name->base, ",S=");
	name->wire_size = field(name->base, ",W=");
	name->second = number_at(text, 0);
	name->micro = 0;
	size_t micro = span_search(name->base, SPAN(".M"));
	if (micro < name->base.size)
		name->micro = number_at(name->base, micro + 2);
	return true;
}

static int
digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
		c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "T" and its 32 digits are the last of what stands between the first dots. */
bool
maildir_name_transaction(struct span base,
	uint8_t transaction[STORE_TRANSACTION_SIZE])
{
	const size_t length = 1 + 2 * STORE_TRANSACTION_SIZE;
	struct span unique = span_skip(base, span_find(base, '.') + 1);
	unique = span_first(unique, span_find(unique, '.'));
	if (unique.size < length)
		return false;
	struct span text = span_skip(unique, unique.size - length);
	bool is_good = text.data[0] == 'T';
	for (size_t i = 0; i < STORE_TRANSACTION_SIZE && is_good; i++) {
		int high = digit_of(text.data[1 + 2 * i]);
		int low = digit_of(text.data[2 + 2 * i]);
		is_good = high >= 0 && low >= 0;
		transaction[i] = (uint8_t)(high * 16 + low);
	}
	return is_good;
}

static uint64_t
flag_of(char letter)
{
	for (size_t i = 0; i < LETTER_COUNT; i++)
		if (letters[i].letter == letter)
			return letters[i].flag;
	if (letter >= 'a' && letter <= 'z')
		return (uint64_t)1 << (FORMAT_KEYWORD_SHIFT + 1 +
			(letter - 'a'));
	return 0;
}

/* A tail of another kind means nothing to us. */
static struct span
letters_of(struct span tail)
{
	return span_starts(tail, SPAN(":2,")) ? span_skip(tail, 3) :
		span_of(NULL, 0);
}

uint64_t
maildir_name_flags(struct span tail)
{
	struct span info = letters_of(tail);
	uint64_t flags = 0;
	for (size_t i = 0; i < info.size; i++)
		flags |= flag_of(info.data[i]);
	return flags;
}

/* ---- writing ---- */

void
maildir_name_tail(uint64_t flags, struct span tail, struct buffer *out)
{
	bool has[256] = { false };
	struct span old = letters_of(tail);
	for (size_t i = 0; i < old.size; i++)
		if (flag_of(old.data[i]) == 0)
			has[(unsigned char)old.data[i]] = true;
	for (size_t i = 0; i < LETTER_COUNT; i++)
		if ((flags & letters[i].flag) != 0)
			has[(unsigned char)letters[i].letter] = true;
	for (char c = 'a'; c <= 'z'; c++)
		if ((flags & flag_of(c)) != 0)
			has[(unsigned char)c] = true;
	buffer_add_string(out, ":2,");
	for (unsigned c = '!'; c < 0x7f; c++)
		if (has[c])
			buffer_add_byte(out, (char)c);
}

void
maildir_name_key(struct span base, uint64_t size,
	uint8_t key[FORMAT_KEY_SIZE])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char text[MAILDIR_NAME_LIMIT + 32];
	memcpy(text, base.data, base.size);
	size_t length = base.size;
	if (size != UINT64_MAX)
		length += (size_t)snprintf(text + length, 32, ":%llu",
			(unsigned long long)size);
	SHA256((const unsigned char *)text, length, digest);
	memcpy(key, digest, FORMAT_KEY_SIZE);
}

/* The host's name, with what must not stand in a file's written otherwise. */
static void
add_host(struct buffer *out)
{
	struct utsname host;
	const char *name = uname(&host) < 0 || host.nodename[0] == '\0' ?
		"localhost" : host.nodename;
	for (const char *c = name; *c != '\0'; c++) {
		if (*c == '/' || *c == ':' || *c == ',')
			buffer_print(out, "\\%03o", (unsigned)*c);
		else if (*c > ' ' && *c < 0x7f)
			buffer_add_byte(out, *c);
	}
}

void
maildir_name_make(const struct maildir_stamp *stamp, struct buffer *out)
{
	buffer_print(out, "%lld.M%06uP%dV%016llxI%016llx",
		(long long)stamp->second, (unsigned)stamp->micro,
		(int)getpid(), (unsigned long long)stamp->device,
		(unsigned long long)stamp->inode);
	if (stamp->transaction != NULL)
		buffer_add_byte(out, 'T');
	for (size_t i = 0; i < STORE_TRANSACTION_SIZE &&
	    stamp->transaction != NULL; i++)
		buffer_print(out, "%02x", (unsigned)stamp->transaction[i]);
	buffer_add_byte(out, '.');
	add_host(out);
	buffer_print(out, ",S=%llu,W=%llu", (unsigned long long)stamp->size,
		(unsigned long long)stamp->wire_size);
}
