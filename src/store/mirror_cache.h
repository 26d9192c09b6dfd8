/*
 * What a format knows of a folder, kept for the next process, so that it need
 * not read all messages again (doc/formats/mirror.md). It may be lost, and is
 * believed only when nothing in it is damaged and the format finds that it fits.
 */
#ifndef STORE_MIRROR_CACHE_H
#define STORE_MIRROR_CACHE_H

#include "store/mirror_folder.h"

/* Tells the format what was kept, right after the folder was opened. */
void
mirror_cache_load(struct mirror *mirror, struct mirror_folder *folder);

/* Keeps what there is to keep, if anything is new. */
void
mirror_cache_save(struct mirror *mirror, struct mirror_folder *folder);

/* The same when enough is new to be worth it. */
void
mirror_cache_note(struct mirror *mirror, struct mirror_folder *folder);

/* The mailbox is gone. */
void
mirror_cache_remove(struct mirror *mirror, uint32_t mailbox);

#endif
