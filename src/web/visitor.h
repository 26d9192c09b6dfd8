/*
 * A client of HTTP: its connection, where it stands, and the loop that reads
 * what it asks. A slow client is parked, reading or writing, and owns no thread;
 * each of its steps has an absolute deadline.
 */
#ifndef WEB_VISITOR_H
#define WEB_VISITOR_H

#include "serve/listener.h"
#include "web/web.h"

/* Makes a client of an accepted connection and gives it to the lot. */
void
visitor_accept(struct web *web, bool is_tls_first, struct incoming *incoming);

#endif
