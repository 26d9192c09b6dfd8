/* `import`: its command line, and how messages are read; see import.h. */
#include "ctl/import.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "ctl/ctl.h"
#include "ctl/password.h"
#include "store/store.h"

/* ---- where from ---- */

/* "imap[s]://user@host[:port]/": the password is asked for. */
static struct transfer_source *
open_imap(struct ctl *ctl, const char *url, const char *ca_file,
	struct error *error)
{
	static struct imap_client client;	/* given away whole */
	struct arena arena;
	struct buffer password;
	struct imap_client_account account = { .ca_file = ca_file };
	struct transfer_source *source = NULL;
	(void)ctl;
	account.is_encrypted = strncmp(url, "imaps://", 8) == 0;
	struct span rest = span_from(strchr(url, '/') + 2);
	rest = span_first(rest, span_find(rest, '/'));
	size_t at = rest.size;
	while (at > 0 && rest.data[at - 1] != '@')
		at--;
	struct span host = span_skip(rest, at), port = SPAN("");
	bool is_literal = span_starts(host, SPAN("["));
	size_t colon = is_literal ? span_search(host, SPAN("]:")) + 1 :
		span_find(host, ':');
	port = span_skip(host, colon + 1);
	host = span_first(host, colon);
	if (is_literal)
		host = span_of(host.data + 1, span_find(host, ']') - 1);
	if (at < 2 || host.size == 0) {
		error_set(error, ERROR_USAGE, "found \"%s\", expected "
			"imap[s]://user@host[:port]/", url);
		return NULL;
	}
	arena_init(&arena, 0);
	buffer_init(&password, 0);
	account.user = arena_copy_string(&arena, transfer_read_word(&arena,
		span_first(rest, at - 1)));
	account.host = arena_copy_string(&arena, host);
	account.port = port.size > 0 ? arena_copy_string(&arena, port) :
		account.is_encrypted ? "993" : "143";
	if (password_read_once(account.user, &password, error) == 0) {
		account.password = buffer_string(&password);
		if (imap_client_open_remote(&client, &account, error) == 0)
			source = source_imap_open(&client);
		else
			imap_client_close(&client);
	}
	buffer_fini(&password);
	arena_fini(&arena);
	return source;
}

static struct transfer_source *
open_source(struct ctl *ctl, const char *from, const char *ca_file,
	struct error *error)
{
	if (strncmp(from, "mbox:", 5) == 0)
		return source_mbox_open(from + 5, error);
	if (strncmp(from, "maildir:", 8) == 0)
		return source_maildir_open(from + 8, error);
	if (strncmp(from, "imap://", 7) == 0 ||
	    strncmp(from, "imaps://", 8) == 0)
		return open_imap(ctl, from, ca_file, error);
	error_set(error, ERROR_USAGE, "found \"%s\", expected mbox:FILE, "
		"maildir:DIR or imap[s]://user@host[:port]/", from);
	return NULL;
}

/* ---- the journal's place ---- */

/* One file for each pair of source and account, by their names. */
static int
find_journal(struct buffer *path, struct span title, const char *state,
	struct error *error)
{
	uint64_t hash = 14695981039346656037u;	/* FNV-1a */
	const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (state != NULL) {
		buffer_add_string(path, state);
		return 0;
	}
	if (base != NULL && base[0] == '/')
		buffer_print(path, "%s/posthouse", base);
	else if (home != NULL && home[0] == '/')
		buffer_print(path, "%s/.local/state/posthouse", home);
	else
		return error_set(error, ERROR_USAGE, "HOME is not set: say "
			"with --state FILE where to note what is done");
	if (file_make_directories(buffer_string(path), 0700, error) < 0)
		return -1;
	for (size_t i = 0; i < title.size; i++)
		hash = (hash ^ (unsigned char)title.data[i]) * 1099511628211u;
	buffer_print(path, "/import-%016llx", (unsigned long long)hash);
	return 0;
}

static int
open_journal(struct import *import, const char *user, const char *from,
	const char *state, bool is_again)
{
	struct error error;
	struct buffer title, path;
	char real[PATH_MAX];
	const char *colon = strchr(from, ':');
	buffer_init(&title, 0);
	buffer_init(&path, 0);
	/* Two ways to say a path are one source. */
	bool is_path = colon[1] != '/' || colon[2] != '/';
	buffer_add(&title, SPAN("posthouse-import 1 "));
	transfer_add_word(&title, span_from(user));
	buffer_add_byte(&title, ' ');
	transfer_add_word(&title, span_of(from, (size_t)(colon - from) + 1));
	transfer_add_word(&title, span_from(is_path &&
		realpath(colon + 1, real) != NULL ? real : colon + 1));
	int result = find_journal(&path, buffer_span(&title), state, &error);
	if (result == 0)
		result = journal_open(&import->journal, buffer_string(&path),
			buffer_span(&title), is_again, &error);
	buffer_fini(&title);
	buffer_fini(&path);
	return result < 0 ? ctl_fail_error(&error) : 0;
}

/* ---- reading ---- */

/* What a keyword of IMAP may be (RFC 9051 9: an atom). */
static bool
is_keyword(struct span word)
{
	if (word.size == 0 || word.size > STORE_KEYWORD_SIZE)
		return false;
	for (size_t i = 0; i < word.size; i++)
		if (word.data[i] <= ' ' || word.data[i] >= 0x7f ||
		    strchr("(){%*\"\\]", word.data[i]) != NULL)
			return false;
	return true;
}

static int
add_to_batch(struct import *import, const struct transfer_message *message,
	struct error *error)
{
	struct import_batch *batch = &import->batch;
	struct import_message *copy = &batch->message[batch->count];
	struct buffer text = copy->text;
	*copy = (struct import_message){ .text = text, .flags = message->flags,
		.date = message->date, .zone = message->zone,
		.key = arena_copy(&batch->arena, message->key),
		.keyword = arena_new_array(&batch->arena,
			message->keyword_count + 1, sizeof(struct span)) };
	for (size_t i = 0; i < message->keyword_count; i++)
		if (is_keyword(message->keyword[i]))
			copy->keyword[copy->keyword_count++] = arena_copy(
				&batch->arena, message->keyword[i]);
	if (import->source->call->take(import->source, &copy->text, error) < 0)
		return -1;
	batch->count++;
	batch->bytes += copy->text.size > message->size ? copy->text.size :
		message->size;
	return 0;
}

static int
flush(struct import *import, struct error *error)
{
	if (import->batch.count == 0)
		return 0;
	if (import->source->call->settle(import->source, error) < 0 ||
	    import_send(import, error) < 0)
		return -1;
	transfer_progress_show(&import->progress, import->folder);
	return 0;
}

static int
carry_folder(struct import *import, size_t index,
	const struct transfer_folder *folder, struct error *error)
{
	struct transfer_message message;
	uint64_t before = import->progress.passed, passed = 0;
	int result;
	if (import->source->call->open(import->source, index, error) < 0 ||
	    import_open_folder(import, folder, error) < 0)
		return -1;
	while ((result = import->source->call->next(import->source, &message,
	    &passed, error)) > 0) {
		import->progress.passed = before + passed;
		if (journal_is_done(&import->journal, folder->name,
		    import->validity, message.key)) {
			import->there++;
			continue;
		}
		if (add_to_batch(import, &message, error) < 0)
			return -1;
		if ((import->batch.count == TRANSFER_BATCH_MESSAGES ||
		    import->batch.bytes >= TRANSFER_BATCH_BYTES) &&
		    flush(import, error) < 0)
			return -1;
	}
	import->progress.passed = before + folder->total;
	return result < 0 ? -1 : flush(import, error);
}

static int
carry(struct import *import, const char *only, bool is_file,
	struct error *error)
{
	const struct transfer_folder *folders;
	size_t count;
	uint64_t total = 0;
	if (import->source->call->list(import->source, &folders, &count,
	    error) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		total += folders[i].total;
	transfer_progress_begin(&import->progress, total);
	for (size_t i = 0; i < count; i++) {
		struct transfer_folder folder = folders[i];
		/* A file goes where one says; of many folders one is chosen. */
		if (only != NULL && is_file)
			folder.name = span_from(only);
		else if (only != NULL &&
		    !span_equals(folder.name, span_from(only)))
			continue;
		if (carry_folder(import, i, &folder, error) < 0)
			return -1;
	}
	return 0;
}

/* ---- the command ---- */

static int
run(struct import *import, struct ctl *ctl, const char *user, const char *only)
{
	struct error error;
	const char *from = ctl->argv[0];
	struct stat facts;
	bool is_file = strncmp(from, "mbox:", 5) == 0 &&
		stat(from + 5, &facts) == 0 && !S_ISDIR(facts.st_mode);
	int result = imap_client_open_local(&import->client, ctl->config, user,
		&error);
	if (result == 0)
		result = import_settle_doubt(import, &error);
	if (result == 0)
		result = carry(import, only, is_file, &error);
	transfer_progress_end(&import->progress);
	imap_client_close(&import->client);
	if (result < 0)
		ctl_fail_error(&error);
	printf("%s%lu messages imported, %lu were there already, %lu left out\n",
		result < 0 ? "not finished: " : "",
		(unsigned long)import->done, (unsigned long)import->there,
		(unsigned long)import->left_out);
	if (result < 0)
		fprintf(stderr, "posthouse: the same command again goes on "
			"from here\n");
	return result < 0 || import->left_out > 0;
}

int
ctl_import(struct ctl *ctl)
{
	const char *user = ctl_take_option(ctl, "--user");
	const char *folder = ctl_take_option(ctl, "--folder");
	const char *state = ctl_take_option(ctl, "--state");
	const char *ca_file = ctl_take_option(ctl, "--ca-file");
	bool is_again = ctl_take_flag(ctl, "--again");
	struct error error;
	if (ctl->argc != 1)
		return ctl_usage(ctl_command_of(ctl_import),
			"found %d words, expected one source", ctl->argc);
	if (ctl_load_config(ctl) != 0)
		return 1;
	struct import *import = memory_new(sizeof(*import));
	import->journal.fd = -1;
	import->source = open_source(ctl, ctl->argv[0], ca_file, &error);
	int result = import->source == NULL ? ctl_fail_error(&error) :
		open_journal(import, user != NULL ? user : "", ctl->argv[0],
		state, is_again);
	if (result == 0)
		result = run(import, ctl, user, folder);
	if (import->source != NULL)
		import->source->call->close(&import->source);
	journal_close(&import->journal);
	for (size_t i = 0; i < TRANSFER_BATCH_MESSAGES; i++)
		buffer_fini(&import->batch.message[i].text);
	arena_fini(&import->batch.arena);
	memory_free(import);
	return result;
}
