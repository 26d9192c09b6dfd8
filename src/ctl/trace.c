/*
 * posthouse trace ADDRESS|ID: the journey of messages. Reads the log copy in
 * data_directory/log twice: first for the trace and session ids of lines that
 * name the address or id, then for all lines of those messages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "ctl/ctl.h"
#include "ctl/output.h"

enum { TRACE_LIMIT = 100000 };

struct trace {
	struct span wanted;
	struct map ids;		/* trace and session ids of the messages */
	struct output *output;	/* NULL: lines as they stand */
	size_t shown;
};

/* The value of key= in a line of the log, quotes and escapes left as they are. */
static bool
find_value(struct span line, const char *key, struct span *value)
{
	char lead[64];
	int size = snprintf(lead, sizeof(lead), " %s=", key);
	size_t at = span_search(line, span_of(lead, (size_t)size));
	if (at == line.size)
		return false;
	*value = span_skip(line, at + (size_t)size);
	if (value->size > 0 && value->data[0] == '"') {
		*value = span_skip(*value, 1);
		*value = span_first(*value, span_find(*value, '"'));
	} else {
		*value = span_first(*value, span_find(*value, ' '));
	}
	return true;
}

/* An address matches with or without angle brackets, in any case. */
static bool
names_wanted(struct trace *trace, struct span line)
{
	static const char *const keys[] = { "trace", "session", "from", "to",
		"user", "queue", "message_id", "account" };
	struct span value;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!find_value(line, keys[i], &value))
			continue;
		if (value.size >= 2 && value.data[0] == '<')
			value = span_of(value.data + 1, value.size - 2);
		if (span_equals_nocase(value, trace->wanted))
			return true;
	}
	return false;
}

static void
note_ids(struct trace *trace, struct span line)
{
	struct span id;
	if (!names_wanted(trace, line) ||
	    map_count(&trace->ids) >= TRACE_LIMIT)
		return;
	if (find_value(line, "trace", &id) ||
	    find_value(line, "session", &id))
		map_put(&trace->ids, id, trace);
}

static void
show_line(struct trace *trace, struct span line)
{
	static const char *const keys[] = { "trace", "session", "event", "from",
		"to", "verdict", "reason" };
	struct span id, value, rest = line, word;
	bool is_of_message = find_value(line, "trace", &id) &&
		map_get(&trace->ids, id) != NULL;
	bool is_of_session = find_value(line, "session", &id) &&
		map_get(&trace->ids, id) != NULL;
	if (!is_of_message && !is_of_session)
		return;
	trace->shown++;
	if (trace->output == NULL) {
		printf("%.*s\n", SPAN_PRINT(line));
		return;
	}
	output_row(trace->output);
	if (span_word(&rest, &word))
		output_text(trace->output, "time", word);
	if (span_word(&rest, &word))
		output_text(trace->output, "level", word);
	if (span_word(&rest, &word))
		output_text(trace->output, "process", word);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (find_value(line, keys[i], &value))
			output_text(trace->output, keys[i], value);
	output_text(trace->output, "line", line);
}

static int
each_line(struct trace *trace, const char *path,
	void (*each)(struct trace *trace, struct span line))
{
	char *line = NULL;
	size_t room = 0;
	ssize_t size;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return ctl_fail("opening %s: %s", path, strerror(errno));
	while ((size = getline(&line, &room, file)) > 0) {
		if (line[size - 1] == '\n')
			size--;
		each(trace, span_of(line, (size_t)size));
	}
	free(line);
	fclose(file);
	return 0;
}

int
ctl_trace(struct ctl *ctl)
{
	static const char *const columns[] = { "time", "process", "event", NULL };
	char path[4096];
	struct trace trace = { 0 };
	if (ctl->argc != 1)
		return ctl_usage(ctl_command_of(ctl_trace),
			"found %d words, expected one address or id", ctl->argc);
	if (ctl_load_config(ctl) != 0)
		return 1;
	snprintf(path, sizeof(path), "%s/log/posthouse.log",
		config_text(ctl->config, "data_directory"));
	trace.wanted = span_from(ctl->argv[0]);
	map_init(&trace.ids);
	trace.output = ctl->json ? output_new(true, columns) : NULL;
	int result = each_line(&trace, path, note_ids);
	if (result == 0)
		result = each_line(&trace, path, show_line);
	if (result == 0 && trace.output != NULL)
		output_end(&trace.output);
	if (result == 0 && trace.shown == 0)
		result = ctl_fail("%s: nothing in %s speaks of it",
			ctl->argv[0], path);
	map_fini(&trace.ids);
	return result;
}
