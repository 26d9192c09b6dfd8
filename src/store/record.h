/*
 * Payloads of an account's records: bytes to structs and back. Format and
 * meaning: doc/formats/records.md. No I/O, no state.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "store/codec.h"
#include "store/store.h"

enum record_kind {
	RECORD_MESSAGE = 1, RECORD_PLACE, RECORD_FLAGS, RECORD_EXPUNGE,
	RECORD_COPY, RECORD_MAILBOXES, RECORD_MAILBOX_GONE, RECORD_BASE,
	RECORD_KEYWORD, RECORD_ANNOTATION,
	RECORD_STATE_BEGIN = 16, RECORD_STATE_MAILBOX, RECORD_STATE_BLOCKS,
	RECORD_STATE_ANNOTATIONS, RECORD_STATE_END,
	RECORD_MOVED, RECORD_FOUND, RECORD_DELIVERED,
	RECORD_LAST = RECORD_DELIVERED,
};

enum record_form { RECORD_INLINE, RECORD_BIG };

/* What stands before the body, or instead of it. */
struct record_message {
	enum record_form form;
	uint64_t size;
	uint64_t number;		/* of the body object, RECORD_BIG */
};
enum { RECORD_MESSAGE_SIZE = 16, RECORD_MESSAGE_BIG_SIZE = 24 };

void
record_put_message(char out[RECORD_MESSAGE_BIG_SIZE],
	const struct record_message *message);
/* From the first bytes of a payload of this size. */
bool
record_get_message(struct span bytes, uint64_t payload_size,
	struct record_message *message);

struct record_place {
	uint32_t mailbox, uid;
	uint64_t email, size, flags;
	int64_t date, saved;		/* seconds */
	int zone;
	struct span transaction;	/* borrowed; empty: none */
};
void
record_put_place(struct buffer *out, const struct record_place *place);
bool
record_get_place(struct span bytes, struct record_place *place);

/* A placement whose body is in a file of other programs. */
enum { RECORD_KEY_SIZE = 16 };
struct record_found {
	uint32_t mailbox, uid;
	uint64_t email;			/* 0: the record's modseq */
	uint64_t size, flags;
	int64_t date, saved;		/* seconds */
	int zone;
	const uint8_t *key;		/* RECORD_KEY_SIZE, borrowed */
};
void
record_put_found(struct buffer *out, const struct record_found *found);
bool
record_get_found(struct span bytes, struct record_found *found);

/* A transaction whose message went into such a file. */
struct record_delivered {
	uint32_t mailbox;
	int64_t second;
	struct span transaction;	/* borrowed */
};
void
record_put_delivered(struct buffer *out,
	const struct record_delivered *delivered);
bool
record_get_delivered(struct span bytes, struct record_delivered *delivered);

/* Sets have been initialised, and belong to the caller. */
struct record_flags {
	uint32_t mailbox;
	enum store_change change;
	uint64_t flags;
	struct number_set uids;
};
void
record_put_flags(struct buffer *out, const struct record_flags *flags);
bool
record_get_flags(struct span bytes, struct record_flags *flags);

struct record_expunge {
	uint32_t mailbox;
	struct number_set uids;
};
void
record_put_expunge(struct buffer *out, const struct record_expunge *expunge);
bool
record_get_expunge(struct span bytes, struct record_expunge *expunge);

struct record_copy {
	uint32_t from, to, first;	/* first UID given */
	bool is_move;
	int64_t saved;
	struct number_set uids;
};
void
record_put_copy(struct buffer *out, const struct record_copy *copy);
bool
record_get_copy(struct span bytes, struct record_copy *copy);

/* A row of the list of mailboxes. */
enum record_entry_flag {
	RECORD_SUBSCRIBED = 1, RECORD_NAME_ONLY = 2, RECORD_AS_IN_BASE = 4,
};
struct record_entry {
	uint32_t id;
	unsigned what;			/* enum record_entry_flag */
	uint32_t uid_validity, uid_next;
	uint64_t modseq;
	unsigned use;			/* these two not with AS_IN_BASE */
	struct span name;		/* borrowed */
};
void
record_put_entry(struct buffer *out, const struct record_entry *entry);
/* One of several: the reader goes on behind it. */
void
record_get_entry(struct codec_reader *reader, struct record_entry *entry);

struct record_keyword {
	uint32_t mailbox;
	unsigned number;
	struct span name;		/* borrowed */
};
void
record_put_keyword(struct buffer *out, const struct record_keyword *keyword);
bool
record_get_keyword(struct span bytes, struct record_keyword *keyword);

struct record_annotation {
	uint32_t mailbox, uid;
	struct span bytes;		/* borrowed */
};
void
record_put_annotation(struct buffer *out,
	const struct record_annotation *annotation);
bool
record_get_annotation(struct span bytes,
	struct record_annotation *annotation);

/* Of a moved record: a placement whose body is in another message record now. */
struct record_moved {
	uint64_t email, record;		/* modseq of the message record */
	uint32_t mailbox, uid;
};
struct record_moved_reader {
	struct codec_reader codec;
	uint64_t bodies, placements;	/* left */
	struct record_moved body;
};
/* What one body begins with; `placements` pairs of mailbox and UID follow. A
 * record is the number of bodies and the bodies. */
void
record_put_moved_body(struct buffer *out, uint64_t email, uint64_t record,
	size_t placements);
void
record_put_moved_placement(struct buffer *out, uint32_t mailbox, uint32_t uid);
void
record_moved_init(struct record_moved_reader *reader, struct span bytes);
/* False at the end, or when it is damaged: codec_reader_is_done tells. */
bool
record_moved_next(struct record_moved_reader *reader,
	struct record_moved *moved);

#endif
