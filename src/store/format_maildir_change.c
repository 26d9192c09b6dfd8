/*
 * Writing into a maildir: a message is written and synced in tmp and then given
 * its place; flags are a new name; what is removed is unlinked. Each name is
 * there or not after a crash, and nothing else.
 */
#include "store/maildir_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

/* What is read lies on the stack, which is cleared each time. */
enum { PIECE = 64 << 10, READ_PIECE = 16 << 10, RUN = 256, TRIES = 3 };

/* ---- writing a message ---- */

/* Unix ends of lines on their way into a file. */
struct writer {
	int fd;
	struct buffer out;
	bool has_cr;			/* held back: an LF may follow */
	bool wrote_cr;			/* right before it */
	uint64_t size, wire_size;
	struct error *error;
	int result;
};

static void
flush(struct writer *writer)
{
	if (writer->result == 0)
		writer->result = file_write_all(writer->fd,
			buffer_span(&writer->out), writer->error);
	writer->size += writer->out.size;
	buffer_clear(&writer->out);
}

/* How many bytes stand before the next end of a line, or of a short look. */
static size_t
plain_run(struct span bytes)
{
	bytes = span_first(bytes, RUN);
	return span_find(span_first(bytes, span_find(bytes, '\r')), '\n');
}

static void
write_bytes(struct writer *writer, struct span bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		struct span rest = span_skip(bytes, i);
		size_t run = writer->has_cr ? 0 : plain_run(rest);
		if (writer->out.size >= PIECE)
			flush(writer);
		if (run > 0) {
			buffer_add(&writer->out, span_first(rest, run));
			writer->wire_size += run;
			writer->wrote_cr = false;
			i += run - 1;
			continue;
		}
		char c = bytes.data[i];
		/* One more before CRLF has to stay: of the two only one will
		 * come back. */
		bool keeps_cr = writer->has_cr && (c != '\n' ||
			writer->wrote_cr);
		if (keeps_cr)
			buffer_add_byte(&writer->out, '\r');
		/* As it will be read again: each LF with its CR. */
		writer->wire_size += c == '\n' && !writer->has_cr ? 2 : 1;
		writer->wrote_cr = keeps_cr;
		writer->has_cr = c == '\r';
		if (!writer->has_cr)
			buffer_add_byte(&writer->out, c);
	}
}

static void
write_piece(struct writer *writer, const struct store_piece *piece)
{
	char bytes[READ_PIECE];
	if (piece->bytes.data != NULL) {
		write_bytes(writer, piece->bytes);
		return;
	}
	for (uint64_t at = 0; at < piece->size && writer->result == 0;) {
		size_t size = piece->size - at < READ_PIECE ?
			(size_t)(piece->size - at) : READ_PIECE;
		writer->result = file_read_at(piece->fd, bytes, size,
			piece->offset + at, writer->error);
		if (writer->result == 0)
			write_bytes(writer, span_of(bytes, size));
		at += size;
	}
}

static int
write_body(int fd, const struct store_message_new *message,
	struct maildir_stamp *stamp, struct error *error)
{
	struct writer writer = { .fd = fd, .error = error };
	buffer_init(&writer.out, 0);
	for (size_t i = 0; i < message->piece_count; i++)
		write_piece(&writer, &message->piece[i]);
	if (writer.has_cr)
		buffer_add_byte(&writer.out, '\r');
	flush(&writer);
	buffer_fini(&writer.out);
	stamp->size = writer.size;
	stamp->wire_size = writer.wire_size;
	return writer.result;
}

/* ---- a name for it ---- */

/* Never the same time twice, so that messages keep their order. */
static void
stamp_time(struct maildir_folder *folder, struct maildir_stamp *stamp)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t micro = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	if (micro <= folder->last_micro)
		micro = folder->last_micro + 1;
	folder->last_micro = micro;
	stamp->second = micro / 1000000;
	stamp->micro = (uint32_t)(micro % 1000000);
}

/* One message on its way: where it is now, and where it goes. */
struct parcel {
	char tmp[64];
	char *name;			/* owned */
	bool is_new, is_placed;
};

static void
set_date(int fd, const struct store_message_new *message)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_NOW },
		{ .tv_sec = message->internal_date } };
	if (message->internal_date != 0)
		futimens(fd, times);
}

static int
write_parcel(struct maildir_folder *folder,
	const struct store_message_new *message, uint64_t flags,
	struct parcel *parcel, struct error *error)
{
	struct maildir_stamp stamp;
	struct stat stat;
	struct buffer name;
	stamp_time(folder, &stamp);
	snprintf(parcel->tmp, sizeof(parcel->tmp), "%lld.M%06uP%d.posthouse",
		(long long)stamp.second, (unsigned)stamp.micro, (int)getpid());
	int fd = openat(folder->in_tmp, parcel->tmp, O_WRONLY | O_CREAT |
		O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		parcel->tmp[0] = '\0';
		return error_set_errno(error, "writing in %s/tmp",
			folder->path);
	}
	int result = write_body(fd, message, &stamp, error);
	set_date(fd, message);
	if (result == 0)
		result = file_sync_data(fd, error);
	if (result == 0 && fstat(fd, &stat) < 0)
		result = error_set_errno(error, "looking at %s", parcel->tmp);
	file_close(&fd);
	if (result < 0)
		return -1;
	stamp.device = stat.st_dev;
	stamp.inode = stat.st_ino;
	stamp.transaction = message->transaction;
	buffer_init(&name, 0);
	maildir_name_make(&stamp, &name);
	parcel->is_new = flags == 0;
	if (!parcel->is_new)
		maildir_name_tail(flags, span_of(NULL, 0), &name);
	parcel->name = memory_copy_string(buffer_string(&name));
	buffer_fini(&name);
	return 0;
}

/* ---- keywords ---- */

static int
find_letter(const struct maildir_folder *folder, struct span name)
{
	for (int i = 0; i < MAILDIR_LETTERS; i++)
		if (span_equals_nocase(folder->letter[i], name))
			return i;
	return -1;
}

/* The bit for a keyword's name, which gets a letter if it has none. False:
 * there is none left. */
static bool
keyword_bit(struct maildir_folder *folder, struct span name, bool *is_made,
	uint64_t *bit)
{
	const uint64_t first = (uint64_t)1 << FORMAT_KEYWORD_SHIFT;
	*bit = first;
	if (span_equals_nocase(name, MAILDIR_PASSED))
		return true;
	int letter = find_letter(folder, name);
	for (int i = 0; i < MAILDIR_LETTERS && letter < 0; i++) {
		if (folder->letter[i].size > 0)
			continue;
		letter = i;
		folder->letter[i] = name;
		*is_made = true;
	}
	*bit = letter < 0 ? 0 : first << (1 + letter);
	return letter >= 0;
}

/* What was made becomes durable before a name uses it. */
static int
write_keywords(struct maildir_folder *folder, struct error *error)
{
	struct buffer text;
	buffer_init(&text, 0);
	maildir_keywords_format(folder->letter, &text);
	int result = file_replace(folder->directory, "dovecot-keywords",
		buffer_span(&text), 0600, error);
	/* Names are borrowed from the text. */
	if (result == 0) {
		struct buffer old = folder->keyword_text;
		folder->keyword_text = text;
		text = old;
		folder->keywords_read = (struct timespec){ 0, 0 };
	}
	maildir_keywords_parse(buffer_span(&folder->keyword_text),
		folder->letter);
	buffer_fini(&text);
	return result;
}

/* Bits for names that are used, which is what `used` says of each. */
static int
map_keywords(struct maildir_folder *folder, const struct span *name,
	size_t count, uint64_t used, uint64_t *bits, struct error *error)
{
	bool is_made = false;
	for (size_t i = 0; i < count; i++) {
		bits[i] = 0;
		if ((used >> i & 1) != 0 && !keyword_bit(folder, name[i],
				&is_made, &bits[i])) {
			maildir_keywords_parse(buffer_span(
				&folder->keyword_text), folder->letter);
			return error_set(error, ERROR_USAGE,
				"%s has %d keywords already", folder->path,
				MAILDIR_LETTERS);
		}
	}
	return is_made ? write_keywords(folder, error) : 0;
}

/* ---- append ---- */

static int
place_parcel(const struct maildir_folder *folder, struct parcel *parcel,
	struct error *error)
{
	if (renameat2(folder->in_tmp, parcel->tmp, parcel->is_new ?
			folder->in_new : folder->in_cur, parcel->name,
			RENAME_NOREPLACE) < 0)
		return error_set_errno(error, "putting a message into %s",
			folder->path);
	parcel->is_placed = true;
	return 0;
}

static int
sync_both(const struct maildir_folder *folder, bool in_new, bool in_cur,
	struct error *error)
{
	return (in_new && file_sync_directory(folder->in_new, error) < 0) ||
		(in_cur && file_sync_directory(folder->in_cur, error) < 0) ?
		-1 : 0;
}

static int
place_all(const struct maildir_folder *folder, struct parcel *parcels,
	size_t count, struct error *error)
{
	bool in_new = false, in_cur = false;
	for (size_t i = 0; i < count; i++) {
		if (place_parcel(folder, &parcels[i], error) < 0)
			return -1;
		in_new |= parcels[i].is_new;
		in_cur |= !parcels[i].is_new;
	}
	return sync_both(folder, in_new, in_cur, error);
}

/* Nothing of it is there. */
static void
take_back(const struct maildir_folder *folder, const struct parcel *parcels,
	size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct parcel *parcel = &parcels[i];
		if (parcel->is_placed)
			unlinkat(parcel->is_new ? folder->in_new :
				folder->in_cur, parcel->name, 0);
		else if (parcel->tmp[0] != '\0')
			unlinkat(folder->in_tmp, parcel->tmp, 0);
	}
}

static int
flags_of(struct maildir_folder *folder, const struct store_message_new *message,
	uint64_t *flags, struct error *error)
{
	uint64_t bits[STORE_KEYWORD_LIMIT];
	const struct store_flags *given = &message->flags;
	size_t count = given->keyword_count;
	*flags = given->system & 0x1f;
	if (count == 0)
		return 0;
	if (count > STORE_KEYWORD_LIMIT)
		return error_set(error, ERROR_USAGE, "%zu keywords", count);
	if (map_keywords(folder, given->keyword, count, UINT64_MAX, bits,
			error) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		*flags |= bits[i];
	return 0;
}

static int
write_all(struct maildir_folder *folder,
	const struct store_message_new *messages, size_t count,
	struct parcel *parcels, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t flags;
		if (flags_of(folder, &messages[i], &flags, error) < 0 ||
		    write_parcel(folder, &messages[i], flags, &parcels[i],
				error) < 0)
			return -1;
	}
	return place_all(folder, parcels, count, error);
}

/* INBOX and its directories are made with the first message. */
static int
be_there(struct maildir_folder *folder, struct error *error)
{
	if (maildir_folder_enter(folder, error) < 0)
		return -1;
	if (folder->in_new >= 0 && folder->in_cur >= 0 && folder->in_tmp >= 0)
		return 0;
	return maildir_folder_make(folder->path, error) < 0 ? -1 :
		maildir_folder_enter(folder, error);
}

int
maildir_append(struct format_folder *opened,
	const struct store_message_new *messages, size_t count,
	uint8_t (*keys)[FORMAT_KEY_SIZE], struct error *error)
{
	struct maildir_folder *folder = maildir_of(opened);
	if (be_there(folder, error) < 0)
		return -1;
	struct parcel *parcels = memory_new_array(count + 1, sizeof(*parcels));
	int result = write_all(folder, messages, count, parcels, error);
	if (result < 0)
		take_back(folder, parcels, count);
	for (size_t i = 0; i < count; i++) {
		struct maildir_name name;
		if (result == 0 && maildir_name_parse(span_from(
				parcels[i].name), &name))
			maildir_name_key(name.base, UINT64_MAX, keys[i]);
		memory_free(parcels[i].name);
	}
	memory_free(parcels);
	return result;
}

/* ---- what was delivered ---- */

static int
find_delivered(int directory, int64_t since, struct buffer *out,
	struct error *error)
{
	struct dirent *row;
	int own = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *open = own < 0 ? NULL : fdopendir(own);
	if (open == NULL) {
		error_set_errno(error, "reading a maildir");
		file_close(&own);
		return -1;
	}
	errno = 0;
	while ((row = readdir(open)) != NULL) {
		struct maildir_name name;
		uint8_t transaction[STORE_TRANSACTION_SIZE];
		if (maildir_name_parse(span_from(row->d_name), &name) &&
		    name.second != UINT64_MAX &&
		    (int64_t)name.second >= since &&
		    maildir_name_transaction(name.base, transaction))
			buffer_add(out, span_of(transaction,
				sizeof(transaction)));
	}
	int result = errno == 0 ? 0 : error_set_errno(error,
		"reading a maildir");
	closedir(open);
	return result;
}

/* A process may have died between giving a name and its sync. */
int
maildir_delivered(struct format_folder *opened, int64_t since,
	struct buffer *out, struct error *error)
{
	struct maildir_folder *folder = maildir_of(opened);
	if (maildir_folder_enter(folder, error) < 0)
		return -1;
	if (folder->in_new < 0 || folder->in_cur < 0)
		return 0;
	return find_delivered(folder->in_new, since, out, error) < 0 ||
		find_delivered(folder->in_cur, since, out, error) < 0 ||
		(out->size > 0 && sync_both(folder, true, true, error) < 0) ?
		-1 : 0;
}

/* ---- flags ---- */

/* The new name. ERROR_GONE: another program was quicker. */
static int
rename_one(struct maildir_folder *folder, size_t i, uint64_t flags,
	struct error *error)
{
	struct maildir_file *file = &folder->file[i];
	struct buffer old, tail, new;
	buffer_init(&old, 0);
	buffer_init(&tail, 0);
	buffer_init(&new, 0);
	maildir_file_name(folder, i, &old);
	maildir_name_tail(flags, span_from(file->tail), &tail);
	buffer_print(&new, "%s%s", file->base, buffer_string(&tail));
	int result = 0;
	if (new.size > MAILDIR_NAME_LIMIT)
		result = error_set(error, ERROR_USAGE, "%s has a long name",
			file->base);
	else if (renameat(file->is_new ? folder->in_new : folder->in_cur,
			buffer_string(&old), folder->in_cur,
			buffer_string(&new)) < 0)
		result = error_set_errno(error, "renaming %s", file->base);
	if (result == 0) {
		memory_free(file->tail);
		file->tail = memory_copy_string(buffer_string(&tail));
		file->is_new = false;
		folder->entry[i].flags = flags;
	}
	buffer_fini(&old);
	buffer_fini(&tail);
	buffer_fini(&new);
	return result;
}

/* As the folder numbers keywords. */
static uint64_t
translate(uint64_t flags, const uint64_t *bits)
{
	uint64_t own = flags & (((uint64_t)1 << FORMAT_KEYWORD_SHIFT) - 1);
	for (uint64_t rest = flags >> FORMAT_KEYWORD_SHIFT; rest != 0;
	    rest &= rest - 1)
		own |= bits[__builtin_ctzll(rest)];
	return own;
}

int
maildir_set_flags(struct format_folder *opened,
	const struct format_flags *changes, size_t count,
	const struct span *keyword, size_t keyword_count, struct error *error)
{
	struct maildir_folder *folder = maildir_of(opened);
	uint64_t bits[STORE_KEYWORD_LIMIT] = { 0 }, used = 0;
	bool leaves_new = false;
	for (size_t i = 0; i < count; i++)
		used |= changes[i].flags >> FORMAT_KEYWORD_SHIFT;
	if (keyword_count > STORE_KEYWORD_LIMIT ||
	    folder->in_cur < 0 || map_keywords(folder, keyword, keyword_count,
			used, bits, error) < 0)
		return folder->in_cur < 0 ? error_set(error, ERROR_GONE,
			"there is no %s", folder->path_cur) : -1;
	for (size_t i = 0; i < count; i++) {
		size_t at = changes[i].entry;
		leaves_new |= folder->file[at].is_new;
		uint64_t flags = translate(changes[i].flags, bits);
		int result = rename_one(folder, at, flags, error);
		/* It has another name by now, or it is gone: then it has no
		 * flags. */
		for (int k = 0; k < TRIES && result < 0 &&
		    error->code == ERROR_GONE; k++)
			result = maildir_names_refresh(folder, error) < 0 ? -1 :
				rename_one(folder, at, flags, error);
		if (result < 0 && error->code != ERROR_GONE)
			return -1;
	}
	return sync_both(folder, leaves_new, true, error);
}

/* ---- expunge ---- */

static int
remove_one(struct maildir_folder *folder, size_t i, struct error *error)
{
	struct buffer name;
	buffer_init(&name, 0);
	maildir_file_name(folder, i, &name);
	int result = unlinkat(folder->file[i].is_new ? folder->in_new :
		folder->in_cur, buffer_string(&name), 0);
	if (result < 0)
		error_set_errno(error, "removing %s", buffer_string(&name));
	buffer_fini(&name);
	return result;
}

int
maildir_expunge(struct format_folder *opened, const size_t *entries,
	size_t count, struct error *error)
{
	struct maildir_folder *folder = maildir_of(opened);
	for (size_t i = 0; i < count; i++) {
		int result = remove_one(folder, entries[i], error);
		for (int k = 0; k < TRIES && result < 0 &&
		    error->code == ERROR_GONE; k++)
			result = maildir_names_refresh(folder, error) < 0 ? -1 :
				remove_one(folder, entries[i], error);
		if (result < 0 && error->code != ERROR_GONE)
			return -1;
	}
	return sync_both(folder, folder->in_new >= 0, folder->in_cur >= 0,
		error);
}
