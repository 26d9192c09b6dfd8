/*
 * A program for the tests of the supervisor and of the skeleton of processes:
 * started by master under several names, it does on each line what it is told.
 *	ECHO text		the text
 *	BACK line		a line to back-echo and its answer
 *	CALL instance text	a line to back-echo of that instance and its answer
 *	OWNED uid line		a line to owned-echo of that user and its answer
 *	SPOOL line		a line to spoollock and its answer
 *	WHO			whose process this is, whose the caller's
 *	TARRY			takes a second longer to end
 *	FORBIDDEN		asks for a wire that the table does not give
 *	CONFIG name		a parameter
 *	NAME			who this is: name, instance, user, descriptors
 *	DEATHS message		how often the process died with it in hand; keeps
 *				it in hand
 *	CLEAR			lays that down
 *	ABORT			ends as a bug would
 *	FLOOD			writes to master as fast as it can, and asks for wires
 *	SHARED			may it cut its counters, may it write generations
 *	NONSENSE		writes to master what no process of ours writes
 * "owned" is on demand, and idle after a second. "front" listens, "back" is called, "keeper" has files, "spiller" spills.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "proto/control.h"
#include "serve/counter.h"
#include "serve/jail.h"
#include "serve/listener.h"
#include "serve/wire.h"

enum { WORKERS = 8, IDLE = 1000, CALL_WAIT = 4000, LINE_LIMIT = 1000,
	CONTROL_FD = 3, COUNTER_FD = 5, GENERATIONS_FD = 6 };

static struct wire_pool *backs[2], *forbidden, *spool;
static struct lot *lot;
static bool does_tarry;
static const struct config *current;
static unsigned descriptors_at_birth;
static unsigned in_hand;

struct conversation {
	struct session session;
	struct stream stream;
	bool is_wire;
	char caller_owner[64];
};

/* ---- what lines do ---- */

static void
do_call(struct stream *out, struct wire_pool *pool, struct span line_out)
{
	struct error error;
	struct span line;
	struct wire *wire = wire_take(pool, clock_monotonic() + CALL_WAIT, &error);
	if (wire == NULL) {
		stream_print(out, "LATER %s\n", error.text);
		return;
	}
	bool is_new = wire->is_new;
	stream_print(&wire->stream, "%.*s\n", SPAN_PRINT(line_out));
	if (stream_send(&wire->stream, &error) < 0 ||
	    stream_read_line(&wire->stream, LINE_LIMIT, &line, &error) < 0) {
		stream_print(out, "FAILED %s\n", error.text);
		wire_drop(&wire);
		return;
	}
	stream_print(out, "%s %.*s\n", is_new ? "NEW" : "KEPT",
		SPAN_PRINT(line));
	wire_give(&wire);
}

static void
do_echo(struct stream *out, struct wire_pool *pool, struct span text)
{
	char line[LINE_LIMIT];
	int size = snprintf(line, sizeof(line), "ECHO %.*s", SPAN_PRINT(text));
	do_call(out, pool, span_of(line, (size_t)size));
}

/* A pool for this one call: every one is a new wire. */
static void
do_owned(struct stream *out, struct span rest)
{
	struct span word;
	uint64_t uid = 0;
	if (!span_word(&rest, &word) ||
	    !span_to_number(word, UINT32_MAX, &uid))
		return;
	struct wire_pool *pool = wire_pool_new(lot, "owned-echo",
		(unsigned)uid);
	do_call(out, pool, span_trim(rest));
	wire_pool_free(&pool);
}

static void
do_who(struct stream *out, const struct conversation *c)
{
	const struct process *process = process_get();
	stream_print(out, "%s %u owner=%s home=%s uid=%u caller=%s\n",
		process->name, process->instance,
		process->owner == NULL ? "" : process->owner,
		process->home == NULL ? "" : process->home,
		(unsigned)geteuid(), c->caller_owner);
}

static void
do_deaths(struct stream *out, struct span word)
{
	uint64_t message = 0;
	unsigned deaths;
	span_to_number(word, 1000000, &message);
	in_hand = counter_in_hand_set(1, message, &deaths);
	stream_print(out, "%u\n", deaths);
}

/* What master and everybody else looks at must not be this process's to break. */
static void
do_shared(struct stream *out)
{
	void *at = mmap(NULL, COUNTER_PAGE_SIZE, PROT_READ | PROT_WRITE,
		MAP_SHARED, GENERATIONS_FD, 0);
	stream_print(out, "cut=%s write=%s\n",
		ftruncate(COUNTER_FD, 0) == 0 ? "yes" : "no",
		at != MAP_FAILED ? "yes" : "no");
	if (at != MAP_FAILED)
		munmap(at, COUNTER_PAGE_SIZE);
}

static void
do_flood(struct stream *out)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.serial = UINT32_MAX, .service = "back-echo" };
	struct pollfd master = { .fd = CONTROL_FD, .events = POLLOUT };
	int64_t until = clock_monotonic() + 60000;
	unsigned count = 0;
	/* a few wires: 2,000 a second are more than a busy machine makes.
	 * Waits when there is no room: a busy loop would take from master the
	 * time in which it counts. */
	while (clock_monotonic() < until) {
		message.kind = count % 32 == 0 ? CONTROL_CONNECT :
			CONTROL_SETTLED;
		ssize_t n = send(CONTROL_FD, &message, sizeof(message),
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			count++;
		else if (errno != EAGAIN || poll(&master, 1, 1000) < 0)
			break;
	}
	stream_print(out, "%u\n", count);
}

static void
do_line(struct conversation *c, struct span line)
{
	struct stream *out = &c->stream;
	struct span word, rest = line;
	if (!span_word(&rest, &word))
		return;
	rest = span_trim(rest);
	if (span_equals(word, SPAN("ECHO"))) {
		stream_print(out, "%.*s\n", SPAN_PRINT(rest));
	} else if (span_equals(word, SPAN("CALL"))) {
		struct span instance;
		if (span_word(&rest, &instance))
			do_echo(out, backs[instance.data[0] & 1], rest);
	} else if (span_equals(word, SPAN("OWNED"))) {
		do_owned(out, rest);
	} else if (span_equals(word, SPAN("BACK"))) {
		do_call(out, backs[0], rest);
	} else if (span_equals(word, SPAN("SPOOL"))) {
		do_call(out, spool, rest);
	} else if (span_equals(word, SPAN("WHO"))) {
		do_who(out, c);
	} else if (span_equals(word, SPAN("TARRY"))) {
		does_tarry = true;
		stream_print(out, "tarries\n");
	} else if (span_equals(word, SPAN("FORBIDDEN"))) {
		do_echo(out, forbidden, rest);
	} else if (span_equals(word, SPAN("CONFIG"))) {
		char name[64];
		snprintf(name, sizeof(name), "%.*s", SPAN_PRINT(rest));
		stream_print(out, "%s\n", config_text(current, name));
	} else if (span_equals(word, SPAN("NAME"))) {
		const struct process *process = process_get();
		stream_print(out, "%s %u %s %u\n", process->name,
			process->instance, process->user, descriptors_at_birth);
	} else if (span_equals(word, SPAN("DEATHS"))) {
		do_deaths(out, rest);
	} else if (span_equals(word, SPAN("CLEAR"))) {
		counter_in_hand_clear(in_hand);
		stream_print(out, "cleared\n");
	} else if (span_equals(word, SPAN("SHARED"))) {
		do_shared(out);
	} else if (span_equals(word, SPAN("FLOOD"))) {
		do_flood(out);
	} else if (span_equals(word, SPAN("NONSENSE"))) {
		send(CONTROL_FD, "nonsense", 8, MSG_NOSIGNAL);
	} else if (span_equals(word, SPAN("ABORT"))) {
		abort();
	} else {
		stream_print(out, "unknown\n");
	}
}

/* ---- the session ---- */

static enum session_next
run(struct session *session, enum session_event event)
{
	struct conversation *c = (struct conversation *)session;
	if (event == SESSION_START && !c->is_wire)
		stream_print(&c->stream, "hello\n");
	if (event == SESSION_STOP) {
		stream_print(&c->stream, "bye\n");
		stream_flush(&c->stream);
		return SESSION_CLOSE;
	}
	int n = event == SESSION_READABLE ? stream_fill(&c->stream) : -1;
	for (;;) {
		struct span unread = stream_unread(&c->stream);
		size_t end = span_find(unread, '\n');
		if (end == unread.size)
			break;
		do_line(c, span_first(unread, end));
		stream_consume(&c->stream, end + 1);
	}
	if (n == 0 || n == -2 || stream_flush(&c->stream) == STREAM_BROKEN)
		return SESSION_CLOSE;
	stream_shrink(&c->stream);
	return SESSION_PARK;
}

static void
end(struct session **session)
{
	struct conversation *c = (struct conversation *)*session;
	stream_fini(&c->stream);
	memory_free(c);
	*session = NULL;
}

static const struct session_type type = { "probe", run, end };

static void
begin(struct lot *in, struct incoming *incoming)
{
	struct conversation *c = memory_new(sizeof(*c));
	stream_init(&c->stream, &incoming->fd);
	c->stream.deadline = INT64_MAX;
	c->is_wire = c->session.is_background = incoming->caller != NULL;
	if (c->is_wire)
		snprintf(c->caller_owner, sizeof(c->caller_owner), "%s",
			incoming->caller_owner);
	c->session.type = &type;
	c->session.fd = c->stream.fd;
	c->session.second_fd = -1;
	c->session.deadline = INT64_MAX;
	lot_add(in, &c->session);
}

static void
reload(const struct config *config)
{
	current = config;
}

static unsigned
count_descriptors(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			count++;
	return count;
}

/* ---- the jail ---- */

static void
say(const char *act, bool is_possible)
{
	log_event(LOG_INFO, "allowed", NULL, LOG_TEXT("act", act),
		LOG_TEXT("possible", is_possible ? "yes" : "no"));
}

/* What the kinds of jails allow must go on working inside. */
static void
try_what_is_allowed(int root)
{
	struct error error;
	int spill = file_open_spill(root, &error);
	say("spill", spill >= 0 && pwrite(spill, "x", 1, 0) == 1 &&
		ftruncate(spill, 0) == 0);
	file_close(&spill);
	int fd = openat(root, "probe", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
		0600);
	say("write", fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 &&
		renameat(root, "probe", root, "probe2") == 0 &&
		unlinkat(root, "probe2", 0) == 0);
	file_close(&fd);
	fd = openat(root, "../auth", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	say("escape", fd >= 0);
	file_close(&fd);
}

static void
enter_jail(const struct process *process)
{
	static const struct {
		const char *name, *directory;
		unsigned rights;
	} kinds[] = {
		{ "front", NULL, JAIL_ACCEPT | JAIL_SOCKETPAIR | JAIL_THREADS },
		{ "back", NULL, JAIL_THREADS },
		{ "owned", NULL, JAIL_THREADS },
		{ "keeper", "mail",
			JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_THREADS },
		{ "spiller", "spill/smtpd", JAIL_SPILL | JAIL_THREADS },
	};
	struct error error;
	char root[4096];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct jail jail = { .rights = kinds[i].rights };
		int dir = -1;
		if (strcmp(kinds[i].name, process->name) != 0)
			continue;
		if (kinds[i].directory != NULL) {
			snprintf(root, sizeof(root), "%s/%s", config_text(
				process->config, "data_directory"),
				kinds[i].directory);
			jail.root = root;
			dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		}
		if (jail_enter(process, &jail, &error) < 0) {
			log_event(LOG_ERROR, "cannot-start", NULL,
				LOG_TEXT("reason", error.text));
			exit(1);
		}
		if (dir >= 0)
			try_what_is_allowed(dir);
		file_close(&dir);
	}
}

int
main(int argc, char **argv)
{
	static const struct service services[] = {
		{ "smtp", begin }, { "lmtp", begin }, { "back-echo", begin },
		{ "back-admin", begin }, { "owned-echo", begin },
		{ "owned-admin", begin }, { NULL, NULL }
	};
	descriptors_at_birth = count_descriptors();
	struct process *process = process_start(argc, argv);
	current = process->config;
	enter_jail(process);
	lot = lot_new(WORKERS);
	if (process->owner != NULL)
		lot_set_idle_limit(lot, IDLE);
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	backs[0] = wire_pool_new(lot, "back-echo", 0);
	backs[1] = wire_pool_new(lot, "back-echo", 1);
	forbidden = wire_pool_new(lot, "queue-smtp", 0);
	spool = wire_pool_new(lot, "spool-lock", 0);
	lot_run(lot, 2000);
	if (does_tarry)
		nanosleep(&(struct timespec){ 3, 0 }, NULL);
	log_event(LOG_INFO, "ended", NULL);
	return 0;
}
