/*
 * One event, one line:
 *	2026-11-22T06:46:03.123Z info smtpd[712] trace=... session=... event=... key=value
 * Whole lines go to the descriptor master gave (O_APPEND) in one write(), so
 * those of several processes never mix. What strangers sent is quoted and cut.
 * No secrets, no bodies. Who decides logs; who passes an error on does not.
 *
 *	log_event(LOG_INFO, "delivered", scope,
 *		LOG_SPAN("to", rcpt), LOG_NUMBER("size", size), LOG_END);
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/span.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Ids are printable, without blanks; empty when there is none. */
enum { LOG_ID_SIZE = 24 };

/* What the lines of one session or one message have in common. */
struct log_scope {
	char trace[LOG_ID_SIZE];	/* of the message, through all processes */
	char session[LOG_ID_SIZE];	/* of the connection */
};

struct log_field {
	enum { LOG_FIELD_END, LOG_FIELD_SPAN, LOG_FIELD_NUMBER } kind;
	const char *key;
	struct span text;
	int64_t number;
};

#define LOG_SPAN(key, span) ((struct log_field){ LOG_FIELD_SPAN, key, span, 0 })
#define LOG_TEXT(key, string) LOG_SPAN(key, span_from(string))
#define LOG_NUMBER(key, n) \
	((struct log_field){ LOG_FIELD_NUMBER, key, { NULL, 0 }, (int64_t)(n) })

/*
 * The program's name for the lines; fds to write to (a negative one is left
 * out). The descriptors stay the caller's. Called once, before threads.
 */
void
log_init(const char *program, int fd, int copy_fd);

/* Replaces the descriptors after a rotation; safe while others log. */
void
log_redirect(int fd, int copy_fd);

/* Lines above this level are left out; LOG_INFO at first. */
void
log_set_level(enum log_level level);
bool
log_is_on(enum log_level level);

/*
 * scope may be NULL. Fields end with LOG_END (log_event adds it). Never
 * fails and never blocks for long: a debug line that would block is dropped.
 */
#define log_event(level, event, scope, ...) \
	log_event_fields(level, event, scope, (const struct log_field[]){ \
		__VA_ARGS__ __VA_OPT__(,) { LOG_FIELD_END, NULL, { NULL, 0 }, 0 } })
void
log_event_fields(enum log_level level, const char *event,
	const struct log_scope *scope, const struct log_field *fields);

/*
 * A busy process writes many lines at a time. What threads that called
 * log_hold say at info and debug waits in the room until log_flush, until it is
 * full, or until anybody has a warning or an error to say. The room is
 * memory that outlives the process: lines that it had not written when it was
 * killed are written by its successor's log_set_room.
 */
enum { LOG_ROOM_SIZE = 61440 };
struct log_room {
	_Atomic uint32_t used;
	char bytes[LOG_ROOM_SIZE];
};
void
log_set_room(struct log_room *room);

/* From now on the lines of this thread may wait; it sees to log_flush before
 * it sleeps. */
void
log_hold(void);
bool
log_has_held(void);
void
log_flush(void);

/* A new random id of 16 characters from [0-9a-z], NUL-terminated. */
void
log_id_new(char id[LOG_ID_SIZE]);

#endif
