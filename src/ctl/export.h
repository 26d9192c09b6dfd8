/*
 * `export`: an account of the running system into files of others. A run that was
 * killed is begun again with the same command: what is there is not written
 * twice.
 */
#ifndef CTL_EXPORT_H
#define CTL_EXPORT_H

#include "ctl/transfer.h"

struct export_sink;
struct export_sink_functions {
	/* Goes to a folder, made if it is not there. */
	int (*open)(struct export_sink *sink,
		const struct transfer_folder *folder, struct error *error);
	/* Is the message there since an earlier run? */
	bool (*has)(struct export_sink *sink,
		const struct transfer_message *message);
	int (*write)(struct export_sink *sink,
		const struct transfer_message *message, struct span text,
		struct error *error);
	/* What has been written since the last time is durable. */
	int (*sync)(struct export_sink *sink, struct error *error);
	/* Names of folders that are subscribed. */
	int (*subscribe)(struct export_sink *sink,
		const struct transfer_folder *folders, size_t count,
		struct error *error);
	void (*close)(struct export_sink **sink);
};

/* First member of every sink. */
struct export_sink {
	const struct export_sink_functions *call;
};

/* A directory, made if it is not there. */
struct export_sink *
export_mbox_open(const char *path, struct error *error);
struct export_sink *
export_maildir_open(const char *path, struct error *error);

#endif
