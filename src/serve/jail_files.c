/*
 * Files: Landlock, by system call, because glibc has no functions for it. What
 * is not allowed by a rule is refused, whatever the file's owner says. Debian
 * 12's own kernel has ABI 2; POSTHOUSE_LANDLOCK_ABI forces an older one than
 * the kernel's, for tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "serve/jail_parts.h"

/* Rights that newer kernels have than the header this is built with. */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)
#define ACCESS_IOCTL_DEV (UINT64_C(1) << 15)

#define ACCESS_ABI_1 ((UINT64_C(1) << 13) - 1)

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_RIGHTS (LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE | \
	LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	LANDLOCK_ACCESS_FS_REFER)
#define SPILL_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | \
	LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

/* The ABI to use; 0: none. What it lacks is logged. */
static long
find_abi(void)
{
	uint64_t wanted;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
		LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 0)
		abi = 0;
	const char *forced = getenv("POSTHOUSE_LANDLOCK_ABI");
	if (forced != NULL && span_to_number(span_from(forced), 100, &wanted) &&
	    (long)wanted < abi)
		abi = (long)wanted;
	log_event(abi < 3 ? LOG_WARN : LOG_INFO, "jail-files", NULL,
		LOG_NUMBER("landlock", abi), LOG_TEXT("missing",
		abi < 1 ? "all" : abi < 2 ? "refer,truncate,ioctl" :
		abi < 3 ? "truncate,ioctl" : abi < 5 ? "ioctl" : "none"));
	return abi;
}

/* Everything the kernel can refuse is refused unless a rule allows it. */
static uint64_t
rights_of_abi(long abi)
{
	uint64_t rights = ACCESS_ABI_1;
	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= ACCESS_TRUNCATE;
	if (abi >= 5)
		rights |= ACCESS_IOCTL_DEV;
	return rights;
}

static int
allow(int ruleset, const char *path, uint64_t rights, struct error *error)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights };
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, "jail: opening %s", path);
	rule.parent_fd = fd;
	long result = syscall(SYS_landlock_add_rule, ruleset,
		LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	if (result < 0)
		error_set_errno(error, "jail: allowing %s", path);
	file_close(&fd);
	return result < 0 ? -1 : 0;
}

static int
allow_paths(int ruleset, const struct jail *jail, const char *root,
	uint64_t rights, struct error *error)
{
	char path[4096];
	if (jail->paths == NULL)
		return allow(ruleset, root, rights, error);
	for (size_t i = 0; jail->paths[i] != NULL; i++) {
		int size = snprintf(path, sizeof(path), "%s/%s", root,
			jail->paths[i]);
		if (size < 0 || (size_t)size >= sizeof(path))
			return error_set(error, ERROR_USAGE,
				"jail: a path is too long");
		if (allow(ruleset, path, rights, error) < 0)
			return -1;
	}
	return 0;
}

/* Of this user, and hostile: what cannot be opened is not his to use. */
static int
allow_places(int ruleset, const struct jail *jail, uint64_t whole,
	uint64_t known, struct error *error)
{
	const uint64_t files = (READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE |
		ACCESS_TRUNCATE) & known;
	for (const struct jail_place *place = jail->places; place->path != NULL;
	    place++) {
		if (access(place->path, F_OK) < 0)
			continue;
		if (allow(ruleset, place->path, place->is_whole ? whole : files,
		    error) < 0)
			return -1;
	}
	return 0;
}

static int
add_rules(int ruleset, const struct jail *jail, const char *root,
	uint64_t known, struct error *error)
{
	uint64_t rights = 0;
	if ((jail->rights & JAIL_FILES_READ) != 0)
		rights |= READ_RIGHTS;
	if ((jail->rights & JAIL_FILES_WRITE) != 0)
		rights |= READ_RIGHTS | WRITE_RIGHTS;
	if (jail->places != NULL)
		return allow_places(ruleset, jail, rights & known, known, error);
	if (rights != 0 && allow_paths(ruleset, jail, root, rights & known,
	    error) < 0)
		return -1;
	if ((jail->rights & JAIL_SPILL) != 0)
		return allow(ruleset, root, SPILL_RIGHTS & known, error);
	return 0;
}

int
jail_files_prepare(const struct jail *jail, const char *root, int *ruleset,
	struct error *error)
{
	long abi = find_abi();
	*ruleset = -1;
	if (abi == 0)
		return 0;
	struct landlock_ruleset_attr attributes = {
		.handled_access_fs = rights_of_abi(abi) };
	*ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes,
		sizeof(attributes), 0);
	if (*ruleset < 0)
		return error_set_errno(error, "jail: making a Landlock ruleset");
	if (add_rules(*ruleset, jail, root, attributes.handled_access_fs,
	    error) == 0)
		return 0;
	file_close(ruleset);
	return -1;
}

int
jail_files_enter(int *ruleset, struct error *error)
{
	if (*ruleset >= 0 && syscall(SYS_landlock_restrict_self, *ruleset,
	    0) < 0)
		return error_set_errno(error, "jail: entering Landlock");
	file_close(ruleset);
	return 0;
}
