/*
 * An IMAP session on its way to another process (mailbox/move.h): what the
 * client has been told, what has come of a command, the result of SEARCHRES. A
 * message that is being appended stays where its bytes are.
 */
#include "mailbox/move.h"

#include <string.h>

#include "mailbox/imap/imap.h"

bool
imap_moved_send(struct imap_session *imap)
{
	struct move_head head = { .version = IMAP_PARKED_VERSION,
		.size = sizeof(struct imap_moved), .service = "mailbox-imap" };
	struct imap_moved moved = { .parked = imap->parked,
		.frame = imap->frame, .saved = (uint32_t)imap->saved.count,
		.command = (uint32_t)imap->frame.command.size };
	struct buffer parts;
	struct error error;
	if (imap->append != NULL || imap->is_closing)
		return false;
	buffer_init(&moved.frame.command, 0);
	moved.frame.bytes = span_of(NULL, 0);
	memcpy(head.session, imap->scope.session, sizeof(head.session));
	buffer_init(&parts, 0);
	buffer_add(&parts, span_of(&moved, sizeof(moved)));
	buffer_add(&parts, span_of(imap->saved.range,
		imap->saved.count * sizeof(imap->saved.range[0])));
	buffer_add(&parts, buffer_span(&imap->frame.command));
	session_unwatch(&imap->session);
	imap->is_moved = move_send(&head, &imap->stream, buffer_span(&parts),
		&error) == 0;
	buffer_fini(&parts);
	if (!imap->is_moved)
		log_event(LOG_WARN, "session-not-moved", &imap->scope,
			LOG_TEXT("reason", error.text));
	return imap->is_moved;
}

bool
imap_moved_take(struct imap_session *imap, struct span parts)
{
	struct imap_moved moved;
	memcpy(&moved, parts.data, sizeof(moved));
	struct span rest = span_skip(parts, sizeof(moved));
	size_t saved = moved.saved * sizeof(struct number_range);
	if (moved.saved > IMAP_SAVED_LIMIT || saved > rest.size ||
	    moved.command != rest.size - saved ||
	    moved.parked.version != IMAP_PARKED_VERSION)
		return false;
	uint64_t skip_limit = imap->frame.skip_limit;
	imap->parked = moved.parked;
	imap->frame = moved.frame;
	imap->frame.skip_limit = skip_limit;
	for (uint32_t i = 0; i < moved.saved; i++) {
		struct number_range range;
		memcpy(&range, rest.data + i * sizeof(range), sizeof(range));
		number_set_add(&imap->saved, range.first, range.last);
	}
	buffer_add(&imap->frame.command, span_skip(rest, saved));
	return true;
}
