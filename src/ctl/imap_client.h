/*
 * The command as an IMAP client, for `mail`, `import` and `export`: commands go
 * out with tags of its own, several at once if wanted; responses come back one
 * by one (proto/imap_answer.h). The server may be hostile: a response has a
 * limit, messages go to the caller piece by piece.
 */
#ifndef CTL_IMAP_CLIENT_H
#define CTL_IMAP_CLIENT_H

#include "base/buffer.h"
#include "base/config.h"
#include "base/error.h"
#include "ctl/imap_transport.h"
#include "proto/imap_answer.h"
#include "proto/imap_frame.h"

enum { IMAP_CLIENT_RESPONSE_LIMIT = 1 << 20 };	/* of one, without messages */

struct imap_client {
	struct imap_transport *transport;
	struct imap_frame frame;
	struct arena arena;		/* of the current response */
	struct buffer in;
	size_t in_start;
	struct buffer out;		/* commands that are not sent yet */
	unsigned tag;			/* of the last command */
	unsigned answered;		/* of the last whose answer came */
	struct buffer capabilities;
	/* Gets the text of each message that a FETCH brings, in pieces; `answer`
	 * is what stood before it. NULL: it is thrown away. */
	void (*body)(void *context, const struct imap_answer *answer,
		struct span bytes);
	void *body_context;
};

/*
 * To the running system as who runs the command, or as `user` (NULL: oneself),
 * which root may do. -1 with one sentence, also when the system is not running.
 */
int
imap_client_open_local(struct imap_client *client, const struct config *config,
	const char *user, struct error *error);

/* Somewhere else, by LOGIN or AUTHENTICATE PLAIN, never without encryption but
 * on this host. */
struct imap_client_account {
	const char *host, *port, *user, *password;
	const char *ca_file;		/* NULL: those of the machine */
	bool is_encrypted;		/* imaps:// */
};
int
imap_client_open_remote(struct imap_client *client,
	const struct imap_client_account *account, struct error *error);

void
imap_client_close(struct imap_client *client);

bool
imap_client_can(const struct imap_client *client, const char *capability);

/* Adds a command with its tag and line end to what will be sent; its number. */
unsigned
imap_client_add(struct imap_client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Sends, and waits for the next response, which is borrowed until the next
 * call. -1: the connection is of no more use. */
int
imap_client_next(struct imap_client *client, struct imap_answer *answer,
	struct error *error);

/*
 * Waits until the command with that number has been answered; untagged
 * responses on the way go to `untagged` (may be NULL). -1 with a sentence when
 * it failed (ERROR_REFUSED: the server said no;
 * ERROR_OVER_QUOTA and ERROR_LATER: for a reason that is not this command's) or the connection did.
 */
typedef void
imap_client_untagged(void *context, const struct imap_answer *answer);
int
imap_client_wait(struct imap_client *client, unsigned number,
	imap_client_untagged *untagged, void *context, struct error *error);

/* A name in a command. */
void
imap_client_add_mailbox(struct buffer *out, struct span name);

#endif
