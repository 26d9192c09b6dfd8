/*
 * The life of an IMAP session: login is answered, commands are framed and
 * executed as they come, and when the client is quiet the session parks. It
 * parks at any byte of a command; what has come of it stays in the framer (or,
 * of a message, in the append's file).
 *
 * A client that leaves its responses unread gets no further command executed.
 * There is no keepalive in IDLE: dead connections are TCP's business, and a
 * sleeping telephone is not woken for nothing.
 */
#include "mailbox/imap/imap.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "mailbox/imap/access.h"
#include "mailbox/imap/append.h"
#include "mailbox/imap/capability.h"
#include "mailbox/imap/idle.h"
#include "mailbox/move.h"
#include "serve/counter.h"

static enum session_next
run(struct session *session, enum session_event event);
static void
end(struct session **session);

static const struct session_type session_type = {
	.name = "imap", .run = run, .free = end
};

/* Runs in the thread that stores: only marks, and wakes who waits in IDLE. */
static void
note_change(struct store_watch *watch, uint32_t mailbox)
{
	struct imap_session *imap = (struct imap_session *)((char *)watch -
		offsetof(struct imap_session, watch));
	if (mailbox != atomic_load(&imap->watched_mailbox))
		return;
	atomic_store(&imap->has_changed, true);
	if (atomic_load(&imap->is_nudged))
		session_nudge(&imap->session);
}

static void
copy_text(char *out, size_t room, const char *text)
{
	size_t size = strnlen(text, room - 1);
	memcpy(out, text, size);
	out[size] = '\0';
}

/* What a session of this process has, whoever began it; takes the stream. */
static struct imap_session *
make(const struct mailbox *mailbox, uint64_t account, struct stream *stream)
{
	struct imap_session *imap = memory_new(sizeof(*imap));
	imap->mailbox = mailbox;
	imap->stream = *stream;
	imap_frame_init(&imap->frame);
	if (mailbox->message_size_limit > imap->frame.skip_limit / 2)
		imap->frame.skip_limit = mailbox->message_size_limit * 2;
	number_set_init(&imap->saved);
	arena_init(&imap->arena, IMAP_COMMAND_MEMORY);
	buffer_init(&imap->line, 0);
	imap->watch = (struct store_watch){
		.changed = note_change, .account_id = account
	};
	imap->session = (struct session){
		.type = &session_type, .fd = stream->fd, .second_fd = -1,
		.deadline = INT64_MAX, .group = account, .can_move = true
	};
	int none = -1;
	stream_init(stream, &none);
	return imap;
}

bool
imap_session_resume(struct moved *moved)
{
	uint64_t account;
	memcpy(&account, moved->parts.data + offsetof(struct imap_moved,
		parked.account), sizeof(account));
	if (!mailbox_login_again("mailbox-imap", account))
		return false;
	struct imap_session *imap = make(moved->mailbox, account,
		&moved->stream);
	struct session *session = &imap->session;
	copy_text(imap->scope.session, sizeof(imap->scope.session),
		moved->session);
	if (!imap_moved_take(imap, moved->parts)) {
		end(&session);
		return false;
	}
	imap->is_resumed = true;
	lot_add(moved->mailbox->lot, session);
	return true;
}

void
imap_session_begin(struct mailbox_login *login)
{
	struct stream stream;
	stream_init(&stream, &login->fd);
	stream_set_spill(&stream, login->mailbox->spill);
	buffer_add(&stream.in, login->unread);
	struct imap_session *imap = make(login->mailbox, login->account,
		&stream);
	imap->parked = (struct imap_parked){
		.version = IMAP_PARKED_VERSION, .account = login->account,
		.actor = login->actor, .quota = login->quota,
		.client = login->facts.client, .is_tls = login->facts.is_tls,
	};
	copy_text(imap->parked.user, sizeof(imap->parked.user), login->user);
	copy_text(imap->parked.tag, sizeof(imap->parked.tag), login->tag);
	copy_text(imap->scope.session, sizeof(imap->scope.session),
		login->session);
	lot_add(login->mailbox->lot, &imap->session);
}

static void
end(struct session **session)
{
	struct imap_session *imap = (struct imap_session *)*session;
	if (imap->is_watching)
		store_watch_remove(imap->mailbox->store, &imap->watch);
	if (!imap->is_moved)
		log_event(LOG_INFO, "logout", &imap->scope,
			LOG_TEXT("user", imap->parked.user),
			LOG_TEXT("service", "imap"),
			LOG_NUMBER("commands", imap->parked.commands));
	imap_append_free(&imap->append);
	stream_fini(&imap->stream);
	imap_frame_fini(&imap->frame);
	number_set_fini(&imap->saved);
	mailbox_logout("mailbox-imap", imap->parked.account);
	memory_free(imap);
	*session = NULL;
}

/* Gives back what only a running command needs. */
static void
lie_down(struct imap_session *imap)
{
	assert(imap->command == NULL);
	store_view_close(&imap->view);
	store_account_close(&imap->account);
	arena_fini(&imap->arena);
	buffer_fini(&imap->line);
	stream_shrink(&imap->stream);
	if (imap_frame_is_empty(&imap->frame))
		buffer_fini(&imap->frame.command);
	imap_append_park(imap->append);
}

/* The login's answer; the account is made with its first login. */
static void
greet(struct imap_session *imap)
{
	struct span tag = span_from(imap->parked.tag);
	if (imap_account(imap, NULL) == NULL) {
		imap_answer(imap, tag, IMAP_NO, SPAN("UNAVAILABLE"),
			"Your mailbox cannot be opened now, try again later");
		imap->is_closing = true;
		return;
	}
	buffer_add_string(&imap->line, "CAPABILITY");
	imap_capability_list(imap, &imap->line);
	struct span code = arena_copy(&imap->arena, buffer_span(&imap->line));
	buffer_clear(&imap->line);
	imap_answer(imap, tag, IMAP_OK, code, "Logged in");
	log_event(LOG_INFO, "login", &imap->scope,
		LOG_TEXT("user", imap->parked.user),
		LOG_TEXT("service", "imap"));
}

static void
take_command(struct imap_session *imap, bool is_refused)
{
	struct span text = buffer_span(&imap->frame.command);
	if (imap->append != NULL)
		imap_append_finish(imap, is_refused);
	else if (imap->parked.is_idling)
		imap_idle_end(imap, text);
	else if (is_refused)
		imap_command_refuse(imap);
	else
		imap_command_run(imap, text);
	imap_frame_reset(&imap->frame);
	arena_fini(&imap->arena);
}

/* As it was in the process before: changes since then are told as ever. */
static void
resume(struct imap_session *imap)
{
	imap->is_resumed = false;
	if (imap->parked.mailbox != 0) {
		atomic_store(&imap->has_changed, true);
		imap_watch(imap);
	}
	if (!imap->parked.is_idling)
		return;
	atomic_store(&imap->is_nudged, true);
	imap_update(imap, true, NULL);
}

/* One step of the framer over what has come. */
static void
step(struct imap_session *imap)
{
	size_t consumed;
	enum imap_frame_verdict verdict = imap_frame_next(&imap->frame,
		stream_unread(&imap->stream), &consumed);
	switch (verdict) {
	case IMAP_FRAME_COMMAND:
	case IMAP_FRAME_REFUSED:
		take_command(imap, verdict == IMAP_FRAME_REFUSED);
		break;
	case IMAP_FRAME_LITERAL:
		imap_command_literal(imap);
		break;
	case IMAP_FRAME_BYTES:
		imap_append_bytes(imap, imap->frame.bytes);
		break;
	case IMAP_FRAME_ABSURD:
		imap_bye(imap, "Too much to throw away");
		break;
	case IMAP_FRAME_MORE:
		break;
	}
	stream_consume(&imap->stream, consumed);
}

static enum session_next
park(struct imap_session *imap)
{
	int64_t wait = imap_frame_is_empty(&imap->frame) ?
		IMAP_QUIET_TIMEOUT : IMAP_COMMAND_TIMEOUT;
	imap->session.deadline = clock_monotonic() + wait;
	return SESSION_PARK;
}

static enum session_next
park_for_writing(struct imap_session *imap)
{
	imap->session.deadline = clock_monotonic() + IMAP_WRITE_TIMEOUT;
	return SESSION_PARK_WRITE;
}

/* Writes what was collected; PARK means that all is gone. */
static enum session_next
flush(struct imap_session *imap)
{
	imap->stream.deadline = clock_monotonic() + IMAP_WRITE_TIMEOUT;
	switch (stream_flush(&imap->stream)) {
	case STREAM_CLEAN:
		return imap->is_closing ? SESSION_CLOSE : SESSION_PARK;
	case STREAM_PENDING:
		return park_for_writing(imap);
	case STREAM_BROKEN:
		break;
	}
	return SESSION_CLOSE;
}

/* Everything that can be done now, command after command. */
static enum session_next
serve(struct imap_session *imap)
{
	unsigned commands = imap->parked.commands;
	int n = STREAM_READ_SIZE;
	for (;;) {
		imap->stream.deadline = clock_monotonic() + IMAP_WRITE_TIMEOUT;
		if (imap->is_closing)
			return flush(imap);
		if (imap->parked.commands - commands >= IMAP_BURST) {
			/* Others wait too: go on after them. */
			enum session_next next = flush(imap);
			if (next != SESSION_PARK)
				return next;
			session_nudge(&imap->session);
			return park(imap);
		}
		if (stream_unread(&imap->stream).size > 0) {
			step(imap);
			continue;
		}
		/* A short read has emptied the socket; the lot sees what comes
		 * after it. */
		n = n < STREAM_READ_SIZE ? -1 : stream_fill(&imap->stream);
		if (n > 0)
			continue;
		if (n == 0 || n == -2)
			return SESSION_CLOSE;
		enum session_next next = flush(imap);
		return next == SESSION_PARK ? park(imap) : next;
	}
}

static enum session_next
expire(struct imap_session *imap)
{
	if (imap->stream.out.size > 0 ||
	    imap->stream.spill_end > imap->stream.spill_start)
		return SESSION_CLOSE;	/* it does not even take its responses */
	imap_bye(imap, "Autologout; idle for too long");
	return flush(imap);
}

static enum session_next
handle(struct imap_session *imap, enum session_event event)
{
	enum session_next next;
	switch (event) {
	case SESSION_START:
		if (!imap->is_resumed) {
			greet(imap);
			return serve(imap);
		}
		resume(imap);
		next = flush(imap);
		return next == SESSION_PARK ? serve(imap) : next;
	case SESSION_WRITABLE:
		next = flush(imap);
		return next == SESSION_PARK ? serve(imap) : next;
	case SESSION_NUDGE:
		if (imap->parked.is_idling)
			imap_update(imap, true, NULL);
		return serve(imap);
	case SESSION_READABLE:
		return serve(imap);
	case SESSION_DEADLINE:
		return expire(imap);
	case SESSION_STOP:
		imap_bye(imap, "The server is going down, come back soon");
		flush(imap);
		return SESSION_CLOSE;
	}
	return SESSION_CLOSE;
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct imap_session *imap = (struct imap_session *)session;
	enum session_next next = handle(imap, event);
	lie_down(imap);
	if ((next == SESSION_PARK || next == SESSION_PARK_WRITE) &&
	    move_is_wanted() && imap_moved_send(imap))
		return SESSION_CLOSE;
	return next;
}
