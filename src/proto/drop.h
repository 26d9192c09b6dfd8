/*
 * Messages that sendmail leaves in the drop folder while the system is down:
 * lines of fields between tabs, an empty line, the message with CRLF.
 *
 *	drop	1
 *	envelope	sender=a@b	[body=8bitmime]	[smtputf8=yes]
 *	rcpt	to=c@d	[notify=success,failure]
 *
 * A local user wrote it: nothing in it is believed.
 */
#ifndef PROTO_DROP_H
#define PROTO_DROP_H

#include "base/arena.h"
#include "base/buffer.h"

enum {
	DROP_RECIPIENT_LIMIT = 1000,
	DROP_HEAD_LIMIT = 1 << 20,	/* bytes before the message */
};

struct drop_recipient {
	struct span to, notify;		/* notify may be empty */
};

struct drop {
	struct span sender;		/* empty: <> */
	bool is_8bit, is_utf8;
	struct span ret, envid;		/* may be empty */
	struct drop_recipient *recipient;
	size_t count;
};

/* What stands before the message. */
void
drop_add(struct buffer *out, const struct drop *drop);

/*
 * From the first bytes of a file; *size is where the message begins. False when
 * it is no such file, or has no recipient or too many.
 */
bool
drop_parse(struct span bytes, struct arena *arena, struct drop *drop,
	size_t *size);

#endif
