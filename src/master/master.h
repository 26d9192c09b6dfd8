/*
 * What the files of master share: the state of the whole system. master has
 * one thread; it reads nothing of what children send but struct
 * control_message, and nothing of that but numbers and names.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <sys/types.h>

#include "base/error.h"
#include "base/heritage.h"
#include "base/listeners.h"
#include "base/owner.h"
#include "base/pace.h"
#include "proto/control.h"

enum {
	MASTER_CHILDREN = 512 + SERVICES_ON_DEMAND,
	MASTER_COMMANDS = HERITAGE_COMMANDS,
};

/* At an upgrade, candidates become current all together, or none. */
enum stage { CHILD_CURRENT, CHILD_CANDIDATE, CHILD_RETIRED };

/* A process of the table, running or not. Those on demand (demand.c) are behind
 * the others; their places are used again. An upgraded master reads it as its
 * predecessor had it: it grows at the end only (base/heritage.h). */
struct child {
	const struct program *program;
	unsigned instance;		/* on demand: the owner's uid */
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
	struct pace messages;		/* from it */
	/* on demand only */
	char owner[OWNER_NAME_SIZE];	/* his name, once his process has begun */
	unsigned offers;		/* wires that were put into its socket */
	int64_t told;			/* monotonic ms: when END was sent */
	/* at an upgrade only */
	enum stage stage;
	int64_t kill_at;		/* monotonic ms; 0: it may take its time */
	/* the reload that it was told of and has not taken up yet; 0: none */
	uint32_t settling;
};

struct master {
	struct config *config;
	struct services services;
	const char *pattern;		/* of program paths */
	const char *table;		/* path of etc/services */
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
	struct pace demands, refusals;	/* processes begun on demand; lines of
					 * the log about those that are not */
	bool is_started;		/* all children have been ready once */
	int64_t stop_began;		/* monotonic ms; 0: not stopping */
	bool is_failed;			/* a child could not start */
	int64_t upgrade_until;		/* monotonic ms; 0: none is under way */
	int asker;			/* of it: which of commands */
	uint32_t reloads;		/* so far */
};

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

/* After a failure: when it may be started again. */
void
child_plan_restart(struct child *child, int64_t now);

/* Forks it. `before`: the process that is to have ended first, or 0. */
int
child_start(struct master *master, struct child *child, pid_t before,
	struct error *error);

/* Tells it to end; kills it when it does not listen. */
void
child_tell_end(struct child *child);

/* The same at the end of the table, with its user. */
int
child_add(struct master *master, const struct program *program,
	unsigned instance, struct error *error);

/* Sends it the listeners of its program; those it has it knows. */
int
child_tell_listeners(const struct master *master, const struct child *child,
	struct error *error);

/* A place for a process that can be started. -1 when there is no memory. */
int
child_init(struct child *child, const struct program *program,
	unsigned instance, struct error *error);

/* ---- wires.c ---- */

/* Joins caller (NULL: the command) at `socket` as the message asks. */
void
wires_connect(struct master *master, int socket, const struct child *caller,
	const struct control_message *message);

/* ---- demand.c, starter.c ---- */

/* The process of the owner with this uid, started if it does not run; NULL:
 * not now. */
struct child *
demand_get(struct master *master, const struct program *program, uint32_t uid);

/* What only processes on demand say: OWNER and IDLE. false: it is refused. */
bool
demand_take(struct child *child, const struct control_message *message);

/* It has ended by itself or because it was told. */
void
demand_end(struct child *child, int64_t now);

/* Kills it when it does not end. Returns when to be called again. */
int64_t
demand_tick(struct child *child, int64_t now);

/* In the forked child, its descriptors in place: finds the owner, makes his
 * directory, tells master. -1: the log says why. */
int
starter_run(const struct master *master, const struct child *child,
	pid_t before, struct owner *owner);

/* ---- files.c ---- */

/* Opens the files of `file` rows, or the log and its copy, in place of those
 * that are open. All or nothing. */
int
files_open(struct master *master, const struct config *config,
	struct error *error);
int
files_open_log(struct master *master, const struct config *config,
	struct error *error);

/* ---- upgrade.c ---- */

/* The command's wish: executes the master that is installed now with this
 * configuration. Returns only when nothing has changed. */
int
upgrade_execute(struct master *master, int asker, int config,
	struct error *error);

/* In that master: takes over what the other left. */
int
upgrade_take_over(struct master *master, int heritage, struct error *error);
/* And starts the programs that are installed now beside those that run. */
void
upgrade_begin(struct master *master);

/* When all of them serve, the others retire. */
void
upgrade_tick(struct master *master, int64_t now);
/* They are killed, and all stays as it was. */
void
upgrade_give_up(struct master *master, const char *reason);

/* ---- command.c ---- */

/* One PROCESS for each, and DONE. is_command: with its whole page, else with a
 * copy of the numbers in it, without the lines of the log behind them. */
void
command_send_status(struct master *master, int socket,
	const struct control_message *request, bool is_command);

/* The command's answer: 0 and nothing, or a number and a sentence. */
void
command_answer(int socket, uint32_t serial, int number, const char *text);

int
command_listen(struct master *master, struct error *error);
void
command_accept(struct master *master);
void
command_read(struct master *master, size_t i);

#endif
