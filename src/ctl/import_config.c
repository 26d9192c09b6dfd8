/*
 * posthouse config import: reads the configuration of a Postfix and a Dovecot,
 * writes a posthouse.conf of it, and says of every line that it did not carry over
 * why. It changes nothing of theirs.
 */
#include "ctl/import_config.h"

#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/config_known.h"
#include "base/file.h"
#include "base/memory.h"
#include "ctl/check.h"
#include "ctl/ctl.h"

void
import_config_init(struct config_import *import,
	const struct import_world *world)
{
	size_t count = 0;
	while (config_table[count].name != NULL)
		count++;
	*import = (struct config_import){ .world = world };
	arena_init(&import->arena, 0);
	buffer_init(&import->report, 0);
	buffer_init(&import->sources, 0);
	import->value = memory_new_array(count, sizeof(*import->value));
}

void
import_config_fini(struct config_import *import)
{
	memory_free(import->value);
	buffer_fini(&import->sources);
	buffer_fini(&import->report);
	arena_fini(&import->arena);
}

void
import_say(struct config_import *import, const struct import_place *place,
	struct span name, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	buffer_print(&import->report, "%s:%u: %.*s: ", place->file,
		place->line, SPAN_PRINT(span_first(name, 80)));
	buffer_print_list(&import->report, format, list);
	buffer_add_byte(&import->report, '\n');
	va_end(list);
	import->others++;
}

/* Does the value mean something to Posthouse? The same check as at a start. */
static bool
is_right(struct config_import *import, const struct import_place *place,
	const char *name, struct span value)
{
	const char *setting = arena_print(&import->arena, "%s=%.*s", name,
		SPAN_PRINT(value)).data;
	struct error error;
	bool result = import->world->check(setting, &error) == 0;
	if (!result)
		import_say(import, place, span_from(name),
			"not carried over: %s", error.text);
	return result;
}

void
import_set(struct config_import *import, const struct import_place *place,
	const char *name, struct span value)
{
	const struct config_parameter *parameter =
		config_find_parameter(span_from(name));
	if (parameter == NULL || !is_right(import, place, name, value))
		return;
	import->value[parameter - config_table] = arena_copy_string(
		&import->arena, value);
	import->carried++;
}

void
import_say_known(struct config_import *import, const struct import_place *place,
	const char *owner, struct span name, struct span value)
{
	const struct config_known *known = config_known_table;
	while (known->name != NULL && !span_equals(span_from(known->name),
		name))
		known++;
	if (known->name != NULL)
		import_say(import, place, name, "not carried over: %s",
			known->instead);
	else
		import_say(import, place, name, "not carried over: this "
			"parameter of %s has no counterpart (it was \"%.*s\")",
			owner, SPAN_PRINT(span_first(value, 80)));
}

void
import_add_source(struct config_import *import, const struct import_place *place,
	struct span source)
{
	struct span item, rest = buffer_span(&import->sources);
	while (config_next_item(&rest, &item))
		if (span_equals(item, source))
			return;
	if (import->sources.size > 0)
		buffer_add_byte(&import->sources, ' ');
	buffer_add(&import->sources, source);
	import_say(import, place, SPAN("accounts"), "carried over as %.*s",
		SPAN_PRINT(source));
}

/* ---- the result ---- */

void
import_config_write(const struct config_import *import, struct buffer *out)
{
	buffer_add_string(out, "# Made by `posthouse config import`. What was "
		"not carried over stood in its report.\n");
	for (const struct config_parameter *p = config_table; p->name != NULL;
		p++) {
		const char *value = import->value[p - config_table];
		if (value != NULL)
			buffer_print(out, "%s = %s\n", p->name, value);
	}
}

/* Beside the file and then in its place; never over one that is there, unless
 * that was asked for. */
static int
put_result(const char *path, bool is_forced, struct span text,
	struct error *error)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
		(is_forced ? O_TRUNC : O_EXCL);
	int fd = open(path, flags, 0644);
	if (fd < 0)
		return error_set_errno(error, "making %s%s", path, is_forced ?
			"" : " (--force writes over a file)");
	int result = file_write_all(fd, text, error);
	if (result == 0 && fsync(fd) < 0)
		result = error_set_errno(error, "writing %s", path);
	file_close(&fd);
	return result;
}

int
import_config_read(struct config_import *import, const char *postfix,
	const char *dovecot, struct error *error)
{
	const struct import_place place = { "accounts", 0 };
	int result = 0;
	if (postfix != NULL)
		result = import_postfix(import, postfix, error);
	if (result == 0 && dovecot != NULL)
		result = import_dovecot(import, dovecot, error);
	if (result == 0 && import->sources.size > 0)
		import_set(import, &place, "accounts", arena_print(
			&import->arena, "builtin %.*s",
			SPAN_PRINT(buffer_span(&import->sources))));
	return result;
}

/* ---- files ---- */

static int
read_file(const char *path, struct buffer *out, struct error *error)
{
	return file_read_whole(AT_FDCWD, path, IMPORT_FILE_LIMIT, out, error);
}

static size_t
find_files(const char *pattern, struct arena *arena, const char ***paths)
{
	glob_t found;
	size_t count = 0;
	*paths = NULL;
	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	*paths = arena_new_array(arena, found.gl_pathc, sizeof(**paths));
	for (; count < found.gl_pathc; count++)
		(*paths)[count] = arena_copy_string(arena,
			span_from(found.gl_pathv[count]));
	globfree(&found);
	return count;
}

/* The same checks as at a start. */
static int
check_setting(const char *setting, struct error *error)
{
	struct config *config = NULL;
	int result = config_load(NULL, &setting, 1, &config, error);
	if (result == 0)
		result = check_sources(config, error);
	config_free(&config);
	return result;
}

static const struct import_world files = { read_file, find_files,
	check_setting };

/* ---- the command ---- */

static int
import_and_write(struct config_import *import, const char *output, bool is_forced,
	struct error *error)
{
	struct buffer out;
	struct error ignored;
	buffer_init(&out, 0);
	import_config_write(import, &out);
	int result = output != NULL ?
		put_result(output, is_forced, buffer_span(&out), error) :
		file_write_all(1, buffer_span(&out), error);
	buffer_fini(&out);
	if (result < 0)
		return -1;
	buffer_print(&import->report, "%u lines carried over as they are, %u "
		"others in this report\n", import->carried, import->others);
	return file_write_all(2, buffer_span(&import->report), &ignored);
}

int
ctl_config_import(struct ctl *ctl)
{
	const char *postfix = ctl_take_option(ctl, "--postfix");
	const char *dovecot = ctl_take_option(ctl, "--dovecot");
	const char *output = ctl_take_option(ctl, "--output");
	bool is_forced = ctl_take_flag(ctl, "--force");
	struct config_import import;
	struct error error;
	if (ctl->argc > 0)
		return ctl_usage(ctl_command_of(ctl_config), "found \"%s\", "
			"expected --postfix DIR, --dovecot DIR, --output FILE "
			"or --force", ctl->argv[0]);
	if (postfix == NULL && dovecot == NULL) {
		postfix = access("/etc/postfix/main.cf", F_OK) == 0 ?
			"/etc/postfix" : NULL;
		dovecot = access("/etc/dovecot/dovecot.conf", F_OK) == 0 ?
			"/etc/dovecot" : NULL;
	}
	if (postfix == NULL && dovecot == NULL)
		return ctl_fail("found neither /etc/postfix nor /etc/dovecot, "
			"expected --postfix DIR or --dovecot DIR");
	import_config_init(&import, &files);
	int result = import_config_read(&import, postfix, dovecot, &error);
	if (result == 0)
		result = import_and_write(&import, output, is_forced, &error);
	import_config_fini(&import);
	return result == 0 ? 0 : ctl_fail_error(&error);
}
