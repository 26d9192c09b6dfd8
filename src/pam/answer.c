/*
 * Runs modules of others as root on what a stranger typed. What hangs or goes on
 * beside is killed with it: it is the first process of a PID namespace of its
 * own, which the kernel empties when it ends.
 */
#include "pam/answer.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pam/check.h"
#include "pam/confine.h"
#include "pam/lookup.h"
#include "proto/tabline.h"

/* Up to the end of its line. */
static bool
read_question(char line[TABLINE_LIMIT], size_t *size)
{
	*size = 0;
	for (;;) {
		ssize_t n = read(ANSWER_FD, line + *size,
			TABLINE_LIMIT - *size);
		if (n <= 0)
			return false;
		*size += (size_t)n;
		if (line[*size - 1] == '\n')
			break;
		if (*size == TABLINE_LIMIT)
			return false;
	}
	--*size;
	return true;
}

static int
answer_one(void)
{
	static char line[TABLINE_LIMIT];
	struct question question;
	struct arena arena;
	struct buffer out;
	size_t size;
	/* Whatever a module starts does not inherit it. */
	fcntl(ANSWER_FD, F_SETFD, FD_CLOEXEC);
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	if (!read_question(line, &size) ||
		!question_parse(span_of(line, size), &arena, &question))
		return 1;
	explicit_bzero(line, size);
	if (question.kind == QUESTION_CHECK)
		check_answer(&question, &out);
	else
		lookup_answer(&question, &out);
	question_fini(&question);
	tabline_end(&out);
	return write(ANSWER_FD, out.data, out.size) == (ssize_t)out.size ? 0 :
		1;
}

/* Ends with pam, whatever ends that. Where there are no namespaces the group of
 * the process must do. */
int
answer_main(void)
{
	struct error error;
	int status = 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() == 1)
		return 1;	/* it has ended already */
	bool has_namespace = unshare(CLONE_NEWPID) == 0;
	pid_t child = has_namespace ? fork() : 0;
	if (child < 0)
		return 1;
	if (child > 0) {
		close(ANSWER_FD);
		return waitpid(child, &status, 0) == child && status == 0 ?
			0 : 1;
	}
	if (has_namespace)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return confine_enter(false, &error) == 0 ? answer_one() : 1;
}
