/*
 * /etc/pam.d/posthouse: which modules of PAM look at passwords of system users.
 * The administrator's once it is there.
 */
#ifndef CTL_PAM_FILE_H
#define CTL_PAM_FILE_H

#include "base/config.h"

/*
 * As root, when `accounts` has `system` and PAM is installed: makes the file if
 * it is missing, with what all services of this machine use. What goes wrong is
 * a warning: PAM then takes its own "other".
 */
void
pam_file_ensure(const struct config *config);

#endif
