/*
 * The operator changes what is in the spool: tries it now, holds it, releases
 * it, removes it. A message that is being tried at that moment is left alone
 * and counted.
 */
#include <string.h>

#include "queue/operator.h"

/* ---- which ---- */

void
choice_read(const struct admin_call *call, struct choice *choice)
{
	memset(choice, 0, sizeof(*choice));
	tabline_get(call->fields, 2, "id", &choice->id);
	tabline_get(call->fields, 2, "sender", &choice->sender);
	tabline_get(call->fields, 2, "recipient", &choice->recipient);
	tabline_get(call->fields, 2, "domain", &choice->domain);
	tabline_get(call->fields, 2, "state", &choice->state);
}

bool
choice_is_all(const struct choice *choice)
{
	return choice->id.size == 0 && choice->sender.data == NULL &&
		choice->recipient.size == 0 && choice->domain.size == 0 &&
		choice->state.size == 0;
}

static bool
is_in_domain(struct span address, struct span domain)
{
	if (!span_ends_nocase(address, domain) || address.size <= domain.size)
		return false;
	char before = address.data[address.size - domain.size - 1];
	return before == '@' || before == '.';
}

bool
choice_has_recipient(const struct choice *choice,
	const struct recipient *recipient)
{
	if (choice->recipient.size > 0 && !span_equals_nocase(recipient->to,
		choice->recipient) && !span_equals_nocase(recipient->original,
		choice->recipient))
		return false;
	if (choice->domain.size > 0 && !is_in_domain(recipient->to,
		choice->domain))
		return false;
	return choice->state.size == 0 || span_equals(choice->state,
		SPAN("held")) || span_equals(choice->state,
		span_from(envelope_state_name(recipient->state)));
}

bool
choice_has_message(const struct choice *choice,
	const struct spool_message *message)
{
	const struct envelope *envelope = message->envelope;
	if (choice->id.size > 0 && !span_equals(choice->id,
		span_from(message->id)))
		return false;
	if (envelope == NULL)
		return choice_is_all(choice) || choice->id.size > 0 ||
			span_equals(choice->state, SPAN("damaged"));
	/* An empty sender= is the null sender. */
	if (choice->sender.data != NULL && !span_equals_nocase(envelope->sender,
		choice->sender))
		return false;
	if (span_equals(choice->state, SPAN("held")) && !envelope->is_held)
		return false;
	for (size_t i = 0; i < envelope->count; i++)
		if (choice_has_recipient(choice, &envelope->recipient[i]))
			return true;
	return false;
}

/* ---- changing ---- */

enum change { CHANGE_RETRY, CHANGE_HOLD, CHANGE_RELEASE, CHANGE_DELETE };

static const char *const change_names[] = { "queue-retry", "queue-hold",
	"queue-release", "queue-delete" };

/* A change on its way. */
struct work {
	struct queue *queue;
	struct choice choice;
	struct arena arena;		/* of the ids */
	struct span *id;
	size_t count, room;
	size_t done, busy, gone;
};

static int
note_message(void *context, const struct spool_message *message)
{
	struct work *work = context;
	if (!choice_has_message(&work->choice, message))
		return 0;
	if (work->count == work->room) {
		size_t room = work->room * 2 + 16;
		struct span *more = arena_new_array(&work->arena, room,
			sizeof(*more));
		for (size_t i = 0; i < work->count; i++)
			more[i] = work->id[i];
		work->id = more;
		work->room = room;
	}
	work->id[work->count++] = arena_copy(&work->arena,
		span_from(message->id));
	return 0;
}

static void
change_envelope(const struct work *work, struct envelope *envelope,
	enum change change)
{
	for (size_t i = 0; i < envelope->count && change == CHANGE_DELETE; i++)
		if (choice_has_recipient(&work->choice,
			&envelope->recipient[i]))
			envelope->recipient[i].state = RECIPIENT_DONE;
	if (change == CHANGE_DELETE)
		return;
	envelope->is_held = change == CHANGE_HOLD ||
		(change == CHANGE_RETRY && envelope->is_held);
	for (size_t i = 0; i < envelope->count; i++)
		if (change != CHANGE_HOLD &&
			envelope_is_waiting(&envelope->recipient[i]))
			envelope->recipient[i].next = 0;
}

/* Of a row that is ours; gives it back. */
static int
rewrite(struct work *work, struct queued *row, enum change change,
	struct error *error)
{
	struct spool *spool = &work->queue->spool;
	struct arena arena;
	struct envelope envelope;
	struct store_body body;
	arena_init(&arena, 0);
	int result = spool_read(spool, row, &arena, &envelope, &body, error);
	if (result >= 0)
		store_body_close(&body);
	if (result == 0) {
		change_envelope(work, &envelope, change);
		if (change == CHANGE_RETRY)
			spool_open_destination(spool, row);
		result = spool_settle(spool, &row, &envelope, error);
	} else {
		spool_put_back(spool, &row);
		if (result > 0)
			result = error_set(error, ERROR_DAMAGED,
				"the envelope cannot be read");
	}
	arena_fini(&arena);
	return result;
}

static int
change_one(struct work *work, struct span id, enum change change,
	struct error *error)
{
	struct spool *spool = &work->queue->spool;
	struct queued *row;
	switch (spool_take(spool, id, &row)) {
	case SPOOL_NOT_THERE:
		work->gone++;
		return 0;
	case SPOOL_IN_USE:
		work->busy++;
		return 0;
	default:
		break;
	}
	bool is_whole = work->choice.recipient.size == 0 &&
		work->choice.domain.size == 0 && work->choice.state.size == 0;
	int result = change == CHANGE_DELETE && is_whole ?
		spool_remove(spool, &row, error) :
		rewrite(work, row, change, error);
	if (result < 0)
		return -1;
	work->done++;
	log_event(LOG_INFO, change_names[change], NULL, LOG_SPAN("id", id));
	return 0;
}

static void
answer(struct admin_call *call, const struct work *work)
{
	struct span id = work->choice.id;
	if (work->done == 0 && work->busy > 0)
		admin_fail(call, "%zu of the messages are being delivered now; "
			"try again", work->busy);
	else if (work->done == 0 && id.size > 0)
		admin_fail(call, "%.*s is not in the queue", SPAN_PRINT(id));
	else if (work->done == 0)
		admin_fail(call, "no such message is in the queue");
	if (call->is_answered)
		return;
	admin_row_begin(call);
	admin_row_number(call, "changed", work->done);
	admin_row_number(call, "busy", work->busy);
	admin_row_end(call);
}

static void
change(struct admin_call *call, enum change change)
{
	struct work work = { .queue = call->context };
	struct error error;
	struct span all;
	choice_read(call, &work.choice);
	if (choice_is_all(&work.choice) && !(tabline_get(call->fields, 2,
		"all", &all) && span_equals(all, SPAN("yes")))) {
		admin_fail(call, "say which messages: id=, sender=, recipient=,"
			" domain=, state= or all=yes");
		return;
	}
	arena_init(&work.arena, 0);
	/* An id is found without looking at the others. */
	int result = 0;
	if (work.choice.id.size > 0)
		result = change_one(&work, work.choice.id, change, &error);
	else
		result = spool_visit(&work.queue->spool, note_message, &work,
			&error);
	for (size_t i = 0; i < work.count && result == 0; i++)
		result = change_one(&work, work.id[i], change, &error);
	if (result < 0)
		admin_fail(call, "%s", error.text);
	else
		answer(call, &work);
	arena_fini(&work.arena);
}

void
operator_retry(struct admin_call *call)
{
	change(call, CHANGE_RETRY);
}

void
operator_hold(struct admin_call *call)
{
	change(call, CHANGE_HOLD);
}

void
operator_release(struct admin_call *call)
{
	change(call, CHANGE_RELEASE);
}

void
operator_delete(struct admin_call *call)
{
	change(call, CHANGE_DELETE);
}
