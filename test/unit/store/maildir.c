/*
 * Names of files in a maildir, and the files that Dovecot keeps beside them.
 * What a maildir is as mail is shown in mirror.c.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "store/maildir_inside.h"

/* ---- names ---- */

#define KEYWORD(n) ((uint64_t)1 << (FORMAT_KEYWORD_SHIFT + (n)))
#define NOT_TOLD UINT64_MAX

static const struct {
	const char *name, *text;
	const char *base;		/* NULL: not a message */
	uint64_t flags, size, wire_size;
	const char *tail;		/* as we write it */
} names[] = {
	{ "plain", "1.M2P3.host", "1.M2P3.host", 0, NOT_TOLD, NOT_TOLD, ":2," },
	{ "no-flags", "1.host:2,", "1.host", 0, NOT_TOLD, NOT_TOLD, ":2," },
	{ "all-flags", "1.host:2,DFPRST", "1.host", STORE_DRAFT |
		STORE_FLAGGED | KEYWORD(0) | STORE_ANSWERED | STORE_SEEN |
		STORE_DELETED, NOT_TOLD, NOT_TOLD, ":2,DFPRST" },
	{ "any-order", "1.host:2,SbF", "1.host", STORE_SEEN | STORE_FLAGGED |
		KEYWORD(2), NOT_TOLD, NOT_TOLD, ":2,FSb" },
	{ "twice", "1.host:2,SS", "1.host", STORE_SEEN, NOT_TOLD, NOT_TOLD,
		":2,S" },
	{ "keywords", "1.host:2,az", "1.host", KEYWORD(1) | KEYWORD(26),
		NOT_TOLD, NOT_TOLD, ":2,az" },
	{ "unknown-letters-stay", "1.host:2,ASX", "1.host", STORE_SEEN,
		NOT_TOLD, NOT_TOLD, ":2,ASX" },
	{ "sizes", "1.host,S=12,W=15:2,S", "1.host,S=12,W=15", STORE_SEEN, 12,
		15, ":2,S" },
	{ "sizes-without-numbers", "1.host,S=,W=x", "1.host,S=,W=x", 0,
		NOT_TOLD, NOT_TOLD, ":2," },
	{ "another-kind", "1.host:1,S", "1.host", 0, NOT_TOLD, NOT_TOLD,
		":2," },
	{ "dot-file", ".nfs0001", NULL, 0, 0, 0, NULL },
	{ "only-flags", ":2,S", NULL, 0, 0, 0, NULL },
	{ "nothing", "", NULL, 0, 0, 0, NULL },
};

static void
check_name(void **state)
{
	size_t i = (size_t)*state;
	struct maildir_name name;
	struct buffer tail;
	bool is_name = maildir_name_parse(span_from(names[i].text), &name);
	assert_int_equal(is_name, names[i].base != NULL);
	if (!is_name)
		return;
	assert_true(span_equals(name.base, span_from(names[i].base)));
	assert_true(name.size == names[i].size);
	assert_true(name.wire_size == names[i].wire_size);
	assert_true(maildir_name_flags(name.tail) == names[i].flags);
	buffer_init(&tail, 0);
	maildir_name_tail(names[i].flags, name.tail, &tail);
	assert_string_equal(buffer_string(&tail), names[i].tail);
	buffer_fini(&tail);
}

static void
names_made_are_read(void **state)
{
	(void)state;
	const struct maildir_stamp stamp = { 1700000000, 42, 0x801, 0xabc, 100,
		104, NULL };
	struct maildir_name name;
	struct buffer text;
	buffer_init(&text, 0);
	maildir_name_make(&stamp, &text);
	assert_true(maildir_name_parse(buffer_span(&text), &name));
	assert_true(span_equals(name.base, buffer_span(&text)));
	assert_true(name.second == 1700000000 && name.micro == 42);
	assert_true(name.size == 100 && name.wire_size == 104);
	buffer_fini(&text);
}

static void
a_transaction_stands_in_the_name(void **state)
{
	(void)state;
	static const char *const none[] = { "1.M2P3.host", "1",
		"1.T0123456789abcdef.host", "1.M2.T00112233445566778899aabbccddeeff",
		"1.M2T00112233445566778899aabbccddeefg.host",
		"1.M2X00112233445566778899aabbccddeeff.host",
		"T00112233445566778899aabbccddeeff.host", "" };
	struct maildir_stamp stamp = { 1700000000, 42, 0x801, 0xabc, 100, 104,
		(const uint8_t *)"\x00\x11" "23456789abc\xfe\xff" };
	uint8_t found[STORE_TRANSACTION_SIZE];
	struct buffer text;
	buffer_init(&text, 0);
	maildir_name_make(&stamp, &text);
	assert_true(maildir_name_transaction(buffer_span(&text), found));
	assert_memory_equal(found, stamp.transaction, sizeof(found));
	buffer_clear(&text);
	stamp.transaction = NULL;
	maildir_name_make(&stamp, &text);
	assert_false(maildir_name_transaction(buffer_span(&text), found));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(maildir_name_transaction(span_from(none[i]),
			found));
	buffer_fini(&text);
}

/* ---- dovecot-uidlist ---- */

static const struct {
	const char *name, *text;
	const char *found;		/* NULL: not such a file */
} lists[] = {
	{ "version-3", "3 V77 N9 G01\n5 :a.b\n7 W12 X :c:2,S\n",
		"77 9: 5 a.b, 7 c" },
	{ "version-1", "1 77 9\n5 a.b\n7 c:2,S\n", "77 9: 5 a.b, 7 c" },
	{ "no-messages", "3 V1 N2\n", "1 2:" },
	{ "no-end-of-line", "3 V1 N2\n1 :a", "1 2: 1 a" },
	{ "nonsense-lines", "3 V1 N9\n\nx :a\n0 :b\n-1 :c\n4294967295 :d\n"
		"3 e\n4 :\n5 :f\n", "1 9: 5 f" },
	{ "version-2", "2 V1 N2\n", NULL },
	{ "no-validity", "3 N2\n", NULL },
	{ "validity-zero", "3 V0 N2\n", NULL },
	{ "validity-large", "3 V4294967296 N2\n", NULL },
	{ "empty", "", NULL },
};

static void
check_list(void **state)
{
	size_t i = (size_t)*state;
	struct maildir_uidlist list;
	struct buffer found;
	struct span base;
	uint32_t uid;
	bool is_list = maildir_uidlist_init(&list, span_from(lists[i].text));
	assert_int_equal(is_list, lists[i].found != NULL);
	if (!is_list)
		return;
	buffer_init(&found, 0);
	buffer_print(&found, "%u %u:", list.uid_validity, list.uid_next);
	while (maildir_uidlist_next(&list, &uid, &base))
		buffer_print(&found, "%s %u %.*s", found.data[found.size - 1] ==
			':' ? "" : ",", uid, SPAN_PRINT(base));
	assert_string_equal(buffer_string(&found), lists[i].found);
	buffer_fini(&found);
}

/* ---- dovecot-keywords ---- */

static const struct {
	const char *name, *text, *written;
} keywords[] = {
	{ "some", "0 $Junk\n3 Work\n", "0 $Junk\n3 Work\n" },
	{ "any-order", "3 Work\n0 $Junk\n", "0 $Junk\n3 Work\n" },
	{ "too-many", "25 z\n26 no\n", "25 z\n" },
	{ "not-keywords", "1 two words\n2 \n3 \x80\nx y\n4 ok\n", "4 ok\n" },
	{ "none", "", "" },
};

static void
check_keywords(void **state)
{
	size_t i = (size_t)*state;
	struct span name[MAILDIR_LETTERS];
	struct buffer out;
	buffer_init(&out, 0);
	maildir_keywords_parse(span_from(keywords[i].text), name);
	maildir_keywords_format(name, &out);
	assert_string_equal(buffer_string(&out), keywords[i].written);
	buffer_fini(&out);
}

/* ---- running ---- */

enum {
	NAMES = sizeof(names) / sizeof(names[0]),
	LISTS = sizeof(lists) / sizeof(lists[0]),
	KEYWORDS = sizeof(keywords) / sizeof(keywords[0]),
	TESTS = NAMES + LISTS + KEYWORDS + 4,
};

static struct CMUnitTest tests[TESTS];
static char titles[TESTS][80];
static size_t count;

static void
add(const char *kind, const char *name, CMUnitTestFunction function, size_t i)
{
	snprintf(titles[count], sizeof(titles[count]), "%s/%s", kind, name);
	tests[count] = (struct CMUnitTest){ .name = titles[count],
		.test_func = function, .initial_state = (void *)i };
	count++;
}

/* ---- a directory that is replaced ---- */

static void
make_maildir(const char *root, const char *message)
{
	static const char *const parts[] = { "", "/tmp", "/new", "/cur" };
	char path[200];
	struct error error;
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", root, parts[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	snprintf(path, sizeof(path), "%s/cur/%s", root, message);
	assert_int_equal(file_replace(AT_FDCWD, path,
		SPAN("Subject: x\n\nx\n"), 0600, &error), 0);
}

static void
count_lost(void *context)
{
	++*(int *)context;
}

static void
what_is_replaced_is_read_anew(void **state)
{
	char top[] = "/tmp/maildir-XXXXXX", root[40], other[40], text[100];
	struct format_folder *folder;
	struct format_scan scan;
	struct error error;
	int lost = 0;
	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(root, sizeof(root), "%s/Maildir", top);
	snprintf(other, sizeof(other), "%s/old", top);
	make_maildir(root, "1.a:2,");
	const struct format_location location = { .root = root, .inbox_fd = -1,
		.lost = count_lost, .context = &lost };
	struct format *format = format_maildir_new(&location);
	const struct format_functions *call = format->call;
	assert_int_equal(call->open(format, SPAN("INBOX"), &folder, &error), 0);
	assert_int_equal(call->scan(folder, &scan, &error), 0);
	assert_int_equal(scan.count, 1);
	assert_int_equal(rename(root, other), 0);
	make_maildir(root, "2.b:2,S");
	assert_true(call->has_changed(folder));
	assert_int_equal(call->scan(folder, &scan, &error), 0);
	assert_int_equal(scan.count, 1);
	assert_true(scan.entry[0].flags == STORE_SEEN);
	assert_int_equal(lost, 0);
	/* what it may not have */
	snprintf(text, sizeof(text), "%s/second", top);
	assert_int_equal(rename(root, text), 0);
	assert_int_equal(symlink(other, root), 0);
	assert_int_equal(call->scan(folder, &scan, &error), -1);
	assert_int_equal(lost, 0);
	call->close(&folder);
	call->free(&format);
	snprintf(text, sizeof(text), "rm -r %s", top);
	assert_int_equal(system(text), 0);
}

/* As if nobody had changed it for an hour: what was read can be trusted. */
static void
make_old(const char *root)
{
	const struct timespec times[2] = { { time(NULL) - 3600, 1 },
		{ time(NULL) - 3600, 1 } };
	static const char *const parts[] = { "new", "cur" };
	char path[200];
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", root, parts[i]);
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
}

static void
what_comes_back_is_opened_anew(void **state)
{
	static const struct store_message_new message;
	char top[] = "/tmp/maildir-XXXXXX", root[40], other[40], text[100];
	uint8_t key[1][FORMAT_KEY_SIZE];
	struct format_folder *folder;
	struct format_scan scan;
	struct buffer body;
	struct error error;
	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(root, sizeof(root), "%s/Maildir", top);
	snprintf(other, sizeof(other), "%s/away", top);
	make_maildir(root, "1.a:2,");
	make_old(root);
	const struct format_location location = { .root = root,
		.inbox_fd = -1 };
	struct format *format = format_maildir_new(&location);
	const struct format_functions *call = format->call;
	assert_int_equal(call->open(format, SPAN("INBOX"), &folder, &error), 0);
	assert_int_equal(call->scan(folder, &scan, &error), 0);
	assert_false(call->has_changed(folder));
	assert_int_equal(rename(root, other), 0);
	assert_int_equal(symlink(other, root), 0);
	assert_int_equal(call->append(folder, &message, 1, key, &error), -1);
	assert_int_equal(unlink(root), 0);
	assert_int_equal(rename(other, root), 0);
	assert_true(call->has_changed(folder));
	assert_int_equal(call->scan(folder, &scan, &error), 0);
	assert_int_equal(scan.count, 1);
	buffer_init(&body, 0);
	assert_int_equal(call->read(folder, &scan.entry[0], &body, &error), 0);
	buffer_fini(&body);
	call->close(&folder);
	call->free(&format);
	snprintf(text, sizeof(text), "rm -r %s", top);
	assert_int_equal(system(text), 0);
}

int
main(void)
{
	for (size_t i = 0; i < NAMES; i++)
		add("name", names[i].name, check_name, i);
	for (size_t i = 0; i < LISTS; i++)
		add("uidlist", lists[i].name, check_list, i);
	for (size_t i = 0; i < KEYWORDS; i++)
		add("keywords", keywords[i].name, check_keywords, i);
	add("name", "made", names_made_are_read, 0);
	add("name", "transaction", a_transaction_stands_in_the_name, 0);
	add("directory", "replaced", what_is_replaced_is_read_anew, 0);
	add("directory", "back again", what_comes_back_is_opened_anew, 0);
	return _cmocka_run_group_tests("maildir", tests, TESTS, NULL, NULL);
}
