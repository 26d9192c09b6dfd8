/*
 * posthouse init: a working configuration, system users, directories, a
 * certificate and the postmaster account. What is already there is left as it
 * is, but for the account, which is made if it is missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/admin.h"
#include "ctl/password.h"
#include "ctl/prepare.h"

static bool
is_domain(const char *text)
{
	bool has_dot = false;
	size_t size = strlen(text);
	if (size == 0 || size > 253 || text[0] == '.' || text[size - 1] == '.')
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		has_dot |= c == '.';
		if (c <= ' ' || c == 127 || strchr("@/\\\"'<>()[],;:$#", c))
			return false;
		if (c == '.' && text[i + 1] == '.')
			return false;
	}
	return has_dot;
}

static void
write_text(struct buffer *out, const char *domain, const char *dir)
{
	buffer_print(out,
		"# Posthouse. Every parameter: posthouse config -h\n\n"
		"myhostname = mail.%s\n"
		"mydomain = %s\n"
		"mydestination = $myhostname, $mydomain, localhost.$mydomain, "
		"localhost\n", domain, domain);
	if (dir != NULL)
		buffer_print(out, "data_directory = %s/data\n"
			"runtime_directory = %s/run\n", dir, dir);
}

static int
write_configuration(const char *path, const char *domain, const char *dir,
	struct error *error)
{
	struct buffer text;
	if (access(path, F_OK) == 0)
		return 0;
	buffer_init(&text, 0);
	write_text(&text, domain, dir);
	int result = file_replace(AT_FDCWD, path, buffer_span(&text), 0644,
		error);
	buffer_fini(&text);
	return result;
}

static void
look_for(void *context, const struct tabline *row)
{
	struct span address;
	const char **wanted = context;
	if (*wanted != NULL && tabline_get(row, 2, "address", &address) &&
	    span_equals_nocase(address, span_from(*wanted)))
		*wanted = NULL;
}

/* A password typed or piped is used; else one is made and shown. */
static int
choose_password(const char *address, struct buffer *password, bool *is_made,
	struct error *error)
{
	*is_made = isatty(0);
	if (!*is_made && password_read(address, password, error) == 0)
		return 0;
	*is_made = true;
	buffer_clear(password);
	password_make(password);
	return 0;
}

static int
make_postmaster(struct ctl *ctl, const char *domain)
{
	char address[300];
	bool is_made;
	struct buffer password;
	struct error error;
	snprintf(address, sizeof(address), "postmaster@%s", domain);
	const char *wanted = address;
	if (admin_each(ctl, "auth-admin", 0, "USER-LIST", NULL, look_for, NULL,
	    &wanted) != 0)
		return 1;
	if (wanted == NULL)
		return 0;
	buffer_init(&password, 0);
	if (choose_password(address, &password, &is_made, &error) < 0)
		return ctl_fail_error(&error);
	const char *fields[] = { "address", address, "password",
		buffer_string(&password), NULL };
	int result = admin_do(ctl, "auth-admin", "USER-ADD", fields);
	if (result == 0)
		printf("account %s%s%s\n", address, is_made ? " " : "",
			is_made ? buffer_string(&password) : "");
	buffer_fini(&password);
	return result;
}

int
ctl_init(struct ctl *ctl)
{
	char path[4200], absolute[4096];	/* PATH_MAX, as realpath asks */
	struct error error;
	const struct ctl_command *self = ctl_command_of(ctl_init);
	const char *domain = ctl_take_option(ctl, "--domain");
	const char *dir = ctl_take_option(ctl, "--dir");
	if (ctl->argc > 0)
		return ctl_usage(self, "found \"%s\", expected --domain D",
			ctl->argv[0]);
	if (domain == NULL)
		return ctl_usage(self, "--domain is missing");
	if (!is_domain(domain))
		return ctl_fail("--domain: found \"%s\", expected a domain such "
			"as example.org", domain);
	if (dir != NULL && strpbrk(dir, "$\n#") != NULL)
		return ctl_fail("--dir: found a $, # or line end in \"%s\", "
			"expected a plain path", dir);
	if (file_make_directories(dir == NULL ? "/etc/posthouse" : dir, 0755,
	    &error) < 0)
		return ctl_fail_error(&error);
	if (dir != NULL && realpath(dir, absolute) == NULL)
		return ctl_fail("--dir: %s: %s", dir, strerror(errno));
	snprintf(path, sizeof(path), "%s/posthouse.conf",
		dir == NULL ? "/etc/posthouse" : absolute);
	ctl->config_path = path;
	if (write_configuration(path, domain, dir == NULL ? NULL : absolute,
	    &error) < 0)
		return ctl_fail_error(&error);
	if (ctl_load_config(ctl) != 0)
		return 1;
	if (prepare_users(&error) < 0 ||
	    prepare_directories(ctl->config, &error) < 0 ||
	    prepare_certificate(ctl->config, &error) < 0)
		return ctl_fail_error(&error);
	if (make_postmaster(ctl, domain) != 0)
		return 1;
	printf("configuration %s\n", path);
	return 0;
}
