/*
 * Every sentence that a client of IMAP or POP3 can be told before it has logged
 * in, with the response codes of RFC 5530 (IMAP) and RFC 2449, 3206 (POP3).
 */
#ifndef LOGIN_REPLY_H
#define LOGIN_REPLY_H

/* IMAP: a status with its code, put behind the tag, or "* BYE" as it stands.
 * NULL: nothing is said in this protocol. */
#define REPLY_LIST(X) \
	X(CREDENTIALS, "NO [AUTHENTICATIONFAILED]", "-ERR [AUTH]", \
		"User name or password is wrong") \
	X(AUTHORIZATION, "NO [AUTHORIZATIONFAILED]", "-ERR [AUTH]", \
		"You may not act as that user") \
	X(BARRED, "NO [EXPIRED]", "-ERR [AUTH]", \
		"The account or its password has expired or is locked") \
	X(BINDING, "NO [AUTHENTICATIONFAILED]", "-ERR [AUTH]", \
		"The channel binding does not fit this connection") \
	X(LATER, "NO [UNAVAILABLE]", "-ERR [SYS/TEMP]", \
		"Logging in is not possible now, try again later") \
	X(LIMIT, "NO [LIMIT]", "-ERR [SYS/TEMP]", \
		"Too many logins, try again in some minutes") \
	X(NOT_SECURE, "NO [PRIVACYREQUIRED]", "-ERR [SYS/PERM]", \
		"Start TLS before you send a password") \
	X(NETWORK, "* BYE [NOPERM]", "-ERR [SYS/PERM]", \
		"Logging in is not allowed from your network") \
	X(MECHANISM, "NO [CANNOT]", "-ERR [SYS/PERM]", \
		"This authentication mechanism is not offered") \
	X(CANCELLED, "BAD", "-ERR", "Authentication cancelled") \
	X(RESPONSE, "BAD", "-ERR", \
		"This is not a response of the authentication mechanism") \
	X(LINE_TOO_LONG, "BAD", "-ERR", "The line is too long") \
	X(UNKNOWN, "BAD", "-ERR", "There is no such command") \
	X(NOT_YET, "BAD [CLIENTBUG]", "-ERR", "Log in first") \
	X(ARGUMENTS, "BAD", "-ERR", \
		"The arguments of this command are not right") \
	X(TLS_TWICE, "BAD [CLIENTBUG]", "-ERR", "TLS is already there") \
	X(TLS_AWAY, "NO [UNAVAILABLE]", "-ERR [SYS/TEMP]", \
		"TLS is not available now, try again later") \
	X(TOO_BIG, "BAD [TOOBIG]", "-ERR", \
		"The literal is too large before a login") \
	X(ABSURD, "* BYE [TOOBIG]", NULL, "This literal is too large") \
	X(USER_FIRST, "BAD", "-ERR", "Send USER first") \
	X(TOO_MANY_BAD, "* BYE", "-ERR", "Too many commands that are none") \
	X(TOO_MANY_FAILURES, "* BYE", "-ERR [AUTH]", "Too many failed logins") \
	X(TOO_MANY_CLIENTS, "* BYE [UNAVAILABLE]", "-ERR [SYS/TEMP]", \
		"Too many connections, try again later") \
	X(TOO_SLOW, "* BYE", NULL, "You took too long to log in") \
	X(STOPPING, "* BYE [UNAVAILABLE]", "-ERR [SYS/TEMP]", \
		"The server is stopping, try again later") \
	X(HANDOVER, "NO [UNAVAILABLE]", "-ERR [SYS/TEMP]", \
		"Your mailbox is not available now, try again later")

enum reply {
#define REPLY_ENUM(id, imap, pop3, text) REPLY_##id,
	REPLY_LIST(REPLY_ENUM)
#undef REPLY_ENUM
	REPLY_COUNT
};

#endif
