/*
 * What must be there before the system starts: system users (as root),
 * directories with their owners, a certificate that matches its key.
 */
#ifndef CTL_PREPARE_H
#define CTL_PREPARE_H

#include "base/config.h"
#include "base/error.h"

/* As root makes missing system users of etc/services (useradd --system). */
int
prepare_users(struct error *error);

/* Everything below data_directory, queue_directory and runtime_directory. */
int
prepare_directories(const struct config *config, struct error *error);

/*
 * Makes a self-signed certificate if neither file exists; otherwise checks that
 * the key belongs to the certificate. One sentence says what is wrong.
 */
int
prepare_certificate(const struct config *config, struct error *error);

/*
 * After a change of myhostname: a self-signed certificate that has not this name
 * is made anew, with its key, which others may have pinned. Any other stays.
 */
int
prepare_renamed_certificate(const struct config *config, struct error *error);

/* The same check of two files (PEM), by their paths. */
int
prepare_check_pair(const char *cert_path, const char *key_path,
	struct error *error);

#endif
