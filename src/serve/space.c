/*
 * How full the disk is, asked a few times a second at most. Runs in queue and
 * mailbox.
 */
#include "serve/space.h"

#include <sys/statvfs.h>

void
space_init(struct space *space, int directory)
{
	space->directory = directory;
	atomic_init(&space->least, 0);
	atomic_init(&space->looked, INT64_MIN / 2);
	atomic_init(&space->is_left, true);
}

void
space_configure(struct space *space, const struct config *config)
{
	uint64_t least = config_size(config, "queue_minfree");
	if (least == 0)
		least = config_size(config, "message_size_limit") / 2 * 3;
	atomic_store(&space->least, least);
	atomic_store(&space->looked, INT64_MIN / 2);
}

bool
space_is_left(struct space *space, int64_t now)
{
	struct statvfs disk;
	if (now - atomic_load(&space->looked) < SPACE_LOOK_AGAIN)
		return atomic_load(&space->is_left);
	atomic_store(&space->looked, now);
	bool is_left = fstatvfs(space->directory, &disk) < 0 ||
		(uint64_t)disk.f_bavail * disk.f_frsize >=
		atomic_load(&space->least);
	atomic_store(&space->is_left, is_left);
	return is_left;
}
