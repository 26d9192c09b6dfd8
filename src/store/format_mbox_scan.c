/*
 * What is in a mailbox: read whole once, then only from its old end on; what
 * was found is kept between processes.
 */
#include "store/mbox_inside.h"

#include <string.h>

#include "base/memory.h"
#include "store/codec.h"

/* ---- entries ---- */

void
mbox_folder_forget(struct format_folder *folder)
{
	folder->is_known = false;
	folder->count = folder->keyword_count = 0;
	folder->claim = SIZE_MAX;
	folder->uid_validity = folder->uid_next = folder->last_uid = 0;
	arena_fini(&folder->names);
}

struct format_entry *
mbox_folder_new_entry(struct format_folder *folder)
{
	if (folder->count == folder->room) {
		folder->room = folder->room * 2 + 64;
		folder->entry = memory_resize(folder->entry,
			folder->room * sizeof(*folder->entry));
	}
	struct format_entry *entry = &folder->entry[folder->count++];
	memset(entry, 0, sizeof(*entry));
	return entry;
}

/* An atom of IMAP (RFC 9051 9): others may write anything. */
static bool
is_keyword(struct span name)
{
	static const char bad[] = "(){%*\"\\]";
	if (name.size == 0 || name.size > STORE_KEYWORD_SIZE)
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~' ||
			strchr(bad, name.data[i]) != NULL)
			return false;
	return true;
}

uint64_t
mbox_folder_keyword(struct format_folder *folder, struct span name)
{
	for (size_t i = 0; i < folder->keyword_count; i++)
		if (span_equals_nocase(folder->keyword[i], name))
			return UINT64_C(1) << (FORMAT_KEYWORD_SHIFT + i);
	if (!is_keyword(name) || folder->keyword_count == STORE_KEYWORD_LIMIT)
		return 0;
	size_t i = folder->keyword_count++;
	folder->keyword[i] = arena_copy(&folder->names, name);
	return UINT64_C(1) << (FORMAT_KEYWORD_SHIFT + i);
}

static uint64_t
flags_of(struct format_folder *folder, const struct mbox_message *message)
{
	uint64_t flags = mbox_fields_flags(message->value[MBOX_STATUS].text,
		message->value[MBOX_X_STATUS].text);
	struct span rest = message->value[MBOX_X_KEYWORDS].text, word;
	while (span_word(&rest, &word))
		flags |= mbox_folder_keyword(folder, word);
	return flags;
}

/* The numbers of the mailbox: in its first message, or before it. */
static void
take_base(struct format_folder *folder, const struct mbox_message *message)
{
	struct span keywords, word;
	uint32_t last_uid;
	enum mbox_field field = message->is_internal ? MBOX_X_IMAP :
		MBOX_X_IMAPBASE;
	if (folder->uid_validity != 0 || folder->count > 0 ||
		!mbox_fields_base(message->value[field].text,
			&folder->uid_validity, &last_uid, &keywords))
		return;
	folder->uid_next = last_uid + 1;
	while (span_word(&keywords, &word))
		mbox_folder_keyword(folder, word);
}

/* UIDs that are not in order, or beyond the last, say nothing. */
static uint32_t
uid_of(struct format_folder *folder, const struct mbox_message *message)
{
	uint64_t uid;
	if (folder->uid_validity == 0 ||
		!span_to_number(message->value[MBOX_X_UID].text,
			UINT32_MAX - 1, &uid) ||
		uid <= folder->last_uid || uid >= folder->uid_next)
		return 0;
	folder->last_uid = (uint32_t)uid;
	return (uint32_t)uid;
}

static void
add_entry(struct format_folder *folder, const struct mbox_message *message)
{
	take_base(folder, message);
	if (message->is_internal && folder->count == 0)
		return;
	uint64_t flags = flags_of(folder, message);
	uint32_t uid = uid_of(folder, message);
	if (message->is_claiming && folder->claim == SIZE_MAX)
		folder->claim = folder->count;
	struct format_entry *entry = mbox_folder_new_entry(folder);
	memcpy(entry->key, message->key, FORMAT_KEY_SIZE);
	entry->uid = uid;
	entry->flags = flags;
	entry->size = message->size;
	entry->date = message->date;
	entry->zone = message->zone;
	entry->place = message->place;
	entry->length = message->end - message->place;
}

static int
scan_from(struct format_folder *folder, uint64_t offset, uint64_t end,
	struct error *error)
{
	struct mbox_source source = mbox_source_file(&folder->file.fd, end);
	struct mbox_scanner *scanner = mbox_scanner_new(&source, offset, false);
	struct mbox_message message;
	int result;
	while ((result = mbox_scanner_next(scanner, &message, error)) > 0) {
		if (folder->count >= MBOX_COUNT_LIMIT) {
			result = error_set(error, ERROR_LATER,
				"there are too many messages");
			break;
		}
		add_entry(folder, &message);
	}
	mbox_scanner_free(&scanner);
	return result < 0 ? error_wrap(error, "%s", folder->path) : 0;
}

/* ---- a mailbox that grew ---- */

/* Flags that others wrote where they stood, in the messages before the last. */
static bool
look_again(struct format_folder *folder, size_t end)
{
	struct error error;
	struct mbox_source source = mbox_source_file(&folder->file.fd,
		folder->known.size);
	size_t i = end > MBOX_LOOK_AGAIN ? end - MBOX_LOOK_AGAIN : 0;
	bool ok = true;
	for (; i < end && ok; i++) {
		struct format_entry *entry = &folder->entry[i];
		struct mbox_message message;
		struct mbox_scanner *scanner = mbox_scanner_new(&source,
			entry->place, true);
		ok = mbox_scanner_next(scanner, &message, &error) > 0 &&
			message.place == entry->place &&
			message.body <= entry->place + entry->length;
		if (ok)
			entry->flags = flags_of(folder, &message);
		mbox_scanner_free(&scanner);
	}
	return ok;
}

/* Only the tail is read, if what was the end is there as it was. */
static bool
scan_tail(struct format_folder *folder, const struct mbox_stamp *now)
{
	struct error error;
	if (!folder->is_known || folder->count == 0 ||
		now->inode != folder->known.inode ||
		now->device != folder->known.device ||
		now->size <= folder->known.size)
		return false;
	size_t count = folder->count;
	size_t from = folder->claim < count ? folder->claim : count - 1;
	size_t kept = count - from;
	struct format_entry *old = memory_new_array(kept, sizeof(*old));
	memcpy(old, folder->entry + from, kept * sizeof(*old));
	folder->count = from;
	folder->claim = SIZE_MAX;
	folder->last_uid = 0;
	for (size_t i = from; i > 0 && folder->last_uid == 0; i--)
		folder->last_uid = folder->entry[i - 1].uid;
	bool ok = look_again(folder, from) &&
		scan_from(folder, old[0].place, now->size, &error) == 0 &&
		folder->count >= count;
	for (size_t i = 0; i < kept && ok; i++) {
		const struct format_entry *new = &folder->entry[from + i];
		ok = new->place == old[i].place && new->size == old[i].size &&
			memcmp(new->key, old[i].key, FORMAT_KEY_SIZE) == 0;
	}
	memory_free(old);
	return ok;
}

static bool
is_same(const struct mbox_stamp *a, const struct mbox_stamp *b)
{
	return a->device == b->device && a->inode == b->inode &&
		a->size == b->size && a->second == b->second &&
		a->nano == b->nano;
}

int
mbox_folder_scan(struct format_folder *folder, struct format_scan *scan,
	struct error *error)
{
	struct mbox_stamp now;
	if (mbox_folder_stamp(folder, &now, error) < 0)
		return -1;
	if (!folder->is_known || !is_same(&now, &folder->known)) {
		if (!scan_tail(folder, &now)) {
			mbox_folder_forget(folder);
			if (now.size > 0 &&
				scan_from(folder, 0, now.size, error) < 0) {
				mbox_folder_forget(folder);
				return -1;
			}
		}
		folder->known = now;
		folder->is_known = true;
	}
	*scan = (struct format_scan){ .entry = folder->entry,
		.count = folder->count, .keyword = folder->keyword,
		.keyword_count = folder->keyword_count,
		.uid_validity = folder->uid_validity,
		.uid_next = folder->uid_next };
	return 0;
}

/* ---- between processes ---- */

enum { STATE_VERSION = 1 };

void
mbox_folder_save(const struct format_folder *folder, struct buffer *out)
{
	uint64_t at = 0;
	if (!folder->is_known)
		return;
	buffer_add_byte(out, STATE_VERSION);
	codec_add_varint(out, folder->known.device);
	codec_add_varint(out, folder->known.inode);
	codec_add_varint(out, folder->known.size);
	codec_add_signed(out, folder->known.second);
	codec_add_signed(out, folder->known.nano);
	codec_add_varint(out, folder->uid_validity);
	codec_add_varint(out, folder->uid_next);
	codec_add_varint(out, folder->claim);
	codec_add_varint(out, folder->keyword_count);
	for (size_t i = 0; i < folder->keyword_count; i++)
		codec_add_bytes(out, folder->keyword[i]);
	codec_add_varint(out, folder->count);
	for (size_t i = 0; i < folder->count; i++) {
		const struct format_entry *entry = &folder->entry[i];
		buffer_add(out, span_of(entry->key, FORMAT_KEY_SIZE));
		codec_add_varint(out, entry->uid);
		codec_add_varint(out, entry->flags);
		codec_add_varint(out, entry->size);
		codec_add_signed(out, entry->date);
		codec_add_signed(out, entry->zone);
		codec_add_varint(out, entry->place - at);
		codec_add_varint(out, entry->length);
		at = entry->place + entry->length;
	}
}

static bool
read_entries(struct format_folder *folder, struct codec_reader *reader)
{
	uint64_t count = codec_read_number(reader, MBOX_COUNT_LIMIT), at = 0;
	for (uint64_t i = 0; i < count && !reader->is_failed; i++) {
		struct format_entry *entry = mbox_folder_new_entry(folder);
		struct span key = codec_read_raw(reader, FORMAT_KEY_SIZE);
		if (key.size == FORMAT_KEY_SIZE)
			memcpy(entry->key, key.data, FORMAT_KEY_SIZE);
		entry->uid = (uint32_t)codec_read_number(reader, UINT32_MAX);
		entry->flags = codec_read_varint(reader);
		entry->size = codec_read_varint(reader);
		entry->date = codec_read_signed(reader);
		entry->zone = (int)codec_read_signed(reader);
		entry->place = at + codec_read_number(reader, INT64_MAX / 2);
		entry->length = codec_read_number(reader, INT64_MAX / 2);
		at = entry->place + entry->length;
		if (at > folder->known.size)
			return false;
	}
	return codec_reader_is_done(reader);
}

static bool
read_state(struct format_folder *folder, struct codec_reader *reader)
{
	if (codec_read_byte(reader) != STATE_VERSION)
		return false;
	folder->known.device = codec_read_varint(reader);
	folder->known.inode = codec_read_varint(reader);
	folder->known.size = codec_read_varint(reader);
	folder->known.second = codec_read_signed(reader);
	folder->known.nano = codec_read_signed(reader);
	folder->uid_validity = (uint32_t)codec_read_number(reader, UINT32_MAX);
	folder->uid_next = (uint32_t)codec_read_number(reader, UINT32_MAX);
	folder->claim = codec_read_varint(reader);
	uint64_t keywords = codec_read_number(reader, STORE_KEYWORD_LIMIT);
	for (uint64_t i = 0; i < keywords && !reader->is_failed; i++)
		if (mbox_folder_keyword(folder, codec_read_bytes(reader)) == 0)
			return false;
	return folder->keyword_count == keywords &&
		read_entries(folder, reader);
}

bool
mbox_folder_restore(struct format_folder *folder, struct span saved)
{
	struct codec_reader reader;
	struct mbox_stamp now;
	struct error error;
	mbox_folder_forget(folder);
	if (mbox_folder_stamp(folder, &now, &error) < 0)
		return false;
	codec_reader_init(&reader, saved);
	/* One that grew is read from its old end. */
	bool ok = read_state(folder, &reader) &&
		(is_same(&now, &folder->known) ||
		(now.device == folder->known.device &&
		now.inode == folder->known.inode &&
		now.size > folder->known.size));
	if (!ok)
		mbox_folder_forget(folder);
	folder->is_known = ok;
	return ok;
}
