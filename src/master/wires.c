/*
 * What most messages are about: joining two processes with a new socket pair,
 * if the table of wires allows it.
 */
#include <stdio.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"
#include "master/master.h"

static struct child *
find_child(struct master *master, const struct program *program,
	unsigned instance)
{
	if (program->is_on_demand)
		return demand_get(master, program, instance);
	for (size_t i = 0; i < master->child_count; i++)
		if (master->children[i].program == program &&
		    master->children[i].stage == CHILD_CURRENT &&
		    master->children[i].instance == instance)
			return &master->children[i];
	return NULL;
}

static const char *
name_of(const struct child *caller)
{
	return caller == NULL ? "command" : caller->program->name;
}

/* The callee's end. A callee that does not read its socket is away. */
static int
offer(struct child *callee, const struct child *caller, const char *service,
	int fd)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_WIRE };
	struct error error;
	if (callee == NULL || callee->control < 0 || callee->is_told)
		return -1;
	snprintf(message.service, sizeof(message.service), "%s", service);
	snprintf(message.peer, sizeof(message.peer), "%s", name_of(caller));
	if (caller != NULL) {
		message.instance = caller->instance;
		message.pid = caller->pid;
		snprintf(message.text, sizeof(message.text), "%s",
			caller->owner);
	}
	if (control_send(callee->control, &message, &fd, 1, &error) < 0)
		return -1;
	callee->offers++;
	return 0;
}

void
wires_connect(struct master *master, int socket, const struct child *caller,
	const struct control_message *message)
{
	struct control_message answer = { .version = CONTROL_VERSION,
		.kind = CONTROL_REFUSED, .serial = message->serial,
		.instance = message->instance };
	struct error error;
	int pair[2] = { -1, -1 };
	const struct wire_row *row = services_find_wire(&master->services,
		name_of(caller), message->service);
	if (row == NULL) {
		log_event(LOG_WARN, "wire-not-in-table", NULL,
			LOG_TEXT("caller", name_of(caller)),
			LOG_TEXT("service", message->service));
	} else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0, pair) < 0) {
		log_event(LOG_ERROR, "no-socket-pair", NULL);
	} else if (offer(find_child(master, row->callee, message->instance),
	    caller, row->service, pair[0]) == 0) {
		answer.kind = CONTROL_WIRE;
	}
	snprintf(answer.service, sizeof(answer.service), "%s",
		message->service);
	/* a caller that does not read gets nothing, and the callee an end */
	control_send(socket, &answer, &pair[1],
		answer.kind == CONTROL_WIRE ? 1 : 0, &error);
	file_close(&pair[0]);
	file_close(&pair[1]);
}
