/* What a service manager is told: in a file, under an abstract name, or nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/notify.h"

static int
listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t size = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	memcpy(address.sun_path, name, size);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address, (socklen_t)(
		offsetof(struct sockaddr_un, sun_path) + size)), 0);
	return fd;
}

static void
is_told(const char *name)
{
	char text[20];
	int fd = listen_at(name);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	notify_manager("READY=1");
	assert_int_equal(recv(fd, text, sizeof(text), 0), 7);
	assert_memory_equal(text, "READY=1", 7);
	close(fd);
}

static void
managers_are_told(void **state)
{
	char name[60], directory[] = "/tmp/notify-XXXXXX";
	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(name, sizeof(name), "%s/socket", directory);
	is_told(name);
	unlink(name);
	rmdir(directory);
	snprintf(name, sizeof(name), "@posthouse-notify-%d", (int)getpid());
	is_told(name);
}

static void
nobody_is_no_trouble(void **state)
{
	static const char *const names[] = { "", "/", "relative", "/not/there",
		"@nobody-listens" };
	char large[200];
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	notify_manager("READY=1");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		notify_manager("READY=1");
	}
	memset(large, '/', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	setenv("NOTIFY_SOCKET", large, 1);
	notify_manager("READY=1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(managers_are_told),
		cmocka_unit_test(nobody_is_no_trouble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
