/* What web reads of requests: elements of XML, paths, queries, languages; and
 * what it escapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "web/language.h"
#include "web/markup.h"
#include "web/path.h"
#include "web/xml_element.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *document, *text;	/* NULL: none */
} documents[] = {
	{ "<E>a@b</E>", "a@b" },
	{ "<?xml version='1.0'?><x><E> a@b\r\n</E></x>", "a@b" },
	{ "<x:E y='z'>a</x:E>", "a" },
	{ "<x:E\ny='z'>a</x:E >", "a" },
	{ "<e>a</e><E>b</E>", "b" },
	{ "<E/><E>b</E>", "b" },
	{ "<E></E>", "" },
	{ "", NULL },
	{ "<E>a", NULL },
	{ "<E>a</E", NULL },
	{ "<E>a</F>", NULL },
	{ "<E>a<b/></E>", NULL },
	{ "<E>a&amp;b</E>", "a&b" },
	{ "<E> &lt;&gt;&apos;&quot;&#65;&#x4a;&#x4A; </E>", "<>'\"AJJ" },
	{ "<E>&#x6536;</E>", "\xe6\x94\xb6" },
	{ "<E>&amp;amp;</E>", "&amp;" },
	{ "<E>&#0;</E>", NULL },
	{ "<E>&#8;</E>", NULL },
	{ "<E>&#xD800;</E>", NULL },
	{ "<E>&#x110000;</E>", NULL },
	{ "<E>&#99999999999999999999;</E>", NULL },
	{ "<E>&#;</E>", NULL },
	{ "<E>&#x;</E>", NULL },
	{ "<E>&#X41;</E>", NULL },
	{ "<E>&#-1;</E>", NULL },
	{ "<E>&;</E>", NULL },
	{ "<E>&amp</E>", NULL },
	{ "<E>&nbsp;</E>", NULL },
	{ "<!DOCTYPE x [<!ENTITY e 'f'>]><E>a</E>", NULL },
	{ "<!-- --><E>a</E>", NULL },
	{ "<E><![CDATA[a]]></E>", NULL },
	{ "<><E>a</E>", NULL },
	{ "</E>a</E>", NULL },
	{ "<EE>a</EE>", NULL },
};

static void
one_element_is_read(void **state)
{
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < COUNT(documents); i++) {
		struct span text;
		bool is_there = xml_element(span_from(documents[i].document),
			SPAN("E"), &arena, &text);
		if (is_there != (documents[i].text != NULL) || (is_there &&
		    !span_equals(text, span_from(documents[i].text))))
			fail_msg("%s", documents[i].document);
	}
	arena_fini(&arena);
}

static const struct {
	const char *path, *decoded;	/* NULL: refused */
} paths[] = {
	{ "/a/b", "/a/b" }, { "/%61%2Eb", "/a.b" }, { "/a+b", "/a+b" },
	{ "/%e6%94%b6", "/\xe6\x94\xb6" },
	{ "/a%2fb", NULL }, { "/a%5cb", NULL }, { "/a\\b", NULL },
	{ "/%00", NULL }, { "/%0a", NULL }, { "/%7f", NULL }, { "/%", NULL },
	{ "/%4", NULL }, { "/%zz", NULL },
};

static void
paths_are_decoded(void **state)
{
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct span out;
		bool is_good = path_decode(span_from(paths[i].path), &arena,
			&out);
		if (is_good != (paths[i].decoded != NULL) || (is_good &&
		    !span_equals(out, span_from(paths[i].decoded))))
			fail_msg("%s", paths[i].path);
	}
	arena_fini(&arena);
}

static const struct {
	const char *query, *value;
} queries[] = {
	{ "e=a@b", "a@b" }, { "x=y&E=a%40b&z", "a@b" }, { "e=a+c@b", "a+c@b" },
	{ "e=", "" }, { "e", NULL }, { "", NULL }, { "x=e", NULL },
	{ "e=%0d%0aX", NULL }, { "e=1&e=2", "1" }, { "%65=1", "1" },
};

static void
queries_are_decoded(void **state)
{
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < COUNT(queries); i++) {
		struct span out;
		bool is_there = path_query(span_from(queries[i].query),
			SPAN("e"), &arena, &out);
		if (is_there != (queries[i].value != NULL) || (is_there &&
		    !span_equals(out, span_from(queries[i].value))))
			fail_msg("%s", queries[i].query);
	}
	arena_fini(&arena);
}

static const struct {
	const char *accepted;
	enum language language;
} languages[] = {
	{ "", LANGUAGE_ENGLISH }, { "zh", LANGUAGE_CHINESE },
	{ "zh-CN,zh;q=0.9,en;q=0.8", LANGUAGE_CHINESE },
	{ "en-US,en;q=0.9,zh;q=0.8", LANGUAGE_ENGLISH },
	{ "de, zh-TW;q=0.5", LANGUAGE_CHINESE },
	{ "zh;q=0", LANGUAGE_ENGLISH }, { "zh;q=x", LANGUAGE_ENGLISH },
	{ "zh;q=0.1, en;q=0.05", LANGUAGE_CHINESE },
	{ "zhx", LANGUAGE_ENGLISH }, { "*", LANGUAGE_ENGLISH },
	{ "fr;q=0.9, *;q=0.1, zh;q=0.2", LANGUAGE_CHINESE },
};

static void
the_language_is_the_readers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(languages); i++)
		if (language_choose(span_from(languages[i].accepted)) !=
		    languages[i].language)
			fail_msg("%s", languages[i].accepted);
}

static void
what_comes_from_outside_is_escaped(void **state)
{
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	markup_add(&out, SPAN("<a href=\"x\">'&\x01\xe6\x94\xb6"));
	assert_string_equal(buffer_string(&out), "&lt;a href=&quot;x&quot;"
		"&gt;&#39;&amp;?\xe6\x94\xb6");
	buffer_clear(&out);
	markup_add(&out, SPAN("\xff<"));
	assert_string_equal(buffer_string(&out), "?&lt;");
	buffer_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_element_is_read),
		cmocka_unit_test(paths_are_decoded),
		cmocka_unit_test(queries_are_decoded),
		cmocka_unit_test(the_language_is_the_readers),
		cmocka_unit_test(what_comes_from_outside_is_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
