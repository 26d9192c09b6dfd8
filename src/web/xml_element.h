/*
 * The text of one element of a short XML document, for requests of which only
 * that matters. No entity but the five of XML itself, no DTD, no comment, no CDATA:
 * who sends such has nothing to say here.
 */
#ifndef WEB_XML_ELEMENT_H
#define WEB_XML_ELEMENT_H

#include "base/arena.h"
#include "base/span.h"

/*
 * The first element of that local name, whatever its prefix and attributes; only
 * text in it, without blanks around it, references (XML 1.0 4.1) replaced, in the
 * document or the arena. False: none, or the document has what is not read.
 */
bool
xml_element(struct span document, struct span name, struct arena *arena,
	struct span *text);

#endif
