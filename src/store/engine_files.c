/*
 * The embedded engine: an account is a directory, claimed by a lock; segments
 * and bodies are files in it. Layout, and what every crash leaves:
 * doc/formats/account.md. In the steady state an append is one pwritev and one
 * fdatasync on a descriptor that is open already, into zeros that were written
 * ahead, so that the sync has no metadata to write. A claimed account holds two
 * descriptors, and those that it reads much from some more of a common number.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/files_calls.h"
#include "store/files_object.h"

enum {
	PATH_ROOM = 128,
	PIECES_AT_ONCE = 256,		/* of one pwritev */
	SPARE_MOST = 256,		/* files kept for reading, of all accounts, and */
	SPARE_PART = 16,		/* of the descriptors one in so many */
	RESERVE_SIZE = 4 << 20,
	RESERVE_AGAIN = 64 << 20,	/* room at which a spent reserve is refilled */
	KIND_COUNT = 2,
	ZEROS_MOST = 256 << 10,		/* ahead of a segment's end: half of its */
	ZEROS_PIECE = 4 << 10,		/* size, in such pieces */
};

struct files {
	struct engine engine;
	struct files_calls calls;
	pthread_mutex_t lock;		/* of the reserve */
	struct files_running running;
	int reserve;			/* descriptor, or -1 */
	struct files_spare spare;
	atomic_bool is_spent;
	atomic_bool is_folder_synced[256];	/* their names, by this process */
};

struct engine_claim {
	struct files *files;
	uint64_t account;
	int lock_fd;
	pthread_mutex_t lock;		/* of the following */
	struct files_kept kept;
	int directory;			/* for caches, or -1 */
	bool is_synced[KIND_COUNT];	/* the directories above objects of a kind */
};

static const char *const kind_name[KIND_COUNT] = { "log", "big" };

/* ---- paths ---- */

static void
account_path(char out[PATH_ROOM], uint64_t account)
{
	snprintf(out, PATH_ROOM, "%02x/%016" PRIx64, (unsigned)(account >> 56),
		account);
}

static void
path_in(char out[PATH_ROOM], uint64_t account, const char *name)
{
	snprintf(out, PATH_ROOM, "%02x/%016" PRIx64 "/%s",
		(unsigned)(account >> 56), account, name);
}

static void
name_object(char out[PATH_ROOM], enum engine_object kind, uint64_t number)
{
	if (kind == ENGINE_SEGMENT)
		snprintf(out, PATH_ROOM, "%08" PRIu64, number);
	else
		snprintf(out, PATH_ROOM, "%016" PRIx64, number);
}

static void
object_path(char out[PATH_ROOM], const struct engine_claim *claim,
	enum engine_object kind, uint64_t number)
{
	char name[PATH_ROOM];
	name_object(name, kind, number);
	snprintf(out, PATH_ROOM, "%02x/%016" PRIx64 "/%s/%.30s",
		(unsigned)(claim->account >> 56), claim->account,
		kind_name[kind], name);
}

static const char zeros[ZEROS_PIECE];

/* ---- open files ---- */

/* Opens it and keeps it; borrowed from the claim. */
static struct files_object *
open_object(struct engine_claim *claim, enum engine_object kind,
	uint64_t number, struct error *error)
{
	const struct files_calls *calls = &claim->files->calls;
	char path[PATH_ROOM];
	struct stat status;
	object_path(path, claim, kind, number);
	int fd = calls->open(calls->context, path, 0);
	if (fd < 0) {
		error_set_errno(error, "opening %s", path);
		return NULL;
	}
	if (fstat(fd, &status) < 0) {
		error_set_errno(error, "looking at %s", path);
		calls->close(calls->context, fd);
		return NULL;
	}
	uint64_t size = (uint64_t)status.st_size;
	if (kind == ENGINE_SEGMENT)
		size = files_object_end(fd, size);
	struct files_object *object = files_object_new(calls, kind, number, fd,
		size);
	object->written = (uint64_t)status.st_size;
	return files_kept_add(&claim->kept, &object);
}

/* One more user of an object, which files_object_release ends. */
static struct files_object *
object_get(struct engine_claim *claim, enum engine_object kind,
	uint64_t number, struct error *error)
{
	pthread_mutex_lock(&claim->lock);
	struct files_object *object = files_kept_get(&claim->kept, kind,
		number);
	if (object == NULL)
		object = open_object(claim, kind, number, error);
	if (object != NULL)
		atomic_fetch_add(&object->users, 1);
	pthread_mutex_unlock(&claim->lock);
	return object;
}

/* ---- claims ---- */

static int
make_account(struct files *files, uint64_t account, struct error *error)
{
	const struct files_calls *calls = &files->calls;
	char path[PATH_ROOM];
	account_path(path, account);
	path[2] = '\0';
	for (int part = 0; part < 2; part++) {
		if (calls->make_directory(calls->context, path) < 0 &&
			errno != EEXIST)
			return error_set_errno(error, "making directory %s",
				path);
		path[2] = '/';
	}
	return 0;
}

/* The descriptor, locked; -1 with LOST_CLAIM, GONE, ... */
static int
take_lock(struct files *files, uint64_t account, struct error *error)
{
	const struct files_calls *calls = &files->calls;
	char path[PATH_ROOM];
	path_in(path, account, "lock");
	int fd = calls->open(calls->context, path, O_CREAT);
	if (fd < 0)
		return error_set_errno(error, "opening %s", path);
	if (calls->lock(calls->context, fd) == 0)
		return fd;
	if (errno == EAGAIN)
		error_set(error, ERROR_LOST_CLAIM, "account %016" PRIx64
			" belongs to another process", account);
	else if (errno == ESTALE)
		error_set(error, ERROR_GONE,
			"account %016" PRIx64 " is just being deleted", account);
	else
		error_set_errno(error, "locking %s", path);
	calls->close(calls->context, fd);
	return -1;
}

static int
files_claim(struct engine *engine, uint64_t account, bool create,
	struct engine_claim **claim, uint64_t *epoch, struct error *error)
{
	struct files *files = (struct files *)engine;
	int fd = take_lock(files, account, error);
	if (fd < 0 && error->code == ERROR_GONE && create) {
		if (make_account(files, account, error) < 0)
			return -1;
		fd = take_lock(files, account, error);
	}
	if (fd < 0)
		return -1;
	struct engine_claim *new = memory_new(sizeof(*new));
	new->files = files;
	new->account = account;
	new->lock_fd = fd;
	new->directory = -1;
	files_kept_init(&new->kept, &files->spare);
	pthread_mutex_init(&new->lock, NULL);
	*claim = new;
	*epoch = 0;
	return 0;
}

static void
files_release(struct engine_claim **claim)
{
	if (*claim == NULL)
		return;
	const struct files_calls *calls = &(*claim)->files->calls;
	files_kept_fini(&(*claim)->kept);
	if ((*claim)->directory >= 0)
		calls->close(calls->context, (*claim)->directory);
	calls->close(calls->context, (*claim)->lock_fd);
	pthread_mutex_destroy(&(*claim)->lock);
	memory_free(*claim);
	*claim = NULL;
}

static int
files_cache_directory(struct engine_claim *claim)
{
	const struct files_calls *calls = &claim->files->calls;
	char path[PATH_ROOM];
	pthread_mutex_lock(&claim->lock);
	if (claim->directory < 0) {
		account_path(path, claim->account);
		claim->directory = calls->directory(calls->context, path);
	}
	int fd = claim->directory;
	pthread_mutex_unlock(&claim->lock);
	return fd;
}

/* ---- listing ---- */

struct listing {
	enum engine_object kind;
	struct engine_list *list;
	size_t room;
};

static void
list_name(void *context, const char *name)
{
	struct listing *listing = context;
	struct engine_list *list = listing->list;
	char again[PATH_ROOM];
	uint64_t number;
	bool ok = listing->kind == ENGINE_SEGMENT ?
		span_to_number(span_from(name), UINT64_MAX - 1, &number) :
		span_to_hex_number(span_from(name), &number);
	if (!ok || number == 0)
		return;
	name_object(again, listing->kind, number);
	if (strcmp(again, name) != 0)
		return;
	if (list->count == listing->room) {
		listing->room = listing->room == 0 ? 4 : listing->room * 2;
		list->number = memory_resize(list->number,
			listing->room * sizeof(*list->number));
	}
	list->number[list->count++] = number;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;
	return one < two ? -1 : one > two;
}

static int
files_list(struct engine_claim *claim, enum engine_object kind,
	struct engine_list *list, struct error *error)
{
	const struct files_calls *calls = &claim->files->calls;
	struct listing listing = { kind, list, 0 };
	char path[PATH_ROOM];
	*list = (struct engine_list){ NULL, 0 };
	path_in(path, claim->account, kind_name[kind]);
	if (calls->list(calls->context, path, list_name, &listing) < 0 &&
		errno != ENOENT) {
		memory_free(list->number);
		*list = (struct engine_list){ NULL, 0 };
		return error_set_errno(error, "listing %s", path);
	}
	if (list->count > 1)
		qsort(list->number, list->count, sizeof(*list->number),
			compare_numbers);
	return 0;
}

/* ---- objects ---- */

static int
open_new(struct engine_claim *claim, enum engine_object kind, const char *path,
	struct error *error)
{
	const struct files_calls *calls = &claim->files->calls;
	char directory[PATH_ROOM];
	int fd = calls->open(calls->context, path, O_CREAT | O_EXCL);
	if (fd < 0 && errno == ENOENT) {
		path_in(directory, claim->account, kind_name[kind]);
		if (calls->make_directory(calls->context, directory) < 0 &&
			errno != EEXIST)
			return error_set_errno(error, "making directory %s",
				directory);
		fd = calls->open(calls->context, path, O_CREAT | O_EXCL);
	}
	if (fd < 0)
		return error_set_errno(error, "creating %s", path);
	return fd;
}

/* The name of a new object and, once in a claim, of all that is above it. */
static int
sync_names(struct engine_claim *claim, enum engine_object kind,
	struct error *error)
{
	const struct files_calls *calls = &claim->files->calls;
	char path[PATH_ROOM];
	path_in(path, claim->account, kind_name[kind]);
	if (calls->sync_directory(calls->context, path,
			kind == ENGINE_SEGMENT ? FILES_SYNC_LOG_NAME :
			FILES_SYNC_BODY_NAME, error) < 0)
		return -1;
	if (claim->is_synced[kind])
		return 0;
	account_path(path, claim->account);
	if (calls->sync_directory(calls->context, path, FILES_SYNC_ACCOUNT,
			error) < 0)
		return -1;
	path[2] = '\0';
	if (calls->sync_directory(calls->context, path, FILES_SYNC_FOLDER,
			error) < 0)
		return -1;
	atomic_bool *is_folder_synced =
		&claim->files->is_folder_synced[claim->account >> 56];
	if (!atomic_load(is_folder_synced) && calls->sync_directory(
			calls->context, ".", FILES_SYNC_ROOT, error) < 0)
		return -1;
	atomic_store(is_folder_synced, true);
	claim->is_synced[kind] = true;
	return 0;
}

/*
 * What was written ahead of a segment that gets no more goes. Not synced: what
 * a crash brings back are zeros, which are read as none.
 */
static void
cut_zeros(struct engine_claim *claim, uint64_t number)
{
	const struct files_calls *calls = &claim->files->calls;
	struct files_object *object = files_kept_get(&claim->kept,
		ENGINE_SEGMENT, number);
	if (object == NULL || atomic_load(&object->size) >= object->written)
		return;
	if (calls->truncate(calls->context, object->fd, object->size) == 0)
		object->written = object->size;
}

static int
files_create(struct engine_claim *claim, enum engine_object kind,
	uint64_t number, struct error *error)
{
	const struct files_calls *calls = &claim->files->calls;
	char path[PATH_ROOM];
	object_path(path, claim, kind, number);
	int fd = open_new(claim, kind, path, error);
	if (fd < 0)
		return -1;
	if (sync_names(claim, kind, error) < 0) {
		calls->close(calls->context, fd);
		calls->unlink(calls->context, path);
		return -1;
	}
	struct files_object *object = files_object_new(calls, kind, number, fd, 0);
	pthread_mutex_lock(&claim->lock);
	if (kind == ENGINE_SEGMENT)
		cut_zeros(claim, number - 1);
	files_kept_add(&claim->kept, &object);
	pthread_mutex_unlock(&claim->lock);
	return 0;
}

/*
 * Copies pieces from *index, of which the first *skip bytes are written
 * already, into `out`.
 */
static int
next_pieces(const struct iovec *pieces, int count, int index, size_t skip,
	struct iovec out[PIECES_AT_ONCE])
{
	int used = 0;
	for (; index < count && used < PIECES_AT_ONCE; index++) {
		out[used] = pieces[index];
		out[used].iov_base = (char *)out[used].iov_base + skip;
		out[used++].iov_len -= skip;
		skip = 0;
	}
	return used;
}

static int
write_all(struct files_object *object, uint64_t offset, const struct iovec *pieces,
	int count, struct error *error)
{
	struct iovec part[PIECES_AT_ONCE];
	int index = 0;
	size_t skip = 0;
	while (index < count) {
		int used = next_pieces(pieces, count, index, skip, part);
		ssize_t n = object->calls->write(object->calls->context,
			object->fd, part, used, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(error,
				"writing at %" PRIu64 " of object %" PRIu64,
				offset, object->number);
		offset += (uint64_t)n;
		skip += (size_t)n;
		while (index < count && skip >= pieces[index].iov_len)
			skip -= pieces[index++].iov_len;
	}
	return 0;
}

/*
 * Zeros behind what was just written, for the next appends to overwrite: a
 * file that neither grows nor gets new blocks is synced without its inode. A
 * disk that is nearly full, or refuses them, goes without.
 */
static void
write_zeros_ahead(struct files *files, struct files_object *object, uint64_t end)
{
	struct iovec piece[ZEROS_MOST / ZEROS_PIECE];
	struct error ignored;
	uint64_t ahead = end / 2 < ZEROS_MOST ? end / 2 : ZEROS_MOST;
	int count = (int)(ahead / ZEROS_PIECE);
	if (end <= object->written)
		return;
	object->written = end;
	if (object->kind != ENGINE_SEGMENT ||
		files->calls.room(files->calls.context) < RESERVE_AGAIN)
		return;
	for (int i = 0; i < count; i++)
		piece[i] = (struct iovec){ (void *)(uintptr_t)zeros,
			ZEROS_PIECE };
	if (write_all(object, end, piece, count, &ignored) == 0)
		object->written = end + (uint64_t)count * ZEROS_PIECE;
}

static int
files_append(struct engine_claim *claim, enum engine_object kind,
	uint64_t number, uint64_t offset, const struct iovec *pieces,
	int count, struct error *error)
{
	const struct files_calls *calls = &claim->files->calls;
	uint64_t size = offset;
	struct files_object *object = object_get(claim, kind, number, error);
	if (object == NULL)
		return -1;
	for (int i = 0; i < count; i++)
		size += pieces[i].iov_len;
	int result = write_all(object, offset, pieces, count, error);
	if (result == 0) {
		write_zeros_ahead(claim->files, object, size);
		result = calls->sync(calls->context, object->fd,
			kind == ENGINE_SEGMENT ? FILES_SYNC_SEGMENT :
			FILES_SYNC_BODY, error);
		/* FULL would say that it may be tried again: not after this. */
		if (result < 0)
			error->code = ERROR_SYSTEM;
	}
	if (result == 0)
		atomic_store(&object->size, size);
	files_object_release(object);
	return result;
}

static int
files_truncate(struct engine_claim *claim, enum engine_object kind,
	uint64_t number, uint64_t size, struct error *error)
{
	const struct files_calls *calls = &claim->files->calls;
	struct stat status;
	struct files_object *object = object_get(claim, kind, number, error);
	if (object == NULL)
		return -1;
	int result = fstat(object->fd, &status);
	if (result < 0)
		error_set_errno(error, "looking at object %" PRIu64, number);
	else if ((uint64_t)status.st_size < size)
		result = error_set(error, ERROR_DAMAGED,
			"object %" PRIu64 " has less than %" PRIu64 " bytes",
			number, size);
	else if (calls->truncate(calls->context, object->fd, size) < 0)
		result = error_set_errno(error, "truncating object %" PRIu64,
			number);
	else
		result = calls->sync(calls->context, object->fd,
			FILES_SYNC_TRUNCATE, error);
	if (result == 0) {
		atomic_store(&object->size, size);
		object->written = size;
	}
	files_object_release(object);
	return result;
}

static int
files_pin(struct engine_claim *claim, enum engine_object kind, uint64_t number,
	struct engine_pin *pin, struct error *error)
{
	struct files_object *object = object_get(claim, kind, number, error);
	if (object == NULL)
		return -1;
	*pin = (struct engine_pin){ object->fd, 0, atomic_load(&object->size),
		object };
	return 0;
}

static void
files_unpin(struct engine_pin *pin)
{
	files_object_release(pin->own);
	*pin = (struct engine_pin){ .fd = -1 };
}

static int
files_remove(struct engine_claim *claim, enum engine_object kind,
	uint64_t number, struct error *error)
{
	const struct files_calls *calls = &claim->files->calls;
	char path[PATH_ROOM];
	object_path(path, claim, kind, number);
	pthread_mutex_lock(&claim->lock);
	files_kept_forget(&claim->kept, kind, number);
	pthread_mutex_unlock(&claim->lock);
	if (calls->unlink(calls->context, path) < 0)
		return error_set_errno(error, "removing %s", path);
	return 0;
}

/* ---- deleted accounts ---- */

struct emptying {
	const struct files_calls *calls;
	const char *path;
	int depth;
};

/* Best effort: what is left is found at the next start. */
static void
remove_name(void *context, const char *name)
{
	const struct emptying *emptying = context;
	const struct files_calls *calls = emptying->calls;
	char path[4096];
	int size = snprintf(path, sizeof(path), "%s/%s", emptying->path, name);
	if (size < 0 || (size_t)size >= sizeof(path) ||
		calls->unlink(calls->context, path) == 0 ||
		emptying->depth == 0)
		return;
	struct emptying below = { calls, path, emptying->depth - 1 };
	calls->list(calls->context, path, remove_name, &below);
	calls->remove_directory(calls->context, path);
}

static void
empty_deleted(struct files *files)
{
	struct emptying emptying = { &files->calls, "deleted", 2 };
	files->calls.list(files->calls.context, "deleted", remove_name,
		&emptying);
}

static int
move_to_deleted(struct files *files, uint64_t account, struct error *error)
{
	const struct files_calls *calls = &files->calls;
	char from[PATH_ROOM], to[PATH_ROOM];
	account_path(from, account);
	snprintf(to, sizeof(to), "deleted/%016" PRIx64 ".%016" PRIx64, account,
		random_u64());
	if (calls->make_directory(calls->context, "deleted") < 0 &&
		errno != EEXIST)
		return error_set_errno(error, "making directory deleted");
	if (calls->rename(calls->context, from, to) < 0)
		return error_set_errno(error, "renaming %s", from);
	/* Should the new name be lost with the old, the account is gone too. */
	from[2] = '\0';
	return calls->sync_directory(calls->context, from, FILES_SYNC_UNLISTED,
		error);
}

static int
files_destroy(struct engine *engine, uint64_t account, struct error *error)
{
	struct files *files = (struct files *)engine;
	int fd = take_lock(files, account, error);
	if (fd < 0)
		return -1;
	int result = move_to_deleted(files, account, error);
	if (result == 0)
		empty_deleted(files);
	files->calls.close(files->calls.context, fd);
	return result;
}

/* ---- room ---- */

static void
fill_reserve(struct files *files)
{
	const struct files_calls *calls = &files->calls;
	if (files->reserve < 0)
		return;
	pthread_mutex_lock(&files->lock);
	if (calls->allocate(calls->context, files->reserve, RESERVE_SIZE) < 0) {
		/* Half a reserve is what nobody gets: give it back. */
		calls->truncate(calls->context, files->reserve, 0);
		atomic_store(&files->is_spent, true);
	} else
		atomic_store(&files->is_spent, false);
	pthread_mutex_unlock(&files->lock);
}

static uint64_t
files_room(struct engine *engine)
{
	struct files *files = (struct files *)engine;
	uint64_t room = files->calls.room(files->calls.context);
	if (room >= RESERVE_AGAIN && atomic_load(&files->is_spent))
		fill_reserve(files);
	return room;
}

static bool
files_spend_reserve(struct engine *engine)
{
	struct files *files = (struct files *)engine;
	const struct files_calls *calls = &files->calls;
	struct stat status;
	if (files->reserve < 0)
		return false;
	pthread_mutex_lock(&files->lock);
	bool is_there = fstat(files->reserve, &status) == 0 &&
		status.st_size > 0 &&
		calls->truncate(calls->context, files->reserve, 0) == 0;
	atomic_store(&files->is_spent, true);
	pthread_mutex_unlock(&files->lock);
	return is_there;
}

static void
files_close(struct engine **engine)
{
	if (*engine == NULL)
		return;
	struct files *files = (struct files *)*engine;
	if (files->reserve >= 0)
		files->calls.close(files->calls.context, files->reserve);
	files_running_end(&files->calls, &files->running);
	files->calls.end(files->calls.context);
	pthread_mutex_destroy(&files->lock);
	memory_free(files);
	*engine = NULL;
}

static const struct engine_functions functions = {
	files_claim, files_release, files_list, files_create, files_append,
	files_truncate, files_pin, files_unpin, files_remove, files_room,
	files_spend_reserve, files_cache_directory, files_destroy, files_close,
};

/* Few where the process may have few descriptors: most are for sessions. */
static int
spare_most(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
		limit.rlim_cur / SPARE_PART > SPARE_MOST)
		return SPARE_MOST;
	return (int)(limit.rlim_cur / SPARE_PART);
}

int
engine_files_open_on(const struct files_calls *calls, struct engine **engine,
	struct error *error)
{
	struct files *files = memory_new(sizeof(*files));
	files->engine.call = &functions;
	files->calls = *calls;
	files->reserve = -1;
	files->spare.most = spare_most();
	pthread_mutex_init(&files->lock, NULL);
	*engine = &files->engine;
	if (files_running_begin(calls, &files->running, error) < 0) {
		files_close(engine);
		return -1;
	}
	files->reserve = calls->open(calls->context, "reserve", O_CREAT);
	fill_reserve(files);
	empty_deleted(files);
	return 0;
}

int
engine_files_open(const char *path, struct engine **engine,
	struct error *error)
{
	struct files_calls calls;
	*engine = NULL;
	if (files_calls_open(path, &calls, error) < 0)
		return -1;
	return engine_files_open_on(&calls, engine, error);
}
