/*
 * CHECK: is this the password of a system user, asked of PAM as service
 * "posthouse": authentication and account management, and no session. PAM's
 * modules are whatever the administrator configured; they see one password and
 * may hang, or die, or ask for things that nobody can answer.
 */
#ifndef PAM_CHECK_H
#define PAM_CHECK_H

#include <security/pam_appl.h>

#include "pam/question.h"

enum {
	CHECK_MESSAGE_LIMIT = 32,	/* of one call of a module */
	CHECK_PROMPT_LIMIT = 8,		/* answers, all together */
};

/* Appends the answer without its end. May hang for ever: run in a child. */
void
check_answer(const struct question *question, struct buffer *out);

/* ---- for check_answer and its test ---- */

/* What a conversation knows; appdata_ptr of struct pam_conv. */
struct check_talk {
	const char *user, *password;
	unsigned prompts;		/* answered so far */
};

/*
 * The application's side of a conversation (pam_conv(3)): the password where
 * something secret is asked for, the user name where something else is, and
 * nothing to a message. PAM_CONV_ERR beyond the limits, and for what is none.
 */
int
check_converse(int count, const struct pam_message **messages,
	struct pam_response **responses, void *talk);

enum check_verdict { CHECK_RIGHT, CHECK_WRONG, CHECK_BARRED, CHECK_LATER };

/*
 * What PAM's number means: is_account for pam_acct_mgmt. BARRED: the password is
 * right, and the user may not come in all the same. What says nothing about the
 * password is LATER: a module that is missing must not look like a typing error.
 */
enum check_verdict
check_judge(int number, bool is_account);

#endif
