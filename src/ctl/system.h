/*
 * Talking to the running system: its control socket in runtime_directory, and
 * the operator's wires ("auth-admin", "queue-admin") that master makes over it.
 */
#ifndef CTL_SYSTEM_H
#define CTL_SYSTEM_H

#include "base/config.h"
#include "base/error.h"
#include "proto/control.h"
#include "proto/tabline.h"

/* ERROR_GONE when no system runs. */
int
system_connect(const struct config *config, int *control, struct error *error);

/* The Unix socket of that name in runtime_directory. */
int
system_connect_socket(const struct config *config, const char *name, int *fd,
	struct error *error);

int
system_send(int control, const struct control_message *message, int fd,
	struct error *error);
/* *fd is -1 when none came along. */
int
system_receive(int control, struct control_message *message, int *fd,
	struct error *error);

/* Sends and waits for CONTROL_DONE; its sentence becomes the error. */
int
system_request(const struct config *config, enum control_kind kind, int fd,
	struct error *error);

/* One CONTROL_PROCESS for each process of the running system; fd: its counters
 * or -1, closed after the call. */
typedef void
system_process_function(void *context, const struct control_message *message,
	int fd);
int
system_walk(const struct config *config, system_process_function *function,
	void *context, struct error *error);

/* ---- the operator's wires ---- */

struct system_wire {
	int fd;
	struct buffer in;
	size_t start;
	uint64_t next_id;
	int child;		/* pid of `auth --offline`, or 0 */
};

/*
 * A wire to `service` of the running system. For "auth-admin" without a running
 * system, the auth program is started for just this wire.
 */
int
system_wire_open(const struct config *config, const char *service,
	unsigned instance, struct system_wire *wire, struct error *error);
void
system_wire_close(struct system_wire *wire);

/*
 * Sends COMMAND with the fields already in `fields` (tabline_add_pair), calls
 * `row` for each ROW, and returns 0 after OK (`done`, if not NULL, gets it as a
 * row too), or -1 with FAIL's reason.
 */
typedef void
system_row_function(void *context, const struct tabline *row);
int
system_call(struct system_wire *wire, const char *command, struct span fields,
	system_row_function *row, system_row_function *done, void *context,
	struct error *error);

#endif
