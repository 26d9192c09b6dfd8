/*
 * See disk.h. What is read through a descriptor is a memory file with what the
 * running system sees; beside it stands what may be on the disk: for each
 * file a certain content and, by sector, the later versions.
 */
#include "disk_inner.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

uint64_t
disk_random(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* ---- nodes and names ---- */

int
disk_node_new(struct disk *disk, bool is_directory)
{
	disk->node = memory_resize(disk->node,
		(size_t)(disk->nodes + 1) * sizeof(*disk->node));
	struct node *node = &disk->node[disk->nodes];
	memset(node, 0, sizeof(*node));
	node->is_directory = is_directory;
	node->memory = node->locker = -1;
	node->sizes = 1;
	return disk->nodes++;
}

int
disk_names_find(const struct name *names, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i].text, text) == 0)
			return names[i].node;
	return 0;
}

/* node 0 takes it out. */
void
disk_names_set(struct name **names, size_t *count, const char *text, int node)
{
	size_t i = 0;
	while (i < *count && strcmp((*names)[i].text, text) != 0)
		i++;
	if (node == 0) {
		if (i < *count)
			(*names)[i] = (*names)[--*count];
		return;
	}
	if (i == *count) {
		*names = memory_resize(*names, ++*count * sizeof(**names));
		memset((*names)[i].text, 0, NAME_ROOM);
		snprintf((*names)[i].text, NAME_ROOM, "%s", text);
	}
	(*names)[i].node = node;
}

/* The directory a path is in and its last part; 0 with errno. */
static int
walk(struct disk *disk, const char *path, char last[NAME_ROOM])
{
	struct span rest = span_from(path), piece;
	int at = 1;
	while (span_split(&rest, '/', &piece)) {
		assert(piece.size < NAME_ROOM);
		memcpy(last, piece.data, piece.size);
		last[piece.size] = '\0';
		if (rest.data == NULL)
			break;
		at = disk_names_find(disk->node[at].seen, disk->node[at].seen_count,
			last);
		if (at == 0) {
			errno = ENOENT;
			return 0;
		}
	}
	return at;
}

static int
look_up(struct disk *disk, const char *path)
{
	char last[NAME_ROOM];
	if (strcmp(path, ".") == 0)
		return 1;
	int directory = walk(disk, path, last);
	if (directory == 0)
		return 0;
	int node = disk_names_find(disk->node[directory].seen,
		disk->node[directory].seen_count, last);
	if (node == 0)
		errno = ENOENT;
	return node;
}

static struct change *
change_new(struct disk *disk, int directory, const char *text, int node)
{
	disk->change = memory_resize(disk->change,
		(disk->changes + 1) * sizeof(*disk->change));
	struct change *change = &disk->change[disk->changes++];
	memset(change, 0, sizeof(*change));
	change->directory = directory;
	change->node = node;
	change->from_directory = -1;
	snprintf(change->text, NAME_ROOM, "%s", text);
	struct node *at = &disk->node[directory];
	disk_names_set(&at->seen, &at->seen_count, text, node);
	return change;
}

void
disk_apply_change(struct disk *disk, const struct change *change)
{
	struct node *at = &disk->node[change->directory];
	disk_names_set(&at->sure, &at->sure_count, change->text, change->node);
	if (change->from_directory < 0)
		return;
	at = &disk->node[change->from_directory];
	disk_names_set(&at->sure, &at->sure_count, change->from_text, 0);
}

/* ---- what happens at a call ---- */

/* Counts a call that changes something: 0 go on, -1 with errno. */
static int
happen(struct disk *disk, bool is_sync, bool *short_write)
{
	disk->calls++;
	if (disk->cut != 0 && disk->calls >= disk->cut)
		disk->is_dead = true;
	if (disk->is_dead) {
		errno = EIO;
		return -1;
	}
	bool now = disk->fail != 0 && disk->calls == disk->fail;
	if (now && disk->fault == DISK_SYNCS_FAIL)
		disk->failing_syncs = 2 + (int)(disk->calls % 2);
	if (now && disk->fault == DISK_FULL)
		disk->is_full = true;
	if (disk->is_full && !is_sync) {
		disk->is_full = false;
		*short_write = true;
		errno = ENOSPC;
		return -1;
	}
	if ((now && disk->fault == DISK_FAILS) ||
		(is_sync && disk->failing_syncs > 0)) {
		disk->failing_syncs -= disk->failing_syncs > 0;
		errno = EIO;
		return -1;
	}
	return 0;
}

/* ---- files ---- */

void
disk_keep_room(struct node *file, uint64_t size)
{
	uint64_t room = (size + SECTOR - 1) / SECTOR * SECTOR;
	if (room <= file->room)
		return;
	file->certain = memory_resize(file->certain, room);
	memset(file->certain + file->room, 0, room - file->room);
	file->room = room;
}

/* What is seen becomes a file in memory when it is first opened. */
static int
show(struct node *file)
{
	if (file->memory >= 0)
		return file->memory;
	file->memory = memfd_create("disk", MFD_CLOEXEC);
	assert(file->memory >= 0);
	uint64_t size = file->size[file->sizes - 1];
	disk_keep_room(file, size);
	ssize_t n = size == 0 ? 0 : pwrite(file->memory, file->certain, size, 0);
	assert(n == (ssize_t)size);
	return file->memory;
}

/* Files that are locked, not written, share an empty one. */
static bool
has_content(const char *path)
{
	struct span name = span_from(path);
	return !span_ends_nocase(name, SPAN("/lock")) &&
		!span_starts(name, SPAN("running/")) &&
		!span_equals(name, SPAN("reserve"));
}

static int
nothing(void)
{
	static int empty = -1;
	if (empty < 0)
		empty = memfd_create("empty", MFD_CLOEXEC);
	assert(empty >= 0);
	return empty;
}

static void
add_size(struct node *file, uint64_t size)
{
	if (file->size[file->sizes - 1] == size)
		return;
	if (file->sizes == VERSIONS) {
		memmove(file->size + 1, file->size + 2,
			(VERSIONS - 2) * sizeof(file->size[0]));
		file->sizes--;
	}
	file->size[file->sizes++] = size;
}

/* A sector as it is seen now is one more version of it. */
static void
add_version(struct node *file, uint64_t index)
{
	char now[SECTOR] = { 0 };
	size_t i = 0;
	ssize_t n = pread(file->memory, now, SECTOR, (off_t)(index * SECTOR));
	assert(n >= 0);
	disk_keep_room(file, (index + 1) * SECTOR);
	while (i < file->sectors && file->sector[i].index != index)
		i++;
	if (i == file->sectors) {
		if (memcmp(now, file->certain + index * SECTOR, SECTOR) == 0)
			return;
		file->sector = memory_resize(file->sector,
			(file->sectors + 1) * sizeof(*file->sector));
		file->sector[file->sectors++] =
			(struct sector){ .index = index };
	}
	struct sector *sector = &file->sector[i];
	sector->is_dirty = true;
	if (sector->count > 0 &&
		memcmp(sector->version[sector->count - 1], now, SECTOR) == 0)
		return;
	if (sector->count == VERSIONS) {
		memory_free(sector->version[0]);
		memmove(sector->version, sector->version + 1,
			(VERSIONS - 1) * sizeof(sector->version[0]));
		sector->count--;
	}
	char *version = memory_new(SECTOR);
	memcpy(version, now, SECTOR);
	sector->version[sector->count++] = version;
}

static void
sector_free(struct sector *sector)
{
	for (unsigned i = 0; i < sector->count; i++)
		memory_free(sector->version[i]);
}

/* A sync that worked. */
static void
settle(struct node *file)
{
	size_t kept = 0;
	for (size_t i = 0; i < file->sectors; i++) {
		struct sector *sector = &file->sector[i];
		if (!sector->is_dirty) {
			file->sector[kept++] = *sector;
			continue;
		}
		memcpy(file->certain + sector->index * SECTOR,
			sector->version[sector->count - 1], SECTOR);
		sector_free(sector);
	}
	file->sectors = kept;
	file->size[0] = file->size[file->sizes - 1];
	file->sizes = 1;
}

static struct node *
file_of(struct disk *disk, int fd)
{
	assert(fd >= 0 && fd < FD_LIMIT && disk->fd_node[fd] > 0);
	return &disk->node[disk->fd_node[fd]];
}

/* ---- the calls ---- */

static struct disk *
enter(void *context)
{
	struct disk *disk = context;
	pthread_mutex_lock(&disk->lock);
	return disk;
}

static void
leave(struct disk **disk)
{
	pthread_mutex_unlock(&(*disk)->lock);
}

/* The disk, locked until the function returns. */
#define ENTER(context) \
	__attribute__((cleanup(leave))) struct disk *disk = enter(context)

static int
sim_open(void *context, const char *path, int flags)
{
	ENTER(context);
	char last[NAME_ROOM];
	bool full = false;
	int node = look_up(disk, path);
	if (node == 0) {
		int directory = walk(disk, path, last);
		if (directory == 0 || !(flags & O_CREAT)) {
			errno = ENOENT;
			return -1;
		}
		if (happen(disk, false, &full) < 0)
			return -1;
		node = disk_node_new(disk, false);
		change_new(disk, directory, last, node);
	} else if (flags & O_EXCL) {
		errno = EEXIST;
		return -1;
	}
	int fd = fcntl(has_content(path) ? show(&disk->node[node]) : nothing(),
		F_DUPFD_CLOEXEC, 3);
	assert(fd >= 0 && fd < FD_LIMIT);
	disk->fd_node[fd] = node;
	return fd;
}

static int
sim_lock(void *context, int fd)
{
	ENTER(context);
	struct node *file = file_of(disk, fd);
	if (file->locker >= 0) {
		errno = EAGAIN;
		return -1;
	}
	file->locker = fd;
	return 0;
}

static ssize_t
sim_write(void *context, int fd, const struct iovec *piece, int count,
	uint64_t offset)
{
	ENTER(context);
	struct node *file = file_of(disk, fd);
	bool is_short = false;
	size_t size = 0, left;
	for (int i = 0; i < count; i++)
		size += piece[i].iov_len;
	int result = happen(disk, false, &is_short);
	if (result < 0 && (!is_short || size < 2))
		return -1;
	left = size = is_short ? size / 2 : size;
	for (int i = 0; i < count && left > 0; i++) {
		size_t part = piece[i].iov_len < left ? piece[i].iov_len : left;
		ssize_t n = pwrite(file->memory, piece[i].iov_base, part,
			(off_t)(offset + size - left));
		assert(n == (ssize_t)part);
		left -= part;
	}
	for (uint64_t at = offset / SECTOR; at * SECTOR < offset + size; at++)
		add_version(file, at);
	if (offset + size > file->size[file->sizes - 1])
		add_size(file, offset + size);
	/* The rest of a short write meets the full disk again. */
	disk->is_full |= is_short;
	return (ssize_t)size;
}

static int
sim_truncate(void *context, int fd, uint64_t size)
{
	ENTER(context);
	struct node *file = file_of(disk, fd);
	bool full = false;
	uint64_t old = file->size[file->sizes - 1];
	if (file->memory < 0)
		return 0;	/* nothing in it */
	int result = happen(disk, false, &full);
	if (result < 0 && !full)
		return -1;	/* a full disk can be cut back */
	result = ftruncate(file->memory, (off_t)size);
	assert(result == 0);
	for (uint64_t at = size / SECTOR; at * SECTOR < old; at++)
		add_version(file, at);
	add_size(file, size);
	return 0;
}

static int
sim_allocate(void *context, int fd, uint64_t size)
{
	(void)context;
	(void)fd;
	(void)size;
	errno = ENOSPC;		/* this disk has no reserve */
	return -1;
}

static int
sim_sync(void *context, int fd, enum files_sync site, struct error *error)
{
	ENTER(context);
	struct node *file = file_of(disk, fd);
	bool ignored;
	if (happen(disk, true, &ignored) < 0) {
		for (size_t i = 0; !disk->is_dead && i < file->sectors; i++)
			file->sector[i].is_dirty = false;
		return error_set_errno(error, "syncing");
	}
	if ((int)site != disk->skip)
		settle(file);
	return 0;
}

static bool
touches(const struct change *change, int directory)
{
	return change->directory == directory ||
		change->from_directory == directory;
}

static int
sim_sync_directory(void *context, const char *path, enum files_sync site,
	struct error *error)
{
	ENTER(context);
	bool ignored;
	int directory = look_up(disk, path);
	if (directory == 0)
		return error_set_errno(error, "opening directory %s", path);
	if (happen(disk, true, &ignored) < 0)
		return error_set_errno(error, "syncing directory %s", path);
	if ((int)site == disk->skip)
		return 0;
	size_t kept = 0;
	for (size_t i = 0; i < disk->changes; i++) {
		if (touches(&disk->change[i], directory))
			disk_apply_change(disk, &disk->change[i]);
		else
			disk->change[kept++] = disk->change[i];
	}
	disk->changes = kept;
	return 0;
}

static int
sim_sync_all(void *context, enum files_sync site, struct error *error)
{
	ENTER(context);
	bool ignored;
	if (happen(disk, true, &ignored) < 0)
		return error_set_errno(error, "syncing all");
	if ((int)site == disk->skip)
		return 0;
	for (int i = 1; i < disk->nodes; i++)
		settle(&disk->node[i]);
	for (size_t i = 0; i < disk->changes; i++)
		disk_apply_change(disk, &disk->change[i]);
	disk->changes = 0;
	return 0;
}

static void
sim_close(void *context, int fd)
{
	ENTER(context);
	if (disk->fd_node[fd] == 0) {	/* of the directory for caches */
		close(fd);
		return;
	}
	struct node *file = file_of(disk, fd);
	if (file->locker == fd)
		file->locker = -1;
	disk->fd_node[fd] = 0;
	close(fd);
}

static int
sim_make_directory(void *context, const char *path)
{
	ENTER(context);
	char last[NAME_ROOM];
	bool full = false;
	int directory = walk(disk, path, last);
	if (directory == 0)
		return -1;
	if (look_up(disk, path) != 0) {
		errno = EEXIST;
		return -1;
	}
	if (happen(disk, false, &full) < 0)
		return -1;
	int node = disk_node_new(disk, true);
	change_new(disk, directory, last, node);
	return 0;
}

static int
sim_rename(void *context, const char *from, const char *to)
{
	ENTER(context);
	char from_last[NAME_ROOM], to_last[NAME_ROOM];
	bool full = false;
	int node = look_up(disk, from);
	int from_directory = walk(disk, from, from_last);
	int to_directory = walk(disk, to, to_last);
	if (node == 0 || to_directory == 0)
		return -1;
	if (happen(disk, false, &full) < 0)
		return -1;
	struct change *change = change_new(disk, to_directory, to_last, node);
	change->from_directory = from_directory;
	memcpy(change->from_text, from_last, NAME_ROOM);
	struct node *at = &disk->node[from_directory];
	disk_names_set(&at->seen, &at->seen_count, from_last, 0);
	return 0;
}

static int
remove_one(struct disk *disk, const char *path, bool directory)
{
	char last[NAME_ROOM];
	bool full = false;
	int node = look_up(disk, path);
	if (node == 0)
		return -1;
	if (disk->node[node].is_directory != directory) {
		errno = directory ? ENOTDIR : EISDIR;
		return -1;
	}
	if (directory && disk->node[node].seen_count > 0) {
		errno = ENOTEMPTY;
		return -1;
	}
	if (happen(disk, false, &full) < 0 && !full)
		return -1;	/* a full disk can be emptied */
	int parent = walk(disk, path, last);
	change_new(disk, parent, last, 0);
	return 0;
}

static int
sim_unlink(void *context, const char *path)
{
	ENTER(context);
	return remove_one(disk, path, false);
}

static int
sim_remove_directory(void *context, const char *path)
{
	ENTER(context);
	return remove_one(disk, path, true);
}

static int
sim_list(void *context, const char *path, files_name *name, void *name_context)
{
	ENTER(context);
	int directory = look_up(disk, path);
	if (directory == 0)
		return -1;
	/* A callback may remove names: walk over a copy. */
	size_t count = disk->node[directory].seen_count;
	struct name *copy = memory_new_array(count, sizeof(*copy));
	if (count > 0)
		memcpy(copy, disk->node[directory].seen, count * sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		name(name_context, copy[i].text);
	memory_free(copy);
	return 0;
}

static int
sim_directory(void *context, const char *path)
{
	const struct disk *disk = context;
	if (disk->cache[0] == '\0' || strchr(path, '/') == NULL)
		return -1;
	return open(disk->cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static uint64_t
sim_room(void *context)
{
	(void)context;
	return 1 << 30;
}

static void
sim_end(void *context)
{
	(void)context;
}

/* ---- making, freeing, steering ---- */

struct disk *
disk_make(int skip)
{
	pthread_mutexattr_t attributes;
	struct disk *disk = memory_new(sizeof(*disk));
	disk->skip = skip;
	/* A callback of list may call again. */
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&disk->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return disk;
}

struct disk *
disk_new(void)
{
	struct disk *disk = disk_make(-1);
	disk_node_new(disk, false);
	disk_node_new(disk, true);
	return disk;
}

void
disk_free(struct disk **disk)
{
	if (*disk == NULL)
		return;
	for (int i = 0; i < FD_LIMIT; i++)
		assert((*disk)->fd_node[i] == 0);
	for (int i = 0; i < (*disk)->nodes; i++) {
		struct node *node = &(*disk)->node[i];
		for (size_t k = 0; k < node->sectors; k++)
			sector_free(&node->sector[k]);
		if (node->memory >= 0)
			close(node->memory);
		memory_free(node->sector);
		memory_free(node->certain);
		memory_free(node->seen);
		memory_free(node->sure);
	}
	memory_free((*disk)->node);
	memory_free((*disk)->change);
	pthread_mutex_destroy(&(*disk)->lock);
	memory_free(*disk);
	*disk = NULL;
}

struct files_calls
disk_files(struct disk *disk)
{
	return (struct files_calls){ disk, sim_open, sim_lock, sim_write,
		sim_truncate, sim_allocate, sim_sync, sim_sync_directory,
		sim_sync_all, sim_close, sim_make_directory, sim_rename, sim_unlink,
		sim_remove_directory, sim_list, sim_directory, sim_room,
		sim_end };
}

void
disk_make_file(struct disk *disk, const char *name)
{
	struct error error;
	int fd = sim_open(disk, name, O_CREAT);
	int result = sim_sync_directory(disk, ".", FILES_SYNC_ROOT, &error);
	assert(result == 0);
	sim_close(disk, fd);
}

struct engine *
disk_engine(struct disk *disk)
{
	struct engine *engine;
	struct files_calls calls = disk_files(disk);
	struct error error;
	int result = engine_files_open_on(&calls, &engine, &error);
	assert(result == 0);
	return engine;
}

void
disk_set_cache(struct disk *disk, const char *path)
{
	snprintf(disk->cache, sizeof(disk->cache), "%s", path);
}

unsigned
disk_calls(const struct disk *disk)
{
	return disk->calls;
}

void
disk_cut_at(struct disk *disk, unsigned n)
{
	disk->cut = n == 0 ? 0 : disk->calls + n;
}

void
disk_revive(struct disk *disk)
{
	for (int i = 0; i < FD_LIMIT; i++)
		assert(disk->fd_node[i] == 0);
	disk->is_dead = disk->is_full = false;
	disk->cut = disk->fail = 0;
	disk->failing_syncs = 0;
}

bool
disk_is_dead(const struct disk *disk)
{
	return disk->is_dead;
}

void
disk_fail_at(struct disk *disk, unsigned n, enum disk_fault fault)
{
	disk->fail = n == 0 ? 0 : disk->calls + n;
	disk->fault = fault;
	disk->is_full = false;
	disk->failing_syncs = 0;
}

void
disk_skip_sync(struct disk *disk, int site)
{
	disk->skip = site;
}
