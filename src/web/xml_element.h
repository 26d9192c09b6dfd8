/*
 * The text of one element of a short XML document, for requests of which only
 * that matters. No entity, no DTD, no comment, no CDATA: who sends such has
 * nothing to say here.
 */
#ifndef WEB_XML_ELEMENT_H
#define WEB_XML_ELEMENT_H

#include "base/span.h"

/*
 * The first element of that local name, whatever its prefix and attributes; only
 * text in it, without blanks around it. False: none, or the document has what is
 * not read.
 */
bool
xml_element(struct span document, struct span name, struct span *text);

#endif
