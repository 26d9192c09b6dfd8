/* The table of alias_maps, for other commands. */
#ifndef CTL_NEWALIASES_H
#define CTL_NEWALIASES_H

#include "base/config.h"
#include "base/error.h"

/*
 * For a system that is stopped and never had a table: compiles it if there is a
 * file, so that aliases another server had go on. Later that is newaliases, as
 * everywhere.
 */
int
newaliases_at_first(const struct config *config, struct error *error);

#endif
