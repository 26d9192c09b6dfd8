/*
 * What the subcommands of `posthouse` share: the command line as parsed, the
 * configuration, and the way to talk to the running system.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/config.h"
#include "base/error.h"

enum { CTL_OVERRIDE_LIMIT = 64 };

struct ctl {
	const char *config_path;	/* -c, or $POSTHOUSE_CONF, or the standard one */
	const char *override[CTL_OVERRIDE_LIMIT];	/* -o NAME=VALUE */
	size_t override_count;
	bool is_standard_config;	/* config_path is the standard one; for mail */
	bool json;
	bool is_help;
	int argc;		/* words after the subcommand, options removed */
	char **argv;
	struct config *config;	/* after ctl_load_config */
};

/* A subcommand: 0 success, 1 failure with its sentence printed. */
typedef int
ctl_function(struct ctl *ctl);

struct ctl_command {
	const char *name;	/* "user" */
	const char *synopsis;	/* "user add|del|list|passwd|quota ADDRESS" */
	const char *text;	/* one sentence */
	const char *help;	/* more lines for --help, or NULL */
	ctl_function *run;
};

/* Prints "posthouse: SENTENCE" to standard error and returns 1. */
int
ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int
ctl_fail_error(const struct error *error);

/* A wrong command line: the sentence and the synopsis; returns 1. */
int
ctl_usage(const struct ctl_command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Loads the configuration and prints its warnings; 1 when it is wrong. */
int
ctl_load_config(struct ctl *ctl);

/* Takes "--name VALUE" or "--name=VALUE" out of the words; NULL: not there. */
const char *
ctl_take_option(struct ctl *ctl, const char *name);
/* Takes "--name" out of the words. */
bool
ctl_take_flag(struct ctl *ctl, const char *name);

ctl_function ctl_certificate;
ctl_function ctl_init, ctl_serve, ctl_stop, ctl_reload, ctl_upgrade,
	ctl_status, ctl_top, ctl_config,
	ctl_user, ctl_domain, ctl_alias, ctl_dns, ctl_queue, ctl_trace,
	ctl_queue_list, ctl_mailq, ctl_newaliases, ctl_mail,
	ctl_import, ctl_config_import, ctl_export, ctl_doctor;

/* The row of the table for this function, for ctl_usage. */
const struct ctl_command *
ctl_command_of(ctl_function *run);

#endif
