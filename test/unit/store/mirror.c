/*
 * An account whose mail is in a maildir that others change too, through
 * store.h: what they did is taken over, what is done here is in the files, UIDs
 * stay, and what a lost cache, a lost index or a crash leaves is mended.
 */
#include <dirent.h>
#include <fcntl.h>
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
	{ "a-client-expunges", a_client_expunges },
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
