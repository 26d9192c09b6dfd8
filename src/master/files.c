/* Files that master opens for others: keys, certificates, the log. */
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/service_files.h"
#include "master/master.h"

int
files_open(struct master *master, const struct config *config,
	struct error *error)
{
	int fds[SERVICES_ROWS][SERVICES_FILES];
	if (service_files_open(&master->services, config, fds, error) < 0)
		return -1;
	service_files_close(&master->services, master->files);
	memcpy(master->files, fds, sizeof(fds));
	return 0;
}

int
files_open_log(struct master *master, const struct config *config,
	struct error *error)
{
	int log, copy;
	if (service_files_open_log(config, &log, &copy, error) < 0)
		return -1;
	log_redirect(log, copy);
	file_close(&master->log);
	file_close(&master->log_copy);
	master->log = log;
	master->log_copy = copy;
	return 0;
}
