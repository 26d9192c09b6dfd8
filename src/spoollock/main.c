/*
 * spoollock: locks and makes the files of /var/mail, where only the group mail
 * may make names, for processes that run as users and never have that group.
 * It serves mailbox-user alone. Whose file is meant is what master says of the
 * wire; on the wire stand only
 *
 *	LOCK ID		OK ID; BUSY ID: somebody has it; FAIL ID reason=
 *	UNLOCK ID	OK ID
 *
 * and what is locked is unlocked when the wire ends. It reads no mail: files are
 * another user's, and it has no right to what is in them.
 *
 * What it opens: the directory. Its jail: chroot there, group mail, CAP_CHOWN.
 */
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "proto/system_user.h"
#include "proto/tabline.h"
#include "serve/jail.h"
#include "serve/listener.h"
#include "serve/process.h"
#include "serve/stream.h"
#include "spoollock/spool.h"

enum { WORKERS = 8, WRITE_WAIT = 2000, STOP_GRACE = 1000, LINE_LIMIT = 200 };

static struct spool spool;

/* A wire from one user's process. */
struct lock_session {
	struct session session;
	struct stream stream;
	uid_t owner;
	char name[SYSTEM_USER_NAME_LIMIT + 1];
	bool has_lock;
};

static void
lock(struct lock_session *wire, struct span id, struct buffer *out)
{
	struct error error;
	int result = wire->has_lock ? 0 : spool_lock(&spool, wire->name,
		wire->owner, &error);
	wire->has_lock |= result > 0;
	tabline_add(out, result > 0 ? SPAN("OK") : result == 0 ? SPAN("BUSY") :
		SPAN("FAIL"));
	tabline_add(out, id);
	if (result < 0)
		tabline_add_pair(out, "reason", span_from(error.text));
}

static void
unlock(struct lock_session *wire)
{
	if (wire->has_lock)
		spool_unlock(&spool, wire->name);
	wire->has_lock = false;
}

/* False: it is no request, the wire is to be closed. */
static bool
answer(struct lock_session *wire, struct span line, struct buffer *out)
{
	struct span word, id = line;
	if (span_starts(line, SPAN("VERSION\t1\t")))
		return true;
	if (!span_split(&id, '\t', &word) || id.data == NULL || id.size == 0 ||
		span_find(id, '\t') < id.size)
		return false;
	if (span_equals(word, SPAN("LOCK"))) {
		lock(wire, id, out);
	} else if (span_equals(word, SPAN("UNLOCK"))) {
		unlock(wire);
		tabline_add(out, SPAN("OK"));
		tabline_add(out, id);
	} else {
		return false;
	}
	tabline_end(out);
	return true;
}

static bool
answer_line(struct lock_session *wire, struct span line)
{
	struct error error;
	struct buffer out;
	buffer_init(&out, 0);
	bool ok = answer(wire, line, &out);
	stream_add(&wire->stream, buffer_span(&out));
	buffer_fini(&out);
	wire->stream.deadline = clock_monotonic() + WRITE_WAIT;
	return ok && stream_send(&wire->stream, &error) == 0;
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct lock_session *wire = (struct lock_session *)session;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	for (;;) {
		struct span unread = stream_unread(&wire->stream);
		size_t end = span_find(unread, '\n');
		if (end > LINE_LIMIT)
			return SESSION_CLOSE;
		if (end < unread.size) {
			if (!answer_line(wire, span_first(unread, end)))
				return SESSION_CLOSE;
			stream_consume(&wire->stream, end + 1);
			continue;
		}
		int n = stream_fill(&wire->stream);
		if (n == -1)
			return SESSION_PARK;
		if (n <= 0)
			return SESSION_CLOSE;
	}
}

static void
free_session(struct session **session)
{
	struct lock_session *wire = (struct lock_session *)*session;
	unlock(wire);
	stream_fini(&wire->stream);
	memory_free(wire);
	*session = NULL;
}

static const struct session_type type = { "spool-lock", run, free_session };

static void
accept_wire(struct lot *lot, struct incoming *incoming)
{
	struct span name = span_from(incoming->caller_owner);
	if (name.size > SYSTEM_USER_NAME_LIMIT || !system_user_is_name(name)) {
		log_event(LOG_WARN, "wire-refused", NULL,
			LOG_NUMBER("uid", incoming->caller_instance),
			LOG_SPAN("owner", name),
			LOG_TEXT("reason", "no file can have this name"));
		return;
	}
	struct lock_session *wire = memory_new(sizeof(*wire));
	wire->owner = incoming->caller_instance;
	memcpy(wire->name, name.data, name.size);
	stream_init(&wire->stream, &incoming->fd);
	wire->stream.is_wire = true;
	wire->session = (struct session){ .type = &type,
		.fd = wire->stream.fd, .second_fd = -1, .deadline = INT64_MAX };
	lot_add(lot, &wire->session);
}

static const struct service services[] = {
	{ "spool-lock", accept_wire },
	{ NULL, NULL },
};

static int
enter(struct process *process, struct error *error)
{
	const char *path = config_text(process->config,
		"mail_spool_directory");
	const struct group *mail = getgrnam("mail");
	if (process->is_root && mail == NULL)
		return error_set(error, ERROR_USAGE,
			"there is no group mail, which may write to %s", path);
	if (process->is_root)
		process->gid = spool.group = mail->gr_gid;
	spool.may_give = process->is_root;
	const struct jail jail = { .root = path,
		.rights = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_THREADS |
		JAIL_GIVE_FILES };
	if (jail_enter(process, &jail, error) < 0)
		return -1;
	spool.directory = open(process->is_root ? "/" : path,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return spool.directory < 0 ? error_set_errno(error, "opening %s",
		path) : 0;
}

int
main(int argc, char **argv)
{
	struct error error;
	struct process *process = process_start(argc, argv);
	if (enter(process, &error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	struct lot *lot = lot_new(WORKERS);
	listener_set_services(lot, services);
	lot_run(lot, STOP_GRACE);
	return 0;
}
