/* What the type of a parameter leaves open. */
#ifndef BASE_CONFIG_CHECK_H
#define BASE_CONFIG_CHECK_H

#include "base/span.h"

/* What was expected, or NULL when the value is right for this parameter. */
const char *
config_check_text(const char *name, struct span text);

#endif
