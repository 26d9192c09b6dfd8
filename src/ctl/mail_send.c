/* Writing a message in `mail`, and handing it to sendmail. */
#include "ctl/mail_send.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "ctl/ctl.h"
#include "ctl/mail_input.h"
#include "proto/terminal_text.h"

enum { FILE_LIMIT = 64 << 20 };

/* ---- commands in the text ---- */

static void
print_clean(struct span text)
{
	struct buffer clean;
	buffer_init(&clean, 0);
	terminal_text_add(&clean, text);
	fwrite(clean.data, 1, clean.size, stdout);
	buffer_fini(&clean);
}

static void
show_draft(const struct mail_draft *draft)
{
	struct buffer text;
	buffer_init(&text, 0);
	buffer_print(&text, "-------\nMessage contains:\nTo: %.*s\n",
		SPAN_PRINT(buffer_span(&draft->to)));
	if (draft->cc.size > 0)
		buffer_print(&text, "Cc: %.*s\n",
			SPAN_PRINT(buffer_span(&draft->cc)));
	buffer_print(&text, "Subject: %.*s\n\n",
		SPAN_PRINT(buffer_span(&draft->subject)));
	buffer_add(&text, buffer_span(&draft->body));
	print_clean(buffer_span(&text));
	buffer_fini(&text);
}

static void
read_file(struct mail_draft *draft, struct span name)
{
	char *path = memory_new(name.size + 1);
	struct buffer content;
	struct error error;
	memcpy(path, name.data, name.size);
	buffer_init(&content, 0);
	if (file_read_whole(AT_FDCWD, path, FILE_LIMIT, &content, &error) < 0) {
		printf("%s\n", error.text);
	} else {
		buffer_add(&draft->body, buffer_span(&content));
		printf("\"%s\" %zu bytes\n", path, content.size);
	}
	buffer_fini(&content);
	memory_free(path);
}

static void
quote(struct mail_draft *draft, const char *mark)
{
	struct span rest = draft->quoted, line;
	if (rest.size == 0) {
		printf("No message is being answered.\n");
		return;
	}
	while (rest.size > 0 && span_split(&rest, '\n', &line))
		buffer_print(&draft->body, "%s%.*s\n", mark, SPAN_PRINT(line));
	printf("(continue)\n");
}

static const char tilde_help[] =
	"~.        end of the message          ~q  give up\n"
	"~p        show what there is          ~s TEXT  a new subject\n"
	"~t ADDR   add to To (~c Cc, ~b Bcc)   ~r FILE  take in a file\n"
	"~m        take in the message that is answered, ~f without marks\n"
	"~~        a line that begins with ~\n";

enum tilde { TILDE_GOES_ON, TILDE_ENDS, TILDE_GIVES_UP };

static enum tilde
run_tilde(struct mail_draft *draft, struct span line)
{
	struct span value = span_trim(span_skip(line, 2));
	char letter = line.size > 1 ? line.data[1] : '?';
	switch (letter) {
	case '.':
		return TILDE_ENDS;
	case 'q':
	case 'x':
		return TILDE_GIVES_UP;
	case '~':
		buffer_add(&draft->body, span_skip(line, 1));
		buffer_add_byte(&draft->body, '\n');
		break;
	case 'p':
		show_draft(draft);
		break;
	case 's':
		buffer_clear(&draft->subject);
		buffer_add(&draft->subject, value);
		break;
	case 't':
		mail_draft_add_address(&draft->to, value);
		break;
	case 'c':
		mail_draft_add_address(&draft->cc, value);
		break;
	case 'b':
		mail_draft_add_address(&draft->bcc, value);
		break;
	case 'r':
	case '<':
		read_file(draft, value);
		break;
	case 'm':
	case 'f':
		quote(draft, letter == 'm' ? "> " : "");
		break;
	case '?':
		fputs(tilde_help, stdout);
		break;
	default:
		printf("~%c: not known here (~? lists what is; no command of "
			"the shell is run)\n", letter);
		break;
	}
	return TILDE_GOES_ON;
}

bool
mail_draft_read(struct mail_draft *draft, bool is_dot_end)
{
	bool is_typed = mail_input_is_terminal(), was_interrupted = false;
	struct span line;
	for (;;) {
		enum mail_input_verdict verdict = mail_input_line(NULL, &line);
		if (verdict == MAIL_INPUT_END) {
			if (is_typed)
				printf("EOT\n");
			return true;
		}
		if (verdict == MAIL_INPUT_INTERRUPTED) {
			if (was_interrupted)
				return false;
			was_interrupted = true;
			printf("\n(Interrupt -- one more to kill letter)\n");
			continue;
		}
		was_interrupted = false;
		if ((is_typed || is_dot_end) && span_equals(line, SPAN(".")))
			return true;
		if (is_typed && line.size > 0 && line.data[0] == '~') {
			enum tilde tilde = run_tilde(draft, line);
			if (tilde != TILDE_GOES_ON)
				return tilde == TILDE_ENDS;
			continue;
		}
		buffer_add(&draft->body, line);
		buffer_add_byte(&draft->body, '\n');
	}
}

/* ---- sendmail ---- */

static void
become_sendmail(const struct mail_draft *draft, int input)
{
	char path[PATH_MAX + 16], from[1024];
	const char *words[10] = { "sendmail", "-i", "-t" };
	size_t count = 3;
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	if (n < 0 || dup2(input, 0) < 0)
		_exit(127);
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	snprintf(slash != NULL ? slash + 1 : path, 16, "sendmail");
	if (draft->config_path != NULL) {
		words[count++] = "-C";
		words[count++] = draft->config_path;
	}
	if (draft->from.size > 0 && draft->from.size < sizeof(from)) {
		snprintf(from, sizeof(from), "%.*s", SPAN_PRINT(draft->from));
		words[count++] = "-f";
		words[count++] = from;
	}
	execv(path, (char *const *)(uintptr_t)words);
	fprintf(stderr, "posthouse: %s cannot be run: %s\n", path,
		strerror(errno));
	_exit(127);
}

/* A message is in a file of memory: no pipe that both might wait at. */
static int
run_sendmail(const struct mail_draft *draft, struct error *error)
{
	struct buffer message;
	int status = 0;
	buffer_init(&message, 0);
	mail_draft_format(draft, &message);
	int input = file_open_memory("message", buffer_span(&message), error);
	buffer_fini(&message);
	if (input < 0)
		return -1;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		become_sendmail(draft, input);
	file_close(&input);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return error_set_errno(error, "running sendmail");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 :
		error_set(error, ERROR_REFUSED, "the message was not sent");
}

/* So that a message of an hour is not lost with a wrong address. */
static void
keep_draft(const struct mail_draft *draft)
{
	char name[32] = "dead.letter";
	struct error error;
	int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
		O_NOFOLLOW, 0600);
	if (fd >= 0 && file_write_all(fd, buffer_span(&draft->body),
	    &error) == 0)
		fprintf(stderr, "\"%s\" %zu bytes\n", name, draft->body.size);
	file_close(&fd);
}

int
mail_draft_send(const struct mail_draft *draft)
{
	struct error error;
	if (draft->to.size + draft->cc.size + draft->bcc.size == 0)
		return ctl_fail("no recipient was given");
	if (draft->body.size == 0 && !draft->sends_empty)
		return 0;
	if (draft->body.size == 0 && mail_input_is_terminal())
		printf("Null message body; hope that's ok\n");
	if (run_sendmail(draft, &error) == 0)
		return 0;
	if (mail_input_is_terminal())
		keep_draft(draft);
	return ctl_fail_error(&error);
}
