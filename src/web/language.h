/* Which of our languages a reader prefers (RFC 9110 12.5.4, RFC 4647 3.3.1). */
#ifndef WEB_LANGUAGE_H
#define WEB_LANGUAGE_H

#include "base/span.h"

enum language { LANGUAGE_ENGLISH, LANGUAGE_CHINESE, LANGUAGE_COUNT };

/* Of an Accept-Language field; English when it names neither. */
enum language
language_choose(struct span accepted);

#endif
