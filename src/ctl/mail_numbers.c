/* Which messages a command means; see mail_numbers.h. */
#include "ctl/mail_numbers.h"

#include "proto/imap_parse.h"

struct choice {
	const struct mail_box *box;
	size_t current;
	bool is_undelete;
	struct arena *arena;
	bool *is_chosen;
};

static bool
is_meant(const struct choice *choice, size_t index)
{
	return choice->box->message[index].is_deleted == choice->is_undelete;
}

/* One number: digits or a sign; false when it is none. */
static bool
parse_number(const struct choice *choice, struct span word, uint64_t *number)
{
	if (span_equals(word, SPAN("$")))
		*number = choice->box->count;
	else if (span_equals(word, SPAN("^")))
		*number = 1;
	else if (span_equals(word, SPAN(".")))
		*number = choice->current + 1;
	else if (span_equals(word, SPAN("+")))
		*number = choice->current + 2;
	else if (span_equals(word, SPAN("-")))
		*number = choice->current;
	else
		return span_to_number(word, UINT32_MAX, number);
	return true;
}

static const char *
choose_range(const struct choice *choice, struct span word, uint64_t first,
	uint64_t last)
{
	bool is_any = false;
	if (first < 1 || last > choice->box->count || first > last)
		return arena_print(choice->arena, "%.*s: Invalid message number",
			SPAN_PRINT(word)).data;
	for (uint64_t i = first - 1; i < last; i++) {
		if (!is_meant(choice, i))
			continue;
		choice->is_chosen[i] = true;
		is_any = true;
	}
	return is_any ? NULL : arena_print(choice->arena,
		"%.*s: Inappropriate message", SPAN_PRINT(word)).data;
}

static bool
contains_nocase(struct span text, struct span wanted)
{
	for (; text.size >= wanted.size; text = span_skip(text, 1))
		if (span_starts_nocase(text, wanted))
			return true;
	return false;
}

/* ":u", "/subject" or a sender. */
static bool
matches(const struct mail_message *message, struct span word)
{
	bool is_seen = (message->flags & IMAP_FLAG_SEEN) != 0 ||
		message->is_read;
	if (word.data[0] == '/')
		return contains_nocase(message->subject, span_skip(word, 1));
	if (word.data[0] != ':' || word.size < 2)
		return contains_nocase(message->from, word);
	switch (word.data[1]) {
	case 'u': return !is_seen;
	case 'n': return message->is_new;
	case 'r': return is_seen;
	case 'o': return !message->is_new;
	case 'd': return message->is_deleted;
	default: return false;
	}
}

static const char *
choose_word(const struct choice *choice, struct span word)
{
	uint64_t first, last;
	size_t dash = span_find(word, '-');
	bool is_any = false;
	if (span_equals(word, SPAN("*")))
		return choose_range(choice, word, 1, choice->box->count);
	if (parse_number(choice, word, &first))
		return choose_range(choice, word, first, first);
	if (dash > 0 && dash < word.size &&
	    parse_number(choice, span_first(word, dash), &first) &&
	    parse_number(choice, span_skip(word, dash + 1), &last))
		return choose_range(choice, word, first, last);
	for (size_t i = 0; i < choice->box->count; i++) {
		if (!is_meant(choice, i) ||
		    !matches(&choice->box->message[i], word))
			continue;
		choice->is_chosen[i] = true;
		is_any = true;
	}
	return is_any ? NULL : "No applicable messages";
}

const char *
mail_numbers_choose(const struct mail_box *box, struct span list,
	size_t current, bool is_undelete, struct arena *arena, bool *is_chosen)
{
	struct choice choice = { box, current, is_undelete, arena, is_chosen };
	struct span word;
	const char *problem = NULL;
	for (size_t i = 0; i < box->count; i++)
		is_chosen[i] = false;
	while (problem == NULL && span_word(&list, &word))
		problem = choose_word(&choice, word);
	return problem;
}
