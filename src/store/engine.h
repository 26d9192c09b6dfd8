/*
 * What is below the log: claim an account (owner and epoch), append fenced by
 * that epoch, read, seal, list, hint. The embedded default is `files`; `memory`
 * is the one tests run on, with latency, failures and lost claims; a cluster's
 * engine comes behind the same door.
 *
 * Objects of an account: segments (append-only, numbered, sealed by never
 * being appended to again) and bodies (written once, by number).
 */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include <sys/uio.h>

#include "base/error.h"
#include "base/span.h"

struct engine;
struct engine_claim;	/* this process's right to one account */

struct engine_list {	/* ascending; memory_free by the caller */
	uint64_t *number;
	size_t count;
};

enum engine_object { ENGINE_SEGMENT, ENGINE_BODY };

/* An object pinned for reading; readable even after remove until unpinned. */
struct engine_pin {
	int fd;
	uint64_t offset;	/* of the object's first byte in fd */
	uint64_t size;		/* bytes durable when it was pinned */
	void *own;
};

struct engine_functions {
	/* GONE without create; LOST_CLAIM when another process has it. The epoch
	 * is larger than any earlier claim's, or 0: the engine fences by other
	 * means, and the log counts epochs in its marks. */
	int (*claim)(struct engine *engine, uint64_t account, bool create,
		struct engine_claim **claim, uint64_t *epoch,
		struct error *error);
	void (*release)(struct engine_claim **claim);
	int (*list)(struct engine_claim *claim, enum engine_object kind,
		struct engine_list *list, struct error *error);
	/* Makes an empty object whose name is durable. EXISTS when it is there. */
	int (*create)(struct engine_claim *claim, enum engine_object kind,
		uint64_t number, struct error *error);
	/* At exactly `offset`, which is the end. Durable when it returns 0. On
	 * -1 nothing, part or all of it may be there. ERROR_FULL: it came up
	 * short, and after a truncate the object may be appended to again.
	 * Any other code: what is on disk is unknown and the object must not
	 * be appended to again. */
	int (*append)(struct engine_claim *claim, enum engine_object kind,
		uint64_t number, uint64_t offset, const struct iovec *pieces,
		int count, struct error *error);
	/* Never grows. Durable when it returns 0. */
	int (*truncate)(struct engine_claim *claim, enum engine_object kind,
		uint64_t number, uint64_t size, struct error *error);
	int (*pin)(struct engine_claim *claim, enum engine_object kind,
		uint64_t number, struct engine_pin *pin, struct error *error);
	void (*unpin)(struct engine_pin *pin);
	/* Gone after a crash or not, both are fine. */
	int (*remove)(struct engine_claim *claim, enum engine_object kind,
		uint64_t number, struct error *error);
	/* Bytes that can still be written, the reserve not counted. */
	uint64_t (*room)(struct engine *engine);
	/* Gives up the space held back for what frees space; false when there
	 * is none left. It is taken back when there is plenty of room. */
	bool (*spend_reserve)(struct engine *engine);
	/* A directory for this process's caches of the account (index.db);
	 * borrowed fd, or -1 when caches live in memory. */
	int (*cache_directory)(struct engine_claim *claim);
	/* All of the account, which nobody may have claimed (LOST_CLAIM). */
	int (*destroy)(struct engine *engine, uint64_t account,
		struct error *error);
	void (*close)(struct engine **engine);
};

/* First member of every engine. */
struct engine {
	const struct engine_functions *call;
};

/* Accounts as directories below `path`; see doc/formats/account.md. */
int
engine_files_open(const char *path, struct engine **engine,
	struct error *error);

/* In memory; injected behaviour is in store/engine_memory.h. */
struct engine *
engine_memory_new(void);

#endif
