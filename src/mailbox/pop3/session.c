/*
 * The life of a POP3 session: the login is answered, commands are executed as
 * they come, and when the client is quiet the session parks. An answer of any
 * size is made piece by piece as the client takes it; until the last piece is
 * out no further command is executed.
 */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "mailbox/move.h"
#include "mailbox/pop3/pop3.h"
#include "proto/line.h"
#include "serve/counter.h"

static enum session_next
run(struct session *session, enum session_event event);
static void
end(struct session **session);

static const struct session_type session_type = {
	.name = "pop3", .run = run, .free = end
};

static void
copy_text(char *out, size_t room, const char *text)
{
	size_t size = strnlen(text, room - 1);
	memcpy(out, text, size);
	out[size] = '\0';
}

/* What a session of this process has, whoever began it; takes the stream. */
static struct pop3_session *
make(const struct mailbox *mailbox, uint64_t account, struct stream *stream)
{
	struct pop3_session *pop3 = memory_new(sizeof(*pop3));
	pop3->mailbox = mailbox;
	number_set_init(&pop3->removed);
	number_set_init(&pop3->retrieved);
	pop3->body.fd = -1;
	pop3->stream = *stream;
	pop3->session = (struct session){ .type = &session_type,
		.fd = stream->fd, .second_fd = -1, .deadline = INT64_MAX,
		.group = account, .can_move = true };
	int none = -1;
	stream_init(stream, &none);
	return pop3;
}

bool
pop3_session_resume(struct moved *moved)
{
	uint64_t account;
	memcpy(&account, moved->parts.data + offsetof(struct pop3_moved,
		parked.account), sizeof(account));
	if (!mailbox_login_again("mailbox-pop3", account))
		return false;
	struct pop3_session *pop3 = make(moved->mailbox, account,
		&moved->stream);
	struct session *session = &pop3->session;
	copy_text(pop3->scope.session, sizeof(pop3->scope.session),
		moved->session);
	if (!pop3_moved_take(pop3, moved->parts)) {
		end(&session);
		return false;
	}
	pop3->is_resumed = true;
	lot_add(moved->mailbox->lot, session);
	return true;
}

void
pop3_session_begin(struct mailbox_login *login)
{
	struct stream stream;
	stream_init(&stream, &login->fd);
	stream_set_spill(&stream, login->mailbox->spill);
	buffer_add(&stream.in, login->unread);
	struct pop3_session *pop3 = make(login->mailbox, login->account,
		&stream);
	pop3->parked = (struct pop3_parked){ .version = POP3_PARKED_VERSION,
		.account = login->account, .actor = login->actor,
		.quota = login->quota };
	copy_text(pop3->parked.user, sizeof(pop3->parked.user), login->user);
	copy_text(pop3->scope.session, sizeof(pop3->scope.session),
		login->session);
	lot_add(login->mailbox->lot, &pop3->session);
}

static void
end(struct session **session)
{
	struct pop3_session *pop3 = (struct pop3_session *)*session;
	if (!pop3->is_moved)
		log_event(LOG_INFO, "logout", &pop3->scope,
			LOG_TEXT("user", pop3->parked.user),
			LOG_TEXT("service", "pop3"),
			LOG_NUMBER("commands", pop3->parked.commands),
			LOG_NUMBER("messages", pop3->parked.sent));
	if (pop3->body.pinned != NULL)
		store_body_close(&pop3->body);
	number_set_fini(&pop3->removed);
	number_set_fini(&pop3->retrieved);
	stream_fini(&pop3->stream);
	mailbox_logout("mailbox-pop3", pop3->parked.account);
	memory_free(pop3);
	*session = NULL;
}

/* ---- what commands work on ---- */

static bool
open_account(struct pop3_session *pop3, struct error *error)
{
	if (pop3->account != NULL)
		return true;
	if (store_account_open(pop3->mailbox->store, pop3->parked.account,
		pop3->parked.actor, STORE_CREATE | STORE_FOLDERS,
		&pop3->account, error) != 0)
		return false;
	store_quota_set_limit(pop3->account, pop3->parked.quota);
	return true;
}

bool
pop3_open(struct pop3_session *pop3, struct error *error)
{
	*error = (struct error){ .text = "INBOX is gone" };
	return pop3->view != NULL || (open_account(pop3, error) &&
		store_view_open_seen(pop3->account, pop3->parked.mailbox,
		&pop3->parked.seen, &pop3->view, error) == STORE_OK);
}

/* INBOX as it is now, for the whole session. */
static bool
look_at_inbox(struct pop3_session *pop3, struct error *error)
{
	struct store_view_facts facts;
	struct store_mailbox inbox;
	struct arena arena;
	arena_init(&arena, 0);
	bool ok = open_account(pop3, error) && store_mailbox_find(
		pop3->account, SPAN("INBOX"), &arena, &inbox, error) ==
		STORE_OK && store_view_open(pop3->account, inbox.id,
		&pop3->view, error) == STORE_OK;
	arena_fini(&arena);
	if (!ok)
		return false;
	store_view_facts(pop3->view, &facts);
	pop3->parked.mailbox = facts.mailbox;
	pop3->parked.uid_validity = facts.uid_validity;
	pop3->parked.exists = facts.exists;
	pop3->parked.seen = (struct store_seen){ facts.modseq, facts.modseq,
		facts.modseq };
	return true;
}

/* The login's answer; the account is made with its first login. */
static void
greet(struct pop3_session *pop3)
{
	struct error error = { .text = "" };
	if (!look_at_inbox(pop3, &error)) {
		pop3_trouble(pop3, "opening the mailbox", &error);
		pop3->is_closing = true;
		return;
	}
	pop3_ok(pop3, "Logged in, %u messages", pop3->parked.exists);
	log_event(LOG_INFO, "login", &pop3->scope,
		LOG_TEXT("user", pop3->parked.user),
		LOG_TEXT("service", "pop3"));
}

/* Gives back what only a running command needs. */
static void
lie_down(struct pop3_session *pop3)
{
	store_view_close(&pop3->view);
	store_account_close(&pop3->account);
	stream_shrink(&pop3->stream);
}

/* ---- parking ---- */

static enum session_next
park(struct pop3_session *pop3)
{
	int64_t idle = pop3->mailbox->pop3_idle_timeout;
	pop3->session.deadline = clock_monotonic() +
		(idle > 0 ? idle : POP3_IDLE);
	return SESSION_PARK;
}

/* Writes what was collected; PARK means that all is gone. */
static enum session_next
flush(struct pop3_session *pop3)
{
	int64_t until = clock_monotonic() + POP3_WRITE_WAIT;
	pop3->stream.deadline = until;
	switch (stream_flush(&pop3->stream)) {
	case STREAM_CLEAN:
		return pop3->is_closing ? SESSION_CLOSE : SESSION_PARK;
	case STREAM_PENDING:
		pop3->session.deadline = until;
		return SESSION_PARK_WRITE;
	case STREAM_BROKEN:
		break;
	}
	return SESSION_CLOSE;
}

/* ---- the loop ---- */

/* Executes the next line, if one is whole. */
static bool
take_line(struct pop3_session *pop3)
{
	struct span line;
	size_t consumed;
	enum line_verdict verdict = line_next(stream_unread(&pop3->stream),
		POP3_LINE_LIMIT, &line, &consumed);
	if (verdict == LINE_MORE)
		return false;
	if (verdict == LINE_TOO_LONG) {
		pop3->is_skipping = true;
	} else if (pop3->is_skipping) {
		pop3->is_skipping = false;
		pop3_error(pop3, "The line is too long");
	} else {
		pop3_execute(pop3, line);
	}
	stream_consume(&pop3->stream, consumed);
	return true;
}

/* Others wait too: go on after them. */
static enum session_next
let_others(struct pop3_session *pop3)
{
	enum session_next next = flush(pop3);
	if (next != SESSION_PARK)
		return next;
	session_nudge(&pop3->session);
	return park(pop3);
}

/* Everything that can be done now. */
static enum session_next
serve(struct pop3_session *pop3)
{
	enum session_next next;
	for (unsigned turn = 0; !pop3->is_closing; turn++) {
		if (turn == POP3_BURST)
			return let_others(pop3);
		if (pop3->parked.answer != POP3_ANSWERED) {
			pop3_go_on(pop3);
			if (pop3->stream.out.size < STREAM_OUT_LIMIT / 2)
				continue;
			next = flush(pop3);
			if (next != SESSION_PARK)
				return next;
			continue;
		}
		if (take_line(pop3))
			continue;
		int n = stream_fill(&pop3->stream);
		if (n == 0 || n == -2)
			return SESSION_CLOSE;
		if (n > 0)
			continue;
		next = flush(pop3);
		return next == SESSION_PARK ? park(pop3) : next;
	}
	return flush(pop3);
}

static enum session_next
handle(struct pop3_session *pop3, enum session_event event)
{
	enum session_next next;
	switch (event) {
	case SESSION_START:
		if (!pop3->is_resumed) {
			greet(pop3);
			return serve(pop3);
		}
		next = flush(pop3);
		return next == SESSION_PARK ? serve(pop3) : next;
	case SESSION_WRITABLE:
		next = flush(pop3);
		return next == SESSION_PARK ? serve(pop3) : next;
	case SESSION_NUDGE:
	case SESSION_READABLE:
		return serve(pop3);
	case SESSION_DEADLINE:
		/* RFC 1939 3: nothing is removed, and nothing said. */
		return SESSION_CLOSE;
	case SESSION_STOP:
		if (pop3->parked.answer == POP3_ANSWERED) {
			pop3_error(pop3, "[SYS/TEMP] The server is going down, "
				"come back soon");
			flush(pop3);
		}
		return SESSION_CLOSE;
	}
	return SESSION_CLOSE;
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct pop3_session *pop3 = (struct pop3_session *)session;
	enum session_next next = handle(pop3, event);
	lie_down(pop3);
	if ((next == SESSION_PARK || next == SESSION_PARK_WRITE) &&
	    move_is_wanted() && pop3_moved_send(pop3))
		return SESSION_CLOSE;
	return next;
}
