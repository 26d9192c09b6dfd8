/* Text for XML, HTML, JSON and plists: what comes from outside is escaped. */
#ifndef WEB_MARKUP_H
#define WEB_MARKUP_H

#include "base/buffer.h"

/* & < > " ' as references; what no document may have (controls) becomes a ?. */
void
markup_add(struct buffer *out, struct span text);

#endif
