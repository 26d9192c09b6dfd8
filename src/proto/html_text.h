/*
 * HTML mail as plain text, for a terminal: what stands in elements, without
 * scripts, styles and markup, with line ends where a browser begins a new line.
 * It is no parser of HTML: it never fails, takes one pass, and follows no links.
 */
#ifndef PROTO_HTML_TEXT_H
#define PROTO_HTML_TEXT_H

#include "base/buffer.h"

/* Input and output are UTF-8. The address of a link stands in <> behind its
 * text, when it is another. */
void
html_text_add(struct buffer *out, struct span html);

#endif
