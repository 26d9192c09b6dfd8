/* Plays conversations; see script.h. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct play {
	const struct script *script;
	struct client client;
	struct buffer reply;		/* the last one */
	unsigned lookups;
	struct span step;
};

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
send_raw(struct play *play, struct span text)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	unescape(text, &bytes);
	client_send(&play->client, buffer_span(&bytes));
	buffer_fini(&bytes);
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
	if (span_starts(step, SPAN("C: "))) {
		client_send(&play->client, text);
		client_send(&play->client, SPAN("\r\n"));
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
	} else if (span_starts(step, SPAN("F "))) {
		world_set_faults((unsigned)number_of(play, span_skip(step, 2)));
	} else if (span_equals(step, SPAN("G"))) {
		world_raise_generation();
	} else if (span_starts(step, SPAN("L "))) {
		if (world_lookups() - play->lookups !=
		    number_of(play, span_skip(step, 2)))
			fail(play, "lookups", SPAN("another number"));
	} else {
		fail(play, "not a step", step);
	}
}

void
script_play(const struct script *script)
{
	struct play play = { .script = script };
	struct smtpd *smtpd = world_begin(script->overrides);
	struct span rest = span_from(script->steps);
	alarm(30);	/* no test waits longer */
	play.lookups = world_lookups();
	buffer_init(&play.reply, 0);
	client_open(&play.client, smtpd, script->service, script->address);
	while (span_split(&rest, '\n', &play.step))
		if (play.step.size > 0)
			play_step(&play);
	client_close(&play.client);
	world_end(&smtpd);
	buffer_fini(&play.reply);
	alarm(0);
}
