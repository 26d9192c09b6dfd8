#include "ctl/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/random.h"

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
		buffer_add_byte(line, c);
	}
	if (line->size > 0 && line->data[line->size - 1] == '\r')
		line->size--;
	if (buffer_is_overrun(line))
		return error_set(error, ERROR_USAGE,
			"found a password of more than %d bytes",
			PASSWORD_LIMIT);
	if (line->size == 0)
		return error_set(error, ERROR_USAGE,
			"found an empty password, expected one");
	return 0;
}

static int
ask(const char *prompt, const char *address, struct buffer *line,
	struct error *error)
{
	struct termios before, silent;
	fprintf(stderr, "%s for %s: ", prompt, address);
	if (tcgetattr(0, &before) < 0)
		return error_set_errno(error, "asking the terminal");
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(0, TCSAFLUSH, &silent);
	int result = read_line(0, line, error);
	tcsetattr(0, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return result;
}

int
password_read(const char *address, struct buffer *password,
	struct error *error)
{
	struct buffer again;
	password->limit = PASSWORD_LIMIT;
	if (!isatty(0))
		return read_line(0, password, error);
	if (ask("Password", address, password, error) < 0)
		return -1;
	buffer_init(&again, PASSWORD_LIMIT);
	int result = ask("The same again", address, &again, error);
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
	return isatty(0) ? ask("Password", address, password, error) :
		read_line(0, password, error);
}

void
password_make(struct buffer *password)
{
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";
	for (int i = 0; i < 16; i++)
		buffer_add_byte(password,
			letters[random_u64() % (sizeof(letters) - 1)]);
}
