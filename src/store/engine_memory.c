/*
 * An engine in memory. All objects are regions of one memory file, so that
 * they are read through descriptors like those of any other engine; it is
 * sparse, and a region is given back when the object and its last pin are gone.
 */
#include "store/engine_memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/memory.h"

enum { REGION_BITS = 36, FAULT_LIMIT = 64 };

struct region {
	uint64_t index;			/* of the region in the file */
	uint64_t number, size;
	enum engine_object kind;
	unsigned users;			/* pins, and the account while it is there */
	struct region *next;
};

struct account {
	uint64_t id, epoch;
	struct engine_claim *claim;	/* the one that counts, or NULL */
	struct region *regions;
};

struct fault {
	enum engine_memory_call call;
	unsigned left;			/* calls until it happens */
	enum engine_memory_fault fault;
};

struct memory {
	struct engine engine;
	pthread_mutex_t lock;		/* of everything */
	int fd;
	uint64_t next_index;
	struct map accounts;
	int latency;
	pthread_cond_t other_latency;
	struct fault fault[FAULT_LIMIT];
	size_t fault_count;
	uint64_t calls[ENGINE_MEMORY_CALL_COUNT];
	uint64_t room, reserve;
};

struct engine_claim {
	struct memory *memory;
	struct account *account;
	uint64_t epoch;
};

struct pinned {
	struct memory *memory;
	struct region *region;
};

static struct memory *
memory_of(struct engine *engine)
{
	return (struct memory *)engine;
}

static void
wait_latency(struct memory *memory)
{
	struct timespec until;
	int code = 0;
	pthread_mutex_lock(&memory->lock);
	const int latency = memory->latency;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += latency % 1000 * 1000000L;
	until.tv_sec += latency / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (latency > 0 && memory->latency == latency && code == 0)
		code = pthread_cond_clockwait(&memory->other_latency,
			&memory->lock, CLOCK_MONOTONIC, &until);
	pthread_mutex_unlock(&memory->lock);
}

/* Counts a call; what is to happen to it, or -1. The lock is held. */
static int
count_call(struct memory *memory, enum engine_memory_call call)
{
	int happens = -1;
	memory->calls[call]++;
	for (size_t i = 0; i < memory->fault_count;) {
		struct fault *fault = &memory->fault[i];
		if (fault->call == call && --fault->left == 0) {
			happens = (int)fault->fault;
			*fault = memory->fault[--memory->fault_count];
		} else
			i++;
	}
	return happens;
}

static int
lost(const struct account *account, struct error *error)
{
	return error_set(error, ERROR_LOST_CLAIM,
		"account %016" PRIx64 " belongs to another process",
		account->id);
}

static int
injected(struct error *error)
{
	errno = EIO;
	return error_set_errno(error, "an injected failure");
}

/*
 * Begins a call under the claim: 0, or -1 with the lock given back. *after:
 * it is to be done and then to fail; *part: half of it.
 */
static int
begin(struct engine_claim *claim, enum engine_memory_call call, bool *after,
	bool *part, struct error *error)
{
	struct memory *memory = claim->memory;
	pthread_mutex_lock(&memory->lock);
	int fault = count_call(memory, call);
	*after = fault == ENGINE_MEMORY_AFTER;
	*part = fault == ENGINE_MEMORY_PART;
	if (fault == ENGINE_MEMORY_TAKEN && claim->account->claim == claim)
		claim->account->claim = NULL;
	int result = 0;
	if (claim->account->claim != claim)
		result = lost(claim->account, error);
	else if (fault == ENGINE_MEMORY_BEFORE)
		result = injected(error);
	if (result < 0)
		pthread_mutex_unlock(&memory->lock);
	return result;
}

static struct region *
find_region(const struct account *account, enum engine_object kind,
	uint64_t number)
{
	struct region *region = account->regions;
	while (region != NULL &&
		(region->kind != kind || region->number != number))
		region = region->next;
	return region;
}

static struct region *
need_region(const struct account *account, enum engine_object kind,
	uint64_t number, struct error *error)
{
	struct region *region = find_region(account, kind, number);
	if (region == NULL)
		error_set(error, ERROR_GONE, "object %" PRIu64
			" of account %016" PRIx64 " is not there", number,
			account->id);
	return region;
}

static off_t
place(const struct region *region, uint64_t offset)
{
	return (off_t)((region->index << REGION_BITS) + offset);
}

static void
punch(struct memory *memory, const struct region *region, uint64_t from)
{
	if (region->size > from)
		fallocate(memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			place(region, from), (off_t)(region->size - from));
}

static void
let_go(struct memory *memory, struct region *region)
{
	if (--region->users > 0)
		return;
	punch(memory, region, 0);
	memory_free(region);
}

static void
unlink_region(struct memory *memory, struct account *account,
	struct region *region)
{
	struct region **at = &account->regions;
	while (*at != region)
		at = &(*at)->next;
	*at = region->next;
	let_go(memory, region);
}

static int
memory_claim(struct engine *engine, uint64_t id, bool create,
	struct engine_claim **claim, uint64_t *epoch, struct error *error)
{
	struct memory *memory = memory_of(engine);
	int result = 0;
	pthread_mutex_lock(&memory->lock);
	int fault = count_call(memory, ENGINE_MEMORY_CLAIM);
	struct account *account = map_get(&memory->accounts, map_key_u64(&id));
	if (fault == ENGINE_MEMORY_BEFORE)
		result = injected(error);
	else if (fault == ENGINE_MEMORY_TAKEN ||
		(account != NULL && account->claim != NULL))
		result = error_set(error, ERROR_LOST_CLAIM, "account %016"
			PRIx64 " belongs to another process", id);
	else if (account == NULL && !create)
		result = error_set(error, ERROR_GONE,
			"account %016" PRIx64 " is not there", id);
	else if (account == NULL) {
		account = memory_new(sizeof(*account));
		account->id = id;
		map_put(&memory->accounts, map_key_u64(&id), account);
	}
	if (result == 0) {
		*claim = memory_new(sizeof(**claim));
		**claim = (struct engine_claim){ memory, account,
			++account->epoch };
		account->claim = *claim;
		*epoch = account->epoch;
	}
	pthread_mutex_unlock(&memory->lock);
	return result;
}

static void
memory_release(struct engine_claim **claim)
{
	if (*claim == NULL)
		return;
	struct memory *memory = (*claim)->memory;
	pthread_mutex_lock(&memory->lock);
	if ((*claim)->account->claim == *claim)
		(*claim)->account->claim = NULL;
	pthread_mutex_unlock(&memory->lock);
	memory_free(*claim);
	*claim = NULL;
}

static int
memory_list(struct engine_claim *claim, enum engine_object kind,
	struct engine_list *list, struct error *error)
{
	bool after, part;
	*list = (struct engine_list){ NULL, 0 };
	if (begin(claim, ENGINE_MEMORY_LIST, &after, &part, error) < 0)
		return -1;
	for (struct region *region = claim->account->regions; region != NULL;
		region = region->next) {
		if (region->kind != kind)
			continue;
		list->number = memory_resize(list->number,
			(list->count + 1) * sizeof(*list->number));
		size_t at = list->count++;
		for (; at > 0 && list->number[at - 1] > region->number; at--)
			list->number[at] = list->number[at - 1];
		list->number[at] = region->number;
	}
	pthread_mutex_unlock(&claim->memory->lock);
	return 0;
}

static int
memory_create(struct engine_claim *claim, enum engine_object kind,
	uint64_t number, struct error *error)
{
	bool after, part;
	wait_latency(claim->memory);
	if (begin(claim, ENGINE_MEMORY_CREATE, &after, &part, error) < 0)
		return -1;
	struct account *account = claim->account;
	int result = 0;
	if (part)
		result = error_set(error, ERROR_FULL, "the disk is full");
	else if (find_region(account, kind, number) != NULL)
		result = error_set(error, ERROR_EXISTS,
			"object %" PRIu64 " is there", number);
	else {
		struct region *region = memory_new(sizeof(*region));
		region->index = claim->memory->next_index++;
		region->number = number;
		region->kind = kind;
		region->users = 1;
		region->next = account->regions;
		account->regions = region;
		if (after)
			result = injected(error);
	}
	pthread_mutex_unlock(&claim->memory->lock);
	return result;
}

/* Writes up to `most` bytes of the pieces. */
static void
write_pieces(struct memory *memory, struct region *region,
	const struct iovec *pieces, int count, uint64_t most)
{
	for (int i = 0; i < count && most > 0; i++) {
		size_t size = pieces[i].iov_len < most ? pieces[i].iov_len :
			(size_t)most;
		ssize_t n = pwrite(memory->fd, pieces[i].iov_base, size,
			place(region, region->size));
		assert(n == (ssize_t)size);
		region->size += size;
		most -= size;
	}
}

static int
memory_append(struct engine_claim *claim, enum engine_object kind,
	uint64_t number, uint64_t offset, const struct iovec *pieces,
	int count, struct error *error)
{
	struct memory *memory = claim->memory;
	bool after, part;
	wait_latency(memory);
	if (begin(claim, ENGINE_MEMORY_APPEND, &after, &part, error) < 0)
		return -1;
	struct region *region = need_region(claim->account, kind, number,
		error);
	int result = region == NULL ? -1 : 0;
	if (region != NULL) {
		uint64_t size = 0, most;
		for (int i = 0; i < count; i++)
			size += pieces[i].iov_len;
		assert(region->size == offset);
		most = part ? size / 2 : size;
		if (most > memory->room)
			most = memory->room;
		write_pieces(memory, region, pieces, count, most);
		if (memory->room != UINT64_MAX)
			memory->room -= most;
		if (most < size)
			result = error_set(error, ERROR_FULL,
				"the disk is full");
		else if (after)
			result = injected(error);
	}
	pthread_mutex_unlock(&memory->lock);
	return result;
}

static int
memory_truncate(struct engine_claim *claim, enum engine_object kind,
	uint64_t number, uint64_t size, struct error *error)
{
	struct memory *memory = claim->memory;
	bool after, part;
	wait_latency(memory);
	if (begin(claim, ENGINE_MEMORY_TRUNCATE, &after, &part, error) < 0)
		return -1;
	struct region *region = need_region(claim->account, kind, number,
		error);
	int result = region == NULL ? -1 : 0;
	if (region != NULL && region->size < size)
		result = error_set(error, ERROR_DAMAGED,
			"object %" PRIu64 " has less than %" PRIu64 " bytes",
			number, size);
	else if (region != NULL) {
		punch(memory, region, size);
		if (memory->room != UINT64_MAX)
			memory->room += region->size - size;
		region->size = size;
	}
	if (result == 0 && after)
		result = injected(error);
	pthread_mutex_unlock(&memory->lock);
	return result;
}

static int
memory_pin(struct engine_claim *claim, enum engine_object kind,
	uint64_t number, struct engine_pin *pin, struct error *error)
{
	struct memory *memory = claim->memory;
	bool after, part;
	if (begin(claim, ENGINE_MEMORY_PIN, &after, &part, error) < 0)
		return -1;
	struct region *region = need_region(claim->account, kind, number,
		error);
	if (region != NULL) {
		struct pinned *pinned = memory_new(sizeof(*pinned));
		*pinned = (struct pinned){ memory, region };
		region->users++;
		*pin = (struct engine_pin){ memory->fd,
			(uint64_t)place(region, 0), region->size, pinned };
	}
	pthread_mutex_unlock(&memory->lock);
	return region == NULL ? -1 : 0;
}

static void
memory_unpin(struct engine_pin *pin)
{
	struct pinned *pinned = pin->own;
	struct memory *memory = pinned->memory;
	pthread_mutex_lock(&memory->lock);
	let_go(memory, pinned->region);
	pthread_mutex_unlock(&memory->lock);
	memory_free(pinned);
	*pin = (struct engine_pin){ .fd = -1 };
}

static int
memory_remove(struct engine_claim *claim, enum engine_object kind,
	uint64_t number, struct error *error)
{
	struct memory *memory = claim->memory;
	bool after, part;
	if (begin(claim, ENGINE_MEMORY_REMOVE, &after, &part, error) < 0)
		return -1;
	struct region *region = need_region(claim->account, kind, number,
		error);
	if (region != NULL) {
		if (memory->room != UINT64_MAX)
			memory->room += region->size;
		unlink_region(memory, claim->account, region);
	}
	pthread_mutex_unlock(&memory->lock);
	return region == NULL ? -1 : 0;
}

static uint64_t
memory_room(struct engine *engine)
{
	struct memory *memory = memory_of(engine);
	pthread_mutex_lock(&memory->lock);
	uint64_t room = memory->room;
	pthread_mutex_unlock(&memory->lock);
	return room;
}

static bool
memory_spend_reserve(struct engine *engine)
{
	struct memory *memory = memory_of(engine);
	pthread_mutex_lock(&memory->lock);
	bool is_there = memory->reserve > 0;
	if (memory->room != UINT64_MAX)
		memory->room += memory->reserve;
	memory->reserve = 0;
	pthread_mutex_unlock(&memory->lock);
	return is_there;
}

static int
memory_cache_directory(struct engine_claim *claim)
{
	(void)claim;
	return -1;
}

static int
memory_destroy(struct engine *engine, uint64_t id, struct error *error)
{
	struct memory *memory = memory_of(engine);
	int result = 0;
	pthread_mutex_lock(&memory->lock);
	struct account *account = map_get(&memory->accounts, map_key_u64(&id));
	if (account == NULL)
		result = error_set(error, ERROR_GONE,
			"account %016" PRIx64 " is not there", id);
	else if (account->claim != NULL)
		result = lost(account, error);
	else {
		map_take(&memory->accounts, map_key_u64(&id));
		while (account->regions != NULL)
			unlink_region(memory, account, account->regions);
		memory_free(account);
	}
	pthread_mutex_unlock(&memory->lock);
	return result;
}

static void
memory_close(struct engine **engine)
{
	if (*engine == NULL)
		return;
	struct memory *memory = memory_of(*engine);
	size_t cursor = 0;
	struct span key;
	void *value;
	while (map_next(&memory->accounts, &cursor, &key, &value)) {
		struct account *account = value;
		while (account->regions != NULL)
			unlink_region(memory, account, account->regions);
		memory_free(account);
	}
	map_fini(&memory->accounts);
	file_close(&memory->fd);
	pthread_cond_destroy(&memory->other_latency);
	pthread_mutex_destroy(&memory->lock);
	memory_free(memory);
	*engine = NULL;
}

static const struct engine_functions functions = {
	memory_claim, memory_release, memory_list, memory_create,
	memory_append, memory_truncate, memory_pin, memory_unpin,
	memory_remove, memory_room, memory_spend_reserve,
	memory_cache_directory, memory_destroy, memory_close,
};

struct engine *
engine_memory_new(void)
{
	struct memory *memory = memory_new(sizeof(*memory));
	memory->engine.call = &functions;
	pthread_mutex_init(&memory->lock, NULL);
	pthread_cond_init(&memory->other_latency, NULL);
	memory->fd = memfd_create("engine", MFD_CLOEXEC);
	assert(memory->fd >= 0);
	map_init(&memory->accounts);
	memory->room = UINT64_MAX;
	return &memory->engine;
}

/* ---- what tests do to it ---- */

void
engine_memory_set_latency(struct engine *engine, int milliseconds)
{
	struct memory *memory = memory_of(engine);
	pthread_mutex_lock(&memory->lock);
	memory->latency = milliseconds;
	pthread_cond_broadcast(&memory->other_latency);
	pthread_mutex_unlock(&memory->lock);
}

void
engine_memory_fail(struct engine *engine, enum engine_memory_call call,
	unsigned n, enum engine_memory_fault fault)
{
	struct memory *memory = memory_of(engine);
	assert(n > 0);
	pthread_mutex_lock(&memory->lock);
	assert(memory->fault_count < FAULT_LIMIT);
	memory->fault[memory->fault_count++] =
		(struct fault){ call, n, fault };
	pthread_mutex_unlock(&memory->lock);
}

void
engine_memory_take(struct engine *engine, uint64_t id)
{
	struct memory *memory = memory_of(engine);
	pthread_mutex_lock(&memory->lock);
	struct account *account = map_get(&memory->accounts, map_key_u64(&id));
	if (account != NULL)
		account->claim = NULL;
	pthread_mutex_unlock(&memory->lock);
}

void
engine_memory_set_room(struct engine *engine, uint64_t room, uint64_t reserve)
{
	struct memory *memory = memory_of(engine);
	pthread_mutex_lock(&memory->lock);
	memory->room = room;
	memory->reserve = reserve;
	pthread_mutex_unlock(&memory->lock);
}

uint64_t
engine_memory_calls(struct engine *engine, enum engine_memory_call call)
{
	struct memory *memory = memory_of(engine);
	pthread_mutex_lock(&memory->lock);
	uint64_t calls = memory->calls[call];
	pthread_mutex_unlock(&memory->lock);
	return calls;
}

static struct region *
must_find(struct memory *memory, uint64_t id, enum engine_object kind,
	uint64_t number)
{
	struct account *account = map_get(&memory->accounts, map_key_u64(&id));
	assert(account != NULL);
	struct region *region = find_region(account, kind, number);
	assert(region != NULL);
	return region;
}

void
engine_memory_damage(struct engine *engine, uint64_t account,
	enum engine_object kind, uint64_t number, uint64_t offset)
{
	struct memory *memory = memory_of(engine);
	char byte;
	pthread_mutex_lock(&memory->lock);
	struct region *region = must_find(memory, account, kind, number);
	assert(offset < region->size);
	ssize_t n = pread(memory->fd, &byte, 1, place(region, offset));
	byte ^= 4;
	n += pwrite(memory->fd, &byte, 1, place(region, offset));
	assert(n == 2);
	pthread_mutex_unlock(&memory->lock);
}

void
engine_memory_cut(struct engine *engine, uint64_t account,
	enum engine_object kind, uint64_t number, uint64_t size)
{
	struct memory *memory = memory_of(engine);
	pthread_mutex_lock(&memory->lock);
	struct region *region = must_find(memory, account, kind, number);
	assert(size <= region->size);
	punch(memory, region, size);
	region->size = size;
	pthread_mutex_unlock(&memory->lock);
}

void
engine_memory_lose(struct engine *engine, uint64_t account,
	enum engine_object kind, uint64_t number)
{
	struct memory *memory = memory_of(engine);
	pthread_mutex_lock(&memory->lock);
	struct region *region = must_find(memory, account, kind, number);
	struct account *owner = map_get(&memory->accounts,
		map_key_u64(&account));
	unlink_region(memory, owner, region);
	pthread_mutex_unlock(&memory->lock);
}
