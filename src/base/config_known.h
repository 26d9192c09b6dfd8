/* Parameters of others, for warnings; see config_known.c. */
#ifndef BASE_CONFIG_KNOWN_H
#define BASE_CONFIG_KNOWN_H

#include "base/span.h"

/* Several names that one sentence is about. */
struct config_known {
	const char *owner;		/* "Postfix" */
	const char *instead;
	const char *names;		/* between blanks; "*_x": all that end so */
};

/* Of Postfix 3.12 and those before it; of Dovecot 2.3 and 2.4. The first row that has
 * a name counts. Each ends with a row without an owner. */
extern const struct config_known config_known_postfix[];
extern const struct config_known config_known_dovecot[];

/* The row of a name; owner: of this one only, NULL: of any. NULL: nobody has it. */
const struct config_known *
config_known_find(struct span name, const char *owner);

#endif
