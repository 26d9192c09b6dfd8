/* Runs in master, which alone may read what others are only handed. */
#include "base/service_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/tables.h"

/*
 * Those that a list names. One that cannot be opened does not keep the system
 * from starting: who needs it says what that means. A pipe is not waited for.
 */
static void
open_list(const struct config *config, const struct program_file *file,
	int fds[SERVICES_FILES])
{
	struct span rest = span_from(config_text(config, file->parameter));
	struct span item, kind = span_from(file->kind);
	size_t count = 0;
	while (config_next_item(&rest, &item)) {
		char path[4096];
		struct span name = span_skip(item, kind.size + 1);
		if (!span_starts(item, kind) || item.size <= kind.size + 1 ||
		    item.data[kind.size] != ':')
			continue;
		snprintf(path, sizeof(path), "%.*s", SPAN_PRINT(name));
		if (count < SERVICES_FILES)
			fds[count] = open(path, O_RDONLY | O_CLOEXEC |
				O_NOCTTY | O_NONBLOCK);
		if (count == SERVICES_FILES || fds[count] < 0)
			log_event(LOG_ERROR, "file-not-opened", NULL,
				LOG_TEXT("parameter", file->parameter),
				LOG_TEXT("file", path), LOG_TEXT("reason",
				count == SERVICES_FILES ? "too many files" :
				strerror(errno)));
		if (count < SERVICES_FILES)
			count++;
	}
}

void
service_files_close(const struct services *services,
	int fds[][SERVICES_FILES])
{
	for (size_t i = 0; i < services->file_count; i++)
		for (size_t j = 0; j < SERVICES_FILES; j++)
			file_close(&fds[i][j]);
}

int
service_files_open(const struct services *services,
	const struct config *config, int fds[][SERVICES_FILES],
	struct error *error)
{
	int result = 0;
	for (size_t i = 0; i < SERVICES_ROWS; i++)
		for (size_t j = 0; j < SERVICES_FILES; j++)
			fds[i][j] = -1;
	for (size_t i = 0; i < services->file_count && result == 0; i++) {
		const struct program_file *file = &services->files[i];
		if (file->kind[0] != '\0') {
			open_list(config, file, fds[i]);
			continue;
		}
		fds[i][0] = tables_open(config, file, error);
		if (fds[i][0] < 0 && error->code != ERROR_NONE)
			result = -1;
	}
	if (result != 0)
		service_files_close(services, fds);
	return result;
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
service_files_open_log(const struct config *config, int *log, int *copy,
	struct error *error)
{
	char path[4096];
	int size = snprintf(path, sizeof(path), "%s/log/posthouse.log",
		config_text(config, "data_directory"));
	if (size < 0 || (size_t)size >= sizeof(path))
		return error_set(error, ERROR_USAGE,
			"data_directory: the path is too long");
	*copy = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
		O_NOCTTY, 0640);
	if (*copy < 0)
		return error_set_errno(error, "data_directory: opening %s", path);
	*log = open_log_path(config, error);
	if (*log < 0)
		file_close(copy);
	return *log < 0 ? -1 : 0;
}

int
service_files_open_runtime(const struct config *config, int *directory,
	int *lock, struct error *error)
{
	const char *path = config_text(config, "runtime_directory");
	*directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*directory < 0)
		return error_set_errno(error, "runtime_directory: opening %s",
			path);
	*lock = openat(*directory, "lock",
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*lock < 0)
		return error_set_errno(error, "runtime_directory: opening "
			"%s/lock", path);
	if (flock(*lock, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, ERROR_EXISTS, "a system is already "
			"running with runtime_directory %s", path);
	return 0;
}
