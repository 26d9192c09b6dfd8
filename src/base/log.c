#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/random.h"

enum { LOG_VALUE_LIMIT = 300, LOG_LINE_LIMIT = 3000 };

static char log_program[32] = "posthouse";
static atomic_int log_pid;		/* asked for once: it is in every line */
static atomic_int log_fd = 2;
static atomic_int log_copy_fd = -1;
static atomic_int log_level_on = LOG_INFO;

static pthread_mutex_t room_lock = PTHREAD_MUTEX_INITIALIZER;	/* of the room */
static struct log_room *room;
static _Thread_local bool may_hold;

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void
log_init(const char *program, int fd, int copy_fd)
{
	snprintf(log_program, sizeof(log_program), "%s", program);
	atomic_store(&log_pid, getpid());
	log_redirect(fd, copy_fd);
}

void
log_redirect(int fd, int copy_fd)
{
	atomic_store(&log_fd, fd);
	atomic_store(&log_copy_fd, copy_fd);
}

void
log_set_level(enum log_level level)
{
	atomic_store(&log_level_on, (int)level);
}

bool
log_is_on(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&log_level_on,
		memory_order_relaxed);
}

static bool
needs_quotes(struct span s)
{
	if (s.size == 0)
		return true;
	for (size_t i = 0; i < s.size; i++) {
		unsigned char c = (unsigned char)s.data[i];
		if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 127)
			return true;
	}
	return false;
}

static void
add_value(struct buffer *line, struct span s)
{
	struct span shown = span_first(s, LOG_VALUE_LIMIT);
	if (!needs_quotes(shown)) {
		buffer_add(line, shown);
		return;
	}
	buffer_add_byte(line, '"');
	for (size_t i = 0; i < shown.size; i++) {
		unsigned char c = (unsigned char)shown.data[i];
		if (c == '"' || c == '\\')
			buffer_print(line, "\\%c", c);
		else if (c < ' ' || c == 127)
			buffer_print(line, "\\x%02x", c);
		else
			buffer_add_byte(line, (char)c);
	}
	buffer_add_string(line, shown.size < s.size ? "...\"" : "\"");
}

static void
add_number(struct buffer *line, int64_t number)
{
	if (number < 0)
		buffer_add_byte(line, '-');
	buffer_add_number(line, number < 0 ? 0 - (uint64_t)number :
		(uint64_t)number);
}

static void
add_scope(struct buffer *line, const struct log_scope *scope)
{
	if (scope == NULL)
		return;
	if (scope->trace[0] != '\0')
		buffer_print(line, " trace=%s", scope->trace);
	if (scope->session[0] != '\0')
		buffer_print(line, " session=%s", scope->session);
}

/* A log that cannot be written stops nobody; the line is lost. */
static void
write_line(int fd, struct span line, enum log_level level)
{
	while (fd >= 0) {
		ssize_t n = write(fd, line.data, line.size);
		if (n >= 0 && (size_t)n < line.size) {
			line = span_skip(line, (size_t)n);
			continue;
		}
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return;
		if (errno == EINTR)
			continue;
		struct pollfd slot = { .fd = fd, .events = POLLOUT };
		if (level == LOG_DEBUG || poll(&slot, 1, 200) <= 0)
			return;
	}
}

/* ---- lines that wait ---- */

/* The lock is held. */
static void
write_room(void)
{
	uint32_t used = atomic_load(&room->used);
	if (used == 0 || used > LOG_ROOM_SIZE)
		used = 0;
	struct span lines = span_of(room->bytes, used);
	if (used > 0) {
		write_line(atomic_load(&log_fd), lines, LOG_INFO);
		write_line(atomic_load(&log_copy_fd), lines, LOG_INFO);
	}
	atomic_store(&room->used, 0);
}

void
log_set_room(struct log_room *new_room)
{
	pthread_mutex_lock(&room_lock);
	room = new_room;
	if (room != NULL)
		write_room();
	pthread_mutex_unlock(&room_lock);
}

void
log_hold(void)
{
	may_hold = true;
}

bool
log_has_held(void)
{
	return room != NULL && atomic_load_explicit(&room->used,
		memory_order_relaxed) > 0;
}

void
log_flush(void)
{
	if (!log_has_held())
		return;
	pthread_mutex_lock(&room_lock);
	write_room();
	pthread_mutex_unlock(&room_lock);
}

static void
hold_line(struct span line)
{
	pthread_mutex_lock(&room_lock);
	if (LOG_ROOM_SIZE - atomic_load(&room->used) < line.size)
		write_room();
	uint32_t used = atomic_load(&room->used);
	memcpy(room->bytes + used, line.data, line.size);
	atomic_store(&room->used, used + (uint32_t)line.size);
	pthread_mutex_unlock(&room_lock);
}

static void
put_line(struct span line, enum log_level level)
{
	if (may_hold && room != NULL && level >= LOG_INFO) {
		hold_line(line);
		return;
	}
	log_flush();	/* in the order in which things happened */
	write_line(atomic_load(&log_fd), line, level);
	write_line(atomic_load(&log_copy_fd), line, level);
}

void
log_event_fields(enum log_level level, const char *event,
	const struct log_scope *scope, const struct log_field *fields)
{
	char when[25], bytes[LOG_LINE_LIMIT + 1];
	/* On the stack: a line is not worth an allocation. */
	struct buffer line = { .data = bytes, .room = sizeof(bytes),
		.limit = LOG_LINE_LIMIT };
	if (!log_is_on(level))
		return;
	clock_format_iso(clock_wall(), when);
	int pid = atomic_load_explicit(&log_pid, memory_order_relaxed);
	buffer_print(&line, "%s %s %s[%d]", when, level_names[level],
		log_program, pid != 0 ? pid : (int)getpid());
	add_scope(&line, scope);
	buffer_print(&line, " event=%s", event);
	for (; fields->kind != LOG_FIELD_END; fields++) {
		buffer_add_byte(&line, ' ');
		buffer_add_string(&line, fields->key);
		buffer_add_byte(&line, '=');
		if (fields->kind == LOG_FIELD_NUMBER)
			add_number(&line, fields->number);
		else
			add_value(&line, fields->text);
	}
	line.limit = 0;
	buffer_add_byte(&line, '\n');
	put_line(buffer_span(&line), level);
}

void
log_id_new(char id[LOG_ID_SIZE])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	uint64_t bits = random_u64();
	uint64_t more = random_u64();
	for (size_t i = 0; i < 16; i++) {
		uint64_t *from = i < 8 ? &bits : &more;
		id[i] = digits[*from % 36];
		*from /= 36;
	}
	id[16] = '\0';
}
