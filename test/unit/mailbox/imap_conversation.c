/*
 * Runs the IMAP conversations of test/wire/imap/ (format: README there) over
 * socket pairs, against the session code on a store in memory. Each script is
 * played twice: as it stands, and with everything the client says sent byte by
 * byte, so that the session parks inside every command.
 */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "mailbox/mailbox.h"
#include "proto/charset.h"
#include "serve/counter.h"
#include "store/engine.h"
#include "store/engine_memory.h"
#include "store/view.h"

enum {
	PATIENCE = 60000,	/* ms for an expected line */
	CLIENTS = 10,
	NAMES = 40,
	LINES = 4000,
	ACCOUNT = 7,
};

struct client {
	int fd;
	struct buffer in;
};

/* What one run of one script needs. */
struct play {
	const char *directory;
	struct span line[LINES];
	size_t line_count, at;		/* at: the line being played */
	bool is_bytewise;
	struct mailbox mailbox;
	uint64_t quota;
	struct engine *engine;
	pthread_t thread;
	struct client client[CLIENTS];
	struct span name[NAMES], value[NAMES];
	size_t name_count;
	struct arena arena;
	bool has_failed;
	char why[2000];
};

/* The doors to the rest of the process. */
bool
mailbox_login_again(const char *service, uint64_t account)
{
	(void)service;
	return account == ACCOUNT;
}

void
mailbox_logout(const char *service, uint64_t account)
{
	assert(strcmp(service, "mailbox-imap") == 0 && account == ACCOUNT);
}

void
mailbox_quota_note(struct store_account *account)
{
	assert(store_account_id(account) == ACCOUNT);
}

static bool
complain(struct play *play, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(play->why, sizeof(play->why), format, list);
	va_end(list);
	play->has_failed = true;
	return false;
}

/* ---- names: {{uid}} stands for what was seen first ---- */

static struct span *
find_value(struct play *play, struct span name)
{
	for (size_t i = 0; i < play->name_count; i++)
		if (span_equals(play->name[i], name))
			return &play->value[i];
	return NULL;
}

static bool
cut_name(struct span *text, struct span *name)
{
	if (!span_starts(*text, SPAN("{{")))
		return false;
	size_t end = span_search(*text, SPAN("}}"));
	*name = span_skip(span_first(*text, end), 2);
	*text = span_skip(*text, end + 2);
	return true;
}

static bool
bind_name(struct play *play, struct span name, struct span *got)
{
	struct span *known = find_value(play, name);
	size_t n = 0;
	if (known != NULL) {
		if (!span_starts(*got, *known))
			return false;
		*got = span_skip(*got, known->size);
		return true;
	}
	while (n < got->size && span_find(SPAN(" ])(\""), got->data[n]) == 5)
		n++;
	assert(play->name_count < NAMES);
	play->name[play->name_count] = arena_copy(&play->arena, name);
	play->value[play->name_count++] = arena_copy(&play->arena,
		span_first(*got, n));
	*got = span_skip(*got, n);
	return n > 0;
}

/* "..." at the end of what is wanted stands for anything. */
static bool
fits(struct play *play, struct span want, struct span got)
{
	struct span name;
	while (want.size > 0) {
		if (span_equals(want, SPAN("...")))
			return true;
		if (cut_name(&want, &name)) {
			if (!bind_name(play, name, &got))
				return false;
			continue;
		}
		if (got.size == 0 || got.data[0] != want.data[0])
			return false;
		want = span_skip(want, 1);
		got = span_skip(got, 1);
	}
	return got.size == 0;
}

/* ---- clients ---- */

static bool
send_bytes(struct play *play, struct client *client, struct span bytes)
{
	size_t most = play->is_bytewise ? 1 : 65536;
	while (bytes.size > 0) {
		struct span piece = span_first(bytes, most);
		ssize_t n = send(client->fd, piece.data, piece.size,
			MSG_NOSIGNAL);
		if (n < 0)
			return complain(play, "the server hung up");
		bytes = span_skip(bytes, (size_t)n);
	}
	return true;
}

/* More bytes into client->in; false at the deadline or the end. */
static bool
receive_more(struct play *play, struct client *client, int64_t deadline)
{
	struct pollfd slot = { .fd = client->fd, .events = POLLIN };
	if (poll(&slot, 1, clock_until(deadline)) <= 0)
		return complain(play, "nothing came within %d ms, but: "
			"%.*s", PATIENCE, SPAN_PRINT(buffer_span(&client->in)));
	buffer_reserve(&client->in, 65536);
	ssize_t n = read(client->fd, client->in.data + client->in.size, 65536);
	if (n <= 0)
		return complain(play, "the connection ended after: %.*s",
			SPAN_PRINT(buffer_span(&client->in)));
	client->in.size += (size_t)n;
	return true;
}

/* One line without CRLF into *line. */
static bool
receive_line(struct play *play, struct client *client, struct buffer *line)
{
	int64_t deadline = clock_monotonic() + PATIENCE;
	for (;;) {
		struct span in = buffer_span(&client->in);
		size_t end = span_search(in, SPAN("\r\n"));
		if (end < in.size) {
			buffer_clear(line);
			buffer_add(line, span_first(in, end));
			buffer_shift(&client->in, end + 2);
			return true;
		}
		if (!receive_more(play, client, deadline))
			return false;
	}
}

static bool
login(struct play *play, struct client *client)
{
	int pair[2];
	struct buffer line;
	struct mailbox_login login = { .mailbox = &play->mailbox,
		.account = ACCOUNT, .actor = ACCOUNT, .quota = play->quota,
		.user = "alice@example.test", .session = "s1", .tag = "login" };
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return complain(play, "no socket pair");
	client->fd = pair[0];
	login.fd = pair[1];
	imap_session_begin(&login);
	assert(login.fd == -1);
	buffer_init(&line, 0);
	bool ok = receive_line(play, client, &line);
	if (ok && !span_starts(buffer_span(&line),
	    SPAN("login OK [CAPABILITY IMAP4rev1 IMAP4rev2 ")))
		ok = complain(play, "the greeting: %s", buffer_string(&line));
	buffer_fini(&line);
	return ok;
}

static struct client *
get_client(struct play *play, char digit)
{
	struct client *client = &play->client[digit - '0'];
	return client->fd >= 0 || login(play, client) ? client : NULL;
}

/* ---- lines of a script ---- */

/* Bytes that a line of a script stands for: \xNN is one. */
static size_t
measure_line(struct span line)
{
	size_t size = line.size;
	for (size_t i = 0; i + 3 < line.size; i++)
		if (line.data[i] == '\\' && line.data[i + 1] == 'x')
			size -= 3;
	return size;
}

/* Bytes of the lines that follow as the content of a literal. */
static size_t
measure_content(const struct play *play, struct span mark)
{
	size_t size = 0, i = play->at + 1;
	while (i < play->line_count && !span_starts(play->line[i], mark))
		i++;
	for (; i < play->line_count && span_starts(play->line[i], mark); i++)
		size += measure_line(span_skip(play->line[i],
			mark.size + 1)) + 2;
	return size;
}

/* {#} becomes the number of bytes that follow, {{name}} its value. */
static void
expand(struct play *play, struct span text, struct span mark,
	struct buffer *out)
{
	struct span name;
	while (text.size > 0) {
		if (span_starts(text, SPAN("{#"))) {
			buffer_print(out, "{%zu", measure_content(play, mark));
			text = span_skip(text, 2);
		} else if (mark.data[0] == 'C' && cut_name(&text, &name)) {
			struct span *value = find_value(play, name);
			assert(value != NULL);
			buffer_add(out, *value);
		} else if (span_starts(text, SPAN("\\x"))) {
			uint64_t byte = 0;
			assert(span_to_hex_number(span_first(span_skip(text, 2),
				2), &byte));
			buffer_add_byte(out, (char)byte);
			text = span_skip(text, 4);
		} else {
			buffer_add_byte(out, text.data[0]);
			text = span_skip(text, 1);
		}
	}
}

static bool
say(struct play *play, struct client *client, struct span mark,
	struct span text)
{
	struct buffer out;
	buffer_init(&out, 0);
	expand(play, text, mark, &out);
	/* A backslash at the end: no line end is sent. */
	if (out.size > 0 && out.data[out.size - 1] == '\\')
		out.size--;
	else
		buffer_add_string(&out, "\r\n");
	bool ok = send_bytes(play, client, buffer_span(&out));
	buffer_fini(&out);
	return ok;
}

/* 'S' the next line fits, 'U' it or a later one, 'N' it does not. */
static bool
hear(struct play *play, struct client *client, struct span mark,
	struct span text, char kind)
{
	struct buffer line, want;
	bool ok, is_fit;
	buffer_init(&line, 0);
	buffer_init(&want, 0);
	expand(play, text, mark, &want);
	size_t names = play->name_count;
	do {
		play->name_count = names;
		ok = receive_line(play, client, &line);
		is_fit = ok && fits(play, buffer_span(&want),
			buffer_span(&line));
	} while (ok && !is_fit && kind == 'U');
	if (ok && is_fit == (kind == 'N'))
		ok = complain(play, "got %s\n\tnot %s", buffer_string(&line),
			buffer_string(&want));
	buffer_fini(&line);
	buffer_fini(&want);
	return ok;
}

static uint64_t
number_of(struct span text)
{
	uint64_t number = 0;
	assert(span_to_number(span_trim(text), UINT64_MAX, &number));
	return number;
}

/* N bytes of lines that differ from each other. */
static void
make_pattern(struct buffer *out, uint64_t size)
{
	for (uint64_t i = 0; out->size < size; i++)
		buffer_print(out, "X%07lu: .........................."
			"..........................\r\n", (unsigned long)i);
	out->size = size;
}

/* "C# N" sends them, "S# N" must get them. */
static bool
pass_pattern(struct play *play, struct client *client, uint64_t size,
	bool is_sent)
{
	struct buffer pattern;
	int64_t deadline = clock_monotonic() + PATIENCE;
	buffer_init(&pattern, 0);
	make_pattern(&pattern, size);
	bool ok = true;
	if (is_sent)
		ok = send_bytes(play, client, buffer_span(&pattern));
	while (!is_sent && ok && client->in.size < size)
		ok = receive_more(play, client, deadline);
	if (!is_sent && ok) {
		if (!span_starts(buffer_span(&client->in),
		    buffer_span(&pattern)))
			ok = complain(play, "other bytes came");
		buffer_shift(&client->in, size);
	}
	buffer_fini(&pattern);
	return ok;
}

/* The server closes without another word. */
static bool
hear_end(struct play *play, struct client *client)
{
	char byte;
	struct pollfd slot = { .fd = client->fd, .events = POLLIN };
	if (client->in.size > 0 || poll(&slot, 1, PATIENCE) <= 0 ||
	    read(client->fd, &byte, 1) > 0)
		return complain(play, "the connection did not end");
	file_close(&client->fd);
	return true;
}

/* ---- what a script does beside talking ---- */

static struct store_account *
open_account(struct play *play)
{
	struct store_account *account = NULL;
	struct error error;
	if (store_account_open(play->mailbox.store, ACCOUNT, ACCOUNT,
	    STORE_CREATE | STORE_FOLDERS, &account, &error) < 0)
		complain(play, "%s", error.text);
	return account;
}

static void
to_crlf(struct buffer *out, struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '\n' &&
		    (i == 0 || text.data[i - 1] != '\r'))
			buffer_add_byte(out, '\r');
		buffer_add_byte(out, text.data[i]);
	}
}

static bool
append_copies(struct store_account *account, uint32_t mailbox,
	const struct store_message_new *message, size_t count,
	struct error *error)
{
	struct store_message_new messages[STORE_APPEND_LIMIT];
	uint32_t uids[STORE_APPEND_LIMIT];
	for (size_t i = 0; i < STORE_APPEND_LIMIT; i++)
		messages[i] = *message;
	while (count > 0) {
		size_t n = count < STORE_APPEND_LIMIT ? count :
			STORE_APPEND_LIMIT;
		if (store_append(account, mailbox, messages, n, uids,
		    error) != STORE_OK)
			return false;
		count -= n;
	}
	return true;
}

/* "! store MAILBOX FILE": messages come in by another way. */
static bool
act_store(struct play *play, struct span rest, size_t count)
{
	struct span name, file;
	struct store_mailbox mailbox;
	struct error error;
	struct buffer raw, text;
	char path[4096];
	assert(span_word(&rest, &name) && span_word(&rest, &file));
	snprintf(path, sizeof(path), "%s/messages/%.*s", play->directory,
		SPAN_PRINT(file));
	buffer_init(&raw, 0);
	buffer_init(&text, 0);
	struct store_account *account = open_account(play);
	bool ok = account != NULL;
	if (ok && file_read_whole(AT_FDCWD, path, 1 << 24, &raw, &error) < 0)
		ok = complain(play, "%s", error.text);
	to_crlf(&text, buffer_span(&raw));
	struct store_piece piece = { .bytes = buffer_span(&text), .fd = -1,
		.size = text.size };
	struct store_message_new message = { .piece = &piece, .piece_count = 1,
		.internal_date = 1000000000 };
	if (ok && (store_mailbox_find(account, name, &play->arena, &mailbox,
	    &error) != STORE_OK || !append_copies(account, mailbox.id,
	    &message, count, &error)))
		ok = complain(play, "not stored: %s", error.text);
	store_account_close(&account);
	buffer_fini(&raw);
	buffer_fini(&text);
	return ok;
}

static bool
act_fail(struct play *play, struct span rest)
{
	struct span what;
	(void)rest;
	assert(span_word(&rest, &what));
	if (span_equals(what, SPAN("append")))
		engine_memory_fail(play->engine, ENGINE_MEMORY_APPEND, 1,
			ENGINE_MEMORY_PART);
	else if (span_equals(what, SPAN("claim")))
		engine_memory_take(play->engine, ACCOUNT);
	else
		return complain(play, "cannot fail so");
	return true;
}

static bool
act(struct play *play, struct span text)
{
	struct span rest = text, word = SPAN("");
	span_word(&rest, &word);
	if (span_equals(word, SPAN("store")))
		return act_store(play, rest, 1);
	if (span_equals(word, SPAN("store-many"))) {
		span_word(&rest, &word);
		return act_store(play, rest, number_of(word));
	}
	if (span_equals(word, SPAN("fail")))
		return act_fail(play, rest);
	if (span_equals(word, SPAN("quota")))
		play->quota = number_of(rest);
	else if (span_equals(word, SPAN("size-limit")))
		play->mailbox.message_size_limit = number_of(rest);
	else if (span_equals(word, SPAN("whole")))
		return true;	/* see play_script */
	else
		return complain(play, "unknown action");
	return true;
}

/* "C: ", "S2: ", "C| ", "E: ", "! " */
static bool
play_line(struct play *play, struct span line)
{
	char kind = line.data[0], digit = '1';
	size_t n = 1;
	if (kind == '!')
		return act(play, span_skip(line, 1));
	if (line.size > 1 && line.data[1] >= '0' && line.data[1] <= '9')
		digit = line.data[n++];
	struct span mark;
	if (line.size <= n || span_find(SPAN(":|#"), line.data[n]) == 3)
		return complain(play, "not a line of a script");
	struct span text = span_skip(line, n + 1);
	if (text.size > 0)	/* the blank after the mark */
		text = span_skip(text, 1);
	mark = arena_print(&play->arena, "%.*s|", (int)n, line.data);
	struct client *client = get_client(play, digit);
	if (client == NULL)
		return false;
	if (line.data[n] == '#')
		return pass_pattern(play, client, number_of(text), kind == 'C');
	if (kind == 'C')
		return say(play, client, mark, text);
	if (kind == 'S' || kind == 'U' || kind == 'N')
		return hear(play, client, mark, text, kind);
	if (kind == 'E')
		return hear_end(play, client);
	return complain(play, "not a line of a script");
}

/* ---- one script ---- */

static void *
lot_thread(void *lot)
{
	lot_run(lot, PATIENCE);
	return NULL;
}

static void
set_up(struct play *play)
{
	struct error error;
	struct store_options options = { 0 };
	play->engine = engine_memory_new();
	options.engine = play->engine;
	play->mailbox = (struct mailbox){ .lot = lot_new(4),
		.message_size_limit = 1 << 20, .hostname = "mail.example.test",
		.processes = 1 };
	play->mailbox.spill = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(play->mailbox.spill >= 0);
	if (store_open(&options, &play->mailbox.store, &error) < 0)
		complain(play, "%s", error.text);
	for (size_t i = 0; i < CLIENTS; i++)
		play->client[i].fd = -1;
	assert(pthread_create(&play->thread, NULL, lot_thread,
		play->mailbox.lot) == 0);
}

static void
tear_down(struct play *play)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		file_close(&play->client[i].fd);
		buffer_fini(&play->client[i].in);
	}
	lot_stop(play->mailbox.lot);
	assert(pthread_join(play->thread, NULL) == 0);
	lot_free(&play->mailbox.lot);
	store_close(&play->mailbox.store);
	play->engine->call->close(&play->engine);
	file_close(&play->mailbox.spill);
	arena_fini(&play->arena);
}

static void
read_lines(struct play *play, struct span text)
{
	struct span line;
	while (span_split(&text, '\n', &line)) {
		assert(play->line_count < LINES);
		play->line[play->line_count++] = line;
	}
}

/* Bytewise sending of a megabyte is no test but a wait. */
static bool
is_only_whole(const struct play *play)
{
	for (size_t i = 0; i < play->line_count; i++)
		if (span_equals(play->line[i], SPAN("! whole")))
			return true;
	return false;
}

static bool
play_script(const char *directory, const char *file, bool is_bytewise)
{
	static struct play play;
	struct buffer text;
	struct error error;
	char path[4096];
	play = (struct play){ .directory = directory,
		.is_bytewise = is_bytewise };
	buffer_init(&text, 0);
	arena_init(&play.arena, 0);
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	if (file_read_whole(AT_FDCWD, path, 1 << 22, &text, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		return false;
	}
	read_lines(&play, buffer_span(&text));
	if (is_bytewise && is_only_whole(&play)) {
		buffer_fini(&text);
		return true;
	}
	set_up(&play);
	for (play.at = 0; play.at < play.line_count && !play.has_failed;
	    play.at++) {
		struct span line = play.line[play.at];
		if (line.size > 0 && line.data[0] != '#' &&
		    !play_line(&play, line))
			fprintf(stderr, "%s:%zu%s: %.*s\n\t%s\n", file,
				play.at + 1, is_bytewise ? " (bytewise)" : "",
				SPAN_PRINT(line), play.why);
	}
	tear_down(&play);
	buffer_fini(&text);
	return !play.has_failed;
}

static int
is_script(const struct dirent *entry)
{
	return span_ends_nocase(span_from(entry->d_name), SPAN(".txt"));
}

/* imap_conversation DIRECTORY [FILE...] */
int
main(int argc, char **argv)
{
	struct dirent **entry;
	unsigned failed = 0, count = 0;
	assert(argc >= 2);
	signal(SIGPIPE, SIG_IGN);
	counter_open(-1, -1, true);
	charset_open_all();
	log_init("test", getenv("VERBOSE") != NULL ? 2 : -1, -1);
	int found = scandir(argv[1], &entry, is_script, alphasort);
	for (int i = 0; i < found; i++) {
		bool is_wanted = argc == 2;
		for (int k = 2; k < argc; k++)
			is_wanted |= strcmp(argv[k], entry[i]->d_name) == 0;
		if (is_wanted) {
			bool ok = play_script(argv[1], entry[i]->d_name,
				false) && play_script(argv[1],
				entry[i]->d_name, true);
			failed += !ok;
			count++;
		}
		free(entry[i]);
	}
	if (found >= 0)
		free(entry);
	printf("%u conversations, %u failed\n", count, failed);
	return failed > 0 || count == 0;
}
