/*
 * Arguments of IMAP commands, by the grammar of RFC 9051 9 (and RFC 3501 9 for
 * sessions that have not enabled IMAP4rev2). The input is a whole command as
 * imap_frame.h gives it, literals in place. Each function takes its piece off
 * the front of `rest`; spans point into the input or the arena.
 *
 * On false `problem` says what is wrong, as the text of a BAD response; the
 * first problem stays.
 */
#ifndef PROTO_IMAP_PARSE_H
#define PROTO_IMAP_PARSE_H

#include "base/arena.h"

enum {
	IMAP_PARSE_FLAG_LIMIT = 256,	/* flags in one list */
	IMAP_PARSE_FETCH_LIMIT = 256,	/* items of one FETCH */
	IMAP_PARSE_PATH_LIMIT = 64,	/* numbers of a part path */
	IMAP_PARSE_FIELD_LIMIT = 256,	/* names in HEADER.FIELDS */
	IMAP_PARSE_PAIR_LIMIT = 30,	/* RFC 2971 3.3 */
};

struct imap_parse {
	struct span rest;
	struct arena *arena;
	bool is_utf8;		/* IMAP4rev2 or UTF8=ACCEPT is enabled */
	const char *problem;
};

void
imap_parse_init(struct imap_parse *parse, struct span command,
	struct arena *arena, bool is_utf8);

/* Sets the problem unless there is one; returns false. */
bool
imap_parse_fail(struct imap_parse *parse, const char *problem);

/* "tag SP command" off the front; *name keeps its case. */
bool
imap_parse_command(struct imap_parse *parse, struct span *tag,
	struct span *name);

/* Nothing may be left. */
bool
imap_parse_end(struct imap_parse *parse);
bool
imap_parse_is_at_end(const struct imap_parse *parse);

/* Exactly this byte; is_next only looks. */
bool
imap_parse_byte(struct imap_parse *parse, char c);
bool
imap_parse_is_next(const struct imap_parse *parse, char c);
bool
imap_parse_space(struct imap_parse *parse);

/* Takes the text in any case if it is next and returns true; else nothing
 * happens (no problem is set). Says nothing about what follows it. */
bool
imap_parse_skip(struct imap_parse *parse, const char *text);

bool
imap_parse_atom(struct imap_parse *parse, struct span *atom);
/* Quoted string or literal (a literal8 is not one). */
bool
imap_parse_string(struct imap_parse *parse, struct span *string);
bool
imap_parse_astring(struct imap_parse *parse, struct span *string);
/* NIL gives data == NULL. */
bool
imap_parse_nstring(struct imap_parse *parse, struct span *string);

/* number, nz-number, and number64 (below 2^63); no sign, no blank. */
bool
imap_parse_number(struct imap_parse *parse, uint32_t *number);
bool
imap_parse_nz_number(struct imap_parse *parse, uint32_t *number);
bool
imap_parse_number64(struct imap_parse *parse, uint64_t *number);

/*
 * The text of a sequence-set, or "$" (SEARCHRES); its characters only: what
 * "*" means is known with a mailbox (number_set_parse).
 */
bool
imap_parse_sequence_set(struct imap_parse *parse, struct span *text);

/*
 * A mailbox name as UTF-8, NFC; INBOX in any case is "INBOX". A name that is
 * not what the session's encoding allows (modified UTF-7, or UTF-8) gives
 * data == NULL: the syntax is right, there can be no such mailbox.
 */
bool
imap_parse_mailbox(struct imap_parse *parse, struct span *name);

/* list-mailbox: as above, with wildcards, and without INBOX made equal. */
bool
imap_parse_list_mailbox(struct imap_parse *parse, struct span *pattern);

/* The name of a mailbox, decoded; what the two above do with their string. */
struct span
imap_parse_decode_mailbox(struct imap_parse *parse, struct span string);

/* ---- flags ---- */

struct imap_parse_flags {
	uint32_t system;		/* enum imap_parse_flag */
	const struct span *keyword;	/* each once, in the arena */
	size_t keyword_count;
	bool has_unknown;		/* a \flag that nobody knows */
	bool has_recent;		/* \Recent, which nobody can set */
};

/* The bits are those of enum store_flag. */
enum imap_parse_flag {
	IMAP_FLAG_SEEN = 1, IMAP_FLAG_ANSWERED = 2, IMAP_FLAG_FLAGGED = 4,
	IMAP_FLAG_DELETED = 8, IMAP_FLAG_DRAFT = 16,
};

/* "(\Seen $Junk)". */
bool
imap_parse_flag_list(struct imap_parse *parse, struct imap_parse_flags *flags);
/* STORE: with or without parentheses, to the end of the command. */
bool
imap_parse_store_flags(struct imap_parse *parse,
	struct imap_parse_flags *flags);

/* ---- FETCH ---- */

enum imap_section_text {
	IMAP_SECTION_ALL, IMAP_SECTION_HEADER, IMAP_SECTION_FIELDS,
	IMAP_SECTION_FIELDS_NOT, IMAP_SECTION_TEXT, IMAP_SECTION_MIME,
};

/* What stands in BODY[...]. */
struct imap_section {
	uint32_t *path;
	size_t path_count;
	enum imap_section_text text;
	struct span *field;		/* HEADER.FIELDS */
	size_t field_count;
};

enum imap_fetch_kind {
	IMAP_FETCH_FLAGS, IMAP_FETCH_ENVELOPE, IMAP_FETCH_INTERNALDATE,
	IMAP_FETCH_RFC822, IMAP_FETCH_RFC822_HEADER, IMAP_FETCH_RFC822_TEXT,
	IMAP_FETCH_RFC822_SIZE, IMAP_FETCH_BODY, IMAP_FETCH_BODYSTRUCTURE,
	IMAP_FETCH_SECTION, IMAP_FETCH_BINARY, IMAP_FETCH_BINARY_SIZE,
	IMAP_FETCH_UID, IMAP_FETCH_MODSEQ,
};

struct imap_fetch_item {
	enum imap_fetch_kind kind;
	bool is_peek;			/* SECTION, BINARY */
	bool is_partial;		/* <offset.size> */
	uint64_t offset, size;
	struct imap_section section;	/* SECTION, BINARY, BINARY_SIZE */
};

/* Items or a macro (ALL, FAST, FULL are expanded). In the arena. */
bool
imap_parse_fetch_items(struct imap_parse *parse,
	struct imap_fetch_item **items, size_t *count);

#endif
