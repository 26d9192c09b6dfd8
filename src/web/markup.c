/*
 * Escaping (XML 1.0 2.2 and 2.4; HTML's five references are the same).
 */
#include "web/markup.h"

#include "base/utf8.h"

void
markup_add(struct buffer *out, struct span text)
{
	bool is_text = utf8_is_valid(text);
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c == '&')
			buffer_add_string(out, "&amp;");
		else if (c == '<')
			buffer_add_string(out, "&lt;");
		else if (c == '>')
			buffer_add_string(out, "&gt;");
		else if (c == '"')
			buffer_add_string(out, "&quot;");
		else if (c == '\'')
			buffer_add_string(out, "&#39;");
		else if (c < ' ' || c == 127 || (c > 127 && !is_text))
			buffer_add_byte(out, '?');
		else
			buffer_add_byte(out, (char)c);
	}
}
