#include "ctl/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/random.h"

enum { CONTROL_C = 3 };

/* One line of a descriptor, byte by byte: what follows is not ours. */
static int
read_line(int fd, struct buffer *line, struct error *error)
{
	for (;;) {
		char c;
		ssize_t n = read(fd, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(error, "reading the password");
		if (n == 0 || c == '\n')
			break;
		if (c == CONTROL_C && isatty(fd))
			return error_set(error, ERROR_USAGE, "interrupted");
		buffer_add_byte(line, c);
	}
	if (line->size > 0 && line->data[line->size - 1] == '\r')
		line->size--;
	if (buffer_is_overrun(line))
		return error_set(error, ERROR_USAGE,
			"found a password of more than %d bytes",
			PASSWORD_LIMIT);
	return 0;
}

static int
refuse_empty(const struct buffer *line, struct error *error)
{
	return line->size > 0 ? 0 : error_set(error, ERROR_USAGE,
		"found an empty password, expected one");
}

int
password_ask(const char *prompt, const char *address, struct buffer *line,
	struct error *error)
{
	struct termios before, silent;
	line->limit = PASSWORD_LIMIT;
	if (tcgetattr(0, &before) < 0)
		return error_set_errno(error, "asking the terminal");
	silent = before;
	/* as a signal it would leave the terminal mute: it ends the line */
	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	silent.c_cc[VEOL] = CONTROL_C;
	tcsetattr(0, TCSAFLUSH, &silent);
	/* not before: what is typed as soon as it is seen would be lost */
	fprintf(stderr, "%s %s: ", prompt, address);
	int result = read_line(0, line, error);
	tcsetattr(0, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return result;
}

static int
ask(const char *prompt, const char *address, struct buffer *line,
	struct error *error)
{
	return password_ask(prompt, address, line, error) < 0 ? -1 :
		refuse_empty(line, error);
}

static int
read_once(struct buffer *line, struct error *error)
{
	return read_line(0, line, error) < 0 ? -1 : refuse_empty(line, error);
}

int
password_read(const char *address, struct buffer *password,
	struct error *error)
{
	struct buffer again;
	password->limit = PASSWORD_LIMIT;
	if (!isatty(0))
		return read_once(password, error);
	if (ask("Password for", address, password, error) < 0)
		return -1;
	buffer_init(&again, PASSWORD_LIMIT);
	int result = ask("The same again for", address, &again, error);
	if (result == 0 && !span_equals(buffer_span(password),
	    buffer_span(&again)))
		result = error_set(error, ERROR_USAGE,
			"the two passwords are not the same");
	buffer_fini(&again);
	return result;
}

int
password_read_once(const char *address, struct buffer *password,
	struct error *error)
{
	password->limit = PASSWORD_LIMIT;
	return isatty(0) ? ask("Password for", address, password, error) :
		read_once(password, error);
}

void
password_make(struct buffer *password)
{
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";
	for (int i = 0; i < 16; i++)
		buffer_add_byte(password,
			letters[random_u64() % (sizeof(letters) - 1)]);
}
