/*
 * Which message of the log is which of the files: by key, and of several with
 * one key the first is the first. No I/O, no state.
 */
#ifndef STORE_MIRROR_MATCH_H
#define STORE_MIRROR_MATCH_H

#include "store/block.h"
#include "store/format.h"

#define MIRROR_NONE SIZE_MAX

/* of[i] becomes the entry that slot i is, or MIRROR_NONE; and back. */
void
mirror_match(const struct slot *slot, size_t slot_count,
	const struct format_entry *entry, size_t entry_count, size_t *of,
	size_t *back);

#endif
