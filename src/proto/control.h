/*
 * The supervisor's wire: fixed-size messages between master and each process,
 * and between the command and master, on SOCK_SEQPACKET. Descriptors travel as
 * SCM_RIGHTS with them. master parses nothing from a child but this struct.
 */
#ifndef PROTO_CONTROL_H
#define PROTO_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { CONTROL_VERSION = 1, CONTROL_NAME_SIZE = 32 };

enum control_kind {
	/* process or command -> master */
	CONTROL_READY = 1,	/* jailed and serving */
	CONTROL_CONNECT,	/* a wire to .service, instance .instance */
	CONTROL_STOP,		/* command: end the system; DONE at once, and the
				 * socket is gone when everything has ended */
	CONTROL_RELOAD,		/* command: fd: the whole new configuration; DONE
				 * when it holds, or .text says why it does not.
				 * STATUS says who has not taken it up yet */
	CONTROL_STATUS,		/* command, or who may watch: one PROCESS per
				 * process, then DONE */
	CONTROL_OWNER,		/* a process on demand that is being started:
				 * .text is the name of the user whose it is;
				 * once, before anything else */
	CONTROL_IDLE,		/* a process on demand: it has had nothing to do
				 * for a while and has got .value wires. END comes
				 * if that is all master has offered */
	CONTROL_UPGRADE,	/* command: fd: the whole configuration for the
				 * programs that are installed now; DONE when
				 * they have taken over, or .text says why not */
	CONTROL_SETTLED,	/* what came before the SETTLE of this serial is
				 * in force */
	/* master -> process or command */
	CONTROL_LISTENER = 32,	/* fd; .service. All of them at birth and with
				 * each reload; those it has it knows by inode */
	CONTROL_WIRE,		/* fd; answer to CONNECT of the same serial, or
				 * (serial 0) an incoming one from .peer, .pid;
				 * .text: the owner of a caller on demand */
	CONTROL_REFUSED,	/* no such wire for you, or the callee is away */
	CONTROL_CONFIG,		/* fd: new configuration blob */
	CONTROL_LOG,		/* fds: new log and copy */
	CONTROL_FILE,		/* fd of the file that parameter .service names;
				 * .instance: its place in a list, from 0 */
	CONTROL_END,		/* stop serving within the grace time */
	CONTROL_PROCESS,	/* .peer, .instance, .pid (0: not running), .restarts,
				 * .started, .value (enum control_state), .text:
				 * whose it is, if it is on demand; fd: counter
				 * page, for who watches a copy of its numbers */
	CONTROL_DONE,		/* .value: 0 or an error number; .text */
	/* At an upgrade, master -> process */
	CONTROL_WAIT,		/* at birth: say READY, then wait for GO */
	CONTROL_GO,		/* fd: what the predecessor leaves comes here, and
				 * its end is the predecessor's. None: there is none */
	CONTROL_RETIRE,		/* another has your place: accept nothing, end with
				 * your sessions. fd: he waits for that, and what
				 * he is to have goes there */
	CONTROL_FRESH,		/* others have begun: take fresh wires from now on */
	CONTROL_SETTLE,		/* last of a reload: say SETTLED with this serial */
};

enum control_state {
	CONTROL_STARTING,
	CONTROL_SERVING,
	CONTROL_SETTLING,	/* serves, by what was before the last reload */
};

struct control_message {
	uint32_t version;
	uint32_t kind;
	uint32_t serial;
	uint32_t instance;
	char service[CONTROL_NAME_SIZE];
	char peer[CONTROL_NAME_SIZE];
	int64_t value;
	int32_t pid;
	uint32_t restarts;
	int64_t started;	/* wall ms */
	char text[256];		/* a sentence, or the name of an owner */
};

/* Never waits. -1 with ERROR_LATER when the socket is full. */
int
control_send(int socket, const struct control_message *message, const int *fds,
	size_t count, struct error *error);

/* The same for a message that is no more than its kind and a service. */
int
control_tell(int socket, enum control_kind kind, const char *service,
	const int *fds, size_t count, struct error *error);

enum control_result { CONTROL_OK, CONTROL_NONE, CONTROL_GONE };

/* Never waits. fd: one descriptor that came along, or -1; the caller's. */
enum control_result
control_receive(int socket, struct control_message *message, int *fd);

#endif
