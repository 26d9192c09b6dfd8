/*
 * Annotations of the spool: lines of fields between tabs, described in
 * doc/formats/spool.md. A codec without I/O; what it decodes may have been
 * damaged and is believed in nothing.
 */
#include "queue/envelope.h"

#include <string.h>

#include "proto/tabline.h"

static const char *const state_names[] = {
	[RECIPIENT_WAITING] = "waiting", [RECIPIENT_RELAY] = "relay",
	[RECIPIENT_BOUNCE] = "bounce", [RECIPIENT_NOTIFY] = "notify",
	[RECIPIENT_DONE] = "done",
};

static const struct {
	unsigned bit;
	const char *word;
} notify_words[] = {
	{ SMTP_NOTIFY_SUCCESS, "success" }, { SMTP_NOTIFY_FAILURE, "failure" },
	{ SMTP_NOTIFY_DELAY, "delay" },
};
enum { NOTIFY_WORDS = sizeof(notify_words) / sizeof(notify_words[0]) };

const char *
envelope_state_name(enum recipient_state state)
{
	return state_names[state];
}

bool
envelope_is_waiting(const struct recipient *recipient)
{
	return recipient->state == RECIPIENT_WAITING ||
		recipient->state == RECIPIENT_RELAY;
}

struct span
envelope_sender(const struct envelope *envelope,
	const struct recipient *recipient)
{
	return recipient->sender.size > 0 ? recipient->sender :
		envelope->sender;
}

enum smtp_body
envelope_body(const struct envelope *envelope)
{
	if (span_equals(envelope->body, SPAN("8bitmime")))
		return SMTP_BODY_8BITMIME;
	return span_equals(envelope->body, SPAN("binarymime")) ?
		SMTP_BODY_BINARYMIME : SMTP_BODY_7BIT;
}

bool
envelope_is_forwarded(const struct envelope *envelope,
	const struct recipient *recipient)
{
	return envelope->forward_sender.size > 0 && !recipient->is_local &&
		!recipient->is_program && recipient->sender.size == 0 &&
		recipient->original.size > 0;
}

bool
envelope_wants_bounce(const struct envelope *envelope,
	const struct recipient *recipient)
{
	/* RFC 5321 6.1: never to <>; of a report of ours that cannot be
	 * delivered postmaster hears, once. */
	if (envelope->is_report)
		return !envelope->is_double;
	/* RFC 3461 4.1: not given means FAILURE. */
	return envelope_sender(envelope, recipient).size > 0 &&
		(recipient->notify == 0 ||
		(recipient->notify & SMTP_NOTIFY_FAILURE) != 0);
}

size_t
envelope_left(const struct envelope *envelope)
{
	size_t left = 0;
	for (size_t i = 0; i < envelope->count; i++)
		left += envelope->recipient[i].state != RECIPIENT_DONE;
	return left;
}

void
envelope_format_notify(struct buffer *out, unsigned notify)
{
	const char *separator = "";
	if (notify & SMTP_NOTIFY_NEVER)
		buffer_add_string(out, "never");
	for (size_t i = 0; i < NOTIFY_WORDS; i++) {
		if ((notify & notify_words[i].bit) == 0)
			continue;
		buffer_add_string(out, separator);
		buffer_add_string(out, notify_words[i].word);
		separator = ",";
	}
}

bool
envelope_parse_notify(struct span text, unsigned *notify)
{
	struct span word;
	*notify = 0;
	if (span_equals_nocase(text, SPAN("never"))) {
		*notify = SMTP_NOTIFY_NEVER;
		return true;
	}
	while (span_split(&text, ',', &word)) {
		size_t i = 0;
		while (i < NOTIFY_WORDS && !span_equals_nocase(word,
			span_from(notify_words[i].word)))
			i++;
		if (i == NOTIFY_WORDS)
			return false;
		*notify |= notify_words[i].bit;
	}
	return *notify != 0;
}

/* ---- writing ---- */

static void
add_hex(struct buffer *out, const char *key, uint64_t number)
{
	static const char digits[] = "0123456789abcdef";
	char text[16];
	size_t at = sizeof(text);
	do {
		text[--at] = digits[number & 15];
		number >>= 4;
	} while (number > 0);
	tabline_add_pair(out, key, span_of(text + at, sizeof(text) - at));
}

static void
add_given(struct buffer *out, const char *key, struct span value)
{
	if (value.size > 0)
		tabline_add_pair(out, key, value);
}

static void
encode_envelope(struct buffer *out, const struct envelope *envelope)
{
	char hex[2 * STORE_TRANSACTION_SIZE + 1];
	struct buffer text = { .data = hex, .room = sizeof(hex),
		.limit = sizeof(hex) };
	buffer_add_hex(&text, span_of(envelope->transaction,
		STORE_TRANSACTION_SIZE));
	tabline_add(out, SPAN("spool"));
	tabline_add(out, SPAN("1"));
	tabline_end(out);
	tabline_add(out, SPAN("envelope"));
	tabline_add_pair(out, "id", envelope->id);
	add_given(out, "trace", span_from(envelope->scope.trace));
	add_given(out, "session", span_from(envelope->scope.session));
	tabline_add_pair(out, "transaction", buffer_span(&text));
	add_hex(out, "actor", envelope->actor);
	tabline_add_number(out, "arrival", (uint64_t)envelope->arrival);
	tabline_add_pair(out, "sender", envelope->sender);
	add_given(out, "forward", envelope->forward_sender);
	add_given(out, "body", envelope->body);
	if (envelope->is_utf8)
		tabline_add_pair(out, "smtputf8", SPAN("yes"));
	if (envelope->needs_tls)
		tabline_add_pair(out, "requiretls", SPAN("yes"));
	if (envelope->is_held)
		tabline_add_pair(out, "hold", SPAN("yes"));
	if (envelope->is_report)
		tabline_add_pair(out, "report", envelope->is_double ?
			SPAN("double") : SPAN("yes"));
	add_given(out, "ret", envelope->ret);
	add_given(out, "envid", envelope->envid);
	tabline_end(out);
}

static void
encode_program(struct buffer *out, const struct program_place *program)
{
	char text[60];
	struct buffer place = { .data = text, .room = sizeof(text),
		.limit = sizeof(text) };
	if (program->is_whole)
		buffer_print(&place, "%u:forward", (unsigned)program->owner);
	else
		buffer_print(&place, "%u:%s:%u", (unsigned)program->owner,
			program->is_forward ? "forward" : "aliases",
			program->index);
	tabline_add_pair(out, "program", buffer_span(&place));
	tabline_add_pair(out, "key", program->key);
}

static void
encode_recipient(struct buffer *out, const struct recipient *recipient)
{
	char words[40];
	struct buffer notify = { .data = words, .room = sizeof(words),
		.limit = sizeof(words) };
	tabline_add(out, SPAN("rcpt"));
	tabline_add_pair(out, "to", recipient->to);
	add_given(out, "original", recipient->original);
	add_given(out, "orcpt", recipient->orcpt);
	envelope_format_notify(&notify, recipient->notify);
	add_given(out, "notify", buffer_span(&notify));
	if (recipient->is_local) {
		add_hex(out, "account", recipient->account);
		tabline_add_number(out, "quota", recipient->quota);
	}
	if (recipient->is_program && recipient->program.is_whole)
		tabline_add_number(out, "quota", recipient->quota);
	if (recipient->is_final)
		tabline_add_pair(out, "final", SPAN("yes"));
	if (recipient->is_program)
		encode_program(out, &recipient->program);
	tabline_add_pair(out, "state",
		span_from(state_names[recipient->state]));
	tabline_add_number(out, "attempts", recipient->attempts);
	tabline_add_number(out, "last", (uint64_t)recipient->last);
	tabline_add_number(out, "next", (uint64_t)recipient->next);
	if (recipient->warning != WARNING_NOT_YET)
		tabline_add_pair(out, "warning", recipient->warning ==
			WARNING_OWED ? SPAN("owed") : SPAN("done"));
	if (recipient->reply.code != 0) {
		tabline_add_number(out, "code", recipient->reply.code);
		add_given(out, "status", recipient->reply.status);
		add_given(out, "text", span_first(recipient->reply.text,
			ENVELOPE_TEXT_LIMIT));
	}
	tabline_end(out);
}

size_t
envelope_encode(struct buffer *out, const struct envelope *envelope,
	size_t first, size_t limit)
{
	size_t start = out->size, written = 0, i;
	encode_envelope(out, envelope);
	for (i = first; i < envelope->count; i++) {
		size_t before = out->size;
		if (envelope->recipient[i].state == RECIPIENT_DONE)
			continue;
		encode_recipient(out, &envelope->recipient[i]);
		if (out->size - start > limit && written > 0) {
			out->size = before;
			break;
		}
		written++;
	}
	return i;
}

/* ---- reading ---- */

static bool
get_number(const struct tabline *line, const char *key, uint64_t max,
	uint64_t *number)
{
	struct span value;
	*number = 0;
	return !tabline_get(line, 1, key, &value) ||
		span_to_number(value, max, number);
}

static bool
get_hex(const struct tabline *line, const char *key, uint64_t *number)
{
	struct span value;
	*number = 0;
	return !tabline_get(line, 1, key, &value) ||
		span_to_hex_number(value, number);
}

static bool
get_time(const struct tabline *line, const char *key, int64_t *when)
{
	uint64_t number;
	bool ok = get_number(line, key, INT64_MAX, &number);
	*when = (int64_t)number;
	return ok;
}

static struct span
get_text(const struct tabline *line, const char *key, struct arena *arena)
{
	struct span value;
	if (!tabline_get(line, 1, key, &value))
		return span_of(NULL, 0);
	return arena_copy(arena, value);
}

static bool
get_id(const struct tabline *line, const char *key, char id[LOG_ID_SIZE])
{
	struct span value;
	memset(id, 0, LOG_ID_SIZE);
	if (!tabline_get(line, 1, key, &value))
		return true;
	if (value.size >= LOG_ID_SIZE)
		return false;
	memcpy(id, value.data, value.size);
	return true;
}

static bool
get_transaction(const struct tabline *line, uint8_t *transaction)
{
	struct span value;
	uint64_t byte;
	if (!tabline_get(line, 1, "transaction", &value) ||
		value.size != 2 * STORE_TRANSACTION_SIZE)
		return false;
	for (size_t i = 0; i < STORE_TRANSACTION_SIZE; i++) {
		if (!span_to_hex_number(span_of(value.data + 2 * i, 2), &byte))
			return false;
		transaction[i] = (uint8_t)byte;
	}
	return true;
}

static bool
decode_envelope(const struct tabline *line, struct arena *arena,
	struct envelope *envelope)
{
	envelope->id = get_text(line, "id", arena);
	envelope->sender = get_text(line, "sender", arena);
	envelope->forward_sender = get_text(line, "forward", arena);
	envelope->body = get_text(line, "body", arena);
	envelope->ret = get_text(line, "ret", arena);
	envelope->envid = get_text(line, "envid", arena);
	envelope->is_utf8 = tabline_has(line, 1, "smtputf8=yes");
	envelope->needs_tls = tabline_has(line, 1, "requiretls=yes");
	envelope->is_held = tabline_has(line, 1, "hold=yes");
	envelope->is_double = tabline_has(line, 1, "report=double");
	envelope->is_report = envelope->is_double ||
		tabline_has(line, 1, "report=yes");
	return envelope->id.size > 0 &&
		get_id(line, "trace", envelope->scope.trace) &&
		get_id(line, "session", envelope->scope.session) &&
		get_transaction(line, envelope->transaction) &&
		get_hex(line, "actor", &envelope->actor) &&
		get_time(line, "arrival", &envelope->arrival);
}

static bool
decode_state(const struct tabline *line, enum recipient_state *state)
{
	struct span value;
	if (!tabline_get(line, 1, "state", &value))
		return false;
	for (size_t i = 0; i < RECIPIENT_DONE; i++) {
		if (!span_equals(value, span_from(state_names[i])))
			continue;
		*state = (enum recipient_state)i;
		return true;
	}
	return false;
}

bool
envelope_parse_program(struct span text, struct program_place *program)
{
	struct span owner, table;
	uint64_t uid, index = 0;
	if (!span_split(&text, ':', &owner) ||
		!span_to_number(owner, UINT32_MAX - 1, &uid))
		return false;
	program->is_whole = span_equals(text, SPAN("forward"));
	if (!span_split(&text, ':', &table) || (!program->is_whole &&
		!span_to_number(text, ENVELOPE_INDEX_LIMIT, &index)))
		return false;
	program->owner = (uint32_t)uid;
	program->index = (unsigned)index;
	program->is_forward = span_equals(table, SPAN("forward"));
	return program->is_forward || span_equals(table, SPAN("aliases"));
}

static bool
decode_program(const struct tabline *line, struct arena *arena,
	struct recipient *recipient)
{
	struct span value;
	recipient->is_program = tabline_get(line, 1, "program", &value);
	recipient->program.key = get_text(line, "key", arena);
	return !recipient->is_program ||
		envelope_parse_program(value, &recipient->program);
}

static bool
decode_recipient(const struct tabline *line, struct arena *arena,
	struct recipient *recipient)
{
	struct span value;
	uint64_t attempts, code;
	recipient->to = get_text(line, "to", arena);
	recipient->original = get_text(line, "original", arena);
	recipient->orcpt = get_text(line, "orcpt", arena);
	recipient->reply.status = get_text(line, "status", arena);
	recipient->reply.text = get_text(line, "text", arena);
	recipient->is_local = tabline_get(line, 1, "account", &value);
	recipient->is_final = tabline_has(line, 1, "final=yes");
	if (tabline_get(line, 1, "notify", &value) &&
		!envelope_parse_notify(value, &recipient->notify))
		return false;
	if (!decode_state(line, &recipient->state) ||
		!decode_program(line, arena, recipient) ||
		!get_hex(line, "account", &recipient->account) ||
		!get_number(line, "quota", UINT64_MAX, &recipient->quota) ||
		!get_number(line, "attempts", UINT32_MAX, &attempts) ||
		!get_number(line, "code", 599, &code) ||
		!get_time(line, "last", &recipient->last) ||
		!get_time(line, "next", &recipient->next))
		return false;
	recipient->attempts = (unsigned)attempts;
	recipient->warning = tabline_has(line, 1, "warning=owed") ?
		WARNING_OWED : tabline_has(line, 1, "warning=done") ?
		WARNING_DONE : WARNING_NOT_YET;
	recipient->reply.code = (unsigned)code;
	return recipient->to.size > 0 &&
		!(recipient->is_local && recipient->is_program) &&
		(recipient->state != RECIPIENT_WAITING ||
		recipient->is_local || recipient->is_program);
}

static size_t
count_recipients(struct span bytes)
{
	struct span line;
	size_t count = 0;
	while (span_split(&bytes, '\n', &line))
		count += span_starts(line, SPAN("rcpt"));
	return count;
}

static bool
decode_line(const struct tabline *line, struct arena *arena,
	struct envelope *envelope)
{
	if (span_equals(line->field[0], SPAN("envelope")))
		return envelope->id.size == 0 &&
			decode_envelope(line, arena, envelope);
	if (!span_equals(line->field[0], SPAN("rcpt")))
		return true;	/* of a later writer; need not be understood */
	if (!decode_recipient(line, arena, &envelope->recipient[envelope->count]))
		return false;
	envelope->count++;
	return true;
}

bool
envelope_decode(struct span bytes, struct arena *arena,
	struct envelope *envelope)
{
	struct tabline fields;
	struct span line;
	memset(envelope, 0, sizeof(*envelope));
	if (bytes.size > STORE_ANNOTATION_LIMIT || bytes.size == 0 ||
		bytes.data[bytes.size - 1] != '\n')
		return false;
	envelope->recipient = arena_new_array(arena, count_recipients(bytes),
		sizeof(struct recipient));
	bytes.size--;
	if (!span_split(&bytes, '\n', &line) ||
		!span_equals(line, SPAN("spool\t1")))
		return false;
	while (span_split(&bytes, '\n', &line))
		if (!tabline_parse(line, arena, &fields) ||
			!decode_line(&fields, arena, envelope))
			return false;
	return envelope->id.size > 0;
}
