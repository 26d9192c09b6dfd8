/* Mailboxes in mbox files, through the door of store/format.h, in a directory
 * of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/dotlock.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/format.h"
#include "store/mbox_inside.h"

#define F "From a@b Sun Nov 22 16:30:35 2026\n"

struct box {
	char top[64];
	char inbox[96], root[96], state[96];
	struct format *format;
	struct format_folder *folder;
	struct format_scan scan;
	struct error error;
};

static void
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct error error;
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, span_from(text), &error), 0);
	file_close(&fd);
}

static void
append_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);
	struct error error;
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, span_from(text), &error), 0);
	file_close(&fd);
}

static char *
file_text(const char *path, struct buffer *out)
{
	struct error error;
	buffer_init(out, 0);
	assert_int_equal(file_read_whole(AT_FDCWD, path, 1 << 24, out, &error), 0);
	return (char *)(uintptr_t)buffer_string(out);
}

static void
open_box(struct box *box)
{
	const struct format_location location = { .root = box->root,
		.inbox = box->inbox, .inbox_fd = -1, .state = box->state };
	box->format = format_mbox_new(&location);
	assert_int_equal(box->format->call->open(box->format, SPAN("INBOX"),
		&box->folder, &box->error), 0);
}

static int
set_up(void **state)
{
	struct box *box = memory_new(sizeof(*box));
	snprintf(box->top, sizeof(box->top), "/tmp/mbox-XXXXXX");
	assert_non_null(mkdtemp(box->top));
	snprintf(box->inbox, sizeof(box->inbox), "%s/inbox", box->top);
	snprintf(box->root, sizeof(box->root), "%s/mail", box->top);
	snprintf(box->state, sizeof(box->state), "%s/state", box->top);
	assert_int_equal(mkdir(box->root, 0700), 0);
	open_box(box);
	*state = box;
	return 0;
}

static void
close_box(struct box *box)
{
	if (box->folder != NULL)
		box->format->call->close(&box->folder);
	box->format->call->free(&box->format);
}

static int
tear_down(void **state)
{
	struct box *box = *state;
	close_box(box);
	pid_t child = fork();
	if (child == 0) {
		execl("/bin/rm", "rm", "-rf", box->top, NULL);
		_exit(1);
	}
	waitpid(child, NULL, 0);
	memory_free(box);
	return 0;
}

static void
lock(struct box *box)
{
	int result = box->format->call->lock(box->folder,
		clock_monotonic() + 2000, &box->error);
	if (result < 0)
		fail_msg("lock: %s", box->error.text);
}

static void
unlock(struct box *box)
{
	box->format->call->unlock(box->folder);
}

static void
scan(struct box *box)
{
	if (box->format->call->scan(box->folder, &box->scan, &box->error) < 0)
		fail_msg("scan: %s", box->error.text);
}

static void
look(struct box *box)
{
	lock(box);
	scan(box);
	unlock(box);
}

/* Delivers one message; its key. */
static void
deliver(struct box *box, const char *wire, uint32_t flags, uint8_t key[16])
{
	const struct store_piece piece = { .bytes = span_from(wire) };
	const struct store_message_new message = { .flags.system = flags,
		.internal_date = 1795365035, .piece = &piece, .piece_count = 1 };
	lock(box);
	if (box->format->call->append(box->folder, &message, 1,
			(uint8_t (*)[16])key, &box->error) < 0)
		fail_msg("append: %s", box->error.text);
	unlock(box);
}

static void
expect_body(struct box *box, size_t index, const char *wire)
{
	struct buffer out;
	buffer_init(&out, 0);
	if (box->format->call->read(box->folder, &box->scan.entry[index], &out,
			&box->error) < 0)
		fail_msg("read %zu: %s", index, box->error.text);
	assert_string_equal(buffer_string(&out), wire);
	assert_int_equal(box->scan.entry[index].size, out.size);
	buffer_fini(&out);
}

static void
set_flags(struct box *box, size_t index, uint64_t flags,
	const struct span *keyword, size_t count)
{
	const struct format_flags change = { index, flags };
	lock(box);
	scan(box);
	if (box->format->call->set_flags(box->folder, &change, 1, keyword,
			count, &box->error) < 0)
		fail_msg("set_flags: %s", box->error.text);
	unlock(box);
}

/* What another process finds, which reads it all. */
static void
expect_fresh(struct box *box)
{
	struct format_folder *fresh;
	struct format_scan scan;
	struct error error;
	assert_int_equal(box->format->call->open(box->format, SPAN("INBOX"),
		&fresh, &error), 0);
	assert_int_equal(box->format->call->lock(fresh,
		clock_monotonic() + 2000, &error), 0);
	assert_int_equal(box->format->call->scan(fresh, &scan, &error), 0);
	assert_int_equal(scan.count, box->scan.count);
	for (size_t i = 0; i < scan.count; i++) {
		assert_memory_equal(scan.entry[i].key, box->scan.entry[i].key, 16);
		assert_int_equal(scan.entry[i].place, box->scan.entry[i].place);
		assert_int_equal(scan.entry[i].length, box->scan.entry[i].length);
		assert_int_equal(scan.entry[i].flags, box->scan.entry[i].flags);
		assert_int_equal(scan.entry[i].size, box->scan.entry[i].size);
	}
	box->format->call->close(&fresh);
}

/* ---- delivery ---- */

static void
test_inbox_that_is_not_there_is_empty(void **state)
{
	struct box *box = *state;
	look(box);
	assert_int_equal(box->scan.count, 0);
	assert_int_not_equal(access(box->inbox, F_OK), 0);
}

static void
test_delivered_and_read(void **state)
{
	struct box *box = *state;
	uint8_t key[16];
	struct stat status;
	deliver(box, "Return-Path: <x@y>\r\n\r\nFrom here\r\n", 0, key);
	look(box);
	assert_int_equal(box->scan.count, 1);
	assert_memory_equal(box->scan.entry[0].key, key, 16);
	assert_int_equal(box->scan.entry[0].date, 1795365035);
	assert_int_equal(box->scan.entry[0].flags, 0);
	expect_body(box, 0, "Return-Path: <x@y>\r\n\r\nFrom here\r\n");
	assert_int_equal(stat(box->inbox, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	deliver(box, "\r\nsecond\r\n", STORE_SEEN, key);
	assert_true(box->format->call->has_changed(box->folder));
	look(box);
	assert_false(box->format->call->has_changed(box->folder));
	assert_int_equal(box->scan.count, 2);
	assert_int_equal(box->scan.entry[1].flags, STORE_SEEN);
	expect_body(box, 1, "\r\nsecond\r\n");
	expect_fresh(box);
}

static void
test_delivered_behind_what_others_left(void **state)
{
	static const char *const before[] = { F "A: 1\n\ntext\n\n",
		F "A: 1\n\ntext\n", F "A: 1\n\ntext" };
	struct box *box = *state;
	uint8_t key[16];
	for (size_t i = 0; i < 3; i++) {
		write_file(box->inbox, before[i]);
		deliver(box, "\r\nnew\r\n", 0, key);
		look(box);
		assert_int_equal(box->scan.count, 2);
		expect_body(box, 0, "A: 1\r\n\r\ntext\r\n");
		expect_body(box, 1, "\r\nnew\r\n");
	}
}

static void
test_several_at_once(void **state)
{
	struct box *box = *state;
	uint8_t keys[3][16];
	const struct store_piece piece[] = { { .bytes = SPAN("\r\none\r\n") },
		{ .bytes = SPAN("\r\nt") }, { .bytes = SPAN("wo\r\n") } };
	const struct store_message_new messages[] = {
		{ .piece = &piece[0], .piece_count = 1 },
		{ .piece = &piece[1], .piece_count = 2 },
		{ .shares_body = true, .flags.system = STORE_FLAGGED } };
	lock(box);
	assert_int_equal(box->format->call->append(box->folder, messages, 3,
		keys, &box->error), 0);
	scan(box);
	unlock(box);
	assert_int_equal(box->scan.count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_memory_equal(box->scan.entry[i].key, keys[i], 16);
	expect_body(box, 0, "\r\none\r\n");
	expect_body(box, 1, "\r\ntwo\r\n");
	expect_body(box, 2, "\r\ntwo\r\n");
	assert_int_equal(box->scan.entry[2].flags, STORE_FLAGGED);
}

static void
test_a_file_that_is_no_mailbox_is_left_alone(void **state)
{
	struct box *box = *state;
	struct buffer text;
	uint8_t keys[1][16];
	const struct store_piece piece = { .bytes = SPAN("\r\none\r\n") };
	const struct store_message_new message = { .piece = &piece,
		.piece_count = 1 };
	write_file(box->inbox, "my notes\n");
	lock(box);
	assert_int_equal(box->format->call->append(box->folder, &message, 1,
		keys, &box->error), -1);
	assert_int_equal(box->error.code, ERROR_DAMAGED);
	assert_int_equal(box->format->call->scan(box->folder, &box->scan,
		&box->error), -1);
	assert_int_equal(box->error.code, ERROR_DAMAGED);
	unlock(box);
	assert_string_equal(file_text(box->inbox, &text), "my notes\n");
	buffer_fini(&text);
}

/* ---- flags ---- */

static void
test_flags_where_others_look(void **state)
{
	struct box *box = *state;
	const struct span keyword[] = { SPAN("Work"), SPAN("$Forwarded") };
	struct buffer text;
	struct stat before, after;
	uint8_t key[16];
	deliver(box, "A: 1\r\n\r\none\r\n", 0, key);
	deliver(box, "A: 2\r\n\r\ntwo\r\n", 0, key);
	assert_int_equal(stat(box->inbox, &before), 0);
	set_flags(box, 0, STORE_SEEN | STORE_ANSWERED |
		(3ull << FORMAT_KEYWORD_SHIFT), keyword, 2);
	assert_int_equal(stat(box->inbox, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_ino, after.st_ino);
	file_text(box->inbox, &text);
	assert_non_null(strstr(text.data, "Status: RO\nX-Status: A   \n"
		"X-Keywords: Work $Forwarded  "));
	buffer_fini(&text);
	look(box);
	assert_int_equal(box->scan.keyword_count, 2);
	assert_int_equal(box->scan.entry[0].flags & 0xff,
		STORE_SEEN | STORE_ANSWERED);
	assert_int_equal(box->scan.entry[1].flags, 0);
	expect_body(box, 0, "A: 1\r\n\r\none\r\n");
	set_flags(box, 0, 0, NULL, 0);
	look(box);
	assert_int_equal(box->scan.entry[0].flags, 0);
	expect_fresh(box);
}

static void
test_flags_of_messages_of_others(void **state)
{
	struct box *box = *state;
	struct buffer text;
	write_file(box->inbox, F "A: 1\n\none\n\n" F "A: 2\nStatus: O\n"
		"X-Keywords: a\n b\n\ntwo\n\n" F "A: 3");
	set_flags(box, 0, STORE_SEEN, NULL, 0);
	look(box);
	assert_int_equal(box->scan.count, 3);
	assert_int_equal(box->scan.entry[0].flags, STORE_SEEN);
	assert_int_equal(box->scan.entry[1].flags, 3 << FORMAT_KEYWORD_SHIFT);
	assert_int_equal(box->scan.entry[2].flags, 0);
	expect_body(box, 0, "A: 1\r\n\r\none\r\n");
	expect_body(box, 1, "A: 2\r\n\r\ntwo\r\n");
	expect_body(box, 2, "A: 3\r\n\r\n");
	expect_fresh(box);
	/* Once there is room, it stays where it is. */
	struct stat before, after;
	stat(box->inbox, &before);
	set_flags(box, 2, STORE_FLAGGED, NULL, 0);
	set_flags(box, 1, STORE_DELETED, NULL, 0);
	stat(box->inbox, &after);
	assert_int_equal(before.st_size, after.st_size);
	expect_fresh(box);
	file_text(box->inbox, &text);
	assert_non_null(strstr(text.data, "X-Status: F"));
	buffer_fini(&text);
}

static void
test_many_keywords_make_room(void **state)
{
	struct box *box = *state;
	struct span keyword[20];
	char name[20][24];
	uint8_t key[16];
	for (int i = 0; i < 20; i++) {
		snprintf(name[i], sizeof(name[i]), "keyword-of-number-%d", i);
		keyword[i] = span_from(name[i]);
	}
	deliver(box, "A: 1\r\n\r\none\r\n", 0, key);
	deliver(box, "A: 2\r\n\r\ntwo\r\n", 0, key);
	set_flags(box, 0, 0xfffffull << FORMAT_KEYWORD_SHIFT, keyword, 20);
	look(box);
	assert_int_equal(box->scan.keyword_count, 20);
	assert_int_equal(box->scan.entry[0].flags,
		0xfffffull << FORMAT_KEYWORD_SHIFT);
	expect_body(box, 1, "A: 2\r\n\r\ntwo\r\n");
	expect_fresh(box);
}

static void
test_new_mail_is_seen_by_the_times(void **state)
{
	struct box *box = *state;
	struct stat status;
	uint8_t key[16];
	deliver(box, "A: 1\r\n\r\none\r\n", 0, key);
	deliver(box, "A: 1\r\n\r\none\r\n", 0, key);
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
	assert_int_equal(utimensat(AT_FDCWD, box->inbox, old, 0), 0);
	look(box);
	stat(box->inbox, &status);
	assert_int_equal(status.st_atim.tv_sec, 1000);
	set_flags(box, 0, STORE_SEEN, NULL, 0);
	stat(box->inbox, &status);
	assert_int_equal(status.st_atim.tv_sec, 1000);
	assert_true(status.st_mtim.tv_sec > 2000);
	set_flags(box, 1, STORE_SEEN, NULL, 0);
	stat(box->inbox, &status);
	assert_true(status.st_atim.tv_sec > 2000);
}

/* ---- what others do meanwhile ---- */

static void
test_others_append(void **state)
{
	struct box *box = *state;
	uint8_t key[16];
	deliver(box, "A: 1\r\n\r\none\r\n", 0, key);
	look(box);
	append_file(box->inbox, F "A: 2\n\ntwo\n\n");
	assert_true(box->format->call->has_changed(box->folder));
	look(box);
	assert_int_equal(box->scan.count, 2);
	expect_body(box, 1, "A: 2\r\n\r\ntwo\r\n");
	expect_fresh(box);
}

static void
test_others_rewrite(void **state)
{
	struct box *box = *state;
	uint8_t one[16], two[16];
	deliver(box, "A: 1\r\n\r\none\r\n", 0, one);
	deliver(box, "A: 2\r\n\r\ntwo\r\n", 0, two);
	look(box);
	struct format_entry entry = box->scan.entry[1];
	struct buffer out;
	write_file(box->inbox, F "A: 2\nStatus: RO\n\ntwo\n\n" F
		"A: 3\n\nthree, long enough to be more than there was before"
		"..............................................................\n\n");
	buffer_init(&out, 0);
	assert_int_equal(box->format->call->read(box->folder, &entry, &out,
		&box->error), -1);
	assert_int_equal(box->error.code, ERROR_GONE);
	buffer_fini(&out);
	look(box);
	assert_int_equal(box->scan.count, 2);
	assert_memory_equal(box->scan.entry[0].key, two, 16);
	assert_int_equal(box->scan.entry[0].flags, STORE_SEEN);
	expect_fresh(box);
}

/* Dovecot writes flags where they stand, and others deliver then. */
static void
test_others_set_flags_and_append(void **state)
{
	struct box *box = *state;
	struct buffer text;
	uint8_t key[16];
	deliver(box, "A: 1\r\n\r\none\r\n", 0, key);
	deliver(box, "A: 2\r\n\r\ntwo\r\n", 0, key);
	look(box);
	file_text(box->inbox, &text);
	memcpy(strstr(text.data, "Status:   "), "Status: RO", 10);
	int fd = open(box->inbox, O_WRONLY);
	assert_int_equal(pwrite(fd, text.data, text.size, 0), text.size);
	file_close(&fd);
	buffer_fini(&text);
	append_file(box->inbox, F "A: 3\n\nthree\n\n");
	look(box);
	assert_int_equal(box->scan.count, 3);
	assert_int_equal(box->scan.entry[0].flags, STORE_SEEN);
	expect_fresh(box);
}

static void
test_others_replace_the_file(void **state)
{
	struct box *box = *state;
	char other[128];
	uint8_t key[16];
	deliver(box, "A: 1\r\n\r\none\r\n", 0, key);
	look(box);
	snprintf(other, sizeof(other), "%s/other", box->top);
	write_file(other, F "A: 9\n\nnine\n\n");
	assert_int_equal(rename(other, box->inbox), 0);
	assert_true(box->format->call->has_changed(box->folder));
	look(box);
	assert_int_equal(box->scan.count, 1);
	expect_body(box, 0, "A: 9\r\n\r\nnine\r\n");
	deliver(box, "A: 10\r\n\r\nten\r\n", 0, key);
	look(box);
	expect_body(box, 1, "A: 10\r\n\r\nten\r\n");
}

/* ---- removal ---- */

static void
test_expunge(void **state)
{
	static const struct {
		size_t entries[5], count;
		const char *left;
	} cases[] = {
		{ { 0 }, 1, "2345" }, { { 4 }, 1, "1234" }, { { 2 }, 1, "1245" },
		{ { 0, 1, 2, 3, 4 }, 5, "" }, { { 0, 2, 4 }, 3, "24" },
		{ { 3, 4 }, 2, "123" }, { { 1, 2 }, 2, "145" },
	};
	struct box *box = *state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		uint8_t key[16];
		write_file(box->inbox, "");
		for (int i = 1; i <= 5; i++) {
			char wire[32];
			snprintf(wire, sizeof(wire), "A: %d\r\n\r\nbody\r\n", i);
			deliver(box, wire, 0, key);
		}
		lock(box);
		scan(box);
		if (box->format->call->expunge(box->folder, cases[c].entries,
				cases[c].count, &box->error) < 0)
			fail_msg("expunge: %s", box->error.text);
		scan(box);
		unlock(box);
		assert_int_equal(box->scan.count, strlen(cases[c].left));
		for (size_t i = 0; i < box->scan.count; i++) {
			char wire[32];
			snprintf(wire, sizeof(wire), "A: %c\r\n\r\nbody\r\n",
				cases[c].left[i]);
			expect_body(box, i, wire);
		}
		expect_fresh(box);
		assert_int_equal(access(box->inbox, F_OK), 0);
	}
}

/* ---- Dovecot's numbers ---- */

static void
test_uids_of_dovecot(void **state)
{
	struct box *box = *state;
	write_file(box->inbox,
		F "X-IMAPbase: 1795365035 0000000009 Work\nX-UID: 4\nStatus: RO\n\none\n\n"
		F "X-UID: 7\nX-Keywords: Work\n\ntwo\n\n"
		F "X-UID: 7\n\nthree\n\n" F "X-UID: 99\n\nfour\n\n"
		F "X-UID: 9\n\nfive\n\n");
	look(box);
	assert_int_equal(box->scan.uid_validity, 1795365035);
	assert_int_equal(box->scan.uid_next, 10);
	static const uint32_t uids[] = { 4, 7, 0, 0, 9 };
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(box->scan.entry[i].uid, uids[i]);
	assert_int_equal(box->scan.entry[1].flags, 1 << FORMAT_KEYWORD_SHIFT);
}

static void
test_internal_message_is_kept(void **state)
{
	struct box *box = *state;
	struct buffer text;
	write_file(box->inbox,
		F "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n"
		"X-IMAP: 1795365035 0000000005\nStatus: RO\n\nnumbers\n\n"
		F "X-UID: 4\nStatus: RO\n\none\n\n");
	lock(box);
	scan(box);
	assert_int_equal(box->scan.count, 1);
	assert_int_equal(box->scan.entry[0].uid, 4);
	assert_int_equal(box->format->call->expunge(box->folder,
		(const size_t[]){ 0 }, 1, &box->error), 0);
	scan(box);
	unlock(box);
	assert_int_equal(box->scan.count, 0);
	assert_non_null(strstr(file_text(box->inbox, &text), "X-IMAP: 17953"));
	buffer_fini(&text);
}

/* ---- between processes ---- */

static void
test_saved_and_restored(void **state)
{
	struct box *box = *state;
	struct buffer saved;
	uint8_t key[16];
	const struct span work = SPAN("Work");
	for (int i = 0; i < 30; i++)
		deliver(box, "A: 1\r\n\r\none\r\n", 0, key);
	set_flags(box, 3, STORE_SEEN | 1 << FORMAT_KEYWORD_SHIFT, &work, 1);
	look(box);
	buffer_init(&saved, 0);
	box->format->call->save(box->folder, &saved);
	close_box(box);
	open_box(box);
	assert_true(box->format->call->restore(box->folder, buffer_span(&saved)));
	assert_false(box->format->call->has_changed(box->folder));
	look(box);
	assert_int_equal(box->scan.count, 30);
	expect_fresh(box);
	/* Grown since. */
	append_file(box->inbox, F "A: 2\n\ntwo\n\n");
	assert_true(box->format->call->restore(box->folder, buffer_span(&saved)));
	look(box);
	assert_int_equal(box->scan.count, 31);
	expect_fresh(box);
	/* Written anew. */
	write_file(box->inbox, F "A: 2\n\ntwo\n\n");
	assert_false(box->format->call->restore(box->folder, buffer_span(&saved)));
	look(box);
	assert_int_equal(box->scan.count, 1);
	/* Not whole. */
	for (size_t size = 0; size < saved.size; size += 7)
		assert_false(box->format->call->restore(box->folder,
			span_first(buffer_span(&saved), size)));
	buffer_fini(&saved);
}

/* ---- locks ---- */

static void
test_locked_by_others(void **state)
{
	struct box *box = *state;
	struct error error;
	int top = open(box->top, O_RDONLY | O_DIRECTORY);
	write_file(box->inbox, "");
	assert_int_equal(dotlock_take(top, "inbox", &error), 1);
	assert_int_equal(box->format->call->lock(box->folder,
		clock_monotonic() + 30, &box->error), -1);
	assert_int_equal(box->error.code, ERROR_LATER);
	dotlock_give(top, "inbox");
	int fd = open(box->inbox, O_RDWR);
	struct flock flock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &flock), 0);
	assert_int_equal(box->format->call->lock(box->folder,
		clock_monotonic() + 30, &box->error), -1);
	assert_int_equal(box->error.code, ERROR_LATER);
	assert_int_equal(dotlock_take(top, "inbox", &error), 1);
	dotlock_give(top, "inbox");
	file_close(&fd);
	lock(box);
	assert_int_equal(dotlock_take(top, "inbox", &error), 0);
	unlock(box);
	file_close(&top);
}

static void
test_stale_locks_are_broken(void **state)
{
	static const struct {
		const char *name, *text;
		int age;
		bool is_broken;
	} cases[] = {
		{ "nobody-new", "", 0, false }, { "nobody-old", "", 301, true },
		{ "alive-old", "1\n", 301, false }, { "dead", "2147483000\n", 0, true },
		{ "nonsense-new", "x\n", 0, false }, { "nonsense-old", "x\n", 301, true },
	};
	struct box *box = *state;
	char path[128];
	snprintf(path, sizeof(path), "%s.lock", box->inbox);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(path, cases[i].text);
		struct timespec times[2] = { { 0 }, { 0 } };
		times[0].tv_sec = times[1].tv_sec = time(NULL) - cases[i].age;
		utimensat(AT_FDCWD, path, times, 0);
		int result = box->format->call->lock(box->folder,
			clock_monotonic() + 20, &box->error);
		/* Process 1 of others cannot be asked by everybody. */
		if (result != (cases[i].is_broken ? 0 : -1) &&
			!(geteuid() != 0 && cases[i].text[0] == '1'))
			fail_msg("stale/%s: %d", cases[i].name, result);
		unlock(box);
		unlink(path);
	}
}

/* ---- what is refused ---- */

static void
test_links_and_devices_are_refused(void **state)
{
	struct box *box = *state;
	char other[128];
	snprintf(other, sizeof(other), "%s/other", box->top);
	write_file(other, F "A: 9\n\nnine\n\n");
	for (int i = 0; i < (geteuid() == 0 ? 5 : 4); i++) {
		remove(box->inbox);
		if (i == 0)
			assert_int_equal(symlink(other, box->inbox), 0);
		if (i == 1)
			assert_int_equal(link(other, box->inbox), 0);
		if (i == 2)
			assert_int_equal(mkfifo(box->inbox, 0600), 0);
		if (i == 3)
			assert_int_equal(mkdir(box->inbox, 0700), 0);
		if (i == 4) {
			write_file(box->inbox, F "A: 9\n\nanother's\n\n");
			assert_int_equal(chown(box->inbox, 1, 1), 0);
		}
		assert_int_equal(box->format->call->lock(box->folder,
			clock_monotonic() + 20, &box->error), -1);
		if (i != 3)
			assert_int_equal(box->error.code, ERROR_REFUSED);
	}
	remove(box->inbox);
}

/* ---- folders ---- */

static bool
is_listed(struct box *box, const char *name, bool is_name_only)
{
	struct arena arena;
	struct format_name *names;
	size_t count;
	bool found = false;
	arena_init(&arena, 0);
	assert_int_equal(box->format->call->list(box->format, &arena, &names,
		&count, &box->error), 0);
	for (size_t i = 0; i < count; i++)
		found |= span_equals(names[i].name, span_from(name)) &&
			names[i].is_name_only == is_name_only;
	arena_fini(&arena);
	return found;
}

static void
test_folders(void **state)
{
	struct box *box = *state;
	const struct format_functions *call = box->format->call;
	char path[128];
	assert_true(is_listed(box, "INBOX", false));
	assert_int_equal(call->create(box->format, SPAN("Sent"), &box->error), 0);
	assert_int_equal(call->create(box->format, SPAN("lists/a/b"), &box->error), 0);
	assert_true(is_listed(box, "Sent", false));
	assert_true(is_listed(box, "lists", true));
	assert_true(is_listed(box, "lists/a", true));
	assert_true(is_listed(box, "lists/a/b", false));
	assert_int_equal(call->create(box->format, SPAN("Sent"), &box->error), -1);
	assert_int_equal(box->error.code, ERROR_EXISTS);
	assert_int_equal(call->create(box->format, SPAN("Sent/x"), &box->error), -1);
	assert_int_equal(call->rename(box->format, SPAN("Sent"), SPAN("old/Sent"), &box->error), 0);
	assert_true(is_listed(box, "old/Sent", false));
	assert_false(is_listed(box, "Sent", false));
	assert_int_equal(call->rename(box->format, SPAN("lists"), SPAN("old/Sent"), &box->error), -1);
	assert_int_equal(box->error.code, ERROR_EXISTS);
	assert_int_equal(call->remove(box->format, SPAN("old"), &box->error), -1);
	assert_int_equal(call->remove(box->format, SPAN("old/Sent"), &box->error), 0);
	assert_int_equal(call->remove(box->format, SPAN("old"), &box->error), 0);
	assert_int_equal(call->remove(box->format, SPAN("old"), &box->error), -1);
	assert_int_equal(box->error.code, ERROR_GONE);
	/* As the walkthrough's step 6 makes it. */
	snprintf(path, sizeof(path), "%s/.imap", box->root);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(is_listed(box, ".imap", true));
	snprintf(path, sizeof(path), "%s/link", box->root);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_false(is_listed(box, "link", false));
}

static void
test_bad_names(void **state)
{
	static const char *const names[] = { "../x", "a/../b", "/etc/passwd", ".",
		"a//b", ".subscriptions", "a\nb", "", "a/.imap/b", "x.lock", "a/" };
	struct box *box = *state;
	struct format_folder *folder;
	const struct format_functions *call = box->format->call;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (call->create(box->format, span_from(names[i]), &box->error) == 0)
			fail_msg("created: %s", names[i]);
		if (call->open(box->format, span_from(names[i]), &folder, &box->error) == 0)
			fail_msg("opened: %s", names[i]);
		if (call->remove(box->format, span_from(names[i]), &box->error) == 0)
			fail_msg("removed: %s", names[i]);
	}
}

static void
test_subscriptions(void **state)
{
	struct box *box = *state;
	const struct format_functions *call = box->format->call;
	struct buffer text;
	char path[128];
	struct arena arena;
	struct span *names;
	size_t count;
	snprintf(path, sizeof(path), "%s/.subscriptions", box->root);
	write_file(path, "Sent\nlists/a\n");
	arena_init(&arena, 0);
	assert_int_equal(call->subscribe(box->format, SPAN("Drafts"), true, &box->error), 0);
	assert_int_equal(call->subscribe(box->format, SPAN("Sent"), false, &box->error), 0);
	assert_int_equal(call->subscribe(box->format, SPAN("Drafts"), true, &box->error), 0);
	assert_string_equal(file_text(path, &text), "lists/a\nDrafts\n");
	buffer_fini(&text);
	assert_int_equal(call->subscriptions(box->format, &arena, &names, &count, &box->error), 0);
	assert_int_equal(count, 2);
	assert_true(span_equals(names[0], SPAN("lists/a")));
	arena_fini(&arena);
}

/* Dovecot's form: levels between tabs, names in modified UTF-7. */
static void
test_subscriptions_with_tabs(void **state)
{
	struct box *box = *state;
	const struct format_functions *call = box->format->call;
	struct buffer text;
	char path[128];
	struct arena arena;
	struct span *names;
	size_t count;
	snprintf(path, sizeof(path), "%s/.subscriptions", box->root);
	write_file(path, "V\t2\n\nYears\t2025\nEntw&APw-rfe\n");
	arena_init(&arena, 0);
	assert_int_equal(call->subscriptions(box->format, &arena, &names,
		&count, &box->error), 0);
	assert_int_equal(count, 2);
	assert_true(span_equals(names[0], SPAN("Years/2025")));
	assert_true(span_equals(names[1], SPAN("Entw\xc3\xbcrfe")));
	assert_int_equal(call->subscribe(box->format, SPAN("Years/2026"), true,
		&box->error), 0);
	assert_int_equal(call->subscribe(box->format,
		SPAN("Entw\xc3\xbcrfe"), false, &box->error), 0);
	assert_string_equal(file_text(path, &text),
		"V\t2\n\nYears\t2025\nYears\t2026\n");
	buffer_fini(&text);
	arena_fini(&arena);
}

/* Made as Dovecot writes them; and what somebody else made in UTF-8 is found. */
static void
test_names_of_other_scripts(void **state)
{
	struct box *box = *state;
	const struct format_functions *call = box->format->call;
	struct format_name *names;
	struct arena arena;
	size_t count, found = 0;
	char path[128];
	assert_int_equal(call->create(box->format, SPAN("Entw\xc3\xbcrfe"),
		&box->error), 0);
	snprintf(path, sizeof(path), "%s/Entw&APw-rfe", box->root);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/\xe6\x94\xb6", box->root);
	write_file(path, "");
	arena_init(&arena, 0);
	assert_int_equal(call->list(box->format, &arena, &names, &count,
		&box->error), 0);
	for (size_t i = 0; i < count; i++) {
		struct format_folder *folder;
		if (!span_equals(names[i].name, SPAN("Entw\xc3\xbcrfe")) &&
			!span_equals(names[i].name, SPAN("\xe6\x94\xb6")))
			continue;
		assert_int_equal(call->open(box->format, names[i].name,
			&folder, &box->error), 0);
		call->close(&folder);
		found++;
	}
	assert_int_equal(found, 2);
	assert_int_equal(call->remove(box->format, SPAN("\xe6\x94\xb6"),
		&box->error), 0);
	assert_int_equal(access(path, F_OK), -1);
	arena_fini(&arena);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_inbox_that_is_not_there_is_empty),
		TEST(test_delivered_and_read),
		TEST(test_delivered_behind_what_others_left),
		TEST(test_several_at_once),
		TEST(test_a_file_that_is_no_mailbox_is_left_alone),
		TEST(test_flags_where_others_look),
		TEST(test_flags_of_messages_of_others),
		TEST(test_many_keywords_make_room),
		TEST(test_new_mail_is_seen_by_the_times),
		TEST(test_others_append),
		TEST(test_others_rewrite),
		TEST(test_others_set_flags_and_append),
		TEST(test_others_replace_the_file),
		TEST(test_expunge),
		TEST(test_uids_of_dovecot),
		TEST(test_internal_message_is_kept),
		TEST(test_saved_and_restored),
		TEST(test_locked_by_others),
		TEST(test_stale_locks_are_broken),
		TEST(test_links_and_devices_are_refused),
		TEST(test_folders),
		TEST(test_bad_names),
		TEST(test_subscriptions),
		TEST(test_subscriptions_with_tabs),
		TEST(test_names_of_other_scripts),
	};
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
