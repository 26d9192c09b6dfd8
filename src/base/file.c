#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static atomic_uint_fast64_t sync_count;

void
file_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int
file_read_descriptor(int fd, size_t limit, struct buffer *out,
	struct error *error)
{
	uint64_t offset = 0;
	for (;;) {
		if (offset > limit)
			return error_set(error, ERROR_USAGE,
				"larger than the limit of %zu bytes", limit);
		buffer_reserve(out, 16384);
		ssize_t n = pread(fd, out->data + out->size, 16384,
			(off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(error, "reading");
		if (n == 0)
			return 0;
		out->size += (size_t)n;
		offset += (uint64_t)n;
	}
}

int
file_read_whole(int dir, const char *path, size_t limit, struct buffer *out,
	struct error *error)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, "opening %s", path);
	int result = file_read_descriptor(fd, limit, out, error);
	file_close(&fd);
	return result < 0 ? error_wrap(error, "%s", path) : 0;
}

static int
write_new(int fd, const char *path, struct span content, struct error *error)
{
	if (file_write_all(fd, content, error) < 0 ||
	    file_sync_data(fd, error) < 0)
		return error_wrap(error, "%s", path);
	return 0;
}

static int
sync_parent(int dir, const char *path, struct error *error)
{
	const char *slash = strrchr(path, '/');
	char parent[4096] = ".";
	if (slash != NULL)
		snprintf(parent, sizeof(parent), "%.*s",
			slash == path ? 1 : (int)(slash - path), path);
	int fd = openat(dir, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, "opening directory %s", parent);
	int result = file_sync_directory(fd, error);
	file_close(&fd);
	return result;
}

int
file_replace(int dir, const char *path, struct span content, unsigned mode,
	struct error *error)
{
	char beside[4096];
	int size = snprintf(beside, sizeof(beside), "%s.new", path);
	if (size < 0 || (size_t)size >= sizeof(beside))
		return error_set(error, ERROR_USAGE, "%s: path too long", path);
	unlinkat(dir, beside, 0);
	int fd = openat(dir, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		(mode_t)mode);
	if (fd < 0)
		return error_set_errno(error, "creating %s", beside);
	int result = write_new(fd, beside, content, error);
	file_close(&fd);
	if (result == 0 && renameat(dir, beside, dir, path) < 0)
		result = error_set_errno(error, "renaming %s", beside);
	if (result < 0) {
		unlinkat(dir, beside, 0);
		return -1;
	}
	return sync_parent(dir, path, error);
}

int
file_write_all(int fd, struct span content, struct error *error)
{
	while (content.size > 0) {
		ssize_t n = write(fd, content.data, content.size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(error, "writing");
		content = span_skip(content, (size_t)n);
	}
	return 0;
}

int
file_read_at(int fd, void *out, size_t size, uint64_t offset,
	struct error *error)
{
	char *at = out;
	while (size > 0) {
		ssize_t n = pread(fd, at, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(error, "reading");
		if (n == 0)
			return error_set(error, ERROR_DAMAGED,
				"the file ends %zu bytes too early", size);
		at += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static void
delay_sync(void)
{
	static atomic_int delay = -1;
	int milliseconds = atomic_load_explicit(&delay, memory_order_relaxed);
	if (milliseconds < 0) {
		const char *text = getenv("POSTHOUSE_SYNC_DELAY");
		uint64_t number = 0;
		if (text != NULL)
			span_to_number(span_from(text), 10000, &number);
		milliseconds = (int)number;
		atomic_store(&delay, milliseconds);
	}
	if (milliseconds > 0)
		nanosleep(&(struct timespec){ milliseconds / 1000,
			milliseconds % 1000 * 1000000L }, NULL);
}

int
file_sync_data(int fd, struct error *error)
{
	delay_sync();
	atomic_fetch_add_explicit(&sync_count, 1, memory_order_relaxed);
	if (fdatasync(fd) < 0)
		return error_set_errno(error, "syncing data to disk");
	return 0;
}

int
file_sync_directory(int fd, struct error *error)
{
	delay_sync();
	atomic_fetch_add_explicit(&sync_count, 1, memory_order_relaxed);
	if (fsync(fd) < 0)
		return error_set_errno(error, "syncing a directory to disk");
	return 0;
}

int
file_sync_all(int fd, struct error *error)
{
	delay_sync();
	atomic_fetch_add_explicit(&sync_count, 1, memory_order_relaxed);
	if (syncfs(fd) < 0)
		return error_set_errno(error, "syncing a file system to disk");
	return 0;
}

uint64_t
file_sync_count(void)
{
	return atomic_load(&sync_count);
}

static int
make_one(const char *path, unsigned mode, struct error *error)
{
	if (mkdir(path, (mode_t)mode) < 0) {
		if (errno == EEXIST)
			return 0;
		return error_set_errno(error, "making directory %s", path);
	}
	return sync_parent(AT_FDCWD, path, error);
}

int
file_make_directories(const char *path, unsigned mode, struct error *error)
{
	char prefix[4096];
	size_t size = strlen(path);
	if (size == 0 || size >= sizeof(prefix))
		return error_set(error, ERROR_USAGE, "%s: path too long", path);
	for (size_t i = 1; i <= size; i++) {
		if (i < size && path[i] != '/')
			continue;
		memcpy(prefix, path, i);
		prefix[i] = '\0';
		if (make_one(prefix, i < size ? 0755 : mode, error) < 0)
			return -1;
	}
	return 0;
}

int
file_open_memory(const char *name, struct span content, struct error *error)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, "making a memory file");
	if (file_write_all(fd, content, error) == 0 &&
	    lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	file_close(&fd);
	return -1;
}

int
file_open_spill(int dir, struct error *error)
{
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(error, "making a spill file");
	return fd;
}

int
file_open_shared(size_t size, int *read_only, struct error *error)
{
	char path[40];
	int fd = memfd_create("shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return error_set_errno(error, "making shared memory");
	if (read_only != NULL) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		*read_only = open(path, O_RDONLY | O_CLOEXEC);
		if (*read_only < 0)
			return error_set_errno(error, "opening shared memory");
	}
	return fd;
}

void
file_raise_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}
