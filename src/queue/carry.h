/*
 * One attempt at one message of the spool: into mailboxes, or to the relay. A
 * session without a descriptor of its own; while the relay works it is parked
 * on the wire and holds no thread, so hundreds of slow hosts cost no worker.
 */
#ifndef QUEUE_CARRY_H
#define QUEUE_CARRY_H

#include "queue/spool.h"

struct queue;

/* A message still in memory after it was put into the spool, for those parts
 * of it that are tried at once. */
struct parcel;

/* Takes the arena that everything of the envelope lives in and the body, both
 * of which are left empty. */
struct parcel *
parcel_new(struct queue *queue, struct arena *arena, struct mail_body *body);
/* After all parts were given to carry_start_part. */
void
parcel_drop(struct parcel **parcel);

/* True while the messages held in memory are not too many bytes. */
bool
parcel_may_be_new(const struct queue *queue, uint64_t size);

/* The row is taken and started: both give it back when they are done. */
void
carry_start(struct queue *queue, struct queued *row);
void
carry_start_part(struct queue *queue, const struct spool_part *part,
	struct parcel *parcel);

#endif
