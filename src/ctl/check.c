/* See check.h. */
#include "ctl/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tables.h"
#include "ctl/programs.h"
#include "proto/mail_location.h"

enum { SENTENCE_LIMIT = 4096 };

/* What is looked at by which program. */
struct subject {
	const char *program;		/* "auth" */
	const char *what;		/* for a sentence */
	const char *path;		/* of the input, or NULL */
	int input;
};

/* The program with its input, and a file for what it says. */
static pid_t
start(const struct subject *subject, const char *program, int out)
{
	pid_t child = fork();
	if (child != 0)
		return child;
	if (dup2(subject->input, STDIN_FILENO) >= 0 &&
	    dup2(out, STDOUT_FILENO) >= 0)
		execl(program, subject->program, "--check", subject->path,
			(char *)NULL);
	_exit(127);
}

/* What it said, without the end of the line. */
static int
judge(const struct subject *subject, pid_t child, int fd, struct error *error)
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
		error_set(error, ERROR_LATER, "%s could not be looked at: %s "
			"ended with %d", subject->what, subject->program,
			status);
	buffer_fini(&said);
	return result;
}

static int
run(const struct subject *subject, struct error *error)
{
	char program[4096];
	if (programs_path(subject->program, program, sizeof(program),
	    error) < 0)
		return -1;
	int said = file_open_memory("said", SPAN(""), error);
	if (said < 0)
		return -1;
	pid_t child = start(subject, program, said);
	int result = child < 0 ? error_set_errno(error, "starting %s",
		subject->program) : judge(subject, child, said, error);
	file_close(&said);
	return result;
}

/* "ldap:FILE": by the program that will read it. A FILE that cannot be opened
 * is no mistake here: that source is away until it can. */
static int
check_source(struct span item, const char *kind, struct error *error)
{
	char path[4096];
	struct span prefix = span_from(kind);
	struct subject subject = { kind, path, path, -1 };
	if (!span_starts(item, prefix) || item.size <= prefix.size + 1 ||
	    item.data[prefix.size] != ':')
		return 0;
	int size = snprintf(path, sizeof(path), "%.*s",
		SPAN_PRINT(span_skip(item, prefix.size + 1)));
	if ((size_t)size < sizeof(path))
		subject.input = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
			O_NOCTTY);
	int result = subject.input < 0 ? 0 : run(&subject, error);
	file_close(&subject.input);
	return result;
}

int
check_sources(const struct config *config, struct error *error)
{
	static const char *const kinds[] = { "ldap", "pgsql" };
	struct span item, rest = span_from(config_text(config, "accounts"));
	while (config_next_item(&rest, &item))
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (check_source(item, kinds[i], error) < 0)
				return -1;
	return 0;
}

int
check_mail_location(const struct config *config, struct error *error)
{
	struct mail_location location;
	return mail_location_parse(span_from(config_text(config,
		"mail_location")), &location, error);
}

/* Who reads which tables looks at them, as he will when he serves. */
int
check_tables(const struct config *config, struct error *error)
{
	static const struct {
		const char *program;
		struct program_file file;
	} readers[] = {
		{ "auth", { .parameter = "virtual_alias_maps",
			.is_tables = true } },
		{ "names", { .parameter = "dns_zones", .is_tables = true } },
	};
	int result = 0;
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]) &&
	    result == 0; i++) {
		int tables = tables_open(config, &readers[i].file, error);
		if (tables < 0 && error->code == ERROR_NONE)
			continue;
		const struct subject subject = { readers[i].program,
			readers[i].file.parameter, NULL, tables };
		result = tables < 0 ? -1 : run(&subject, error);
		file_close(&tables);
	}
	return result;
}
