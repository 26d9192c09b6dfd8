/*
 * An account's INBOX for `mail`, over the Unix socket of the running system. A
 * session of hours is normal: a connection that ended is made again. What was
 * listed in an earlier session is unread, not new; where the last one ended
 * stands in a small file of the user's, ~/.local/state/posthouse/mail.
 */
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "ctl/imap_client.h"
#include "ctl/mail_box.h"
#include "proto/mail_location.h"
#include "proto/number_set.h"

enum {
	HEAD_LIMIT = 65536,		/* of a message, looked at for the list */
	STATE_LIMIT = 65536,
	SET_LIMIT = 500,		/* ranges in one command */
};
#define MESSAGE_LIMIT ((size_t)1 << 30)

struct mail_imap {
	struct mail_box box;
	const struct config *config;
	const char *user;
	struct imap_client client;
	uint32_t validity, uid_next, exists;
	uint32_t listed;		/* UIDs below were listed before */
	/* the message that a FETCH brings */
	uint32_t current;		/* UID */
	struct buffer head;
	uint64_t lines;
	struct buffer *whole;		/* where it goes entire, or NULL */
};

/* ---- what earlier sessions have listed ---- */

static bool
state_path(char *out, size_t size, bool is_directory)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	const char *end = is_directory ? "" : "/mail";
	if (state != NULL && state[0] == '/')
		return snprintf(out, size, "%s/posthouse%s", state, end) <
			(int)size;
	return home != NULL && home[0] == '/' && snprintf(out, size,
		"%s/.local/state/posthouse%s", home, end) < (int)size;
}

static void
read_state(struct buffer *out)
{
	char path[4096];
	struct error ignored;
	if (state_path(path, sizeof(path), false) &&
	    file_read_whole(AT_FDCWD, path, STATE_LIMIT, out, &ignored) < 0)
		buffer_clear(out);
}

/* "NAME VALIDITY NEXT" */
static bool
split_state(struct span line, struct span *name, uint64_t *validity,
	uint64_t *next)
{
	struct span word[3];
	for (size_t i = 0; i < 3; i++)
		if (!span_word(&line, &word[i]))
			return false;
	*name = word[0];
	return span_to_number(word[1], UINT32_MAX, validity) &&
		span_to_number(word[2], UINT32_MAX, next);
}

static void
find_listed(struct mail_imap *imap)
{
	struct buffer state;
	struct span rest, line, name;
	uint64_t validity, next;
	buffer_init(&state, 0);
	read_state(&state);
	rest = buffer_span(&state);
	while (span_split(&rest, '\n', &line))
		if (split_state(line, &name, &validity, &next) &&
		    span_equals(name, span_from(imap->box.name)) &&
		    validity == imap->validity)
			imap->listed = (uint32_t)next;
	buffer_fini(&state);
}

/* Without it everything unread is new next time: no reason to complain. */
static void
note_listed(struct mail_imap *imap)
{
	char path[4096], directory[4096];
	struct buffer old, fresh;
	struct span rest, line, name;
	struct error ignored;
	uint64_t validity, next;
	if (!state_path(path, sizeof(path), false) ||
	    !state_path(directory, sizeof(directory), true) ||
	    file_make_directories(directory, 0700, &ignored) < 0)
		return;
	buffer_init(&old, 0);
	buffer_init(&fresh, 0);
	read_state(&old);
	buffer_print(&fresh, "%s %u %u\n", imap->box.name, imap->validity,
		imap->uid_next);
	rest = buffer_span(&old);
	while (span_split(&rest, '\n', &line)) {
		if (!split_state(line, &name, &validity, &next) ||
		    span_equals(name, span_from(imap->box.name)) ||
		    fresh.size + line.size >= STATE_LIMIT)
			continue;
		buffer_add(&fresh, line);
		buffer_add_byte(&fresh, '\n');
	}
	file_replace(AT_FDCWD, path, buffer_span(&fresh), 0600, &ignored);
	buffer_fini(&old);
	buffer_fini(&fresh);
}

/* ---- the connection ---- */

static void
take_selected(void *context, const struct imap_answer *answer)
{
	struct mail_imap *imap = context;
	uint64_t number;
	if (answer->kind == IMAP_ANSWER_EXISTS)
		imap->exists = answer->number;
	if (answer->kind == IMAP_ANSWER_CONDITION &&
	    span_to_number(answer->argument, UINT32_MAX, &number)) {
		if (span_equals_nocase(answer->code, SPAN("UIDVALIDITY")))
			imap->validity = (uint32_t)number;
		else if (span_equals_nocase(answer->code, SPAN("UIDNEXT")))
			imap->uid_next = (uint32_t)number;
	}
}

static void
take_body(void *context, const struct imap_answer *answer, struct span bytes)
{
	struct mail_imap *imap = context;
	if (imap->whole != NULL) {
		buffer_add(imap->whole, bytes);
		return;
	}
	if (answer->fetch.uid != imap->current) {
		imap->current = answer->fetch.uid;
		imap->lines = 0;
		buffer_clear(&imap->head);
	}
	if (imap->head.size < HEAD_LIMIT)
		buffer_add(&imap->head, span_first(bytes,
			HEAD_LIMIT - imap->head.size));
	for (struct span rest = bytes; rest.size > 0; imap->lines++) {
		size_t end = span_find(rest, '\n');
		if (end == rest.size)
			break;
		rest = span_skip(rest, end + 1);
	}
}

static int
connect_client(struct mail_imap *imap, struct error *error)
{
	if (imap_client_open_local(&imap->client, imap->config, imap->user,
	    error) < 0)
		return -1;
	imap->client.body = take_body;
	imap->client.body_context = imap;
	unsigned number = imap_client_add(&imap->client, "SELECT INBOX");
	return imap_client_wait(&imap->client, number, take_selected, imap,
		error);
}

/* A connection that answers, the old one or a new one. */
static int
ensure(struct mail_imap *imap, struct error *error)
{
	uint32_t validity = imap->validity;
	unsigned number = imap_client_add(&imap->client, "NOOP");
	if (imap_client_wait(&imap->client, number, take_selected, imap,
	    error) == 0)
		return 0;
	imap_client_close(&imap->client);
	if (connect_client(imap, error) < 0)
		return -1;
	return imap->validity == validity ? 0 : error_set(error, ERROR_GONE,
		"the mailbox has been replaced by another");
}

/* ---- messages ---- */

static void
take_message(void *context, const struct imap_answer *answer)
{
	struct mail_imap *imap = context;
	const struct imap_answer_fetch *fetch = &answer->fetch;
	struct mail_box *box = &imap->box;
	if (answer->kind != IMAP_ANSWER_FETCH || fetch->uid == 0 ||
	    !fetch->has_flags || (box->count > 0 &&
	    fetch->uid <= box->message[box->count - 1].uid))
		return;
	struct mail_message *message = mail_box_add(box);
	message->uid = fetch->uid;
	message->flags = fetch->flags.system;
	message->size = fetch->size;
	message->date = fetch->date;
	message->zone = fetch->zone;
	message->is_new = fetch->uid >= imap->listed &&
		(fetch->flags.system & IMAP_FLAG_SEEN) == 0;
	if (fetch->uid >= imap->uid_next)
		imap->uid_next = fetch->uid + 1;
}

/* All messages from this UID on. */
static int
fetch_from(struct mail_imap *imap, uint32_t uid, struct error *error)
{
	if (imap->exists == 0)
		return 0;
	unsigned number = imap_client_add(&imap->client, "UID FETCH %u:* "
		"(UID FLAGS RFC822.SIZE INTERNALDATE)", uid);
	return imap_client_wait(&imap->client, number, take_message, imap,
		error);
}

static struct mail_message *
find_message(struct mail_box *box, uint32_t uid)
{
	size_t low = 0, high = box->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (box->message[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < box->count && box->message[low].uid == uid ?
		&box->message[low] : NULL;
}

static void
take_loaded(void *context, const struct imap_answer *answer)
{
	struct mail_imap *imap = context;
	if (answer->kind != IMAP_ANSWER_FETCH || !answer->fetch.has_body ||
	    answer->fetch.uid != imap->current)
		return;
	struct mail_message *message = find_message(&imap->box, imap->current);
	if (message != NULL) {
		message->lines = imap->lines;
		mail_box_take_head(&imap->box, message,
			buffer_span(&imap->head));
	}
}

static int
load(struct mail_box *box, size_t first, size_t count, struct error *error)
{
	struct mail_imap *imap = (struct mail_imap *)box;
	struct number_set set;
	struct buffer text;
	int result = 0;
	number_set_init(&set);
	for (size_t i = first; i < first + count && i < box->count; i++)
		if (!box->message[i].is_loaded)
			number_set_add(&set, box->message[i].uid,
				box->message[i].uid);
	if (set.count > 0)
		result = ensure(imap, error);
	if (set.count > 0 && result == 0) {
		buffer_init(&text, 0);
		number_set_format(&text, &set);
		imap->current = 0;
		unsigned number = imap_client_add(&imap->client,
			"UID FETCH %s (UID BODY.PEEK[])", buffer_string(&text));
		result = imap_client_wait(&imap->client, number, take_loaded,
			imap, error);
		buffer_fini(&text);
	}
	number_set_fini(&set);
	return result;
}

static int
read_message(struct mail_box *box, size_t index, struct buffer *out,
	struct error *error)
{
	struct mail_imap *imap = (struct mail_imap *)box;
	if (ensure(imap, error) < 0)
		return -1;
	out->limit = MESSAGE_LIMIT;
	imap->whole = out;
	unsigned number = imap_client_add(&imap->client,
		"UID FETCH %u (UID BODY.PEEK[])", box->message[index].uid);
	int result = imap_client_wait(&imap->client, number, NULL, NULL, error);
	imap->whole = NULL;
	if (result == 0 && buffer_is_overrun(out))
		return error_set(error, ERROR_FULL, "the message is too large");
	if (result == 0 && out->size == 0)
		return error_set(error, ERROR_GONE, "the message is not there "
			"any more");
	return result;
}

static int
poll_messages(struct mail_box *box, struct error *error)
{
	struct mail_imap *imap = (struct mail_imap *)box;
	uint32_t before = imap->exists;
	if (ensure(imap, error) < 0)
		return -1;
	return imap->exists == before ? 0 :
		fetch_from(imap, imap->uid_next, error);
}

/* ---- the end ---- */

enum change { CHANGE_SEEN, CHANGE_ANSWERED, CHANGE_DELETED };

static bool
wants(const struct mail_message *message, enum change change)
{
	bool is_deleted = message->is_deleted || message->is_saved;
	switch (change) {
	case CHANGE_SEEN:
		return !is_deleted && message->is_read &&
			!message->is_kept_unread &&
			(message->flags & IMAP_FLAG_SEEN) == 0;
	case CHANGE_ANSWERED:
		return !is_deleted && message->is_answered &&
			(message->flags & IMAP_FLAG_ANSWERED) == 0;
	default:
		return is_deleted;
	}
}

/* The command with the UIDs of the messages concerned, in pieces. */
static int
change(struct mail_imap *imap, enum change what, const char *before,
	const char *behind, struct error *error)
{
	struct number_set set;
	struct buffer text;
	unsigned number = 0;
	buffer_init(&text, 0);
	number_set_init(&set);
	for (size_t i = 0; i <= imap->box.count; i++) {
		const struct mail_message *message = &imap->box.message[i];
		if (i < imap->box.count && wants(message, what))
			number_set_add(&set, message->uid, message->uid);
		if (set.count < (i < imap->box.count ? SET_LIMIT : 1))
			continue;
		buffer_clear(&text);
		number_set_format(&text, &set);
		number = imap_client_add(&imap->client, "%s %s%s", before,
			buffer_string(&text), behind);
		number_set_fini(&set);
	}
	buffer_fini(&text);
	number_set_fini(&set);
	return number == 0 ? 0 : imap_client_wait(&imap->client, number, NULL,
		NULL, error);
}

static int
finish(struct mail_box *box, struct error *error)
{
	struct mail_imap *imap = (struct mail_imap *)box;
	if (ensure(imap, error) < 0 ||
	    change(imap, CHANGE_SEEN, "UID STORE",
	    " +FLAGS.SILENT (\\Seen)", error) < 0 ||
	    change(imap, CHANGE_ANSWERED, "UID STORE",
	    " +FLAGS.SILENT (\\Answered)", error) < 0 ||
	    change(imap, CHANGE_DELETED, "UID STORE",
	    " +FLAGS.SILENT (\\Deleted)", error) < 0 ||
	    change(imap, CHANGE_DELETED, "UID EXPUNGE", "", error) < 0)
		return error_wrap(error, "writing down what you changed");
	note_listed(imap);
	return 0;
}

static void
close_box(struct mail_box **box)
{
	struct mail_imap *imap = (struct mail_imap *)*box;
	imap_client_close(&imap->client);
	buffer_fini(&imap->head);
	mail_box_free(box);
}

static const struct mail_box_functions functions = {
	load, read_message, finish, poll_messages, close_box,
};

/* ---- beginning ---- */

/* Where a system user's INBOX is; false: it is no file of his. */
static bool
find_path(const struct config *config, const struct passwd *person, char *out,
	size_t size)
{
	struct mail_location location;
	struct mail_location_user user = { .name = span_from(person->pw_name),
		.home = span_from(person->pw_dir) };
	struct arena arena;
	struct error ignored;
	const char *path;
	bool is_path = false;
	if (mail_location_parse(span_from(config_text(config, "mail_location")),
	    &location, &ignored) < 0 || location.kind == MAIL_LOCATION_NATIVE)
		return false;
	arena_init(&arena, 0);
	if (mail_location_expand(location.inbox.size > 0 ? location.inbox :
	    location.directory, &user, &arena, &path, &ignored) == 0)
		is_path = snprintf(out, size, "%s", path) < (int)size;
	arena_fini(&arena);
	return is_path;
}

/* What is shown: the file of a user of this machine, else the address. */
static void
set_name(struct mail_imap *imap)
{
	const struct passwd *person = imap->user == NULL ? getpwuid(getuid()) :
		strchr(imap->user, '@') == NULL ? getpwnam(imap->user) : NULL;
	const char *name = imap->user != NULL ? imap->user :
		person != NULL ? person->pw_name : "you";
	snprintf(imap->box.user, sizeof(imap->box.user), "%s", name);
	if (person == NULL ||
	    !config_has_item(imap->config, "accounts", "system") ||
	    !find_path(imap->config, person, imap->box.name,
	    sizeof(imap->box.name)))
		snprintf(imap->box.name, sizeof(imap->box.name), "%s", name);
}

struct mail_box *
mail_box_open_imap(const struct config *config, const char *user,
	struct error *error)
{
	struct mail_imap *imap = memory_new(sizeof(*imap));
	struct mail_box *box = &imap->box;
	box->call = &functions;
	imap->config = config;
	imap->user = user;
	imap->listed = 1;
	arena_init(&box->arena, 0);
	buffer_init(&imap->head, 0);
	set_name(imap);
	if (connect_client(imap, error) < 0) {
		close_box(&box);
		return NULL;
	}
	find_listed(imap);
	if (fetch_from(imap, 1, error) < 0) {
		close_box(&box);
		return NULL;
	}
	return box;
}
