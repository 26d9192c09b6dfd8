/* How `import` puts messages into the mailbox; see import.h. */
#include <stdio.h>

#include "ctl/import.h"
#include "proto/date.h"
#include "proto/imap_write.h"

enum {
	SIZE_DIFFERENCE = 512,	/* what a form of mailbox may add or leave out */
};

/* ---- a folder ---- */

static void
take_status(void *context, const struct imap_answer *answer)
{
	struct import *import = context;
	uint64_t number;
	if (answer->kind != IMAP_ANSWER_STATUS)
		return;
	if (imap_answer_status_number(answer, "UIDVALIDITY", &number))
		import->validity = (uint32_t)number;
	if (imap_answer_status_number(answer, "UIDNEXT", &number))
		import->uid_next = (uint32_t)number;
}

static int
command(struct import *import, const char *before, struct span name,
	const char *behind, struct error *error)
{
	struct buffer text;
	buffer_init(&text, 0);
	imap_client_add_mailbox(&text, name);
	unsigned number = imap_client_add(&import->client, "%s %.*s%s", before,
		SPAN_PRINT(buffer_span(&text)), behind);
	buffer_fini(&text);
	return imap_client_wait(&import->client, number, take_status, import,
		error);
}

int
import_open_folder(struct import *import, const struct transfer_folder *folder,
	struct error *error)
{
	struct error first;
	import->folder = folder->name;
	import->validity = import->uid_next = 0;
	static const char status[] = " (UIDVALIDITY UIDNEXT)";
	if (command(import, "STATUS", folder->name, status, error) < 0) {
		if (error->code != ERROR_REFUSED)
			return -1;
		if (command(import, "CREATE", folder->name, "", &first) < 0)
			return error_set(error, first.code,
				"making the folder %.*s: %s",
				SPAN_PRINT(folder->name), first.text);
		if (command(import, "STATUS", folder->name, status, error) < 0)
			return -1;
	}
	if (folder->is_subscribed &&
	    command(import, "SUBSCRIBE", folder->name, "", error) < 0)
		return -1;
	return import->validity > 0 ? 0 : error_set(error, ERROR_DAMAGED,
		"the system did not say where %.*s stands",
		SPAN_PRINT(folder->name));
}

/* ---- the batch in doubt ---- */

/* Compares what has come since with the batch, in order. */
struct comparison {
	const struct journal_batch *batch;
	size_t matched;			/* of the batch, up to the last message */
	uint32_t last_uid;
};

static bool
is_same(const struct journal_message *sent, const struct imap_answer_fetch *is)
{
	uint64_t difference = sent->size > is->size ? sent->size - is->size :
		is->size - sent->size;
	return sent->date == is->date && difference <= SIZE_DIFFERENCE;
}

static void
compare(void *context, const struct imap_answer *answer)
{
	struct comparison *comparison = context;
	const struct journal_batch *batch = comparison->batch;
	if (answer->kind != IMAP_ANSWER_FETCH ||
	    answer->fetch.uid < batch->uid_next || !answer->fetch.has_date ||
	    comparison->matched == batch->count)
		return;
	/* One APPEND's messages have UIDs in a row. Others may have come before
	 * them, and between a wrong beginning and the right one. */
	if (answer->fetch.uid != comparison->last_uid + 1)
		comparison->matched = 0;
	if (!is_same(&batch->message[comparison->matched], &answer->fetch))
		comparison->matched = 0;
	if (is_same(&batch->message[comparison->matched], &answer->fetch))
		comparison->matched++;
	comparison->last_uid = answer->fetch.uid;
}

int
import_settle_doubt(struct import *import, struct error *error)
{
	const struct journal_batch *batch = &import->journal.doubt;
	struct comparison comparison = { .batch = batch };
	bool is_there = false;
	if (!import->journal.is_in_doubt)
		return 0;
	import->validity = 0;
	if (command(import, "STATUS", batch->folder, " (UIDVALIDITY UIDNEXT)",
	    error) < 0 && error->code != ERROR_REFUSED)
		return -1;
	if (import->validity == batch->validity) {
		if (command(import, "EXAMINE", batch->folder, "", error) < 0)
			return -1;
		unsigned number = imap_client_add(&import->client, "UID FETCH "
			"%u:* (UID RFC822.SIZE INTERNALDATE)", batch->uid_next);
		if (imap_client_wait(&import->client, number, compare,
		    &comparison, error) < 0)
			return -1;
		is_there = comparison.matched == batch->count;
		number = imap_client_add(&import->client, "UNSELECT");
		if (imap_client_wait(&import->client, number, NULL, NULL,
		    error) < 0)
			return -1;
	}
	return journal_end(&import->journal, batch, is_there, error);
}

/* ---- sending ---- */

static const struct { uint32_t flag; const char *name; } flag_names[] = {
	{ IMAP_FLAG_SEEN, "\\Seen" }, { IMAP_FLAG_ANSWERED, "\\Answered" },
	{ IMAP_FLAG_FLAGGED, "\\Flagged" }, { IMAP_FLAG_DELETED, "\\Deleted" },
	{ IMAP_FLAG_DRAFT, "\\Draft" },
};

static void
add_message(struct buffer *out, const struct import_message *message,
	bool has_keywords)
{
	struct span text = buffer_span(&message->text);
	const char *separator = "";
	buffer_add(out, SPAN(" ("));
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
		if ((message->flags & flag_names[i].flag) == 0)
			continue;
		buffer_print(out, "%s%s", separator, flag_names[i].name);
		separator = " ";
	}
	for (size_t i = 0; has_keywords && i < message->keyword_count; i++) {
		buffer_print(out, "%s%.*s", separator,
			SPAN_PRINT(message->keyword[i]));
		separator = " ";
	}
	buffer_add(out, SPAN(") \""));
	date_format_internal(out, message->date, message->zone);
	/* A literal with NUL is one of 8 bits (RFC 9051 9). */
	buffer_print(out, "\" %s{%zu+}\r\n",
		span_find(text, '\0') < text.size ? "~" : "", text.size);
	buffer_add(out, text);
}

static void
take_appended(void *context, const struct imap_answer *answer)
{
	struct import *import = context;
	struct span rest = answer->argument, validity, uids, last;
	if (answer->kind != IMAP_ANSWER_TAGGED ||
	    !span_equals_nocase(answer->code, SPAN("APPENDUID")) ||
	    !span_word(&rest, &validity) || !span_word(&rest, &uids))
		return;
	last = span_skip(uids, span_find(uids, ':') + 1);
	if (!span_to_number(last.size > 0 ? last : uids, UINT32_MAX,
	    &import->appended_uid))
		import->appended_uid = 0;
}

static int
append(struct import *import, size_t first, size_t count, bool has_keywords,
	struct error *error)
{
	struct buffer *out = &import->client.out;
	buffer_print(out, "c%u APPEND ", ++import->client.tag);
	imap_client_add_mailbox(out, import->folder);
	for (size_t i = first; i < first + count; i++)
		add_message(out, &import->batch.message[i], has_keywords);
	buffer_add(out, SPAN("\r\n"));
	import->appended_uid = 0;
	int result = imap_client_wait(&import->client, import->client.tag,
		take_appended, import, error);
	if (result == 0 && import->appended_uid >= import->uid_next)
		import->uid_next = (uint32_t)import->appended_uid + 1;
	return result;
}

static void
describe(const struct import *import, size_t first, size_t count,
	struct arena *arena, struct journal_batch *batch)
{
	*batch = (struct journal_batch){ .folder = import->folder,
		.validity = import->validity, .uid_next = import->uid_next,
		.count = count,
		.message = arena_new_array(arena, count + 1,
			sizeof(*batch->message)),
		.key = arena_new_array(arena, count + 1, sizeof(*batch->key)) };
	for (size_t i = 0; i < count; i++) {
		const struct import_message *message =
			&import->batch.message[first + i];
		batch->key[i] = message->key;
		batch->message[i].size = message->text.size;
		batch->message[i].date = message->date;
	}
}

/* A run of the batch: 0 sent, 1 the server refused all of it, -1. */
static int
send_run(struct import *import, size_t first, size_t count, bool has_keywords,
	struct error *error)
{
	struct arena arena;
	struct journal_batch batch;
	arena_init(&arena, 0);
	describe(import, first, count, &arena, &batch);
	int result = journal_begin(&import->journal, &batch, error);
	if (result == 0) {
		result = append(import, first, count, has_keywords, error);
		bool is_refused = result < 0 && error->code == ERROR_REFUSED;
		struct error ignored;
		if (result == 0 || is_refused)
			result = journal_end(&import->journal, &batch,
				result == 0, is_refused ? &ignored : error) < 0 ?
				-1 : is_refused;
	}
	if (result == 0) {
		import->done += count;
		import->progress.messages += count;
	}
	arena_fini(&arena);
	return result;
}

static void
leave_out(struct import *import, const struct import_message *message,
	const char *why)
{
	transfer_progress_end(&import->progress);
	fprintf(stderr, "posthouse: %.*s: a message of %zu bytes is left out: "
		"%s\n", SPAN_PRINT(import->folder), message->text.size, why);
	import->left_out++;
}

/* One by one, to find which it was. */
static int
send_singly(struct import *import, struct error *error)
{
	for (size_t i = 0; i < import->batch.count; i++) {
		int result = send_run(import, i, 1, true, error);
		if (result == 1 && import->batch.message[i].keyword_count > 0)
			result = send_run(import, i, 1, false, error);
		if (result < 0)
			return -1;
		if (result == 1)
			leave_out(import, &import->batch.message[i],
				error->text);
	}
	return 0;
}

int
import_send(struct import *import, struct error *error)
{
	struct import_batch *batch = &import->batch;
	int result = 0;
	/* What was taken away meanwhile has no text. */
	size_t count = 0;
	for (size_t i = 0; i < batch->count; i++) {
		struct import_message swap = batch->message[i];
		if (swap.text.size == 0) {
			leave_out(import, &swap, "it is empty");
			continue;
		}
		batch->message[i] = batch->message[count];
		batch->message[count++] = swap;
	}
	size_t all = batch->count;
	batch->count = count;
	if (count > 0)
		result = send_run(import, 0, count, true, error);
	if (result == 1)
		result = send_singly(import, error);
	for (size_t i = 0; i < all; i++)
		buffer_clear(&batch->message[i].text);
	arena_fini(&batch->arena);
	batch->count = batch->bytes = 0;
	return result;
}
