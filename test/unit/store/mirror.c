/*
 * An account whose mail is in a maildir that others change too, through
 * store.h: what they did is taken over, what is done here is in the files, UIDs
 * stay, and what a lost cache, a lost index or a crash leaves is mended.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "store/format.h"
#include "world.h"

#include "base/file.h"
#include "base/memory.h"

enum { PATH_SIZE = 200 };

struct house {
	struct world world;
	char root[PATH_SIZE];
	struct format *format;
};

/* ---- what others do ---- */

static char *
path_of(const struct house *house, const char *name)
{
	static char paths[4][2 * PATH_SIZE];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", house->root, name);
	return path;
}

static void
others_write(const struct house *house, const char *name, const char *text)
{
	int fd = open(path_of(house, name), O_WRONLY | O_CREAT | O_TRUNC |
		O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	if (strchr(name, '/') != NULL)
		assert_int_equal(utime(path_of(house, name), &(struct utimbuf){
			1000000000, 1000000000 }), 0);
}

static void
others_rename(const struct house *house, const char *from, const char *to)
{
	assert_int_equal(rename(path_of(house, from), path_of(house, to)), 0);
}

static void
others_remove(const struct house *house, const char *name)
{
	assert_int_equal(unlink(path_of(house, name)), 0);
}

static void
others_make_folder(const struct house *house, const char *name)
{
	static const char *const parts[] = { "", "/new", "/cur", "/tmp" };
	for (size_t i = 0; i < 4; i++) {
		char path[PATH_SIZE];
		snprintf(path, sizeof(path), "%s%s", name, parts[i]);
		assert_true(mkdir(path_of(house, path), 0700) == 0 ||
			name[0] == '\0' || i > 0);
	}
}

/* The names in a directory, sorted, each with a blank behind it; those of ours
 * up to the first dot. */
static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *
names_in(const struct house *house, const char *directory)
{
	static char text[4000];
	char *names[100];
	size_t count = 0;
	struct dirent *row;
	DIR *open = opendir(path_of(house, directory));
	assert_non_null(open);
	while ((row = readdir(open)) != NULL && count < 100)
		if (row->d_name[0] != '.')
			names[count++] = memory_copy_string(row->d_name);
	closedir(open);
	qsort(names, count, sizeof(*names), compare_names);
	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		strcat(strcat(text, i > 0 ? " " : ""), names[i]);
		memory_free(names[i]);
	}
	return text;
}

/* ---- what is seen here ---- */

static uint32_t
inbox(struct house *house)
{
	return world_mailbox(&house->world, "INBOX");
}

static const char *
uids(struct house *house, const char *mailbox)
{
	return world_uids(&house->world, world_mailbox(&house->world, mailbox));
}

static const char *
flags(struct house *house, uint32_t uid)
{
	return world_flags(&house->world, inbox(house), uid);
}

static void
assert_body(struct house *house, uint32_t uid, const char *text)
{
	char *body = world_body(&house->world, inbox(house), uid);
	assert_string_equal(body, text);
	memory_free(body);
}

/* Whatever is asked for, it is what the body begins with, and enough of it. */
static void
assert_heads(struct house *house, uint32_t uid, const char *text)
{
	struct store_view *view;
	struct store_message message;
	struct error error = { .text = "" };
	assert_int_equal(store_view_open(house->world.account, inbox(house),
		&view, &error), STORE_OK);
	assert_true(store_view_by_uid(view, uid, &message));
	for (size_t size = 0; size <= message.size + 1; size++) {
		struct buffer head;
		buffer_init(&head, 0);
		assert_int_equal(store_body_head(house->world.account,
			&message, size, &head, &error), STORE_OK);
		assert_true(head.size <= strlen(text));
		if (head.size > 0)
			assert_memory_equal(head.data, text, head.size);
		assert_true(head.size + 1 >= size ||
			head.size == strlen(text));
		buffer_fini(&head);
	}
	store_view_close(&view);
}

static void
restart(struct house *house)
{
	world_restart(&house->world);
}

static void
change(struct house *house, const char *set, enum store_change what,
	struct store_flags given)
{
	struct number_set which = world_set(set);
	struct error error = { .text = "" };
	uint64_t modseq;
	enum store_verdict verdict = store_flags_change(house->world.account,
		inbox(house), &which, what, &given, UINT64_MAX, NULL, &modseq,
		&error);
	if (verdict != STORE_OK)
		fail_msg("%d %s", verdict, error.text);
	number_set_fini(&which);
}

static enum store_verdict
deliver(struct house *house, const char *text, const uint8_t *transaction)
{
	const struct store_piece piece = { .bytes = span_from(text) };
	const struct store_message_new message = { .piece = &piece,
		.piece_count = 1, .transaction = transaction };
	struct error error;
	uint32_t uid;
	return store_append(house->world.account, inbox(house), &message, 1,
		&uid, &error);
}

static uint32_t
validity(struct house *house, const char *name)
{
	struct arena arena;
	struct store_mailbox mailbox;
	struct error error;
	arena_init(&arena, 0);
	assert_int_equal(store_mailbox_find(house->world.account,
		span_from(name), &arena, &mailbox, &error), STORE_OK);
	arena_fini(&arena);
	return mailbox.uid_validity;
}

/* "INBOX +Subscribed (a name only)". */
static const char *
list(struct house *house)
{
	static char text[4000];
	struct arena arena;
	struct store_mailbox *mailbox;
	size_t count;
	struct error error;
	text[0] = '\0';
	arena_init(&arena, 0);
	assert_int_equal(store_mailbox_list(house->world.account, &arena,
		&mailbox, &count, &error), STORE_OK);
	for (size_t i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			"%s%s%s%.*s%s", i > 0 ? " " : "",
			mailbox[i].id == 0 ? "(" : "",
			mailbox[i].is_subscribed ? "+" : "",
			SPAN_PRINT(mailbox[i].name),
			mailbox[i].id == 0 ? ")" : "");
	arena_fini(&arena);
	return text;
}

static const char *
copy(struct house *house, uint32_t from, const char *set, uint32_t to,
	bool is_move)
{
	static char text[400];
	struct number_set which = world_set(set), old, new;
	struct error error = { .text = "" };
	number_set_init(&old);
	number_set_init(&new);
	enum store_verdict verdict = store_copy(house->world.account, from,
		&which, to, is_move, &old, &new, &error);
	if (verdict != STORE_OK)
		fail_msg("%d %s", verdict, error.text);
	snprintf(text, sizeof(text), "%s -> %s", world_text(&old),
		world_text(&new));
	number_set_fini(&which);
	number_set_fini(&old);
	number_set_fini(&new);
	return text;
}

static uint64_t
email_of(struct house *house, uint32_t mailbox, uint32_t uid)
{
	struct store_view *view;
	struct store_message message;
	struct error error;
	assert_int_equal(store_view_open(house->world.account, mailbox, &view,
		&error), STORE_OK);
	assert_true(store_view_by_uid(view, uid, &message));
	store_view_close(&view);
	return message.email;
}

static char *
whole_file(const struct house *house, const char *name)
{
	struct buffer text;
	struct error error;
	buffer_init(&text, 0);
	assert_int_equal(file_read_whole(AT_FDCWD, path_of(house, name), 10000,
		&text, &error), 0);
	char *copied = memory_copy_string(buffer_string(&text));
	buffer_fini(&text);
	return copied;
}

static int
damage_file(const char *path, const struct stat *stat, int type,
	struct FTW *walk)
{
	(void)walk;
	if (type != FTW_F || strstr(path, "/folder-") == NULL)
		return 0;
	return truncate(path, stat->st_size / 2);
}

static int
remove_file(const char *path, const struct stat *stat, int type,
	struct FTW *walk)
{
	(void)walk;
	(void)stat;
	return type == FTW_F && strstr(path, "/folder-") != NULL ?
		unlink(path) : 0;
}

/* What formats keep beside the log: gone, or cut in half. */
static void
damage_caches(const struct house *house, bool is_lost)
{
	if (!house->world.is_memory)
		nftw(house->world.path, is_lost ? remove_file : damage_file, 20,
			FTW_PHYS);
}

/* ---- cases ---- */

static void
an_empty_place(struct house *house)
{
	assert_string_equal(uids(house, "INBOX"), "");
}

static void
others_deliver(struct house *house)
{
	others_write(house, "new/1.M1.host", "Subject: a\n\nhi\n");
	assert_string_equal(uids(house, "INBOX"), "1");
	assert_body(house, 1, "Subject: a\r\n\r\nhi\r\n");
	assert_string_equal(flags(house, 1), "");
	others_write(house, "cur/2.M1.host:2,RS", "x\r\n");
	assert_string_equal(uids(house, "INBOX"), "1:2");
	assert_body(house, 2, "x\r\n");
	assert_heads(house, 1, "Subject: a\r\n\r\nhi\r\n");
	assert_heads(house, 2, "x\r\n");
	assert_string_equal(flags(house, 2), "seen answered");
}

static void
others_remove_and_flag(struct house *house)
{
	others_write(house, "new/1.M1.host", "1\n");
	others_write(house, "new/2.M1.host", "2\n");
	others_write(house, "cur/3.M1.host:2,F", "3\n");
	assert_string_equal(uids(house, "INBOX"), "1:3");
	others_remove(house, "new/1.M1.host");
	others_rename(house, "new/2.M1.host", "cur/2.M1.host:2,ST");
	others_rename(house, "cur/3.M1.host:2,F", "cur/3.M1.host:2,");
	assert_string_equal(uids(house, "INBOX"), "2:3");
	assert_string_equal(flags(house, 2), "seen deleted");
	assert_string_equal(flags(house, 3), "");
	assert_body(house, 2, "2\r\n");
}

static void
a_client_flags(struct house *house)
{
	struct span keyword = SPAN("$Junk");
	others_write(house, "new/1.M1.host", "1\n");
	others_write(house, "cur/2.M1.host:2,FX", "2\n");
	assert_string_equal(uids(house, "INBOX"), "1:2");
	change(house, "1:2", STORE_ADD, (struct store_flags){ STORE_SEEN,
		NULL, 0 });
	assert_string_equal(names_in(house, "new"), "");
	assert_string_equal(names_in(house, "cur"),
		"1.M1.host:2,S 2.M1.host:2,FSX");
	change(house, "1", STORE_ADD, (struct store_flags){ 0, &keyword, 1 });
	assert_string_equal(names_in(house, "cur"),
		"1.M1.host:2,Sa 2.M1.host:2,FSX");
	assert_string_equal(flags(house, 1), "seen $Junk");
	change(house, "1:2", STORE_REMOVE, (struct store_flags){ STORE_SEEN |
		STORE_FLAGGED, NULL, 0 });
	assert_string_equal(names_in(house, "cur"),
		"1.M1.host:2,a 2.M1.host:2,X");
	assert_string_equal(flags(house, 1), "$Junk");
}

static void
a_client_appends(struct house *house)
{
	uint32_t box = inbox(house);
	others_write(house, "new/1.M1.host", "1\n");
	assert_int_equal(world_append(&house->world, box, "a\r\nb\r\n"), 2);
	assert_int_equal(world_append_flags(&house->world, box, "c\r\n",
		STORE_SEEN, "$Work"), 3);
	assert_string_equal(uids(house, "INBOX"), "1:3");
	assert_body(house, 2, "a\r\nb\r\n");
	assert_string_equal(flags(house, 3), "seen $Work");
	assert_string_equal(names_in(house, "tmp"), "");
}

/* Ends of lines come back as they went, but for an LF alone. */
static void
ends_of_lines(struct house *house)
{
	static const char *const texts[][2] = {
		{ "a\r\nb\r\n", "a\r\nb\r\n" }, { "a\nb", "a\r\nb" },
		{ "a\rb\r", "a\rb\r" }, { "a\r\r\nb", "a\r\r\nb" },
		{ "\r\r\r\n\n\n", "\r\r\r\n\r\n\r\n" },
		{ "\r\n", "\r\n" }, { "\n", "\r\n" }, { "", "" },
	};
	uint32_t box = inbox(house);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint32_t uid = world_append(&house->world, box, texts[i][0]);
		assert_body(house, uid, texts[i][1]);
	}
}

static void
a_client_expunges(struct house *house)
{
	struct number_set expunged;
	struct error error;
	others_write(house, "new/1.M1.host", "1\n");
	others_write(house, "cur/2.M1.host:2,T", "2\n");
	others_write(house, "cur/3.M1.host:2,ST", "3\n");
	assert_string_equal(uids(house, "INBOX"), "1:3");
	number_set_init(&expunged);
	assert_int_equal(store_expunge(house->world.account, inbox(house),
		NULL, true, &expunged, &error), STORE_OK);
	assert_string_equal(world_text(&expunged), "2:3");
	number_set_fini(&expunged);
	assert_string_equal(names_in(house, "cur"), "");
	assert_string_equal(uids(house, "INBOX"), "1");
}

static void
both_deliver(struct house *house)
{
	static const uint8_t first[STORE_TRANSACTION_SIZE] = "first-first-firs";
	static const uint8_t second[STORE_TRANSACTION_SIZE] = "second-second-se";
	others_write(house, "new/1.M1.host", "1\n");
	assert_int_equal(deliver(house, "a\r\n", first), STORE_OK);
	assert_int_equal(deliver(house, "a\r\n", first), STORE_DUPLICATE);
	assert_int_equal(deliver(house, "b\r\n", second), STORE_OK);
	restart(house);
	assert_int_equal(deliver(house, "a\r\n", first), STORE_DUPLICATE);
	assert_string_equal(uids(house, "INBOX"), "1:3");
	assert_body(house, 2, "a\r\n");
	assert_body(house, 3, "b\r\n");
}

/* As an mbox: then the log knows. */
static void
files_without_transactions(struct house *house)
{
	static const uint8_t first[STORE_TRANSACTION_SIZE] = "first-first-firs";
	static struct format_functions silent;
	silent = *house->format->call;
	silent.delivered = NULL;
	house->format->call = &silent;
	assert_int_equal(deliver(house, "a\r\n", first), STORE_OK);
	assert_int_equal(deliver(house, "a\r\n", first), STORE_DUPLICATE);
	restart(house);
	assert_int_equal(deliver(house, "a\r\n", first), STORE_DUPLICATE);
	assert_string_equal(uids(house, "INBOX"), "1");
}

static void
a_delivery_is_over_quota(struct house *house)
{
	struct store_quota quota;
	static const uint8_t one[STORE_TRANSACTION_SIZE] = "one";
	static const uint8_t two[STORE_TRANSACTION_SIZE] = "two";
	static const uint8_t three[STORE_TRANSACTION_SIZE] = "three";
	others_write(house, "new/1.M1.host", "1234567890\n");
	store_quota_set_limit(house->world.account, 20);
	assert_int_equal(deliver(house, "12345", one), STORE_OK);
	assert_int_equal(deliver(house, "12345", two), STORE_OVER_QUOTA);
	assert_int_equal(deliver(house, "1", three), STORE_OK);
	assert_string_equal(uids(house, "INBOX"), "1:3");
	store_quota_get(house->world.account, &quota);
	assert_int_equal(quota.bytes, 12 + 5 + 1);
	store_quota_set_limit(house->world.account, 0);
}

static void
dovecot_is_taken_over(struct house *house)
{
	others_write(house, "cur/1.M1.host,S=2:2,Sb", "1\n");
	others_write(house, "cur/2.M1.host:2,", "2\n");
	others_write(house, "new/3.M1.host", "3\n");
	others_write(house, "dovecot-keywords", "0 $Later\n1 $Work\n");
	others_write(house, "dovecot-uidlist", "3 V1234567 N40 G0123\n"
		"7 W5 :2.M1.host:2,\n12 :gone.host\n30 :1.M1.host,S=2\n");
	assert_string_equal(uids(house, "INBOX"), "7,30,40");
	assert_body(house, 7, "2\r\n");
	assert_body(house, 40, "3\r\n");
	assert_string_equal(flags(house, 30), "seen $Work");
	assert_int_equal(validity(house, "INBOX"), 1234567);
	/* It goes on beside us. */
	others_write(house, "new/4.M1.host", "4\n");
	others_write(house, "dovecot-uidlist", "3 V1234567 N60\n"
		"50 :4.M1.host\n");
	assert_string_equal(uids(house, "INBOX"), "7,30,40,50");
	assert_int_equal(world_append(&house->world, inbox(house), "5\r\n"),
		60);
	others_write(house, "dovecot-uidlist", "3 V99 N900\n");
	others_write(house, "new/5.M1.host", "4\n");
	assert_string_equal(uids(house, "INBOX"), "7,30,40,50,60:61");
	assert_int_equal(validity(house, "INBOX"), 1234567);
}

static void
an_empty_dovecot_is_taken_over(struct house *house)
{
	others_write(house, "dovecot-uidlist", "1 77 9\n");
	assert_string_equal(uids(house, "INBOX"), "");
	assert_int_equal(validity(house, "INBOX"), 77);
	others_write(house, "new/1.M1.host", "1\n");
	assert_string_equal(uids(house, "INBOX"), "9");
}

static void
nonsense_is_not_taken_over(struct house *house)
{
	others_write(house, "new/1.M1.host", "1\n");
	others_write(house, "new/2.M1.host", "2\n");
	others_write(house, "dovecot-uidlist", "3 V5 N4294967290\n"
		"4294967289 :1.M1.host\n");
	assert_string_equal(uids(house, "INBOX"), "1:2");
	assert_true(validity(house, "INBOX") != 5);
}

static void
two_files_of_one_name(struct house *house)
{
	others_write(house, "new/1.M1.host", "1\n");
	assert_string_equal(uids(house, "INBOX"), "1");
	others_write(house, "cur/1.M1.host:2,S", "2\n");
	uids(house, "INBOX");
	assert_string_equal(uids(house, "INBOX"), "1:2");
	assert_body(house, 1, "1\r\n");
	assert_body(house, 2, "2\r\n");
	assert_string_equal(flags(house, 2), "seen");
}

static void
links_and_devices_are_refused(struct house *house)
{
	others_write(house, "new/1.M1.host", "1\n");
	others_write(house, "secret", "secret\n");
	assert_int_equal(symlink(path_of(house, "secret"), path_of(house,
		"new/2.M1.host")), 0);
	assert_int_equal(mkfifo(path_of(house, "new/3.M1.host"), 0600), 0);
	assert_int_equal(mkdir(path_of(house, "cur/4.M1.host:2,"), 0700), 0);
	/* Dovecot copies so. */
	assert_int_equal(link(path_of(house, "new/1.M1.host"), path_of(house,
		"new/5.M1.host")), 0);
	if (geteuid() == 0) {
		others_write(house, "new/6.M1.host", "another's\n");
		assert_int_equal(chown(path_of(house, "new/6.M1.host"), 1, 1),
			0);
	}
	assert_string_equal(uids(house, "INBOX"), "1:2");
	assert_body(house, 2, "1\r\n");
}

static bool
can_be_read(struct house *house)
{
	struct store_view *view;
	struct error error;
	if (store_view_open(house->world.account, inbox(house), &view,
	    &error) != STORE_OK)
		return false;
	store_view_close(&view);
	return true;
}

static void
a_directory_is_a_link(struct house *house)
{
	others_write(house, "new/1.M1.host", "secret\n");
	others_rename(house, "new", "secret");
	assert_int_equal(symlink(path_of(house, "secret"), path_of(house,
		"new")), 0);
	assert_false(can_be_read(house));
	others_remove(house, "new");
	others_rename(house, "secret", "new");
	assert_string_equal(uids(house, "INBOX"), "1");
}

static void
a_directory_is_anothers(struct house *house)
{
	others_write(house, "new/1.M1.host", "secret\n");
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(path_of(house, "new"), 1, 1), 0);
	assert_false(can_be_read(house));
	assert_int_equal(chown(path_of(house, "new"), 0, 0), 0);
	assert_string_equal(uids(house, "INBOX"), "1");
}

static void
a_message_becomes_a_link(struct house *house)
{
	struct store_message message;
	struct store_body body;
	struct store_view *view;
	struct error error;
	others_write(house, "new/1.M1.host", "secret\n");
	others_write(house, "secret", "secret\n");
	assert_int_equal(store_view_open(house->world.account, inbox(house),
		&view, &error), STORE_OK);
	assert_true(store_view_by_uid(view, 1, &message));
	others_remove(house, "new/1.M1.host");
	assert_int_equal(symlink(path_of(house, "secret"), path_of(house,
		"new/1.M1.host")), 0);
	assert_true(store_body_open(house->world.account, &message, &body,
		&error) != STORE_OK);
	store_view_close(&view);
	others_remove(house, "new/1.M1.host");
	assert_string_equal(uids(house, "INBOX"), "");
}

static void
a_name_lies_about_the_size(struct house *house)
{
	struct store_view *view;
	struct store_message message;
	struct store_body body;
	struct error error;
	others_write(house, "new/1.M1.host,W=4", "1\n");
	others_write(house, "new/2.M1.host,W=9999", "1\n");
	others_write(house, "new/3.M1.host,S=3,W=4", "1\n");
	assert_int_equal(store_view_open(house->world.account, inbox(house),
		&view, &error), STORE_OK);
	assert_true(store_view_by_uid(view, 1, &message));
	assert_int_equal(message.size, 4);
	assert_int_equal(store_body_open(house->world.account, &message, &body,
		&error), STORE_NO_MESSAGE);
	store_view_close(&view);
	assert_string_equal(uids(house, "INBOX"), "2:4");
	for (uint32_t uid = 2; uid <= 4; uid++)
		assert_body(house, uid, "1\r\n");
	others_remove(house, "new/1.M1.host,W=4");
	assert_string_equal(uids(house, "INBOX"), "2:3");
}

static void
the_cache_is_lost_or_damaged(struct house *house)
{
	others_write(house, "new/1.M1.host", "1\n");
	others_write(house, "cur/2.M1.host:2,S", "2\n");
	assert_string_equal(uids(house, "INBOX"), "1:2");
	restart(house);
	damage_caches(house, true);
	assert_string_equal(uids(house, "INBOX"), "1:2");
	restart(house);
	damage_caches(house, false);
	others_remove(house, "new/1.M1.host");
	others_write(house, "new/3.M1.host", "3\n");
	restart(house);
	assert_string_equal(uids(house, "INBOX"), "2:3");
	assert_body(house, 3, "3\r\n");
}

static void
a_copy(struct house *house)
{
	uint32_t box = inbox(house);
	uint32_t work = world_create(&house->world, "Work/2026");
	struct span keyword = SPAN("$Junk");
	others_write(house, "new/1.M1.host", "1\n");
	others_write(house, "cur/2.M1.host:2,S", "2\n");
	others_write(house, "new/3.M1.host", "3\n");
	assert_string_equal(uids(house, "INBOX"), "1:3");
	change(house, "3", STORE_ADD, (struct store_flags){ 0, &keyword, 1 });
	assert_string_equal(copy(house, box, "1,3", work, false),
		"1,3 -> 1:2");
	assert_string_equal(uids(house, "INBOX"), "1:3");
	assert_string_equal(uids(house, "Work/2026"), "1:2");
	assert_string_equal(world_flags(&house->world, work, 2), "$Junk");
	assert_true(email_of(house, box, 3) == email_of(house, work, 2));
	assert_string_equal(copy(house, work, "1:2", work, false),
		"1:2 -> 3:4");
	assert_string_equal(uids(house, "Work/2026"), "1:4");
}

static void
a_move(struct house *house)
{
	uint32_t box = inbox(house);
	uint32_t work = world_create(&house->world, "Work");
	others_write(house, "new/1.M1.host", "1\n");
	others_write(house, "cur/2.M1.host:2,S", "2\n");
	assert_string_equal(uids(house, "INBOX"), "1:2");
	uint64_t email = email_of(house, box, 2);
	assert_string_equal(copy(house, box, "1:2", work, true),
		"1:2 -> 1:2");
	assert_string_equal(uids(house, "INBOX"), "");
	assert_string_equal(uids(house, "Work"), "1:2");
	assert_string_equal(world_flags(&house->world, work, 2), "seen");
	assert_true(email == email_of(house, work, 2));
	assert_string_equal(names_in(house, "cur"), "");
}

static void
folders_come_and_go(struct house *house)
{
	struct error error;
	assert_string_equal(list(house), "INBOX");
	others_make_folder(house, ".A.B");
	others_make_folder(house, ".&ZeVnLIqe-");
	others_make_folder(house, ".no.\x80");
	others_write(house, ".A.B/new/1.M1.host", "1\n");
	assert_string_equal(list(house), "INBOX (A) A/B \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
	assert_string_equal(uids(house, "A/B"), "1");
	assert_int_equal(store_mailbox_create(house->world.account,
		SPAN("C.D"), 0, &(uint32_t){ 0 }, &error), STORE_DENIED);
	world_create(&house->world, "C");
	assert_int_equal(store_mailbox_create(house->world.account,
		SPAN("C"), 0, &(uint32_t){ 0 }, &error), STORE_EXISTS);
	assert_int_equal(store_mailbox_delete(house->world.account,
		SPAN("A"), &error), STORE_HAS_CHILDREN);
	assert_int_equal(store_mailbox_delete(house->world.account,
		SPAN("A/B"), &error), STORE_OK);
	assert_int_equal(store_mailbox_delete(house->world.account,
		SPAN("INBOX"), &error), STORE_DENIED);
	assert_int_equal(store_mailbox_delete(house->world.account,
		SPAN("A/B"), &error), STORE_NO_MAILBOX);
	world_remove(path_of(house, ".C"));
	assert_string_equal(list(house), "INBOX \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
	assert_int_equal(world_mailbox(&house->world, "C"), 0);
}

static void
a_rename(struct house *house)
{
	struct error error;
	uint32_t old = world_create(&house->world, "A");
	world_create(&house->world, "A/B");
	world_append(&house->world, old, "1\r\n");
	assert_int_equal(store_mailbox_rename(house->world.account, SPAN("A"),
		SPAN("Z"), &error), STORE_OK);
	assert_string_equal(list(house), "INBOX Z Z/B");
	assert_int_equal(world_mailbox(&house->world, "Z"), old);
	assert_string_equal(uids(house, "Z"), "1");
	assert_int_equal(world_append(&house->world, old, "2\r\n"), 2);
	assert_int_equal(store_mailbox_rename(house->world.account, SPAN("Z"),
		SPAN("INBOX"), &error), STORE_EXISTS);
	assert_int_equal(store_mailbox_rename(house->world.account, SPAN("Z"),
		SPAN("Z/Y"), &error), STORE_BAD_NAME);
	world_append(&house->world, inbox(house), "3\r\n");
	assert_int_equal(store_mailbox_rename(house->world.account,
		SPAN("INBOX"), SPAN("Old"), &error), STORE_OK);
	assert_string_equal(list(house), "INBOX Old Z Z/B");
	assert_string_equal(uids(house, "INBOX"), "");
	assert_string_equal(uids(house, "Old"), "1");
}

static void
subscriptions_are_shared(struct house *house)
{
	struct error error;
	others_make_folder(house, ".A");
	others_write(house, "subscriptions", "INBOX\nA\nGone.Deep\n");
	assert_string_equal(list(house), "+INBOX +A (Gone) (+Gone/Deep)");
	assert_int_equal(store_mailbox_subscribe(house->world.account,
		SPAN("Gone/Deep"), false, &error), STORE_OK);
	assert_int_equal(store_mailbox_subscribe(house->world.account,
		SPAN("B/C"), true, &error), STORE_OK);
	assert_string_equal(list(house), "+INBOX +A (B) (+B/C)");
	others_write(house, "subscriptions", "V\t2\n\nB\tC\nA\n");
	assert_int_equal(store_mailbox_subscribe(house->world.account,
		SPAN("B/D"), true, &error), STORE_OK);
	assert_string_equal(list(house), "INBOX +A (B) (+B/C) (+B/D)");
	char *text = whole_file(house, "subscriptions");
	assert_string_equal(text, "V\t2\n\nB\tC\nA\nB\tD\n");
	memory_free(text);
}

static void
the_root_is_away_for_a_while(struct house *house)
{
	char away[PATH_SIZE + 8];
	world_create(&house->world, "A");
	others_write(house, "new/1.M1.host", "1\n");
	assert_string_equal(uids(house, "INBOX"), "1");
	uint32_t before = validity(house, "A");
	snprintf(away, sizeof(away), "%s.away", house->root);
	assert_int_equal(rename(house->root, away), 0);
	assert_string_equal(list(house), "INBOX A");
	assert_int_equal(rename(away, house->root), 0);
	assert_int_equal(validity(house, "A"), before);
	assert_string_equal(list(house), "INBOX A");
}

static void
a_client_works_behind_others(struct house *house)
{
	struct number_set expunged;
	struct number_set all = world_set("1:3");
	struct error error;
	others_write(house, "new/1.M1.host", "1\n");
	others_write(house, "new/2.M1.host", "2\n");
	others_write(house, "new/3.M1.host", "3\n");
	assert_string_equal(uids(house, "INBOX"), "1:3");
	others_rename(house, "new/1.M1.host", "cur/1.M1.host:2,F");
	others_remove(house, "new/2.M1.host");
	change(house, "1:3", STORE_ADD, (struct store_flags){ STORE_SEEN,
		NULL, 0 });
	assert_string_equal(names_in(house, "cur"),
		"1.M1.host:2,FS 3.M1.host:2,S");
	others_rename(house, "cur/3.M1.host:2,S", "cur/3.M1.host:2,RS");
	number_set_init(&expunged);
	assert_int_equal(store_expunge(house->world.account, inbox(house),
		&all, false, &expunged, &error), STORE_OK);
	assert_string_equal(world_text(&expunged), "1,3");
	assert_string_equal(names_in(house, "cur"), "");
	number_set_fini(&expunged);
	number_set_fini(&all);
}

static void
too_many_keywords(struct house *house)
{
	struct number_set one = world_set("1");
	struct error error;
	uint64_t modseq;
	others_write(house, "new/1.M1.host", "1\n");
	assert_string_equal(uids(house, "INBOX"), "1");
	for (char c = 'a'; c <= 'z'; c++) {
		char name[] = { 'k', c, '\0' };
		struct span keyword = span_from(name);
		change(house, "1", STORE_REPLACE, (struct store_flags){ 0,
			&keyword, 1 });
	}
	struct span one_more = SPAN("more"), passed = SPAN("$Forwarded");
	struct store_flags given = { 0, &one_more, 1 };
	assert_int_equal(store_flags_change(house->world.account, inbox(house),
		&one, STORE_ADD, &given, UINT64_MAX, NULL, &modseq, &error),
		STORE_TOO_MANY);
	assert_string_equal(flags(house, 1), "kz");
	change(house, "1", STORE_ADD, (struct store_flags){ 0, &passed, 1 });
	assert_string_equal(names_in(house, "cur"), "1.M1.host:2,Pz");
	assert_string_equal(flags(house, 1), "kz $Forwarded");
	number_set_fini(&one);
}

struct listener {
	struct store_watch watch;
	atomic_uint told;		/* the mailbox */
};

static void
note(struct store_watch *watch, uint32_t mailbox)
{
	atomic_store(&((struct listener *)watch)->told, mailbox);
}

static bool
is_told(struct listener *listener, uint32_t mailbox)
{
	for (int i = 0; i < 6000; i++) {
		if (atomic_exchange(&listener->told, 0) == mailbox)
			return true;
		usleep(10000);
	}
	return false;
}

static void
a_session_is_woken(struct house *house)
{
	struct listener listener = { .watch = { .changed = note,
		.account_id = ALICE } };
	uint32_t box = inbox(house);
	store_watch_add(house->world.store, &listener.watch);
	assert_string_equal(uids(house, "INBOX"), "");
	others_write(house, "new/1.M1.host", "1\n");
	assert_true(is_told(&listener, box));
	assert_string_equal(uids(house, "INBOX"), "1");
	others_rename(house, "new/1.M1.host", "cur/1.M1.host:2,F");
	assert_true(is_told(&listener, box));
	assert_string_equal(flags(house, 1), "flagged");
	store_watch_remove(house->world.store, &listener.watch);
	others_rename(house, "cur/1.M1.host:2,F", "cur/1.M1.host:2,S");
	assert_string_equal(flags(house, 1), "seen");
}

/* ---- running ---- */

static void
open_house(struct house *house, bool is_memory)
{
	char root[] = "/tmp/maildir-XXXXXX";
	assert_non_null(mkdtemp(root));
	snprintf(house->root, sizeof(house->root), "%s", root);
	others_make_folder(house, "");
	const struct format_location location = { .root = house->root,
		.inbox_fd = -1 };
	house->format = format_maildir_new(&location);
	house->world.options.format = house->format;
	world_start(&house->world, is_memory);
}

static void
close_house(struct house *house)
{
	world_end(&house->world);
	house->format->call->free(&house->format);
	world_remove(house->root);
}

struct deed {
	const char *name;
	void (*run)(struct house *house);
};

static const struct deed deeds[] = {
	{ "an-empty-place", an_empty_place },
	{ "others-deliver", others_deliver },
	{ "others-remove-and-flag", others_remove_and_flag },
	{ "a-client-flags", a_client_flags },
	{ "a-client-appends", a_client_appends },
	{ "ends-of-lines", ends_of_lines },
	{ "a-client-expunges", a_client_expunges },
	{ "both-deliver", both_deliver },
	{ "files-without-transactions", files_without_transactions },
	{ "a-delivery-is-over-quota", a_delivery_is_over_quota },
	{ "dovecot-is-taken-over", dovecot_is_taken_over },
	{ "an-empty-dovecot-is-taken-over", an_empty_dovecot_is_taken_over },
	{ "nonsense-is-not-taken-over", nonsense_is_not_taken_over },
	{ "two-files-of-one-name", two_files_of_one_name },
	{ "links-and-devices-are-refused", links_and_devices_are_refused },
	{ "a-directory-is-a-link", a_directory_is_a_link },
	{ "a-directory-is-anothers", a_directory_is_anothers },
	{ "a-message-becomes-a-link", a_message_becomes_a_link },
	{ "a-name-lies-about-the-size", a_name_lies_about_the_size },
	{ "the-cache-is-lost-or-damaged", the_cache_is_lost_or_damaged },
	{ "a-copy", a_copy },
	{ "a-move", a_move },
	{ "folders-come-and-go", folders_come_and_go },
	{ "a-rename", a_rename },
	{ "subscriptions-are-shared", subscriptions_are_shared },
	{ "the-root-is-away-for-a-while", the_root_is_away_for_a_while },
	{ "a-client-works-behind-others", a_client_works_behind_others },
	{ "too-many-keywords", too_many_keywords },
	{ "a-session-is-woken", a_session_is_woken },
};

/* Whatever was done, the account is the same after a restart, and after one
 * without its index. */
static void
run(const struct deed *deed, bool is_memory)
{
	struct house house = { .root = "" };
	open_house(&house, is_memory);
	deed->run(&house);
	world_check_lasting(&house.world);
	restart(&house);
	close_house(&house);
}

static void
run_in_memory(void **state)
{
	run(*state, true);
}

static void
run_on_files(void **state)
{
	run(*state, false);
}

int
main(void)
{
	enum { COUNT = sizeof(deeds) / sizeof(deeds[0]) };
	static struct CMUnitTest tests[2 * COUNT];
	static char names[2 * COUNT][100];
	for (size_t i = 0; i < 2 * COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "%s %s",
			deeds[i / 2].name, i % 2 == 0 ? "in memory" :
			"on files");
		tests[i] = (struct CMUnitTest){ .name = names[i],
			.test_func = i % 2 == 0 ? run_in_memory : run_on_files,
			.initial_state = (void *)&deeds[i / 2] };
	}
	return _cmocka_run_group_tests("mirror", tests, 2 * COUNT, NULL, NULL);
}
