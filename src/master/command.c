/*
 * The operator's command on runtime_directory/control: stop, reload, status,
 * and wires to the services that the table gives to "command". Only root and
 * the user who started the system are heard.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/listening.h"
#include "base/log.h"
#include "master/master.h"
#include "serve/counter.h"

int
command_listen(struct master *master, struct error *error)
{
	for (size_t i = 0; i < MASTER_COMMANDS; i++)
		master->commands[i] = -1;
	master->command_listener = listening_unix(master->runtime_dir,
		"control", SOCK_SEQPACKET, 0600, error);
	return master->command_listener < 0 ? -1 : 0;
}

void
command_accept(struct master *master)
{
	int fd = accept4(master->command_listener, NULL, NULL,
		SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	for (size_t i = 0; i < MASTER_COMMANDS && listening_is_ours(fd); i++) {
		if (master->commands[i] >= 0)
			continue;
		master->commands[i] = fd;
		return;
	}
	file_close(&fd);
}

void
command_answer(int socket, uint32_t serial, int number, const char *text)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_DONE, .serial = serial,
		.value = number };
	struct error error;
	snprintf(message.text, sizeof(message.text), "%s", text);
	control_send(socket, &message, NULL, 0, &error);
}

/* Everything, or nothing and a sentence. */
static int
reload(struct master *master, int fd, struct error *error)
{
	struct config *config = NULL;
	if (master->upgrade_until != 0)
		return error_set(error, ERROR_LATER,
			"an upgrade is under way");
	int result = config_read(fd, &config, error);
	if (result == 0)
		result = services_check_pinned(master->config, config, error);
	if (result == 0 && (result = listeners_open(&master->listeners,
	    &master->services, config, error)) == 0) {
		result = files_open(master, config, error);
		if (result == 0)
			result = files_open_log(master, config, error);
		if (result < 0)
			listeners_undo(&master->listeners);
	}
	if (result < 0) {
		config_free(&config);
		return -1;
	}
	config_free(&master->config);
	master->config = config;
	child_reload_all(master);
	listeners_close_unwanted(&master->listeners);
	log_event(LOG_INFO, "reloaded", NULL);
	return 0;
}

static int
copy_numbers(int page, struct error *error)
{
	char bytes[offsetof(struct counter_page, in_hand)];
	return pread(page, bytes, sizeof(bytes), 0) != sizeof(bytes) ? -1 :
		file_open_memory("counters", span_of(bytes, sizeof(bytes)),
			error);
}

void
command_send_status(struct master *master, int socket,
	const struct control_message *request, bool is_command)
{
	struct error error;
	for (size_t i = 0; i < master->child_count; i++) {
		const struct child *child = &master->children[i];
		if (child->pid == 0 && !services_wants(child->program,
		    master->config))
			continue;
		struct control_message message = { .version = CONTROL_VERSION,
			.kind = CONTROL_PROCESS, .serial = request->serial,
			.instance = child->instance, .pid = child->pid,
			.restarts = child->restarts,
			.started = child->pid > 0 ? child->started : 0,
			.value = child->settling != 0 ? CONTROL_SETTLING :
			child->is_ready ? CONTROL_SERVING : CONTROL_STARTING };
		snprintf(message.peer, sizeof(message.peer), "%s%s",
			child->program->name, child->stage == CHILD_CURRENT ?
			"" : child->stage == CHILD_RETIRED ? " (old)" :
			" (new)");
		snprintf(message.text, sizeof(message.text), "%s",
			child->owner);
		int copy = is_command ? -1 : copy_numbers(child->page, &error);
		control_send(socket, &message, is_command ? &child->page :
			&copy, is_command || copy >= 0, &error);
		file_close(&copy);
	}
	command_answer(socket, request->serial, 0, "");
}

static void
take_message(struct master *master, int socket,
	const struct control_message *message, int fd)
{
	struct error error = { 0 };
	switch (message->kind) {
	case CONTROL_STOP:
		log_event(LOG_INFO, "stop", NULL);
		child_stop_all(master);
		command_answer(socket, message->serial, 0, "");
		break;
	case CONTROL_RELOAD:
		if (reload(master, fd, &error) < 0)
			log_event(LOG_ERROR, "reload-failed", NULL,
				LOG_TEXT("reason", error.text));
		command_answer(socket, message->serial, (int)error.code, error.text);
		break;
	case CONTROL_UPGRADE:
		upgrade_execute(master, socket, fd, &error);
		log_event(LOG_ERROR, "upgrade-failed", NULL,
			LOG_TEXT("reason", error.text));
		command_answer(socket, message->serial, (int)error.code,
			error.text);
		break;
	case CONTROL_STATUS:
		command_send_status(master, socket, message, true);
		break;
	case CONTROL_CONNECT:
		wires_connect(master, socket, NULL, message);
		break;
	default:
		command_answer(socket, message->serial, ERROR_USAGE, "an unknown request");
	}
}

void
command_read(struct master *master, size_t i)
{
	struct control_message message;
	int fd;
	switch (control_receive(master->commands[i], &message, &fd)) {
	case CONTROL_OK:
		take_message(master, master->commands[i], &message, fd);
		file_close(&fd);
		break;
	case CONTROL_NONE:
		break;
	case CONTROL_GONE:
		file_close(&master->commands[i]);
	}
}
