/*
 * Inside the library: a process's end of its control socket to master
 * (proto/control.h). Sending is for any thread; receiving is for the thread
 * that runs the housekeeping, which passes answers to those who wait.
 */
#ifndef SERVE_SUPERVISOR_H
#define SERVE_SUPERVISOR_H

#include "base/error.h"
#include "proto/control.h"

enum { SUPERVISOR_FDS = 2 };

/* The socket; -1 when there is no master (unit tests). */
void
supervisor_open(int fd);
int
supervisor_fd(void);

/* A message without descriptors. */
int
supervisor_send(const struct control_message *message, struct error *error);

/* CONTROL_SETTLED; any thread. */
void
supervisor_settled(uint32_t serial);

enum supervisor_result {
	SUPERVISOR_MESSAGE, SUPERVISOR_NOTHING, SUPERVISOR_GONE
};

/* The next message without waiting; the descriptors are the caller's. */
enum supervisor_result
supervisor_receive(struct control_message *message, int fds[SUPERVISOR_FDS]);

/* Puts a message that came too early back; supervisor_receive gives it first. */
void
supervisor_keep(const struct control_message *message,
	const int fds[SUPERVISOR_FDS]);

/*
 * A new wire to the service, until the deadline: its descriptor, or -1 with
 * ERROR_LATER. Not on the housekeeping thread, and only while it runs.
 */
int
supervisor_connect(const char *service, unsigned instance, int64_t deadline,
	struct error *error);

/* The housekeeping got WIRE or REFUSED with a serial; takes *fd if it is
 * waited for. */
void
supervisor_answer(const struct control_message *message, int *fd);

/* The thread that receives, so that nobody waits for himself. */
void
supervisor_set_housekeeper(void);

#endif
