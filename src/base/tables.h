/*
 * Files that master opens for others, and parameters that name several tables in Postfix syntax ("hash:/a, pcre:/b"):
 * all files become one in memory, for a process that cannot open them. For each
 * table a line "TYPE PATH SIZE", then SIZE bytes; without a type it is texthash.
 */
#ifndef BASE_TABLES_H
#define BASE_TABLES_H

#include "base/services.h"

/*
 * What a `file` row of etc/services asks for: such a file in memory, a state
 * file (made when it is missing), or the one that the parameter names. -1 with ERROR_NONE: there is none, and that is fine;
 * else with a sentence that names the parameter.
 */
int
tables_open(const struct config *config, const struct program_file *file,
	struct error *error);

#endif
