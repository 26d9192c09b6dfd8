/* See check.h. */
#include "pam/check.h"

#include <string.h>

#include "base/memory.h"
#include "proto/tabline.h"

/* ---- the conversation ---- */

/* PAM frees what it is given with free(3). */
static char *
copy_answer(const struct pam_message *message, struct check_talk *talk)
{
	switch (message->msg_style) {
	case PAM_PROMPT_ECHO_OFF:
		talk->prompts++;
		return memory_copy_string(talk->password);
	case PAM_PROMPT_ECHO_ON:
		talk->prompts++;
		return memory_copy_string(talk->user);
	default:
		return NULL;
	}
}

static bool
is_known(int style)
{
	return style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON ||
		style == PAM_ERROR_MSG || style == PAM_TEXT_INFO;
}

int
check_converse(int count, const struct pam_message **messages,
	struct pam_response **responses, void *context)
{
	struct check_talk *talk = context;
	if (count < 1 || count > CHECK_MESSAGE_LIMIT || messages == NULL)
		return PAM_CONV_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i] == NULL || !is_known(messages[i]->msg_style))
			return PAM_CONV_ERR;
	if (talk->prompts + (unsigned)count > CHECK_PROMPT_LIMIT)
		return PAM_CONV_ERR;
	*responses = memory_new((size_t)count * sizeof(**responses));
	for (int i = 0; i < count; i++)
		(*responses)[i].resp = copy_answer(messages[i], talk);
	return PAM_SUCCESS;
}

/* auth says how long a reply is kept back, and without a process. */
static void
do_not_delay(int status, unsigned delay, void *context)
{
	(void)status;
	(void)delay;
	(void)context;
}

/* ---- verdicts ---- */

static enum check_verdict
judge_account(int number)
{
	switch (number) {
	case PAM_SUCCESS:
		return CHECK_RIGHT;
	case PAM_ACCT_EXPIRED:
	case PAM_NEW_AUTHTOK_REQD:
	case PAM_AUTHTOK_EXPIRED:
	case PAM_CRED_EXPIRED:
	case PAM_PERM_DENIED:
	case PAM_AUTH_ERR:
	case PAM_USER_UNKNOWN:
		return CHECK_BARRED;
	default:
		return CHECK_LATER;
	}
}

enum check_verdict
check_judge(int number, bool is_account)
{
	if (is_account)
		return judge_account(number);
	switch (number) {
	case PAM_SUCCESS:
		return CHECK_RIGHT;
	case PAM_AUTH_ERR:
	case PAM_USER_UNKNOWN:
	case PAM_MAXTRIES:
	case PAM_PERM_DENIED:
	case PAM_CRED_INSUFFICIENT:
	case PAM_ACCT_EXPIRED:
		return CHECK_WRONG;
	default:
		return CHECK_LATER;
	}
}

/* ---- asking ---- */

/* A module may have put another name in the place of the one that was asked
 * for; whose password it was then is not who is let in. */
static bool
is_same_user(pam_handle_t *pam, const struct question *question)
{
	const void *user = NULL;
	return pam_get_item(pam, PAM_USER, &user) == PAM_SUCCESS &&
		user != NULL && strcmp(user, question->user) == 0;
}

static int
set_items(pam_handle_t *pam, const struct question *question)
{
	union {
		void (*function)(int status, unsigned delay, void *context);
		const void *item;
	} delay = { .function = do_not_delay };
	int number = pam_set_item(pam, PAM_FAIL_DELAY, delay.item);
	if (number == PAM_SUCCESS && question->remote[0] != '\0')
		number = pam_set_item(pam, PAM_RHOST, question->remote);
	/* Modules that want one; there is no terminal. */
	if (number == PAM_SUCCESS)
		number = pam_set_item(pam, PAM_TTY, "posthouse");
	return number;
}

static enum check_verdict
ask(pam_handle_t *pam, const struct question *question, int *number)
{
	/* Without the flag a user whose password is empty would be let in with
	 * any. */
	const int flags = PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK;
	*number = set_items(pam, question);
	if (*number != PAM_SUCCESS)
		return CHECK_LATER;
	*number = pam_authenticate(pam, flags);
	enum check_verdict verdict = check_judge(*number, false);
	if (verdict != CHECK_RIGHT)
		return verdict;
	if (!is_same_user(pam, question))
		return CHECK_WRONG;
	*number = pam_acct_mgmt(pam, flags);
	return check_judge(*number, true);
}

void
check_answer(const struct question *question, struct buffer *out)
{
	static const char *const words[] = { [CHECK_RIGHT] = "OK",
		[CHECK_WRONG] = "FAIL", [CHECK_BARRED] = "FAIL",
		[CHECK_LATER] = "LATER" };
	struct check_talk talk = { question->user, question->password, 0 };
	const struct pam_conv conversation = { check_converse, &talk };
	pam_handle_t *pam = NULL;
	enum check_verdict verdict = CHECK_LATER;
	int number = pam_start("posthouse", question->user, &conversation,
		&pam);
	if (number == PAM_SUCCESS)
		verdict = ask(pam, question, &number);
	question_answer(question, words[verdict], out);
	if (verdict == CHECK_BARRED)
		tabline_add(out, SPAN("barred"));
	if (verdict != CHECK_RIGHT)
		tabline_add_pair(out, "reason", span_from(pam_strerror(pam,
			number)));
	if (pam != NULL)
		pam_end(pam, number);
}
