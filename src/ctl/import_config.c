/*
 * A posthouse.conf of the configuration of a Postfix and a Dovecot: what is carried
 * over, and a line of the report for all else. No files, see import_config.h.
 */
#include "ctl/import_config.h"

#include <stdarg.h>

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

/* Does the value mean something to Posthouse? The same check as at a start. */
static bool
is_right(struct config_import *import, const struct import_place *place,
	const char *name, struct span value)
{
	const char *setting = arena_print(&import->arena, "%s=%.*s", name,
		SPAN_PRINT(value)).data;
	struct error error;
	bool result = import->world->check(setting, &error) == 0;
	if (!result)
		import_say(import, place, span_from(name),
			"not carried over: %s", error.text);
	return result;
}

void
import_set(struct config_import *import, const struct import_place *place,
	const char *name, struct span value)
{
	const struct config_parameter *parameter =
		config_find_parameter(span_from(name));
	if (parameter == NULL || !is_right(import, place, name, value))
		return;
	import->value[parameter - config_table] = arena_copy_string(
		&import->arena, value);
	import->carried++;
}

void
import_say_known(struct config_import *import, const struct import_place *place,
	const char *owner, struct span name, struct span value)
{
	const struct config_known *known = config_known_table;
	while (known->name != NULL && !span_equals(span_from(known->name),
		name))
		known++;
	if (known->name != NULL)
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
		const char *value = import->value[p - config_table];
		if (value != NULL)
			buffer_print(out, "%s = %s\n", p->name, value);
	}
}

int
import_config_read(struct config_import *import, const char *postfix,
	const char *dovecot, struct error *error)
{
	const struct import_place place = { "accounts", 0 };
	int result = 0;
	if (postfix != NULL)
		result = import_postfix(import, postfix, error);
	if (result == 0 && dovecot != NULL)
		result = import_dovecot(import, dovecot, error);
	if (result == 0 && import->sources.size > 0)
		import_set(import, &place, "accounts", arena_print(
			&import->arena, "builtin %.*s",
			SPAN_PRINT(buffer_span(&import->sources))));
	return result;
}
