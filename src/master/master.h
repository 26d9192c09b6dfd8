/*
 * What the files of master share: the state of the whole system. master has
 * one thread; it reads nothing of what children send but struct
 * control_message, and nothing of that but numbers and names.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <sys/types.h>

#include "base/error.h"
#include "base/listeners.h"
#include "proto/control.h"

enum {
	MASTER_CHILDREN = 512,
	MASTER_COMMANDS = 16,
};

/* A process of the table, running or not. */
struct child {
	const struct program *program;
	unsigned instance;
	uid_t uid;			/* to become */
	gid_t gid;
	pid_t pid;			/* 0: not running */
	int control;			/* our end of its socket, or -1 */
	int page;			/* its counters; outlive it */
	bool is_ready;
	bool is_told;			/* END was sent */
	bool owes_reload;		/* its socket was full: send it again */
	unsigned restarts;		/* in all */
	unsigned failures;		/* in a row */
	int64_t started;		/* wall clock, ms */
	int64_t began;			/* monotonic ms */
	int64_t restart_at;		/* monotonic ms; 0: not due */
	int64_t second;			/* monotonic s of .messages */
	unsigned messages;		/* from it in that second */
};

struct master {
	struct config *config;
	struct services services;
	const char *pattern;		/* of program paths */
	struct child children[MASTER_CHILDREN];
	size_t child_count;
	struct listeners listeners;
	int runtime_dir;		/* descriptor of runtime_directory */
	int lock;			/* held as long as master runs */
	int signals;			/* signalfd */
	int command_listener;
	int commands[MASTER_COMMANDS];
	int files[SERVICES_ROWS][SERVICES_FILES];	/* of services.files */
	int log, log_copy, null;
	int generations, generations_read_only;
	bool is_started;		/* all children have been ready once */
	int64_t stop_began;		/* monotonic ms; 0: not stopping */
	bool is_failed;			/* a child could not start */
};

/* ---- wires.c ---- */

/* Never waits. -1 with ERROR_LATER when the socket is full. */
int
message_send(int socket, const struct control_message *message, const int *fds,
	size_t count, struct error *error);

enum message_result { MESSAGE_OK, MESSAGE_NONE, MESSAGE_GONE };

/* fd: one descriptor that came along, or -1; the caller's. */
enum message_result
message_receive(int socket, struct control_message *message, int *fd);

/* ---- child.c ---- */

/* Looks the users up and lays out all processes of the table. */
int
child_prepare(struct master *master, struct error *error);
/* Starts those that the configuration wants. */
int
child_start_all(struct master *master, struct error *error);

/* Starts those whose time has come; drives the end of the system. Returns the
 * time (monotonic ms) when it wants to be called again. */
int64_t
child_tick(struct master *master, int64_t now);

/* SIGCHLD: notes who ended and when he is to be started again. */
void
child_reap(struct master *master);

/* Something is readable, or the child closed its socket. */
void
child_read(struct master *master, struct child *child);

/* TERM, INT or the command: ends all, those that face strangers first. */
void
child_stop_all(struct master *master);
bool
child_is_any_alive(const struct master *master);

/* Sends log, files, configuration and listeners to everybody. */
void
child_reload_all(struct master *master);

/* Joins caller ("smtpd" 0, or "command" 0) at `socket` as the message asks. */
void
wires_connect(struct master *master, int socket, const char *caller,
	unsigned instance, const struct control_message *message);

/* ---- files.c ---- */

/* Opens runtime_directory and the lock that keeps a second master out. */
int
files_open_runtime(struct master *master, struct error *error);

/* Opens the files of `file` rows, or the log and its copy, in place of those
 * that are open. All or nothing. */
int
files_open(struct master *master, const struct config *config,
	struct error *error);
int
files_open_log(struct master *master, const struct config *config,
	struct error *error);

/* ---- command.c ---- */

int
command_listen(struct master *master, struct error *error);
void
command_accept(struct master *master);
void
command_read(struct master *master, size_t i);

#endif
