/* See check.h. */
#include "ctl/check.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tables.h"
#include "ctl/programs.h"

enum { SENTENCE_LIMIT = 4096 };

/* auth with the tables as its input and a file for what it says. */
static pid_t
start(const char *program, int tables, int out)
{
	pid_t child = fork();
	if (child != 0)
		return child;
	if (dup2(tables, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execl(program, "auth", "--check", (char *)NULL);
	_exit(127);
}

/* What it said, without the end of the line. */
static int
judge(pid_t child, int fd, struct error *error)
{
	struct buffer said;
	struct error ignored;
	int status = 0;
	buffer_init(&said, 0);
	int result = waitpid(child, &status, 0) == child &&
		WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
	file_read_descriptor(fd, SENTENCE_LIMIT, &said, &ignored);
	if (result < 0 && said.size > 0)
		error_set(error, ERROR_USAGE, "%.*s",
			SPAN_PRINT(span_trim(buffer_span(&said))));
	else if (result < 0)
		error_set(error, ERROR_LATER, "virtual_alias_maps could not "
			"be looked at: auth ended with %d", status);
	buffer_fini(&said);
	return result;
}

static int
run(int tables, struct error *error)
{
	char program[4096];
	if (programs_path("auth", program, sizeof(program), error) < 0)
		return -1;
	int said = file_open_memory("said", SPAN(""), error);
	if (said < 0)
		return -1;
	pid_t child = start(program, tables, said);
	int result = child < 0 ? error_set_errno(error, "starting auth") :
		judge(child, said, error);
	file_close(&said);
	return result;
}

int
check_tables(const struct config *config, struct error *error)
{
	const struct program_file row = { .parameter = "virtual_alias_maps",
		.is_tables = true };
	int tables = tables_open(config, &row, error);
	if (tables < 0)
		return error->code == ERROR_NONE ? 0 : -1;
	int result = run(tables, error);
	file_close(&tables);
	return result;
}
