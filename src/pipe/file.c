/* See file.h. The maildir half is here, mbox.c is the other. */
#include "pipe/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "pipe/content.h"
#include "pipe/mbox.h"

/* The directory below another, made when it is missing; never a link. */
static int
open_below(int parent, const char *name, struct error *error)
{
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return error_set_errno(error, "making %s", name);
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		O_CLOEXEC);
	return fd >= 0 ? fd : error_set_errno(error, "opening %s", name);
}

/* Unique in this directory (the host, the process, its deliveries). */
static void
make_name(const struct pipe *pipe, int64_t now, char *out, size_t size)
{
	static _Atomic unsigned count;
	char host[64];
	snprintf(host, sizeof(host), "%s", pipe->hostname);
	for (size_t i = 0; host[i] != '\0'; i++)
		if (host[i] == '/' || host[i] == ':')
			host[i] = '_';
	snprintf(out, size, "%lld.M%lldP%d_%u.%s", (long long)(now / 1000),
		(long long)(now % 1000 * 1000), (int)getpid(),
		atomic_fetch_add(&count, 1), host);
}

/* Written whole in tmp, then it stands in new. */
static int
write_and_move(const struct pipe_delivery *delivery, int tmp, int new,
	int64_t now, struct error *error)
{
	char name[200];
	make_name(delivery->pipe, now, name, sizeof(name));
	int fd = openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(error, "making tmp/%s", name);
	int result = content_write(delivery, CONTENT_MAILDIR, now, fd, error);
	if (result == 0)
		result = file_sync_all(fd, error);
	file_close(&fd);
	if (result == 0 && linkat(tmp, name, new, name, 0) < 0)
		result = error_set_errno(error, "moving %s to new", name);
	unlinkat(tmp, name, 0);
	return result < 0 ? -1 : file_sync_directory(new, error);
}

static int
deliver_into(const struct pipe_delivery *delivery, int directory, int64_t now,
	struct error *error)
{
	int tmp = open_below(directory, "tmp", error), new = -1, cur = -1;
	if (tmp >= 0)
		new = open_below(directory, "new", error);
	if (new >= 0)
		cur = open_below(directory, "cur", error);
	int result = cur < 0 ? -1 :
		write_and_move(delivery, tmp, new, now, error);
	file_close(&tmp);
	file_close(&new);
	file_close(&cur);
	return result;
}

static int
deliver_to_maildir(const struct pipe_delivery *delivery, const char *path,
	int64_t now, struct error *error)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set_errno(error, "making %s", path);
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		O_CLOEXEC);
	if (directory < 0 && (errno == ELOOP || errno == ENOTDIR))
		return error_set(error, ERROR_REFUSED,
			"%s is no directory", path);
	if (directory < 0)
		return error_set_errno(error, "opening %s", path);
	int result = deliver_into(delivery, directory, now, error);
	file_close(&directory);
	return result < 0 ? error_wrap(error, "%s", path) : 0;
}

int
file_deliver(const struct pipe_delivery *delivery, struct span path,
	int64_t now, struct error *error)
{
	struct arena *arena = &delivery->transaction->arena;
	bool is_directory = path.data[path.size - 1] == '/';
	/* "/a/" without the slash behind, or the link would be followed */
	while (path.size > 1 && path.data[path.size - 1] == '/')
		path.size--;
	const char *name = arena_copy_string(arena, path);
	return is_directory ? deliver_to_maildir(delivery, name, now, error) :
		mbox_append(delivery, name, now, error);
}
