/*
 * The protocols that connections are handed over for.
 */
#include "mailbox/imap/imap.h"
#include "mailbox/mailbox.h"
#include "mailbox/pop3/pop3.h"

#define BYE "* BYE Log in again\r\n"

const struct mailbox_protocol mailbox_protocols[] = {
	{
		.service = "mailbox-imap", .owner_service = "user-imap",
		.ticket = "imap",
		.limit = "imap_user_connection_limit",
		.begin = imap_session_begin, .has_tag = true,
		.resume = imap_session_resume,
		.moved_version = IMAP_PARKED_VERSION,
		.moved_size = sizeof(struct imap_moved), .goodbye = BYE,
		/* RFC 9051 7.1 */
		.denied = "NO [AUTHENTICATIONFAILED] This login is not valid "
			"any more\r\n" BYE,
		.later = "NO [UNAVAILABLE] Logins cannot be checked now; try "
			"again later\r\n" BYE,
		.too_many = "NO [LIMIT] This user has too many connections "
			"already\r\n" BYE,
	},
	{
		.service = "mailbox-pop3", .owner_service = "user-pop3",
		.ticket = "pop3",
		.limit = "pop3_user_connection_limit",
		.begin = pop3_session_begin,
		.resume = pop3_session_resume,
		.moved_version = POP3_PARKED_VERSION,
		.moved_size = sizeof(struct pop3_moved),
		.goodbye = "-ERR [SYS/TEMP] Log in again\r\n",
		/* RFC 2449 8.1.1, RFC 3206 */
		.denied = "-ERR [AUTH] This login is not valid any more\r\n",
		.later = "-ERR [SYS/TEMP] Logins cannot be checked now; try "
			"again later\r\n",
		.too_many = "-ERR [IN-USE] This user has too many connections "
			"already\r\n",
	},
	{ .service = NULL },
};
