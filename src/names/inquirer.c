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
#include "names/transfer.h"
#include "serve/counter.h"
#include "serve/limit.h"
#include "serve/stream.h"

/* Shared by a session and its questions under way. */
struct asker {
	pthread_mutex_t lock;		/* of all below */
	unsigned references;
	unsigned under_way;
	struct session *session;	/* NULL: gone */
	struct buffer answers;		/* framed */
};

/* Who is at the other end. */
enum inquirer_kind { INQUIRER_WIRE, INQUIRER_LOCAL, INQUIRER_OF_WORLD };

struct inquirer {
	struct session session;		/* first */
	struct stream stream;		/* what comes in */
	struct buffer out;		/* framed answers; */
	size_t sent;			/* so much of it has gone */
	struct asker *asker;
	struct front_client client;
	struct transfer transfer;	/* until it is over nothing else is read */
	enum inquirer_kind kind;
	bool has_ended;			/* it sends nothing more */
	bool is_wrong;			/* what it sent is no DNS */
};

/* The context of one question. */
struct pending {
	struct asker *asker;
	struct front_question question;
};

static atomic_uint strangers, worlds;
static struct limit_table *networks;

void
inquirer_init(void)
{
	networks = limit_table_new(1000);
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

/* Room for the length in front (RFC 1035 4.2.2); what comes then is written by
 * frame. */
static size_t
begin_frame(struct buffer *out)
{
	buffer_add(out, SPAN("\0\0"));
	return out->size;
}

static void
frame(struct buffer *out, size_t mark)
{
	size_t size = out->size - mark;
	out->data[mark - 2] = (char)(size >> 8);
	out->data[mark - 1] = (char)size;
}

static void
take_answer(void *context, const struct message_answer *answer)
{
	struct pending *pending = context;
	struct asker *asker = pending->asker;
	pthread_mutex_lock(&asker->lock);
	asker->under_way--;
	if (asker->session != NULL) {
		size_t mark = begin_frame(&asker->answers);
		front_answer(&pending->question, answer, &asker->answers);
		frame(&asker->answers, mark);
		session_nudge(asker->session);
	}
	front_free(&pending->question);
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

static void
ask_resolver(struct inquirer *inquirer, struct pending *pending)
{
	static const struct message_answer busy = {
		.rcode = DNS_SERVER_FAILURE,
		.reason = { "too many questions are under way", 32 } };
	struct asker *asker = inquirer->asker;
	pending->asker = asker;
	pthread_mutex_lock(&asker->lock);
	asker->under_way++;
	asker->references++;
	pthread_mutex_unlock(&asker->lock);
	if (!front_ask(&pending->question, inquirer->kind != INQUIRER_WIRE,
		take_answer, pending))
		take_answer(pending, &busy);
}

static bool
ask(struct inquirer *inquirer, struct zones *zones, struct span bytes)
{
	struct pending *pending = memory_new(sizeof(*pending));
	size_t mark = begin_frame(&inquirer->out);
	switch (front_take(bytes, &inquirer->client, zones,
		&pending->question, &inquirer->out)) {
	case FRONT_ASK:
		inquirer->out.size = mark - 2;
		ask_resolver(inquirer, pending);
		return true;
	case FRONT_ANSWERED:
		frame(&inquirer->out, mark);
		memory_free(pending);
		return true;
	case FRONT_TRANSFER:
		inquirer->out.size = mark - 2;
		transfer_begin(&inquirer->transfer, zones,
			pending->question.zone, &pending->question.question);
		transfer_set_signature(&inquirer->transfer,
			&pending->question.tsig);
		if (pending->question.has_serial)
			transfer_set_since(&inquirer->transfer,
				pending->question.serial);
		memory_free(pending);
		return true;
	case FRONT_NOTHING:
		break;
	}
	inquirer->out.size = mark - 2;
	memory_free(pending);
	return false;
}

static unsigned
limit_of(const struct inquirer *inquirer)
{
	return inquirer->kind == INQUIRER_WIRE ? INQUIRER_WIRE_QUESTIONS :
		INQUIRER_QUESTIONS;
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

static void
go_on_with_transfer(struct inquirer *inquirer)
{
	while (inquirer->transfer.zones != NULL &&
	    inquirer->out.size < INQUIRER_ANSWERS) {
		size_t mark = begin_frame(&inquirer->out);
		if (!transfer_next(&inquirer->transfer, &inquirer->out))
			transfer_end(&inquirer->transfer);
		frame(&inquirer->out, mark);
	}
}

/* The whole questions that are there, as long as there is room. */
static void
ask_all(struct inquirer *inquirer, unsigned under_way)
{
	struct span bytes;
	enum framed framed = PART;
	struct zones *zones = zones_current();
	while (under_way++ < limit_of(inquirer) && !inquirer->is_wrong &&
	    inquirer->out.size < INQUIRER_ANSWERS &&
	    inquirer->transfer.zones == NULL &&
	    (framed = next_question(inquirer, &bytes)) == WHOLE) {
		inquirer->is_wrong = !ask(inquirer, zones, bytes);
		stream_consume(&inquirer->stream, bytes.size + 2);
	}
	zones_free(&zones);
	go_on_with_transfer(inquirer);
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

static int64_t
idle_deadline(enum inquirer_kind kind)
{
	return kind == INQUIRER_WIRE ? INT64_MAX : clock_monotonic() +
		(kind == INQUIRER_LOCAL ? INQUIRER_IDLE : INQUIRER_WORLD_IDLE);
}

/* With questions under way it is nudged soon. */
static enum session_next
park(struct inquirer *inquirer, unsigned under_way)
{
	stream_shrink(&inquirer->stream);
	buffer_fini(&inquirer->out);
	inquirer->session.deadline = idle_deadline(inquirer->kind);
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
		if (inquirer->transfer.zones != NULL)
			continue;
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
	transfer_end(&inquirer->transfer);
	stream_fini(&inquirer->stream);
	buffer_fini(&inquirer->out);
	if (inquirer->kind == INQUIRER_LOCAL)
		atomic_fetch_sub(&strangers, 1);
	if (inquirer->kind == INQUIRER_OF_WORLD) {
		atomic_fetch_sub(&worlds, 1);
		limit_connection_leave(networks, &inquirer->client.address);
	}
	memory_free(inquirer);
	*session = NULL;
}

static const struct session_type type = { "names-inquirer", run, free_session };

static struct inquirer *
make(struct incoming *incoming, enum inquirer_kind kind)
{
	struct inquirer *inquirer = memory_new(sizeof(*inquirer));
	stream_init(&inquirer->stream, &incoming->fd);
	inquirer->stream.is_wire = kind == INQUIRER_WIRE;
	buffer_init(&inquirer->out, 0);
	inquirer->kind = kind;
	inquirer->client = (struct front_client){ .address = incoming->client,
		.is_stream = true, .is_ours = kind != INQUIRER_OF_WORLD };
	inquirer->session = (struct session){ .type = &type,
		.fd = inquirer->stream.fd, .second_fd = -1,
		.deadline = idle_deadline(kind) };
	inquirer->asker = memory_new(sizeof(*inquirer->asker));
	pthread_mutex_init(&inquirer->asker->lock, NULL);
	inquirer->asker->references = 1;
	inquirer->asker->session = &inquirer->session;
	buffer_init(&inquirer->asker->answers, 0);
	return inquirer;
}

static void
begin(struct lot *lot, struct incoming *incoming, enum inquirer_kind kind)
{
	lot_add(lot, &make(incoming, kind)->session);
}

/* False when there are too many already. */
static bool
enter(atomic_uint *count, unsigned most)
{
	if (atomic_fetch_add(count, 1) < most)
		return true;
	atomic_fetch_sub(count, 1);
	counter_add(COUNTER_SESSIONS_REFUSED, 1);
	return false;
}

void
inquirer_accept(struct lot *lot, struct incoming *incoming)
{
	if (incoming->caller != NULL)
		begin(lot, incoming, INQUIRER_WIRE);
	else if (enter(&strangers, INQUIRER_CONNECTIONS))
		begin(lot, incoming, INQUIRER_LOCAL);
}

void
inquirer_accept_past_zones(struct lot *lot, struct incoming *incoming)
{
	if (!enter(&strangers, INQUIRER_CONNECTIONS))
		return;
	struct inquirer *inquirer = make(incoming, INQUIRER_LOCAL);
	inquirer->client.is_past_zones = true;
	lot_add(lot, &inquirer->session);
}

void
inquirer_accept_world(struct lot *lot, struct incoming *incoming)
{
	if (!enter(&worlds, INQUIRER_WORLD))
		return;
	if (limit_connection_enter(networks, &incoming->client,
		INQUIRER_NETWORK)) {
		begin(lot, incoming, INQUIRER_OF_WORLD);
		return;
	}
	atomic_fetch_sub(&worlds, 1);
	counter_add(COUNTER_SESSIONS_REFUSED, 1);
}
