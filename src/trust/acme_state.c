#include "trust/acme_state.h"

#include "base/base64.h"
#include "proto/tabline.h"

static const struct span magic = SPAN("posthouse-acme");

/* ---- out ---- */

static void
add_text(struct buffer *out, const char *key, struct span value)
{
	if (value.size > 0)
		tabline_add_pair(out, key, value);
}

static void
add_challenge(struct buffer *out, const struct acme_state_challenge *challenge)
{
	struct buffer text;
	buffer_init(&text, 0);
	base64_encode(&text, challenge->certificate);
	tabline_add(out, SPAN("challenge"));
	tabline_add_pair(out, "name", challenge->name);
	tabline_add_pair(out, "key", challenge->key);
	tabline_add_pair(out, "certificate", buffer_span(&text));
	tabline_end(out);
	buffer_fini(&text);
}

static void
add_left(struct buffer *out, const struct acme_state_left *left)
{
	tabline_add(out, SPAN("left-out"));
	tabline_add_pair(out, "name", left->name);
	tabline_add_pair(out, "reason", left->reason);
	tabline_add_number(out, "until", (uint64_t)left->until);
	tabline_add_number(out, "failures", left->failures);
	tabline_end(out);
}

void
acme_state_write(const struct acme_state *state, struct buffer *out)
{
	tabline_add(out, magic);
	tabline_add(out, SPAN("1"));
	tabline_end(out);
	tabline_add(out, SPAN("certificate"));
	add_text(out, "directory", state->directory);
	add_text(out, "account", state->account);
	add_text(out, "key", state->key);
	add_text(out, "chain", state->chain);
	add_text(out, "old-key", state->old_key);
	add_text(out, "next-key", state->next_key);
	add_text(out, "order", state->order);
	add_text(out, "order-names", state->order_names);
	add_text(out, "trouble", state->trouble);
	tabline_add_number(out, "renewal", (uint64_t)state->renewal);
	tabline_add_number(out, "retry", (uint64_t)state->retry);
	tabline_add_number(out, "failures", state->failures);
	tabline_end(out);
	for (size_t i = 0; i < state->challenges; i++)
		add_challenge(out, &state->challenge[i]);
	for (size_t i = 0; i < state->lefts; i++)
		add_left(out, &state->left[i]);
}

/* ---- in ---- */

static struct span
text_of(const struct tabline *line, const char *key)
{
	struct span value;
	return tabline_get(line, 1, key, &value) ? value :
		(struct span){ NULL, 0 };
}

static bool
take_number(const struct tabline *line, const char *key, uint64_t *number)
{
	return span_to_number(text_of(line, key), INT64_MAX, number);
}

static bool
take_certificate(const struct tabline *line, struct acme_state *state)
{
	uint64_t renewal, retry;
	state->directory = text_of(line, "directory");
	state->account = text_of(line, "account");
	state->key = text_of(line, "key");
	state->chain = text_of(line, "chain");
	state->old_key = text_of(line, "old-key");
	state->next_key = text_of(line, "next-key");
	state->order = text_of(line, "order");
	state->order_names = text_of(line, "order-names");
	state->trouble = text_of(line, "trouble");
	if (!take_number(line, "renewal", &renewal) ||
	    !take_number(line, "retry", &retry) ||
	    !take_number(line, "failures", &state->failures))
		return false;
	state->renewal = (int64_t)renewal;
	state->retry = (int64_t)retry;
	return (state->key.size == 0) == (state->chain.size == 0);
}

static bool
take_challenge(const struct tabline *line, struct arena *arena,
	struct acme_state *state)
{
	struct acme_state_challenge challenge = {
		.name = text_of(line, "name"), .key = text_of(line, "key") };
	struct buffer bytes;
	if (state->challenges == ACME_NAMES)
		return false;
	buffer_init(&bytes, 0);
	bool ok = base64_decode(&bytes, text_of(line, "certificate"));
	challenge.certificate = arena_copy(arena, buffer_span(&bytes));
	buffer_fini(&bytes);
	state->challenge[state->challenges++] = challenge;
	return ok && challenge.name.size > 0 && challenge.key.size > 0 &&
		challenge.certificate.size > 0;
}

static bool
take_left(const struct tabline *line, struct acme_state *state)
{
	struct acme_state_left *left = &state->left[state->lefts];
	uint64_t until;
	if (state->lefts == ACME_NAMES)
		return false;
	state->lefts++;
	left->name = text_of(line, "name");
	left->reason = text_of(line, "reason");
	if (!take_number(line, "until", &until) ||
	    !take_number(line, "failures", &left->failures))
		return false;
	left->until = (int64_t)until;
	return left->name.size > 0;
}

static bool
take_line(struct span text, struct arena *arena, struct acme_state *state,
	size_t number)
{
	struct tabline line;
	if (!tabline_parse(text, arena, &line) || line.count < 2)
		return false;
	if (number == 0)
		return span_equals(line.field[0], magic) &&
			span_equals(line.field[1], SPAN("1"));
	if (span_equals(line.field[0], SPAN("certificate")))
		return take_certificate(&line, state);
	if (span_equals(line.field[0], SPAN("left-out")))
		return take_left(&line, state);
	return span_equals(line.field[0], SPAN("challenge")) &&
		take_challenge(&line, arena, state);
}

bool
acme_state_read(struct span blob, struct arena *arena,
	struct acme_state *state)
{
	struct span rest = blob, text;
	*state = (struct acme_state){ 0 };
	if (blob.size > ACME_STATE_LIMIT)
		return false;
	for (size_t i = 0; rest.size > 0 && span_split(&rest, '\n', &text); i++)
		if (!take_line(text, arena, state, i)) {
			*state = (struct acme_state){ 0 };
			return false;
		}
	return true;
}

/* ---- when ---- */

int64_t
acme_renewal_time(int64_t not_before, int64_t not_after,
	const struct acme_window *window, uint64_t random)
{
	int64_t life = not_after - not_before;
	if (window != NULL)
		return window->start + (int64_t)(random %
			(uint64_t)(window->end - window->start));
	return life < 30 ? not_before : not_before + life / 3 * 2 -
		(int64_t)(random % (uint64_t)(life / 30));
}

int64_t
acme_retry_delay(uint64_t failures, int64_t first, int64_t wanted,
	uint64_t random)
{
	int64_t delay = first < 1000 ? 1000 : first;
	for (uint64_t i = 1; i < failures && delay < ACME_DAY; i++)
		delay *= 2;
	if (delay > ACME_DAY)
		delay = ACME_DAY;
	delay += (int64_t)(random % (uint64_t)(delay / 4));
	return delay < wanted ? wanted : delay;
}
