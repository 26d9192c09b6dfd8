/*
 * Sources of accounts that other processes ask: directories (`ldap`, `pgsql`).
 * A question is one line on a wire (ARCHITECTURE.md 2.10); what is answered is
 * kept for seconds, and an account that was there is kept for an hour for mail,
 * should its source be away. Runs in auth, which believes of an answer what it
 * can check. Everything locks for itself.
 */
#ifndef AUTH_QUESTION_H
#define AUTH_QUESTION_H

#include "base/arena.h"
#include "base/error.h"
#include "proto/tabline.h"

enum {
	QUESTION_LOOKUP_WAIT = 2500,	/* ms; below what queue has patience for */
	QUESTION_CHECK_WAIT = 5000,	/* ms */
	QUESTION_FOUND_FRESH = 10000,	/* ms an account is not asked for again */
	QUESTION_NOT_FOUND_FRESH = 3000,
	QUESTION_STALE = 3600000,	/* ms it is still good for mail */
	QUESTION_REST = 1000,		/* ms nobody asks one that was away */
	QUESTION_KEPT_LIMIT = 10000,	/* names of a source (at most twice) */
	QUESTION_HASH_LIMIT = 1024,
};

/*
 * Sends one request line to the process that asks sources of this kind, and
 * reads the line that answers it, into the arena. -1: there is no answer.
 */
typedef int question_call_fn(const char *kind, unsigned place,
	struct span request, int wait, struct arena *arena,
	struct tabline *answer, struct error *error);

struct question_source;

/* path: "FILE" of the list. place: among those of its kind, from 0. */
struct question_source *
question_source_new(struct span kind, struct span path, unsigned place,
	question_call_fn *call);
void
question_source_free(struct question_source **source);

bool
question_source_is(const struct question_source *source, struct span kind,
	struct span path);

/* After a reload: nothing is kept but what is good for mail. */
void
question_source_move(struct question_source *source, unsigned place);

enum question_verdict { QUESTION_FOUND, QUESTION_NOT_FOUND, QUESTION_LATER };

struct question_answer {
	enum question_verdict verdict;
	bool is_stale;			/* of before; good for mail only */
	bool can_check;			/* question_check knows the password */
	bool can_update;		/* question_update may replace the hash */
	bool has_quota;
	uint64_t quota;
	struct span hash;		/* in the arena; empty: nobody logs in */
};

/* LATER fills in the error. now: monotonic ms. Blocks for QUESTION_LOOKUP_WAIT
 * at most. */
void
question_ask(struct question_source *source, struct span normalised,
	int64_t now, struct arena *arena, struct question_answer *answer,
	struct error *error);

/* FOUND: this is the password. Blocks for QUESTION_CHECK_WAIT at most. */
enum question_verdict
question_check(struct question_source *source, struct span normalised,
	struct span password, struct error *error);

/* Puts another hash in place of the one that it had when it was asked. */
int
question_update(struct question_source *source, struct span normalised,
	struct span old, struct span hash, struct error *error);

#endif
