/*
 * SEARCH and UID SEARCH: what is done with the UIDs found (RFC 9051 6.4.4,
 * 7.3.4; ESEARCH of RFC 4731, SAVE of RFC 5182, MODSEQ of RFC 7162 3.1.5). The
 * criteria are search.h's.
 */
#include "base/clock.h"
#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"
#include "mailbox/imap/search.h"
#include "proto/imap_write.h"

enum {
	RETURN_MIN = 1, RETURN_MAX = 2, RETURN_ALL = 4, RETURN_COUNT = 8,
	RETURN_SAVE = 16,
	SEARCH_TIMEOUT = 5 * 60 * 1000,		/* ms */
};

struct request {
	unsigned options;
	bool has_return;
	struct search *search;
};

static const struct {
	const char *name;
	unsigned option;
} option_names[] = {
	{ "MIN", RETURN_MIN }, { "MAX", RETURN_MAX }, { "ALL", RETURN_ALL },
	{ "COUNT", RETURN_COUNT }, { "SAVE", RETURN_SAVE },
};

/* "RETURN" SP "(" [option *(SP option)] ")" SP */
static bool
parse_return(struct imap_parse *parse, struct request *request)
{
	size_t count = sizeof(option_names) / sizeof(option_names[0]);
	if (!imap_parse_skip(parse, "RETURN ("))
		return true;
	request->has_return = true;
	bool is_empty = imap_parse_skip(parse, ")");
	while (!is_empty) {
		size_t i = 0;
		while (i < count && !imap_parse_skip(parse,
		    option_names[i].name))
			i++;
		if (i == count)
			return imap_parse_fail(parse, "Unknown RETURN option");
		request->options |= option_names[i].option;
		if (!imap_parse_skip(parse, " "))
			break;
	}
	if (!is_empty && !imap_parse_byte(parse, ')'))
		return false;
	if (request->options == 0)	/* RFC 9051 6.4.4: () means ALL */
		request->options = RETURN_ALL;
	return imap_parse_space(parse);
}

static bool
parse_request(struct imap_session *imap, struct imap_command *command,
	struct request *request)
{
	struct imap_parse *parse = &command->parse;
	if (!imap_parse_space(parse) || !parse_return(parse, request))
		return false;
	/* RFC 6855 3 */
	if ((imap->parked.enabled & IMAP_UTF8) != 0 &&
	    span_starts_nocase(parse->rest, SPAN("CHARSET ")))
		return imap_parse_fail(parse, "With UTF8=ACCEPT there is no "
			"CHARSET");
	switch (search_parse(parse, &request->search)) {
	case SEARCH_OK:
		return true;
	case SEARCH_BAD_CHARSET:
		imap_no(command, "BADCHARSET (UTF-8)",
			"That charset is not known");
		return false;
	case SEARCH_BAD_SYNTAX:
		break;
	}
	return false;
}

static bool
run(struct imap_session *imap, struct imap_command *command,
	const struct request *request, struct number_set *uids)
{
	struct error error = { 0 };
	struct search_scope scope = {
		.account = imap->account, .view = imap->view,
		.recent_first = imap->parked.recent_first,
		.saved = &imap->saved, .now = clock_wall() / 1000,
		.deadline = clock_monotonic() + SEARCH_TIMEOUT,
	};
	if (search_run(request->search, &scope, uids, &error) == 0)
		return true;
	imap_is_done(imap, command, STORE_TROUBLE, &error);
	return false;
}

/* ---- what was found, in short ---- */

struct result {
	struct number_set numbers;	/* as they are shown */
	struct store_message first, last;
	uint64_t modseq;		/* the highest */
};

/* Every UID found is in the view, so UIDs in a row have numbers in a row: only
 * for MODSEQ each message is looked at. */
static void
summarise(struct imap_session *imap, const struct request *request,
	bool is_uid, const struct number_set *uids, struct result *result)
{
	struct store_message message;
	uint32_t next = 0;
	number_set_init(&result->numbers);
	result->modseq = 0;
	for (size_t i = 0; i < uids->count; i++) {
		const struct number_range *range = &uids->range[i];
		uint32_t first = is_uid ? range->first :
			store_view_sequence(imap->view, range->first);
		number_set_add(&result->numbers, first,
			first + (range->last - range->first));
	}
	if (uids->count == 0)
		return;
	store_view_by_uid(imap->view, uids->range[0].first, &result->first);
	store_view_by_uid(imap->view, uids->range[uids->count - 1].last,
		&result->last);
	while (search_has_modseq(request->search) &&
	    imap_next_message(imap->view, uids, &next, &message))
		if (message.modseq > result->modseq)
			result->modseq = message.modseq;
}

/* RFC 7162 3.1.5: MIN and MAX alone ask for their own. */
static uint64_t
modseq_of(const struct request *request, const struct result *result)
{
	uint64_t first = result->first.modseq, last = result->last.modseq;
	switch (request->options & ~(unsigned)RETURN_SAVE) {
	case RETURN_MIN:
		return first;
	case RETURN_MAX:
		return last;
	case RETURN_MIN | RETURN_MAX:
		return first > last ? first : last;
	default:
		return result->modseq;
	}
}

/* ---- answers ---- */

static void
tell_esearch(struct imap_session *imap, struct imap_command *command,
	const struct request *request, const struct result *result)
{
	struct buffer *line = &imap->line;
	bool has_some = result->numbers.count > 0;
	unsigned options = request->options;
	uint32_t first = command->is_uid ? result->first.uid :
		result->first.sequence;
	uint32_t last = command->is_uid ? result->last.uid :
		result->last.sequence;
	/* RFC 5182 2.1: SAVE alone is answered by the tagged OK. */
	if (options == RETURN_SAVE)
		return;
	buffer_add_string(line, "* ESEARCH (TAG ");
	imap_write_string(line, command->tag, false);
	buffer_add_string(line, command->is_uid ? ") UID" : ")");
	if (has_some && (options & RETURN_MIN) != 0)
		buffer_print(line, " MIN %u", first);
	if (has_some && (options & RETURN_MAX) != 0)
		buffer_print(line, " MAX %u", last);
	if (has_some && (options & RETURN_ALL) != 0) {
		buffer_add_string(line, " ALL ");
		number_set_format(line, &result->numbers);
	}
	if ((options & RETURN_COUNT) != 0)
		buffer_print(line, " COUNT %lu",
			(unsigned long)number_set_size(&result->numbers));
	if (has_some && search_has_modseq(request->search))
		buffer_print(line, " MODSEQ %lu",
			(unsigned long)modseq_of(request, result));
	buffer_add_string(line, "\r\n");
	imap_send_line(imap);
}

static void
tell_search(struct imap_session *imap, const struct request *request,
	const struct result *result)
{
	struct buffer *line = &imap->line;
	uint32_t number = 0;
	buffer_add_string(line, "* SEARCH");
	for (; number_set_next(&result->numbers, number, &number); number++) {
		buffer_add_byte(line, ' ');
		buffer_add_number(line, number);
	}
	if (result->numbers.count > 0 && search_has_modseq(request->search))
		buffer_print(line, " (MODSEQ %lu)",
			(unsigned long)result->modseq);
	buffer_add_string(line, "\r\n");
	imap_send_line(imap);
}

/* RFC 5182 2.1: MIN and MAX alone save what they return. */
static void
save(struct imap_session *imap, struct imap_command *command,
	const struct request *request, const struct number_set *uids,
	const struct result *result)
{
	unsigned options = request->options & ~(unsigned)RETURN_SAVE;
	number_set_fini(&imap->saved);
	if (result->numbers.count == 0)
		return;
	if (options != 0 && (options & (RETURN_ALL | RETURN_COUNT)) == 0) {
		if ((options & RETURN_MIN) != 0)
			number_set_add(&imap->saved, result->first.uid,
				result->first.uid);
		if ((options & RETURN_MAX) != 0)
			number_set_add(&imap->saved, result->last.uid,
				result->last.uid);
		return;
	}
	if (uids->count > IMAP_SAVED_LIMIT) {
		imap_no(command, "NOTSAVED", "The result is too large to keep");
		return;
	}
	number_set_intersect(&imap->saved, uids, uids);
}

static void
answer(struct imap_session *imap, struct imap_command *command,
	const struct request *request, const struct number_set *uids)
{
	struct result result = { 0 };
	bool is_extended = request->has_return ||
		(imap->parked.enabled & IMAP_REV2) != 0;
	struct request asked = *request;
	if (!request->has_return)
		asked.options = RETURN_ALL;
	summarise(imap, request, command->is_uid, uids, &result);
	if (is_extended)
		tell_esearch(imap, command, &asked, &result);
	else
		tell_search(imap, &asked, &result);
	if ((asked.options & RETURN_SAVE) != 0)
		save(imap, command, &asked, uids, &result);
	number_set_fini(&result.numbers);
}

void
imap_search(struct imap_session *imap, struct imap_command *command)
{
	struct request request = { 0 };
	struct number_set uids;
	number_set_init(&uids);
	if (parse_request(imap, command, &request) && imap_view(imap, command)) {
		if (search_has_modseq(request.search))
			imap_enable_condstore(imap);
		if (run(imap, command, &request, &uids))
			answer(imap, command, &request, &uids);
	}
	/* RFC 5182 2.1: what was asked to be saved and failed leaves nothing. */
	if ((request.options & RETURN_SAVE) != 0 &&
	    command->status == IMAP_NO)
		number_set_fini(&imap->saved);
	number_set_fini(&uids);
}
