/*
 * Answers of many lines: lists of a mailbox of any size, and messages, made
 * piece by piece.
 */
#include <inttypes.h>

#include "mailbox/pop3/pop3.h"

void
pop3_begin_list(struct pop3_session *pop3, enum pop3_answer answer)
{
	pop3->parked.answer = answer;
	pop3->parked.next = 1;
}

void
pop3_begin_message(struct pop3_session *pop3, uint32_t number,
	const struct store_message *message, uint64_t top)
{
	struct error error = { .text = "" };
	switch (store_body_open(pop3->account, message, &pop3->body, &error)) {
	case STORE_OK:
		break;
	case STORE_NO_MESSAGE:
		pop3_error(pop3, "This message was removed meanwhile");
		return;
	default:
		pop3_trouble(pop3, "opening a message", &error);
		return;
	}
	pop3->message = (struct pop3_message){ .is_top = top != UINT64_MAX,
		.lines = top };
	pop3->body_at = 0;
	pop3->sending = number;
	pop3->parked.answer = POP3_SENDING;
	if (pop3->message.is_top)
		pop3_ok(pop3, "The top of it follows");
	else
		pop3_ok(pop3, "%" PRIu64 " octets", pop3->body.size);
}

/* A client that was promised more than can be had is left without an end. */
static void
break_off(struct pop3_session *pop3, const char *doing,
	const struct error *error)
{
	log_event(LOG_ERROR, "mailbox-trouble", &pop3->scope,
		LOG_TEXT("user", pop3->parked.user),
		LOG_TEXT("doing", doing), LOG_TEXT("reason", error->text));
	pop3->parked.answer = POP3_ANSWERED;
	pop3->is_closing = true;
}

/* ---- lists ---- */

static void
add_row(struct pop3_session *pop3, uint32_t number,
	const struct store_message *message)
{
	char uid[POP3_UID_SIZE];
	if (pop3->parked.answer == POP3_LISTING) {
		stream_print(&pop3->stream, "%" PRIu32 " %" PRIu64 "\r\n",
			number, message->size);
		return;
	}
	pop3_format_uid(pop3, message->uid, uid);
	stream_print(&pop3->stream, "%" PRIu32 " %s\r\n", number, uid);
}

static void
go_on_listing(struct pop3_session *pop3)
{
	struct error error = { .text = "the index cannot be read" };
	struct pop3_parked *parked = &pop3->parked;
	struct store_message message;
	while (parked->next <= parked->exists) {
		uint32_t number = parked->next;
		if (pop3->stream.out.size >= STREAM_OUT_LIMIT / 2)
			return;
		if (number_set_contains(&pop3->removed, number)) {
			parked->next++;
			continue;
		}
		if (!store_view_by_sequence(pop3->view, number, &message)) {
			break_off(pop3, "listing messages", &error);
			return;
		}
		add_row(pop3, number, &message);
		parked->next++;
	}
	stream_add(&pop3->stream, SPAN(".\r\n"));
	parked->answer = POP3_ANSWERED;
}

/* ---- messages ---- */

static void
end_message(struct pop3_session *pop3)
{
	struct buffer out;
	buffer_init(&out, 0);
	pop3_message_end(&pop3->message, &out);
	stream_add(&pop3->stream, buffer_span(&out));
	buffer_fini(&out);
	if (!pop3->message.is_top) {
		number_set_add(&pop3->retrieved, pop3->sending, pop3->sending);
		pop3->parked.sent++;
	}
	store_body_close(&pop3->body);
	pop3->parked.answer = POP3_ANSWERED;
}

/* One piece of the body; coded straight into what goes out. */
static void
go_on_sending(struct pop3_session *pop3)
{
	char piece[POP3_PIECE];
	struct error error;
	uint64_t left = pop3->body.size - pop3->body_at;
	size_t size = left < sizeof(piece) ? (size_t)left : sizeof(piece);
	if (store_body_read(&pop3->body, pop3->body_at, piece, size,
		&error) != 0) {
		store_body_close(&pop3->body);
		break_off(pop3, "reading a message", &error);
		return;
	}
	pop3->body_at += size;
	bool is_wanted = pop3_message_add(&pop3->message,
		span_of(piece, size), &pop3->stream.out);
	if (!is_wanted || pop3->body_at == pop3->body.size)
		end_message(pop3);
}

void
pop3_go_on(struct pop3_session *pop3)
{
	struct error error;
	switch (pop3->parked.answer) {
	case POP3_LISTING:
	case POP3_LISTING_UIDS:
		if (!pop3_open(pop3, &error))
			break_off(pop3, "listing messages", &error);
		else
			go_on_listing(pop3);
		break;
	case POP3_SENDING:
		go_on_sending(pop3);
		break;
	case POP3_ANSWERED:
		break;
	}
}
