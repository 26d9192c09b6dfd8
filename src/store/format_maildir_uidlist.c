/*
 * What Dovecot keeps beside the messages of a maildir: UIDs in dovecot-uidlist,
 * names of the keyword letters in dovecot-keywords. Parsers without I/O; both
 * files may hold anything.
 */
#include "store/maildir_inside.h"

enum { LINE_LIMIT = 1000 };

/* ---- dovecot-uidlist ---- */

static uint32_t
number_of(struct span word)
{
	uint64_t number;
	return span_to_number(word, UINT32_MAX - 1, &number) ?
		(uint32_t)number : 0;
}

/* "1 validity next", or "3 V.. N.. G..". */
bool
maildir_uidlist_init(struct maildir_uidlist *list, struct span text)
{
	struct span line, word;
	*list = (struct maildir_uidlist){ .rest = text };
	if (!span_split(&list->rest, '\n', &line) || line.size > LINE_LIMIT ||
	    !span_word(&line, &word))
		return false;
	list->version = number_of(word);
	if (list->version == 1) {
		if (span_word(&line, &word))
			list->uid_validity = number_of(word);
		if (span_word(&line, &word))
			list->uid_next = number_of(word);
	}
	while (list->version == 3 && span_word(&line, &word)) {
		if (word.data[0] == 'V')
			list->uid_validity = number_of(span_skip(word, 1));
		else if (word.data[0] == 'N')
			list->uid_next = number_of(span_skip(word, 1));
	}
	return list->uid_validity != 0 && list->uid_next != 0;
}

/* "uid name", or "uid fields :name". */
bool
maildir_uidlist_next(struct maildir_uidlist *list, uint32_t *uid,
	struct span *base)
{
	struct span line, word;
	while (span_split(&list->rest, '\n', &line)) {
		if (line.size > LINE_LIMIT || !span_word(&line, &word))
			continue;
		*uid = number_of(word);
		struct span name = line;
		if (list->version == 3) {
			size_t mark = span_search(line, SPAN(" :"));
			if (mark == line.size)
				continue;
			name = span_skip(line, mark + 2);
		} else {
			name = span_trim(name);
		}
		*base = span_first(name, span_find(name, ':'));
		if (*uid != 0 && base->size > 0 &&
		    base->size <= MAILDIR_NAME_LIMIT)
			return true;
	}
	return false;
}

/* ---- dovecot-keywords ---- */

static bool
is_keyword(struct span name)
{
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
			return false;
	return name.size > 0 && name.size <= STORE_KEYWORD_SIZE;
}

void
maildir_keywords_parse(struct span text, struct span names[MAILDIR_LETTERS])
{
	struct span line, word;
	for (size_t i = 0; i < MAILDIR_LETTERS; i++)
		names[i] = span_of(NULL, 0);
	while (span_split(&text, '\n', &line)) {
		uint64_t number;
		if (span_word(&line, &word) && span_to_number(word,
				MAILDIR_LETTERS - 1, &number) &&
		    is_keyword(span_trim(line)))
			names[number] = span_trim(line);
	}
}

void
maildir_keywords_format(const struct span names[MAILDIR_LETTERS],
	struct buffer *out)
{
	for (size_t i = 0; i < MAILDIR_LETTERS; i++)
		if (names[i].size > 0)
			buffer_print(out, "%zu %.*s\n", i,
				SPAN_PRINT(names[i]));
}
