/* Reads etc/services; see services.h. */
#include "base/services.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

/* What a row's reader needs. */
struct reader {
	struct services *services;
	const struct config *config;
	struct span words[5];
	size_t count;
};

static bool
copy_word(char *out, size_t size, struct span word)
{
	if (word.size == 0 || word.size >= size)
		return false;
	memcpy(out, word.data, word.size);
	out[word.size] = '\0';
	return true;
}

#define COPY(out, word) copy_word(out, sizeof(out), word)

static struct program *
find_program(struct services *services, struct span name)
{
	for (size_t i = 0; i < services->program_count; i++)
		if (span_equals(span_from(services->programs[i].name), name))
			return &services->programs[i];
	return NULL;
}

static const char *
read_program(struct reader *reader)
{
	struct services *services = reader->services;
	uint64_t count = 0;
	if (reader->count < 4 || services->program_count == SERVICES_ROWS)
		return "program NAME USER COUNT [EXECUTABLE]";
	struct program *program = &services->programs[services->program_count++];
	if (!COPY(program->name, reader->words[1]) ||
	    !COPY(program->user, reader->words[2]) ||
	    !COPY(program->parameter, reader->words[3]) ||
	    !COPY(program->executable,
	    reader->words[reader->count == 5 ? 4 : 1]))
		return "shorter words";
	program->is_on_demand = strcmp(program->user, "(owner)") == 0;
	uint64_t most = program->is_on_demand ? SERVICES_ON_DEMAND :
		SERVICES_INSTANCES;
	if (span_to_number(reader->words[3], most, &count))
		program->parameter[0] = '\0';
	else if (config_find_parameter(reader->words[3]) == NULL)
		return "a number or a parameter";
	else
		count = reader->config == NULL ? 1 :
			config_number(reader->config, program->parameter);
	if (count == 0 || count > most)
		return program->is_on_demand ? "1 to 4096 processes" :
			"1 to 256 processes";
	program->count = (unsigned)count;
	return NULL;
}

static const char *
read_when(struct reader *reader)
{
	struct services *services = reader->services;
	struct program *program = reader->count == 4 ?
		find_program(services, reader->words[1]) : NULL;
	if (program == NULL || program->when_list[0] != '\0')
		return "when PROGRAM LIST ITEM, once, below the program";
	const struct config_parameter *list =
		config_find_parameter(reader->words[2]);
	if (!COPY(program->when_list, reader->words[2]) ||
	    !COPY(program->when_item, reader->words[3]) ||
	    list == NULL || list->type != CONFIG_LIST)
		return "a parameter that is a list, and an item of it";
	return NULL;
}

static const char *
read_watch(struct reader *reader)
{
	struct program *program = reader->count == 2 ?
		find_program(reader->services, reader->words[1]) : NULL;
	if (program == NULL)
		return "watch PROGRAM, below the program";
	program->is_watcher = true;
	return NULL;
}

static const char *
read_alone(struct reader *reader)
{
	struct program *program = reader->count == 2 ?
		find_program(reader->services, reader->words[1]) : NULL;
	if (program == NULL)
		return "alone PROGRAM, below the program";
	program->is_alone = true;
	return NULL;
}

static const char *
read_file(struct reader *reader)
{
	struct services *services = reader->services;
	if (reader->count < 3 || services->file_count == SERVICES_ROWS)
		return "file PROGRAM PARAMETER "
			"[optional|tables|state|state-read|KIND]";
	struct program_file *file = &services->files[services->file_count++];
	struct program *program = find_program(services, reader->words[1]);
	file->program = program;
	if (program == NULL)
		return "a program from a row above";
	if (!COPY(file->parameter, reader->words[2]) ||
	    config_find_parameter(reader->words[2]) == NULL)
		return "the name of a parameter";
	if (reader->count == 3)
		return NULL;
	file->is_optional = span_equals(reader->words[3], SPAN("optional"));
	file->is_tables = span_equals(reader->words[3], SPAN("tables"));
	file->is_read_only = span_equals(reader->words[3], SPAN("state-read"));
	file->is_state = file->is_read_only ||
		span_equals(reader->words[3], SPAN("state"));
	if (file->is_state && !file->is_read_only)
		program->is_alone = true;
	if (!file->is_optional && !file->is_tables && !file->is_state &&
	    !COPY(file->kind, reader->words[3]))
		return "optional, tables, state, state-read, or the kind of "
			"the list's items";
	return NULL;
}

static const char *
read_listen(struct reader *reader)
{
	struct services *services = reader->services;
	bool is_optional = reader->count == 5 &&
		span_equals(reader->words[4], SPAN("optional"));
	if ((reader->count != 4 && !is_optional) ||
	    services->row_count == SERVICES_ROWS)
		return "listen|datagram PROGRAM SERVICE PARAMETER [optional]";
	struct service_row *row = &services->rows[services->row_count++];
	row->is_optional = is_optional;
	row->is_datagram = span_equals(reader->words[0], SPAN("datagram"));
	row->program = find_program(services, reader->words[1]);
	if (row->program == NULL)
		return "a program from a row above";
	if (!COPY(row->service, reader->words[2]) ||
	    !COPY(row->parameter, reader->words[3]) ||
	    config_find_parameter(reader->words[3]) == NULL)
		return "a service and the parameter of its port";
	return NULL;
}

static const char *
read_socket(struct reader *reader)
{
	struct services *services = reader->services;
	if (reader->count != 5 || services->row_count == SERVICES_ROWS)
		return "socket PROGRAM SERVICE FILE MODE";
	struct service_row *row = &services->rows[services->row_count++];
	row->program = find_program(services, reader->words[1]);
	if (row->program == NULL)
		return "a program from a row above";
	if (!COPY(row->service, reader->words[2]) ||
	    !COPY(row->file, reader->words[3]) ||
	    strchr(row->file, '/') != NULL)
		return "a service and a file name";
	row->mode = 0;
	struct span mode = reader->words[4];
	for (size_t i = 0; i < mode.size; i++) {
		if (mode.size != 4 || mode.data[i] < '0' || mode.data[i] > '7')
			return "a mode of four octal digits";
		row->mode = row->mode * 8 + (unsigned)(mode.data[i] - '0');
	}
	return NULL;
}

static const char *
read_wire(struct reader *reader)
{
	struct services *services = reader->services;
	if (reader->count != 4 || services->wire_count == SERVICES_ROWS)
		return "wire CALLER SERVICE CALLEE";
	struct wire_row *wire = &services->wires[services->wire_count++];
	wire->callee = find_program(services, reader->words[3]);
	if (wire->callee == NULL ||
	    (!span_equals(reader->words[1], SPAN("command")) &&
	    find_program(services, reader->words[1]) == NULL))
		return "programs from rows above";
	if (!COPY(wire->caller, reader->words[1]) ||
	    !COPY(wire->service, reader->words[2]))
		return "shorter words";
	return NULL;
}

/* What was expected, or NULL when the row is right. */
static const char *
read_row(struct reader *reader, struct span line)
{
	struct span kind;
	reader->count = 0;
	while (reader->count < 5 && span_word(&line,
	    &reader->words[reader->count]))
		reader->count++;
	if (!span_is_empty(span_trim(line)))
		return "fewer words";
	kind = reader->words[0];
	if (span_equals(kind, SPAN("program")))
		return read_program(reader);
	if (span_equals(kind, SPAN("when")))
		return read_when(reader);
	if (span_equals(kind, SPAN("watch")))
		return read_watch(reader);
	if (span_equals(kind, SPAN("alone")))
		return read_alone(reader);
	if (span_equals(kind, SPAN("file")))
		return read_file(reader);
	if (span_equals(kind, SPAN("listen")) ||
	    span_equals(kind, SPAN("datagram")))
		return read_listen(reader);
	if (span_equals(kind, SPAN("socket")))
		return read_socket(reader);
	if (span_equals(kind, SPAN("wire")))
		return read_wire(reader);
	return "program, when, alone, watch, file, listen, datagram, socket or wire";
}

/*
 * How far below those that nobody calls each program is. Calls go down only: a
 * ring would let processes wait for each other for ever.
 */
static int
find_depths(struct services *services, const char *path, struct error *error)
{
	bool is_changed = true;
	for (size_t round = 0; is_changed; round++) {
		if (round > services->program_count)
			return error_set(error, ERROR_USAGE, "%s: the wires go "
				"in a ring, expected calls that go down only",
				path);
		is_changed = false;
		for (size_t i = 0; i < services->wire_count; i++) {
			const struct wire_row *wire = &services->wires[i];
			const struct program *caller = find_program(services,
				span_from(wire->caller));
			struct program *callee = find_program(services,
				span_from(wire->callee->name));
			if (caller == NULL || callee->depth > caller->depth)
				continue;
			callee->depth = caller->depth + 1;
			is_changed = true;
		}
	}
	return 0;
}

int
services_read(const char *path, const struct config *config,
	struct services *services, struct error *error)
{
	struct reader reader = { .services = services, .config = config };
	struct buffer bytes;
	struct span rest, line;
	unsigned number = 0;
	*services = (struct services){ 0 };
	buffer_init(&bytes, 0);
	int result = file_read_whole(AT_FDCWD, path, 1 << 20, &bytes, error);
	rest = buffer_span(&bytes);
	while (result == 0 && span_split(&rest, '\n', &line)) {
		number++;
		line = span_trim(line);
		if (span_is_empty(line) || line.data[0] == '#')
			continue;
		const char *expected = read_row(&reader, line);
		if (expected != NULL)
			result = error_set(error, ERROR_USAGE, "%s:%u: found "
				"\"%.*s\", expected %s", path, number,
				SPAN_PRINT(line), expected);
	}
	buffer_fini(&bytes);
	return result < 0 ? -1 : find_depths(services, path, error);
}

bool
services_wants(const struct program *program, const struct config *config)
{
	struct span item, kind = span_from(program->when_item);
	if (program->is_on_demand)
		return false;
	if (program->when_list[0] == '\0')
		return true;
	struct span rest = span_from(config_text(config, program->when_list));
	while (config_next_item(&rest, &item))
		if (span_starts(item, kind) && (item.size == kind.size ||
		    item.data[kind.size] == ':'))
			return true;
	return false;
}

const struct wire_row *
services_find_wire(const struct services *services, const char *caller,
	const char *service)
{
	for (size_t i = 0; i < services->wire_count; i++)
		if (strcmp(services->wires[i].caller, caller) == 0 &&
		    strcmp(services->wires[i].service, service) == 0)
			return &services->wires[i];
	return NULL;
}

int
services_check_pinned(const struct config *before, const struct config *after,
	struct error *error)
{
	static const char *const texts[] = { "data_directory",
		"queue_directory", "runtime_directory" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(config_text(before, texts[i]),
		    config_text(after, texts[i])) != 0)
			return error_set(error, ERROR_USAGE, "%s has changed: "
				"stop the system and start it again", texts[i]);
	if (config_number(before, "mailbox_processes") !=
	    config_number(after, "mailbox_processes"))
		return error_set(error, ERROR_USAGE, "mailbox_processes has "
			"changed: stop the system and start it again");
	return 0;
}

static bool
has_items(const struct config *config, const char *list)
{
	return !span_is_empty(span_trim(span_from(config_text(config, list))));
}

bool
services_may_be_taken(const struct config *config,
	const struct service_row *row)
{
	/* whoever was named wants to be there; else another nameserver may */
	if (strncmp(row->service, "domain", 6) == 0 &&
	    (has_items(config, "dns_zones") ||
	    has_items(config, "dns_secondary_zones")))
		return false;
	const struct config_parameter *parameter = config_find_parameter(
		span_from(row->parameter));
	return row->is_optional && parameter != NULL &&
		strcmp(config_text(config, row->parameter),
		parameter->standard) == 0;
}

bool
services_is_on(const struct config *config, const char *service)
{
	static const char *const optional[] = { "imap", "pop3", "lmtp" };
	struct span rest = span_from(config_text(config, "protocols")), item;
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
		if (strncmp(service, optional[i], strlen(optional[i])) != 0)
			continue;
		while (config_next_item(&rest, &item))
			if (span_equals_nocase(item, span_from(optional[i])))
				return true;
		return false;
	}
	return true;
}
