/*
 * Charsets to UTF-8 and the form in which text is compared. The pairs of texts
 * (cjkencodings of Python's test suite, Debian package
 * libpython3.11-testsuite) are compared where they are installed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "proto/charset.h"

#define PAIRS "/usr/lib/python3.11/test/cjkencodings/"
#define BROKEN "\xef\xbf\xbd"

static void
labels_are_converted(void **state)
{
	static const struct {
		const char *label, *text, *utf8;
		bool is_known;
	} cases[] = {
		{ "utf-8", "\xe4\xb8\xad", "\xe4\xb8\xad", true },
		{ "UTF8", "a\xff" "b", "a" BROKEN "b", true },
		{ " Latin1 ", "\xe4\x80", "\xc3\xa4\xe2\x82\xac", true },
		{ "iso-8859-1", "\x81", BROKEN, true },
		{ "iso-8859-15", "\xa4", "\xe2\x82\xac", true },
		{ "windows-1251", "\xcf\xf0", "\xd0\x9f\xd1\x80", true },
		{ "koi8-r", "\xf0\xd2", "\xd0\x9f\xd1\x80", true },
		{ "gb2312", "\xd6\xd0\xce\xc4", "\xe4\xb8\xad\xe6\x96\x87",
			true },
		/* beyond GB 2312: in GBK, in GB 18030 with four bytes */
		{ "gb2312", "\xe9\x46", "\xe9\x95\x95", true },
		{ "gb2312", "\x81\x30\x84\x36", "\xc2\xa5", true },
		{ "gbk", "a\xff" "b", "a" BROKEN "b", true },
		{ "gb18030", "\xd6", BROKEN, true },
		{ "big5", "\xa4\xa4\xa4\xe5", "\xe4\xb8\xad\xe6\x96\x87", true },
		{ "shift_jis", "\x93\xfa\x87\x40", "\xe6\x97\xa5\xe2\x91\xa0",
			true },
		{ "euc-jp", "\xc6\xfc", "\xe6\x97\xa5", true },
		{ "ks_c_5601-1987", "\xc7\xd1\x81\x41",
			"\xed\x95\x9c\xea\xb0\x82", true },
		{ "iso-2022-jp", "\x1b$BF|\x1b(Ba", "\xe6\x97\xa5" "a", true },
		/* NEC's circled one, and half-width katakana */
		{ "iso-2022-jp", "\x1b$B-!\x1b(B", "\xe2\x91\xa0", true },
		{ "iso-2022-jp", "\x1b(I1\x1b(B", "\xef\xbd\xb1", true },
		/* JIS X 0212 */
		{ "iso-2022-jp", "\x1b$(D0!\x1b(B", "\xe4\xb8\x82", true },
		{ "iso-2022-kr", "\x1b$)C\x0eGQ\x0f" "a", "\xed\x95\x9c" "a",
			true },
		{ "iso-2022-cn", "\x1b$)A\x0eVP\x0f" "a", "\xe4\xb8\xad" "a",
			true },
		{ "hz-gb-2312", "~{VPND~} ~~ ~\nx", "\xe4\xb8\xad\xe6\x96\x87 ~ x",
			true },
		{ "hz", "~{VP\nabc", "\xe4\xb8\xad\nabc", true },
		{ "utf-7", "a+Ti0-b", "a\xe4\xb8\xad" "b", true },
		{ "us-ascii", "\xe4\xb8\xad", "\xe4\xb8\xad", true },
		{ "us-ascii", "\xe4", "\xc3\xa4", true },
		{ "", "\xe4", "\xc3\xa4", false },
		{ "no-such", "\xe4\xb8\xad", "\xe4\xb8\xad", false },
		{ "iso-2022-cn-ext", "a", "a", false },
		{ "../../tmp/x", "a", "a", false },
		{ "utf-8//IGNORE", "a", "a", false },
		{ "gbk", "", "", true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		struct span label = span_from(cases[i].label);
		buffer_init(&out, 0);
		bool known = charset_to_utf8(&out, label,
			span_from(cases[i].text));
		if (!span_equals(buffer_span(&out), span_from(cases[i].utf8)) ||
		    known != cases[i].is_known ||
		    charset_is_known(label) != cases[i].is_known)
			fail_msg("%s, case %zu: %s %d", cases[i].label, i,
				buffer_string(&out), known);
		buffer_fini(&out);
	}
}

static void
sixteen_bits_come_in_both_orders(void **state)
{
	static const struct {
		const char *label, *text;
	} cases[] = {
		{ "utf-16", "\xff\xfe\x2d\x4e" }, { "utf-16", "\xfe\xff\x4e\x2d" },
		{ "utf-16be", "\x4e\x2d" }, { "utf-16le", "\x2d\x4e" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		assert_true(charset_to_utf8(&out, span_from(cases[i].label),
			span_from(cases[i].text)));
		assert_true(span_equals(buffer_span(&out),
			SPAN("\xe4\xb8\xad")));
		buffer_fini(&out);
	}
}

static bool
read_file(struct buffer *out, const char *name, const char *end)
{
	char path[200];
	snprintf(path, sizeof(path), PAIRS "%s%s", name, end);
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return false;
	assert_true(buffer_reserve(out, 65536));
	out->size = fread(out->data, 1, 65536, file);
	return fclose(file) == 0 && out->size < 65536;
}

static void
pairs_of_others_are_equal(void **state)
{
	static const struct {
		const char *file, *label;
	} pairs[] = {
		{ "big5", "big5" }, { "big5hkscs", "big5-hkscs" },
		{ "cp949", "cp949" }, { "euc_jisx0213", "euc-jisx0213" },
		{ "euc_jp", "euc-jp" }, { "euc_kr", "euc-kr" },
		{ "gb18030", "gb18030" }, { "gb2312", "gb2312" },
		{ "gbk", "gbk" }, { "hz", "hz-gb-2312" },
		{ "iso2022_jp", "iso-2022-jp" },
		{ "iso2022_kr", "iso-2022-kr" }, { "johab", "johab" },
		{ "shift_jis", "shift_jis" },
		{ "shift_jisx0213", "shift_jisx0213" },
	};
	(void)state;
	if (access(PAIRS, R_OK) != 0)
		skip();
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buffer text, utf8, out;
		buffer_init(&text, 0);
		buffer_init(&utf8, 0);
		buffer_init(&out, 0);
		assert_true(read_file(&text, pairs[i].file, ".txt"));
		assert_true(read_file(&utf8, pairs[i].file, "-utf8.txt"));
		assert_true(charset_to_utf8(&out, span_from(pairs[i].label),
			buffer_span(&text)));
		size_t same = 0;
		while (same < out.size && same < utf8.size &&
		    out.data[same] == utf8.data[same])
			same++;
		if (same != out.size || same != utf8.size)
			fail_msg("%s differs at byte %zu: got %.20s want %.20s",
				pairs[i].file, same, buffer_string(&out) + same,
				buffer_string(&utf8) + same);
		buffer_fini(&text);
		buffer_fini(&utf8);
		buffer_fini(&out);
	}
}

/* Every pair again, in pieces of every small size. */
static void
pieces_convert_as_the_whole(void **state)
{
	static const struct {
		const char *label, *text;
	} cases[] = {
		{ "utf-8", "\xe4\xb8\xad\xf0\xa0\x80\x80 a\xff \xc3\xa4" },
		{ "gb18030", "\xd6\xd0\x81\x30\x84\x36 a\xce\xc4\n" },
		{ "big5", "\xa4\xa4\xa4\xe5 a" },
		{ "shift_jis", "\x93\xfa\x87\x40\xb1 a" },
		{ "euc-jp", "\xc6\xfc\x8f\xb0\xa1\xa1\xa1 a" },
		{ "euc-kr", "\xc7\xd1 \xa4\xd4\xa4\xb6\xa4\xd0\xa4\xd4\xb1\xb9"
			},
		{ "iso-2022-jp", "a \x1b$BF|K\\\x1b(B b\n\x1b$BF|\x1b(B\n" },
		{ "iso-2022-kr", "\x1b$)C\n\x0eGQ\x0f a\n\x0eGQ\x0f\n" },
		{ "hz", "~{VPND~} a\n~{VP~}\n" },
		{ "utf-7", "a+Ti0-b\n+Ti0-\n" },
		{ "johab", "\xd0\x65 a" },
		{ "windows-1252", "\xe4\x81 a" },
		{ "us-ascii", "\xe4\xb8\xad a" },
		{ "utf-16be", "Ni" }, { "utf-16le", "-N" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 9; piece++) {
			struct span rest = span_from(cases[i].text);
			struct span label = span_from(cases[i].label);
			struct buffer whole, pieces, held;
			buffer_init(&whole, 0);
			buffer_init(&pieces, 0);
			buffer_init(&held, 0);
			charset_to_utf8(&whole, label, rest);
			for (; rest.size > 0; rest = span_skip(rest, piece)) {
				buffer_add(&held, span_first(rest, piece));
				buffer_shift(&held, charset_part_to_utf8(
					&pieces, label, buffer_span(&held),
					false));
			}
			charset_part_to_utf8(&pieces, label,
				buffer_span(&held), true);
			if (!span_equals(buffer_span(&whole),
			    buffer_span(&pieces)))
				fail_msg("%s, %zu bytes: %s", cases[i].label,
					piece, buffer_string(&pieces));
			buffer_fini(&whole);
			buffer_fini(&pieces);
			buffer_fini(&held);
		}
}

/* What mail servers do: open all, then live where no file can be opened. */
static void
all_work_where_no_file_is(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	charset_open_all();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct buffer out;
		buffer_init(&out, 0);
		bool ok = chroot("/proc/self/fdinfo") == 0 && chdir("/") == 0;
		ok = ok && charset_to_utf8(&out, SPAN("iso-2022-kr"),
			SPAN("\x1b$)C\x0eGQ\x0f"));
		ok = ok && charset_to_utf8(&out, SPAN("koi8-r"), SPAN("\xf0"));
		ok = ok && span_equals(buffer_span(&out),
			SPAN("\xed\x95\x9c\xd0\x9f"));
		_exit(ok ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
cases_and_forms_fold_to_one(void **state)
{
	static const struct {
		const char *name, *text, *folded;
	} cases[] = {
		{ "nothing", "", "" },
		{ "ascii", "Hello, WORLD [@`{", "hello, world [@`{" },
		{ "latin", "\xc3\x84\xc3\x9c", "\xc3\xa4\xc3\xbc" },
		{ "sharp s", "Stra\xc3\x9f" "e", "strasse" },
		{ "greek sigmas", "\xce\xa3\xcf\x82", "\xcf\x83\xcf\x83" },
		{ "cyrillic", "\xd0\x9f", "\xd0\xbf" },
		{ "mark after ascii", "E\xcc\x81x", "\xc3\xa9x" },
		{ "mark after a letter that is not ascii",
			"\xc3\x8a\xcc\x81", "\xe1\xba\xbf" },
		{ "two marks in any order", "o\xcc\x82\xcc\xa3",
			"\xe1\xbb\x99" },
		{ "mark alone", "\xcc\x81", "\xcc\x81" },
		{ "full width", "\xef\xbc\xa1\xef\xbc\x91", "a1" },
		{ "half width katakana with mark",
			"\xef\xbd\xb6\xef\xbe\x9e", "\xe3\x82\xac" },
		{ "hangul letters", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab",
			"\xed\x95\x9c" },
		{ "ligature", "\xef\xac\x81", "fi" },
		{ "one that becomes many", "\xef\xb7\xba",
			"\xd8\xb5\xd9\x84\xd9\x89 \xd8\xa7\xd9\x84\xd9\x84\xd9"
			"\x87 \xd8\xb9\xd9\x84\xd9\x8a\xd9\x87 \xd9\x88\xd8\xb3"
			"\xd9\x84\xd9\x85" },
		{ "han", "\xe4\xb8\xad\xe6\x96\x87", "\xe4\xb8\xad\xe6\x96\x87" },
		{ "han compatibility", "\xef\xa4\x80", "\xe8\xb1\x88" },
		{ "beyond 16 bits", "\xf0\x90\x90\x80\xf0\xa0\x80\x80",
			"\xf0\x90\x90\xa8\xf0\xa0\x80\x80" },
		{ "not utf-8", "A\xff\xe4\xb8" "B", "a" BROKEN BROKEN BROKEN "b" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		charset_fold(&out, span_from(cases[i].text));
		if (!span_equals(buffer_span(&out),
		    span_from(cases[i].folded)))
			fail_msg("%s: %s", cases[i].name, buffer_string(&out));
		buffer_fini(&out);
	}
}

static void
folding_twice_is_folding_once(void **state)
{
	struct buffer text, once, twice;
	(void)state;
	buffer_init(&text, 0);
	buffer_init(&once, 0);
	buffer_init(&twice, 0);
	for (uint32_t c = 1; c < 0x30000; c++) {
		if (c >= 0xd800 && c < 0xe000)
			continue;
		buffer_clear(&text);
		buffer_clear(&once);
		buffer_clear(&twice);
		utf8_encode(&text, c);
		charset_fold(&once, buffer_span(&text));
		charset_fold(&twice, buffer_span(&once));
		assert_true(once.size > 0);
		if (!span_equals(buffer_span(&once), buffer_span(&twice)))
			fail_msg("U+%04X: %s, %s", c, buffer_string(&once),
				buffer_string(&twice));
	}
	buffer_fini(&text);
	buffer_fini(&once);
	buffer_fini(&twice);
}

/* Marks without end, and text that becomes longer, in bounded time. */
static void
folding_is_linear(void **state)
{
	static const char *const pieces[] = { "\xcc\x81", "\xef\xb7\xba",
		"a\xcc\x81\xcc\xa3", "\xff", "\xe4\xb8\xad", "x" };
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct buffer text, out;
		buffer_init(&text, 0);
		buffer_init(&out, 0);
		while (text.size < 1 << 20)
			buffer_add_string(&text, pieces[i]);
		clock_t start = clock();
		charset_fold(&out, buffer_span(&text));
		assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
		assert_true(out.size > 0 && out.size < text.size * 12);
		buffer_fini(&text);
		buffer_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_converted),
		cmocka_unit_test(sixteen_bits_come_in_both_orders),
		cmocka_unit_test(pairs_of_others_are_equal),
		cmocka_unit_test(pieces_convert_as_the_whole),
		cmocka_unit_test(all_work_where_no_file_is),
		cmocka_unit_test(cases_and_forms_fold_to_one),
		cmocka_unit_test(folding_twice_is_folding_once),
		cmocka_unit_test(folding_is_linear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
