/*
 * posthouse init: a working configuration, system users, directories, a
 * certificate and an account. What is already there is left as it is, but for the
 * account, which is made if it is missing. At a terminal it asks first (init.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/admin.h"
#include "ctl/init.h"
#include "ctl/wording.h"
#include "ctl/password.h"
#include "ctl/prepare.h"

static void
write_text(struct buffer *out, const struct init_plan *plan, const char *dir)
{
	buffer_print(out,
		"# Posthouse. Every parameter: posthouse config -h\n\n"
		"myhostname = %s\n"
		"mydomain = %s\n"
		"mydestination = $myhostname, $mydomain, localhost.$mydomain, "
		"localhost\n", plan->hostname, plan->domain);
	if (plan->is_asked)
		buffer_print(out, "myorigin = $mydomain\n");
	if (!plan->has_users)
		buffer_print(out, "accounts = builtin\n");
	if (plan->wants_acme)
		buffer_print(out, "acme_directory = letsencrypt\n"
			"acme_email = %s\n", plan->acme_email);
	if (plan->key[0] != '\0')
		buffer_print(out, "tls_cert_file = %s\ntls_key_file = %s\n",
			plan->certificate, plan->key);
	if (dir != NULL)
		buffer_print(out, "data_directory = %s/data\n"
			"runtime_directory = %s/run\n", dir, dir);
}

static int
write_configuration(const char *path, const struct init_plan *plan,
	const char *dir, struct error *error)
{
	struct buffer text;
	if (!plan->goes_on && access(path, F_OK) == 0)
		return 0;
	buffer_init(&text, 0);
	write_text(&text, plan, dir);
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
choose_password(struct init_plan *plan, bool *is_made, struct error *error)
{
	struct buffer *password = &plan->password;
	bool is_there = plan->is_asked ? password->size > 0 : !isatty(0) &&
		password_read(plan->reader, password, error) == 0;
	*is_made = !is_there;
	if (is_there)
		return 0;
	buffer_clear(password);
	password_make(password);
	return 0;
}

/* *is_new is set when it was not there. */
static int
make_account(struct ctl *ctl, struct init_plan *plan, bool *is_new)
{
	bool is_made;
	struct error error;
	const char *wanted = plan->reader;
	if (admin_each(ctl, "auth-admin", 0, "USER-LIST", NULL, look_for, NULL,
	    &wanted) != 0)
		return 1;
	if (wanted == NULL)
		return 0;
	*is_new = true;
	if (choose_password(plan, &is_made, &error) < 0)
		return ctl_fail_error(&error);
	const char *fields[] = { "address", plan->reader, "password",
		buffer_string(&plan->password), NULL };
	int result = admin_do(ctl, "auth-admin", "USER-ADD", fields);
	if (result == 0)
		printf("account %s%s%s\n", plan->reader, is_made ? " " : "",
			is_made ? buffer_string(&plan->password) : "");
	return result;
}

/* Mail to NAME@domain goes to the reader, unless it is he. */
static int
make_alias(struct ctl *ctl, const struct init_plan *plan, const char *name)
{
	char address[INIT_ADDRESS_SIZE];
	snprintf(address, sizeof(address), "%s@%s", name, plan->domain);
	if (strcmp(address, plan->reader) == 0)
		return 0;
	const char *fields[] = { "address", address, "target", plan->reader,
		NULL };
	return admin_do(ctl, "auth-admin", "ALIAS-ADD", fields);
}

static void
look_for_alias(void *context, const struct tabline *row)
{
	struct span address, target;
	const char **wanted = context;
	if (tabline_get(row, 2, "address", &address) &&
	    tabline_get(row, 2, "target", &target) && wanted[0] != NULL &&
	    span_equals_nocase(address, span_from(wanted[0])) &&
	    span_equals_nocase(target, span_from(wanted[1])))
		wanted[0] = NULL;
}

/* Mail to NAME@domain no longer goes to root, whom the package had assumed. */
static int
forget_root(struct ctl *ctl, const struct init_plan *plan, const char *name)
{
	char address[INIT_ADDRESS_SIZE], root[INIT_ADDRESS_SIZE];
	snprintf(address, sizeof(address), "%s@%s", name, plan->domain);
	snprintf(root, sizeof(root), "root@%s", plan->domain);
	const char *wanted[] = { address, root };
	if (strcmp(root, plan->reader) == 0)
		return 0;
	if (admin_each(ctl, "auth-admin", 0, "ALIAS-LIST", NULL,
	    look_for_alias, NULL, wanted) != 0)
		return 1;
	if (wanted[0] != NULL)
		return 0;
	const char *fields[] = { "address", address, "target", root, NULL };
	return admin_do(ctl, "auth-admin", "ALIAS-DELETE", fields);
}

static int
make_reader(struct ctl *ctl, struct init_plan *plan)
{
	bool is_new = plan->is_named;
	if (plan->goes_on && (forget_root(ctl, plan, "postmaster") != 0 ||
	    forget_root(ctl, plan, "abuse") != 0))
		return 1;
	if (plan->kind == INIT_ACCOUNT &&
	    make_account(ctl, plan, &is_new) != 0)
		return 1;
	/* RFC 2142 4: complaints go there */
	if (is_new && make_alias(ctl, plan, "abuse") != 0)
		return 1;
	if (!plan->is_named)
		return 0;
	return make_alias(ctl, plan, "postmaster") != 0 ||
		make_alias(ctl, plan, "root") != 0;
}

/* Whether the configuration is still as a call with --domain left it. */
static bool
is_as_made(struct ctl *ctl, const char *path, const char *dir,
	struct init_plan *plan)
{
	struct error error;
	struct init_plan made = { 0 };
	if (ctl_load_config(ctl) != 0)
		return false;
	const char *domain = config_text(ctl->config, "mydomain");
	init_assume(&made, domain);
	snprintf(made.hostname, sizeof(made.hostname), "%s",
		config_text(ctl->config, "myhostname"));
	struct buffer is, was;
	buffer_init(&is, 0);
	buffer_init(&was, 0);
	write_text(&was, &made, dir);
	bool is_same = file_read_whole(AT_FDCWD, path, 65536, &is, &error) == 0 &&
		span_equals(buffer_span(&is), buffer_span(&was));
	buffer_fini(&is);
	buffer_fini(&was);
	if (is_same)
		snprintf(plan->domain, sizeof(plan->domain), "%s", domain);
	config_free(&ctl->config);
	return is_same;
}

/* At a terminal; what is there is gone on with, if nobody has changed it. */
static int
ask_plan(struct ctl *ctl, struct init_plan *plan, const char *path,
	const char *dir)
{
	struct error error;
	if (access(path, F_OK) == 0) {
		plan->goes_on = is_as_made(ctl, path, dir, plan);
		if (!plan->goes_on)
			return ctl_fail("%s is there already: change it, or "
				"make what is missing beside it with "
				"`posthouse init --domain D`", path);
	}
	return init_ask(plan, path, &error) < 0 ? ctl_fail_error(&error) : 0;
}

/* With --domain nobody is asked: scripts and packages. */
static int
fill_plan(struct init_plan *plan, const char *domain, const char *reader)
{
	init_assume(plan, domain);
	const char *expected = reader == NULL ? NULL :
		init_take_reader(plan, reader);
	return expected == NULL ? 0 :
		ctl_fail("--reader: %s", wording_text(expected));
}

static int
make_all(struct ctl *ctl, struct init_plan *plan, const char *dir)
{
	struct error error;
	if (file_make_directories(dir == NULL ? "/etc/posthouse" : dir, 0755,
	    &error) < 0 ||
	    write_configuration(ctl->config_path, plan, dir, &error) < 0)
		return ctl_fail_error(&error);
	if (ctl_load_config(ctl) != 0)
		return 1;
	if (prepare_users(&error) < 0 ||
	    prepare_directories(ctl->config, &error) < 0 ||
	    prepare_certificate(ctl->config, &error) < 0 ||
	    (plan->goes_on &&
	    prepare_renamed_certificate(ctl->config, &error) < 0))
		return ctl_fail_error(&error);
	if (make_reader(ctl, plan) != 0)
		return 1;
	printf("configuration %s\n", ctl->config_path);
	return 0;
}

/* The directory need not exist yet, nor be made before all is known. */
static bool
find_absolute(const char *dir, char absolute[4096])
{
	char here[2048];
	if (dir[0] == '/')
		return snprintf(absolute, 4096, "%s", dir) < 4000;
	return getcwd(here, sizeof(here)) != NULL &&
		snprintf(absolute, 4096, "%s/%s", here, dir) < 4000;
}

static int
check_words(struct ctl *ctl, const char *domain, const char *reader,
	const char *dir)
{
	const struct ctl_command *self = ctl_command_of(ctl_init);
	char name[INIT_DOMAIN_SIZE];
	if (ctl->argc > 0)
		return ctl_usage(self, "found \"%s\", expected --domain D",
			ctl->argv[0]);
	if (domain == NULL && !isatty(0))
		return ctl_usage(self, "--domain is missing");
	if (domain != NULL && !init_take_name(name, domain))
		return ctl_fail("--domain: found \"%s\", expected a domain such "
			"as example.org", domain);
	if (domain == NULL && reader != NULL)
		return ctl_usage(self, "found --reader without --domain");
	if (dir != NULL && strpbrk(dir, "$\n#") != NULL)
		return ctl_fail("--dir: found a $, # or line end in \"%s\", "
			"expected a plain path", dir);
	return 0;
}

int
ctl_init(struct ctl *ctl)
{
	char path[4200], absolute[4096], option[4300] = "";
	struct init_plan plan = { 0 };
	const char *domain = ctl_take_option(ctl, "--domain");
	const char *reader = ctl_take_option(ctl, "--reader");
	const char *dir = ctl_take_option(ctl, "--dir");
	if (check_words(ctl, domain, reader, dir) != 0)
		return 1;
	if (dir != NULL && !find_absolute(dir, absolute))
		return ctl_fail("--dir: %s: %s", dir, strerror(ENAMETOOLONG));
	snprintf(path, sizeof(path), "%s/posthouse.conf",
		dir == NULL ? "/etc/posthouse" : absolute);
	if (dir != NULL)
		snprintf(option, sizeof(option), " -c %s", path);
	ctl->config_path = path;
	buffer_init(&plan.password, PASSWORD_LIMIT);
	const char *place = dir == NULL ? NULL : absolute;
	wording_choose("");
	int result = domain == NULL ? ask_plan(ctl, &plan, path, place) :
		fill_plan(&plan, domain, reader);
	/* from here on all of it is made */
	signal(SIGINT, SIG_IGN);
	if (result == 0)
		result = make_all(ctl, &plan, place);
	if (result == 0 && plan.is_named)
		init_say_next(&plan, option);
	buffer_fini(&plan.password);
	return result;
}
