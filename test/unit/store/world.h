/*
 * What the tests of the store share: a store on an engine in memory or on
 * files, short ways to say what is done to it, and its picture as text, which
 * must be the same after whatever does not change an account.
 */
#ifndef TEST_STORE_WORLD_H
#define TEST_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/engine.h"
#include "store/engine_memory.h"
#include "store/view.h"

enum { ALICE = 0xa11ce, BOB = 0xb0b };

struct world {
	bool is_memory;
	char path[64];
	struct store_options options;
	struct engine *engine;
	struct store *store;
	struct store_account *account;	/* Alice's, open */
};

void
world_start(struct world *world, bool is_memory);
void
world_end(struct world *world);

/* A directory and all that is in it. */
void
world_remove(const char *path);

/* Opens a store that the test has closed. */
void
world_reopen(struct world *world);
/* Closes the store (of files: the engine too) and opens it again. */
void
world_restart(struct world *world);
/* The same, with Alice's index lost in between. */
void
world_restart_without_index(struct world *world);

/* Everything there is to see in Alice's account. memory_free. */
char *
world_picture(struct world *world);
/* Restarts, with and without the index; the picture must stay the same. */
void
world_check_lasting(struct world *world);

/* Ids of mailboxes by name; 0 when there is none. */
uint32_t
world_mailbox(struct world *world, const char *name);
uint32_t
world_create(struct world *world, const char *name);

/* Stores a message with this text; its UID. Fails the test when it cannot. */
uint32_t
world_append(struct world *world, uint32_t mailbox, const char *text);
uint32_t
world_append_flags(struct world *world, uint32_t mailbox, const char *text,
	uint32_t system, const char *keyword);

/* "1:3,7" as a set; and as text, which lives until the next but seven. */
struct number_set
world_set(const char *text);
const char *
world_text(const struct number_set *set);

/* The UIDs of a mailbox as text. */
const char *
world_uids(struct world *world, uint32_t mailbox);

/* Flags: "seen deleted $Work" ... of a message, as text. */
const char *
world_flags(struct world *world, uint32_t mailbox, uint32_t uid);

/* The body of a message; memory_free. */
char *
world_body(struct world *world, uint32_t mailbox, uint32_t uid);

/* Each scenario in its own world, on both engines; then what lasts is checked. */
struct scenario {
	const char *name;
	void (*run)(struct world *world);
};
int
world_run(const struct scenario *scenarios, size_t count);

#endif
