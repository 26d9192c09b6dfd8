/*
 * What an IMAP server says, for a client (RFC 9051 7, RFC 3501 7): one response
 * as imap_frame.h frames it, which is the same for both directions. A server is
 * a stranger: what is not understood is IMAP_ANSWER_OTHER or skipped, and every
 * count is bounded.
 *
 * A message's text is not kept with its response: when the framer announces a
 * literal and imap_answer_wants_literal says that it is such a text, the client
 * lets it pass, and goes on with imap_answer_continue when the rest is there.
 */
#ifndef PROTO_IMAP_ANSWER_H
#define PROTO_IMAP_ANSWER_H

#include "base/arena.h"
#include "proto/imap_parse.h"

enum imap_answer_kind {
	IMAP_ANSWER_TAGGED,	/* .tag, .condition, .code, .text */
	IMAP_ANSWER_CONDITION,	/* untagged OK NO BAD BYE PREAUTH: the same */
	IMAP_ANSWER_CONTINUE,	/* "+": .text */
	IMAP_ANSWER_CAPABILITY,	/* .text: the words */
	IMAP_ANSWER_LIST,	/* .list */
	IMAP_ANSWER_LSUB,	/* .list */
	IMAP_ANSWER_STATUS,	/* .list.raw and .list.name, .text: "(...)" */
	IMAP_ANSWER_EXISTS,	/* .number */
	IMAP_ANSWER_EXPUNGE,	/* .number */
	IMAP_ANSWER_FETCH,	/* .number, .fetch */
	IMAP_ANSWER_OTHER,
};

enum imap_answer_condition {
	IMAP_CONDITION_OK, IMAP_CONDITION_NO, IMAP_CONDITION_BAD,
	IMAP_CONDITION_BYE, IMAP_CONDITION_PREAUTH,
};

struct imap_answer_list {
	struct span raw;	/* the name as the server writes it */
	struct span name;	/* as UTF-8; data == NULL: it is not one */
	char delimiter;		/* 0: NIL */
	bool is_noselect;	/* \Noselect or \NonExistent */
	bool is_subscribed;
};

struct imap_answer_fetch {
	uint32_t uid;
	bool has_flags, has_size, has_date, has_body;
	struct imap_parse_flags flags;
	uint64_t size;
	int64_t date;
	int zone;
	struct span body;	/* when it did not come as a literal */
};

struct imap_answer {
	enum imap_answer_kind kind;
	struct span tag;
	enum imap_answer_condition condition;
	struct span code, argument;	/* "UIDVALIDITY", "17" */
	struct span text;
	uint32_t number;
	struct imap_answer_list list;
	struct imap_answer_fetch fetch;
};

/* Spans point into the response or the arena. False: it is no response. */
bool
imap_answer_parse(struct arena *arena, struct span response,
	struct imap_answer *answer);

/*
 * Is the literal that ends `response` ("...{12}CRLF") the text of a message?
 * *answer is then what came before it, in the arena altogether.
 */
bool
imap_answer_wants_literal(struct arena *arena, struct span response,
	struct imap_answer *answer);

/* What came behind that literal. */
bool
imap_answer_continue(struct arena *arena, struct span rest,
	struct imap_answer *answer);

/* A number of a STATUS: "(MESSAGES 5 UIDNEXT 17)"; false when it is not there. */
bool
imap_answer_status_number(const struct imap_answer *answer, const char *name,
	uint64_t *number);

/* Is the word among those of CAPABILITY? */
bool
imap_answer_has_word(struct span words, const char *word);

#endif
