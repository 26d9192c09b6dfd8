/* Reads and plays conversations; test/wire/smtp/README.md says what the steps mean. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct play {
	const struct script *script;
	struct client client;
	struct buffer reply;		/* the last one */
	unsigned lookups;
	bool byte_by_byte;
	struct span step;
};

/* ---- reading ---- */

static bool
copy(char *out, size_t size, struct span text)
{
	if (text.size >= size)
		return false;
	memcpy(out, text.data, text.size);
	out[text.size] = '\0';
	return true;
}

static bool
parse_head(struct span line, struct script *script, size_t *overrides)
{
	struct span word, value = line;
	span_word(&value, &word);
	value = span_trim(value);
	if (span_equals(word, SPAN("service")))
		return copy(script->service, sizeof(script->service), value);
	if (span_equals(word, SPAN("client")))
		return copy(script->address, sizeof(script->address),
			span_equals(value, SPAN("local")) ? SPAN("") : value);
	if (span_equals(word, SPAN("set")))
		return *overrides < 3 && copy(script->override[(*overrides)++],
			sizeof(script->override[0]), value);
	script->is_whole |= span_equals(word, SPAN("whole"));
	return span_equals(word, SPAN("whole")) || line.data[0] == '#';
}

bool
script_parse(struct span text, struct script *script)
{
	struct span line;
	size_t overrides = 0;
	memset(script->service, 0, sizeof(*script) - sizeof(script->name));
	while (span_split(&text, '\n', &line) && line.size > 0)
		if (!parse_head(line, script, &overrides))
			return false;
	script->steps = text;
	return script->service[0] != '\0' && text.size > 0;
}

/* ---- playing ---- */

static void
fail(const struct play *play, const char *what, struct span got)
{
	fprintf(stderr, "%s: at \"%.*s\": %s: \"%.*s\"\n", play->script->name,
		SPAN_PRINT(play->step), what, SPAN_PRINT(got));
	abort();
}

static void
unescape(struct span text, struct buffer *out)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if (c != '\\' || i + 1 == text.size) {
			buffer_add_byte(out, c);
			continue;
		}
		c = text.data[++i];
		uint64_t byte;
		if (c == 'x' && text.size - i > 2 && span_to_hex_number(
		    span_first(span_skip(text, i + 1), 2), &byte)) {
			buffer_add_byte(out, (char)byte);
			i += 2;
			continue;
		}
		buffer_add_byte(out, c == 'r' ? '\r' : c == 'n' ? '\n' :
			c == 't' ? '\t' : c == '0' ? '\0' : c);
	}
}

static bool
reply_has_line(const struct play *play, struct span begin)
{
	struct span rest = buffer_span(&play->reply), line;
	while (span_split(&rest, '\n', &line))
		if (span_starts(line, begin))
			return true;
	return false;
}

static const struct world_message *
last_message(void)
{
	unsigned count;
	const struct world_message *message = world_messages(&count);
	while (message != NULL && message->next != NULL)
		message = message->next;
	return message;
}

static void
check_message(const struct play *play, struct span argument, bool in_content)
{
	const struct world_message *message = last_message();
	bool is_wanted = !span_starts(argument, SPAN("- "));
	struct buffer text;
	if (message == NULL)
		fail(play, "no message", SPAN(""));
	buffer_init(&text, 0);
	unescape(span_skip(argument, is_wanted ? 1 : 2), &text);
	struct span whole = buffer_span(in_content ? &message->content :
		&message->commands);
	bool is_there = span_search(whole, buffer_span(&text)) < whole.size;
	if (is_there != is_wanted)
		fail(play, is_wanted ? "not in it" : "in it", whole);
	buffer_fini(&text);
}

static uint64_t
number_of(const struct play *play, struct span text)
{
	uint64_t number = 0;
	if (!span_to_number(span_trim(text), UINT32_MAX, &number))
		fail(play, "not a number", text);
	return number;
}

static void
check_count(const struct play *play, uint64_t wanted)
{
	unsigned count;
	char text[32];
	world_messages(&count);
	snprintf(text, sizeof(text), "%u", count);
	if (count != wanted)
		fail(play, "messages in the queue", span_from(text));
}

static void
send_bytes(struct play *play, struct span bytes)
{
	for (size_t i = 0; play->byte_by_byte && i < bytes.size; i++)
		client_send(&play->client, span_first(span_skip(bytes, i), 1));
	if (!play->byte_by_byte)
		client_send(&play->client, bytes);
}

static void
send_raw(struct play *play, struct span text)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	unescape(text, &bytes);
	send_bytes(play, buffer_span(&bytes));
	buffer_fini(&bytes);
}

static void
change_world(const struct play *play, struct span what)
{
	static const struct {
		struct span what;
		unsigned faults;
	} changes[] = {
		{ SPAN("all well"), 0 },
		{ SPAN("auth away"), AUTH_AWAY },
		{ SPAN("queue away"), QUEUE_AWAY },
		{ SPAN("tls away"), TLS_AWAY },
		{ SPAN("queue hangs up"), QUEUE_HANGS_UP },
		{ SPAN("auth hangs up"), AUTH_HANGS_UP },
		{ SPAN("queue refuses recipients"), QUEUE_REFUSES_RCPT },
	};
	if (span_equals(what, SPAN("accounts change"))) {
		world_raise_generation();
		return;
	}
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (span_equals(what, changes[i].what)) {
			world_set_faults(changes[i].faults);
			return;
		}
	}
	fail(play, "no such change", what);
}

static void
expect(struct play *play, struct span text)
{
	buffer_clear(&play->reply);
	buffer_add(&play->reply, client_reply(&play->client));
	if (!span_starts(buffer_span(&play->reply), text))
		fail(play, "got", buffer_span(&play->reply));
}

static void
play_step(struct play *play)
{
	struct span step = play->step, text = span_skip(step, 3);
	if (span_starts(step, SPAN("C:"))) {
		send_bytes(play, text);
		send_bytes(play, SPAN("\r\n"));
	} else if (span_starts(step, SPAN("R: "))) {
		send_raw(play, text);
	} else if (span_starts(step, SPAN("S: "))) {
		expect(play, text);
	} else if (span_starts(step, SPAN("S+ "))) {
		if (!reply_has_line(play, text))
			fail(play, "not in", buffer_span(&play->reply));
	} else if (span_starts(step, SPAN("S- "))) {
		if (reply_has_line(play, text))
			fail(play, "in", buffer_span(&play->reply));
	} else if (span_equals(step, SPAN("X"))) {
		struct span got = client_reply(&play->client);
		if (got.size > 0)
			fail(play, "not closed", got);
	} else if (span_starts(step, SPAN("QC"))) {
		check_message(play, span_skip(step, 2), false);
	} else if (span_starts(step, SPAN("QB"))) {
		check_message(play, span_skip(step, 2), true);
	} else if (span_starts(step, SPAN("Q "))) {
		check_count(play, number_of(play, span_skip(step, 2)));
	} else if (span_starts(step, SPAN("! "))) {
		change_world(play, span_skip(step, 2));
	} else if (span_starts(step, SPAN("L "))) {
		if (world_lookups() - play->lookups !=
		    number_of(play, span_skip(step, 2)))
			fail(play, "lookups", SPAN("another number"));
	} else {
		fail(play, "not a step", step);
	}
}

void
script_play(const struct script *script, bool byte_by_byte)
{
	struct play play = { .script = script, .byte_by_byte = byte_by_byte };
	const char *overrides[] = { NULL, NULL, NULL, NULL };
	struct span rest = script->steps;
	for (size_t i = 0; i < 3 && script->override[i][0] != '\0'; i++)
		overrides[i] = script->override[i];
	struct smtpd *smtpd = world_begin(overrides);
	alarm(120);	/* no conversation waits longer */
	play.lookups = world_lookups();
	buffer_init(&play.reply, 0);
	client_open(&play.client, smtpd, script->service,
		script->address[0] != '\0' ? script->address : NULL);
	while (span_split(&rest, '\n', &play.step))
		if (play.step.size > 0 && play.step.data[0] != '#')
			play_step(&play);
	client_close(&play.client);
	world_end(&smtpd);
	buffer_fini(&play.reply);
	alarm(0);
}
