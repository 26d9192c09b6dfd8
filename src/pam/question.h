/*
 * What auth asks on the wire pam-question, one line each, and what is answered:
 *
 *	LOOKUP ID user=NAME | uid=N	OK ID user= uid= gid= home= shell=
 *					NOTFOUND ID; FAIL ID reason= (later)
 *	CHECK ID user= password=BASE64 [rip=] service=
 *					OK ID; FAIL ID reason= (no); LATER ID reason=
 *
 * The process that answers is a child of pam's for this one question.
 */
#ifndef PAM_QUESTION_H
#define PAM_QUESTION_H

#include "base/arena.h"
#include "base/buffer.h"

enum {
	QUESTION_PASSWORD_LIMIT = 1024,
};

enum question_kind {
	QUESTION_LOOKUP_USER,
	QUESTION_LOOKUP_UID,
	QUESTION_CHECK,
};

struct question {
	enum question_kind kind;
	struct span id;
	const char *user;		/* LOOKUP_USER, CHECK */
	uint32_t uid;			/* LOOKUP_UID */
	char password[QUESTION_PASSWORD_LIMIT + 1];	/* CHECK */
	const char *remote, *service;	/* CHECK; remote may be empty */
};

/*
 * Strings are in the arena, the password is not. False: it is no question, or a
 * user name that could be anything else than a name (proto/system_user.h).
 */
bool
question_parse(struct span line, struct arena *arena,
	struct question *question);

/* Forgets the password. */
void
question_fini(struct question *question);

/* Begins an answer; "key=value" may follow; then tabline_end. */
void
question_answer(const struct question *question, const char *word,
	struct buffer *out);

#endif
