/*
 * Changes of a mailbox: flags where they stand, if there is room for them;
 * otherwise, and when messages go, the file from the first change on is
 * written anew through an intent.
 */
#include "store/mbox_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"

enum { SECTOR = 512, ROOM = 1 << 20, STATUS_FIELDS = 3 };

/* What a message's status fields are to say. */
struct wanted {
	uint32_t system;
	struct buffer keywords;
	uint64_t flags;		/* with the folder's bits */
};

static void
set_wanted(struct format_folder *folder, uint64_t flags,
	const struct span *keyword, size_t count, struct wanted *wanted)
{
	wanted->system = (uint32_t)(flags & ((1u << FORMAT_KEYWORD_SHIFT) - 1));
	wanted->flags = wanted->system;
	buffer_clear(&wanted->keywords);
	for (size_t i = 0; i < count; i++) {
		if (!(flags & UINT64_C(1) << (FORMAT_KEYWORD_SHIFT + i)))
			continue;
		wanted->flags |= mbox_folder_keyword(folder, keyword[i]);
		if (wanted->keywords.size > 0)
			buffer_add_byte(&wanted->keywords, ' ');
		buffer_add(&wanted->keywords, keyword[i]);
	}
}

/* The header of one message. */
static int
read_head(const struct format_folder *folder, const struct format_entry *entry,
	struct mbox_scanner **scanner, struct mbox_message *message,
	struct error *error)
{
	struct mbox_source source = mbox_source_file(&folder->file.fd,
		entry->place + entry->length);
	*scanner = mbox_scanner_new(&source, entry->place, true);
	int result = mbox_scanner_next(*scanner, message, error);
	if (result > 0 && message->place == entry->place)
		return 0;
	return result < 0 ? -1 : error_set(error, ERROR_GONE,
		"the message is not where it was");
}

/* ---- in place ---- */

/* Bytes to be written over others. */
struct overwrite {
	uint64_t offset;
	size_t size, at;	/* in the buffer of all */
};

struct plan {
	struct overwrite *write;
	size_t count, room;
	struct buffer bytes;
	bool crosses;		/* one message's lie in more than a sector */
};

static void
plan_add(struct plan *plan, uint64_t offset, struct span bytes)
{
	if (plan->count == plan->room) {
		plan->room = plan->room * 2 + 16;
		plan->write = memory_resize(plan->write,
			plan->room * sizeof(*plan->write));
	}
	plan->write[plan->count++] = (struct overwrite){ offset, bytes.size,
		plan->bytes.size };
	buffer_add(&plan->bytes, bytes);
}

static void
plan_fini(struct plan *plan)
{
	memory_free(plan->write);
	buffer_fini(&plan->bytes);
}

/* One field: true when it says what it is to say, or can be made to. */
static bool
plan_field(struct plan *plan, const struct mbox_value *value,
	enum mbox_field field, const struct wanted *wanted)
{
	struct buffer text;
	buffer_init(&text, 0);
	mbox_fields_add_value(&text, field, wanted->system,
		buffer_span(&wanted->keywords));
	struct span want = buffer_span(&text);
	bool has_letters = field != MBOX_STATUS ? want.size > 0 :
		(wanted->system & STORE_SEEN) != 0;
	bool ok = value->count == 0 ? !has_letters :
		span_equals(value->text, want) && value->count == 1;
	if (!ok && value->count == 1 && !value->is_folded &&
		want.size <= value->room) {
		struct buffer line;
		buffer_init(&line, 0);
		if (want.size < value->room)
			buffer_add_byte(&line, ' ');
		buffer_add(&line, want);
		while (line.size < value->room)
			buffer_add_byte(&line, ' ');
		plan_add(plan, value->offset, buffer_span(&line));
		buffer_fini(&line);
		ok = true;
	}
	buffer_fini(&text);
	return ok;
}

/* Sorted by offset; are they more than one sector? */
static bool
sort_and_cross(struct overwrite *write, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct overwrite one = write[i];
		size_t k = i;
		for (; k > 0 && write[k - 1].offset > one.offset; k--)
			write[k] = write[k - 1];
		write[k] = one;
	}
	return count > 0 && write[0].offset / SECTOR !=
		(write[count - 1].offset + write[count - 1].size - 1) / SECTOR;
}

/* The fields of one message that lie in one sector become one write: nothing
 * comes between them. */
static int
join_fields(const struct format_folder *folder, struct plan *plan,
	size_t before, struct error *error)
{
	char whole[SECTOR];
	struct overwrite *write = plan->write + before;
	size_t count = plan->count - before;
	if (sort_and_cross(write, count)) {
		plan->crosses = true;
		return 0;
	}
	if (count < 2)
		return 0;
	uint64_t begin = write[0].offset;
	size_t size = (size_t)(write[count - 1].offset - begin) +
		write[count - 1].size;
	if (file_read_at(folder->file.fd, whole, size, begin, error) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		memcpy(whole + (write[i].offset - begin),
			plan->bytes.data + write[i].at, write[i].size);
	plan->count = before;
	plan_add(plan, begin, span_of(whole, size));
	return 0;
}

/* 1, 0 when there is no room for what the fields are to say. */
static int
plan_message(struct format_folder *folder, const struct format_entry *entry,
	const struct wanted *wanted, struct plan *plan, struct error *error)
{
	struct mbox_scanner *scanner;
	struct mbox_message message;
	size_t before = plan->count, bytes = plan->bytes.size;
	int result = read_head(folder, entry, &scanner, &message, error);
	bool fits = true;
	for (int field = 0; field < STATUS_FIELDS && result == 0; field++)
		fits &= plan_field(plan, &message.value[field],
			(enum mbox_field)field, wanted);
	mbox_scanner_free(&scanner);
	if (result < 0)
		return -1;
	if (!fits) {
		plan->count = before;
		plan->bytes.size = bytes;
		return 0;
	}
	return join_fields(folder, plan, before, error) < 0 ? -1 : 1;
}

/* The bytes of `from` to where the plan says. */
static int
write_bytes(const struct mbox_file *file, const struct plan *plan,
	struct span from, struct error *error)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct overwrite *write = &plan->write[i];
		if (mbox_file_write(file, file->fd, span_first(span_skip(from,
				write->at), write->size), write->offset,
				error) < 0)
			return -1;
	}
	return file->calls->sync(file->calls->context, file->fd,
		(enum files_sync)MBOX_SYNC_FLAGS, error);
}

/* What cannot be written whole (a full disk that copies on write) is put back
 * as it was. */
static int
write_in_place(const struct mbox_file *file, const struct plan *plan,
	struct error *error)
{
	struct error ignored;
	char *old = memory_new(plan->bytes.size);
	int result = 0;
	for (size_t i = 0; i < plan->count && result == 0; i++)
		result = file_read_at(file->fd, old + plan->write[i].at,
			plan->write[i].size, plan->write[i].offset, error);
	if (result == 0) {
		result = write_bytes(file, plan, buffer_span(&plan->bytes),
			error);
		if (result < 0)
			write_bytes(file, plan, span_of(old,
				plan->bytes.size), &ignored);
	}
	memory_free(old);
	return result;
}

static int
write_plan(struct format_folder *folder, const struct plan *plan,
	struct error *error)
{
	const struct mbox_file *file = &folder->file;
	struct span bytes = buffer_span(&plan->bytes);
	uint64_t size;
	if (plan->count == 0)
		return 0;
	if (!plan->crosses)
		return write_in_place(file, plan, error);
	if (mbox_file_size(file, &size, error) < 0)
		return -1;
	struct mbox_patch *patch = memory_new_array(plan->count,
		sizeof(*patch));
	struct store_piece *piece = memory_new_array(plan->count,
		sizeof(*piece));
	for (size_t i = 0; i < plan->count; i++) {
		piece[i].bytes = span_first(span_skip(bytes,
			plan->write[i].at), plan->write[i].size);
		patch[i] = (struct mbox_patch){ plan->write[i].offset,
			&piece[i], 1 };
	}
	int result = mbox_intent_change(file, patch, plan->count, size, error);
	memory_free(patch);
	memory_free(piece);
	return result;
}

/* ---- anew ---- */

/* The file's new end, in a file without name, and where its messages are. */
struct rewrite {
	struct format_folder *folder;
	int fd;
	uint64_t written;
	struct buffer buffer;
	uint64_t base;		/* where it will begin */
	struct format_entry *entry;	/* as they will be */
};

static int
rewrite_flush(struct rewrite *rewrite, struct error *error)
{
	if (mbox_file_write(&rewrite->folder->file, rewrite->fd,
			buffer_span(&rewrite->buffer), rewrite->written,
			error) < 0)
		return -1;
	rewrite->written += rewrite->buffer.size;
	buffer_clear(&rewrite->buffer);
	return 0;
}

static int
rewrite_copy(struct rewrite *rewrite, uint64_t from, uint64_t to,
	struct error *error)
{
	while (from < to) {
		size_t size = to - from < ROOM ? (size_t)(to - from) : ROOM;
		struct buffer *buffer = &rewrite->buffer;
		buffer_reserve(buffer, size);
		if (file_read_at(rewrite->folder->file.fd,
				buffer->data + buffer->size, size, from,
				error) < 0)
			return -1;
		buffer->size += size;
		from += size;
		if (buffer->size >= ROOM && rewrite_flush(rewrite, error) < 0)
			return -1;
	}
	return 0;
}

/* A header without its status fields. */
static void
add_other_fields(struct span head, struct buffer *out)
{
	bool is_left_out = false;
	while (head.size > 0) {
		struct span value, line = span_first(head,
			span_find(head, '\n') + 1);
		head = span_skip(head, line.size);
		if (line.data[0] != ' ' && line.data[0] != '\t')
			is_left_out = mbox_field_of(line, &value) <=
				MBOX_X_KEYWORDS;
		if (!is_left_out)
			buffer_add(out, line);
	}
	if (out->size > 0 && out->data[out->size - 1] != '\n')
		buffer_add_byte(out, '\n');
}

/* One message with fields of full width. */
static int
rewrite_message(struct rewrite *rewrite, size_t index,
	const struct wanted *wanted, bool is_old, struct error *error)
{
	struct format_folder *folder = rewrite->folder;
	const struct format_entry *entry = &folder->entry[index];
	struct format_entry *new = &rewrite->entry[index];
	struct mbox_scanner *scanner;
	struct mbox_message message;
	int result = read_head(folder, entry, &scanner, &message, error);
	uint64_t size = result == 0 ? message.head_end - message.place : 0;
	bool was_old = result == 0 && message.value[MBOX_STATUS].text.size > 0;
	mbox_scanner_free(&scanner);
	if (result < 0)
		return -1;
	new->place = rewrite->base + rewrite->written + rewrite->buffer.size;
	if (size > MBOX_HEAD_LIMIT)
		return error_set(error, ERROR_REFUSED,
			"the header of a message is too large to be changed");
	char *head = memory_new(size);
	result = file_read_at(folder->file.fd, head, size, entry->place, error);
	if (result == 0) {
		add_other_fields(span_of(head, size), &rewrite->buffer);
		mbox_fields_add(&rewrite->buffer, wanted->system,
			buffer_span(&wanted->keywords), is_old || was_old);
		if (!message.has_head_end)
			buffer_add_byte(&rewrite->buffer, '\n');
		result = rewrite_copy(rewrite, message.head_end,
			entry->place + entry->length, error);
	}
	memory_free(head);
	new->length = rewrite->base + rewrite->written + rewrite->buffer.size -
		new->place;
	new->flags = wanted->flags;
	return result;
}

static int
rewrite_messages(struct rewrite *rewrite, size_t first,
	const struct format_flags *changes, size_t count,
	const struct span *keyword, size_t keyword_count, struct error *error)
{
	struct format_folder *folder = rewrite->folder;
	struct wanted wanted;
	size_t change = 0;
	int result = 0;
	buffer_init(&wanted.keywords, 0);
	for (size_t i = first; i < folder->count && result == 0; i++) {
		while (change < count && changes[change].entry < i)
			change++;
		bool is_changed = change < count && changes[change].entry == i;
		if (is_changed)
			set_wanted(folder, changes[change].flags, keyword,
				keyword_count, &wanted);
		else
			set_wanted(folder, folder->entry[i].flags,
				folder->keyword, folder->keyword_count, &wanted);
		result = rewrite_message(rewrite, i, &wanted, is_changed, error);
	}
	buffer_fini(&wanted.keywords);
	return result < 0 ? -1 : rewrite_flush(rewrite, error);
}

/* A file of the state directory that has no name any more. */
static int
open_scratch(const struct format_folder *folder, struct error *error)
{
	char name[MBOX_NAME_SIZE];
	const struct files_calls *calls = &folder->format->calls;
	mbox_file_name(&folder->file, "batch", name);
	calls->unlink(calls->context, name);
	int fd = calls->open(calls->context, name, O_CREAT | O_EXCL);
	if (fd < 0)
		return error_set_errno(error, "making %s", name);
	calls->unlink(calls->context, name);
	return fd;
}

/* All messages from the first whose fields have no room. */
static int
rewrite_from(struct format_folder *folder, size_t first,
	const struct format_flags *changes, size_t count,
	const struct span *keyword, size_t keyword_count, struct error *error)
{
	struct rewrite rewrite = { .folder = folder,
		.base = folder->entry[first].place };
	rewrite.fd = open_scratch(folder, error);
	if (rewrite.fd < 0)
		return -1;
	buffer_init(&rewrite.buffer, 0);
	rewrite.entry = memory_new_array(folder->count,
		sizeof(*rewrite.entry));
	memcpy(rewrite.entry, folder->entry,
		folder->count * sizeof(*rewrite.entry));
	int result = rewrite_messages(&rewrite, first, changes, count, keyword,
		keyword_count, error);
	const struct store_piece piece = { .fd = rewrite.fd,
		.size = rewrite.written };
	const struct mbox_patch patch = { rewrite.base, &piece, 1 };
	if (result == 0)
		result = mbox_intent_change(&folder->file, &patch, 1,
			rewrite.base + rewrite.written, error);
	if (result == 0)
		memcpy(folder->entry, rewrite.entry,
			folder->count * sizeof(*rewrite.entry));
	folder->format->calls.close(folder->format->calls.context, rewrite.fd);
	memory_free(rewrite.entry);
	buffer_fini(&rewrite.buffer);
	return result;
}

/* ---- the doors ---- */

/* Others see by atime < mtime that there is new mail. */
static void
set_times(const struct format_folder *folder, const struct timespec *atime)
{
	struct timespec times[2] = { *atime, { .tv_nsec = UTIME_OMIT } };
	bool has_new = false;
	for (size_t i = 0; i < folder->count && !has_new; i++)
		has_new = !(folder->entry[i].flags & STORE_SEEN);
	if (!has_new)
		times[0].tv_nsec = UTIME_NOW;
	futimens(folder->file.fd, times);
}

static int
begin_change(const struct format_folder *folder, struct timespec *atime,
	struct error *error)
{
	struct stat status;
	if (folder->file.fd < 0 || !folder->is_known)
		return error_set(error, ERROR_GONE, "the mailbox is not there");
	if (fstat(folder->file.fd, &status) < 0)
		return error_set_errno(error, "looking at %s", folder->path);
	*atime = status.st_atim;
	return 0;
}

/* What was found stays known: we wrote what is there now. */
static int
end_change(struct format_folder *folder, const struct timespec *atime,
	int result, struct error *error)
{
	if (result == 0) {
		set_times(folder, atime);
		result = mbox_folder_stamp(folder, &folder->known, error);
	}
	if (result < 0)
		mbox_folder_forget(folder);
	return result;
}

int
mbox_folder_set_flags(struct format_folder *folder,
	const struct format_flags *changes, size_t count,
	const struct span *keyword, size_t keyword_count, struct error *error)
{
	struct wanted wanted;
	struct plan plan = { .count = 0 };
	struct timespec atime = { 0 };
	size_t done = 0;
	int result = 1;
	if (begin_change(folder, &atime, error) < 0)
		return -1;
	buffer_init(&wanted.keywords, 0);
	buffer_init(&plan.bytes, 0);
	uint64_t *flags = memory_new_array(count + 1, sizeof(*flags));
	for (; done < count && result > 0; done += result > 0) {
		set_wanted(folder, changes[done].flags, keyword, keyword_count,
			&wanted);
		flags[done] = wanted.flags;
		result = plan_message(folder,
			&folder->entry[changes[done].entry], &wanted, &plan,
			error);
	}
	if (result >= 0 && write_plan(folder, &plan, error) < 0)
		result = -1;
	for (size_t i = 0; i < done && result >= 0; i++)
		folder->entry[changes[i].entry].flags = flags[i];
	if (result == 0)
		result = rewrite_from(folder, changes[done].entry,
			changes + done, count - done, keyword, keyword_count,
			error);
	memory_free(flags);
	plan_fini(&plan);
	buffer_fini(&wanted.keywords);
	return end_change(folder, &atime, result < 0 ? -1 : 0, error);
}

/* Takes the entries out of what is known. */
static void
forget_entries(struct format_folder *folder, const size_t *entries,
	size_t count)
{
	uint64_t gone = 0;
	size_t kept = entries[0], next = 0;
	folder->claim = SIZE_MAX;
	for (size_t i = entries[0]; i < folder->count; i++) {
		struct format_entry entry = folder->entry[i];
		if (next < count && entries[next] == i) {
			gone += entry.length;
			next++;
			continue;
		}
		entry.place -= gone;
		folder->entry[kept++] = entry;
	}
	folder->count = kept;
}

int
mbox_folder_expunge(struct format_folder *folder, const size_t *entries,
	size_t count, struct error *error)
{
	struct timespec atime = { 0 };
	uint64_t size, gone = 0, from, to;
	if (begin_change(folder, &atime, error) < 0 ||
		mbox_file_size(&folder->file, &size, error) < 0)
		return -1;
	if (count == 0)
		return 0;
	struct store_piece *piece = memory_new_array(count, sizeof(*piece));
	size_t pieces = 0;
	for (size_t i = 0; i < count; i++) {
		const struct format_entry *entry = &folder->entry[entries[i]];
		from = entry->place + entry->length;
		to = i + 1 < count ? folder->entry[entries[i + 1]].place : size;
		gone += entry->length;
		if (from < to)
			piece[pieces++] = (struct store_piece){
				.fd = folder->file.fd, .offset = from,
				.size = to - from };
	}
	const struct mbox_patch patch = { folder->entry[entries[0]].place,
		piece, pieces };
	bool claims = folder->claim != SIZE_MAX;
	int result = mbox_intent_change(&folder->file, &patch, 1, size - gone,
		error);
	memory_free(piece);
	if (result == 0)
		forget_entries(folder, entries, count);
	result = end_change(folder, &atime, result, error);
	/* One that claimed more than was there may be right now. */
	if (result == 0 && claims)
		mbox_folder_forget(folder);
	return result;
}
