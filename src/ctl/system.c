#include "ctl/system.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ctl/programs.h"

enum { SYSTEM_TIMEOUT = 15000, SYSTEM_LINE_LIMIT = 1 << 20,
	UPGRADE_TIMEOUT = 60 /* s */ };

/* The path of a socket may be longer than a sockaddr holds: go by the
 * directory's descriptor. */
static int
connect_in(const char *directory, const char *name, int socket,
	struct error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_set_errno(error, "opening %s", directory);
	snprintf(address.sun_path, sizeof(address.sun_path),
		"/proc/self/fd/%d/%s", dir, name);
	int result = connect(socket, (struct sockaddr *)&address,
		sizeof(address));
	if (result < 0)
		error_set_errno(error, "connecting to %s/%s", directory, name);
	file_close(&dir);
	return result;
}

int
system_connect(const struct config *config, int *control, struct error *error)
{
	const char *directory = config_text(config, "runtime_directory");
	struct timeval timeout = { .tv_sec = SYSTEM_TIMEOUT / 1000 };
	*control = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (*control < 0)
		return error_set_errno(error, "making a socket");
	if (connect_in(directory, "control", *control, error) < 0) {
		if (error->number == ENOENT || error->number == ECONNREFUSED)
			error_set(error, ERROR_GONE, "no system is running "
				"with runtime_directory %s", directory);
		file_close(control);
		return -1;
	}
	setsockopt(*control, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return 0;
}

int
system_connect_socket(const struct config *config, const char *name, int *fd,
	struct error *error)
{
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return error_set_errno(error, "making a socket");
	int result = connect_in(config_text(config, "runtime_directory"), name,
		*fd, error);
	if (result < 0 && (error->number == ENOENT ||
	    error->number == ECONNREFUSED))
		error_set(error, ERROR_GONE, "no system is running with "
			"runtime_directory %s", config_text(config,
			"runtime_directory"));
	if (result < 0)
		file_close(fd);
	return result;
}

int
system_send(int control, const struct control_message *message, int fd,
	struct error *error)
{
	union { char bytes[CMSG_SPACE(sizeof(int))]; size_t align; } room;
	struct iovec piece = { (void *)(uintptr_t)message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1 };
	memset(&room, 0, sizeof(room));
	if (fd >= 0) {
		header.msg_control = room.bytes;
		header.msg_controllen = sizeof(room.bytes);
		struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &fd, sizeof(int));
	}
	if (sendmsg(control, &header, MSG_NOSIGNAL) < 0)
		return error_set_errno(error, "writing to master");
	return 0;
}

int
system_receive(int control, struct control_message *message, int *fd,
	struct error *error)
{
	union { char bytes[CMSG_SPACE(sizeof(int))]; size_t align; } room;
	struct iovec piece = { message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1,
		.msg_control = room.bytes, .msg_controllen = sizeof(room.bytes) };
	*fd = -1;
	ssize_t n = recvmsg(control, &header, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return error_set_errno(error, "reading from master");
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
	if (rights != NULL && rights->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(rights), sizeof(int));
	if (n == sizeof(*message) && message->version == CONTROL_VERSION)
		return 0;
	file_close(fd);
	return error_set(error, ERROR_GONE, "master closed the connection");
}

int
system_request(const struct config *config, enum control_kind kind, int fd,
	struct error *error)
{
	int control, none;
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = kind, .serial = 1 };
	if (system_connect(config, &control, error) < 0)
		return -1;
	int result = system_send(control, &message, fd, error);
	if (kind == CONTROL_UPGRADE)
		setsockopt(control, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){
			.tv_sec = UPGRADE_TIMEOUT }, sizeof(struct timeval));
	if (result == 0)
		result = system_receive(control, &message, &none, error);
	if (result == 0) {
		file_close(&none);
		message.text[sizeof(message.text) - 1] = '\0';
		if (message.kind != CONTROL_DONE || message.value != 0)
			result = error_set(error, ERROR_REFUSED, "%s",
				message.text[0] != '\0' ? message.text :
				"master refused");
	}
	file_close(&control);
	return result;
}

int
system_walk(const struct config *config, system_process_function *function,
	void *context, struct error *error)
{
	int control, fd;
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_STATUS, .serial = 1 };
	if (system_connect(config, &control, error) < 0)
		return -1;
	int result = system_send(control, &message, -1, error);
	while (result == 0) {
		result = system_receive(control, &message, &fd, error);
		if (result < 0 || message.kind == CONTROL_DONE)
			break;
		if (message.kind == CONTROL_PROCESS)
			function(context, &message, fd);
		file_close(&fd);
	}
	file_close(&control);
	return result;
}

/* ---- wires ---- */

/* auth as a child with one end of a pair, when no system runs. */
static int
start_offline_auth(const struct config *config, struct system_wire *wire,
	struct error *error)
{
	char program[4096], config_fd[16], wire_fd[16];
	struct buffer blob;
	int pair[2];
	if (programs_path("auth", program, sizeof(program), error) < 0)
		return -1;
	int memory = memfd_create("configuration", 0);
	if (memory < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return error_set_errno(error, "preparing to start auth");
	buffer_init(&blob, 0);
	config_write(config, "auth", &blob);
	int result = file_write_all(memory, buffer_span(&blob), error);
	buffer_fini(&blob);
	fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	snprintf(config_fd, sizeof(config_fd), "%d", memory);
	snprintf(wire_fd, sizeof(wire_fd), "%d", pair[1]);
	wire->child = result < 0 ? -1 : fork();
	if (wire->child == 0) {
		execl(program, "auth", "--offline", config_fd, wire_fd, NULL);
		_exit(127);
	}
	close(memory);
	close(pair[1]);
	wire->fd = pair[0];
	if (wire->child < 0) {
		wire->child = 0;
		file_close(&wire->fd);
		return result < 0 ? -1 : error_set_errno(error, "starting auth");
	}
	return 0;
}

static int
connect_wire(int control, const char *service, unsigned instance, int *fd,
	struct error *error)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_CONNECT, .serial = 1, .instance = instance };
	snprintf(message.service, sizeof(message.service), "%s", service);
	if (system_send(control, &message, -1, error) < 0 ||
	    system_receive(control, &message, fd, error) < 0)
		return -1;
	if (message.kind == CONTROL_WIRE && *fd >= 0)
		return 0;
	file_close(fd);
	return error_set(error, ERROR_LATER, "%s does not answer now", service);
}

int
system_wire_open(const struct config *config, const char *service,
	unsigned instance, struct system_wire *wire, struct error *error)
{
	int control, result;
	*wire = (struct system_wire){ .fd = -1 };
	buffer_init(&wire->in, SYSTEM_LINE_LIMIT);
	if (system_connect(config, &control, error) == 0) {
		result = connect_wire(control, service, instance, &wire->fd,
			error);
		file_close(&control);
	} else if (error->code == ERROR_GONE &&
	    strcmp(service, "auth-admin") == 0) {
		result = start_offline_auth(config, wire, error);
	} else {
		result = -1;
	}
	if (result == 0)
		result = file_write_all(wire->fd, SPAN("VERSION\t1\t2\n"), error);
	if (result < 0)
		system_wire_close(wire);
	return result;
}

void
system_wire_close(struct system_wire *wire)
{
	file_close(&wire->fd);
	buffer_fini(&wire->in);
	if (wire->child > 0)
		waitpid(wire->child, NULL, 0);
	wire->child = 0;
}

static int
fill(struct system_wire *wire, int64_t deadline, struct error *error)
{
	struct pollfd slot = { .fd = wire->fd, .events = POLLIN };
	if (!buffer_reserve(&wire->in, 65536 / 4))
		return error_set(error, ERROR_DAMAGED, "an answer is too long");
	if (poll(&slot, 1, clock_until(deadline)) <= 0)
		return error_set(error, ERROR_TIMEOUT,
			"no answer within %d seconds", SYSTEM_TIMEOUT / 1000);
	ssize_t n = read(wire->fd, wire->in.data + wire->in.size, 65536 / 4);
	if (n < 0 && errno != EINTR)
		return error_set_errno(error, "reading an answer");
	if (n == 0)
		return error_set(error, ERROR_GONE,
			"the other process ended before it answered");
	wire->in.size += n > 0 ? (size_t)n : 0;
	return 0;
}

static int
next_line(struct system_wire *wire, struct span *line, struct error *error)
{
	int64_t deadline = clock_monotonic() + SYSTEM_TIMEOUT;
	for (;;) {
		struct span unread = span_skip(buffer_span(&wire->in),
			wire->start);
		size_t end = span_find(unread, '\n');
		if (end < unread.size) {
			*line = span_first(unread, end);
			wire->start += end + 1;
			return 0;
		}
		buffer_shift(&wire->in, wire->start);
		wire->start = 0;
		if (fill(wire, deadline, error) < 0)
			return -1;
	}
}

static int
take_answer(const struct tabline *answer, system_row_function *row,
	system_row_function *done, void *context, bool *is_end,
	struct error *error)
{
	struct span kind = answer->count > 0 ? answer->field[0] : SPAN("");
	struct span reason = SPAN("refused");
	*is_end = true;
	if (span_equals(kind, SPAN("FAIL"))) {
		tabline_get(answer, 2, "reason", &reason);
		return error_set(error, ERROR_REFUSED, "%.*s",
			SPAN_PRINT(reason));
	}
	if (span_equals(kind, SPAN("OK"))) {
		if (done != NULL)
			done(context, answer);
		return 0;
	}
	*is_end = false;
	if (span_equals(kind, SPAN("ROW")) && row != NULL)
		row(context, answer);
	return 0;
}

int
system_call(struct system_wire *wire, const char *command, struct span fields,
	system_row_function *row, system_row_function *done, void *context,
	struct error *error)
{
	struct buffer request;
	struct span line;
	bool is_end = false;
	int result;
	buffer_init(&request, SYSTEM_LINE_LIMIT);
	buffer_print(&request, "%s\t%llu", command,
		(unsigned long long)++wire->next_id);
	if (fields.size > 0)
		buffer_add_byte(&request, '\t');
	buffer_add(&request, fields);
	tabline_end(&request);
	signal(SIGPIPE, SIG_IGN);
	result = file_write_all(wire->fd, buffer_span(&request), error);
	while (result == 0 && !is_end) {
		struct arena arena;
		struct tabline answer;
		result = next_line(wire, &line, error);
		arena_init(&arena, 0);
		if (result == 0 && !tabline_parse(line, &arena, &answer))
			result = error_set(error, ERROR_DAMAGED,
				"an answer is malformed");
		if (result == 0)
			result = take_answer(&answer, row, done, context,
				&is_end, error);
		arena_fini(&arena);
	}
	buffer_fini(&request);
	return result;
}
