/*
 * posthouse newaliases: reads the files of alias_maps and those that they
 * include, and hands auth one table. Whoever runs it opens the files, with his
 * own rights; auth writes the table. With any error nothing changes.
 */
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/owned_file.h"
#include "ctl/admin.h"
#include "ctl/newaliases.h"
#include "proto/alias_command.h"
#include "proto/alias_table.h"

enum {
	INCLUDE_DEPTH = 8,
	PART = 16 << 10,		/* bytes of the table in one request */
};

/* One run over all files. */
struct compiler {
	struct arena arena;
	struct buffer table;
	struct map names;		/* -> the "file:line" it stood at */
	const struct config *config;
	uid_t owner;			/* of the file at hand */
	const char *trouble;		/* why no program of it may run; or NULL */
	size_t targets;			/* of the entry at hand */
	unsigned programs;		/* and programs and files among them */
	struct error *error;
};

/* What newaliases has always said of a file. */
struct statistics {
	size_t count, longest, bytes;
};

/* ---- files ---- */

/* In the arena. */
static int
read_file(struct compiler *compiler, int fd, struct span *text)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	int result = file_read_descriptor(fd, ALIASES_FILE_LIMIT, &bytes,
		compiler->error);
	if (result == 0)
		*text = arena_copy(&compiler->arena, buffer_span(&bytes));
	buffer_fini(&bytes);
	return result;
}

/* ---- targets ---- */

static int
add_targets(struct compiler *compiler, const char *file,
	const struct alias_entry *entry, unsigned depth);

/* The targets in an included file; programs and files have no place there, as
 * in Postfix (allow_mail_to_commands). */
static int
include(struct compiler *compiler, const struct alias_target *target,
	unsigned depth)
{
	const char *path = arena_copy_string(&compiler->arena, target->text);
	struct alias_parser parser;
	struct alias_entry entry;
	struct span text;
	int found;
	if (depth == INCLUDE_DEPTH)
		return error_set(compiler->error, ERROR_USAGE, "found "
			":include:%s within %d others, expected that files "
			"do not include themselves", path, INCLUDE_DEPTH);
	int fd = owned_file_open(path, compiler->owner, compiler->error);
	if (fd < 0)
		return -1;
	found = read_file(compiler, fd, &text);
	file_close(&fd);
	if (found < 0)
		return -1;
	aliases_init(&parser, path, text);
	while ((found = aliases_next_included(&parser, &compiler->arena,
		&entry, compiler->error)) == 1)
		if (add_targets(compiler, path, &entry, depth + 1) < 0)
			return -1;
	return found;
}

/* As whom the programs of a file of root's run: never as root. */
static int
find_default_privs(struct compiler *compiler, uint32_t *uid)
{
	const char *name = config_text(compiler->config, "default_privs");
	const struct passwd *user = getpwnam(name);
	uint64_t least = config_number(compiler->config, "first_valid_uid");
	if (user == NULL || user->pw_uid < least || user->pw_uid == 0)
		return error_set(compiler->error, ERROR_USAGE, "default_privs: "
			"found \"%s\", expected a system user with a uid of at "
			"least first_valid_uid, as whom programs in files of "
			"root's run", name);
	*uid = user->pw_uid;
	return 0;
}

/* A program or file: what process pipe will look at again. */
static int
add_program(struct compiler *compiler, struct alias_target *target)
{
	struct alias_command command;
	target->owner = compiler->owner;
	target->index = compiler->programs++;
	if (compiler->trouble != NULL)
		return error_set(compiler->error, ERROR_USAGE, "%s",
			compiler->trouble);
	if (target->kind == ALIAS_PROGRAM && alias_command_parse(target->text,
		&compiler->arena, &command, compiler->error) < 0)
		return -1;
	return compiler->owner == 0 ?
		find_default_privs(compiler, &target->owner) : 0;
}

static int
add_target(struct compiler *compiler, const char *file,
	const struct alias_target *target, unsigned depth)
{
	struct alias_target compiled = *target;
	bool runs = target->kind == ALIAS_PROGRAM ||
		target->kind == ALIAS_FILE;
	if (runs && depth > 0)
		return error_set(compiler->error, ERROR_USAGE, "%s:%u: found "
			"%s%.*s, expected addresses: programs and files are "
			"named in alias files only", file, target->line,
			target->kind == ALIAS_PROGRAM ? "|" : "",
			SPAN_PRINT(target->text));
	if (runs && add_program(compiler, &compiled) < 0)
		return error_wrap(compiler->error, "%s:%u", file,
			target->line);
	if (compiler->targets++ == ALIASES_TARGET_LIMIT)
		return error_set(compiler->error, ERROR_USAGE, "%s:%u: found "
			"more than %d targets, expected fewer", file,
			target->line, ALIASES_TARGET_LIMIT);
	alias_table_add_target(&compiler->table, &compiled);
	return 0;
}

static int
add_targets(struct compiler *compiler, const char *file,
	const struct alias_entry *entry, unsigned depth)
{
	for (size_t i = 0; i < entry->count; i++) {
		const struct alias_target *target = &entry->target[i];
		if (target->kind != ALIAS_INCLUDE) {
			if (add_target(compiler, file, target, depth) < 0)
				return -1;
		} else if (include(compiler, target, depth) < 0) {
			/* Only the outermost line, however deep it is. */
			return depth > 0 ? -1 : error_wrap(compiler->error,
				"%s:%u", file, target->line);
		}
	}
	return 0;
}

/* ---- entries ---- */

/* The first of a name counts, as in postalias(1). */
static bool
is_duplicate(struct compiler *compiler, const char *file,
	const struct alias_entry *entry)
{
	const char *first = map_get(&compiler->names, entry->name);
	if (first != NULL) {
		fprintf(stderr, "posthouse: warning: %s:%u: found \"%.*s\" "
			"again; the one of %s stays\n", file, entry->line,
			SPAN_PRINT(entry->name), first);
		return true;
	}
	map_put(&compiler->names, entry->name, (void *)(uintptr_t)arena_print(
		&compiler->arena, "%s:%u", file, entry->line).data);
	return false;
}

static int
add_entry(struct compiler *compiler, const char *file,
	const struct alias_entry *entry, struct statistics *statistics)
{
	if (is_duplicate(compiler, file, entry))
		return 0;
	if (map_count(&compiler->names) > ALIASES_ENTRY_LIMIT)
		return error_set(compiler->error, ERROR_USAGE, "%s:%u: found "
			"more than %d aliases, expected fewer", file,
			entry->line, ALIASES_ENTRY_LIMIT);
	compiler->targets = compiler->programs = 0;
	alias_table_begin_entry(&compiler->table, entry->name);
	if (add_targets(compiler, file, entry, 0) < 0)
		return -1;
	if (compiler->targets == 0)
		return error_set(compiler->error, ERROR_USAGE, "%s:%u: found "
			"that %.*s has no target, expected one", file,
			entry->line, SPAN_PRINT(entry->name));
	alias_table_end_entry(&compiler->table);
	statistics->count++;
	statistics->bytes += entry->name.size + entry->value_size;
	if (entry->value_size > statistics->longest)
		statistics->longest = entry->value_size;
	return 0;
}

/* Who may write to the file or put another in its place would decide what is
 * run; process pipe looks at it in the same way (base/owned_file.h). */
static void
judge_file(struct compiler *compiler, const char *path,
	const struct stat *status)
{
	struct error error;
	compiler->owner = status->st_uid;
	compiler->trouble = NULL;
	int fd = owned_file_open(path, status->st_uid, &error);
	if (fd < 0)
		compiler->trouble = arena_print(&compiler->arena, "no program "
			"and no file may stand here: %s", error.text).data;
	file_close(&fd);
}

static int
compile_file(struct compiler *compiler, const char *path,
	struct statistics *statistics)
{
	struct alias_parser parser;
	struct alias_entry entry;
	struct span text;
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &status) < 0) {
		file_close(&fd);
		return error_set_errno(compiler->error, "alias_maps: opening "
			"%s", path);
	}
	judge_file(compiler, path, &status);
	int found = read_file(compiler, fd, &text);
	file_close(&fd);
	if (found < 0)
		return -1;
	aliases_init(&parser, path, text);
	while ((found = aliases_next(&parser, &compiler->arena, &entry,
		compiler->error)) == 1)
		if (add_entry(compiler, path, &entry, statistics) < 0)
			return -1;
	return found;
}

/* Without "hash:" and the like. */
static const char *
path_of(struct compiler *compiler, struct span item)
{
	const char *path = arena_copy_string(&compiler->arena, item);
	size_t type = strcspn(path, ":/");
	return path[type] == ':' ? path + type + 1 : path;
}

/* All files; what is said of each is kept in *said. */
static int
compile(struct compiler *compiler, const struct config *config,
	struct buffer *said)
{
	struct span rest = span_from(config_text(config, "alias_maps")), item;
	size_t count = 0;
	alias_table_begin(&compiler->table);
	while (config_next_item(&rest, &item)) {
		struct statistics statistics = { 0 };
		const char *path = path_of(compiler, item);
		if (compile_file(compiler, path, &statistics) < 0)
			return -1;
		buffer_print(said, "%s: %zu aliases, longest %zu bytes, "
			"%zu bytes total\n", path, statistics.count,
			statistics.longest, statistics.bytes);
		count += statistics.count;
	}
	alias_table_end(&compiler->table, count);
	return 0;
}

/* ---- to auth ---- */

static int
send_parts(struct system_wire *wire, struct span table, struct error *error)
{
	struct buffer fields;
	int result = system_call(wire, "ALIASES-BEGIN", SPAN(""), NULL, NULL,
		NULL, error);
	buffer_init(&fields, 0);
	while (result == 0 && table.size > 0) {
		buffer_clear(&fields);
		tabline_add_pair(&fields, "data", span_first(table, PART));
		table = span_skip(table, PART);
		result = system_call(wire, "ALIASES-PART", buffer_span(&fields),
			NULL, NULL, NULL, error);
	}
	buffer_fini(&fields);
	return result < 0 ? -1 : system_call(wire, "ALIASES-END", SPAN(""),
		NULL, NULL, NULL, error);
}

static int
hand_over(const struct config *config, struct span table, struct error *error)
{
	struct system_wire wire;
	if (system_wire_open(config, "auth-admin", 0, &wire, error) < 0)
		return -1;
	int result = send_parts(&wire, table, error);
	system_wire_close(&wire);
	return result;
}

/* *said: a line for each file. */
static int
compile_and_hand_over(const struct config *config, struct buffer *said,
	struct error *error)
{
	struct compiler compiler = { .error = error, .config = config };
	arena_init(&compiler.arena, 0);
	buffer_init(&compiler.table, 0);
	map_init(&compiler.names);
	int result = compile(&compiler, config, said);
	if (result == 0)
		result = hand_over(config, buffer_span(&compiler.table), error);
	map_fini(&compiler.names);
	buffer_fini(&compiler.table);
	arena_fini(&compiler.arena);
	return result;
}

/* The default file is root's, and need not be there. */
static bool
is_set_or_there(const struct config *config)
{
	return config_is_changed(config, "alias_maps") || (geteuid() == 0 &&
		access(config_text(config, "alias_maps"), F_OK) == 0);
}

int
newaliases_at_first(const struct config *config, struct error *error)
{
	char path[4096];
	struct buffer said;
	snprintf(path, sizeof(path), "%s/auth/aliases",
		config_text(config, "data_directory"));
	if (!is_set_or_there(config) || access(path, F_OK) == 0)
		return 0;
	buffer_init(&said, 0);
	int result = compile_and_hand_over(config, &said, error);
	buffer_fini(&said);
	return result;
}

int
ctl_newaliases(struct ctl *ctl)
{
	struct error error;
	struct buffer said;
	if (ctl->argc > 0)
		return ctl_usage(ctl_command_of(ctl_newaliases), "found "
			"\"%s\", expected nothing", ctl->argv[0]);
	if (ctl_load_config(ctl) != 0)
		return 1;
	if (geteuid() != 0 && !config_is_changed(ctl->config, "alias_maps"))
		return ctl_fail("alias_maps is not set, and %s is read for "
			"root only", config_text(ctl->config, "alias_maps"));
	if (!is_set_or_there(ctl->config)) {
		printf("%s is not there: no aliases are compiled\n",
			config_text(ctl->config, "alias_maps"));
		return 0;
	}
	buffer_init(&said, 0);
	int result = compile_and_hand_over(ctl->config, &said, &error);
	if (result == 0)
		fputs(buffer_string(&said), stdout);
	else
		ctl_fail_error(&error);
	buffer_fini(&said);
	return result == 0 ? 0 : 1;
}
