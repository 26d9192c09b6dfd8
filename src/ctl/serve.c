/*
 * posthouse serve: checks the configuration, prepares what must be there, and
 * becomes master.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/check.h"
#include "ctl/ctl.h"
#include "ctl/newaliases.h"
#include "ctl/pam_file.h"
#include "ctl/prepare.h"
#include "ctl/programs.h"

enum { DESCRIPTORS = 131072 };	/* 65,536 sessions over TLS, two each */

/* An ordinary user keeps the limit that he has. */
static void
allow_many_sessions(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_max >= DESCRIPTORS)
		return;
	limit.rlim_max = DESCRIPTORS;
	int ignored = setrlimit(RLIMIT_NOFILE, &limit);
	(void)ignored;
}

static int
become_master(const struct config *config, struct error *error)
{
	char master[4096], pattern[4096], services[4096], fd[16];
	struct buffer blob;
	if (programs_path("master", master, sizeof(master), error) < 0 ||
	    programs_pattern(pattern, sizeof(pattern), error) < 0 ||
	    programs_services(services, sizeof(services), error) < 0)
		return -1;
	int memory = memfd_create("configuration", 0);
	if (memory < 0)
		return error_set_errno(error, "making a memory file");
	buffer_init(&blob, 0);
	config_write(config, NULL, &blob);
	int result = file_write_all(memory, buffer_span(&blob), error);
	buffer_fini(&blob);
	if (result < 0)
		return -1;
	snprintf(fd, sizeof(fd), "%d", memory);
	execl(master, "master", fd, pattern, services, NULL);
	return error_set_errno(error, "starting %s", master);
}

int
ctl_serve(struct ctl *ctl)
{
	struct error error;
	bool check = ctl_take_flag(ctl, "--check");
	if (ctl->argc > 0)
		return ctl_usage(ctl_command_of(ctl_serve),
			"found \"%s\", expected nothing", ctl->argv[0]);
	if (ctl_load_config(ctl) != 0)
		return 1;
	if (check_mail_location(ctl->config, &error) < 0 ||
	    check_tables(ctl->config, &error) < 0 ||
	    check_keys(ctl->config, &error) < 0 ||
	    check_sources(ctl->config, &error) < 0)
		return ctl_fail_error(&error);
	if (check) {
		if (access(config_text(ctl->config, "tls_cert_file"), F_OK) == 0
		    && prepare_certificate(ctl->config, &error) < 0)
			return ctl_fail_error(&error);
		puts("the configuration is right");
		return 0;
	}
	if (prepare_directories(ctl->config, &error) < 0 ||
	    prepare_certificate(ctl->config, &error) < 0)
		return ctl_fail_error(&error);
	/* Aliases that are wrong are no reason not to bring mail. */
	if (newaliases_at_first(ctl->config, &error) < 0)
		fprintf(stderr, "posthouse: %s; until newaliases can read it "
			"there are no aliases\n", error.text);
	pam_file_ensure(ctl->config);
	allow_many_sessions();
	if (become_master(ctl->config, &error) < 0)
		return ctl_fail_error(&error);
	return 0;
}
