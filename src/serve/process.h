/*
 * What every process but master starts with: the descriptors it is born with,
 * its part of the configuration, its log, its shared-memory counters and its
 * control socket to master. A program's main() reads, in this order: start,
 * open what it needs, jail_enter, serve.
 *
 * Descriptors at birth (made by master, see proto/control.h):
 *	0 /dev/null   1,2 log   3 control socket   4 configuration blob
 *	5 shared memory of this process (counters)   6 shared generations
 *	7 log copy (or /dev/null)
 */
#ifndef SERVE_PROCESS_H
#define SERVE_PROCESS_H

#include "base/config.h"
#include "base/error.h"

struct process {
	const char *name;		/* "smtpd" */
	unsigned instance;		/* 0, 1, ... of programs that have several; on
					 * demand: the owner's uid */
	struct config *config;
	uint32_t uid, gid;		/* to become; own ids when not started as root */
	bool is_root;			/* started by root: full jail */
	char user[64];
	/* On demand: whose process this is, and his home; else NULL. */
	const char *owner, *home;
};

/*
 * Reads name and instance from argv ("smtpd", "mailbox 1") and the rest from
 * the descriptors. On failure it writes one line to the log and exits 1: there
 * is nobody else to tell. The returned process lives until exit.
 */
struct process *
process_start(int argc, char **argv);

/*
 * A descriptor of the file that a path parameter names, opened by master (rows
 * `file` of etc/services) and sent before anything else; -1 when there is none.
 * After a reload the same number is the new one. Borrowed.
 */
int
process_file(const char *parameter);
/* The same of a list, whose files are counted from 0. */
int
process_file_at(const char *parameter, unsigned place);

/*
 * The directory for what does not fit into memory, and its path, which is the
 * root of the jail: nothing lies above it afterwards. -1 with error.
 */
int
process_open_spill(char *path, size_t size, struct error *error);

/* The process this is; after process_start. */
const struct process *
process_get(void);

#endif
