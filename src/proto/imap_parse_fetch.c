/*
 * Flags, and the attributes of FETCH (RFC 9051 6.4.5 and 9; BINARY of RFC 3516,
 * MODSEQ of RFC 7162, the RFC822 forms of RFC 3501).
 */
#include "proto/imap_parse.h"

#include <string.h>

/* ---- flags ---- */

static const struct {
	const char *name;
	enum imap_parse_flag flag;
} flag_names[] = {
	{ "Seen", IMAP_FLAG_SEEN },
	{ "Answered", IMAP_FLAG_ANSWERED },
	{ "Flagged", IMAP_FLAG_FLAGGED },
	{ "Deleted", IMAP_FLAG_DELETED },
	{ "Draft", IMAP_FLAG_DRAFT },
};

static void
add_system_flag(struct imap_parse_flags *flags, struct span name)
{
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
		if (span_equals_nocase(name, span_from(flag_names[i].name))) {
			flags->system |= flag_names[i].flag;
			return;
		}
	}
	if (span_equals_nocase(name, SPAN("Recent")))
		flags->has_recent = true;
	else
		flags->has_unknown = true;
}

/* Items are separated by spaces: no more of them than this in the text. */
static size_t
most_items(struct span text, size_t limit)
{
	size_t count = 1;
	for (size_t i = 0; i < text.size && count < limit; i++)
		count += text.data[i] == ' ';
	return count;
}

/* keyword has room for most_items. */
static bool
parse_flag(struct imap_parse *parse, struct imap_parse_flags *flags,
	struct span *keyword)
{
	struct span name;
	bool is_system = imap_parse_is_next(parse, '\\');
	if (is_system)
		parse->rest = span_skip(parse->rest, 1);
	if (!imap_parse_atom(parse, &name))
		return false;
	if (is_system) {
		add_system_flag(flags, name);
		return true;
	}
	for (size_t i = 0; i < flags->keyword_count; i++)
		if (span_equals_nocase(keyword[i], name))
			return true;
	if (flags->keyword_count == IMAP_PARSE_FLAG_LIMIT)
		return imap_parse_fail(parse, "Too many flags");
	keyword[flags->keyword_count++] = name;
	return true;
}

static bool
parse_flags(struct imap_parse *parse, struct imap_parse_flags *flags,
	bool may_be_bare)
{
	struct span *keyword = arena_new_array(parse->arena,
		most_items(parse->rest, IMAP_PARSE_FLAG_LIMIT),
		sizeof(*keyword));
	bool is_list = imap_parse_is_next(parse, '(');
	*flags = (struct imap_parse_flags){ .keyword = keyword };
	if ((is_list || !may_be_bare) && !imap_parse_byte(parse, '('))
		return false;
	if (is_list && imap_parse_skip(parse, ")"))
		return true;
	do {
		if (!parse_flag(parse, flags, keyword))
			return false;
	} while (imap_parse_skip(parse, " "));
	return !is_list || imap_parse_byte(parse, ')');
}

bool
imap_parse_flag_list(struct imap_parse *parse, struct imap_parse_flags *flags)
{
	return parse_flags(parse, flags, false);
}

bool
imap_parse_store_flags(struct imap_parse *parse,
	struct imap_parse_flags *flags)
{
	return parse_flags(parse, flags, true) && imap_parse_end(parse);
}

/* ---- sections ---- */

static bool
is_digit_next(const struct imap_parse *parse)
{
	return parse->rest.size > 0 && parse->rest.data[0] >= '0' &&
		parse->rest.data[0] <= '9';
}

/* "1.2.3", and the dot after it when a section-text follows. */
static bool
parse_path(struct imap_parse *parse, struct imap_section *section,
	bool *wants_text)
{
	uint32_t path[IMAP_PARSE_PATH_LIMIT];
	size_t count = 0;
	*wants_text = true;
	while (is_digit_next(parse)) {
		if (count == IMAP_PARSE_PATH_LIMIT)
			return imap_parse_fail(parse, "A part path is too deep");
		if (!imap_parse_nz_number(parse, &path[count]))
			return false;
		count++;
		*wants_text = imap_parse_skip(parse, ".");
		if (!*wants_text)
			break;
	}
	section->path_count = count;
	section->path = arena_new_array(parse->arena, count, sizeof(path[0]));
	if (count > 0)
		memcpy(section->path, path, count * sizeof(path[0]));
	return true;
}

static bool
parse_field_list(struct imap_parse *parse, struct imap_section *section)
{
	struct span field[IMAP_PARSE_FIELD_LIMIT];
	size_t count = 0;
	if (!imap_parse_space(parse) || !imap_parse_byte(parse, '('))
		return false;
	do {
		if (count == IMAP_PARSE_FIELD_LIMIT)
			return imap_parse_fail(parse, "Too many header fields");
		if (!imap_parse_astring(parse, &field[count++]))
			return false;
	} while (imap_parse_skip(parse, " "));
	section->field_count = count;
	section->field = arena_new_array(parse->arena, count, sizeof(field[0]));
	memcpy(section->field, field, count * sizeof(field[0]));
	return imap_parse_byte(parse, ')');
}

/* section-text; an empty one is all of the message (or part). */
static bool
parse_section_text(struct imap_parse *parse, struct imap_section *section)
{
	static const struct {
		const char *name;
		enum imap_section_text text;
	} names[] = {	/* longer ones before their beginnings */
		{ "HEADER.FIELDS.NOT", IMAP_SECTION_FIELDS_NOT },
		{ "HEADER.FIELDS", IMAP_SECTION_FIELDS },
		{ "HEADER", IMAP_SECTION_HEADER },
		{ "TEXT", IMAP_SECTION_TEXT },
		{ "MIME", IMAP_SECTION_MIME },
	};
	size_t i = 0, count = sizeof(names) / sizeof(names[0]);
	while (i < count && !imap_parse_skip(parse, names[i].name))
		i++;
	if (i == count)
		return imap_parse_fail(parse, "Unknown section text");
	section->text = names[i].text;
	if (section->text == IMAP_SECTION_MIME && section->path_count == 0)
		return imap_parse_fail(parse, "MIME needs a part number");
	if (section->text == IMAP_SECTION_FIELDS ||
	    section->text == IMAP_SECTION_FIELDS_NOT)
		return parse_field_list(parse, section);
	return true;
}

/* "[" ... "]"; binary sections have part numbers only. */
static bool
parse_section(struct imap_parse *parse, struct imap_section *section,
	bool is_binary)
{
	bool wants_text;
	if (!imap_parse_byte(parse, '[') ||
	    !parse_path(parse, section, &wants_text))
		return false;
	if (is_binary && wants_text && section->path_count > 0)
		return imap_parse_fail(parse, "A part number is missing");
	if (!imap_parse_is_next(parse, ']') || (wants_text &&
	    section->path_count > 0)) {
		if (is_binary || !wants_text)
			return imap_parse_fail(parse,
				"A section is not well-formed");
		if (!parse_section_text(parse, section))
			return false;
	}
	return imap_parse_byte(parse, ']');
}

/* "<" number "." nz-number ">" */
static bool
parse_partial(struct imap_parse *parse, struct imap_fetch_item *item)
{
	if (!imap_parse_skip(parse, "<"))
		return true;
	item->is_partial = true;
	return imap_parse_number64(parse, &item->offset) &&
		imap_parse_byte(parse, '.') &&
		imap_parse_number64(parse, &item->size) &&
		(item->size > 0 ||
		imap_parse_fail(parse, "Zero is not allowed here")) &&
		imap_parse_byte(parse, '>');
}

/* ---- items ---- */

static const struct {
	const char *name;
	enum imap_fetch_kind kind;
	bool has_section, is_peek;
} item_names[] = {	/* longer ones before their beginnings */
	{ "FLAGS", IMAP_FETCH_FLAGS, false, false },
	{ "ENVELOPE", IMAP_FETCH_ENVELOPE, false, false },
	{ "INTERNALDATE", IMAP_FETCH_INTERNALDATE, false, false },
	{ "RFC822.HEADER", IMAP_FETCH_RFC822_HEADER, false, false },
	{ "RFC822.SIZE", IMAP_FETCH_RFC822_SIZE, false, false },
	{ "RFC822.TEXT", IMAP_FETCH_RFC822_TEXT, false, false },
	{ "RFC822", IMAP_FETCH_RFC822, false, false },
	{ "BODYSTRUCTURE", IMAP_FETCH_BODYSTRUCTURE, false, false },
	{ "BODY.PEEK", IMAP_FETCH_SECTION, true, true },
	{ "BODY", IMAP_FETCH_BODY, false, false },	/* BODY[: see below */
	{ "BINARY.PEEK", IMAP_FETCH_BINARY, true, true },
	{ "BINARY.SIZE", IMAP_FETCH_BINARY_SIZE, true, false },
	{ "BINARY", IMAP_FETCH_BINARY, true, false },
	{ "UID", IMAP_FETCH_UID, false, false },
	{ "MODSEQ", IMAP_FETCH_MODSEQ, false, false },
};

static bool
parse_item(struct imap_parse *parse, struct imap_fetch_item *item)
{
	size_t i = 0, count = sizeof(item_names) / sizeof(item_names[0]);
	while (i < count && !imap_parse_skip(parse, item_names[i].name))
		i++;
	if (i == count)
		return imap_parse_fail(parse, "Unknown FETCH attribute");
	*item = (struct imap_fetch_item){
		.kind = item_names[i].kind, .is_peek = item_names[i].is_peek
	};
	bool has_section = item_names[i].has_section;
	if (item->kind == IMAP_FETCH_BODY && imap_parse_is_next(parse, '[')) {
		item->kind = IMAP_FETCH_SECTION;
		has_section = true;
	}
	if (!has_section)
		return true;
	return parse_section(parse, &item->section,
		item->kind != IMAP_FETCH_SECTION) &&
		(item->kind == IMAP_FETCH_BINARY_SIZE ||
		parse_partial(parse, item));
}

/* RFC 9051 6.4.5: macros are not items and stand alone. */
static bool
parse_macro(struct imap_parse *parse, struct imap_fetch_item *items,
	size_t *count)
{
	static const enum imap_fetch_kind kinds[] = {
		IMAP_FETCH_FLAGS, IMAP_FETCH_INTERNALDATE,
		IMAP_FETCH_RFC822_SIZE, IMAP_FETCH_ENVELOPE, IMAP_FETCH_BODY
	};
	if (imap_parse_skip(parse, "FAST"))
		*count = 3;
	else if (imap_parse_skip(parse, "ALL"))
		*count = 4;
	else if (imap_parse_skip(parse, "FULL"))
		*count = 5;
	else
		return false;
	for (size_t i = 0; i < *count; i++)
		items[i] = (struct imap_fetch_item){ .kind = kinds[i] };
	return true;
}

bool
imap_parse_fetch_items(struct imap_parse *parse,
	struct imap_fetch_item **items, size_t *count)
{
	size_t room = most_items(parse->rest, IMAP_PARSE_FETCH_LIMIT);
	struct imap_fetch_item *item = arena_new_array(parse->arena,
		room < 5 ? 5 : room, sizeof(*item));
	*items = item;
	*count = 0;
	if (parse_macro(parse, item, count))
		return true;
	bool is_list = imap_parse_skip(parse, "(");
	do {
		if (*count == IMAP_PARSE_FETCH_LIMIT)
			return imap_parse_fail(parse, "Too many FETCH attributes");
		if (!parse_item(parse, &item[*count]))
			return false;
		(*count)++;
	} while (is_list && imap_parse_skip(parse, " "));
	return !is_list || imap_parse_byte(parse, ')');
}
