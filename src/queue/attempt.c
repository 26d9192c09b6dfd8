/*
 * The verdict on a delivery attempt. In doubt it is "later".
 */
#include "queue/attempt.h"

#include "queue/schedule.h"

enum { JUMP = 3600000 };		/* ms */

void
attempt_refuse(const struct envelope *envelope, struct recipient *recipient)
{
	recipient->state = envelope_wants_bounce(envelope, recipient) ?
		RECIPIENT_BOUNCE : RECIPIENT_DONE;
}

int64_t
attempt_end(const struct attempt_rules *rules,
	const struct envelope *envelope)
{
	return envelope->arrival + (envelope->sender.size == 0 ?
		rules->bounce_lifetime : rules->lifetime);
}

int64_t
attempt_warning(const struct attempt_rules *rules,
	const struct envelope *envelope, const struct recipient *recipient)
{
	bool is_asked = (recipient->notify & SMTP_NOTIFY_DELAY) != 0;
	/* RFC 3461 4.1: said without DELAY means no; not said is our choice. */
	if (envelope->sender.size == 0 || recipient->warning == WARNING_DONE ||
	    (recipient->notify != 0 && !is_asked) ||
	    (rules->warning == 0 && !is_asked))
		return INT64_MAX;
	return envelope->arrival + (rules->warning != 0 ? rules->warning :
		ATTEMPT_WARNING_ASKED);
}

static void
give_up(const struct envelope *envelope, struct recipient *recipient)
{
	if (recipient->reply.code == 0)
		recipient->reply.text = SPAN("No server could be reached until "
			"the time for delivery was over");
	recipient->reply.code = 550;
	recipient->reply.status = SPAN("5.4.7");	/* RFC 3463 3.5 */
	attempt_refuse(envelope, recipient);
}

void
attempt_look(const struct attempt_rules *rules,
	const struct envelope *envelope, struct recipient *recipient,
	int64_t now, bool may_expire)
{
	if (!envelope_is_waiting(recipient))
		return;
	if (may_expire && now >= attempt_end(rules, envelope))
		give_up(envelope, recipient);
	else if (recipient->warning == WARNING_NOT_YET &&
		now >= attempt_warning(rules, envelope, recipient))
		recipient->warning = WARNING_OWED;
}

static void
put_off(const struct attempt_rules *rules, struct recipient *recipient,
	int64_t now)
{
	int64_t wait = schedule_back_off(recipient->attempts, rules->minimal,
		rules->maximal);
	if (recipient->is_uncertain && wait > ATTEMPT_UNCERTAIN_WAIT)
		wait = ATTEMPT_UNCERTAIN_WAIT;
	recipient->state = recipient->is_local || recipient->is_program ?
		RECIPIENT_WAITING : RECIPIENT_RELAY;
	recipient->next = now + wait;
}

/*
 * RFC 3461 5.2.2, 5.2.7: a server that knows DSN does it from then on; one that
 * does not was marked by relay with 2.1.9.
 */
static bool
wants_success(const struct envelope *envelope,
	const struct recipient *recipient)
{
	return envelope_sender(envelope, recipient).size > 0 &&
		(recipient->notify & SMTP_NOTIFY_SUCCESS) != 0 &&
		(recipient->is_local || recipient->is_program ||
		span_equals(recipient->reply.status, SPAN("2.1.9")));
}

void
attempt_judge(const struct attempt_rules *rules,
	const struct envelope *envelope, struct recipient *recipient,
	int64_t now, bool may_expire)
{
	recipient->attempts++;
	recipient->last = now;
	recipient->next = 0;
	if (recipient->reply.code < 300) {
		recipient->state = wants_success(envelope, recipient) ?
			RECIPIENT_NOTIFY : RECIPIENT_DONE;
	} else if (recipient->reply.code >= 500) {
		attempt_refuse(envelope, recipient);
	} else {
		put_off(rules, recipient, now);
		attempt_look(rules, envelope, recipient, now, may_expire);
	}
}

bool
attempt_clock_is_steady(struct attempt_clock *clock, int64_t wall,
	int64_t monotonic, int64_t long_enough)
{
	int64_t moved = wall - monotonic - clock->offset;
	if (!clock->is_set || moved > JUMP || moved < -JUMP) {
		clock->is_set = true;
		clock->offset = wall - monotonic;
		clock->steady_since = monotonic;
	}
	return monotonic - clock->steady_since >= long_enough;
}

static const char *
event_of(const struct recipient *recipient)
{
	if (recipient->reply.code < 300)
		return recipient->is_local || recipient->is_program ?
			"delivered" : "sent";
	if (envelope_is_waiting(recipient))
		return "deferred";
	return recipient->state == RECIPIENT_BOUNCE ? "refused" :
		"undeliverable";
}

void
attempt_log(const struct envelope *envelope, const struct recipient *recipient,
	const struct attempt_facts *facts)
{
	char account[17];
	struct buffer hex = { .data = account, .room = sizeof(account),
		.limit = sizeof(account) };
	buffer_print(&hex, "%llx", (unsigned long long)recipient->account);
	struct log_field fields[13] = { LOG_SPAN("to", recipient->to) };
	size_t count = 1;
	if (recipient->original.size > 0)
		fields[count++] = LOG_SPAN("original", recipient->original);
	fields[count++] = LOG_SPAN("from", envelope_sender(envelope,
		recipient));
	if (recipient->is_program) {
		fields[count++] = LOG_NUMBER("uid", recipient->program.owner);
		fields[count++] = LOG_TEXT("table",
			recipient->program.is_forward ? "forward" : "aliases");
	} else if (facts->hop != NULL) {
		fields[count++] = LOG_TEXT("hop", facts->hop);
	} else {
		fields[count++] = LOG_SPAN("account", buffer_span(&hex));
		fields[count++] = LOG_NUMBER("mailbox", facts->instance);
	}
	fields[count++] = LOG_NUMBER("size", facts->size);
	fields[count++] = LOG_NUMBER("delay", facts->delay);
	fields[count++] = LOG_NUMBER("attempts", recipient->attempts);
	fields[count++] = LOG_NUMBER("code", recipient->reply.code);
	fields[count++] = LOG_SPAN("status", recipient->reply.status);
	fields[count++] = LOG_SPAN("reply", recipient->reply.text);
	fields[count].kind = LOG_FIELD_END;
	log_event_fields(LOG_INFO, event_of(recipient), &envelope->scope,
		fields);
}
