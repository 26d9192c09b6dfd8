/* Sessions from process to process; see move.h. */
#include "mailbox/move.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "mailbox/adopt.h"

bool
move_is_wanted(void)
{
	return legacy_is_wanted();
}

int
move_send(const struct move_head *head, const struct stream *stream,
	struct span parts, struct error *error)
{
	const int fds[LEGACY_FDS] = { stream->fd, stream->spill_fd };
	struct move_head whole = *head;
	struct buffer bytes;
	whole.unread = (uint32_t)stream_unread(stream).size;
	whole.out = (uint32_t)stream->out.size;
	whole.spill_start = stream->spill_start;
	whole.spill_end = stream->spill_end;
	buffer_init(&bytes, 0);
	buffer_add(&bytes, span_of(&whole, sizeof(whole)));
	buffer_add(&bytes, parts);
	buffer_add(&bytes, stream_unread(stream));
	buffer_add(&bytes, buffer_span(&stream->out));
	int result = legacy_send(buffer_span(&bytes), fds,
		stream->spill_fd < 0 ? 1 : 2, error);
	buffer_fini(&bytes);
	return result;
}

/* What was on its way goes on there. */
static void
make_stream(const struct move_head *head, struct span bytes,
	struct legacy *legacy, struct moved *moved)
{
	moved->parts = span_first(bytes, bytes.size - head->unread - head->out);
	stream_init(&moved->stream, &legacy->fds[0]);
	stream_set_spill(&moved->stream, moved->mailbox->spill);
	moved->stream.spill_fd = legacy->fds[1];
	legacy->fds[1] = -1;
	moved->stream.spill_start = head->spill_start;
	moved->stream.spill_end = head->spill_end;
	buffer_add(&moved->stream.in, span_first(span_skip(bytes,
		moved->parts.size), head->unread));
	buffer_add(&moved->stream.out, span_skip(bytes, bytes.size -
		head->out));
}

static const struct mailbox_protocol *
find_protocol(const struct move_head *head)
{
	const struct mailbox_protocol *protocol = mailbox_protocols;
	for (; protocol->service != NULL; protocol++)
		if (strncmp(protocol->service, head->service,
		    sizeof(head->service)) == 0)
			return protocol;
	return NULL;
}

/* The version and the account are looked at by the protocol. */
static bool
resume(const struct mailbox *mailbox, struct legacy *legacy)
{
	struct move_head head;
	struct moved moved = { .mailbox = mailbox };
	if (legacy->bytes.size < sizeof(head) || legacy->fds[0] < 0)
		return false;
	memcpy(&head, legacy->bytes.data, sizeof(head));
	struct span rest = span_skip(legacy->bytes, sizeof(head));
	const struct mailbox_protocol *protocol = find_protocol(&head);
	if (protocol == NULL)
		return false;
	if (head.version == protocol->moved_version &&
	    head.size == protocol->moved_size && head.unread <= rest.size &&
	    head.out <= rest.size - head.unread &&
	    head.size <= rest.size - head.unread - head.out) {
		memcpy(moved.session, head.session, sizeof(moved.session));
		moved.session[sizeof(moved.session) - 1] = '\0';
		make_stream(&head, rest, legacy, &moved);
		bool is_resumed = protocol->resume(&moved);
		stream_fini(&moved.stream);
		return is_resumed;
	}
	/* it is of another version: the client begins again */
	ssize_t ignored = write(legacy->fds[0], protocol->goodbye,
		strlen(protocol->goodbye));
	(void)ignored;
	return false;
}

void
move_take_all(const struct mailbox *mailbox)
{
	struct legacy legacy;
	size_t resumed = 0, ended = 0;
	while (legacy_next(&legacy)) {
		if (resume(mailbox, &legacy))
			resumed++;
		else
			ended++;
		for (size_t i = 0; i < LEGACY_FDS; i++)
			file_close(&legacy.fds[i]);
	}
	if (resumed + ended > 0)
		log_event(ended > 0 ? LOG_WARN : LOG_INFO, "sessions-resumed",
			NULL, LOG_NUMBER("resumed", resumed),
			LOG_NUMBER("ended", ended));
}
