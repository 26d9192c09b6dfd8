/* Opening what the `file` rows of etc/services name. For master. */
#ifndef BASE_SERVICE_FILES_H
#define BASE_SERVICE_FILES_H

#include "base/services.h"

/* Fills fds: -1 where nothing is. -1 with error: one that must be there cannot
 * be opened; nothing is open then. */
int
service_files_open(const struct services *services,
	const struct config *config, int fds[][SERVICES_FILES],
	struct error *error);
void
service_files_close(const struct services *services,
	int fds[][SERVICES_FILES]);

/* runtime_directory, and the lock in it that keeps a second system out. */
int
service_files_open_runtime(const struct config *config, int *directory,
	int *lock, struct error *error);

/* The log as log_path says, and its copy below data_directory; both or none. */
int
service_files_open_log(const struct config *config, int *log, int *copy,
	struct error *error);

#endif
