/*
 * A POP3 session on its way to another process (mailbox/move.h): INBOX as it
 * was at the login, what is marked and what has been sent. A message that is
 * being sent stays where its bytes are.
 */
#include "mailbox/move.h"

#include <string.h>

#include "mailbox/pop3/pop3.h"

static struct span
ranges_of(const struct number_set *set)
{
	return span_of(set->range, set->count * sizeof(set->range[0]));
}

bool
pop3_moved_send(struct pop3_session *pop3)
{
	struct move_head head = { .version = POP3_PARKED_VERSION,
		.size = sizeof(struct pop3_moved), .service = "mailbox-pop3" };
	const struct pop3_moved moved = { .parked = pop3->parked,
		.removed = (uint32_t)pop3->removed.count,
		.retrieved = (uint32_t)pop3->retrieved.count,
		.is_skipping = pop3->is_skipping };
	struct buffer parts;
	struct error error;
	if (pop3->parked.answer == POP3_SENDING || pop3->is_closing)
		return false;
	memcpy(head.session, pop3->scope.session, sizeof(head.session));
	buffer_init(&parts, 0);
	buffer_add(&parts, span_of(&moved, sizeof(moved)));
	buffer_add(&parts, ranges_of(&pop3->removed));
	buffer_add(&parts, ranges_of(&pop3->retrieved));
	session_unwatch(&pop3->session);
	pop3->is_moved = move_send(&head, &pop3->stream, buffer_span(&parts),
		&error) == 0;
	buffer_fini(&parts);
	if (!pop3->is_moved)
		log_event(LOG_WARN, "session-not-moved", &pop3->scope,
			LOG_TEXT("reason", error.text));
	return pop3->is_moved;
}

static void
take_ranges(struct number_set *set, const char *data, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct number_range range;
		memcpy(&range, data + i * sizeof(range), sizeof(range));
		number_set_add(set, range.first, range.last);
	}
}

bool
pop3_moved_take(struct pop3_session *pop3, struct span parts)
{
	struct pop3_moved moved;
	memcpy(&moved, parts.data, sizeof(moved));
	struct span rest = span_skip(parts, sizeof(moved));
	size_t removed = moved.removed * sizeof(struct number_range);
	size_t retrieved = moved.retrieved * sizeof(struct number_range);
	if (removed > rest.size || rest.size - removed < retrieved ||
	    moved.parked.version != POP3_PARKED_VERSION)
		return false;
	pop3->parked = moved.parked;
	pop3->is_skipping = moved.is_skipping;
	take_ranges(&pop3->removed, rest.data, moved.removed);
	take_ranges(&pop3->retrieved, rest.data + removed, moved.retrieved);
	return true;
}
