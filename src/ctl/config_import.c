/*
 * posthouse config import: the command. Which files are read, and where the result
 * goes; it changes nothing of a Postfix, a Dovecot or a BIND.
 */
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/check.h"
#include "ctl/ctl.h"
#include "ctl/import_config.h"

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

/* The same checks as at a start. Those that run a program look at the new setting
 * only. */
static int
check_settings(const char *const *settings, size_t count, struct error *error)
{
	struct config *all = NULL, *last = NULL;
	int result = config_load(NULL, settings, count, &all, error);
	if (result == 0)
		result = check_mail_location(all, error);
	if (result == 0)
		result = config_load(NULL, &settings[count - 1], 1, &last,
			error);
	if (result == 0)
		result = check_tables(last, error);
	if (result == 0)
		result = check_sources(last, error);
	config_free(&all);
	config_free(&last);
	return result;
}

static const struct import_world files = { read_file, find_files,
	check_settings };

/* ---- the command ---- */

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

/* Of a directory the file in it. */
static const char *
named_conf(struct arena *arena, const char *path)
{
	struct stat status;
	bool is_directory = stat(path, &status) == 0 &&
		S_ISDIR(status.st_mode);
	return is_directory ? arena_print(arena, "%s/named.conf", path).data :
		path;
}

int
ctl_config_import(struct ctl *ctl)
{
	const char *postfix = ctl_take_option(ctl, "--postfix");
	const char *dovecot = ctl_take_option(ctl, "--dovecot");
	const char *bind = ctl_take_option(ctl, "--bind");
	const char *output = ctl_take_option(ctl, "--output");
	bool is_forced = ctl_take_flag(ctl, "--force");
	struct config_import import;
	struct error error;
	if (ctl->argc > 0)
		return ctl_usage(ctl_command_of(ctl_config), "found \"%s\", "
			"expected --postfix DIR, --dovecot DIR, --bind FILE, "
			"--output FILE or --force", ctl->argv[0]);
	if (postfix == NULL && dovecot == NULL && bind == NULL) {
		postfix = access("/etc/postfix/main.cf", F_OK) == 0 ?
			"/etc/postfix" : NULL;
		dovecot = access("/etc/dovecot/dovecot.conf", F_OK) == 0 ?
			"/etc/dovecot" : NULL;
	}
	if (postfix == NULL && dovecot == NULL && bind == NULL)
		return ctl_fail("found neither /etc/postfix nor /etc/dovecot, "
			"expected --postfix DIR, --dovecot DIR or --bind FILE");
	import_config_init(&import, &files);
	int result = import_config_read(&import, postfix, dovecot,
		bind == NULL ? NULL : named_conf(&import.arena, bind), &error);
	if (result == 0)
		result = import_and_write(&import, output, is_forced, &error);
	import_config_fini(&import);
	return result == 0 ? 0 : ctl_fail_error(&error);
}
