/* What an IMAP server says; RFC 9051 7. */
#include "proto/imap_answer.h"

#include "proto/date.h"

enum { DEPTH_LIMIT = 32 };

/* ---- conditions ---- */

static const struct {
	const char *name;
	enum imap_answer_condition condition;
} conditions[] = {
	{ "OK", IMAP_CONDITION_OK }, { "NO", IMAP_CONDITION_NO },
	{ "BAD", IMAP_CONDITION_BAD }, { "BYE", IMAP_CONDITION_BYE },
	{ "PREAUTH", IMAP_CONDITION_PREAUTH },
};

static bool
find_condition(struct span name, enum imap_answer_condition *condition)
{
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		if (!span_equals_nocase(name, span_from(conditions[i].name)))
			continue;
		*condition = conditions[i].condition;
		return true;
	}
	return false;
}

/* "[CODE argument] text"; either may be missing, as servers have it. */
static void
take_text(struct span text, struct imap_answer *answer)
{
	text = span_trim(text);
	size_t end = span_find(text, ']');
	if (text.size > 0 && text.data[0] == '[' && end < text.size) {
		struct span code = span_first(span_skip(text, 1), end - 1);
		size_t blank = span_find(code, ' ');
		answer->code = span_first(code, blank);
		answer->argument = span_trim(span_skip(code, blank));
		text = span_trim(span_skip(text, end + 1));
	}
	answer->text = text;
}

/* ---- values that are passed over ---- */

/* One value of any form: a parenthesised list is taken with all in it. */
static bool
skip_value(struct imap_parse *parse)
{
	unsigned depth = 0;
	struct span ignored;
	do {
		if (depth > 0 && imap_parse_skip(parse, " "))
			continue;
		if (imap_parse_skip(parse, "(")) {
			if (++depth > DEPTH_LIMIT)
				return false;
		} else if (imap_parse_is_next(parse, ')')) {
			if (depth == 0)
				return false;
			imap_parse_byte(parse, ')');
			depth--;
		} else if (imap_parse_is_next(parse, '"') ||
		    imap_parse_is_next(parse, '{')) {
			if (!imap_parse_string(parse, &ignored))
				return false;
		} else {
			/* An atom, or what somebody takes for one. */
			size_t n = 0;
			while (n < parse->rest.size && parse->rest.data[n] != ' ' &&
			    parse->rest.data[n] != '(' &&
			    parse->rest.data[n] != ')')
				n++;
			if (n == 0)
				return false;
			parse->rest = span_skip(parse->rest, n);
		}
	} while (depth > 0);
	return true;
}

/* ---- LIST ---- */

static bool
take_attributes(struct imap_parse *parse, struct imap_answer_list *list)
{
	if (!imap_parse_byte(parse, '('))
		return false;
	for (unsigned count = 0; !imap_parse_is_next(parse, ')'); count++) {
		struct span word = parse->rest;
		size_t n = 0;
		while (n < word.size && word.data[n] != ' ' && word.data[n] != ')')
			n++;
		word = span_first(word, n);
		if (count > IMAP_PARSE_FLAG_LIMIT || n == parse->rest.size)
			return false;
		list->is_noselect |=
			span_equals_nocase(word, SPAN("\\Noselect")) ||
			span_equals_nocase(word, SPAN("\\NonExistent"));
		list->is_subscribed |=
			span_equals_nocase(word, SPAN("\\Subscribed"));
		parse->rest = span_skip(parse->rest, n);
		imap_parse_skip(parse, " ");
	}
	return imap_parse_byte(parse, ')');
}

static bool
take_name(struct imap_parse *parse, struct imap_answer_list *list)
{
	if (!imap_parse_astring(parse, &list->raw))
		return false;
	list->name = imap_parse_decode_mailbox(parse, list->raw);
	if (span_equals_nocase(list->name, SPAN("INBOX")))
		list->name = SPAN("INBOX");
	return true;
}

static bool
take_list(struct imap_parse *parse, struct imap_answer_list *list)
{
	struct span delimiter;
	if (!imap_parse_space(parse) || !take_attributes(parse, list) ||
	    !imap_parse_space(parse) || !imap_parse_nstring(parse, &delimiter) ||
	    !imap_parse_space(parse))
		return false;
	list->delimiter = delimiter.size == 1 ? delimiter.data[0] : 0;
	/* RFC 5258 3 may add more, which nobody asked for. */
	return take_name(parse, list);
}

/* ---- FETCH ---- */

enum taken { TAKEN_BAD, TAKEN_ITEM, TAKEN_LITERAL };

/* The value of BODY[...] and RFC822: NIL, a string, or a literal that has been
 * announced and stands at the end. */
static enum taken
take_body(struct imap_parse *parse, struct imap_answer_fetch *fetch)
{
	fetch->has_body = true;
	imap_parse_skip(parse, "~");
	if (imap_parse_is_next(parse, '{') && parse->rest.size > 2 &&
	    span_find(parse->rest, '}') + 3 == parse->rest.size)
		return TAKEN_LITERAL;
	return imap_parse_nstring(parse, &fetch->body) ? TAKEN_ITEM : TAKEN_BAD;
}

static enum taken
take_date(struct imap_parse *parse, struct imap_answer_fetch *fetch)
{
	struct span date;
	if (!imap_parse_string(parse, &date))
		return TAKEN_BAD;
	fetch->has_date = date_parse_internal(date, &fetch->date, &fetch->zone);
	return TAKEN_ITEM;
}

/* To behind the "]" and the "<0>" of a section. */
static bool
skip_section(struct imap_parse *parse)
{
	size_t end = span_find(parse->rest, ']');
	if (end == parse->rest.size)
		return false;
	parse->rest = span_skip(parse->rest, end + 1);
	if (imap_parse_is_next(parse, '<')) {
		end = span_find(parse->rest, '>');
		parse->rest = span_skip(parse->rest, end + 1);
	}
	return imap_parse_skip(parse, " ");
}

static enum taken
take_item(struct imap_parse *parse, struct imap_answer_fetch *fetch)
{
	bool is_taken;
	if (imap_parse_skip(parse, "UID ")) {
		is_taken = imap_parse_nz_number(parse, &fetch->uid);
	} else if (imap_parse_skip(parse, "FLAGS ")) {
		fetch->flags = (struct imap_parse_flags){ .system = 0 };
		fetch->has_flags = is_taken =
			imap_parse_flag_list(parse, &fetch->flags);
	} else if (imap_parse_skip(parse, "RFC822.SIZE ")) {
		fetch->has_size = is_taken =
			imap_parse_number64(parse, &fetch->size);
	} else if (imap_parse_skip(parse, "INTERNALDATE ")) {
		return take_date(parse, fetch);
	} else if (imap_parse_skip(parse, "BODY[")) {
		return skip_section(parse) ? take_body(parse, fetch) : TAKEN_BAD;
	} else {
		size_t name = span_find(parse->rest, ' ');
		parse->rest = span_skip(parse->rest, name);
		is_taken = imap_parse_space(parse) && skip_value(parse);
	}
	return is_taken ? TAKEN_ITEM : TAKEN_BAD;
}

/* Items up to ")". */
static enum taken
take_items(struct imap_parse *parse, struct imap_answer_fetch *fetch)
{
	while (!imap_parse_skip(parse, ")")) {
		enum taken taken = take_item(parse, fetch);
		if (taken != TAKEN_ITEM)
			return taken;
		imap_parse_skip(parse, " ");
	}
	return TAKEN_ITEM;
}

/* ---- whole responses ---- */

static bool
take_numbered(struct imap_parse *parse, struct imap_answer *answer,
	enum taken *taken)
{
	if (!imap_parse_number(parse, &answer->number) ||
	    !imap_parse_space(parse))
		return false;
	*taken = TAKEN_ITEM;
	if (imap_parse_skip(parse, "FETCH (")) {
		answer->kind = IMAP_ANSWER_FETCH;
		*taken = take_items(parse, &answer->fetch);
	} else if (imap_parse_skip(parse, "EXISTS")) {
		answer->kind = IMAP_ANSWER_EXISTS;
	} else if (imap_parse_skip(parse, "EXPUNGE")) {
		answer->kind = IMAP_ANSWER_EXPUNGE;
	}
	return *taken != TAKEN_BAD;
}

static bool
take_untagged(struct imap_parse *parse, struct imap_answer *answer,
	enum taken *taken)
{
	*taken = TAKEN_ITEM;
	if (parse->rest.size > 0 && parse->rest.data[0] >= '0' &&
	    parse->rest.data[0] <= '9')
		return take_numbered(parse, answer, taken);
	size_t end = span_find(parse->rest, ' ');
	struct span name = span_first(parse->rest, end);
	parse->rest = span_skip(parse->rest, end);
	if (find_condition(name, &answer->condition)) {
		answer->kind = IMAP_ANSWER_CONDITION;
		take_text(parse->rest, answer);
	} else if (span_equals_nocase(name, SPAN("CAPABILITY"))) {
		answer->kind = IMAP_ANSWER_CAPABILITY;
		answer->text = span_trim(parse->rest);
	} else if (span_equals_nocase(name, SPAN("LIST")) ||
	    span_equals_nocase(name, SPAN("LSUB"))) {
		answer->kind = span_equals_nocase(name, SPAN("LIST")) ?
			IMAP_ANSWER_LIST : IMAP_ANSWER_LSUB;
		return take_list(parse, &answer->list);
	} else if (span_equals_nocase(name, SPAN("STATUS"))) {
		answer->kind = IMAP_ANSWER_STATUS;
		if (!imap_parse_space(parse) || !take_name(parse, &answer->list))
			return false;
		answer->text = span_trim(parse->rest);
	}
	return true;
}

static bool
parse_response(struct arena *arena, struct span response,
	struct imap_answer *answer, enum taken *taken)
{
	struct imap_parse parse;
	*answer = (struct imap_answer){ .kind = IMAP_ANSWER_OTHER };
	*taken = TAKEN_ITEM;
	imap_parse_init(&parse, response, arena, false);
	if (imap_parse_skip(&parse, "+")) {
		answer->kind = IMAP_ANSWER_CONTINUE;
		take_text(parse.rest, answer);
		return true;
	}
	if (imap_parse_skip(&parse, "* "))
		return take_untagged(&parse, answer, taken);
	struct span name;
	if (!imap_parse_command(&parse, &answer->tag, &name) ||
	    !find_condition(name, &answer->condition))
		return false;
	answer->kind = IMAP_ANSWER_TAGGED;
	take_text(parse.rest, answer);
	return true;
}

bool
imap_answer_parse(struct arena *arena, struct span response,
	struct imap_answer *answer)
{
	enum taken taken;
	return parse_response(arena, response, answer, &taken) &&
		taken == TAKEN_ITEM;
}

bool
imap_answer_wants_literal(struct arena *arena, struct span response,
	struct imap_answer *answer)
{
	enum taken taken;
	if (!span_starts(response, SPAN("* ")))
		return false;
	/* The flags point into what the framer is about to drop. */
	return parse_response(arena, arena_copy(arena, response), answer,
		&taken) && taken == TAKEN_LITERAL;
}

bool
imap_answer_continue(struct arena *arena, struct span rest,
	struct imap_answer *answer)
{
	struct imap_parse parse;
	imap_parse_init(&parse, rest, arena, false);
	imap_parse_skip(&parse, " ");
	return take_items(&parse, &answer->fetch) == TAKEN_ITEM;
}

bool
imap_answer_status_number(const struct imap_answer *answer, const char *name,
	uint64_t *number)
{
	struct span rest = answer->text, key, value;
	if (rest.size < 2 || rest.data[0] != '(')
		return false;
	rest = span_of(rest.data + 1, rest.size - 2);
	while (span_word(&rest, &key) && span_word(&rest, &value))
		if (span_equals_nocase(key, span_from(name)))
			return span_to_number(value, INT64_MAX, number);
	return false;
}

bool
imap_answer_has_word(struct span words, const char *word)
{
	struct span each;
	while (span_word(&words, &each))
		if (span_equals_nocase(each, span_from(word)))
			return true;
	return false;
}
