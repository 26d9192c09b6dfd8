/*
 * Preloaded into the peers: every fsync and fdatasync takes SLOW_SYNC_MS
 * longer, as on a disk that is honest. Posthouse does the same to itself with
 * POSTHOUSE_SYNC_DELAY.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void
wait_a_little(void)
{
	const char *text = getenv("SLOW_SYNC_MS");
	long ms = text == NULL ? 5 : strtol(text, NULL, 10);
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

__attribute__((visibility("default"))) int fsync(int fd);
__attribute__((visibility("default"))) int fdatasync(int fd);

int
fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	wait_a_little();
	return real(fd);
}

int
fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	wait_a_little();
	return real(fd);
}
