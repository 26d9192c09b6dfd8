/*
 * Taking messages from the drop folder. See drop.h.
 */
#include "queue/drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "proto/date.h"
#include "proto/drop.h"
#include "queue/collect.h"
#include "queue/queue.h"

/* One file on its way. */
struct taking {
	struct queue *queue;
	const char *name;
	int fd;
	struct stat status;
	struct arena arena;
	struct drop drop;
	size_t offset;			/* where the message begins */
	struct envelope envelope;
	struct mail_body body;
};

/* ---- reading the file ---- */

/* Nothing of a user's choosing is opened: no link, no pipe, no device. */
static int
open_file(struct drop_folder *folder, struct taking *taking,
	struct error *error)
{
	taking->fd = openat(folder->directory, taking->name, O_RDONLY |
		O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (taking->fd < 0 && (errno == ELOOP || errno == EACCES ||
	    errno == ENXIO))
		return error_set(error, ERROR_DAMAGED,
			"it is not a file that can be read");
	if (taking->fd < 0 || fstat(taking->fd, &taking->status) < 0)
		return error_set_errno(error, "opening drop/%.100s",
			taking->name);
	uint64_t limit = taking->queue->server.size_limit;
	if (!S_ISREG(taking->status.st_mode) || taking->status.st_nlink != 1)
		return error_set(error, ERROR_DAMAGED, "it is not a file");
	if (limit != 0 && (uint64_t)taking->status.st_size > limit +
	    DROP_HEAD_LIMIT)
		return error_set(error, ERROR_DAMAGED, "it is too long");
	return 0;
}

static int
read_head(struct taking *taking, struct error *error)
{
	uint64_t size = (uint64_t)taking->status.st_size;
	if (size > DROP_HEAD_LIMIT)
		size = DROP_HEAD_LIMIT;
	char *bytes = arena_new(&taking->arena, size + 1);
	if (file_read_at(taking->fd, bytes, size, 0, error) < 0)
		return -1;
	if (!drop_parse(span_of(bytes, size), &taking->arena, &taking->drop,
	    &taking->offset))
		return error_set(error, ERROR_DAMAGED,
			"it is not a message of sendmail");
	return 0;
}

/* RFC 5321 4.4: who it came from, as far as the kernel says. */
static int
read_body(struct taking *taking, struct error *error)
{
	static const size_t piece = 65536;
	char *bytes = arena_new(&taking->arena, piece);
	uint64_t at = taking->offset, end = (uint64_t)taking->status.st_size;
	struct report_rules rules = queue_report_rules(taking->queue);
	struct buffer received;
	buffer_init(&received, 0);
	buffer_print(&received, "Received: from localhost (uid %u)\r\n"
		"\tby %.*s (Posthouse) with local\r\n\tid %s;\r\n\t",
		(unsigned)taking->status.st_uid, SPAN_PRINT(rules.host),
		taking->envelope.scope.trace);
	date_format_header(&received, taking->status.st_mtime, 0);
	buffer_add_string(&received, "\r\n");
	int result = mail_body_add(&taking->body, buffer_span(&received),
		error);
	buffer_fini(&received);
	while (result == 0 && at < end) {
		size_t size = end - at < piece ? (size_t)(end - at) : piece;
		result = file_read_at(taking->fd, bytes, size, at, error);
		if (result == 0)
			result = mail_body_add(&taking->body,
				span_of(bytes, size), error);
		at += size;
	}
	return result;
}

/* ---- the envelope ---- */

/* A file is the same message however often it is read. */
static void
make_transaction(struct taking *taking)
{
	static const uint8_t keys[2][16] = { "posthouse drop 1",
		"drop 1 posthouse" };
	const struct stat *status = &taking->status;
	struct span cause = arena_print(&taking->arena, "%s %llu %lld.%09ld",
		taking->name, (unsigned long long)status->st_ino,
		(long long)status->st_mtim.tv_sec, status->st_mtim.tv_nsec);
	for (size_t i = 0; i < 2; i++) {
		uint64_t hash = hash_siphash(keys[i], cause);
		memcpy(taking->envelope.transaction + i * sizeof(hash), &hash,
			sizeof(hash));
	}
}

/* Whole, with our domain when it has none (myorigin); false: not an address. */
static bool
complete(struct taking *taking, struct span *text)
{
	struct report_rules rules = queue_report_rules(taking->queue);
	struct address address;
	struct buffer out;
	if (address_parse(*text, &taking->arena, &address) != ADDRESS_OK)
		return false;
	if (address.domain.size == 0)
		address.domain = rules.domain;
	taking->envelope.is_utf8 |= address.is_utf8;
	buffer_init(&out, 0);
	address_format(&out, &address);
	*text = arena_copy(&taking->arena, buffer_span(&out));
	buffer_fini(&out);
	return true;
}

static int
make_envelope(struct taking *taking, struct mail_recipient **recipient,
	struct error *error)
{
	struct drop *drop = &taking->drop;
	taking->envelope = (struct envelope){
		.arrival = (int64_t)taking->status.st_mtime * 1000,
		.is_utf8 = drop->is_utf8,
		.body = drop->is_8bit ? SPAN("8bitmime") : SPAN("7bit") };
	log_id_new(taking->envelope.scope.trace);
	taking->envelope.id = span_from(taking->envelope.scope.trace);
	make_transaction(taking);
	if (span_equals(drop->ret, SPAN("full")) ||
	    span_equals(drop->ret, SPAN("hdrs")))
		taking->envelope.ret = drop->ret;
	if (drop->envid.size <= SMTP_ENVID_LIMIT &&
	    smtp_xtext_is_valid(drop->envid))
		taking->envelope.envid = drop->envid;
	if (drop->sender.size > 0 && !complete(taking, &drop->sender))
		return error_set(error, ERROR_DAMAGED,
			"its sender is not an address");
	taking->envelope.sender = drop->sender;
	*recipient = arena_new_array(&taking->arena, drop->count,
		sizeof(**recipient));
	for (size_t i = 0; i < drop->count; i++) {
		struct drop_recipient *from = &drop->recipient[i];
		struct mail_recipient *to = &(*recipient)[i];
		if (!complete(taking, &from->to))
			return error_set(error, ERROR_DAMAGED,
				"a recipient is not an address");
		to->address = from->to;
		if (from->notify.size > 0 && !envelope_parse_notify(
		    from->notify, &to->rcpt.notify))
			to->rcpt.notify = 0;
	}
	return 0;
}

/* 1: later. */
static int
find_recipients(struct taking *taking, const struct mail_recipient *recipient,
	struct error *error)
{
	size_t count = taking->drop.count;
	struct expansion *expansion = arena_new_array(&taking->arena, count,
		sizeof(*expansion));
	for (size_t i = 0; i < count; i++)
		expansion[i].address = recipient[i].address;
	expand_all(&taking->queue->expander, &taking->arena, expansion, count);
	for (size_t i = 0; i < count; i++)
		if (expansion[i].verdict == EXPAND_LATER)
			return 1;
	if (!collect_recipients(&taking->envelope, &taking->arena, recipient,
	    expansion, count))
		return error_set(error, ERROR_DAMAGED,
			"it has too many recipients");
	for (size_t i = 0; i < taking->envelope.count; i++) {
		struct recipient *one = &taking->envelope.recipient[i];
		if (one->state == RECIPIENT_BOUNCE)
			attempt_refuse(&taking->envelope, one);
	}
	return 0;
}

/* ---- one file ---- */

/* 0: it is in the spool (or nobody is left to send it to); 1: later. */
static int
take(struct drop_folder *folder, struct taking *taking, struct error *error)
{
	struct mail_recipient *recipient = NULL;
	if (open_file(folder, taking, error) < 0 ||
	    read_head(taking, error) < 0 ||
	    make_envelope(taking, &recipient, error) < 0)
		return -1;
	int result = find_recipients(taking, recipient, error);
	if (result != 0)
		return result;
	if (read_body(taking, error) < 0)
		return -1;
	if (envelope_left(&taking->envelope) == 0)
		return 0;
	switch (spool_add(&folder->queue->spool, &taking->envelope,
		&taking->body, &taking->arena, NULL, error)) {
	case SPOOL_OK:
		log_event(LOG_INFO, "dropped", &taking->envelope.scope,
			LOG_SPAN("id", taking->envelope.id),
			LOG_TEXT("file", taking->name),
			LOG_SPAN("from", taking->envelope.sender),
			LOG_NUMBER("uid", taking->status.st_uid),
			LOG_NUMBER("size", taking->body.size),
			LOG_NUMBER("recipients", taking->envelope.count));
		return 0;
	case SPOOL_DUPLICATE:
		return 0;
	default:
		log_event(LOG_ERROR, "drop-failed", NULL,
			LOG_TEXT("file", taking->name),
			LOG_TEXT("error", error->text));
		return 1;
	}
}

static void
set_aside(struct drop_folder *folder, const char *name,
	const struct error *error)
{
	char bad[300];
	snprintf(bad, sizeof(bad), ".bad-%s", name);
	log_event(LOG_ERROR, "drop-set-aside", NULL, LOG_TEXT("file", name),
		LOG_TEXT("error", error->text));
	/* The jail lets no link be made, under another name neither: it goes. */
	if (renameat(folder->directory, name, folder->directory, bad) < 0 &&
	    unlinkat(folder->directory, name, 0) < 0)
		log_event(LOG_ERROR, "drop-failed", NULL,
			LOG_TEXT("file", name), LOG_NUMBER("errno", errno));
}

static bool
take_file(struct drop_folder *folder, const char *name)
{
	struct taking taking = { .queue = folder->queue, .name = name,
		.fd = -1 };
	struct error error;
	arena_init(&taking.arena, 0);
	mail_body_init(&taking.body, folder->queue->server.spill);
	int result = take(folder, &taking, &error);
	if (result == 0 && unlinkat(folder->directory, name, 0) < 0)
		log_event(LOG_ERROR, "drop-failed", NULL,
			LOG_TEXT("file", name), LOG_NUMBER("errno", errno));
	if (result < 0 && error.code == ERROR_DAMAGED)
		set_aside(folder, name, &error);
	else if (result < 0)
		log_event(LOG_ERROR, "drop-failed", NULL,
			LOG_TEXT("file", name), LOG_TEXT("error", error.text));
	file_close(&taking.fd);
	mail_body_fini(&taking.body);
	arena_fini(&taking.arena);
	return result == 0;
}

/* ---- the folder ---- */

unsigned
drop_folder_look(struct drop_folder *folder)
{
	int copy = openat(folder->directory, ".", O_RDONLY | O_DIRECTORY |
		O_CLOEXEC);
	DIR *listing = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	struct error error;
	unsigned seen = 0, taken = 0;
	if (listing == NULL) {
		file_close(&copy);
		return 0;
	}
	while (seen < DROP_AT_ONCE && (entry = readdir(listing)) != NULL) {
		/* What begins with a dot is being written, or set aside. */
		if (entry->d_name[0] == '.')
			continue;
		seen++;
		taken += take_file(folder, entry->d_name);
	}
	closedir(listing);
	if (taken > 0 && file_sync_directory(folder->directory, &error) < 0)
		log_event(LOG_ERROR, "drop-failed", NULL,
			LOG_TEXT("error", error.text));
	return taken;
}

static enum session_next
folder_run(struct session *session, enum session_event event)
{
	struct drop_folder *folder = (struct drop_folder *)session;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	unsigned taken = drop_folder_look(folder);
	session->deadline = clock_monotonic() + (taken == DROP_AT_ONCE ? 0 :
		DROP_LOOK);
	return SESSION_PARK;
}

static void
folder_free(struct session **session)
{
	*session = NULL;	/* it belongs to the queue */
}

static const struct session_type folder_type = {
	.name = "drop", .run = folder_run, .free = folder_free,
};

void
drop_folder_open(struct drop_folder *folder, struct queue *queue,
	const char *path)
{
	*folder = (struct drop_folder){ .queue = queue };
	folder->session = (struct session){ .type = &folder_type, .fd = -1,
		.second_fd = -1, .deadline = INT64_MAX,
		.is_own_work = true };
	folder->directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		O_CLOEXEC);
}

void
drop_folder_close(struct drop_folder *folder)
{
	file_close(&folder->directory);
}

void
drop_folder_start(struct drop_folder *folder)
{
	if (folder->directory >= 0)
		lot_add(folder->queue->lot, &folder->session);
}
