/*
 * IDLE (RFC 9051 6.3.13, RFC 2177): from now on changes are told at once, by
 * waking the parked session, until the client says DONE.
 */
#include "mailbox/imap/idle.h"

#include <assert.h>
#include <string.h>

#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"

void
imap_idle(struct imap_session *imap, struct imap_command *command)
{
	if (!imap_parse_end(&command->parse))
		return;
	assert(command->tag.size < IMAP_TAG_SIZE);
	memcpy(imap->parked.tag, command->tag.data, command->tag.size);
	imap->parked.tag[command->tag.size] = '\0';
	imap->parked.is_idling = true;
	stream_add(&imap->stream, SPAN("+ idling\r\n"));
	/* In this order a change is either told now or wakes us. */
	atomic_store(&imap->is_nudged, true);
	imap_update(imap, true, NULL);
}

void
imap_idle_end(struct imap_session *imap, struct span line)
{
	bool is_done = span_equals_nocase(line, SPAN("DONE"));
	atomic_store(&imap->is_nudged, false);
	imap->parked.is_idling = false;
	imap_update(imap, true, NULL);
	imap_answer(imap, span_from(imap->parked.tag),
		is_done ? IMAP_OK : IMAP_BAD, SPAN(""),
		is_done ? "IDLE completed" : "DONE was expected");
}
