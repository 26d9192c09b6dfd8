/*
 * The protocols that connections are handed over for.
 */
#include "mailbox/mailbox.h"

#define BYE "* BYE Log in again\r\n"

const struct mailbox_protocol mailbox_protocols[] = {
	{
		.service = "mailbox-imap", .ticket = "imap",
		.limit = "imap_user_connection_limit",
		.begin = imap_session_begin, .has_tag = true,
		/* RFC 9051 7.1 */
		.denied = "NO [AUTHENTICATIONFAILED] This login is not valid "
			"any more\r\n" BYE,
		.later = "NO [UNAVAILABLE] Logins cannot be checked now; try "
			"again later\r\n" BYE,
		.too_many = "NO [LIMIT] This user has too many connections "
			"already\r\n" BYE,
	},
	{ .service = NULL },
};
