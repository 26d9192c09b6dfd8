/*
 * What a person reads in a browser looks the same everywhere: one style, for
 * phones too, light or dark as the reader has it. No script, no picture of
 * others, nothing that is fetched.
 */
#ifndef WEB_PAPER_H
#define WEB_PAPER_H

#include "web/language.h"
#include "web/page.h"

/* In which language the one who asks reads. */
enum language
paper_language(const struct question *question);

/* Head and heading: what is said of the domain, which is escaped. */
void
paper_begin(struct answer *answer, enum language language, const char *words,
	struct span domain);

void
paper_end(struct answer *answer);

#endif
