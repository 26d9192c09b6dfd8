/*
 * A posthouse.conf of the configuration of a Postfix, a Dovecot and a BIND: what
 * is carried over, and a line of the report for all else. No files, see import_config.h.
 */
#include "ctl/import_config.h"

#include <stdarg.h>
#include <string.h>

#include "base/config_known.h"
#include "base/memory.h"

void
import_config_init(struct config_import *import,
	const struct import_world *world)
{
	size_t count = 0;
	while (config_table[count].name != NULL)
		count++;
	*import = (struct config_import){ .world = world };
	arena_init(&import->arena, 0);
	buffer_init(&import->report, 0);
	buffer_init(&import->sources, 0);
	import->value = memory_new_array(count, sizeof(*import->value));
}

void
import_config_fini(struct config_import *import)
{
	memory_free(import->value);
	buffer_fini(&import->sources);
	buffer_fini(&import->report);
	arena_fini(&import->arena);
}

void
import_say(struct config_import *import, const struct import_place *place,
	struct span name, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	buffer_print(&import->report, "%s:%u: %.*s: ", place->file,
		place->line, SPAN_PRINT(span_first(name, 80)));
	buffer_print_list(&import->report, format, list);
	buffer_add_byte(&import->report, '\n');
	va_end(list);
	import->others++;
}

bool
import_is_right(struct config_import *import, const struct import_place *place,
	struct span theirs, const char *setting)
{
	static const struct span from = SPAN("command line: ");
	struct error error;
	size_t count = 0, others = 0;
	while (config_table[count].name != NULL)
		count++;
	const char **settings = memory_new_array(count + 1, sizeof(*settings));
	for (size_t i = 0; i < count; i++)
		if (import->value[i].setting != NULL)
			settings[others++] = import->value[i].setting;
	settings[others] = setting;
	bool result = import->world->check(settings, others + 1, &error) == 0;
	memory_free(settings);
	struct span why = span_from(result ? "" : error.text);
	if (span_starts(why, from))
		why = span_skip(why, from.size);
	if (!result)
		import_say(import, place, theirs, "not carried over: %.*s",
			SPAN_PRINT(why));
	return result;
}

/* The last setting of a name counts, wherever it stands. */
static bool
set(struct config_import *import, const struct import_place *place,
	struct span theirs, const char *ours, struct span value)
{
	const struct config_parameter *parameter =
		config_find_parameter(span_from(ours));
	const char *setting = arena_print(&import->arena, "%s=%.*s", ours,
		SPAN_PRINT(value)).data;
	if (parameter == NULL ||
	    !import_is_right(import, place, theirs, setting))
		return false;
	struct import_value *old = &import->value[parameter - config_table];
	if (old->setting != NULL && strcmp(old->setting, setting) != 0)
		import_say(import, &old->place, span_from(ours), "not carried "
			"over: %s:%u says something else", place->file,
			place->line);
	*old = (struct import_value){ setting, *place };
	return true;
}

bool
import_set(struct config_import *import, const struct import_place *place,
	const char *name, struct span value)
{
	bool result = set(import, place, span_from(name), name, value);
	import->carried += result;
	return result;
}

bool
import_set_as(struct config_import *import, const struct import_place *place,
	struct span theirs, const char *ours, struct span value)
{
	bool result = set(import, place, theirs, ours, value);
	if (result)
		import_say(import, place, theirs, "carried over as %s", ours);
	return result;
}

void
import_say_known(struct config_import *import, const struct import_place *place,
	const char *owner, struct span name, struct span value)
{
	const struct config_known *known = config_known_find(name, owner);
	if (known != NULL)
		import_say(import, place, name, "not carried over: %s",
			known->instead);
	else
		import_say(import, place, name, "not carried over: this "
			"parameter of %s has no counterpart (it was \"%.*s\")",
			owner, SPAN_PRINT(span_first(value, 80)));
}

void
import_add_source(struct config_import *import, const struct import_place *place,
	struct span source)
{
	struct span item, rest = buffer_span(&import->sources);
	while (config_next_item(&rest, &item))
		if (span_equals(item, source))
			return;
	if (import->sources.size > 0)
		buffer_add_byte(&import->sources, ' ');
	buffer_add(&import->sources, source);
	import_say(import, place, SPAN("accounts"), "carried over as %.*s",
		SPAN_PRINT(source));
}

/* ---- the result ---- */

void
import_config_write(const struct config_import *import, struct buffer *out)
{
	buffer_add_string(out, "# Made by `posthouse config import`. What was "
		"not carried over stood in its report.\n");
	for (const struct config_parameter *p = config_table; p->name != NULL;
		p++) {
		const char *setting = import->value[p - config_table].setting;
		if (setting != NULL)
			buffer_print(out, "%s = %s\n", p->name,
				setting + strlen(p->name) + 1);
	}
}

int
import_config_read(struct config_import *import, const char *postfix,
	const char *dovecot, const char *bind, struct error *error)
{
	const struct import_place place = { "accounts", 0 };
	int result = 0;
	if (postfix != NULL)
		result = import_postfix(import, postfix, error);
	if (result == 0 && dovecot != NULL)
		result = import_dovecot(import, dovecot, error);
	if (result == 0 && bind != NULL)
		result = import_bind(import, bind, error);
	if (result == 0 && import->sources.size > 0)
		import_set(import, &place, "accounts", arena_print(
			&import->arena, "builtin %.*s",
			SPAN_PRINT(buffer_span(&import->sources))));
	return result;
}
