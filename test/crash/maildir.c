/*
 * A maildir on a disk that dies. The format's system calls are wrapped (by the
 * linker): each goes to real files and into a history of every file's names.
 * When the power goes at a chosen call, it and all later ones fail, and every
 * file falls back to one of the names it had since the directories concerned
 * were last synced, and what was not synced of its bytes to some of them.
 *
 * Then a new process looks: a delivery that was answered is there, whole, and
 * one that was not is there whole or not at all; flags are those that were
 * answered, or those under way; what was expunged stays so. UIDs stay with
 * their messages. A delivery that comes again, answered or not, is there once.
 *
 * usage: crash-maildir [RUNS [SEED]]
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "disk.h"
#include "store/engine.h"
#include "store/format.h"
#include "store/view.h"

enum {
	RUNS = 100, MUTANT_RUNS = 100, FILES = 400, STATES = 12, STEPS = 12, MESSAGES = 200,
	PATH = 300, TEXT_MOST = 3000,
};

/* ---- the disk ---- */

/* What a file was called, one name after the other; "": nothing any more. */
struct history {
	ino_t inode;
	char name[STATES][PATH];
	bool is_durable[STATES];
	unsigned count;
	uint64_t synced_size;
	bool is_synced;
};

static struct {
	char root[PATH], grave[PATH];
	struct history file[FILES];
	unsigned count, calls, cut;	/* cut: at which call; 0: never */
	bool is_dead;
	int skips;			/* a kind of sync that is left out; -1 */
	uint64_t seed;
} disk;

enum { SYNC_MESSAGE, SYNC_DIRECTORY, SYNC_KINDS };

static uint64_t
draw(uint64_t below)
{
	return disk_random(&disk.seed) % below;
}

/* The path of a name below the maildir; false: it is elsewhere. */
static bool
path_of(int directory, const char *name, char out[PATH])
{
	char link[64], path[PATH];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", directory);
	ssize_t size = readlink(link, path, sizeof(path) - 1);
	if (disk.root[0] == '\0' || size <= 0)
		return false;
	path[size] = '\0';
	if (strncmp(path, disk.root, strlen(disk.root)) != 0)
		return false;
	int length = snprintf(out, PATH, "%s%s%s", path,
		name[0] == '\0' ? "" : "/", name);
	assert(length > 0 && length < PATH);
	return true;
}

/* False: the power is gone. */
static bool
has_power(void)
{
	disk.calls++;
	if (disk.cut != 0 && disk.calls >= disk.cut)
		disk.is_dead = true;
	errno = EIO;
	return !disk.is_dead;
}

static struct history *
history_of(ino_t inode)
{
	for (unsigned i = 0; i < disk.count; i++)
		if (disk.file[i].inode == inode)
			return &disk.file[i];
	assert(disk.count < FILES);
	struct history *file = &disk.file[disk.count++];
	*file = (struct history){ .inode = inode };
	return file;
}

static void
note_name(const char *path, const char *before, ino_t inode)
{
	struct history *file = history_of(inode);
	if (file->count == 0) {		/* it was there, or it was not */
		snprintf(file->name[0], PATH, "%s", before);
		file->is_durable[0] = true;
		file->is_synced = before[0] != '\0';
		file->count = 1;
	}
	if (file->count == STATES) {
		memmove(file->name[1], file->name[2], (STATES - 2) * PATH);
		memmove(&file->is_durable[1], &file->is_durable[2], STATES - 2);
		file->count--;
	}
	snprintf(file->name[file->count], PATH, "%s", path);
	file->is_durable[file->count++] = false;
}

/* ---- the calls ---- */

int __real_openat(int directory, const char *name, int flags, ...);
int __wrap_openat(int directory, const char *name, int flags, ...);
int __wrap_openat64(int directory, const char *name, int flags, ...);
int __real_renameat(int from, const char *old, int to, const char *new);
int __wrap_renameat(int from, const char *old, int to, const char *new);
int __wrap_renameat2(int from, const char *old, int to, const char *new,
	unsigned flags);
int __real_unlinkat(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags);
int __real_file_sync_data(int fd, struct error *error);
int __wrap_file_sync_data(int fd, struct error *error);
int __real_file_sync_directory(int fd, struct error *error);
int __wrap_file_sync_directory(int fd, struct error *error);

static int
open_file(int directory, const char *name, int flags, unsigned mode)
{
	char path[PATH];
	struct stat stat;
	bool makes = (flags & O_CREAT) != 0 && path_of(directory, name, path);
	if (makes && !has_power())
		return -1;
	int fd = __real_openat(directory, name, flags, mode);
	if (makes && fd >= 0 && fstat(fd, &stat) == 0)
		note_name(path, "", stat.st_ino);
	return fd;
}

int
__wrap_openat(int directory, const char *name, int flags, ...)
{
	va_list list;
	va_start(list, flags);
	unsigned mode = (flags & O_CREAT) != 0 ? va_arg(list, unsigned) : 0;
	va_end(list);
	return open_file(directory, name, flags, mode);
}

/* The same, by the name that the C library gives it in some builds. */
int
__wrap_openat64(int directory, const char *name, int flags, ...)
{
	va_list list;
	va_start(list, flags);
	unsigned mode = (flags & O_CREAT) != 0 ? va_arg(list, unsigned) : 0;
	va_end(list);
	return open_file(directory, name, flags, mode);
}

int
__wrap_renameat(int from, const char *old, int to, const char *new)
{
	char before[PATH], after[PATH];
	struct stat stat;
	if (!path_of(from, old, before) || !path_of(to, new, after))
		return __real_renameat(from, old, to, new);
	if (!has_power())
		return -1;
	int result = lstat(before, &stat) < 0 ? -1 :
		__real_renameat(from, old, to, new);
	if (result == 0)
		note_name(after, before, stat.st_ino);
	return result;
}

int
__wrap_renameat2(int from, const char *old, int to, const char *new,
	unsigned flags)
{
	(void)flags;	/* names are never the same here */
	return __wrap_renameat(from, old, to, new);
}

int
__wrap_unlinkat(int directory, const char *name, int flags)
{
	char path[PATH], grave[2 * PATH];
	struct stat stat;
	if (!path_of(directory, name, path))
		return __real_unlinkat(directory, name, flags);
	if (!has_power())
		return -1;
	if (lstat(path, &stat) < 0)
		return -1;
	/* It may come back. */
	snprintf(grave, sizeof(grave), "%s/%llu", disk.grave,
		(unsigned long long)stat.st_ino);
	assert(link(path, grave) == 0);
	note_name("", path, stat.st_ino);
	return __real_unlinkat(directory, name, flags);
}

int
__wrap_file_sync_data(int fd, struct error *error)
{
	char path[PATH];
	struct stat stat;
	if (!path_of(fd, "", path))
		return __real_file_sync_data(fd, error);
	if (!has_power())
		return error_set_errno(error, "syncing a message");
	if (disk.skips != SYNC_MESSAGE && fstat(fd, &stat) == 0)
		history_of(stat.st_ino)->is_synced = true;
	return 0;
}

static bool
is_in(const char *name, const char *directory)
{
	size_t size = strlen(directory);
	return strncmp(name, directory, size) == 0 && name[size] == '/' &&
		strchr(name + size + 1, '/') == NULL;
}

int
__wrap_file_sync_directory(int fd, struct error *error)
{
	char path[PATH];
	if (!path_of(fd, "", path))
		return __real_file_sync_directory(fd, error);
	if (!has_power())
		return error_set_errno(error, "syncing a directory");
	for (unsigned i = 0; i < disk.count &&
	    disk.skips != SYNC_DIRECTORY; i++) {
		struct history *file = &disk.file[i];
		for (unsigned k = 1; k < file->count; k++)
			if (is_in(file->name[k], path) ||
			    is_in(file->name[k - 1], path))
				memset(file->is_durable, 1, k + 1);
	}
	return 0;
}

/* ---- after the power ---- */

static const char *
place_now(const struct history *file, char grave[2 * PATH])
{
	const char *last = file->name[file->count - 1];
	snprintf(grave, 2 * PATH, "%s/%llu", disk.grave,
		(unsigned long long)file->inode);
	return last[0] == '\0' ? grave : last;
}

/* Each file gets one of the names it may have. */
static void
fall_back(void)
{
	for (unsigned i = 0; i < disk.count; i++) {
		struct history *file = &disk.file[i];
		char grave[2 * PATH];
		unsigned first = file->count;
		if (file->count == 0)
			continue;
		while (first > 0 && !file->is_durable[first - 1])
			first--;
		first = first == 0 ? 0 : first - 1;
		unsigned found = first + (unsigned)draw(file->count - first);
		const char *now = place_now(file, grave);
		struct stat stat;
		if (!file->is_synced && lstat(now, &stat) == 0)
			assert(truncate(now, (off_t)draw((uint64_t)stat.st_size +
				1)) == 0);
		if (found == file->count - 1)
			continue;
		if (file->name[found][0] == '\0')
			unlink(now);
		else
			assert(rename(now, file->name[found]) == 0);
	}
	disk.count = 0;
	disk.cut = 0;
	disk.is_dead = false;
}

/* ---- what must hold ---- */

struct mail {
	uint32_t text;			/* 0: none */
	uint32_t uid;			/* 0: not seen yet */
	uint32_t flags, new_flags;	/* as answered, and perhaps */
	bool may_be, may_go;		/* not answered: there or not */
	bool is_delivery;		/* with a transaction */
};

static struct {
	struct mail mail[MESSAGES];
	size_t count;
	uint32_t texts;
	struct format *format;
	struct engine *engine;
	struct store *store;
	struct store_account *account;
	uint32_t inbox;
	char base[PATH];
} world;

static size_t
write_text(uint32_t text, char out[TEXT_MOST])
{
	size_t size = (size_t)snprintf(out, TEXT_MOST, "Subject: %u\r\n\r\n",
		text);
	for (uint32_t i = 0; i < text * 37 % 60; i++)
		size += (size_t)snprintf(out + size, TEXT_MOST - size,
			"line %u of %u, and some more\r\n", i, text);
	return size;
}

static void
fail(const char *what, uint32_t number)
{
	fprintf(stderr, "%s: %u (seed %llu, call %u)\n", what, number,
		(unsigned long long)disk.seed, disk.calls);
	abort();
}

static void
open_world(void)
{
	char path[2 * PATH];
	struct error error;
	struct arena arena;
	struct store_mailbox inbox;
	struct format_location location = { .root = disk.root,
		.inbox_fd = -1 };
	snprintf(path, sizeof(path), "%s/store", world.base);
	world.format = format_maildir_new(&location);
	if (engine_files_open(path, &world.engine, &error) < 0)
		fail(error.text, 0);
	struct store_options options = { .engine = world.engine,
		.format = world.format };
	if (store_open(&options, &world.store, &error) < 0 ||
	    store_account_open(world.store, 7, 7, STORE_CREATE, &world.account,
			&error) < 0)
		fail(error.text, 0);
	arena_init(&arena, 0);
	if (store_mailbox_find(world.account, SPAN("INBOX"), &arena, &inbox,
			&error) != STORE_OK)
		fail("no INBOX", 0);
	world.inbox = inbox.id;
	arena_fini(&arena);
}

static void
close_world(void)
{
	store_account_close(&world.account);
	store_close(&world.store);
	world.engine->call->close(&world.engine);
	world.format->call->free(&world.format);
}

/* The number of its text. It must be whole. */
static uint32_t
text_of(const struct store_message *message)
{
	char bytes[TEXT_MOST], wanted[TEXT_MOST];
	struct store_body body;
	struct error error;
	if (message->size >= sizeof(bytes) || store_body_open(world.account,
			message, &body, &error) != STORE_OK)
		fail("a body cannot be read", message->uid);
	if (store_body_read(&body, 0, bytes, body.size, &error) < 0)
		fail("a body is short", message->uid);
	bytes[body.size] = '\0';
	store_body_close(&body);
	uint32_t text = (uint32_t)strtoul(bytes + (message->size > 9 ? 9 : 0),
		NULL, 10);
	if (write_text(text, wanted) != message->size ||
	    memcmp(bytes, wanted, message->size) != 0)
		fail("a torn message is served", message->uid);
	return text;
}

static struct mail *
find_text(uint32_t text)
{
	for (size_t i = 0; i < world.count; i++)
		if (world.mail[i].text == text)
			return &world.mail[i];
	fail("a message from nowhere", text);
	return NULL;
}

static void
check_one(struct mail *mail, const struct store_message *message)
{
	if (mail->uid != 0 && mail->uid != message->uid)
		fail("a message got another UID", message->uid);
	if ((message->flags & 0x1f) != mail->flags &&
	    (message->flags & 0x1f) != mail->new_flags)
		fail("flags are not those that were answered", message->uid);
	mail->uid = message->uid;
	mail->flags = mail->new_flags = (uint32_t)message->flags & 0x1f;
	mail->may_be = mail->may_go = false;
}

/* Everything that was answered is so. */
static void
check(void)
{
	struct store_view *view;
	struct store_message message;
	struct error error;
	bool seen[MESSAGES] = { false };
	if (store_view_open(world.account, world.inbox, &view, &error) !=
	    STORE_OK)
		fail(error.text, 0);
	for (uint32_t uid = 1; store_view_next(view, uid, &message);
	    uid = message.uid + 1) {
		struct mail *mail = find_text(text_of(&message));
		if (seen[mail - world.mail])
			fail("a message is there twice", message.uid);
		seen[mail - world.mail] = true;
		check_one(mail, &message);
	}
	store_view_close(&view);
	size_t kept = 0;
	for (size_t i = 0; i < world.count; i++) {
		const struct mail *mail = &world.mail[i];
		if (!seen[i] && !mail->may_be && !mail->may_go)
			fail("a message is lost", mail->text);
		if (seen[i])
			world.mail[kept++] = *mail;
	}
	world.count = kept;
}

/* ---- what is done ---- */

static enum store_verdict
deliver_text(uint32_t number, bool is_append)
{
	char text[TEXT_MOST];
	uint8_t transaction[STORE_TRANSACTION_SIZE] = { 1 };
	uint32_t uid;
	struct error error;
	memcpy(transaction + 1, &number, sizeof(number));
	const struct store_piece piece = { .bytes = span_of(text,
		write_text(number, text)) };
	const struct store_message_new message = { .piece = &piece,
		.piece_count = 1,
		.flags.system = is_append ? STORE_SEEN : 0,
		.transaction = is_append ? NULL : transaction };
	return store_append(world.account, world.inbox, &message, 1, &uid,
		&error);
}

static void
deliver(bool is_append)
{
	uint32_t number = ++world.texts;
	bool is_done = deliver_text(number, is_append) == STORE_OK;
	assert(is_done || disk.is_dead);
	uint32_t flags = is_append ? STORE_SEEN : 0;
	world.mail[world.count++] = (struct mail){ .text = number,
		.flags = flags, .new_flags = flags, .may_be = !is_done,
		.is_delivery = !is_append };
}

/* The queue has heard nothing of some, and tries again. What may have been
 * removed may be there again, too. */
static void
deliver_again(void)
{
	for (size_t i = 0; i < world.count; i++) {
		struct mail *mail = &world.mail[i];
		if (!mail->is_delivery || mail->may_go || draw(2) == 0)
			continue;
		enum store_verdict verdict = deliver_text(mail->text, false);
		if (verdict != STORE_DUPLICATE &&
		    (verdict != STORE_OK || !mail->may_be))
			fail("a delivery is not known again", mail->text);
		mail->may_be = false;
	}
}

static struct mail *
choose(struct number_set *uids)
{
	number_set_init(uids);
	if (world.count == 0)
		return NULL;
	struct mail *mail = &world.mail[draw(world.count)];
	if (mail->uid != 0)
		number_set_add(uids, mail->uid, mail->uid);
	return mail->uid == 0 ? NULL : mail;
}

static void
flag(void)
{
	struct number_set uids;
	struct error error;
	uint64_t modseq;
	struct mail *mail = choose(&uids);
	const struct store_flags flags = { .system = (uint32_t)draw(32) };
	if (mail != NULL) {
		bool is_done = store_flags_change(world.account, world.inbox,
			&uids, STORE_REPLACE, &flags, UINT64_MAX, NULL,
			&modseq, &error) == STORE_OK;
		assert(is_done || disk.is_dead);
		mail->new_flags = flags.system;
		if (is_done)
			mail->flags = flags.system;
	}
	number_set_fini(&uids);
}

static void
expunge(void)
{
	struct number_set uids;
	struct error error;
	struct mail *mail = choose(&uids);
	if (mail != NULL) {
		bool is_done = store_expunge(world.account, world.inbox, &uids,
			false, NULL, &error) == STORE_OK;
		assert(is_done || disk.is_dead);
		if (is_done)
			*mail = world.mail[--world.count];
		else
			mail->may_go = true;
	}
	number_set_fini(&uids);
}

static void
step(void)
{
	switch (draw(6)) {
	case 0: case 1:
		deliver(false);
		break;
	case 2:
		deliver(true);
		break;
	case 3: case 4:
		flag();
		break;
	default:
		expunge();
	}
}

static void
one_life(void)
{
	open_world();
	if (draw(2) == 0)
		deliver_again();
	check();
	disk.calls = 0;
	disk.cut = 1 + (unsigned)draw(40);
	for (int i = 0; i < STEPS && !disk.is_dead; i++) {
		step();
		if (!disk.is_dead && draw(3) == 0)
			check();
	}
	disk.is_dead = true;	/* nothing is written while the process ends */
	close_world();
	fall_back();
}

/* ---- running ---- */

static char top[] = "/tmp/crash-maildir-XXXXXX";

static int
remove_one(const char *path, const struct stat *stat, int type,
	struct FTW *walk)
{
	(void)stat;
	(void)type;
	(void)walk;
	return remove(path);
}

static void
one_run(uint64_t seed)
{
	char path[2 * PATH];
	snprintf(world.base, sizeof(world.base), "%s/XXXXXX", top);
	assert(mkdtemp(world.base) != NULL);
	memset(world.mail, 0, sizeof(world.mail));
	world.count = world.texts = 0;
	disk.seed = seed;
	disk.count = 0;
	snprintf(disk.root, sizeof(disk.root), "%s/Maildir", world.base);
	snprintf(disk.grave, sizeof(disk.grave), "%s/grave", world.base);
	assert(mkdir(disk.root, 0700) == 0 && mkdir(disk.grave, 0700) == 0);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", disk.root,
			(const char *const[]){ "new", "cur", "tmp" }[i]);
		assert(mkdir(path, 0700) == 0);
	}
	for (int life = 0; life < 5; life++)
		one_life();
	disk.root[0] = '\0';
	nftw(world.base, remove_one, 20, FTW_DEPTH | FTW_PHYS);
}

/* A sync that is left out must be missed, or this shows nothing. */
static bool
is_missed(int kind, uint64_t seed)
{
	int status;
	pid_t child = fork();
	assert(child >= 0);
	if (child == 0) {
		close(STDERR_FILENO);
		disk.skips = kind;
		for (unsigned i = 0; i < MUTANT_RUNS; i++)
			one_run(seed + i);
		_exit(0);
	}
	assert(waitpid(child, &status, 0) == child);
	return WIFSIGNALED(status);
}

int
main(int argc, char **argv)
{
	unsigned runs = argc > 1 ? (unsigned)atoi(argv[1]) : RUNS;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	log_set_level(LOG_ERROR);
	bool is_good = true;
	assert(mkdtemp(top) != NULL);
	disk.skips = -1;
	for (unsigned i = 0; i < runs; i++)
		one_run(seed + i);
	for (int kind = 0; kind < SYNC_KINDS; kind++)
		if (!is_missed(kind, seed)) {
			printf("sync %d may be left out\n", kind);
			is_good = false;
		}
	nftw(top, remove_one, 20, FTW_DEPTH | FTW_PHYS);
	printf("%u runs\n", runs);
	return is_good ? 0 : 1;
}
