/* `export`: its command line, and how messages are carried; see export.h. */
#include "ctl/export.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ctl/ctl.h"
#include "ctl/imap_client.h"

/* A message whose text is on its way. */
struct waiting {
	struct transfer_message message;
	struct buffer text;
};

struct export {
	struct transfer_source *source;
	struct export_sink *sink;
	struct transfer_progress progress;
	struct waiting waiting[TRANSFER_BATCH_MESSAGES];
	size_t count;
	uint64_t bytes, done, there;
	struct arena arena;		/* of what waits */
};

static int
flush(struct export *export, struct span folder, struct error *error)
{
	int result = 0;
	if (export->count == 0)
		return 0;
	result = export->source->call->settle(export->source, error);
	for (size_t i = 0; i < export->count && result == 0; i++) {
		struct waiting *waiting = &export->waiting[i];
		/* Without a text it has been expunged meanwhile. */
		if (waiting->text.size == 0)
			continue;
		result = export->sink->call->write(export->sink,
			&waiting->message, buffer_span(&waiting->text), error);
		export->done++;
		export->progress.messages++;
	}
	if (result == 0)
		result = export->sink->call->sync(export->sink, error);
	for (size_t i = 0; i < export->count; i++)
		buffer_clear(&export->waiting[i].text);
	arena_fini(&export->arena);
	export->count = export->bytes = 0;
	transfer_progress_show(&export->progress, folder);
	return result;
}

/* The source's message is borrowed only until the next. */
static int
add(struct export *export, const struct transfer_message *message,
	struct error *error)
{
	struct waiting *waiting = &export->waiting[export->count];
	struct span *keyword = arena_new_array(&export->arena,
		message->keyword_count + 1, sizeof(*keyword));
	waiting->message = *message;
	waiting->message.key = arena_copy(&export->arena, message->key);
	for (size_t i = 0; i < message->keyword_count; i++)
		keyword[i] = arena_copy(&export->arena, message->keyword[i]);
	waiting->message.keyword = keyword;
	if (export->source->call->take(export->source, &waiting->text,
	    error) < 0)
		return -1;
	export->count++;
	export->bytes += message->size;
	return 0;
}

static int
carry_folder(struct export *export, size_t index,
	const struct transfer_folder *folder, struct error *error)
{
	struct transfer_message message;
	uint64_t before = export->progress.passed, passed = 0;
	int result;
	if (export->source->call->open(export->source, index, error) < 0 ||
	    export->sink->call->open(export->sink, folder, error) < 0)
		return -1;
	while ((result = export->source->call->next(export->source, &message,
	    &passed, error)) > 0) {
		export->progress.passed = before + passed;
		if (export->sink->call->has(export->sink, &message)) {
			export->there++;
			continue;
		}
		if (add(export, &message, error) < 0)
			return -1;
		if ((export->count == TRANSFER_BATCH_MESSAGES ||
		    export->bytes >= TRANSFER_BATCH_BYTES) &&
		    flush(export, folder->name, error) < 0)
			return -1;
	}
	export->progress.passed = before + folder->total;
	return result < 0 ? -1 : flush(export, folder->name, error);
}

static int
carry(struct export *export, const char *only, struct error *error)
{
	const struct transfer_folder *folders;
	size_t count;
	uint64_t total = 0;
	if (export->source->call->list(export->source, &folders, &count,
	    error) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		total += folders[i].total;
	transfer_progress_begin(&export->progress, total);
	for (size_t i = 0; i < count; i++)
		if ((only == NULL || span_equals(folders[i].name,
		    span_from(only))) &&
		    carry_folder(export, i, &folders[i], error) < 0)
			return -1;
	return export->sink->call->subscribe(export->sink, folders, count,
		error);
}

static struct export_sink *
open_sink(const char *to, struct error *error)
{
	if (strncmp(to, "mbox:", 5) == 0 && to[5] != '\0')
		return export_mbox_open(to + 5, error);
	if (strncmp(to, "maildir:", 8) == 0 && to[8] != '\0')
		return export_maildir_open(to + 8, error);
	error_set(error, ERROR_USAGE, "found \"%s\", expected mbox:DIR or "
		"maildir:DIR", to);
	return NULL;
}

static int
run(struct export *export, struct ctl *ctl, const char *user, const char *only)
{
	struct imap_client client;
	struct error error;
	int result = imap_client_open_local(&client, ctl->config, user, &error);
	if (result < 0) {
		imap_client_close(&client);
		return ctl_fail_error(&error);
	}
	export->source = source_imap_open(&client);
	export->sink = open_sink(ctl->argv[0], &error);
	result = export->sink == NULL ? -1 : carry(export, only, &error);
	transfer_progress_end(&export->progress);
	export->source->call->close(&export->source);
	if (export->sink != NULL)
		export->sink->call->close(&export->sink);
	if (result < 0)
		ctl_fail_error(&error);
	printf("%s%lu messages exported, %lu were there already\n",
		result < 0 ? "not finished: " : "",
		(unsigned long)export->done, (unsigned long)export->there);
	return result < 0;
}

int
ctl_export(struct ctl *ctl)
{
	const char *user = ctl_take_option(ctl, "--user");
	const char *folder = ctl_take_option(ctl, "--folder");
	if (ctl->argc != 1)
		return ctl_usage(ctl_command_of(ctl_export),
			"found %d words, expected where to", ctl->argc);
	if (ctl_load_config(ctl) != 0)
		return 1;
	struct export *export = memory_new(sizeof(*export));
	int result = run(export, ctl, user, folder);
	for (size_t i = 0; i < TRANSFER_BATCH_MESSAGES; i++)
		buffer_fini(&export->waiting[i].text);
	arena_fini(&export->arena);
	memory_free(export);
	return result;
}
