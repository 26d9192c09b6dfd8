/* The grammar of /etc/aliases, and the table compiled from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "proto/alias_table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "name=to:bob,user:root; name=..." with @LINE behind targets not on the
 * entry's line. */
static void
describe(const struct alias_entry *entry, struct buffer *out)
{
	static const char *const kinds[] = { "", "\\", "|", "file:",
		"include:" };
	if (out->size > 0)
		buffer_add_string(out, "; ");
	buffer_print(out, "%.*s=", SPAN_PRINT(entry->name));
	for (size_t i = 0; i < entry->count; i++) {
		buffer_print(out, "%s%s%.*s", i > 0 ? "," : "",
			kinds[entry->target[i].kind],
			SPAN_PRINT(entry->target[i].text));
		if (entry->target[i].line != entry->line)
			buffer_print(out, "@%u", entry->target[i].line);
	}
}

static const struct {
	const char *what, *text, *expected;
} good[] = {
	{ "nothing", "", "" },
	{ "only comments", "# a\n\n \t\n  # b\n", "" },
	{ "one", "root: alice\n", "root=alice" },
	{ "no LF at the end", "root: alice", "root=alice" },
	{ "CRLF", "root: alice\r\nbin: root\r\n", "root=alice; bin=root" },
	{ "case of names", "RooT: Alice\n", "root=Alice" },
	{ "blank before the colon", "root : alice\n", "root=alice" },
	{ "no blank at all", "root:alice,bob\n", "root=alice,bob" },
	{ "several", "all: alice, bob@far.test ,carol\n",
		"all=alice,bob@far.test,carol" },
	{ "continued", "all: alice,\n\tbob,\n  carol\n",
		"all=alice,bob@2,carol@3" },
	{ "continued over comments and empty lines",
		"all: alice,\n# out: dave,\n\n  # in\n bob\nx: y\n",
		"all=alice,bob@5; x=y" },
	{ "targets begin on the second line", "all:\n\talice\n",
		"all=alice@2" },
	{ "commas too many", "all: ,alice,,bob,\n", "all=alice,bob" },
	{ "quoted name", "\"John: Doe\": john\n", "john: doe=john" },
	{ "escaped quote", "\"a\\\"b\": john\n", "a\"b=john" },
	{ "program", "x: |/bin/prog\n", "x=|/bin/prog" },
	{ "program in quotes", "x: \"|/bin/prog -a, b; c\", y\n",
		"x=|/bin/prog -a, b; c,y" },
	{ "program with quotes behind the bar", "x: |\"/bin/prog a, b\"\n",
		"x=|/bin/prog a, b" },
	{ "file", "x: /var/log/x, \"/var/a b\"\n",
		"x=file:/var/log/x,file:/var/a b" },
	{ "include", "x: :include:/etc/x\n", "x=include:/etc/x" },
	{ "include in quotes", "x: \":include:/etc/a b\"\n",
		"x=include:/etc/a b" },
	{ "include with quotes behind it", "x: :Include:\"/etc/x\"\n",
		"x=include:/etc/x" },
	{ "no aliases for him", "root: \\root, bob\n", "root=\\root,bob" },
	{ "quoted local part", "x: \"john doe\"@far.test\n",
		"x=\"john doe\"@far.test" },
	{ "name before the address", "x: John Doe <john@far.test>\n",
		"x=john@far.test" },
	{ "owner", "owner-x: y\n", "owner-x=y" },
	{ "UTF-8", "\xe7\x94\xa8: root\n", "\xe7\x94\xa8=root" },
};

static void
entries_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct arena arena;
		struct buffer out;
		struct error error = { .text = "" };
		struct alias_parser parser;
		struct alias_entry entry;
		int found;
		arena_init(&arena, 0);
		buffer_init(&out, 0);
		aliases_init(&parser, "t", span_from(good[i].text));
		while ((found = aliases_next(&parser, &arena, &entry,
			&error)) == 1)
			describe(&entry, &out);
		if (found != 0 || strcmp(buffer_string(&out),
			good[i].expected) != 0)
			fail_msg("%s: found %s %s", good[i].what,
				buffer_string(&out), error.text);
		buffer_fini(&out);
		arena_fini(&arena);
	}
}

static const struct {
	const char *what, *text, *expected;
} bad[] = {
	{ "no colon", "root alice\n", "t:1: found \"root\", expected a name" },
	{ "no name", "# x\n: alice\n", "t:2: found \": alice\", expected a" },
	{ "nothing to continue", "\n  root: alice\n", "t:2: found \"root: a" },
	{ "no target", "a: b\nroot:\n", "t:2: found \"root\", expected a t" },
	{ "no comma", "root: alice\n bob\n", "t:2: found \"bob\", expected a" },
	{ "comment behind", "root: alice # her\n",
		"t:1: found \"alice # her\", expected an address" },
	{ "open quote", "root: a,\n \"|b\n", "t:2: found \"\"|b\", expected a" },
	{ "open quote of a name", "\"root: a\n", "t:1: found \"\"root: a\"" },
	{ "domain in the name", "root@x: a\n", "t:1: found \"root@x\"" },
	{ "relative include", "x: :include:etc/x\n",
		"t:1: found \":include:etc/x\", expected :include:/file" },
	{ "no program", "x: |\n", "t:1: found \"|\", expected a program" },
	{ "control character", "x: a\001b\n", "t:1: found" },
	{ "empty user", "x: \\\n", "t:1: found" },
};

static void
errors_name_line_and_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct arena arena;
		struct error error = { .text = "" };
		struct alias_parser parser;
		struct alias_entry entry;
		int found;
		arena_init(&arena, 0);
		aliases_init(&parser, "t", span_from(bad[i].text));
		while ((found = aliases_next(&parser, &arena, &entry,
			&error)) == 1)
			continue;
		if (found != -1 || strncmp(error.text, bad[i].expected,
			strlen(bad[i].expected)) != 0)
			fail_msg("%s: %d %s", bad[i].what, found, error.text);
		arena_fini(&arena);
	}
}

static void
an_entry_has_limits(void **state)
{
	struct buffer text;
	struct arena arena;
	struct error error;
	struct alias_parser parser;
	struct alias_entry entry;
	(void)state;
	for (int more = 0; more < 2; more++) {
		buffer_init(&text, 0);
		arena_init(&arena, 0);
		buffer_add_string(&text, "all: ");
		for (int i = 0; i < ALIASES_TARGET_LIMIT + more; i++)
			buffer_print(&text, "u%d,\n ", i);
		aliases_init(&parser, "t", buffer_span(&text));
		assert_int_equal(aliases_next(&parser, &arena, &entry, &error),
			more == 0 ? 1 : -1);
		arena_fini(&arena);
		buffer_fini(&text);
	}
	buffer_init(&text, 0);
	arena_init(&arena, 0);
	buffer_add_string(&text, "all: ");
	while (text.size <= ALIASES_LINE_LIMIT)
		buffer_add_string(&text, ",,,,,,,,,,,,,,,,,,");
	aliases_init(&parser, "t", buffer_span(&text));
	assert_int_equal(aliases_next(&parser, &arena, &entry, &error), -1);
	arena_fini(&arena);
	buffer_fini(&text);
}

static void
included_lines_are_targets(void **state)
{
	struct arena arena;
	struct buffer out;
	struct error error;
	struct alias_parser parser;
	struct alias_entry entry;
	(void)state;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	aliases_init(&parser, "t", SPAN("# list\nalice\n bob@far.test,\n"
		"carol, \\dave\n"));
	assert_int_equal(aliases_next_included(&parser, &arena, &entry,
		&error), -1);	/* a blank continues: a comma is missing */
	aliases_init(&parser, "t", SPAN("# list\nalice\nbob@far.test,\n"
		"carol, \\dave\n"));
	while (aliases_next_included(&parser, &arena, &entry, &error) == 1)
		describe(&entry, &out);
	assert_string_equal(buffer_string(&out),
		"=alice; =bob@far.test; =carol,\\dave");
	buffer_fini(&out);
	arena_fini(&arena);
}

static void
put(struct buffer *out)
{
	struct alias_target list[] = {
		{ .kind = ALIAS_ADDRESS, .text = SPAN("al\tice") },
		{ .kind = ALIAS_PROGRAM, .text = SPAN("/bin/x"),
			.owner = 1000, .index = 3 } };
	struct alias_target root = { .kind = ALIAS_USER,
		.text = SPAN("root") };
	alias_table_begin(out);
	alias_table_begin_entry(out, SPAN("list"));
	alias_table_add_target(out, &list[0]);
	alias_table_add_target(out, &list[1]);
	alias_table_end_entry(out);
	alias_table_begin_entry(out, SPAN("root"));
	alias_table_add_target(out, &root);
	alias_table_end_entry(out);
	alias_table_end(out, 2);
}

static void
the_table_gives_back_what_was_put(void **state)
{
	struct buffer text;
	struct arena arena;
	struct error error;
	struct alias_table *table;
	struct alias_target *target;
	size_t count;
	(void)state;
	buffer_init(&text, 0);
	arena_init(&arena, 0);
	put(&text);
	assert_int_equal(alias_table_new(buffer_span(&text), &table, &error),
		0);
	assert_int_equal(alias_table_count(table), 2);
	assert_true(alias_table_find(table, SPAN("LIST"), &arena, &target,
		&count));
	assert_int_equal(count, 2);
	assert_int_equal(target[1].kind, ALIAS_PROGRAM);
	assert_true(span_equals(target[0].text, SPAN("al\tice")));
	assert_int_equal(target[1].kind, ALIAS_PROGRAM);
	assert_int_equal(target[1].owner, 1000);
	assert_int_equal(target[1].index, 3);
	assert_true(alias_table_find(table, SPAN("root"), &arena, &target,
		&count));
	assert_int_equal(target[0].kind, ALIAS_USER);
	assert_false(alias_table_find(table, SPAN("END"), &arena, &target,
		&count));
	alias_table_free(&table);
	arena_fini(&arena);
	buffer_fini(&text);
}

static void
half_a_table_is_none(void **state)
{
	struct buffer text;
	struct error error;
	struct alias_table *table;
	(void)state;
	buffer_init(&text, 0);
	put(&text);
	for (size_t size = 0; size < text.size; size++)
		assert_int_equal(alias_table_new(span_first(buffer_span(&text),
			size), &table, &error), -1);
	buffer_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_read),
		cmocka_unit_test(errors_name_line_and_reason),
		cmocka_unit_test(an_entry_has_limits),
		cmocka_unit_test(included_lines_are_targets),
		cmocka_unit_test(the_table_gives_back_what_was_put),
		cmocka_unit_test(half_a_table_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
