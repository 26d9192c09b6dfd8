/*
 * Where mail is, as Dovecot 2.4 says it: mail_driver, mail_path, mail_inbox_path and
 * mailbox_list_layout become a mail_location; and its variables (import_dovecot.h).
 */
#include "ctl/import_dovecot.h"

#include <string.h>

/* ---- variables ---- */

/* "%{user | username}" without blanks and braces, and ours. Names of system users are
 * in lower case and without a domain. */
static const struct {
	const char *theirs, *ours;
} variables[] = {
	{ "user", "%u" },
	{ "user|lower", "%u" },
	{ "user|username", "%n" },
	{ "user|username|lower", "%n" },
	{ "user|domain", "%d" },
	{ "user|domain|lower", "%d" },
	{ "user|substr(0,1)", "%1n" },
	{ "user|username|substr(0,1)", "%1n" },
	{ "home", "%h" },
};

static const char *
find_variable(struct span text)
{
	char plain[40];
	size_t size = 0;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == ' ' || text.data[i] == '\t')
			continue;
		if (size == sizeof(plain) || text.data[i] == '\0')
			return NULL;
		plain[size++] = text.data[i];
	}
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		if (span_equals(span_of(plain, size),
		    span_from(variables[i].theirs)))
			return variables[i].ours;
	return NULL;
}

bool
import_dovecot_expand(struct span value, struct buffer *out, struct span *bad)
{
	while (value.size > 0) {
		size_t at = span_find(value, '%');
		buffer_add(out, span_first(value, at));
		value = span_skip(value, at);
		if (value.size == 0)
			break;
		*bad = value;
		if (!span_starts(value, SPAN("%{"))) {
			/* "%%{" stands for text that is none of ours */
			if (span_starts(value, SPAN("%%")))
				return false;
			buffer_add_string(out, "%%");
			value = span_skip(value, 1);
			continue;
		}
		size_t end = span_find(value, '}');
		const char *ours = end == value.size ? NULL : find_variable(
			span_skip(span_first(value, end), 2));
		if (ours == NULL)
			return false;
		buffer_add_string(out, ours);
		value = span_skip(value, end + 1);
	}
	return true;
}

/* ---- settings ---- */

static const char *const names[DOVECOT_MAIL_COUNT] = {
	[DOVECOT_MAIL_DRIVER] = "mail_driver",
	[DOVECOT_MAIL_PATH] = "mail_path",
	[DOVECOT_MAIL_INBOX_PATH] = "mail_inbox_path",
	[DOVECOT_MAIL_LAYOUT] = "mailbox_list_layout",
};

bool
import_dovecot_take_mail(struct dovecot *dovecot, struct span name,
	struct span value)
{
	for (size_t i = 0; i < DOVECOT_MAIL_COUNT; i++) {
		struct import_dovecot_mail_setting *setting = &dovecot->mail[i];
		if (!span_equals(name, span_from(names[i])))
			continue;
		if (setting->place.file != NULL &&
		    !span_equals(setting->value, value))
			import_say(dovecot->import, &setting->place, name,
				"not carried over: %s:%u says something else",
				dovecot->place.file, dovecot->place.line);
		*setting = (struct import_dovecot_mail_setting){
			arena_copy(&dovecot->import->arena, value),
			dovecot->place };
		return true;
	}
	return false;
}

static void
say_all(struct dovecot *dovecot, const char *text)
{
	for (size_t i = 0; i < DOVECOT_MAIL_COUNT; i++)
		if (dovecot->mail[i].place.file != NULL)
			import_say(dovecot->import, &dovecot->mail[i].place,
				span_from(names[i]), "%s", text);
}

/* False: it has a variable that is said. */
static bool
add_path(struct dovecot *dovecot, enum import_dovecot_mail which,
	struct buffer *out)
{
	const struct import_dovecot_mail_setting *setting =
		&dovecot->mail[which];
	struct span bad;
	if (import_dovecot_expand(setting->value, out, &bad))
		return true;
	import_say(dovecot->import, &setting->place, span_from(names[which]),
		"not carried over: \"%.*s\" is not supported in it",
		SPAN_PRINT(span_first(bad, 80)));
	return false;
}

/* A path that is not from the root on begins at mail_path. */
static bool
add_inbox(struct dovecot *dovecot, struct buffer *out)
{
	struct span value = dovecot->mail[DOVECOT_MAIL_INBOX_PATH].value;
	if (value.size == 0)
		return true;
	buffer_add_string(out, ":INBOX=");
	if (!span_starts(value, SPAN("/")) && !span_starts(value, SPAN("~")) &&
	    !span_starts(value, SPAN("%{"))) {
		if (!add_path(dovecot, DOVECOT_MAIL_PATH, out))
			return false;
		buffer_add_byte(out, '/');
	}
	return add_path(dovecot, DOVECOT_MAIL_INBOX_PATH, out);
}

/* What each format has by itself needs no word. */
static void
add_layout(struct dovecot *dovecot, bool is_mbox, struct buffer *out)
{
	struct span layout = dovecot->mail[DOVECOT_MAIL_LAYOUT].value;
	if (layout.size > 0 && !span_equals_nocase(layout,
	    is_mbox ? SPAN("fs") : SPAN("Maildir++")))
		buffer_print(out, ":LAYOUT=%.*s", SPAN_PRINT(layout));
}

void
import_dovecot_end_mail(struct dovecot *dovecot)
{
	static const char *const empty = "not carried over: without both "
		"mail_driver and mail_path Dovecot looks where mail is; set "
		"mail_location";
	struct span driver = dovecot->mail[DOVECOT_MAIL_DRIVER].value;
	bool is_mbox = span_equals(driver, SPAN("mbox"));
	struct buffer out;
	if (driver.size == 0 || (dovecot->mail[DOVECOT_MAIL_PATH].value.size ==
	    0 && (is_mbox || span_equals(driver, SPAN("maildir"))))) {
		say_all(dovecot, empty);
		return;
	}
	if (!is_mbox && !span_equals(driver, SPAN("maildir"))) {
		say_all(dovecot, "not carried over: this format is not read "
			"here; take the mail over with `posthouse import "
			"imap://...`");
		return;
	}
	buffer_init(&out, 0);
	buffer_print(&out, "%.*s:", SPAN_PRINT(driver));
	if (add_path(dovecot, DOVECOT_MAIL_PATH, &out) &&
	    add_inbox(dovecot, &out)) {
		add_layout(dovecot, is_mbox, &out);
		if (import_set(dovecot->import,
		    &dovecot->mail[DOVECOT_MAIL_DRIVER].place, "mail_location",
		    buffer_span(&out)))
			say_all(dovecot, "carried over as mail_location");
	}
	buffer_fini(&out);
}
