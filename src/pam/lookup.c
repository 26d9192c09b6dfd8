/* See lookup.h. */
#include "pam/lookup.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "proto/system_user.h"
#include "proto/tabline.h"

enum { TEXTS_SIZE = 65536 };

/* Without an entry these are what different name services say: "no". */
static bool
is_nobody(int number)
{
	return number == 0 || number == ENOENT || number == ESRCH;
}

static int
find(const struct question *question, struct passwd *user, char *texts,
	struct passwd **found)
{
	return question->kind == QUESTION_LOOKUP_UID ?
		getpwuid_r(question->uid, user, texts, TEXTS_SIZE, found) :
		getpwnam_r(question->user, user, texts, TEXTS_SIZE, found);
}

static void
answer_found(const struct question *question, const struct passwd *user,
	struct buffer *out)
{
	question_answer(question, "OK", out);
	tabline_add_pair(out, "user", span_from(user->pw_name));
	buffer_print(out, "\tuid=%u\tgid=%u", (unsigned)user->pw_uid,
		(unsigned)user->pw_gid);
	tabline_add_pair(out, "home", span_from(user->pw_dir));
	tabline_add_pair(out, "shell", span_from(user->pw_shell));
}

void
lookup_answer(const struct question *question, struct buffer *out)
{
	static char texts[TEXTS_SIZE];
	struct passwd user, *found = NULL;
	int number = find(question, &user, texts, &found);
	/* A name that another name service made up is not one of ours. */
	if (found != NULL && system_user_is_name(span_from(found->pw_name))) {
		answer_found(question, found, out);
	} else if (found != NULL || is_nobody(number)) {
		question_answer(question, "NOTFOUND", out);
	} else {
		question_answer(question, "FAIL", out);
		tabline_add_pair(out, "reason", span_from(strerror(number)));
	}
}
