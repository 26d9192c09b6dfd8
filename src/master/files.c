/* Files that master opens for others: keys, certificates, the log. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "master/master.h"

int
files_open(struct services *services, const struct config *config, int *fds,
	struct error *error)
{
	size_t i;
	for (i = 0; i < services->file_count; i++) {
		const char *parameter = services->files[i].parameter;
		const char *path = config_text(config, parameter);
		fds[i] = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fds[i] < 0) {
			error_set_errno(error, "%s: opening %s", parameter, path);
			break;
		}
	}
	if (i == services->file_count)
		return 0;
	while (i-- > 0)
		file_close(&fds[i]);
	return -1;
}

/* Where standard error goes when log_path is empty. */
static int
open_log_path(const struct config *config, struct error *error)
{
	const char *path = config_text(config, "log_path");
	int fd = path[0] == '\0' ? fcntl(2, F_DUPFD_CLOEXEC, 3) :
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
		0640);
	if (fd < 0)
		return error_set_errno(error, "log_path: opening %s",
			path[0] == '\0' ? "standard error" : path);
	return fd;
}

int
files_open_log(const struct config *config, int *log, int *copy,
	struct error *error)
{
	char path[4096];
	int size = snprintf(path, sizeof(path), "%s/log/posthouse.log",
		config_text(config, "data_directory"));
	if (size < 0 || (size_t)size >= sizeof(path))
		return error_set(error, ERROR_USAGE,
			"data_directory: the path is too long");
	*copy = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
		0640);
	if (*copy < 0)
		return error_set_errno(error, "data_directory: opening %s", path);
	*log = open_log_path(config, error);
	if (*log < 0) {
		file_close(copy);
		return -1;
	}
	return 0;
}
