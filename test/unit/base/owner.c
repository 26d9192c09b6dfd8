/* As whom programs run, when master is root; the machine's users are the
 * test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/owner.h"

static struct passwd users[] = {
	{ .pw_name = (char[]){ "mail-user" }, .pw_uid = 105, .pw_gid = 106 },
	{ .pw_name = (char[]){ "toor" }, .pw_uid = 0, .pw_gid = 106 },
	{ .pw_name = (char[]){ "wheel" }, .pw_uid = 107, .pw_gid = 0 },
};

/* In the place of the C library's. */
struct passwd *
getpwnam(const char *name)
{
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		if (strcmp(users[i].pw_name, name) == 0)
			return &users[i];
	return NULL;
}

uid_t
geteuid(void)
{
	return 0;
}

static const struct {
	const char *user;
	int result;
	const char *words;		/* of the error */
	uid_t uid;
} cases[] = {
	{ "mail-user", 0, "", 105 },
	{ "root", 0, "", 0 },		/* master's own, by the table */
	{ "toor", -1, "toor is root", 0 },
	{ "wheel", -1, "wheel is root", 0 },
	{ "nobody-has-this", -1, "does not exist", 0 },
};

static void
programs_are_not_root_by_another_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = { .text = "" };
		uid_t uid;
		gid_t gid;
		int result = owner_of_program(cases[i].user, &uid, &gid,
			&error);
		if (result != cases[i].result ||
		    strstr(error.text, cases[i].words) == NULL)
			fail_msg("%s: %d %s", cases[i].user, result,
				error.text);
		if (result == 0)
			assert_int_equal(uid, cases[i].uid);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_not_root_by_another_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
