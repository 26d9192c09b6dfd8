/*
 * An account of an IMAP server as a source: the running system's for `export`,
 * any other for `import`. Texts are asked for many at a time, nothing is changed
 * there (EXAMINE, BODY.PEEK).
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ctl/imap_client.h"
#include "ctl/transfer.h"
#include "proto/imap_write.h"

enum { FOLDER_LIMIT = 20000 };

/* What is known of a message before its text. */
struct entry {
	uint32_t uid, flags;
	uint64_t size;
	struct span *keyword;
	size_t keyword_count;
	int64_t date;
	int zone;
};

struct source_imap {
	struct transfer_source source;
	struct imap_client client;
	struct arena arena;
	struct transfer_folder *folder;
	struct span *raw;		/* names as the server has them */
	size_t count, room;
	/* the open folder */
	struct arena entries;
	struct entry *entry;
	size_t entry_count, entry_room, at;
	uint32_t validity, exists;
	char key[32];
	/* texts that have been asked for, in order */
	struct buffer *wanted[TRANSFER_BATCH_MESSAGES + 1];
	uint32_t uid[TRANSFER_BATCH_MESSAGES + 1];
	size_t wanted_count;
	bool is_too_large;
};

/* ---- folders ---- */

/* The server's delimiter as '/'; a '/' that is none as '_'. */
static struct span
make_name(struct arena *arena, const struct imap_answer_list *list)
{
	struct span name = list->name.data != NULL ? list->name : list->raw;
	char *copy = arena_copy_string(arena, name);
	for (size_t i = 0; i < name.size; i++) {
		if (copy[i] == list->delimiter && list->delimiter != 0)
			copy[i] = '/';
		else if (copy[i] == '/')
			copy[i] = '_';
	}
	return span_of(copy, name.size);
}

static void
take_folder(void *context, const struct imap_answer *answer)
{
	struct source_imap *imap = context;
	const struct imap_answer_list *list = &answer->list;
	if (answer->kind == IMAP_ANSWER_LSUB) {
		for (size_t i = 0; i < imap->count; i++)
			if (span_equals(imap->raw[i], list->raw))
				imap->folder[i].is_subscribed = true;
		return;
	}
	if (answer->kind != IMAP_ANSWER_LIST || list->is_noselect ||
	    imap->count == FOLDER_LIMIT || list->raw.size == 0 ||
	    list->raw.size > TRANSFER_NAME_LIMIT)
		return;
	if (imap->count == imap->room) {
		imap->room = imap->room > 0 ? imap->room * 2 : 32;
		imap->folder = memory_resize(imap->folder,
			imap->room * sizeof(*imap->folder));
		imap->raw = memory_resize(imap->raw,
			imap->room * sizeof(*imap->raw));
	}
	imap->folder[imap->count] = (struct transfer_folder){
		.name = make_name(&imap->arena, list) };
	imap->raw[imap->count++] = arena_copy(&imap->arena, list->raw);
}

static void
take_count(void *context, const struct imap_answer *answer)
{
	struct source_imap *imap = context;
	uint64_t number;
	if (answer->kind != IMAP_ANSWER_STATUS)
		return;
	for (size_t i = 0; i < imap->count; i++) {
		if (!span_equals(imap->raw[i], answer->list.raw))
			continue;
		if (imap_answer_status_number(answer, "MESSAGES", &number))
			imap->folder[i].total = number;
		if (imap_answer_status_number(answer, "UIDVALIDITY", &number))
			imap->folder[i].validity = (uint32_t)number;
	}
}

/* A command with a name as the server wrote it. */
static unsigned
add_command(struct source_imap *imap, const char *before, struct span raw,
	const char *behind)
{
	struct buffer name;
	buffer_init(&name, 0);
	imap_write_astring(&name, raw, false);
	unsigned number = imap_client_add(&imap->client, "%s %.*s%s", before,
		SPAN_PRINT(buffer_span(&name)), behind);
	buffer_fini(&name);
	return number;
}

static int
list(struct transfer_source *source, const struct transfer_folder **folders,
	size_t *count, struct error *error)
{
	struct source_imap *imap = (struct source_imap *)source;
	unsigned number = imap_client_add(&imap->client, "LIST \"\" \"*\"");
	if (imap_client_wait(&imap->client, number, take_folder, imap,
	    error) < 0)
		return -1;
	number = imap_client_add(&imap->client, "LSUB \"\" \"*\"");
	if (imap_client_wait(&imap->client, number, take_folder, imap,
	    error) < 0)
		return -1;
	for (size_t i = 0; i < imap->count; i++) {
		number = add_command(imap, "STATUS", imap->raw[i],
			" (MESSAGES UIDVALIDITY)");
		/* A folder that cannot be counted is said when it is opened. */
		if (imap_client_wait(&imap->client, number, take_count, imap,
		    error) < 0 && error->code != ERROR_REFUSED)
			return -1;
	}
	*folders = imap->folder;
	*count = imap->count;
	return 0;
}

/* ---- a folder ---- */

static void
take_entry(void *context, const struct imap_answer *answer)
{
	struct source_imap *imap = context;
	const struct imap_answer_fetch *fetch = &answer->fetch;
	uint64_t number;
	if (answer->kind == IMAP_ANSWER_EXISTS)
		imap->exists = answer->number;
	if (answer->kind == IMAP_ANSWER_CONDITION &&
	    span_equals_nocase(answer->code, SPAN("UIDVALIDITY")) &&
	    span_to_number(answer->argument, UINT32_MAX, &number))
		imap->validity = (uint32_t)number;
	if (answer->kind != IMAP_ANSWER_FETCH || fetch->uid == 0 ||
	    !fetch->has_flags || !fetch->has_date || (imap->entry_count > 0 &&
	    fetch->uid <= imap->entry[imap->entry_count - 1].uid))
		return;
	if (imap->entry_count == imap->entry_room) {
		imap->entry_room = imap->entry_room > 0 ?
			imap->entry_room * 2 : 256;
		imap->entry = memory_resize(imap->entry,
			imap->entry_room * sizeof(*imap->entry));
	}
	struct entry *entry = &imap->entry[imap->entry_count++];
	*entry = (struct entry){ .uid = fetch->uid,
		.flags = fetch->flags.system, .date = fetch->date,
		.zone = fetch->zone, .size = fetch->size,
		.keyword_count = fetch->flags.keyword_count };
	if (entry->keyword_count > TRANSFER_KEYWORD_LIMIT)
		entry->keyword_count = TRANSFER_KEYWORD_LIMIT;
	entry->keyword = arena_new_array(&imap->entries,
		entry->keyword_count + 1, sizeof(*entry->keyword));
	for (size_t i = 0; i < entry->keyword_count; i++)
		entry->keyword[i] = arena_copy(&imap->entries,
			fetch->flags.keyword[i]);
}

static int
open_folder(struct transfer_source *source, size_t folder, struct error *error)
{
	struct source_imap *imap = (struct source_imap *)source;
	arena_fini(&imap->entries);
	imap->entry_count = imap->at = 0;
	imap->validity = imap->exists = 0;
	unsigned number = add_command(imap, "EXAMINE", imap->raw[folder], "");
	if (imap_client_wait(&imap->client, number, take_entry, imap,
	    error) < 0)
		return error_wrap(error, "opening %.*s",
			SPAN_PRINT(imap->folder[folder].name));
	imap->folder[folder].validity = imap->validity;
	if (imap->exists == 0)
		return 0;
	number = imap_client_add(&imap->client,
		"UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)");
	return imap_client_wait(&imap->client, number, take_entry, imap, error);
}

static int
next(struct transfer_source *source, struct transfer_message *message,
	uint64_t *passed, struct error *error)
{
	struct source_imap *imap = (struct source_imap *)source;
	(void)error;
	if (imap->at == imap->entry_count)
		return 0;
	const struct entry *entry = &imap->entry[imap->at++];
	snprintf(imap->key, sizeof(imap->key), "%u.%u", imap->validity,
		entry->uid);
	*message = (struct transfer_message){ .key = span_from(imap->key),
		.flags = entry->flags, .keyword = entry->keyword,
		.keyword_count = entry->keyword_count, .date = entry->date,
		.size = entry->size,
		.zone = entry->zone, .uid = entry->uid };
	*passed = imap->at;
	return 1;
}

/* ---- texts ---- */

static void
take_body(void *context, const struct imap_answer *answer, struct span bytes)
{
	struct source_imap *imap = context;
	for (size_t i = 0; i < imap->wanted_count; i++) {
		if (imap->uid[i] != answer->fetch.uid)
			continue;
		buffer_add(imap->wanted[i], bytes);
		imap->is_too_large |= buffer_is_overrun(imap->wanted[i]);
	}
}

static int
take(struct transfer_source *source, struct buffer *text, struct error *error)
{
	struct source_imap *imap = (struct source_imap *)source;
	if (imap->wanted_count > TRANSFER_BATCH_MESSAGES)
		return error_set(error, ERROR_SYSTEM, "too many at once");
	text->limit = TRANSFER_MESSAGE_LIMIT;
	imap->wanted[imap->wanted_count] = text;
	imap->uid[imap->wanted_count++] = imap->entry[imap->at - 1].uid;
	return 0;
}

static int
settle(struct transfer_source *source, struct error *error)
{
	struct source_imap *imap = (struct source_imap *)source;
	unsigned number = 0;
	int result = 0;
	for (size_t i = 0; i < imap->wanted_count; i++)
		number = imap_client_add(&imap->client,
			"UID FETCH %u (UID BODY.PEEK[])", imap->uid[i]);
	if (number > 0)
		result = imap_client_wait(&imap->client, number, NULL, NULL,
			error);
	imap->wanted_count = 0;
	if (result == 0 && imap->is_too_large)
		return error_set(error, ERROR_FULL, "a message is larger than "
			"%zu MiB", TRANSFER_MESSAGE_LIMIT >> 20);
	return result;
}

static void
close_source(struct transfer_source **source)
{
	struct source_imap *imap = (struct source_imap *)*source;
	imap_client_close(&imap->client);
	arena_fini(&imap->entries);
	arena_fini(&imap->arena);
	memory_free(imap->folder);
	memory_free(imap->raw);
	memory_free(imap->entry);
	memory_free(imap);
	*source = NULL;
}

static const struct transfer_source_functions functions = {
	list, open_folder, next, take, settle, close_source,
};

struct transfer_source *
source_imap_open(struct imap_client *client)
{
	struct source_imap *imap = memory_new(sizeof(*imap));
	imap->source.call = &functions;
	imap->client = *client;
	*client = (struct imap_client){ .transport = NULL };
	arena_init(&imap->arena, 0);
	arena_init(&imap->entries, 0);
	imap->client.body = take_body;
	imap->client.body_context = imap;
	return &imap->source;
}
