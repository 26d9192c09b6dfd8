/*
 * From tag to tag, once, without memory of its own.
 */
#include "web/xml_element.h"

/* The name of a tag without prefix; empty for what is no element. */
static struct span
local_name(struct span tag)
{
	size_t size = 0;
	while (size < tag.size && tag.data[size] != ' ' &&
	    tag.data[size] != '\t' && tag.data[size] != '\r' &&
	    tag.data[size] != '\n' && tag.data[size] != '/')
		size++;
	tag = span_first(tag, size);
	size_t colon = span_find(tag, ':');
	return colon < tag.size ? span_skip(tag, colon + 1) : tag;
}

/* Cuts up to the next tag off *rest: the text before it and what is in it. */
static bool
next_tag(struct span *rest, struct span *text, struct span *tag)
{
	size_t begin = span_find(*rest, '<');
	if (begin == rest->size)
		return false;
	*text = span_first(*rest, begin);
	*rest = span_skip(*rest, begin + 1);
	size_t end = span_find(*rest, '>');
	if (end == rest->size)
		return false;
	*tag = span_first(*rest, end);
	*rest = span_skip(*rest, end + 1);
	return tag->size > 0 && tag->data[0] != '!';
}

bool
xml_element(struct span document, struct span name, struct span *text)
{
	struct span rest = document, before, tag;
	while (next_tag(&rest, &before, &tag)) {
		if (tag.data[0] == '/' || tag.data[0] == '?' ||
		    tag.data[tag.size - 1] == '/' ||
		    !span_equals(local_name(tag), name))
			continue;
		if (!next_tag(&rest, text, &tag) || tag.data[0] != '/' ||
		    !span_equals(local_name(span_skip(tag, 1)), name) ||
		    span_find(*text, '&') < text->size)
			return false;
		*text = span_trim(*text);
		return true;
	}
	return false;
}
