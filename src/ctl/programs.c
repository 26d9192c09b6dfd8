#include "ctl/programs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The directory this command lies in, without a slash at the end. */
static int
own_directory(char *out, size_t size, struct error *error)
{
	ssize_t n = readlink("/proc/self/exe", out, size - 1);
	if (n < 0)
		return error_set_errno(error, "reading /proc/self/exe");
	out[n] = '\0';
	char *slash = strrchr(out, '/');
	if (slash != NULL)
		*slash = '\0';
	return 0;
}

/* In the build tree program X is ../X/X beside ctl/posthouse. */
static bool
is_build_tree(const char *directory)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/../master/master", directory);
	return access(path, X_OK) == 0;
}

int
programs_pattern(char *out, size_t size, struct error *error)
{
	char directory[PATH_MAX - 100];
	if (own_directory(directory, sizeof(directory), error) < 0)
		return -1;
	if (strchr(directory, '%') != NULL)
		return error_set(error, ERROR_USAGE,
			"%s: found a %% in the path of this program", directory);
	if (is_build_tree(directory))
		snprintf(out, size, "%s/../%%s/%%s", directory);
	else
		snprintf(out, size, "%s/%%s", POSTHOUSE_LIBEXECDIR);
	return 0;
}

int
programs_path(const char *program, char *out, size_t size,
	struct error *error)
{
	char directory[PATH_MAX - 100];
	if (own_directory(directory, sizeof(directory), error) < 0)
		return -1;
	if (is_build_tree(directory))
		snprintf(out, size, "%s/../%s/%s", directory, program, program);
	else
		snprintf(out, size, "%s/%s", POSTHOUSE_LIBEXECDIR, program);
	if (access(out, X_OK) < 0)
		return error_set_errno(error, "looking for %s", out);
	return 0;
}

int
programs_services(char *out, size_t size, struct error *error)
{
	char directory[PATH_MAX - 100];
	if (own_directory(directory, sizeof(directory), error) < 0)
		return -1;
	if (is_build_tree(directory))
		snprintf(out, size, "%s/services", POSTHOUSE_SOURCE_ETC);
	else
		snprintf(out, size, "%s/services", POSTHOUSE_DATADIR);
	if (access(out, R_OK) < 0)
		return error_set_errno(error, "looking for %s", out);
	return 0;
}

int
programs_locale(char *out, size_t size, struct error *error)
{
	char directory[PATH_MAX - 100];
	if (own_directory(directory, sizeof(directory), error) < 0)
		return -1;
	if (is_build_tree(directory))
		snprintf(out, size, "%s/../../po", directory);
	else
		snprintf(out, size, "%s", POSTHOUSE_LOCALEDIR);
	return 0;
}

bool
programs_beside(const char *name, char *out, size_t size)
{
	char directory[PATH_MAX - 100];
	struct error error;
	if (own_directory(directory, sizeof(directory), &error) < 0 ||
	    is_build_tree(directory))
		return false;
	snprintf(out, size, "%s/%s", directory, name);
	return access(out, F_OK) == 0;
}
