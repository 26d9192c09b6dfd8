/* See pam_file.h. Run by serve and reload. */
#include "ctl/pam_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define PLACE "/etc/pam.d/posthouse"

/* Where the machine keeps what is the same for all, and how it is taken. */
static const struct {
	const char *common, *text;
} kinds[] = {
	{ "/etc/pam.d/common-auth",
		"@include common-auth\n@include common-account\n" },
	{ "/etc/pam.d/system-auth",
		"auth include system-auth\naccount include system-auth\n" },
	{ "/etc/pam.d",
		"auth required pam_unix.so\naccount required pam_unix.so\n" },
};

static void
make_file(const char *text)
{
	struct buffer content;
	struct error error;
	int fd = open(PLACE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	buffer_init(&content, 0);
	buffer_add_string(&content, "# Passwords of system users in Posthouse "
		"(mail, IMAP, POP3).\n# Made once; yours to change.\n");
	buffer_add_string(&content, text);
	if (fd < 0)
		error_set_errno(&error, "making it");
	if (fd < 0 || file_write_all(fd, buffer_span(&content), &error) < 0)
		fprintf(stderr, "posthouse: warning: %s could not be made, so "
			"passwords are looked at as /etc/pam.d/other says: %s\n",
			PLACE, error.text);
	file_close(&fd);
	buffer_fini(&content);
}

void
pam_file_ensure(const struct config *config)
{
	if (geteuid() != 0 || !config_has_item(config, "accounts", "system") ||
		access(PLACE, F_OK) == 0)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (access(kinds[i].common, F_OK) == 0) {
			make_file(kinds[i].text);
			return;
		}
}
