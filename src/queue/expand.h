/*
 * From a recipient's address to the accounts and other hosts that it stands
 * for: EXPAND on auth-user (ARCHITECTURE.md 2.2), remembered as long as nothing
 * changed there.
 */
#ifndef QUEUE_EXPAND_H
#define QUEUE_EXPAND_H

#include "base/arena.h"
#include "base/map.h"
#include "queue/envelope.h"
#include "queue/health.h"
#include "serve/wire.h"

enum {
	EXPAND_WAIT = 5000,		/* ms for auth, at most */
	EXPAND_CACHE_LIMIT = 16384,	/* addresses remembered */
	EXPAND_CACHE_TARGETS = 64,	/* longer expansions are not remembered */
	EXPAND_TARGET_LIMIT = 20000,	/* of one address */
};

struct target {
	bool is_local, is_program;
	bool is_final;			/* local: his mailbox, without .forward */
	uint64_t account, quota;	/* local ones */
	struct program_place program;
	struct span sender;		/* reverse-path of a list's owner, or empty */
	struct span address;
};

enum expand_verdict { EXPAND_LATER, EXPAND_OK, EXPAND_UNKNOWN };

struct expansion {
	struct span address;		/* in */
	enum expand_verdict verdict;
	struct target *target;		/* in the arena */
	size_t count, room;
	bool is_brief;			/* true for some seconds only */
};

struct expand_cache {
	pthread_mutex_t lock;		/* of all */
	struct map entries;
	uint64_t generation;		/* of auth's data, when it was filled */
};

/* One for the process. */
struct expander {
	struct wire_pool *pool;		/* "auth-user" */
	struct health health;
	struct expand_cache cache;
};

void
expander_init(struct expander *expander, struct lot *lot);
void
expander_fini(struct expander *expander);

/*
 * Expands `count` addresses; verdicts and targets are filled in. LATER where
 * auth is away, busy or did not answer until EXPAND_WAIT was over.
 */
void
expand_all(struct expander *expander, struct arena *arena,
	struct expansion *expansion, size_t count);

enum { EXPAND_FORWARD_SIZE = 400 };	/* bytes of a reverse-path */

/*
 * The reverse-path for mail of this sender that an alias forwards elsewhere; in
 * the arena. Empty: as it is, or auth did not say.
 */
struct span
expand_forward(struct expander *expander, struct arena *arena,
	struct span sender);

/* ---- its parts, for tests ---- */

/*
 * One answer line ("MORE\t7\tlocal=...", "OK\t7\t...", "NOTFOUND\t7",
 * "FAIL\t7"). Puts targets into the expansion that the id names (counted from
 * 1). Returns true and sets *is_final as read; false when it is no such line.
 */
bool
expand_take_answer(struct span line, struct arena *arena,
	struct expansion *expansion, size_t count, bool *is_final);

void
expand_cache_init(struct expand_cache *cache);
void
expand_cache_fini(struct expand_cache *cache);
/* True when it was there and `generation` is the one it was filled at. */
bool
expand_cache_get(struct expand_cache *cache, uint64_t generation,
	struct arena *arena, struct expansion *expansion);
void
expand_cache_put(struct expand_cache *cache, uint64_t generation,
	const struct expansion *expansion);

#endif
