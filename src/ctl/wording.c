/* See wording.h. */
#include "ctl/wording.h"

#include <libintl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/programs.h"

static const char domain[] = "posthouse";
static bool is_translated;

/* The first of the three that is set decides (POSIX, 8.2). */
static const char *
locale_of_environment(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);
		if (value != NULL && value[0] != '\0')
			return value;
	}
	return "";
}

/*
 * gettext looks into LANGUAGE only for a locale other than "C", and the
 * person's own may not be installed: C.UTF-8 always is. It is this thread's,
 * and of messages only, so that numbers and bytes stay what they are.
 */
void
wording_choose(const char *wanted)
{
	char directory[4096];
	struct error error;
	const char *choice = wanted[0] != '\0' ? wanted :
		locale_of_environment();
	if (strncmp(choice, "zh", 2) != 0 ||
	    programs_locale(directory, sizeof(directory), &error) < 0)
		return;
	locale_t locale = newlocale(LC_MESSAGES_MASK, "C.UTF-8", (locale_t)0);
	if (locale == (locale_t)0)
		return;
	uselocale(locale);
	setenv("LANGUAGE", "zh_CN", 1);
	bindtextdomain(domain, directory);
	bind_textdomain_codeset(domain, "UTF-8");
	is_translated = true;
}

const char *
wording_text(const char *english)
{
	return is_translated ? dgettext(domain, english) : english;
}
