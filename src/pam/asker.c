/* See asker.h. Runs on the workers of pam. */
#include "pam/asker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "pam/answer.h"
#include "proto/tabline.h"
#include "serve/counter.h"

enum { ANSWER_LIMIT = 8192 };

/* What may be asked, and what is said when it cannot be answered. */
static struct kind {
	const char *name, *later;
	int wait;
	unsigned most;
	atomic_uint now;
} kinds[] = {
	{ "LOOKUP", "FAIL", ASKER_LOOKUP_WAIT, ASKER_LOOKUPS, 0 },
	{ "CHECK", "LATER", ASKER_CHECK_WAIT, ASKER_CHECKS, 0 },
};

/* ---- one child ---- */

/* A new image: nothing of what others asked is in its memory. No descriptor but
 * the question's, nothing in the environment, a group of its own. */
static pid_t
start(int question)
{
	char name[] = "pam", flag[] = "--answer";
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const arguments[] = { name, flag, NULL };
	char *const environment[] = { path, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	pid_t child = -1;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID |
		POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	if (posix_spawn_file_actions_adddup2(&files, question, ANSWER_FD) ||
		posix_spawn_file_actions_adddup2(&files, 0, 1) != 0 ||
		posix_spawn_file_actions_adddup2(&files, 0, 2) != 0 ||
		posix_spawn_file_actions_addclosefrom_np(&files,
		ANSWER_FD + 1) != 0 || posix_spawn(&child, "/proc/self/exe",
		&files, &attributes, arguments, environment) != 0)
		child = -1;
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return child;
}

/* One line, the end of the socket, or the end of its time. */
static bool
read_answer(int fd, int64_t deadline, struct buffer *answer)
{
	char bytes[1024];
	while (answer->size == 0 ||
		answer->data[answer->size - 1] != '\n') {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - clock_monotonic();
		if (left <= 0 || poll(&wait, 1, (int)left) == 0)
			return false;
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return false;
		buffer_add(answer, span_of(bytes, (size_t)n));
		if (buffer_is_overrun(answer))
			return false;
	}
	return true;
}

static bool
exchange(struct span line, int64_t deadline, struct buffer *answer)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	pid_t child = start(pair[1]);
	file_close(&pair[1]);
	bool ok = child > 0 &&
		send(pair[0], line.data, line.size, MSG_NOSIGNAL) ==
		(ssize_t)line.size &&
		send(pair[0], "\n", 1, MSG_NOSIGNAL) == 1 &&
		read_answer(pair[0], deadline, answer);
	file_close(&pair[0]);
	if (child > 0) {
		kill(-child, SIGKILL);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	return ok;
}

/* A child that ran modules of others is not believed to speak for another
 * question than its own. */
static bool
is_answer(struct span answer, struct span id, struct arena *arena)
{
	struct tabline fields;
	return tabline_parse(span_first(answer, span_find(answer, '\n')),
		arena, &fields) && fields.count >= 2 &&
		span_find(answer, '\n') == answer.size - 1 &&
		span_equals(fields.field[1], id);
}

/* ---- questions ---- */

static void
say_later(const struct kind *kind, struct span id, const char *reason,
	struct buffer *out)
{
	buffer_add_string(out, kind->later);
	tabline_add(out, id);
	tabline_add_pair(out, "reason", span_from(reason));
	tabline_end(out);
}

static void
ask_child(const struct kind *kind, struct span line, struct span id,
	struct arena *arena, struct buffer *out)
{
	struct buffer answer;
	int64_t began = clock_monotonic();
	buffer_init(&answer, ANSWER_LIMIT);
	if (exchange(line, began + kind->wait, &answer) &&
		is_answer(buffer_span(&answer), id, arena)) {
		buffer_add(out, buffer_span(&answer));
	} else {
		log_event(LOG_ERROR, "question-not-answered", NULL,
			LOG_TEXT("kind", kind->name),
			LOG_NUMBER("ms", clock_monotonic() - began));
		say_later(kind, id, "PAM or the name service does not answer",
			out);
	}
	buffer_fini(&answer);
}

void
asker_set_waits(int lookup, int check)
{
	kinds[0].wait = lookup;
	kinds[1].wait = check;
}

bool
asker_ask(struct span line, struct buffer *out)
{
	struct tabline fields;
	struct arena arena;
	size_t i = 0, count = sizeof(kinds) / sizeof(kinds[0]);
	arena_init(&arena, 0);
	bool ok = tabline_parse(line, &arena, &fields) && fields.count >= 3;
	while (ok && i < count &&
		!span_equals(fields.field[0], span_from(kinds[i].name)))
		i++;
	ok = ok && i < count;
	if (ok && atomic_fetch_add(&kinds[i].now, 1) < kinds[i].most)
		ask_child(&kinds[i], line, fields.field[1], &arena, out);
	else if (ok)
		say_later(&kinds[i], fields.field[1],
			"too many questions at once", out);
	if (ok)
		atomic_fetch_sub(&kinds[i].now, 1);
	counter_add(COUNTER_COMMANDS, 1);
	arena_fini(&arena);
	return ok;
}
