/*
 * The engine that tests run on, and what can be done to it: latency, failures
 * at a chosen call, lost claims, a full disk, damage. Everything is durable
 * at once and lives as long as the engine. Thread-safe.
 */
#ifndef STORE_ENGINE_MEMORY_H
#define STORE_ENGINE_MEMORY_H

#include "store/engine.h"

enum engine_memory_call {
	ENGINE_MEMORY_CLAIM, ENGINE_MEMORY_LIST, ENGINE_MEMORY_CREATE,
	ENGINE_MEMORY_APPEND, ENGINE_MEMORY_TRUNCATE, ENGINE_MEMORY_PIN,
	ENGINE_MEMORY_REMOVE, ENGINE_MEMORY_CALL_COUNT,
};

enum engine_memory_fault {
	ENGINE_MEMORY_BEFORE,	/* ERROR_SYSTEM, nothing done */
	ENGINE_MEMORY_AFTER,	/* ERROR_SYSTEM, all done: a sync failed */
	ENGINE_MEMORY_PART,	/* ERROR_FULL, half of an append is there */
	ENGINE_MEMORY_TAKEN,	/* the claim is lost to another process */
};

/* Calls that write take this long, in milliseconds. */
void
engine_memory_set_latency(struct engine *engine, int milliseconds);

/* The n-th call of that kind from now on fails so (1: the next). */
void
engine_memory_fail(struct engine *engine, enum engine_memory_call call,
	unsigned n, enum engine_memory_fault fault);

/* Another process takes the account: the present claim is lost. */
void
engine_memory_take(struct engine *engine, uint64_t account);

/* Appends beyond this many bytes come up short; the reserve adds to it once
 * it is spent. UINT64_MAX: no limit. */
void
engine_memory_set_room(struct engine *engine, uint64_t room, uint64_t reserve);

/* Calls of that kind so far. */
uint64_t
engine_memory_calls(struct engine *engine, enum engine_memory_call call);

/* Flips a bit of an object, cuts it, loses it: what a disk does. */
void
engine_memory_damage(struct engine *engine, uint64_t account,
	enum engine_object kind, uint64_t number, uint64_t offset);
void
engine_memory_cut(struct engine *engine, uint64_t account,
	enum engine_object kind, uint64_t number, uint64_t size);
void
engine_memory_lose(struct engine *engine, uint64_t account,
	enum engine_object kind, uint64_t number);

#endif
