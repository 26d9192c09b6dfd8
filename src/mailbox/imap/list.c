/*
 * LIST with all its options (RFC 9051 6.3.9, RFC 5258, 5819, 6154, 3348), LSUB
 * (RFC 3501 6.3.9) and NAMESPACE (RFC 9051 6.3.10).
 */
#include "mailbox/imap/access.h"
#include "mailbox/imap/commands.h"
#include "mailbox/imap/list_match.h"
#include "mailbox/imap/list_tree.h"
#include "mailbox/imap/status.h"
#include "mailbox/imap/uses.h"
#include "proto/imap_write.h"

enum { PATTERN_LIMIT = 100 };

struct request {
	bool is_extended;		/* some option, or several patterns */
	/* selection options */
	bool selects_subscribed, selects_use, is_recursive, selects_remote;
	/* return options */
	bool shows_subscribed, shows_status;
	unsigned status_items;
	struct span reference;
	struct list_match **match;
	size_t match_count;
	bool is_root;			/* LIST "" "": only the separator */
};

/* ---- arguments ---- */

static bool
parse_selection(struct imap_parse *parse, struct request *request)
{
	if (!imap_parse_skip(parse, "("))
		return true;
	request->is_extended = true;
	if (imap_parse_skip(parse, ")"))
		return imap_parse_space(parse);
	do {
		if (imap_parse_skip(parse, "SUBSCRIBED"))
			request->selects_subscribed = true;
		else if (imap_parse_skip(parse, "SPECIAL-USE"))
			request->selects_use = true;
		else if (imap_parse_skip(parse, "RECURSIVEMATCH"))
			request->is_recursive = true;
		else if (imap_parse_skip(parse, "REMOTE"))
			request->selects_remote = true;
		else
			return imap_parse_fail(parse,
				"Unknown selection option");
	} while (imap_parse_skip(parse, " "));
	/* RFC 9051 6.3.9.1: it needs another one to apply to. */
	if (request->is_recursive && !request->selects_subscribed &&
	    !request->selects_use)
		return imap_parse_fail(parse,
			"RECURSIVEMATCH needs a further selection option");
	return imap_parse_byte(parse, ')') && imap_parse_space(parse);
}

static bool
add_pattern(struct imap_parse *parse, struct request *request)
{
	struct span pattern;
	if (request->match_count == PATTERN_LIMIT)
		return imap_parse_fail(parse, "Too many patterns");
	if (!imap_parse_list_mailbox(parse, &pattern))
		return false;
	if (request->match == NULL)
		request->match = arena_new_array(parse->arena, PATTERN_LIMIT,
			sizeof(*request->match));
	request->is_root = pattern.data != NULL && pattern.size == 0 &&
		request->match_count == 0;
	struct span whole = arena_print(parse->arena, "%.*s%.*s",
		SPAN_PRINT(request->reference), SPAN_PRINT(pattern));
	/* What cannot be a name matches nothing. */
	request->match[request->match_count++] = pattern.data == NULL ||
		request->reference.data == NULL ? NULL :
		list_match_new(parse->arena, whole);
	return true;
}

static bool
parse_patterns(struct imap_parse *parse, struct request *request)
{
	if (!imap_parse_skip(parse, "("))
		return add_pattern(parse, request);
	request->is_extended = true;
	do {
		if (!add_pattern(parse, request))
			return false;
	} while (imap_parse_skip(parse, " "));
	request->is_root = false;
	return imap_parse_byte(parse, ')');
}

static bool
parse_return(struct imap_parse *parse, struct request *request)
{
	if (imap_parse_is_at_end(parse))
		return true;
	if (!imap_parse_space(parse) || !imap_parse_skip(parse, "RETURN"))
		return imap_parse_fail(parse, "RETURN was expected");
	if (!imap_parse_space(parse) || !imap_parse_byte(parse, '('))
		return false;
	request->is_extended = true;
	if (imap_parse_skip(parse, ")"))
		return imap_parse_end(parse);
	do {
		if (imap_parse_skip(parse, "SUBSCRIBED")) {
			request->shows_subscribed = true;
		} else if (imap_parse_skip(parse, "STATUS")) {
			request->shows_status = true;
			if (!imap_parse_space(parse) || !imap_status_parse(
			    parse, &request->status_items))
				return false;
		} else if (!imap_parse_skip(parse, "CHILDREN") &&
		    !imap_parse_skip(parse, "SPECIAL-USE")) {
			/* These two are always shown. */
			return imap_parse_fail(parse, "Unknown return option");
		}
	} while (imap_parse_skip(parse, " "));
	return imap_parse_byte(parse, ')') && imap_parse_end(parse);
}

static bool
parse_reference(struct imap_parse *parse, struct request *request)
{
	struct span string;
	if (!imap_parse_astring(parse, &string) || !imap_parse_space(parse))
		return false;
	request->reference = imap_parse_decode_mailbox(parse, string);
	return true;
}

/* ---- which ---- */

static bool
matches(const struct request *request, const struct list_entry *entry)
{
	for (size_t i = 0; i < request->match_count; i++)
		if (list_match_is_match(request->match[i], entry->name))
			return true;
	return false;
}

/* Does the entry meet the selection options? */
static bool
is_selected(const struct request *request, const struct list_entry *entry)
{
	if (request->selects_subscribed && !entry->is_subscribed)
		return false;
	if (request->selects_use && entry->use == 0)
		return false;
	/* A name without mailbox is listed as the parent of one. */
	return request->selects_subscribed || entry->id != 0 ||
		entry->has_children;
}

/*
 * RFC 9051 6.3.9.6: an entry that has a selected descendant which is not
 * listed itself is listed in its place.
 */
static void
mark_recursive(const struct request *request, struct list_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		struct list_entry *entry = &tree->entry[i];
		if (!is_selected(request, entry) || matches(request, entry))
			continue;
		for (entry = entry->parent; entry != NULL;
		    entry = entry->parent)
			entry->is_marked = true;
	}
}

/* ---- answers ---- */

struct attributes {
	struct buffer *line;
	bool is_first;
};

static void
add_attribute(struct attributes *attributes, const char *name)
{
	if (!attributes->is_first)
		buffer_add_byte(attributes->line, ' ');
	attributes->is_first = false;
	buffer_add_string(attributes->line, name);
}

static void
add_attributes(struct buffer *line, const struct request *request,
	const struct list_entry *entry)
{
	struct attributes attributes = { line, true };
	unsigned uses = entry->use;
	const char *use;
	if (entry->id == 0) {
		/* The one implies the other, which older clients know. */
		add_attribute(&attributes, "\\NonExistent");
		add_attribute(&attributes, "\\Noselect");
	}
	add_attribute(&attributes, entry->has_children ? "\\HasChildren" :
		"\\HasNoChildren");
	if (entry->is_subscribed && (request->shows_subscribed ||
	    request->selects_subscribed))
		add_attribute(&attributes, "\\Subscribed");
	while ((use = imap_use_take(&uses)) != NULL)
		add_attribute(&attributes, use);
}

static void
add_childinfo(struct buffer *line, const struct request *request)
{
	buffer_add_string(line, " (\"CHILDINFO\" (");
	if (request->selects_subscribed)
		buffer_add_string(line, "\"SUBSCRIBED\"");
	if (request->selects_subscribed && request->selects_use)
		buffer_add_byte(line, ' ');
	if (request->selects_use)
		buffer_add_string(line, "\"SPECIAL-USE\"");
	buffer_add_string(line, "))");
}

static void
tell_entry(struct imap_session *imap, const struct request *request,
	const struct list_entry *entry)
{
	struct buffer *line = &imap->line;
	buffer_add_string(line, "* LIST (");
	add_attributes(line, request, entry);
	buffer_add_string(line, ") \"/\" ");
	imap_write_mailbox(line, entry->name, imap_is_utf8(imap));
	if (request->is_recursive && entry->is_marked)
		add_childinfo(line, request);
	buffer_add_string(line, "\r\n");
	imap_send_line(imap);
}

static void
tell_tree(struct imap_session *imap, struct imap_command *command,
	const struct request *request, struct list_tree *tree)
{
	if (request->is_recursive)
		mark_recursive(request, tree);
	/* There is nothing remote, so the option changes nothing. */
	for (size_t i = 0; i < tree->count; i++) {
		const struct list_entry *entry = &tree->entry[i];
		if (!matches(request, entry) ||
		    (!is_selected(request, entry) && !entry->is_marked))
			continue;
		tell_entry(imap, request, entry);
		/* One that is gone by now is left out (RFC 5819 2). */
		if (request->shows_status && entry->id != 0 &&
		    !imap_status_tell(imap, command, entry->name,
		    request->status_items))
			command->status = IMAP_UNANSWERED;
	}
}

static void
tell_separator(struct imap_session *imap, const char *response)
{
	buffer_print(&imap->line, "* %s (\\Noselect) \"/\" \"\"\r\n", response);
	imap_send_line(imap);
}

void
imap_list(struct imap_session *imap, struct imap_command *command)
{
	struct imap_parse *parse = &command->parse;
	struct request request = { 0 };
	struct list_tree tree;
	if (!imap_parse_space(parse) || !parse_selection(parse, &request) ||
	    !parse_reference(parse, &request) ||
	    !parse_patterns(parse, &request) || !parse_return(parse, &request))
		return;
	if (request.is_root && !request.is_extended) {
		tell_separator(imap, "LIST");
	} else if (list_tree_read(imap, command, &tree)) {
		imap_status_enable(imap, request.status_items);
		tell_tree(imap, command, &request, &tree);
	}
}

/* ---- LSUB ---- */

static void
tell_subscription(struct imap_session *imap, const struct list_entry *entry)
{
	buffer_print(&imap->line, "* LSUB (%s) \"/\" ",
		entry->is_subscribed ? "" : "\\Noselect");
	imap_write_mailbox(&imap->line, entry->name, imap_is_utf8(imap));
	buffer_add_string(&imap->line, "\r\n");
	imap_send_line(imap);
}

void
imap_lsub(struct imap_session *imap, struct imap_command *command)
{
	struct imap_parse *parse = &command->parse;
	struct request request = { .selects_subscribed = true };
	struct list_tree tree;
	if (!imap_parse_space(parse) || !parse_reference(parse, &request) ||
	    !add_pattern(parse, &request) || !imap_parse_end(parse))
		return;
	if (request.is_root) {
		tell_separator(imap, "LSUB");
		return;
	}
	if (!list_tree_read(imap, command, &tree))
		return;
	/* RFC 3501 6.3.9: "%" also shows the unsubscribed parents of names
	 * that it does not reach. */
	mark_recursive(&request, &tree);
	for (size_t i = 0; i < tree.count; i++) {
		const struct list_entry *entry = &tree.entry[i];
		if (matches(&request, entry) &&
		    (entry->is_subscribed || entry->is_marked))
			tell_subscription(imap, entry);
	}
}

void
imap_namespace(struct imap_session *imap, struct imap_command *command)
{
	if (imap_parse_end(&command->parse))
		stream_add(&imap->stream,
			SPAN("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"));
}
