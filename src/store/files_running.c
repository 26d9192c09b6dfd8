/*
 * Which processes are at work below an engine's root: a locked file each in
 * running/. One without a lock belongs to a process that died. What it wrote
 * and had not synced is still in the kernel's memory; the next process would
 * serve it, and it would be gone after a power cut. So everything is synced
 * first: doc/formats/account.md, "Processes that died".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "store/files_calls.h"

enum { DIED_LIMIT = 64, TRIES = 10 };

/* The files of processes that died. */
struct died {
	const struct files_calls *calls;
	char name[DIED_LIMIT][17];
	size_t count;
};

static void
path_of(char path[40], const char *name)
{
	snprintf(path, 40, "running/%.16s", name);
}

static void
look_at(void *context, const char *name)
{
	struct died *died = context;
	const struct files_calls *calls = died->calls;
	char path[40];
	if (strlen(name) != 16 || died->count == DIED_LIMIT)
		return;
	path_of(path, name);
	int fd = calls->open(calls->context, path, 0);
	if (fd < 0)
		return;
	if (calls->lock(calls->context, fd) == 0)
		memcpy(died->name[died->count++], name, 17);
	calls->close(calls->context, fd);
}

static int
sync_after_the_dead(const struct files_calls *calls, struct error *error)
{
	struct died died = { .calls = calls };
	char path[40];
	if (calls->list(calls->context, "running", look_at, &died) < 0 &&
		errno != ENOENT)
		return error_set_errno(error, "listing running");
	if (died.count == 0)
		return 0;
	if (calls->sync_all(calls->context, FILES_SYNC_ALL, error) < 0)
		return -1;
	for (size_t i = 0; i < died.count; i++) {
		path_of(path, died.name[i]);
		calls->unlink(calls->context, path);
	}
	return 0;
}

int
files_running_begin(const struct files_calls *calls,
	struct files_running *running, struct error *error)
{
	char name[17];
	running->fd = -1;
	if (calls->make_directory(calls->context, "running") < 0 &&
		errno != EEXIST)
		return error_set_errno(error, "making directory running");
	/* Another process may take it for dead before it is locked. */
	for (int i = 0; i < TRIES && running->fd < 0; i++) {
		snprintf(name, sizeof(name), "%016" PRIx64, random_u64());
		path_of(running->path, name);
		int fd = calls->open(calls->context, running->path,
			O_CREAT | O_EXCL);
		if (fd < 0)
			return error_set_errno(error, "creating %s",
				running->path);
		if (calls->lock(calls->context, fd) == 0)
			running->fd = fd;
		else
			calls->close(calls->context, fd);
	}
	if (running->fd < 0)
		return error_set_errno(error, "locking %s", running->path);
	if (sync_after_the_dead(calls, error) == 0)
		return 0;
	files_running_end(calls, running);
	return -1;
}

void
files_running_end(const struct files_calls *calls,
	struct files_running *running)
{
	if (running->fd < 0)
		return;
	calls->unlink(calls->context, running->path);
	calls->close(calls->context, running->fd);
	running->fd = -1;
}
