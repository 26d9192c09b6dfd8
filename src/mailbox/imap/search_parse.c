/*
 * search-program and search-key of RFC 9051 9, with the keys of RFC 3501
 * (RECENT, NEW, OLD), RFC 7162 (MODSEQ), RFC 5032 (OLDER, YOUNGER) and RFC 8514
 * (SAVEDBEFORE and its like).
 */
#include <string.h>

#include "mailbox/imap/search_key.h"
#include "proto/charset.h"
#include "proto/date.h"
#include "proto/number_set.h"

struct parser {
	struct imap_parse *parse;
	struct search *search;
	struct span charset;
	unsigned depth;
};

/* How the arguments of a key are read. */
typedef bool
argument_function(struct parser *parser, struct search_key *key);

struct row {
	const char *name;
	enum search_kind kind;
	argument_function *parse;	/* NULL: there are none */
	uint64_t set, clear;
	const char *field;		/* of SEARCH_HEADER */
	enum search_order order;
};

static bool
parse_key(struct parser *parser, struct search_key **key);

static struct search_key *
key_new(struct parser *parser, enum search_kind kind)
{
	struct search_key *key;
	if (parser->search->key_count == SEARCH_KEY_LIMIT) {
		imap_parse_fail(parser->parse, "Too many search keys");
		return NULL;
	}
	key = arena_new(parser->parse->arena, sizeof(*key));
	key->kind = kind;
	key->index = parser->search->key_count++;
	return key;
}

/* ---- arguments ---- */

/* The string as it is compared. Without CHARSET it should be UTF-8 (RFC 9051
 * 6.4.4); what is not is taken as charset_to_utf8 takes unlabelled text. */
static struct span
fold(struct parser *parser, struct span string)
{
	struct buffer utf8, folded;
	buffer_init(&utf8, 0);
	buffer_init(&folded, 0);
	charset_to_utf8(&utf8, parser->charset, string);
	charset_fold(&folded, buffer_span(&utf8));
	struct span needle = arena_copy(parser->parse->arena,
		buffer_span(&folded));
	buffer_fini(&utf8);
	buffer_fini(&folded);
	return needle;
}

static bool
parse_string(struct parser *parser, struct search_key *key)
{
	struct span string;
	if (!imap_parse_space(parser->parse) ||
	    !imap_parse_astring(parser->parse, &string))
		return false;
	key->needle = fold(parser, string);
	return true;
}

static bool
parse_header(struct parser *parser, struct search_key *key)
{
	return imap_parse_space(parser->parse) &&
		imap_parse_astring(parser->parse, &key->name) &&
		parse_string(parser, key);
}

static bool
parse_keyword(struct parser *parser, struct search_key *key)
{
	return imap_parse_space(parser->parse) &&
		imap_parse_atom(parser->parse, &key->name);
}

/* date = date-text / DQUOTE date-text DQUOTE */
static bool
parse_date(struct parser *parser, struct search_key *key)
{
	struct span date;
	if (!imap_parse_space(parser->parse) ||
	    !imap_parse_astring(parser->parse, &date))
		return false;
	return date_parse_search(date, &key->days) ||
		imap_parse_fail(parser->parse, "A date is not well-formed");
}

static bool
parse_size(struct parser *parser, struct search_key *key)
{
	return imap_parse_space(parser->parse) &&
		imap_parse_number64(parser->parse, &key->number);
}

/* RFC 5032: an interval of zero is not allowed. */
static bool
parse_interval(struct parser *parser, struct search_key *key)
{
	uint32_t seconds;
	if (!imap_parse_space(parser->parse) ||
	    !imap_parse_nz_number(parser->parse, &seconds))
		return false;
	key->number = seconds;
	return true;
}

/* RFC 7162 3.1.5: "MODSEQ" [SP entry-name SP entry-type] SP mod-sequence. The
 * entry makes no difference: a message has one mod-sequence here. */
static bool
parse_modseq(struct parser *parser, struct search_key *key)
{
	struct imap_parse *parse = parser->parse;
	struct span entry, type;
	parser->search->has_modseq = true;
	if (!imap_parse_space(parse))
		return false;
	if (imap_parse_is_next(parse, '"')) {
		if (!imap_parse_string(parse, &entry) ||
		    !imap_parse_space(parse) ||
		    !imap_parse_atom(parse, &type) ||
		    !imap_parse_space(parse))
			return false;
		if (!span_equals_nocase(type, SPAN("priv")) &&
		    !span_equals_nocase(type, SPAN("shared")) &&
		    !span_equals_nocase(type, SPAN("all")))
			return imap_parse_fail(parse,
				"The type of a MODSEQ entry is not known");
	}
	return imap_parse_number64(parse, &key->number);
}

/* Its numbers are known with a view; its syntax is judged now. */
static bool
parse_set(struct parser *parser, struct search_key *key)
{
	struct number_set numbers;
	if (!imap_parse_sequence_set(parser->parse, &key->text))
		return false;
	if (span_equals(key->text, SPAN("$")))
		return true;
	number_set_init(&numbers);
	bool ok = number_set_parse(key->text, UINT32_MAX, SEARCH_RANGE_LIMIT,
		&numbers);
	number_set_fini(&numbers);
	return ok || imap_parse_fail(parser->parse,
		"A sequence set is not well-formed");
}

static bool
parse_uid(struct parser *parser, struct search_key *key)
{
	return imap_parse_space(parser->parse) && parse_set(parser, key);
}

static bool
parse_child(struct parser *parser, struct search_key *key)
{
	return imap_parse_space(parser->parse) &&
		parse_key(parser, &key->child);
}

static bool
parse_two_children(struct parser *parser, struct search_key *key)
{
	return parse_child(parser, key) &&
		imap_parse_space(parser->parse) &&
		parse_key(parser, &key->child->next);
}

/* ---- keys ---- */

static const struct row rows[] = {
	{ "ALL", SEARCH_ALL, NULL, 0, 0, NULL, 0 },
	{ "ANSWERED", SEARCH_FLAGS, NULL, STORE_ANSWERED, 0, NULL, 0 },
	{ "BCC", SEARCH_HEADER, parse_string, 0, 0, "Bcc", 0 },
	{ "BEFORE", SEARCH_INTERNAL_DATE, parse_date, 0, 0, NULL,
		SEARCH_BEFORE },
	{ "BODY", SEARCH_BODY, parse_string, 0, 0, NULL, 0 },
	{ "CC", SEARCH_HEADER, parse_string, 0, 0, "Cc", 0 },
	{ "DELETED", SEARCH_FLAGS, NULL, STORE_DELETED, 0, NULL, 0 },
	{ "DRAFT", SEARCH_FLAGS, NULL, STORE_DRAFT, 0, NULL, 0 },
	{ "FLAGGED", SEARCH_FLAGS, NULL, STORE_FLAGGED, 0, NULL, 0 },
	{ "FROM", SEARCH_HEADER, parse_string, 0, 0, "From", 0 },
	{ "HEADER", SEARCH_HEADER, parse_header, 0, 0, NULL, 0 },
	{ "KEYWORD", SEARCH_KEYWORD, parse_keyword, 1, 0, NULL, 0 },
	{ "LARGER", SEARCH_LARGER, parse_size, 0, 0, NULL, 0 },
	{ "MODSEQ", SEARCH_MODSEQ, parse_modseq, 0, 0, NULL, 0 },
	{ "NEW", SEARCH_RECENT, NULL, 1, STORE_SEEN, NULL, 0 },
	{ "NOT", SEARCH_NOT, parse_child, 0, 0, NULL, 0 },
	{ "OLD", SEARCH_RECENT, NULL, 0, 0, NULL, 0 },
	{ "OLDER", SEARCH_AGE, parse_interval, 0, 0, NULL, SEARCH_BEFORE },
	{ "ON", SEARCH_INTERNAL_DATE, parse_date, 0, 0, NULL, SEARCH_ON },
	{ "OR", SEARCH_OR, parse_two_children, 0, 0, NULL, 0 },
	{ "RECENT", SEARCH_RECENT, NULL, 1, 0, NULL, 0 },
	{ "SAVEDBEFORE", SEARCH_SAVE_DATE, parse_date, 0, 0, NULL,
		SEARCH_BEFORE },
	{ "SAVEDON", SEARCH_SAVE_DATE, parse_date, 0, 0, NULL, SEARCH_ON },
	{ "SAVEDSINCE", SEARCH_SAVE_DATE, parse_date, 0, 0, NULL,
		SEARCH_SINCE },
	{ "SAVEDATESUPPORTED", SEARCH_ALL, NULL, 0, 0, NULL, 0 },
	{ "SEEN", SEARCH_FLAGS, NULL, STORE_SEEN, 0, NULL, 0 },
	{ "SENTBEFORE", SEARCH_SENT_DATE, parse_date, 0, 0, NULL,
		SEARCH_BEFORE },
	{ "SENTON", SEARCH_SENT_DATE, parse_date, 0, 0, NULL, SEARCH_ON },
	{ "SENTSINCE", SEARCH_SENT_DATE, parse_date, 0, 0, NULL,
		SEARCH_SINCE },
	{ "SINCE", SEARCH_INTERNAL_DATE, parse_date, 0, 0, NULL,
		SEARCH_SINCE },
	{ "SMALLER", SEARCH_SMALLER, parse_size, 0, 0, NULL, 0 },
	{ "SUBJECT", SEARCH_HEADER, parse_string, 0, 0, "Subject", 0 },
	{ "TEXT", SEARCH_TEXT, parse_string, 0, 0, NULL, 0 },
	{ "TO", SEARCH_HEADER, parse_string, 0, 0, "To", 0 },
	{ "UID", SEARCH_UID, parse_uid, 0, 0, NULL, 0 },
	{ "UNANSWERED", SEARCH_FLAGS, NULL, 0, STORE_ANSWERED, NULL, 0 },
	{ "UNDELETED", SEARCH_FLAGS, NULL, 0, STORE_DELETED, NULL, 0 },
	{ "UNDRAFT", SEARCH_FLAGS, NULL, 0, STORE_DRAFT, NULL, 0 },
	{ "UNFLAGGED", SEARCH_FLAGS, NULL, 0, STORE_FLAGGED, NULL, 0 },
	{ "UNKEYWORD", SEARCH_KEYWORD, parse_keyword, 0, 0, NULL, 0 },
	{ "UNSEEN", SEARCH_FLAGS, NULL, 0, STORE_SEEN, NULL, 0 },
	{ "YOUNGER", SEARCH_AGE, parse_interval, 0, 0, NULL, SEARCH_SINCE },
};

static const struct row *
find_row(struct span name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (span_equals_nocase(name, span_from(rows[i].name)))
			return &rows[i];
	return NULL;
}

static bool
parse_named_key(struct parser *parser, struct search_key **key)
{
	struct span name;
	if (!imap_parse_atom(parser->parse, &name))
		return false;
	const struct row *row = find_row(name);
	if (row == NULL)
		return imap_parse_fail(parser->parse, "Unknown search key");
	*key = key_new(parser, row->kind);
	if (*key == NULL)
		return false;
	(*key)->set = row->set;
	(*key)->clear = row->clear;
	(*key)->order = row->order;
	(*key)->name = span_from(row->field);
	return row->parse == NULL || row->parse(parser, *key);
}

/* One or more keys between blanks, all of which must match. */
static bool
parse_keys(struct parser *parser, struct search_key **key)
{
	struct search_key **end;
	*key = key_new(parser, SEARCH_AND);
	if (*key == NULL)
		return false;
	end = &(*key)->child;
	do {
		if (!parse_key(parser, end))
			return false;
		end = &(*end)->next;
	} while (imap_parse_skip(parser->parse, " "));
	return true;
}

static bool
parse_list(struct parser *parser, struct search_key **key)
{
	return imap_parse_byte(parser->parse, '(') &&
		parse_keys(parser, key) &&
		imap_parse_byte(parser->parse, ')');
}

static bool
parse_sequence(struct parser *parser, struct search_key **key)
{
	*key = key_new(parser, SEARCH_SEQUENCE);
	return *key != NULL && parse_set(parser, *key);
}

static bool
begins_set(const struct imap_parse *parse)
{
	char c = parse->rest.size > 0 ? parse->rest.data[0] : '\0';
	return c == '$' || c == '*' || (c >= '0' && c <= '9');
}

/* Recursion is bounded by SEARCH_DEPTH_LIMIT. */
static bool
parse_key(struct parser *parser, struct search_key **key)
{
	bool ok;
	if (parser->depth == SEARCH_DEPTH_LIMIT)
		return imap_parse_fail(parser->parse,
			"Search keys are nested too deeply");
	parser->depth++;
	if (imap_parse_is_next(parser->parse, '('))
		ok = parse_list(parser, key);
	else if (begins_set(parser->parse))
		ok = parse_sequence(parser, key);
	else
		ok = parse_named_key(parser, key);
	parser->depth--;
	return ok;
}

enum search_verdict
search_parse(struct imap_parse *parse, struct search **search)
{
	struct parser parser = { .parse = parse, .charset = SPAN("us-ascii") };
	parser.search = *search = arena_new(parse->arena, sizeof(**search));
	if (imap_parse_skip(parse, "CHARSET ")) {
		if (!imap_parse_astring(parse, &parser.charset) ||
		    !imap_parse_space(parse))
			return SEARCH_BAD_SYNTAX;
		if (!charset_is_known(parser.charset))
			return SEARCH_BAD_CHARSET;
	}
	if (!parse_keys(&parser, &parser.search->root) ||
	    !imap_parse_end(parse))
		return SEARCH_BAD_SYNTAX;
	search_plan(parser.search);
	return SEARCH_OK;
}

bool
search_has_modseq(const struct search *search)
{
	return search->has_modseq;
}
