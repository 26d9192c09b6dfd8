/* Reads and plays conversations; test/wire/relay/README.md says what the steps
 * mean. */
#include "script.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "relay/deliver.h"

enum { RECORDS = 40, OVERRIDES = 8, RECIPIENTS = 400, PATIENCE = 120 };

struct play {
	const char *name;
	struct arena arena;
	/* what stands in front */
	struct span next_hop, mail, rcpt[RECIPIENTS], message[RECORDS];
	size_t rcpt_count, record_count, override_count, message_count;
	struct span record[RECORDS];
	struct span policy;		/* of MTA-STS, with escapes */
	const char *override[OVERRIDES];
	struct span tls;		/* "verified", "untrusted", "refused", "away" */
	struct span table[2];		/* smtp_tls_policy_maps, ..._password_maps */
	/* the conversation */
	struct span rest, step;
	int server;			/* our end, or -1 */
	struct buffer in;
	struct buffer replies;
	/* connections, from relay to the thread */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int waiting;			/* our end of a new one, or -1 */
	char address[NETWORK_TEXT_SIZE + 8];
	char handshake[400];		/* asked for, not yet looked at */
	bool is_refusing, is_over;
};

static struct play *current;

static void
fail(const char *what, struct span got)
{
	fprintf(stderr, "%s: at \"%.*s\": %s: \"%.*s\"\n", current->name,
		SPAN_PRINT(current->step), what, SPAN_PRINT(got));
	abort();
}

/* ---- the world ---- */

static void
unescape(struct span text, struct buffer *out)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		uint64_t byte;
		if (c != '\\' || i + 1 == text.size) {
			buffer_add_byte(out, c);
			continue;
		}
		c = text.data[++i];
		if (c == 'x' && text.size - i > 2 && span_to_hex_number(
			span_first(span_skip(text, i + 1), 2), &byte)) {
			c = (char)byte;
			i += 2;
		} else {
			c = c == 'r' ? '\r' : c == 'n' ? '\n' :
				c == 't' ? '\t' : c == '0' ? '\0' : c;
		}
		buffer_add_byte(out, c);
	}
}

/* "3 1 1 HEX" */
static void
take_tlsa(struct span line, struct names_record *record)
{
	static uint8_t bytes[32];
	uint64_t number[3];
	struct span word;
	for (size_t i = 0; i < 3; i++)
		if (!span_word(&line, &word) ||
			!span_to_number(word, 255, &number[i]))
			fail("not a TLSA record", line);
	record->tlsa.usage = (uint8_t)number[0];
	record->tlsa.selector = (uint8_t)number[1];
	record->tlsa.matching = (uint8_t)number[2];
	record->tlsa.data = span_of(bytes, sizeof(bytes));
}

static bool
take_record(struct span line, struct span name, enum names_type type,
	struct names_answer *answer)
{
	static const struct {
		struct span word;
		enum names_type type;
	} types[] = { { SPAN("mx"), NAMES_MX }, { SPAN("a"), NAMES_A },
		{ SPAN("aaaa"), NAMES_AAAA }, { SPAN("tlsa"), NAMES_TLSA },
		{ SPAN("txt"), NAMES_TXT } };
	struct span kind, owner, value;
	struct names_record *record = &answer->record[answer->count];
	uint64_t number;
	span_word(&line, &kind);
	span_word(&line, &owner);
	if (!span_equals(owner, name))
		return false;
	if (span_equals(kind, SPAN("later")))
		answer->verdict = NAMES_LATER;
	for (size_t i = 0; i < 5; i++) {
		if (types[i].type != type ||
			!span_equals(types[i].word, kind))
			continue;
		struct span data = line;
		span_word(&line, &value);
		if (type == NAMES_MX) {
			if (!span_to_number(value, 65535, &number))
				fail("not a preference", value);
			record->mx.preference = (uint16_t)number;
			record->mx.exchange = span_trim(line);
		} else if (type == NAMES_TLSA) {
			take_tlsa(data, record);
		} else if (type == NAMES_TXT) {
			record->txt = span_trim(data);
		} else if (!network_address_parse(value, &record->address)) {
			fail("not an address", value);
		}
		answer->count++;
		answer->verdict = NAMES_FOUND;
	}
	return true;
}

static void
answer_one(struct arena *arena, struct span name, enum names_type type,
	struct names_answer *answer)
{
	bool is_known = false;
	*answer = (struct names_answer){ .verdict = NAMES_EMPTY,
		.canonical = name };
	answer->record = arena_new_array(arena, RECORDS,
		sizeof(*answer->record));
	for (size_t i = 0; i < current->record_count; i++)
		is_known |= take_record(current->record[i], name, type, answer);
	if (!is_known)
		answer->verdict = NAMES_NO_NAME;
	if (answer->verdict == NAMES_LATER)
		return;
	for (size_t i = 0; i < current->record_count; i++) {
		struct span line = current->record[i], kind;
		span_word(&line, &kind);
		answer->is_secure |= span_equals(kind, SPAN("signed")) &&
			span_ends_nocase(name, span_trim(line));
	}
}

static void
ask(struct names *names, struct arena *arena,
	const struct names_question *questions, size_t count, int64_t deadline)
{
	(void)names;
	(void)deadline;
	for (size_t i = 0; i < count; i++)
		answer_one(arena, questions[i].name, questions[i].type,
			questions[i].answer);
}

/* The policy of the text, from any address on the web. */
static int
fetch(struct fetcher *fetcher, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *answer, struct error *error)
{
	struct buffer body;
	(void)fetcher;
	(void)request;
	(void)error;
	*answer = (struct fetch_answer){ .problem = FETCH_NO_NAME,
		.reason = SPAN("no such host") };
	if (current->policy.size == 0)
		return 0;
	buffer_init(&body, 0);
	unescape(current->policy, &body);
	*answer = (struct fetch_answer){ .problem = FETCH_DONE, .status = 200,
		.type = SPAN("text/plain"), .body = arena_copy(arena,
		buffer_span(&body)) };
	buffer_fini(&body);
	return 0;
}

static int
connect_to(const struct network_address *address,
	const struct parameters *settings, int64_t deadline,
	struct error *error)
{
	struct play *play = current;
	char text[NETWORK_TEXT_SIZE];
	int pair[2];
	(void)settings;
	(void)deadline;
	network_address_format(address, text);
	pthread_mutex_lock(&play->lock);
	while (play->waiting >= 0)
		pthread_cond_wait(&play->changed, &play->lock);
	snprintf(play->address, sizeof(play->address), "%s:%u", text,
		address->port);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	play->waiting = pair[1];
	pthread_cond_broadcast(&play->changed);
	while (play->waiting >= 0)
		pthread_cond_wait(&play->changed, &play->lock);
	bool is_refused = play->is_refusing;
	pthread_mutex_unlock(&play->lock);
	if (!is_refused)
		return pair[0];
	close(pair[0]);
	errno = ECONNREFUSED;
	return error_set_errno(error, "connecting");
}

/* No bytes are changed; what is asked is there for the step "T: ". */
static int
start_tls(struct tls_connector *connector, int *fd,
	const struct tls_connect_request *request,
	const struct log_scope *scope, struct tls_connect_facts *facts,
	struct error *error)
{
	static const char *const verify[] = { "none", "name", "dane" };
	struct play *play = current;
	struct buffer text;
	(void)connector;
	(void)scope;
	buffer_init(&text, 0);
	buffer_print(&text, "verify=%s sni=%.*s", verify[request->verify],
		SPAN_PRINT(request->sni));
	for (size_t i = 0; i < request->name_count; i++)
		buffer_print(&text, " name=%.*s",
			SPAN_PRINT(request->names[i]));
	pthread_mutex_lock(&play->lock);
	snprintf(play->handshake, sizeof(play->handshake), "%s",
		buffer_string(&text));
	pthread_cond_broadcast(&play->changed);
	while (play->handshake[0] != '\0')
		pthread_cond_wait(&play->changed, &play->lock);
	pthread_mutex_unlock(&play->lock);
	buffer_fini(&text);
	bool is_verified = span_equals(play->tls, SPAN("verified"));
	*facts = (struct tls_connect_facts){ .version = "TLSv1.3",
		.is_done = true, .is_chain_ok = is_verified,
		.is_name_ok = is_verified, .is_dane_ok = is_verified &&
		request->verify == TLS_VERIFY_DANE };
	if (is_verified || (span_equals(play->tls, SPAN("untrusted")) &&
		request->verify == TLS_VERIFY_NONE))
		return 0;
	facts->is_done = false;
	file_close(fd);
	if (span_equals(play->tls, SPAN("away")))
		return error_set(error, ERROR_LATER, "tls-out is away");
	snprintf(facts->reason, sizeof(facts->reason),
		"the certificate is another's");
	return error_set(error, ERROR_REFUSED, "the handshake failed");
}

/* ---- steps of the servers ---- */

/* "T: verify=name sni=..." */
static void
expect_handshake(struct play *play, struct span wanted)
{
	pthread_mutex_lock(&play->lock);
	while (play->handshake[0] == '\0' && !play->is_over)
		pthread_cond_wait(&play->changed, &play->lock);
	if (!span_equals(span_from(play->handshake), wanted))
		fail("the handshake is", span_from(play->handshake));
	play->handshake[0] = '\0';
	pthread_cond_broadcast(&play->changed);
	pthread_mutex_unlock(&play->lock);
}

static void
hang_up(struct play *play)
{
	if (play->in.size > 0)
		fail("unread from relay", buffer_span(&play->in));
	file_close(&play->server);
}

/* "connect ADDRESS:PORT" or "refuse ADDRESS:PORT" */
static void
await_connection(struct play *play, struct span address, bool is_refused)
{
	if (play->server >= 0)
		hang_up(play);
	pthread_mutex_lock(&play->lock);
	while (play->waiting < 0 && !play->is_over)
		pthread_cond_wait(&play->changed, &play->lock);
	if (play->is_over)
		fail("relay has finished", buffer_span(&play->replies));
	if (!span_equals(address, span_from(play->address)))
		fail("it connects to", span_from(play->address));
	play->is_refusing = is_refused;
	play->server = play->waiting;
	play->waiting = -1;
	pthread_cond_broadcast(&play->changed);
	pthread_mutex_unlock(&play->lock);
	if (is_refused)
		file_close(&play->server);
}

static bool
read_more(struct play *play)
{
	char bytes[65536];
	ssize_t n = read(play->server, bytes, sizeof(bytes));
	if (n > 0)
		buffer_add(&play->in, span_of(bytes, (size_t)n));
	return n > 0;
}

static void
expect_line(struct play *play, struct span wanted)
{
	size_t end;
	while ((end = span_search(buffer_span(&play->in), SPAN("\r\n"))) ==
		play->in.size)
		if (!read_more(play))
			fail("relay closed", buffer_span(&play->in));
	struct span got = span_first(buffer_span(&play->in), end);
	if (!span_equals(got, wanted))
		fail("got", got);
	buffer_shift(&play->in, end + 2);
}

static void
expect_bytes(struct play *play, struct span text)
{
	struct buffer wanted;
	buffer_init(&wanted, 0);
	unescape(text, &wanted);
	while (play->in.size < wanted.size)
		if (!read_more(play))
			fail("relay closed", buffer_span(&play->in));
	if (!span_starts(buffer_span(&play->in), buffer_span(&wanted)))
		fail("got", buffer_span(&play->in));
	buffer_shift(&play->in, wanted.size);
	buffer_fini(&wanted);
}

static void
say(struct play *play, struct span text, bool is_line)
{
	struct buffer out;
	struct error error;
	buffer_init(&out, 0);
	unescape(text, &out);
	if (is_line)
		buffer_add(&out, SPAN("\r\n"));
	/* it may be gone already: what follows shows whether that is right */
	(void)file_write_all(play->server, buffer_span(&out), &error);
	buffer_fini(&out);
}

/* "repeat N text": N times the text. */
static void
say_often(struct play *play, struct span argument)
{
	struct span number;
	uint64_t count;
	struct buffer text;
	if (!span_word(&argument, &number) ||
		!span_to_number(number, 10000000, &count))
		fail("not a number", argument);
	buffer_init(&text, 0);
	for (uint64_t i = 0; i < count; i++)
		buffer_add(&text, span_trim(argument));
	say(play, buffer_span(&text), false);
	buffer_fini(&text);
}

static void
expect_close(struct play *play)
{
	if (read_more(play))
		fail("not closed", buffer_span(&play->in));
	hang_up(play);
}

static bool
play_server_step(struct play *play)
{
	struct span step = play->step, text = span_skip(step, 3);
	if (span_starts(step, SPAN("S: ")))
		say(play, text, true);
	else if (span_starts(step, SPAN("R: ")))
		say(play, text, false);
	else if (span_starts(step, SPAN("C: ")))
		expect_line(play, text);
	else if (span_starts(step, SPAN("B: ")))
		expect_bytes(play, text);
	else if (span_starts(step, SPAN("T: ")))
		expect_handshake(play, text);
	else if (span_starts(step, SPAN("repeat ")))
		say_often(play, span_skip(step, 7));
	else if (span_starts(step, SPAN("connect ")))
		await_connection(play, span_skip(step, 8), false);
	else if (span_starts(step, SPAN("refuse ")))
		await_connection(play, span_skip(step, 7), true);
	else if (span_equals(step, SPAN("close")))
		hang_up(play);
	else if (span_equals(step, SPAN("closed")))
		expect_close(play);
	else
		return false;
	return true;
}

/* Up to a step that is relay's: what it answers the queue. */
static void *
play_server(void *context)
{
	struct play *play = context;
	for (;;) {
		struct span before = play->rest;
		if (!span_split(&play->rest, '\n', &play->step))
			return NULL;
		if (play->step.size == 0 || play->step.data[0] == '#')
			continue;
		if (!play_server_step(play)) {
			play->rest = before;
			return NULL;
		}
	}
}

/* ---- relay's side ---- */

static void
make_transaction(struct play *play, struct mail_transaction *transaction)
{
	struct buffer bytes, xtext;
	struct error error;
	memset(transaction, 0, sizeof(*transaction));
	arena_init(&transaction->arena, 0);
	buffer_init(&xtext, 0);
	smtp_xtext_encode(&xtext, play->next_hop);
	struct span argument = arena_print(&play->arena, "FROM:%.*s "
		"XNEXTHOP=%.*s", SPAN_PRINT(play->mail),
		SPAN_PRINT(buffer_span(&xtext)));
	if (smtp_mail_parse(argument, SMTP_WITH_ALL, &transaction->arena,
		&transaction->mail) != SMTP_OK)
		fail("MAIL", argument);
	struct buffer text;
	buffer_init(&text, 0);
	if (!transaction->mail.is_null)
		address_format(&text, &transaction->mail.path);
	transaction->sender = arena_copy(&transaction->arena,
		buffer_span(&text));
	transaction->recipient = arena_new_array(&transaction->arena,
		play->rcpt_count, sizeof(*transaction->recipient));
	for (size_t i = 0; i < play->rcpt_count; i++) {
		struct mail_recipient *recipient =
			&transaction->recipient[transaction->count++];
		if (smtp_rcpt_parse(arena_print(&play->arena, "TO:%.*s",
			SPAN_PRINT(play->rcpt[i])), SMTP_WITH_ALL,
			&transaction->arena, &recipient->rcpt) != SMTP_OK)
			fail("RCPT", play->rcpt[i]);
		buffer_clear(&text);
		address_format(&text, &recipient->rcpt.path);
		recipient->address = arena_copy(&transaction->arena,
			buffer_span(&text));
	}
	mail_body_init(&transaction->body, -1);
	buffer_init(&bytes, 0);
	for (size_t i = 0; i < play->message_count; i++)
		unescape(play->message[i], &bytes);
	if (mail_body_add(&transaction->body, buffer_span(&bytes), &error) < 0)
		abort();
	buffer_fini(&bytes);
	buffer_fini(&text);
	buffer_fini(&xtext);
}

static void
run_delivery(struct play *play, struct relay *relay)
{
	struct mail_transaction transaction;
	pthread_t thread;
	play->is_over = false;
	if (pthread_create(&thread, NULL, play_server, play) != 0)
		abort();
	make_transaction(play, &transaction);
	buffer_clear(&play->replies);
	deliver(&relay->server, &transaction, &play->replies);
	pthread_mutex_lock(&play->lock);
	play->is_over = true;
	pthread_cond_broadcast(&play->changed);
	pthread_mutex_unlock(&play->lock);
	pthread_join(thread, NULL);
	mail_body_fini(&transaction.body);
	arena_fini(&transaction.arena);
}

/* "= 250 ..." for each recipient in order. */
static void
check_replies(struct play *play)
{
	struct span rest = buffer_span(&play->replies), line;
	size_t replies = 0;
	while (span_split(&play->rest, '\n', &play->step)) {
		if (play->step.size == 0 || play->step.data[0] == '#')
			continue;
		if (!span_starts(play->step, SPAN("= ")))
			break;
		if (!span_split(&rest, '\n', &line))
			fail("no such reply", SPAN(""));
		struct span wanted = span_skip(play->step, 2);
		if (span_search(line, wanted) == line.size)
			fail("it answers", line);
		replies++;
	}
	if (replies != play->rcpt_count)
		fail("replies", buffer_span(&play->replies));
}

static struct config *
load_config(const struct play *play)
{
	struct config *config = NULL;
	struct error error;
	if (config_load(NULL, play->override, play->override_count, &config,
		&error) < 0) {
		fprintf(stderr, "%s: %s\n", play->name, error.text);
		abort();
	}
	return config;
}

static bool
take_head(struct play *play, struct span line)
{
	struct span word, value = line;
	if (!span_word(&value, &word))
		return false;
	value = span_trim(value);
	if (span_equals(word, SPAN("next_hop")))
		play->next_hop = value;
	else if (span_equals(word, SPAN("mail")))
		play->mail = value;
	else if (span_equals(word, SPAN("rcpt")) &&
		play->rcpt_count < RECIPIENTS)
		play->rcpt[play->rcpt_count++] = value;
	else if (span_equals(word, SPAN("message")) &&
		play->message_count < RECORDS)
		play->message[play->message_count++] = value;
	else if (span_equals(word, SPAN("set")) &&
		play->override_count < OVERRIDES)
		play->override[play->override_count++] =
			arena_copy_string(&play->arena, value);
	else if (span_equals(word, SPAN("dns")) &&
		play->record_count < RECORDS)
		play->record[play->record_count++] = value;
	else if (span_equals(word, SPAN("tls")))
		play->tls = value;
	else if (span_equals(word, SPAN("mta-sts")))
		play->policy = value;
	else if (span_equals(word, SPAN("policy")))
		play->table[0] = value;
	else if (span_equals(word, SPAN("password")))
		play->table[1] = value;
	else if (line.data[0] != '#')
		fail("not a head line", line);
	return true;
}

/* A table of one line; its descriptor ends with the program. */
static int
open_table(struct span line)
{
	struct error error;
	return line.size == 0 ? -1 : file_open_memory("table", line, &error);
}

void
script_play(const char *name, struct span text)
{
	struct play play = { .name = name, .rest = text, .server = -1,
		.waiting = -1, .lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER };
	struct error error;
	current = &play;
	arena_init(&play.arena, 0);
	play.override[play.override_count++] = "myhostname=mail.example.test";
	while (span_split(&play.rest, '\n', &play.step) &&
		take_head(&play, play.step))
		continue;
	struct config *config = load_config(&play);
	struct parameters *settings = parameters_read(config,
		&(struct parameters_files){ open_table(play.table[0]),
		open_table(play.table[1]) }, &error);
	if (settings == NULL)
		fail("settings", span_from(error.text));
	struct relay relay = { .open.connect = connect_to,
		.open.start_tls = start_tls, .sts = sts_new(&(struct pair_file *){ NULL }, 0),
		.fetch = fetch, .ask = ask,
		.settings = settings, .connections = connections_new() };
	relay.server.context = &relay;
	alarm(PATIENCE);
	/* "again" begins the next delivery of the same message. */
	do {
		run_delivery(&play, &relay);
		check_replies(&play);
	} while (span_equals(play.step, SPAN("again")));
	alarm(0);
	connections_free(&relay.connections);
	sts_free(&relay.sts);
	parameters_free(&settings);
	file_close(&play.server);
	config_free(&config);
	buffer_fini(&play.in);
	buffer_fini(&play.replies);
	arena_fini(&play.arena);
}
