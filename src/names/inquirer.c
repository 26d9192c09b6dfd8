/*
 * Sessions of clients on streams. Answers come from the resolver's thread: they
 * are put down at the asker, which outlives its session, and the session is
 * nudged. A client that asks faster than it is answered is not read on.
 */
#include "names/inquirer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "serve/counter.h"
#include "serve/stream.h"

/* Shared by a session and its questions under way. */
struct asker {
	pthread_mutex_t lock;		/* of all below */
	unsigned references;
	unsigned under_way;
	struct session *session;	/* NULL: gone */
	struct buffer answers;		/* framed */
};

struct inquirer {
	struct session session;		/* first */
	struct stream stream;		/* what comes in */
	struct buffer out;		/* framed answers; */
	size_t sent;			/* so much of it has gone */
	struct asker *asker;
	bool is_stranger;
	bool has_ended;			/* it sends nothing more */
	bool is_wrong;			/* what it sent is no DNS */
};

/* The context of one question. */
struct pending {
	struct asker *asker;
	struct message_question question;
};

static struct resolver *resolver;
static atomic_uint strangers;

void
inquirer_init(struct resolver *given)
{
	resolver = given;
}

/* ---- answers ---- */

static void
asker_leave(struct asker *asker)
{
	pthread_mutex_lock(&asker->lock);
	bool is_last = --asker->references == 0;
	pthread_mutex_unlock(&asker->lock);
	if (!is_last)
		return;
	buffer_fini(&asker->answers);
	pthread_mutex_destroy(&asker->lock);
	memory_free(asker);
}

/* With the length in front (RFC 1035 4.2.2). */
static void
add_answer(struct buffer *out, const struct message_question *question,
	const struct message_answer *answer)
{
	size_t mark = out->size;
	buffer_add(out, SPAN("\0\0"));
	message_write(out, DNS_MESSAGE_LIMIT, question, answer);
	size_t size = out->size - mark - 2;
	out->data[mark] = (char)(size >> 8);
	out->data[mark + 1] = (char)size;
}

static void
take_answer(void *context, const struct message_answer *answer)
{
	struct pending *pending = context;
	struct asker *asker = pending->asker;
	pthread_mutex_lock(&asker->lock);
	asker->under_way--;
	if (asker->session != NULL) {
		add_answer(&asker->answers, &pending->question, answer);
		session_nudge(asker->session);
	}
	pthread_mutex_unlock(&asker->lock);
	asker_leave(asker);
	memory_free(pending);
}

/* Moves what has come to .out; how many are still under way. */
static unsigned
collect(struct inquirer *inquirer)
{
	struct asker *asker = inquirer->asker;
	pthread_mutex_lock(&asker->lock);
	buffer_add(&inquirer->out, buffer_span(&asker->answers));
	buffer_clear(&asker->answers);
	unsigned under_way = asker->under_way;
	pthread_mutex_unlock(&asker->lock);
	return under_way;
}

/* ---- questions ---- */

static bool
ask(struct inquirer *inquirer, struct span bytes)
{
	static const struct message_answer busy = {
		.rcode = DNS_SERVER_FAILURE,
		.reason = { "too many questions are under way", 32 } };
	struct asker *asker = inquirer->asker;
	struct pending *pending = memory_new(sizeof(*pending));
	pending->asker = asker;
	bool is_question = message_read(bytes, &pending->question);
	if (!is_question || pending->question.refusal != 0) {
		if (is_question)
			add_answer(&inquirer->out, &pending->question,
				NULL);
		memory_free(pending);
		return is_question;
	}
	pthread_mutex_lock(&asker->lock);
	asker->under_way++;
	asker->references++;
	pthread_mutex_unlock(&asker->lock);
	if (!resolver_ask(resolver, &pending->question.asked,
		inquirer->is_stranger, take_answer, pending))
		take_answer(pending, &busy);
	return true;
}

static unsigned
limit_of(const struct inquirer *inquirer)
{
	return inquirer->is_stranger ? INQUIRER_QUESTIONS : INQUIRER_WIRE_QUESTIONS;
}

enum framed { WHOLE, PART, TOO_LONG };

/* The next question, when all of it is there. */
static enum framed
next_question(const struct inquirer *inquirer, struct span *bytes)
{
	struct span unread = stream_unread(&inquirer->stream);
	if (unread.size < 2)
		return PART;
	size_t size = (size_t)(uint8_t)unread.data[0] << 8 |
		(uint8_t)unread.data[1];
	if (size > INQUIRER_MESSAGE_LIMIT)
		return TOO_LONG;
	*bytes = span_first(span_skip(unread, 2), size);
	return bytes->size < size ? PART : WHOLE;
}

/* The whole questions that are there, as long as there is room. */
static void
ask_all(struct inquirer *inquirer, unsigned under_way)
{
	struct span bytes;
	enum framed framed = PART;
	while (under_way++ < limit_of(inquirer) && !inquirer->is_wrong &&
	    (framed = next_question(inquirer, &bytes)) == WHOLE) {
		inquirer->is_wrong = !ask(inquirer, bytes);
		stream_consume(&inquirer->stream, bytes.size + 2);
	}
	if (framed == TOO_LONG)
		inquirer->is_wrong = true;
}

enum written { ALL, SOME, BROKEN };

/* What the other end takes now. */
static enum written
write_out(struct inquirer *inquirer)
{
	struct buffer *out = &inquirer->out;
	while (inquirer->sent < out->size) {
		ssize_t n = send(inquirer->session.fd,
			out->data + inquirer->sent,
			out->size - inquirer->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? SOME : BROKEN;
		inquirer->sent += (size_t)n;
	}
	buffer_clear(out);
	inquirer->sent = 0;
	return ALL;
}

/* Nothing is read meanwhile; `interest` 0: answers alone are awaited. */
static enum session_next
park_unread(struct inquirer *inquirer, unsigned interest, int64_t wait)
{
	inquirer->session.interest = interest;
	inquirer->session.deadline = clock_monotonic() + wait;
	return SESSION_PARK_AS_SET;
}

/* With questions under way it is nudged soon. */
static enum session_next
park(struct inquirer *inquirer, unsigned under_way)
{
	stream_shrink(&inquirer->stream);
	buffer_fini(&inquirer->out);
	inquirer->session.deadline = inquirer->is_stranger ?
		clock_monotonic() + INQUIRER_IDLE : INT64_MAX;
	inquirer->session.interest = EPOLLIN;
	return under_way > 0 ? SESSION_PARK_AS_SET : SESSION_PARK;
}

static enum session_next
serve(struct inquirer *inquirer)
{
	struct span bytes;
	for (;;) {
		ask_all(inquirer, collect(inquirer));
		unsigned under_way = collect(inquirer);
		switch (write_out(inquirer)) {
		case SOME:
			return park_unread(inquirer, EPOLLOUT,
				INQUIRER_WRITE_WAIT);
		case BROKEN:
			return SESSION_CLOSE;
		case ALL:
			break;
		}
		if (inquirer->is_wrong)
			return SESSION_CLOSE;
		if (under_way < limit_of(inquirer) &&
		    next_question(inquirer, &bytes) != PART)
			continue;
		if (inquirer->has_ended && under_way == 0)
			return SESSION_CLOSE;
		if (inquirer->has_ended || under_way >= limit_of(inquirer))
			return park_unread(inquirer, 0, RESOLVER_PATIENCE * 2);
		int n = stream_fill(&inquirer->stream);
		if (n == -1)
			return park(inquirer, under_way);
		if (n == -2)
			return SESSION_CLOSE;
		inquirer->has_ended = n == 0;
	}
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct inquirer *inquirer = (struct inquirer *)session;
	switch (event) {
	case SESSION_STOP:
	case SESSION_DEADLINE:
		return SESSION_CLOSE;
	case SESSION_START:
	case SESSION_READABLE:
	case SESSION_WRITABLE:
	case SESSION_NUDGE:
		break;
	}
	/* nobody reads answers at the other end any more */
	if (session->events != UINT32_MAX &&
	    (session->events & (EPOLLHUP | EPOLLERR)) != 0)
		return SESSION_CLOSE;
	return serve(inquirer);
}

static void
free_session(struct session **session)
{
	struct inquirer *inquirer = (struct inquirer *)*session;
	pthread_mutex_lock(&inquirer->asker->lock);
	inquirer->asker->session = NULL;
	pthread_mutex_unlock(&inquirer->asker->lock);
	asker_leave(inquirer->asker);
	stream_fini(&inquirer->stream);
	buffer_fini(&inquirer->out);
	if (inquirer->is_stranger)
		atomic_fetch_sub(&strangers, 1);
	memory_free(inquirer);
	*session = NULL;
}

static const struct session_type type = { "names-inquirer", run, free_session };

void
inquirer_accept(struct lot *lot, struct incoming *incoming)
{
	bool is_stranger = incoming->caller == NULL;
	if (is_stranger &&
	    atomic_fetch_add(&strangers, 1) >= INQUIRER_CONNECTIONS) {
		atomic_fetch_sub(&strangers, 1);
		counter_add(COUNTER_SESSIONS_REFUSED, 1);
		return;
	}
	struct inquirer *inquirer = memory_new(sizeof(*inquirer));
	stream_init(&inquirer->stream, &incoming->fd);
	inquirer->stream.is_wire = !is_stranger;
	buffer_init(&inquirer->out, 0);
	inquirer->is_stranger = is_stranger;
	inquirer->session = (struct session){ .type = &type,
		.fd = inquirer->stream.fd, .second_fd = -1,
		.deadline = is_stranger ? clock_monotonic() + INQUIRER_IDLE :
		INT64_MAX };
	inquirer->asker = memory_new(sizeof(*inquirer->asker));
	pthread_mutex_init(&inquirer->asker->lock, NULL);
	inquirer->asker->references = 1;
	inquirer->asker->session = &inquirer->session;
	buffer_init(&inquirer->asker->answers, 0);
	lot_add(lot, &inquirer->session);
}
