/* See check.h. */
#include "ctl/check.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/tables.h"
#include "ctl/programs.h"
#include "proto/mail_location.h"
#include "proto/tsig_keys.h"

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

static int
read_keys(const char *path, struct tsig_keys *keys, struct error *error)
{
	struct buffer text;
	buffer_init(&text, 0);
	int result = file_read_whole(AT_FDCWD, path, TSIG_KEYS_FILE, &text,
		error);
	if (result < 0)
		error_wrap(error, "dns_tsig_keys");
	else
		result = tsig_keys_read(buffer_span(&text), path, keys, error);
	if (text.room > 0)
		OPENSSL_cleanse(text.data, text.room);
	buffer_fini(&text);
	return result;
}

/* "...=KEY" */
static int
check_named(const struct config *config, const char *parameter,
	const struct tsig_keys *keys, struct error *error)
{
	struct dns_name name;
	struct span item, rest = span_from(config_text(config, parameter));
	while (config_next_item(&rest, &item)) {
		struct span key = span_skip(config_take_key(&item), 1);
		if (key.size > 0 && (!dns_name_from_text(key, &name) ||
		    tsig_keys_find(keys, &name) == NULL))
			return error_set(error, ERROR_USAGE, "%s: found the "
				"key \"%.*s\", expected one of dns_tsig_keys",
				parameter, SPAN_PRINT(span_first(key, 80)));
	}
	return 0;
}

int
check_keys(const struct config *config, struct error *error)
{
	static const char *const users[] = { "dns_secondary_zones",
		"dns_allow_transfer", "dns_also_notify" };
	const char *path = config_path(config, "dns_tsig_keys");
	struct tsig_keys *keys = memory_new(sizeof(*keys));
	int result = path[0] == '\0' ? 0 : read_keys(path, keys, error);
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]) &&
	    result == 0; i++)
		result = check_named(config, users[i], keys, error);
	tsig_keys_free(&keys);
	return result;
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
