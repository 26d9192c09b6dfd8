/*
 * The two forms of a message: in an mbox (LF, "From " quoted with '>', status
 * fields in its header, an empty line behind it) and on the wire (CRLF, none
 * of these). What one function writes the other reads back the same, but for
 * what a mailbox of text cannot hold: a last line without end gets one, a
 * header without its empty line too, a CR before CRLF is lost, and fields of
 * mbox_fields.h and "From " lines in a header are left out.
 */
#ifndef STORE_MBOX_CONTENT_H
#define STORE_MBOX_CONTENT_H

#include "store/mbox_scan.h"

/* Adds the wire's form of the first message in `raw`, which mbox_scanner_next
 * found there. */
void
mbox_content_read(struct span raw, const struct mbox_message *message,
	struct buffer *out);

/* Takes what is written; -1 with error ends it. */
typedef int mbox_sink(void *context, struct span bytes, struct error *error);

/* Facts of a message to be written, from one reading of it. */
struct mbox_measure {
	char sender[MBOX_SENDER_LIMIT];	/* of its Return-Path */
	size_t sender_size;
	uint64_t length;	/* of its body in the file */
	bool has_sender, has_nul;
};
int
mbox_content_measure(const struct mbox_source *wire,
	struct mbox_measure *measure, struct error *error);

struct mbox_writing {
	const struct mbox_source *wire;
	const struct mbox_measure *measure;
	const struct store_flags *flags;
	int64_t date;		/* of the From_ line */
	mbox_sink *sink;
	void *context;
};
int
mbox_content_write(const struct mbox_writing *writing,
	uint8_t key[FORMAT_KEY_SIZE], struct error *error);

#endif
