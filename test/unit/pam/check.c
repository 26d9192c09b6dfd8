/* Our side of PAM's conversation, and what its numbers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pam/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	int styles[3];		/* up to the first 0 */
	int number;
	const char *answers[3];
} talks[] = {
	{ "a password", { PAM_PROMPT_ECHO_OFF }, PAM_SUCCESS, { "secret" } },
	{ "a name and a password", { PAM_PROMPT_ECHO_ON, PAM_PROMPT_ECHO_OFF },
		PAM_SUCCESS, { "boss", "secret" } },
	{ "a notice", { PAM_TEXT_INFO, PAM_ERROR_MSG, PAM_PROMPT_ECHO_OFF },
		PAM_SUCCESS, { NULL, NULL, "secret" } },
	{ "something else", { PAM_PROMPT_ECHO_OFF, 7 }, PAM_CONV_ERR,
		{ NULL } },
	{ "a binary prompt", { PAM_BINARY_PROMPT }, PAM_CONV_ERR, { NULL } },
	{ "nothing", { 0 }, PAM_CONV_ERR, { NULL } },
};

static int
converse(const int *styles, int count, struct check_talk *talk,
	struct pam_response **responses)
{
	struct pam_message messages[CHECK_MESSAGE_LIMIT + 1];
	const struct pam_message *pointers[CHECK_MESSAGE_LIMIT + 1];
	for (int i = 0; i < count; i++) {
		messages[i] = (struct pam_message){ styles[i], "what? " };
		pointers[i] = &messages[i];
	}
	return check_converse(count, pointers, responses, talk);
}

static void
a_conversation_is_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(talks); i++) {
		struct check_talk talk = { "boss", "secret", 0 };
		struct pam_response *responses = NULL;
		int count = 0;
		while (count < 3 && talks[i].styles[count] != 0)
			count++;
		print_message("%s\n", talks[i].name);
		assert_int_equal(converse(talks[i].styles, count, &talk,
			&responses), talks[i].number);
		if (talks[i].number != PAM_SUCCESS) {
			assert_null(responses);
			continue;
		}
		for (int j = 0; j < count; j++) {
			if (talks[i].answers[j] == NULL)
				assert_null(responses[j].resp);
			else
				assert_string_equal(responses[j].resp,
					talks[i].answers[j]);
			assert_int_equal(responses[j].resp_retcode, 0);
			free(responses[j].resp);
		}
		free(responses);
	}
}

/* A module that asks for ever gets no answer for ever. */
static void
a_module_is_not_answered_for_ever(void **state)
{
	struct check_talk talk = { "boss", "secret", 0 };
	int styles[CHECK_MESSAGE_LIMIT + 1];
	struct pam_response *responses = NULL;
	int rounds = 0;
	(void)state;
	for (size_t i = 0; i < COUNT(styles); i++)
		styles[i] = PAM_PROMPT_ECHO_OFF;
	while (converse(styles, 1, &talk, &responses) == PAM_SUCCESS) {
		free(responses->resp);
		free(responses);
		responses = NULL;
		assert_true(++rounds <= CHECK_PROMPT_LIMIT);
	}
	assert_int_equal(rounds, CHECK_PROMPT_LIMIT);
	talk.prompts = 0;
	assert_int_equal(converse(styles, CHECK_MESSAGE_LIMIT + 1, &talk,
		&responses), PAM_CONV_ERR);
	assert_int_equal(converse(styles, -1, &talk, &responses),
		PAM_CONV_ERR);
	assert_int_equal(check_converse(1, NULL, &responses, &talk),
		PAM_CONV_ERR);
}

static const struct {
	int number;
	enum check_verdict password, account;
} numbers[] = {
	{ PAM_SUCCESS, CHECK_RIGHT, CHECK_RIGHT },
	{ PAM_AUTH_ERR, CHECK_WRONG, CHECK_BARRED },
	{ PAM_USER_UNKNOWN, CHECK_WRONG, CHECK_BARRED },
	{ PAM_MAXTRIES, CHECK_WRONG, CHECK_LATER },
	{ PAM_PERM_DENIED, CHECK_WRONG, CHECK_BARRED },
	{ PAM_ACCT_EXPIRED, CHECK_WRONG, CHECK_BARRED },
	{ PAM_NEW_AUTHTOK_REQD, CHECK_LATER, CHECK_BARRED },
	{ PAM_CRED_EXPIRED, CHECK_LATER, CHECK_BARRED },
	{ PAM_AUTHINFO_UNAVAIL, CHECK_LATER, CHECK_LATER },
	{ PAM_MODULE_UNKNOWN, CHECK_LATER, CHECK_LATER },
	{ PAM_SYSTEM_ERR, CHECK_LATER, CHECK_LATER },
	{ PAM_CONV_ERR, CHECK_LATER, CHECK_LATER },
	{ PAM_OPEN_ERR, CHECK_LATER, CHECK_LATER },
	{ PAM_IGNORE, CHECK_LATER, CHECK_LATER },
	{ 4711, CHECK_LATER, CHECK_LATER },
	{ -1, CHECK_LATER, CHECK_LATER },
};

static void
numbers_of_pam_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		print_message("%d\n", numbers[i].number);
		assert_int_equal(check_judge(numbers[i].number, false),
			numbers[i].password);
		assert_int_equal(check_judge(numbers[i].number, true),
			numbers[i].account);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_conversation_is_answered),
		cmocka_unit_test(a_module_is_not_answered_for_ever),
		cmocka_unit_test(numbers_of_pam_are_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
