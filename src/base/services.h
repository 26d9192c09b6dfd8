/*
 * etc/services in memory: which programs there are, what is opened and listened
 * on for them, and who may be joined with whom. The file describes its rows.
 */
#ifndef BASE_SERVICES_H
#define BASE_SERVICES_H

#include "base/config.h"

enum { SERVICES_ROWS = 64, SERVICES_INSTANCES = 256,
	SERVICES_ON_DEMAND = 4096, SERVICES_NAME_SIZE = 32,
	SERVICES_FILES = 4 /* of one parameter */ };

struct program {
	char name[SERVICES_NAME_SIZE];
	char user[40];
	char executable[SERVICES_NAME_SIZE];	/* the name, if not said */
	/* user "(owner)": one process for each system user for whom it is
	 * called; its instance is his uid. It runs as he. */
	bool is_on_demand;
	bool is_watcher;		/* may ask how all processes are */
	unsigned count;			/* processes of it; on demand: at most */
	char parameter[SERVICES_NAME_SIZE];	/* that says how many; or empty */
	unsigned depth;			/* 0: nobody calls it; else below its callers */
	/* It has what two processes must not have at a time (a claim, a state
	 * file): at an upgrade its successor begins when it has ended. */
	bool is_alone;
	/* Not empty: it runs only while the list `when_list` has an item
	 * `when_item` or "when_item:...". */
	char when_list[SERVICES_NAME_SIZE], when_item[SERVICES_NAME_SIZE];
};

struct program_file {
	const struct program *program;
	char parameter[SERVICES_NAME_SIZE];
	bool is_optional;		/* the file need not be there */
	bool is_tables;			/* a list of files, passed as one */
	bool is_state;			/* base/state_file.h, made when missing */
	bool is_read_only;		/* of a state: another writes it */
	/* Not empty: the parameter is a list, and each of its items "KIND:FILE"
	 * names a file, up to SERVICES_FILES; the others are let alone. */
	char kind[SERVICES_NAME_SIZE];
};

/* A `listen` or `datagram` row (parameter: its port) or a `socket` row (file, mode). */
struct service_row {
	const struct program *program;
	char service[SERVICES_NAME_SIZE];
	char parameter[SERVICES_NAME_SIZE];
	char file[SERVICES_NAME_SIZE];	/* empty: a `listen` row */
	unsigned mode;
	bool is_datagram;		/* a `datagram` row: as listen, by UDP */
	bool is_optional;		/* when another program has the port */
};

struct wire_row {
	char caller[SERVICES_NAME_SIZE];	/* "command", or a program */
	char service[SERVICES_NAME_SIZE];
	const struct program *callee;
};

struct services {
	struct program programs[SERVICES_ROWS];
	struct program_file files[SERVICES_ROWS];
	struct service_row rows[SERVICES_ROWS];
	struct wire_row wires[SERVICES_ROWS];
	size_t program_count, file_count, row_count, wire_count;
};

/*
 * Reads the file. Counts that are parameters are taken from the configuration
 * (NULL: one process each). One sentence with file and line when it is wrong.
 */
int
services_read(const char *path, const struct config *config,
	struct services *services, struct error *error);

/* Is the program to run, whoever needs it, with this configuration? */
bool
services_wants(const struct program *program, const struct config *config);

/* -1: the new configuration changes what cannot change while the system runs:
 * where things are, and who serves which account. */
int
services_check_pinned(const struct config *before, const struct config *after,
	struct error *error);

/* NULL when `caller` may not have a wire to the service. */
const struct wire_row *
services_find_wire(const struct services *services, const char *caller,
	const char *service);

/* May another program have the port of this row, so that we go without it? Not
 * when the port was said, or zones for it were. */
bool
services_may_be_taken(const struct config *config,
	const struct service_row *row);

/* A listener of an optional protocol that `protocols` leaves out is off. SMTP
 * is always on. */
bool
services_is_on(const struct config *config, const char *service);

#endif
