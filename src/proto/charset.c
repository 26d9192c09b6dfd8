/*
 * Charsets to UTF-8 by the C library's iconv, one converter for each charset,
 * opened once and kept: inside a jail none can be opened. A converter serves
 * one thread at a time; texts are short enough for that.
 */
#include "proto/charset.h"

#include <errno.h>
#include <iconv.h>
#include <pthread.h>

#include "base/utf8.h"
#include "proto/charset_escape.h"
#include "proto/charset_table.h"

/* CVE-2024-2961 and its like: no other name ever reaches iconv_open. */
static const char *const names[CHARSET_COUNT] = {
	[CHARSET_IBM866] = "IBM866",
	[CHARSET_ISO_8859_2] = "ISO-8859-2",
	[CHARSET_ISO_8859_3] = "ISO-8859-3",
	[CHARSET_ISO_8859_4] = "ISO-8859-4",
	[CHARSET_ISO_8859_5] = "ISO-8859-5",
	[CHARSET_ISO_8859_6] = "ISO-8859-6",
	[CHARSET_ISO_8859_7] = "ISO-8859-7",
	[CHARSET_ISO_8859_8] = "ISO-8859-8",
	[CHARSET_ISO_8859_10] = "ISO-8859-10",
	[CHARSET_ISO_8859_13] = "ISO-8859-13",
	[CHARSET_ISO_8859_14] = "ISO-8859-14",
	[CHARSET_ISO_8859_15] = "ISO-8859-15",
	[CHARSET_ISO_8859_16] = "ISO-8859-16",
	[CHARSET_KOI8_R] = "KOI8-R",
	[CHARSET_KOI8_U] = "KOI8-U",
	[CHARSET_MACINTOSH] = "MACINTOSH",
	[CHARSET_WINDOWS_874] = "CP874",
	[CHARSET_WINDOWS_1250] = "CP1250",
	[CHARSET_WINDOWS_1251] = "CP1251",
	[CHARSET_WINDOWS_1252] = "CP1252",
	[CHARSET_WINDOWS_1253] = "CP1253",
	[CHARSET_WINDOWS_1254] = "CP1254",
	[CHARSET_WINDOWS_1255] = "CP1255",
	[CHARSET_WINDOWS_1256] = "CP1256",
	[CHARSET_WINDOWS_1257] = "CP1257",
	[CHARSET_WINDOWS_1258] = "CP1258",
	[CHARSET_MAC_CYRILLIC] = "MAC-UK",
	[CHARSET_GB18030] = "GB18030",
	[CHARSET_HZ] = "GB18030",
	[CHARSET_ISO_2022_CN] = "ISO-2022-CN",
	[CHARSET_BIG5_HKSCS] = "BIG5-HKSCS",
	[CHARSET_EUC_JP] = "EUC-JP-MS",
	[CHARSET_ISO_2022_JP] = "CP932",
	[CHARSET_ISO_2022_JP_2] = "ISO-2022-JP-2",
	[CHARSET_SHIFT_JIS] = "CP932",
	[CHARSET_EUC_JISX0213] = "EUC-JISX0213",
	[CHARSET_SHIFT_JISX0213] = "SHIFT_JISX0213",
	[CHARSET_EUC_KR] = "CP949",
	[CHARSET_ISO_2022_KR] = "ISO-2022-KR",
	[CHARSET_JOHAB] = "JOHAB",
	[CHARSET_UTF_16BE] = "UTF-16BE",
	[CHARSET_UTF_16LE] = "UTF-16LE",
	[CHARSET_UTF_16] = "UTF-16",
	[CHARSET_UTF_7] = "UTF-7",
};

/* Both are guarded by `lock` of the same converter. */
static struct converter {
	pthread_mutex_t lock;
	enum { UNTRIED, OPEN, MISSING } state;
	iconv_t handle;
} converters[CHARSET_COUNT] = {
	[0 ... CHARSET_COUNT - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER },
};

static const struct span REPLACEMENT = { "\xef\xbf\xbd", 3 };

/* With the lock held. */
static bool
is_open(struct converter *converter, const char *name)
{
	if (converter->state == UNTRIED) {
		converter->handle = iconv_open("UTF-8", name);
		converter->state = converter->handle == (iconv_t)-1 ?
			MISSING : OPEN;
	}
	return converter->state == OPEN;
}

void
charset_open_all(void)
{
	for (size_t i = 0; i < CHARSET_COUNT; i++) {
		if (names[i] == NULL)
			continue;
		pthread_mutex_lock(&converters[i].lock);
		is_open(&converters[i], names[i]);
		pthread_mutex_unlock(&converters[i].lock);
	}
}

bool
charset_is_known(struct span label)
{
	return charset_table_find(label) != CHARSET_NONE;
}

/* A text being converted. */
struct text {
	char *at;
	size_t left;
	bool is_last;	/* nothing follows: a character cut short is an error */
};

/* One call; false when there is nothing more to do. */
static bool
convert_step(iconv_t handle, struct buffer *out, struct text *text)
{
	enum { LEAST = 64 };
	if (!buffer_reserve(out, text->left + LEAST)) {
		text->left = 0;
		return false;
	}
	size_t before = text->left, room = out->room - out->size;
	char *to = out->data + out->size;
	size_t status = iconv(handle, &text->at, &text->left, &to, &room);
	int number = errno;
	bool moved = text->left < before || to > out->data + out->size;
	out->size = (size_t)(to - out->data);
	if (status != (size_t)-1 || text->left == 0)
		return false;
	if (number == E2BIG && moved)
		return true;
	if (number == EINVAL && !text->is_last)
		return false;
	/* not of this charset, or cut short */
	buffer_add(out, REPLACEMENT);
	text->at++;
	text->left--;
	return text->left > 0;
}

/*
 * False when this system has no such converter. Without is_last up to 8 bytes
 * may stay: *taken says what did not.
 */
static bool
convert_part(struct buffer *out, enum charset_id id, struct span bytes,
	bool is_last, size_t *taken)
{
	struct converter *converter = &converters[id];
	struct text text = { (char *)bytes.data, bytes.size, is_last };
	pthread_mutex_lock(&converter->lock);
	bool ok = is_open(converter, names[id]);
	if (ok && bytes.size > 0) {
		iconv(converter->handle, NULL, NULL, NULL, NULL);
		while (convert_step(converter->handle, out, &text))
			continue;
		/* what a stateful charset still holds back */
		if (buffer_reserve(out, 64)) {
			char *to = out->data + out->size;
			size_t room = out->room - out->size;
			iconv(converter->handle, NULL, NULL, &to, &room);
			out->size = (size_t)(to - out->data);
		}
	}
	pthread_mutex_unlock(&converter->lock);
	*taken = bytes.size - (ok ? text.left : 0);
	return ok;
}

static bool
convert(struct buffer *out, enum charset_id id, struct span text)
{
	size_t taken;
	return convert_part(out, id, text, true, &taken);
}

/* Text of which nobody said what it is, or said "ASCII" and it is not. */
static void
add_unlabelled(struct buffer *out, struct span text)
{
	if (utf8_is_valid(text))
		buffer_add(out, text);
	else if (!convert(out, CHARSET_WINDOWS_1252, text))
		utf8_add_repaired(out, text);
}

/* Charsets that need more than a converter. */
static bool
convert_escaped(struct buffer *out, enum charset_id id, struct span text)
{
	struct buffer plain;
	buffer_init(&plain, 0);
	if (id == CHARSET_EUC_KR) {
		bool ok = convert(&plain, id, text);
		charset_escape_syllables(out, buffer_span(&plain));
		buffer_fini(&plain);
		return ok;
	}
	if (id == CHARSET_HZ)
		charset_escape_hz(&plain, text);
	else
		charset_escape_jp(&plain, text);
	bool ok = convert(out, id, buffer_span(&plain));
	buffer_fini(&plain);
	return ok;
}

/* JIS X 0212 is in no eight-bit charset of one or two bytes. */
static bool
has_supplement(struct span text)
{
	return span_search(text, SPAN("\x1b$(D")) < text.size;
}

/* In these, and only these, a byte below 0x80 may not be ASCII at the start. */
static bool
begins_in_ascii(enum charset_id id)
{
	return id != CHARSET_UTF_16 && id != CHARSET_UTF_16BE &&
		id != CHARSET_UTF_16LE && id != CHARSET_UTF_7 &&
		id != CHARSET_HZ && id != CHARSET_ISO_2022_CN &&
		id != CHARSET_ISO_2022_KR && id != CHARSET_ISO_2022_JP &&
		id != CHARSET_ISO_2022_JP_2;
}

bool
charset_to_utf8(struct buffer *out, struct span label, struct span text)
{
	enum charset_id id = charset_table_find(label);
	bool ok = true;
	if (id == CHARSET_UTF_8) {
		utf8_add_repaired(out, text);
	} else if (id == CHARSET_NONE || id == CHARSET_US_ASCII ||
	    (begins_in_ascii(id) && utf8_is_ascii(text))) {
		add_unlabelled(out, text);
	} else if (id == CHARSET_HZ || id == CHARSET_EUC_KR ||
	    (id == CHARSET_ISO_2022_JP && !has_supplement(text))) {
		ok = convert_escaped(out, id, text);
	} else {
		if (id == CHARSET_ISO_2022_JP)
			id = CHARSET_ISO_2022_JP_2;
		ok = convert(out, id, text);
	}
	if (!ok)
		add_unlabelled(out, text);
	return id != CHARSET_NONE;
}

/* ---- pieces ---- */

/* Without a character of UTF-8 that is cut short at the end. */
static size_t
size_of_whole_utf8(struct span text)
{
	size_t size = text.size;
	for (size_t back = 1; back <= 3 && back <= size; back++) {
		unsigned char byte = (unsigned char)text.data[size - back];
		if (byte < 0x80)
			return size;
		if (byte >= 0xc0) {
			size_t wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
			return wanted > back ? size - back : size;
		}
	}
	return size;
}

/* Charsets whose escapes end with the line (RFC 1468, 1557, 1843, 1922), and
 * UTF-7, whose shifts do (RFC 2152). */
static bool
is_by_line(enum charset_id id)
{
	return !begins_in_ascii(id) && id != CHARSET_UTF_16 &&
		id != CHARSET_UTF_16BE && id != CHARSET_UTF_16LE;
}

/* Up to and with the last line end; 0: there is none. */
static size_t
size_of_lines(struct span text)
{
	size_t size = text.size;
	while (size > 0 && text.data[size - 1] != '\n')
		size--;
	return size;
}

/* Up to and with the last byte that is surely a blank or the like, where no
 * spelt syllable of Korean goes on. */
static size_t
size_of_words(struct span text)
{
	size_t size = text.size;
	while (size > 0 && (unsigned char)text.data[size - 1] >= '0')
		size--;
	return size;
}

size_t
charset_part_to_utf8(struct buffer *out, struct span label, struct span text,
	bool is_last)
{
	enum charset_id id = charset_table_find(label);
	size_t size = text.size, taken = 0;
	bool by_characters = false;
	if (is_last) {
		charset_to_utf8(out, label, text);
		return size;
	}
	if (id == CHARSET_NONE || id == CHARSET_UTF_8 ||
	    id == CHARSET_US_ASCII) {
		size = size_of_whole_utf8(text);
	} else if (is_by_line(id)) {
		size = size_of_lines(text);
		if (size == 0 && text.size >= CHARSET_PIECE_LIMIT)
			size = text.size;
	} else {
		size = id == CHARSET_EUC_KR ? size_of_words(text) : 0;
		by_characters = id != CHARSET_EUC_KR ||
			(size == 0 && text.size >= CHARSET_PIECE_LIMIT);
	}
	if (by_characters && convert_part(out, id, text, false, &taken))
		return taken;
	charset_to_utf8(out, label, span_first(text, size));
	return size;
}
