/*
 * A message on its way through a process: bytes as they were received, in
 * memory up to MAIL_BODY_MEMORY, beyond that in an unlinked file inside the
 * jail. Never looked into and never changed here.
 */
#ifndef SERVE_MAIL_BODY_H
#define SERVE_MAIL_BODY_H

#include "base/buffer.h"
#include "base/error.h"
#include "serve/stream.h"
#include "store/store.h"

enum { MAIL_BODY_MEMORY = 1 << 20 };	/* unless .memory_limit is set lower */

struct mail_body {
	struct buffer memory;	/* all of it, unless there is a file */
	int file;		/* owned; -1: in memory */
	uint64_t offset;	/* where it begins in the file */
	uint64_t size;
	size_t memory_limit;
	int directory;		/* for the file; borrowed */
};

/* Empty. directory: where spill files are made (-1: memory only, more than
 * MAIL_BODY_MEMORY is then ERROR_FULL). */
void
mail_body_init(struct mail_body *body, int directory);

/* A body that stands in a file already; the descriptor stays the caller's for
 * as long as the body is used, which is not ended with mail_body_fini. */
void
mail_body_borrow(struct mail_body *body, int file, uint64_t offset,
	uint64_t size);

void
mail_body_fini(struct mail_body *body);

int
mail_body_add(struct mail_body *body, struct span bytes, struct error *error);

/* The caller has put n bytes at the end of .memory itself, to save a copy. */
int
mail_body_settle(struct mail_body *body, size_t n, struct error *error);

/*
 * Reads at most `most` bytes from a non-blocking descriptor straight into it:
 * >0 bytes, 0 end of file, -1 nothing there now, -2 the peer is gone or the
 * file could not be written (then error->code is not ERROR_NONE).
 */
ssize_t
mail_body_read(struct mail_body *body, int fd, size_t most,
	struct error *error);

/* The bytes as a piece for store_append. */
struct store_piece
mail_body_piece(const struct mail_body *body);

/* Puts the bytes on a stream. -1 when the file could not be read. */
int
mail_body_send(const struct mail_body *body, struct stream *stream,
	struct error *error);

#endif
