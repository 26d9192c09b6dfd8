/*
 * Where the programs and the data files of Posthouse are: beside this command
 * in the build tree, else where they were installed.
 */
#ifndef CTL_PROGRAMS_H
#define CTL_PROGRAMS_H

#include "base/buffer.h"
#include "base/error.h"

/* "DIR/%s/%s" or "DIR/%s": the program's name in place of each %s. */
int
programs_pattern(char *out, size_t size, struct error *error);
int
programs_path(const char *program, char *out, size_t size,
	struct error *error);
/* etc/services */
int
programs_services(char *out, size_t size, struct error *error);
/* The folder of translations, for bindtextdomain(3). */
int
programs_locale(char *out, size_t size, struct error *error);
/* A command that is installed beside this one; false in the build tree. */
bool
programs_beside(const char *name, char *out, size_t size);

#endif
