/*
 * Files of the drop folder. See drop.h.
 */
#include "proto/drop.h"

#include "proto/tabline.h"

static void
add_given(struct buffer *out, const char *key, struct span value)
{
	if (value.size > 0)
		tabline_add_pair(out, key, value);
}

void
drop_add(struct buffer *out, const struct drop *drop)
{
	tabline_add(out, SPAN("drop"));
	tabline_add(out, SPAN("1"));
	tabline_end(out);
	tabline_add(out, SPAN("envelope"));
	tabline_add_pair(out, "sender", drop->sender);
	if (drop->is_8bit)
		tabline_add_pair(out, "body", SPAN("8bitmime"));
	if (drop->is_utf8)
		tabline_add_pair(out, "smtputf8", SPAN("yes"));
	add_given(out, "ret", drop->ret);
	add_given(out, "envid", drop->envid);
	tabline_end(out);
	for (size_t i = 0; i < drop->count; i++) {
		tabline_add(out, SPAN("rcpt"));
		tabline_add_pair(out, "to", drop->recipient[i].to);
		add_given(out, "notify", drop->recipient[i].notify);
		tabline_end(out);
	}
	buffer_add_byte(out, '\n');
}

static struct span
get(const struct tabline *fields, const char *key, struct arena *arena)
{
	struct span value = { NULL, 0 };
	tabline_get(fields, 1, key, &value);
	return arena_copy(arena, value);
}

static void
take_envelope(const struct tabline *fields, struct arena *arena,
	struct drop *drop)
{
	drop->sender = get(fields, "sender", arena);
	drop->is_8bit = tabline_has(fields, 1, "body=8bitmime");
	drop->is_utf8 = tabline_has(fields, 1, "smtputf8=yes");
	drop->ret = get(fields, "ret", arena);
	drop->envid = get(fields, "envid", arena);
}

static bool
take_line(const struct tabline *fields, struct arena *arena,
	struct drop *drop, bool *has_envelope)
{
	if (span_equals(fields->field[0], SPAN("envelope"))) {
		if (*has_envelope)
			return false;
		*has_envelope = true;
		take_envelope(fields, arena, drop);
		return true;
	}
	if (!span_equals(fields->field[0], SPAN("rcpt")))
		return true;	/* of a later sendmail; need not be understood */
	struct span to = get(fields, "to", arena);
	if (to.size == 0 || drop->count == DROP_RECIPIENT_LIMIT)
		return false;
	drop->recipient[drop->count++] = (struct drop_recipient){ to,
		get(fields, "notify", arena) };
	return true;
}

bool
drop_parse(struct span bytes, struct arena *arena, struct drop *drop,
	size_t *size)
{
	struct span rest = span_first(bytes, DROP_HEAD_LIMIT), line;
	struct tabline fields;
	bool has_envelope = false;
	*drop = (struct drop){ .count = 0 };
	drop->recipient = arena_new_array(arena, DROP_RECIPIENT_LIMIT,
		sizeof(*drop->recipient));
	if (!span_split(&rest, '\n', &line) ||
	    !span_equals(line, SPAN("drop\t1")))
		return false;
	while (span_split(&rest, '\n', &line) && rest.data != NULL) {
		if (line.size == 0) {
			*size = (size_t)(rest.data - bytes.data);
			return has_envelope && drop->count > 0;
		}
		if (!tabline_parse(line, arena, &fields) ||
		    fields.count == 0 || !take_line(&fields, arena, drop,
		    &has_envelope))
			return false;
	}
	return false;
}
