/*
 * Looking at a maildir: two directories are read, files that were known before
 * are not touched. What a new file is called tells its flags and mostly its
 * size; one stat tells its date and whether it may be read at all.
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

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/codec.h"

enum {
	TICK = 20 * 1000 * 1000,	/* ns within which two changes may have
					 * one time */
	COARSE_TICK = 2,		/* s, of file systems with whole seconds */
	KEYWORDS_LIMIT = 64 << 10,	/* bytes of dovecot-keywords */
	UIDLIST_LIMIT = 256 << 20,
	READ_PIECE = 16 << 10,		/* on the stack, cleared each time */
	REFUSED_LIMIT = 100,		/* files named in the log */
};

/* ---- entries ---- */

static void
drop_file(struct maildir_file *file)
{
	memory_free(file->base);
	memory_free(file->tail);
}

void
maildir_forget(struct maildir_folder *folder)
{
	for (size_t i = 0; i < folder->count; i++)
		drop_file(&folder->file[i]);
	memory_free(folder->entry);
	memory_free(folder->file);
	folder->entry = NULL;
	folder->file = NULL;
	folder->count = folder->room = 0;
	map_fini(&folder->by_base);
	map_init(&folder->by_base);
}

static char *
copy_span(struct span text)
{
	char *copy = memory_new(text.size + 1);
	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	return copy;
}

/* The index; SIZE_MAX when it is not known. */
static size_t
find(const struct maildir_folder *folder, struct span base)
{
	uintptr_t found = (uintptr_t)map_get(&folder->by_base, base);
	return found == 0 ? SIZE_MAX : found - 1;
}

static size_t
add(struct maildir_folder *folder, struct span base)
{
	if (folder->count == folder->room) {
		folder->room = folder->room * 2 + 16;
		folder->entry = memory_resize(folder->entry, folder->room *
			sizeof(*folder->entry));
		folder->file = memory_resize(folder->file, folder->room *
			sizeof(*folder->file));
	}
	size_t i = folder->count++;
	folder->entry[i] = (struct format_entry){ .place = i };
	folder->file[i] = (struct maildir_file){ .base = copy_span(base) };
	map_put(&folder->by_base, base, (void *)(uintptr_t)(i + 1));
	return i;
}

static void
set_tail(struct maildir_folder *folder, size_t i, struct span tail)
{
	struct maildir_file *file = &folder->file[i];
	if (span_equals(span_from(file->tail), tail))
		return;
	memory_free(file->tail);
	file->tail = tail.size == 0 ? NULL : copy_span(tail);
}

void
maildir_file_name(const struct maildir_folder *folder, size_t i,
	struct buffer *out)
{
	const struct maildir_file *file = &folder->file[i];
	buffer_clear(out);
	buffer_add_string(out, file->base);
	if (file->tail != NULL)
		buffer_add_string(out, file->tail);
}

/* ---- a new file ---- */

/* Octets as they go over the wire: each end of line is CRLF. */
static uint64_t
wire_size(const char *bytes, size_t size, char *last)
{
	uint64_t count = size;
	char before = *last;
	for (size_t i = 0; i < size; i++) {
		const char *end = memchr(bytes + i, '\n', size - i);
		if (end == NULL)
			break;
		i = (size_t)(end - bytes);
		count += (i > 0 ? bytes[i - 1] : before) != '\r';
	}
	if (size > 0)
		*last = bytes[size - 1];
	return count;
}

/* Our looking is not to be seen in its times, which would also have to be
 * written; only the owner may ask for that. */
static int
open_message(int directory, const char *name)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
		O_CLOEXEC;
	int fd = openat(directory, name, flags | O_NOATIME);
	return fd < 0 && errno == EPERM ? openat(directory, name, flags) : fd;
}

static bool
measure(int fd, uint64_t file_size, uint64_t *size)
{
	char bytes[READ_PIECE], last = '\0';
	uint64_t seen = 0;
	*size = 0;
	while (seen < file_size) {
		ssize_t got = read(fd, bytes, sizeof(bytes));
		if (got <= 0)
			return false;
		*size += wire_size(bytes, (size_t)got, &last);
		seen += (uint64_t)got;
	}
	return true;
}

static bool
is_ours(struct maildir_folder *folder, const char *name,
	const struct stat *stat)
{
	if (S_ISREG(stat->st_mode) && stat->st_uid == geteuid())
		return true;
	if (folder->refused.count >= REFUSED_LIMIT ||
	    map_put(&folder->refused, span_from(name), folder) != NULL)
		return false;	/* that was said before */
	log_event(LOG_WARN, "message-file-refused", NULL,
		LOG_TEXT("folder", folder->path), LOG_TEXT("file", name),
		LOG_TEXT("reason", S_ISREG(stat->st_mode) ?
		"it belongs to somebody else" : "it is not a regular file"));
	return false;
}

/* Does what the name says of the size fit the file's? */
static bool
is_likely(const struct maildir_name *name, uint64_t size)
{
	return name->wire_size >= size && name->wire_size / 2 <= size &&
		name->wire_size != UINT64_MAX &&
		(name->size == UINT64_MAX || name->size == size);
}

/* Size and date. False: it is not a message, or was taken away meanwhile. What
 * has no size in its name has to be opened anyway. */
static bool
learn(struct maildir_folder *folder, size_t i, const struct maildir_name *name,
	const char *text)
{
	struct format_entry *entry = &folder->entry[i];
	const struct maildir_file *file = &folder->file[i];
	int directory = file->is_new ? folder->in_new : folder->in_cur;
	struct stat stat;
	int fd = name->wire_size == UINT64_MAX ? open_message(directory, text) :
		-1;
	bool is_good = (fd >= 0 ? fstat(fd, &stat) : fstatat(directory, text,
		&stat, AT_SYMLINK_NOFOLLOW)) == 0 && is_ours(folder, text,
		&stat);
	if (is_good && !is_likely(name, (uint64_t)stat.st_size)) {
		if (fd < 0)
			fd = open_message(directory, text);
		is_good = fd >= 0 && measure(fd, (uint64_t)stat.st_size,
			&entry->size);
	} else {
		entry->size = name->wire_size;
	}
	file_close(&fd);
	if (!is_good)
		return false;
	entry->date = stat.st_mtim.tv_sec;
	maildir_name_key(name->base, UINT64_MAX, entry->key);
	return true;
}

/* ---- reading the directories ---- */

struct fresh {			/* a file that was not known */
	struct maildir_name name;
	char *text;
	bool is_new;
};

struct scan {
	struct maildir_folder *folder;
	struct fresh *fresh;
	size_t count, room;
	struct map by_base;		/* of the fresh ones: index + 1 */
};

static void
add_fresh(struct scan *scan, struct span text, bool is_new)
{
	struct maildir_name name;
	if (scan->count == scan->room) {
		scan->room = scan->room * 2 + 16;
		scan->fresh = memory_resize(scan->fresh, scan->room *
			sizeof(*scan->fresh));
	}
	struct fresh *fresh = &scan->fresh[scan->count];
	*fresh = (struct fresh){ .text = copy_span(text), .is_new = is_new };
	maildir_name_parse(span_of(fresh->text, text.size), &name);
	fresh->name = name;
	uintptr_t before = (uintptr_t)map_put(&scan->by_base, name.base,
		(void *)(uintptr_t)(scan->count + 1));
	if (before == 0) {
		scan->count++;
		return;
	}
	/* Seen under two names: it was just given the second. */
	map_put(&scan->by_base, name.base, (void *)before);
	memory_free(scan->fresh[before - 1].text);
	scan->fresh[before - 1] = *fresh;
}

/*
 * One message seen under two names was most likely renamed while the directory
 * was read. If both are there and are two files (a backup that was put back),
 * the one that was not known by its name gets another, and the next scan finds
 * it. False: they are one.
 */
static bool
part_twins(struct maildir_folder *folder, size_t i, struct span text,
	bool is_new)
{
	struct maildir_file *file = &folder->file[i];
	int from = file->is_new ? folder->in_new : folder->in_cur;
	int to = is_new ? folder->in_new : folder->in_cur;
	bool are_two = false;
	char *other = copy_span(text);
	struct buffer name, own;
	struct stat a, b;
	buffer_init(&name, 0);
	buffer_init(&own, 0);
	maildir_file_name(folder, i, &name);
	if (fstatat(from, buffer_string(&name), &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(to, other, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	    a.st_ino != b.st_ino) {
		const struct stat *twin = file->is_same ? &b : &a;
		int directory = file->is_same ? to : from;
		const char *old = file->is_same ? other : buffer_string(&name);
		size_t tail = span_find(span_from(old), ':');
		buffer_print(&own, "%lld.M%06ldV%llxI%llx.twin%s",
			(long long)twin->st_mtim.tv_sec,
			twin->st_mtim.tv_nsec / 1000,
			(unsigned long long)twin->st_dev,
			(unsigned long long)twin->st_ino, old + tail);
		are_two = renameat2(directory, old, directory,
			buffer_string(&own), RENAME_NOREPLACE) == 0;
	}
	memory_free(other);
	buffer_fini(&name);
	buffer_fini(&own);
	return are_two;
}

static void
see(struct scan *scan, struct span text, bool is_new)
{
	struct maildir_folder *folder = scan->folder;
	struct maildir_name name;
	if (!maildir_name_parse(text, &name) ||
	    folder->count + scan->count >= MAILDIR_COUNT_LIMIT)
		return;
	size_t i = find(folder, name.base);
	if (i == SIZE_MAX) {
		add_fresh(scan, text, is_new);
		return;
	}
	struct maildir_file *file = &folder->file[i];
	bool is_same = file->is_new == is_new &&
		span_equals(span_from(file->tail), name.tail);
	if (file->is_seen && !is_same && part_twins(folder, i, text, is_new) &&
	    file->is_same)
		return;
	if (!file->is_seen)
		file->is_same = is_same;
	file->is_seen = true;
	file->is_new = is_new;
	set_tail(folder, i, name.tail);
}

/* Its time may be that of a change that comes after the reading. */
static bool
is_doubtful(const struct stat *stat)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t age = (now.tv_sec - stat->st_mtim.tv_sec);
	if (stat->st_mtim.tv_nsec == 0)
		return age <= COARSE_TICK;
	return age < 0 || (age <= 1 && age * 1000000000 + now.tv_nsec -
		stat->st_mtim.tv_nsec < TICK);
}

static int
read_directory(struct scan *scan, int fd, bool is_new,
	struct maildir_mark *mark, struct error *error)
{
	struct stat stat;
	struct dirent *row;
	*mark = (struct maildir_mark){ .is_doubtful = false };
	if (fd < 0)
		return 0;
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = own < 0 ? NULL : fdopendir(own);
	if (directory == NULL || fstat(fd, &stat) < 0) {
		error_set_errno(error, "reading %s", scan->folder->path);
		if (directory != NULL)
			closedir(directory);
		else
			file_close(&own);
		return -1;
	}
	*mark = (struct maildir_mark){ stat.st_dev, stat.st_ino, stat.st_mtim,
		is_doubtful(&stat) };
	errno = 0;
	while ((row = readdir(directory)) != NULL)
		see(scan, span_from(row->d_name), is_new);
	int result = errno == 0 ? 0 : error_set_errno(error, "reading %s",
		scan->folder->path);
	closedir(directory);
	return result;
}

/* New first: what goes from there to cur meanwhile is seen at least once. */
static int
read_both(struct scan *scan, struct error *error)
{
	struct maildir_folder *folder = scan->folder;
	return read_directory(scan, folder->in_new, true, &folder->mark_new,
		error) < 0 || read_directory(scan, folder->in_cur, false,
		&folder->mark_cur, error) < 0 ? -1 : 0;
}

/* ---- putting together ---- */

static size_t
count_missing(const struct maildir_folder *folder)
{
	size_t missing = 0;
	for (size_t i = 0; i < folder->count; i++)
		missing += !folder->file[i].is_seen;
	return missing;
}

/* Those that are gone go; the others keep their order. */
static void
remove_missing(struct maildir_folder *folder)
{
	size_t kept = 0;
	for (size_t i = 0; i < folder->count; i++) {
		struct maildir_file *file = &folder->file[i];
		if (!file->is_seen) {
			map_take(&folder->by_base, span_from(file->base));
			drop_file(file);
			continue;
		}
		if (kept < i) {
			folder->file[kept] = *file;
			folder->entry[kept] = folder->entry[i];
			folder->entry[kept].place = kept;
			map_put(&folder->by_base, span_from(file->base),
				(void *)(uintptr_t)(kept + 1));
		}
		kept++;
	}
	folder->count = kept;
}

static int
compare_fresh(const void *left, const void *right)
{
	const struct fresh *a = left, *b = right;
	if (a->name.second != b->name.second)
		return a->name.second < b->name.second ? -1 : 1;
	if (a->name.micro != b->name.micro)
		return a->name.micro < b->name.micro ? -1 : 1;
	return strcmp(a->text, b->text);
}

static void
take_fresh(struct scan *scan)
{
	struct maildir_folder *folder = scan->folder;
	if (scan->count > 0)
		qsort(scan->fresh, scan->count, sizeof(*scan->fresh),
			compare_fresh);
	for (size_t k = 0; k < scan->count; k++) {
		const struct fresh *fresh = &scan->fresh[k];
		size_t i = add(folder, fresh->name.base);
		folder->file[i].is_seen = true;
		folder->file[i].is_new = fresh->is_new;
		set_tail(folder, i, fresh->name.tail);
		if (learn(folder, i, &fresh->name, fresh->text))
			continue;
		map_take(&folder->by_base, fresh->name.base);
		drop_file(&folder->file[i]);
		folder->count--;
	}
}

/* ---- what Dovecot keeps ---- */

static int
read_beside(const struct maildir_folder *folder, const char *name,
	size_t limit, struct buffer *out, struct timespec *changed)
{
	struct stat stat;
	struct error ignored;	/* a file that cannot be read says nothing */
	int fd = folder->directory < 0 ? -1 : openat(folder->directory, name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int result = fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode) ||
		stat.st_uid != geteuid() ? -1 :
		file_read_descriptor(fd, limit, out, &ignored);
	if (result == 0)
		*changed = stat.st_mtim;
	file_close(&fd);
	return result;
}

static bool
is_newer(const struct maildir_folder *folder, const char *name,
	const struct timespec *than)
{
	struct stat stat;
	return folder->directory >= 0 && fstatat(folder->directory, name, &stat,
		AT_SYMLINK_NOFOLLOW) == 0 && (stat.st_mtim.tv_sec !=
		than->tv_sec || stat.st_mtim.tv_nsec != than->tv_nsec);
}

static void
read_keywords(struct maildir_folder *folder)
{
	if (is_newer(folder, "dovecot-keywords", &folder->keywords_read)) {
		buffer_clear(&folder->keyword_text);
		if (read_beside(folder, "dovecot-keywords", KEYWORDS_LIMIT,
				&folder->keyword_text,
				&folder->keywords_read) < 0)
			buffer_clear(&folder->keyword_text);
	}
	maildir_keywords_parse(buffer_span(&folder->keyword_text),
		folder->letter);
	folder->keyword[0] = MAILDIR_PASSED;
	for (size_t i = 0; i < MAILDIR_LETTERS; i++)
		folder->keyword[i + 1] = folder->letter[i];
}

/* UIDs of those that are there, when the list says something new. */
static void
read_uids(struct maildir_folder *folder)
{
	struct buffer text;
	struct maildir_uidlist list;
	struct span base;
	uint32_t uid;
	if (!is_newer(folder, "dovecot-uidlist", &folder->uidlist_read))
		return;
	buffer_init(&text, 0);
	if (read_beside(folder, "dovecot-uidlist", UIDLIST_LIMIT, &text,
			&folder->uidlist_read) == 0 &&
	    maildir_uidlist_init(&list, buffer_span(&text))) {
		folder->uid_validity = list.uid_validity;
		folder->uid_next = list.uid_next;
		while (maildir_uidlist_next(&list, &uid, &base)) {
			size_t i = find(folder, base);
			if (i != SIZE_MAX)
				folder->entry[i].uid = uid;
		}
	}
	buffer_fini(&text);
}

/* ---- the scan ---- */

/* Flags as keywords have names for. */
static void
set_flags(struct maildir_folder *folder)
{
	uint64_t known = ((uint64_t)1 << FORMAT_KEYWORD_SHIFT) - 1;
	for (size_t i = 0; i < MAILDIR_KEYWORDS; i++)
		if (folder->keyword[i].size > 0)
			known |= (uint64_t)1 << (FORMAT_KEYWORD_SHIFT + i);
	for (size_t i = 0; i < folder->count; i++) {
		folder->entry[i].flags = known & maildir_name_flags(
			span_from(folder->file[i].tail));
	}
}

static void
fini_scan(struct scan *scan)
{
	for (size_t i = 0; i < scan->count; i++)
		memory_free(scan->fresh[i].text);
	memory_free(scan->fresh);
	map_fini(&scan->by_base);
}

int
maildir_scan(struct format_folder *opened, struct format_scan *out,
	struct error *error)
{
	struct maildir_folder *folder = maildir_of(opened);
	struct scan scan = { .folder = folder };
	map_init(&scan.by_base);
	folder->is_scanned = false;
	int result = maildir_folder_enter(folder, error);
	for (size_t i = 0; i < folder->count; i++)
		folder->file[i].is_seen = false;
	if (result == 0)
		result = read_both(&scan, error);
	/* One that was just renamed may have been passed over: once more. */
	if (result == 0 && count_missing(folder) > 0)
		result = read_both(&scan, error);
	if (result == 0) {
		remove_missing(folder);
		take_fresh(&scan);
		read_keywords(folder);
		read_uids(folder);
		set_flags(folder);
		folder->is_scanned = true;
		*out = (struct format_scan){
			.entry = folder->entry, .count = folder->count,
			.keyword = folder->keyword,
			.keyword_count = MAILDIR_KEYWORDS,
			.uid_validity = folder->uid_validity,
			.uid_next = folder->uid_next,
		};
	}
	fini_scan(&scan);
	return result;
}

int
maildir_names_refresh(struct maildir_folder *folder, struct error *error)
{
	struct scan scan = { .folder = folder };
	map_init(&scan.by_base);
	int result = read_both(&scan, error);
	/* What came meanwhile is for the next scan. */
	folder->is_scanned = false;
	fini_scan(&scan);
	return result;
}

static bool
differs(const char *path, const struct maildir_mark *mark)
{
	struct stat stat;
	if (mark->is_doubtful)
		return true;
	if (lstat(path, &stat) < 0)
		return mark->inode != 0;
	return stat.st_dev != mark->device || stat.st_ino != mark->inode ||
		stat.st_mtim.tv_sec != mark->changed.tv_sec ||
		stat.st_mtim.tv_nsec != mark->changed.tv_nsec;
}

bool
maildir_has_changed(struct format_folder *opened)
{
	struct maildir_folder *folder = maildir_of(opened);
	return !folder->is_scanned ||
		differs(folder->path_new, &folder->mark_new) ||
		differs(folder->path_cur, &folder->mark_cur);
}

/* ---- bodies ---- */

/* Ends of lines become CRLF; `size` octets come of it. */
static void
add_lines(struct buffer *out, struct span text, uint64_t size)
{
	if (text.size == 0 || !buffer_reserve(out, size + 1))
		return;
	const char *at = text.data, *stop = text.data + text.size;
	char *to = out->data + out->size;
	while (at < stop) {
		const char *end = memchr(at, '\n', (size_t)(stop - at));
		size_t line = (size_t)((end == NULL ? stop : end) - at);
		memcpy(to, at, line);
		to += line;
		at += line;
		if (end == NULL)
			break;
		if (at == text.data || at[-1] != '\r')
			*to++ = '\r';
		*to++ = '\n';
		at++;
	}
	out->size += size;
}

/* Its first bytes, at most `most`. */
static int
read_file(struct maildir_folder *folder, size_t i, size_t most,
	struct buffer *text, struct error *error)
{
	uint64_t size;
	struct buffer name;
	struct stat stat;
	int result = -1;
	buffer_init(&name, 0);
	maildir_file_name(folder, i, &name);
	int fd = open_message(folder->file[i].is_new ? folder->in_new :
		folder->in_cur, buffer_string(&name));
	if (fd < 0 || fstat(fd, &stat) < 0)
		error_set_errno(error, "opening %s", buffer_string(&name));
	else if (!is_ours(folder, buffer_string(&name), &stat))
		error_set(error, ERROR_REFUSED, "%s is not a message",
			buffer_string(&name));
	else if ((size = (uint64_t)stat.st_size) > MAILDIR_MESSAGE_LIMIT)
		error_set(error, ERROR_REFUSED, "%s is too large",
			buffer_string(&name));
	else {
		size = size < most ? size : most;
		buffer_reserve(text, size);
		result = file_read_at(fd, text->data, size, 0, error);
		text->size = result == 0 ? size : 0;
	}
	file_close(&fd);
	buffer_fini(&name);
	return result;
}

/* The name lied about the size, and the size of a message never changes: with
 * the right one it is another message, which the next scan finds. */
static int
know_better(struct maildir_folder *folder, size_t i, uint64_t size,
	struct error *error)
{
	struct maildir_file *file = &folder->file[i];
	log_event(LOG_WARN, "message-size-differs", NULL,
		LOG_TEXT("folder", folder->path), LOG_TEXT("file", file->base),
		LOG_NUMBER("size", size),
		LOG_NUMBER("known", folder->entry[i].size));
	file->lies = true;
	folder->entry[i].size = size;
	maildir_name_key(span_from(file->base), size, folder->entry[i].key);
	folder->is_scanned = false;
	return error_set(error, ERROR_GONE,
		"%s is not as large as its name says", file->base);
}

int
maildir_read(struct format_folder *opened, const struct format_entry *entry,
	struct buffer *out, struct error *error)
{
	struct maildir_folder *folder = maildir_of(opened);
	struct buffer text;
	char last = '\0';
	size_t i = entry->place;
	if (i >= folder->count)
		return error_set(error, ERROR_GONE, "there is no such message");
	buffer_init(&text, 0);
	int result = read_file(folder, i, SIZE_MAX, &text, error);
	uint64_t size = wire_size(text.data, text.size, &last);
	if (result == 0 && size != entry->size)
		result = know_better(folder, i, size, error);
	if (result == 0)
		add_lines(out, buffer_span(&text), size);
	buffer_fini(&text);
	return result;
}

/* A name is one message for good: what it begins with tells no more of whether
 * it is the right one. */
int
maildir_read_head(struct format_folder *opened,
	const struct format_entry *entry, size_t size, struct buffer *out,
	struct error *error)
{
	struct maildir_folder *folder = maildir_of(opened);
	struct buffer text;
	char last = '\0';
	if (entry->place >= folder->count)
		return error_set(error, ERROR_GONE, "there is no such message");
	buffer_init(&text, 0);
	int result = read_file(folder, entry->place, size, &text, error);
	/* An LF may come behind it. */
	if (text.size == size && size > 0 && text.data[size - 1] == '\r')
		text.size--;
	if (result == 0)
		add_lines(out, buffer_span(&text), wire_size(text.data,
			text.size, &last));
	buffer_fini(&text);
	return result;
}

/* ---- for the next process ---- */

enum { SAVED_VERSION = 1 };

void
maildir_save(const struct format_folder *opened, struct buffer *out)
{
	const struct maildir_folder *folder =
		(const struct maildir_folder *)opened;
	codec_add_varint(out, SAVED_VERSION);
	codec_add_varint(out, folder->count);
	for (size_t i = 0; i < folder->count; i++) {
		const struct format_entry *entry = &folder->entry[i];
		codec_add_bytes(out, span_from(folder->file[i].base));
		codec_add_varint(out, entry->size);
		codec_add_signed(out, entry->date);
		codec_add_varint(out, entry->uid);
		codec_add_varint(out, folder->file[i].lies);
	}
}

bool
maildir_restore(struct format_folder *opened, struct span saved)
{
	struct maildir_folder *folder = maildir_of(opened);
	struct codec_reader reader;
	codec_reader_init(&reader, saved);
	if (codec_read_varint(&reader) != SAVED_VERSION)
		return false;
	uint64_t count = codec_read_number(&reader, MAILDIR_COUNT_LIMIT);
	while (count-- > 0 && !reader.is_failed) {
		struct span base = codec_read_bytes(&reader);
		uint64_t size = codec_read_varint(&reader);
		int64_t date = codec_read_signed(&reader);
		uint32_t uid = (uint32_t)codec_read_number(&reader, UINT32_MAX);
		bool lies = codec_read_number(&reader, 1) != 0;
		if (reader.is_failed || base.size == 0 ||
		    base.size > MAILDIR_NAME_LIMIT ||
		    find(folder, base) != SIZE_MAX)
			continue;
		size_t i = add(folder, base);
		struct format_entry *entry = &folder->entry[i];
		entry->size = size;
		entry->date = date;
		entry->uid = uid;
		folder->file[i].lies = lies;
		maildir_name_key(base, lies ? size : UINT64_MAX, entry->key);
	}
	if (codec_reader_is_done(&reader))
		return true;
	maildir_forget(folder);
	return false;
}
