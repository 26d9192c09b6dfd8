/*
 * In which language a person at the terminal is spoken to: `language` of the
 * configuration, else what the locale says (LC_ALL, LC_MESSAGES, LANG). The
 * texts are gettext's, of po/; no locale of the machine need be installed.
 */
#ifndef CTL_WORDING_H
#define CTL_WORDING_H

/* `wanted`: "en", "zh", or empty. Once, before the first text and before
 * threads. */
void
wording_choose(const char *wanted);

/* The text in that language, or as it is. UTF-8. */
const char *
wording_text(const char *english);

#endif
