/* Whose connection to a socket of ours is ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/listening.h"

enum { NOBODY = 65534, PATIENCE = 60000 };

/* A process of that user that connects and stays. */
static pid_t
connect_as(const struct sockaddr_un *address, uid_t uid)
{
	pid_t child = fork();
	if (child != 0)
		return child;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if ((uid != geteuid() && setuid(uid) < 0) || connect(fd,
	    (const struct sockaddr *)address, sizeof(*address)) < 0)
		_exit(1);
	for (;;)
		pause();
}

static bool
is_ours(const struct sockaddr_un *address, int listener, uid_t uid)
{
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	int status;
	pid_t child = connect_as(address, uid);
	assert_int_equal(poll(&ready, 1, PATIENCE), 1);
	int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	bool result = listening_is_ours(fd);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	close(fd);
	return result;
}

static void
who_is_heard(void **state)
{
	char folder[] = "/tmp/listening-XXXXXX";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct error error;
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	int directory = open(folder, O_RDONLY | O_DIRECTORY);
	int fd = listening_unix(directory, "control", SOCK_SEQPACKET, 0666,
		&error);
	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control",
		folder);
	assert_true(is_ours(&address, fd, geteuid()));
	/* the file's mode is not all that keeps others out */
	if (geteuid() == 0)
		assert_false(is_ours(&address, fd, NOBODY));
	close(fd);
	close(directory);
	assert_int_equal(unlink(address.sun_path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_heard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
